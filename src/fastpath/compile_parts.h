/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of the compiler share. Control thread, for the time of one compilation.
 */
#pragma once

#include "config/rows.h"
#include "fastpath/snapshot.h"

struct compile {
    const struct config_rows *rows;
    struct snapshot *s;
    struct timer_sets *sets;
    struct text *error;
    uint16_t *class_service; /* a service row of each class */
    uint32_t *class_policy;  /* a policy row of each class */
    bool failed;
};

/* Zeroed memory that lives with the snapshot. */
void *compile_alloc(struct compile *c, size_t n, size_t size);

/* The first reason is the one that is told. */
void compile_fail(struct compile *c, const char *path, const char *why);

/* Services, policies and the matcher over them. */
void compile_policies(struct compile *c);

/* Profiles and ports of the ALG and of the session helper. */
void compile_sip(struct compile *c);

/* Who reads the SIP of a policy. */
enum sip_engine compile_engine(const struct config_rows *rows, const struct row_policy *row);

/* Timer sets of every combination of service, policy and port row; after compile_policies. */
void compile_timers(struct compile *c);

/* Of everything in policies and in what they name that decides over sessions. */
uint64_t compile_policy_digest(const struct config_rows *rows);
