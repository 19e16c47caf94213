#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Calls at a steady rate, none fails, and when all is over the tables are empty.
#
#   RATE      calls a second (20)
#   LIFE      seconds each lasts (2)
#   MEDIA     no: signalling alone; yes: audio of the length of the call, both ways (no)
#   DURATION  how many seconds (10); 1200 is the long run, with LAB_TIMEOUT=1500
# shellcheck source=tests/lab/checks.sh
. "$(dirname "$0")/../checks.sh"
set -u

rate=${RATE:-20} life=${LIFE:-2} media=${MEDIA:-no} seconds=${DURATION:-10}
calls=$((rate * seconds))
scenario=rate
[ "$media" = no ] || scenario=ports
LAB_UDP_IDLE=5 LAB_DIALOGS=131072
lab_open
lab_firewall || exit 1
lab_listen lan 10000-20003
lab_listen wan 10000-20003

# So that the firewall knows both neighbours: the first second's calls do not wait for ARP.
lab_in lan ping -q -c 2 -i 0.2 198.51.100.5 >/dev/null || wrong "no ping through the firewall"
lab_cli "diagnose sys session clear" >/dev/null
lab_sipp wan callee 198.51.100.5 $scenario-uas 500 "$life" -m $calls -mp 10000 -l 15000
callee=$LAB_PID
sleep 0.5
lab_sipp lan caller 10.0.0.20 $scenario-uac 400 "$life" -m $calls -r "$rate" -mp 10000 -l 15000 \
    -d $((life * 1000 + 500)) -trace_stat -fd 60 -stf "$LAB_DIR/stat.csv" 198.51.100.5:5060
caller=$LAB_PID
peak=0
for ((i = 0; i < seconds; i++)); do
    sleep 1
    now=$(sip_stat calls-active)
    [ "${now:-0}" -le $peak ] || peak=$now
    if [ $((i % 60)) -eq 59 ]; then
        echo "    $((i + 1)) s: $now calls, $(session_count) sessions, $(mapping_count) mappings, dropped $(dropped)"
    fi
done
ends_well "the callers" "$caller" $((life + 40))
ends_well "the callees" "$callee" 20

column() { # column NAME: of the last line of SIPp's statistics
    awk -F ';' -v name="$1" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) at = i }
        END { print $at }' "$LAB_DIR/stat.csv"
}
echo "    $calls calls at $rate a second, at most $peak at once; failed $(column 'FailedCall(C)')," \
    "sent again $(column 'Retransmissions(C)'); ringing $(column 'ResponseTime1(C)')"
same "calls that failed, at the phones" 0 "$(column 'FailedCall(C)')"
same "calls that worked, at the phones" $calls "$(column 'SuccessfulCall(C)')"
at_least "calls at once" $((rate * life / 2)) "$peak"
if [ "$media" != no ]; then
    sleep 1
    spoken=$(($(lab_spoken lan) + $(lab_spoken wan)))
    heard=$(($(lab_heard lan) + $(lab_heard wan)))
    echo "    RTP sent $spoken, heard $heard"
    at_least "RTP sent" $((2 * calls * life * 49)) "$spoken"
    # A busy machine may lose some before the firewall sees them, in the ring of the packet socket.
    at_least "RTP heard" $((spoken * 995 / 1000)) "$heard"
fi
same "calls-attempted" $calls "$(sip_stat calls-attempted)"
same "calls-established" $calls "$(sip_stat calls-established)"
same "calls-failed" 0 "$(sip_stat calls-failed)"
same "packets dropped" "" "$(drop_list)"
eventually 40 "sessions afterwards" 0 session_count
eventually 20 "mappings afterwards" 0 mapping_count
same "calls-active afterwards" 0 "$(sip_stat calls-active)"
lab_verdict
