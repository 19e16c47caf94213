/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The walk over the range begins anywhere and goes in strides of a quarter of it or more that share
 * no divisor with the number of places, so it visits each once. One place after the other would not
 * do: ports in use lie together, and a walk that begins in a long run of them gives up inside it.
 */
#include "sessions/nat.h"

static uint32_t common_divisor(uint32_t a, uint32_t b)
{
    while (b) {
        uint32_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

void nat_probe_init(struct nat_probe *p, const struct nat_want *want, be16 source, uint32_t random,
                    uint16_t step)
{
    *p = (struct nat_probe){
        .want = want, .source = be16_host(source), .random = random, .step = step};
}

/* Most flows keep their source port and never come here. */
static void walk_begin(struct nat_probe *p)
{
    p->first = p->want->first;
    /* Where every port is the host's own it keeps those it asks for, but is given no system port.
     */
    if (p->want->within && p->first < 1024 && p->want->last >= 1024)
        p->first = 1024;
    if (p->step == 2 && (p->first ^ p->source) & 1)
        p->first++;
    p->places = p->first > p->want->last ? 0 : (p->want->last - p->first) / p->step + 1;
    if (p->places == 0)
        return;
    p->at = p->random % p->places;
    p->stride = p->places / 4 + 1 + (p->random * 0x9e3779b1u >> 8) % (p->places / 2 + 1);
    while (common_divisor(p->stride, p->places) != 1)
        p->stride++;
}

/*
 * A source port below 1024 is not kept: outside it may stand for a service (RFC 4787 REQ-3). Unless
 * the public address is the host's own.
 */
static bool source_first(const struct nat_probe *p)
{
    const struct nat_want *want = p->want;
    if (want->fixed)
        return true;
    if (want->within)
        return want->preserve && p->source >= want->first && p->source <= want->last;
    return want->preserve && p->source >= 1024;
}

static be16 walk_next(struct nat_probe *p)
{
    be16 port = be16_of((uint16_t)(p->first + p->at * p->step));
    p->at = (p->at + p->stride) % p->places;
    return port;
}

/* The next port of the walk that fits. When the search is over the walk begins anew. */
static bool fitting_next(struct nat_probe *p, be16 *port)
{
    const struct nat_fit *fit = p->want->fit;
    while (p->looked < NAT_FIT_LOOKS && p->looked < p->places && p->fitting < NAT_FIT_PROBES) {
        p->looked++;
        *port = walk_next(p);
        if (fit->fits(fit->ctx, p->want->ip, *port)) {
            p->fitting++;
            return true;
        }
    }
    if (p->looked != UINT16_MAX) {
        p->looked = UINT16_MAX;
        p->at = p->random % p->places;
    }
    return false;
}

static bool propose(struct nat_probe *p, be16 *port)
{
    if (p->tried == NAT_PROBES)
        return false;
    uint16_t n = p->tried++;
    if (source_first(p)) {
        if (n == 0) {
            *port = be16_of(p->source);
            return true;
        }
        if (p->want->fixed)
            return false;
        n--;
    }
    if (n == 0)
        walk_begin(p);
    if (p->places && p->want->fit && fitting_next(p, port))
        return true;
    if ((uint32_t)(n - p->fitting) >= p->places)
        return false;
    *port = walk_next(p);
    return true;
}

bool nat_probe_next(struct nat_probe *p, be16 *port)
{
    while (propose(p, port))
        if (!nat_barred(p->want, *port))
            return true;
    return false;
}
