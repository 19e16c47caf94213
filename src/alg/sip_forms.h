/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A bounded memory of how inside hosts write their own address, so that what went out edited comes
 * back exactly: `10.0.0.1` without a port is restored without one, a Via of a port that has no
 * public port of its own is restored with it, and a public address that a PBX wrote by itself is
 * left alone. Losing an entry costs exactness, never correctness: the address is then restored from
 * the mapping. Owned by one struct alg and its thread.
 */
#pragma once

#include "base/addr.h"
#include "base/hash.h"

/* Which headers share a way of writing. */
enum sip_form_class {
    SIP_FORM_VIA,
    SIP_FORM_CONTACT, /* Contact, and the Request-URI made from it */
    SIP_FORM_ROUTE,
    SIP_FORM_OWN,  /* From or To, whichever names the inside party ... */
    SIP_FORM_PEER, /* ... and the other one */
    SIP_FORM_OTHER,
    SIP_FORM_RECEIVED, /* never remembered */
};

/* How an address stands outside, and whose it is. Hashed whole: no padding. */
struct sip_form_key {
    struct ip_addr inside; /* address of the inside host; or the far one's, with SIP_FORM_FAR */
    struct ip_addr ip;     /* as it stands outside ... */
    be16 port;             /* ... 0 without a port */
    uint16_t zone;
    uint32_t class; /* enum sip_form_class */
} __attribute__((aligned(8)));

struct sip_form {
    bool kept;     /* the inside host itself wrote the public form */
    bool other;    /* it stands for another inside host: who that is, its mapping or VIP says */
    uint16_t port; /* of the inside form, host order; 0 without a port */
    be32 ip;       /* of a far party: the address it wrote */
};

/* The zone of far parties, who are known by the address their packets come from. */
#define SIP_FORM_FAR UINT16_MAX

struct sip_forms {
    struct sip_form_set *sets;
    uint32_t n_sets;
    uint32_t stamp;
    uint32_t now_ms; /* set by the owner; wraps */
    struct hash_secret secret;
};

/* Room for about `capacity` forms (128 bytes for five). 0 or -ENOMEM. */
int sip_forms_init(struct sip_forms *f, uint32_t capacity, const struct hash_secret *secret);
void sip_forms_free(struct sip_forms *f);

/* Remember; the oldest of five is forgotten for it. Cost: two cache lines. */
void sip_forms_note(struct sip_forms *f, const struct sip_form_key *key, struct sip_form form);

/* True, and the form, when it is remembered. */
bool sip_forms_find(const struct sip_forms *f, const struct sip_form_key *key,
                    struct sip_form *form);

/* The same, as it was before `ms`: what was noted anew since then is not remembered. */
bool sip_forms_find_before(const struct sip_forms *f, const struct sip_form_key *key, uint32_t ms,
                           struct sip_form *form);
