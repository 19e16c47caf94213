/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From a configuration tree to what the workers read: rows, snapshot, one atomic store; the old
 * snapshot is freed after a grace period. The file is written by a helper thread (saver.h). The
 * control thread owns it and calls everything here.
 */
#pragma once

#include "fastpath/dataplane.h"

struct config_rows;
struct config_tree;
struct saver;
struct text;

#define PUBLISH_OLD 8

struct publish_old {
    const struct snapshot *snapshot;
    uint64_t token; /* readers may hold the snapshot until it is passed */
};

struct publish {
    struct dataplane *dp;
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

/* The dataplane's threads have ended. Frees the snapshot in force too. */
void publish_free(struct publish *p);

/*
 * Compile `tree` and put it in force. 0; or -errno with the reason in `error` and nothing changed.
 * -EBUSY: an interface of the first commit would get another number or device, or too many commits
 * came at once.
 */
int publish_commit(struct publish *p, const struct config_tree *tree, struct text *error);

/* Hand the text of `tree` to the helper. */
void publish_save(struct publish *p, const struct config_tree *tree);

/*
 * 0 when the save with this number, or a later one, is on the disk; -EINPROGRESS; or -errno with
 * path and reason in `why`. The number of the newest is p->saves.
 */
int publish_saved(const struct publish *p, uint64_t number, struct text *why);

/* Free old snapshots that no thread reads any more. Returns how many. */
unsigned publish_run(struct publish *p);
