/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One session in the layout of `diagnose sys session list` (reference 6.1), of either family.
 */
#pragma once

#include "cli/command.h"

void session_print(const struct backend_session *s, struct text *out);
