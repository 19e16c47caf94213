/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A slot for a slice of a list goes IDLE -> ASKED (control) -> ANSWERED (ALG) -> IDLE (control).
 * Its content belongs to whoever is to make the next step; the state is stored with release and
 * loaded with acquire.
 *
 * Several logins may list at once. An answered slice is kept for whoever comes with its cursor
 * until it is used up, or SLICE_MS old: then its reader has gone, and the next question takes the
 * slot. So listings take turns and none is starved.
 *
 * A slice is as many rows as the ALG makes in a round beside its work. It ends early where rows are
 * far apart; then `next` says where to go on.
 *
 * Calls to end are taken before a slice is filled: a listing that ends what it reads never has more
 * than one slice of them waiting.
 */
#include "fastpath/alg_mail.h"

#include <errno.h>
#include <stdlib.h>

#define SLICE_ROWS 32
#define SLICE_MS   500
#define CLEAR_RING 128 /* a power of two */

enum slice_state {
    SLICE_IDLE,
    SLICE_ASKED,
    SLICE_ANSWERED
};

/* One slice of a list, without its rows. */
struct slot {
    uint32_t state; /* atomic, enum slice_state */
    uint32_t cursor, next;
    uint64_t answered_ms; /* when control first saw the answer, 0 not yet */
    unsigned n, used;
    bool end;                   /* the list ends with this slice */
    uint32_t after[SLICE_ROWS]; /* cursor after each row */
};

struct alg_mail {
    struct slot call_slot;
    struct alg_call calls[SLICE_ROWS];
    struct slot meter_slot;
    struct alg_meter meters[SLICE_ROWS];

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

static void state_store(struct slot *slot, enum slice_state state)
{
    __atomic_store_n(&slot->state, state, __ATOMIC_RELEASE);
}

static enum slice_state state_load(const struct slot *slot)
{
    return (enum slice_state)__atomic_load_n(&slot->state, __ATOMIC_ACQUIRE);
}

static int ask(struct slot *slot, uint32_t cursor)
{
    slot->cursor = slot->next = cursor;
    slot->answered_ms = 0;
    slot->n = slot->used = 0;
    slot->end = false;
    state_store(slot, SLICE_ASKED);
    return -EAGAIN;
}

/* Which row of the slice is next for a reader at *cursor: 1 with *row, 0 at the end, -EAGAIN. */
static int row_next(struct slot *slot, uint32_t *cursor, uint64_t now_ms, unsigned *row)
{
    enum slice_state state = state_load(slot);
    if (state == SLICE_ASKED)
        return -EAGAIN;
    if (state == SLICE_IDLE)
        return ask(slot, *cursor);

    if (slot->answered_ms == 0)
        slot->answered_ms = now_ms;
    if (slot->cursor != *cursor)
        return now_ms - slot->answered_ms < SLICE_MS ? -EAGAIN : ask(slot, *cursor);
    if (slot->used < slot->n) {
        *row = slot->used;
        *cursor = slot->cursor = slot->after[slot->used++];
        return 1;
    }
    *cursor = slot->next;
    if (!slot->end)
        return ask(slot, *cursor);
    state_store(slot, SLICE_IDLE);
    return 0;
}

int alg_mail_call(struct alg_mail *mail, uint32_t *cursor, uint64_t now_ms, struct alg_call *out)
{
    unsigned row = 0;
    int rc = row_next(&mail->call_slot, cursor, now_ms, &row);
    if (rc == 1)
        *out = mail->calls[row];
    return rc;
}

int alg_mail_meter(struct alg_mail *mail, uint32_t *cursor, uint64_t now_ms, struct alg_meter *out)
{
    unsigned row = 0;
    int rc = row_next(&mail->meter_slot, cursor, now_ms, &row);
    if (rc == 1)
        *out = mail->meters[row];
    return rc;
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

/* A row was made, or `rc` says that there was none. False: the slice is done. */
static bool row_made(struct slot *slot, int rc)
{
    if (rc == 1)
        slot->after[slot->n++] = slot->next;
    slot->end = rc == 0;
    return rc == 1 && slot->n < SLICE_ROWS;
}

static bool calls_serve(struct alg_mail *mail, const struct alg *alg, uint64_t now_ms)
{
    struct slot *slot = &mail->call_slot;
    if (state_load(slot) != SLICE_ASKED)
        return false;
    while (row_made(slot, alg_call_next(alg, &slot->next, now_ms, &mail->calls[slot->n])))
        ;
    state_store(slot, SLICE_ANSWERED);
    return true;
}

static bool meters_serve(struct alg_mail *mail, const struct alg *alg, uint64_t now_ms)
{
    struct slot *slot = &mail->meter_slot;
    if (state_load(slot) != SLICE_ASKED)
        return false;
    while (row_made(slot, alg_meters_next(alg, &slot->next, now_ms, &mail->meters[slot->n])))
        ;
    state_store(slot, SLICE_ANSWERED);
    return true;
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
    return done + calls_serve(mail, alg, now_ms) + meters_serve(mail, alg, now_ms);
}
