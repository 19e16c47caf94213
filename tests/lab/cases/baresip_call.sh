#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# A call between two baresip phones, which send RTCP too. Audio arrives both ways, RTCP as well, and
# nothing outside names a private address.
# shellcheck source=tests/lab/checks.sh
. "$(dirname "$0")/../checks.sh"
set -u

if ! command -v baresip >/dev/null; then
    echo "baresip-core is not installed"
    exit 77
fi
lab_open
lab_firewall "set nat-trace disable" || exit 1
lab_capture lan lan udp
lan_capture=$LAB_PID
lab_capture wan wan udp
wan_capture=$LAB_PID

lab_baresip wan outside 198.51.100.5 500 -t 11
outside=$LAB_PID
sleep 1
lab_baresip lan inside 10.0.0.20 400 -t 8 -e '/dial sip:outside@198.51.100.5'
inside=$LAB_PID
sleep 4
at_least "media mappings during the call" 2 "$(media_mapping_count)"
ends_well "the phone inside" "$inside" 15
ends_well "the phone outside" "$outside" 15
eventually 15 "media mappings after BYE" 0 media_mapping_count
captures_stop "$lan_capture" "$wan_capture"

for phone in inside outside; do
    grep -q 'Call established' "$LAB_DIR/$phone.log" || wrong "$phone saw no call"
done
table=$("$CAPTURES" through "$LAB_DIR/lan.pcap" "$LAB_DIR/wan.pcap")
echo "$table" | sed 's/^/    /'
for direction in in out; do
    # Packets of the last moment may meet the end of the call on their way.
    read -r sent arrived < <(awk -v d=$direction '$1 == d { print $(NF - 2), $NF; exit }' <<<"$table")
    at_least "RTP packets, $direction" 300 "${sent:-0}"
    at_least "RTP packets arrived, $direction" $((${sent:-0} - 3)) "${arrived:-0}"
done
"$CAPTURES" text "$LAB_DIR/lan.pcap" | grep -vE ' (sip|rtp) ' >"$LAB_DIR/rtcp"
grep -q '198.51.100.5:[0-9]* > 10.0.0.20:' "$LAB_DIR/rtcp" || wrong "no RTCP came inside"
# The cname of a=ssrc is a name that RTCP repeats (RFC 5576), not an address to send to.
"$CAPTURES" private "$LAB_DIR/wan.pcap" | grep -v 'a=ssrc:[0-9]* cname:' &&
    wrong "a private address is left on the wan side"
lab_verdict
