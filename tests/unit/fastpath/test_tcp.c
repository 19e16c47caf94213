/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Connections through a whole firewall, as rows of segments: what the settings about TCP make of
 * them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "firewall.h"
#include "sessions/tcp.h"

#include <string.h>

enum {
    LAN = 1,
    WAN
};

enum {
    F = TCP_BIT_FIN,
    S = TCP_BIT_SYN,
    R = TCP_BIT_RST,
    A = TCP_BIT_ACK
};

#define SECOND 1000000000ull

/* Frames made by frame_tcp offer a window of 64240 bytes and no scale. */
#define PASS (-1)

static const char config[] =
    "config dpdk global\nset sessions 1024\nset mappings 64\nend\n"
    "config system interface\n"
    "edit \"lan\"\nset ip 10.0.0.1 255.0.0.0\nnext\n"
    "edit \"wan\"\nset ip 203.0.113.2 255.255.255.0\nnext\n"
    "end\n"
    "config router static\n"
    "edit 1\nset gateway 203.0.113.1\nset device \"wan\"\nnext\n"
    "end\n"
    "config firewall service custom\n"
    "edit \"web\"\nset tcp-portrange 2000\nnext\n"
    "end\n"
    "config firewall policy\n"
    "edit 1\nset srcintf \"lan\"\nset dstintf \"wan\"\nset srcaddr \"all\"\nset dstaddr \"all\"\n"
    "set action accept\nset schedule \"always\"\nset service \"web\"\nset nat enable\n"
    "set fixedport enable\nnext\n"
    "end\n";

static const struct ends out = {"10.0.0.20", 1000, "198.51.100.5", 2000};
static const struct ends back = {"198.51.100.5", 2000, "203.0.113.2", 1000};

struct row {
    char from; /* 'o' original side, 'r' reply side; 0 ends the list */
    uint8_t flags;
    uint32_t seq, ack, len; /* o starts at 1000, r at 5000 */
    int verdict;            /* PASS or a drop reason */
};

static void play(struct firewall *fw, const struct row *rows)
{
    static const char data[1400];
    for (int i = 0; rows[i].from; i++) {
        const struct row *r = &rows[i];
        const bool outward = r->from == 'o';
        struct frame f;
        frame_tcp(&f, outward ? out : back, (struct frame_tcp){r->flags, r->seq, r->ack},
                  slice_of(data, r->len));
        print_message("row %d\n", i);
        if (r->verdict == PASS)
            frame_assert_whole(firewall_passes(fw, outward ? LAN : WAN, &f, outward ? WAN : LAN));
        else
            firewall_drops(fw, outward ? LAN : WAN, &f, (enum drop_reason)r->verdict);
    }
}

static void pass_seconds(struct firewall *fw, unsigned s)
{
    replay_advance(fw->r, replay_now_ns(fw->r) + s * SECOND);
}

static const struct row handshake[] = {{'o', S, 1000, 0, 0, PASS},
                                       {'r', S | A, 5000, 1001, 0, PASS},
                                       {'o', A, 1001, 5001, 0, PASS},
                                       {0}};

/* An established connection under these further settings. */
static void open_with(struct firewall *fw, const char *const *settings)
{
    firewall_make(fw, config);
    if (settings)
        firewall_commands(fw, settings);
    play(fw, handshake);
}
#define OPEN_WITH(fw, ...) open_with((fw), (const char *const[]){__VA_ARGS__, NULL})

/* Through the life of a connection, and another one with other numbers after it. */
static void test_life(void **state)
{
    struct firewall fw;
    (void)state;
    firewall_make(&fw, config);
    for (uint32_t life = 0, n = 0; life < 2; life++, n += 0x70000000) {
        play(&fw, (const struct row[]){{'o', S, n + 1000, 0, 0, PASS},
                                       {'r', S | A, n + 5000, n + 1001, 0, PASS},
                                       {'o', A, n + 1001, n + 5001, 0, PASS},
                                       {'r', A, n + 5001, n + 1001, 100, PASS},
                                       {'o', F | A, n + 1001, n + 5101, 0, PASS},
                                       {'r', F | A, n + 5101, n + 1002, 0, PASS},
                                       {'o', A, n + 1002, n + 5102, 0, PASS},
                                       {0}});
        assert_int_equal(firewall_sessions(&fw), 1);
    }
    play(&fw, (const struct row[]){{'o', S | F, 1, 0, 0, DROP_TCP_STATE}, {0}});
    pass_seconds(&fw, 3);
    assert_int_equal(firewall_sessions(&fw), 0);
    firewall_free(&fw);
}

/* What opens twice, from both sides, or anew from another number. */
static void test_opening(void **state)
{
    struct firewall fw;
    (void)state;
    firewall_make(&fw, config);
    play(&fw, (const struct row[]){{'o', S, 700000, 0, 0, PASS},
                                   {'o', S, 700000, 0, 0, PASS},
                                   {'o', S, 1000, 0, 0, PASS},
                                   {'r', S | A, 5000, 700001, 0, DROP_TCP_WINDOW},
                                   {'r', S | A, 5000, 1001, 0, PASS},
                                   {'r', S | A, 5000, 1001, 0, PASS},
                                   {'o', S, 1000, 0, 0, PASS},
                                   {'o', A, 1001, 5001, 0, PASS},
                                   {'o', A, 1001, 5001, 1400, PASS},
                                   {0}});
    assert_int_equal(firewall_sessions(&fw), 1);
    pass_seconds(&fw, 3000);
    assert_int_equal(firewall_sessions(&fw), 1);
    firewall_abandon(&fw);
    firewall_make(&fw, config);
    play(&fw, (const struct row[]){{'o', S, 1000, 0, 0, PASS},
                                   {'r', S, 5000, 0, 0, PASS},
                                   {'o', S | A, 1000, 5001, 0, PASS},
                                   {'r', S | A, 5000, 1001, 0, PASS},
                                   {'o', A, 1001, 5001, 10, PASS},
                                   {'r', A, 5001, 1011, 10, PASS},
                                   {'o', A, 1011, 0x50000000, 10, DROP_TCP_WINDOW},
                                   {0}});
    pass_seconds(&fw, 3000);
    assert_int_equal(firewall_sessions(&fw), 1);
    firewall_free(&fw);
}

static const struct row beyond[] = {{'o', A, 1001 + 64242, 5001, 1, DROP_TCP_WINDOW},
                                    {'o', A, 0x50000000, 5001, 1, DROP_TCP_WINDOW},
                                    {'r', A, 5001, 1002, 0, DROP_TCP_WINDOW},
                                    {'r', A, 0x50000000, 1001, 0, DROP_TCP_WINDOW},
                                    {'o', A, 1001, 5001, 1400, PASS},
                                    {'o', A, 1001, 5001, 1400, PASS},
                                    {'r', A, 5001, 2401, 0, PASS},
                                    {'r', A, 5001, 1001, 0, PASS},
                                    {0}};

static const struct row wide[] = {{'o', A, 1001 + 64242, 5001, 1, PASS},
                                  {'o', A, 0x50000000, 5001, 1, DROP_TCP_WINDOW},
                                  {'r', A, 5001, 1002, 0, PASS},
                                  {'r', A, 0x50000000, 1001, 0, DROP_TCP_WINDOW},
                                  {0}};

static const struct row unwatched[] = {{'o', A, 0x50000000, 0x60000000, 1, PASS},
                                       {'r', A, 0x50000000, 0x70000000, 0, PASS},
                                       {'r', R, 1, 0, 0, PASS},
                                       {0}};

static void test_anti_replay(void **state)
{
    struct firewall fw;
    (void)state;
    open_with(&fw, NULL);
    play(&fw, beyond);
    firewall_abandon(&fw);
    OPEN_WITH(&fw, "config system global", "set anti-replay loose", "end");
    play(&fw, wide);
    firewall_abandon(&fw);
    OPEN_WITH(&fw, "config system global", "set anti-replay disable", "end");
    play(&fw, unwatched);
    pass_seconds(&fw, 7);
    assert_int_equal(firewall_sessions(&fw), 0);
    firewall_abandon(&fw);
    OPEN_WITH(&fw, "config firewall policy", "edit 1", "set anti-replay disable", "end");
    play(&fw, unwatched);
    firewall_free(&fw);
}

/* A stranger's resets do not end a connection; its own does, within tcp-rst-timer. */
static void test_resets(void **state)
{
    struct firewall fw;
    (void)state;
    open_with(&fw, NULL);
    play(&fw, (const struct row[]){{'r', R, 0x50000000, 0, 0, DROP_TCP_WINDOW},
                                   {'r', R | A, 4000 - 65536, 1001, 0, DROP_TCP_WINDOW},
                                   {'r', R, 5500, 0, 0, PASS}, /* the host sends a challenge ACK */
                                   {'o', A, 1001, 5001, 0, PASS},
                                   {0}});
    pass_seconds(&fw, 3000);
    assert_int_equal(firewall_sessions(&fw), 1);
    play(&fw, (const struct row[]){{'r', R, 5001, 0, 0, PASS}, {0}});
    pass_seconds(&fw, 7);
    assert_int_equal(firewall_sessions(&fw), 0);

    /* One that nobody contradicts counts after a while. */
    play(&fw, handshake);
    play(&fw, (const struct row[]){{'r', R, 5500, 0, 0, PASS}, {0}});
    pass_seconds(&fw, 60);
    assert_int_equal(firewall_sessions(&fw), 1);
    pass_seconds(&fw, 62);
    assert_int_equal(firewall_sessions(&fw), 0);
    firewall_free(&fw);
}

static void test_check_reset_range(void **state)
{
    struct firewall fw;
    (void)state;
    OPEN_WITH(&fw, "config firewall service custom", "edit web", "set check-reset-range strict",
              "end", "config system global", "set anti-replay disable", "end");
    play(&fw, (const struct row[]){{'r', R, 0x50000000, 0, 0, DROP_TCP_WINDOW},
                                   {'r', R, 5001 + 64242, 0, 0, DROP_TCP_WINDOW},
                                   {'o', A, 0x50000000, 0x60000000, 1, PASS},
                                   {0}});
    firewall_abandon(&fw);
    OPEN_WITH(&fw, "config firewall service custom", "edit web", "set check-reset-range disable",
              "end");
    play(&fw, (const struct row[]){{'o', A, 0x50000000, 0x60000000, 1, DROP_TCP_WINDOW},
                                   {'r', R, 0x50000000, 0, 0, PASS},
                                   {0}});
    pass_seconds(&fw, 7);
    assert_int_equal(firewall_sessions(&fw), 0);
    firewall_free(&fw);
}

/* An ACK that is late does not end anything: only that of the FIN does. */
static void test_closing(void **state)
{
    struct firewall fw;
    (void)state;
    open_with(&fw, NULL);
    play(&fw, (const struct row[]){{'o', A, 1001, 5001, 100, PASS},
                                   {'o', F | A, 1101, 5001, 0, PASS},
                                   {'r', F | A, 5001, 1001, 0, PASS},
                                   {'o', A, 1102, 5001, 0, PASS},
                                   {'r', A, 5002, 1101, 0, PASS},
                                   {'r', A, 5002, 1102, 0, PASS},
                                   {0}});
    pass_seconds(&fw, 10);
    assert_int_equal(firewall_sessions(&fw), 1);
    play(&fw, (const struct row[]){{'o', A, 1102, 5002, 0, PASS}, {0}});
    pass_seconds(&fw, 3);
    assert_int_equal(firewall_sessions(&fw), 0);

    /* Half closed: the other side goes on sending, until it has been silent for 120 s. */
    play(&fw, handshake);
    play(&fw, (const struct row[]){
                  {'o', F | A, 1001, 5001, 0, PASS}, {'r', A, 5001, 1002, 1400, PASS}, {0}});
    pass_seconds(&fw, 100);
    play(&fw, (const struct row[]){{'r', A, 6401, 1002, 1400, PASS}, {0}});
    pass_seconds(&fw, 100);
    assert_int_equal(firewall_sessions(&fw), 1);
    pass_seconds(&fw, 22);
    assert_int_equal(firewall_sessions(&fw), 0);
    firewall_free(&fw);
}

static const struct row middle[] = {{'o', A, 1001, 5001, 100, PASS},
                                    {'r', A, 5001, 0x40000000, 0, PASS},
                                    {'o', A, 0x40000000, 5001, 0, PASS},
                                    {'o', F | A, 1101, 5001, 0, PASS},
                                    {0}};

static void test_without_syn(void **state)
{
    struct firewall fw;
    (void)state;
    firewall_make(&fw, config);
    play(&fw, (const struct row[]){{'o', A, 1001, 5001, 100, DROP_TCP_STATE}, {0}});
    COMMANDS(&fw, "config firewall policy", "edit 1", "set tcp-session-without-syn data-only",
             "end");
    play(&fw, (const struct row[]){{'o', A, 1001, 5001, 0, DROP_TCP_STATE},
                                   {'o', R, 1001, 0, 0, DROP_TCP_STATE},
                                   {0}});
    play(&fw, middle);
    firewall_abandon(&fw);
    firewall_make(&fw, config);
    COMMANDS(&fw, "config firewall policy", "edit 1", "set tcp-session-without-syn all", "end");
    play(&fw, (const struct row[]){{'o', A, 1001, 5001, 0, PASS}, {0}});
    play(&fw, middle);
    pass_seconds(&fw, 100);
    assert_int_equal(firewall_sessions(&fw), 1);
    pass_seconds(&fw, 22);
    assert_int_equal(firewall_sessions(&fw), 0);
    firewall_free(&fw);
}

/* With asymmetric routes the firewall may see one side only. */
static void test_asymmetric(void **state)
{
    struct firewall fw;
    (void)state;
    firewall_make(&fw, config);
    COMMANDS(&fw, "config system settings", "set asymroute enable", "end");
    play(&fw, (const struct row[]){{'o', S, 1000, 0, 0, PASS},
                                   {'o', A, 1001, 5001, 0, PASS},
                                   {'o', A, 1001, 5001, 100, PASS},
                                   {'o', A, 0x50000000, 0x60000000, 100, PASS},
                                   {'o', S | F, 1, 0, 0, DROP_TCP_STATE},
                                   {0}});
    pass_seconds(&fw, 3000);
    assert_int_equal(firewall_sessions(&fw), 1);
    play(&fw, (const struct row[]){{'o', F | A, 1101, 5001, 0, PASS}, {0}});
    pass_seconds(&fw, 122);
    assert_int_equal(firewall_sessions(&fw), 0);
    firewall_free(&fw);
}

/* ---- maximum segment size ---- */

/* A SYN segment with these options, through the firewall: the size it then offers. */
static unsigned offered(struct firewall *fw, bool outward, const unsigned char *options)
{
    struct frame f;
    frame_tcp(&f, outward ? out : back,
              (struct frame_tcp){outward ? S : S | A, outward ? 1000 : 5000, outward ? 0 : 1001},
              slice_of((const char *)options, 8));
    f.b[FRAME_L4 + 12] = 7 << 4;
    frame_mend(&f);
    const struct frame *got = firewall_passes(fw, outward ? LAN : WAN, &f, outward ? WAN : LAN);
    frame_assert_whole(got);
    const unsigned char *mss = memchr(got->b + FRAME_L4 + 20, 2, 8);
    return mss ? (unsigned)mss[2] << 8 | mss[3] : 0;
}

static void test_mss(void **state)
{
    static const unsigned char even[8] = {2, 4, 0x05, 0xb4, 1, 1, 4, 4};
    static const unsigned char odd[8] = {1, 2, 4, 0x05, 0xb4, 1, 1, 1};
    static const unsigned char small[8] = {2, 4, 0x02, 0x18}, none[8] = {1, 1, 1, 1, 1, 1, 4, 4};
    struct firewall fw;
    (void)state;
    firewall_make(&fw, config);
    assert_int_equal(offered(&fw, true, even), 1460);
    COMMANDS(&fw, "config firewall policy", "edit 1", "set tcp-mss-sender 1300",
             "set tcp-mss-receiver 1200", "end");
    assert_int_equal(offered(&fw, false, even), 1460); /* the session is older */
    firewall_abandon(&fw);
    firewall_make(&fw, config);
    COMMANDS(&fw, "config firewall policy", "edit 1", "set tcp-mss-sender 1300",
             "set tcp-mss-receiver 1200", "end");
    assert_int_equal(offered(&fw, true, even), 1300);
    assert_int_equal(offered(&fw, true, odd), 1300);
    assert_int_equal(offered(&fw, true, small), 536);
    assert_int_equal(offered(&fw, true, none), 0);
    assert_int_equal(offered(&fw, false, odd), 1200);
    firewall_abandon(&fw);
    firewall_make(&fw, config);
    COMMANDS(&fw, "config system interface", "edit lan", "set tcp-mss 1000", "next", "edit wan",
             "set tcp-mss 900", "end", "config firewall policy", "edit 1",
             "set tcp-mss-receiver 800", "end");
    assert_int_equal(offered(&fw, true, even), 900);
    assert_int_equal(offered(&fw, false, even), 800);
    firewall_free(&fw);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_life),
        cmocka_unit_test(test_opening),
        cmocka_unit_test(test_anti_replay),
        cmocka_unit_test(test_resets),
        cmocka_unit_test(test_check_reset_range),
        cmocka_unit_test(test_closing),
        cmocka_unit_test(test_without_syn),
        cmocka_unit_test(test_asymmetric),
        cmocka_unit_test(test_mss),
    };
    return cmocka_run_group_tests(tests, firewall_group_setup, firewall_group_teardown);
}
