/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "firewall.h"

#include "config/load.h"

int firewall_group_setup(void **state)
{
    struct text error = {0};
    (void)state;
    int rc = replay_eal_init(&error);
    if (rc != 0)
        print_message("%s\n", error.p);
    text_free(&error);
    return rc;
}

int firewall_group_teardown(void **state)
{
    (void)state;
    replay_eal_cleanup();
    return 0;
}

static struct replay *running;

static void keep(void *ctx, uint16_t ifindex, uint64_t at_ns, struct slice frame)
{
    struct firewall *fw = ctx;
    (void)at_ns;
    assert_true(frame.n <= FRAME_SIZE);
    if (fw->counts_only)
        return;
    assert_true(fw->n_sent < FIREWALL_SENT);
    fw->sent[fw->n_sent].ifindex = ifindex;
    fw->sent[fw->n_sent].f.n = frame.n;
    memcpy(fw->sent[fw->n_sent].f.b, frame.p, frame.n);
    fw->n_sent++;
}

void firewall_make(struct firewall *fw, const char *config)
{
    firewall_make_workers(fw, config, 1);
}

void firewall_make_workers(struct firewall *fw, const char *config, uint16_t n_workers)
{
    struct text error = {0};
    struct replay_options options = {
        .clock_ms = 1000000, .n_workers = n_workers, .sent = keep, .sent_ctx = fw};
    *fw = (struct firewall){0};
    replay_free(running); /* of a test that failed */
    running = NULL;
    if (config_load_text("test", slice_str(config), &options.config, &error, NULL) != 0)
        fail_msg("%s", error.p);
    fw->r = replay_create(&options, &error);
    if (!fw->r)
        fail_msg("%s", error.p);
    running = fw->r;
    fw->dp = replay_dataplane(fw->r);
    text_free(&error);
}

static void assert_balance(const struct firewall *fw)
{
    struct text why = {0};
    if (!replay_balance(fw->r, &why))
        fail_msg("%s", why.p);
    text_free(&why);
}

unsigned firewall_gives(struct firewall *fw, uint16_t ifindex, const struct frame *f)
{
    fw->n_sent = 0;
    assert_int_equal(replay_frame(fw->r, ifindex, frame_slice(f)), 0);
    assert_balance(fw);
    return fw->n_sent;
}

void firewall_commands(struct firewall *fw, const char *const *lines)
{
    struct text answer = {0};
    for (; *lines; lines++)
        if (replay_command(fw->r, slice_str(*lines), &answer) != 0)
            fail_msg("%s", answer.p);
    text_free(&answer);
}

static struct replay_counts counts(const struct firewall *fw)
{
    struct replay_counts c;
    replay_counts(fw->r, &c);
    return c;
}

uint64_t firewall_dropped(const struct firewall *fw, enum drop_reason reason)
{
    return counts(fw).packets.drop[reason];
}

uint32_t firewall_sessions(const struct firewall *fw)
{
    return counts(fw).sessions;
}

uint32_t firewall_mappings(const struct firewall *fw)
{
    return counts(fw).mappings;
}

void firewall_abandon(struct firewall *fw)
{
    replay_free(fw->r);
    running = NULL;
}

void firewall_free(struct firewall *fw)
{
    assert_balance(fw);
    firewall_abandon(fw);
}

static void frame_dropped(struct firewall *fw, uint16_t ifindex, const struct frame *f,
                          enum drop_reason reason)
{
    struct replay_counts before, after;
    replay_counts(fw->r, &before);
    fw->n_sent = 0;
    assert_int_equal(replay_frame(fw->r, ifindex, frame_slice(f)), 0);
    replay_counts(fw->r, &after);
    for (int i = 0; i < DROP_COUNT; i++) {
        uint64_t n = after.packets.drop[i] - before.packets.drop[i];
        if (n != (i == (int)reason))
            fail_msg("dropped as %s, not as %s",
                     n ? drop_name((enum drop_reason)i) : "something else", drop_name(reason));
    }
    assert_balance(fw);
}

void firewall_drops(struct firewall *fw, uint16_t ifindex, const struct frame *f,
                    enum drop_reason reason)
{
    frame_dropped(fw, ifindex, f, reason);
    assert_int_equal(fw->n_sent, 0);
}

const struct frame *firewall_refuses(struct firewall *fw, uint16_t ifindex, const struct frame *f,
                                     enum drop_reason reason)
{
    frame_dropped(fw, ifindex, f, reason);
    assert_int_equal(fw->n_sent, 1);
    assert_int_equal(fw->sent[0].ifindex, ifindex);
    return &fw->sent[0].f;
}

const struct frame *firewall_passes(struct firewall *fw, uint16_t ifindex, const struct frame *f,
                                    uint16_t out)
{
    if (firewall_gives(fw, ifindex, f) != 1) {
        struct replay_counts c = counts(fw);
        for (int i = 0; i < DROP_COUNT; i++)
            if (c.packets.drop[i])
                print_message("%s %lu\n", drop_name((enum drop_reason)i), c.packets.drop[i]);
    }
    assert_int_equal(fw->n_sent, 1);
    assert_int_equal(fw->sent[0].ifindex, out);
    return &fw->sent[0].f;
}

void frame_assert_ends(const struct frame *f, struct ends e)
{
    be32 src = frame_address(e.src), dst = frame_address(e.dst);
    assert_memory_equal(f->b + FRAME_IP + 12, &src, 4);
    assert_memory_equal(f->b + FRAME_IP + 16, &dst, 4);
    assert_int_equal(f->b[FRAME_L4] << 8 | f->b[FRAME_L4 + 1], e.sport);
    assert_int_equal(f->b[FRAME_L4 + 2] << 8 | f->b[FRAME_L4 + 3], e.dport);
    frame_assert_whole(f);
}

void frame6_assert_ends(const struct frame *f, struct ends e)
{
    struct ip_addr src = frame6_address(e.src), dst = frame6_address(e.dst);
    assert_memory_equal(f->b + FRAME_IP + 8, &src, 16);
    assert_memory_equal(f->b + FRAME_IP + 24, &dst, 16);
    assert_int_equal(f->b[FRAME6_L4] << 8 | f->b[FRAME6_L4 + 1], e.sport);
    assert_int_equal(f->b[FRAME6_L4 + 2] << 8 | f->b[FRAME6_L4 + 3], e.dport);
    frame_assert_whole(f);
}

void frame_assert_whole(const struct frame *f)
{
    struct frame mended = *f;
    frame_mend(&mended);
    assert_memory_equal(mended.b, f->b, f->n);
}
