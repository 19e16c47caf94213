#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes the captures of the cases about VoIP profiles (pcaps/profile-*).

    tests/replay/make-profiles.py [CASE...]
"""
import sys

sys.dont_write_bytecode = True

from sip import Case

SERVER = ("198.51.100.5", 5060)
CASES = {}


def case(function):
    CASES[function.__name__.replace("_", "-")] = function
    return function


def sides(it):
    return it.agent("10.0.0.20", 5060, "lan"), it.agent("198.51.100.5", 5060, "wan")


def ask(phone, method, number, **fields):
    m = phone.request(method, "sip:bob@198.51.100.5", call_id=f"{method.lower()}-{number}")
    for name, value in fields.items():
        m.set(name.replace("_", "-").title(), value)
    phone.send(m, SERVER)
    return m


@case
def profile_respond(it):
    """Malformed and over-long requests are answered; the ACK of the answer goes no further."""
    phone, server = sides(it)
    ask(phone, "MESSAGE", 1, via="SIP/2.0/UDP 10.0.0.20:5060;branch=old;rport")
    phone.receive(400)
    invite = ask(phone, "INVITE", 1, expires="soon")
    refused = phone.receive(400)
    phone.ack_refusal(invite, refused, SERVER)
    server.nothing()
    ask(phone, "MESSAGE", 2, subject="x" * 1000)
    phone.receive(413)
    server.nothing()
    ask(phone, "MESSAGE", 3)
    server.answer(server.receive("MESSAGE"), 200)
    phone.receive(200)


@case
def profile_limits(it):
    """Three OPTIONS a second pass, blocked and unknown methods do not."""
    phone, server = sides(it)
    for number in range(5):
        ask(phone, "OPTIONS", number)
        it.wait(0.01)
    for _ in range(3):
        server.answer(server.receive("OPTIONS"), 200)
        phone.receive(200)
    server.nothing()
    for method in ("INFO", "NONSENSE"):
        ask(phone, method, 1)
    server.nothing()
    it.wait(1)
    ask(phone, "OPTIONS", 9)
    server.answer(server.receive("OPTIONS"), 200)
    phone.receive(200)


@case
def profile_strict(it):
    """The factory profile `strict` discards what `default` lets pass, and carries a call."""
    phone, server = sides(it)
    ask(phone, "MESSAGE", 1, max_forwards="300")
    ask(phone, "MESSAGE", 2, via="SIP/2.0/UDP 10.0.0.20:5060;branch=old;rport")
    server.nothing()
    phone.nothing()
    call = phone.invite("sip:bob@198.51.100.5", to=server, sdp=phone.sdp(6000))
    invite = server.receive("INVITE")
    server.answer(invite, 200, sdp=server.sdp(7000))
    phone.ack(phone.receive(200))
    server.receive("ACK")
    phone.bye(call)
    server.answer(server.receive("BYE"), 200)
    phone.receive(200)


def main():
    for name in sys.argv[1:] or CASES:
        it = Case(name)
        CASES[name](it)
        it.write()


main()
