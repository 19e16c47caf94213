/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Lines are shown as FortiOS shows them (reference 6.7): a message in hex, then as text in which
 * every byte that is not printable is a `.`. `whole` says how long a message was of which only the
 * beginning was kept.
 *
 * The masks of a login count while it is enabled; the ALG is told of them only then. What was
 * enabled and forgotten ends by itself.
 */
#include "cli/login.h"
#include "cli/sip_filter.h"

#define LINES         64           /* shown in one piece */
#define DURATION_MOST (366 * 1440) /* minutes */

/* Bits of messages: reference 6.7. */
enum {
    ASCII = 32,
    HEX = 64,
    SHOWN = 4 | 8 | 16 | ASCII | HEX | 128 | 256 | 512 /* the others show nothing */
};

static void hex_put(struct text *out, struct slice bytes)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < bytes.n; i++) {
        uint8_t c = (uint8_t)bytes.p[i];
        text_put(out, slice_of((const char[]){digits[c >> 4], digits[c & 15]}, 2));
    }
}

static void ascii_put(struct text *out, struct slice bytes)
{
    for (size_t i = 0; i < bytes.n; i++) {
        char c = bytes.p[i] >= ' ' && bytes.p[i] <= '~' ? bytes.p[i] : '.';
        text_put(out, slice_of(&c, 1));
    }
}

static void message_print(struct text *out, const struct backend_debug *line, uint32_t mask)
{
    text_printf(out, "port %u %s [(0,%u)", line->port, line->written ? "write" : "read",
                line->whole);
    if (mask & HEX) {
        text_puts(out, " (");
        hex_put(out, line->text);
        text_puts(out, ")");
    }
    if (mask & ASCII) {
        text_puts(out, mask & HEX ? "(" : " (");
        ascii_put(out, line->text);
        text_puts(out, ")");
    }
    text_puts(out, line->text.n < line->whole ? "...]" : "]");
}

static void line_print(struct text *out, const struct backend_debug *line,
                       const struct cli_debug *debug)
{
    if (debug->timestamp)
        text_printf(out, "%s ", line->when);
    text_printf(out, "%s sip ", line->when);
    if (line->whole)
        message_print(out, line, debug->sip);
    else
        ascii_put(out, line->text);
    text_puts(out, "\n");
}

static int debug_apply(struct cli *cli);

/* `enable` counts for so long. */
static void duration_begin(struct cli *cli)
{
    struct cli_debug *debug = &cli->debug;
    uint32_t minutes = debug->lasts ? debug->duration : DEBUG_MINUTES;
    debug->until_s = minutes ? cli->backend->uptime_s(cli->backend->ctx) + minutes * 60ull : 0;
}

static void duration_check(struct cli *cli)
{
    struct cli_debug *debug = &cli->debug;
    if (!debug->enabled || !debug->until_s ||
        cli->backend->uptime_s(cli->backend->ctx) < debug->until_s)
        return;
    debug->enabled = false;
    (void)debug_apply(cli);
    text_puts(&cli->out, "debug output ends: its duration is over\n");
}

bool debug_show(struct cli *cli)
{
    struct cli_debug *debug = &cli->debug;
    const struct backend *backend = cli->backend;
    struct backend_debug line;
    unsigned n = 0;
    if (cli->row || cli->line.n > 0)
        return false;
    duration_check(cli);
    if (!debug->next)
        return false;
    for (; n < LINES && backend->debug_next(backend->ctx, &debug->next, &line) == 1; n++) {
        if (line.missed)
            text_printf(&cli->out, "%llu lines are missing\n", (unsigned long long)line.missed);
        if (line.bits & debug->sip &&
            sip_filter_passes(cli_filter(cli, CLI_FILTER_SIP_LOG), &line.src, &line.dst,
                              line.policy_id, line.profile))
            line_print(&cli->out, &line, debug);
    }
    return n == LINES;
}

/* Tell the ALG what this login wants. */
static int debug_apply(struct cli *cli)
{
    struct cli_debug *debug = &cli->debug;
    const struct backend *backend = cli->backend;
    uint32_t mask = debug->enabled ? debug->sip : 0;
    uint64_t next = backend->debug_want(backend->ctx, cli, mask);
    if (mask == 0) {
        debug->next = 0;
    } else if (next == 0) {
        debug->next = 0;
        text_puts(&cli->out, "too many logins look on already\n");
        return CLI_E_FULL;
    } else if (debug->next == 0) {
        debug->next = next;
    }
    return 0;
}

void debug_end(struct cli *cli)
{
    if (cli->debug.next)
        cli->backend->debug_want(cli->backend->ctx, cli, 0);
}

static int enable_start(struct cli *cli, unsigned n_args, const struct slice *args)
{
    (void)n_args, (void)args;
    cli->debug.enabled = true;
    duration_begin(cli);
    return debug_apply(cli);
}

static int disable_start(struct cli *cli, unsigned n_args, const struct slice *args)
{
    (void)n_args, (void)args;
    cli->debug.enabled = false;
    return debug_apply(cli);
}

static int reset_start(struct cli *cli, unsigned n_args, const struct slice *args)
{
    (void)n_args, (void)args;
    uint64_t next = cli->debug.next;
    cli->debug = (struct cli_debug){.next = next};
    return debug_apply(cli);
}

static void level_print(const struct cli *cli, struct text *out)
{
    text_printf(out, "sip debug level is %d (0x%x)\n", (int)cli->debug.sip, cli->debug.sip);
}

static void duration_print(const struct cli *cli, struct text *out)
{
    uint32_t minutes = cli->debug.lasts ? cli->debug.duration : DEBUG_MINUTES;
    if (minutes)
        text_printf(out, "debug duration: %u minutes\n", minutes);
    else
        text_puts(out, "debug duration: unlimited\n");
}

static int info_start(struct cli *cli, unsigned n_args, const struct slice *args)
{
    (void)n_args, (void)args;
    text_printf(&cli->out, "debug output: %s\nconsole timestamp: %s\n",
                cli->debug.enabled ? "enable" : "disable",
                cli->debug.timestamp ? "enable" : "disable");
    duration_print(cli, &cli->out);
    level_print(cli, &cli->out);
    return 0;
}

static int duration_start(struct cli *cli, unsigned n_args, const struct slice *args)
{
    uint32_t minutes;
    if (n_args == 0) {
        duration_print(cli, &cli->out);
        return 0;
    }
    if (slice_u32(args[0], DURATION_MOST, &minutes) != 0)
        return cli_bad_value(cli, args[0]);
    cli->debug.lasts = true;
    cli->debug.duration = minutes;
    if (cli->debug.enabled)
        duration_begin(cli);
    return 0;
}

static int sip_start(struct cli *cli, unsigned n_args, const struct slice *args)
{
    uint32_t level = 0;
    if (n_args == 0) {
        level_print(cli, &cli->out);
        return 0;
    }
    if (slice_eq(args[0], SLICE_LIT("-1")))
        level = UINT32_MAX;
    else if (slice_u32(args[0], UINT32_MAX, &level) != 0)
        return cli_bad_value(cli, args[0]);
    if (level != UINT32_MAX && level & ~(uint32_t)SHOWN)
        text_printf(&cli->out, "Warning: bits 0x%x show nothing.\n", level & ~(uint32_t)SHOWN);
    cli->debug.sip = level;
    return debug_apply(cli);
}

static int timestamp_start(struct cli *cli, unsigned n_args, const struct slice *args)
{
    (void)n_args;
    if (!slice_eq(args[0], SLICE_LIT("enable")) && !slice_eq(args[0], SLICE_LIT("disable")))
        return cli_bad_value(cli, args[0]);
    cli->debug.timestamp = slice_eq(args[0], SLICE_LIT("enable"));
    return 0;
}

static const char *const *switch_words(unsigned arg)
{
    static const char *const words[] = {"enable", "disable", NULL};
    return arg == 0 ? words : NULL;
}

#define PATH "diagnose debug"

const struct cli_command cli_debug_commands[] = {
    {PATH, "Debug output on this terminal."},
    {PATH " enable", "Show debug output.", NULL, 0, 0, enable_start},
    {PATH " disable", "Show none.", NULL, 0, 0, disable_start},
    {PATH " reset", "Show none, and forget all levels.", NULL, 0, 0, reset_start},
    {PATH " info", "What is shown.", NULL, 0, 0, info_start},
    {PATH " duration", "Minutes that output stays enabled, 0 for ever.", "<minutes>", 0, 1,
     duration_start},
    {PATH " application", "Debug output of a part."},
    {PATH " application sip", "SIP ALG: bits 4 sessions, 8 edits, 16 I/O, 32 text, 64 hex, ...",
     "<level>", 0, 1, sip_start},
    {PATH " console", "Console."},
    {PATH " console timestamp", "A time stamp before each line.", "{enable | disable}", 1, 1,
     timestamp_start, NULL, switch_words},
    {"diagnose sys sip debug-mask", "Level of `diagnose debug application sip`.", "<level>", 1, 1,
     sip_start},
    {NULL},
};
