/*
 * The links of one worker: opening, frames in, silence, losing.
 *
 *   frame type   16 .. 31   coord/ of this worker
 *                32 .. 47   questions: answered here; answers: the keeper's
 *                48 .. 63   members, under the ring's lock
 *
 * coord/ knows a link from the moment that it is open and its peer has a
 * number (bus_announce) until it is lost. A link is lost when it breaks, for
 * whatever reason; it is freed when the loop says that its connection is gone.
 *
 * A link that breaks, or owes a sign of life for BUS_SILENT_MS, makes its peer
 * unreachable for the whole node at once. Worker 0's own link makes it
 * reachable again, by something that was heard on it since.
 */
#include "node/inside.h"

#include "base/memory.h"
#include "coord/coord.h"
#include "replica/keeper.h"

#include <stdio.h>
#include <string.h>

enum { ACCEPTED_LEAST = 4096, ACCEPTED_PER_MEMBER = 64 };

static struct bus_link *
of_link(struct link *link)
{
    return (struct bus_link *)(void *)link;
}

_Static_assert(offsetof(struct bus_link, link) == 0, "see of_link");

/* ---- life ---- */

static void
copy_address(char to[BUS_ADDRESS_MAX], const char *from)
{
    size_t size = strlen(from);

    if (size >= BUS_ADDRESS_MAX) size = BUS_ADDRESS_MAX - 1;
    memcpy(to, from, size);
    to[size] = '\0';
}

struct bus_link *
bus_link_new(struct worker *worker, bool is_caller,
             const struct node_id *expected, const char *address)
{
    const struct node_effects *effects = &worker->node->effects;
    struct bus *bus = worker->bus;
    struct bus_link *link = mem_must_zero(sizeof(*link));
    uint8_t nonce[LINK_NONCE_BYTES];

    effects->random(effects->self, nonce, sizeof(nonce));
    link_init(&link->link, &worker->node->ring->link, is_caller, expected,
              nonce, worker->env->now_ms);
    link->link.owner = link;
    link->made_ms = worker->env->now_ms;
    copy_address(link->address, address);
    link->next = bus->links;
    if (bus->links != NULL) bus->links->prev = link;
    bus->links = link;
    return link;
}

/* coord/ forgets it; what it does meanwhile is not to be asked of this link. */
static void
unannounce(struct worker *worker, struct bus_link *link)
{
    if (link->number == 0) return;
    link->number = 0;
    coord_link_lost(worker->coord, &link->link);
}

/* Everybody forgets it; the loop still has it. */
static void
lose(struct worker *worker, struct bus_link *link)
{
    bool was_good = link->open_ms > 0 &&
                    worker->env->now_ms - link->open_ms > BUS_BACKOFF_MAX_MS;

    if (link->is_lost) return;
    link->is_lost = true;
    unannounce(worker, link);
    if (link->is_counted) {
        ring_enter(worker, NULL);
        members_unlinked(worker->node->ring->members, &link->link.peer,
                         &link->link.peer_life);
        ring_leave(worker);
    }
    if (link->peer != NULL) {
        if (link->peer->answered == link) link->peer->answered = NULL;
        if (link->peer->dial.link == link)
            bus_dial_later(worker, &link->peer->dial, was_good);
        if (link->open_ms > 0 && !link->is_surplus)
            ring_unreachable(worker, link->peer);
    }
    if (link->seed != NULL && link->seed->dial.link == link)
        bus_dial_later(worker, &link->seed->dial, was_good);
}

void
bus_link_free(struct worker *worker, struct bus_link *link)
{
    struct ring *ring = worker->node->ring;

    lose(worker, link);
    if (link->prev != NULL) link->prev->next = link->next;
    if (link->prev == NULL) worker->bus->links = link->next;
    if (link->next != NULL) link->next->prev = link->prev;
    if (!link->link.is_caller) atomic_fetch_sub(&ring->accepted_count, 1);
    link_deinit(&link->link);
    mem_free(link);
}

/* ---- refusals ---- */

/* A seed is this node itself, as it has proved. */
static void
note_own_seed(struct worker *worker, struct bus_link *link)
{
    struct ring *ring = worker->node->ring;

    if (link->seed == NULL || link->link.was_refused_by_peer) return;
    link->seed->is_self = true;
    ring_enter(worker, NULL);
    members_seed_is_self(ring->members,
                         (uint32_t)(link->seed - worker->bus->seeds));
    ring_leave(worker);
}

static void
be_twin(struct worker *worker, const struct bus_link *link)
{
    ring_enter(worker, NULL);
    members_be_twin(worker->node->ring->members, link->address);
    ring_leave(worker);
}

static void
on_refused(struct worker *worker, struct bus_link *link)
{
    const struct link *base = &link->link;

    if (base->refusal == LINK_REFUSED_SELF &&
        node_life_compare(&base->peer_life, &base->ring->life) == 0) {
        if (base->is_caller) note_own_seed(worker, link);
        return;
    }
    ring_log_refusal(worker->node->ring, link);
    /* whoever has not proved itself may say what it likes */
    if (base->refusal == LINK_REFUSED_TWIN && base->was_refused_by_peer &&
        link->open_ms > 0) {
        be_twin(worker, link);
    }
}

/* After anything that may have broken it or written to it. */
static void
look_at(struct worker *worker, struct bus_link *link)
{
    if (link->link.state == LINK_BROKEN) {
        if (!link->is_lost) {
            if (link->link.refusal != LINK_REFUSED_NONE)
                on_refused(worker, link);
            lose(worker, link);
            bus_wake(worker, &link->link);
        }
    } else if (link_unsent(&link->link) > 0) {
        bus_wake(worker, &link->link);
    }
}

void
bus_break(struct worker *worker, struct bus_link *link, const char *reason)
{
    if (link->link.state != LINK_BROKEN) link_break(&link->link, reason);
    look_at(worker, link);
}

void
bus_wake(struct worker *worker, struct link *link)
{
    const struct node_effects *effects = &worker->node->effects;

    effects->bus_wake(effects->self, worker->index, link);
}

/* ---- writing ---- */

void
bus_write(struct worker *worker, struct bus_link *link,
          const struct frame *frame, bool is_asking)
{
    struct cmd_env *env = worker->env;
    struct frame copy = *frame;
    size_t place = link_begin(&link->link, &copy, env->wall_ms);

    buf_must_add(&link->link.out, frame->payload.data, frame->payload.size);
    link_end(&link->link, place, is_asking, env->now_ms);
    bus_wake(worker, &link->link);
}

struct link *
bus_link_to(struct worker *worker, uint32_t number)
{
    struct bus_peer *peer =
        number < RING_NUMBERS ? worker->bus->by_number[number] : NULL;

    if (peer == NULL) return NULL;
    if (bus_is_open(peer->dial.link) && peer->dial.link->number == number)
        return &peer->dial.link->link;
    if (!peer->is_wanted) {
        peer->is_wanted = true;
        worker->bus->wake_ms = worker->env->now_ms; /* dial in this turn */
    }
    return NULL;
}

/* ---- opening ---- */

static void
refuse_twin(struct worker *worker, struct bus_link *link,
            enum link_refusal refusal)
{
    const struct node_id *id = &link->link.peer;
    char hex[NODE_ID_HEX], reason[LINK_REASON_MAX + 1];
    struct member_view view;
    bool is_known;

    node_id_hex(id, hex);
    ring_enter(worker, NULL);
    is_known = members_find(worker->node->ring->members, id, &view);
    (void)snprintf(reason, sizeof(reason),
                   "%s (a copied data directory?): %s, at %.80s:%u",
                   link_refusal_text(refusal), hex,
                   is_known ? view.facts->host : "?",
                   is_known ? view.facts->bus_port : 0u);
    ring_leave(worker);
    link_refuse(&link->link, refusal, reason, worker->env->wall_ms);
    look_at(worker, link);
}

/* Its peer has this node's own id. */
static void
meet_twin(struct worker *worker, struct bus_link *link)
{
    struct members *members = worker->node->ring->members;
    bool yields;

    link->is_surplus = true;
    ring_enter(worker, NULL);
    yields = members_meet_own(members, &link->link.peer_life, link->address);
    ring_leave(worker);
    if (yields)
        bus_break(worker, link, "another node has this id");
    else
        refuse_twin(worker, link, LINK_REFUSED_SELF);
}

bool
bus_meet(struct worker *worker, struct bus_link *link)
{
    struct ring *ring = worker->node->ring;
    struct cmd_env *env = worker->env;
    enum member_meeting meeting;
    uint64_t ping;

    if (node_id_equal(&link->link.peer, &ring->link.self)) {
        meet_twin(worker, link);
        return false;
    }
    ring_enter(worker, NULL);
    meeting =
        members_meet(ring->members, &link->link.peer, &link->link.peer_life,
                     link->made_ms, env->now_ms, &link->is_counted, &ping);
    ring_leave(worker);
    if (meeting == MEMBER_WELCOME) {
        if (ping == 0) return true;
        link_ping(&link->link, ping, env->now_ms, env->wall_ms);
        bus_wake(worker, &link->link);
        return true;
    }
    /* says nothing of the one that we have dialled there */
    link->is_surplus = link->peer == NULL || link->peer->dial.link != link;
    if (meeting == MEMBER_TWIN)
        refuse_twin(worker, link, LINK_REFUSED_TWIN);
    else
        bus_break(worker, link, "another life of this node is known");
    return false;
}

void
bus_announce(struct worker *worker, struct bus_link *link)
{
    const struct bus_peer *peer = link->peer;
    bool is_one_of_us =
        worker->bus->is_active && peer != NULL && !peer->is_gone;
    uint32_t number = is_one_of_us ? peer->number : 0;

    if (number == link->number) return;
    unannounce(worker, link);
    link->number = number;
    if (number != 0) coord_link_open(worker->coord, &link->link, number);
}

/* A seed has answered. False: its member has a link already. */
static bool
take_seed(struct worker *worker, struct bus_link *link)
{
    struct bus_seed *seed = link->seed;
    struct bus_peer *peer = bus_find(worker->bus, &link->link.peer);
    struct bus_link *other;

    seed->is_known = true;
    seed->id = link->link.peer;
    if (peer == NULL) return true; /* until the members know it */
    other = peer->dial.link;
    bus_dial_later(worker, &seed->dial, true);
    if (bus_is_open(other)) {
        bus_send_kept(worker, other, &seed->dial.kept);
        link->is_surplus = true;
        bus_break(worker, link, "linked already");
        return false;
    }
    peer->dial.link = link;
    link->peer = peer;
    if (other != NULL) {
        other->is_surplus = true;
        bus_break(worker, other, "linked already");
    }
    return true;
}

static void
on_open(void *self, struct link *base)
{
    struct worker *worker = self;
    struct bus_link *link = of_link(base);

    link->open_ms = worker->env->now_ms;
    if (!bus_meet(worker, link)) return;
    if (link->seed != NULL) {
        if (!take_seed(worker, link)) return;
        bus_send_kept(worker, link, &link->seed->dial.kept);
    } else if (!base->is_caller) {
        link->peer = bus_find(worker->bus, &base->peer);
        if (link->peer != NULL) link->peer->answered = link;
    }
    bus_announce(worker, link);
    if (link->peer == NULL || link->peer->number == 0)
        ring_exchange(worker, link, &base->peer);
    if (link->peer != NULL && base->is_caller)
        bus_send_kept(worker, link, &link->peer->dial.kept);
    /* somebody who has dialled us is there: do not wait to dial it */
    if (link->peer != NULL && !base->is_caller &&
        link->peer->dial.link == NULL) {
        link->peer->dial.next_ms = worker->env->now_ms;
        link->peer->dial.backoff_ms = 0;
    }
    worker->bus->wake_ms = worker->env->now_ms;
}

/* ---- frames ---- */

static bool
is_keepers(uint8_t type)
{
    return type == FRAME_PROMISE || type == FRAME_DIGESTS_ANSWER ||
           type == FRAME_RANGE_ANSWER;
}

static void
on_replica_frame(struct worker *worker, struct bus_link *link,
                 const struct frame *frame)
{
    struct ring *ring = worker->node->ring;
    struct cmd_env *env = worker->env;
    struct buf *out = &worker->bus->scratch;
    struct frame answer = {.request_id = frame->request_id};

    if (is_keepers(frame->type)) {
        if (worker->index != 0) return;
        keeper_frame(ring->keeper, link->number, frame, env->now_ms,
                     env->wall_ms);
        ring->keeper_is_due = true;
        return;
    }
    /* Who does not hear us would not hear of the promise either, which would
     * only end the tenure that another took in its place. */
    if (frame->type == FRAME_TENURE &&
        atomic_load(&ring->is_deaf[link->number])) {
        return;
    }
    out->used = 0;
    if (!keeper_answer(ring->replica, link->number, frame, env->wall_ms, out,
                       &answer.type)) {
        link_break(&link->link, "a frame without sense");
        return;
    }
    answer.payload = buf_bytes(out);
    if (answer.type != 0) bus_write(worker, link, &answer, false);
    if (out->room > BUS_KEPT_MAX) buf_deinit(out);
}

static void
on_frame(void *self, struct link *base, const struct frame *frame)
{
    struct worker *worker = self;
    struct bus_link *link = of_link(base);

    if (frame->type >= 48 && frame->type < 64) {
        ring_member_frame(worker, link, frame);
        return;
    }
    if (link->number == 0) {
        /* not one of ours yet, or no more; the link would acknowledge it */
        if (frame->type == FRAME_COPY) link_break(base, "an early copy");
        return;
    }
    if (frame->type >= 16 && frame->type < 32) {
        coord_frame(worker->coord, base, frame);
    } else if (frame->type >= 32 && frame->type < 48) {
        on_replica_frame(worker, link, frame);
    }
}

static void
on_batch(void *self, struct link *base, const struct frame *batch)
{
    struct worker *worker = self;

    if (of_link(base)->number != 0) coord_expect(worker->coord, batch);
}

static void
on_ack(void *self, struct link *base)
{
    struct worker *worker = self;

    if (of_link(base)->number != 0) coord_acked(worker->coord, base);
}

/* ---- events ---- */

struct link *
worker_bus_accept(struct worker *worker, const char *address, bool is_loopback)
{
    struct ring *ring = worker->node->ring;
    uint32_t most;
    struct bus_link *link;

    if (ring == NULL || atomic_load(&ring->is_twin)) return NULL;
    if (ring->link.secret_bytes == 0 && !is_loopback) return NULL;
    most = ACCEPTED_LEAST + ACCEPTED_PER_MEMBER * worker->bus->peer_count;
    if (atomic_fetch_add(&ring->accepted_count, 1) >= most) {
        atomic_fetch_sub(&ring->accepted_count, 1);
        return NULL;
    }
    link = bus_link_new(worker, false, NULL, address);
    return &link->link;
}

void
worker_bus_connected(struct worker *worker, struct link *link)
{
    if (link->state != LINK_BROKEN)
        link_start(link, worker->env->now_ms, worker->env->wall_ms);
    look_at(worker, of_link(link));
}

/* The PONG that members have asked for. */
static void
note_pong(struct worker *worker, struct bus_link *link)
{
    struct link *base = &link->link;

    if (!(base->ponged_id & LINK_PING_OWN)) return;
    ring_enter(worker, NULL);
    members_shown(worker->node->ring->members, &base->peer, &base->peer_life,
                  base->ponged_id);
    ring_leave(worker);
    base->ponged_id = 0;
}

/* What is heard on worker 0's own link ends the doubt that another raised. */
static void
note_heard(struct worker *worker, const struct bus_link *link)
{
    struct bus_peer *peer = link->peer;

    if (peer == NULL || peer->is_up || peer->dial.link != link) return;
    peer->is_doubted = false;
    worker->bus->wake_ms = worker->env->now_ms; /* to be judged at once */
}

void
worker_bus_input(struct worker *worker, struct link *link, struct bytes bytes)
{
    struct link_events events = {on_open, on_frame, on_batch, on_ack, worker};
    struct cmd_env *env = worker->env;
    uint64_t signs = link->signs;

    link_input(link, &events, bytes, env->now_ms, env->wall_ms);
    note_pong(worker, of_link(link));
    look_at(worker, of_link(link));
    if (worker->index == 0 && link->signs != signs)
        note_heard(worker, of_link(link));
}

void
worker_bus_closed(struct worker *worker, struct link *link)
{
    bus_link_free(worker, of_link(link));
}

/* ---- time ---- */

/* Worker 0: its own link to this peer says how things are. Before anything
 * about keys is said over a new link, each side hears what the other thinks of
 * it: who was taken for DOWN may have been forgotten (replica/round.c). */
static void
judge(struct worker *worker, struct bus_peer *peer)
{
    const struct replica *replica = worker->node->ring->replica;
    struct bus_link *link = peer->dial.link;
    bool is_set;

    if (peer->number == 0) return;
    is_set = (replica_health(replica, peer->number) & PEER_REACHABLE) != 0;
    if (!is_set && peer->is_up) { /* another link spoke: ask this one */
        peer->is_up = false;
        peer->is_doubted = true;
        if (bus_is_open(link)) {
            struct frame ping = {.type = FRAME_PING};

            bus_write(worker, link, &ping, true);
        }
    }
    if (is_set || peer->is_gone || !bus_is_open(link) || link->number == 0 ||
        link->is_silent) {
        return;
    }
    if (peer->is_doubted) return;
    if ((replica_health(replica, peer->number) & PEER_DOWN) ||
        peer->gossip_ms < link->open_ms) {
        ring_exchange(worker, link, &peer->id);
        return;
    }
    peer->is_up = true;
    ring_reachable(worker, peer);
}

static void
check_silence(struct worker *worker, struct bus_link *link)
{
    int64_t silent_ms = link_silence_ms(&link->link, worker->env->now_ms);

    if (silent_ms < BUS_SILENT_MS) {
        int64_t then_ms = worker->env->now_ms + BUS_SILENT_MS - silent_ms;

        link->is_silent = false;
        if (silent_ms > 0 && then_ms < worker->bus->wake_ms)
            worker->bus->wake_ms = then_ms;
        return;
    }
    if (!link->is_silent && link->peer != NULL) {
        if (link->number != 0)
            atomic_store(&worker->node->ring->is_deaf[link->number], true);
        ring_unreachable(worker, link->peer);
    }
    link->is_silent = true;
    if (silent_ms >= BUS_DEAD_MS) bus_break(worker, link, "silent");
}

/* A connection that is not made for that long is given up: the first attempts
 * of a kernel are a second apart, and then ever more. */
static void
check_dial(struct worker *worker, struct bus_link *link)
{
    int64_t until_ms = link->link.opened_ms + BUS_DIAL_MS;

    if (!link->link.is_caller) return;
    if (worker->env->now_ms >= until_ms) {
        bus_break(worker, link, "no connection");
    } else if (until_ms < worker->bus->wake_ms) {
        worker->bus->wake_ms = until_ms;
    }
}

void
bus_check(struct worker *worker)
{
    struct bus *bus = worker->bus;
    int64_t now_ms = worker->env->now_ms, since_ms = now_ms - bus->checked_ms;
    bool was_stalled = bus->checked_ms > 0 && since_ms > BUS_STALL_MS;
    struct bus_link *link;
    uint32_t i;

    if (since_ms < BUS_CHECK_MS && now_ms < bus->wake_ms) return;
    bus->checked_ms = now_ms;
    bus->wake_ms = INT64_MAX;
    for (link = bus->links; link != NULL; link = link->next) {
        switch (link->link.state) {
        case LINK_NEW: check_dial(worker, link); break;
        case LINK_OPEN:
            if (!was_stalled) check_silence(worker, link);
            break;
        case LINK_GREETING:
        case LINK_BROKEN: break;
        }
    }
    if (worker->index == 0) {
        for (i = 0; i < bus->peer_count; i++)
            judge(worker, bus->peers[i]);
    }
    bus_dial_due(worker);
}

void
bus_tick(struct worker *worker)
{
    struct cmd_env *env = worker->env;
    struct bus_link *link;

    for (link = worker->bus->links; link != NULL; link = link->next) {
        if (link->link.state == LINK_BROKEN) continue;
        link_tick(&link->link, env->now_ms, env->wall_ms);
        look_at(worker, link);
    }
}

void
bus_turn_end(struct worker *worker)
{
    struct cmd_env *env = worker->env;
    struct bus_link *link;

    for (link = worker->bus->links; link != NULL; link = link->next) {
        /* broken by coord/ since the last look? */
        if (link->link.state == LINK_BROKEN && !link->is_lost)
            look_at(worker, link);
        if (link->link.state != LINK_OPEN ||
            link->link.copies_taken == link->link.acks_sent) {
            continue;
        }
        link_turn(&link->link, env->now_ms, env->wall_ms);
        look_at(worker, link);
    }
}
