/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One connected client of the daemon, without its socket: bytes received go in, bytes to send come
 * out, and in between a login runs one step at a time. The control thread owns it. Its loop, for
 * each connection:
 *
 *   readable and cli_conn_wants_input   read, cli_conn_input
 *   cli_conn_step says true             call it again in the next round, do not sleep
 *   cli_conn_pending not empty          write, cli_conn_sent
 *   cli_conn_closing and none pending   cli_conn_close, close the socket
 *
 * A client that does not read what it asked for stops its own listing, nothing else: no step is
 * made while more than CLI_CONN_BACKLOG bytes wait to be sent.
 */
#pragma once

#include "base/slice.h"

#include <stdbool.h>

struct backend;
struct config_tree;
struct cli_conn;

enum {
    CLI_CONN_BACKLOG = 256 * 1024, /* output waiting: make no step above it */
    CLI_CONN_QUEUE = 256 * 1024,   /* requests waiting: read no more above it */
};

/* A new login for a client that has just connected; its first prompt is pending at once. */
struct cli_conn *cli_conn_open(struct config_tree *running, const struct backend *backend);

/* The client is gone or done: pending edits of the login are dropped. */
void cli_conn_close(struct cli_conn *conn);

/*
 * Take bytes from the socket, cut anywhere. Requests are queued; an interrupt acts at once. 0, or
 * -EMSGSIZE or -EPROTO for a peer that speaks something else: the connection is closing then.
 */
int cli_conn_input(struct cli_conn *conn, struct slice bytes);

/* False while so much is queued that the socket is better left unread. */
bool cli_conn_wants_input(const struct cli_conn *conn);

/*
 * Do one bounded piece of work. True: there is more to do now. False: wait for input, or for
 * output to drain.
 */
bool cli_conn_step(struct cli_conn *conn);

/* Between commands: frame debug output that waits, unless the client is behind. True: there may be
 * more at once. */
bool cli_conn_debug(struct cli_conn *conn);

/*
 * What the last step did turned out otherwise afterwards: its answer says `words` before its
 * prompt, which carries `status`; where that prompt has gone out already, the next one does.
 */
void cli_conn_amend(struct cli_conn *conn, struct slice words, int status);

/* Bytes to send; valid until the next call on `conn`. */
struct slice cli_conn_pending(const struct cli_conn *conn);

/* The first `n` pending bytes went out. */
void cli_conn_sent(struct cli_conn *conn, size_t n);

/* Nothing more will come: send what is pending, then close. */
bool cli_conn_closing(const struct cli_conn *conn);
