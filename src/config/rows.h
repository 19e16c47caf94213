/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The configuration as plain rows: names resolved to indexes, groups expanded, defaults filled in,
 * every value checked. config/ makes them from the tree; fastpath/compile turns them into the
 * snapshot the packet path reads. Immutable once made; owned by whoever called config_rows_make.
 * Seconds are uint32_t; ROW_NEVER stands for `never`, 0 for "inherit" where the option says so.
 */
#pragma once

#include "base/addr.h"
#include "base/voip.h"

#include <stdbool.h>
#include <stdint.h>

#define ROW_NEVER UINT32_MAX
#define ROW_NONE  UINT16_MAX /* an index that names nothing */

/* Inclusive on both ends, in host order. */
struct row_range {
    uint32_t first, last;
};

/* The same for IPv6, in network byte order. */
struct row_range6 {
    struct ip_addr first, last;
};

/* `role`: on which side of the firewall an interface is. */
enum row_role {
    ROW_ROLE_NONE,
    ROW_ROLE_INSIDE, /* lan, dmz */
    ROW_ROLE_OUTSIDE /* wan */
};

struct row_interface {
    const char *name;   /* `edit` key */
    const char *device; /* DPDK device, "net_af_packet0,iface=veth1" or a PCI address; "" none */
    be32 ip, mask;      /* 0 when unset */
    struct ip_addr ip6; /* `config ipv6` / `set ip6-address`; zero when unset */
    uint8_t ip6_len;    /* prefix length */
    uint16_t zone;      /* number of the first interface of its zone; its own outside any zone */
    uint16_t mtu;
    uint16_t tcp_mss; /* 0: not clamped */
    bool up, allow_ping, allow_ping6;
    bool src_check; /* reverse path check */
    bool drop_fragment;
    bool external;
    enum row_role role;
    uint8_t mac[6]; /* all zero: the device's own */
};

/* An address or address group: the union of ranges, host order, sorted, not overlapping. */
struct row_address {
    const char *name;
    uint32_t n_ranges;
    const struct row_range *ranges;
};

/* `firewall address6`, `addrgrp6`: the union of ranges, sorted, not overlapping. */
struct row_address6 {
    const char *name;
    uint32_t n_ranges;
    const struct row_range6 *ranges;
};

/* `firewall vip`, type static-nat. External and mapped side have the same number of addresses, and
 * with port forwarding the same number of ports. Host order. */
struct row_vip {
    const char *name;
    uint32_t ext_first, ext_last, mapped_first, mapped_last;
    uint16_t extintf; /* index into interfaces, ROW_NONE: any */
    bool portforward, arp_reply, nat_source_vip;
    uint8_t proto; /* with portforward: 6, 17, 132, or 1 (ICMP) */
    uint16_t ext_port_first, ext_port_last, mapped_port_first, mapped_port_last;
    uint32_t n_src_filter; /* 0: every source */
    const struct row_range *src_filter;
    uint16_t n_srcintf_filter; /* 0: every interface */
    const uint16_t *srcintf_filter;
};

enum row_pool_type {
    ROW_POOL_OVERLOAD,
    ROW_POOL_ONE_TO_ONE,
    ROW_POOL_FIXED_PORT_RANGE,
    ROW_POOL_PORT_BLOCK,
};

/* `firewall ippool`. Host order. */
struct row_pool {
    const char *name;
    enum row_pool_type type;
    uint32_t first, last;
    uint16_t port_first, port_last;
    uint32_t source_first, source_last; /* fixed-port-range */
    uint16_t port_per_user;             /* fixed-port-range; 0: computed from the ranges */
    uint16_t block_size, blocks_per_user;
    uint32_t pba_timeout_s;
    bool permit_any_host, arp_reply;
    uint16_t arp_intf; /* index into interfaces, ROW_NONE: whichever has the subnet */
};

struct row_service_match {
    uint8_t proto;      /* 0 any protocol (ALL) */
    bool any_icmp_type; /* ICMP and ICMPv6: every type; else type, code */
    bool any_icmp_code;
    uint8_t icmp_type, icmp_code;
    uint16_t dport_first, dport_last; /* 0-65535 where the protocol has no ports */
    uint16_t sport_first, sport_last;
};

/* check-reset-range: how resets and quoted segments are held against the windows of TCP. */
enum row_reset_check {
    ROW_RESET_DEFAULT, /* as anti-replay says */
    ROW_RESET_STRICT,
    ROW_RESET_OFF
};

/* `helper` of a service: who reads what it carries. */
enum row_helper {
    ROW_HELPER_AUTO, /* whoever looks at the port */
    ROW_HELPER_OFF,
    ROW_HELPER_SIP, /* the session helper, whatever the port */
};

/* A service object; groups are expanded where policies name them. Timers: 0 inherits. */
struct row_service {
    const char *name;
    uint32_t n_matches;
    const struct row_service_match *matches;
    uint32_t session_ttl_s, udp_idle_s;
    uint32_t tcp_halfopen_s, tcp_halfclose_s, tcp_timewait_s, tcp_rst_s;
    enum row_helper helper;
    enum row_reset_check reset_check;
};

enum row_without_syn {
    ROW_SYN_NEEDED,
    ROW_SYN_OR_DATA, /* data-only */
    ROW_SYN_NOT_NEEDED,
};

enum row_log {
    ROW_LOG_UTM,
    ROW_LOG_ALL,
    ROW_LOG_NONE
};

struct row_policy {
    uint32_t id;
    const char *name;
    bool enabled, accept, nat, fixedport, port_preserve;
    bool src_negate, dst_negate, service_negate;
    bool any_srcintf, any_dstintf;
    uint16_t n_srcintf, n_dstintf, n_srcaddr, n_dstaddr, n_services;
    uint16_t n_srcaddr6, n_dstaddr6; /* a rule without addresses of a family matches none of it */
    const uint16_t *srcaddr6, *dstaddr6; /* indexes into addresses6 */
    uint16_t n_vips;
    const uint16_t *vips;  /* indexes into vips: what dstaddr names, vipgrps expanded */
    uint16_t n_pools;      /* 0 unless `ippool enable` */
    const uint16_t *pools; /* indexes into pools */
    bool match_vip;        /* rules without VIPs see what a VIP has changed too */
    bool port_random, permit_any_host;
    bool anti_replay;
    enum row_without_syn without_syn;  /* of the policy, or enabled for all in system settings */
    uint16_t mss_sender, mss_receiver; /* 0: not clamped */
    bool check_new;                    /* firewall-session-dirty, settings considered */
    bool send_deny_packet;
    enum row_log log; /* logtraffic */
    bool log_start;
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
    bool open_via_pinhole, open_record_route_pinhole;
    bool log_violations, log_call_summary;
    bool contact_fixup, register_contact_trace, hosted_nat_traversal, hnt_restrict_source_ip;
    uint16_t nat_port_first, nat_port_last;
    uint32_t max_dialogs, max_idle_dialogs; /* 0 no limit */
    uint32_t call_keepalive_s;              /* 0 off */
    uint32_t provisional_invite_expiry_s;
    struct voip_rules rules;
};

/* Where the SIP session helper looks: an entry `sip` of `config system session-helper`. */
struct row_helper_port {
    uint8_t proto; /* 6 or 17 */
    uint16_t port;
};

/* What stands for the name of a profile where the session helper is at work; no profile can have
 * it. */
#define ROW_HELPER_NAME "(session helper)"

struct row_route {
    uint32_t seq;
    be32 dst;
    uint8_t len;     /* prefix length */
    be32 gateway;    /* 0: on link */
    uint16_t device; /* index into interfaces */
    uint8_t distance;
    uint16_t priority, weight;
    bool blackhole;
};

/* `router static6` */
struct row_route6 {
    uint32_t seq;
    struct ip_addr dst;
    uint8_t len;
    struct ip_addr gateway; /* zero: on link */
    uint16_t device;
    uint8_t distance;
    uint16_t priority;
    bool blackhole;
};

#define ROW_NEIGHBOURS_MAX 1024

/* `system arp-table`, `system ipv6-neighbor-cache`: next hops whose MAC nobody is asked for. */
struct row_neighbour {
    struct ip_addr ip;
    uint8_t mac[6];
    uint16_t device; /* index into interfaces */
};

enum row_anti_replay {
    ROW_REPLAY_STRICT,
    ROW_REPLAY_LOOSE,
    ROW_REPLAY_OFF
};

enum row_ecmp {
    ROW_ECMP_SOURCE,
    ROW_ECMP_SOURCE_DEST,
    ROW_ECMP_WEIGHT
};

struct row_global {
    const char *hostname;
    uint32_t udp_idle_s, tcp_halfopen_s, tcp_halfclose_s, tcp_timewait_s, tcp_rst_s;
    uint32_t ttl_default_s; /* config system session-ttl / set default; or ROW_NEVER */
    bool voip_alg_proxy;    /* default-voip-alg-mode proxy-based */
    uint8_t n_sip_udp_ports;
    uint16_t sip_udp_ports[8];
    uint8_t n_sip_tcp_ports;
    uint16_t sip_tcp_ports[2];
    bool sip_expectation; /* the session helper lets anyone reach port 5060 of a phone */
    enum row_anti_replay anti_replay;
    uint32_t fragment_timeout_s; /* ip-fragment-timeout */
    bool asymroute;              /* no reverse path check, TCP midway */
    bool strict_src_check;       /* the way back must be the way it came, not just any */
    bool block_land_attack;      /* drop packets with equal source and destination */
    bool deny_tcp_with_icmp;     /* what send-deny-packet answers TCP with, instead of RST */
    bool reset_sessionless_tcp;  /* answer TCP that has no session with RST */
    bool snat_hairpin;           /* snat-hairpin-traffic */
    bool log_implicit_deny;      /* config log setting / fwpolicy-implicit-log */
    bool log_implicit_deny6;
    bool log_forward, log_voip; /* config log syslogd filter */
    enum row_ecmp ecmp;
    bool snat_route_change; /* sessions with source NAT follow the routes */
};

/* `config dpdk global`, `config dpdk cpus`: read once at start. */
struct row_dpdk {
    bool hugepages;
    uint32_t memory_mib;                      /* EAL memory (-m) */
    uint32_t sessions;                        /* capacity of the session table */
    uint32_t mappings;                        /* capacity of the mapping table */
    uint32_t mbufs;                           /* packet buffers */
    uint32_t dialogs;                         /* calls and registrations the ALG holds */
    uint32_t sip_streams, sip_stream_buffers; /* TCP connections, and buffers for their bytes */
    bool sleep_on_idle;
    uint16_t n_worker_cpus;
    uint16_t worker_cpus[64];
    uint16_t alg_cpu, control_cpu;
};

struct config_rows {
    struct row_global global;
    struct row_dpdk dpdk;
    uint16_t n_interfaces, n_addresses, n_addresses6, n_services, n_port_ttls, n_voip_profiles;
    uint16_t n_vips, n_pools;
    uint32_t n_policies, n_routes, n_routes6, n_neighbours;
    const struct row_interface *interfaces;
    const struct row_address *addresses;
    const struct row_service *services;
    /* In matching order, disabled ones left out. Behind them, with id 0, one for each zone whose
     * members may reach each other. */
    const struct row_policy *policies;
    const struct row_port_ttl *port_ttls;         /* by id */
    const struct row_voip_profile *voip_profiles; /* [0] is always `default` */
    uint32_t n_helper_ports;                      /* 0: there is no SIP session helper */
    const struct row_helper_port *helper_ports;
    struct row_voip_profile helper_profile; /* what it does, in the words of a profile */
    const struct row_route *routes;
    const struct row_route6 *routes6;
    const struct row_neighbour *neighbours;
    const struct row_address6 *addresses6;
    const struct row_vip *vips; /* disabled ones left out */
    const struct row_pool *pools;
};

struct config_tree;
struct text;

/*
 * Rows of a whole, checked tree. Returns them, or NULL with the path, the value and the FortiOS
 * error in `error` when something refers to nothing or contradicts something else.
 */
struct config_rows *config_rows_make(const struct config_tree *tree, struct text *error);
void config_rows_free(struct config_rows *rows);

/* The largest MTU of the interfaces, 0 without any. */
static inline uint16_t config_rows_mtu(const struct config_rows *rows)
{
    uint16_t mtu = 0;
    for (uint16_t i = 0; i < rows->n_interfaces; i++)
        mtu = rows->interfaces[i].mtu > mtu ? rows->interfaces[i].mtu : mtu;
    return mtu;
}
