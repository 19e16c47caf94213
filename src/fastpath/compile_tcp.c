/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Several settings meet in one session: `anti-replay` of the system and of the policy,
 * `check-reset-range` of the service, `asymroute`. Here they become the traits that a worker finds
 * in the session itself.
 *
 * With `asymroute` a firewall may see one direction of a connection only. Its windows then mean
 * nothing (what the unseen side allowed went by elsewhere), and any segment may come first.
 */
#include "fastpath/compile_tcp.h"

#include "sessions/session.h"

static bool any_interface_clamps(const struct config_rows *rows)
{
    for (uint16_t i = 0; i < rows->n_interfaces; i++)
        if (rows->interfaces[i].tcp_mss != 0)
            return true;
    return false;
}

static uint16_t replay_traits(const struct config_rows *rows, const struct row_policy *row)
{
    if (rows->global.asymroute)
        return TRAIT_TCP_HALF;
    if (!row->anti_replay)
        return 0;
    switch (rows->global.anti_replay) {
    case ROW_REPLAY_STRICT:
        return TRAIT_TCP_STRICT;
    case ROW_REPLAY_LOOSE:
        return TRAIT_TCP_LOOSE;
    case ROW_REPLAY_OFF:
        break;
    }
    return 0;
}

static enum tcp_midway midway_of(const struct config_rows *rows, const struct row_policy *row)
{
    if (rows->global.asymroute)
        return TCP_MIDWAY_ALL;
    switch (row->without_syn) {
    case ROW_SYN_OR_DATA:
        return TCP_MIDWAY_DATA;
    case ROW_SYN_NOT_NEEDED:
        return TCP_MIDWAY_ALL;
    case ROW_SYN_NEEDED:
        break;
    }
    return TCP_MIDWAY_NONE;
}

void compile_tcp_policy(const struct config_rows *rows, const struct row_policy *row,
                        struct policy *p)
{
    p->traits = replay_traits(rows, row);
    p->mss[0] = row->mss_sender;
    p->mss[1] = row->mss_receiver;
    if (row->mss_sender || row->mss_receiver || any_interface_clamps(rows))
        p->traits |= TRAIT_TCP_MSS;
    p->midway = midway_of(rows, row);
    p->send_deny = row->send_deny_packet;
}

uint16_t compile_tcp_service(const struct row_service *row)
{
    switch (row->reset_check) {
    case ROW_RESET_STRICT:
        return TRAIT_RESET_STRICT;
    case ROW_RESET_OFF:
        return TRAIT_RESET_OFF;
    case ROW_RESET_DEFAULT:
        break;
    }
    return 0;
}
