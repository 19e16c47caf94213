/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The IPv6 part of a snapshot. Control thread, for compile.c.
 */
#pragma once

#include "fastpath/snapshot.h"

struct config_rows;

/* Addresses of the interfaces, whose MACs stand in `s` already. */
void compile_interfaces6(const struct config_rows *rows, struct snapshot *s);

/* `d` and what decides about the IPv6 sessions that exist. */
uint64_t compile_digest6(const struct snapshot *s, uint64_t d);
