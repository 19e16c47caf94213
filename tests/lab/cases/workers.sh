#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
#
# Two workers. The device of "lan" has two queue pairs, over which the kernel spreads flows by a hash
# of its own; that of "wan" has one, so that one worker hands what it sends there to the other, and
# the directions of half of the flows meet on no worker. Nothing of that shows.
# shellcheck source=tests/lab/checks.sh
. "$(dirname "$0")/../checks.sh"
set -u

[ "$(nproc)" -eq 1 ] && { echo "one CPU only"; exit 77; }
# shellcheck disable=SC2034 # for lab_config
LAB_WORKERS=0-1
LAB_LAN_DEVICE=,qpairs=2
lab_open
lab_firewall || exit 1
for line in '"lan": 2 receive, 2 transmit queues for 2 workers' \
    '"wan": 1 receive, 1 transmit queues for 2 workers'; do
    grep -q "interface $line" "$LAB_DIR/pinholed.log" || wrong "the log does not say: $line"
done

lab_in lan ping -q -c 3 -i 0.2 -W 2 10.0.0.1 >/dev/null || wrong "no ping to the firewall"
for ip in "${LAB_INSIDE[@]}"; do
    lab_in lan ping -q -c 3 -i 0.2 -W 2 -I "$ip" 198.51.100.5 >/dev/null ||
        wrong "no ping through the firewall from $ip"
done

lab_run wan server iperf3 -s -B 198.51.100.5
sleep 0.5
for direction in "" --reverse; do
    # shellcheck disable=SC2086 # perhaps no word
    lab_in lan iperf3 -c 198.51.100.5 -P 8 -t 2 $direction >"$LAB_DIR/tcp.log" 2>&1 ||
        wrong "eight connections at once do not work $direction"
    grep -E 'SUM.*receiver' "$LAB_DIR/tcp.log" | sed "s/^/    TCP $direction /"
done

# Many short flows, each answered: from source ports that fall to either worker.
cat >"$LAB_DIR/echo.py" <<'PYTHON'
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("198.51.100.5", 7000))
while True:
    data, peer = s.recvfrom(2048)
    s.sendto(data, peer)
PYTHON
lab_run wan echo python3 "$LAB_DIR/echo.py"
sleep 0.5
answers=$(lab_in lan python3 - <<'PYTHON'
import socket
answers = 0
for n in range(400):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("10.0.0.20", 20000 + n))
        s.settimeout(1)
        for attempt in range(3):
            s.sendto(b"%d" % n, ("198.51.100.5", 7000))
            try:
                answers += s.recv(100) == b"%d" % n
                break
            except socket.timeout:
                pass
print(answers)
PYTHON
)
same "flows answered" 400 "$answers"
# On a busy machine one worker may wait for its CPU longer than the ring to it lasts.
drop_list | sed 's/^/    /'
same "other packets dropped" "" "$(drop_list | grep -v '^worker-ring-full ')"
lab_verdict
