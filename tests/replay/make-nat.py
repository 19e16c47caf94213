#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes the captures of the cases about translation (pcaps/vip-*, pool-*, hairpin-*, nat-*).

    tests/replay/make-nat.py

Source ports are such that they can be kept, so that the answers are known beforehand. The server is
behind the gateway; 10.0.0.5 is the host that VIPs lead to.
"""
import sys

sys.dont_write_bytecode = True

from frames import ACK, SYN, WAN, arp_request, from_lan, from_wan, ping, tcp, udp, write

SERVER, OTHER, STRANGER = "198.51.100.5", "198.51.100.6", "192.0.2.77"
HOST, SECOND, PBX = "10.0.0.20", "10.0.0.21", "10.0.0.5"
EXT = "203.0.113.10"


def lan(at, src, sport, dst, dport, payload=b"there"):
    return at, from_lan(udp(src, sport, dst, dport, payload), src)


def wan(at, src, sport, dst, dport, payload=b"back"):
    return at, from_wan(udp(src, sport, dst, dport, payload))


# From outside to the host and back, by three protocols; then the host's own flow.
write("vip-static", "wan", [
    wan(0, SERVER, 4000, EXT, 5060),
    (1, from_wan(tcp(SERVER, 4000, EXT, 80, SYN, 100))),
    (2, from_wan(ping(SERVER, EXT, 7, 1))),
    wan(3.1, SERVER, 53, EXT, 53),
    wan(4, SERVER, 4000, "203.0.113.34", 5060),
])
write("vip-static", "lan", [
    lan(0.1, PBX, 5060, SERVER, 4000),
    (1.1, from_lan(tcp(PBX, 80, SERVER, 4000, SYN | ACK, 500, 101), PBX)),
    (2.1, from_lan(ping(PBX, SERVER, 7, 1, answer=True), PBX)),
    lan(3, PBX, 53, SERVER, 53),
    lan(4.1, "10.0.0.34", 5060, SERVER, 4000),
])

# Ports 8000 to 8009 lead to 80 to 89, the next one nowhere; TCP 2222 to 22.
write("vip-forward", "wan", [
    wan(0, SERVER, 4000, WAN, 8000), wan(1, SERVER, 4000, WAN, 8009), wan(2, SERVER, 4000, WAN, 8010),
    (3, from_wan(tcp(SERVER, 4000, WAN, 2222, SYN, 100))),
    (4, from_wan(tcp(SERVER, 4000, WAN, 8000, SYN, 100))),
])
write("vip-forward", "lan", [
    lan(0.1, PBX, 80, SERVER, 4000), lan(1.1, PBX, 89, SERVER, 4000),
    (3.1, from_lan(tcp(PBX, 22, SERVER, 4000, SYN | ACK, 500, 101), PBX)),
])

write("vip-src-filter", "wan", [
    wan(0, SERVER, 4000, EXT, 5060), wan(1, "198.51.100.9", 4000, EXT, 5060),
    wan(2, STRANGER, 4000, EXT, 5060),
])
write("vip-src-filter", "lan", [lan(0.1, PBX, 5060, SERVER, 4000)])

# One host always leaves as its VIP, the other only where nat is enabled: here it is not.
write("vip-nat-source", "lan", [
    lan(0, PBX, 5060, SERVER, 5060), lan(1, "10.0.0.6", 5060, SERVER, 5060),
])
write("vip-nat-source", "wan", [
    wan(0.1, SERVER, 5060, EXT, 5060), wan(1.1, SERVER, 5060, "10.0.0.6", 5060),
])

# Four ports on each of two addresses: the first host takes those of its address, then of the next,
# and then there are none left toward this server.
write("pool-overload", "lan", [
    lan(i, HOST, 20000 + i, SERVER, 5060) for i in range(4)
] + [
    lan(4 + i, "10.0.0.22", 20000 + i, SERVER, 5060) for i in range(4)
] + [
    lan(8, HOST, 20004, SERVER, 5060), lan(9, HOST, 20001, OTHER, 5060),
])
write("pool-overload", "wan", [
    wan(0.1, SERVER, 5060, "203.0.113.100", 20000), wan(7.1, SERVER, 5060, "203.0.113.101", 20003),
])

# Two addresses: the third host has to wait until the first has no sessions any more.
write("pool-one-to-one", "lan", [
    lan(0, HOST, 53, SERVER, 5060), lan(1, SECOND, 53, SERVER, 5060),
    lan(2, "10.0.0.22", 53, SERVER, 5060), lan(150, SECOND, 53, SERVER, 5060),
    lan(200, "10.0.0.22", 53, SERVER, 5060),
])
write("pool-one-to-one", "wan", [wan(0.1, SERVER, 5060, "203.0.113.100", 53)])

# Each host has its block of 2323 ports: 7440 to 9762, and the first one of the second address.
write("pool-fixed-range", "lan", [
    lan(0, "10.0.0.2", 8000, SERVER, 5060), lan(1, "10.0.0.27", 6000, SERVER, 5060),
    lan(2, "10.0.0.254", 6000, SERVER, 5060),
])
write("pool-fixed-range", "wan", [
    wan(0.1, SERVER, 5060, "203.0.113.100", 8000), wan(1.1, SERVER, 5060, "203.0.113.101", 6000),
])

# Blocks of 64 ports, one for each host; three in all. Given back 30 s after the last session.
write("pool-blocks", "lan", [
    lan(0, HOST, 5120, SERVER, 5060), lan(0.5, HOST, 5121, SERVER, 5060),
    lan(1, SECOND, 5184, SERVER, 5060), lan(2, "10.0.0.22", 5248, SERVER, 5060),
    lan(3, "10.0.0.23", 5120, SERVER, 5060), lan(300, "10.0.0.23", 5120, SERVER, 5060),
])
write("pool-blocks", "wan", [wan(0.1, SERVER, 5060, "203.0.113.100", 5120)])

write("nat-fixedport", "lan", [
    lan(0, HOST, 53, SERVER, 53), lan(1, SECOND, 53, SERVER, 53), lan(2, SECOND, 53, OTHER, 53),
])
write("nat-fixedport", "wan", [wan(0.1, SERVER, 53, WAN, 53), wan(2.1, OTHER, 53, WAN, 53)])

# From inside by the outside address, by an address of its own and by a forwarded port.
write("hairpin-vip", "lan", [
    lan(0, HOST, 4000, EXT, 5060), lan(0.1, PBX, 5060, WAN, 4000),
    lan(1, HOST, 4001, WAN, 8000), lan(1.1, "10.0.0.6", 80, WAN, 4001),
    lan(2, PBX, 4002, WAN, 8000), lan(2.1, "10.0.0.6", 80, EXT, 4002),
])

# Two hosts that have pinholes, from one public end to the other; and a third that has none.
write("hairpin-pinhole", "lan", [
    lan(0, HOST, 4000, SERVER, 5060), lan(1, SECOND, 4001, SERVER, 5060),
    lan(2, HOST, 4000, WAN, 4001), lan(2.1, SECOND, 4001, WAN, 4000),
    lan(3, "10.0.0.22", 4002, WAN, 4001), lan(3.1, SECOND, 4001, WAN, 4002),
])

write("nat-twice", "wan", [wan(0, SERVER, 6000, EXT, 5060)])
write("nat-twice", "lan", [lan(0.1, PBX, 5060, "10.0.0.200", 6000)])

# A stranger is let in as long as the host has sessions, and then no more.
write("nat-permit-any-host", "lan", [
    lan(0, HOST, 4000, SERVER, 5060), lan(1, HOST, 4000, OTHER, 5061),
    lan(2.1, HOST, 4000, STRANGER, 9),
])
write("nat-permit-any-host", "wan", [
    wan(0.1, SERVER, 5060, WAN, 4000), wan(2, STRANGER, 9, WAN, 4000),
    wan(400, STRANGER, 9, WAN, 4000),
])

# Who has an address of a VIP, the last of its range, one of a pool? Not: the one behind the range,
# a VIP that does not answer, and those who ask inside.
write("nat-arp", "wan", [
    (i, arp_request("203.0.113.1", ip)) for i, ip in enumerate(
        [EXT, "203.0.113.47", "203.0.113.100", "203.0.113.48", "203.0.113.11", WAN])
])
write("nat-arp", "lan", [(0.5, arp_request(HOST, EXT)), (1.5, arp_request(HOST, "203.0.113.100"))])
