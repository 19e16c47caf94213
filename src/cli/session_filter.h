/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * `diagnose sys session filter`, `session6 filter`: which sessions `list` and `clear` mean
 * (reference 6.2). Belongs to one login. Beyond FortiOS it has `port`: source or destination port.
 */
#pragma once

#include "cli/backend.h"
#include "cli/command.h"

/* Whether the login's filter for its family selects the session. Addresses and ports of `src`,
 * `dst` are those of the original direction as it arrives, of `nsrc` those it leaves with (only
 * translated sessions have them). */
bool session_filter_selects(struct cli *cli, const struct backend_session *session);

/* State words as bits of `session-state1`. */
enum {
    SESSION_STATE_MAY_DIRTY = 1,
    SESSION_STATE_DIRTY = 2,
    SESSION_STATE_LOCAL = 4,
    SESSION_STATE_REDIR = 8
};
uint32_t session_state_bits(const struct backend_session *session);

/* Policy as it is printed: local traffic has 4294967295. */
uint32_t session_policy_id(const struct backend_session *session);

/* Functions of the command rows. */
int session_filter_show(struct cli *cli, unsigned n_args, const struct slice *args);
int session_filter_key(struct cli *cli, unsigned n_args, const struct slice *args);
int session_filter_extend(struct cli *cli, unsigned n_args, const struct slice *args);
int session_filter_negate(struct cli *cli, unsigned n_args, const struct slice *args);
int session_filter_clear(struct cli *cli, unsigned n_args, const struct slice *args);
const char *const *session_filter_key_names(unsigned arg);
const char *const *session_filter_key6_names(unsigned arg);
