#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# A trunk: a PBX inside has 500 calls at once with its provider on one UDP flow, every second one called
# by the provider. Each has a media port of its own and speaks for a second, both ways. They end one
# by one, none fails, and the tables are empty afterwards.
# shellcheck source=tests/lab/checks.sh
. "$(dirname "$0")/../checks.sh"
set -u

calls=500 seconds=1
LAB_UDP_IDLE=3
lab_open
lab_firewall "set nat-trace disable" || exit 1
lab_listen lan 10000-12003
lab_listen wan 10000-12003
lab_capture wan wan "udp port 5060"
capture=$LAB_PID

lab_sipp wan provider 198.51.100.5 trunk-uas 500 $seconds -m $calls -l $calls -mp 10000 -d 10000
provider=$LAB_PID
eventually 10 "the provider listens" 1 lab_in wan sh -c "ss -Hlun 'src 198.51.100.5:5060' | wc -l"
printf '%s\n' SEQUENTIAL out in >"$LAB_DIR/ways.csv"
lab_sipp lan pbx 10.0.0.20 trunk-uac 400 $seconds -m $calls -l $calls -r 100 -mp 10000 -d 10000 \
    -inf "$LAB_DIR/ways.csv" 198.51.100.5:5060
pbx=$LAB_PID
# The last call begins long before the first one ends.
eventually 30 "calls-active at the peak" $calls sip_stat calls-active
same "flows of SIP" "10.0.0.20:5060 198.51.100.5:5060" "$(lab_cli 'diagnose sys session list' |
    sed -n 's/^hook=post dir=org act=[a-z]* \([0-9.]*:5060\)->\([0-9.]*:5060\)(.*/\1 \2/p')"
ends_well "the PBX" "$pbx" 60
ends_well "the provider" "$provider" 30
captures_stop "$capture"

all=$((2 * calls * seconds * 50))
spoken=$(($(lab_spoken lan) + $(lab_spoken wan)))
heard=$(($(lab_heard lan) + $(lab_heard wan)))
read -r rx tx < <(packets_of lan wan)
echo "    RTP sent $spoken, heard $heard; the firewall took $rx packets, sent $tx, dropped $(dropped)"
same "RTP sent" $all "$spoken"
# A busy machine may lose some before the firewall sees them, in the ring of the packet socket; what
# the firewall took, it sent. Its own ARP is the difference.
at_least "RTP heard" $((all * 995 / 1000)) "$heard"
at_least "packets sent of those taken" $((rx - 20)) "$tx"
same "private addresses on the wan side" 0 "$("$CAPTURES" private "$LAB_DIR/wan.pcap" | wc -l)"
public_ports() { # from where the trunk is seen outside
    tshark -r "$LAB_DIR/wan.pcap" -Y "ip.src == $LAB_PUBLIC && sip" -T fields -e udp.srcport \
        2>/dev/null | sort -u | wc -l
}
same "public ports of the trunk" 1 "$(public_ports)"
invited_by() { # invited_by IP: how often, resent ones apart
    tshark -r "$LAB_DIR/wan.pcap" -Y "ip.src == $1 && sip.Method == INVITE" -T fields \
        -e sip.Call-ID 2>/dev/null | sort -u | wc -l
}
same "calls of the PBX" $((calls / 2)) "$(invited_by $LAB_PUBLIC)"
same "calls of the provider" $((calls / 2)) "$(invited_by 198.51.100.5)"
same "calls-attempted" $calls "$(sip_stat calls-attempted)"
same "calls-established" $calls "$(sip_stat calls-established)"
same "calls-failed" 0 "$(sip_stat calls-failed)"
same "packets dropped" "" "$(drop_list)"
eventually 10 "calls-active afterwards" 0 sip_stat calls-active
eventually 40 "sessions afterwards" 0 session_count
eventually 20 "mappings afterwards" 0 mapping_count
lab_verdict
