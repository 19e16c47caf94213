/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Why a packet was dropped. One list: a row gives the identifier, the name in counters and JSON,
 * and the text for people. Every drop goes through drop() of worker.h and names one of these.
 */
#pragma once

#include "alg/alg.h"

#define DROP_REASONS(X)                                                                    \
    X(SHORT_FRAME, "short-frame", "frame shorter than its headers say")                    \
    X(NOT_IP, "not-ip", "neither IPv4, IPv6 nor ARP")                                      \
    X(IP_HEADER, "ip-header", "malformed IP header")                                       \
    X(IP_CHECKSUM, "ip-checksum", "wrong IPv4 header checksum")                            \
    X(L4_HEADER, "l4-header", "malformed UDP, TCP or ICMP header")                         \
    X(TOO_LONG, "too-long", "frame longer than a packet buffer")                           \
    X(BAD_DESTINATION, "bad-destination", "destination that is no host's address")         \
    X(BAD_SOURCE, "bad-source", "source address that no host may use")                     \
    X(NOT_FOR_US, "not-for-us", "Ethernet destination is another host")                    \
    X(FRAGMENT, "fragment", "fragment, and the interface has drop-fragment set")           \
    X(FRAGMENT_LENGTH, "fragment-length", "empty fragment, or not of units of 8 bytes")    \
    X(FRAGMENT_SIZE, "fragment-size", "more than a datagram can hold")                     \
    X(FRAGMENT_TINY, "fragment-tiny", "first fragment without its whole header")           \
    X(FRAGMENT_OVERLAP, "fragment-overlap", "fragments overlap")                           \
    X(FRAGMENT_DUPLICATE, "fragment-duplicate", "fragment that is here already")           \
    X(FRAGMENT_MANY, "fragment-many", "more than 8 fragments")                             \
    X(FRAGMENT_END, "fragment-end", "fragments disagree on the end of their datagram")     \
    X(FRAGMENT_ECN, "fragment-ecn", "fragments disagree on congestion (RFC 3168)")         \
    X(FRAGMENT_TIMEOUT, "fragment-timeout", "the other fragments did not come in time")    \
    X(FRAGMENT_LIMIT, "fragment-limit", "too many fragments wait for others")              \
    X(BROADCAST, "broadcast", "broadcast or multicast destination")                        \
    X(PROTOCOL, "protocol", "protocol without session support")                            \
    X(ROUTING_HEADER, "routing-header", "IPv6 routing header that chooses the way")        \
    X(LINK_LOCAL, "link-local", "link-local address, which is not forwarded")              \
    X(ND_MALFORMED, "nd-malformed", "malformed or forged Neighbour Discovery")             \
    X(ARP_MALFORMED, "arp-malformed", "malformed ARP packet")                              \
    X(INTERFACE_DOWN, "interface-down", "interface is set down")                           \
    X(LOCAL_DENIED, "local-denied", "to the firewall itself, not allowed there")           \
    X(NO_ROUTE, "no-route", "no route to the destination")                                 \
    X(BLACKHOLE, "blackhole", "blackhole route")                                           \
    X(REVERSE_PATH, "reverse-path", "source not reachable through the arrival interface")  \
    X(TTL, "ttl", "time to live exceeded")                                                 \
    X(MTU, "mtu", "larger than the MTU of the way out")                                    \
    X(NO_POLICY, "no-policy", "implicit deny: no policy matches")                          \
    X(POLICY_DENY, "policy-deny", "denied by a policy")                                    \
    X(POLICY_CHANGED, "policy-changed", "a changed policy no longer allows the session")   \
    X(NO_NAT_ADDRESS, "no-nat-address", "the way out has no address for source NAT")       \
    X(MAPPING_FILTER, "mapping-filter", "the pinhole does not admit this sender")          \
    X(MAPPING_FULL, "mapping-full", "the pinhole carries as many sessions as it may")      \
    X(NO_MAPPING, "no-mapping", "mapping table full")                                      \
    X(TABLE_FULL, "table-full", "session table full")                                      \
    X(NO_PORT, "no-port", "no public port left for this destination")                      \
    X(POOL_FULL, "pool-full", "all addresses or blocks of the IP pool are in use")         \
    X(POOL_SOURCE, "pool-source", "the IP pool does not serve this source")                \
    X(RACE, "race", "lost a race for the session too often")                               \
    X(TCP_STATE, "tcp-state", "TCP segment that fits no connection state")                 \
    X(TCP_WINDOW, "tcp-window", "TCP segment outside the sequence window")                 \
    X(ICMP_TYPE, "icmp-type", "ICMP redirect or source quench")                            \
    X(ICMP_QUOTE, "icmp-quote", "ICMP error that quotes no packet of a session")           \
    X(ICMP_UNASKED, "icmp-unasked", "ICMP answer that nobody asked for")                   \
    X(SESSION_GONE, "session-gone", "session ended while the packet waited")               \
    X(ALG_RING_FULL, "alg-ring-full", "more SIP than the ALG core takes")                  \
    X(WORKER_RING_FULL, "worker-ring-full", "more frames than another worker takes")       \
    X(CONTROL_RING_FULL, "control-ring-full", "more slow-path packets than control takes") \
    X(NEIGHBOUR_QUEUE, "neighbour-queue", "too many packets wait for a next hop")          \
    X(NEIGHBOUR_FAILED, "neighbour-failed", "next hop does not answer")                    \
    X(NEIGHBOUR_TABLE, "neighbour-table", "too many next hops at once")                    \
    X(TX_FULL, "tx-full", "transmit queue full")                                           \
    X(NO_MBUF, "no-mbuf", "no packet buffer left")                                         \
    ALG_REASONS(X)

enum drop_reason {
#define X(id, name, text) DROP_##id,
    DROP_REASONS(X)
#undef X
    DROP_COUNT
};

/* The drop reason of an ALG verdict: the ALG's list is the tail of ours. */
static inline enum drop_reason drop_of_alg(enum alg_reason reason)
{
    return (enum drop_reason)(DROP_COUNT - ALG_REASON_COUNT + reason);
}

const char *drop_name(enum drop_reason reason);
const char *drop_text(enum drop_reason reason);
