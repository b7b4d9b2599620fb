/*
 * A write that ran here and whose copies were not enough: some were refused,
 * and no more answers will come.
 *
 *     counters, sloppy       sent once more as they are: they add up
 *     a later tenure began   here: written and sent once more under that (its
 *                            keys are fetched before, while it is open);
 *                            elsewhere: handed over to its holder
 *     a link was lost        sent once more
 *     nobody to send it to   a blind write runs again; the others wait for
 *                            somebody
 *     none of these helps    taken back if it is here alone, and run again; a
 *                            blind write runs again anyway; the others end as
 *                            UNCERTAIN
 *
 * All of it within the write's time.
 */
#include "coord/inside.h"

#include "bus/wire.h"

/* ---- taken back ---- */

/*
 * Puts back what was there before. False: it can't be, or not wholly: somebody
 * has written on top of it, the value was too large to be kept, or it is a
 * counter, which counts wherever it may have been merged meanwhile.
 */
static bool
put_back(struct coord *coord, const struct op *op)
{
    struct wire_reader reader = wire_reader(buf_bytes(&op->before));
    bool is_whole = true;
    uint32_t i;

    for (i = 0; i < op->touched_count; i++) {
        const struct touched *touched = &op->touched[i];
        struct bytes bytes = wire_take(&reader, touched->before_bytes);
        struct wire_reader one = wire_reader(bytes);
        struct record record;
        struct store_key key;

        if (!touched->is_changed) continue;
        store_lock(coord->store, touched->slot);
        if (!touched->is_before_kept || touched->is_counter ||
            !store_drop_version(coord->store, touched->slot, touched->hash,
                                touched->newest, coord_wall(coord))) {
            is_whole = false;
        } else if (bytes.size > 0 && record_read(&one, &record)) {
            key = store_key(coord->store, record.db, record.key);
            (void)store_merge(coord->store, &key, &record, coord_wall(coord),
                              NULL);
        }
        store_unlock(coord->store, touched->slot);
    }
    return is_whole;
}

static void
mark_others(struct coord *coord, const struct op *op)
{
    uint16_t numbers[64];
    uint32_t count = copies_targets(coord, op, numbers, ARRAY_LEN(numbers)), i;

    for (i = 0; i < count; i++)
        copies_mark_dirty(coord, op, numbers[i]);
}

/*
 * Increments add up wherever they are merged, so they need no tenure to be
 * kept: in sloppy mode they are sent once more as they are. (That two clients
 * may then have got the same number is what strict mode is for.)
 */
static bool
resend_counters(struct coord *coord, struct op *op)
{
    uint16_t numbers[64];
    uint32_t count, i, sent = 0;

    if (op->is_resent || op->is_beaten || op->quorum.mode == MODE_STRICT)
        return false;
    for (i = 0; i < op->touched_count; i++) {
        if (op->touched[i].is_changed && !op->touched[i].is_counter)
            return false;
    }
    op->is_resent = true;
    count = copies_targets(coord, op, numbers, ARRAY_LEN(numbers));
    for (i = 0; i < count; i++) {
        sent += copies_send_now(coord, op, numbers[i], op->touched,
                                op->touched_count, COPY_REPAIR);
    }
    return sent > 0;
}

/* Somebody else has got it, or may have: a copy was taken or is lost, or its
 * slot was read here while it was under way. */
static bool
was_shown(struct coord *coord, const struct op *op)
{
    bool is_shown = op->acked_count > 0 || op->has_lost;
    uint32_t i;

    for (i = 0; i < op->touched_count && !is_shown; i++) {
        uint32_t slot = op->touched[i].slot;

        store_lock(coord->store, slot);
        is_shown = op->touched[i].is_changed &&
                   coord->replica->under_way[slot].is_shown;
        store_unlock(coord->store, slot);
    }
    return is_shown;
}

/* A blind write may, though it is still here. Others do not: somebody may have
 * read the version and passed it on, and then it would happen twice. */
static bool
may_run_again(struct coord *coord, const struct op *op, bool is_shown)
{
    /* strict: somebody may have read it and written over it since */
    return !op->is_told && (op->quorum.mode != MODE_STRICT || !is_shown) &&
           op_args(coord, buf_bytes(&op->args), op->arg_count) &&
           execute_is_blind(op->spec, coord->args, op->arg_count);
}

/* What is here alone, and nobody has seen, is taken back, and runs again, here
 * or at the new primary: it has not happened. */
static void
give_up(struct coord *coord, struct op *op)
{
    bool is_shown = was_shown(coord, op), is_gone = false;

    if (!is_shown && !op->is_told && put_back(coord, op)) {
        stat_add(&coord->replica->taken_back);
        mark_others(coord, op); /* a comparison may have brought it there */
        is_gone = op->arg_count > 0;
    }
    if (is_gone || may_run_again(coord, op, is_shown)) {
        op_wait(coord, op, coord_now(coord) + RETRY_MS);
    } else {
        op_fail(coord, op);
    }
}

/* ---- once more ---- */

/* What has become of the tenures that a write was made under. */
enum standing {
    STANDING_FIRM, /* held, for the present lists of owners */
    STANDING_OPEN, /* promised; what its promisers have is to be fetched */
    STANDING_NONE, /* asked for anew */
    STANDING_LOST, /* promised to somebody else */
};

/* Of its slot, which is locked. */
static enum standing
standing_of_one(struct coord *coord, const struct op *op,
                const struct touched *touched)
{
    struct slot_state *state = &coord->replica->slots[touched->slot];

    if (state->promised_to != coord->replica->self) return STANDING_LOST;
    if (!copies_holds_tenure(coord, touched->slot) ||
        (op->quorum.mode == MODE_STRICT && state->is_lacking)) {
        state->is_wanted = true;
        return STANDING_NONE;
    }
    if (state->tenure == TENURE_HELD ||
        fetch_is_done(op, touched, state->promised)) {
        return STANDING_FIRM;
    }
    /* promised by too few, who say nothing of what the others have */
    return state->is_short ? STANDING_NONE : STANDING_OPEN;
}

static enum standing
standing_of(struct coord *coord, const struct op *op)
{
    enum standing worst = STANDING_FIRM;
    uint32_t i;

    for (i = 0; i < op->touched_count; i++) {
        const struct touched *touched = &op->touched[i];
        enum standing one;

        if (!touched->is_changed && !touched->is_witness) continue;
        store_lock(coord->store, touched->slot);
        one = standing_of_one(coord, op, touched);
        store_unlock(coord->store, touched->slot);
        if (one > worst) worst = one;
    }
    return worst;
}

/* The only key that it has changed; NULL: there are several, or others that it
 * has read. */
static const struct touched *
only_changed(const struct op *op)
{
    const struct touched *changed = NULL;
    uint32_t i;

    for (i = 0; i < op->touched_count; i++) {
        if (op->touched[i].is_witness) return NULL;
        if (!op->touched[i].is_changed) continue;
        if (changed != NULL) return NULL;
        changed = &op->touched[i];
    }
    return changed;
}

/*
 * The tenure went to another node between the execution and the copies, as it
 * does when an owner comes or returns. What was written is older than the new
 * tenure, so it is in order to find it; where it got to is what matters. Once
 * the new holder has taken it, under its tenure and before it has written the
 * key itself, it is as if the holder had found it when it began: with W copies
 * it is acknowledged. One key only: several would be taken one by one.
 * is_wanted: it could be, but the holder is not to be reached.
 */
static void
hand_over(struct coord *coord, struct op *op, bool *is_wanted)
{
    const struct touched *changed = only_changed(op);
    uint32_t holder;

    if (changed == NULL || op->is_short) return;
    store_lock(coord->store, changed->slot);
    holder = coord->replica->slots[changed->slot].promised_to;
    store_unlock(coord->store, changed->slot);
    if (holder == RING_NOBODY || !route_is_usable(coord, holder)) {
        *is_wanted = true;
    } else {
        (void)copies_send_now(coord, op, holder, changed, 1, COPY_ADOPT);
    }
}

/*
 * What was written under an earlier tenure is written again, as it is, under
 * the present one: between the two there may have been another node's, after
 * which the version as it was would count as out of tenure everywhere. False:
 * it is not the newest any more. Under the same tenure, nothing is to be done.
 */
static bool
write_again(struct coord *coord, const struct op *op, struct touched *touched)
{
    struct slot_state *state = &coord->replica->slots[touched->slot];
    struct wire_reader reader;
    struct record record;
    struct store_key key;
    bool is_firm, is_found, is_written;

    store_lock(coord->store, touched->slot);
    coord->scratch.used = 0;
    is_firm = standing_of_one(coord, op, touched) == STANDING_FIRM;
    is_written = is_firm && state->promised.bits == touched->tenure.bits;
    is_found = is_firm && !is_written &&
               store_record_of(coord->store, touched->slot, touched->hash,
                               coord_wall(coord), &record) &&
               record.stamp.bits == touched->newest.bits;
    if (is_found) record_write(&coord->scratch, &record); /* off the object */
    reader = wire_reader(buf_bytes(&coord->scratch));
    if (is_found && record_read(&reader, &record)) {
        record.stamp =
            store_mint(coord->store, touched->slot, coord_wall(coord));
        if (record.has_expiry &&
            record.expire_stamp.bits == touched->newest.bits) {
            record.expire_stamp = record.stamp;
        }
        key = store_key(coord->store, record.db, record.key);
        is_written = store_merge(coord->store, &key, &record, coord_wall(coord),
                                 NULL) == STORE_STORED;
        touched->newest = store_newest(coord->store, &key);
        touched->tenure = state->promised;
    }
    store_unlock(coord->store, touched->slot);
    return is_written;
}

/* is_wanted: nobody can be reached. */
static void
send_again(struct coord *coord, struct op *op, bool *is_wanted)
{
    uint16_t numbers[64];
    uint32_t count = copies_targets(coord, op, numbers, ARRAY_LEN(numbers));
    uint32_t i, k;

    for (i = 0; i < count && !route_is_usable(coord, numbers[i]); i++)
        ;
    if (i == count) {
        *is_wanted = true;
        return;
    }
    for (k = 0; k < op->touched_count; k++) {
        if (op->touched[k].is_changed && !op->touched[k].is_counter &&
            !write_again(coord, op, &op->touched[k])) {
            mark_others(coord, op); /* those before it were written anew */
            return;
        }
    }
    for (i = 0; i < count; i++) {
        if (!copies_send_now(coord, op, numbers[i], op->touched,
                             op->touched_count, COPY_PLAIN)) {
            copies_mark_dirty(coord, op, numbers[i]);
        }
    }
}

void
shortfall_retry(struct coord *coord, struct op *op)
{
    enum standing standing = standing_of(coord, op);
    bool is_wanted = false;

    op->wants_retry = op->is_stale = false;
    switch (standing) {
    case STANDING_FIRM: send_again(coord, op, &is_wanted); break;
    case STANDING_OPEN:
    case STANDING_NONE:
        if (op->out == 0 && may_run_again(coord, op, was_shown(coord, op)))
            break;
        if (standing == STANDING_OPEN && op->out == 0 && op->loans == NULL &&
            fetch_ask_again(coord, op)) {
            return; /* again when they have answered */
        }
        atomic_fetch_add_explicit(&coord->replica->wanted, 1,
                                  memory_order_relaxed);
        shortfall_retry_soon(coord, op);
        return;
    case STANDING_LOST:
        if (op->out == 0) hand_over(coord, op, &is_wanted);
        break;
    }
    if (op->out > 0) return;
    if (is_wanted && !op->is_beaten &&
        !may_run_again(coord, op, was_shown(coord, op))) {
        shortfall_retry_soon(coord, op);
    } else {
        give_up(coord, op);
    }
}

void
shortfall_retry_soon(struct coord *coord, struct op *op)
{
    op->wants_retry = true;
    op->retry_ms = coord_now(coord) + RETRY_MS;
    if (op->retry_ms < coord->retry_ms) coord->retry_ms = op->retry_ms;
}

void
shortfall(struct coord *coord, struct op *op)
{
    if (resend_counters(coord, op)) return;
    if (op->is_stale && !op->is_beaten) {
        shortfall_retry_soon(coord, op);
    } else {
        give_up(coord, op);
    }
}
