#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# A phone inside calls one outside; both play ten seconds of audio. All of it arrives, nothing
# outside names a private address, the counters agree with what was sent, and nothing is left open.
# shellcheck source=tests/lab/checks.sh
. "$(dirname "$0")/../checks.sh"
set -u

lab_open
lab_firewall "set nat-trace disable" || exit 1
lab_capture lan lan
lan_capture=$LAB_PID
lab_capture wan wan
wan_capture=$LAB_PID

lab_sipp wan callee 198.51.100.5 call-uas 500 10 -m 1
callee=$LAB_PID
sleep 0.5
lab_sipp lan caller 10.0.0.20 call-uac 400 10 -m 1 -d 10500 198.51.100.5:5060
caller=$LAB_PID
sleep 4
at_least "media mappings during the call" 1 "$(media_mapping_count)"
same "calls-active during the call" 1 "$(sip_stat calls-active)"
at_least "sessions during the call" 2 "$(session_count)"
ends_well "the caller" "$caller" 20
ends_well "the callee" "$callee" 10
eventually 15 "media mappings after BYE" 0 media_mapping_count
eventually 5 "calls-active after BYE" 0 sip_stat calls-active
captures_stop "$lan_capture" "$wan_capture"

all_audio_arrived "$LAB_DIR/lan.pcap" "$LAB_DIR/wan.pcap" 2 490
"$CAPTURES" private "$LAB_DIR/wan.pcap" || wrong "a private address is left on the wan side"
same "messages counted" "$("$CAPTURES" messages "$LAB_DIR/lan.pcap")" "$(sip_messages | sort)"
same "messages blocked" 0 "$(sip_blocked)"
same "calls-attempted" 1 "$(sip_stat calls-attempted)"
same "calls-established" 1 "$(sip_stat calls-established)"
same "calls-failed" 0 "$(sip_stat calls-failed)"
same "packets dropped" 0 "$(dropped)"
lab_verdict
