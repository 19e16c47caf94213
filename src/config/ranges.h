/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Addresses that virtual IPs and pools claim, kept beside a tree. Inside config/ only; as the tree,
 * of one thread.
 */
#pragma once

#include "config/rows.h"
#include "config/store.h"

/*
 * Key of the next entry from *cursor on (begin with 0) that claims, or claimed, an address of
 * `range`; NULL behind the last. Valid until the tree is written.
 */
const char *ranges_next(const struct config_tree *tree, enum ranges_table table,
                        struct row_range range, size_t *cursor);

/* The entry claims this range: it passed its checks and is, or is about to be, in the tree. */
void ranges_add(const struct config_tree *tree, enum ranges_table table, const char *key,
                struct row_range range);
