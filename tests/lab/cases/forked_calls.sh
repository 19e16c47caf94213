#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# A phone inside calls a group of two outside. The server forks the INVITE, both phones play before
# they answer, one of them answers and the other one is cancelled. Then it calls somebody who has
# moved and follows the 302, within the same call. All audio of the four arrives, and nothing is left.
# shellcheck source=tests/lab/servers.sh
. "$(dirname "$0")/../servers.sh"
set -u

server=198.51.100.5 first=198.51.100.6 second=198.51.100.7
before=198.51.100.8 after=198.51.100.9
LAB_OUTSIDE+=($before $after)
LAB_UDP_IDLE=3
lab_open
lab_firewall "set nat-trace disable" || exit 1
lab_capture lan lan udp
lan_capture=$LAB_PID
lab_capture wan wan udp
wan_capture=$LAB_PID
lab_kamailio $server

pids=()
phone_outside() { # phone_outside NAME IP SCENARIO HERTZ SECONDS ARGUMENTS...: and it listens
    lab_sipp wan "$1" "$2" "$3" "$4" "$5" -m 1 "${@:6}"
    pids+=("$LAB_PID")
    eventually 10 "$1 listens" 1 lab_in wan sh -c "ss -Hlun 'src $2:5060' | wc -l"
}
phone_outside cancelled $first ringback-uas 500 1
phone_outside answering $second early-uas 600 4
phone_outside before $before moved-uas 700 1 -s carol@$after
phone_outside after $after call-uas 800 2
lab_registered lan alice 10.0.0.20 $server 400
alice=$LAB_PID
phone_saw alice 1 '200 OK' 10

phone_do 10.0.0.20 lan dial "sip:group@$server"
phone_saw alice 1 'Call established' 15
ends_well "the phone that is cancelled" "${pids[0]}" 10
sleep 2.2
phone_do 10.0.0.20 lan hangup
ends_well "the phone that answered" "${pids[1]}" 10
eventually 15 "calls-active after the first call" 0 sip_stat calls-active

phone_do 10.0.0.20 lan dial "sip:carol@$before"
phone_saw alice 2 'Call established' 15
ends_well "the phone that has moved" "${pids[2]}" 10
sleep 2.2
phone_do 10.0.0.20 lan hangup
ends_well "the phone it has moved to" "${pids[3]}" 10
eventually 15 "calls-active after the second call" 0 sip_stat calls-active
lab_stop "$alice"
eventually 5 "registrations after the phone has gone" 0 sip_stat registers-active
captures_stop "$lan_capture" "$wan_capture"

"$CAPTURES" through "$LAB_DIR/lan.pcap" "$LAB_DIR/wan.pcap" >"$LAB_DIR/streams"
sed 's/^/    /' "$LAB_DIR/streams"
pair_was_heard "$LAB_DIR/streams" 10.0.0.20 $second 90
pair_was_heard "$LAB_DIR/streams" 10.0.0.20 $after 90
early=$(rtp_packets wan $first $LAB_PUBLIC)
at_least "RTP packets of the phone that is cancelled" 40 "$early"
same "RTP packets of the phone that is cancelled, inside" "$early" \
    "$(rtp_packets lan $first 10.0.0.20)"
tags_of() { # tags_of STATUS: how many phones said so to the caller
    tshark -r "$LAB_DIR/lan.pcap" -Y "ip.dst == 10.0.0.20 && sip.Status-Code == $1" -T fields \
        -e sip.to.tag 2>/dev/null | sort -u | wc -l
}
same "early dialogs" 2 "$(tags_of 183)"
same "redirections" 1 "$(tags_of 302)"
"$CAPTURES" private "$LAB_DIR/wan.pcap" | grep -v 'a=ssrc:[0-9]* cname:' &&
    wrong "a private address is left on the wan side"
same "calls-established" 2 "$(sip_stat calls-established)"
same "calls-failed" 0 "$(sip_stat calls-failed)"
same "packets dropped" "" "$(drop_list)"
eventually 15 "sessions afterwards" 0 session_count
eventually 15 "mappings afterwards" 0 mapping_count
lab_verdict
