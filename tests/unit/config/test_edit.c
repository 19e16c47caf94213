/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Commands as a login gives them: what each one answers, with its return code, and what `show`
 * says afterwards.
 */
#include "script.h"

#include <errno.h>
#include <stdlib.h>

/* ---- errors: the last line of `lines` fails with `code` and prints `out` ---- */

struct fault {
    const char *lines;
    int code;
    const char *out;
};

#define ADDRESS  "config firewall address\nedit a1\n"
#define SERVICE  "config firewall service custom\nedit s1\n"
#define POLICY   "config firewall policy\nedit 1\n"
#define SIP      "config voip profile\nedit default\nconfig sip\n"
#define PORT     "config system session-ttl\nconfig port\nedit 1\n"
#define NEW(key) "new entry '" key "' added\n"
#define NODE(attr, value) \
    "node_check_object fail! for " attr " " value "\n\nvalue parse error before '" value "'\n"

static const struct fault faults[] = {
    /* verbs and words */
    {"set hostname x", EDIT_NO_CODE, "Unknown action 0\n"},
    {"config system global\nedit x", EDIT_NO_CODE, "Unknown action 0\n"},
    {"config system global\nse hostname x", EDIT_NO_CODE, "Unknown action 0\n"},
    {"config system global\nnext", EDIT_NO_CODE, "Unknown action 0\n"},
    {"config firewall address\nset subnet 10.0.0.0/8", EDIT_NO_CODE, "Unknown action 0\n"},
    {"config firewall address\nmove a before b", EDIT_NO_CODE, "Unknown action 0\n"},
    {"config", -160, "incomplete command in the end\n"},
    {"config firewall", -160, "incomplete command in the end\n"},
    {"config firewall service c", -61, "ambiguous command before 'c'\n"},
    {"config s", -160, "incomplete command in the end\n"},
    {"config bogus", -61, "command parse error before 'bogus'\n"},
    {"config SYSTEM global", -61, "command parse error before 'SYSTEM'\n"},
    {"config system global extra", -61, "command parse error before 'extra'\n"},
    {"config system global\nset", -160, "incomplete command in the end\n"},
    {"config system global\nset hostname", -160, "incomplete command in the end\n"},
    {"config system global\nset tcp-half 5", -61, "ambiguous command before 'tcp-half'\n"},
    {"config system global\nset bogus 5", -61, "command parse error before 'bogus'\n"},
    {"config system global\nset hostname a b", -61, "command parse error before 'b'\n"},
    {"config system global\nunset hostname a", -61, "command parse error before 'a'\n"},
    {"config system global\nappend hostname a", -61, "command parse error before 'hostname'\n"},
    {"config system global\nend now", -61, "command parse error before 'now'\n"},
    {ADDRESS "config sip", EDIT_NO_CODE, NEW("a1") "Unknown action 0\n"},
    /* numbers */
    {"config system global\nset udp-idle-timer 0", -651, NODE("udp-idle-timer", "0")},
    {"config system global\nset udp-idle-timer 86401", -651, NODE("udp-idle-timer", "86401")},
    {"config system global\nset udp-idle-timer 99999999999", -651,
     NODE("udp-idle-timer", "99999999999")},
    {"config system global\nset udp-idle-timer x", -89,
     "invalid unsigned integer value\n\nvalue parse error before 'x'\n"},
    {"config system global\nset udp-idle-timer -1", -89,
     "invalid unsigned integer value\n\nvalue parse error before '-1'\n"},
    {SIP "set call-keepalive 10081", -651, NODE("call-keepalive", "10081")},
    {SIP "set provisional-invite-expiry-time 9", -651, NODE("provisional-invite-expiry-time", "9")},
    {SIP "set provisional-invite-expiry-time 3601", -651,
     NODE("provisional-invite-expiry-time", "3601")},
    {PORT "set timeout 0", -651, NEW("1") NODE("timeout", "0")},
    {PORT "set timeout 2764801", -651, NEW("1") NODE("timeout", "2764801")},
    {PORT "set protocol 256", -651, NEW("1") NODE("protocol", "256")},
    {PORT "set protocol 1\nset start-port 1", -61,
     NEW("1") "command parse error before 'start-port'\n"},
    {"config system session-ttl\nset default 299", -651, NODE("default", "299")},
    {SERVICE "set session-ttl 299", -651, NEW("s1") NODE("session-ttl", "299")},
    {SERVICE "set tcp-rst-timer 4", -651, NEW("s1") NODE("tcp-rst-timer", "4")},
    /* options */
    {"config system settings\nset default-voip-alg-mode maybe", -61,
     "command parse error before 'maybe'\n"},
    {"config system settings\nset sip-udp-port 1 2 3 4 5 6 7 8 9", -4,
     "maximum number of entries has been reached\n\nvalue parse error before '9'\n"},
    {"config system settings\nset sip-tcp-port 5060 5070 5080", -4,
     "maximum number of entries has been reached\n\nvalue parse error before '5080'\n"},
    {"config system settings\nset sip-tcp-port 0", -651, NODE("sip-tcp-port", "0")},
    {"config system settings\nset sip-udp-port 65536", -651, NODE("sip-udp-port", "65536")},
    {"config system settings\nset sip-udp-port 1 2 3 4 5 6 7 8\nappend sip-udp-port 9", -4,
     "maximum number of entries has been reached\n\nvalue parse error before '9'\n"},
    /* text */
    {"config system global\nset hostname a23456789012345678901234567890123456", -1,
     "string value is too long. the size is 36, the limit is 35\n"
     "value parse error before 'a23456789012345678901234567890123456'\n"},
    {"config system global\nset hostname ''", -56,
     "empty values are not allowed\n\nvalue parse error before ''\n"},
    {"config system global\nset hostname 'a<b'", -173,
     "The string contains XSS vulnerability characters\n\nvalue parse error before 'a<b'\n"},
    {"config firewall address\nedit 'a(b'", -173,
     "The string contains XSS vulnerability characters\n\nvalue parse error before 'a(b'\n"},
    {"config firewall address\nedit ''", -56,
     "empty values are not allowed\n\nvalue parse error before ''\n"},
    {"config system interface\nedit a234567890123456", -1,
     "string value is too long. the size is 16, the limit is 15\n"
     "value parse error before 'a234567890123456'\n"},
    /* addresses */
    {ADDRESS "set subnet 10.0.0.256/8", -8,
     NEW("a1") "invalid ip address\n\nvalue parse error before '10.0.0.256/8'\n"},
    {ADDRESS "set subnet 10.0.0.0", -160, NEW("a1") "incomplete command in the end\n"},
    {ADDRESS "set subnet 10.0.0.0/33", -9,
     NEW("a1") "invalid netmask.\nobject check operator error, -9, discard the setting\n"},
    {ADDRESS "set subnet 10.0.0.0 255.0.255.0", -9,
     NEW("a1") "invalid netmask.\nobject check operator error, -9, discard the setting\n"},
    {ADDRESS "set subnet 10.0.0.0 255.0.0.0 1", -61, NEW("a1") "command parse error before '1'\n"},
    {ADDRESS "set type fqdn", -61, NEW("a1") "command parse error before 'fqdn'\n"},
    {ADDRESS "set start-ip 10.0.0.1", -61, NEW("a1") "command parse error before 'start-ip'\n"},
    {ADDRESS "set type iprange\nset start-ip 10.0.0.9\nset end-ip 10.0.0.1\nnext", 1,
     NEW("a1") "end-ip must be greater than start-ip\n"
               "object check operator error, -45, discard the setting\n"},
    {"config firewall addrgrp\nedit all", -163,
     "Name 'all' conflict: 'address' and 'address group' cannot be the same name.\n" NODE("name",
                                                                                          "all")},
    {"config firewall service group\nedit ALL", -162,
     "Name 'ALL' conflict: 'service' and 'service group' cannot be the same name.\n" NODE("name",
                                                                                          "ALL")},
    {"config firewall addrgrp\nedit g\nnext", 1,
     NEW("g") "node_check_object fail! for member \n\nAttribute 'member' MUST be set.\n"},
    {"config firewall addrgrp\nedit g\nset member g", -651, NEW("g") NODE("member", "g")},
    /* interfaces */
    {"config system interface\nedit p\nset ip 192.0.2.6", -160,
     NEW("p") "incomplete command in the end\n"},
    {"config system interface\nedit p\nset ip 192.0.2.0/24", -8,
     NEW("p") "invalid ip address\n\nvalue parse error before '192.0.2.0 255.255.255.0'\n"},
    {"config system interface\nedit p\nset ip 192.0.2.1/24\nnext\nedit q\nset ip 192.0.2.129/25",
     -54,
     NEW("p") NEW("q") "Subnets overlap between 'q' with primary IP of 'p'\n"
                       "node_check_object fail! for ip 192.0.2.129 255.255.255.128\n\n"
                       "value parse error before '255.255.255.128'\n"},
    {"config system interface\nedit p\nset macaddr 01:00:00:00:00:01", -33,
     NEW("p") "invalid mac address\n\nvalue parse error before '01:00:00:00:00:01'\n"},
    {"config system interface\nedit p\nset vdom other", -3,
     NEW("p") "entry not found in datasource\n\nvalue parse error before 'other'\n"},
    {"config system interface\nedit p\nset mode dhcp", -61,
     NEW("p") "command parse error before 'dhcp'\n"},
    {"config system interface\nedit p\nset mtu 1400", -61,
     NEW("p") "command parse error before 'mtu'\n"},
    /* services */
    {SERVICE "set tcp-portrange 100-10", -650,
     NEW("s1") "node_check_object fail! for tcp-portrange 100-10\n"
               "value parse error before '100-10'\n"},
    {SERVICE "set udp-portrange 65536", -650,
     NEW("s1") "node_check_object fail! for udp-portrange 65536\n"
               "value parse error before '65536'\n"},
    {SERVICE "next", 1,
     NEW("s1") "TCP/UDP/SCTP portrange cannot all be empty.\n"
               "object check operator error, -651, discard the setting\n"},
    {SERVICE "set protocol ICMP\nset tcp-portrange 80", -61,
     NEW("s1") "command parse error before 'tcp-portrange'\n"},
    {SERVICE "set category Nonsense", -3,
     NEW("s1") "entry not found in datasource\n\nvalue parse error before 'Nonsense'\n"},
    {SIP "set nat-port-range 65533-5117", -650,
     "node_check_object fail! for nat-port-range 65533-5117\n"
     "value parse error before '65533-5117'\n"},
    {SIP "set nat-port-range 5117", -650,
     "node_check_object fail! for nat-port-range 5117\n"
     "value parse error before '5117'\n"},
    /* session-ttl */
    {PORT "set protocol 17\nset start-port 5060\nnext", 1,
     NEW("1") "end-port must be greater than start-port\n"
              "object check operator error, -363, discard the setting\n"},
    {"config system session-ttl\nconfig port\nedit 65536", -651, NODE("id", "65536")},
    {"config system session-ttl\nconfig port\nedit x", -89,
     "invalid unsigned integer value\n\nvalue parse error before 'x'\n"},
    /* policies */
    {POLICY "next", 1,
     NEW("1") "node_check_object fail! for srcintf \n\nAttribute 'srcintf' MUST be set.\n"},
    {POLICY "set voip-profile none-such", -3,
     NEW("1") "entry not found in datasource\n\nvalue parse error before 'none-such'\n"},
    {POLICY "set action ipsec", -61, NEW("1") "command parse error before 'ipsec'\n"},
    {POLICY "set poolname x", -61, NEW("1") "command parse error before 'poolname'\n"},
    {POLICY "set srcintf any\nset dstintf any\nset srcaddr all\nset dstaddr all\n"
            "set schedule always\nset service ALL\nset ippool enable",
     -61, NEW("1") "command parse error before 'ippool'\n"},
    {POLICY "set srcintf any\nset dstintf any\nset srcaddr all\nset dstaddr all\n"
            "set schedule always\nset service ALL\nset nat enable\nset ippool enable\nnext",
     1, NEW("1") "node_check_object fail! for poolname \n\nAttribute 'poolname' MUST be set.\n"},
    {POLICY "set name x\nset srcintf any\nset dstintf any\nset srcaddr all\nset dstaddr all\n"
            "set schedule always\nset service ALL\nnext\nedit 2\nset name x",
     -651, NEW("1") NEW("2") NODE("name", "x")},
    {"config firewall schedule recurring\nedit s\nset day monday\nnext", 1,
     NEW("s") "schedules other than all seven days, whole days, or none are not part of this "
              "version\nobject check operator error, -651, discard the setting\n"},
    {"config router static\nedit 1\nset gateway 192.0.2.1\nnext", 1,
     NEW("1") "node_check_object fail! for device \n\nAttribute 'device' MUST be set.\n"},
    /* entries */
    {"config firewall address\ndelete nobody", -3,
     "entry not found in table\n\nvalue parse error before 'nobody'\n"},
    {"config firewall address\nrename all for every", -61, "command parse error before 'for'\n"},
    {"config firewall address\nrename all to none", -5,
     "A duplicate entry already exists.\n\nvalue parse error before 'none'\n"},
    {"config firewall address\nclone all to none", -5,
     "A duplicate entry already exists.\n\nvalue parse error before 'none'\n"},
    {"config firewall address\nclone all", -160, "incomplete command in the end\n"},
    {"config firewall policy\nclone 1 to 0", -3,
     "entry not found in table\n\nvalue parse error before '1'\n"},
    {"config firewall policy\nmove 1 under 2", -61, "command parse error before 'under'\n"},
    {"config firewall service category\ndelete General", -23,
     "The entry is used by other 5 entries\n"},
    {"config firewall service category\npurge", -23, "The entry is used by other 5 entries\n"},
    {"config voip profile\ndelete default", -7,
     "a built-in entry cannot be removed or renamed\n\nvalue parse error before 'default'\n"},
    {"config voip profile\nrename strict to loose", -7,
     "a built-in entry cannot be removed or renamed\n\nvalue parse error before 'strict'\n"},
    {"config system interface\nedit p\nset allowaccess ping\nunselect allowaccess ssh", -3,
     NEW("p") "entry not found in datasource\n\nvalue parse error before 'ssh'\n"},
};

static void test_faults(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        struct script script;
        script_open(&script, NULL, NULL);
        script_run(&script, faults[i].lines);
        if (script.code != faults[i].code || strcmp(script_output(&script), faults[i].out) != 0)
            print_message("row %zu:\n%s\n", i, faults[i].lines);
        assert_string_equal(script_output(&script), faults[i].out);
        assert_int_equal(script.code, faults[i].code);
        script_close(&script);
    }
}

/* ---- what `show` says afterwards ---- */

struct shown {
    const char *lines, *root, *key, *text;
};

static const struct shown shows[] = {
    {"conf sys global\nset udp-idle-timer 0500\nset admint 9\nend", "system global", NULL,
     "config system global\n    set admintimeout 9\n    set udp-idle-timer 500\nend\n"},
    {"config system global\nset udp-idle-timer 500\nset udp-idle-timer 180\nend", "system global",
     NULL, "config system global\nend\n"},
    {"config system global\nset udp-idle-timer 500\nunset udp-idle-timer\nend", "system global",
     NULL, "config system global\nend\n"},
    {"config system global\nset udp-idle-timer 500\nabort", "system global", NULL,
     "config system global\nend\n"},
    {"config system interface\nedit p\nset allowaccess ssh ping\nappend allowaccess http ping\n"
     "unselect allowaccess ssh\nset ip 192.0.2.6/24\nset macaddr 02:AA:00:00:00:01\n"
     "set mtu-override enable\nset mtu 1400\nend",
     "system interface", NULL,
     "config system interface\n"
     "    edit \"p\"\n"
     "        set vdom \"root\"\n"
     "        set ip 192.0.2.6 255.255.255.0\n"
     "        set allowaccess ping http\n"
     "        set type physical\n"
     "        set mtu-override enable\n"
     "        set mtu 1400\n"
     "        set macaddr 02:aa:00:00:00:01\n"
     "    next\n"
     "end\n"},
    {"config system interface\nedit p\nset mtu-override enable\nset mtu 1400\n"
     "set mtu-override disable\nend",
     "system interface", NULL,
     "config system interface\n"
     "    edit \"p\"\n"
     "        set vdom \"root\"\n"
     "        set type physical\n"
     "    next\n"
     "end\n"},
    {"config firewall service custom\nedit x\nset protocol TCP/UDP/UDP-Lite/SCTP\n"
     "set tcp-portrange 80-80 443 8000-8080:1024-65535 80\nset udp-portrange 53:53-53\nnext\nend",
     "firewall service custom", "x",
     "config firewall service custom\n"
     "    edit \"x\"\n"
     "        set tcp-portrange 80 443 8000-8080:1024-65535\n"
     "        set udp-portrange 53:53\n"
     "    next\n"
     "end\n"},
    {"config firewall service custom\nedit ALL_ICMP\nnext\nend", "firewall service custom",
     "ALL_ICMP",
     "config firewall service custom\n"
     "    edit \"ALL_ICMP\"\n"
     "        set category \"General\"\n"
     "        set protocol ICMP\n"
     "        unset icmptype\n"
     "    next\n"
     "end\n"},
    {"config firewall address\nedit a\nset comment \"it's \\\"a\\\" \\\\ b\"\nnext\nrename a to b\n"
     "end",
     "firewall address", "b",
     "config firewall address\n"
     "    edit \"b\"\n"
     "        set comment \"it\\'s \\\"a\\\" \\\\ b\"\n"
     "    next\n"
     "end\n"},
    {"config system session-ttl\nset default never\nconfig port\nedit 20\nnext\nedit 3\n"
     "set timeout never\nset refresh-direction outgoing\nnext\nedit 0\nset protocol 1\nend\nend",
     "system session-ttl", NULL,
     "config system session-ttl\n"
     "    set default never\n"
     "    config port\n"
     "        edit 3\n"
     "            set timeout never\n"
     "            set refresh-direction outgoing\n"
     "        next\n"
     "        edit 20\n"
     "            set timeout 300\n"
     "        next\n"
     "        edit 21\n"
     "            set protocol 1\n"
     "            set timeout 300\n"
     "        next\n"
     "    end\n"
     "end\n"},
    {"config system session-ttl\nconfig port\nedit 1\nset timeout 5\nnext\nabort\nend",
     "system session-ttl", NULL, "config system session-ttl\nend\n"},
    {"config system session-ttl\nconfig port\nedit 1\nnext\ndelete 1\nend\nend",
     "system session-ttl", NULL, "config system session-ttl\nend\n"},
    {"config voip profile\nedit a\nconfig sip\nset rtp disable\nend\nconfig sip\nunset rtp\nend\n"
     "next\nclone a to b\ndelete a\nend",
     "voip profile", "b", "config voip profile\n    edit \"b\"\n    next\nend\n"},
    {"config voip profile\nedit a\nconfig sip\nset rtp disable\nabort\nnext\nend", "voip profile",
     "a", "config voip profile\n    edit \"a\"\n    next\nend\n"},
    {"config firewall address\npurge\nend", "firewall address", NULL,
     "config firewall address\nend\n"},
    {"config voip profile\nedit x\nnext\npurge\nend", "voip profile", "default",
     "config voip profile\n"
     "    edit \"default\"\n"
     "        set comment \"Default VoIP profile.\"\n"
     "    next\n"
     "end\n"},
};

static void test_shows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(shows) / sizeof(shows[0]); i++) {
        struct script script;
        script_open(&script, NULL, NULL);
        script_run(&script, shows[i].lines);
        if (script.code)
            print_message("row %zu: %s\n", i, script_output(&script));
        assert_int_equal(script.code, 0);
        struct text shown = script_show(script.running, shows[i].root, shows[i].key);
        if (strcmp(shown.p, shows[i].text) != 0)
            print_message("row %zu\n", i);
        assert_string_equal(shown.p, shows[i].text);
        text_free(&shown);
        script_close(&script);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_shows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
