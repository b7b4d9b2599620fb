/*
 * One node's life in the world: started with the files of its last life, or
 * none; crashed, paused; its clock; what it asks of its loop.
 */
#include "sim/inside.h"

#include "base/err.h"
#include "base/memory.h"
#include "node/inside.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- its effects ---- */

static bool
effect_post(void *self, uint32_t from, uint32_t to, struct message *message)
{
    struct sim_node *node = self;
    struct sim *sim = node->sim;

    (void)from;
    inside_push(sim,
                (struct event){
                    .at_ms = sim->now_ms + (int64_t)rng_below(&sim->rng, 3),
                    .type = EVENT_MESSAGE,
                    .node = node->index,
                    .worker = to,
                    .message = message,
                });
    return true;
}

static void
effect_wake(void *self, uint32_t worker, struct session *session)
{
    struct sim_node *node = self;
    struct sim_conn *conn = session->loop_data;

    if (conn == NULL || node->is_crashing) return;
    inside_push(node->sim, (struct event){.at_ms = node->sim->now_ms,
                                          .type = EVENT_WAKE,
                                          .node = node->index,
                                          .worker = worker,
                                          .conn_id = conn->id});
}

static void
effect_shutdown(void *self)
{
    struct sim_node *node = self;

    node->is_down = true;
}

static const char *
effect_config_rewrite(void *self)
{
    (void)self;
    return NULL;
}

static void
effect_config_changed(void *self, enum setting id)
{
    (void)self;
    (void)id;
}

static void
effect_bus_connect(void *self, uint32_t worker, struct link *link,
                   const char *host, uint16_t port)
{
    struct sim_node *node = self;

    if (!node->is_crashing)
        net_connect(node->sim, node->index, worker, link, host, port);
}

static void
effect_bus_wake(void *self, uint32_t worker, struct link *link)
{
    struct sim_node *node = self;

    if (!node->is_crashing) net_wake(node->sim, node->index, worker, link);
}

static void
effect_save(void *self, enum node_file file, struct bytes bytes)
{
    struct sim_node *node = self;

    if (node->is_crashing) return;
    ASSERT((uint32_t)file < FILES);
    node->files[file].used = 0;
    buf_must_add(&node->files[file], bytes.data, bytes.size);
}

static void
effect_random(void *self, void *out, size_t size)
{
    struct sim_node *node = self;
    uint8_t *at = out;

    while (size-- > 0)
        *at++ = (uint8_t)rng_next(&node->sim->rng);
}

static void
effect_log(void *self, const char *line)
{
    struct sim_node *node = self;

    sim_trace_add(node->sim, bytes_str(line));
    if (node->sim->is_noisy) {
        printf("%8lld ms  node %u: %s\n", (long long)node->sim->now_ms,
               node->index, line);
    }
}

/* ---- settings ---- */

static void
set(struct settings *settings, enum setting id, const char *value)
{
    char why[SETTING_WHY_BYTES];
    struct bytes arg = bytes_str(value);

    if (settings_set(settings, id, &arg, 1, why) != ERR_OK) {
        fprintf(stderr, "setting %s: %s\n", value, why);
        abort();
    }
}

void
sim_set_setting(struct sim *sim, enum setting id, const char *value)
{
    uint32_t i, count = sim->net != NULL ? sim->config.nodes : 1;

    for (i = 0; i < count; i++)
        set(sim->nodes[i].settings, id, value);
}

static void
set_named(struct settings *settings, const char *name, const char *value)
{
    int id = settings_find(bytes_str(name));

    if (id >= 0) set(settings, (enum setting)id, value);
}

static void
ring_settings(struct sim_node *node, const struct sim_ring *ring)
{
    char text[16];

    (void)snprintf(text, sizeof(text), "%u", ring->replicas);
    set_named(node->settings, "replicas", text);
    (void)snprintf(text, sizeof(text), "%u", ring->read_quorum);
    set_named(node->settings, "read-quorum", text);
    (void)snprintf(text, sizeof(text), "%u", ring->write_quorum);
    set_named(node->settings, "write-quorum", text);
    set_named(node->settings, "quorum-mode",
              ring->is_strict ? "strict" : "sloppy");
    set_named(node->settings, "conflict-policy",
              ring->keeps_siblings ? "siblings" : "lww");
}

/* ---- life ---- */

/* Between -most and most. */
static int64_t
either_way(struct rng *rng, int64_t most)
{
    return (int64_t)rng_below(rng, (uint64_t)most * 2 + 1) - most;
}

void
inside_node_init(struct sim *sim, uint32_t index)
{
    struct sim_node *node = &sim->nodes[index];
    const struct sim_ring *ring = sim->config.ring;
    uint32_t i;

    node->sim = sim;
    node->index = index;
    node->settings = settings_new();
    if (ring == NULL) {
        memcpy(node->hash_seed, (uint8_t[]){1, 2, 3}, 3);
        return;
    }
    ring_settings(node, ring);
    for (i = 0; i < sizeof(node->hash_seed); i++)
        node->hash_seed[i] = (uint8_t)rng_next(&sim->rng);
    node->offset_ms = either_way(&sim->rng, ring->clock_offset_ms);
    node->drift_ppm = either_way(&sim->rng, ring->drift_ppm);
}

/* The ring as this node's configuration and files have it. */
static void
ring_config(struct sim_node *node, struct node_ring *out)
{
    const struct sim_ring *ring = node->sim->config.ring;
    struct member_config *member = &out->member;
    struct sim *sim = node->sim;
    uint32_t i, seeds = ring->seeds > 0 ? ring->seeds : sim->config.nodes;

    if (!node->has_id) {
        effect_random(node, node->id.bytes, NODE_ID_BYTES);
        node->has_id = true;
    }
    member->self = node->id;
    member->incarnation = node->life;
    memcpy(member->hash_seed, node->hash_seed, sizeof(node->hash_seed));
    (void)snprintf(member->facts.host, sizeof(member->facts.host), "node%u",
                   node->index);
    member->facts.port = 6379;
    member->facts.bus_port = BUS_PORT;
    (void)snprintf(member->facts.dc, sizeof(member->facts.dc), "dc1");
    (void)snprintf(member->facts.rack, sizeof(member->facts.rack), "rack%u",
                   node->index);
    (void)snprintf(member->facts.version, sizeof(member->facts.version), "1");
    member->facts.weight = 1;
    member->facts.workers = sim->config.workers;
    member->vnodes = ring->vnodes > 0 ? ring->vnodes : 8;
    member->slot_count = sim->config.slots;
    member->replicas.count = ring->replicas;
    for (i = 0; i < seeds; i++) {
        (void)snprintf(member->seeds[i].host, sizeof(member->seeds[i].host),
                       "node%u", i);
        member->seeds[i].port = BUS_PORT;
    }
    member->seed_count = seeds;
    member->node_timeout_ms = 3000;
    member->rng_seed = rng_next(&sim->rng);
    member->saved = buf_bytes(&node->files[NODE_FILE_MEMBERS]);
    (void)snprintf(out->link.name, sizeof(out->link.name), "sim");
    memcpy(out->link.secret, "secret", 6);
    out->link.secret_bytes = 6;
    out->link.self = node->id;
    out->repair_ms = ring->repair_ms;
    if (node->files[NODE_FILE_CEILING].used == sizeof(out->ceiling.bits)) {
        memcpy(&out->ceiling.bits, node->files[NODE_FILE_CEILING].data,
               sizeof(out->ceiling.bits));
    }
}

void
sim_start(struct sim *sim, uint32_t index)
{
    struct sim_node *node = &sim->nodes[index];
    struct node_ring *ring = NULL;
    struct node_config config = {
        .worker_count = sim->config.workers,
        .settings = node->settings,
        .store = {.slot_count = sim->config.slots,
                  .node = sim->net != NULL ? 0 : index + 1,
                  .rng_seed = rng_next(&sim->rng),
                  .is_single = sim->config.workers == 1},
        .effects = {.post = effect_post,
                    .wake = effect_wake,
                    .shutdown = effect_shutdown,
                    .config_rewrite = effect_config_rewrite,
                    .config_changed = effect_config_changed,
                    .bus_connect = effect_bus_connect,
                    .bus_wake = effect_bus_wake,
                    .save = effect_save,
                    .random = effect_random,
                    .log = effect_log,
                    .self = node},
    };
    uint32_t worker;

    ASSERT(node->node == NULL);
    node->life++;
    node->is_lost = false;
    memcpy(config.store.hash_seed, node->hash_seed, sizeof(node->hash_seed));
    if (sim->net != NULL) {
        ring = mem_must_zero(sizeof(*ring));
        ring_config(node, ring);
        config.ring = ring;
    } else {
        node->offset_ms = (int64_t)rng_below(&sim->rng, 1000) - 500;
    }
    config.store.wall_ms = sim_wall_ms(sim, index);
    node->node = node_new(&config);
    mem_free(ring);
    if (node->node == NULL) abort();
    for (worker = 0; worker < sim->config.workers; worker++) {
        node->workers[worker].deadline_ms = 0;
        inside_push(sim, (struct event){.at_ms = sim->now_ms,
                                        .type = EVENT_TICK,
                                        .node = index,
                                        .worker = worker});
    }
}

static void
end(struct sim *sim, uint32_t index, bool silent)
{
    struct sim_node *node = &sim->nodes[index];
    uint32_t i;

    if (node->node == NULL) return;
    sim->turn.is_open = false;
    node->is_crashing = true;
    inside_close_all(sim, index, silent);
    if (sim->net != NULL) net_node_gone(sim, index, silent);
    node_free(node->node);
    node->node = NULL;
    sim->turn.is_open = false;
    node->is_crashing = false;
    for (i = 0; i < WORKERS_MAX; i++)
        node->workers[i].woken_count = 0;
}

void
sim_crash(struct sim *sim, uint32_t index, bool silent)
{
    end(sim, index, silent);
    sim->nodes[index].is_lost = silent;
    sim->nodes[index].paused_until_ms = 0;
}

void
inside_node_deinit(struct sim *sim, uint32_t index)
{
    struct sim_node *node = &sim->nodes[index];
    uint32_t i;

    end(sim, index, true);
    settings_free(node->settings);
    for (i = 0; i < FILES; i++)
        buf_deinit(&node->files[i]);
    for (i = 0; i < WORKERS_MAX; i++)
        mem_free(node->workers[i].woken);
}

bool
sim_is_up(const struct sim *sim, uint32_t index)
{
    return sim->nodes[index].node != NULL;
}

uint64_t
sim_life(const struct sim *sim, uint32_t index)
{
    return sim->nodes[index].life;
}

void
sim_wipe(struct sim *sim, uint32_t index)
{
    struct sim_node *node = &sim->nodes[index];
    uint32_t i;

    ASSERT(node->node == NULL);
    node->has_id = false;
    for (i = 0; i < FILES; i++)
        node->files[i].used = 0;
}

void
sim_copy(struct sim *sim, uint32_t from, uint32_t to)
{
    const struct sim_node *source = &sim->nodes[from];
    struct sim_node *target = &sim->nodes[to];
    uint32_t i;

    ASSERT(target->node == NULL);
    target->id = source->id;
    target->has_id = source->has_id;
    memcpy(target->hash_seed, source->hash_seed, sizeof(target->hash_seed));
    if (target->life < source->life) target->life = source->life;
    for (i = 0; i < FILES; i++) {
        target->files[i].used = 0;
        buf_must_add(&target->files[i], source->files[i].data,
                     source->files[i].used);
    }
}

void
sim_pause(struct sim *sim, uint32_t index, int64_t until_ms)
{
    sim->nodes[index].paused_until_ms = until_ms;
}

bool
sim_is_paused(const struct sim *sim, uint32_t index)
{
    return sim->nodes[index].paused_until_ms > sim->now_ms;
}

void
sim_clock_jump(struct sim *sim, uint32_t index, int64_t by_ms)
{
    sim->nodes[index].offset_ms += by_ms;
}

int64_t
sim_wall_ms(const struct sim *sim, uint32_t index)
{
    const struct sim_node *node = &sim->nodes[index];

    return START_WALL_MS + sim->now_ms + node->offset_ms +
           sim->now_ms * node->drift_ppm / 1000000;
}

/* ---- what is inside ---- */

struct node *
sim_node(struct sim *sim, uint32_t index)
{
    return sim->nodes[index].node;
}

struct store *
sim_store(struct sim *sim, uint32_t index)
{
    return node_shared(sim->nodes[index].node)->store;
}

struct replica *
sim_replica(struct sim *sim, uint32_t index)
{
    struct node *node = sim->nodes[index].node;

    return node->ring != NULL ? node->ring->replica : NULL;
}

struct members *
sim_members(struct sim *sim, uint32_t index)
{
    struct node *node = sim->nodes[index].node;

    return node->ring != NULL ? node->ring->members : NULL;
}
