/*
 * CLIENT LIST, INFO and KILL over the clients of all workers.
 *
 * A job visits each worker once and comes back:
 *
 *     origin --> origin+1 --> ... --> origin-1 --> origin: session_finish
 *
 * The client that asked waits meanwhile (CLIENT_WAITING); if it is gone when
 * the job returns, the answer is dropped. With one worker, and inside EXEC
 * (which must not wait), only the worker's own clients are asked, at once.
 */
#include "node/inside.h"

#include "base/err.h"
#include "base/memory.h"
#include "command/client_line.h"

#include <stdlib.h>

void
clients_job_deinit(struct clients_job *job)
{
    mem_free(job->ids);
    mem_free(job->texts);
    buf_deinit(&job->lines);
}

enum { IDS_FEW = 64 };

/* Many ids of a list are picked from all lines at the end: sort_lines(). */
static bool
has_id(const struct client_query *query, uint64_t id)
{
    uint32_t i;

    if (!query->is_kill && query->id_count > IDS_FEW) return true;
    for (i = 0; i < query->id_count; i++) {
        if (query->ids[i] == id) return true;
    }
    return false;
}

static bool
matches(const struct clients_job *job, const struct client *client)
{
    const struct client_query *query = &job->query;

    if (client->flags & CLIENT_KILLED) return false;
    if (query->ids != NULL && !has_id(query, client->id)) return false;
    if (query->address.size > 0 &&
        !bytes_equal(query->address, bytes_str(client->address))) {
        return false;
    }
    if (query->local_address.size > 0 &&
        !bytes_equal(query->local_address, bytes_str(client->local_address))) {
        return false;
    }
    if (query->user.size > 0 &&
        !bytes_equal(query->user, BYTES_LIT("default"))) {
        return false;
    }
    if (query->type != NULL &&
        strcmp(query->type, client_line_type(client)) != 0)
        return false;
    return !query->skip_me || client->id != job->client_id;
}

/* Names are as long as clients like: what no reply may hold isn't gathered. */
static bool
is_over_limit(const struct worker *worker, struct clients_job *job)
{
    uint64_t most = worker->env->limits.out_normal.hard_bytes;

    if (most > 0 && job->lines.used > most) job->is_too_much = true;
    return job->is_too_much;
}

/* One worker's share of the job. */
static void
visit(struct worker *worker, struct clients_job *job)
{
    struct session *session;

    for (session = worker->first; session != NULL; session = session->next) {
        struct client *client = &session->client;

        if (!matches(job, client)) continue;
        if (job->query.is_old_style && job->killed > 0) return;
        if (!job->query.is_kill) {
            if (is_over_limit(worker, job)) return;
            client_line(client, worker->env->now_ms, &job->lines);
            buf_must_add(&job->lines, "\n", 1);
            continue;
        }
        job->killed++;
        if (client->id == job->client_id) {
            job->kills_asker = true;
        } else {
            client->flags |= CLIENT_KILLED;
            inside_wake(worker, session);
        }
    }
}

struct line {
    uint64_t id;
    struct bytes text; /* with its line feed */
};

struct lines {
    struct line *line; /* owned; into the text they were found in */
    size_t count;
};

static int
compare_lines(const void *a, const void *b)
{
    const struct line *x = a, *y = b;

    return x->id < y->id ? -1 : x->id > y->id;
}

static struct lines
find_lines(const struct buf *text)
{
    struct lines lines = {NULL, 0};
    size_t at = 0;

    while (at < text->used) {
        const char *from = text->data + at;
        const char *end = memchr(from, '\n', text->used - at);
        size_t count = lines.count++;

        ASSERT(end != NULL);
        if ((count & (count + 1)) == 0) {
            lines.line =
                mem_must_array(lines.line, count * 2 + 2, sizeof(*lines.line));
        }
        lines.line[count] =
            (struct line){.id = strtoull(from + sizeof("id=") - 1, NULL, 10),
                          .text = bytes_of(from, (size_t)(end - from) + 1)};
        at += (size_t)(end - from) + 1;
    }
    return lines;
}

/* As the ids were given. */
static void
add_lines(const struct client_query *query, const struct lines *lines,
          uint64_t most, struct buf *out)
{
    uint32_t i;

    for (i = 0; i < query->id_count && out->used <= most; i++) {
        struct line wanted = {.id = query->ids[i]};
        const struct line *line = bsearch(&wanted, lines->line, lines->count,
                                          sizeof(wanted), compare_lines);

        if (line == NULL) continue;
        if (buf_add(out, line->text.data, line->text.size) != ERR_OK) return;
    }
}

/* From here on a reply is too long for any client: it need not be whole. */
static uint64_t
lines_most(const struct worker *worker)
{
    uint64_t hard_bytes = worker->env->limits.out_normal.hard_bytes;

    return hard_bytes > 0 ? hard_bytes + 2 * SESSION_TURN_MAX : SIZE_MAX;
}

/* By id, as if all were one worker's; or as the ids were given, a client twice
 * if its id is. What is longer than `most` is cut: it would never be sent. */
static void
sort_lines(struct clients_job *job, uint64_t most)
{
    const struct client_query *query = &job->query;
    struct lines lines = find_lines(&job->lines);
    struct buf sorted = {0};
    size_t i;

    if (lines.count > 1)
        qsort(lines.line, lines.count, sizeof(*lines.line), compare_lines);
    for (i = 0; query->ids == NULL && i < lines.count; i++) {
        buf_must_add(&sorted, lines.line[i].text.data, lines.line[i].text.size);
    }
    if (query->ids != NULL && lines.count > 0) {
        add_lines(query, &lines, most, &sorted);
    }
    mem_free(lines.line);
    buf_deinit(&job->lines);
    job->lines = sorted;
}

static void
answer(const struct clients_job *job, struct reply *reply)
{
    if (!job->query.is_kill) {
        reply_verbatim(reply, "txt", buf_bytes(&job->lines));
    } else if (!job->query.is_old_style) {
        reply_int(reply, (int64_t)job->killed);
    } else if (job->killed > 0) {
        reply_ok(reply);
    } else {
        reply_error(reply, "ERR No such client");
    }
}

static void
hang_up(struct worker *worker, struct client *client)
{
    metric_add(&worker->env->metrics.output_limit_disconnections, 1);
    client->flags |= CLIENT_KILLED;
}

/* Copies what the query borrows from the call. */
static void
copy_query(struct clients_job *job, const struct client_query *query)
{
    struct client_query *copy = &job->query;
    size_t size =
        query->address.size + query->local_address.size + query->user.size;
    char *at;

    *copy = *query;
    if (query->ids != NULL) {
        job->ids = mem_must_array(NULL, query->id_count, sizeof(*query->ids));
        memcpy(job->ids, query->ids, query->id_count * sizeof(*query->ids));
        copy->ids = job->ids;
    }
    at = job->texts = mem_must(size + 1);
    copy->address.data = at;
    if (query->address.size > 0)
        memcpy(at, query->address.data, query->address.size);
    at += query->address.size;
    copy->local_address.data = at;
    if (query->local_address.size > 0)
        memcpy(at, query->local_address.data, query->local_address.size);
    at += query->local_address.size;
    copy->user.data = at;
    if (query->user.size > 0) memcpy(at, query->user.data, query->user.size);
}

void
clients_ask(struct cmd_call *call, const struct client_query *query)
{
    struct worker *worker = inside_worker(call);
    struct message *message;

    if (worker->node->worker_count == 1 || call->is_in_exec) {
        struct clients_job job = {.query = *query,
                                  .client_id = call->client->id};

        visit(worker, &job);
        sort_lines(&job, lines_most(worker));
        if (job.is_too_much) {
            hang_up(worker, call->client);
        } else {
            answer(&job, call->reply);
        }
        if (job.kills_asker) call->client->flags |= CLIENT_CLOSE;
        clients_job_deinit(&job);
        return;
    }
    message = mem_must_zero(sizeof(*message));
    message->kind = MESSAGE_CLIENTS;
    message->origin = worker->index;
    message->clients.client_id = call->client->id;
    copy_query(&message->clients, query);
    visit(worker, &message->clients);
    call->client->flags |= CLIENT_WAITING;
    inside_post(worker, (worker->index + 1) % worker->node->worker_count,
                message);
}

/* Back at the origin: the client gets its answer, if it is still there. */
static void
finish(struct worker *worker, struct clients_job *job)
{
    struct session *session = worker->first;
    struct reply reply;

    while (session != NULL && session->client.id != job->client_id)
        session = session->next;
    if (session == NULL || !(session->client.flags & CLIENT_WAITING)) return;
    sort_lines(job, lines_most(worker));
    if (job->kills_asker) session->client.flags |= CLIENT_CLOSE;
    reply_init(&reply);
    reply.proto = session->client.proto;
    if (job->is_too_much) {
        hang_up(worker, &session->client);
    } else {
        answer(job, &reply);
    }
    session_finish(session, worker->env, buf_bytes(&reply.out));
    reply_deinit(&reply);
    inside_wake(worker, session);
}

void
clients_deliver(struct worker *worker, struct message *message)
{
    if (message->origin == worker->index) {
        finish(worker, &message->clients);
        message_free(message);
        return;
    }
    visit(worker, &message->clients);
    inside_post(worker, (worker->index + 1) % worker->node->worker_count,
                message);
}
