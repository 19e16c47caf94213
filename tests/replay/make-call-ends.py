#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes the captures of cases pcaps/call-* and pcaps/ways-*: how each call ends, and when.

    tests/replay/make-call-ends.py [CASE...]

What a side must receive is asserted here, when the captures are made; what the firewall reports and
lists at which second is in expected/.
"""
import sys

sys.dont_write_bytecode = True

from calls import MEDIA, OTHERS, RTP, WAYS, play
from sip import media_of
from streams import Stream


def long_ringing(case):
    phone, server = case.phone, case.server
    _, answered = case.offer(6000)
    _, rings = case.offer(6010)        # ends 210 s after its 180 at 60
    _, silent = case.offer(6020)       # ends 210 s after its INVITE
    for at in (60, 120, 180):
        case.at(at)
        case.reply(answered, 180)
        if at == 60:
            case.reply(rings, 180)
    case.at(185)
    ok = case.reply(answered, 200, sdp=server.sdp(MEDIA))
    phone.ack(ok)
    server.receive("ACK")
    case.both_hear(ok, RTP, answered, MEDIA)
    case.at(388)
    case.hang_up(phone, server, ok)
    assert case.ended(silent) == ("provisional-expiry", 210)
    assert case.ended(rings) == ("provisional-expiry", 270)


def cancel(case):
    phone, server = case.phone, case.server
    early = server.sdp(MEDIA) if case.inbound else b""
    sent, invite = case.offer(6000)    # 487
    ringing = case.reply(invite, 180, sdp=early)
    if early:
        assert case.knock(ringing, 6000, invite, MEDIA) == 2
    case.at(1)
    phone.cancel(sent, case.called)
    server.answer(server.receive("CANCEL"), 200)
    phone.receive(200)
    assert case.knock(ringing, 6000, invite, MEDIA, 0.2) == 0
    case.at(3)
    case.refuse(sent, invite, 487)

    case.at(10)                        # a 200 crosses the CANCEL
    sent, invite = case.offer(6010)
    case.reply(invite, 180)
    case.at(11)
    phone.cancel(sent, case.called)
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
    phone.cancel(sent, case.called)
    server.answer(server.receive("CANCEL"), 200)
    phone.receive(200)


def refused(case):
    phone = case.phone
    elsewhere = case.server.address if case.inbound else "198.51.100.99"
    for n, status in enumerate((302, 404, 486, 503, 603)):
        sent, invite = case.offer(6000 + 10 * n)
        case.reply(invite, 100)
        more = {"Contact": f"<sip:bob@{elsewhere}>"} if status == 302 else {}
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


def session_expires(case):
    phone, server = case.phone, case.server
    uac, uas = {"Session_Expires": "300;refresher=uac"}, {"Session_Expires": "200;refresher=uas"}
    ok1, invite1 = case.connect(6000, case.media(0), **uac)      # nobody refreshes: 300 s
    ok2, invite2 = case.connect(6010, case.media(1), **uac)
    case.at(200)                                  # UPDATE, 200 s: until 400
    request = phone.within("UPDATE", ok2, Session_Expires="200;refresher=uac")
    phone.send(request, phone.hop(request))
    server.answer(server.receive("UPDATE"), 200, Session_Expires="200;refresher=uac")
    phone.receive(200)
    ok3, invite3 = case.connect(6020, case.media(2), **uas)      # until 400 ...
    case.at(300.5)
    request = server.within("INVITE", invite3, body=server.sdp(case.media(2)), **uas)
    server.send(request, server.hop(request))
    phone.answer(phone.receive("INVITE"), 200, sdp=phone.sdp(6020))   # ... then none at all
    ok = server.receive(200)
    server.ack(ok)
    phone.receive("ACK")
    assert case.knock(ok1, 6000, invite1, case.media(0)) == 0    # its ports are closed
    case.at(450)
    assert case.knock(ok2, 6010, invite2, case.media(1)) == 0
    case.both_hear(ok3, 6020, invite3, case.media(2))
    case.at(460)
    case.hang_up(server, phone, invite3)
    assert case.ended(invite1) == ("session-expires", 300)
    assert case.ended(invite2) == ("session-expires", 400)


def outer_rtp(case, ok, rtp, invite, media, seconds=0.1):
    """One packet of the outer party."""
    if case.inbound:
        case.phone.rtp(rtp, media_of(ok), seconds, seconds)
    else:
        case.server.rtp(media, media_of(invite), seconds, seconds)


def keepalive(case):
    phone, server = case.phone, case.server
    ok1, invite1 = case.connect(6000)
    ok2, invite2 = case.connect(6010, MEDIA + 10)
    case.at(1)
    outer_rtp(case, ok2, 6010, invite2, MEDIA + 10)
    case.at(40)                                   # last heard of at 40.5, until 100.5
    phone.rtp(6000, media_of(ok1), 1, 0.5)
    for at in (50, 100):                          # one way, every 50 s
        case.at(at)
        outer_rtp(case, ok2, 6010, invite2, MEDIA + 10)
    case.at(102)
    phone.bye(ok1)
    case.at(103)
    server.bye(invite1)
    server.nothing(), phone.nothing()
    case.at(150)
    outer_rtp(case, ok2, 6010, invite2, MEDIA + 10)
    case.at(170)
    case.hang_up(phone, server, ok2)
    assert case.ended(invite1)[0] == "call-keepalive" and case.ended(invite1)[1] in (100, 101)


def keepalive_long(case):
    ok, invite = case.connect()
    case.talk(ok, invite=invite)
    case.at(250)
    assert case.knock(ok, RTP, invite, MEDIA, 0.2) == 1          # ends at 550
    case.at(552)
    assert case.knock(ok, RTP, invite, MEDIA, 0.2) == 0


def keepalive_second(case):
    ok, invite = case.connect()
    case.talk(ok, invite=invite, seconds=3, interval=0.1)
    case.at(4.5)
    assert case.knock(ok, RTP, invite, MEDIA, 0.2) == 0


def max_idle(case):
    calls = []
    for n in range(4):
        if n:
            case.at(n)
        calls.append(case.connect(6000 + 10 * n, MEDIA + 10 * n))
    case.at(4)
    for at in range(4, 36, 4):                    # the oldest is spoken in
        case.at(at)
        ok, invite = calls[0]
        case.phone.rtp(6000, media_of(ok), 0.2, 0.2)
    case.at(38)
    case.hang_up(case.phone, case.server, calls[0][0])
    assert [case.ended(invite, 4000)[0] for _, invite in calls] == [
        "bye", "max-idle-dialogs", "max-idle-dialogs", "silence"]


def enrol(case, phone):
    """The phone registers, or it is a PBX that is called anyway."""
    if case.inbound:
        return
    phone.register(case.server)
    came = case.server.receive("REGISTER")
    case.server.answer(came, 200, Contact=came.get("Contact") + ";expires=3600")
    phone.receive(200)


def crash(case):
    """Whoever is inside crashes and comes back; the next call is between the same ports."""
    crashed = case.inner
    enrol(case, crashed)
    case.at(1)
    ok, invite = case.connect()
    case.talk(ok, invite=invite, seconds=4)       # then the power fails
    case.at(20)
    case.restart()
    enrol(case, case.inner)
    ok2, invite2 = case.connect()
    assert media_of(invite2) == media_of(invite) and media_of(ok2) == media_of(ok)
    for at in range(22, 140, 20):
        case.at(at)
        case.talk(ok2, RTP, invite2, seconds=0.2)
    assert case.heard(case.phone, RTP, 20) == case.heard(case.server, MEDIA, 20) == 6
    case.at(141)
    case.hang_up(case.phone, case.server, ok2)


def no_bye(case):
    phones = [case.phone]
    if case.way is WAYS["nat"]:
        phones = [case.agent(f"10.0.0.{n}", 5060, "lan") for n in range(21, 29)]
    for n, phone in enumerate(phones):
        case.connect(6000, MEDIA + 2 * n, phone=phone, ringing=0.1)
    case.offer(6100)                              # nobody answers
    sent, invite = case.offer(6110)               # a 200 without ACK
    case.reply(invite, 200, sdp=case.server.sdp(MEDIA + 100))


def bye_refused(case):
    phone, server = case.phone, case.server
    ok, invite = case.connect()
    case.at(2)
    phone.bye(ok)
    server.answer(server.receive("BYE"), 407, Proxy_Authenticate='Digest realm="x", nonce="y"')
    phone.receive(407)
    case.both_hear(ok, RTP, invite, MEDIA)
    case.at(4)
    phone.bye(ok)
    server.answer(server.receive("BYE"), 481)
    phone.receive(481)
    case.at(4.5)
    assert case.knock(ok, RTP, invite, MEDIA) == 2   # late packets
    case.at(10)
    assert case.knock(ok, RTP, invite, MEDIA) == 0


def hard_limit(case):
    ok, invite = case.connect()
    for at in range(1800, 43200 + 3600, 1800):
        case.at(at + int(case.tcp))               # its call began a little later
        outer_rtp(case, ok, RTP, invite, MEDIA, 0.2)
    came = case.heard(case.inner, case.base(case.inner), 0)
    assert came == 43200 // 1800 - 1 and case.ended(invite) == ("hard-limit", 43200)


def quiet_signalling(case):
    ok, invite = case.connect()
    for at in range(60, 7200, 60):
        case.at(at)
        case.talk(ok, invite=invite, seconds=0.2)
        if case.tcp and at % 900 == 0:            # RFC 5626 4.4.1
            case.phone.say(b"\r\n\r\n")
            case.server.nods()
    assert case.heard(case.server, MEDIA, 0) == case.heard(case.phone, RTP, 0) == 119
    case.at(7201)
    case.hang_up(case.server, case.phone, invite)


def redial(case):
    """An hour of speech ends the silent connection of its signalling; the BYE comes by another."""
    ok, invite = case.connect()
    for at in range(60, 4000, 60):
        case.at(at)
        case.talk(ok, invite=invite, seconds=0.2)
    case.at(4001)
    case.phone.seen = case.server.seen = 0
    Stream(case, case.phone, case.server, 41001, to=case.called)
    case.hang_up(case.phone, case.server, ok)
    assert case.ended(invite) == ("bye", 4001)


def direct(case):
    """A proxy brings the INVITE and does not stay in the path: what follows comes from elsewhere."""
    inner, proxy = case.inner, case.outer
    far = case.agent("198.51.100.60", 5060, "wan", user="far")
    if case.inbound:
        sent = far.request("INVITE", case.uri, body=far.sdp(RTP))
        sent.headers.insert(0, ("Via", proxy.via()))
        proxy.send(sent, case.called)
        invite = inner.receive("INVITE")
        inner.answer(invite, 200, sdp=inner.sdp(MEDIA))
        ok = proxy.receive(200)
        far.learn(ok)
    else:
        _, invite = case.offer()
        far.dialogs[invite.get("Call-ID")] = {"cseq": 0, "routes": []}
        response = far.response(invite, 200, sdp=far.sdp(MEDIA))
        proxy.send(response, proxy.reply_to(response))
        ok = inner.receive(200)
    caller, callee = (far, inner) if case.inbound else (inner, far)
    caller.ack(ok)
    ack = callee.receive("ACK")
    if callee is far:
        far.learn(invite)
        far.dialogs[invite.get("Call-ID")]["local"] = ack.get("To")
    told = {caller: ok, callee: invite}
    near, away = case.base(inner), case.base(proxy)
    spoken(case, inner, far, (near, told[inner]), (away, told[far]))
    case.at(3)
    response, came = case.again(far, inner, told[far], away + 10, near + 10)
    spoken(case, inner, far, (near + 10, came), (away + 10, response))
    case.at(6)
    case.hang_up(far, inner, told[far])
    assert case.ended(invite) == ("bye", 6)


def late_bye(case):
    """The host that is called says something when its session has idled out: it has no policy."""
    caller, pbx = case.phone, case.server
    ok, invite = case.connect()
    third, far = case.agent("10.0.0.30", 5060, "lan"), case.agent("198.51.100.99", 5060, "wan")
    for at in range(20, 400, 20):
        case.at(at)
        case.both_hear(ok, RTP, invite, MEDIA)
        if at == 200:
            case.again(pbx, caller, invite, b"", method="UPDATE")
    case.at(401)
    stray = third.request("OPTIONS", f"sip:x@{caller.address}")
    third.send(stray, (caller.address, caller.port))     # not the host of the call
    pbx.send(pbx.request("OPTIONS", f"sip:x@{far.address}"), far)
    pbx.send(pbx.request("OPTIONS", f"sip:x@{caller.address}:5062"), (caller.address, 5062))
    caller.nothing(), far.nothing()
    case.hang_up(pbx, caller, invite)
    assert case.ended(invite) == ("bye", 401)
    case.at(700)
    pbx.send(pbx.request("OPTIONS", f"sip:x@{caller.address}"), (caller.address, caller.port))
    caller.nothing()


def spoken(case, one, other, this, that):
    """RTP of two agents, each from its port to where it was told; all of it arrives."""
    began = case.now
    one.rtp(this[0], media_of(this[1]), 1, 0.2)
    other.rtp(that[0], media_of(that[1]), 1, 0.2)
    assert case.heard(one, this[0], began) == case.heard(other, that[0], began) == 5


KINDS = (long_ringing, cancel, refused, session_expires, keepalive, keepalive_long,
         keepalive_second, max_idle, crash, no_bye, bye_refused, hard_limit, quiet_signalling)
CASES = {f"call-{kind.__name__.replace('_', '-')}": (kind, ["nat"]) for kind in KINDS}
for kind in KINDS:
    if kind is not keepalive_second:
        CASES[f"ways-{kind.__name__.replace('_', '-')}"] = kind, ["plain"] + OTHERS
CASES["call-direct"] = direct, ["nat"]
CASES["ways-redial"] = redial, [way for way in OTHERS if WAYS[way].tcp]
CASES["ways-late-bye"] = late_bye, ["vip", "forward", "plain-in"]
CASES["ways-direct"] = direct, ["plain", "plain-in", "vip", "forward"]

if __name__ == "__main__":
    for name in sys.argv[1:] or CASES:
        play(name, *CASES[name])
