#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes the captures of the cases about policies (pcaps/policy-*).

    tests/replay/make-policies.py

Each packet is the first of a flow; its payload says what is to become of it.
"""
import sys

sys.dont_write_bytecode = True

from frames import ACK, SYN, from_lan, from_wan, tcp, udp, write

SERVER, OTHER, LAST = "198.51.100.5", "198.51.100.6", "198.51.100.9"
PHONE, SECOND, PBX, GUEST = "10.0.0.20", "10.0.0.21", "10.0.0.30", "10.0.0.99"


def lan(at, src, sport, dst, dport, says):
    return at, from_lan(udp(src, sport, dst, dport, says.encode()), src)


# By groups in groups, by what is not in a group, by source port, by what is not a service.
write("policy-match", "lan", [
    lan(0, PHONE, 6000, SERVER, 7000, "1: a group in a group"),
    lan(1, PBX, 6000, SERVER, 7000, "1: a range in a group"),
    lan(2, GUEST, 6000, SERVER, 7000, "2: not in the group"),
    lan(3, GUEST, 6001, OTHER, 7000, "3: not among the servers"),
    lan(4, PHONE, 123, OTHER, 123, "4: from the port of the service"),
    lan(5, PHONE, 1230, OTHER, 123, "none: from another port"),
    lan(6, PHONE, 6002, LAST, 9000, "5: not the service"),
    lan(7, PHONE, 6003, LAST, 53, "none: the service"),
    (8, from_lan(tcp(PHONE, 6004, LAST, 53, SYN, 100), PHONE)),
])

# The same flows again and again: which rule they meet changes with the order.
write("policy-move", "lan", [lan(at, PHONE, 6000 + at, SERVER, 7000, "x") for at in range(0, 40, 4)])

# A flow under each setting; rules change at 10 s and at 20 s, and it goes on.
write("policy-dirty", "lan", [
    lan(0, PHONE, 6000, SERVER, 7000, "all"), lan(1, PHONE, 6001, OTHER, 7000, "new"),
    lan(11, PHONE, 6000, SERVER, 7000, "refused now"), lan(12, PHONE, 6001, OTHER, 7000, "lives on"),
    lan(21, PHONE, 6000, SERVER, 7000, "admitted again"), lan(22, PHONE, 6001, OTHER, 7000, "still"),
    lan(23, PHONE, 6003, OTHER, 7000, "refused: a new flow"),
])
write("policy-dirty", "wan", [
    (1.5, from_wan(udp(OTHER, 7000, "203.0.113.2", 6001, b"back"))),
    (12.5, from_wan(udp(OTHER, 7000, "203.0.113.2", 6001, b"back"))),
    (13, from_wan(udp(SERVER, 7000, "203.0.113.2", 6000, b"refused: the session is gone"))),
])
