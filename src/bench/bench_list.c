/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How long an operator waits for the list of N calls, and whom it holds up. The ALG has a thread
 * of its own that naps as pinholed's does where it is idle and may, or never naps; a login of the
 * CLI on this thread lists all calls, and what it prints is thrown away. Then the same slices are
 * asked for with the ALG on this thread, to see how long a round with a slice lasts.
 */
#include "alg/alg.h"
#include "bench/sip_calls.h"
#include "cli/protocol.h"
#include "cli/server.h"
#include "config/load.h"
#include "config/tree.h"
#include "control/core.h"
#include "fastpath/alg_mail.h"

#include <rte_cycles.h>
#include <rte_lcore.h>
#include <rte_pause.h>

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>

#define NAP_US 100 /* as in pinholed.c */

struct list_run {
    struct sip_calls c;
    struct control *control; /* only what a listing of calls asks of it */
    struct config_tree *tree;
    double *us; /* of each step of the login, or of each slice */
    uint32_t n_us;
    uint64_t bytes;
    bool naps;
    bool stop; /* atomic */
};

static double us_of(uint64_t cycles)
{
    return (double)cycles * 1e6 / (double)rte_get_tsc_hz();
}

static void *alg_thread(void *p)
{
    const struct timespec length = {.tv_nsec = NAP_US * 1000};
    struct list_run *x = p;
    bench_pin(1);
    prctl(PR_SET_TIMERSLACK, 1000UL);
    bool registered = rte_thread_register() == 0; /* for the mempool's cache */
    while (!__atomic_load_n(&x->stop, __ATOMIC_RELAXED)) {
        if (alg_core_run_once(x->c.core, x->c.b->now_ms) > 0)
            continue;
        if (x->naps)
            nanosleep(&length, NULL);
        else
            rte_pause();
    }
    if (registered)
        rte_thread_unregister();
    return NULL;
}

static void login_list(struct list_run *x)
{
    struct cli_conn *conn = cli_conn_open(x->tree, &x->control->backend);
    struct text line = {0};
    bool more = true;
    message_put(&line, MESSAGE_LINE, SLICE_LIT("diagnose sys sip-proxy calls list"));
    (void)cli_conn_input(conn, text_slice(&line));
    text_free(&line);
    while (more) {
        uint64_t start = rte_rdtsc();
        more = cli_conn_step(conn);
        size_t printed = cli_conn_pending(conn).n;
        if (printed > 0 && x->n_us < x->c.load.n_calls)
            x->us[x->n_us++] = us_of(rte_rdtsc() - start);
        cli_conn_sent(conn, printed);
        x->bytes += printed;
    }
    cli_conn_close(conn);
}

/* Seconds for all calls. */
static double list_seconds(struct list_run *x, bool naps)
{
    pthread_t thread;
    x->naps = naps;
    x->n_us = 0;
    x->bytes = 0;
    __atomic_store_n(&x->stop, false, __ATOMIC_RELAXED);
    if (pthread_create(&thread, NULL, alg_thread, x) != 0)
        abort();
    uint64_t start = rte_rdtsc();
    login_list(x);
    double seconds = us_of(rte_rdtsc() - start) / 1e6;
    __atomic_store_n(&x->stop, true, __ATOMIC_RELAXED);
    pthread_join(thread, NULL);
    return seconds;
}

/* Every slice, each by a round of the ALG that has nothing else to do. Returns how many rows. */
static uint32_t slices_time(struct list_run *x)
{
    struct alg_core *core = x->c.core;
    struct alg_call call;
    uint32_t cursor = 0, rows = 0;
    int rc;
    x->n_us = 0;
    while ((rc = alg_mail_call(core->mail, &cursor, x->c.b->now_ms, &call)) != 0) {
        if (rc == 1) {
            rows++;
            continue;
        }
        uint64_t start = rte_rdtsc();
        alg_core_run_once(core, x->c.b->now_ms);
        if (x->n_us < x->c.load.n_calls)
            x->us[x->n_us++] = us_of(rte_rdtsc() - start);
    }
    return rows;
}

static void report_us(struct list_run *x, struct report *r, const char *what)
{
    report_figure(r, "us", bench_median(x->us, x->n_us), 1, what);
    report_figure(r, "p99_us", x->us[x->n_us * 99ull / 100], 1, "us p99");
}

static int list_report(struct list_run *x, struct report *r)
{
    uint32_t n = x->c.load.n_calls;
    for (int naps = 0; naps < 2; naps++) {
        double seconds = list_seconds(x, naps);
        report_open(r, naps ? "sip-list-napping" : "sip-list", n, "calls");
        report_figure(r, "s", seconds, 2, "s");
        report_figure(r, "mb", (double)x->bytes / 1e6, 0, "MB");
        report_us(x, r, "us a step of the login");
        report_close(r);
    }
    uint32_t rows = slices_time(x);
    if (rows != n) {
        fprintf(stderr, "pinhole-bench: of %u calls %u are listed\n", n, rows);
        return -1;
    }
    report_open(r, "sip-list-slice", n, "calls");
    report_us(x, r, "us a round of the ALG with a slice");
    report_close(r);
    return 0;
}

int bench_list(const struct bench_options *o, uint32_t n_calls, struct report *r)
{
    struct list_run x = {.control = calloc(1, sizeof *x.control)};
    struct text error = {0};
    if (!x.control || sip_calls_init(&x.c, o, n_calls) != 0) {
        free(x.control);
        return -1;
    }
    int result = config_load_text("bench", SLICE_NONE, &x.tree, &error, NULL);
    x.us = calloc(n_calls, sizeof *x.us);
    sip_calls_begin_all(&x.c);
    x.control->dp = x.c.b->dp;
    x.control->alg = x.c.core;
    control_backend_init(x.control);
    result = result == 0 && x.us && !x.c.failed ? list_report(&x, r) : -1;
    text_free(&error);
    tree_free(x.tree);
    free(x.us);
    free(x.control);
    sip_calls_free(&x.c);
    return result;
}
