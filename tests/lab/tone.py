# SPDX-License-Identifier: BSD-3-Clause
"""Writes a tone at 8000 samples a second, for SIPp (G.711 u-law) and baresip to play.

    tone.py FILE HERTZ SECONDS [TYPE]

FILE.ulaw holds the samples, FILE.pcap the same as RTP packets of 20 ms, FILE.wav as linear PCM. The tone has whole periods
in 20 ms, so that all packets hold the same 160 bytes and tell whose audio they are. TYPE is the payload
type in RTP, if not 0: then FILE.pcap stands for video.
"""
import math
import struct
import sys
import wave


def ulaw(sample):
    """One 16-bit sample as G.711 u-law: sign, exponent, mantissa, all inverted."""
    sign = 0x80 if sample < 0 else 0
    magnitude = min(abs(sample), 32635) + 132
    exponent = magnitude.bit_length() - 8
    mantissa = magnitude >> (exponent + 3) & 15
    return ~(sign | exponent << 4 | mantissa) & 255


def rtp_frame(number, audio, ssrc, kind):
    """Ethernet, IPv4, UDP and RTP around `audio`; SIPp writes addresses and checksums anew."""
    rtp = struct.pack(">BBHII", 0x80, (0x80 if number == 0 else 0) | kind, number & 0xffff,
                      number * 160, ssrc) + audio
    udp = struct.pack(">HHHH", 6000, 6000, 8 + len(rtp), 0) + rtp
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), number & 0xffff, 0, 64, 17, 0,
                     bytes([192, 0, 2, 1]), bytes([192, 0, 2, 2])) + udp
    return bytes(12) + b"\x08\x00" + ip


def main(path, hertz, seconds, kind=0):
    if hertz % 50:
        raise SystemExit("the tone must be a multiple of 50 Hz, so that 20 ms hold whole periods")
    samples = [int(12000 * math.sin(2 * math.pi * hertz * i / 8000)) for i in range(160)]
    audio = bytes(ulaw(sample) for sample in samples)
    with open(path + ".ulaw", "wb") as f:
        f.write(audio * (seconds * 50))
    with wave.open(path + ".wav", "wb") as f:
        f.setparams((1, 2, 8000, 0, "NONE", ""))
        f.writeframes(struct.pack("<160h", *samples) * (seconds * 50))
    with open(path + ".pcap", "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for number in range(seconds * 50):
            frame = rtp_frame(number, audio, hertz, kind)
            f.write(struct.pack("<IIII", number // 50, number % 50 * 20000, len(frame),
                                len(frame)) + frame)


main(sys.argv[1], *map(int, sys.argv[2:]))
