#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# RTP that nobody asked for stays outside: to a public port without a mapping, and to the port of a
# call that has ended. Each packet is counted under a reason that has a name.
# shellcheck source=tests/lab/checks.sh
. "$(dirname "$0")/../checks.sh"
set -u

# 20 RTP-like packets from 198.51.100.5:6000 to the public address.
knock() { # knock PORT
    lab_in wan python3 - "$LAB_PUBLIC" "$1" <<'PY'
import socket, struct, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("198.51.100.5", 6000))
for n in range(20):
    s.sendto(struct.pack(">BBHII", 0x80, 0, n, n * 160, 0x0badca11) + b"\x55" * 160,
             (sys.argv[1], int(sys.argv[2])))
    time.sleep(0.005)
PY
}

refused() { # refused WHAT PORT
    local moved
    drop_list >"$LAB_DIR/before"
    knock "$2"
    sleep 0.5
    moved=$(drops_since "$LAB_DIR/before")
    echo "    $1 (port $2): ${moved:-no counter moved}"
    same "$1: packets dropped with a reason" 20 "$(awk '{ sum += $2 } END { print sum + 0 }' <<<"$moved")"
}

lab_open
lab_firewall || exit 1
lab_capture lan lan udp
lan_capture=$LAB_PID
lab_capture wan wan udp
wan_capture=$LAB_PID

refused "no mapping" 40000

lab_sipp wan callee 198.51.100.5 call-uas 500 2 -m 1
callee=$LAB_PID
sleep 0.5
lab_sipp lan caller 10.0.0.20 call-uac 400 2 -m 1 -d 2500 198.51.100.5:5060
caller=$LAB_PID
ends_well "the caller" "$caller" 10
ends_well "the callee" "$callee" 10
captures_stop "$wan_capture"
port=$("$CAPTURES" rtp "$LAB_DIR/wan.pcap" | sed -n "s/^$LAB_PUBLIC:\([0-9]*\) > 198.51.100.5:.*/\1/p" | head -n 1)
at_least "the public RTP port of the call" 1024 "${port:-0}"
eventually 15 "media mappings after BYE" 0 media_mapping_count
sleep 1
refused "after BYE and grace" "${port:-1}"

captures_stop "$lan_capture"
"$CAPTURES" rtp "$LAB_DIR/lan.pcap" | grep 0badca11 && wrong "refused RTP went inside"
lab_verdict
