/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Lines from a file or a pipe, read only when its owner says so: it may have to wait for something
 * else as well, which it could not inside getline. One thread, the client's.
 */
#pragma once

#include "base/text.h"

#include <stdbool.h>

struct input {
    int fd;
    struct text bytes; /* read and not given out, but for the first `taken` */
    size_t taken;
    bool ended; /* nothing more will be read */
};

/*
 * The next line that has been read, without its newline; the last one of all may have none. False:
 * read more, or at the end there is none. Valid until the next call for this input.
 */
bool input_line(struct input *input, struct slice *line);

/* Read what there is, once. 0 (nothing yet, bytes, or the end), or -errno. */
int input_read(struct input *input);

/* The file descriptor stays open. */
void input_free(struct input *input);
