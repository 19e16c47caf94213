/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Pools and lists, no rules: what a message does to a call is in call.c, what it does to a
 * registration in registration.c.
 *
 * Three pools (records, pins, policies) are arrays whose unused entries form chains; entries never
 * used cost no memory, because the pages are taken when first touched. Records hang in hash chains
 * by key: the key is already a keyed hash of what strangers chose, so its low bits spread. A policy
 * record lives while it has a dialog.
 */
#include "alg/dialog.h"

#include "base/mem.h"

#include <errno.h>

#define PINS_PER_DIALOG 4

const char *dialog_state_text(enum dialog_state state)
{
    static const char *const texts[] = {
#define X(id, text, ends) text,
        DIALOG_STATES(X)
#undef X
    };
    return texts[state];
}

const char *dialog_state_ends_by(enum dialog_state state)
{
    static const char *const texts[] = {
#define X(id, text, ends) ends,
        DIALOG_STATES(X)
#undef X
    };
    return texts[state];
}

int dialogs_init(struct dialogs *ds, uint32_t capacity)
{
    uint32_t buckets = 64;
    while (buckets < capacity && buckets < 1u << 30)
        buckets *= 2;
    *ds = (struct dialogs){
        .n_buckets = buckets,
        .capacity = capacity,
        .pin_capacity = capacity * PINS_PER_DIALOG + DIALOG_PINS_MAX,
        .free = DIALOG_NONE,
        .pin_free = PIN_NONE,
        .policy_free = DIALOG_NONE,
        .blocked_head = DIALOG_NONE,
        .blocked_tail = DIALOG_NONE,
    };
    ds->bytes[0] = (size_t)capacity * sizeof(struct dialog);
    ds->bytes[1] = (size_t)ds->pin_capacity * sizeof(struct pin);
    ds->bytes[2] = (size_t)capacity * sizeof(struct dialog_policy);
    ds->bytes[3] = ds->bytes[4] = (size_t)buckets * sizeof(uint32_t);
    ds->at = mem_map(ds->bytes[0], false);
    ds->pins = mem_map(ds->bytes[1], false);
    ds->policies = mem_map(ds->bytes[2], false);
    ds->buckets = mem_map(ds->bytes[3], false);
    ds->policy_buckets = mem_map(ds->bytes[4], false);
    if (ds->at && ds->pins && ds->policies && ds->buckets && ds->policy_buckets) {
        memset(ds->buckets, 0xff, ds->bytes[3]);
        memset(ds->policy_buckets, 0xff, ds->bytes[4]);
        return 0;
    }
    dialogs_free(ds);
    return -ENOMEM;
}

void dialogs_free(struct dialogs *ds)
{
    void *parts[5] = {ds->at, ds->pins, ds->policies, ds->buckets, ds->policy_buckets};
    for (int i = 0; i < 5; i++)
        if (parts[i])
            mem_unmap(parts[i], ds->bytes[i]);
    *ds = (struct dialogs){0};
}

static uint32_t *bucket_of(const struct dialogs *ds, const struct dialog_key *key)
{
    return &ds->buckets[key->h[0] & (ds->n_buckets - 1)];
}

struct dialog *dialog_find(const struct dialogs *ds, const struct dialog_key *key)
{
    for (uint32_t i = *bucket_of(ds, key); i != DIALOG_NONE; i = ds->at[i].hash_next)
        if (ds->at[i].key.h[0] == key->h[0] && ds->at[i].key.h[1] == key->h[1])
            return &ds->at[i];
    return NULL;
}

static uint32_t *policy_bucket(const struct dialogs *ds, uint32_t policy_id)
{
    return &ds->policy_buckets[(policy_id * 0x9e3779b1u >> 7) & (ds->n_buckets - 1)];
}

static uint32_t policy_find(const struct dialogs *ds, uint32_t policy_id)
{
    uint32_t i = *policy_bucket(ds, policy_id);
    while (i != DIALOG_NONE && ds->policies[i].policy_id != policy_id)
        i = ds->policies[i].hash_next;
    return i;
}

/* There are as many policy records as dialogs, so one is always left. */
static uint32_t policy_take(struct dialogs *ds, uint32_t policy_id)
{
    uint32_t i = policy_find(ds, policy_id);
    if (i == DIALOG_NONE) {
        uint32_t *bucket = policy_bucket(ds, policy_id);
        i = ds->policy_free;
        if (i != DIALOG_NONE)
            ds->policy_free = ds->policies[i].hash_next;
        else
            i = ds->policy_fresh++;
        ds->policies[i] = (struct dialog_policy){
            .policy_id = policy_id,
            .hash_next = *bucket,
            .idle_head = DIALOG_NONE,
            .idle_tail = DIALOG_NONE,
        };
        *bucket = i;
    }
    ds->policies[i].n_records++;
    return i;
}

static void policy_leave(struct dialogs *ds, uint32_t index)
{
    struct dialog_policy *p = &ds->policies[index];
    if (--p->n_records > 0)
        return;
    uint32_t *link = policy_bucket(ds, p->policy_id);
    while (*link != index)
        link = &ds->policies[*link].hash_next;
    *link = p->hash_next;
    p->hash_next = ds->policy_free;
    ds->policy_free = index;
}

/* The record that the next one will get: it was used long ago. */
static void free_prefetch(const struct dialogs *ds)
{
    if (ds->free == DIALOG_NONE)
        return;
    const char *p = (const char *)&ds->at[ds->free];
    for (size_t at = 0; at < sizeof(struct dialog); at += 64)
        __builtin_prefetch(p + at, 1);
}

struct dialog *dialog_new(struct dialogs *ds, enum dialog_kind kind, const struct dialog_key *key,
                          uint32_t policy_id)
{
    uint32_t i = ds->free;
    if (i != DIALOG_NONE)
        ds->free = ds->at[i].hash_next;
    else if (ds->fresh < ds->capacity)
        i = ds->fresh++;
    else
        return NULL;
    struct dialog *d = &ds->at[i];
    uint32_t *bucket = bucket_of(ds, key), epoch = d->epoch + 1;
    memset(d, 0, sizeof(*d)); /* in place: a copy of zeroes would cost more than all the rest */
    d->key = *key;
    d->hash_next = *bucket;
    d->epoch = epoch;
    d->kind = (uint8_t)kind;
    d->pins = PIN_NONE;
    d->policy = policy_take(ds, policy_id);
    d->policy_id = policy_id;
    d->idle_prev = d->idle_next = DIALOG_NONE;
    *bucket = i;
    uint32_t depth = 1;
    for (uint32_t other = d->hash_next; other != DIALOG_NONE; other = ds->at[other].hash_next)
        depth++;
    if (depth > ds->deepest)
        __atomic_store_n(&ds->deepest, depth, __ATOMIC_RELAXED);
    __atomic_store_n(&ds->n_used, ds->n_used + 1, __ATOMIC_RELAXED);
    free_prefetch(ds);
    return d;
}

static void links_join(struct dialogs *ds, const struct dialog *d, uint32_t *head, uint32_t *tail)
{
    if (d->idle_prev != DIALOG_NONE)
        ds->at[d->idle_prev].idle_next = d->idle_next;
    else
        *head = d->idle_next;
    if (d->idle_next != DIALOG_NONE)
        ds->at[d->idle_next].idle_prev = d->idle_prev;
    else
        *tail = d->idle_prev;
}

static void links_append(struct dialogs *ds, struct dialog *d, uint32_t *head, uint32_t *tail)
{
    d->idle_prev = *tail;
    d->idle_next = DIALOG_NONE;
    if (*tail != DIALOG_NONE)
        ds->at[*tail].idle_next = dialog_index(ds, d);
    else
        *head = dialog_index(ds, d);
    *tail = dialog_index(ds, d);
}

void dialog_block(struct dialogs *ds, struct dialog *d)
{
    d->blocked = true;
    links_append(ds, d, &ds->blocked_head, &ds->blocked_tail);
}

void dialog_delete(struct dialogs *ds, struct dialog *d)
{
    uint32_t i = dialog_index(ds, d);
    uint32_t *link = bucket_of(ds, &d->key);
    dialog_idle(ds, d, false);
    if (d->blocked)
        links_join(ds, d, &ds->blocked_head, &ds->blocked_tail);
    dialog_count(ds, d, false);
    policy_leave(ds, d->policy);
    while (*link != i)
        link = &ds->at[*link].hash_next;
    *link = d->hash_next;
    d->state = DIALOG_FREE;
    d->hash_next = ds->free;
    ds->free = i;
    __atomic_store_n(&ds->n_used, ds->n_used - 1, __ATOMIC_RELAXED);
}

uint32_t dialog_policy_calls(const struct dialogs *ds, uint32_t policy_id)
{
    uint32_t i = policy_find(ds, policy_id);
    return i == DIALOG_NONE ? 0 : ds->policies[i].n_calls;
}

void dialog_count(struct dialogs *ds, struct dialog *d, bool on)
{
    if (d->counted == on)
        return;
    d->counted = on;
    if (d->kind != DIALOG_CALL)
        return;
    if (on)
        ds->policies[d->policy].n_calls++;
    else
        ds->policies[d->policy].n_calls--;
}

void dialog_idle(struct dialogs *ds, struct dialog *d, bool on)
{
    struct dialog_policy *p = &ds->policies[d->policy];
    if (d->idle) {
        links_join(ds, d, &p->idle_head, &p->idle_tail);
        p->n_idle--;
    }
    d->idle = on;
    if (!on)
        return;
    links_append(ds, d, &p->idle_head, &p->idle_tail);
    p->n_idle++;
}

uint32_t dialog_idle_oldest(const struct dialogs *ds, const struct dialog *d, uint32_t *n)
{
    *n = ds->policies[d->policy].n_idle;
    return ds->policies[d->policy].idle_head;
}

const struct dialog_leg *dialog_leg_find(const struct dialog *d, uint64_t tag)
{
    for (unsigned i = 0; i < d->n_legs; i++)
        if (d->legs[i].tag == tag)
            return &d->legs[i];
    return NULL;
}

struct dialog_leg *dialog_leg(struct dialog *d, uint64_t tag, bool make)
{
    for (unsigned i = 0; i < d->n_legs; i++)
        if (d->legs[i].tag == tag)
            return &d->legs[i];
    if (!make || d->n_legs == DIALOG_LEGS)
        return NULL;
    d->legs[d->n_legs] = (struct dialog_leg){.tag = tag, .state = LEG_EARLY};
    return &d->legs[d->n_legs++];
}

struct dialog_leg *dialog_leg_confirm(struct dialog *d, uint64_t tag)
{
    struct dialog_leg *leg = dialog_leg(d, tag, true);
    for (unsigned i = 0; !leg && i < DIALOG_LEGS; i++)
        if (d->legs[i].state == LEG_EARLY) {
            leg = &d->legs[i];
            *leg = (struct dialog_leg){.tag = tag};
        }
    if (leg && leg->state == LEG_EARLY)
        leg->state = LEG_CONFIRMED;
    return leg;
}

bool dialog_leg_known(const struct dialog *d, uint64_t tag)
{
    for (unsigned i = 0; i < d->n_legs; i++)
        if (d->legs[i].tag == tag)
            return true;
    return d->n_legs == 0 || d->n_legs == DIALOG_LEGS;
}

bool dialog_busy(const struct dialog *d)
{
    return d->invite[0].pending || d->invite[1].pending || d->other[0].pending ||
           d->other[1].pending;
}

bool dialog_peer_known(const struct dialog *d, const struct ip_addr *ip)
{
    for (unsigned i = 0; i < DIALOG_PEERS && i < d->n_peers; i++)
        if (ip_addr_eq(&d->peers[i], ip))
            return true;
    return false;
}

void dialog_peer_add(struct dialog *d, const struct ip_addr *ip)
{
    if (dialog_peer_known(d, ip))
        return;
    if (d->n_peers == DIALOG_PEERS) /* the oldest goes */
        memmove(d->peers, d->peers + 1, (DIALOG_PEERS - 1) * sizeof(d->peers[0]));
    else
        d->n_peers++;
    d->peers[d->n_peers - 1] = *ip;
}

struct pin *pin_new(struct dialogs *ds, struct dialog *d)
{
    uint32_t i = ds->pin_free;
    if (!pins_room(ds, d, 1))
        return NULL;
    if (i != PIN_NONE)
        ds->pin_free = ds->pins[i].next;
    else
        i = ds->pin_fresh++;
    ds->pins[i] = (struct pin){
        .next = d->pins,
        .h = {HANDLE_NONE, HANDLE_NONE},
    };
    d->pins = i;
    d->n_pins++;
    ds->n_pins++;
    return &ds->pins[i];
}

void pin_delete(struct dialogs *ds, struct dialog *d, struct pin *pin)
{
    uint32_t i = (uint32_t)(pin - ds->pins), *link = &d->pins;
    while (*link != i)
        link = &ds->pins[*link].next;
    *link = pin->next;
    pin->next = ds->pin_free;
    ds->pin_free = i;
    d->n_pins--;
    ds->n_pins--;
}

bool pins_room(const struct dialogs *ds, const struct dialog *d, unsigned n)
{
    return n <= ds->pin_capacity - ds->n_pins && (d ? d->n_pins : 0u) + n <= DIALOG_PINS_MAX;
}

struct pin *pin_find(const struct dialogs *ds, const struct dialog *d, enum mapping_kind kind,
                     uint8_t proto, unsigned stream, struct ip_port inside)
{
    for (struct pin *p = pin_at(ds, d->pins); p; p = pin_at(ds, p->next))
        if (p->kind == kind && p->proto == proto && ip_port_eq(p->inside, inside) &&
            (kind == MAPPING_SIGNALLING || p->stream == stream))
            return p;
    return NULL;
}
