/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The lines of a session description by their letters (RFC 8866 section 9). The line ends are those
 * that sdp.c accepts; a description that it refuses is looked at just as well, to say which line
 * is to blame.
 */
#include "alg/sip_grammar.h"

#include "alg/sip_scan.h"

/* What has been seen so far. */
struct walk {
    unsigned seen;           /* bit (letter - 'a') in the session part */
    bool media;              /* in a medium ... */
    bool connection;         /* ... that has, or whose session has, a c= line */
    bool wants_connection;   /* ... and whose port is not 0 */
    struct slice media_line; /* its m= line */
};

/* The next word; words stand one blank apart. Empty: none, or a blank too many. */
static struct slice word(struct slice *rest)
{
    size_t n = slice_find(*rest, ' ');
    struct slice w = slice_head(*rest, n);
    *rest = slice_skip(*rest, n + 1);
    return w;
}

static bool is_digits(struct slice s)
{
    size_t n = 0;
    while (n < s.n && ascii_digit(s.p[n]))
        n++;
    return n > 0 && n == s.n;
}

static bool is_token(struct slice s)
{
    return s.n > 0 && sip_span(s, SIP_CHAR_TOKEN) == s.n;
}

static bool is_number(struct slice s, uint32_t max)
{
    uint32_t value;
    return slice_u32(s, max, &value) == 0;
}

/* "IN IP4 10.0.0.1", of c= with "/ttl/count" (IPv4 groups) or "/count" (IPv6 groups). */
static bool is_place(struct slice rest, bool groups)
{
    struct slice net = word(&rest), type = word(&rest), address = word(&rest);
    struct sip_host host;
    struct ip_addr ip6;
    if (!is_token(net) || !is_token(type) || address.n == 0 || rest.n)
        return false;
    if (!slice_ieq(net, SLICE_LIT("IN")))
        return true;
    size_t slash = slice_find(address, '/');
    struct slice more = slice_skip(address, slash + 1);
    bool has_more = slash < address.n;
    address = slice_head(address, slash);
    size_t second = slice_find(more, '/');
    if (has_more && (!groups || !is_number(slice_head(more, second), 255) ||
                     (second < more.n && !is_digits(slice_skip(more, second + 1)))))
        return false;
    if (slice_ieq(type, SLICE_LIT("IP6")) && ipv6_parse(address, &ip6) == 0)
        return true;
    return sip_host_parse(address, false, &host, NULL) == 0 && !host.has_port &&
           host.kind != SIP_HOST_IPV6 &&
           (host.kind == SIP_HOST_NAME || slice_ieq(type, SLICE_LIT("IP4")));
}

static bool origin_ok(struct slice rest)
{
    struct slice user = word(&rest), id = word(&rest), version = word(&rest);
    return user.n && is_digits(id) && is_digits(version) && is_place(rest, false);
}

static bool bandwidth_ok(struct slice value)
{
    size_t colon = slice_find(value, ':');
    return is_token(slice_head(value, colon)) && is_digits(slice_skip(value, colon + 1));
}

/* Seconds, or a number of days, hours, minutes or seconds. */
static bool is_span(struct slice s)
{
    if (s.n > 1 && strchr("dhms", s.p[s.n - 1]))
        s.n--;
    return is_digits(s);
}

static bool zones_ok(struct slice rest)
{
    do {
        struct slice at = word(&rest), offset = word(&rest);
        if (offset.n && offset.p[0] == '-')
            offset = slice_skip(offset, 1);
        if (!is_digits(at) || !is_span(offset))
            return false;
    } while (rest.n);
    return true;
}

static bool key_ok(struct slice value)
{
    static const struct slice methods[] = {{"clear:", 6}, {"base64:", 7}, {"uri:", 4}};
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
        if (slice_istarts(value, methods[i]))
            return value.n > methods[i].n;
    return slice_ieq(value, SLICE_LIT("prompt"));
}

static bool timing_ok(struct slice rest)
{
    struct slice start = word(&rest), stop = word(&rest);
    return is_digits(start) && is_digits(stop) && rest.n == 0;
}

static bool repeat_ok(struct slice rest)
{
    unsigned n = 0;
    do {
        if (!is_span(word(&rest)))
            return false;
        n++;
    } while (rest.n);
    return n >= 3;
}

/* "0 PCMU/8000/1" */
static bool rtpmap_ok(struct slice rest)
{
    struct slice type = word(&rest);
    size_t slash = slice_find(rest, '/');
    struct slice clock = slice_skip(rest, slash + 1);
    clock = slice_head(clock, slice_find(clock, '/'));
    return is_number(type, 127) && is_token(slice_head(rest, slash)) && is_digits(clock);
}

static bool attribute_ok(struct slice value)
{
    size_t colon = slice_find(value, ':');
    struct slice name = slice_head(value, colon), rest = slice_skip(value, colon + 1);
    if (!is_token(name) || (colon < value.n && rest.n == 0))
        return false;
    if (slice_ieq(name, SLICE_LIT("rtpmap")))
        return rtpmap_ok(rest);
    if (slice_ieq(name, SLICE_LIT("rtcp"))) {
        struct slice port = word(&rest);
        return is_number(port, UINT16_MAX) && (rest.n == 0 || is_place(rest, false));
    }
    if (slice_ieq(name, SLICE_LIT("sendrecv")) || slice_ieq(name, SLICE_LIT("sendonly")) ||
        slice_ieq(name, SLICE_LIT("recvonly")) || slice_ieq(name, SLICE_LIT("inactive")))
        return colon == value.n;
    return true;
}

static bool media_ok(struct slice rest)
{
    struct slice kind = word(&rest), port = word(&rest), proto = word(&rest);
    size_t slash = slice_find(port, '/');
    bool rtp = slice_istarts(proto, SLICE_LIT("RTP/"));
    if (!is_token(kind) || !is_number(slice_head(port, slash), UINT16_MAX) || proto.n == 0 ||
        (slash < port.n && !is_digits(slice_skip(port, slash + 1))))
        return false;
    do {
        struct slice format = word(&rest);
        if (format.n == 0 || (rtp && !is_number(format, 127)))
            return false;
    } while (rest.n);
    return true;
}

static bool version_ok(struct slice value)
{
    return slice_eq(value, SLICE_LIT("0"));
}

static bool any_text(struct slice value)
{
    return value.n > 0;
}

static bool connection_ok(struct slice value)
{
    return is_place(value, true);
}

static const struct {
    bool (*ok)(struct slice value);
    uint8_t check;
    bool once; /* in the session part, and nowhere else but where RFC 8866 5 has it in media */
} lines[26] = {
    ['v' - 'a'] = {version_ok, VOIP_CHECK_SDP_V, true},
    ['o' - 'a'] = {origin_ok, VOIP_CHECK_SDP_O, true},
    ['s' - 'a'] = {any_text, VOIP_CHECK_SDP_S, true},
    ['i' - 'a'] = {any_text, VOIP_CHECK_SDP_I, true},
    ['c' - 'a'] = {connection_ok, VOIP_CHECK_SDP_C, false},
    ['b' - 'a'] = {bandwidth_ok, VOIP_CHECK_SDP_B, false},
    ['z' - 'a'] = {zones_ok, VOIP_CHECK_SDP_Z, true},
    ['k' - 'a'] = {key_ok, VOIP_CHECK_SDP_K, true},
    ['a' - 'a'] = {attribute_ok, VOIP_CHECK_SDP_A, false},
    ['t' - 'a'] = {timing_ok, VOIP_CHECK_SDP_T, false},
    ['r' - 'a'] = {repeat_ok, VOIP_CHECK_SDP_R, false},
    ['m' - 'a'] = {media_ok, VOIP_CHECK_SDP_M, false},
};

enum voip_check sdp_grammar_check(char letter)
{
    return letter >= 'a' && letter <= 'z' && lines[letter - 'a'].ok ? lines[letter - 'a'].check
                                                                    : VOIP_CHECK_COUNT;
}

/* A medium that is in use has a c= line, or the session has one. */
static bool media_end(const struct walk *w, const struct sip_search *search)
{
    return w->wants_connection && !w->connection && sip_search_wants(search, VOIP_CHECK_SDP_C) &&
           sip_search_tell(search, VOIP_CHECK_SDP_C, w->media_line);
}

static bool media_port_0(struct slice value)
{
    (void)word(&value);
    return slice_eq(word(&value), SLICE_LIT("0"));
}

/* One line "x=value"; `bit` is that of its letter. */
static bool line_search(struct walk *w, struct slice line, unsigned bit,
                        const struct sip_search *search)
{
    struct slice value = slice_skip(line, 2);
    bool twice = lines[bit].once && !w->media && w->seen >> bit & 1;
    bool misplaced = lines[bit].once && w->media && bit != 'i' - 'a' && bit != 'k' - 'a';
    if (bit == 'm' - 'a') {
        if (media_end(w, search))
            return true;
        w->media = true;
        w->connection = w->seen >> ('c' - 'a') & 1;
        w->wants_connection = !media_port_0(value);
        w->media_line = line;
    } else if (bit == 'c' - 'a' && w->media) {
        w->connection = true;
    }
    if (!w->media)
        w->seen |= 1u << bit;
    return (twice || misplaced || !lines[bit].ok(value)) &&
           sip_search_wants(search, lines[bit].check) &&
           sip_search_tell(search, lines[bit].check, line);
}

/* v=, o=, s= and t= are there in every description. */
static bool missing_search(const struct walk *w, const struct sip_search *search)
{
    for (const char *c = "vost"; *c; c++) {
        unsigned bit = (unsigned)(*c - 'a');
        if (!(w->seen >> bit & 1) && sip_search_wants(search, lines[bit].check) &&
            sip_search_tell(search, lines[bit].check, SLICE_NONE))
            return true;
    }
    return false;
}

bool sdp_grammar(struct slice description, const struct sip_search *search)
{
    struct walk w = {0};
    for (struct slice rest = description; rest.n;) {
        size_t n = slice_find(rest, '\n');
        struct slice line = slice_head(rest, n);
        rest = slice_skip(rest, n + 1);
        if (line.n && line.p[line.n - 1] == '\r')
            line.n--;
        if (line.n < 2 || line.p[1] != '=' || line.p[0] < 'a' || line.p[0] > 'z')
            continue;
        unsigned bit = (unsigned)(line.p[0] - 'a');
        if (lines[bit].ok && line_search(&w, line, bit, search))
            return true;
    }
    return media_end(&w, search) || missing_search(&w, search);
}
