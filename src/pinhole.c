/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The CLI client: a thin thing between a person or a script and the daemon's socket. It knows the
 * frames of cli/protocol.h and nothing of commands: prompts, candidates, help and results are the
 * daemon's.
 *
 * On a terminal libedit reads lines; Tab and `?` are keys that ask the daemon about the line as it
 * stands. Elsewhere the commands come from -c, -f or standard input, one at a time, and the first
 * that fails ends the run with status 1 unless --keep-going was given. Debug output may come at any
 * time, also while a line is edited or a pipe is silent: the client waits for keys or lines and for
 * the daemon at once.
 *
 * While a line is edited Ctrl-C is a key; while a command runs it is a signal, which becomes an
 * INTERRUPT frame. The signal is blocked except inside ppoll, so it is never lost in between.
 */
#include "cli/protocol.h"
#include "pinhole_input.h"
#include "pinhole_line.h"
#include "pinhole_screen.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <histedit.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define DEFAULT_SOCKET "/run/pinhole/pinhole.sock"

enum {
    EXIT_FAILED = 1, /* a command failed */
    EXIT_USAGE = 2,  /* wrong arguments, no daemon, connection lost */
};

enum {
    SOURCES_MAX = 256
};

struct source {
    const char *line; /* -c */
    const char *file; /* -f, "-" standard input */
};

static struct {
    int fd;
    struct message_reader reader;
    char bytes[16 * 1024]; /* last read from the socket */
    struct slice unread;   /* of them */
    struct text prompt;
    struct text answer; /* of the last HELP or COMPLETE */
    int status;         /* of the last command */
    bool keep_going, failed;
    bool unwanted;          /* interrupted: what is still on its way is not printed */
    sigset_t while_waiting; /* signal mask inside ppoll */
    struct screen screen;
} client;

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal)
{
    (void)signal;
    interrupted = 1;
}

__attribute__((noreturn, format(printf, 1, 2))) static void die(const char *format, ...)
{
    va_list args;
    fflush(stdout);
    fputs("pinhole: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(EXIT_USAGE);
}

/* ---- the connection ---- */

static void client_connect(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t n = strlen(path);
    if (n >= sizeof(address.sun_path))
        die("the socket path is longer than %zu bytes: %s", sizeof(address.sun_path) - 1, path);
    memcpy(address.sun_path, path, n);
    client.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (client.fd < 0)
        die("no socket: %s", strerror(errno));
    if (connect(client.fd, (struct sockaddr *)&address, sizeof(address)) == 0)
        return;
    if (errno == ENOENT || errno == ECONNREFUSED)
        die("no daemon listens at %s; is pinholed running?", path);
    die("%s: %s", path, strerror(errno));
}

static void client_send(enum message_type type, struct slice payload)
{
    struct text frame = {0};
    if (payload.n > MESSAGE_MAX)
        die("a line is longer than %d bytes", MESSAGE_MAX);
    message_put(&frame, type, payload);
    for (size_t sent = 0; sent < frame.n;) {
        ssize_t n = send(client.fd, frame.p + sent, frame.n - sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            die("the daemon closed the connection");
        sent += (size_t)n;
    }
    text_free(&frame);
}

/*
 * Wait for bytes; a Ctrl-C meanwhile is passed on. While bytes keep coming, ppoll returns without
 * looking at signals: the first one, which waits for nothing, is there to let them in.
 */
static void client_receive(void)
{
    static const struct timespec no_time;
    for (;;) {
        ppoll(NULL, 0, &no_time, &client.while_waiting);
        struct pollfd ready = {.fd = client.fd, .events = POLLIN};
        int n = ppoll(&ready, 1, NULL, &client.while_waiting);
        if (n < 0 && errno != EINTR)
            die("poll: %s", strerror(errno));
        if (interrupted) {
            interrupted = 0;
            if (client.unwanted)
                die("interrupted while the daemon does not answer");
            client.unwanted = true;
            client_send(MESSAGE_INTERRUPT, SLICE_NONE);
        }
        if (n > 0)
            break;
    }
    ssize_t n = read(client.fd, client.bytes, sizeof(client.bytes));
    if (n <= 0)
        die("the daemon closed the connection");
    client.unread = slice_of(client.bytes, (size_t)n);
}

static struct message client_message(void)
{
    struct message message;
    for (;;) {
        int rc = message_read(&client.reader, &client.unread, &message);
        if (rc == 1)
            return message;
        if (rc < 0)
            die("what answers there is no pinholed");
        client_receive();
    }
}

static void text_replace(struct text *text, struct slice with)
{
    text_clear(text);
    text_put(text, with);
}

static void output_print(struct slice bytes)
{
    if (!client.unwanted)
        screen_print(&client.screen, client.prompt.n, bytes);
}

/* Read up to the end of what was asked. False when the login is over. */
static bool client_answer(void)
{
    for (;;) {
        struct message message = client_message();
        struct slice prompt;
        switch (message.type) {
        case MESSAGE_OUTPUT:
            output_print(message.payload);
            break;
        case MESSAGE_PROMPT:
            if (message_prompt(message.payload, &client.status, &prompt) != 0)
                die("what answers there is no pinholed");
            text_replace(&client.prompt, prompt);
            return true;
        case MESSAGE_ANSWER:
            text_replace(&client.answer, message.payload);
            return true;
        case MESSAGE_EXIT:
            return false;
        default:
            die("what answers there is no pinholed");
        }
    }
}

static bool client_ask(enum message_type type, struct slice payload)
{
    text_clear(&client.answer);
    client.unwanted = false;
    client_send(type, payload);
    bool alive = client_answer();
    if (alive && client.screen.hidden)
        screen_restore(&client.screen);
    fflush(stdout);
    return alive;
}

/* What the daemon says by itself: debug output. */
static void daemon_speaks(void)
{
    struct message message;
    int rc;
    while ((rc = message_read(&client.reader, &client.unread, &message)) == 1) {
        if (message.type == MESSAGE_EXIT)
            die("the daemon ended the login");
        if (message.type != MESSAGE_OUTPUT)
            die("what answers there is no pinholed");
        output_print(message.payload);
    }
    if (rc < 0)
        die("what answers there is no pinholed");
    if (screen_waits(&client.screen))
        screen_restore(&client.screen);
    fflush(stdout);
}

/* Wait for something to read at `fd`; what the daemon says meanwhile is printed as it comes. It may
 * say more than a terminal prints: so what is typed, perhaps to stop it, is read all the same. */
static void input_await(int fd)
{
    struct pollfd ready[] = {{.fd = fd, .events = POLLIN}, {.fd = client.fd, .events = POLLIN}};
    do {
        daemon_speaks();
        if (poll(ready, 2, -1) < 0) {
            if (errno != EINTR)
                die("poll: %s", strerror(errno));
            ready[0].revents = ready[1].revents = 0;
        }
        if (ready[1].revents)
            client_receive();
    } while (!ready[0].revents);
    daemon_speaks();
}

/* ---- from -c, -f and pipes ---- */

/* False: stop, the login ended or the command failed. */
static bool batch_line(const char *name, unsigned long number, struct slice line)
{
    if (!client_ask(MESSAGE_LINE, line))
        return false;
    if (client.status == 0)
        return true;
    client.failed = true;
    if (name)
        fprintf(stderr, "pinhole: %s line %lu failed with code %d: %.*s\n", name, number,
                client.status, SLICE_ARG(line));
    else
        fprintf(stderr, "pinhole: failed with code %d: %.*s\n", client.status, SLICE_ARG(line));
    return client.keep_going;
}

/* False: there are no more. */
static bool batch_next(struct input *input, const char *name, struct slice *line)
{
    while (!input_line(input, line)) {
        if (input->ended)
            return false;
        input_await(input->fd);
        int rc = input_read(input);
        if (rc != 0)
            die("%s: %s", name, strerror(-rc));
    }
    return true;
}

static bool batch_file(const char *path)
{
    bool standard = strcmp(path, "-") == 0, going = true;
    const char *name = standard ? "standard input" : path;
    struct input input = {.fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC)};
    unsigned long number = 0;
    struct slice line;
    if (input.fd < 0)
        die("%s: %s", path, strerror(errno));
    while (going && batch_next(&input, name, &line))
        going = batch_line(name, ++number, line);
    input_free(&input);
    if (!standard)
        close(input.fd);
    return going;
}

/* A run that ends half-way through something has not done what was written. */
static void batch_check_end(void)
{
    struct slice prompt = text_slice(&client.prompt);
    size_t bracket = slice_find(prompt, '(');
    if (slice_eq(prompt, SLICE_LIT("> "))) {
        fputs("pinhole: the input ends inside a quote or after `\\`\n", stderr);
        client.failed = true;
    } else if (bracket < prompt.n) {
        struct slice name = slice_skip(prompt, bracket);
        fprintf(stderr, "pinhole: the input ends inside %.*s: unsaved edits are dropped\n",
                (int)slice_find(name, ' '), name.p);
        client.failed = true;
    }
}

static int batch_run(const struct source *source, unsigned n)
{
    bool going = true;
    for (unsigned i = 0; i < n && going; i++) {
        if (source[i].line)
            going = batch_line(NULL, 0, slice_str(source[i].line));
        else
            going = batch_file(source[i].file);
    }
    if (going)
        batch_check_end();
    return client.failed ? EXIT_FAILED : 0;
}

/* ---- on a terminal ---- */

static struct {
    EditLine *edit;
    History *history;
    bool leave; /* Ctrl-C on an empty line at the top level */
    /* Tab after Tab takes the next candidate; `after` is the line as the last Tab left it. */
    struct text candidates, after;
    unsigned taken;
    size_t inserted;
} terminal;

static char *terminal_prompt(EditLine *edit)
{
    (void)edit;
    return client.prompt.p;
}

static struct slice before_cursor(void)
{
    const LineInfo *info = el_line(terminal.edit);
    return slice_between(info->buffer, info->cursor);
}

static unsigned char key_help(EditLine *edit, int key)
{
    (void)key;
    struct slice line = before_cursor();
    if (quote_open(line) || slice_eq(text_slice(&client.prompt), SLICE_LIT("> ")))
        return el_insertstr(edit, "?") == 0 ? CC_REFRESH : CC_ERROR;
    if (!client_ask(MESSAGE_HELP, line))
        return CC_EOF;
    printf("?\n%s", client.answer.p ? client.answer.p : "");
    fflush(stdout);
    return CC_REDISPLAY;
}

/* Candidate number `which`, and how many there are. */
static struct slice candidate(unsigned which, unsigned *n)
{
    struct slice rest = text_slice(&terminal.candidates), found = SLICE_NONE;
    for (*n = 0; rest.n > 0; (*n)++) {
        struct slice word = slice_head(rest, slice_find(rest, '\n'));
        rest = slice_skip(rest, word.n + 1);
        if (*n == which)
            found = word;
    }
    return found;
}

static unsigned char key_complete(EditLine *edit, int key)
{
    (void)key;
    unsigned n;
    struct slice line = before_cursor();
    if (terminal.candidates.n > 0 && slice_eq(line, text_slice(&terminal.after))) {
        terminal.taken++;
    } else {
        if (!client_ask(MESSAGE_COMPLETE, line))
            return CC_EOF;
        text_replace(&terminal.candidates, text_slice(&client.answer));
        terminal.taken = 0;
        terminal.inserted = word_tail(line);
    }
    candidate(0, &n);
    if (n == 0)
        return CC_ERROR;
    struct text insert = {0};
    text_put(&insert, candidate(terminal.taken % n, &n));
    if (n == 1)
        text_puts(&insert, " ");
    el_deletestr(edit, (int)terminal.inserted);
    int rc = el_insertstr(edit, insert.p);
    terminal.inserted = insert.n;
    text_free(&insert);
    text_replace(&terminal.after, n > 1 ? before_cursor() : SLICE_NONE);
    if (n == 1)
        text_clear(&terminal.candidates);
    return rc == 0 ? CC_REFRESH : CC_ERROR;
}

/* Ctrl-C: abandon the line; an empty one: leave the context; at the top level: leave. */
static unsigned char key_interrupt(EditLine *edit, int key)
{
    (void)key;
    const LineInfo *info = el_line(edit);
    bool empty = info->lastchar == info->buffer;
    struct slice prompt = text_slice(&client.prompt);
    bool top = slice_find(prompt, '(') == prompt.n && !slice_eq(prompt, SLICE_LIT("> "));
    fputs("^C\n", stdout);
    if (empty && top) {
        terminal.leave = true;
        return CC_EOF;
    }
    if (empty && !client_ask(MESSAGE_ABANDON, SLICE_NONE))
        return CC_EOF;
    el_cursor(edit, (int)(info->lastchar - info->cursor));
    el_deletestr(edit, (int)(info->lastchar - info->buffer));
    return CC_REDISPLAY;
}

/* libedit wants a key: its number of keys, 0 at the end. */
static int terminal_key(EditLine *edit, wchar_t *out)
{
    (void)edit;
    int rc;
    do
        input_await(STDIN_FILENO);
    while ((rc = screen_key(out)) == 0);
    if (client.screen.hidden)
        screen_restore(&client.screen);
    return rc > 0;
}

/* However the client ends, the terminal is left as it was found. */
static void terminal_give_back(void)
{
    if (client.screen.edit)
        el_set(client.screen.edit, EL_PREP_TERM, 0);
}

static void terminal_open(void)
{
    HistEvent event;
    terminal.edit = el_init("pinhole", stdin, stdout, stderr);
    terminal.history = history_init();
    if (!terminal.edit || !terminal.history)
        die("this terminal cannot be used; try: pinhole < FILE");
    history(terminal.history, &event, H_SETSIZE, 1000);
    history(terminal.history, &event, H_SETUNIQUE, 1);
    el_set(terminal.edit, EL_HIST, history, terminal.history);
    el_set(terminal.edit, EL_PROMPT, terminal_prompt);
    el_set(terminal.edit, EL_EDITOR, "emacs");
    el_set(terminal.edit, EL_GETCFN, terminal_key);
    el_set(terminal.edit, EL_ADDFN, "pinhole-help", "Help for this place", key_help);
    el_set(terminal.edit, EL_ADDFN, "pinhole-complete", "Complete the word", key_complete);
    el_set(terminal.edit, EL_ADDFN, "pinhole-interrupt", "Abandon the line", key_interrupt);
    el_set(terminal.edit, EL_BIND, "?", "pinhole-help", NULL);
    el_set(terminal.edit, EL_BIND, "^I", "pinhole-complete", NULL);
    el_set(terminal.edit, EL_BIND, "^C", "pinhole-interrupt", NULL);
    /* Ctrl-C is a key while a line is edited, a signal while a command runs. */
    el_set(terminal.edit, EL_SETTY, "-d", "-isig", NULL);
    atexit(terminal_give_back);
}

static void terminal_remember(struct slice line)
{
    HistEvent event;
    char kept[4096];
    if (slice_trim(line).n == 0 || line.n >= sizeof(kept))
        return;
    memcpy(kept, line.p, line.n);
    kept[line.n] = '\0';
    history(terminal.history, &event, H_ENTER, kept);
}

static int terminal_run(void)
{
    terminal_open();
    for (bool alive = true; alive;) {
        int n = 0;
        /* Before the prompt is seen, or a quick Ctrl-C is still a signal. */
        el_set(terminal.edit, EL_PREP_TERM, 1);
        client.unwanted = false;
        client.screen = (struct screen){.edit = terminal.edit};
        const char *typed = el_gets(terminal.edit, &n);
        client.screen.edit = NULL;
        if (!typed || n <= 0) {
            fputs("\n", stdout);
            break;
        }
        struct slice line = slice_of(typed, (size_t)n);
        if (line.p[line.n - 1] == '\n')
            line.n--;
        terminal_remember(line);
        alive = client_ask(MESSAGE_LINE, line);
    }
    history_end(terminal.history);
    el_end(terminal.edit);
    text_free(&terminal.candidates);
    text_free(&terminal.after);
    return 0;
}

/* ---- arguments ---- */

static void usage(FILE *to)
{
    fputs("usage: pinhole [--socket PATH] [--keep-going] [-c 'LINE'] [-f FILE]\n"
          "\n"
          "Command line of the Pinhole firewall. Without -c and -f it is interactive on a\n"
          "terminal (Tab completes, ? helps) and reads commands from standard input elsewhere.\n"
          "\n"
          "  -c, --command LINE  run LINE; -c and -f may be repeated and run in this order\n"
          "  -f, --file FILE     run the lines of FILE, - for standard input\n"
          "  -k, --keep-going    go on after a command that fails (else stop at the first)\n"
          "  -s, --socket PATH   socket of the daemon (" DEFAULT_SOCKET ")\n"
          "  -h, --help          this text\n"
          "  -V, --version       the version\n"
          "\n"
          "Exit status: 0 all commands succeeded, 1 one failed or edits were left unsaved,\n"
          "2 wrong arguments or no daemon.\n",
          to);
}

static void signals_set_up(void)
{
    struct sigaction action = {.sa_handler = on_interrupt};
    sigset_t blocked;
    sigaction(SIGINT, &action, NULL);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGINT);
    sigprocmask(SIG_BLOCK, &blocked, &client.while_waiting);
    sigdelset(&client.while_waiting, SIGINT);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"command", required_argument, NULL, 'c'},
                                            {"file", required_argument, NULL, 'f'},
                                            {"keep-going", no_argument, NULL, 'k'},
                                            {"socket", required_argument, NULL, 's'},
                                            {"help", no_argument, NULL, 'h'},
                                            {"version", no_argument, NULL, 'V'},
                                            {0}};
    static struct source source[SOURCES_MAX];
    const char *socket_path = DEFAULT_SOCKET;
    unsigned n = 0;
    int option;
    while ((option = getopt_long(argc, argv, "c:f:ks:hV", options, NULL)) != -1) {
        if ((option == 'c' || option == 'f') && n == SOURCES_MAX)
            die("at most %d of -c and -f", SOURCES_MAX);
        switch (option) {
        case 'c':
            source[n++].line = optarg;
            break;
        case 'f':
            source[n++].file = optarg;
            break;
        case 'k':
            client.keep_going = true;
            break;
        case 's':
            socket_path = optarg;
            break;
        case 'h':
            usage(stdout);
            return 0;
        case 'V':
            puts("pinhole " PINHOLE_VERSION);
            return 0;
        default:
            usage(stderr);
            return EXIT_USAGE;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "pinhole: unexpected argument: %s\n", argv[optind]);
        usage(stderr);
        return EXIT_USAGE;
    }
    bool interactive = n == 0 && isatty(STDIN_FILENO);
    if (n == 0)
        source[n++].file = "-";
    client_connect(socket_path);
    if (interactive)
        signals_set_up();
    else
        sigprocmask(SIG_BLOCK, NULL, &client.while_waiting);
    if (!client_answer())
        return 0;
    return interactive ? terminal_run() : batch_run(source, n);
}
