#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Two phones inside, both on port 5060 and with the same RTP port, call two phones outside at once;
# each hears its own audio.
# shellcheck source=tests/lab/checks.sh
. "$(dirname "$0")/../checks.sh"
set -u

lab_open
lab_firewall || exit 1
lab_capture lan lan udp
lan_capture=$LAB_PID
lab_capture wan wan udp
wan_capture=$LAB_PID

phones=()
for n in 0 1; do
    lab_sipp wan callee$n "${LAB_OUTSIDE[n]}" call-uas $((500 + 100 * n)) 5 -m 1
    phones+=("$LAB_PID")
done
sleep 0.5
for n in 0 1; do
    lab_sipp lan caller$n "${LAB_INSIDE[n]}" call-uac $((800 + 100 * n)) 5 -m 1 -d 5500 \
        "${LAB_OUTSIDE[n]}:5060"
    phones+=("$LAB_PID")
done
for pid in "${phones[@]}"; do
    ends_well "a phone" "$pid" 20
done
captures_stop "$lan_capture" "$wan_capture"

all_audio_arrived "$LAB_DIR/lan.pcap" "$LAB_DIR/wan.pcap" 4 240
"$CAPTURES" rtp "$LAB_DIR/lan.pcap" >"$LAB_DIR/streams"
for n in 0 1; do
    # What arrives at a phone is one stream, from the phone it called.
    same "senders heard by ${LAB_INSIDE[n]}" "${LAB_OUTSIDE[n]}:6000" \
        "$(sed -n "s/ > ${LAB_INSIDE[n]}:6000 .*//p" "$LAB_DIR/streams")"
done
same "different audio on the lan side" 4 "$(sed 's/.*audio //' "$LAB_DIR/streams" | grep -v mixed | sort -u | wc -l)"
same "packets dropped" 0 "$(dropped)"
lab_verdict
