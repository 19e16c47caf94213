/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The ALG's counters, calls, signalling sessions and mappings (reference 6.6). Calls come from the
 * ALG thread by message, so every listing here is read row by row and may pause (-EAGAIN). What
 * phones wrote (Call-ID, From, To) is printed with its control bytes replaced.
 *
 * `calls list` keeps the lines known from FortiOS and adds to each call, in this order:
 *
 *      policy: 1  voip-profile: "default"  state: established idle
 *      media 1: inside 10.0.0.20:4000 public 203.0.113.2:4000 remote 198.51.100.5:6000 idle 0
 *      ends: session-expires in 1790
 *
 * `media` once per stream with its mapping (`idle` seconds since its last RTP packet, `-` for none
 * yet), `ends` names the timer that ends the call next. `mapping list` has one line per mapping:
 *
 *      KIND       PROTO INSIDE ... PUBLIC ... PEER ... OWNERS SESSIONS POLICY EXPIRE
 *
 * with the peer `any` where anyone may use the pinhole and the expiry `-` where it has none.
 */
#include "cli/backend.h"
#include "cli/filter.h"

#include <errno.h>
#include <inttypes.h>

enum slot {
    SLOT_VD,
    SLOT_DST4,
    SLOT_DST6,
    SLOT_DPORT,
    SLOT_SRC4,
    SLOT_SRC6,
    SLOT_SPORT,
    SLOT_IDENTITY_POLICY,
    SLOT_POLICY,
    SLOT_POLICY_TYPE,
    SLOT_PROFILE_GROUP,
    SLOT_VOIP_PROFILE
};

enum {
    NAME_POLICY_TYPE,
    NAME_PROFILE_GROUP,
    NAME_VOIP_PROFILE
};

_Static_assert(sizeof(struct filter) <= CLI_FILTER_SIZE, "filter fits its login area");

static const struct filter_key keys[] = {
    {"vd", "vd", FILTER_VDOM, SLOT_VD, 0, false},
    {"dst-addr4", "dst-addr4", FILTER_ADDRESS, SLOT_DST4, 0, false},
    {"dst-addr6", "dst-addr6", FILTER_ADDRESS6, SLOT_DST6, 0, false},
    {"dst-port", "dst-port", FILTER_NUMBER, SLOT_DPORT, UINT16_MAX, false},
    {"src-addr4", "src-addr4", FILTER_ADDRESS, SLOT_SRC4, 0, false},
    {"src-addr6", "src-addr6", FILTER_ADDRESS6, SLOT_SRC6, 1, false},
    {"src-port", "src-port", FILTER_NUMBER, SLOT_SPORT, UINT16_MAX, false},
    {"identity-policy", "identity-policy", FILTER_NUMBER, SLOT_IDENTITY_POLICY, UINT32_MAX, false},
    {"policy", "policy", FILTER_NUMBER, SLOT_POLICY, UINT32_MAX, false},
    {"policy-type", "policy-type", FILTER_NAME, SLOT_POLICY_TYPE, NAME_POLICY_TYPE, false},
    {"profile-group", "profile-group", FILTER_NAME, SLOT_PROFILE_GROUP, NAME_PROFILE_GROUP, false},
    {"voip-profile", "voip-profile", FILTER_NAME, SLOT_VOIP_PROFILE, NAME_VOIP_PROFILE, false},
    {NULL},
};

static const char *const key_names[] = {
    "vd",       "dst-addr4",       "dst-addr6", "dst-port",    "src-addr4",     "src-addr6",
    "src-port", "identity-policy", "policy",    "policy-type", "profile-group", "voip-profile",
    NULL,
};

struct listing {
    uint32_t cursor, printed;
};

/* ---- filter ---- */

static struct filter *filter_of(struct cli *cli)
{
    return cli_filter(cli, CLI_FILTER_SIP);
}

static int filter_key_start(struct cli *cli, unsigned n_args, const struct slice *args)
{
    const struct filter_key *key = filter_key_of_row(cli, keys);
    return filter_set(cli, filter_of(cli), key, n_args, args);
}

static int filter_list_start(struct cli *cli, unsigned n_args, const struct slice *args)
{
    (void)n_args, (void)args;
    text_puts(cli_output(cli), "sip filter:\n");
    filter_print(filter_of(cli), keys, cli_output(cli));
    return 0;
}

static int filter_clear_start(struct cli *cli, unsigned n_args, const struct slice *args)
{
    (void)n_args, (void)args;
    memset(filter_of(cli), 0, sizeof(struct filter));
    return 0;
}

static int filter_negate_start(struct cli *cli, unsigned n_args, const struct slice *args)
{
    (void)n_args;
    return filter_negate(cli, filter_of(cli), keys, args[0]);
}

static const char *const *negate_words(unsigned arg)
{
    return arg == 0 ? key_names : NULL;
}

enum {
    ADDRESS6_DST,
    ADDRESS6_SRC
};

/* An address passes the key of its own family, and has none for that of the other. */
static bool address_passes(const struct filter *f, unsigned slot4, unsigned slot6, unsigned at6,
                           const struct ip_addr *ip)
{
    if (ip_addr_is4(ip))
        return filter_passes(f, slot4, be32_host(ip->word[3])) && filter_passes_absent(f, slot6);
    return filter_passes_absent(f, slot4) && filter_passes_address6(f, slot6, at6, ip);
}

static bool ends_pass(const struct filter *f, const struct ip_port *src, const struct ip_port *dst)
{
    const char *type = ip_addr_is4(&src->ip) ? "IPv4" : "IPv6";
    return filter_passes(f, SLOT_VD, 0) &&
           address_passes(f, SLOT_DST4, SLOT_DST6, ADDRESS6_DST, &dst->ip) &&
           filter_passes(f, SLOT_DPORT, be16_host(dst->port)) &&
           address_passes(f, SLOT_SRC4, SLOT_SRC6, ADDRESS6_SRC, &src->ip) &&
           filter_passes(f, SLOT_SPORT, be16_host(src->port)) &&
           filter_passes(f, SLOT_IDENTITY_POLICY, 0) &&
           filter_passes_name(f, SLOT_POLICY_TYPE, NAME_POLICY_TYPE, type) &&
           filter_passes_name(f, SLOT_PROFILE_GROUP, NAME_PROFILE_GROUP, "");
}

static bool call_selected(struct cli *cli, const struct backend_sip_call *call)
{
    const struct filter *f = filter_of(cli);
    return ends_pass(f, &call->src, &call->dst) && filter_passes(f, SLOT_POLICY, call->policy_id) &&
           filter_passes_name(f, SLOT_VOIP_PROFILE, NAME_VOIP_PROFILE, call->profile);
}

/* ---- calls ---- */

static void media_print(struct text *out, const struct backend_sip_call *call)
{
    size_t room = sizeof(call->media) / sizeof(call->media[0]);
    for (unsigned i = 0; i < call->n_media && i < room; i++) {
        text_printf(out, "      media %u: inside %s public %s remote %s idle %s\n", i + 1,
                    cli_end(call->media[i].inside).s, cli_end(call->media[i].public_side).s,
                    cli_end(call->media[i].remote).s, cli_seconds(call->media[i].idle_s, "-").s);
    }
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
    text_printf(out, "      cseq %u dir 0 state %s status %u expiry %s HA 0\n", call->cseq,
                call->state, call->status, cli_seconds(call->expire_s, "never").s);
    if (call->registration)
        text_puts(out, "      register: present\n");
    party_line(out, "      from", call->from);
    party_line(out, "      to", call->to);
    text_printf(out, "      src: %s\n      dst: %s\n", cli_end(call->src).s, cli_end(call->dst).s);
    text_printf(out, "      policy: %u  voip-profile: \"%s\"  state: %s%s\n", call->policy_id,
                call->profile, call->state, call->idle ? " idle" : "");
    media_print(out, call);
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

/* An INVITE without a final response. */
static bool invite_call(const struct backend_sip_call *call)
{
    return !call->registration && call->status < 200 && call->state &&
           strcmp(call->state, "early") == 0;
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
        if (!wanted(&call) || !call_selected(cli, &call))
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

static int calls_start(struct cli *cli, unsigned n_args, const struct slice *args)
{
    (void)n_args, (void)args;
    text_puts(cli_output(cli), "sip calls\n");
    return cli_command(cli)->step(cli);
}

static int calls_clear_start(struct cli *cli, unsigned n_args, const struct slice *args)
{
    (void)n_args, (void)args;
    return calls_clear_step(cli);
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
        if (!s.alg || !ends_pass(filter_of(cli), &s.src, &s.dst) ||
            !filter_passes(filter_of(cli), SLOT_POLICY, s.policy_id))
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

static int stats_start(struct cli *cli, unsigned n_args, const struct slice *args)
{
    static const char *const method[BACKEND_SIP_METHODS] = {
        "UNKNOWN", "ACK",   "BYE",     "CANCEL", "INFO",     "INVITE",    "MESSAGE", "NOTIFY",
        "OPTIONS", "PRACK", "PUBLISH", "REFER",  "REGISTER", "SUBSCRIBE", "UPDATE",  "PING"};
    (void)n_args, (void)args;
    const struct backend *backend = cli_backend(cli);
    struct backend_sip_stat stat = {0};
    struct text *out = cli_output(cli);
    backend->sip_stat(backend->ctx, &stat);
    stats_head(&stat, out);
    text_puts(
        out,
        "         |     received      |     blocked       |   unknown form    |   long headers\n"
        "req-type |    req     resp   |    req     resp   |    req     resp   |    req     resp\n");
    for (unsigned i = 0; i < BACKEND_SIP_METHODS; i++) {
        text_printf(out, "%-9s", method[i]);
        const uint64_t *column[] = {stat.method[i].received, stat.method[i].blocked,
                                    stat.method[i].unknown_form, stat.method[i].long_headers};
        for (int c = 0; c < 4; c++)
            text_printf(out, "%s%8" PRIu64 " %8" PRIu64, c > 0 ? "   " : "", column[c][0],
                        column[c][1]);
        text_puts(out, "\n");
    }
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

#define PATH "diagnose sys sip-proxy"
#define KEY(name, text, takes, most)                                             \
    {                                                                            \
        PATH " filter " name, text, takes, 1, most, filter_key_start, NULL, NULL \
    }

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
    {PATH " stats proto", "Statistics by method.", NULL, 0, 0, stats_start},
    {PATH " stats clear", "Clear statistics.", NULL, 0, 0, stats_clear_start},
    {PATH " session", "SIP signalling sessions."},
    {PATH " session list", "List signalling sessions.", NULL, 0, 0, sessions_start, sessions_step},
    {PATH " mapping", "Pinholes."},
    {PATH " mapping list", "List the open mappings (pinholes).", NULL, 0, 0, mappings_start,
     mappings_step},
    {PATH " vdom", "List virtual domains.", NULL, 0, 0, vdom_start},
    {PATH " filter", "List or set the filter of SIP listings.", NULL, 0, 0, filter_list_start},
    {PATH " filter list", "Display the filter.", NULL, 0, 0, filter_list_start},
    {PATH " filter clear", "Erase the filter.", NULL, 0, 0, filter_clear_start},
    {PATH " filter negate", "Negate a filter key.", "<key>", 1, 1, filter_negate_start, NULL,
     negate_words},
    KEY("vd", "Index of virtual domain. -1 matches all.", "<index>", 1),
    KEY("dst-addr4", "IPv4 destination address range.", "<from> [<to>]", 2),
    KEY("dst-addr6", "IPv6 destination address range.", "<from> [<to>]", 2),
    KEY("dst-port", "Destination port range.", "<from> [<to>]", 2),
    KEY("src-addr4", "IPv4 source address range.", "<from> [<to>]", 2),
    KEY("src-addr6", "IPv6 source address range.", "<from> [<to>]", 2),
    KEY("src-port", "Source port range.", "<from> [<to>]", 2),
    KEY("identity-policy", "Identity policy ID.", "<from> [<to>]", 2),
    KEY("policy", "Policy ID.", "<from> [<to>]", 2),
    KEY("policy-type", "Policy type: IPv4 or IPv6.", "<type>", 1),
    KEY("profile-group", "Profile group.", "<name>", 1),
    KEY("voip-profile", "VoIP profile.", "<name>", 1),
    {NULL},
};
