/*
 * An op is a command that could not be answered at once: how it is born, kept,
 * found again, answered and freed.
 *
 *   born --> RETRY / ASKED / FETCHING / BORROWING / COPIES / VERSIONS / PARTS
 *                                                                       |
 *      client: collected in order; peer: REPLY; part: joined  <-- DONE <--+
 *
 * It is freed when its asker has the reply and no copy of it is under way: an
 * acknowledgement that comes after the reply still counts, and a lost one still
 * marks its slots.
 *
 * A place in the pool is used again under another generation, so an answer that
 * comes too late finds nobody.
 */
#include "coord/inside.h"

#include "base/err.h"
#include "bus/wire.h"
#include "command/multi.h"
#include "command/packed.h"

static const char text_memory[] = "ERR out of memory";
static const char text_write[] =
    "NOQUORUM too few owners of the key can be reached, nothing was written";
static const char text_read[] =
    "NOQUORUM too few owners of the key can be reached";
static const char text_uncertain[] =
    "UNCERTAIN the write may have happened, too few owners have confirmed it";

/* It is taken next; in a busy turn hundreds are. */
static void
prefetch_op(const struct op *op)
{
    const char *at = (const char *)op, *end = at + sizeof(*op);

    for (; at < end; at += 64)
        __builtin_prefetch(at, 1);
}

static struct op *
take_place(struct coord *coord)
{
    struct op *op = coord->free;
    uint32_t place;

    if (op != NULL) {
        coord->free = op->next;
        if (op->next != NULL) prefetch_op(op->next);
        return op;
    }
    place = coord->pool_count;
    if (place % 64 == 0) {
        coord->pool = mem_must_array(coord->pool, (size_t)place + 64,
                                     sizeof(struct op *));
    }
    op = mem_must_zero(sizeof(*op));
    op->id = place;
    coord->pool[coord->pool_count++] = op;
    return op;
}

static void
join_queue(struct op *op, struct client *client)
{
    if (client->last_op != NULL) {
        client->last_op->next = op;
    } else {
        client->ops = op;
    }
    client->last_op = op;
    client->op_count++;
}

struct op *
op_new(struct coord *coord, const struct cmd_call *call)
{
    struct op *op = take_place(coord);
    const uint32_t silent = CLIENT_REPLY_OFF | CLIENT_REPLY_SKIP;

    op->id += (uint64_t)1 << 32; /* the next generation */
    op->next = NULL;
    op->asker = coord->asker;
    op_set_step(coord, op, STEP_RETRY);
    op->spec = call->spec;
    op->flags = call->client->flags & CLIENT_NO_TOUCH;
    op->own = call->client->quorum;
    op->quorum = (struct quorum){0};
    op->proto = call->client->proto;
    op->db = (uint8_t)call->client->db;
    op->is_write = (call->spec->flags & CMD_WRITE) != 0;
    op->is_silent = (call->client->flags & silent) != 0;
    op->is_told = op->has_lost = op->is_resent = op->is_beaten = op->is_stale =
        op->is_short = op->wants_retry = op->has_run = op->is_spanning =
            op->is_fetched = op->is_unacked = false;
    op->may_hedge = op->is_acting = false;
    op->is_held = true;
    op->told = NULL;
    op->hedged = RING_NOBODY;
    op->late_ms = INT64_MAX;
    op->retry_ms = INT64_MAX;
    op->args.used = op->reply.used = op->behind.used = 0;
    op->arg_count = 0;
    op->asked_count = op->tried = op->acks = op->acks_needed = op->out = 0;
    op->run = op->acked_count = op->standin_count = 0;
    op->touched = &op->one;
    op->touched_count = 0;
    op->parts = NULL;
    op->await = NULL;
    op->loans = NULL;
    op->older = coord->newest;
    op->newer = NULL;
    if (coord->newest != NULL) coord->newest->newer = op;
    if (coord->newest == NULL) coord->oldest = op;
    coord->newest = op;
    coord->live_count++;
    if (op->asker.client != NULL) {
        join_queue(op, op->asker.client);
        stat_add(&coord->stats.ops_remote);
    }
    return op;
}

struct op *
op_find(struct coord *coord, uint64_t id)
{
    uint32_t place = (uint32_t)id;
    struct op *op;

    if (place >= coord->pool_count) return NULL;
    op = coord->pool[place];
    return op->id == id && op->step != STEP_FREE ? op : NULL;
}

/* ---- arguments ---- */

bool
op_keep_args(struct op *op, const struct cmd_call *call)
{
    size_t bytes = 0;
    uint32_t i;

    op->args.used = 0;
    op->arg_count = 0;
    for (i = 0; i < call->arg_count; i++)
        bytes += call->args[i].size + 10;
    if (buf_reserve(&op->args, bytes) != ERR_OK) return false;
    for (i = 0; i < call->arg_count; i++)
        wire_put_bytes(&op->args, call->args[i]);
    op->arg_count = call->arg_count;
    return true;
}

bool
op_args(struct coord *coord, struct bytes wire, uint32_t count)
{
    struct wire_reader reader = wire_reader(wire);
    uint32_t i;

    if (count == 0 || count > wire.size) return false;
    if (count > coord->args_room) {
        struct bytes *args =
            mem_try_resize(coord->args, count * sizeof(*coord->args));

        if (args == NULL) return false;
        coord->args = args;
        coord->args_room = count;
    }
    for (i = 0; i < count; i++)
        coord->args[i] = wire_bytes(&reader);
    return wire_is_done(&reader);
}

/* ---- its slots ---- */

void
op_note_slots(struct op *op, const struct cmd_call *call)
{
    uint32_t count, i;
    const struct store_key *keys = route_keys(call, &count);

    if (op->touched != &op->one) mem_free(op->touched);
    op->touched = &op->one;
    if (count > 1)
        op->touched = mem_must_array(NULL, count, sizeof(*op->touched));
    for (i = 0; i < count; i++) {
        op->touched[i] = (struct touched){
            .slot = keys[i].slot, .db = keys[i].db, .hash = keys[i].hash};
    }
    op->touched_count = count;
    op->is_fetched = false;
}

/* ---- the end ---- */

static void
free_op(struct coord *coord, struct op *op)
{
    if (op->older != NULL) op->older->newer = op->newer;
    if (op->older == NULL) coord->oldest = op->newer;
    if (op->newer != NULL) op->newer->older = op->older;
    if (op->newer == NULL) coord->newest = op->older;
    coord->live_count--;
    if (op->touched != &op->one) mem_free(op->touched);
    op->touched = &op->one;
    parts_free(op->parts);
    op->parts = NULL;
    await_free(op->await);
    op->await = NULL;
    if (op->args.room > 4096) buf_deinit(&op->args);
    if (op->reply.room > 4096) buf_deinit(&op->reply);
    if (op->before.room > 4096) buf_deinit(&op->before);
    if (op->behind.room > 0) buf_deinit(&op->behind);
    op_set_step(coord, op, STEP_FREE);
    op->next = coord->free;
    coord->free = op;
}

void
op_release(struct coord *coord, struct op *op)
{
    if (op->out > 0 || op->step != STEP_DONE) return;
    if (op->is_unacked) loans_acked(coord, op);
    if (op->loans != NULL) loans_end(coord, op);
    if (op->is_held) return;
    free_op(coord, op);
}

/* Not in the midst of the client's own turn: what it has replied before would
 * be sent behind. */
static void
note_due(struct coord *coord, struct client *client)
{
    if (client->is_due) return;
    client->is_due = true;
    if (coord->due_count == coord->due_room) {
        coord->due_room = coord->due_room > 0 ? 2 * coord->due_room : 64;
        coord->due = mem_must_array(coord->due, coord->due_room,
                                    sizeof(struct client *));
    }
    coord->due[coord->due_count++] = client;
}

void
op_set_reply(struct op *op, struct bytes reply)
{
    op->reply.used = 0;
    buf_must_add(&op->reply, reply.data, reply.size);
}

static void
wake(struct coord *coord, struct op *op)
{
    int64_t now_ms = coord_now(coord);

    if (op->step != STEP_RETRY || op->retry_ms <= now_ms) return;
    op->retry_ms = now_ms;
    coord->retry_ms = now_ms;
}

/* What has waited behind an op of the same client, or of the same link, may go
 * on. */
static void
wake_behind(struct coord *coord, const struct asker *asker)
{
    struct op *op;

    if (asker->client != NULL) {
        for (op = asker->client->ops; op != NULL; op = op->next)
            wake(coord, op);
    } else if (asker->link != NULL) {
        for (op = coord->oldest; op != NULL; op = op->newer) {
            if (op->asker.link == asker->link) wake(coord, op);
        }
    }
}

void
op_done(struct coord *coord, struct op *op)
{
    struct asker *asker = &op->asker;

    ASSERT(op->step != STEP_DONE && op->step != STEP_FREE);
    op_set_step(coord, op, STEP_DONE);
    op->retry_ms = INT64_MAX;
    op->asked_count = 0;
    if (op->loans != NULL && op->out > 0) loans_linger(coord, op);
    if (coord->waiting_count > 0) wake_behind(coord, asker);
    if (asker->client != NULL) {
        note_due(coord, asker->client);
        op_release(coord, op); /* but for the reply, which is to be collected */
        return;
    }
    if (asker->link != NULL && !op->is_told) {
        request_reply(coord, asker->link, asker->request_id, REPLY_DONE,
                      buf_bytes(&op->reply));
    } else if (asker->parent != NULL) {
        parts_done(coord, asker->parent, asker->part, buf_bytes(&op->reply));
    }
    asker->link = NULL;
    asker->parent = NULL;
    op->is_held = false;
    op_release(coord, op);
}

void
op_error(struct coord *coord, struct op *op, const char *text)
{
    op->reply.used = 0;
    buf_must_printf(&op->reply, "-%s\r\n", text);
    op->is_told = false;
    metric_add(&coord->env->metrics.error_replies, 1);
    error_stats_note(&coord->env->errors, bytes_str(text));
    op_done(coord, op);
}

void
op_fail(struct coord *coord, struct op *op)
{
    /* what ran here before stays so, though a peer has refused it since */
    if (op->is_write && (op->has_run || op->step == STEP_ASKED)) {
        stat_add(&coord->stats.uncertain);
        op_error(coord, op, text_uncertain);
    } else {
        stat_add(&coord->stats.noquorum);
        op_error(coord, op, op->is_write ? text_write : text_read);
    }
}

/* ---- again ---- */

void
op_wait(struct coord *coord, struct op *op, int64_t retry_ms)
{
    op_set_step(coord, op, STEP_RETRY);
    op->retry_ms = retry_ms;
    op->asked_count = 0;
    if (retry_ms < coord->retry_ms) coord->retry_ms = retry_ms;
}

void
op_again(struct coord *coord, struct op *op)
{
    struct asker asker = op->asker;

    stat_add(&coord->stats.retries);
    op->id += (uint64_t)1 << 32; /* who answers late finds nobody */
    op->retry_ms = INT64_MAX;
    if (op->arg_count == 0 || !request_run(coord, &asker, op))
        op_error(coord, op, text_memory);
}

/* ---- the client's queue ---- */

static void
leave_queue(struct client *client)
{
    struct op *op = client->ops;

    client->ops = op->next;
    if (client->ops == NULL) client->last_op = NULL;
    client->op_count--;
}

static void
router_behind(void *self, struct client *client, struct bytes text)
{
    (void)self;
    buf_must_add(&client->last_op->behind, text.data, text.size);
}

static bool
router_collect(void *self, struct client *client, struct buf *out)
{
    struct coord *coord = self;

    while (client->ops != NULL && client->ops->step == STEP_DONE) {
        struct op *op = client->ops;

        if (!op->is_silent) buf_must_add(out, op->reply.data, op->reply.used);
        if (op->behind.used > 0)
            buf_must_add(out, op->behind.data, op->behind.used);
        leave_queue(client);
        op->asker.client = NULL;
        op->is_held = false;
        op_release(coord, op);
    }
    return client->ops == NULL;
}

static void
router_forget(void *self, struct client *client)
{
    struct coord *coord = self;
    uint32_t i;

    for (i = 0; client->is_due && i < coord->due_count; i++) {
        if (coord->due[i] == client) coord->due[i] = NULL;
    }
    client->is_due = false;
    while (client->ops != NULL) {
        struct op *op = client->ops;

        leave_queue(client);
        op->asker.client = NULL;
        op->is_held = op->step != STEP_DONE;
        op_release(coord, op);
    }
}

static bool
router_is_full(void *self)
{
    const struct coord *coord = self;

    return coord->live_count >= OPS_MAX;
}

/* The client's command; before EXEC, what it is going to run. */
static void
feed_monitors(struct cmd_call *call)
{
    struct cmd_call inner = *call;
    uint32_t i;

    if (call->spec->run == multi_exec && (call->client->flags & CLIENT_MULTI) &&
        !(call->client->flags & CLIENT_DIRTY_EXEC)) {
        for (i = 0; i < packed_count(call->client); i++) {
            inner.args =
                packed_at(call->client, i, &inner.spec, &inner.arg_count);
            cmd_feed_monitors(&inner);
        }
    }
    cmd_feed_monitors(call);
}

static void
router_run(void *self, struct cmd_call *call, bool has_key)
{
    struct coord *coord = self;

    coord->asker = (struct asker){
        .client = call->client,
        .deadline_ms = coord_now(coord) + coord->timeout_ms,
    };
    coord->op = NULL;
    if (UNLIKELY(atomic_load_explicit(&coord->env->shared->monitor_count,
                                      memory_order_relaxed) > 0)) {
        feed_monitors(call);
    }
    if (!cmd_locate(call, has_key)) {
        reply_error(call->reply, "ERR out of memory");
        return;
    }
    route_run(coord, call);
    call->is_taken = call->is_taken && call->client->ops != NULL;
}

static void
router_expect(void *self, uint32_t slot)
{
    expect_slot(self, slot);
}

void
op_init_router(struct coord *coord)
{
    coord->router = (struct cmd_router){
        .run = router_run,
        .expect = router_expect,
        .behind = router_behind,
        .collect = router_collect,
        .forget = router_forget,
        .is_full = router_is_full,
        .self = coord,
    };
}
