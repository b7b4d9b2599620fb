/*
 * The table is sorted by length, the longest first: the first name that fits is
 * the longest one. Keys that no name can fit are found by their first byte;
 * else there are at most 64 short comparisons.
 */
#include "command/prefix.h"

#include <stdio.h>
#include <string.h>

/* ---- quorums ---- */

uint8_t
quorum_parse_count(struct bytes word)
{
    if (word.size != 1 || word.data[0] < '1' ||
        word.data[0] > '0' + QUORUM_MOST) {
        return 0;
    }
    return (uint8_t)(word.data[0] - '0');
}

enum quorum_mode
quorum_parse_mode(struct bytes word)
{
    if (bytes_is_nocase(word, "sloppy")) return MODE_SLOPPY;
    if (bytes_is_nocase(word, "strict")) return MODE_STRICT;
    return MODE_NOT_SAID;
}

const char *
quorum_mode_name(enum quorum_mode mode)
{
    return mode == MODE_STRICT ? "strict" : "sloppy";
}

/* ---- the table ---- */

static bool
rule_is(const struct prefix_rule *a, const struct prefix_rule *b)
{
    return a->quorum.r == b->quorum.r && a->quorum.w == b->quorum.w &&
           a->quorum.mode == b->quorum.mode && a->conflict == b->conflict &&
           bytes_equal(bytes_of(a->name, a->size), bytes_of(b->name, b->size));
}

bool
prefixes_equal(const struct prefixes *a, const struct prefixes *b)
{
    uint32_t i;

    if (a->count != b->count) return false;
    for (i = 0; i < a->count; i++) {
        if (!rule_is(&a->rules[i], &b->rules[i])) return false;
    }
    return true;
}

const struct prefix_rule *
prefixes_find(const struct prefixes *prefixes, struct bytes key)
{
    uint8_t first = key.size > 0 ? (uint8_t)key.data[0] : 0;
    uint32_t i;

    if (!(prefixes->first[first / 64] >> first % 64 & 1)) return NULL;
    for (i = 0; i < prefixes->count; i++) {
        const struct prefix_rule *rule = &prefixes->rules[i];

        if (rule->size <= key.size && rule->name[0] == key.data[0] &&
            memcmp(rule->name, key.data, rule->size) == 0) {
            return rule;
        }
    }
    return NULL;
}

const struct prefix_rule *
prefixes_get(const struct prefixes *prefixes, struct bytes name)
{
    uint32_t i;

    for (i = 0; i < prefixes->count; i++) {
        const struct prefix_rule *rule = &prefixes->rules[i];

        if (bytes_equal(bytes_of(rule->name, rule->size), name)) return rule;
    }
    return NULL;
}

bool
prefixes_add(struct prefixes *prefixes, const struct prefix_rule *rule)
{
    uint32_t at = prefixes->count;
    uint8_t first = (uint8_t)rule->name[0];

    ASSERT(rule->size > 0 && rule->size <= PREFIX_BYTES_MAX);
    if (prefixes->count == PREFIXES_MAX) return false;
    for (; at > 0 && prefixes->rules[at - 1].size < rule->size; at--)
        prefixes->rules[at] = prefixes->rules[at - 1];
    prefixes->rules[at] = *rule;
    prefixes->first[first / 64] |= UINT64_C(1) << first % 64;
    prefixes->count++;
    return true;
}

/* ---- rules ---- */

bool
prefix_rule_init(struct prefix_rule *rule, struct bytes name)
{
    memset(rule, 0, sizeof(*rule));
    if (name.size == 0 || name.size > PREFIX_BYTES_MAX) return false;
    memcpy(rule->name, name.data, name.size);
    rule->size = (uint8_t)name.size;
    return true;
}

const char *
prefix_conflict_name(enum prefix_conflict conflict)
{
    return conflict == PREFIX_CONFLICT_SIBLINGS ? "siblings" : "lww";
}

static bool
refuse(char why[PREFIX_WHY_BYTES], const char *text)
{
    (void)snprintf(why, PREFIX_WHY_BYTES, "%s", text);
    return false;
}

static bool
take_count(uint8_t *to, struct bytes word, const char *name,
           char why[PREFIX_WHY_BYTES])
{
    uint8_t count = quorum_parse_count(word);

    if (*to != 0 || count == 0) {
        (void)snprintf(why, PREFIX_WHY_BYTES, "%s must be %s", name,
                       *to != 0 ? "said once" : "a number from 1 to 8");
        return false;
    }
    *to = count;
    return true;
}

static bool
take_pair(struct prefix_rule *rule, struct bytes name, struct bytes value,
          char why[PREFIX_WHY_BYTES])
{
    if (bytes_is_nocase(name, "r"))
        return take_count(&rule->quorum.r, value, "r", why);
    if (bytes_is_nocase(name, "w"))
        return take_count(&rule->quorum.w, value, "w", why);
    if (bytes_is_nocase(name, "mode")) {
        if (rule->quorum.mode != MODE_NOT_SAID)
            return refuse(why, "mode must be said once");
        rule->quorum.mode = (uint8_t)quorum_parse_mode(value);
        return rule->quorum.mode != MODE_NOT_SAID ||
               refuse(why, "mode must be sloppy or strict");
    }
    if (bytes_is_nocase(name, "conflict")) {
        if (rule->conflict != PREFIX_CONFLICT_NOT_SAID)
            return refuse(why, "conflict must be said once");
        if (bytes_is_nocase(value, "siblings"))
            return refuse(why,
                          "the conflict policy is the ring's: conflict-policy");
        if (!bytes_is_nocase(value, "lww"))
            return refuse(why, "conflict must be lww");
        rule->conflict = PREFIX_CONFLICT_LWW;
        return true;
    }
    return refuse(why, "expected r, w, mode or conflict");
}

bool
prefix_rule_parse(struct prefix_rule *rule, const struct bytes *words,
                  uint32_t count, char why[PREFIX_WHY_BYTES])
{
    uint32_t i;

    if (count % 2 != 0) return refuse(why, "each name needs a value");
    for (i = 0; i < count; i += 2) {
        if (!take_pair(rule, words[i], words[i + 1], why)) return false;
    }
    return true;
}

void
prefix_rule_print(const struct prefix_rule *rule, struct buf *out)
{
    const struct quorum *quorum = &rule->quorum;
    const char *between = "";

    if (quorum->r != 0) {
        buf_must_printf(out, "r %u", quorum->r);
        between = " ";
    }
    if (quorum->w != 0) {
        buf_must_printf(out, "%sw %u", between, quorum->w);
        between = " ";
    }
    if (quorum->mode != MODE_NOT_SAID) {
        buf_must_printf(out, "%smode %s", between,
                        quorum_mode_name((enum quorum_mode)quorum->mode));
        between = " ";
    }
    if (rule->conflict != PREFIX_CONFLICT_NOT_SAID) {
        buf_must_printf(
            out, "%sconflict %s", between,
            prefix_conflict_name((enum prefix_conflict)rule->conflict));
    }
}
