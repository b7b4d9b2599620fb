/*
 * talk.h - a whole node in a test: clients that say bytes and hear replies.
 * Its own loop: sockets that take everything unless told otherwise, inboxes
 * without limit, a clock that stands still until it is moved.
 */
#ifndef UNIT_SESSION_TALK_H
#define UNIT_SESSION_TALK_H

#include "base/ticks.h"
#include "node/inside.h"
#include "support/case.h"

#include <stdio.h>

enum { TALK_WORKERS_MAX = 4, TALK_PEERS_MAX = 64 };

struct talk_peer {
    struct session *session; /* NULL: closed by the server */
    struct worker *worker;
    struct buf heard;
    size_t takes; /* bytes that the socket takes at once */
    bool is_woken;
};

struct talk {
    struct settings *settings;
    struct node *node;
    uint32_t workers;
    struct message *inbox[TALK_WORKERS_MAX];
    struct talk_peer peers[TALK_PEERS_MAX];
    uint32_t peer_count;
    int64_t now_ms;
    bool inbox_is_full, has_shut_down;
};

static inline bool
talk_post(void *self, uint32_t from, uint32_t to, struct message *message)
{
    struct talk *talk = self;
    struct message **last = &talk->inbox[to];

    (void)from;
    if (talk->inbox_is_full) return false;
    while (*last != NULL)
        last = message_link(*last);
    *message_link(message) = NULL;
    *last = message;
    return true;
}

static inline void
talk_wake(void *self, uint32_t worker, struct session *session)
{
    struct talk_peer *peer = session->loop_data;

    (void)self;
    (void)worker;
    peer->is_woken = true;
}

static inline void
talk_shutdown(void *self)
{
    ((struct talk *)self)->has_shut_down = true;
}

static inline const char *
talk_rewrite(void *self)
{
    (void)self;
    return "no file";
}

static inline void
talk_changed(void *self, enum setting id)
{
    (void)self;
    (void)id;
}

static inline void
talk_time(struct talk *talk, int64_t now_ms)
{
    uint32_t i;

    talk->now_ms = now_ms;
    for (i = 0; i < talk->workers; i++) {
        worker_turn(node_worker(talk->node, i), now_ms,
                    UINT64_C(1800000000000000) + (uint64_t)now_ms * 1000);
    }
}

static inline void
talk_set(struct talk *talk, enum setting id, const char *value)
{
    struct bytes args[16];
    char out[256], why[256];
    int count = resp_split_line(bytes_str(value), out, args, 16);

    if (count == 0) args[count++] = bytes_of("", 0); /* as `requirepass ""` */
    cr_assert(settings_set(talk->settings, id, args, (uint32_t)count, why) == 0,
              "%s", why);
    for (uint32_t i = 0; i < talk->workers; i++)
        cmd_env_refresh(node_worker(talk->node, i)->env);
}

static inline void
talk_start(struct talk *talk, uint32_t workers)
{
    struct node_config config = {
        .worker_count = workers,
        .store = {.slot_count = 64, .node = 1, .wall_ms = 1800000000000},
        .effects = {.post = talk_post,
                    .wake = talk_wake,
                    .shutdown = talk_shutdown,
                    .config_rewrite = talk_rewrite,
                    .config_changed = talk_changed,
                    .self = talk}};

    ticks_off = true; /* turns are as long as they must */
    *talk = (struct talk){.workers = workers};
    talk->settings = config.settings = settings_new();
    talk->node = node_new(&config);
    talk_time(talk, 1000);
}

static inline void
talk_end(struct talk *talk)
{
    uint32_t i;

    for (i = 0; i < talk->workers; i++) {
        while (talk->inbox[i] != NULL) {
            struct message *next = *message_link(talk->inbox[i]);

            message_free(talk->inbox[i]);
            talk->inbox[i] = next;
        }
    }
    node_free(talk->node);
    settings_free(talk->settings);
    for (i = 0; i < talk->peer_count; i++)
        buf_deinit(&talk->peers[i].heard);
}

static inline struct talk_peer *
talk_open(struct talk *talk, uint32_t worker)
{
    struct talk_peer *peer = &talk->peers[talk->peer_count];
    char address[32];
    struct open_info info = {.fd = 7,
                             .is_loopback = true,
                             .address = address,
                             .local_address = "127.0.0.1:6379"};
    const char *refusal = NULL;

    (void)snprintf(address, sizeof(address), "127.0.0.1:%u",
                   5000 + talk->peer_count++);
    peer->takes = SIZE_MAX;
    peer->worker = node_worker(talk->node, worker);
    peer->session = worker_open(peer->worker, &info, &refusal);
    cr_assert(peer->session != NULL, "%s", refusal);
    peer->session->loop_data = peer;
    return peer;
}

static inline void
talk_close(struct talk_peer *peer)
{
    worker_close(peer->worker, peer->session);
    peer->session = NULL;
}

/* What the loop does after each event of a session. */
static inline void
talk_flush(struct talk_peer *peer)
{
    struct bytes pieces[2];
    uint32_t count = worker_output(peer->worker, peer->session, pieces), i;
    size_t sent = 0, all = 0;

    for (i = 0; i < count; i++) {
        size_t size = min_u64(pieces[i].size, peer->takes - sent);

        buf_must_add(&peer->heard, pieces[i].data, size);
        sent += size;
        all += pieces[i].size;
    }
    worker_sent(peer->worker, peer->session, sent);
    if ((peer->session->client.flags & CLIENT_KILLED) ||
        (sent == all && peer->session->is_closing)) {
        talk_close(peer);
    }
}

static inline void
talk_bytes(struct talk_peer *peer, const char *data, size_t size)
{
    if (peer->session == NULL) return;
    worker_input(peer->worker, peer->session, data, size);
    talk_flush(peer);
}

/* Until nobody has anything left to do. */
static inline void
talk_settle(struct talk *talk)
{
    bool is_busy;
    uint32_t i;

    do {
        is_busy = false;
        for (i = 0; i < talk->workers; i++) {
            struct worker *worker = node_worker(talk->node, i);
            struct message *message = talk->inbox[i];

            if (worker_has_backlog(worker)) {
                talk_bytes(worker_next_backlog(worker)->loop_data, NULL, 0);
                is_busy = true;
            }
            if (message == NULL) continue;
            talk->inbox[i] = *message_link(message);
            worker_deliver(worker, message);
            is_busy = true;
        }
        for (i = 0; i < talk->peer_count; i++) {
            if (!talk->peers[i].is_woken) continue;
            talk->peers[i].is_woken = false;
            talk_bytes(&talk->peers[i], NULL, 0);
            is_busy = true;
        }
    } while (is_busy);
}

/* What was heard since the last time; valid until the next. */
static inline char *
talk_heard(struct talk_peer *peer)
{
    buf_must_add(&peer->heard, "", 1);
    peer->heard.used = 0;
    return peer->heard.data;
}

/* Inline commands; the replies. */
static inline char *
talk_say(struct talk *talk, struct talk_peer *peer, const char *text)
{
    talk_bytes(peer, text, strlen(text));
    talk_settle(talk);
    return talk_heard(peer);
}

#define SAYS(peer, text, reply)                                                \
    cr_expect(eq(str, talk_say(&talk, (peer), (text)), (char *)(reply)))

#endif
