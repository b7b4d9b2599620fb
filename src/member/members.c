/*
 * The life of the machine, its steps, own facts, and what others ask of it.
 *
 * Each way in is a step: members_step_begin, work, members_step_end. At the
 * end what is urgent is told, and `changed` is called once. An effect may call
 * a setter; the inner step leaves the end to the outer one.
 */
#include "base/err.h"
#include "base/hash.h"
#include "base/memory.h"
#include "member/inside.h"

#include <stdarg.h>
#include <stdio.h>

enum { LOAD_MS = 5000, LOAD_PER_MEMBER_MS = 200, STEPS_MAX = 4 };

void
members_log(struct members *members, const char *format, ...)
{
    char line[512];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    members->effects.log(members->effects.self, line);
}

/* ---- life ---- */

static void
check_config(const struct member_config *config)
{
    ASSERT(config->slot_count > 0 && config->slot_count <= SLOT_COUNT);
    ASSERT(config->seed_count <= MEMBER_SEEDS_MAX);
    ASSERT(config->number < RING_NUMBERS);
    ASSERT(config->node_timeout_ms > 0);
    ASSERT(!node_id_is_zero(&config->self));
}

static void
start_self(struct members *members, const struct member_config *config)
{
    struct member *self = rows_add(members, &config->self);

    members->self = self;
    facts_copy(&self->facts, &config->facts, config->slot_count);
    if (!(self->facts.weight > 0)) self->facts.weight = 1.0;
    self->incarnation = config->incarnation;
    self->version = 1;
    if (config->saved.size > 0 && !saved_read(members, config->saved))
        members_log(members, "members: the saved list of members is damaged "
                             "and was not read to its end");
    if (config->saved.size > 0) {
        probation_away(members, "was started");
        members->save_ms = members->now_ms; /* it may not live for long */
    }
    if (self->number == 0 && config->number != 0 &&
        !node_id_is_zero(&config->ring)) {
        members->ring = config->ring;
        rows_set_number(members, self, config->number);
    }
    self->life.began = self->incarnation;
    self->life.nonce = hash_mix(config->rng_seed, self->incarnation);
    self->version++;
    if (self->number != 0 && self->facts.phase == MEMBER_FRESH)
        self->facts.phase = MEMBER_RETURNING;
    rows_refresh(members, self);
}

struct members *
members_new(const struct member_config *config,
            const struct member_effects *effects, int64_t now_ms,
            int64_t wall_ms)
{
    struct members *members = mem_must_zero(sizeof(*members));

    check_config(config);
    members->effects = *effects;
    members->rng.state = config->rng_seed;
    members->vnodes = config->vnodes;
    members->slot_count = config->slot_count;
    members->replicas = config->replicas;
    members->timeout_ms = config->node_timeout_ms;
    members->seed_count = config->seed_count;
    memcpy(members->hash_seed, config->hash_seed, 32);
    members->now_ms = members->started_ms = members->ticked_ms = now_ms;
    members->wall_ms = wall_ms;
    members->grace_ms = now_ms;
    members->mass_ms = now_ms - config->node_timeout_ms;
    members->founding.started_ms = now_ms;
    members->claim.round = rng_next(&members->rng) >> 1;
    members->flushes = FLUSHES_MAX;
    members->next_exchange_ms =
        now_ms + (int64_t)rng_below(&members->rng, EXCHANGE_MS);
    members->load_told_oldest = UINT64_MAX;
    members->depth++; /* nothing is sent or told in here */
    start_self(members, config);
    members->depth--;
    members_own_beat(members);
    members_judge(members);
    members->is_changed = members->is_urgent = false;
    if (members->self->number != 0) /* this life is news: with the first tick */
        rumour_set(members, &members->self->spread, rumour_count(members));
    return members;
}

void
members_free(struct members *members)
{
    if (members == NULL) return;
    rows_free(members);
    buf_deinit(&members->settings);
    buf_deinit(&members->out);
    mem_free(members->order);
    mem_free(members);
}

/* ---- steps ---- */

void
members_step_begin(struct members *members)
{
    members->depth++;
}

void
members_step_end(struct members *members)
{
    uint32_t i;

    for (i = 0; members->depth == 1 && i < STEPS_MAX; i++) {
        if (members->is_urgent && members->flushes > 0) {
            members->flushes--;
            rumour_flush(members);
        }
        if (!members->is_changed) break;
        members->is_changed = false;
        members->effects.changed(members->effects.self);
    }
    members->depth--;
}

void
members_own_beat(struct members *members)
{
    const struct member *self = members->self;
    uint64_t passed =
        (uint64_t)(members->now_ms - members->started_ms) / BEAT_MS;
    uint64_t beat = self->life.began / BEAT_MS + passed + members->beat_extra;

    if (beat > self->pulse->heartbeat) self->pulse->heartbeat = beat;
    self->pulse->heard_ms = members->now_ms;
}

static bool
is_alone_now(const struct members *members)
{
    return members->self->number != 0 && members->numbered == 1 &&
           !members->is_self_removed;
}

void
members_judge(struct members *members)
{
    enum member_standing standing = MEMBERS_LOADING;

    if (members->is_twin) {
        standing = MEMBERS_TWIN;
    } else if (members->self->number != 0) {
        if (members->has_exchanged || is_alone_now(members))
            standing = MEMBERS_NUMBERED;
        else if (members->standing == MEMBERS_CUT_OFF ||
                 members->now_ms - members->started_ms >= members->timeout_ms)
            standing = MEMBERS_CUT_OFF;
    }
    if (standing == members->standing) return;
    members->standing = standing;
    members->stands_ms = members->now_ms;
    members->is_changed = true;
}

static void
forget_unnumbered(struct members *members)
{
    uint32_t i;

    if (members->unnumbered_count == 0) return;
    for (i = members->count; i > 0; i--) {
        struct member *row = members->rows[i - 1];

        if (row == members->self || row->is_listed) continue;
        if (members->now_ms - row->pulse->heard_ms <= UNNUMBERED_MS) continue;
        rumour_set(members, &row->spread, 0);
        rows_drop(members, row);
    }
}

/* Also when it is what it was: what is held is known as of its telling. */
static void
tell_load(struct members *members)
{
    struct member *self = members->self;
    int64_t period_ms = LOAD_PER_MEMBER_MS * (int64_t)members->numbered;
    bool is_urgent =
        !members->has_load ||
        (members->load_told_hints == 0) != (self->facts.hint_count == 0) ||
        self->facts.oldest_held < members->load_told_oldest;

    if (self->number == 0) return;
    if (period_ms < LOAD_MS) period_ms = LOAD_MS;
    if (!is_urgent && members->now_ms - members->load_told_ms < period_ms)
        return;
    if (self->load_version >= self->pulse->heartbeat) return; /* next beat */
    self->load_version = self->pulse->heartbeat;
    rumour_load(members, self, is_urgent ? 12 : 4);
    members->load_told_ms = members->now_ms;
    members->load_told_hints = self->facts.hint_count;
    members->load_told_oldest = self->facts.oldest_held;
    members->has_load = true;
}

void
members_tick(struct members *members, int64_t now_ms, int64_t wall_ms)
{
    struct member *self = members->self;

    members_step_begin(members);
    members->now_ms = now_ms;
    members->wall_ms = wall_ms;
    members_own_beat(members);
    if (members->is_self_removed || members->is_twin) {
        /* gone: says nothing any more */
    } else if (node_id_is_zero(&members->ring)) {
        found_tick(members);
    } else {
        if (self->number != 0 && members->by_number[self->number] != self)
            claim_lost(members);
        claim_tick(members);
        detector_tick(members);
        probation_tick(members);
        tell_load(members);
        exchange_tick(members);
        forget_unnumbered(members);
    }
    members->ticked_ms = now_ms;
    members_judge(members);
    if (members->save_ms != 0 && now_ms >= members->save_ms)
        saved_write(members);
    members_step_end(members);
}

void
members_frame(struct members *members, const struct node_id *from,
              const struct frame *frame, int64_t now_ms, int64_t wall_ms)
{
    if (members->is_twin) return;
    if (node_id_equal(from, &members->self->id) || node_id_is_zero(from)) {
        members->stats.bad_frames++;
        return;
    }
    members_step_begin(members);
    members->now_ms = now_ms;
    members->wall_ms = wall_ms;
    members_own_beat(members);
    switch (frame->type) {
    case FRAME_GOSSIP:
    case FRAME_GOSSIP_ANSWER:
    case FRAME_GOSSIP_FACTS: receive_frame(members, from, frame); break;
    case FRAME_CLAIM:
    case FRAME_CLAIM_ANSWER: claim_frame(members, from, frame); break;
    default: members->stats.bad_frames++; break;
    }
    members_judge(members);
    members_step_end(members);
}

void
members_seed_is_self(struct members *members, uint32_t seed)
{
    ASSERT(seed < members->seed_count);
    members_step_begin(members);
    members->seeds[seed].is_self = true;
    if (node_id_is_zero(&members->ring) && !members->is_self_removed)
        found_tick(members);
    members_step_end(members);
}

void
members_exchange(struct members *members, const struct node_id *with,
                 int64_t now_ms, int64_t wall_ms)
{
    struct member *member = rows_find(members, with);

    if (members->is_self_removed || members->is_twin ||
        node_id_equal(with, &members->self->id)) {
        return;
    }
    members_step_begin(members);
    members->now_ms = now_ms;
    members->wall_ms = wall_ms;
    members_own_beat(members);
    if (member == NULL) {
        exchange_member(members, with);
    } else if (now_ms - member->pushed_ms >= MEMBER_TICK_MS ||
               member->pushed_ms == 0) {
        member->pushed_ms = now_ms;
        exchange_member(members, with);
    }
    members_step_end(members);
}

void
members_reached(struct members *members, const struct node_id *id,
                bool is_reached, int64_t now_ms)
{
    struct member *member = rows_find(members, id);

    (void)now_ms;
    if (member != NULL) member->is_unreached = !is_reached;
}

/* ---- own facts ---- */

void
members_own_changed(struct members *members)
{
    struct member *self = members->self;

    self->version++;
    rows_refresh(members, self);
    members->is_changed = true;
    saved_soon(members);
    if (node_id_is_zero(&members->ring) || self->number == 0) return;
    rumour_set(members, &self->spread, rumour_count(members));
    members->is_urgent = true;
}

void
members_set_phase(struct members *members, enum member_phase phase)
{
    if (members->self->facts.phase == phase) return;
    members_step_begin(members);
    members->self->facts.phase = phase;
    members_own_changed(members);
    members_step_end(members);
}

void
members_set_served(struct members *members, const uint64_t *served)
{
    struct member_facts *facts = &members->self->facts;
    size_t size = (size_t)(members->slot_count + 63) / 64 * 8;

    if (served == NULL && facts->served == NULL) return;
    if (served != NULL && facts->served != NULL &&
        !memcmp(served, facts->served, size))
        return;
    members_step_begin(members);
    if (served == NULL) {
        mem_free(facts->served);
        facts->served = NULL;
    } else {
        if (facts->served == NULL) facts->served = mem_must(size);
        memcpy(facts->served, served, size);
    }
    members_own_changed(members);
    members_step_end(members);
}

void
members_set_load(struct members *members, const struct member_facts *load)
{
    struct member_facts *facts = &members->self->facts;

    facts->hint_count = load->hint_count;
    facts->oldest_held = load->oldest_held;
    facts->dirty_slots = load->dirty_slots;
    facts->unsettled_slots = load->unsettled_slots;
    facts->keys = load->keys;
    facts->memory_bytes = load->memory_bytes;
    facts->ops_per_s = load->ops_per_s;
}

void
members_set_timeout(struct members *members, int64_t timeout_ms)
{
    ASSERT(timeout_ms > 0);
    members->timeout_ms = timeout_ms;
}

int
members_publish_settings(struct members *members, uint64_t version,
                         struct bytes bytes)
{
    struct bytes mine = buf_bytes(&members->settings);
    size_t common = mine.size < bytes.size ? mine.size : bytes.size;
    int order;

    if (bytes.size > MEMBER_SETTINGS_MAX) return ERR_LIMIT;
    if (version < members->settings_version) return ERR_OK;
    order = common > 0 ? memcmp(mine.data, bytes.data, common) : 0;
    if (order == 0)
        order = mine.size < bytes.size ? -1 : mine.size > bytes.size;
    if (version == members->settings_version && order >= 0) return ERR_OK;
    members_step_begin(members);
    members->settings_version = version;
    members->settings.used = 0;
    buf_must_add(&members->settings, bytes.data, bytes.size);
    rumour_set(members, &members->settings_spread, rumour_count(members));
    members->is_urgent = members->is_changed = true;
    saved_soon(members);
    members_step_end(members);
    return ERR_OK;
}

uint64_t
members_settings(const struct members *members, struct bytes *bytes)
{
    *bytes = buf_bytes(&members->settings);
    return members->settings_version;
}

void
members_wrote(struct members *members)
{
    if (members->has_written) return;
    members->has_written = true;
    saved_write(members);
}

int
members_remove(struct members *members, const struct node_id *id,
               int64_t now_ms)
{
    struct member *member = rows_find(members, id);

    if (member == NULL) return ERR_UNKNOWN;
    members_step_begin(members);
    members->now_ms = now_ms;
    rows_remove(members, member);
    members_step_end(members);
    return ERR_OK;
}
