/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Atom i is bit i; bit i in the state set means "the atoms before i are behind us". A byte moves
 * every state whose atom accepts it to the next one (and keeps it where the atom repeats); an atom
 * that can be skipped passes its state on without a byte. Bit n is the match.
 */
#include "cli/pattern.h"

#include <errno.h>

static void accept_byte(struct pattern *p, unsigned atom, uint8_t c)
{
    p->accepts[c] |= UINT64_C(1) << atom;
    if (!p->fold)
        return;
    if (c >= 'a' && c <= 'z')
        p->accepts[c - 32] |= UINT64_C(1) << atom;
    if (c >= 'A' && c <= 'Z')
        p->accepts[c + 32] |= UINT64_C(1) << atom;
}

/* `[...]` at s.p[at]; returns the bytes it takes, 0 when it does not end. */
static size_t accept_set(struct pattern *p, unsigned atom, struct slice s, size_t at)
{
    size_t i = at + 1;
    bool inverse = i < s.n && s.p[i] == '^';
    i += inverse;
    size_t first = i;
    for (; i < s.n && (s.p[i] != ']' || i == first); i++) {
        uint8_t low = (uint8_t)s.p[i], high = low;
        if (i + 2 < s.n && s.p[i + 1] == '-' && s.p[i + 2] != ']') {
            high = (uint8_t)s.p[i + 2];
            i += 2;
        }
        for (unsigned c = low; c <= high; c++)
            accept_byte(p, atom, (uint8_t)c);
    }
    if (i >= s.n)
        return 0;
    for (unsigned c = 0; inverse && c < 256; c++)
        p->accepts[c] ^= UINT64_C(1) << atom;
    return i + 1 - at;
}

/* One atom at s.p[at]; returns the bytes it takes, 0 when it is broken. */
static size_t accept_atom(struct pattern *p, unsigned atom, struct slice s, size_t at)
{
    switch (s.p[at]) {
    case '[':
        return accept_set(p, atom, s, at);
    case '.':
        for (unsigned c = 0; c < 256; c++)
            p->accepts[c] |= UINT64_C(1) << atom;
        return 1;
    case '\\':
        if (at + 1 == s.n)
            return 0;
        accept_byte(p, atom, (uint8_t)s.p[at + 1]);
        return 2;
    case '*':
    case '+':
    case '?':
        return 0;
    default:
        accept_byte(p, atom, (uint8_t)s.p[at]);
        return 1;
    }
}

int pattern_compile(struct pattern *pattern, struct slice text, bool fold)
{
    *pattern = (struct pattern){.fold = fold};
    size_t at = 0;
    if (text.n > 0 && text.p[0] == '^') {
        pattern->from_start = true;
        at = 1;
    }
    while (at < text.n) {
        if (at + 1 == text.n && text.p[at] == '$') {
            pattern->to_end = true;
            break;
        }
        if (pattern->n == PATTERN_ATOMS)
            return -E2BIG;
        size_t used = accept_atom(pattern, pattern->n, text, at);
        if (used == 0)
            return -EINVAL;
        at += used;
        char suffix = at < text.n ? text.p[at] : '\0';
        uint64_t bit = UINT64_C(1) << pattern->n++;
        if (suffix == '*' || suffix == '?')
            pattern->skippable |= bit;
        if (suffix == '*' || suffix == '+')
            pattern->repeatable |= bit;
        at += suffix == '*' || suffix == '?' || suffix == '+';
    }
    return 0;
}

/* Add the states reached by leaving out skippable atoms. */
static uint64_t skip(const struct pattern *p, uint64_t states)
{
    uint64_t more = states;
    while (more) {
        more = ((more & p->skippable) << 1) & ~states;
        states |= more;
    }
    return states;
}

bool pattern_matches(const struct pattern *pattern, struct slice line)
{
    uint64_t end = UINT64_C(1) << pattern->n, start = skip(pattern, 1), states = start;
    for (size_t i = 0; i < line.n; i++) {
        if ((states & end) && !pattern->to_end)
            return true;
        uint64_t hit = states & pattern->accepts[(uint8_t)line.p[i]];
        states = skip(pattern, hit << 1 | (hit & pattern->repeatable));
        if (!pattern->from_start)
            states |= start;
    }
    return states & end;
}
