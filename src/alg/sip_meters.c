/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Counting by the second: a count begins with a request and holds for 1000 ms; what comes above the
 * limit until then is refused. So a policy that may send N a second can send N at once, and never
 * more than 2 N in any 1000 ms.
 *
 * Both tables are sets of a few places. When a set is full, the policy that was quiet for longest
 * makes room for a new one; of addresses, one whose second is over, else the one with the smallest
 * count. Somebody who sends from many made-up addresses so pushes out his own, not the one that is
 * being held back.
 */
#include "alg/sip_meters.h"

#include "base/mem.h"

#include <errno.h>

#define SECOND_MS      1000
#define POLICY_WAYS    8
#define POLICY_SETS    512 /* 4096 policies that carry SIP */
#define ADDRESS_WAYS   4
#define ADDRESS_SETS   16384 /* 65536 addresses within a second */
#define POLICIES_SIZE  (POLICY_SETS * sizeof(struct meter_set))
#define ADDRESSES_SIZE (ADDRESS_SETS * sizeof(struct address_set))

struct meter {
    uint64_t begin_ms; /* of the second being counted */
    uint32_t now;      /* in it */
    uint32_t before;   /* in the one before, if that ended when this one began or within a second */
    uint32_t peak, max;
    uint64_t count, drop;
};

struct policy_meters {
    uint32_t policy_id, stamp, dialog_limit;
    bool used;
    struct meter method[SIP_METHOD_COUNT];
};

struct meter_set {
    struct policy_meters way[POLICY_WAYS];
};

struct address_count {
    uint64_t tag; /* 0: empty */
    uint32_t begin_ms;
    uint32_t n;
};

struct address_set {
    struct address_count way[ADDRESS_WAYS];
} __attribute__((aligned(64)));

_Static_assert(sizeof(struct address_set) == 64, "a set is a cache line");

int sip_meters_init(struct sip_meters *meters, const struct hash_secret *secret)
{
    *meters = (struct sip_meters){.secret = *secret};
    meters->policies = mem_map_sparse(POLICIES_SIZE);
    meters->addresses = mem_map_sparse(ADDRESSES_SIZE);
    if (meters->policies && meters->addresses)
        return 0;
    sip_meters_free(meters);
    return -ENOMEM;
}

void sip_meters_free(struct sip_meters *meters)
{
    if (meters->policies)
        mem_unmap(meters->policies, POLICIES_SIZE);
    if (meters->addresses)
        mem_unmap(meters->addresses, ADDRESSES_SIZE);
    meters->policies = NULL;
    meters->addresses = NULL;
}

static struct policy_meters *row_of(struct sip_meters *meters, uint32_t policy_id)
{
    uint32_t set = (policy_id * 0x9e3779b1u >> 16) % POLICY_SETS;
    struct policy_meters *row = meters->policies[set].way, *at = row;
    uint32_t now = ++meters->stamp;
    for (int i = 0; i < POLICY_WAYS; i++, row++) {
        if (row->used && row->policy_id == policy_id) {
            row->stamp = now;
            return row;
        }
        if (at->used && (!row->used || now - row->stamp > now - at->stamp))
            at = row;
    }
    *at = (struct policy_meters){.policy_id = policy_id, .stamp = now, .used = true};
    return at;
}

/* Let the second of a meter be the one that `now_ms` lies in. */
static void meter_roll(struct meter *m, uint64_t now_ms)
{
    uint64_t age = now_ms - m->begin_ms;
    if (age < SECOND_MS && m->count + m->drop > 0)
        return;
    m->before = age < UINT64_C(2) * SECOND_MS ? m->now : 0;
    m->now = 0;
    m->begin_ms = now_ms;
}

static struct address_count *address_of(struct sip_meters *meters, const struct sip_meter_ask *ask)
{
    struct hash_secret secret = meters->secret;
    uint64_t tag, who = (uint64_t)ask->policy_id << 8 | ask->method;
    tag = hash_16(&secret, ask->address.half[0] ^ who, ask->address.half[1]);
    struct address_count *way = meters->addresses[tag % ADDRESS_SETS].way, *at = way;
    uint32_t now = (uint32_t)ask->now_ms;
    tag |= UINT64_C(1) << 63;
    for (int i = 0; i < ADDRESS_WAYS; i++, way++) {
        bool over = way->tag == 0 || now - way->begin_ms >= SECOND_MS;
        if (way->tag == tag) {
            if (over)
                *way = (struct address_count){.tag = tag, .begin_ms = now};
            return way;
        }
        if (over)
            way->n = 0;
        if (way->n < at->n)
            at = way;
    }
    *at = (struct address_count){.tag = tag, .begin_ms = now};
    return at;
}

bool sip_meters_take(struct sip_meters *meters, const struct sip_meter_ask *ask)
{
    struct policy_meters *row = row_of(meters, ask->policy_id);
    struct meter *m = &row->method[ask->method];
    uint32_t *n = &m->now, before;
    row->dialog_limit = ask->dialog_limit;
    meter_roll(m, ask->now_ms);
    before = m->now;
    if (ask->limit && ask->track != VOIP_TRACK_NONE) {
        n = &address_of(meters, ask)->n;
        before = *n;
        *n += *n < UINT32_MAX;
    }
    m->now += m->now < UINT32_MAX;
    if (m->now > m->peak)
        m->peak = m->now;
    m->max = ask->limit;
    if (ask->limit && before >= ask->limit) {
        m->drop++;
        return false;
    }
    m->count++;
    return true;
}

/* Requests in the last whole second, or in this one when it has more already. */
static uint32_t meter_rate(const struct meter *m, uint64_t now_ms)
{
    uint64_t age = now_ms - m->begin_ms;
    if (age >= UINT64_C(2) * SECOND_MS)
        return 0;
    return age < SECOND_MS && m->before > m->now ? m->before : m->now;
}

int sip_meters_next(const struct sip_meters *meters, uint32_t *cursor, uint64_t now_ms,
                    struct alg_meter *out)
{
    for (; *cursor < POLICY_SETS * POLICY_WAYS; (*cursor)++) {
        const struct policy_meters *row =
            &meters->policies[*cursor / POLICY_WAYS].way[*cursor % POLICY_WAYS];
        if (!row->used)
            continue;
        *out = (struct alg_meter){.policy_id = row->policy_id, .dialog_limit = row->dialog_limit};
        for (int i = 0; i < SIP_METHOD_COUNT; i++) {
            const struct meter *m = &row->method[i];
            out->method[i].rate = meter_rate(m, now_ms);
            out->method[i].peak = m->peak;
            out->method[i].max = m->max;
            out->method[i].count = m->count;
            out->method[i].drop = m->drop;
        }
        (*cursor)++;
        return 1;
    }
    return 0;
}
