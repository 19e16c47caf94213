#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# TCP over bad wires: 1 % loss and reordering on both sides of the firewall, in both directions,
# through source NAT and through a virtual IP. Downloads arrive bit by bit, iperf3 gets through, no
# segment is refused for its sequence numbers, and closed connections do not stay.
# shellcheck source=tests/lab/checks.sh
. "$(dirname "$0")/../checks.sh"
set -u
wires=()

lab_open
for side in lan wan; do
    lab_bad_wire $side 1 5 || exit 77
    wires+=("$LAB_PID")
done
lab_firewall || exit 1
lab_cli_lines <<'CLI' || wrong "the virtual IP is refused"
config firewall vip
    edit "web"
        set extip 203.0.113.2
        set mappedip "10.0.0.20"
        set extintf "wan"
        set portforward enable
        set extport 8080
        set mappedport 80
    next
end
config firewall policy
    edit 2
        set name "web-in"
        set srcintf "wan"
        set dstintf "lan"
        set srcaddr "all"
        set dstaddr "web"
        set action accept
        set schedule "always"
        set service "ALL"
    next
end
CLI

mkdir "$LAB_DIR/www"
head -c 20000000 /dev/urandom >"$LAB_DIR/www/file"
sum=$(sha256sum <"$LAB_DIR/www/file")
lab_run wan www python3 -m http.server --bind 198.51.100.5 --directory "$LAB_DIR/www" 80
lab_run lan www-inside python3 -m http.server --bind 10.0.0.20 --directory "$LAB_DIR/www" 80
lab_run wan server iperf3 -s -B 198.51.100.5
listening() { # listening NS ADDRESS PORT: does somebody answer there?
    lab_in "$1" timeout 1 bash -c "exec 3<>/dev/tcp/$2/$3" 2>/dev/null && echo yes
}
# The web servers look their own names up first, and nobody answers that.
eventually 40 "the server outside" yes listening wan 198.51.100.5 80
eventually 40 "the server inside" yes listening lan 10.0.0.20 80
eventually 5 "iperf3" yes listening wan 198.51.100.5 5201

download() { # download NS WHAT URL
    local got
    got=$(lab_in "$1" curl -sS --max-time 60 "$3" | sha256sum)
    same "download $2" "$sum" "$got"
}
for i in 1 2 3; do
    download lan "$i through source NAT" http://198.51.100.5/file
    download wan "$i through the virtual IP" http://203.0.113.2:8080/file
done
for direction in '' -R; do
    # shellcheck disable=SC2086 # no argument or one
    lab_in lan iperf3 -c 198.51.100.5 -P 4 -t 3 $direction >"$LAB_DIR/iperf.log" 2>&1 ||
        wrong "iperf3 $direction: $(tail -n 2 "$LAB_DIR/iperf.log")"
    grep 'SUM.*receiver' "$LAB_DIR/iperf.log" | sed 's/^/    /'
done
tcp_sessions() {
    lab_cli 'diagnose sys session list' | grep -c 'proto=6 '
}
eventually 15 "TCP sessions a while after the last FIN" 0 tcp_sessions
for pid in "${wires[@]}"; do
    lab_stop "$pid"
done
sed 's/^/    wire: /' "$LAB_DIR"/badwire-*.log
refused=$(drop_list | awk '$1 ~ /^tcp-/ { print }')
same "segments refused" "" "$refused"
lab_verdict
