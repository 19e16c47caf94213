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
 * Arguments for these rows, then `more` (up to NULL), the operator's. DPDK refuses some options
 * when they come twice or with others: where the operator gives one, ours of the same kind (CPUs,
 * memory, files, devices) are left out. Every CPU that the rows name must be in `cpus` then. 0;
 * -EINVAL with path, value and reason, or -E2BIG, in `error`. Call eal_args_free in any case.
 */
int eal_args_make(struct eal_args *a, const struct config_rows *rows, const cpu_set_t *cpus,
                  char *const *more, struct text *error);

/* All but the first, as one line. */
void eal_args_print(const struct eal_args *a, struct text *out);
void eal_args_free(struct eal_args *a);
