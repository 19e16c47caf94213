/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the rows_*.c files share while rows are being made. Inside config/ only.
 */
#pragma once

#include "config/check_entry.h"
#include "config/rows.h"
#include "config/store.h"

struct owned_rows;

struct rows_maker {
    const struct config_tree *tree;
    struct text *error;
    struct config_rows *rows;
    struct owned_rows *owner;
    /* name to row number */
    json_t *interfaces, *addresses, *addresses6, *services, *profiles, *vips, *pools;
};

/* Zeroed memory that lives with the rows. */
void *rows_alloc(struct rows_maker *maker, size_t n, size_t size);
const char *rows_string(struct rows_maker *maker, const char *s);

/* Always -1, with the place and the reason in the maker's error. */
int rows_fail(struct rows_maker *maker, const char *root, const char *key, const char *attr,
              const char *reason);

/* A table with its keys in printing order. */
struct rows_table {
    const struct schema_node *node;
    struct tree_path path;
    const json_t *entries; /* by key; NULL when empty */
    const char **keys;
    unsigned n;
};
struct rows_table rows_open(struct rows_maker *maker, const char *root);
const json_t *rows_entry(const struct rows_table *table, unsigned i);
void rows_close(struct rows_table *table);

/* Row number of `name`; 0 or -1. */
int rows_index(const json_t *index, const char *name, uint16_t *out);
void rows_index_put(json_t *index, const char *name, unsigned row);

/* 0, or -1 where `n` rows of the table are more than an index can name. */
int rows_check_count(struct rows_maker *maker, const struct rows_table *table, unsigned n);

/* A list of names in the entry `key` of the table `root`. */
struct rows_names {
    const char *root, *key, *attr; /* where it stands, for the reason */
    const json_t *list;
    const json_t *index;
    const char *any;            /* a word that is no name; NULL none */
    const char *group, *member; /* names of this root table stand for the names in that list */
    bool may_miss;              /* leave out what is not in the index */
};

/* Row numbers of the names, ascending, each once; *is_any when `any` is among them (then there are
 * none). 0 or -1. */
int rows_resolve(struct rows_maker *maker, const struct rows_names *names, const uint16_t **out,
                 uint16_t *n_out, bool *is_any);

/* Sort and join ranges that overlap or touch; how many are left. */
uint32_t rows_join_ranges(struct row_range *ranges, uint32_t n);

/* ---- values, defaults filled in ---- */

uint32_t rows_number(const struct schema_node *node, const json_t *entry, const char *name);
bool rows_enabled(const struct schema_node *node, const json_t *entry, const char *name);
/* Place of the option among `n` words, whose order is that of an enum; 0 where it is none of them.
 */
unsigned rows_choice(const struct schema_node *node, const json_t *entry, const char *name,
                     const char *const *words, unsigned n);
bool rows_list_has(const json_t *list, const char *word);

/*
 * A zone lets its members reach each other: addresses, addresses6 and services then end in a row
 * without a name that everything matches.
 */
bool rows_zones_allow(const struct rows_maker *maker);

/* What an entry says by itself, without names of other entries: for the checks too. */
void rows_read_vip(const struct schema_node *node, const json_t *entry, struct row_vip *row);
void rows_read_pool(const struct schema_node *node, const json_t *entry, struct row_pool *row);
/* A profile out of its entry; NULL: everything at its default. */
void rows_read_profile(struct rows_maker *maker, const char *name, const json_t *entry,
                       struct row_voip_profile *row);
/* The checks and limits of `config sip`. */
void rows_read_voip(const struct schema_node *node, const json_t *sip, struct voip_rules *rules);
/* A list of addresses, subnets and ranges; `ranges` has room for all; how many. */
uint32_t rows_read_filter(const json_t *list, struct row_range *ranges);

/* ---- tables ---- */

void rows_make_global(struct rows_maker *maker);

/* Each 0, or -1 with the reason in the maker's error. */
int rows_make_dpdk(struct rows_maker *maker);
int rows_make_interfaces(struct rows_maker *maker);
int rows_make_port_ttls(struct rows_maker *maker);
int rows_make_addresses(struct rows_maker *maker);
int rows_make_addresses6(struct rows_maker *maker);
int rows_make_vips(struct rows_maker *maker);
int rows_make_pools(struct rows_maker *maker);
int rows_make_routes(struct rows_maker *maker);
int rows_make_routes6(struct rows_maker *maker);
int rows_make_neighbours(struct rows_maker *maker);
int rows_make_services(struct rows_maker *maker);
int rows_make_helper(struct rows_maker *maker);
int rows_make_policies(struct rows_maker *maker);
