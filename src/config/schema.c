/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Searching the tables. Everything here is a linear walk: the widest node has some two hundred
 * attributes, a person types the words, and a file of ten thousand policies costs ten searches an
 * entry.
 *
 * Paths are matched word by word over all nodes at once. At each position the set of nodes that
 * agree so far offers a set of words; a typed word must equal one of them or be the prefix of
 * exactly one, IPv6 twins (static6 of static) aside. Two nodes that offer the same word are no
 * ambiguity.
 */
#include "config/schema.h"

#include "config/schema_tables.h"

#include <assert.h>

const struct schema_option schema_enable_disable[] = {
    {"enable", "Enable setting."}, {"disable", "Disable setting."}, {0}};

/* Dependency order: whatever a row refers to stands above it. */
static const struct schema_node *const roots[] = {
    &schema_system_global,    &schema_system_console,     &schema_system_settings,
    &schema_system_interface, &schema_system_zone,        &schema_arp_table,
    &schema_neighbor_cache,   &schema_system_session_ttl, &schema_session_helper,
    &schema_dpdk_global,      &schema_dpdk_cpus,          &schema_firewall_address,
    &schema_firewall_addrgrp, &schema_firewall_address6,  &schema_firewall_addrgrp6,
    &schema_service_category, &schema_service_custom,     &schema_service_group,
    &schema_firewall_ippool,  &schema_firewall_vip,       &schema_firewall_vipgrp,
    &schema_schedule,         &schema_voip_profile,       &schema_log_setting,
    &schema_log_filter,       &schema_firewall_policy,    &schema_router_static,
    &schema_router_static6,
};

const struct schema_node *const *schema_roots(unsigned *n)
{
    *n = COUNT(roots);
    return roots;
}

const struct schema_node *schema_root(const char *path)
{
    for (unsigned i = 0; i < COUNT(roots); i++)
        if (strcmp(roots[i]->path, path) == 0)
            return roots[i];
    return NULL;
}

const struct schema_node *schema_child(const struct schema_node *node, const char *word)
{
    for (unsigned i = 0; i < node->n_children; i++)
        if (strcmp(node->children[i].path, word) == 0)
            return &node->children[i];
    assert(!"no such nested node");
    return NULL;
}

const char *schema_node_name(const struct schema_node *node)
{
    const char *blank = strrchr(node->path, ' ');
    return blank ? blank + 1 : node->path;
}

bool schema_is_list(enum schema_type type)
{
    switch (type) {
    case SCHEMA_OPTIONS:
    case SCHEMA_REFERENCES:
    case SCHEMA_PORTRANGES:
    case SCHEMA_PORTS:
    case SCHEMA_IP_FILTERS:
    case SCHEMA_CPUS:
        return true;
    default:
        return false;
    }
}

/* Node `i` among the roots or the children of `parent`, NULL behind the last. */
static const struct schema_node *node_at(const struct schema_node *parent, unsigned i)
{
    if (!parent)
        return i < COUNT(roots) ? roots[i] : NULL;
    return i < parent->n_children ? &parent->children[i] : NULL;
}

/* Word number `at` of a path; n is 0 behind the last. */
static struct slice path_word(const struct schema_node *node, unsigned at)
{
    struct slice rest = slice_str(node->path);
    for (; at > 0 && rest.n; at--)
        rest = slice_skip(rest, slice_find(rest, ' ') + 1);
    return slice_head(rest, slice_find(rest, ' '));
}

static bool starts(struct slice s, struct slice prefix)
{
    return s.n >= prefix.n && slice_eq(slice_head(s, prefix.n), prefix);
}

/*
 * The full words found so far, or why the search stopped. `chosen` holds one slice per matched
 * word; no path is longer than PATH_WORDS.
 */
enum {
    PATH_WORDS = 6
};

static bool agrees(const struct schema_node *node, unsigned n, const struct slice *chosen)
{
    for (unsigned i = 0; i < n; i++)
        if (!slice_eq(path_word(node, i), chosen[i]))
            return false;
    return true;
}

/* The words that can stand at `at`, given the words before it, and begin as typed; one a call. */
static struct slice next_word(const struct schema_node *parent, unsigned at,
                              const struct slice *chosen, struct slice typed, unsigned *i)
{
    const struct schema_node *node;
    while ((node = node_at(parent, (*i)++))) {
        struct slice word = agrees(node, at, chosen) ? path_word(node, at) : SLICE_NONE;
        if (word.n && starts(word, typed))
            return word;
    }
    return SLICE_NONE;
}

/* Is it the IPv6 twin of `word`: the same with a 6 behind it? */
static bool is_twin(struct slice twin, struct slice word)
{
    return twin.n == word.n + 1 && starts(twin, word) && twin.p[word.n] == '6';
}

/*
 * What word `at` can be: the one typed in full; else the only one that begins so, its IPv6 twin
 * aside: `stat` is static beside static6.
 */
static enum schema_miss choose_word(const struct schema_node *parent, unsigned at,
                                    struct slice *chosen, struct slice typed)
{
    struct slice found = SLICE_NONE, word;
    for (unsigned i = 0; (word = next_word(parent, at, chosen, typed, &i)).n;)
        if (!found.n || word.n < found.n)
            found = word;
    chosen[at] = found;
    for (unsigned i = 0; found.n > typed.n && (word = next_word(parent, at, chosen, typed, &i)).n;)
        if (!slice_eq(word, found) && !is_twin(word, found))
            return SCHEMA_AMBIGUOUS;
    return found.n ? SCHEMA_FOUND : SCHEMA_UNKNOWN;
}

/* The node whose path is exactly the `n` chosen words, or NULL. */
static const struct schema_node *node_of(const struct schema_node *parent, unsigned n,
                                         const struct slice *chosen)
{
    const struct schema_node *node;
    for (unsigned i = 0; (node = node_at(parent, i)); i++)
        if (agrees(node, n, chosen) && path_word(node, n).n == 0)
            return node;
    return NULL;
}

enum schema_miss schema_path_find(const struct schema_node *parent, unsigned n,
                                  const struct slice *words, unsigned *used,
                                  const struct schema_node **node)
{
    struct slice chosen[PATH_WORDS + 1];
    for (unsigned at = 0; at < n && at < PATH_WORDS; at++) {
        *used = at;
        if (words[at].n == 0)
            return SCHEMA_UNKNOWN;
        enum schema_miss miss = choose_word(parent, at, chosen, words[at]);
        if (miss != SCHEMA_FOUND)
            return miss;
        const struct schema_node *found = node_of(parent, at + 1, chosen);
        if (found) {
            *node = found;
            *used = at + 1;
            return SCHEMA_FOUND;
        }
    }
    *used = n;
    return SCHEMA_SHORT;
}

static bool already(const struct schema_option *out, unsigned n, struct slice word)
{
    for (unsigned i = 0; i < n; i++)
        if (slice_eq(slice_str(out[i].word), word))
            return true;
    return false;
}

/*
 * The schema holds whole paths; a word in the middle of one has no zero byte behind it, so the few
 * that are not last are spelled here once more.
 */
static const char *whole_word(struct slice word)
{
    static const char *const middles[] = {"system", "firewall", "service", "schedule", "voip",
                                          "router", "dpdk",     "log",     "syslogd"};
    for (unsigned i = 0; i < COUNT(middles); i++)
        if (slice_eq(slice_str(middles[i]), word))
            return middles[i];
    assert(!"a path word is missing in whole_word");
    return "";
}

unsigned schema_path_next(const struct schema_node *parent, unsigned n, const struct slice *words,
                          struct slice prefix, struct schema_option *out, unsigned max)
{
    struct slice chosen[PATH_WORDS + 1];
    unsigned count = 0;
    for (unsigned at = 0; at < n; at++)
        if (at == PATH_WORDS || words[at].n == 0 ||
            choose_word(parent, at, chosen, words[at]) != SCHEMA_FOUND)
            return 0;
    const struct schema_node *node;
    for (unsigned i = 0; (node = node_at(parent, i)) && count < max; i++) {
        struct slice word = agrees(node, n, chosen) ? path_word(node, n) : SLICE_NONE;
        if (word.n == 0 || !starts(word, prefix) || already(out, count, word))
            continue;
        bool last = word.p[word.n] == '\0';
        out[count++] = (struct schema_option){.word = last ? word.p : whole_word(word),
                                              .help = last ? node->help : NULL};
    }
    return count;
}

enum schema_miss schema_attr_find(const struct schema_node *node, struct slice name,
                                  const struct schema_attr **attr)
{
    const struct schema_attr *found = NULL;
    unsigned hits = 0;
    for (unsigned i = 0; i < node->n_attrs && name.n; i++) {
        struct slice word = slice_str(node->attrs[i].name);
        if (!starts(word, name))
            continue;
        found = &node->attrs[i];
        hits++;
        if (word.n == name.n) {
            hits = 1;
            break;
        }
    }
    if (hits != 1)
        return hits ? SCHEMA_AMBIGUOUS : SCHEMA_UNKNOWN;
    *attr = found;
    return SCHEMA_FOUND;
}

const struct schema_attr *schema_attr(const struct schema_node *node, const char *name)
{
    for (unsigned i = 0; i < node->n_attrs; i++)
        if (strcmp(node->attrs[i].name, name) == 0)
            return &node->attrs[i];
    assert(!"no such attribute");
    return NULL;
}

const struct schema_option *schema_option(const struct schema_attr *attr, struct slice word)
{
    for (const struct schema_option *o = attr->options; o && o->word; o++)
        if (slice_eq(slice_str(o->word), word))
            return o;
    return NULL;
}
