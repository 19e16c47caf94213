#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes the captures of the cases pcaps/frag-*: datagrams that arrive in fragments, and what leaves.

    tests/replay/make-fragments.py

The policies keep source ports, so that the answers are known beforehand.
"""
import random
import struct
import sys

sys.dont_write_bytecode = True

from frames import SYN, WAN, checksum, from_lan, from_wan, tcp, udp, write
from frames6 import FRAGMENT, from_lan6, from_wan6, udp6

PHONE, SERVER = "10.0.0.20", "198.51.100.5"
MF, DF = 0x2000, 0x4000


def fragment(packet, at, n, more, df=False):
    """Bytes [at, at + n) of the payload of an IPv4 packet without options."""
    field = at // 8 | (MF if more else 0) | (DF if df else 0)
    head = packet[:2] + struct.pack(">H", 20 + n) + packet[4:6] + struct.pack(">H", field)
    head += packet[8:10] + b"\0\0" + packet[12:20]
    head = head[:10] + struct.pack(">H", checksum(head)) + head[12:]
    return head + packet[20 + at:20 + at + n]


def pieces(packet, size=1480, df=False):
    """All fragments, of `size` bytes of payload each."""
    total = len(packet) - 20
    return [fragment(packet, at, min(size, total - at), at + size < total, df)
            for at in range(0, total, size)]


def text(n, seed):
    """Bytes that tell where they belong."""
    return b"".join(b"%04x%c" % (i, 97 + seed) for i in range(n // 5 + 1))[:n]


def sent(at, packets, host=PHONE, step=0.001):
    return [(at + i * step, from_lan(p, host)) for i, p in enumerate(packets)]


def answered(at, packets, step=0.001):
    return [(at + i * step, from_wan(p)) for i, p in enumerate(packets)]


def out(n, ident, seed=0, host=PHONE, sport=4000):
    return udp(host, sport, SERVER, 7000, text(n, seed), ident=ident)


def back(n, ident, seed=1, dport=4000):
    return udp(SERVER, 7000, WAN, dport, text(n, seed), ident=ident)


# There and back. The answer is the first that arrives in fragments from outside.
write("frag-udp-in-order", "lan", sent(0, pieces(out(3000, 0x1001))))
write("frag-udp-in-order", "wan", answered(0.1, pieces(back(2500, 0x2001))))

# The last piece first; two datagrams whose pieces alternate; two hosts with the same identification.
first, second = pieces(out(2000, 0x1002), 600), pieces(out(1500, 0x1003, 1), 600)
other = pieces(out(1500, 0x1003, 2, "10.0.0.21", 4001), 600)
write("frag-out-of-order", "lan",
      sent(0, pieces(out(3000, 0x1001))[::-1]) +
      sorted(sent(1, [first[2], second[1], first[3], other[2], second[2], other[0], first[0],
                      second[0], other[1], first[1]])))
write("frag-out-of-order", "wan", answered(2, [pieces(back(2500, 0x2001))[1],
                                               pieces(back(2500, 0x2001))[0]]))

# One datagram after the other that contradicts itself, each named by its identification; what comes
# of it afterwards; and in the end one that does not.
p = out(1192, 0)
def ident(packet, number):
    packet = packet[:4] + struct.pack(">H", number) + packet[6:10] + b"\0\0" + packet[12:]
    return packet[:10] + struct.pack(">H", checksum(packet[:20])) + packet[12:]
overlap = [ident(f, 1) for f in (fragment(p, 0, 600, True), fragment(p, 592, 608, False),
                                 fragment(p, 600, 600, False))]
teardrop = [ident(f, 2) for f in (fragment(p, 0, 600, True), fragment(p, 24, 8, False))]
duplicate = [ident(f, 3) for f in (fragment(p, 600, 600, False), fragment(p, 600, 600, False),
                                   fragment(p, 0, 600, True))]
ninth = [ident(fragment(p, 8 * i, 8, True), 4) for i in range(9)]
end = [ident(f, 5) for f in (fragment(p, 600, 200, False), fragment(p, 0, 600, True),
                             fragment(p, 800, 400, False))]
longer = [ident(f, 6) for f in (fragment(p, 600, 200, False), fragment(p, 800, 400, False))]
broken = [ident(f, 7) for f in (fragment(p, 0, 601, True),)]
death = [ident(fragment(p, 0, 600, False), 8)]
death[0] = death[0][:6] + struct.pack(">H", 8191) + death[0][8:10] + b"\0\0" + death[0][12:]
death[0] = death[0][:10] + struct.pack(">H", checksum(death[0][:20])) + death[0][12:]
split = tcp(PHONE, 4000, SERVER, 80, SYN)
tiny = [ident(f, 9) for f in (fragment(split, 0, 8, True), fragment(split, 8, 12, False))]
frames = []
for i, group in enumerate([overlap, teardrop, duplicate, ninth, end, longer, broken, death, tiny,
                           [ident(f, 10) for f in pieces(p, 600)]]):
    frames += sent(i * 0.1, group)
write("frag-overlap", "lan", frames)
write("frag-overlap", "wan", [])

# fw.conf says 5 s: a piece at 4.9 s completes the first datagram, one at 5.1 s does not complete the
# second, and is alone until 10.1 s.
a, b = pieces(out(1192, 1), 600), pieces(out(1192, 2), 600)
write("frag-timeout", "lan", sent(0, [a[0], b[0]], step=0) + sent(4.9, a[1:]) + sent(5.1, b[1:]))
write("frag-timeout", "wan", [])

# The way out takes 1000 bytes: what may be cut is, what came in pieces leaves in smaller ones.
write("frag-mtu-out", "lan",
      sent(0, [fragment(out(1400, 0x1001), 0, 1408, False)]) +
      sent(1, pieces(out(3000, 0x1002))) + sent(2, pieces(out(1500, 0x1003), 400)))
write("frag-mtu-out", "wan", [])

# The same with DF: pieces that fit leave as they came, larger ones do not, nor does a whole packet.
write("frag-df", "lan",
      sent(0, pieces(out(2400, 0x1001), 800, df=True)) +
      sent(1, pieces(out(3000, 0x1002), 1480, df=True)) +
      sent(2, [fragment(out(1400, 0x1003), 0, 1408, False, df=True)]))
write("frag-df", "wan", [])

# A browser's offer: so many candidates that it takes five pieces, which arrive in disorder.
random.seed(6)
candidates = []
for n in range(55):
    kind, address = (("host", PHONE) if n % 5 == 0 else
                     ("srflx raddr 10.0.0.20 rport 9", f"192.0.2.{n}"))
    candidates.append(f"a=candidate:{n} 1 udp {2130706431 - n} {address} {40000 + 2 * n} "
                      f"typ {kind} generation 0 network-id 1")
sdp = "\r\n".join(["v=0", f"o=alice 2890844526 2890844526 IN IP4 {PHONE}", "s=-",
                   f"c=IN IP4 {PHONE}", "t=0 0", "m=audio 40000 RTP/AVP 0 8 101",
                   "a=rtpmap:101 telephone-event/8000"] + candidates + [""])
invite = "\r\n".join([
    f"INVITE sip:bob@{SERVER} SIP/2.0", f"Via: SIP/2.0/UDP {PHONE}:5060;branch=z9hG4bK776asdhds",
    "Max-Forwards: 70", f"From: \"Alice\" <sip:alice@{PHONE}>;tag=1928301774",
    f"To: \"Bob\" <sip:bob@{SERVER}>", "Call-ID: a84b4c76e66710@pc33.example.com",
    "CSeq: 314159 INVITE", f"Contact: <sip:alice@{PHONE}:5060>",
    "Content-Type: application/sdp", f"Content-Length: {len(sdp)}", "", sdp]).encode()
whole = udp(PHONE, 5060, SERVER, 5060, invite, ident=0x1001)
five = pieces(whole, 8 * (len(invite) // 40 + 1))
assert len(five) == 5 and len(invite) > 6000, (len(five), len(invite))
disorder = [five[i] for i in (3, 0, 4, 2, 1)]
trying = (f"SIP/2.0 100 Trying\r\nVia: SIP/2.0/UDP {WAN}:5060;branch=z9hG4bK776asdhds\r\n"
          f"From: \"Alice\" <sip:alice@{WAN}>;tag=1928301774\r\nTo: \"Bob\" <sip:bob@{SERVER}>\r\n"
          "Call-ID: a84b4c76e66710@pc33.example.com\r\nCSeq: 314159 INVITE\r\n"
          "Content-Length: 0\r\n\r\n").encode()
write("frag-sip-6k", "lan", sent(0, disorder))
write("frag-sip-6k", "wan", answered(0.1, [udp(SERVER, 5060, WAN, 5060, trying)]))

# IPv6: in disorder, there and back; one that overlaps; one piece that is all (RFC 6946); pieces that
# are larger than the way out takes.
HOST6, SERVER6 = "2001:db8:1::20", "2001:db8:9::5"


def fragment6(packet, at, n, more, number):
    body = packet[40 + at:40 + at + n]
    head = packet[:4] + struct.pack(">HB", 8 + len(body), FRAGMENT) + packet[7:40]
    return head + struct.pack(">BBHI", packet[6], 0, at | more, number) + body


def pieces6(packet, number, size=1232):
    total = len(packet) - 40
    return [fragment6(packet, at, size, int(at + size < total), number)
            for at in range(0, total, size)]


there = udp6(HOST6, 4000, SERVER6, 7000, text(3000, 0))
here = udp6(SERVER6, 7000, HOST6, 4000, text(2000, 1))
small = udp6(HOST6, 4000, SERVER6, 7000, text(500, 2))
lan = [(0.000, pieces6(there, 1)[2]), (0.001, pieces6(there, 1)[0]), (0.002, pieces6(there, 1)[1])]
lan += [(1.000, fragment6(small, 0, 256, 1, 2)), (1.001, fragment6(small, 248, 260, 0, 2)),
        (1.002, fragment6(small, 256, 252, 0, 2))]
lan += [(2.000, fragment6(small, 0, 508, 0, 3))]
lan += [(3.000 + i / 1000, p) for i, p in enumerate(pieces6(there, 4, 1400))]
write("frag-v6", "lan", [(at, from_lan6(p, HOST6)) for at, p in lan])
write("frag-v6", "wan", [(0.1 + i / 1000, from_wan6(p)) for i, p in enumerate(pieces6(here, 1)[::-1])])
