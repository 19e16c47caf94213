#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes the captures of pcaps/zones: two ways out that are one zone.

    tests/replay/make-zones.py

"wan" and "alt" are the zone "outside"; routes lead out of wan. A policy lets "lan" out to the zone,
members do not reach each other until commands.cli says `intrazone allow` at 20.
"""
import sys

sys.dont_write_bytecode = True

from frames import WAN, ethernet, from_lan, from_wan, udp, write

PHONE, SERVER = "10.0.0.20", "198.51.100.5"
ALT, NEIGHBOUR, PEER = "192.0.2.2", "203.0.113.9", "192.0.2.9"


def from_alt(packet, host):
    return ethernet(host, ALT, packet)


write("zones", "lan", [
    (0, from_lan(udp(PHONE, 4000, SERVER, 53, b"out by wan"), PHONE)),
    (3, from_lan(udp(PHONE, 4000, PEER, 53, b"out by alt"), PHONE)),
])
write("zones", "wan", [
    (1, from_wan(udp(SERVER, 53, PHONE, 4000, b"answer by the same way"))),
    (10, ethernet(NEIGHBOUR, WAN, udp(NEIGHBOUR, 5000, PEER, 6000, b"refused"))),
    (21, ethernet(NEIGHBOUR, WAN, udp(NEIGHBOUR, 5000, PEER, 6000, b"allowed now"))),
    (22, ethernet(NEIGHBOUR, WAN, udp(NEIGHBOUR, 5000, PHONE, 6000, b"still refused"))),
])
write("zones", "alt", [
    (2, from_alt(udp(SERVER, 53, PHONE, 4000, b"answer by the other member"), "192.0.2.1")),
    (4, from_alt(udp(PEER, 53, PHONE, 4000, b"answer"), PEER)),
    (23, from_alt(udp(PEER, 6000, NEIGHBOUR, 5000, b"answer between members"), PEER)),
])
