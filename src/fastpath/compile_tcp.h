/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the settings say about following TCP connections, as the sessions of a policy will have it.
 * Part of compile; any thread.
 */
#pragma once

#include "config/rows.h"
#include "fastpath/snapshot.h"

/* Traits, segment sizes and beginnings of `p`, made from `row`. */
void compile_tcp_policy(const struct config_rows *rows, const struct row_policy *row,
                        struct policy *p);

/* Traits that this service adds to those of the policy. */
uint16_t compile_tcp_service(const struct row_service *row);
