/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One pass over a session description, line by line. The lines before the first m= describe the
 * session; each m= opens a section that runs to the next one. When a section closes, what it did
 * not say itself (connection, direction) comes from the session.
 *
 * Media beyond the index are read into a scratch record: their lines are judged like all others, so
 * that a description is good or bad whatever its length, but nothing of them is kept.
 */
#include "alg/sdp.h"

#include "alg/sip_header.h"
#include "alg/sip_scan.h"

static const char *const bad_texts[SDP_BAD_COUNT] = {
#define X(id, text) text,
    SDP_BAD_LIST(X)
#undef X
};

const char *sdp_bad_text(enum sdp_bad reason)
{
    return reason < SDP_BAD_COUNT ? bad_texts[reason] : "unknown reason";
}

struct parse {
    struct sdp *out;
    struct sdp_media *media;  /* the open section, NULL in the session part */
    struct sdp_media scratch; /* for media beyond the index */
    struct slice line;        /* without line end */
    struct slice value;       /* behind "x=" */
    bool direction_said;      /* at the level being read */
    bool blank;               /* an empty line has been seen */
    struct sdp_fault fault;
};

static int bad(struct parse *p, enum sdp_bad reason, const char *at)
{
    p->fault.reason = reason;
    p->fault.offset = (size_t)(at - p->out->bytes.p);
    p->fault.line = '\0';
    if (p->line.n >= 2 && p->line.p[1] == '=')
        p->fault.line = p->line.p[0];
    return -EINVAL;
}

/* Take the next word off *rest; empty at the end. Blanks around it are dropped. */
static struct slice take_word(struct slice *rest)
{
    size_t from = 0, to;
    while (from < rest->n && ascii_blank(rest->p[from]))
        from++;
    for (to = from; to < rest->n && !ascii_blank(rest->p[to]);)
        to++;
    struct slice word = slice_of(rest->p + from, to - from);
    *rest = slice_skip(*rest, to);
    return word;
}

/* Digits to a port; at most five of them. */
static int port_parse(struct slice text, uint16_t *out)
{
    uint32_t v;
    if (text.n > 5 || slice_u32(text, UINT16_MAX, &v) != 0)
        return -EINVAL;
    *out = (uint16_t)v;
    return 0;
}

/* An address whose type is not said or is `kind`; IPv4, IPv6 or a name. */
static int addr_parse(struct slice text, enum sdp_addr_kind kind, struct sdp_addr *out)
{
    struct sip_host host;
    struct sdp_addr a = {.kind = kind, .text = text};
    if (kind == SDP_ADDR_OTHER) {
        *out = a;
        return 0;
    }
    if (kind != SDP_ADDR_IP4 && sip_ip6_parse(text, &a.ip)) {
        a.kind = SDP_ADDR_IP6;
        a.is_zero = ip_addr_is_zero(&a.ip);
        *out = a;
        return 0;
    }
    if (sip_host_parse(text, false, &host, NULL) != 0 || host.has_port ||
        host.kind == SIP_HOST_IPV6 || (host.kind == SIP_HOST_IPV4 && kind == SDP_ADDR_IP6))
        return -EINVAL;
    a.kind = host.kind == SIP_HOST_IPV4 ? SDP_ADDR_IP4 : SDP_ADDR_NAME;
    a.ip = host.ip;
    a.is_zero = a.kind == SDP_ADDR_IP4 && a.ip.word[3] == 0;
    *out = a;
    return 0;
}

/* "IN IP4 10.0.0.1/127" as in c=, o= and a=rtcp; nothing may follow. */
static int typed_addr_parse(struct slice rest, struct sdp_addr *out)
{
    struct slice network = take_word(&rest), type = take_word(&rest), text = take_word(&rest);
    enum sdp_addr_kind kind = SDP_ADDR_OTHER;
    if (text.n == 0 || take_word(&rest).n)
        return -EINVAL;
    if (slice_ieq(network, SLICE_LIT("IN")) && slice_ieq(type, SLICE_LIT("IP4")))
        kind = SDP_ADDR_IP4;
    else if (slice_ieq(network, SLICE_LIT("IN")) && slice_ieq(type, SLICE_LIT("IP6")))
        kind = SDP_ADDR_IP6;
    if (kind != SDP_ADDR_OTHER)
        text = slice_head(text, slice_find(text, '/'));
    if (addr_parse(text, kind, out) != 0)
        return -ERANGE;
    out->type = type;
    return 0;
}

static int typed_addr(struct parse *p, struct slice rest, enum sdp_bad reason, struct sdp_addr *out)
{
    int err = typed_addr_parse(rest, out);
    return err ? bad(p, err == -ERANGE ? SDP_BAD_ADDRESS : reason, rest.p) : 0;
}

/* The first line is read before all others: this one is another. */
static int on_version(struct parse *p)
{
    return bad(p, SDP_BAD_TWICE, p->line.p);
}

static int on_origin(struct parse *p)
{
    struct sdp_origin *o = &p->out->origin;
    struct slice rest = p->value;
    if (p->media)
        return bad(p, SDP_BAD_ORDER, p->line.p);
    if (o->present)
        return bad(p, SDP_BAD_TWICE, p->line.p);
    o->user = take_word(&rest);
    o->session_id = take_word(&rest);
    o->session_version = take_word(&rest);
    if (typed_addr(p, rest, SDP_BAD_ORIGIN, &o->addr) != 0)
        return -EINVAL;
    o->line = p->line;
    o->present = true;
    return 0;
}

static int on_connection(struct parse *p)
{
    struct sdp_addr *c = p->media ? &p->media->connection : &p->out->connection;
    if (c->kind != SDP_ADDR_NONE)
        return bad(p, SDP_BAD_TWICE, p->line.p);
    return typed_addr(p, p->value, SDP_BAD_CONNECTION, c);
}

static void note_odd(struct parse *p)
{
    p->out->odd_lines |= 1u << (p->line.p[0] - 'a');
}

static int on_name(struct parse *p)
{
    if (p->media || p->out->name.n || p->value.n == 0)
        note_odd(p);
    else
        p->out->name = p->value;
    return 0;
}

static int on_info(struct parse *p)
{
    if (!p->media && p->out->info.n == 0)
        p->out->info = p->value;
    return 0;
}

static int on_bandwidth(struct parse *p)
{
    size_t colon = slice_find(p->value, ':');
    uint32_t v;
    if (colon == 0 || slice_u32(slice_trim(slice_skip(p->value, colon + 1)), UINT32_MAX, &v) != 0)
        note_odd(p);
    return 0;
}

static bool is_digits(struct slice s)
{
    size_t n = 0;
    while (n < s.n && ascii_digit(s.p[n]))
        n++;
    return n > 0 && n == s.n;
}

static int on_timing(struct parse *p)
{
    struct slice rest = p->value, start = take_word(&rest), stop = take_word(&rest);
    if (p->media || !is_digits(start) || !is_digits(stop) || take_word(&rest).n)
        note_odd(p);
    else if (p->out->timing.n == 0)
        p->out->timing = p->value;
    return 0;
}

/* What the session says goes for a section that says nothing. */
static void media_close(struct parse *p, const char *end)
{
    struct sdp_media *m = p->media;
    if (!m)
        return;
    m->section = slice_between(m->section.p, end);
    m->connection_own = m->connection.kind != SDP_ADDR_NONE;
    if (!m->connection_own)
        m->connection = p->out->connection;
    if (!p->direction_said)
        m->direction = p->out->direction;
    if (m->setup == SDP_SETUP_NONE)
        m->setup = p->out->setup;
    m->held = m->direction == SDP_SENDONLY || m->direction == SDP_INACTIVE || m->connection.is_zero;
}

/* The transport under a medium, by the first word of its protocol. */
static enum sdp_transport transport_of(struct slice proto)
{
    static const struct slice udp[] = {{"RTP", 3}, {"UDP", 3}, {"udptl", 5}, {"DTLS", 4}};
    struct slice first = slice_head(proto, slice_find(proto, '/'));
    if (slice_ieq(first, SLICE_LIT("TCP")))
        return SDP_TRANSPORT_TCP;
    for (unsigned i = 0; i < sizeof(udp) / sizeof(udp[0]); i++)
        if (slice_ieq(first, udp[i]))
            return SDP_TRANSPORT_UDP;
    return SDP_TRANSPORT_OTHER;
}

/* Is RTP a component of the protocol: "RTP/AVP", "UDP/TLS/RTP/SAVPF", "TCP/RTP/AVP"? */
static bool is_rtp(struct slice proto)
{
    while (proto.n) {
        size_t n = slice_find(proto, '/');
        if (slice_ieq(slice_head(proto, n), SLICE_LIT("RTP")))
            return true;
        proto = slice_skip(proto, n + 1);
    }
    return false;
}

/* "49170" or "49170/2" */
static int media_port(struct parse *p, struct slice text, struct sdp_media *m)
{
    size_t slash = slice_find(text, '/');
    m->port_text = slice_head(text, slash);
    m->count_text = slice_skip(text, slash + 1);
    m->count = 1;
    if (port_parse(m->port_text, &m->port) != 0)
        return bad(p, SDP_BAD_PORT, text.p);
    if (slash == text.n)
        return 0;
    if (port_parse(m->count_text, &m->count) != 0 || m->count == 0 ||
        m->port + 2u * (m->count - 1) > UINT16_MAX)
        return bad(p, SDP_BAD_PORT, m->count_text.p);
    return 0;
}

static int on_media(struct parse *p)
{
    struct slice rest = p->value;
    media_close(p, p->line.p);
    p->media = &p->scratch;
    if (p->out->n_media < SDP_MEDIA_MAX)
        p->media = &p->out->media[p->out->n_media++];
    else
        p->out->media_over++;
    p->direction_said = false;
    struct sdp_media *m = p->media;
    memset(m, 0, sizeof(*m));
    m->section = p->line;
    m->kind = take_word(&rest);
    struct slice port = take_word(&rest);
    m->proto = take_word(&rest);
    if (m->proto.n == 0)
        return bad(p, SDP_BAD_MEDIA, p->line.p);
    m->transport = transport_of(m->proto);
    m->rtp = is_rtp(m->proto);
    m->formats = slice_trim(rest);
    return media_port(p, port, m);
}

static int set_direction(struct parse *p, enum sdp_direction direction)
{
    enum sdp_direction *d = p->media ? &p->media->direction : &p->out->direction;
    if (p->direction_said && *d != direction)
        return bad(p, SDP_BAD_DIRECTION, p->line.p);
    p->direction_said = true;
    *d = direction;
    return 0;
}

static int on_rtcp(struct parse *p, struct slice value)
{
    struct sdp_rtcp rtcp = {.present = true};
    if (!p->media)
        return 0;
    if (p->media->rtcp.present)
        return bad(p, SDP_BAD_TWICE, p->line.p);
    rtcp.port_text = take_word(&value);
    if (port_parse(rtcp.port_text, &rtcp.port) != 0)
        return bad(p, SDP_BAD_RTCP, p->value.p);
    if (slice_trim(value).n && typed_addr(p, value, SDP_BAD_RTCP, &rtcp.addr) != 0)
        return -EINVAL;
    p->media->rtcp = rtcp;
    return 0;
}

/* What is not known says nothing. */
static void on_setup(struct parse *p, struct slice value)
{
    static const struct {
        struct slice name;
        enum sdp_setup setup;
    } rows[] = {
        {{"active", 6}, SDP_SETUP_ACTIVE},
        {{"passive", 7}, SDP_SETUP_PASSIVE},
        {{"actpass", 7}, SDP_SETUP_ACTPASS},
        {{"holdconn", 8}, SDP_SETUP_HOLDCONN},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (slice_ieq(slice_trim(value), rows[i].name))
            *(p->media ? &p->media->setup : &p->out->setup) = rows[i].setup;
}

static int on_attribute(struct parse *p)
{
    static const struct slice directions[] = {
        {"sendrecv", 8}, {"sendonly", 8}, {"recvonly", 8}, {"inactive", 8}};
    size_t colon = slice_find(p->value, ':');
    struct slice name = slice_trim(slice_head(p->value, colon));
    struct slice value = slice_skip(p->value, colon + 1);
    for (unsigned d = 0; d < sizeof(directions) / sizeof(directions[0]); d++)
        if (slice_ieq(name, directions[d]))
            return set_direction(p, d);
    if (slice_ieq(name, SLICE_LIT("rtcp")))
        return on_rtcp(p, value);
    if (slice_ieq(name, SLICE_LIT("ice-lite")))
        p->out->ice_lite = true;
    if (slice_ieq(name, SLICE_LIT("setup")))
        on_setup(p, value);
    if (!p->media)
        return 0;
    if (slice_ieq(name, SLICE_LIT("rtcp-mux-only")))
        p->media->rtcp_mux = p->media->rtcp_mux_only = true;
    else if (slice_ieq(name, SLICE_LIT("rtcp-mux")))
        p->media->rtcp_mux = true;
    else if (slice_ieq(name, SLICE_LIT("candidate")) && p->media->n_candidates < UINT16_MAX)
        p->media->n_candidates++;
    return 0;
}

/* By the letter of a line; NULL is a line that says nothing to us. */
static int (*const line_handlers[26])(struct parse *) = {
    ['v' - 'a'] = on_version, ['o' - 'a'] = on_origin,     ['s' - 'a'] = on_name,
    ['i' - 'a'] = on_info,    ['c' - 'a'] = on_connection, ['b' - 'a'] = on_bandwidth,
    ['t' - 'a'] = on_timing,  ['m' - 'a'] = on_media,      ['a' - 'a'] = on_attribute,
};

static int line_read(struct parse *p, bool first)
{
    if (p->line.n == 0) {
        p->blank = true;
        return first ? bad(p, SDP_BAD_VERSION, p->line.p) : 0;
    }
    if (p->blank)
        return bad(p, SDP_BAD_BLANK, p->line.p);
    char letter = p->line.p[0];
    if (p->line.n < 2 || p->line.p[1] != '=' || letter < 'a' || letter > 'z')
        return bad(p, SDP_BAD_LINE, p->line.p);
    p->value = slice_skip(p->line, 2);
    if (first)
        return slice_eq(p->line, SLICE_LIT("v=0")) ? 0 : bad(p, SDP_BAD_VERSION, p->line.p);
    return line_handlers[letter - 'a'] ? line_handlers[letter - 'a'](p) : 0;
}

/*
 * Cut the line at *at, which moves behind it. The first line end decides the kind of all but the
 * last, which may be any: gateways put a bare LF there, and a Content-Length one too small leaves
 * the CR of a CRLF.
 */
static int line_cut(struct parse *p, const char **at, size_t *eol)
{
    const char *end = p->out->bytes.p + p->out->bytes.n;
    const char *stop = sip_next_stop(*at, end);
    p->line = slice_between(*at, stop);
    *at = end;
    if (stop == end || (stop + 1 == end && *stop != '\0'))
        return 0;
    size_t n = *stop == '\r' ? 2 : 1;
    if (*stop == '\0' || (n == 2 && stop[1] != '\n'))
        return bad(p, SDP_BAD_EOL, stop);
    if (stop + n == end)
        return 0;
    if (*eol == 0)
        *eol = n;
    if (*eol != n)
        return bad(p, SDP_BAD_EOL, stop);
    *at = stop + n;
    return 0;
}

int sdp_parse(struct slice bytes, struct sdp *out, struct sdp_fault *fault)
{
    struct parse p = {.out = out};
    const char *at = bytes.p, *end = bytes.p;
    size_t eol = 0;
    int err = 0;
    memset(out, 0, offsetof(struct sdp, media));
    out->bytes = bytes;
    if (bytes.n == 0)
        err = bad(&p, SDP_BAD_EMPTY, bytes.p);
    else
        end += bytes.n;
    for (bool first = true; !err && at < end; first = false) {
        err = line_cut(&p, &at, &eol);
        if (!err)
            err = line_read(&p, first);
    }
    if (!err)
        media_close(&p, end);
    else if (fault)
        *fault = p.fault;
    return err;
}

/* "raddr 10.0.0.1 rport 5000" and other pairs behind the type. */
static int candidate_pairs(struct slice rest, struct sdp_candidate *c)
{
    for (;;) {
        struct slice name = take_word(&rest), value = take_word(&rest);
        if (name.n == 0)
            return 0;
        if (slice_ieq(name, SLICE_LIT("raddr"))) {
            if (c->related.kind != SDP_ADDR_NONE || addr_parse(value, SDP_ADDR_NONE, &c->related))
                return -EINVAL;
        } else if (slice_ieq(name, SLICE_LIT("rport"))) {
            if (c->related_port.n || port_parse(value, &c->related_port_value) != 0)
                return -EINVAL;
            c->related_port = value;
        }
    }
}

/* What stands behind "a=candidate:". */
static int candidate_parse(struct slice rest, struct sdp_candidate *c)
{
    uint32_t component;
    c->foundation = take_word(&rest);
    struct slice number = take_word(&rest);
    c->transport = take_word(&rest);
    struct slice priority = take_word(&rest), address = take_word(&rest);
    c->port_text = take_word(&rest);
    struct slice typ = take_word(&rest);
    c->type = take_word(&rest);
    if (slice_u32(number, 256, &component) != 0 ||
        slice_u32(priority, UINT32_MAX, &c->priority) != 0 ||
        addr_parse(address, SDP_ADDR_NONE, &c->addr) != 0 ||
        port_parse(c->port_text, &c->port) != 0 || !slice_ieq(typ, SLICE_LIT("typ")) ||
        c->type.n == 0)
        return -EINVAL;
    c->component = (uint16_t)component;
    return candidate_pairs(rest, c);
}

int sdp_candidate_next(struct slice *rest, struct sdp_candidate *out, struct sdp_fault *fault)
{
    const struct slice prefix = SLICE_LIT("a=candidate:");
    struct slice s = *rest;
    while (s.n) {
        size_t n = slice_find(s, '\n');
        struct slice line = slice_trim(slice_head(s, n));
        struct sdp_candidate c = {.line = line};
        s = slice_skip(s, n + 1);
        if (!slice_istarts(line, prefix))
            continue;
        if (candidate_parse(slice_skip(line, prefix.n), &c) != 0) {
            if (fault)
                *fault = (struct sdp_fault){SDP_BAD_CANDIDATE, (size_t)(line.p - rest->p), 'a'};
            return -EINVAL;
        }
        *out = c;
        *rest = s;
        return 1;
    }
    return 0;
}
