/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An ALG on real session and mapping tables, with phones on the inside. Each phone has the mapping
 * that its signalling flow opened; what control does with closed mappings, rig_reap does at once.
 */
#pragma once

#include "alg/alg.h"
#include "base/text.h"

#define RIG_ROOM 16384

struct rig_phone {
    struct endpoint inside, public_side;
    struct ip_port inside6; /* of an IPv6 phone, instead; port 0: it is not one */
    struct handle mapping;
};

struct rig {
    struct sessions sessions;
    struct mappings mappings;
    struct session_thread thread;
    struct alg *alg;
    struct voip_profile profile;
    struct endpoint outside;
    struct ip_port outside6; /* for IPv6 phones */
    be32 public_ip;          /* 0: no translation */
    uint64_t now_ms;
    uint32_t policy_id;
    bool log;      /* the policy wants utm logs */
    bool by_vip;   /* a virtual IP is the public side of the phones: they need no mapping */
    bool external; /* messages come in by an interface that is marked so */
    const struct alg_names *names; /* virtual IPs; NULL none */
    uint32_t flows[16];            /* mappings that a phone's flow keeps */
    unsigned n_flows;
    struct text events; /* one line each: name and details */

    /* What the last message became. */
    enum alg_verdict verdict;
    enum alg_reason reason;
    char out[RIG_ROOM + 1];
    size_t out_n;
};

struct endpoint rig_endpoint(const char *ip, uint16_t port);
/* Of either family. */
struct ip_port rig_ip_port(const char *ip, uint16_t port);

/* Public address 203.0.113.9, server 198.51.100.44:5060 and [2001:db8:9::44]:5060, time 1000 s,
 * FortiOS defaults. */
void rig_init(struct rig *r, uint32_t mappings, uint32_t dialogs);
void rig_free(struct rig *r);

/* A phone whose signalling flow has the mapping to `public_port` (0: its own port if free). */
struct rig_phone rig_phone(struct rig *r, const char *ip, uint16_t port, uint16_t public_port);

/* A host that a virtual IP stands for, with its port; sets r->by_vip. */
struct rig_phone rig_server(struct rig *r, const char *ip, const char *ext, uint16_t port);

/* An IPv6 phone. */
struct rig_phone rig_phone6(struct rig *r, const char *ip, uint16_t port);

/* Hand a message to the ALG; r->out is what leaves (the message itself when it passes). */
enum alg_verdict rig_send(struct rig *r, const struct rig_phone *phone, bool outward,
                          struct slice message);

static inline const char *rig_out(struct rig *r, const struct rig_phone *phone, const char *text)
{
    rig_send(r, phone, true, slice_str(text));
    return r->verdict == ALG_DROP ? "" : r->out;
}

static inline const char *rig_in(struct rig *r, const struct rig_phone *phone, const char *text)
{
    rig_send(r, phone, false, slice_str(text));
    return r->verdict == ALG_DROP ? "" : r->out;
}

/* Let time pass, running timers at their ticks; closed mappings go. */
void rig_wait(struct rig *r, uint64_t ms);

/*
 * What control does: a signalling mapping that nobody owns and no flow keeps closes, closed ones
 * are freed. Returns how many mappings are live.
 */
unsigned rig_reap(struct rig *r);

/* The mapping of an inside endpoint, or NULL. */
struct mapping *rig_mapping(struct rig *r, const char *ip, uint16_t port);

/* Its owners; 0 when there is no mapping. */
unsigned rig_owners(struct rig *r, const char *ip, uint16_t port);

/* As if a packet of the mapping had just come by. */
void rig_media(struct rig *r, const char *ip, uint16_t port);

/* How many events of this name there were, and forget them all. */
unsigned rig_events(struct rig *r, const char *name);
void rig_events_forget(struct rig *r);

struct alg_stats rig_stats(struct rig *r);

/* Records (calls, registrations) in use. */
unsigned rig_records(struct rig *r);
