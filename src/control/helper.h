/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A thread for what takes long: compiling a configuration, freeing a large old one. Jobs are done
 * one after the other in the order they were posted. The control thread owns it and calls
 * everything here.
 */
#pragma once

#include <stdbool.h>

struct helper;

/* Part of a larger struct of the caller's, who keeps it until the job is done. */
struct helper_job {
    void (*run)(struct helper_job *job); /* on the helper's thread; may free what the job is in */
    struct helper_job *next;
};

/* Its thread starts at the first job. */
struct helper *helper_create(void);

/* Does what was posted first. NULL is none. */
void helper_destroy(struct helper *h);

/* Where no thread can be started, the job is done at once, on this one. */
void helper_post(struct helper *h, struct helper_job *job);

/* Everything posted so far is done, and this thread sees what came of it. */
bool helper_idle(const struct helper *h);

/* Wait until it is idle, for a few milliseconds at most. */
void helper_nap(struct helper *h);
