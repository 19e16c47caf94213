#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Writes the captures of the cases about registrations, subscriptions and what has no dialog
(pcaps/reg-*, sub-*).

    tests/replay/make-registrations.py [CASE...]
"""
import sys

sys.dont_write_bytecode = True

from sip import Agent, Case, host_of, media_of, uri_of

PUBLIC = "203.0.113.2"
CASES = {}


class Socket(Agent):
    """One of several user agents at one address: it hears what comes to its own port."""

    def packets(self):
        return [p for p in super().packets() if p[2][1] == self.port]


def socket_of(it, address, port, side="lan"):
    one = Socket(it, address, port, side)
    it.agents.append(one)
    return one


def options(sender, receiver, uri=None, answered=True, to=None, **fields):
    """OPTIONS that is answered, or does not arrive."""
    uri = uri or f"sip:{receiver.address}"
    sent = sender.send(sender.request("OPTIONS", uri, **fields), to or host_of(uri))
    if not answered:
        receiver.nothing()
        return sent
    receiver.answer(receiver.receive("OPTIONS"), 200)
    return sender.receive(200)


def case(function):
    CASES[function.__name__.replace("_", "-")] = function
    return function


def grant(server, seconds, status=200, contact=None, **fields):
    """The registrar takes the REGISTER that came and answers with the contact it saw."""
    request = server.receive("REGISTER")
    if status == 200:
        seen = contact or request.get("Contact").split(";expires")[0]
        fields["Contact"] = f"{seen};expires={seconds}" if seconds else seen
    server.answer(request, status, **fields)
    return request


def register(phone, server, seconds=3600, **fields):
    """A registration that is granted; the URI of the contact as the registrar knows it."""
    phone.register(server, seconds, **fields)
    request = grant(server, seconds)
    phone.receive(200)
    return uri_of(request.get("Contact"))


def call_in(server, phone, uri, seconds=0.2):
    """A call from `server` to the phone, with audio both ways, which the phone ends."""
    server.invite(uri, host_of(uri), sdp=server.sdp(7000))
    invite = phone.receive("INVITE")
    phone.answer(invite, 180)
    server.receive(180)
    phone.answer(invite, 200, sdp=phone.sdp(6000))
    ok = server.receive(200)
    server.ack(ok)
    ack = phone.receive("ACK")
    server.rtp(7000, media_of(ok), seconds)
    phone.rtp(6000, media_of(invite), seconds)
    phone.bye(ack)
    server.answer(server.receive("BYE"), 200)
    phone.receive(200)
    return invite


@case
def reg_life(it):
    """401, credentials, 423, a shorter grant than was asked for; refreshed; taken back."""
    phone, server = it.agent("10.0.0.20"), it.agent("198.51.100.5", side="wan")
    first = phone.register(server, 30)
    grant(server, 0, 401, WWW_Authenticate='Digest realm="a", nonce="1"')
    phone.receive(401)
    call_id = first.get("Call-ID")
    credentials = 'Digest username="phone", realm="a", nonce="1", uri="sip:198.51.100.5", response="0"'
    phone.register(server, 30, call_id=call_id, Authorization=credentials)
    grant(server, 0, 423, Min_Expires="60")
    phone.receive(423)
    phone.register(server, 600, call_id=call_id, Authorization=credentials)
    grant(server, 120)
    assert ":5060>" in phone.receive(200).get("Contact")
    it.wait(100)
    phone.register(server, 600, call_id=call_id, Authorization=credentials)
    grant(server, 120)
    phone.receive(200)
    it.at(210)     # 110 s after the second grant, 80 s after the UDP session ended
    uri = f"sip:{phone.user}@{PUBLIC}"
    options(server, phone, uri)
    phone.register(server, 0, call_id=call_id, Authorization=credentials)
    server.answer(server.receive("REGISTER"), 200)
    phone.receive(200)
    it.wait(40)    # the UDP session is over, and with it the mapping
    options(server, phone, uri, answered=False)


@case
def reg_inbound_later(it):
    """A call comes in 50 minutes after the phone registered; another one after the grant has run
    out is refused."""
    phone, server = it.agent("10.0.0.20"), it.agent("198.51.100.5", side="wan")
    uri = register(phone, server)
    it.at(3000)
    call_in(server, phone, uri)
    it.at(3600 + 20)     # within the 32 s of grace
    call_in(server, phone, uri)
    it.wait(40)
    server.invite(uri, host_of(uri), sdp=server.sdp(7000))
    phone.nothing()


@case
def reg_contacts(it):
    """Several contacts, each with its own time, by lists and by lines; one is taken back, then all."""
    server = it.agent("198.51.100.5", side="wan")
    phones = [socket_of(it, "10.0.0.20", port) for port in (5060, 5070, 5080)]
    phone = phones[0]

    def ask(*contacts, expires=600):
        asked = phone.request("REGISTER", "sip:198.51.100.5", call_id="contacts", Expires=str(expires))
        asked.set("Contact", None).set("From", "<sip:a@198.51.100.5>;tag=1")
        asked.set("To", "<sip:a@198.51.100.5>")
        for contact in contacts:
            asked.add("m", contact)
        phone.send(asked, server)
        return server.receive("REGISTER")

    def reached():
        """Which of the contacts can be called."""
        got = set()
        for nth, uri in enumerate(uris):
            server.send(server.request("OPTIONS", uri), host_of(uri))
            if any(p[0] > it.now - 0.01 for p in phones[nth].packets()[phones[nth].seen:]):
                phones[nth].answer(phones[nth].receive("OPTIONS"), 200)
                server.receive(200)
                got.add(nth)
        return got

    seen = ask("<sip:a@10.0.0.20>;expires=300, <sip:b@10.0.0.20:5070>;expires=60",
               "<sip:c@10.0.0.20:5080>")
    uris = [uri_of(value) for value in seen.values("Contact")]
    assert len({host_of(uri) for uri in uris}) == 3 and all(PUBLIC in uri for uri in uris), uris
    server.answer(seen, 200, Contact=f"<{uris[2]}>;expires=600, <{uris[0]}>;expires=300,"
                                     f" <{uris[1]}>;expires=60")
    back = [uri_of(value) for value in phone.receive(200).values("Contact")]
    assert back == ["sip:c@10.0.0.20:5080", "sip:a@10.0.0.20", "sip:b@10.0.0.20:5070"], back
    it.at(80)
    assert reached() == {0, 1, 2}
    it.at(130)      # 60 + 32 s are over, and the session of the second port
    assert reached() == {0, 2}
    server.answer(ask("<sip:a@10.0.0.20>", expires=0), 200, Contact=f"<{uris[2]}>;expires=470")
    phone.receive(200)
    it.wait(40)
    assert reached() == {2}
    star = ask("*", expires=0)
    assert star.get("Contact") == "*"
    server.answer(star, 200)
    phone.receive(200)
    it.wait(40)
    assert reached() == set()


def other_proxy(it, admitted):
    phone, server = it.agent("10.0.0.20"), it.agent("198.51.100.5", side="wan")
    proxy, stranger = it.agent("198.51.100.6", side="wan"), it.agent("192.0.2.77", side="wan")
    uri = register(phone, server)
    options(server, phone, uri)
    options(proxy, phone, uri, answered=admitted)
    options(stranger, phone, uri, answered=admitted)
    it.wait(100)
    if not admitted:
        # A proxy that the phone calls is let in from then on.
        options(phone, proxy, to=("198.51.100.6", 5060))
        options(proxy, phone, uri)
        return
    call_in(proxy, phone, uri)


@case
def reg_strict(it):
    """The registrar's calls come in, those of another proxy do not, unless the phone talks to it."""
    other_proxy(it, False)


@case
def reg_any(it):
    """Registrar and proxy have different addresses: without strict-register both call the phone."""
    other_proxy(it, True)


@case
def reg_ports(it):
    """Phones send from one port and listen on another. Without rport answers go to the port that Via
    names, with it to where the request came from; calls go to the port of the Contact."""
    server = it.agent("198.51.100.5", side="wan")
    for nth, rport in enumerate((False, True)):
        address, port = f"10.0.0.2{nth}", 5060 + nth       # both can be kept outside
        phone = it.agent(address, 40000 + nth, written=(address, port), rport=rport)
        phone.register(server, 600)
        request = grant(server, 600)
        answer = phone.receive(200)
        assert answer.target[1] == (phone.port if rport else port), answer.target
        uri = uri_of(request.get("Contact"))
        assert host_of(uri) != request.source, "a port of its own"
        it.wait(40)          # the sessions are over, the registration holds its mapping
        invite = call_in(server, phone, uri)
        assert invite.target == (address, port), invite.target
        answer = options(phone, server, to=("198.51.100.5", 5060))
        assert answer.target[1] == (phone.port if rport else port), answer.target


@case
def reg_outbound(it):
    """What RFC 3327, 3608, 5626 and 5627 add to a registration comes through unharmed: Path of an
    inside proxy, Service-Route, instance and flow, public and temporary GRUU, the parameter ob."""
    phone, server = it.agent("10.0.0.20"), it.agent("198.51.100.5", side="wan")
    instance = '+sip.instance="<urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6>"'
    contact = f"<sip:a@10.0.0.20:5060;ob>;reg-id=1;{instance}"
    gruu = (';pub-gruu="sip:a@example.com;gr=urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6"'
            ';temp-gruu="sip:tgruu.7hs==jd7vnzga5w7fajsc7-ajd6fabz0f8g5@example.com;gr"')
    phone.register(server, 600, contact=contact, Path="<sip:10.0.0.20;lr;ob>",
                   Supported="path, outbound, gruu")
    request = server.receive("REGISTER")
    assert request.get("Contact") == contact.replace("10.0.0.20", PUBLIC), request.get("Contact")
    assert request.get("Path") == f"<sip:{PUBLIC};lr;ob>", request.get("Path")
    server.answer(request, 200, Contact=request.get("Contact") + gruu + ";expires=600",
                  Path=request.get("Path"), Require="outbound", Flow_Timer="120",
                  Service_Route="<sip:orig@198.51.100.5;lr>")
    answer = phone.receive(200)
    assert answer.get("Contact") == contact + gruu + ";expires=600", answer.get("Contact")
    assert answer.get("Path") == "<sip:10.0.0.20;lr;ob>", answer.get("Path")
    assert answer.get("Service-Route") == "<sip:orig@198.51.100.5;lr>"
    for nth in range(3):     # the phone keeps its flow open (RFC 5626 4.4), the server answers
        it.wait(20)
        phone.send_bytes(b"\r\n\r\n", (server.address, 5060))
        server.send_bytes(b"\r\n", (PUBLIC, 5060))
    # An inside proxy's route and the contact behind it, as the server knows them.
    invite = server.request("INVITE", uri_of(request.get("Contact")), body=server.sdp(7000),
                            Route=request.get("Path"))
    server.send(invite, (PUBLIC, 5060))
    got = phone.receive("INVITE")
    assert got.get("Route") == "<sip:10.0.0.20;lr;ob>" and got.uri == "sip:a@10.0.0.20:5060;ob"
    phone.answer(got, 200, sdp=phone.sdp(6000))
    server.ack(server.receive(200))
    server.bye(phone.receive("ACK"))
    phone.answer(phone.receive("BYE"), 200)
    server.receive(200)


@case
def reg_again(it):
    """A phone that crashed registers with another Call-ID, then from another port; the registrar
    replaces its contact, and the first port closes."""
    server = it.agent("198.51.100.5", side="wan")
    phone = socket_of(it, "10.0.0.20", 5060)
    uri = register(phone, server)
    it.wait(10)
    assert register(phone, server) == uri, "the same public port"
    it.wait(60)
    options(server, phone, uri)
    it.wait(60)
    reborn = socket_of(it, "10.0.0.20", 5062)
    reborn.user = phone.user
    other = register(reborn, server)
    assert host_of(other) != host_of(uri)
    it.wait(40)
    options(server, reborn, other)
    options(server, phone, uri, answered=False)


@case
def reg_one_name(it):
    """Two phones register one address of record. Each finds its own contact in the list and the
    other's as it is outside; each is called at its own, and goes without the other."""
    server = it.agent("198.51.100.5", side="wan")
    phones = [it.agent("10.0.0.20"), it.agent("10.0.0.21")]
    uris = []
    for phone in phones:
        phone.user = "both"
        phone.register(server, 600)
        request = server.receive("REGISTER")
        uris.append(uri_of(request.get("Contact")))
        server.answer(request, 200, Contact=", ".join(f"<{uri}>;expires=600" for uri in uris))
        back = phone.receive(200).values("Contact")
        assert f"<sip:both@{phone.address}:5060>;expires=600" in back, back
        assert sum("10.0.0." in value for value in back) == 1, back
    assert host_of(uris[0]) != host_of(uris[1])
    it.wait(60)
    for phone, uri in zip(phones, uris):
        options(server, phone, uri)
    phones[0].register(server, 0)
    server.answer(server.receive("REGISTER"), 200, Contact=f"<{uris[1]}>;expires=540")
    phones[0].receive(200)
    it.wait(40)
    options(server, phones[0], uris[0], answered=False)
    options(server, phones[1], uris[1])


@case
def reg_trunks(it):
    """A PBX registers one port with five providers. Long after its UDP sessions have ended each of
    them still calls it, and a sixth one does not."""
    pbx = it.agent("10.0.0.20")
    providers = [it.agent(f"198.51.100.{n}", side="wan") for n in range(1, 7)]
    uris = [register(pbx, provider, 600) for provider in providers[:5]]
    assert len({host_of(uri) for uri in uris}) == 1, "one port outside, too"
    it.wait(100)
    for provider, uri in zip(providers, uris):
        options(provider, pbx, uri)
    options(providers[5], pbx, uris[0], answered=False)


@case
def reg_transparent(it):
    """Without NAT a registration opens the phone's own port to its registrar, and to nobody else,
    though no policy leads in."""
    phone, server = it.agent("10.0.0.20"), it.agent("198.51.100.5", side="wan")
    stranger = it.agent("192.0.2.77", side="wan")
    options(server, phone, "sip:10.0.0.20", answered=False)
    uri = register(phone, server, 120)
    assert uri == f"sip:{phone.user}@10.0.0.20:5060"
    it.wait(100)
    options(stranger, phone, uri, answered=False)
    call_in(server, phone, uri)
    it.at(200)
    options(server, phone, uri, answered=False)


@case
def sub_life(it):
    """Subscriptions from a port of their own: NOTIFY comes in as long as was granted, longer than
    any session lives; a shorter time in the answer and in NOTIFY counts; the last NOTIFY closes."""
    server = it.agent("198.51.100.5", side="wan")
    phone = it.agent("10.0.0.20", 5062)

    def subscribe(asked, granted, **more):
        sent = phone.request("SUBSCRIBE", "sip:list@198.51.100.5", Event="presence",
                             Expires=str(asked), **more)
        phone.send(sent, server)
        request = server.receive("SUBSCRIBE")
        server.answer(request, 200, Expires=str(granted))
        phone.receive(200)
        return request

    def notify(request, state, answered=True):
        server.send(server.within("NOTIFY", request, Event="presence", Subscription_State=state),
                    host_of(uri_of(request.get("Contact"))))
        if not answered:
            phone.nothing()
            return
        phone.answer(phone.receive("NOTIFY"), 200)
        server.receive(200)

    first = subscribe(600, 300)
    notify(first, "active;expires=300")
    it.at(200)
    notify(first, "active;expires=200")    # more than the answer left
    it.at(300 + 40)
    notify(first, "terminated;reason=timeout")
    it.wait(72)      # 32 s, and the session of that NOTIFY
    notify(first, "active", answered=False)

    second = subscribe(3600, 3600)
    it.wait(1000)
    notify(second, "active;expires=60")        # the notifier has less time now
    it.wait(130)
    notify(second, "active", answered=False)


@case
def sub_messages(it):
    """MESSAGE, PUBLISH and OPTIONS, both ways, with rport and without: each answer comes back to
    the phone's port with the Via it wrote."""
    server = it.agent("198.51.100.5", side="wan")
    for nth, rport in enumerate((True, False)):
        phone = it.agent(f"10.0.0.2{nth}", 5060, rport=rport)
        uri = register(phone, server, 600)
        for method in ("MESSAGE", "PUBLISH", "OPTIONS", "INFO"):
            sent = phone.request(method, "sip:b@198.51.100.5", body=b"hello 10.0.0.20",
                                 kind="text/plain").set("Contact", None)
            phone.send(sent, server)
            got = server.receive(method)
            assert got.body == sent.body and "10.0.0." not in got.get("Via"), got.bytes()
            server.answer(got, 200)
            via = phone.receive(200).get("Via")
            assert via.startswith(sent.get("Via").replace(";rport", "")), via
        it.wait(60)
        message = server.request("MESSAGE", uri, body=b"hello", kind="text/plain")
        server.send(message, host_of(uri))
        got = phone.receive("MESSAGE")
        assert got.uri == f"sip:{phone.user}@{phone.address}:5060", got.uri
        phone.answer(got, 200)
        server.receive(200)


def main():
    for name in sys.argv[1:] or CASES:
        it = Case(name)
        CASES[name](it)
        it.write()


main()
