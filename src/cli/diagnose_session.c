/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sessions as FortiOS prints them (reference 6.1 to 6.4), read row by row from the backend. A
 * listing lives in the login's scratch area as a cursor and a count; each step looks at a bounded
 * number of sessions, so that a million of them are a million small pauses, never one long one.
 *
 * The lines of FortiOS stay as its parsers know them; counters of hardware that is not there
 * print 0 and the npu lines are left out. Each session ends in one line of our own: the timer that
 * is running now and where its value came from.
 */
#include "cli/backend.h"
#include "cli/command.h"
#include "cli/session_filter.h"
#include "config/tree.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

struct listing {
    uint32_t cursor, printed;
};

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
        if (filtered && !session_filter_selects(cli, &session))
            continue;
        use(cli, &session);
        listing->printed++;
        used++;
    }
    return 1;
}

static void state_words(const struct backend_session *s, struct text *out)
{
    /* A session of the SIP ALG is redirected to a local proxy in the eyes of FortiOS. */
    text_printf(out, "state=%s%s%s%sf00\n", s->alg ? "redir " : "",
                s->local || s->alg ? "local " : "", s->dirty ? "dirty " : "",
                s->local ? "" : "may_dirty ");
}

static void hook_line(struct text *out, const char *head, struct endpoint from, struct endpoint to,
                      struct endpoint translated)
{
    text_printf(out, "hook=%s %s->%s(%s)\n", head, cli_endpoint(from).s, cli_endpoint(to).s,
                cli_endpoint(translated).s);
}

static void hook_lines(const struct backend_session *s, struct text *out)
{
    static const struct endpoint none;
    if (s->dnat)
        hook_line(out, "pre dir=org act=dnat", s->src, s->dst, s->reply_src);
    if (s->snat) {
        hook_line(out, "post dir=org act=snat", s->src, s->reply_src, s->reply_dst);
        hook_line(out, "pre dir=reply act=dnat", s->reply_src, s->reply_dst, s->src);
    }
    if (s->dnat)
        hook_line(out, "post dir=reply act=snat", s->reply_src, s->src, s->dst);
    if (!s->dnat && !s->snat) {
        hook_line(out, "pre dir=org act=noop", s->src, s->dst, none);
        hook_line(out, "post dir=reply act=noop", s->dst, s->src, none);
    }
    if (s->proto == 6)
        text_puts(out, "pos/(before,after) 0/(0,0), 0/(0,0)\n");
}

static void traffic_lines(const struct backend_session *s, struct text *out)
{
    uint64_t seconds = s->duration_s > 0 ? s->duration_s : 1;
    uint64_t tx = s->bytes[0] / seconds, rx = s->bytes[1] / seconds;
    text_printf(out,
                "statistic(bytes/packets/allow_err): org=%" PRIu64 "/%" PRIu64 "/1 reply=%" PRIu64
                "/%" PRIu64 "/1 tuples=%d\n",
                s->bytes[0], s->packets[0], s->bytes[1], s->packets[1], s->snat && s->dnat ? 4 : 2);
    text_printf(out,
                "tx speed(Bps/kbps): %" PRIu64 "/%" PRIu64 " rx speed(Bps/kbps): %" PRIu64
                "/%" PRIu64 "\n",
                tx, tx * 8 / 1000, rx, rx * 8 / 1000);
}

static void path_line(const struct backend_session *s, struct text *out)
{
    char gateway[2][IPV4_TEXT_MAX];
    for (int i = 0; i < 2; i++)
        ipv4_print(s->gateway[i], gateway[i]);
    text_printf(out, "orgin->sink: org pre->%s, reply %s->post dev=%u->%u/%u->%u gwy=%s/%s\n",
                s->local ? "in" : "post", s->local ? "out" : "pre", s->in_ifindex, s->out_ifindex,
                s->out_ifindex, s->in_ifindex, gateway[0], gateway[1]);
}

static void session_print(struct cli *cli, const struct backend_session *s)
{
    struct text *out = cli_output(cli);
    text_printf(out,
                "session info: proto=%u proto_state=%02u duration=%u expire=%s timeout=%s "
                "flags=00000000 sockflag=00000000 sockport=0 av_idx=0 use=3\n",
                s->proto, s->proto_state, s->duration_s, cli_seconds(s->expire_s, "never").s,
                cli_seconds(s->timeout_s, "never").s);
    text_puts(out, "origin-shaper=\nreply-shaper=\nper_ip_shaper=\n"
                   "class_id=0 ha_id=0 policy_dir=0 tunnel=/ vlan_cos=0/255\n");
    state_words(s, out);
    traffic_lines(s, out);
    path_line(s, out);
    hook_lines(s, out);
    text_printf(out,
                "misc=0 policy_id=%u pol_uuid_idx=0 auth_info=0 chk_client_info=0 vd=0\n"
                "serial=%08x tos=ff/ff app_list=0 app=0 url_cat=0\n"
                "rpdb_link_id=00000000 ngfwid=n/a\n",
                session_policy_id(s), s->index);
    text_printf(out, "timer=%s source=\"%s\"\n", cli_seconds(s->timer_s, "never").s,
                s->timer_source);
}

static int list_step(struct cli *cli)
{
    const struct listing *listing = cli_scratch(cli);
    int more = sessions_walk(cli, true, session_print);
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
                "        memory_tension_drop=%" PRIu64 " ephemeral=%u/%u removeable=0 "
                "extreme_low_mem=0\n"
                "        npu_session_count=0\n"
                "        nturbo_session_count=0\n",
                stat->sessions, stat->setup_rate, stat->mappings, stat->clash, stat->table_full,
                stat->ephemeral, stat->capacity);
    text_printf(out,
                "delete=%" PRIu64 ", flush=%" PRIu64 ", dev_down=0/0 ses_walkers=0\n"
                "session walkers: active=0, vf-0, dev-0, saddr-0, npu-0, wildcard-0\n",
                stat->deleted, stat->flushed);
    tcp_lines(stat, out);
    text_puts(out, "firewall error stat:\n"
                   "error1=00000000\nerror2=00000000\nerror3=00000000\nerror4=00000000\n"
                   "tt=00000000\ncont=00000000\nips_recv=00000000\npolicy_deny=00000000\n"
                   "av_recv=00000000\nfqdn_count=00000000\nfqdn6_count=00000000\n"
                   "global: ses_limit=0 ses6_limit=0 rt_limit=0 rt6_limit=0\n");
}

static int stat_start(struct cli *cli, unsigned n_args, const struct slice *args)
{
    (void)n_args, (void)args;
    const struct backend *backend = cli_backend(cli);
    struct backend_session_stat stat = {0};
    backend->session_stat(backend->ctx, &stat);
    stat_print(cli, &stat);
    return 0;
}

static int full_stat_start(struct cli *cli, unsigned n_args, const struct slice *args)
{
    (void)n_args, (void)args;
    const struct backend *backend = cli_backend(cli);
    struct backend_session_stat stat = {0};
    backend->session_stat(backend->ctx, &stat);
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
    backend->session_stat(backend->ctx, &stat);
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
                cli_seconds(s->expire_s, "never").s, cli_endpoint(s->src).s,
                s->snat ? cli_endpoint(s->reply_dst).s : "-", cli_endpoint(s->dst).s,
                s->dnat ? cli_endpoint(s->reply_src).s : "-");
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
