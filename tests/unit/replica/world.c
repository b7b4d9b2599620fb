#include "world.h"

#include "base/rng.h"

#include <stdio.h>

static bool
send_frame(void *self, uint32_t number, const struct frame *frame)
{
    struct node_of_world *node = self;
    struct world *world = node->world;
    struct message *message;

    if (number == 0 || number > WORLD_NODES) return false;
    if (node->is_cut || world->nodes[number].is_cut ||
        world->nodes[number].keeper == NULL) {
        return false;
    }
    world->bytes += FRAME_HEAD_BYTES + frame->payload.size;
    world->frames++;
    if ((world->lose_every > 0 && world->frames % world->lose_every == 0) ||
        world->lose_type == frame->type) {
        world->lost++;
        return true;
    }
    world->queue =
        mem_must_array(world->queue, world->queued + 1, sizeof(*world->queue));
    message = &world->queue[world->queued++];
    *message = (struct message){node->number, number, *frame, NULL};
    message->payload = mem_must(frame->payload.size + 1);
    if (frame->payload.size > 0) {
        memcpy(message->payload, frame->payload.data, frame->payload.size);
    }
    message->frame.payload = bytes_of(message->payload, frame->payload.size);
    return true;
}

static void
take_served(void *self, const uint64_t *served, bool done)
{
    struct node_of_world *node = self;

    node->served = served[0];
    node->is_done = done;
    node->served_calls++;
}

static void
take_settled(void *self)
{
    ((struct node_of_world *)self)->settled_calls++;
}

struct world *
world_new(uint32_t count, uint32_t n, uint32_t r, uint32_t w)
{
    struct world *world = mem_must_zero(sizeof(*world));
    uint32_t i;

    world->replicas = n;
    world->now_ms = 1000;
    world->wall_ms = WALL;
    for (i = 1; i <= WORLD_NODES; i++) {
        world->nodes[i] = (struct node_of_world){
            .world = world, .number = i, .status = RING_NORMAL};
    }
    for (i = 1; i <= count; i++) {
        world_start(world, i, STAMP_NEVER);
    }
    for (i = 1; i <= count; i++) {
        atomic_store(&world->nodes[i].replica->read_quorum, r);
        atomic_store(&world->nodes[i].replica->write_quorum, w);
    }
    return world;
}

void
world_start(struct world *world, uint32_t number, struct stamp ceiling)
{
    struct node_of_world *node = &world->nodes[number];
    struct store_config store = {.slot_count = WORLD_SLOTS,
                                 .node = number,
                                 .hash_seed = {1, 2, 3},
                                 .rng_seed = number,
                                 .wall_ms = world->wall_ms};
    struct replica_config config = {.slot_count = WORLD_SLOTS,
                                    .ceiling = ceiling};
    struct keeper_config keeper = {
        .rng_seed = number, .repair_ms = 200, .budget_percent = 25};
    struct keeper_effects effects = {.send = send_frame,
                                     .served = take_served,
                                     .settled = take_settled,
                                     .self = node};
    uint32_t i;

    node->store = store_new(&store);
    store_join_ring(node->store, 500);
    config.store = node->store;
    node->replica = replica_new(&config);
    node->replica->self = number;
    atomic_store(&node->replica->read_quorum, 2);
    atomic_store(&node->replica->write_quorum, 2);
    keeper.replica = node->replica;
    node->keeper = keeper_new(&keeper, &effects);
    node->is_on = true;
    for (i = 1; i <= WORLD_NODES; i++) {
        if (world->nodes[i].replica == NULL) continue;
        atomic_store(&node->replica->health[i], PEER_REACHABLE);
        atomic_store(&world->nodes[i].replica->health[number], PEER_REACHABLE);
    }
}

void
world_stop(struct world *world, uint32_t number)
{
    struct node_of_world *node = &world->nodes[number];

    keeper_free(node->keeper);
    replica_free(node->replica);
    store_free(node->store);
    ring_map_free(node->map);
    node->keeper = NULL;
    node->replica = NULL;
    node->store = NULL;
    node->map = NULL;
}

void
world_free(struct world *world)
{
    uint32_t i;

    for (i = 1; i <= WORLD_NODES; i++) {
        world_stop(world, i);
    }
    for (i = 0; i < world->queued; i++) {
        mem_free(world->queue[i].payload);
    }
    mem_free(world->queue);
    mem_free(world);
}

static struct ring_map *
make_map(struct world *world)
{
    static uint16_t tokens[WORLD_NODES + 1][WORLD_TOKENS];
    struct ring_member members[WORLD_NODES];
    struct ring_replicas replicas = {.count = world->replicas};
    uint32_t i, j, count = 0;

    for (i = 1; i <= WORLD_NODES; i++) {
        struct node_of_world *node = &world->nodes[i];

        if (!node->is_on) continue;
        for (j = 0; j < WORLD_TOKENS; j++) { /* interleaved */
            tokens[i][j] =
                (uint16_t)(j * (WORLD_SLOTS / WORLD_TOKENS) + (i - 1));
        }
        members[count++] = (struct ring_member){.number = i,
                                                .dc = 1,
                                                .rack = i,
                                                .status = node->status,
                                                .tokens = tokens[i],
                                                .token_count = WORLD_TOKENS,
                                                .served = &node->served};
    }
    return ring_map_new(members, count, &replicas, WORLD_SLOTS);
}

static void
give_map(struct world *world, struct node_of_world *node, bool is_first)
{
    struct ring_map *map = make_map(world);

    keeper_remap(node->keeper, node->map, map, is_first, world->now_ms,
                 world->wall_ms);
    atomic_store(&node->replica->map, map);
    ring_map_free(node->map);
    node->map = map;
}

void
world_map(struct world *world, bool is_first)
{
    uint32_t i;

    for (i = 1; i <= WORLD_NODES; i++) {
        if (world->nodes[i].keeper == NULL) continue;
        give_map(world, &world->nodes[i], is_first);
    }
}

void
world_map_one(struct world *world, uint32_t number)
{
    give_map(world, &world->nodes[number], false);
}

void
world_health(struct world *world, uint32_t number, uint32_t flag, bool is_set)
{
    uint32_t i;

    for (i = 1; i <= WORLD_NODES; i++) {
        struct node_of_world *node = &world->nodes[i];
        uint32_t health;

        if (node->replica == NULL) continue;
        health = replica_health(node->replica, number);
        health = is_set ? health | flag : health & ~flag;
        atomic_store(&node->replica->health[number], (uint8_t)health);
        keeper_peer_changed(node->keeper, number, world->now_ms);
    }
}

void
world_cut(struct world *world, uint32_t number, bool is_cut)
{
    struct node_of_world *node = &world->nodes[number];
    uint32_t i;

    node->is_cut = is_cut;
    world_health(world, number, PEER_REACHABLE, !is_cut);
    if (node->replica == NULL) return;
    for (i = 1; i <= WORLD_NODES; i++) {
        atomic_store(&node->replica->health[i],
                     is_cut && i != number ? 0 : PEER_REACHABLE);
        keeper_peer_changed(node->keeper, i, world->now_ms);
    }
}

static bool
is_question(uint8_t type)
{
    return type == FRAME_TENURE || type == FRAME_DIGESTS ||
           type == FRAME_RANGE || type == FRAME_REPAIRED || type == FRAME_EVICT;
}

static void
deliver(struct world *world, const struct message *message)
{
    struct node_of_world *node = &world->nodes[message->to];
    struct buf out = {0};
    uint8_t type;

    if (node->keeper == NULL || node->is_cut ||
        world->nodes[message->from].is_cut) {
        return;
    }
    if (!is_question(message->frame.type)) {
        keeper_frame(node->keeper, message->from, &message->frame,
                     world->now_ms, world->wall_ms);
        return;
    }
    cr_assert(keeper_answer(node->replica, message->from, &message->frame,
                            world->wall_ms, &out, &type),
              "type %u", message->frame.type);
    if (type != 0) {
        struct frame answer = {.type = type,
                               .request_id = message->frame.request_id,
                               .payload = buf_bytes(&out)};

        cr_assert(out.used < 300 * 1024);
        (void)send_frame(node, message->from, &answer);
    }
    buf_deinit(&out);
}

void
world_run(struct world *world, int64_t ms)
{
    for (; ms > 0; ms--) {
        struct message *queue = world->queue;
        uint32_t i, queued = world->queued;

        world->now_ms++;
        world->wall_ms++;
        world->queue = NULL;
        world->queued = 0;
        for (i = 0; i < queued; i++) {
            deliver(world, &queue[i]);
            mem_free(queue[i].payload);
        }
        mem_free(queue);
        for (i = 1; i <= WORLD_NODES; i++) {
            if (world->nodes[i].keeper == NULL) continue;
            if (world->now_ms % 10 != i % 10) continue;
            keeper_tick(world->nodes[i].keeper, world->now_ms, world->wall_ms);
        }
    }
}

/* ---- keys ---- */

uint32_t
world_slot(struct world *world, const char *key)
{
    uint32_t i = 1;

    while (world->nodes[i].store == NULL)
        i++;
    return store_key(world->nodes[i].store, 0, bytes_str(key)).slot;
}

static void
copy(struct world *world, uint32_t at, uint32_t others, const char *name)
{
    struct store *from = world->nodes[at].store;
    struct store_key key = store_key(from, 0, bytes_str(name));
    const struct slot_state *state;
    struct stamp tenure = STAMP_NEVER;
    struct record record;
    uint32_t i;

    store_lock(from, key.slot);
    cr_assert(store_record(from, &key, world->wall_ms, &record));
    state = &world->nodes[at].replica->slots[key.slot];
    if (state->tenure != TENURE_NONE && !state->is_short)
        tenure = state->promised;
    for (i = 1; i <= WORLD_NODES; i++) {
        struct store *to = world->nodes[i].store;

        if (i == at || (others >> i & 1) == 0) continue;
        store_lock(to, key.slot);
        /* as a COPY does: it names the tenure it was written under */
        if (tenure.bits != 0)
            replica_saw_tenure(world->nodes[i].replica, key.slot, tenure);
        (void)store_merge(to, &key, &record, world->wall_ms, NULL);
        store_unlock(to, key.slot);
    }
    store_unlock(from, key.slot);
}

void
world_put(struct world *world, uint32_t at, uint32_t others, const char *name,
          const char *value)
{
    struct store *store = world->nodes[at].store;
    struct store_key key = store_key(store, 0, bytes_str(name));

    store_lock(store, key.slot);
    cr_assert(store_put_plain(store, &key, bytes_str(value), world->wall_ms) ==
              0);
    store_unlock(store, key.slot);
    copy(world, at, others, name);
}

void
world_del(struct world *world, uint32_t at, uint32_t others, const char *name)
{
    struct store *store = world->nodes[at].store;
    struct store_key key = store_key(store, 0, bytes_str(name));

    store_lock(store, key.slot);
    cr_assert(store_delete(store, &key, world->wall_ms));
    store_unlock(store, key.slot);
    copy(world, at, others, name);
}

void
world_add(struct world *world, uint32_t at, uint32_t others, const char *name,
          int64_t delta)
{
    struct store *store = world->nodes[at].store;
    struct store_key key = store_key(store, 0, bytes_str(name));

    store_lock(store, key.slot);
    cr_assert(store_add(store, &key, delta, world->wall_ms) == 0);
    store_unlock(store, key.slot);
    copy(world, at, others, name);
}

const char *
world_get(struct world *world, uint32_t at, const char *name)
{
    static char text[4][64];
    static uint32_t turn;
    struct store *store = world->nodes[at].store;
    struct store_key key = store_key(store, 0, bytes_str(name));
    char scratch[OBJECT_TEXT_ROOM], *out = text[turn++ % 4];
    struct object *object;

    out[0] = '\0';
    store_lock(store, key.slot);
    object = store_get(store, &key, STORE_NO_TOUCH, world->wall_ms);
    if (object != NULL) {
        struct bytes value = object_text(object, scratch);

        (void)snprintf(out, 64, "%.*s", (int)value.size, value.data);
    }
    store_unlock(store, key.slot);
    return out;
}

struct slot_state *
world_state(struct world *world, uint32_t at, const char *key)
{
    return &world->nodes[at].replica->slots[world_slot(world, key)];
}

const struct ring_list *
world_list(struct world *world, const char *key)
{
    uint32_t i = 1;

    while (world->nodes[i].map == NULL)
        i++;
    return ring_map_list(world->nodes[i].map, world_slot(world, key));
}

bool
world_agrees(struct world *world)
{
    uint32_t slot, i, first = 1;

    while (world->nodes[first].map == NULL)
        first++;
    for (slot = 0; slot < WORLD_SLOTS; slot++) {
        const struct ring_list *list =
            ring_map_list(world->nodes[first].map, slot);
        uint64_t digest = 0;

        for (i = 0; i < list->count; i++) {
            struct store *store = world->nodes[list->owners[i]].store;
            uint64_t own;

            if (store == NULL) continue;
            store_lock(store, slot);
            own = store_digest(store, slot);
            store_unlock(store, slot);
            if (i > 0 && own != digest) return false;
            digest = own;
        }
    }
    return true;
}

uint32_t
world_tenures(struct world *world, uint32_t at, enum tenure_state tenure)
{
    uint32_t slot, count = 0;

    for (slot = 0; slot < WORLD_SLOTS; slot++) {
        count += world->nodes[at].replica->slots[slot].tenure == tenure;
    }
    return count;
}
