/* SPDX-License-Identifier: BSD-3-Clause */
#include "vips.h"

#include "rig.h"

static bool forwards(const struct vip_row *row)
{
    return row->mapped_port != 0;
}

static enum alg_name outer(const void *ctx, const struct alg_packet *packet, uint8_t proto,
                           const struct ip_port *inside, struct ip_port *out)
{
    const struct vips *v = ctx;
    (void)packet;
    for (size_t i = 0; i < v->n; i++) {
        const struct vip_row *row = &v->rows[i];
        struct ip_port mapped = rig_ip_port(row->mapped, row->mapped_port);
        if (!ip_addr_eq(&mapped.ip, &inside->ip) ||
            (forwards(row) && (proto != 17 || mapped.port != inside->port)))
            continue;
        *out = rig_ip_port(row->ext, forwards(row) ? row->ext_port : be16_host(inside->port));
        return forwards(row) ? ALG_NAME_PORT : ALG_NAME_HOST;
    }
    return ALG_NAME_NONE;
}

static bool inner(const void *ctx, const struct alg_packet *packet, uint8_t proto,
                  const struct ip_port *outer, struct ip_port *inside)
{
    const struct vips *v = ctx;
    (void)packet;
    for (size_t i = 0; i < v->n; i++) {
        const struct vip_row *row = &v->rows[i];
        struct ip_port ext = rig_ip_port(row->ext, row->ext_port);
        if (!ip_addr_eq(&ext.ip, &outer->ip) ||
            (forwards(row) && (proto != 17 || ext.port != outer->port)))
            continue;
        *inside =
            rig_ip_port(row->mapped, forwards(row) ? row->mapped_port : be16_host(outer->port));
        return true;
    }
    return false;
}

static bool speaks_for(const void *ctx, const struct alg_packet *packet, const struct ip_addr *host)
{
    const struct vips *v = ctx;
    (void)packet;
    for (size_t i = 0; i < v->n; i++) {
        struct ip_port mapped = rig_ip_port(v->rows[i].mapped, 0);
        if (v->rows[i].spoken_for && ip_addr_eq(&mapped.ip, host))
            return true;
    }
    return false;
}

void vips_init(struct vips *v, const struct vip_row *rows, size_t n)
{
    *v = (struct vips){.rows = rows, .n = n};
    v->names =
        (struct alg_names){.ctx = v, .outer = outer, .inner = inner, .speaks_for = speaks_for};
}
