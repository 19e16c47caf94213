# SPDX-License-Identifier: BSD-3-Clause
"""SIP agents that speak over TCP: both ends keep their own sequence numbers and answer what the
firewall let through."""
import re
import socket
import struct

from frames import ACK, FIN, PSH, RST, SYN, TCP, from_lan, from_wan, tcp
from frames6 import from_lan6, from_wan6, tcp6
from sip import Agent


def read_tcp6(frame):
    n, proto = struct.unpack_from(">HB", frame, 18)
    if proto != TCP:
        return None
    src, dst = (socket.inet_ntop(socket.AF_INET6, frame[at:at + 16]) for at in (22, 38))
    sport, dport, seq, ack, head, flags = struct.unpack_from(">HHIIBB", frame, 54)
    return (src, sport), (dst, dport), seq, ack, flags, frame[54 + (head >> 4) * 4:54 + n]


def read_tcp(frame):
    """(source, target, seq, ack, flags, payload) of a TCP segment, or None."""
    if len(frame) >= 74 and frame[12:14] == b"\x86\xdd":
        return read_tcp6(frame)
    if len(frame) < 54 or frame[12:14] != b"\x08\x00" or frame[23] != TCP:
        return None
    total, = struct.unpack_from(">H", frame, 16)
    src, dst = (".".join(map(str, frame[at:at + 4])) for at in (26, 30))
    sport, dport, seq, ack, head, flags = struct.unpack_from(">HHIIBB", frame, 34)
    return (src, sport), (dst, dport), seq, ack, flags, frame[34 + (head >> 4) * 4:14 + total]


class End:
    """One end of a connection."""

    def __init__(self, case, side, here, there, seq):
        self.case, self.side, self.here, self.there = case, side, here, there
        self.seq, self.first, self.got, self.ended, self.reset = seq, None, b"", False, False
        self.frames = 0    # taken of what the firewall sent

    def put(self, flags, payload=b"", seq=None):
        ack = self.first + len(self.got) + self.ended if flags & ACK else 0
        at = self.seq if seq is None else seq
        six = ":" in self.here[0]
        lan, wan = (from_lan6, from_wan6) if six else (from_lan, from_wan)
        packet = (tcp6 if six else tcp)(*self.here, *self.there, flags, at, ack, payload)
        self.case.frame(self.side, lan(packet, self.here[0]) if self.side == "lan" else wan(packet))
        if seq is None:
            self.seq += len(payload) + bool(flags & (SYN | FIN))

    def take(self):
        """What came since the last look; True when there was something to acknowledge."""
        news = False
        segments = [read_tcp(data) for side, _, data in self.case.run() if side == self.side]
        mine = [s for s in segments if s and s[1] == self.here and s[0] == self.there]
        for _, _, seq, _, flags, payload in mine[self.frames:]:
            if flags & RST:
                self.reset = True
            if flags & SYN:
                self.first = seq + 1
                continue
            at = seq - (self.first + len(self.got))
            if payload and -len(payload) < at <= 0:
                self.got += payload[-at:]
            if flags & FIN and seq + len(payload) == self.first + len(self.got):
                self.ended = True
            news = news or bool(payload or flags & FIN)
        self.frames = len(mine)
        return news


class Stream:
    """A connection from `a` to `b`; both are Phones."""

    def __init__(self, case, a, b, sport, dport=5060, to=None):
        self.case = case
        here, there = (a.address, sport), (to or (b.address, dport))
        self.ends = {a.side: End(case, a.side, here, there, 1000)}
        self.ends[a.side].put(SYN)
        came = [read_tcp(d) for side, _, d in case.run() if side == b.side]
        came = [s for s in came if s and s[4] & SYN and s[1][0] == b.address][-1]
        self.ends[b.side] = End(case, b.side, came[1], came[0], 70000)
        self.ends[b.side].take()
        self.ends[b.side].put(SYN | ACK)
        self.ends[a.side].take()
        assert self.ends[a.side].first == 70001, "the answer to SYN did not come"
        self.ends[a.side].put(ACK)
        a.stream = b.stream = self

    def end(self, agent):
        return self.ends[agent.side]

    def heard(self, agent, answer=True):
        """All bytes that came to an agent so far; they are acknowledged."""
        end = self.end(agent)
        if end.take() and answer:
            end.put(ACK)
        return end.got


def messages_of(data):
    while data:
        data = data.lstrip(b"\r\n")
        head, found, rest = data.partition(b"\r\n\r\n")
        if not found:
            return
        n = int(re.search(rb"(?i)content-length: *(\d+)", head).group(1))
        if len(rest) < n:
            return
        yield head + found + rest[:n]
        data = rest[n:]


class Phone(Agent):
    """An agent that speaks SIP over a Stream, and RTP as others do."""
    stream = None

    def contact(self, **parameters):
        more = "".join(f";{k}={v}" for k, v in parameters.items())
        return f"<sip:{self.user}@{self.host}:{self.written[1]};transport=tcp>{more}"

    def via(self):
        return super().via().replace("SIP/2.0/UDP", "SIP/2.0/TCP")

    def send_bytes(self, payload, to, sport=None, at=None):
        if sport:
            super().send_bytes(payload, to, sport, at)
        else:
            self.say(payload)

    def say(self, *pieces):
        """Bytes, each piece in a segment of its own."""
        for piece in pieces:
            self.stream.end(self).put(ACK | PSH, piece)

    def packets(self):
        end = self.stream.end(self)
        got = list(messages_of(self.stream.heard(self)))
        return [(self.case.now, end.there, end.here, m) for m in got] + super().packets()

    def close(self):
        self.stream.end(self).put(FIN | ACK)

    def nods(self):
        """Acknowledges what came."""
        self.stream.heard(self)
