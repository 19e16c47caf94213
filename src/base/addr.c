/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>

int ipv4_parse(struct slice text, be32 *out)
{
    uint32_t ip = 0;
    size_t at = 0;
    for (int part = 0; part < 4; part++) {
        size_t from = at;
        uint32_t v = 0;
        for (; at < text.n && at - from < 3 && ascii_digit(text.p[at]); at++)
            v = v * 10 + (uint32_t)(text.p[at] - '0');
        if (at == from || v > 255 || (at - from > 1 && text.p[from] == '0'))
            return -EINVAL;
        if (part < 3 && (at == text.n || text.p[at++] != '.'))
            return -EINVAL;
        ip = ip << 8 | v;
    }
    if (at < text.n)
        return -EINVAL;
    *out = be32_of(ip);
    return 0;
}

static char *put_u(char *p, unsigned v)
{
    char digits[10];
    int n = 0;
    do {
        digits[n++] = (char)('0' + v % 10);
        v /= 10;
    } while (v);
    while (n)
        *p++ = digits[--n];
    return p;
}

static char *put_byte(char *p, unsigned v)
{
    if (v >= 100)
        *p++ = (char)('0' + v / 100);
    if (v >= 10)
        *p++ = (char)('0' + v / 10 % 10);
    *p++ = (char)('0' + v % 10);
    return p;
}

size_t ipv4_print(be32 ip, char *out)
{
    uint32_t v = be32_host(ip);
    char *p = out;
    for (int shift = 24; shift >= 0; shift -= 8) {
        p = put_byte(p, v >> shift & 255);
        *p++ = '.';
    }
    p[-1] = '\0';
    return (size_t)(p - 1 - out);
}

size_t endpoint_print(struct endpoint e, char *out)
{
    char *p = out + ipv4_print(e.ip, out);
    *p++ = ':';
    p = put_u(p, be16_host(e.port));
    *p = '\0';
    return (size_t)(p - out);
}

int ipv4_mask_len(be32 mask)
{
    uint32_t m = be32_host(mask);
    int len = m == 0 ? 0 : 32 - __builtin_ctz(m);
    return ipv4_mask((unsigned)len) == mask ? len : -EINVAL;
}

int ipv6_parse(struct slice text, struct ip_addr *out)
{
    char z[IPV6_TEXT_MAX];
    if (text.n == 0 || text.n >= sizeof z || memchr(text.p, '\0', text.n))
        return -EINVAL;
    memcpy(z, text.p, text.n);
    z[text.n] = '\0';
    return inet_pton(AF_INET6, z, out->byte) == 1 ? 0 : -EINVAL;
}

size_t ip_addr_print(const struct ip_addr *a, char *out)
{
    if (ip_addr_is4(a))
        return ipv4_print(a->word[3], out);
    inet_ntop(AF_INET6, a->byte, out, IPV6_TEXT_MAX);
    return strlen(out);
}

size_t ip_port_print(const struct ip_addr *a, be16 port, char *out)
{
    char *p = out;
    if (ip_addr_is4(a))
        return endpoint_print((struct endpoint){a->word[3], port}, out);
    *p++ = '[';
    p += ip_addr_print(a, p);
    *p++ = ']';
    *p++ = ':';
    p = put_u(p, be16_host(port));
    *p = '\0';
    return (size_t)(p - out);
}

struct ip_addr ip_addr_prefix(const struct ip_addr *a, unsigned len)
{
    struct ip_addr out = {0};
    memcpy(out.byte, a->byte, len / 8);
    if (len % 8)
        out.byte[len / 8] = a->byte[len / 8] & (uint8_t)(0xff00 >> len % 8);
    return out;
}

struct ip_addr ip_addr_link_local(const uint8_t mac[6])
{
    return (struct ip_addr){
        .byte = {0xfe, 0x80, [8] = mac[0] ^ 2, mac[1], mac[2], 0xff, 0xfe, mac[3], mac[4], mac[5]}};
}
