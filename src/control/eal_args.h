/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From `config dpdk` to the arguments of DPDK's environment layer. Start-up only.
 */
#pragma once

#include <sched.h>

struct config_rows;
struct text;

#define EAL_ARGS_MAX 256

/* Which lcore does what: lcores are numbered by task, CPUs may serve several. */
#define LCORE_CONTROL      0u
#define LCORE_ALG          1u
#define LCORE_FIRST_WORKER 2u

struct eal_args {
    int n;
    char *argv[EAL_ARGS_MAX + 1]; /* ends with NULL; DPDK may reorder it */
    char *words[EAL_ARGS_MAX];    /* what to free */
};

/*
 * Arguments for these rows; every CPU they name must be in `cpus`. 0, or -EINVAL with path, value
 * and reason in `error`. Call eal_args_free in any case.
 */
int eal_args_make(struct eal_args *a, const struct config_rows *rows, const cpu_set_t *cpus,
                  struct text *error);

/* One more, from the operator: the last one holds. 0, or -E2BIG. */
int eal_args_add(struct eal_args *a, const char *word);
void eal_args_free(struct eal_args *a);
