/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two indexes over the same VIPs: by outside address and by mapped address. Each knows single
 * addresses by hash (ranges of up to EXPAND addresses are spelled out) and wider ranges as
 * intervals that do not overlap, found by bisection. Behind an address stands a list of VIPs: first
 * those that forward ports, sorted by protocol and first port of that side, each with the highest
 * last port so far, so that the search backward from the place of a port knows where to stop; then
 * those for all ports, in table order. One public address may forward thousands of ports.
 */
#include "fastpath/vip.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define EXPAND 16

/* One VIP in the list of an address. `order`: protocol << 16 | first port; all ports: the top. */
struct entry {
    uint32_t order;
    uint16_t last, last_max;
    uint16_t vip; /* place in vips.all */
};
#define ALL_PORTS UINT32_MAX

struct list {
    uint32_t begin, n; /* in entries */
};

struct place {
    uint32_t ip; /* 0: free; 0.0.0.0 is nobody's address */
    struct list list;
};

struct interval {
    uint32_t first, last;
    struct list list;
};

struct index {
    struct place *places; /* open addressing */
    uint32_t mask;
    struct interval *wide; /* sorted */
    uint32_t n_wide;
    struct entry *entries;
    uint32_t n_entries, room;
};

struct vips {
    uint16_t n;
    struct vip *all;
    struct index outside, inside;
};

/* ---- making ---- */

/* An address, or where an interval begins or ends, and a VIP. */
struct pair {
    uint32_t ip;
    uint16_t vip;
};

struct pairs {
    struct pair *p;
    size_t n, room;
};

static bool pairs_add(struct pairs *a, uint32_t ip, uint16_t vip)
{
    if (a->n == a->room) {
        size_t room = a->room ? 2 * a->room : 64;
        struct pair *p = realloc(a->p, room * sizeof *p);
        if (!p)
            return false;
        a->p = p;
        a->room = room;
    }
    a->p[a->n++] = (struct pair){ip, vip};
    return true;
}

static int by_ip(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;
    return x->ip != y->ip ? (x->ip < y->ip ? -1 : 1) : (int)x->vip - (int)y->vip;
}

static int by_order(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    return x->order != y->order ? (x->order < y->order ? -1 : 1) : (int)x->vip - (int)y->vip;
}

static struct entry entry_of(const struct vip *v, uint16_t i, bool inside)
{
    struct entry e = {.order = ALL_PORTS, .vip = i};
    uint16_t first = inside ? v->mapped_port_first : v->ext_port_first;
    if (v->portforward) {
        e.order = (uint32_t)v->proto << 16 | first;
        e.last = (uint16_t)(first + (v->ext_port_last - v->ext_port_first));
    }
    return e;
}

/* The list of n VIPs, entered. False: no memory. */
static bool list_add(struct index *x, const struct vips *v, const struct pair *p, size_t n,
                     struct list *out)
{
    if (x->n_entries + n > x->room) {
        size_t room = 2 * (x->room + n);
        struct entry *e = realloc(x->entries, room * sizeof *e);
        if (!e)
            return false;
        x->entries = e;
        x->room = (uint32_t)room;
    }
    struct entry *list = x->entries + x->n_entries;
    for (size_t i = 0; i < n; i++)
        list[i] = entry_of(&v->all[p[i].vip], p[i].vip, x == &v->inside);
    qsort(list, n, sizeof *list, by_order);
    for (size_t i = 0; i < n; i++) {
        bool same = i > 0 && list[i].order >> 16 == list[i - 1].order >> 16;
        uint16_t before = same ? list[i - 1].last_max : 0;
        list[i].last_max = list[i].last > before ? list[i].last : before;
    }
    *out = (struct list){x->n_entries, (uint32_t)n};
    x->n_entries += (uint32_t)n;
    return true;
}

static uint32_t place_hash(uint32_t ip)
{
    return (uint32_t)((ip * 0x9e3779b97f4a7c15u) >> 32);
}

static struct place *place_of(const struct index *x, uint32_t ip)
{
    uint32_t i = place_hash(ip) & x->mask;
    while (x->places[i].ip && x->places[i].ip != ip)
        i = (i + 1) & x->mask;
    return &x->places[i];
}

static bool narrow_make(struct index *x, const struct vips *v, struct pairs *a)
{
    size_t slots = 16;
    while (slots < 2 * a->n)
        slots *= 2;
    x->mask = (uint32_t)(slots - 1);
    x->places = calloc(slots, sizeof *x->places);
    if (!x->places)
        return false;
    if (a->n)
        qsort(a->p, a->n, sizeof *a->p, by_ip);
    for (size_t i = 0, end; i < a->n; i = end) {
        for (end = i; end < a->n && a->p[end].ip == a->p[i].ip; end++)
            ;
        struct place *place = place_of(x, a->p[i].ip);
        place->ip = a->p[i].ip;
        if (!list_add(x, v, a->p + i, end - i, &place->list))
            return false;
    }
    return true;
}

static void range_of(const struct vip *v, bool inside, uint32_t *first, uint32_t *last)
{
    *first = inside ? v->mapped_first : v->ext_first;
    *last = inside ? v->mapped_last : v->ext_last;
}

/* What covers the interval from `first` on: of those before, who reaches that far, and who begins
 * here. *next is the first of `wide` that does not begin yet. */
static bool covering_move(const struct index *x, const struct vips *v, const struct pairs *wide,
                          uint32_t first, size_t *next, struct pairs *covering)
{
    size_t n = 0;
    for (size_t i = 0; i < covering->n; i++) {
        uint32_t from, to;
        range_of(&v->all[covering->p[i].vip], x == &v->inside, &from, &to);
        if (to >= first)
            covering->p[n++] = covering->p[i];
    }
    covering->n = n;
    for (; *next < wide->n && wide->p[*next].ip <= first; ++*next)
        if (!pairs_add(covering, 0, wide->p[*next].vip))
            return false;
    return true;
}

/* `edges` are the first addresses of intervals, `wide` the ranges by first address. */
static bool intervals_make(struct index *x, const struct vips *v, const struct pairs *wide,
                           const struct pairs *edges)
{
    struct pairs covering = {0};
    size_t next = 0;
    bool ok = true;
    for (size_t i = 0; i + 1 < edges->n && ok; i++) {
        uint32_t first = edges->p[i].ip, end = edges->p[i + 1].ip;
        if (first == end)
            continue;
        ok = covering_move(x, v, wide, first, &next, &covering);
        if (!ok || covering.n == 0)
            continue;
        struct interval *w = &x->wide[x->n_wide++];
        *w = (struct interval){.first = first, .last = end - 1};
        ok = list_add(x, v, covering.p, covering.n, &w->list);
    }
    free(covering.p);
    return ok;
}

static bool wide_make(struct index *x, const struct vips *v, struct pairs *wide,
                      struct pairs *edges)
{
    if (edges->n == 0)
        return true;
    qsort(wide->p, wide->n, sizeof *wide->p, by_ip);
    qsort(edges->p, edges->n, sizeof *edges->p, by_ip);
    x->wide = calloc(edges->n, sizeof *x->wide);
    return x->wide && intervals_make(x, v, wide, edges);
}

/* The last edge stands behind every range; one that ends with the last address has none. */
static bool edges_add(struct pairs *wide, struct pairs *edges, uint32_t first, uint32_t last,
                      uint16_t vip)
{
    return pairs_add(wide, first, vip) && pairs_add(edges, first, 0) &&
           pairs_add(edges, last == UINT32_MAX ? last : last + 1, 0);
}

static bool index_make(struct index *x, const struct vips *v)
{
    struct pairs narrow = {0}, wide = {0}, edges = {0};
    bool ok = true;
    for (uint16_t i = 0; i < v->n && ok; i++) {
        uint32_t first, last;
        range_of(&v->all[i], x == &v->inside, &first, &last);
        if (last - first >= EXPAND)
            ok = edges_add(&wide, &edges, first, last, i);
        else
            for (uint32_t k = 0; k <= last - first && ok; k++)
                ok = pairs_add(&narrow, first + k, i);
    }
    ok = ok && narrow_make(x, v, &narrow) && wide_make(x, v, &wide, &edges);
    free(narrow.p);
    free(wide.p);
    free(edges.p);
    return ok;
}

static bool vip_fill(struct vip *v, const struct row_vip *row, uint16_t number)
{
    *v = (struct vip){.number = number,
                      .ifindex = row->extintf == ROW_NONE ? 0 : (uint16_t)(row->extintf + 1),
                      .ext_first = row->ext_first,
                      .ext_last = row->ext_last,
                      .mapped_first = row->mapped_first,
                      .mapped_last = row->mapped_last,
                      .portforward = row->portforward,
                      .nat_source = row->nat_source_vip,
                      .arp_reply = row->arp_reply,
                      .proto = row->proto,
                      .ext_port_first = row->ext_port_first,
                      .ext_port_last = row->ext_port_last,
                      .mapped_port_first = row->mapped_port_first,
                      .from = row->n_srcintf_filter ? 0 : ~(uint64_t)0,
                      .n_sources = row->n_src_filter};
    if (row->proto == IPPROTO_ICMP) {
        v->ext_port_first = 0;
        v->ext_port_last = UINT16_MAX;
    }
    for (uint16_t i = 0; i < row->n_srcintf_filter; i++)
        v->from |= (uint64_t)1 << (row->srcintf_filter[i] + 1);
    struct row_range *sources = calloc(v->n_sources + 1u, sizeof *sources);
    v->sources = sources;
    for (uint32_t i = 0; sources && i < v->n_sources; i++)
        sources[i] = row->src_filter[i];
    return sources != NULL;
}

struct vips *vips_create(const struct row_vip *rows, uint16_t n)
{
    struct vips *v = calloc(1, sizeof *v);
    if (!v)
        return NULL;
    v->all = calloc(n + 1u, sizeof *v->all);
    bool ok = v->all != NULL;
    for (; v->n < n && ok; v->n++)
        ok = vip_fill(&v->all[v->n], &rows[v->n], (uint16_t)(v->n + 1));
    if (ok && index_make(&v->outside, v) && index_make(&v->inside, v))
        return v;
    vips_destroy(v);
    return NULL;
}

static void index_free(struct index *x)
{
    free(x->places);
    free(x->wide);
    free(x->entries);
}

void vips_destroy(struct vips *v)
{
    if (!v)
        return;
    for (uint16_t i = 0; v->all && i < v->n; i++)
        free((void *)(uintptr_t)v->all[i].sources);
    index_free(&v->outside);
    index_free(&v->inside);
    free(v->all);
    free(v);
}

uint16_t vips_count(const struct vips *v)
{
    return v->n;
}

const struct vip *vips_at(const struct vips *v, uint16_t i)
{
    return &v->all[i];
}

/* ---- looking up ---- */

static const struct list *wide_find(const struct index *x, uint32_t ip)
{
    uint32_t low = 0, high = x->n_wide;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (x->wide[middle].last < ip)
            low = middle + 1;
        else
            high = middle;
    }
    return low < x->n_wide && x->wide[low].first <= ip ? &x->wide[low].list : NULL;
}

static const struct list *narrow_find(const struct index *x, uint32_t ip)
{
    const struct place *place = place_of(x, ip);
    return ip != 0 && place->ip == ip ? &place->list : NULL;
}

bool vips_has(const struct vips *v, be32 ip)
{
    uint32_t address = be32_host(ip);
    return narrow_find(&v->outside, address) || wide_find(&v->outside, address);
}

static bool source_fits(const struct vip *vip, be32 src)
{
    uint32_t ip = be32_host(src);
    for (uint32_t i = 0; i < vip->n_sources; i++)
        if (ip >= vip->sources[i].first && ip <= vip->sources[i].last)
            return true;
    return vip->n_sources == 0;
}

enum fit {
    NO,
    FROM_ELSEWHERE,
    HERE
};

static enum fit fit(const struct vip *vip, const struct vip_flow *f)
{
    if (!(vip->from >> f->ifindex & 1) || !source_fits(vip, f->src))
        return NO;
    if (vip->ifindex == 0 || vip->ifindex == f->ifindex)
        return HERE;
    return vip->ifindex == f->home ? FROM_ELSEWHERE : NO;
}

/* The number of entries that come before `order` or equal it. */
static uint32_t entries_upto(const struct entry *e, uint32_t n, uint32_t order)
{
    uint32_t low = 0, high = n;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (e[middle].order <= order)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Keep the better of two: who fits here, else who fits from elsewhere; of equal ones the first of
 * the table. */
static void better(const struct vips *v, const struct entry *e, const struct vip_flow *f,
                   enum fit *best, const struct vip **found)
{
    const struct vip *vip = &v->all[e->vip];
    enum fit how = fit(vip, f);
    if (how > *best || (how != NO && how == *best && vip->number < (*found)->number)) {
        *best = how;
        *found = vip;
    }
}

static bool is_forwarded(const struct vips *v, const struct list *list, uint32_t order)
{
    const struct entry *e = list ? v->outside.entries + list->begin : NULL;
    uint16_t port = (uint16_t)order;
    uint32_t i = list ? entries_upto(e, list->n, order) : 0;
    for (; i > 0 && e[i - 1].order >> 16 == order >> 16 && e[i - 1].last_max >= port; i--)
        if (e[i - 1].last >= port)
            return true;
    return false;
}

bool vips_forward(const struct vips *v, uint8_t proto, be32 ip, be16 port)
{
    uint32_t address = be32_host(ip);
    uint32_t order = (uint32_t)proto << 16 | be16_host(port);
    return is_forwarded(v, narrow_find(&v->outside, address), order) ||
           is_forwarded(v, wide_find(&v->outside, address), order);
}

static void find_forward(const struct vips *v, const struct list *list, const struct vip_flow *f,
                         enum fit *best, const struct vip **found)
{
    if (!list)
        return;
    const struct entry *e = v->outside.entries + list->begin;
    bool ports = f->proto == IPPROTO_TCP || f->proto == IPPROTO_UDP || f->proto == IPPROTO_SCTP;
    uint16_t port = ports ? be16_host(f->dport) : 0;
    uint32_t i = entries_upto(e, list->n, (uint32_t)f->proto << 16 | port);
    for (; i > 0 && e[i - 1].order >> 16 == f->proto && e[i - 1].last_max >= port; i--)
        if (e[i - 1].last >= port)
            better(v, &e[i - 1], f, best, found);
}

static void find_all_ports(const struct vips *v, const struct list *list, const struct vip_flow *f,
                           enum fit *best, const struct vip **found)
{
    const struct entry *e = list ? v->outside.entries + list->begin : NULL;
    for (uint32_t i = list ? list->n : 0; i > 0 && e[i - 1].order == ALL_PORTS; i--)
        better(v, &e[i - 1], f, best, found);
}

const struct vip *vip_find(const struct vips *v, const struct vip_flow *flow)
{
    uint32_t ip = be32_host(flow->dst);
    const struct list *narrow = narrow_find(&v->outside, ip), *wide = wide_find(&v->outside, ip);
    const struct vip *found = NULL;
    enum fit best = NO;
    find_forward(v, narrow, flow, &best, &found);
    find_forward(v, wide, flow, &best, &found);
    if (found)
        return found;
    find_all_ports(v, narrow, flow, &best, &found);
    find_all_ports(v, wide, flow, &best, &found);
    return found;
}

struct endpoint vip_mapped(const struct vip *vip, be32 dst, be16 dport)
{
    struct endpoint out = {be32_of(be32_host(dst) - vip->ext_first + vip->mapped_first), dport};
    if (vip->portforward && vip->proto != IPPROTO_ICMP)
        out.port =
            be16_of((uint16_t)(be16_host(dport) - vip->ext_port_first + vip->mapped_port_first));
    return out;
}

/* The forwarding VIPs of a list that cover a port, one after the other; NULL: no more. Begin with
 * *i = entries_upto(). */
static const struct vip *covering_next(const struct vips *v, const struct entry *e, uint32_t order,
                                       uint32_t *i)
{
    uint16_t port = (uint16_t)order;
    while (*i > 0 && e[*i - 1].order >> 16 == order >> 16 && e[*i - 1].last_max >= port) {
        --*i;
        if (e[*i].last >= port)
            return &v->all[e[*i].vip];
    }
    return NULL;
}

static bool leads(const struct vips *v, const struct list *list, uint8_t proto,
                  struct endpoint outer, struct endpoint inside)
{
    const struct entry *e = list ? v->outside.entries + list->begin : NULL;
    uint32_t order = (uint32_t)proto << 16 | be16_host(outer.port);
    uint32_t i = list ? entries_upto(e, list->n, order) : 0;
    for (const struct vip *vip; list && (vip = covering_next(v, e, order, &i));)
        if (endpoint_eq(vip_mapped(vip, outer.ip, outer.port), inside))
            return true;
    for (i = list ? list->n : 0; i > 0 && e[i - 1].order == ALL_PORTS; i--)
        if (endpoint_eq(vip_mapped(&v->all[e[i - 1].vip], outer.ip, outer.port), inside))
            return true;
    return false;
}

bool vips_lead(const struct vips *v, uint8_t proto, struct endpoint outer, struct endpoint inside)
{
    uint32_t ip = be32_host(outer.ip);
    return leads(v, narrow_find(&v->outside, ip), proto, outer, inside) ||
           leads(v, wide_find(&v->outside, ip), proto, outer, inside);
}

static bool names(const struct vip *vip, const struct vip_host *host, struct endpoint *out)
{
    be32 ext = vip_external(vip, host->inside.ip);
    if ((host->ext && ext != host->ext) || (vip->ifindex && vip->ifindex != host->ifindex))
        return false;
    out->ip = ext;
    out->port = host->inside.port;
    if (vip->portforward)
        out->port = be16_of((uint16_t)(be16_host(host->inside.port) - vip->mapped_port_first +
                                       vip->ext_port_first));
    return true;
}

/* The VIP of a list that names the host: one that forwards before one of all ports, of equals the
 * first of the table. */
static void name_find(const struct vips *v, const struct list *list, const struct vip_host *host,
                      const struct vip **found, struct endpoint *out)
{
    const struct entry *e = list ? v->inside.entries + list->begin : NULL;
    uint32_t order = (uint32_t)host->proto << 16 | be16_host(host->inside.port);
    uint32_t i = list ? entries_upto(e, list->n, order) : 0;
    for (const struct vip *vip; list && (vip = covering_next(v, e, order, &i));)
        if ((!*found || !(*found)->portforward || vip->number < (*found)->number) &&
            names(vip, host, out))
            *found = vip;
    for (i = list ? list->n : 0; i > 0 && e[i - 1].order == ALL_PORTS; i--) {
        const struct vip *vip = &v->all[e[i - 1].vip];
        if ((!*found || (!(*found)->portforward && vip->number < (*found)->number)) &&
            names(vip, host, out))
            *found = vip;
    }
}

const struct vip *vip_name(const struct vips *v, const struct vip_host *host, struct endpoint *out)
{
    uint32_t ip = be32_host(host->inside.ip);
    const struct vip *found = NULL;
    name_find(v, narrow_find(&v->inside, ip), host, &found, out);
    name_find(v, wide_find(&v->inside, ip), host, &found, out);
    return found;
}

static bool gives_source(const struct vip *vip, be32 peer, uint16_t ifindex)
{
    bool whole = !vip->portforward && (vip->ifindex == 0 || vip->ifindex == ifindex);
    return (vip->nat_source || whole) && source_fits(vip, peer);
}

static const struct vip *source_find(const struct vips *v, const struct list *list, be32 peer,
                                     uint16_t ifindex, const struct vip *found)
{
    for (uint32_t i = 0; list && i < list->n; i++) {
        const struct vip *vip = &v->all[v->inside.entries[list->begin + i].vip];
        bool first = !found || vip->nat_source > found->nat_source ||
                     (vip->nat_source == found->nat_source && vip->number < found->number);
        if (first && gives_source(vip, peer, ifindex))
            found = vip;
    }
    return found;
}

const struct vip *vip_find_source(const struct vips *v, be32 host, be32 peer, uint16_t ifindex)
{
    uint32_t ip = be32_host(host);
    const struct vip *found = source_find(v, narrow_find(&v->inside, ip), peer, ifindex, NULL);
    return source_find(v, wide_find(&v->inside, ip), peer, ifindex, found);
}

be32 vip_external(const struct vip *vip, be32 host)
{
    return be32_of(be32_host(host) - vip->mapped_first + vip->ext_first);
}
