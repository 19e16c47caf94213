/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From `set device "net_af_packet0,iface=veth1"` to a started DPDK port. The text is what DPDK
 * calls device arguments: the device name, then a comma and what the driver wants to know. No
 * offloads are asked for: checksums are adjusted, not computed, and most of the drivers used
 * without a NIC have none.
 *
 * A device gets a queue pair per worker as far as it has them. Those whose packets somebody else
 * spreads over all queues they were made with (fixed_queues) keep all their receive queues, or a
 * part of the traffic would be seen by nobody. Whatever the numbers are, the workers share the
 * queues out among themselves (struct queues).
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
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define RX_RING 1024
#define TX_RING 1024
#define NO_PORT UINT16_MAX

/* Port of each interface number; written at start, then read by workers. */
static uint16_t port_of[MAX_INTERFACES];

/* Control: to ask the kernel about its interfaces; -1 until then. */
static int flags_fd = -1;

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

/* Drivers whose receive queues are filled by others, whether or not we look at them. */
static bool fixed_queues(const struct rte_eth_dev_info *info)
{
    static const char *const drivers[] = {"net_af_packet", "net_af_xdp", "net_pcap", "net_ring"};
    for (size_t i = 0; i < RTE_DIM(drivers); i++)
        if (strcmp(info->driver_name, drivers[i]) == 0)
            return true;
    return false;
}

/* How many queues of this device are to be used; at least one each way. */
static struct queues queues_wanted(const struct rte_eth_dev_info *info, uint16_t n_workers)
{
    struct queues q = {.rx = fixed_queues(info) ? info->max_rx_queues
                                                : RTE_MIN(info->max_rx_queues, n_workers),
                       .tx = RTE_MIN(info->max_tx_queues, n_workers)};
    q.rx = q.rx > 0 ? q.rx : 1;
    q.tx = q.tx > 0 ? q.tx : 1;
    return q;
}

/* What is known of a port before it starts, and what it gets. */
struct plan {
    struct rte_eth_dev_info info;
    struct queues queues;
    struct rss rss;
    uint8_t key[RSS_KEY_MAX];
};

/* Drivers that do not say have the usual one, or will be found out (key_taken). */
static uint8_t key_size(const struct plan *plan)
{
    return plan->info.hash_key_size > 0 ? plan->info.hash_key_size : 40;
}

/* Can we tell the device by what to spread packets? */
static bool rss_possible(const struct plan *plan)
{
    const struct rte_eth_dev_info *info = &plan->info;
    return plan->queues.rx > 1 && info->flow_type_rss_offloads & RTE_ETH_RSS_IPV4 &&
           key_size(plan) >= 40 && key_size(plan) <= RSS_KEY_MAX &&
           info->reta_size <= RSS_ENTRIES_MAX && rte_is_power_of_2(info->reta_size);
}

static uint64_t rss_types(const struct plan *plan)
{
    uint64_t types = RTE_ETH_RSS_IP | RTE_ETH_RSS_UDP | RTE_ETH_RSS_TCP;
    if (plan->rss.fields == RSS_SOURCE)
        types |= RTE_ETH_RSS_L3_SRC_ONLY | RTE_ETH_RSS_L4_SRC_ONLY;
    else if (plan->rss.fields == RSS_DESTINATION)
        types |= RTE_ETH_RSS_L3_DST_ONLY | RTE_ETH_RSS_L4_DST_ONLY;
    return types & plan->info.flow_type_rss_offloads;
}

static int configure(uint16_t port, struct plan *plan)
{
    struct rte_eth_conf conf = {.rxmode = {.mq_mode = RTE_ETH_MQ_RX_NONE}};
    if (plan->queues.rx > 1 && plan->info.flow_type_rss_offloads != 0) {
        conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
        conf.rx_adv_conf.rss_conf.rss_hf = rss_types(plan);
    }
    if (plan->rss.fields != RSS_UNKNOWN) {
        rss_key_fill(plan->key, key_size(plan));
        conf.rx_adv_conf.rss_conf.rss_key = plan->key;
        conf.rx_adv_conf.rss_conf.rss_key_len = key_size(plan);
    }
    if (plan->info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE)
        conf.txmode.offloads = RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE;
    int result = rte_eth_dev_configure(port, plan->queues.rx, plan->queues.tx, &conf);
    if (result == 0 || plan->queues.rx == plan->queues.tx)
        return result;
    /* Some know pairs only. */
    uint16_t pairs = RTE_MIN(plan->queues.rx, plan->queues.tx);
    plan->queues = (struct queues){pairs, pairs};
    return rte_eth_dev_configure(port, pairs, pairs, &conf);
}

static int queues_set(uint16_t port, struct plan *plan, struct rte_mempool *pool)
{
    uint16_t n_rx = RX_RING, n_tx = TX_RING;
    int socket = rte_eth_dev_socket_id(port), result = configure(port, plan);
    if (result == 0)
        result = rte_eth_dev_adjust_nb_rx_tx_desc(port, &n_rx, &n_tx);
    for (uint16_t q = 0; q < plan->queues.rx && result == 0; q++)
        result = rte_eth_rx_queue_setup(port, q, n_rx, (unsigned)socket, NULL, pool);
    for (uint16_t q = 0; q < plan->queues.tx && result == 0; q++)
        result = rte_eth_tx_queue_setup(port, q, n_tx, (unsigned)socket, NULL);
    return result;
}

static bool redirection_set(uint16_t port, const struct plan *plan)
{
    struct rte_eth_rss_reta_entry64 table[RSS_ENTRIES_MAX / RTE_ETH_RETA_GROUP_SIZE] = {0};
    for (uint16_t i = 0; i < plan->info.reta_size; i++) {
        table[i / RTE_ETH_RETA_GROUP_SIZE].mask = UINT64_MAX;
        table[i / RTE_ETH_RETA_GROUP_SIZE].reta[i % RTE_ETH_RETA_GROUP_SIZE] = i % plan->queues.rx;
    }
    return rte_eth_dev_rss_reta_update(port, table, plan->info.reta_size) == 0;
}

static bool key_in_use(uint16_t port, const struct plan *plan)
{
    uint8_t key[RSS_KEY_MAX] = {0};
    struct rte_eth_rss_conf conf = {.rss_key = key, .rss_key_len = key_size(plan)};
    return rte_eth_dev_rss_hash_conf_get(port, &conf) == 0 &&
           memcmp(key, plan->key, key_size(plan)) == 0 &&
           (conf.rss_hf & rss_types(plan)) == rss_types(plan);
}

/* Some drivers take a key when they are configured and use another, or only one that comes later.
 */
static bool key_taken(uint16_t port, struct plan *plan)
{
    struct rte_eth_rss_conf conf = {
        .rss_key = plan->key, .rss_key_len = key_size(plan), .rss_hf = rss_types(plan)};
    return key_in_use(port, plan) ||
           (rte_eth_dev_rss_hash_update(port, &conf) == 0 && key_in_use(port, plan));
}

/* After the start: what the device does with arriving packets, as far as we know. */
static struct rss rss_of(uint16_t port, struct plan *plan, uint16_t n_workers)
{
    struct rss rss = {.fields = plan->rss.fields,
                      .entries = plan->info.reta_size,
                      .queues = plan->queues.rx,
                      .workers = n_workers};
    if (plan->queues.rx == 1)
        return (struct rss){.fields = RSS_BOTH, .entries = 1, .queues = 1, .workers = n_workers};
    if (rss.fields != RSS_UNKNOWN && (!redirection_set(port, plan) || !key_taken(port, plan)))
        rss.fields = RSS_UNKNOWN;
    return rss;
}

static int mac_set(const struct row_interface *row, uint16_t port)
{
    static const uint8_t no_mac[6];
    struct rte_ether_addr mac;
    if (memcmp(row->mac, no_mac, 6) == 0)
        return 0;
    memcpy(mac.addr_bytes, row->mac, 6);
    int result = rte_eth_dev_default_mac_addr_set(port, &mac);
    if (result == -ENOTSUP) /* then receive whatever comes; the packet path looks at the MAC */
        result = rte_eth_promiscuous_enable(port);
    return result;
}

/*
 * Neighbour Discovery is asked in groups (RFC 4291 2.7.1), which a NIC keeps to itself unless told.
 * All of them: addresses come and go with the configuration, a port is started once. A device that
 * can neither take all groups nor all frames filters nothing.
 */
static void groups_take(const struct row_interface *row, uint16_t port)
{
    int result = rte_eth_allmulticast_enable(port);
    if (result == -ENOTSUP)
        result = rte_eth_promiscuous_enable(port);
    if (result != 0 && result != -ENOTSUP)
        log_warn(
            "interface \"%s\": multicast cannot be received (%s): IPv6 neighbours may not find "
            "us",
            row->name, rte_strerror(-result));
}

static int port_start(const struct row_interface *row, uint16_t port, struct plan *plan,
                      struct rte_mempool *pool, struct text *error)
{
    int result = queues_set(port, plan, pool);
    if (result != 0)
        return device_fail(error, row, "queues cannot be set up", result);
    result = mac_set(row, port);
    if (result != 0)
        return device_fail(error, row, "macaddr cannot be set", result);
    uint16_t mtu;
    if (rte_eth_dev_get_mtu(port, &mtu) == 0 && mtu != row->mtu &&
        rte_eth_dev_set_mtu(port, row->mtu) != 0)
        log_warn("interface \"%s\": device keeps its MTU of %u", row->name, mtu);
    result = rte_eth_dev_start(port);
    if (result != 0)
        return device_fail(error, row, "cannot be started", result);
    groups_take(row, port);
    return 0;
}

static int port_plan(const struct row_interface *row, uint16_t port, uint16_t n_workers,
                     struct plan *plan, struct text *error)
{
    int result = rte_eth_dev_info_get(port, &plan->info);
    if (result != 0)
        return device_fail(error, row, "does not say what it can do", result);
    plan->queues = queues_wanted(&plan->info, n_workers);
    plan->rss.fields = rss_possible(plan) ? RSS_BOTH : RSS_UNKNOWN;
    return 0;
}

/* One side alone is hashed where every port can and each is clearly inside or outside. */
static void sides_plan(const struct config_rows *rows, struct plan *plans)
{
    const uint64_t needed = RTE_ETH_RSS_L3_SRC_ONLY | RTE_ETH_RSS_L3_DST_ONLY |
                            RTE_ETH_RSS_L4_SRC_ONLY | RTE_ETH_RSS_L4_DST_ONLY;
    enum rss_fields side[MAX_INTERFACES];
    for (uint16_t i = 0; i < rows->n_interfaces; i++) {
        side[i] = rss_side(rows, i);
        if (port_of[i + 1] != NO_PORT &&
            (plans[i].rss.fields == RSS_UNKNOWN || side[i] == RSS_BOTH ||
             (plans[i].info.flow_type_rss_offloads & needed) != needed))
            return;
    }
    for (uint16_t i = 0; i < rows->n_interfaces; i++)
        plans[i].rss.fields = (uint8_t)side[i];
}

static const char *const spreads[] = {"by a rule of its own", "symmetrically", "by inside source",
                                      "by inside destination"};

static int plans_make(const struct config_rows *rows, struct dataplane *dp, struct plan *plans,
                      struct text *error)
{
    for (uint16_t i = 0; i < rows->n_interfaces; i++) {
        const struct row_interface *row = &rows->interfaces[i];
        uint16_t port;
        if (row->device[0] == '\0')
            continue;
        int result = device_probe(row, &port, error);
        if (result == 0)
            result = port_claim(rows, i, port, error);
        if (result == 0)
            result = port_plan(row, port, dp->n_workers, &plans[i], error);
        if (result != 0)
            return result;
    }
    sides_plan(rows, plans);
    return 0;
}

static int plans_do(const struct config_rows *rows, struct dataplane *dp, struct plan *plans,
                    struct text *error)
{
    for (uint16_t i = 0; i < rows->n_interfaces; i++) {
        const struct row_interface *row = &rows->interfaces[i];
        uint16_t port = port_of[i + 1];
        dp->queues[i + 1] = (struct queues){0};
        if (port == NO_PORT)
            continue;
        int result = port_start(row, port, &plans[i], dp->pool, error);
        if (result != 0)
            return result;
        dp->queues[i + 1] = plans[i].queues;
        dp->rss[i + 1] = rss_of(port, &plans[i], dp->n_workers);
        if (dp->n_workers > 1)
            log_info("interface \"%s\": %u receive, %u transmit queues for %u workers, packets "
                     "spread %s",
                     row->name, plans[i].queues.rx, plans[i].queues.tx, dp->n_workers,
                     plans[i].queues.rx == 1 ? "not at all" : spreads[dp->rss[i + 1].fields]);
    }
    return 0;
}

int ports_open(const struct config_rows *rows, struct dataplane *dp, struct text *error)
{
    for (int i = 0; i < MAX_INTERFACES; i++)
        port_of[i] = NO_PORT;
    if (rows->n_interfaces >= MAX_INTERFACES) {
        text_printf(error, "more than %d interfaces", MAX_INTERFACES - 1);
        return -E2BIG;
    }
    struct plan *plans = calloc(rows->n_interfaces + 1u, sizeof *plans);
    if (!plans)
        abort();
    int result = plans_make(rows, dp, plans, error);
    if (result == 0)
        result = plans_do(rows, dp, plans, error);
    free(plans);
    if (result != 0)
        ports_close();
    return result;
}

void ports_close(void)
{
    for (int i = 1; i < MAX_INTERFACES; i++)
        if (port_of[i] != NO_PORT) {
            rte_eth_dev_stop(port_of[i]);
            rte_eth_dev_close(port_of[i]);
            port_of[i] = NO_PORT;
        }
    if (flags_fd >= 0)
        close(flags_fd);
    flags_fd = -1;
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

static bool ports_link(void *ctx, uint16_t ifindex)
{
    (void)ctx;
    return ports_link_up(ifindex);
}

struct wire ports_wire(void)
{
    return (struct wire){.rx = ports_rx, .tx = ports_tx, .link = ports_link};
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

/* What the kernel says of a device it has, too: net_af_packet calls itself up whatever happens. */
static bool carrier(unsigned if_index)
{
    struct ifreq ifr = {0};
    if (flags_fd < 0)
        flags_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (!if_indextoname(if_index, ifr.ifr_name) || ioctl(flags_fd, SIOCGIFFLAGS, &ifr) != 0)
        return false;
    return (ifr.ifr_flags & (IFF_UP | IFF_RUNNING)) == (IFF_UP | IFF_RUNNING);
}

bool ports_link_up(uint16_t ifindex)
{
    struct rte_eth_link link;
    struct rte_eth_dev_info info;
    if (ifindex >= MAX_INTERFACES || port_of[ifindex] == NO_PORT ||
        rte_eth_link_get_nowait(port_of[ifindex], &link) != 0 || !link.link_status)
        return false;
    return rte_eth_dev_info_get(port_of[ifindex], &info) != 0 || info.if_index == 0 ||
           carrier(info.if_index);
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
