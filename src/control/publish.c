/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Everything that can fail comes before the one store that readers see: rows, the check against the
 * ports that are open, the snapshot. Readers load the pointer once per burst, so when each of them
 * has reported quiescent once after the store, nobody reads the old one.
 *
 * Ports are opened at start and belong to interface numbers. A commit may change everything about
 * an interface but its number and device; new interfaces may follow the present ones and work after
 * a restart. The rest is refused with the reason.
 */
#include "control/publish.h"

#include "base/text.h"
#include "config/print.h"
#include "config/rows.h"
#include "control/saver.h"
#include "fastpath/compile.h"
#include "fastpath/ports.h"

#include <errno.h>
#include <time.h>

int publish_init(struct publish *p, struct dataplane *dp, const char *config_path,
                 struct text *error)
{
    *p = (struct publish){.dp = dp};
    if (!config_path)
        return 0;
    p->saver = saver_create(config_path, error);
    return p->saver ? 0 : -EINVAL;
}

/* The compiler hands out what it made as const; here is where it ends. */
static void snapshot_drop(const struct snapshot *s)
{
    snapshot_free((struct snapshot *)(uintptr_t)s);
}

void publish_free(struct publish *p)
{
    saver_destroy(p->saver);
    for (unsigned i = 0; i < p->n_old; i++)
        snapshot_drop(p->old[i].snapshot);
    if (p->dp && p->dp->snapshot) {
        snapshot_drop(p->dp->snapshot);
        p->dp->snapshot = NULL;
    }
    if (p->rows)
        config_rows_free(p->rows);
    *p = (struct publish){0};
}

/* MACs by interface number; where there is no device (replay), 02:00 and the IPv4 address,
 * or the end of the IPv6 one. */
static void ports_read(const struct config_rows *rows, struct snapshot_ports *ports)
{
    for (uint16_t i = 0; i < rows->n_interfaces && i + 1 < MAX_INTERFACES; i++) {
        uint8_t *mac = ports->mac[i + 1];
        if (rows->interfaces[i].device[0] != '\0' && ports_mac((uint16_t)(i + 1), mac))
            continue;
        mac[0] = 0x02;
        mac[1] = 0x00;
        const struct row_interface *row = &rows->interfaces[i];
        memcpy(mac + 2, row->ip ? &row->ip : &row->ip6.word[3], sizeof(be32));
    }
}

static int interfaces_fit(const struct publish *p, const struct config_rows *next,
                          struct text *error)
{
    for (uint16_t i = 0; i < p->n_fixed; i++) {
        const struct row_interface *a = &p->rows->interfaces[i];
        const struct row_interface *b = i < next->n_interfaces ? &next->interfaces[i] : NULL;
        if (b && strcmp(a->name, b->name) == 0 && strcmp(a->device, b->device) == 0)
            continue;
        text_printf(error,
                    "system interface \"%s\": name, place and device of an interface are read at "
                    "start; change them in the file and restart\n",
                    a->name);
        return -EBUSY;
    }
    return 0;
}

static struct snapshot *compile(struct publish *p, const struct config_rows *rows,
                                struct text *error)
{
    struct snapshot_ports ports = {.links_down = p->links_down};
    ports_read(rows, &ports);
    return snapshot_compile(rows, p->dp->timer_sets, p->dp->snapshot, &ports, error);
}

static void swap(struct publish *p, const struct snapshot *next)
{
    const struct snapshot *before = p->dp->snapshot;
    __atomic_store_n(&p->dp->snapshot, next, __ATOMIC_RELEASE);
    if (before)
        p->old[p->n_old++] = (struct publish_old){before, rte_rcu_qsbr_start(p->dp->qsbr)};
}

int publish_commit(struct publish *p, const struct config_tree *tree, struct text *error)
{
    publish_run(p);
    if (p->n_old == PUBLISH_OLD) {
        text_printf(error, "too many commits at once, try again\n");
        return -EBUSY;
    }
    struct config_rows *rows = config_rows_make(tree, error);
    if (!rows)
        return -EINVAL;
    int result = interfaces_fit(p, rows, error);
    struct snapshot *next = result == 0 ? compile(p, rows, error) : NULL;
    if (!next) {
        config_rows_free(rows);
        return result != 0 ? result : -EINVAL;
    }
    swap(p, next);
    if (p->rows)
        config_rows_free(p->rows);
    else
        p->n_fixed = rows->n_interfaces;
    p->rows = rows;
    return 0;
}

void publish_save(struct publish *p, const struct config_tree *tree)
{
    char date[16];
    struct text content = {0};
    struct tree_path whole = {0};
    if (!p->saver)
        return;
    time_t now = time(NULL);
    struct tm tm;
    localtime_r(&now, &tm);
    strftime(date, sizeof date, "%y%m%d", &tm);
    print_header(date, "admin", 0, &content);
    print_show(tree, &whole, false, &content);
    p->saves = saver_put(p->saver, &content);
}

int publish_saved(const struct publish *p, uint64_t number, struct text *why)
{
    int result = saver_result(p->saver, number);
    if (result != 0 && result != -EINPROGRESS)
        text_printf(why, "%s: %s", saver_path(p->saver), strerror(-result));
    return result;
}

unsigned publish_run(struct publish *p)
{
    unsigned freed = 0;
    while (freed < p->n_old && rte_rcu_qsbr_check(p->dp->qsbr, p->old[freed].token, false) == 1)
        snapshot_drop(p->old[freed++].snapshot);
    p->n_old -= freed;
    memmove(p->old, p->old + freed, p->n_old * sizeof p->old[0]);
    return freed;
}
