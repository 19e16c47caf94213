/* SPDX-License-Identifier: BSD-3-Clause */
#include "sessions/nat.h"

void nat_probe_init(struct nat_probe *p, const struct nat_want *want, be16 source, uint32_t random,
                    uint16_t step)
{
    *p = (struct nat_probe){
        .want = want, .source = be16_host(source), .start = random, .step = step};
}

/* A source port below 1024 is not kept: outside it may stand for a service (RFC 4787 REQ-3). */
static bool source_first(const struct nat_probe *p)
{
    return p->want->fixed || (p->want->preserve && p->source >= 1024);
}

bool nat_probe_next(struct nat_probe *p, be16 *port)
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
    uint32_t first = p->want->first;
    if (p->step == 2 && (first ^ p->source) & 1)
        first++;
    if (first > p->want->last)
        return false;
    uint32_t places = (p->want->last - first) / p->step + 1;
    if (n >= places)
        return false;
    *port = be16_of((uint16_t)(first + (p->start % places + n) % places * p->step));
    return true;
}
