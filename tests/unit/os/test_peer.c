#include "fake_node.h"

#include "support/case.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static struct node
node_with(void *self)
{
    return (struct node){.worker = {.self = self}};
}

static bool
got(const struct fake_link *fake, const char *text)
{
    return bytes_equal(buf_bytes(&fake->got), bytes_str(text));
}

/* A socket of this test that has called the bus. */
static int
stranger(void)
{
    struct sockaddr_in end = {.sin_family = AF_INET,
                              .sin_port = htons(fake_port())};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    end.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    cr_assert(fd >= 0);
    cr_assert(connect(fd, (const struct sockaddr *)&end, sizeof(end)) == 0);
    cr_assert(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
    return fd;
}

static void
talk(struct worker *worker)
{
    struct fake_link *caller = &worker->links[0], *other = &worker->links[1];
    uint32_t *at = worker->self;

    if (*at == 0) {
        (void)fake_call(worker, "127.0.0.1", fake_port());
        cr_expect(not(caller->is_connected)); /* never during the call */
    } else if (*at == 1) {
        if (!caller->is_connected || worker->link_count < 2) return;
        fake_say(worker, caller->link, bytes_str("hello"));
    } else if (*at == 2) {
        if (!got(other, "hello")) return;
        fake_say(worker, other->link, bytes_str("world"));
    } else if (*at == 3) {
        if (!got(caller, "world")) return;
        fake_say(worker, caller->link, bytes_str(", bye"));
        link_break(caller->link, "enough");
    } else {
        if (!caller->is_closed || !other->is_closed) return;
        cr_expect(got(other, "hello, bye"), "its last words were sent");
        loops_stop(worker->loops);
    }
    ++*at;
}

CASE(peer, links_talk_both_ways_and_a_broken_one_is_closed_after_its_last_words)
{
    uint32_t at = 0;
    struct node node = node_with(&at);

    fake_run(&node, talk);
    cr_expect(eq(u32, at, 5));
    cr_expect(eq(u32, node.worker.link_count, 2));
}

static void
call_name(struct worker *worker)
{
    struct fake_link *caller = &worker->links[0];

    if (worker->link_count == 0) {
        (void)fake_call(worker, "localhost", fake_port());
        cr_expect(not(caller->is_connected));
    } else if (caller->is_connected || caller->is_closed) {
        loops_stop(worker->loops);
    }
}

CASE(peer, a_name_is_looked_up_and_its_addresses_are_tried)
{
    struct node node = node_with(NULL);

    fake_run(&node, call_name);
    cr_expect(node.worker.links[0].is_connected);
}

struct failing {
    const char *host;
    uint16_t port;
};

static void
call_nobody(struct worker *worker)
{
    const struct failing *failing = worker->self;

    if (worker->link_count == 0) {
        (void)fake_call(worker, failing->host, failing->port);
        cr_expect(not(worker->links[0].is_closed)); /* never during the call */
    } else if (worker->links[0].is_closed) {
        cr_expect(not(worker->links[0].is_connected));
        loops_stop(worker->loops);
    }
}

CASE(peer, a_refused_connection_is_told_in_a_later_turn)
{
    struct sockaddr_in end = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    socklen_t size = sizeof(end);
    struct failing failing = {"127.0.0.1", 0};
    struct node node = node_with(&failing);

    end.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    cr_assert(bind(fd, (const struct sockaddr *)&end, size) == 0);
    cr_assert(getsockname(fd, (struct sockaddr *)&end, &size) == 0);
    failing.port = ntohs(end.sin_port); /* ours, and nobody listens */
    fake_run(&node, call_nobody);
    (void)close(fd);
}

CASE(peer, a_host_that_cannot_be_looked_up_is_told_in_a_later_turn)
{
    char host[400];
    struct failing failing = {host, 1};
    struct node node = node_with(&failing);

    memset(host, 'x', sizeof(host) - 1);
    host[sizeof(host) - 1] = '\0';
    fake_run(&node, call_nobody);
}

static void
break_at_once(struct worker *worker)
{
    if (worker->link_count == 0) {
        struct fake_link *fake = fake_call(worker, "127.0.0.1", fake_port());

        link_break(fake->link, "changed my mind");
        loops_bus_wake(worker->loops, 0, fake->link);
    } else if (worker->links[0].is_closed) {
        loops_stop(worker->loops);
    }
}

CASE(peer, one_that_is_broken_before_it_is_connected_is_closed)
{
    struct node node = node_with(NULL);

    fake_run(&node, break_at_once);
    cr_expect(not(node.worker.links[0].is_connected));
}

enum { BIG_BYTES = 24 << 20 };

struct slow {
    int fd;
    uint32_t stuck_turn, stuck_tick;
    size_t read_bytes;
    bool is_damaged;
};

static char
byte_at(size_t at)
{
    return (char)(at * 31 % 251);
}

static void
read_some(struct slow *slow)
{
    static char piece[1 << 20];
    ssize_t size = read(slow->fd, piece, sizeof(piece));
    ssize_t i;

    for (i = 0; i < size; i++) {
        if (piece[i] != byte_at(slow->read_bytes + (size_t)i))
            slow->is_damaged = true;
    }
    if (size > 0) slow->read_bytes += (size_t)size;
}

/* 1. much for a peer that does not read, 2. five ticks in which nothing may
 * turn but them, 3. it reads all */
static void
send_much(struct worker *worker)
{
    struct slow *slow = worker->self;

    if (slow->fd < 0) slow->fd = stranger();
    if (worker->link_count == 0) return;
    if (slow->stuck_tick == 0) {
        struct link *link = worker->links[0].link;
        size_t i;

        cr_assert(buf_reserve(&link->out, BIG_BYTES) == 0);
        for (i = 0; i < BIG_BYTES; i++)
            link->out.data[i] = byte_at(i);
        link->out.used = BIG_BYTES;
        loops_bus_wake(worker->loops, 0, link);
        slow->stuck_tick = worker->tick_count;
        slow->stuck_turn = worker->turn_count;
        return;
    }
    if (worker->tick_count < slow->stuck_tick + 5) return;
    if (slow->read_bytes == 0) {
        cr_expect(worker->turn_count - slow->stuck_turn < 50,
                  "it does not spin: %u turns",
                  worker->turn_count - slow->stuck_turn);
    }
    read_some(slow);
    /* the rest is in the socket's own buffers */
    while (slow->read_bytes < BIG_BYTES &&
           link_unsent(worker->links[0].link) == 0) {
        read_some(slow);
    }
    if (slow->read_bytes == BIG_BYTES) loops_stop(worker->loops);
}

CASE(peer, one_that_does_not_read_costs_no_turns_and_gets_all_later)
{
    struct slow slow = {.fd = -1};
    struct node node = node_with(&slow);

    fake_run(&node, send_much);
    cr_expect(not(slow.is_damaged));
    cr_expect(eq(sz, slow.read_bytes, BIG_BYTES));
    (void)close(slow.fd);
}

static void
hang_up(struct worker *worker)
{
    int *fd = worker->self;

    if (*fd < 0) *fd = stranger();
    if (worker->link_count == 0) return;
    if (*fd != 0) (void)close(*fd);
    *fd = 0;
    if (worker->links[0].is_closed) loops_stop(worker->loops);
}

CASE(peer, the_end_of_a_connection_is_told)
{
    int fd = -1;
    struct node node = node_with(&fd);

    fake_run(&node, hang_up);
    cr_expect(node.worker.links[0].is_closed);
}

static void
be_refused(struct worker *worker)
{
    int *fd = worker->self;
    char byte;

    worker->refuses = true;
    if (*fd < 0) *fd = stranger();
    if (read(*fd, &byte, 1) < 0 && errno == EAGAIN) return;
    loops_stop(worker->loops);
}

CASE(peer, one_that_the_node_refuses_is_closed)
{
    int fd = -1;
    struct node node = node_with(&fd);

    fake_run(&node, be_refused);
    cr_expect(eq(u32, node.worker.link_count, 0));
    (void)close(fd);
}

static void
stop_early(struct worker *worker)
{
    if (worker->link_count == 0)
        (void)fake_call(worker, "127.0.0.1", fake_port());
    if (worker->link_count == 1 || !worker->links[0].is_connected) return;
    loops_stop(worker->loops);
}

CASE(peer, a_stop_closes_all_links)
{
    struct node node = node_with(NULL);

    fake_run(&node, stop_early); /* looks that none is left */
    cr_expect(node.worker.links[0].is_closed);
    cr_expect(node.worker.links[1].is_closed);
}
