/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Many short TCP connections, each with an answer of its own, so that one that got another's bytes
 * is seen.
 *
 *   connections serve ADDRESS PORT
 *   connections call ADDRESS PORT COUNT AT-ONCE
 *
 * A client sends the number of the connection, the server answers with a function of it. The number
 * says how they part, in turns: the server closes first; the client closes first; the client ends
 * its direction and then gets the answer (half-close); the client resets once it has the answer.
 * The last line of `call` is "N right, N wrong, N failed"; the exit status is 0 when all were
 * right.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MAX_FD     4096
#define PATIENCE_S 20

enum parting {
    SERVER_CLOSES,
    CLIENT_CLOSES,
    CLIENT_HALF_CLOSES,
    CLIENT_RESETS,
    PARTINGS
};

struct connection {
    bool open, asked, answered;
    uint64_t number;
    size_t have; /* bytes of what it waits for */
    unsigned char bytes[16];
    time_t since;
};

static struct connection connections[MAX_FD];
static int epoll_fd;

static uint64_t answer_to(uint64_t n)
{
    n = (n ^ (n >> 30)) * 0xbf58476d1ce4e5b9u;
    return n ^ (n >> 27);
}

static void watch(int fd, uint32_t events, int how)
{
    struct epoll_event e = {.events = events, .data.fd = fd};
    if (epoll_ctl(epoll_fd, how, fd, &e) != 0) {
        perror("epoll_ctl");
        exit(2);
    }
}

static void drop(int fd, bool reset)
{
    struct linger now = {1, 0};
    if (reset)
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(fd);
    connections[fd].open = false;
}

static time_t clock_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec;
}

static struct connection *begin(int fd)
{
    if (fd >= MAX_FD) {
        fprintf(stderr, "connections: more than %d at once\n", MAX_FD);
        exit(2);
    }
    connections[fd] = (struct connection){.open = true, .since = clock_s()};
    return &connections[fd];
}

/* Read up to `want` bytes in all. 1 all there, 0 more to come, -1 the other side is through. */
static int gather(int fd, struct connection *c, size_t want)
{
    while (c->have < want) {
        ssize_t n = recv(fd, c->bytes + c->have, want - c->have, 0);
        if (n < 0 && errno == EAGAIN)
            return 0;
        if (n <= 0)
            return -1;
        c->have += (size_t)n;
    }
    return 1;
}

/* ---- server ---- */

static void serve_answer(int fd, struct connection *c)
{
    uint64_t out[2] = {c->number, answer_to(c->number)};
    c->answered = true;
    if (send(fd, out, sizeof out, MSG_NOSIGNAL) != sizeof out)
        return drop(fd, true);
    if (c->number % PARTINGS == SERVER_CLOSES || c->number % PARTINGS == CLIENT_HALF_CLOSES)
        drop(fd, false);
}

static void serve_one(int fd)
{
    struct connection *c = &connections[fd];
    if (!c->asked) {
        int got = gather(fd, c, sizeof c->number);
        if (got < 0)
            return drop(fd, false);
        if (got == 0)
            return;
        memcpy(&c->number, c->bytes, sizeof c->number);
        c->asked = true;
        if (c->number % PARTINGS != CLIENT_HALF_CLOSES)
            serve_answer(fd, c);
        return;
    }
    char byte;
    ssize_t n = recv(fd, &byte, 1, 0);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n == 0 && !c->answered)
        return serve_answer(fd, c);
    drop(fd, false);
}

static int serve(const struct sockaddr_in *at)
{
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (const struct sockaddr *)at, sizeof *at) != 0 || listen(fd, 4096) != 0) {
        perror("connections");
        return 2;
    }
    watch(fd, EPOLLIN, EPOLL_CTL_ADD);
    for (;;) {
        struct epoll_event events[256];
        int n = epoll_wait(epoll_fd, events, 256, -1);
        for (int i = 0; i < n; i++) {
            if (events[i].data.fd != fd) {
                serve_one(events[i].data.fd);
                continue;
            }
            int peer;
            while ((peer = accept4(fd, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
                begin(peer);
                watch(peer, EPOLLIN | EPOLLRDHUP, EPOLL_CTL_ADD);
            }
        }
    }
}

/* ---- client ---- */

struct tally {
    uint64_t begun, right, wrong, failed;
    unsigned at_once;
};

static void call_one(const struct sockaddr_in *to, struct tally *t)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    uint64_t number = t->begun++;
    if (fd < 0 ||
        (connect(fd, (const struct sockaddr *)to, sizeof *to) != 0 && errno != EINPROGRESS)) {
        t->failed++;
        if (fd >= 0)
            close(fd);
        return;
    }
    begin(fd)->number = number;
    t->at_once++;
    watch(fd, EPOLLOUT, EPOLL_CTL_ADD);
}

static void call_end(int fd, struct tally *t, uint64_t *count, bool reset)
{
    ++*count;
    t->at_once--;
    drop(fd, reset);
}

static void call_ask(int fd, struct connection *c, struct tally *t)
{
    if (send(fd, &c->number, sizeof c->number, MSG_NOSIGNAL) != sizeof c->number)
        return call_end(fd, t, &t->failed, true);
    c->asked = true;
    if (c->number % PARTINGS == CLIENT_HALF_CLOSES)
        shutdown(fd, SHUT_WR);
    watch(fd, EPOLLIN, EPOLL_CTL_MOD);
}

static void call_hear(int fd, struct connection *c, struct tally *t)
{
    uint64_t in[2];
    int got = gather(fd, c, sizeof in);
    if (got == 0)
        return;
    if (got < 0)
        return call_end(fd, t, &t->failed, true);
    if (!c->answered) {
        c->answered = true;
        memcpy(in, c->bytes, sizeof in);
        if (in[0] != c->number || in[1] != answer_to(c->number))
            return call_end(fd, t, &t->wrong, true);
    }
    if (c->number % PARTINGS == CLIENT_CLOSES || c->number % PARTINGS == CLIENT_RESETS)
        return call_end(fd, t, &t->right, c->number % PARTINGS == CLIENT_RESETS);
    char byte;
    ssize_t n = recv(fd, &byte, 1, 0);
    if (n == 0)
        call_end(fd, t, &t->right, false);
    else if (n > 0 || errno != EAGAIN)
        call_end(fd, t, &t->failed, true);
}

static void give_up_old(struct tally *t)
{
    time_t now = clock_s();
    for (int fd = 0; fd < MAX_FD; fd++)
        if (connections[fd].open && now - connections[fd].since > PATIENCE_S)
            call_end(fd, t, &t->failed, true);
}

static int call(const struct sockaddr_in *to, uint64_t count, unsigned at_once)
{
    struct tally t = {0};
    time_t looked = clock_s();
    while (t.right + t.wrong + t.failed < count) {
        struct epoll_event events[256];
        while (t.at_once < at_once && t.begun < count)
            call_one(to, &t);
        int n = epoll_wait(epoll_fd, events, 256, 100);
        for (int i = 0; i < n; i++) {
            struct connection *c = &connections[events[i].data.fd];
            if (c->asked)
                call_hear(events[i].data.fd, c, &t);
            else
                call_ask(events[i].data.fd, c, &t);
        }
        if (clock_s() != looked) {
            looked = clock_s();
            give_up_old(&t);
        }
    }
    printf("%lu right, %lu wrong, %lu failed\n", t.right, t.wrong, t.failed);
    return t.right == count ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    bool client = argc == 6 && strcmp(argv[1], "call") == 0;
    if ((!client && (argc != 4 || strcmp(argv[1], "serve") != 0)) ||
        inet_pton(AF_INET, argv[2], &at.sin_addr) != 1) {
        fprintf(stderr, "usage: connections serve ADDRESS PORT\n"
                        "       connections call ADDRESS PORT COUNT AT-ONCE\n");
        return 2;
    }
    at.sin_port = htons((uint16_t)strtoul(argv[3], NULL, 10));
    epoll_fd = epoll_create1(0);
    if (!client)
        return serve(&at);
    unsigned at_once = (unsigned)strtoul(argv[5], NULL, 10);
    return call(&at, strtoull(argv[4], NULL, 10), at_once < MAX_FD / 2 ? at_once : MAX_FD / 2);
}
