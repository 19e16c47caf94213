/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The whole interface is there and works: a cursor is an index into an array, a cleared session is
 * gone at the next listing, a commit is a copy of the tree. `busy_every` makes listings pause as
 * the real ones do while they wait for another thread.
 */
#include "fake.h"

#include "config/rows.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static int busy(struct fake *fake)
{
    return fake->busy_every > 0 && ++fake->asked % fake->busy_every == 0;
}

static int fake_commit(void *ctx, const struct config_tree *candidate, struct text *error)
{
    struct fake *fake = ctx;
    if (fake->refuse) {
        text_puts(error, fake->refuse);
        return -EINVAL;
    }
    fake->commits++;
    tree_free(fake->committed);
    fake->committed = tree_copy(candidate);
    return 0;
}

static int fake_session_next(void *ctx, uint32_t *cursor, struct backend_session *out)
{
    struct fake *fake = ctx;
    if (busy(fake))
        return -EAGAIN;
    while (*cursor < fake->n_sessions && fake->session_gone[*cursor])
        ++*cursor;
    if (*cursor >= fake->n_sessions)
        return 0;
    *out = fake->sessions[(*cursor)++];
    return 1;
}

static int fake_session_clear(void *ctx, uint32_t index, uint32_t epoch)
{
    struct fake *fake = ctx;
    for (uint32_t i = 0; i < fake->n_sessions; i++) {
        uint32_t at = (index + i) % fake->n_sessions;
        if (fake->sessions[at].index != index)
            continue;
        if (fake->session_gone[at] || fake->sessions[at].epoch != epoch)
            return -ESTALE;
        fake->session_gone[at] = true;
        return 0;
    }
    return -ESTALE;
}

static void fake_session_stat(void *ctx, bool v6, struct backend_session_stat *out)
{
    (void)v6;
    *out = ((struct fake *)ctx)->session_stat;
}

static void fake_sip_stat(void *ctx, struct backend_sip_stat *out)
{
    *out = ((struct fake *)ctx)->sip_stat;
}

static void fake_sip_stat_clear(void *ctx)
{
    memset(&((struct fake *)ctx)->sip_stat, 0, sizeof(struct backend_sip_stat));
}

static int fake_sip_call_next(void *ctx, uint32_t *cursor, struct backend_sip_call *out)
{
    struct fake *fake = ctx;
    if (busy(fake))
        return -EAGAIN;
    while (*cursor < fake->n_calls && fake->call_gone[*cursor])
        ++*cursor;
    if (*cursor >= fake->n_calls)
        return 0;
    *out = fake->calls[(*cursor)++];
    return 1;
}

static int fake_sip_call_clear(void *ctx, uint64_t id)
{
    struct fake *fake = ctx;
    for (uint32_t i = 0; i < fake->n_calls; i++) {
        if (fake->calls[i].id == id && !fake->call_gone[i])
            return fake->call_gone[i] = true, 0;
    }
    return -ESTALE;
}

static uint64_t fake_debug_want(void *ctx, const void *who, uint32_t mask)
{
    struct fake *fake = ctx;
    assert_non_null(who);
    fake->debug_mask = mask;
    return fake->debug_full ? 0 : fake->n_debug + 1;
}

static int fake_debug_next(void *ctx, uint64_t *number, struct backend_debug *out)
{
    struct fake *fake = ctx;
    assert_true(*number > 0);
    if (fake->debug_flood && fake->debug_mask) {
        *out = fake->debug[0];
        return 1;
    }
    if (*number > fake->n_debug)
        return 0;
    *out = fake->debug[(*number)++ - 1];
    return 1;
}

#define LISTING(what, type)                                                                \
    static int fake_##what##_next(void *ctx, uint32_t *cursor, struct backend_##type *out) \
    {                                                                                      \
        struct fake *fake = ctx;                                                           \
        if (busy(fake))                                                                    \
            return -EAGAIN;                                                                \
        if (*cursor >= fake->n_##what##s)                                                  \
            return 0;                                                                      \
        *out = fake->what##s[(*cursor)++];                                                 \
        return 1;                                                                          \
    }

LISTING(sip_meter, sip_meter)
LISTING(mapping, mapping)
LISTING(counter, counter)
LISTING(interface, interface)
LISTING(neighbour, neighbour)
LISTING(route, route)

static const struct config_rows *fake_rows(void *ctx)
{
    struct fake *fake = ctx;
    struct text error = {0};
    config_rows_free(fake->rows);
    fake->rows = config_rows_make(fake->running, &error);
    assert_non_null(fake->rows);
    text_free(&error);
    return fake->rows;
}

static int fake_policy_count(void *ctx, uint32_t id, struct backend_policy_count *out)
{
    const struct fake *fake = ctx;
    if (id >= fake->n_counts || fake->count_gone[id])
        return -ENOENT;
    *out = fake->counts[id];
    return 0;
}

static int fake_policy_count_clear(void *ctx, uint32_t id)
{
    struct fake *fake = ctx;
    if (id >= fake->n_counts)
        return -ENOENT;
    fake->count_gone[id] = true;
    return 0;
}

static int fake_pool_stat(void *ctx, const char *name, struct backend_pool_stat *out)
{
    const struct fake *fake = ctx;
    if (!fake->pool_stats || strcmp(name, "unused") == 0)
        return -ENOENT;
    *out = *fake->pool_stats;
    return 0;
}

static int fake_pool_share_next(void *ctx, const char *name, uint32_t *cursor,
                                struct backend_pool_share *out)
{
    struct fake *fake = ctx;
    (void)name;
    if (busy(fake))
        return -EAGAIN;
    if (*cursor >= fake->n_shares)
        return 0;
    *out = fake->shares[(*cursor)++];
    return 1;
}

static uint64_t fake_uptime(void *ctx)
{
    return ((struct fake *)ctx)->uptime_s;
}

void fake_open(struct fake *fake)
{
    memset(fake, 0, sizeof(*fake));
    fake->backend = (struct backend){
        .ctx = fake,
        .commit = fake_commit,
        .session_next = fake_session_next,
        .session_clear = fake_session_clear,
        .session_stat = fake_session_stat,
        .sip_stat = fake_sip_stat,
        .sip_stat_clear = fake_sip_stat_clear,
        .sip_meter_next = fake_sip_meter_next,
        .sip_call_next = fake_sip_call_next,
        .sip_call_clear = fake_sip_call_clear,
        .debug_want = fake_debug_want,
        .debug_next = fake_debug_next,
        .mapping_next = fake_mapping_next,
        .drop_next = fake_counter_next,
        .interface_next = fake_interface_next,
        .neighbour_next = fake_neighbour_next,
        .route_next = fake_route_next,
        .rows = fake_rows,
        .policy_count = fake_policy_count,
        .policy_count_clear = fake_policy_count_clear,
        .pool_stat = fake_pool_stat,
        .pool_share_next = fake_pool_share_next,
        .uptime_s = fake_uptime,
    };
    fake->running = tree_factory();
    fake->cli = cli_open(fake->running, &fake->backend);
}

void fake_close(struct fake *fake)
{
    cli_close(fake->cli);
    tree_free(fake->running);
    tree_free(fake->committed);
    config_rows_free(fake->rows);
    free(fake->sessions);
    free(fake->session_gone);
}

be32 ip4(const char *ip)
{
    be32 out;
    assert_int_equal(ipv4_parse(slice_str(ip), &out), 0);
    return out;
}

struct ip_port ep(const char *ip, uint16_t port)
{
    return ip_port_of4((struct endpoint){ip4(ip), be16_of(port)});
}

struct ip_addr ip(const char *text)
{
    struct ip_addr out;
    be32 v4;
    if (ipv4_parse(slice_str(text), &v4) == 0)
        return ip_addr_of4(v4);
    assert_int_equal(ipv6_parse(slice_str(text), &out), 0);
    return out;
}

struct ip_port end(const char *text, uint16_t port)
{
    return (struct ip_port){ip(text), be16_of(port)};
}

struct backend_session fake_session(void)
{
    return (struct backend_session){
        .index = 0x10ca5c,
        .epoch = 3,
        .proto = 17,
        .proto_state = 1,
        .duration_s = 2,
        .expire_s = 498,
        .timer_s = 500,
        .timer_source = "service SIP_Port",
        .policy_id = 1,
        .in_if = "port2",
        .out_if = "port1",
        .in_ifindex = 5,
        .out_ifindex = 3,
        .src = end("10.0.0.20", 5060),
        .dst = end("198.51.100.5", 5060),
        .reply_src = end("198.51.100.5", 5060),
        .reply_dst = end("203.0.113.2", 5060),
        .snat = true,
        .alg = true,
        .bytes = {1128, 902},
        .packets = {2, 2},
        .gateway = {ip("203.0.113.1"), ip("10.0.0.20")},
    };
}

void fake_sessions(struct fake *fake, uint32_t n)
{
    free(fake->sessions);
    free(fake->session_gone);
    fake->sessions = calloc(n, sizeof(*fake->sessions));
    fake->session_gone = calloc(n, sizeof(*fake->session_gone));
    assert_non_null(fake->sessions);
    assert_non_null(fake->session_gone);
    fake->n_sessions = n;
    for (uint32_t i = 0; i < n; i++) {
        struct backend_session *s = &fake->sessions[i];
        *s = fake_session();
        s->index = i;
        s->src.ip = ip_addr_of4(be32_of(0x0a000000 + i));
        s->src.port = be16_of((uint16_t)(1024 + i % 60000));
        s->policy_id = i % 4;
    }
}

const char *fake_line(struct fake *fake, const char *line)
{
    struct text *out = cli_output(fake->cli);
    text_clear(out);
    enum cli_state state = cli_line(fake->cli, slice_str(line));
    while (state == CLI_MORE)
        state = cli_step(fake->cli);
    return out->p ? out->p : "";
}

const char *fake_prompt(struct fake *fake)
{
    static char prompt[256];
    struct text out = {0};
    cli_prompt(fake->cli, &out);
    snprintf(prompt, sizeof(prompt), "%s", out.p ? out.p : "");
    text_free(&out);
    return prompt;
}

void fake_transcript(struct fake *fake, const struct transcript *rows)
{
    for (; rows->in; rows++) {
        const char *out = fake_line(fake, rows->in);
        if (strcmp(out, rows->out) != 0)
            fail_msg("%s# %s\n--- expected\n%s--- printed\n%s---", fake_prompt(fake), rows->in,
                     rows->out, out);
        if (cli_status(fake->cli) != rows->status)
            fail_msg("# %s: status %d, expected %d", rows->in, cli_status(fake->cli), rows->status);
    }
}
