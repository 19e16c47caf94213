/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The slot for a slice goes IDLE -> ASKED (control) -> ANSWERED (ALG) -> IDLE (control). Its
 * content belongs to whoever is to make the next step; the state is stored with release and loaded
 * with acquire.
 *
 * Several logins may list at once. An answered slice is kept for whoever comes with its cursor
 * until it is used up, or SLICE_MS old: then its reader has gone, and the next question takes the
 * slot. So listings take turns and none is starved.
 */
#include "fastpath/alg_mail.h"

#include <errno.h>
#include <stdlib.h>

#define SLICE_CALLS 16
#define SLICE_MS    500
#define CLEAR_RING  64 /* a power of two */

enum slice_state {
    SLICE_IDLE,
    SLICE_ASKED,
    SLICE_ANSWERED
};

struct alg_mail {
    uint32_t state; /* atomic, enum slice_state */
    uint32_t cursor;
    uint64_t answered_ms; /* when control first saw the answer, 0 not yet */
    unsigned n, used;
    bool end;                    /* the list ends with this slice */
    uint32_t after[SLICE_CALLS]; /* cursor after each call */
    struct alg_call calls[SLICE_CALLS];

    uint32_t clear_head; /* atomic: ALG takes here */
    uint32_t clear_tail; /* atomic: control adds here */
    uint64_t clear[CLEAR_RING];
    uint32_t clear_stats; /* atomic flag */
};

struct alg_mail *alg_mail_create(void)
{
    return calloc(1, sizeof(struct alg_mail));
}

void alg_mail_destroy(struct alg_mail *mail)
{
    free(mail);
}

static void state_store(struct alg_mail *mail, enum slice_state state)
{
    __atomic_store_n(&mail->state, state, __ATOMIC_RELEASE);
}

static enum slice_state state_load(const struct alg_mail *mail)
{
    return (enum slice_state)__atomic_load_n(&mail->state, __ATOMIC_ACQUIRE);
}

static int ask(struct alg_mail *mail, uint32_t cursor)
{
    mail->cursor = cursor;
    mail->answered_ms = 0;
    mail->n = mail->used = 0;
    mail->end = false;
    state_store(mail, SLICE_ASKED);
    return -EAGAIN;
}

int alg_mail_call(struct alg_mail *mail, uint32_t *cursor, uint64_t now_ms, struct alg_call *out)
{
    enum slice_state state = state_load(mail);
    if (state == SLICE_ASKED)
        return -EAGAIN;
    if (state == SLICE_IDLE)
        return ask(mail, *cursor);

    if (mail->answered_ms == 0)
        mail->answered_ms = now_ms;
    if (mail->cursor != *cursor)
        return now_ms - mail->answered_ms < SLICE_MS ? -EAGAIN : ask(mail, *cursor);
    if (mail->used < mail->n) {
        *out = mail->calls[mail->used];
        *cursor = mail->cursor = mail->after[mail->used++];
        return 1;
    }
    bool end = mail->end;
    state_store(mail, SLICE_IDLE);
    return end ? 0 : ask(mail, *cursor);
}

int alg_mail_clear_call(struct alg_mail *mail, uint64_t id)
{
    uint32_t tail = mail->clear_tail;
    if (tail - __atomic_load_n(&mail->clear_head, __ATOMIC_ACQUIRE) == CLEAR_RING)
        return -EAGAIN;
    mail->clear[tail % CLEAR_RING] = id;
    __atomic_store_n(&mail->clear_tail, tail + 1, __ATOMIC_RELEASE);
    return 0;
}

void alg_mail_clear_stats(struct alg_mail *mail)
{
    __atomic_store_n(&mail->clear_stats, 1, __ATOMIC_RELEASE);
}

static void slice_fill(struct alg_mail *mail, const struct alg *alg, uint64_t now_ms)
{
    uint32_t cursor = mail->cursor;
    while (mail->n < SLICE_CALLS && !mail->end) {
        if (alg_call_next(alg, &cursor, now_ms, &mail->calls[mail->n]) == 1)
            mail->after[mail->n++] = cursor;
        else
            mail->end = true;
    }
}

unsigned alg_mail_serve(struct alg_mail *mail, struct alg *alg, uint64_t now_ms)
{
    unsigned done = 0;
    if (__atomic_load_n(&mail->clear_stats, __ATOMIC_RELAXED) &&
        __atomic_exchange_n(&mail->clear_stats, 0, __ATOMIC_ACQUIRE)) {
        alg_stats_clear(alg);
        done++;
    }
    uint32_t head = mail->clear_head;
    for (; head != __atomic_load_n(&mail->clear_tail, __ATOMIC_ACQUIRE); done++) {
        (void)alg_call_clear(alg, mail->clear[head % CLEAR_RING], now_ms);
        __atomic_store_n(&mail->clear_head, ++head, __ATOMIC_RELEASE);
    }
    if (state_load(mail) == SLICE_ASKED) {
        slice_fill(mail, alg, now_ms);
        state_store(mail, SLICE_ANSWERED);
        done++;
    }
    return done;
}
