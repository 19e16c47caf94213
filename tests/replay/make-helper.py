#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes the captures of the cases about the SIP session helper (pcaps/helper-*).

    tests/replay/make-helper.py [CASE...]
"""
import sys

sys.dont_write_bytecode = True

from calls import MEDIA, PHONE, RTP, Pair
from sip import media_of

CARRIER = "198.51.100.6"
CASES = {}


def case(function):
    CASES[function.__name__.replace("_", "-")] = function
    return function


@case
def helper_call(it):
    """A registration and a call with audio both ways, through source NAT, by the helper."""
    phone, server = it.phone, it.server
    phone.register(server, expires=600)
    request = server.receive("REGISTER")
    assert PHONE not in request.get("Contact")
    server.answer(request, 200, Contact=request.get("Contact"), Expires="600")
    phone.receive(200)
    it.at(1)
    ok, invite = it.connect(ringing=0.5)
    assert media_of(invite)[0] != PHONE
    begin = it.now
    it.talk(ok, invite=invite)
    assert it.heard(phone, RTP, begin) == it.heard(server, MEDIA, begin) == 5
    it.at(5)
    it.hang_up(server, phone, ok)
    it.at(6)
    phone.send(phone.request("NONSENSE", "sip:bob@198.51.100.5"), server)
    server.receive("NONSENSE")                      # `default` would block it


def untouched(it, server, since):
    """A call nobody reads: the private address goes out, and no audio comes back to it."""
    phone = it.phone
    sent = phone.invite(f"sip:bob@{server.address}", server, sdp=phone.sdp(RTP + 10))
    invite = server.receive("INVITE")
    assert invite.bytes() == sent.bytes() and media_of(invite)[0] == PHONE
    server.answer(invite, 200, sdp=server.sdp(MEDIA + 10))
    ok = phone.receive(200)
    phone.ack(ok)
    server.receive("ACK")
    it.at(since)
    it.talk(ok, RTP + 10, None, MEDIA + 10)
    server.rtp(MEDIA + 10, media_of(invite), 1, 0.2)
    assert it.heard(phone, RTP + 10, since) == 0
    assert it.heard(server, MEDIA + 10, since) == 5
    phone.bye(ok)
    server.answer(server.receive("BYE"), 200)
    phone.receive(200)


@case
def helper_deleted(it):
    """The same without its entry: nothing is translated, and the phone hears nothing."""
    untouched(it, it.server, 1)


@case
def helper_service(it):
    """A service with `helper disable`: the helper reads what goes to one server, not to the other."""
    carrier = it.agent(CARRIER, 5070, "wan")
    ok, invite = it.connect()
    it.talk(ok, invite=invite)
    assert it.heard(it.phone, RTP, 0) == 5
    it.hang_up(it.phone, it.server, ok)
    it.at(4)
    untouched(it, carrier, 5)


@case
def helper_switch(it):
    """The mode changes at 2 s and sessions are cleared at 5 s: the session keeps its engine so long."""
    for at in (0, 3, 6):
        it.at(at)
        it.phone.send(it.phone.request("OPTIONS", "sip:bob@198.51.100.5"), it.server)
        it.server.answer(it.server.receive("OPTIONS"), 200)
        it.phone.receive(200)


def main():
    for name in sys.argv[1:] or CASES:
        it = Pair(name)
        CASES[name](it)
        it.write()


main()
