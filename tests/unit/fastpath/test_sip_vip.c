/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * SIP through virtual IPs and between inside hosts, in a whole firewall: who is let in, what stands
 * in what leaves, and which mappings there are afterwards.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"
#include "nat.h"

#include <string.h>

#define STATIC   VIP("one", "203.0.113.10", "10.0.0.5", "")
#define FILTERED VIP("one", "203.0.113.10", "10.0.0.5", "set src-filter \"198.51.100.5\"\n")
#define FORWARD                           \
    VIP("one", "203.0.113.2", "10.0.0.5", \
        "set portforward enable\nset protocol udp\nset extport 5070\nset mappedport 5060\n")
#define OPEN                                                                                \
    "config voip profile\nedit \"default\"\nconfig sip\nset strict-register disable\nend\n" \
    "next\nend\n"
#define IN POLICY(2, "wan", "lan", "\"one\"", "")

static const char ext[] = "203.0.113.10", wan[] = "203.0.113.2", phone[] = "10.0.0.20";

/* A request from `e.src` that says who it is by its own address, to `uri`. */
static struct frame request(const char *method, struct ends e, const char *uri, const char *call)
{
    struct frame f;
    char text[800];
    snprintf(text, sizeof text,
             "%s sip:x@%s SIP/2.0\r\nVia: SIP/2.0/UDP %s:%u;branch=z9hG4bK%s\r\n"
             "From: <sip:a@%s>;tag=1\r\nTo: <sip:x@%s>\r\nCall-ID: %s\r\nCSeq: 1 %s\r\n"
             "Contact: <sip:a@%s:%u>\r\nContent-Length: 0\r\n\r\n",
             method, uri, e.src, e.sport, call, e.src, uri, call, method, e.src, e.sport);
    frame_udp(&f, e, slice_str(text));
    return f;
}

/* The answer to what arrived at `there`, with a Contact of its own. */
static struct frame answer(const struct frame *there, struct ends e)
{
    struct frame f;
    char text[1000], lines[600] = "";
    struct slice in = frame_udp_payload(frame_slice(there));
    static const char *const names[] = {"Via:", "From:", "To:", "Call-ID:", "CSeq:"};
    size_t n = 0;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *at = memmem(in.p, in.n, names[i], strlen(names[i]));
        const char *end = memmem(at, in.n - (size_t)(at - in.p), "\r\n", 2);
        n += (size_t)snprintf(lines + n, sizeof lines - n, "%.*s%s\r\n", (int)(end - at), at,
                              i == 2 ? ";tag=2" : "");
    }
    snprintf(text, sizeof text,
             "SIP/2.0 200 OK\r\n%sContact: <sip:b@%s:%u>\r\nContent-Length: 0\r\n\r\n", lines,
             e.src, e.sport);
    frame_udp(&f, e, slice_str(text));
    return f;
}

static bool says(const struct frame *f, const char *word)
{
    struct slice text = frame_udp_payload(frame_slice(f));
    return memmem(text.p, text.n, word, strlen(word)) != NULL;
}

/* A request and its 200 through a VIP: what the host reads is its own, what the caller reads is the
 * VIP's. */
static void assert_served(struct firewall *fw, const char *caller, const char *to, uint16_t port,
                          const char *call)
{
    char outer[32];
    snprintf(outer, sizeof outer, port == 5060 ? "%s" : "%s:%u", to, port);
    struct frame f = request("OPTIONS", (struct ends){caller, 5060, to, port}, outer, call);
    const struct frame *there = firewall_passes(fw, WAN, &f, LAN);
    frame_assert_ends(there, (struct ends){caller, 5060, pbx, 5060});
    assert_true(says(there, "sip:x@10.0.0.5") && says(there, caller) && !says(there, outer));
    f = answer(there, (struct ends){pbx, 5060, caller, 5060});
    there = firewall_passes(fw, LAN, &f, WAN);
    frame_assert_ends(there, (struct ends){to, port, caller, 5060});
    assert_false(says(there, pbx));
    snprintf(outer, sizeof outer, "Contact: <sip:b@%s:%u>", to, port);
    assert_true(says(there, outer));
}

static void test_static(void **state)
{
    struct firewall fw;
    (void)state;
    firewall_make(&fw, BASE VIPS(STATIC) POLICIES(IN));
    assert_served(&fw, server, ext, 5060, "1");
    assert_int_equal(firewall_mappings(&fw), 0); /* the VIP stands for the host by itself */
    firewall_free(&fw);
}

static void test_forward(void **state)
{
    struct firewall fw;
    (void)state;
    firewall_make(&fw, BASE VIPS(FORWARD) POLICIES(IN));
    assert_served(&fw, server, wan, 5070, "1");
    assert_int_equal(firewall_mappings(&fw), 0);
    firewall_free(&fw);
}

/* A profile without SIP, a service without helper, another port: text passes as it is. */
static void test_unedited(void **state)
{
    static const char *const off[] = {
        "config voip profile\nedit \"default\"\nconfig sip\nset status disable\nend\nnext\nend\n",
        "config system settings\nset sip-udp-port 5099\nend\n",
    };
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct firewall fw;
        char config[3000];
        snprintf(config, sizeof config, "%s%s", off[i], BASE VIPS(STATIC) POLICIES(IN));
        firewall_make(&fw, config);
        struct frame f = request("OPTIONS", (struct ends){server, 5060, ext, 5060}, ext, "1");
        const struct frame *there = firewall_passes(&fw, WAN, &f, LAN);
        assert_true(says(there, "sip:x@203.0.113.10") && !says(there, pbx));
        firewall_free(&fw);
    }
}

/*
 * The host talks to a server by itself, from where the VIP leads to it. Its mapping opens nothing
 * to whom the VIP's filter or the policies keep out, with strict-register or without.
 */
static void assert_guarded(const char *config, const char *to, uint16_t port)
{
    struct firewall fw;
    firewall_make(&fw, config);
    struct frame f = request("REGISTER", (struct ends){pbx, 5060, server, 5060}, server, "r");
    const struct frame *there = firewall_passes(&fw, LAN, &f, WAN);
    frame_assert_ends(there, (struct ends){to, port, server, 5060});
    assert_int_equal(firewall_mappings(&fw), 1);
    assert_false(says(there, pbx));
    f = answer(there, (struct ends){server, 5060, to, port});
    firewall_passes(&fw, WAN, &f, LAN);

    struct frame in = request("OPTIONS", (struct ends){server, 5080, to, port}, to, "1");
    firewall_passes(&fw, WAN, &in, LAN);
    in = request("OPTIONS", (struct ends){other, 5060, to, port}, to, "2");
    firewall_drops(&fw, WAN, &in, DROP_LOCAL_DENIED);
    passes(&fw, 300 * SECOND);
    in = request("OPTIONS", (struct ends){other, 5060, to, port}, to, "3");
    firewall_drops(&fw, WAN, &in, DROP_LOCAL_DENIED);
    firewall_free(&fw);
}

static void test_guarded(void **state)
{
    (void)state;
    assert_guarded(BASE VIPS(FILTERED) POLICIES(OUT("") IN), ext, 5060);
    assert_guarded(BASE OPEN VIPS(FILTERED) POLICIES(OUT("") IN), ext, 5060);
#define FORWARD_FILTERED                                                                    \
    VIP("one", "203.0.113.2", "10.0.0.5",                                                   \
        "set portforward enable\nset protocol udp\nset extport 5070\nset mappedport 5060\n" \
        "set src-filter \"198.51.100.5\"\n")
    assert_guarded(BASE VIPS(FORWARD_FILTERED) POLICIES(OUT("") IN), wan, 5070);
    assert_guarded(BASE OPEN VIPS(FORWARD_FILTERED) POLICIES(OUT("") IN), wan, 5070);
}

/* It has called one server by its own mapping; others still come in by the VIP. */
static void test_beside_its_mapping(void **state)
{
    struct firewall fw;
    (void)state;
    firewall_make(&fw, BASE VIPS(STATIC) POLICIES(OUT("") IN));
    struct frame f = request("OPTIONS", (struct ends){pbx, 5060, server, 5060}, server, "1");
    frame_assert_ends(firewall_passes(&fw, LAN, &f, WAN), (struct ends){ext, 5060, server, 5060});
    assert_int_equal(firewall_mappings(&fw), 1);
    assert_served(&fw, other, ext, 5060, "2");
    assert_served(&fw, "192.0.2.77", ext, 5060, "3");
    firewall_free(&fw);
}

/* Two hosts share an outside port by source filters: each is called there; the second to speak
 * leaves by another port. */
static void test_shared_port(void **state)
{
#define SHARED(name, host, peer)                                                            \
    VIP(name, "203.0.113.2", host,                                                          \
        "set portforward enable\nset protocol udp\nset extport 5060\nset mappedport 5060\n" \
        "set src-filter \"" peer "\"\n")
    struct firewall fw;
    (void)state;
    firewall_make(&fw, BASE VIPS(SHARED("one", "10.0.0.5", "198.51.100.5")
                                     SHARED("two", "10.0.0.6", "198.51.100.6"))
                           POLICIES(OUT("") POLICY(2, "wan", "lan", "\"one\" \"two\"", "")));
    struct frame f = request("OPTIONS", (struct ends){pbx, 5060, server, 5060}, server, "1");
    frame_assert_ends(firewall_passes(&fw, LAN, &f, WAN), (struct ends){wan, 5060, server, 5060});
    f = request("OPTIONS", (struct ends){"10.0.0.6", 5060, other, 5060}, other, "2");
    const struct frame *there = firewall_passes(&fw, LAN, &f, WAN);
    assert_false(there->b[FRAME_L4] << 8 == (5060 & 0xff00) &&
                 there->b[FRAME_L4 + 1] == (5060 & 0xff));
    assert_false(says(there, "10.0.0.6"));
    struct frame in = request("OPTIONS", (struct ends){other, 5062, wan, 5060}, wan, "3");
    frame_assert_ends(firewall_passes(&fw, WAN, &in, LAN),
                      (struct ends){other, 5062, "10.0.0.6", 5060});
    firewall_free(&fw);
}

/* An inside phone calls the PBX by its VIP: each reads the other's public address. */
static void test_hairpin(void **state)
{
    struct firewall fw;
    (void)state;
    firewall_make(&fw, BASE "config system settings\nset snat-hairpin-traffic enable\nend\n" VIPS(
                           STATIC) POLICIES(OUT("") POLICY(2, "lan", "lan", "\"one\"", "")));
    struct frame f = request("OPTIONS", (struct ends){phone, 5062, ext, 5060}, ext, "1");
    const struct frame *there = firewall_passes(&fw, LAN, &f, LAN);
    frame_assert_ends(there, (struct ends){wan, 5062, pbx, 5060});
    assert_true(says(there, "sip:x@10.0.0.5") && says(there, "<sip:a@203.0.113.2:5062>"));
    assert_false(says(there, phone) || says(there, ext));
    f = answer(there, (struct ends){pbx, 5060, wan, 5062});
    there = firewall_passes(&fw, LAN, &f, LAN);
    frame_assert_ends(there, (struct ends){ext, 5060, phone, 5062});
    assert_true(says(there, "UDP 10.0.0.20:5062") && says(there, "<sip:b@203.0.113.10:5060>"));
    assert_false(says(there, pbx) || says(there, wan));
    firewall_free(&fw);
}

/* A policy that translates the caller as well: the PBX reads the firewall's address throughout. */
static void test_both_ends(void **state)
{
    struct firewall fw;
    (void)state;
    firewall_make(&fw, BASE VIPS(STATIC)
                           POLICIES(POLICY(2, "wan", "lan", "\"one\"", "set nat enable\n")));
    struct frame f = request("OPTIONS", (struct ends){server, 5066, ext, 5060}, ext, "1");
    const struct frame *there = firewall_passes(&fw, WAN, &f, LAN);
    frame_assert_ends(there, (struct ends){"10.0.0.1", 5066, pbx, 5060});
    assert_true(says(there, "<sip:a@10.0.0.1:5066>") && !says(there, server) && !says(there, ext));
    f = answer(there, (struct ends){pbx, 5060, "10.0.0.1", 5066});
    there = firewall_passes(&fw, LAN, &f, WAN);
    frame_assert_ends(there, (struct ends){ext, 5060, server, 5066});
    assert_true(says(there, "UDP 198.51.100.5:5066") && says(there, "<sip:b@203.0.113.10:5060>"));
    assert_false(says(there, pbx) || says(there, "10.0.0.1"));
    firewall_free(&fw);
}

/* The message with a description of audio at `port` of its sender. */
static struct frame with_audio(const struct frame *f, struct ends e, uint16_t port)
{
    static const char none[] = "Content-Length: 0\r\n\r\n";
    struct slice in = frame_udp_payload(frame_slice(f));
    struct frame out;
    char text[1400], body[200];
    int n = snprintf(body, sizeof body,
                     "v=0\r\no=- 1 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\n"
                     "m=audio %u RTP/AVP 0\r\n",
                     e.src, e.src, port);
    snprintf(text, sizeof text, "%.*sContent-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s",
             (int)(in.n - (sizeof none - 1)), in.p, n, body);
    frame_udp(&out, e, slice_str(text));
    return out;
}

/* The host that was called speaks first: it leaves by what the caller was told, though the policy
 * that let the call in has no NAT. */
static void assert_speaks_first(const char *text, const char *to, uint16_t port)
{
    struct firewall fw;
    char uri[32];
    firewall_make(&fw, text);
    snprintf(uri, sizeof uri, "%s:%u", to, port);
    struct ends in = {server, 5060, to, port}, back = {pbx, 5060, server, 5060};
    struct frame f = request("INVITE", in, uri, "1");
    f = with_audio(&f, in, 6000);
    const struct frame *there = firewall_passes(&fw, WAN, &f, LAN);
    f = answer(there, back);
    f = with_audio(&f, back, 7000);
    there = firewall_passes(&fw, LAN, &f, WAN);
    char told[40];
    snprintf(told, sizeof told, "c=IN IP4 %s\r\n", to);
    assert_true(says(there, told) && says(there, "m=audio 7000 "));
    frame_udp(&f, (struct ends){pbx, 7000, server, 6000}, slice_str("sound"));
    there = firewall_passes(&fw, LAN, &f, WAN);
    frame_assert_ends(there, (struct ends){to, 7000, server, 6000});
    frame_udp(&f, (struct ends){server, 6000, to, 7000}, slice_str("sound"));
    there = firewall_passes(&fw, WAN, &f, LAN);
    frame_assert_ends(there, (struct ends){server, 6000, pbx, 7000});
    firewall_free(&fw);
}

static void test_speaks_first(void **state)
{
    (void)state;
    assert_speaks_first(BASE VIPS(STATIC) POLICIES(IN), ext, 5060);
    assert_speaks_first(BASE VIPS(FORWARD) POLICIES(IN), wan, 5070);
}

#define FEW        "config dpdk global\nset dialogs 16\nend\n"
#define TRANSLATED POLICY(2, "wan", "lan", "\"one\"", "set nat enable\n")

/* A flood of calls from many addresses leaves the host behind the VIP room to call, whether or not
 * the policy translates who comes in: then each call has a record for both of its parties. */
static void test_flood(void **state)
{
    static const struct {
        const char *config;
        unsigned calls;
        const char *records;
    } rows[] = {
        {BASE FEW VIPS(STATIC) POLICIES(OUT("") IN), 9, "size=64, used=9, "},
        {BASE FEW VIPS(STATIC) POLICIES(OUT("") TRANSLATED), 5, "size=64, used=10, "},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct firewall fw;
        unsigned n = 0;
        firewall_make(&fw, rows[i].config);
        for (unsigned k = 0; k < 20; k++) {
            char caller[20], call[12];
            snprintf(caller, sizeof caller, "198.51.100.%u", 100 + k);
            snprintf(call, sizeof call, "%u", k);
            struct frame f = request("INVITE", (struct ends){caller, 5060, ext, 5060}, ext, call);
            n += firewall_gives(&fw, WAN, &f);
        }
        assert_int_equal(n, rows[i].calls);
        /* A call that was refused for want of the second record has none of the first either. */
        struct text answer = {0};
        assert_int_equal(replay_command(fw.r, slice_str("diagnose sys sip status"), &answer), 0);
        if (!strstr(answer.p, rows[i].records))
            fail_msg("row %zu: %s", i, answer.p);
        text_free(&answer);
        struct frame own = request("INVITE", (struct ends){pbx, 5060, server, 5060}, server, "own");
        firewall_passes(&fw, LAN, &own, WAN);
        firewall_free(&fw);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flood),
        cmocka_unit_test(test_static),
        cmocka_unit_test(test_forward),
        cmocka_unit_test(test_unedited),
        cmocka_unit_test(test_guarded),
        cmocka_unit_test(test_shared_port),
        cmocka_unit_test(test_hairpin),
        cmocka_unit_test(test_both_ends),
        cmocka_unit_test(test_beside_its_mapping),
        cmocka_unit_test(test_speaks_first),
    };
    return cmocka_run_group_tests(tests, firewall_group_setup, firewall_group_teardown);
}
