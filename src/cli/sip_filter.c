/* SPDX-License-Identifier: BSD-3-Clause */
#include "cli/sip_filter.h"

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

/* Which one the running command is about. */
static struct filter *filter_of(struct cli *cli)
{
    bool log = strstr(cli_command(cli)->path, " log-filter");
    return cli_filter(cli, log ? CLI_FILTER_SIP_LOG : CLI_FILTER_SIP);
}

int sip_filter_key_start(struct cli *cli, unsigned n_args, const struct slice *args)
{
    const struct filter_key *key = filter_key_of_row(cli, keys);
    return filter_set(cli, filter_of(cli), key, n_args, args);
}

int sip_filter_list_start(struct cli *cli, unsigned n_args, const struct slice *args)
{
    (void)n_args, (void)args;
    text_puts(cli_output(cli), "sip filter:\n");
    filter_print(filter_of(cli), keys, cli_output(cli));
    return 0;
}

int sip_filter_clear_start(struct cli *cli, unsigned n_args, const struct slice *args)
{
    (void)n_args, (void)args;
    memset(filter_of(cli), 0, sizeof(struct filter));
    return 0;
}

int sip_filter_negate_start(struct cli *cli, unsigned n_args, const struct slice *args)
{
    (void)n_args;
    return filter_negate(cli, filter_of(cli), keys, args[0]);
}

const char *const *sip_filter_words(unsigned arg)
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
    return address_passes(f, SLOT_DST4, SLOT_DST6, ADDRESS6_DST, &dst->ip) &&
           filter_passes(f, SLOT_DPORT, be16_host(dst->port)) &&
           address_passes(f, SLOT_SRC4, SLOT_SRC6, ADDRESS6_SRC, &src->ip) &&
           filter_passes(f, SLOT_SPORT, be16_host(src->port));
}

bool sip_filter_passes_policy(const struct filter *f, uint32_t policy_id, const char *type,
                              const char *profile)
{
    return filter_passes(f, SLOT_VD, 0) && filter_passes(f, SLOT_IDENTITY_POLICY, 0) &&
           filter_passes(f, SLOT_POLICY, policy_id) &&
           filter_passes_name(f, SLOT_POLICY_TYPE, NAME_POLICY_TYPE, type) &&
           filter_passes_name(f, SLOT_PROFILE_GROUP, NAME_PROFILE_GROUP, "") &&
           (!profile || filter_passes_name(f, SLOT_VOIP_PROFILE, NAME_VOIP_PROFILE, profile));
}

bool sip_filter_passes(const struct filter *f, const struct ip_port *src, const struct ip_port *dst,
                       uint32_t policy_id, const char *profile)
{
    const char *type = ip_addr_is4(&src->ip) ? "IPv4" : "IPv6";
    return ends_pass(f, src, dst) && sip_filter_passes_policy(f, policy_id, type, profile);
}
