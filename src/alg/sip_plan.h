/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What to do with one message, worked out completely before anything changes: byte edits in the
 * order of the message, mappings to open, what its session description says. Planning reads the
 * mapping table and the ALG's records and writes nothing but the plan; sip_commit.h carries it out.
 *
 * A plan belongs to the struct alg it is made for and holds until the next message.
 */
#pragma once

#include "alg/dialog.h"
#include "alg/sdp.h"
#include "alg/sip_check.h"
#include "alg/sip_forms.h"

#define SIP_PLAN_EDITS 1536
#define SIP_PLAN_MAPS  40
#define SIP_PLAN_NOTES 32
#define SIP_PLAN_TEXT  1024
#define SIP_MAP_NONE   0xff

enum sip_edit_kind {
    SIP_EDIT_IP,       /* address alone */
    SIP_EDIT_PORT,     /* port alone */
    SIP_EDIT_ENDPOINT, /* address:port; with `bare` the address alone when the port is 5060 */
    SIP_EDIT_TEXT,     /* bytes of plan.text */
    SIP_EDIT_LENGTH,   /* Content-Length */
    SIP_EDIT_COUNT,    /* how many pairs the map has */
    SIP_EDIT_RTCP,     /* a line a=rtcp, where RTCP is not beside RTP; with `bare` LF ends lines */
};

/* Replace `cut` bytes at `at`. The new address is `ep`, or side `side` of map `map`. */
struct sip_edit {
    uint32_t at, cut;
    struct ip_port ep;
    uint16_t text, text_n; /* SIP_EDIT_TEXT: offset and length in plan.text */
    uint8_t kind;
    uint8_t map;  /* SIP_MAP_NONE: `ep` is known already */
    uint8_t side; /* 0 signalling or RTP, 1 RTCP */
    bool bare;
    bool noted;         /* remember the inside form under `class` */
    bool other;         /* ... which is another inside host's */
    be32 far;           /* ... or the far party's: the address it wrote; 0 no */
    uint8_t class;      /* enum sip_form_class */
    uint16_t form_port; /* port of the inside form, 0 without one */
};

/* A mapping the message needs. */
struct sip_map {
    uint8_t kind; /* MAPPING_SIGNALLING or MAPPING_RTP (with RTCP) */
    uint8_t proto;
    uint8_t stream;
    bool optional;      /* do without when it cannot be opened */
    bool exact;         /* public port equal to the inside one, or none */
    bool held;          /* the record holds it already: nothing to open */
    bool alone;         /* RTP without RTCP */
    bool anyone;        /* whoever sends is let in; else the other party's address only */
    bool rtcp_own;      /* `rtcp` is the sender's, whether it has a mapping of its own or not */
    bool mux;           /* RTCP may come by RTP's port (RFC 5761) */
    bool apart;         /* by commit, or `held`: RTCP has a mapping, and not beside RTP's */
    uint8_t pairs;      /* 1, or how many maps from this one on have neighbouring public ports */
    bool fewer;         /* do with fewer pairs where the next ports are taken */
    bool named;         /* its public side is `name`, by configuration ... */
    bool renames;       /* ... or another one, where that is taken */
    uint32_t granted_s; /* contact of a REGISTER: what it asks for */
    struct ip_port inside, rtcp;
    struct ip_port name;
    struct ip_port public_side[2]; /* known when `held`, else filled by commit */
    struct handle h[2];            /* by commit */
    bool opened[2];                /* by commit: it was not there before */
};

/* A public form that the inside host wrote itself. */
struct sip_note {
    struct ip_port ep; /* port 0: without a port */
    uint8_t class;
};

struct sip_stream {
    uint8_t stream;
    struct ip_port remote; /* as the message says; 0 when it names no address */
    struct ip_port rtcp;   /* where it wants RTCP; port 0: where RTP is, or nowhere */
    bool mux;              /* RTCP may come by RTP's port */
};

struct sip_plan {
    unsigned n_edits, n_maps, n_notes;
    unsigned text_n;
    uint32_t body_end;  /* edits from body_at to here change Content-Length */
    uint32_t body_at;   /* UINT32_MAX: no Content-Length to change */
    uint32_t length_at; /* which edit that is, or UINT32_MAX */
    bool has_sdp;
    bool held;              /* every stream of the description is on hold */
    struct ip_port contact; /* the first Contact: host zero none, or a name; port 0 not by UDP */
    uint32_t refused;       /* streams of the description whose port is 0, a bit each */
    unsigned n_streams;
    struct sip_stream streams[SDP_MEDIA_MAX];
    struct sip_map maps[SIP_PLAN_MAPS];
    struct sip_note notes[SIP_PLAN_NOTES];
    char text[SIP_PLAN_TEXT];
    struct sip_edit edits[SIP_PLAN_EDITS];
};

/* One message and all that planning may look at. */
struct sip_message {
    const struct alg_packet *packet;
    struct sip_msg msg;
    struct sip_facts facts;
    bool known;            /* facts were read: else they are of another message */
    bool nat;              /* the two sides of the inside party differ */
    struct dialog *call;   /* the call it belongs to, or NULL */
    bool new_call;         /* an INVITE that begins one: no record yet */
    bool media;            /* its description may open mappings: it belongs to a living call */
    bool repeat;           /* ... but no new ones: it was sent before, and is over and done with */
    bool again;            /* an INVITE that was seen before, or its CANCEL */
    bool answers;          /* its description answers one of the other side */
    bool from_began;       /* From is the side that began the call */
    struct dialog *record; /* its registration or contact record, or NULL */
};

struct alg;

/*
 * Work out the plan; `sdp` is room to parse descriptions into. ALG_REASON_NONE, or why the message
 * is refused.
 */
enum alg_reason sip_plan(const struct alg *alg, const struct sip_message *m, struct sdp *sdp,
                         struct sip_plan *plan);

/* For the parts of the planner: what is read, and what is written. */
struct planner {
    const struct alg *alg;
    const struct sip_message *m;
    struct sip_plan *plan;
    struct sdp *sdp; /* room to parse a description into */
    uint8_t proto;   /* 17 or 6: how what is looked at is reached */
};

/* Add an edit, wherever it belongs; false when the plan is full. */
bool plan_edit(struct sip_plan *plan, const struct sip_edit *edit);

/* Bytes for SIP_EDIT_TEXT; false when there is no room. */
bool plan_text(struct sip_plan *plan, struct sip_edit *edit, struct slice text);

/*
 * The map of an inside endpoint: one in the plan already, or a new one for the caller to fill
 * (*fresh). NULL when the plan is full.
 */
struct sip_map *plan_map(struct sip_plan *plan, enum mapping_kind kind, uint8_t proto,
                         unsigned stream, struct ip_port inside, bool *fresh);

static inline uint8_t plan_map_index(const struct sip_plan *plan, const struct sip_map *map)
{
    return (uint8_t)(map - plan->maps);
}

/*
 * The host of a URI that is not SIP's, scheme://user@host:port/...; false when it has none that can
 * be read.
 */
bool plan_uri_host(struct slice uri, struct sip_host *out);

/* Headers and Request-URI, in sip_plan_headers.c. */
enum alg_reason plan_headers(struct planner *p);

/* Session description number `nth` of the message, in sip_plan_sdp.c. */
enum alg_reason plan_sdp(struct planner *p, struct slice body, unsigned nth);
