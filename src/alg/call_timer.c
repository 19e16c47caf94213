/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What ends a call without a message. A call that is up has several limits at once: its hard end,
 * Session-Expires, an ACK that does not come, silence, and the policy's number of idle calls. Its
 * one timer is filed for the earliest; whichever it was, all are looked at when it fires, and what
 * has not come yet is filed again. A limit that has passed must act or move, or the timer would
 * fire for ever.
 *
 * A call is idle (`max-idle-dialogs`) when it is established, no transaction is open, and it was
 * answered and last sent RTP at least ten seconds ago. The list of a policy holds those that fulfil
 * the first two conditions, the one whose last message is the oldest in front. Where it is longer
 * than the policy's number the front is looked at: what is idle ends, what is spoken in goes to the
 * back. When only such were met one call of the list carries the time of the next look
 * (`check_ms`); it hands it on when it leaves the list.
 *
 * Silence is counted from the last packet of the call's media. The mappings of media can close
 * under a call (the public address changes): nothing more is heard of them then, and silence begins
 * when that is noticed, since nobody knows what was heard just before.
 */
#include "alg/call_timer.h"

#include "alg/alg_state.h"
#include "alg/call.h"
#include "alg/call_media.h"
#include "alg/call_outlet.h"

#include <stdio.h>

#define IDLE_LOOKS    8    /* idle calls looked at when there are too many */
#define IDLE_AGAIN_MS 1000 /* between two looks */

static void call_file(struct alg *alg, struct dialog *d)
{
    const char *why;
    uint64_t at = call_deadline(alg, d, &why);
    if (d->check_ms && d->check_ms < at)
        at = d->check_ms;
    alg_file(alg, d, at);
}

/* Off the idle list; the next look at the list is another's then. */
static void idle_leave(struct alg *alg, struct dialog *d)
{
    uint64_t check_ms = d->check_ms;
    uint32_t n;
    dialog_idle(&alg->dialogs, d, false);
    d->check_ms = 0;
    uint32_t index = check_ms ? dialog_idle_oldest(&alg->dialogs, d, &n) : DIALOG_NONE;
    if (index == DIALOG_NONE)
        return;
    struct dialog *heir = dialog_at(&alg->dialogs, index);
    if (heir->check_ms && heir->check_ms <= check_ms)
        return;
    heir->check_ms = check_ms;
    call_file(alg, heir);
}

/* How the log calls the end of a call. */
static enum sip_log_status end_status(const struct dialog *d, const char *reason)
{
    if (!d->answered)
        return SIP_LOG_FAILED;
    return strcmp(reason, "bye") == 0 || strcmp(reason, "cleared") == 0 ? SIP_LOG_END
                                                                        : SIP_LOG_TIMEOUT;
}

void call_over(struct alg *alg, struct dialog *d, const char *reason, uint64_t now_ms)
{
    char more[64];
    if (!d->counted)
        return;
    idle_leave(alg, d);
    dialog_count(&alg->dialogs, d, false);
    stat_add(&alg->stats.calls_active, -1);
    if (!d->answered)
        stat_add(&alg->stats.calls_failed, 1);
    if (events_on(&alg->events)) {
        snprintf(more, sizeof(more), ",\"reason\":\"%s\",\"status\":%u", reason, d->status);
        alg_event(alg, "dialog-ended", d, now_ms, more);
    }
    sip_log_call(alg, d, end_status(d, reason), reason, now_ms);
}

void call_drop(struct alg *alg, struct dialog *d, const char *reason, uint64_t now_ms)
{
    call_over(alg, d, reason, now_ms);
    alg_forget(alg, d);
}

void call_clear(struct alg *alg, struct dialog *d, uint64_t now_ms)
{
    call_drop(alg, d, "cleared", now_ms);
}

/*
 * Silence
 */

/* When silence ends the call, as far as is known without asking the mappings; UINT64_MAX never. */
static uint64_t silence_deadline(const struct alg *alg, const struct dialog *d)
{
    uint64_t from = d->media_ms > d->heard_ms ? d->media_ms : d->heard_ms;
    if (d->held[0] || d->held[1])
        return UINT64_MAX;
    if (!media_has(alg, d))
        return d->last_ms + CALL_SILENCE_MS;
    if (d->call_keepalive_s)
        return from + d->call_keepalive_s * UINT64_C(1000);
    return (d->last_ms > from ? d->last_ms : from) + CALL_SILENCE_MS;
}

/* False when silence took the record away. */
static bool silence_limit(struct alg *alg, struct dialog *d, uint64_t now_ms)
{
    media_heard(alg, d, now_ms);
    if (now_ms < silence_deadline(alg, d))
        return true;
    if (!d->call_keepalive_s || !media_has(alg, d)) {
        call_drop(alg, d, "silence", now_ms);
        return false;
    }
    call_over(alg, d, "call-keepalive", now_ms);
    while (d->pins != PIN_NONE)
        alg_unpin(alg, d, pin_at(&alg->dialogs, d->pins));
    call_outlets_close(alg, d);
    call_wait(d, DIALOG_BLOCKED, now_ms + CALL_BLOCK_MS);
    dialog_block(&alg->dialogs, d);
    return true;
}

uint64_t call_deadline(const struct alg *alg, const struct dialog *d, const char **why)
{
    uint64_t at = d->expires_ms, silence;
    *why = dialog_state_ends_by((enum dialog_state)d->state);
    if (!call_is_up(d))
        return at;
    if (at == 0 || at > d->hard_ms)
        at = d->hard_ms;
    else
        *why = "session-expires";
    if (d->ack_ms && d->ack_ms < at) {
        at = d->ack_ms;
        *why = "ack";
    }
    silence = silence_deadline(alg, d);
    if (silence < at) {
        at = silence;
        *why = d->call_keepalive_s && media_has(alg, d) ? "call-keepalive" : "silence";
    }
    return at;
}

/*
 * max-idle-dialogs
 */

/* End what is idle beyond the policy's number. False when `d` itself was one of them. */
static bool idle_limit(struct alg *alg, struct dialog *d, uint64_t now_ms)
{
    uint64_t again = now_ms + CALL_QUIET_MS, quiet;
    uint32_t n, index = dialog_idle_oldest(&alg->dialogs, d, &n);
    d->check_ms = 0;
    if (d->max_idle == 0)
        return true;
    for (uint32_t looks = n < IDLE_LOOKS ? n : IDLE_LOOKS; looks > 0 && n > d->max_idle; looks--) {
        struct dialog *oldest = dialog_at(&alg->dialogs, index);
        quiet = media_heard(alg, oldest, now_ms) + CALL_QUIET_MS;
        if (quiet > now_ms) {
            dialog_idle(&alg->dialogs, oldest, true);
            again = quiet < again ? quiet : again;
        } else {
            call_drop(alg, oldest, "max-idle-dialogs", now_ms);
            if (oldest == d)
                return false;
        }
        index = dialog_idle_oldest(&alg->dialogs, d, &n);
    }
    if (n > d->max_idle)
        d->check_ms = again > now_ms + IDLE_AGAIN_MS ? again : now_ms + IDLE_AGAIN_MS;
    return true;
}

void call_settled(struct alg *alg, struct dialog *d, uint64_t now_ms)
{
    if (d->state != DIALOG_ESTABLISHED || dialog_busy(d)) {
        idle_leave(alg, d);
    } else {
        dialog_idle(&alg->dialogs, d, true);
        if (!idle_limit(alg, d, now_ms))
            return;
    }
    call_file(alg, d);
}

/*
 * Timers
 */

/* No ACK came. Where media flow it took another way. */
static bool ack_limit(struct alg *alg, struct dialog *d, uint64_t now_ms)
{
    if (d->ack_ms == 0 || now_ms < d->ack_ms)
        return true;
    if (media_heard(alg, d, now_ms) + CALL_QUIET_MS <= now_ms) {
        call_drop(alg, d, "no-ack", now_ms);
        return false;
    }
    d->ack_ms = now_ms + CALL_WAIT_MS;
    return true;
}

static void up_timer(struct alg *alg, struct dialog *d, uint64_t now_ms)
{
    if (now_ms >= d->hard_ms) {
        call_drop(alg, d, "hard-limit", now_ms);
        return;
    }
    if (d->expires_ms && now_ms >= d->expires_ms) {
        call_drop(alg, d, "session-expires", now_ms);
        return;
    }
    if (!ack_limit(alg, d, now_ms) || !silence_limit(alg, d, now_ms))
        return;
    if (!d->check_ms || now_ms < d->check_ms || idle_limit(alg, d, now_ms))
        call_file(alg, d);
}

void call_timer(struct alg *alg, struct dialog *d, uint64_t now_ms)
{
    if (call_is_up(d)) {
        up_timer(alg, d, now_ms);
        return;
    }
    if (now_ms < d->expires_ms) {
        call_file(alg, d);
        return;
    }
    switch ((enum dialog_state)d->state) {
    case DIALOG_TRYING:
    case DIALOG_EARLY:
        call_drop(alg, d, "provisional-expiry", now_ms);
        break;
    case DIALOG_CANCELLED:
        call_drop(alg, d, "cancelled", now_ms);
        break;
    case DIALOG_RETRY:
        call_drop(alg, d, "rejected", now_ms);
        break;
    case DIALOG_ENDING:
        call_drop(alg, d, "bye-unanswered", now_ms);
        break;
    default:
        call_drop(alg, d, "over", now_ms);
    }
}

/*
 * For listings
 */

static unsigned limit_put(struct call_limit *out, unsigned n, const char *name, uint64_t at_ms)
{
    unsigned i = n;
    for (; i > 0 && out[i - 1].at_ms > at_ms; i--)
        out[i] = out[i - 1];
    out[i] = (struct call_limit){name, at_ms};
    return n + 1;
}

unsigned call_limits(const struct alg *alg, const struct dialog *d,
                     struct call_limit out[CALL_LIMITS])
{
    uint64_t silence = silence_deadline(alg, d);
    unsigned n = 0;
    if (!call_is_up(d)) {
        const char *ends = dialog_state_ends_by((enum dialog_state)d->state);
        return d->expires_ms ? limit_put(out, n, ends, d->expires_ms) : 0;
    }
    n = limit_put(out, n, "hard-limit", d->hard_ms);
    if (d->expires_ms)
        n = limit_put(out, n, "session-expires", d->expires_ms);
    if (d->ack_ms)
        n = limit_put(out, n, "ack", d->ack_ms);
    if (silence != UINT64_MAX)
        n = limit_put(out, n,
                      d->call_keepalive_s && media_has(alg, d) ? "call-keepalive" : "silence",
                      silence);
    if (d->check_ms)
        n = limit_put(out, n, "max-idle-dialogs", d->check_ms);
    return n;
}
