/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The table of datagrams in pieces: verdicts against a twin that marks bytes, who makes room for
 * whom, and what is remembered for how long.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"
#include "fastpath/datagrams.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

static struct hash_secret secret;

static void table_make(struct datagrams *d, uint32_t pieces)
{
    hash_secret_fixed(&secret, 1);
    assert_int_equal(datagrams_init(d, pieces, &secret), 0);
}

static struct datagram_name name_of(uint32_t src, uint32_t id)
{
    return (struct datagram_name){ip_addr_of4(be32_of(src)), ip_addr_of4(be32_of(1)), id, 1, 17, 0};
}

/* Put a piece into the datagram of that name, as a worker does; the verdict. `made`: out parameter,
 * how many had to make room. */
static enum datagram_verdict put(struct datagrams *d, const struct datagram_name *name,
                                 struct datagram_piece p, bool more, uint64_t now_ms,
                                 unsigned *made)
{
    uint64_t hash = datagram_hash(d, name);
    for (struct datagram *v; (v = datagrams_victim(d, &name->src));) {
        datagrams_close(d, v);
        *made += 1;
    }
    struct datagram *g = datagrams_find(d, name, hash);
    if (!g)
        g = datagrams_open(d, name, hash, now_ms);
    return datagrams_add(d, g, &p, more);
}

struct row {
    struct {
        unsigned at, n;
        bool more;
    } piece[10];
    enum datagram_verdict last; /* of the last piece; those before wait */
};

static void test_verdicts(void **state)
{
    static const struct row rows[] = {
        {{{0, 8, true}}, DATAGRAM_WAITS},
        {{{0, 8, true}, {8, 8, false}}, DATAGRAM_COMPLETE},
        {{{8, 1, false}, {0, 8, true}}, DATAGRAM_COMPLETE},
        {{{0, 8, true}, {16, 8, false}}, DATAGRAM_WAITS},
        {{{16, 8, false}, {0, 8, true}, {8, 8, true}}, DATAGRAM_COMPLETE},
        /* overlaps: before, behind, around, within, by one unit */
        {{{8, 16, true}, {0, 16, true}}, DATAGRAM_OVERLAP},
        {{{0, 16, true}, {8, 16, true}}, DATAGRAM_OVERLAP},
        {{{8, 8, true}, {0, 24, true}}, DATAGRAM_OVERLAP},
        {{{0, 24, true}, {8, 8, true}}, DATAGRAM_OVERLAP},
        {{{0, 16, true}, {0, 8, true}}, DATAGRAM_OVERLAP},
        {{{0, 8, true}, {0, 16, true}}, DATAGRAM_OVERLAP},
        {{{0, 16, true}, {8, 8, false}}, DATAGRAM_OVERLAP},
        {{{0, 16, true}, {24, 8, true}, {8, 24, true}}, DATAGRAM_OVERLAP},
        /* duplicates, also of the last one, and with another idea of more */
        {{{0, 8, true}, {0, 8, true}}, DATAGRAM_DUPLICATE},
        {{{8, 8, false}, {8, 8, false}}, DATAGRAM_DUPLICATE},
        {{{8, 8, false}, {8, 8, true}}, DATAGRAM_DUPLICATE},
        /* ends */
        {{{16, 8, false}, {24, 8, true}}, DATAGRAM_BAD_END},
        {{{16, 8, false}, {24, 8, false}}, DATAGRAM_BAD_END},
        {{{16, 8, false}, {8, 8, false}}, DATAGRAM_BAD_END},
        {{{24, 8, true}, {16, 8, false}}, DATAGRAM_BAD_END},
        /* eight do, nine do not, whichever it is */
        {{{0, 8, true},
          {8, 8, true},
          {16, 8, true},
          {24, 8, true},
          {32, 8, true},
          {40, 8, true},
          {48, 8, true},
          {56, 3, false}},
         DATAGRAM_COMPLETE},
        {{{8, 8, true},
          {16, 8, true},
          {24, 8, true},
          {32, 8, true},
          {40, 8, true},
          {48, 8, true},
          {56, 8, true},
          {64, 3, false},
          {0, 8, true}},
         DATAGRAM_TOO_MANY},
        {{{64000, 1500, false}, {0, 64000, true}}, DATAGRAM_COMPLETE},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct datagrams d;
        struct datagram_name name = name_of(1, 1);
        unsigned k = 0, made = 0;
        table_make(&d, 64);
        for (; k < COUNT(rows[i].piece) && rows[i].piece[k].n; k++) {
            struct datagram_piece p = {NULL, (uint16_t)rows[i].piece[k].at,
                                       (uint16_t)rows[i].piece[k].n};
            bool last = k + 1 == COUNT(rows[i].piece) || rows[i].piece[k + 1].n == 0;
            enum datagram_verdict v = put(&d, &name, p, rows[i].piece[k].more, 0, &made);
            if (v != (last ? rows[i].last : DATAGRAM_WAITS))
                fail_msg("row %zu piece %u: %d", i, k, (int)v);
        }
        bool taken = rows[i].last == DATAGRAM_WAITS || rows[i].last == DATAGRAM_COMPLETE;
        assert_int_equal(d.pieces, taken ? k : k - 1);
        assert_int_equal(made, 0);
        datagrams_free(&d);
    }
}

/* The same said byte by byte. */
struct twin {
    uint8_t here[512];
    struct {
        unsigned at, n;
    } piece[DATAGRAM_PIECES];
    unsigned n, end, far;
};

static enum datagram_verdict twin_add(struct twin *t, unsigned at, unsigned n, bool more)
{
    bool overlap = false;
    for (unsigned i = 0; i < t->n; i++)
        if (t->piece[i].at == at && t->piece[i].n == n)
            return DATAGRAM_DUPLICATE;
    for (unsigned i = at; i < at + n; i++)
        overlap |= t->here[i];
    if (overlap)
        return DATAGRAM_OVERLAP;
    if ((t->end && (!more || at + n > t->end)) || (!more && t->far > at + n))
        return DATAGRAM_BAD_END;
    if (t->n == DATAGRAM_PIECES)
        return DATAGRAM_TOO_MANY;
    t->piece[t->n].at = at;
    t->piece[t->n++].n = n;
    memset(t->here + at, 1, n);
    t->far = at + n > t->far ? at + n : t->far;
    t->end = more ? t->end : at + n;
    return t->end && memchr(t->here, 0, t->end) == NULL ? DATAGRAM_COMPLETE : DATAGRAM_WAITS;
}

static void test_against_twin(void **state)
{
    struct rng rng = {7};
    unsigned seen[6] = {0};
    struct datagrams d;
    (void)state;
    table_make(&d, 64);
    for (unsigned round = 0; round < 20000; round++) {
        struct datagram_name name = name_of(round, round);
        struct datagram *g = datagrams_open(&d, &name, datagram_hash(&d, &name), round);
        struct twin t = {0};
        enum datagram_verdict v = DATAGRAM_WAITS;
        unsigned small = 1 + rng_below(&rng, 16), held = 0;
        while (v == DATAGRAM_WAITS) {
            unsigned at = 8 * rng_below(&rng, small), n = rng_below(&rng, 8) ? 8 : 16;
            for (unsigned tries = 0; t.here[at] && tries < 3; tries++) /* mostly a free place */
                at = 8 * rng_below(&rng, small);
            bool more = rng_below(&rng, 12) != 0;
            enum datagram_verdict want = twin_add(&t, at, n, more);
            v = datagrams_add(&d, g, &(struct datagram_piece){NULL, (uint16_t)at, (uint16_t)n},
                              more);
            assert_int_equal(v, want);
            held += v == DATAGRAM_WAITS || v == DATAGRAM_COMPLETE;
            assert_int_equal(d.pieces, held);
        }
        for (unsigned i = 0; i + 1 < g->n; i++)
            assert_true(g->piece[i].offset + g->piece[i].n <= g->piece[i + 1].offset);
        seen[v]++;
        datagrams_close(&d, g);
        assert_int_equal(d.pieces, 0);
    }
    for (unsigned v = DATAGRAM_COMPLETE; v < COUNT(seen); v++)
        assert_true(seen[v] > 50);
    datagrams_free(&d);
}

/* Life of many at once against a twin: the same are alive, the oldest of the source goes first. */
static void test_room_against_twin(void **state)
{
    enum {
        PIECES = 64,
        SOURCES = 6
    };
    struct rng rng = {3};
    struct datagrams d;
    struct {
        uint32_t src, id, n;
    } live[PIECES + 1];
    unsigned n_live = 0, total = 0, gone = 0;
    (void)state;
    table_make(&d, PIECES);
    for (uint32_t i = 0; i < 30000; i++) {
        uint32_t src = 1 + (uint32_t)rng_below(&rng, SOURCES), k = 0, of_source = 0, made = 0;
        bool old = n_live && rng_below(&rng, 2);
        uint32_t pick = old ? (uint32_t)rng_below(&rng, n_live) : 0;
        uint32_t id = old ? live[pick].id : i + 1;
        src = old ? live[pick].src : src;
        struct datagram_name name = name_of(src, id);
        for (;;) { /* the twin makes room */
            of_source = 0;
            for (k = 0; k < n_live; k++)
                of_source += live[k].src == src ? live[k].n : 0;
            if (of_source < PIECES / 4 && total < PIECES)
                break;
            for (k = 0; of_source >= PIECES / 4 && live[k].src != src; k++)
                ;
            total -= live[k].n;
            memmove(&live[k], &live[k + 1], (--n_live - k) * sizeof *live);
            gone++;
            made++;
        }
        for (k = 0; k < n_live && live[k].id != id; k++)
            ;
        if (k == n_live)
            live[n_live++] = (typeof(*live)){src, id, 0};
        unsigned got = 0;
        enum datagram_verdict v =
            put(&d, &name, (struct datagram_piece){NULL, (uint16_t)(8 + 16 * live[k].n), 8}, true,
                i, &got);
        assert_int_equal(got, made);
        live[k].n++;
        total++;
        assert_int_equal(v, live[k].n > DATAGRAM_PIECES ? DATAGRAM_TOO_MANY : DATAGRAM_WAITS);
        if (v != DATAGRAM_WAITS || rng_below(&rng, 16) == 0) {
            total -= live[k].n;
            memmove(&live[k], &live[k + 1], (--n_live - k) * sizeof *live);
            struct datagram *g = datagrams_find(&d, &name, datagram_hash(&d, &name));
            if (v != DATAGRAM_WAITS)
                datagrams_refuse(&d, g, 9, i);
            else
                datagrams_close(&d, g);
        }
        assert_int_equal(d.pieces, total);
        for (k = 0; k < n_live; k++) {
            struct datagram_name n = name_of(live[k].src, live[k].id);
            struct datagram *g = datagrams_find(&d, &n, datagram_hash(&d, &n));
            assert_true(g && g->n == live[k].n && g->dead == 0);
        }
    }
    assert_true(gone > 1000);
    datagrams_free(&d);
}

/* One source floods with first pieces: another one's datagram stays until it is complete. */
static void test_flood(void **state)
{
    struct datagrams d;
    struct datagram_name other = name_of(7, 7);
    unsigned made = 0;
    (void)state;
    table_make(&d, 64);
    put(&d, &other, (struct datagram_piece){NULL, 0, 8}, true, 0, &made);
    for (uint32_t i = 0; i < 10000; i++) {
        struct datagram_name name = name_of(1, i);
        put(&d, &name, (struct datagram_piece){NULL, 0, 8}, true, 1, &made);
    }
    assert_int_equal(d.pieces, 16 + 1);
    assert_int_equal(made, 10000 - 16);
    assert_int_equal(put(&d, &other, (struct datagram_piece){NULL, 8, 8}, false, 2, &made),
                     DATAGRAM_COMPLETE);
    datagrams_free(&d);
}

/* From made-up sources, too, nothing is kept but what there is room for, and a newcomer gets in. */
static void test_flood_of_sources(void **state)
{
    struct datagrams d;
    struct datagram_name other = name_of(7, 7);
    unsigned made = 0;
    (void)state;
    table_make(&d, 64);
    for (uint32_t i = 0; i < 10000; i++) {
        struct datagram_name name = name_of(1000 + i, i);
        put(&d, &name, (struct datagram_piece){NULL, 0, 8}, true, 1, &made);
        assert_true(d.pieces <= 64);
    }
    put(&d, &other, (struct datagram_piece){NULL, 0, 8}, true, 2, &made);
    assert_int_equal(put(&d, &other, (struct datagram_piece){NULL, 8, 8}, false, 2, &made),
                     DATAGRAM_COMPLETE);
    datagrams_free(&d);
}

/* The addresses of one /64 are one source, those of two are not. */
static void test_prefixes(void **state)
{
    struct datagrams d;
    unsigned made = 0;
    (void)state;
    table_make(&d, 64);
    for (uint32_t i = 0; i < 1000; i++) {
        struct datagram_name name = {.id = i, .zone = 1};
        name.src.word[0] = be32_of(0x20010db8);
        name.src.word[3] = be32_of(i);
        put(&d, &name, (struct datagram_piece){NULL, 0, 8}, true, 0, &made);
    }
    assert_int_equal(d.pieces, 16);
    struct datagram_name name = {.id = 1, .zone = 1};
    name.src.word[0] = be32_of(0x20010db9);
    put(&d, &name, (struct datagram_piece){NULL, 0, 8}, true, 0, &made);
    assert_int_equal(d.pieces, 17);
    datagrams_free(&d);
}

/* What differs in one part of the name is another datagram. */
static void test_names(void **state)
{
    struct datagrams d;
    struct datagram_name name = name_of(1, 1), n[6];
    (void)state;
    table_make(&d, 64);
    for (size_t i = 0; i < COUNT(n); i++)
        n[i] = name;
    n[1].src = ip_addr_of4(be32_of(2));
    n[2].dst = ip_addr_of4(be32_of(2));
    n[3].id = 2;
    n[4].zone = 2;
    n[5].proto = 6;
    for (size_t i = 0; i < COUNT(n); i++) {
        assert_null(datagrams_find(&d, &n[i], datagram_hash(&d, &n[i])));
        datagrams_open(&d, &n[i], datagram_hash(&d, &n[i]), 0);
    }
    for (size_t i = 0; i < COUNT(n); i++) {
        struct datagram *g = datagrams_find(&d, &n[i], datagram_hash(&d, &n[i]));
        assert_memory_equal(&g->name, &n[i], sizeof n[i]);
        datagrams_close(&d, g);
        assert_null(datagrams_find(&d, &n[i], datagram_hash(&d, &n[i])));
    }
    datagrams_free(&d);
}

/* Waiting ones are overdue in the order they came in; dead ones are forgotten by themselves. */
static void test_time(void **state)
{
    struct datagrams d;
    struct datagram_name name[3];
    unsigned made = 0;
    (void)state;
    table_make(&d, 64);
    assert_true(datagrams_next_ms(&d, 1000) == UINT64_MAX);
    for (uint32_t i = 0; i < 3; i++) {
        name[i] = name_of(1, i);
        put(&d, &name[i], (struct datagram_piece){NULL, 0, 8}, true, 100 * i, &made);
    }
    /* A later piece does not prolong. */
    put(&d, &name[0], (struct datagram_piece){NULL, 8, 8}, true, 900, &made);
    assert_int_equal(datagrams_next_ms(&d, 1000), 1000);
    assert_null(datagrams_overdue(&d, 999, 1000));
    struct datagram *g = datagrams_overdue(&d, 1000, 1000);
    assert_int_equal(g->name.id, 0);
    datagrams_close(&d, g);
    assert_null(datagrams_overdue(&d, 1099, 1000));
    /* A setting that changes holds for those that wait, too. */
    assert_int_equal(datagrams_overdue(&d, 1099, 500)->name.id, 1);

    g = datagrams_find(&d, &name[1], datagram_hash(&d, &name[1]));
    datagrams_refuse(&d, g, 5, 1050);
    assert_int_equal(d.pieces, 1);
    assert_int_equal(datagrams_find(&d, &name[1], datagram_hash(&d, &name[1]))->dead, 5);
    assert_int_equal(datagrams_next_ms(&d, 1000), 1200);
    g = datagrams_overdue(&d, 1200, 1000);
    assert_int_equal(g->name.id, 2);
    datagrams_close(&d, g);
    assert_int_equal(datagrams_next_ms(&d, 1000), 1050 + DATAGRAM_DEAD_MS);
    assert_null(datagrams_overdue(&d, 1050 + DATAGRAM_DEAD_MS - 1, 1000));
    assert_non_null(datagrams_find(&d, &name[1], datagram_hash(&d, &name[1])));
    assert_null(datagrams_overdue(&d, 1050 + DATAGRAM_DEAD_MS, 1000));
    assert_null(datagrams_find(&d, &name[1], datagram_hash(&d, &name[1])));
    assert_true(datagrams_next_ms(&d, 1000) == UINT64_MAX);
    datagrams_free(&d);
}

/* As many dead ones as there are places: they make room, the oldest first. */
static void test_dead_make_room(void **state)
{
    struct datagrams d;
    unsigned made = 0;
    (void)state;
    table_make(&d, 64);
    for (uint32_t i = 0; i < 100; i++) {
        struct datagram_name name = name_of(i, i);
        uint64_t hash = datagram_hash(&d, &name);
        put(&d, &name, (struct datagram_piece){NULL, 0, 8}, true, i, &made);
        datagrams_refuse(&d, datagrams_find(&d, &name, hash), 5, i);
        for (uint32_t k = 0; k <= i; k++) {
            struct datagram_name old = name_of(k, k);
            bool there = datagrams_find(&d, &old, datagram_hash(&d, &old));
            assert_int_equal(there, k + 64 > i);
        }
    }
    assert_int_equal(made, 0);
    datagrams_free(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verdicts),
        cmocka_unit_test(test_against_twin),
        cmocka_unit_test(test_room_against_twin),
        cmocka_unit_test(test_flood),
        cmocka_unit_test(test_flood_of_sources),
        cmocka_unit_test(test_prefixes),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_time),
        cmocka_unit_test(test_dead_make_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
