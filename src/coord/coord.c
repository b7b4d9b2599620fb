/*
 * Life, links, dispatch and time of a worker's coordinator.
 *
 * Time-outs are looked at from the oldest op on: ops live equally long, but for
 * those of peers, whose own coordinators watch them as well. Ops that wait for
 * something to change try again when it does, and every few milliseconds.
 */
#include "coord/inside.h"

#include "config/settings.h"

enum { TIMEOUT_MS = 1000 };

struct coord *
coord_new(const struct coord_config *config)
{
    struct coord *coord = mem_must_zero(sizeof(*coord));

    coord->replica = config->replica;
    coord->store = config->replica->store;
    coord->env = config->env;
    coord->effects = config->effects;
    coord->retry_ms = INT64_MAX;
    coord->timeout_ms = TIMEOUT_MS;
    coord->proxy.flags = CLIENT_AUTHENTICATED;
    coord->proxy.proto = 2;
    reply_init(&coord->reply);
    coord->reply.most = SIZE_MAX;
    op_init_router(coord);
    execute_init(coord);
    acting_init(coord);
    hedge_init(coord);
    return coord;
}

void
coord_set_timeout(struct coord *coord, int64_t timeout_ms)
{
    coord->timeout_ms = timeout_ms;
}

void
coord_free(struct coord *coord)
{
    uint32_t i;

    if (coord == NULL) return;
    loans_lost(coord, NULL);
    for (i = 0; i < coord->pool_count; i++) {
        struct op *op = coord->pool[i];

        if (op->touched != &op->one) mem_free(op->touched);
        parts_free(op->parts);
        await_free(op->await);
        loans_free(op);
        buf_deinit(&op->args);
        buf_deinit(&op->reply);
        buf_deinit(&op->before);
        buf_deinit(&op->behind);
        mem_free(op);
    }
    mem_free(coord->pool);
    mem_free(coord->due);
    mem_free(coord->awaits);
    mem_free(coord->touched);
    mem_free(coord->record_ends);
    mem_free(coord->args);
    buf_deinit(&coord->records);
    buf_deinit(&coord->before);
    buf_deinit(&coord->scratch);
    reply_deinit(&coord->reply);
    client_deinit(&coord->proxy);
    mem_free(coord);
}

void
coord_set_active(struct coord *coord, bool is_active)
{
    if (is_active) {
        coord->env->router = &coord->router;
    } else if (coord->live_count == 0) {
        coord->env->router = NULL;
    }
}

const struct coord_stats *
coord_stats(const struct coord *coord)
{
    return &coord->stats;
}

/* ---- links ---- */

void
coord_link_open(struct coord *coord, struct link *link, uint32_t number)
{
    struct coord_link *to = mem_must_zero(sizeof(*to));

    ASSERT(link->coord_data == NULL);
    to->number = number;
    to->first = link->copies_sent;
    to->link = link;
    to->serial = ++coord->serial;
    to->next = coord->links;
    if (to->next != NULL) to->next->prev = to;
    coord->links = to;
    hedge_link_open(to);
    link->coord_data = to;
    coord->is_changed = true;
}

static bool
has_asked(const struct op *op, const struct link *link)
{
    uint32_t i;

    for (i = 0; i < op->asked_count; i++) {
        if (op->asked[i] == link) return true;
    }
    return false;
}

/* What it asked over the link will not be answered. */
static void
op_lost(struct coord *coord, struct op *op, const struct link *link)
{
    switch (op->step) {
    case STEP_ASKED:
        op->asked_count = 0;
        if (op->is_write) {
            op_fail(coord, op);
        } else {
            op_wait(coord, op, coord_now(coord));
        }
        return;
    case STEP_VERSIONS: /* what was read stands; it is not read again, as its
                         * client may have written behind it */
        (void)hedge_forget(op, link);
        op->wants_retry = true; /* not yet: the link is still there */
        op->retry_ms = coord_now(coord);
        return;
    case STEP_FETCHING:
        op->asked_count = 0;
        op->is_fetched = false;
        op_wait(coord, op, coord_now(coord));
        return;
    case STEP_BORROWING: /* tried again, and all anew: see are_good */
        op->asked_count = 0;
        op_wait(coord, op, coord_now(coord));
        return;
    case STEP_COPIES: /* fetching, to be sent again */
        op->asked_count = 0;
        op->is_fetched = false;
        shortfall_retry_soon(coord, op);
        return;
    case STEP_FREE:
    case STEP_RETRY:
    case STEP_PARTS:
    case STEP_AWAIT:
    case STEP_DONE: return;
    }
}

static void
forget_link(struct coord *coord, struct link *link)
{
    struct coord_link *to = coord_link_of(link);

    if (to->next != NULL) to->next->prev = to->prev;
    if (to->prev != NULL) to->prev->next = to->next;
    if (to->prev == NULL) coord->links = to->next;
    mem_free(to->sent);
    mem_free(to);
    link->coord_data = NULL;
}

void
coord_link_lost(struct coord *coord, struct link *link)
{
    struct op *op = coord->oldest, *next;

    if (link->coord_data == NULL) return;
    for (; op != NULL; op = next) {
        next = op->newer;
        if (op->asker.link == link) op->asker.link = NULL;
        if (op->told == link) op->told = NULL;
        loans_link_lost(op, link);
        if (has_asked(op, link)) op_lost(coord, op, link);
    }
    copies_lost(coord, link);
    loans_lost(coord, link);
    forget_link(coord, link);
    coord->is_changed = true;
}

void
coord_frame(struct coord *coord, struct link *link, const struct frame *frame)
{
    if (link->coord_data == NULL) return;
    switch (frame->type) {
    case FRAME_REQUEST: request_frame(coord, link, frame); return;
    case FRAME_REPLY: request_answer(coord, link, frame); return;
    case FRAME_COPY: copies_frame(coord, link, frame); return;
    case FRAME_NACK: copies_nack(coord, link, frame); return;
    case FRAME_VERSIONS: versions_frame(coord, link, frame); return;
    case FRAME_VERSIONS_ANSWER: versions_answer(coord, link, frame); return;
    case FRAME_FETCH: fetch_frame(coord, link, frame); return;
    case FRAME_RECORDS: fetch_records(coord, link, frame); return;
    case FRAME_LEND: loans_lend(coord, link, frame); return;
    case FRAME_LENT: loans_lent(coord, link, frame); return;
    case FRAME_BACK: loans_back(coord, link, frame); return;
    default: return; /* of a newer version */
    }
}

void
coord_acked(struct coord *coord, struct link *link)
{
    if (link->coord_data != NULL) copies_acked(coord, link);
}

/* ---- time ---- */

void
coord_changed(struct coord *coord)
{
    coord->is_changed = true;
}

static void
time_out(struct coord *coord, int64_t now_ms)
{
    struct op *op = coord->oldest, *next;

    for (; op != NULL; op = next) {
        next = op->newer;
        if (op->step == STEP_DONE || op->step == STEP_PARTS) continue;
        if (op->asker.deadline_ms > now_ms) break;
        op_fail(coord, op);
    }
}

static void
retry_one(struct coord *coord, struct op *op)
{
    if (op->step == STEP_RETRY) {
        op_again(coord, op);
    } else if (op->step == STEP_COPIES && op->wants_retry) {
        op->retry_ms = INT64_MAX;
        shortfall_retry(coord, op);
    } else if (op->step == STEP_VERSIONS && op->wants_retry) {
        op->retry_ms = INT64_MAX;
        op->wants_retry = false;
        versions_ask(coord, op);
    } else if (op->step == STEP_DONE) {
        op->retry_ms = INT64_MAX;
        if (op->loans != NULL) loans_end(coord, op);
    }
}

/* Those born meanwhile are younger than `last`. */
static void
retry(struct coord *coord, int64_t now_ms)
{
    struct op *op = coord->oldest, *last = coord->newest, *next;
    bool is_all = coord->is_changed, is_last = op == NULL;

    coord->is_changed = false;
    coord->retry_ms = INT64_MAX;
    for (; !is_last; op = next) {
        next = op->newer;
        is_last = op == last || next == NULL;
        if (op->retry_ms == INT64_MAX) continue;
        if ((is_all && op->step != STEP_DONE) || op->retry_ms <= now_ms) {
            retry_one(coord, op);
        } else if (op->retry_ms < coord->retry_ms) {
            coord->retry_ms = op->retry_ms;
        }
    }
}

static void
tell_clients(struct coord *coord)
{
    uint32_t i;

    for (i = 0; i < coord->due_count; i++) {
        struct client *client = coord->due[i];

        if (client == NULL) continue; /* gone meanwhile */
        client->is_due = false;
        coord->effects.finished(coord->effects.self, client);
    }
    coord->due_count = 0;
}

void
coord_turn(struct coord *coord)
{
    int64_t now_ms = coord_now(coord);

    if (coord->waiting_count > 0) {
        uint64_t taken = atomic_load_explicit(&coord->replica->tenures_taken,
                                              memory_order_relaxed);

        if (taken != coord->taken_seen) coord->is_changed = true;
        coord->taken_seen = taken;
    }
    if (coord->lendings != NULL) loans_turn(coord);
    if (coord->oldest != NULL) {
        time_out(coord, now_ms);
        if (coord->is_changed || coord->retry_ms <= now_ms)
            retry(coord, now_ms);
        if (coord->hedge_ms <= now_ms) hedge_turn(coord);
    }
    standins_turn(coord);
    if (coord->await_count > 0) await_turn(coord);
    if (coord->due_count > 0) tell_clients(coord);
}

bool
coord_has_freed(struct coord *coord)
{
    bool has_freed = coord->has_freed;

    coord->has_freed = false;
    return has_freed;
}

int64_t
coord_deadline_ms(const struct coord *coord)
{
    const struct op *op = coord->oldest;
    int64_t at = coord->is_changed ? 0 : coord->retry_ms;
    int64_t hints_ms = standins_deadline_ms(coord);
    int64_t await_ms = await_deadline_ms(coord);
    int64_t loans_ms = loans_deadline_ms(coord);

    if (coord->hedge_ms < at) at = coord->hedge_ms;

    while (op != NULL && (op->step == STEP_DONE || op->step == STEP_PARTS))
        op = op->newer;
    if (op != NULL && op->asker.deadline_ms < at) at = op->asker.deadline_ms;
    if (op == NULL) at = INT64_MAX;
    if (await_ms < at) at = await_ms;
    if (loans_ms < at) at = loans_ms;
    if (coord->lendings != NULL && coord->is_changed) at = 0;
    return hints_ms < at ? hints_ms : at;
}
