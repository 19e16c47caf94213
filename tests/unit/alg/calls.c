/* SPDX-License-Identifier: BSD-3-Clause */
#include "calls.h"

#include "alg/alg_state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static char text[4096];

static const char *write(const struct say *s, const char *start)
{
    const char *from = s->by_b ? s->b_tag : s->a_tag, *to = s->by_b ? s->a_tag : s->b_tag;
    const char *body = s->sdp ? s->sdp : "";
    int n = snprintf(text, sizeof(text),
                     "%s\r\nVia: SIP/2.0/UDP h.example.net;branch=z9hG4bK%u\r\n"
                     "From: <sip:x@example.net>;tag=%s\r\nTo: <sip:y@example.net>%s%s\r\n"
                     "Call-ID: %s\r\nCSeq: %u %s\r\n%s%sContent-Length: %zu\r\n\r\n%s",
                     start, s->cseq, from, to ? ";tag=" : "", to ? to : "", s->call, s->cseq,
                     s->method, s->more ? s->more : "",
                     s->sdp ? "Content-Type: application/sdp\r\n" : "", strlen(body), body);
    assert_true(n > 0 && (size_t)n < sizeof(text));
    return text;
}

enum alg_verdict request(struct fixture *f, bool outward, struct say s)
{
    char start[64];
    snprintf(start, sizeof(start), "%s sip:y@example.net SIP/2.0", s.method);
    return rig_send(&f->r, &f->phone, outward, slice_str(write(&s, start)));
}

enum alg_verdict respond(struct fixture *f, bool outward, unsigned status, struct say s)
{
    char start[64];
    snprintf(start, sizeof(start), "SIP/2.0 %u Whatever", status);
    return rig_send(&f->r, &f->phone, outward, slice_str(write(&s, start)));
}

const char *sdp_of(const char *ip, unsigned port, const char *more)
{
    static char body[2][512];
    static int which;
    which = !which;
    snprintf(
        body[which], sizeof(body[0]),
        "v=0\r\no=- 1 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio %u RTP/AVP 0\r\n%s", ip,
        ip, port, more ? more : "");
    return body[which];
}

const char *ours(unsigned port)
{
    return sdp_of(INSIDE, port, NULL);
}

const char *theirs(unsigned port)
{
    return sdp_of("198.51.100.77", port, NULL);
}

struct say say(const char *method, unsigned cseq, const char *sdp)
{
    return (struct say){
        .call = "c1", .a_tag = "a", .b_tag = "b", .cseq = cseq, .method = method, .sdp = sdp};
}

struct say first_say(const char *sdp)
{
    struct say s = say("INVITE", 1, sdp);
    s.b_tag = NULL;
    return s;
}

void set_up(struct fixture *f)
{
    rig_init(&f->r, 128, 32);
    f->phone = rig_phone(&f->r, INSIDE, 5060, 40000);
}

void tear_down(struct fixture *f)
{
    rig_free(&f->r);
}

void assert_tables_empty(const struct alg *alg)
{
    const struct dialogs *ds = &alg->dialogs;
    uint32_t free_records = 0, free_pins = 0, free_policies = 0, counted = 0;
    assert_int_equal(ds->n_used, 0);
    assert_int_equal(ds->n_pins, 0);
    assert_int_equal(alg->wheel.n_filed, 0);
    for (uint32_t i = ds->free; i != DIALOG_NONE; i = ds->at[i].hash_next)
        free_records++;
    for (uint32_t i = ds->pin_free; i != PIN_NONE; i = ds->pins[i].next)
        free_pins++;
    for (uint32_t i = ds->policy_free; i != DIALOG_NONE; i = ds->policies[i].hash_next)
        free_policies++;
    assert_int_equal(free_records, ds->fresh);
    assert_int_equal(free_pins, ds->pin_fresh);
    assert_int_equal(free_policies, ds->policy_fresh);
    for (uint32_t i = 0; i < ds->n_buckets; i++)
        assert_true(ds->buckets[i] == DIALOG_NONE && ds->policy_buckets[i] == DIALOG_NONE);
    for (uint32_t i = 0; i < alg->hosts.n; i++)
        counted += alg->hosts.counts[i] + alg->pin_hosts.counts[i] + alg->callers.counts[i];
    assert_int_equal(counted + alg->n_called + alg->n_called_pins, 0);
    /* Those of media go with their mappings. */
    const struct outlets *os = &alg->mappings->outlets;
    for (size_t i = 0; i < (size_t)os->n_buckets * OUTLET_BUCKET; i++)
        assert_true(os->at[i].policy == 0 || os->at[i].holder == OUTLET_FREE);
}

void assert_nothing_left(struct fixture *f)
{
    rig_wait(&f->r, 13 * 3600 * 1000ull);
    assert_tables_empty(f->r.alg);
    assert_int_equal(rig_records(&f->r), 0);
    assert_int_equal(rig_reap(&f->r), 1);
    assert_int_equal(rig_owners(&f->r, INSIDE, 5060), 0);
    assert_int_equal(rig_stats(&f->r).calls_active, 0);
}

void call_up(struct fixture *f)
{
    struct say invite = first_say(ours(6000));
    invite.more = CONTACT;
    assert_int_equal(request(f, true, invite), ALG_REPLACE);
    respond(f, false, 180, say("INVITE", 1, NULL));
    respond(f, false, 200, say("INVITE", 1, theirs(7000)));
    request(f, true, say("ACK", 1, NULL));
    assert_int_equal(rig_stats(&f->r).calls_active, 1);
}

bool open_at(struct fixture *f, uint16_t port)
{
    rig_reap(&f->r);
    return rig_mapping(&f->r, INSIDE, port) && rig_mapping(&f->r, INSIDE, (uint16_t)(port + 1));
}

struct handle handle_at(struct fixture *f, uint16_t port)
{
    struct mapping *m = rig_mapping(&f->r, INSIDE, port);
    assert_non_null(m);
    return store_handle(&f->r.mappings.store, (uint32_t)(m - mapping_at(&f->r.mappings, 0)));
}

const char *only_state(struct fixture *f, const char **ends_by, uint32_t *expire_s)
{
    static struct alg_call call;
    uint32_t cursor = 0;
    if (alg_call_next(f->r.alg, &cursor, f->r.now_ms, &call) != 1)
        return "none";
    if (ends_by)
        *ends_by = call.ends_by;
    if (expire_s)
        *expire_s = call.expire_s;
    return call.state;
}

const char *state_of(struct fixture *f)
{
    return only_state(f, NULL, NULL);
}

void assert_ends_after(struct fixture *f, uint64_t ms, const char *reason)
{
    char want[64];
    assert_string_not_equal(state_of(f), "none");
    rig_events_forget(&f->r);
    rig_wait(&f->r, ms - 100);
    assert_int_equal(rig_events(&f->r, "dialog-ended"), 0);
    rig_wait(&f->r, 200);
    assert_int_equal(rig_events(&f->r, "dialog-ended"), 1);
    snprintf(want, sizeof(want), "\"reason\":\"%s\"", reason);
    assert_non_null(strstr(f->r.events.p, want));
}

void several(struct fixture *f, int from, int to)
{
    for (int i = from; i < to; i++) {
        char call[16];
        snprintf(call, sizeof(call), "m%d", i);
        struct say s = first_say(ours((unsigned)(6000 + 2 * i)));
        s.call = call;
        request(f, true, s);
        s.b_tag = "b";
        s.sdp = theirs(7000);
        respond(f, false, 200, s);
        s.method = "ACK";
        s.sdp = NULL;
        request(f, true, s);
        rig_wait(&f->r, 1000);
    }
}
