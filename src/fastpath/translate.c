/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One function for the headers of all protocols, whole or cut short by whoever quotes them. A
 * checksum is only ever adjusted, so a wrong one stays wrong and the receiver finds out.
 *
 * SCTP has no pseudo header, but a CRC32c over everything (RFC 9260 6.8). A CRC is linear: the CRC
 * of the difference of two messages of one length, begun at zero, is the difference of their CRCs.
 * So neither the data nor even their presence is needed, only their length.
 */
#include "fastpath/translate.h"

#include <nmmintrin.h>

/* Where the checksum stands, and what it covers. */
struct l4_form {
    uint8_t checksum_at; /* 0: there is none */
    bool ports, pseudo, zero_is_none;
};

static struct l4_form form_of(uint8_t proto)
{
    switch (proto) {
    case IPPROTO_TCP:
        return (struct l4_form){16, true, true, false};
    case IPPROTO_UDP:
        return (struct l4_form){6, true, true, true};
    case IPPROTO_UDPLITE:
        return (struct l4_form){6, true, true, false};
    case IPPROTO_DCCP: /* a session per address pair; its checksum knows the addresses all the same
                        */
        return (struct l4_form){6, false, true, false};
    default:
        return (struct l4_form){0, false, false, false};
    }
}

/* CRC32c register after `n` bytes of zero; what it holds before is a difference. */
static uint32_t crc32c_zeros(uint32_t crc, size_t n)
{
    for (; n >= 8; n -= 8)
        crc = (uint32_t)_mm_crc32_u64(crc, 0);
    for (; n > 0; n--)
        crc = _mm_crc32_u8(crc, 0);
    return crc;
}

static void translate_sctp(const struct translate_l4 *t)
{
    enum {
        PORTS = 4,
        CRC_AT = 8,
        CRC_END = 12
    };
    const uint32_t ports = t->sport | (uint32_t)t->dport << 16;
    uint32_t old, crc;

    memcpy(&old, t->l4, PORTS);
    memcpy(t->l4, &ports, PORTS);
    if (old == ports || t->have < CRC_END)
        return;
    memcpy(&crc, (const char *)t->l4 + CRC_AT, sizeof crc);
    crc ^= crc32c_zeros(_mm_crc32_u32(0, old ^ ports), (size_t)t->whole - PORTS);
    memcpy((char *)t->l4 + CRC_AT, &crc, sizeof crc);
}

static void translate_icmp(const struct translate_l4 *t)
{
    struct rte_icmp_hdr *icmp = t->l4;
    const be16 ident = t->sport | t->dport; /* one of them is 0 */
    const uint64_t delta = checksum_delta(icmp->icmp_ident, ident);

    icmp->icmp_ident = ident;
    icmp->icmp_cksum = checksum_adjust(icmp->icmp_cksum, delta);
}

void translate_l4(const struct translate_l4 *t)
{
    const struct l4_form form = form_of(t->proto);
    const be16 ports[2] = {t->sport, t->dport};
    uint64_t delta = form.pseudo ? t->l3 : 0;
    be16 old[2], sum;

    if (t->proto == IPPROTO_ICMP)
        return translate_icmp(t);
    if (t->proto == IPPROTO_SCTP)
        return translate_sctp(t);
    if (form.ports) {
        memcpy(old, t->l4, sizeof old);
        memcpy(t->l4, ports, sizeof ports);
        delta += checksum_delta(old[0], ports[0]) + checksum_delta(old[1], ports[1]);
    }
    if (form.checksum_at == 0 || t->have < form.checksum_at + sizeof sum)
        return;
    memcpy(&sum, (const char *)t->l4 + form.checksum_at, sizeof sum);
    if (sum == 0 && form.zero_is_none)
        return;
    sum = checksum_adjust(sum, delta);
    if (sum == 0 && form.pseudo && t->proto != IPPROTO_TCP)
        sum = 0xffff; /* RFC 768, RFC 3828: 0 means none */
    memcpy((char *)t->l4 + form.checksum_at, &sum, sizeof sum);
}
