/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Several places may name a time for the same flow: the service object that matched, the policy, a
 * port row, the global settings. Which of them a timer asks, and in which order, is a row of
 * `rules`; resolving takes the first that has a value and notes which one it was.
 *
 * Sets are interned, since a million sessions share a handful of them: a session holds a 16-bit id.
 * The table outlives configurations (a session keeps the set it was made with), so it only grows:
 * sets sit in chunks that never move, and a set is complete before the count that covers it is
 * published. A set names a service, policy or row only where it took a value from it; otherwise
 * every policy would make a set of its own.
 */
#include "sessions/timeouts.h"

#include "sessions/record.h"
#include "sessions/tcp.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS (2u * (TIMER_SETS_MAX + 1u)) /* open addressing, at most half full */

static_assert(sizeof(struct timer_set) == 128, "two cache lines");

/* Where a number is in struct timeout_inputs. */
#define AT(member) offsetof(struct timeout_inputs, member)
#define NOWHERE    SIZE_MAX

/* One timer: where its seconds may be, most particular place first. */
static const struct timer_rule {
    size_t service[2];
    bool ttl; /* then the policy's session-ttl and the port row */
    size_t global;
    enum timer_from global_is;
    bool zero_counts;   /* 0 in `global` is a value */
    uint32_t factory_s; /* when nothing has a value */
} rules[TIMER_COUNT] = {
    /* clang-format off */
    [TIMER_UDP] =
        { { AT(service_udp_idle_s), AT(service_session_ttl_s) }, true,
          AT(global_udp_idle_s), TIMER_FROM_GLOBAL, false, 180 },
    [TIMER_ICMP] =
        { { AT(service_session_ttl_s), NOWHERE }, true,
          NOWHERE, TIMER_FROM_DEFAULT, false, 60 },
    [TIMER_OTHER] =
        { { AT(service_session_ttl_s), NOWHERE }, true,
          AT(ttl_default_s), TIMER_FROM_DEFAULT, false, 3600 },
    [TIMER_TCP_ESTABLISHED] =
        { { AT(service_session_ttl_s), NOWHERE }, true,
          AT(ttl_default_s), TIMER_FROM_DEFAULT, false, 3600 },
    [TIMER_TCP_HALFOPEN] =
        { { AT(service_tcp_halfopen_s), NOWHERE }, false,
          AT(global_tcp_halfopen_s), TIMER_FROM_GLOBAL, false, 10 },
    [TIMER_TCP_HALFCLOSE] =
        { { AT(service_tcp_halfclose_s), NOWHERE }, false,
          AT(global_tcp_halfclose_s), TIMER_FROM_GLOBAL, false, 120 },
    [TIMER_TCP_TIMEWAIT] =
        { { AT(service_tcp_timewait_s), NOWHERE }, false,
          AT(global_tcp_timewait_s), TIMER_FROM_GLOBAL, true, 1 },
    [TIMER_TCP_RST] =
        { { AT(service_tcp_rst_s), NOWHERE }, false,
          AT(global_tcp_rst_s), TIMER_FROM_GLOBAL, false, 5 },
    /* clang-format on */
};

static uint32_t input_at(const struct timeout_inputs *in, size_t offset)
{
    uint32_t s = 0;
    if (offset != NOWHERE)
        memcpy(&s, (const char *)in + offset, sizeof s);
    return s;
}

static enum timer_from rule_resolve(const struct timer_rule *rule, const struct timeout_inputs *in,
                                    uint32_t *s)
{
    for (int i = 0; i < 2; i++) {
        *s = input_at(in, rule->service[i]);
        if (*s)
            return TIMER_FROM_SERVICE;
    }
    if (rule->ttl && in->policy_session_ttl_s) {
        *s = in->policy_session_ttl_s;
        return TIMER_FROM_POLICY;
    }
    if (rule->ttl && in->port && in->port->timeout_s) {
        *s = in->port->timeout_s;
        return TIMER_FROM_PORT;
    }
    *s = input_at(in, rule->global);
    if (*s || rule->zero_counts)
        return rule->global_is;
    *s = rule->factory_s;
    return TIMER_FROM_DEFAULT;
}

void timeouts_resolve(const struct timeout_inputs *in, struct timer_set *out)
{
    struct timer_set set;

    memset(&set, 0, sizeof set);
    for (int t = 0; t < TIMER_COUNT; t++) {
        const enum timer_from from = rule_resolve(&rules[t], in, &set.s[t]);
        set.from[t] = (uint8_t)from;
        if (from == TIMER_FROM_SERVICE && in->service) {
            const size_t n = strnlen(in->service, sizeof set.service - 1);
            memcpy(set.service, in->service, n);
        } else if (from == TIMER_FROM_POLICY) {
            set.policy_id = in->policy_id;
        } else if (from == TIMER_FROM_PORT) {
            set.port_row = in->port->id;
            set.refresh = in->port->refresh;
        }
    }
    *out = set;
}

const struct timeout_port *timeout_port_find(const struct timeout_port *rows, size_t n,
                                             uint8_t proto, uint16_t dst_port)
{
    for (size_t i = 0; i < n; i++) {
        const struct timeout_port *row = &rows[i];
        if (row->proto == 0)
            return row;
        if (row->proto != proto)
            continue;
        if (!proto_has_ports(proto) || (row->first == 0 && row->last == 0) ||
            (dst_port >= row->first && dst_port <= row->last))
            return row;
    }
    return NULL;
}

enum timer timer_running(uint8_t proto, uint8_t tcp_state)
{
    static const uint8_t of_tcp[TCP_STATE_DIGITS] = {
        [TCP_STATE_NONE] = TIMER_TCP_HALFOPEN,           [TCP_STATE_SYN_SENT] = TIMER_TCP_HALFOPEN,
        [TCP_STATE_SYN_RECV] = TIMER_TCP_HALFOPEN,       [TCP_STATE_LISTEN] = TIMER_TCP_HALFOPEN,
        [TCP_STATE_ESTABLISHED] = TIMER_TCP_ESTABLISHED, [TCP_STATE_FIN_WAIT] = TIMER_TCP_HALFCLOSE,
        [TCP_STATE_CLOSE_WAIT] = TIMER_TCP_HALFCLOSE,    [TCP_STATE_LAST_ACK] = TIMER_TCP_HALFCLOSE,
        [TCP_STATE_TIME_WAIT] = TIMER_TCP_TIMEWAIT,      [TCP_STATE_CLOSE] = TIMER_TCP_RST,
    };
    switch (proto) {
    case 1:
    case 58:
        return TIMER_ICMP;
    case 6:
        return (enum timer)of_tcp[tcp_state_digit(tcp_state)];
    case 17:
    case 136:
        return TIMER_UDP;
    default:
        return TIMER_OTHER;
    }
}

size_t timer_source_print(const struct timer_set *set, enum timer timer, char *out, size_t size)
{
    int n = 0;
    switch ((enum timer_from)set->from[timer]) {
    case TIMER_FROM_SERVICE:
        n = snprintf(out, size, "service %s", set->service);
        break;
    case TIMER_FROM_POLICY:
        n = snprintf(out, size, "policy %u", set->policy_id);
        break;
    case TIMER_FROM_PORT:
        n = snprintf(out, size, "port %u", set->port_row);
        break;
    case TIMER_FROM_GLOBAL:
        n = snprintf(out, size, "global");
        break;
    case TIMER_FROM_DEFAULT:
        n = snprintf(out, size, "default");
        break;
    }
    return (size_t)n < size ? (size_t)n : size - 1;
}

/* The same content in the same bytes: padding and what follows the name are zero. */
static void timer_set_copy(struct timer_set *to, const struct timer_set *from)
{
    memset(to, 0, sizeof *to);
    memcpy(to->s, from->s, sizeof to->s);
    memcpy(to->from, from->from, sizeof to->from);
    memcpy(to->service, from->service, strnlen(from->service, sizeof to->service - 1));
    to->policy_id = from->policy_id;
    to->port_row = from->port_row;
    to->refresh = from->refresh;
}

static struct timer_set *timer_set_at(const struct timer_sets *sets, uint32_t id)
{
    return &sets->chunks[id / TIMER_SETS_CHUNK][id % TIMER_SETS_CHUNK];
}

int timer_sets_init(struct timer_sets *sets)
{
    const struct timeout_inputs nothing = {.global_tcp_timewait_s = 1};
    struct timer_set factory;

    memset(sets, 0, sizeof *sets);
    sets->slots = calloc(SLOTS, sizeof *sets->slots);
    sets->free = calloc(TIMER_SETS_MAX, sizeof *sets->free);
    if (!sets->slots || !sets->free) {
        timer_sets_free(sets);
        return -ENOMEM;
    }
    hash_secret_fixed(&sets->secret, 1); /* the operator's own names: nobody to defend against */
    timeouts_resolve(&nothing, &factory);
    factory.from[TIMER_TCP_TIMEWAIT] = TIMER_FROM_DEFAULT;
    const int id = timer_set_intern(sets, &factory);
    if (id < 0)
        timer_sets_free(sets);
    return id < 0 ? id : 0;
}

void timer_sets_free(struct timer_sets *sets)
{
    for (size_t i = 0; i < sizeof sets->chunks / sizeof sets->chunks[0]; i++)
        free(sets->chunks[i]);
    free(sets->slots);
    free(sets->free);
    memset(sets, 0, sizeof *sets);
}

/* The slot of this content, or the empty one where it belongs. */
static uint32_t slot_of(const struct timer_sets *sets, const struct timer_set *key)
{
    uint32_t slot = (uint32_t)hash_bytes(&sets->secret, key, sizeof *key) % SLOTS;
    for (; sets->slots[slot]; slot = (slot + 1) % SLOTS)
        if (memcmp(timer_set_at(sets, sets->slots[slot] - 1u), key, sizeof *key) == 0)
            break;
    return slot;
}

/* An id for a new set, with memory behind it, or -errno. Not in the table yet. */
static int id_take(struct timer_sets *sets)
{
    if (sets->n_free > 0)
        return sets->free[sets->n_free - 1];
    if (sets->n == TIMER_SETS_MAX)
        return -ENOSPC;
    struct timer_set **chunk = &sets->chunks[sets->n / TIMER_SETS_CHUNK];
    if (!*chunk)
        *chunk = calloc(TIMER_SETS_CHUNK, sizeof **chunk);
    return *chunk ? (int)sets->n : -ENOMEM;
}

int timer_set_intern(struct timer_sets *sets, const struct timer_set *set)
{
    struct timer_set key;

    timer_set_copy(&key, set);
    const uint32_t slot = slot_of(sets, &key);
    if (sets->slots[slot])
        return sets->slots[slot] - 1;
    const int id = id_take(sets);
    if (id < 0)
        return id;
    memcpy(timer_set_at(sets, (uint32_t)id), &key, sizeof key);
    sets->slots[slot] = (uint16_t)(id + 1);
    if (sets->n_free > 0)
        sets->n_free--;
    else
        __atomic_store_n(&sets->n, (uint32_t)id + 1, __ATOMIC_RELEASE);
    return id;
}

static bool used_bit(const uint64_t *used, uint32_t id)
{
    return used[id / 64] >> (id % 64) & 1;
}

uint32_t timer_sets_keep(struct timer_sets *sets, const uint64_t used[TIMER_SETS_WORDS])
{
    const uint32_t before = timer_sets_count(sets);
    uint64_t was[TIMER_SETS_WORDS] = {0};
    for (uint32_t slot = 0; slot < SLOTS; slot++)
        if (sets->slots[slot])
            was[(sets->slots[slot] - 1u) / 64] |= UINT64_C(1) << ((sets->slots[slot] - 1u) % 64);
    memset(sets->slots, 0, SLOTS * sizeof *sets->slots);
    sets->n_free = 0;
    for (uint32_t id = sets->n; id-- > 0;) { /* low ids will be used first */
        if (used_bit(was, id) && (id == 0 || used_bit(used, id)))
            sets->slots[slot_of(sets, timer_set_at(sets, id))] = (uint16_t)(id + 1);
        else
            sets->free[sets->n_free++] = (uint16_t)id;
    }
    return before - timer_sets_count(sets);
}

const struct timer_set *timer_set_get(const struct timer_sets *sets, uint16_t id)
{
    const uint32_t n = __atomic_load_n(&sets->n, __ATOMIC_ACQUIRE);
    assert(id < n);
    return timer_set_at(sets, id);
}
