/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Random rule books as rows, and the rule book read line by line: what the matcher is held against.
 */
#pragma once

#include "base/rng.h"
#include "config/rows.h"
#include "fastpath/snapshot.h"

struct rulebook {
    struct config_rows rows;
    struct rng rng;
    void *memory; /* everything the rows point to */
};

/* How large, and how wild. */
struct rulebook_size {
    uint32_t policies;
    uint16_t interfaces, addresses, addresses6, services, vips;
    uint16_t ranges; /* of an address, at most */
    uint16_t names;  /* in a field, at most */
};

void rulebook_make(struct rulebook *b, const struct rulebook_size *size, uint64_t seed);
void rulebook_free(struct rulebook *b);

/* A flow near what the rules speak of: ends of ranges and their neighbours more often than not. */
struct flow rulebook_flow(struct rulebook *b);

/* The first rule that fits, compared field by field; UINT32_MAX: none. */
uint32_t rulebook_find(const struct rulebook *b, const struct flow *f);
