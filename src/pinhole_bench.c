/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pinhole-bench: what the packet path costs, on this machine, now. Each case prints nanoseconds,
 * cycles of the time-stamp counter and packets (sessions) per second; known flows also their ratio
 * to the limit measured in the same run, which is the number to compare between machines.
 */
#include "bench/bench.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_SIZES    16
#define MAX_SESSIONS 200000000u
#define EAL_MIB      64

struct options {
    bool known, setup, limit, json;
    uint32_t sizes[MAX_SIZES];
    unsigned n_sizes;
    double seconds;
};

static const char usage[] =
    "usage: pinhole-bench [CASE...] [--sessions N]... [--seconds S] [--json]\n"
    "\n"
    "In-process cost of the packet path on one core, over rings in memory.\n"
    "\n"
    "cases (all when none is named):\n"
    "  known   packets of known flows through source NAT, flows in random order\n"
    "  limit   the unavoidable part of that: receive, parse, one hash, the bucket line, the\n"
    "          session's lines, transmit; `known` is compared with it\n"
    "  setup   new sessions while as many expire; the worker's and control's part apart\n"
    "\n"
    "options:\n"
    "  --sessions N  sessions alive; may be repeated (default 1024 and 65536)\n"
    "  --seconds S   measure each case for about S seconds (default 2)\n"
    "  --json        one JSON object on standard output\n"
    "  --help, --version\n"
    "\n"
    "Uses 2 MiB huge pages where 64 MiB of them are free, transparent huge pages else. Run it on\n"
    "an idle machine, pinned: taskset -c 1 pinhole-bench\n";

static int option_number(const char *text, uint32_t max, uint32_t *out)
{
    if (slice_u32(slice_str(text), max, out) == 0 && *out > 0)
        return 0;
    fprintf(stderr, "pinhole-bench: '%s' is not a number from 1 to %u\n", text, max);
    return -1;
}

static int options_parse(int argc, char **argv, struct options *o)
{
    static const struct option longs[] = {
        {"sessions", required_argument, NULL, 's'}, {"seconds", required_argument, NULL, 't'},
        {"json", no_argument, NULL, 'j'},           {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},        {NULL, 0, NULL, 0}};
    uint32_t seconds = 2;
    int c;
    while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
        if (c == 'h' || c == 'v') {
            fputs(c == 'h' ? usage : "pinhole-bench " PINHOLE_VERSION "\n", stdout);
            exit(0);
        }
        if (c == 's' && (o->n_sizes == MAX_SIZES ||
                         option_number(optarg, MAX_SESSIONS, &o->sizes[o->n_sizes++]) != 0))
            return -1;
        if (c == 't' && option_number(optarg, 3600, &seconds) != 0)
            return -1;
        if (c == 'j')
            o->json = true;
        if (c == '?')
            return -1;
    }
    o->seconds = seconds;
    for (; optind < argc; optind++) {
        bool *which = strcmp(argv[optind], "known") == 0   ? &o->known
                      : strcmp(argv[optind], "limit") == 0 ? &o->limit
                      : strcmp(argv[optind], "setup") == 0 ? &o->setup
                                                           : NULL;
        if (!which) {
            fprintf(stderr, "pinhole-bench: no case '%s' (known, limit, setup)\n", argv[optind]);
            return -1;
        }
        *which = true;
    }
    if (!o->known && !o->limit && !o->setup)
        o->known = o->limit = o->setup = true;
    if (o->n_sizes == 0) {
        o->sizes[o->n_sizes++] = 1024;
        o->sizes[o->n_sizes++] = 65536;
    }
    return 0;
}

static void print_one(const struct options *o, const char *name, uint32_t sessions,
                      const struct bench_result *r, double ratio)
{
    static bool comma;
    if (o->json) {
        printf("%s{\"case\":\"%s\",\"sessions\":%u,\"ns\":%.2f,\"cycles\":%.1f,\"mpps\":%.3f",
               comma ? "," : "", name, sessions, r->ns, r->cycles, 1e3 / r->ns);
        if (ratio > 0)
            printf(",\"ratio_to_limit\":%.3f", ratio);
        printf("}");
        comma = true;
        return;
    }
    printf("%-14s %10u sessions  %8.1f ns  %8.1f cycles  %8.3f M/s", name, sessions, r->ns,
           r->cycles, 1e3 / r->ns);
    if (ratio > 0)
        printf("  %.2f of the limit's rate", ratio);
    printf("\n");
}

static int run_known(const struct options *o, uint32_t sessions, bool huge)
{
    struct bench_result known, limit;
    struct bench *b = bench_create(sessions, sessions, huge);
    if (!b)
        return -1;
    if (!bench_open_all(b)) {
        fprintf(stderr, "pinhole-bench: not every flow got a session\n");
        bench_destroy(b);
        return -1;
    }
    bench_known(b, o->seconds, &known, &limit);
    if (o->known)
        print_one(o, "known", sessions, &known, limit.ns / known.ns);
    if (o->limit)
        print_one(o, "limit", sessions, &limit, 0);
    bench_destroy(b);
    return 0;
}

static int run_setup(const struct options *o, uint32_t sessions, bool huge)
{
    struct bench_result worker, control;
    if (bench_setup(sessions, huge, o->seconds, &worker, &control) != 0)
        return -1;
    print_one(o, "setup-worker", sessions, &worker, 0);
    print_one(o, "setup-control", sessions, &control, 0);
    return 0;
}

int main(int argc, char **argv)
{
    struct options o = {0};
    bool huge;
    int result = 0;
    if (options_parse(argc, argv, &o) != 0)
        return 2;
    if (bench_eal(argv[0], EAL_MIB, &huge) < 0) {
        fprintf(stderr, "pinhole-bench: DPDK does not start\n");
        return 1;
    }
    if (o.json)
        printf("{\"version\":\"%s\",\"huge_pages\":%s,\"results\":[", PINHOLE_VERSION,
               huge ? "true" : "false");
    for (unsigned i = 0; i < o.n_sizes && result == 0; i++) {
        if (o.known || o.limit)
            result = run_known(&o, o.sizes[i], huge);
        if (o.setup && result == 0)
            result = run_setup(&o, o.sizes[i], huge);
    }
    if (o.json)
        printf("]}\n");
    return result == 0 ? 0 : 1;
}
