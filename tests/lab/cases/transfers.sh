#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Calls that are handed on with REFER, between phones that know each other by a server outside. The
# phone outside transfers the one inside to a third phone outside; then the phone inside transfers its
# party to another phone inside, which is called from outside. Each time audio of the new pair
# arrives, both ways, and when the phones have gone nothing is left.
# shellcheck source=tests/lab/servers.sh
. "$(dirname "$0")/../servers.sh"
set -u

server=198.51.100.5
LAB_UDP_IDLE=3
lab_open
lab_host dave 10.0.0.21
lab_far_host bob 198.51.100.6
lab_far_host carol 198.51.100.7
lab_firewall "set nat-trace disable" || exit 1
lab_capture lan lan udp
lan_capture=$LAB_PID
lab_capture wan wan udp
wan_capture=$LAB_PID
lab_kamailio $server

pids=()
while read -r ns name ip hertz; do
    lab_registered "$ns" "$name" "$ip" $server "$hertz"
    pids+=("$LAB_PID")
    phone_saw "$name" 1 '200 OK' 10
done <<'PHONES'
lan alice 10.0.0.20 400
dave dave 10.0.0.21 500
bob bob 198.51.100.6 600
carol carol 198.51.100.7 700
PHONES

phone_do 10.0.0.20 lan dial "sip:bob@$server"
phone_saw bob 1 'Call established' 10
phone_do 198.51.100.6 bob transfer "sip:carol@$server"
phone_saw carol 1 'Call established' 10
eventually 10 "calls-active after the transfer outside" 1 sip_stat calls-active
sleep 2.2
phone_do 198.51.100.7 carol hangup
eventually 15 "calls-active after the first transfer" 0 sip_stat calls-active

phone_do 10.0.0.20 lan dial "sip:bob@$server"
phone_saw bob 2 'Call established' 10
phone_do 10.0.0.20 lan transfer "sip:dave@$server"
phone_saw dave 1 'Call established' 10
eventually 10 "calls-active after the transfer inside" 1 sip_stat calls-active
sleep 2.2
phone_do 10.0.0.21 dave hangup
eventually 15 "calls-active after the second transfer" 0 sip_stat calls-active

for pid in "${pids[@]}"; do
    lab_stop "$pid"
done
eventually 5 "registrations after the phones have gone" 0 sip_stat registers-active
captures_stop "$lan_capture" "$wan_capture"

"$CAPTURES" through "$LAB_DIR/lan.pcap" "$LAB_DIR/wan.pcap" >"$LAB_DIR/streams"
sed 's/^/    /' "$LAB_DIR/streams"
pair_was_heard "$LAB_DIR/streams" 10.0.0.20 198.51.100.7 90
pair_was_heard "$LAB_DIR/streams" 10.0.0.21 198.51.100.6 90
referred() { # referred CAPTURE FROM TO: to whom
    tshark -r "$LAB_DIR/$1.pcap" -Y "ip.src == $2 && ip.dst == $3 && sip.Method == REFER" \
        -T fields -e sip.Refer-To 2>/dev/null | sort -u
}
same "who the phone inside was referred to" "sip:carol@$server" "$(referred lan $server 10.0.0.20)"
same "who the phone outside was referred to" "sip:dave@$server" "$(referred wan $LAB_PUBLIC $server)"
"$CAPTURES" private "$LAB_DIR/wan.pcap" | grep -v 'a=ssrc:[0-9]* cname:' &&
    wrong "a private address is left on the wan side"
same "calls-failed" 0 "$(sip_stat calls-failed)"
same "packets dropped" "" "$(drop_list)"
eventually 15 "sessions afterwards" 0 session_count
eventually 15 "mappings afterwards" 0 mapping_count
lab_verdict
