/*
 * The events of a world, what its nodes ask for, and how they live.
 */
#include "gossip_world.h"

#include "base/err.h"
#include "base/memory.h"

struct plain world_tally;
uint64_t world_seed = 1;

/* ---- the heap ---- */

static bool
is_before(const struct event *a, const struct event *b)
{
    if (a->at_us != b->at_us) return a->at_us < b->at_us;
    return a->order < b->order;
}

static void
push(struct world *world, struct event event)
{
    size_t at = world->count++;

    if (world->count > world->room) {
        world->room = world->room ? world->room * 2 : 256;
        world->heap =
            mem_must_array(world->heap, world->room, sizeof(*world->heap));
    }
    event.order = world->order++;
    while (at > 0 && is_before(&event, &world->heap[(at - 1) / 2])) {
        world->heap[at] = world->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    world->heap[at] = event;
}

static struct event
pop(struct world *world)
{
    struct event first = world->heap[0], last = world->heap[--world->count];
    size_t at = 0, child;

    while ((child = 2 * at + 1) < world->count) {
        if (child + 1 < world->count &&
            is_before(&world->heap[child + 1], &world->heap[child]))
            child++;
        if (!is_before(&world->heap[child], &last)) break;
        world->heap[at] = world->heap[child];
        at = child;
    }
    world->heap[at] = last;
    return first;
}

/* ---- what a node asks for ---- */

static struct host *
find_node(struct world *world, const struct node_id *id)
{
    /* bytes 14 and 15 are the index */
    uint32_t index = (uint32_t)id->bytes[14] << 8 | id->bytes[15];

    return index < world->node_count ? &world->nodes[index] : NULL;
}

static void
on_send(void *self, const struct node_id *to, uint32_t seed,
        const struct frame *frame)
{
    struct host *node = self, *target;
    struct world *world = node->world;
    struct event event = {.kind = EVENT_FRAME, .frame = *frame};

    target = to ? find_node(world, to) : &world->nodes[node->seeds[seed]];
    if (target == NULL) return;
    event.at_us = world->now_us + 100 +
                  (int64_t)rng_below(&world->rng, (uint64_t)world->delay_us);
    if (target == node) {
        if (to != NULL) return;
        push(world, (struct event){.at_us = event.at_us,
                                   .kind = EVENT_SELF_SEED,
                                   .node = node->index,
                                   .life = node->life,
                                   .from = seed});
        return;
    }
    if (node->part != target->part || node->is_mute) return;
    if (node->index < 8 && target->index < 8 &&
        world->deaf[node->index][target->index])
        return;
    if (rng_below(&world->rng, 100) < world->loss_percent) return;
    event.node = target->index;
    event.life = UINT32_MAX; /* whoever lives there then */
    event.from = node->index;
    event.payload = mem_must(frame->payload.size + 1);
    if (frame->payload.size > 0)
        memcpy(event.payload, frame->payload.data, frame->payload.size);
    event.frame.payload = bytes_of(event.payload, frame->payload.size);
    push(world, event);
}

static void
on_changed(void *self)
{
    ((struct host *)self)->changes++;
}

static void
on_save(void *self, struct bytes bytes)
{
    struct host *node = self;

    node->saved.used = 0;
    buf_must_add(&node->saved, bytes.data, bytes.size);
}

static void
on_log(void *self, const char *line)
{
    struct host *node = self;

    if (strstr(line, "ANOTHER RING") != NULL) node->loud++;
    if (node->world->is_loud)
        printf("%9.3f node %u: %s\n", (double)node->world->now_us / 1e6,
               node->index, line);
}

static void
on_was_down(void *self)
{
    (void)self;
}

/* ---- life of nodes ---- */

int64_t
world_clock_ms(const struct world *world, const struct host *node)
{
    return (world->now_us + node->offset_us) / 1000;
}

int64_t
world_wall_ms(const struct world *world)
{
    return INT64_C(1000) * WALL0 + world->now_us / 1000;
}

void
world_start(struct world *world, uint32_t index)
{
    struct host *node = &world->nodes[index];
    struct member_config *config = mem_must_zero(sizeof(*config));
    struct member_effects effects = {on_send, on_changed,  on_save,
                                     on_log,  on_was_down, node};
    uint32_t i;

    ASSERT(node->members == NULL);
    node->life++;
    config->self = node->id;
    config->incarnation = (uint64_t)(world_wall_ms(world) + node->skew_ms);
    snprintf(config->facts.host, sizeof(config->facts.host), "10.0.%u.%u",
             node->place / 256, node->place % 256);
    config->facts.port = 6379;
    config->facts.bus_port = 16379;
    strcpy(config->facts.dc, "dc1");
    strcpy(config->facts.rack, node->rack[0] ? node->rack : config->facts.host);
    strcpy(config->facts.version, "0.3.0");
    config->facts.weight = 1.0;
    config->facts.workers = 2;
    config->facts.oldest_held = UINT64_MAX;
    config->facts.phase =
        node->saved.used > 0 ? MEMBER_RETURNING : MEMBER_FRESH;
    config->hash_seed[0] = (uint8_t)(index + 1);
    config->vnodes = world->node_count > 100 ? 1 : 8;
    config->slot_count = SLOTS;
    config->replicas.count = 3;
    config->seed_count = node->seed_count;
    for (i = 0; i < node->seed_count; i++)
        config->seeds[i].port = 16379;
    config->node_timeout_ms = 3000;
    config->rng_seed = rng_next(&world->rng);
    config->saved = buf_bytes(&node->saved);
    node->members = members_new(config, &effects, world_clock_ms(world, node),
                                world_wall_ms(world));
    mem_free(config);
    push(world, (struct event){.at_us = world->now_us +
                                        (int64_t)rng_below(&world->rng, 100000),
                               .kind = EVENT_TICK,
                               .node = index,
                               .life = node->life});
}

void
world_stop(struct world *world, uint32_t index)
{
    struct host *node = &world->nodes[index];
    uint32_t i;

    members_free(node->members);
    node->members = NULL;
    for (i = 0; i < node->inbox_count; i++)
        mem_free(node->inbox[i].payload);
    node->inbox_count = 0;
}

static void
hand_over(struct world *world, struct host *node, struct event *event)
{
    if (node->members != NULL)
        members_frame(node->members, &world->nodes[event->from].id,
                      &event->frame, world_clock_ms(world, node),
                      world_wall_ms(world));
    mem_free(event->payload);
}

static void
tick(struct world *world, struct host *node, uint32_t life)
{
    int64_t pause_us = INT64_C(1000) * MEMBER_TICK_MS;
    uint32_t i;

    if (node->life != life || node->members == NULL) return;
    for (i = 0; i < node->inbox_count; i++)
        hand_over(world, node, &node->inbox[i]);
    node->inbox_count = 0;
    members_tick(node->members, world_clock_ms(world, node),
                 world_wall_ms(world));
    if (node->is_starved) pause_us += (int64_t)rng_below(&world->rng, 1500000);
    push(world, (struct event){.at_us = world->now_us + pause_us,
                               .kind = EVENT_TICK,
                               .node = node->index,
                               .life = life});
}

static void
arrive(struct world *world, struct event *event)
{
    struct host *node = &world->nodes[event->node];

    if (!node->is_starved) {
        hand_over(world, node, event);
        return;
    }
    if (node->inbox_count == node->inbox_room) {
        node->inbox_room = node->inbox_room ? 2 * node->inbox_room : 16;
        node->inbox =
            mem_must_array(node->inbox, node->inbox_room, sizeof(*node->inbox));
    }
    node->inbox[node->inbox_count++] = *event;
}

void
world_run_until(struct world *world, int64_t until_us)
{
    while (world->count > 0 && world->heap[0].at_us <= until_us) {
        struct event event = pop(world);
        struct host *node = &world->nodes[event.node];

        world->now_us = event.at_us;
        switch (event.kind) {
        case EVENT_TICK: tick(world, node, event.life); break;
        case EVENT_FRAME: arrive(world, &event); break;
        case EVENT_SELF_SEED:
            if (node->members != NULL && node->life == event.life)
                members_seed_is_self(node->members, event.from);
            break;
        }
    }
    world->now_us = until_us;
}

void
world_run_ms(struct world *world, int64_t ms)
{
    world_run_until(world, world->now_us + 1000 * ms);
}

struct world *
world_new(uint32_t node_count)
{
    struct world *world = mem_must_zero(sizeof(*world));
    uint32_t i, j;

    world->rng.state = world_seed * 7919 + node_count;
    world->node_count = node_count;
    world->delay_us = 1000;
    for (i = 0; i < node_count; i++) {
        struct host *node = &world->nodes[i];

        node->world = world;
        node->index = node->place = i;
        node->offset_us = 1000000 + (int64_t)rng_below(&world->rng, 1000000000);
        node->skew_ms = (int64_t)rng_below(&world->rng, 4000);
        for (j = 0; j < 14; j++)
            node->id.bytes[j] = (uint8_t)rng_next(&world->rng);
        node->id.bytes[14] = (uint8_t)(i >> 8);
        node->id.bytes[15] = (uint8_t)i;
    }
    return world;
}

void
world_free(struct world *world)
{
    uint32_t i;

    for (i = 0; i < world->node_count; i++) {
        world_stop(world, i);
        buf_deinit(&world->nodes[i].saved);
        mem_free(world->nodes[i].inbox);
    }
    while (world->count > 0)
        mem_free(pop(world).payload);
    mem_free(world->heap);
    mem_free(world);
}

void
world_seeds(struct world *world, uint32_t node, uint32_t count,
            const uint32_t *list)
{
    memcpy(world->nodes[node].seeds, list, count * sizeof(*list));
    world->nodes[node].seed_count = count;
}

/* ---- what is looked at ---- */

uint32_t
world_number_of(const struct world *world, uint32_t index)
{
    const struct host *node = &world->nodes[index];

    return node->members ? members_self_number(node->members) : 0;
}

bool
world_are_numbered(const struct world *world)
{
    uint32_t i;

    for (i = 0; i < world->node_count; i++)
        if (world->nodes[i].members != NULL &&
            members_standing(world->nodes[i].members) != MEMBERS_NUMBERED)
            return false;
    return true;
}

/* Running nodes that hold `index` to be of this health. */
uint32_t
world_seen_as(const struct world *world, uint32_t index,
              enum member_health health)
{
    uint32_t i, count = 0;

    for (i = 0; i < world->node_count; i++) {
        struct member_view view;

        if (i == index || world->nodes[i].members == NULL) continue;
        if (members_find(world->nodes[i].members, &world->nodes[index].id,
                         &view) &&
            view.health == health)
            count++;
    }
    return count;
}

bool
world_is_one_ring(const struct world *world)
{
    const struct members *first = NULL;
    uint32_t i, j;

    for (i = 0; i < world->node_count; i++) {
        struct node_id a, b;

        if (world->nodes[i].members == NULL) continue;
        if (first == NULL) first = world->nodes[i].members;
        a = first->ring;
        b = world->nodes[i].members->ring;
        if (!node_id_equal(&a, &b)) return false;
        for (j = 0; j < i; j++)
            if (world->nodes[j].members != NULL &&
                world_number_of(world, i) == world_number_of(world, j))
                return false;
    }
    return true;
}

bool
world_all_know(const struct world *world, uint32_t count)
{
    uint32_t i;

    for (i = 0; i < world->node_count; i++)
        if (world->nodes[i].members != NULL &&
            members_count(world->nodes[i].members) != count)
            return false;
    return true;
}

bool
world_same_maps(const struct world *world)
{
    static const struct ring_replicas three = {.count = 3};
    uint64_t hash = 0;
    bool is_first = true, is_same = true;
    uint32_t i;

    for (i = 0; i < world->node_count; i++) {
        struct ring_map *map;

        if (world->nodes[i].members == NULL) continue;
        map = members_map(world->nodes[i].members, &three);
        if (map == NULL) return false;
        if (!is_first && ring_map_hash(map) != hash) is_same = false;
        hash = ring_map_hash(map);
        is_first = false;
        ring_map_free(map);
    }
    return is_same;
}

bool
world_all_up(const struct world *world)
{
    uint32_t i;

    for (i = 0; i < world->node_count; i++)
        if (world->nodes[i].members != NULL &&
            world_seen_as(world, i, MEMBER_UP) !=
                world_seen_as(world, i, MEMBER_UP) +
                    world_seen_as(world, i, MEMBER_DOWN) +
                    world_seen_as(world, i, MEMBER_SUSPECT))
            return false;
    return true;
}

int64_t
world_wait_for(struct world *world, bool (*holds)(const struct world *),
               int64_t limit_ms)
{
    int64_t started_us = world->now_us;

    while (!holds(world)) {
        if (world->now_us - started_us >= 1000 * limit_ms) return -1;
        world_run_ms(world, 10);
    }
    return (world->now_us - started_us) / 1000;
}

/* A ring that has settled: all seeds are node 0. */
struct world *
world_ring_of(uint32_t count)
{
    static const uint32_t zero[] = {0};
    struct world *world = world_new(count);
    uint32_t i;

    for (i = 0; i < count; i++) {
        world_seeds(world, i, 1, zero);
        world_start(world, i);
    }
    PLAIN_CHECK(&world_tally,
                world_wait_for(world, world_are_numbered, 60000) >= 0,
                "a ring of %u", count);
    world_run_ms(world, 3000);
    for (i = 0; i < count; i++)
        members_set_phase(world->nodes[i].members, MEMBER_NORMAL);
    world_run_ms(world, 3000);
    PLAIN_CHECK(&world_tally,
                world_is_one_ring(world) && world_all_know(world, count),
                "a ring of %u", count);
    PLAIN_CHECK(&world_tally, world_same_maps(world), "maps in a ring of %u",
                count);
    PLAIN_CHECK(&world_tally, world_all_up(world), "health in a ring of %u",
                count);
    return world;
}
