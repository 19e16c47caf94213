#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes the captures of the cases pcaps/icmp-* and pcaps/proto-*: errors about packets that were
translated, errors the firewall makes itself, and protocols without ports.

    tests/replay/make-icmp.py

The policies keep source ports and identifiers, so that what leaves is known beforehand.
"""
import struct
import sys

sys.dont_write_bytecode = True

from frames import ACK, ICMP, SYN, WAN, checksum, from_lan, from_wan, ipv4, ping, tcp, udp, write

PHONE, OTHER, SERVER = "10.0.0.20", "10.0.0.21", "198.51.100.5"
ROUTER, INSIDE_ROUTER = "192.0.2.9", "10.0.0.99"
UNREACHABLE, QUENCH, REDIRECT, EXCEEDED, PROBLEM = 3, 4, 5, 11, 12
GRE, ESP = 47, 50


def error(src, dst, kind, code, about, rest=0, n=28):
    """An error that quotes the first `n` bytes of a packet."""
    body = struct.pack(">BBHI", kind, code, 0, rest) + about[:n]
    return ipv4(src, dst, ICMP, body[:2] + struct.pack(">H", checksum(body)) + body[4:])


def lan(at, packet, host=PHONE):
    return at, from_lan(packet, host)


def wan(at, packet):
    return at, from_wan(packet)


# Every kind of session, each with an error from outside about what left and one from inside about
# what came in. The second quotes as much as there is.
FLOWS = [
    (udp(PHONE, 4000, SERVER, 7000, b"there"), udp(WAN, 4000, SERVER, 7000, b"there", ttl=63),
     udp(SERVER, 7000, WAN, 4000, b"back"), udp(SERVER, 7000, PHONE, 4000, b"back", ttl=63)),
    (tcp(PHONE, 4001, SERVER, 80, SYN, 1000), tcp(WAN, 4001, SERVER, 80, SYN, 1000, ttl=63),
     tcp(SERVER, 80, WAN, 4001, SYN | ACK, 5000, 1001),
     tcp(SERVER, 80, PHONE, 4001, SYN | ACK, 5000, 1001, ttl=63)),
    (ping(PHONE, SERVER, 4002, 1), ping(WAN, SERVER, 4002, 1, ttl=63),
     ping(SERVER, WAN, 4002, 1, answer=True), ping(SERVER, PHONE, 4002, 1, answer=True, ttl=63)),
    (ipv4(PHONE, SERVER, GRE, b"\0\0\x08\0carried"), ipv4(WAN, SERVER, GRE, b"\0\0\x08\0carried",
                                                         ttl=63),
     ipv4(SERVER, WAN, GRE, b"\0\0\x08\0carried"), ipv4(SERVER, PHONE, GRE, b"\0\0\x08\0carried",
                                                       ttl=63)),
]
from_inside, from_outside = [], []
for i, (there, left, back, arrived) in enumerate(FLOWS):
    from_inside += [lan(i, there), lan(i + 0.3, error(INSIDE_ROUTER, SERVER, UNREACHABLE, 1, arrived,
                                                      n=1000), INSIDE_ROUTER)]
    from_outside += [wan(i + 0.1, error(ROUTER, WAN, EXCEEDED, 0, left)), wan(i + 0.2, back),
                     wan(i + 0.4, error(ROUTER, WAN, PROBLEM, 0, left, 20 << 24, 1000)),
                     wan(i + 0.5, error(SERVER, WAN, UNREACHABLE, 3, left))]
write("icmp-errors", "lan", from_inside)
write("icmp-errors", "wan", from_outside)

# What is not passed on: other types, quotes of nobody's packet, of too little, of a segment that
# was never sent. And no session lives longer for an error: it ends 180 s after its packet.
left = udp(WAN, 4000, SERVER, 7000, b"there", ttl=63)
write("icmp-refused", "lan", [lan(0, udp(PHONE, 4000, SERVER, 7000, b"there")),
                              lan(0, tcp(PHONE, 4001, SERVER, 80, SYN, 1000))])
write("icmp-refused", "wan", [
    wan(1, error(ROUTER, WAN, QUENCH, 0, left)),
    wan(2, error(ROUTER, WAN, REDIRECT, 1, left)),
    wan(3, error(ROUTER, WAN, UNREACHABLE, 1, udp(WAN, 4009, SERVER, 7000, b"there"))),
    wan(4, error(ROUTER, WAN, UNREACHABLE, 1, left, n=27)),
    wan(5, error(ROUTER, WAN, UNREACHABLE, 4, tcp(WAN, 4001, SERVER, 80, ACK, 0x40000000))),
    wan(6, error(ROUTER, WAN, UNREACHABLE, 1, udp(PHONE, 4000, SERVER, 7000, b"there"))),
    wan(170, error(ROUTER, WAN, UNREACHABLE, 1, left)),
    wan(185, error(ROUTER, WAN, UNREACHABLE, 1, left)),
])

# traceroute from inside: the first hop is the firewall, the second a router outside, the third the
# server; and from outside toward the phone that a ping has opened the way for.
hops, answers = [], []
for ttl in (1, 2, 3):
    port = 33434 + ttl
    hops.append(lan(ttl, udp(PHONE, 4000, SERVER, port, b"probe", ttl=ttl)))
left = udp(WAN, 4000, SERVER, 33436, b"probe", ttl=1)
answers.append(wan(2.1, error(ROUTER, WAN, EXCEEDED, 0, left)))
left = udp(WAN, 4000, SERVER, 33437, b"probe", ttl=1)
answers.append(wan(3.1, error(SERVER, WAN, UNREACHABLE, 3, left)))
answers.append(wan(3.5, udp(SERVER, 33437, WAN, 4000, b"probe", ttl=1)))
answers.append(wan(3.6, udp(SERVER, 33437, WAN, 4000, b"probe", ttl=2)))
hops.append(lan(3.7, error(INSIDE_ROUTER, SERVER, EXCEEDED, 0,
                           udp(SERVER, 33437, PHONE, 4000, b"probe", ttl=1)), INSIDE_ROUTER))
write("icmp-traceroute", "lan", hops)
write("icmp-traceroute", "wan", answers)

# Path MTU: 1400 on the way out (the firewall says so), 1200 further on (a router says so). Without
# DF it is cut.
big = udp(PHONE, 4000, SERVER, 7000, b"x" * 1400)
fits = udp(PHONE, 4000, SERVER, 7000, b"x" * 1300)
cut = big[:6] + b"\0\0" + big[8:10] + b"\0\0" + big[12:]
cut = cut[:10] + struct.pack(">H", checksum(cut[:20])) + cut[12:]
write("icmp-path-mtu", "lan", [lan(0, big), lan(1, fits), lan(3, cut)])
write("icmp-path-mtu", "wan", [
    wan(2, error(ROUTER, WAN, UNREACHABLE, 4, udp(WAN, 4000, SERVER, 7000, b"x" * 1300, ttl=62),
                 1200))])

# Denied with and without an answer; no way at all.
write("icmp-denied", "lan", [
    lan(0, tcp(PHONE, 4000, SERVER, 23, SYN, 1000)), lan(1, udp(PHONE, 4000, SERVER, 69, b"x")),
    lan(2, udp(PHONE, 4000, "8.8.8.8", 53, b"x")), lan(3, udp(PHONE, 4000, SERVER, 70, b"x"))])
write("icmp-denied", "wan", [])

# GRE and ESP: one flow for each pair of addresses. A second host cannot have the same server under
# the same public address, for there is no port to tell them apart; another server it can.
write("proto-gre-esp", "lan", [
    lan(0, ipv4(PHONE, SERVER, GRE, b"\0\0\x08\0there")),
    lan(1, ipv4(PHONE, SERVER, ESP, b"\0\0\0\1\0\0\0\1there")),
    lan(2, ipv4(OTHER, SERVER, GRE, b"\0\0\x08\0there"), OTHER),
    lan(3, ipv4(OTHER, "198.51.100.6", GRE, b"\0\0\x08\0there"), OTHER)])
write("proto-gre-esp", "wan", [
    wan(0.5, ipv4(SERVER, WAN, GRE, b"\0\0\x08\0back")),
    wan(1.5, ipv4(SERVER, WAN, ESP, b"\0\0\0\2\0\0\0\1back")),
    wan(3.5, ipv4("198.51.100.6", WAN, GRE, b"\0\0\x08\0back")),
    wan(4, ipv4("198.51.100.7", WAN, GRE, b"\0\0\x08\0from nowhere"))])
