#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Twenty calls that all name one RTP port inside. The first one ends early; the others keep their
# audio to the last packet, in both directions.
# shellcheck source=tests/lab/checks.sh
. "$(dirname "$0")/../checks.sh"
set -u

lab_open
lab_firewall || exit 1
lab_listen wan 10000-10999
lab_capture lan lan udp
lan_capture=$LAB_PID
lab_capture wan wan udp
wan_capture=$LAB_PID

{
    echo SEQUENTIAL
    echo 2000
    for _ in {2..20}; do echo 9500; done
} >"$LAB_DIR/lengths.csv"
lab_sipp wan callee 198.51.100.5 ports-uas 500 8 -m 20 -mp 10000
callee=$LAB_PID
sleep 0.5
lab_sipp lan caller 10.0.0.20 shared-uac 400 8 -m 20 -r 10 -mp 7000 \
    -inf "$LAB_DIR/lengths.csv" 198.51.100.5:5060
caller=$LAB_PID
ends_well "the caller" "$caller" 30
ends_well "the callee" "$callee" 10
eventually 15 "media mappings afterwards" 0 media_mapping_count
captures_stop "$lan_capture" "$wan_capture"

"$CAPTURES" through "$LAB_DIR/lan.pcap" "$LAB_DIR/wan.pcap" >"$LAB_DIR/streams"
sed 's/^/    /' "$LAB_DIR/streams" | head -n 6
# The first call is the one with the first media port outside; the others lose nothing.
grep -v '198\.51\.100\.5:10000' "$LAB_DIR/streams" >"$LAB_DIR/others"
same "streams of the other calls, out" 19 "$(grep -c '^out' "$LAB_DIR/others")"
same "streams of the other calls, in" 19 "$(grep -c '^in' "$LAB_DIR/others")"
same "incomplete streams" "" "$(awk '$(NF - 2) != $NF || $NF < 390' "$LAB_DIR/others")"
same "calls-failed" 0 "$(sip_stat calls-failed)"
lab_verdict
