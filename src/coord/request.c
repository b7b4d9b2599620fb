/*
 * Commands that another node runs.
 *
 * REQUEST payload (list hash: of the first key's slot; timeout: what is left):
 *     u8 hops | u8 protocol | u8 database | u8 flags (1: no touch; 2: sloppy,
 *     4: strict, as the connection says) | u8 R | u8 W (0: it does not say)
 *     varint how many arguments | each: varint length, bytes
 * REPLY payload:
 *     u8 status | the reply as the client will see it, for DONE and EXECUTED
 *
 * A request is sent once. When the link breaks before its answer, a write may
 * have happened: its client is told so (UNCERTAIN). Only what says "not run" is
 * tried again, at whatever node is right by then.
 */
#include "coord/inside.h"

#include "bus/wire.h"

enum {
    REQUEST_NO_TOUCH = 1,
    REQUEST_SLOPPY = 2,
    REQUEST_STRICT = 4,
    REQUEST_ARGS_MAX = 1 << 24,
};

/* ---- asking ---- */

/* An eighth less than there is: who is asked gives up first, and can still say
 * that nothing was written. */
static uint32_t
time_left(const struct coord *coord, const struct op *op)
{
    int64_t left = op->asker.deadline_ms - coord_now(coord);

    left -= left / 8;
    if (left < 1) return 1;
    return left > INT32_MAX ? INT32_MAX : (uint32_t)left;
}

static uint8_t
flags_of(const struct op *op)
{
    uint8_t flags = op->flags & CLIENT_NO_TOUCH ? REQUEST_NO_TOUCH : 0;

    if (op->own.mode == MODE_SLOPPY) flags |= REQUEST_SLOPPY;
    if (op->own.mode == MODE_STRICT) flags |= REQUEST_STRICT;
    return flags;
}

static void
send_request(struct coord *coord, const struct op *op, struct link *link)
{
    const struct ring_map *map = replica_map(coord->replica);
    struct frame frame = {
        .type = FRAME_REQUEST,
        .request_id = op->id,
        .timeout_ms = time_left(coord, op),
        .list_hash = op->touched_count > 0
                         ? ring_map_list(map, op->touched[0].slot)->hash
                         : 0,
    };
    size_t place = link_begin(link, &frame, coord_wall(coord));

    wire_put_u8(&link->out, op->asker.hops);
    wire_put_u8(&link->out, op->proto);
    wire_put_u8(&link->out, op->db);
    wire_put_u8(&link->out, flags_of(op));
    wire_put_u8(&link->out, op->own.r);
    wire_put_u8(&link->out, op->own.w);
    wire_put_varint(&link->out, op->arg_count);
    wire_put_raw(&link->out, buf_bytes(&op->args));
    link_end(link, place, true, coord_now(coord));
    coord->effects.wake(coord->effects.self, link);
}

void
request_ask_at(struct coord *coord, struct cmd_call *call, struct op *op,
               const struct place *place)
{
    struct link *link = coord->effects.link(coord->effects.self, place->number);

    ASSERT(link != NULL); /* the route has looked */
    if (op == NULL) {
        op = op_new(coord, call);
        call->is_taken = true;
    }
    if (op->arg_count == 0 && !op_keep_args(op, call)) {
        op_error(coord, op, "ERR out of memory");
        return;
    }
    if (op->loans != NULL) loans_end(coord, op);
    op_note_slots(op, call);
    op_set_step(coord, op, STEP_ASKED);
    op->asked[0] = link;
    op->asked_count = 1;
    op->hedged = RING_NOBODY;
    op->late_ms = INT64_MAX;
    op->may_hedge = place->may_hedge;
    send_request(coord, op, link);
    if (op->may_hedge) hedge_asked(coord, op, &coord_link_of(link)->requests);
}

void
request_ask(struct coord *coord, struct cmd_call *call, struct op *op,
            uint32_t number)
{
    struct place place = {.kind = PLACE_THERE, .number = number};

    request_ask_at(coord, call, op, &place);
}

bool
request_hedge(struct coord *coord, struct op *op)
{
    const struct ring_list *list =
        ring_map_list(replica_map(coord->replica), op->touched[0].slot);
    uint32_t i;

    for (i = 0; i < list->count; i++) {
        uint32_t number = list->owners[i];
        struct link *link;

        if (number == coord->replica->self ||
            number == coord_link_of(op->asked[0])->number ||
            !route_is_usable(coord, number) ||
            !route_owns_all(coord, op, number)) {
            continue;
        }
        link = coord->effects.link(coord->effects.self, number);
        op->asked[op->asked_count++] = link;
        op->hedged = (uint16_t)number;
        send_request(coord, op, link);
        hedge_asked(coord, op, &coord_link_of(link)->requests);
        return true;
    }
    return false;
}

/* ---- answering ---- */

void
request_reply(struct coord *coord, struct link *link, uint64_t request_id,
              enum reply_status status, struct bytes text)
{
    struct frame frame = {.type = FRAME_REPLY, .request_id = request_id};
    size_t place;

    if (link->state != LINK_OPEN) return;
    place = link_begin(link, &frame, coord_wall(coord));
    wire_put_u8(&link->out, (uint8_t)status);
    wire_put_raw(&link->out, text);
    link_end(link, place, false, coord_now(coord));
    coord->effects.wake(coord->effects.self, link);
}

static bool
arity_is_right(const struct cmd_spec *spec, uint32_t count)
{
    return (int64_t)count >= spec->args_min &&
           (spec->args_max == CMD_ARGS_ANY || (int64_t)count <= spec->args_max);
}

/* The command in coord->args, its keys found. False: no such command. */
static bool
make_call(struct coord *coord, uint32_t arg_count, struct cmd_call *call)
{
    bool has_key = false;

    *call = (struct cmd_call){
        .env = coord->env,
        .client = &coord->proxy,
        .spec = cmd_find(coord->args, arg_count),
        .args = coord->args,
        .arg_count = arg_count,
        .reply = &coord->reply,
        .store = coord->store,
        .wall_ms = coord_wall(coord),
    };
    if (call->spec == NULL || !arity_is_right(call->spec, arg_count))
        return false;
    if (call->spec->key_shape == CMD_KEYS_ONE) {
        call->key = expect_key(coord, coord->proxy.db,
                               coord->args[call->spec->key_first]);
        has_key = true;
    }
    return cmd_locate(call, has_key);
}

static void
run_call(struct coord *coord, struct cmd_call *call, struct op *op)
{
    size_t start = coord->reply.out.used;

    coord->op = op;
    coord->reply.proto = coord->proxy.proto;
    coord->reply.errors = 0;
    if ((call->spec->flags & CMD_DENYOOM) && !cmd_check_room(call)) {
        execute_finish(coord, call, op, start);
        return;
    }
    route_run(coord, call);
}

static void
set_proxy(struct coord *coord, uint8_t proto, uint32_t db, uint32_t flags,
          struct quorum own)
{
    coord->proxy.proto = proto;
    coord->proxy.db = db;
    coord->proxy.flags = CLIENT_AUTHENTICATED | flags;
    coord->proxy.quorum = own;
}

bool
request_run(struct coord *coord, const struct asker *asker, struct op *op)
{
    struct cmd_call call;

    if (!op_args(coord, buf_bytes(&op->args), op->arg_count)) return false;
    coord->asker = *asker;
    set_proxy(coord, op->proto, op->db, op->flags, op->own);
    if (!make_call(coord, op->arg_count, &call)) return false;
    run_call(coord, &call, op);
    return true;
}

static bool
lists_agree(const struct coord *coord, const struct frame *frame,
            const struct cmd_call *call)
{
    const struct ring_map *map = replica_map(coord->replica);
    uint32_t count;
    const struct store_key *keys = route_keys(call, &count);

    return frame->list_hash == 0 || count == 0 ||
           ring_map_list(map, keys[0].slot)->hash == frame->list_hash;
}

static void
refuse(struct coord *coord, struct link *link, const struct frame *frame,
       enum reply_status why)
{
    request_reply(coord, link, frame->request_id, why, BYTES_LIT(""));
}

void
request_frame(struct coord *coord, struct link *link, const struct frame *frame)
{
    struct wire_reader reader = wire_reader(frame->payload);
    struct request_head head = request_read_head(&reader);
    struct quorum own = {.r = head.r, .w = head.w};
    uint32_t count = (uint32_t)head.arg_count;
    int64_t age = link_frame_age_ms(link, frame, coord_wall(coord));
    struct bytes wire = wire_rest(&reader);
    struct cmd_call call;

    if (reader.is_bad || head.arg_count > REQUEST_ARGS_MAX ||
        head.db >= STORE_DBS || (head.proto != 2 && head.proto != 3) ||
        own.r > QUORUM_MOST || own.w > QUORUM_MOST ||
        !op_args(coord, wire, count)) {
        link_break(link, "a request without sense");
        return;
    }
    if (replica_map(coord->replica) == NULL || head.hops >= OP_HOPS_MAX) {
        refuse(coord, link, frame, REPLY_AGAIN);
        return;
    }
    if (age > (int64_t)frame->timeout_ms) {
        refuse(coord, link, frame, REPLY_LATE);
        return;
    }
    if (head.flags & REQUEST_SLOPPY) own.mode = MODE_SLOPPY;
    if (head.flags & REQUEST_STRICT) own.mode = MODE_STRICT;
    set_proxy(coord, head.proto, head.db,
              head.flags & REQUEST_NO_TOUCH ? CLIENT_NO_TOUCH : 0, own);
    if (!make_call(coord, count, &call)) {
        link_break(link, "a request without sense");
        return;
    }
    if (!lists_agree(coord, frame, &call)) {
        coord->effects.exchange(coord->effects.self,
                                coord_link_of(link)->number);
        refuse(coord, link, frame, REPLY_LIST);
        return;
    }
    coord->asker = (struct asker){
        .link = link,
        .request_id = frame->request_id,
        .hops = (uint8_t)(head.hops + 1),
        .deadline_ms = coord_now(coord) + frame->timeout_ms - age,
    };
    coord->reply.out.used = 0;
    stat_add(&coord->stats.ops_served);
    run_call(coord, &call, NULL);
}

/* ---- the answer ---- */

void
request_answer(struct coord *coord, struct link *link,
               const struct frame *frame)
{
    struct op *op = op_find(coord, frame->request_id);
    struct wire_reader reader = wire_reader(frame->payload);
    uint8_t status = wire_u8(&reader);
    struct bytes text = wire_rest(&reader);

    if (reader.is_bad || status > REPLY_LIST) {
        link_break(link, "a reply without sense");
        return;
    }
    if (op == NULL || op->step != STEP_ASKED || !hedge_forget(op, link)) return;
    if (op->is_write && status <= REPLY_EXECUTED)
        await_note(op, link, coord_wall(coord));
    if (op->may_hedge)
        hedge_answered(coord, op, link, &coord_link_of(link)->requests);
    switch ((enum reply_status)status) {
    case REPLY_DONE:
        op_set_reply(op, text);
        op_done(coord, op);
        return;
    case REPLY_EXECUTED:
        if (!coord_link_of(link)->last_copy_taken) { /* DONE will come */
            op->asked[op->asked_count++] = link;
            return;
        }
        op_set_reply(op, text);
        op_done(coord, op);
        return;
    case REPLY_LATE:
        if (op->asked_count > 0) return; /* a read, asked elsewhere as well */
        op_set_step(coord, op, STEP_RETRY); /* it has not run there */
        op_fail(coord, op);
        return;
    case REPLY_LIST:
        coord->effects.exchange(coord->effects.self,
                                coord_link_of(link)->number);
        break;
    case REPLY_AGAIN: break;
    }
    if (op->asked_count > 0) return;
    op_wait(coord, op, coord_now(coord) + RETRY_MS);
}
