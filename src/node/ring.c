/*
 * What the workers of one node share of the ring: members, map, health, the
 * keeper, the ceiling.
 *
 * members are stepped by any worker under one lock; what they send goes over
 * the links of the worker that runs the step, or by letter to worker 0. That
 * they changed is a flag; worker 0 draws the consequences at the end of its
 * turn (settle.c). The others see `epoch` and `roster` rise and look again.
 */
#include "node/inside.h"

#include "base/hash.h"
#include "base/memory.h"
#include "coord/coord.h"
#include "replica/keeper.h"

#include <stdio.h>
#include <string.h>

/* ---- a step of members ---- */

void
ring_enter(struct worker *worker, struct bus_link *answering)
{
    struct ring *ring = worker->node->ring;

    lock_take(&ring->lock);
    ring->running = worker;
    ring->answering = answering;
}

/* A ring of one that has a key does not give itself up. Under the lock, before
 * whatever may lead to that. */
static void
note_first_write(struct ring *ring)
{
    if (ring->has_wrote || !atomic_load(&ring->replica->is_alone)) return;
    if (upkeep_key_count(ring) == 0) return;
    ring->has_wrote = true;
    members_wrote(ring->members);
}

void
ring_member_frame(struct worker *worker, struct bus_link *link,
                  const struct frame *frame)
{
    struct ring *ring = worker->node->ring;

    if (link->peer != NULL &&
        (frame->type == FRAME_GOSSIP || frame->type == FRAME_GOSSIP_ANSWER)) {
        link->peer->gossip_ms = worker->env->now_ms;
        if (!link->peer->is_up) worker->bus->wake_ms = worker->env->now_ms;
    }
    ring_enter(worker, link);
    note_first_write(ring);
    members_frame(ring->members, &link->link.peer, frame, worker->env->now_ms,
                  worker->env->wall_ms);
    ring_leave(worker);
}

void
ring_exchange(struct worker *worker, struct bus_link *link,
              const struct node_id *with)
{
    ring_enter(worker, link);
    members_exchange(worker->node->ring->members, with, worker->env->now_ms,
                     worker->env->wall_ms);
    ring_leave(worker);
}

/* Worker 0 has something to do now. */
static void
rouse(struct worker *worker, uint32_t to)
{
    struct worker *other = &worker->node->workers[to];
    struct message *message;

    if (other == worker || atomic_exchange(&other->is_roused, true)) return;
    message = mem_must_zero(sizeof(*message));
    message->kind = MESSAGE_ROUSE;
    message->origin = worker->index;
    inside_post(worker, to, message);
}

void
ring_rouse_all(struct worker *worker)
{
    uint32_t i;

    for (i = 0; i < worker->node->worker_count; i++)
        rouse(worker, i);
}

void
ring_leave(struct worker *worker)
{
    struct ring *ring = worker->node->ring;
    bool is_work = ring->letters != NULL || atomic_load(&ring->is_changed);

    ring->running = NULL;
    ring->answering = NULL;
    lock_drop(&ring->lock);
    if (is_work && worker->index != 0) rouse(worker, 0);
}

static void
write_letter(struct ring *ring, const struct node_id *to,
             const struct frame *frame)
{
    struct ring_letter *letter;

    if (ring->letter_count == RING_LETTERS_MAX) return; /* may be lost */
    letter = mem_must_zero(sizeof(*letter));
    letter->to = *to;
    bus_keep(&letter->kept, frame);
    if (ring->last_letter != NULL) ring->last_letter->next = letter;
    if (ring->last_letter == NULL) ring->letters = letter;
    ring->last_letter = letter;
    ring->letter_count++;
}

static void
letter_free(struct ring_letter *letter)
{
    buf_deinit(&letter->kept.payload);
    mem_free(letter);
}

static void
send_letters(struct worker *worker)
{
    struct ring *ring = worker->node->ring;
    struct ring_letter *letter;

    ring_enter(worker, NULL);
    letter = ring->letters;
    ring->letters = ring->last_letter = NULL;
    ring->letter_count = 0;
    ring_leave(worker);
    while (letter != NULL) {
        struct ring_letter *next = letter->next;
        struct frame frame = {.type = letter->kept.type,
                              .request_id = letter->kept.request_id,
                              .payload = buf_bytes(&letter->kept.payload)};

        if (frame.type != 0) (void)bus_send(worker, &letter->to, 0, &frame);
        letter_free(letter);
        letter = next;
    }
}

static void
member_send(void *self, const struct node_id *to, uint32_t seed,
            const struct frame *frame)
{
    struct ring *ring = self;
    struct worker *worker = ring->running;
    struct bus_link *link = ring->answering;

    if (worker == NULL) return; /* while members_new runs */
    if (to != NULL && bus_is_open(link) &&
        node_id_equal(&link->link.peer, to)) {
        bus_write(worker, link, frame, false);
        return;
    }
    if (bus_send(worker, to, seed, frame) || worker->index == 0) return;
    if (to != NULL) write_letter(ring, to, frame);
}

static void
member_changed(void *self)
{
    struct ring *ring = self;

    atomic_store(&ring->is_changed, true);
}

static void
member_save(void *self, struct bytes bytes)
{
    const struct node_effects *effects = &((struct ring *)self)->node->effects;

    effects->save(effects->self, NODE_FILE_MEMBERS, bytes);
}

static void
member_log(void *self, const char *line)
{
    ring_log(self, line);
}

void
ring_log(struct ring *ring, const char *line)
{
    const struct node_effects *effects = &ring->node->effects;

    effects->log(effects->self, line);
}

void
ring_log_refusal(struct ring *ring, const struct bus_link *link)
{
    const char *colon = strrchr(link->address, ':');
    size_t size =
        link->link.is_caller || colon == NULL /* with the port that it chose */
            ? strlen(link->address)
            : (size_t)(colon - link->address);
    uint64_t mark = hash_mix(hash_plain(bytes_of(link->address, size)),
                             (uint64_t)link->link.refusal * 2 +
                                 link->link.was_refused_by_peer);
    const char *text = link_refusal_text(link->link.refusal);
    /* most reasons begin with that, or are nothing else */
    bool has_text = strncmp(link->link.reason, text, strlen(text)) == 0;
    char line[BUS_ADDRESS_MAX + LINK_REASON_MAX + 128];
    bool is_known = false;
    uint32_t i;

    lock_take(&ring->lock);
    for (i = 0; i < RING_LOGGED_MAX; i++)
        is_known = is_known || ring->logged[i] == mark;
    if (!is_known) {
        ring->logged[ring->logged_at] = mark;
        ring->logged_at = (ring->logged_at + 1) % RING_LOGGED_MAX;
    }
    lock_drop(&ring->lock);
    if (is_known) return;
    (void)snprintf(line, sizeof(line), "bus: %s %s %s: %s%s%s",
                   link->link.was_refused_by_peer ? "refused by" : "refused",
                   link->link.is_caller             ? "the node at"
                   : link->link.was_refused_by_peer ? "the caller from"
                                                    : "a connection from",
                   link->address, has_text ? "" : text,
                   has_text || link->link.reason[0] == '\0' ? "" : ": ",
                   link->link.reason);
    ring_log(ring, line);
}

/* ---- reachability ---- */

void
ring_raise(struct worker *worker)
{
    atomic_fetch_add(&worker->node->ring->epoch, 1);
    ring_rouse_all(worker);
}

static void
tell_reached(struct worker *worker, const struct bus_peer *peer, bool is_there)
{
    ring_enter(worker, NULL);
    members_reached(worker->node->ring->members, &peer->id, is_there,
                    worker->env->now_ms);
    ring_leave(worker);
}

void
ring_unreachable(struct worker *worker, struct bus_peer *peer)
{
    struct replica *replica = worker->node->ring->replica;
    uint8_t before;

    if (peer->number == 0) return;
    before = atomic_fetch_and(&replica->health[peer->number],
                              (uint8_t)~PEER_REACHABLE);
    if (!(before & PEER_REACHABLE)) return;
    atomic_fetch_add(&replica->wanted, 1);
    tell_reached(worker, peer, false);
    ring_raise(worker);
}

void
ring_reachable(struct worker *worker, struct bus_peer *peer)
{
    struct replica *replica = worker->node->ring->replica;

    atomic_store(&worker->node->ring->is_deaf[peer->number], false);
    atomic_fetch_or(&replica->health[peer->number], PEER_REACHABLE);
    atomic_fetch_add(&replica->wanted, 1);
    tell_reached(worker, peer, true);
    ring_raise(worker);
}

void
ring_tick(struct worker *worker)
{
    struct ring *ring = worker->node->ring;
    struct cmd_env *env = worker->env;

    bus_tick(worker);
    coord_set_timeout(worker->coord,
                      upkeep_setting(ring, "quorum-timeout-ms", 1000));
    if (worker->index != 0) return;
    ring_enter(worker, NULL);
    note_first_write(ring);
    members_tick(ring->members, env->now_ms, env->wall_ms);
    ring_leave(worker);
    upkeep_tick(worker);
}

/* ---- turns ---- */

/* What others have raised since the last turn. */
static void
catch_up(struct worker *worker)
{
    struct ring *ring = worker->node->ring;
    struct bus *bus = worker->bus;
    uint32_t roster = atomic_load(&ring->roster);
    uint32_t epoch = atomic_load(&ring->epoch);

    if (bus->roster != roster) {
        bus->roster = roster;
        bus_refresh(worker);
        bus->wake_ms = worker->env->now_ms;
    }
    if (!bus->is_active && atomic_load(&ring->is_active)) {
        bus->is_active = true;
        coord_set_active(worker->coord, true);
        atomic_fetch_add(&ring->active_count, 1);
        bus_announce_all(worker);
        bus->wake_ms = worker->env->now_ms;
    }
    if (bus->epoch == epoch) return;
    bus->epoch = epoch;
    /* worker 0: somebody is to be asked whether it is there */
    bus->wake_ms = worker->env->now_ms;
    coord_changed(worker->coord);
}

static void
resume_due(struct worker *worker)
{
    struct bus *bus = worker->bus;
    uint32_t i;

    for (i = 0; i < bus->due_count; i++) {
        session_resume(bus->due[i], worker->env);
        inside_wake(worker, bus->due[i]);
    }
    bus->due_count = 0;
}

void
ring_turn_end(struct worker *worker)
{
    struct ring *ring = worker->node->ring;

    if (worker->index == 0) {
        ring_settle(worker);
        if (ring->retired != NULL || atomic_load(&ring->has_old_prefixes))
            ring_free_retired(ring);
    }
    bus_check(worker);
    catch_up(worker);
    if (worker->index == 0) {
        ring_tell_keeper(worker);
        upkeep_keeper(worker);
        evict_ship(worker);
        send_letters(worker);
        ring_settle(worker); /* what the keeper published */
        catch_up(worker);
    }
    coord_turn(worker->coord);
    if (coord_has_freed(worker->coord) && worker->node->worker_count > 1)
        ring_raise(worker);
    if (worker->index != 0 && evict_is_waiting(ring)) rouse(worker, 0);
    if (worker->index != 0 &&
        worker->bus->wanted != atomic_load(&ring->replica->wanted)) {
        worker->bus->wanted = atomic_load(&ring->replica->wanted);
        rouse(worker, 0);
    }
    bus_turn_end(worker);
    resume_due(worker);
    upkeep_ceiling(worker);
}

int64_t
ring_deadline_ms(const struct worker *worker)
{
    const struct ring *ring = worker->node->ring;
    const struct bus *bus = worker->bus;
    int64_t now_ms = worker->env->now_ms;
    int64_t deadline_ms = coord_deadline_ms(worker->coord);

    if (bus->wake_ms < deadline_ms) deadline_ms = bus->wake_ms;
    if (bus->due_count > 0) deadline_ms = now_ms;
    if (worker->index != 0) return deadline_ms;
    if (atomic_load(&ring->is_active) && replica_map(ring->replica) != NULL) {
        int64_t keeper_ms = keeper_deadline_ms(ring->keeper);

        if (keeper_ms < deadline_ms) deadline_ms = keeper_ms;
    }
    /* the other workers are roused, and are to take one turn */
    if (ring->is_stale && now_ms + 1 < deadline_ms) deadline_ms = now_ms + 1;
    return deadline_ms;
}

void
ring_session_closed(struct worker *worker, const struct session *session)
{
    struct bus *bus = worker->bus;
    uint32_t kept = 0, i;

    for (i = 0; i < bus->due_count; i++) {
        if (bus->due[i] != session) bus->due[kept++] = bus->due[i];
    }
    bus->due_count = kept;
}

/* ---- coord's effects ---- */

static struct link *
coord_link(void *self, uint32_t number)
{
    return bus_link_to(self, number);
}

static void
coord_wake(void *self, struct link *link)
{
    bus_wake(self, link);
}

static void
coord_finished(void *self, struct client *client)
{
    struct worker *worker = self;
    struct bus *bus = worker->bus;
    /* the client is the first member of its session */
    struct session *session = (struct session *)(void *)client;

    if (bus->due_count > 0 && bus->due[bus->due_count - 1] == session) return;
    if (bus->due_count == bus->due_room) {
        bus->due_room += 64;
        bus->due =
            mem_must_array(bus->due, bus->due_room, sizeof(struct session *));
    }
    bus->due[bus->due_count++] = session;
}

static void
coord_exchange(void *self, uint32_t number)
{
    struct worker *worker = self;
    const struct bus_peer *peer =
        number < RING_NUMBERS ? worker->bus->by_number[number] : NULL;

    if (peer != NULL) ring_exchange(worker, NULL, &peer->id);
}

/* Nobody talks to this node about keys before it has heard this. */
static void
member_was_down(void *self)
{
    struct ring *ring = self;
    struct member_view view;

    if (atomic_load(&ring->replica->is_alone)) return;
    replica_doubt_all(ring->replica);
    if (members_find(ring->members, &ring->link.self, &view) &&
        view.facts->phase == MEMBER_NORMAL)
        members_set_phase(ring->members, MEMBER_RETURNING);
}

/* ---- life ---- */

static void
start_members(struct ring *ring, const struct node_config *node_config)
{
    const struct member_config *config = &node_config->ring->member;
    struct member_effects effects = {member_send, member_changed,  member_save,
                                     member_log,  member_was_down, ring};
    uint32_t i;

    ring->seed_count = config->seed_count;
    for (i = 0; i < config->seed_count; i++) {
        memcpy(ring->seeds[i].host, config->seeds[i].host,
               sizeof(ring->seeds[i].host));
        ring->seeds[i].port = config->seeds[i].port;
    }
    ring->replicas = config->replicas;
    ring->members = members_new(config, &effects, node_config->ring->now_ms,
                                node_config->store.wall_ms);
    ring->link.life = members_life(ring->members);
}

struct ring *
ring_new(struct node *node, const struct node_config *config)
{
    const struct node_ring *from = config->ring;
    struct ring *ring = mem_must_zero(sizeof(*ring));

    ASSERT(from->member.seed_count <= MEMBER_SEEDS_MAX);
    ring->node = node;
    ring->link = from->link;
    ring->evictions = evict_new();
    memcpy(ring->hash_seed, config->store.hash_seed, sizeof(ring->hash_seed));
    ring->replica = replica_new(&(struct replica_config){
        .store = node->shared.store,
        .slot_count = config->store.slot_count,
        .ceiling = from->ceiling,
    });
    ring->replica->self = config->store.node;
    upkeep_start(ring, config);
    atomic_store(&node->shared.is_loading, true);
    ring->is_stale = true;
    start_members(ring, config);
    return ring;
}

void
ring_begin(struct node *node)
{
    uint32_t i;

    for (i = 0; i < node->worker_count; i++) {
        struct worker *worker = &node->workers[i];
        struct coord_config config = {
            .replica = node->ring->replica,
            .env = worker->env,
            .effects = {coord_link, coord_wake, coord_finished, coord_exchange,
                        worker},
        };

        worker->bus = bus_new(worker);
        worker->coord = coord_new(&config);
        coord_set_timeout(
            worker->coord,
            upkeep_setting(node->ring, "quorum-timeout-ms", 1000));
    }
}

static void
free_retired(struct ring_retired *retired)
{
    while (retired != NULL) {
        struct ring_retired *next = retired->next;

        ring_map_free(retired->map);
        mem_free(retired->prefixes);
        mem_free(retired);
        retired = next;
    }
}

void
ring_free(struct ring *ring)
{
    if (ring == NULL) return;
    evict_free(ring->evictions);
    keeper_free(ring->keeper);
    members_free(ring->members);
    while (ring->letters != NULL) {
        struct ring_letter *next = ring->letters->next;

        letter_free(ring->letters);
        ring->letters = next;
    }
    free_retired(ring->retired);
    free_retired(ring->old_prefixes);
    buf_deinit(&ring->agreed_text);
    mem_free(atomic_exchange(&ring->node->shared.prefixes, NULL));
    ring_map_free(atomic_load(&ring->replica->map));
    replica_free(ring->replica);
    mem_free(ring);
}
