/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Headers of published specifications that mean nothing to this gateway: known all the same to
 * `unknown-header`. Looked up only for names without a row, and only where that check is on.
 */
#include "alg/sip_grammar.h"

#include "alg/sip_scan.h"

static const char *const published[] = {
    "Accept-Resource-Priority",
    "Additional-Identity",
    "Alert-Msg-Id",
    "Answer-Mode",
    "Attestation-Info",
    "Authentication-Control",
    "Cellular-Network-Info",

    "DC-Info",
    "Encryption",
    "Feature-Caps",
    "Geolocation-Error",
    "Geolocation-Routing",
    "Hide",
    "Info-Package",
    "Max-Breadth",
    "Origination-Id",
    "P-Answer-State",
    "P-Asserted-Service",
    "P-Charge-Info",
    "P-Charging-Function-Addresses",
    "P-DCS-Billing-Info",
    "P-DCS-LAES",
    "P-DCS-OSPS",
    "P-DCS-Redirect",
    "P-DCS-Trace-Party-ID",
    "P-Early-Media",
    "P-Media-Authorization",
    "P-Preferred-Service",
    "P-Private-Network-Indication",
    "P-Profile-Key",
    "P-Refused-URI-List",
    "P-Served-User",
    "P-User-Database",
    "P-Visited-Network-ID",
    "Permission-Missing",
    "Policy-Contact",
    "Policy-ID",
    "Priority-Share",
    "Priority-Verstat",
    "Priv-Answer-Mode",

    "Recv-Info",
    "Refer-Events-At",
    "Relayed-Charge",
    "Resource-Priority",
    "Resource-Share",
    "Response-Key",
    "Response-Source",
    "Restoration-Info",
    "Security-Server",
    "Security-Verify",
    "Service-Interact-Info",
    "Session-ID",
    "Suppress-If-Match",
    "Target-Dialog",
    "Trigger-Consent",
    "User-to-User",
};

bool sip_header_published(struct slice name)
{
    for (size_t i = 0; i < sizeof(published) / sizeof(published[0]); i++)
        if (slice_ieq(name, slice_str(published[i])))
            return true;
    return false;
}
