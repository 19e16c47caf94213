/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two filters of one kind: of IPv4 sessions and, named by the path of the command, of IPv6
 * sessions. The rows of the plain keys give parsing, printing and inversion; what a key compares
 * with is one line in session_filter_selects. The four extended lists hold single addresses: a
 * session passes when its address is in the list (if there is one) and in no `negate` list.
 */
#include "cli/session_filter.h"

#include "cli/filter.h"

#include <assert.h>

enum slot {
    SLOT_VD,
    SLOT_SINTF,
    SLOT_DINTF,
    SLOT_PROTO,
    SLOT_PROTO_STATE,
    SLOT_SRC,
    SLOT_NSRC,
    SLOT_DST,
    SLOT_SPORT,
    SLOT_NPORT,
    SLOT_DPORT,
    SLOT_PORT,
    SLOT_POLICY,
    SLOT_EXPIRE,
    SLOT_DURATION,
    SLOT_STATE1,
    SLOT_STATE2
};

enum {
    NAME_SINTF,
    NAME_DINTF
};

enum extended {
    EXT_SRC,
    EXT_DST,
    EXT_SRC_NEGATE,
    EXT_DST_NEGATE,
    EXT_LISTS
};

enum {
    EXT_MAX = 8
};

struct session_filter {
    struct filter base;
    struct {
        unsigned n;
        be32 ip[EXT_MAX];
    } extended[EXT_LISTS];
};
_Static_assert(sizeof(struct session_filter) <= CLI_FILTER_SIZE, "filter fits its login area");

/* In the order in which FortiOS prints the filter. */
static const struct filter_key keys[] = {
    {"vd", "vd", FILTER_VDOM, SLOT_VD, 0, false},
    {"vd-name", NULL, FILTER_VDOM_NAME, SLOT_VD, 0, false},
    {"sintf", "sintf", FILTER_NAME, SLOT_SINTF, NAME_SINTF, false},
    {"dintf", "dintf", FILTER_NAME, SLOT_DINTF, NAME_DINTF, false},
    {"proto", "proto", FILTER_NUMBER, SLOT_PROTO, UINT8_MAX, false},
    {"proto-state", "proto-state", FILTER_NUMBER, SLOT_PROTO_STATE, 99, false},
    {"src", "source ip", FILTER_ADDRESS, SLOT_SRC, 0, false},
    {"nsrc", "NAT'd source ip", FILTER_ADDRESS, SLOT_NSRC, 0, false},
    {"dst", "dest ip", FILTER_ADDRESS, SLOT_DST, 0, false},
    {"sport", "source port", FILTER_NUMBER, SLOT_SPORT, UINT16_MAX, false},
    {"nport", "NAT'd source port", FILTER_NUMBER, SLOT_NPORT, UINT16_MAX, false},
    {"dport", "dest port", FILTER_NUMBER, SLOT_DPORT, UINT16_MAX, false},
    {"port", "source or dest port", FILTER_NUMBER, SLOT_PORT, UINT16_MAX, true},
    {"policy", "policy id", FILTER_NUMBER, SLOT_POLICY, UINT32_MAX, false},
    {"expire", "expire", FILTER_NUMBER, SLOT_EXPIRE, UINT32_MAX, false},
    {"duration", "duration", FILTER_NUMBER, SLOT_DURATION, UINT32_MAX, false},
    {"session-state1", "state1", FILTER_HEX, SLOT_STATE1, 0, false},
    {"session-state2", "state2", FILTER_HEX, SLOT_STATE2, 0, false},
    {NULL},
};

/* What IPv6 sessions have: nothing is translated. */
static const struct filter_key keys6[] = {
    {"vd", "vd", FILTER_VDOM, SLOT_VD, 0, false},
    {"vd-name", NULL, FILTER_VDOM_NAME, SLOT_VD, 0, false},
    {"sintf", "sintf", FILTER_NAME, SLOT_SINTF, NAME_SINTF, false},
    {"dintf", "dintf", FILTER_NAME, SLOT_DINTF, NAME_DINTF, false},
    {"proto", "proto", FILTER_NUMBER, SLOT_PROTO, UINT8_MAX, false},
    {"proto-state", "proto-state", FILTER_NUMBER, SLOT_PROTO_STATE, 99, false},
    {"src", "source ip", FILTER_ADDRESS6, SLOT_SRC, 0, false},
    {"dst", "dest ip", FILTER_ADDRESS6, SLOT_DST, 1, false},
    {"sport", "source port", FILTER_NUMBER, SLOT_SPORT, UINT16_MAX, false},
    {"dport", "dest port", FILTER_NUMBER, SLOT_DPORT, UINT16_MAX, false},
    {"port", "source or dest port", FILTER_NUMBER, SLOT_PORT, UINT16_MAX, true},
    {"policy", "policy id", FILTER_NUMBER, SLOT_POLICY, UINT32_MAX, false},
    {"expire", "expire", FILTER_NUMBER, SLOT_EXPIRE, UINT32_MAX, false},
    {"duration", "duration", FILTER_NUMBER, SLOT_DURATION, UINT32_MAX, false},
    {"session-state1", "state1", FILTER_HEX, SLOT_STATE1, 0, false},
    {"session-state2", "state2", FILTER_HEX, SLOT_STATE2, 0, false},
    {NULL},
};

static const char *const key6_names[] = {
    "vd",       "vd-name",     "sintf",          "dintf",          "src",    "dst",
    "proto",    "sport",       "dport",          "port",           "policy", "expire",
    "duration", "proto-state", "session-state1", "session-state2", NULL,
};

static const char *const key_names[] = {
    "vd",       "vd-name",     "sintf",          "dintf",          "src",  "nsrc",   "dst",
    "proto",    "sport",       "nport",          "dport",          "port", "policy", "expire",
    "duration", "proto-state", "session-state1", "session-state2", NULL,
};

static const struct {
    const char *key, *label;
} extended[EXT_LISTS] = {
    [EXT_SRC] = {"ext-src", "Source IP List:"},
    [EXT_DST] = {"ext-dst", "Destination IP List:"},
    [EXT_SRC_NEGATE] = {"ext-src-negate", "Source IP Negate List:"},
    [EXT_DST_NEGATE] = {"ext-dst-negate", "Destination IP Negate List:"},
};

/* Does the command that is running mean IPv6 sessions? */
static bool means6(const struct cli *cli)
{
    return strstr(cli_command(cli)->path, " session6") != NULL;
}

static struct session_filter *filter_of(struct cli *cli)
{
    return cli_filter(cli, means6(cli) ? CLI_FILTER_SESSION6 : CLI_FILTER_SESSION);
}

static const struct filter_key *keys_of(const struct cli *cli)
{
    return means6(cli) ? keys6 : keys;
}

uint32_t session_state_bits(const struct backend_session *session)
{
    return (session->local ? SESSION_STATE_LOCAL : SESSION_STATE_MAY_DIRTY) |
           (session->dirty ? SESSION_STATE_DIRTY : 0) | (session->alg ? SESSION_STATE_REDIR : 0);
}

uint32_t session_policy_id(const struct backend_session *session)
{
    return session->local ? UINT32_MAX : session->policy_id;
}

static bool listed(const struct session_filter *filter, enum extended list, be32 ip)
{
    for (unsigned i = 0; i < filter->extended[list].n; i++) {
        if (filter->extended[list].ip[i] == ip)
            return true;
    }
    return false;
}

static be32 ip4_of(const struct ip_port *e)
{
    return e->ip.word[3];
}

static bool extended_selects(const struct session_filter *filter, const struct backend_session *s)
{
    be32 src = ip4_of(&s->src), dst = ip4_of(&s->dst);
    return (filter->extended[EXT_SRC].n == 0 || listed(filter, EXT_SRC, src)) &&
           (filter->extended[EXT_DST].n == 0 || listed(filter, EXT_DST, dst)) &&
           !listed(filter, EXT_SRC_NEGATE, src) && !listed(filter, EXT_DST_NEGATE, dst);
}

/* Addresses of the original direction, in the family of the session. */
static bool addresses_pass(const struct session_filter *filter, const struct backend_session *s)
{
    const struct filter *f = &filter->base;
    if (s->v6)
        return filter_passes_address6(f, SLOT_SRC, 0, &s->src.ip) &&
               filter_passes_address6(f, SLOT_DST, 1, &s->dst.ip);
    return filter_passes(f, SLOT_SRC, be32_host(ip4_of(&s->src))) &&
           filter_passes(f, SLOT_DST, be32_host(ip4_of(&s->dst))) && extended_selects(filter, s);
}

static bool translated_passes(const struct filter *f, const struct backend_session *s)
{
    if (!s->snat)
        return filter_passes_absent(f, SLOT_NSRC) && filter_passes_absent(f, SLOT_NPORT);
    return filter_passes(f, SLOT_NSRC, be32_host(ip4_of(&s->reply_dst))) &&
           filter_passes(f, SLOT_NPORT, be16_host(s->reply_dst.port));
}

bool session_filter_selects(struct cli *cli, const struct backend_session *s)
{
    const struct session_filter *filter =
        cli_filter(cli, s->v6 ? CLI_FILTER_SESSION6 : CLI_FILTER_SESSION);
    const struct filter *f = &filter->base;
    uint16_t sport = be16_host(s->src.port), dport = be16_host(s->dst.port);
    return filter_passes(f, SLOT_VD, 0) &&
           filter_passes_name(f, SLOT_SINTF, NAME_SINTF, s->in_if) &&
           filter_passes_name(f, SLOT_DINTF, NAME_DINTF, s->out_if) &&
           filter_passes(f, SLOT_PROTO, s->proto) &&
           filter_passes(f, SLOT_PROTO_STATE, s->proto_state) &&
           filter_passes(f, SLOT_SPORT, sport) && filter_passes(f, SLOT_DPORT, dport) &&
           filter_passes_either(f, SLOT_PORT, sport, dport) &&
           filter_passes(f, SLOT_POLICY, session_policy_id(s)) &&
           filter_passes(f, SLOT_EXPIRE, s->expire_s) &&
           filter_passes(f, SLOT_DURATION, s->duration_s) &&
           filter_passes_bits(f, SLOT_STATE1, session_state_bits(s)) &&
           filter_passes_bits(f, SLOT_STATE2, 0) && translated_passes(f, s) &&
           addresses_pass(filter, s);
}

static void extended_print(const struct session_filter *filter, struct text *out)
{
    unsigned lists = 0;
    for (unsigned list = 0; list < EXT_LISTS; list++) {
        if (filter->extended[list].n == 0)
            continue;
        if (lists++ == 0)
            text_puts(out, "Extended filters:\n");
        text_printf(out, "%s\n", extended[list].label);
        for (unsigned i = 0; i < filter->extended[list].n; i++) {
            char ip[IPV4_TEXT_MAX];
            ipv4_print(filter->extended[list].ip[i], ip);
            text_printf(out, "        %s\n", ip);
        }
    }
}

int session_filter_show(struct cli *cli, unsigned n_args, const struct slice *args)
{
    (void)n_args, (void)args;
    text_printf(cli_output(cli), "session%s filter:\n", means6(cli) ? "6" : "");
    filter_print(&filter_of(cli)->base, keys_of(cli), cli_output(cli));
    extended_print(filter_of(cli), cli_output(cli));
    return 0;
}

int session_filter_key(struct cli *cli, unsigned n_args, const struct slice *args)
{
    const struct filter_key *key = filter_key_of_row(cli, keys_of(cli));
    return filter_set(cli, &filter_of(cli)->base, key, n_args, args);
}

int session_filter_extend(struct cli *cli, unsigned n_args, const struct slice *args)
{
    (void)n_args;
    struct session_filter *filter = filter_of(cli);
    const char *name = strrchr(cli_command(cli)->path, ' ') + 1;
    unsigned list = 0;
    while (strcmp(extended[list].key, name) != 0)
        list++;
    assert(list < EXT_LISTS);
    be32 ip;
    if (ipv4_parse(args[0], &ip) != 0) {
        text_printf(cli_output(cli), "invalid ip address\n\nvalue parse error before '%.*s'\n",
                    SLICE_ARG(args[0]));
        return CLI_E_ADDRESS;
    }
    if (filter->extended[list].n == EXT_MAX) {
        text_printf(cli_output(cli), "the list holds at most %d addresses\n", EXT_MAX);
        return CLI_E_FULL;
    }
    filter->extended[list].ip[filter->extended[list].n++] = ip;
    return 0;
}

int session_filter_negate(struct cli *cli, unsigned n_args, const struct slice *args)
{
    (void)n_args;
    return filter_negate(cli, &filter_of(cli)->base, keys_of(cli), args[0]);
}

int session_filter_clear(struct cli *cli, unsigned n_args, const struct slice *args)
{
    (void)n_args, (void)args;
    memset(filter_of(cli), 0, sizeof(struct session_filter));
    return 0;
}

const char *const *session_filter_key_names(unsigned arg)
{
    return arg == 0 ? key_names : NULL;
}

const char *const *session_filter_key6_names(unsigned arg)
{
    return arg == 0 ? key6_names : NULL;
}
