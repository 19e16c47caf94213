/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The client program itself against the connection glue on a real socket: a child process serves
 * one client after another, the parent runs `pinhole` with pipes or on a pseudo-terminal. The
 * program is named by PINHOLE_CLIENT.
 */
#include "cli/server.h"
#include "fake.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static char folder[] = "/tmp/pinhole-client-XXXXXX";
static char socket_path[64];
static const char *program;
static pid_t server;

/* ---- the daemon's side ---- */

#define TICK_MS 30

/* Where the login looks on, nothing else happens for a while and there is room: a debug line. */
static void tick(struct fake *fake)
{
    static const char *const words[] = {"tick 1", "tick 2", "tick 3", "tick 4"};
    if (!fake->debug_mask || fake->n_debug == sizeof(words) / sizeof(words[0]))
        return;
    fake->debug[fake->n_debug] = (struct backend_debug){
        .when = "2024-05-01 10:11:12", .bits = 8, .text = slice_str(words[fake->n_debug])};
    fake->n_debug++;
}

#define FLOOD 4 /* who looks on at these gets lines without end */

static void flood(struct fake *fake)
{
    static char words[1000];
    fake->debug_flood = fake->debug_mask & FLOOD;
    if (!fake->debug_flood || fake->n_debug)
        return;
    memset(words, 'x', sizeof(words));
    fake->debug[fake->n_debug++] = (struct backend_debug){
        .when = "2024-05-01 10:11:12", .bits = FLOOD, .text = slice_of(words, sizeof(words))};
}

static bool conn_round(struct cli_conn *conn, int fd, struct fake *fake)
{
    flood(fake);
    bool stepped = cli_conn_step(conn), shown = cli_conn_debug(conn), busy = stepped || shown;
    struct slice pending = cli_conn_pending(conn);
    if (pending.n == 0 && cli_conn_closing(conn))
        return false;
    struct pollfd ready = {.fd = fd,
                           .events = (short)((cli_conn_wants_input(conn) ? POLLIN : 0) |
                                             (pending.n > 0 ? POLLOUT : 0))};
    if (poll(&ready, 1, busy ? 0 : TICK_MS) == 0 && !busy)
        tick(fake);
    if (ready.revents & POLLOUT) {
        ssize_t n = send(fd, pending.p, pending.n, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n > 0)
            cli_conn_sent(conn, (size_t)n);
    }
    if (ready.revents & (POLLIN | POLLHUP | POLLERR)) {
        char bytes[4096];
        ssize_t n = read(fd, bytes, sizeof(bytes));
        if (n <= 0)
            return false;
        cli_conn_input(conn, slice_of(bytes, (size_t)n));
    }
    return true;
}

__attribute__((noreturn)) static void serve(int listener)
{
    static struct fake fake;
    fake_open(&fake);
    fake_sessions(&fake, 20000);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        if (fd < 0)
            _exit(1);
        struct cli_conn *conn = cli_conn_open(fake.running, &fake.backend);
        while (conn_round(conn, fd, &fake))
            continue;
        cli_conn_close(conn);
        fake.n_debug = 0;
        fake.debug_flood = false;
        close(fd);
    }
}

static int group_setup(void **state)
{
    (void)state;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    assert_non_null(mkdtemp(folder));
    snprintf(socket_path, sizeof(socket_path), "%s/sock", folder);
    memcpy(address.sun_path, socket_path, strlen(socket_path));
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(listener, 4), 0);
    server = fork();
    if (server == 0)
        serve(listener);
    close(listener);
    return 0;
}

static int group_teardown(void **state)
{
    (void)state;
    if (server > 0) {
        kill(server, SIGKILL);
        waitpid(server, NULL, 0);
    }
    unlink(socket_path);
    rmdir(folder);
    return 0;
}

/* ---- with pipes ---- */

struct result {
    char out[65536], err[4096];
    int status;
};

static size_t read_all(int fd, char *bytes, size_t room)
{
    size_t n = 0;
    ssize_t got;
    while (n + 1 < room && (got = read(fd, bytes + n, room - 1 - n)) > 0)
        n += (size_t)got;
    bytes[n] = '\0';
    close(fd);
    return n;
}

struct piped {
    pid_t child;
    int in, out, err;
};

/* Start the client with `args` (NULL ends). */
static struct piped piped_start(const char *const *args)
{
    int in[2], out[2], err[2];
    const char *argv[16] = {"pinhole", "--socket", socket_path};
    for (unsigned i = 0; i < 12 && args[i]; i++)
        argv[3 + i] = args[i];
    assert_int_equal(pipe2(in, O_CLOEXEC) | pipe2(out, O_CLOEXEC) | pipe2(err, O_CLOEXEC), 0);
    pid_t child = fork();
    if (child == 0) {
        dup2(in[0], 0);
        dup2(out[1], 1);
        dup2(err[1], 2);
        execv(program, (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    close(err[1]);
    return (struct piped){child, in[1], out[0], err[0]};
}

/* What it still says until it ends; its standard input is closed already. */
static struct result *piped_end(const struct piped *p)
{
    static struct result result;
    read_all(p->out, result.out, sizeof(result.out));
    read_all(p->err, result.err, sizeof(result.err));
    waitpid(p->child, &result.status, 0);
    assert_true(WIFEXITED(result.status));
    result.status = WEXITSTATUS(result.status);
    return &result;
}

/* Run the client with `args` and `input` on its standard input. */
static struct result *client(const char *input, const char *const *args)
{
    struct piped p = piped_start(args);
    assert_int_equal(write(p.in, input, strlen(input)), strlen(input));
    close(p.in);
    return piped_end(&p);
}

#define ARGS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define NO_ARGS   ((const char *const[]){NULL})

static const char stat_line[] = "The total number of sessions for the current VDOM: 0\n";

static void commands_from_every_source(void **state)
{
    (void)state;
    struct result *r = client("get system session status\n", NO_ARGS);
    assert_string_equal(r->out, stat_line);
    assert_string_equal(r->err, "");
    assert_int_equal(r->status, 0);

    r = client("", ARGS("-c", "get system session status", "-c", "show system global"));
    assert_memory_equal(r->out, stat_line, strlen(stat_line));
    assert_non_null(strstr(r->out, "config system global\nend\n"));
    assert_int_equal(r->status, 0);

    r = client("get system session status", ARGS("-c", "get system session status", "-f", "-"));
    assert_int_equal(strlen(r->out), 2 * strlen(stat_line));
    assert_int_equal(r->status, 0);

    char path[96];
    snprintf(path, sizeof(path), "%s/commands", folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("# a comment\nconfig voip profile\nedit a\nset comment \"two\nlines\"\nend\n"
          "show voip profile a\n",
          file);
    fclose(file);
    r = client("", ARGS("-f", path));
    assert_non_null(strstr(r->out, "        set comment \"two\nlines\"\n"));
    assert_int_equal(r->status, 0);
    unlink(path);

    r = client("config voip profile\ndelete a\nend\nexit\nnot reached\n", NO_ARGS);
    assert_int_equal(r->status, 0);
    assert_string_equal(r->out, "");
}

static void the_first_failure_ends_the_run(void **state)
{
    (void)state;
    struct result *r = client("nonsense\nget system session status\n", NO_ARGS);
    assert_string_equal(r->out, "Unknown action 0\n");
    assert_string_equal(r->err, "pinhole: standard input line 1 failed with code -61: nonsense\n");
    assert_int_equal(r->status, 1);

    r = client("nonsense\nget system session status\n", ARGS("--keep-going"));
    assert_non_null(strstr(r->out, stat_line));
    assert_int_equal(r->status, 1);

    r = client("", ARGS("-c", "show nonsense"));
    assert_string_equal(r->err, "pinhole: failed with code -61: show nonsense\n");
    assert_int_equal(r->status, 1);
}

static void half_done_input_is_a_failure(void **state)
{
    (void)state;
    struct result *r = client("config system global\nset udp-idle-timer 9\n", NO_ARGS);
    assert_string_equal(r->err,
                        "pinhole: the input ends inside (global): unsaved edits are dropped\n");
    assert_int_equal(r->status, 1);
    r = client("show \"system\n", NO_ARGS);
    assert_string_equal(r->err, "pinhole: the input ends inside a quote or after `\\`\n");
    assert_int_equal(r->status, 1);
    r = client("show system global\n", NO_ARGS);
    assert_string_equal(r->out, "config system global\nend\n");
}

static void wrong_arguments_and_no_daemon(void **state)
{
    (void)state;
    struct result *r = client("", ARGS("--nonsense"));
    assert_int_equal(r->status, 2);
    r = client("", ARGS("argument"));
    assert_int_equal(r->status, 2);
    assert_non_null(strstr(r->err, "unexpected argument: argument"));
    r = client("", ARGS("-f", "/nonexistent"));
    assert_int_equal(r->status, 2);
    r = client("", ARGS("-s", "/nonexistent/sock"));
    assert_string_equal(r->err, "pinhole: no daemon listens at /nonexistent/sock; "
                                "is pinholed running?\n");
    assert_int_equal(r->status, 2);
    r = client("", ARGS("--help"));
    assert_memory_equal(r->out, "usage: pinhole ", 15);
    assert_int_equal(r->status, 0);
    r = client("", ARGS("--version"));
    assert_memory_equal(r->out, "pinhole ", 8);
    assert_int_equal(r->status, 0);
}

/* ---- what comes while it waits ---- */

struct terminal {
    int fd; /* or the standard output of a piped client */
    pid_t child;
    char seen[1 << 20];
    size_t n, from;
};

/* Wait until `text` appears after what was matched before. */
static void await(struct terminal *t, const char *text)
{
    for (;;) {
        char *found = strstr(t->seen + t->from, text);
        if (found) {
            t->from = (size_t)(found - t->seen) + strlen(text);
            return;
        }
        struct pollfd ready = {.fd = t->fd, .events = POLLIN};
        if (poll(&ready, 1, 10000) != 1 || t->n + 1 >= sizeof(t->seen))
            fail_msg("not on the screen: %s\n%s", text,
                     t->n > 2000 ? t->seen + t->n - 2000 : t->seen);
        ssize_t got = read(t->fd, t->seen + t->n, sizeof(t->seen) - 1 - t->n);
        if (got <= 0)
            fail_msg("the client ended before: %s\n%s", text, t->seen + t->from);
        t->n += (size_t)got;
        t->seen[t->n] = '\0';
    }
}

/* Debug output comes by itself while the pipe is silent, and the next line is done as any. */
static void debug_output_on_a_pipe(void **state)
{
    (void)state;
    static const char lines[] = "diagnose debug application sip 8\ndiagnose debug enable\nget sys";
    static const char rest[] = "tem session status";
    struct piped p = piped_start(NO_ARGS);
    struct terminal *t = calloc(1, sizeof(*t));
    assert_non_null(t);
    t->fd = p.out;
    assert_int_equal(write(p.in, lines, strlen(lines)), strlen(lines));
    await(t, "sip tick 1\n");
    await(t, "sip tick 4\n");
    assert_int_equal(write(p.in, rest, strlen(rest)), strlen(rest));
    close(p.in);
    await(t, stat_line);
    free(t);
    struct result *r = piped_end(&p);
    assert_string_equal(r->out, "");
    assert_string_equal(r->err, "");
    assert_int_equal(r->status, 0);
}

/* Read as a slow terminal does until `text` comes (NULL: never), `most` bytes or for ten seconds,
 * and keep nothing. False: it did not come. */
static bool comes(int fd, const char *text, size_t most)
{
    char bytes[8192];
    size_t kept = 0, seen = 0, overlap = text ? strlen(text) - 1 : 0;
    for (time_t end = time(NULL) + 10; seen < most && time(NULL) < end; usleep(10000)) {
        ssize_t got = read(fd, bytes + kept, sizeof(bytes) - kept);
        if (got <= 0)
            return false;
        size_t n = kept + (size_t)got;
        seen += (size_t)got;
        if (text && memmem(bytes, n, text, overlap + 1))
            return true;
        kept = n < overlap ? n : overlap;
        memmove(bytes, bytes + n - kept, kept);
    }
    return false;
}

/* However much there is to print, what is typed is read: it may be what ends the flood. Before it
 * comes what stands in the buffers on the way: of pipe, client, socket and daemon. */
static void debug_flood_on_a_pipe(void **state)
{
    (void)state;
    static const char lines[] = "diagnose debug application sip 4\ndiagnose debug enable\n";
    static const char rest[] = "diagnose debug disable\nget system session status\n";
    struct piped p = piped_start(NO_ARGS);
    assert_int_equal(write(p.in, lines, strlen(lines)), strlen(lines));
    comes(p.out, NULL, 1u << 18);
    assert_int_equal(write(p.in, rest, strlen(rest)), strlen(rest));
    close(p.in);
    bool came = comes(p.out, stat_line, 1u << 20);
    if (!came)
        kill(p.child, SIGKILL);
    assert_true(came);
    assert_int_equal(piped_end(&p)->status, 0);
}

/* ---- on a terminal ---- */

static void type(struct terminal *t, const char *keys)
{
    assert_int_equal(write(t->fd, keys, strlen(keys)), strlen(keys));
}

static struct terminal *terminal_open(void)
{
    struct terminal *t = calloc(1, sizeof(*t));
    struct winsize size = {.ws_row = 50, .ws_col = 120};
    assert_non_null(t);
    t->child = forkpty(&t->fd, NULL, NULL, &size);
    if (t->child == 0) {
        setenv("TERM", "xterm", 1);
        /* libedit keeps the names of added functions for ever. */
        setenv("ASAN_OPTIONS", "detect_leaks=0", 1);
        execl(program, "pinhole", "--socket", socket_path, (char *)NULL);
        _exit(127);
    }
    await(t, "Pinhole # ");
    return t;
}

static void terminal_close(struct terminal *t)
{
    int status;
    char rest[4096];
    while (read(t->fd, rest, sizeof(rest)) > 0)
        continue;
    waitpid(t->child, &status, 0);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    close(t->fd);
    free(t);
}

static void keys_complete_and_help(void **state)
{
    (void)state;
    struct terminal *t = terminal_open();
    /* The editor draws only what changed, so the result tells what the line had become. */
    type(t, "get sys\tsession st\t\n");
    await(t, "current VDOM: 0");
    await(t, "Pinhole # ");

    type(t, "show voip profile ?");
    await(t, "default");
    await(t, "strict");
    await(t, "show voip profile ");
    type(t, "\t\t\n");
    await(t, "edit \"strict\"");
    await(t, "Pinhole # ");

    /* Inside a quote `?` is a letter. */
    type(t, "config voip profile\nedit x\nset comment \"why?\"\nshow | grep comment\n");
    await(t, "grep comment");
    await(t, "set comment \"why?\"");
    await(t, "Pinhole (x) # ");
    type(t, "abort\nexit\n");
    terminal_close(t);
}

static void control_c_at_the_prompt(void **state)
{
    (void)state;
    struct terminal *t = terminal_open();
    type(t, "config system global\n");
    await(t, "Pinhole (global) # ");
    type(t, "set alias abandoned\x03");
    await(t, "^C");
    await(t, "Pinhole (global) # ");
    type(t, "show\n");
    await(t, "end");
    await(t, "Pinhole (global) # ");
    type(t, "\x03");
    await(t, "Pinhole # ");
    type(t, "\x03");
    terminal_close(t);
}

static void control_c_stops_a_listing(void **state)
{
    (void)state;
    struct terminal *t = terminal_open();
    type(t, "diagnose sys session list\n");
    await(t, "session info:");
    type(t, "\x03");
    await(t, "Pinhole # ");
    assert_null(strstr(t->seen, "total session"));
    type(t, "get system session status\n");
    await(t, "current VDOM: 0");
    await(t, "Pinhole # ");
    type(t, "\x04");
    terminal_close(t);
}

/* It comes by itself while a line is typed, and the line stands below it as it was. */
static void debug_output_at_the_prompt(void **state)
{
    (void)state;
    struct terminal *t = terminal_open();
    type(t, "diagnose debug application sip 8\ndiagnose debug enable\n");
    await(t, "sip tick 1\r\n"); /* on a busy machine the others with it, above one prompt */
    type(t, "get system session st");
    await(t, "sip tick 4\r\n");
    await(t, "Pinhole # ");
    type(t, "atus\n");
    await(t, "current VDOM: 0");
    await(t, "Pinhole # ");
    type(t, "\x04");
    terminal_close(t);
}

/* A line of several rows is taken off the screen as a whole: up as many rows as it has, clear. */
static void debug_output_over_a_long_line(void **state)
{
    (void)state;
    struct terminal *t = terminal_open();
    char word[301];
    memset(word, 'x', sizeof(word) - 1);
    word[sizeof(word) - 1] = '\0';
    type(t, "diagnose debug application sip 8\n");
    await(t, "Pinhole # ");
    type(t, "diagnose debug enable\n");
    type(t, word);
    await(t, "\x1b[2A\r\x1b[J2024-05-01 10:11:12 sip tick ");
    await(t, "Pinhole # xxxx");
    type(t, "\x03");
    await(t, "^C");
    type(t, "\x03");
    terminal_close(t);
}

static void the_terminal_is_given_back_when_the_daemon_goes(void **state)
{
    (void)state;
    struct terminal *t = terminal_open();
    struct termios before, after;
    int status;
    assert_int_equal(tcgetattr(t->fd, &before), 0);
    assert_int_equal(before.c_lflag & ICANON, 0);
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    server = -1;
    await(t, "the daemon closed the connection");
    waitpid(t->child, &status, 0);
    assert_int_equal(WEXITSTATUS(status), 2);
    assert_int_equal(tcgetattr(t->fd, &after), 0);
    assert_int_not_equal(after.c_lflag & ICANON, 0);
    close(t->fd);
    free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commands_from_every_source),
        cmocka_unit_test(the_first_failure_ends_the_run),
        cmocka_unit_test(half_done_input_is_a_failure),
        cmocka_unit_test(wrong_arguments_and_no_daemon),
        cmocka_unit_test(debug_output_on_a_pipe),
        cmocka_unit_test(debug_flood_on_a_pipe),
        cmocka_unit_test(keys_complete_and_help),
        cmocka_unit_test(control_c_at_the_prompt),
        cmocka_unit_test(control_c_stops_a_listing),
        cmocka_unit_test(debug_output_at_the_prompt),
        cmocka_unit_test(debug_output_over_a_long_line),
        cmocka_unit_test(the_terminal_is_given_back_when_the_daemon_goes),
    };
    program = getenv("PINHOLE_CLIENT");
    if (!program) {
        fputs("PINHOLE_CLIENT names no client program\n", stderr);
        return 77;
    }
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
