#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# A phone sends OPTIONS as fast as tcpreplay can, FLOOD of them (200,000), while others talk. Workers
# hand SIP over and go on: what the ALG has no time for is dropped and counted, and the audio does
# not notice: every packet of RTP arrives, in both directions. Each request of the flood is accounted
# for: it arrived, or a counter says where it ended.
# shellcheck source=tests/lab/checks.sh
. "$(dirname "$0")/../checks.sh"
set -u

flood=${FLOOD:-200000}
lab_open
lab_firewall "set nat-trace disable" || exit 1
# Nobody answers the flood: its answers would be another one.
lab_in wan nft -f - <<'NFT'
table inet flood {
    counter arrived { }
    chain input {
        type filter hook input priority 0; policy accept;
        ip daddr 198.51.100.7 udp dport 5060 counter name arrived drop
    }
}
NFT
lab_in lan python3 "$LAB_ROOT/tests/lab/flood.py" "$LAB_DIR/flood.pcap" 100 10.0.0.22 198.51.100.7 \
    02:00:0a:00:00:01
lab_capture lan lan 'udp and not port 5060'
lan_capture=$LAB_PID
lab_capture wan wan 'udp and not port 5060'
wan_capture=$LAB_PID

lab_sipp wan callee 198.51.100.5 call-uas 500 8 -m 1
callee=$LAB_PID
sleep 0.5
lab_sipp lan caller 10.0.0.20 call-uac 400 8 -m 1 -d 8500 198.51.100.5:5060
caller=$LAB_PID
sleep 2
drop_list >"$LAB_DIR/before"
lab_in lan tcpreplay --intf1=eth0 --topspeed --preload-pcap --loop=$((flood / 100)) \
    "$LAB_DIR/flood.pcap" >"$LAB_DIR/tcpreplay.log" 2>&1 || wrong "tcpreplay: $(tail -n 2 "$LAB_DIR/tcpreplay.log")"
sed -n 's/^Rated: /    /p' "$LAB_DIR/tcpreplay.log"
ends_well "the caller" "$caller" 20
ends_well "the callee" "$callee" 10
captures_stop "$lan_capture" "$wan_capture"

arrived=$(lab_in wan nft list counter inet flood arrived | sed -n 's/.*packets \([0-9]*\).*/\1/p')
missed=$(lab_cli 'diagnose hardware deviceinfo nic lan' | sed -n 's/.*Rx Missed packets: *//p')
drops_since "$LAB_DIR/before" >"$LAB_DIR/drops"
full=$(sed -n 's/^alg-ring-full //p' "$LAB_DIR/drops")
echo "    OPTIONS sent $flood, arrived $arrived, dropped before the ALG ${full:-0}; missed by the port $missed"
same "OPTIONS accounted for" "$flood" $((arrived + ${full:-0} + missed))
if [ "$missed" -eq 0 ]; then
    all_audio_arrived "$LAB_DIR/lan.pcap" "$LAB_DIR/wan.pcap" 2 390
else
    # The machine had no time for the firewall: what its port never took, audio or not, says nothing.
    "$CAPTURES" through "$LAB_DIR/lan.pcap" "$LAB_DIR/wan.pcap" >"$LAB_DIR/streams"
    sed 's/^/    /' "$LAB_DIR/streams"
    lost=$(awk '{ lost += $(NF - 2) - $NF } END { print lost + 0 }' "$LAB_DIR/streams")
    at_least "packets missed, of which audio" "$lost" "$missed"
fi
at_least "OPTIONS that arrived" 1000 "$arrived"
same "drops of other kinds" "" "$(grep -v '^alg-ring-full ' "$LAB_DIR/drops")"
same "calls-failed" 0 "$(sip_stat calls-failed)"
lab_verdict
