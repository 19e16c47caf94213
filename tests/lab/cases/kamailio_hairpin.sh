#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Two phones inside that know each other only through a proxy outside, which knows nothing of NAT.
# One calls the other: each message crosses the firewall twice, and the audio goes from one to the
# other, both ways, though each sends it to the public address.
# shellcheck source=tests/lab/servers.sh
. "$(dirname "$0")/../servers.sh"
set -u

server=198.51.100.5
LAB_UDP_IDLE=5
lab_open
lab_host carol 10.0.0.21
lab_firewall "set nat-trace disable" || exit 1
lab_capture lan lan udp
lan_capture=$LAB_PID
lab_capture wan wan udp
wan_capture=$LAB_PID
lab_kamailio $server

lab_registered lan alice 10.0.0.20 $server 400
alice=$LAB_PID
lab_registered carol carol 10.0.0.21 $server 500
carol=$LAB_PID
phone_saw alice 1 '200 OK' 10
phone_saw carol 1 '200 OK' 10
same "registrations" 2 "$(sip_stat registers-active)"

phone_do 10.0.0.20 lan dial "sip:carol@$server"
phone_saw alice 1 'Call established' 5
phone_saw carol 1 'Call established' 5
sleep 3
phone_do 10.0.0.21 carol hangup
phone_saw alice 1 'terminated\|session closed' 5
eventually 15 "calls-active after BYE" 0 sip_stat calls-active
lab_stop "$alice"
lab_stop "$carol"
eventually 5 "registrations after the phones have gone" 0 sip_stat registers-active
captures_stop "$lan_capture" "$wan_capture"

# On the wire inside there is what a phone sent and what came to the other one.
"$CAPTURES" rtp "$LAB_DIR/lan.pcap" >"$LAB_DIR/streams"
sed 's/^/    /' "$LAB_DIR/streams"
sent() { # sent ADDRESS
    awk -v from="$1:" 'index($1, from) == 1 { n += $7 } END { print n + 0 }' "$LAB_DIR/streams"
}
heard() { # heard ADDRESS
    awk -v to="$1:" 'index($3, to) == 1 { n += $7 } END { print n + 0 }' "$LAB_DIR/streams"
}
for pair in "10.0.0.20 10.0.0.21" "10.0.0.21 10.0.0.20"; do
    read -r from to <<<"$pair"
    at_least "RTP packets from $from" 100 "$(sent "$from")"
    # Packets of the last moment may meet the end of the call on their way.
    at_least "RTP packets of $from at $to" $(($(sent "$from") - 3)) "$(heard "$to")"
done
"$CAPTURES" private "$LAB_DIR/wan.pcap" | grep -v 'a=ssrc:[0-9]* cname:' &&
    wrong "a private address is left on the wan side"
same "packets dropped" "" "$(drop_list)"
eventually 15 "sessions afterwards" 0 session_count
eventually 15 "mappings afterwards" 0 mapping_count
lab_verdict
