# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# What the lab's tests check with, on top of lab.sh. A check says what it found wrong and lets the
# test go on; lab_verdict ends the test with 0, or with 1 and what the firewall has to say.

# shellcheck source=tests/lab/lab.sh
. "$(dirname "${BASH_SOURCE[0]}")/lab.sh"

LAB_FAILED=0
CAPTURES=$LAB_ROOT/tools/captures

wrong() {
    echo "wrong: $*"
    LAB_FAILED=1
}

same() { # same WHAT EXPECTED GOT
    [ "$2" = "$3" ] || wrong "$1: expected '$2', got '$3'"
}

at_least() { # at_least WHAT LEAST GOT
    [ "${3:-0}" -ge "$2" ] || wrong "$1: expected at least $2, got '$3'"
}

ends_well() { # ends_well WHAT PID SECONDS
    lab_wait "$2" "$3"
    local status=$?
    [ $status -eq 0 ] || wrong "$1 ended with status $status"
}

eventually() { # eventually SECONDS WHAT EXPECTED COMMAND...: until it prints what is expected
    local tenths=$(($1 * 10)) what=$2 expected=$3 got
    shift 3
    while :; do
        got=$("$@" 2>/dev/null)
        [ "$got" = "$expected" ] && return 0
        [ $((tenths--)) -gt 0 ] || break
        sleep 0.1
    done
    wrong "$what: expected '$expected', still '$got'"
}

session_count() {
    lab_cli 'diagnose sys session list' | sed -n 's/^total session //p'
}

mapping_count() {
    lab_cli 'diagnose sys sip-proxy mapping list' | sed -n 's/^total mapping //p'
}

media_mapping_count() {
    lab_cli 'diagnose sys sip-proxy mapping list' | grep -cE '^(rtp|rtcp) '
}

sip_stat() { # sip_stat NAME: a number of the head of stats list
    lab_cli 'diagnose sys sip-proxy stats list' | sed -n "s/^$1: //p"
}

# Requests and responses received, as `tools/captures messages` prints them.
sip_messages() {
    lab_cli 'diagnose sys sip-proxy stats list' |
        awk 'table && $2 > 0 { print $1 "/req", $2 } table && $3 > 0 { print $1 "/resp", $3 }
             /^req-type/ { table = 1 }'
}

sip_blocked() {
    lab_cli 'diagnose sys sip-proxy stats list' |
        awk 'table { sum += $4 + $5 } /^req-type/ { table = 1 } END { print sum + 0 }'
}

drop_list() { # NAME COUNT, by name
    lab_cli 'diagnose firewall drop list' | awk '$1 ~ /^[0-9]+$/ { print $2, $1 }' | sort
}

dropped() { # how many packets in all
    drop_list | awk '{ sum += $2 } END { print sum + 0 }'
}

# The drop counters that moved since a list taken before: NAME MORE
drops_since() { # drops_since FILE
    drop_list | join -a 2 -e 0 -o '0,1.2,2.2' "$1" - | awk '$3 > $2 { print $1, $3 - $2 }'
}

packets_of() { # packets_of INTERFACE...: taken and sent by the firewall, summed
    local name
    for name in "$@"; do
        lab_cli "diagnose hardware deviceinfo nic $name"
    done | awk '/^Rx packets:/ { rx += $3 } /^Tx packets:/ { tx += $3 } END { print rx + 0, tx + 0 }'
}

captures_stop() { # captures_stop PID...: dumpcap writes what it still holds
    local pid
    sleep 0.5
    for pid in "$@"; do
        lab_stop "$pid" INT
    done
}

# Every RTP packet sent on one side arrived on the other, in at least so many streams, and each
# stream has at least so many packets.
all_audio_arrived() { # all_audio_arrived LAN.pcap WAN.pcap STREAMS PACKETS
    local table
    table=$("$CAPTURES" through "$1" "$2") || wrong "RTP was lost on the way"
    echo "$table" | sed 's/^/    /' | head -n 12
    at_least "RTP streams" "$3" "$(grep -c 'arrived' <<<"$table")"
    at_least "packets of the shortest stream" "$4" \
        "$(sed 's/.*arrived //' <<<"$table" | sort -n | head -n 1)"
}

rtp_packets() { # rtp_packets CAPTURE FROM TO: packets of RTP between two addresses
    "$CAPTURES" rtp "$LAB_DIR/$1.pcap" |
        awk -v from="$2:" -v to="$3:" 'index($1, from) == 1 && index($3, to) == 1 { n += $7 }
                                       END { print n + 0 }'
}

# All audio between two phones arrived, both ways, and each spoke at least so many packets.
both_were_heard() { # both_were_heard INSIDE PUBLIC OUTSIDE PACKETS
    local spoken
    spoken=$(rtp_packets lan "$1" "$3")
    at_least "RTP packets of $1" "$4" "$spoken"
    same "RTP packets of $1 outside" "$spoken" "$(rtp_packets wan "$2" "$3")"
    spoken=$(rtp_packets wan "$3" "$2")
    at_least "RTP packets of $3" "$4" "$spoken"
    same "RTP packets of $3 inside" "$spoken" "$(rtp_packets lan "$3" "$1")"
}

# The same for phones that speak until the call ends, from what `tools/captures through` printed: of
# each direction a few packets may be under way in the last moment, and be refused.
pair_was_heard() { # pair_was_heard STREAMS INSIDE OUTSIDE PACKETS
    local direction sent arrived
    for direction in out in; do
        read -r sent arrived < <(awk -v way=$direction -v inside="$2:" -v outside="$3:" '
            $1 == way && index(way == "out" ? $2 : $8, inside) == 1 &&
                index(way == "out" ? $4 : $2, outside) == 1 { sent += $12; arrived += $14 }
            END { print sent + 0, arrived + 0 }' "$1")
        at_least "RTP packets between $2 and $3, $direction" "$4" "$sent"
        at_least "RTP packets between $2 and $3 that arrived, $direction" $((sent - 3)) "$arrived"
    done
}

lab_cli_lines() { # several lines of configuration, from standard input
    "$LAB_BUILD/src/pinhole" --socket "$LAB_DIR/cli.sock" -f /dev/stdin
}

# The firewall is stopped at the end of every test, and must say goodbye: a sanitizer's report or a
# leak makes its status another one.
lab_verdict() {
    if [ $LAB_FAILED -ne 0 ]; then
        echo "--- what the firewall says"
        lab_cli 'diagnose firewall drop list'
        lab_cli 'diagnose sys sip-proxy mapping list'
        lab_cli 'diagnose sys sip-proxy calls list' | head -n 40
        lab_cli 'diagnose sys session list' | grep -E '^(session info|hook|timer|total)' | head -n 40
        tail -n 5 "$LAB_DIR"/*.err 2>/dev/null
    fi
    kill "$LAB_FIREWALL_PID" 2>/dev/null
    ends_well "pinholed" "$LAB_FIREWALL_PID" 10
    [ $LAB_FAILED -eq 0 ] || tail -n 60 "$LAB_DIR/pinholed.log"
    exit $LAB_FAILED
}
