/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/debug_hub.h"

#include <stdio.h>
#include <time.h>

#define BUDGET 64

void debug_hub_init(struct debug_hub *hub, struct sip_debug *from, int64_t wall_s)
{
    hub->from = from;
    hub->wall_s = wall_s;
    hub->next = 1;
}

void debug_hub_free(struct debug_hub *hub)
{
    for (unsigned i = 0; i < DEBUG_LINES; i++)
        text_free(&hub->lines[i].text);
}

static struct debug_line *line_new(struct debug_hub *hub, const struct sip_debug_record *r)
{
    struct debug_line *line = &hub->lines[hub->next++ % DEBUG_LINES];
    line->r = *r;
    text_clear(&line->text);
    return line;
}

static void tell_lost(struct debug_hub *hub, const struct sip_debug_record *r)
{
    uint64_t lost = sip_debug_lost(hub->from), n = lost - hub->lost;
    if (n == 0)
        return;
    hub->lost = lost;
    struct debug_line *line = line_new(hub, r);
    line->r.bits = UINT32_MAX;
    line->r.whole = 0;
    text_printf(&line->text, "%llu records were lost: more came than could be shown",
                (unsigned long long)n);
}

unsigned debug_hub_run(struct debug_hub *hub)
{
    struct sip_debug_record r;
    char text[SIP_DEBUG_TEXT];
    unsigned taken = 0;
    while (taken < BUDGET && sip_debug_take(hub->from, &r, text)) {
        tell_lost(hub, &r);
        text_put(&line_new(hub, &r)->text, slice_of(text, r.n));
        taken++;
    }
    return taken;
}

uint64_t debug_hub_want(struct debug_hub *hub, const void *who, uint32_t mask)
{
    unsigned place = DEBUG_WATCHERS;
    uint32_t all = 0;
    for (unsigned i = 0; i < DEBUG_WATCHERS; i++) {
        if (hub->watchers[i].who == who)
            place = i;
        else if (!hub->watchers[i].who && place == DEBUG_WATCHERS)
            place = i;
    }
    for (unsigned i = 0; i < DEBUG_WATCHERS; i++)
        if (hub->watchers[i].who == who)
            hub->watchers[i].who = NULL;
    if (mask && place == DEBUG_WATCHERS)
        return 0;
    if (mask) {
        hub->watchers[place].who = who;
        hub->watchers[place].mask = mask;
    }
    for (unsigned i = 0; i < DEBUG_WATCHERS; i++)
        all |= hub->watchers[i].who ? hub->watchers[i].mask : 0;
    sip_debug_want(hub->from, all);
    return hub->next;
}

static void when_print(const struct debug_hub *hub, uint64_t at_ms, char out[DEBUG_WHEN])
{
    time_t t = (time_t)(hub->wall_s + (int64_t)(at_ms / 1000));
    struct tm tm;
    if (hub->wall_s)
        localtime_r(&t, &tm);
    else
        gmtime_r(&t, &tm);
    strftime(out, DEBUG_WHEN, "%Y-%m-%d %H:%M:%S", &tm);
}

bool debug_hub_line(const struct debug_hub *hub, uint64_t *number, struct backend_debug *out)
{
    uint64_t oldest = hub->next > DEBUG_LINES ? hub->next - DEBUG_LINES : 1, at = *number;
    if (at < oldest)
        at = oldest;
    if (at >= hub->next)
        return false;
    const struct debug_line *line = &hub->lines[at % DEBUG_LINES];
    *out = (struct backend_debug){.missed = at - *number,
                                  .bits = line->r.bits,
                                  .src = line->r.src,
                                  .dst = line->r.dst,
                                  .policy_id = line->r.policy_id,
                                  .profile = line->r.profile,
                                  .port = line->r.ifindex,
                                  .written = line->r.written,
                                  .whole = line->r.whole,
                                  .text = text_slice(&line->text)};
    when_print(hub, line->r.at_ms, out->when);
    *number = at + 1;
    return true;
}
