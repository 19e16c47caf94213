/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * `config voip profile` with `config sip`, `config sccp`, `config msrp`. Ranges and defaults:
 * reference 2.2 to 2.7. The four families that repeat one row for many names are macros over the
 * list of names.
 */
#include "base/voip.h"
#include "config/schema_tables.h"

#define NO_TLS  "SIP over TLS passes as it is, its calls need policies of their own"
#define NO_IPS  "there is no IPS"
#define NO_SCCP "SCCP passes as plain TCP"
#define NO_MSRP "MSRP passes as plain TCP"

static const struct schema_option malformed_action[] = {{"discard", "Discard the message."},
                                                        {"pass", "Let the message through."},
                                                        {"respond", "Answer with an error."},
                                                        {0}};
static const struct schema_option rate_track[] = {{"none", "One count for the policy."},
                                                  {"src-ip", "A count for each source."},
                                                  {"dest-ip", "A count for each destination."},
                                                  {0}};
static const struct schema_option ssl_mode[] = {
    {"off", "No TLS."}, {"full", "TLS to both sides."}, {0}};
static const struct schema_option ssl_algorithm[] = {
    {"high", "High."}, {"medium", "Medium and high."}, {"low", "All."}, {0}};
static const struct schema_option ssl_pfs[] = {
    {"require", "Require forward secrecy."}, {"deny", "Deny it."}, {"allow", "Allow it."}, {0}};
static const struct schema_option ssl_version[] = {{"ssl-3.0", "SSL 3.0."}, {"tls-1.0", "TLS 1.0."},
                                                   {"tls-1.1", "TLS 1.1."}, {"tls-1.2", "TLS 1.2."},
                                                   {"tls-1.3", "TLS 1.3."}, {0}};
static const struct schema_option ssl_renegotiation[] = {
    {"allow", "Allow it."}, {"deny", "Deny it."}, {"secure", "Allow the secure form."}, {0}};

#define ROW_BLOCK(id, m) ROW_SWITCH("block-" m, "disable", "Block " m " requests."),
#define ROW_RATE(id, m) \
    ROW_INTEGER(m "-rate", 0, UINT32_MAX, "0", "Limit of " m " requests a second, 0: none."),
#define ROW_RATE_TRACK(id, m) \
    ROW_OPTION(m "-rate-track", rate_track, "none", "What the " m " limit counts by."),
#define ROW_CHECK(id, n, what) \
    ROW_OPTION(n, malformed_action, "pass", "Action for a message with " what "."),

static const struct schema_attr sip_attrs[] = {
    ROW_SWITCH("status", "enable", "SIP handling."),
    ROW_SWITCH("rtp", "enable", "Open pinholes for RTP."),
    {.name = "nat-port-range",
     .type = SCHEMA_PORT_SPAN,
     .min = 1,
     .max = 65535,
     .initial = "5117-65533",
     .help = "Ports the ALG may use for translated RTP: low-high."},
    ROW_SWITCH("open-register-pinhole", "enable", "Open a pinhole for the Contact of REGISTER."),
    ROW_SWITCH("open-contact-pinhole", "enable",
               "Open a pinhole for the Contact of other requests."),
    ROW_SWITCH("strict-register", "enable", "Pinholes admit registrars and parties of calls only."),
    VOIP_METHODS(ROW_RATE) VOIP_METHODS(ROW_RATE_TRACK) ROW_INTEGER(
        "max-dialogs", 0, UINT32_MAX, "0", "Concurrent dialogs per policy, 0: no limit."),
    ROW_INTEGER("max-line-length", 78, 4096, "998", "Longest header line."),
    ROW_SWITCH("block-long-lines", "enable", "Block messages with longer lines."),
    ROW_SWITCH("block-unknown", "enable", "Block requests of unknown methods."),
    ROW_INTEGER("call-keepalive", 0, 10080, "0",
                "End a call whose RTP was silent for this many seconds, 0: off."),
    VOIP_METHODS(ROW_BLOCK)
        ROW_SWITCH("register-contact-trace", "disable", "Add the original address to Contact."),
    ROW_SWITCH("open-via-pinhole", "disable", "Open a pinhole for Via."),
    ROW_SWITCH("open-record-route-pinhole", "enable", "Open a pinhole for Record-Route."),
    ROW_SWITCH("rfc2543-branch", "disable",
               "Via branches without the cookie of RFC 3261 are well-formed."),
    ROW_SWITCH("log-violations", "disable", "Log messages that are dropped or malformed."),
    ROW_SWITCH("log-call-summary", "enable", "Log calls and registrations."),
    ROW_SWITCH("nat-trace", "enable", "Keep the original address in the i= line."),
    ROW_SWITCH("preserve-override", "disable", "Replace an existing i= line."),
    ROW_SWITCH("no-sdp-fixup", "disable", "Leave addresses in SDP alone."),
    ROW_SWITCH("contact-fixup", "enable", "Translate any Contact."),
    ROW_INTEGER("max-idle-dialogs", 0, UINT32_MAX, "0",
                "Idle dialogs kept per policy, oldest end first, 0: off."),
    ROW_SWITCH("block-geo-red-options", "disable",
               "Block OPTIONS; they still keep their session alive.",
               .partly = "OPTIONS are dropped, but there is no standby server they could be a "
                         "heartbeat for"),
    ROW_SWITCH("hosted-nat-traversal", "disable", "Hosted NAT traversal."),
    ROW_SWITCH("hnt-restrict-source-ip", "disable", "RTP must come from the SIP source."),
    ROW_INTEGER("max-body-length", 0, UINT32_MAX, "0", "Longest message body, 0: no limit."),
    VOIP_CHECKS(ROW_CHECK) ROW_INTEGER("provisional-invite-expiry-time", 10, 3600, "210",
                                       "Seconds an INVITE may stay without final response."),
    ROW_SWITCH("ips-rtp", "enable", "IPS on RTP.", LACKS(NO_IPS)),
    ROW_OPTION("ssl-mode", ssl_mode, "off", "TLS mode.", LACKS(NO_TLS)),
    ROW_SWITCH("ssl-send-empty-frags", "enable", "Send empty fragments.", LACKS(NO_TLS)),
    ROW_OPTION("ssl-client-renegotiation", ssl_renegotiation, "allow", "Renegotiation by the peer.",
               LACKS(NO_TLS)),
    ROW_OPTION("ssl-algorithm", ssl_algorithm, "high", "Cipher strength.", LACKS(NO_TLS)),
    ROW_OPTION("ssl-pfs", ssl_pfs, "allow", "Forward secrecy.", LACKS(NO_TLS)),
    ROW_OPTION("ssl-min-version", ssl_version, "tls-1.1", "Lowest version.", LACKS(NO_TLS)),
    ROW_OPTION("ssl-max-version", ssl_version, "tls-1.3", "Highest version.", LACKS(NO_TLS)),
    ROW_STRING("ssl-client-certificate", 35, "Certificate offered to servers.", LACKS(NO_TLS)),
    ROW_STRING("ssl-server-certificate", 35, "Certificate shown to clients.", LACKS(NO_TLS)),
    ROW_STRING("ssl-auth-client", 35, "Peers accepted as clients.", LACKS(NO_TLS)),
    ROW_STRING("ssl-auth-server", 35, "Peers accepted as servers.", LACKS(NO_TLS)),
    ROW_STRING("call-id-regex", 511, "Pattern a Call-ID must match.", LACKS(NO_IPS)),
    ROW_STRING("content-type-regex", 511, "Pattern a Content-Type must match.", LACKS(NO_IPS)),
};

static const struct schema_attr sccp_attrs[] = {
    ROW_SWITCH("status", "enable", "SCCP handling.", LACKS(NO_SCCP)),
    ROW_SWITCH("block-mcast", "disable", "Block multicast RTP.", LACKS(NO_SCCP)),
    ROW_SWITCH("verify-header", "disable", "Verify the header.", LACKS(NO_SCCP)),
    ROW_SWITCH("log-call-summary", "disable", "Log calls.", LACKS(NO_SCCP)),
    ROW_SWITCH("log-violations", "disable", "Log violations.", LACKS(NO_SCCP)),
    ROW_INTEGER("max-calls", 0, 65535, "0", "Calls a minute and client, 0: no limit.",
                LACKS(NO_SCCP)),
};

static const struct schema_option msrp_action[] = {{"pass", "Let it through."},
                                                   {"block", "Block it."},
                                                   {"reset", "Reset the connection."},
                                                   {"monitor", "Let it through and log it."},
                                                   {0}};

static const struct schema_attr msrp_attrs[] = {
    ROW_SWITCH("status", "enable", "MSRP handling.", LACKS(NO_MSRP)),
    ROW_SWITCH("log-violations", "enable", "Log violations.", LACKS(NO_MSRP)),
    ROW_INTEGER("max-msg-size", 0, 65535, "0", "Longest message, 0: no limit.", LACKS(NO_MSRP)),
    ROW_OPTION("max-msg-size-action", msrp_action, "pass", "Action for longer messages.",
               LACKS(NO_MSRP)),
};

static const struct schema_node profile_children[] = {
    {.path = "sip",
     .kind = SCHEMA_OBJECT,
     .attrs = sip_attrs,
     .n_attrs = COUNT(sip_attrs),
     .help = "SIP."},
    {.path = "sccp",
     .kind = SCHEMA_OBJECT,
     .attrs = sccp_attrs,
     .n_attrs = COUNT(sccp_attrs),
     .help = "SCCP."},
    {.path = "msrp",
     .kind = SCHEMA_OBJECT,
     .attrs = msrp_attrs,
     .n_attrs = COUNT(msrp_attrs),
     .help = "MSRP."},
};

static const struct schema_option feature_set[] = {
    {"voipd", "The SIP ALG."},
    {"ips", "The IPS.", .inert = true},
    {"proxy", "The SIP ALG, as older releases spell it.", .same_as = "voipd"},
    {0}};

static const struct schema_attr profile_attrs[] = {
    ROW_OPTION("feature-set", feature_set, "voipd", "What handles the traffic."),
    ROW_STRING("comment", 255, "Comment.", BRIEF),
};

static const char *const fixed_profiles[] = {"default", "strict", NULL};

const struct schema_node schema_voip_profile = {
    .path = "voip profile",
    .kind = SCHEMA_TABLE_STRING,
    .key_name = "name",
    .key_max = 47,
    .keys_fixed = fixed_profiles,
    .attrs = profile_attrs,
    .n_attrs = COUNT(profile_attrs),
    .children = profile_children,
    .n_children = COUNT(profile_children),
    .help = "Configure VoIP profiles.",
};
