/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * struct control from the inside, for the files of this folder. The control thread owns all of it.
 */
#pragma once

#include "cli/backend.h"
#include "control/arp.h"
#include "control/control.h"
#include "control/debug_hub.h"
#include "control/expiry.h"
#include "control/nd.h"
#include "control/policy_counts.h"
#include "control/publish.h"
#include "control/sessions_view.h"
#include "control/timer_sweep.h"
#include "control/traffic_log.h"
#include "control/voip_log.h"

struct socket_server;

#define CONTROL_RING_MAX 1024 /* frames on a ring between a worker and control */

struct control {
    struct dataplane *dp;
    struct alg_core *alg;
    struct control_options options; /* its paths are the caller's and not looked at again */
    struct config_tree *running;
    struct session_thread thread; /* of what control itself ends */
    struct expiry *expiry;
    struct resolver resolver;
    struct arp arp;
    struct nd nd;
    uint64_t links_next_ms;
    struct publish publish;
    struct timer_sweep sweep;
    struct policy_counts policy_counts;
    struct traffic_log traffic_log;
    struct voip_log voip_log;
    struct debug_hub debug_hub;
    struct sessions_view view;
    struct socket_server *socket; /* NULL: none */
    struct backend backend;
    uint64_t start_ms, now_ms;
    uint64_t drop[DROP_COUNT];      /* frames of others that ended here */
    uint64_t n_handed;              /* frames handed to worker 0 so far */
    bool forward[CONTROL_RING_MAX]; /* of the last ones: a frame of others, not made here */
};

/* backend.c: fill c->backend. */
void control_backend_init(struct control *c);

/* Sum of one drop reason over workers, ALG and control. */
uint64_t control_drops(const struct control *c, enum drop_reason reason);
