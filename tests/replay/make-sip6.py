#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes the captures of the cases pcaps/sip6-*: SIP over IPv6, where nothing is translated.

    tests/replay/make-sip6.py [CASE...]

A message must come out as it went in; only SIP has a policy, so that all audio needs a pinhole.
"""
import struct
import sys

sys.dont_write_bytecode = True

from frames6 import FRAGMENT, from_lan6, from_wan6, udp6
from sip import Case, host_of, media_of

PHONE, SERVER = "2001:db8:1::20", "2001:db8:9::5"
RELAY, STRANGER = "2001:db8:9::7", "2001:db8:9::66"


def same(sent, got):
    """Not a byte was changed."""
    assert sent.bytes() == got.bytes(), f"{sent.bytes()}\nbecame\n{got.bytes()}"
    return got


def heard(agent, port):
    return sum(1 for _, _, dst, payload in agent.packets()
               if dst[1] == port and payload[:1] == b"\x80")


def speak(one, port, to, passes=True):
    """Five packets of audio from `port` to (agent, port); they pass, or none does."""
    other, other_port = to
    before = heard(other, other_port)
    one.rtp(port, (other.address, other_port), seconds=0.1)
    assert heard(other, other_port) == before + 5 * passes, f"{one.user} to {other.user}"


def skip(*agents):
    """What came so far is no matter of theirs: agents of one address hear each other."""
    for one in agents:
        one.seen = len(one.packets())


def rtcp(one, port, to):
    other, other_port = to
    before = heard(other, other_port)
    one.send_bytes(struct.pack(">BBHI", 0x80, 200, 6, 0x1000) + bytes(20),
                   (other.address, other_port), sport=port)
    assert heard(other, other_port) == before + 1, f"RTCP from {one.user}"


def sip6_call():
    case = Case("sip6-call", 60)
    phone = case.agent(PHONE, 5060, "lan", user="phone")
    server = case.agent(SERVER, 5060, "wan", user="server")
    relay = case.agent(RELAY, 7000, "wan", user="relay")
    speak(relay, 7000, (phone, 6000), passes=False)
    speak(phone, 6000, (relay, 7000), passes=False)

    # Out, with the audio of the other side at a relay; the server hangs up.
    sent = phone.invite(f"sip:bob@[{SERVER}]", server, sdp=phone.sdp(6000))
    invite = same(sent, server.receive("INVITE"))
    server.answer(invite, 100)
    server.answer(invite, 180)
    phone.receive(100)
    phone.receive(180)
    speak(relay, 7000, (phone, 6000))       # what the phone offered it must take (RFC 3264 5.1)
    server.answer(invite, 200, sdp=server.sdp(7000, address=RELAY))
    ok = phone.receive(200)
    assert media_of(ok) == (RELAY, 7000)
    same(phone.ack(ok), server.receive("ACK"))
    speak(phone, 6000, (relay, 7000))
    speak(relay, 7000, (phone, 6000))
    rtcp(phone, 6001, (relay, 7001))
    rtcp(relay, 7001, (phone, 6001))
    speak(relay, 7000, (phone, 6002), passes=False)
    case.wait(1)
    server.bye(invite)
    phone.answer(phone.receive("BYE"), 200)
    server.receive(200)
    case.wait(10)
    speak(relay, 7000, (phone, 6000), passes=False)
    speak(phone, 6000, (relay, 7000), passes=False)

    # In, over the flow that the phone has opened; it is on hold for five minutes.
    sent = server.invite(f"sip:phone@[{PHONE}]:5060", phone, sdp=server.sdp(7010))
    invite = same(sent, phone.receive("INVITE"))
    phone.answer(invite, 200, sdp=phone.sdp(6010))
    ok = server.receive(200)
    same(server.ack(ok), phone.receive("ACK"))
    speak(server, 7010, (phone, 6010))
    speak(phone, 6010, (server, 7010))
    again = phone.send(phone.within("INVITE", invite, body=phone.sdp(6010, "sendonly")), server)
    server.answer(same(again, server.receive("INVITE")), 200, sdp=server.sdp(7010, "recvonly"))
    phone.ack(phone.receive(200))
    server.receive("ACK")
    case.wait(300)
    speak(server, 7010, (phone, 6010))
    phone.bye(invite)
    server.answer(server.receive("BYE"), 200)
    phone.receive(200)
    case.write()


def sip6_inbound():
    """Called from outside, with the audio of the caller at a relay: nothing else comes in by it."""
    case = Case("sip6-inbound", 60)
    pbx = case.agent(PHONE, 5060, "lan", user="pbx")
    caller = case.agent(SERVER, 5060, "wan", user="caller")
    relay = case.agent(RELAY, 7000, "wan", user="relay")
    other = case.agent("2001:db8:1::99", 161, "lan", user="other")
    sent = caller.invite(f"sip:bob@[{PHONE}]", pbx, sdp=caller.sdp(7000, address=RELAY))
    invite = same(sent, pbx.receive("INVITE"))
    speak(relay, 7000, (pbx, 6000), passes=False)
    ok = same(pbx.answer(invite, 200, sdp=pbx.sdp(6000)), caller.receive(200))
    same(caller.ack(ok), pbx.receive("ACK"))
    speak(pbx, 6000, (relay, 7000))
    speak(relay, 7000, (pbx, 6000))
    rtcp(relay, 7001, (pbx, 6001))
    for one in (relay, caller):
        speak(one, 7000, (other, 161), passes=False)
        speak(one, 7000, (pbx, 6002), passes=False)
    case.wait(300)
    again = pbx.within("INVITE", invite, body=pbx.sdp(6010))
    pbx.send(again, caller)
    caller.answer(same(again, caller.receive("INVITE")), 200, sdp=caller.sdp(7010))
    moved = pbx.receive(200)
    pbx.ack(moved)
    caller.receive("ACK")
    speak(pbx, 6010, (caller, 7010))
    speak(caller, 7010, (pbx, 6010))
    speak(relay, 7000, (pbx, 6000), passes=False)
    caller.bye(ok)
    pbx.answer(pbx.receive("BYE"), 200)
    caller.receive(200)
    case.wait(10)
    speak(caller, 7010, (pbx, 6010), passes=False)
    case.write()


def sip6_register():
    """A phone that listens on another port than it sends from; called 50 minutes later."""
    case = Case("sip6-register", 60)
    phone = case.agent(PHONE, 5062, "lan", user="phone")
    listens = case.agent(PHONE, 5070, "lan", user="listens")
    registrar = case.agent(SERVER, 5060, "wan", user="registrar")
    stranger = case.agent(STRANGER, 5060, "wan", user="stranger")
    contact = f"<sip:phone@[{PHONE}]:5070>"
    stranger.invite(f"sip:phone@[{PHONE}]:5070", (PHONE, 5070))
    listens.nothing()

    sent = phone.register(registrar, expires=3600, contact=contact)
    request = same(sent, registrar.receive("REGISTER"))
    registrar.answer(request, 200, Contact=contact + ";expires=3600")
    phone.receive(200)
    skip(listens)
    case.wait(3000)
    stranger.invite(f"sip:phone@[{PHONE}]:5070", (PHONE, 5070))
    listens.nothing()
    sent = registrar.invite(f"sip:phone@[{PHONE}]:5070", (PHONE, 5070), sdp=registrar.sdp(7000))
    invite = same(sent, listens.receive("INVITE"))
    listens.answer(invite, 200, sdp=listens.sdp(6000))
    registrar.ack(registrar.receive(200))
    listens.receive("ACK")
    speak(registrar, 7000, (phone, 6000))
    speak(phone, 6000, (registrar, 7000))
    listens.bye(invite)
    registrar.answer(registrar.receive("BYE"), 200)
    listens.receive(200)

    # Gone: expires=0 from the phone.
    skip(phone)
    sent = phone.register(registrar, expires=None, contact=contact + ";expires=0")
    registrar.answer(same(sent, registrar.receive("REGISTER")), 200)
    phone.receive(200)
    skip(listens)
    case.wait(300)
    registrar.invite(f"sip:phone@[{PHONE}]:5070", (PHONE, 5070))
    listens.nothing()
    case.write()


def pieces(packet, number, size=1232):
    """The fragments of a packet without extension headers."""
    out = []
    for at in range(0, len(packet) - 40, size):
        body = packet[40 + at:40 + at + size]
        more = at + size < len(packet) - 40
        out.append(packet[:4] + struct.pack(">HB", 8 + len(body), FRAGMENT) + packet[7:40] +
                   struct.pack(">BBHI", packet[6], 0, at | more, number) + body)
    return out


def fragmented(agent, message, to, number, order):
    """A message in fragments, which arrive in this order."""
    message.set("Content-Length", str(len(message.body)))
    parts = pieces(udp6(agent.address, agent.port, to.address, to.port, message.bytes()), number)
    assert sorted(order) == list(range(len(parts))), len(parts)
    for i in order:
        one = from_lan6(parts[i], agent.address) if agent.side == "lan" else from_wan6(parts[i])
        agent.case.frame(agent.side, one)
    return message


def arrived(agent, what):
    """The message that came for the agent in fragments, put together again."""
    parts = {}
    for side, at, frame in agent.case.run():
        if side != agent.side or frame[12:14] != b"\x86\xdd" or frame[20] != FRAGMENT:
            continue
        assert len(frame) <= 14 + 1280
        offset, number = struct.unpack_from(">HI", frame, 56)
        parts.setdefault((at, number), {})[offset & ~7] = frame[62:]
    whole = [b"".join(body for _, body in sorted(part.items())) for part in parts.values()]
    found = [body[8:] for body in whole if what in body[8:40]]
    assert found, f"{agent.user}: no {what}"
    return found[-1]


def sip6_fragments():
    """An INVITE and its answer of 6 kB each, in fragments out of order."""
    case = Case("sip6-fragments", 60)
    phone = case.agent(PHONE, 5060, "lan", user="phone")
    server = case.agent(SERVER, 5060, "wan", user="server")
    extra = "".join(f"a=x-filler:{i:03d} {'x' * 80}\r\n" for i in range(60))
    invite = phone.request("INVITE", f"sip:bob@[{SERVER}]", body=phone.sdp(6000, extra=extra))
    fragmented(phone, invite, server, 1, [4, 1, 0, 5, 3, 2])
    assert arrived(server, b"INVITE") == invite.bytes()
    invite.source = (PHONE, 5060)
    server.learn(invite)
    ok = server.response(invite, 200, sdp=server.sdp(7000, extra=extra))
    fragmented(server, ok, phone, 2, [2, 5, 4, 3, 1, 0])
    assert arrived(phone, b"SIP/2.0 200") == ok.bytes()
    ok.source = (SERVER, 5060)
    phone.learn(ok)
    phone.ack(ok)
    server.receive("ACK")
    speak(phone, 6000, (server, 7000))
    speak(server, 7000, (phone, 6000))
    phone.bye(ok)
    server.answer(server.receive("BYE"), 200)
    phone.receive(200)
    case.write()


def sip6_dual_stack():
    """A phone of both families: a call by either. What names the other family opens nothing."""
    case = Case("sip6-dual-stack", 60)
    phone6 = case.agent(PHONE, 5060, "lan", user="phone")
    phone4 = case.agent("10.0.0.20", 5060, "lan", user="phone")
    server6 = case.agent(SERVER, 5060, "wan", user="server")
    server4 = case.agent("198.51.100.5", 5060, "wan", user="server")
    wan4 = "203.0.113.2"

    def offer(audio, video, port):
        families = {PHONE: "IP6", "10.0.0.20": "IP4"}
        return (f"v=0\r\no=phone 1 1 IN {families[audio]} {audio}\r\ns=-\r\nt=0 0\r\n"
                f"m=audio {port} RTP/AVP 8\r\nc=IN {families[audio]} {audio}\r\n"
                f"a=candidate:1 1 UDP 2130706431 {PHONE} {port} typ host\r\n"
                f"a=candidate:2 1 UDP 2130706175 10.0.0.20 {port} typ host\r\n"
                f"m=video {port + 10} RTP/AVP 34\r\nc=IN {families[video]} {video}\r\n").encode()

    sent = phone6.invite(f"sip:bob@[{SERVER}]", server6, sdp=offer(PHONE, "10.0.0.20", 6000))
    invite6 = same(sent, server6.receive("INVITE"))
    server6.answer(invite6, 200, sdp=server6.sdp(7000))
    ok6 = phone6.receive(200)
    phone6.ack(ok6)
    server6.receive("ACK")
    speak(server6, 7000, (phone6, 6000))
    speak(phone6, 6000, (server6, 7000))
    speak(server6, 7000, (phone6, 6010), passes=False)

    phone4.invite("sip:bob@198.51.100.5", server4, sdp=offer("10.0.0.20", PHONE, 6100))
    invite4 = server4.receive("INVITE")
    text = invite4.body.decode()
    assert media_of(invite4)[0] == wan4, text
    assert f"UDP 2130706431 {PHONE} 6100 typ host" in text, text
    assert f"UDP 2130706175 {wan4} {media_of(invite4)[1]} typ host" in text, text
    assert f"m=video 6110 RTP/AVP 34\r\nc=IN IP6 {PHONE}\r\n" in text, text
    server4.answer(invite4, 200, sdp=server4.sdp(7100))
    ok4 = phone4.receive(200)
    phone4.ack(ok4)
    server4.receive("ACK")
    before = heard(phone4, 6100)
    server4.rtp(7100, media_of(invite4), seconds=0.1)
    assert heard(phone4, 6100) == before + 5
    speak(phone4, 6100, (server4, 7100))
    speak(server6, 7000, (phone6, 6110), passes=False)
    phone6.bye(ok6)
    server6.answer(server6.receive("BYE"), 200)
    phone4.bye(ok4)
    server4.answer(server4.receive("BYE"), 200)
    case.write()


CASES = {"sip6-call": sip6_call, "sip6-inbound": sip6_inbound, "sip6-register": sip6_register,
         "sip6-fragments": sip6_fragments, "sip6-dual-stack": sip6_dual_stack}

if __name__ == "__main__":
    for name in sys.argv[1:] or CASES:
        CASES[name]()
