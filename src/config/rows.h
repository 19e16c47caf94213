/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The configuration as plain rows: names resolved to indexes, groups expanded, defaults filled in,
 * every value checked. config/ makes them from the tree; fastpath/compile turns them into the
 * snapshot the packet path reads. Immutable once made; owned by whoever called config_rows_make.
 * Seconds are uint32_t; ROW_NEVER stands for `never`, 0 for "inherit" where the option says so.
 */
#pragma once

#include "base/addr.h"

#include <stdbool.h>
#include <stdint.h>

#define ROW_NEVER UINT32_MAX
#define ROW_NONE  UINT16_MAX /* an index that names nothing */

/* Inclusive on both ends, in host order. */
struct row_range {
    uint32_t first, last;
};

struct row_interface {
    const char *name;   /* `edit` key */
    const char *device; /* DPDK device, "net_af_packet0,iface=veth1" or a PCI address; "" none */
    be32 ip, mask;      /* 0 when unset */
    uint16_t mtu;
    bool up, allow_ping;
    uint8_t mac[6]; /* all zero: the device's own */
};

/* An address or address group: the union of ranges, host order, sorted, not overlapping. */
struct row_address {
    const char *name;
    uint32_t n_ranges;
    const struct row_range *ranges;
};

struct row_service_match {
    uint8_t proto;      /* 0 any protocol (ALL) */
    bool any_icmp_type; /* ICMP: every type; else type, code */
    bool any_icmp_code;
    uint8_t icmp_type, icmp_code;
    uint16_t dport_first, dport_last; /* 0-65535 where the protocol has no ports */
    uint16_t sport_first, sport_last;
};

/* A service object; groups are expanded where policies name them. Timers: 0 inherits. */
struct row_service {
    const char *name;
    uint32_t n_matches;
    const struct row_service_match *matches;
    uint32_t session_ttl_s, udp_idle_s;
    uint32_t tcp_halfopen_s, tcp_halfclose_s, tcp_timewait_s, tcp_rst_s;
    bool no_helper; /* set helper disable */
};

struct row_policy {
    uint32_t id;
    const char *name;
    bool enabled, accept, nat, fixedport, port_preserve;
    bool src_negate, dst_negate, service_negate;
    bool any_srcintf, any_dstintf;
    uint16_t n_srcintf, n_dstintf, n_srcaddr, n_dstaddr, n_services;
    const uint16_t *srcintf, *dstintf; /* indexes into interfaces */
    const uint16_t *srcaddr, *dstaddr; /* indexes into addresses */
    const uint16_t *services;          /* indexes into services, groups expanded, table order */
    uint16_t voip_profile;             /* index into voip_profiles or ROW_NONE */
    uint32_t session_ttl_s;            /* 0 inherits, ROW_NEVER */
};

enum row_refresh {
    ROW_REFRESH_BOTH,
    ROW_REFRESH_OUTGOING,
    ROW_REFRESH_INCOMING
};

/* A row of `config system session-ttl` / `config port`. */
struct row_port_ttl {
    uint16_t id;
    uint8_t proto; /* 0 every protocol */
    uint16_t port_first, port_last;
    uint32_t timeout_s; /* or ROW_NEVER */
    enum row_refresh refresh;
};

struct row_voip_profile {
    const char *name;
    bool sip_status, rtp, nat_trace, preserve_override, no_sdp_fixup;
    bool open_register_pinhole, open_contact_pinhole, strict_register;
    uint16_t nat_port_first, nat_port_last;
    uint32_t max_dialogs, max_idle_dialogs; /* 0 no limit */
    uint32_t call_keepalive_s;              /* 0 off */
    uint32_t provisional_invite_expiry_s;
};

struct row_route {
    uint32_t seq;
    be32 dst;
    uint8_t len;     /* prefix length */
    be32 gateway;    /* 0: on link */
    uint16_t device; /* index into interfaces */
    uint8_t distance;
    uint16_t priority;
    bool blackhole;
};

struct row_global {
    const char *hostname;
    uint32_t udp_idle_s, tcp_halfopen_s, tcp_halfclose_s, tcp_timewait_s, tcp_rst_s;
    uint32_t ttl_default_s; /* config system session-ttl / set default; or ROW_NEVER */
    bool voip_alg_proxy;    /* default-voip-alg-mode proxy-based */
    uint8_t n_sip_udp_ports;
    uint16_t sip_udp_ports[8];
};

/* `config dpdk global`, `config dpdk cpus`: read once at start. */
struct row_dpdk {
    bool hugepages;
    uint32_t memory_mib; /* EAL memory (-m) */
    uint32_t sessions;   /* capacity of the session table */
    uint32_t mappings;   /* capacity of the mapping table */
    uint32_t mbufs;      /* packet buffers */
    uint32_t dialogs;    /* calls and registrations the ALG holds */
    bool sleep_on_idle;
    uint16_t n_worker_cpus;
    uint16_t worker_cpus[64];
    uint16_t alg_cpu, control_cpu;
};

struct config_rows {
    struct row_global global;
    struct row_dpdk dpdk;
    uint16_t n_interfaces, n_addresses, n_services, n_port_ttls, n_voip_profiles;
    uint32_t n_policies, n_routes;
    const struct row_interface *interfaces;
    const struct row_address *addresses;
    const struct row_service *services;
    const struct row_policy *policies;            /* in matching order, disabled ones left out */
    const struct row_port_ttl *port_ttls;         /* by id */
    const struct row_voip_profile *voip_profiles; /* [0] is always `default` */
    const struct row_route *routes;
};

struct config_tree;
struct text;

/*
 * Rows of a whole, checked tree. Returns them, or NULL with the path, the value and the FortiOS
 * error in `error` when something refers to nothing or contradicts something else.
 */
struct config_rows *config_rows_make(const struct config_tree *tree, struct text *error);
void config_rows_free(struct config_rows *rows);
