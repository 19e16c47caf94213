/* SPDX-License-Identifier: BSD-3-Clause */
#include "rulebook.h"

#include <netinet/in.h>
#include <stdlib.h>

struct chunk {
    struct chunk *next;
    max_align_t data[];
};

static void *take(struct rulebook *b, size_t n, size_t size)
{
    struct chunk *chunk = calloc(1, sizeof *chunk + n * size);
    if (!chunk)
        abort();
    chunk->next = b->memory;
    b->memory = chunk;
    return chunk->data;
}

static uint32_t below(struct rulebook *b, uint32_t n)
{
    return rng_below(&b->rng, n);
}

static bool chance(struct rulebook *b, uint32_t percent)
{
    return below(b, 100) < percent;
}

/* ---- rows ---- */

/* A few networks, so that ranges of different objects touch and overlap. */
static uint32_t some_address(struct rulebook *b)
{
    static const uint32_t nets[] = {0x0a000000, 0x0a000100, 0xc6336400, 0, 0xffffff00, 0xc0a80000};
    return nets[below(b, 6)] + below(b, 256);
}

static int compare_ranges(const void *a, const void *b)
{
    const struct row_range *x = a, *y = b;
    return (x->first > y->first) - (x->first < y->first);
}

/* Sorted, not overlapping; ranges that touch are left apart. */
static uint32_t tidy(struct row_range *r, uint32_t n)
{
    uint32_t kept = 0;
    qsort(r, n, sizeof *r, compare_ranges);
    for (uint32_t i = 0; i < n; i++)
        if (kept == 0 || r[i].first > r[kept - 1].last)
            r[kept++] = r[i];
    return kept;
}

static void make_address(struct rulebook *b, struct row_address *a, uint32_t most)
{
    uint32_t n = 1 + below(b, most);
    struct row_range *r = take(b, n, sizeof *r);
    for (uint32_t i = 0; i < n; i++) {
        r[i].first = r[i].last = some_address(b);
        if (chance(b, 60))
            r[i].last = UINT32_MAX - r[i].first < 40 ? UINT32_MAX : r[i].first + below(b, 40);
    }
    *a = (struct row_address){"address", tidy(r, n), r};
}

static struct ip_addr some_address6(struct rulebook *b)
{
    struct ip_addr a = {.byte = {0x20, 1, 0xd, 0xb8}};
    switch (below(b, 8)) {
    case 0:
        memset(&a, 0, sizeof a);
        break;
    case 1:
        memset(&a, 255, sizeof a);
        break;
    default:
        a.byte[6] = (uint8_t)below(b, 3);
        a.byte[8] = (uint8_t)(below(b, 3) * 255 / 2);
    }
    a.byte[15] = (uint8_t)below(b, 256);
    return a;
}

static void make_address6(struct rulebook *b, struct row_address6 *a)
{
    struct row_range6 *r = take(b, 1, sizeof *r);
    r->first = r->last = some_address6(b);
    if (chance(b, 70)) { /* a prefix */
        unsigned keep = below(b, 16);
        for (unsigned i = keep; i < 16; i++) {
            r->first.byte[i] = 0;
            r->last.byte[i] = 255;
        }
    }
    *a = (struct row_address6){"address6", 1, r};
}

static void make_match(struct rulebook *b, struct row_service_match *m)
{
    static const uint8_t protocols[] = {6, 17, 17, 6, 1, 58, 132, 47};
    *m = (struct row_service_match){.proto = protocols[below(b, 8)],
                                    .any_icmp_type = chance(b, 30),
                                    .any_icmp_code = chance(b, 50),
                                    .icmp_type = (uint8_t)below(b, 4),
                                    .icmp_code = (uint8_t)below(b, 3),
                                    .dport_last = UINT16_MAX,
                                    .sport_last = UINT16_MAX};
    if (m->proto == 47 || m->proto == 1 || m->proto == 58)
        return;
    if (chance(b, 90)) {
        m->dport_first = (uint16_t)(chance(b, 10) ? 65500 + below(b, 30) : below(b, 100));
        m->dport_last = (uint16_t)(m->dport_first + (chance(b, 50) ? below(b, 6) : 0));
    }
    if (chance(b, 15)) {
        m->sport_first = (uint16_t)below(b, 60);
        m->sport_last = (uint16_t)(chance(b, 30) ? 65535 : m->sport_first + below(b, 30));
    }
}

static void make_service(struct rulebook *b, struct row_service *s)
{
    uint32_t n = 1 + below(b, 4);
    struct row_service_match *m = take(b, n, sizeof *m);
    for (uint32_t i = 0; i < n; i++)
        make_match(b, &m[i]);
    *s = (struct row_service){.name = "service", .n_matches = n, .matches = m};
}

/* `least` to `most` of `n` things; thing 0, which is everything, by itself now and then. */
static uint16_t some_names(struct rulebook *b, const uint16_t **out, uint32_t n, uint32_t most,
                           uint32_t everything)
{
    uint16_t count = (uint16_t)(n == 0 ? 0 : 1 + below(b, most));
    uint16_t *list = take(b, count, sizeof *list);
    for (uint16_t i = 0; i < count; i++)
        list[i] = (uint16_t)below(b, n);
    if (n > 0 && chance(b, everything)) {
        list[0] = 0;
        count = 1;
    }
    *out = list;
    return count;
}

static void make_policy(struct rulebook *b, const struct rulebook_size *z, struct row_policy *p)
{
    *p = (struct row_policy){.enabled = true,
                             .accept = chance(b, 70),
                             .src_negate = chance(b, 8),
                             .dst_negate = chance(b, 8),
                             .service_negate = chance(b, 8),
                             .any_srcintf = chance(b, 15),
                             .any_dstintf = chance(b, 15),
                             .match_vip = chance(b, 60),
                             .voip_profile = ROW_NONE};
    p->n_srcintf = some_names(b, &p->srcintf, z->interfaces, 3, 0);
    p->n_dstintf = some_names(b, &p->dstintf, z->interfaces, 3, 0);
    p->n_services = some_names(b, &p->services, z->services, z->names, 20);
    if (chance(b, 85)) {
        p->n_srcaddr = some_names(b, &p->srcaddr, z->addresses, z->names, 15);
        p->n_dstaddr = some_names(b, &p->dstaddr, z->addresses, z->names, 15);
    }
    if (chance(b, 50)) {
        p->n_srcaddr6 = some_names(b, &p->srcaddr6, z->addresses6, z->names, 15);
        p->n_dstaddr6 = some_names(b, &p->dstaddr6, z->addresses6, z->names, 15);
    }
    if (chance(b, 25))
        p->n_vips = some_names(b, &p->vips, z->vips, 3, 0);
}

void rulebook_make(struct rulebook *b, const struct rulebook_size *z, uint64_t seed)
{
    static const struct row_range everything = {0, UINT32_MAX};
    static struct row_range6 everything6 = {.last = {.half = {UINT64_MAX, UINT64_MAX}}};
    static const struct row_service_match any = {.proto = 0};
    *b = (struct rulebook){.rng = {seed}};
    struct row_address *addresses = take(b, z->addresses + 1u, sizeof *addresses);
    struct row_address6 *addresses6 = take(b, z->addresses6 + 1u, sizeof *addresses6);
    struct row_service *services = take(b, z->services + 1u, sizeof *services);
    struct row_policy *policies = take(b, z->policies, sizeof *policies);
    for (uint32_t i = 1; i < z->addresses; i++)
        make_address(b, &addresses[i], z->ranges);
    for (uint32_t i = 1; i < z->addresses6; i++)
        make_address6(b, &addresses6[i]);
    for (uint32_t i = 1; i < z->services; i++)
        make_service(b, &services[i]);
    addresses[0] = (struct row_address){"all", 1, &everything};
    addresses6[0] = (struct row_address6){"all", 1, &everything6};
    services[0] = (struct row_service){.name = "ALL", .n_matches = 1, .matches = &any};
    if (z->addresses > 3) { /* most of the line, in two pieces */
        struct row_range *r = take(b, 2, sizeof *r);
        r[0] = (struct row_range){0, some_address(b) & 0x7fffffff};
        r[1] = (struct row_range){r[0].last + 2, UINT32_MAX};
        addresses[3] = (struct row_address){"wide", 2, r};
    }
    for (uint32_t i = 0; i < z->policies; i++) {
        make_policy(b, z, &policies[i]);
        policies[i].id = i + 1;
    }
    b->rows = (struct config_rows){.n_interfaces = z->interfaces,
                                   .n_addresses = z->addresses,
                                   .n_addresses6 = z->addresses6,
                                   .n_services = z->services,
                                   .n_vips = z->vips,
                                   .n_policies = z->policies,
                                   .addresses = addresses,
                                   .addresses6 = addresses6,
                                   .services = services,
                                   .policies = policies};
}

void rulebook_free(struct rulebook *b)
{
    for (struct chunk *chunk = b->memory, *next; chunk; chunk = next) {
        next = chunk->next;
        free(chunk);
    }
}

/* ---- flows ---- */

static struct ip_addr flow_address(struct rulebook *b, bool v6)
{
    if (v6) {
        struct ip_addr ip = some_address6(b);
        if (b->rows.n_addresses6 > 1 && chance(b, 60)) {
            const struct row_range6 *r =
                b->rows.addresses6[1 + below(b, b->rows.n_addresses6 - 1u)].ranges;
            ip = chance(b, 50) ? r->first : r->last;
            if (chance(b, 50))
                ip.byte[15] = (uint8_t)(ip.byte[15] + (chance(b, 50) ? 1 : 255));
        }
        ip.byte[0] |= ip_addr_is4(&ip) ? 0x20 : 0; /* that would be a flow of both families */
        return ip;
    }
    uint32_t ip = some_address(b);
    if (b->rows.n_addresses > 1 && chance(b, 60)) {
        const struct row_address *a = &b->rows.addresses[1 + below(b, b->rows.n_addresses - 1u)];
        const struct row_range *r = &a->ranges[below(b, a->n_ranges)];
        ip = (chance(b, 50) ? r->first : r->last) + below(b, 3) - 1;
    }
    return ip_addr_of4(be32_of(ip));
}

struct flow rulebook_flow(struct rulebook *b)
{
    static const uint8_t protocols[] = {6, 17, 17, 6, 1, 58, 132, 47, 99};
    bool v6 = b->rows.n_addresses6 > 0 && chance(b, 35);
    struct flow f = {.in_ifindex = (uint16_t)(1 + below(b, b->rows.n_interfaces)),
                     .out_ifindex = (uint16_t)(1 + below(b, b->rows.n_interfaces)),
                     .src = flow_address(b, v6),
                     .dst = flow_address(b, v6),
                     .sport = (uint16_t)(chance(b, 20) ? 65535 - below(b, 3) : below(b, 100)),
                     .dport = (uint16_t)(chance(b, 10) ? 65500 + below(b, 36) : below(b, 110)),
                     .proto = protocols[below(b, 9)]};
    if (f.proto == IPPROTO_ICMP || f.proto == IPPROTO_ICMPV6) {
        f.sport = 0;
        f.dport = (uint16_t)(below(b, 5) << 8 | below(b, 4));
    } else if (f.proto == 47) {
        f.sport = f.dport = 0;
    }
    if (!v6 && b->rows.n_vips > 0 && chance(b, 25))
        f.vip = (uint16_t)(1 + below(b, b->rows.n_vips));
    return f;
}

/* ---- line by line ---- */

static bool listed(const uint16_t *list, uint16_t n, uint32_t item)
{
    for (uint16_t i = 0; i < n; i++)
        if (list[i] == item)
            return true;
    return false;
}

static bool in_ranges(const struct row_address *a, uint32_t ip)
{
    for (uint32_t i = 0; i < a->n_ranges; i++)
        if (ip >= a->ranges[i].first && ip <= a->ranges[i].last)
            return true;
    return false;
}

static bool in_addresses(const struct rulebook *b, const uint16_t *list, uint16_t n,
                         const struct ip_addr *ip)
{
    for (uint16_t i = 0; i < n; i++)
        if (in_ranges(&b->rows.addresses[list[i]], be32_host(ip->word[3])))
            return true;
    return false;
}

static bool in_addresses6(const struct rulebook *b, const uint16_t *list, uint16_t n,
                          const struct ip_addr *ip)
{
    for (uint16_t i = 0; i < n; i++) {
        const struct row_address6 *a = &b->rows.addresses6[list[i]];
        for (uint32_t k = 0; k < a->n_ranges; k++)
            if (memcmp(ip, &a->ranges[k].first, 16) >= 0 && memcmp(ip, &a->ranges[k].last, 16) <= 0)
                return true;
    }
    return false;
}

static bool source_fits(const struct rulebook *b, const struct row_policy *p, const struct flow *f)
{
    if (ip_addr_is4(&f->src))
        return p->n_srcaddr > 0 &&
               in_addresses(b, p->srcaddr, p->n_srcaddr, &f->src) != p->src_negate;
    return p->n_srcaddr6 > 0 &&
           in_addresses6(b, p->srcaddr6, p->n_srcaddr6, &f->src) != p->src_negate;
}

static bool destination_fits(const struct rulebook *b, const struct row_policy *p,
                             const struct flow *f)
{
    bool in = in_addresses(b, p->dstaddr, p->n_dstaddr, &f->dst);
    if (f->vip) {
        bool named = listed(p->vips, p->n_vips, f->vip - 1u);
        bool sees = !p->accept && p->match_vip && p->n_dstaddr > 0;
        if (p->dst_negate)
            return sees && !in && !named;
        return named || (sees && in);
    }
    if (ip_addr_is4(&f->dst))
        return p->n_dstaddr > 0 && in != p->dst_negate;
    return p->n_dstaddr6 > 0 &&
           in_addresses6(b, p->dstaddr6, p->n_dstaddr6, &f->dst) != p->dst_negate;
}

static bool match_fits(const struct row_service_match *m, const struct flow *f)
{
    if (m->proto == 0)
        return true;
    if (m->proto != f->proto)
        return false;
    if (f->proto == IPPROTO_ICMP || f->proto == IPPROTO_ICMPV6)
        return m->any_icmp_type || (m->icmp_type == f->dport >> 8 &&
                                    (m->any_icmp_code || m->icmp_code == (f->dport & 255)));
    return f->dport >= m->dport_first && f->dport <= m->dport_last && f->sport >= m->sport_first &&
           f->sport <= m->sport_last;
}

static bool service_fits(const struct rulebook *b, const struct row_policy *p, const struct flow *f)
{
    for (uint16_t i = 0; i < p->n_services; i++) {
        const struct row_service *s = &b->rows.services[p->services[i]];
        for (uint32_t k = 0; k < s->n_matches; k++)
            if (match_fits(&s->matches[k], f))
                return !p->service_negate;
    }
    return p->n_services > 0 && p->service_negate;
}

uint32_t rulebook_find(const struct rulebook *b, const struct flow *f)
{
    for (uint32_t i = 0; i < b->rows.n_policies; i++) {
        const struct row_policy *p = &b->rows.policies[i];
        if ((p->any_srcintf || listed(p->srcintf, p->n_srcintf, f->in_ifindex - 1u)) &&
            (p->any_dstintf || listed(p->dstintf, p->n_dstintf, f->out_ifindex - 1u)) &&
            source_fits(b, p, f) && destination_fits(b, p, f) && service_fits(b, p, f))
            return i;
    }
    return UINT32_MAX;
}
