/*
 * Urgent news: whoever learns something new tells three others at once, and
 * three more with each tick, until it has told it rumour_count() times; those
 * who hear it for the first time do the same. So news is everywhere within
 * some log(ring) hops of a message each; what a rumour misses, the digests of
 * the regular exchanges find.
 *
 * Source: Demers et al., "Epidemic Algorithms for Replicated Database
 * Maintenance" (1987): rumour mongering, blind, with a counter.
 */
#include "member/inside.h"

enum { NEWS_ROWS = 64, DOWN_ROWS = 4 };

uint8_t
rumour_count(const struct members *members)
{
    uint32_t size = members->numbered, count = 4;

    for (; size > 1; size /= 2)
        count++;
    return (uint8_t)count;
}

/* spreading counts things, not transmissions. */
void
rumour_set(struct members *members, uint8_t *spread, uint8_t count)
{
    if (*spread == 0 && count > 0) members->spreading++;
    if (*spread > 0 && count == 0) members->spreading--;
    *spread = count;
}

void
rumour_load(struct members *members, struct member *member, uint8_t count)
{
    if (member->load_spread == 0 && count > 0) members->hot_loads++;
    member->load_spread = count;
}

static void
spend(struct members *members, uint8_t *spread, uint32_t told)
{
    rumour_set(members, spread, (uint8_t)(*spread > told ? *spread - told : 0));
}

static void
put_hot_news(struct members *members, uint32_t *left, uint32_t told)
{
    uint32_t i, j;

    for (i = 0; i<members->number_end && * left> 0; i++) {
        struct member *member = members->by_number[i];
        struct news news;

        if (member == NULL) continue;
        if (member->news_spread > 0) {
            spend(members, &member->news_spread, told);
            if (detector_opinion(members, member, &news)) {
                codec_put_news(members, &news);
                --*left;
            }
        }
        for (j = 0; j<WITNESSES_MAX && * left> 0; j++) {
            struct witness *witness = &member->witnesses[j];

            if (witness->spread == 0) continue;
            spend(members, &witness->spread, told);
            codec_put_news(members,
                           &(struct news){NEWS_SUSPECT, member->number,
                                          witness->number, member->incarnation,
                                          witness->heartbeat});
            --*left;
        }
    }
}

static void
put_down_in_turn(struct members *members)
{
    uint32_t i, left = DOWN_ROWS;

    for (i = 0; i < members->number_end && left > 0; i++) {
        const struct member *member;
        struct news news;

        if (++members->down_at >= members->number_end) members->down_at = 1;
        member = members->by_number[members->down_at];
        if (member == NULL || !member->is_down) continue;
        if (!detector_opinion(members, member, &news)) continue;
        codec_put_news(members, &news);
        left--;
    }
}

void
rumour_put_news(struct members *members, bool is_hot,
                const struct member *about)
{
    size_t place = codec_section(&members->out, SECTION_NEWS);
    uint32_t left = NEWS_ROWS;
    struct news news;

    if (about != NULL && detector_opinion(members, about, &news))
        codec_put_news(members, &news);
    if (is_hot && members->spreading > 0)
        put_hot_news(members, &left, FLUSH_FANOUT);
    if (!is_hot && members->down_count > 0) put_down_in_turn(members);
    codec_section_end(&members->out, place);
}

static void
put_hot_records(struct members *members, uint32_t told)
{
    size_t place = codec_section(&members->out, SECTION_RECORDS);
    uint32_t i;

    for (i = 0; i < members->count; i++) {
        struct member *row = members->rows[i];

        if (row->spread == 0) continue;
        if (members->out.used - place > CHUNK_BYTES) break;
        codec_put_record(members, row);
        spend(members, &row->spread, told);
    }
    codec_section_end(&members->out, place);
}

/* Distinct others, those that seem alive; returns how many. */
static uint32_t
pick_some(struct members *members, const struct member *picked[FLUSH_FANOUT])
{
    uint32_t count = 0, tries, j;

    if (members->count < 2) return 0;
    for (tries = 0; tries < 24 && count < FLUSH_FANOUT; tries++) {
        const struct member *row =
            members->rows[rng_below(&members->rng, members->count)];

        if (row == members->self || !rows_is_live(row) || row->is_down)
            continue;
        if (tries < 12 && (row->suspect_ms != 0 || row->is_unreached)) continue;
        for (j = 0; j < count && picked[j] != row; j++)
            continue;
        if (j == count) picked[count++] = row;
    }
    return count;
}

void
rumour_flush(struct members *members)
{
    const struct member *picked[FLUSH_FANOUT];
    uint32_t count, i;

    members->is_urgent = false;
    if (members->spreading == 0) return;
    count = pick_some(members, picked);
    codec_start(members, HEAD_HOT);
    put_hot_records(members, FLUSH_FANOUT);
    rumour_put_news(members, true, NULL);
    if (members->settings_spread > 0) {
        codec_settings(members);
        spend(members, &members->settings_spread, FLUSH_FANOUT);
    }
    for (i = 0; i < count; i++)
        members_send(members, &picked[i]->id, 0, FRAME_GOSSIP_FACTS, 0);
}
