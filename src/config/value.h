/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Values by type: words to JSON and back (reference 1.7). No tree, no references: whether a named
 * object exists is the tree's question. Inside config/ only; any thread.
 */
#pragma once

#include "base/addr.h"
#include "config/errors.h"
#include "config/schema.h"

#include <jansson.h>

/*
 * The words after `set <attr>` as the stored value: canonical, so that equal settings are equal
 * JSON. 0 with a new reference in *out, or a FortiOS code with its text.
 */
int value_parse(const struct schema_attr *attr, unsigned n, const struct slice *words, json_t **out,
                struct text *error);

/* A list of options (taken over) in the order of the table, whatever the order they were typed in.
 */
json_t *value_in_table_order(const struct schema_attr *attr, json_t *list);

/* The default as a new reference, NULL where there is none. */
json_t *value_default(const struct schema_attr *attr);

/* The value says nothing: equal to the default, an empty string or an empty list. */
bool value_is_default(const struct schema_attr *attr, const json_t *value);

/* Append without quotes: a number, a word, the items of a list separated by blanks. */
void value_print_plain(const json_t *value, struct text *out);

/* A key or name that FortiOS would refuse: -1 (too long), -56 (empty), -173 (characters). */
int value_check_name(struct slice name, size_t max, struct text *error);

/* An inclusive range written "5", "5-9"; both at most `max`, first not above last. 0 or -EINVAL. */
int value_span(struct slice text, uint32_t max, uint32_t *first, uint32_t *last);

/* "a.b.c.d m.m.m.m" as stored. 0 or -EINVAL. */
int value_net(struct slice text, be32 *ip, be32 *mask);

/* "a.b.c.d" or "a.b.c.d-a.b.c.d" in host order. 0, -EINVAL, or -ERANGE where it is reversed. */
int value_ip_span(struct slice text, uint32_t *first, uint32_t *last);
/* The same, or "a.b.c.d/len". */
int value_ip_filter(struct slice text, uint32_t *first, uint32_t *last);

/* "address/len". 0, -EINVAL for the address, -EDOM for the length. */
int value_net6(struct slice text, struct ip_addr *ip, uint8_t *len);
/* First and last address of a prefix. */
struct ip_addr value_first6(const struct ip_addr *ip, uint8_t len);
struct ip_addr value_last6(const struct ip_addr *ip, uint8_t len);

/* "xx:xx:xx:xx:xx:xx". 0 or -EINVAL. */
int value_mac(struct slice text, uint8_t mac[6]);

/* "dst[-dst][:src[-src]]"; source 0-65535 where none is written. 0 or -EINVAL. */
struct value_portrange {
    uint32_t dst_first, dst_last, src_first, src_last;
};
int value_portrange(struct slice text, struct value_portrange *out);
