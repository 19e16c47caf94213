/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which engine reads a flow's SIP: mode, the policy's profile, the entries of the session helper,
 * the service and the port, as a table of whole configurations. And what the session helper does
 * with a message, how long a session keeps its engine, and whom its pinholes admit.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/text.h"
#include "firewall.h"

#include <string.h>

enum {
    LAN = 1,
    WAN
};

static const char phone[] = "10.0.0.20", server[] = "198.51.100.5", stranger[] = "198.51.100.66",
                  wan[] = "203.0.113.2";

#define BASE                                                                                 \
    "config system interface\n"                                                              \
    "edit \"lan\"\nset ip 10.0.0.1 255.0.0.0\nnext\n"                                        \
    "edit \"wan\"\nset ip 203.0.113.2 255.255.255.0\nnext\nend\n"                            \
    "config router static\nedit 1\nset gateway 203.0.113.1\nset device \"wan\"\nnext\nend\n" \
    "config voip profile\nedit \"on\"\nnext\n"                                               \
    "edit \"off\"\nconfig sip\nset status disable\nend\nnext\nend\n"
#define POLICY(extra)                                                                        \
    "config firewall policy\nedit 1\nset srcintf \"lan\"\nset dstintf \"wan\"\n"             \
    "set srcaddr \"all\"\nset dstaddr \"all\"\nset action accept\nset schedule \"always\"\n" \
    "set service \"ALL\"\nset nat enable\n" extra "next\nend\n"
#define SETTING(line) "config system settings\nset " line "\nend\n"
#define HELPERS(line) "config system session-helper\n" line "end\n"
#define SERVICE(line) \
    "config firewall service custom\nedit \"ALL\"\nset helper " line "\nnext\nend\n"
#define KERNEL    SETTING("default-voip-alg-mode kernel-helper-based")
#define TCP_ENTRY HELPERS("edit 30\nset name sip\nset protocol 6\nset port 5060\nnext\n")

/* `more`: header lines and the empty one behind them, with a body or without. */
static struct frame say(const char *method, struct ends e, const char *more)
{
    struct frame f;
    char text[1900];
    snprintf(text, sizeof text,
             "%s sip:bob@%s SIP/2.0\r\nVia: SIP/2.0/UDP %s:%u;branch=z9hG4bK%s;rport\r\n"
             "From: <sip:alice@%s>;tag=1\r\nTo: <sip:bob@%s>\r\nCall-ID: %s\r\n"
             "CSeq: 1 %s\r\n%s",
             method, e.dst, e.src, e.sport, method, e.src, e.dst, method, method, more);
    frame_udp(&f, e, slice_str(text));
    return f;
}

#define LAST "Content-Length: 0\r\n\r\n"

static struct frame options(uint16_t sport, uint16_t dport)
{
    return say("OPTIONS", (struct ends){phone, sport, server, dport}, LAST);
}

static struct frame say6(struct ends e)
{
    struct frame f;
    char text[1024];
    snprintf(text, sizeof text,
             "OPTIONS sip:bob@[%s] SIP/2.0\r\nVia: SIP/2.0/UDP [%s]:%u;branch=z9hG4bK6;rport\r\n"
             "From: <sip:alice@[%s]>;tag=1\r\nTo: <sip:bob@[%s]>\r\nCall-ID: 6\r\n"
             "CSeq: 1 OPTIONS\r\n" LAST,
             e.dst, e.src, e.sport, e.src, e.dst);
    frame6_udp(&f, e, slice_str(text));
    return f;
}

static bool says(const struct frame *f, const char *word)
{
    struct slice text = frame_udp_payload(frame_slice(f));
    return memmem(text.p, text.n, word, strlen(word)) != NULL;
}

static struct frame syn(uint16_t port)
{
    struct frame f;
    frame_tcp(&f, (struct ends){phone, 5062, server, port}, (struct frame_tcp){.flags = 2},
              SLICE_NONE);
    return f;
}

/* The engine of the one session there is. */
static enum sip_engine engine_of_session(const struct firewall *fw)
{
    const struct session *s = NULL;
    for (uint32_t i = 0; i < __atomic_load_n(&fw->dp->sessions.store.fresh, __ATOMIC_RELAXED); i++)
        if (record_state(&session_at(&fw->dp->sessions, i)->r) == RECORD_LIVE) {
            assert_null(s);
            s = session_at(&fw->dp->sessions, i);
        }
    assert_non_null(s);
    return session_has_helper(s) ? SIP_ENGINE_HELPER
           : session_has_alg(s)  ? SIP_ENGINE_ALG
                                 : SIP_ENGINE_NONE;
}

#define NONE   SIP_ENGINE_NONE
#define ALG    SIP_ENGINE_ALG
#define HELPER SIP_ENGINE_HELPER

#define NO_PROFILE ""
#define ON         "set voip-profile \"on\"\n"
#define OFF        "set voip-profile \"off\"\n"
#define DEFAULT_OFF \
    "config voip profile\nedit default\nconfig sip\nset status disable\nend\nnext\nend\n"

static const struct {
    const char *settings, *profile; /* of the policy */
    bool tcp;
    uint16_t port;
    enum sip_engine engine;
} table[] = {
    /* proxy-based: the entries of the helper mean nothing */
    {"", NO_PROFILE, false, 5060, ALG},
    {"", ON, false, 5060, ALG},
    {"", OFF, false, 5060, NONE},
    {DEFAULT_OFF, NO_PROFILE, false, 5060, NONE},
    {DEFAULT_OFF, ON, false, 5060, ALG},
    {HELPERS("delete 13\n"), NO_PROFILE, false, 5060, ALG},
    {SETTING("sip-helper disable"), NO_PROFILE, false, 5060, ALG},
    {SERVICE("disable"), NO_PROFILE, false, 5060, NONE},
    {SERVICE("sip"), NO_PROFILE, false, 5060, ALG},
    {SERVICE("sip"), NO_PROFILE, false, 5090, NONE},
    /* its ports */
    {"", NO_PROFILE, false, 5090, NONE},
    {"", NO_PROFILE, true, 5060, ALG},
    {SETTING("sip-udp-port 5070 5090"), NO_PROFILE, false, 5060, NONE},
    {SETTING("sip-udp-port 5070 5090"), NO_PROFILE, false, 5070, ALG},
    {SETTING("sip-udp-port 5070 5090"), NO_PROFILE, false, 5090, ALG},
    {SETTING("sip-udp-port 5070 5090"), NO_PROFILE, true, 5060, ALG},
    {SETTING("sip-tcp-port 5070 5090"), NO_PROFILE, true, 5060, NONE},
    {SETTING("sip-tcp-port 5070 5090"), NO_PROFILE, true, 5070, ALG},
    {SETTING("sip-tcp-port 5070 5090"), NO_PROFILE, true, 5090, ALG},
    {SETTING("sip-tcp-port 5070 5090"), NO_PROFILE, false, 5090, NONE},
    /* kernel-helper-based: the ALG where a policy names a profile that reads SIP */
    {KERNEL, ON, false, 5060, ALG},
    {KERNEL HELPERS("delete 13\n"), ON, false, 5060, ALG},
    {KERNEL SETTING("sip-helper disable"), ON, false, 5060, ALG},
    {KERNEL SETTING("sip-udp-port 5070"), ON, false, 5060, NONE},
    {KERNEL SETTING("sip-udp-port 5070"), ON, false, 5070, ALG},
    {KERNEL SERVICE("disable"), ON, false, 5060, NONE},
    {KERNEL SERVICE("sip"), ON, false, 5090, NONE},
    /* ... else the session helper, if there is one */
    {KERNEL, NO_PROFILE, false, 5060, HELPER},
    {KERNEL, OFF, false, 5060, HELPER},
    {KERNEL DEFAULT_OFF, NO_PROFILE, false, 5060, HELPER},
    {KERNEL HELPERS("delete 13\n"), NO_PROFILE, false, 5060, NONE},
    {KERNEL HELPERS("delete 13\n"), OFF, false, 5060, NONE},
    {KERNEL SETTING("sip-helper disable"), NO_PROFILE, false, 5060, NONE},
    {KERNEL SERVICE("disable"), NO_PROFILE, false, 5060, NONE},
    {KERNEL SERVICE("disable"), OFF, false, 5060, NONE},
    {KERNEL SERVICE("ftp"), NO_PROFILE, false, 5060, HELPER},
    /* ... on the protocol and ports of its entries */
    {KERNEL, NO_PROFILE, false, 5061, NONE},
    {KERNEL, NO_PROFILE, true, 5060, NONE},
    {KERNEL TCP_ENTRY, NO_PROFILE, true, 5060, HELPER},
    {KERNEL TCP_ENTRY, NO_PROFILE, true, 5061, NONE},
    {KERNEL TCP_ENTRY HELPERS("delete 13\n"), NO_PROFILE, false, 5060, NONE},
    {KERNEL SETTING("sip-udp-port 5070"), NO_PROFILE, false, 5070, NONE},
    {KERNEL SETTING("sip-udp-port 5070"), NO_PROFILE, false, 5060, HELPER},
    {KERNEL HELPERS("edit 13\nset port 65535\nnext\n"), NO_PROFILE, false, 65535, HELPER},
    {KERNEL HELPERS("edit 13\nset port 65535\nnext\n"), NO_PROFILE, false, 5060, NONE},
    {KERNEL HELPERS("edit 30\nset name sip\nset protocol 17\nset port 1\nnext\n"), NO_PROFILE,
     false, 1, HELPER},
    {KERNEL HELPERS("edit 13\nset protocol 132\nnext\n"), NO_PROFILE, false, 5060, NONE},
    {KERNEL HELPERS("edit 13\nset name mgcp\nnext\n"), NO_PROFILE, false, 5060, NONE},
    /* ... or wherever a service says so */
    {KERNEL SERVICE("sip"), NO_PROFILE, false, 5090, HELPER},
    {KERNEL SERVICE("sip"), NO_PROFILE, true, 5090, HELPER},
    {KERNEL SERVICE("sip") HELPERS("delete 13\n"), NO_PROFILE, false, 5060, NONE},
};

static void make(struct firewall *fw, const char *settings, const char *profile)
{
    struct text config = {0};
    text_printf(&config, BASE "%s" POLICY("%s"), settings, profile);
    firewall_make(fw, config.p);
    text_free(&config);
}

static void test_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct firewall fw;
        make(&fw, table[i].settings, table[i].profile);
        struct frame f = table[i].tcp ? syn(table[i].port) : options(5062, table[i].port);
        const struct frame *out = firewall_passes(&fw, LAN, &f, WAN);
        enum sip_engine engine = engine_of_session(&fw);
        if (engine != table[i].engine)
            fail_msg("row %zu: engine %d, not %d", i, engine, table[i].engine);
        /* The address the phone wrote is gone exactly where somebody reads. */
        if (!table[i].tcp && says(out, phone) != (engine == NONE))
            fail_msg("row %zu: engine %d, but the message says otherwise", i, engine);
        firewall_free(&fw);
    }
}

static enum sip_engine engine_after(struct firewall *fw)
{
    struct frame f = options(5062, 5060);
    const struct frame *out = firewall_passes(fw, LAN, &f, WAN);
    enum sip_engine engine = engine_of_session(fw);
    assert_int_equal(says(out, phone), engine == NONE);
    return engine;
}

/* Switching changes new sessions; what there is keeps its engine until it is cleared. */
static void test_kept(void **state)
{
    struct firewall fw;
    (void)state;
    make(&fw, KERNEL, "");
    assert_int_equal(engine_after(&fw), HELPER);
    COMMANDS(&fw, "config system settings", "set default-voip-alg-mode proxy-based", "end");
    assert_int_equal(engine_after(&fw), HELPER);
    COMMANDS(&fw, "diagnose sys session clear");
    assert_int_equal(engine_after(&fw), ALG);
    COMMANDS(&fw, "config system settings", "set default-voip-alg-mode kernel-helper-based", "end",
             "config system session-helper", "delete 13", "end");
    assert_int_equal(engine_after(&fw), ALG);
    COMMANDS(&fw, "diagnose sys session clear");
    assert_int_equal(engine_after(&fw), NONE);
    COMMANDS(&fw, "config system session-helper", "edit 13", "set name sip", "set protocol 17",
             "set port 5060", "end");
    assert_int_equal(engine_after(&fw), NONE);
    COMMANDS(&fw, "diagnose sys session clear");
    assert_int_equal(engine_after(&fw), HELPER);
    COMMANDS(&fw, "config system session-helper", "delete 13", "end");
    assert_int_equal(engine_after(&fw), HELPER);
    firewall_free(&fw);
}

/* What `default` refuses the helper lets through: it has no checks, limits or blocks. */
static void test_unchecked(void **state)
{
    static const char strict[] = "config voip profile\nedit default\nconfig sip\n"
                                 "set malformed-header-expires discard\nset block-options enable\n"
                                 "set message-rate 1\nend\nnext\nend\n";
    struct firewall fw;
    char line[1200];
    const struct ends e = {phone, 5062, server, 5060};
    snprintf(line, sizeof line, "Subject: %0990d\r\n" LAST, 0);
    const struct frame tried[] = {
        say("NONSENSE", e, LAST), say("OPTIONS", e, LAST),
        say("INFO", e, line),     say("INFO", e, "Expires: soon\r\n" LAST),
        say("MESSAGE", e, LAST),
    };
    const enum drop_reason reasons[] = {DROP_SIP_BLOCKED, DROP_SIP_BLOCKED, DROP_SIP_LONG_LINE,
                                        DROP_SIP_VIOLATION};
    (void)state;
    make(&fw, strict, "");
    for (int i = 0; i < 4; i++)
        if (reasons[i] == DROP_SIP_LONG_LINE)
            firewall_refuses(&fw, LAN, &tried[i], reasons[i]);
        else
            firewall_drops(&fw, LAN, &tried[i], reasons[i]);
    firewall_passes(&fw, LAN, &tried[4], WAN);
    firewall_drops(&fw, LAN, &tried[4], DROP_SIP_RATE);
    firewall_free(&fw);
    char settings[1000];
    snprintf(settings, sizeof settings, "%s%s", strict, KERNEL);
    make(&fw, settings, "");
    for (int i = 0; i < 6; i++)
        assert_false(says(firewall_passes(&fw, LAN, &tried[i < 5 ? i : 4], WAN), phone));
    firewall_free(&fw);
}

/* May a stranger reach the phone, whose port is `sport`, by what stands for it outside? */
static bool lets_in(const char *settings, uint16_t sport)
{
    struct firewall fw;
    make(&fw, settings, "");
    struct frame f = options(sport, 5060);
    firewall_passes(&fw, LAN, &f, WAN);
    f = say("INVITE", (struct ends){server, 5080, wan, sport}, LAST);
    firewall_passes(&fw, WAN, &f, LAN); /* whom it talks to may come from another port */
    f = say("INVITE", (struct ends){stranger, 5060, wan, sport}, LAST);
    bool in = firewall_gives(&fw, WAN, &f) == 1 && fw.sent[0].ifindex == LAN;
    firewall_free(&fw);
    return in;
}

static void test_expectation(void **state)
{
    (void)state;
    assert_false(lets_in(KERNEL, 5060));
    assert_true(lets_in(KERNEL SETTING("sip-expectation enable"), 5060));
    assert_false(lets_in(KERNEL SETTING("sip-expectation enable"), 5062));
    assert_false(lets_in(SETTING("sip-expectation enable"), 5060)); /* not the ALG's */
}

/* Behind a virtual IP: the ports on both sides of it count as the helper's. */
static void test_vip(void **state)
{
    static const struct {
        const char *helpers;
        uint16_t mapped;
        bool read;
    } rows[] = {
        {"", 5060, true},
        {HELPERS("edit 13\nset port 5090\nnext\n"), 5090, true},
        {HELPERS("edit 13\nset port 5091\nnext\n"), 5090, false},
        {HELPERS("delete 13\n"), 5060, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct firewall fw;
        struct text config = {0};
        text_printf(&config,
                    BASE KERNEL
                    "%sconfig firewall vip\nedit \"pbx\"\nset extip 203.0.113.10\n"
                    "set mappedip \"10.0.0.20\"\nset extintf \"wan\"\nset portforward enable\n"
                    "set protocol udp\nset extport 5060\nset mappedport %u\nnext\nend\n"
                    "config firewall policy\nedit 2\nset srcintf \"wan\"\nset dstintf \"lan\"\n"
                    "set srcaddr \"all\"\nset dstaddr \"pbx\"\nset action accept\n"
                    "set schedule \"always\"\nset service \"ALL\"\nnext\nend\n",
                    rows[i].helpers, rows[i].mapped);
        firewall_make(&fw, config.p);
        text_free(&config);
        struct frame f = say("OPTIONS", (struct ends){server, 5070, "203.0.113.10", 5060}, LAST);
        const struct frame *in = firewall_passes(&fw, WAN, &f, LAN);
        frame_assert_ends(in, (struct ends){server, 5070, phone, rows[i].mapped});
        assert_int_equal(engine_of_session(&fw), rows[i].read ? HELPER : NONE);
        assert_int_equal(says(in, "sip:bob@10.0.0.20"), rows[i].read);
        firewall_free(&fw);
    }
}

/* IPv6 is not translated, but its sessions, and whom they let in, are the helper's. */
static void test_six(void **state)
{
    static const char config[] =
        BASE KERNEL "config system interface\n"
                    "edit \"lan\"\nconfig ipv6\nset ip6-address 2001:db8:1::1/64\nend\nnext\n"
                    "edit \"wan\"\nconfig ipv6\nset ip6-address 2001:db8:2::1/64\nend\nnext\nend\n"
                    "config firewall policy\nedit 6\nset srcintf \"lan\"\nset dstintf \"wan\"\n"
                    "set srcaddr6 \"all\"\nset dstaddr6 \"all\"\nset action accept\n"
                    "set schedule \"always\"\nset service \"ALL\"\nnext\nend\n";
    (void)state;
    for (int expects = 0; expects < 2; expects++) {
        struct firewall fw;
        struct frame f;
        firewall_make(&fw, config);
        if (expects)
            COMMANDS(&fw, "config system settings", "set sip-expectation enable", "end");
        f = say6((struct ends){"2001:db8:1::20", 5060, "2001:db8:2::5", 5060});
        firewall_passes(&fw, LAN, &f, WAN);
        assert_int_equal(engine_of_session(&fw), HELPER);
        f = say6((struct ends){"2001:db8:2::66", 5060, "2001:db8:1::20", 5060});
        assert_int_equal(firewall_gives(&fw, WAN, &f), expects);
        firewall_free(&fw);
    }
}

/* Media of the helper's calls have pinholes, and i= tells the address before translation. */
static void test_media(void **state)
{
    static const char sdp[] = "Contact: <sip:alice@10.0.0.20:5062>\r\n"
                              "Content-Type: application/sdp\r\nContent-Length: 109\r\n\r\n"
                              "v=0\r\no=a 1 1 IN IP4 10.0.0.20\r\ns=-\r\nc=IN IP4 10.0.0.20\r\n"
                              "t=0 0\r\nm=audio 6000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n";
    assert_int_equal(strlen(strstr(sdp, "v=0")), 109);
    (void)state;
    for (int trace = 0; trace < 2; trace++) {
        struct firewall fw;
        make(&fw, trace ? KERNEL : KERNEL SETTING("sip-nat-trace disable"), "");
        struct frame f = say("INVITE", (struct ends){phone, 5062, server, 5060}, sdp);
        const struct frame *out = firewall_passes(&fw, LAN, &f, WAN);
        assert_true(says(out, "c=IN IP4 203.0.113.2\r\n"));
        assert_true(says(out, "Contact: <sip:alice@203.0.113.2:5062>"));
        assert_int_equal(says(out, "i=(o=IN IP4 10.0.0.20)"), trace);
        assert_int_equal(says(out, phone), trace);
        assert_int_equal(firewall_mappings(&fw), 3); /* signalling, RTP, RTCP */
        firewall_free(&fw);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),     cmocka_unit_test(test_kept),
        cmocka_unit_test(test_unchecked), cmocka_unit_test(test_expectation),
        cmocka_unit_test(test_vip),       cmocka_unit_test(test_six),
        cmocka_unit_test(test_media),
    };
    return cmocka_run_group_tests(tests, firewall_group_setup, firewall_group_teardown);
}
