/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Out and back: random messages of phones and of the outside, each held against what a naive twin
 * says of it (twin.h). So whatever the phone wrote comes back as it wrote it, byte for byte, and
 * what is not translated is the same on both sides; the outside sees the inside address nowhere but
 * where it is never edited; a message sent again becomes the same bytes and opens nothing. SEED=
 * in the environment runs one stage alone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "calls.h"
#include "random_sip.h"

#define PHONES 12

struct kept {
    bool outward;
    struct text in, out;
};

struct stage {
    struct rig r;
    struct scene scene;
    struct said m;
    struct text head, in, want;
    uint64_t seed;
    bool twice; /* messages are sent again */
    unsigned n; /* messages so far */
};

/* How often the inside address stands in a text; longer ones that begin like it are others. */
static unsigned seen(const char *ip, struct slice text)
{
    unsigned n = 0;
    size_t len = strlen(ip);
    for (size_t i = 0; i + len <= text.n; i++)
        n += memcmp(text.p + i, ip, len) == 0 &&
             (i + len == text.n || !ascii_digit(text.p[i + len]));
    return n;
}

static void check(struct stage *st, bool outward, const char *what)
{
    struct rig *r = &st->r;
    struct slice got = slice_of(r->out, r->out_n);
    text_clear(&st->want);
    twin_read(&st->scene.twin, text_slice(&st->head), text_slice(&st->m.body), outward, &st->want);
    if (r->verdict == ALG_DROP || !slice_eq(got, text_slice(&st->want))) {
        size_t at = 0;
        while (at < got.n && at < st->want.n && got.p[at] == st->want.p[at])
            at++;
        fprintf(stderr, "--- sent\n%.*s\n--- got\n%.*s\n--- not, from where they differ,\n%.*s\n",
                (int)st->in.n, st->in.p, (int)got.n, got.p, (int)(st->want.n - at),
                st->want.p + at);
        fail_msg("seed %llu, message %u, %s %s: verdict %d, reason %d",
                 (unsigned long long)st->seed, st->n, what, outward ? "outward" : "inward",
                 r->verdict, r->reason);
    }
    bool same = slice_eq(got, text_slice(&st->in));
    assert_int_equal(r->verdict, same ? ALG_PASS : ALG_REPLACE);
    if (outward && strcmp(st->scene.twin.inside, st->scene.twin.outside) != 0)
        assert_int_equal(seen(st->scene.twin.inside, got), st->scene.twin.stays);
}

static void assert_same_open(struct stage *st, unsigned open)
{
    unsigned now = rig_reap(&st->r);
    if (now != open)
        fail_msg("seed %llu, message %u: %u mappings, not %u, after\n%s",
                 (unsigned long long)st->seed, st->n, now, open, st->r.out);
}

/* The message in hand goes its way. */
static void goes(struct stage *st, bool outward)
{
    struct scene *s = &st->scene;
    said_write(s, &st->m, &st->head);
    text_clear(&st->in);
    twin_read(&s->twin, text_slice(&st->head), text_slice(&st->m.body), !outward, &st->in);
    rig_send(&st->r, s->phone, outward, text_slice(&st->in));
    check(st, outward, "sent");
    if (st->twice) {
        unsigned open = rig_reap(&st->r);
        rig_send(&st->r, s->phone, outward, text_slice(&st->in));
        check(st, outward, "sent again");
        assert_same_open(st, open);
    }
    st->n++;
    st->r.now_ms += 100;
}

/* Keep the message that went, and what became of it, to be sent again when others have passed. */
static void keep(const struct stage *st, bool outward, struct kept *kept)
{
    kept->outward = outward;
    text_clear(&kept->in);
    text_clear(&kept->out);
    text_put(&kept->in, text_slice(&st->in));
    text_put(&kept->out, text_slice(&st->want));
}

static void goes_late(struct stage *st, const struct kept *kept)
{
    unsigned open = rig_reap(&st->r);
    rig_send(&st->r, st->scene.phone, kept->outward, text_slice(&kept->in));
    if (!slice_eq(slice_of(st->r.out, st->r.out_n), text_slice(&kept->out))) {
        fprintf(stderr, "--- sent\n%s\n--- got\n%s\n--- not\n%s\n", kept->in.p, st->r.out,
                kept->out.p);
        fail_msg("seed %llu, message %u: sent late, other bytes", (unsigned long long)st->seed,
                 st->n);
    }
    assert_same_open(st, open);
}

/* Requests, responses and their bodies, by the phone or by the peer. */
static void asks(struct stage *st, bool by_phone, const char *method, bool first)
{
    (by_phone ? phone_asks : peer_asks)(&st->scene, &st->m, method, first);
}

static void answers(struct stage *st, bool by_phone, unsigned status)
{
    (by_phone ? phone_answers : peer_answers)(&st->scene, &st->m, status);
}

static void describes(struct stage *st, bool by_phone, bool of_call)
{
    (by_phone ? phone_describes : peer_describes)(&st->scene, &st->m, of_call);
}

/* A call that is up: who says what, and in the end somebody hangs up. */
static void in_call(struct stage *st)
{
    struct scene *s = &st->scene;
    for (unsigned n = rng_below(&s->rng, 4); n > 0; n--) {
        bool by_phone = chance(s, 2), media = chance(s, 2);
        const char *method =
            media ? PICK(s, "INVITE", "UPDATE") : PICK(s, "INFO", "MESSAGE", "OPTIONS");
        asks(st, by_phone, method, false);
        if (media)
            describes(st, by_phone, true);
        goes(st, by_phone);
        answers(st, !by_phone, 200);
        if (media)
            describes(st, !by_phone, true);
        goes(st, !by_phone);
        if (strcmp(method, "INVITE") == 0) {
            asks(st, by_phone, "ACK", false);
            goes(st, by_phone);
        }
    }
    bool by_phone = chance(s, 2);
    asks(st, by_phone, "BYE", false);
    goes(st, by_phone);
    answers(st, !by_phone, 200);
    goes(st, !by_phone);
}

static void kept_free(struct kept *kept)
{
    text_free(&kept->in);
    text_free(&kept->out);
}

static void call(struct stage *st, bool by_phone)
{
    struct scene *s = &st->scene;
    struct kept invite = {0}, answer = {0};
    unsigned status = chance(s, 4) ? 486 : 200;
    bool late = chance(s, 4); /* offer in the 2xx, answer in the ACK */
    scene_dialog(s, !by_phone);
    asks(st, by_phone, "INVITE", true);
    if (!late)
        describes(st, by_phone, true);
    goes(st, by_phone);
    keep(st, by_phone, &invite);
    if (chance(s, 2)) {
        answers(st, !by_phone, 180);
        if (!late && chance(s, 2))
            describes(st, !by_phone, true);
        goes(st, !by_phone);
        /* What came in is restored as the phone writes itself, which is known better by now. */
        if (by_phone)
            goes_late(st, &invite);
        s->first = false; /* tag and route are known */
    }
    answers(st, !by_phone, status);
    if (status == 200)
        describes(st, !by_phone, true);
    goes(st, !by_phone);
    keep(st, !by_phone, &answer);
    asks(st, by_phone, "ACK", false);
    if (late && status == 200)
        describes(st, by_phone, true);
    goes(st, by_phone);
    goes_late(st, &answer);
    kept_free(&invite);
    kept_free(&answer);
    if (status == 200)
        in_call(st);
}

/* One request and its answer. */
static void ask(struct stage *st, bool by_phone, const char *method)
{
    struct scene *s = &st->scene;
    scene_dialog(s, !by_phone);
    if (by_phone && chance(s, 4))
        scene_sign(s);
    asks(st, by_phone, method, true);
    if (chance(s, 2))
        describes(st, by_phone, false);
    goes(st, by_phone);
    if (strcmp(method, "ACK") == 0)
        return;
    answers(st, !by_phone, chance(s, 3) ? 404 : 200);
    if (chance(s, 3))
        describes(st, !by_phone, false);
    goes(st, !by_phone);
}

static void scene(struct stage *st, bool peer_first)
{
    struct scene *s = &st->scene;
    if (!peer_first && chance(s, 2))
        ask(st, true, "REGISTER");
    for (unsigned i = 1 + rng_below(&s->rng, 2); i > 0; i--) {
        bool by_phone = s->known ? chance(s, 2) : !peer_first;
        if (chance(s, 2))
            call(st, by_phone);
        else
            ask(st, by_phone,
                PICK(s, "OPTIONS", "MESSAGE", "SUBSCRIBE", "NOTIFY", "PUBLISH", "INFO", "REFER",
                     "UPDATE", "PRACK", "BYE", "CANCEL", "ACK"));
    }
}

enum mode {
    MODE_NAT,
    MODE_TRANSPARENT,
    MODE_IPV6,
};

/* A rig with phones of its own, one scene for each. */
static unsigned stage_run(enum mode mode, uint64_t seed)
{
    struct stage st = {.seed = seed};
    struct rng rng = {seed};
    struct rig *r = &st.r;
    rig_init(r, 2048, 64);
    if (mode == MODE_TRANSPARENT)
        r->public_ip = 0;
    if (rng_below(&rng, 2)) {
        r->profile.nat_port_first = 20000;
        r->profile.nat_port_last = 29999;
    }
    bool *const settings[] = {&r->profile.nat_trace, &r->profile.preserve_override,
                              &r->profile.open_via_pinhole, &r->profile.open_record_route_pinhole,
                              &r->profile.strict_register};
    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
        *settings[i] = rng_below(&rng, 2);
    rig_phone(r, "10.0.0.2", 5060, 40999);
    for (unsigned i = 0; i < PHONES; i++) {
        char ip[48];
        bool peer_first = rng_below(&rng, 3) == 0;
        uint16_t port = rng_below(&rng, 2) ? 5060 : 33333;
        snprintf(ip, sizeof(ip), mode == MODE_IPV6 ? "2001:db8:1::%u" : "10.0.1.%u", 10 + i);
        struct rig_phone phone =
            mode == MODE_IPV6 ? rig_phone6(r, ip, port)
                              : rig_phone(r, ip, port, i == 0 ? 5060 : (uint16_t)(40000 + i));
        st.twice = rng_below(&rng, 2);
        scene_init(&st.scene, r, &phone, rng_next(&rng), peer_first);
        scene(&st, peer_first);
        scene_free(&st.scene);
    }
    rig_wait(r, 13 * 3600 * 1000ull);
    assert_tables_empty(r->alg);
    assert_int_equal(rig_reap(r), PHONES + 1);
    said_free(&st.m);
    text_free(&st.head);
    text_free(&st.in);
    text_free(&st.want);
    rig_free(r);
    return st.n;
}

static void stages(enum mode mode, unsigned n)
{
    const char *seed = getenv("SEED");
    unsigned messages = 0;
    n = seed ? 1 : n;
    for (unsigned i = 0; i < n; i++)
        messages += stage_run(mode, seed ? strtoull(seed, NULL, 10) : 1000 * mode + i);
    print_message("%u messages\n", messages);
    assert_true(messages > 4 * PHONES * n);
}

static void test_nat(void **state)
{
    (void)state;
    stages(MODE_NAT, 120);
}

static void test_transparent(void **state)
{
    (void)state;
    stages(MODE_TRANSPARENT, 30);
}

static void test_ipv6(void **state)
{
    (void)state;
    stages(MODE_IPV6, 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nat),
        cmocka_unit_test(test_transparent),
        cmocka_unit_test(test_ipv6),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
