/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/addr.h"

#include "base/rng.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void test_round_trip(void **state)
{
    (void)state;
    struct rng rng = {7};
    char text[ENDPOINT_TEXT_MAX];
    for (int i = 0; i < 10000; i++) {
        be32 ip = (be32)rng_next(&rng), back = ~ip;
        size_t n = ipv4_print(ip, text);
        assert_int_equal(n, strlen(text));
        assert_true(n < IPV4_TEXT_MAX);
        assert_int_equal(ipv4_parse(slice_of(text, n), &back), 0);
        assert_int_equal(back, ip);
    }
}

static void test_texts(void **state)
{
    (void)state;
    char text[ENDPOINT_TEXT_MAX];
    be32 ip;
    assert_int_equal(ipv4_parse(SLICE_LIT("192.168.1.20"), &ip), 0);
    assert_int_equal(be32_host(ip), 0xc0a80114);
    assert_memory_equal(&ip, "\xc0\xa8\x01\x14", 4); /* wire order in memory */
    struct endpoint e = {ip, be16_of(5060)};
    assert_int_equal(endpoint_print(e, text), 17);
    assert_string_equal(text, "192.168.1.20:5060");
    e = (struct endpoint){UINT32_MAX, UINT16_MAX};
    assert_int_equal(endpoint_print(e, text), ENDPOINT_TEXT_MAX - 1);
    assert_string_equal(text, "255.255.255.255:65535");
    assert_true(endpoint_eq(e, e));
    assert_false(endpoint_eq(e, (struct endpoint){UINT32_MAX, 0}));
    e = (struct endpoint){0};
    endpoint_print(e, text);
    assert_string_equal(text, "0.0.0.0:0");
}

static void test_bad_addresses(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",         "1",        "1.2.3",    "1.2.3.",    "1.2.3.4.",     "1.2.3.4.5",
        ".1.2.3.4", "1..2.3",   "01.2.3.4", "1.2.3.256", "1.2.3.0x1",    "1.2.3.4 ",
        " 1.2.3.4", "1.2.3.-4", "1.2.3.+4", "1.2.3.4/8", "1.2.3.000000", "4294967296.1.1.1",
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        be32 ip = 77;
        assert_int_equal(ipv4_parse(slice_str(rows[i]), &ip), -EINVAL);
        assert_int_equal(ip, 77);
    }
    be32 ip;
    assert_int_equal(ipv4_parse(SLICE_LIT("1.2.3.4\0"), &ip), -EINVAL);
}

static void test_masks(void **state)
{
    (void)state;
    for (unsigned len = 0; len <= 32; len++)
        assert_int_equal(ipv4_mask_len(ipv4_mask(len)), len);
    assert_int_equal(be32_host(ipv4_mask(24)), 0xffffff00);
    assert_int_equal(ipv4_mask_len(be32_of(0xff00ff00)), -EINVAL);
    assert_int_equal(ipv4_mask_len(be32_of(0x00ffffff)), -EINVAL);
    assert_int_equal(ipv4_mask_len(be32_of(1)), -EINVAL);
}

/* RFC 5952 texts come back as they went in; IPv4 is written as a dotted quad. */
static void test_ip_addr_texts(void **state)
{
    (void)state;
    static const char *const same[] = {"::", "::1", "2001:db8::1", "fe80::1:2:3:4",
                                       "2001:db8:0:1:1:1:1:1"};
    static const char *const bad[] = {"",        ":",        ":::",  "1::2::3", "2001:db8",
                                      "12345::", "::1%eth0", " ::1", "::1 ",    "1.2.3.4"};
    char text[IPV6_TEXT_MAX];
    struct ip_addr a;
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        assert_int_equal(ipv6_parse(slice_str(same[i]), &a), 0);
        assert_int_equal(ip_addr_print(&a, text), strlen(same[i]));
        assert_string_equal(text, same[i]);
        assert_false(ip_addr_is4(&a));
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(ipv6_parse(slice_str(bad[i]), &a), -EINVAL);
    a = ip_addr_of4(be32_of(0xc0000201));
    ip_addr_print(&a, text);
    assert_string_equal(text, "192.0.2.1");
    assert_true(ip_addr_is4(&a));
}

static struct ip_addr address(const char *text)
{
    struct ip_addr a;
    assert_int_equal(ipv6_parse(slice_str(text), &a), 0);
    return a;
}

static void test_ip_ports(void **state)
{
    (void)state;
    char text[IP_PORT_TEXT_MAX];
    struct ip_addr a = address("2001:db8::1");
    assert_int_equal(ip_port_print(&a, be16_of(5060), text), 18);
    assert_string_equal(text, "[2001:db8::1]:5060");
    a = address("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
    assert_true(ip_port_print(&a, be16_of(65535), text) < sizeof text);
    a = ip_addr_of4(be32_of(0xc0000201));
    ip_port_print(&a, be16_of(1), text);
    assert_string_equal(text, "192.0.2.1:1");
}

/* Every length against bit by bit. */
static void test_prefixes(void **state)
{
    (void)state;
    struct ip_addr a = address("2001:db8:ffff:ffff:5a5a:ffff:ffff:ffff");
    for (unsigned len = 0; len <= 128; len++) {
        struct ip_addr out = ip_addr_prefix(&a, len);
        for (unsigned bit = 0; bit < 128; bit++) {
            unsigned mask = 0x80u >> bit % 8;
            assert_int_equal(out.byte[bit / 8] & mask, bit < len ? a.byte[bit / 8] & mask : 0);
        }
    }
}

static void test_scopes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool local;
    } row[] = {{"fe80::1", true},  {"febf:ffff::1", true}, {"fe7f::1", false},
               {"fec0::1", false}, {"2001:db8::1", false}, {"::", false}};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        struct ip_addr a = address(row[i].text);
        assert_int_equal(ip_addr_is_link_local(&a), row[i].local);
    }
    /* RFC 4291 appendix A: 34-56-78-9A-BC-DE. */
    static const uint8_t mac[] = {0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde};
    struct ip_addr a = ip_addr_link_local(mac), want = address("fe80::3656:78ff:fe9a:bcde");
    assert_true(ip_addr_eq(&a, &want));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),    cmocka_unit_test(test_texts),
        cmocka_unit_test(test_bad_addresses), cmocka_unit_test(test_masks),
        cmocka_unit_test(test_ip_addr_texts), cmocka_unit_test(test_ip_ports),
        cmocka_unit_test(test_prefixes),      cmocka_unit_test(test_scopes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
