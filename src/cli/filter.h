/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Filters of listings (reference 6.2, 6.6): keys as rows, each with one value or a range and an
 * inversion. A filter lives in the login (cli_filter) and all zeros means "everything".
 */
#pragma once

#include "cli/command.h"

enum filter_kind {
    FILTER_NUMBER,   /* decimal up to `max`, one value or a range */
    FILTER_HEX,      /* hexadecimal bit mask: all its bits must be there */
    FILTER_ADDRESS,  /* IPv4, one value or a range */
    FILTER_ADDRESS6, /* IPv6, one value or a range, kept in address6[max]; no IPv4 row has one */
    FILTER_NAME,     /* a word, kept in names[max] */
    FILTER_VDOM,     /* index; -1 any */
    FILTER_VDOM_NAME /* "root"; "any" and -1 any */
};

struct filter_key {
    const char *name;  /* the last word of its command row */
    const char *label; /* how the printed filter calls it */
    enum filter_kind kind;
    unsigned slot;
    uint32_t max;
    bool ours; /* printed only when set: FortiOS does not have it */
};

enum {
    FILTER_SLOTS = 20,
    FILTER_NAMES = 4,
    FILTER_ADDRESSES6 = 3,
    FILTER_NAME_SIZE = 48
};

struct filter {
    struct {
        uint32_t from, to; /* inclusive; addresses in host order */
        bool set, negate;
    } value[FILTER_SLOTS];
    char names[FILTER_NAMES][FILTER_NAME_SIZE];
    struct {
        struct ip_addr from, to;
    } address6[FILTER_ADDRESSES6];
};

/* Row of `keys` (ends with a NULL name) by its name, or NULL. */
const struct filter_key *filter_key_find(const struct filter_key *keys, struct slice name);

/* The key that the running command's path ends in; asserts that there is one. */
const struct filter_key *filter_key_of_row(const struct cli *cli, const struct filter_key *keys);

/*
 * Read `from [to]` (also `from-to`) for `key`. 0, or a FortiOS return code after printing the
 * reason; the filter is unchanged then.
 */
int filter_set(struct cli *cli, struct filter *filter, const struct filter_key *key, unsigned n,
               const struct slice *args);

/* `negate <key>`: invert the key, whether its value comes before or after; again: back. */
int filter_negate(struct cli *cli, struct filter *filter, const struct filter_key *keys,
                  struct slice name);

/* One line per key, in the layout of FortiOS; `not ` stands before an inverted value. */
void filter_print(const struct filter *filter, const struct filter_key *keys, struct text *out);

/* Whether a row with this value passes the key in `slot`; a key that is not set passes all. */
bool filter_passes(const struct filter *filter, unsigned slot, uint32_t value);
/* For a key that may match in two places (`port`): in either; inverted: in neither. */
bool filter_passes_either(const struct filter *filter, unsigned slot, uint32_t a, uint32_t b);
bool filter_passes_bits(const struct filter *filter, unsigned slot, uint32_t bits);
bool filter_passes_name(const struct filter *filter, unsigned slot, unsigned name, const char *is);
bool filter_passes_address6(const struct filter *filter, unsigned slot, unsigned address6,
                            const struct ip_addr *ip);
/* For a key whose value this row does not have at all: passes when not set, or inverted. */
bool filter_passes_absent(const struct filter *filter, unsigned slot);
