#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Calls of every shape that come in by a forwarded port, all at once, each to a PBX of its own behind
# it: an offer in the 200, early media that PRACK confirms, early media that is cancelled, an offer
# of video by the PBX that is refused, and a call on hold for longer than any idle timer. All audio
# arrives, both ways, and nothing is left open.
# shellcheck source=tests/lab/checks.sh
. "$(dirname "$0")/../checks.sh"
set -u

# shape, seconds of audio, milliseconds until the caller hangs up
shapes=("late 4 4500" "prack 4 3500" "ringback 1 1500" "refuse 4 3500" "hold 4 2500")

vips() {
    local i names=
    echo 'config firewall vip'
    for i in "${!shapes[@]}"; do
        names+=" \"pbx-$i\""
        cat <<CONF
    edit "pbx-$i"
        set extip $LAB_PUBLIC
        set mappedip "10.0.0.$((20 + i))"
        set extintf "wan"
        set portforward enable
        set protocol udp
        set extport $((5070 + i))
        set mappedport 5060
    next
CONF
    done
    cat <<CONF
end
config firewall policy
    edit 2
        set name "calls-in"
        set srcintf "wan"
        set dstintf "lan"
        set srcaddr "all"
        set dstaddr$names
        set action accept
        set schedule "always"
        set service "SIP"
        set voip-profile "phones"
    next
end
CONF
}

LAB_UDP_IDLE=3
LAB_INSIDE+=(10.0.0.24)
LAB_OUTSIDE+=(198.51.100.8 198.51.100.9)
lab_open
lab_firewall "set nat-trace disable" || exit 1
vips | lab_cli_lines || exit 1
lab_capture lan lan udp
lan_capture=$LAB_PID
lab_capture wan wan udp
wan_capture=$LAB_PID

names=() pids=()
for i in "${!shapes[@]}"; do
    read -r shape seconds _ <<<"${shapes[i]}"
    lab_sipp lan "$shape-pbx" 10.0.0.$((20 + i)) "$shape-uas" 500 "$seconds" -m 1
    names+=("the PBX of '$shape'")
    pids+=("$LAB_PID")
done
sleep 0.3
for i in "${!shapes[@]}"; do
    read -r shape seconds ms <<<"${shapes[i]}"
    lab_sipp wan "$shape-caller" 198.51.100.$((5 + i)) "$shape-uac" 400 "$seconds" -m 1 -d "$ms" \
        "$LAB_PUBLIC:$((5070 + i))"
    names+=("the caller of '$shape'")
    pids+=("$LAB_PID")
done
eventually 3 "calls-active during the calls" 5 sip_stat calls-active
for i in "${!pids[@]}"; do
    ends_well "${names[i]}" "${pids[i]}" 20
done
eventually 5 "calls-active afterwards" 0 sip_stat calls-active
eventually 15 "mappings afterwards" 0 mapping_count
eventually 15 "sessions afterwards" 0 session_count
captures_stop "$lan_capture" "$wan_capture"

for i in "${!shapes[@]}"; do
    read -r _ seconds _ <<<"${shapes[i]}"
    both_were_heard 10.0.0.$((20 + i)) $LAB_PUBLIC 198.51.100.$((5 + i)) $((seconds * 50 - 10))
done
video_offered() { # video_offered CAPTURE FROM: how often
    tshark -r "$LAB_DIR/$1.pcap" -Y "ip.src == $2 && frame contains \"m=video\"" 2>/dev/null | wc -l
}
same "offers of video by the PBX" 1 "$(video_offered lan 10.0.0.23)"
same "offers of video outside" 1 "$(video_offered wan $LAB_PUBLIC)"
"$CAPTURES" private "$LAB_DIR/wan.pcap" || wrong "a private address is left on the wan side"
same "messages counted" "$("$CAPTURES" messages "$LAB_DIR/lan.pcap")" "$(sip_messages | sort)"
same "calls-attempted" 5 "$(sip_stat calls-attempted)"
same "calls-established" 4 "$(sip_stat calls-established)"
same "packets dropped" "" "$(drop_list)"
lab_verdict
