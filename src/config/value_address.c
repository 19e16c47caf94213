/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Addresses, networks and ranges as values. All of them are stored in one spelling - RFC 5952 for
 * IPv6, a mask for IPv4 networks, no range with equal ends - so that equal settings are equal text.
 * An IPv4 address in IPv6 form (::ffff:a.b.c.d) never stands in a packet header and is refused.
 */
#include "config/value_item.h"

#include <errno.h>
#include <stdio.h>

static int bad_ip(struct text *error, struct slice word)
{
    return error_value(error, "invalid ip address", word, ERROR_IP);
}

static int bad_mask(struct text *error)
{
    error_object(error, "invalid netmask.", ERROR_MASK);
    return ERROR_MASK;
}

/* ---- IPv4 ---- */

int item_ipv4(const struct schema_attr *attr, struct slice word, json_t **out, struct text *error)
{
    (void)attr;
    be32 ip;
    if (ipv4_parse(word, &ip) != 0)
        return bad_ip(error, word);
    return value_make_string(word, out, error);
}

int value_ip_span(struct slice text, uint32_t *first, uint32_t *last)
{
    size_t dash = slice_find(text, '-');
    be32 low, high;
    if (ipv4_parse(slice_head(text, dash), &low) != 0)
        return -EINVAL;
    high = low;
    if (dash < text.n && ipv4_parse(slice_skip(text, dash + 1), &high) != 0)
        return -EINVAL;
    if (be32_host(low) > be32_host(high))
        return -ERANGE;
    *first = be32_host(low);
    *last = be32_host(high);
    return 0;
}

/* "a.b.c.d" or "a.b.c.d-a.b.c.d" of a range in host order. */
static json_t *make_span(uint32_t first, uint32_t last)
{
    char low[IPV4_TEXT_MAX], high[IPV4_TEXT_MAX];
    ipv4_print(be32_of(first), low);
    ipv4_print(be32_of(last), high);
    return first == last ? json_string(low) : json_sprintf("%s-%s", low, high);
}

int item_ip_span(const struct schema_attr *attr, struct slice word, json_t **out,
                 struct text *error)
{
    uint32_t first, last;
    int rc = value_ip_span(word, &first, &last);
    if (rc == -ERANGE)
        return error_check(error, attr->name, word, ERROR_RANGE_REVERSED);
    if (rc)
        return bad_ip(error, word);
    *out = make_span(first, last);
    return 0;
}

int value_ip_filter(struct slice text, uint32_t *first, uint32_t *last)
{
    size_t slash = slice_find(text, '/');
    uint32_t len;
    be32 ip;
    if (slash == text.n)
        return value_ip_span(text, first, last);
    if (ipv4_parse(slice_head(text, slash), &ip) != 0 ||
        slice_u32(slice_skip(text, slash + 1), 32, &len) != 0)
        return -EINVAL;
    *first = be32_host(ip & ipv4_mask(len));
    *last = be32_host(ip | ~ipv4_mask(len));
    return 0;
}

int item_ip_filter(const struct schema_attr *attr, struct slice word, json_t **out,
                   struct text *error)
{
    uint32_t first, last;
    int rc = value_ip_filter(word, &first, &last);
    if (rc == -ERANGE)
        return error_check(error, attr->name, word, ERROR_RANGE_REVERSED);
    if (rc)
        return bad_ip(error, word);
    if (slice_find(word, '/') < word.n)
        return value_make_string(word, out, error);
    *out = make_span(first, last);
    return 0;
}

int value_net(struct slice text, be32 *ip, be32 *mask)
{
    size_t blank = slice_find(text, ' ');
    be32 address, bits;
    if (ipv4_parse(slice_head(text, blank), &address) != 0 ||
        ipv4_parse(slice_skip(text, blank + 1), &bits) != 0 || ipv4_mask_len(bits) < 0)
        return -EINVAL;
    *ip = address;
    *mask = bits;
    return 0;
}

int value_parse_net(unsigned n, const struct slice *words, json_t **out, struct text *error)
{
    char ip_text[IPV4_TEXT_MAX], mask_text[IPV4_TEXT_MAX];
    size_t slash = slice_find(words[0], '/');
    bool with_len = slash < words[0].n;
    be32 ip, mask;
    if (ipv4_parse(slice_head(words[0], slash), &ip) != 0)
        return bad_ip(error, words[0]);
    if (!with_len && n < 2)
        return error_incomplete(error);
    if (n > (with_len ? 1 : 2))
        return error_word(error, words[with_len ? 1 : 2]);
    if (with_len) {
        uint32_t len;
        if (slice_u32(slice_skip(words[0], slash + 1), 32, &len) != 0)
            return bad_mask(error);
        mask = ipv4_mask(len);
    } else if (ipv4_parse(words[1], &mask) != 0 || ipv4_mask_len(mask) < 0) {
        return bad_mask(error);
    }
    ipv4_print(ip, ip_text);
    ipv4_print(mask, mask_text);
    *out = json_sprintf("%s %s", ip_text, mask_text);
    return 0;
}

/* ---- IPv6 ---- */

static int parse_ipv6(struct slice text, struct ip_addr *ip)
{
    return ipv6_parse(text, ip) != 0 || ip_addr_is4(ip) ? -EINVAL : 0;
}

int item_ipv6(const struct schema_attr *attr, struct slice word, json_t **out, struct text *error)
{
    (void)attr;
    struct ip_addr ip;
    char text[IPV6_TEXT_MAX];
    if (parse_ipv6(word, &ip) != 0)
        return bad_ip(error, word);
    ip_addr_print(&ip, text);
    *out = json_string(text);
    return 0;
}

int value_net6(struct slice text, struct ip_addr *ip, uint8_t *len)
{
    size_t slash = slice_find(text, '/');
    struct ip_addr address;
    uint32_t bits;
    if (parse_ipv6(slice_head(text, slash), &address) != 0)
        return -EINVAL;
    if (slash == text.n || slice_u32(slice_skip(text, slash + 1), 128, &bits) != 0)
        return -EDOM;
    *ip = address;
    *len = (uint8_t)bits;
    return 0;
}

int item_ipv6_net(const struct schema_attr *attr, struct slice word, json_t **out,
                  struct text *error)
{
    (void)attr;
    struct ip_addr ip;
    uint8_t len;
    char text[IPV6_TEXT_MAX];
    int rc = value_net6(word, &ip, &len);
    if (rc == -EDOM)
        return bad_mask(error);
    if (rc)
        return bad_ip(error, word);
    ip_addr_print(&ip, text);
    *out = json_sprintf("%s/%u", text, len);
    return 0;
}

/* All ones in the last `128 - len` bits. */
static struct ip_addr host_bits(unsigned len)
{
    struct ip_addr bits = {0};
    for (unsigned i = 0; i < 16; i++)
        bits.byte[i] = len >= 8 * (i + 1) ? 0 : len <= 8 * i ? 0xff : (uint8_t)(0xff >> (len % 8));
    return bits;
}

struct ip_addr value_first6(const struct ip_addr *ip, uint8_t len)
{
    struct ip_addr host = host_bits(len);
    return (struct ip_addr){.half = {ip->half[0] & ~host.half[0], ip->half[1] & ~host.half[1]}};
}

struct ip_addr value_last6(const struct ip_addr *ip, uint8_t len)
{
    struct ip_addr host = host_bits(len);
    return (struct ip_addr){.half = {ip->half[0] | host.half[0], ip->half[1] | host.half[1]}};
}
