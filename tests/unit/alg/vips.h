/* SPDX-License-Identifier: BSD-3-Clause */
/* Virtual IPs as an array: what stands outside for inside hosts, for tests of the gateway. */
#pragma once

#include "alg/alg_names.h"

struct vip_row {
    const char *ext, *mapped;
    uint16_t ext_port, mapped_port; /* UDP; 0: the whole host */
    bool spoken_for;                /* whoever has a virtual IP may describe its media */
};

struct vips {
    struct alg_names names;
    const struct vip_row *rows;
    size_t n;
};

/* `v` must stay where it is. */
void vips_init(struct vips *v, const struct vip_row *rows, size_t n);
