/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From a configuration tree to what the workers read: rows, snapshot, one atomic store; the old
 * snapshot is freed after a grace period. Both ends, which take long for a large configuration, are
 * done by a helper thread (helper.h), the file is written by another one (saver.h). The control
 * thread owns it and calls everything here.
 */
#pragma once

#include "fastpath/dataplane.h"

struct config_rows;
struct config_tree;
struct helper_job;
struct saver;
struct text;

#define PUBLISH_OLD 8

struct publish_old {
    const struct snapshot *snapshot;
    uint64_t token; /* readers may hold the snapshot until it is passed */
};

/* What the control thread does while it waits for the helper; it must not come back here. */
struct publish_meanwhile {
    void (*run)(void *ctx); /* NULL: no helper, everything is done on the control thread */
    void *ctx;
};

struct publish {
    struct dataplane *dp;
    struct publish_meanwhile meanwhile;
    struct helper *helper;    /* NULL: none */
    bool busy;                /* waiting for the helper */
    uint64_t swaps;           /* snapshots put in force so far */
    struct saver *saver;      /* NULL: not saved anywhere */
    struct config_rows *rows; /* of the snapshot in force: names and devices for listings */
    uint64_t saves;           /* number of the newest save, 0: none yet */
    uint64_t links_down;      /* bit i: interface i has no link */
    uint16_t n_fixed;         /* interfaces from the first on that keep number and device */
    unsigned n_old;
    struct publish_old old[PUBLISH_OLD];
};

/* `config_path` NULL: commits are not saved. 0, or -errno with the reason in `error`. */
int publish_init(struct publish *p, struct dataplane *dp, const char *config_path,
                 struct text *error);

/* From now on long work is the helper's, and `run` is called again and again while it lasts. */
void publish_set_meanwhile(struct publish *p, struct publish_meanwhile meanwhile);

/* The dataplane's threads have ended. Frees the snapshot in force too. */
void publish_free(struct publish *p);

/*
 * Compile `tree` and put it in force. 0; or -errno with the reason in `error` and nothing changed.
 * -EBUSY: an interface of the first commit would get another number or device, or too many commits
 * came at once, or this one comes in the meanwhile of another. The tree must not change until this
 * returns.
 */
int publish_commit(struct publish *p, const struct config_tree *tree, struct text *error);

/*
 * The same configuration with other links (bit i: interface i has none). -EBUSY: not now, try again
 * soon; -EINVAL with the reason in `error`.
 */
int publish_links(struct publish *p, uint64_t down, struct text *error);

/* No commit is under way, the helper is idle, and no thread has an older snapshot. */
bool publish_quiet(const struct publish *p);

/* Let the helper do this, after what it was given before; at once where there is none. */
void publish_do(struct publish *p, struct helper_job *job);

/* Hand the text of `tree` to the saver. */
void publish_save(struct publish *p, const struct config_tree *tree);

/*
 * 0 when the save with this number, or a later one, is on the disk; -EINPROGRESS; or -errno with
 * path and reason in `why`. The number of the newest is p->saves.
 */
int publish_saved(const struct publish *p, uint64_t number, struct text *why);

/* Free old snapshots that no thread reads any more. Returns how many. */
unsigned publish_run(struct publish *p);
