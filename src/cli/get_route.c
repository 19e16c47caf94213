/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Routing tables (reference 6.10). The backend gives the routes of a prefix one after the other, so
 * equal ones (ECMP) print as continuations of the first. `details` walks the table twice, for the
 * longest prefix around the address and for its routes; both walks are read in steps like any
 * listing.
 */
#include "cli/backend.h"
#include "cli/command.h"

#include <errno.h>
#include <stdio.h>

enum table {
    TABLE_ALL,      /* what is in the table */
    TABLE_DATABASE, /* what is configured */
    TABLE_DETAILS
};

struct listing {
    uint32_t cursor;
    enum table table;
    bool v6, printed, best_found, second_walk;
    struct ip_addr last; /* prefix of the route printed before */
    uint8_t last_len;
    struct ip_addr ip; /* of `details` */
    uint8_t best_len;
    unsigned found;
};

_Static_assert(sizeof(struct listing) <= CLI_SCRATCH_SIZE, "listing fits the scratch area");

static bool in_table(const struct backend_route *r)
{
    return r->state == BACKEND_ROUTE_ACTIVE || r->state == BACKEND_ROUTE_SPARE;
}

static bool continues(const struct listing *l, const struct backend_route *r)
{
    return l->printed && r->len == l->last_len && ip_addr_eq(&r->dst, &l->last);
}

/* "[10/0] via 203.0.113.1, port1" and what else follows the prefix. */
static void way_print(const struct listing *l, const struct backend_route *r, struct text *out)
{
    const char *inactive = r->state == BACKEND_ROUTE_DOWN ? " inactive" : "";
    if (r->connected && !l->v6) {
        text_printf(out, "is directly connected, %s%s\n", r->interface, inactive);
        return;
    }
    if (r->connected) {
        text_printf(out, "via ::, %s%s\n", r->interface, inactive);
        return;
    }
    text_printf(out, "[%u/0] ", r->distance);
    if (r->blackhole)
        text_puts(out, "is a summary, Null");
    else if (cli_ip_is_zero(&r->gateway))
        text_printf(out, "is directly connected, %s%s", r->interface, inactive);
    else
        text_printf(out, "via %s, %s%s", cli_ip(r->gateway).s, r->interface, inactive);
    text_printf(out, ", [%u/%u]\n", r->priority, r->weight);
}

static void route_print(struct listing *l, const struct backend_route *r, struct text *out)
{
    char head[16], prefix[IPV6_TEXT_MAX + 4];
    bool database = l->table == TABLE_DATABASE;
    const char *code = r->connected ? "C" : r->len == 0 && in_table(r) && !database ? "S*" : "S";
    int n = snprintf(prefix, sizeof(prefix), "%s/%u", cli_ip(r->dst).s, r->len);
    if (continues(l, r))
        snprintf(head, sizeof(head), "%s", "");
    else
        snprintf(head, sizeof(head), "%s", code);
    if (database)
        text_printf(out, "%-5s%s ", head, in_table(r) ? "*>" : "  ");
    else
        text_printf(out, "%-8s", head);
    /* Further routes of a prefix stand below the first, the prefix left out. */
    if (continues(l, r))
        text_printf(out, "%*s", n, "");
    else
        text_puts(out, prefix);
    text_puts(out, " ");
    way_print(l, r, out);
    l->last = r->dst;
    l->last_len = r->len;
    l->printed = true;
}

/* ---- details ---- */

static bool covers(const struct backend_route *r, const struct ip_addr *ip)
{
    unsigned skip = ip_addr_is4(&r->dst) ? 96 : 0, len = r->len + skip;
    for (unsigned bit = skip; bit < len; bit++)
        if ((r->dst.byte[bit / 8] ^ ip->byte[bit / 8]) & (0x80 >> bit % 8))
            return false;
    return true;
}

static void detail_look(struct listing *l, const struct backend_route *r)
{
    if (!in_table(r) || !covers(r, &l->ip) || (l->best_found && r->len < l->best_len))
        return;
    l->best_found = true;
    l->best_len = r->len;
}

static void detail_print(struct listing *l, const struct backend_route *r, struct text *out)
{
    if (!in_table(r) || !l->best_found || r->len != l->best_len || !covers(r, &l->ip))
        return;
    if (l->found++ == 0)
        text_printf(out, "Routing entry for %s/%u\n", cli_ip(r->dst).s, r->len);
    text_printf(out, "  Known via \"%s\", distance %u, metric 0%s\n",
                r->connected ? "connected" : "static", r->distance,
                r->state == BACKEND_ROUTE_ACTIVE ? ", best" : "");
    if (r->blackhole)
        text_puts(out, "  * directly connected, Null\n");
    else if (r->connected || cli_ip_is_zero(&r->gateway))
        text_printf(out, "  %s directly connected, %s\n",
                    r->state == BACKEND_ROUTE_ACTIVE ? "*" : " ", r->interface);
    else
        text_printf(out, "  %s vrf 0 %s, via %s\n", r->state == BACKEND_ROUTE_ACTIVE ? "*" : " ",
                    cli_ip(r->gateway).s, r->interface);
    text_puts(out, "\n");
}

/* ---- the walk ---- */

static void use_route(struct cli *cli, struct listing *l, const struct backend_route *r)
{
    struct text *out = cli_output(cli);
    if (l->table == TABLE_DETAILS && !l->second_walk)
        detail_look(l, r);
    else if (l->table == TABLE_DETAILS)
        detail_print(l, r, out);
    else if (l->table == TABLE_DATABASE || in_table(r))
        route_print(l, r, out);
}

static int walk_end(struct cli *cli, struct listing *l)
{
    if (l->table != TABLE_DETAILS)
        return 0;
    if (!l->second_walk && l->best_found) {
        l->second_walk = true;
        l->cursor = 0;
        return 1;
    }
    if (!l->best_found)
        text_puts(cli_output(cli), "% Network not in table\n");
    return 0;
}

static int routes_step(struct cli *cli)
{
    const struct backend *backend = cli_backend(cli);
    struct listing *l = cli_scratch(cli);
    for (unsigned i = 0; i < CLI_STEP_PRINTED; i++) {
        struct backend_route route;
        int rc = backend->route_next(backend->ctx, &l->cursor, &route);
        if (rc != 1)
            return rc == -EAGAIN ? 1 : walk_end(cli, l);
        if (ip_addr_is4(&route.dst) == !l->v6)
            use_route(cli, l, &route);
    }
    return 1;
}

static void codes_print(const struct listing *l, struct text *out)
{
    if (l->v6)
        text_puts(out, "IPv6 Routing Table\n"
                       "Codes: K - kernel route, C - connected, S - static, R - RIP, O - OSPF,\n"
                       "       I - IS-IS, B - BGP\n"
                       "       * - candidate default\n");
    else
        text_puts(
            out, "Codes: K - kernel, C - connected, S - static, R - RIP, B - BGP\n"
                 "       O - OSPF, IA - OSPF inter area\n"
                 "       N1 - OSPF NSSA external type 1, N2 - OSPF NSSA external type 2\n"
                 "       E1 - OSPF external type 1, E2 - OSPF external type 2\n"
                 "       i - IS-IS, L1 - IS-IS level-1, L2 - IS-IS level-2, ia - IS-IS inter area\n"
                 "       V - BGP VPNv4\n");
    if (l->table == TABLE_DATABASE)
        text_puts(out, "       > - selected route, * - FIB route, p - stale info\n\n");
    else
        text_puts(out, l->v6 ? "\n" : "       * - candidate default\n\n");
    text_puts(out, "Routing table for VRF=0\n");
}

static int table_start(struct cli *cli, enum table table, bool v6)
{
    struct listing *l = cli_scratch(cli);
    l->table = table;
    l->v6 = v6;
    codes_print(l, cli_output(cli));
    return routes_step(cli);
}

static int all_start(struct cli *cli, unsigned n_args, const struct slice *args)
{
    (void)n_args, (void)args;
    return table_start(cli, TABLE_ALL, false);
}

static int database_start(struct cli *cli, unsigned n_args, const struct slice *args)
{
    (void)n_args, (void)args;
    return table_start(cli, TABLE_DATABASE, false);
}

static int all6_start(struct cli *cli, unsigned n_args, const struct slice *args)
{
    (void)n_args, (void)args;
    return table_start(cli, TABLE_ALL, true);
}

static int database6_start(struct cli *cli, unsigned n_args, const struct slice *args)
{
    (void)n_args, (void)args;
    return table_start(cli, TABLE_DATABASE, true);
}

static int details_start(struct cli *cli, unsigned n_args, const struct slice *args)
{
    (void)n_args;
    struct listing *l = cli_scratch(cli);
    be32 ip4;
    l->table = TABLE_DETAILS;
    l->v6 = strstr(cli_command(cli)->path, "info6") != NULL;
    if (!l->v6 && ipv4_parse(args[0], &ip4) == 0) {
        l->ip = ip_addr_of4(ip4);
    } else if (!l->v6 || ipv6_parse(args[0], &l->ip) != 0 || ip_addr_is4(&l->ip)) {
        text_printf(cli_output(cli), "invalid ip address\n\nvalue parse error before '%.*s'\n",
                    SLICE_ARG(args[0]));
        return CLI_E_ADDRESS;
    }
    text_puts(cli_output(cli), "\nRouting table for VRF=0\n");
    return routes_step(cli);
}

const struct cli_command cli_route_commands[] = {
    {"get router", "Router configuration and information."},
    {"get router info", "Routing information."},
    {"get router info routing-table", "Routing table."},
    {"get router info routing-table all", "Routes in the table.", NULL, 0, 0, all_start,
     routes_step},
    {"get router info routing-table database", "All routes, those not in use too.", NULL, 0, 0,
     database_start, routes_step},
    {"get router info routing-table details", "Routes of the prefix an address is in.", "<ip>", 1,
     1, details_start, routes_step},
    {"get router info6", "IPv6 routing information."},
    {"get router info6 routing-table", "IPv6 routes in the table.", NULL, 0, 0, all6_start,
     routes_step},
    {"get router info6 routing-table all", "IPv6 routes in the table.", NULL, 0, 0, all6_start,
     routes_step},
    {"get router info6 routing-table database", "All IPv6 routes, those not in use too.", NULL, 0,
     0, database6_start, routes_step},
    {"get router info6 routing-table details", "IPv6 routes of the prefix an address is in.",
     "<ip>", 1, 1, details_start, routes_step},
    {NULL},
};
