/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/links.h"

#include "base/log.h"
#include "base/text.h"
#include "control/core.h"

#include <errno.h>

#define POLL_MS 1000

static uint64_t links_down(const struct control *c)
{
    const struct wire *wire = &c->dp->wire;
    uint64_t down = 0;
    for (uint16_t i = 1; wire->link && i < MAX_INTERFACES; i++)
        if (!wire->link(wire->ctx, i))
            down |= (uint64_t)1 << i;
    return down;
}

void links_init(struct control *c)
{
    /* Links come up a moment after their ports are started, and until the first look all count as
     * up: else the first packets of a start would find no routes. */
    c->publish.links_down = 0;
    c->links_next_ms = c->now_ms + POLL_MS;
}

static void link_tell(struct control *c, uint16_t ifindex, bool up)
{
    const char *name = dataplane_snapshot(c->dp)->interfaces[ifindex].name;
    log_info("interface \"%s\": link %s", name, up ? "up" : "down");
    if (events_on(&c->dp->events))
        event_emit(&c->dp->events, "link", c->now_ms, "\"interface\":\"%s\",\"state\":\"%s\"", name,
                   up ? "up" : "down");
    if (!up)
        resolver_forget(&c->resolver, ifindex);
}

unsigned links_run(struct control *c, uint64_t now_ms)
{
    struct text error = {0};
    unsigned n = 0;
    if (now_ms < c->links_next_ms)
        return 0;
    c->links_next_ms = now_ms + POLL_MS;
    uint64_t down = links_down(c), changed = down ^ c->publish.links_down;
    if (changed == 0)
        return 0;
    int result = publish_links(&c->publish, down, &error);
    if (result != 0 && result != -EBUSY)
        log_warn("links have changed, but their routes have not: %s", error.p ? error.p : "");
    text_free(&error);
    for (uint16_t i = 1; result == 0 && i <= dataplane_snapshot(c->dp)->n_interfaces; i++)
        if (changed >> i & 1) {
            link_tell(c, i, !(down >> i & 1));
            n++;
        }
    return n;
}
