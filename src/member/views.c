/*
 * What others may ask of the machine, and the facts as placement wants them.
 */
#include "base/memory.h"
#include "member/inside.h"

enum member_standing
members_standing(const struct members *members)
{
    return members->standing;
}

bool
members_is_alone(const struct members *members)
{
    return members->is_founder && members->self->number != 0 &&
           members->numbered == 1 && !members->is_self_removed;
}

bool
members_self_is_removed(const struct members *members)
{
    return members->is_self_removed;
}

struct node_life
members_life(const struct members *members)
{
    return members->self->life;
}

uint32_t
members_self_number(const struct members *members)
{
    return members->self->number;
}

void
members_hash_seed(const struct members *members, uint8_t seed[32])
{
    memcpy(seed, members->hash_seed, 32);
}

uint32_t
members_count(const struct members *members)
{
    return members->count;
}

static void
fill_view(const struct members *members, const struct member *member,
          struct member_view *view)
{
    uint64_t first = member->life.began / BEAT_MS, age = 0;

    if (member->pulse->heartbeat > first)
        age = member->pulse->heartbeat - first;
    *view = (struct member_view){.id = member->id,
                                 .number = member->number,
                                 .health = MEMBER_UP,
                                 .facts = &member->facts,
                                 .incarnation = member->incarnation,
                                 .heartbeat = member->pulse->heartbeat,
                                 .heard_ms = member->pulse->heard_ms,
                                 .told_ms = INT64_MIN,
                                 .is_self = member == members->self};
    if (member->load_version > 0 && member->load_version >= first) {
        uint64_t beat = member->pulse->heartbeat;
        uint64_t since =
            beat > member->load_version ? beat - member->load_version : 0;

        view->told_ms = view->heard_ms - (int64_t)(since * BEAT_MS);
    }
    view->up_since_ms = view->heard_ms - (int64_t)(age * BEAT_MS);
    if (member->is_removed)
        view->health = MEMBER_REMOVED;
    else if (member->is_down)
        view->health = MEMBER_DOWN;
    else if (member->suspect_ms != 0)
        view->health = MEMBER_SUSPECT;
}

bool
members_at(const struct members *members, uint32_t index,
           struct member_view *view)
{
    if (index >= members->count) return false;
    fill_view(members, members->rows[index], view);
    return true;
}

bool
members_find(const struct members *members, const struct node_id *id,
             struct member_view *view)
{
    const struct member *member = rows_find(members, id);

    if (member == NULL) return false;
    fill_view(members, member, view);
    return true;
}

uint32_t
members_majority(const struct members *members)
{
    return members->numbered / 2 + 1;
}

void
members_stats(const struct members *members, struct member_stats *out)
{
    *out = members->stats;
}

/* ---- placement ---- */

static enum ring_status
ring_status_of(enum member_phase phase)
{
    switch (phase) {
    case MEMBER_FRESH:
    case MEMBER_JOINING: return RING_JOINING;
    case MEMBER_RETURNING:
    case MEMBER_NORMAL: return RING_NORMAL;
    case MEMBER_LEAVING: return RING_LEAVING;
    }
    ASSERT(phase <= MEMBER_LEAVING);
    return RING_JOINING;
}

static struct ring_member
placement(const struct member *member)
{
    const struct member_facts *facts = &member->facts;

    return (struct ring_member){
        .number = member->number,
        .dc = ring_name_hash(bytes_str(facts->dc)),
        .rack = ring_name_hash(bytes_str(facts->rack)),
        .status = ring_status_of(facts->phase),
        .tokens = facts->tokens,
        .token_count = facts->token_count,
        .served = facts->phase == MEMBER_JOINING ? facts->served : NULL,
    };
}

/* By number, so that what is made of them is the same everywhere. */
static uint32_t
gather(const struct members *members, const struct member *without,
       struct ring_member *out, double *weights)
{
    uint32_t i, count = 0;

    for (i = 1; i < members->number_end; i++) {
        const struct member *row = members->by_number[i];

        if (row == NULL || row == without || row->is_removed) continue;
        if (row->facts.token_count == 0 || row->facts.phase == MEMBER_FRESH)
            continue;
        if (weights != NULL) weights[count] = row->facts.weight;
        out[count++] = placement(row);
    }
    return count;
}

struct ring_map *
members_map(const struct members *members, const struct ring_replicas *replicas)
{
    struct ring_member *rows;
    struct ring_map *map = NULL;
    uint32_t count;

    rows = mem_must_array(NULL, members->count, sizeof(*rows));
    count = gather(members, NULL, rows, NULL);
    if (count > 0)
        map = ring_map_new(rows, count, replicas, members->slot_count);
    mem_free(rows);
    return map;
}

void
members_make_tokens(struct members *members)
{
    struct member_facts *facts = &members->self->facts;
    struct ring_member *rows, self;
    uint16_t *out;
    double *weights;
    uint32_t count;

    if (facts->token_count > 0) return;
    rows = mem_must_array(NULL, members->count, sizeof(*rows));
    weights = mem_must_array(NULL, members->count, sizeof(*weights));
    out = mem_must_array(NULL, members->slot_count / 2 + 1, sizeof(*out));
    count = gather(members, members->self, rows, weights);
    self = placement(members->self);
    count = ring_pick_tokens(
        rows, weights, count, &self, facts->weight,
        &(struct ring_shape){.replicas = &members->replicas,
                             .vnodes = members->vnodes,
                             .slot_count = members->slot_count},
        &members->rng, out);
    facts->tokens = mem_must_array(NULL, count, sizeof(*out));
    memcpy(facts->tokens, out, count * sizeof(*out));
    facts->token_count = count;
    mem_free(rows);
    mem_free(weights);
    mem_free(out);
}
