#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Many short TCP connections through source NAT, ended by FIN from either side, by half-close and by
# RST: every one gets its own answer, and all of them are gone from the table when their timers say
# so, long before the timer of an established one. LAB_CONNECTIONS: how many (100000).
# shellcheck source=tests/lab/checks.sh
. "$(dirname "$0")/../checks.sh"
set -u
count=${LAB_CONNECTIONS:-100000}

program=$(lab_tool connections) || exit 77
lab_open
lab_firewall || exit 1
for ns in lan wan; do
    lab_in $ns sysctl -qw net.ipv4.ip_local_port_range="1024 65535" net.ipv4.tcp_tw_reuse=1 \
        net.core.somaxconn=4096 net.ipv4.tcp_max_syn_backlog=8192 net.ipv4.tcp_syncookies=0
done
for port in 7000 7001 7002 7003; do
    lab_run wan "server-$port" "$program" serve 198.51.100.5 $port
done
sleep 0.5

start=$SECONDS
clients=()
for port in 7000 7001 7002 7003; do
    lab_run lan "client-$port" "$program" call 198.51.100.5 $port $((count / 4)) 50
    clients+=("$LAB_PID")
done
most=0
for pid in "${clients[@]}"; do
    while kill -0 "$pid" 2>/dev/null; do
        now=$(session_count)
        [ "${now:-0}" -gt $most ] && most=$now
        sleep 0.5
    done
    ends_well "a client" "$pid" 5
done
taken=$((SECONDS - start))
for port in 7000 7001 7002 7003; do
    echo "    port $port: $(cat "$LAB_DIR/client-$port.log")"
done
echo "    $count connections in $taken s, at most $most sessions in the table"
# Reset and time-wait timers are 5 s and 1 s, half-close 120 s is for those that miss a FIN.
eventually 12 "sessions after the reset timer" 0 session_count
same "segments refused" "" "$(drop_list | awk '$1 ~ /^tcp-/ || $1 == "no-port" { print }')"
lab_verdict
