/*
 * The members as one worker sees them, and how each is dialled.
 *
 * Worker 0 dials every member, and the seeds: its links carry membership and
 * the keeper, and decide who is reachable. The other workers dial members with
 * a number, once this node is not alone; in rings of more than BUS_ALL_PEERS
 * only those that a command was meant for.
 *
 *     due --dial--> link NEW, GREETING --> OPEN --> lost: due after 50 ms,
 *      ^                   |                        doubled up to 1 s
 *      +-------------------+ (time-out, refusal)
 *
 * A seed is an address without an identity. Its link, once open, becomes the
 * link of the member that answered; the seed is dialled again while that
 * member has none (another node may live there by then).
 *
 * Peers are never freed before the worker: ids are few, and links point here.
 */
#include "node/inside.h"

#include "base/memory.h"

#include <stdio.h>
#include <string.h>

/* ---- messages that wait for a link ---- */

void
bus_keep(struct bus_kept *kept, const struct frame *frame)
{
    if (frame->payload.size > BUS_KEPT_MAX) return; /* may be lost */
    kept->type = frame->type;
    kept->request_id = frame->request_id;
    kept->payload.used = 0;
    buf_must_add(&kept->payload, frame->payload.data, frame->payload.size);
}

void
bus_send_kept(struct worker *worker, struct bus_link *link,
              struct bus_kept *kept)
{
    struct frame frame = {.type = kept->type,
                          .request_id = kept->request_id,
                          .payload = buf_bytes(&kept->payload)};

    if (kept->type == 0) return;
    bus_write(worker, link, &frame, false);
    kept->type = 0;
    buf_deinit(&kept->payload);
}

static bool
send_on(struct worker *worker, struct bus_link *link, const struct frame *frame)
{
    if (!bus_is_open(link)) return false;
    bus_write(worker, link, frame, false);
    return true;
}

static bool
send_to_seed(struct worker *worker, uint32_t number, const struct frame *frame)
{
    struct bus *bus = worker->bus;
    struct bus_seed *seed;

    if (number >= bus->seed_count) return false;
    seed = &bus->seeds[number];
    if (seed->is_self) return false;
    if (seed->is_known) {
        struct bus_peer *peer = bus_find(bus, &seed->id);

        if (peer != NULL && send_on(worker, peer->dial.link, frame))
            return true;
    }
    if (!send_on(worker, seed->dial.link, frame))
        bus_keep(&seed->dial.kept, frame);
    return true;
}

bool
bus_send(struct worker *worker, const struct node_id *to, uint32_t seed,
         const struct frame *frame)
{
    struct bus_peer *peer;
    uint32_t i;

    if (to == NULL) return send_to_seed(worker, seed, frame);
    peer = bus_find(worker->bus, to);
    if (peer != NULL && send_on(worker, peer->dial.link, frame)) return true;
    if (peer != NULL && send_on(worker, peer->answered, frame)) return true;
    /* a seed's link, before its member was heard of */
    for (i = 0; i < worker->bus->seed_count; i++) {
        const struct bus_seed *other = &worker->bus->seeds[i];

        if (other->is_known && node_id_equal(&other->id, to) &&
            send_on(worker, other->dial.link, frame)) {
            return true;
        }
    }
    if (worker->index != 0 || peer == NULL || peer->is_gone) return false;
    bus_keep(&peer->dial.kept, frame);
    return true;
}

/* ---- the table ---- */

static uint32_t
place_of(const struct bus *bus, const struct node_id *id)
{
    uint32_t low = 0, high = bus->peer_count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (node_id_compare(&bus->peers[middle]->id, id) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

struct bus_peer *
bus_find(const struct bus *bus, const struct node_id *id)
{
    uint32_t at = place_of(bus, id);

    if (at == bus->peer_count) return NULL;
    return node_id_equal(&bus->peers[at]->id, id) ? bus->peers[at] : NULL;
}

static struct bus_peer *
find_or_add(struct bus *bus, const struct node_id *id)
{
    uint32_t at = place_of(bus, id);
    struct bus_peer *peer;

    if (at < bus->peer_count && node_id_equal(&bus->peers[at]->id, id))
        return bus->peers[at];
    if (bus->peer_count == bus->peer_room) {
        bus->peer_room += 16;
        bus->peers = mem_must_array(bus->peers, bus->peer_room,
                                    sizeof(struct bus_peer *));
    }
    memmove(&bus->peers[at + 1], &bus->peers[at],
            (bus->peer_count - at) * sizeof(struct bus_peer *));
    peer = mem_must_zero(sizeof(*peer));
    peer->id = *id;
    bus->peers[at] = peer;
    bus->peer_count++;
    return peer;
}

/* A link that was open before its member was heard of. */
static void
adopt(struct worker *worker, struct bus_link *link)
{
    struct bus_peer *peer = bus_find(worker->bus, &link->link.peer);
    struct bus_link *other;

    if (peer == NULL) return;
    link->peer = peer;
    if (!link->link.is_caller) {
        peer->answered = link;
        return;
    }
    other = peer->dial.link;
    if (bus_is_open(other)) {
        link->is_surplus = true;
        bus_break(worker, link, "linked already");
        return;
    }
    if (link->seed != NULL) bus_dial_later(worker, &link->seed->dial, true);
    peer->dial.link = link;
    if (other == NULL) return;
    other->is_surplus = true;
    bus_break(worker, other, "linked already");
}

void
bus_announce_all(struct worker *worker)
{
    struct bus_link *link;

    for (link = worker->bus->links; link != NULL; link = link->next) {
        if (!bus_is_open(link) || link->is_lost) continue;
        if (atomic_load(&worker->node->ring->is_twin)) {
            link->is_surplus = true;
            bus_break(worker, link, "another node has this id");
            continue;
        }
        if (!bus_meet(worker, link)) continue;
        if (link->peer == NULL) adopt(worker, link);
        if (link->is_lost) continue;
        bus_announce(worker, link);
        /* its own links stay: it is to hear that it was removed */
        if (link->peer != NULL && link->peer->is_gone && link->link.is_caller)
            bus_break(worker, link, "the ring removed this node");
    }
}

struct news {
    struct node_id id;
    uint32_t number;
    bool is_gone;
};

void
bus_refresh(struct worker *worker)
{
    struct bus *bus = worker->bus;
    const struct members *members = worker->node->ring->members;
    struct member_view view;
    struct news *news;
    uint32_t count, size = 0, i;

    ring_enter(worker, NULL);
    count = members_count(members);
    news = mem_must((count + (size_t)1) * sizeof(*news));
    for (i = 0; i < count; i++) {
        if (!members_at(members, i, &view) || view.is_self) continue;
        news[size++] =
            (struct news){view.id, view.number, view.health == MEMBER_REMOVED};
    }
    ring_leave(worker);
    memset(bus->by_number, 0, sizeof(bus->by_number));
    for (i = 0; i < size; i++) {
        struct bus_peer *peer = find_or_add(bus, &news[i].id);

        peer->number = news[i].number < RING_NUMBERS ? news[i].number : 0;
        peer->is_gone = news[i].is_gone;
        if (peer->number != 0 && !peer->is_gone)
            bus->by_number[peer->number] = peer;
    }
    mem_free(news);
    /* only now, with all numbers as they are: coord/ may ask for any link */
    bus_announce_all(worker);
}

/* ---- dialling ---- */

void
bus_dial_later(struct worker *worker, struct bus_dial *dial, bool was_good)
{
    int64_t backoff_ms = was_good ? 0 : dial->backoff_ms;

    dial->link = NULL;
    if (backoff_ms < BUS_BACKOFF_MS) backoff_ms = BUS_BACKOFF_MS;
    dial->next_ms = worker->env->now_ms + backoff_ms;
    dial->backoff_ms = backoff_ms * 2;
    if (dial->backoff_ms > BUS_BACKOFF_MAX_MS)
        dial->backoff_ms = BUS_BACKOFF_MAX_MS;
    if (dial->next_ms < worker->bus->wake_ms)
        worker->bus->wake_ms = dial->next_ms;
}

static void
dial(struct worker *worker, struct bus_dial *dial, struct bus_link *link,
     const char *host, uint16_t port)
{
    const struct node_effects *effects = &worker->node->effects;

    dial->link = link;
    effects->bus_connect(effects->self, worker->index, &link->link, host, port);
}

static void
format_address(char out[BUS_ADDRESS_MAX], const char *host, uint16_t port)
{
    (void)snprintf(out, BUS_ADDRESS_MAX, "%s:%u", host, (unsigned)port);
}

static void
dial_peer(struct worker *worker, struct bus_peer *peer)
{
    char host[MEMBER_ADDRESS_MAX + 1] = "", address[BUS_ADDRESS_MAX];
    struct member_view view;
    struct bus_link *link;
    uint16_t port = 0;

    ring_enter(worker, NULL);
    if (members_find(worker->node->ring->members, &peer->id, &view) &&
        view.facts != NULL) {
        memcpy(host, view.facts->host, sizeof(host));
        port = view.facts->bus_port;
    }
    ring_leave(worker);
    host[MEMBER_ADDRESS_MAX] = '\0';
    if (host[0] == '\0' || port == 0) {
        bus_dial_later(worker, &peer->dial, false);
        return;
    }
    format_address(address, host, port);
    link = bus_link_new(worker, true, &peer->id, address);
    link->peer = peer;
    dial(worker, &peer->dial, link, host, port);
}

static void
dial_seed(struct worker *worker, uint32_t number)
{
    struct ring *ring = worker->node->ring;
    struct bus_seed *seed = &worker->bus->seeds[number];
    char address[BUS_ADDRESS_MAX];
    struct bus_link *link;

    format_address(address, ring->seeds[number].host, ring->seeds[number].port);
    link = bus_link_new(worker, true, NULL, address);
    link->seed = seed;
    dial(worker, &seed->dial, link, ring->seeds[number].host,
         ring->seeds[number].port);
}

static bool
wants_seed(const struct bus *bus, const struct bus_seed *seed)
{
    const struct bus_peer *peer;

    if (seed->is_self || seed->dial.link != NULL) return false;
    if (!seed->is_known) return true;
    peer = bus_find(bus, &seed->id);
    return peer == NULL || !bus_is_open(peer->dial.link);
}

static bool
wants_peer(const struct worker *worker, const struct bus_peer *peer)
{
    const struct bus *bus = worker->bus;

    if (peer->is_gone || peer->dial.link != NULL) return false;
    if (worker->index == 0) return true;
    if (peer->number == 0 || !bus->is_active) return false;
    return bus->peer_count <= BUS_ALL_PEERS || peer->is_wanted;
}

/* True: now; otherwise the worker wakes for it. */
static bool
is_due(struct worker *worker, const struct bus_dial *dial)
{
    if (dial->next_ms <= worker->env->now_ms) return true;
    if (dial->next_ms < worker->bus->wake_ms)
        worker->bus->wake_ms = dial->next_ms;
    return false;
}

void
bus_dial_due(struct worker *worker)
{
    struct bus *bus = worker->bus;
    uint32_t i;

    if (atomic_load(&worker->node->ring->is_twin)) return;
    for (i = 0; i < bus->seed_count; i++) {
        if (wants_seed(bus, &bus->seeds[i]) &&
            is_due(worker, &bus->seeds[i].dial)) {
            dial_seed(worker, i);
        }
    }
    for (i = 0; i < bus->peer_count; i++) {
        if (wants_peer(worker, bus->peers[i]) &&
            is_due(worker, &bus->peers[i]->dial)) {
            dial_peer(worker, bus->peers[i]);
        }
    }
}

/* ---- life ---- */

struct bus *
bus_new(const struct worker *worker)
{
    const struct ring *ring = worker->node->ring;
    struct bus *bus = mem_must_zero(sizeof(*bus));

    bus->wake_ms = INT64_MAX;
    if (worker->index == 0 && ring->seed_count > 0) {
        bus->seed_count = ring->seed_count;
        bus->seeds = mem_must_zero(bus->seed_count * sizeof(*bus->seeds));
    }
    return bus;
}

void
bus_free(struct worker *worker)
{
    struct bus *bus = worker->bus;
    uint32_t i;

    if (bus == NULL) return;
    while (bus->links != NULL) {
        bus->links->is_surplus = true; /* this node goes, not its peer */
        bus_link_free(worker, bus->links);
    }
    for (i = 0; i < bus->peer_count; i++) {
        buf_deinit(&bus->peers[i]->dial.kept.payload);
        mem_free(bus->peers[i]);
    }
    for (i = 0; i < bus->seed_count; i++)
        buf_deinit(&bus->seeds[i].dial.kept.payload);
    mem_free(bus->peers);
    mem_free(bus->seeds);
    mem_free(bus->due);
    buf_deinit(&bus->scratch);
    mem_free(bus);
    worker->bus = NULL;
}
