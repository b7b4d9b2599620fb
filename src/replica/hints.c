/*
 * Per target a table with open addressing over (slot, key hash), and beside it
 * the order of arrival as a doubly linked list through the same entries: the
 * newest is handed over first, the oldest bounds what may be forgotten
 * elsewhere.
 *
 *     entries[]  | {hint, older, newer, state} |   list: newest .. oldest
 *     index[]    place of the entry + 1, by hash; 0 free
 */
#include "replica/hints.h"

#include "base/hash.h"
#include "base/memory.h"

enum { INDEX_FIRST = 64 };

enum hint_state { HINT_WAITS, HINT_UNDER_WAY };

#define NOBODY UINT32_MAX

struct entry {
    struct hint hint;
    uint32_t older, newer; /* places; NOBODY at the ends */
    uint32_t is_under_way;
};

struct targeted {
    struct entry *entries; /* owned; count of room are in use, no holes */
    uint32_t *index;       /* owned; a power of two, at most half full */
    uint32_t count, room, index_size;
    uint32_t newest, oldest;
};

struct hints {
    struct lock lock;
    uint64_t max_count, count;
    struct targeted *targets[RING_NUMBERS]; /* owned; NULL: never one */
};

struct hints *
hints_new(uint64_t max_bytes)
{
    struct hints *hints = mem_must_zero(sizeof(*hints));

    hints->max_count = max_bytes / HINT_BYTES;
    return hints;
}

static void
targeted_free(struct targeted *targeted)
{
    if (targeted == NULL) return;
    mem_free(targeted->entries);
    mem_free(targeted->index);
    mem_free(targeted);
}

void
hints_free(struct hints *hints)
{
    uint32_t i;

    if (hints == NULL) return;
    for (i = 0; i < RING_NUMBERS; i++)
        targeted_free(hints->targets[i]);
    mem_free(hints);
}

void
hints_limit(struct hints *hints, uint64_t max_bytes)
{
    lock_take(&hints->lock);
    hints->max_count = max_bytes / HINT_BYTES;
    lock_drop(&hints->lock);
}

/* ---- the index ---- */

static uint32_t
home(const struct targeted *targeted, uint32_t slot, uint64_t hash)
{
    return (uint32_t)hash_mix(hash, slot) & (targeted->index_size - 1);
}

/* The index cell of a key: its entry's, or the free one where it belongs. */
static uint32_t *
cell_of(const struct targeted *targeted, uint32_t slot, uint64_t hash)
{
    uint32_t at = home(targeted, slot, hash);

    for (;;) {
        uint32_t *cell = &targeted->index[at];

        if (*cell == 0) return cell;
        if (targeted->entries[*cell - 1].hint.hash == hash &&
            targeted->entries[*cell - 1].hint.slot == slot) {
            return cell;
        }
        at = (at + 1) & (targeted->index_size - 1);
    }
}

static void
index_grow(struct targeted *targeted)
{
    uint32_t size = targeted->index_size > 0 ? 2 * targeted->index_size
                                             : INDEX_FIRST,
             i;

    mem_free(targeted->index);
    targeted->index = mem_must_zero(size * sizeof(*targeted->index));
    targeted->index_size = size;
    for (i = 0; i < targeted->count; i++) {
        const struct hint *hint = &targeted->entries[i].hint;

        *cell_of(targeted, hint->slot, hint->hash) = i + 1;
    }
}

/* Takes a cell out and moves those behind it that would not be found any more
 * (Knuth, 6.4, algorithm R). */
static void
index_remove(struct targeted *targeted, uint32_t *cell)
{
    uint32_t mask = targeted->index_size - 1;
    uint32_t hole = (uint32_t)(cell - targeted->index), at = hole;

    for (;;) {
        const struct hint *hint;
        uint32_t from;

        at = (at + 1) & mask;
        if (targeted->index[at] == 0) break;
        hint = &targeted->entries[targeted->index[at] - 1].hint;
        from = home(targeted, hint->slot, hint->hash);
        if (((at - from) & mask) >= ((at - hole) & mask)) {
            targeted->index[hole] = targeted->index[at];
            hole = at;
        }
    }
    targeted->index[hole] = 0;
}

/* ---- the list ---- */

static void
list_remove(struct targeted *targeted, uint32_t place)
{
    const struct entry *entry = &targeted->entries[place];

    if (entry->newer != NOBODY) {
        targeted->entries[entry->newer].older = entry->older;
    } else {
        targeted->newest = entry->older;
    }
    if (entry->older != NOBODY) {
        targeted->entries[entry->older].newer = entry->newer;
    } else {
        targeted->oldest = entry->newer;
    }
}

static void
list_add(struct targeted *targeted, uint32_t place)
{
    struct entry *entry = &targeted->entries[place];

    entry->newer = NOBODY;
    entry->older = targeted->newest;
    if (targeted->newest != NOBODY)
        targeted->entries[targeted->newest].newer = place;
    else
        targeted->oldest = place;
    targeted->newest = place;
}

/* The last entry moves into the hole. */
static void
entry_remove(struct targeted *targeted, uint32_t *cell)
{
    uint32_t place = *cell - 1, last = targeted->count - 1;

    list_remove(targeted, place);
    index_remove(targeted, cell);
    if (place != last) {
        struct entry *moved = &targeted->entries[place];

        *moved = targeted->entries[last];
        *cell_of(targeted, moved->hint.slot, moved->hint.hash) = place + 1;
        if (moved->newer != NOBODY)
            targeted->entries[moved->newer].older = place;
        else
            targeted->newest = place;
        if (moved->older != NOBODY)
            targeted->entries[moved->older].newer = place;
        else
            targeted->oldest = place;
    }
    targeted->count--;
}

/* ---- the door ---- */

static struct targeted *
target_of(struct hints *hints, uint32_t target)
{
    ASSERT(target < RING_NUMBERS);
    return hints->targets[target];
}

static struct targeted *
target_new(struct hints *hints, uint32_t target)
{
    struct targeted *targeted = mem_must_zero(sizeof(*targeted));

    targeted->newest = targeted->oldest = NOBODY;
    index_grow(targeted);
    hints->targets[target] = targeted;
    return targeted;
}

bool
hints_put(struct hints *hints, uint32_t target, const struct hint *hint)
{
    struct targeted *targeted;
    struct entry *entry;
    uint32_t *cell;

    lock_take(&hints->lock);
    targeted = target_of(hints, target);
    if (targeted == NULL) targeted = target_new(hints, target);
    cell = cell_of(targeted, hint->slot, hint->hash);
    if (*cell != 0) {
        entry = &targeted->entries[*cell - 1];
        if (entry->hint.stamp.bits < hint->stamp.bits) entry->hint = *hint;
        entry->is_under_way = false;
        list_remove(targeted, *cell - 1);
        list_add(targeted, *cell - 1);
        lock_drop(&hints->lock);
        return true;
    }
    if (hints->count >= hints->max_count) {
        lock_drop(&hints->lock);
        return false;
    }
    if (targeted->count == targeted->room) {
        targeted->room = targeted->room > 0 ? 2 * targeted->room : 32;
        targeted->entries = mem_must_array(targeted->entries, targeted->room,
                                           sizeof(*targeted->entries));
    }
    targeted->entries[targeted->count] = (struct entry){.hint = *hint};
    list_add(targeted, targeted->count);
    *cell = ++targeted->count;
    hints->count++;
    if (2 * targeted->count > targeted->index_size) index_grow(targeted);
    lock_drop(&hints->lock);
    return true;
}

uint32_t
hints_take(struct hints *hints, uint32_t target, struct hint *out,
           uint32_t room)
{
    struct targeted *targeted;
    uint32_t count = 0, place;

    lock_take(&hints->lock);
    targeted = target_of(hints, target);
    place = targeted != NULL ? targeted->newest : NOBODY;
    for (; place != NOBODY && count < room;
         place = targeted->entries[place].older) {
        struct entry *entry = &targeted->entries[place];

        if (entry->is_under_way) continue;
        entry->is_under_way = true;
        out[count++] = entry->hint;
    }
    lock_drop(&hints->lock);
    return count;
}

static struct entry *
find(struct hints *hints, uint32_t target, const struct hint *hint,
     uint32_t **cell)
{
    struct targeted *targeted = target_of(hints, target);

    if (targeted == NULL) return NULL;
    *cell = cell_of(targeted, hint->slot, hint->hash);
    return **cell != 0 ? &targeted->entries[**cell - 1] : NULL;
}

void
hints_done(struct hints *hints, uint32_t target, const struct hint *hint)
{
    struct entry *entry;
    uint32_t *cell;

    lock_take(&hints->lock);
    entry = find(hints, target, hint, &cell);
    if (entry != NULL && entry->hint.stamp.bits == hint->stamp.bits) {
        entry_remove(hints->targets[target], cell);
        hints->count--;
    }
    lock_drop(&hints->lock);
}

void
hints_failed(struct hints *hints, uint32_t target, const struct hint *hint)
{
    struct entry *entry;
    uint32_t *cell;

    lock_take(&hints->lock);
    entry = find(hints, target, hint, &cell);
    if (entry != NULL) entry->is_under_way = false;
    lock_drop(&hints->lock);
}

void
hints_reset(struct hints *hints, uint32_t target)
{
    struct targeted *targeted;
    uint32_t i;

    lock_take(&hints->lock);
    targeted = target_of(hints, target);
    for (i = 0; targeted != NULL && i < targeted->count; i++)
        targeted->entries[i].is_under_way = false;
    lock_drop(&hints->lock);
}

bool
hints_has(struct hints *hints, uint32_t slot, uint64_t hash)
{
    struct hint hint = {.slot = slot, .hash = hash};
    bool has = false;
    uint32_t *cell, i;

    lock_take(&hints->lock);
    for (i = 0; i < RING_NUMBERS && !has; i++) {
        if (hints->targets[i] != NULL)
            has = find(hints, i, &hint, &cell) != NULL;
    }
    lock_drop(&hints->lock);
    return has;
}

uint64_t
hints_count(struct hints *hints)
{
    uint64_t count;

    lock_take(&hints->lock);
    count = hints->count;
    lock_drop(&hints->lock);
    return count;
}

uint32_t
hints_count_of(struct hints *hints, uint32_t target)
{
    uint32_t count = 0;

    lock_take(&hints->lock);
    if (target_of(hints, target) != NULL) count = hints->targets[target]->count;
    lock_drop(&hints->lock);
    return count;
}

uint64_t
hints_oldest(struct hints *hints)
{
    uint64_t oldest = UINT64_MAX;
    uint32_t i, k;

    lock_take(&hints->lock);
    for (i = 0; i < RING_NUMBERS && hints->count > 0; i++) {
        const struct targeted *targeted = hints->targets[i];

        for (k = 0; targeted != NULL && k < targeted->count; k++) {
            oldest = min_u64(oldest, targeted->entries[k].hint.stamp.bits);
        }
    }
    lock_drop(&hints->lock);
    return oldest;
}

uint32_t
hints_target(struct hints *hints, uint32_t from)
{
    uint32_t target = RING_NOBODY, i;

    lock_take(&hints->lock);
    for (i = from; i < RING_NUMBERS && target == RING_NOBODY; i++) {
        if (hints->targets[i] != NULL && hints->targets[i]->count > 0)
            target = i;
    }
    lock_drop(&hints->lock);
    return target;
}

void
hints_forget(struct hints *hints, uint32_t target)
{
    struct targeted *targeted;

    lock_take(&hints->lock);
    targeted = target_of(hints, target);
    if (targeted != NULL) hints->count -= targeted->count;
    hints->targets[target] = NULL;
    lock_drop(&hints->lock);
    targeted_free(targeted);
}
