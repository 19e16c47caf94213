/* SPDX-License-Identifier: BSD-3-Clause */
/* The pools of records and pins against a naive account of them; small parts beside. */
#include "alg/dialog.h"

#include "alg/sip_check.h"
#include "alg/sip_forms.h"
#include "alg/sip_stats.h"
#include "base/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "asserts.h"

#define CAPACITY 50

/* Random births and deaths: every live record is found, nothing else is, counts agree. */
static void test_pool(void **state)
{
    struct dialogs ds;
    struct rng rng = {9};
    struct dialog *live[CAPACITY];
    uint64_t id[CAPACITY], next = 1;
    unsigned n = 0;
    (void)state;
    assert_int_equal(dialogs_init(&ds, CAPACITY), 0);
    for (int round = 0; round < 20000; round++) {
        if (rng_below(&rng, 2) && n < CAPACITY) {
            struct dialog_key key = {{next * 64, next}}; /* all in few chains */
            struct dialog *d = dialog_new(&ds, DIALOG_CALL, &key, rng_below(&rng, 3));
            assert_non_null(d);
            d->state = DIALOG_TRYING;
            dialog_count(&ds, d, true);
            live[n] = d;
            id[n++] = next++;
        } else if (n) {
            unsigned at = rng_below(&rng, n);
            struct dialog_key key = live[at]->key;
            assert_int_equal(key.h[1], id[at]);
            assert_ptr_equal(dialog_find(&ds, &key), live[at]);
            while (rng_below(&rng, 3))
                if (!pin_new(&ds, live[at]))
                    break;
            while (live[at]->pins != PIN_NONE)
                pin_delete(&ds, live[at], pin_at(&ds, live[at]->pins));
            dialog_delete(&ds, live[at]);
            assert_null(dialog_find(&ds, &key));
            live[at] = live[--n];
            id[at] = id[n];
        }
        unsigned calls = 0;
        for (unsigned policy = 0; policy < 3; policy++)
            calls += dialog_policy_calls(&ds, policy);
        assert_int_equal(calls, n);
        assert_int_equal(ds.n_used, n);
    }
    while (n < CAPACITY) {
        struct dialog_key key = {{next, next}};
        assert_non_null(dialog_new(&ds, DIALOG_REGISTER, &key, 7));
        next++;
        n++;
    }
    struct dialog_key key = {{1, 1}};
    assert_null(dialog_new(&ds, DIALOG_CALL, &key, 7));
    dialogs_free(&ds);
}

static void test_idle_order(void **state)
{
    struct dialogs ds;
    struct dialog *d[4];
    uint32_t n;
    (void)state;
    assert_int_equal(dialogs_init(&ds, 8), 0);
    for (unsigned i = 0; i < 4; i++) {
        struct dialog_key key = {{i, i}};
        d[i] = dialog_new(&ds, DIALOG_CALL, &key, 1);
        dialog_idle(&ds, d[i], true);
    }
    dialog_idle(&ds, d[0], true); /* the youngest now */
    dialog_idle(&ds, d[2], false);
    dialog_idle(&ds, d[2], false);
    assert_ptr_equal(dialog_at(&ds, dialog_idle_oldest(&ds, d[3], &n)), d[1]);
    assert_int_equal(n, 3);
    dialog_delete(&ds, d[1]);
    assert_ptr_equal(dialog_at(&ds, dialog_idle_oldest(&ds, d[3], &n)), d[3]);
    dialog_delete(&ds, d[3]);
    assert_ptr_equal(dialog_at(&ds, dialog_idle_oldest(&ds, d[2], &n)), d[0]);
    dialog_delete(&ds, d[0]);
    assert_int_equal(dialog_idle_oldest(&ds, d[2], &n), DIALOG_NONE);
    assert_int_equal(n, 0);
    dialogs_free(&ds);
}

static void test_pins(void **state)
{
    struct dialogs ds;
    struct dialog_key key = {{1, 2}};
    struct ip_port e = ip_port_of4((struct endpoint){1, 2});
    (void)state;
    assert_int_equal(dialogs_init(&ds, 1), 0);
    struct dialog *d = dialog_new(&ds, DIALOG_CALL, &key, 1);
    for (unsigned i = 0; i < DIALOG_PINS_MAX; i++) {
        struct pin *p = pin_new(&ds, d);
        assert_non_null(p);
        p->kind = MAPPING_RTP;
        p->proto = 17;
        p->stream = (uint8_t)i;
        p->proto = 17;
        p->inside = e;
    }
    assert_null(pin_new(&ds, d));
    assert_false(pins_room(&ds, d, 1));
    assert_true(pins_room(&ds, d, 0));
    assert_int_equal(pin_find(&ds, d, MAPPING_RTP, 17, 5, e)->stream, 5);
    assert_null(pin_find(&ds, d, MAPPING_SIGNALLING, 17, 0, e));
    assert_null(pin_find(&ds, d, MAPPING_RTP, 17, 5, ip_port_of4((struct endpoint){1, 3})));
    dialogs_free(&ds);
}

static void test_legs(void **state)
{
    struct dialog d = {0};
    (void)state;
    assert_null(dialog_leg(&d, 1, false));
    for (uint64_t i = 1; i <= DIALOG_LEGS; i++)
        assert_non_null(dialog_leg(&d, i, true));
    assert_null(dialog_leg(&d, 99, true));
    assert_ptr_equal(dialog_leg(&d, 2, true), &d.legs[1]);
}

static void test_states_have_words(void **state)
{
    (void)state;
    for (int i = 1; i < DIALOG_STATE_COUNT; i++) {
        assert_true(strlen(dialog_state_text((enum dialog_state)i)) > 0);
        assert_true(strlen(dialog_state_ends_by((enum dialog_state)i)) > 0);
    }
}

static void test_forms(void **state)
{
    struct sip_forms f;
    struct hash_secret secret;
    struct sip_form form;
    (void)state;
    hash_secret_fixed(&secret, 1);
    assert_int_equal(sip_forms_init(&f, 16, &secret), 0);
    struct sip_form_key key = {
        .inside = {.word = {1}}, .ip = {.word = {2}}, .port = 3, .zone = 1, .class = SIP_FORM_VIA};
    assert_false(sip_forms_find(&f, &key, &form));
    sip_forms_note(&f, &key, (struct sip_form){.port = 5060});
    assert_true(sip_forms_find(&f, &key, &form));
    assert_int_equal(form.port, 5060);
    sip_forms_note(&f, &key, (struct sip_form){.kept = true});
    assert_true(sip_forms_find(&f, &key, &form));
    assert_true(form.kept && form.port == 0);

    /* Noted again it is as old as it was; another one is not. */
    f.now_ms = 1000;
    sip_forms_note(&f, &key, (struct sip_form){.kept = true});
    assert_true(sip_forms_find_before(&f, &key, 1, &form));
    assert_false(sip_forms_find_before(&f, &key, 0, &form));
    sip_forms_note(&f, &key, (struct sip_form){.port = 5062});
    f.now_ms = 500; /* the clock has wrapped */
    assert_false(sip_forms_find_before(&f, &key, 1000, &form));
    assert_true(sip_forms_find_before(&f, &key, 1001, &form));
    assert_int_equal(form.port, 5062);

    /* Far more than it can hold: the latest is always known, and what is known is right. */
    unsigned known = 0;
    for (uint32_t i = 0; i < 5000; i++) {
        key.ip.word[0] = 100 + i;
        sip_forms_note(&f, &key, (struct sip_form){.port = (uint16_t)i});
        assert_true(sip_forms_find(&f, &key, &form));
        assert_int_equal(form.port, (uint16_t)i);
    }
    for (uint32_t i = 0; i < 5000; i++) {
        key.ip.word[0] = 100 + i;
        if (!sip_forms_find(&f, &key, &form))
            continue;
        known++;
        assert_int_equal(form.port, (uint16_t)i);
    }
    assert_true(known > 100 && known <= 5 * f.n_sets);
    sip_forms_free(&f);
}

#define HEAD(more) "BYE sip:b SIP/2.0\r\n" more "\r\n"
#define VIA        "Via: SIP/2.0/UDP h;branch=z9hG4bK1\r\n"
#define FROM       "From: <sip:a@h>;tag=1\r\n"
#define TO         "To: <sip:b@h>;tag=2\r\n"
#define ID         "Call-ID: c\r\n"
#define CSEQ       "CSeq: 7 BYE\r\n"

static void test_facts(void **state)
{
    static const char *const bad[] = {
        HEAD(FROM TO ID CSEQ),
        HEAD(VIA TO ID CSEQ),
        HEAD(VIA FROM ID CSEQ),
        HEAD(VIA FROM TO CSEQ),
        HEAD(VIA FROM TO ID),
        HEAD(VIA FROM TO ID "CSeq: 7 ACK\r\n"),
        HEAD(VIA FROM TO ID "CSeq: 7\r\n"),
        HEAD(VIA FROM TO "Call-ID:\r\n" CSEQ),
        HEAD(VIA FROM "To: *\r\n" ID CSEQ),
        HEAD(VIA FROM "To: <sip:b@h\r\n" ID CSEQ),
    };
    struct sip_msg msg;
    struct sip_facts facts;
    struct sip_fault fault;
    (void)state;
    struct slice good = SLICE_LIT(HEAD(VIA FROM TO ID CSEQ));
    assert_int_equal(sip_msg_parse(good, SIP_DATAGRAM, &msg, &fault, NULL), SIP_DONE);
    assert_int_equal(sip_facts_read(&msg, &facts, &fault), 0);
    assert_int_equal(facts.method, SIP_METHOD_BYE);
    assert_int_equal(facts.cseq, 7);
    assert_slice(facts.call_id, "c");
    assert_slice(facts.from.tag, "1");
    assert_slice(facts.to.tag, "2");
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_int_equal(sip_msg_parse(slice_str(bad[i]), SIP_DATAGRAM, &msg, &fault, NULL),
                         SIP_DONE);
        if (sip_facts_read(&msg, &facts, &fault) == 0)
            fail_msg("taken: %s", bad[i]);
        assert_true(fault.offset <= strlen(bad[i]));
    }
}

static void test_stats(void **state)
{
    struct alg_stats a = {0}, b;
    (void)state;
    stat_add(&a.calls_active, 3);
    stat_add(&a.calls_active, -1);
    stat_add(&a.registers_active, 1);
    stat_add(&a.calls_failed, 5);
    stat_add(&a.method[15].long_headers[1], 2);
    sip_stats_copy(&a, &b);
    assert_memory_equal(&a, &b, sizeof(a));
    sip_stats_clear(&a);
    assert_int_equal(a.calls_active, 2);
    assert_int_equal(a.registers_active, 1);
    assert_int_equal(a.calls_failed, 0);
    assert_int_equal(a.method[15].long_headers[1], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pool),
        cmocka_unit_test(test_idle_order),
        cmocka_unit_test(test_pins),
        cmocka_unit_test(test_legs),
        cmocka_unit_test(test_states_have_words),
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_facts),
        cmocka_unit_test(test_stats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
