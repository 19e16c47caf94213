/* SPDX-License-Identifier: BSD-3-Clause */
#include "eal.h"

#include <rte_eal.h>

#include <stdio.h>
#include <stdlib.h>

void eal_start(void)
{
    char *args[] = {"test",      "--no-huge",      "-m",       "128", "--no-shconf",  "--no-pci",
                    "--no-hpet", "--no-telemetry", "--lcores", "0@0", "--log-level=4"};
    if (rte_eal_init((int)(sizeof args / sizeof args[0]), args) < 0) {
        fprintf(stderr, "DPDK does not start\n");
        exit(1);
    }
}
