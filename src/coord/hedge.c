/*
 * Hedged reads: what a peer answers late is asked of another owner as well, and
 * the first answers count.
 *
 *     ask B ----------- late ------+----------> B's answer: nobody waits for it
 *                                  | ask C ---> C's answer: counts
 *
 * Late is what about one in 128 of this peer's answers exceeds: `late` goes up
 * by an eighth with each that was slower, down by a 1024th with each that was
 * not, so it stands still where 128 are quick for one that is not; from the
 * largest of the first few. (A quantile
 * followed without keeping samples; Ma, Muthukrishnan and Sandler, "Frugal
 * Streaming for Estimating Quantiles", 2013, in steps that grow with it.)
 *
 * Who is much slower than another owner is asked after it; once in a while it
 * is asked first all the same, to see whether it still is.
 *
 * A hedge costs what HEDGE_READS reads bring in, so that a ring that is slow
 * because it has much to do does not get a third more; but before a read would
 * fail, another owner is asked in any case.
 */
#include "coord/inside.h"

enum {
    LATE_MOST_MS = 50,
    LAST_MS = 250,    /* nobody waits longer for one alone */
    LATE_UNIT = 1024, /* of a ms */
    HEDGE_READS = 32,
    HEDGES_SAVED = 16,
    PROBE_MS = 1000,
    WARM = 16, /* answers, before it is known what is late */
};

static uint32_t
late_ms(const struct pace *pace)
{
    uint32_t ms = pace->late / LATE_UNIT + 1;

    if (ms < HEDGE_LEAST_MS) return HEDGE_LEAST_MS;
    return ms < LATE_MOST_MS ? ms : LATE_MOST_MS;
}

static void
note(struct pace *pace, int64_t took_ms)
{
    int64_t took = took_ms * LATE_UNIT, late = pace->late;

    if (pace->warm < WARM) {
        pace->warm++;
        if (took > late) late = took;
    } else if (took > late) {
        late += late / 8;
    } else {
        late -= late / (pace->is_probe ? 4 : 1024);
    }
    if (late < LATE_UNIT) late = LATE_UNIT;
    if (late > LATE_MOST_MS * LATE_UNIT) late = LATE_MOST_MS * LATE_UNIT;
    pace->late = (uint32_t)late;
    pace->is_probe = false;
}

void
hedge_init(struct coord *coord)
{
    coord->hedges = HEDGE_READS * HEDGES_SAVED;
    coord->hedge_ms = INT64_MAX;
}

void
hedge_link_open(struct coord_link *to)
{
    to->versions.late = to->requests.late = LATE_UNIT;
}

uint32_t
hedge_late_ms(const struct coord *coord, const struct pace *pace)
{
    if (coord_now(coord) - pace->asked_ms >= PROBE_MS) return HEDGE_LEAST_MS;
    return late_ms(pace);
}

void
hedge_asked(struct coord *coord, struct op *op, struct pace *pace)
{
    int64_t now_ms = coord_now(coord);

    if (now_ms - pace->asked_ms >= PROBE_MS) pace->is_probe = true;
    pace->asked_ms = op->asked_ms = now_ms;
    if (op->hedged != RING_NOBODY) return; /* once is enough */
    if (coord->hedges < HEDGE_READS * HEDGES_SAVED) coord->hedges++;
    op->late_ms =
        now_ms + (pace->warm < WARM ? LATE_MOST_MS : (int64_t)late_ms(pace));
    if (op->late_ms < coord->hedge_ms) coord->hedge_ms = op->late_ms;
}

void
hedge_answered(struct coord *coord, struct op *op, struct link *link,
               struct pace *pace)
{
    if (op->hedged == RING_NOBODY) {
        note(pace, coord_now(coord) - op->asked_ms);
    } else if (op->hedged == coord_link_of(link)->number) {
        stat_add(&coord->stats.hedged_wins);
    }
}

bool
hedge_forget(struct op *op, const struct link *link)
{
    uint32_t i;

    for (i = 0; i < op->asked_count; i++) {
        if (op->asked[i] != link) continue;
        op->asked[i] = op->asked[--op->asked_count];
        return true;
    }
    return false;
}

static void
hedge(struct coord *coord, struct op *op)
{
    bool is_request = op->step == STEP_ASKED;
    int64_t last_ms = op->asked_ms + LAST_MS;
    uint32_t i;

    op->late_ms = INT64_MAX;
    for (i = 0; i < op->asked_count; i++) {
        struct coord_link *to = coord_link_of(op->asked[i]);

        note(is_request ? &to->requests : &to->versions,
             coord_now(coord) - op->asked_ms);
    }
    if (coord->hedges < HEDGE_READS && coord_now(coord) < last_ms) {
        op->late_ms = last_ms;
        if (last_ms < coord->hedge_ms) coord->hedge_ms = last_ms;
        return;
    }
    if (is_request ? request_hedge(coord, op) : versions_hedge(coord, op)) {
        coord->hedges -= (uint32_t)min_u64(coord->hedges, HEDGE_READS);
        stat_add(&coord->stats.hedged_reads);
    }
}

/* From the oldest on, to the first that was asked just now: nearly all behind
 * it were later still. */
void
hedge_turn(struct coord *coord)
{
    int64_t now_ms = coord_now(coord);
    struct op *op;

    coord->hedge_ms = INT64_MAX;
    for (op = coord->oldest; op != NULL; op = op->newer) {
        if (op->step != STEP_VERSIONS && op->step != STEP_ASKED) continue;
        if (op->late_ms <= now_ms) {
            hedge(coord, op);
        } else if (op->late_ms < coord->hedge_ms) {
            coord->hedge_ms = op->late_ms;
            if (now_ms - op->asked_ms < HEDGE_LEAST_MS) return;
        }
    }
}
