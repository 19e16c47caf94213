#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# The recorded cases once more, each with damaged copies of its packets among them: pinhole-replay
# must neither crash nor lose a packet (it ends with 3 then), and its events must stay readable.
#
#   tests/mutate/captures.sh PROGRAM DAMAGE
set -uo pipefail
program=$(realpath "$1")
damage=$(realpath "$2")
cd "$(dirname "$0")/../.." || exit 1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
runs=0
total=0
for seed in 1 2; do
    for folder in pcaps/*/; do
        words=()
        for capture in "$folder"in-*.pcap; do
            name=${capture##*/in-}
            count=$("$damage" $seed 2 "$capture" "$work/$name") || exit 1
            total=$((total + count))
            words+=(--in "${name%.pcap}=$work/$name")
        done
        if ! "$program" -c "$folder/fw.conf" "${words[@]}" --out "$work/out" \
            --events "$work/events" --tail 600 >"$work/log" 2>&1; then
            echo "$damage $seed 2 $capture $work/$name:"
            tail -n 40 "$work/log"
            exit 1
        fi
        # Whatever a message carries, an event stays one line of JSON.
        python3 -c 'import json, sys; [json.loads(line) for line in sys.stdin]' <"$work/events" ||
            exit 1
        runs=$((runs + 1))
    done
done
echo "$total damaged packets in $runs runs"
