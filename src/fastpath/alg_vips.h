/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The virtual IPs of a snapshot as the ALG asks for them (alg/alg_names.h). Immutable; ALG thread.
 */
#pragma once

#include "alg/alg_names.h"
#include "fastpath/snapshot.h"

/* Valid as long as the snapshot. */
struct alg_names alg_vips(const struct snapshot *s);
