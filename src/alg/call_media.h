/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The media of a call: which of its pins the last finished offer and answer agreed on, which the
 * one under way asks for, and whether packets still come. Make before break: what is agreed stays
 * until the new agreement is complete, and comes back if it is refused (RFC 3264 8).
 */
#pragma once

#include "alg/sip_plan.h"

struct alg;

/* Does the description of this message answer one of the other side (RFC 3264)? */
bool media_answers(const struct dialog *d, const struct sip_message *m);

/*
 * What the call holds for the endpoints of a map, or NULL. Where it holds RTP with several ports of
 * RTCP, as while that moves, the one with the map's.
 */
struct pin *media_pin(const struct alg *alg, const struct dialog *d, const struct sip_map *map);

/*
 * The inside party's new description names these streams: the pins of plan->maps are asked for, no
 * others. What a first exchange has already agreed on counts as agreed from here on.
 */
void media_ask(struct alg *alg, struct dialog *d, const struct sip_plan *plan, bool first);

/*
 * The same description again, of an exchange that is not complete: what opened only now (the public
 * address changed in between) is asked for as well.
 */
void media_ask_again(struct alg *alg, struct dialog *d, const struct sip_plan *plan);

/* The exchange is complete: what was asked for is agreed, the rest closes. */
void media_settle(struct alg *alg, struct dialog *d);

/* The exchange is complete and said nothing new: all there is stays. */
void media_keep(struct alg *alg, struct dialog *d);

/* The exchange was refused: what was only asked for closes. */
void media_revert(struct alg *alg, struct dialog *d);

/* The outside party's description: where each stream is to be sent. */
void media_remote(struct alg *alg, struct dialog *d, const struct sip_plan *plan);

/*
 * The message is dealt with. Where no exchange is under way RTCP's mapping goes if both sides take
 * it by RTP's port.
 */
void media_rest(struct alg *alg, struct dialog *d);

/* Close all media at once. */
void media_close(struct alg *alg, struct dialog *d);

/* Has the call media that pass through here? They count although their mappings have closed. */
bool media_has(const struct alg *alg, const struct dialog *d);

/*
 * Note in the record when its media were last heard of. Returns that, or d->media_ms if that is
 * later. What a mapping heard is lost when it closes: finding one closed for the first time counts
 * as hearing of it. To be called before pins go.
 */
uint64_t media_heard(struct alg *alg, struct dialog *d, uint64_t now_ms);
