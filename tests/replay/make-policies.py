#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes the captures of the cases about policies (pcaps/policy-*).

    tests/replay/make-policies.py

Each packet is the first of a flow; its payload says what is to become of it.
"""
import sys

sys.dont_write_bytecode = True

from frames import SYN, ethernet, from_lan, from_wan, ping, tcp, udp, write

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

# Every field of a rule, several interfaces and any, groups of addresses and of services.
STORE = "192.0.2.9"
ROOM, CELLAR, GARDEN, MAIL = "10.0.0.39", "10.0.0.200", "10.0.0.40", "198.51.100.25"


def connect(at, src, sport, dst, dport):
    return at, from_lan(tcp(src, sport, dst, dport, SYN, 100), src)


def from_dmz(at, packet):
    return at, ethernet(STORE, "192.0.2.1", packet)


write("policy-fields", "lan", [
    # The desk, both ends of the range, the subnet; not the host between them, not another server.
    connect(0, PHONE, 1000, MAIL, 25), connect(0.1, PBX, 1000, MAIL, 25),
    connect(0.2, ROOM, 1000, MAIL, 25), connect(0.3, CELLAR, 1000, MAIL, 25),
    connect(0.4, GARDEN, 1000, MAIL, 25), connect(0.5, PHONE, 1000, SERVER, 25),
    lan(1, GARDEN, 514, SERVER, 514, "2: from its port"),
    lan(1.1, GARDEN, 515, SERVER, 514, "none: from another port"),
    lan(1.2, GARDEN, 1024, STORE, 7009, "2: from a high port"),
    lan(1.3, GARDEN, 1023, STORE, 7009, "none: from a low port"),
    lan(2, GARDEN, 2000, STORE, 53, "3: not of the house"),
    lan(2.1, PHONE, 2000, STORE, 53, "none: of the house"),
    lan(3, PHONE, 2001, SERVER, 123, "4: not to mail"),
    lan(3.1, PHONE, 2001, MAIL, 123, "none: to mail"),
    (5, from_lan(ping(PHONE, SERVER, 7, 1), PHONE)),
    (5.1, from_lan(ping(PHONE, STORE, 8, 1), PHONE)),
])
write("policy-fields", "dmz", [
    from_dmz(4, udp(STORE, 3000, PHONE, 9999, b"5: neither HTTP nor HTTPS")),
    from_dmz(4.1, tcp(STORE, 3000, PHONE, 80, SYN, 100)),
    from_dmz(4.2, tcp(STORE, 3000, SERVER, 8443, SYN, 100)),
    from_dmz(5.2, ping(STORE, SERVER, 9, 1)),
])

# Denied by a rule with a log, by one without and by none; a session of a rule with a log.
write("policy-log", "lan", [
    connect(0, PHONE, 1000, SERVER, 22), connect(1, PHONE, 1001, SERVER, 23),
    lan(2, PHONE, 6002, SERVER, 53, "question"), lan(3, PHONE, 1003, SERVER, 123, "no log"),
    lan(4, PHONE, 1004, SERVER, 999, "no rule"), (5, from_lan(ping(PHONE, SERVER, 7, 1), PHONE)),
])
write("policy-log", "wan", [(2.5, from_wan(udp(SERVER, 53, "203.0.113.2", 6002, b"answer")))])
