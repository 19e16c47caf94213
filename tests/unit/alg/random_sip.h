/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Random messages between an inside phone and the outside, well-formed, written with the marks of
 * twin.h. A scene is a phone and its dialogs, one after the other. In a scene the phone writes its
 * own address in one way in the headers of a class, as phones do: two ways that look the same
 * outside could not be told apart on their way back.
 */
#pragma once

#include "base/rng.h"
#include "twin.h"

#define SAID_LINES     64
#define SCENE_VIAS     4
#define SCENE_ROUTES   3
#define SCENE_CONTACTS 3

/* A message whose names, order and blanks are not chosen yet. */
struct said {
    struct text start, body;
    unsigned n;
    struct {
        const char *header; /* its long name */
        struct text value;
    } line[SAID_LINES];
};

struct scene {
    struct rng rng;
    struct twin twin;
    const struct rig_phone *phone;
    const char *eol;
    bool nat_trace, preserve_override; /* of the profile */

    /* How the phone writes itself, by class; marked. */
    char via[32], contact[32], route[32], own[32], peer[32], other[32];
    bool via_kept;              /* its public address: that stays on its way back */
    const char *contact_params; /* of the URI */
    bool rtcp_apart;            /* RTCP of the phone is not on the port behind RTP's */
    bool connects;              /* MSRP: it does not wait for the other side */
    unsigned contact_port;      /* of further Contacts; 0: none on a port of their own */

    /* The dialog. */
    unsigned id, cseq, offers;
    bool signs; /* with an Identity header */
    /* The outside has heard of the phone's own name, its Contact, a header of class `other`. */
    bool known, contacted, referred;
    struct text call_id, from, to; /* the phone and the peer, without tags */
    struct text target;            /* URI of the phone's Contact */
    unsigned n_contacts, n_routes;
    struct text contacts[SCENE_CONTACTS], routes[SCENE_ROUTES];
    unsigned stream; /* a media port of the phone's description, 0: none */

    /* The request under way, by either side. */
    const char *method;
    bool first;
    unsigned n_vias;
    struct text via_sent[SCENE_VIAS], via_back[SCENE_VIAS]; /* as sent and as copied */
    struct text sent_from, sent_to;
};

#define PICK(s, ...)                                    \
    pick(&(s)->rng, (const char *const[]){__VA_ARGS__}, \
         sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

static inline const char *pick(struct rng *rng, const char *const *of, unsigned n)
{
    return of[rng_below(rng, n)];
}

static inline bool chance(struct scene *s, unsigned one_in)
{
    return rng_below(&s->rng, one_in) == 0;
}

/*
 * A scene of a phone, by seed. `restored`: the outside may speak first, to an address that the
 * phone did not write before; it comes in as the phone's endpoint, and that is how the phone writes
 * then.
 */
void scene_init(struct scene *s, struct rig *r, const struct rig_phone *phone, uint64_t seed,
                bool restored);
void scene_free(struct scene *s);

/* Another dialog: other people, tags and Call-ID. By the peer: what it calls the phone is
 * `restored`. */
void scene_dialog(struct scene *s, bool by_peer);

/* What the phone says in this dialog it signs: From and To stay as they are, whatever they name. */
void scene_sign(struct scene *s);

/* Requests and responses, first ones or within the dialog. */
void phone_asks(struct scene *s, struct said *m, const char *method, bool first);
void peer_answers(struct scene *s, struct said *m, unsigned status);
void peer_asks(struct scene *s, struct said *m, const char *method, bool first);
void phone_answers(struct scene *s, struct said *m, unsigned status);

/* What the message carries. Of a call: the streams of the phone are opened. */
void phone_describes(struct scene *s, struct said *m, bool call);
void peer_describes(struct scene *s, struct said *m, bool call);

/* One more line of a message; the header by its long name. */
__attribute__((format(printf, 3, 4))) void said_line(struct said *m, const char *header,
                                                     const char *format, ...);

/* The marked head of the message, its lines in any order and form. */
void said_write(struct scene *s, struct said *m, struct text *head);
void said_free(struct said *m);
