/*
 * Who seems to be alive.
 *
 *          heartbeat still for             a second, independent observer,
 *          node-timeout-ms                 0.4 times that later
 *     UP ------------------> SUSPECT ------------------------> DOWN
 *      ^                       |                                 |
 *      +--- heartbeat moved ---+                                 |
 *      +------------------ a new incarnation --------------------+
 *
 * SUSPECT is an own observation; it is told to others as testimony {member,
 * incarnation, the last heartbeat known}. A testimony is void where a later
 * heartbeat is known. DOWN is a verdict on an incarnation: it spreads, and only
 * the member itself lifts it, by raising its incarnation. The pause before a
 * verdict lets heartbeats that are on their way arrive.
 *
 * Independent means: of another rack, as long as there is anybody else alive in
 * another rack; else of another host; else anybody.
 *
 * A node to which more than half of the others are silent suspects itself: it
 * gives no testimony and no verdicts. Those silent for half of the time (in a
 * large ring: a third) count, else the first of many would be declared before
 * the rest show; those DOWN already count too, so the smaller part of a ring
 * can't declare the larger one dead bit by bit. After that it waits for half of
 * the time: what it heard in one burst looks equally alive for a while. A node
 * whose tick came late by more than a second has not listened: all get the full
 * time again.
 *
 * Source: Das et al., "SWIM" (2002): suspicion, incarnations.
 */
#include "member/inside.h"

enum { LATE_MS = 1000, WITNESS_TIMEOUTS = 3, SMALL_RING = 16 };

static void
set_suspect(struct members *members, struct member *member, int64_t at_ms)
{
    if ((member->suspect_ms != 0) == (at_ms != 0)) return;
    if (at_ms != 0) members->suspect_count++;
    if (at_ms == 0) members->suspect_count--;
    member->suspect_ms = at_ms;
    member->has_told = false;
    members->is_changed = true;
}

static void
set_down(struct members *members, struct member *member, bool is_down)
{
    if (member->is_down == is_down) return;
    member->is_down = is_down;
    if (is_down) members->down_count++;
    if (!is_down) members->down_count--;
    if (member->number != 0) rows_mark_beat(members, member->number);
    members->is_changed = true;
}

void
detector_clear(struct members *members, struct member *member)
{
    uint32_t i;

    set_suspect(members, member, 0);
    set_down(members, member, false);
    rumour_set(members, &member->news_spread, 0);
    for (i = 0; i < WITNESSES_MAX; i++) {
        rumour_set(members, &member->witnesses[i].spread, 0);
        member->witnesses[i].number = 0;
    }
}

bool
detector_opinion(const struct members *members, const struct member *member,
                 struct news *news)
{
    if (!rows_is_live(member) || member == members->self) return false;
    if (!member->is_down && (member->suspect_ms == 0 || members->is_mass))
        return false;
    *news = (struct news){member->is_down ? NEWS_DOWN : NEWS_SUSPECT,
                          member->number, members->self->number,
                          member->incarnation, member->pulse->heartbeat};
    return true;
}

static bool
same_rack(const struct member *a, const struct member *b)
{
    return !strcmp(a->facts.rack, b->facts.rack) &&
           !strcmp(a->facts.dc, b->facts.dc);
}

static bool
same_host(const struct member *a, const struct member *b)
{
    return !strcmp(a->facts.host, b->facts.host);
}

enum distance { ANYBODY, OTHER_HOST, OTHER_RACK };

/* How far from us a witness against `target` must be. */
static enum distance
distance_wanted(const struct members *members, const struct member *target)
{
    enum distance wanted = ANYBODY;
    uint32_t i;

    for (i = 1; i < members->number_end; i++) {
        const struct member *row = members->by_number[i];

        if (row == NULL || row == target || row == members->self) continue;
        if (row->is_removed || row->is_down || row->suspect_ms != 0) continue;
        if (!same_rack(row, members->self)) return OTHER_RACK;
        if (!same_host(row, members->self)) wanted = OTHER_HOST;
    }
    return wanted;
}

static bool
has_witness(const struct members *members, const struct member *target)
{
    enum distance wanted = ANYBODY;
    bool is_known = false;
    uint32_t i;

    for (i = 0; i < WITNESSES_MAX; i++) {
        const struct witness *witness = &target->witnesses[i];
        const struct member *row;

        if (witness->number == 0) continue;
        if (witness->heartbeat < target->pulse->heartbeat) continue;
        if (members->now_ms - witness->at_ms >
            WITNESS_TIMEOUTS * members->timeout_ms)
            continue;
        row = members->by_number[witness->number];
        if (row == NULL || row->is_removed || row == target) continue;
        if (!is_known) wanted = distance_wanted(members, target);
        is_known = true;
        if (wanted == ANYBODY || !same_rack(row, members->self) ||
            (wanted == OTHER_HOST && !same_host(row, members->self)))
            return true;
    }
    return false;
}

static void
declare_down(struct members *members, struct member *member)
{
    char hex[NODE_ID_HEX];

    node_id_hex(&member->id, hex);
    members_log(members, "members: node %u (%s at %s:%u) is DOWN",
                member->number, hex, member->facts.host,
                member->facts.bus_port);
    set_down(members, member, true);
    members->stats.downs++;
    rumour_set(members, &member->news_spread, rumour_count(members));
    members->is_urgent = true;
}

/* ---- ticks ---- */

static int64_t
silent_since(const struct members *members, const struct member *member)
{
    int64_t since_ms = member->pulse->heard_ms;

    return since_ms < members->grace_ms ? members->grace_ms : since_ms;
}

static void
look_at(struct members *members, struct member *member)
{
    if (members->now_ms - silent_since(members, member) <= members->timeout_ms)
        return;
    if (member->suspect_ms != 0 || member->is_down) return;
    set_suspect(members, member, members->now_ms);
    members->stats.suspicions++;
}

static void
consider(struct members *members, struct member *member)
{
    bool is_seen;

    if (member->suspect_ms == 0 || member->is_down) return;
    is_seen = has_witness(members, member);
    if (!member->has_told) {
        /* all will soon see it: testimony only where it is still needed */
        member->has_told = true;
        if (!is_seen) {
            rumour_set(members, &member->news_spread, rumour_count(members));
            members->is_urgent = true;
        }
    }
    /* of two members none can be a second witness */
    if (is_seen && members->numbered > 2 &&
        members->now_ms - member->suspect_ms >= members->timeout_ms * 2 / 5)
        declare_down(members, member);
}

static void
look_at_itself(struct members *members)
{
    uint32_t others = members->numbered - (members->self->number != 0), i;
    uint32_t suspects = 0, living = 0;
    /* heartbeats are older in a large ring, contacts are rarer in a small one
     */
    int64_t part = members->numbered > SMALL_RING ? 3 : 2;
    bool is_mass;

    for (i = 1; i < members->number_end; i++) {
        const struct member *row = members->by_number[i];

        if (row == NULL || row == members->self || row->is_removed) continue;
        living++;
        if (row->is_down || row->suspect_ms != 0 ||
            members->now_ms - silent_since(members, row) >
                members->timeout_ms / part)
            suspects++;
    }
    is_mass = others > 1 && suspects > 0 && suspects * 2 > living;
    if (is_mass) members->mass_ms = members->now_ms;
    if (is_mass == members->is_mass) return;
    members->is_mass = is_mass;
    members_log(members,
                is_mass ? "members: %u of %u others are silent: this node "
                          "suspects itself"
                        : "members: %u of %u others are silent: this node "
                          "trusts itself again",
                suspects, living);
}

void
detector_tick(struct members *members)
{
    uint32_t i;

    if (members->now_ms - members->ticked_ms > MEMBER_TICK_MS + LATE_MS)
        members->grace_ms = members->now_ms;
    for (i = 1; i < members->number_end; i++) {
        if (members->now_ms - members->pulses[i].heard_ms <=
            members->timeout_ms)
            continue;
        if (members->by_number[i] == NULL ||
            members->by_number[i] == members->self ||
            members->by_number[i]->is_removed)
            continue;
        look_at(members, members->by_number[i]);
    }
    if (members->suspect_count > 0 || members->is_mass) look_at_itself(members);
    if (members->suspect_count == 0 ||
        members->now_ms - members->mass_ms < members->timeout_ms / 2)
        return;
    for (i = 1; i < members->number_end; i++)
        if (members->by_number[i] != NULL &&
            rows_is_live(members->by_number[i]))
            consider(members, members->by_number[i]);
}

/* ---- what others say ---- */

/* We live: a later heartbeat is enough against a suspicion, a verdict needs a
 * new incarnation. */
static void
refute(struct members *members, const struct news *news)
{
    struct member *observer = members->by_number[news->observer];

    if (news->incarnation < members->self->incarnation) return;
    members->stats.refutations++;
    if (news->kind == NEWS_DOWN) {
        members->effects.was_down(members->effects.self);
        members->self->incarnation = news->incarnation + 1;
        saved_write(members); /* no later life is to begin below it */
        members_own_changed(members);
        probation_away(members, "was taken for DOWN");
        members_log(members,
                    "members: this node was taken for DOWN; its "
                    "incarnation is now %llu",
                    (unsigned long long)members->self->incarnation);
        return;
    }
    if (news->heartbeat >= members->self->pulse->heartbeat)
        members->beat_extra +=
            news->heartbeat - members->self->pulse->heartbeat + 1;
    members_own_beat(members);
    if (observer != NULL && observer != members->self &&
        members->now_ms - observer->pushed_ms >= MEMBER_TICK_MS) {
        observer->pushed_ms = members->now_ms;
        exchange_member(members, &observer->id);
    }
}

static void
take_testimony(struct members *members, struct member *member,
               const struct news *news)
{
    struct witness *place = &member->witnesses[0];
    uint32_t i;
    bool is_needed;

    rows_beat(members, member, news->heartbeat);
    if (news->heartbeat < member->pulse->heartbeat || member->is_down) return;
    if (news->observer == 0 || news->observer == members->self->number) return;
    is_needed = !has_witness(members, member);
    for (i = 0; i < WITNESSES_MAX; i++) {
        struct witness *witness = &member->witnesses[i];

        if (witness->number == news->observer) {
            witness->at_ms = members->now_ms;
            witness->heartbeat = news->heartbeat;
            return;
        }
        if (place->number != 0 &&
            (witness->number == 0 || witness->at_ms < place->at_ms))
            place = witness;
    }
    rumour_set(members, &place->spread, 0);
    *place =
        (struct witness){news->observer, news->heartbeat, members->now_ms, 0};
    if (!is_needed) return;
    rumour_set(members, &place->spread, rumour_count(members));
    members->is_urgent = true;
}

static void
take_verdict(struct members *members, struct member *member,
             const struct news *news)
{
    if (member->is_down) return;
    /* somebody was wrong: let the one in question say so itself */
    if (member->pulse->heartbeat > news->heartbeat && member->suspect_ms == 0) {
        if (members->now_ms - member->pushed_ms < MEMBER_TICK_MS) return;
        member->pushed_ms = members->now_ms;
        codec_start(members, 0);
        {
            size_t place = codec_section(&members->out, SECTION_NEWS);

            codec_put_news(members, news);
            codec_section_end(&members->out, place);
        }
        members_send(members, &member->id, 0, FRAME_GOSSIP, 0);
        return;
    }
    set_down(members, member, true);
    rumour_set(members, &member->news_spread, rumour_count(members));
    members->is_urgent = true;
}

void
detector_news(struct members *members, const struct news *news)
{
    struct member *member = members->by_number[news->number];

    if (member == NULL || member->is_removed) return;
    if (member == members->self) {
        refute(members, news);
        return;
    }
    if (news->incarnation != member->incarnation) return;
    if (news->kind == NEWS_DOWN)
        take_verdict(members, member, news);
    else
        take_testimony(members, member, news);
}
