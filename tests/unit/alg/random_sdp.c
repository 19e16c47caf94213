/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Random session descriptions and other bodies. A stream of the phone is one of its own address, on
 * ports that nothing else has: what opens is known from what is written.
 */
#include "random_sip.h"

#include <stdio.h>

#define MEDIA_HOST "198.51.100.77"
#define STAYS      TWIN_STAYS
#define IP         TWIN_IP

/* Whose address a c= line has. */
enum whose {
    WHOSE_OWN,
    WHOSE_OTHER,
    WHOSE_HOLD,
    WHOSE_NONE, /* there is none */
};

struct sdp_writer {
    struct scene *s;
    struct text *out;
    const char *eol, *type; /* "IP4" or "IP6" */
    bool call;              /* streams are opened */
    bool fresh;             /* on ports that the call did not have before */
    enum whose session;
};

static void line(struct sdp_writer *w, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void line(struct sdp_writer *w, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    text_vprintf(w->out, format, args);
    va_end(args);
    text_puts(w->out, w->eol);
}

static bool is_v4(const struct scene *s)
{
    return ip_addr_is4(&s->twin.at.ip);
}

static void connection(struct sdp_writer *w, enum whose whose)
{
    if (whose == WHOSE_OTHER && chance(w->s, 2))
        line(w, "c=IN %s pc.example.net", w->type);
    else if (whose == WHOSE_OTHER)
        line(w, "c=IN IP4 10.0.0.7");
    else if (whose == WHOSE_HOLD)
        line(w, "c=IN %s %s", w->type, is_v4(w->s) ? "0.0.0.0" : "::");
    else
        line(w, "c=IN %s " IP, w->type);
}

static enum whose random_whose(struct scene *s)
{
    unsigned n = rng_below(&s->rng, 8);
    return n == 0 ? WHOSE_OTHER : n == 1 ? WHOSE_HOLD : WHOSE_OWN;
}

/* A port of a stream: mapped, kept on hold, or left as it is. */
static void port_text(const struct sdp_writer *w, char out[24], enum whose whose, char proto,
                      unsigned port)
{
    if (w->call && whose == WHOSE_OWN)
        snprintf(out, 24, TWIN_MEDIA, proto, port);
    else if (w->call && whose == WHOSE_HOLD)
        snprintf(out, 24, TWIN_HELD, proto, port);
    else
        snprintf(out, 24, "%u", port);
}

/*
 * a=rtcp of an RTP stream on `port`. True when the stream's RTCP is on the port behind it, which is
 * then open.
 */
static bool rtcp(struct sdp_writer *w, enum whose whose, unsigned port, bool several)
{
    struct scene *s = w->s;
    char text[24];
    bool at = chance(s, 2);
    unsigned how = rng_below(&s->rng, several ? 3 : 4);
    if (how == 0 && (!s->rtcp_apart || several))
        return true;
    unsigned to = how == 3 ? port : s->rtcp_apart ? port + 7 : port + 1;
    port_text(w, text, whose, 'u', to);
    if (at)
        line(w, "a=rtcp:%s IN %s " IP, text, w->type);
    else
        line(w, "a=rtcp:%s", text);
    if (how == 3)
        line(w, "a=rtcp-mux");
    return to == port + 1;
}

static void candidates(struct sdp_writer *w, unsigned port, bool neighbour)
{
    line(w, "a=ice-ufrag:x%s", PICK(w->s, "1", "2"));
    line(w, "a=candidate:1 1 UDP 2130706431 " TWIN_MEDIA_PAIR " typ host", 'u', port);
    if (neighbour)
        line(w, "a=candidate:1 2 udp 2130706430 " TWIN_MEDIA_PAIR " typ host", 'u', port + 1);
    if (chance(w->s, 2))
        line(w, "a=candidate:2 1 UDP 1 " TWIN_MEDIA_PAIR " typ host", 'u', port + 20);
    line(w, "a=candidate:3 1 TCP 9 " IP " 9 typ host tcptype active");
    line(w, "a=candidate:4 1 TCP 9 " STAYS " 6500 typ host tcptype passive");
    line(w, "a=candidate:5 1 UDP 9 10.0.0.7 6000 typ host");
    if (is_v4(w->s))
        line(w,
             "a=candidate:6 1 UDP 9 " TWIN_PUBLIC " " TWIN_REFLEXIVE " typ srflx raddr " IP
             " rport " TWIN_MEDIA,
             51000 + port % 100, port, 'u', port);
    line(w, "a=candidate:7 1 UDP 9 198.51.100.50 40000 typ relay raddr " TWIN_PUBLIC " rport 9");
    line(w, "a=remote-candidates:1 " MEDIA_HOST " 7000");
}

/* Attributes that any stream may have. */
static void attributes(struct sdp_writer *w, bool mapped, unsigned port)
{
    struct scene *s = w->s;
    if (chance(s, 3))
        line(w, "a=%s", PICK(s, "sendrecv", "sendonly", "recvonly", "inactive"));
    if (chance(s, 3))
        line(w, "a=ssrc:1 cname:a@" STAYS);
    if (chance(s, 4))
        line(w,
             "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz");
    if (chance(s, 4))
        line(w, "a=source-filter: incl IN %s * " IP, w->type);
    bool alternative = chance(s, 4);
    if (alternative && mapped)
        line(w, "a=alt:1 1 : u p " TWIN_MEDIA_PAIR, 'u', port);
    else if (alternative)
        line(w, "a=alt:1 1 : u p " IP " %u", port);
    if (chance(s, 4))
        line(w, "a=x:" STAYS);
}

static void rtp(struct sdp_writer *w, enum whose whose, unsigned port)
{
    struct scene *s = w->s;
    char text[24];
    bool mapped = w->call && whose == WHOSE_OWN,
         several = mapped && w->fresh && !s->rtcp_apart && chance(s, 6);
    port_text(w, text, whose, 'u', port);
    line(w, "m=%s %s%s %s", PICK(s, "audio", "video"), text, several ? "/2" : "",
         PICK(s, "RTP/AVP 0 8", "RTP/SAVP 96", "UDP/TLS/RTP/SAVPF 111"));
    if (chance(s, 6))
        line(w, "i=" STAYS);
    if (w->session != whose)
        connection(w, whose);
    bool neighbour = rtcp(w, whose, port, several);
    if (mapped && chance(s, 3))
        candidates(w, port, neighbour);
    /* A port of the phone that has no mapping in this description may have one by another. */
    attributes(w, mapped, mapped ? port : 9);
    if (mapped)
        s->stream = port;
}

/* MSRP: a side that connects says a port that nobody comes to. */
static void tcp(struct sdp_writer *w, enum whose whose, unsigned port)
{
    bool active = w->s->connects;
    char text[24];
    port_text(w, text, active ? WHOSE_OTHER : whose, 't', port);
    line(w, "m=message %s TCP/MSRP *", text);
    if (w->session != whose)
        connection(w, whose);
    if (active)
        line(w, "a=setup:active");
    if (whose == WHOSE_OWN)
        line(w, "a=path:msrp://" TWIN_URI_IP ":%s/s;tcp msrp://10.0.0.7:1/x;tcp", text);
}

static void stream(struct sdp_writer *w, unsigned port)
{
    struct scene *s = w->s;
    char text[24];
    enum whose whose = chance(s, 2) || w->session == WHOSE_NONE ? random_whose(s) : w->session;
    unsigned kind = rng_below(&s->rng, 10);
    if (kind < 6) {
        rtp(w, whose, port);
        return;
    }
    if (kind == 6 && is_v4(s)) {
        tcp(w, whose == WHOSE_HOLD ? WHOSE_OWN : whose, port);
        return;
    }
    port_text(w, text, whose, 'u', port);
    if (kind == 7)
        line(w, "m=image %s udptl t38", text);
    else if (kind == 8)
        line(w, "m=application %s UDP/BFCP *", text);
    else
        line(w, "m=audio %s RTP/AVP 0", PICK(s, "0", "22", "1023"));
    if (w->session != whose)
        connection(w, whose);
    if (kind > 8 && chance(s, 2))
        line(w, "a=rtpmap:0 PCMU/8000");
}

static void origin(struct sdp_writer *w)
{
    struct scene *s = w->s;
    bool own = !chance(s, 5), info = chance(s, 3), trace = own && s->nat_trace && is_v4(s);
    if (own)
        line(w, "o=%s 1 1 IN %s " IP, PICK(s, "-", "a"), w->type);
    else
        line(w, "o=- 1 1 IN %s %s", w->type, PICK(s, "pc.example.net", "pc.lan"));
    text_printf(w->out, "s=%s", PICK(s, "-", STAYS, "a call"));
    if (trace && !info)
        text_printf(w->out, TWIN_TRACE_LINE, w->eol);
    text_puts(w->out, w->eol);
    if (!info)
        return;
    if (trace && s->preserve_override)
        line(w, "i=" TWIN_TRACE_NEW, "about it");
    else
        line(w, "i=about " STAYS "%s", trace ? TWIN_TRACE_MORE : "");
}

static void describe(struct scene *s, struct text *out, bool call)
{
    struct sdp_writer w = {s,
                           out,
                           chance(s, 5) ? "\n" : "\r\n",
                           is_v4(s) ? "IP4" : "IP6",
                           call,
                           .session = WHOSE_NONE};
    /* Of a call, other ports than before or the same ones; else such as no call has. */
    w.fresh = !call || s->stream == 0 || chance(s, 2);
    s->offers += w.fresh;
    unsigned n = 1 + rng_below(&s->rng, 4), base = (call ? 6000 : 30000) + 200 * (s->offers % 50);
    line(&w, "v=0");
    origin(&w);
    if (chance(s, 4))
        line(&w, "u=http://" TWIN_URI_IP ":80/" STAYS);
    if (chance(s, 4))
        line(&w, "e=a@" STAYS);
    if (chance(s, 2)) {
        w.session = random_whose(s);
        connection(&w, w.session);
    }
    if (chance(s, 4))
        line(&w, "b=AS:64");
    line(&w, "t=0 0");
    if (chance(s, 4))
        line(&w, "a=source-filter: incl IN %s * " IP, w.type);
    s->stream = 0;
    for (unsigned i = 0; i < n; i++)
        stream(&w, base + 40 * i);
}

/* What the other side says; what it names of the phone's comes back as the phone has it. */
static void describe_peer(struct scene *s, struct text *out, bool call)
{
    struct sdp_writer w = {s, out, chance(s, 5) ? "\n" : "\r\n", is_v4(s) ? "IP4" : "IP6", call};
    const char *host = is_v4(s) ? MEDIA_HOST : "2001:db8:9::77";
    line(&w, "v=0");
    line(&w, "o=- 1 1 IN %s %s", w.type, host);
    line(&w, "s=-");
    line(&w, "c=IN %s %s", w.type, host);
    line(&w, "t=0 0");
    for (unsigned i = 0; i < 4; i++) {
        line(&w, "m=%s %u RTP/AVP 0", PICK(s, "audio", "video"), 7000 + 10 * i);
        if (i == 0 && call && s->stream)
            line(&w, "a=remote-candidates:1 " TWIN_MEDIA_PAIR, 'u', s->stream);
        if (chance(s, 3))
            line(&w, "a=candidate:1 1 UDP 9 10.0.0.7 7000 typ host");
    }
}

/* The description alone, or one part of several. */
static void carry(struct scene *s, struct said *m, const struct text *sdp)
{
    if (!chance(s, 4)) {
        if (!chance(s, 8))
            said_line(
                m, "Content-Type", "%s",
                PICK(s, "application/sdp", "Application/SDP", "application/sdp;charset=utf-8"));
        text_put(&m->body, text_slice(sdp));
        return;
    }
    said_line(m, "Content-Type", "multipart/%s",
              PICK(s, "mixed;boundary=xyz", "mixed; boundary=\"xyz\""));
    if (chance(s, 2))
        text_puts(&m->body, "--xyz\r\nContent-Type: text/plain\r\n\r\nv=" STAYS "\r\n");
    text_puts(&m->body,
              "--xyz\r\nContent-Type: application/sdp\r\nContent-ID: <a@" STAYS ">\r\n\r\n");
    text_put(&m->body, text_slice(sdp));
    if (chance(s, 2)) {
        text_puts(&m->body, "\r\n--xyz\r\nContent-Type: application/isup\r\n\r\n");
        text_put(&m->body, slice_of("\0\xff\x80\r\nc=IN IP4 \0", 15));
    }
    text_puts(&m->body, "\r\n--xyz--\r\n");
}

void phone_describes(struct scene *s, struct said *m, bool call)
{
    struct text sdp = {0};
    if (!call && chance(s, 2)) {
        said_line(m, "Content-Type", "text/plain");
        text_puts(&m->body, "c=IN IP4 " STAYS "\r\n");
        return;
    }
    describe(s, &sdp, call);
    carry(s, m, &sdp);
    text_free(&sdp);
}

void peer_describes(struct scene *s, struct said *m, bool call)
{
    struct text sdp = {0};
    describe_peer(s, &sdp, call);
    carry(s, m, &sdp);
    text_free(&sdp);
}
