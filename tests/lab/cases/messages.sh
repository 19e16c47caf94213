#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# REGISTER and its removal, OPTIONS, and a call cancelled while it rings. The registrar sees the
# public address and the phone its own; CANCEL closes the pinholes.
# shellcheck source=tests/lab/checks.sh
. "$(dirname "$0")/../checks.sh"
set -u

exchange() { # exchange SCENARIO CHECK-DURING EXPECTED
    local server phone
    lab_sipp wan "$1-uas" 198.51.100.5 "$1-uas" 500 1 -m 1
    server=$LAB_PID
    sleep 0.5
    lab_sipp lan "$1-uac" 10.0.0.20 "$1-uac" 400 1 -m 1 -d 2000 198.51.100.5:5060
    phone=$LAB_PID
    if [ -n "${2:-}" ]; then
        sleep 1
        same "$1: during: $2" "$3" "$($2)"
    fi
    ends_well "$1, inside" "$phone" 10
    ends_well "$1, outside" "$server" 10
}

registers() { sip_stat registers-active; }

lab_open
lab_firewall "set nat-trace disable" || exit 1
lab_capture lan lan udp
lan_capture=$LAB_PID
lab_capture wan wan udp
wan_capture=$LAB_PID

exchange options
exchange register registers 1
eventually 5 "registrations after the removal" 0 registers
exchange cancel
eventually 15 "media mappings after CANCEL" 0 media_mapping_count
eventually 5 "calls-active after CANCEL" 0 sip_stat calls-active
captures_stop "$lan_capture" "$wan_capture"

"$CAPTURES" private "$LAB_DIR/wan.pcap" || wrong "a private address is left on the wan side"
same "messages counted" "$("$CAPTURES" messages "$LAB_DIR/lan.pcap")" "$(sip_messages | sort)"
same "packets dropped" 0 "$(dropped)"
lab_verdict
