/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A node divides the 65536 values of its 16 bits into ranges: where each begins, the set of the
 * longest prefix of this level around it (NULL: none, a shorter one above holds), and the node
 * below where longer prefixes begin. A lookup is a binary search in each level; ranges that begin
 * alike are one, so a node is as large as what is configured: 2 bytes and two pointers a range. A
 * root of many ranges is an array by value instead. Prefixes of a level lie in each other or side
 * by side; the builder passes them in order with a stack of those it is in.
 *
 * A node depends on nothing above it: the same routes below give the same node, whatever the
 * default route is. That is what makes sharing possible.
 */
#include "fastpath/route_tree.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define VALUES     65536u
#define DIRECT_MIN 1024 /* ranges from which a root becomes an array */

/* Begins a cache line; small ones are found in it and the next. */
struct route_node {
    uint32_t refs; /* atomic */
    uint32_t n;    /* ranges, or VALUES */
    bool by_value; /* no starts */
    bool has_children;
    uint16_t starts[]; /* [0] is 0; behind them the sets and the children */
};

static size_t starts_size(uint32_t n, bool by_value)
{
    size_t end = offsetof(struct route_node, starts) + (by_value ? 0 : n * sizeof(uint16_t));
    return (end + 7) / 8 * 8;
}

static const struct route_set **sets_of(const struct route_node *node)
{
    return (const struct route_set **)((uintptr_t)node + starts_size(node->n, node->by_value));
}

/* Where the node has any. */
static struct route_node **children_of(const struct route_node *node)
{
    return (struct route_node **)(sets_of(node) + node->n);
}

static struct route_node *child_at(const struct route_node *node, uint32_t slot)
{
    return node->has_children ? children_of(node)[slot] : NULL;
}

static size_t node_size(uint32_t n, bool by_value, bool has_children)
{
    return starts_size(n, by_value) + n * sizeof(void *) * (has_children ? 2 : 1);
}

struct range {
    uint32_t start;
    const struct route_set *set;
    struct route_node *child;
};

/* A prefix the builder is in, with its last value. */
struct inside {
    uint32_t last;
    const struct route_set *set;
};

struct builder {
    struct route_sets *pool;
    unsigned level, depth;
    struct inside inside[17];
    uint32_t n, capacity;
    struct range *ranges;
    bool has_children;
};

static uint32_t digit_of(const struct ip_addr *ip, unsigned level)
{
    return (uint32_t)ip->byte[2 * level] << 8 | ip->byte[2 * level + 1];
}

/* ---- building ---- */

static void put(struct builder *b, uint32_t start, const struct route_set *set,
                struct route_node *child)
{
    struct range *last = b->n ? &b->ranges[b->n - 1] : NULL;
    if (start >= VALUES)
        return;
    if (last && last->start == start) {
        *last = (struct range){start, set, child};
    } else if (!last || child || last->child || last->set != set) {
        if (b->n == b->capacity) {
            b->capacity = b->capacity ? b->capacity * 2 : 16;
            b->ranges = realloc(b->ranges, b->capacity * sizeof *b->ranges);
            if (!b->ranges)
                abort();
        }
        b->ranges[b->n++] = (struct range){start, set, child};
    }
    b->has_children |= child != NULL;
}

static const struct route_set *around(const struct builder *b)
{
    return b->depth ? b->inside[b->depth - 1].set : NULL;
}

/* Leave the prefixes that end before `value`. */
static void leave(struct builder *b, uint32_t value)
{
    while (b->depth && b->inside[b->depth - 1].last < value) {
        uint32_t next = b->inside[--b->depth].last + 1;
        put(b, next, around(b), NULL);
    }
}

/* A prefix that ends in this level: its routes are `n` from `group` on. */
static void enter(struct builder *b, const struct route *group, uint32_t n)
{
    uint32_t value = digit_of(&group->dst, b->level);
    leave(b, value);
    const struct route_set *set = route_sets_get(b->pool, group, n, around(b));
    if (!set)
        return;
    uint32_t last = value | (0xffffu >> (route_bits(group) - 16 * b->level));
    b->inside[b->depth++] = (struct inside){last, set};
    put(b, value, set, NULL);
}

/* Routes of one prefix. */
static uint32_t group_size(struct route_slice s, uint32_t i)
{
    uint32_t k = i + 1;
    while (k < s.n && s.routes[k].len == s.routes[i].len &&
           ip_addr_eq(&s.routes[k].dst, &s.routes[i].dst))
        k++;
    return k - i;
}

static bool is_longer(const struct route *r, unsigned level)
{
    return route_bits(r) > 16 * (level + 1);
}

/* The longer prefixes from i on whose value is that of the i-th: they stand together. */
static struct route_slice branch_at(struct route_slice s, uint32_t i, unsigned level)
{
    uint32_t value = digit_of(&s.routes[i].dst, level), k = i + 1;
    while (k < s.n && digit_of(&s.routes[k].dst, level) == value)
        k++;
    return (struct route_slice){s.routes + i, k - i};
}

static uint32_t slot_of(const struct route_node *node, uint32_t value)
{
    if (node->by_value)
        return value;
    uint32_t slot = 0;
    for (uint32_t n = node->n; n > 1;) {
        uint32_t half = n / 2;
        slot += node->starts[slot + half] <= value ? half : 0;
        n -= half;
    }
    return slot;
}

/* What the branch at `value` was built of. `*from` passes over the old routes once. */
static struct route_before branch_before(const struct route_before *before, uint32_t *from,
                                         uint32_t value, unsigned level)
{
    struct route_slice s = before->slice;
    while (*from < s.n && (digit_of(&s.routes[*from].dst, level) < value ||
                           (digit_of(&s.routes[*from].dst, level) == value &&
                            !is_longer(&s.routes[*from], level))))
        ++*from;
    if (!before->node || !before->node->has_children || *from == s.n ||
        digit_of(&s.routes[*from].dst, level) != value)
        return (struct route_before){0};
    struct route_slice branch = branch_at(s, *from, level);
    *from += branch.n;
    return (struct route_before){branch, child_at(before->node, slot_of(before->node, value))};
}

static struct route_node *branch_build(struct builder *b, struct route_slice slice,
                                       const struct route_before *before)
{
    if (before->node && before->slice.n == slice.n &&
        memcmp(before->slice.routes, slice.routes, slice.n * sizeof *slice.routes) == 0)
        return route_node_share((struct route_node *)(uintptr_t)before->node);
    return route_node_build(b->pool, b->level + 1, slice, before);
}

static struct route_node *node_alloc(uint32_t n, bool by_value, bool has_children)
{
    size_t size = (node_size(n, by_value, has_children) + 63) / 64 * 64;
    struct route_node *node = aligned_alloc(64, size);
    if (!node)
        abort();
    memset(node, 0, size);
    node->refs = 1;
    node->n = n;
    node->by_value = by_value;
    node->has_children = has_children;
    return node;
}

static struct route_node *node_of_ranges(const struct builder *b, bool root)
{
    bool by_value = root && b->n >= DIRECT_MIN;
    struct route_node *node = node_alloc(by_value ? VALUES : b->n, by_value, b->has_children);
    const struct route_set **sets = sets_of(node);
    uint32_t k = 0;
    for (uint32_t i = 0; i < b->n; i++) {
        const struct range *r = &b->ranges[i];
        uint32_t end = !by_value ? k + 1 : i + 1 < b->n ? b->ranges[i + 1].start : VALUES;
        if (!by_value)
            node->starts[k] = (uint16_t)r->start;
        if (node->has_children)
            children_of(node)[k] = r->child; /* a range with a child is one value */
        while (k < end)
            sets[k++] = r->set;
    }
    return node;
}

struct route_node *route_node_build(struct route_sets *pool, unsigned level,
                                    struct route_slice slice, const struct route_before *before)
{
    struct builder b = {.pool = pool, .level = level};
    uint32_t from = 0;
    put(&b, 0, NULL, NULL);
    for (uint32_t i = 0, n; i < slice.n; i += n) {
        if (!is_longer(&slice.routes[i], level)) {
            n = group_size(slice, i);
            enter(&b, &slice.routes[i], n);
            continue;
        }
        struct route_slice branch = branch_at(slice, i, level);
        uint32_t value = digit_of(&branch.routes->dst, level);
        struct route_before was = branch_before(before, &from, value, level);
        n = branch.n;
        leave(&b, value);
        put(&b, value, around(&b), branch_build(&b, branch, &was));
        put(&b, value + 1, around(&b), NULL);
    }
    leave(&b, VALUES);
    struct route_node *node = node_of_ranges(&b, level == 0 || level == ROUTE_LEVEL4);
    free(b.ranges);
    return node;
}

struct route_node *route_node_share(struct route_node *node)
{
    __atomic_add_fetch(&node->refs, 1, __ATOMIC_RELAXED);
    return node;
}

void route_node_free(struct route_node *node)
{
    if (!node || __atomic_sub_fetch(&node->refs, 1, __ATOMIC_ACQ_REL) != 0)
        return;
    for (uint32_t i = 0; i < node->n && node->has_children; i++)
        route_node_free(child_at(node, i));
    free(node);
}

size_t route_node_bytes(const struct route_node *node)
{
    if (!node)
        return 0;
    size_t bytes = (node_size(node->n, node->by_value, node->has_children) + 63) / 64 * 64;
    for (uint32_t i = 0; i < node->n && node->has_children; i++)
        bytes += route_node_bytes(child_at(node, i));
    return bytes;
}

/* ---- finding ---- */

unsigned route_node_walk(const struct route_node *root, unsigned level, const struct ip_addr *ip,
                         const struct route_set *sets[ROUTE_LEVELS])
{
    unsigned n = 0;
    for (const struct route_node *node = root; node; level++) {
        uint32_t slot = slot_of(node, digit_of(ip, level));
        const struct route_set *set = sets_of(node)[slot];
        if (set)
            sets[n++] = set;
        node = child_at(node, slot);
    }
    return n;
}

const struct route_set *route_node_find(const struct route_node *root, unsigned level,
                                        const struct ip_addr *ip)
{
    const struct route_set *best = NULL;
    for (const struct route_node *node = root; node; level++) {
        uint32_t slot = slot_of(node, digit_of(ip, level));
        const struct route_set *set = sets_of(node)[slot];
        node = child_at(node, slot);
        best = set ? set : best;
    }
    return best;
}
