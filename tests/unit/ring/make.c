#include "make.h"

#include "base/memory.h"

#include <string.h>

struct make *
make_new(uint32_t slot_count, uint32_t replicas, uint64_t seed)
{
    struct make *make = mem_must_zero(sizeof(*make));

    make->slot_count = slot_count;
    make->replicas.count = replicas;
    make->rng.state = seed;
    return make;
}

static void
drop_member(struct make *make, uint32_t index)
{
    mem_free(make->tokens[index]);
    mem_free(make->served[index]);
    make->tokens[index] = NULL;
    make->served[index] = NULL;
}

void
make_free(struct make *make)
{
    while (make->count > 0)
        drop_member(make, --make->count);
    mem_free(make);
}

static struct ring_member *
add_member(struct make *make, uint32_t number, uint64_t rack, double weight)
{
    struct ring_member *member = &make->members[make->count];

    ASSERT(make->count < MAKE_MEMBERS_MAX);
    *member = (struct ring_member){
        .number = number, .dc = 1, .rack = rack, .status = RING_NORMAL};
    make->weights[make->count] = weight;
    make->tokens[make->count] =
        mem_must(make->slot_count * sizeof(*make->tokens[0]));
    member->tokens = make->tokens[make->count++];
    return member;
}

struct ring_member *
make_random(struct make *make, uint32_t number, uint64_t rack, uint32_t count)
{
    struct ring_member *member = add_member(make, number, rack, 1);
    bool taken[SLOT_COUNT] = {false};
    uint32_t i;

    for (i = 0; i < count; i++)
        taken[rng_below(&make->rng, make->slot_count)] = true;
    for (i = 0; i < make->slot_count; i++) {
        if (!taken[i]) continue;
        make->tokens[make->count - 1][member->token_count++] = (uint16_t)i;
    }
    return member;
}

struct ring_member *
make_picked(struct make *make, uint32_t number, uint64_t rack, double weight,
            uint32_t vnodes)
{
    struct ring_member *member = add_member(make, number, rack, weight);

    member->token_count = ring_pick_tokens(
        make->members, make->weights, make->count - 1, member, weight,
        &(struct ring_shape){.replicas = &make->replicas,
                             .vnodes = vnodes,
                             .slot_count = make->slot_count},
        &make->rng, make->tokens[make->count - 1]);
    return member;
}

void
make_joining(struct make *make, uint32_t index)
{
    ASSERT(make->served[index] == NULL);
    make->served[index] =
        mem_must_zero(((size_t)make->slot_count + 63) / 64 * 8);
    make->members[index].served = make->served[index];
    make->members[index].status = RING_JOINING;
}

void
make_serve(struct make *make, uint32_t index, uint32_t slot)
{
    make->served[index][slot / 64] |= UINT64_C(1) << slot % 64;
}

void
make_remove(struct make *make, uint32_t index)
{
    size_t behind = make->count - index - 1;

    drop_member(make, index);
    memmove(&make->members[index], &make->members[index + 1],
            behind * sizeof(make->members[0]));
    memmove(&make->weights[index], &make->weights[index + 1],
            behind * sizeof(make->weights[0]));
    memmove(&make->tokens[index], &make->tokens[index + 1],
            behind * sizeof(make->tokens[0]));
    memmove(&make->served[index], &make->served[index + 1],
            behind * sizeof(make->served[0]));
    make->count--;
    make->tokens[make->count] = NULL;
    make->served[make->count] = NULL;
}

struct ring_map *
make_map(const struct make *make)
{
    return ring_map_new(make->members, make->count, &make->replicas,
                        make->slot_count);
}

uint32_t
make_entered(const struct ring_list *from, const struct ring_list *to)
{
    uint32_t i, count = 0;

    for (i = 0; i < to->count; i++)
        count += !ring_list_owns(from, to->owners[i]);
    return count;
}

uint32_t
make_moved(const struct ring_map *from, const struct ring_map *to)
{
    uint32_t slot, count = 0;

    for (slot = 0; slot < ring_map_slot_count(from); slot++)
        count +=
            make_entered(ring_map_list(from, slot), ring_map_list(to, slot));
    return count;
}
