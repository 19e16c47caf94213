/* SPDX-License-Identifier: BSD-3-Clause */
#include "rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

void rig_open(struct rig *rig, uint32_t sessions, uint32_t mappings)
{
    memset(rig, 0, sizeof *rig);
    hash_secret_fixed(&rig->ss.store.table.secret, 1);
    hash_secret_fixed(&rig->ms.store.table.secret, 2);
    key6_secret_fixed(&rig->ss.key6, 3);
    assert_int_equal(mappings_init(&rig->ms, mappings, &rig->ss, false), 0);
    assert_int_equal(sessions_init(&rig->ss, sessions, &rig->ms, false), 0);
    session_thread_init(&rig->t, 42);
    rig->nat = (struct nat_want){.ip = ip(PUBLIC), .first = 5117, .last = 65533, .preserve = true};
}

void rig_close(struct rig *rig)
{
    sessions_free(&rig->ss);
    mappings_free(&rig->ms);
}

be32 ip(const char *text)
{
    be32 out = 0;
    assert_int_equal(ipv4_parse((struct slice){text, strlen(text)}, &out), 0);
    return out;
}

struct endpoint at(const char *ip_text, uint16_t port)
{
    return (struct endpoint){ip(ip_text), be16_of(port)};
}

struct key key_make(uint8_t proto, uint16_t zone, struct endpoint src, struct endpoint dst)
{
    return (struct key){.src = src.ip,
                        .dst = dst.ip,
                        .sport = src.port,
                        .dport = dst.port,
                        .proto = proto,
                        .zone = zone};
}

struct session_new flow(uint8_t proto, struct endpoint src, struct endpoint dst)
{
    struct session_new want = {.mapping = INDEX_NONE, .now_ms = 1000};
    want.key[0] = key_make(proto, LAN, src, dst);
    want.key[1] = key_reverse(&want.key[0], WAN);
    return want;
}

struct session_new flow_nat(const struct rig *rig, uint8_t proto, struct endpoint src,
                            struct endpoint dst)
{
    struct session_new want = flow(proto, src, dst);
    want.nat = &rig->nat;
    want.key[1].dst = rig->nat.ip;
    want.flags = SESSION_SNAT;
    return want;
}

struct session_new flow_out(const struct rig *rig, uint32_t index, struct endpoint remote)
{
    const struct mapping *m = mapping_at(&rig->ms, index);
    struct session_new want = flow(m->r.key[0].proto, mapping_inside(m), remote);
    want.key[1].dst = mapping_public(m).ip;
    want.key[1].dport = mapping_public(m).port;
    want.flags = SESSION_MAPPED;
    want.mapping = index;
    return want;
}

struct session_new flow_in(const struct rig *rig, uint32_t index, struct endpoint remote)
{
    struct session_new want = flow_out(rig, index, remote);
    struct key key = want.key[0];
    want.key[0] = want.key[1];
    want.key[1] = key;
    want.flags |= SESSION_INWARD;
    return want;
}

int create(struct rig *rig, const struct session_new *want, struct table_hit *hit)
{
    return session_create(&rig->ss, &rig->t, want, hit);
}

uint32_t session_find(const struct rig *rig, const struct key *key)
{
    struct table_hit hit;
    const struct table *t = &rig->ss.store.table;
    return table_find_live(t, key, table_hash(t, key), &hit) ? hit.index : INDEX_NONE;
}

enum record_state session_state(const struct rig *rig, uint32_t index)
{
    return record_state(&session_at(&rig->ss, index)->r);
}

unsigned slots_used(const struct table *t)
{
    unsigned used = 0;
    for (size_t i = 0; i < (size_t)t->n_buckets * TABLE_BUCKET_SLOTS; i++)
        used += t->slots[i] != 0;
    return used;
}

static void keys_out(struct store *s, uint32_t index)
{
    table_remove(&s->table, index, 0);
    table_remove(&s->table, index, 1);
}

unsigned reap(struct rig *rig)
{
    unsigned n = 0;
    uint32_t next;
    for (uint32_t i = session_news_take(&rig->t); i != INDEX_NONE; i = next, n++) {
        struct session *s = session_at(&rig->ss, i);
        next = session_news_next(&rig->ss, i);
        if (record_state(&s->r) != RECORD_DYING)
            continue;
        keys_out(&rig->ss.store, i);
        if (s->mapping != INDEX_NONE)
            mapping_detach(&rig->ms, s->mapping, i);
        store_return(&rig->ss.store, i);
    }
    for (uint32_t i = mapping_news_take(&rig->t); i != INDEX_NONE; i = next, n++) {
        next = mapping_news_next(&rig->ms, i);
        if (record_state(&mapping_at(&rig->ms, i)->r) != RECORD_DYING)
            continue;
        keys_out(&rig->ms.store, i);
        store_return(&rig->ms.store, i);
    }
    store_flush(&rig->ss.store);
    store_flush(&rig->ms.store);
    return n;
}

struct mapping_want want_of(const struct rig *rig, struct endpoint inside)
{
    return (struct mapping_want){.proto = UDP,
                                 .zone = LAN,
                                 .inside = inside,
                                 .nat = rig->nat,
                                 .kind = MAPPING_RTP,
                                 .owned = true,
                                 .now_ms = 500};
}

struct handle open_one(struct rig *rig, struct endpoint inside)
{
    struct mapping_want want = want_of(rig, inside);
    struct handle h;
    assert_int_equal(mapping_open(&rig->ms, &rig->t, &want, &h), 0);
    return h;
}

uint16_t public_port(const struct rig *rig, struct handle h)
{
    return be16_host(mapping_public(mapping_at(&rig->ms, h.index)).port);
}

uint32_t owners(const struct rig *rig, struct handle h)
{
    return mapping_at(&rig->ms, h.index)->owners;
}

uint32_t by_source(const struct rig *rig, struct endpoint inside)
{
    return mapping_find_source(&rig->ms, UDP, LAN, inside, 0);
}

uint32_t by_public(const struct rig *rig, uint16_t port)
{
    return mapping_find_public(&rig->ms, UDP, at(PUBLIC, port));
}
