/*
 * WAIT: how many other nodes have everything that a connection has written.
 *
 *   client's worker                          the nodes that ran its writes
 *   WAIT n timeout --parts: kula.wait------> what is under way to each owner
 *      ^                                     at this moment is noted; once it
 *      |                                     has been taken, and no mark says
 *      +------- the least of all <---------- that the owner may lack something
 *               again, until the time is up  of the slot, that owner counts
 *
 * A connection remembers the slots of its last few writes, and the links to
 * those who ran them; after more slots, all count. When such a link is lost, or
 * there were too many, nobody knows any more who has acknowledged what: then
 * the present primaries are asked, and what all owners have been compared about
 * since the last write (repaired-through) counts alone. So an answer may be too
 * low for a while, also for writes of others that are on their way. It is never
 * too high. (Of a write that a stand-in has taken, the stand-in counts when its
 * owner can be reached again.)
 *
 * A node answers as soon as enough have it, or when its part of the time is
 * up; asking again is the client's worker's affair.
 */
#include "coord/inside.h"

#include "base/number.h"
#include "bus/wire.h"

enum {
    AWAIT_LOOK_MS = 20,             /* marks go, links come */
    CLOCKS_MS = 1000,               /* that two nodes' may differ by */
    FOR_EVER_MS = 1000 * 3600 * 24, /* no timeout */
    SPARE_MS = 60 * 1000, /* an op's deadline is an error: WAIT has none */
};

/* What was under way on a link when the question came. */
struct await_link {
    uint64_t serial; /* the link's */
    uint64_t sent;   /* copies up to here are to be taken */
    uint32_t refusals;
    uint16_t number;
};

struct await {
    uint32_t wanted;
    int64_t until_ms;
    int64_t wrote_ms;         /* wall time of the last write, or later */
    struct await_link *links; /* owned */
    uint32_t count;
    int64_t look_ms; /* at all slots, if not all is taken before */
    bool was_all_taken;
    bool is_moved;       /* somebody else ran the writes */
    uint32_t slot_count; /* 0: all that this node owns */
    uint16_t slots[CLIENT_WROTE_MAX];
};

void
await_free(struct await *await)
{
    if (await == NULL) return;
    mem_free(await->links);
    mem_free(await);
}

/* ---- who has run what ---- */

static struct client *
client_of(const struct asker *asker)
{
    while (asker->parent != NULL)
        asker = &asker->parent->asker;
    return asker->client;
}

static void
note_slot(struct client_wrote *wrote, uint32_t slot, uint8_t link)
{
    uint32_t i;

    for (i = 0; i < wrote->slot_count && wrote->slots[i] != slot; i++)
        ;
    if (i == CLIENT_WROTE_MAX) {
        wrote->is_more_slots = true;
        return;
    }
    if (i == wrote->slot_count) wrote->ran_by[wrote->slot_count++] = 0;
    wrote->slots[i] = (uint16_t)slot;
    wrote->ran_by[i] |= link;
}

/* Its bit; 0: one too many. */
static uint8_t
note_link(struct client_wrote *wrote, uint64_t serial)
{
    uint32_t i;

    for (i = 0; i < wrote->link_count && wrote->links[i] != serial; i++)
        ;
    if (i == CLIENT_WROTE_MAX) {
        wrote->is_more_links = true;
        return 0;
    }
    if (i == wrote->link_count) wrote->links[wrote->link_count++] = serial;
    return (uint8_t)(1u << i);
}

void
await_note(const struct op *op, const struct link *link, int64_t wall_ms)
{
    struct client *client = client_of(&op->asker);
    struct client_wrote *wrote;
    uint8_t bit;
    uint32_t i;

    if (client == NULL) return;
    wrote = &client->wrote;
    wrote->wall_ms = wall_ms;
    bit = note_link(wrote, link != NULL ? coord_link_of(link)->serial : 0);
    if (op->touched_count == 0) wrote->is_more_slots = true; /* FLUSHALL */
    for (i = 0; i < op->touched_count && !wrote->is_more_slots; i++)
        note_slot(wrote, op->touched[i].slot, bit);
}

/* ---- at the node that ran it ---- */

static const struct coord_link *
link_of(const struct coord *coord, uint64_t serial)
{
    const struct coord_link *link = coord->links;

    while (link != NULL && link->serial != serial)
        link = link->next;
    return link;
}

/* What was under way on the link has been taken, or is lost, and has left
 * marks.
 */
static bool
is_taken(const struct coord *coord, struct await_link *of)
{
    const struct coord_link *link = link_of(coord, of->serial);

    if (link == NULL) return true;
    if (link->refusals != of->refusals) { /* it may be sent once more */
        of->refusals = link->refusals;
        of->sent = link->link->copies_sent;
    }
    return link->first >= of->sent;
}

/* To the member, on all links. */
static bool
has_taken(const struct coord *coord, struct await *await, uint32_t number)
{
    uint32_t i;

    for (i = 0; i < await->count; i++) {
        if (await->links[i].number == number &&
            !is_taken(coord, &await->links[i])) {
            return false;
        }
    }
    return route_is_usable(coord, number) &&
           !(replica_health(coord->replica, number) & PEER_RETURNING);
}

static bool
is_repaired(const struct coord *coord, const struct await *await, uint32_t slot)
{
    struct stamp through;

    store_lock(coord->store, slot);
    through = store_repaired(coord->store, slot);
    store_unlock(coord->store, slot);
    return stamp_wall_ms(through) > await->wrote_ms + CLOCKS_MS;
}

static uint32_t
count_slot(const struct coord *coord, struct await *await, uint32_t slot)
{
    const struct replica *replica = coord->replica;
    const struct ring_list *list = ring_map_list(replica_map(replica), slot);
    uint32_t have = 0, i;

    if (!ring_list_owns(list, replica->self))
        return await->slot_count == 0 ? RING_OWNERS_MAX : 0;
    if (is_repaired(coord, await, slot)) return list->count - 1;
    for (i = 0; i < list->count && !await->is_moved; i++) {
        uint32_t number = list->owners[i];

        if (number != replica->self &&
            !replica_is_dirty(replica, number, slot) &&
            has_taken(coord, await, number)) {
            have++;
        }
    }
    return have;
}

static uint32_t
count_all(const struct coord *coord, struct await *await)
{
    uint32_t least = RING_OWNERS_MAX, slot, i;

    for (i = 0; i < await->slot_count; i++) {
        uint32_t have = count_slot(coord, await, await->slots[i]);

        if (have < least) least = have;
    }
    for (slot = 0; await->slot_count == 0 && least > 0 &&
                   slot < coord->replica->slot_count;
         slot++) {
        uint32_t have = count_slot(coord, await, slot);

        if (have < least) least = have;
    }
    return least;
}

/* All slots are many: they are looked at once nothing is under way any more,
 * else now and then. */
static bool
is_time_to_look(const struct coord *coord, struct await *await)
{
    uint32_t i;

    if (coord_now(coord) < await->look_ms) return false;
    for (i = 0; i < await->count; i++) {
        if (!is_taken(coord, &await->links[i])) return false;
    }
    await->was_all_taken = true;
    return true;
}

static bool
try_to_answer(struct coord *coord, struct op *op)
{
    struct await *await = op->await;
    int64_t now_ms = coord_now(coord);
    bool is_late = now_ms >= await->until_ms;
    uint32_t have;

    if (!is_late && await->slot_count == 0 && !is_time_to_look(coord, await))
        return false;
    have = count_all(coord, await);
    await->look_ms = now_ms + AWAIT_LOOK_MS;
    if (have < await->wanted && !is_late) return false;
    op->reply.used = 0;
    buf_must_printf(&op->reply, ":%u\r\n", have);
    op_done(coord, op);
    return true;
}

static void
note_links(const struct coord *coord, struct await *await)
{
    const struct coord_link *link;
    uint32_t count = 0;

    for (link = coord->links; link != NULL; link = link->next)
        count++;
    await->links = mem_must_array(NULL, count + 1, sizeof(*await->links));
    for (link = coord->links; link != NULL; link = link->next) {
        await->links[await->count++] = (struct await_link){
            .serial = link->serial,
            .sent = link->link->copies_sent,
            .refusals = link->refusals,
            .number = (uint16_t)link->number,
        };
    }
}

/* kula.wait wanted ms wrote-ms moved [slot ...] */
void
await_serve(struct coord *coord, struct cmd_call *call)
{
    struct op *op = coord->op;
    struct await *await = mem_must_zero(sizeof(*await));
    int64_t wanted = 0, ms = 0, slot = 0, wrote_ms = 0;
    uint32_t i;
    bool is_good = number_parse_int(call->args[1], &wanted) && wanted >= 0 &&
                   number_parse_int(call->args[2], &ms) && ms >= 0 &&
                   ms <= FOR_EVER_MS &&
                   number_parse_int(call->args[3], &wrote_ms) &&
                   wrote_ms >= 0 && wrote_ms < INT64_MAX - CLOCKS_MS &&
                   call->arg_count <= 5 + CLIENT_WROTE_MAX;

    await->is_moved = call->args[4].size == 1 && call->args[4].data[0] == '1';
    for (i = 5; is_good && i < call->arg_count; i++) {
        is_good = number_parse_int(call->args[i], &slot) && slot >= 0 &&
                  slot < coord->replica->slot_count;
        await->slots[await->slot_count++] = (uint16_t)slot;
    }
    if (op == NULL) {
        op = op_new(coord, call);
        call->is_taken = true;
    }
    await_free(op->await);
    op->await = await;
    if (!is_good) {
        op_error(coord, op, "ERR a damaged request");
        return;
    }
    await->wanted =
        wanted < RING_OWNERS_MAX ? (uint32_t)wanted : RING_OWNERS_MAX;
    await->until_ms = coord_now(coord) + ms;
    await->wrote_ms = wrote_ms;
    note_links(coord, await);
    op_set_step(coord, op, STEP_AWAIT);
    if (try_to_answer(coord, op)) return;
    coord->awaits = mem_must_array(coord->awaits, coord->await_count + 1,
                                   sizeof(*coord->awaits));
    coord->awaits[coord->await_count++] = op->id;
}

void
await_turn(struct coord *coord)
{
    uint32_t i, kept = 0;

    for (i = 0; i < coord->await_count; i++) {
        struct op *op = op_find(coord, coord->awaits[i]);

        if (op == NULL || op->step != STEP_AWAIT) continue;
        if (!try_to_answer(coord, op)) coord->awaits[kept++] = op->id;
    }
    coord->await_count = kept;
}

int64_t
await_deadline_ms(const struct coord *coord)
{
    return coord->await_count > 0 ? coord_now(coord) + AWAIT_LOOK_MS
                                  : INT64_MAX;
}

/* ---- at the client's worker ---- */

/* How many others there can be for what was written. */
static uint32_t
most_of(const struct coord *coord, const struct client_wrote *wrote)
{
    const struct ring_map *map = replica_map(coord->replica);
    bool is_all = wrote->is_more_slots || wrote->slot_count == 0;
    uint32_t count = is_all ? coord->replica->slot_count : wrote->slot_count;
    uint32_t most = RING_OWNERS_MAX, i;

    for (i = 0; i < count; i++) {
        const struct ring_list *list =
            ring_map_list(map, is_all ? i : wrote->slots[i]);

        if (list->count <= most) most = list->count > 0 ? list->count - 1 : 0;
    }
    return most;
}

/* Arguments of kula.wait. */
struct question {
    struct bytes args[5 + CLIENT_WROTE_MAX];
    char text[24 * (5 + CLIENT_WROTE_MAX)];
    uint32_t count;
    size_t used;
};

static void
put_number(struct question *question, int64_t number)
{
    char *at = question->text + question->used;
    size_t size = number_format_int(at, number);

    question->args[question->count++] = bytes_of(at, size);
    question->used += size;
}

static void
begin(struct question *question, uint32_t wanted, int64_t ms, int64_t wrote_ms,
      bool is_moved)
{
    question->used = 0;
    question->count = 1;
    question->args[0] = BYTES_LIT("kula.wait");
    put_number(question, wanted);
    put_number(question, ms);
    put_number(question, wrote_ms);
    put_number(question, is_moved);
}

/* Those that one of these links has to do with; none: all. */
static void
put_slots(struct question *question, const struct client_wrote *wrote,
          uint8_t links)
{
    uint32_t i;

    for (i = 0; !wrote->is_more_slots && i < wrote->slot_count; i++) {
        if (wrote->ran_by[i] & links) put_number(question, wrote->slots[i]);
    }
}

/* Who would run it now is asked, of each slot, or once about all. */
static void
add_primaries(const struct coord *coord, struct parts *parts,
              const struct client_wrote *wrote, uint32_t wanted, int64_t ms)
{
    const struct ring_map *map = replica_map(coord->replica);
    uint32_t count =
        wrote->is_more_slots ? coord->replica->slot_count : wrote->slot_count;
    uint64_t asked[RING_NUMBERS / 64] = {0};
    struct question question;
    uint32_t i;

    for (i = 0; i < count; i++) {
        uint32_t slot = wrote->is_more_slots ? i : wrote->slots[i];
        uint32_t number =
            replica_primary(coord->replica, ring_map_list(map, slot));

        begin(&question, wanted, ms, wrote->wall_ms, true);
        if (!wrote->is_more_slots) {
            put_number(&question, slot);
        } else if (number < RING_NUMBERS) {
            if (asked[number / 64] >> number % 64 & 1) continue;
            asked[number / 64] |= UINT64_C(1) << number % 64;
        }
        parts_least_add(parts, number, question.args, question.count);
    }
}

static void
ask_all(struct coord *coord, struct cmd_call *call,
        const struct client_wrote *wrote, uint32_t wanted, int64_t ms)
{
    struct parts *parts = parts_least(call->client->proto);
    bool is_moved = wrote->is_more_links;
    struct question question;
    uint32_t i;

    for (i = 0; i < wrote->link_count; i++) {
        const struct coord_link *link = link_of(coord, wrote->links[i]);
        uint32_t number = link != NULL ? link->number : coord->replica->self;

        if (link == NULL && wrote->links[i] != 0) {
            is_moved = true;
            continue;
        }
        begin(&question, wanted, ms, wrote->wall_ms, false);
        put_slots(&question, wrote, (uint8_t)(1u << i));
        parts_least_add(parts, number, question.args, question.count);
    }
    if (is_moved) add_primaries(coord, parts, wrote, wanted, ms);
    parts_run_least(coord, call, parts);
}

/* WAIT numreplicas timeout. False: its errors are the local one's. */
bool
await_run(struct coord *coord, struct cmd_call *call)
{
    struct client *client = client_of(&coord->asker);
    size_t start = call->reply->out.used;
    int64_t wanted, timeout_ms, now_ms = coord_now(coord), left;
    uint32_t most;

    if (client == NULL || !number_parse_int(call->args[1], &wanted) ||
        !number_parse_int(call->args[2], &timeout_ms) || timeout_ms < 0) {
        return false;
    }
    most = most_of(coord, &client->wrote);
    if (client->wrote.link_count == 0) {
        reply_int(call->reply, most);
        execute_finish(coord, call, coord->op, start);
        return true;
    }
    if (timeout_ms == 0 || timeout_ms > FOR_EVER_MS) timeout_ms = FOR_EVER_MS;
    if (coord->asker.parent != NULL || wanted <= 0) timeout_ms = 0;
    if (wanted > most) wanted = most;
    if (coord->op == NULL)
        coord->asker.deadline_ms = now_ms + timeout_ms + SPARE_MS;
    left = coord->asker.deadline_ms - SPARE_MS - now_ms;
    if (coord->asker.parent != NULL || left < 0) left = 0;
    if (left > coord->timeout_ms / 2) left = coord->timeout_ms / 2;
    ask_all(coord, call, &client->wrote, wanted > 0 ? (uint32_t)wanted : 0,
            left);
    return true;
}

bool
await_joined(struct coord *coord, struct op *op, uint32_t least)
{
    struct client *client = client_of(&op->asker);
    struct wire_reader reader = wire_reader(buf_bytes(&op->args));
    int64_t wanted = 0;
    uint32_t most;

    if (client == NULL) return true; /* nobody waits any more */
    most = most_of(coord, &client->wrote);
    (void)wire_bytes(&reader);
    (void)number_parse_int(wire_bytes(&reader), &wanted);
    if (least >= most) {
        client->wrote = (struct client_wrote){0};
        return true;
    }
    return (int64_t)least >= wanted || op->asker.parent != NULL ||
           coord_now(coord) >= op->asker.deadline_ms - SPARE_MS;
}
