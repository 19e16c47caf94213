/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A stream has no edges: a read may return half a header or three frames. The reader gathers one
 * frame at a time in its own buffer: first the header, then as many payload bytes as it names. The
 * header is judged as soon as it is whole, so a hostile length never makes us wait or allocate. A
 * refusal is final: after a bad header nobody knows where the next frame starts.
 */
#include "cli/protocol.h"

#include <assert.h>
#include <errno.h>

static bool type_known(uint8_t type)
{
    return (type >= MESSAGE_LINE && type <= MESSAGE_INTERRUPT) ||
           (type >= MESSAGE_OUTPUT && type <= MESSAGE_EXIT);
}

static uint32_t be32_read(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void be32_write(char *p, uint32_t v)
{
    for (int i = 3; i >= 0; i--, v >>= 8)
        p[i] = (char)(v & 0xff);
}

/* Move bytes from *in until the message has `want`; true when it does. */
static bool gather(struct message_reader *reader, struct slice *in, size_t want)
{
    size_t n = want - reader->n < in->n ? want - reader->n : in->n;
    if (n > 0)
        memcpy(reader->buffer + reader->n, in->p, n);
    reader->n += n;
    *in = slice_skip(*in, n);
    return reader->n == want;
}

int message_read(struct message_reader *reader, struct slice *in, struct message *out)
{
    if (reader->refused != 0)
        return reader->refused;
    if (reader->whole) {
        reader->n = 0;
        reader->whole = false;
    }
    if (reader->n < MESSAGE_HEADER && !gather(reader, in, MESSAGE_HEADER))
        return 0;
    uint32_t length = be32_read(reader->buffer);
    if (length > MESSAGE_MAX)
        return reader->refused = -EMSGSIZE;
    if (!type_known(reader->buffer[4]))
        return reader->refused = -EPROTO;
    if (!gather(reader, in, MESSAGE_HEADER + length))
        return 0;
    reader->whole = true;
    out->type = (enum message_type)reader->buffer[4];
    out->payload = slice_of((const char *)reader->buffer + MESSAGE_HEADER, length);
    return 1;
}

void message_put(struct text *out, enum message_type type, struct slice payload)
{
    char header[MESSAGE_HEADER];
    assert(payload.n <= MESSAGE_MAX);
    be32_write(header, (uint32_t)payload.n);
    header[4] = (char)type;
    text_put(out, slice_of(header, sizeof(header)));
    text_put(out, payload);
}

void message_put_long(struct text *out, enum message_type type, struct slice payload)
{
    while (payload.n > 0) {
        struct slice part = slice_head(payload, MESSAGE_MAX);
        message_put(out, type, part);
        payload = slice_skip(payload, part.n);
    }
}

void message_put_prompt(struct text *out, int status, struct slice prompt)
{
    char payload[4 + 1024];
    prompt = slice_head(prompt, sizeof(payload) - 4);
    be32_write(payload, (uint32_t)status);
    if (prompt.n > 0)
        memcpy(payload + 4, prompt.p, prompt.n);
    message_put(out, MESSAGE_PROMPT, slice_of(payload, 4 + prompt.n));
}

int message_prompt(struct slice payload, int *status, struct slice *prompt)
{
    if (payload.n < 4)
        return -EPROTO;
    *status = (int)be32_read((const uint8_t *)payload.p);
    *prompt = slice_skip(payload, 4);
    return 0;
}
