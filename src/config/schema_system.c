/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * `config system`, `config dpdk`, `config log`. Ranges and defaults:
 * reference 3.1, 4.1, 4.2, 5.7, 5.9. Ours alone: `device` of an interface and the rows of
 * `dpdk` that say so.
 */
#include "config/schema_tables.h"

/* ---- system global ---- */

static const struct schema_option anti_replay[] = {{"disable", "No sequence check."},
                                                   {"loose", "Check with wide windows."},
                                                   {"strict", "Check closely."},
                                                   {0}};
static const struct schema_option check_header[] = {
    {"loose", "Basic checks of protocol headers."}, {"strict", "All checks."}, {0}};
static const struct schema_option cfg_save[] = {{"automatic", "Save at every end."},
                                                {"manual", "Save by command.", .inert = true},
                                                {"revert", "Return if not saved.", .inert = true},
                                                {0}};

static const struct schema_attr global_attrs[] = {
    ROW_STRING("alias", 35, "Alias of this unit."),
    ROW_STRING("hostname", 35, "Host name shown in the prompt.", .initial = "Pinhole",
               .flags = SCHEMA_NAME),
    ROW_STRING("timezone", 63, "Time zone.", INERT),
    ROW_INTEGER("admintimeout", 1, 480, "5", "Idle minutes until an administrator is logged out.",
                INERT),
    ROW_OPTION("anti-replay", anti_replay, "strict", "Level of TCP sequence checks."),
    ROW_INTEGER("block-session-timer", 1, 300, "30", "Seconds a denied session is kept.", INERT),
    ROW_OPTION("cfg-save", cfg_save, "automatic", "When the configuration is saved."),
    ROW_OPTION("check-protocol-header", check_header, "loose", "Level of header checks.", INERT),
    ROW_INTEGER("ip-fragment-timeout", 3, 30, "30", "Seconds to wait for fragments."),
    ROW_INTEGER("memory-use-threshold-extreme", 70, 97, "95",
                "Percent of memory at which new sessions are refused.", INERT),
    ROW_INTEGER("memory-use-threshold-green", 70, 97, "82",
                "Percent of memory at which conserve mode ends.", INERT),
    ROW_INTEGER("memory-use-threshold-red", 70, 97, "88",
                "Percent of memory at which conserve mode begins.", INERT),
    ROW_SWITCH("reset-sessionless-tcp", "disable", "Answer TCP without a session with RST."),
    ROW_SWITCH("snat-route-change", "disable", "Move sessions with source NAT to new routes."),
    ROW_SWITCH("strict-dirty-session-check", "enable", "Check sessions again after changes.",
               INERT),
    ROW_INTEGER("tcp-halfclose-timer", 1, 86400, "120",
                "Seconds after one FIN while the other is missing."),
    ROW_INTEGER("tcp-halfopen-timer", 1, 86400, "10", "Seconds a SYN may stay unanswered."),
    ROW_INTEGER("tcp-rst-timer", 5, 300, "5", "Seconds a session lives after RST."),
    ROW_INTEGER("tcp-timewait-timer", 0, 300, "1", "Seconds of TIME-WAIT."),
    ROW_INTEGER("udp-idle-timer", 1, 86400, "180", "Seconds an idle UDP session lives."),
};

const struct schema_node schema_system_global = {
    .path = "system global",
    .kind = SCHEMA_OBJECT,
    .attrs = global_attrs,
    .n_attrs = COUNT(global_attrs),
    .help = "Configure global attributes.",
};

/* ---- system console ---- */

static const struct schema_option console_output[] = {
    {"standard", "Without pause."}, {"more", "Page by page."}, {0}};

static const struct schema_attr console_attrs[] = {
    ROW_OPTION("output", console_output, "more", "How long output is shown.", INERT),
    ROW_SWITCH("login", "enable", "Login on the console.", INERT),
};

const struct schema_node schema_system_console = {
    .path = "system console",
    .kind = SCHEMA_OBJECT,
    .attrs = console_attrs,
    .n_attrs = COUNT(console_attrs),
    .help = "Configure the console.",
};

/* ---- system settings ---- */

static const struct schema_option opmode[] = {{"nat", "Route and translate."}, {0}};
static const struct schema_option ngfw_mode[] = {{"profile-based", "Profiles in policies."}, {0}};
static const struct schema_option session_dirty[] = {
    {"check-all", "Check every session again after a policy change."},
    {"check-new", "Leave existing sessions alone."},
    {"check-policy-option", "Each policy decides."},
    {0}};
static const struct schema_option ecmp_mode[] = {
    {"source-ip-based", "Equal routes are chosen by the source address."},
    {"weight-based", "By source address, in proportion to the weights of the routes."},
    {"usage-based", "By the load of the interfaces; here as source-ip-based.", .inert = true},
    {"source-dest-ip-based", "By source and destination address."},
    {0}};
static const struct schema_option voip_alg_mode[] = {
    {"proxy-based", "SIP goes through the ALG, with profile default if a policy names none."},
    {"kernel-helper-based", "The ALG where a policy names a profile, else the session helper."},
    {0}};

static const struct schema_attr settings_attrs[] = {
    ROW_OPTION("opmode", opmode, "nat", "Operation mode."),
    ROW_OPTION("ngfw-mode", ngfw_mode, "profile-based", "Rule mode."),
    ROW_OPTION("firewall-session-dirty", session_dirty, "check-all",
               "What happens to sessions when policies change."),
    ROW_SWITCH("asymroute", "disable", "Accept asymmetric routes."),
    ROW_SWITCH("asymroute-icmp", "disable", "Accept ICMP on asymmetric routes.", INERT),
    ROW_SWITCH("strict-src-check", "disable", "Strict reverse path check."),
    ROW_SWITCH("tcp-session-without-syn", "disable", "Allow TCP sessions without SYN."),
    ROW_SWITCH("ses-denied-traffic", "disable", "Keep denied traffic in the table.", INERT),
    ROW_SWITCH("auxiliary-session", "disable", "Sessions over several interfaces.", INERT),
    ROW_SWITCH("deny-tcp-with-icmp", "disable", "Answer denied TCP with ICMP."),
    ROW_SWITCH("block-land-attack", "disable", "Drop packets with equal addresses.", INERT),
    ROW_SWITCH("snat-hairpin-traffic", "enable", "Source NAT for hairpin traffic."),
    ROW_OPTION("v4-ecmp-mode", ecmp_mode, "source-ip-based", "How equal routes are shared."),
    ROW_SWITCH("multicast-forward", "enable", "Forward multicast.", INERT),
    {.name = "sip-tcp-port",
     .type = SCHEMA_PORTS,
     .min = 1,
     .max = 65535,
     .max_items = 2,
     .initial = "5060",
     .help = "TCP ports of SIP (1 to 65535)."},
    {.name = "sip-udp-port",
     .type = SCHEMA_PORTS,
     .min = 1,
     .max = 65535,
     .max_items = 8,
     .initial = "5060",
     .help = "UDP ports of SIP (1 to 65535)."},
    ROW_INTEGER("sip-ssl-port", 0, 65535, "5061", "TCP port of SIP over TLS.",
                LACKS("SIP over TLS passes as it is")),
    ROW_INTEGER("sccp-port", 0, 65535, "2000", "TCP port of SCCP.",
                LACKS("SCCP passes as plain TCP")),
    ROW_SWITCH("sip-expectation", "disable",
               "Session helper lets anyone call a phone whose port is 5060."),
    ROW_SWITCH("sip-helper", "enable", "SIP session helper."),
    ROW_SWITCH("sip-nat-trace", "enable", "Session helper keeps the original address in i=."),
    ROW_OPTION("default-voip-alg-mode", voip_alg_mode, "proxy-based",
               "What handles SIP where a policy names no profile."),
    ROW_SWITCH("gui-voip-profile", "disable", "Show VoIP profiles in the GUI.", INERT),
};

const struct schema_node schema_system_settings = {
    .path = "system settings",
    .kind = SCHEMA_OBJECT,
    .attrs = settings_attrs,
    .n_attrs = COUNT(settings_attrs),
    .help = "Configure settings of the virtual domain.",
};

/* ---- system interface ---- */

static const struct schema_option interface_mode[] = {{"static", "Address set here."}, {0}};
static const struct schema_option interface_access[] = {
    {"ping", "Answer ICMP echo requests."},
    {"https", "HTTPS access.", .inert = true},
    {"ssh", "SSH access.", .inert = true},
    {"snmp", "SNMP access.", .inert = true},
    {"http", "HTTP access.", .inert = true},
    {"telnet", "TELNET access.", .inert = true},
    {"fgfm", "Central management access.", .inert = true},
    {"radius-acct", "RADIUS accounting access.", .inert = true},
    {"probe-response", "Probe access.", .inert = true},
    {"fabric", "Security fabric access.", .inert = true},
    {"ftm", "Token access.", .inert = true},
    {"speed-test", "Speed test access.", .inert = true},
    {0}};
static const struct schema_option up_down[] = {
    {"up", "Bring the interface up."}, {"down", "Shut the interface down."}, {0}};
static const struct schema_option interface_type[] = {{"physical", "A port of its own."}, {0}};
static const struct schema_option interface_role[] = {{"lan", "Connected to local hosts."},
                                                      {"wan", "Connected to the Internet."},
                                                      {"dmz", "Connected to servers."},
                                                      {"undefined", "No role."},
                                                      {0}};

static const struct schema_attr interface_attrs[] = {
    ROW_REF("vdom", NULL, "Virtual domain of the interface.", .literal = "root", .initial = "root",
            .flags = SCHEMA_ALWAYS),
    ROW_STRING("device", 255, "DPDK device: virtual device arguments or a PCI address."),
    ROW_OPTION("mode", interface_mode, "static", "Addressing mode.", BRIEF),
    {.name = "ip",
     .type = SCHEMA_IPV4_NET,
     .initial = "0.0.0.0 0.0.0.0",
     .flags = SCHEMA_BRIEF,
     .help = "Interface IPv4 address and subnet mask."},
    {.name = "allowaccess",
     .type = SCHEMA_OPTIONS,
     .options = interface_access,
     .help = "Permitted access to the firewall itself."},
    ROW_OPTION("status", up_down, "up", "Bring the interface up or shut it down.", BRIEF),
    ROW_OPTION("type", interface_type, "physical", "Interface type.",
               .flags = SCHEMA_ALWAYS | SCHEMA_BRIEF),
    ROW_SWITCH("src-check", "enable", "Reverse path check."),
    ROW_SWITCH("drop-fragment", "disable", "Drop fragments."),
    ROW_SWITCH("icmp-send-redirect", "enable", "Send ICMP redirects.", INERT),
    ROW_SWITCH("arpforward", "enable", "Forward ARP.", INERT),
    ROW_STRING("alias", 25, "Alias of the interface.", .flags = SCHEMA_NAME),
    ROW_STRING("description", 255, "Description."),
    ROW_OPTION("role", interface_role, "undefined", "Interface role."),
    ROW_INTEGER("snmp-index", 0, 2147483647, NULL, "SNMP index."),
    ROW_SWITCH("external", "disable", "Marks the outside for the SIP ALG."),
    ROW_SWITCH("mtu-override", "disable", "Use the MTU set here.", BRIEF),
    ROW_INTEGER("mtu", 68, 9216, "1500", "Largest packet in bytes.", .when = "mtu-override",
                .when_is = "enable"),
    ROW_INTEGER("tcp-mss", 48, 65535, "0",
                "TCP maximum segment size (48 to 65535, 0: as it comes).", .flags = SCHEMA_SPECIAL),
    {.name = "macaddr", .type = SCHEMA_MAC, .help = "Change the MAC address of the interface."},
};

static const struct schema_option access6[] = {
    {"ping", "Answer ICMPv6 echo requests."},
    {"https", "HTTPS access.", .inert = true},
    {"ssh", "SSH access.", .inert = true},
    {"snmp", "SNMP access.", .inert = true},
    {"http", "HTTP access.", .inert = true},
    {"telnet", "TELNET access.", .inert = true},
    {"fgfm", "Central management access.", .inert = true},
    {"fabric", "Security fabric access.", .inert = true},
    {0}};

static const struct schema_attr interface6_attrs[] = {
    ROW_OPTION("ip6-mode", interface_mode, "static", "Addressing mode."),
    {.name = "ip6-allowaccess",
     .type = SCHEMA_OPTIONS,
     .options = access6,
     .help = "Permitted access to the firewall itself."},
    {.name = "ip6-address",
     .type = SCHEMA_IPV6_NET,
     .initial = "::/0",
     .help = "IPv6 address and prefix length of the interface."},
    ROW_SWITCH("ip6-send-adv", "disable", "Send router advertisements.", INERT),
};

static const struct schema_node interface_children[] = {{
    .path = "ipv6",
    .kind = SCHEMA_OBJECT,
    .attrs = interface6_attrs,
    .n_attrs = COUNT(interface6_attrs),
    .help = "IPv6 of the interface.",
}};

const struct schema_node schema_system_interface = {
    .path = "system interface",
    .kind = SCHEMA_TABLE_STRING,
    .key_name = "name",
    .key_max = 15,
    .attrs = interface_attrs,
    .n_attrs = COUNT(interface_attrs),
    .children = interface_children,
    .n_children = COUNT(interface_children),
    .help = "Configure interfaces.",
};

/* ---- system zone ---- */

static const char *const to_interface[] = {"system interface", NULL};
static const struct schema_option intrazone[] = {
    {"allow", "Members reach each other without a policy."},
    {"deny", "Members reach each other where a policy says so."},
    {0}};

static const struct schema_attr zone_attrs[] = {
    ROW_OPTION("intrazone", intrazone, "deny", "Traffic between the members.", BRIEF),
    ROW_STRING("description", 127, "Description."),
    ROW_REFS("interface", to_interface, "Members of the zone.", BRIEF),
};

const struct schema_node schema_system_zone = {
    .path = "system zone",
    .kind = SCHEMA_TABLE_STRING,
    .key_name = "name",
    .key_max = 35,
    .attrs = zone_attrs,
    .n_attrs = COUNT(zone_attrs),
    .help = "Configure zones.",
};

/* ---- system session-ttl ---- */

static const struct schema_option refresh_direction[] = {
    {"both", "Packets of both directions restart the timer."},
    {"outgoing", "Packets of the original direction do."},
    {"incoming", "Packets of the reply direction do."},
    {0}};

static const struct schema_attr port_ttl_attrs[] = {
    ROW_INTEGER("protocol", 0, 255, "0", "Protocol (0 to 255, 0: every protocol)."),
    ROW_INTEGER("start-port", 0, 65535, "0", "First destination port.", .when = "protocol",
                .when_is = "0 6 17 33 132"),
    ROW_INTEGER("end-port", 0, 65535, "0", "Last destination port.", .when = "protocol",
                .when_is = "0 6 17 33 132"),
    {.name = "timeout",
     .type = SCHEMA_TTL,
     .min = 1,
     .max = 2764800,
     .initial = "300",
     .flags = SCHEMA_ALWAYS,
     .help = "Session timeout in seconds (1 to 2764800, or never)."},
    ROW_OPTION("refresh-direction", refresh_direction, "both",
               "Direction of the packets that restart the timer."),
};

static const struct schema_node session_ttl_children[] = {{
    .path = "port",
    .kind = SCHEMA_TABLE_INTEGER,
    .key_name = "id",
    .key_min = 1,
    .key_max = 65535,
    .attrs = port_ttl_attrs,
    .n_attrs = COUNT(port_ttl_attrs),
    .help = "Session TTL of a port.",
}};

static const struct schema_attr session_ttl_attrs[] = {
    {.name = "default",
     .type = SCHEMA_TTL,
     .min = 300,
     .max = 2764800,
     .initial = "3600",
     .help = "Default timeout in seconds (300 to 2764800, or never)."},
};

const struct schema_node schema_system_session_ttl = {
    .path = "system session-ttl",
    .kind = SCHEMA_OBJECT,
    .attrs = session_ttl_attrs,
    .n_attrs = COUNT(session_ttl_attrs),
    .children = session_ttl_children,
    .n_children = COUNT(session_ttl_children),
    .help = "Configure session timeouts.",
};

/* ---- dpdk ---- */

static const struct schema_option per_session_accounting[] = {
    {"disable", "Off."}, {"traffic-log-only", "Where logged."}, {"enable", "On."}, {0}};

static const struct schema_attr dpdk_global_attrs[] = {
    ROW_SWITCH("status", "disable", "The fast path; here it is always on.", INERT),
    ROW_REFS("interface", to_interface, "Interfaces of the fast path; here all are.", INERT),
    ROW_SWITCH("multiqueue", "disable", "Several queues.", INERT),
    ROW_SWITCH("sleep-on-idle", "disable", "Idle workers sleep."),
    ROW_SWITCH("elasticbuffer", "disable", "Elastic buffers.", INERT),
    ROW_OPTION("per-session-accounting", per_session_accounting, "traffic-log-only",
               "Counters of each session.", INERT),
    ROW_SWITCH("ipsec-offload", "disable", "IPsec on the fast path.", INERT),
    ROW_SWITCH("frag-offload", "enable", "Fragments on the fast path.", INERT),
    ROW_INTEGER("hugepage-percentage", 1, 100, "30", "Memory as huge pages, percent.", INERT),
    ROW_INTEGER("mbufpool-percentage", 1, 100, "25", "Memory as packet buffers, percent.", INERT),
    ROW_SWITCH("hugepages", "disable", "Use huge pages. Read at start."),
    ROW_INTEGER("memory", 64, 1048576, "512", "Memory of the fast path in MiB. Read at start."),
    ROW_INTEGER("sessions", 1024, 200000000, "65536", "Size of the session table. Read at start."),
    ROW_INTEGER("mappings", 64, 16777216, "16384", "Size of the mapping table. Read at start."),
    ROW_INTEGER("mbufs", 1024, 16777216, "16384", "Number of packet buffers. Read at start."),
    ROW_INTEGER("dialogs", 16, 4194304, "8192",
                "Calls and registrations the SIP ALG holds. Read at start."),
    ROW_INTEGER("sip-streams", 16, 4194304, "4096",
                "TCP connections the SIP ALG holds. Read at start."),
    ROW_INTEGER("sip-stream-buffers", 16, 1048576, "1024",
                "Buffers of 64 KiB for bytes under way on them. Read at start."),
};

const struct schema_node schema_dpdk_global = {
    .path = "dpdk global",
    .kind = SCHEMA_OBJECT,
    .attrs = dpdk_global_attrs,
    .n_attrs = COUNT(dpdk_global_attrs),
    .help = "Configure memory and tables of the fast path.",
};

#define ROW_CPUS(n, d, h, ...)                                                              \
    {                                                                                       \
        .name = n, .type = SCHEMA_CPUS, .max = 1023, .initial = d, .help = h, ##__VA_ARGS__ \
    }

static const struct schema_attr dpdk_cpus_attrs[] = {
    ROW_CPUS("worker-cpus", "1", "CPUs that forward packets, like 1 2 or 1-3. Read at start."),
    ROW_INTEGER("alg-cpu", 0, 1023, "0", "CPU of the SIP ALG. Read at start."),
    ROW_INTEGER("control-cpu", 0, 1023, "0", "CPU of the control core. Read at start."),
    ROW_CPUS("rx-cpus", NULL, "CPUs of the RX stage.", INERT),
    ROW_CPUS("vnp-cpus", NULL, "CPUs of the VNP stage.", INERT),
    ROW_CPUS("vnpsp-cpus", NULL, "CPUs of the VNPSP stage.", INERT),
    ROW_CPUS("ips-cpus", NULL, "CPUs of the IPS stage.", INERT),
    ROW_CPUS("tx-cpus", NULL, "CPUs of the TX stage.", INERT),
    ROW_CPUS("isolated-cpus", NULL, "CPUs kept free of other work.", INERT),
};

const struct schema_node schema_dpdk_cpus = {
    .path = "dpdk cpus",
    .kind = SCHEMA_OBJECT,
    .attrs = dpdk_cpus_attrs,
    .n_attrs = COUNT(dpdk_cpus_attrs),
    .help = "Configure the CPUs of the fast path.",
};

/* ---- log setting ---- */

static const struct schema_attr log_setting_attrs[] = {
    ROW_SWITCH("resolve-ip", "disable", "Add names to addresses.", INERT),
    ROW_SWITCH("resolve-port", "enable", "Add names to ports.", INERT),
    ROW_SWITCH("fwpolicy-implicit-log", "disable", "Log what the implicit policy denies."),
    ROW_SWITCH("fwpolicy6-implicit-log", "disable", "Log what the implicit policy denies of IPv6."),
    ROW_SWITCH("local-in-allow", "disable", "Log accepted traffic to the firewall.", INERT),
    ROW_SWITCH("local-in-deny-unicast", "disable", "Log denied unicast to the firewall.", INERT),
    ROW_SWITCH("local-in-deny-broadcast", "disable", "Log denied broadcast.", INERT),
    ROW_SWITCH("local-out", "enable", "Log traffic of the firewall itself.", INERT),
    ROW_SWITCH("extended-log", "disable", "Extended traffic log.", INERT),
    ROW_SWITCH("brief-traffic-format", "disable", "Brief traffic log.", INERT),
};

const struct schema_node schema_log_setting = {
    .path = "log setting",
    .kind = SCHEMA_OBJECT,
    .attrs = log_setting_attrs,
    .n_attrs = COUNT(log_setting_attrs),
    .help = "Configure general log settings.",
};

/* ---- log syslogd filter ---- */

static const struct schema_option severities[] = {{"emergency", "Emergency level."},
                                                  {"alert", "Alert level."},
                                                  {"critical", "Critical level."},
                                                  {"error", "Error level."},
                                                  {"warning", "Warning level."},
                                                  {"notification", "Notification level."},
                                                  {"information", "Information level."},
                                                  {"debug", "Debug level."},
                                                  {0}};

static const struct schema_attr log_filter_attrs[] = {
    ROW_OPTION("severity", severities, "information", "Lowest severity level to log.", INERT),
    ROW_SWITCH("forward-traffic", "enable", "Log forwarded traffic."),
    ROW_SWITCH("local-traffic", "enable", "Log local traffic.", INERT),
    ROW_SWITCH("multicast-traffic", "enable", "Log multicast traffic.", INERT),
    ROW_SWITCH("sniffer-traffic", "enable", "Log sniffer traffic.", INERT),
    ROW_SWITCH("anomaly", "enable", "Log anomalies.", INERT),
    ROW_SWITCH("voip", "enable", "Log calls, registrations and violations of VoIP profiles."),
};

const struct schema_node schema_log_filter = {
    .path = "log syslogd filter",
    .kind = SCHEMA_OBJECT,
    .attrs = log_filter_attrs,
    .n_attrs = COUNT(log_filter_attrs),
    .help = "Configure what is logged.",
};
