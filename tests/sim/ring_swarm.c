/*
 * Random clients on rings with random faults, any number of seeds:
 *     tests/sim/ring_swarm --seed 17 --count 1             replays seed 17
 *     tests/sim/ring_swarm --seed 17 --count 1 --noisy 1   and prints its log
 *     tests/sim/ring_swarm --seed 17 --count 1 --watch r3  what befell a key
 *
 * A run: the ring comes up; clients talk to it while faults come and go; all
 * is healed; the ring must become quiet; then everything is compared.
 *
 * At most one memory is lost before the ring is settled again, as W = 2 copies
 * promise no more. All other faults come together as they like. Seeds from
 * 100000 on have RENAME, COPY, MSETNX and MULTI over several slots as well.
 */
#include "sim/check.h"

#include "base/memory.h"
#include "support/scaled.h"

#include <signal.h>
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
    CEILING_MS = 4000, /* by which a restarted node's stamps are ahead */
    NEVER_MS = 24 * 3600 * 1000, /* anti-entropy: not in this run */
    SEVERAL_FROM = 100 * 1000,   /* seeds from here on: commands over several
                                  * slots, too */
    SEVERAL_SEEDS = 60,
};

/* --watch: a key's name; NULL */
static const char *watched;
static bool with_quorums; /* connections and prefixes have their own */

enum { QUORUM_SEEDS = 40 }; /* of a run without --seed */

/* What a seed is about. */
struct plan {
    uint32_t nodes, clients;
    uint32_t joiners; /* come while clients are at work */
    bool has_faults, is_strict, has_jumps, keeps_siblings;
    bool writes_alone;     /* W = R = 1; then no memory is lost */
    bool has_rounds;       /* of anti-entropy: else marks and hints must do */
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
    struct check_rules rules;
    struct verdict verdict;
    int64_t back_ms[SIM_NODES_MAX]; /* a crashed node starts again then */
    int64_t heal_ms;                /* 0: nothing is cut */
    uint32_t present;               /* nodes that have been started once */
    bool may_lose;                  /* settled since the last lost memory */
    bool is_noisy;
    uint32_t several; /* see ring_client.h */
};

enum fault_kind {
    LOST_TOLD,
    LOST_SILENTLY,
    PAUSE_SHORT,
    PAUSE_LONG,
    CUT_HALVES,
    CUT_ONE,
    CUT_PAIR,
    CUT_ONE_WAY,
    RESET,
    JUMP_SMALL,
    JUMP_LARGE,
    JOIN,
    SLOW_LINKS,
    OFFSETS,
    DRIFT,
    SEVERAL_WORKERS,
    NO_ROUNDS,
    SIBLINGS,
    FAULT_KINDS
};

static const char *const fault_names[FAULT_KINDS] = {
    "memories lost, told",
    "memories lost, silently",
    "pauses up to 1 s",
    "pauses up to 30 s",
    "partitions",
    "nodes cut off",
    "pairs cut apart",
    "links cut one way",
    "resets",
    "clock jumps up to 400 ms",
    "clock jumps up to 60 s",
    "joins under way",
    "rings with slow links",
    "rings with clocks apart",
    "rings with clocks that drift",
    "rings of several workers",
    "rings without anti-entropy",
    "rings that keep siblings",
};

struct totals {
    uint64_t commands, refused, unknown, events;
    uint64_t faults[FAULT_KINDS];
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

/* What a stand-in keeps for an owner leaves no mark: where it is lost with the
 * stand-in's memory, anti-entropy alone brings it to the owner. */
static bool
may_lose_hints(struct world *world, uint32_t node)
{
    struct hints *hints = atomic_load(&sim_replica(world->sim, node)->hints);

    return world->plan.has_rounds || hints == NULL || hints_count(hints) == 0;
}

static void
crash(struct world *world, struct totals *totals)
{
    uint32_t node = (uint32_t)rng_below(&world->dice, world->present);
    bool is_silent = rng_below(&world->dice, 2) == 0;

    if (!world->may_lose || !sim_is_up(world->sim, node)) return;
    if (!may_lose_hints(world, node)) return;
    say(world, "crash", node);
    sim_crash(world->sim, node, is_silent);
    world->back_ms[node] =
        sim_now_ms(world->sim) + 100 + (int64_t)rng_below(&world->dice, 15000);
    world->may_lose = false;
    totals->faults[is_silent ? LOST_SILENTLY : LOST_TOLD]++;
}

static void
pause_one(struct world *world, struct totals *totals)
{
    uint32_t node = (uint32_t)rng_below(&world->dice, world->present);
    int64_t ms = (int64_t)rng_below(&world->dice, 2) == 0 ? 1000 : 30000;

    if (!sim_is_up(world->sim, node) || sim_is_paused(world->sim, node)) return;
    say(world, "pause", node);
    sim_pause(world->sim, node,
              sim_now_ms(world->sim) + 1 +
                  (int64_t)rng_below(&world->dice, (uint64_t)ms));
    totals->faults[ms > 1000 ? PAUSE_LONG : PAUSE_SHORT]++;
}

static void
cut(struct world *world, struct totals *totals)
{
    uint32_t all = (1u << world->plan.nodes) - 1;
    uint32_t one = 1 + (uint32_t)rng_below(&world->dice, all);
    uint32_t a = (uint32_t)rng_below(&world->dice, world->plan.nodes);
    uint32_t b = (uint32_t)rng_below(&world->dice, world->plan.nodes);
    uint32_t which = CUT_HALVES + (uint32_t)rng_below(&world->dice, 4);

    if (world->heal_ms != 0) return;
    if (which == CUT_ONE_WAY && a == b) return;
    if (which == CUT_PAIR && a == b) return;
    switch (which) {
    case CUT_HALVES:
        say(world, "partition, one side is", one);
        sim_partition(world->sim, one, all & ~one);
        break;
    case CUT_ONE:
        say(world, "isolate", a);
        sim_partition(world->sim, 1u << a, all & ~(1u << a));
        break;
    case CUT_PAIR: /* all else see both */
        say(world, "cut between", a * 10 + b);
        sim_partition(world->sim, 1u << a, 1u << b & ~(1u << a));
        break;
    case CUT_ONE_WAY:
        say(world, "cut from, to", a * 10 + b);
        sim_cut(world->sim, a, b, true);
        break;
    }
    world->heal_ms =
        sim_now_ms(world->sim) + 200 + (int64_t)rng_below(&world->dice, 12000);
    totals->faults[which]++;
}

static void
jump(struct world *world, struct totals *totals)
{
    uint32_t node = (uint32_t)rng_below(&world->dice, world->present);
    int64_t most = rng_below(&world->dice, 2) == 0 ? 400 : 60 * 1000;

    if (!world->plan.has_jumps) return;
    say(world, "clock jump", node);
    sim_clock_jump(world->sim, node,
                   (int64_t)rng_below(&world->dice, (uint64_t)most * 2) - most);
    totals->faults[most > 400 ? JUMP_LARGE : JUMP_SMALL]++;
}

static void
reset(struct world *world, struct totals *totals)
{
    say(world, "reset", 0);
    sim_reset_one(world->sim);
    totals->faults[RESET]++;
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

static void
join(struct world *world, struct totals *totals)
{
    say(world, "join", world->present);
    sim_start(world->sim, world->present++);
    totals->faults[JOIN]++;
}

/* What is over ends. */
static void
mend(struct world *world, bool at_once)
{
    int64_t now_ms = sim_now_ms(world->sim);
    uint32_t i;

    for (i = 0; i < world->present; i++) {
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
    if (!world->may_lose && !world->plan.writes_alone)
        world->may_lose = check_is_quiet(world->sim, world->present, NULL);
}

/* ---- a run ---- */

static bool
wait_quiet(struct world *world, int64_t most_ms, const char *what)
{
    int64_t until_ms = sim_now_ms(world->sim) + most_ms;
    char why[120] = "";

    while (sim_now_ms(world->sim) < until_ms) {
        if (check_is_quiet(world->sim, world->present, why) &&
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
    bool is_safe =
        plan->is_strict || (!plan->has_faults && !plan->writes_alone);

    return (struct check_rules){
        .keys = KEYS,
        .is_sloppy = !plan->is_strict,
        .reads_are_fresh = is_safe,
        .reads_are_linear = is_safe && !plan->has_faults,
        .locks_are_exclusive = is_safe || with_quorums, /* set_prefixes */
        .keeps_last_write = is_safe || (plan->nodes <= 3 && !plan->has_jumps &&
                                        !plan->keeps_siblings),
        .keeps_siblings = plan->keeps_siblings,
        .keeps_words = is_safe,
        .slack_ms = is_safe ? 0 : SKEW_MS + 2 * OFFSET_MS + CEILING_MS,
        .expiry_slack_ms =
            plan->has_jumps ? INT64_MAX / 4 : SKEW_MS + 2 * OFFSET_MS,
    };
}

/* What the last writes left behind is mended by comparing, round by round; by
 * what is under way, where there are none. */
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
    const struct check_rules *rules = &world->rules;
    uint32_t family, key, node;

    check_equal(world);
    check_limits(world->sim, &world->verdict);
    check_history(&world->history, rules, &world->verdict);
    for (family = 0; family < FAMILIES; family++) {
        for (key = 0; key < KEYS; key++) {
            char name[16], line[32];

            history_key((enum family)family, key, name);
            (void)snprintf(line, sizeof(line), "GET %s", name);
            for (node = 0; node < world->plan.nodes; node++) {
                const char *reply = sim_call(world->sim, node, line);

                check_final(&world->history, rules, (enum family)family, key,
                            bytes_str(reply), &world->verdict);
            }
            if (family != REGISTER || !rules->keeps_siblings) continue;
            if (!world->plan.has_jumps)
                check_versions_siblings(world->versions, key, &world->verdict);
            (void)snprintf(line, sizeof(line), "KULA.SIBLINGS %s", name);
            for (node = 0; node < world->plan.nodes; node++) {
                check_siblings(&world->history, key,
                               bytes_str(sim_call(world->sim, node, line)),
                               &world->verdict);
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
        if (world->present < world->plan.nodes &&
            rng_below(&world->dice, 30) == 0) {
            join(world, totals);
        }
    }
    while (world->present < world->plan.nodes)
        join(world, totals);
    /* what is side by side when they are apart is to be found in the end */
    if (world->plan.keeps_siblings) ring_clients_stop(world->clients);
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
        .several = world->several,
        .large_one_in = rng_below(dice, 3) == 0 ? 20 : 0,
        .think_ms = 20 + (int64_t)rng_below(dice, 200),
        .patience_ms = 3000,
        .has_quorums = with_quorums,
    };

    if (config.families == 1u << LOCK) config.pipelines = 0;
    world->clients = ring_clients_new(&config);
    world->rules = rules_of(&world->plan);
    world->versions = check_versions_new(world->sim, &world->history,
                                         &world->rules, world->plan.nodes);
    if (watched != NULL) check_versions_watch(world->versions, watched);
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
        .has_rounds = rng_below(dice, 4) != 0,
    };

    if (plan.nodes < 3) plan.has_faults = false; /* they bear no loss */
    if (plan.nodes > 1 && rng_below(dice, 4) == 0)
        plan.joiners = 1 + (uint32_t)rng_below(dice, plan.nodes > 3 ? 2 : 1);
    if (!plan.has_faults) {
        plan.has_jumps = false;
        plan.fault_ms = 5000;
    }
    return plan;
}

/* Stricter ones than the ring's: of locks, and of one key in ten. */
static void
set_prefixes(struct world *world)
{
    (void)sim_call(world->sim, 0, "KULA.PREFIX SET l mode strict");
    (void)sim_call(world->sim, 0, "KULA.PREFIX SET r1 w 3");
    (void)sim_call(world->sim, 0, "KULA.PREFIX SET c1 r 3 w 3 mode strict");
}

/* All that was said about one key. */
static void
print_history(const struct history *history, const char *wanted)
{
    static const char *const kinds[] = {"SET",    "DEL", "GET",
                                        "EXISTS", "ADD", "APPEND"};
    static const char *const outcomes[] = {"unknown", "done", "refused"};
    uint32_t i;

    for (i = 0; i < history->count; i++) {
        const struct item *item = &history->items[i];
        char name[16];

        history_key(item->family, item->key, name);
        if (strcmp(name, wanted) != 0) continue;
        printf(
            "%8lld .. %lld ms  client %u at node %u: %s %s v%llu %lld: %s "
            "%d\n",
            (long long)item->invoked_ms,
            (long long)(item->replied_ms == INT64_MAX ? -1 : item->replied_ms),
            item->client, item->node, kinds[item->kind], name,
            (unsigned long long)item->value, (long long)item->amount,
            outcomes[item->outcome], item->found);
    }
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
    /* by the number, so that the others' dice fall as they did without */
    world->plan.keeps_siblings = seed % 8 == 3 && !with_quorums;
    world->plan.writes_alone =
        world->plan.keeps_siblings && !world->plan.is_strict;
    world->is_noisy = is_noisy;
    world->several = seed >= SEVERAL_FROM ? 4 : 0;
    world->may_lose = !world->plan.writes_alone;
    if (world->plan.writes_alone) ring.read_quorum = ring.write_quorum = 1;
    ring.is_strict = world->plan.is_strict;
    ring.keeps_siblings = world->plan.keeps_siblings;
    ring.seeds = rng_below(dice, 2) == 0 || world->plan.joiners > 0 ? 1 : 0;
    ring.net_delay_ms = (int64_t)rng_below(dice, 20);
    ring.slow_links = rng_below(dice, 4) == 0 ? 4 : 0;
    /* who wants all three waits for what is queued on a slow one */
    if (with_quorums) ring.slow_links = 0;
    ring.clock_offset_ms = rng_below(dice, 2) == 0 ? OFFSET_MS / 2 : 0;
    ring.drift_ppm = rng_below(dice, 2) == 0 ? 100 : 0;
    ring.started = world->present = world->plan.nodes - world->plan.joiners;
    ring.repair_ms = world->plan.has_rounds ? 0 : NEVER_MS;
    config.nodes = world->plan.nodes;
    config.workers = rng_below(dice, 5) == 0 ? 2 : 1;
    config.delay_most_ms = (int64_t)rng_below(dice, 10);
    config.cut_one_in = (uint32_t)rng_below(dice, 4);
    totals->faults[SLOW_LINKS] += ring.slow_links > 0;
    totals->faults[OFFSETS] += ring.clock_offset_ms > 0;
    totals->faults[DRIFT] += ring.drift_ppm > 0;
    totals->faults[SEVERAL_WORKERS] += config.workers > 1;
    totals->faults[NO_ROUNDS] += !world->plan.has_rounds;
    totals->faults[SIBLINGS] += world->plan.keeps_siblings;
    world->sim = sim_new(&config);
    if (is_noisy) sim_be_noisy(world->sim);
    if (wait_quiet(world, UP_MOST_MS, "start")) {
        if (with_quorums) set_prefixes(world);
        start_clients(world, config.workers);
        run_faults(world, totals);
        (void)sim_run_for(world->sim, 2000);
        ring_clients_stop(world->clients);
        /* what was queued on a slow link takes its time: 50 KB/s */
        if (wait_quiet(world,
                       ring.slow_links > 0 ? 5 * QUIET_MOST_MS : QUIET_MOST_MS,
                       "end")) {
            check_end(world);
        }
    }
    is_ok = world->verdict.count == 0;
    if (!is_ok && !is_quiet) {
        printf("seed %llu (%u nodes, %u workers, %s%s): %u faults found\n%.*s",
               (unsigned long long)seed, config.nodes, config.workers,
               ring.is_strict ? "strict" : "sloppy",
               world->plan.has_faults ? ", faults" : "", world->verdict.count,
               (int)world->verdict.text.used, world->verdict.text.data);
    }
    if (watched != NULL) print_history(&world->history, watched);
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

static const char *
option_text(int argc, char **argv, const char *name)
{
    int i;

    for (i = 1; i + 1 < argc; i++) {
        if (strcmp(argv[i], name) == 0) return argv[i + 1];
    }
    return NULL;
}

static uint64_t
option(int argc, char **argv, const char *name, uint64_t otherwise)
{
    const char *text = option_text(argc, argv, name);

    return text != NULL ? strtoull(text, NULL, 10) : otherwise;
}

/* The seed under way, for a run that ends by a signal. */
static uint64_t running;

static void
on_signal(int number)
{
    (void)printf("replay: tests/sim/ring_swarm --seed %llu --count 1\n",
                 (unsigned long long)running);
    (void)fflush(stdout);
    (void)signal(number, SIG_DFL);
    (void)raise(number);
}

static void
print_totals(const struct totals *totals, uint64_t seeds, double seconds)
{
    uint32_t i;

    printf("%llu commands (%llu refused, %llu unknown), %llu events\n",
           (unsigned long long)totals->commands,
           (unsigned long long)totals->refused,
           (unsigned long long)totals->unknown,
           (unsigned long long)totals->events);
    for (i = 0; i < FAULT_KINDS; i++) {
        printf("%8llu %s\n", (unsigned long long)totals->faults[i],
               fault_names[i]);
    }
    printf("%.0f seeds a minute, %.1f simulated hours\n",
           (double)seeds * 60 / (seconds > 0 ? seconds : 1),
           (double)totals->simulated_ms / 3.6e6);
}

/* Each has shown a fault that is mended since. */
static const uint64_t once_failed[] = {
    80,     597,    602,     800,     833,     1037,    1075,   1078,
    1473,   1614,   1833,    1887,    4947,    4995,    12379,  33284,
    41750,  62582,  63634,   71532,   100006,  100402,  100425, 200200,
    200898, 501397, 1001354, 2000732, 2006926, 4000087, 4005758};

/* The same with --quorums 1. */
static const uint64_t once_failed_own[] = {12955};

/* Seeds of one run, in this order. */
struct span {
    const uint64_t *seeds; /* NULL: those from `from` on */
    uint64_t from, count;
    bool has_quorums;
};

/* Every tenth seed twice: both runs are the same. */
static bool
check_seed(uint64_t seed, bool is_noisy, struct totals *totals)
{
    uint64_t trace = 0, again = 0, live = mem_live_count();
    bool is_ok;

    running = seed;
    is_ok = run_seed(seed, is_noisy, false, &trace, totals);
    if (is_ok && seed % 10 == 0) {
        is_ok = run_seed(seed, false, true, &again, totals) && again == trace;
        if (!is_ok) printf("two runs of one seed differ\n");
    }
    if (mem_live_count() != live) {
        printf("blocks still allocated\n");
        is_ok = false;
    }
    if (!is_ok) {
        printf("replay: tests/sim/ring_swarm --seed %llu --count 1%s\n",
               (unsigned long long)seed, with_quorums ? " --quorums 1" : "");
    }
    (void)fflush(stdout);
    return is_ok;
}

int
main(int argc, char **argv)
{
    uint64_t seed = option(argc, argv, "--seed", 101);
    uint64_t count = option(argc, argv, "--count", SCALED(200, 60)), i;
    uint64_t most = option(argc, argv, "--failures", 10);
    bool is_noisy = option(argc, argv, "--noisy", 0) != 0;
    bool is_all = option_text(argc, argv, "--seed") == NULL;
    bool has_quorums = option(argc, argv, "--quorums", 0) != 0;
    struct span spans[] = {
        {once_failed, 0, is_all ? ARRAY_LEN(once_failed) : 0, false},
        {once_failed_own, 0, is_all ? ARRAY_LEN(once_failed_own) : 0, true},
        {NULL, SEVERAL_FROM, is_all ? SEVERAL_SEEDS : 0, false},
        {NULL, seed, count, has_quorums},
        {NULL, seed + count, is_all ? QUORUM_SEEDS : 0, true},
    };
    uint64_t passed = 0, failed = 0;
    struct totals totals = {0};
    struct timespec from, to;
    uint32_t k;

    watched = option_text(argc, argv, "--watch");
    (void)signal(SIGABRT, on_signal);
    (void)signal(SIGSEGV, on_signal);
    (void)clock_gettime(CLOCK_MONOTONIC, &from);
    for (k = 0; k < ARRAY_LEN(spans); k++) {
        const struct span *span = &spans[k];

        with_quorums = span->has_quorums;
        for (i = 0; i < span->count && failed < most; i++) {
            bool is_ok = check_seed(span->seeds != NULL ? span->seeds[i]
                                                        : span->from + i,
                                    is_noisy, &totals);

            passed += is_ok;
            failed += !is_ok;
        }
    }
    (void)clock_gettime(CLOCK_MONOTONIC, &to);
    print_totals(&totals, passed + failed,
                 (double)(to.tv_sec - from.tv_sec) +
                     (double)(to.tv_nsec - from.tv_nsec) / 1e9);
    printf("%llu passed, %llu failed\n", (unsigned long long)passed,
           (unsigned long long)failed);
    return failed > 0;
}
