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

/* Damage `f`. True when it was done to the payload of a datagram. */
bool frame_damage(struct rng *rng, struct frame *f);
