#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes the captures of the cases pcaps/route-* and pcaps/v6-neighbour: which way packets take,
and who is told where we are.

    tests/replay/make-routes.py

A second uplink `alt` is 192.0.2.2 with the gateway 192.0.2.1; nothing is translated.
"""
import struct
import sys

sys.dont_write_bytecode = True

from frames import ACK, PSH, SYN, ethernet, from_lan, from_wan, tcp, udp, write
from frames6 import LAN6, ethernet6, icmp6, ip6, mac6, udp6

HOST, SERVER = "10.0.0.20", "198.51.100.5"


def out(at, packet, host=HOST):
    return at, from_lan(packet, host)


def back(at, packet):
    return at, from_wan(packet)


def alt(at, packet):
    return at, ethernet("192.0.2.1", "192.0.2.2", packet)


def asks(host, server=SERVER, sport=4000):
    return udp(host, sport, server, 7777, b"question")


def answers(host, server=SERVER, sport=4000):
    return udp(server, 7777, host, sport, b"answer")


# Sixteen hosts to two servers: a host has one way, whatever it asks.
HOSTS = [f"10.0.0.{20 + i}" for i in range(16)]
write("route-ecmp", "lan", [out(i + k / 10, asks(host, server), host) for i, host in
                            enumerate(HOSTS) for k, server in enumerate((SERVER, "198.51.100.6"))])
# Answers may come by either way.
write("route-ecmp", "wan", [back(20, answers(HOSTS[0])), back(21, answers(HOSTS[1]))])
write("route-ecmp", "alt", [alt(22, answers(HOSTS[0], "198.51.100.6")),
                            alt(23, answers(HOSTS[1], "198.51.100.6"))])

# The cable of wan is out from 10 s to 20 s.
LOAD = b"GET / HTTP/1.0\r\n\r\n"
write("route-link", "lan", [
    out(0, asks(HOST)),
    out(1, tcp(HOST, 4001, SERVER, 80, SYN, 100)),
    out(1.04, tcp(HOST, 4001, SERVER, 80, ACK, 101, 501)),
    out(11, asks(HOST)),
    out(12, tcp(HOST, 4001, SERVER, 80, ACK | PSH, 101, 501, LOAD)),
    out(13, asks(HOST, "203.0.113.77")),
    out(21, asks(HOST)),
    out(22, asks(HOST, "203.0.113.77")),
])
write("route-link", "wan", [back(0.02, answers(HOST)),
                            back(1.02, tcp(SERVER, 80, HOST, 4001, SYN | ACK, 500, 101))])
write("route-link", "alt", [alt(11.02, answers(HOST)),
                            alt(12.02, tcp(SERVER, 80, HOST, 4001, ACK, 501, 119))])

# 198.51.100.0/24 leads nowhere, but one host in it does.
write("route-blackhole", "lan", [out(0, asks(HOST)), out(1, asks(HOST, "198.51.100.9")),
                                 out(2, asks(HOST, "198.51.101.9"))])

# By distance, by priority, by neither; and where sources are believed.
write("route-distance", "lan", [
    out(0, asks(HOST, "198.51.100.5")), out(1, asks(HOST, "198.51.101.5")),
    out(2, asks(HOST, "198.51.102.5"))])
write("route-distance", "alt", [
    alt(10, udp("198.51.100.7", 1, HOST, 5060, b"worse distance")),
    alt(11, udp("198.51.101.7", 1, HOST, 5060, b"worse priority")),
    alt(12, udp("198.51.102.7", 1, HOST, 5060, b"better priority"))])
write("route-distance", "wan", [
    back(20, udp("198.51.102.8", 1, HOST, 5060, b"worse priority"))])

# A LAN source from outside, and an outside source from the LAN, under one setting after the other.
TIMES = (0, 10, 20, 30)
write("route-src-check", "wan", [back(at, udp("10.0.0.99", 1000 + at, "192.0.2.77", 53, b"x"))
                                 for at in TIMES])
write("route-src-check", "lan", [out(at + 1, udp("203.0.113.99", 1000 + at, "192.0.2.77", 53, b"x"),
                                     "203.0.113.99") for at in TIMES])


# ---- Neighbour Discovery ----

NS, NA, RS, RA = 135, 136, 133, 134
HOST6, LOCAL, NODES = "2001:db8:1::20", "fe80::ff:fe00:1", "ff02::1"


def group(target):
    return "ff02::1:ff00:%x" % (ip6(target)[15] | ip6(target)[14] << 8)


def nd(at, kind, src, dst, target, lladdr=True, flags=0, **fields):
    """From HOST6's station; its own link-layer address as an option, unless told otherwise."""
    rest = struct.pack(">I", flags << 24) + ip6(target)
    if lladdr:
        rest += struct.pack("BB", 1 if kind == NS else 2, 1) + mac6(HOST6)
    packet = icmp6(src, dst, kind, fields.pop("code", 0), rest, **{"hops": 255, **fields})
    to = b"\x33\x33" + ip6(dst)[12:] if dst.startswith("ff") else mac6(LAN6)
    return at, to + mac6(HOST6) + b"\x86\xdd" + packet


write("v6-neighbour", "lan", [
    nd(0, NS, HOST6, group(LAN6), LAN6),
    nd(1, NS, HOST6, LAN6, LAN6, lladdr=False),
    nd(2, NS, HOST6, group(LOCAL), LOCAL),
    nd(3, NS, "::", group(LAN6), LAN6, lladdr=False),  # wants our address
    nd(4, NS, HOST6, group("2001:db8:1::"), "2001:db8:1::"),  # some router
    nd(10, NS, HOST6, group(HOST6), HOST6),  # somebody else
    nd(11, NS, HOST6, group(LAN6), LAN6, hops=254),  # from beyond
    nd(12, NS, HOST6, group(LAN6), LAN6, code=1),
    nd(13, NS, "::", NODES, LAN6, lladdr=False),
    nd(14, NS, HOST6, group(LAN6), NODES),
    nd(15, NA, HOST6, NODES, HOST6, flags=0x20),
    nd(16, RS, HOST6, "ff02::2", "::"),
    nd(17, RA, "fe80::9", NODES, "::"),
    (18, ethernet6(HOST6, LAN6, udp6(HOST6, 4000, "2001:db8:9::5", 7777, b"question"))),
])
