#include "fake_node.h"

#include "base/err.h"
#include "support/case.h"

#include <arpa/inet.h>
#include <string.h>
#include <unistd.h>

static uint16_t bus_port;
static const struct link_ring nobodys_ring = {.name = "test"};

uint16_t
fake_port(void)
{
    return bus_port;
}

static uint64_t
no_memory(void *self)
{
    (void)self;
    return 0;
}

static void
no_signal(void *self, int number)
{
    (void)self;
    (void)number;
}

void
fake_run(struct node *node, void (*step)(struct worker *worker))
{
    const struct loop_hooks hooks = {no_signal, no_memory, NULL};
    struct socket_listener listener;
    union socket_end end;
    socklen_t size = sizeof(end);
    char why[256];
    int ends[2];
    uint32_t i;

    cr_assert(pipe(ends) == 0);
    cr_assert(loops_new(&node->worker.loops, 1, &hooks) == ERR_OK);
    cr_assert(socket_listen_tcp(&listener, "127.0.0.1", 0, 16, why) == ERR_OK);
    cr_assert(getsockname(listener.fd, &end.any, &size) == 0);
    bus_port = ntohs(end.v4.sin_port);
    listener.is_bus = true;
    cr_assert(loops_listen(node->worker.loops, &listener) == ERR_OK);
    node->worker.step = step;
    cr_expect(loops_run(node->worker.loops, node, ends[0]) == ERR_OK);
    for (i = 0; i < node->worker.link_count; i++) {
        cr_expect(node->worker.links[i].link == NULL, "link %u is left", i);
        buf_deinit(&node->worker.links[i].got);
    }
    loops_free(node->worker.loops);
    (void)close(ends[0]);
    (void)close(ends[1]);
}

static struct fake_link *
add(struct worker *worker, bool is_caller)
{
    static const uint8_t nonce[LINK_NONCE_BYTES];
    struct fake_link *fake = &worker->links[worker->link_count++];

    cr_assert(worker->link_count <= FAKE_LINKS_MAX);
    fake->is_caller = is_caller;
    fake->link = mem_must_zero(sizeof(*fake->link));
    link_init(fake->link, &nobodys_ring, is_caller, NULL, nonce, 0);
    fake->link->owner = fake;
    return fake;
}

struct fake_link *
fake_call(struct worker *worker, const char *host, uint16_t port)
{
    struct fake_link *fake = add(worker, true);

    loops_bus_connect(worker->loops, 0, fake->link, host, port);
    return fake;
}

void
fake_say(struct worker *worker, struct link *link, struct bytes text)
{
    buf_must_add(&link->out, text.data, text.size);
    loops_bus_wake(worker->loops, 0, link);
}

/* ---- what the loop calls ---- */

struct worker *
node_worker(struct node *node, uint32_t index)
{
    cr_assert(index == 0);
    return &node->worker;
}

struct link *
worker_bus_accept(struct worker *worker, const char *address, bool is_loopback)
{
    cr_expect(is_loopback);
    cr_expect(strncmp(address, "127.0.0.1:", 10) == 0);
    return worker->refuses ? NULL : add(worker, false)->link;
}

void
worker_bus_connected(struct worker *worker, struct link *link)
{
    struct fake_link *fake = link->owner;

    (void)worker;
    cr_expect(not(fake->is_connected));
    fake->is_connected = true;
}

void
worker_bus_input(struct worker *worker, struct link *link, struct bytes bytes)
{
    struct fake_link *fake = link->owner;

    (void)worker;
    buf_must_add(&fake->got, bytes.data, bytes.size);
}

void
worker_bus_closed(struct worker *worker, struct link *link)
{
    struct fake_link *fake = link->owner;

    (void)worker;
    cr_expect(fake->link == link);
    fake->is_closed = true;
    fake->link = NULL;
    link_deinit(link);
    mem_free(link);
}

void
worker_turn_end(struct worker *worker)
{
    worker->turn_count++;
    worker->step(worker);
}

void
worker_tick(struct worker *worker, uint64_t rss_bytes)
{
    (void)rss_bytes;
    if (++worker->tick_count < 200) return;
    cr_expect(false, "nothing happened for long");
    loops_stop(worker->loops);
}

void
worker_turn(struct worker *worker, int64_t now_ms, uint64_t wall_us)
{
    (void)worker;
    (void)now_ms;
    (void)wall_us;
}

int64_t
worker_deadline_ms(const struct worker *worker)
{
    (void)worker;
    return INT64_MAX;
}

/* ---- no clients here ---- */

struct session *
worker_open(struct worker *worker, const struct open_info *info,
            const char **refusal)
{
    (void)worker;
    (void)info;
    *refusal = "ERR none";
    return NULL;
}

void
worker_expect(struct worker *worker, const struct expected_input *inputs,
              uint32_t count)
{
    (void)worker;
    (void)inputs;
    (void)count;
}

void
worker_input(struct worker *worker, struct session *session, const char *data,
             size_t size)
{
    (void)worker;
    (void)session;
    (void)data;
    (void)size;
}

char *
worker_room(struct worker *worker, struct session *session, size_t *room)
{
    (void)worker;
    (void)session;
    (void)room;
    return NULL;
}

uint32_t
worker_output(struct worker *worker, struct session *session,
              struct bytes pieces[2])
{
    (void)worker;
    (void)session;
    (void)pieces;
    return 0;
}

void
worker_sent(struct worker *worker, struct session *session, size_t sent)
{
    (void)worker;
    (void)session;
    (void)sent;
}

void
worker_close(struct worker *worker, struct session *session)
{
    (void)worker;
    (void)session;
}

void
worker_deliver(struct worker *worker, struct message *message)
{
    (void)worker;
    (void)message;
}

bool
worker_has_backlog(const struct worker *worker)
{
    (void)worker;
    return false;
}

struct session *
worker_next_backlog(struct worker *worker)
{
    (void)worker;
    return NULL;
}

struct message **
message_link(struct message *message)
{
    (void)message;
    return NULL;
}

void
message_free(struct message *message)
{
    (void)message;
}
