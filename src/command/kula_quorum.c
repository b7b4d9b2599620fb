/*
 * KULA.QUORUM: R, W and mode of a connection. KULA.PREFIX: those, and the
 * conflict policy, of keys that begin alike. What they do is coord/'s; here is
 * what they may be.
 */
#include "command/admin.h"

#include "base/memory.h"
#include "base/number.h"

#include <stdio.h>

/* ---- KULA.QUORUM ---- */

static struct quorum
of_ring(const struct settings *settings)
{
    return (struct quorum){
        .r = (uint8_t)settings_int(settings, SETTING_READ_QUORUM),
        .w = (uint8_t)settings_int(settings, SETTING_WRITE_QUORUM),
        .mode = settings_int(settings, SETTING_QUORUM_MODE) == 1 ? MODE_STRICT
                                                                 : MODE_SLOPPY,
    };
}

static void
show_quorum(struct cmd_call *call)
{
    struct quorum own = call->client->quorum;
    struct quorum quorum =
        quorum_over(own, of_ring(call->env->shared->settings));
    struct reply *reply = call->reply;

    reply_map(reply, 4);
    reply_bulk_str(reply, "r");
    reply_int(reply, quorum.r);
    reply_bulk_str(reply, "w");
    reply_int(reply, quorum.w);
    reply_bulk_str(reply, "mode");
    reply_bulk_str(reply, quorum_mode_name((enum quorum_mode)quorum.mode));
    reply_bulk_str(reply, "own");
    reply_array(reply,
                (own.r != 0) + (own.w != 0) + (own.mode != MODE_NOT_SAID));
    if (own.r != 0) reply_bulk_str(reply, "r");
    if (own.w != 0) reply_bulk_str(reply, "w");
    if (own.mode != MODE_NOT_SAID) reply_bulk_str(reply, "mode");
}

/* KULA.QUORUM [DEFAULT | RESET | [R n] [W n] [MODE sloppy | strict]] */
void
admin_kula_quorum(struct cmd_call *call)
{
    struct prefix_rule said = {0};
    char why[PREFIX_WHY_BYTES];

    if (call->arg_count == 1) {
        show_quorum(call);
        return;
    }
    if (call->arg_count == 2 &&
        (cmd_arg_is(call, 1, "default") || cmd_arg_is(call, 1, "reset"))) {
        call->client->quorum = (struct quorum){0};
        reply_ok(call->reply);
        return;
    }
    if (!prefix_rule_parse(&said, call->args + 1, call->arg_count - 1, why)) {
        reply_errorf(call->reply, "ERR %s", why);
    } else if (said.conflict != PREFIX_CONFLICT_NOT_SAID) {
        reply_error(call->reply, "ERR a connection has no conflict policy");
    } else {
        call->client->quorum = quorum_over(said.quorum, call->client->quorum);
        reply_ok(call->reply);
    }
}

/* ---- KULA.PREFIX ---- */

static void
put_count(struct reply *reply, const char *name, uint8_t count)
{
    reply_bulk_str(reply, name);
    if (count != 0) {
        reply_int(reply, count);
    } else {
        reply_null(reply);
    }
}

static void
put_rule(struct reply *reply, const struct prefix_rule *rule)
{
    reply_map(reply, 4);
    put_count(reply, "r", rule->quorum.r);
    put_count(reply, "w", rule->quorum.w);
    reply_bulk_str(reply, "mode");
    if (rule->quorum.mode != MODE_NOT_SAID) {
        reply_bulk_str(reply,
                       quorum_mode_name((enum quorum_mode)rule->quorum.mode));
    } else {
        reply_null(reply);
    }
    reply_bulk_str(reply, "conflict");
    if (rule->conflict != PREFIX_CONFLICT_NOT_SAID) {
        reply_bulk_str(
            reply, prefix_conflict_name((enum prefix_conflict)rule->conflict));
    } else {
        reply_null(reply);
    }
}

static const struct prefixes *
present(const struct cmd_call *call)
{
    static const struct prefixes none = {0};
    const struct prefixes *prefixes = atomic_load_explicit(
        &call->env->shared->prefixes, memory_order_acquire);

    return prefixes != NULL ? prefixes : &none;
}

static void
list_prefixes(struct cmd_call *call)
{
    const struct prefixes *prefixes = present(call);
    uint32_t i;

    reply_map(call->reply, prefixes->count);
    for (i = 0; i < prefixes->count; i++) {
        const struct prefix_rule *rule = &prefixes->rules[i];

        reply_bulk(call->reply, bytes_of(rule->name, rule->size));
        put_rule(call->reply, rule);
    }
}

/* Copies that a key has: the sum of "3", or of "dc1:3 dc2:2". */
static int64_t
copies(const struct settings *settings)
{
    char *text = settings_text(settings, SETTING_REPLICAS);
    const char *at = text;
    int64_t sum = 0;

    for (; *at != '\0'; at++) {
        if (*at >= '1' && *at <= '9' &&
            (at == text || at[-1] == ':' || text[1] == '\0'))
            sum += *at - '0';
    }
    mem_free(text);
    return sum;
}

/* Drops `n` and its value from the words, if it is the number there is: other
 * numbers of copies for a prefix are not there yet. */
static bool
take_copies(const struct cmd_call *call, struct bytes *words, uint32_t *count,
            char why[PREFIX_WHY_BYTES])
{
    int64_t most = copies(call->env->shared->settings), value;
    uint32_t i;

    for (i = 0; i + 1 < *count; i += 2) {
        if (!bytes_is_nocase(words[i], "n")) continue;
        if (!number_parse_int(words[i + 1], &value) || value != most) {
            (void)snprintf(why, PREFIX_WHY_BYTES,
                           "n must be %lld, as replicas says: other numbers of "
                           "copies for a prefix are not supported yet",
                           (long long)most);
            return false;
        }
        memmove(&words[i], &words[i + 2], (*count - i - 2) * sizeof(*words));
        *count -= 2;
        return true;
    }
    return true;
}

static void
change(struct cmd_call *call, const struct prefix_rule *rule)
{
    const struct cmd_host *host = call->env->shared->host;
    const char *error = "nothing is known of a ring here";

    if (host != NULL && host->prefix != NULL) error = host->prefix(call, rule);
    if (error != NULL) {
        reply_errorf(call->reply, "ERR %s", error);
    } else {
        reply_ok(call->reply);
    }
}

/* KULA.PREFIX SET prefix [N n] [R n] [W n] [MODE ...] [CONFLICT lww] */
static void
set_prefix(struct cmd_call *call)
{
    struct bytes words[16];
    uint32_t count = call->arg_count - 3, i;
    struct prefix_rule rule;
    char why[PREFIX_WHY_BYTES];

    if (count == 0 || count > ARRAY_LEN(words)) {
        admin_syntax_error(call);
        return;
    }
    if (!prefix_rule_init(&rule, call->args[2])) {
        reply_errorf(call->reply, "ERR a prefix has 1 to %d bytes",
                     PREFIX_BYTES_MAX);
        return;
    }
    for (i = 0; i < count; i++)
        words[i] = call->args[3 + i];
    if (!take_copies(call, words, &count, why) ||
        !prefix_rule_parse(&rule, words, count, why)) {
        reply_errorf(call->reply, "ERR %s", why);
    } else if (count == 0) {
        reply_error(call->reply,
                    "ERR nothing is said besides n: name r, w, mode, conflict");
    } else {
        change(call, &rule);
    }
}

static void
delete_prefix(struct cmd_call *call)
{
    struct prefix_rule rule;

    if (prefixes_get(present(call), call->args[2]) == NULL ||
        !prefix_rule_init(&rule, call->args[2])) {
        reply_error(call->reply, "ERR there is no such prefix");
    } else {
        change(call, &rule);
    }
}

/* KULA.PREFIX SET prefix ... | GET prefix | DEL prefix | LIST */
void
admin_kula_prefix(struct cmd_call *call)
{
    const struct prefix_rule *rule;

    if (call->arg_count == 2 && cmd_arg_is(call, 1, "list")) {
        list_prefixes(call);
    } else if (call->arg_count == 3 && cmd_arg_is(call, 1, "get")) {
        rule = prefixes_get(present(call), call->args[2]);
        if (rule != NULL) {
            put_rule(call->reply, rule);
        } else {
            reply_null(call->reply);
        }
    } else if (call->arg_count == 3 && cmd_arg_is(call, 1, "del")) {
        delete_prefix(call);
    } else if (call->arg_count >= 3 && cmd_arg_is(call, 1, "set")) {
        set_prefix(call);
    } else {
        admin_syntax_error(call);
    }
}
