# SPDX-License-Identifier: BSD-3-Clause
"""The same as frames.py for IPv6. A host's MAC is 02:00 and the last four bytes of its address."""
import socket
import struct

from frames import TCP, UDP, checksum

ICMP6, FRAGMENT = 58, 44
HOP_BY_HOP, ROUTING, DESTINATION = 0, 43, 60

LAN6, WAN6, GATEWAY6 = "2001:db8:1::1", "2001:db8:2::2", "fe80::1"


def ip6(text):
    return socket.inet_pton(socket.AF_INET6, text)


def mac6(text):
    return b"\x02\x00" + ip6(text)[12:]


def ipv6(src, dst, proto, body, hops=64, headers=()):
    """`headers`: (kind, bytes behind the next header field) in the order they stand."""
    kinds = [kind for kind, _ in headers] + [proto]
    chain = b"".join(bytes([kinds[i + 1]]) + rest for i, (_, rest) in enumerate(headers))
    return (struct.pack(">IHBB", 6 << 28, len(chain) + len(body), kinds[0], hops) + ip6(src) +
            ip6(dst) + chain + body)


def checked(src, dst, proto, body, at):
    """`body` with the checksum that stands `at` bytes into it."""
    pseudo = ip6(src) + ip6(dst) + struct.pack(">II", len(body), proto)
    total = checksum(pseudo + body) or (0xffff if proto == UDP else 0)
    return body[:at] + struct.pack(">H", total) + body[at + 2:]


def udp6(src, sport, dst, dport, payload, **fields):
    body = struct.pack(">HHHH", sport, dport, 8 + len(payload), 0) + payload
    return ipv6(src, dst, UDP, checked(src, dst, UDP, body, 6), **fields)


def tcp6(src, sport, dst, dport, flags, seq=0, ack=0, payload=b"", **fields):
    body = struct.pack(">HHIIBBHHH", sport, dport, seq, ack, 5 << 4, flags, 64240, 0, 0) + payload
    return ipv6(src, dst, TCP, checked(src, dst, TCP, body, 16), **fields)


def icmp6(src, dst, kind, code, rest, **fields):
    body = struct.pack(">BBH", kind, code, 0) + rest
    return ipv6(src, dst, ICMP6, checked(src, dst, ICMP6, body, 2), **fields)


def ping6(src, dst, ident, seq, payload=b"pinhole!", answer=False, **fields):
    rest = struct.pack(">HH", ident, seq) + payload
    return icmp6(src, dst, 129 if answer else 128, 0, rest, **fields)


def ethernet6(src, dst, packet):
    return mac6(dst) + mac6(src) + b"\x86\xdd" + packet


def from_lan6(packet, host):
    return ethernet6(host, LAN6, packet)


def from_wan6(packet):
    return ethernet6(GATEWAY6, WAN6, packet)
