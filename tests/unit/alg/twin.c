/* SPDX-License-Identifier: BSD-3-Clause */
#include "twin.h"

#include "alg/alg_mapping.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct reading {
    struct twin *t;
    bool outside;
    size_t body; /* its bytes in this reading */
    struct text *out;
};

void twin_init(struct twin *t, struct rig *r, const struct rig_phone *phone)
{
    bool v6 = phone->inside6.port != 0;
    *t = (struct twin){.r = r};
    t->at = v6 ? phone->inside6 : ip_port_of4(phone->inside);
    t->public_at = v6 ? phone->inside6 : ip_port_of4(phone->public_side);
    ip_addr_print(&t->at.ip, t->inside);
    ip_addr_print(&t->public_at.ip, t->outside);
}

/* What stands outside for a port of the phone; false when it has no mapping. */
static bool public_of(const struct twin *t, char proto, unsigned port, unsigned *out)
{
    struct ip_port e = {t->at.ip, be16_of((uint16_t)port)};
    uint32_t i = alg_mapping_find_source(&t->r->mappings, proto == 't' ? 6 : 17, 1, e, 2);
    if (i == INDEX_NONE)
        return false;
    *out = be16_host(alg_mapping_public(&t->r->mappings, i).port);
    return true;
}

static unsigned number(const char *text)
{
    return (unsigned)strtoul(text, NULL, 10);
}

/* Nothing is translated. */
static bool is_plain(const struct twin *t)
{
    return ip_port_eq(t->at, t->public_at);
}

static void read_address(struct reading *r, char kind)
{
    struct twin *t = r->t;
    const char *ip = kind == 'P' ? t->outside : t->inside;
    bool brackets = !ip_addr_is4(&t->at.ip) && (kind == 'I' || kind == 'N');
    if (kind == 'n' || kind == 'N')
        t->stays++;
    else if (r->outside)
        ip = t->outside;
    text_printf(r->out, "%s%s%s", brackets ? "[" : "", ip, brackets ? "]" : "");
}

/* The port that belongs to a host outside, 0: as it is. */
static unsigned host_port(const struct twin *t, char place, char proto, unsigned port)
{
    unsigned found, own = be16_host(t->at.port), public_own = be16_host(t->public_at.port);
    if (port == own && proto == 'u')
        return public_own;
    if (public_of(t, proto, port, &found))
        return found;
    return port == own || place == 'V' ? public_own : 0;
}

static void read_host(struct reading *r, const char *mark)
{
    char place = mark[0], proto = mark[1], form = mark[2];
    unsigned port = form == 'b' ? 5060 : number(mark + 3), shown = port;
    bool person = place == 'P' && form == 'b';
    read_address(r, 'I');
    if (r->outside && !is_plain(r->t) && !person) {
        shown = host_port(r->t, place, proto, port);
        if (form == 'b' && shown != 0 && shown != 5060)
            form = 'e';
        if (shown == 0)
            shown = port;
    }
    if (form != 'b')
        text_printf(r->out, form == 's' ? " : %u" : ":%u", shown);
}

/* The public port of a media port, which must have one. */
static void put_public(struct reading *r, char proto, unsigned port)
{
    unsigned found;
    if (public_of(r->t, proto, port, &found))
        text_printf(r->out, "%u", found);
    else
        text_printf(r->out, "(no mapping of %u)", port);
}

static void read_media(struct reading *r, const char *mark, bool address)
{
    unsigned port = number(mark + 1);
    if (address)
        read_address(r, 'i');
    text_puts(r->out, address ? " " : "");
    if (r->outside)
        put_public(r, mark[0], port);
    else
        text_printf(r->out, "%u", port);
}

static void read_held(struct reading *r, const char *mark)
{
    unsigned port = number(mark + 1), found = port;
    if (r->outside)
        (void)public_of(r->t, mark[0], port, &found);
    text_printf(r->out, "%u", found);
}

/* "51000,6000" */
static void read_reflexive(struct reading *r, const char *mark)
{
    if (r->outside && !is_plain(r->t))
        put_public(r, 'u', number(strchr(mark, ',') + 1));
    else
        text_printf(r->out, "%u", number(mark));
}

static void read_trace(struct reading *r, const char *mark)
{
    bool traced = r->outside && !is_plain(r->t);
    if (mark[0] == 'l' && traced)
        text_printf(r->out, "%si=", mark + 1);
    if (mark[0] == '=' && !traced)
        text_puts(r->out, mark + 1);
    if (!traced)
        return;
    text_printf(r->out, "(o=IN IP4 %s)", r->t->inside);
    r->t->stays++;
}

static void read_mark(struct reading *r, struct slice mark)
{
    struct twin *t = r->t;
    char text[256];
    assert_true(mark.n > 0 && mark.n < sizeof(text));
    memcpy(text, mark.p, mark.n);
    text[mark.n] = '\0';
    switch (text[0]) {
    case 'h':
        read_host(r, text + 1);
        break;
    case 'm':
    case 'M':
        read_media(r, text + 1, text[0] == 'M');
        break;
    case 'k':
        read_held(r, text + 1);
        break;
    case 'q':
        read_reflexive(r, text + 1);
        break;
    case 't':
        read_trace(r, text + 1);
        break;
    case 'r':
        text_printf(r->out, "%u", be16_host(r->outside ? t->public_at.port : t->at.port));
        break;
    case 'L':
        text_printf(r->out, "%zu", r->body);
        break;
    case 'o':
        text_puts(r->out, is_plain(t) || !r->outside ? "10.0.0.2:5060" : "203.0.113.9:40999");
        break;
    default:
        assert_non_null(strchr("iInNP", text[0]));
        read_address(r, text[0]);
    }
}

static void read_part(struct reading *r, struct slice rest)
{
    while (rest.n) {
        size_t n = slice_find(rest, '\1');
        text_put(r->out, slice_head(rest, n));
        rest = slice_skip(rest, n);
        if (rest.n == 0)
            return;
        size_t end = slice_find(rest, '\2');
        assert_true(end < rest.n);
        read_mark(r, slice_of(rest.p + 1, end - 1));
        rest = slice_skip(rest, end + 1);
    }
}

void twin_read(struct twin *t, struct slice head, struct slice body, bool outside, struct text *out)
{
    struct text last = {0};
    struct reading r = {.t = t, .outside = outside, .out = &last};
    t->stays = 0;
    read_part(&r, body);
    r.body = last.n;
    r.out = out;
    read_part(&r, head);
    text_put(out, text_slice(&last));
    text_free(&last);
}
