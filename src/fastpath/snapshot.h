/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Everything the packet path knows of the configuration: an immutable value that control publishes
 * with one atomic store. Workers and the ALG load the pointer once per burst; the old one is freed
 * after a grace period. Sessions keep ids and the generation, never a pointer into it.
 */
#pragma once

#include "alg/alg.h"
#include "base/addr.h"
#include "fastpath/route.h"
#include "sessions/nat.h"
#include "sessions/timeouts.h"

struct nat_rules;
struct routes;
struct matcher;

/* Interfaces are numbered from 1 in configuration order; 0 names none. The number is also the zone
 * of an interface outside any zone. */
#define MAX_INTERFACES 64

struct interface {
    char name[16];
    be32 ip, mask;
    uint8_t mac[6];
    uint16_t mtu; /* of IP packets */
    uint16_t zone;
    uint16_t tcp_mss; /* what passes has no larger segments; 0: as it likes */
    bool up, allow_ping, src_check;
    bool drop_fragment;
    bool external;       /* what comes from there is the outside's, to the ALG */
    uint8_t depth;       /* 0 outside, 2 inside, 1 unknown: by role, source NAT, default route */
    struct nat_want nat; /* source NAT to its own address; ip 0 when it has none */
};

/* Segments that may begin a session besides SYN. */
enum tcp_midway {
    TCP_MIDWAY_NONE,
    TCP_MIDWAY_DATA, /* with data */
    TCP_MIDWAY_ALL
};

/* Addresses an interface answers ARP for besides its own: VIPs, pools. Host order, inclusive. */
struct own_range {
    uint32_t first, last;
    uint32_t ifindex;
};

/* Apart, so that what every packet reads of an interface stays in few lines. */
struct interface6 {
    struct ip_addr ip;         /* zero: none */
    struct ip_addr anycast;    /* of routers, in its prefix; zero: none */
    struct ip_addr link_local; /* made of its MAC; zero: it speaks no IPv6 */
    uint8_t len;               /* of the prefix */
    bool allow_ping;
};

struct service_match {
    uint8_t proto; /* 0 any */
    bool any_icmp_type, any_icmp_code;
    uint8_t icmp_type, icmp_code;
    uint16_t dport_first, dport_last, sport_first, sport_last;
};

/* Who reads the SIP of a flow. A session keeps the engine it began with. */
enum sip_engine {
    SIP_ENGINE_NONE,
    SIP_ENGINE_ALG,   /* with the profile of the policy */
    SIP_ENGINE_HELPER /* the session helper: the ALG with a profile of its own, on ports of its own
                       */
};

/* A service object: one way a policy's service field can be satisfied. */
struct policy_service {
    uint32_t n_matches;
    const struct service_match *matches;
    uint16_t timer_class; /* of the service object, for timer_set_ids */
    uint16_t service;     /* its number, for listings */
    uint16_t traits;      /* enum session_trait, of its sessions */
    bool no_sip;          /* `helper disable`: what it carries is not read ... */
    bool helper_sip;      /* `helper sip`: ... or by the session helper, whatever the port */
};

/* What is done with a flow once its rule is found; which rule that is, the matcher knows. */
struct policy {
    uint32_t id;
    uint32_t slot; /* of its counters (verdicts.h), given when the snapshot is published */
    bool log;      /* logtraffic all */
    bool log_utm;  /* logtraffic all or utm, and the log takes VoIP */
    bool accept, nat, preserve, fixed;
    bool service_negate;
    uint16_t n_services;
    const uint16_t *services; /* numbers of snapshot.services */
    enum sip_engine engine;   /* of its SIP */
    uint16_t profile;         /* of the ALG, one of profiles */
    uint16_t timer_class;     /* for timer_set_ids */
    /* TCP of this policy: compile_tcp.h. */
    uint16_t traits;        /* enum session_trait, of its sessions */
    uint16_t mss[2];        /* what each direction may offer; 0: as it likes */
    enum tcp_midway midway; /* may a connection begin without SYN? */
    bool send_deny;         /* whom it denies gets an answer */
};

struct snapshot {
    uint32_t generation; /* moves when a commit may change the fate of a session */
    uint64_t digest;     /* of what decides that */
    uint32_t fragment_timeout_ms;
    uint16_t n_interfaces;
    struct interface interfaces[MAX_INTERFACES]; /* by number, [0] unused */
    struct interface6 interfaces6[MAX_INTERFACES];
    uint32_t n_policies;
    const struct policy *policies; /* matching order */
    bool log_implicit[2];          /* what no policy admits: IPv4, IPv6 */
    const struct matcher *matcher; /* over them */
    const uint32_t *policy_slots;  /* by policy_id_hash: 0 free, else place in policies + 1 */
    uint32_t policy_slot_mask;
    const struct policy_service *services;
    uint16_t n_profiles;
    /* [0] is `default`; [n_profiles] stands behind them: that of the session helper */
    const struct voip_profile *profiles;
    uint16_t n_port_timers;
    const struct timeout_port *port_timers; /* session-ttl `config port` */
    /* [service class][policy class][port row + 1] -> id of an interned timer set */
    uint16_t n_service_classes, n_policy_classes;
    const uint16_t *timer_set_ids;
    uint8_t n_sip_ports, n_sip_tcp_ports;
    be16 sip_ports[8];               /* of UDP */
    be16 sip_tcp_ports[2];           /* of TCP */
    const uint64_t *helper_ports[2]; /* of the session helper, UDP and TCP: a bit each; NULL none */
    bool helper_expects;             /* sip-expectation */
    const struct nat_rules *nat;
    const struct routes *routes; /* shared with other snapshots */
    enum route_choice route_choice;
    bool asymroute, strict_src_check, snat_route_change;
    uint64_t links_down;     /* bit i: interface i has no link */
    bool deny_tcp_with_icmp; /* policy.send_deny: not with RST */
    bool reset_sessionless;  /* TCP that has no session is answered with RST */
    uint32_t n_own_ranges;
    const struct own_range *own_ranges; /* by interface, then address; none overlap */
    char hostname[64];
    void *arena; /* what all pointers above point into */
};

/* What a policy lookup found. */
struct policy_hit {
    const struct policy *policy;
    const struct policy_service *service; /* NULL with service-negate */
};

/*
 * What a flow looks like to the rule book: after destination NAT, before source NAT. ICMP and
 * ICMPv6: type << 8 | code in dport.
 */
struct flow {
    uint16_t in_ifindex, out_ifindex;
    struct ip_addr src, dst;
    uint16_t sport, dport; /* host order */
    uint8_t proto;
    uint16_t vip; /* the VIP that changed the destination: its row + 1; 0: none did */
};

/* First matching policy in table order; false: implicit deny. */
bool policy_find(const struct snapshot *s, const struct flow *flow, struct policy_hit *hit);

/* The timer set of a flow that `hit` admitted. */
uint16_t snapshot_timer_set(const struct snapshot *s, const struct policy_hit *hit, uint8_t proto,
                            uint16_t dport);

static inline uint32_t policy_id_hash(uint32_t id)
{
    return (id * 0x9e3779b1u) >> 8;
}

/* The policy with this id, or NULL. A line or two of memory. */
const struct policy *policy_by_id(const struct snapshot *s, uint32_t id);

/* Is `ip` an address of the firewall? Its interface number, or 0. */
uint16_t snapshot_local(const struct snapshot *s, be32 ip);

/* Is it one of an interface, a VIP or a pool? */
bool snapshot_owns(const struct snapshot *s, be32 ip);

/*
 * Is what arrived on `ifindex` for `ip` for the firewall itself? The interface that has the
 * address, or 0. A link-local address counts where it arrives only; the anycast address of routers
 * in a prefix of ours (RFC 4291 2.6.1) is ours, too.
 */
uint16_t snapshot_local6(const struct snapshot *s, const struct ip_addr *ip, uint16_t ifindex);

static inline bool snapshot_sip_tcp_port(const struct snapshot *s, be16 port)
{
    for (int i = 0; i < s->n_sip_tcp_ports; i++)
        if (s->sip_tcp_ports[i] == port)
            return true;
    return false;
}

/* From outside to inside. */
static inline bool snapshot_comes_in(const struct snapshot *s, uint16_t from, uint16_t to)
{
    return s->interfaces[from].depth < s->interfaces[to].depth;
}

static inline bool snapshot_sip_port(const struct snapshot *s, be16 port)
{
    for (int i = 0; i < s->n_sip_ports; i++)
        if (s->sip_ports[i] == port)
            return true;
    return false;
}

/* Does the session helper look there? `tcp`, else UDP. */
static inline bool snapshot_helper_port(const struct snapshot *s, bool tcp, be16 port)
{
    const uint64_t *ports = s->helper_ports[tcp];
    uint16_t at = be16_host(port);
    return ports && ports[at / 64] >> at % 64 & 1;
}

static inline const struct voip_profile *snapshot_helper_profile(const struct snapshot *s)
{
    return &s->profiles[s->n_profiles];
}
