/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A wire that loses frames and lets some overtake others, for kernels without netem:
 *
 *   badwire INTERFACE INTERFACE LOSS-PERCENT LATE-PERCENT
 *
 * Carries frames between two interfaces in both directions until it is ended by a signal. So many
 * percent are lost; so many of the others are held back for 1 to 4 ms, while later ones pass. The
 * choice is a fixed sequence, the same in every run that carries the same frames.
 */
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23
#endif

#define HELD      512
#define FRAME_MAX 2048

struct late {
    uint64_t due_us;
    int to;
    size_t n; /* 0: free */
    unsigned char bytes[FRAME_MAX];
};

static struct late held[HELD];
static unsigned long lost, late, carried;
static volatile sig_atomic_t ended;

static uint64_t clock_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000u + (uint64_t)t.tv_nsec / 1000u;
}

static unsigned percent(void)
{
    static uint64_t state = 1;
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)((state >> 33) % 100);
}

static void on_signal(int number)
{
    (void)number;
    ended = 1;
}

static int wire_open(const char *name)
{
    int one = 1, size = 4 << 20;
    struct sockaddr_ll at = {.sll_family = AF_PACKET,
                             .sll_protocol = htons(ETH_P_ALL),
                             .sll_ifindex = (int)if_nametoindex(name)};
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, 0);
    if (fd < 0 || setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof one) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) != 0 ||
        bind(fd, (const struct sockaddr *)&at, sizeof at) != 0) {
        perror(name);
        exit(2);
    }
    return fd;
}

static void carry(int to, const unsigned char *bytes, size_t n)
{
    if (send(to, bytes, n, 0) == (ssize_t)n)
        carried++;
}

static void hold(int to, const unsigned char *bytes, size_t n)
{
    for (int i = 0; i < HELD; i++)
        if (held[i].n == 0) {
            held[i] = (struct late){.due_us = clock_us() + 1000 + 30 * percent(), .to = to, .n = n};
            memcpy(held[i].bytes, bytes, n);
            late++;
            return;
        }
    carry(to, bytes, n);
}

static void release_due(uint64_t now_us)
{
    for (int i = 0; i < HELD; i++)
        if (held[i].n && held[i].due_us <= now_us) {
            carry(held[i].to, held[i].bytes, held[i].n);
            held[i].n = 0;
        }
}

static void relay(int from, int to, unsigned loss_percent, unsigned late_percent)
{
    unsigned char bytes[FRAME_MAX];
    ssize_t n;
    for (int i = 0; i < 64 && (n = recv(from, bytes, sizeof bytes, 0)) > 0; i++) {
        if (percent() < loss_percent)
            lost++;
        else if (percent() < late_percent)
            hold(to, bytes, (size_t)n);
        else
            carry(to, bytes, (size_t)n);
    }
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: badwire INTERFACE INTERFACE LOSS-PERCENT LATE-PERCENT\n");
        return 2;
    }
    int fd[2] = {wire_open(argv[1]), wire_open(argv[2])};
    unsigned loss_percent = (unsigned)strtoul(argv[3], NULL, 10),
             late_percent = (unsigned)strtoul(argv[4], NULL, 10);
    signal(SIGTERM, on_signal);
    signal(SIGINT, on_signal);
    while (!ended) {
        struct pollfd p[2] = {{.fd = fd[0], .events = POLLIN}, {.fd = fd[1], .events = POLLIN}};
        poll(p, 2, 1);
        relay(fd[0], fd[1], loss_percent, late_percent);
        relay(fd[1], fd[0], loss_percent, late_percent);
        release_due(clock_us());
    }
    printf("%lu carried, %lu of them late, %lu lost\n", carried, late, lost);
    return 0;
}
