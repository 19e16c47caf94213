/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The packet path, from top to bottom:
 *
 *   parse              every length checked; key and hash; prefetch the bucket
 *   find               session or nothing; prefetch its lines
 *   known session      dirty? -> ttl -> track -> alg? -> translate -> out
 *   first packets      first.c; they end in the same lines
 *
 * The packets of a burst pass the stages a dozen apart, so that their cache misses overlap.
 */
#include "fastpath/pipeline.h"

#include "fastpath/fragment.h"
#include "fastpath/icmp_send.h"
#include "fastpath/stages.h"
#include "fastpath/track.h"
#include "fastpath/translate.h"
#include "fastpath/way.h"

/*
 * Packets between two stages. Prefetching a whole burst before using the first line asks for more
 * lines than the core can have under way and loses some: 64 k known flows reached 43 % of the
 * limit's rate, 1 M 53 %; 12 packets ahead reach 66 % and 84 %.
 */
#define AHEAD 12

/* Every segment, of a connection that is SIP; of datagrams, keep-alives (RFC 5626 3.5.1, 4.4.1) and
 * STUN (RFC 8489 5) need no ALG. */
static bool alg_wants(const struct packet *p, const struct session *s)
{
    if (p->key.proto == IPPROTO_TCP)
        return session_has_alg(s);
    const uint8_t *payload = (const uint8_t *)p->l4 + sizeof(struct rte_udp_hdr);
    size_t n = rte_be_to_cpu_16(packet_udp(p)->dgram_len) - sizeof(struct rte_udp_hdr);
    if (n == 0 || payload[0] < 2)
        return false;
    if (n > 4)
        return true;
    for (size_t i = 0; i < n; i++)
        if (payload[i] != '\r' && payload[i] != '\n')
            return true;
    return false;
}

static void to_alg(struct worker *w, struct packet *p)
{
    *note_of(p->m) = (struct note){
        .kind = NOTE_SIP,
        .dir = p->dir,
        .ifindex = p->ifindex,
        .l3_len = p->l3_len,
        .session = store_handle(&w->dp->sessions.store, p->session),
    };
    worker_to_alg(w, p->m);
}

/* A quarter of the ring is left to ARP and Neighbour Discovery: what resolves next hops cannot be
 * crowded out by what waits for them. */
static void to_resolve(struct worker *w, struct packet *p, uint16_t ifindex,
                       struct ip_addr next_hop)
{
    *note_of(p->m) = (struct note){.kind = NOTE_RESOLVE, .ifindex = ifindex, .next_hop = next_hop};
    if (rte_ring_free_count(w->to_control) <= rte_ring_get_capacity(w->to_control) / 4 ||
        rte_ring_sp_enqueue(w->to_control, p->m) != 0)
        drop(w, p->m, DROP_CONTROL_RING_FULL);
}

static bool is_icmp_error(const struct packet *p)
{
    const uint8_t type = packet_icmp(p)->icmp_type;
    if (p->key.proto == IPPROTO_ICMPV6)
        return type < 128;
    return p->key.proto == IPPROTO_ICMP && type != RTE_IP_ICMP_ECHO_REQUEST &&
           type != RTE_IP_ICMP_ECHO_REPLY;
}

/* The packet as it came in: translation there and back is identity, the hop has to be given back.
 */
static void packet_restore(struct packet *p, const struct session *s)
{
    const struct key left = key_reverse(&s->r.key[!p->dir], 0);
    const struct key origin = key_reverse(&s->r.key[p->dir], 0);
    if (p->is6) {
        p->ip6->hop_limits++;
        return;
    }
    packet_translate(p, &left, &origin);
    p->ip->time_to_live = (uint8_t)(p->ip->time_to_live + 2);
    p->ip->hdr_checksum = checksum_adjust(p->ip->hdr_checksum, be16_of(0x0200));
}

/* The next hop does not answer: host unreachable (RFC 1812 4.3.3.1), but not about an error, nor
 * about what the ALG has changed, which has no key. */
__attribute__((noinline, cold)) static void unreachable(struct worker *w, struct packet *p,
                                                        const struct session *s)
{
    if (p->key.proto == s->r.key[p->dir].proto && !is_icmp_error(p)) {
        packet_restore(p, s);
        icmp_send(w, p, ICMP_SEND_HOST, 0);
    }
    drop(w, p->m, DROP_NEIGHBOUR_FAILED);
}

/* The session does not know its next hop's MAC: look again, else let control resolve it. */
static bool neighbour_slow(struct worker *w, struct packet *p, struct session *s, uint16_t *out,
                           uint64_t *word)
{
    struct ip_addr next_hop;
    uint32_t ref;
    if (!way_next_hop(w, p->session, p->dir, out, &next_hop)) {
        drop(w, p->m, DROP_NO_ROUTE);
        return false;
    }
    *word = neighbour_look(&w->dp->neighbours, *out, next_hop, &ref);
    if (neighbour_word_usable(*word)) {
        if (*out == s->ifindex[!p->dir]) /* what leaves elsewhere looks each time */
            __atomic_store_n(&s->neighbour[p->dir], ref, __ATOMIC_RELAXED);
        return true;
    }
    if (neighbour_state(*word) == NEIGHBOUR_FAILED)
        unreachable(w, p, s);
    else if (neighbour_full(*word))
        drop(w, p->m, DROP_NEIGHBOUR_QUEUE);
    else
        to_resolve(w, p, *out, next_hop);
    return false;
}

void pipeline_out(struct worker *w, struct packet *p, struct session *s)
{
    uint64_t word;
    uint16_t ifindex = s->ifindex[!p->dir];
    uint32_t n = __atomic_load_n(&s->neighbour[p->dir], __ATOMIC_RELAXED);
    if (__builtin_expect(!neighbour_usable(&w->dp->neighbours, n, &word), 0) &&
        !neighbour_slow(w, p, s, &ifindex, &word))
        return;
    struct rte_ether_hdr *eth = rte_pktmbuf_mtod(p->m, struct rte_ether_hdr *);
    memcpy(eth->dst_addr.addr_bytes, &word, 6);
    memcpy(eth->src_addr.addr_bytes, w->snapshot->interfaces[ifindex].mac, 6);
    fragment_send(w, ifindex, p->m);
}

/* The end of a stage: `timed` is constant in every place, so that the path without a clock has
 * nothing of this. */
static inline __attribute__((always_inline)) void mark(struct worker *w, bool timed,
                                                       enum stage stage)
{
    if (timed)
        stage_mark(w->clock, &w->clock->stage[stage]);
}

static inline void forward(struct worker *w, struct packet *p, struct session *s)
{
    if (__builtin_expect(p->is6, 0))
        p->ip6->hop_limits--;
    else
        packet_translate(p, &s->r.key[p->dir], &s->r.key[!p->dir]);
    pipeline_out(w, p, s);
}

/* Out of line, as what follows: reports, before anything in the packet is changed. */
__attribute__((noinline, cold)) static void expired(struct worker *w, struct packet *p)
{
    icmp_send(w, p, ICMP_SEND_TIME_EXCEEDED, 0);
    drop(w, p->m, DROP_TTL);
}

__attribute__((noinline, cold)) static void too_big(struct worker *w, struct packet *p,
                                                    const struct interface *egress)
{
    icmp_send(w, p, ICMP_SEND_TOO_BIG, egress->mtu);
    drop(w, p->m, DROP_MTU);
}

/* Too large for the way out, and not to be cut: unless it came in pieces that fit (fragment.h). */
static inline bool must_not_leave(const struct packet *p, const struct interface *egress)
{
    const struct rte_mbuf *m = p->m;
    return m->pkt_len > egress->mtu + (uint32_t)PACKET_IP_OFFSET &&
           (p->is6 || p->ip->fragment_offset & rte_cpu_to_be_16(RTE_IPV4_HDR_DF_FLAG)) &&
           !(m->ol_flags & RTE_MBUF_F_RX_LRO && m->tso_segsz <= egress->mtu);
}

/*
 * False: the packet is used up. What the session no longer may, a new one perhaps may; where it is
 * to take another way, the packet of its original direction finds that.
 */
__attribute__((noinline, cold)) static bool recheck(struct worker *w, struct packet *p)
{
    if (p->dir != 0 && way_moves(w, p->session)) {
        drop(w, p->m, DROP_NO_ROUTE);
        return false;
    }
    if (pipeline_recheck(w, p->session))
        return true;
    if (p->dir == 0)
        pipeline_successor(w, p);
    else
        drop(w, p->m, DROP_POLICY_CHANGED);
    return false;
}

static inline __attribute__((always_inline)) void known(struct worker *w, struct packet *p,
                                                        bool timed)
{
    struct session *s = session_at(&w->dp->sessions, p->session);
    const struct interface *egress = &w->snapshot->interfaces[s->ifindex[!p->dir]];

    uint32_t generation = __atomic_load_n(&s->generation, __ATOMIC_RELAXED);
    if (__builtin_expect(generation != w->snapshot->generation, 0) && !recheck(w, p))
        return;
    if (packet_hops(p) <= 1)
        return expired(w, p);
    if (!egress->up)
        return drop(w, p->m, DROP_INTERFACE_DOWN);
    if (!packet_track(w, p, s))
        return;
    if (s->r.flags & SESSION_ALG && alg_wants(p, s))
        return to_alg(w, p);
    if (__builtin_expect(must_not_leave(p, egress), 0))
        return too_big(w, p, egress);
    mark(w, timed, STAGE_TRACK);
    forward(w, p, s);
    mark(w, timed, STAGE_FORWARD);
}

void pipeline_known(struct worker *w, struct packet *p)
{
    known(w, p, false);
}

/* After the guess by tag: is it this flow's, and alive? */
static bool session_confirm(const struct worker *w, struct packet *p)
{
    const struct sessions *ss = &w->dp->sessions;
    if (__builtin_expect(record_live_as(&session_at(ss, p->session)->r, p->dir, &p->key), 1))
        return true;
    struct table_hit hit;
    if (!table_find_live(&ss->store.table, &p->key, p->hash, &hit))
        return false;
    p->session = hit.index;
    p->dir = hit.dir;
    return true;
}

static bool parse(struct worker *w, struct packet *p, struct rte_mbuf *m, uint16_t ifindex)
{
    p->m = m;
    p->ifindex = ifindex;
    if (!packet_parse(w, p, &w->snapshot->interfaces[ifindex]))
        return false;
    table_prefetch(&w->dp->sessions.store.table, p->hash, 0);
    return true;
}

static bool find_in(const struct sessions *ss, struct packet *p, int which)
{
    struct table_hit hit;
    if (!table_guess_in(&ss->store.table, p->hash, which, &hit))
        return false;
    p->session = hit.index;
    p->dir = hit.dir;
    rte_prefetch0(session_at(ss, hit.index));
    rte_prefetch0(&session_at(ss, hit.index)->last_seen_ms);
    return true;
}

static void find(const struct worker *w, struct packet *p)
{
    const struct sessions *ss = &w->dp->sessions;
    if (find_in(ss, p, 0))
        return;
    p->session = INDEX_NONE;
    table_prefetch(&ss->store.table, p->hash, 1);
}

/* One flow in three lives in its second bucket; the line is here by now. */
static void find_again(const struct worker *w, struct packet *p)
{
    if (p->session == INDEX_NONE)
        find_in(&w->dp->sessions, p, 1);
}

static inline __attribute__((always_inline)) void carry(struct worker *w, struct packet *p,
                                                        bool timed)
{
    bool found = p->session != INDEX_NONE && session_confirm(w, p);
    mark(w, timed, STAGE_CONFIRM);
    if (found)
        return known(w, p, timed);
    pipeline_first(w, p);
    mark(w, timed, STAGE_FIRST);
}

static inline __attribute__((always_inline)) void
stages_run(struct worker *w, struct rte_mbuf **m, uint16_t n, uint16_t ifindex, bool timed)
{
    struct packet p[BURST];
    uint16_t arrived = 0, parsed = 0, found = 0, again = 0, carried = 0;
    while (arrived < n || carried < parsed) {
        bool all = arrived == n; /* no more come: the stages catch up with each other */
        if (!all) {
            if (arrived + 4 < n)
                rte_prefetch0(rte_pktmbuf_mtod(m[arrived + 4], void *));
            parsed += parse(w, &p[parsed], m[arrived++], ifindex);
            mark(w, timed, STAGE_PARSE);
        }
        if (found < parsed && (all || parsed - found > AHEAD))
            find(w, &p[found++]);
        if (again < found && ((all && found == parsed) || found - again > AHEAD / 2))
            find_again(w, &p[again++]);
        mark(w, timed, STAGE_FIND);
        if (carried < again && ((all && again == parsed) || again - carried > AHEAD / 2))
            carry(w, &p[carried++], timed);
    }
}

/* Out of line, so that the path itself stays small. */
__attribute__((noinline, cold)) static void stages_run_timed(struct worker *w, struct rte_mbuf **m,
                                                             uint16_t n, uint16_t ifindex)
{
    stages_run(w, m, n, ifindex, true);
}

void pipeline_carry(struct worker *w, struct rte_mbuf **m, uint16_t n, uint16_t ifindex)
{
    if (__builtin_expect(w->clock != NULL, 0))
        return stages_run_timed(w, m, n, ifindex);
    stages_run(w, m, n, ifindex, false);
}

const char *stage_name(enum stage stage)
{
    static const char *const names[] = {
#define X(id, name) name,
        STAGES(X)
#undef X
    };
    return names[stage];
}

void pipeline_run(struct worker *w, struct rte_mbuf **m, uint16_t n, uint16_t ifindex)
{
    w->counts.in += n;
    pipeline_carry(w, m, n, ifindex);
}

void pipeline_resume(struct worker *w, struct rte_mbuf *m)
{
    const struct note *note = note_of(m);
    struct packet p = {.m = m, .session = note->session.index, .dir = note->dir};
    if (!store_live(&w->dp->sessions.store, note->session))
        return drop(w, m, DROP_SESSION_GONE);
    struct session *s = session_at(&w->dp->sessions, p.session);
    p.ifindex = note->ifindex;
    p.ip = rte_pktmbuf_mtod_offset(m, void *, PACKET_IP_OFFSET);
    p.is6 = session_is6(s);
    p.l3_len = p.is6 ? note->l3_len : (uint16_t)((p.ip->version_ihl & 15) * 4);
    p.l4 = (char *)p.ip + p.l3_len;
    p.l4_len = (uint16_t)(m->pkt_len - PACKET_IP_OFFSET - p.l3_len);
    const struct interface *egress = &w->snapshot->interfaces[s->ifindex[!p.dir]];
    if (must_not_leave(&p, egress)) /* what the ALG has changed may be cut */
        return too_big(w, &p, egress);
    forward(w, &p, s);
}
