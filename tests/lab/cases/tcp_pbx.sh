#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Calls with SIP over TCP and audio both ways at the same time: a phone inside calls out by source NAT,
# and a PBX behind a forwarded TCP port is called from outside. All audio arrives at the other end
# though no policy lets media in, the PBX is known outside by the forwarded port, and nothing is left.
# shellcheck source=tests/lab/checks.sh
. "$(dirname "$0")/../checks.sh"
set -u

lab_open
lab_firewall "set nat-trace disable" || exit 1
lab_cli_lines <<'CONF' || exit 1
config firewall vip
    edit "pbx"
        set extip 203.0.113.2
        set mappedip "10.0.0.20"
        set extintf "wan"
        set portforward enable
        set protocol tcp
        set extport 5070
        set mappedport 5060
    next
end
config firewall policy
    edit 2
        set name "calls-in"
        set srcintf "wan"
        set dstintf "lan"
        set srcaddr "all"
        set dstaddr "pbx"
        set action accept
        set schedule "always"
        set service "SIP"
        set voip-profile "phones"
    next
end
CONF
lab_capture lan lan "tcp or udp"
lan_capture=$LAB_PID
lab_capture wan wan "tcp or udp"
wan_capture=$LAB_PID

pids=()
tcp_call() { # tcp_call NAME CALLED-NS CALLED-IP CALLER-NS CALLER-IP TO
    lab_sipp "$2" "$1-callee" "$3" call-uas 500 2 -m 1 -t t1
    pids+=("$LAB_PID")
    sleep 0.3
    lab_sipp "$4" "$1-caller" "$5" call-uac 400 2 -m 1 -d 2500 -t t1 "$6"
    pids+=("$LAB_PID")
}
tcp_call in lan 10.0.0.20 wan 198.51.100.5 203.0.113.2:5070
tcp_call out wan 198.51.100.6 lan 10.0.0.21 198.51.100.6:5060
eventually 3 "calls-active during the calls" 2 sip_stat calls-active
for pid in "${pids[@]}"; do
    ends_well "a phone" "$pid" 15
done
eventually 5 "calls-active afterwards" 0 sip_stat calls-active
eventually 15 "mappings afterwards" 0 mapping_count
captures_stop "$lan_capture" "$wan_capture"

both_were_heard 10.0.0.20 203.0.113.2 198.51.100.5 90
both_were_heard 10.0.0.21 203.0.113.2 198.51.100.6 90
contact_outside() { # contact_outside TO: what the firewall shows there with a description
    tshark -r "$LAB_DIR/wan.pcap" -Y "ip.src == 203.0.113.2 && ip.dst == $1 && sdp" \
        -T fields -e sip.contact.uri 2>/dev/null | sort -u
}
same "the Contact of the PBX" "sip:outside@203.0.113.2:5070;transport=TCP" \
    "$(contact_outside 198.51.100.5)"
same "SIP over UDP" 0 "$(tshark -r "$LAB_DIR/wan.pcap" -Y 'sip && udp' 2>/dev/null | wc -l)"
"$CAPTURES" private "$LAB_DIR/wan.pcap" || wrong "a private address is left on the wan side"
same "calls-attempted" 2 "$(sip_stat calls-attempted)"
same "calls-established" 2 "$(sip_stat calls-established)"
same "calls-failed" 0 "$(sip_stat calls-failed)"
same "packets dropped" "" "$(drop_list)"
eventually 30 "sessions afterwards" 0 session_count
lab_verdict
