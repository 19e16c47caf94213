/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Runs a fuzz target without a fuzzer: each file of the folders named on the command line, its
 * every prefix, and a fixed number of random changes to it. The same seed each time, so a failure
 * comes back. Each input lives in memory of exactly its size, for the sanitizers.
 */
#include "base/rng.h"
#include "fuzz.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEED_MAX 65536
#define PREFIXES 512
#define CHANGES  4000

static void run(const uint8_t *data, size_t n)
{
    uint8_t *exact = malloc(n ? n : 1);
    if (!exact)
        abort();
    memcpy(exact, data, n);
    (void)LLVMFuzzerTestOneInput(exact, n);
    free(exact);
}

/* Change, insert or remove a few bytes; or double a stretch. */
static size_t mutate(struct rng *rng, uint8_t *data, size_t n)
{
    static const char telling[] = "\r\n \t:;,<>\"\\@=/?[]09\0\xff-";
    for (uint32_t i = rng_below(rng, 4) + 1; i && n; i--) {
        size_t at = rng_below(rng, (uint32_t)n);
        uint8_t byte = (uint8_t)telling[rng_below(rng, sizeof(telling) - 1)];
        size_t stretch = rng_below(rng, 40);
        switch (rng_below(rng, 4)) {
        case 0:
            data[at] = byte;
            break;
        case 1:
            memmove(data + at + 1, data + at, n - at);
            data[at] = byte;
            n++;
            break;
        case 2:
            memmove(data + at, data + at + 1, n - at - 1);
            n--;
            break;
        default:
            if (at + stretch > n)
                break;
            memmove(data + at + stretch, data + at, n - at);
            n += stretch;
        }
    }
    return n;
}

static void run_seed(const uint8_t *seed, size_t n)
{
    static uint8_t changed[SEED_MAX + 4096];
    struct rng rng = {n};
    run(seed, n);
    for (size_t i = 0; i < n; i += n / PREFIXES + 1)
        run(seed, i);
    for (int i = 0; i < CHANGES; i++) {
        memcpy(changed, seed, n);
        run(changed, mutate(&rng, changed, n));
    }
}

static int run_file(const char *folder, const char *name)
{
    static uint8_t seed[SEED_MAX];
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *f = fopen(path, "rb");
    if (!f) {
        perror(path);
        return -1;
    }
    size_t n = fread(seed, 1, sizeof(seed), f);
    fclose(f);
    run_seed(seed, n);
    return 0;
}

static int run_folder(const char *folder, int *count)
{
    DIR *dir = opendir(folder);
    int err = 0;
    if (!dir) {
        perror(folder);
        return -1;
    }
    for (struct dirent *e; !err && (e = readdir(dir));) {
        if (e->d_name[0] == '.')
            continue;
        err = run_file(folder, e->d_name);
        ++*count;
    }
    closedir(dir);
    return err;
}

int main(int argc, char **argv)
{
    int count = 0;
    for (int i = 1; i < argc; i++)
        if (run_folder(argv[i], &count) != 0)
            return 1;
    printf("%d seeds\n", count);
    return count ? 0 : 1;
}
