/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A firewall to put single frames through: its configuration as text, what it sends kept for
 * looking at. cmocka's assertions fail the test where something is not as asked for.
 */
#pragma once

#include "frames6.h"
#include "replay/replay.h"

#define FIREWALL_SENT 64

struct firewall {
    struct replay *r;
    struct dataplane *dp;
    unsigned n_sent;
    bool counts_only; /* a test may not care for what is sent: keep nothing */
    struct {
        uint16_t ifindex;
        struct frame f;
    } sent[FIREWALL_SENT];
};

/* Group set-up and end for cmocka: DPDK, once per program. */
int firewall_group_setup(void **state);
int firewall_group_teardown(void **state);

void firewall_make(struct firewall *fw, const char *config);
/* The same with several workers; frames arrive at one after the other. */
void firewall_make_workers(struct firewall *fw, const char *config, uint16_t n_workers);
/* Checks once more that every packet is accounted for. */
void firewall_free(struct firewall *fw);

/* Without checking: for a test that put packets in past the wire. */
void firewall_abandon(struct firewall *fw);

/* The frame is dropped, for this reason and no other. */
void firewall_drops(struct firewall *fw, uint16_t ifindex, const struct frame *f,
                    enum drop_reason reason);

/* The same, and an answer goes back to where the frame came from: that answer. */
const struct frame *firewall_refuses(struct firewall *fw, uint16_t ifindex, const struct frame *f,
                                     enum drop_reason reason);

/* The frame makes one frame leave, through interface `out`: that frame. */
const struct frame *firewall_passes(struct firewall *fw, uint16_t ifindex, const struct frame *f,
                                    uint16_t out);

/* The frame comes to its end whatever that is, and every packet is accounted for: how many left. */
unsigned firewall_gives(struct firewall *fw, uint16_t ifindex, const struct frame *f);

/* Type commands, all of which must be accepted; the last one is NULL. */
void firewall_commands(struct firewall *fw, const char *const *lines);
#define COMMANDS(fw, ...) firewall_commands((fw), (const char *const[]){__VA_ARGS__, NULL})

uint64_t firewall_dropped(const struct firewall *fw, enum drop_reason reason);
uint32_t firewall_sessions(const struct firewall *fw);
uint32_t firewall_mappings(const struct firewall *fw);

/* Addresses and ports of a frame, and that it is whole. */
void frame_assert_ends(const struct frame *f, struct ends e);
void frame6_assert_ends(const struct frame *f, struct ends e);

/* Are the lengths and checksums of a frame right? */
void frame_assert_whole(const struct frame *f);
