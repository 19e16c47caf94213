/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The Unix stream socket of the CLI: carries bytes between clients and cli/server.h, which does the
 * rest. The control thread owns it; nothing here waits, and a client that does not read stops only
 * its own listing.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct backend;
struct config_tree;
struct publish;
struct socket_server;
struct text;

/*
 * Listen at `path`, mode 0660. An answer to what `publish` saves waits until it is on the disk. A
 * socket there that nobody listens on any more is replaced. NULL with the reason in `error`:
 * somebody listens, it is no socket, or the system refuses.
 */
struct socket_server *socket_open(const char *path, struct config_tree *running,
                                  const struct backend *backend, const struct publish *publish,
                                  struct text *error);

/* Ends all logins and removes the socket. NULL is fine. */
void socket_close(struct socket_server *server);

/*
 * One round: new clients, bytes in, one step of each login, bytes out. Looks at the sockets once
 * per millisecond unless there is work. Returns how much was done.
 */
unsigned socket_run(struct socket_server *server, uint64_t now_ms);
