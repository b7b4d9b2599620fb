/*
 * A map is made once and read by all workers, so everything that costs is
 * done here: one walk per token, and one more for each slot in which somebody
 * is pending. Lists that are equal are kept once: three members in one rack
 * make six of them, not 16384, and they stay in the cache.
 */
#include "ring/map.h"

#include "base/hash.h"
#include "base/memory.h"
#include "ring/circle.h"

struct tally {
    uint32_t owned, first, pending;
};

struct ring_map {
    struct circle circle; /* for stand-ins */
    uint16_t *of_slot;    /* index into lists */
    struct ring_list *lists;
    uint32_t list_count, list_room;
    struct tally *tallies; /* by index of the member */
    uint64_t hash;
};

/* Finds a list by its content while the map is being made. */
struct finder {
    uint32_t mask;
    uint32_t *places; /* index + 1 */
};

static uint32_t
hash_of(const struct ring_list *list)
{
    uint64_t hash = hash_mix(list->count, list->pending);
    uint32_t i;

    for (i = 0; i < list->count; i++)
        hash = hash_mix(hash, list->owners[i]);
    hash ^= hash >> 32;
    return (uint32_t)hash != 0 ? (uint32_t)hash : 1;
}

static bool
lists_equal(const struct ring_list *a, const struct ring_list *b)
{
    return a->hash == b->hash && a->count == b->count &&
           a->pending == b->pending &&
           memcmp(a->owners, b->owners, a->count * sizeof(a->owners[0])) == 0;
}

/* Index of the list, which is kept if it is new. */
static uint16_t
keep_list(struct ring_map *map, struct finder *finder,
          const struct ring_list *list)
{
    uint32_t place = list->hash & finder->mask;

    for (; finder->places[place] != 0; place = (place + 1) & finder->mask) {
        uint32_t index = finder->places[place] - 1;

        if (lists_equal(&map->lists[index], list)) return (uint16_t)index;
    }
    if (map->list_count == map->list_room) {
        map->list_room = map->list_room == 0 ? 16 : map->list_room * 2;
        map->lists =
            mem_must_array(map->lists, map->list_room, sizeof(*map->lists));
    }
    map->lists[map->list_count] = *list;
    finder->places[place] = ++map->list_count;
    return (uint16_t)(map->list_count - 1);
}

/* The lowest number of those that will own the slot and don't serve it. */
static uint16_t
find_pending(const struct circle *circle, const struct circle_owners *target,
             uint32_t slot)
{
    uint16_t pending = RING_NOBODY;
    uint32_t i;

    for (i = 0; i < target->count; i++) {
        const struct circle_member *member =
            &circle->members[target->members[i]];

        if (circle_serves(member, slot)) continue;
        if (pending == RING_NOBODY || member->number < pending)
            pending = member->number;
    }
    return pending;
}

/* The list of a slot whose walk begins at `token`. `target`: the owners as if
 * all members served it. */
static void
make_list(struct circle *circle, uint32_t slot, uint32_t token,
          const struct circle_owners *target, struct ring_list *list)
{
    struct circle_owners serving;
    uint32_t i;

    *list = (struct ring_list){.pending = find_pending(circle, target, slot)};
    /* if all of the target serve it, those are the owners already */
    if (list->pending != RING_NOBODY) {
        circle_walk(circle, token, slot, CIRCLE_ANY, &serving);
        target = &serving;
    }
    list->count = (uint8_t)target->count;
    for (i = 0; i < target->count; i++)
        list->owners[i] = circle->members[target->members[i]].number;
    list->hash = hash_of(list);
}

static void
count_list(struct ring_map *map, const struct ring_list *list)
{
    uint32_t i;

    for (i = 0; i < list->count; i++) {
        struct tally *tally =
            &map->tallies[circle_find(&map->circle, list->owners[i])];

        tally->owned++;
        if (i == 0) tally->first++;
    }
    if (list->pending != RING_NOBODY)
        map->tallies[circle_find(&map->circle, list->pending)].pending++;
}

static void
fill_lists(struct ring_map *map)
{
    struct circle *circle = &map->circle;
    uint32_t slot, token = UINT32_MAX;
    bool is_round = false; /* behind the last token the first one follows */
    struct finder finder = {.mask = circle->slot_count * 2 - 1};
    struct ring_list list = {.count = 0};
    struct circle_owners target = {.count = 0};

    finder.places =
        mem_must_zero(((size_t)finder.mask + 1) * sizeof(*finder.places));
    list.hash = hash_of(&list);
    for (slot = 0; slot < circle->slot_count; slot++) {
        bool is_same = is_round || (slot > 0 && token >= slot);

        if (circle->token_count == 0) {
            is_same = slot > 0;
        } else {
            if (!is_same) {
                token = circle_at(circle, slot);
                is_round = token < slot;
                circle_walk(circle, token, CIRCLE_ANY, CIRCLE_ANY, &target);
            }
            is_same = is_same && circle->joining_count == 0;
            if (!is_same) make_list(circle, slot, token, &target, &list);
        }
        map->of_slot[slot] =
            is_same ? map->of_slot[slot - 1] : keep_list(map, &finder, &list);
        map->hash = hash_mix(map->hash, list.hash);
        count_list(map, &list);
    }
    mem_free(finder.places);
}

struct ring_map *
ring_map_new(const struct ring_member *members, uint32_t count,
             const struct ring_replicas *replicas, uint32_t slot_count)
{
    struct ring_map *map = mem_must_zero(sizeof(*map));

    circle_init(&map->circle, members, count, replicas, slot_count);
    map->of_slot = mem_must(slot_count * sizeof(*map->of_slot));
    map->tallies = mem_must_zero((size_t)(count + 1) * sizeof(*map->tallies));
    fill_lists(map);
    map->lists =
        mem_must_array(map->lists, map->list_count, sizeof(*map->lists));
    map->list_room = map->list_count;
    return map;
}

void
ring_map_free(struct ring_map *map)
{
    if (map == NULL) return;
    circle_deinit(&map->circle);
    mem_free(map->of_slot);
    mem_free(map->lists);
    mem_free(map->tallies);
    mem_free(map);
}

const struct ring_list *
ring_map_list(const struct ring_map *map, uint32_t slot)
{
    ASSERT(slot < map->circle.slot_count);
    return &map->lists[map->of_slot[slot]];
}

void
ring_map_prefetch(const struct ring_map *map, uint32_t slot)
{
    __builtin_prefetch(&map->of_slot[slot]);
}

uint32_t
ring_map_slot_count(const struct ring_map *map)
{
    return map->circle.slot_count;
}

uint64_t
ring_map_hash(const struct ring_map *map)
{
    return map->hash;
}

/* A walk for stand-ins: on the stack, as all workers share the map. */
struct search {
    const struct circle *circle;
    const struct ring_list *list;
    uint32_t slot, met, count, room;
    uint16_t *out;
    uint64_t seen[RING_NUMBERS / 64]; /* by index */
};

static void
consider(struct search *search, uint16_t index)
{
    const struct circle_member *member = &search->circle->members[index];
    uint64_t bit = UINT64_C(1) << index % 64;

    if (search->seen[index / 64] & bit) return;
    search->seen[index / 64] |= bit;
    search->met++;
    if (member->group == CIRCLE_NONE) return;
    if (!circle_serves(member, search->slot)) return;
    if (member->number == search->list->pending) return;
    if (ring_list_owns(search->list, member->number)) return;
    if (search->count < search->room)
        search->out[search->count++] = member->number;
}

uint32_t
ring_map_standins(const struct ring_map *map, uint32_t slot, uint16_t *out,
                  uint32_t room)
{
    const struct circle *circle = &map->circle;
    struct search search = {.circle = circle,
                            .list = ring_map_list(map, slot),
                            .slot = slot,
                            .room = room,
                            .out = out};
    uint32_t first, at, i;

    if (circle->token_count == 0) return 0;
    first = at = circle_at(circle, slot);
    do {
        consider(&search, circle_holder(circle, at));
        i = circle->holder[at] & CIRCLE_SHARED ? circle_others(circle, at)
                                               : circle->shared_count;
        for (; i < circle->shared_count && circle->shared[i] >> 16 == at; i++)
            consider(&search, (uint16_t)circle->shared[i]);
        at = circle->next[at];
    } while (at != first && search.count < room &&
             search.met < circle->member_count);
    return search.count;
}

bool
ring_list_owns(const struct ring_list *list, uint32_t number)
{
    uint32_t i;

    for (i = 0; i < list->count; i++) {
        if (list->owners[i] == number) return true;
    }
    return false;
}

static struct tally
tally_of(const struct ring_map *map, uint32_t number)
{
    uint16_t index = circle_find(&map->circle, number);

    if (index == CIRCLE_NONE) return (struct tally){0};
    return map->tallies[index];
}

uint32_t
ring_map_owned(const struct ring_map *map, uint32_t number)
{
    return tally_of(map, number).owned;
}

uint32_t
ring_map_first(const struct ring_map *map, uint32_t number)
{
    return tally_of(map, number).first;
}

uint32_t
ring_map_pending(const struct ring_map *map, uint32_t number)
{
    return tally_of(map, number).pending;
}

bool
ring_list_same_owners(const struct ring_list *a, const struct ring_list *b)
{
    uint32_t i;

    if (a->count != b->count) return false;
    for (i = 0; i < a->count; i++) {
        if (!ring_list_owns(b, a->owners[i])) return false;
    }
    return true;
}
