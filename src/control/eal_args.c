/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One lcore per task: control 0, ALG 1, workers from 2. `--lcores` ties each to its CPU, and
 * several may share one. No PCI device is looked for unless an interface names one, and then only
 * that one is touched: DPDK takes a device away from the kernel. Nothing is shared with other DPDK
 * processes, so that all of ours can have one (empty) folder of run-time files.
 */
#include "control/eal_args.h"

#include "base/text.h"
#include "config/rows.h"

#include <errno.h>
#include <rte_pci.h>
#include <stdlib.h>
#include <string.h>

static int word_add(struct eal_args *a, const char *word)
{
    if (a->n == EAL_ARGS_MAX)
        return -E2BIG;
    char *copy = strdup(word);
    if (!copy)
        abort();
    a->words[a->n] = a->argv[a->n] = copy;
    a->n++;
    return 0;
}

void eal_args_free(struct eal_args *a)
{
    for (int i = 0; i < a->n; i++)
        free(a->words[i]);
    *a = (struct eal_args){0};
}

/* Room is not a question here: interfaces are far fewer than EAL_ARGS_MAX. */
__attribute__((format(printf, 2, 3))) static void add(struct eal_args *a, const char *format, ...)
{
    struct text word = {0};
    va_list args;
    va_start(args, format);
    text_vprintf(&word, format, args);
    va_end(args);
    (void)word_add(a, word.p);
    text_free(&word);
}

/*
 * Is the word one of these options? Each is one letter ("m", its value in the same word or the
 * next), or a name, which getopt_long lets an operator shorten.
 */
static bool word_is(const char *word, const char *const *options)
{
    bool is_long = strncmp(word, "--", 2) == 0;
    size_t n = strcspn(word, "=");
    if (word[0] != '-' || n < 2 || (is_long && n < 4))
        return false;
    for (; *options; options++)
        if (strlen(*options) == 1 ? word[1] == **options
                                  : is_long && strncmp(word + 2, *options, n - 2) == 0)
            return true;
    return false;
}

static bool given(char *const *more, const char *const *options)
{
    for (; *more; more++)
        if (word_is(*more, options))
            return true;
    return false;
}

static int cpu_check(const cpu_set_t *cpus, const char *what, uint16_t cpu, struct text *error)
{
    if (cpu < CPU_SETSIZE && CPU_ISSET(cpu, cpus))
        return 0;
    text_printf(error, "config dpdk cpus: %s: %u: not among the CPUs this process may use:", what,
                cpu);
    for (unsigned i = 0; i < CPU_SETSIZE; i++)
        if (CPU_ISSET(i, cpus))
            text_printf(error, " %u", i);
    return -EINVAL;
}

static int add_lcores(struct eal_args *a, const struct row_dpdk *d, const cpu_set_t *cpus,
                      struct text *error)
{
    struct text map = {0};
    int result = cpu_check(cpus, "control-cpu", d->control_cpu, error);
    if (result == 0)
        result = cpu_check(cpus, "alg-cpu", d->alg_cpu, error);
    text_printf(&map, "%u@%u,%u@%u", LCORE_CONTROL, d->control_cpu, LCORE_ALG, d->alg_cpu);
    for (uint16_t i = 0; i < d->n_worker_cpus && result == 0; i++) {
        result = cpu_check(cpus, "worker-cpus", d->worker_cpus[i], error);
        text_printf(&map, ",%u@%u", LCORE_FIRST_WORKER + i, d->worker_cpus[i]);
    }
    if (result == 0)
        add(a, "--lcores=%s", map.p);
    text_free(&map);
    return result;
}

/* Up to the comma before the driver's own arguments. */
static bool is_pci(const char *device)
{
    char name[64];
    struct rte_pci_addr address;
    size_t n = strcspn(device, ",");
    if (n == 0 || n >= sizeof name)
        return false;
    memcpy(name, device, n);
    name[n] = '\0';
    return rte_pci_addr_parse(name, &address) == 0;
}

static void add_devices(struct eal_args *a, const struct config_rows *rows)
{
    unsigned n = 0;
    for (uint16_t i = 0; i < rows->n_interfaces; i++)
        if (is_pci(rows->interfaces[i].device)) {
            add(a, "--allow=%s", rows->interfaces[i].device);
            n++;
        }
    if (n == 0)
        add(a, "--no-pci");
}

static void add_memory(struct eal_args *a, const struct row_dpdk *d)
{
    if (d->hugepages) {
        add(a, "--in-memory");
    } else {
        add(a, "--no-huge");
        add(a, "--no-shconf");
    }
}

#define OPTIONS(...) ((const char *const[]){__VA_ARGS__, NULL})

int eal_args_make(struct eal_args *a, const struct config_rows *rows, const cpu_set_t *cpus,
                  char *const *more, struct text *error)
{
    const struct row_dpdk *d = &rows->dpdk;
    int result = 0;
    *a = (struct eal_args){0};
    add(a, "pinholed");
    if (!given(more, OPTIONS("c", "l", "lcores")))
        result = add_lcores(a, d, cpus, error);
    if (result != 0)
        return result;
    if (!given(more, OPTIONS("main-lcore", "master-lcore")))
        add(a, "--main-lcore=%u", LCORE_CONTROL);
    if (given(more, OPTIONS("no-huge")))
        add(a, "--no-shconf");
    else if (!given(more, OPTIONS("in-memory", "huge-dir", "huge-unlink", "legacy-mem")))
        add_memory(a, d);
    if (!given(more, OPTIONS("m", "socket-mem")))
        add(a, "-m%u", d->memory_mib);
    if (!given(more, OPTIONS("file-prefix")))
        add(a, "--file-prefix=pinhole");
    add(a, "--no-telemetry");
    add(a, "--log-level=*:error");
    if (!given(more, OPTIONS("a", "b", "allow", "block", "no-pci")))
        add_devices(a, rows);
    for (; *more && result == 0; more++)
        result = word_add(a, *more);
    if (result != 0)
        text_printf(error, "more than %d EAL arguments", EAL_ARGS_MAX);
    return result;
}

void eal_args_print(const struct eal_args *a, struct text *out)
{
    for (int i = 1; i < a->n; i++)
        text_printf(out, "%s%s", i > 1 ? " " : "", a->words[i]);
}
