/*
 * link.c - non-blocking sockets and poll(), so that a server that answers much
 * while we still send cannot block both.
 */
#include "link.h"

#include "tree.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int
connect_to(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    struct timespec pause = {0, 50 * 1000 * 1000};
    int one = 1;

    address.sin_port = htons((uint16_t)port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int tries = 0; tries < 100; tries++) {
        int fd = socket(AF_INET, SOCK_STREAM, 0);

        if (fd < 0) die("socket: %s", strerror(errno));
        if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0) {
            setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
            fcntl(fd, F_SETFL, O_NONBLOCK);
            return fd;
        }
        close(fd);
        nanosleep(&pause, NULL);
    }
    die("no server answers on port %d", port);
}

static void
open_link(struct link *link, int port)
{
    struct sockaddr_in mine = {0};
    socklen_t size = sizeof(mine);

    link->fd = connect_to(port);
    link->is_closed = false;
    link->in.size = link->consumed = 0;
    if (getsockname(link->fd, (struct sockaddr *)&mine, &size) < 0) {
        die("getsockname: %s", strerror(errno));
    }
    snprintf(link->address, sizeof(link->address), "127.0.0.1:%u",
             (unsigned)ntohs(mine.sin_port));
    snprintf(link->server_address, sizeof(link->server_address), "127.0.0.1:%d",
             port);
}

void
pair_open(struct pair *pair, const int ports[SIDES])
{
    static const char *const ask_id[] = {"CLIENT", "ID"};

    for (int side = 0; side < SIDES; side++) {
        open_link(&pair->links[side], ports[side]);
    }
    pair->is_open = true;
    pair->queued_count = 0;
    for (int side = 0; side < SIDES; side++) {
        struct link *link = &pair->links[side];
        struct piece reply = pair_ask(pair, (enum side)side, ask_id, 2);

        snprintf(link->id, sizeof(link->id), "%lld",
                 reply.size > 1 && reply.data[0] == ':'
                     ? strtoll(reply.data + 1, NULL, 10)
                     : 0);
    }
}

void
pair_close(struct pair *pair)
{
    if (!pair->is_open) return;
    for (int side = 0; side < SIDES; side++) {
        close(pair->links[side].fd);
        sink_free(&pair->links[side].in);
    }
    pair->is_open = false;
    pair->queued_count = 0;
}

static struct piece
resolve(const struct link *link, const struct word *word)
{
    switch (word->kind) {
    case WORD_PLAIN: break;
    case WORD_MY_ID: return piece_of(link->id);
    case WORD_MY_ADDRESS: return piece_of(link->address);
    case WORD_SERVER_ADDRESS: return piece_of(link->server_address);
    }
    return word->text;
}

void
pair_encode(const struct pair *pair, enum side side, const struct op *op,
            struct sink *out)
{
    bool is_other = side == REFERENCE && op->reference != NULL;
    const struct word *args = is_other ? op->reference : op->args;
    uint32_t count = is_other ? op->reference_count : op->count;

    if (!op->is_inline && !op->step->is_raw) sink_format(out, "*%u\r\n", count);
    for (uint32_t i = 0; i < count; i++) {
        struct piece text = resolve(&pair->links[side], &args[i]);

        if (op->step->is_raw) {
            sink_put(out, text.data, text.size);
        } else if (op->is_inline) {
            if (i > 0) sink_text(out, " ");
            sink_quoted(out, text);
        } else {
            sink_format(out, "$%zu\r\n", text.size);
            sink_put(out, text.data, text.size);
            sink_text(out, "\r\n");
        }
    }
    if (op->is_inline) sink_text(out, "\r\n");
}

struct progress {
    size_t sent;
    size_t parsed;
    size_t ends[BATCH_MAX];
};

/* Finds the ends of whole replies; true if nothing more is to be waited for. */
static bool
parse_more(struct link *link, struct progress *progress, uint32_t want,
           struct replies *replies, int side)
{
    while (replies->count[side] < want && progress->parsed < link->in.size) {
        int64_t size = tree_size(link->in.data + progress->parsed,
                                 link->in.size - progress->parsed);

        if (size < 0) {
            replies->is_broken[side] = true;
            return true;
        }
        if (size == 0) break;
        progress->parsed += (size_t)size;
        progress->ends[replies->count[side]++] = progress->parsed;
    }
    return replies->count[side] == want || link->is_closed;
}

static void
move_bytes(struct link *link, struct progress *progress, const struct sink *out,
           short ready)
{
    static char room[1 << 16];

    if (ready & POLLOUT && progress->sent < out->size) {
        ssize_t sent = send(link->fd, out->data + progress->sent,
                            out->size - progress->sent, MSG_NOSIGNAL);

        if (sent > 0) progress->sent += (size_t)sent;
        if (sent < 0 && errno != EAGAIN) progress->sent = out->size;
    }
    if (ready & (POLLIN | POLLHUP | POLLERR)) {
        ssize_t got = recv(link->fd, room, sizeof(room), 0);

        if (got > 0) sink_put(&link->in, room, (size_t)got);
        if (got == 0 || (got < 0 && errno != EAGAIN)) link->is_closed = true;
    }
}

static void
drop_read(struct link *link)
{
    link->in.size -= link->consumed;
    if (link->in.size > 0) {
        memmove(link->in.data, link->in.data + link->consumed, link->in.size);
    }
    link->consumed = 0;
}

static void
cut_replies(struct link *link, const struct progress *progress,
            struct replies *replies, int side)
{
    size_t start = 0;

    for (uint32_t i = 0; i < replies->count[side]; i++) {
        replies->items[side][i] =
            (struct piece){link->in.data + start, progress->ends[i] - start};
        start = progress->ends[i];
    }
    link->consumed = start;
}

void
pair_exchange(struct pair *pair, const struct sink out[SIDES], uint32_t want,
              int patience_ms, struct replies *replies)
{
    struct progress progress[SIDES] = {0};

    for (int side = 0; side < SIDES; side++)
        drop_read(&pair->links[side]);
    memset(replies->count, 0, sizeof(replies->count));
    memset(replies->is_late, 0, sizeof(replies->is_late));
    memset(replies->is_broken, 0, sizeof(replies->is_broken));
    for (;;) {
        struct pollfd polls[SIDES];
        bool is_done = true;

        for (int side = 0; side < SIDES; side++) {
            struct link *link = &pair->links[side];
            bool is_ready =
                parse_more(link, &progress[side], want, replies, side);
            bool is_sent =
                progress[side].sent >= out[side].size || link->is_closed;

            polls[side] = (struct pollfd){.fd = link->fd};
            if (!is_sent) polls[side].events |= POLLOUT;
            if (!is_ready) polls[side].events |= POLLIN;
            if (is_ready && is_sent) polls[side].fd = -1;
            if (!is_ready || !is_sent) is_done = false;
        }
        if (is_done) break;
        if (poll(polls, SIDES, patience_ms) == 0) {
            for (int side = 0; side < SIDES; side++) {
                replies->is_late[side] = polls[side].fd >= 0;
            }
            break;
        }
        for (int side = 0; side < SIDES; side++) {
            if (polls[side].fd < 0) continue;
            move_bytes(&pair->links[side], &progress[side], &out[side],
                       polls[side].revents);
        }
    }
    for (int side = 0; side < SIDES; side++) {
        cut_replies(&pair->links[side], &progress[side], replies, side);
    }
}

void
pair_settle(struct pair *pair)
{
    static char room[4096];

    for (int side = 0; side < SIDES; side++) {
        struct link *link = &pair->links[side];
        struct pollfd ready = {.fd = link->fd, .events = POLLIN};
        ssize_t got;

        if (link->is_closed || !pair->links[!side].is_closed) continue;
        if (poll(&ready, 1, 500) == 0) continue;
        got = recv(link->fd, room, sizeof(room), 0);
        if (got == 0 || (got < 0 && errno != EAGAIN)) link->is_closed = true;
    }
}

struct piece
pair_ask(struct pair *pair, enum side side, const char *const *args,
         uint32_t count)
{
    static struct replies replies;
    struct link *link = &pair->links[side];
    struct progress progress = {0};
    struct sink out = {0};
    struct piece reply = {"", 0};

    memset(&replies, 0, sizeof(replies));
    sink_format(&out, "*%u\r\n", count);
    for (uint32_t i = 0; i < count; i++) {
        sink_format(&out, "$%zu\r\n%s\r\n", strlen(args[i]), args[i]);
    }
    drop_read(link);
    while (!parse_more(link, &progress, 1, &replies, (int)side)) {
        struct pollfd ready = {.fd = link->fd, .events = POLLIN};

        if (progress.sent < out.size) ready.events |= POLLOUT;
        if (poll(&ready, 1, 10000) == 0) die("a server does not answer");
        move_bytes(link, &progress, &out, ready.revents);
    }
    if (replies.count[side] == 1) {
        static char kept[4096];

        reply.size =
            progress.parsed < sizeof(kept) ? progress.parsed : sizeof(kept) - 1;
        memcpy(kept, link->in.data, reply.size);
        kept[reply.size] = '\0';
        reply.data = kept;
        link->consumed = progress.parsed;
        drop_read(link);
    }
    sink_free(&out);
    return reply;
}
