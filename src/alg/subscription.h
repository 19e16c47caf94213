/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a notifier says about a subscription (RFC 6665). The subscription is a contact record of
 * registration.h, made by SUBSCRIBE, and belongs to it; nothing is kept here.
 *
 * ALG thread only.
 */
#pragma once

#include "alg/sip_plan.h"

struct alg;

/*
 * A NOTIFY for an inside subscriber was committed; outside of calls. Its Subscription-State says
 * how long the subscription lives from now on, never longer than was asked for (RFC 6665 4.1.3).
 * The record may be gone at the next timer, not before.
 */
void subscription_notified(struct alg *alg, const struct sip_message *m);
