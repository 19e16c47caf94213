/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the host of a URI or of sent-by becomes; shared by the files that plan the head of a
 * message.
 */
#pragma once

#include "alg/sip_plan.h"

struct target {
    bool keep_port; /* the address alone changes */
    bool no_port;   /* ... and a port that stands there goes */
    bool other;     /* it is another inside host's */
    bool far;       /* it is the far party's (sip_plan_far.h) */
    uint8_t map;    /* SIP_MAP_NONE: `ep` */
    struct ip_port ep;
};

static inline struct target target_of(struct ip_port ep)
{
    return (struct target){.map = SIP_MAP_NONE, .ep = ep};
}

/* The endpoint that a host and its port mean in SIP. */
static inline struct ip_port host_endpoint(const struct sip_host *h)
{
    return (struct ip_port){h->ip, be16_of(h->has_port ? h->port_value : 5060)};
}

/* The same of a URI; port 0: it is not reached by UDP. */
static inline struct ip_port uri_place(const struct sip_uri *uri)
{
    struct ip_port e = host_endpoint(&uri->at);
    if (uri->scheme == SIP_SCHEME_SIPS ||
        (uri->transport.n && !slice_ieq(uri->transport, SLICE_LIT("udp"))))
        e.port = 0;
    return e;
}

/*
 * May the message hold a mapping: is there a record for it, or will there be one? What ends a call
 * that nobody knows begins nothing, and its key is that of a call.
 */
static inline bool plan_may_hold(const struct sip_message *m)
{
    return m->call || m->record || m->new_call ||
           (m->facts.method != SIP_METHOD_ACK && m->facts.method != SIP_METHOD_CANCEL &&
            m->facts.method != SIP_METHOD_BYE);
}

/* How the host of a URI is reached: 17, 6, or 0 for what there are no mappings for. */
uint8_t plan_uri_proto(const struct planner *p, enum sip_form_class class,
                       const struct sip_uri *uri);

/* The edits of a URI: its host and maddr. */
enum alg_reason plan_uri(struct planner *p, enum sip_form_class class, const struct sip_uri *uri);

/* The mappings that the contacts of a message that leaves ask for, before anything is edited. */
enum alg_reason plan_contact_maps(struct planner *p);

/* The contacts of the message and their mappings, which a Via of the same port may use. */
enum alg_reason plan_contacts(struct planner *p);
