/*
 * Positions are a doubly linked circle of tokens inside arrays, so that a
 * token can be tried out and taken back in a few steps.
 *
 * The walk sorts the members it meets into two rows. A leader is the first
 * member of its rack; all others queue behind the leaders. The list is the
 * leaders and then the others, each in the order of the walk, cut to the
 * number of copies: that is what skipping a rack that has a copy comes to, as
 * long as another rack is free, and taking the skipped ones in order when none
 * is left. With data centres each has its own quota of both rows.
 *
 * Adding one member to those that count adds at most one owner and removes at
 * most one: the newcomer leads its rack (the old leader joins the others, in
 * its place) or it joins the others.
 */
#include "ring/circle.h"

#include "base/memory.h"

#include <stdlib.h>

static int
by_number(const void *a, const void *b)
{
    const struct ring_member *const *one = a, *const *two = b;

    return (*one)->number < (*two)->number ? -1 : 1;
}

static int
by_dc_and_name(const void *a, const void *b)
{
    const struct circle_rack *one = a, *two = b;

    if (one->dc != two->dc) return one->dc < two->dc ? -1 : 1;
    if (one->name != two->name) return one->name < two->name ? -1 : 1;
    return 0;
}

static void
init_groups(struct circle *circle, const struct ring_replicas *replicas)
{
    uint32_t i, sum = 0;

    circle->group_count = replicas->dc_count > 0 ? replicas->dc_count : 1;
    ASSERT(circle->group_count <= CIRCLE_GROUPS_MAX);
    for (i = 0; i < circle->group_count; i++) {
        circle->groups[i].quota =
            replicas->dc_count > 0 ? replicas->dcs[i].count : replicas->count;
        sum += circle->groups[i].quota;
    }
    ASSERT(sum >= 1 && sum <= RING_OWNERS_MAX);
}

static uint16_t
find_group(const struct ring_replicas *replicas, uint64_t dc)
{
    uint16_t i;

    if (replicas->dc_count == 0) return 0;
    for (i = 0; i < replicas->dc_count; i++) {
        if (replicas->dcs[i].dc == dc) return i;
    }
    return CIRCLE_NONE;
}

/* Sorted and distinct; every member finds its own by its names. */
static void
init_racks(struct circle *circle, const struct ring_member *const *sorted)
{
    uint32_t i, kept = 0;

    circle->racks = mem_must_zero((size_t)(circle->member_count + 1) *
                                  sizeof(*circle->racks));
    for (i = 0; i < circle->member_count; i++) {
        circle->racks[i].dc = sorted[i]->dc;
        circle->racks[i].name = sorted[i]->rack;
    }
    qsort(circle->racks, circle->member_count, sizeof(*circle->racks),
          by_dc_and_name);
    for (i = 0; i < circle->member_count; i++) {
        if (kept > 0 &&
            by_dc_and_name(&circle->racks[kept - 1], &circle->racks[i]) == 0)
            continue;
        circle->racks[kept++] = circle->racks[i];
    }
    circle->rack_count = kept;
    for (i = 0; i < circle->member_count; i++) {
        struct circle_rack wanted = {.dc = sorted[i]->dc,
                                     .name = sorted[i]->rack};
        const struct circle_rack *found = bsearch(
            &wanted, circle->racks, kept, sizeof(wanted), by_dc_and_name);

        ASSERT(found != NULL);
        circle->members[i].rack = (uint16_t)(found - circle->racks);
    }
}

/* Members come in the order of their numbers: the first claim leads. */
static void
claim(struct circle *circle, uint32_t position, uint16_t index)
{
    uint32_t count = circle->shared_count;

    if (circle->holder[position] == 0) {
        circle->holder[position] = (uint16_t)(index + 1);
        return;
    }
    circle->holder[position] |= CIRCLE_SHARED;
    /* the room doubles whenever the count is a power of two */
    if ((count & (count - 1)) == 0) {
        circle->shared =
            mem_must_array(circle->shared, count == 0 ? 1 : (size_t)count * 2,
                           sizeof(*circle->shared));
    }
    circle->shared[circle->shared_count++] = position << 16 | index;
}

static int
by_claim(const void *a, const void *b)
{
    const uint32_t *one = a, *two = b;

    return *one < *two ? -1 : *one > *two;
}

static void
init_member(struct circle *circle, uint16_t index,
            const struct ring_member *from)
{
    struct circle_member *member = &circle->members[index];
    size_t bytes = ((size_t)circle->slot_count + 63) / 64 * 8;
    uint32_t i;

    ASSERT(from->number > RING_NOBODY && from->number < RING_NUMBERS);
    member->number = (uint16_t)from->number;
    member->serves_all = from->status != RING_JOINING;
    if (!member->serves_all && from->served != NULL) {
        member->served = mem_must(bytes);
        memcpy(member->served, from->served, bytes);
    }
    for (i = 0; i < from->token_count; i++) {
        uint32_t position = from->tokens[i];

        ASSERT(position < circle->slot_count);
        ASSERT(i == 0 || from->tokens[i - 1] < position);
        claim(circle, position, index);
    }
    member->tokens = from->token_count;
}

/* Counts a member into, or out of, its rack and its group. */
static void
count_member(struct circle *circle, const struct circle_member *member,
             int change)
{
    struct circle_rack *rack = &circle->racks[member->rack];
    struct circle_group *group;

    if (member->group == CIRCLE_NONE) return;
    group = &circle->groups[member->group];
    if (!member->serves_all) circle->joining_count += (uint32_t)change;
    if (rack->members == 0) group->racks++;
    rack->members += (uint32_t)change;
    if (rack->members == 0) group->racks--;
    group->members += (uint32_t)change;
}

static void
link_tokens(struct circle *circle)
{
    uint32_t i, first = circle->slot_count, last = circle->slot_count;

    for (i = 0; i < circle->slot_count; i++) {
        if (circle->holder[i] == 0) continue;
        circle->token_count++;
        if (first == circle->slot_count) {
            first = i;
        } else {
            circle->next[last] = (uint16_t)i;
            circle->prev[i] = (uint16_t)last;
        }
        last = i;
    }
    if (circle->token_count == 0) return;
    circle->next[last] = (uint16_t)first;
    circle->prev[first] = (uint16_t)last;
}

/* Sorted by rack. Few if any, but while a whole rack joins. */
static void
find_lonely(struct circle *circle)
{
    bool *is_served = mem_must_zero(circle->rack_count + 1);
    uint32_t *starts =
        mem_must_zero((circle->rack_count + 1) * sizeof(*starts));
    uint32_t i, sum = 0;

    circle->lonely =
        mem_must((circle->member_count + 1) * sizeof(*circle->lonely));
    for (i = 0; i < circle->member_count; i++) {
        const struct circle_member *member = &circle->members[i];

        is_served[member->rack] |= member->serves_all && member->tokens > 0;
    }
    for (i = 0; i < circle->rack_count; i++) {
        starts[i] = sum;
        if (!is_served[i]) sum += circle->racks[i].members;
    }
    for (i = 0; i < circle->member_count; i++) {
        const struct circle_member *member = &circle->members[i];

        if (is_served[member->rack] || member->tokens == 0 ||
            member->group == CIRCLE_NONE)
            continue;
        circle->lonely[starts[member->rack]++] = (uint16_t)i;
    }
    circle->lonely_count = sum;
    mem_free(is_served);
    mem_free(starts);
}

void
circle_init(struct circle *circle, const struct ring_member *members,
            uint32_t count, const struct ring_replicas *replicas,
            uint32_t slot_count)
{
    const struct ring_member **sorted;
    const size_t entry = sizeof(void *); /* sizeof(*sorted) looks like a slip */
    uint32_t i;

    ASSERT(count < RING_NUMBERS);
    ASSERT(slot_count > 0 && slot_count <= SLOT_COUNT);
    ASSERT((slot_count & (slot_count - 1)) == 0);
    *circle = (struct circle){.slot_count = slot_count, .member_count = count};
    init_groups(circle, replicas);
    sorted = mem_must((size_t)(count + 1) * entry);
    for (i = 0; i < count; i++)
        sorted[i] = &members[i];
    qsort(sorted, count, entry, by_number);
    circle->members =
        mem_must_zero((size_t)(count + 1) * sizeof(*circle->members));
    circle->holder = mem_must_zero(slot_count * sizeof(uint16_t));
    circle->next = mem_must_zero(slot_count * sizeof(uint16_t));
    circle->prev = mem_must_zero(slot_count * sizeof(uint16_t));
    init_racks(circle, sorted);
    for (i = 0; i < count; i++) {
        ASSERT(i == 0 || sorted[i - 1]->number < sorted[i]->number);
        circle->members[i].group = find_group(replicas, sorted[i]->dc);
        init_member(circle, (uint16_t)i, sorted[i]);
        if (circle->members[i].tokens > 0)
            count_member(circle, &circle->members[i], 1);
    }
    if (circle->shared_count > 0) {
        qsort(circle->shared, circle->shared_count, sizeof(*circle->shared),
              by_claim);
    }
    link_tokens(circle);
    if (circle->joining_count > 0) find_lonely(circle);
    mem_free(sorted);
}

void
circle_deinit(struct circle *circle)
{
    uint32_t i;

    for (i = 0; i < circle->member_count; i++)
        mem_free(circle->members[i].served);
    mem_free(circle->members);
    mem_free(circle->racks);
    mem_free(circle->holder);
    mem_free(circle->next);
    mem_free(circle->prev);
    mem_free(circle->shared);
    mem_free(circle->lonely);
    *circle = (struct circle){0};
}

uint16_t
circle_find(const struct circle *circle, uint32_t number)
{
    uint32_t low = 0, high = circle->member_count;

    while (low < high) {
        uint32_t middle = (low + high) / 2;

        if (circle->members[middle].number < number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == circle->member_count || circle->members[low].number != number)
        return CIRCLE_NONE;
    return (uint16_t)low;
}

uint32_t
circle_at(const struct circle *circle, uint32_t slot)
{
    ASSERT(circle->token_count > 0);
    ASSERT(slot < circle->slot_count);
    while (circle->holder[slot] == 0)
        slot = (slot + 1) & (circle->slot_count - 1);
    return slot;
}

uint32_t
circle_before(const struct circle *circle, uint32_t position)
{
    ASSERT(circle->token_count > 0);
    do {
        position = (position - 1) & (circle->slot_count - 1);
    } while (circle->holder[position] == 0);
    return position;
}

uint32_t
circle_others(const struct circle *circle, uint32_t position)
{
    uint32_t low = 0, high = circle->shared_count;

    while (low < high) {
        uint32_t middle = (low + high) / 2;

        if (circle->shared[middle] >> 16 < position) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

bool
circle_serves(const struct circle_member *member, uint32_t slot)
{
    if (member->serves_all || slot == CIRCLE_ANY) return true;
    return member->served != NULL &&
           (member->served[slot / 64] >> slot % 64 & 1);
}

void
circle_insert(struct circle *circle, uint32_t position, uint16_t member)
{
    struct circle_member *of = &circle->members[member];
    uint32_t before = position, after = position;

    ASSERT(circle->holder[position] == 0);
    if (circle->token_count > 0) {
        before = circle_before(circle, position);
        after = circle->next[before];
    }
    circle->holder[position] = (uint16_t)(member + 1);
    circle->prev[position] = (uint16_t)before;
    circle->next[position] = (uint16_t)after;
    circle->next[before] = (uint16_t)position;
    circle->prev[after] = (uint16_t)position;
    circle->token_count++;
    if (of->tokens++ == 0) count_member(circle, of, 1);
}

void
circle_remove(struct circle *circle, uint32_t position)
{
    struct circle_member *of;

    ASSERT(circle->holder[position] != 0);
    ASSERT(!(circle->holder[position] & CIRCLE_SHARED));
    of = &circle->members[circle_holder(circle, position)];
    circle->next[circle->prev[position]] = circle->next[position];
    circle->prev[circle->next[position]] = circle->prev[position];
    circle->holder[position] = 0;
    circle->token_count--;
    if (--of->tokens == 0) count_member(circle, of, -1);
}

/* One walk: the two rows, and what each group still lacks. */
struct walk {
    struct circle *circle;
    uint32_t slot;
    uint32_t open_groups; /* those that are not complete */
    uint32_t lead_count, other_count;
    uint16_t leaders[RING_OWNERS_MAX], others[RING_OWNERS_MAX];
    struct {
        uint32_t leaders, others;
        uint32_t members; /* not met yet */
        uint32_t racks;   /* without a copy, that may still get one */
        bool is_complete;
    } groups[CIRCLE_GROUPS_MAX];
};

static void
check_group(struct walk *walk, uint16_t group)
{
    uint32_t quota = walk->circle->groups[group].quota;
    bool is_complete =
        walk->groups[group].members == 0 ||
        walk->groups[group].leaders == quota ||
        (walk->groups[group].racks == 0 &&
         walk->groups[group].leaders + walk->groups[group].others >= quota);

    if (!is_complete || walk->groups[group].is_complete) return;
    walk->groups[group].is_complete = true;
    walk->open_groups--;
}

/* Racks in which nobody serves the slot get no copy: known beforehand, or the
 * walk would have to go on until it has met all of their members. */
static void
leave_out_racks(struct walk *walk)
{
    struct circle *circle = walk->circle;
    uint32_t i = 0;

    while (i < circle->lonely_count) {
        const struct circle_member *first = &circle->members[circle->lonely[i]];
        struct circle_rack *rack = &circle->racks[first->rack];
        uint32_t end = i + rack->members;
        bool is_served = false;

        for (; i < end; i++) {
            is_served |=
                circle_serves(&circle->members[circle->lonely[i]], walk->slot);
        }
        if (is_served) continue;
        rack->walk = circle->walks;
        rack->seen = 0;
        rack->has_copy = true; /* as good as */
        walk->groups[first->group].racks--;
    }
}

static void
begin(struct walk *walk, struct circle *circle, uint32_t slot)
{
    uint32_t i;

    walk->circle = circle;
    walk->slot = slot;
    walk->lead_count = walk->other_count = 0;
    walk->open_groups = circle->group_count;
    circle->walks++;
    for (i = 0; i < circle->group_count; i++) {
        walk->groups[i].leaders = walk->groups[i].others = 0;
        walk->groups[i].members = circle->groups[i].members;
        walk->groups[i].racks = circle->groups[i].racks;
        walk->groups[i].is_complete = false;
    }
    if (slot != CIRCLE_ANY) leave_out_racks(walk);
    for (i = 0; i < circle->group_count; i++)
        check_group(walk, (uint16_t)i);
}

static void
meet(struct walk *walk, uint16_t index)
{
    struct circle_member *member = &walk->circle->members[index];
    struct circle_rack *rack = &walk->circle->racks[member->rack];
    uint16_t group = member->group;

    if (member->seen == walk->circle->walks) return;
    member->seen = walk->circle->walks;
    if (group == CIRCLE_NONE || walk->groups[group].is_complete) return;
    if (rack->walk != walk->circle->walks) {
        rack->walk = walk->circle->walks;
        rack->seen = 0;
        rack->has_copy = false;
    }
    rack->seen++;
    walk->groups[group].members--;
    if (!circle_serves(member, walk->slot)) {
        if (rack->seen == rack->members && !rack->has_copy)
            walk->groups[group].racks--;
    } else if (!rack->has_copy) {
        rack->has_copy = true;
        walk->groups[group].racks--;
        walk->groups[group].leaders++;
        walk->leaders[walk->lead_count++] = index;
    } else if (walk->groups[group].others < walk->circle->groups[group].quota) {
        walk->groups[group].others++;
        walk->others[walk->other_count++] = index;
    }
    check_group(walk, group);
}

static void
meet_all(struct walk *walk, uint32_t position)
{
    const struct circle *circle = walk->circle;
    uint32_t i;

    meet(walk, circle_holder(circle, position));
    if (!(circle->holder[position] & CIRCLE_SHARED)) return;
    for (i = circle_others(circle, position);
         i < circle->shared_count && circle->shared[i] >> 16 == position; i++)
        meet(walk, (uint16_t)circle->shared[i]);
}

/* The leaders, then of each group as many others as it lacks. */
static void
finish(struct walk *walk, struct circle_owners *out)
{
    uint32_t i;

    out->count = walk->lead_count;
    memcpy(out->members, walk->leaders, sizeof(out->members));
    for (i = 0; i < walk->other_count; i++) {
        uint16_t group = walk->circle->members[walk->others[i]].group;

        if (walk->groups[group].leaders == walk->circle->groups[group].quota)
            continue;
        walk->groups[group].leaders++;
        out->members[out->count++] = walk->others[i];
    }
}

void
circle_walk(struct circle *circle, uint32_t position, uint32_t slot,
            uint32_t skip, struct circle_owners *out)
{
    struct circle_member *without = NULL;
    uint32_t at = position;
    struct walk walk;

    ASSERT(circle->holder[position] != 0);
    if (skip != CIRCLE_ANY) {
        without = &circle->members[circle_holder(circle, skip)];
        /* without its only token it is not on the circle: don't wait for it */
        if (without->tokens > 1) without = NULL;
    }
    if (without != NULL) count_member(circle, without, -1);
    begin(&walk, circle, slot);
    while (walk.open_groups > 0) {
        if (at != skip) meet_all(&walk, at);
        circle->steps++;
        at = circle->next[at];
        if (at == position) break;
    }
    finish(&walk, out);
    if (without != NULL) count_member(circle, without, 1);
}

bool
circle_has_seen(const struct circle *circle, uint16_t member)
{
    return circle->members[member].seen == circle->walks;
}
