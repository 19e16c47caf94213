/* SPDX-License-Identifier: BSD-3-Clause */
/* The life of calls: every timer to the second, every way a call can end, and its media. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "asserts.h"
#include "rig.h"

#define INSIDE "10.0.0.1"

struct fixture {
    struct rig r;
    struct rig_phone phone;
};

/* What the next message is about; a call between a (who began) and b. */
struct say {
    const char *call, *a_tag, *b_tag;
    unsigned cseq;
    const char *method;
    const char *more; /* further header lines */
    const char *sdp;  /* body or NULL */
    bool by_b;        /* the request was sent by the side that did not begin */
};

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

static enum alg_verdict request(struct fixture *f, bool outward, struct say s)
{
    char start[64];
    snprintf(start, sizeof(start), "%s sip:y@example.net SIP/2.0", s.method);
    return rig_send(&f->r, &f->phone, outward, slice_str(write(&s, start)));
}

static enum alg_verdict respond(struct fixture *f, bool outward, unsigned status, struct say s)
{
    char start[64];
    snprintf(start, sizeof(start), "SIP/2.0 %u Whatever", status);
    return rig_send(&f->r, &f->phone, outward, slice_str(write(&s, start)));
}

static const char *sdp_of(const char *ip, unsigned port, const char *more)
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

static const char *ours(unsigned port)
{
    return sdp_of(INSIDE, port, NULL);
}

static const char *theirs(unsigned port)
{
    return sdp_of("198.51.100.77", port, NULL);
}

static struct say say(const char *method, unsigned cseq, const char *sdp)
{
    return (struct say){
        .call = "c1", .a_tag = "a", .b_tag = "b", .cseq = cseq, .method = method, .sdp = sdp};
}

static struct say first_say(const char *sdp)
{
    struct say s = say("INVITE", 1, sdp);
    s.b_tag = NULL;
    return s;
}

static void set_up(struct fixture *f)
{
    rig_init(&f->r, 128, 32);
    f->phone = rig_phone(&f->r, INSIDE, 5060, 40000);
}

static void tear_down(struct fixture *f)
{
    rig_free(&f->r);
}

/* After everything has run out the tables are as before: the phone's own mapping is left. */
static void assert_nothing_left(struct fixture *f)
{
    rig_wait(&f->r, 13 * 3600 * 1000ull);
    assert_int_equal(rig_records(&f->r), 0);
    assert_int_equal(rig_reap(&f->r), 1);
    assert_int_equal(rig_owners(&f->r, INSIDE, 5060), 0);
    assert_int_equal(rig_stats(&f->r).calls_active, 0);
}

#define CONTACT "Contact: <sip:x@10.0.0.1>\r\n"

static void call_up(struct fixture *f)
{
    struct say invite = first_say(ours(6000));
    invite.more = CONTACT;
    assert_int_equal(request(f, true, invite), ALG_REPLACE);
    respond(f, false, 180, say("INVITE", 1, NULL));
    respond(f, false, 200, say("INVITE", 1, theirs(7000)));
    request(f, true, say("ACK", 1, NULL));
    assert_int_equal(rig_stats(&f->r).calls_active, 1);
}

static bool open_at(struct fixture *f, uint16_t port)
{
    rig_reap(&f->r);
    return rig_mapping(&f->r, INSIDE, port) && rig_mapping(&f->r, INSIDE, (uint16_t)(port + 1));
}

static struct handle handle_at(struct fixture *f, uint16_t port)
{
    struct mapping *m = rig_mapping(&f->r, INSIDE, port);
    assert_non_null(m);
    return store_handle(&f->r.mappings.store, (uint32_t)(m - mapping_at(&f->r.mappings, 0)));
}

static const char *only_state(struct fixture *f, const char **ends_by, uint32_t *expire_s)
{
    static struct alg_call call;
    uint32_t cursor = 0;
    if (!alg_call_next(f->r.alg, &cursor, f->r.now_ms, &call))
        return "none";
    if (ends_by)
        *ends_by = call.ends_by;
    if (expire_s)
        *expire_s = call.expire_s;
    return call.state;
}

static const char *state_of(struct fixture *f)
{
    return only_state(f, NULL, NULL);
}

/* Alive just before `ms` from now, in another state (or gone) just after. */
static void assert_ends_after(struct fixture *f, uint64_t ms, const char *reason)
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

static void test_provisional(void **state)
{
    struct fixture f;
    const char *why;
    uint32_t left;
    (void)state;
    set_up(&f);
    f.r.profile.provisional_invite_expiry_s = 100;
    request(&f, true, first_say(ours(6000)));
    assert_string_equal(only_state(&f, &why, &left), "trying");
    assert_string_equal(why, "provisional-invite-expiry-time");
    assert_int_equal(left, 100);
    assert_ends_after(&f, 100000, "provisional-expiry");
    assert_false(open_at(&f, 6000));
    assert_int_equal(rig_stats(&f.r).calls_failed, 1);

    request(&f, true, first_say(ours(6000)));
    rig_wait(&f.r, 60000);
    request(&f, true, first_say(ours(6000))); /* sent again: restarts nothing */
    rig_wait(&f.r, 30000);
    respond(&f, false, 183, say("INVITE", 1, theirs(7000)));
    assert_string_equal(state_of(&f), "early");
    assert_ends_after(&f, 100000, "provisional-expiry");
    assert_int_equal(rig_stats(&f.r).calls_attempted, 2);

    struct say expires = first_say(ours(6000));
    expires.more = "Expires: 10\r\n";
    request(&f, true, expires);
    assert_ends_after(&f, 42000, "provisional-expiry");
    assert_nothing_left(&f);
    tear_down(&f);
}

static void test_early_media_longer_than_the_timer(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f);
    request(&f, true, first_say(ours(6000)));
    for (int i = 0; i < 6; i++) {
        rig_wait(&f.r, 60000);
        respond(&f, false, 183, say("INVITE", 1, theirs(7000)));
    }
    assert_true(open_at(&f, 6000));
    respond(&f, false, 200, say("INVITE", 1, NULL));
    request(&f, true, say("ACK", 1, NULL));
    assert_true(open_at(&f, 6000));
    assert_string_equal(state_of(&f), "established");
    tear_down(&f);
}

static void test_cancel(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f);
    request(&f, true, first_say(ours(6000)));
    respond(&f, false, 180, say("INVITE", 1, NULL));
    struct say cancel = first_say(NULL);
    cancel.method = "CANCEL";
    cancel.cseq = 2;
    request(&f, true, cancel); /* of nothing */
    assert_true(open_at(&f, 6000));
    cancel.cseq = 1;
    request(&f, false, cancel); /* from the wrong side */
    assert_true(open_at(&f, 6000));
    request(&f, true, cancel);
    assert_false(open_at(&f, 6000));
    assert_string_equal(state_of(&f), "cancelled");
    respond(&f, false, 200, cancel);
    assert_string_equal(state_of(&f), "cancelled");
    respond(&f, false, 487, say("INVITE", 1, NULL));
    assert_int_equal(rig_events(&f.r, "dialog-ended"), 1);
    assert_int_equal(rig_stats(&f.r).calls_failed, 1);
    request(&f, true, say("ACK", 1, NULL));
    request(&f, true, first_say(ours(6000))); /* a late copy of the INVITE */
    assert_int_equal(rig_stats(&f.r).calls_attempted, 1);
    assert_false(open_at(&f, 6000));
    assert_nothing_left(&f);
    tear_down(&f);
}

static void test_cancel_crosses_answer(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f);
    request(&f, true, first_say(ours(6000)));
    struct say cancel = first_say(NULL);
    cancel.method = "CANCEL";
    request(&f, true, cancel);
    respond(&f, false, 200, say("INVITE", 1, theirs(7000)));
    assert_string_equal(state_of(&f), "answered");
    request(&f, true, say("ACK", 1, NULL));
    request(&f, true, say("BYE", 2, NULL));
    respond(&f, false, 200, say("BYE", 2, NULL));
    assert_int_equal(rig_stats(&f.r).calls_failed, 0);
    assert_int_equal(rig_stats(&f.r).calls_established, 1);
    assert_nothing_left(&f);

    request(&f, true, first_say(ours(6000)));
    request(&f, true, cancel);
    assert_ends_after(&f, 32000, "cancelled");
    tear_down(&f);
}

static void test_final_refusals(void **state)
{
    static const unsigned statuses[] = {404, 403, 486, 500, 503, 600, 603, 480};
    struct fixture f;
    (void)state;
    set_up(&f);
    for (size_t i = 0; i < COUNT(statuses); i++) {
        struct say s = first_say(ours(6000));
        s.call = "other";
        s.cseq = (unsigned)i + 1;
        request(&f, true, s);
        assert_true(open_at(&f, 6000));
        rig_events_forget(&f.r);
        s.b_tag = "b";
        respond(&f, false, statuses[i], s);
        assert_false(open_at(&f, 6000));
        assert_int_equal(rig_events(&f.r, "dialog-ended"), 1);
        assert_int_equal(rig_stats(&f.r).calls_failed, i + 1);
        rig_wait(&f.r, 1000);
    }
    assert_int_equal(rig_stats(&f.r).calls_attempted, COUNT(statuses));
    assert_nothing_left(&f);
    tear_down(&f);
}

/* 401, 407, 302: the next INVITE finds the same public port, and it is the same attempt. */
static void test_retry(void **state)
{
    static const unsigned statuses[] = {401, 407, 302, 422, 488};
    (void)state;
    for (size_t i = 0; i < COUNT(statuses); i++) {
        struct fixture f;
        bool again = statuses[i] != 488;
        set_up(&f);
        request(&f, true, first_say(ours(6000)));
        struct handle before = handle_at(&f, 6000);
        respond(&f, false, statuses[i], say("INVITE", 1, NULL));
        request(&f, true, say("ACK", 1, NULL));
        assert_int_equal(open_at(&f, 6000), again);
        assert_int_equal(rig_stats(&f.r).calls_failed, !again);
        struct say s = first_say(ours(6000));
        s.cseq = 2;
        request(&f, true, s);
        struct handle after = handle_at(&f, 6000);
        assert_int_equal(after.index == before.index && after.epoch == before.epoch, again);
        assert_int_equal(rig_stats(&f.r).calls_attempted, again ? 1 : 2);
        respond(&f, false, 200, say("INVITE", 2, theirs(7000)));
        request(&f, true, say("ACK", 2, NULL));
        assert_int_equal(rig_stats(&f.r).calls_established, 1);
        assert_true(open_at(&f, 6000));
        assert_nothing_left(&f);
        tear_down(&f);
    }
}

static void test_retry_that_does_not_come(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f);
    request(&f, true, first_say(ours(6000)));
    respond(&f, false, 407, say("INVITE", 1, NULL));
    assert_int_equal(rig_stats(&f.r).calls_failed, 0);
    assert_ends_after(&f, 5000, "rejected");
    assert_int_equal(rig_stats(&f.r).calls_failed, 1);
    assert_false(open_at(&f, 6000));
    assert_nothing_left(&f);
    tear_down(&f);
}

static void test_bye(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f);
    call_up(&f);
    request(&f, true, say("BYE", 2, NULL));
    assert_string_equal(state_of(&f), "ending");
    respond(&f, false, 407, say("BYE", 2, NULL));
    assert_string_equal(state_of(&f), "established");
    request(&f, true, say("BYE", 3, NULL));
    assert_ends_after(&f, 32000, "bye-unanswered");
    assert_nothing_left(&f);

    call_up(&f);
    struct say bye = say("BYE", 1, NULL);
    bye.by_b = true;
    request(&f, false, bye);
    respond(&f, true, 481, bye);
    assert_string_equal(state_of(&f), "ended");
    rig_wait(&f.r, 4900);
    assert_true(open_at(&f, 6000));
    respond(&f, true, 481, bye); /* sent again */
    rig_wait(&f.r, 200);
    assert_false(open_at(&f, 6000));
    assert_nothing_left(&f);
    tear_down(&f);
}

static void test_session_expires(void **state)
{
    struct fixture f;
    const char *why;
    uint32_t left;
    (void)state;
    set_up(&f);
    request(&f, true, first_say(ours(6000)));
    struct say ok = say("INVITE", 1, theirs(7000));
    ok.more = "Session-Expires: 120;refresher=uac\r\n";
    respond(&f, false, 200, ok);
    request(&f, true, say("ACK", 1, NULL));
    only_state(&f, &why, &left);
    assert_string_equal(why, "session-expires");
    assert_int_equal(left, 120);

    rig_wait(&f.r, 100000);
    request(&f, true, say("UPDATE", 2, NULL));
    struct say updated = say("UPDATE", 2, NULL);
    updated.more = "x: 200\r\n";
    respond(&f, false, 200, updated);
    assert_ends_after(&f, 200000, "session-expires");
    assert_nothing_left(&f);

    /* Too short is 90 s; without it the default, here by a re-INVITE. */
    request(&f, true, first_say(ours(6000)));
    ok.more = "Session-Expires: 1\r\n";
    respond(&f, false, 200, ok);
    request(&f, true, say("ACK", 1, NULL));
    only_state(&f, &why, &left);
    assert_int_equal(left, 90);
    request(&f, true, say("INVITE", 2, ours(6000)));
    respond(&f, false, 200, say("INVITE", 2, theirs(7000)));
    request(&f, true, say("ACK", 2, NULL));
    only_state(&f, &why, &left);
    assert_string_equal(why, "silence");
    assert_int_equal(left, 3600);
    tear_down(&f);
}

static void test_hard_limit(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f);
    call_up(&f);
    for (int hour = 0; hour < 11; hour++) {
        rig_wait(&f.r, 3599 * 1000ull);
        rig_media(&f.r, INSIDE, 6000);
    }
    rig_wait(&f.r, 11000); /* 11 hours since the INVITE */
    rig_media(&f.r, INSIDE, 6000);
    rig_wait(&f.r, 3500 * 1000ull);
    rig_media(&f.r, INSIDE, 6000);
    assert_ends_after(&f, 100000, "hard-limit");
    assert_nothing_left(&f);
    tear_down(&f);
}

static void test_silence(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f);
    call_up(&f);
    rig_wait(&f.r, 3000 * 1000ull);
    request(&f, true, say("INFO", 5, NULL)); /* signalling counts too */
    assert_ends_after(&f, 3600 * 1000ull, "silence");
    assert_nothing_left(&f);
    tear_down(&f);
}

static void test_keepalive(void **state)
{
    struct fixture f;
    const char *why;
    uint32_t left;
    (void)state;
    set_up(&f);
    f.r.profile.call_keepalive_s = 100;
    call_up(&f);
    only_state(&f, &why, &left);
    assert_string_equal(why, "call-keepalive");
    assert_int_equal(left, 100);
    rig_wait(&f.r, 60000);
    rig_media(&f.r, INSIDE, 6000);
    rig_wait(&f.r, 30000);
    request(&f, true, say("INFO", 5, NULL)); /* signalling does not count */
    assert_ends_after(&f, 70000, "call-keepalive");
    assert_false(open_at(&f, 6000));
    assert_string_equal(state_of(&f), "blocked");
    assert_int_equal(rig_stats(&f.r).calls_active, 0);

    rig_wait(&f.r, 31700);
    assert_int_equal(request(&f, true, say("BYE", 6, NULL)), ALG_DROP);
    assert_int_equal(f.r.reason, ALG_REASON_SIP_CALL_ENDED);
    struct say info = say("INFO", 7, NULL);
    info.by_b = true;
    assert_int_equal(request(&f, false, info), ALG_DROP);
    assert_int_equal(rig_stats(&f.r).method[2].blocked[0], 1); /* BYE */
    rig_wait(&f.r, 300);
    assert_int_equal(request(&f, true, say("BYE", 6, NULL)), ALG_PASS);
    assert_nothing_left(&f);
    tear_down(&f);
}

static void test_hold(void **state)
{
    static const char *const holds[] = {"a=sendonly\r\n", "a=inactive\r\n", NULL};
    (void)state;
    for (size_t i = 0; i < COUNT(holds); i++) {
        struct fixture f;
        set_up(&f);
        f.r.profile.call_keepalive_s = 100;
        call_up(&f);
        struct handle before = handle_at(&f, 6000);
        const char *sdp = holds[i] ? sdp_of(INSIDE, 6000, holds[i]) : sdp_of("0.0.0.0", 6000, NULL);
        request(&f, true, say("INVITE", 2, sdp));
        assert_non_null(strstr(f.r.out, "m=audio 6000 "));
        respond(&f, false, 200, say("INVITE", 2, theirs(7000)));
        request(&f, true, say("ACK", 2, NULL));
        rig_wait(&f.r, 9 * 3600 * 1000ull);
        assert_true(open_at(&f, 6000));
        request(&f, true, say("INVITE", 3, ours(6000)));
        respond(&f, false, 200, say("INVITE", 3, theirs(7000)));
        request(&f, true, say("ACK", 3, NULL));
        struct handle after = handle_at(&f, 6000);
        assert_true(after.index == before.index && after.epoch == before.epoch);
        assert_ends_after(&f, 100000, "call-keepalive");
        tear_down(&f);
    }
}

static void test_hold_refused(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f);
    f.r.profile.call_keepalive_s = 100;
    call_up(&f);
    request(&f, true, say("INVITE", 2, sdp_of(INSIDE, 6000, "a=sendonly\r\n")));
    respond(&f, false, 488, say("INVITE", 2, NULL));
    rig_media(&f.r, INSIDE, 6000);
    assert_ends_after(&f, 100000, "call-keepalive");
    tear_down(&f);
}

static void test_media_moves(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f);
    call_up(&f);
    request(&f, true, say("INVITE", 2, ours(6100)));
    assert_true(open_at(&f, 6000) && open_at(&f, 6100));
    respond(&f, false, 488, say("INVITE", 2, NULL));
    assert_true(open_at(&f, 6000) && !open_at(&f, 6100));

    request(&f, true, say("INVITE", 3, ours(6100)));
    respond(&f, false, 180, say("INVITE", 3, NULL));
    assert_true(open_at(&f, 6000) && open_at(&f, 6100));
    respond(&f, false, 200, say("INVITE", 3, theirs(7000)));
    assert_true(!open_at(&f, 6000) && open_at(&f, 6100));
    respond(&f, false, 200, say("INVITE", 3, theirs(7000)));
    request(&f, true, say("ACK", 3, NULL));
    request(&f, true, first_say(ours(6000))); /* a copy of the first one, hours late */
    request(&f, true, say("ACK", 3, NULL));
    assert_true(open_at(&f, 6100));

    /* The other side asks, we answer with another port. */
    struct say theirs_say = say("INVITE", 1, theirs(7100));
    theirs_say.by_b = true;
    request(&f, false, theirs_say);
    theirs_say.sdp = ours(6200);
    respond(&f, true, 200, theirs_say);
    assert_true(!open_at(&f, 6100) && open_at(&f, 6200));
    theirs_say.method = "ACK";
    theirs_say.sdp = NULL;
    request(&f, false, theirs_say);

    /* UPDATE, refused and taken. */
    request(&f, true, say("UPDATE", 4, ours(6300)));
    respond(&f, false, 491, say("UPDATE", 4, NULL));
    assert_true(open_at(&f, 6200) && !open_at(&f, 6300));
    request(&f, true, say("UPDATE", 5, ours(6300)));
    respond(&f, false, 200, say("UPDATE", 5, theirs(7000)));
    assert_true(!open_at(&f, 6200) && open_at(&f, 6300));
    assert_nothing_left(&f);
    tear_down(&f);
}

static void test_late_offer(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f);
    request(&f, true, first_say(NULL));
    respond(&f, false, 200, say("INVITE", 1, theirs(7000)));
    request(&f, true, say("ACK", 1, ours(6000)));
    assert_true(open_at(&f, 6000));
    assert_string_equal(state_of(&f), "established");

    /* The other side asks for our offer in a 2xx, and answers in its ACK. */
    struct say re = say("INVITE", 1, NULL);
    re.by_b = true;
    request(&f, false, re);
    re.sdp = ours(6100);
    respond(&f, true, 200, re);
    assert_true(open_at(&f, 6000) && open_at(&f, 6100));
    respond(&f, true, 200, re);
    re.method = "ACK";
    re.sdp = theirs(7000);
    request(&f, false, re);
    assert_true(!open_at(&f, 6000) && open_at(&f, 6100));
    assert_nothing_left(&f);
    tear_down(&f);
}

/* Reliable early media: an answer in 183, an UPDATE before the 2xx, a 2xx without description. */
static void test_early_update(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f);
    request(&f, true, first_say(ours(6000)));
    respond(&f, false, 183, say("INVITE", 1, theirs(7000)));
    request(&f, true, say("PRACK", 2, NULL));
    respond(&f, false, 200, say("PRACK", 2, NULL));
    request(&f, true, say("UPDATE", 3, ours(6100)));
    respond(&f, false, 500, say("UPDATE", 3, NULL));
    assert_true(open_at(&f, 6000) && !open_at(&f, 6100));
    request(&f, true, say("UPDATE", 4, ours(6100)));
    respond(&f, false, 200, say("UPDATE", 4, theirs(7000)));
    assert_true(!open_at(&f, 6000) && open_at(&f, 6100));
    respond(&f, false, 200, say("INVITE", 1, NULL));
    request(&f, true, say("ACK", 1, NULL));
    assert_true(open_at(&f, 6100));
    assert_nothing_left(&f);
    tear_down(&f);
}

static void test_call_in(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f);
    request(&f, false, first_say(theirs(7000)));
    assert_int_equal(f.r.verdict, ALG_PASS);
    respond(&f, true, 180, say("INVITE", 1, NULL));
    assert_false(open_at(&f, 6000));
    struct say ok = say("INVITE", 1, ours(6000));
    ok.more = CONTACT;
    respond(&f, true, 200, ok);
    assert_non_null(strstr(f.r.out, "Contact: <sip:x@203.0.113.9:40000>"));
    assert_non_null(strstr(f.r.out, "c=IN IP4 203.0.113.9"));
    assert_true(open_at(&f, 6000));
    assert_int_equal(rig_owners(&f.r, INSIDE, 5060), 1);
    struct text first = {0};
    text_puts(&first, f.r.out);
    respond(&f, true, 200, ok);
    assert_string_equal(f.r.out, first.p);
    text_free(&first);
    assert_int_equal(rig_owners(&f.r, INSIDE, 6000), 1);
    request(&f, false, say("ACK", 1, NULL));
    assert_string_equal(state_of(&f), "established");
    struct say bye = say("BYE", 1, NULL);
    bye.by_b = true;
    request(&f, true, bye);
    respond(&f, false, 200, bye);
    assert_string_equal(state_of(&f), "ended");
    assert_nothing_left(&f);
    tear_down(&f);
}

static void test_forking(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f);
    request(&f, true, first_say(ours(6000)));
    struct say one = say("INVITE", 1, theirs(7000)), two = one;
    two.b_tag = "other";
    respond(&f, false, 183, one);
    respond(&f, false, 183, two);
    respond(&f, false, 200, one);
    respond(&f, false, 200, two);
    one.sdp = two.sdp = NULL;
    one.method = two.method = "ACK";
    request(&f, true, one);
    request(&f, true, two);
    assert_int_equal(rig_records(&f.r), 1);
    assert_int_equal(rig_stats(&f.r).calls_established, 1);
    one.method = two.method = "BYE";
    one.cseq = two.cseq = 2;
    request(&f, true, two);
    respond(&f, false, 200, two);
    assert_string_equal(state_of(&f), "established");
    assert_true(open_at(&f, 6000));
    request(&f, true, one);
    respond(&f, false, 200, one);
    assert_string_equal(state_of(&f), "ended");
    assert_nothing_left(&f);
    tear_down(&f);
}

static void test_shared_port(void **state)
{
    struct fixture f;
    char call[20][8];
    (void)state;
    set_up(&f);
    for (int i = 0; i < 20; i++) {
        snprintf(call[i], sizeof(call[i]), "n%d", i);
        struct say s = first_say(ours(6000));
        s.call = call[i];
        request(&f, true, s);
        s.b_tag = "b";
        s.sdp = theirs((unsigned)(7000 + 2 * i));
        respond(&f, false, 200, s);
        s.method = "ACK";
        s.sdp = NULL;
        request(&f, true, s);
    }
    assert_int_equal(rig_owners(&f.r, INSIDE, 6000), 20);
    assert_int_equal(rig_owners(&f.r, INSIDE, 6001), 20);
    assert_int_equal(rig_events(&f.r, "mapping-opened"), 2);
    for (unsigned i = 0; i < 20; i++) {
        assert_true(open_at(&f, 6000));
        struct say s = say("BYE", 2, NULL);
        s.call = call[i];
        request(&f, true, s);
        respond(&f, false, 200, s);
        rig_wait(&f.r, 5100);
        assert_int_equal(rig_owners(&f.r, INSIDE, 6000), 19 - i);
        assert_int_equal(rig_stats(&f.r).calls_active, 19 - i);
    }
    assert_nothing_left(&f);
    tear_down(&f);
}

/* Phone one calls phone two through an outside proxy: the same dialog crosses the box twice. */
static void test_hairpin(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f);
    struct rig_phone one = f.phone, two = rig_phone(&f.r, "10.0.0.2", 5060, 40002);
    request(&f, true, first_say(ours(6000)));
    f.phone = two;
    request(&f, false, first_say(sdp_of("203.0.113.9", 6000, NULL)));
    assert_int_equal(rig_records(&f.r), 2);
    respond(&f, true, 200, say("INVITE", 1, sdp_of("10.0.0.2", 6000, NULL)));
    assert_non_null(strstr(f.r.out, "c=IN IP4 203.0.113.9"));
    assert_null(strstr(f.r.out, "m=audio 6000 ")); /* the first phone has that one */
    f.phone = one;
    respond(&f, false, 200, say("INVITE", 1, sdp_of("203.0.113.9", 8000, NULL)));
    request(&f, true, say("ACK", 1, NULL));
    f.phone = two;
    request(&f, false, say("ACK", 1, NULL));
    assert_int_equal(rig_stats(&f.r).calls_established, 2);
    request(&f, false, say("BYE", 2, NULL));
    respond(&f, true, 200, say("BYE", 2, NULL));
    rig_wait(&f.r, 6000);
    assert_int_equal(rig_records(&f.r), 1);
    assert_non_null(rig_mapping(&f.r, INSIDE, 6000));
    assert_null(rig_mapping(&f.r, "10.0.0.2", 6000));
    tear_down(&f);
}

/* The same host calls itself through the proxy. */
static void test_hairpin_to_itself(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f);
    request(&f, true, first_say(ours(6000)));
    request(&f, false, first_say(sdp_of("203.0.113.9", 6000, NULL)));
    assert_int_equal(rig_records(&f.r), 2);
    respond(&f, true, 200, say("INVITE", 1, ours(6100)));
    respond(&f, false, 200, say("INVITE", 1, sdp_of("203.0.113.9", 6100, NULL)));
    request(&f, true, say("ACK", 1, NULL));
    request(&f, false, say("ACK", 1, NULL));
    assert_int_equal(rig_stats(&f.r).calls_established, 2);
    request(&f, true, say("BYE", 2, NULL));
    request(&f, false, say("BYE", 2, NULL));
    respond(&f, true, 200, say("BYE", 2, NULL));
    respond(&f, false, 200, say("BYE", 2, NULL));
    assert_nothing_left(&f);
    tear_down(&f);
}

static void several(struct fixture *f, int from, int to)
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

static void test_max_idle(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f);
    f.r.profile.max_idle_dialogs = 3;
    several(&f, 0, 3);
    assert_int_equal(rig_records(&f.r), 3);
    several(&f, 3, 4);
    assert_int_equal(rig_records(&f.r), 3);
    assert_false(open_at(&f, 6000)); /* the oldest */
    assert_true(open_at(&f, 6002));
    assert_non_null(strstr(f.r.events.p, "max-idle-dialogs"));

    struct say info = say("INFO", 9, NULL); /* a message makes it the youngest */
    info.call = "m1";
    request(&f, true, info);
    several(&f, 4, 5);
    assert_true(open_at(&f, 6002));
    assert_false(open_at(&f, 6004));

    /* A call that is spoken in is not idle; when it falls silent it is, without any message. */
    rig_media(&f.r, INSIDE, 6006);
    rig_media(&f.r, INSIDE, 6002);
    rig_media(&f.r, INSIDE, 6008);
    several(&f, 5, 6);
    assert_int_equal(rig_records(&f.r), 3);
    f.r.policy_id = 2; /* another policy has its own count */
    several(&f, 6, 8);
    assert_int_equal(rig_records(&f.r), 5);
    assert_nothing_left(&f);
    tear_down(&f);
}

/* All that are there are spoken in: nobody ends, until one falls silent. */
static void test_max_idle_later(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f);
    f.r.profile.max_idle_dialogs = 2;
    several(&f, 0, 2);
    rig_media(&f.r, INSIDE, 6000);
    rig_media(&f.r, INSIDE, 6002);
    struct say s = first_say(NULL);
    s.call = "m9";
    request(&f, true, s);
    s.b_tag = "b";
    respond(&f, false, 200, s);
    s.method = "ACK";
    f.r.profile.rtp = false;
    request(&f, true, s); /* the youngest itself is the idle one too many */
    assert_int_equal(rig_records(&f.r), 2);
    assert_true(open_at(&f, 6000) && open_at(&f, 6002));
    tear_down(&f);
}

static void test_max_dialogs(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f);
    f.r.profile.max_dialogs = 2;
    several(&f, 0, 2);
    struct say s = first_say(ours(6100));
    s.call = "m8";
    assert_int_equal(request(&f, true, s), ALG_DROP);
    assert_int_equal(f.r.reason, ALG_REASON_SIP_DIALOG_LIMIT);
    assert_false(open_at(&f, 6100));
    assert_int_equal(request(&f, false, s), ALG_DROP);
    struct say bye = say("BYE", 2, NULL);
    bye.call = "m0";
    request(&f, true, bye);
    respond(&f, false, 200, bye);
    assert_int_equal(request(&f, true, s), ALG_REPLACE);
    assert_nothing_left(&f);
    tear_down(&f);
}

static void test_clear(void **state)
{
    struct fixture f;
    struct alg_call call;
    uint32_t cursor = 0;
    (void)state;
    set_up(&f);
    call_up(&f);
    assert_int_equal(alg_call_next(f.r.alg, &cursor, f.r.now_ms, &call), 1);
    assert_string_equal(call.call_id, "c1");
    assert_string_equal(call.from, "sip:x@example.net");
    assert_string_equal(call.method, "ACK");
    assert_string_equal(call.state, "established");
    assert_string_equal(call.profile, "default");
    assert_true(call.idle);
    assert_int_equal(call.n_media, 1);
    assert_int_equal(be16_host(call.media[0].inside.port), 6000);
    assert_int_equal(be16_host(call.media[0].remote.port), 7000);
    assert_int_equal(call.media[0].idle_s, UINT32_MAX);
    assert_int_equal(alg_call_next(f.r.alg, &cursor, f.r.now_ms, &call), 0);
    assert_int_equal(alg_call_clear(f.r.alg, call.id, f.r.now_ms), 0);
    assert_int_equal(alg_call_clear(f.r.alg, call.id, f.r.now_ms), -ESTALE);
    assert_int_equal(alg_call_clear(f.r.alg, 77, f.r.now_ms), -ESTALE);
    assert_false(open_at(&f, 6000));
    assert_nothing_left(&f);
    tear_down(&f);
}

static void test_stats_clear(void **state)
{
    struct fixture f;
    (void)state;
    set_up(&f);
    call_up(&f);
    struct alg_stats s = rig_stats(&f.r);
    assert_int_equal(s.method[5].received[0], 1); /* INVITE */
    assert_int_equal(s.method[5].received[1], 2);
    assert_int_equal(s.method[1].received[0], 1); /* ACK */
    rig_send(&f.r, &f.phone, true, slice_str("INVITE x\r\n\r\n"));
    s = rig_stats(&f.r);
    assert_int_equal(s.method[0].received[0] + s.method[0].unknown_form[0],
                     f.r.verdict == ALG_DROP ? 2 : 0);
    alg_stats_clear(f.r.alg);
    s = rig_stats(&f.r);
    assert_int_equal(s.calls_attempted, 0);
    assert_int_equal(s.method[5].received[1], 0);
    assert_int_equal(s.calls_active, 1);
    tear_down(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_provisional),
        cmocka_unit_test(test_early_media_longer_than_the_timer),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_cancel_crosses_answer),
        cmocka_unit_test(test_final_refusals),
        cmocka_unit_test(test_retry),
        cmocka_unit_test(test_retry_that_does_not_come),
        cmocka_unit_test(test_bye),
        cmocka_unit_test(test_session_expires),
        cmocka_unit_test(test_hard_limit),
        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_keepalive),
        cmocka_unit_test(test_hold),
        cmocka_unit_test(test_hold_refused),
        cmocka_unit_test(test_media_moves),
        cmocka_unit_test(test_late_offer),
        cmocka_unit_test(test_early_update),
        cmocka_unit_test(test_call_in),
        cmocka_unit_test(test_forking),
        cmocka_unit_test(test_shared_port),
        cmocka_unit_test(test_hairpin),
        cmocka_unit_test(test_hairpin_to_itself),
        cmocka_unit_test(test_max_idle),
        cmocka_unit_test(test_max_idle_later),
        cmocka_unit_test(test_max_dialogs),
        cmocka_unit_test(test_clear),
        cmocka_unit_test(test_stats_clear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
