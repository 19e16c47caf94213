/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The filters of SIP (reference 6.6): `diagnose sys sip-proxy filter` of listings and `log-filter`
 * of the debug log, with the same keys. Both belong to the login.
 */
#pragma once

#include "cli/filter.h"

/*
 * Does a row with these ends pass? `profile` NULL: the row does not know it, and passes that key.
 */
bool sip_filter_passes(const struct filter *filter, const struct ip_port *src,
                       const struct ip_port *dst, uint32_t policy_id, const char *profile);

/* Does a policy? It has no ends and passes their keys. `type`: "IPv4" or "IPv6". */
bool sip_filter_passes_policy(const struct filter *filter, uint32_t policy_id, const char *type,
                              const char *profile);

/* Commands of either filter; which one, the row's path says. */
int sip_filter_key_start(struct cli *cli, unsigned n_args, const struct slice *args);
int sip_filter_list_start(struct cli *cli, unsigned n_args, const struct slice *args);
int sip_filter_clear_start(struct cli *cli, unsigned n_args, const struct slice *args);
int sip_filter_negate_start(struct cli *cli, unsigned n_args, const struct slice *args);
const char *const *sip_filter_words(unsigned arg);
