/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Parsers of one word each: what the value*.c files share. Inside config/ only.
 */
#pragma once

#include "config/value.h"

/* 0 with a new reference in *out, or a FortiOS code with its text. */
typedef int item_parser(const struct schema_attr *attr, struct slice word, json_t **out,
                        struct text *error);

/* The word as it stands, refused where it holds control bytes or is not UTF-8. */
int value_make_string(struct slice word, json_t **out, struct text *error);

item_parser item_ipv4, item_ip_span, item_ip_filter, item_ipv6, item_ipv6_net;

/* "A.B.C.D/len" or two words. */
int value_parse_net(unsigned n, const struct slice *words, json_t **out, struct text *error);
