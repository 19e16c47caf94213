/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Damage in large numbers: phones call through a firewall, and among their packets come random
 * mutations of them, of the SIP messages (lengths and checksums made right again, so that they
 * reach the code behind) and of whole frames. After every single one all packets must be accounted
 * for; the sanitizers watch the rest. Recorded cases (FOLDER/CASE/in-lan.pcap, in-wan.pcap) take
 * part, too.
 *
 *   mutate [--count N] [--seed S] [--verbose] CONFIG [FOLDER]
 *
 * Every so often time leaps, so that timers meet what the damage left behind. In the end, after
 * every timer has run out, no session and no mapping may be left.
 */
#include "config/load.h"
#include "damage.h"
#include "frames6.h"
#include "phones.h"
#include "replay/capture.h"
#include "replay/replay.h"

#include <getopt.h>
#include <glob.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define S        1000000000ull
#define HEARD    64
#define RECORDED 4096
#define ROUTER   "203.0.113.1"
#define PUBLIC   "203.0.113.2"

struct recorded {
    uint16_t ifindex;
    struct frame f;
};

struct stage {
    struct replay *replay;
    struct rng rng;
    uint64_t seed;
    uint32_t wanted, mutated, originals, sip, cut;
    unsigned calls;
    uint16_t lan, wan, media; /* media: public port of the last offer */
    bool verbose;
    unsigned depth, n_heard;
    struct frame heard[HEARD]; /* SIP requests that left through wan */
    unsigned n_recorded;
    struct recorded *recorded;
};

static bool chance(struct stage *s, unsigned one_in)
{
    return rng_below(&s->rng, one_in) == 0;
}

static void hear(void *ctx, uint16_t ifindex, uint64_t at_ns, struct slice frame)
{
    struct stage *s = ctx;
    (void)at_ns;
    if (ifindex != s->wan || s->n_heard == HEARD || frame.n > FRAME_SIZE ||
        phone_method(frame_sip(frame))[0] == '\0')
        return;
    struct frame *f = &s->heard[s->n_heard++];
    memcpy(f->b, frame.p, frame.n);
    f->n = frame.n;
}

static void fail(const struct stage *s, const char *what, const struct frame *f)
{
    fprintf(stderr, "mutate: seed %" PRIu64 ", after %u mutations: %s\n", s->seed, s->mutated,
            what);
    for (size_t i = 0; f && i < f->n; i++)
        fprintf(stderr, "%02x%s", f->b[i], i % 32 == 31 || i + 1 == f->n ? "\n" : " ");
    exit(1);
}

static void check(const struct stage *s, const struct frame *f)
{
    struct text why = {0};
    if (!replay_balance(s->replay, &why))
        fail(s, why.p, f);
    text_free(&why);
}

static void put(struct stage *s, uint16_t ifindex, const struct frame *f)
{
    struct frame pieces[FRAME_PIECES];
    unsigned n = chance(s, 8) ? frame_cut(&s->rng, f, pieces) : 0;
    s->cut += n > 0;
    for (unsigned i = 0; i < n; i++) {
        replay_frame(s->replay, ifindex, frame_slice(&pieces[i]));
        check(s, &pieces[i]);
    }
    if (n > 0)
        return;
    replay_frame(s->replay, ifindex, frame_slice(f));
    check(s, f);
}

/* One damaged copy. */
static void put_mutation(struct stage *s, uint16_t ifindex, const struct frame *original)
{
    struct frame f = *original;
    s->sip += frame_damage(&s->rng, &f);
    s->mutated++;
    put(s, ifindex, &f);
}

static void answer_heard(struct stage *s);

/* A frame of the phones: mostly it arrives, and mutations of it around. */
static void give(struct stage *s, uint16_t ifindex, const struct frame *f)
{
    for (unsigned n = rng_below(&s->rng, 4); n > 0; n--)
        put_mutation(s, ifindex, f);
    if (!chance(s, 16)) {
        put(s, ifindex, f);
        s->originals++;
    }
    for (unsigned n = rng_below(&s->rng, 4); n > 0; n--)
        put_mutation(s, ifindex, f);
    replay_advance(s->replay, replay_now_ns(s->replay) + rng_below(&s->rng, 40000000));
    answer_heard(s);
}

static void give_udp(struct stage *s, uint16_t ifindex, struct ends e, const char *text, size_t n)
{
    struct frame f;
    frame_udp(&f, e, slice_of(text, n));
    give(s, ifindex, &f);
}

/* Back the way it came. */
static void answer(struct stage *s, const struct frame *request, unsigned status)
{
    char text[PHONE_TEXT], src[IPV4_TEXT_MAX], dst[IPV4_TEXT_MAX];
    const unsigned char *ip = request->b + FRAME_IP, *udp = request->b + FRAME_L4;
    be32 address;
    size_t n = phone_answer(frame_sip(frame_slice(request)), status, text);
    if (n == 0)
        return;
    memcpy(&address, ip + 16, 4);
    ipv4_print(address, src);
    memcpy(&address, ip + 12, 4);
    ipv4_print(address, dst);
    give_udp(
        s, s->wan,
        (struct ends){src, (uint16_t)(udp[2] << 8 | udp[3]), dst, (uint16_t)(udp[0] << 8 | udp[1])},
        text, n);
}

/* The outside phone answers what it heard; what that leads to it hears next time. */
static void answer_heard(struct stage *s)
{
    static const unsigned finals[] = {200, 200, 200, 200, 486, 302, 401, 603};
    if (s->depth > 0)
        return;
    s->depth++;
    for (unsigned i = 0; i < s->n_heard; i++) {
        struct frame request = s->heard[i];
        struct slice sip = frame_sip(frame_slice(&request));
        bool invite = strcmp(phone_method(sip), "INVITE") == 0;
        if (invite) {
            uint16_t port = phone_media(sip);
            s->media = port ? port : s->media;
            answer(s, &request, 100);
            answer(s, &request, chance(s, 2) ? 180 : 183);
        }
        answer(s, &request, invite ? finals[rng_below(&s->rng, 8)] : 200);
    }
    s->n_heard = 0;
    s->depth--;
}

static void request(struct stage *s, enum phone_request what)
{
    char text[PHONE_TEXT];
    size_t n = phone_request(what, s->calls, 4000 + s->calls % 500 * 2, text);
    give_udp(s, s->lan, (struct ends){PHONE_INSIDE, 5060, PHONE_OUTSIDE, 5060}, text, n);
}

static void audio(struct stage *s)
{
    char rtp[172] = {(char)0x80};
    uint16_t inside = (uint16_t)(4000 + s->calls % 500 * 2);
    for (char i = 0; i < 3; i++) {
        rtp[3] = i;
        give_udp(s, s->lan, (struct ends){PHONE_INSIDE, inside, PHONE_OUTSIDE, 6000}, rtp,
                 sizeof rtp);
        give_udp(s, s->wan, (struct ends){PHONE_OUTSIDE, 6000, PUBLIC, s->media}, rtp, sizeof rtp);
        give_udp(s, s->wan, (struct ends){PHONE_OUTSIDE, 6001, PUBLIC, (uint16_t)(s->media + 1)},
                 rtp, 40);
    }
}

static void call(struct stage *s)
{
    request(s, PHONE_INVITE);
    request(s, PHONE_ACK);
    audio(s);
    if (chance(s, 3)) {
        request(s, PHONE_REINVITE);
        request(s, PHONE_ACK);
    }
    if (!chance(s, 4))
        request(s, PHONE_BYE);
    audio(s);
}

static void cancelled_call(struct stage *s)
{
    request(s, PHONE_INVITE);
    request(s, PHONE_CANCEL);
    request(s, PHONE_ACK);
}

static void registration(struct stage *s)
{
    char text[PHONE_TEXT];
    request(s, PHONE_REGISTER);
    request(s, PHONE_OPTIONS);
    /* Calls that come from outside to where it registered. */
    size_t n =
        phone_request(chance(s, 2) ? PHONE_OPTIONS : PHONE_INVITE, s->calls + 100000, 7000, text);
    give_udp(s, s->wan, (struct ends){PHONE_OUTSIDE, 5060, PUBLIC, 5060}, text, n);
}

/* All that is not SIP. */
static void traffic(struct stage *s)
{
    const struct ends out = {PHONE_INSIDE, (uint16_t)(1024 + s->calls % 60000), PHONE_OUTSIDE, 80};
    const struct ends back = {PHONE_OUTSIDE, 80, PUBLIC, out.sport};
    struct frame f;
    frame_arp(&f, 1, PHONE_INSIDE, "10.0.0.1");
    give(s, s->lan, &f);
    frame_arp(&f, 2, ROUTER, PUBLIC);
    give(s, s->wan, &f);
    frame_icmp(&f, out, 8, 0, s->calls);
    give(s, s->lan, &f);
    frame_icmp(&f, back, 0, 0, s->calls);
    give(s, s->wan, &f);
    frame_icmp(&f, (struct ends){ROUTER, 0, PUBLIC, 0}, 8, 0, 1);
    give(s, s->wan, &f);
    frame_icmp(&f, (struct ends){ROUTER, 0, PUBLIC, 0}, 3, 3, 0);
    give(s, s->wan, &f);
    frame_tcp(&f, out, (struct frame_tcp){2, 100, 0}, SLICE_NONE);
    give(s, s->lan, &f);
    frame_tcp(&f, back, (struct frame_tcp){18, 500, 101}, SLICE_NONE);
    give(s, s->wan, &f);
    frame_tcp(&f, out, (struct frame_tcp){16, 101, 501}, SLICE_LIT("GET / HTTP/1.1\r\n\r\n"));
    give(s, s->lan, &f);
    frame_tcp(&f, out, (struct frame_tcp){17, 119, 501}, SLICE_NONE);
    give(s, s->lan, &f);
    frame_udp(&f, (struct ends){PHONE_INSIDE, 5060, "10.0.0.1", 53}, SLICE_LIT("to the firewall"));
    give(s, s->lan, &f);
    frame_ipv4(&f, out, 47, SLICE_LIT("a tunnel"));
    give(s, s->lan, &f);
}

static void traffic6(struct stage *s)
{
    const uint16_t port = (uint16_t)(1024 + s->calls % 60000);
    const struct ends out = {"2001:db8:1::20", port, "2001:db8:9::5", 80};
    const struct ends back = {out.dst, 80, out.src, port};
    struct frame f;
    frame6_udp(&f, out, SLICE_LIT("a question"));
    give(s, s->lan, &f);
    frame6_extend(&f, 60, "\0\0\1\4\0\0\0\0", 8);
    frame6_extend(&f, 43, "\0\0\4\0\0\0\0\0", 8);
    frame6_extend(&f, 0, "\0\0\5\2\0\0\1\0", 8);
    give(s, s->lan, &f);
    frame6_udp(&f, back, SLICE_LIT("an answer"));
    give(s, s->wan, &f);
    frame6_tcp(&f, out, (struct frame_tcp){2, 100, 0}, SLICE_NONE);
    give(s, s->lan, &f);
    frame6_tcp(&f, back, (struct frame_tcp){18, 500, 101}, SLICE_NONE);
    give(s, s->wan, &f);
    frame6_icmp(&f, out, 128, 0, s->calls);
    give(s, s->lan, &f);
    frame6_icmp(&f, back, 129, 0, s->calls);
    give(s, s->wan, &f);
    frame6_icmp(&f, (struct ends){out.src, 0, "2001:db8:1::1", 0}, 128, 0, 1);
    give(s, s->lan, &f);
    frame6_icmp(&f, (struct ends){"fe80::20", 0, "ff02::1:ff00:1", 0}, 135, 0, 0);
    f.b[FRAME_IP + 7] = 255;
    give(s, s->lan, &f);
    frame6_other(&f, out, 50, SLICE_LIT("a tunnel"));
    give(s, s->lan, &f);
}

static void play_recorded(struct stage *s)
{
    uint32_t first = rng_below(&s->rng, s->n_recorded);
    for (uint32_t i = first; i < s->n_recorded && i < first + 30; i++)
        give(s, s->recorded[i].ifindex, &s->recorded[i].f);
}

static void round_play(struct stage *s)
{
    static void (*const plays[])(struct stage * s) = {call,           call,          call,
                                                      cancelled_call, registration,  traffic,
                                                      traffic6,       play_recorded, play_recorded};
    static const uint64_t leaps[] = {S / 10, S, 2 * S, 40 * S, 200 * S, 700 * S, 4000 * S};
    s->calls++;
    plays[rng_below(&s->rng, s->n_recorded ? 9 : 7)](s);
    if (chance(s, 4))
        replay_advance(s->replay, replay_now_ns(s->replay) + leaps[rng_below(&s->rng, 7)]);
    check(s, NULL);
}

static void stats_print(struct stage *s)
{
    struct text out = {0};
    replay_command(s->replay, SLICE_LIT("diagnose sys sip-proxy stats list"), &out);
    fputs(out.p, stdout);
    text_free(&out);
}

/* Eight days without packets, a day more than the longest registration: everything ends. */
static void finish(struct stage *s)
{
    struct replay_counts c;
    char what[128];
    replay_advance(s->replay, replay_now_ns(s->replay) + (uint64_t)8 * 86400 * S);
    replay_counts(s->replay, &c);
    check(s, NULL);
    if (c.sessions || c.mappings) {
        snprintf(what, sizeof what, "%u sessions and %u mappings are left after eight days",
                 c.sessions, c.mappings);
        fail(s, what, NULL);
    }
    uint64_t dropped = 0;
    for (int i = 0; i < DROP_COUNT; i++) {
        dropped += c.packets.drop[i];
        if (s->verbose && c.packets.drop[i])
            printf("  %-18s %10" PRIu64 "\n", drop_name((enum drop_reason)i), c.packets.drop[i]);
    }
    if (s->verbose)
        stats_print(s);
    printf("%u mutations, %u of SIP messages, among %u packets of %u rounds, %u of them cut: in "
           "%" PRIu64 " = out %" PRIu64 " + dropped %" PRIu64 " + consumed %" PRIu64
           " + joined %" PRIu64 " + held %" PRIu64 ", pieces %" PRIu64 "\n",
           s->mutated, s->sip, s->originals, s->calls, s->cut, c.packets.in, c.packets.out, dropped,
           c.packets.consumed, c.packets.joined, c.held, c.packets.pieces);
}

/* Audio is all alike: one packet in sixteen will do. */
static bool recorded_wanted(struct stage *s, struct slice frame)
{
    struct slice sip = frame_sip(frame);
    bool is_sip = phone_method(sip)[0] != '\0' || slice_istarts(sip, SLICE_LIT("SIP/2.0"));
    return frame.n <= FRAME_SIZE && (is_sip || chance(s, 16));
}

/* The captures of one case, in the order of time. */
static void case_load(struct stage *s, const char *folder)
{
    static const char *const interfaces[] = {"lan", "wan"};
    const uint16_t ifindex[] = {s->lan, s->wan};
    struct text error = {0};
    struct captures *cs = captures_create();
    struct capture_frame frame;
    char path[4096];
    for (size_t i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/in-%s.pcap", folder, interfaces[i]);
        if (access(path, R_OK) == 0 && captures_add(cs, path, ifindex[i], &error) != 0)
            fail(s, error.p, NULL);
    }
    while (s->n_recorded < RECORDED && captures_next(cs, &frame, &error) == 1)
        if (recorded_wanted(s, frame.bytes)) {
            struct recorded *r = &s->recorded[s->n_recorded++];
            r->ifindex = frame.ifindex;
            memcpy(r->f.b, frame.bytes.p, frame.bytes.n);
            r->f.n = frame.bytes.n;
        }
    captures_free(cs);
    text_free(&error);
}

static void recorded_load(struct stage *s, const char *folder)
{
    char pattern[4096];
    glob_t found;
    snprintf(pattern, sizeof pattern, "%s/*/", folder);
    if (glob(pattern, 0, NULL, &found) != 0)
        return;
    for (size_t i = 0; i < found.gl_pathc; i++)
        case_load(s, found.gl_pathv[i]);
    globfree(&found);
}

static void firewall_make(struct stage *s, const char *config)
{
    struct text error = {0};
    struct replay_options options = {.sent = hear, .sent_ctx = s, .clock_ms = 3600000};
    if (replay_eal_init(&error) != 0 ||
        config_load_file(config, &options.config, &error, NULL) != 0)
        fail(s, error.p, NULL);
    s->replay = replay_create(&options, &error);
    if (!s->replay)
        fail(s, error.p, NULL);
    s->lan = replay_interface(s->replay, "lan");
    s->wan = replay_interface(s->replay, "wan");
    s->media = 7000;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"count", required_argument, NULL, 'n'},
                                            {"seed", required_argument, NULL, 's'},
                                            {"verbose", no_argument, NULL, 'v'},
                                            {NULL, 0, NULL, 0}};
    static struct stage s = {.wanted = 10000, .seed = 1};
    int option;
    while ((option = getopt_long(argc, argv, "n:s:v", options, NULL)) != -1) {
        if (option == 'n')
            s.wanted = (uint32_t)strtoul(optarg, NULL, 10);
        else if (option == 's')
            s.seed = strtoull(optarg, NULL, 10);
        else if (option == 'v')
            s.verbose = true;
        else
            return 2;
    }
    if (optind == argc)
        return 2;
    s.rng.state = s.seed;
    s.recorded = calloc(RECORDED, sizeof *s.recorded);
    firewall_make(&s, argv[optind]);
    if (optind + 1 < argc)
        recorded_load(&s, argv[optind + 1]);
    while (s.mutated < s.wanted)
        round_play(&s);
    finish(&s);
    replay_free(s.replay);
    free(s.recorded);
    replay_eal_cleanup();
    return 0;
}
