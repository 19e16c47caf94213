/* SPDX-License-Identifier: BSD-3-Clause */
/* Which VIP a destination meets: rows of facts, and against a look at every VIP in turn. */
#include "base/rng.h"
#include "fastpath/vip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <netinet/in.h>

#define EXT 0xcb007100u /* 203.0.113.0 */
#define INT 0x0a000000u /* 10.0.0.0 */

enum {
    LAN = 1,
    WAN,
    DMZ
};

static const struct row_range filter[] = {{0xc6336400, 0xc63364ff}, {0xc0000201, 0xc0000201}};

static struct row_vip row(uint32_t ext, uint32_t mapped, uint32_t n)
{
    return (struct row_vip){.name = "vip",
                            .ext_first = ext,
                            .ext_last = ext + n - 1,
                            .mapped_first = mapped,
                            .mapped_last = mapped + n - 1,
                            .extintf = WAN - 1};
}

static struct row_vip forward(struct row_vip r, uint8_t proto, uint16_t first, uint16_t last,
                              uint16_t to)
{
    r.portforward = true;
    r.proto = proto;
    r.ext_port_first = first;
    r.ext_port_last = last;
    r.mapped_port_first = to;
    r.mapped_port_last = (uint16_t)(to + last - first);
    return r;
}

static struct vip_flow flow(uint8_t proto, uint32_t dst, uint16_t dport)
{
    return (struct vip_flow){.src = be32_of(0xc6336405),
                             .dst = be32_of(dst),
                             .dport = be16_of(dport),
                             .proto = proto,
                             .ifindex = WAN,
                             .home = WAN};
}

static unsigned number(const struct vip *vip)
{
    return vip ? vip->number : 0;
}

static void facts(void **state)
{
    (void)state;
    struct row_vip rows[] = {
        row(EXT + 10, INT + 10, 1),
        row(EXT + 20, INT + 20, 100),
        forward(row(EXT + 2, INT + 5, 1), IPPROTO_TCP, 8080, 8089, 80),
        forward(row(EXT + 2, INT + 6, 1), IPPROTO_UDP, 8080, 8080, 53),
        forward(row(EXT + 2, INT + 7, 1), IPPROTO_ICMP, 0, 0, 0),
        forward(row(EXT + 10, INT + 8, 1), IPPROTO_TCP, 22, 22, 2222),
    };
    static const struct {
        uint8_t proto;
        uint32_t dst;
        uint16_t dport;
        unsigned vip;
        uint32_t to;
        uint16_t port;
    } facts[] = {
        {IPPROTO_TCP, EXT + 10, 443, 1, INT + 10, 443},
        {IPPROTO_TCP, EXT + 10, 22, 6, INT + 8, 2222}, /* before all ports */
        {IPPROTO_GRE, EXT + 10, 0, 1, INT + 10, 0},
        {IPPROTO_UDP, EXT + 20, 1, 2, INT + 20, 1},
        {IPPROTO_UDP, EXT + 119, 1, 2, INT + 119, 1},
        {IPPROTO_UDP, EXT + 120, 1, 0, 0, 0},
        {IPPROTO_TCP, EXT + 2, 8080, 3, INT + 5, 80},
        {IPPROTO_TCP, EXT + 2, 8089, 3, INT + 5, 89},
        {IPPROTO_TCP, EXT + 2, 8090, 0, 0, 0},
        {IPPROTO_TCP, EXT + 2, 8079, 0, 0, 0},
        {IPPROTO_UDP, EXT + 2, 8080, 4, INT + 6, 53},
        {IPPROTO_UDP, EXT + 2, 8081, 0, 0, 0},
        {IPPROTO_ICMP, EXT + 2, 0, 5, INT + 7, 0},
        {IPPROTO_SCTP, EXT + 2, 8080, 0, 0, 0},
        {IPPROTO_TCP, EXT + 3, 8080, 0, 0, 0},
    };
    struct vips *v = vips_create(rows, 6);
    for (size_t i = 0; i < sizeof facts / sizeof facts[0]; i++) {
        struct vip_flow f = flow(facts[i].proto, facts[i].dst, facts[i].dport);
        const struct vip *vip = vip_find(v, &f);
        assert_int_equal(number(vip), facts[i].vip);
        if (!vip)
            continue;
        assert_true(vips_has(v, f.dst));
        struct endpoint to = vip_mapped(vip, f.dst, f.dport);
        assert_int_equal(be32_host(to.ip), facts[i].to);
        assert_int_equal(be16_host(to.port), facts[i].port);
    }
    assert_false(vips_has(v, be32_of(EXT + 120)));
    assert_true(vips_has(v, be32_of(EXT + 2)));
    vips_destroy(v);
}

static void where_it_arrives(void **state)
{
    (void)state;
    struct row_vip rows[] = {row(EXT + 10, INT + 10, 1), row(EXT + 10, INT + 11, 1),
                             row(EXT + 11, INT + 12, 1), row(EXT + 12, INT + 13, 1)};
    const uint16_t lan[] = {LAN - 1};
    rows[1].extintf = DMZ - 1;
    rows[2].extintf = ROW_NONE;
    rows[3].srcintf_filter = lan;
    rows[3].n_srcintf_filter = 1;
    static const struct {
        uint32_t dst;
        uint16_t arrived, home;
        unsigned vip;
    } facts[] = {
        {EXT + 10, WAN, WAN, 1}, {EXT + 10, DMZ, WAN, 2}, /* where it arrived goes before */
        {EXT + 10, LAN, WAN, 1},                          /* from inside: the one at home there */
        {EXT + 10, LAN, DMZ, 2}, {EXT + 10, LAN, LAN, 0}, {EXT + 11, LAN, WAN, 3},
        {EXT + 11, DMZ, WAN, 3}, {EXT + 12, WAN, WAN, 0}, {EXT + 12, LAN, WAN, 4},
    };
    struct vips *v = vips_create(rows, 4);
    for (size_t i = 0; i < sizeof facts / sizeof facts[0]; i++) {
        struct vip_flow f = flow(IPPROTO_UDP, facts[i].dst, 5);
        f.ifindex = facts[i].arrived;
        f.home = facts[i].home;
        assert_int_equal(number(vip_find(v, &f)), facts[i].vip);
    }
    vips_destroy(v);
}

static void sources(void **state)
{
    (void)state;
    struct row_vip rows[] = {
        row(EXT + 10, INT + 10, 4),
        forward(row(EXT + 2, INT + 10, 1), IPPROTO_TCP, 80, 80, 80),
        forward(row(EXT + 3, INT + 11, 1), IPPROTO_TCP, 80, 80, 80),
        row(EXT + 50, INT + 60, 1),
    };
    rows[2].nat_source_vip = true;
    rows[3].src_filter = filter;
    rows[3].n_src_filter = 2;
    static const struct {
        uint32_t host, peer;
        uint16_t ifindex;
        unsigned vip;
        uint32_t ext;
    } facts[] = {
        {INT + 10, 1, WAN, 1, EXT + 10}, {INT + 10, 1, DMZ, 0, 0},
        {INT + 11, 1, WAN, 3, EXT + 3},  {INT + 11, 1, DMZ, 3, EXT + 3},
        {INT + 13, 1, WAN, 1, EXT + 13}, {INT + 14, 1, WAN, 0, 0},
        {INT + 60, 1, WAN, 0, 0},        {INT + 60, 0xc0000201, WAN, 4, EXT + 50},
    };
    struct vips *v = vips_create(rows, 4);
    for (size_t i = 0; i < sizeof facts / sizeof facts[0]; i++) {
        be32 host = be32_of(facts[i].host);
        const struct vip *vip = vip_find_source(v, host, be32_of(facts[i].peer), facts[i].ifindex);
        assert_int_equal(number(vip), facts[i].vip);
        if (vip)
            assert_int_equal(be32_host(vip_external(vip, host)), facts[i].ext);
    }
    vips_destroy(v);
}

/* ---- against every VIP in turn ---- */

static bool source_in(const struct row_vip *r, be32 src)
{
    for (uint32_t i = 0; i < r->n_src_filter; i++)
        if (be32_host(src) >= r->src_filter[i].first && be32_host(src) <= r->src_filter[i].last)
            return true;
    return r->n_src_filter == 0;
}

/* 0: no; else the smaller the better. */
static unsigned rank(const struct row_vip *r, const struct vip_flow *f)
{
    uint32_t ip = be32_host(f->dst);
    uint16_t port = be16_host(f->dport), ext = (uint16_t)(r->extintf + 1);
    bool any = r->extintf == ROW_NONE, here = any || ext == f->ifindex;
    if (ip < r->ext_first || ip > r->ext_last || !source_in(r, f->src) || (!here && ext != f->home))
        return 0;
    if (!r->portforward)
        return here ? 3 : 4;
    if (r->proto != f->proto ||
        (r->proto != IPPROTO_ICMP && (port < r->ext_port_first || port > r->ext_port_last)))
        return 0;
    return here ? 1 : 2;
}

static unsigned naive(const struct row_vip *rows, unsigned n, const struct vip_flow *f)
{
    unsigned best = 0, found = 0;
    for (unsigned i = 0; i < n; i++) {
        unsigned r = rank(&rows[i], f);
        if (r && (!best || r < best)) {
            best = r;
            found = i + 1;
        }
    }
    return found;
}

/* Whoever it is forwarded for. */
static bool naive_forward(const struct row_vip *rows, unsigned n, const struct vip_flow *f)
{
    for (unsigned i = 0; i < n; i++) {
        const struct row_vip *r = &rows[i];
        if (r->portforward && r->proto == f->proto && be32_host(f->dst) >= r->ext_first &&
            be32_host(f->dst) <= r->ext_last &&
            (r->proto == IPPROTO_ICMP ||
             (be16_host(f->dport) >= r->ext_port_first && be16_host(f->dport) <= r->ext_port_last)))
            return true;
    }
    return false;
}

/* By which endpoint `inside` is known outside of `ifindex`: forwarded ports first. */
static unsigned naive_name(const struct row_vip *rows, unsigned n, const struct vip_host *h,
                           struct endpoint *out)
{
    uint32_t ip = be32_host(h->inside.ip);
    uint16_t port = be16_host(h->inside.port);
    unsigned found = 0;
    for (unsigned i = 0; i < n; i++) {
        const struct row_vip *r = &rows[i];
        uint32_t ext = ip - r->mapped_first + r->ext_first;
        uint32_t ports = (uint32_t)r->ext_port_last - r->ext_port_first;
        if (ip < r->mapped_first || ip > r->mapped_last || (h->ext && be32_of(ext) != h->ext) ||
            (r->extintf != ROW_NONE && r->extintf + 1 != h->ifindex))
            continue;
        if (r->portforward && (r->proto != h->proto || port < r->mapped_port_first ||
                               port > r->mapped_port_first + ports))
            continue;
        if (found && (!r->portforward || rows[found - 1].portforward))
            continue;
        found = i + 1;
        *out = (struct endpoint){be32_of(ext), h->inside.port};
        if (r->portforward)
            out->port = be16_of((uint16_t)(port - r->mapped_port_first + r->ext_port_first));
    }
    return found;
}

static bool naive_leads(const struct row_vip *rows, unsigned n, uint8_t proto,
                        struct endpoint outer, struct endpoint inside)
{
    uint32_t ip = be32_host(outer.ip);
    uint16_t port = be16_host(outer.port), to = be16_host(inside.port);
    for (unsigned i = 0; i < n; i++) {
        const struct row_vip *r = &rows[i];
        if (ip < r->ext_first || ip > r->ext_last ||
            be32_host(inside.ip) != ip - r->ext_first + r->mapped_first)
            continue;
        if (!r->portforward
                ? to == port
                : r->proto == proto && port >= r->ext_port_first && port <= r->ext_port_last &&
                      to == port - r->ext_port_first + r->mapped_port_first)
            return true;
    }
    return false;
}

static struct row_vip random_row(struct rng *rng)
{
    static const uint8_t protos[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP};
    uint32_t n = rng_below(rng, 4) ? 1 + rng_below(rng, 3) : 1 + rng_below(rng, 60);
    struct row_vip r = row(EXT + rng_below(rng, 100), INT + rng_below(rng, 100), n);
    r.extintf = (uint16_t)(rng_below(rng, 4) ? rng_below(rng, 3) : ROW_NONE);
    r.nat_source_vip = rng_below(rng, 8) == 0;
    if (rng_below(rng, 5) == 0) {
        r.src_filter = filter;
        r.n_src_filter = 2;
    }
    if (rng_below(rng, 3)) {
        uint16_t first = (uint16_t)(1 + rng_below(rng, 40));
        r = forward(r, protos[rng_below(rng, 3)], first, (uint16_t)(first + rng_below(rng, 12)), 9);
    }
    return r;
}

static void any_table(void **state)
{
    (void)state;
    struct rng rng = {99};
    struct row_vip rows[120];
    unsigned met = 0;
    for (int round = 0; round < 60; round++) {
        uint16_t n = (uint16_t)rng_below(&rng, 120);
        for (int i = 0; i < n; i++)
            rows[i] = random_row(&rng);
        struct vips *v = vips_create(rows, n);
        assert_int_equal(vips_count(v), n);
        for (int k = 0; k < 2000; k++) {
            static const uint8_t protos[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP, IPPROTO_GRE};
            struct vip_flow f = flow(protos[rng_below(&rng, 4)], EXT + rng_below(&rng, 180),
                                     (uint16_t)rng_below(&rng, 60));
            f.ifindex = (uint16_t)(1 + rng_below(&rng, 3));
            f.home = (uint16_t)(1 + rng_below(&rng, 3));
            if (rng_below(&rng, 2))
                f.src = be32_of(rng_below(&rng, 2) ? 0xc0000201 : 5);
            if (f.proto == IPPROTO_ICMP || f.proto == IPPROTO_GRE)
                f.dport = 0;
            unsigned want = naive(rows, n, &f);
            assert_int_equal(number(vip_find(v, &f)), want);
            assert_int_equal(vips_forward(v, f.proto, f.dst, f.dport), naive_forward(rows, n, &f));
            met += want != 0;
        }
        vips_destroy(v);
    }
    assert_in_range(met, 20000, 110000);
}

/* One address that forwards every port, and thousands of addresses. */
static void thousands(void **state)
{
    (void)state;
    enum {
        N = 20000
    };
    struct row_vip *rows = calloc(N, sizeof *rows);
    for (uint32_t i = 0; i < N; i++)
        rows[i] = i < N / 2 ? forward(row(EXT, INT + i, 1), IPPROTO_TCP, (uint16_t)(i + 1),
                                      (uint16_t)(i + 1), 80)
                            : row(EXT + i * 32, INT + i * 32, i % 3 ? 1 : 32);
    struct vips *v = vips_create(rows, N);
    for (uint32_t i = 0; i < N; i++) {
        struct vip_flow f = i < N / 2 ? flow(IPPROTO_TCP, EXT, (uint16_t)(i + 1))
                                      : flow(IPPROTO_TCP, EXT + i * 32 + (i % 3 ? 0 : 31), 7);
        assert_int_equal(number(vip_find(v, &f)), i + 1);
    }
    vips_destroy(v);
    free(rows);
}

static void none(void **state)
{
    (void)state;
    struct vips *v = vips_create(NULL, 0);
    struct vip_flow f = flow(IPPROTO_TCP, EXT, 1);
    assert_null(vip_find(v, &f));
    f.dst = 0;
    assert_null(vip_find(v, &f));
    assert_null(vip_find_source(v, 0, 0, 1));
    vips_destroy(v);
    vips_destroy(NULL);
}

/* The names of hosts, and that what they are called by leads back to them. */
static void any_name(void **state)
{
    (void)state;
    struct rng rng = {7};
    struct row_vip rows[120];
    unsigned named = 0, led = 0;
    for (int round = 0; round < 60; round++) {
        uint16_t n = (uint16_t)rng_below(&rng, 120);
        for (int i = 0; i < n; i++)
            rows[i] = random_row(&rng);
        struct vips *v = vips_create(rows, n);
        for (int i = 0; i < 400; i++) {
            struct vip_host h = {
                .inside = {be32_of(INT + rng_below(&rng, 110)),
                           be16_of((uint16_t)rng_below(&rng, 60))},
                .ext = rng_below(&rng, 2) ? be32_of(EXT + rng_below(&rng, 110)) : 0,
                .ifindex = (uint16_t)(1 + rng_below(&rng, 3)),
                .proto = rng_below(&rng, 2) ? IPPROTO_TCP : IPPROTO_UDP,
            };
            struct endpoint e, expected = {0};
            unsigned vip = number(vip_name(v, &h, &e));
            assert_int_equal(vip, naive_name(rows, n, &h, &expected));
            if (vip) {
                assert_true(endpoint_eq(e, expected));
                assert_true(vips_lead(v, h.proto, e, h.inside));
                named++;
            }
            e = (struct endpoint){be32_of(EXT + rng_below(&rng, 110)),
                                  be16_of((uint16_t)rng_below(&rng, 60))};
            if (rng_below(&rng, 2)) {
                struct vip_flow f = flow(h.proto, be32_host(e.ip), be16_host(e.port));
                const struct vip *met = vip_find(v, &f);
                h.inside = met ? vip_mapped(met, e.ip, e.port) : h.inside;
            }
            bool leads = vips_lead(v, h.proto, e, h.inside);
            assert_int_equal(leads, naive_leads(rows, n, h.proto, e, h.inside));
            led += leads;
        }
        vips_destroy(v);
    }
    assert_true(named > 1000 && led > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(facts),    cmocka_unit_test(where_it_arrives),
        cmocka_unit_test(sources),  cmocka_unit_test(any_table),
        cmocka_unit_test(any_name), cmocka_unit_test(thousands),
        cmocka_unit_test(none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
