#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes the captures of the cases about SIP over TCP (pcaps/sip-tcp-*, vip-sip-tcp, sip6-tcp,
helper-tcp).

    tests/replay/make-sip-tcp.py [CASE...]

What must hold is asserted on the way.
"""
import re
import sys

sys.dont_write_bytecode = True

from frames import ACK, PSH
from sip import Agent, Case, media_of
from streams import Phone, Stream, read_tcp

PHONE, SERVER, WAN = "10.0.0.20", "198.51.100.5", "203.0.113.2"
PBX, OTHER, EXT = "10.0.0.5", "10.0.0.6", "203.0.113.10"
PHONE6, SERVER6 = "2001:db8:1::20", "2001:db8:9::5"


def agents(name, sport=41000, **more):
    case = Case(name)
    phone = Phone(case, PHONE, sport, "lan", **more)
    server = Phone(case, SERVER, 5060, "wan", user="server")
    case.agents += [phone, server]
    return case, phone, server


def speak(case, phone, server, offer, answer):
    phone.rtp(6000, media_of(answer), seconds=0.1)
    server.rtp(7000, media_of(offer), seconds=0.1)
    for side, address in (("wan", SERVER), ("lan", PHONE)):
        n = sum(1 for s, _, d in case.run() if s == side and d[23] == 17 and
                ".".join(map(str, d[30:34])) == address)
        assert n == 5, f"{n} packets of audio came to {address}"


def call():
    """Head and body apart, two messages in a segment, half-closed at the end."""
    case, phone, server = agents("sip-tcp-call")
    stream = Stream(case, phone, server, 41000)
    invite = phone.request("INVITE", f"sip:bob@{SERVER}", body=phone.sdp(6000))
    head, body = invite.bytes().split(b"\r\n\r\n", 1)
    phone.say(head[:200], head[200:] + b"\r\n\r\n")
    assert stream.heard(server) == b"", "a message went on before it was whole"
    phone.say(body)
    offer = server.receive("INVITE")
    assert PHONE not in offer.bytes().decode(), offer.bytes().decode()
    phone.nods()
    ringing = server.response(offer, 180)
    ok = server.response(offer, 200, sdp=server.sdp(7000))
    ok.set("Content-Length", str(len(ok.body)))
    server.say(ringing.bytes() + ok.bytes())
    phone.receive(180)
    answer = phone.receive(200)
    phone.ack(answer)
    server.receive("ACK")
    speak(case, phone, server, offer, answer)
    phone.say(b"\r\n\r\n")
    assert stream.heard(server).endswith(b"\r\n\r\n\r\n\r\n"), "the keep-alive did not arrive"
    server.say(b"\r\n")
    phone.nods()
    phone.bye(answer)
    phone.close()
    bye = server.receive("BYE")
    assert stream.end(server).ended, "FIN did not follow"
    server.answer(bye, 200)
    phone.receive(200)
    server.close()
    phone.nods()
    case.wait(1)
    case.write()


def retransmit():
    """Lost on either side of the firewall, and out of order."""
    case, phone, server = agents("sip-tcp-retransmit")
    stream = Stream(case, phone, server, 41000)
    options = phone.request("OPTIONS", f"sip:{SERVER}").bytes()
    end = stream.end(phone)
    first = end.seq
    end.put(ACK | PSH, options[100:], seq=first + 100)
    assert stream.heard(server) == b""
    end.put(ACK | PSH, options[:150])
    case.wait(0.2)
    end.put(ACK | PSH, options, seq=first)      # its acknowledgement was lost
    end.seq = first + len(options)
    stream.heard(server, answer=False)
    case.wait(3.5)                              # the server's was, too: after 1 and 3 seconds again
    end.put(ACK)
    got = [s for s in (read_tcp(d) for side, _, d in case.run() if side == "wan") if s[5]]
    assert len(got) == 3 and len({s[2:] for s in got}) == 1, got
    request = server.receive("OPTIONS")
    stream.end(server).put(ACK)
    server.answer(request, 200)
    phone.receive(200)
    case.wait(1)
    case.write()


def not_sip():
    """Another protocol on the port goes through untouched, before and after that is known."""
    case, phone, server = agents("sip-tcp-not-sip")
    stream = Stream(case, phone, server, 41000)
    get = f"OPTIONS /{PHONE} HTTP/1.1\r\nHost: {PHONE}\r\n\r\n".encode()
    phone.say(get[:5], get[5:12], get[12:])
    assert stream.heard(server) == get
    server.say(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    assert stream.heard(phone).startswith(b"HTTP/1.1 200")
    phone.say(b"x" * 1400, b"y" * 1400)
    assert stream.heard(server) == get + b"x" * 1400 + b"y" * 1400
    phone.close()
    server.nods()
    server.close()
    phone.nods()
    case.wait(1)
    case.write()


def broken():
    """A length that nobody believes: both sides are reset."""
    case, phone, server = agents("sip-tcp-broken")
    stream = Stream(case, phone, server, 41000)
    phone.send(phone.request("OPTIONS", f"sip:{SERVER}"), server)
    server.receive("OPTIONS")
    bad = phone.request("OPTIONS", f"sip:{SERVER}").set("Content-Length", "4294967300").bytes()
    phone.say(bad)
    stream.heard(phone), stream.heard(server)
    assert stream.end(phone).reset and stream.end(server).reset
    case.wait(1)
    case.write()


def registered():
    """Registered over TCP: a call comes in by a connection of its own, to the port it listens on."""
    case, phone, server = agents("sip-tcp-registered", written=(PHONE, 5060))
    Stream(case, phone, server, 41000)
    phone.register(server, expires=600)
    request = server.receive("REGISTER")
    contact = request.get("Contact")
    assert re.search(r"@203\.0\.113\.2:\d+;transport=tcp", contact), contact
    server.answer(request, 200, Contact=contact + ";expires=600")
    back = phone.receive(200)
    assert f"@{PHONE}:5060;transport=tcp" in back.get("Contact"), back.get("Contact")
    case.wait(100)
    port = int(re.search(r":(\d+);transport", contact).group(1))
    phone.seen = server.seen = 0
    Stream(case, server, phone, 33000, to=(WAN, port))
    server.send(server.request("OPTIONS", re.search(r"<([^>]*)>", contact).group(1)), phone)
    asked = phone.receive("OPTIONS")
    assert asked.uri.startswith(f"sip:{phone.user}@{PHONE}:5060"), asked.uri
    phone.answer(asked, 200)
    server.receive(200)
    case.wait(1)
    case.write()


def packets_to(agent):
    """Packets of audio that came to an agent."""
    return sum(1 for _, _, _, payload in Agent.packets(agent) if payload[:1] == b"\x80")


def whole_call(caller, callee, uri, ports=(6000, 7000)):
    """Call, five packets of audio each way, hung up by who was called. The INVITE as it came."""
    sent = caller.send(caller.request("INVITE", uri, body=caller.sdp(ports[0])), callee)
    invite = callee.receive("INVITE")
    caller.nods()
    callee.answer(invite, 180)
    callee.answer(invite, 200, sdp=callee.sdp(ports[1]))
    caller.receive(180)
    ok = caller.receive(200)
    caller.ack(ok)
    callee.receive("ACK")
    callee.nods()
    for one, port, other, to in ((caller, ports[0], callee, ok), (callee, ports[1], caller, invite)):
        before = packets_to(other)
        one.rtp(port, media_of(to), seconds=0.1)
        assert packets_to(other) == before + 5, f"audio of {one.user}"
    callee.bye(invite)
    caller.answer(caller.receive("BYE"), 200)
    callee.receive(200)
    return sent, invite, ok


def by_vip():
    """To a PBX behind a static VIP, and to one by a forwarded port."""
    case = Case("vip-sip-tcp")
    pbx = Phone(case, PBX, 5060, "lan", user="pbx")
    caller = Phone(case, SERVER, 41000, "wan", user="caller")
    case.agents += [pbx, caller]
    Stream(case, caller, pbx, 41000, to=(EXT, 5060))
    _, invite, ok = whole_call(caller, pbx, f"sip:100@{EXT}")
    assert invite.uri == f"sip:100@{PBX}", invite.uri
    assert f"@{EXT}" in ok.get("Contact"), ok.get("Contact")
    assert media_of(ok) == (EXT, 7000), media_of(ok)

    other = Phone(case, OTHER, 5060, "lan", user="other")
    second = Phone(case, SERVER, 42000, "wan", user="second")
    case.agents += [other, second]
    Stream(case, second, other, 42000, to=(WAN, 5070))
    second.send(second.request("OPTIONS", f"sip:100@{WAN}:5070"), other)
    asked = other.receive("OPTIONS")
    assert asked.uri == f"sip:100@{OTHER}:5060", asked.uri
    other.answer(asked, 200, Contact=f"<sip:other@{OTHER}:5060;transport=tcp>")
    answer = second.receive(200)
    assert answer.get("Contact") == f"<sip:other@{WAN}:5070;transport=tcp>", answer.get("Contact")
    case.wait(1)
    case.write()


def by_six():
    """Over IPv6: not a byte of a message changes, audio comes by pinholes."""
    case = Case("sip6-tcp")
    phone = Phone(case, PHONE6, 41000, "lan", user="phone")
    server = Phone(case, SERVER6, 5060, "wan", user="server")
    case.agents += [phone, server]
    Stream(case, phone, server, 41000)
    sent, invite, _ = whole_call(phone, server, f"sip:bob@[{SERVER6}]")
    assert sent.bytes() == invite.bytes(), f"{sent.bytes()}\nbecame\n{invite.bytes()}"
    case.wait(1)
    case.write()


def by_helper():
    """A call of the session helper, which has an entry for TCP."""
    case, phone, server = agents("helper-tcp")
    Stream(case, phone, server, 41000)
    _, invite, _ = whole_call(phone, server, f"sip:bob@{SERVER}")
    assert media_of(invite)[0] == WAN and f"@{PHONE}" not in invite.get("Contact")
    case.wait(1)
    case.write()


CASES = {"sip-tcp-call": call, "sip-tcp-retransmit": retransmit, "sip-tcp-not-sip": not_sip,
         "sip-tcp-broken": broken, "sip-tcp-registered": registered,
         "vip-sip-tcp": by_vip, "sip6-tcp": by_six, "helper-tcp": by_helper}

if __name__ == "__main__":
    for name in sys.argv[1:] or CASES:
        CASES[name]()
