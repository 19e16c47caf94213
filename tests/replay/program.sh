#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# pinhole-replay as a program: what it says and how it ends when something is wrong with its words or
# its files.
#
#   tests/replay/program.sh PROGRAM
set -uo pipefail
program=$(realpath "$1")
cd "$(dirname "$0")/../.." || exit 1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
case=pcaps/timers-default
status=0

expect() { # expect STATUS TEXT WORDS...: it ends with STATUS and says TEXT
    local want=$1 text=$2 got
    shift 2
    "$program" "$@" >"$work/out" 2>&1
    got=$?
    if [ "$got" -ne "$want" ] || ! grep -qF -- "$text" "$work/out"; then
        echo "$* ended with $got, not $want, or did not say: $text"
        head -n 5 "$work/out"
        status=1
    fi
}

printf 'config system interface\nedit lan\nset ip 10.0.0.300 255.255.255.0\n' >"$work/bad.conf"
printf 'not a capture, but text that is long enough for a header\n' >"$work/text.pcap"
head -c 60 $case/in-lan.pcap >"$work/cut.pcap"
head -c 24 $case/in-lan.pcap >"$work/empty.pcap"
{
    head -c 20 $case/in-lan.pcap
    printf '\x65\0\0\0'
} >"$work/raw.pcap"
printf '@0 diagnose sys session list\n@1 diagnose no such thing\n' >"$work/failing.cli"
printf '@5 get system status\n@4 get system status\n' >"$work/back.cli"

expect 2 "pinhole-replay -c FILE"
expect 0 "pinhole-replay -c FILE" --help
expect 0 "pinhole-replay 0." --version
expect 2 "pinhole-replay -c FILE" --in lan=$case/in-lan.pcap
expect 2 "not understood: lan" -c $case/fw.conf --in lan
expect 2 "not understood: =x" -c $case/fw.conf --in =x
expect 2 "not understood: 1s" -c $case/fw.conf --tail 1s
expect 2 "pinhole-replay -c FILE" -c $case/fw.conf word
expect 1 "no-such.conf" -c "$work/no-such.conf"
expect 1 "$work/bad.conf:3" -c "$work/bad.conf"
expect 1 "no such interface" -c $case/fw.conf --in dmz=$case/in-lan.pcap
expect 1 "$work/none.pcap" -c $case/fw.conf --in lan="$work/none.pcap"
expect 1 "$work/text.pcap" -c $case/fw.conf --in lan="$work/text.pcap"
expect 1 "not a capture of Ethernet frames" -c $case/fw.conf --in lan="$work/raw.pcap"
expect 1 "$work/cut.pcap" -c $case/fw.conf --in lan="$work/cut.pcap"
expect 1 "$work/bad.conf" -c $case/fw.conf --out "$work/bad.conf"
expect 1 "no/such/folder" -c $case/fw.conf --events "$work/no/such/folder/events"
expect 1 "back.cli:2" -c $case/fw.conf --cli "$work/back.cli"
expect 4 "failed commands" -c $case/fw.conf --cli "$work/failing.cli"
expect 0 "packets in                    0" -c $case/fw.conf
expect 0 "packets in                    0" -c $case/fw.conf --in lan="$work/empty.pcap" --tail 5
expect 0 "packets in                    6" -c $case/fw.conf --in lan=$case/in-lan.pcap \
    --in lan=$case/in-lan.pcap
expect 0 "sessions left                 2" -c $case/fw.conf --in lan=$case/in-lan.pcap
exit $status
