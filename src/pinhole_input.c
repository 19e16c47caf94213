/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bytes are kept until a newline has come, and moved to the front only when more are read, so that
 * a file of many lines costs one copy.
 */
#include "pinhole_input.h"

#include <errno.h>
#include <unistd.h>

#define READ_BYTES 16384

bool input_line(struct input *input, struct slice *line)
{
    struct slice rest = slice_skip(text_slice(&input->bytes), input->taken);
    size_t n = slice_find(rest, '\n');
    if (n == rest.n && (!input->ended || rest.n == 0))
        return false;
    *line = slice_head(rest, n);
    input->taken += n < rest.n ? n + 1 : n;
    return true;
}

int input_read(struct input *input)
{
    char bytes[READ_BYTES];
    ssize_t n = read(input->fd, bytes, sizeof(bytes));
    if (n < 0)
        return errno == EINTR || errno == EAGAIN ? 0 : -errno;
    if (input->taken > 0) {
        input->bytes.n -= input->taken;
        memmove(input->bytes.p, input->bytes.p + input->taken, input->bytes.n);
        input->taken = 0;
    }
    text_put(&input->bytes, slice_of(bytes, (size_t)n));
    input->ended = n == 0;
    return 0;
}

void input_free(struct input *input)
{
    text_free(&input->bytes);
}
