/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A value is parsed into a copy and stored whole, so that a refused command leaves the filter as it
 * was. The inversion of a key is kept apart from its value: `negate src` works before and after
 * `src 10.0.0.1`.
 */
#include "cli/filter.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>

const struct filter_key *filter_key_find(const struct filter_key *keys, struct slice name)
{
    for (const struct filter_key *key = keys; key->name; key++) {
        if (slice_eq(slice_str(key->name), name))
            return key;
    }
    return NULL;
}

const struct filter_key *filter_key_of_row(const struct cli *cli, const struct filter_key *keys)
{
    const char *path = cli_command(cli)->path;
    const char *last = strrchr(path, ' ');
    const struct filter_key *key = filter_key_find(keys, slice_str(last ? last + 1 : path));
    assert(key);
    return key;
}

static int hex_parse(struct slice s, uint32_t *out)
{
    uint32_t v = 0;
    if (slice_istarts(s, SLICE_LIT("0x")))
        s = slice_skip(s, 2);
    if (s.n == 0 || s.n > 8)
        return -EINVAL;
    for (size_t i = 0; i < s.n; i++) {
        char c = ascii_lower(s.p[i]);
        if (!ascii_digit(c) && (c < 'a' || c > 'f'))
            return -EINVAL;
        v = v << 4 | (uint32_t)(ascii_digit(c) ? c - '0' : c - 'a' + 10);
    }
    *out = v;
    return 0;
}

static int scalar_parse(const struct filter_key *key, struct slice s, uint32_t *out)
{
    be32 ip;
    switch (key->kind) {
    case FILTER_HEX:
        return hex_parse(s, out);
    case FILTER_ADDRESS:
        if (ipv4_parse(s, &ip) != 0)
            return -EINVAL;
        *out = be32_host(ip);
        return 0;
    default:
        return slice_u32(s, key->max, out);
    }
}

static int value_refused(struct cli *cli, const struct filter_key *key, struct slice word)
{
    if (key->kind != FILTER_ADDRESS && key->kind != FILTER_ADDRESS6)
        return cli_bad_value(cli, word);
    text_printf(cli_output(cli), "invalid ip address\n\nvalue parse error before '%.*s'\n",
                SLICE_ARG(word));
    return CLI_E_ADDRESS;
}

static int range_set(struct cli *cli, struct filter *filter, const struct filter_key *key,
                     unsigned n, const struct slice *args)
{
    struct slice from = args[0], to = n > 1 ? args[1] : args[0];
    size_t dash = slice_find(args[0], '-');
    uint32_t first, last;
    if (n == 1 && dash < args[0].n) {
        from = slice_head(args[0], dash);
        to = slice_skip(args[0], dash + 1);
    }
    if (scalar_parse(key, from, &first) != 0)
        return value_refused(cli, key, args[0]);
    if (scalar_parse(key, to, &last) != 0 || last < first)
        return value_refused(cli, key, args[n - 1]);
    filter->value[key->slot].from = first;
    filter->value[key->slot].to = last;
    filter->value[key->slot].set = true;
    return 0;
}

static int name_set(struct cli *cli, struct filter *filter, const struct filter_key *key,
                    struct slice word)
{
    char *name = filter->names[key->max];
    if (word.n == 0 || word.n >= FILTER_NAME_SIZE)
        return cli_bad_value(cli, word);
    memcpy(name, word.p, word.n);
    name[word.n] = '\0';
    filter->value[key->slot].set = true;
    return 0;
}

static int compare6(const struct ip_addr *a, const struct ip_addr *b)
{
    return memcmp(a->byte, b->byte, sizeof(a->byte));
}

static int address6_set(struct cli *cli, struct filter *filter, const struct filter_key *key,
                        unsigned n, const struct slice *args)
{
    struct slice to_text = n > 1 ? args[1] : args[0], from_text = args[0];
    struct ip_addr from, to;
    size_t dash = slice_find(args[0], '-');
    if (n == 1 && dash < args[0].n) {
        from_text = slice_head(args[0], dash);
        to_text = slice_skip(args[0], dash + 1);
    }
    if (ipv6_parse(from_text, &from) != 0)
        return value_refused(cli, key, args[0]);
    if (ipv6_parse(to_text, &to) != 0 || compare6(&to, &from) < 0)
        return value_refused(cli, key, args[n - 1]);
    filter->address6[key->max].from = from;
    filter->address6[key->max].to = to;
    filter->value[key->slot].set = true;
    return 0;
}

static int vdom_set(struct cli *cli, struct filter *filter, const struct filter_key *key,
                    struct slice word)
{
    uint32_t id = 0;
    if (slice_eq(word, SLICE_LIT("-1")) ||
        (key->kind == FILTER_VDOM_NAME && slice_eq(word, SLICE_LIT("any")))) {
        filter->value[key->slot].set = false;
        return 0;
    }
    if (key->kind == FILTER_VDOM ? slice_u32(word, UINT16_MAX, &id) != 0
                                 : !slice_eq(word, SLICE_LIT("root")))
        return cli_bad_value(cli, word);
    filter->value[key->slot].from = filter->value[key->slot].to = id;
    filter->value[key->slot].set = true;
    return 0;
}

int filter_set(struct cli *cli, struct filter *filter, const struct filter_key *key, unsigned n,
               const struct slice *args)
{
    assert(n > 0 && key->slot < FILTER_SLOTS);
    switch (key->kind) {
    case FILTER_NAME:
        return name_set(cli, filter, key, args[0]);
    case FILTER_ADDRESS6:
        return address6_set(cli, filter, key, n, args);
    case FILTER_VDOM:
    case FILTER_VDOM_NAME:
        return vdom_set(cli, filter, key, args[0]);
    default:
        return range_set(cli, filter, key, n, args);
    }
}

int filter_negate(struct cli *cli, struct filter *filter, const struct filter_key *keys,
                  struct slice name)
{
    const struct filter_key *key = filter_key_find(keys, name);
    if (!key) {
        text_printf(cli_output(cli), "command parse error before '%.*s'\n", SLICE_ARG(name));
        return CLI_E_INPUT;
    }
    filter->value[key->slot].negate = !filter->value[key->slot].negate;
    return 0;
}

static void address_print(uint32_t ip, struct text *out)
{
    char s[IPV4_TEXT_MAX];
    ipv4_print(be32_of(ip), s);
    text_puts(out, s);
}

static void value_print(const struct filter *filter, const struct filter_key *key, struct text *out)
{
    uint32_t from = filter->value[key->slot].from, to = filter->value[key->slot].to;
    switch (key->kind) {
    case FILTER_ADDRESS:
        address_print(from, out);
        text_puts(out, "-");
        address_print(to, out);
        break;
    case FILTER_ADDRESS6:
        text_printf(out, "%s-%s", cli_ip(filter->address6[key->max].from).s,
                    cli_ip(filter->address6[key->max].to).s);
        break;
    case FILTER_NAME:
        text_puts(out, filter->names[key->max]);
        break;
    case FILTER_HEX:
        text_printf(out, "%08x", from);
        break;
    case FILTER_VDOM:
    case FILTER_VDOM_NAME:
        text_printf(out, "%u", from);
        break;
    default:
        text_printf(out, "%u-%u", from, to);
        break;
    }
}

void filter_print(const struct filter *filter, const struct filter_key *keys, struct text *out)
{
    for (const struct filter_key *key = keys; key->name; key++) {
        bool set = filter->value[key->slot].set;
        if (!key->label || (key->ours && !set))
            continue;
        text_printf(out, "        %s: %s", key->label,
                    !set ? "any" : (filter->value[key->slot].negate ? "not " : ""));
        if (set)
            value_print(filter, key, out);
        text_puts(out, "\n");
    }
}

static bool in_range(const struct filter *filter, unsigned slot, uint32_t value)
{
    return value >= filter->value[slot].from && value <= filter->value[slot].to;
}

static bool verdict(const struct filter *filter, unsigned slot, bool hit)
{
    return !filter->value[slot].set || hit != filter->value[slot].negate;
}

bool filter_passes(const struct filter *filter, unsigned slot, uint32_t value)
{
    return verdict(filter, slot, in_range(filter, slot, value));
}

bool filter_passes_either(const struct filter *filter, unsigned slot, uint32_t a, uint32_t b)
{
    return verdict(filter, slot, in_range(filter, slot, a) || in_range(filter, slot, b));
}

bool filter_passes_bits(const struct filter *filter, unsigned slot, uint32_t bits)
{
    uint32_t mask = filter->value[slot].from;
    return verdict(filter, slot, (bits & mask) == mask);
}

bool filter_passes_name(const struct filter *filter, unsigned slot, unsigned name, const char *is)
{
    return verdict(filter, slot, strcmp(filter->names[name], is ? is : "") == 0);
}

bool filter_passes_address6(const struct filter *filter, unsigned slot, unsigned address6,
                            const struct ip_addr *ip)
{
    return verdict(filter, slot,
                   compare6(ip, &filter->address6[address6].from) >= 0 &&
                       compare6(ip, &filter->address6[address6].to) <= 0);
}

bool filter_passes_absent(const struct filter *filter, unsigned slot)
{
    return verdict(filter, slot, false);
}
