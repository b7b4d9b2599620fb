/*
 * The rows, ordered by id, so that every node walks them alike; beside them
 * two arrays by node number, which rounds of heartbeats run over.
 *
 *   rows[]       [ 03.. | 4f.. | 9a.. ]      by_number[]  [ - | 9a | 03 | - ]
 *                                            pulses[]     [ - | hb | hb | - ]
 *
 * The hash over the table is an XOR of one part per row, so a change costs
 * O(1); rows that never had a number are no part of it (they are known only to
 * those they talked to).
 */
#include "base/hash.h"
#include "base/memory.h"
#include "member/inside.h"

#define REMOVED_INCARNATION UINT64_MAX

static uint32_t
find_place(const struct members *members, const struct node_id *id)
{
    uint32_t low = 0, high = members->count;

    while (low < high) {
        uint32_t middle = (low + high) / 2;

        if (node_id_compare(&members->rows[middle]->id, id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct member *
rows_find(const struct members *members, const struct node_id *id)
{
    uint32_t at = find_place(members, id);

    if (at == members->count || !node_id_equal(&members->rows[at]->id, id))
        return NULL;
    return members->rows[at];
}

struct member *
rows_add(struct members *members, const struct node_id *id)
{
    uint32_t at = find_place(members, id);
    struct member *member;

    if (at < members->count && node_id_equal(&members->rows[at]->id, id))
        return members->rows[at];
    if (members->count == MEMBER_MAX) {
        if (!members->is_full_logged)
            members_log(members,
                        "members: the table is full (%d), others are "
                        "not taken in",
                        MEMBER_MAX);
        members->is_full_logged = true;
        return NULL;
    }
    if (members->count == members->room) {
        members->room = members->room ? members->room * 2 : 8;
        members->rows = mem_must_array(members->rows, members->room,
                                       sizeof(struct member *));
    }
    memmove(members->rows + at + 1, members->rows + at,
            (members->count - at) * sizeof(struct member *));
    member = mem_must_zero(sizeof(*member));
    member->id = *id;
    member->pulse = &member->own_pulse;
    member->own_pulse.heard_ms = members->now_ms;
    member->facts.weight = 1.0;
    member->facts.oldest_held = 0; /* not heard: may hold anything */
    members->rows[at] = member;
    members->count++;
    members->unnumbered_count++;
    return member;
}

static void
member_free(struct member *member)
{
    facts_deinit(&member->facts);
    mem_free(member);
}

void
rows_drop(struct members *members, struct member *member)
{
    uint32_t at = find_place(members, &member->id);

    ASSERT(members->rows[at] == member && member != members->self);
    ASSERT(!member->is_listed && member->number == 0);
    memmove(members->rows + at, members->rows + at + 1,
            (members->count - at - 1) * sizeof(struct member *));
    members->count--;
    members->unnumbered_count--;
    member_free(member);
}

void
rows_clear_others(struct members *members)
{
    uint32_t i;

    for (i = 0; i < members->count; i++)
        if (members->rows[i] != members->self) member_free(members->rows[i]);
    members->rows[0] = members->self;
    members->count = 1;
    memset(members->by_number, 0, sizeof(members->by_number));
    memset(members->has_beat, 0, sizeof(members->has_beat));
    members->number_end = members->numbered = 0;
    members->down_count = members->suspect_count = 0;
    members->spreading = members->hot_loads = 0;
    members->settings_spread = 0;
    members->order_count = members->order_at = 0;
    members->hash = 0;
    members->unnumbered_count = 1;
    members->self->number = 0;
    members->self->is_listed = false;
    members->self->digest = 0;
    members->self->spread = members->self->load_spread = 0;
    members->self->news_spread = 0;
    members->self->own_pulse = *members->self->pulse;
    members->self->pulse = &members->self->own_pulse;
}

void
rows_free(struct members *members)
{
    uint32_t i;

    for (i = 0; i < members->count; i++)
        member_free(members->rows[i]);
    mem_free(members->rows);
}

bool
rows_is_live(const struct member *member)
{
    return member->number != 0 && !member->is_removed;
}

static void
refresh_digest(struct members *members, struct member *member)
{
    uint64_t part = 0;

    members->hash ^= member->digest;
    if (member->is_listed) {
        part = hash_plain(bytes_of(member->id.bytes, NODE_ID_BYTES));
        part = hash_mix(part, member->is_removed ? REMOVED_INCARNATION
                                                 : member->incarnation);
        part = hash_mix(part, member->is_removed ? 0 : member->version);
    }
    member->digest = part;
    members->hash ^= part;
}

void
rows_refresh(struct members *members, struct member *member)
{
    if (!member->is_listed && (member->number != 0 || member->is_removed)) {
        member->is_listed = true;
        members->unnumbered_count--;
    }
    refresh_digest(members, member);
}

/* Of those that name one number in their facts: the living before the REMOVED,
 * then the lower id. */
static struct member *
holder_of(const struct members *members, uint32_t number)
{
    struct member *best = NULL;
    uint32_t i;

    for (i = 0; i < members->count; i++) {
        struct member *row = members->rows[i];

        if (row->number != number) continue;
        if (best == NULL || (best->is_removed && !row->is_removed)) best = row;
    }
    return best;
}

static void
detach(struct members *members, struct member *member)
{
    if (member->pulse == &member->own_pulse) return;
    member->own_pulse = *member->pulse;
    member->pulse = &member->own_pulse;
    members->by_number[member->number] = NULL;
    members->has_beat[member->number] = false;
}

void
rows_mark_beat(struct members *members, uint32_t number)
{
    const struct member *member = members->by_number[number];

    members->has_beat[number] =
        member != NULL && !member->is_removed && !member->is_down;
}

/* newcomer: a row that names the number since now, or NULL. */
static void
attach(struct members *members, uint32_t number, struct member *newcomer)
{
    struct member *old = members->by_number[number];
    struct member *best = newcomer;

    /* a number that some row names has a holder, so most are settled here */
    if (old != NULL || newcomer == NULL) best = holder_of(members, number);

    if (old == best) {
        rows_mark_beat(members, number);
        return;
    }
    if (old != NULL) detach(members, old);
    members->by_number[number] = best;
    rows_mark_beat(members, number);
    if (best == NULL) return;
    members->pulses[number] = best->own_pulse;
    best->pulse = &members->pulses[number];
    if (number >= members->number_end) members->number_end = number + 1;
    if (old != NULL && !old->is_removed && !best->is_removed) {
        char a[NODE_ID_HEX], b[NODE_ID_HEX];

        node_id_hex(&old->id, a);
        node_id_hex(&best->id, b);
        members_log(members,
                    "members: number %u is held by %s and by %s: the "
                    "second keeps it",
                    number, a, b);
    }
}

void
rows_set_number(struct members *members, struct member *member, uint32_t number)
{
    uint32_t old = member->number;

    ASSERT(number < RING_NUMBERS);
    if (old == number) return;
    if (rows_is_live(member)) members->numbered--;
    detach(members, member);
    member->number = number;
    if (rows_is_live(member)) members->numbered++;
    if (old != 0) attach(members, old, NULL);
    if (number != 0) attach(members, number, member);
    rows_refresh(members, member);
    members->is_changed = true;
}

void
rows_remove(struct members *members, struct member *member)
{
    if (member->is_removed) return;
    if (member->number != 0) members->numbered--;
    detector_clear(members, member);
    member->is_removed = true;
    if (member->number != 0) attach(members, member->number, member);
    rows_refresh(members, member);
    rumour_set(members, &member->spread, rumour_count(members));
    members->is_changed = members->is_urgent = true;
    if (member == members->self) members->is_self_removed = true;
    saved_soon(members);
}

void
rows_beat(struct members *members, struct member *member, uint64_t heartbeat)
{
    if (heartbeat <= member->pulse->heartbeat || member == members->self)
        return;
    member->pulse->heartbeat = heartbeat;
    member->pulse->heard_ms = members->now_ms;
    /* DOWN is a verdict on an incarnation: only a new one lifts it */
    if (member->suspect_ms != 0 && !member->is_down)
        detector_clear(members, member);
}

void
facts_deinit(struct member_facts *facts)
{
    mem_free(facts->tokens);
    mem_free(facts->served);
    facts->tokens = NULL;
    facts->served = NULL;
    facts->token_count = 0;
}

void
facts_copy(struct member_facts *to, const struct member_facts *from,
           uint32_t slot_count)
{
    *to = *from;
    to->tokens = NULL;
    to->served = NULL;
    if (from->token_count > 0) {
        size_t size = from->token_count * sizeof(*to->tokens);

        to->tokens = mem_must(size);
        memcpy(to->tokens, from->tokens, size);
    }
    if (from->served != NULL) {
        size_t size = (size_t)(slot_count + 63) / 64 * 8;

        to->served = mem_must(size);
        memcpy(to->served, from->served, size);
    }
}
