/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The DPDK ports behind the interfaces. Control opens and closes them at start and end; workers use
 * the wire functions on their own queue.
 */
#pragma once

#include "fastpath/dataplane.h"

struct config_rows;
struct text;

struct port_counts {
    uint64_t rx_packets, rx_bytes, rx_missed, rx_errors, tx_packets, tx_bytes, tx_errors;
};

/*
 * Probe and start the device of every interface that names one, with as many queues as its workers
 * can use and it has; dp->queues and dp->rss say what came of it. Before the workers run. 0, or
 * -errno with interface, device and reason in `error` (and everything closed again).
 */
int ports_open(const struct config_rows *rows, struct dataplane *dp, struct text *error);
void ports_close(void);

/* The wire over these ports. */
struct wire ports_wire(void);

/* By interface number: MAC address, link, counters. False when it has no device. */
bool ports_mac(uint16_t ifindex, uint8_t mac[6]);
bool ports_link_up(uint16_t ifindex);
bool ports_counts(uint16_t ifindex, struct port_counts *out);
