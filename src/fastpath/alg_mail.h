/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Questions and orders of the control thread to the ALG, which alone may read its dialogs: one slot
 * for a slice of the call list, a ring of calls to end, a flag. Control makes and frees the
 * mailbox; the ALG thread serves it once per round. Nobody waits.
 */
#pragma once

#include "alg/alg.h"

struct alg_mail;

/* NULL: no memory. Free it only while no ALG thread serves it. */
struct alg_mail *alg_mail_create(void);
void alg_mail_destroy(struct alg_mail *mail);

/*
 * Control: the next call from *cursor on (begin with 0). 1 with *out and a new *cursor, 0 at the
 * end, -EAGAIN when the ALG has not answered yet, or answers somebody else: ask again later.
 */
int alg_mail_call(struct alg_mail *mail, uint32_t *cursor, uint64_t now_ms, struct alg_call *out);

/* Control: the next meter of a policy, in the same way. */
int alg_mail_meter(struct alg_mail *mail, uint32_t *cursor, uint64_t now_ms, struct alg_meter *out);

/* Control: end a call by its id, as alg_call_clear. 0, or -EAGAIN when too many wait already. */
int alg_mail_clear_call(struct alg_mail *mail, uint64_t id);

/* Control: set the counters to zero. */
void alg_mail_clear_stats(struct alg_mail *mail);

/* ALG thread, once per round: do what is asked. Returns how many things it did. */
unsigned alg_mail_serve(struct alg_mail *mail, struct alg *alg, uint64_t now_ms);
