/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests are decoded as they arrive, so that an interrupt is seen while a listing runs, and wait
 * in `queue` as the very frames they came in (re-encoded: one byte string, no list to manage).
 * A step takes the next request or continues the running command; both are bounded by the
 * login. What the login printed is framed after each step and waits in `out`, of which the first
 * `sent` bytes are gone already.
 */
#include "cli/server.h"

#include "cli/cli.h"
#include "cli/protocol.h"

#include <assert.h>
#include <stdlib.h>

struct cli_conn {
    struct cli *cli;
    bool running; /* a command wants cli_step */
    bool closing;
    struct text queue; /* frames not yet acted on */
    size_t taken;      /* bytes at the front of queue that were */
    struct text out;
    size_t sent;
    size_t prompt_at; /* where the prompt at the end of out begins; SIZE_MAX: there is none */
    int amended;      /* status of the next prompt in place of the login's; 0: none */
    struct text scratch;
    struct message_reader from_client, from_queue;
};

static void prompt_put(struct cli_conn *conn, int status)
{
    text_clear(&conn->scratch);
    cli_prompt(conn->cli, &conn->scratch);
    conn->prompt_at = conn->out.n;
    message_put_prompt(&conn->out, status, text_slice(&conn->scratch));
}

static void prompt_send(struct cli_conn *conn)
{
    int status = conn->amended ? conn->amended : cli_status(conn->cli);
    conn->amended = 0;
    prompt_put(conn, status);
}

struct cli_conn *cli_conn_open(struct config_tree *running, const struct backend *backend)
{
    struct cli_conn *conn = calloc(1, sizeof(*conn));
    if (!conn)
        abort();
    conn->cli = cli_open(running, backend);
    prompt_send(conn);
    return conn;
}

void cli_conn_close(struct cli_conn *conn)
{
    if (!conn)
        return;
    cli_close(conn->cli);
    text_free(&conn->queue);
    text_free(&conn->out);
    text_free(&conn->scratch);
    free(conn);
}

/* Forget the first *used bytes once they are the larger half: linear cost over a long life. */
static void compact(struct text *t, size_t *used)
{
    if (*used * 2 < t->n)
        return;
    if (t->n > 0)
        memmove(t->p, t->p + *used, t->n - *used);
    t->n -= *used;
    *used = 0;
}

/* The next queued request, copied out of the queue; its memory is the reader's. */
static bool request_take(struct cli_conn *conn, struct message *request)
{
    if (conn->taken == conn->queue.n)
        return false;
    struct slice rest = slice_skip(text_slice(&conn->queue), conn->taken);
    int rc = message_read(&conn->from_queue, &rest, request);
    assert(rc == 1);
    conn->taken = conn->queue.n - rest.n;
    compact(&conn->queue, &conn->taken);
    return true;
}

/* Every request keeps its one last answer, so that the client never loses count. */
static void interrupt(struct cli_conn *conn)
{
    struct message request;
    if (conn->running) {
        cli_interrupt(conn->cli);
        conn->running = false;
        prompt_send(conn);
    }
    while (request_take(conn, &request)) {
        if (request.type == MESSAGE_LINE || request.type == MESSAGE_ABANDON)
            prompt_send(conn);
        else
            message_put(&conn->out, MESSAGE_ANSWER, SLICE_NONE);
    }
}

int cli_conn_input(struct cli_conn *conn, struct slice bytes)
{
    struct message message;
    int rc = 0;
    while (!conn->closing && (rc = message_read(&conn->from_client, &bytes, &message)) > 0) {
        if (message.type == MESSAGE_INTERRUPT)
            interrupt(conn);
        else
            message_put(&conn->queue, message.type, message.payload);
    }
    if (rc < 0)
        conn->closing = true;
    return rc < 0 ? rc : 0;
}

bool cli_conn_wants_input(const struct cli_conn *conn)
{
    return !conn->closing && conn->queue.n - conn->taken <= CLI_CONN_QUEUE;
}

static void advance(struct cli_conn *conn, enum cli_state state)
{
    struct text *printed = cli_output(conn->cli);
    conn->prompt_at = SIZE_MAX;
    message_put_long(&conn->out, MESSAGE_OUTPUT, text_slice(printed));
    text_clear(printed);
    conn->running = state == CLI_MORE;
    if (state == CLI_DONE)
        prompt_send(conn);
    if (state == CLI_EXIT) {
        message_put(&conn->out, MESSAGE_EXIT, SLICE_NONE);
        conn->closing = true;
    }
}

static void request_run(struct cli_conn *conn, const struct message *request)
{
    text_clear(&conn->scratch);
    switch (request->type) {
    case MESSAGE_LINE:
        advance(conn, cli_line(conn->cli, request->payload));
        return;
    case MESSAGE_COMPLETE:
        cli_complete(conn->cli, request->payload, &conn->scratch);
        break;
    case MESSAGE_HELP:
        cli_help(conn->cli, request->payload, &conn->scratch);
        break;
    case MESSAGE_ABANDON:
        cli_abandon(conn->cli);
        prompt_send(conn);
        return;
    default:
        /* A client that sends what only a daemon sends. */
        conn->closing = true;
        return;
    }
    message_put(&conn->out, MESSAGE_ANSWER, slice_head(text_slice(&conn->scratch), MESSAGE_MAX));
}

bool cli_conn_step(struct cli_conn *conn)
{
    struct message request;
    if (conn->closing || conn->out.n - conn->sent > CLI_CONN_BACKLOG)
        return false;
    if (conn->running)
        advance(conn, cli_step(conn->cli));
    else if (request_take(conn, &request))
        request_run(conn, &request);
    else
        return false;
    return !conn->closing && (conn->running || conn->taken < conn->queue.n);
}

bool cli_conn_debug(struct cli_conn *conn)
{
    struct text *printed = cli_output(conn->cli);
    if (conn->closing || conn->running || conn->out.n - conn->sent > CLI_CONN_BACKLOG)
        return false;
    bool more = cli_show_debug(conn->cli);
    if (printed->n == 0)
        return more;
    conn->prompt_at = SIZE_MAX;
    message_put_long(&conn->out, MESSAGE_OUTPUT, text_slice(printed));
    text_clear(printed);
    return more;
}

void cli_conn_amend(struct cli_conn *conn, struct slice words, int status)
{
    bool answered = conn->prompt_at != SIZE_MAX && !conn->running;
    if (answered)
        conn->out.n = conn->prompt_at;
    message_put_long(&conn->out, MESSAGE_OUTPUT, words);
    if (answered)
        prompt_put(conn, status);
    else
        conn->amended = status;
}

struct slice cli_conn_pending(const struct cli_conn *conn)
{
    if (conn->sent == conn->out.n)
        return SLICE_NONE;
    return slice_skip(text_slice(&conn->out), conn->sent);
}

void cli_conn_sent(struct cli_conn *conn, size_t n)
{
    assert(n <= conn->out.n - conn->sent);
    conn->sent += n;
    if (conn->prompt_at < conn->sent)
        conn->prompt_at = SIZE_MAX;
    size_t before = conn->sent;
    compact(&conn->out, &conn->sent);
    if (conn->prompt_at != SIZE_MAX)
        conn->prompt_at -= before - conn->sent;
}

bool cli_conn_closing(const struct cli_conn *conn)
{
    return conn->closing;
}
