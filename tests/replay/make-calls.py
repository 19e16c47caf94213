#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes the captures of cases pcaps/call-* and pcaps/ways-*: what calls do while they live.

    tests/replay/make-calls.py [CASE...]

What a side must receive is asserted here, when the captures are made; what the firewall reports and
lists at which second is in expected/.
"""
import sys

sys.dont_write_bytecode = True

from calls import MEDIA, OTHERS, RTP, Pair, play
from sip import media_of


def speak(case, moved, near, asked, far):
    """RTP both ways after an offer of the inner party: what it and the outer one were told."""
    begin = case.now
    case.inner.rtp(near, media_of(moved), 1, 0.2)
    case.now = begin
    case.outer.rtp(far, media_of(asked), 1, 0.2)


def copies(case):
    """What is lost before the firewall is sent again as if new; what is lost behind it, alike."""
    phone, server = case.phone, case.server
    sent, invite = case.offer()
    case.wait(0.5)
    if not case.tcp:
        phone.send(sent, case.called)  # the 100 was lost
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
    if not case.tcp:
        phone.send(sent, case.called)  # a late copy of what is answered long since
        assert server.receive("INVITE").bytes() == invite.bytes()
    case.talk(ok, invite=invite)
    case.at(10)
    bye_sent = phone.bye(ok)
    bye = server.receive("BYE")
    bye_ok = server.answer(bye, 200)
    phone.receive(200)
    for at in () if case.tcp else (10.5, 11.5, 13.5, 17.5, 41.5):   # the 200 did not come
        case.at(at)
        phone.send(bye_sent, phone.hop(bye_sent))
        assert server.receive("BYE").bytes() == bye.bytes(), at
        server.send(bye_ok, server.reply_to(bye_ok))
        phone.receive(200)


def late_offer(case):
    phone, server = case.phone, case.server
    phone.invite(case.uri, case.called)
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


def prack(case):
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


def moves(case):
    """The inner party moves its media, then asks for a move that the outer one refuses."""
    inner, outer = case.inner, case.outer
    near, far = case.base(inner), case.base(outer)
    ok, invite = case.connect()
    case.talk(ok, invite=invite)
    case.at(2)
    told = {case.phone: ok, case.server: invite}
    moved, asked = case.again(inner, outer, told[inner], near + 10, far + 10)
    began = case.now
    speak(case, moved, near + 10, asked, far + 10)
    outer.rtp(far, media_of(told[outer]), 0.4, 0.2)  # the old port is closed to it
    assert case.heard(inner, near + 10, began) == 5 and case.heard(inner, near, began) == 0
    case.at(5)
    request = inner.within("INVITE", told[inner], body=inner.sdp(near + 20))
    inner.send(request, inner.hop(request))
    refused = outer.receive("INVITE")
    began = case.now
    speak(case, moved, near + 10, asked, far + 10)   # both are open while nobody knows
    outer.rtp(far + 10, media_of(refused), 0.2, 0.2)
    assert case.heard(inner, near + 10, began) == 5 and case.heard(inner, near + 20, began) == 1
    outer.answer(refused, 488)
    inner.ack_refusal(request, inner.receive(488), inner.hop(request))
    outer.receive("ACK")
    began = case.now
    speak(case, moved, near + 10, asked, far + 10)
    outer.rtp(far + 10, media_of(refused), 0.2, 0.2)
    assert case.heard(inner, near + 10, began) == 5 and case.heard(inner, near + 20, began) == 0
    case.at(8)
    case.hang_up(case.server, case.phone, invite)


def glare(case):
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
    outer, inner = case.outer, case.inner
    told = {server: came_out, phone: came_in}
    outer.rtp(case.base(outer), media_of(told[outer]), 0.2, 0.2)   # refused: closed
    assert case.heard(server, MEDIA, began) == case.heard(phone, RTP, began) == 5
    assert case.heard(inner, case.base(inner) + 10, began) == 0
    case.at(4)
    ok2, invite2 = case.again(phone, server, ok, RTP + 20, MEDIA + 20)
    case.at(5)
    ok3, invite3 = case.again(server, phone, invite, MEDIA + 30, RTP + 30)
    began = case.now
    case.talk(invite3, RTP + 30, ok3, MEDIA + 30)
    assert case.heard(server, MEDIA + 30, began) == case.heard(phone, RTP + 30, began) == 5
    told = {server: invite2, phone: ok2}
    outer.rtp(case.base(outer), media_of(told[outer]), 0.2, 0.2)
    assert case.heard(inner, case.base(inner) + 20, began) == 0
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


def hold(case):
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


def forking(case):
    """
    Three ring, each with a tag and media of its own: phones behind the server, or extensions of it.
    """
    phone, server = case.phone, case.server
    forks = [case.fork(n) for n in range(3)]
    ears = [server if fork.address == server.address else fork for fork in forks]
    ports = [7100 + (10 * n if ears[n] is server else n) for n in range(3)]
    _, invite = case.offer()
    early = []
    for fork, port in zip(forks, ports):   # through the server
        fork.dialogs[invite.get("Call-ID")] = {"cseq": 0, "routes": []}
        response = fork.response(invite, 183, sdp=fork.sdp(port))
        server.send(response, server.reply_to(response))
        early.append(phone.receive(183))
    for fork, port in zip(forks, ports):
        fork.rtp(port, media_of(invite), 0.4, 0.2)
    assert case.heard(phone, RTP, 0) == 6
    if case.inbound:                   # and each is spoken to
        for response, port in zip(early, ports):
            phone.rtp(RTP, media_of(response), 0.4, 0.2)
            assert case.heard(server, port, 0) == 2
    answers = []
    for fork, port in zip(forks[:2], ports):   # two pick up at once
        response = fork.response(invite, 200, sdp=fork.sdp(port))
        server.send(response, server.reply_to(response))
        answers.append(phone.receive(200))
    assert answers[0].tag("To") != answers[1].tag("To")
    for ok, fork, ear in zip(answers, forks, ears):
        phone.learn(ok)
        phone.ack(ok)
        ack = ear.receive("ACK")
        assert ack.tag("To") == ok.tag("To")
        fork.learn(ack)
    phone.learn(answers[1])
    case.wait(1)
    bye = phone.bye(answers[1])        # one is enough
    forks[1].answer(ears[1].receive("BYE"), 200)
    phone.receive(200)
    began = case.now
    phone.rtp(RTP, media_of(answers[0]), 1, 0.2)
    case.now = began
    forks[0].rtp(ports[0], media_of(invite), 1, 0.2)
    assert case.heard(forks[0], ports[0], began) == case.heard(phone, RTP, began) == 5
    case.at(6)
    phone.learn(answers[0])
    phone.dialogs[bye.get("Call-ID")]["cseq"] = 5
    phone.bye(answers[0])
    forks[0].answer(ears[0].receive("BYE"), 200)
    phone.receive(200)


def relay(case):
    """
    The outer party's audio is at a host of its own. The inner one speaks from where it listens and
    from elsewhere; who is outside reaches nothing but what the inner one named.
    """
    phone, server, inner = case.phone, case.server, case.inner
    near, away = case.base(inner), case.base(case.outer)
    host = case.agent("198.51.100.80", away, "wan", user="relay")
    other = case.agent("10.0.0.99", 161, "lan", user="other")
    sent = phone.request("INVITE", case.uri, body=case.sdp_at(phone, host))
    phone.send(sent, case.called)
    invite = server.receive("INVITE")
    ok = case.reply(invite, 200, sdp=case.sdp_at(server, host))
    phone.ack(ok)
    server.receive("ACK")
    to_host, to_inner = map(media_of, (invite, ok) if case.inbound else (ok, invite))
    assert to_host == (host.address, away)
    for one, port, to, ear in ((inner, near, to_host, host), (host, away, to_inner, inner),
                               (inner, near + 2000, to_host, host)):
        began = case.now
        one.rtp(port, to, 1, 0.2)
        assert case.heard(ear, near if ear is inner else away, began) == 5, f"{one.user} from {port}"
    assert {source[0] for _, source, _, _ in host.packets()} == {to_inner[0]}
    for one in (case.outer, host):
        one.rtp(away, (other.address, other.port), 0.4, 0.2)
        one.rtp(away, (to_inner[0], to_inner[1] + 2), 0.4, 0.2)
    assert not case.heard(other, other.port, 0) and not case.heard(inner, near + 2, 0)
    case.at(6)
    case.hang_up(server, phone, invite)


def policy_commit():
    """
    Calls by ways without and with translation, and in each either party speaks first. At 2 s and at
    4 s rules change under which all of them stay allowed: RTP goes on, by the same sessions.
    """
    case = Pair("call-policy-commit", "plain-in")
    case.commands = f"{case.folder}/commands.cli"
    streams, messages = [], []
    for way in ("plain-in", "plain", "vip", "forward", "tcp"):
        case.by(way)
        for n in (0, 20):
            ok, invite = case.connect(RTP + n, MEDIA + n)
            there = case.phone, RTP + n, media_of(ok), case.server, MEDIA + n
            back = case.server, MEDIA + n, media_of(invite), case.phone, RTP + n
            streams += [there, back] if n else [back, there]
            messages.append(ok)
    case.at(1)
    for speaker, port, to, _, _ in streams:
        case.now = round(case.now + 0.001, 6)
        began = case.now
        speaker.rtp(port, to, 5, 0.1)
        case.now = began
    case.at(6.5)
    for _, port, _, listener, ear in streams:
        assert case.heard(listener, ear, 0) == 50, \
            f"{listener.address} port {ear}: {case.heard(listener, ear, 0)}"
    _, events = case.replay(1)
    made = [e["src"] for e in events if e["event"] == "session-created" and not e["alg"]]
    assert len(made) == len(messages), made
    assert not [e for e in events if e["event"] in ("session-ended", "mapping-closed")]
    case.write()


KINDS = (copies, late_offer, prack, moves, glare, hold, forking)
CASES = {f"call-{kind.__name__.replace('_', '-')}": (kind, ["nat"]) for kind in KINDS}
# The same without address translation.
for kind in (copies, moves, hold, prack, forking):
    CASES[f"call-{kind.__name__}-plain"] = kind, ["plain"]
# And by all other ways; those that have no case of their own without translation, by that as well.
for kind in KINDS:
    name = kind.__name__.replace("_", "-")
    ways = OTHERS if f"call-{name}-plain" in CASES else ["plain"] + OTHERS
    CASES[f"ways-{name}"] = kind, ways
CASES["ways-relay"] = relay, ["plain"] + OTHERS


if __name__ == "__main__":
    for name in sys.argv[1:] or [*CASES, "call-policy-commit"]:
        if name in CASES:
            play(name, *CASES[name])
        else:
            policy_commit()
