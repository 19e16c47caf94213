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


def vip_sip_media_gateway():
    case = Case("vip-sip-media-gateway", 60)
    pbx = case.agent(PBX, 5060, "lan", user="pbx")
    gateway = case.agent("10.0.0.6", 4000, "lan", user="gateway")
    caller = case.agent(CALLER, 5060, "wan", user="caller")
    caller.invite(f"sip:100@{EXT}", (EXT, 5060), sdp=caller.sdp(6000))
    invite = pbx.receive("INVITE")
    pbx.answer(invite, 200, sdp=pbx.sdp(3000, address=gateway.address))
    ok = hides(caller.receive(200), PBX, gateway.address)
    assert media_of(ok) == ("203.0.113.11", 3000), media_of(ok)
    caller.ack(ok)
    pbx.receive("ACK")
    speak(caller, 6000, gateway, 3000, invite, ok)
    pbx.bye(invite)
    caller.answer(caller.receive("BYE"), 200)
    pbx.receive(200)
    # It calls out, and its gateway speaks again; for a host without VIP it may not speak.
    case.wait(1)
    invite = pbx.invite(f"sip:200@{CALLER}", caller, sdp=pbx.sdp(3002, address=gateway.address))
    there = hides(caller.receive("INVITE"), gateway.address)
    assert media_of(there) == ("203.0.113.11", 3002)
    caller.answer(there, 200, sdp=caller.sdp(6002))
    ok = pbx.receive(200)
    pbx.ack(ok)
    caller.receive("ACK")
    speak(gateway, 3002, caller, 6002, there, ok)
    pbx.bye(ok)
    caller.answer(caller.receive("BYE"), 200)
    pbx.receive(200)
    pbx.invite(f"sip:200@{CALLER}", caller, sdp=pbx.sdp(3004, address="10.0.0.7"))
    assert media_of(caller.receive("INVITE")) == ("10.0.0.7", 3004)
    case.write()


def vip_sip_media_ports():
    case = Case("vip-sip-media-ports", 60)
    pbx = case.agent(PBX, 5060, "lan", user="pbx")
    caller = case.agent(CALLER, 5060, "wan", user="caller")
    invite = call(caller, pbx, f"sip:100@{WAN}", (WAN, 5060), (6000, 30004), hidden=[PBX])
    assert media_of(invite) == (CALLER, 6000)
    # The offer of the PBX, and a port that nobody forwards.
    there = call(pbx, caller, f"sip:200@{CALLER}", caller, (30006, 6002))
    assert media_of(there) == (WAN, 20006), media_of(there)
    there = call(pbx, caller, f"sip:200@{CALLER}", caller, (7100, 6004))
    assert media_of(there) == (WAN, 7100), media_of(there)
    case.write()


def pbx_trunk():
    case = Case("pbx-trunk", 60)
    pbx = case.agent(PBX, 5060, "lan", user="pbx")
    server = case.agent(SERVER, 5060, "wan", user="server")
    pbx.register(server, expires=7200)
    register = hides(server.receive("REGISTER"), PBX)
    assert register.source == (WAN, 5060), register.source
    contact = uri_of(register.get("Contact"))
    server.answer(register, 200, Contact=register.get("Contact") + ";expires=7200")
    assert uri_of(pbx.receive(200).get("Contact")) == f"sip:pbx@{PBX}:5060"
    case.wait(3000)
    invite = call(server, pbx, contact, host_of(contact), hidden=[PBX])
    assert invite.uri == f"sip:pbx@{PBX}:5060", invite.uri
    call(pbx, server, f"sip:200@{SERVER}", server, (7010, 6010), ends="callee")
    # Somebody else calls the same address, by the VIP.
    other = case.agent(CALLER, 5060, "wan", user="other")
    call(other, pbx, f"sip:100@{WAN}", (WAN, 5060), (6020, 7020), hidden=[PBX])
    case.write()


def pbx_public_address():
    case = Case("pbx-public-address", 60)
    written(case, EXT)
    case.write()


def written(case, address):
    pbx = case.agent(PBX, 5060, "lan", user="pbx", written=(address, 5060))
    caller = case.agent(CALLER, 5060, "wan", user="caller")
    there = call(pbx, caller, f"sip:200@{CALLER}", caller, (7000, 6000), ends="callee")
    assert media_of(there) == (address, 7000)
    assert uri_of(there.get("Contact")) == f"sip:pbx@{address}:5060"
    caller.seen = len(caller.packets())
    caller.invite(f"sip:100@{address}", (address, 5060), sdp=caller.sdp(6010))
    invite = pbx.receive("INVITE")
    pbx.answer(invite, 200, sdp=pbx.sdp(7010))
    ok = caller.receive(200)
    assert media_of(ok) == (address, 7010)
    caller.ack(ok)
    pbx.receive("ACK")
    speak(caller, 6010, pbx, 7010, invite, ok)
    caller.bye(ok)
    bye = pbx.receive("BYE")
    pbx.answer(bye, 200)
    caller.receive(200)


def pbx_no_sdp_fixup():
    case = Case("pbx-no-sdp-fixup", 60)
    pbx = case.agent(PBX, 5060, "lan", user="pbx")
    caller = case.agent(CALLER, 5060, "wan", user="caller")
    caller.invite(f"sip:100@{EXT}", (EXT, 5060), sdp=caller.sdp(6000))
    invite = pbx.receive("INVITE")
    pbx.answer(invite, 200, sdp=pbx.sdp(7000, address=EXT))
    ok = hides(caller.receive(200), PBX)
    assert media_of(ok) == (EXT, 7000)
    caller.ack(ok)
    pbx.receive("ACK")
    speak(caller, 6000, pbx, 7000, invite, ok)
    caller.bye(ok)
    pbx.answer(pbx.receive("BYE"), 200)
    caller.receive(200)
    # Left alone even where it is wrong.
    pbx.invite(f"sip:200@{CALLER}", caller, sdp=pbx.sdp(7010))
    assert media_of(caller.receive("INVITE")) == (PBX, 7010)
    case.write()


def registered(case, server, *phones):
    """Each phone's public contact, as the registrar knows it."""
    contacts = []
    for phone in phones:
        phone.register(server)
        register = hides(server.receive("REGISTER"), phone.address)
        contacts.append(uri_of(register.get("Contact")))
        server.answer(register, 200, Contact=register.get("Contact") + ";expires=3600")
        phone.receive(200)
    return contacts


def sip_twice():
    case = Case("sip-twice", 60)
    proxy = case.agent(SERVER, 5060, "wan", user="proxy")
    alice = case.agent("10.0.0.20", 5060, "lan", user="alice")
    bob = case.agent("10.0.0.21", 5062, "lan", user="bob")
    uris = registered(case, proxy, alice, bob)
    through_proxy(proxy, alice, bob, uris[1])
    # The same phone calls itself: out by one dialog and in by the other half of it.
    alice.invite(f"sip:alice@{SERVER}", proxy, sdp=alice.sdp(6200))
    forward(proxy, proxy.receive("INVITE"), uris[0], host_of(uris[0]))
    invite = alice.receive("INVITE")
    alice.answer(invite, 486)
    backward(proxy, proxy.receive(486))
    alice.receive(486)
    case.write()


def sip_refer():
    case = Case("sip-refer", 60)
    server = case.agent(SERVER, 5060, "wan", user="server")
    alice = case.agent("10.0.0.20", 5060, "lan", user="alice")
    bob = case.agent("10.0.0.21", 5062, "lan", user="bob")
    registered(case, server, alice, bob)
    alice.invite(f"sip:200@{SERVER}", server, sdp=alice.sdp(6000))
    invite = server.receive("INVITE")
    server.answer(invite, 200, sdp=server.sdp(7000))
    ok = alice.receive(200)
    alice.ack(ok)
    server.receive("ACK")
    # Alice hands the call to her neighbour, by his inside address, in place of another call.
    replaces = "Replaces=77%4010.0.0.21%3Bto-tag%3D1%3Bfrom-tag%3D2"
    refer = alice.within("REFER", ok, Refer_To=f"<sip:bob@10.0.0.21:5062?{replaces}>",
                         Referred_By="<sip:alice@10.0.0.20>")
    alice.send(refer, server)
    there = server.receive("REFER")
    assert there.get("Refer-To") == f"<sip:bob@{WAN}:5062?{replaces}>", there.get("Refer-To")
    assert there.get("Referred-By") == f"<sip:alice@{WAN}>", there.get("Referred-By")
    answer = server.response(there, 202)
    answer.add("Refer-To", there.get("Refer-To"))
    server.send(answer, server.reply_to(answer))
    assert alice.receive(202).get("Refer-To") == refer.get("Refer-To")
    # What the server refers her to stays as it is: somebody outside, and her own contact.
    notify = server.within("NOTIFY", invite, Event="refer")
    server.send(notify, (WAN, 5060))
    alice.answer(alice.receive("NOTIFY"), 200)
    server.receive(200)
    refer = server.within("REFER", invite, Refer_To=f"<sip:alice@{WAN}:5060?{replaces}>",
                          Referred_By="<sip:carol@198.51.100.7>")
    server.send(refer, (WAN, 5060))
    there = alice.receive("REFER")
    assert there.get("Refer-To") == f"<sip:alice@10.0.0.20:5060?{replaces}>", there.get("Refer-To")
    assert there.get("Referred-By") == "<sip:carol@198.51.100.7>"
    alice.answer(there, 202)
    server.receive(202)
    alice.bye(ok)
    server.answer(server.receive("BYE"), 200)
    alice.receive(200)
    case.write()


FAR = "198.51.100.80"      # the far NAT


def contact_fixup():
    case = Case("contact-fixup", 60)
    pbx = case.agent(PBX, 5060, "lan", user="pbx")
    phone = case.agent(FAR, 40001, "wan", user="phone", written=("192.168.7.20", 5060))
    routed = phone.invite(f"sip:100@{EXT}", (EXT, 5060), sdp=phone.sdp(6000),
                          Record_Route=f"<sip:{FAR}:40001;lr>")
    invite = pbx.receive("INVITE")
    assert invite.get("Contact") == routed.get("Contact"), invite.get("Contact")
    pbx.answer(invite, 486)
    phone.receive(486)
    phone.invite(f"sip:100@{EXT}", (EXT, 5060), sdp=phone.sdp(6010))
    invite = pbx.receive("INVITE")
    assert uri_of(invite.get("Contact")) == f"sip:phone@{FAR}:40001", invite.get("Contact")
    pbx.answer(invite, 486)
    phone.receive(486)
    case.write()


def register_contact_trace():
    case = Case("register-contact-trace", 60)
    server = case.agent(SERVER, 5060, "wan", user="server")
    phone = case.agent("10.0.0.20", 5060, "lan", user="phone")
    sent = phone.register(server, contact="<sip:phone@10.0.0.20>;expires=600, "
                          "<sip:phone@192.0.2.9>;expires=60")
    there = server.receive("REGISTER")
    assert there.get("Contact") == (f'<sip:phone@{WAN}>;expires=600;o="10.0.0.20:5060", '
                                    "<sip:phone@192.0.2.9>;expires=60"), there.get("Contact")
    server.answer(there, 200, Contact=there.get("Contact"))
    assert phone.receive(200).get("Contact") == sent.get("Contact")
    case.write()


def direct(message, private):
    """The far phone's own address stands in From and To alone, where it names a person."""
    text = re.sub(r"(?m)^(From|To): .*$", "", message.bytes().decode())
    assert private not in text, text
    return message


def far_call(case, pbx, phone, audio, ports):
    """A call of a far phone to the PBX; its NAT sends audio from `audio`."""
    private, (own, theirs) = phone.written[0], ports
    phone.invite(f"sip:100@{EXT}", (EXT, 5060), sdp=phone.sdp(own))
    invite = direct(pbx.receive("INVITE"), private)
    assert media_of(invite) == (FAR, own), media_of(invite)
    assert uri_of(invite.get("Contact")) == f"sip:{phone.user}@{FAR}:{phone.port}"
    pbx.answer(invite, 180)
    ringing = phone.receive(180)
    assert host_of(ringing.values("Via")[0].split()[1]) == phone.written, ringing.get("Via")
    pbx.answer(invite, 200, sdp=pbx.sdp(theirs))
    ok = hides(phone.receive(200), PBX)
    phone.send(phone.within("ACK", ok, cseq=1), (EXT, 5060))
    direct(pbx.receive("ACK"), private)
    phone.rtp(audio, media_of(ok), seconds=0.1)
    assert heard(pbx, theirs, (FAR, audio)) == 5
    pbx.rtp(theirs, (FAR, audio), seconds=0.1)
    assert heard(phone, audio) == 5
    return invite, ok


def far_phones(case, pbx):
    phones = [case.agent(FAR, port, "wan", user=user, written=(inside, 5060))
              for user, port, inside in (("ann", 40001, "192.168.7.20"),
                                         ("ben", 40002, "192.168.7.21"))]
    for phone in phones:
        phone.send(phone.request("REGISTER", f"sip:{EXT}", Expires="600"), (EXT, 5060))
        register = direct(pbx.receive("REGISTER"), phone.written[0])
        assert uri_of(register.get("Contact")) == f"sip:{phone.user}@{FAR}:{phone.port}"
        pbx.answer(register, 200, Contact=register.get("Contact") + ";expires=600")
        phone.seen = [i for i, (_, _, dst, _) in enumerate(phone.packets())
                      if dst[1] == phone.port][-1]
        ok = phone.receive(200)
        assert uri_of(ok.get("Contact")) == f"sip:{phone.user}@{phone.written[0]}:5060"
    return phones


def hnt_call():
    case = Case("hnt-call", 60)
    pbx = case.agent(PBX, 5060, "lan", user="pbx")
    ann, ben = far_phones(case, pbx)
    ann.seen = ben.seen = len(ann.packets())
    invite, _ = far_call(case, pbx, ann, 50001, (6000, 7000))
    # Strangers who come later are not heard, and the latch holds.
    stranger = case.agent(CALLER, 9999, "wan", user="stranger")
    stranger.rtp(9999, (EXT, 7000), seconds=0.1)
    assert heard(pbx, 7000, (CALLER, 9999)) == 0
    # The phone's audio moves: a new answer opens the latch again.
    update = pbx.within("INVITE", invite, body=pbx.sdp(7000))
    ann.seen = len(ann.packets())
    pbx.send(update, pbx.hop(update))
    again = ann.receive("INVITE")
    assert again.uri == "sip:ann@192.168.7.20:5060", again.uri
    ann.answer(again, 200, sdp=ann.sdp(6100))
    ok = pbx.receive(200)
    assert media_of(ok) == (FAR, 6100)
    pbx.ack(ok)
    ann.receive("ACK")
    ann.rtp(50009, (EXT, 7000), seconds=0.1)
    assert heard(pbx, 7000, (FAR, 50009)) == 5
    pbx.bye(invite)
    bye = ann.receive("BYE")
    assert bye.uri == "sip:ann@192.168.7.20:5060", bye.uri
    ann.answer(bye, 200)
    pbx.receive(200)
    # The other phone behind that NAT.
    ben.seen = len(ben.packets())
    invite, ok = far_call(case, pbx, ben, 50101, (6000, 7100))
    ben.send(ben.within("BYE", ok), (EXT, 5060))
    pbx.answer(pbx.receive("BYE"), 200)
    ben.receive(200)
    case.write()


def hnt_restrict():
    case = Case("hnt-restrict", 60)
    pbx = case.agent(PBX, 5060, "lan", user="pbx")
    phone = case.agent(FAR, 40001, "wan", user="ann", written=("192.168.7.20", 5060))
    stranger = case.agent(CALLER, 9999, "wan", user="stranger")
    phone.invite(f"sip:100@{EXT}", (EXT, 5060), sdp=phone.sdp(6000))
    invite = pbx.receive("INVITE")
    pbx.answer(invite, 200, sdp=pbx.sdp(7000))
    ok = phone.receive(200)
    stranger.rtp(9999, media_of(ok), seconds=0.1)
    assert heard(pbx, 7000) == 0
    phone.rtp(50001, media_of(ok), seconds=0.1)
    assert heard(pbx, 7000, (FAR, 50001)) == 5
    phone.rtp(50002, media_of(ok), seconds=0.1)
    assert heard(pbx, 7000, (FAR, 50002)) == 0
    phone.send(phone.within("ACK", ok, cseq=1), (EXT, 5060))
    pbx.receive("ACK")
    pbx.bye(invite)
    phone.seen = len(phone.packets())
    case.write()


CASES = {f.__name__.replace("_", "-"): f for f in (
    vip_sip_call, vip_sip_forward, vip_sip_media_gateway, vip_sip_media_ports, pbx_trunk,
    pbx_public_address, pbx_no_sdp_fixup, sip_hairpin, sip_twice, sip_refer, sip_transparent,
    contact_fixup, register_contact_trace, hnt_call, hnt_restrict)}

if __name__ == "__main__":
    for name in sys.argv[1:] or CASES:
        CASES[name]()
