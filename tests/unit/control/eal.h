/* SPDX-License-Identifier: BSD-3-Clause */
/* DPDK for a unit test: one core, no huge pages, no devices, no files. */
#pragma once

/* Ends the test when it fails. */
void eal_start(void);
