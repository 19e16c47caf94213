#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes a capture of OPTIONS requests of one phone, each of a dialog of its own, for tcpreplay.

    flood.py FILE COUNT SOURCE DESTINATION ETHERNET-DESTINATION
"""
import socket
import struct
import sys


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total > 0xffff:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def options(n, source, destination):
    return (f"OPTIONS sip:{destination} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP {source}:5060;branch=z9hG4bKflood{n};rport\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:flood@{source}>;tag=f{n}\r\nTo: <sip:{destination}>\r\n"
            f"Call-ID: flood-{n}@{source}\r\nCSeq: {n + 1} OPTIONS\r\n"
            f"Contact: <sip:flood@{source}:5060>\r\nAccept: application/sdp\r\n"
            "Content-Length: 0\r\n\r\n").encode()


def frame(n, source, destination, ether):
    payload = options(n, source, destination)
    ends = socket.inet_aton(source) + socket.inet_aton(destination)
    udp = struct.pack(">HHHH", 5060, 5060, 8 + len(payload), 0)
    pseudo = ends + struct.pack(">BBH", 0, 17, 8 + len(payload))
    udp = udp[:6] + struct.pack(">H", checksum(pseudo + udp + payload) or 0xffff)
    ip = struct.pack(">BBHHHBBH", 0x45, 0, 28 + len(payload), n & 0xffff, 0, 64, 17, 0) + ends
    ip = ip[:10] + struct.pack(">H", checksum(ip)) + ip[12:]
    return ether + b"\x02\0\0\0\0\x01" + b"\x08\0" + ip + udp + payload


def main():
    path, count, source, destination, ether = sys.argv[1:]
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for n in range(int(count)):
            data = frame(n, source, destination, bytes.fromhex(ether.replace(":", "")))
            f.write(struct.pack("<IIII", 0, n, len(data), len(data)) + data)


main()
