/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Virtual IPs: which destination of a first packet stands for which host inside, and by which
 * address such a host is known outside. Immutable once made, part of a snapshot; read by workers,
 * the ALG and control. A lookup costs a hash probe where the address belongs to no VIP, and
 * little more with thousands of them.
 */
#pragma once

#include "config/rows.h"

struct vip {
    uint16_t number;  /* its row + 1, as the rule book names it */
    uint16_t ifindex; /* where its outside is; 0: anywhere */
    uint32_t ext_first, ext_last, mapped_first, mapped_last; /* host order, inclusive */
    bool portforward, nat_source, arp_reply;
    uint8_t proto; /* with portforward; ICMP has no ports */
    uint16_t ext_port_first, ext_port_last, mapped_port_first;
    uint64_t from; /* bit i: for packets that arrive on interface i */
    uint32_t n_sources;
    const struct row_range *sources; /* n 0: everybody */
};

struct vips;

/* Copies all it needs of `rows`. NULL: no memory. */
struct vips *vips_create(const struct row_vip *rows, uint16_t n);
void vips_destroy(struct vips *v);

uint16_t vips_count(const struct vips *v);
const struct vip *vips_at(const struct vips *v, uint16_t i);

/* Is `ip` an outside address of a VIP? */
bool vips_has(const struct vips *v, be32 ip);

/* What VIPs look at in a first packet. */
struct vip_flow {
    be32 src, dst;
    be16 dport;
    uint8_t proto;
    uint16_t ifindex; /* where it arrived */
    uint16_t home;    /* the interface that leads to dst: also from elsewhere a VIP there is met */
};

/*
 * The VIP that changes this destination, or NULL. Of several the one whose interface it arrived on
 * goes before one met from elsewhere, port forwarding before all ports, then the order of the
 * table.
 */
const struct vip *vip_find(const struct vips *v, const struct vip_flow *flow);

/* Does a VIP forward this port, for whomever? Then it is nobody else's. */
bool vips_forward(const struct vips *v, uint8_t proto, be32 ip, be16 port);

/* Does a VIP lead from this outside endpoint to this inside one, for whomever? */
bool vips_lead(const struct vips *v, uint8_t proto, struct endpoint outer, struct endpoint inside);

/* A host that outside is known by a VIP. */
struct vip_host {
    struct endpoint inside;
    be32 ext;         /* outside address it must be known by; 0: any */
    uint16_t ifindex; /* the way out */
    uint8_t proto;    /* TCP, UDP or SCTP */
};

/*
 * The VIP by which the outside reaches an inside endpoint, whoever may use it, and the endpoint it
 * stands for there. One that forwards the port goes before one of all ports, then the order of the
 * table. NULL: none.
 */
const struct vip *vip_name(const struct vips *v, const struct vip_host *host, struct endpoint *out);

/* Where it leads. */
struct endpoint vip_mapped(const struct vip *vip, be32 dst, be16 dport);

/*
 * The VIP that gives a mapped host its source address for a flow out of `ifindex` to `peer`: one
 * that always does (nat-source-vip), else one without port forwarding. NULL: none.
 */
const struct vip *vip_find_source(const struct vips *v, be32 host, be32 peer, uint16_t ifindex);

/* The outside address of a mapped host. */
be32 vip_external(const struct vip *vip, be32 host);
