/* SPDX-License-Identifier: BSD-3-Clause */
#include "cli/server.h"

#include "cli/protocol.h"
#include "fake.h"

#include <errno.h>
#include <stdlib.h>

struct peer {
    struct fake fake;
    struct cli_conn *conn;
    struct message_reader reader;
    struct text sent; /* everything the daemon sent so far */
    size_t read;
};

static int setup(void **state)
{
    struct peer *peer = calloc(1, sizeof(*peer));
    fake_open(&peer->fake);
    peer->conn = cli_conn_open(peer->fake.running, &peer->fake.backend);
    *state = peer;
    return 0;
}

static int teardown(void **state)
{
    struct peer *peer = *state;
    cli_conn_close(peer->conn);
    fake_close(&peer->fake);
    text_free(&peer->sent);
    free(peer);
    return 0;
}

/* Take at most `n` pending bytes, as a socket would. */
static void drain(struct peer *peer, size_t n)
{
    struct slice pending = slice_head(cli_conn_pending(peer->conn), n);
    text_put(&peer->sent, pending);
    cli_conn_sent(peer->conn, pending.n);
}

static void run(struct peer *peer)
{
    do
        drain(peer, SIZE_MAX);
    while (cli_conn_step(peer->conn) || cli_conn_pending(peer->conn).n > 0);
}

static int send_message(struct peer *peer, enum message_type type, const char *payload)
{
    struct text frame = {0};
    message_put(&frame, type, slice_str(payload));
    int rc = cli_conn_input(peer->conn, text_slice(&frame));
    text_free(&frame);
    return rc;
}

/* The next frame the daemon sent; its payload must be `wanted` (NULL: any). */
static struct message expect(struct peer *peer, enum message_type type, const char *wanted)
{
    struct message message;
    struct slice rest = slice_skip(text_slice(&peer->sent), peer->read);
    assert_int_equal(message_read(&peer->reader, &rest, &message), 1);
    peer->read = peer->sent.n - rest.n;
    assert_int_equal(message.type, type);
    if (wanted && !slice_eq(message.payload, slice_str(wanted)))
        fail_msg("payload \"%.*s\", expected \"%s\"", SLICE_ARG(message.payload), wanted);
    return message;
}

static void expect_prompt(struct peer *peer, int status, const char *prompt)
{
    struct message message = expect(peer, MESSAGE_PROMPT, NULL);
    struct slice text;
    int code;
    assert_int_equal(message_prompt(message.payload, &code, &text), 0);
    assert_int_equal(code, status);
    if (!slice_eq(text, slice_str(prompt)))
        fail_msg("prompt \"%.*s\", expected \"%s\"", SLICE_ARG(text), prompt);
}

static void expect_nothing(struct peer *peer)
{
    assert_int_equal(peer->read, peer->sent.n);
}

static void a_conversation(void **state)
{
    struct peer *peer = *state;
    run(peer);
    expect_prompt(peer, 0, "Pinhole # ");
    send_message(peer, MESSAGE_LINE, "get system session status");
    send_message(peer, MESSAGE_LINE, "nonsense");
    send_message(peer, MESSAGE_COMPLETE, "conf");
    send_message(peer, MESSAGE_HELP, "conf");
    send_message(peer, MESSAGE_LINE, "config system global");
    send_message(peer, MESSAGE_ABANDON, "");
    send_message(peer, MESSAGE_HELP, "nothing here ");
    run(peer);
    expect(peer, MESSAGE_OUTPUT, "The total number of sessions for the current VDOM: 0\n");
    expect_prompt(peer, 0, "Pinhole # ");
    expect(peer, MESSAGE_OUTPUT, "Unknown action 0\n");
    expect_prompt(peer, -61, "Pinhole # ");
    expect(peer, MESSAGE_ANSWER, "config\n");
    expect(peer, MESSAGE_ANSWER, "config    Configure object.\n");
    expect_prompt(peer, 0, "Pinhole (global) # ");
    expect_prompt(peer, 0, "Pinhole # ");
    expect(peer, MESSAGE_ANSWER, "");
    expect_nothing(peer);
    assert_false(cli_conn_closing(peer->conn));
    send_message(peer, MESSAGE_LINE, "exit");
    send_message(peer, MESSAGE_LINE, "get system session status");
    run(peer);
    expect(peer, MESSAGE_EXIT, "");
    expect_nothing(peer);
    assert_true(cli_conn_closing(peer->conn));
    assert_false(cli_conn_wants_input(peer->conn));
}

static void requests_cut_anywhere_give_the_same_answers(void **state)
{
    (void)state;
    struct text in = {0}, whole = {0};
    message_put(&in, MESSAGE_LINE, SLICE_LIT("get system session status"));
    message_put(&in, MESSAGE_HELP, SLICE_LIT("get sys"));
    message_put(&in, MESSAGE_LINE, SLICE_LIT("exit"));
    for (size_t cut = 0; cut <= in.n; cut++) {
        void *one;
        setup(&one);
        struct peer *peer = one;
        assert_int_equal(cli_conn_input(peer->conn, slice_head(text_slice(&in), cut)), 0);
        run(peer);
        assert_int_equal(cli_conn_input(peer->conn, slice_skip(text_slice(&in), cut)), 0);
        run(peer);
        if (cut == 0)
            text_put(&whole, text_slice(&peer->sent));
        assert_true(slice_eq(text_slice(&whole), text_slice(&peer->sent)));
        teardown(&one);
    }
    text_free(&in);
    text_free(&whole);
}

static void a_listing_takes_one_slice_a_step(void **state)
{
    struct peer *peer = *state;
    fake_sessions(&peer->fake, 1000);
    send_message(peer, MESSAGE_LINE, "diagnose sys session list");
    unsigned steps = 0;
    for (bool more = true; more; steps++) {
        more = cli_conn_step(peer->conn);
        assert_true(cli_conn_pending(peer->conn).n < 64 * 1100 + 1024);
        drain(peer, SIZE_MAX);
    }
    assert_int_equal(steps, 1000 / 64 + 1);
}

static void a_client_that_does_not_read_stops_only_itself(void **state)
{
    struct peer *peer = *state;
    fake_sessions(&peer->fake, 20000);
    send_message(peer, MESSAGE_LINE, "diagnose sys session list");
    while (cli_conn_step(peer->conn))
        continue;
    size_t held = cli_conn_pending(peer->conn).n;
    assert_in_range(held, CLI_CONN_BACKLOG, CLI_CONN_BACKLOG + 70000);
    assert_false(cli_conn_step(peer->conn));
    assert_int_equal(cli_conn_pending(peer->conn).n, held);
    /* In small bites it ends all the same. */
    unsigned rounds = 0;
    for (; cli_conn_pending(peer->conn).n > 0; rounds++) {
        drain(peer, 50000);
        cli_conn_step(peer->conn);
    }
    assert_true(rounds > 200);
    assert_non_null(strstr(peer->sent.p + peer->sent.n - 80, "total session 20000\n"));
}

static void an_interrupt_ends_the_listing_and_drops_the_queue(void **state)
{
    struct peer *peer = *state;
    fake_sessions(&peer->fake, 1000);
    run(peer);
    expect_prompt(peer, 0, "Pinhole # ");
    send_message(peer, MESSAGE_LINE, "diagnose sys session list | grep zzz");
    assert_true(cli_conn_step(peer->conn));
    send_message(peer, MESSAGE_LINE, "diagnose sys session clear");
    send_message(peer, MESSAGE_COMPLETE, "conf");
    send_message(peer, MESSAGE_INTERRUPT, "");
    run(peer);
    expect_prompt(peer, CLI_INTERRUPTED, "Pinhole # ");
    expect_prompt(peer, CLI_INTERRUPTED, "Pinhole # ");
    expect(peer, MESSAGE_ANSWER, "");
    expect_nothing(peer);
    assert_false(peer->fake.session_gone[0]);

    /* Too late it does nothing, and contexts stay. */
    send_message(peer, MESSAGE_LINE, "config system global");
    run(peer);
    expect_prompt(peer, 0, "Pinhole (global) # ");
    send_message(peer, MESSAGE_INTERRUPT, "");
    run(peer);
    expect_nothing(peer);
    send_message(peer, MESSAGE_LINE, "");
    run(peer);
    expect_prompt(peer, 0, "Pinhole (global) # ");
}

static void a_full_queue_asks_for_a_pause(void **state)
{
    struct peer *peer = *state;
    unsigned sent = 0;
    while (cli_conn_wants_input(peer->conn)) {
        assert_int_equal(send_message(peer, MESSAGE_LINE, "get system session status"), 0);
        sent++;
    }
    assert_in_range(sent, CLI_CONN_QUEUE / 40, CLI_CONN_QUEUE / 20);
    run(peer);
    assert_true(cli_conn_wants_input(peer->conn));
    expect_prompt(peer, 0, "Pinhole # ");
    for (unsigned i = 0; i < sent; i++) {
        expect(peer, MESSAGE_OUTPUT, NULL);
        expect_prompt(peer, 0, "Pinhole # ");
    }
    expect_nothing(peer);
}

static void what_is_no_client_is_closed(void **state)
{
    struct peer *peer = *state;
    assert_int_equal(cli_conn_input(peer->conn, SLICE_LIT("GET / HTTP/1.1\r\n\r\n")), -EMSGSIZE);
    assert_true(cli_conn_closing(peer->conn));
    assert_int_equal(cli_conn_input(peer->conn, SLICE_LIT("x")), 0);
    assert_false(cli_conn_step(peer->conn));

    struct cli_conn *second = cli_conn_open(peer->fake.running, &peer->fake.backend);
    assert_int_equal(cli_conn_input(second, slice_of("\0\0\0\0\x77", 5)), -EPROTO);
    cli_conn_close(second);

    /* A frame that only a daemon sends. */
    struct cli_conn *third = cli_conn_open(peer->fake.running, &peer->fake.backend);
    assert_int_equal(cli_conn_input(third, slice_of("\0\0\0\0\x84", 5)), 0);
    assert_false(cli_conn_step(third));
    assert_true(cli_conn_closing(third));
    cli_conn_close(third);
    cli_conn_close(NULL);
}

static void random_bytes_never_hurt(void **state)
{
    struct peer *peer = *state;
    srand(3);
    for (int round = 0; round < 300; round++) {
        struct cli_conn *conn = cli_conn_open(peer->fake.running, &peer->fake.backend);
        for (int part = 0; part < 20; part++) {
            char bytes[300];
            size_t n = (size_t)rand() % 40;
            memset(bytes, 0, 5);
            bytes[3] = (char)n;
            bytes[4] = (char)(1 + rand() % 5);
            for (size_t i = 5; i < n + 5; i++)
                bytes[i] = (char)(rand() % 3 ? 'a' + rand() % 26 : rand());
            if (cli_conn_input(conn, slice_of(bytes, n + 5 + (size_t)(rand() % 50 == 0))) != 0)
                break;
            while (cli_conn_step(conn))
                continue;
            cli_conn_sent(conn, cli_conn_pending(conn).n);
        }
        cli_conn_close(conn);
    }
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_conversation),
        TEST(requests_cut_anywhere_give_the_same_answers),
        TEST(a_listing_takes_one_slice_a_step),
        TEST(a_client_that_does_not_read_stops_only_itself),
        TEST(an_interrupt_ends_the_listing_and_drops_the_queue),
        TEST(a_full_queue_asks_for_a_pause),
        TEST(what_is_no_client_is_closed),
        TEST(random_bytes_never_hurt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
