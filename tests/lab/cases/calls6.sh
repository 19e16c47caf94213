#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# A call over IPv6, from inside to outside. The policy lets SIP out and nothing else: all audio
# crosses by the pinholes of the call, both ways, and nothing is left open.
# shellcheck source=tests/lab/checks.sh
. "$(dirname "$0")/../checks.sh"
set -u

inside=2001:db8:1::20
outside=2001:db8:2::5
LAB_UDP_IDLE=3
lab_open
for ns in lan wan; do
    lab_in $ns sysctl -qw net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.default.disable_ipv6=0 \
        net.ipv6.conf.eth0.disable_ipv6=0
done
ip -n "$LAB_ID-lan" address add $inside/64 dev eth0 nodad
ip -n "$LAB_ID-wan" address add $outside/64 dev eth0 nodad
ip -n "$LAB_ID-lan" route add default via 2001:db8:1::1
ip -n "$LAB_ID-wan" route add default via 2001:db8:2::2
lab_firewall "set nat-trace disable" || exit 1
lab_cli_lines <<'CONF' || exit 1
config system interface
    edit "lan"
        config ipv6
            set ip6-address 2001:db8:1::1/64
        end
    next
    edit "wan"
        config ipv6
            set ip6-address 2001:db8:2::2/64
        end
    next
end
config firewall policy
    edit 3
        set name "calls6-out"
        set srcintf "lan"
        set dstintf "wan"
        set srcaddr6 "all"
        set dstaddr6 "all"
        set action accept
        set schedule "always"
        set service "SIP"
        set voip-profile "phones"
    next
end
CONF
lab_listen lan 6000-6999
lab_listen wan 6000-6999

lab_sipp wan callee "[$outside]" call-uas 500 4 -m 1
callee=$LAB_PID
sleep 0.3
lab_sipp lan caller "[$inside]" call-uac 400 4 -m 1 -d 4500 "[$outside]:5060"
caller=$LAB_PID
eventually 3 "calls-active during the call" 1 sip_stat calls-active
ends_well "the caller" "$caller" 15
ends_well "the callee" "$callee" 5
eventually 5 "calls-active afterwards" 0 sip_stat calls-active
eventually 15 "mappings afterwards" 0 mapping_count

for pair in "lan wan" "wan lan"; do
    read -r from to <<<"$pair"
    spoken=$(lab_spoken "$from")
    echo "    RTP from $from: sent $spoken, heard $(lab_heard "$to")"
    at_least "RTP packets from $from" 190 "$spoken"
    same "RTP packets from $from at $to" "$spoken" "$(lab_heard "$to")"
done
same "calls-attempted" 1 "$(sip_stat calls-attempted)"
same "calls-established" 1 "$(sip_stat calls-established)"
same "calls-failed" 0 "$(sip_stat calls-failed)"
# Linux looks for routers and listeners by multicast, at first without an address of its own.
same "packets dropped" "" "$(drop_list | grep -v -e '^broadcast ' -e '^bad-source ')"
lab_verdict
