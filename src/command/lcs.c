/*
 * LCS: the longest common subsequence of two strings, by the textbook table
 * of lengths (Wagner and Fischer 1974), then a walk back through it.
 *
 *   length[i][j] = LCS of the first i bytes of a and the first j of b
 *
 * The table is transient memory sized by clients: bounded as Redis bounds it.
 */
#include "base/memory.h"
#include "command/data.h"

struct lcs {
    struct bytes a, b;
    uint32_t *lengths; /* (a.size + 1) * (b.size + 1), owned */
    bool wants_length, wants_ranges, with_lengths;
    int64_t least; /* shorter ranges are not shown */
};

/* A run of equal bytes. */
struct run {
    size_t a_start, b_start, size;
};

static uint32_t *
length_at(const struct lcs *lcs, size_t i, size_t j)
{
    return &lcs->lengths[i * (lcs->b.size + 1) + j];
}

static bool
parse_options(struct cmd_call *call, struct lcs *lcs)
{
    uint32_t i;

    for (i = 3; i < call->arg_count; i++) {
        if (cmd_arg_is(call, i, "idx")) {
            lcs->wants_ranges = true;
        } else if (cmd_arg_is(call, i, "len")) {
            lcs->wants_length = true;
        } else if (cmd_arg_is(call, i, "withmatchlen")) {
            lcs->with_lengths = true;
        } else if (cmd_arg_is(call, i, "minmatchlen") &&
                   i + 1 < call->arg_count) {
            if (!cmd_int_arg(call, ++i, &lcs->least)) return false;
        } else {
            data_syntax_error(call);
            return false;
        }
    }
    if (!lcs->wants_ranges || !lcs->wants_length) return true;
    reply_error(call->reply, "ERR If you want both the length and indexes, "
                             "please just use IDX.");
    return false;
}

static bool
make_table(struct cmd_call *call, struct lcs *lcs)
{
    uint64_t cells;
    size_t i, j;

    if (lcs->a.size >= UINT32_MAX - 1 || lcs->b.size >= UINT32_MAX - 1) {
        reply_error(call->reply, "ERR String too long for LCS");
        return false;
    }
    cells = ((uint64_t)lcs->a.size + 1) * ((uint64_t)lcs->b.size + 1);
    if (cells > (uint64_t)data_max_bytes(call) / sizeof(*lcs->lengths)) {
        reply_error(call->reply, "ERR Insufficient memory, transient memory "
                                 "for LCS exceeds proto-max-bulk-len");
        return false;
    }
    lcs->lengths = mem_try(cells * sizeof(*lcs->lengths));
    if (lcs->lengths == NULL) {
        reply_error(call->reply, "ERR Insufficient memory, failed allocating "
                                 "transient memory for LCS");
        return false;
    }
    for (j = 0; j <= lcs->b.size; j++)
        *length_at(lcs, 0, j) = 0;
    for (i = 1; i <= lcs->a.size; i++) {
        *length_at(lcs, i, 0) = 0;
        for (j = 1; j <= lcs->b.size; j++) {
            uint32_t up = *length_at(lcs, i - 1, j);
            uint32_t left = *length_at(lcs, i, j - 1);

            *length_at(lcs, i, j) = lcs->a.data[i - 1] == lcs->b.data[j - 1]
                                        ? *length_at(lcs, i - 1, j - 1) + 1
                                        : (up > left ? up : left);
        }
    }
    return true;
}

/*
 * The next run of equal bytes on the way back from (i, j), which it moves to
 * the run's start; false at the end.
 */
static bool
next_run(const struct lcs *lcs, size_t *i, size_t *j, struct run *run)
{
    *run = (struct run){0};
    while (*i > 0 && *j > 0) {
        if (lcs->a.data[*i - 1] == lcs->b.data[*j - 1]) {
            (*i)--;
            (*j)--;
            run->size++;
        } else if (run->size > 0) {
            break;
        } else if (*length_at(lcs, *i - 1, *j) > *length_at(lcs, *i, *j - 1)) {
            (*i)--;
        } else {
            (*j)--;
        }
    }
    run->a_start = *i;
    run->b_start = *j;
    return run->size > 0;
}

static void
reply_range(struct reply *reply, size_t start, size_t size)
{
    reply_array(reply, 2);
    reply_int(reply, (int64_t)start);
    reply_int(reply, (int64_t)(start + size - 1));
}

static void
reply_ranges(struct cmd_call *call, const struct lcs *lcs)
{
    size_t i = lcs->a.size, j = lcs->b.size, place;
    int64_t count = 0;
    struct run run;

    reply_map(call->reply, 2);
    reply_bulk_str(call->reply, "matches");
    place = reply_defer(call->reply);
    while (next_run(lcs, &i, &j, &run)) {
        if ((int64_t)run.size < lcs->least) continue;
        reply_array(call->reply, lcs->with_lengths ? 3 : 2);
        reply_range(call->reply, run.a_start, run.size);
        reply_range(call->reply, run.b_start, run.size);
        if (lcs->with_lengths) reply_int(call->reply, (int64_t)run.size);
        count++;
    }
    reply_set_array(call->reply, place, count);
    reply_bulk_str(call->reply, "len");
    reply_int(call->reply, *length_at(lcs, lcs->a.size, lcs->b.size));
}

static void
reply_text(struct cmd_call *call, const struct lcs *lcs)
{
    struct buf *text = &call->env->scratch;
    size_t i = lcs->a.size, j = lcs->b.size;
    size_t size = *length_at(lcs, i, j), at = size;
    struct run run;

    text->used = 0;
    if (buf_reserve(text, size + 1) != ERR_OK) {
        data_no_memory(call);
        return;
    }
    while (next_run(lcs, &i, &j, &run)) {
        ASSERT(run.size <= at);
        at -= run.size;
        memcpy(text->data + at, lcs->a.data + run.a_start, run.size);
    }
    ASSERT(at == 0);
    reply_bulk(call->reply, bytes_of(text->data, size));
}

static bool
read_side(struct cmd_call *call, const struct store_key *key,
          struct bytes *text, char scratch[OBJECT_TEXT_ROOM])
{
    struct object *object = cmd_read(call, key);

    *text = bytes_of("", 0);
    if (object == NULL) return true;
    switch (object_type(object)) {
    case OBJECT_STRING:
    case OBJECT_COUNTER: *text = object_text(object, scratch); return true;
    }
    reply_error(call->reply,
                "ERR The specified keys must contain string values");
    return false;
}

void
data_lcs(struct cmd_call *call)
{
    char a_scratch[OBJECT_TEXT_ROOM], b_scratch[OBJECT_TEXT_ROOM];
    struct store_key second = cmd_key(call, 2);
    struct lcs lcs = {0};

    if (!read_side(call, &call->key, &lcs.a, a_scratch)) return;
    if (!read_side(call, &second, &lcs.b, b_scratch)) return;
    if (!parse_options(call, &lcs)) return;
    if (!make_table(call, &lcs)) return;

    if (lcs.wants_ranges) {
        reply_ranges(call, &lcs);
    } else if (lcs.wants_length) {
        reply_int(call->reply, *length_at(&lcs, lcs.a.size, lcs.b.size));
    } else {
        reply_text(call, &lcs);
    }
    mem_free(lcs.lengths);
    data_trim_scratch(call);
}
