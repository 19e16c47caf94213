/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From rows to a snapshot: names became numbers in config/; here they become the structs the packet
 * path reads. Everything a snapshot points to lives in one arena and is freed with it.
 */
#include "fastpath/compile.h"

#include "base/hash.h"
#include "base/text.h"
#include "config/rows.h"
#include "fastpath/compile6.h"
#include "fastpath/compile_parts.h"
#include "fastpath/compile_route.h"
#include "fastpath/compile_tcp.h"
#include "fastpath/matcher.h"
#include "fastpath/nat_rules.h"
#include "fastpath/route.h"
#include "fastpath/rss.h"

#include <stdio.h>
#include <stdlib.h>

struct arena_chunk {
    struct arena_chunk *next;
    max_align_t data[];
};

void *compile_alloc(struct compile *c, size_t n, size_t size)
{
    struct arena_chunk *chunk = calloc(1, sizeof *chunk + n * size);
    if (!chunk)
        abort();
    chunk->next = c->s->arena;
    c->s->arena = chunk;
    return chunk->data;
}

void snapshot_free(struct snapshot *s)
{
    if (!s)
        return;
    routes_free((struct routes *)(uintptr_t)s->routes);
    nat_rules_free((struct nat_rules *)(uintptr_t)s->nat);
    for (struct arena_chunk *chunk = s->arena, *next; chunk; chunk = next) {
        next = chunk->next;
        free(chunk);
    }
    matcher_destroy((struct matcher *)(uintptr_t)s->matcher);
    free(s);
}

void compile_fail(struct compile *c, const char *path, const char *why)
{
    if (!c->failed)
        text_printf(c->error, "%s: %s", path, why);
    c->failed = true;
}

/* Interfaces that a default route leads out by, a bit each. */
static uint64_t default_ways(const struct config_rows *rows)
{
    uint64_t ways = 0;
    for (uint32_t i = 0; i < rows->n_routes; i++)
        if (rows->routes[i].len == 0 && !rows->routes[i].blackhole)
            ways |= 1ULL << rows->routes[i].device;
    for (uint32_t i = 0; i < rows->n_routes6; i++)
        if (rows->routes6[i].len == 0 && !rows->routes6[i].blackhole)
            ways |= 1ULL << rows->routes6[i].device;
    return ways;
}

/*
 * Is somebody translated who comes from where the default route leads to? Servers whose callers are
 * hidden from them look like that, and an inside network behind a router of its own does: source
 * NAT does not tell who is inside then.
 */
static bool nat_misleads(const struct config_rows *rows, uint64_t ways)
{
    for (uint16_t i = 0; i < rows->n_interfaces; i++)
        if (ways >> i & 1 && rows->interfaces[i].role == ROW_ROLE_NONE &&
            rss_side(rows, i) == RSS_SOURCE)
            return true;
    return false;
}

static uint8_t depth_of(const struct config_rows *rows, uint16_t place, uint64_t ways, bool misled)
{
    if (misled && rows->interfaces[place].role == ROW_ROLE_NONE)
        return 1;
    switch (rss_side(rows, place)) {
    case RSS_DESTINATION:
        return 0;
    case RSS_SOURCE:
        return 2;
    default:
        return ways >> place & 1 ? 0 : 1;
    }
}

static void compile_interfaces(struct compile *c, const struct snapshot_ports *ports)
{
    const struct config_rows *rows = c->rows;
    static const uint8_t no_mac[6];
    if (rows->n_interfaces >= MAX_INTERFACES)
        return compile_fail(c, "config system interface", "more than 63 interfaces");
    const uint64_t ways = default_ways(rows);
    const bool misled = nat_misleads(rows, ways);
    c->s->n_interfaces = rows->n_interfaces;
    c->s->fragment_timeout_ms = rows->global.fragment_timeout_s * 1000;
    for (uint16_t i = 0; i < rows->n_interfaces; i++) {
        const struct row_interface *row = &rows->interfaces[i];
        struct interface *f = &c->s->interfaces[i + 1];
        snprintf(f->name, sizeof f->name, "%s", row->name);
        f->ip = row->ip;
        f->mask = row->mask;
        f->mtu = row->mtu;
        f->zone = (uint16_t)(row->zone + 1);
        f->up = row->up;
        f->src_check = row->src_check;
        f->allow_ping = row->allow_ping;
        f->external = row->external;
        f->depth = depth_of(rows, i, ways, misled);
        f->tcp_mss = row->tcp_mss;
        f->drop_fragment = row->drop_fragment;
        memcpy(f->mac, memcmp(row->mac, no_mac, 6) != 0 || !ports ? row->mac : ports->mac[i + 1],
               6);
        f->nat = (struct nat_want){
            .ip = row->ip, .first = NAT_PORT_FIRST, .last = NAT_PORT_LAST, .preserve = true};
    }
    compile_interfaces6(rows, c->s);
}

/* What decides whether a session that exists may live on. */
static uint64_t digest_of(const struct config_rows *rows, const struct snapshot *s)
{
    struct hash_secret secret;
    hash_secret_fixed(&secret, 0);
    uint64_t d = compile_policy_digest(rows);
    for (uint16_t i = 1; i <= s->n_interfaces; i++) {
        uint64_t parts[3] = {d, s->interfaces[i].nat.ip, s->interfaces[i].up};
        d = hash_bytes(&secret, parts, sizeof parts);
    }
    return compile_digest_routes(s, compile_digest6(s, d));
}

struct snapshot *snapshot_compile(const struct config_rows *rows, struct timer_sets *sets,
                                  struct pools *pools, const struct snapshot *previous,
                                  const struct snapshot_ports *ports, struct text *error)
{
    struct compile c = {.rows = rows, .sets = sets, .error = error};
    c.s = calloc(1, sizeof *c.s);
    if (!c.s)
        abort();
    c.s->deny_tcp_with_icmp = rows->global.deny_tcp_with_icmp;
    c.s->reset_sessionless = rows->global.reset_sessionless_tcp;
    snprintf(c.s->hostname, sizeof c.s->hostname, "%s", rows->global.hostname);
    compile_interfaces(&c, ports);
    c.s->nat = c.failed ? NULL : nat_rules_make(rows, pools, error);
    c.failed |= c.s->nat == NULL;
    if (c.s->nat) {
        c.s->own_ranges = c.s->nat->arp;
        c.s->n_own_ranges = c.s->nat->n_arp;
    }
    if (!c.failed)
        compile_policies(&c);
    if (!c.failed) {
        compile_sip(&c);
        compile_timers(&c);
        compile_routes(rows, ports ? ports->links_down : 0, previous, c.s);
    }
    if (c.failed) {
        snapshot_free(c.s);
        return NULL;
    }
    c.s->digest = digest_of(rows, c.s);
    c.s->generation = !previous                         ? 1
                      : previous->digest == c.s->digest ? previous->generation
                                                        : previous->generation + 1;
    return c.s;
}
