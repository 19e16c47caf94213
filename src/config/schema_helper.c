/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * `config system session-helper`: where the session helpers of FortiOS look for their protocols
 * (reference 3.14). The only one there is here is that of SIP; entries of the others are kept for
 * the configuration's sake, and say so unless they are those of a new machine.
 */
#include "config/schema_tables.h"

static const struct schema_option helper_names[] = {
    {"ftp", "FTP.", .inert = true},
    {"tftp", "TFTP.", .inert = true},
    {"ras", "H.323 RAS.", .inert = true},
    {"h323", "H.323.", .inert = true},
    {"tns", "Oracle TNS.", .inert = true},
    {"mms", "MMS.", .inert = true},
    {"sip", "SIP of policies that name no VoIP profile, where the mode is kernel-helper-based."},
    {"pptp", "PPTP.", .inert = true},
    {"rtsp", "RTSP.", .inert = true},
    {"dns-udp", "DNS over UDP.", .inert = true},
    {"dns-tcp", "DNS over TCP.", .inert = true},
    {"pmap", "Portmapper.", .inert = true},
    {"rsh", "RSH.", .inert = true},
    {"dcerpc", "DCE-RPC.", .inert = true},
    {"mgcp", "MGCP.", .inert = true},
    {0}};

#define NEEDED .flags = SCHEMA_MANDATORY | SCHEMA_BRIEF

static const struct schema_attr helper_attrs[] = {
    ROW_OPTION("name", helper_names, NULL, "Helper.", NEEDED,
               .lacks = "there is no helper but that of SIP"),
    ROW_INTEGER("protocol", 0, 255, NULL, "Protocol: 6 TCP, 17 UDP.", NEEDED),
    ROW_INTEGER("port", 1, 65535, NULL, "Destination port.", NEEDED),
};

const struct schema_node schema_session_helper = {
    .path = "system session-helper",
    .kind = SCHEMA_TABLE_INTEGER,
    .key_name = "id",
    .key_min = 1,
    .key_max = UINT32_MAX,
    .attrs = helper_attrs,
    .n_attrs = COUNT(helper_attrs),
    .help = "Configure session helpers.",
};
