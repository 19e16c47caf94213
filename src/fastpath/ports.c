/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From `set device "net_af_packet0,iface=veth1"` to a started DPDK port. The text is what DPDK
 * calls device arguments: the device name, then a comma and what the driver wants to know. No
 * offloads are asked for: checksums are adjusted, not computed, and most of the drivers used
 * without a NIC have none.
 */
#include "fastpath/ports.h"

#include "base/log.h"
#include "base/text.h"
#include "config/rows.h"

#include <rte_bus.h>
#include <rte_dev.h>
#include <rte_ethdev.h>

#include <errno.h>
#include <net/if.h>
#include <stdio.h>

#define RX_RING 1024
#define TX_RING 1024
#define NO_PORT UINT16_MAX

/* Port of each interface number; written at start, then read by workers. */
static uint16_t port_of[MAX_INTERFACES];

static int device_fail(struct text *error, const struct row_interface *row, const char *what,
                       int result)
{
    text_printf(error, "interface \"%s\": device \"%s\": %s: %s", row->name, row->device, what,
                rte_strerror(-result));
    return result;
}

/* The kernel's interface among the driver's arguments ("iface=veth1"), if the kernel has none such.
 */
static bool kernel_lacks(const char *device, char name[IF_NAMESIZE])
{
    const char *argument = strstr(device, ",iface=");
    if (!argument)
        return false;
    argument += strlen(",iface=");
    int n = (int)strcspn(argument, ",");
    snprintf(name, IF_NAMESIZE, "%.*s", n, argument);
    return n >= IF_NAMESIZE || if_nametoindex(name) == 0;
}

/* Drivers return -1 or any errno, whatever it was that they missed: say what is likely. */
static int probe_fail(struct text *error, const struct row_interface *row)
{
    char name[IF_NAMESIZE];
    text_printf(error, "interface \"%s\": device \"%s\": ", row->name, row->device);
    if (kernel_lacks(row->device, name))
        text_printf(error, "there is no network interface \"%s\"", name);
    else
        text_printf(error, "unknown, or its driver refuses (no such device, in use, or no right "
                           "to open it); with `-- --log-level=*:info` DPDK tells more");
    return -ENODEV;
}

/* Plug the device in, unless it is there already (given by an EAL argument), and find its port. */
static int device_probe(const struct row_interface *row, uint16_t *port, struct text *error)
{
    char name[128];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(row->device, ","), row->device);
    if (rte_eth_dev_get_port_by_name(name, port) == 0)
        return 0;
    if (rte_dev_probe(row->device) != 0)
        return probe_fail(error, row);
    int result = rte_eth_dev_get_port_by_name(name, port);
    return result == 0 ? 0 : device_fail(error, row, "has no network port", result);
}

/* Two interfaces cannot share a port, however its name is written. */
static int port_claim(const struct config_rows *rows, uint16_t place, uint16_t port,
                      struct text *error)
{
    const struct row_interface *row = &rows->interfaces[place];
    for (uint16_t i = 0; i < place; i++) {
        if (port_of[i + 1] != port)
            continue;
        text_printf(error, "interface \"%s\": device \"%s\" is interface \"%s\"'s already",
                    row->name, row->device, rows->interfaces[i].name);
        return -EBUSY;
    }
    port_of[place + 1] = port;
    return 0;
}

static int queues_set(uint16_t port, uint16_t n_queues, struct rte_mempool *pool)
{
    struct rte_eth_dev_info info;
    struct rte_eth_conf conf = {.rxmode = {.mq_mode = RTE_ETH_MQ_RX_NONE}};
    uint16_t n_rx = RX_RING, n_tx = TX_RING;
    int result = rte_eth_dev_info_get(port, &info);
    if (result != 0)
        return result;
    if (n_queues > 1) {
        conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
        conf.rx_adv_conf.rss_conf.rss_hf =
            info.flow_type_rss_offloads & (RTE_ETH_RSS_IP | RTE_ETH_RSS_UDP | RTE_ETH_RSS_TCP);
    }
    if (info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE)
        conf.txmode.offloads = RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE;
    result = rte_eth_dev_configure(port, n_queues, n_queues, &conf);
    if (result == 0)
        result = rte_eth_dev_adjust_nb_rx_tx_desc(port, &n_rx, &n_tx);
    int socket = rte_eth_dev_socket_id(port);
    for (uint16_t q = 0; q < n_queues && result == 0; q++) {
        result = rte_eth_rx_queue_setup(port, q, n_rx, (unsigned)socket, NULL, pool);
        if (result == 0)
            result = rte_eth_tx_queue_setup(port, q, n_tx, (unsigned)socket, NULL);
    }
    return result;
}

static int port_start(const struct row_interface *row, uint16_t port, uint16_t n_queues,
                      struct rte_mempool *pool, struct text *error)
{
    static const uint8_t no_mac[6];
    struct rte_eth_dev_info info;
    int result = rte_eth_dev_info_get(port, &info);
    if (result != 0)
        return device_fail(error, row, "does not say what it can do", result);
    if (info.max_rx_queues < n_queues || info.max_tx_queues < n_queues) {
        text_printf(error,
                    "interface \"%s\": device \"%s\" has %u receive and %u transmit queues, %u "
                    "workers need one each: set fewer worker-cpus",
                    row->name, row->device, info.max_rx_queues, info.max_tx_queues, n_queues);
        return -ENOTSUP;
    }
    result = queues_set(port, n_queues, pool);
    if (result != 0)
        return device_fail(error, row, "queues cannot be set up", result);
    if (memcmp(row->mac, no_mac, 6) != 0) {
        struct rte_ether_addr mac;
        memcpy(mac.addr_bytes, row->mac, 6);
        result = rte_eth_dev_default_mac_addr_set(port, &mac);
        if (result == -ENOTSUP) /* then receive whatever comes; the packet path looks at the MAC */
            result = rte_eth_promiscuous_enable(port);
        if (result != 0)
            return device_fail(error, row, "macaddr cannot be set", result);
    }
    uint16_t mtu;
    if (rte_eth_dev_get_mtu(port, &mtu) == 0 && mtu != row->mtu &&
        rte_eth_dev_set_mtu(port, row->mtu) != 0)
        log_warn("interface \"%s\": device keeps its MTU of %u", row->name, mtu);
    result = rte_eth_dev_start(port);
    return result == 0 ? 0 : device_fail(error, row, "cannot be started", result);
}

int ports_open(const struct config_rows *rows, uint16_t n_queues, struct rte_mempool *pool,
               struct text *error)
{
    for (int i = 0; i < MAX_INTERFACES; i++)
        port_of[i] = NO_PORT;
    for (uint16_t i = 0; i < rows->n_interfaces && i + 1 < MAX_INTERFACES; i++) {
        const struct row_interface *row = &rows->interfaces[i];
        uint16_t port;
        if (row->device[0] == '\0')
            continue;
        int result = device_probe(row, &port, error);
        if (result == 0)
            result = port_claim(rows, i, port, error);
        if (result == 0)
            result = port_start(row, port, n_queues, pool, error);
        if (result != 0) {
            ports_close();
            return result;
        }
    }
    return 0;
}

void ports_close(void)
{
    for (int i = 1; i < MAX_INTERFACES; i++)
        if (port_of[i] != NO_PORT) {
            rte_eth_dev_stop(port_of[i]);
            rte_eth_dev_close(port_of[i]);
            port_of[i] = NO_PORT;
        }
}

static uint16_t ports_rx(void *ctx, uint16_t ifindex, uint16_t queue, struct rte_mbuf **m,
                         uint16_t n)
{
    (void)ctx;
    uint16_t port = port_of[ifindex];
    return port == NO_PORT ? 0 : rte_eth_rx_burst(port, queue, m, n);
}

static uint16_t ports_tx(void *ctx, uint16_t ifindex, uint16_t queue, struct rte_mbuf **m,
                         uint16_t n)
{
    (void)ctx;
    uint16_t port = port_of[ifindex];
    return port == NO_PORT ? 0 : rte_eth_tx_burst(port, queue, m, n);
}

struct wire ports_wire(void)
{
    return (struct wire){.rx = ports_rx, .tx = ports_tx};
}

bool ports_mac(uint16_t ifindex, uint8_t mac[6])
{
    struct rte_ether_addr addr;
    if (ifindex >= MAX_INTERFACES || port_of[ifindex] == NO_PORT ||
        rte_eth_macaddr_get(port_of[ifindex], &addr) != 0)
        return false;
    memcpy(mac, addr.addr_bytes, 6);
    return true;
}

bool ports_link_up(uint16_t ifindex)
{
    struct rte_eth_link link;
    return ifindex < MAX_INTERFACES && port_of[ifindex] != NO_PORT &&
           rte_eth_link_get_nowait(port_of[ifindex], &link) == 0 && link.link_status;
}

bool ports_counts(uint16_t ifindex, struct port_counts *out)
{
    struct rte_eth_stats s;
    if (ifindex >= MAX_INTERFACES || port_of[ifindex] == NO_PORT ||
        rte_eth_stats_get(port_of[ifindex], &s) != 0)
        return false;
    *out = (struct port_counts){s.ipackets, s.ibytes, s.imissed, s.ierrors,
                                s.opackets, s.obytes, s.oerrors};
    return true;
}
