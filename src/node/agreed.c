/*
 * What holds for the whole ring: some settings, and the prefixes of keys with
 * quorums of their own.
 *
 *   CONFIG SET on any node --> seen in worker 0's next tick --+
 *   KULA.PREFIX SET, DEL --> in force there at once ----------+
 *                                                             v
 *          a line with a version --> published by members --> every node
 *          puts all lines together (pairs.h), takes over what is new, and
 *          publishes the sum if it is more than what came
 *
 * So changes made at several nodes at once, or on both sides of a cut, are all
 * kept; of two of the same thing the later one. What kula.conf says of a
 * setting holds until somebody sets it in the ring, and never again after that:
 * the text comes back with the members' file.
 *
 * A prefix is written in hexadecimal (README has the text to the byte). The
 * newest 64 deleted ones are kept, so that a node that was away does not bring
 * them back.
 */
#include "node/inside.h"

#include "base/err.h"
#include "base/memory.h"
#include "node/pairs.h"

#include <stdio.h>
#include <string.h>

enum {
    DELETED_MAX = 64,
    NAME_MAX = 8 + 2 * PREFIX_BYTES_MAX,
    WORDS_MAX = 16,
};

static const enum setting agreed[AGREED_COUNT] = {
    SETTING_READ_QUORUM,     SETTING_WRITE_QUORUM,  SETTING_QUORUM_MODE,
    SETTING_CONFLICT_POLICY, SETTING_EXEC_SPANNING, SETTING_NODE_TIMEOUT_MS,
};

static const struct bytes prefix_word = {"prefix:", 7};
static const struct bytes deleted = {"-", 1};

static void
note_all(struct ring *ring)
{
    const struct settings *settings = ring->node->shared.settings;
    uint32_t i;

    for (i = 0; i < AGREED_COUNT; i++)
        ring->agreed[i] = settings_int(settings, agreed[i]);
}

static uint64_t
next_version(const struct pairs *pairs, struct bytes name, int64_t wall_ms)
{
    uint64_t version = pairs_version(pairs, name);

    return version < (uint64_t)wall_ms ? (uint64_t)wall_ms : version + 1;
}

/* ---- prefixes ---- */

static int
hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static size_t
name_of(const struct prefix_rule *rule, char name[NAME_MAX])
{
    static const char digits[] = "0123456789abcdef";
    size_t used = prefix_word.size;
    uint32_t i;

    memcpy(name, prefix_word.data, prefix_word.size);
    for (i = 0; i < rule->size; i++) {
        name[used++] = digits[(uint8_t)rule->name[i] >> 4];
        name[used++] = digits[(uint8_t)rule->name[i] & 15];
    }
    return used;
}

/* False: it is something else, or was deleted, or makes no sense here. */
static bool
rule_of(const struct pair *pair, struct prefix_rule *rule)
{
    char bytes[PREFIX_BYTES_MAX], why[PREFIX_WHY_BYTES];
    struct bytes words[WORDS_MAX];
    size_t digits = pair->name.size - prefix_word.size, i, from = 0;
    uint32_t count = 0;

    if (pair->name.size <= prefix_word.size || digits > NAME_MAX - 8 ||
        digits % 2 != 0 || bytes_equal(pair->value, deleted) ||
        memcmp(pair->name.data, prefix_word.data, prefix_word.size) != 0) {
        return false;
    }
    for (i = 0; i < digits; i += 2) {
        const char *at = pair->name.data + prefix_word.size + i;
        int high = hex_digit(at[0]), low = hex_digit(at[1]);

        if (high < 0 || low < 0) return false;
        bytes[i / 2] = (char)(high << 4 | low);
    }
    for (i = 0; i <= pair->value.size && count < WORDS_MAX; i++) {
        if (i < pair->value.size && pair->value.data[i] != ' ') continue;
        words[count++] = bytes_of(pair->value.data + from, i - from);
        from = i + 1;
    }
    return prefix_rule_init(rule, bytes_of(bytes, digits / 2)) &&
           prefix_rule_parse(rule, words, count, why);
}

static struct prefixes *
make_prefixes(const struct pairs *pairs)
{
    struct prefixes *prefixes = mem_must_zero(sizeof(*prefixes));
    struct prefix_rule rule;
    uint32_t i;

    for (i = 0; i < pairs->count; i++) {
        if (rule_of(&pairs->list[i], &rule))
            (void)prefixes_add(prefixes, &rule);
    }
    return prefixes;
}

/* Puts them in force; ring->lock is held. */
static void
take_prefixes(struct ring *ring, const struct pairs *pairs)
{
    struct cmd_shared *shared = &ring->node->shared;
    struct prefixes *now = make_prefixes(pairs);
    struct prefixes *before = atomic_load(&shared->prefixes);

    if (now->count == 0) {
        mem_free(now);
        now = NULL;
    } else if (before != NULL && prefixes_equal(now, before)) {
        mem_free(now);
        return;
    }
    atomic_store_explicit(&shared->prefixes, now, memory_order_release);
    ring_retire_prefixes(ring, before);
}

static uint32_t
count_prefixes(const struct pairs *pairs)
{
    struct prefix_rule rule;
    uint32_t count = 0, i;

    for (i = 0; i < pairs->count; i++)
        count += rule_of(&pairs->list[i], &rule);
    return count;
}

/* ---- publishing ---- */

/* The lock is held. */
static bool
is_of_this_ring(const struct ring *ring)
{
    uint8_t seed[sizeof(ring->hash_seed)];

    members_hash_seed(ring->members, seed);
    return memcmp(seed, ring->hash_seed, sizeof(seed)) == 0;
}

/* The text's: after the one there, and of no other node; so equal versions are
 * equal texts, and gossip compares nothing else. */
static uint64_t
text_version(const struct ring *ring, uint64_t before, int64_t wall_ms)
{
    uint64_t ms = before / RING_NUMBERS + 1;

    if (ms < (uint64_t)wall_ms) ms = (uint64_t)wall_ms;
    return ms * RING_NUMBERS + ring->replica->self;
}

/* What they say now is this node's text, and published if it is news. The lock
 * is held: it is a step of members. */
static void
keep(struct ring *ring, struct pairs *pairs, int64_t wall_ms)
{
    struct buf text = {0};
    struct bytes there;
    uint64_t version = members_settings(ring->members, &there);

    pairs_trim(pairs, prefix_word, deleted, DELETED_MAX);
    pairs_print(pairs, &text);
    if (!bytes_equal(buf_bytes(&text), there)) {
        version = text_version(ring, version, wall_ms);
        /* what is too long is not agreed on, but kept here */
        (void)!members_publish_settings(ring->members, version,
                                        buf_bytes(&text));
    }
    take_prefixes(ring, pairs);
    buf_deinit(&ring->agreed_text);
    ring->agreed_text = text;
}

const char *
agreed_prefix(struct cmd_call *call, const struct prefix_rule *rule)
{
    struct worker *worker = inside_worker(call);
    struct ring *ring = worker->node->ring;
    struct pairs *pairs;
    const char *error = NULL;
    char name[NAME_MAX];
    struct pair pair = {.value = deleted};
    struct buf value = {0};

    if (ring == NULL) return "nothing is known of a ring here";
    pair.name = bytes_of(name, name_of(rule, name));
    prefix_rule_print(rule, &value);
    if (value.used > 0) pair.value = buf_bytes(&value);
    pairs = mem_must_zero(sizeof(*pairs));
    ring_enter(worker, NULL);
    pairs_take(pairs, buf_bytes(&ring->agreed_text));
    pair.version = next_version(pairs, pair.name, call->wall_ms);
    pairs_put(pairs, &pair);
    if (!is_of_this_ring(ring)) {
        error = "this node is about to join another ring";
    } else if (count_prefixes(pairs) > PREFIXES_MAX) {
        error = "there are 64 prefixes already";
    } else {
        keep(ring, pairs, call->wall_ms);
    }
    ring_leave(worker);
    mem_free(pairs);
    buf_deinit(&value);
    return error;
}

/* ---- settings ---- */

static bool
is_set_here(const struct ring *ring)
{
    const struct settings *settings = ring->node->shared.settings;
    uint32_t i;

    for (i = 0; i < AGREED_COUNT; i++)
        if (ring->agreed[i] != settings_int(settings, agreed[i])) return true;
    return false;
}

/* What CONFIG SET has changed here. `text` lives as long as the pairs. */
static void
put_own(const struct ring *ring, struct pairs *pairs, struct buf *text,
        int64_t wall_ms)
{
    const struct settings *settings = ring->node->shared.settings;
    size_t from[AGREED_COUNT];
    uint32_t i;

    for (i = 0; i < AGREED_COUNT; i++) {
        from[i] = text->used;
        settings_show(settings, agreed[i], text);
    }
    for (i = 0; i < AGREED_COUNT; i++) {
        size_t end = i + 1 < AGREED_COUNT ? from[i + 1] : text->used;
        struct pair pair = {.name = bytes_str(settings_name(agreed[i]))};

        if (ring->agreed[i] == settings_int(settings, agreed[i])) continue;
        pair.value = bytes_of(text->data + from[i], end - from[i]);
        pair.version = next_version(pairs, pair.name, wall_ms);
        pairs_put(pairs, &pair);
    }
}

static void
take_setting(struct ring *ring, enum setting id, struct bytes value)
{
    struct settings *settings = ring->node->shared.settings;
    char why[SETTING_WHY_BYTES], text[192];
    struct buf now = {0};

    settings_show(settings, id, &now);
    if (!bytes_equal(buf_bytes(&now), value)) {
        int err = settings_set(settings, id, &value, 1, why);

        (void)snprintf(text, sizeof(text), "settings: %s is %.*s now%s%.*s",
                       settings_name(id),
                       (int)(value.size < 32 ? value.size : 32), value.data,
                       err == ERR_OK ? ", as agreed in the ring; it was "
                                     : " in the ring, and not possible here: ",
                       err == ERR_OK ? (int)now.used : 64,
                       err == ERR_OK ? now.data : why);
        ring_log(ring, text);
    }
    buf_deinit(&now);
}

static void
take_settings(struct ring *ring, const struct pairs *pairs)
{
    uint32_t i, k;

    for (i = 0; i < pairs->count; i++) {
        for (k = 0; k < AGREED_COUNT; k++) {
            if (bytes_equal(bytes_str(settings_name(agreed[k])),
                            pairs->list[i].name))
                take_setting(ring, agreed[k], pairs->list[i].value);
        }
    }
    note_all(ring);
}

void
agreed_tick(struct worker *worker)
{
    struct ring *ring = worker->node->ring;
    bool is_news = is_set_here(ring);
    struct buf there = {0}, mine = {0}, own = {0};
    struct pairs *pairs;
    struct bytes text;

    if (atomic_load(&ring->node->shared.is_loading)) return;
    ring_enter(worker, NULL);
    (void)members_settings(ring->members, &text);
    if (!bytes_equal(text, buf_bytes(&ring->agreed_text))) is_news = true;
    if (!is_news || !is_of_this_ring(ring)) {
        ring_leave(worker);
        return;
    }
    buf_must_add(&there, text.data, text.size);
    buf_must_add(&mine, ring->agreed_text.data, ring->agreed_text.used);
    pairs = mem_must_zero(sizeof(*pairs));
    pairs_take(pairs, buf_bytes(&mine));
    pairs_take(pairs, buf_bytes(&there));
    put_own(ring, pairs, &own, worker->env->wall_ms);
    keep(ring, pairs, worker->env->wall_ms);
    ring_leave(worker);
    take_settings(ring, pairs);
    mem_free(pairs);
    buf_deinit(&there);
    buf_deinit(&mine);
    buf_deinit(&own);
}

void
agreed_forget(struct ring *ring)
{
    lock_take(&ring->lock);
    ring->agreed_text.used = 0;
    ring_retire_prefixes(ring,
                         atomic_exchange(&ring->node->shared.prefixes, NULL));
    lock_drop(&ring->lock);
    note_all(ring);
}

void
agreed_start(struct ring *ring)
{
    note_all(ring);
    ring->node_timeout_ms =
        settings_int(ring->node->shared.settings, SETTING_NODE_TIMEOUT_MS);
}
