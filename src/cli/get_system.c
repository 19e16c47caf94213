/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Interfaces, neighbours, routes, status and drop counters (reference 6.10, 6.11). Everything comes
 * from the backend; what this machine does not have (link speed, hardware queues) is left out or
 * printed as a FortiGate prints it when it is absent.
 */
#include "cli/backend.h"
#include "cli/command.h"
#include "config/tree.h"

#include <errno.h>
#include <inttypes.h>

struct listing {
    uint32_t cursor, printed;
    uint64_t total;
    bool all, found;
    char interface[64];
};

struct mac_text {
    char s[18];
};

static struct mac_text mac_text(const uint8_t mac[6])
{
    static const char hex[] = "0123456789abcdef";
    struct mac_text t;
    for (int i = 0; i < 6; i++) {
        t.s[3 * i] = hex[mac[i] >> 4];
        t.s[3 * i + 1] = hex[mac[i] & 15];
        t.s[3 * i + 2] = ':';
    }
    t.s[17] = '\0';
    return t;
}

struct ip_text {
    char s[IPV4_TEXT_MAX];
};

static struct ip_text ip_text(be32 ip)
{
    struct ip_text t;
    ipv4_print(ip, t.s);
    return t;
}

/* ---- neighbours ---- */

enum {
    NEIGHBOUR_INCOMPLETE = 0x01,
    NEIGHBOUR_FAILED = 0x20
};

static bool has_mac(const struct backend_neighbour *n)
{
    return n->state != NEIGHBOUR_INCOMPLETE && n->state != NEIGHBOUR_FAILED;
}

static void arp_print(struct text *out, const struct backend_neighbour *n)
{
    if (has_mac(n))
        text_printf(out, "%-17s %-10u %s %s\n", ip_text(n->ip).s, n->age_s / 60, mac_text(n->mac).s,
                    n->interface);
}

static void neighbour_print(struct text *out, const struct backend_neighbour *n)
{
    uint64_t hundredths = (uint64_t)n->age_s * 100;
    text_printf(out,
                "index=%u ifname=%s %s%s%s state=%08x use=%" PRIu64 " confirm=%" PRIu64
                " update=%" PRIu64 " ref=1\n",
                n->ifindex, n->interface, ip_text(n->ip).s, has_mac(n) ? " " : "",
                has_mac(n) ? mac_text(n->mac).s : "", n->state, hundredths, hundredths, hundredths);
}

static int neighbours_walk(struct cli *cli,
                           void (*print)(struct text *out, const struct backend_neighbour *n))
{
    const struct backend *backend = cli_backend(cli);
    struct listing *listing = cli_scratch(cli);
    for (unsigned i = 0; i < CLI_STEP_PRINTED; i++) {
        struct backend_neighbour neighbour;
        int rc = backend->neighbour_next(backend->ctx, &listing->cursor, &neighbour);
        if (rc != 1)
            return rc == -EAGAIN;
        print(cli_output(cli), &neighbour);
    }
    return 1;
}

static int arp_step(struct cli *cli)
{
    return neighbours_walk(cli, arp_print);
}

static int arp_start(struct cli *cli, unsigned n_args, const struct slice *args)
{
    (void)n_args, (void)args;
    text_puts(cli_output(cli), "Address           Age(min)   Hardware Addr      Interface\n");
    return arp_step(cli);
}

static int arp_list_step(struct cli *cli)
{
    return neighbours_walk(cli, neighbour_print);
}

static int arp_list_start(struct cli *cli, unsigned n_args, const struct slice *args)
{
    (void)n_args, (void)args;
    return arp_list_step(cli);
}

/* ---- routes ---- */

static void route_print(struct text *out, const struct backend_route *r)
{
    const char *code = r->connected ? "C" : (r->len == 0 ? "S*" : "S");
    text_printf(out, "%-7s %s/%u ", code, ip_text(r->dst).s, r->len);
    if (r->connected) {
        text_printf(out, "is directly connected, %s\n", r->interface);
        return;
    }
    text_printf(out, "[%u/0] ", r->distance);
    if (r->blackhole)
        text_puts(out, "is a summary, Null");
    else if (r->gateway == 0)
        text_printf(out, "is directly connected, %s", r->interface);
    else
        text_printf(out, "via %s, %s", ip_text(r->gateway).s, r->interface);
    text_printf(out, ", [%u/0]\n", r->priority);
}

static int routes_step(struct cli *cli)
{
    const struct backend *backend = cli_backend(cli);
    struct listing *listing = cli_scratch(cli);
    for (unsigned i = 0; i < CLI_STEP_PRINTED; i++) {
        struct backend_route route;
        int rc = backend->route_next(backend->ctx, &listing->cursor, &route);
        if (rc != 1)
            return rc == -EAGAIN;
        route_print(cli_output(cli), &route);
    }
    return 1;
}

static int routes_start(struct cli *cli, unsigned n_args, const struct slice *args)
{
    (void)n_args, (void)args;
    text_puts(cli_output(cli),
              "Codes: K - kernel, C - connected, S - static, R - RIP, B - BGP\n"
              "       O - OSPF, IA - OSPF inter area\n"
              "       N1 - OSPF NSSA external type 1, N2 - OSPF NSSA external type 2\n"
              "       E1 - OSPF external type 1, E2 - OSPF external type 2\n"
              "       i - IS-IS, L1 - IS-IS level-1, L2 - IS-IS level-2, ia - IS-IS inter area\n"
              "       V - BGP VPNv4\n"
              "       * - candidate default\n\n"
              "Routing table for VRF=0\n");
    return routes_step(cli);
}

/* ---- interfaces ---- */

static void address_print(struct cli *cli, const struct backend_interface *i)
{
    if (i->ip != 0)
        text_printf(cli_output(cli), "IP=%s->%s/%s index=%u devname=%s\n", ip_text(i->ip).s,
                    ip_text(i->ip).s, ip_text(i->mask).s, i->index, i->name);
}

static void physical_print(struct cli *cli, const struct backend_interface *i)
{
    text_printf(cli_output(cli),
                "    ==[%s]\n        mode: static\n        ip: %s %s\n        ipv6: ::/0\n"
                "        status: %s\n        speed: n/a\n",
                i->name, ip_text(i->ip).s, ip_text(i->mask).s, i->link_up ? "up" : "down");
}

static void nic_identity(struct text *out, const struct backend_interface *i)
{
    struct slice device = slice_str(i->device ? i->device : "");
    text_printf(out,
                "Name:            %s\nDriver:          %.*s\nHWaddr:          %s\n"
                "Permanent Hwaddr:%s\nState:           up\nLink:            %s\n"
                "Mtu:             %u\n",
                i->name, (int)slice_find(device, ','), device.p, mac_text(i->mac).s,
                mac_text(i->mac).s, i->link_up ? "up" : "down", i->mtu);
}

static void nic_print(struct cli *cli, const struct backend_interface *i)
{
    struct listing *listing = cli_scratch(cli);
    struct text *out = cli_output(cli);
    if (strcmp(i->name, listing->interface) != 0)
        return;
    listing->found = true;
    nic_identity(out, i);
    const struct {
        const char *label;
        uint64_t value;
    } counter[] = {
        {"Rx packets:", i->rx_packets},
        {"Rx bytes:", i->rx_bytes},
        {"Rx dropped:", i->rx_missed},
        {"Rx errors:", i->rx_errors},
        {"  Rx Missed packets:", i->rx_missed},
        {"Tx packets:", i->tx_packets},
        {"Tx bytes:", i->tx_bytes},
        {"Tx errors:", i->tx_errors},
    };
    for (size_t n = 0; n < sizeof(counter) / sizeof(counter[0]); n++)
        text_printf(out, "%-25s%" PRIu64 "\n", counter[n].label, counter[n].value);
}

static int interfaces_walk(struct cli *cli,
                           void (*print)(struct cli *cli, const struct backend_interface *i))
{
    const struct backend *backend = cli_backend(cli);
    struct listing *listing = cli_scratch(cli);
    for (unsigned i = 0; i < CLI_STEP_PRINTED; i++) {
        struct backend_interface interface;
        int rc = backend->interface_next(backend->ctx, &listing->cursor, &interface);
        if (rc != 1)
            return rc == -EAGAIN;
        print(cli, &interface);
    }
    return 1;
}

static int address_step(struct cli *cli)
{
    return interfaces_walk(cli, address_print);
}

static int address_start(struct cli *cli, unsigned n_args, const struct slice *args)
{
    (void)n_args, (void)args;
    return address_step(cli);
}

static int physical_step(struct cli *cli)
{
    return interfaces_walk(cli, physical_print);
}

static int physical_start(struct cli *cli, unsigned n_args, const struct slice *args)
{
    (void)n_args, (void)args;
    text_puts(cli_output(cli), "== [onboard]\n");
    return physical_step(cli);
}

static int nic_step(struct cli *cli)
{
    const struct listing *listing = cli_scratch(cli);
    int more = interfaces_walk(cli, nic_print);
    if (more || listing->found)
        return more;
    text_printf(cli_output(cli), "entry not found in datasource\n\nvalue parse error before '%s'\n",
                listing->interface);
    return CLI_E_NOT_FOUND;
}

static int nic_start(struct cli *cli, unsigned n_args, const struct slice *args)
{
    (void)n_args;
    struct listing *listing = cli_scratch(cli);
    if (args[0].n >= sizeof(listing->interface))
        return cli_bad_value(cli, args[0]);
    memcpy(listing->interface, args[0].p, args[0].n);
    return nic_step(cli);
}

/* ---- status ---- */

static int status_start(struct cli *cli, unsigned n_args, const struct slice *args)
{
    (void)n_args, (void)args;
    const struct backend *backend = cli_backend(cli);
    struct tree_path global = tree_path_root("system global", NULL);
    const char *hostname =
        tree_str(tree_at(cli_running(cli), &global), schema_root("system global"), "hostname");
    uint64_t minutes = backend->uptime_s(backend->ctx) / 60;
    text_printf(cli_output(cli),
                "Version: Pinhole v" PINHOLE_VERSION "\n"
                "Hostname: %s\n"
                "Operation Mode: NAT\n"
                "Current virtual domain: root\n"
                "Max number of virtual domains: 1\n"
                "Virtual domains status: 1 in NAT mode, 0 in TP mode\n"
                "Virtual domain configuration: disable\n"
                "FIPS-CC mode: disable\n"
                "Current HA mode: standalone\n"
                "Uptime: %" PRIu64 " days, %2" PRIu64 " hours, %2" PRIu64 " minutes\n",
                hostname, minutes / 1440, minutes / 60 % 24, minutes % 60);
    return 0;
}

/* ---- drop reasons ---- */

static int drops_step(struct cli *cli)
{
    const struct backend *backend = cli_backend(cli);
    struct listing *listing = cli_scratch(cli);
    for (unsigned i = 0; i < CLI_STEP_PRINTED; i++) {
        struct backend_counter counter;
        int rc = backend->drop_next(backend->ctx, &listing->cursor, &counter);
        if (rc == -EAGAIN)
            return 1;
        if (rc != 1) {
            text_printf(cli_output(cli), "total dropped %" PRIu64 "\n", listing->total);
            return 0;
        }
        listing->total += counter.count;
        if (counter.count > 0 || listing->all)
            text_printf(cli_output(cli), "%12" PRIu64 " %-28s %s\n", counter.count, counter.name,
                        counter.text);
    }
    return 1;
}

static int drops_start(struct cli *cli, unsigned n_args, const struct slice *args)
{
    struct listing *listing = cli_scratch(cli);
    if (n_args > 0 && !slice_eq(args[0], SLICE_LIT("all")))
        return cli_bad_value(cli, args[0]);
    listing->all = n_args > 0;
    return drops_step(cli);
}

static const char *const *drops_words(unsigned arg)
{
    static const char *const words[] = {"all", NULL};
    return arg == 0 ? words : NULL;
}

_Static_assert(sizeof(struct listing) <= CLI_SCRATCH_SIZE, "listing fits the scratch area");

const struct cli_command cli_system_commands[] = {
    {"get", "Get dynamic and system information."},
    {"execute", "Execute static commands."},
    {"get system arp", "ARP table.", NULL, 0, 0, arp_start, arp_step},
    {"get system status", "System status.", NULL, 0, 0, status_start},
    {"get system interface physical", "Physical interfaces.", NULL, 0, 0, physical_start,
     physical_step},
    {"get router", "Router configuration and information."},
    {"get router info", "Routing information."},
    {"get router info routing-table", "Routing table."},
    {"get router info routing-table all", "All routes.", NULL, 0, 0, routes_start, routes_step},
    {"diagnose ip", "Addresses and neighbours."},
    {"diagnose ip arp", "Neighbours."},
    {"diagnose ip arp list", "List neighbours.", NULL, 0, 0, arp_list_start, arp_list_step},
    {"diagnose ip address", "Interface addresses."},
    {"diagnose ip address list", "List addresses.", NULL, 0, 0, address_start, address_step},
    {"diagnose hardware", "Hardware diagnostics."},
    {"diagnose hardware deviceinfo", "Device information."},
    {"diagnose hardware deviceinfo nic", "Interface device and counters.", "<interface>", 1, 1,
     nic_start, nic_step},
    {"diagnose firewall", "Firewall diagnostics."},
    {"diagnose firewall drop", "Dropped packets."},
    {"diagnose firewall drop list", "Packets dropped, by reason (all: reasons without a hit too).",
     "[all]", 0, 1, drops_start, drops_step, drops_words},
    {NULL},
};
