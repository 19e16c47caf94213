#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes captures with hostile copies of the packets of a recorded case among them.

    tests/replay/mutate.py CASE-FOLDER OUT-FOLDER SEED COUNT

Each in-IFACE.pcap of the case is written to OUT-FOLDER with COUNT mutated copies in all, each
right after the packet it comes from. Half are damaged as frames, anywhere and without mending a
checksum; half as SIP or other payloads, with lengths and checksums made right again so that they
reach the code behind them. The same seed gives the same bytes.
"""
import importlib.machinery
import importlib.util
import os
import random
import struct
import sys

sys.dont_write_bytecode = True

_PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tools/captures")
_LOADER = importlib.machinery.SourceFileLoader("captures", _PATH)
captures = importlib.util.module_from_spec(importlib.util.spec_from_loader("captures", _LOADER))
_LOADER.exec_module(captures)

# Pieces that have broken parsers: line ends, folds, numbers at their limits, empty and long values.
PIECES = [b"\r\n", b"\r\n\r\n", b"\n", b"\r", b"\0", b" ", b"\t", b"\r\n ", b":", b";", b",", b"<",
          b">", b"@", b"%00", b"\xff\xfe", b'"', b"\\", b"=", b"?", b"sip:", b"SIP/2.0",
          b"Content-Length: 4294967296\r\n", b"Content-Length: -1\r\n", b"l:0\r\n",
          b"Content-Length: 65535\r\n", b"CSeq: 99999999999 INVITE\r\n", b"Expires: 4294967295\r\n",
          b"Contact: *\r\n", b"Via: SIP/2.0/UDP 0.0.0.0\r\n", b"m=audio 0 RTP/AVP 0\r\n",
          b"m=audio 65536 RTP/AVP 0\r\n", b"m=audio 1/65535 RTP/AVP 0\r\n",
          b"c=IN IP4 255.255.255.255\r\n", b"c=IN IP6 ::1\r\n", b"a=rtcp:99999\r\n", b"A" * 700]
NUMBERS = [b"0", b"1", b"-1", b"255", b"256", b"1023", b"65535", b"65536", b"4294967295",
           b"4294967296", b"18446744073709551616", b"00000000000000000001"]


def damage(data, rng):
    """One to four edits of the kinds that happen: bits, cuts, repeats, inserts, numbers, lines."""
    data = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(data) + 1)
        end = min(len(data), at + rng.choice([1, 2, 4, 16, 64]))
        kind = rng.randrange(7)
        if kind == 0 and at < len(data):
            data[at] ^= 1 << rng.randrange(8)
        elif kind == 1 and at < len(data):
            data[at] = rng.randrange(256)
        elif kind == 2:
            del data[at:end]
        elif kind == 3:
            data[at:at] = data[at:end]
        elif kind == 4:
            data[at:at] = rng.choice(PIECES)
        elif kind == 5:
            del data[at:]
        else:
            digits = [i for i, b in enumerate(data) if 48 <= b <= 57]
            if digits:
                first = last = rng.choice(digits)
                while last < len(data) and 48 <= data[last] <= 57:
                    last += 1
                data[first:last] = rng.choice(NUMBERS)
    return bytes(data[:1400])


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def with_payload(frame, payload):
    """A UDP frame with another payload, lengths and checksums right."""
    ip = bytearray(frame[14:34])
    udp = struct.pack(">HH", *struct.unpack_from(">HH", frame, 34)) + \
        struct.pack(">HH", 8 + len(payload), 0) + payload
    struct.pack_into(">H", ip, 2, 20 + len(udp))
    struct.pack_into(">H", ip, 10, 0)
    struct.pack_into(">H", ip, 10, checksum(bytes(ip)))
    pseudo = bytes(ip[12:20]) + struct.pack(">BBH", 0, 17, len(udp))
    value = checksum(pseudo + udp) or 0xffff
    return frame[:14] + bytes(ip) + udp[:6] + struct.pack(">H", value) + udp[8:]


def mutate(frame, time, rng):
    packet = captures.parse(time, frame)
    if packet.proto == 17 and packet.sport is not None and frame[14] == 0x45 and rng.random() < 0.5:
        return with_payload(frame, damage(packet.payload, rng))
    return damage(frame, rng)


def main(case, out, seed, count):
    rng = random.Random(seed)
    names = sorted(n for n in os.listdir(case) if n.startswith("in-") and n.endswith(".pcap"))
    frames = {name: captures.read_frames(os.path.join(case, name)) for name in names}
    # Signalling is where the parsers are: it gets most of the copies, audio and ARP the rest.
    places = [(name, i) for name in names for i, (time, frame) in enumerate(frames[name])
              for _ in range(50 if captures.is_sip(captures.parse(time, frame)) else 1)]
    copies = {}
    for _ in range(count):
        copies.setdefault(rng.choice(places), []).append(None)
    os.makedirs(out, exist_ok=True)
    for name in names:
        with open(os.path.join(out, name), "wb") as f:
            f.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
            for i, (time, frame) in enumerate(frames[name]):
                us = round(time * 1e6)
                bad = [mutate(frame, time, rng) for _ in copies.get((name, i), [])]
                for data in [frame] + bad:
                    f.write(struct.pack("<IIII", us // 1000000, us % 1000000, len(data), len(data)))
                    f.write(data)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
