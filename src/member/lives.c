/*
 * Two processes with one node id: who was there first, goes on. A node that was
 * started anew is not one of two, however quickly, wherever it is, and whatever
 * its peers still believe: nobody is refused unless both were seen alive at one
 * time.
 *
 * Another life comes than the present one. Has that no link, then the other one
 * has the id now. Otherwise it is put off, and the present one is asked for a
 * PONG, of a PING that was made after the other had shown itself. PONG: the
 * other one is a twin. None in DOUBT_MS: it has the id now.
 *
 * The life comes that the present one has replaced. With a nonce from before
 * that it is put off, and will not come back if it died. With a later nonce
 * both live: the one that began earlier has the id. But if the other one came
 * HOME_MS ago or more, then this one was away, and lacks what its successor has
 * acknowledged since: it is the twin.
 *
 * So two that were both let in, on the two sides of a partition, are both
 * refused when the sides meet: neither has all that the ring was told to be at
 * that id, but a start of either has, as it compares first.
 *
 * Twins hear that they are from whoever refuses them, or meet the other one;
 * that, too, is a word only against a later one that was not let in yet. A twin
 * stays one until it is started anew: it would take the node's place in the
 * next restart of the other. Facts alone make nobody a twin: what is told may
 * be long over.
 */
#include "bus/link.h"
#include "member/inside.h"

static bool
is_present(const struct member *member, const struct node_life *life)
{
    return node_life_compare(&member->present, life) == 0;
}

/* It was given what was written since the other was here last: for longer than
 * a link takes to come back. */
static bool
is_at_home(const struct members *members, const struct member *member)
{
    return members->now_ms - member->present_ms > HOME_MS;
}

static void
make_present(struct members *members, struct member *member,
             const struct node_life *life)
{
    /* links of the other are to be looked at again */
    if (member->present.began != 0) members->is_changed = true;
    member->past = member->present;
    member->present = *life;
    member->present_ms = members->now_ms;
    member->links = 0;
    member->doubt = (struct doubt){.ping = 0};
}

/* Another life, while links to the present one are open. */
static enum member_meeting
doubt(struct members *members, struct member *member,
      const struct node_life *life)
{
    struct doubt *doubt = &member->doubt;
    int64_t since_ms = members->now_ms - doubt->since_ms;

    if (doubt->ping != 0 && node_life_compare(&doubt->other, life) == 0) {
        if (doubt->is_shown) return MEMBER_TWIN;
        if (since_ms < DOUBT_MS) return MEMBER_LATER;
        make_present(members, member, life);
        return MEMBER_WELCOME;
    }
    if (doubt->ping != 0 && !doubt->is_shown && since_ms < DOUBT_KEPT_MS)
        return MEMBER_LATER;
    *doubt = (struct doubt){.other = *life,
                            .ping = LINK_PING_OWN | ++members->pings,
                            .since_ms = members->now_ms};
    members->is_changed = true; /* all links are looked at, and it is asked */
    return MEMBER_LATER;
}

static enum member_meeting
meet(struct members *members, struct member *member,
     const struct node_life *life, int64_t since_ms)
{
    if (is_present(member, life)) return MEMBER_WELCOME;
    if (node_life_compare(life, &member->past) == 0) {
        if (since_ms <= member->present_ms) return MEMBER_LATER;
        if (is_at_home(members, member)) return MEMBER_TWIN;
        if (node_life_compare(life, &member->present) < 0) {
            make_present(members, member, life);
            return MEMBER_WELCOME;
        }
    }
    if (since_ms < member->present_ms) return MEMBER_LATER;
    if (member->links > 0) return doubt(members, member, life);
    make_present(members, member, life);
    return MEMBER_WELCOME;
}

enum member_meeting
members_meet(struct members *members, const struct node_id *id,
             const struct node_life *life, int64_t since_ms, int64_t now_ms,
             bool *is_counted, uint64_t *ping)
{
    struct member *member = rows_find(members, id);
    enum member_meeting meeting;

    *ping = 0;
    if (member == NULL || member->is_removed) return MEMBER_WELCOME;
    members_step_begin(members);
    members->now_ms = now_ms;
    meeting = meet(members, member, life, since_ms);
    if (meeting == MEMBER_WELCOME) {
        if (!*is_counted) member->links++;
        *is_counted = true;
        if (!member->doubt.is_shown) *ping = member->doubt.ping;
    }
    members_step_end(members);
    return meeting;
}

void
members_shown(struct members *members, const struct node_id *id,
              const struct node_life *life, uint64_t ping)
{
    struct member *member = rows_find(members, id);

    if (member == NULL || !is_present(member, life)) return;
    if (ping == member->doubt.ping) member->doubt.is_shown = true;
}

void
members_unlinked(struct members *members, const struct node_id *id,
                 const struct node_life *life)
{
    struct member *member = rows_find(members, id);

    if (member == NULL || !is_present(member, life)) return;
    if (member->links > 0) member->links--;
}

bool
lives_take_record(struct members *members, struct member *member,
                  const struct facts_record *record)
{
    if (is_present(member, &record->life)) return true;
    if (node_life_compare(&record->life, &member->past) == 0) {
        /* has it heard of the present one, and raised itself above it? */
        if (record->incarnation <= member->present.began ||
            is_at_home(members, member)) {
            return false;
        }
    } else if (member->links > 0) {
        return doubt(members, member, &record->life) == MEMBER_WELCOME;
    }
    make_present(members, member, &record->life);
    return true;
}

void
lives_meet_self(struct members *members, const struct facts_record *record)
{
    const struct member_facts *facts = &members->self->facts;

    if (members->is_twin_logged) return;
    if (node_life_compare(&record->life, &members->self->life) < 0) return;
    if (record->facts.bus_port == facts->bus_port &&
        !strcmp(record->facts.host, facts->host))
        return;
    members->is_twin_logged = true;
    members_log(members,
                "members: another node, at %s:%u, has this node's id (a copied "
                "data directory?); it began later and is not believed",
                record->facts.host, record->facts.bus_port);
}

bool
members_meet_own(struct members *members, const struct node_life *life,
                 const char *where)
{
    const struct member *self = members->self;

    if (node_life_compare(&self->life, life) < 0) return false;
    /* the others know, if there are any */
    if (members->numbered > 1 && members->standing == MEMBERS_NUMBERED &&
        members->now_ms - members->stands_ms > HOME_MS) {
        return false;
    }
    members_be_twin(members, where);
    return true;
}

void
members_be_twin(struct members *members, const char *where)
{
    if (members->is_twin) return;
    members_step_begin(members);
    members->is_twin = true;
    members->is_changed = true;
    members_log(members,
                "members: THIS NODE'S ID IS IN USE by another node (a copied "
                "data directory?), as %s shows: serves nobody from now on; end "
                "one of the two, start the other with a directory of its own",
                where);
    members_judge(members);
    members_step_end(members);
}
