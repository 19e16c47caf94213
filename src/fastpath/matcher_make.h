/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files that make a matcher share: sparse sets on their way into it, and the sweep over
 * the ends of a field's intervals. Control thread; gone when the matcher is made. Whoever has no
 * memory ends the process.
 */
#pragma once

#include "config/rows.h"
#include "fastpath/matcher.h"

/* What was made before, by 128 bits that stand for it. */
struct memo_slot {
    uint64_t key[2];
    uint32_t value;
    bool used;
};

struct memo {
    uint32_t n, room; /* room is a power of two, or 0 */
    struct memo_slot *slots;
};

/* The slot of `key`, free when it is new: then fill it before the next call. */
struct memo_slot *memo_slot(struct memo *m, const uint64_t key[2]);
void memo_free(struct memo *m);

/* Sparse sets, as matcher.sets; set 0 is empty. */
struct set_maker {
    uint32_t n_words, n_sums; /* of a whole vector, of its summary */
    size_t n, room, limit;
    uint64_t *sets;
    struct memo memo;
    bool full; /* `limit` words were not enough; sets made since are empty */
};

void sets_begin(struct set_maker *p, uint32_t n_words, size_t limit);

/* All but the sets. */
void sets_end(struct set_maker *p);

/* The set of what two whole vectors differ in; `where` has a bit for each word to look at. Equal
 * sets are one. */
uint32_t sets_add(struct set_maker *p, const uint64_t *a, const uint64_t *b, const uint64_t *where);

/*
 * Items (an address object, a range of ports) begin and end along a line. The sweep gives each
 * stretch between two ends the value that `leaf` finds for the items that cover it; `leaf` is asked
 * once for each combination of items. An item may begin several times before it ends.
 */
struct sweep {
    uint32_t (*leaf)(void *ctx, const uint32_t *items, uint32_t n);
    void *ctx;
    uint32_t *open;  /* by item: how often it has begun and not ended */
    uint32_t *place; /* by item: where in active */
    uint32_t *active, n_active;
    uint64_t print[2]; /* of the active items */
    struct memo memo;  /* combinations of items to their values */
    /* The result: ascending first points, the first of them 0. */
    uint32_t n, room;
    uint32_t *first, *value;
};

void sweep_init(struct sweep *s, uint32_t n_items);
void sweep_free(struct sweep *s);

/* An end of an item: the point in the high half. */
static inline uint64_t sweep_event(uint32_t point, uint32_t item, bool begin)
{
    return (uint64_t)point << 32 | item << 1 | begin;
}

/* Sort by point. */
void sweep_sort(uint64_t *events, size_t n);

/* `events` are sorted by point. What is still active at the end of the line ends there. */
void sweep_run(struct sweep *s, const uint64_t *events, size_t n);

/* calloc, or the end of the process. */
void *make_alloc(size_t n, size_t size);

struct make {
    const struct config_rows *rows;
    struct matcher *m;
    struct set_maker sets;
};

/* A field under way: which rules name which item, and what follows. */
struct field {
    struct make *make;
    uint32_t n_items;
    uint32_t *start; /* item to rules[start[item]] ... rules[start[item + 1] - 1] */
    uint32_t *rules;
    uint64_t *full; /* rules that name an item that has every value */
    uint64_t *base; /* rules to which most values belong: those, and those of wide items */
    /* While sets are made. */
    uint64_t *scratch;  /* equals `full` between two sets */
    uint64_t *standing; /* words in which full and base differ, one bit each */
    uint64_t *where;    /* words of the set being made that may differ from the base */
};

/* The lists of a rule. */
enum list {
    LIST_SRC,
    LIST_DST,
    LIST_SRC6,
    LIST_DST6,
    LIST_SERVICE,
    LIST_VIP
};

void field_init(struct field *f, struct make *make, enum list list, uint32_t n_items);

/* Items are known and wide ones told: sets can be made from now on. */
void field_begin(struct field *f);

/* The base of the finished field, into the matcher's; `member` is the field's word of the first
 * base. Frees the field. */
void field_finish(struct field *f, enum list list, uint64_t *member);

/* Does any rule name it? */
bool field_used(const struct field *f, uint32_t item);

/* An item that has every value, or more than half of them. */
void field_wide(struct field *f, uint32_t item, bool full);

/* Rules that name one of these items, as a set. A leaf of sweeps; `ctx` is the field. */
uint32_t field_set(void *ctx, const uint32_t *items, uint32_t n);

/* The two ends of a range as events (one where it reaches the end of the line); how many. */
size_t range_events(const struct row_range *r, uint32_t item, uint64_t *out);

/* Maps of ports, and the services' part of the first base; `member` as for field_finish. */
void make_services(struct make *k, uint64_t *member);
