#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Hosted NAT traversal: a phone at home, behind a NAT of Linux that knows nothing of SIP and gives
# every flow another port, calls a PBX behind a virtual IP. Neither the address nor a port that the
# phone writes is where its packets come from, and yet it is heard and hears.
#
#   home 192.168.7.10 -- 192.168.7.1 far 192.0.2.2 -- 192.0.2.1 wan -- fw -- lan 10.0.0.20 (PBX)
# shellcheck source=tests/lab/checks.sh
. "$(dirname "$0")/../checks.sh"
set -u

LAB_UDP_IDLE=3
lab_open
for ns in home far; do
    ip netns add "$LAB_ID-$ns"
    LAB_SPACES+=("$ns")
    lab_in $ns sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
    ip -n "$LAB_ID-$ns" link set lo up
done
ip -n "$LAB_ID-home" link add eth0 type veth peer name home netns "$LAB_ID-far"
ip -n "$LAB_ID-far" link add eth0 type veth peer name far netns "$LAB_ID-wan"
lab_wire home eth0
lab_wire far home
lab_wire far eth0
lab_wire wan far
ip -n "$LAB_ID-home" address add 192.168.7.10/24 dev eth0
ip -n "$LAB_ID-far" address add 192.168.7.1/24 dev home
ip -n "$LAB_ID-far" address add 192.0.2.2/24 dev eth0
ip -n "$LAB_ID-wan" address add 192.0.2.1/24 dev far
ip -n "$LAB_ID-home" route add default via 192.168.7.1
ip -n "$LAB_ID-far" route add default via 192.0.2.1
for ns in far wan; do
    lab_in $ns sysctl -qw net.ipv4.ip_forward=1
done
lab_in far nft -f - <<'NFT' || { echo "the kernel has no NAT"; exit 77; }
table ip far {
    chain out {
        type nat hook postrouting priority 100; policy accept;
        oifname "eth0" ip protocol udp masquerade to :30000-39999 random
    }
}
NFT

lab_firewall "set nat-trace disable" "set hosted-nat-traversal enable" || exit 1
lab_cli_lines <<'CONF' || exit 1
config system interface
    edit "wan"
        set external enable
    next
end
config firewall vip
    edit "pbx"
        set extip 203.0.113.10
        set mappedip "10.0.0.20"
        set extintf "wan"
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
lab_capture lan lan udp
lan_capture=$LAB_PID
lab_capture wan wan udp
wan_capture=$LAB_PID
lab_capture home home udp
home_capture=$LAB_PID

# It speaks to where it is spoken to from, as a PBX for phones behind NAT must.
lab_sipp lan pbx 10.0.0.20 echo-uas 500 1 -m 1 -mp 6000 -rtp_echo
pbx=$LAB_PID
sleep 0.3
lab_sipp home phone 192.168.7.10 call-uac 400 4 -m 1 -d 4500 203.0.113.10:5060
phone=$LAB_PID
eventually 3 "calls-active during the call" 1 sip_stat calls-active
ends_well "the phone" "$phone" 15
ends_well "the PBX" "$pbx" 5
eventually 5 "calls-active afterwards" 0 sip_stat calls-active
eventually 15 "mappings afterwards" 0 mapping_count
eventually 15 "sessions afterwards" 0 session_count
captures_stop "$lan_capture" "$wan_capture" "$home_capture"

for side in home lan; do
    "$CAPTURES" rtp "$LAB_DIR/$side.pcap" | sed "s/^/    $side: /"
done
spoken=$(rtp_packets home 192.168.7.10 203.0.113.10)
at_least "RTP packets of the phone" 190 "$spoken"
same "RTP packets of the phone at the PBX" "$spoken" "$(rtp_packets lan 192.0.2.2 10.0.0.20)"
spoken=$(rtp_packets lan 10.0.0.20 192.0.2.2)
at_least "RTP packets of the PBX" 190 "$spoken"
same "RTP packets of the PBX at the phone" "$spoken" \
    "$(rtp_packets home 203.0.113.10 192.168.7.10)"
same "RTP packets from a port that the far NAT left alone" 0 \
    "$(tshark -r "$LAB_DIR/lan.pcap" -Y 'ip.src == 192.0.2.2 && udp.srcport < 30000' 2>/dev/null |
        wc -l)"
"$CAPTURES" private "$LAB_DIR/wan.pcap" | grep -F 10.0.0. &&
    wrong "an address of the PBX's network is left on the wan side"
same "calls-established" 1 "$(sip_stat calls-established)"
same "calls-failed" 0 "$(sip_stat calls-failed)"
same "packets dropped" "" "$(drop_list)"
lab_verdict
