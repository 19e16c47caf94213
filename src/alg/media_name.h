/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Media endpoints that outside are known by a virtual IP (fortios.md 3.7): of the host that speaks,
 * or of a media gateway that it speaks for. Planning only; ALG thread.
 */
#pragma once

#include "alg/alg_names.h"
#include "alg/sdp.h"

/* Where media go that a description of the inside party names. */
struct media_name {
    struct ip_port inside;
    struct ip_port outer; /* what stands for it outside */
    bool pair;            /* RTCP's port is its neighbour outside, too */
    bool written;         /* the description says `outer` itself */
};

/* True, and the name, when a virtual IP stands for the endpoint of this stream. */
bool media_name(const struct alg_packet *packet, const struct sdp_media *m, struct media_name *out);
