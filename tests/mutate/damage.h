/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Damaged copies of frames: of what a frame carries as SIP, made well-formed again around the
 * damage so that it reaches the code behind, or of the frame as a whole.
 */
#pragma once

#include "base/rng.h"
#include "frames.h"

/* The payload of a UDP frame without IP options; nothing for any other frame. */
struct slice frame_sip(struct slice frame);

#define FRAME_PIECES 10

/*
 * Cut an IPv4 frame without options into fragments in any order. Now and then one is missing, there
 * twice, longer than its place, elsewhere, or damaged. Returns how many; 0 for any other frame.
 */
unsigned frame_cut(struct rng *rng, const struct frame *f, struct frame pieces[FRAME_PIECES]);

/* Damage `f`. True when it was done to the payload of a datagram. */
bool frame_damage(struct rng *rng, struct frame *f);
