/*
 * DEBUG: for tests of clients and for looking at one key. What only makes
 * sense inside Redis is not there.
 */
#include "command/admin.h"

#include "base/log_line.h"
#include "base/number.h"
#include "command/latency.h"
#include "command/slowlog.h"
#include "config/choices.h"
#include "store/replicate.h"

#include <stdio.h>

bool
admin_is_allowed(const struct cmd_call *call, enum setting id)
{
    int64_t allowed = settings_int(call->env->shared->settings, id);
    const struct client *client = call->client;

    if (allowed != PROTECTED_LOCAL) return allowed == PROTECTED_YES;
    return client->flags & CLIENT_UNIX ||
           !strncmp(client->address, "127.", 4) ||
           !strncmp(client->address, "[::1]:", 6);
}

/* DEBUG SLEEP seconds: this client's next command waits, others don't. */
static void
debug_sleep(struct cmd_call *call)
{
    long double seconds;

    if (!number_parse_float(call->args[2], &seconds) || seconds < 0) {
        seconds = 0;
    }
    if (seconds > 1e9L) seconds = 1e9L;
    call->env->shared->host->sleep(call, call->env->now_ms +
                                             (int64_t)(seconds * 1000));
    /* the worker never stood still, but whoever looks expects to see it */
    slowlog_note(call, (uint64_t)(seconds * 1000000));
    latency_note_call(call, (uint64_t)(seconds * 1000000));
    reply_ok(call->reply);
}

/* DEBUG OBJECT key */
static void
debug_object(struct cmd_call *call)
{
    struct store_key key =
        store_key(call->store, call->client->db, call->args[2]);
    const struct object *object;
    char text[256];

    if (!call->all_held) store_lock(call->store, key.slot);
    object = store_get(call->store, &key, STORE_NO_TOUCH, call->wall_ms);
    if (object == NULL) {
        reply_error(call->reply, "ERR no such key");
    } else {
        int64_t idle_s = store_idle_s(call->store, &key, call->wall_ms);

        (void)snprintf(text, sizeof(text),
                       "Value at:0x%llx refcount:1 encoding:%s "
                       "serializedlength:%zu lru:%u lru_seconds_idle:%lld "
                       "heat:%u",
                       (unsigned long long)object->stamp.bits,
                       object_encoding(object), object_value(object).size,
                       (unsigned)(call->wall_ms / 1000 - idle_s) & 0xffffffu,
                       (long long)idle_s, store_heat(call->store, &key));
        reply_status(call->reply, text);
    }
    if (!call->all_held) store_unlock(call->store, key.slot);
}

static void
ints(struct reply *reply)
{
    int64_t i;

    for (i = 0; i < 3; i++)
        reply_int(reply, i);
}

static void
protocol_resp3(struct cmd_call *call)
{
    struct reply *reply = call->reply;

    if (cmd_arg_is(call, 2, "attrib")) {
        if (reply->proto == 3) {
            reply_raw(reply, BYTES_LIT("|1\r\n"));
            reply_bulk_str(reply, "key-popularity");
            reply_array(reply, 2);
            reply_bulk_str(reply, "key:123");
            reply_int(reply, 90);
        }
        reply_bulk_str(reply, "Some real reply following the attribute");
    } else if (reply->proto == 2) {
        reply_error(reply, "ERR RESP2 is not supported by this command");
    } else {
        reply_push(reply, 2);
        reply_bulk_str(reply, "server-cpu-usage");
        reply_int(reply, 42);
        reply_bulk_str(reply, "Some real reply following the push reply");
    }
}

/* DEBUG PROTOCOL type: a value of each type that RESP has. */
static void
debug_protocol(struct cmd_call *call)
{
    struct reply *reply = call->reply;
    int64_t i;

    if (cmd_arg_is(call, 2, "string")) {
        reply_bulk_str(reply, "Hello World");
    } else if (cmd_arg_is(call, 2, "integer")) {
        reply_int(reply, 12345);
    } else if (cmd_arg_is(call, 2, "double")) {
        reply_double(reply, 3.141);
    } else if (cmd_arg_is(call, 2, "bignum")) {
        static const char digits[] = "1234567999999999999999999999999999999";

        if (reply->proto == 3) {
            reply_raw(reply, BYTES_LIT("("));
            reply_raw(reply, bytes_str(digits));
            reply_raw(reply, BYTES_LIT("\r\n"));
        } else {
            reply_bulk_str(reply, digits);
        }
    } else if (cmd_arg_is(call, 2, "null")) {
        reply_null(reply);
    } else if (cmd_arg_is(call, 2, "array")) {
        reply_array(reply, 3);
        ints(reply);
    } else if (cmd_arg_is(call, 2, "set")) {
        reply_set(reply, 3);
        ints(reply);
    } else if (cmd_arg_is(call, 2, "map")) {
        reply_map(reply, 3);
        for (i = 0; i < 3; i++) {
            reply_int(reply, i);
            reply_bool(reply, i == 1);
        }
    } else if (cmd_arg_is(call, 2, "attrib") || cmd_arg_is(call, 2, "push")) {
        protocol_resp3(call);
    } else if (cmd_arg_is(call, 2, "verbatim")) {
        reply_verbatim(reply, "txt", BYTES_LIT("This is a verbatim\nstring"));
    } else if (cmd_arg_is(call, 2, "true")) {
        reply_bool(reply, true);
    } else if (cmd_arg_is(call, 2, "false")) {
        reply_bool(reply, false);
    } else {
        reply_error(reply, "ERR Wrong protocol type name. Please use one of "
                           "the following: string|integer|double|bignum|null|"
                           "array|set|map|attrib|push|verbatim|true|false");
    }
}

/* DEBUG KULA-DROP key, DEBUG KULA-FLIP key: loses or alters this node's copy of
 * a key behind the digest's back, as damage would. */
static void
debug_damage(struct cmd_call *call,
             bool (*damage)(struct store *store, const struct store_key *key))
{
    struct store_key key =
        store_key(call->store, call->client->db, call->args[2]);
    bool is_done;

    if (call->is_in_exec) {
        reply_error(call->reply, "ERR not inside a transaction");
        return;
    }
    store_lock(call->store, key.slot);
    is_done = damage(call->store, &key);
    store_unlock(call->store, key.slot);
    if (is_done) {
        reply_ok(call->reply);
    } else {
        reply_error(call->reply, "ERR no such key");
    }
}

static void
debug_help(struct cmd_call *call)
{
    static const char *const lines[] = {
        "DEBUG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
        "ERROR <string>",
        "    Answers an error of that text.",
        "KULA-DROP <key>",
        "    Loses this node's copy of a key, as damage would.",
        "KULA-FLIP <key>",
        "    Alters this node's copy of a key, as damage would.",
        "LOG <message>",
        "    Writes a line to the log.",
        "OBJECT <key>",
        "    Shows how a key is kept.",
        "PROTOCOL <type>",
        "    Answers a value of one of RESP's types.",
        "SLEEP <seconds>",
        "    Lets this client wait. Decimals are allowed.",
        "HELP",
        "    Lists the subcommands.",
    };
    size_t i;

    reply_array(call->reply, ARRAY_LEN(lines));
    for (i = 0; i < ARRAY_LEN(lines); i++) {
        reply_status(call->reply, lines[i]);
    }
}

/* DEBUG subcommand [arg ...] */
void
admin_debug(struct cmd_call *call)
{
    if (!admin_is_allowed(call, SETTING_ENABLE_DEBUG_COMMAND)) {
        reply_error(call->reply,
                    "ERR DEBUG command not allowed. If the "
                    "enable-debug-command option is set to \"local\", you can "
                    "run it from a local connection, otherwise you need to "
                    "set this option in the configuration file, and then "
                    "restart the server.");
    } else if (call->arg_count == 2 && cmd_arg_is(call, 1, "help")) {
        debug_help(call);
    } else if (call->arg_count != 3) {
        admin_usage_error(call);
    } else if (cmd_arg_is(call, 1, "sleep")) {
        debug_sleep(call);
    } else if (cmd_arg_is(call, 1, "object")) {
        debug_object(call);
    } else if (cmd_arg_is(call, 1, "kula-drop")) {
        debug_damage(call, store_damage_drop);
    } else if (cmd_arg_is(call, 1, "kula-flip")) {
        debug_damage(call, store_damage_flip);
    } else if (cmd_arg_is(call, 1, "protocol")) {
        debug_protocol(call);
    } else if (cmd_arg_is(call, 1, "error")) {
        reply_errorf(call->reply, "%s", admin_quote(call->args[2]).text);
    } else if (cmd_arg_is(call, 1, "log")) {
        log_line(LOG_LEVEL_WARNING, "DEBUG LOG: %s",
                 admin_quote(call->args[2]).text);
        reply_ok(call->reply);
    } else {
        admin_usage_error(call);
    }
}
