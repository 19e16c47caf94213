/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The tables of methods, headers and reasons, and the way from a name to its row.
 *
 * A header name is found through a small hash of its first and last eight letters, and then always
 * compared in full: a name that merely hashes like Content-Length must never pass for it. Names are
 * kept as up to three 8-byte words in lower case, so the comparison is three words as well. The
 * hash slots, like the classes of characters, are filled once, before main; from then on everything
 * here is read only.
 */
#include "alg/sip_scan.h"

#define NAME_MAX_LEN 24
#define SLOTS        512

/* clang-format off */
const uint8_t sip_char[256] = {
#define TOKEN (SIP_CHAR_TOKEN | SIP_CHAR_URI)
#define HOST  (SIP_CHAR_TOKEN | SIP_CHAR_HOST | SIP_CHAR_URI)
    ['0' ... '9'] = HOST, ['A' ... 'Z'] = HOST, ['a' ... 'z'] = HOST,
    ['-'] = HOST, ['.'] = HOST, ['_'] = HOST,
    ['!'] = TOKEN, ['%'] = TOKEN, ['*'] = TOKEN, ['+'] = TOKEN, ['`'] = TOKEN, ['\''] = TOKEN,
    ['~'] = TOKEN,
    ['#'] = SIP_CHAR_URI, ['$'] = SIP_CHAR_URI, ['&'] = SIP_CHAR_URI, ['('] = SIP_CHAR_URI,
    [')'] = SIP_CHAR_URI, ['/'] = SIP_CHAR_URI, ['?'] = SIP_CHAR_URI, ['@'] = SIP_CHAR_URI,
    ['['] = SIP_CHAR_URI, [']'] = SIP_CHAR_URI, ['^'] = SIP_CHAR_URI, ['{'] = SIP_CHAR_URI,
    ['|'] = SIP_CHAR_URI, ['}'] = SIP_CHAR_URI,
    ['='] = SIP_CHAR_URI | SIP_CHAR_EQUALS,
    [':'] = SIP_CHAR_URI | SIP_CHAR_NAME,
    [','] = SIP_CHAR_URI | SIP_CHAR_NAME | SIP_CHAR_LIST,
    [';'] = SIP_CHAR_URI | SIP_CHAR_NAME | SIP_CHAR_STOP,
    ['"'] = SIP_CHAR_STOP | SIP_CHAR_NAME | SIP_CHAR_LIST,
    ['<'] = SIP_CHAR_STOP | SIP_CHAR_LIST,
    ['>'] = SIP_CHAR_STOP | SIP_CHAR_NAME | SIP_CHAR_LIST,
    ['\\'] = SIP_CHAR_STOP | SIP_CHAR_NAME, ['\0'] = SIP_CHAR_NAME,
    [' '] = SIP_CHAR_LWS | SIP_CHAR_STOP, ['\t'] = SIP_CHAR_LWS | SIP_CHAR_STOP,
    ['\r'] = SIP_CHAR_LWS | SIP_CHAR_STOP, ['\n'] = SIP_CHAR_LWS | SIP_CHAR_STOP,
#undef TOKEN
#undef HOST
};
/* clang-format on */

uint8_t sip_char_bits[8][16];

static const struct slice methods[SIP_METHOD_COUNT] = {
#define X(id, text) {text, sizeof(text) - 1},
    SIP_METHOD_LIST(X)
#undef X
};

struct header_row {
    const char *name;
    uint8_t n;
    char compact;
    uint8_t flags;
};

#define X(id, name, compact, flags) \
    _Static_assert(sizeof(name) <= NAME_MAX_LEN + 1, "the name does not fit three words");
SIP_HEADER_LIST(X)
#undef X

static const struct header_row headers[SIP_HEADER_COUNT] = {
#define X(id, name, compact, flags) {name, sizeof(name) - 1, compact[0], flags},
    SIP_HEADER_LIST(X)
#undef X
};

static const char *const bad_texts[SIP_BAD_COUNT] = {
#define X(id, text) text,
    SIP_BAD_LIST(X)
#undef X
};

/* A name in lower case: bytes 0-7, 8-15 and the last eight, as far as there are any. */
struct name_key {
    uint64_t first;
    uint64_t middle;
    uint64_t last;
};

static struct name_key header_keys[SIP_HEADER_COUNT];
static uint8_t slots[SLOTS];
static uint8_t compact_ids[256];

/* ASCII capitals of eight bytes at once become small letters; every other byte stays. */
static inline uint64_t lower_word(uint64_t w)
{
    const uint64_t ones = 0x0101010101010101u;
    uint64_t low = w & 0x7f * ones;
    uint64_t capital = (low + (0x80 - 'A') * ones) & ~(low + (0x7f - 'Z') * ones);
    return w | (capital & ~w & 0x80 * ones) >> 2;
}

static inline uint64_t load_8(const char *p)
{
    uint64_t w;
    memcpy(&w, p, 8);
    return lower_word(w);
}

/* n >= 1 */
static inline struct name_key name_key_of(const char *p, size_t n)
{
    struct name_key key = {0};
    if (n >= 8) {
        key.first = load_8(p);
        key.last = load_8(p + n - 8);
        if (n > 16)
            key.middle = load_8(p + 8);
    } else if (n >= 4) {
        uint32_t low, high;
        memcpy(&low, p, 4);
        memcpy(&high, p + n - 4, 4);
        key.first = lower_word(low | (uint64_t)high << 32);
    } else {
        key.first =
            lower_word((uint64_t)(unsigned char)p[0] | (uint64_t)(unsigned char)p[n / 2] << 8 |
                       (uint64_t)(unsigned char)p[n - 1] << 16);
    }
    return key;
}

static inline unsigned name_slot(const struct name_key *key, size_t n)
{
    uint64_t h = (key->first + n) * 0x9e3779b97f4a7c15u ^ key->last * 0xc2b2ae3d27d4eb4fu;
    return (unsigned)(h >> 40) % SLOTS;
}

__attribute__((constructor)) static void tables_fill(void)
{
    for (unsigned c = 0; c < 128; c++)
        for (unsigned k = 0; k < 8; k++)
            if (sip_char[c] >> k & 1)
                sip_char_bits[k][c & 15] |= (uint8_t)(1u << (c >> 4));
    for (unsigned id = 1; id < SIP_HEADER_COUNT; id++) {
        const struct header_row *row = &headers[id];
        header_keys[id] = name_key_of(row->name, row->n);
        unsigned slot = name_slot(&header_keys[id], row->n);
        while (slots[slot])
            slot = (slot + 1) % SLOTS;
        slots[slot] = (uint8_t)id;
        if (row->compact) {
            compact_ids[(unsigned char)row->compact] = (uint8_t)id;
            compact_ids[(unsigned char)row->compact - 0x20] = (uint8_t)id;
        }
    }
}

enum sip_header_id sip_header_find(struct slice name)
{
    if (name.n == 1)
        return compact_ids[(unsigned char)name.p[0]];
    if (name.n == 0 || name.n > NAME_MAX_LEN)
        return SIP_OTHER;
    const struct name_key key = name_key_of(name.p, name.n);
    for (unsigned slot = name_slot(&key, name.n); slots[slot]; slot = (slot + 1) % SLOTS) {
        unsigned id = slots[slot];
        const struct name_key *row = &header_keys[id];
        if (headers[id].n == name.n && row->first == key.first && row->last == key.last &&
            row->middle == key.middle)
            return id;
    }
    return SIP_OTHER;
}

const char *sip_header_name(enum sip_header_id id)
{
    return headers[id].name;
}

unsigned sip_header_flags(enum sip_header_id id)
{
    return headers[id].flags;
}

const char *sip_method_name(enum sip_method method)
{
    return methods[method].p;
}

enum sip_method sip_method_find(struct slice text)
{
    for (unsigned i = 1; i < SIP_METHOD_COUNT; i++)
        if (methods[i].n == text.n && memcmp(methods[i].p, text.p, text.n) == 0)
            return i;
    return SIP_METHOD_UNKNOWN;
}

const char *sip_bad_text(enum sip_bad reason)
{
    return reason < SIP_BAD_COUNT ? bad_texts[reason] : "unknown reason";
}
