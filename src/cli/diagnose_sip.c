/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The ALG's counters, calls, signalling sessions and mappings (reference 6.6). Calls come from the
 * ALG thread by message, so every listing here is read row by row and may pause (-EAGAIN). What
 * phones wrote (Call-ID, From, To) is printed with its control bytes replaced.
 *
 * `calls list` keeps the lines known from FortiOS and adds to each call, in this order:
 *
 *      policy: 1  voip-profile: "default"  state: established idle  age: 12
 *      media 1: inside 10.0.0.20:4000 public 203.0.113.2:4000 remote 198.51.100.5:6000 idle 0 hold
 *          none
 *      contact 1: inside 10.0.0.20:5060 public 203.0.113.2:5060 expires 527
 *      timers: session-expires 1790 silence 3590 hard-limit 43188
 *      ends: session-expires in 1790
 *
 * `media` once per stream with its mapping (`idle` seconds since its last RTP packet, `-` for none
 * yet; who put it on hold), `contact` once per signalling mapping it holds, `timers` what runs, the
 * next one first; `ends` names the one that ends the call next. `mapping list` has one line per
 * mapping:
 *
 *      KIND       PROTO INSIDE ... PUBLIC ... PEER ... OWNERS SESSIONS POLICY EXPIRE
 *
 * with the peer `any` where anyone may use the pinhole and the expiry `-` where it has none.
 */
#include "cli/diagnose_sip.h"
#include "cli/backend.h"
#include "cli/sip_filter.h"
#include "config/rows.h"

#include <errno.h>
#include <inttypes.h>

struct listing {
    uint32_t cursor, printed;
};

/* ---- calls ---- */

static const char *hold_word(const struct backend_sip_call *call)
{
    if (call->held[0])
        return call->held[1] ? "both" : "outside";
    return call->held[1] ? "inside" : "none";
}

static void media_print(struct text *out, const struct backend_sip_call *call)
{
    size_t room = sizeof(call->media) / sizeof(call->media[0]);
    for (unsigned i = 0; i < call->n_media && i < room; i++)
        text_printf(out, "      media %u: inside %s public %s remote %s idle %s hold %s\n", i + 1,
                    cli_end(call->media[i].inside).s, cli_end(call->media[i].public_side).s,
                    cli_end(call->media[i].remote).s, cli_seconds(call->media[i].idle_s, "-").s,
                    hold_word(call));
    if (call->more_media)
        text_printf(out, "      media: %u more\n", call->more_media);
}

static void contacts_print(struct text *out, const struct backend_sip_call *call)
{
    size_t room = sizeof(call->contacts) / sizeof(call->contacts[0]);
    for (unsigned i = 0; i < call->n_contacts && i < room; i++)
        text_printf(out, "      contact %u: inside %s public %s expires %s\n", i + 1,
                    cli_end(call->contacts[i].inside).s, cli_end(call->contacts[i].public_side).s,
                    cli_seconds(call->contacts[i].expire_s, "-").s);
    if (call->more_contacts)
        text_printf(out, "      contact: %u more\n", call->more_contacts);
}

static void timers_print(struct text *out, const struct backend_sip_call *call)
{
    size_t room = sizeof(call->timers) / sizeof(call->timers[0]);
    if (call->n_timers)
        text_puts(out, "      timers:");
    for (unsigned i = 0; i < call->n_timers && i < room; i++)
        text_printf(out, " %s %u", call->timers[i].name, call->timers[i].left_s);
    if (call->n_timers)
        text_puts(out, "\n");
}

static void party_line(struct text *out, const char *name, const char *value)
{
    text_printf(out, "%s: ", name);
    cli_put_clean(out, value);
    text_puts(out, "\n");
}

static void call_print(struct cli *cli, const struct backend_sip_call *call)
{
    struct text *out = cli_output(cli);
    text_printf(out, "  vdom 0 (root) vrf 0 call %012" PRIx64 "\n", call->id);
    party_line(out, "    call-id", call->call_id);
    text_printf(out, "    txn %012" PRIx64 " (%s)\n", call->id, call->method);
    text_printf(out, "      cseq %u dir %u state %s status %u expiry %s HA 0\n", call->cseq,
                call->reply, call->state, call->status, cli_seconds(call->expire_s, "never").s);
    if (call->session != UINT32_MAX)
        text_printf(out, "      i_session: %08x  r_session: %08x\n", call->session, call->session);
    if (call->registration)
        text_puts(out, "      register: present\n");
    party_line(out, "      from", call->from);
    party_line(out, "      to", call->to);
    text_printf(out, "      src: %s\n      dst: %s\n", cli_end(call->src).s, cli_end(call->dst).s);
    text_printf(out, "      policy: %u  voip-profile: \"%s\"  state: %s%s  age: %u\n",
                call->policy_id, call->profile, call->state, call->idle ? " idle" : "",
                call->age_s);
    media_print(out, call);
    contacts_print(out, call);
    timers_print(out, call);
    if (call->expire_s == UINT32_MAX)
        text_puts(out, "      ends: never\n");
    else
        text_printf(out, "      ends: %s in %u\n", call->ends_by ? call->ends_by : "timer",
                    call->expire_s);
}

static bool every_call(const struct backend_sip_call *call)
{
    (void)call;
    return true;
}

static bool idle_call(const struct backend_sip_call *call)
{
    return call->idle;
}

/* In set-up: no final response yet, or none after CANCEL. */
static bool invite_call(const struct backend_sip_call *call)
{
    static const char *const states[] = {"trying", "early", "cancelled", "retry"};
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
        if (!call->registration && call->state && strcmp(call->state, states[i]) == 0)
            return true;
    return false;
}

static bool helper_call(const struct backend_sip_call *call)
{
    return strcmp(call->profile, ROW_HELPER_NAME) == 0;
}

static void call_end(struct cli *cli, const struct backend_sip_call *call)
{
    const struct backend *backend = cli_backend(cli);
    /* One that ended by itself meanwhile is what was wanted. */
    (void)backend->sip_call_clear(backend->ctx, call->id);
}

static int calls_walk(struct cli *cli, bool (*wanted)(const struct backend_sip_call *call),
                      void (*use)(struct cli *cli, const struct backend_sip_call *call))
{
    const struct backend *backend = cli_backend(cli);
    struct listing *listing = cli_scratch(cli);
    uint32_t used = 0;
    for (unsigned i = 0; i < CLI_STEP_EXAMINED && used < CLI_STEP_PRINTED; i++) {
        struct backend_sip_call call;
        int rc = backend->sip_call_next(backend->ctx, &listing->cursor, &call);
        if (rc != 1)
            return rc == -EAGAIN;
        if (!wanted(&call) || !sip_filter_passes(cli_filter(cli, CLI_FILTER_SIP), &call.src,
                                                 &call.dst, call.policy_id, call.profile))
            continue;
        use(cli, &call);
        used++;
    }
    return 1;
}

static int calls_list_step(struct cli *cli)
{
    return calls_walk(cli, every_call, call_print);
}

static int calls_idle_step(struct cli *cli)
{
    return calls_walk(cli, idle_call, call_print);
}

static int calls_invite_step(struct cli *cli)
{
    return calls_walk(cli, invite_call, call_print);
}

static int calls_clear_step(struct cli *cli)
{
    return calls_walk(cli, every_call, call_end);
}

static int dialogs_list_step(struct cli *cli)
{
    return calls_walk(cli, helper_call, call_print);
}

static int dialogs_clear_step(struct cli *cli)
{
    return calls_walk(cli, helper_call, call_end);
}

static int calls_start(struct cli *cli, unsigned n_args, const struct slice *args)
{
    (void)n_args, (void)args;
    text_puts(cli_output(cli), "sip calls\n");
    return cli_command(cli)->step(cli);
}

static int calls_clear_start(struct cli *cli, unsigned n_args, const struct slice *args)
{
    (void)n_args, (void)args;
    return cli_command(cli)->step(cli);
}

/* ---- signalling sessions ---- */

static int sessions_step(struct cli *cli)
{
    const struct backend *backend = cli_backend(cli);
    struct listing *listing = cli_scratch(cli);
    uint32_t used = 0;
    for (unsigned i = 0; i < CLI_STEP_EXAMINED && used < CLI_STEP_PRINTED; i++) {
        struct backend_session s;
        int rc = backend->session_next(backend->ctx, &listing->cursor, &s);
        if (rc == -EAGAIN)
            return 1;
        if (rc != 1) {
            text_printf(cli_output(cli), "total %u\n", listing->printed);
            return 0;
        }
        if (!s.alg ||
            !sip_filter_passes(cli_filter(cli, CLI_FILTER_SIP), &s.src, &s.dst, s.policy_id, NULL))
            continue;
        text_printf(cli_output(cli),
                    "  vdom 0 (root) session %08x %s %s->%s(%s) policy %u expire %s\n", s.index,
                    cli_protocol(s.proto).s, cli_end(s.src).s, cli_end(s.dst).s,
                    cli_end(s.reply_dst).s, s.policy_id, cli_seconds(s.expire_s, "never").s);
        listing->printed++;
        used++;
    }
    return 1;
}

static int sessions_start(struct cli *cli, unsigned n_args, const struct slice *args)
{
    (void)n_args, (void)args;
    text_puts(cli_output(cli), "sip sessions\n");
    return sessions_step(cli);
}

/* ---- mappings ---- */

static void mapping_print(struct text *out, const struct backend_mapping *m)
{
    bool anyone = ip_addr_is_zero(&m->peer.ip) && m->peer.port == 0;
    text_printf(out, "%-10s %-5s %-21s %-21s %-21s %6u %8u %6u %s\n", m->kind,
                cli_protocol(m->proto).s, cli_end(m->inside).s, cli_end(m->public_side).s,
                anyone ? "any" : cli_end(m->peer).s, m->owners, m->sessions, m->policy_id,
                cli_seconds(m->expire_s, "-").s);
}

static int mappings_step(struct cli *cli)
{
    const struct backend *backend = cli_backend(cli);
    struct listing *listing = cli_scratch(cli);
    for (unsigned i = 0; i < CLI_STEP_PRINTED; i++) {
        struct backend_mapping mapping;
        int rc = backend->mapping_next(backend->ctx, &listing->cursor, &mapping);
        if (rc == -EAGAIN)
            return 1;
        if (rc != 1) {
            text_printf(cli_output(cli), "total mapping %u\n", listing->printed);
            return 0;
        }
        mapping_print(cli_output(cli), &mapping);
        listing->printed++;
    }
    return 1;
}

static int mappings_start(struct cli *cli, unsigned n_args, const struct slice *args)
{
    (void)n_args, (void)args;
    text_printf(cli_output(cli), "%-10s %-5s %-21s %-21s %-21s %6s %8s %6s %s\n", "KIND", "PROTO",
                "INSIDE", "PUBLIC", "PEER", "OWNERS", "SESSIONS", "POLICY", "EXPIRE");
    return mappings_step(cli);
}

/* ---- counters ---- */

static void stats_head(const struct backend_sip_stat *stat, struct text *out)
{
    text_printf(out,
                "sip stats\nvdom name:        root\n---------------------------\n"
                "active-sessions: %" PRIu64 "\ncalls-attempted: %" PRIu64
                "\ncalls-established: %" PRIu64 "\ncalls-failed: %" PRIu64
                "\ncalls-active: %" PRIu64 "\nregisters-active: %" PRIu64 "\n",
                stat->active_sessions, stat->calls_attempted, stat->calls_established,
                stat->calls_failed, stat->calls_active, stat->registers_active);
}

static int stats_call_start(struct cli *cli, unsigned n_args, const struct slice *args)
{
    (void)n_args, (void)args;
    const struct backend *backend = cli_backend(cli);
    struct backend_sip_stat stat = {0};
    backend->sip_stat(backend->ctx, &stat);
    stats_head(&stat, cli_output(cli));
    return 0;
}

static void stats_methods(const struct backend_sip_stat *stat, struct text *out)
{
    static const char *const method[BACKEND_SIP_METHODS] = {BACKEND_SIP_METHOD_NAMES};
    text_puts(
        out,
        "         |     received      |     blocked       |   unknown form    |   long headers\n"
        "req-type |    req     resp   |    req     resp   |    req     resp   |    req     resp\n");
    for (unsigned i = 0; i < BACKEND_SIP_METHODS; i++) {
        text_printf(out, "%-9s", method[i]);
        const uint64_t *column[] = {stat->method[i].received, stat->method[i].blocked,
                                    stat->method[i].unknown_form, stat->method[i].long_headers};
        for (int c = 0; c < 4; c++)
            text_printf(out, "%s%8" PRIu64 " %8" PRIu64, c > 0 ? "   " : "", column[c][0],
                        column[c][1]);
        text_puts(out, "\n");
    }
}

/* What came by UDP and by TCP; blocked: dropped by the ALG for whatever reason. */
static void stats_transport(const struct backend_sip_stat *stat, unsigned first, unsigned last,
                            struct text *out)
{
    static const char *const name[] = {"UDP", "TCP"};
    text_puts(out, "         |     received      |     blocked\n"
                   "protocol |    req     resp   |    req     resp\n");
    for (unsigned i = first; i <= last; i++) {
        const uint64_t *in = stat->transport_received[i], *lost = stat->transport_dropped[i];
        text_printf(out, "%-9s%8" PRIu64 " %8" PRIu64 "   %8" PRIu64 " %8" PRIu64 "\n", name[i],
                    in[0], in[1], lost[0], lost[1]);
    }
}

static int stats_start(struct cli *cli, unsigned n_args, const struct slice *args)
{
    (void)n_args, (void)args;
    const struct backend *backend = cli_backend(cli);
    struct backend_sip_stat stat = {0};
    backend->sip_stat(backend->ctx, &stat);
    stats_head(&stat, cli_output(cli));
    stats_methods(&stat, cli_output(cli));
    return 0;
}

static int stats_proto_start(struct cli *cli, unsigned n_args, const struct slice *args)
{
    (void)n_args, (void)args;
    const struct backend *backend = cli_backend(cli);
    struct backend_sip_stat stat = {0};
    backend->sip_stat(backend->ctx, &stat);
    stats_transport(&stat, 0, 1, cli_output(cli));
    stats_methods(&stat, cli_output(cli));
    return 0;
}

static int stats_udp_start(struct cli *cli, unsigned n_args, const struct slice *args)
{
    (void)n_args, (void)args;
    const struct backend *backend = cli_backend(cli);
    struct backend_sip_stat stat = {0};
    backend->sip_stat(backend->ctx, &stat);
    stats_transport(&stat, 0, 0, cli_output(cli));
    return 0;
}

static int stats_tcp_start(struct cli *cli, unsigned n_args, const struct slice *args)
{
    (void)n_args, (void)args;
    const struct backend *backend = cli_backend(cli);
    struct backend_sip_stat stat = {0};
    backend->sip_stat(backend->ctx, &stat);
    stats_transport(&stat, 1, 1, cli_output(cli));
    text_printf(cli_output(cli),
                "connections: %" PRIu32 " of %" PRIu32 "\nbuffers: %" PRIu32 " of %" PRIu32 "\n",
                stat.streams, stat.max_streams, stat.stream_buffers, stat.max_stream_buffers);
    return 0;
}

static int stats_clear_start(struct cli *cli, unsigned n_args, const struct slice *args)
{
    (void)n_args, (void)args;
    const struct backend *backend = cli_backend(cli);
    backend->sip_stat_clear(backend->ctx);
    return 0;
}

static int vdom_start(struct cli *cli, unsigned n_args, const struct slice *args)
{
    (void)n_args, (void)args;
    text_puts(cli_output(cli), "VDOM list by id:\n vdom 0 root (Kernel: root)\n"
                               "VDOM list by name:\n vdom 0 root (Kernel: root)\n");
    return 0;
}

static void helper_counts(const struct backend_sip_stat *sip, struct text *out)
{
    uint64_t count[5] = {0};
    for (unsigned i = 0; i < BACKEND_SIP_METHODS; i++) {
        count[0] += sip->method[i].received[0];
        count[1] += sip->method[i].received[1];
        count[2] += sip->method[i].blocked[0] + sip->method[i].blocked[1];
        count[3] += sip->method[i].unknown_form[0] + sip->method[i].unknown_form[1];
        count[4] += sip->method[i].long_headers[0] + sip->method[i].long_headers[1];
    }
    for (unsigned i = 0; i < 5; i++)
        text_printf(out, "count%u: %" PRIu64 "\n", i, count[i]);
}

/*
 * What the session helper of FortiOS tells. Its tables are those of the ALG, and so are the
 * numbers. A call has no hash of its RTP: media are found as mappings. What its counts mean is not
 * documented: here they are requests, responses, and messages blocked, of unknown form and with
 * long headers.
 */
static int helper_status_start(struct cli *cli, unsigned n_args, const struct slice *args)
{
    (void)n_args, (void)args;
    const struct backend *backend = cli_backend(cli);
    struct backend_sip_stat sip = {0};
    struct backend_session_stat sessions = {0};
    backend->sip_stat(backend->ctx, &sip);
    backend->session_stat(backend->ctx, false, &sessions);
    text_printf(cli_output(cli),
                "dialogs: max=%u, used=%" PRIu64 "\nmappings: used=%u\n"
                "dialog hash by ID: size=%u, used=%u, depth=%u\n"
                "dialog hash by RTP: size=0, used=0, depth=0\n"
                "mapping hash: size=%u, used=%u, depth=%u\n",
                backend->rows(backend->ctx)->dpdk.dialogs, sip.calls_active + sip.registers_active,
                sessions.mappings, sip.dialog_hash.size, sip.dialog_hash.used,
                sip.dialog_hash.depth, sip.mapping_hash.size, sip.mapping_hash.used,
                sip.mapping_hash.depth);
    helper_counts(&sip, cli_output(cli));
    return 0;
}

#define PATH   "diagnose sys sip-proxy"
#define HELPER "diagnose sys sip"
#define KEY(word, name, text, takes, most)                                             \
    {                                                                                  \
        PATH " " word " " name, text, takes, 1, most, sip_filter_key_start, NULL, NULL \
    }
#define FILTER_ROWS(word, what)                                                            \
    {PATH " " word, "List or set " what ".", NULL, 0, 0, sip_filter_list_start},           \
        {PATH " " word " list", "Display the filter.", NULL, 0, 0, sip_filter_list_start}, \
        {PATH " " word " clear", "Erase the filter.", NULL, 0, 0, sip_filter_clear_start}, \
        {PATH " " word " negate",                                                          \
         "Negate a filter key.",                                                           \
         "<key>",                                                                          \
         1,                                                                                \
         1,                                                                                \
         sip_filter_negate_start,                                                          \
         NULL,                                                                             \
         sip_filter_words},                                                                \
        KEY(word, "vd", "Index of virtual domain. -1 matches all.", "<index>", 1),         \
        KEY(word, "dst-addr4", "IPv4 destination address range.", "<from> [<to>]", 2),     \
        KEY(word, "dst-addr6", "IPv6 destination address range.", "<from> [<to>]", 2),     \
        KEY(word, "dst-port", "Destination port range.", "<from> [<to>]", 2),              \
        KEY(word, "src-addr4", "IPv4 source address range.", "<from> [<to>]", 2),          \
        KEY(word, "src-addr6", "IPv6 source address range.", "<from> [<to>]", 2),          \
        KEY(word, "src-port", "Source port range.", "<from> [<to>]", 2),                   \
        KEY(word, "identity-policy", "Identity policy ID.", "<from> [<to>]", 2),           \
        KEY(word, "policy", "Policy ID.", "<from> [<to>]", 2),                             \
        KEY(word, "policy-type", "Policy type: IPv4 or IPv6.", "<type>", 1),               \
        KEY(word, "profile-group", "Profile group.", "<name>", 1),                         \
        KEY(word, "voip-profile", "VoIP profile.", "<name>", 1)

const struct cli_command cli_sip_commands[] = {
    {PATH, "SIP ALG."},
    {PATH " calls", "SIP calls and registrations."},
    {PATH " calls list", "List calls.", NULL, 0, 0, calls_start, calls_list_step},
    {PATH " calls idle", "List idle calls.", NULL, 0, 0, calls_start, calls_idle_step},
    {PATH " calls invite", "List calls in set-up.", NULL, 0, 0, calls_start, calls_invite_step},
    {PATH " calls clear", "Drop the calls the filter selects (all without a filter).", NULL, 0, 0,
     calls_clear_start, calls_clear_step},
    {PATH " stats", "SIP statistics.", NULL, 0, 0, stats_start},
    {PATH " stats list", "List statistics.", NULL, 0, 0, stats_start},
    {PATH " stats call", "Call statistics.", NULL, 0, 0, stats_call_start},
    {PATH " stats proto", "Statistics by protocol and method.", NULL, 0, 0, stats_proto_start},
    {PATH " stats udp", "Statistics of UDP.", NULL, 0, 0, stats_udp_start},
    {PATH " stats tcp", "Statistics of TCP, connections and buffers in use.", NULL, 0, 0,
     stats_tcp_start},
    {PATH " stats clear", "Clear statistics.", NULL, 0, 0, stats_clear_start},
    {PATH " config", "VoIP profiles as the ALG has them."},
    {PATH " config list", "List VoIP profiles, their settings and who uses them.", NULL, 0, 0,
     sip_config_start, sip_config_step},
    {PATH " meters", "Rate limits."},
    {PATH " meters list", "List the meters and limits of each policy.", NULL, 0, 0,
     sip_meters_start, sip_meters_step},
    {PATH " session", "SIP signalling sessions."},
    {PATH " session list", "List signalling sessions.", NULL, 0, 0, sessions_start, sessions_step},
    {PATH " mapping", "Pinholes."},
    {PATH " mapping list", "List the open mappings (pinholes).", NULL, 0, 0, mappings_start,
     mappings_step},
    {PATH " vdom", "List virtual domains.", NULL, 0, 0, vdom_start},
    FILTER_ROWS("filter", "the filter of SIP listings"),
    FILTER_ROWS("log-filter", "the filter of the SIP debug log"),
    {HELPER, "SIP session helper."},
    {HELPER " status", "How many dialogs and mappings there are.", NULL, 0, 0, helper_status_start},
    {HELPER " dialog", "SIP dialogs."},
    {HELPER " dialog list", "List its dialogs.", NULL, 0, 0, calls_start, dialogs_list_step},
    {HELPER " dialog clear", "Drop those of its dialogs the SIP filter selects.", NULL, 0, 0,
     calls_clear_start, dialogs_clear_step},
    {HELPER " mapping", "Pinholes."},
    {HELPER " mapping list", "List the open mappings (pinholes).", NULL, 0, 0, mappings_start,
     mappings_step},
    {NULL},
};
