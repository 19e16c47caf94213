/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sessions, mappings and one thread that uses them, for tests; with it a control that does at once
 * what control does after a grace period, for here nobody else can hold anything.
 */
#pragma once

#include "sessions/mapping.h"

#include <stdint.h>

#define UDP  17
#define TCP  6
#define ICMP 1

#define LAN 1
#define WAN 2

#define PUBLIC "203.0.113.1"

struct rig {
    struct sessions ss;
    struct mappings ms;
    struct session_thread t;
    struct nat_want nat;
};

void rig_open(struct rig *rig, uint32_t sessions, uint32_t mappings);
void rig_close(struct rig *rig);

be32 ip(const char *text);
struct endpoint at(const char *ip_text, uint16_t port);
struct key key_make(uint8_t proto, uint16_t zone, struct endpoint src, struct endpoint dst);

/* An ordinary session: from LAN to WAN, without translation or behind rig->nat. */
struct session_new flow(uint8_t proto, struct endpoint src, struct endpoint dst);
struct session_new flow_nat(const struct rig *rig, uint8_t proto, struct endpoint src,
                            struct endpoint dst);

/* A session through mapping `index`, begun by the inside or by the outside party. */
struct session_new flow_out(const struct rig *rig, uint32_t index, struct endpoint remote);
struct session_new flow_in(const struct rig *rig, uint32_t index, struct endpoint remote);

int create(struct rig *rig, const struct session_new *want, struct table_hit *hit);

/* The LIVE session with this key, or INDEX_NONE. */
uint32_t session_find(const struct rig *rig, const struct key *key);
enum record_state session_state(const struct rig *rig, uint32_t index);

unsigned slots_used(const struct table *t);

/* Take all news; bury what is DYING and return its index. Returns the number of news. */
unsigned reap(struct rig *rig);

/* An RTP mapping of `inside`, owned; opened; and what is known of it. */
struct mapping_want want_of(const struct rig *rig, struct endpoint inside);
struct handle open_one(struct rig *rig, struct endpoint inside);
uint16_t public_port(const struct rig *rig, struct handle h);
uint32_t owners(const struct rig *rig, struct handle h);
uint32_t by_source(const struct rig *rig, struct endpoint inside);
uint32_t by_public(const struct rig *rig, uint16_t port);
