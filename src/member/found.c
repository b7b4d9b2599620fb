/*
 * How a ring begins, and how a node without one finds it.
 *
 * A node without a ring asks its seeds. A numbered member answers with the
 * ring's secret and everybody's facts: that ring is taken over. A node without
 * a ring answers whom it has heard. A ring is founded by the node that
 *
 *   - is somebody's seed (its own included), and
 *   - knows of no other such node with a lower id, and
 *   - has heard all its seeds but itself twice over, all without a ring; or
 *     after node-timeout-ms, is among its own seeds, and has heard so many that
 *     with itself they are more than half of all its seeds.
 *
 * Two groups that don't hear each other can't both have more than half of one
 * list of seeds, and a node that has heard all has missed nobody; so two rings
 * of one name need two lists of seeds that don't overlap, or a seed that lost
 * its data. A ring of one that never acknowledged a write then gives itself up
 * to another ring; of two such, the one with the larger founding id. Others
 * are never merged: it is logged, once.
 */
#include "base/hash.h"
#include "member/inside.h"

enum {
    ASK_MS = 200,
    ASK_SLOWLY_MS = 1000,
    ASK_FAST_FOR_MS = 5000,
    ANSWER_MS = 2500, /* how long an answer of a seed says something */
    HEARSAY_MS = 4000,
    LOG_MS = 10000,
    COMPLETE_MS = 450, /* two rounds of questions */
};

static bool
is_seed_self(const struct members *members)
{
    uint32_t i;

    for (i = 0; i < members->seed_count; i++)
        if (members->seeds[i].is_self) return true;
    return false;
}

static bool
is_alive(const struct members *members, const struct seed *seed)
{
    return seed->answered_ms != 0 &&
           members->now_ms - seed->answered_ms < ANSWER_MS;
}

static bool
is_complete(const struct members *members)
{
    uint32_t i;

    for (i = 0; i < members->seed_count; i++)
        if (!members->seeds[i].is_self &&
            (!is_alive(members, &members->seeds[i]) ||
             !members->seeds[i].was_fresh))
            return false;
    return true;
}

uint8_t
found_flags(const struct members *members)
{
    uint32_t flags = 0;

    if (node_id_is_zero(&members->ring)) {
        flags |= HEAD_FRESH;
        if (is_complete(members)) flags |= HEAD_COMPLETE;
        if (members->founding.is_asked_seed || is_seed_self(members))
            flags |= HEAD_IS_SEED;
    } else {
        if (members_is_alone(members)) flags |= HEAD_ALONE;
        if (members->has_written) flags |= HEAD_WROTE;
    }
    return (uint8_t)flags;
}

/* ---- who is heard ---- */

static void
note_fresh(struct members *members, const struct node_id *id, bool is_seed,
           bool is_direct)
{
    struct founding *founding = &members->founding;
    struct fresh_peer *place = NULL;
    uint32_t i;

    if (node_id_equal(id, &members->self->id)) return;
    for (i = 0; i < founding->peer_count; i++) {
        struct fresh_peer *peer = &founding->peers[i];

        if (node_id_equal(&peer->id, id)) {
            place = peer;
            break;
        }
        if (members->now_ms - peer->heard_ms > HEARSAY_MS) place = peer;
    }
    if (place == NULL) {
        if (founding->peer_count == FRESH_MAX) return;
        place = &founding->peers[founding->peer_count++];
        *place = (struct fresh_peer){.id = *id};
    } else if (!node_id_equal(&place->id, id)) {
        *place = (struct fresh_peer){.id = *id};
    }
    place->is_seed = place->is_seed || is_seed;
    /* what is heard of stays hearsay until it speaks itself */
    if (is_direct || !place->is_direct ||
        members->now_ms - place->heard_ms > ANSWER_MS) {
        place->is_direct = is_direct;
        place->heard_ms = members->now_ms;
    }
}

void
found_head(struct members *members, const struct node_id *from,
           const struct frame *frame, const struct head *head)
{
    uint32_t seed;

    if (head->flags & HEAD_FRESH)
        note_fresh(members, from, head->flags & HEAD_IS_SEED, true);
    if (frame->type == FRAME_GOSSIP) {
        if ((head->flags & HEAD_AS_SEED) && (head->flags & HEAD_FRESH))
            members->founding.is_asked_seed = true;
        return;
    }
    if (frame->type != FRAME_GOSSIP_ANSWER || frame->request_id == 0 ||
        frame->request_id > members->seed_count)
        return;
    seed = (uint32_t)frame->request_id - 1;
    members->seeds[seed].has_id = true;
    members->seeds[seed].id = *from;
    members->seeds[seed].was_fresh = head->flags & HEAD_FRESH;
    members->seeds[seed].was_complete = head->flags & HEAD_COMPLETE;
    members->seeds[seed].answered_ms = members->now_ms;
}

bool
found_fresh_list(struct members *members, struct bytes body)
{
    struct wire_reader reader = wire_reader(body);

    if (body.size > FRESH_MAX * (NODE_ID_BYTES + 1u)) return false;
    while (!reader.is_bad && reader.at < reader.end) {
        struct node_id id = codec_take_id(&reader);
        bool is_seed = wire_u8(&reader) != 0;

        if (!reader.is_bad && !node_id_is_zero(&id))
            note_fresh(members, &id, is_seed, false);
    }
    return !reader.is_bad;
}

/* ---- founding ---- */

static bool
is_lowest(const struct members *members)
{
    const struct founding *founding = &members->founding;
    uint32_t i;

    for (i = 0; i < founding->peer_count; i++) {
        const struct fresh_peer *peer = &founding->peers[i];

        if (peer->is_seed && members->now_ms - peer->heard_ms < HEARSAY_MS &&
            node_id_compare(&peer->id, &members->self->id) < 0)
            return false;
    }
    return true;
}

/* Seeds that answered with one id are one. */
static bool
is_repeated(const struct members *members, uint32_t seed)
{
    uint32_t i;

    for (i = 0; i < seed; i++)
        if (members->seeds[i].has_id && members->seeds[seed].has_id &&
            node_id_equal(&members->seeds[i].id, &members->seeds[seed].id))
            return true;
    return false;
}

static bool
has_most_seeds(const struct members *members)
{
    uint32_t all = 1, heard = 1, i; /* itself */

    if (!is_seed_self(members)) return false;
    for (i = 0; i < members->seed_count; i++) {
        if (members->seeds[i].is_self || is_repeated(members, i)) continue;
        all++;
        if (is_alive(members, &members->seeds[i]) &&
            members->seeds[i].was_fresh)
            heard++;
    }
    return heard * 2 > all;
}

static bool
may_found(struct members *members)
{
    struct founding *founding = &members->founding;
    uint32_t i, others = 0;

    for (i = 0; i < members->seed_count; i++)
        if (!members->seeds[i].is_self) others++;
    if (others == 0) return true;
    if (!is_complete(members))
        founding->complete_ms = 0;
    else if (founding->complete_ms == 0)
        founding->complete_ms = members->now_ms;
    if (!founding->is_asked_seed && !is_seed_self(members)) return false;
    if (!is_lowest(members)) return false;
    if (founding->complete_ms != 0 &&
        members->now_ms - founding->complete_ms >= COMPLETE_MS)
        return true;
    return members->now_ms - founding->started_ms >= members->timeout_ms &&
           has_most_seeds(members);
}

static void
make_ring_id(struct members *members)
{
    uint8_t bytes[NODE_ID_BYTES + 8 + 1];
    uint32_t half, i;

    memcpy(bytes, members->self->id.bytes, NODE_ID_BYTES);
    for (i = 0; i < 8; i++)
        bytes[NODE_ID_BYTES + i] =
            (uint8_t)(members->self->incarnation >> (8 * i));
    for (half = 0; half < 2; half++) {
        uint64_t hash;

        bytes[NODE_ID_BYTES + 8] = (uint8_t)half;
        hash = hash_plain(bytes_of(bytes, sizeof(bytes)));
        for (i = 0; i < 8; i++)
            members->ring.bytes[8 * half + i] = (uint8_t)(hash >> (8 * i));
    }
    members->ring.bytes[0] |= 1; /* never nobody's */
}

static void
found(struct members *members)
{
    char hex[NODE_ID_HEX];

    make_ring_id(members);
    members->is_founder = true;
    rows_set_number(members, members->self, 1);
    members_make_tokens(members);
    members->self->facts.phase = MEMBER_NORMAL;
    members_own_changed(members);
    members_judge(members);
    saved_write(members);
    node_id_hex(&members->ring, hex);
    members_log(members, "members: founded ring %s; this node is number 1",
                hex);
}

static void
log_waiting(struct members *members)
{
    uint32_t i, answering = 0, others = 0;

    /* at the start there is nothing to complain of yet */
    if (members->founding.next_log_ms != 0) {
        for (i = 0; i < members->seed_count; i++) {
            if (members->seeds[i].is_self) continue;
            others++;
            if (is_alive(members, &members->seeds[i])) answering++;
        }
        members_log(members,
                    "members: no ring yet: %u of %u seeds answer, none of "
                    "them is in a ring; this node founds none by itself",
                    answering, others);
    }
    members->founding.next_log_ms = members->now_ms + LOG_MS;
}

void
found_tick(struct members *members)
{
    struct founding *founding = &members->founding;
    uint32_t i;

    if (may_found(members)) {
        found(members);
        return;
    }
    if (members->now_ms >= founding->next_log_ms) log_waiting(members);
    if (members->now_ms < founding->next_ask_ms) return;
    founding->next_ask_ms =
        members->now_ms +
        (members->now_ms - founding->started_ms < ASK_FAST_FOR_MS
             ? ASK_MS
             : ASK_SLOWLY_MS);
    for (i = 0; i < members->seed_count; i++)
        if (!members->seeds[i].is_self) exchange_seed(members, i);
}

void
found_adopt(struct members *members, const struct head *head,
            const uint8_t secret[32])
{
    char hex[NODE_ID_HEX];

    members->ring = head->ring;
    memcpy(members->hash_seed, secret, 32);
    members->is_founder = false;
    members->has_written = false;
    members->has_load = false;
    members->claim = (struct claim){.round = rng_next(&members->rng) >> 1};
    saved_write(members);
    node_id_hex(&members->ring, hex);
    members_log(members, "members: joins ring %s", hex);
    members->is_changed = true;
}

/* Forgets the ring of one that this node made. */
static void
give_up_ring(struct members *members)
{
    rows_clear_others(members);
    memset(&members->ring, 0, sizeof(members->ring));
    facts_deinit(&members->self->facts);
    members->self->facts.phase = MEMBER_FRESH;
    members->self->version++;
    members->is_founder = members->has_exchanged = false;
    members->promise_count = 0;
    members->pending_ms = 0;
    memset(&members->founding, 0, sizeof(members->founding));
    members->founding.started_ms = members->now_ms;
    members->settings_version = 0;
    members->settings.used = 0;
    members->is_changed = true;
    members_judge(members);
    saved_write(members);
}

void
found_foreign(struct members *members, const struct node_id *from,
              const struct head *head)
{
    /* without a number there is nothing to lose either */
    bool is_mine_empty = (members_is_alone(members) && !members->has_written) ||
                         members->self->number == 0;
    bool is_theirs_empty =
        (head->flags & HEAD_ALONE) && !(head->flags & HEAD_WROTE);
    char mine[NODE_ID_HEX], theirs[NODE_ID_HEX];

    node_id_hex(&members->ring, mine);
    node_id_hex(&head->ring, theirs);
    if (is_mine_empty && (!is_theirs_empty ||
                          node_id_compare(&head->ring, &members->ring) < 0)) {
        members_log(members,
                    "members: gives up ring %s, which has nobody else and no "
                    "writes, for ring %s",
                    mine, theirs);
        give_up_ring(members);
        exchange_member(members, from);
        return;
    }
    if (is_theirs_empty || members->is_foreign_logged) return;
    members->is_foreign_logged = true;
    members_log(members,
                "members: ANOTHER RING OF THIS NAME EXISTS: %s, beside ours, "
                "%s. They are not merged: give one of them another name, or "
                "empty its nodes",
                theirs, mine);
}
