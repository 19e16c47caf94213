/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The plan as a whole, and its two lists.
 *
 * Edits are not found in the order of the message: its contacts are looked at first, since a Via
 * may use the port that a contact gets. They are sorted once, when all are known; as a message may
 * bring as many as the plan holds, in any order, nothing here may take time with their square.
 *
 * Nothing here changes a mapping or a record. What a mapping's public side will be is often known
 * already: the record that owns the dialog holds the mapping, or the endpoint is the one this
 * message came from. Then the edit carries the endpoint itself; otherwise it names the map, whose
 * port commit fills in.
 */
#include "alg/sip_plan.h"

#include "alg/alg_state.h"

bool plan_edit(struct sip_plan *plan, const struct sip_edit *edit)
{
    if (plan->n_edits == SIP_PLAN_EDITS)
        return false;
    plan->edits[plan->n_edits++] = *edit;
    return true;
}

static void edit_sink(struct sip_edit *edits, unsigned i, unsigned gap)
{
    struct sip_edit edit = edits[i];
    for (; i >= gap && edits[i - gap].at > edit.at; i -= gap)
        edits[i] = edits[i - gap];
    edits[i] = edit;
}

/* Shell's sort: in place, and next to nothing where they are in order. No two begin at one place.
 */
static void edits_sort(struct sip_plan *plan)
{
    static const unsigned gaps[] = {701, 301, 132, 57, 23, 10, 4, 1};
    for (size_t g = 0; g < sizeof(gaps) / sizeof(gaps[0]); g++)
        for (unsigned i = gaps[g]; i < plan->n_edits; i++)
            edit_sink(plan->edits, i, gaps[g]);
}

bool plan_text(struct sip_plan *plan, struct sip_edit *edit, struct slice text)
{
    if (text.n > SIP_PLAN_TEXT - plan->text_n)
        return false;
    if (text.n)
        memcpy(plan->text + plan->text_n, text.p, text.n);
    edit->kind = SIP_EDIT_TEXT;
    edit->map = SIP_MAP_NONE;
    edit->text = (uint16_t)plan->text_n;
    edit->text_n = (uint16_t)text.n;
    plan->text_n += (unsigned)text.n;
    return true;
}

struct sip_map *plan_map(struct sip_plan *plan, enum mapping_kind kind, uint8_t proto,
                         unsigned stream, struct ip_port inside, bool *fresh)
{
    *fresh = false;
    for (unsigned i = 0; i < plan->n_maps; i++) {
        struct sip_map *map = &plan->maps[i];
        if (map->kind == kind && map->proto == proto && map->stream == stream &&
            ip_port_eq(map->inside, inside))
            return map;
    }
    if (plan->n_maps == SIP_PLAN_MAPS)
        return NULL;
    *fresh = true;
    struct sip_map *map = &plan->maps[plan->n_maps++];
    *map = (struct sip_map){
        .kind = (uint8_t)kind,
        .proto = proto,
        .stream = (uint8_t)stream,
        .inside = inside,
        .h = {HANDLE_NONE, HANDLE_NONE},
    };
    return map;
}

bool plan_uri_host(struct slice uri, struct sip_host *out)
{
    static const struct slice separator = SLICE_LIT("://");
    struct slice at = slice_skip(uri, slice_find(uri, ':'));
    if (!slice_istarts(at, separator))
        return false;
    at = slice_skip(at, separator.n);
    for (const char *end = "/;?#"; *end; end++)
        at = slice_head(at, slice_find(at, *end));
    size_t user = slice_find(at, '@');
    if (user < at.n)
        at = slice_skip(at, user + 1);
    return sip_host_parse(at, false, out, NULL) == 0;
}

static void plan_reset(struct sip_plan *plan)
{
    plan->n_edits = plan->n_maps = plan->n_notes = 0;
    plan->text_n = 0;
    plan->body_at = plan->body_end = UINT32_MAX;
    plan->length_at = UINT32_MAX;
    plan->has_sdp = plan->held = false;
    plan->contact = (struct ip_port){0};
    plan->n_streams = 0;
    plan->refused = 0;
}

/* An edit of the body means one of Content-Length, whose value is known when all else is. */
static enum alg_reason plan_length(const struct sip_message *m, struct sip_plan *plan)
{
    const struct sip_header *h = sip_header_first(&m->msg, SIP_CONTENT_LENGTH);
    uint32_t body = (uint32_t)(m->msg.body.p - m->msg.bytes.p);
    if (!h || plan->n_edits == 0 || plan->edits[plan->n_edits - 1].at < body)
        return ALG_REASON_NONE;
    plan->body_at = body;
    plan->body_end = body + (uint32_t)m->msg.body.n;
    struct sip_edit edit = {
        .at = (uint32_t)sip_offset(&m->msg, h->value),
        .cut = (uint32_t)h->value.n,
        .kind = SIP_EDIT_LENGTH,
        .map = SIP_MAP_NONE,
    };
    if (!plan_edit(plan, &edit))
        return ALG_REASON_SIP_TOO_LARGE;
    edit_sink(plan->edits, plan->n_edits - 1, 1);
    return ALG_REASON_NONE;
}

static enum alg_reason plan_body(struct planner *p)
{
    struct slice descriptions[SIP_SDP_MAX];
    enum alg_reason reason = ALG_REASON_NONE;
    if (p->m->msg.body.n == 0)
        return ALG_REASON_NONE;
    int n = sip_msg_sdp(&p->m->msg, descriptions, NULL);
    if (n < 0)
        return ALG_REASON_SIP_MALFORMED;
    for (int i = 0; i < n && reason == ALG_REASON_NONE; i++)
        reason = plan_sdp(p, descriptions[i], (unsigned)i);
    return reason;
}

enum alg_reason sip_plan(const struct alg *alg, const struct sip_message *m, struct sdp *sdp,
                         struct sip_plan *plan)
{
    struct planner p = {.alg = alg, .m = m, .plan = plan, .sdp = sdp, .proto = m->packet->proto};
    plan_reset(plan);
    enum alg_reason reason = plan_headers(&p);
    if (reason == ALG_REASON_NONE)
        reason = plan_body(&p);
    if (reason != ALG_REASON_NONE)
        return reason;
    edits_sort(plan);
    return plan_length(m, plan);
}
