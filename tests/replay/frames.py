# SPDX-License-Identifier: BSD-3-Clause
"""Frames and captures made by hand, byte by byte: the input of replay cases that no phone is needed
for. Addresses are dotted quads; a host's MAC is 02:00 and its address, as in the lab."""
import os
import struct

PCAPS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "pcaps")
# 2026-01-01 00:00:00 UTC: replay cares for differences only.
START = 1767225600

LAN, WAN, GATEWAY = "10.0.0.1", "203.0.113.2", "203.0.113.1"
ICMP, TCP, UDP = 1, 6, 17


def ip(text):
    return bytes(int(part) for part in text.split("."))


def mac(text):
    return b"\x02\x00" + ip(text)


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def ipv4(src, dst, proto, body, ttl=64, ident=0):
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(body), ident, 0x4000, ttl, proto, 0,
                       ip(src), ip(dst))
    return head[:10] + struct.pack(">H", checksum(head)) + head[12:] + body


def pseudo(src, dst, proto, body):
    return ip(src) + ip(dst) + struct.pack(">BBH", 0, proto, len(body))


def udp(src, sport, dst, dport, payload, **fields):
    body = struct.pack(">HHHH", sport, dport, 8 + len(payload), 0) + payload
    total = checksum(pseudo(src, dst, UDP, body) + body) or 0xffff
    return ipv4(src, dst, UDP, body[:6] + struct.pack(">H", total) + body[8:], **fields)


FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16


def tcp(src, sport, dst, dport, flags, seq=0, ack=0, payload=b"", **fields):
    body = struct.pack(">HHIIBBHHH", sport, dport, seq, ack, 5 << 4, flags, 64240, 0, 0) + payload
    total = checksum(pseudo(src, dst, TCP, body) + body)
    return ipv4(src, dst, TCP, body[:16] + struct.pack(">H", total) + body[18:], **fields)


def ping(src, dst, ident, seq, payload=b"pinhole!", answer=False, **fields):
    body = struct.pack(">BBHHH", 0 if answer else 8, 0, 0, ident, seq) + payload
    return ipv4(src, dst, ICMP, body[:2] + struct.pack(">H", checksum(body)) + body[4:], **fields)


def ethernet(src, dst, packet, kind=0x0800):
    """Between the stations with these addresses; short frames are padded as on the wire."""
    return (mac(dst) + mac(src) + struct.pack(">H", kind) + packet).ljust(60, b"\0")


def arp_request(src, target):
    body = struct.pack(">HHBBH", 1, 0x0800, 6, 4, 1) + mac(src) + ip(src) + bytes(6) + ip(target)
    return (b"\xff" * 6 + mac(src) + b"\x08\x06" + body).ljust(60, b"\0")


def from_lan(packet, host):
    return ethernet(host, LAN, packet)


def from_wan(packet):
    return ethernet(GATEWAY, WAN, packet)


def write(case, interface, frames):
    """pcaps/CASE/in-INTERFACE.pcap from (seconds, frame) pairs in any order; microseconds."""
    folder = os.path.join(PCAPS, case)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, f"in-{interface}.pcap"), "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for seconds, frame in sorted(frames, key=lambda entry: entry[0]):
            micro = START * 1000000 + round(seconds * 1000000)
            f.write(struct.pack("<IIII", *divmod(micro, 1000000), len(frame), len(frame)))
            f.write(frame)
