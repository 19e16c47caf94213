#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# What every firewall does: ping to it and through it, TCP and UDP through source NAT, refusals with
# a reason, a clean end on SIGTERM and no surprise on SIGHUP.
# shellcheck source=tests/lab/checks.sh
. "$(dirname "$0")/../checks.sh"
set -u

lab_open
lab_firewall || exit 1

lab_in lan ping -q -c 3 -i 0.2 -W 2 10.0.0.1 >/dev/null || wrong "no ping to the firewall"
lab_in wan ping -q -c 3 -i 0.2 -W 2 $LAB_PUBLIC >/dev/null || wrong "no ping from outside"
lab_in lan ping -q -c 3 -i 0.2 -W 2 198.51.100.5 >/dev/null || wrong "no ping through the firewall"
same "packets dropped so far" "" "$(drop_list)"

lab_run wan server iperf3 -s -B 198.51.100.5
sleep 0.5
lab_in lan iperf3 -c 198.51.100.5 -t 2 >"$LAB_DIR/tcp.log" 2>&1 || wrong "TCP does not work"
grep -E 'receiver' "$LAB_DIR/tcp.log" | sed 's/^/    TCP /'
grep -q "Accepted connection from $LAB_PUBLIC" "$LAB_DIR/server.log" ||
    wrong "the server did not see the public address"
lab_in lan iperf3 -c 198.51.100.5 -u -b 5M -l 200 -t 2 >"$LAB_DIR/udp.log" 2>&1 ||
    wrong "UDP does not work"
grep -E 'receiver' "$LAB_DIR/udp.log" | sed 's/^/    UDP /'
lab_cli 'diagnose sys session list' >"$LAB_DIR/sessions"
grep -q "act=snat 10.0.0.20:[0-9]*->198.51.100.5:5201($LAB_PUBLIC:[0-9]*)" "$LAB_DIR/sessions" ||
    wrong "the session list shows no source NAT"

drop_list >"$LAB_DIR/before"
lab_in wan timeout 1 bash -c "exec 3<>/dev/tcp/$LAB_PUBLIC/80" 2>/dev/null
moved=$(drops_since "$LAB_DIR/before")
echo "    TCP to the firewall itself: ${moved:-no counter moved}"
[ -n "$moved" ] || wrong "TCP to the firewall itself is not counted"

kill -HUP "$LAB_FIREWALL_PID"
sleep 0.5
lab_in lan ping -q -c 2 -i 0.2 -W 2 198.51.100.5 >/dev/null || wrong "SIGHUP stopped the firewall"
sed 's/set ip 10.0.0.1 255.255.255.0/set ip 10.0.0.300 255.255.255.0/' "$LAB_DIR/fw.conf" >"$LAB_DIR/bad.conf"
lab_in fw timeout 20 "$LAB_BUILD/src/pinholed" -c "$LAB_DIR/bad.conf" --socket "$LAB_DIR/bad.sock" \
    --foreground >"$LAB_DIR/bad.log" 2>&1
status=$?
[ $status -ne 0 ] && [ $status -ne 124 ] || wrong "a bad configuration was accepted"
grep -q 'bad.conf' "$LAB_DIR/bad.log" && grep -q '10.0.0.300' "$LAB_DIR/bad.log" ||
    wrong "the complaint names neither file nor value: $(head -n 3 "$LAB_DIR/bad.log")"
lab_verdict
