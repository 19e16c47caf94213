#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes the captures of cases pcaps/call-*: how each call ends, and when.

    tests/replay/make-call-ends.py [CASE...]

What a side must receive is asserted here, when the captures are made; what the firewall reports and
lists at which second is in expected/.
"""
import sys

sys.dont_write_bytecode = True

from calls import MEDIA, PHONE, RTP, Pair
from sip import media_of


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


def keepalive_long():
    case = Pair("call-keepalive-long")
    ok, invite = case.connect()
    case.talk(ok, invite=invite)
    case.at(250)
    case.server.rtp(MEDIA, media_of(invite), 0.2, 0.2)   # ends at 550
    assert case.heard(case.phone, RTP, 200) == 1
    case.at(552)
    case.server.rtp(MEDIA, media_of(invite), 0.2, 0.2)
    assert case.heard(case.phone, RTP, 552) == 0
    case.write()


def keepalive_second():
    case = Pair("call-keepalive-second")
    ok, invite = case.connect()
    case.talk(ok, invite=invite, seconds=3, interval=0.1)
    case.at(4.5)
    case.server.rtp(MEDIA, media_of(invite), 0.2, 0.2)
    assert case.heard(case.phone, RTP, 4) == 0
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
    again = case.agent(PHONE, 5060, "lan", user="phone")
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
    long_ringing, cancel, refused, session_expires, keepalive, keepalive_long, keepalive_second,
    max_idle, crash, no_bye, bye_refused, hard_limit, quiet_signalling)}

if __name__ == "__main__":
    for name in sys.argv[1:] or CASES:
        CASES[name]()
