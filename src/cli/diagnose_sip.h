/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Listings of `diagnose sys sip-proxy` that live in files of their own; start and step of command
 * rows (command.h).
 */
#pragma once

#include "cli/command.h"

/* diagnose_sip_config.c: VoIP profiles. */
int sip_config_start(struct cli *cli, unsigned n_args, const struct slice *args);
int sip_config_step(struct cli *cli);

/* diagnose_sip_meters.c: rate limits. */
int sip_meters_start(struct cli *cli, unsigned n_args, const struct slice *args);
int sip_meters_step(struct cli *cli);
