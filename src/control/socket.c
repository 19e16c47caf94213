/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A round asks poll, without waiting, who has something, and then gives every client the same: one
 * read, one write, one step of its login. Buffers are bounded by cli/server.h: a login that has too
 * much to send makes no step, one that has too much to do is not read.
 *
 * A login whose step changed the configuration rests until the helper has put that on the disk, or
 * failed to; its answer then says so. A client that closed its end still gets the answers to what
 * it sent before (a pipe of commands ends that way); it is closed once its login has nothing left
 * to do and to send. When all places are taken, the login that has said nothing for the longest
 * time makes room: idle clients cannot lock an operator out.
 */
#include "control/socket.h"

#include "base/log.h"
#include "base/text.h"
#include "cli/server.h"
#include "control/publish.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define CLIENTS_MAX 32
#define READ_BYTES  16384
#define NOT_SAVED   (-5) /* status of a command whose change is not on the disk */

struct client {
    int fd;
    struct cli_conn *conn;
    bool more;          /* its login has work for the next round */
    bool blocked;       /* its socket takes no more for now */
    bool ended;         /* it will send nothing more */
    uint64_t save;      /* its answer waits for this save; 0: for none */
    uint64_t active_ms; /* when it said something last, or came */
};

struct socket_server {
    int fd;
    struct sockaddr_un address;
    dev_t device; /* of the socket file, so that we remove only our own */
    ino_t inode;
    struct config_tree *running;
    const struct backend *backend;
    const struct publish *publish;
    uint64_t looked_ms;
    unsigned n;
    struct client clients[CLIENTS_MAX];
};

/* ---- the listening end ---- */

/* Does somebody listen there? */
static int address_probe(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    int result = connect(fd, (const struct sockaddr *)address, sizeof *address) == 0 ? 0 : -errno;
    close(fd);
    return result;
}

/* Take away what a daemon that was killed left behind. */
static int stale_remove(const struct sockaddr_un *address)
{
    struct stat st;
    if (lstat(address->sun_path, &st) != 0)
        return errno == ENOENT ? 0 : -errno;
    if (!S_ISSOCK(st.st_mode))
        return -ENOTSOCK;
    if (address_probe(address) != -ECONNREFUSED)
        return -EADDRINUSE;
    return unlink(address->sun_path) == 0 ? 0 : -errno;
}

static int listen_at(struct socket_server *server)
{
    struct stat st;
    int result = stale_remove(&server->address);
    if (result != 0)
        return result;
    server->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (server->fd < 0)
        return -errno;
    mode_t mask = umask(0117);
    result = bind(server->fd, (const struct sockaddr *)&server->address, sizeof server->address);
    umask(mask);
    if (result != 0)
        return -errno;
    if (lstat(server->address.sun_path, &st) != 0 || listen(server->fd, CLIENTS_MAX) != 0)
        return -errno;
    server->device = st.st_dev;
    server->inode = st.st_ino;
    return 0;
}

struct socket_server *socket_open(const char *path, struct config_tree *running,
                                  const struct backend *backend, const struct publish *publish,
                                  struct text *error)
{
    struct socket_server *server = calloc(1, sizeof *server);
    if (!server)
        abort();
    server->fd = -1;
    server->running = running;
    server->backend = backend;
    server->publish = publish;
    server->address.sun_family = AF_UNIX;
    int result = -ENAMETOOLONG;
    if (strlen(path) < sizeof server->address.sun_path) {
        memcpy(server->address.sun_path, path, strlen(path));
        result = listen_at(server);
    }
    if (result == 0)
        return server;
    text_printf(error, "socket %s: %s", path,
                result == -EADDRINUSE ? "another daemon listens there" : strerror(-result));
    if (server->fd >= 0)
        close(server->fd);
    free(server);
    return NULL;
}

static void client_close(struct client *client)
{
    cli_conn_close(client->conn);
    close(client->fd);
}

void socket_close(struct socket_server *server)
{
    struct stat st;
    if (!server)
        return;
    for (unsigned i = 0; i < server->n; i++)
        client_close(&server->clients[i]);
    if (lstat(server->address.sun_path, &st) == 0 && st.st_dev == server->device &&
        st.st_ino == server->inode)
        unlink(server->address.sun_path);
    close(server->fd);
    free(server);
}

/* The one that was quiet for the longest time, the oldest of equals, leaves its place. */
static void room_make(struct socket_server *server, uint64_t now_ms)
{
    unsigned quiet = 0;
    for (unsigned i = 1; i < server->n; i++)
        if (server->clients[i].active_ms < server->clients[quiet].active_ms)
            quiet = i;
    log_warn("more than %d CLI clients at once: one that was idle for %llu s is closed",
             CLIENTS_MAX, (unsigned long long)(now_ms - server->clients[quiet].active_ms) / 1000);
    client_close(&server->clients[quiet]);
    server->n--;
    memmove(&server->clients[quiet], &server->clients[quiet + 1],
            (server->n - quiet) * sizeof server->clients[0]);
}

static unsigned clients_accept(struct socket_server *server, uint64_t now_ms)
{
    unsigned n = 0;
    for (; n < CLIENTS_MAX; n++) {
        int fd = accept4(server->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0)
            return n;
        if (server->n == CLIENTS_MAX)
            room_make(server, now_ms);
        server->clients[server->n++] = (struct client){
            .fd = fd, .conn = cli_conn_open(server->running, server->backend), .active_ms = now_ms};
    }
    return n;
}

/* ---- a client's turn ---- */

/* False: it is gone, answers included. */
static bool client_read(struct client *client)
{
    char bytes[READ_BYTES];
    ssize_t n = recv(client->fd, bytes, sizeof bytes, 0);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    if (n == 0)
        client->ended = true;
    else
        (void)cli_conn_input(client->conn, slice_of(bytes, (size_t)n)); /* closing then */
    return true;
}

static bool client_write(struct client *client)
{
    struct slice pending = cli_conn_pending(client->conn);
    if (pending.n == 0)
        return true;
    ssize_t n = send(client->fd, pending.p, pending.n, MSG_NOSIGNAL);
    client->blocked = n < (ssize_t)pending.n;
    if (n < 0)
        return errno == EAGAIN || errno == EINTR;
    cli_conn_sent(client->conn, (size_t)n);
    return true;
}

static short events_wanted(const struct client *client)
{
    bool reads = !client->ended && cli_conn_wants_input(client->conn);
    bool writes = cli_conn_pending(client->conn).n > 0;
    return client->save ? 0 : (short)((reads ? POLLIN : 0) | (writes ? POLLOUT : 0));
}

/* True while the helper writes. The answer is made to say what came of it. */
static bool client_rests(const struct socket_server *server, struct client *client)
{
    struct text why = {0}, warning = {0};
    int result = client->save ? publish_saved(server->publish, client->save, &why) : 0;
    if (result == -EINPROGRESS)
        return true;
    client->save = 0;
    if (result != 0) {
        text_printf(&warning, "Warning: the change is in force, but not saved: %s\n", why.p);
        cli_conn_amend(client->conn, text_slice(&warning), NOT_SAVED);
        text_free(&warning);
        text_free(&why);
    }
    return false;
}

/* False: close it. */
static bool client_turn(struct socket_server *server, struct client *client, short events)
{
    uint64_t saves = server->publish->saves;
    if (events & (POLLERR | POLLNVAL))
        return false;
    if (client_rests(server, client))
        return true;
    if (events & POLLIN)
        client->active_ms = server->looked_ms;
    if (events & (POLLIN | POLLHUP) && !client->ended && !client_read(client))
        return false;
    if (!client_write(client))
        return false;
    client->more = cli_conn_step(client->conn);
    client->more |= cli_conn_debug(client->conn);
    if (server->publish->saves != saves)
        client->save = server->publish->saves;
    bool done = cli_conn_closing(client->conn) || (client->ended && !client->more);
    return !done || cli_conn_pending(client->conn).n > 0;
}

static bool client_busy(const struct client *client)
{
    if (client->save)
        return false;
    return client->more || (!client->blocked && cli_conn_pending(client->conn).n > 0);
}

static bool anybody_busy(const struct socket_server *server)
{
    for (unsigned i = 0; i < server->n; i++)
        if (client_busy(&server->clients[i]))
            return true;
    return false;
}

unsigned socket_run(struct socket_server *server, uint64_t now_ms)
{
    struct pollfd fds[CLIENTS_MAX + 1] = {{.fd = server->fd, .events = POLLIN}};
    unsigned done = 0, kept = 0;
    if (now_ms == server->looked_ms && !anybody_busy(server))
        return 0;
    server->looked_ms = now_ms;
    for (unsigned i = 0; i < server->n; i++)
        fds[i + 1] = (struct pollfd){server->clients[i].fd, events_wanted(&server->clients[i]), 0};
    if (poll(fds, server->n + 1, 0) < 0)
        return 0;

    for (unsigned i = 0; i < server->n; i++) {
        struct client *client = &server->clients[i];
        bool keep = client_turn(server, client, fds[i + 1].revents);
        done += fds[i + 1].revents != 0;
        if (keep)
            server->clients[kept++] = *client;
        else
            client_close(client);
    }
    server->n = kept;
    if (fds[0].revents & POLLIN)
        done += clients_accept(server, now_ms);
    return done + anybody_busy(server);
}
