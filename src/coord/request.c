/*
 * Commands that another node runs.
 *
 * REQUEST payload (list hash: of the first key's slot; timeout: what is left):
 *     u8 hops | u8 protocol | u8 database | u8 flags (1: no touch)
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

enum { REQUEST_NO_TOUCH = 1, REQUEST_ARGS_MAX = 1 << 24 };

/* ---- asking ---- */

static uint32_t
time_left(const struct coord *coord, const struct op *op)
{
    int64_t left = op->asker.deadline_ms - coord_now(coord);

    if (left < 1) return 1;
    return left > INT32_MAX ? INT32_MAX : (uint32_t)left;
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
    wire_put_u8(&link->out, op->flags & CLIENT_NO_TOUCH ? REQUEST_NO_TOUCH : 0);
    wire_put_varint(&link->out, op->arg_count);
    wire_put_raw(&link->out, buf_bytes(&op->args));
    link_end(link, place, true, coord_now(coord));
    coord->effects.wake(coord->effects.self, link);
}

void
request_ask(struct coord *coord, struct cmd_call *call, struct op *op,
            uint32_t number)
{
    struct link *link = coord->effects.link(coord->effects.self, number);

    ASSERT(link != NULL); /* the route has looked */
    if (op == NULL) {
        op = op_new(coord, call);
        call->is_taken = true;
    }
    if (op->arg_count == 0 && !op_keep_args(op, call)) {
        op_error(coord, op, "ERR out of memory");
        return;
    }
    op_note_slots(op, call);
    op_set_step(coord, op, STEP_ASKED);
    op->has_run = op->is_write;
    op->asked[0] = link;
    op->asked_count = 1;
    send_request(coord, op, link);
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

/* The command in coord->args, for coord->asker. */
static bool
run_args(struct coord *coord, uint32_t arg_count, struct op *op)
{
    struct cmd_call call = {
        .env = coord->env,
        .client = &coord->proxy,
        .args = coord->args,
        .arg_count = arg_count,
        .reply = &coord->reply,
        .store = coord->store,
        .wall_ms = coord_wall(coord),
    };
    size_t start = coord->reply.out.used;

    call.spec = cmd_find(coord->args, arg_count);
    if (call.spec == NULL || !arity_is_right(call.spec, arg_count))
        return false;
    coord->op = op;
    coord->reply.proto = coord->proxy.proto;
    coord->reply.errors = 0;
    if (!cmd_locate(&call, false)) return false;
    if ((call.spec->flags & CMD_DENYOOM) && !cmd_check_room(&call)) {
        execute_finish(coord, &call, op, start);
        return true;
    }
    route_run(coord, &call);
    return true;
}

bool
request_run(struct coord *coord, const struct asker *asker, struct op *op)
{
    if (!op_args(coord, buf_bytes(&op->args), op->arg_count)) return false;
    coord->asker = *asker;
    coord->proxy.proto = op->proto;
    coord->proxy.db = op->db;
    coord->proxy.flags = CLIENT_AUTHENTICATED | op->flags;
    return run_args(coord, op->arg_count, op);
}

static bool
lists_agree(struct coord *coord, const struct frame *frame,
            const struct cmd_spec *spec, uint32_t arg_count)
{
    const struct ring_map *map = replica_map(coord->replica);
    struct cmd_call call = {
        .env = coord->env,
        .client = &coord->proxy,
        .spec = spec,
        .args = coord->args,
        .arg_count = arg_count,
        .store = coord->store,
    };
    const struct store_key *keys;
    uint32_t count;

    if (frame->list_hash == 0 || spec == NULL) return true;
    if (!arity_is_right(spec, arg_count) || !cmd_locate(&call, false))
        return true;
    keys = route_keys(&call, &count);
    if (count == 0) return true;
    return ring_map_list(map, keys[0].slot)->hash == frame->list_hash;
}

void
request_frame(struct coord *coord, struct link *link, const struct frame *frame)
{
    struct wire_reader reader = wire_reader(frame->payload);
    uint8_t hops = wire_u8(&reader), proto = wire_u8(&reader);
    uint8_t db = wire_u8(&reader), flags = wire_u8(&reader);
    uint64_t count = wire_varint(&reader);
    int64_t age = link_frame_age_ms(link, frame, coord_wall(coord));
    struct bytes wire = wire_rest(&reader);

    if (reader.is_bad || count > REQUEST_ARGS_MAX || db >= STORE_DBS ||
        (proto != 2 && proto != 3) || !op_args(coord, wire, (uint32_t)count)) {
        link_break(link, "a request without sense");
        return;
    }
    if (replica_map(coord->replica) == NULL || hops >= OP_HOPS_MAX) {
        request_reply(coord, link, frame->request_id, REPLY_AGAIN,
                      BYTES_LIT(""));
        return;
    }
    if (age > (int64_t)frame->timeout_ms) {
        request_reply(coord, link, frame->request_id, REPLY_LATE,
                      BYTES_LIT(""));
        return;
    }
    if (!lists_agree(coord, frame, cmd_find(coord->args, (uint32_t)count),
                     (uint32_t)count)) {
        coord->effects.exchange(coord->effects.self,
                                coord_link_of(link)->number);
        request_reply(coord, link, frame->request_id, REPLY_LIST,
                      BYTES_LIT(""));
        return;
    }
    coord->asker = (struct asker){
        .link = link,
        .request_id = frame->request_id,
        .hops = (uint8_t)(hops + 1),
        .deadline_ms = coord_now(coord) + frame->timeout_ms - age,
    };
    coord->proxy.proto = proto;
    coord->proxy.db = db;
    coord->proxy.flags =
        CLIENT_AUTHENTICATED |
        (flags & REQUEST_NO_TOUCH ? (uint32_t)CLIENT_NO_TOUCH : 0);
    coord->reply.out.used = 0;
    stat_add(&coord->stats.ops_served);
    if (!run_args(coord, (uint32_t)count, NULL))
        link_break(link, "a request without sense");
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
    if (op == NULL || op->step != STEP_ASKED || op->asked[0] != link) return;
    switch ((enum reply_status)status) {
    case REPLY_DONE:
        op_set_reply(op, text);
        op_done(coord, op);
        return;
    case REPLY_EXECUTED:
        if (!coord_link_of(link)->last_copy_taken) return; /* DONE will come */
        op_set_reply(op, text);
        op_done(coord, op);
        return;
    case REPLY_LATE:
        op->has_run = false;
        op_fail(coord, op);
        return;
    case REPLY_LIST:
        coord->effects.exchange(coord->effects.self,
                                coord_link_of(link)->number);
        break;
    case REPLY_AGAIN: break;
    }
    op->has_run = false;
    op->asked_count = 0;
    op_wait(coord, op, coord_now(coord) + RETRY_MS);
}
