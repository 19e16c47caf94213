/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What SIP costs the ALG core. N calls stand; in turns a batch of them ends and as many begin, so
 * that their number stays. What is timed is the ALG core's round: taking the frame off the ring,
 * parsing, checking, finding the call, planning, committing, editing and handing it back. Building
 * the messages, the worker and control are not in it. Time is virtual: a thousand calls a second.
 */
#include "alg/alg_clock.h"
#include "bench/sip_calls.h"

#include <rte_cycles.h>

#include <stdio.h>
#include <unistd.h>

static double ns_of(uint64_t cycles)
{
    return (double)cycles * 1e9 / (double)rte_get_tsc_hz();
}

static uint64_t tsc_now(void)
{
    return rte_rdtsc();
}

/* A line of /proc/self/status in KiB, 0 when it is another one. */
static uint32_t status_kib(const char *line, const char *name)
{
    struct slice rest = slice_str(line);
    uint32_t kib = 0;
    if (strncmp(line, name, strlen(name)) != 0)
        return 0;
    rest = slice_trim(slice_skip(rest, strlen(name)));
    size_t digits = strspn(rest.p, "0123456789");
    return slice_u32(slice_of(rest.p, digits), UINT32_MAX, &kib) == 0 ? kib : 0;
}

/* Bytes this process has in memory, huge pages included. */
static double resident(void)
{
    char line[128];
    double bytes = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        bytes += 1024.0 * (status_kib(line, "VmRSS:") + status_kib(line, "HugetlbPages:"));
    if (f)
        fclose(f);
    return bytes;
}

static unsigned batch(const struct sip_calls *c, uint32_t at)
{
    return c->load.n_calls - at < BURST ? c->load.n_calls - at : BURST;
}

/* Begin, end, and what phones say otherwise. */
static void run(struct sip_calls *c, double seconds)
{
    uint64_t start = rte_rdtsc(), tsc = (uint64_t)(seconds * (double)rte_get_tsc_hz());
    uint32_t at = 0;
    do {
        unsigned n = batch(c, at);
        sip_calls_end(c, &c->order[at], n);
        sip_calls_begin(c, &c->order[at], n);
        sip_calls_say(c, SIP_LOAD_OPTIONS, &c->order[at], n);
        sip_calls_say(c, SIP_LOAD_REGISTER, &c->order[at], n);
        sip_calls_say(c, SIP_LOAD_REGISTERED, &c->order[at], n);
        sip_calls_wait(c, SIP_CALLS_BATCH_MS);
        at = at + n < c->load.n_calls ? at + n : 0;
    } while (rte_rdtsc() - start < tsc && !c->failed);
}

/* The seven messages of a call. */
static void report_call(const struct sip_calls *c, struct report *r)
{
    uint64_t cycles = 0, n = 0;
    for (int k = SIP_LOAD_INVITE; k <= SIP_LOAD_BYE_ANSWER; k++) {
        cycles += c->kind[k].cycles;
        n += c->kind[k].n;
    }
    report_open(r, "sip-call", c->load.n_calls, "calls");
    report_figure(r, "ns", ns_of(cycles) / (double)n, 0, "ns a message");
    report_figure(r, "messages_per_s", (double)n * 1e9 / ns_of(cycles), 0, "messages/s");
    report_close(r);
}

/* What the steps of the way take, over all kinds of messages. */
static void report_steps(const struct sip_calls *c, const struct alg_clock *clock, uint64_t n,
                         struct report *r)
{
    static const char *const names[] = {
#define X(id, name) name,
        ALG_STEPS(X)
#undef X
    };
    report_open(r, "sip-steps", c->load.n_calls, "calls");
    for (int s = 0; s < ALG_STEP_COUNT; s++)
        report_figure(r, names[s], ns_of(clock->cycles[s]) / (double)n, 0, names[s]);
    report_figure(r, "timers", ns_of(c->timers.cycles) / (double)n, 0, "timers");
    report_figure(r, "control", ns_of(c->control.cycles) / (double)n, 0, "control, in ns");
    report_close(r);
}

static void report_kinds(const struct sip_calls *c, struct report *r)
{
    for (int k = 0; k < SIP_LOAD_KIND_COUNT; k++) {
        char name[32];
        snprintf(name, sizeof name, "sip-%s", sip_load_name((enum sip_load_kind)k));
        report_open(r, name, c->load.n_calls, "calls");
        report_figure(r, "ns", ns_of(c->kind[k].cycles) / (double)c->kind[k].n, 0, "ns");
        report_close(r);
    }
}

/* One measurement over fresh counters. */
static void measure(struct sip_calls *c, double seconds)
{
    memset(c->kind, 0, sizeof c->kind);
    c->timers.cycles = c->control.cycles = 0;
    run(c, seconds);
}

static uint64_t messages(const struct sip_calls *c)
{
    uint64_t n = 0;
    for (int k = 0; k < SIP_LOAD_KIND_COUNT; k++)
        n += c->kind[k].n;
    return n;
}

int bench_sip(const struct bench_options *o, uint32_t n_calls, struct report *r)
{
    struct sip_calls c;
    struct alg_clock clock = {.now = tsc_now};
    if (sip_calls_init(&c, o, n_calls) != 0)
        return -1;
    double before = resident();
    sip_calls_begin_all(&c);
    double bytes = resident() - before;
    run(&c, o->seconds / 4);
    measure(&c, o->seconds);
    if (!c.failed) {
        report_call(&c, r);
        report_kinds(&c, r);
        /* The clock costs something itself: the steps have a run of their own. */
        alg_clock_set(c.core->alg, &clock);
        measure(&c, o->seconds / 2);
        report_steps(&c, &clock, messages(&c), r);
        report_open(r, "sip-memory", n_calls, "calls");
        report_figure(r, "bytes", bytes / n_calls, 0, "bytes a call, phones and media included");
        report_close(r);
    }
    bool failed = c.failed;
    sip_calls_free(&c);
    return failed ? -1 : 0;
}
