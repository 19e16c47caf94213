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

static const struct {
    const char *name;
    bench_case_run *run;
    const char *help;
    uint32_t sizes[MAX_SIZES]; /* its own, whatever --sessions says; else all 0 */
} cases[] = {
    {"known", bench_known,
     "packets of known flows through source NAT, and `limit`, the unavoidable part of\n"
     "                that: receive, parse, one hash, the bucket line, the session's lines, "
     "transmit"},
    {"steps", bench_steps,
     "cycles of each stage of a known packet's path, and of each step of a first packet"},
    {"setup", bench_setup,
     "new sessions while as many expire; the worker's and control's part apart"},
    {"churn", bench_churn,
     "a mix of new and known flows and their answers, the answers on another worker;\n"
     "                every answer is checked, and the table is empty at the end"},
    {"timer", bench_timer, "all sessions expire in the same second: how late, how long a round"},
    {"policy",
     bench_policy,
     "the first rule that fits a flow, of 10 to 10000 with groups; the same in rte_acl",
     {10, 100, 1000, 10000}},
    {"sip",
     bench_sip,
     "SIP messages of N calls at once through the ALG over eight public addresses: by kind,\n"
     "                by step, and the memory a call takes",
     {1000, 100000}},
    {"sip-list",
     bench_list,
     "how long `diagnose sys sip-proxy calls list` takes with N calls, and how long it holds up\n"
     "                control and the ALG; needs two CPUs",
     {1000, 100000}},
    {"rtp-under-sip",
     bench_rtp,
     "how long RTP takes through a worker while the ALG has nothing to do, among as many\n"
     "                more RTP packets, and while more SIP waits for the ALG than it can handle;\n"
     "                needs two CPUs",
     {1000}},
};

#define N_CASES (sizeof cases / sizeof cases[0])

struct options {
    struct bench_options bench;
    bool wanted[N_CASES], json;
    uint32_t sizes[MAX_SIZES];
    unsigned n_sizes;
};

static void usage(void)
{
    printf("usage: pinhole-bench [CASE...] [OPTION...]\n"
           "\n"
           "In-process cost of the packet path, over rings in memory.\n"
           "\n"
           "cases (all when none is named):\n");
    for (size_t i = 0; i < N_CASES; i++)
        printf("  %-13s %s\n", cases[i].name, cases[i].help);
    printf(
        "\n"
        "options:\n"
        "  --sessions N  sessions alive; may be repeated (default 1024 and 65536)\n"
        "  --seconds S   measure each case for about S seconds (default 2)\n"
        "  --workers N   workers, each on a CPU of its own (default 1, at most %d);\n"
        "                figures are for all of them together\n"
        "  --order random|creation\n"
        "                in which known flows are played (default random)\n"
        "  --json        one JSON object on standard output\n"
        "  --help, --version\n"
        "\n"
        "Uses 2 MiB huge pages where 64 MiB of them are free, transparent huge pages else. Run it\n"
        "on an idle machine, pinned: taskset -c 1 pinhole-bench\n",
        BENCH_WORKERS);
}

static int option_number(const char *text, uint32_t max, uint32_t *out)
{
    if (slice_u32(slice_str(text), max, out) == 0 && *out > 0)
        return 0;
    fprintf(stderr, "pinhole-bench: '%s' is not a number from 1 to %u\n", text, max);
    return -1;
}

static int option_order(const char *text, bool *creation)
{
    *creation = strcmp(text, "creation") == 0;
    if (*creation || strcmp(text, "random") == 0)
        return 0;
    fprintf(stderr, "pinhole-bench: no order '%s' (random, creation)\n", text);
    return -1;
}

/* One option with its argument. 0 or -1. */
static int option_take(struct options *o, int c)
{
    uint32_t n = 0;
    switch (c) {
    case 's':
        if (o->n_sizes == MAX_SIZES)
            return -1;
        return option_number(optarg, MAX_SESSIONS, &o->sizes[o->n_sizes++]);
    case 't':
        if (option_number(optarg, 3600, &n) != 0)
            return -1;
        o->bench.seconds = n;
        return 0;
    case 'w':
        if (option_number(optarg, BENCH_WORKERS, &n) != 0)
            return -1;
        o->bench.workers = (uint16_t)n;
        return 0;
    case 'o':
        return option_order(optarg, &o->bench.creation_order);
    case 'j':
        o->json = true;
        return 0;
    case 'v':
        puts("pinhole-bench " PINHOLE_VERSION);
        exit(0);
    case 'h':
        usage();
        exit(0);
    default:
        return -1;
    }
}

static int case_want(struct options *o, const char *name)
{
    for (size_t i = 0; i < N_CASES; i++)
        if (strcmp(cases[i].name, name) == 0) {
            o->wanted[i] = true;
            return 0;
        }
    if (strcmp(name, "limit") == 0) /* comes with `known` */
        return case_want(o, "known");
    fprintf(stderr, "pinhole-bench: no case '%s'; --help lists them\n", name);
    return -1;
}

static int options_parse(int argc, char **argv, struct options *o)
{
    static const struct option longs[] = {
        {"sessions", required_argument, NULL, 's'}, {"seconds", required_argument, NULL, 't'},
        {"workers", required_argument, NULL, 'w'},  {"order", required_argument, NULL, 'o'},
        {"json", no_argument, NULL, 'j'},           {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},        {NULL, 0, NULL, 0}};
    int c;
    *o = (struct options){.bench = {.seconds = 2, .workers = 1}};
    while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1)
        if (option_take(o, c) != 0)
            return -1;
    bool some = optind < argc;
    for (; optind < argc; optind++)
        if (case_want(o, argv[optind]) != 0)
            return -1;
    for (size_t i = 0; i < N_CASES && !some; i++)
        o->wanted[i] = true;
    if (o->n_sizes == 0) {
        o->sizes[o->n_sizes++] = 1024;
        o->sizes[o->n_sizes++] = 65536;
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct options o;
    int result = 0;
    if (options_parse(argc, argv, &o) != 0)
        return 2;
    if (bench_eal(argv[0], EAL_MIB, &o.bench.huge) < 0) {
        fprintf(stderr, "pinhole-bench: DPDK does not start\n");
        return 1;
    }
    struct report r = {.json = o.json};
    report_begin(&r, o.bench.huge);
    for (unsigned i = 0; i < o.n_sizes && result == 0; i++)
        for (size_t c = 0; c < N_CASES && result == 0; c++)
            if (o.wanted[c] && cases[c].sizes[0] == 0)
                result = cases[c].run(&o.bench, o.sizes[i], &r);
    for (size_t c = 0; c < N_CASES && result == 0; c++)
        for (unsigned i = 0; o.wanted[c] && cases[c].sizes[i] && result == 0; i++)
            result = cases[c].run(&o.bench, cases[c].sizes[i], &r);
    report_end(&r);
    return result == 0 ? 0 : 1;
}
