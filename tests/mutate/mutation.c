/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Each kind of damage is a function over a buffer that may grow up to its capacity; a kind that
 * finds nothing to work on (no line, no number) leaves the bytes alone, and another one is drawn.
 */
#include "mutation.h"

#include "base/slice.h"

struct buffer {
    unsigned char *b;
    size_t n, cap;
};

#define LONG_WORD "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

static const char *const pieces[] = {"\r\n",
                                     "\r\n\r\n",
                                     "\n",
                                     "\r",
                                     "\r\n ",
                                     " ",
                                     "\t",
                                     ":",
                                     ";",
                                     ",",
                                     "<",
                                     ">",
                                     "@",
                                     "\"",
                                     "\\",
                                     "=",
                                     "?",
                                     "%00",
                                     "\xff\xfe",
                                     "sip:",
                                     "sips:",
                                     "SIP/2.0",
                                     "SIP/2.0 200 OK\r\n",
                                     "Content-Length: 0\r\n",
                                     "Content-Length: 65535\r\n",
                                     "Content-Length: 4294967296\r\n",
                                     "Content-Length: -1\r\n",
                                     "l:1\r\nl:2\r\n",
                                     "CSeq: 4294967296 INVITE\r\n",
                                     "CSeq: 1 BYE\r\n",
                                     "Expires: 4294967295\r\n",
                                     "Contact: *\r\n",
                                     "Contact: <sip:a@0.0.0.0:0>\r\n",
                                     "m: <sip:a@10.0.0.20>,<sip:b@10.0.0.20:1>\r\n",
                                     "Via: SIP/2.0/UDP 255.255.255.255:65536;branch=\r\n",
                                     "v: SIP/2.0/UDP [::1]\r\n",
                                     "Record-Route: <sip:10.0.0.20;lr>\r\n",
                                     "Call-ID:\r\n",
                                     "To: ;tag=\r\n",
                                     "From: <sip:\r\n",
                                     "m=audio 0 RTP/AVP 0\r\n",
                                     "m=audio 65536 RTP/AVP 0\r\n",
                                     "m=audio 65535/9 RTP/AVP 0\r\n",
                                     "m=audio 4000 RTP/AVP 0\r\nm=video 4000 RTP/AVP 96\r\n",
                                     "c=IN IP4 255.255.255.255\r\n",
                                     "c=IN IP4 0.0.0.0\r\n",
                                     "c=IN IP6 ::1\r\n",
                                     "c=IN IP4 10.0.0.1/127/3\r\n",
                                     "a=rtcp:65535\r\n",
                                     "a=rtcp:4001 IN IP4 10.0.0.20\r\n",
                                     "a=sendonly\r\n",
                                     "o=- 0 0 IN IP4 10.0.0.20\r\n",
                                     (LONG_WORD LONG_WORD LONG_WORD)};

static const char *const numbers[] = {
    "0",     "1",          "-1",         "255",         "256",
    "1023",  "5060",       "65534",      "65535",       "65536",
    "99999", "2147483648", "4294967295", "4294967296",  "18446744073709551616",
    "",      "0x10",       "1e9",        "00000000001", "999999999999999999999999999999"};

static const char *const addresses[] = {
    "0.0.0.0",         "10.0.0.1",     "10.0.0.20", "10.0.0.21",  "127.0.0.1", "203.0.113.2",
    "255.255.255.255", "198.51.100.5", "224.0.0.1", "10.0.0.256", "10.0.0",    "example.com"};

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

/* Put `with` in place of the `n` bytes at `at`, as far as there is room. */
static void splice(struct buffer *m, size_t at, size_t n, struct slice with)
{
    if (m->n - n + with.n > m->cap)
        with = slice_head(with, m->cap - (m->n - n));
    memmove(m->b + at + with.n, m->b + at + n, m->n - at - n);
    if (with.n)
        memcpy(m->b + at, with.p, with.n);
    m->n += with.n - n;
}

static size_t place(struct rng *rng, const struct buffer *m)
{
    return rng_below(rng, (uint32_t)m->n + 1);
}

/* A stretch that begins at `at`, short more often than long. */
static size_t stretch(struct rng *rng, const struct buffer *m, size_t at)
{
    static const uint8_t lengths[] = {1, 1, 2, 4, 8, 16, 64, 255};
    size_t n = lengths[rng_below(rng, COUNT(lengths))];
    return n < m->n - at ? n : m->n - at;
}

static bool flip_bit(struct rng *rng, struct buffer *m)
{
    m->b[rng_below(rng, (uint32_t)m->n)] ^= (unsigned char)(1u << rng_below(rng, 8));
    return true;
}

static bool set_byte(struct rng *rng, struct buffer *m)
{
    m->b[rng_below(rng, (uint32_t)m->n)] = (unsigned char)rng_next(rng);
    return true;
}

static bool cut_end(struct rng *rng, struct buffer *m)
{
    m->n = place(rng, m);
    return true;
}

static bool cut_out(struct rng *rng, struct buffer *m)
{
    size_t at = place(rng, m);
    splice(m, at, stretch(rng, m, at), SLICE_NONE);
    return true;
}

static bool repeat(struct rng *rng, struct buffer *m)
{
    char copy[256];
    size_t at = place(rng, m), n = stretch(rng, m, at);
    memcpy(copy, m->b + at, n);
    splice(m, place(rng, m), 0, slice_of(copy, n));
    return true;
}

static bool insert_piece(struct rng *rng, struct buffer *m)
{
    splice(m, place(rng, m), 0, slice_str(pieces[rng_below(rng, COUNT(pieces))]));
    return true;
}

static bool insert_control(struct rng *rng, struct buffer *m)
{
    static const char controls[] = {'\0', '\r', '\n', '\t', 0x7f, 0x1b};
    splice(m, place(rng, m), 0, slice_of(&controls[rng_below(rng, sizeof controls)], 1));
    return true;
}

/* A field of two or four bytes gets a value at its limits, or near the length of what follows. */
static bool set_field(struct rng *rng, struct buffer *m)
{
    if (m->n < 4)
        return false;
    size_t at = rng_below(rng, (uint32_t)m->n - 3) & ~1u;
    uint32_t left = (uint32_t)(m->n - at);
    const uint32_t values[] = {0,      1,      4,      7,        8,    19,      20,
                               0x7fff, 0x8000, 0xffff, left - 1, left, left + 1};
    uint32_t v = values[rng_below(rng, COUNT(values))];
    m->b[at] = (unsigned char)(v >> 8);
    m->b[at + 1] = (unsigned char)v;
    return true;
}

/* A stretch of digits (and of dots, with an address) around a random place. */
static bool find_number(struct rng *rng, const struct buffer *m, bool dots, size_t range[2])
{
    size_t first = place(rng, m);
    while (first < m->n && !ascii_digit((char)m->b[first]))
        first++;
    size_t end = first;
    while (end < m->n && (ascii_digit((char)m->b[end]) || (dots && m->b[end] == '.')))
        end++;
    range[0] = first;
    range[1] = end;
    return end > first;
}

static bool change_number(struct rng *rng, struct buffer *m)
{
    size_t r[2];
    if (!find_number(rng, m, false, r))
        return false;
    splice(m, r[0], r[1] - r[0], slice_str(numbers[rng_below(rng, COUNT(numbers))]));
    return true;
}

static bool change_address(struct rng *rng, struct buffer *m)
{
    size_t r[2];
    if (!find_number(rng, m, true, r) || r[1] - r[0] < 7)
        return false;
    splice(m, r[0], r[1] - r[0], slice_str(addresses[rng_below(rng, COUNT(addresses))]));
    return true;
}

/* The line around a random place, with its end. */
static bool find_line(struct rng *rng, const struct buffer *m, size_t range[2])
{
    size_t first = place(rng, m), end = first;
    while (first > 0 && m->b[first - 1] != '\n')
        first--;
    while (end < m->n && m->b[end] != '\n')
        end++;
    range[0] = first;
    range[1] = end < m->n ? end + 1 : end;
    return end > first && (first > 0 || end < m->n);
}

static bool lose_line(struct rng *rng, struct buffer *m)
{
    size_t r[2];
    if (!find_line(rng, m, r))
        return false;
    splice(m, r[0], r[1] - r[0], SLICE_NONE);
    return true;
}

/* Another copy of a line, or with `move` the line itself, before some other line. */
static bool copy_line(struct rng *rng, struct buffer *m, bool move)
{
    char line[512];
    size_t from[2], to[2];
    if (!find_line(rng, m, from) || from[1] - from[0] > sizeof line)
        return false;
    size_t n = from[1] - from[0];
    memcpy(line, m->b + from[0], n);
    if (move)
        splice(m, from[0], n, SLICE_NONE);
    if (!find_line(rng, m, to))
        to[0] = m->n;
    splice(m, to[0], 0, slice_of(line, n));
    return true;
}

static bool repeat_line(struct rng *rng, struct buffer *m)
{
    return copy_line(rng, m, false);
}

static bool move_line(struct rng *rng, struct buffer *m)
{
    return copy_line(rng, m, true);
}

size_t mutation_apply(struct rng *rng, unsigned char *b, size_t n, size_t cap)
{
    static bool (*const kinds[])(struct rng * rng, struct buffer * m) = {
        flip_bit,     set_byte,       cut_end,   cut_out,       repeat,
        insert_piece, insert_control, set_field, change_number, change_address,
        lose_line,    repeat_line,    move_line};
    struct buffer m = {b, n, cap};
    /* Mostly one: what is damaged in many ways is refused by the first check. */
    unsigned wanted = rng_below(rng, 3) ? 1 : 2 + rng_below(rng, 3);
    for (unsigned tries = 0; wanted > 0 && tries < 32 && m.n > 0; tries++)
        if (kinds[rng_below(rng, COUNT(kinds))](rng, &m))
            wanted--;
    return m.n;
}
