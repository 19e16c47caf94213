#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes the captures of the cases pcaps/call-*: how calls live and how each of them ends.

    tests/replay/make-calls.py [CASE...]

What a side must receive is asserted here, when the captures are made; what the firewall reports and
lists at which second is in expected/.
"""
import sys

sys.dont_write_bytecode = True

from sip import Case, media_of

PHONE, SERVER = "10.0.0.20", "198.51.100.5"
RTP, MEDIA = 6000, 7000


class Pair(Case):
    """A case with a phone inside, a server outside, and calls between them."""

    def __init__(self, name, **more):
        super().__init__(name, **more)
        self.phone = self.agent(PHONE, 5060, "lan")
        self.server = self.agent(SERVER, 5060, "wan")

    def offer(self, rtp=RTP, phone=None, retry=None, **fields):
        """An INVITE (`retry`: of the same call as that one), as sent and as it came."""
        phone = phone or self.phone
        call_id = retry.get("Call-ID") if retry else None
        sent = phone.request("INVITE", f"sip:bob@{SERVER}", call_id, body=phone.sdp(rtp), **fields)
        if retry:
            sent.set("From", retry.get("From"))
        phone.send(sent, self.server)
        return sent, self.server.receive("INVITE")

    def reply(self, invite, status, phone=None, sdp=b"", **fields):
        """The server's response, as it came to the phone."""
        self.server.answer(invite, status, sdp=sdp, **fields)
        return (phone or self.phone).receive(status)

    def refuse(self, sent, invite, status, phone=None, **fields):
        """A refusal with its ACK."""
        phone = phone or self.phone
        response = self.reply(invite, status, phone, **fields)
        phone.ack_refusal(sent, response, self.server)
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

    def hang_up(self, who, other, call):
        """BYE and its 200."""
        who.bye(call)
        other.answer(other.receive("BYE"), 200)
        who.receive(200)

    def heard(self, agent, port, since):
        """How many datagrams came to a port of an agent since then."""
        return sum(1 for at, _, target, _ in agent.packets() if target[1] == port and at >= since)


def copies():
    """What is lost before the firewall is sent again as if new; what is lost behind it, alike."""
    case = Pair("call-copies")
    phone, server = case.phone, case.server
    sent, invite = case.offer()
    case.wait(0.5)
    phone.send(sent, server)           # the 100 was lost
    twin = server.receive("INVITE")
    assert twin.bytes() == invite.bytes()
    ringing = server.answer(invite, 180)
    phone.receive(180)
    ok_sent = server.answer(invite, 200, sdp=server.sdp(MEDIA))
    ok = phone.receive(200)
    case.wait(0.5)
    server.send(ok_sent, server.reply_to(ok_sent))   # the ACK was lost
    assert phone.receive(200).bytes() == ok.bytes()
    ack = phone.ack(ok)
    came = server.receive("ACK")
    case.wait(0.5)
    phone.send(ack, phone.hop(ack))
    assert server.receive("ACK").bytes() == came.bytes()
    server.send(ringing, server.reply_to(ringing))   # overtaken
    phone.receive(180)
    case.at(4)
    phone.send(sent, server)           # a late copy of what is answered long since
    assert server.receive("INVITE").bytes() == invite.bytes()
    case.talk(ok, invite=invite)
    case.at(10)
    bye_sent = phone.bye(ok)
    bye = server.receive("BYE")
    bye_ok = server.answer(bye, 200)
    phone.receive(200)
    for at in (10.5, 11.5, 13.5, 17.5, 41.5):   # the 200 did not come to the phone
        case.at(at)
        phone.send(bye_sent, phone.hop(bye_sent))
        assert server.receive("BYE").bytes() == bye.bytes(), at
        server.send(bye_ok, server.reply_to(bye_ok))
        phone.receive(200)
    case.write()


def late_offer():
    case = Pair("call-late-offer")
    phone, server = case.phone, case.server
    phone.invite(f"sip:bob@{SERVER}", to=server)
    server.answer(server.receive("INVITE"), 200, sdp=server.sdp(MEDIA))
    ok = phone.receive(200)
    phone.ack(ok, body=phone.sdp(RTP))
    ack = server.receive("ACK")
    case.talk(ok, invite=ack)
    case.at(2)                         # now the phone is asked for an offer
    request = server.within("INVITE", ack)
    server.send(request, server.hop(request))
    phone.answer(phone.receive("INVITE"), 200, sdp=phone.sdp(RTP + 10))
    ok2 = server.receive(200)
    server.ack(ok2, body=server.sdp(MEDIA + 10))
    ack2 = phone.receive("ACK")
    began = case.now
    case.talk(ack2, RTP + 10, ok2, MEDIA + 10)
    assert case.heard(server, MEDIA + 10, began) == case.heard(phone, RTP + 10, began) == 5
    case.at(5)
    case.hang_up(server, phone, ok2)
    case.write()


def prack():
    case = Pair("call-prack")
    phone, server = case.phone, case.server
    _, invite = case.offer(Supported="100rel, timer")
    early = case.reply(invite, 183, sdp=server.sdp(MEDIA), Require="100rel", RSeq="1")
    case.talk(early, invite=invite)    # announcements
    request = phone.within("PRACK", early, body=phone.sdp(RTP + 2), RAck="1 1 INVITE")
    phone.send(request, phone.hop(request))
    came = server.receive("PRACK")
    server.answer(came, 200, sdp=server.sdp(MEDIA + 2))
    moved = phone.receive(200)
    case.talk(moved, RTP + 2, came, MEDIA + 2)
    ringing = case.reply(invite, 180, Require="100rel", RSeq="2")
    request = phone.within("PRACK", ringing, RAck="2 1 INVITE")
    phone.send(request, phone.hop(request))
    server.answer(server.receive("PRACK"), 200)
    phone.receive(200)
    case.at(4)                         # the server moves its early media, the phone answers
    response, came = case.again(server, phone, invite, MEDIA + 4, RTP + 4, method="UPDATE")
    began = case.now
    case.talk(came, RTP + 4, response, MEDIA + 4)
    assert case.heard(server, MEDIA + 4, began) == case.heard(phone, RTP + 4, began) == 5
    ok = case.reply(invite, 200)
    phone.ack(ok)
    server.receive("ACK")
    began = case.now
    case.talk(came, RTP + 4, response, MEDIA + 4)
    assert case.heard(server, MEDIA + 4, began) == case.heard(phone, RTP + 4, began) == 5
    case.at(8)
    case.hang_up(phone, server, ok)
    case.write()


def long_ringing():
    case = Pair("call-long-ringing")
    phone, server = case.phone, case.server
    _, answered = case.offer(6000)
    _, rings = case.offer(6010)        # ends 210 s after its 180 at 60
    case.offer(6020)                   # ends 210 s after its INVITE
    for at in (60, 120, 180):
        case.at(at)
        case.reply(answered, 180)
        if at == 60:
            case.reply(rings, 180)
    case.at(185)
    ok = case.reply(answered, 200, sdp=server.sdp(MEDIA))
    phone.ack(ok)
    server.receive("ACK")
    case.talk(ok, invite=answered)
    case.at(388)
    case.hang_up(phone, server, ok)
    case.write()


def moves():
    case = Pair("call-moves")
    phone, server = case.phone, case.server
    ok, invite = case.connect()
    case.talk(ok, invite=invite)
    case.at(2)
    ok2, invite2 = case.again(phone, server, ok, RTP + 10, MEDIA + 10)
    began = case.now
    case.talk(ok2, RTP + 10, invite2, MEDIA + 10)
    server.rtp(MEDIA, media_of(invite), 0.4, 0.2)  # the old port is closed to the server
    assert case.heard(phone, RTP + 10, began) == 5 and case.heard(phone, RTP, began) == 0
    case.at(5)
    request = phone.within("INVITE", ok, body=phone.sdp(RTP + 20))
    phone.send(request, phone.hop(request))
    refused = server.receive("INVITE")
    began = case.now
    case.talk(ok2, RTP + 10, invite2, MEDIA + 10)  # both are open while nobody knows
    server.rtp(MEDIA + 10, media_of(refused), 0.2, 0.2)
    assert case.heard(phone, RTP + 10, began) == 5 and case.heard(phone, RTP + 20, began) == 1
    server.answer(refused, 488)
    phone.ack_refusal(request, phone.receive(488), phone.hop(request))
    server.receive("ACK")
    began = case.now
    case.talk(ok2, RTP + 10, invite2, MEDIA + 10)
    server.rtp(MEDIA + 10, media_of(refused), 0.2, 0.2)
    assert case.heard(phone, RTP + 10, began) == 5 and case.heard(phone, RTP + 20, began) == 0
    case.at(8)
    case.hang_up(server, phone, invite)
    case.write()


def glare():
    case = Pair("call-glare")
    phone, server = case.phone, case.server
    ok, invite = case.connect()
    case.at(2)
    mine = phone.within("INVITE", ok, body=phone.sdp(RTP + 10))
    theirs = server.within("INVITE", invite, body=server.sdp(MEDIA + 10))
    phone.send(mine, phone.hop(mine))
    server.send(theirs, server.hop(theirs))
    came_out, came_in = server.receive("INVITE"), phone.receive("INVITE")
    server.answer(came_out, 491)
    phone.answer(came_in, 491)
    phone.ack_refusal(mine, phone.receive(491), phone.hop(mine))
    server.ack_refusal(theirs, server.receive(491), server.hop(theirs))
    server.receive("ACK"), phone.receive("ACK")
    began = case.now
    case.talk(ok, invite=invite)
    server.rtp(MEDIA, media_of(came_out), 0.2, 0.2)   # refused: closed
    assert case.heard(server, MEDIA, began) == case.heard(phone, RTP, began) == 5
    assert case.heard(phone, RTP + 10, began) == 0
    case.at(4)
    ok2, invite2 = case.again(phone, server, ok, RTP + 20, MEDIA + 20)
    case.at(5)
    ok3, invite3 = case.again(server, phone, invite, MEDIA + 30, RTP + 30)
    began = case.now
    case.talk(invite3, RTP + 30, ok3, MEDIA + 30)
    assert case.heard(server, MEDIA + 30, began) == case.heard(phone, RTP + 30, began) == 5
    server.rtp(MEDIA, media_of(invite2), 0.2, 0.2)
    assert case.heard(phone, RTP + 20, began) == 0
    case.at(8)
    # Both at once, and the one that came first is granted: what the other asked for closes.
    mine = phone.within("INVITE", ok, body=phone.sdp(RTP + 40))
    theirs = server.within("INVITE", invite, body=server.sdp(MEDIA + 40))
    phone.send(mine, phone.hop(mine))
    server.send(theirs, server.hop(theirs))
    came_out, came_in = server.receive("INVITE"), phone.receive("INVITE")
    server.answer(came_out, 200, sdp=server.sdp(MEDIA + 50))
    phone.answer(came_in, 491)
    ok4 = phone.receive(200)
    server.ack_refusal(theirs, server.receive(491), server.hop(theirs))
    phone.ack(ok4)
    server.receive("ACK"), phone.receive("ACK")
    began = case.now
    case.talk(ok4, RTP + 40, came_out, MEDIA + 50)
    assert case.heard(server, MEDIA + 50, began) == case.heard(phone, RTP + 40, began) == 5
    case.at(12)
    case.hang_up(phone, server, ok4)
    case.write()


def hold():
    case = Pair("call-hold")
    phone, server = case.phone, case.server
    ok, invite = case.connect()
    case.talk(ok, invite=invite)
    resumed = 10
    for held, back in ((phone.sdp(RTP, "sendonly"), server.sdp(MEDIA, "recvonly")),
                       (phone.sdp(RTP, "inactive"), server.sdp(MEDIA, "inactive")),
                       (phone.sdp(RTP, address="0.0.0.0"), server.sdp(MEDIA))):
        case.at(resumed)
        case.again(phone, server, ok, held, back)
        case.at(resumed + 400)
        ok, invite = case.again(phone, server, ok, RTP, MEDIA)
        assert media_of(invite) == ("203.0.113.2", RTP)
        began = case.now
        case.talk(ok, invite=invite)
        assert case.heard(server, MEDIA, began) == case.heard(phone, RTP, began) == 5
        resumed = case.now + 20
    case.at(resumed)                  # and the other side holds, in a way of its own
    case.again(server, phone, ok, server.sdp(MEDIA, "sendonly"), phone.sdp(RTP, "recvonly"))
    case.wait(200)
    case.hang_up(server, phone, ok)
    case.write()


def forking():
    case = Pair("call-forking")
    phone, server = case.phone, case.server
    forks = [case.agent("198.51.100.%d" % n, 5060, "wan") for n in (61, 62, 63)]
    _, invite = case.offer()
    early = []
    for n, fork in enumerate(forks):   # through the server, each with a tag and media of its own
        fork.dialogs[invite.get("Call-ID")] = {"cseq": 0, "routes": []}
        response = fork.response(invite, 183, sdp=fork.sdp(7100 + n))
        server.send(response, server.reply_to(response))
        early.append(phone.receive(183))
    for n, fork in enumerate(forks):
        fork.rtp(7100 + n, media_of(invite), 0.4, 0.2)
    assert case.heard(phone, RTP, 0) == 6
    answers = []
    for n in (0, 1):                   # two pick up at once
        response = forks[n].response(invite, 200, sdp=forks[n].sdp(7100 + n))
        server.send(response, server.reply_to(response))
        answers.append(phone.receive(200))
    assert answers[0].tag("To") != answers[1].tag("To")
    for ok, fork in zip(answers, forks):
        phone.learn(ok)
        phone.ack(ok)
        fork.learn(fork.receive("ACK"))
    phone.learn(answers[1])
    case.wait(1)
    bye = phone.bye(answers[1])        # one is enough
    forks[1].answer(forks[1].receive("BYE"), 200)
    phone.receive(200)
    began = case.now
    phone.rtp(RTP, media_of(answers[0]), 1, 0.2)
    case.now = began
    forks[0].rtp(7100, media_of(invite), 1, 0.2)
    assert case.heard(forks[0], 7100, began) == case.heard(phone, RTP, began) == 5
    case.at(6)
    phone.learn(answers[0])
    phone.dialogs[bye.get("Call-ID")]["cseq"] = 5
    phone.bye(answers[0])
    forks[0].answer(forks[0].receive("BYE"), 200)
    phone.receive(200)
    case.write()


def cancel():
    case = Pair("call-cancel")
    phone, server = case.phone, case.server
    sent, invite = case.offer(6000)    # 487
    case.reply(invite, 180)
    case.at(1)
    phone.cancel(sent, server)
    server.answer(server.receive("CANCEL"), 200)
    phone.receive(200)
    server.rtp(MEDIA, media_of(invite), 0.2, 0.2)
    assert case.heard(phone, 6000, 0) == 0
    case.at(3)
    case.refuse(sent, invite, 487)

    case.at(10)                        # a 200 crosses the CANCEL
    sent, invite = case.offer(6010)
    case.reply(invite, 180)
    case.at(11)
    phone.cancel(sent, server)
    ok = case.reply(invite, 200, sdp=server.sdp(MEDIA))
    phone.ack(ok)
    server.answer(server.receive("CANCEL"), 481)
    server.receive("ACK")
    phone.receive(481)
    case.at(12)
    case.hang_up(phone, server, ok)

    case.at(20)                        # no final response
    sent, invite = case.offer(6020)
    case.reply(invite, 180)
    case.at(21)
    phone.cancel(sent, server)
    server.answer(server.receive("CANCEL"), 200)
    phone.receive(200)
    case.write()


def refused():
    case = Pair("call-refused")
    phone = case.phone
    for n, status in enumerate((302, 404, 486, 503, 603)):
        sent, invite = case.offer(6000 + 10 * n)
        case.reply(invite, 100)
        more = {"Contact": "<sip:bob@198.51.100.99>"} if status == 302 else {}
        case.refuse(sent, invite, status, **more)
    case.at(5)                         # three times again, with the same ports
    ports, sent = set(), None
    for cseq, status in enumerate((401, 407, 422), 1):
        sent, invite = case.offer(6100, retry=sent)
        assert sent.get("CSeq") == f"{cseq} INVITE"
        ports.add(media_of(invite))
        case.refuse(sent, invite, status)
        case.wait(1)
    sent, invite = case.offer(6100, retry=sent)
    ports.add(media_of(invite))
    assert len(ports) == 1
    ok = case.reply(invite, 200, sdp=case.server.sdp(MEDIA))
    phone.ack(ok)
    case.server.receive("ACK")
    case.talk(ok, 6100, invite)
    case.at(21)
    case.hang_up(phone, case.server, ok)
    case.write()


def session_expires():
    case = Pair("call-session-expires")
    phone, server = case.phone, case.server
    uac, uas = {"Session_Expires": "300;refresher=uac"}, {"Session_Expires": "200;refresher=uas"}
    ok1, invite1 = case.connect(6000, **uac)      # nobody refreshes: 300 s
    ok2, invite2 = case.connect(6010, **uac)
    case.at(200)                                  # UPDATE, 200 s: until 400
    request = phone.within("UPDATE", ok2, Session_Expires="200;refresher=uac")
    phone.send(request, phone.hop(request))
    server.answer(server.receive("UPDATE"), 200, Session_Expires="200;refresher=uac")
    phone.receive(200)
    ok3, invite3 = case.connect(6020, **uas)      # until 400 ...
    case.at(300.5)
    request = server.within("INVITE", invite3, body=server.sdp(MEDIA), **uas)
    server.send(request, server.hop(request))
    phone.answer(phone.receive("INVITE"), 200, sdp=phone.sdp(6020))   # ... then none at all
    ok = server.receive(200)
    server.ack(ok)
    phone.receive("ACK")
    server.rtp(MEDIA, media_of(invite1), 0.4, 0.2)  # its ports are closed
    assert case.heard(phone, 6000, 300) == 0
    case.at(450)
    server.rtp(MEDIA, media_of(invite2), 0.4, 0.2)
    assert case.heard(phone, 6010, 450) == 0
    case.talk(ok3, 6020, invite3)
    assert case.heard(phone, 6020, 450) == 5
    case.at(460)
    case.hang_up(server, phone, invite3)
    case.write()


def keepalive():
    case = Pair("call-keepalive")
    phone, server = case.phone, case.server
    ok1, invite1 = case.connect(6000)
    ok2, invite2 = case.connect(6010, MEDIA + 10)
    case.at(1)
    server.rtp(MEDIA + 10, media_of(invite2), 0.1, 0.1)
    case.at(40)                                   # last heard of at 40.5, until 100.5
    phone.rtp(6000, media_of(ok1), 1, 0.5)
    for at in (50, 100):                          # one way, every 50 s
        case.at(at)
        server.rtp(MEDIA + 10, media_of(invite2), 0.1, 0.1)
    case.at(102)
    phone.bye(ok1)
    case.at(103)
    server.bye(invite1)
    server.nothing(), phone.nothing()
    case.at(150)
    server.rtp(MEDIA + 10, media_of(invite2), 0.1, 0.1)
    case.at(170)
    case.hang_up(phone, server, ok2)
    case.write()


def max_idle():
    case = Pair("call-max-idle")
    calls = []
    for n in range(4):
        case.at(n)
        calls.append(case.connect(6000 + 10 * n, MEDIA + 10 * n))
    case.at(4)
    for at in range(4, 36, 4):                    # the oldest is spoken in
        case.at(at)
        ok, invite = calls[0]
        case.phone.rtp(6000, media_of(ok), 0.2, 0.2)
    case.at(38)
    case.hang_up(case.phone, case.server, calls[0][0])
    case.write()


def crash():
    case = Pair("call-crash")
    phone, server = case.phone, case.server
    phone.register(server)
    came = server.receive("REGISTER")
    server.answer(came, 200, Contact=came.get("Contact") + ";expires=3600")
    phone.receive(200)
    case.at(1)
    ok, invite = case.connect()
    case.talk(ok, invite=invite, seconds=4)       # then the power fails
    case.at(20)
    again = case.agent(PHONE, 5060, "lan", user="phone0")
    again.seen = len(again.packets())
    again.register(server)
    came = server.receive("REGISTER")
    server.answer(came, 200, Contact=came.get("Contact") + ";expires=3600")
    again.receive(200)
    ok2, invite2 = case.connect(phone=again)      # from the same ports
    assert media_of(invite2) == media_of(invite)
    for at in range(22, 140, 20):
        case.at(at)
        case.talk(ok2, RTP, invite2, phone=again, seconds=0.2)
    assert case.heard(phone, RTP, 20) == 6
    case.at(141)
    again.bye(ok2)
    server.answer(server.receive("BYE"), 200)
    again.receive(200)
    case.write()


def no_bye():
    case = Pair("call-no-bye")
    phones = [case.agent(f"10.0.0.{n}", 5060, "lan") for n in range(21, 29)]
    for n, phone in enumerate(phones):
        case.connect(6000, MEDIA + 2 * n, phone=phone, ringing=0.1)
    case.offer(6100)                              # nobody answers
    sent, invite = case.offer(6110)               # a 200 without ACK
    case.reply(invite, 200, sdp=case.server.sdp(MEDIA + 100))
    case.write()


def bye_refused():
    case = Pair("call-bye-refused")
    phone, server = case.phone, case.server
    ok, invite = case.connect()
    case.at(2)
    phone.bye(ok)
    server.answer(server.receive("BYE"), 407, Proxy_Authenticate='Digest realm="x", nonce="y"')
    phone.receive(407)
    began = case.now
    case.talk(ok, invite=invite)
    assert case.heard(server, MEDIA, began) == case.heard(phone, RTP, began) == 5
    case.at(4)
    phone.bye(ok)
    server.answer(server.receive("BYE"), 481)
    phone.receive(481)
    case.at(4.5)
    server.rtp(MEDIA, media_of(invite), 0.4, 0.2)   # late packets
    assert case.heard(phone, RTP, 4.5) == 2
    case.at(10)
    server.rtp(MEDIA, media_of(invite), 0.4, 0.2)
    assert case.heard(phone, RTP, 10) == 0
    case.write()


def hard_limit():
    case = Pair("call-hard-limit")
    ok, invite = case.connect()
    for at in range(1800, 43200 + 3600, 1800):
        case.at(at)
        case.server.rtp(MEDIA, media_of(invite), 0.2, 0.2)
    assert case.heard(case.phone, RTP, 0) == 43200 // 1800 - 1
    case.write()


def quiet_signalling():
    case = Pair("call-quiet-signalling")
    ok, invite = case.connect()
    for at in range(60, 7200, 60):
        case.at(at)
        case.talk(ok, invite=invite, seconds=0.2)
    assert case.heard(case.server, MEDIA, 0) == case.heard(case.phone, RTP, 0) == 119
    case.at(7201)
    case.hang_up(case.server, case.phone, invite)
    case.write()


CASES = {f"call-{f.__name__.replace('_', '-')}": f for f in (
    copies, late_offer, prack, long_ringing, moves, glare, hold, forking, cancel, refused,
    session_expires, keepalive, max_idle, crash, no_bye, bye_refused, hard_limit,
    quiet_signalling)}

if __name__ == "__main__":
    for name in sys.argv[1:] or CASES:
        CASES[name]()
