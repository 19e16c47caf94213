/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One item parser per type; a list is its item parser over several words without repeats. Numbers
 * become JSON integers, the rest canonical text: a range with equal ends is one port, a prefix
 * length is a mask, MAC addresses are lower case. Two spellings of one setting are thus one value,
 * and "differs from the default" is a comparison of JSON.
 */
#include "config/value.h"

#include "config/value_item.h"
#include "config/words.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* Text from here goes to JSON, prompts and files: no control bytes but tab and line ends. */
int value_make_string(struct slice s, json_t **out, struct text *error)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f)
            return error_value(error, "invalid input", SLICE_NONE, ERROR_WORD);
    }
    json_t *string = json_stringn(s.p ? s.p : "", s.n);
    if (!string)
        return error_value(error, "invalid input", SLICE_NONE, ERROR_WORD);
    *out = string;
    return 0;
}

int value_check_name(struct slice name, size_t max, struct text *error)
{
    if (name.n == 0)
        return error_value(error, "empty values are not allowed", name, ERROR_EMPTY);
    if (name.n > max)
        return error_too_long(error, name, max);
    for (size_t i = 0; i < name.n; i++) {
        unsigned char c = (unsigned char)name.p[i];
        if (c < 0x20 || c == 0x7f || strchr("<>()#'\"", c))
            return error_value(error, "The string contains XSS vulnerability characters", name,
                               ERROR_CHARACTERS);
    }
    return 0;
}

static int item_string(const struct schema_attr *attr, struct slice word, json_t **out,
                       struct text *error)
{
    if (word.n > attr->max)
        return error_too_long(error, word, attr->max);
    if (word.n == 0 && attr->initial)
        return error_value(error, "empty values are not allowed", word, ERROR_EMPTY);
    if ((attr->flags & SCHEMA_NAME) && word.n) {
        int code = value_check_name(word, attr->max, error);
        if (code)
            return code;
    }
    return value_make_string(word, out, error);
}

static int item_integer(const struct schema_attr *attr, struct slice word, json_t **out,
                        struct text *error)
{
    uint32_t v = 0;
    int rc = slice_u32(word, UINT32_MAX, &v);
    if (rc == -EINVAL)
        return error_value(error, "invalid unsigned integer value", word, ERROR_NUMBER);
    bool special = (attr->flags & SCHEMA_SPECIAL) && v == attr->special;
    if (rc || (!special && (v < attr->min || v > attr->max)))
        return error_check(error, attr->name, word, ERROR_VALUE);
    *out = json_integer(v);
    return 0;
}

static int item_ttl(const struct schema_attr *attr, struct slice word, json_t **out,
                    struct text *error)
{
    if (slice_eq(word, SLICE_LIT("never")))
        return value_make_string(word, out, error);
    return item_integer(attr, word, out, error);
}

static int item_option(const struct schema_attr *attr, struct slice word, json_t **out,
                       struct text *error)
{
    const struct schema_option *option = schema_option(attr, word);
    if (!option)
        return error_word(error, word);
    *out = json_string(option->same_as ? option->same_as : option->word);
    return 0;
}

static int item_reference(const struct schema_attr *attr, struct slice word, json_t **out,
                          struct text *error)
{
    if (word.n > attr->max)
        return error_too_long(error, word, attr->max);
    return value_make_string(word, out, error);
}

int value_mac(struct slice text, uint8_t mac[6])
{
    static const char digits[] = "0123456789abcdef";
    uint8_t bytes[6];
    if (text.n != 17)
        return -EINVAL;
    for (unsigned i = 0; i < 6; i++) {
        const char *p = text.p + 3 * i;
        const char *high = memchr(digits, ascii_lower(p[0]), 16);
        const char *low = memchr(digits, ascii_lower(p[1]), 16);
        if (!high || !low || (i < 5 && p[2] != ':'))
            return -EINVAL;
        bytes[i] = (uint8_t)((high - digits) << 4 | (low - digits));
    }
    memcpy(mac, bytes, sizeof(bytes));
    return 0;
}

static int item_mac(const struct schema_attr *attr, struct slice word, json_t **out,
                    struct text *error)
{
    (void)attr;
    static const uint8_t zero[6];
    uint8_t m[6];
    /* A group address cannot be anybody's own (IEEE 802, lowest bit of the first byte). */
    if (value_mac(word, m) != 0 || (m[0] & 1) || memcmp(m, zero, sizeof(m)) == 0)
        return error_value(error, "invalid mac address", word, ERROR_MAC);
    *out = json_sprintf("%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5]);
    return 0;
}

static int item_uuid(const struct schema_attr *attr, struct slice word, json_t **out,
                     struct text *error)
{
    static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    bool good = word.n == sizeof(form) - 1;
    for (size_t i = 0; good && i < word.n; i++) {
        char c = ascii_lower(word.p[i]);
        good = form[i] == '-' ? c == '-' : ascii_digit(c) || (c >= 'a' && c <= 'f');
    }
    if (!good)
        return error_check(error, attr->name, word, ERROR_VALUE);
    return value_make_string(word, out, error);
}

int value_span(struct slice text, uint32_t max, uint32_t *first, uint32_t *last)
{
    size_t dash = slice_find(text, '-');
    uint32_t low, high;
    if (slice_u32(slice_head(text, dash), max, &low) != 0)
        return -EINVAL;
    high = low;
    if (dash < text.n && slice_u32(slice_skip(text, dash + 1), max, &high) != 0)
        return -EINVAL;
    if (low > high)
        return -EINVAL;
    *first = low;
    *last = high;
    return 0;
}

int value_portrange(struct slice text, struct value_portrange *out)
{
    struct value_portrange r = {.src_last = 65535};
    size_t colon = slice_find(text, ':');
    if (value_span(slice_head(text, colon), 65535, &r.dst_first, &r.dst_last) != 0)
        return -EINVAL;
    if (colon < text.n &&
        value_span(slice_skip(text, colon + 1), 65535, &r.src_first, &r.src_last) != 0)
        return -EINVAL;
    *out = r;
    return 0;
}

/* Writes "5" or "5-9"; `to` has 24 bytes. */
static int print_span(uint32_t first, uint32_t last, char *to)
{
    if (first == last)
        return snprintf(to, 24, "%u", first);
    return snprintf(to, 24, "%u-%u", first, last);
}

static int item_portrange(const struct schema_attr *attr, struct slice word, json_t **out,
                          struct text *error)
{
    struct value_portrange r;
    char dst[24], src[24];
    if (value_portrange(word, &r) != 0)
        return error_check(error, attr->name, word, ERROR_PORTRANGE);
    print_span(r.dst_first, r.dst_last, dst);
    print_span(r.src_first, r.src_last, src);
    bool any_source = slice_find(word, ':') == word.n;
    *out = any_source ? json_string(dst) : json_sprintf("%s:%s", dst, src);
    return 0;
}

static int item_port_span(const struct schema_attr *attr, struct slice word, json_t **out,
                          struct text *error)
{
    uint32_t first, last;
    if (slice_find(word, '-') == word.n || value_span(word, attr->max, &first, &last) != 0 ||
        first < attr->min)
        return error_check(error, attr->name, word, ERROR_PORTRANGE);
    *out = json_sprintf("%u-%u", first, last);
    return 0;
}

static int item_port_range(const struct schema_attr *attr, struct slice word, json_t **out,
                           struct text *error)
{
    uint32_t first, last;
    char range[24];
    if (value_span(word, attr->max, &first, &last) != 0 || first < attr->min)
        return error_check(error, attr->name, word, ERROR_PORTRANGE);
    print_span(first, last, range);
    *out = json_string(range);
    return 0;
}

static int item_cpus(const struct schema_attr *attr, struct slice word, json_t **out,
                     struct text *error)
{
    uint32_t first, last;
    char span[24];
    if (value_span(word, attr->max, &first, &last) != 0)
        return error_check(error, attr->name, word, ERROR_VALUE);
    print_span(first, last, span);
    *out = json_string(span);
    return 0;
}

static int item_time(const struct schema_attr *attr, struct slice word, json_t **out,
                     struct text *error)
{
    uint32_t hour, minute;
    size_t colon = slice_find(word, ':');
    if (colon > 2 || word.n != colon + 3 || slice_u32(slice_head(word, colon), 23, &hour) != 0 ||
        slice_u32(slice_skip(word, colon + 1), 59, &minute) != 0)
        return error_check(error, attr->name, word, ERROR_VALUE);
    *out = json_sprintf("%02u:%02u", hour, minute);
    return 0;
}

static item_parser *const item_parsers[] = {
    [SCHEMA_STRING] = item_string,
    [SCHEMA_INTEGER] = item_integer,
    [SCHEMA_TTL] = item_ttl,
    [SCHEMA_OPTION] = item_option,
    [SCHEMA_OPTIONS] = item_option,
    [SCHEMA_REFERENCE] = item_reference,
    [SCHEMA_REFERENCES] = item_reference,
    [SCHEMA_IPV4] = item_ipv4,
    [SCHEMA_MAC] = item_mac,
    [SCHEMA_UUID] = item_uuid,
    [SCHEMA_PORTRANGES] = item_portrange,
    [SCHEMA_PORT_SPAN] = item_port_span,
    [SCHEMA_PORTS] = item_integer,
    [SCHEMA_PORT_RANGE] = item_port_range,
    [SCHEMA_IP_SPAN] = item_ip_span,
    [SCHEMA_IP_FILTERS] = item_ip_filter,
    [SCHEMA_IPV6] = item_ipv6,
    [SCHEMA_IPV6_NET] = item_ipv6_net,
    [SCHEMA_CPUS] = item_cpus,
    [SCHEMA_TIME] = item_time,
};

static bool list_has(const json_t *list, const json_t *item)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        if (json_equal(json_array_get(list, i), item))
            return true;
    return false;
}

json_t *value_in_table_order(const struct schema_attr *attr, json_t *list)
{
    json_t *sorted = json_array();
    for (const struct schema_option *o = attr->options; o->word; o++)
        for (size_t i = 0; i < json_array_size(list); i++)
            if (strcmp(json_string_value(json_array_get(list, i)), o->word) == 0)
                json_array_append(sorted, json_array_get(list, i));
    json_decref(list);
    return sorted;
}

static int parse_list(const struct schema_attr *attr, unsigned n, const struct slice *words,
                      json_t **out, struct text *error)
{
    json_t *list = json_array();
    /* Long lists (a thousand group members) find repeats by name, not by comparing all pairs. */
    json_t *seen = attr->type == SCHEMA_REFERENCES ? json_object() : NULL;
    int code = 0;
    for (unsigned i = 0; i < n && code == 0; i++) {
        json_t *item = NULL;
        code = item_parsers[attr->type](attr, words[i], &item, error);
        if (code)
            break;
        const char *name = seen ? json_string_value(item) : NULL;
        bool repeated = seen ? json_object_get(seen, name) != NULL : list_has(list, item);
        if (!repeated && attr->max_items && json_array_size(list) == attr->max_items)
            code = error_value(error, "maximum number of entries has been reached", words[i],
                               ERROR_TOO_MANY);
        else if (!repeated)
            json_array_append(list, item);
        if (seen)
            json_object_set_new(seen, name, json_true());
        json_decref(item);
    }
    json_decref(seen);
    if (code) {
        json_decref(list);
        return code;
    }
    *out = attr->type == SCHEMA_OPTIONS ? value_in_table_order(attr, list) : list;
    return 0;
}

int value_parse(const struct schema_attr *attr, unsigned n, const struct slice *words, json_t **out,
                struct text *error)
{
    if (n == 0)
        return error_incomplete(error);
    if (schema_is_list(attr->type))
        return parse_list(attr, n, words, out, error);
    if (attr->type == SCHEMA_IPV4_NET)
        return value_parse_net(n, words, out, error);
    if (n > 1)
        return error_word(error, words[1]);
    return item_parsers[attr->type](attr, words[0], out, error);
}

json_t *value_default(const struct schema_attr *attr)
{
    if (!attr->initial)
        return NULL;
    struct text error = {0};
    struct slice words[16];
    unsigned n = 0;
    struct slice rest = slice_str(attr->initial);
    while (rest.n && n < 16) {
        size_t blank = attr->type == SCHEMA_STRING ? rest.n : slice_find(rest, ' ');
        words[n++] = slice_head(rest, blank);
        rest = slice_skip(rest, blank + 1);
    }
    json_t *value = NULL;
    int code = value_parse(attr, n, words, &value, &error);
    assert(code == 0 && "a default in the schema is no value of its type");
    (void)code;
    text_free(&error);
    return value;
}

bool value_is_default(const struct schema_attr *attr, const json_t *value)
{
    json_t *initial = value_default(attr);
    bool equal = initial && json_equal(initial, value);
    json_decref(initial);
    return equal || (json_is_string(value) && json_string_length(value) == 0) ||
           (json_is_array(value) && json_array_size(value) == 0);
}

void value_print_plain(const json_t *value, struct text *out)
{
    if (json_is_integer(value)) {
        text_printf(out, "%lld", (long long)json_integer_value(value));
    } else if (json_is_string(value)) {
        text_put(out, slice_of(json_string_value(value), json_string_length(value)));
    } else {
        for (size_t i = 0; i < json_array_size(value); i++) {
            if (i)
                text_puts(out, " ");
            value_print_plain(json_array_get(value, i), out);
        }
    }
}
