#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Forty calls over wires that lose many a frame and let others come late, on both sides of
# the firewall. Phones send again what was lost; the firewall gives the copies the same ports. No
# call fails, and nothing stays.
# shellcheck source=tests/lab/checks.sh
. "$(dirname "$0")/../checks.sh"
set -u

calls=40
LAB_UDP_IDLE=5
lab_open
wires=()
for side in lan wan; do
    lab_bad_wire $side 8 2 || exit 77
    wires+=("$LAB_PID")
done
lab_firewall || exit 1
lab_capture wan wan udp
wan_capture=$LAB_PID

lab_sipp wan callee 198.51.100.5 rate-uas 500 1 -mp 10000
callee=$LAB_PID
sleep 0.5
lab_sipp lan caller 10.0.0.20 rate-uac 400 1 -m $calls -r 10 -mp 10000 -d 4000 \
    -trace_stat -fd 60 -stf "$LAB_DIR/stat.csv" 198.51.100.5:5060
ends_well "the callers" "$LAB_PID" 60
eventually 45 "calls-active afterwards" 0 sip_stat calls-active
eventually 15 "media mappings afterwards" 0 media_mapping_count
lab_stop "$callee" USR1
captures_stop "$wan_capture"
for pid in "${wires[@]}"; do
    lab_stop "$pid"
done
sed 's/^/    wire: /' "$LAB_DIR"/badwire-*.log
again=$(awk -F ';' 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "Retransmissions(C)") at = i }
    END { print $at }' "$LAB_DIR/stat.csv")
echo "    sent again by the callers: $again"
at_least "messages sent again" 1 "$again"
# Each call has one public port, however often its INVITE was sent.
"$CAPTURES" text "$LAB_DIR/wan.pcap" | grep "^.*$LAB_PUBLIC:5060 > .*: INVITE " |
    sed 's/.* audio \([^ ]*\) .*/\1/' | sort -u >"$LAB_DIR/ports"
same "public ports of $calls calls" $calls "$(wc -l <"$LAB_DIR/ports")"
same "calls-attempted" $calls "$(sip_stat calls-attempted)"
same "calls-failed" 0 "$(sip_stat calls-failed)"
eventually 15 "sessions afterwards" 0 session_count
eventually 15 "mappings afterwards" 0 mapping_count
lab_verdict
