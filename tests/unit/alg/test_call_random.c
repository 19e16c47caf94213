/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Calls and registrations as no plan has them: messages in and out of order, repeated and left out,
 * from parties and strangers, with steps of time and changes of the public address in between,
 * under profiles that change too. Whatever happens, timers come to rest at every step, and when all
 * have been silent for long enough nothing is left.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "alg/alg_state.h"
#include "asserts.h"
#include "base/rng.h"
#include "calls.h"

#define ROUNDS  60
#define STEPS   500
#define CALLS   8
#define SCRIPTS 7
#define DIALOGS 12 /* fewer than the calls and registrations want */

struct world {
    struct fixture f;
    struct rng rng;
    unsigned round, step;
    unsigned script[CALLS], at[CALLS];
    bool other_address;
    uint64_t ran; /* timers */
};

static void must(const struct world *w, bool truth, const char *what)
{
    if (truth)
        return;
    print_error("round %u step %u: %s\n", w->round, w->step, what);
    fail();
}

static uint32_t below(struct world *w, uint32_t n)
{
    return rng_below(&w->rng, n);
}

/*
 * Time
 */

/* Each record fires at most once, and what is next comes later. */
static void timers(struct world *w)
{
    struct rig *r = &w->f.r;
    unsigned before = rig_records(r), ran = alg_run_timers(r->alg, r->now_ms, 100000);
    must(w, ran <= before, "a record came out more than once");
    must(w, alg_next_deadline_ms(r->alg) > r->now_ms, "the next timer is due already");
    w->ran += ran;
}

static void pass_time(struct world *w)
{
    static const uint32_t spans[] = {50, 900, 12000, 60000, 400000, 4000000};
    w->f.r.now_ms += below(w, spans[below(w, below(w, 8) ? 3 : COUNT(spans))]);
    timers(w);
    rig_reap(&w->f.r);
}

/* Event by event, as the daemon runs. */
static void silence(struct world *w, uint64_t ms)
{
    struct rig *r = &w->f.r;
    uint64_t end = r->now_ms + ms;
    for (uint64_t next; (next = alg_next_deadline_ms(r->alg)) <= end;) {
        must(w, next > r->now_ms, "time does not go on");
        r->now_ms = next;
        timers(w);
    }
    r->now_ms = end;
    timers(w);
}

/*
 * What surrounds the calls
 */

static void phones(struct world *w)
{
    w->f.r.n_flows = 0;
    w->f.phone = rig_phone(&w->f.r, INSIDE, 5060, below(w, 2) ? 5060 : 40000);
}

static void address_changes(struct world *w)
{
    struct rig *r = &w->f.r;
    for (uint32_t i = 0; i < r->mappings.store.fresh; i++)
        if (record_state(&mapping_at(&r->mappings, i)->r) == RECORD_LIVE)
            mapping_retire(&r->mappings, &r->thread, i);
    rig_reap(r);
    w->other_address = !w->other_address;
    r->public_ip = rig_endpoint(w->other_address ? "203.0.113.10" : "203.0.113.9", 0).ip;
    phones(w);
}

static void profile_changes(struct world *w)
{
    struct voip_profile *p = &w->f.r.profile;
    static const uint32_t keepalives[] = {0, 0, 1, 30, 300, 10080};
    static const uint32_t expiries[] = {10, 60, 210, 3600};
    p->max_idle_dialogs = below(w, 4);
    p->max_dialogs = below(w, 3) ? 0 : 2 + below(w, 6);
    p->call_keepalive_s = keepalives[below(w, COUNT(keepalives))];
    p->provisional_invite_expiry_s = expiries[below(w, COUNT(expiries))];
    p->rtp = below(w, 8);
    p->open_contact_pinhole = below(w, 4);
    p->open_register_pinhole = below(w, 4);
    p->strict_register = below(w, 2);
    p->no_sdp_fixup = !below(w, 8);
    w->f.r.policy_id = 1 + below(w, 2);
}

static void somebody_speaks(struct world *w)
{
    for (uint16_t port = 6000; port < 6012; port += 2)
        if (below(w, 2) && rig_mapping(&w->f.r, INSIDE, port))
            rig_media(&w->f.r, INSIDE, port);
}

static void registers(struct world *w)
{
    static const unsigned statuses[] = {200, 200, 200, 401, 500};
    char text[1024], contact[ENDPOINT_TEXT_MAX];
    unsigned cseq = 1 + below(w, 4), expires = below(w, 4) ? below(w, 5000) : 0;
    bool answer = below(w, 2);
    endpoint_print(answer ? w->f.phone.public_side : w->f.phone.inside, contact);
    snprintf(text, sizeof(text),
             "%s\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKr%u\r\nFrom: <sip:u%u@example.net>;tag=r\r\n"
             "To: <sip:u%u@example.net>\r\nCall-ID: r\r\nCSeq: %u REGISTER\r\n"
             "Contact: <sip:u@%s>\r\nExpires: %u\r\nContent-Length: 0\r\n\r\n",
             answer ? "SIP/2.0 200 Fine" : "REGISTER sip:example.net SIP/2.0", cseq, cseq % 2,
             cseq % 2, cseq, contact, expires);
    if (answer) { /* the status has three digits whatever it is */
        char status[4];
        snprintf(status, sizeof(status), "%u", statuses[below(w, COUNT(statuses))]);
        memcpy(text + strlen("SIP/2.0 "), status, 3);
    }
    rig_send(&w->f.r, &w->f.phone, !answer, slice_str(text));
}

/*
 * Messages of calls
 */

static const char *description(struct world *w, bool outward)
{
    static const char *const more[] = {
        NULL, NULL, NULL, NULL, NULL, NULL, NULL, "a=sendonly\r\n", "a=inactive\r\n"};
    const char *ip = outward ? INSIDE : "198.51.100.77";
    unsigned port = 6000 + 2 * below(w, 6);
    if (!below(w, 10))
        ip = "0.0.0.0";
    return sdp_of(ip, below(w, 20) ? port : 0, more[below(w, COUNT(more))]);
}

/* A line of a script; a request is answered by the other side with `status`. */
struct line {
    const char *method;
    unsigned cseq, status; /* 0: the request itself */
    bool by_b, tag, sdp;
};

static const struct line scripts[SCRIPTS][16] = {
    {{"INVITE", 1, 0, false, false, true},
     {"INVITE", 1, 180, false, true, false},
     {"INVITE", 1, 200, false, true, true},
     {"ACK", 1, 0, false, true, false},
     {"INVITE", 2, 0, false, true, true},
     {"INVITE", 2, 200, false, true, true},
     {"ACK", 2, 0, false, true, false},
     {"BYE", 3, 0, false, true, false},
     {"BYE", 3, 200, false, true, false}},
    {{"INVITE", 1, 0, false, false, false},
     {"INVITE", 1, 200, false, true, true},
     {"ACK", 1, 0, false, true, true},
     {"INFO", 2, 0, false, true, false},
     {"UPDATE", 3, 0, false, true, true},
     {"UPDATE", 3, 200, false, true, true},
     {"BYE", 1, 0, true, true, false},
     {"BYE", 1, 401, true, true, false},
     {"BYE", 2, 0, true, true, false},
     {"BYE", 2, 200, true, true, false}},
    {{"INVITE", 1, 0, false, false, true},
     {"INVITE", 1, 183, false, true, true},
     {"PRACK", 2, 0, false, true, false},
     {"PRACK", 2, 200, false, true, false},
     {"CANCEL", 1, 0, false, false, false},
     {"INVITE", 1, 487, false, true, false},
     {"ACK", 1, 0, false, true, false}},
    {{"INVITE", 1, 0, false, false, true},
     {"INVITE", 1, 407, false, true, false},
     {"ACK", 1, 0, false, true, false},
     {"INVITE", 2, 0, false, false, true},
     {"INVITE", 2, 200, false, true, true},
     {"ACK", 2, 0, false, true, false},
     {"INVITE", 1, 0, true, true, true},
     {"INVITE", 1, 488, true, true, false},
     {"ACK", 1, 0, true, true, false},
     {"BYE", 3, 0, false, true, false},
     {"BYE", 3, 481, false, true, false}},
    {{"INVITE", 1, 0, false, false, true}, /* re-INVITEs that cross */
     {"INVITE", 1, 200, false, true, true},
     {"ACK", 1, 0, false, true, false},
     {"INVITE", 2, 0, false, true, true},
     {"INVITE", 1, 0, true, true, true},
     {"INVITE", 2, 491, false, true, false},
     {"INVITE", 1, 491, true, true, false},
     {"INVITE", 3, 0, false, true, true},
     {"INVITE", 2, 0, true, true, true},
     {"INVITE", 3, 200, false, true, true},
     {"ACK", 3, 0, false, true, false},
     {"INVITE", 2, 200, true, true, true},
     {"ACK", 2, 0, true, true, false},
     {"BYE", 4, 0, false, true, false},
     {"BYE", 4, 200, false, true, false}},
    {{"INVITE", 1, 0, false, false, false}, /* two answer, both with an offer */
     {"INVITE", 1, 183, false, true, false},
     {"INVITE", 1, 183, true, true, false},
     {"INVITE", 1, 200, false, true, true},
     {"INVITE", 1, 200, false, true, true},
     {"INVITE", 1, 200, false, true, true},
     {"ACK", 1, 0, false, true, true},
     {"ACK", 1, 0, false, true, true},
     {"BYE", 2, 0, false, true, false},
     {"BYE", 2, 200, false, true, false}},
    {{"INVITE", 1, 0, false, false, true},
     {"INVITE", 1, 486, false, true, false},
     {"ACK", 1, 0, false, true, false}},
};

static void send_line(struct world *w, unsigned call, const struct line *line)
{
    static const char *const more[] = {NULL,
                                       NULL,
                                       CONTACT,
                                       "Contact: <sip:x@10.0.0.1:5070>\r\n",
                                       "Session-Expires: 90\r\n",
                                       "Expires: 20\r\n",
                                       "Session-Expires: 4000\r\n"};
    char name[8];
    bool a_inside = call % 2, outward = a_inside != line->by_b;
    if (line->status)
        outward = !outward;
    snprintf(name, sizeof(name), "c%u", call);
    struct say s = {
        .call = name,
        .a_tag = "a",
        .b_tag = line->tag ? (below(w, 6) ? "b" : "another") : NULL,
        .cseq = line->cseq,
        .method = line->method,
        .by_b = line->by_b,
        .more = more[below(w, COUNT(more))],
        .sdp = line->sdp ? description(w, outward) : NULL,
    };
    const char *outside = below(w, 12) ? "198.51.100.44" : "198.51.100.66";
    w->f.r.outside = rig_endpoint(outside, 5060);
    if (line->status)
        respond(&w->f, outward, line->status, s);
    else
        request(&w->f, outward, s);
}

/* The next line of a call's script, or the last one again, or one is left out. */
static void call_goes_on(struct world *w)
{
    unsigned call = below(w, CALLS), *at = &w->at[call];
    const struct line *script = scripts[w->script[call]];
    unsigned how = below(w, 8);
    if (*at >= COUNT(scripts[0]) || !script[*at].method) {
        w->script[call] = below(w, SCRIPTS);
        *at = 0;
        script = scripts[w->script[call]];
    }
    if (how == 0 && *at > 0) {
        send_line(w, call, &script[*at - 1]);
        return;
    }
    if (how != 1)
        send_line(w, call, &script[*at]);
    ++*at;
}

static void anything(struct world *w)
{
    static const char *const methods[] = {"INVITE", "ACK",  "BYE",     "CANCEL",   "UPDATE",
                                          "PRACK",  "INFO", "OPTIONS", "SUBSCRIBE"};
    static const unsigned statuses[] = {0,   0,   0,   0,   100, 180, 183, 200, 200,
                                        302, 401, 407, 408, 481, 487, 491, 500, 603};
    struct line line = {
        .method = methods[below(w, COUNT(methods))],
        .cseq = 1 + below(w, 4),
        .status = statuses[below(w, COUNT(statuses))],
        .by_b = below(w, 2),
        .tag = below(w, 3),
        .sdp = below(w, 2),
    };
    send_line(w, below(w, CALLS), &line);
}

static void step(struct world *w)
{
    unsigned what = below(w, 100);
    if (what < 55)
        call_goes_on(w);
    else if (what < 65)
        anything(w);
    else if (what < 70)
        registers(w);
    else if (what < 80)
        somebody_speaks(w);
    else if (what < 96)
        pass_time(w);
    else if (what < 98)
        profile_changes(w);
    else if (what < 99)
        address_changes(w);
    timers(w);
}

static void nothing_is_left(struct world *w)
{
    struct rig *r = &w->f.r;
    struct dialogs *ds = &r->alg->dialogs;
    struct alg_stats stats = rig_stats(r);
    must(w, rig_records(r) == 0 && ds->n_used == 0, "records are left");
    must(w, ds->n_pins == 0, "pins are left");
    must(w, rig_reap(r) == 1, "mappings are left");
    must(w, stats.calls_active == 0 && stats.registers_active == 0, "calls are counted");
    must(w, alg_next_deadline_ms(r->alg) == UINT64_MAX, "a timer is left");
    assert_tables_empty(r->alg);
}

static void test_random(void **state)
{
    uint64_t established = 0, ran = 0;
    (void)state;
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct world *w = calloc(1, sizeof(*w));
        assert_non_null(w);
        *w = (struct world){.rng = {round}, .round = round};
        rig_init(&w->f.r, 256, DIALOGS);
        phones(w);
        profile_changes(w);
        for (w->step = 0; w->step < STEPS; w->step++)
            step(w);
        w->ran = 0;
        silence(w, 13 * 3600 * 1000ull);
        must(w, w->ran < 60ull * DIALOGS, "timers fired in vain");
        ran += w->ran;
        established += rig_stats(&w->f.r).calls_established;
        nothing_is_left(w);
        rig_free(&w->f.r);
        free(w);
    }
    assert_true(established > ROUNDS); /* it did come to calls */
    assert_true(ran > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
