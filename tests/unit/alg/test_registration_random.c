/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Registrations beside a twin that keeps them as a list: two addresses of record of one phone, four
 * contacts, two registrars; requests that overtake each other, are sent again, refused, challenged,
 * never answered, answered with lists that lack what was asked for or hold what was not. After each
 * step the mappings that are held are those the twin would hold.
 *
 * All times are whole multiples of three seconds but one, the 32 s of waiting: so what ends never
 * meets a message in the same instant.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "alg/registration.h"
#include "asks.h"
#include "asserts.h"
#include "base/rng.h"

#define ROUNDS     150
#define STEPS      120
#define NAMES      2
#define CONTACTS   4
#define UNDER_WAY  4
#define BEAT_MS    3000
#define LONGEST    40 /* of a grant, in beats */
#define NO_SECONDS UINT32_MAX

/* A request under way. */
struct twin_ask {
    unsigned cseq, server;
    bool named[CONTACTS], star;
    uint32_t expires; /* NO_SECONDS: without the header */
    char more[512];   /* as it was sent */
};

struct twin_contact {
    uint64_t end_ms; /* 0: not there */
    uint32_t asked;
    unsigned cseq, server; /* of the request that named it last; who granted, 0 nobody */
};

struct twin {
    struct twin_contact contacts[CONTACTS];
    struct twin_ask asks[UNDER_WAY]; /* oldest first */
    unsigned n_asks;
    bool counted;
};

struct world {
    struct asks f;
    struct rng rng;
    struct twin twins[NAMES];
    char public_form[CONTACTS][64]; /* as the registrar lists it; "" never seen */
    unsigned round, step;
};

static const char *const servers[] = {"", "198.51.100.44", "198.51.100.45"};
static const uint16_t ports[CONTACTS] = {5060, 5062, 5064, 5066};

static uint32_t below(struct world *w, uint32_t n)
{
    return rng_below(&w->rng, n);
}

/*
 * The twin
 */

static void twin_pass(struct twin *t, uint64_t now_ms)
{
    bool any = false;
    for (int i = 0; i < CONTACTS; i++) {
        if (t->contacts[i].end_ms <= now_ms)
            t->contacts[i] = (struct twin_contact){0};
        any |= t->contacts[i].end_ms != 0;
    }
    if (!any) {
        t->n_asks = 0;
        t->counted = false;
    }
}

static void twin_ask(struct twin *t, const struct twin_ask *ask, const uint32_t *asked,
                     uint64_t now_ms)
{
    bool any = false;
    for (int i = 0; i < CONTACTS; i++) {
        struct twin_contact *c = &t->contacts[i];
        if (ask->named[i]) {
            if (c->end_ms < now_ms + REGISTRATION_WAIT_MS)
                c->end_ms = now_ms + REGISTRATION_WAIT_MS;
            c->asked = asked[i];
            c->cseq = ask->cseq;
        }
        any |= c->end_ms != 0;
    }
    if (!any)
        return;
    if (t->n_asks == UNDER_WAY)
        memmove(t->asks, t->asks + 1, --t->n_asks * sizeof(*ask));
    t->asks[t->n_asks++] = *ask;
}

static void twin_grant(struct twin_contact *c, uint32_t seconds, unsigned server, uint64_t now_ms)
{
    c->end_ms = seconds ? now_ms + seconds * 1000ull + REGISTRATION_WAIT_MS : 0;
    c->server = server;
}

static bool twin_waits(const struct twin *t, const struct twin_contact *c)
{
    for (unsigned i = 0; i < t->n_asks; i++)
        if (t->asks[i].cseq == c->cseq)
            return true;
    return false;
}

/* A 2xx: listed[i] is what it grants, NO_SECONDS when it does not list the contact. */
static void twin_granted(struct twin *t, const struct twin_ask *ask, const uint32_t *listed,
                         uint32_t expires, uint64_t now_ms)
{
    for (int i = 0; i < CONTACTS; i++) {
        struct twin_contact *c = &t->contacts[i];
        if (c->end_ms == 0)
            continue;
        if (listed[i] != NO_SECONDS)
            twin_grant(c, listed[i], ask->server, now_ms);
        else if (c->cseq == ask->cseq)
            twin_grant(c, expires != NO_SECONDS ? expires : c->asked, ask->server, now_ms);
        else if (!twin_waits(t, c) && (c->server == 0 || c->server == ask->server))
            c->end_ms = 0;
    }
    t->counted = true;
}

/*
 * The real ones
 */

static uint32_t some_seconds(struct world *w)
{
    return below(w, 8) == 0 ? 0 : (1 + below(w, LONGEST)) * BEAT_MS / 1000;
}

static void as(struct world *w, unsigned name, unsigned cseq, unsigned server)
{
    w->f.to = name ? "sip:b@example.net" : "sip:a@example.net";
    w->f.cseq = cseq;
    w->f.r.outside = rig_endpoint(servers[server], 5060);
}

static void learn_public(struct world *w)
{
    for (int i = 0; i < CONTACTS; i++) {
        struct mapping *m = rig_mapping(&w->f.r, "10.0.0.1", ports[i]);
        w->public_form[i][0] = '\0';
        if (m)
            snprintf(w->public_form[i], sizeof(w->public_form[i]), "<sip:x@203.0.113.9:%u>",
                     be16_host(mapping_public(m).port));
    }
}

static void do_ask(struct world *w)
{
    unsigned name = below(w, NAMES);
    struct twin_ask q = {.server = 1 + below(w, 2), .star = below(w, 10) == 0};
    uint32_t asked[CONTACTS] = {0};
    size_t n = 0;
    q.expires = q.star ? 0 : below(w, 3) == 0 ? NO_SECONDS : some_seconds(w);
    if (q.star)
        n += (size_t)snprintf(q.more + n, sizeof(q.more) - n, "Contact: *\r\n");
    for (int i = 0; i < CONTACTS && !q.star; i++) {
        if (below(w, 2))
            continue;
        n += (size_t)snprintf(q.more + n, sizeof(q.more) - n, "Contact: <sip:x@10.0.0.1:%u>",
                              ports[i]);
        asked[i] = q.expires == NO_SECONDS ? 3600 : q.expires;
        if (below(w, 2)) {
            asked[i] = some_seconds(w);
            n += (size_t)snprintf(q.more + n, sizeof(q.more) - n, ";expires=%u", asked[i]);
        }
        n += (size_t)snprintf(q.more + n, sizeof(q.more) - n, "\r\n");
        q.named[i] = asked[i] > 0;
    }
    if (q.expires != NO_SECONDS)
        snprintf(q.more + n, sizeof(q.more) - n, "Expires: %u\r\n", q.expires);
    as(w, name, w->f.cseq, q.server);
    ask(&w->f, q.more);
    q.cseq = w->f.cseq;
    twin_ask(&w->twins[name], &q, asked, w->f.r.now_ms);
    if (below(w, 4) == 0) { /* sent again at once: the same bytes, and nothing more */
        static char first[RIG_ROOM + 1];
        memcpy(first, w->f.r.out, w->f.r.out_n + 1);
        w->f.cseq--;
        ask(&w->f, q.more);
        assert_string_equal(w->f.r.out, first);
    }
}

/* Lists some contacts as they are outside, each once. */
static void write_list(struct world *w, char *more, size_t cap, uint32_t expires, uint32_t *listed)
{
    size_t n = 0;
    learn_public(w);
    for (int i = 0; i < CONTACTS; i++) {
        listed[i] = NO_SECONDS;
        if (w->public_form[i][0] == '\0' || below(w, 3) == 0)
            continue;
        listed[i] = expires;
        n += (size_t)snprintf(more + n, cap - n, "Contact: %s", w->public_form[i]);
        if (expires == NO_SECONDS || below(w, 2)) {
            listed[i] = some_seconds(w);
            n += (size_t)snprintf(more + n, cap - n, ";expires=%u", listed[i]);
        }
        n += (size_t)snprintf(more + n, cap - n, "\r\n");
    }
    if (expires != NO_SECONDS)
        n += (size_t)snprintf(more + n, cap - n, "Expires: %u\r\n", expires);
    if (below(w, 2))
        snprintf(more + n, cap - n, "Contact: <sip:x@192.0.2.9>;expires=60\r\n");
}

static void do_answer(struct world *w)
{
    static const unsigned statuses[] = {100, 200, 200, 200, 202, 301, 401, 403, 423, 503};
    unsigned name = below(w, NAMES), status = statuses[below(w, COUNT(statuses))];
    struct twin *t = &w->twins[name];
    char more[1024] = "";
    uint32_t listed[CONTACTS], expires = below(w, 2) ? NO_SECONDS : some_seconds(w);
    unsigned newest = w->f.cseq;
    if (t->n_asks == 0)
        return;
    unsigned which = below(w, t->n_asks);
    struct twin_ask q = t->asks[which];
    write_list(w, more, sizeof(more), expires, listed);
    as(w, name, q.cseq, q.server);
    answer(&w->f, status, more);
    w->f.cseq = newest;
    if (status < 200)
        return;
    t->n_asks--;
    memmove(t->asks + which, t->asks + which + 1, (t->n_asks - which) * sizeof(q));
    if (status < 300)
        twin_granted(t, &q, listed, expires, w->f.r.now_ms);
    twin_pass(t, w->f.r.now_ms);
}

static void compare(struct world *w)
{
    unsigned counted = 0;
    for (int n = 0; n < NAMES; n++)
        counted += w->twins[n].counted;
    for (int i = 0; i < CONTACTS; i++) {
        unsigned held = 0;
        for (int n = 0; n < NAMES; n++)
            held += w->twins[n].contacts[i].end_ms != 0;
        if (owners(&w->f, ports[i]) != held)
            fail_msg("round %u step %u: %u hold port %u, %u should", w->round, w->step,
                     owners(&w->f, ports[i]), ports[i], held);
    }
    if (active(&w->f) != counted)
        fail_msg("round %u step %u: %u registrations, not %u", w->round, w->step, active(&w->f),
                 counted);
}

static void pass(struct world *w, uint64_t ms)
{
    rig_wait(&w->f.r, ms);
    for (int n = 0; n < NAMES; n++)
        twin_pass(&w->twins[n], w->f.r.now_ms);
}

static void test_twin(void **state)
{
    static struct world w;
    unsigned held = 0;
    (void)state;
    for (unsigned round = 0; round < ROUNDS; round++) {
        w = (struct world){.round = round};
        set_up(&w.f);
        w.rng.state = round + 1;
        for (w.step = 0; w.step < STEPS; w.step++) {
            if (below(&w, 2))
                do_ask(&w);
            else
                do_answer(&w);
            compare(&w);
            pass(&w, below(&w, 3) * BEAT_MS);
            compare(&w);
            held += rig_records(&w.f.r);
        }
        pass(&w, 3700 * 1000);
        compare(&w);
        assert_int_equal(rig_records(&w.f.r), 0);
        rig_free(&w.f.r);
    }
    assert_true(held > ROUNDS * STEPS / 2); /* the twin had something to say */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_twin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
