/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Positions in the ring count bytes for ever and are taken modulo its size. A record is never
 * wrapped round the end: where it does not fit a filler takes the rest. All sizes are multiples of
 * 8, so that there is always room for the first two words of a filler.
 */
#include "alg/sip_debug.h"

#include "alg/alg_state.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct sip_debug {
    uint32_t head;                              /* atomic; the ALG's */
    uint64_t lost;                              /* atomic; the ALG's */
    uint32_t tail __attribute__((aligned(64))); /* atomic; control's */
    uint32_t mask;                              /* atomic; control's */
    char ring[SIP_DEBUG_RING] __attribute__((aligned(64)));
};

struct sip_debug *sip_debug_create(void)
{
    struct sip_debug *debug = aligned_alloc(64, sizeof(*debug));
    if (debug)
        memset(debug, 0, sizeof(*debug));
    return debug;
}

void sip_debug_destroy(struct sip_debug *debug)
{
    free(debug);
}

static void put_u32(char *at, uint32_t size, uint32_t bits)
{
    memcpy(at, &size, sizeof(size));
    memcpy(at + sizeof(size), &bits, sizeof(bits));
}

/* `r` is complete but for size, bits and n. */
static void put(struct alg *alg, struct sip_debug_record *r, uint32_t bits, struct slice text)
{
    struct sip_debug *debug = alg->debug;
    text = slice_head(text, SIP_DEBUG_TEXT);
    uint32_t size = (uint32_t)(sizeof(*r) + text.n + 7) & ~7u, at = debug->head;
    uint32_t rest = SIP_DEBUG_RING - at % SIP_DEBUG_RING, filler = rest < size ? rest : 0;
    uint32_t used = at - __atomic_load_n(&debug->tail, __ATOMIC_ACQUIRE);
    if (SIP_DEBUG_RING - used < filler + size) {
        __atomic_store_n(&debug->lost, debug->lost + 1, __ATOMIC_RELAXED);
        return;
    }
    if (filler)
        put_u32(debug->ring + at % SIP_DEBUG_RING, filler, 0);
    r->size = size;
    r->bits = bits;
    r->n = (uint16_t)text.n;
    char *to = debug->ring + (at + filler) % SIP_DEBUG_RING;
    memcpy(to, r, sizeof(*r));
    if (text.n)
        memcpy(to + sizeof(*r), text.p, text.n);
    __atomic_store_n(&debug->head, at + filler + size, __ATOMIC_RELEASE);
}

bool sip_debug_on(const struct alg *alg, unsigned bits)
{
    return __atomic_load_n(&alg->debug->mask, __ATOMIC_RELAXED) & bits;
}

static struct sip_debug_record of_packet(const struct alg_packet *packet)
{
    struct sip_debug_record r = {.at_ms = packet->now_ms,
                                 .src = packet->src,
                                 .dst = packet->dst,
                                 .policy_id = packet->policy_id,
                                 .ifindex = packet->in_ifindex};
    memcpy(r.profile, packet->profile->name, sizeof(r.profile));
    return r;
}

static struct sip_debug_record of_dialog(const struct alg *alg, const struct dialog *d)
{
    struct sip_debug_record r = {.at_ms = alg->now_ms,
                                 .src = d->src,
                                 .dst = d->dst,
                                 .policy_id = d->policy_id,
                                 .ifindex = d->in_ifindex};
    memcpy(r.profile, d->profile, sizeof(r.profile));
    return r;
}

__attribute__((format(printf, 4, 5))) static void say(struct alg *alg, struct sip_debug_record *r,
                                                      uint32_t bit, const char *format, ...)
{
    char line[512];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    put(alg, r, bit, slice_of(line, n < (int)sizeof(line) ? (size_t)n : sizeof(line) - 1));
}

static void message(struct alg *alg, struct sip_debug_record *r, struct slice bytes)
{
    if (!sip_debug_on(alg, SIP_DEBUG_ASCII | SIP_DEBUG_HEX))
        return;
    r->whole = (uint32_t)bytes.n;
    put(alg, r, SIP_DEBUG_ASCII | SIP_DEBUG_HEX, bytes);
    r->whole = 0;
}

struct ends {
    char src[IP_PORT_TEXT_MAX], dst[IP_PORT_TEXT_MAX];
};

static struct ends ends_print(const struct ip_port *src, const struct ip_port *dst)
{
    struct ends e;
    ip_port_print(&src->ip, src->port, e.src);
    ip_port_print(&dst->ip, dst->port, e.dst);
    return e;
}

void sip_debug_read(struct alg *alg, const struct alg_packet *packet)
{
    if (!sip_debug_on(alg, UINT32_MAX))
        return;
    struct sip_debug_record r = of_packet(packet);
    struct ends e = ends_print(&packet->src, &packet->dst);
    if (sip_debug_on(alg, SIP_DEBUG_SESSION)) {
        say(alg, &r, SIP_DEBUG_SESSION, "port %u locate session for %s -> %s", packet->in_ifindex,
            e.src, e.dst);
        if (!handle_none(packet->session))
            say(alg, &r, SIP_DEBUG_SESSION, "sess %08x found for %s -> %s", packet->session.index,
                e.src, e.dst);
    }
    if (sip_debug_on(alg, SIP_DEBUG_IO))
        say(alg, &r, SIP_DEBUG_IO, "port %u %s -> %s", packet->in_ifindex, e.src, e.dst);
    message(alg, &r, packet->payload);
    if (sip_debug_on(alg, SIP_DEBUG_PROFILE))
        say(alg, &r, SIP_DEBUG_PROFILE, "policy %u profile \"%s\"", packet->policy_id,
            packet->profile->name);
}

static uint64_t id_of(const struct alg *alg, const struct dialog *d)
{
    return dialog_index(&alg->dialogs, d) | (uint64_t)d->epoch << 32;
}

static const char *kind_word(const struct dialog *d)
{
    return d->kind == DIALOG_CALL       ? "call"
           : d->kind == DIALOG_REGISTER ? "registration"
                                        : "contact";
}

void sip_debug_found(struct alg *alg, const struct sip_message *m)
{
    const struct dialog *d = m->call ? m->call : m->record;
    if (!sip_debug_on(alg, SIP_DEBUG_EDITS))
        return;
    struct sip_debug_record r = of_packet(m->packet);
    const char *method = sip_method_name(m->facts.method);
    char what[32];
    if (m->msg.is_request)
        snprintf(what, sizeof(what), "%s", method);
    else
        snprintf(what, sizeof(what), "%u to %s", m->msg.status, method);
    if (d)
        say(alg, &r, SIP_DEBUG_EDITS, "%s cseq %u belongs to %s %012llx, state %s", what,
            m->facts.cseq, kind_word(d), (unsigned long long)id_of(alg, d),
            dialog_state_text((enum dialog_state)d->state));
    else
        say(alg, &r, SIP_DEBUG_EDITS, "%s cseq %u belongs to no call yet", what, m->facts.cseq);
}

/* Which line of the message a byte is in. */
static struct slice place_name(const struct sip_msg *msg, const char *at)
{
    for (unsigned i = 0; i < msg->n_headers; i++) {
        const struct sip_header *h = &msg->headers[i];
        if (at >= h->value.p && at <= h->value.p + h->value.n)
            return h->name;
    }
    return at < msg->body.p ? SLICE_LIT("request line") : SLICE_LIT("body");
}

void sip_debug_edit(struct alg *alg, const struct sip_message *m, const struct sip_edit *edit,
                    struct slice with)
{
    const char *at = m->msg.bytes.p + edit->at;
    struct slice name = place_name(&m->msg, at), cut = slice_of(at, edit->cut);
    struct sip_debug_record r = of_packet(m->packet);
    if (slice_eq(cut, with))
        return; /* written as it was */
    name = slice_head(name, 32);
    cut = slice_head(cut, 160);
    with = slice_head(with, 160);
    say(alg, &r, SIP_DEBUG_EDITS, "edit %.*s: \"%.*s\" -> \"%.*s\"", SLICE_ARG(name),
        SLICE_ARG(cut), SLICE_ARG(with));
}

void sip_debug_written(struct alg *alg, const struct alg_packet *packet, struct slice bytes)
{
    if (!sip_debug_on(alg, SIP_DEBUG_IO | SIP_DEBUG_ASCII | SIP_DEBUG_HEX))
        return;
    struct sip_debug_record r = of_packet(packet);
    r.ifindex = packet->out_ifindex;
    r.written = true;
    if (sip_debug_on(alg, SIP_DEBUG_IO))
        say(alg, &r, SIP_DEBUG_IO, "port %u sends %zu bytes, %zu came", packet->out_ifindex,
            bytes.n, packet->payload.n);
    message(alg, &r, bytes);
}

static const char *reason_name(enum alg_reason reason)
{
    switch (reason) {
#define X(id, name, text) \
    case ALG_REASON_##id: \
        return name;
        ALG_REASONS(X)
#undef X
    default:
        return "";
    }
}

void sip_debug_dropped(struct alg *alg, const struct alg_packet *packet, enum alg_reason reason)
{
    if (!sip_debug_on(alg, SIP_DEBUG_EDITS | SIP_DEBUG_IO))
        return;
    struct sip_debug_record r = of_packet(packet);
    say(alg, &r, SIP_DEBUG_EDITS | SIP_DEBUG_IO, "port %u drops it: %s", packet->in_ifindex,
        reason_name(reason));
}

void sip_debug_mapping(struct alg *alg, const struct dialog *d, const struct pin *pin,
                       const char *word)
{
    if (!sip_debug_on(alg, SIP_DEBUG_EDITS))
        return;
    struct sip_debug_record r = of_dialog(alg, d);
    struct ends e = ends_print(&pin->inside, &pin->public_side[0]);
    say(alg, &r, SIP_DEBUG_EDITS, "mapping %s %s %s for %s, %s %012llx",
        pin->kind == MAPPING_RTP ? "rtp" : "signalling", word, e.dst, e.src, kind_word(d),
        (unsigned long long)id_of(alg, d));
}

void sip_debug_call(struct alg *alg, const struct dialog *d, const char *word, const char *reason)
{
    if (!sip_debug_on(alg, SIP_DEBUG_CALLS))
        return;
    struct sip_debug_record r = of_dialog(alg, d);
    say(alg, &r, SIP_DEBUG_CALLS, "%s %012llx %s%s%s, call-id %.100s", kind_word(d),
        (unsigned long long)id_of(alg, d), word, reason[0] ? ": " : "", reason, d->call_id);
}

void sip_debug_timer(struct alg *alg, const struct dialog *d, uint64_t deadline_ms)
{
    if (!sip_debug_on(alg, SIP_DEBUG_TIMERS) || deadline_ms == UINT64_MAX)
        return;
    struct sip_debug_record r = of_dialog(alg, d);
    uint64_t left_ms = deadline_ms > alg->now_ms ? deadline_ms - alg->now_ms : 0;
    say(alg, &r, SIP_DEBUG_TIMERS, "%s %012llx, state %s, timer in %llu.%03llu s", kind_word(d),
        (unsigned long long)id_of(alg, d), dialog_state_text((enum dialog_state)d->state),
        (unsigned long long)left_ms / 1000, (unsigned long long)left_ms % 1000);
}

void sip_debug_want(struct sip_debug *debug, uint32_t mask)
{
    __atomic_store_n(&debug->mask, mask, __ATOMIC_RELAXED);
}

bool sip_debug_take(struct sip_debug *debug, struct sip_debug_record *out,
                    char text[SIP_DEBUG_TEXT])
{
    uint32_t tail = debug->tail;
    while (tail != __atomic_load_n(&debug->head, __ATOMIC_ACQUIRE)) {
        const char *at = debug->ring + tail % SIP_DEBUG_RING;
        uint32_t word[2];
        memcpy(word, at, sizeof(word));
        tail += word[0];
        if (word[1] != 0) {
            memcpy(out, at, sizeof(*out));
            memcpy(text, at + sizeof(*out), out->n);
        }
        __atomic_store_n(&debug->tail, tail, __ATOMIC_RELEASE);
        if (word[1] != 0)
            return true;
    }
    return false;
}

uint64_t sip_debug_lost(const struct sip_debug *debug)
{
    return __atomic_load_n(&debug->lost, __ATOMIC_RELAXED);
}
