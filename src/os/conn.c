/*
 * A request costs one receive and one send. No receive is repeated to hear
 * "nothing more": epoll is level-triggered and says if there is. EPOLLOUT is
 * watched only while the socket is full, EPOLLIN only while the session may
 * read, so one that must wait costs nothing.
 */
#include "os/loop_inside.h"

#include "base/memory.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

static void
refuse(int fd, const char *why)
{
    union {
        const char *in;
        void *out;
    } text = {.in = why};
    struct iovec parts[3] = {
        {(char[]){"-"}, 1}, {text.out, strlen(why)}, {(char[]){"\r\n"}, 2}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 3};
    char ignored[512];

    /* Best effort; the socket is new, so there is room. What the client has
     * said already is read, or closing would reset what it has to hear. */
    if (sendmsg(fd, &message, MSG_NOSIGNAL) < 0) errno = 0;
    (void)shutdown(fd, SHUT_WR);
    if (recv(fd, ignored, sizeof(ignored), MSG_DONTWAIT) < 0) errno = 0;
    (void)close(fd);
}

static struct session *
open_session(struct loop *loop, const struct arrival *arrival)
{
    char peer[SOCKET_NAME_ROOM], local[SOCKET_NAME_ROOM];
    struct open_info info = {.fd = arrival->fd,
                             .is_unix = arrival->listener->is_unix,
                             .address = peer,
                             .local_address = local};
    const char *refusal = NULL;
    struct session *session;

    if (info.is_unix) {
        /* As Redis shows these: the path, and a port of 0. */
        (void)snprintf(peer, sizeof(peer), "%.100s:0", arrival->listener->name);
        memcpy(local, peer, sizeof(local));
    } else {
        info.is_loopback = socket_is_loopback(&arrival->peer);
        socket_name(&arrival->peer, peer);
        socket_local_name(arrival->fd, local);
    }
    session = worker_open(loop->worker, &info, &refusal);
    if (session == NULL) refuse(arrival->fd, refusal);
    return session;
}

void
conn_open(struct loop *loop, const struct arrival *arrival)
{
    struct epoll_event event = {.events = EPOLLIN};
    struct session *session = NULL;
    struct conn *conn;

    if (loop->is_stopping) {
        (void)close(arrival->fd);
    } else {
        session = open_session(loop, arrival);
    }
    if (session == NULL) {
        atomic_fetch_sub(&loop->conn_count, 1);
        return;
    }
    conn = mem_must_zero(sizeof(*conn));
    conn->source = (struct source){SOURCE_CONN, arrival->fd};
    conn->session = session;
    conn->interest = EPOLLIN;
    conn->next = loop->conns;
    if (conn->next != NULL) conn->next->prev = conn;
    loop->conns = conn;
    session->loop_data = conn;
    event.data.ptr = conn;
    if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, arrival->fd, &event) < 0) {
        conn_close(loop, conn);
    }
}

void
conn_close(struct loop *loop, struct conn *conn)
{
    ASSERT(conn->session != NULL);
    worker_close(loop->worker, conn->session);
    conn->session = NULL;
    (void)close(conn->source.fd); /* leaves the epoll set by itself */
    if (conn->prev != NULL) conn->prev->next = conn->next;
    if (conn->prev == NULL) loop->conns = conn->next;
    if (conn->next != NULL) conn->next->prev = conn->prev;
    conn->next_dead = loop->dead;
    loop->dead = conn;
    atomic_fetch_sub(&loop->conn_count, 1);
}

void
conn_bury(struct loop *loop)
{
    struct conn *conn, *next, *kept = NULL;

    for (conn = loop->dead; conn != NULL; conn = next) {
        next = conn->next_dead;
        if (conn->is_woken) { /* the list of woken ones still has it */
            conn->next_dead = kept;
            kept = conn;
            continue;
        }
        mem_free(conn->pending);
        mem_free(conn);
    }
    loop->dead = kept;
}

/* What the socket took, 0 if it is full, -1 if the connection is gone. */
static ssize_t
send_pieces(int fd, const struct bytes *pieces, uint32_t count)
{
    ssize_t sent;

    if (count == 1) {
        sent = send(fd, pieces[0].data, pieces[0].size, MSG_NOSIGNAL);
    } else {
        union {
            const char *in;
            void *out;
        } data[2] = {{.in = pieces[0].data}, {.in = pieces[1].data}};
        struct iovec parts[2] = {{data[0].out, pieces[0].size},
                                 {data[1].out, pieces[1].size}};
        struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};

        sent = sendmsg(fd, &message, MSG_NOSIGNAL);
    }
    if (sent >= 0) return sent;
    return errno == EAGAIN || errno == EINTR || errno == ENOBUFS ? 0 : -1;
}

/* The rest of an earlier send goes first. False: the socket is full or gone;
 * *is_gone tells. */
static bool
send_pending(struct conn *conn, bool *is_gone)
{
    struct bytes rest = bytes_of(conn->pending + conn->pending_at,
                                 conn->pending_bytes - conn->pending_at);
    ssize_t sent = send_pieces(conn->source.fd, &rest, 1);

    *is_gone = sent < 0;
    if (sent > 0) conn->pending_at += (size_t)sent;
    if (conn->pending_at < conn->pending_bytes) return false;
    mem_free(conn->pending);
    conn->pending = NULL;
    conn->pending_at = conn->pending_bytes = 0;
    return true;
}

void
conn_keep(struct conn *conn, struct bytes rest)
{
    ASSERT(conn->pending == NULL);
    conn->pending = mem_must_text(rest.data, rest.size);
    conn->pending_bytes = rest.size;
    conn->is_full = true;
}

bool
conn_flush(struct loop *loop, struct conn *conn)
{
    struct bytes pieces[2];
    uint32_t count = worker_output(loop->worker, conn->session, pieces);
    bool is_gone = false;
    size_t all = 0;
    ssize_t sent = 0;
    uint32_t i;

    for (i = 0; i < count; i++)
        all += pieces[i].size;
    if (all > LOOP_BULK_BYTES) conn->is_bulky = true;
    if (!conn->is_full && conn->pending != NULL) {
        conn->is_full = !send_pending(conn, &is_gone);
    }
    if (all > 0 && !conn->is_full) {
        sent = send_pieces(conn->source.fd, pieces, count);
        is_gone = sent < 0;
        if (is_gone) sent = 0;
    }
    worker_sent(loop->worker, conn->session, (size_t)sent);
    if (is_gone) {
        conn_close(loop, conn);
        return false;
    }
    conn->is_full = (size_t)sent < all || conn->pending != NULL;
    return true;
}

/* Nothing more will come of it once all is sent. */
static bool
is_over(const struct loop *loop, const struct conn *conn)
{
    const struct session *session = conn->session;

    return loop->is_stopping || session->is_closing ||
           (conn->is_ended && session_is_done(session));
}

bool
conn_settle(struct loop *loop, struct conn *conn)
{
    const struct session *session = conn->session;
    struct epoll_event event = {.data.ptr = conn};

    if ((session->client.flags & CLIENT_KILLED) ||
        (!conn->is_full && is_over(loop, conn))) {
        conn_close(loop, conn);
        return false;
    }
    if (!loop->is_stopping && !conn->is_ended && session_may_read(session)) {
        event.events |= EPOLLIN;
    }
    if (conn->is_full) event.events |= EPOLLOUT;
    if (UNLIKELY(event.events != conn->interest)) {
        conn->interest = event.events;
        (void)epoll_ctl(loop->epoll_fd, EPOLL_CTL_MOD, conn->source.fd, &event);
    }
    return true;
}

void
conn_readable(struct loop *loop, struct conn *conn)
{
    size_t room = LOOP_INPUT_BYTES;
    uint32_t round;
    char *to;

    /* Whole commands wait already: their turn first, then the socket's. */
    if (conn->session->wants_more) return;
    to = worker_room(loop->worker, conn->session, &room);
    if (to == NULL) to = loop->input;
    for (round = 0; round < LOOP_ROUNDS_MAX && to != NULL; round++) {
        ssize_t got = recv(conn->source.fd, to, room, 0);

        if (got < 0 && (errno == EAGAIN || errno == EINTR)) break;
        if (got < 0) {
            conn_close(loop, conn);
            return;
        }
        if (got == 0) {
            conn->is_ended = true;
            break;
        }
        conn->is_bulky = got > LOOP_BULK_BYTES;
        worker_input(loop->worker, conn->session, to, (size_t)got);
        if (!conn_flush(loop, conn)) return;
        if ((size_t)got < room) break;
        /* more at once only of a value: commands wait for the others' turn */
        to = worker_room(loop->worker, conn->session, &room);
    }
    (void)conn_settle(loop, conn);
}

void
conn_continue(struct loop *loop, struct conn *conn)
{
    if (!(conn->session->client.flags & CLIENT_KILLED) && !loop->is_stopping) {
        worker_input(loop->worker, conn->session, NULL, 0);
    }
    if (conn_flush(loop, conn)) (void)conn_settle(loop, conn);
}

void
conn_writable(struct loop *loop, struct conn *conn)
{
    conn->is_full = false;
    if (!conn_flush(loop, conn)) return;
    /* Unsent output may have held up commands that were read already. */
    if (!conn->is_full && conn->session->query.used > 0) {
        conn_continue(loop, conn);
        return;
    }
    (void)conn_settle(loop, conn);
}
