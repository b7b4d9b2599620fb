#include "ctl/gather.h"

#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>

enum { OTHERS_TIMEOUT_MS = 2000 }; /* for a node that may be dead */

static bool
is_removed(const redisReply *row)
{
    return strcmp(value_text(row, "health"), "removed") == 0;
}

static const char *
host_of(const struct ctl *ctl, const redisReply *row)
{
    const char *host = value_text(row, "host");

    return host[0] != '\0' ? host : ctl->host;
}

static void
keep_error(struct gathered *node, const struct peer *peer)
{
    node->code = peer->code;
    (void)snprintf(node->error, sizeof(node->error), "%s", peer->error);
}

static void
ask(struct gathered *node, const struct ctl *ctl, int count, const char **words)
{
    int64_t timeout_ms = ctl->timeout_ms < OTHERS_TIMEOUT_MS
                             ? ctl->timeout_ms
                             : OTHERS_TIMEOUT_MS;
    int64_t port = value_int(node->row, "port");
    struct peer peer;

    if (port <= 0 || port > UINT16_MAX) {
        node->code = CTL_NO_CONNECTION;
        (void)snprintf(node->error, sizeof(node->error),
                       "it has no port for clients");
        return;
    }
    if (peer_open(&peer, ctl, host_of(ctl, node->row), (uint16_t)port,
                  timeout_ms)) {
        node->answer = peer_call(&peer, count, words);
    }
    if (node->answer == NULL) keep_error(node, &peer);
    peer_close(&peer);
}

static void
add(struct gather *gather, const struct ctl *ctl, const redisReply *row)
{
    struct gathered *node = &gather->nodes[gather->count++];

    *node = (struct gathered){.row = row,
                              .number = value_int(row, "number"),
                              .is_first = value_bool(row, "self")};
    (void)snprintf(node->address, sizeof(node->address), "%s:%lld",
                   host_of(ctl, row), (long long)value_int(row, "port"));
}

static int
by_number(const void *a, const void *b)
{
    const struct gathered *left = a, *right = b;

    return (left->number > right->number) - (left->number < right->number);
}

static bool
fails(struct gather *gather, const struct peer *peer)
{
    gather->code = peer->code;
    (void)snprintf(gather->error, sizeof(gather->error), "%s", peer->error);
    return false;
}

static bool
ask_first(struct gather *gather, struct peer *peer, const struct ctl *ctl,
          int count, const char **words)
{
    const redisReply *rows;
    size_t room, i;

    if (!peer_open_first(peer, ctl)) return fails(gather, peer);
    gather->status = peer_call(peer, 1, (const char *[]){"KULA.STATUS"});
    if (gather->status == NULL) return fails(gather, peer);
    rows = value_find(gather->status, "nodes");
    room = value_count(rows);
    if (room > 0)
        gather->nodes = mem_must_array(NULL, room, sizeof(*gather->nodes));
    for (i = 0; i < room; i++) {
        if (!is_removed(rows->element[i])) add(gather, ctl, rows->element[i]);
    }
    if (gather->count > 1)
        qsort(gather->nodes, gather->count, sizeof(*gather->nodes), by_number);
    for (i = 0; count > 0 && i < gather->count; i++) {
        if (!gather->nodes[i].is_first) continue;
        gather->nodes[i].answer = peer_call(peer, count, words);
        if (gather->nodes[i].answer == NULL)
            keep_error(&gather->nodes[i], peer);
    }
    return true;
}

bool
gather_run(struct gather *gather, const struct ctl *ctl, int count,
           const char **words)
{
    struct peer peer;
    uint32_t i;
    bool is_there;

    *gather = (struct gather){0};
    is_there = ask_first(gather, &peer, ctl, count, words);
    peer_close(&peer);
    if (!is_there) return false;
    for (i = 0; count > 0 && i < gather->count; i++) {
        struct gathered *node = &gather->nodes[i];

        if (!node->is_first) ask(node, ctl, count, words);
        if (node->answer == NULL) gather->missing++;
    }
    return true;
}

void
gather_deinit(struct gather *gather)
{
    uint32_t i;

    for (i = 0; i < gather->count; i++)
        freeReplyObject(gather->nodes[i].answer);
    mem_free(gather->nodes);
    freeReplyObject(gather->status);
}

const struct gathered *
gather_by_number(const struct gather *gather, int64_t number)
{
    uint32_t i;

    for (i = 0; i < gather->count; i++) {
        if (gather->nodes[i].number == number) return &gather->nodes[i];
    }
    return NULL;
}

void
gather_put_numbers(const struct gather *gather, const redisReply *numbers,
                   struct buf *out)
{
    size_t i;

    for (i = 0; i < value_count(numbers); i++) {
        int64_t number = value_number(numbers->element[i]);
        const struct gathered *node = gather_by_number(gather, number);

        buf_must_printf(out, "%s%lld", i > 0 ? ", " : "", (long long)number);
        if (node != NULL) buf_must_printf(out, " (%s)", node->address);
    }
}
