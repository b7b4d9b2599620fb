/*
 * Conversations: what a story says to a node and what comes back.
 */
#include "sim/inside.h"

#include <stdlib.h>

enum { CALL_MOST_MS = 60 * 1000 };

void
sim_command(struct buf *out, const struct bytes *args, uint32_t count)
{
    uint32_t i;

    buf_must_printf(out, "*%u\r\n", count);
    for (i = 0; i < count; i++) {
        buf_must_printf(out, "$%zu\r\n", args[i].size);
        buf_must_add(out, args[i].data, args[i].size);
        buf_must_add(out, "\r\n", 2);
    }
}

static size_t
line_size(struct bytes bytes)
{
    const char *end = memchr(bytes.data, '\n', bytes.size);

    return end == NULL ? 0 : (size_t)(end - bytes.data) + 1;
}

size_t
sim_reply_size(struct bytes bytes)
{
    size_t size, part;
    long number, i;

    if (bytes.size == 0 || (size = line_size(bytes)) == 0) return 0;
    number = strtol(bytes.data + 1, NULL, 10);
    switch (bytes.data[0]) {
    case '$':
    case '=':
        if (number < 0) return size;
        size += (size_t)number + 2;
        return size <= bytes.size ? size : 0;
    case '%': number *= 2; break;
    case '*':
    case '~':
    case '>': break;
    default: return size;
    }
    for (i = 0; i < number; i++) {
        if (size >= bytes.size) return 0;
        part = sim_reply_size(bytes_of(bytes.data + size, bytes.size - size));
        if (part == 0) return 0;
        size += part;
    }
    return size;
}

static void
caller_bytes(void *context, struct sim_conn *conn, struct bytes bytes)
{
    struct caller *caller = context;

    (void)conn;
    buf_must_add(&caller->got, bytes.data, bytes.size);
}

/* A connection that stands, or NULL. */
static struct sim_conn *
caller_conn(struct sim *sim, uint32_t node, uint32_t which)
{
    struct caller *caller = &sim->callers[node][which];

    if (caller->conn != NULL && sim_is_closed(caller->conn)) {
        sim_disconnect(sim, caller->conn);
        caller->conn = NULL;
    }
    if (caller->conn == NULL) {
        caller->conn = sim_connect(sim, node, which % sim->config.workers,
                                   caller, NULL, caller_bytes);
    }
    return caller->conn;
}

const char *
sim_call_on(struct sim *sim, uint32_t node, uint32_t which, const char *line)
{
    struct caller *caller = &sim->callers[node][which];
    struct bytes args[64];
    struct buf command = {0};
    char text[4096];
    int count = resp_split_line(bytes_str(line), text, args, 64);
    int64_t until_ms = sim->now_ms + CALL_MOST_MS;

    ASSERT(count > 0 && which < CALL_CONNS && strlen(line) < sizeof(text));
    caller->got.used = 0;
    if (caller_conn(sim, node, which) == NULL) return "";
    sim_command(&command, args, (uint32_t)count);
    sim_send(sim, caller->conn, buf_bytes(&command));
    buf_deinit(&command);
    while (sim->now_ms < until_ms) {
        if (sim_reply_size(buf_bytes(&caller->got)) > 0) break;
        if (sim_is_closed(caller->conn)) break;
        if (!sim_run(sim, sim->now_ms + 1)) break;
    }
    buf_must_add(&caller->got, "", 1);
    return caller->got.data;
}

const char *
sim_call(struct sim *sim, uint32_t node, const char *line)
{
    return sim_call_on(sim, node, CALL_CONNS - 1, line);
}
