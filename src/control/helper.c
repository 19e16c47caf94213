/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A queue under a lock that is held for a few instructions. `posted` and `done` count jobs, so that
 * control can ask without the lock whether all is done. A job may free itself, so its link is read
 * before it runs.
 */
#include "control/helper.h"

#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#define NAP_NS 1000000

struct helper {
    pthread_mutex_t lock;
    pthread_cond_t wake, idle;
    pthread_t thread;
    bool started, stop;
    struct helper_job *first, **last; /* under the lock */
    uint64_t posted;                  /* control */
    uint64_t done;                    /* atomic */
};

struct helper *helper_create(void)
{
    struct helper *h = calloc(1, sizeof *h);
    pthread_condattr_t attributes;
    if (!h)
        abort();
    h->last = &h->first;
    pthread_mutex_init(&h->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&h->wake, NULL);
    pthread_cond_init(&h->idle, &attributes);
    pthread_condattr_destroy(&attributes);
    return h;
}

/* The next job, or NULL when it is time to end; under the lock. */
static struct helper_job *job_take(struct helper *h)
{
    while (!h->first && !h->stop)
        pthread_cond_wait(&h->wake, &h->lock);
    struct helper_job *job = h->first;
    if (job) {
        h->first = job->next;
        if (!h->first)
            h->last = &h->first;
    }
    return job;
}

static void *helper_thread(void *arg)
{
    struct helper *h = arg;
    struct helper_job *job;
    pthread_mutex_lock(&h->lock);
    while ((job = job_take(h))) {
        pthread_mutex_unlock(&h->lock);
        job->run(job);
        pthread_mutex_lock(&h->lock);
        __atomic_store_n(&h->done, h->done + 1, __ATOMIC_RELEASE);
        pthread_cond_signal(&h->idle);
    }
    pthread_mutex_unlock(&h->lock);
    return NULL;
}

/* Signals are for the control thread. */
static bool thread_start(struct helper *h)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    h->started = pthread_create(&h->thread, NULL, helper_thread, h) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return h->started;
}

void helper_post(struct helper *h, struct helper_job *job)
{
    if (!h->started && !thread_start(h)) {
        job->run(job);
        return;
    }
    job->next = NULL;
    h->posted++;
    pthread_mutex_lock(&h->lock);
    *h->last = job;
    h->last = &job->next;
    pthread_cond_signal(&h->wake);
    pthread_mutex_unlock(&h->lock);
}

bool helper_idle(const struct helper *h)
{
    return __atomic_load_n(&h->done, __ATOMIC_ACQUIRE) == h->posted;
}

void helper_nap(struct helper *h)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += NAP_NS;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    pthread_mutex_lock(&h->lock);
    if (!helper_idle(h))
        pthread_cond_timedwait(&h->idle, &h->lock, &until);
    pthread_mutex_unlock(&h->lock);
}

void helper_destroy(struct helper *h)
{
    if (!h)
        return;
    if (h->started) {
        pthread_mutex_lock(&h->lock);
        h->stop = true;
        pthread_cond_signal(&h->wake);
        pthread_mutex_unlock(&h->lock);
        pthread_join(h->thread, NULL);
    }
    pthread_cond_destroy(&h->wake);
    pthread_cond_destroy(&h->idle);
    pthread_mutex_destroy(&h->lock);
    free(h);
}
