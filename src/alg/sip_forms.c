/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A five-way set-associative table: a set is two cache lines, an entry is known by the keyed 64-bit
 * hash of its key alone. Two different keys of one inside host would have to collide in 64 bits to
 * be mistaken for one another, and then a port would be written that the host did not use.
 */
#include "alg/sip_forms.h"

#include "base/mem.h"

#include <errno.h>

#define WAYS 5

struct sip_form_entry {
    uint64_t tag; /* 0: empty */
    uint32_t stamp;
    struct sip_form form;
    uint32_t since_ms; /* when it became this one */
};

struct sip_form_set {
    struct sip_form_entry way[WAYS];
} __attribute__((aligned(64)));

_Static_assert(sizeof(struct sip_form_key) == 40, "a key is hashed whole");
_Static_assert(sizeof(struct sip_form_set) == 128, "a set is two cache lines");

int sip_forms_init(struct sip_forms *f, uint32_t capacity, const struct hash_secret *secret)
{
    uint32_t n = capacity / WAYS + 64;
    f->sets = mem_map((size_t)n * sizeof(struct sip_form_set), false);
    if (!f->sets)
        return -ENOMEM;
    f->n_sets = n;
    f->stamp = f->now_ms = 0;
    f->secret = *secret;
    return 0;
}

void sip_forms_free(struct sip_forms *f)
{
    if (f->sets)
        mem_unmap(f->sets, (size_t)f->n_sets * sizeof(struct sip_form_set));
    f->sets = NULL;
}

static struct sip_form_set *set_of(const struct sip_forms *f, const struct sip_form_key *key,
                                   uint64_t *tag)
{
    uint64_t hash = hash_bytes(&f->secret, key, sizeof(*key));
    *tag = hash | 1;
    return &f->sets[((hash >> 32) * f->n_sets) >> 32];
}

static bool form_eq(const struct sip_form *a, const struct sip_form *b)
{
    return a->kept == b->kept && a->other == b->other && a->port == b->port && a->ip == b->ip;
}

void sip_forms_note(struct sip_forms *f, const struct sip_form_key *key, struct sip_form form)
{
    uint64_t tag;
    struct sip_form_set *set = set_of(f, key, &tag);
    struct sip_form_entry *at = &set->way[0];
    uint32_t now = ++f->stamp;
    for (int i = 0; i < WAYS; i++) {
        struct sip_form_entry *e = &set->way[i];
        if (e->tag == tag) {
            at = e;
            break;
        }
        if (e->tag == 0 || (at->tag != 0 && now - e->stamp > now - at->stamp))
            at = e;
    }
    bool same = at->tag == tag && form_eq(&at->form, &form);
    *at = (struct sip_form_entry){
        .tag = tag, .stamp = now, .form = form, .since_ms = same ? at->since_ms : f->now_ms};
}

static const struct sip_form_entry *entry_find(const struct sip_forms *f,
                                               const struct sip_form_key *key)
{
    uint64_t tag;
    const struct sip_form_set *set = set_of(f, key, &tag);
    for (int i = 0; i < WAYS; i++)
        if (set->way[i].tag == tag)
            return &set->way[i];
    return NULL;
}

bool sip_forms_find(const struct sip_forms *f, const struct sip_form_key *key,
                    struct sip_form *form)
{
    const struct sip_form_entry *e = entry_find(f, key);
    if (e)
        *form = e->form;
    return e != NULL;
}

/* `ms` is some minutes ago at most, and ages are compared: the clock wraps after 49 days. */
bool sip_forms_find_before(const struct sip_forms *f, const struct sip_form_key *key, uint32_t ms,
                           struct sip_form *form)
{
    const struct sip_form_entry *e = entry_find(f, key);
    if (!e || f->now_ms - e->since_ms <= f->now_ms - ms)
        return false;
    *form = e->form;
    return true;
}
