/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One slot: what waits to be written. The helper takes it, writes, and looks again. `wanted` and
 * `done` count puts, so that control can ask without the lock whether all is on the disk.
 *
 * The file is replaced by rename, never written in place: after a crash it is the old one or the
 * new one, whole. It keeps the permissions it had; a new one is readable by its owner and group.
 */
#include "control/saver.h"

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct saver {
    char path[PATH_MAX], temporary[PATH_MAX], folder[PATH_MAX];
    pthread_mutex_t lock;
    pthread_cond_t wake;
    pthread_t thread;
    bool started, stop;
    struct text waiting; /* under the lock */
    uint64_t wanted;     /* atomic: number of the newest content */
    uint64_t saved;      /* atomic: number of the newest one that is on the disk */
    int error;           /* atomic: of the last failure */
    uint64_t done;       /* atomic: number of the newest one that was written, or failed */
};

/* A path that stands for the file itself, so that a symbolic link to it is not replaced. */
static int path_resolve(const char *path, char out[PATH_MAX])
{
    if (realpath(path, out))
        return 0;
    if (errno != ENOENT || strlen(path) >= PATH_MAX)
        return -errno;
    snprintf(out, PATH_MAX, "%s", path);
    return 0;
}

struct saver *saver_create(const char *path, struct text *error)
{
    struct saver *s = calloc(1, sizeof *s);
    if (!s)
        abort();
    int result = path_resolve(path, s->path);
    size_t n = strlen(s->path);
    if (result != 0 || n == 0 || n + sizeof ".new" > PATH_MAX) {
        text_printf(error, "%s: %s", path, strerror(result != 0 ? -result : ENAMETOOLONG));
        free(s);
        return NULL;
    }
    memcpy(s->temporary, s->path, n);
    memcpy(s->temporary + n, ".new", sizeof ".new");
    const char *slash = strrchr(s->path, '/');
    size_t folder = slash ? (size_t)(slash - s->path) + 1 : 0;
    memcpy(s->folder, folder ? s->path : ".", folder ? folder : 1);
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->wake, NULL);
    return s;
}

static int write_all(int fd, struct slice content)
{
    while (content.n > 0) {
        ssize_t n = write(fd, content.p, content.n);
        if (n < 0 && errno != EINTR)
            return -errno;
        if (n > 0)
            content = slice_skip(content, (size_t)n);
    }
    return 0;
}

static int temporary_write(const struct saver *s, struct slice content)
{
    struct stat old;
    mode_t mode = stat(s->path, &old) == 0 ? old.st_mode & 0777 : 0640;
    int fd = open(s->temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
    if (fd < 0)
        return -errno;
    int result = fchmod(fd, mode) == 0 ? write_all(fd, content) : -errno;
    if (result == 0 && fsync(fd) != 0)
        result = -errno;
    if (close(fd) != 0 && result == 0)
        result = -errno;
    return result;
}

static int folder_sync(const struct saver *s)
{
    int fd = open(s->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int result = fsync(fd) == 0 ? 0 : -errno;
    close(fd);
    return result;
}

static int file_replace(const struct saver *s, struct slice content)
{
    int result = temporary_write(s, content);
    if (result == 0 && rename(s->temporary, s->path) != 0)
        result = -errno;
    if (result != 0) {
        unlink(s->temporary);
        return result;
    }
    return folder_sync(s);
}

/* After it `saved` and `error` hold for every number up to this one. */
static void finish(struct saver *s, uint64_t number, int result)
{
    if (result == 0) {
        __atomic_store_n(&s->saved, number, __ATOMIC_RELAXED);
    } else {
        log_error("%s: not saved: %s", s->path, strerror(-result));
        __atomic_store_n(&s->error, result, __ATOMIC_RELAXED);
    }
    __atomic_store_n(&s->done, number, __ATOMIC_RELEASE);
}

static void *saver_thread(void *arg)
{
    struct saver *s = arg;
    struct text content = {0};
    pthread_mutex_lock(&s->lock);
    for (;;) {
        uint64_t number = __atomic_load_n(&s->wanted, __ATOMIC_RELAXED);
        if (number == __atomic_load_n(&s->done, __ATOMIC_RELAXED)) {
            if (s->stop)
                break;
            pthread_cond_wait(&s->wake, &s->lock);
            continue;
        }
        content = s->waiting;
        s->waiting = (struct text){0};
        pthread_mutex_unlock(&s->lock);
        finish(s, number, file_replace(s, text_slice(&content)));
        text_free(&content);
        pthread_mutex_lock(&s->lock);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

/* Signals are for the control thread. */
static int thread_start(struct saver *s)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int result = pthread_create(&s->thread, NULL, saver_thread, s);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    s->started = result == 0;
    return -result;
}

uint64_t saver_put(struct saver *s, struct text *content)
{
    int result = s->started ? 0 : thread_start(s);
    if (result != 0) {
        text_free(content);
        finish(s, __atomic_add_fetch(&s->wanted, 1, __ATOMIC_RELAXED), result);
        return s->wanted;
    }
    pthread_mutex_lock(&s->lock);
    text_free(&s->waiting);
    s->waiting = *content;
    *content = (struct text){0};
    uint64_t number = __atomic_add_fetch(&s->wanted, 1, __ATOMIC_RELAXED);
    pthread_cond_signal(&s->wake);
    pthread_mutex_unlock(&s->lock);
    return number;
}

int saver_result(const struct saver *s, uint64_t number)
{
    if (__atomic_load_n(&s->done, __ATOMIC_ACQUIRE) < number)
        return -EINPROGRESS;
    if (__atomic_load_n(&s->saved, __ATOMIC_RELAXED) >= number)
        return 0;
    return __atomic_load_n(&s->error, __ATOMIC_RELAXED);
}

const char *saver_path(const struct saver *s)
{
    return s->path;
}

bool saver_busy(const struct saver *s)
{
    return __atomic_load_n(&s->wanted, __ATOMIC_RELAXED) !=
           __atomic_load_n(&s->done, __ATOMIC_ACQUIRE);
}

void saver_destroy(struct saver *s)
{
    if (!s)
        return;
    if (s->started) {
        pthread_mutex_lock(&s->lock);
        s->stop = true;
        pthread_cond_signal(&s->wake);
        pthread_mutex_unlock(&s->lock);
        pthread_join(s->thread, NULL);
    }
    text_free(&s->waiting);
    pthread_cond_destroy(&s->wake);
    pthread_mutex_destroy(&s->lock);
    free(s);
}
