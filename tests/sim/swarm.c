/*
 * Random clients against one node, thousands of seeds: every reply must be
 * the model's, and a seed's trace must be the same twice.
 *
 *   swarm [--seed N] [--count N]      default: seeds 1 .. 200
 *
 * A failing seed prints what came, what was expected, and how to replay it.
 */
#include "base/memory.h"
#include "sim/model.h"
#include "sim/sim.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    CLIENTS_MAX = 6,
    COMMANDS = 400,
    PENDING = 512,
    VALUES = 700,
    SHOWN = 1000,
    MEMORY = 2500 * 1024 /* a chunk of the heap and a few large values */
};

struct user {
    struct world *world;
    struct sim_conn *conn;
    struct model_client state;
    struct model_command pending[PENDING]; /* sent, not yet executed */
    uint32_t first, count;                 /* a ring */
    struct buf replies;                    /* executed, not yet whole */
    bool in_multi;                         /* as the generator sees it */
    uint32_t queued, watches;
    uint32_t left;
    uint32_t at; /* index in world->clients: picks the worker */
    struct scan {
        bool is_open, is_asked; /* a loop is under way; its SCAN is sent */
        uint32_t db, seen;
        uint64_t since;
        int64_t cursor;
    } scan;
};

struct world {
    struct sim *sim;
    struct model model;
    struct user clients[CLIENTS_MAX];
    uint32_t client_count;
    char values[VALUES];
    uint64_t executed, failed, scans;
    uint32_t workers;
    bool is_noisy;
};

/* Large values, so that some are evicted; and nothing whose reply leaves open
 * whether the key had been there, or the oracle could not tell what is. */
static void
make_evicting(struct model_command *c, struct rng *rng)
{
    static const char large[200 * 1000];

    if (c->op == OP_SETRANGE || c->op == OP_APPEND || c->op == OP_INCRBY ||
        c->op == OP_SETBIT || c->op == OP_BITOP || c->op == OP_SET_KEEPTTL) {
        c->op = OP_SET;
        c->value = bytes_of(large, rng_below(rng, sizeof(large)));
    }
}

static struct model_command
random_command(struct user *client)
{
    struct rng *rng = sim_rng(client->world->sim);
    struct model_command c = {0};

    c.a = (uint32_t)rng_below(rng, MODEL_NAMES);
    c.b = (uint32_t)rng_below(rng, MODEL_NAMES);
    c.op = (enum model_op)rng_below(rng, OP_COUNT);
    /* flushes are rare, or nothing would ever be there */
    if (c.op == OP_FLUSHDB && rng_below(rng, 20) != 0) c.op = OP_GET;
    c.number = (int64_t)rng_below(rng, 200);
    if (c.op == OP_INCRBY) c.number -= 100;
    if (c.op == OP_SETPX || c.op == OP_GETEX) c.number++;
    if (c.op >= OP_EXPIREAT_NX && c.op <= OP_EXPIREAT_LT)
        c.number += sim_wall_ms(client->world->sim, 0) - 20;
    c.value = bytes_of(client->world->values + rng_below(rng, 100),
                       rng_below(rng, 8) == 0 ? rng_below(rng, 600)
                                              : rng_below(rng, 30));
    if (rng_below(rng, 3) == 0) c.value = bytes_of("12345", 1 + c.a % 5);
    if (client->world->model.may_vanish) make_evicting(&c, rng);
    if (client->in_multi) {
        if (client->queued >= 12 || rng_below(rng, 5) == 0) {
            c.op = rng_below(rng, 4) == 0 ? OP_DISCARD : OP_EXEC;
        }
    } else if (rng_below(rng, 10) == 0 && !client->scan.is_asked) {
        if (!client->scan.is_open) client->scan = (struct scan){0};
        client->scan.is_open = client->scan.is_asked = true;
        c.op = OP_SCAN;
        c.number = client->scan.cursor;
    } else if (rng_below(rng, 20) == 0 && !client->world->model.may_vanish) {
        c.op =
            client->watches < 8 && rng_below(rng, 2) == 0 ? OP_WATCH : OP_MULTI;
    }
    if (c.op == OP_WATCH) client->watches++;
    if (c.op == OP_MULTI)
        client->in_multi = true;
    else if (c.op == OP_EXEC || c.op == OP_DISCARD) {
        client->in_multi = false;
        client->queued = client->watches = 0;
    } else if (client->in_multi) {
        client->queued++;
    }
    return c;
}

static void on_executed(void *context, struct sim_conn *conn,
                        struct bytes fresh, int64_t wall_ms);

/* What the server keeps for a client ends with its connection. */
static void
forget(struct user *client)
{
    struct model_command discard = {.op = OP_DISCARD};
    struct buf ignored = {0};

    model_run(&client->world->model, &client->state, &discard,
              bytes_of(NULL, 0), &ignored);
    buf_deinit(&ignored);
    client->state.db = 0;
    client->first = client->count = 0;
    client->in_multi = false;
    client->queued = client->watches = 0;
    client->scan = (struct scan){0};
    client->replies.used = 0;
}

static void
connect_user(struct user *client)
{
    struct world *world = client->world;

    client->conn = sim_connect(world->sim, 0, client->at % world->workers,
                               client, on_executed, NULL);
    ASSERT(client->conn != NULL);
}

/* Sends a pipeline of random length, then thinks for a random time. Some go
 * away in the middle of what they have sent, and come back. */
static void
user_think(void *context)
{
    struct user *client = context;
    struct sim *sim = client->world->sim;
    uint32_t burst = 1 + (uint32_t)rng_below(sim_rng(sim), 20);
    struct buf bytes = {0};

    if (rng_below(sim_rng(sim), 30) == 0) {
        sim_disconnect(sim, client->conn);
        forget(client);
        connect_user(client);
    }
    while (burst-- > 0 && client->left > 0 && client->count < PENDING) {
        struct model_command command = random_command(client);

        model_encode(&command, &bytes);
        client->pending[(client->first + client->count++) % PENDING] = command;
        client->left--;
    }
    sim_send(sim, client->conn, buf_bytes(&bytes));
    buf_deinit(&bytes);
    if (client->left > 0) {
        sim_at(sim, sim_now_ms(sim) + (int64_t)rng_below(sim_rng(sim), 60),
               user_think, client);
    }
}

static void
complain(struct world *world, struct user *client,
         const struct model_command *command, struct bytes actual,
         struct bytes expected)
{
    struct buf text = {0};

    world->failed++;
    if (!world->is_noisy || world->failed > 3) return;
    model_encode(command, &text);
    printf("client %u, at %lld ms:\n  sent     %.*s\n  came     %.*s\n"
           "  expected %.*s\n",
           client->at, (long long)sim_now_ms(world->sim), (int)text.used,
           text.data, (int)min_u64(actual.size, SHOWN), actual.data,
           (int)min_u64(expected.size, SHOWN), expected.data);
    buf_deinit(&text);
}

/* One step of a scan loop; at its end all that stayed must have been seen. */
static bool
scan_is_right(struct user *client, struct bytes actual)
{
    struct model *model = &client->world->model;
    struct scan *scan = &client->scan;

    if (scan->cursor == 0) {
        scan->db = client->state.db;
        scan->since = model->steps;
        scan->seen = 0;
    }
    scan->is_asked = false;
    if (scan->db != client->state.db) { /* a SELECT came between */
        scan->seen = UINT32_MAX;
        scan->db = client->state.db;
    }
    if (!model_scan(model, scan->db, actual, &scan->seen, &scan->cursor))
        return false;
    if (scan->cursor != 0) return true;
    scan->is_open = false;
    client->world->scans++;
    return model_scanned(model, scan->db, scan->since, scan->seen);
}

static bool
reply_is_right(struct user *client, const struct model_command *command,
               struct bytes actual, struct buf *expected)
{
    struct model *model = &client->world->model;

    if (command->op == OP_SCAN) return scan_is_right(client, actual);
    if (model->may_vanish) {
        return model_run_evicting(model, &client->state, command, actual,
                                  expected);
    }
    model_run(model, &client->state, command, actual, expected);
    return bytes_equal(actual, buf_bytes(expected));
}

static void
on_executed(void *context, struct sim_conn *conn, struct bytes fresh,
            int64_t wall_ms)
{
    struct user *client = context;
    struct world *world = client->world;
    size_t at = 0, size;

    (void)conn;
    buf_must_add(&client->replies, fresh.data, fresh.size);
    world->model.wall_ms = wall_ms;
    for (;;) {
        struct bytes rest =
            bytes_of(client->replies.data + at, client->replies.used - at);
        struct buf expected = {0};
        const struct model_command *command = &client->pending[client->first];

        size = sim_reply_size(rest);
        if (size == 0) break;
        rest.size = size;
        if (client->count == 0) {
            world->failed++; /* a reply nobody asked for */
            break;
        }
        if (!reply_is_right(client, command, rest, &expected)) {
            complain(world, client, command, rest, buf_bytes(&expected));
        }
        buf_deinit(&expected);
        client->first = (client->first + 1) % PENDING;
        client->count--;
        world->executed++;
        at += size;
    }
    if (at < client->replies.used) world->failed++; /* half a reply */
    client->replies.used = 0;
}

/* Over all seeds. */
struct totals {
    uint64_t executed, scans, evicted;
    int64_t simulated_ms;
};

static void
add_up(struct totals *totals, const struct world *world)
{
    struct store_stats stats;

    store_stats(sim_store(world->sim, 0), &stats);
    totals->executed += world->executed;
    totals->scans += world->scans;
    totals->evicted += stats.evicted;
    totals->simulated_ms += sim_now_ms(world->sim);
}

static bool
run_seed(uint64_t seed, bool is_noisy, uint64_t *trace, struct totals *totals)
{
    struct rng dice = {seed};
    struct sim_config config = {
        .seed = seed,
        .workers = 1 + (uint32_t)rng_below(&dice, 3),
        .slots = rng_below(&dice, 3) == 0 ? 1 : 64,
        .delay_most_ms = (int64_t)rng_below(&dice, 20),
        .cut_one_in = (uint32_t)rng_below(&dice, 4),
        .max_bytes = rng_below(&dice, 8) == 0 ? MEMORY : 0,
        .policy = "allkeys-lru",
    };
    struct world *world = mem_must_zero(sizeof(*world));
    uint32_t i;
    bool is_ok;

    world->sim = sim_new(&config);
    world->is_noisy = is_noisy;
    world->workers = config.workers;
    world->model.may_vanish = config.max_bytes > 0;
    world->client_count = 1 + (uint32_t)rng_below(&dice, CLIENTS_MAX);
    for (i = 0; i < VALUES; i++) {
        world->values[i] = (char)rng_below(&dice, 256);
    }
    for (i = 0; i < world->client_count; i++) {
        struct user *client = &world->clients[i];

        client->world = world;
        client->at = i;
        client->left = config.max_bytes > 0 ? COMMANDS / 2 : COMMANDS;
        connect_user(client);
        sim_at(world->sim, sim_now_ms(world->sim), user_think, client);
    }
    (void)sim_run(world->sim, 60 * 1000);
    for (i = 0; i < world->client_count; i++) {
        struct user *client = &world->clients[i];
        if (client->left > 0 || client->count > 0) world->failed++;
        forget(client);
        buf_deinit(&client->replies);
    }
    if (!store_ok(sim_store(world->sim, 0))) world->failed++;
    sim_trace_add(world->sim, bytes_of(&world->executed, 8));
    *trace = sim_trace(world->sim);
    add_up(totals, world);
    is_ok = world->failed == 0;
    sim_free(world->sim);
    model_deinit(&world->model);
    mem_free(world);
    return is_ok;
}

static uint64_t
option(int argc, char **argv, const char *name, uint64_t otherwise)
{
    int i;

    for (i = 1; i + 1 < argc; i++) {
        if (strcmp(argv[i], name) == 0) return strtoull(argv[i + 1], NULL, 10);
    }
    return otherwise;
}

int
main(int argc, char **argv)
{
    uint64_t seed = option(argc, argv, "--seed", 1);
    uint64_t count = option(argc, argv, "--count", 200), i;
    uint64_t passed = 0, failed = 0, live = mem_live_count();
    struct totals totals = {0};

    for (i = 0; i < count; i++) {
        uint64_t trace = 0, again = 0;
        bool is_ok = run_seed(seed + i, true, &trace, &totals);

        if (is_ok && (seed + i) % 10 == 0) {
            is_ok =
                run_seed(seed + i, false, &again, &totals) && again == trace;
            if (!is_ok) printf("two runs of one seed differ\n");
        }
        if (mem_live_count() != live) {
            printf("blocks still allocated\n");
            is_ok = false;
        }
        if (!is_ok) {
            printf("replay: %s --seed %llu --count 1\n", argv[0],
                   (unsigned long long)(seed + i));
            failed++;
            if (failed > 10) break;
        } else {
            passed++;
        }
    }
    printf("%llu commands, %llu whole scans, %llu evictions, %.1f simulated "
           "hours\n",
           (unsigned long long)totals.executed,
           (unsigned long long)totals.scans, (unsigned long long)totals.evicted,
           (double)totals.simulated_ms / 3.6e6);
    printf("%llu passed, %llu failed\n", (unsigned long long)passed,
           (unsigned long long)failed);
    return failed > 0;
}
