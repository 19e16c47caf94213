#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes the captures of the cases pcaps/tcp-*: how closely connections are followed.

    tests/replay/make-tcp.py

The policies keep source ports, so that the answers are known beforehand. Side `o` is the phone,
whose numbers begin at 1000, side `r` the server, whose numbers begin at 5000; both offer windows of
64240 bytes without a scale.
"""
import struct
import sys

sys.dont_write_bytecode = True

from frames import ACK, FIN, RST, SYN, TCP, WAN, checksum, from_lan, from_wan, ipv4, pseudo, write

PHONE, SERVER = "10.0.0.20", "198.51.100.5"
PORT = 8080


def segment(src, sport, dst, dport, flags, seq, ack, n=0, options=b""):
    options += b"\0" * (-len(options) % 4)
    body = struct.pack(">HHIIBBHHH", sport, dport, seq & 0xffffffff, ack, (20 + len(options)) << 2,
                       flags, 64240, 0, 0) + options + b"x" * n
    total = checksum(pseudo(src, dst, TCP, body) + body)
    return ipv4(src, dst, TCP, body[:16] + struct.pack(">H", total) + body[18:])


class Capture:
    """What both sides say, in order, a hundredth of a second apart or at a given time."""

    def __init__(self, port=1001):
        self.port, self.at, self.lan, self.wan = port, 0.0, [], []

    def time(self, at):
        self.at = at
        return self

    def o(self, flags, seq, ack=0, n=0, options=b""):
        packet = segment(PHONE, self.port, SERVER, PORT, flags, seq, ack, n, options)
        self.lan.append((self.at, from_lan(packet, PHONE)))
        self.at += 0.01
        return self

    def r(self, flags, seq, ack=0, n=0, options=b""):
        packet = segment(SERVER, PORT, WAN, self.port, flags, seq, ack, n, options)
        self.wan.append((self.at, from_wan(packet)))
        self.at += 0.01
        return self

    def open(self, o=1000, r=5000):
        return self.o(SYN, o).r(SYN | ACK, r, o + 1).o(ACK, o + 1, r + 1)

    def write(self, case):
        write(case, "lan", self.lan)
        write(case, "wan", self.wan)


# The same segments under three settings: within the window, a window beyond it, far outside.
for case in ("tcp-window-strict", "tcp-window-loose", "tcp-window-off"):
    c = Capture().open()
    c.o(ACK, 1001, 5001, 100).r(ACK, 5001, 1101)           # as it should be
    c.o(ACK, 1001, 5001, 100)                              # again
    c.o(ACK, 1101 + 64242, 5001, 1)                        # a little beyond
    c.r(ACK, 5001, 1300)                                   # acknowledges what nobody sent
    c.o(ACK, 0x50000000, 5001, 1).r(ACK, 0x60000000, 1101)  # from nowhere
    c.o(ACK, 1101, 5001, 100).r(ACK, 5001, 1201)           # and it goes on
    c.write(case)

# Resets of a stranger: far off, dropped; in the window, answered by the phone's challenge ACK; then
# the server's own, and the session is gone tcp-rst-timer later.
c = Capture().open().r(RST, 0x50000000).r(RST | ACK, 4000 - 65536, 1001).r(RST, 5500)
c.o(ACK, 1001, 5001).time(200).r(ACK, 5001, 1001, 10).o(ACK, 1001, 5011)
c.r(RST, 5011).time(210).o(ACK, 1001, 5011)
c.write("tcp-blind-rst")

# A SYN again, another from another number, its answer twice; then established, 3600 s.
c = Capture().o(SYN, 700000).o(SYN, 700000).o(SYN, 1000).r(SYN | ACK, 5000, 700001)
c.r(SYN | ACK, 5000, 1001).r(SYN | ACK, 5000, 1001).o(ACK, 1001, 5001).o(ACK, 1001, 5001, 10)
c.time(20).r(ACK, 5001, 1011)
c.write("tcp-syn-again")

c = Capture().o(SYN, 1000).r(SYN, 5000).o(SYN | ACK, 1000, 5001).r(SYN | ACK, 5000, 1001)
c.o(ACK, 1001, 5001, 10).time(20).r(ACK, 5001, 1011, 10)
c.write("tcp-both-open")

# One side has nothing more to say, the other goes on, until it has been silent for 120 s.
c = Capture().open().o(FIN | ACK, 1001, 5001).r(ACK, 5001, 1002, 100).o(ACK, 1002, 5101)
c.time(100).r(ACK, 5101, 1002, 100).o(ACK, 1002, 5201).time(225).r(ACK, 5201, 1002, 100)
c.write("tcp-half-close")

# An ACK that does not acknowledge the FIN ends nothing; the last one begins TIME_WAIT. Within it a
# new connection with other numbers; after it nothing is left.
c = Capture().open().o(ACK, 1001, 5001, 100).o(FIN | ACK, 1101, 5001).r(FIN | ACK, 5001, 1001)
c.o(ACK, 1102, 5001).r(ACK, 5002, 1102).time(10).o(ACK, 1102, 5002)
c.time(10.5).open(0x70000000, 0x20000000).o(FIN | ACK, 0x70000001, 0x20000001)
c.r(FIN | ACK, 0x20000001, 0x70000002).o(ACK, 0x70000002, 0x20000002)
c.time(15).r(ACK, 0x20000002, 0x70000002)
c.write("tcp-time-wait")

# Data first, without SYN; a bare ACK on another port is not enough for `data-only`.
c = Capture()
c.o(ACK, 1001, 5001, 100).r(ACK, 5001, 0x40000000, 10).o(FIN | ACK, 1101, 5011)
bare = Capture(1002).time(1).o(ACK, 1001, 5001)
write("tcp-without-syn", "lan", c.lan + bare.lan)
write("tcp-without-syn", "wan", c.wan)

# 1460 becomes 1300 outward and 1200 inward, at an odd place too; 536 stays.
MSS = struct.pack(">BBH", 2, 4, 1460)
c = Capture().o(SYN, 1000, options=MSS + b"\4\2").r(SYN | ACK, 5000, 1001, options=b"\1" + MSS)
small = Capture(1002).time(1).o(SYN, 1000, options=struct.pack(">BBH", 2, 4, 536)).o(SYN, 1000)
write("tcp-mss", "lan", c.lan + small.lan)
write("tcp-mss", "wan", c.wan)

# The server goes on with a connection that the firewall has forgotten, and so does the phone.
c = Capture().r(ACK, 7000, 9000, 100).o(ACK, 7000, 9000, 100).r(RST, 7000).r(SYN, 7000)
c.write("tcp-reset-sessionless")
