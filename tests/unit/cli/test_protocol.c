/* SPDX-License-Identifier: BSD-3-Clause */
#include "cli/protocol.h"

#include "unit.h"

#include <errno.h>
#include <stdlib.h>

static const struct {
    enum message_type type;
    const char *payload;
} sample[] = {
    {MESSAGE_LINE, "diagnose sys session list"},
    {MESSAGE_INTERRUPT, ""},
    {MESSAGE_ABANDON, ""},
    {MESSAGE_HELP, "config "},
    {MESSAGE_OUTPUT, "line one\nline two\n"},
    {MESSAGE_ANSWER, ""},
    {MESSAGE_EXIT, ""},
};

enum {
    SAMPLES = sizeof(sample) / sizeof(sample[0])
};

static void stream_put(struct text *stream)
{
    for (unsigned i = 0; i < SAMPLES; i++)
        message_put(stream, sample[i].type, slice_str(sample[i].payload));
}

/* Read what is in `part`; samples are met from *next on. */
static void part_check(struct message_reader *reader, struct slice part, unsigned *next)
{
    struct message message;
    int rc;
    while ((rc = message_read(reader, &part, &message)) == 1) {
        assert_in_range(*next, 0, SAMPLES - 1);
        assert_int_equal(message.type, sample[*next].type);
        assert_true(slice_eq(message.payload, slice_str(sample[*next].payload)));
        (*next)++;
    }
    assert_int_equal(rc, 0);
    assert_int_equal(part.n, 0);
}

static void every_split_point_gives_the_same_messages(void **state)
{
    (void)state;
    struct text stream = {0};
    struct message_reader *reader = malloc(sizeof(*reader));
    stream_put(&stream);
    for (size_t cut = 0; cut <= stream.n; cut++) {
        unsigned next = 0;
        memset(reader, 0, sizeof(*reader));
        part_check(reader, slice_head(text_slice(&stream), cut), &next);
        part_check(reader, slice_skip(text_slice(&stream), cut), &next);
        assert_int_equal(next, SAMPLES);
    }
    free(reader);
    text_free(&stream);
}

static void single_bytes_give_the_same_messages(void **state)
{
    (void)state;
    struct text stream = {0};
    struct message_reader *reader = calloc(1, sizeof(*reader));
    unsigned next = 0;
    stream_put(&stream);
    for (size_t i = 0; i < stream.n; i++)
        part_check(reader, slice_of(stream.p + i, 1), &next);
    assert_int_equal(next, SAMPLES);
    free(reader);
    text_free(&stream);
}

static void the_longest_payload_passes_and_one_more_is_refused(void **state)
{
    (void)state;
    struct message_reader *reader = calloc(1, sizeof(*reader));
    struct text frame = {0};
    struct message message;
    char *payload = calloc(1, MESSAGE_MAX);
    message_put(&frame, MESSAGE_LINE, slice_of(payload, MESSAGE_MAX));
    struct slice in = text_slice(&frame);
    assert_int_equal(message_read(reader, &in, &message), 1);
    assert_int_equal(message.payload.n, MESSAGE_MAX);

    /* The header alone is enough to refuse, and the refusal stays. */
    in = slice_of("\x00\x01\x00\x01\x01", 5);
    assert_int_equal(message_read(reader, &in, &message), -EMSGSIZE);
    in = text_slice(&frame);
    assert_int_equal(message_read(reader, &in, &message), -EMSGSIZE);
    free(payload);
    free(reader);
    text_free(&frame);
}

static void unknown_types_are_refused(void **state)
{
    (void)state;
    struct message_reader *reader = calloc(1, sizeof(*reader));
    for (unsigned type = 0; type < 256; type++) {
        char header[5] = {0, 0, 0, 0, (char)type};
        struct slice in = slice_of(header, 5);
        struct message message;
        bool known = (type >= 1 && type <= MESSAGE_INTERRUPT) ||
                     (type >= MESSAGE_OUTPUT && type <= MESSAGE_EXIT);
        memset(reader, 0, sizeof(*reader));
        assert_int_equal(message_read(reader, &in, &message), known ? 1 : -EPROTO);
    }
    free(reader);
}

static void random_bytes_never_hurt(void **state)
{
    (void)state;
    struct message_reader *reader = malloc(sizeof(*reader));
    srand(7);
    for (int round = 0; round < 2000; round++) {
        char bytes[64];
        memset(reader, 0, sizeof(*reader));
        for (size_t i = 0; i < sizeof(bytes); i++)
            bytes[i] = (char)(i % 8 < 3 ? 0 : rand());
        struct slice in = slice_of(bytes, sizeof(bytes));
        struct message message;
        while (message_read(reader, &in, &message) == 1)
            assert_true(message.payload.n <= MESSAGE_MAX);
    }
    free(reader);
}

static void long_output_is_cut_into_frames(void **state)
{
    (void)state;
    struct message_reader *reader = calloc(1, sizeof(*reader));
    struct text out = {0}, back = {0};
    size_t n = 3 * MESSAGE_MAX + 17;
    char *bytes = malloc(n);
    for (size_t i = 0; i < n; i++)
        bytes[i] = (char)('a' + i % 26);
    message_put_long(&out, MESSAGE_OUTPUT, slice_of(bytes, n));
    struct slice in = text_slice(&out);
    struct message message;
    unsigned frames = 0;
    while (message_read(reader, &in, &message) == 1) {
        text_put(&back, message.payload);
        frames++;
    }
    assert_int_equal(frames, 4);
    assert_true(slice_eq(text_slice(&back), slice_of(bytes, n)));
    text_clear(&out);
    message_put_long(&out, MESSAGE_OUTPUT, SLICE_NONE);
    assert_int_equal(out.n, 0);
    free(bytes);
    free(reader);
    text_free(&out);
    text_free(&back);
}

static void prompts_carry_the_status(void **state)
{
    (void)state;
    struct message_reader *reader = calloc(1, sizeof(*reader));
    static const int status[] = {0, -61, 1, -160, INT32_MIN};
    for (size_t i = 0; i < sizeof(status) / sizeof(status[0]); i++) {
        struct text out = {0};
        message_put_prompt(&out, status[i], SLICE_LIT("FGT (sip) # "));
        struct slice in = text_slice(&out), prompt;
        struct message message;
        int back = 12345;
        assert_int_equal(message_read(reader, &in, &message), 1);
        assert_int_equal(message.type, MESSAGE_PROMPT);
        assert_int_equal(message_prompt(message.payload, &back, &prompt), 0);
        assert_int_equal(back, status[i]);
        assert_true(slice_eq(prompt, SLICE_LIT("FGT (sip) # ")));
        text_free(&out);
    }
    int untouched = 5;
    struct slice prompt;
    assert_int_equal(message_prompt(SLICE_LIT("abc"), &untouched, &prompt), -EPROTO);
    assert_int_equal(untouched, 5);
    free(reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_split_point_gives_the_same_messages),
        cmocka_unit_test(single_bytes_give_the_same_messages),
        cmocka_unit_test(the_longest_payload_passes_and_one_more_is_refused),
        cmocka_unit_test(unknown_types_are_refused),
        cmocka_unit_test(random_bytes_never_hurt),
        cmocka_unit_test(long_output_is_cut_into_frames),
        cmocka_unit_test(prompts_carry_the_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
