/*
 * Probation: a node that comes and goes is no primary until it has been steady.
 *
 *            third time in five minutes          steady for the term
 *     STEADY -------------------------> PROBATION -----------------> STEADY
 *                                        |     ^
 *                                        +-----+ once more: the term anew
 *
 * Each of its comings and goings moves the primaries of a share of all slots
 * away and back, with requests that wait or fail. On probation it stores and
 * serves copies like any other, but the primaries stay where they are.
 *
 * The node itself notices, and says so by its facts: so all have one opinion,
 * and it needs no vote. It was away when
 *
 *     it was started       (the saved file knows of the times before)
 *     it stood still       its tick comes late: paused, swapped out, overloaded
 *     it was cut off       more than half of the others that aren't DOWN became
 *                          unreachable; in a ring of two nobody can tell who
 *     it was taken for DOWN
 *
 * All that within node-timeout-ms is one time. The term is half a minute; each
 * probation that comes before a steady hour has passed doubles it, up to 16
 * minutes. Of the saved times only the distances count: wall time may jump.
 */
#include "member/inside.h"

enum {
    STILL_MS = 1000,
    WINDOW_MS = 5 * 60 * 1000,
    TERM_MS = 30 * 1000,
    LEVEL_MAX = 5, /* doublings of the term */
    FORGIVEN_MS = 60 * 60 * 1000,
};

static int64_t
term_ms(const struct probation *probation)
{
    return (int64_t)TERM_MS << (probation->level - 1);
}

static void
set_probation(struct members *members, bool is_on)
{
    members->self->facts.is_on_probation = is_on;
    members_own_changed(members);
}

static void
begin(struct members *members, const char *what)
{
    struct probation *probation = &members->probation;

    if (probation->level <= LEVEL_MAX) probation->level++;
    members_log(members,
                "members: this node was away %u times in %lld s (now it %s): "
                "on probation, no primary until it has been steady for %lld s",
                (unsigned)PROBATION_TIMES,
                (long long)(members->now_ms - probation->times_ms[0]) / 1000,
                what, (long long)term_ms(probation) / 1000);
    set_probation(members, true);
}

void
probation_away(struct members *members, const char *what)
{
    struct probation *probation = &members->probation;
    int64_t *times_ms = probation->times_ms, now_ms = members->now_ms;
    int64_t last_ms = times_ms[PROBATION_TIMES - 1];

    probation->steady_ms = now_ms;
    if (probation->count > 0 && now_ms - last_ms < members->timeout_ms) return;
    if (probation->count > 0 && now_ms - last_ms >= FORGIVEN_MS)
        probation->level = 0;
    memmove(times_ms, times_ms + 1, (PROBATION_TIMES - 1) * sizeof(*times_ms));
    times_ms[PROBATION_TIMES - 1] = now_ms;
    if (probation->count < PROBATION_TIMES) probation->count++;
    saved_soon(members);
    if (members->self->facts.is_on_probation) return;
    if (probation->count == PROBATION_TIMES &&
        now_ms - times_ms[0] <= WINDOW_MS)
        begin(members, what);
}

static bool
is_cut_off(const struct members *members)
{
    uint32_t i, others = 0, lost = 0;

    for (i = 1; i < members->number_end; i++) {
        const struct member *row = members->by_number[i];

        if (row == NULL || row == members->self || !rows_is_live(row) ||
            row->is_down)
            continue;
        others++;
        lost += row->is_unreached;
    }
    return others > 1 && lost * 2 > others;
}

void
probation_tick(struct members *members)
{
    struct probation *probation = &members->probation;
    bool is_cut = is_cut_off(members);

    if (members->self->number == 0) return;
    if (members->now_ms - members->ticked_ms > MEMBER_TICK_MS + STILL_MS)
        probation_away(members, "stood still");
    if (is_cut && !probation->is_cut) probation_away(members, "was cut off");
    if (is_cut) probation->steady_ms = members->now_ms;
    probation->is_cut = is_cut;
    if (!members->self->facts.is_on_probation) return;
    if (members->now_ms - probation->steady_ms < term_ms(probation)) return;
    members_log(members,
                "members: this node has been steady for %lld s: no "
                "longer on probation",
                (long long)term_ms(probation) / 1000);
    set_probation(members, false);
}

/* ---- over lives ---- */

void
probation_put(const struct members *members, struct buf *out)
{
    const struct probation *probation = &members->probation;
    uint32_t i;

    wire_put_u64(out, (uint64_t)members->wall_ms);
    wire_put_u8(out,
                (uint8_t)(probation->level |
                          (members->self->facts.is_on_probation ? 128 : 0)));
    wire_put_u8(out, (uint8_t)probation->count);
    for (i = PROBATION_TIMES - probation->count; i < PROBATION_TIMES; i++)
        wire_put_varint(out,
                        (uint64_t)(members->now_ms - probation->times_ms[i]));
}

bool
probation_read(struct members *members, struct wire_reader *reader)
{
    struct probation *probation = &members->probation;
    int64_t passed_ms = members->wall_ms - (int64_t)wire_u64(reader);
    uint32_t bits = wire_u8(reader), count = wire_u8(reader), i;

    if (reader->is_bad || count > PROBATION_TIMES) return false;
    if ((bits & 127) > LEVEL_MAX + 1 || bits == 128) return false;
    if (passed_ms < 0) passed_ms = 0;
    if (passed_ms > FORGIVEN_MS) passed_ms = FORGIVEN_MS;
    probation->level = bits & 127;
    probation->count = count;
    members->self->facts.is_on_probation = (bits & 128) != 0;
    for (i = PROBATION_TIMES - count; i < PROBATION_TIMES; i++) {
        uint64_t ago_ms = wire_varint(reader);

        if (ago_ms > FORGIVEN_MS) ago_ms = FORGIVEN_MS;
        probation->times_ms[i] = members->now_ms - (int64_t)ago_ms - passed_ms;
    }
    return !reader->is_bad;
}
