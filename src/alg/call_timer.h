/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The limits of a call and its end, for call.c; what others may call of call_timer.c is in call.h.
 */
#pragma once

#include "alg/dialog.h"

/* Answered and not over. */
static inline bool call_is_up(const struct dialog *d)
{
    return d->state == DIALOG_ANSWERED || d->state == DIALOG_ESTABLISHED;
}

/* The call is over, whatever becomes of its record. */
void call_over(struct alg *alg, struct dialog *d, const char *reason, uint64_t now_ms);

/* Over, and the record is gone afterwards. */
void call_drop(struct alg *alg, struct dialog *d, const char *reason, uint64_t now_ms);

/* Stay in `state` until then, if nothing comes. */
static inline void call_wait(struct dialog *d, enum dialog_state state, uint64_t until_ms)
{
    d->state = (uint8_t)state;
    d->expires_ms = until_ms;
}

/* A message was handled: put the call on its policy's idle list or take it off, end what is idle
 * beyond the policy's number, and file its timer. The record may be gone afterwards. */
void call_settled(struct alg *alg, struct dialog *d, uint64_t now_ms);
