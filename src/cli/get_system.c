/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Interfaces, neighbours and status (reference 6.10, 6.11). Everything comes
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
    bool found;
    char interface[64];
};

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
    if (has_mac(n) && ip_addr_is4(&n->ip))
        text_printf(out, "%-17s %-10u %s %s\n", cli_ip(n->ip).s, n->age_s / 60, cli_mac(n->mac).s,
                    n->interface);
}

static void either_print(struct text *out, const char *index, const struct backend_neighbour *n)
{
    uint64_t hundredths = (uint64_t)n->age_s * 100;
    text_printf(out,
                "%s=%u ifname=%s %s%s%s state=%08x use=%" PRIu64 " confirm=%" PRIu64
                " update=%" PRIu64 " ref=1\n",
                index, n->ifindex, n->interface, cli_ip(n->ip).s, has_mac(n) ? " " : "",
                has_mac(n) ? cli_mac(n->mac).s : "", n->state, hundredths, hundredths, hundredths);
}

static void neighbour_print(struct text *out, const struct backend_neighbour *n)
{
    if (ip_addr_is4(&n->ip))
        either_print(out, "index", n);
}

static void neighbour6_print(struct text *out, const struct backend_neighbour *n)
{
    if (!ip_addr_is4(&n->ip))
        either_print(out, "ifindex", n);
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

static int cache6_step(struct cli *cli)
{
    return neighbours_walk(cli, neighbour6_print);
}

static int cache6_start(struct cli *cli, unsigned n_args, const struct slice *args)
{
    (void)n_args, (void)args;
    return cache6_step(cli);
}

static int arp_list_start(struct cli *cli, unsigned n_args, const struct slice *args)
{
    (void)n_args, (void)args;
    return arp_list_step(cli);
}

/* ---- interfaces ---- */

static void address_print(struct cli *cli, const struct backend_interface *i)
{
    if (i->ip != 0)
        text_printf(cli_output(cli), "IP=%s->%s/%s index=%u devname=%s\n", ip_text(i->ip).s,
                    ip_text(i->ip).s, ip_text(i->mask).s, i->index, i->name);
}

/* The interface's own link-local address (RFC 4291 2.5.6, appendix A). */
static struct ip_addr link_local(const uint8_t mac[6])
{
    return (struct ip_addr){.byte = {0xfe, 0x80, 0, 0, 0, 0, 0, 0, mac[0] ^ 2, mac[1], mac[2], 0xff,
                                     0xfe, mac[3], mac[4], mac[5]}};
}

static void address6_line(struct text *out, const struct backend_interface *i, unsigned scope,
                          unsigned len, struct ip_addr ip)
{
    text_printf(out,
                "dev=%u devname=%s flag=P scope=%u prefix=%u addr=%s preferred=4294967295 "
                "valid=4294967295 cstamp=0 tstamp=0\n",
                i->index, i->name, scope, len, cli_ip(ip).s);
}

static void address6_print(struct cli *cli, const struct backend_interface *i)
{
    enum {
        SCOPE_GLOBAL = 0,
        SCOPE_LINK = 253
    };
    if (cli_ip_is_zero(&i->ip6))
        return;
    address6_line(cli_output(cli), i, SCOPE_GLOBAL, i->ip6_len, i->ip6);
    address6_line(cli_output(cli), i, SCOPE_LINK, 64, link_local(i->mac));
}

static void physical_print(struct cli *cli, const struct backend_interface *i)
{
    text_printf(cli_output(cli),
                "    ==[%s]\n        mode: static\n        ip: %s %s\n        ipv6: %s/%u\n"
                "        status: %s\n        speed: n/a\n",
                i->name, ip_text(i->ip).s, ip_text(i->mask).s, cli_ip(i->ip6).s, i->ip6_len,
                i->link_up ? "up" : "down");
}

static void nic_identity(struct text *out, const struct backend_interface *i)
{
    struct slice device = slice_str(i->device ? i->device : "");
    text_printf(out,
                "Name:            %s\nDriver:          %.*s\nHWaddr:          %s\n"
                "Permanent Hwaddr:%s\nState:           up\nLink:            %s\n"
                "Mtu:             %u\n",
                i->name, (int)slice_find(device, ','), device.p, cli_mac(i->mac).s,
                cli_mac(i->mac).s, i->link_up ? "up" : "down", i->mtu);
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

static int address6_step(struct cli *cli)
{
    return interfaces_walk(cli, address6_print);
}

static int address6_start(struct cli *cli, unsigned n_args, const struct slice *args)
{
    (void)n_args, (void)args;
    return address6_step(cli);
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

_Static_assert(sizeof(struct listing) <= CLI_SCRATCH_SIZE, "listing fits the scratch area");

const struct cli_command cli_system_commands[] = {
    {"get", "Get dynamic and system information."},
    {"execute", "Execute static commands."},
    {"get system arp", "ARP table.", NULL, 0, 0, arp_start, arp_step},
    {"get system status", "System status.", NULL, 0, 0, status_start},
    {"get system interface physical", "Physical interfaces.", NULL, 0, 0, physical_start,
     physical_step},
    {"diagnose ip", "Addresses and neighbours."},
    {"diagnose ip arp", "Neighbours."},
    {"diagnose ip arp list", "List neighbours.", NULL, 0, 0, arp_list_start, arp_list_step},
    {"diagnose ip address", "Interface addresses."},
    {"diagnose ip address list", "List addresses.", NULL, 0, 0, address_start, address_step},
    {"diagnose hardware", "Hardware diagnostics."},
    {"diagnose hardware deviceinfo", "Device information."},
    {"diagnose hardware deviceinfo nic", "Interface device and counters.", "<interface>", 1, 1,
     nic_start, nic_step},
    {"diagnose ipv6", "IPv6 addresses and neighbours."},
    {"diagnose ipv6 address", "IPv6 interface addresses."},
    {"diagnose ipv6 address list", "List IPv6 addresses.", NULL, 0, 0, address6_start,
     address6_step},
    {"diagnose ipv6 neighbor-cache", "IPv6 neighbours."},
    {"diagnose ipv6 neighbor-cache list", "List IPv6 neighbours.", NULL, 0, 0, cache6_start,
     cache6_step},
    {NULL},
};
