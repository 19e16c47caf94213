/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * pinhole-replay: captures in, captures and events out, by the firewall of the daemon under the
 * clock of the captures.
 *
 * Three things are waiting at any time: the next frame, the next command and the next timer. The
 * earliest happens first; at the same time timers come before commands, and commands before frames.
 * Time 0 is the first frame's. What is written depends on nothing but the files given.
 */
#include "config/load.h"
#include "replay/capture.h"
#include "replay/replay.h"
#include "replay/script.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

/* The firewall has run for an hour when the first frame comes, unless --clock says otherwise. */
#define CLOCK_DEFAULT_MS 3600000u

enum {
    EXIT_FAULT = 1,
    EXIT_USAGE = 2,
    EXIT_LOST = 3,   /* the packets do not add up */
    EXIT_COMMAND = 4 /* a command of --cli failed */
};

struct input {
    const char *path;
    char interface[32];
};

struct program {
    const char *config, *out, *events, *script, *script_out;
    uint64_t tail_ns, clock_ms;
    unsigned n_inputs;
    uint16_t n_workers;
    struct input input[CAPTURES_MAX];

    struct replay *replay;
    struct captures *captures;
    struct script commands;
    struct capture_writer *writer[MAX_INTERFACES];
    FILE *event_file, *command_file;
    uint64_t first_ns; /* time 0 of the replay, since 1970 */
    uint64_t cut, oversize;
    unsigned failed_commands;
};

static void usage(FILE *to)
{
    fputs("pinhole-replay -c FILE [--in IFACE=CAPTURE]... [options]\n"
          "\n"
          "  -c, --config FILE     configuration, in FortiOS syntax\n"
          "  --in IFACE=CAPTURE    what arrives on an interface: pcap or pcapng, Ethernet\n"
          "  --out DIR             write what leaves as DIR/out-IFACE.pcap\n"
          "  --events FILE         write events as JSON lines, times from the first packet on\n"
          "  --tail SECONDS        let timers run on after the last packet or command\n"
          "  --cli FILE            commands to type: lines `@SECONDS COMMAND`; also\n"
          "                        `@SECONDS link INTERFACE up|down`, a cable in or out\n"
          "  --cli-out FILE        the answers; otherwise DIR/cli.txt, or standard output\n"
          "  --workers N           workers, which take packets in turn (1)\n"
          "  --clock SECONDS       how long the firewall has run at the first packet (3600)\n"
          "  --help, --version\n"
          "\n"
          "Two runs over the same files give the same bytes. Exit status: 0; 1 a file is wrong;\n"
          "2 these words are wrong; 3 packets are unaccounted for; 4 a command of --cli failed.\n",
          to);
}

static bool input_add(struct program *p, const char *word)
{
    const char *equals = strchr(word, '=');
    size_t n = equals ? (size_t)(equals - word) : 0;
    if (n == 0 || equals[1] == '\0' || p->n_inputs == CAPTURES_MAX)
        return false;
    struct input *in = &p->input[p->n_inputs];
    if (n >= sizeof in->interface)
        return false;
    memcpy(in->interface, word, n);
    in->interface[n] = '\0';
    in->path = equals + 1;
    p->n_inputs++;
    return true;
}

static bool clock_set(struct program *p, const char *word)
{
    uint64_t ns;
    if (seconds_parse(slice_str(word), &ns) != 0)
        return false;
    p->clock_ms = ns / 1000000;
    return true;
}

static bool workers_set(struct program *p, const char *word)
{
    char *end;
    unsigned long n = strtoul(word, &end, 10);
    if (*end != '\0' || n < 1 || n > MAX_WORKERS)
        return false;
    p->n_workers = (uint16_t)n;
    return true;
}

static bool option_take(struct program *p, int option, const char *word)
{
    switch (option) {
    case 'c':
        p->config = word;
        return true;
    case 'i':
        return input_add(p, word);
    case 'o':
        p->out = word;
        return true;
    case 'e':
        p->events = word;
        return true;
    case 't':
        return seconds_parse(slice_str(word), &p->tail_ns) == 0;
    case 's':
        p->script = word;
        return true;
    case 'S':
        p->script_out = word;
        return true;
    case 'k':
        return clock_set(p, word);
    case 'w':
        return workers_set(p, word);
    default:
        return false;
    }
}

/* -1: go on. Otherwise the exit status. */
static int options_take(struct program *p, int argc, char **argv)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},  {"in", required_argument, NULL, 'i'},
        {"out", required_argument, NULL, 'o'},     {"events", required_argument, NULL, 'e'},
        {"tail", required_argument, NULL, 't'},    {"cli", required_argument, NULL, 's'},
        {"cli-out", required_argument, NULL, 'S'}, {"clock", required_argument, NULL, 'k'},
        {"workers", required_argument, NULL, 'w'}, {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},       {NULL, 0, NULL, 0}};
    int option;
    while ((option = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
        if (option == 'h') {
            usage(stdout);
            return 0;
        }
        if (option == 'V') {
            puts("pinhole-replay " PINHOLE_VERSION);
            return 0;
        }
        if (option != '?' && !option_take(p, option, optarg))
            fprintf(stderr, "pinhole-replay: not understood: %s\n", optarg);
        else if (option != '?')
            continue;
        usage(stderr);
        return EXIT_USAGE;
    }
    if (optind < argc || !p->config) {
        usage(stderr);
        return EXIT_USAGE;
    }
    return -1;
}

/* ---- what comes out ---- */

static void event_write(void *ctx, const struct event *event)
{
    struct program *p = ctx;
    uint64_t ms = event->now_ms > p->clock_ms ? event->now_ms - p->clock_ms : 0;
    bool more = event->detail && event->detail[0];
    if (p->event_file)
        fprintf(p->event_file, "{\"time\":%" PRIu64 ".%03u,\"event\":\"%s\"%s%s}\n", ms / 1000,
                (unsigned)(ms % 1000), event->name, more ? "," : "", more ? event->detail : "");
}

static void frame_sent(void *ctx, uint16_t ifindex, uint64_t at_ns, struct slice frame)
{
    struct program *p = ctx;
    if (p->writer[ifindex])
        capture_write(p->writer[ifindex], p->first_ns + at_ns, frame);
}

static FILE *file_open(const char *path, struct text *error)
{
    FILE *f = fopen(path, "we");
    if (!f)
        text_printf(error, "%s: %s", path, strerror(errno));
    return f;
}

/* A file name; '/' may stand in an interface name. */
static void path_in(char *path, size_t size, const char *folder, const char *name)
{
    size_t n = (size_t)snprintf(path, size, "%s/", folder);
    for (; *name && n + 1 < size; name++)
        path[n++] = *name == '/' ? '_' : *name;
    path[n < size ? n : size - 1] = '\0';
}

static int outputs_open(struct program *p, struct text *error)
{
    char name[64], path[4096];
    if (p->out && mkdir(p->out, 0777) != 0 && errno != EEXIST) {
        text_printf(error, "%s: %s", p->out, strerror(errno));
        return -EIO;
    }
    for (uint16_t i = 1; p->out && i <= replay_interface_count(p->replay); i++) {
        snprintf(name, sizeof name, "out-%s.pcap", replay_interface_name(p->replay, i));
        path_in(path, sizeof path, p->out, name);
        p->writer[i] = capture_writer_open(path, error);
        if (!p->writer[i])
            return -EIO;
    }
    if (p->script && (p->script_out || p->out)) {
        path_in(path, sizeof path, p->out ? p->out : ".", "cli.txt");
        p->command_file = file_open(p->script_out ? p->script_out : path, error);
        if (!p->command_file)
            return -EIO;
    }
    return 0;
}

/* Close everything; false when something could not be written. */
static bool outputs_close(struct program *p)
{
    bool ok = true;
    for (int i = 0; i < MAX_INTERFACES; i++)
        if (p->writer[i])
            ok = capture_writer_close(p->writer[i]) == 0 && ok;
    FILE *const files[] = {p->event_file, p->command_file};
    for (size_t i = 0; i < 2; i++)
        if (files[i]) {
            bool bad = ferror(files[i]);
            ok = fclose(files[i]) == 0 && !bad && ok;
        }
    return ok;
}

/* ---- what goes in ---- */

static int inputs_open(struct program *p, struct text *error)
{
    uint64_t first;
    p->captures = captures_create();
    for (unsigned i = 0; i < p->n_inputs; i++) {
        uint16_t ifindex = replay_interface(p->replay, p->input[i].interface);
        if (ifindex == 0) {
            text_printf(error, "--in %s: the configuration has no such interface",
                        p->input[i].interface);
            return -ENOENT;
        }
        if (captures_add(p->captures, p->input[i].path, ifindex, error) != 0)
            return -EINVAL;
    }
    if (captures_peek(p->captures, &first, error) == 1)
        p->first_ns = first;
    return p->script ? script_load(p->script, &p->commands, error) : 0;
}

static int firewall_make(struct program *p, struct text *error)
{
    struct text warnings = {0};
    struct replay_options options = {
        .clock_ms = p->clock_ms, .n_workers = p->n_workers, .sent = frame_sent, .sent_ctx = p};
    if (p->events && !(p->event_file = file_open(p->events, error)))
        return -EINVAL;
    int rc = config_load_file(p->config, &options.config, error, &warnings);
    if (warnings.n)
        fputs(warnings.p, stderr);
    text_free(&warnings);
    if (rc != 0)
        return rc;
    if (p->events)
        options.events = (struct event_sink){.emit = event_write, .ctx = p};
    p->replay = replay_create(&options, error);
    return p->replay ? 0 : -EINVAL;
}

/* ---- the run ---- */

/* `link INTERFACE up|down`: a cable is taken out, or put in. False: it is something else. */
static bool link_run(struct program *p, struct slice line, struct text *out)
{
    char name[32];
    if (!slice_eq(slice_head(line, 5), SLICE_LIT("link ")))
        return false;
    struct slice words = slice_trim(slice_skip(line, 5));
    struct slice first = slice_head(words, slice_find(words, ' '));
    struct slice state = slice_trim(slice_skip(words, first.n));
    snprintf(name, sizeof name, "%.*s", (int)first.n, first.p);
    uint16_t ifindex = replay_interface(p->replay, name);
    bool up = slice_eq(state, SLICE_LIT("up"));
    text_put(out, line);
    if (ifindex == 0 || (!up && !slice_eq(state, SLICE_LIT("down")))) {
        text_puts(out, ": no such interface or state\n");
        p->failed_commands++;
        return true;
    }
    replay_link(p->replay, ifindex, up);
    text_puts(out, "\n");
    return true;
}

static void command_run(struct program *p, const struct script_line *line)
{
    struct text out = {0};
    text_printf(&out, "[%" PRIu64 ".%03u] ", line->at_ns / 1000000000,
                (unsigned)(line->at_ns / 1000000 % 1000));
    if (!link_run(p, line->command, &out) && replay_command(p->replay, line->command, &out) < 0)
        p->failed_commands++;
    fwrite(out.p, 1, out.n, p->command_file ? p->command_file : stdout);
    text_free(&out);
}

static void frame_run(struct program *p, const struct capture_frame *frame)
{
    p->cut += frame->cut > 0;
    if (replay_frame(p->replay, frame->ifindex, frame->bytes) == -EMSGSIZE)
        p->oversize++;
}

/* Frames and commands in the order of their times. 0, or -errno when a capture is damaged. */
static int run(struct program *p, struct text *error)
{
    unsigned next_command = 0;
    for (;;) {
        struct capture_frame frame;
        uint64_t at_ns = 0;
        int rc = captures_peek(p->captures, &at_ns, error);
        if (rc < 0)
            return rc;
        at_ns = at_ns > p->first_ns ? at_ns - p->first_ns : 0;
        const struct script_line *line =
            next_command < p->commands.n ? &p->commands.lines[next_command] : NULL;
        if (line && (rc == 0 || line->at_ns <= at_ns)) {
            replay_advance(p->replay, line->at_ns);
            command_run(p, line);
            next_command++;
        } else if (rc == 1) {
            captures_next(p->captures, &frame, error);
            replay_advance(p->replay, at_ns);
            frame_run(p, &frame);
        } else {
            replay_advance(p->replay, replay_now_ns(p->replay) + p->tail_ns);
            return 0;
        }
    }
}

static void drops_print(const struct replay_counts *c)
{
    for (int reason = 0; reason < DROP_COUNT; reason++)
        if (c->packets.drop[reason])
            printf("  %-18s %10" PRIu64 "  %s\n", drop_name((enum drop_reason)reason),
                   c->packets.drop[reason], drop_text((enum drop_reason)reason));
}

/* The account; false when it does not add up. */
static bool summary_print(struct program *p)
{
    struct replay_counts c;
    struct text why = {0};
    uint64_t dropped = 0;
    replay_counts(p->replay, &c);
    for (int reason = 0; reason < DROP_COUNT; reason++)
        dropped += c.packets.drop[reason];
    printf("%-20s %10" PRIu64 "\n", "packets in", c.packets.in);
    printf("%-20s %10" PRIu64 "\n", "pieces", c.packets.pieces);
    if (c.packets.made)
        printf("%-20s %10" PRIu64 "\n", "made", c.packets.made);
    printf("%-20s %10" PRIu64 "\n", "out", c.packets.out);
    printf("%-20s %10" PRIu64 "\n", "consumed", c.packets.consumed);
    printf("%-20s %10" PRIu64 "\n", "joined", c.packets.joined);
    printf("%-20s %10" PRIu64 "\n", "held", c.held);
    printf("%-20s %10" PRIu64 "\n", "dropped", dropped);
    drops_print(&c);
    printf("%-20s %10" PRIu64 "\n", "generated", c.packets.generated);
    printf("%-20s %10u\n", "sessions left", c.sessions);
    printf("%-20s %10u\n", "mappings left", c.mappings);
    if (p->cut)
        printf("%-20s %10" PRIu64 "  not whole in the capture\n", "frames cut", p->cut);
    if (p->oversize)
        printf("%-20s %10" PRIu64 "  larger than a port takes\n", "frames left out", p->oversize);
    if (p->failed_commands)
        printf("%-20s %10u\n", "failed commands", p->failed_commands);
    bool even = replay_balance(p->replay, &why);
    if (!even)
        fprintf(stderr, "pinhole-replay: PACKETS ARE UNACCOUNTED FOR: %s\n", why.p);
    text_free(&why);
    return even;
}

static int program_run(struct program *p)
{
    struct text error = {0};
    int rc = replay_eal_init(&error), status = 0;
    rc = rc ? rc : firewall_make(p, &error);
    rc = rc ? rc : inputs_open(p, &error);
    rc = rc ? rc : outputs_open(p, &error);
    if (rc == 0) {
        rc = run(p, &error);
        status = !summary_print(p) ? EXIT_LOST : p->failed_commands ? EXIT_COMMAND : 0;
    }
    replay_free(p->replay);
    if (!outputs_close(p) && rc == 0) {
        text_printf(&error, "not everything could be written");
        rc = -EIO;
    }
    captures_free(p->captures);
    script_free(&p->commands);
    if (rc != 0)
        fprintf(stderr, "pinhole-replay: %s\n", error.p ? error.p : strerror(-rc));
    text_free(&error);
    return rc != 0 && status == 0 ? EXIT_FAULT : status;
}

int main(int argc, char **argv)
{
    static struct program p = {.clock_ms = CLOCK_DEFAULT_MS};
    int status = options_take(&p, argc, argv);
    if (status >= 0)
        return status;
    status = program_run(&p);
    replay_eal_cleanup();
    return status;
}
