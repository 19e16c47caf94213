/* SPDX-License-Identifier: BSD-3-Clause */
/* Real clients at a real socket; control runs between their words. */
#include "control/socket.h"

#include "cli/protocol.h"
#include "control/core.h"
#include "control_bench.h"
#include "eal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static char folder[] = "/tmp/socket-XXXXXX";
static char socket_path[64], config_path[64];
static const struct control_options options = {
    .config_path = config_path, .socket_path = socket_path, .virtual_neighbours = true};

/* What a client has heard. */
struct ear {
    struct message_reader reader;
    struct text output; /* OUTPUT and ANSWER payloads */
    unsigned prompts;
    int status; /* of the last prompt */
    bool closed, exit;
};

static int client_open(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, socket_path, strlen(socket_path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static void say(int fd, const char *line)
{
    struct text frame = {0};
    message_put(&frame, MESSAGE_LINE, slice_str(line));
    assert_int_equal(send(fd, frame.p, frame.n, MSG_NOSIGNAL), frame.n);
    text_free(&frame);
}

static void hear_message(struct ear *ear, const struct message *message)
{
    struct slice prompt;
    switch (message->type) {
    case MESSAGE_OUTPUT:
    case MESSAGE_ANSWER:
        text_put(&ear->output, message->payload);
        return;
    case MESSAGE_PROMPT:
        ear->prompts++;
        assert_int_equal(message_prompt(message->payload, &ear->status, &prompt), 0);
        return;
    case MESSAGE_EXIT:
        ear->exit = true;
        return;
    default:
        fail_msg("message %d from the daemon", message->type);
    }
}

static void hear(int fd, struct ear *ear)
{
    char bytes[4096];
    struct message message;
    ssize_t n = recv(fd, bytes, sizeof bytes, 0);
    if (n == 0 || (n < 0 && errno != EAGAIN)) {
        ear->closed = true;
        return;
    }
    struct slice in = slice_of(bytes, n > 0 ? (size_t)n : 0);
    while (n > 0 && message_read(&ear->reader, &in, &message) == 1)
        hear_message(ear, &message);
}

/* Control works and the client listens until it has `prompts` prompts, or is closed. */
static void converse(struct bench *b, int fd, struct ear *ear, unsigned prompts)
{
    for (int i = 0; ear->prompts < prompts && !ear->closed; i++) {
        assert_true(i < 100000);
        control_run_once(b->control, ++b->now_ms);
        hear(fd, ear);
    }
}

static struct ear *ear_make(void)
{
    struct ear *ear = calloc(1, sizeof *ear);
    assert_non_null(ear);
    return ear;
}

static void ear_free(struct ear *ear)
{
    text_free(&ear->output);
    free(ear);
}

/* ---- talk ---- */

static void test_question_and_answer(void **state)
{
    (void)state;
    struct bench *b = bench_make(&options);
    struct ear *ear = ear_make();
    int fd = client_open();
    converse(b, fd, ear, 1);
    say(fd, "get system status");
    converse(b, fd, ear, 2);
    assert_int_equal(ear->status, 0);
    assert_non_null(strstr(ear->output.p, "Version: Pinhole"));
    say(fd, "no such thing");
    converse(b, fd, ear, 3);
    assert_int_not_equal(ear->status, 0);
    say(fd, "exit");
    converse(b, fd, ear, 4);
    assert_true(ear->closed && ear->exit);
    close(fd);
    ear_free(ear);
    bench_free(b);
}

static void test_commit_is_answered_when_it_is_on_the_disk(void **state)
{
    (void)state;
    struct bench *b = bench_make(&options);
    struct ear *ear = ear_make();
    int fd = client_open();
    char content[65536];
    converse(b, fd, ear, 1);
    say(fd, "config system global");
    say(fd, "set udp-idle-timer 321");
    say(fd, "end");
    converse(b, fd, ear, 4);
    assert_int_equal(ear->status, 0);
    int file = open(config_path, O_RDONLY);
    assert_true(file >= 0);
    ssize_t n = read(file, content, sizeof content - 1);
    content[n > 0 ? n : 0] = '\0';
    assert_non_null(strstr(content, "set udp-idle-timer 321"));
    close(file);
    close(fd);
    ear_free(ear);
    bench_free(b);
    unlink(config_path);
}

/* A call of the phone is seen as it comes and as it leaves, by who asked and by nobody else. */
static void test_debug_output_comes_by_itself(void **state)
{
    (void)state;
    static const char options_message[] = "OPTIONS sip:b@198.51.100.5 SIP/2.0\r\n"
                                          "Via: SIP/2.0/UDP 10.0.0.20:5060;branch=z9hG4bKa\r\n"
                                          "From: <sip:a@10.0.0.20>;tag=1\r\n"
                                          "To: <sip:b@198.51.100.5>\r\n"
                                          "Call-ID: looked-at\r\nCSeq: 1 OPTIONS\r\n"
                                          "Contact: <sip:a@10.0.0.20:5060>\r\n"
                                          "Content-Length: 0\r\n\r\n";
    const struct endpoint ends[2] = {{be32_of(0x0a000014), be16_of(5060)},
                                     {be32_of(0xc6336405), be16_of(5060)}};
    struct bench *b = bench_make(&options);
    struct ear *ear = ear_make(), *other = ear_make();
    int fd = client_open(), other_fd = client_open();
    converse(b, fd, ear, 1);
    converse(b, other_fd, other, 1);
    say(fd, "diagnose debug application sip -1");
    say(fd, "diagnose debug enable");
    converse(b, fd, ear, 3);
    bench_payload(b, 1, ends, slice_str(options_message));
    bench_run(b, b->now_ms);
    for (int i = 0; i < 20; i++) {
        control_run_once(b->control, ++b->now_ms);
        hear(fd, ear);
        hear(other_fd, other);
    }
    assert_non_null(ear->output.p);
    assert_non_null(strstr(ear->output.p, "port 1 read [(0,"));
    assert_non_null(strstr(ear->output.p, "(OPTIONS sip:b@198.51.100.5 SIP/2.0..Via: SIP/2.0/UDP "
                                          "10.0.0.20:5060;"));
    assert_non_null(strstr(ear->output.p, "edit Contact: "));
    assert_non_null(strstr(ear->output.p, "write [(0,"));
    assert_non_null(strstr(ear->output.p, "Via: SIP/2.0/UDP 203.0.113.2:5060;"));
    assert_int_equal(other->output.n, 0);
    assert_int_equal(ear->prompts, 3);
    close(fd);
    close(other_fd);
    ear_free(ear);
    ear_free(other);
    bench_free(b);
}

/* The answer says that the change is in force only; the next one is answered as ever. */
static void test_commit_that_cannot_be_saved(void **state)
{
    (void)state;
    struct bench *b = bench_make(&options);
    struct ear *ear = ear_make();
    int fd = client_open();
    char temporary[80];
    snprintf(temporary, sizeof temporary, "%s.new", config_path);
    assert_int_equal(mkdir(temporary, 0700), 0);
    converse(b, fd, ear, 1);
    say(fd, "config system global");
    say(fd, "set udp-idle-timer 321");
    say(fd, "end");
    say(fd, "get system status");
    converse(b, fd, ear, 4);
    assert_int_not_equal(ear->status, 0);
    assert_non_null(strstr(ear->output.p, "in force, but not saved: "));
    assert_non_null(strstr(ear->output.p, "/fw.conf: Is a directory"));
    assert_null(strstr(ear->output.p, "Version:"));
    converse(b, fd, ear, 5);
    assert_int_equal(ear->status, 0);
    assert_int_equal(rmdir(temporary), 0);
    close(fd);
    ear_free(ear);
    bench_free(b);
}

static void test_end_of_input_still_gets_its_answers(void **state)
{
    (void)state;
    struct bench *b = bench_make(&options);
    struct ear *ear = ear_make();
    int fd = client_open();
    say(fd, "get system status");
    say(fd, "show system interface");
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    converse(b, fd, ear, 100);
    assert_true(ear->closed);
    assert_int_equal(ear->prompts, 3);
    assert_non_null(strstr(ear->output.p, "edit \"wan\""));
    close(fd);
    ear_free(ear);
    bench_free(b);
}

static void test_garbage_closes_the_connection(void **state)
{
    (void)state;
    struct bench *b = bench_make(&options);
    struct ear *ear = ear_make();
    int fd = client_open();
    converse(b, fd, ear, 1);
    assert_int_equal(send(fd, "GET / HTTP/1.1\r\n\r\n", 18, MSG_NOSIGNAL), 18);
    converse(b, fd, ear, 100);
    assert_true(ear->closed);
    close(fd);
    ear_free(ear);
    bench_free(b);
}

static void test_slow_reader_stops_nobody_else(void **state)
{
    (void)state;
    struct bench *b = bench_make(&options);
    struct ear *ear = ear_make(), *slow_ear = ear_make();
    int slow = client_open(), fd = client_open();
    int sent = 0;
    struct text frame = {0};
    message_put(&frame, MESSAGE_LINE, SLICE_LIT("show full-configuration"));
    /* Ask until the socket takes no more, and read nothing. */
    for (int idle = 0; idle < 200; idle++) {
        while (send(slow, frame.p, frame.n, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)frame.n) {
            sent++;
            idle = 0;
            if (sent == 20000)
                break;
        }
        control_run_once(b->control, ++b->now_ms);
        if (sent == 20000)
            break;
    }
    assert_true(sent > 100);
    converse(b, fd, ear, 1);
    say(fd, "get system status");
    converse(b, fd, ear, 2);
    assert_int_equal(ear->prompts, 2);
    /* It gets what it asked for once it reads. */
    converse(b, slow, slow_ear, 3);
    assert_int_equal(slow_ear->prompts, 3);
    close(slow);
    close(fd);
    text_free(&frame);
    ear_free(ear);
    ear_free(slow_ear);
    bench_free(b);
}

static void test_client_that_vanishes(void **state)
{
    (void)state;
    struct bench *b = bench_make(&options);
    struct ear *ear = ear_make();
    for (int i = 0; i < 100; i++) {
        int fd = client_open();
        say(fd, "show full-configuration");
        control_run_once(b->control, ++b->now_ms);
        close(fd);
        for (int k = 0; k < 5; k++)
            control_run_once(b->control, ++b->now_ms);
    }
    int fd = client_open();
    converse(b, fd, ear, 1);
    assert_int_equal(ear->prompts, 1);
    close(fd);
    ear_free(ear);
    bench_free(b);
}

static void test_idle_login_makes_room(void **state)
{
    (void)state;
    struct bench *b = bench_make(&options);
    struct ear *first = ear_make(), *second = ear_make(), *last = ear_make();
    int fd[33];
    for (int i = 0; i < 32; i++) {
        fd[i] = client_open();
        control_run_once(b->control, ++b->now_ms);
    }
    converse(b, fd[0], first, 1);
    say(fd[0], "get system status"); /* now the second one is idle for the longest time */
    converse(b, fd[0], first, 2);
    fd[32] = client_open();
    converse(b, fd[32], last, 1);
    assert_int_equal(last->prompts, 1);
    converse(b, fd[1], second, 2);
    assert_true(second->closed);
    say(fd[0], "get system status");
    converse(b, fd[0], first, 3);
    assert_int_equal(first->prompts, 3);
    for (int i = 0; i < 33; i++)
        close(fd[i]);
    ear_free(first);
    ear_free(second);
    ear_free(last);
    bench_free(b);
}

/* ---- the file ---- */

static void test_permissions_and_removal(void **state)
{
    (void)state;
    struct bench *b = bench_make(&options);
    struct stat st;
    assert_int_equal(stat(socket_path, &st), 0);
    assert_true(S_ISSOCK(st.st_mode));
    assert_int_equal(st.st_mode & 0777, 0660);
    bench_free(b);
    assert_int_not_equal(stat(socket_path, &st), 0);
}

static void test_stale_socket_is_replaced(void **state)
{
    (void)state;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, socket_path, strlen(socket_path));
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    close(fd);
    struct bench *b = bench_make(&options);
    fd = client_open();
    struct ear *ear = ear_make();
    converse(b, fd, ear, 1);
    assert_int_equal(ear->prompts, 1);
    close(fd);
    ear_free(ear);
    bench_free(b);
}

static void test_living_socket_and_other_files_are_left_alone(void **state)
{
    (void)state;
    struct bench *b = bench_make(&options);
    struct text error = {0};
    assert_null(socket_open(socket_path, b->running, b->backend, NULL, &error));
    assert_non_null(strstr(error.p, "another daemon listens"));
    int fd = client_open(); /* still the first one's */
    close(fd);
    text_clear(&error);
    int file = open(config_path, O_CREAT | O_WRONLY, 0600);
    assert_null(socket_open(config_path, b->running, b->backend, NULL, &error));
    assert_int_equal(access(config_path, F_OK), 0);
    close(file);
    unlink(config_path);
    text_clear(&error);
    char longer[200];
    memset(longer, 'x', sizeof longer);
    longer[sizeof longer - 1] = '\0';
    assert_null(socket_open(longer, b->running, b->backend, NULL, &error));
    text_free(&error);
    bench_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_question_and_answer),
        cmocka_unit_test(test_debug_output_comes_by_itself),
        cmocka_unit_test(test_commit_is_answered_when_it_is_on_the_disk),
        cmocka_unit_test(test_commit_that_cannot_be_saved),
        cmocka_unit_test(test_end_of_input_still_gets_its_answers),
        cmocka_unit_test(test_garbage_closes_the_connection),
        cmocka_unit_test(test_slow_reader_stops_nobody_else),
        cmocka_unit_test(test_client_that_vanishes),
        cmocka_unit_test(test_idle_login_makes_room),
        cmocka_unit_test(test_permissions_and_removal),
        cmocka_unit_test(test_stale_socket_is_replaced),
        cmocka_unit_test(test_living_socket_and_other_files_are_left_alone),
    };
    if (!mkdtemp(folder))
        return 1;
    snprintf(socket_path, sizeof socket_path, "%s/cli", folder);
    snprintf(config_path, sizeof config_path, "%s/fw.conf", folder);
    eal_start();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rmdir(folder);
    return failed;
}
