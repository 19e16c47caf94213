# SPDX-License-Identifier: BSD-3-Clause
"""What the generators of the cases pcaps/call-* share: a phone, a server, and calls between them."""
from sip import Case, media_of

PHONE, SERVER = "10.0.0.20", "198.51.100.5"
RTP, MEDIA = 6000, 7000


class Pair(Case):
    """A case with a phone inside, a server outside, and calls between them."""

    def __init__(self, name, **more):
        super().__init__(name, **more)
        self.phone = self.agent(PHONE, 5060, "lan")
        self.server = self.agent(SERVER, 5060, "wan")

    def offer(self, rtp=RTP, phone=None, retry=None, **fields):
        """An INVITE (`retry`: of the same call as that one), as sent and as it came."""
        phone = phone or self.phone
        call_id = retry.get("Call-ID") if retry else None
        sent = phone.request("INVITE", f"sip:bob@{SERVER}", call_id, body=phone.sdp(rtp), **fields)
        if retry:
            sent.set("From", retry.get("From"))
        phone.send(sent, self.server)
        return sent, self.server.receive("INVITE")

    def reply(self, invite, status, phone=None, sdp=b"", **fields):
        """The server's response, as it came to the phone."""
        self.server.answer(invite, status, sdp=sdp, **fields)
        return (phone or self.phone).receive(status)

    def refuse(self, sent, invite, status, phone=None, **fields):
        """A refusal with its ACK."""
        phone = phone or self.phone
        response = self.reply(invite, status, phone, **fields)
        phone.ack_refusal(sent, response, self.server)
        self.server.receive("ACK")
        return response

    def connect(self, rtp=RTP, media=MEDIA, phone=None, ringing=0.0, **fields):
        """A call that is up: the 200 as the phone received it, the INVITE as the server did."""
        phone = phone or self.phone
        _, invite = self.offer(rtp, phone)
        if ringing:
            self.reply(invite, 180, phone)
            self.wait(ringing)
        ok = self.reply(invite, 200, phone, sdp=self.server.sdp(media), **fields)
        phone.ack(ok)
        self.server.receive("ACK")
        return ok, invite

    def talk(self, ok, rtp=RTP, invite=None, media=MEDIA, phone=None, seconds=1.0, interval=0.2):
        """RTP both ways, to where the two descriptions say."""
        begin = self.now
        (phone or self.phone).rtp(rtp, media_of(ok), seconds, interval)
        if invite:
            self.now = begin
            self.server.rtp(media, media_of(invite), seconds, interval)

    def again(self, offerer, answerer, call, rtp, answer=None, status=200, method="INVITE",
              **fields):
        """
        A request of the dialog with an offer, and its response. `rtp`: a port, or a description.
        Returns what the two sides received.
        """
        body = offerer.sdp(rtp) if isinstance(rtp, int) else rtp
        request = offerer.within(method, call, body=body, **fields)
        offerer.send(request, offerer.hop(request))
        came = answerer.receive(method)
        body = answerer.sdp(answer) if isinstance(answer, int) else answer or b""
        answerer.answer(came, status, sdp=body)
        response = offerer.receive(status)
        if method == "INVITE" and status < 300:
            offerer.ack(response)
            answerer.receive("ACK")
        elif method == "INVITE":
            offerer.ack_refusal(request, response, offerer.hop(request))
            answerer.receive("ACK")
        return response, came

    def hang_up(self, who, other, call):
        """BYE and its 200."""
        who.bye(call)
        other.answer(other.receive("BYE"), 200)
        who.receive(200)

    def heard(self, agent, port, since):
        """How many datagrams came to a port of an agent since then."""
        return sum(1 for at, _, target, _ in agent.packets() if target[1] == port and at >= since)
