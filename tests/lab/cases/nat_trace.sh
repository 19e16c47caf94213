#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# nat-trace keeps the private address in the SDP line i=, and only there; switched on and off at run
# time it holds for the next call.
# shellcheck source=tests/lab/checks.sh
. "$(dirname "$0")/../checks.sh"
set -u

call() { # call NAME: one short call, captured on the wan side as NAME.pcap
    lab_capture wan "$1"
    local capture=$LAB_PID callee caller
    lab_sipp wan "callee-$1" 198.51.100.5 call-uas 500 1 -m 1
    callee=$LAB_PID
    sleep 0.5
    lab_sipp lan "caller-$1" 10.0.0.20 call-uac 400 1 -m 1 -d 1200 198.51.100.5:5060
    caller=$LAB_PID
    ends_well "the caller ($1)" "$caller" 10
    ends_well "the callee ($1)" "$callee" 10
    captures_stop "$capture"
}

lab_open
lab_firewall "set nat-trace enable" || exit 1
call on
"$CAPTURES" private "$LAB_DIR/on.pcap" trace || wrong "a private address outside i="
"$CAPTURES" private "$LAB_DIR/on.pcap" >"$LAB_DIR/lines"
grep -q ': i=.*10\.0\.0\.20' "$LAB_DIR/lines" || wrong "no trace in i="

lab_cli_lines <<'CLI' || wrong "the configuration was refused"
config voip profile
edit "phones"
config sip
set nat-trace disable
end
next
end
CLI
call off
"$CAPTURES" private "$LAB_DIR/off.pcap" || wrong "a private address with nat-trace disable"
lab_verdict
