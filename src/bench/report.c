/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench/report.h"

#include <rte_cycles.h>

#include <stdio.h>

void report_begin(struct report *r, bool huge_pages)
{
    if (r->json)
        printf("{\"version\":\"%s\",\"huge_pages\":%s,\"results\":[", PINHOLE_VERSION,
               huge_pages ? "true" : "false");
}

void report_end(struct report *r)
{
    if (r->json)
        printf("]}\n");
}

void report_open(struct report *r, const char *name, uint32_t n, const char *of)
{
    if (r->json)
        printf("%s\n{\"case\":\"%s\",\"%s\":%u", r->results ? "," : "", name, of, n);
    else
        printf("%-15s %9u %s", name, n, of);
    r->results++;
}

void report_close(struct report *r)
{
    printf(r->json ? "}" : "\n");
    fflush(stdout);
}

void report_figure(struct report *r, const char *key, double value, int digits, const char *unit)
{
    if (r->json)
        printf(",\"%s\":%.*f", key, digits, value);
    else
        printf("  %.*f %s", digits, value, unit);
}

void report_cost(struct report *r, double cycles)
{
    double ns = cycles * 1e9 / (double)rte_get_tsc_hz();
    report_figure(r, "ns", ns, 1, "ns");
    report_figure(r, "cycles", cycles, 1, "cycles");
    report_figure(r, "mpps", 1e3 / ns, 3, "M/s");
}
