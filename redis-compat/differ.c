/*
 * differ.c - the same random commands into two servers, the replies compared.
 *
 *     grammar/ NAME.txt --> stream (by seed) --> run --> compare --> findings
 *                                                 |                     |
 *                                       redis-server, kula-server    shrink
 *
 * A difference ends its part of the epoch: what was sent is shrunk to the few
 * commands that still show it, both servers are emptied, and the epoch goes on
 * behind it. README has the rest.
 */
#include "run.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    EPOCH_OPS = 2000,
    SHOWN_MAX = 40,
    SHRINK_RUNS = 250,
    KINDS_MAX = 256,
    WITHOUT_MAX = 8
};

/* Differences of one kind: only the first few are shrunk and shown. */
struct kind {
    struct row *row;
    char why[96];
    uint64_t count;
};

struct differ {
    struct runner runner;
    struct grammar *grammar;
    uint64_t seed, count, only_epoch;
    bool is_replay, is_quiet;
    const char *folder, *rules;
    const char *only_row;
    const char *without[WITHOUT_MAX]; /* families */
    uint32_t without_count;
    uint64_t differences;
    uint32_t shown;
    struct kind kinds[KINDS_MAX];
    uint32_t kind_count;
};

/* ---- showing ---- */

static void
print_op(const struct op *op)
{
    struct sink sink = {0};

    sink_format(&sink, "    [%u] ", op->conn);
    if (op->step->is_silent) sink_text(&sink, "! ");
    if (op->is_inline) sink_text(&sink, "inline ");
    if (op->step->is_raw) sink_text(&sink, "raw ");
    for (uint32_t i = 0; i < op->count; i++) {
        static const char *const kinds[] = {"", "<my-id>", "<my-address>",
                                            "<server-address>"};
        struct piece text = op->args[i].text;

        if (i > 0) sink_text(&sink, " ");
        if (op->args[i].kind != WORD_PLAIN) {
            sink_text(&sink, kinds[op->args[i].kind]);
        } else if (text.size > 300) {
            sink_format(&sink, "(%zu bytes)", text.size);
        } else {
            sink_quoted(&sink, text);
        }
    }
    printf("%.*s\n", (int)sink.size, sink.data);
    sink_free(&sink);
}

static void
print_reply(const char *name, struct piece reply)
{
    struct sink sink = {0};
    struct piece head = reply;

    if (head.size > 400) head.size = 400;
    sink_quoted(&sink, head);
    printf("    %-6s %.*s%s\n", name, (int)sink.size, sink.data,
           reply.size > head.size ? " ..." : "");
    sink_free(&sink);
}

/* ---- shrinking ---- */

struct shrink {
    struct differ *differ;
    const struct op **ops;
    uint32_t count;
    const struct op *goal;
    uint32_t runs;
};

/* Does the difference at the same op remain? */
static bool
still_differs(struct shrink *shrink, const struct op *const *ops,
              uint32_t count)
{
    struct arena *kept = arena_new();
    struct finding finding;
    bool is_same;

    if (shrink->runs++ >= SHRINK_RUNS) {
        arena_free(kept);
        return false;
    }
    is_same = run_ops(&shrink->differ->runner, ops, count, kept, &finding);
    arena_free(kept);
    return !is_same && finding.op == shrink->goal;
}

/* Copies all but the groups that start in [from, to), the goal's group kept. */
static uint32_t
without(const struct shrink *shrink, uint32_t from, uint32_t to,
        const struct op **out)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < shrink->count; i++) {
        bool is_cut = i >= from && i < to;

        if (is_cut && shrink->ops[i]->group != shrink->goal->group) continue;
        out[count++] = shrink->ops[i];
    }
    return count;
}

/* The first op at or after `at` that starts a group. */
static uint32_t
group_start(const struct shrink *shrink, uint32_t at)
{
    while (at > 0 && at < shrink->count &&
           shrink->ops[at]->group == shrink->ops[at - 1]->group) {
        at++;
    }
    return at;
}

static void
shrink_ops(struct shrink *shrink)
{
    const struct op **rest = malloc((shrink->count + 1) * sizeof(*rest));
    int patience = shrink->differ->runner.patience_ms;

    if (rest == NULL) die("out of memory");
    shrink->differ->runner.is_counting = false;
    shrink->differ->runner.patience_ms = 300;
    for (uint32_t size = shrink->count; size > 0; size /= 2) {
        for (uint32_t at = 0; at < shrink->count;) {
            uint32_t from = group_start(shrink, at);
            uint32_t to = group_start(shrink, from + size < shrink->count
                                                  ? from + size
                                                  : shrink->count);
            uint32_t left = without(shrink, from, to, rest);

            if (left < shrink->count && still_differs(shrink, rest, left)) {
                memcpy(shrink->ops, rest, left * sizeof(*rest));
                shrink->count = left;
            } else {
                at = to > at ? to : at + 1;
            }
        }
    }
    shrink->differ->runner.is_counting = true;
    shrink->differ->runner.patience_ms = patience;
    free(rest);
}

/* ---- epochs ---- */

static struct kind *
find_kind(struct differ *differ, const struct finding *finding)
{
    struct kind *kind;

    for (uint32_t i = 0; i < differ->kind_count; i++) {
        kind = &differ->kinds[i];
        if (kind->row == finding->op->row &&
            strncmp(kind->why, finding->why, sizeof(kind->why) - 1) == 0) {
            return kind;
        }
    }
    if (differ->kind_count == KINDS_MAX) return &differ->kinds[0];
    kind = &differ->kinds[differ->kind_count++];
    kind->row = finding->op->row;
    snprintf(kind->why, sizeof(kind->why), "%s", finding->why);
    return kind;
}

static void
show_difference(struct differ *differ, uint64_t epoch, const struct op **ops,
                uint32_t count, const struct finding *finding)
{
    struct kind *kind = find_kind(differ, finding);
    struct shrink shrink = {differ, ops, count, finding->op, 0};

    differ->differences++;
    finding->op->row->differed++;
    kind->count++;
    if (kind->count > 2 || differ->shown >= SHOWN_MAX) return;
    differ->shown++;
    shrink_ops(&shrink);
    printf("difference %llu: %s: %s (--replay %llu:%llu)\n",
           (unsigned long long)differ->differences, finding->op->row->name,
           finding->why, (unsigned long long)differ->seed,
           (unsigned long long)epoch);
    for (uint32_t i = 0; i < shrink.count; i++)
        print_op(shrink.ops[i]);
    print_reply("redis", finding->replies[REFERENCE]);
    print_reply("kula", finding->replies[OURS]);
    fflush(stdout);
}

/* A difference that is allowed, but after which the servers do not have the
 * same any more. */
static bool
is_parting(struct differ *differ, const struct finding *finding)
{
    static const char refused[] = "-EXECABORT Transaction discarded because "
                                  "of: watched keys";
    struct rules *rules = &differ->runner.rules;
    const struct piece *ours = &finding->replies[OURS];

    if (!rules->is_ring || !rules->is_listed[RULE_WATCHED] ||
        ours->size < sizeof(refused) ||
        memcmp(ours->data, refused, sizeof(refused) - 1) != 0) {
        return false;
    }
    rules->used[RULE_WATCHED]++;
    return true;
}

static uint32_t
run_epoch(struct differ *differ, uint64_t epoch)
{
    struct arena *arena = arena_new();
    struct chance chance = {differ->seed * 1000003 + epoch};
    struct stream stream;
    const struct op **ops, **done;
    uint32_t at = 0;

    stream_draw(&stream, differ->grammar, arena, chance_next(&chance),
                EPOCH_OPS);
    ops = arena_alloc(arena, stream.count * sizeof(*ops));
    done = arena_alloc(arena, stream.count * sizeof(*done));
    for (uint32_t i = 0; i < stream.count; i++)
        ops[i] = &stream.ops[i];
    while (at < stream.count) {
        struct finding finding;
        uint32_t end = at;

        if (run_ops(&differ->runner, ops + at, stream.count - at, arena,
                    &finding)) {
            break;
        }
        while (ops[end] != finding.op)
            end++;
        while (!ops[end]->is_group_end)
            end++;
        if (!is_parting(differ, &finding)) {
            memcpy(done, ops + at, (end + 1 - at) * sizeof(*done));
            show_difference(differ, epoch, done, end + 1 - at, &finding);
        }
        at = end + 1;
    }
    arena_free(arena);
    return stream.count;
}

/* ---- the end ---- */

static int
by_name(const void *a, const void *b)
{
    return strcmp(((const struct row *)a)->name, ((const struct row *)b)->name);
}

/* Coverage that issue and README promise; the number of promises broken. */
static uint64_t
check_coverage(const struct differ *differ)
{
    uint64_t least = differ->count / 1000, sent = 0, good = 0, broken = 0;

    for (uint32_t i = 0; i < differ->grammar->count; i++) {
        const struct row *row = &differ->grammar->rows[i];

        sent += row->sent;
        good += row->good;
        if (row->sent + row->differed >= least) continue;
        printf("%s: sent only %llu times\n", row->name,
               (unsigned long long)row->sent);
        broken++;
    }
    if (good * 2 < sent) {
        printf("more than half of the replies are errors\n");
        broken++;
    }
    return broken;
}

static int
summary(struct differ *differ)
{
    struct grammar *grammar = differ->grammar;
    uint64_t sent = 0, good = 0, failed = differ->differences;

    qsort(grammar->rows, grammar->count, sizeof(*grammar->rows), by_name);
    if (!differ->is_quiet) {
        printf("%-24s %9s %9s %7s\n", "command", "sent", "no error", "differ");
    }
    for (uint32_t i = 0; i < grammar->count; i++) {
        const struct row *row = &grammar->rows[i];

        sent += row->sent;
        good += row->good;
        if (differ->is_quiet) continue;
        printf("%-24s %9llu %8.1f%% %7llu\n", row->name,
               (unsigned long long)row->sent,
               row->sent > 0 ? (double)row->good * 100.0 / (double)row->sent
                             : 0.0,
               (unsigned long long)row->differed);
    }
    printf("%u commands, %llu sent, %.1f%% of the replies no errors\n",
           grammar->count, (unsigned long long)sent,
           sent > 0 ? (double)good * 100.0 / (double)sent : 0.0);
    for (uint32_t i = 0; i < RULES; i++) {
        if (!differ->runner.rules.is_listed[i]) continue;
        printf("difference %u of the list: %llu times (%s)\n", i,
               (unsigned long long)differ->runner.rules.used[i],
               differ->runner.rules.text[i]);
    }
    if (!differ->is_replay && differ->only_row == NULL) {
        failed += check_coverage(differ);
    }
    printf("seed %llu\n", (unsigned long long)differ->seed);
    printf("%llu passed, %llu failed\n",
           (unsigned long long)differ->runner.passed,
           (unsigned long long)failed);
    return failed == 0 ? 0 : 1;
}

_Noreturn static void
usage(int code)
{
    fputs("differ [option ...] REDIS-PORT KULA-PORT ...\n"
          "  (several KULA-PORTs: connections take turns in going to them)\n"
          "  --seed N          start of the random stream (default: 1)\n"
          "  --count N         commands (default 100000)\n"
          "  --replay SEED:EPOCH  only that part of a stream\n"
          "  --grammar FOLDER  default: grammar\n"
          "  --differences FILE  default: DIFFERENCES\n"
          "  --only NAME       forms of one command alone\n"
          "  --without FAMILY  leaves out a file of the grammar\n"
          "  --in-ring         what DIFFERENCES allows in rings is allowed\n"
          "  --quiet           without the table of commands\n"
          "the last line is `N passed, M failed`; exit code 1 if M > 0\n",
          code == 0 ? stdout : stderr);
    exit(code);
}

static void
read_replay(struct differ *differ, const char *text)
{
    char *end;

    differ->seed = strtoull(text, &end, 10);
    if (*end != ':') usage(2);
    differ->only_epoch = strtoull(end + 1, NULL, 10);
    differ->is_replay = true;
}

static void
read_ports(struct runner *runner, char **ports, int count)
{
    if (count < 2 || count - 1 > NODES_MAX) usage(2);
    runner->reference_port = atoi(ports[0]);
    if (runner->reference_port == 0) usage(2);
    for (int i = 1; i < count; i++) {
        int port = atoi(ports[i]);

        if (port == 0) usage(2);
        runner->ports[runner->nodes++] = port;
    }
}

static void
leave_out(struct differ *differ, const char *family)
{
    if (differ->without_count == WITHOUT_MAX) usage(2);
    differ->without[differ->without_count++] = family;
}

static void
read_options(struct differ *differ, int argc, char **argv)
{
    static const struct option options[] = {
        {"seed", required_argument, NULL, 's'},
        {"count", required_argument, NULL, 'c'},
        {"replay", required_argument, NULL, 'r'},
        {"grammar", required_argument, NULL, 'g'},
        {"differences", required_argument, NULL, 'd'},
        {"only", required_argument, NULL, 'o'},
        {"without", required_argument, NULL, 'w'},
        {"in-ring", no_argument, NULL, 'i'},
        {"quiet", no_argument, NULL, 'q'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 's': differ->seed = strtoull(optarg, NULL, 10); break;
        case 'c': differ->count = strtoull(optarg, NULL, 10); break;
        case 'r': read_replay(differ, optarg); break;
        case 'g': differ->folder = optarg; break;
        case 'd': differ->rules = optarg; break;
        case 'o': differ->only_row = optarg; break;
        case 'w': leave_out(differ, optarg); break;
        case 'i': differ->runner.rules.is_ring = true; break;
        case 'q': differ->is_quiet = true; break;
        case 'h': usage(0);
        default: usage(2);
        }
    }
    read_ports(&differ->runner, argv + optind, argc - optind);
}

/* Leaves one row, and SET, which gives it something to work on. */
static void
keep_only(struct grammar *grammar, const char *name)
{
    bool is_found = false;

    grammar->total = 0;
    for (uint32_t i = 0; i < grammar->count; i++) {
        struct row *row = &grammar->rows[i];

        if (strcmp(row->name, name) == 0) {
            is_found = true;
        } else if (strcmp(row->name, "SET") != 0) {
            row->weight = 0;
        }
        grammar->total += row->weight;
    }
    if (!is_found) die("no command %s in the grammar", name);
}

/* A family is a file of grammar/: name it here when you add one. */
static const char *const families[] = {"string", "bitmap",     "keys",
                                       "expire", "connection", "server",
                                       "multi",  "newer"};

static bool
is_left_out(const struct differ *differ, const char *family)
{
    for (uint32_t i = 0; i < differ->without_count; i++) {
        if (strcmp(differ->without[i], family) == 0) return true;
    }
    return false;
}

static struct grammar *
read_grammar(const struct differ *differ)
{
    const char *names[sizeof(families) / sizeof(families[0])];
    uint32_t count = 0;

    for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
        if (!is_left_out(differ, families[i])) names[count++] = families[i];
    }
    return grammar_read(differ->folder, names, count);
}

int
main(int argc, char **argv)
{
    static struct differ differ;
    int result;

    differ.seed = 1;
    differ.count = 100000;
    differ.folder = "grammar";
    differ.rules = "DIFFERENCES";
    differ.runner.patience_ms = 10000;
    differ.runner.is_counting = true;
    read_options(&differ, argc, argv);
    rules_read(&differ.runner.rules, differ.rules);
    differ.grammar = read_grammar(&differ);
    if (differ.only_row != NULL) keep_only(differ.grammar, differ.only_row);
    if (differ.is_replay) {
        run_epoch(&differ, differ.only_epoch);
    } else {
        uint64_t sent = 0;

        for (uint64_t epoch = 0; sent < differ.count; epoch++) {
            sent += run_epoch(&differ, epoch);
        }
    }
    result = summary(&differ);
    run_close(&differ.runner);
    rules_free(&differ.runner.rules);
    grammar_free(differ.grammar);
    return result;
}
