/* SPDX-License-Identifier: BSD-3-Clause */
#include "random_sip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define SERVER       "198.51.100.44"
#define URI_STAYS    TWIN_URI_STAYS
#define STAYS        TWIN_STAYS
#define CONTACT_PORT 5062

static void text_set(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void text_set(struct text *t, const char *format, ...)
{
    va_list args;
    text_clear(t);
    va_start(args, format);
    text_vprintf(t, format, args);
    va_end(args);
}

static const char *string(const struct text *t)
{
    return t->p ? t->p : "";
}

/*
 * Messages
 */

void said_line(struct said *m, const char *header, const char *format, ...)
{
    va_list args;
    assert_true(m->n < SAID_LINES);
    struct text *value = &m->line[m->n].value;
    m->line[m->n++].header = header;
    text_clear(value);
    va_start(args, format);
    text_vprintf(value, format, args);
    va_end(args);
}

void said_free(struct said *m)
{
    text_free(&m->start);
    text_free(&m->body);
    for (unsigned i = 0; i < SAID_LINES; i++)
        text_free(&m->line[i].value);
    *m = (struct said){0};
}

static void said_begin(struct said *m)
{
    text_clear(&m->start);
    text_clear(&m->body);
    m->n = 0;
}

/* In any order, but lines of one header among themselves. */
static void said_shuffle(struct scene *s, struct said *m)
{
    unsigned order[SAID_LINES];
    for (unsigned i = 0; i < m->n; i++) {
        unsigned k = rng_below(&s->rng, i + 1);
        order[i] = k < i ? order[k] : i;
        order[k] = i;
    }
    for (unsigned i = 0; i < m->n; i++)
        for (unsigned k = i + 1; k < m->n; k++)
            if (strcmp(m->line[order[i]].header, m->line[order[k]].header) == 0 &&
                order[i] > order[k]) {
                unsigned swap = order[i];
                order[i] = order[k];
                order[k] = swap;
            }
    struct said before = *m;
    for (unsigned i = 0; i < m->n; i++)
        m->line[i] = before.line[order[i]];
}

static void name_write(struct scene *s, const char *name, struct text *out)
{
    static const struct {
        const char *name, *compact;
    } forms[] = {{"Via", "v"},
                 {"From", "f"},
                 {"To", "t"},
                 {"Call-ID", "i"},
                 {"Contact", "m"},
                 {"Content-Type", "c"},
                 {"Content-Length", "l"},
                 {"Refer-To", "r"},
                 {"Referred-By", "b"},
                 {"Supported", "k"},
                 {"Subject", "s"},
                 {"Identity", "y"}};
    if (chance(s, 3))
        for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
            if (strcmp(forms[i].name, name) == 0)
                name = forms[i].compact;
    unsigned how = rng_below(&s->rng, 5);
    for (const char *p = name; *p; p++) {
        char lower = ascii_lower(*p);
        bool up = lower >= 'a' && lower <= 'z' && (how == 1 || (how == 3 && chance(s, 2)));
        char c = up ? (char)(lower - 0x20) : how == 2 || how == 3 ? lower : *p;
        text_put(out, slice_of(&c, 1));
    }
}

void said_write(struct scene *s, struct said *m, struct text *head)
{
    if (m->body.n == 0 ? chance(s, 2) : !chance(s, 4))
        said_line(m, "Content-Length", "%s", TWIN_LENGTH);
    said_shuffle(s, m);
    text_clear(head);
    text_printf(head, "%s%s", string(&m->start), s->eol);
    for (unsigned i = 0; i < m->n; i++) {
        name_write(s, m->line[i].header, head);
        text_puts(head, PICK(s, ":", ": ", ": ", ":\t", " : ", ":  "));
        if (chance(s, 8))
            text_printf(head, "%s%s", s->eol, PICK(s, " ", "\t", "   "));
        text_printf(head, "%s%s%s", string(&m->line[i].value), PICK(s, "", "", "", " "), s->eol);
    }
    text_puts(head, s->eol);
}

/* Blanks between two words, or where there need be none. */
static const char *blank(struct scene *s)
{
    bool lf = s->eol[0] == '\n';
    return PICK(s, " ", " ", "  ", "\t", lf ? "\n " : "\r\n ", lf ? "\n\t" : "\r\n\t");
}

static const char *maybe_blank(struct scene *s)
{
    return chance(s, 4) ? blank(s) : "";
}

/* Values of one header: each on a line, or several with commas between them. */
static void said_list(struct scene *s, struct said *m, const char *header,
                      const struct text *values, unsigned n)
{
    for (unsigned i = 0; i < n;) {
        struct text line = {0};
        text_puts(&line, string(&values[i++]));
        while (i < n && chance(s, 2)) {
            text_printf(&line, "%s,%s", maybe_blank(s), maybe_blank(s));
            text_puts(&line, string(&values[i++]));
        }
        said_line(m, header, "%s", line.p);
        text_free(&line);
    }
}

/*
 * Addresses
 */

/* <uri> or uri, with a display name before it or not; what follows begins with a semicolon. */
static void address(struct scene *s, struct text *out, const char *host, const char *params)
{
    const char *user = PICK(s, "a@", "+1-201-555-0123@", "a:secret@", "10.0.0.9@", "");
    const char *scheme = PICK(s, "sip:", "sip:", "sip:", "SIP:");
    if (params[0] == '\0' && chance(s, 4)) {
        text_printf(out, "%s%s%s", scheme, user, host);
        return;
    }
    const char *own = PICK(s, "", "", ";user=phone", ";z=" URI_STAYS, ";lr");
    text_printf(out, "%s<%s%s%s%s%s>",
                PICK(s, "", "", "Al ", "\"x, <y>; \\\"z\\\"\" ", "\"" STAYS "\" ", "Al B"), scheme,
                user, host, params, own);
}

static void via_values(struct scene *s)
{
    s->n_vias = 1 + (chance(s, 3) ? rng_below(&s->rng, SCENE_VIAS) : 0);
    for (unsigned i = 0; i < s->n_vias; i++) {
        const char *host = i == 0 || chance(s, 3)
                               ? s->via
                               : PICK(s, "10.0.0.7:5060", "10.0.0.8", "proxy.lan", "[2001:db8::9]");
        const char *seen = !s->via_kept || strcmp(host, s->via) != 0 ? TWIN_IP : TWIN_PUBLIC;
        struct text *sent = &s->via_sent[i], *back = &s->via_back[i];
        text_set(sent, "%s%s%s%s;%sbranch=z9hG4bK%u%s%s",
                 PICK(s, "SIP/2.0/UDP", "SIP/2.0/UDP", "SIP / 2.0 / UDP", "sip/2.0/udp"), blank(s),
                 host, maybe_blank(s), maybe_blank(s), rng_below(&s->rng, 100000),
                 PICK(s, "", "", ";x=" URI_STAYS, ";alias"),
                 host[0] == '\1' && host[1] == 'h' && chance(s, 4) ? ";maddr=" TWIN_URI_IP : "");
        text_set(back, "%s", sent->p);
        if (i > 0 || chance(s, 4))
            continue;
        /* RFC 3261 18.2.1, RFC 3581 4 */
        bool asked = chance(s, 2), swap = chance(s, 2);
        text_puts(sent, asked ? ";rport" : "");
        if (swap)
            text_printf(back, ";received=%s", seen);
        if (asked && s->via_kept)
            text_printf(back, ";rport=%u", be16_host(s->twin.public_at.port));
        else if (asked)
            text_puts(back, ";rport=" TWIN_PORT);
        if (!swap)
            text_printf(back, ";received=%s", seen);
    }
}

/* What the peer's Via is, and what comes back of it. */
static void peer_via_values(struct scene *s)
{
    s->n_vias = 1 + rng_below(&s->rng, 2);
    for (unsigned i = 0; i < s->n_vias; i++) {
        text_set(&s->via_sent[i], "SIP/2.0/UDP%s%s;branch=z9hG4bK%u", blank(s),
                 PICK(s, SERVER, SERVER ":5060", "proxy.example.net"), rng_below(&s->rng, 100000));
        text_set(&s->via_back[i], "%s%s", s->via_sent[i].p,
                 i == 0 ? PICK(s, "", ";received=" SERVER, ";received=" SERVER ";rport=5060") : "");
    }
}

static void contact_values(struct scene *s)
{
    s->n_contacts = 1 + rng_below(&s->rng, SCENE_CONTACTS);
    for (unsigned i = 0; i < s->n_contacts; i++) {
        struct text *t = &s->contacts[i];
        char host[32];
        snprintf(host, sizeof(host), "%s", s->contact);
        if (i > 0 && s->contact_port)
            snprintf(host, sizeof(host), TWIN_HOST, 'U', 'u', 'e', s->contact_port);
        const char *params = i > 0 && s->contact_port ? "" : s->contact_params;
        text_clear(t);
        if (i > 0) {
            address(s, t, host, params);
            continue;
        }
        const char *user = PICK(s, "a@", "", "10.0.0.9@");
        text_set(&s->target, "sip:%s%s%s", user, host, params);
        if (params[0] == '\0' && chance(s, 3))
            text_puts(t, s->target.p);
        else
            text_printf(t, "\"" STAYS ", x\"%s<%s>", maybe_blank(s), s->target.p);
    }
}

static void route_values(struct scene *s)
{
    s->n_routes = rng_below(&s->rng, SCENE_ROUTES + 1);
    for (unsigned i = 0; i < s->n_routes; i++)
        text_set(&s->routes[i], "<sip:%s%s;lr>%s", PICK(s, "", "x@"),
                 chance(s, 3) ? "10.0.0.7" : s->route, PICK(s, "", "", ";x=1"));
}

static void place_write(char *out, char place, char proto, char form, unsigned port)
{
    snprintf(out, 32, TWIN_HOST, place, proto, form, port);
}

/*
 * Scenes
 */

/*
 * One way of writing for a class. `port`: one of its own that other classes do not use. A missing
 * port means 5060, and who speaks from another one wants it for Contacts alone: what stands for it
 * depends on whether it was opened yet.
 */
static void scene_place(struct scene *s, char out[32], char place, unsigned port, bool restored)
{
    unsigned own = be16_host(s->twin.at.port), how = rng_below(&s->rng, restored ? 3 : 7);
    char form = place == 'V'                                          ? 's'
                : place == 'U' && own != 5060 && port != CONTACT_PORT ? 'e'
                                                                      : 'b';
    const char *names[] = {"phone.lan", "10.0.0.7:5060"};
    if (how == 0)
        place_write(out, place, 'u', form == 's' ? 'b' : form, form == 'e' ? own : 5060);
    else if (how == 1)
        place_write(out, place, 'u', 'e', own);
    else if (how == 2)
        snprintf(out, 32, "%s", names[chance(s, 3)]);
    else if (how == 3)
        place_write(out, place, 'u', 'e', port);
    else if (how == 4 && ip_addr_is4(&s->twin.at.ip))
        snprintf(out, 32, TWIN_PUBLIC ":%u", be16_host(s->twin.public_at.port));
    else
        place_write(out, place, 'u', form, form == 'b' ? 5060 : own);
}

void scene_init(struct scene *s, struct rig *r, const struct rig_phone *phone, uint64_t seed,
                bool restored)
{
    *s = (struct scene){.rng = {seed}, .phone = phone};
    twin_init(&s->twin, r, phone);
    s->eol = chance(s, 5) ? "\n" : "\r\n";
    s->nat_trace = r->profile.nat_trace;
    s->preserve_override = r->profile.preserve_override;
    scene_place(s, s->via, 'V', 5099, false);
    s->via_kept = strncmp(s->via, TWIN_PUBLIC, strlen(TWIN_PUBLIC)) == 0;
    scene_place(s, s->contact, 'U', CONTACT_PORT, false);
    scene_place(s, s->route, 'U', 5070, false);
    scene_place(s, s->own, 'P', 5080, restored);
    scene_place(s, s->other, 'U', 5075, false);
    if (chance(s, 3))
        scene_place(s, s->peer, 'P', 5085, false);
    else
        snprintf(s->peer, sizeof(s->peer), "%s",
                 PICK(s, "example.net", SERVER, SERVER ":5060", TWIN_PUBLIC));
    s->contact_params = PICK(s, "", "", ";ob", ";transport=udp", ";x=" URI_STAYS);
    if (ip_addr_is4(&s->twin.at.ip) && chance(s, 8)) {
        snprintf(s->contact, sizeof(s->contact), TWIN_NEIGHBOUR);
    } else if (chance(s, 8)) {
        place_write(s->contact, 'U', 't', 'e', be16_host(s->twin.at.port));
        s->contact_params = ";transport=tcp";
    }
    if (!ip_addr_is4(&s->twin.at.ip) && strcmp(s->peer, TWIN_PUBLIC) == 0)
        snprintf(s->peer, sizeof(s->peer), "example.net");
    s->contact_port = chance(s, 2) ? 5066 : 0;
    s->rtcp_apart = chance(s, 3);
    s->connects = chance(s, 3);
    s->id = rng_below(&s->rng, 1000000);
}

void scene_free(struct scene *s)
{
    struct text *all[] = {&s->call_id, &s->from, &s->to, &s->target, &s->sent_from, &s->sent_to};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        text_free(all[i]);
    for (unsigned i = 0; i < SCENE_VIAS; i++) {
        text_free(&s->via_sent[i]);
        text_free(&s->via_back[i]);
    }
    for (unsigned i = 0; i < SCENE_ROUTES; i++)
        text_free(&s->routes[i]);
    for (unsigned i = 0; i < SCENE_CONTACTS; i++)
        text_free(&s->contacts[i]);
}

void scene_dialog(struct scene *s, bool by_peer)
{
    s->id++;
    s->cseq = rng_below(&s->rng, 1000);
    s->n_routes = s->stream = 0;
    s->offers++; /* on ports that no dialog had before */
    s->signs = false;
    text_set(&s->call_id, "%u@" STAYS, s->id);
    text_clear(&s->from);
    text_clear(&s->to);
    address(s, &s->from, s->own, "");
    if (by_peer)
        text_puts(&s->to,
                  PICK(s, "<sip:b@" SERVER ">", "sip:b@example.net", "\"B\" <sip:" SERVER ">"));
    else
        address(s, &s->to, s->peer, "");
}

void scene_sign(struct scene *s)
{
    s->signs = true;
    text_set(&s->from, "<sip:a@%s>", PICK(s, URI_STAYS, "example.net"));
    text_set(&s->to, "<sip:b@%s>", PICK(s, URI_STAYS, "example.net"));
}

/*
 * Requests and responses
 */

/* Headers that a phone or a proxy inside may add. */
static void phone_adds(struct scene *s, struct said *m)
{
    static const struct {
        const char *header, *value; /* %s: the class `other` or `route` */
    } rows[] = {
        {"Max-Forwards", "70"},
        {"User-Agent", "x/" STAYS},
        {"Subject", STAYS ", <x>;"},
        {"X-Address", STAYS ":5060"},
        {"Authorization", "Digest username=\"a\", uri=\"sip:" STAYS "\", response=\"0\""},
        {"Supported", "timer, 100rel"},
        {"Refer-To", "<sip:x@%s?Replaces=c%40" STAYS ">"},
        {"Referred-By", "\"A, B\" <sip:a@%s>"},
        {"P-Asserted-Identity", "\"A\" <sip:a@%s>, <tel:+1>"},
        {"P-Preferred-Identity", "<sip:a@%s>"},
        {"Diversion", "<sip:a@%s>;reason=unknown"},
        {"Reply-To", "<sip:%s>"},
        {"History-Info", "<sip:a@%s?Reason=SIP>;index=1, <sip:b@example.net>;index=1.1"},
        {"Remote-Party-ID", "<sip:a@%s>;party=calling"},
        {"Warning", "399 %s \"" STAYS "\", 399 pc.lan \"x, y\""},
        {"P-Charging-Vector", "icid-value=\"x;" STAYS "\";icid-generated-at=" TWIN_IP},
        {"Call-Info", "<http://" TWIN_URI_IP ":8080/a?b=" STAYS ">;purpose=icon, <sip:%s>"},
        {"Alert-Info", "<sip:%s>, <cid:" STAYS ">"},
        {"Geolocation", "<cid:x@" STAYS ">"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (!chance(s, 4))
            continue;
        const char *value = rows[i].value, *at = strstr(value, "%s");
        s->referred |= at != NULL;
        if (at)
            said_line(m, rows[i].header, "%.*s%s%s", (int)(at - value), value, s->other, at + 2);
        else
            said_line(m, rows[i].header, "%s", value);
    }
    if (chance(s, 4))
        said_line(m, "Path", "<sip:%s;lr>", s->route);
    if (chance(s, 4))
        said_line(m, "Route", "<sip:" SERVER ";lr>%s,%s<sip:%s;lr>", maybe_blank(s), maybe_blank(s),
                  s->route);
}

/* What the outside may say of the phone: as the phone said it before, it comes back. */
static void peer_adds(struct scene *s, struct said *m)
{
    if (s->referred && chance(s, 2))
        said_line(m, "Referred-By", "<sip:a@%s>", s->other);
    if (s->referred && chance(s, 2))
        said_line(m, "Diversion", "\"x\" <sip:a@%s>;reason=unknown, <sip:" SERVER ">", s->other);
    if (chance(s, 4))
        said_line(m, "P-Charging-Vector", "icid-value=1;icid-generated-at=%s", TWIN_IP);
    if (chance(s, 4))
        said_line(m, "Server", "x/1.0");
    if (chance(s, 4))
        said_line(m, "Contact", "<sip:b@" SERVER ":5060>");
}

static void said_dialog(struct scene *s, struct said *m)
{
    said_line(m, "From", "%s", string(&s->sent_from));
    said_line(m, "To", "%s", string(&s->sent_to));
    said_line(m, "Call-ID", "%s", string(&s->call_id));
    said_line(m, "CSeq", "%u%s%s", s->cseq, blank(s), s->method);
}

static void request_begin(struct scene *s, struct said *m, const char *method, bool first)
{
    said_begin(m);
    s->method = method;
    s->first = first;
    if (strcmp(method, "ACK") != 0 && strcmp(method, "CANCEL") != 0)
        s->cseq++;
}

static bool establishes(const struct scene *s)
{
    return strcmp(s->method, "INVITE") == 0 || strcmp(s->method, "SUBSCRIBE") == 0 ||
           strcmp(s->method, "REGISTER") == 0;
}

static void phone_contacts(struct scene *s, struct said *m, bool needed)
{
    if (!needed && !chance(s, 3))
        return;
    if (!s->contacted)
        contact_values(s);
    s->contacted = true;
    said_list(s, m, "Contact", s->contacts, s->n_contacts);
}

void phone_asks(struct scene *s, struct said *m, const char *method, bool first)
{
    request_begin(s, m, method, first);
    text_printf(
        &m->start, "%s %s SIP/2.0", method,
        PICK(s, "sip:b@example.net", "sip:" SERVER ":5060;lr", "sip:b@" URI_STAYS, "tel:+1"));
    via_values(s);
    text_set(&s->sent_from, "%s%s;tag=f%u", string(&s->from), maybe_blank(s), s->id);
    text_set(&s->sent_to, "%s", string(&s->to));
    if (!first)
        text_printf(&s->sent_to, "%s;tag=p%u", maybe_blank(s), s->id);
    s->known |= !s->signs;
    said_list(s, m, "Via", s->via_sent, s->n_vias);
    said_dialog(s, m);
    if (first && strcmp(method, "REGISTER") != 0 && chance(s, 2))
        route_values(s);
    if (first)
        said_list(s, m, "Record-Route", s->routes, s->n_routes);
    phone_contacts(s, m, establishes(s));
    if (s->signs)
        said_line(m, "Identity", "abc");
    phone_adds(s, m);
}

void peer_answers(struct scene *s, struct said *m, unsigned status)
{
    said_begin(m);
    text_printf(&m->start, "SIP/2.0 %u%s", status, PICK(s, " OK", " What, 10.0.0.1?", " "));
    if (s->first)
        text_printf(&s->sent_to, "%s;tag=p%u", maybe_blank(s), s->id);
    said_list(s, m, "Via", s->via_back, s->n_vias);
    said_dialog(s, m);
    if (s->first && s->n_routes && chance(s, 2))
        said_line(m, "Record-Route", "<sip:" SERVER ";lr>");
    if (s->first)
        said_list(s, m, "Record-Route", s->routes, s->n_routes);
    if (strcmp(s->method, "REGISTER") == 0)
        said_list(s, m, "Contact", s->contacts, s->n_contacts);
    peer_adds(s, m);
}

void peer_asks(struct scene *s, struct said *m, const char *method, bool first)
{
    request_begin(s, m, method, first);
    peer_via_values(s);
    if (s->contacted)
        text_printf(&m->start, "%s %s SIP/2.0", method, string(&s->target));
    else
        text_printf(&m->start, "%s sip:a@" TWIN_HOST " SIP/2.0", method, 'U', 'u', 'e',
                    be16_host(s->twin.at.port));
    text_set(&s->sent_from, "%s%s;tag=p%u", string(&s->to), maybe_blank(s), s->id);
    text_set(&s->sent_to, "%s", string(&s->from));
    if (!first)
        text_printf(&s->sent_to, "%s;tag=f%u", maybe_blank(s), s->id);
    said_list(s, m, "Via", s->via_sent, s->n_vias);
    said_dialog(s, m);
    if (!first)
        said_list(s, m, "Route", s->routes, s->n_routes);
    peer_adds(s, m);
}

void phone_answers(struct scene *s, struct said *m, unsigned status)
{
    said_begin(m);
    text_printf(&m->start, "SIP/2.0 %u%s", status, PICK(s, " OK", " What, 10.0.0.9?", " "));
    if (s->first)
        text_printf(&s->sent_to, "%s;tag=f%u", maybe_blank(s), s->id);
    said_list(s, m, "Via", s->via_back, s->n_vias);
    said_dialog(s, m);
    if (s->first && chance(s, 2)) {
        route_values(s);
        said_list(s, m, "Record-Route", s->routes, s->n_routes);
        said_line(m, "Record-Route", "<sip:" SERVER ";lr>");
    }
    phone_contacts(s, m, establishes(s));
    phone_adds(s, m);
}
