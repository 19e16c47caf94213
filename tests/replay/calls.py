# SPDX-License-Identifier: BSD-3-Clause
"""What the generators of the cases pcaps/call-* and pcaps/ways-* share: who calls whom by which way
through the firewall, and what all calls have in common."""
import collections
import copy
import re

from sip import Agent, Case, media_of
from streams import Phone, Stream

PHONE, SERVER, WAN = "10.0.0.20", "198.51.100.5", "203.0.113.2"
RTP, MEDIA = 6000, 7000

# Who calls, who is called, and at which address and port (None: its own); `plain`: nobody is
# translated. All ways but the first are those of pcaps/ways-*/fw.conf.
Way = collections.namedtuple("Way", "caller callee called plain tcp",
                             defaults=(None, False, False))
WAYS = {
    "nat": Way(PHONE, SERVER),
    "plain": Way(PHONE, SERVER, plain=True),
    "plain-in": Way("198.51.100.12", "10.0.0.7", plain=True),
    "vip": Way("198.51.100.13", "10.0.0.5", ("203.0.113.10", 5060)),
    "forward": Way("198.51.100.14", "10.0.0.6", (WAN, 5070)),
    "tcp": Way("10.0.0.22", "198.51.100.15", tcp=True),
    "plain-tcp": Way("10.0.0.21", "198.51.100.16", plain=True, tcp=True),
    "vip-tcp": Way("198.51.100.17", "10.0.0.8", ("203.0.113.11", 5060), tcp=True),
    "forward-tcp": Way("198.51.100.18", "10.0.0.9", (WAN, 5070), tcp=True),
}
OTHERS = [name for name in WAYS if name not in ("nat", "plain")]


def side_of(address):
    return "lan" if address.startswith("10.") else "wan"


class Pair(Case):
    """
    A case with a phone that calls, a server that is called, and calls between them. One of them is
    inside (`inner`), the other one outside (`outer`).
    """

    def __init__(self, name, way="nat", **more):
        super().__init__(name, **more)
        self.by(way)

    def by(self, way):
        """From here on calls go this way."""
        self.way = WAYS[way]
        self.tcp = self.way.tcp
        self.phone = self.party(self.way.caller, 41000 if self.tcp else 5060, "phone")
        self.server = self.party(self.way.callee, 5060, "server1")
        self.called = self.way.called or (self.way.callee, 5060)
        self.inbound = self.server.side == "lan"
        ends = self.phone, self.server
        self.inner, self.outer = ends[::-1] if self.inbound else ends
        if self.tcp:
            Stream(self, self.phone, self.server, 41000, to=self.called)

    def restart(self):
        """Whoever is inside begins anew, with nothing of what it knew; over TCP by a new connection."""
        one = self.party(self.inner.address, self.inner.port, self.inner.user)
        one.seen = 0 if self.tcp else len(one.packets())
        if self.inbound:
            self.server = self.inner = one
        else:
            self.phone = self.inner = one
        if self.tcp:
            self.phone.port = self.phone.port + 1
            self.phone.written = (self.phone.address, self.phone.port)
            self.outer.seen = 0
            Stream(self, self.phone, self.server, self.phone.port, to=self.called)

    def party(self, address, port, user):
        one = (Phone if self.tcp else Agent)(self, address, port, side_of(address), user=user)
        one.plain = self.way.plain
        self.agents.append(one)
        return one

    def check(self, agent, payload):
        """Without translation all leaves as it came; with it nothing inside is shown outside."""
        if getattr(agent, "plain", self.way.plain):
            assert payload in self.said, f"{self.name}, {agent.user}: not as sent:\n{payload}"
        elif agent.side == "wan":
            shown = re.sub(rb"i=\(o=.*\)", b"", payload)     # nat-trace
            assert b"10.0.0." not in shown, f"{self.name}, {agent.user} sees:\n{payload}"

    def base(self, agent):
        """The first port of its media."""
        return RTP if agent is self.phone else MEDIA

    def sdp_at(self, agent, host):
        """Its description; the outer party's audio is at that host."""
        return agent.sdp(self.base(agent), address=host.address if agent is self.outer else None)

    def media(self, n):
        """The server's port in the nth of several calls: outside, one is enough for all."""
        return MEDIA + (10 * n if self.inbound else 0)

    @property
    def uri(self):
        address, port = self.called
        return f"sip:bob@{address}" + (f":{port}" if port != 5060 else "")

    def offer(self, rtp=RTP, phone=None, retry=None, **fields):
        """An INVITE (`retry`: of the same call as that one), as sent and as it came."""
        phone = phone or self.phone
        call_id = retry.get("Call-ID") if retry else None
        sent = phone.request("INVITE", self.uri, call_id, body=phone.sdp(rtp), **fields)
        if retry:
            sent.set("From", retry.get("From"))
        phone.send(sent, self.called)
        return sent, self.server.receive("INVITE")

    def reply(self, invite, status, phone=None, sdp=b"", **fields):
        """The server's response, as it came to the phone."""
        self.server.answer(invite, status, sdp=sdp, **fields)
        return (phone or self.phone).receive(status)

    def refuse(self, sent, invite, status, phone=None, **fields):
        """A refusal with its ACK."""
        phone = phone or self.phone
        response = self.reply(invite, status, phone, **fields)
        phone.ack_refusal(sent, response, self.called)
        self.server.receive("ACK")
        return response

    def connect(self, rtp=RTP, media=MEDIA, phone=None, ringing=0.0, **fields):
        """A call that is up: the 200 as the phone received it, the INVITE as the server did."""
        phone = phone or self.phone
        _, invite = self.offer(rtp, phone)
        if ringing:
            self.reply(invite, 180, phone)
            self.wait(ringing)
        ok = self.reply(invite, 200, phone, sdp=self.server.sdp(media), **fields)
        phone.ack(ok)
        self.server.receive("ACK")
        return ok, invite

    def talk(self, ok, rtp=RTP, invite=None, media=MEDIA, phone=None, seconds=1.0, interval=0.2):
        """RTP both ways, to where the two descriptions say."""
        begin = self.now
        (phone or self.phone).rtp(rtp, media_of(ok), seconds, interval)
        if invite:
            self.now = begin
            self.server.rtp(media, media_of(invite), seconds, interval)

    def both_hear(self, ok, rtp, invite, media):
        """RTP both ways; all of it arrives."""
        began = self.now
        self.talk(ok, rtp, invite, media)
        assert self.heard(self.server, media, began) == 5, f"{self.name}: the server heard less"
        assert self.heard(self.phone, rtp, began) == 5, f"{self.name}: the phone heard less"

    def knock(self, ok, rtp, invite, media, seconds=0.4):
        """RTP of the outer party alone; how much of it came in."""
        began = self.now
        if self.inbound:
            self.phone.rtp(rtp, media_of(ok), seconds, 0.2)
            return self.heard(self.server, media, began)
        self.server.rtp(media, media_of(invite), seconds, 0.2)
        return self.heard(self.phone, rtp, began)

    def again(self, offerer, answerer, call, rtp, answer=None, status=200, method="INVITE",
              **fields):
        """
        A request of the dialog with an offer, and its response. `rtp`: a port, or a description.
        Returns what the two sides received.
        """
        body = offerer.sdp(rtp) if isinstance(rtp, int) else rtp
        request = offerer.within(method, call, body=body, **fields)
        offerer.send(request, offerer.hop(request))
        came = answerer.receive(method)
        body = answerer.sdp(answer) if isinstance(answer, int) else answer or b""
        answerer.answer(came, status, sdp=body)
        response = offerer.receive(status)
        if method == "INVITE" and status < 300:
            offerer.ack(response)
            answerer.receive("ACK")
        elif method == "INVITE":
            offerer.ack_refusal(request, response, offerer.hop(request))
            answerer.receive("ACK")
        return response, came

    def fork(self, n):
        """
        One of those that ring. Without a way of its own it is a further dialog of the server, which
        receives for it.
        """
        if not (self.tcp or self.inbound):
            return self.agent(f"198.51.100.{61 + n}", 5060, "wan")
        one = copy.copy(self.server)
        one.dialogs, one.user = {}, f"fork{n}"
        return one

    def hang_up(self, who, other, call):
        """BYE and its 200."""
        who.bye(call)
        other.answer(other.receive("BYE"), 200)
        who.receive(200)

    def heard(self, agent, port, since):
        """How many datagrams came to a port of an agent since then."""
        return sum(1 for at, _, target, _ in agent.packets() if target[1] == port and at >= since)

    def ended(self, message, tail=60):
        """Why and when, in whole seconds, the call of that message ended, at most `tail` s later."""
        call_id = message.get("Call-ID")
        _, events = self.replay(tail)
        ends = [(e["reason"], int(e["time"])) for e in events
                if e["event"] == "dialog-ended" and e["call_id"] == call_id]
        assert len(ends) == 1, f"{self.name}: {call_id} ended {len(ends)} times"
        return ends[0]

    def leaves_nothing(self):
        """An hour later nothing is left of the calls."""
        _, events = self.replay(4000)
        n = collections.Counter(e["event"] for e in events)
        assert n["dialog-started"] == n["dialog-ended"], n
        assert n["mapping-opened"] == n["mapping-closed"], n
        assert n["session-created"] == n["session-ended"] + n["session-expired"], n


def play(name, kind, ways):
    """A case of one kind of call by several ways, one after the other."""
    case = Pair(name, ways[0])
    for way in ways:
        if way != ways[0]:
            case.part(4000)
            case.by(way)
        try:
            kind(case)
        except AssertionError as e:
            raise AssertionError(f"by {way}: {e}") from e
        if case.tcp:
            case.phone.close()
            case.server.nods()
            case.server.close()
            case.phone.nods()
            case.wait(1)
        case.leaves_nothing()
    case.write()
