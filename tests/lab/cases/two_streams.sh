#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Two calls whose ports are not one pair: two phones that send RTCP on the port of RTP, and two with
# audio and video, of which the video is ended in the middle by an offer with port 0. Audio and video
# arrive both ways, and there are mappings for what the descriptions say, no more.
# shellcheck source=tests/lab/servers.sh
. "$(dirname "$0")/../servers.sh"
set -u

if ! command -v baresip >/dev/null; then
    echo "baresip-core is not installed"
    exit 77
fi
LAB_UDP_IDLE=3
lab_open
lab_firewall "set nat-trace disable" || exit 1
lab_listen lan 10010
lab_listen wan 10010
lab_capture lan lan udp
lan_capture=$LAB_PID
lab_capture wan wan udp
wan_capture=$LAB_PID

LAB_SETTING='rtcp_mux yes'
lab_baresip wan bob 198.51.100.5 500
bob=$LAB_PID
lab_baresip lan alice 10.0.0.20 400
alice=$LAB_PID
phone_saw bob 1 'baresip is ready' 10
phone_saw alice 1 'baresip is ready' 10
phone_do 10.0.0.20 lan dial sip:bob@198.51.100.5
phone_saw alice 1 'Call established' 10
eventually 10 "media mappings with RTCP on the port of RTP" 1 media_mapping_count

with_video() { # with_video NS NAME IP SCENARIO HERTZ ARGUMENTS...
    mkdir -p "$LAB_DIR/$2"
    python3 "$LAB_ROOT/tests/lab/tone.py" "$LAB_DIR/$2/video" $(($5 + 50)) 1 34
    lab_sipp "$1" "$2" "$3" "$4" "$5" 5 -m 1 -mp 10000 "${@:6}"
}
with_video wan dave 198.51.100.6 video-uas 700
dave=$LAB_PID
eventually 10 "dave listens" 1 lab_in wan sh -c "ss -Hlun 'src 198.51.100.6:5060' | wc -l"
with_video lan carol 10.0.0.21 video-uac 600 -d 3500 198.51.100.6:5060
carol=$LAB_PID
eventually 10 "media mappings with audio and video" 5 media_mapping_count
eventually 10 "media mappings without video" 3 media_mapping_count
ends_well "carol" "$carol" 20
ends_well "dave" "$dave" 10
phone_do 10.0.0.20 lan hangup
eventually 10 "calls-active afterwards" 0 sip_stat calls-active
lab_stop "$alice"
lab_stop "$bob"
captures_stop "$lan_capture" "$wan_capture"

"$CAPTURES" through "$LAB_DIR/lan.pcap" "$LAB_DIR/wan.pcap" >"$LAB_DIR/streams"
sed 's/^/    /' "$LAB_DIR/streams"
pair_was_heard "$LAB_DIR/streams" 10.0.0.20 198.51.100.5 200
grep '198\.51\.100\.6:' "$LAB_DIR/streams" >"$LAB_DIR/video-call"
# The video is over before it is ended, and the audio before the call.
same "streams of audio and video" "in 250 250, in 50 50, out 250 250, out 50 50, " \
    "$(awk '{ printf "%s %s %s, ", $1, $12, $14 }' "$LAB_DIR/video-call")"
media_ports() { # media_ports CAPTURE FROM TO: from where RTP and RTCP came
    "$CAPTURES" text "$LAB_DIR/$1.pcap" | awk -v from="$2:" -v to="$3:" \
        '$5 != "sip" && index($2, from) == 1 && index($4, to) == 1 { print $2 }' | sort -u | wc -l
}
rtcp_packets() { # rtcp_packets CAPTURE FROM TO: those longer than what only opens a NAT
    "$CAPTURES" text "$LAB_DIR/$1.pcap" | awk -v from="$2:" -v to="$3:" \
        '$5 == "udp" && $6 > 40 && index($2, from) == 1 && index($4, to) == 1' | wc -l
}
same "ports of RTP and RTCP, in" 1 "$(media_ports lan 198.51.100.5 10.0.0.20)"
same "ports of RTP and RTCP, out" 1 "$(media_ports wan $LAB_PUBLIC 198.51.100.5)"
at_least "RTCP packets, in" 1 "$(rtcp_packets lan 198.51.100.5 10.0.0.20)"
at_least "RTCP packets, out" 1 "$(rtcp_packets wan $LAB_PUBLIC 198.51.100.5)"
same "private addresses on the wan side" "" \
    "$("$CAPTURES" private "$LAB_DIR/wan.pcap" | grep -v 'a=ssrc:[0-9]* cname:')"
same "calls-established" 2 "$(sip_stat calls-established)"
same "calls-failed" 0 "$(sip_stat calls-failed)"
same "packets dropped" "" "$(drop_list)"
eventually 15 "sessions afterwards" 0 session_count
eventually 15 "mappings afterwards" 0 mapping_count
lab_verdict
