/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Writes a capture with damaged copies of its frames among them, for the program that reads it.
 *
 *   damage_captures SEED ONE-IN IN OUT
 *
 * About one damaged copy for every ONE-IN frames follows at the time of its original. Prints how
 * many there are. The same seed gives the same bytes.
 */
#include "damage.h"
#include "replay/capture.h"

#include <stdio.h>
#include <stdlib.h>

static int complain(const struct text *error)
{
    fprintf(stderr, "damage_captures: %s\n", error->p);
    return 1;
}

int main(int argc, char **argv)
{
    struct text error = {0};
    struct capture_frame in;
    uint32_t one_in;
    unsigned damaged = 0;
    if (argc != 5 || slice_u32(slice_str(argv[2]), 1000, &one_in) != 0 || one_in == 0)
        return 2;
    struct rng rng = {strtoull(argv[1], NULL, 10)};
    struct captures *cs = captures_create();
    if (captures_add(cs, argv[3], 1, &error) != 0)
        return complain(&error);
    struct capture_writer *out = capture_writer_open(argv[4], &error);
    if (!out)
        return complain(&error);
    while (captures_next(cs, &in, &error) == 1) {
        struct frame f = {.n = in.bytes.n};
        capture_write(out, in.time_ns, in.bytes);
        if (in.bytes.n > FRAME_SIZE || rng_below(&rng, one_in))
            continue;
        memcpy(f.b, in.bytes.p, f.n);
        frame_damage(&rng, &f);
        capture_write(out, in.time_ns, frame_slice(&f));
        damaged++;
    }
    captures_free(cs);
    printf("%u\n", damaged);
    return capture_writer_close(out) == 0 ? 0 : 1;
}
