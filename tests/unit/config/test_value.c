/* SPDX-License-Identifier: BSD-3-Clause */
/* Values by type: rows of {type, words typed, code, stored form}. */
#include "config/value.h"

#include "script.h"

#include <errno.h>

static const struct schema_option colours[] = {
    {"red", "Red."}, {"green", "Green."}, {"verde", "Green.", .same_as = "green"}, {0}};

static const struct schema_attr types[] = {
    [SCHEMA_STRING] = {.name = "x", .type = SCHEMA_STRING, .max = 5},
    [SCHEMA_INTEGER] =
        {.name = "x", .type = SCHEMA_INTEGER, .min = 5, .max = 9, .flags = SCHEMA_SPECIAL},
    [SCHEMA_TTL] = {.name = "x", .type = SCHEMA_TTL, .min = 5, .max = UINT32_MAX},
    [SCHEMA_OPTION] = {.name = "x", .type = SCHEMA_OPTION, .options = colours},
    [SCHEMA_OPTIONS] = {.name = "x", .type = SCHEMA_OPTIONS, .options = colours},
    [SCHEMA_REFERENCE] = {.name = "x", .type = SCHEMA_REFERENCE, .max = 5},
    [SCHEMA_REFERENCES] = {.name = "x", .type = SCHEMA_REFERENCES, .max = 5},
    [SCHEMA_IPV4] = {.name = "x", .type = SCHEMA_IPV4},
    [SCHEMA_IPV4_NET] = {.name = "x", .type = SCHEMA_IPV4_NET},
    [SCHEMA_MAC] = {.name = "x", .type = SCHEMA_MAC},
    [SCHEMA_UUID] = {.name = "x", .type = SCHEMA_UUID},
    [SCHEMA_PORTRANGES] = {.name = "x", .type = SCHEMA_PORTRANGES},
    [SCHEMA_PORT_SPAN] = {.name = "x", .type = SCHEMA_PORT_SPAN, .min = 1, .max = 65535},
    [SCHEMA_PORTS] = {.name = "x", .type = SCHEMA_PORTS, .min = 1, .max = 65535, .max_items = 2},
    [SCHEMA_IP_SPAN] = {.name = "x", .type = SCHEMA_IP_SPAN},
    [SCHEMA_PORT_RANGE] = {.name = "x", .type = SCHEMA_PORT_RANGE, .min = 1, .max = 65535},
    [SCHEMA_IP_FILTERS] = {.name = "x", .type = SCHEMA_IP_FILTERS},
    [SCHEMA_IPV6] = {.name = "x", .type = SCHEMA_IPV6},
    [SCHEMA_IPV6_NET] = {.name = "x", .type = SCHEMA_IPV6_NET},
    [SCHEMA_CPUS] = {.name = "x", .type = SCHEMA_CPUS, .max = 63},
    [SCHEMA_TIME] = {.name = "x", .type = SCHEMA_TIME},
};

static const struct {
    enum schema_type type;
    const char *typed;
    int code;
    const char *stored; /* JSON */
} rows[] = {
    {SCHEMA_STRING, "abcde", 0, "\"abcde\""},
    {SCHEMA_STRING, "abcdef", -1, NULL},
    {SCHEMA_STRING, "a b", -61, NULL},
    {SCHEMA_STRING, "", -160, NULL},
    {SCHEMA_INTEGER, "0005", 0, "5"},
    {SCHEMA_INTEGER, "9", 0, "9"},
    {SCHEMA_INTEGER, "0", 0, "0"},
    {SCHEMA_INTEGER, "4", -651, NULL},
    {SCHEMA_INTEGER, "10", -651, NULL},
    {SCHEMA_INTEGER, "4294967296", -651, NULL},
    {SCHEMA_INTEGER, "+5", -89, NULL},
    {SCHEMA_TTL, "4294967295", 0, "4294967295"},
    {SCHEMA_TTL, "never", 0, "\"never\""},
    {SCHEMA_TTL, "Never", -89, NULL},
    {SCHEMA_OPTION, "verde", 0, "\"green\""},
    {SCHEMA_OPTION, "gre", -61, NULL},
    {SCHEMA_OPTIONS, "green red verde", 0, "[\"red\", \"green\"]"},
    {SCHEMA_OPTIONS, "green blue", -61, NULL},
    {SCHEMA_REFERENCE, "abc", 0, "\"abc\""},
    {SCHEMA_REFERENCES, "b a b", 0, "[\"b\", \"a\"]"},
    {SCHEMA_REFERENCES, "b abcdef", -1, NULL},
    {SCHEMA_IPV4, "192.0.2.1", 0, "\"192.0.2.1\""},
    {SCHEMA_IPV4, "192.0.2.01", -8, NULL},
    {SCHEMA_IPV4_NET, "192.0.2.1/24", 0, "\"192.0.2.1 255.255.255.0\""},
    {SCHEMA_IPV4_NET, "192.0.2.1 255.255.255.0", 0, "\"192.0.2.1 255.255.255.0\""},
    {SCHEMA_IPV4_NET, "0.0.0.0/0", 0, "\"0.0.0.0 0.0.0.0\""},
    {SCHEMA_IPV4_NET, "192.0.2.1/", -9, NULL},
    {SCHEMA_IPV4_NET, "192.0.2.1/24 255.255.255.0", -61, NULL},
    {SCHEMA_IPV4_NET, "192.0.2.1 255.255.255.1", -9, NULL},
    {SCHEMA_PORT_RANGE, "80", 0, "\"80\""},
    {SCHEMA_PORT_RANGE, "80-80", 0, "\"80\""},
    {SCHEMA_PORT_RANGE, "80-90", 0, "\"80-90\""},
    {SCHEMA_PORT_RANGE, "0", -650, NULL},
    {SCHEMA_PORT_RANGE, "90-80", -650, NULL},
    {SCHEMA_PORT_RANGE, "80-65536", -650, NULL},
    {SCHEMA_IP_FILTERS, "10.0.0.0/8 192.0.2.1 192.0.2.5-192.0.2.9 10.0.0.0/8", 0,
     "[\"10.0.0.0/8\", \"192.0.2.1\", \"192.0.2.5-192.0.2.9\"]"},
    {SCHEMA_IP_FILTERS, "10.0.0.0/33", -8, NULL},
    {SCHEMA_IP_FILTERS, "10.0.0.0/8-10.0.0.9", -8, NULL},
    {SCHEMA_IP_FILTERS, "10.0.0.9-10.0.0.1", -45, NULL},
    {SCHEMA_IPV6, "2001:DB8:0:0::1", 0, "\"2001:db8::1\""},
    {SCHEMA_IPV6, "::", 0, "\"::\""},
    {SCHEMA_IPV6, "::ffff:192.0.2.1", -8, NULL},
    {SCHEMA_IPV6, "192.0.2.1", -8, NULL},
    {SCHEMA_IPV6, "fe80::1%eth0", -8, NULL},
    {SCHEMA_IPV6_NET, "2001:db8:0::7/64", 0, "\"2001:db8::7/64\""},
    {SCHEMA_IPV6_NET, "::/0", 0, "\"::/0\""},
    {SCHEMA_IPV6_NET, "2001:db8::/129", -9, NULL},
    {SCHEMA_IPV6_NET, "2001:db8::", -9, NULL},
    {SCHEMA_IPV6_NET, "2001:db8/64", -8, NULL},
    {SCHEMA_MAC, "02:Ab:cD:00:00:0f", 0, "\"02:ab:cd:00:00:0f\""},
    {SCHEMA_MAC, "02-ab-cd-00-00-0f", -33, NULL},
    {SCHEMA_MAC, "00:00:00:00:00:00", -33, NULL},
    {SCHEMA_MAC, "02:ab:cd:00:00:0g", -33, NULL},
    {SCHEMA_UUID, "01234567-89ab-CDEF-0123-456789abcdef", 0,
     "\"01234567-89ab-CDEF-0123-456789abcdef\""},
    {SCHEMA_UUID, "0123456789ab-cdef-0123-456789abcdef0", -651, NULL},
    {SCHEMA_PORTRANGES, "5060-5060 80:1024-65535 443:443", 0,
     "[\"5060\", \"80:1024-65535\", \"443:443\"]"},
    {SCHEMA_PORTRANGES, "5060-", -650, NULL},
    {SCHEMA_PORTRANGES, "5060:", -650, NULL},
    {SCHEMA_PORTRANGES, "1:2:3", -650, NULL},
    {SCHEMA_PORTRANGES, "1-2-3", -650, NULL},
    {SCHEMA_PORT_SPAN, "7-7", 0, "\"7-7\""},
    {SCHEMA_PORT_SPAN, "0-7", -650, NULL},
    {SCHEMA_PORT_SPAN, "1-65536", -650, NULL},
    {SCHEMA_PORTS, "5060 05060 5061", 0, "[5060, 5061]"},
    {SCHEMA_PORTS, "1 2 3", -4, NULL},
    {SCHEMA_PORTS, "0", -651, NULL},
    {SCHEMA_IP_SPAN, "192.0.2.1-192.0.2.9", 0, "\"192.0.2.1-192.0.2.9\""},
    {SCHEMA_IP_SPAN, "192.0.2.1-192.0.2.1", 0, "\"192.0.2.1\""},
    {SCHEMA_IP_SPAN, "192.0.2.9-192.0.2.1", -45, NULL},
    {SCHEMA_IP_SPAN, "192.0.2.9-", -8, NULL},
    {SCHEMA_CPUS, "1-1 3 5-7", 0, "[\"1\", \"3\", \"5-7\"]"},
    {SCHEMA_CPUS, "64", -651, NULL},
    {SCHEMA_CPUS, "3-1", -651, NULL},
    {SCHEMA_TIME, "8:05", 0, "\"08:05\""},
    {SCHEMA_TIME, "24:00", -651, NULL},
    {SCHEMA_TIME, "12:5", -651, NULL},
};

static void test_rows(void **state)
{
    (void)state;
    struct words words = {0};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct text error = {0};
        json_t *value = NULL;
        assert_int_equal(words_read(&words, slice_str(rows[i].typed)), WORDS_DONE);
        int code = value_parse(&types[rows[i].type], words.n, words.w, &value, &error);
        if (code != rows[i].code)
            print_message("row %zu: %s\n", i, rows[i].typed);
        assert_int_equal(code, rows[i].code);
        assert_int_equal(code != 0, error.n > 0);
        assert_int_equal(code == 0, value != NULL);
        char *stored = value ? json_dumps(value, JSON_ENCODE_ANY) : NULL;
        if (stored)
            assert_string_equal(stored, rows[i].stored);
        free(stored);
        json_decref(value);
        text_free(&error);
    }
    words_free(&words);
}

/* Bytes no lexer let through are refused here, too: values also come from code. */
static void test_bytes(void **state)
{
    (void)state;
    static const struct slice bad[] = {
        {"a\0b", 3}, {"\x01", 1}, {"\xff", 1}, {"a\x7f", 2}, {"\xc3", 1}};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct text error = {0};
        json_t *value = NULL;
        assert_int_equal(value_parse(&types[SCHEMA_STRING], 1, &bad[i], &value, &error), -61);
        assert_int_equal(value_parse(&types[SCHEMA_REFERENCES], 1, &bad[i], &value, &error), -61);
        assert_null(value);
        text_free(&error);
    }
}

static void test_small_readers(void **state)
{
    (void)state;
    be32 ip = 1, mask = 2;
    uint32_t first = 3, last = 4;
    struct value_portrange range = {.dst_first = 5};
    uint8_t mac[6] = {6};
    assert_int_equal(value_net(SLICE_LIT("10.0.0.1"), &ip, &mask), -EINVAL);
    assert_int_equal(value_span(SLICE_LIT("9-1"), 10, &first, &last), -EINVAL);
    assert_int_equal(value_portrange(SLICE_LIT(":5"), &range), -EINVAL);
    assert_int_equal(value_mac(SLICE_NONE, mac), -EINVAL);
    /* Out parameters only on success. */
    assert_true(ip == 1 && mask == 2 && first == 3 && last == 4 && range.dst_first == 5);
    assert_int_equal(mac[0], 6);
    assert_int_equal(value_net(SLICE_LIT("10.0.0.1 255.0.0.0"), &ip, &mask), 0);
    assert_int_equal(be32_host(ip), 0x0a000001);
    assert_int_equal(be32_host(mask), 0xff000000);
    assert_int_equal(value_portrange(SLICE_LIT("5-6:7"), &range), 0);
    assert_true(range.dst_first == 5 && range.dst_last == 6 && range.src_first == 7 &&
                range.src_last == 7);
}

/* First and last address of a prefix against the bits themselves. */
static void test_prefix6(void **state)
{
    (void)state;
    struct ip_addr ip;
    assert_int_equal(ipv6_parse(SLICE_LIT("a5a5:a5a5:a5a5:a5a5:5a5a:5a5a:5a5a:5a5a"), &ip), 0);
    for (unsigned len = 0; len <= 128; len++) {
        struct ip_addr first = value_first6(&ip, (uint8_t)len),
                       last = value_last6(&ip, (uint8_t)len);
        for (unsigned bit = 0; bit < 128; bit++) {
            unsigned shift = 7 - bit % 8, own = ip.byte[bit / 8] >> shift & 1;
            assert_int_equal(first.byte[bit / 8] >> shift & 1, bit < len ? own : 0);
            assert_int_equal(last.byte[bit / 8] >> shift & 1, bit < len ? own : 1);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_small_readers),
        cmocka_unit_test(test_prefix6),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
