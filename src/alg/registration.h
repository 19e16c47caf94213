/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Registrations (RFC 3261 10) and other contacts that outlive their request. A registration is the
 * contacts of one address of record that one inside host registered; each holds its mapping for as
 * long as the registrar granted, whatever the idle timer of the signalling session says.
 *
 * `strict-register` means: what comes in through a registered contact's mapping comes from an
 * address that the phone has to do with. That is every registrar that granted the contact, whoever
 * a session of the mapping talks to, and the other party of each call or subscription that uses the
 * mapping (sip_admit.h). Without it the grant opens the mapping to anyone.
 *
 * ALG thread only.
 */
#pragma once

#include "alg/sip_plan.h"

struct alg;

/* Until the registrar has answered, and added to what it granted (64 * T1). */
#define REGISTRATION_WAIT_MS 32000ull

/* The longest registration that is believed (7 days). */
#define REGISTRATION_MAX_S (7 * 86400)

/* A contact whose request says no time. */
#define CONTACT_LIFE_MS 210000ull

/* The record of the registration in hand, or NULL; its key goes to *key. */
struct dialog *registration_find(const struct alg *alg, const struct sip_message *m,
                                 struct dialog_key *key);

/* A REGISTER or its response was committed; m->record is its record or NULL. */
void registration_message(struct alg *alg, const struct sip_message *m,
                          const struct sip_plan *plan);

/* Its timer fired. The record may be gone afterwards. */
void registration_timer(struct alg *alg, struct dialog *d, uint64_t now_ms);

/* End it at once. The record is gone afterwards. */
void registration_clear(struct alg *alg, struct dialog *d);

/* When the last contact ends. */
uint64_t registration_deadline(const struct alg *alg, const struct dialog *d);

/*
 * The record of another request with a contact of its own, or of a response to it, by Call-ID and
 * From tag.
 */
struct dialog *contact_find(const struct alg *alg, const struct sip_message *m,
                            struct dialog_key *key);

/* Such a request, or the response to one, was committed. The record may be gone afterwards. */
void contact_message(struct alg *alg, const struct sip_message *m, const struct sip_plan *plan);
