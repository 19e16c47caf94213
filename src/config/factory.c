/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a new machine holds, written as configuration text and read by the loader: it is checked
 * like everything else, and `show` prints it the same way. Names, ports and categories: reference
 * 2.1, 3.14, 5.2 to 5.4. A text that does not load is our own bug and asserts.
 */
#include "config/store.h"

#include <assert.h>
#include <pthread.h>

static const char profiles[] = "config voip profile\n"
                               "edit default\n"
                               "set comment 'Default VoIP profile.'\n"
                               "next\n"
                               "edit strict\n"
                               "config sip\n"
                               "set malformed-request-line discard\n"
                               "set malformed-header-via discard\n"
                               "set malformed-header-from discard\n"
                               "set malformed-header-to discard\n"
                               "set malformed-header-call-id discard\n"
                               "set malformed-header-cseq discard\n"
                               "set malformed-header-rack discard\n"
                               "set malformed-header-rseq discard\n"
                               "set malformed-header-contact discard\n"
                               "set malformed-header-record-route discard\n"
                               "set malformed-header-route discard\n"
                               "set malformed-header-expires discard\n"
                               "set malformed-header-content-type discard\n"
                               "set malformed-header-content-length discard\n"
                               "set malformed-header-max-forwards discard\n"
                               "set malformed-header-allow discard\n"
                               "set malformed-header-p-asserted-identity discard\n"
                               "set malformed-header-no-require discard\n"
                               "set malformed-header-no-proxy-require discard\n"
                               "set malformed-header-sdp-v discard\n"
                               "set malformed-header-sdp-o discard\n"
                               "set malformed-header-sdp-s discard\n"
                               "set malformed-header-sdp-i discard\n"
                               "set malformed-header-sdp-c discard\n"
                               "set malformed-header-sdp-b discard\n"
                               "set malformed-header-sdp-z discard\n"
                               "set malformed-header-sdp-k discard\n"
                               "set malformed-header-sdp-a discard\n"
                               "set malformed-header-sdp-t discard\n"
                               "set malformed-header-sdp-r discard\n"
                               "set malformed-header-sdp-m discard\n"
                               "end\n"
                               "next\n"
                               "end\n";

static const char objects[] =
    "config firewall address\n"
    "edit all\nnext\n"
    "edit none\nset subnet 0.0.0.0/32\nnext\n"
    "end\n"
    "config firewall address6\n"
    "edit all\nnext\n"
    "edit none\nset ip6 ::/128\nnext\n"
    "end\n"
    "config firewall service category\n"
    "edit General\nset comment 'General services.'\nnext\n"
    "edit 'Web Access'\nset comment 'Web access.'\nnext\n"
    "edit 'File Access'\nset comment 'File access.'\nnext\n"
    "edit Email\nset comment 'Email services.'\nnext\n"
    "edit 'Network Services'\nset comment 'Network services.'\nnext\n"
    "edit Authentication\nset comment 'Authentication service.'\nnext\n"
    "edit 'Remote Access'\nset comment 'Remote access.'\nnext\n"
    "edit Tunneling\nset comment 'Tunneling service.'\nnext\n"
    "edit 'VoIP, Messaging & Other Applications'\n"
    "set comment 'VoIP, messaging, and other applications.'\nnext\n"
    "edit 'Web Proxy'\nset comment 'Explicit web proxy.'\nnext\n"
    "end\n"
    "config firewall schedule recurring\n"
    "edit always\n"
    "set day sunday monday tuesday wednesday thursday friday saturday\nnext\n"
    "edit none\nnext\n"
    "end\n";

#define CATEGORY(name) "set category '" name "'\n"
#define GENERAL        CATEGORY("General")
#define WEB            CATEGORY("Web Access")
#define FILES          CATEGORY("File Access")
#define EMAIL          CATEGORY("Email")
#define NETWORK        CATEGORY("Network Services")
#define AUTH           CATEGORY("Authentication")
#define REMOTE         CATEGORY("Remote Access")
#define TUNNEL         CATEGORY("Tunneling")
#define VOIP           CATEGORY("VoIP, Messaging & Other Applications")

#define SERVICE(name, lines)   "edit '" name "'\n" lines "next\n"
#define TCP(name, category, p) SERVICE(name, category "set tcp-portrange " p "\n")
#define UDP(name, category, p) SERVICE(name, category "set udp-portrange " p "\n")
#define BOTH(name, category, t, u) \
    SERVICE(name, category "set tcp-portrange " t "\nset udp-portrange " u "\n")
#define NUMBER(name, category, n) \
    SERVICE(name, category "set protocol IP\nset protocol-number " n "\n")

/* One service a line, in the order of `show`. */
/* clang-format off */
static const char services[] =
    "config firewall service custom\n"
    SERVICE("ALL", GENERAL "set protocol IP\n")
    TCP("ALL_TCP", GENERAL, "1-65535")
    UDP("ALL_UDP", GENERAL, "1-65535")
    SERVICE("ALL_ICMP", GENERAL "set protocol ICMP\n")
    SERVICE("ALL_ICMP6", GENERAL "set protocol ICMP6\n")
    NUMBER("GRE", TUNNEL, "47")
    NUMBER("AH", TUNNEL, "51")
    NUMBER("ESP", TUNNEL, "50")
    TCP("BGP", NETWORK, "179")
    UDP("DHCP", NETWORK, "67-68")
    BOTH("DNS", NETWORK, "53", "53")
    TCP("FTP", FILES, "21")
    BOTH("H323", VOIP, "1720 1503", "1719")
    TCP("HTTP", WEB, "80")
    TCP("HTTPS", WEB, "443")
    UDP("IKE", TUNNEL, "500 4500")
    TCP("IMAP", EMAIL, "143")
    TCP("IMAPS", EMAIL, "993")
    BOTH("KERBEROS", AUTH, "88 464", "88 464")
    TCP("LDAP", AUTH, "389")
    UDP("MGCP", VOIP, "2427 2727")
    BOTH("NTP", NETWORK, "123", "123")
    NUMBER("OSPF", NETWORK, "89")
    SERVICE("PING", NETWORK "set protocol ICMP\nset icmptype 8\n")
    SERVICE("PING6", NETWORK "set protocol ICMP6\nset icmptype 128\n")
    TCP("POP3", EMAIL, "110")
    TCP("POP3S", EMAIL, "995")
    UDP("RADIUS", AUTH, "1812 1813")
    TCP("RDP", REMOTE, "3389")
    BOTH("RTSP", VOIP, "554 7070 8554", "554")
    TCP("SCCP", VOIP, "2000")
    BOTH("SIP", VOIP, "5060", "5060")
    TCP("SMTP", EMAIL, "25")
    TCP("SMTPS", EMAIL, "465")
    BOTH("SNMP", NETWORK, "161-162", "161-162")
    TCP("SSH", REMOTE, "22")
    UDP("SYSLOG", NETWORK, "514")
    TCP("TELNET", REMOTE, "23")
    UDP("TFTP", FILES, "69")
    UDP("TRACEROUTE", NETWORK, "33434-33535")
    "end\n";
/* clang-format on */

#define HELPER(id, name, protocol, port) \
    "edit " #id "\nset name " name "\nset protocol " #protocol "\nset port " #port "\nnext\n"

/* clang-format off */
static const char helpers[] =
    "config system session-helper\n"
    HELPER(1, "pptp", 6, 1723)
    HELPER(2, "h323", 6, 1720)
    HELPER(3, "ras", 17, 1719)
    HELPER(4, "tns", 6, 1521)
    HELPER(5, "tftp", 17, 69)
    HELPER(6, "rtsp", 6, 554)
    HELPER(7, "rtsp", 6, 7070)
    HELPER(8, "rtsp", 6, 8554)
    HELPER(9, "ftp", 6, 21)
    HELPER(10, "mms", 6, 1863)
    HELPER(11, "pmap", 6, 111)
    HELPER(12, "pmap", 17, 111)
    HELPER(13, "sip", 17, 5060)
    HELPER(14, "dns-udp", 17, 53)
    HELPER(15, "rsh", 6, 514)
    HELPER(16, "rsh", 6, 512)
    HELPER(17, "dcerpc", 6, 135)
    HELPER(18, "dcerpc", 17, 135)
    HELPER(19, "mgcp", 17, 2427)
    HELPER(20, "mgcp", 17, 2727)
    "end\n";
/* clang-format on */

static void add(struct config_tree *tree, const char *lines)
{
    struct text error = {0};
    int rc = load_into(tree, "factory", slice_str(lines), &error, NULL);
    assert(rc == 0 && "factory defaults do not load");
    (void)rc;
    text_free(&error);
}

/* Read once for the process; every caller gets a copy, which shares it until it is written to. */
static struct config_tree *empty, *factory;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static _Thread_local bool reading; /* this thread is reading it just now */

static void read_once(void)
{
    reading = true;
    empty = tree_bare();
    add(empty, profiles);
    factory = tree_copy(empty);
    add(factory, objects);
    add(factory, services);
    add(factory, helpers);
    reading = false;
}

struct config_tree *tree_empty(void)
{
    pthread_once(&once, read_once);
    return tree_copy(empty);
}

struct config_tree *tree_factory(void)
{
    pthread_once(&once, read_once);
    return tree_copy(factory);
}

bool factory_holds(const struct tree_path *path, const struct schema_attr *attr,
                   const json_t *value)
{
    if (reading)
        return true;
    pthread_once(&once, read_once);
    const json_t *held = json_object_get(tree_at(factory, path), attr->name);
    return held && json_equal(held, value);
}
