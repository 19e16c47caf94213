/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Every setting as a row. The tables behind this header are the only source of parsing, `?` help,
 * completion, defaults, ranges, references, `show` and `get`. Constant data: any thread, for ever.
 *
 * A node is a single object ("system global", `config sip` in a profile) or a table of entries with
 * a string or integer key ("firewall policy"). Root nodes are found by a path of several words.
 * Names of attributes and words of paths may be given as unambiguous prefixes; a word that matches
 * in full wins over longer ones, and in paths a word over its IPv6 twin (static, static6).
 */
#pragma once

#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

enum schema_type {     /* stored in the tree as ... */
    SCHEMA_STRING,     /* string; `max` bytes */
    SCHEMA_INTEGER,    /* integer, `min` to `max`, or `special` */
    SCHEMA_TTL,        /* the same, or the string "never" */
    SCHEMA_OPTION,     /* string, one of `options` */
    SCHEMA_OPTIONS,    /* array of strings out of `options`, in their order */
    SCHEMA_REFERENCE,  /* string, a key of one of `tables` or the word `literal` */
    SCHEMA_REFERENCES, /* array of such strings, as typed */
    SCHEMA_IPV4,       /* string "a.b.c.d" */
    SCHEMA_IPV4_NET,   /* string "a.b.c.d m.m.m.m", host bits kept */
    SCHEMA_MAC,        /* string "xx:xx:xx:xx:xx:xx" */
    SCHEMA_UUID,       /* string 8-4-4-4-12 */
    SCHEMA_PORTRANGES, /* array of strings "dst[-dst][:src[-src]]" */
    SCHEMA_PORT_SPAN,  /* string "low-high" */
    SCHEMA_PORTS,      /* array of integers, at most `max_items` */
    SCHEMA_PORT_RANGE, /* string "5060" or "5060-5070" */
    SCHEMA_IP_SPAN,    /* string "a.b.c.d" or "a.b.c.d-a.b.c.d" */
    SCHEMA_IP_FILTERS, /* array of strings "a.b.c.d", "a.b.c.d/len" or "a.b.c.d-a.b.c.d" */
    SCHEMA_IPV6,       /* string in the form of RFC 5952 */
    SCHEMA_IPV6_NET,   /* string "address/len", host bits kept */
    SCHEMA_CPUS,       /* array of strings "1" or "1-3" */
    SCHEMA_TIME,       /* string "hh:mm" */
};

enum schema_flag {
    SCHEMA_INERT = 1,       /* kept and shown, no effect in this version: setting it warns */
    SCHEMA_ALWAYS = 2,      /* `show` prints it even when it holds its default */
    SCHEMA_MANDATORY = 4,   /* an entry without it is refused at next/end */
    SCHEMA_NAME = 8,        /* characters < > ( ) # ' " are refused (-173) */
    SCHEMA_SPECIAL = 16,    /* `special` is allowed besides min..max */
    SCHEMA_SHOW_UNSET = 32, /* `show` prints `unset <name>` when it has no value */
    SCHEMA_BRIEF = 64,      /* part of the one-line listing `get` gives for a table */
    SCHEMA_QUOTED = 128,    /* `show` quotes it, whatever its type */
};

struct schema_option {
    const char *word, *help;
    bool inert; /* of attribute options: accepted, but without effect in this version; `lacks` of
                 * the attribute may say why */
    const char *same_as; /* stored and printed as this other option */
};

struct schema_attr {
    const char *name;
    enum schema_type type;
    unsigned flags;
    const char *initial;                 /* default as it would be typed; NULL: no value */
    uint32_t min, max;                   /* range of a number; max: bytes of a string */
    uint32_t special;                    /* with SCHEMA_SPECIAL */
    uint32_t max_items;                  /* of list types; 0: WORDS_MAX */
    const struct schema_option *options; /* ends with a NULL word */
    const char *const *tables;           /* root paths that may be referred to; NULL ends */
    const char *literal;                 /* a word accepted beside references ("any") */
    /* Exists only while attribute `when` of the same entry holds one of the blank-separated words
     * `when_is`, and exists itself; NULL: always. */
    const char *when, *when_is;
    const char *lacks; /* with SCHEMA_INERT: what is not there that it would need; NULL: not said */
    const char *partly; /* what of its effect is not there; setting it warns. NULL: all is there */
    const char *help;
};

enum schema_kind {
    SCHEMA_OBJECT,
    SCHEMA_TABLE_STRING,
    SCHEMA_TABLE_INTEGER
};

struct schema_node {
    const char *path; /* "firewall service custom"; of a nested node one word, "sip" */
    enum schema_kind kind;
    bool ordered;         /* integer keys keep their order (`move`); else sorted by number */
    const char *key_name; /* of tables: "name", "policyid" */
    uint32_t key_min;     /* lowest integer key */
    uint32_t key_max;     /* bytes of a string key, or the highest integer key */
    const char *const *keys_fixed; /* entries that cannot be deleted or renamed; NULL none */
    const struct schema_attr *attrs;
    unsigned n_attrs;
    const struct schema_node *children; /* nested objects and tables */
    unsigned n_children;
    const char *help;
};

static inline bool schema_is_table(const struct schema_node *node)
{
    return node->kind != SCHEMA_OBJECT;
}

/* Takes several values, so that append, select and unselect apply. */
bool schema_is_list(enum schema_type type);

/* Last word of the node's path: what the prompt shows. */
const char *schema_node_name(const struct schema_node *node);

/* All root nodes in dependency order: the order of a whole `show`. */
const struct schema_node *const *schema_roots(unsigned *n);

/* Root node by its full path, or NULL. */
const struct schema_node *schema_root(const char *path);

/* How a name search ended, where it did not end in a result. */
enum schema_miss {
    SCHEMA_FOUND,
    SCHEMA_UNKNOWN,
    SCHEMA_AMBIGUOUS,
    SCHEMA_SHORT /* of paths: the words so far are right, more are needed */
};

/*
 * Match words against the root paths (`parent` NULL) or the children of `parent`. On SCHEMA_FOUND
 * *node is the node and *used the number of words it took; else *used is the index of the word
 * that is wrong.
 */
enum schema_miss schema_path_find(const struct schema_node *parent, unsigned n,
                                  const struct slice *words, unsigned *used,
                                  const struct schema_node **node);

/*
 * The words that can stand after the `n` given path words, each once, `prefix`-filtered, with the
 * help of the node where the path ends there (else NULL). Writes at most `max`; returns how many.
 */
unsigned schema_path_next(const struct schema_node *parent, unsigned n, const struct slice *words,
                          struct slice prefix, struct schema_option *out, unsigned max);

/* Attribute by full name or unambiguous prefix. */
enum schema_miss schema_attr_find(const struct schema_node *node, struct slice name,
                                  const struct schema_attr **attr);

/* Attribute by full name; asserts that it exists. For code that reads settings. */
const struct schema_attr *schema_attr(const struct schema_node *node, const char *name);

/* Nested node by its full word, asserts that it exists. */
const struct schema_node *schema_child(const struct schema_node *node, const char *word);

/* Option by full word, or NULL. */
const struct schema_option *schema_option(const struct schema_attr *attr, struct slice word);
