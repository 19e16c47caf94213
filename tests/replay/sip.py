# SPDX-License-Identifier: BSD-3-Clause
"""Phones and servers for replay cases: a dialogue is played in a closed loop, so that each side
answers what the firewall really let through to it, and what they sent becomes the case's captures.

    case = Case("call-basic")                  # pcaps/call-basic/fw.conf exists
    phone = case.agent("10.0.0.20", 5060, "lan")
    server = case.agent("198.51.100.5", 5060, "wan")

    call = phone.invite("sip:bob@198.51.100.5", to=server, sdp=phone.sdp(6000))
    invite = server.receive("INVITE")          # as it came out of the firewall
    case.wait(0.1)
    server.answer(invite, 180)
    phone.receive(180)
    server.answer(invite, 200, sdp=server.sdp(7000))
    ok = phone.receive(200)
    phone.ack(ok)
    server.receive("ACK")
    phone.rtp(6000, media_of(ok), seconds=1)   # 50 packets to where the answer says
    phone.bye(call)
    server.answer(server.receive("BYE"), 200)
    phone.receive(200)
    case.write()

Messages may be changed before they are sent: build one with request() or response(), then send().
The firewall is pinhole-replay of the build in PINHOLE_TEST_BUILD (build-test), run over all that was
sent so far whenever somebody receives. Nothing is random: the same script gives the same captures.
"""
import json
import math
import os
import re
import socket
import struct
import subprocess
import tempfile

import frames
from frames import PCAPS, UDP, from_lan, from_wan, udp, write
from frames6 import from_lan6, from_wan6, udp6

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
COMPACT = {"v": "via", "f": "from", "t": "to", "i": "call-id", "m": "contact", "l": "content-length",
           "c": "content-type", "x": "session-expires", "r": "refer-to", "b": "referred-by",
           "o": "event", "k": "supported", "s": "subject", "e": "content-encoding"}


def full(name):
    return COMPACT.get(name.lower(), name.lower())


class Message:
    """A SIP message: `start`, `headers` as (name, value) pairs in order, `body` (bytes)."""

    def __init__(self, start, headers=(), body=b""):
        self.start, self.headers, self.body = start, list(headers), body
        self.source = None     # (address, port) it came from, as the receiver saw it
        self.target = None     # (address, port) it came to
        self.time = None

    @classmethod
    def parse(cls, data):
        head, _, body = data.partition(b"\r\n\r\n")
        lines = re.sub(r"\r\n[ \t]+", " ", head.decode("utf-8", "surrogateescape")).split("\r\n")
        pairs = [line.partition(":")[::2] for line in lines[1:]]
        return cls(lines[0], [(name.strip(), value.strip()) for name, value in pairs], body)

    @property
    def status(self):
        return int(self.start.split()[1]) if self.start.startswith("SIP/2.0 ") else 0

    @property
    def method(self):
        """Of the request, or the one that the response answers."""
        return self.start.split()[0] if not self.status else self.get("CSeq").split()[1]

    @property
    def uri(self):
        return self.start.split()[1]

    def all(self, name):
        return [value for key, value in self.headers if full(key) == full(name)]

    def values(self, name):
        """Every value of a header, several on a line or several lines."""
        return [part.strip() for value in self.all(name)
                for part in re.findall(r'(?:"[^"]*"|<[^>]*>|[^,"<])+', value)]

    def get(self, name, default=""):
        return next(iter(self.all(name)), default)

    def set(self, name, value):
        """Replace the first header of that name and drop the others; None removes them all."""
        kept, done = [], value is None
        for key, old in self.headers:
            if full(key) != full(name):
                kept.append((key, old))
            elif not done:
                kept.append((key, value))
                done = True
        self.headers = kept if done else kept + [(name, value)]
        return self

    def add(self, name, value):
        self.headers.append((name, value))
        return self

    def tag(self, name):
        found = re.search(r";tag=([^;]+)", self.get(name))
        return found.group(1) if found else ""

    def bytes(self):
        lines = [self.start] + [f"{name}: {value}" for name, value in self.headers]
        return "\r\n".join(lines).encode("utf-8", "surrogateescape") + b"\r\n\r\n" + self.body


def uri_of(value):
    """The URI of a Contact, Route ...: what is in the brackets, or before the parameters."""
    found = re.search(r"<([^>]*)>", value)
    return found.group(1) if found else value.split(";")[0].strip()


def host_of(uri):
    """(address, port) of a SIP URI or of sent-by."""
    found = re.match(r"(?:sips?:)?(?:[^@]*@)?(\[[^\]]*\]|[^:;?>]+)(?::(\d+))?", uri)
    return found.group(1).strip("[]"), int(found.group(2) or 5060)


def written_of(address):
    """An address as it stands in URIs and Via: IPv6 in brackets (RFC 3261 25.1)."""
    return f"[{address}]" if ":" in address else address


def media_of(message, nth=0):
    """(address, port) of the nth stream of its session description."""
    text = message.body.decode()
    parts = re.split(r"(?m)^(?=m=)", text)
    session = re.search(r"(?m)^c=IN IP[46] (\S+)", parts[0])
    stream = re.search(r"(?m)^c=IN IP[46] (\S+)", parts[1 + nth])
    return (stream or session).group(1), int(re.match(r"m=\S+ (\d+)", parts[1 + nth]).group(1))


class Case:
    """One replay case while it is being made."""

    def __init__(self, name, tail=0, interfaces=("lan", "wan")):
        self.name, self.tail, self.interfaces = name, tail, interfaces
        self.now, self.sent, self.got, self.dirty = 0.0, [], [], False
        self.epoch, self.parts, self.said = 0, [], set()
        self.commands = None   # a file of commands that are typed meanwhile
        self.count = 0
        self.agents = []
        self.folder = os.path.join(PCAPS, name)

    def agent(self, address, port=5060, side="lan", **more):
        """A phone or server at address:port behind the interface `side`."""
        one = Agent(self, address, port, side, **more)
        self.agents.append(one)
        return one

    def wait(self, seconds):
        self.now = round(self.now + seconds, 6)

    def at(self, seconds):
        assert seconds >= self.now, "time does not go back"
        self.now = seconds

    def number(self):
        """A fresh number for tags, branches and Call-IDs."""
        self.count += 1
        return self.count

    def part(self, gap):
        """
        Time begins at 0 again, `gap` seconds or more after the last frame. What follows has nothing
        to do with what was before: it is played by itself, and write() sees that it made no
        difference.
        """
        self.run()
        self.parts.append((self.epoch, self.now, self.sent, self.got))
        self.epoch += math.ceil((self.now + gap) / 100) * 100
        self.now, self.sent, self.got = 0.0, [], []

    def check(self, agent, payload):
        """What must hold of every SIP message that an agent receives."""

    def frame(self, side, data, at=None):
        """Put a frame on the wire of an interface."""
        when = self.now if at is None else at
        self.sent.append((side, round(self.epoch + when, 6), data))
        if at is None:
            self.now = round(self.now + 0.001, 6)
        self.dirty = True

    def captures(self):
        for side in self.interfaces:
            write(self.name, side, [(at, data) for where, at, data in self.sent if where == side])

    def write(self):
        """The captures of the case, as they are; its parts one after the other."""
        if self.parts:
            self.join()
        self.captures()

    def join(self):
        self.part(0)
        parts, self.epoch = self.parts, 0
        self.sent = [entry for _, _, sent, _ in parts for entry in sent]
        self.dirty = True
        whole = self.run()
        for epoch, end, _, alone in parts:
            among = [(side, nameless(data)) for side, at, data in whole
                     if epoch <= at < epoch + end]
            assert among == [(side, nameless(data)) for side, at, data in alone if at < end], \
                f"{self.name}: what is sent after {epoch} s depends on what was before"

    def run(self):
        """What the firewall sends for all that was sent so far, as (side, time, frame)."""
        if self.dirty:
            # Less than a second: TCP sends nothing again that is about to be acknowledged.
            self.got, _ = self.replay(0.5)
            self.dirty = False
        return self.got

    def replay(self, tail):
        """What the firewall sends, and its events (dictionaries), up to `tail` seconds later."""
        self.captures()
        build = os.environ.get("PINHOLE_TEST_BUILD", os.path.join(ROOT, "build-test"))
        with tempfile.TemporaryDirectory() as out:
            # The first frame is time 0 of a run, whichever side it came from.
            inputs = [f"--in={side}={self.folder}/in-{side}.pcap" for side in self.interfaces]
            typed = ["--cli", self.commands, "--cli-out", os.devnull] if self.commands else []
            subprocess.run([f"{build}/src/pinhole-replay", "-c", f"{self.folder}/fw.conf", *inputs, *typed,
                            "--out", out, "--events", f"{out}/events", "--tail", str(tail)],
                           check=True, cwd=ROOT, stdout=subprocess.DEVNULL)
            got = [(side, round(at - self.epoch, 6), data) for side in self.interfaces
                   for at, data in read_capture(f"{out}/out-{side}.pcap")]
            with open(f"{out}/events", encoding="utf-8") as lines:
                return got, [json.loads(line) for line in lines]


def nameless(frame):
    """Without the identification of IPv4, and so without the checksum."""
    four = frame[12:14] == b"\x08\x00"
    return frame[:18] + frame[20:24] + frame[26:] if four else frame


def read_capture(path):
    """(seconds after START, frame) pairs."""
    with open(path, "rb") as f:
        data = f.read()
    magic, = struct.unpack_from("<I", data)
    unit = 1e9 if magic == 0xa1b23c4d else 1e6
    at = 24
    while at < len(data):
        seconds, part, n, _ = struct.unpack_from("<IIII", data, at)
        yield seconds - frames.START + part / unit, data[at + 16:at + 16 + n]
        at += 16 + n


def read_udp(frame):
    """(source, target, payload) of a UDP datagram in one piece, or None."""
    if len(frame) >= 62 and frame[12:14] == b"\x86\xdd" and frame[20] == UDP:
        sport, dport, n = struct.unpack_from(">HHH", frame, 54)
        src, dst = (socket.inet_ntop(socket.AF_INET6, frame[at:at + 16]) for at in (22, 38))
        return (src, sport), (dst, dport), frame[62:54 + n]
    if len(frame) < 42 or frame[12:14] != b"\x08\x00" or frame[23] != UDP:
        return None
    if struct.unpack_from(">H", frame, 20)[0] & 0x3fff:
        return None
    l4 = 14 + (frame[14] & 15) * 4
    sport, dport, n = struct.unpack_from(">HHH", frame, l4)
    src, dst = (socket.inet_ntoa(frame[at:at + 4]) for at in (26, 30))
    return (src, sport), (dst, dport), frame[l4 + 8:l4 + n]


class Agent:
    """
    A SIP user agent, of IPv4 or IPv6 by its address. `written`: the address it puts into its messages when that is not its own;
    `rport`: ask for symmetric responses (RFC 3581). Dialogs are found by Call-ID.
    """

    def __init__(self, case, address, port, side, written=None, user=None, rport=True):
        self.case, self.address, self.port, self.side = case, address, port, side
        self.written = written or (address, port)
        self.host = written_of(self.written[0])
        self.user = user or ("phone" if side == "lan" else "server") + str(len(case.agents) or "")
        self.rport = rport
        self.seen = 0        # of the datagrams for this address, how many were taken
        self.dialogs = {}    # Call-ID: state
        self.version = 0     # of the session description

    # Sending

    def send_bytes(self, payload, to, sport=None, at=None):
        """A datagram from here to (address, port)."""
        ends = (self.address, sport or self.port, to[0], to[1])
        if ":" in self.address:
            packet = udp6(*ends, payload)
            frame = from_lan6(packet, self.address) if self.side == "lan" else from_wan6(packet)
        else:
            packet = udp(*ends, payload)
            frame = from_lan(packet, self.address) if self.side == "lan" else from_wan(packet)
        self.case.frame(self.side, frame, at)

    def send(self, message, to):
        """Send a message to (address, port) or an agent; Content-Length is made right if there."""
        if message.get("Content-Length"):
            message.set("Content-Length", str(len(message.body)))
        self.case.said.add(message.bytes())
        self.send_bytes(message.bytes(), (to.address, to.port) if isinstance(to, Agent) else to)
        return message

    def rtp(self, port, to, seconds=1.0, interval=0.02):
        """A stream of RTP from `port`, beginning now; time goes on to its end."""
        for n in range(round(seconds / interval)):
            head = struct.pack(">BBHII", 0x80, 8, n & 0xffff, n * 160, 0x1000 + port)
            self.send_bytes(head + bytes([0xd5]) * 20, to, sport=port,
                            at=self.case.now + n * interval)
        self.case.wait(seconds)

    # Receiving

    def packets(self):
        """Every datagram that came to this address so far: (time, source, target, payload)."""
        got = []
        for side, at, frame in self.case.run():
            parts = read_udp(frame)
            if side == self.side and parts and parts[1][0] == self.address:
                got.append((at, *parts))
        return got

    def receive(self, what=None):
        """The next SIP message that came here; `what`: the method or status it must be."""
        got = self.packets()
        while self.seen < len(got):
            at, source, target, payload = got[self.seen]
            self.seen += 1
            if not payload[:1].isalpha():
                continue     # RTP, keep-alives
            message = Message.parse(payload)
            self.case.check(self, payload)
            message.source, message.target, message.time = source, target, at
            got_what = message.status or message.method
            assert what in (None, got_what), f"{self.user}: {what} expected, {message.start} came"
            self.learn(message)
            return message
        raise AssertionError(f"{self.case.name}: nothing came for {self.user}, expected {what}")

    def nothing(self):
        """Assert that no further SIP message came."""
        got = [p for _, _, _, p in self.packets()[self.seen:] if p[:1].isalpha()]
        assert not got, f"{self.user}: {got[0][:60]} came"

    def learn(self, m):
        """What an incoming message tells about its dialog (RFC 3261 12.1, 12.2)."""
        d = self.dialogs.setdefault(m.get("Call-ID"), {"cseq": 0, "began": False, "routes": []})
        local, remote = ("To", "From") if not m.status else ("From", "To")
        d.update(local=m.get(local), remote=m.get(remote), peer=d.get("peer", m.source))
        routes = m.values("Record-Route")
        if routes and not d["routes"] and m.status < 300:
            d["routes"] = routes if not m.status else routes[::-1]
        if m.get("Contact") and m.status < 300 and m.method in ("INVITE", "UPDATE", "SUBSCRIBE"):
            d["target"] = uri_of(m.values("Contact")[0])

    # Building

    def contact(self, **parameters):
        more = "".join(f";{k}={v}" for k, v in parameters.items())
        return f"<sip:{self.user}@{self.host}:{self.written[1]}>{more}"

    def via(self):
        return (f"SIP/2.0/UDP {self.host}:{self.written[1]};branch=z9hG4bK-"
                f"{self.case.number()}" + (";rport" if self.rport else ""))

    def sdp(self, port, direction=None, address=None, extra=""):
        """A session description with one audio stream."""
        address = address or self.written[0]
        family = "IP6" if ":" in address else "IP4"
        self.version += 1
        return (f"v=0\r\no={self.user} 1 {self.version} IN {family} {address}\r\ns=-\r\n"
                f"c=IN {family} {address}\r\nt=0 0\r\nm=audio {port} RTP/AVP 8\r\n"
                f"a=rtpmap:8 PCMA/8000\r\n" + (f"a={direction}\r\n" if direction else "")
                + extra).encode()

    def request(self, method, uri, call_id=None, body=b"", kind="application/sdp", **fields):
        """A request outside of a dialog; `fields` are further headers, _ for -."""
        call_id = call_id or f"{self.case.number()}@{self.case.name}"
        d = self.dialogs.setdefault(call_id, {"cseq": 0, "routes": []})
        d["cseq"] += 1
        host = self.host
        m = Message(f"{method} {uri} SIP/2.0", [
            ("Via", self.via()), ("Max-Forwards", "70"),
            ("From", f"<sip:{self.user}@{host}>;tag=t{self.case.number()}"),
            ("To", f"<{uri}>"), ("Call-ID", call_id), ("CSeq", f"{d['cseq']} {method}"),
            ("Contact", self.contact())], body)
        for name, value in fields.items():
            m.add(name.replace("_", "-"), value)
        if body:
            m.add("Content-Type", kind)
        d.update(local=m.get("From"), remote=m.get("To"), target=uri)
        return m.add("Content-Length", str(len(body)))

    def within(self, method, call, body=b"", kind="application/sdp", cseq=None, **fields):
        """A request within the dialog of `call` (a message of it)."""
        call_id = call.get("Call-ID")
        d = self.dialogs[call_id]
        if cseq is None:
            d["cseq"] += 1
        m = Message(f"{method} {d['target']} SIP/2.0", [("Via", self.via()), ("Max-Forwards", "70")])
        for route in d["routes"]:
            m.add("Route", route)
        for name, value in (("From", d["local"]), ("To", d["remote"]), ("Call-ID", call_id),
                            ("CSeq", f"{cseq or d['cseq']} {method}")):
            m.add(name, value)
        if method not in ("ACK", "BYE", "CANCEL"):
            m.add("Contact", self.contact())
        for name, value in fields.items():
            m.add(name.replace("_", "-"), value)
        if body:
            m.add("Content-Type", kind)
        m.body = body
        return m.add("Content-Length", str(len(body)))

    def response(self, request, status, reason=None, sdp=b"", kind="application/sdp", **fields):
        """A response as RFC 3261 8.2.6 and RFC 3581 say, with Contact where one is due."""
        vias = request.values("Via")
        top = re.sub(r";rport(?=;|$)", f";rport={request.source[1]}", vias[0])
        if host_of(top.split()[1])[0] != request.source[0] or top != vias[0]:
            top += f";received={request.source[0]}"
        m = Message(f"SIP/2.0 {status} {reason or REASONS.get(status, 'Because')}")
        for via in [top] + vias[1:]:
            m.add("Via", via)
        for route in request.values("Record-Route"):
            m.add("Record-Route", route)
        to = request.get("To")
        d = self.dialogs.get(request.get("Call-ID"), {})
        if status > 100 and ";tag=" not in to:
            d.setdefault("tag", f"t{self.case.number()}")
            to += ";tag=" + d["tag"]
        d["local"] = to
        for name, value in (("From", request.get("From")), ("To", to),
                            ("Call-ID", request.get("Call-ID")), ("CSeq", request.get("CSeq"))):
            m.add(name, value)
        if 100 < status < 300 and request.method in ("INVITE", "UPDATE", "SUBSCRIBE", "REFER"):
            m.add("Contact", self.contact())
        for name, value in fields.items():
            m.add(name.replace("_", "-"), value)
        if sdp:
            m.add("Content-Type", kind)
        m.body = sdp
        return m.add("Content-Length", str(len(sdp)))

    # What phones do

    def invite(self, uri, to, sdp=b"", **fields):
        return self.send(self.request("INVITE", uri, body=sdp, **fields), to)

    def reply_to(self, response):
        """Where a response goes (RFC 3261 18.2.2, RFC 3581 4)."""
        via = response.values("Via")[0]
        address, port = host_of(via.split()[1])
        received = re.search(r";received=([^;]+)", via)
        rport = re.search(r";rport=(\d+)", via)
        return received.group(1) if received else address, int(rport.group(1)) if rport else port

    def answer(self, request, status, reason=None, sdp=b"", **fields):
        """Send a response to a request that was received; returns it, to be sent again perhaps."""
        response = self.response(request, status, reason, sdp, **fields)
        return self.send(response, self.reply_to(response))

    def hop(self, message):
        """Where a request of a dialog goes: the first route, or the remote target."""
        routes = message.values("Route")
        return host_of(uri_of(routes[0]) if routes else message.uri)

    def ack(self, response, body=b"", to=None):
        """The ACK of a 2xx."""
        cseq = int(response.get("CSeq").split()[0])
        m = self.within("ACK", response, body, cseq=cseq)
        return self.send(m, to or self.hop(m))

    def ack_refusal(self, invite, response, to):
        """The ACK of a final response that is no 2xx: same branch, same place (RFC 3261 17.1.1.3)."""
        m = Message(invite.start.replace("INVITE", "ACK", 1), [("Via", invite.get("Via"))])
        m.add("Max-Forwards", "70").add("From", invite.get("From")).add("To", response.get("To"))
        m.add("Call-ID", invite.get("Call-ID"))
        m.add("CSeq", invite.get("CSeq").replace("INVITE", "ACK")).add("Content-Length", "0")
        return self.send(m, to)

    def cancel(self, invite, to):
        m = Message(invite.start.replace("INVITE", "CANCEL", 1), [("Via", invite.get("Via"))])
        m.add("Max-Forwards", "70").add("From", invite.get("From")).add("To", invite.get("To"))
        m.add("Call-ID", invite.get("Call-ID"))
        m.add("CSeq", invite.get("CSeq").replace("INVITE", "CANCEL")).add("Content-Length", "0")
        return self.send(m, to)

    def bye(self, call, to=None):
        m = self.within("BYE", call)
        return self.send(m, to or self.hop(m))

    def register(self, registrar, expires=3600, contact=None, **fields):
        """REGISTER with an agent as registrar."""
        m = self.request("REGISTER", f"sip:{written_of(registrar.address)}", **fields)
        aor = f"<sip:{self.user}@{written_of(registrar.address)}>"
        m.set("From", aor + ";tag=" + m.tag("From")).set("To", aor)
        if contact:
            m.set("Contact", contact)
        if expires is not None:
            m.add("Expires", str(expires))
        return self.send(m, registrar)


REASONS = {100: "Trying", 180: "Ringing", 183: "Session Progress", 200: "OK", 202: "Accepted",
           302: "Moved Temporarily", 401: "Unauthorized", 407: "Proxy Authentication Required",
           404: "Not Found", 422: "Session Interval Too Small", 423: "Interval Too Brief",
           481: "Call/Transaction Does Not Exist", 486: "Busy Here", 487: "Request Terminated",
           488: "Not Acceptable Here", 491: "Request Pending", 503: "Service Unavailable",
           603: "Decline"}
