/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sessions as FortiOS prints them (reference 6.1 to 6.4), read row by row from the backend. A
 * listing lives in the login's scratch area as a cursor and a count; each step looks at a bounded
 * number of sessions, so that a million of them are a million small pauses, never one long one.
 *
 * IPv6 sessions have commands of their own, which differ in the family they look at: which one is
 * meant stands in the path of the row.
 */
#include "cli/backend.h"
#include "cli/command.h"
#include "cli/session_filter.h"
#include "cli/session_print.h"
#include "config/tree.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

struct listing {
    uint32_t cursor, printed;
};

/* Does the command that is running mean IPv6 sessions? */
static bool means6(const struct cli *cli)
{
    return strstr(cli_command(cli)->path, " session6") != NULL;
}

/*
 * Look at up to `examine` sessions that the filter selects and give each to `use`. Returns 1 to go
 * on in the next step, 0 at the end of the table.
 */
static int sessions_walk(struct cli *cli, bool filtered,
                         void (*use)(struct cli *cli, const struct backend_session *session))
{
    const struct backend *backend = cli_backend(cli);
    struct listing *listing = cli_scratch(cli);
    uint32_t used = 0;
    for (unsigned i = 0; i < CLI_STEP_EXAMINED && used < CLI_STEP_PRINTED; i++) {
        struct backend_session session;
        int rc = backend->session_next(backend->ctx, &listing->cursor, &session);
        if (rc != 1)
            return rc == -EAGAIN;
        if (session.v6 != means6(cli) || (filtered && !session_filter_selects(cli, &session)))
            continue;
        use(cli, &session);
        listing->printed++;
        used++;
    }
    return 1;
}

static void session_list(struct cli *cli, const struct backend_session *s)
{
    session_print(s, cli_output(cli));
}

static int list_step(struct cli *cli)
{
    const struct listing *listing = cli_scratch(cli);
    int more = sessions_walk(cli, true, session_list);
    if (!more)
        text_printf(cli_output(cli), "total session %u\n", listing->printed);
    return more;
}

static int list_start(struct cli *cli, unsigned n_args, const struct slice *args)
{
    (void)n_args, (void)args;
    return list_step(cli);
}

static void session_end(struct cli *cli, const struct backend_session *s)
{
    const struct backend *backend = cli_backend(cli);
    /* One that ended by itself meanwhile is what was wanted. */
    (void)backend->session_clear(backend->ctx, s->index, s->epoch);
}

static int clear_step(struct cli *cli)
{
    return sessions_walk(cli, true, session_end);
}

static int clear_start(struct cli *cli, unsigned n_args, const struct slice *args)
{
    (void)n_args, (void)args;
    return clear_step(cli);
}

/* ---- statistics ---- */

static void tcp_lines(const struct backend_session_stat *stat, struct text *out)
{
    static const char *const state[10] = {"NONE",     "ESTABLISHED", "SYN_SENT", "SYN_RECV",
                                          "FIN_WAIT", "TIME_WAIT",   "CLOSE",    "CLOSE_WAIT",
                                          "LAST_ACK", "LISTEN"};
    text_puts(out, "TCP sessions:\n");
    for (int i = 0; i < 10; i++) {
        if (stat->tcp_states[i] > 0)
            text_printf(out, "         %u in %s state\n", stat->tcp_states[i], state[i]);
    }
}

static void stat_print(struct cli *cli, const struct backend_session_stat *stat)
{
    struct text *out = cli_output(cli);
    text_printf(out,
                "misc info:       session_count=%u setup_rate=%u exp_count=%u reflect_count=0 "
                "clash=%" PRIu64 "\n"
                "        memory_tension_drop=%" PRIu64 " ephemeral=%u/%u removeable=%u "
                "extreme_low_mem=0\n"
                "        npu_session_count=0\n"
                "        nturbo_session_count=0\n",
                stat->sessions, stat->setup_rate, stat->mappings, stat->clash, stat->early,
                stat->ephemeral, stat->capacity, stat->ephemeral);
    text_printf(out,
                "delete=%" PRIu64 ", flush=%" PRIu64 ", dev_down=0/0 ses%s_walkers=0\n"
                "session walkers: active=0, vf-0, dev-0, saddr-0, npu-0, wildcard-0\n",
                stat->deleted, stat->flushed, means6(cli) ? "6" : "");
    tcp_lines(stat, out);
    text_printf(out,
                "firewall error stat:\n"
                "error1=00000000\nerror2=00000000\nerror3=00000000\nerror4=00000000\n"
                "tt=00000000\ncont=00000000\nips_recv=00000000\npolicy_deny=%08x\n"
                "av_recv=00000000\nfqdn_count=00000000\nfqdn6_count=00000000\n"
                "global: ses_limit=%u ses6_limit=%u rt_limit=0 rt6_limit=0\n"
                "refused: table_full=%" PRIu64 " no_port=%" PRIu64 "\n",
                (uint32_t)stat->denied, stat->capacity, stat->capacity, stat->table_full,
                stat->no_port);
}

static int stat_start(struct cli *cli, unsigned n_args, const struct slice *args)
{
    (void)n_args, (void)args;
    const struct backend *backend = cli_backend(cli);
    struct backend_session_stat stat = {0};
    backend->session_stat(backend->ctx, means6(cli), &stat);
    stat_print(cli, &stat);
    return 0;
}

static int full_stat_start(struct cli *cli, unsigned n_args, const struct slice *args)
{
    (void)n_args, (void)args;
    const struct backend *backend = cli_backend(cli);
    struct backend_session_stat stat = {0};
    backend->session_stat(backend->ctx, means6(cli), &stat);
    text_printf(cli_output(cli),
                "session table:           table_size=%u max_depth=1 used=%u\n"
                "expect session table:    table_size=0 max_depth=0 used=%u\n",
                stat.capacity, stat.sessions, stat.mappings);
    stat_print(cli, &stat);
    return 0;
}

static int status_start(struct cli *cli, unsigned n_args, const struct slice *args)
{
    (void)n_args, (void)args;
    const struct backend *backend = cli_backend(cli);
    struct backend_session_stat stat = {0};
    backend->session_stat(backend->ctx, means6(cli), &stat);
    text_printf(cli_output(cli), "The total number of sessions for the current VDOM: %u\n",
                stat.sessions);
    return 0;
}

static int ttl_start(struct cli *cli, unsigned n_args, const struct slice *args)
{
    (void)n_args, (void)args;
    const struct config_tree *tree = cli_running(cli);
    struct tree_path path = tree_path_root("system session-ttl", NULL);
    const struct schema_node *node = schema_root("system session-ttl"), *port = &node->children[0];
    uint32_t initial = tree_u32(tree_at(tree, &path), node, "default", 3600);
    text_printf(cli_output(cli), "list session timeout:\nDefault timeout=%s\n",
                cli_seconds(initial, "never").s);
    if (tree_path_push(&path, port) != 0)
        return 0;
    unsigned n;
    const char **key = tree_keys(tree, &path, &n);
    for (unsigned i = 0; i < n; i++) {
        struct tree_path row = path;
        if (tree_path_key(&row, slice_str(key[i])) != 0)
            continue;
        const json_t *object = tree_at(tree, &row);
        text_printf(cli_output(cli), "id=%s proto=%u port=%u-%u timeout=%s\n", key[i],
                    tree_u32(object, port, "protocol", 0), tree_u32(object, port, "start-port", 0),
                    tree_u32(object, port, "end-port", 0),
                    cli_seconds(tree_u32(object, port, "timeout", 300), "never").s);
    }
    free(key);
    return 0;
}

/* ---- get system session list ---- */

static void table_row(struct cli *cli, const struct backend_session *s)
{
    text_printf(cli_output(cli), "%-7s %-6s %-16s %-16s %-16s %-16s\n", cli_protocol(s->proto).s,
                cli_seconds(s->expire_s, "never").s, cli_end(s->src).s,
                s->snat ? cli_end(s->reply_dst).s : "-", cli_end(s->dst).s,
                s->dnat ? cli_end(s->reply_src).s : "-");
}

static int table_step(struct cli *cli)
{
    return sessions_walk(cli, false, table_row);
}

static int table_start(struct cli *cli, unsigned n_args, const struct slice *args)
{
    (void)n_args, (void)args;
    text_puts(cli_output(cli), "PROTO   EXPIRE SOURCE           SOURCE-NAT       DESTINATION      "
                               "DESTINATION-NAT \n");
    return table_step(cli);
}

#define KEY6(name, text, takes, most)                                                              \
    {                                                                                              \
        "diagnose sys session6 filter " name, text, takes, 1, most, session_filter_key, NULL, NULL \
    }
#define KEY(name, text, takes, most)                                                              \
    {                                                                                             \
        "diagnose sys session filter " name, text, takes, 1, most, session_filter_key, NULL, NULL \
    }
#define EXTEND(name, text)                                                                         \
    {                                                                                              \
        "diagnose sys session filter " name, text, "<ip>", 1, 1, session_filter_extend, NULL, NULL \
    }

const struct cli_command cli_session_commands[] = {
    {"diagnose", "Diagnose facility."},
    {"diagnose sys", "System diagnostics."},
    {"diagnose sys session", "Session table."},
    {"diagnose sys session list", "List the sessions the filter selects.", NULL, 0, 0, list_start,
     list_step},
    {"diagnose sys session clear", "End the sessions the filter selects (all without a filter).",
     NULL, 0, 0, clear_start, clear_step},
    {"diagnose sys session stat", "Session statistics.", NULL, 0, 0, stat_start},
    {"diagnose sys session full-stat", "Fully stat sessions.", NULL, 0, 0, full_stat_start},
    {"diagnose sys session ttl", "Session timeouts by port.", NULL, 0, 0, ttl_start},
    {"diagnose sys session filter", "List or set the session filter.", NULL, 0, 0,
     session_filter_show},
    KEY("vd", "Index of virtual domain. -1 matches all.", "<index>", 1),
    KEY("vd-name", "Name of virtual domain. -1 or \"any\" matches all.", "<name>", 1),
    KEY("sintf", "Source interface.", "<name>", 1),
    KEY("dintf", "Destination interface.", "<name>", 1),
    KEY("src", "Source IP address.", "<from> [<to>]", 2),
    KEY("nsrc", "NAT'd source ip address", "<from> [<to>]", 2),
    KEY("dst", "Destination IP address.", "<from> [<to>]", 2),
    KEY("proto", "Protocol number.", "<protocol>", 1),
    KEY("sport", "Source port.", "<from> [<to>]", 2),
    KEY("nport", "NAT'd source port", "<from> [<to>]", 2),
    KEY("dport", "Destination port.", "<from> [<to>]", 2),
    KEY("port", "Source or destination port.", "<from> [<to>]", 2),
    KEY("policy", "Policy ID.", "<from> [<to>]", 2),
    KEY("expire", "expire", "<from> [<to>]", 2),
    KEY("duration", "duration", "<from> [<to>]", 2),
    KEY("proto-state", "Protocol state.", "<from> [<to>]", 2),
    KEY("session-state1", "Session state1 (hex bits: 1 may_dirty, 2 dirty, 4 local, 8 redir).",
        "<hex>", 1),
    KEY("session-state2", "Session state2 (hex bits; none in use).", "<hex>", 1),
    EXTEND("ext-src", "Add a source address to the extended match list."),
    EXTEND("ext-dst", "Add a destination address to the extended match list."),
    EXTEND("ext-src-negate", "Add a source address that must not match."),
    EXTEND("ext-dst-negate", "Add a destination address that must not match."),
    {"diagnose sys session filter clear", "Clear session filter.", NULL, 0, 0,
     session_filter_clear},
    {"diagnose sys session filter negate", "Inverse filter.", "<key>", 1, 1, session_filter_negate,
     NULL, session_filter_key_names},

    {"diagnose sys session6", "IPv6 session table."},
    {"diagnose sys session6 list", "List the IPv6 sessions the filter selects.", NULL, 0, 0,
     list_start, list_step},
    {"diagnose sys session6 clear",
     "End the IPv6 sessions the filter selects (all without a filter).", NULL, 0, 0, clear_start,
     clear_step},
    {"diagnose sys session6 stat", "IPv6 session statistics.", NULL, 0, 0, stat_start},
    {"diagnose sys session6 full-stat", "Fully stat IPv6 sessions.", NULL, 0, 0, full_stat_start},
    {"diagnose sys session6 filter", "List or set the IPv6 session filter.", NULL, 0, 0,
     session_filter_show},
    KEY6("vd", "Index of virtual domain. -1 matches all.", "<index>", 1),
    KEY6("vd-name", "Name of virtual domain. -1 or \"any\" matches all.", "<name>", 1),
    KEY6("sintf", "Source interface.", "<name>", 1),
    KEY6("dintf", "Destination interface.", "<name>", 1),
    KEY6("src", "Source IP address.", "<from> [<to>]", 2),
    KEY6("dst", "Destination IP address.", "<from> [<to>]", 2),
    KEY6("proto", "Protocol number.", "<protocol>", 1),
    KEY6("sport", "Source port.", "<from> [<to>]", 2),
    KEY6("dport", "Destination port.", "<from> [<to>]", 2),
    KEY6("port", "Source or destination port.", "<from> [<to>]", 2),
    KEY6("policy", "Policy ID.", "<from> [<to>]", 2),
    KEY6("expire", "expire", "<from> [<to>]", 2),
    KEY6("duration", "duration", "<from> [<to>]", 2),
    KEY6("proto-state", "Protocol state.", "<from> [<to>]", 2),
    KEY6("session-state1", "Session state1 (hex bits: 1 may_dirty, 2 dirty, 4 local, 8 redir).",
         "<hex>", 1),
    KEY6("session-state2", "Session state2 (hex bits; none in use).", "<hex>", 1),
    {"diagnose sys session6 filter clear", "Clear session filter.", NULL, 0, 0,
     session_filter_clear},
    {"diagnose sys session6 filter negate", "Inverse filter.", "<key>", 1, 1, session_filter_negate,
     NULL, session_filter_key6_names},

    {"get system", "System status and settings."},
    {"get system session", "Session table."},
    {"get system session list", "Brief list of all sessions.", NULL, 0, 0, table_start, table_step},
    {"get system session status", "Number of sessions.", NULL, 0, 0, status_start},
    {"get system session-info", "Session table information."},
    {"get system session-info list", "List the sessions.", NULL, 0, 0, list_start, list_step},
    {"get system session-info statistics", "Session statistics.", NULL, 0, 0, stat_start},
    {"get system session-info full-stat", "Fully stat sessions.", NULL, 0, 0, full_stat_start},
    {"get system session-info ttl", "Session timeouts by port.", NULL, 0, 0, ttl_start},
    {NULL},
};
