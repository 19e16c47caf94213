#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes the captures of the cases pcaps/v6-*: IPv6 through the firewall, and to it.

    tests/replay/make-v6.py

Nothing is translated, so what comes back is known beforehand.
"""
import sys

sys.dont_write_bytecode = True

from frames import ACK, FIN, PSH, SYN, write
from frames6 import (DESTINATION, HOP_BY_HOP, LAN6, ROUTING, WAN6, from_lan6, from_wan6, icmp6,
                     ping6, tcp6, udp6)

HOST, SERVER = "2001:db8:1::20", "2001:db8:9::5"


def out(at, packet, host=HOST):
    return at, from_lan6(packet, host)


def back(at, packet):
    return at, from_wan6(packet)


def asks(sport, dport=7777, dst=SERVER, **fields):
    return udp6(HOST, sport, dst, dport, b"question", **fields)


def answers(sport, dport=7777, dst=HOST, **fields):
    return udp6(SERVER, dport, dst, sport, b"answer", **fields)


# A flow both ways, until it has been idle for 180 s; a stranger and the reverse of it are not in it.
write("v6-udp", "lan", [out(0, asks(4000)), out(1, asks(4001)), out(100, asks(4000)),
                        out(400, asks(4000))])
write("v6-udp", "wan", [
    back(0.02, answers(4000)), back(1.02, answers(4002)),
    back(1.04, udp6("2001:db8:9::6", 7777, HOST, 4000, b"stranger")),
    back(281, answers(4000))])  # 180 s after the last packet, at 100

# From SYN to the end of TIME_WAIT; what is out of the window does not pass.
LOAD = b"GET / HTTP/1.0\r\n\r\n"
write("v6-tcp", "lan", [
    out(0, tcp6(HOST, 4000, SERVER, 80, SYN, 100)),
    out(0.04, tcp6(HOST, 4000, SERVER, 80, ACK, 101, 501)),
    out(0.05, tcp6(HOST, 4000, SERVER, 80, ACK | PSH, 101, 501, LOAD)),
    out(1, tcp6(HOST, 4000, SERVER, 80, FIN | ACK, 119, 504)),
    out(1.04, tcp6(HOST, 4000, SERVER, 80, ACK, 120, 505)),
    out(9, tcp6(HOST, 4000, SERVER, 80, ACK, 120, 505)),
])
write("v6-tcp", "wan", [
    back(0.02, tcp6(SERVER, 80, HOST, 4000, SYN | ACK, 500, 101)),
    back(0.07, tcp6(SERVER, 80, HOST, 4000, ACK | PSH, 501, 119, b"200")),
    back(0.08, tcp6(SERVER, 80, HOST, 4000, ACK, 9000501, 119)),
    back(1.02, tcp6(SERVER, 80, HOST, 4000, FIN | ACK, 504, 120)),
])

# Two pings of one host, by their identifiers; an answer that nobody asked for.
write("v6-ping", "lan", [out(0, ping6(HOST, SERVER, 7, 1)), out(0.5, ping6(HOST, SERVER, 8, 1)),
                         out(1, ping6(HOST, SERVER, 7, 2))])
write("v6-ping", "wan", [
    back(0.02, ping6(SERVER, HOST, 7, 1, answer=True)),
    back(0.52, ping6(SERVER, HOST, 8, 1, answer=True)),
    back(1.02, ping6(SERVER, HOST, 7, 2, answer=True)),
    back(1.5, ping6(SERVER, HOST, 9, 1, answer=True)),
    back(2, ping6(SERVER, HOST, 7, 1)),
])

# guests may not, telnet may not, the rest may; nobody may come in.
GUEST = "2001:db8:1:0:6::20"
write("v6-policy-deny", "lan", [
    out(0, asks(4000)),
    out(1, udp6(GUEST, 4000, SERVER, 7777, b"question"), GUEST),
    out(2, tcp6(HOST, 4000, SERVER, 23, SYN, 100)),
    out(3, tcp6(HOST, 4000, SERVER, 24, SYN, 100)),
])
write("v6-policy-deny", "wan", [back(4, udp6(SERVER, 1, HOST, 5060, b"let me in"))])

# Where no route leads, into the black hole, from where no route leads back, and what is link-local.
write("v6-no-route", "lan", [
    out(0, asks(4000, dst="2001:db8:7::1")), out(1, asks(4000, dst="2001:db8:a::1")),
    out(2, udp6("2001:db8:7::20", 4000, SERVER, 7777, b"question"), "2001:db8:7::20"),
    out(3, asks(4000, dst="fe80::5")),
    out(4, udp6("fe80::20", 4000, SERVER, 7777, b"question"), "fe80::20"),
    out(5, asks(4000, dst="2001:db8:b::1")),
])
write("v6-no-route", "wan", [])

# A first packet and a later one at their last hop, and the ones before.
write("v6-hop-limit", "lan", [out(0, asks(4000, hops=1)), out(1, asks(4000, hops=2)),
                              out(2, asks(4000, hops=1)), out(3, asks(4000, hops=255))])
write("v6-hop-limit", "wan", [back(4, answers(4000, hops=1)), back(5, answers(4000, hops=3))])

# (name of the field is what stands behind the next header) Options and spent routing headers pass;
# what leads on, tells a length of its own, or has no end does not.
PADDING = (DESTINATION, b"\0\1\4\0\0\0\0")
write("v6-extension-headers", "lan", [out(at, asks(4000, headers=headers)) for at, headers in enumerate([
    [(HOP_BY_HOP, b"\0\x05\2\0\0\1\0")],
    [PADDING],
    [(HOP_BY_HOP, b"\0\1\4\0\0\0\0"), PADDING, (ROUTING, b"\0\xfd\0\0\0\0\0"), PADDING],
    [PADDING] * 8,
    [PADDING] * 9,
    [(ROUTING, b"\0\0\0\0\0\0\0")],
    [(ROUTING, b"\2\4\1\0\0\0\0" + bytes(16))],
    [PADDING, (HOP_BY_HOP, b"\0\1\4\0\0\0\0")],
    [(HOP_BY_HOP, b"\0\xc2\4\0\1\0\0")],
    [(DESTINATION, b"\0\1\5\0\0\0\0")],
    [(DESTINATION, b"\x20\1\4\0\0\0\0")],
])])
write("v6-extension-headers", "wan", [back(20, answers(4000, headers=[PADDING]))])

# The firewall answers to its addresses where the interface allows: global, of another interface,
# link-local, of any router; not on wan, and not to other questions.
LINK_LOCAL = "fe80::ff:fe00:1"
write("v6-own-ping", "lan", [
    out(0, ping6(HOST, LAN6, 7, 1)), out(1, ping6(HOST, WAN6, 7, 2)),
    out(2, ping6("fe80::20", LINK_LOCAL, 7, 3), "fe80::20"),
    out(3, ping6(HOST, "2001:db8:1::", 7, 4)),
    out(4, ping6(HOST, LAN6, 7, 5, headers=[PADDING])),
    out(5, udp6(HOST, 4000, LAN6, 7777, b"question")),
    out(6, ping6(HOST, LAN6, 7, 6, answer=True)),
    out(7, icmp6(HOST, LAN6, 130, 0, bytes(20))),
])
write("v6-own-ping", "wan", [back(8, ping6(SERVER, WAN6, 7, 7))])
