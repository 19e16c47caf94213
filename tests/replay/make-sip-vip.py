#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes the captures of the cases about who is translated to what in SIP (pcaps/vip-sip-*, pbx-*,
sip-hairpin, sip-twice, sip-refer, sip-transparent, contact-fixup, register-contact-trace, hnt-*).

    tests/replay/make-sip-vip.py [CASE...]

Every message is answered as it came out of the firewall; what must hold is asserted on the way.
"""
import re
import sys

sys.dont_write_bytecode = True

from sip import Case, host_of, media_of, uri_of

SERVER, CALLER = "198.51.100.5", "198.51.100.9"
PBX, EXT, WAN = "10.0.0.5", "203.0.113.10", "203.0.113.2"


def heard(agent, port, source=None):
    """RTP packets that came to this port, perhaps only those from (address, port)."""
    return sum(1 for _, src, dst, payload in agent.packets()
               if dst[1] == port and payload[:1] == b"\x80" and source in (None, src))


def hides(message, *addresses):
    """None of these stands in the message, but where nat-trace has it."""
    text = re.sub(r"i=\(o=.*\)", "", message.bytes().decode())
    for address in addresses:
        assert address not in text, f"{address} in\n{text}"
    return message


def speak(a, a_port, b, b_port, offer, answer):
    """Audio both ways by what each side was told; everything arrives."""
    before = heard(a, a_port), heard(b, b_port)
    a.rtp(a_port, media_of(answer), seconds=0.1)
    b.rtp(b_port, media_of(offer), seconds=0.1)
    assert heard(b, b_port) == before[1] + 5, f"{b.user} heard {heard(b, b_port)}"
    assert heard(a, a_port) == before[0] + 5, f"{a.user} heard {heard(a, a_port)}"


def call(caller, callee, uri, to, ports=(6000, 7000), hidden=(), ends="caller", **fields):
    """A whole call from `caller` to `callee`, at `to`; returns the callee's INVITE."""
    caller.invite(uri, to, sdp=caller.sdp(ports[0]), **fields)
    invite = callee.receive("INVITE")
    callee.answer(invite, 180)
    hides(caller.receive(180), *hidden)
    callee.answer(invite, 200, sdp=callee.sdp(ports[1]))
    ok = hides(caller.receive(200), *hidden)
    caller.ack(ok)
    callee.receive("ACK")
    speak(caller, ports[0], callee, ports[1], invite, ok)
    if ends == "caller":
        caller.bye(ok)
        callee.answer(callee.receive("BYE"), 200)
        hides(caller.receive(200), *hidden)
    else:
        callee.bye(invite)
        caller.answer(hides(caller.receive("BYE"), *hidden), 200)
        callee.receive(200)
    return invite


def vip_sip_call():
    case = Case("vip-sip-call", 60)
    pbx = case.agent(PBX, 5060, "lan", user="pbx")
    caller = case.agent(CALLER, 5060, "wan", user="caller")
    invite = call(caller, pbx, f"sip:100@{EXT}", (EXT, 5060), hidden=[PBX])
    assert invite.uri == f"sip:100@{PBX}", invite.uri
    case.wait(1)
    call(caller, pbx, f"sip:100@{EXT}", (EXT, 5060), (6010, 7010), hidden=[PBX], ends="callee")
    # The PBX calls out by itself: the same address stands for it, and others may still call it.
    case.wait(1)
    server = case.agent(SERVER, 5060, "wan", user="server")
    invite = call(pbx, server, f"sip:200@{SERVER}", server, (7020, 6020))
    assert invite.source == (EXT, 5060), invite.source
    hides(invite, PBX)
    third = case.agent("198.51.100.77", 5060, "wan", user="third")
    call(third, pbx, f"sip:100@{EXT}", (EXT, 5060), (6030, 7030), hidden=[PBX])
    case.write()


def vip_sip_forward():
    case = Case("vip-sip-forward", 60)
    pbx = case.agent(PBX, 5060, "lan", user="pbx")
    caller = case.agent(CALLER, 5060, "wan", user="caller")
    invite = call(caller, pbx, f"sip:100@{WAN}:5070", (WAN, 5070), hidden=[PBX])
    assert invite.uri == f"sip:100@{PBX}:5060", invite.uri
    other = case.agent(SERVER, 5060, "wan", user="other")
    call(other, pbx, f"sip:100@{WAN}:5080", (WAN, 5080), (6010, 7010), hidden=[PBX], ends="callee")
    second = case.agent(PBX, 5061, "lan", user="second")
    second.seen = len(second.packets())
    call(other, second, f"sip:100@{WAN}:5081", (WAN, 5081), (6020, 7020), hidden=[PBX])
    # What it sends by itself leaves from where it is called.
    pbx.seen = len(pbx.packets())
    server = case.agent("198.51.100.6", 5060, "wan", user="server")
    invite = call(pbx, server, "sip:200@198.51.100.6", server, (7030, 6030))
    assert invite.source == (WAN, 5070), invite.source
    case.write()


def sip_hairpin():
    case = Case("sip-hairpin", 60)
    server = case.agent(SERVER, 5060, "wan", user="proxy")
    alice = case.agent("10.0.0.20", 5060, "lan", user="alice")
    bob = case.agent("10.0.0.21", 5062, "lan", user="bob")
    contacts = {}
    for phone in (alice, bob):
        phone.register(server)
        register = hides(server.receive("REGISTER"), phone.address)
        contacts[phone] = register.get("Contact")
        server.answer(register, 200, Contact=register.get("Contact") + ";expires=3600")
        phone.receive(200)
    # To the public contact of the other: what each reads is public.
    uri = uri_of(contacts[bob])
    invite = call(alice, bob, uri, host_of(uri), hidden=[bob.address])
    hides(invite, alice.address)
    assert invite.source[0] == WAN
    invite = call(bob, alice, uri_of(contacts[alice]), host_of(uri_of(contacts[alice])),
                  (7010, 6010), hidden=[alice.address], ends="callee")
    hides(invite, bob.address)
    # Through the proxy, which stays in the path of the signalling.
    case.wait(1)
    through_proxy(server, alice, bob, uri_of(contacts[bob]))
    case.write()


def forward(proxy, request, uri, to):
    """A proxy passes a request on (RFC 3261 16.6), staying in the path."""
    own = f"{proxy.address}:{proxy.port}"
    request.start = f"{request.method} {uri} SIP/2.0"
    via = f"SIP/2.0/UDP {own};branch=z9hG4bK-p{proxy.case.number()}"
    top = request.headers[0][1].replace(";rport", f";rport={request.source[1]}")
    request.headers[0] = ("Via", f"{top};received={request.source[0]}")
    request.headers.insert(0, ("Via", via))
    routes = [v for v in request.values("Route") if own not in v]
    request.set("Route", None)
    for route in routes:
        request.add("Route", route)
    if request.method == "INVITE":
        request.headers.insert(1, ("Record-Route", f"<sip:{own};lr>"))
    return proxy.send(request, to)


def backward(proxy, response):
    """A proxy passes a response back."""
    vias = response.all("Via")
    response.headers.remove(("Via", vias[0]))
    return proxy.send(response, proxy.reply_to(response))


def through_proxy(proxy, alice, bob, uri):
    alice.invite(f"sip:bob@{proxy.address}", proxy, sdp=alice.sdp(6100))
    forward(proxy, proxy.receive("INVITE"), uri, host_of(uri))
    invite = hides(bob.receive("INVITE"), alice.address)
    bob.answer(invite, 200, sdp=bob.sdp(7100))
    backward(proxy, proxy.receive(200))
    ok = hides(alice.receive(200), bob.address)
    alice.ack(ok)
    ack = proxy.receive("ACK")
    forward(proxy, ack, ack.uri, host_of(ack.uri))
    bob.receive("ACK")
    speak(alice, 6100, bob, 7100, invite, ok)
    bob.bye(invite)
    bye = proxy.receive("BYE")
    forward(proxy, bye, bye.uri, host_of(bye.uri))
    alice.answer(alice.receive("BYE"), 200)
    backward(proxy, proxy.receive(200))
    bob.receive(200)


def sip_transparent():
    case = Case("sip-transparent", 60)
    pbx = case.agent(PBX, 5060, "lan", user="pbx")
    caller = case.agent(CALLER, 5060, "wan", user="caller")
    call(caller, pbx, f"sip:100@{PBX}", pbx)
    call(pbx, caller, f"sip:200@{CALLER}", caller, (7010, 6010), ends="callee")
    # The other side begins again, and from another place.
    other = case.agent(SERVER, 5060, "wan", user="other")
    call(other, pbx, f"sip:100@{PBX}", pbx, (6020, 7020), ends="callee")
    call(pbx, other, f"sip:200@{SERVER}", other, (7030, 6030))
    case.write()


CASES = {f.__name__.replace("_", "-"): f for f in (
    vip_sip_call, vip_sip_forward, sip_hairpin, sip_transparent)}

if __name__ == "__main__":
    for name in sys.argv[1:] or CASES:
        CASES[name]()
