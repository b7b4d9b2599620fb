/*
 * run.c - batches: consecutive ops of one connection are one pipeline.
 *
 * Inside MULTI each server answers QUEUED, so the ops are remembered and the
 * array that EXEC brings is compared element by element, each in the mode of
 * the op that it answers.
 */
#include "run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct batch {
    const struct op *ops[BATCH_MAX];
    uint32_t count;
    uint32_t want; /* replies */
};

static bool
report(struct finding *finding, struct arena *kept, const struct op *op,
       const char *why, struct piece reference, struct piece ours)
{
    finding->op = op;
    finding->why = arena_piece(kept, why, strlen(why)).data;
    finding->replies[REFERENCE] =
        arena_piece(kept, reference.data, reference.size);
    finding->replies[OURS] = arena_piece(kept, ours.data, ours.size);
    return false;
}

static void
count_op(struct runner *runner, const struct op *op, const struct tree *reply)
{
    if (!runner->is_counting) return;
    op->row->sent++;
    if (!tree_is_error(reply)) op->row->good++;
    runner->passed++;
}

static void
queue_op(struct pair *pair, const struct op *op)
{
    if (pair->queued_count == pair->queued_room) {
        pair->queued_room = pair->queued_room * 2 + 16;
        pair->queued =
            realloc(pair->queued, pair->queued_room * sizeof(*pair->queued));
        if (pair->queued == NULL) die("out of memory");
    }
    pair->queued[pair->queued_count++] = op;
}

/* The reply of an EXEC that ran. */
static bool
compare_exec(struct runner *runner, struct pair *pair,
             const struct tree *reference, const struct tree *ours,
             const char **why)
{
    uint32_t count = pair->queued_count;

    pair->queued_count = 0;
    if (reference->count != ours->count || reference->count != count) {
        *why = "different counts in EXEC";
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (compare_replies(&runner->rules, runner->arena, pair->queued[i],
                            &reference->kids[i], &ours->kids[i], why)) {
            continue;
        }
        *why = arena_format(runner->arena, "in EXEC, %s: %s",
                            pair->queued[i]->row->name, *why)
                   .data;
        return false;
    }
    return true;
}

/* An EXEC with too many arguments ends the transaction too. */
static bool
is_abort(struct piece reply)
{
    return reply.size > 10 && memcmp(reply.data, "-EXECABORT", 10) == 0;
}

static bool
compare_op(struct runner *runner, struct pair *pair, const struct op *op,
           struct piece one, struct piece two, const char **why)
{
    struct tree *reference = tree_read(runner->arena, one);
    struct tree *ours = tree_read(runner->arena, two);
    bool is_exec = op->count == 1 && !op->step->is_raw &&
                   piece_is_word(op->args[0].text, "exec");

    if (is_exec && tree_is_aggregate(reference) && tree_is_aggregate(ours)) {
        if (!compare_exec(runner, pair, reference, ours, why)) return false;
    } else if (!compare_replies(&runner->rules, runner->arena, op, reference,
                                ours, why)) {
        return false;
    }
    if (piece_is(one, "+QUEUED\r\n")) {
        queue_op(pair, op);
    } else if (is_exec || piece_is(one, "+RESET\r\n") || is_abort(one) ||
               (op->count == 1 && piece_is_word(op->args[0].text, "discard"))) {
        pair->queued_count = 0;
    }
    count_op(runner, op, reference);
    return true;
}

static bool
compare_batch(struct runner *runner, struct pair *pair,
              const struct batch *batch, const struct replies *replies,
              struct arena *kept, struct finding *finding)
{
    static const struct piece none = {"(nothing)", 9};
    static const struct piece closed = {"(connection closed)", 19};
    uint32_t at = 0;
    const char *why = "";

    for (uint32_t i = 0; i < batch->count; i++) {
        const struct op *op = batch->ops[i];
        struct piece got[SIDES];

        if (op->step->is_silent) {
            if (runner->is_counting) op->row->sent++, op->row->good++;
            continue;
        }
        for (int side = 0; side < SIDES; side++) {
            bool has_more = replies->count[side] > at;

            got[side] = has_more                      ? replies->items[side][at]
                        : pair->links[side].is_closed ? closed
                                                      : none;
        }
        if (replies->count[OURS] <= at && replies->count[REFERENCE] <= at) {
            /* both closed at the same command */
            if (piece_equal(got[OURS], closed) &&
                piece_equal(got[REFERENCE], closed)) {
                return true;
            }
            return report(finding, kept, op, "no reply of either",
                          got[REFERENCE], got[OURS]);
        }
        if (replies->count[OURS] <= at || replies->count[REFERENCE] <= at) {
            return report(finding, kept, op, "a reply is missing",
                          got[REFERENCE], got[OURS]);
        }
        if (!compare_op(runner, pair, op, got[REFERENCE], got[OURS], &why)) {
            return report(finding, kept, op, why, got[REFERENCE], got[OURS]);
        }
        at++;
    }
    return true;
}

static bool
run_batch(struct runner *runner, struct pair *pair, const struct batch *batch,
          struct arena *kept, struct finding *finding)
{
    static struct replies replies;
    struct sink out[SIDES] = {0};
    bool is_same;

    for (uint32_t i = 0; i < batch->count; i++) {
        for (int side = 0; side < SIDES; side++) {
            pair_encode(pair, (enum side)side, batch->ops[i], &out[side]);
        }
    }
    pair_exchange(pair, out, batch->want, runner->patience_ms, &replies);
    is_same = compare_batch(runner, pair, batch, &replies, kept, finding);
    if (is_same &&
        pair->links[OURS].is_closed != pair->links[REFERENCE].is_closed) {
        is_same = report(
            finding, kept, batch->ops[batch->count - 1],
            "one side closed the connection",
            piece_of(pair->links[REFERENCE].is_closed ? "(connection closed)"
                                                      : "(open)"),
            piece_of(pair->links[OURS].is_closed ? "(connection closed)"
                                                 : "(open)"));
    }
    for (int side = 0; side < SIDES; side++)
        sink_free(&out[side]);
    if (pair->links[OURS].is_closed || pair->links[REFERENCE].is_closed) {
        pair_close(pair);
    }
    return is_same;
}

/* ---- whole scans ---- */

struct found {
    struct piece *keys;
    uint32_t count, room;
};

static void
add_keys(struct arena *arena, struct found *found, const struct tree *keys)
{
    for (size_t i = 0; i < keys->count; i++) {
        if (found->count == found->room) {
            struct piece *old = found->keys;

            found->room = found->room * 2 + 64;
            found->keys =
                arena_alloc(arena, found->room * sizeof(*found->keys));
            if (old != NULL) {
                memcpy(found->keys, old, found->count * sizeof(*old));
            }
        }
        found->keys[found->count++] = arena_piece(
            arena, keys->kids[i].text.data, keys->kids[i].text.size);
    }
}

static int
by_bytes(const void *a, const void *b)
{
    return piece_order(*(const struct piece *)a, *(const struct piece *)b);
}

static void
sort_and_join(struct found *found)
{
    uint32_t to = 0;

    if (found->count == 0) return;
    qsort(found->keys, found->count, sizeof(*found->keys), by_bytes);
    for (uint32_t i = 1; i < found->count; i++) {
        if (piece_equal(found->keys[to], found->keys[i])) continue;
        found->keys[++to] = found->keys[i];
    }
    found->count = to + 1;
}

/* Goes on with a loop whose first reply is known, up to cursor 0. */
static bool
finish_scan(struct runner *runner, struct pair *pair, enum side side,
            const struct op *op, struct piece first, struct found *found)
{
    struct tree *reply = tree_read(runner->arena, first);
    const char *args[32];

    for (int turn = 0; turn < 10000; turn++) {
        if (!tree_is_aggregate(reply) || reply->count != 2 ||
            !tree_is_aggregate(&reply->kids[1])) {
            return false;
        }
        add_keys(runner->arena, found, &reply->kids[1]);
        if (piece_is(reply->kids[0].text, "0")) return true;
        args[0] = "SCAN";
        args[1] = arena_piece(runner->arena, reply->kids[0].text.data,
                              reply->kids[0].text.size)
                      .data;
        for (uint32_t i = 2; i < op->count && i < 32; i++) {
            args[i] = op->args[i].text.data; /* no NUL in scan's patterns */
        }
        reply = tree_read(runner->arena, pair_ask(pair, side, args, op->count));
    }
    return false;
}

static bool
run_scan(struct runner *runner, struct pair *pair, const struct op *op,
         struct arena *kept, struct finding *finding)
{
    static struct replies replies;
    struct batch batch = {.ops = {op}, .count = 1, .want = 1};
    struct sink out[SIDES] = {0};
    struct found found[SIDES] = {0};
    struct piece first[SIDES];
    bool is_same;

    for (int side = 0; side < SIDES; side++) {
        pair_encode(pair, (enum side)side, op, &out[side]);
    }
    pair_exchange(pair, out, 1, runner->patience_ms, &replies);
    for (int side = 0; side < SIDES; side++)
        sink_free(&out[side]);
    is_same = compare_batch(runner, pair, &batch, &replies, kept, finding);
    if (!is_same || replies.count[0] != 1 || replies.count[1] != 1 ||
        replies.items[0][0].data[0] != '*') {
        return is_same;
    }
    for (int side = 0; side < SIDES; side++) {
        first[side] = arena_piece(runner->arena, replies.items[side][0].data,
                                  replies.items[side][0].size);
    }
    for (int side = 0; side < SIDES; side++) {
        if (!finish_scan(runner, pair, (enum side)side, op, first[side],
                         &found[side])) {
            return report(finding, kept, op, "a scan without end",
                          first[REFERENCE], first[OURS]);
        }
        sort_and_join(&found[side]);
    }
    is_same = found[0].count == found[1].count;
    for (uint32_t i = 0; is_same && i < found[0].count; i++) {
        is_same = piece_equal(found[0].keys[i], found[1].keys[i]);
    }
    if (is_same) return true;
    return report(finding, kept, op, "a whole scan found other keys",
                  arena_format(runner->arena, "%u keys", found[0].count),
                  arena_format(runner->arena, "%u keys", found[1].count));
}

/* ---- */

static void
close_fresh(struct runner *runner)
{
    for (uint32_t i = CONNS_STEADY; i < CONNS; i++) {
        pair_close(&runner->pairs[i]);
    }
}

/* The connection goes to one of our nodes, always the same one. */
static void
open_pair(struct runner *runner, struct pair *pair, uint32_t turn)
{
    int ports[SIDES];

    ports[REFERENCE] = runner->reference_port;
    ports[OURS] = runner->ports[turn % runner->nodes];
    pair_open(pair, ports);
}

void
run_reset(struct runner *runner)
{
    static const char *const flush[] = {"FLUSHALL"};
    static const char *const auth[] = {"AUTH", "secret"};
    static const char *const unpause[] = {"CLIENT", "UNPAUSE"};
    static const char *const defaults[] = {"CONFIG",
                                           "SET",
                                           "maxmemory",
                                           "0",
                                           "maxmemory-policy",
                                           "noeviction",
                                           "requirepass",
                                           "",
                                           "slowlog-log-slower-than",
                                           "10000",
                                           "slowlog-max-len",
                                           "128",
                                           "latency-monitor-threshold",
                                           "0",
                                           "maxmemory-samples",
                                           "5",
                                           "timeout",
                                           "0",
                                           "lfu-log-factor",
                                           "10",
                                           "lfu-decay-time",
                                           "1"};

    for (uint32_t i = 0; i < CONNS; i++)
        pair_close(&runner->pairs[i]);
    for (uint32_t node = 0; node < runner->nodes; node++) {
        /* anew each time: a password, or a server that was started again */
        pair_close(&runner->control);
        open_pair(runner, &runner->control, node);
        for (int side = 0; side < SIDES; side++) {
            /* in case that a scene with a password was cut short */
            pair_ask(&runner->control, (enum side)side, auth, 2);
            pair_ask(&runner->control, (enum side)side, unpause, 2);
            pair_ask(&runner->control, (enum side)side, defaults,
                     sizeof(defaults) / sizeof(defaults[0]));
        }
    }
    for (int side = 0; side < SIDES; side++) {
        pair_ask(&runner->control, (enum side)side, flush, 1);
    }
}

/* Takes the ops from `at` that can be one pipeline; returns how many. */
static uint32_t
fill_batch(const struct runner *runner, struct batch *batch,
           const struct op *const *ops, uint32_t count, uint32_t at)
{
    bool has_fresh = ops[at]->conn >= CONNS_STEADY;

    for (uint32_t i = CONNS_STEADY; i < CONNS; i++) {
        if (runner->pairs[i].is_open) has_fresh = true;
    }
    batch->count = batch->want = 0;
    while (at + batch->count < count && batch->count < BATCH_MAX) {
        const struct op *op = ops[at + batch->count];

        if (op->conn != ops[at]->conn) break;
        if (batch->count > 0 && op->step->mode == MODE_SCAN) break;
        batch->ops[batch->count++] = op;
        if (!op->step->is_silent) batch->want++;
        if (op->step->mode == MODE_SCAN) break;
        if (op->is_group_end && has_fresh) break;
    }
    return batch->count;
}

bool
run_ops(struct runner *runner, const struct op *const *ops, uint32_t count,
        struct arena *kept, struct finding *finding)
{
    struct batch batch;

    *finding = (struct finding){0};
    run_reset(runner);
    for (uint32_t at = 0; at < count;) {
        uint32_t taken = fill_batch(runner, &batch, ops, count, at);
        struct pair *pair = &runner->pairs[ops[at]->conn];
        bool is_same;

        runner->arena = arena_new();
        if (!pair->is_open) open_pair(runner, pair, ops[at]->conn);
        is_same = batch.ops[0]->step->mode == MODE_SCAN
                      ? run_scan(runner, pair, batch.ops[0], kept, finding)
                      : run_batch(runner, pair, &batch, kept, finding);
        arena_free(runner->arena);
        runner->arena = NULL;
        if (!is_same) return false;
        at += taken;
        if (ops[at - 1]->is_group_end) close_fresh(runner);
    }
    return true;
}

void
run_close(struct runner *runner)
{
    for (uint32_t i = 0; i < CONNS; i++) {
        pair_close(&runner->pairs[i]);
        free(runner->pairs[i].queued);
    }
    pair_close(&runner->control);
    free(runner->control.queued);
}
