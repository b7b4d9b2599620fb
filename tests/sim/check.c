#include "sim/check.h"

#include "base/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { TOLD_MOST = 10 };

void
verdict_add(struct verdict *verdict, const char *format, ...)
{
    char text[300];
    va_list args;

    if (verdict->count++ >= TOLD_MOST) return;
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    buf_must_printf(&verdict->text, "  %s\n", text);
}

void
verdict_deinit(struct verdict *verdict)
{
    buf_deinit(&verdict->text);
}

/* ---- registers ---- */

/* A run of the items of one key. */
struct run {
    const struct history *history;
    const struct item **items; /* owned */
    uint32_t count, key;
    enum family family;
    char name[16];
};

static void
run_init(struct run *run, const struct history *history, enum family family,
         uint32_t key)
{
    uint32_t i;

    *run = (struct run){.history = history, .family = family, .key = key};
    run->items = mem_must_zero((history->count + 1) * sizeof(*run->items));
    for (i = 0; i < history->count; i++) {
        const struct item *item = &history->items[i];

        if (item->family == family && item->key == key)
            run->items[run->count++] = item;
    }
    history_key(family, key, run->name);
}

static void
run_deinit(struct run *run)
{
    mem_free(run->items);
}

static bool
is_change(const struct item *item)
{
    return item->kind == ITEM_SET || item->kind == ITEM_DELETE;
}

/* It has surely changed the key. */
static bool
has_changed(const struct item *item)
{
    return is_change(item) && item->outcome == OUTCOME_DONE && item->found;
}

/* A change that came after `from_ms` (the end of another) and was known before
 * `at_ms`; NULL: none. */
static const struct item *
later_change(const struct run *run, int64_t from_ms, int64_t at_ms,
             int64_t slack_ms)
{
    uint32_t i;

    if (from_ms == INT64_MAX) return NULL;
    for (i = 0; i < run->count; i++) {
        const struct item *item = run->items[i];

        if (has_changed(item) && item->invoked_ms > from_ms + slack_ms &&
            item->replied_ms < at_ms) {
            return item;
        }
    }
    return NULL;
}

static const struct item *
find_set(const struct run *run, uint64_t value)
{
    return history_item(run->history, run->family, run->key, value);
}

/* The key was seen with `value` (0: absent) by a read that was asked at
 * asked_ms and answered at seen_ms. fresh: it must not be outdated. */
static void
judge_value(const struct run *run, uint64_t value, int64_t asked_ms,
            int64_t seen_ms, bool fresh, int64_t slack_ms,
            struct verdict *verdict)
{
    const struct item *set = value != 0 ? find_set(run, value) : NULL;
    const struct item *later;
    uint32_t i;

    if (value != 0) {
        if (set == NULL || set->invoked_ms > seen_ms) {
            verdict_add(verdict, "%s at %lld: v%llu was never written",
                        run->name, (long long)seen_ms,
                        (unsigned long long)value);
        } else if (set->outcome == OUTCOME_REFUSED ||
                   (set->outcome == OUTCOME_DONE && !set->found)) {
            verdict_add(verdict, "%s at %lld: v%llu was refused", run->name,
                        (long long)seen_ms, (unsigned long long)value);
        } else if (fresh && (later = later_change(run, set->replied_ms,
                                                  asked_ms, slack_ms))) {
            verdict_add(verdict,
                        "%s at %lld: v%llu (node %u, %lld-%lld) although v%llu "
                        "(node %u, %lld-%lld) came later",
                        run->name, (long long)seen_ms,
                        (unsigned long long)value, set->node,
                        (long long)set->invoked_ms, (long long)set->replied_ms,
                        (unsigned long long)later->value, later->node,
                        (long long)later->invoked_ms,
                        (long long)later->replied_ms);
        }
        return;
    }
    if (!fresh) return;
    later = later_change(run, INT64_MIN / 2, asked_ms, slack_ms);
    if (later == NULL) return; /* never written, as far as anybody knows */
    for (i = 0; i < run->count; i++) {
        const struct item *item = run->items[i];

        if (item->kind != ITEM_DELETE || item->invoked_ms > seen_ms) continue;
        if (item->outcome == OUTCOME_REFUSED) continue;
        later = later_change(run, item->replied_ms, asked_ms, slack_ms);
        if (later == NULL) return;
    }
    verdict_add(verdict, "%s at %lld: absent although v%llu (%lld-%lld) is set",
                run->name, (long long)seen_ms, (unsigned long long)later->value,
                (long long)later->invoked_ms, (long long)later->replied_ms);
}

/* Two reads one after the other: the second must not give a value that was
 * done with before the first one's was begun. */
static void
judge_order(const struct run *run, struct verdict *verdict)
{
    const struct item *newest = NULL; /* of the writes that reads have given */
    int64_t newest_seen_ms = INT64_MAX;
    uint32_t i;

    for (i = 0; i < run->count; i++) {
        const struct item *read = run->items[i], *set;

        if (read->kind != ITEM_GET || read->outcome != OUTCOME_DONE) continue;
        set = read->found ? find_set(run, read->value) : NULL;
        if (set == NULL) continue;
        if (newest != NULL && newest_seen_ms < read->invoked_ms &&
            set->replied_ms < newest->invoked_ms) {
            verdict_add(verdict, "%s at %lld: v%llu after v%llu had been read",
                        run->name, (long long)read->replied_ms,
                        (unsigned long long)set->value,
                        (unsigned long long)newest->value);
        }
        if (newest == NULL || newest->invoked_ms < set->invoked_ms) {
            newest = set;
            newest_seen_ms = read->replied_ms;
        }
    }
}

static void
check_register(const struct run *run, const struct check_rules *rules,
               struct verdict *verdict)
{
    uint32_t i;

    for (i = 0; i < run->count; i++) {
        const struct item *item = run->items[i];

        if (item->kind != ITEM_GET || item->outcome != OUTCOME_DONE) continue;
        judge_value(run, item->found ? item->value : 0, item->invoked_ms,
                    item->replied_ms, rules->reads_are_fresh, 0, verdict);
    }
    if (rules->reads_are_linear) judge_order(run, verdict);
}

/* ---- the other families ---- */

static int64_t
given_back_ms(const struct run *run, uint64_t token)
{
    uint32_t i;

    for (i = 0; i < run->count; i++) {
        if (run->items[i]->kind == ITEM_DELETE &&
            run->items[i]->value == token) {
            return run->items[i]->invoked_ms;
        }
    }
    return INT64_MAX;
}

/* Two holders at one time. */
static void
check_locks(const struct run *run, struct verdict *verdict)
{
    const struct item *holder = NULL;
    int64_t until_ms = 0;
    uint32_t i;

    for (i = 0; i < run->count; i++) {
        const struct item *item = run->items[i];
        int64_t end_ms;

        if (item->kind != ITEM_SET || !has_changed(item)) continue;
        end_ms = given_back_ms(run, item->value);
        if (holder != NULL && until_ms > item->replied_ms &&
            end_ms > holder->replied_ms) {
            verdict_add(verdict,
                        "%s: held twice: v%llu (node %u) since %lld, v%llu "
                        "(node %u) since %lld",
                        run->name, (unsigned long long)holder->value,
                        holder->node, (long long)holder->replied_ms,
                        (unsigned long long)item->value, item->node,
                        (long long)item->replied_ms);
        }
        if (holder == NULL || end_ms > until_ms) {
            holder = item;
            until_ms = end_ms;
        }
    }
}

static void
check_expiring(const struct run *run, const struct check_rules *rules,
               struct verdict *verdict)
{
    uint32_t i;

    for (i = 0; i < run->count; i++) {
        const struct item *item = run->items[i], *set;

        if (item->kind != ITEM_GET || item->outcome != OUTCOME_DONE) continue;
        if (!item->found) continue;
        judge_value(run, item->value, item->invoked_ms, item->replied_ms, false,
                    0, verdict);
        set = find_set(run, item->value);
        if (set == NULL || set->replied_ms == INT64_MAX) continue;
        if (item->invoked_ms >
            set->replied_ms + set->amount + rules->expiry_slack_ms) {
            verdict_add(verdict, "%s at %lld: v%llu should have expired",
                        run->name, (long long)item->invoked_ms,
                        (unsigned long long)item->value);
        }
    }
}

/* Words that were appended: each was sent to this key, none is there twice, and
 * all are there that were acknowledged before it was asked. */
static void
judge_list(const struct run *run, struct bytes text, int64_t asked_ms,
           int64_t seen_ms, bool is_whole, struct verdict *verdict)
{
    uint8_t *seen = mem_must_zero(run->history->next_value + 1);
    size_t at = 0;
    uint32_t i;

    while (at < text.size) {
        uint64_t value =
            history_value(bytes_of(text.data + at, text.size - at));
        const struct item *word = find_set(run, value);
        const char *end = memchr(text.data + at, '.', text.size - at);

        if (word == NULL || end == NULL || word->invoked_ms > seen_ms ||
            word->outcome == OUTCOME_REFUSED) {
            verdict_add(verdict, "%s at %lld: v%llu was never appended, or %s",
                        run->name, (long long)seen_ms,
                        (unsigned long long)value, "refused");
            break;
        }
        if (seen[value]++ > 0) {
            verdict_add(verdict, "%s at %lld: v%llu was appended twice",
                        run->name, (long long)seen_ms,
                        (unsigned long long)value);
        }
        at = (size_t)(end - text.data) + 1;
    }
    for (i = 0; i < run->count && is_whole; i++) {
        const struct item *item = run->items[i];

        if (item->kind != ITEM_APPEND || item->outcome != OUTCOME_DONE)
            continue;
        if (item->replied_ms >= asked_ms || seen[item->value] > 0) continue;
        verdict_add(verdict,
                    "%s at %lld: v%llu (node %u, %lld-%lld) is lacking",
                    run->name, (long long)seen_ms,
                    (unsigned long long)item->value, item->node,
                    (long long)item->invoked_ms, (long long)item->replied_ms);
        break;
    }
    mem_free(seen);
}

static void
check_list(const struct run *run, const struct check_rules *rules,
           struct verdict *verdict)
{
    uint32_t i;

    for (i = 0; i < run->count; i++) {
        const struct item *item = run->items[i];

        if (item->kind != ITEM_GET || item->outcome != OUTCOME_DONE) continue;
        judge_list(
            run,
            bytes_of(run->history->texts.data + item->text_at, item->text_size),
            item->invoked_ms, item->replied_ms, rules->keeps_words, verdict);
    }
}

/* What a counter may be: acknowledged, and perhaps the unknown ones. */
static void
judge_counter(const struct run *run, int64_t sum, int64_t asked_ms,
              int64_t seen_ms, bool fresh, struct verdict *verdict)
{
    int64_t least = 0, most = 0;
    uint32_t i;

    for (i = 0; i < run->count; i++) {
        const struct item *item = run->items[i];

        if (item->kind != ITEM_ADD || item->outcome == OUTCOME_REFUSED)
            continue;
        if (item->invoked_ms <= seen_ms) most += item->amount;
        if (item->outcome == OUTCOME_DONE && item->replied_ms < asked_ms)
            least += item->amount;
    }
    if (sum > most || (fresh && sum < least)) {
        verdict_add(verdict, "%s at %lld: %lld, not %lld .. %lld", run->name,
                    (long long)seen_ms, (long long)sum, (long long)least,
                    (long long)most);
    }
}

static void
check_counter(const struct run *run, const struct check_rules *rules,
              struct verdict *verdict)
{
    uint32_t i;

    for (i = 0; i < run->count; i++) {
        const struct item *item = run->items[i];

        if (item->kind != ITEM_GET || item->outcome != OUTCOME_DONE) continue;
        judge_counter(run, item->found ? item->amount : 0, item->invoked_ms,
                      item->replied_ms, rules->reads_are_fresh, verdict);
    }
}

void
check_history(const struct history *history, const struct check_rules *rules,
              struct verdict *verdict)
{
    uint32_t family, key;

    for (family = 0; family < FAMILIES; family++) {
        for (key = 0; key < rules->keys; key++) {
            struct run run;

            run_init(&run, history, (enum family)family, key);
            switch ((enum family)family) {
            case REGISTER: check_register(&run, rules, verdict); break;
            case COUNTER: check_counter(&run, rules, verdict); break;
            case LOCK:
                if (rules->locks_are_exclusive) check_locks(&run, verdict);
                break;
            case LIST: check_list(&run, rules, verdict); break;
            case EXPIRING: check_expiring(&run, rules, verdict); break;
            case FAMILIES: ASSERT(false);
            }
            run_deinit(&run);
        }
    }
    if (history->strange > 0) {
        verdict_add(verdict, "%u replies fit nothing: %s", history->strange,
                    history->strange_text);
    }
}

/* ---- siblings ---- */

/* A change that may have been made upon it: it was not over before. */
static bool
is_perhaps_seen(const struct run *run, const struct item *set)
{
    uint32_t i;

    for (i = 0; i < run->count; i++) {
        const struct item *item = run->items[i];

        if (item == set || !is_change(item)) continue;
        if (item->outcome != OUTCOME_REFUSED &&
            item->replied_ms >= set->invoked_ms) {
            return true;
        }
    }
    return false;
}

void
check_siblings(const struct history *history, uint32_t key, struct bytes reply,
               struct verdict *verdict)
{
    uint8_t *seen = mem_must_zero(history->next_value + 1);
    struct run run;
    uint64_t value;
    size_t at;
    uint32_t i;

    run_init(&run, history, REGISTER, key);
    if (reply.size == 0 || reply.data[0] != '*')
        verdict_add(verdict, "%s: siblings at the end: %.*s", run.name,
                    (int)min_u64(reply.size, 100), reply.data);
    for (at = 0; at + 3 < reply.size; at++) {
        if (reply.data[at] != '\n' || reply.data[at + 1] != 'v') continue;
        value =
            history_value(bytes_of(reply.data + at + 1, reply.size - at - 1));
        if (find_set(&run, value) == NULL) {
            verdict_add(verdict, "%s: sibling v%llu was never written",
                        run.name, (unsigned long long)value);
        } else {
            seen[value] = 1;
        }
    }
    for (i = 0; i < run.count; i++) {
        const struct item *item = run.items[i];

        if (item->kind != ITEM_SET || item->outcome != OUTCOME_DONE) continue;
        if (seen[item->value] > 0 || is_perhaps_seen(&run, item)) continue;
        verdict_add(verdict,
                    "%s: v%llu (node %u, %lld-%lld) is no sibling, and nobody "
                    "has written upon it",
                    run.name, (unsigned long long)item->value, item->node,
                    (long long)item->invoked_ms, (long long)item->replied_ms);
    }
    run_deinit(&run);
    mem_free(seen);
}

void
check_final(const struct history *history, const struct check_rules *rules,
            enum family family, uint32_t key, struct bytes reply,
            struct verdict *verdict)
{
    const int64_t end_ms = INT64_MAX / 2;
    struct bytes text = {0};
    const char *line = memchr(reply.data, '\n', reply.size);
    struct run run;

    run_init(&run, history, family, key);
    if (reply.size < 4 || reply.data[0] != '$' || line == NULL) {
        verdict_add(verdict, "%s: at the end: %.*s", run.name, (int)reply.size,
                    reply.data);
        run_deinit(&run);
        return;
    }
    if (reply.data[1] != '-') {
        size_t head = (size_t)(line - reply.data) + 1;

        text = bytes_of(reply.data + head, reply.size - head - 2);
    }
    switch (family) {
    case REGISTER:
        judge_value(&run, history_value(text), end_ms, end_ms,
                    rules->keeps_last_write, rules->slack_ms, verdict);
        break;
    case COUNTER:
        judge_counter(&run, text.size == 0 ? 0 : strtoll(text.data, NULL, 10),
                      end_ms, end_ms, true, verdict);
        break;
    case LIST:
        judge_list(&run, text, end_ms, end_ms, rules->keeps_words, verdict);
        break;
    case LOCK:
    case EXPIRING:
        judge_value(&run, history_value(text), end_ms, end_ms, false, 0,
                    verdict);
        break;
    case FAMILIES: ASSERT(false);
    }
    run_deinit(&run);
}
