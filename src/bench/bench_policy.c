/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The rule book: how long it takes to make, and to find the rule of a flow in it. Rules have a
 * group of prefixes as source, another as destination, and three services; flows fit a random rule,
 * some of them none. Beside it, where that many fit into it, the same rules in rte_acl, one for
 * each combination, which is what it knows.
 */
#include "bench/bench.h"
#include "config/rows.h"
#include "fastpath/compile.h"
#include "fastpath/matcher.h"

#include "base/text.h"

#include <rte_acl.h>
#include <rte_cycles.h>

#include <stdio.h>
#include <stdlib.h>

#define MEMBERS   10 /* prefixes in a group */
#define SERVICES  3  /* in a rule */
#define PORTS     64 /* services there are */
#define FLOWS     4096
#define ACL_MOST  30000 /* rules; beyond that it takes minutes to build */
#define ACL_BATCH 16

struct book {
    uint32_t n;
    struct row_policy *policies;
    struct row_address *addresses; /* source and destination of each rule in turns */
    struct row_range *ranges;
    uint16_t *lists;
    struct row_service services[PORTS];
    struct row_service_match matches[PORTS];
    struct row_interface interfaces[2];
    struct flow flows[FLOWS];
};

static struct row_range prefix_random(struct rng *rng)
{
    uint32_t len = 16 + rng_below(rng, 17), size = len == 32 ? 1 : 1u << (32 - len);
    uint32_t first = ((uint32_t)rng_next(rng) & ~(size - 1)) | 0x0a000000u;
    first &= ~(size - 1);
    return (struct row_range){first, first + size - 1};
}

static void services_make(struct book *b)
{
    static char names[PORTS][8];
    for (uint16_t i = 0; i < PORTS; i++) {
        snprintf(names[i], sizeof names[i], "s%u", i);
        b->matches[i] = (struct row_service_match){.proto = i % 2 ? IPPROTO_TCP : IPPROTO_UDP,
                                                   .dport_first = (uint16_t)(1000 + i * 100),
                                                   .dport_last = (uint16_t)(1000 + i * 100 + i % 7),
                                                   .sport_last = UINT16_MAX};
        b->services[i] =
            (struct row_service){.name = names[i], .n_matches = 1, .matches = &b->matches[i]};
    }
}

static void rule_make(struct book *b, uint32_t i, struct rng *rng)
{
    uint16_t *lists = &b->lists[(size_t)i * (2 + SERVICES)];
    for (uint32_t side = 0; side < 2; side++) {
        uint32_t at = 2 * i + side;
        struct row_range *ranges = &b->ranges[(size_t)at * MEMBERS];
        for (int k = 0; k < MEMBERS; k++)
            ranges[k] = prefix_random(rng);
        b->addresses[at] = (struct row_address){"group", MEMBERS, ranges};
        lists[side] = (uint16_t)at;
    }
    for (uint16_t k = 0; k < SERVICES; k++)
        lists[2 + k] = (uint16_t)((rng_below(rng, PORTS / SERVICES)) * SERVICES + k);
    b->policies[i] = (struct row_policy){.id = i + 1,
                                         .enabled = true,
                                         .accept = true,
                                         .any_srcintf = true,
                                         .any_dstintf = true,
                                         .n_srcaddr = 1,
                                         .srcaddr = &lists[0],
                                         .n_dstaddr = 1,
                                         .dstaddr = &lists[1],
                                         .n_services = SERVICES,
                                         .services = &lists[2],
                                         .voip_profile = ROW_NONE};
}

/* One in sixteen fits no rule. */
static void flow_make(struct book *b, struct flow *f, struct rng *rng)
{
    const uint16_t *lists = &b->lists[(size_t)rng_below(rng, b->n) * (2 + SERVICES)];
    const struct row_range *src = b->addresses[lists[0]].ranges + rng_below(rng, MEMBERS);
    const struct row_range *dst = b->addresses[lists[1]].ranges + rng_below(rng, MEMBERS);
    const struct row_service_match *m = &b->matches[lists[2 + rng_below(rng, SERVICES)]];
    *f = (struct flow){.in_ifindex = 1,
                       .out_ifindex = 2,
                       .src = ip_addr_of4(be32_of(src->first)),
                       .dst = ip_addr_of4(be32_of(dst->last)),
                       .sport = (uint16_t)(1024 + rng_below(rng, 60000)),
                       .dport = rng_below(rng, 16) ? m->dport_last : 7,
                       .proto = m->proto};
}

static struct book *book_make(uint32_t n)
{
    struct rng rng = {n};
    struct book *b = calloc(1, sizeof *b);
    if (!b)
        abort();
    b->n = n;
    b->policies = calloc(n, sizeof *b->policies);
    b->addresses = calloc(2u * n, sizeof *b->addresses);
    b->ranges = calloc((size_t)2 * n * MEMBERS, sizeof *b->ranges);
    b->lists = calloc((size_t)n * (2 + SERVICES), sizeof *b->lists);
    if (!b->policies || !b->addresses || !b->ranges || !b->lists)
        abort();
    services_make(b);
    for (uint32_t i = 0; i < n; i++)
        rule_make(b, i, &rng);
    for (uint32_t i = 0; i < FLOWS; i++)
        flow_make(b, &b->flows[i], &rng);
    for (int i = 0; i < 2; i++)
        b->interfaces[i] = (struct row_interface){
            .name = i ? "wan" : "lan", .device = "", .mtu = 1500, .up = true};
    return b;
}

static void book_free(struct book *b)
{
    free(b->policies);
    free(b->addresses);
    free(b->ranges);
    free(b->lists);
    free(b);
}

/* ---- ours ---- */

static double find_all(const struct snapshot *s, const struct book *b, double seconds,
                       uint32_t first_rule[FLOWS])
{
    struct policy_hit hit;
    uint64_t asked = 0, start = rte_rdtsc(), tsc = (uint64_t)(seconds * (double)rte_get_tsc_hz());
    do {
        for (uint32_t i = 0; i < FLOWS; i++)
            first_rule[i] = policy_find(s, &b->flows[i], &hit) ? hit.policy->id : 0;
        asked += FLOWS;
    } while (rte_rdtsc() - start < tsc);
    return (double)(rte_rdtsc() - start) / (double)asked;
}

static int ours_run(const struct book *b, double seconds, struct report *r,
                    uint32_t first_rule[FLOWS])
{
    static const struct row_voip_profile profile = {.name = "default"};
    static const struct row_global global = {.hostname = "bench",
                                             .udp_idle_s = 180,
                                             .tcp_halfopen_s = 10,
                                             .tcp_halfclose_s = 120,
                                             .tcp_rst_s = 5,
                                             .ttl_default_s = 3600};
    struct config_rows rows = {.global = global,
                               .n_interfaces = 2,
                               .interfaces = b->interfaces,
                               .n_addresses = (uint16_t)(2 * b->n),
                               .addresses = b->addresses,
                               .n_services = PORTS,
                               .services = b->services,
                               .n_policies = b->n,
                               .policies = b->policies,
                               .n_voip_profiles = 1,
                               .voip_profiles = &profile};
    struct timer_sets sets = {0};
    struct text error = {0};
    if (timer_sets_init(&sets) != 0)
        return -1;
    uint64_t start = rte_rdtsc();
    struct snapshot *s = snapshot_compile(&rows, &sets, NULL, NULL, NULL, &error);
    double made_s = (double)(rte_rdtsc() - start) / (double)rte_get_tsc_hz();
    if (!s) {
        fprintf(stderr, "pinhole-bench: policy: %s\n", error.p ? error.p : "");
        return -1;
    }
    report_open(r, "policy", b->n, "rules");
    report_cost(r, find_all(s, b, seconds, first_rule));
    report_figure(r, "build_s", made_s, 3, "s to build");
    report_figure(r, "mib", (double)s->matcher->bytes / (1 << 20), 1, "MiB");
    report_close(r);
    snapshot_free(s);
    timer_sets_free(&sets);
    return 0;
}

/* ---- rte_acl ---- */

struct acl_key {
    uint8_t proto, unused[3];
    be32 src, dst;
    be16 sport, dport;
};

enum {
    ACL_PROTO,
    ACL_SRC,
    ACL_DST,
    ACL_SPORT,
    ACL_DPORT,
    ACL_FIELDS
};

RTE_ACL_RULE_DEF(acl_rule, ACL_FIELDS);

static const struct rte_acl_field_def acl_fields[ACL_FIELDS] = {
    {RTE_ACL_FIELD_TYPE_BITMASK, 1, ACL_PROTO, 0, offsetof(struct acl_key, proto)},
    {RTE_ACL_FIELD_TYPE_MASK, 4, ACL_SRC, 1, offsetof(struct acl_key, src)},
    {RTE_ACL_FIELD_TYPE_MASK, 4, ACL_DST, 2, offsetof(struct acl_key, dst)},
    {RTE_ACL_FIELD_TYPE_RANGE, 2, ACL_SPORT, 3, offsetof(struct acl_key, sport)},
    {RTE_ACL_FIELD_TYPE_RANGE, 2, ACL_DPORT, 3, offsetof(struct acl_key, dport)},
};

static uint32_t acl_len(const struct row_range *prefix)
{
    uint32_t hosts = prefix->last - prefix->first;
    return hosts ? (uint32_t)__builtin_clz(hosts) : 32;
}

static int acl_add(struct rte_acl_ctx *ctx, const struct book *b, uint32_t rule,
                   const struct row_range *src, const struct row_range *dst, uint16_t service)
{
    const struct row_service_match *m = &b->matches[service];
    struct acl_rule x = {
        .data = {.category_mask = 1, .priority = (int32_t)(b->n - rule), .userdata = rule + 1}};
    x.field[ACL_PROTO].value.u8 = m->proto;
    x.field[ACL_PROTO].mask_range.u8 = 0xff;
    x.field[ACL_SRC].value.u32 = src->first;
    x.field[ACL_SRC].mask_range.u32 = acl_len(src);
    x.field[ACL_DST].value.u32 = dst->first;
    x.field[ACL_DST].mask_range.u32 = acl_len(dst);
    x.field[ACL_SPORT].mask_range.u16 = UINT16_MAX;
    x.field[ACL_DPORT].value.u16 = m->dport_first;
    x.field[ACL_DPORT].mask_range.u16 = m->dport_last;
    return rte_acl_add_rules(ctx, (const struct rte_acl_rule *)(const void *)&x, 1);
}

static int acl_fill(struct rte_acl_ctx *ctx, const struct book *b)
{
    int result = 0;
    for (uint32_t i = 0; i < b->n; i++) {
        const uint16_t *lists = &b->lists[(size_t)i * (2 + SERVICES)];
        for (int k = 0; k < MEMBERS * MEMBERS * SERVICES && result == 0; k++)
            result = acl_add(ctx, b, i, &b->addresses[lists[0]].ranges[k % MEMBERS],
                             &b->addresses[lists[1]].ranges[k / MEMBERS % MEMBERS],
                             lists[2 + k / (MEMBERS * MEMBERS)]);
    }
    return result;
}

static double acl_find_all(struct rte_acl_ctx *ctx, const struct book *b, double seconds,
                           uint32_t first_rule[FLOWS])
{
    static struct acl_key keys[FLOWS];
    const uint8_t *data[FLOWS];
    for (uint32_t i = 0; i < FLOWS; i++) {
        const struct flow *f = &b->flows[i];
        keys[i] = (struct acl_key){.proto = f->proto,
                                   .src = f->src.word[3],
                                   .dst = f->dst.word[3],
                                   .sport = be16_of(f->sport),
                                   .dport = be16_of(f->dport)};
        data[i] = (const uint8_t *)&keys[i];
    }
    uint64_t asked = 0, start = rte_rdtsc(), tsc = (uint64_t)(seconds * (double)rte_get_tsc_hz());
    do {
        for (uint32_t i = 0; i < FLOWS; i += ACL_BATCH)
            rte_acl_classify(ctx, &data[i], &first_rule[i], ACL_BATCH, 1);
        asked += FLOWS;
    } while (rte_rdtsc() - start < tsc);
    return (double)(rte_rdtsc() - start) / (double)asked;
}

/* 0, also where it has no room for so many; -1 when it finds other rules than we do. */
static int acl_run(const struct book *b, double seconds, struct report *r,
                   const uint32_t ours[FLOWS])
{
    uint32_t n = b->n * MEMBERS * MEMBERS * SERVICES, theirs[FLOWS];
    const struct rte_acl_param param = {.name = "bench",
                                        .socket_id = SOCKET_ID_ANY,
                                        .rule_size = RTE_ACL_RULE_SZ(ACL_FIELDS),
                                        .max_rule_num = n};
    struct rte_acl_config config = {.num_categories = 1, .num_fields = ACL_FIELDS};
    if (n > ACL_MOST)
        return 0;
    memcpy(config.defs, acl_fields, sizeof acl_fields);
    struct rte_acl_ctx *ctx = rte_acl_create(&param);
    uint64_t start = rte_rdtsc();
    if (!ctx || acl_fill(ctx, b) != 0 || rte_acl_build(ctx, &config) != 0) {
        fprintf(stderr, "pinhole-bench: rte_acl does not take %u rules\n", n);
        rte_acl_free(ctx);
        return 0;
    }
    double made_s = (double)(rte_rdtsc() - start) / (double)rte_get_tsc_hz();
    report_open(r, "policy-rte_acl", b->n, "rules");
    report_cost(r, acl_find_all(ctx, b, seconds, theirs));
    report_figure(r, "build_s", made_s, 3, "s to build");
    report_figure(r, "acl_rules", n, 0, "rules of its own");
    report_close(r);
    rte_acl_free(ctx);
    if (memcmp(ours, theirs, sizeof theirs) == 0)
        return 0;
    fprintf(stderr, "pinhole-bench: policy: rte_acl finds other rules\n");
    return -1;
}

int bench_policy(const struct bench_options *o, uint32_t n, struct report *r)
{
    static uint32_t first_rule[FLOWS];
    struct book *b = book_make(n);
    int result = ours_run(b, o->seconds / 2, r, first_rule);
    if (result == 0)
        result = acl_run(b, o->seconds / 2, r, first_rule);
    book_free(b);
    return result;
}
