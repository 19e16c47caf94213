#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes the captures of the cases pcaps/timers-*: how long an idle session lives, to the second.

    tests/replay/make-timers.py

The phones send the keep-alives of RFC 5626 (an empty line or two), so that only the timers of the
session play a part. The policies keep source ports, so that the answers are known beforehand.
"""
import sys

sys.dont_write_bytecode = True

from frames import FIN, ACK, SYN, WAN, from_lan, from_wan, ping, tcp, udp, write

PHONE, SERVER = "10.0.0.20", "198.51.100.5"
PING, PONG = b"\r\n\r\n", b"\r\n"


def out(at, sport, dport):
    return at, from_lan(udp(PHONE, sport, SERVER, dport, PING), PHONE)


def back(at, sport, dport):
    return at, from_wan(udp(SERVER, dport, WAN, sport, PONG))


def tcp_out(at, sport, flags, seq, ack=0):
    return at, from_lan(tcp(PHONE, sport, SERVER, 8080, flags, seq, ack), PHONE)


def tcp_back(at, sport, flags, seq, ack):
    return at, from_wan(tcp(SERVER, 8080, WAN, sport, flags, seq, ack))


# 180 s from the last packet, whichever side sent it: 5060 ends at 280.5, 5062 at 270.2. The second
# case has the same packets, but 32 bits of milliseconds run over while they live.
for case in ("timers-default", "timers-long-run"):
    write(case, "lan", [out(0, 5060, 5060), out(1, 5062, 5060), out(100.5, 5060, 5060)])
    write(case, "wan", [back(20.2, 5060, 5060), back(90.2, 5062, 5060)])

# 500 s by each of three settings: the packet at 400 still meets the session, the one at 905 does not.
for case in ("timers-global", "timers-service", "timers-port"):
    write(case, "lan", [out(0, 5060, 5060), out(400, 5060, 5060), out(905, 5060, 5060)])
    write(case, "wan", [back(30, 5060, 5060)])

# One flow for each setting that may decide.
write("timers-precedence", "lan", [out(0, 5060, 5060), out(0, 5070, 5070), out(0, 5080, 5080)])
write("timers-precedence", "wan", [])

# commands.cli sets 500 s at 10 and clears at 30: before, the session keeps its 180 s, and a new one
# beside it has 500 s already.
write("timers-existing", "lan",
      [out(0, 5060, 5060), out(20, 5060, 5060), out(25, 5062, 5062), out(40, 5060, 5060)])
write("timers-existing", "wan", [])

# The other protocols: a ping, a connection that is only begun, one that is open, one closed in
# order. What of them lives how long is in fw.conf.
write("timers-protocols", "lan", [
    (0, from_lan(ping(PHONE, SERVER, 7, 1), PHONE)),
    tcp_out(0, 1001, SYN, 100),
    tcp_out(0, 1002, SYN, 100), tcp_out(0.04, 1002, ACK, 101, 501),
    tcp_out(0, 1003, SYN, 100), tcp_out(0.04, 1003, ACK, 101, 501),
    tcp_out(5, 1003, FIN | ACK, 101, 501), tcp_out(5.04, 1003, ACK, 102, 502),
])
write("timers-protocols", "wan", [
    tcp_back(0.02, 1002, SYN | ACK, 500, 101), tcp_back(0.02, 1003, SYN | ACK, 500, 101),
    tcp_back(5.02, 1003, FIN | ACK, 501, 102),
    (0.1, from_wan(ping(SERVER, WAN, 7, 1, answer=True))),
])
