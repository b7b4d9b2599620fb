/*
 * Random clients on rings with random faults, any number of seeds:
 *     tests/sim/ring_swarm --seed 17 --count 1             replays seed 17
 *     tests/sim/ring_swarm --seed 17 --count 1 --noisy 1   and prints its log
 *
 * A run: the ring comes up; clients talk to it while faults come and go; all
 * is healed; the ring must become quiet; then everything is compared.
 *
 * At most one memory is lost before the ring is settled again, as W = 2 copies
 * promise no more. All other faults come together as they like.
 */
#include "sim/check.h"

#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
    KEYS = 6,
    STEP_MS = 100,
    UP_MOST_MS = 60 * 1000,
    QUIET_MOST_MS = 180 * 1000,
    EQUAL_MOST_MS = 60 * 1000,
    SKEW_MS = 500, /* clock-skew-max-ms */
    OFFSET_MS = 200,
};

/* What a seed is about. */
struct plan {
    uint32_t nodes, clients;
    bool has_faults, is_strict, has_jumps;
    int64_t fault_ms;      /* how long there are faults */
    uint32_t fault_one_in; /* steps */
};

struct world {
    struct plan plan;
    struct sim *sim;
    struct rng dice; /* of the faults; not the world's */
    struct history history;
    struct ring_clients *clients;
    struct check_versions *versions;
    struct verdict verdict;
    int64_t back_ms[SIM_NODES_MAX]; /* a crashed node starts again then */
    int64_t heal_ms;                /* 0: nothing is cut */
    bool may_lose;                  /* settled since the last lost memory */
    bool is_noisy;
};

struct totals {
    uint64_t commands, refused, unknown, events;
    uint64_t crashes, pauses, cuts, resets, jumps;
    int64_t simulated_ms;
};

static void
say(const struct world *world, const char *what, uint32_t node)
{
    if (world->is_noisy) {
        printf("%8lld ms  ---- %s %u\n", (long long)sim_now_ms(world->sim),
               what, node);
    }
}

/* ---- faults ---- */

static void
crash(struct world *world, struct totals *totals)
{
    uint32_t node = (uint32_t)rng_below(&world->dice, world->plan.nodes);

    if (!world->may_lose || !sim_is_up(world->sim, node)) return;
    say(world, "crash", node);
    sim_crash(world->sim, node, rng_below(&world->dice, 2) == 0);
    world->back_ms[node] =
        sim_now_ms(world->sim) + 100 + (int64_t)rng_below(&world->dice, 15000);
    world->may_lose = false;
    totals->crashes++;
}

static void
pause_one(struct world *world, struct totals *totals)
{
    uint32_t node = (uint32_t)rng_below(&world->dice, world->plan.nodes);
    int64_t ms = (int64_t)rng_below(&world->dice, 2) == 0 ? 1000 : 30000;

    if (!sim_is_up(world->sim, node) || sim_is_paused(world->sim, node)) return;
    say(world, "pause", node);
    sim_pause(world->sim, node,
              sim_now_ms(world->sim) + 1 +
                  (int64_t)rng_below(&world->dice, (uint64_t)ms));
    totals->pauses++;
}

static void
cut(struct world *world, struct totals *totals)
{
    uint32_t all = (1u << world->plan.nodes) - 1;
    uint32_t one = 1 + (uint32_t)rng_below(&world->dice, all);
    uint32_t a = (uint32_t)rng_below(&world->dice, world->plan.nodes);
    uint32_t b = (uint32_t)rng_below(&world->dice, world->plan.nodes);

    if (world->heal_ms != 0) return;
    switch (rng_below(&world->dice, 4)) {
    case 0: /* two halves */
        say(world, "partition, one side is", one);
        sim_partition(world->sim, one, all & ~one);
        break;
    case 1: /* one alone */
        say(world, "isolate", a);
        sim_partition(world->sim, 1u << a, all & ~(1u << a));
        break;
    case 2: /* two do not see each other, all else do */
        say(world, "cut between", a * 10 + b);
        sim_partition(world->sim, 1u << a, 1u << b & ~(1u << a));
        break;
    case 3: /* one way */
        say(world, "cut from, to", a * 10 + b);
        sim_cut(world->sim, a, b, a != b);
        break;
    }
    world->heal_ms =
        sim_now_ms(world->sim) + 200 + (int64_t)rng_below(&world->dice, 12000);
    totals->cuts++;
}

static void
jump(struct world *world, struct totals *totals)
{
    uint32_t node = (uint32_t)rng_below(&world->dice, world->plan.nodes);
    int64_t most = rng_below(&world->dice, 2) == 0 ? 400 : 60 * 1000;

    if (!world->plan.has_jumps) return;
    say(world, "clock jump", node);
    sim_clock_jump(world->sim, node,
                   (int64_t)rng_below(&world->dice, (uint64_t)most * 2) - most);
    totals->jumps++;
}

static void
reset(struct world *world, struct totals *totals)
{
    say(world, "reset", 0);
    sim_reset_one(world->sim);
    totals->resets++;
}

static void
fault(struct world *world, struct totals *totals)
{
    switch (rng_below(&world->dice, 8)) {
    case 0:
    case 1: crash(world, totals); break;
    case 2: pause_one(world, totals); break;
    case 3:
    case 4: cut(world, totals); break;
    case 5:
    case 6: reset(world, totals); break;
    case 7: jump(world, totals); break;
    }
}

/* What is over ends. */
static void
mend(struct world *world, bool at_once)
{
    int64_t now_ms = sim_now_ms(world->sim);
    uint32_t i;

    for (i = 0; i < world->plan.nodes; i++) {
        if (sim_is_up(world->sim, i)) continue;
        if (!at_once && world->back_ms[i] > now_ms) continue;
        say(world, "start", i);
        sim_start(world->sim, i);
    }
    if (world->heal_ms != 0 && (at_once || world->heal_ms <= now_ms)) {
        say(world, "heal", 0);
        sim_heal(world->sim);
        world->heal_ms = 0;
    }
    if (!world->may_lose)
        world->may_lose = check_is_quiet(world->sim, world->plan.nodes, NULL);
}

/* ---- a run ---- */

static bool
wait_quiet(struct world *world, int64_t most_ms, const char *what)
{
    int64_t until_ms = sim_now_ms(world->sim) + most_ms;
    char why[120] = "";

    while (sim_now_ms(world->sim) < until_ms) {
        if (check_is_quiet(world->sim, world->plan.nodes, why) &&
            (world->clients == NULL || ring_clients_are_idle(world->clients))) {
            return true;
        }
        (void)sim_run_for(world->sim, STEP_MS);
        if (world->versions != NULL)
            check_versions_look(world->versions, &world->verdict);
    }
    verdict_add(&world->verdict, "%s: not quiet after %lld s: %s", what,
                (long long)most_ms / 1000, why);
    return false;
}

static struct check_rules
rules_of(const struct plan *plan)
{
    bool is_safe = plan->is_strict || !plan->has_faults;

    return (struct check_rules){
        .keys = KEYS,
        .is_sloppy = !plan->is_strict,
        .reads_are_fresh = is_safe,
        .reads_are_linear = !plan->has_faults,
        .locks_are_exclusive = is_safe,
        .keeps_last_write = is_safe || (plan->nodes <= 3 && !plan->has_jumps),
        .slack_ms = is_safe ? 0 : SKEW_MS + 2 * OFFSET_MS,
        .expiry_slack_ms =
            plan->has_jumps ? INT64_MAX / 4 : SKEW_MS + 2 * OFFSET_MS,
    };
}

/* What the last writes left behind is mended by comparing, round by round. */
static void
check_equal(struct world *world)
{
    int64_t until_ms = sim_now_ms(world->sim) + EQUAL_MOST_MS;

    for (;;) {
        struct verdict verdict = {0};
        uint32_t count;

        check_contents(world->sim, world->plan.nodes, &verdict);
        count = verdict.count;
        verdict_deinit(&verdict);
        if (count == 0 || sim_now_ms(world->sim) >= until_ms) break;
        (void)sim_run_for(world->sim, STEP_MS);
        check_versions_look(world->versions, &world->verdict);
    }
    check_contents(world->sim, world->plan.nodes, &world->verdict);
}

static void
check_end(struct world *world)
{
    struct check_rules rules = rules_of(&world->plan);
    uint32_t family, key, node;

    check_equal(world);
    check_limits(world->sim, &world->verdict);
    check_history(&world->history, &rules, &world->verdict);
    for (family = 0; family < FAMILIES; family++) {
        for (key = 0; key < KEYS; key++) {
            char name[16], line[32];

            history_key((enum family)family, key, name);
            (void)snprintf(line, sizeof(line), "GET %s", name);
            for (node = 0; node < world->plan.nodes; node++) {
                const char *reply = sim_call(world->sim, node, line);

                check_final(&world->history, &rules, (enum family)family, key,
                            bytes_str(reply), &world->verdict);
            }
        }
    }
}

static void
run_faults(struct world *world, struct totals *totals)
{
    int64_t until_ms = sim_now_ms(world->sim) + world->plan.fault_ms;

    while (sim_now_ms(world->sim) < until_ms) {
        (void)sim_run_for(world->sim, STEP_MS);
        check_versions_look(world->versions, &world->verdict);
        mend(world, false);
        if (world->plan.has_faults &&
            rng_below(&world->dice, world->plan.fault_one_in) == 0) {
            fault(world, totals);
        }
    }
    mend(world, true);
}

static void
start_clients(struct world *world, uint32_t workers)
{
    struct rng *dice = &world->dice;
    struct ring_clients_config config = {
        .sim = world->sim,
        .history = &world->history,
        .clients = world->plan.clients,
        .nodes = world->plan.nodes,
        .workers = workers,
        .keys = KEYS,
        .families = rng_below(dice, 4) == 0 ? 1u << rng_below(dice, FAMILIES)
                                            : (1u << FAMILIES) - 1,
        .pipelines = rng_below(dice, 2) == 0 ? 3 : 0,
        .large_one_in = rng_below(dice, 3) == 0 ? 20 : 0,
        .think_ms = 20 + (int64_t)rng_below(dice, 200),
        .patience_ms = 3000,
    };

    if (config.families == 1u << LOCK) config.pipelines = 0;
    world->clients = ring_clients_new(&config);
    world->versions = check_versions_new(world->sim, world->plan.nodes, KEYS);
}

static struct plan
plan_of(struct rng *dice)
{
    static const uint32_t sizes[] = {3, 3, 3, 3, 3, 3, 4, 5, 2, 1};
    struct plan plan = {
        .nodes = sizes[rng_below(dice, ARRAY_LEN(sizes))],
        .clients = 1 + (uint32_t)rng_below(dice, 8),
        .has_faults = rng_below(dice, 4) != 0,
        .is_strict = rng_below(dice, 2) == 0,
        .has_jumps = rng_below(dice, 6) == 0,
        .fault_ms = 5000 + (int64_t)rng_below(dice, 40000),
        .fault_one_in = 10 + (uint32_t)rng_below(dice, 60),
    };

    if (plan.nodes < 3) plan.has_faults = false; /* they bear no loss */
    if (!plan.has_faults) {
        plan.has_jumps = false;
        plan.fault_ms = 5000;
    }
    return plan;
}

static bool
run_seed(uint64_t seed, bool is_noisy, bool is_quiet, uint64_t *trace,
         struct totals *totals)
{
    struct world *world = mem_must_zero(sizeof(*world));
    struct rng *dice = &world->dice;
    struct sim_ring ring = {.replicas = 3, .read_quorum = 2, .write_quorum = 2};
    struct sim_config config = {.seed = seed, .ring = &ring};
    bool is_ok;

    dice->state = seed ^ 0x7069656365736f66;
    world->plan = plan_of(dice);
    world->is_noisy = is_noisy;
    world->may_lose = true;
    ring.is_strict = world->plan.is_strict;
    ring.seeds = rng_below(dice, 2) == 0 ? 1 : 0;
    ring.net_delay_ms = (int64_t)rng_below(dice, 20);
    ring.slow_links = rng_below(dice, 4) == 0 ? 4 : 0;
    ring.clock_offset_ms = rng_below(dice, 2) == 0 ? OFFSET_MS / 2 : 0;
    ring.drift_ppm = rng_below(dice, 2) == 0 ? 100 : 0;
    config.nodes = world->plan.nodes;
    config.workers = rng_below(dice, 5) == 0 ? 2 : 1;
    config.delay_most_ms = (int64_t)rng_below(dice, 10);
    config.cut_one_in = (uint32_t)rng_below(dice, 4);
    world->sim = sim_new(&config);
    if (is_noisy) sim_be_noisy(world->sim);
    if (wait_quiet(world, UP_MOST_MS, "start")) {
        start_clients(world, config.workers);
        run_faults(world, totals);
        (void)sim_run_for(world->sim, 2000);
        ring_clients_stop(world->clients);
        if (wait_quiet(world, QUIET_MOST_MS, "end")) check_end(world);
    }
    is_ok = world->verdict.count == 0;
    if (!is_ok && !is_quiet) {
        printf("seed %llu (%u nodes, %u workers, %s%s): %u faults found\n%.*s",
               (unsigned long long)seed, config.nodes, config.workers,
               ring.is_strict ? "strict" : "sloppy",
               world->plan.has_faults ? ", faults" : "", world->verdict.count,
               (int)world->verdict.text.used, world->verdict.text.data);
    }
    totals->commands += world->history.done;
    totals->refused += world->history.refused;
    totals->unknown += world->history.unknown;
    totals->events += sim_event_count(world->sim);
    totals->simulated_ms += sim_now_ms(world->sim);
    *trace = sim_trace(world->sim);
    ring_clients_free(world->clients);
    check_versions_free(world->versions);
    sim_free(world->sim);
    history_deinit(&world->history);
    verdict_deinit(&world->verdict);
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

static void
print_totals(const struct totals *totals, uint64_t seeds, double seconds)
{
    printf("%llu commands (%llu refused, %llu unknown), %llu events\n",
           (unsigned long long)totals->commands,
           (unsigned long long)totals->refused,
           (unsigned long long)totals->unknown,
           (unsigned long long)totals->events);
    printf("%llu memories lost, %llu pauses, %llu cuts, %llu resets, %llu "
           "clock jumps\n",
           (unsigned long long)totals->crashes,
           (unsigned long long)totals->pauses, (unsigned long long)totals->cuts,
           (unsigned long long)totals->resets,
           (unsigned long long)totals->jumps);
    printf("%.0f seeds a minute, %.1f simulated hours\n",
           (double)seeds * 60 / (seconds > 0 ? seconds : 1),
           (double)totals->simulated_ms / 3.6e6);
}

int
main(int argc, char **argv)
{
    uint64_t seed = option(argc, argv, "--seed", 1);
    uint64_t count = option(argc, argv, "--count", 200), i;
    uint64_t most = option(argc, argv, "--failures", 10);
    bool is_noisy = option(argc, argv, "--noisy", 0) != 0;
    uint64_t passed = 0, failed = 0, live = mem_live_count();
    struct totals totals = {0};
    struct timespec from, to;

    (void)clock_gettime(CLOCK_MONOTONIC, &from);
    for (i = 0; i < count && failed < most; i++) {
        uint64_t trace = 0, again = 0;
        bool is_ok = run_seed(seed + i, is_noisy, false, &trace, &totals);

        if (is_ok && (seed + i) % 10 == 0) {
            is_ok = run_seed(seed + i, false, true, &again, &totals) &&
                    again == trace;
            if (!is_ok) printf("two runs of one seed differ\n");
        }
        if (mem_live_count() != live) {
            printf("blocks still allocated\n");
            live = mem_live_count();
            is_ok = false;
        }
        if (!is_ok) {
            printf("replay: %s --seed %llu --count 1\n", argv[0],
                   (unsigned long long)(seed + i));
        }
        passed += is_ok;
        failed += !is_ok;
    }
    (void)clock_gettime(CLOCK_MONOTONIC, &to);
    print_totals(&totals, passed + failed,
                 (double)(to.tv_sec - from.tv_sec) +
                     (double)(to.tv_nsec - from.tv_nsec) / 1e9);
    printf("%llu passed, %llu failed\n", (unsigned long long)passed,
           (unsigned long long)failed);
    return failed > 0;
}
