/*
 * MONITOR: every command that was run, as one line for each monitor.
 *
 *     +1339518083.107412 [0 127.0.0.1:60866] "set" "k" "v\n"
 *
 * Lines for the monitors of other workers travel as messages; what does not
 * fit into an inbox is lost, and so is a line that there is no memory for: a
 * client chooses its size. Passwords are left out.
 */
#include "node/inside.h"

#include "base/err.h"
#include "base/memory.h"

#include <inttypes.h>

/* The most that a line may be: every byte as \xff. */
static size_t
line_room(const struct cmd_call *call)
{
    size_t room = 256;
    uint32_t i;

    for (i = 0; i < call->arg_count; i++)
        room += 4 * call->args[i].size + 16;
    return room;
}

static void
add_quoted(struct buf *line, struct bytes text)
{
    size_t i;

    buf_must_add(line, "\"", 1);
    for (i = 0; i < text.size; i++) {
        unsigned char c = (unsigned char)text.data[i];

        switch (c) {
        case '\\':
        case '"': buf_must_printf(line, "\\%c", c); break;
        case '\n': buf_must_add(line, "\\n", 2); break;
        case '\r': buf_must_add(line, "\\r", 2); break;
        case '\t': buf_must_add(line, "\\t", 2); break;
        case '\a': buf_must_add(line, "\\a", 2); break;
        case '\b': buf_must_add(line, "\\b", 2); break;
        default:
            if (c >= ' ' && c <= '~') {
                buf_must_add(line, &text.data[i], 1);
            } else {
                buf_must_printf(line, "\\x%02x", c);
            }
        }
    }
    buf_must_add(line, "\"", 1);
}

/* Names and passwords of AUTH and HELLO ... AUTH. */
static bool
is_secret(const struct cmd_call *call, uint32_t at)
{
    if (at == 0) return false;
    if (strcmp(call->spec->name, "auth") == 0) return true;
    if (strcmp(call->spec->name, "hello") != 0 || at < 3) return false;
    return bytes_is_nocase(call->args[at - 1], "auth") ||
           (at >= 4 && bytes_is_nocase(call->args[at - 2], "auth"));
}

static void
make_line(const struct cmd_call *call, struct buf *line)
{
    const struct client *client = call->client;
    uint64_t us = call->env->wall_us;
    uint32_t i;

    buf_must_printf(line, "+%" PRIu64 ".%06" PRIu64 " [%u ", us / 1000000,
                    us % 1000000, client->db);
    if (client->flags & CLIENT_UNIX) {
        size_t size = strlen(client->address);

        if (size > 2) size -= 2; /* without ":0" */
        buf_must_printf(line, "unix:%.*s]", (int)size, client->address);
    } else {
        buf_must_printf(line, "%s]", client->address);
    }
    for (i = 0; i < call->arg_count; i++) {
        buf_must_add(line, " ", 1);
        add_quoted(line, is_secret(call, i) ? BYTES_LIT("(redacted)")
                                            : call->args[i]);
    }
    buf_must_add(line, "\r\n", 2);
}

void
monitor_push(struct worker *worker, struct bytes line)
{
    uint32_t count = atomic_load(&worker->monitor_count), i;

    for (i = 0; i < count; i++) {
        struct session *session = worker->monitors[i];

        if (!(session->client.flags & CLIENT_MONITOR)) continue; /* RESET */
        if (session == worker->current) {
            /* behind the replies of its own turn */
            reply_raw(&worker->reply, line);
        } else {
            session_push(session, worker->env, line);
            inside_wake(worker, session);
        }
    }
}

void
monitor_feed(struct cmd_call *call)
{
    struct worker *worker = inside_worker(call);
    struct node *node = worker->node;
    struct buf line = {0};
    uint32_t i;

    if (buf_reserve(&line, line_room(call)) != ERR_OK) return;
    make_line(call, &line);
    for (i = 0; i < node->worker_count; i++) {
        struct message *message;

        if (atomic_load(&node->workers[i].monitor_count) == 0) continue;
        if (i == worker->index) {
            monitor_push(worker, buf_bytes(&line));
            continue;
        }
        message = mem_must_zero(sizeof(*message));
        message->kind = MESSAGE_MONITOR;
        message->origin = worker->index;
        if (buf_add(&message->line, line.data, line.used) != ERR_OK) {
            message_free(message);
            continue;
        }
        inside_post(worker, i, message);
    }
    buf_deinit(&line);
}
