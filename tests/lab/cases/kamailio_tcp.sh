#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Phones that register at Kamailio over TCP, one inside and one outside. The phone inside calls out,
# and it is called from outside by a connection that Kamailio opens to the Contact it registered,
# where only its registration keeps the way open. Audio is counted at both ends, and when the phones
# have gone nothing is left.
# shellcheck source=tests/lab/servers.sh
. "$(dirname "$0")/../servers.sh"
set -u

server=198.51.100.5
LAB_UDP_IDLE=3
LAB_TRANSPORT=tcp
lab_open
lab_firewall "set nat-trace disable" || exit 1
lab_capture lan lan "tcp or udp"
lan_capture=$LAB_PID
lab_capture wan wan "tcp or udp"
wan_capture=$LAB_PID
lab_kamailio $server

lab_registered wan bob 198.51.100.6 $server 500
bob=$LAB_PID
lab_registered lan alice 10.0.0.20 $server 400
alice=$LAB_PID
phone_saw alice 1 '200 OK' 10
phone_saw bob 1 '200 OK' 10
same "registrations" 1 "$(sip_stat registers-active)"

phone_do 10.0.0.20 lan dial "sip:bob@$server"
phone_saw alice 1 'Call established' 5
sleep 2
phone_do 10.0.0.20 lan hangup
phone_saw bob 1 'terminated' 5
phone_do 198.51.100.6 wan dial "sip:alice@$server"
phone_saw alice 2 'Call established' 5
sleep 2
phone_do 198.51.100.6 wan hangup
phone_saw alice 2 'terminated' 5
eventually 15 "calls-active after BYE" 0 sip_stat calls-active
lab_stop "$alice"
lab_stop "$bob"
eventually 5 "registrations after the phone has gone" 0 sip_stat registers-active
captures_stop "$lan_capture" "$wan_capture"

"$CAPTURES" through "$LAB_DIR/lan.pcap" "$LAB_DIR/wan.pcap" >"$LAB_DIR/streams"
sed 's/^/    /' "$LAB_DIR/streams"
for direction in in out; do
    same "RTP streams, $direction" 2 "$(grep -c "^$direction" "$LAB_DIR/streams")"
    # Packets of the last moment may meet the end of the call on their way.
    same "streams with a gap or too short, $direction" "" \
        "$(awk -v d=$direction '$1 == d && ($(NF - 2) - $NF > 3 || $NF < 80)' "$LAB_DIR/streams")"
done
connections_in() { # from Kamailio to the phone inside
    tshark -r "$LAB_DIR/lan.pcap" -Y "ip.dst == 10.0.0.20 && tcp.flags == 0x002 && tcp.dstport == 5060" \
        2>/dev/null | wc -l
}
same "connections that came in" 1 "$(connections_in)"
same "SIP over UDP" 0 "$(tshark -r "$LAB_DIR/lan.pcap" -Y 'sip && udp' 2>/dev/null | wc -l)"
"$CAPTURES" private "$LAB_DIR/wan.pcap" | grep -v 'a=ssrc:[0-9]* cname:' &&
    wrong "a private address is left on the wan side"
same "calls-established" 2 "$(sip_stat calls-established)"
same "calls-failed" 0 "$(sip_stat calls-failed)"
same "packets dropped" "" "$(drop_list)"
eventually 15 "mappings afterwards" 0 mapping_count
eventually 15 "sessions afterwards" 0 session_count
lab_verdict
