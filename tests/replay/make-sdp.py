#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes the captures of the cases about session descriptions and forms of messages (pcaps/sdp-*,
sip-forms).

    tests/replay/make-sdp.py [CASE...]
"""
import sys

sys.dont_write_bytecode = True

import re

from frames import from_lan, from_wan, tcp
from sip import Case, media_of

PUBLIC, PHONE, SERVER, RELAY = "203.0.113.2", "10.0.0.20", "198.51.100.5", "198.51.100.77"
SYN, SYN_ACK = 2, 18
CASES = {}


def case(function):
    CASES[function.__name__.replace("_", "-")] = function
    return function


def parties(it):
    phone = it.agent(PHONE, 5060, "lan", user="alice")
    return phone, it.agent(SERVER, 5060, "wan", user="bob"), it.agent(RELAY, 5060, "wan")


def sdp(address, *lines, version=1):
    text = ["v=0", f"o=- 7 {version} IN IP4 {address}", "s=-", f"c=IN IP4 {address}", "t=0 0"]
    return ("\r\n".join(text + list(lines)) + "\r\n").encode()


def up(phone, server, offer, answer, call=None):
    """An exchange that the phone begins: the offer as it arrived, the answer as it came back."""
    if call:
        phone.send(phone.within("INVITE", call, offer), server)
    else:
        phone.invite(f"sip:bob@{SERVER}", to=server, sdp=offer)
    asked = server.receive("INVITE")
    server.answer(asked, 200, sdp=answer)
    ok = phone.receive(200)
    phone.ack(ok, to=(SERVER, 5060))
    server.receive("ACK")
    return asked, ok


def down(phone, server, call):
    phone.bye(call, to=(SERVER, 5060))
    server.answer(server.receive("BYE"), 200)
    phone.receive(200)


def ports(message):
    """The ports of all m= lines."""
    return [int(n) for n in re.findall(rb"^m=\S+ (\d+)", message.body, re.M)]


def heard(agent, port):
    """How many datagrams came to a port of the agent's address."""
    return sum(target[1] == port for _, _, target, _ in agent.packets())


def both_ways(phone, inside, there, remote, outside, packets=2):
    """Media from each side to where the other one wants them arrive."""
    seconds = packets * 0.02
    phone.rtp(inside, (there.address, remote), seconds=seconds)
    there.rtp(remote, (PUBLIC, outside), seconds=seconds)
    assert heard(there, remote) >= packets and heard(phone, inside) >= packets, (inside, remote)


@case
def sdp_streams():
    it = Case("sdp-streams", 60)
    phone, server, relay = parties(it)
    video = ("m=video 6100 RTP/AVP 34", f"c=IN IP4 {PHONE}", "a=rtcp:6150")
    asked, ok = up(phone, server, sdp(PHONE, "m=audio 6001 RTP/AVP 8", *video),
                   sdp(SERVER, "m=audio 7000 RTP/AVP 8", "m=video 7100 RTP/AVP 34",
                       f"c=IN IP4 {RELAY}", f"a=rtcp:7150 IN IP4 {RELAY}"))
    audio, picture = ports(asked)
    both_ways(phone, 6001, server, 7000, audio)
    both_ways(phone, 6100, relay, 7100, picture)
    both_ways(phone, 6150, relay, 7150, picture + 1, packets=1)
    # The picture ends, and comes again on another port; the voice stays where it is.
    asked, ok = up(phone, server, sdp(PHONE, "m=audio 6001 RTP/AVP 8", "m=video 0 RTP/AVP 34",
                                      version=2),
                   sdp(SERVER, "m=audio 7000 RTP/AVP 8", "m=video 0 RTP/AVP 34"), ok)
    assert ports(asked) == [audio, 0]
    before = heard(phone, 6100)
    relay.rtp(7100, (PUBLIC, picture), seconds=0.02)
    assert heard(phone, 6100) == before
    asked, ok = up(phone, server, sdp(PHONE, "m=audio 6001 RTP/AVP 8", "m=video 6200 RTP/AVP 34",
                                      version=3),
                   sdp(SERVER, "m=audio 7000 RTP/AVP 8", "m=video 7200 RTP/AVP 34"), ok)
    assert ports(asked)[0] == audio
    both_ways(phone, 6200, server, 7200, ports(asked)[1])
    down(phone, server, ok)
    it.write()


@case
def sdp_asymmetric():
    it = Case("sdp-asymmetric", 60)
    phone, server, relay = parties(it)
    asked, ok = up(phone, server, sdp(PHONE, "m=audio 6000 RTP/AVP 8"),
                   sdp(RELAY, "m=audio 7000 RTP/AVP 8"))
    phone.rtp(16000, (RELAY, 7000), seconds=0.04)
    phone.rtp(16001, (RELAY, 7001), seconds=0.02)
    assert heard(relay, 7000) == 2 and heard(relay, 7001) == 1
    source = [s for _, s, target, _ in relay.packets() if target[1] == 7000][0]
    relay.rtp(7000, source, seconds=0.02)               # it answers where the audio came from
    relay.rtp(7000, media_of(asked), seconds=0.02)      # or where it was told to
    assert heard(phone, 16000) == 1 and heard(phone, 6000) == 1
    phone.rtp(16000, (RELAY, 7002), seconds=0.02)       # nobody named these
    phone.rtp(16000, (SERVER, 7000), seconds=0.02)
    assert heard(relay, 7002) == 0 and heard(server, 7000) == 0
    down(phone, server, ok)
    it.wait(10)
    phone.rtp(16000, (RELAY, 7000), seconds=0.02)
    assert heard(relay, 7000) == 2
    it.write()


@case
def sdp_rtcp_mux():
    it = Case("sdp-rtcp-mux", 60)
    phone, server, _ = parties(it)
    offer = sdp(PHONE, "m=audio 6000 RTP/AVP 8", "a=rtcp:6001", "a=rtcp-mux")
    asked, ok = up(phone, server, offer, sdp(SERVER, "m=audio 7000 RTP/AVP 8", "a=rtcp-mux"))
    public = ports(asked)[0]
    both_ways(phone, 6000, server, 7000, public)
    server.rtp(7001, (PUBLIC, public + 1), seconds=0.02)
    assert heard(phone, 6001) == 0
    # Without it RTCP has its own port again.
    asked, ok = up(phone, server, sdp(PHONE, "m=audio 6000 RTP/AVP 8", "a=rtcp:6001", version=2),
                   sdp(SERVER, "m=audio 7000 RTP/AVP 8", version=2), ok)
    assert ports(asked) == [public]
    server.rtp(7001, (PUBLIC, public + 1), seconds=0.02)
    assert heard(phone, 6001) == 1
    down(phone, server, ok)
    it.write()


@case
def sdp_rtcp_moves():
    """RTCP is heard where each description says, while RTP stays on its port."""
    it = Case("sdp-rtcp-moves", 60)
    phone, server, _ = parties(it)
    audio, mux = "m=audio 6000 RTP/AVP 8", "a=rtcp-mux"
    there = sdp(SERVER, "m=audio 7000 RTP/AVP 8")
    asked, ok = up(phone, server, sdp(PHONE, audio, mux),
                   sdp(SERVER, "m=audio 7000 RTP/AVP 8", mux))
    public = ports(asked)[0]
    # Both took one port; the answer to the next offer does not.
    asked, ok = up(phone, server, sdp(PHONE, audio, mux, version=2), there, ok)
    assert ports(asked) == [public]
    both_ways(phone, 6001, server, 7001, public + 1, packets=1)
    # It moves: both ports are open until that is agreed, and the old one alone when it is not.
    for n, granted in enumerate((False, True), 3):
        phone.send(phone.within("INVITE", ok, sdp(PHONE, audio, "a=rtcp:6051", version=n)), server)
        asked = server.receive("INVITE")
        moved = int(re.search(rb"a=rtcp:(\d+)", asked.body)[1])
        assert ports(asked) == [public] and moved not in (6051, public + 1)
        for port in (moved, public + 1):
            server.rtp(7001, (PUBLIC, port), seconds=0.02)
        assert heard(phone, 6051) == n - 2 and heard(phone, 6001) == n - 1
        if not granted:
            server.answer(asked, 488)
            phone.ack(phone.receive(488), to=(SERVER, 5060))
            server.receive("ACK")
            server.rtp(7003, (PUBLIC, moved), seconds=0.02)
            assert heard(phone, 6051) == n - 2
            continue
        server.answer(asked, 200, sdp=there)
        ok = phone.receive(200)
        phone.ack(ok, to=(SERVER, 5060))
        server.receive("ACK")
    both_ways(phone, 6051, server, 7001, moved, packets=1)
    both_ways(phone, 6000, server, 7000, public, packets=1)
    before = heard(phone, 6001)
    server.rtp(7001, (PUBLIC, public + 1), seconds=0.02)
    assert heard(phone, 6001) == before
    down(phone, server, ok)
    it.write()


@case
def sdp_port_count():
    it = Case("sdp-port-count", 60)
    phone, server, _ = parties(it)
    asked, ok = up(phone, server, sdp(PHONE, "m=audio 6000/2 RTP/AVP 8"),
                   sdp(SERVER, "m=audio 7000/2 RTP/AVP 8"))
    public = ports(asked)[0]
    assert b"/2 RTP/AVP" in asked.body
    for n in range(4):
        both_ways(phone, 6000 + n, server, 7000 + n, public + n, packets=1)
    down(phone, server, ok)
    it.write()


@case
def sdp_msrp():
    it = Case("sdp-msrp", 60)
    phone, server, relay = parties(it)
    asked, ok = up(phone, server,
                   sdp(PHONE, "m=message 6000 TCP/MSRP *", "a=setup:passive",
                       f"a=path:msrp://{PHONE}:6000/s1;tcp"),
                   sdp(SERVER, "m=message 9 TCP/MSRP *", "a=setup:active",
                       f"a=path:msrp://{SERVER}:9/s2;tcp"))
    public = ports(asked)[0]
    assert f"msrp://{PUBLIC}:{public}/s1".encode() in asked.body
    for who in (relay, server):     # a stranger, then the one that was named
        it.frame("wan", from_wan(tcp(who.address, 45000, PUBLIC, public, SYN, seq=1)))
    it.frame("lan", from_lan(tcp(PHONE, 6000, SERVER, 45000, SYN_ACK, seq=9, ack=2), PHONE))
    it.frame("wan", from_wan(tcp(SERVER, 45000, PUBLIC, public, 16, seq=2, ack=10)))
    it.wait(1)
    down(phone, server, ok)
    it.write()


@case
def sdp_ice():
    it = Case("sdp-ice", 60)
    phone, server, _ = parties(it)
    lines = ("m=audio 6000 RTP/AVP 8", "a=rtcp:6001",
             f"a=candidate:1 1 UDP 2130706431 {PHONE} 6000 typ host",
             f"a=candidate:1 2 UDP 2130706430 {PHONE} 6001 typ host",
             f"a=candidate:2 1 UDP 2130706175 {PHONE} 6500 typ host",
             f"a=candidate:3 1 UDP 1694498815 {PUBLIC} 51000 typ srflx raddr {PHONE} rport 6000")
    asked, ok = up(phone, server, sdp(PHONE, *lines), sdp(SERVER, "m=audio 7000 RTP/AVP 8"))
    found = [(c.decode(), int(p)) for c, p in
             re.findall(rb"a=candidate:\S+ \d \S+ \d+ (\S+) (\d+)", asked.body)]
    assert all(address == PUBLIC for address, _ in found) and found[3] == found[0]
    server.rtp(7000, found[2], seconds=0.02)
    assert heard(phone, 6500) == 1
    named = f"a=remote-candidates:1 {PUBLIC} {found[0][1]} 2 {PUBLIC} {found[1][1]}"
    again = server.within("INVITE", asked, sdp(SERVER, "m=audio 7000 RTP/AVP 8", named, version=2))
    server.send(again, (PUBLIC, 5060))
    invite = phone.receive("INVITE")
    assert f"a=remote-candidates:1 {PHONE} 6000 2 {PHONE} 6001".encode() in invite.body
    phone.answer(invite, 200, sdp=sdp(PHONE, *lines, version=2))
    server.ack(server.receive(200), to=(PUBLIC, 5060))
    phone.receive("ACK")
    down(phone, server, ok)
    it.write()


FORMS = """INVITE sip:bob@{server} SIP/2.0\r
v: SIP/2.0/UDP {phone}:5060\r
 ;branch=z9hG4bKforms;rport\r
f: "A, B" <sip:alice@{phone}>;tag=1\r
T:\r
\t<sip:bob@{server}>\r
i: forms\r
cseq: 7\r
  INVITE\r
m: <sip:alice@{phone}>;q=0.5 , "x;y" <sip:alice@{phone}:5060;transport=udp>\r
rEcOrD-rOuTe: <sip:{phone};lr>,<sip:proxy.example.net;lr>\r
Record-Route: <sip:192.0.2.9;lr>\r
C: multipart/mixed ; boundary="a b"\r
Max-Forwards: 70\r
\r
--a b\r
Content-Type: application/sdp\r
\r
{sdp}\r
--a b\r
Content-Type: application/ISUP;version=nxv3;base=etsi121\r
Content-Disposition: signal;handling=optional\r
\r
{isup}\r
--a b--\r
"""


@case
def sip_forms():
    """Compact and folded names, lists, no Content-Length, several parts; what keeps a way open."""
    it = Case("sip-forms", 60)
    phone, server, _ = parties(it)
    isup = bytes(range(1, 10)) + b"\x00 10.0.0.20 \xff"
    text = FORMS.format(server=SERVER, phone=PHONE, sdp="@SDP@", isup="@ISUP@").encode()
    description = sdp(PHONE, "m=audio 6000 RTP/AVP 8")
    phone.send_bytes(text.replace(b"@SDP@", description).replace(b"@ISUP@", isup), (SERVER, 5060))
    payload = server.packets()[-1][3]
    assert PHONE.encode() not in payload.replace(isup, b"") and isup in payload
    assert b"\r\nT:\r\n\t<sip:" in payload and b"rEcOrD-rOuTe: <sip:203.0.113.2;lr>," in payload
    server.seen = len(server.packets())
    # Keep-alives of RFC 5626 go as they are, both ways.
    stun = bytes.fromhex("000100002112a442") + bytes(range(12))
    for keep in (b"\r\n\r\n", b"\r\n", stun, b"\0"):
        phone.send_bytes(keep, (SERVER, 5060))
        server.send_bytes(keep, (PUBLIC, 5060))
        assert server.packets()[-1][3] == keep and phone.packets()[-1][3] == keep
    # A body that is no description, one in INFO, and one longer than its Content-Length says.
    for kind, body in (("text/plain", b"call 10.0.0.20 c=IN IP4 10.0.0.20\r\n"),
                       ("application/sdp", sdp(PHONE, "m=audio 6002 RTP/AVP 8"))):
        phone.send(phone.request("INFO", f"sip:bob@{SERVER}", body=body, kind=kind), server)
        got = server.receive("INFO").body
        assert (got == body) == (kind == "text/plain")
    cut = phone.request("MESSAGE", f"sip:bob@{SERVER}", body=b"hello", kind="text/plain")
    phone.send_bytes(cut.bytes() + b"c=IN IP4 10.0.0.20\r\n", (SERVER, 5060))
    assert server.receive("MESSAGE").body == b"hello"
    it.write()


@case
def sip_grows():
    """An INVITE that fits and no longer does when it is translated leaves in fragments."""
    it = Case("sip-grows", 60)
    phone, server, _ = parties(it)
    invite = phone.request("INVITE", f"sip:bob@{SERVER}", body=sdp(PHONE, "m=audio 6000 RTP/AVP 8"))
    invite.add("Subject", "x" * 500).add("User-Agent", "")
    invite.set("User-Agent", "y" * (1472 - len(invite.bytes())))
    phone.send(invite, server)
    left = [len(data) for side, _, data in it.run() if side == "wan"]
    assert len(left) == 2 and max(left) <= 1514, left
    it.write()


if __name__ == "__main__":
    for name in sys.argv[1:] or CASES:
        CASES[name]()
