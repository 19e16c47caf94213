/* SPDX-License-Identifier: BSD-3-Clause */
/* Virtual IPs, pools and IPv6 objects: what is refused, with which words and which code. */
#include "script.h"

#define PORTS \
    "config system interface\nedit wan\nset ip 203.0.113.2/24\nnext\nedit dmz\nnext\nend\n"
#define VIP               PORTS "config firewall vip\nedit v\n"
#define SECOND            "set extintf any\nnext\nedit w\nset extintf any\nset mappedip 10.0.0.9\n"
#define POOL              "config firewall ippool\nedit p\n"
#define NEW(key)          "new entry '" key "' added\n"
#define OBJECT(why, code) why "\nobject check operator error, " code ", discard the setting\n"
#define MUST(attr)        "node_check_object fail! for " attr " \n\nAttribute '" attr "' MUST be set.\n"
#define CLASH(name, a, b)                                                      \
    "Name '" name "' conflict: '" a "' and '" b "' cannot be the same name.\n" \
    "node_check_object fail! for name " name "\n\nvalue parse error before '" name "'\n"
#define TWICE  OBJECT("duplicated with another vip", "-36")
#define LENGTH OBJECT("extip and mappedip must be ranges of the same length", "-36")
#define POLICY                                                                                \
    "config firewall policy\nedit 1\nset srcintf any\nset dstintf any\nset schedule always\n" \
    "set service ALL\n"

static const struct {
    const char *lines;
    int code;
    const char *tail; /* what the last command answered, at the end of all answers */
} rows[] = {
    /* virtual IPs by themselves */
    {VIP "set extip 203.0.113.5\nnext", 1, MUST("mappedip")},
    {VIP "set extip 203.0.113.5\nset mappedip 10.0.0.5\nnext", 1, MUST("extintf")},
    {VIP "set extip 203.0.113.5\nset mappedip 10.0.0.5\nset extintf wan\nend", 0, NEW("v")},
    {VIP "set extip 203.0.113.5-203.0.113.9\nset mappedip 10.0.0.5\nset extintf wan\nend", 0,
     NEW("v")},
    {VIP "set extip 203.0.113.5-203.0.113.9\nset mappedip 10.0.0.5-10.0.0.8\nset extintf wan\nnext",
     1, LENGTH},
    {VIP "set extip 203.0.113.5\nset mappedip 10.0.0.5-10.0.0.8\nset extintf wan\nnext", 1, LENGTH},
    {VIP "set extip 203.0.113.9-203.0.113.5", -45,
     "node_check_object fail! for extip 203.0.113.9-203.0.113.5\n\n"
     "value parse error before '203.0.113.9-203.0.113.5'\n"},
    {VIP "set extip 224.0.0.1\nset mappedip 10.0.0.5\nset extintf wan\nnext", 1,
     OBJECT("invalid ip address", "-8")},
    {VIP "set extip 203.0.113.5\nset mappedip 127.0.0.1\nset extintf wan\nnext", 1,
     OBJECT("invalid ip address", "-8")},
    {VIP "set extport 80", -61, "command parse error before 'extport'\n"},
    {VIP "set portforward enable\nset extport 0", -650,
     "node_check_object fail! for extport 0\nvalue parse error before '0'\n"},
    {VIP "set extip 203.0.113.5\nset mappedip 10.0.0.5\nset extintf wan\nset portforward enable\n"
         "next",
     1, MUST("extport")},
    {VIP "set extip 203.0.113.5\nset mappedip 10.0.0.5\nset extintf wan\nset portforward enable\n"
         "set extport 80-90\nset mappedport 80-91\nnext",
     1, OBJECT("extport and mappedport must be ranges of the same length", "-36")},
    {VIP "set extip 203.0.113.5\nset mappedip 10.0.0.5\nset extintf wan\nset portforward enable\n"
         "set extport 65530-65535\nset mappedport 65533\nnext",
     1, OBJECT("extport and mappedport must be ranges of the same length", "-36")},
    {VIP "set portmapping-type m-to-n", -61, "command parse error before 'portmapping-type'\n"},
    {VIP "set type load-balance", -61, "command parse error before 'load-balance'\n"},
    {VIP "set service ALL", -61, "command parse error before 'service'\n"},
    {VIP "set src-filter 10.0.0.0/40", -8,
     "invalid ip address\n\nvalue parse error before '10.0.0.0/40'\n"},
    /* the interface's own address */
    {VIP "set extip 203.0.113.2\nset mappedip 10.0.0.5\nset extintf wan\nnext", 1,
     OBJECT("the external interface IP is used as VIP", "-43")},
    {VIP "set extip 203.0.113.2\nset mappedip 10.0.0.5\nset extintf wan\nset portforward enable\n"
         "set extport 80\nend",
     0, NEW("v")},
    {VIP "set extip 203.0.114.5\nset mappedip 10.0.0.5\nset extintf wan\nend\n"
         "config system interface\nedit dmz\nset ip 203.0.114.5/24",
     -43,
     "node_check_object fail! for ip 203.0.114.5 255.255.255.0\n\n"
     "value parse error before '203.0.114.5 255.255.255.0'\n"},
    /* two of them */
    {VIP "set extip 203.0.113.5\nset mappedip 10.0.0.5\n" SECOND "set extip 203.0.113.5\nnext", 1,
     TWICE},
    {VIP "set extip 203.0.113.5-203.0.113.9\nset mappedip 10.0.0.5\n" SECOND
         "set extip 203.0.113.9\nset status disable\nnext",
     1, TWICE},
    {VIP "set extip 203.0.113.5\nset mappedip 10.0.0.5\n" SECOND
         "set extip 203.0.113.5\nset portforward enable\nset extport 80\nnext",
     1, TWICE},
    {VIP "set extip 203.0.113.5\nset mappedip 10.0.0.5\nset portforward enable\nset extport "
         "80-90\n" SECOND "set extip 203.0.113.5\nset portforward enable\nset extport 90\nnext",
     1, TWICE},
    {VIP
     "set extip 203.0.113.5\nset mappedip 10.0.0.5\nset portforward enable\nset extport 80\n" SECOND
     "set extip 203.0.113.5\nset portforward enable\nset protocol udp\nset extport 80\nend",
     0, NEW("w")},
    {VIP "set extip 203.0.113.5\nset mappedip 10.0.0.5\nset src-filter 10.0.0.0/8\n" SECOND
         "set extip 203.0.113.5\nset src-filter 11.0.0.0/8\nend",
     0, NEW("w")},
    {VIP "set extip 203.0.113.5\nset mappedip 10.0.0.5\nset src-filter 10.0.0.0/8\n" SECOND
         "set extip 203.0.113.5\nset src-filter 11.0.0.0/8 10.9.0.1-10.9.0.2\nnext",
     1, TWICE},
    {VIP "set extip 203.0.113.5\nset mappedip 10.0.0.5\nset src-filter 10.0.0.0/8\n" SECOND
         "set extip 203.0.113.5\nnext",
     1, TWICE},
    {VIP "set extip 203.0.113.5\nset mappedip 10.0.0.5\nset srcintf-filter wan\n" SECOND
         "set extip 203.0.113.5\nset srcintf-filter dmz\nend",
     0, NEW("w")},
    {VIP "set extip 203.0.113.5\nset mappedip 10.0.0.5\nset extintf wan\nnext\nedit w\n"
         "set extip 203.0.113.5\nset mappedip 10.0.0.6\nset extintf dmz\nend",
     0, NEW("w")},
    {VIP "set extip 203.0.113.5\nset mappedip 10.0.0.5\nset extintf any\nnext\n"
         "clone v to w",
     1, TWICE},
    /* saved again, it is not in its own way */
    {VIP "set extip 203.0.113.5\nset mappedip 10.0.0.5\nset extintf any\nnext\nedit v\n"
         "set mappedip 10.0.0.6\nend",
     0, NEW("v")},
    /* one name space */
    {VIP "next", 1, MUST("extip")},
    {PORTS "config firewall vip\nedit all", -164, CLASH("all", "address", "virtual IP")},
    {"config firewall addrgrp\nedit g\nset member all\nend\nconfig firewall vip\nedit g", -165,
     CLASH("g", "address group", "virtual IP")},
    {VIP "set extip 203.0.113.5\nset mappedip 10.0.0.5\nset extintf any\nend\n"
         "config firewall address\nedit v",
     -164, CLASH("v", "address", "virtual IP")},
    {VIP "set extip 203.0.113.5\nset mappedip 10.0.0.5\nset extintf any\nend\n"
         "config firewall addrgrp\nedit v",
     -165, CLASH("v", "address group", "virtual IP")},
    {VIP "set extip 203.0.113.5\nset mappedip 10.0.0.5\nset extintf any\nend\n"
         "config firewall vipgrp\nedit v",
     -312, CLASH("v", "virtual IP", "virtual IP group")},
    {"config firewall vipgrp\nedit all", -310, CLASH("all", "address", "virtual IP group")},
    {"config firewall addrgrp6\nedit all", -163, CLASH("all", "address", "address group")},
    {"config firewall vip\nrename v to w", -3,
     "entry not found in table\n\nvalue parse error before 'v'\n"},
    /* groups */
    {VIP "set extip 203.0.113.5\nset mappedip 10.0.0.5\nset extintf wan\nend\n"
         "config firewall vipgrp\nedit g\nset interface dmz\nset member v\nnext",
     -651, "node_check_object fail! for member v\n\nvalue parse error before 'v'\n"},
    {VIP "set extip 203.0.113.5\nset mappedip 10.0.0.5\nset extintf wan\nend\n"
         "config firewall vipgrp\nedit g\nset interface wan\nset member v\nend\n"
         "config firewall vip\ndelete v",
     -23, "The entry is used by other 1 entries\n"},
    /* policies */
    {VIP "set extip 203.0.113.5\nset mappedip 10.0.0.5\nset extintf wan\nend\n" POLICY
         "set srcaddr all\nset dstaddr v\nset dstaddr-negate enable\nnext",
     1, OBJECT("a virtual IP cannot be negated", "-651")},
    {VIP "set extip 203.0.113.5\nset mappedip 10.0.0.5\nset extintf wan\nend\n" POLICY
         "set srcaddr v",
     -3, "entry not found in datasource\n\nvalue parse error before 'v'\n"},
    {POLICY "next", 1, MUST("srcaddr")},
    {POLICY "set srcaddr all\nnext", 1, MUST("dstaddr")},
    {POLICY "set srcaddr6 all\nnext", 1, MUST("dstaddr6")},
    {POLICY "set srcaddr all\nset dstaddr all\nset dstaddr6 all\nnext", 1, MUST("srcaddr6")},
    {POLICY "set srcaddr6 all\nset dstaddr6 all\nend", 0, NEW("1")},
    {POLICY "set nat enable\nset ippool enable\nset poolname x", -3,
     "entry not found in datasource\n\nvalue parse error before 'x'\n"},
    {POLICY "set poolname x", -61, "command parse error before 'poolname'\n"},
    /* pools */
    {POOL "next", 1, MUST("startip")},
    {POOL "set startip 203.0.113.9\nset endip 203.0.113.5\nnext", 1,
     OBJECT("end-ip must be greater than start-ip", "-73")},
    {POOL
     "set startip 203.0.113.9\nset endip 203.0.113.9\nset startport 6000\nset endport 5999\nnext",
     1, OBJECT("endport must be greater than startport", "-363")},
    {POOL "set startport 80", -651,
     "node_check_object fail! for startport 80\n\n"
     "value parse error before '80'\n"},
    {POOL "set type one-to-one\nset startport 6000", -61,
     "command parse error before 'startport'\n"},
    {POOL "set block-size 128", -61, "command parse error before 'block-size'\n"},
    {POOL "set type port-block-allocation\nset startip 203.0.113.9\nset endip 203.0.113.9\n"
          "set startport 6000\nset endport 6100\nnext",
     1, OBJECT("block-size is more than the ports of an address", "-651")},
    {POOL "set startip 203.0.113.5\nset endip 203.0.113.9\nnext\nedit q\nset startip 203.0.113.9\n"
          "set endip 203.0.113.12\nnext",
     1, OBJECT("IP pool range overlaps another pool", "-156")},
    {POOL "set type fixed-port-range\nset startip 203.0.113.5\nset endip 203.0.113.9\nnext", 1,
     MUST("source-startip")},
    {POOL "set type fixed-port-range\nset startip 203.0.113.10\nset endip 203.0.113.19\n"
          "set source-startip 10.0.1.1\nset source-endip 10.0.1.253\nend",
     0, NEW("p")},
    {POOL "set type fixed-port-range\nset startip 203.0.113.10\nset endip 203.0.113.10\n"
          "set source-startip 10.0.0.1\nset source-endip 10.0.9.253\nnext",
     1, OBJECT("the pool has too few ports for its source addresses", "-651")},
    {POOL "set startip 203.0.113.5\nset endip 203.0.113.9\nend\n" POLICY
          "set srcaddr all\nset dstaddr all\nset nat enable\nset ippool enable\nset poolname p\n"
          "end\nconfig firewall ippool\ndelete p",
     -176, "The entry is used by other 1 entries\n"},
    {POOL "set startip 203.0.113.5\nset endip 203.0.113.9\nend\n" POLICY
          "set srcaddr all\nset dstaddr all\nset nat enable\nset ippool enable\nset poolname p\n"
          "end\nconfig firewall ippool\npurge",
     -176, "The entry is used by other 1 entries\n"},
    {POOL "set startip 203.0.113.5\nset endip 203.0.113.9\nend\n" POLICY
          "set srcaddr all\nset dstaddr all\nset nat enable\nset ippool enable\nset poolname p\n"
          "set nat disable\nend\nconfig firewall ippool\ndelete p\nend",
     0, NEW("1")},
    /* IPv6 */
    {"config firewall address6\nedit a\nset ip6 2001:db8::/129", -9,
     NEW("a") OBJECT("invalid netmask.", "-9")},
    {"config firewall address6\nedit a\nset type iprange\nset start-ip 2001:db8::9\n"
     "set end-ip 2001:db8::1\nnext",
     1, OBJECT("end-ip must be greater than start-ip", "-45")},
    {"config system interface\nedit a\nconfig ipv6\nset ip6-address fe80::1/64", -8,
     "invalid ip address\n\nvalue parse error before 'fe80::1/64'\n"},
    {"config system interface\nedit a\nconfig ipv6\nset ip6-address ff02::1/64", -8,
     "invalid ip address\n\nvalue parse error before 'ff02::1/64'\n"},
    {"config system interface\nedit a\nconfig ipv6\nset ip6-address 2001:db8::1/64\nend\nnext\n"
     "edit b\nconfig ipv6\nset ip6-address 2001:db8::2/48",
     -54,
     "Subnets overlap between 'b' with primary IP of 'a'\n"
     "node_check_object fail! for ip6-address 2001:db8::2/48\n\n"
     "value parse error before '2001:db8::2/48'\n"},
    {"config router static6\nedit 1\nset gateway 2001:db8::9\nnext", 1, MUST("device")},
    {"config router static6\nedit 1\nset blackhole enable\nset dst 2001:db8::/32\nend", 0,
     NEW("1")},
};

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct script script;
        script_open(&script, NULL, NULL);
        script_run(&script, rows[i].lines);
        const char *out = script_output(&script);
        size_t n = strlen(out), tail = strlen(rows[i].tail);
        const char *end = out + (n > tail ? n - tail : 0);
        if (script.code != rows[i].code || strcmp(end, rows[i].tail) != 0)
            fail_msg("row %zu:\n%s\n-> %d\n%s", i, rows[i].lines, script.code, out);
        script_close(&script);
    }
}

/* Refused at `next`, another login may have saved meanwhile: asked again before it is saved. */
static void test_two_logins(void **state)
{
    (void)state;
    struct script script;
    struct text out = {0};
    struct words words = {0};
    static const char *const lines[] = {"config firewall vip",   "edit b",
                                        "set extip 203.0.113.5", "set mappedip 10.0.0.6",
                                        "set extintf any",       "end"};
    script_open(&script, NULL, NULL);
    struct edit *other = edit_open(script.running, NULL, NULL);
    int code = 0;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        if (i == 5)
            assert_int_equal(script_run(&script, "config firewall vip\nedit a\n"
                                                 "set extip 203.0.113.5\nset mappedip 10.0.0.5\n"
                                                 "set extintf any\nend"),
                             0);
        assert_int_equal(words_read(&words, slice_str(lines[i])), WORDS_DONE);
        code = edit_run(other, words.n, words.w, &out);
    }
    assert_int_equal(code, 1);
    assert_string_equal(out.p, NEW("b") TWICE);
    edit_close(other);
    words_free(&words);
    text_free(&out);
    script_close(&script);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows),
                                       cmocka_unit_test(test_two_logins)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
