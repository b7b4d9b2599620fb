/*
 * The oracle of versions on one replica.
 *
 *   look      before: v9@s2 ...   now: v7@s1, s1 < s2
 *   fault     v9 was acknowledged when it was last seen here, and v7 was
 *             written before it
 *   no fault  nobody knows that v9 has been (it was put back, or lost for
 *             being out of tenure); or both were written side by side
 *
 * A removal has no value: it may go back if an unacknowledged one is known.
 */
#include "sim/check.h"

#include "base/memory.h"
#include "store/cells.h"

#include <stdio.h>

enum {
    WATCHED = 60,        /* the last bytes of a list of words */
    DOTS = 4,            /* a write may be executed again */
    KEPT_MS = 15 * 1000, /* vectors forget what is older than 20 s */
};

/* The stamps under which a value was seen in some store. */
struct dots {
    struct stamp at[DOTS];
};

struct seen {
    struct stamp newest;
    uint64_t value; /* 0: removed, expired */
    int64_t at_ms;  /* when it was last looked at */
    struct buf words;
};

struct check_versions {
    struct sim *sim;
    const struct history *history;
    const struct check_rules *rules;
    uint32_t nodes;
    uint64_t lives[SIM_NODES_MAX];
    uint64_t lost[SIM_NODES_MAX]; /* taken back, out of tenure */
    bool has_lost;                /* since the last look */
    struct seen *seen;            /* owned; [node][family][key] */
    struct dots *dots;            /* owned; of each value of a register */
    uint64_t dots_room;
    const char *watched; /* borrowed; NULL: none */
};

/* What is looked at. */
struct look {
    struct check_versions *versions;
    enum family family;
    uint32_t node, key;
    char name[16];
    struct verdict *verdict;
};

static size_t
seen_count(const struct check_versions *versions, uint32_t nodes)
{
    return (size_t)nodes * FAMILIES * versions->rules->keys;
}

struct check_versions *
check_versions_new(struct sim *sim, const struct history *history,
                   const struct check_rules *rules, uint32_t nodes)
{
    struct check_versions *versions = mem_must_zero(sizeof(*versions));

    versions->sim = sim;
    versions->history = history;
    versions->rules = rules;
    versions->nodes = nodes;
    versions->seen =
        mem_must_zero(seen_count(versions, nodes) * sizeof(struct seen));
    return versions;
}

static void
note_dot(struct check_versions *versions, struct bytes text, struct stamp dot)
{
    uint64_t value = history_value(text), room = versions->dots_room;
    uint32_t i;

    if (value == 0) return;
    if (value >= room) {
        versions->dots_room = 2 * value + 256;
        versions->dots = mem_must_array(versions->dots, versions->dots_room,
                                        sizeof(*versions->dots));
        memset(versions->dots + room, 0,
               (versions->dots_room - room) * sizeof(*versions->dots));
    }
    for (i = 0; i < DOTS; i++) {
        struct stamp *at = &versions->dots[value].at[i];

        if (at->bits == dot.bits) return;
        if (at->bits != 0) continue;
        *at = dot;
        return;
    }
}

/* All writes of a key that stand side by side in a store. */
static struct kin
kin_of(const struct record *record)
{
    struct kin kin = {.count = 0};
    struct cells main = {.stamp = record->stamp,
                         .vector = record->vector,
                         .value = record->value,
                         .kind = record->kind == RECORD_VALUE ? CELLS_TEXT
                                                              : CELLS_NOTHING};

    kin_add(&kin, &main);
    kin_add_siblings(&kin, record->siblings);
    return kin;
}

static void
note_dots(struct check_versions *versions, const struct record *record)
{
    struct kin kin = kin_of(record);
    uint32_t i;

    for (i = 0; i < kin.count; i++)
        note_dot(versions, kin.all[i].value, kin.all[i].stamp);
}

static void
forget(struct seen *seen)
{
    buf_deinit(&seen->words);
    *seen = (struct seen){.newest = STAMP_NEVER};
}

/* What has gone to others may still be there for a moment. */
static bool
owns_copy(struct sim *sim, uint32_t node, const struct store_key *key)
{
    const struct replica *replica = sim_replica(sim, node);
    const struct ring_map *map = replica_map(replica);

    return map != NULL &&
           ring_list_owns(ring_map_list(map, key->slot), replica->self);
}

/* What the node has; false: nothing, or it owns no copy. */
static bool
read_now(const struct look *look, struct seen *now)
{
    struct sim *sim = look->versions->sim;
    struct store *store = sim_store(sim, look->node);
    struct store_key at = store_key(store, 0, bytes_str(look->name));
    struct record record;

    *now = (struct seen){.at_ms = sim_now_ms(sim)};
    if (!owns_copy(sim, look->node, &at)) return false;
    store_lock(store, at.slot);
    now->newest = store_newest(store, &at);
    if (now->newest.bits != 0 &&
        store_record(store, &at, sim_wall_ms(sim, look->node), &record) &&
        record.kind == RECORD_VALUE) {
        if (look->family == LIST)
            buf_must_add(&now->words, record.value.data, record.value.size);
        else if (look->family != COUNTER)
            now->value = history_value(record.value);
        if (look->family == REGISTER) note_dots(look->versions, &record);
    }
    store_unlock(store, at.slot);
    return true;
}

static const struct item *
item_of(const struct look *look, uint64_t value)
{
    return history_item(look->versions->history, look->family, look->key,
                        value);
}

/* All removals that were asked for are known to have happened. */
static bool
all_removals_are_known(const struct look *look)
{
    const struct history *history = look->versions->history;
    uint32_t i;

    for (i = 0; i < history->count; i++) {
        const struct item *item = &history->items[i];

        if (item->family == look->family && item->key == look->key &&
            item->kind == ITEM_DELETE && item->outcome != OUTCOME_DONE) {
            return false;
        }
    }
    return true;
}

static const struct item *
first_removal_after(const struct look *look, int64_t from_ms, int64_t until_ms)
{
    const struct history *history = look->versions->history;
    uint32_t i;

    for (i = 0; i < history->count; i++) {
        const struct item *item = &history->items[i];

        if (item->family == look->family && item->key == look->key &&
            item->kind == ITEM_DELETE && item->found &&
            item->invoked_ms > from_ms && item->replied_ms < until_ms) {
            return item;
        }
    }
    return NULL;
}

/* A value: what it was made of is in the past of what has vanished. */
static bool
is_lost(const struct look *look, const struct seen *before,
        const struct seen *now)
{
    const struct check_rules *rules = look->versions->rules;
    const struct item *gone = item_of(look, before->value);
    const struct item *back = item_of(look, now->value);
    int64_t slack_ms = rules->slack_ms;

    if (!rules->keeps_last_write && look->versions->has_lost) return false;
    if (before->value != 0) {
        if (gone == NULL || gone->outcome != OUTCOME_DONE ||
            gone->replied_ms > before->at_ms) {
            return false;
        }
        if (now->value == 0)
            return first_removal_after(look, gone->replied_ms - 2 * slack_ms,
                                       now->at_ms) == NULL &&
                   all_removals_are_known(look) && look->family != EXPIRING;
        return back == NULL || (back->outcome == OUTCOME_DONE &&
                                back->replied_ms + slack_ms < gone->invoked_ms);
    }
    if (look->family == EXPIRING || back == NULL) return false;
    return back->outcome == OUTCOME_DONE && all_removals_are_known(look) &&
           first_removal_after(look, back->replied_ms + slack_ms,
                               before->at_ms) != NULL;
}

/* An acknowledged word is there no more. */
static bool
has_lost_words(const struct look *look, const struct seen *before,
               const struct seen *now)
{
    size_t at = 0;

    if (!look->versions->rules->keeps_words) return false;
    while (at < before->words.used) {
        struct bytes rest =
            bytes_of(before->words.data + at, before->words.used - at);
        const char *end = memchr(rest.data, '.', rest.size);
        size_t size = end != NULL ? (size_t)(end - rest.data) + 1 : rest.size;
        const struct item *item = item_of(look, history_value(rest));

        if (item != NULL && item->outcome == OUTCOME_DONE &&
            item->replied_ms <= before->at_ms &&
            (now->words.used == 0 || memmem(now->words.data, now->words.used,
                                            rest.data, size) == NULL)) {
            return true;
        }
        at += size;
    }
    return false;
}

static void
look_at(const struct look *look, struct seen *before)
{
    struct seen now;
    bool is_fault = false;

    if (!read_now(look, &now)) {
        forget(before);
        return;
    }
    if (now.newest.bits == 0) return; /* forgotten, which old ones may be */
    if (now.newest.bits < before->newest.bits) {
        switch (look->family) {
        case COUNTER: is_fault = true; break;
        case LIST: is_fault = has_lost_words(look, before, &now); break;
        case REGISTER:
        case LOCK:
        case EXPIRING: is_fault = is_lost(look, before, &now); break;
        case FAMILIES: ASSERT(false);
        }
    }
    if (is_fault) {
        verdict_add(look->verdict,
                    "%s on node %u at %lld: from %llx (v%llu) back to %llx "
                    "(v%llu)",
                    look->name, look->node, (long long)now.at_ms,
                    (unsigned long long)before->newest.bits,
                    (unsigned long long)before->value,
                    (unsigned long long)now.newest.bits,
                    (unsigned long long)now.value);
    }
    if (look->versions->watched != NULL &&
        strcmp(look->versions->watched, look->name) == 0 &&
        now.newest.bits != before->newest.bits) {
        size_t from = now.words.used > WATCHED ? now.words.used - WATCHED : 0;

        printf(
            "%8lld ms  node %u has %s v%llu @%llx %.*s\n", (long long)now.at_ms,
            look->node, look->name, (unsigned long long)now.value,
            (unsigned long long)now.newest.bits, (int)(now.words.used - from),
            now.words.used > 0 ? now.words.data + from : "");
    }
    /* what a value has become by expiring is still that write */
    if (now.newest.bits == before->newest.bits && now.value == 0)
        now.value = before->value;
    forget(before);
    *before = now;
}

static void
look_at_node(struct check_versions *versions, uint32_t node,
             struct verdict *verdict)
{
    const struct replica *replica = sim_replica(versions->sim, node);
    struct seen *mine = versions->seen + seen_count(versions, node);
    uint64_t lost = atomic_load(&replica->out_of_tenure) +
                    atomic_load(&replica->taken_back);
    uint32_t family, key;

    versions->has_lost = lost != versions->lost[node];
    versions->lost[node] = lost;
    for (family = 0; family < FAMILIES; family++) {
        for (key = 0; key < versions->rules->keys; key++) {
            struct look look = {.versions = versions,
                                .family = (enum family)family,
                                .node = node,
                                .key = key,
                                .verdict = verdict};

            history_key(look.family, key, look.name);
            look_at(&look, mine++);
        }
    }
}

void
check_versions_look(struct check_versions *versions, struct verdict *verdict)
{
    uint32_t node, i;

    for (node = 0; node < versions->nodes; node++) {
        uint64_t life = sim_life(versions->sim, node);

        if (life != versions->lives[node]) {
            versions->lives[node] = life;
            for (i = 0; i < seen_count(versions, 1); i++)
                forget(&versions->seen[seen_count(versions, node) + i]);
        }
        if (sim_is_up(versions->sim, node) &&
            sim_replica(versions->sim, node) != NULL) {
            look_at_node(versions, node, verdict);
        }
    }
}

/* A write of them has seen it, or is it. */
static bool
is_covered(const struct kin *kin, struct stamp dot)
{
    uint32_t i;

    for (i = 0; i < kin->count; i++) {
        if (vector_covers(kin->all[i].stamp, kin->all[i].vector, dot))
            return true;
    }
    return false;
}

static struct stamp
newest_of(const struct kin *kin)
{
    struct stamp newest = STAMP_NEVER;
    uint32_t i;

    for (i = 0; i < kin->count; i++) {
        if (kin->all[i].stamp.bits > newest.bits) newest = kin->all[i].stamp;
    }
    return newest;
}

static void
judge_siblings(const struct check_versions *versions, uint32_t node,
               const char *name, const struct kin *kin, const struct item *item,
               struct verdict *verdict)
{
    const struct dots *dots;
    struct stamp newest = newest_of(kin);
    uint32_t i;

    if (item->kind != ITEM_SET || item->outcome != OUTCOME_DONE) return;
    if (item->value >= versions->dots_room) return;
    dots = &versions->dots[item->value];
    if (dots->at[0].bits == 0) return; /* never seen */
    for (i = 0; i < DOTS && dots->at[i].bits != 0; i++) {
        if (stamp_wall_ms(dots->at[i]) + KEPT_MS < stamp_wall_ms(newest))
            return;
        if (is_covered(kin, dots->at[i])) return;
    }
    verdict_add(verdict,
                "%s on node %u: v%llu @%llx (node %u, %lld-%lld) is no "
                "sibling, and no write has seen it",
                name, node, (unsigned long long)item->value,
                (unsigned long long)dots->at[0].bits, item->node,
                (long long)item->invoked_ms, (long long)item->replied_ms);
}

void
check_versions_siblings(struct check_versions *versions, uint32_t key,
                        struct verdict *verdict)
{
    const struct history *history = versions->history;
    uint32_t node, i;
    char name[16];

    history_key(REGISTER, key, name);
    for (node = 0; node < versions->nodes; node++) {
        struct store *store = sim_store(versions->sim, node);
        struct store_key at = store_key(store, 0, bytes_str(name));
        struct record record;
        struct kin kin;

        if (!owns_copy(versions->sim, node, &at)) continue;
        store_lock(store, at.slot);
        if (store_record(store, &at, sim_wall_ms(versions->sim, node),
                         &record)) {
            kin = kin_of(&record);
            for (i = 0; i < history->count; i++) {
                const struct item *item = &history->items[i];

                if (item->family == REGISTER && item->key == key)
                    judge_siblings(versions, node, name, &kin, item, verdict);
            }
        }
        store_unlock(store, at.slot);
    }
}

void
check_versions_watch(struct check_versions *versions, const char *name)
{
    versions->watched = name;
}

void
check_versions_free(struct check_versions *versions)
{
    size_t i;

    if (versions == NULL) return;
    for (i = 0; i < seen_count(versions, versions->nodes); i++)
        forget(&versions->seen[i]);
    mem_free(versions->seen);
    mem_free(versions->dots);
    mem_free(versions);
}
