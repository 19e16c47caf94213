#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# SIP over TCP through source NAT, over wires that lose and delay: a trunk of 500 calls on one
# connection, all up at once and ended one by one; then calls with a connection each. No call fails,
# no private address is left outside, and nothing is left open.
# shellcheck source=tests/lab/checks.sh
. "$(dirname "$0")/../checks.sh"
set -u

lab_open
for side in lan wan; do
    lab_bad_wire $side 1 5 || exit 77
done
lab_firewall "set nat-trace disable" || exit 1
lab_capture wan wan "tcp port 5060"
wan_capture=$LAB_PID

tcp_calls() { # tcp_calls NAME TRANSPORT CALLS RATE HOLD
    local server client
    lab_run wan "uas-$1" sipp -sf "$LAB_ROOT/tests/lab/sipp/rate-uas.xml" -i 198.51.100.5 -p 5060 \
        -t "$2" -max_socket 1000 -nostdin -m "$3" -trace_err -error_file "$LAB_DIR/uas-$1.err"
    server=$LAB_PID
    sleep 1
    lab_run lan "uac-$1" sipp -sf "$LAB_ROOT/tests/lab/sipp/rate-uac.xml" -i 10.0.0.20 \
        -t "$2" -max_socket 1000 -nostdin -m "$3" -r "$4" -l "$3" -d "$5" -trace_err \
        -error_file "$LAB_DIR/uac-$1.err" 198.51.100.5:5060
    client=$LAB_PID
    sleep $((3 + $3 / $4))
    echo "$1: $(sip_stat calls-active) calls at once"
    ends_well "$1: the callers" "$client" 90
    lab_stop "$server" USR1
}

tcp_calls trunk t1 500 50 12000
tcp_calls each tn 40 10 3000
eventually 60 "calls-active at the end" 0 sip_stat calls-active
eventually 60 "media mappings at the end" 0 media_mapping_count
same "calls-attempted" 540 "$(sip_stat calls-attempted)"
same "calls-established" 540 "$(sip_stat calls-established)"
same "calls-failed" 0 "$(sip_stat calls-failed)"
captures_stop "$wan_capture"
"$CAPTURES" private "$LAB_DIR/wan.pcap" || wrong "a private address is left on the wan side"
lab_verdict
