#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Three calls at once, each of another shape: early media with 183, the offer in 200 and the answer
# in ACK, and one that is held for longer than any idle timer. All audio arrives, both ways, from the
# ports that were advertised.
# shellcheck source=tests/lab/checks.sh
. "$(dirname "$0")/../checks.sh"
set -u

LAB_UDP_IDLE=3
lab_open
lab_firewall "set nat-trace disable" || exit 1
lab_capture lan lan udp
lan_capture=$LAB_PID
lab_capture wan wan udp
wan_capture=$LAB_PID

pids=()
pair() { # pair SHAPE INSIDE OUTSIDE SECONDS MS
    lab_sipp wan "$1-callee" "$3" "$1-uas" 500 "$4" -m 1
    pids+=("$LAB_PID")
    sleep 0.3
    lab_sipp lan "$1-caller" "$2" "$1-uac" 400 "$4" -m 1 -d "$5" "$3:5060"
    pids+=("$LAB_PID")
}
pair early 10.0.0.20 198.51.100.5 4 4500
pair late 10.0.0.21 198.51.100.6 4 4500
pair hold 10.0.0.22 198.51.100.7 4 2500
sleep 1.5
same "calls-active" 3 "$(sip_stat calls-active)"
for pid in "${pids[@]}"; do
    ends_well "a phone" "$pid" 25
done
eventually 15 "media mappings afterwards" 0 media_mapping_count
eventually 5 "calls-active afterwards" 0 sip_stat calls-active
captures_stop "$lan_capture" "$wan_capture"

all_audio_arrived "$LAB_DIR/lan.pcap" "$LAB_DIR/wan.pcap" 6 190
"$CAPTURES" private "$LAB_DIR/wan.pcap" || wrong "a private address is left on the wan side"
same "messages counted" "$("$CAPTURES" messages "$LAB_DIR/lan.pcap")" "$(sip_messages | sort)"
same "calls-established" 3 "$(sip_stat calls-established)"
same "packets dropped" "" "$(drop_list)"
lab_verdict
