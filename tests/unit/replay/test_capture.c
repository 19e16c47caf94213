/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "replay/capture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define S 1000000000ull

/* A folder for the files of one test. */
static int folder_make(void **state)
{
    char *folder = strdup("/tmp/pinhole-capture-XXXXXX");
    assert_non_null(mkdtemp(folder));
    *state = folder;
    return 0;
}

static const char *path_in(void **state, const char *name)
{
    static char path[8][128];
    static unsigned next;
    char *p = path[next++ % 8];
    snprintf(p, sizeof path[0], "%s/%s", (const char *)*state, name);
    return p;
}

static int folder_remove(void **state)
{
    static const char *const names[] = {"a", "b", "c"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        unlink(path_in(state, names[i]));
    rmdir(*state);
    free(*state);
    return 0;
}

static void file_write(const char *path, const void *bytes, size_t n)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    fclose(f);
}

/* Frames of one byte each: the byte is the name, the position its time in `times`. */
static void capture_make(const char *path, const char *names, const uint64_t *times)
{
    struct text error = {0};
    struct capture_writer *w = capture_writer_open(path, &error);
    assert_non_null(w);
    for (size_t i = 0; names[i]; i++)
        capture_write(w, times[i], slice_of(&names[i], 1));
    assert_int_equal(capture_writer_close(w), 0);
}

static void test_merge(void **state)
{
    const uint64_t a[] = {1 * S, 2 * S, 2 * S, 9 * S + 1}, b[] = {2 * S, 3 * S, 9 * S};
    struct text error = {0};
    struct capture_frame f;
    uint64_t at;
    capture_make(path_in(state, "a"), "abcd", a);
    capture_make(path_in(state, "b"), "xyz", b);
    capture_make(path_in(state, "c"), "", NULL);
    struct captures *cs = captures_create();
    assert_int_equal(captures_add(cs, path_in(state, "a"), 1, &error), 0);
    assert_int_equal(captures_add(cs, path_in(state, "c"), 3, &error), 0);
    assert_int_equal(captures_add(cs, path_in(state, "b"), 2, &error), 0);
    const char *expected = "abcxyzd";
    for (size_t i = 0; expected[i]; i++) {
        assert_int_equal(captures_peek(cs, &at, &error), 1);
        assert_int_equal(captures_next(cs, &f, &error), 1);
        assert_int_equal(f.time_ns, at);
        assert_int_equal(f.bytes.n, 1);
        assert_int_equal(f.bytes.p[0], expected[i]);
        assert_int_equal(f.ifindex, expected[i] >= 'x' ? 2 : 1);
        assert_int_equal(f.cut, 0);
    }
    assert_int_equal(at, 9 * S + 1);
    assert_int_equal(captures_next(cs, &f, &error), 0);
    assert_int_equal(captures_peek(cs, &at, &error), 0);
    assert_null(error.p);
    captures_free(cs);
}

/* Little-endian microseconds, two frames, the second cut short when captured. */
static const unsigned char micro[] = {
    0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 1, 0, 0, 0, /* */
    5,    0,    0,    0,    7, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 'h',  'i',                    /* */
    6,    0,    0,    0,    8, 0, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0, '!'};

static void test_microseconds_and_cut(void **state)
{
    struct text error = {0};
    struct capture_frame f;
    file_write(path_in(state, "a"), micro, sizeof micro);
    struct captures *cs = captures_create();
    assert_int_equal(captures_add(cs, path_in(state, "a"), 1, &error), 0);
    assert_int_equal(captures_next(cs, &f, &error), 1);
    assert_int_equal(f.time_ns, 5 * S + 7000);
    assert_true(slice_eq(f.bytes, SLICE_LIT("hi")));
    assert_int_equal(captures_next(cs, &f, &error), 1);
    assert_true(slice_eq(f.bytes, SLICE_LIT("!")));
    assert_int_equal(f.cut, 8);
    assert_int_equal(captures_next(cs, &f, &error), 0);
    captures_free(cs);
}

/* Any beginning of a file: frames, then an end or a reason; never a frame that is not there. */
static void test_every_length(void **state)
{
    for (size_t n = 0; n <= sizeof micro; n++) {
        struct text error = {0};
        struct capture_frame f;
        unsigned frames = 0;
        file_write(path_in(state, "a"), micro, n);
        struct captures *cs = captures_create();
        int rc = captures_add(cs, path_in(state, "a"), 1, &error);
        while (rc >= 0 && (rc = captures_next(cs, &f, &error)) == 1)
            frames++;
        assert_int_equal(frames, n < 42 ? 0 : n < sizeof micro ? 1 : 2);
        if (rc < 0)
            assert_non_null(strstr(error.p, path_in(state, "a")));
        else
            assert_true(n == 24 || n == 42 || n == sizeof micro);
        captures_free(cs);
        text_free(&error);
    }
}

static void assert_refused(void **state, const char *name, const char *why)
{
    struct text error = {0};
    struct captures *cs = captures_create();
    assert_true(captures_add(cs, path_in(state, name), 1, &error) < 0);
    assert_non_null(strstr(error.p, path_in(state, name)));
    assert_non_null(strstr(error.p, why));
    captures_free(cs);
    text_free(&error);
}

static void test_refused(void **state)
{
    unsigned char cooked[24];
    memcpy(cooked, micro, sizeof cooked);
    cooked[20] = 113;
    file_write(path_in(state, "a"), cooked, sizeof cooked);
    assert_refused(state, "a", "not a capture of Ethernet frames");
    file_write(path_in(state, "b"), "no capture at all, only text", 28);
    assert_refused(state, "b", "unknown file format");
    assert_refused(state, "c", "No such file");
}

static void test_writer(void **state)
{
    struct text error = {0};
    unsigned char header[24];
    const uint64_t times[] = {1};
    capture_make(path_in(state, "a"), "a", times);
    FILE *f = fopen(path_in(state, "a"), "rb");
    assert_int_equal(fread(header, 1, sizeof header, f), sizeof header);
    fclose(f);
    assert_memory_equal(header, "\x4d\x3c\xb2\xa1\x02\x00\x04\x00", 8);
    assert_null(capture_writer_open(path_in(state, "no/such/folder"), &error));
    assert_non_null(strstr(error.p, "no/such/folder"));
    text_clear(&error);
    struct capture_writer *w = capture_writer_open("/dev/full", &error);
    if (w) {
        for (int i = 0; i < 10000; i++)
            capture_write(w, 0, SLICE_LIT("frame"));
        assert_int_equal(capture_writer_close(w), -EIO);
    }
    text_free(&error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_merge, folder_make, folder_remove),
        cmocka_unit_test_setup_teardown(test_microseconds_and_cut, folder_make, folder_remove),
        cmocka_unit_test_setup_teardown(test_every_length, folder_make, folder_remove),
        cmocka_unit_test_setup_teardown(test_refused, folder_make, folder_remove),
        cmocka_unit_test_setup_teardown(test_writer, folder_make, folder_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
