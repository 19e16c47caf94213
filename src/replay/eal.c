/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DPDK without a machine: buffers and rings from ordinary memory, no devices, no files, and the
 * thread stays free to run on any CPU, so that several replays share a machine well.
 */
#include "replay/replay.h"

#include "base/text.h"

#include <rte_eal.h>
#include <rte_errno.h>

#include <sched.h>
#include <stdio.h>

static int first_cpu(const cpu_set_t *cpus)
{
    for (int i = 0; i < CPU_SETSIZE; i++)
        if (CPU_ISSET(i, cpus))
            return i;
    return 0;
}

int replay_eal_init(struct text *error)
{
    cpu_set_t cpus;
    char lcores[32];
    if (sched_getaffinity(0, sizeof cpus, &cpus) != 0)
        CPU_ZERO(&cpus);
    snprintf(lcores, sizeof lcores, "--lcores=0@%d", first_cpu(&cpus));
    char *args[] = {"pinhole-replay",
                    "--no-huge",
                    "-m",
                    "64",
                    "--no-shconf",
                    "--no-pci",
                    "--no-telemetry",
                    "--no-hpet",
                    "--log-level=*:critical",
                    "--log-level=lib.eal:alert",
                    lcores,
                    NULL};
    if (rte_eal_init((int)(sizeof args / sizeof args[0]) - 1, args) < 0) {
        text_printf(error, "DPDK does not start: %s", rte_strerror(rte_errno));
        return -rte_errno;
    }
    /* EAL ties the thread to that one CPU. */
    if (CPU_COUNT(&cpus) > 0)
        sched_setaffinity(0, sizeof cpus, &cpus);
    return 0;
}

void replay_eal_cleanup(void)
{
    rte_eal_cleanup();
}
