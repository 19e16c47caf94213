/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "rig.h"

#include "alg/alg_mapping.h"

struct endpoint rig_endpoint(const char *ip, uint16_t port)
{
    struct endpoint e = {.port = be16_of(port)};
    assert_int_equal(ipv4_parse(slice_str(ip), &e.ip), 0);
    return e;
}

struct ip_port rig_ip_port(const char *ip, uint16_t port)
{
    struct ip_port e = {.port = be16_of(port)};
    be32 v4;
    if (ipv4_parse(slice_str(ip), &v4) == 0)
        e.ip = ip_addr_of4(v4);
    else
        assert_int_equal(ipv6_parse(slice_str(ip), &e.ip), 0);
    return e;
}

static void on_event(void *ctx, const struct event *event)
{
    struct rig *r = ctx;
    text_printf(&r->events, "%s {%s}\n", event->name, event->detail);
}

void rig_init(struct rig *r, uint32_t mappings, uint32_t dialogs)
{
    static const struct voip_profile defaults = {
        .name = "default",
        .sip_status = true,
        .rtp = true,
        .open_register_pinhole = true,
        .open_contact_pinhole = true,
        .contact_fixup = true,
        .strict_register = true,
        .nat_port_first = 5117,
        .nat_port_last = 65533,
        .provisional_invite_expiry_s = 210,
        .rules = {.max_line_length = 998, .block_long_lines = true, .block_unknown = true},
    };
    struct hash_secret secret;
    memset(r, 0, sizeof(*r));
    hash_secret_fixed(&r->sessions.store.table.secret, 1);
    hash_secret_fixed(&r->mappings.store.table.secret, 2);
    hash_secret_fixed(&secret, 3);
    assert_int_equal(sessions_init(&r->sessions, 64, &r->mappings, false), 0);
    assert_int_equal(mappings_init(&r->mappings, mappings, &r->sessions, false), 0);
    session_thread_init(&r->thread, 7);
    r->profile = defaults;
    r->outside = rig_endpoint("198.51.100.44", 5060);
    r->outside6 = rig_ip_port("2001:db8:9::44", 5060);
    r->public_ip = rig_endpoint("203.0.113.9", 0).ip;
    r->now_ms = 1000000;
    r->policy_id = 1;
    struct event_sink sink = {.emit = on_event, .ctx = r};
    r->alg = alg_create(&(struct alg_limits){.dialogs = dialogs}, &r->mappings, &r->thread, &sink,
                        &secret);
    assert_non_null(r->alg);
}

void rig_free(struct rig *r)
{
    alg_destroy(r->alg);
    mappings_free(&r->mappings);
    sessions_free(&r->sessions);
    text_free(&r->events);
}

struct rig_phone rig_phone(struct rig *r, const char *ip, uint16_t port, uint16_t public_port)
{
    struct rig_phone phone = {.inside = rig_endpoint(ip, port)};
    struct mapping_want want = {
        .proto = 17,
        .zone = 1,
        .inside = phone.inside,
        .nat = {.ip = r->public_ip,
                .first = public_port ? public_port : 5117,
                .last = public_port ? public_port : 65533,
                .preserve = public_port == 0},
        .kind = MAPPING_SIGNALLING,
        .filter = MAPPING_ADDRESS,
        .peer = r->outside,
        .policy_id = r->policy_id,
        .outside_ifindex = 2,
        .flags = MAPPING_ALG,
        .now_ms = (uint32_t)r->now_ms,
    };
    assert_int_equal(mapping_open(&r->mappings, &r->thread, &want, &phone.mapping), 0);
    assert_true(r->n_flows < 16);
    r->flows[r->n_flows++] = phone.mapping.index;
    phone.public_side = mapping_public(mapping_at(&r->mappings, phone.mapping.index));
    return phone;
}

struct rig_phone rig_server(struct rig *r, const char *ip, const char *ext, uint16_t port)
{
    r->by_vip = true;
    return (struct rig_phone){.inside = rig_endpoint(ip, port),
                              .public_side = rig_endpoint(ext, port),
                              .mapping = HANDLE_NONE};
}

struct rig_phone rig_phone6(struct rig *r, const char *ip, uint16_t port)
{
    struct rig_phone phone = {.inside6 = rig_ip_port(ip, port)};
    struct mapping_want want = {
        .proto = 17,
        .zone = 1,
        .kind = MAPPING_SIGNALLING,
        .filter = MAPPING_ADDRESS,
        .policy_id = r->policy_id,
        .outside_ifindex = 2,
        .flags = MAPPING_ALG,
        .now_ms = (uint32_t)r->now_ms,
    };
    alg_mapping_ends(&want, &phone.inside6, &r->outside6);
    assert_int_equal(mapping_open(&r->mappings, &r->thread, &want, &phone.mapping), 0);
    assert_true(r->n_flows < 16);
    r->flows[r->n_flows++] = phone.mapping.index;
    return phone;
}

enum alg_verdict rig_send(struct rig *r, const struct rig_phone *phone, bool outward,
                          struct slice message)
{
    /* Bytes of exactly this size on the heap: a read beyond them is found. */
    char *bytes = malloc(message.n ? message.n : 1);
    assert_non_null(bytes);
    if (message.n)
        memcpy(bytes, message.p, message.n);
    bool v6 = phone->inside6.port != 0;
    struct ip_port inside = v6 ? phone->inside6 : ip_port_of4(phone->inside);
    struct ip_port public_side = v6 ? inside : ip_port_of4(phone->public_side);
    struct ip_port outside = v6 ? r->outside6 : ip_port_of4(r->outside);
    struct alg_packet packet = {
        .payload = slice_of(bytes, message.n),
        .session = HANDLE_NONE,
        .now_ms = r->now_ms,
        .outward = outward,
        .src = outward ? inside : outside,
        .dst = outward ? outside : public_side,
        .inside = inside,
        .public_side = public_side,
        .outside = outside,
        .by_vip = r->by_vip,
        .from_external = r->external,
        .names = r->names,
        .inside_zone = 1,
        .outside_ifindex = 2,
        .in_ifindex = outward ? 1 : 2,
        .out_ifindex = outward ? 2 : 1,
        .proto = 17,
        .reply = !outward,
        .log = r->log,
        .policy_id = r->policy_id,
        .profile_index = 0,
        .profile = &r->profile,
    };
    r->reason = ALG_REASON_NONE;
    r->out_n = 0;
    r->verdict = alg_input(r->alg, &packet, r->out, RIG_ROOM, &r->out_n, &r->reason);
    if (r->verdict == ALG_PASS) {
        assert_true(message.n <= RIG_ROOM);
        memcpy(r->out, bytes, message.n);
        r->out_n = message.n;
    }
    if (r->verdict == ALG_DROP)
        r->out_n = 0;
    r->out[r->out_n] = '\0';
    free(bytes);
    return r->verdict;
}

static bool kept_by_flow(const struct rig *r, uint32_t index)
{
    for (unsigned i = 0; i < r->n_flows; i++)
        if (r->flows[i] == index)
            return true;
    return false;
}

unsigned rig_reap(struct rig *r)
{
    struct mappings *ms = &r->mappings;
    unsigned live = 0;
    for (uint32_t i = mapping_news_take(&r->thread); i != INDEX_NONE; i = mapping_news_next(ms, i))
        ;
    for (uint32_t i = 0; i < ms->store.fresh && i < ms->store.capacity; i++) {
        struct mapping *m = mapping_at(ms, i);
        if (record_state(&m->r) == RECORD_LIVE && !kept_by_flow(r, i))
            mapping_close(ms, &r->thread, i);
        live += record_state(&m->r) == RECORD_LIVE;
        if (record_state(&m->r) != RECORD_DYING)
            continue;
        table_remove(&ms->store.table, i, 0);
        table_remove(&ms->store.table, i, 1);
        store_return(&ms->store, i);
    }
    for (uint32_t i = mapping_news_take(&r->thread); i != INDEX_NONE; i = mapping_news_next(ms, i))
        ;
    store_flush(&ms->store);
    return live;
}

void rig_wait(struct rig *r, uint64_t ms)
{
    uint64_t end = r->now_ms + ms;
    for (;;) {
        uint64_t next = alg_next_deadline_ms(r->alg);
        if (next > end)
            break;
        if (next > r->now_ms)
            r->now_ms = next;
        alg_run_timers(r->alg, r->now_ms, 1000);
    }
    r->now_ms = end;
    alg_run_timers(r->alg, r->now_ms, 1000);
    rig_reap(r);
}

struct mapping *rig_mapping(struct rig *r, const char *ip, uint16_t port)
{
    uint32_t i = alg_mapping_find_source(&r->mappings, 17, 1, rig_ip_port(ip, port), 2);
    return i == INDEX_NONE ? NULL : mapping_at(&r->mappings, i);
}

unsigned rig_owners(struct rig *r, const char *ip, uint16_t port)
{
    struct mapping *m = rig_mapping(r, ip, port);
    return m ? m->owners : 0;
}

void rig_media(struct rig *r, const char *ip, uint16_t port)
{
    struct mapping *m = rig_mapping(r, ip, port);
    assert_non_null(m);
    m->last_seen_ms = (uint32_t)r->now_ms;
    m->seen = 1;
}

unsigned rig_events(struct rig *r, const char *name)
{
    unsigned n = 0;
    char begin[64];
    snprintf(begin, sizeof(begin), "%s {", name);
    for (const char *p = r->events.p; p && (p = strstr(p, begin)); p++)
        n++;
    return n;
}

void rig_events_forget(struct rig *r)
{
    text_clear(&r->events);
}

struct alg_stats rig_stats(struct rig *r)
{
    struct alg_stats stats;
    alg_stats_read(r->alg, &stats);
    return stats;
}

unsigned rig_records(struct rig *r)
{
    struct alg_call call;
    uint32_t cursor = 0;
    unsigned n = 0;
    int rc;
    while ((rc = alg_call_next(r->alg, &cursor, r->now_ms, &call)) != 0)
        n += rc == 1;
    return n;
}
