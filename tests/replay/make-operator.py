#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes the captures of cases pcaps/voip-*: what an operator sees of calls.

    tests/replay/make-operator.py [CASE...]

What is listed and logged is in expected/; here the dialogues are played.
"""
import sys

sys.dont_write_bytecode = True

from calls import MEDIA, Pair
from sip import media_of


def registered(case, expires):
    phone, server = case.phone, case.server
    phone.register(server, expires=expires)
    request = server.receive("REGISTER")
    server.answer(request, 200, Contact=request.get("Contact"), Expires=str(expires))
    phone.receive(200)


def listing():
    case = Pair("voip-list")
    registered(case, 600)
    case.at(1)
    _, invite = case.offer(6000)
    case.reply(invite, 180)
    case.at(3)
    ok = case.reply(invite, 200, sdp=case.server.sdp(MEDIA), Session_Expires="1800;refresher=uas")
    case.phone.ack(ok)
    case.server.receive("ACK")
    case.talk(ok, invite=invite)
    case.at(6)
    case.server.rtp(MEDIA, media_of(invite), 0.2, 0.2)   # its mapping was cleared
    case.write()


def log():
    case = Pair("voip-log")
    phone, server = case.phone, case.server
    registered(case, 100)
    case.at(1)
    ok, _ = case.connect()
    case.at(2)
    sent = phone.request("INVITE", "sip:carol@198.51.100.5", body=phone.sdp(6010))
    phone.send(sent, server)
    server.nothing()                                      # beyond max-dialogs
    case.at(4)
    case.hang_up(phone, server, ok)
    case.at(10)
    sent, invite = case.offer(6020)
    case.refuse(sent, invite, 486)
    case.at(11)
    phone.send_bytes(b"INVITE sip:bob@198.51.100.5 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.20\r\n"
                     b"From: \"<sip:phone@10.0.0.20>\r\n\r\n", (server.address, server.port))
    server.nothing()
    case.write()


CASES = {"voip-list": listing, "voip-log": log}

for name in sys.argv[1:] or CASES:
    CASES[name]()
