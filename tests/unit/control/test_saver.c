/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/saver.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/saver-XXXXXX";

static const char *path_of(const char *name)
{
    static char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void file_make(const char *name, const char *content, mode_t mode)
{
    int fd = open(path_of(name), O_WRONLY | O_CREAT | O_TRUNC, mode);
    assert_true(fd >= 0);
    assert_int_equal(fchmod(fd, mode), 0);
    assert_int_equal(write(fd, content, strlen(content)), strlen(content));
    close(fd);
}

static void expect_file(const char *name, const char *content)
{
    static char bytes[1 << 20];
    int fd = open(path_of(name), O_RDONLY);
    assert_true(fd >= 0);
    ssize_t n = read(fd, bytes, sizeof bytes);
    assert_int_equal(n, strlen(content));
    assert_memory_equal(bytes, content, (size_t)n);
    close(fd);
}

static struct saver *saver_for(const char *name)
{
    struct text error = {0};
    struct saver *s = saver_create(path_of(name), &error);
    assert_non_null(s);
    text_free(&error);
    return s;
}

static void put(struct saver *s, const char *content)
{
    struct text t = {0};
    text_puts(&t, content);
    assert_int_not_equal(saver_put(s, &t), 0);
    assert_null(t.p);
}

static void wait_for(struct saver *s)
{
    const struct timespec moment = {.tv_nsec = 1000000};
    for (int i = 0; saver_busy(s); i++) {
        assert_true(i < 10000);
        nanosleep(&moment, NULL);
    }
}

static void test_new_file(void **state)
{
    (void)state;
    struct saver *s = saver_for("new");
    assert_false(saver_busy(s));
    put(s, "config system global\nend\n");
    wait_for(s);
    expect_file("new", "config system global\nend\n");
    saver_destroy(s);
    assert_int_not_equal(access(path_of("new.new"), F_OK), 0);
}

static void test_replaces_and_keeps_permissions(void **state)
{
    (void)state;
    struct stat st;
    file_make("old", "before", 0604);
    struct saver *s = saver_for("old");
    put(s, "one");
    put(s, "two");
    put(s, "three");
    saver_destroy(s); /* finishes first */
    expect_file("old", "three");
    assert_int_equal(stat(path_of("old"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0604);
}

static void test_symbolic_link_stays_one(void **state)
{
    (void)state;
    struct stat st;
    file_make("target", "before", 0600);
    assert_int_equal(symlink("target", path_of("link")), 0);
    struct saver *s = saver_for("link");
    put(s, "after");
    saver_destroy(s);
    expect_file("target", "after");
    assert_int_equal(lstat(path_of("link"), &st), 0);
    assert_true(S_ISLNK(st.st_mode));
}

static void test_failure_leaves_the_file(void **state)
{
    (void)state;
    file_make("kept", "before", 0600);
    /* The temporary file cannot be made. */
    assert_int_equal(mkdir(path_of("kept.new"), 0700), 0);
    struct saver *s = saver_for("kept");
    put(s, "after");
    wait_for(s);
    assert_int_equal(saver_result(s, 1), -EISDIR);
    expect_file("kept", "before");
    assert_int_equal(rmdir(path_of("kept.new")), 0);
    put(s, "later");
    wait_for(s);
    assert_int_equal(saver_result(s, 1), 0); /* the later one has it all */
    assert_int_equal(saver_result(s, 2), 0);
    assert_int_equal(saver_result(s, 3), -EINPROGRESS);
    expect_file("kept", "later");
    saver_destroy(s);
}

static void test_unused(void **state)
{
    (void)state;
    saver_destroy(saver_for("never"));
    saver_destroy(NULL);
    assert_int_not_equal(access(path_of("never"), F_OK), 0);
}

static void test_bad_path(void **state)
{
    (void)state;
    struct text error = {0};
    char path[PATH_MAX + 8];
    memset(path, 'a', sizeof path);
    path[sizeof path - 1] = '\0';
    assert_null(saver_create(path, &error));
    assert_non_null(strstr(error.p, "too long"));
    text_free(&error);
    assert_null(saver_create("", &error));
    text_free(&error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_new_file),
        cmocka_unit_test(test_replaces_and_keeps_permissions),
        cmocka_unit_test(test_symbolic_link_stays_one),
        cmocka_unit_test(test_failure_leaves_the_file),
        cmocka_unit_test(test_unused),
        cmocka_unit_test(test_bad_path),
    };
    if (!mkdtemp(folder))
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    const char *names[] = {"new", "old", "target", "link", "kept"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        unlink(path_of(names[i]));
    rmdir(folder);
    return failed;
}
