#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes the captures of cases pcaps/call-*: what calls do while they live.

    tests/replay/make-calls.py [CASE...]

What a side must receive is asserted here, when the captures are made; what the firewall reports and
lists at which second is in expected/.
"""
import functools
import sys

sys.dont_write_bytecode = True

from calls import MEDIA, RTP, SERVER, Pair
from sip import media_of


def copies(name="call-copies"):
    """What is lost before the firewall is sent again as if new; what is lost behind it, alike."""
    case = Pair(name)
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


def prack(name="call-prack"):
    case = Pair(name)
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


def moves(name="call-moves"):
    case = Pair(name)
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


def hold(name="call-hold"):
    case = Pair(name)
    phone, server = case.phone, case.server
    ok, invite = case.connect()
    case.talk(ok, invite=invite)
    first = media_of(invite)
    resumed = 10
    for held, back in ((phone.sdp(RTP, "sendonly"), server.sdp(MEDIA, "recvonly")),
                       (phone.sdp(RTP, "inactive"), server.sdp(MEDIA, "inactive")),
                       (phone.sdp(RTP, address="0.0.0.0"), server.sdp(MEDIA))):
        case.at(resumed)
        case.again(phone, server, ok, held, back)
        case.at(resumed + 400)
        ok, invite = case.again(phone, server, ok, RTP, MEDIA)
        assert media_of(invite) == first
        began = case.now
        case.talk(ok, invite=invite)
        assert case.heard(server, MEDIA, began) == case.heard(phone, RTP, began) == 5
        resumed = case.now + 20
    case.at(resumed)                  # and the other side holds, in a way of its own
    case.again(server, phone, ok, server.sdp(MEDIA, "sendonly"), phone.sdp(RTP, "recvonly"))
    case.wait(200)
    case.hang_up(server, phone, ok)
    case.write()


def forking(name="call-forking"):
    case = Pair(name)
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


CASES = {f"call-{f.__name__.replace('_', '-')}": f for f in (
    copies, late_offer, prack, moves, glare, hold, forking)}
# The same without address translation.
for maker in (copies, moves, hold, prack, forking):
    plain = f"call-{maker.__name__}-plain"
    CASES[plain] = functools.partial(maker, plain)


if __name__ == "__main__":
    for name in sys.argv[1:] or CASES:
        CASES[name]()
