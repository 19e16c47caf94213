/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Hosted NAT traversal (fortios.md 3.9): the far party is a phone behind a NAT outside that knows
 * nothing of SIP, and writes private addresses. They become the address its packets come from, and
 * what is answered to that address gets the private one back.
 *
 * Planning only; ALG thread.
 */
#pragma once

#include "alg/sip_plan_target.h"

/* True, and what to put, when the host in a Via, Contact or Request-URI is the far party's. */
bool far_target(const struct planner *p, enum sip_form_class class, const struct sip_host *h,
                struct target *t);

/* Does this message need a look at its topmost Via for the far party's sake? */
bool far_via(const struct sip_message *m);

/* The key under which an address of the far party is remembered. */
struct sip_form_key far_key(const struct alg_packet *packet, struct ip_port ep,
                            enum sip_form_class class);

/* Where the far party's media come from as far as one can tell: its address, if the description
 * names a private one, with the port that stands there. */
struct ip_addr far_media(const struct sip_message *m, const struct ip_addr *ip);

/* The addresses in a description of the far party. */
enum alg_reason far_sdp(struct planner *p, const struct sdp *sdp);

/* Who may send to media of this message's call first: anybody, or the far party's address. Only
 * where its profile has the traversal. */
bool far_latch(const struct sip_message *m, struct ip_port *peer);
