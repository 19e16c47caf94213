/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Everything that can fail comes before the one store that readers see: rows, the check against the
 * ports that are open, the snapshot. Readers load the pointer once per burst, so when each of them
 * has reported quiescent once after the store, nobody reads the old one.
 *
 * A large configuration takes a while to compile and to free, longer than timers may wait. So a
 * helper thread does that, and this one goes on with frames and timers until it is done
 * (meanwhile); logins wait, as they wait for each other. Everything that makes or frees snapshots
 * runs on the helper, one after the other, since they share parts. Before the threads of the
 * dataplane run, and in replay, there is no helper and the same functions are called here.
 *
 * Ports are opened at start and belong to interface numbers. A commit may change everything about
 * an interface but its number and device; new interfaces may follow the present ones and work after
 * a restart. The rest is refused with the reason.
 */
#include "control/publish.h"

#include "base/text.h"
#include "config/print.h"
#include "config/rows.h"
#include "control/helper.h"
#include "control/saver.h"
#include "fastpath/compile.h"
#include "fastpath/ports.h"

#include <errno.h>
#include <stdlib.h>
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

/* ---- work that may be long ---- */

struct drop_job {
    struct helper_job job;
    const struct snapshot *snapshot; /* either may be NULL */
    struct config_rows *rows;
};

static void drop_run(struct helper_job *job)
{
    struct drop_job *d = (struct drop_job *)job;
    if (d->snapshot)
        snapshot_drop(d->snapshot);
    if (d->rows)
        config_rows_free(d->rows);
    free(d);
}

void publish_do(struct publish *p, struct helper_job *job)
{
    if (p->helper)
        helper_post(p->helper, job);
    else
        job->run(job);
}

static void drop_later(struct publish *p, const struct snapshot *snapshot, struct config_rows *rows)
{
    struct drop_job *d = malloc(sizeof *d);
    if (!d)
        abort();
    *d = (struct drop_job){{.run = drop_run}, snapshot, rows};
    publish_do(p, &d->job);
}

void publish_set_meanwhile(struct publish *p, struct publish_meanwhile meanwhile)
{
    p->meanwhile = meanwhile;
    if (meanwhile.run && !p->helper)
        p->helper = helper_create();
}

void publish_free(struct publish *p)
{
    helper_destroy(p->helper);
    p->helper = NULL;
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

static void swap(struct publish *p, const struct snapshot *next)
{
    const struct snapshot *before = p->dp->snapshot;
    __atomic_store_n(&p->dp->snapshot, next, __ATOMIC_RELEASE);
    p->swaps++;
    if (before)
        p->old[p->n_old++] = (struct publish_old){before, rte_rcu_qsbr_start(p->dp->qsbr)};
}

/* A configuration on its way into force. */
struct commit_job {
    struct helper_job job;
    struct publish *p;
    const struct config_tree *tree;
    struct text *error;
    struct config_rows *rows; /* NULL: refused */
    struct snapshot *next;    /* likewise */
    struct snapshot_ports ports;
    int result;
};

/* The snapshot of the rows. */
static void links_make(struct helper_job *job)
{
    struct commit_job *c = (struct commit_job *)job;
    ports_read(c->rows, &c->ports);
    c->next = snapshot_compile(c->rows, c->p->dp->timer_sets, c->p->dp->pools, c->p->dp->snapshot,
                               &c->ports, c->error);
    c->result = c->next ? 0 : -EINVAL;
}

static void commit_make(struct helper_job *job)
{
    struct commit_job *c = (struct commit_job *)job;
    c->result = -EINVAL;
    c->rows = config_rows_make(c->tree, c->error);
    if (!c->rows)
        return;
    c->result = interfaces_fit(c->p, c->rows, c->error);
    if (c->result != 0)
        return;
    links_make(job);
}

static void wait_for_helper(struct publish *p)
{
    p->busy = true;
    while (p->helper && !helper_idle(p->helper)) {
        p->meanwhile.run(p->meanwhile.ctx);
        helper_nap(p->helper);
    }
    p->busy = false;
}

int publish_commit(struct publish *p, const struct config_tree *tree, struct text *error)
{
    publish_run(p);
    if (p->busy || p->n_old == PUBLISH_OLD) {
        text_printf(error, "too many commits at once, try again\n");
        return -EBUSY;
    }
    struct commit_job c = {.job.run = commit_make,
                           .p = p,
                           .tree = tree,
                           .error = error,
                           .ports.links_down = p->links_down};
    publish_do(p, &c.job);
    wait_for_helper(p);
    if (c.result == 0 && verdicts_assign(&p->dp->verdicts, p->dp->snapshot, c.next) != 0) {
        text_printf(error, "config firewall policy: too many policies to count for\n");
        drop_later(p, c.next, NULL);
        c.result = -ENOSPC;
    }
    if (c.result != 0) {
        if (c.rows)
            drop_later(p, NULL, c.rows);
        return c.result;
    }
    swap(p, c.next);
    if (p->rows)
        drop_later(p, NULL, p->rows);
    else
        p->n_fixed = c.rows->n_interfaces;
    p->rows = c.rows;
    return 0;
}

int publish_links(struct publish *p, uint64_t down, struct text *error)
{
    publish_run(p);
    if (p->busy || p->n_old == PUBLISH_OLD)
        return -EBUSY;
    struct commit_job c = {
        .job.run = links_make, .p = p, .error = error, .rows = p->rows, .ports.links_down = down};
    publish_do(p, &c.job);
    wait_for_helper(p);
    if (c.result != 0)
        return c.result;
    p->links_down = down;
    swap(p, c.next);
    return 0;
}

bool publish_quiet(const struct publish *p)
{
    return !p->busy && p->n_old == 0 && (!p->helper || helper_idle(p->helper));
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
        drop_later(p, p->old[freed++].snapshot, NULL);
    p->n_old -= freed;
    memmove(p->old, p->old + freed, p->n_old * sizeof p->old[0]);
    return freed;
}
