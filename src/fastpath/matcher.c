/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A set of rules is a base XOR a difference. The base is what holds for nearly every value of the
 * field - a rule for `all` is in it, so is one negated - and is one vector for the whole field. The
 * difference is what a value changes: the rules that name its address, say. Differences are small
 * however many rules there are, so only their words that are not zero are kept, behind a summary
 * with one bit per word. A value of a field thus costs a cache line or two, not n_rules / 512.
 *
 * The AND begins with the summaries. A rule in all sets is in some of them by the base and in the
 * others by a difference; where the bases of a combination of fields have a rule in common was
 * found out beforehand. So one line per 4096 rules gives the words that can hold the answer, and of
 * these most are looked at only as far as the interfaces, which come first.
 */
#include "fastpath/matcher.h"

#include "base/addr.h"
#include "fastpath/snapshot.h"

/* A sparse set while it is read from its beginning to its end. */
struct reader {
    const uint64_t *sum;  /* of the present 64 words */
    const uint64_t *word; /* the first of them that is kept */
};

static inline struct reader reader_at(const struct matcher *m, uint32_t set)
{
    return (struct reader){&m->sets[set], &m->sets[set + m->n_sums]};
}

static inline void reader_next(struct reader *r)
{
    r->word += __builtin_popcountll(*r->sum++);
}

/* Word `k` of the present 64. Reads one word past a set's end at most, where the next one begins.
 */
static inline uint64_t reader_word(const struct reader *r, unsigned k)
{
    uint64_t sum = *r->sum, bit = (uint64_t)1 << k;
    return r->word[__builtin_popcountll(sum & (bit - 1))] & -(sum >> k & 1);
}

static inline bool point6_after(const struct matcher_point6 *a, const struct matcher_point6 *b)
{
    return a->high > b->high || (a->high == b->high && a->low > b->low);
}

static uint32_t set_of_v6(const struct matcher_map6 *map, const struct ip_addr *ip)
{
    struct matcher_point6 point = {be64toh(ip->half[0]), be64toh(ip->half[1])};
    uint32_t low = 0, n = map->n;
    while (n > 1) {
        uint32_t half = n / 2;
        low = point6_after(&map->first[low + half], &point) ? low : low + half;
        n -= half;
    }
    return map->value[low];
}

static uint32_t set_of_v4(const struct intervals *map, const struct ip_addr *ip)
{
    return map->value[intervals_find(map, be32_host(ip->word[3]))];
}

static uint32_t set_of_service(const struct matcher *m, const struct flow *f)
{
    const struct intervals *ports = &m->ports[m->port_map[f->proto]];
    uint32_t set = ports->value[intervals_find(ports, f->dport)];
    if (__builtin_expect(set & MATCHER_SPLIT, 0)) {
        const struct intervals *split = &m->splits[set & ~MATCHER_SPLIT];
        set = split->value[intervals_find(split, f->sport)];
    }
    return set;
}

/* Which of these 64 words can have a rule in all sets? */
static inline uint64_t candidates(const uint64_t *sums, uint64_t src, uint64_t dst,
                                  uint64_t service)
{
    uint64_t none = sums[MATCHER_SRC | MATCHER_DST | MATCHER_SERVICE];
    uint64_t one = (src & sums[MATCHER_DST | MATCHER_SERVICE]) |
                   (dst & sums[MATCHER_SRC | MATCHER_SERVICE]) |
                   (service & sums[MATCHER_SRC | MATCHER_DST]);
    uint64_t two = (src & dst & sums[MATCHER_SERVICE]) | (src & service & sums[MATCHER_DST]) |
                   (dst & service & sums[MATCHER_SRC]);
    return none | one | two | (src & dst & service);
}

/* What the flow asks for. */
struct question {
    struct reader src, dst, service;
    struct reader named, unnamed; /* of the VIP; only where there is one */
    bool vip;
    const struct matcher_base *base;
    const uint64_t *in, *out;
};

/* Rules of word `w`, the k-th of the present 64, that fit. */
static inline uint64_t fitting(const struct question *q, uint32_t w, unsigned k)
{
    uint64_t rules = q->in[w] & q->out[w];
    if (rules == 0)
        return 0;
    const struct matcher_base *base = &q->base[w];
    rules &= base->service ^ reader_word(&q->service, k);
    rules &= base->src ^ reader_word(&q->src, k);
    uint64_t dst = base->dst ^ reader_word(&q->dst, k);
    if (__builtin_expect(q->vip, 0))
        dst = ((dst & base->vip_sees) | reader_word(&q->named, k)) & ~reader_word(&q->unnamed, k);
    return rules & dst;
}

static void question_begin(struct question *q, const struct matcher *m, const struct flow *f,
                           bool v6)
{
    size_t in = f->in_ifindex <= m->n_interfaces ? f->in_ifindex : 0;
    size_t out = f->out_ifindex <= m->n_interfaces ? f->out_ifindex : 0;
    q->src = reader_at(m, v6 ? set_of_v6(&m->v6[0], &f->src) : set_of_v4(&m->v4[0], &f->src));
    q->dst = reader_at(m, v6 ? set_of_v6(&m->v6[1], &f->dst) : set_of_v4(&m->v4[1], &f->dst));
    q->service = reader_at(m, set_of_service(m, f));
    q->vip = f->vip != 0;
    q->named = q->unnamed = (struct reader){0};
    if (q->vip) {
        uint16_t vip = f->vip <= m->n_vips ? f->vip : 0;
        q->named = reader_at(m, m->vips[vip].named);
        q->unnamed = reader_at(m, m->vips[vip].unnamed);
    }
    q->base = m->base[v6];
    q->in = &m->interfaces[2 * in * m->n_words];
    q->out = &m->interfaces[(2 * out + 1) * m->n_words];
}

static void question_next(struct question *q)
{
    reader_next(&q->src);
    reader_next(&q->dst);
    reader_next(&q->service);
    if (q->vip) {
        reader_next(&q->named);
        reader_next(&q->unnamed);
    }
}

bool matcher_find(const struct matcher *m, const struct flow *f, uint32_t *rule)
{
    bool v6 = !ip_addr_is4(&f->src);
    struct question q = {0};
    question_begin(&q, m, f, v6);
    for (uint32_t s = 0; s < m->n_sums; s++, question_next(&q)) {
        uint64_t dst = *q.dst.sum | (q.vip ? *q.named.sum : 0);
        uint64_t words = candidates(m->sums[v6][s], *q.src.sum, dst, *q.service.sum);
        for (; words; words &= words - 1) {
            unsigned k = (unsigned)__builtin_ctzll(words);
            uint64_t rules = fitting(&q, s * 64 + k, k);
            if (rules == 0)
                continue;
            *rule = (s * 64 + k) * 64 + (uint32_t)__builtin_ctzll(rules);
            return true;
        }
    }
    return false;
}
