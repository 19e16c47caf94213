#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Two PBXs inside, one behind a forwarded port and one behind an address of its own. Both are called
# from outside at the same time, and then call out themselves. Every call is answered, acknowledged
# and ended, all audio arrives both ways though no policy lets it in, and nothing is left open.
# shellcheck source=tests/lab/checks.sh
. "$(dirname "$0")/../checks.sh"
set -u

LAB_UDP_IDLE=3
lab_open
lab_firewall "set nat-trace disable" || exit 1
lab_cli_lines <<'CONF' || exit 1
config firewall vip
    edit "forwarded"
        set extip 203.0.113.2
        set mappedip "10.0.0.20"
        set extintf "wan"
        set portforward enable
        set protocol udp
        set extport 5070
        set mappedport 5060
    next
    edit "static"
        set extip 203.0.113.10
        set mappedip "10.0.0.21"
        set extintf "wan"
    next
end
config firewall policy
    edit 2
        set name "calls-in"
        set srcintf "wan"
        set dstintf "lan"
        set srcaddr "all"
        set dstaddr "forwarded" "static"
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

pids=()
answer() { # answer NS NAME IP
    lab_sipp "$1" "$2" "$3" call-uas 500 2 -m 1
    pids+=("$LAB_PID")
}
call() { # call NS NAME IP TO
    lab_sipp "$1" "$2" "$3" call-uac 400 2 -m 1 -d 2500 "$4"
    pids+=("$LAB_PID")
}
calls_end() { # calls_end DIRECTION: two calls that have just begun
    local pid
    eventually 3 "$1: calls-active during the calls" 2 sip_stat calls-active
    for pid in "${pids[@]}"; do
        ends_well "$1: a phone" "$pid" 15
    done
    pids=()
}

answer lan pbx-forwarded 10.0.0.20
answer lan pbx-static 10.0.0.21
sleep 0.3
call wan caller-forwarded 198.51.100.5 203.0.113.2:5070
call wan caller-static 198.51.100.6 203.0.113.10:5060
calls_end "in"

answer wan callee-forwarded 198.51.100.5
answer wan callee-static 198.51.100.6
sleep 0.3
call lan out-forwarded 10.0.0.20 198.51.100.5:5060
call lan out-static 10.0.0.21 198.51.100.6:5060
calls_end "out"

eventually 5 "calls-active afterwards" 0 sip_stat calls-active
eventually 15 "mappings afterwards" 0 mapping_count
eventually 15 "sessions afterwards" 0 session_count
captures_stop "$lan_capture" "$wan_capture"

for trio in "10.0.0.20 203.0.113.2 198.51.100.5" "10.0.0.21 203.0.113.10 198.51.100.6"; do
    read -r inside public outside <<<"$trio"
    both_were_heard "$inside" "$public" "$outside" 190
    same "packets from $inside outside" 0 \
        "$(tshark -r "$LAB_DIR/wan.pcap" -Y "ip.src == $inside" 2>/dev/null | wc -l)"
done
"$CAPTURES" private "$LAB_DIR/wan.pcap" || wrong "a private address is left on the wan side"
same "messages counted" "$("$CAPTURES" messages "$LAB_DIR/lan.pcap")" "$(sip_messages | sort)"
same "calls-attempted" 4 "$(sip_stat calls-attempted)"
same "calls-established" 4 "$(sip_stat calls-established)"
same "calls-failed" 0 "$(sip_stat calls-failed)"
same "packets dropped" "" "$(drop_list)"
lab_verdict
