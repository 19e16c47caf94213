/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Policies, pools and virtual IPs as the dataplane has them, with what was counted for them
 * (reference 6.8), and dropped packets by reason. What they are comes from the rows in force, asked
 * for anew in each step: a commit between two steps exchanges them. A place in a listing is
 * therefore a number of row, and one more or less after a commit is no more than that.
 *
 * Groups of FortiOS: 100004 are the forward policies. Flags, numbers of hash groups and user
 * objects of its kernel do not exist here and print 0.
 */
#include "cli/backend.h"
#include "cli/command.h"
#include "config/rows.h"

#include <errno.h>
#include <inttypes.h>

struct listing {
    uint32_t cursor, share;
    uint32_t from, to; /* policy ids, inclusive */
    uint64_t total;
    bool all, cgn, in_pool;
    char name[80];
};

_Static_assert(sizeof(struct listing) <= CLI_SCRATCH_SIZE, "listing fits the scratch area");

static const struct config_rows *rows_of(const struct cli *cli)
{
    const struct backend *backend = cli_backend(cli);
    return backend->rows(backend->ctx);
}

static struct cli_ip_text ip_text(uint32_t host)
{
    return cli_ip(ip_addr_of4(be32_of(host)));
}

/* ---- policies ---- */

enum {
    GROUP_FORWARD = 100004
};

static void sides_print(const struct row_policy *p, struct text *out)
{
    text_printf(out, "zone(%u):", p->any_srcintf ? 1 : p->n_srcintf);
    if (p->any_srcintf)
        text_puts(out, " 0");
    for (uint16_t i = 0; i < p->n_srcintf; i++)
        text_printf(out, " %u", p->srcintf[i] + 1);
    text_printf(out, " -> zone(%u):", p->any_dstintf ? 1 : p->n_dstintf);
    if (p->any_dstintf)
        text_puts(out, " 0");
    for (uint16_t i = 0; i < p->n_dstintf; i++)
        text_printf(out, " %u", p->dstintf[i] + 1);
    text_puts(out, "\n");
}

enum {
    SHOWN_MAX = 64 /* ranges or services of one policy that are printed */
};

static void addresses_print(const char *what, bool negate, const struct row_address *rows,
                            const uint16_t *list, uint16_t n, struct text *out)
{
    unsigned shown = 0, total = 0;
    for (uint16_t i = 0; i < n; i++)
        total += rows[list[i]].n_ranges;
    if (total == 0)
        return;
    text_printf(out, "%s%s(%u): ", what, negate ? "-negate" : "", total);
    for (uint16_t i = 0; i < n; i++)
        for (uint32_t k = 0; k < rows[list[i]].n_ranges && shown < SHOWN_MAX; k++, shown++) {
            const struct row_range *r = &rows[list[i]].ranges[k];
            text_printf(out, "%s-%s, uuid_idx=%u, ", ip_text(r->first).s, ip_text(r->last).s,
                        list[i]);
        }
    text_puts(out, shown < total ? "...\n" : "\n");
}

static void addresses6_print(const char *what, const struct row_address6 *rows,
                             const uint16_t *list, uint16_t n, struct text *out)
{
    unsigned shown = 0, total = 0;
    for (uint16_t i = 0; i < n; i++)
        total += rows[list[i]].n_ranges;
    if (total == 0)
        return;
    text_printf(out, "%s(%u): ", what, total);
    for (uint16_t i = 0; i < n; i++)
        for (uint32_t k = 0; k < rows[list[i]].n_ranges && shown < SHOWN_MAX; k++, shown++) {
            const struct row_range6 *r = &rows[list[i]].ranges[k];
            text_printf(out, "%s-%s, uuid_idx=%u, ", cli_ip(r->first).s, cli_ip(r->last).s,
                        list[i]);
        }
    text_puts(out, shown < total ? "...\n" : "\n");
}

static const char *const helper_words[] = {
    [ROW_HELPER_AUTO] = "auto", [ROW_HELPER_OFF] = "disable", [ROW_HELPER_SIP] = "sip"};

static void services_print(const struct config_rows *rows, const struct row_policy *p,
                           struct text *out)
{
    unsigned shown = 0, total = 0;
    for (uint16_t i = 0; i < p->n_services; i++)
        total += rows->services[p->services[i]].n_matches;
    text_printf(out, "service%s(%u):\n", p->service_negate ? "-negate" : "", total);
    for (uint16_t i = 0; i < p->n_services; i++) {
        const struct row_service *s = &rows->services[p->services[i]];
        for (uint32_t k = 0; k < s->n_matches && shown < SHOWN_MAX; k++, shown++) {
            const struct row_service_match *m = &s->matches[k];
            text_printf(out, "        [%u:0x0:%u/(%u,%u)->(%u,%u)] helper:%s\n", m->proto,
                        p->services[i], m->sport_first, m->sport_last, m->dport_first,
                        m->dport_last, helper_words[s->helper]);
        }
    }
    if (shown < total)
        text_puts(out, "        ...\n");
}

static void names_print(const struct config_rows *rows, const struct row_policy *p,
                        struct text *out)
{
    if (p->n_vips > 0)
        text_printf(out, "vip(%u):", p->n_vips);
    for (uint16_t i = 0; i < p->n_vips; i++)
        text_printf(out, " %s", rows->vips[p->vips[i]].name);
    if (p->n_vips > 0)
        text_puts(out, "\n");
    if (p->n_pools > 0)
        text_printf(out, "ippool(%u):", p->n_pools);
    for (uint16_t i = 0; i < p->n_pools; i++)
        text_printf(out, " %s", rows->pools[p->pools[i]].name);
    if (p->n_pools > 0)
        text_puts(out, "\n");
}

static void policy_print(const struct config_rows *rows, const struct row_policy *p,
                         struct text *out)
{
    text_printf(out, "policy index=%u uuid_idx=0 action=%s\n", p->id,
                p->accept ? "accept" : "drop");
    text_printf(out, "flag (0):%s%s%s\n", p->nat ? " nat" : "", p->accept ? " pol_stats" : "",
                p->voip_profile != ROW_NONE ? " redir" : "");
    text_printf(out,
                "cos_fwd=255  cos_rev=255\n"
                "group=00%u av=00000000 au=00000000 split=00000000\n"
                "host=0 chk_client_info=0x0 app_list=0 ips_view=0\n"
                "misc=0 dd_type=0 dd_mode=0\n",
                GROUP_FORWARD);
    sides_print(p, out);
    addresses_print("source", p->src_negate, rows->addresses, p->srcaddr, p->n_srcaddr, out);
    addresses_print("dest", p->dst_negate, rows->addresses, p->dstaddr, p->n_dstaddr, out);
    addresses6_print("source6", rows->addresses6, p->srcaddr6, p->n_srcaddr6, out);
    addresses6_print("dest6", rows->addresses6, p->dstaddr6, p->n_dstaddr6, out);
    names_print(rows, p, out);
    services_print(rows, p, out);
    text_puts(out, "\n");
}

static int group_check(struct cli *cli, struct slice word)
{
    uint32_t group;
    if (slice_u32(word, UINT32_MAX, &group) != 0 || group != GROUP_FORWARD)
        return cli_bad_value(cli, word);
    return 0;
}

/* `<group> [<id>]` */
static int group_args(struct cli *cli, unsigned n, const struct slice *args)
{
    struct listing *l = cli_scratch(cli);
    l->to = UINT32_MAX;
    if (n > 0 && group_check(cli, args[0]) != 0)
        return CLI_E_INPUT;
    if (n > 1 && slice_u32(args[1], UINT32_MAX - 1, &l->from) != 0)
        return cli_bad_value(cli, args[1]);
    if (n > 1)
        l->to = l->from;
    return 0;
}

static int policies_walk(struct cli *cli,
                         void (*use)(struct cli *cli, const struct config_rows *rows,
                                     const struct row_policy *p))
{
    struct listing *l = cli_scratch(cli);
    const struct config_rows *rows = rows_of(cli);
    unsigned used = 0;
    for (unsigned i = 0; i < CLI_STEP_EXAMINED && used < CLI_STEP_PRINTED; i++) {
        if (l->cursor >= rows->n_policies)
            return 0;
        const struct row_policy *p = &rows->policies[l->cursor++];
        if (p->id < l->from || p->id > l->to)
            continue;
        use(cli, rows, p);
        used++;
    }
    return 1;
}

static void policy_list(struct cli *cli, const struct config_rows *rows, const struct row_policy *p)
{
    policy_print(rows, p, cli_output(cli));
}

static int list_step(struct cli *cli)
{
    return policies_walk(cli, policy_list);
}

static int list_start(struct cli *cli, unsigned n_args, const struct slice *args)
{
    int rc = group_args(cli, n_args, args);
    return rc ? rc : list_step(cli);
}

static void count_print(struct cli *cli, uint32_t id)
{
    const struct backend *backend = cli_backend(cli);
    struct backend_policy_count n = {0};
    (void)backend->policy_count(backend->ctx, id, &n); /* nothing counted yet: zeros */
    text_printf(cli_output(cli),
                "idx=%u pkts/bytes=%" PRIu64 "/%" PRIu64
                " asic_pkts/asic_bytes=0/0 flag=0x0 hit count:%" PRIu64 "\n",
                id, n.packets, n.bytes, n.hits);
    if (n.hits > 0)
        text_printf(cli_output(cli),
                    "    first:%us ago last:%us ago established session count:%u\n", n.first_s,
                    n.last_s, n.sessions);
}

static void policy_show(struct cli *cli, const struct config_rows *rows, const struct row_policy *p)
{
    (void)rows;
    if (p->id != 0) /* zones have theirs with the implicit policy's */
        count_print(cli, p->id);
}

static int show_step(struct cli *cli)
{
    struct listing *l = cli_scratch(cli);
    int more = policies_walk(cli, policy_show);
    if (!more && l->from == 0)
        count_print(cli, 0);
    return more;
}

static int show_start(struct cli *cli, unsigned n_args, const struct slice *args)
{
    int rc = group_args(cli, n_args, args);
    return rc ? rc : show_step(cli);
}

static void policy_clear(struct cli *cli, const struct config_rows *rows,
                         const struct row_policy *p)
{
    const struct backend *backend = cli_backend(cli);
    (void)rows;
    (void)backend->policy_count_clear(backend->ctx, p->id);
}

static int clear_step(struct cli *cli)
{
    const struct backend *backend = cli_backend(cli);
    struct listing *l = cli_scratch(cli);
    int more = policies_walk(cli, policy_clear);
    if (!more && l->from == 0)
        (void)backend->policy_count_clear(backend->ctx, 0);
    return more;
}

static int clear_start(struct cli *cli, unsigned n_args, const struct slice *args)
{
    int rc = group_args(cli, n_args, args);
    return rc ? rc : clear_step(cli);
}

/* ---- pools ---- */

static const char *const pool_types[] = {[ROW_POOL_OVERLOAD] = "overload",
                                         [ROW_POOL_ONE_TO_ONE] = "one-to-one",
                                         [ROW_POOL_FIXED_PORT_RANGE] = "fixed-port-range",
                                         [ROW_POOL_PORT_BLOCK] = "port-block-allocation"};

static bool pool_has_blocks(const struct row_pool *p)
{
    return p->type == ROW_POOL_PORT_BLOCK || p->type == ROW_POOL_FIXED_PORT_RANGE;
}

static struct backend_pool_stat stat_of(struct cli *cli, const struct row_pool *p)
{
    const struct backend *backend = cli_backend(cli);
    struct backend_pool_stat stat = {0};
    (void)backend->pool_stat(backend->ctx, p->name, &stat); /* no policy uses it: zeros */
    return stat;
}

static void pool_block_print(struct cli *cli, unsigned id, const struct row_pool *p)
{
    struct text *out = cli_output(cli);
    struct backend_pool_stat s = stat_of(cli, p);
    bool fixed = p->type == ROW_POOL_FIXED_PORT_RANGE;
    uint64_t free_share = s.places ? 10000ull * (s.places - s.places_in_use) / s.places : 10000;
    text_printf(out, "ippool %s: id=%u, block-sz=%u, num-block=%u, fixed-port=%s, use=%u\n",
                p->name, id, fixed ? s.block : p->block_size, fixed ? 1 : p->blocks_per_user,
                fixed ? "yes" : "no", s.clients);
    text_printf(out, "   nat ip-range=%s-%s start-port=%u, num-pba-per-ip=%u\n",
                ip_text(p->first).s, ip_text(p->last).s, p->port_first, s.per_address);
    if (fixed)
        text_printf(out, "   source ip-range=%s-%s\n", ip_text(p->source_first).s,
                    ip_text(p->source_last).s);
    text_printf(out,
                "   clients=%u, inuse-NAT-IPs=%u\n"
                "   total-PBAs=%u, inuse-PBAs=%u, expiring-PBAs=%u, free-PBAs=%u.%02u%%\n"
                "   allocate-PBA-times=%" PRIu64 ", reuse-PBA-times=%" PRIu64 "\n",
                s.clients, s.addresses_in_use, s.places, s.places_in_use, s.places_expiring,
                (unsigned)(free_share / 100), (unsigned)(free_share % 100), s.allocated, s.reused);
}

static void pool_head_print(struct text *out, const struct row_pool *p)
{
    text_printf(out, "name: %s\ntype: %s\nstartip: %s\nendip: %s\n", p->name, pool_types[p->type],
                ip_text(p->first).s, ip_text(p->last).s);
    if (p->type != ROW_POOL_ONE_TO_ONE)
        text_printf(out, "startport: %u\nendport: %u\n", p->port_first, p->port_last);
}

static void pool_all_print(struct cli *cli, unsigned id, const struct row_pool *p)
{
    (void)id;
    pool_head_print(cli_output(cli), p);
    text_puts(cli_output(cli), "\n");
}

static void pool_stats_print(struct cli *cli, unsigned id, const struct row_pool *p)
{
    struct backend_pool_stat s = stat_of(cli, p);
    (void)id;
    pool_head_print(cli_output(cli), p);
    text_printf(cli_output(cli),
                "total ses: %" PRIu64 "\ntcp ses: %" PRIu64 "\nudp ses: %" PRIu64
                "\nother ses: %" PRIu64 "\nclients: %u\naddresses in use: %u\n\n",
                s.sessions, s.tcp, s.udp, s.sessions - s.tcp - s.udp, s.clients,
                s.addresses_in_use);
}

static int pools_walk(struct cli *cli, bool blocks,
                      void (*print)(struct cli *cli, unsigned id, const struct row_pool *p))
{
    struct listing *l = cli_scratch(cli);
    const struct config_rows *rows = rows_of(cli);
    for (unsigned i = 0; i < CLI_STEP_PRINTED; i++) {
        if (l->cursor >= rows->n_pools)
            return 0;
        const struct row_pool *p = &rows->pools[l->cursor++];
        if (!blocks || pool_has_blocks(p))
            print(cli, l->cursor, p);
    }
    return 1;
}

static int pool_list_step(struct cli *cli)
{
    return pools_walk(cli, true, pool_block_print);
}

static int pool_list_start(struct cli *cli, unsigned n_args, const struct slice *args)
{
    (void)n_args, (void)args;
    text_puts(cli_output(cli), "list ippool info:(vf=root)\n");
    return pool_list_step(cli);
}

static int pool_all_step(struct cli *cli)
{
    return pools_walk(cli, false, pool_all_print);
}

static int pool_all_start(struct cli *cli, unsigned n_args, const struct slice *args)
{
    (void)n_args, (void)args;
    return pool_all_step(cli);
}

static int pool_stats_step(struct cli *cli)
{
    return pools_walk(cli, false, pool_stats_print);
}

static int pool_stats_start(struct cli *cli, unsigned n_args, const struct slice *args)
{
    (void)n_args, (void)args;
    return pool_stats_step(cli);
}

static bool share_is_wanted(const struct listing *l, const struct backend_pool_share *s)
{
    uint32_t ip = be32_host(s->ip);
    return ip >= l->from && ip <= l->to;
}

/* What the hosts of block, fixed and one-to-one pools have, pool by pool. */
static int shares_step(struct cli *cli)
{
    const struct backend *backend = cli_backend(cli);
    struct listing *l = cli_scratch(cli);
    for (unsigned i = 0; i < CLI_STEP_PRINTED; i++) {
        const struct config_rows *rows = rows_of(cli);
        struct backend_pool_share s;
        if (l->cursor >= rows->n_pools)
            return 0;
        const struct row_pool *p = &rows->pools[l->cursor];
        bool wanted = l->all ? p->type == ROW_POOL_FIXED_PORT_RANGE : p->type != ROW_POOL_OVERLOAD;
        int rc = wanted ? backend->pool_share_next(backend->ctx, p->name, &l->share, &s) : 0;
        if (rc == -EAGAIN)
            return 1;
        if (rc != 1) {
            l->cursor++;
            l->share = 0;
        } else if (share_is_wanted(l, &s)) {
            text_printf(cli_output(cli), "internal ip=%s, nat ip=%s, range=%u~%u",
                        cli_ip(ip_addr_of4(s.source)).s, cli_ip(ip_addr_of4(s.ip)).s, s.first,
                        s.last);
            text_printf(cli_output(cli), l->all ? "\n" : ", use=%u\n", s.users);
        }
    }
    return 1;
}

static int shares_start(struct cli *cli, bool fixed, unsigned n_args, const struct slice *args)
{
    struct listing *l = cli_scratch(cli);
    be32 ip = 0;
    l->all = fixed;
    l->to = UINT32_MAX;
    if (n_args > 0 && ipv4_parse(args[0], &ip) != 0)
        return cli_bad_value(cli, args[0]);
    if (n_args > 0)
        l->from = l->to = be32_host(ip);
    return shares_step(cli);
}

static int fixed_list_start(struct cli *cli, unsigned n_args, const struct slice *args)
{
    return shares_start(cli, true, n_args, args);
}

static int share_list_start(struct cli *cli, unsigned n_args, const struct slice *args)
{
    return shares_start(cli, false, n_args, args);
}

/* ---- virtual IPs ---- */

static void vip_print(const struct config_rows *rows, const struct row_vip *v, struct text *out)
{
    text_printf(out, "vip %s: extintf=%s extip=%s-%s mappedip=%s-%s", v->name,
                v->extintf == ROW_NONE ? "any" : rows->interfaces[v->extintf].name,
                ip_text(v->ext_first).s, ip_text(v->ext_last).s, ip_text(v->mapped_first).s,
                ip_text(v->mapped_last).s);
    if (v->portforward)
        text_printf(out, " proto=%s extport=%u-%u mappedport=%u-%u", cli_protocol(v->proto).s,
                    v->ext_port_first, v->ext_port_last, v->mapped_port_first, v->mapped_port_last);
    text_printf(out, " arp-reply=%s nat-source-vip=%s src-filter=%u srcintf-filter=%u\n",
                v->arp_reply ? "enable" : "disable", v->nat_source_vip ? "enable" : "disable",
                v->n_src_filter, v->n_srcintf_filter);
}

static int vip_step(struct cli *cli)
{
    struct listing *l = cli_scratch(cli);
    const struct config_rows *rows = rows_of(cli);
    for (unsigned i = 0; i < CLI_STEP_PRINTED; i++) {
        if (l->cursor >= rows->n_vips)
            return 0;
        vip_print(rows, &rows->vips[l->cursor++], cli_output(cli));
    }
    return 1;
}

static int vip_start(struct cli *cli, unsigned n_args, const struct slice *args)
{
    (void)n_args, (void)args;
    return vip_step(cli);
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

const struct cli_command cli_firewall_commands[] = {
    {"diagnose firewall", "Firewall diagnostics."},
    {"diagnose firewall drop", "Dropped packets."},
    {"diagnose firewall drop list", "Packets dropped, by reason (all: reasons without a hit too).",
     "[all]", 0, 1, drops_start, drops_step, drops_words},
    {"diagnose firewall iprope", "Policies in force."},
    {"diagnose firewall iprope list", "List policies in force (group 100004: forward).",
     "[<group> [<id>]]", 0, 2, list_start, list_step},
    {"diagnose firewall iprope show", "What was counted for policies.", "<group> [<id>]", 1, 2,
     show_start, show_step},
    {"diagnose firewall iprope clear", "Set counters of policies to zero.", "<group> [<id>]", 1, 2,
     clear_start, clear_step},
    {"diagnose firewall ippool", "IP pools with blocks of ports."},
    {"diagnose firewall ippool list", "List pools with blocks of ports.", NULL, 0, 0,
     pool_list_start, pool_list_step},
    {"diagnose firewall ippool stats", "Sessions of all pools.", NULL, 0, 0, pool_stats_start,
     pool_stats_step},
    {"diagnose firewall ippool shares", "What inside hosts hold of pools, by public address.",
     "[<ip>]", 0, 1, share_list_start, shares_step},
    {"diagnose firewall ippool-all", "All IP pools."},
    {"diagnose firewall ippool-all list", "List all pools.", NULL, 0, 0, pool_all_start,
     pool_all_step},
    {"diagnose firewall ippool-all stats", "Sessions of all pools.", NULL, 0, 0, pool_stats_start,
     pool_stats_step},
    {"diagnose firewall ippool-fixed-range", "IP pools with fixed blocks."},
    {"diagnose firewall ippool-fixed-range list", "Hosts and their ports."},
    {"diagnose firewall ippool-fixed-range list natip", "Hosts and their ports, by public address.",
     "[<ip>]", 0, 1, fixed_list_start, shares_step},
    {"diagnose firewall vip", "Virtual IPs in force."},
    {"diagnose firewall vip list", "List virtual IPs in force.", NULL, 0, 0, vip_start, vip_step},
    {NULL},
};
