/*
 * CLIENT: what concerns this connection is answered here; LIST, KILL and
 * PAUSE reach over all workers and go through the host.
 */
#include "command/admin.h"

#include "base/memory.h"
#include "base/number.h"
#include "command/client_line.h"

const char ADMIN_BAD_NAME[] = "ERR Client names cannot contain spaces, "
                              "newlines or special characters.";

bool
admin_name_ok(struct bytes name)
{
    size_t i;

    for (i = 0; i < name.size; i++) {
        if (name.data[i] < '!' || name.data[i] > '~') return false;
    }
    return true;
}

void
admin_set_text(char **text, struct bytes value)
{
    mem_free(*text);
    *text = value.size > 0 ? mem_must_text(value.data, value.size) : NULL;
}

/* Argument `at` as "on" or "off"; else a syntax error and false. */
static bool
on_off(struct cmd_call *call, uint32_t at, bool *on)
{
    *on = cmd_arg_is(call, at, "on");
    if (*on || cmd_arg_is(call, at, "off")) return true;
    admin_syntax_error(call);
    return false;
}

static void
set_flag(struct cmd_call *call, uint32_t flag)
{
    bool on;

    if (!on_off(call, 2, &on)) return;
    if (on) {
        call->client->flags |= flag;
    } else {
        call->client->flags &= ~flag;
    }
    reply_ok(call->reply);
}

/* CLIENT ID */
void
admin_client_id(struct cmd_call *call)
{
    reply_int(call->reply, (int64_t)call->client->id);
}

/* CLIENT GETNAME */
void
admin_client_getname(struct cmd_call *call)
{
    if (call->client->name != NULL) {
        reply_bulk_str(call->reply, call->client->name);
    } else {
        reply_null(call->reply);
    }
}

/* CLIENT SETNAME connection-name */
void
admin_client_setname(struct cmd_call *call)
{
    if (!admin_name_ok(call->args[2])) {
        reply_error(call->reply, ADMIN_BAD_NAME);
        return;
    }
    admin_set_text(&call->client->name, call->args[2]);
    reply_ok(call->reply);
}

/* CLIENT SETINFO <LIB-NAME libname | LIB-VER libver> */
void
admin_client_setinfo(struct cmd_call *call)
{
    if (!admin_name_ok(call->args[3])) {
        reply_errorf(call->reply,
                     "ERR %s cannot contain spaces, newlines or special "
                     "characters.",
                     admin_quote(call->args[2]).text);
    } else if (cmd_arg_is(call, 2, "lib-name")) {
        admin_set_text(&call->client->lib_name, call->args[3]);
        reply_ok(call->reply);
    } else if (cmd_arg_is(call, 2, "lib-ver")) {
        admin_set_text(&call->client->lib_version, call->args[3]);
        reply_ok(call->reply);
    } else {
        reply_errorf(call->reply, "ERR Unrecognized option '%s'",
                     admin_quote(call->args[2]).text);
    }
}

/* CLIENT NO-EVICT <ON | OFF> */
void
admin_client_no_evict(struct cmd_call *call)
{
    set_flag(call, CLIENT_NO_EVICT);
}

/* CLIENT NO-TOUCH <ON | OFF> */
void
admin_client_no_touch(struct cmd_call *call)
{
    set_flag(call, CLIENT_NO_TOUCH);
}

/* CLIENT REPLY <ON | OFF | SKIP> */
void
admin_client_reply(struct cmd_call *call)
{
    uint32_t *flags = &call->client->flags;

    if (cmd_arg_is(call, 2, "on")) {
        *flags &= ~(uint32_t)(CLIENT_REPLY_OFF | CLIENT_REPLY_SKIP);
        reply_ok(call->reply);
    } else if (cmd_arg_is(call, 2, "off")) {
        *flags |= CLIENT_REPLY_OFF;
    } else if (cmd_arg_is(call, 2, "skip")) {
        if (!(*flags & CLIENT_REPLY_OFF)) *flags |= CLIENT_REPLY_SKIP_NEXT;
    } else {
        admin_syntax_error(call);
    }
}

/* CLIENT INFO */
void
admin_client_info(struct cmd_call *call)
{
    struct buf *line = &call->env->scratch;

    line->used = 0;
    client_line(call->client, call->env->now_ms, line);
    buf_must_add(line, "\n", 1);
    reply_verbatim(call->reply, "txt", buf_bytes(line));
}

/* The name of a class of clients, or an error reply and false. */
static bool
type_arg(struct cmd_call *call, uint32_t at, const char **type)
{
    static const char *const names[][2] = {
        {"normal", "normal"}, {"replica", "replica"}, {"slave", "replica"},
        {"pubsub", "pubsub"}, {"master", "master"},
    };
    uint32_t i;

    for (i = 0; i < ARRAY_LEN(names); i++) {
        if (cmd_arg_is(call, at, names[i][0])) {
            *type = names[i][1];
            return true;
        }
    }
    reply_errorf(call->reply, "ERR Unknown client type '%s'",
                 admin_quote(call->args[at]).text);
    return false;
}

static bool
ids_arg(struct cmd_call *call, uint32_t from, struct client_query *query)
{
    uint32_t count = call->arg_count - from, i;

    query->ids = mem_try(count * sizeof(*query->ids));
    if (query->ids == NULL) {
        reply_error(call->reply, "OOM command not allowed when used memory > "
                                 "'maxmemory'.");
        return false;
    }
    for (i = 0; i < count; i++) {
        int64_t id;

        if (!number_parse_int(call->args[from + i], &id)) {
            reply_error(call->reply, "ERR Invalid client ID");
            return false;
        }
        query->ids[i] = (uint64_t)id;
    }
    query->id_count = count;
    return true;
}

static void
ask_host(struct cmd_call *call, const struct client_query *query)
{
    call->env->shared->host->clients(call, query);
}

/* CLIENT LIST [TYPE type | ID id [id ...]] */
void
admin_client_list(struct cmd_call *call)
{
    struct client_query query = {0};

    if (call->arg_count == 4 && cmd_arg_is(call, 2, "type")) {
        if (!type_arg(call, 3, &query.type)) return;
        ask_host(call, &query);
    } else if (call->arg_count > 3 && cmd_arg_is(call, 2, "id")) {
        if (ids_arg(call, 3, &query)) ask_host(call, &query);
        mem_free(query.ids);
    } else if (call->arg_count != 2) {
        admin_syntax_error(call);
    } else {
        ask_host(call, &query);
    }
}

/* One "option value" pair of CLIENT KILL; else an error reply and false. */
static bool
kill_option(struct cmd_call *call, uint32_t at, struct client_query *query,
            uint64_t *id)
{
    int64_t number;

    if (cmd_arg_is(call, at, "id")) {
        if (!number_parse_int(call->args[at + 1], &number) || number < 1) {
            reply_error(call->reply, "ERR client-id should be greater than 0");
            return false;
        }
        *id = (uint64_t)number;
        query->ids = id;
        query->id_count = 1;
    } else if (cmd_arg_is(call, at, "type")) {
        return type_arg(call, at + 1, &query->type);
    } else if (cmd_arg_is(call, at, "addr")) {
        query->address = call->args[at + 1];
    } else if (cmd_arg_is(call, at, "laddr")) {
        query->local_address = call->args[at + 1];
    } else if (cmd_arg_is(call, at, "user")) {
        query->user = call->args[at + 1];
        if (!bytes_equal(query->user, BYTES_LIT("default"))) {
            reply_errorf(call->reply, "ERR No such user '%s'",
                         admin_quote(query->user).text);
            return false;
        }
    } else if (cmd_arg_is(call, at, "skipme") &&
               cmd_arg_is(call, at + 1, "yes")) {
        query->skip_me = true;
    } else if (cmd_arg_is(call, at, "skipme") &&
               cmd_arg_is(call, at + 1, "no")) {
        query->skip_me = false;
    } else {
        admin_syntax_error(call);
        return false;
    }
    return true;
}

/* CLIENT KILL <ip:port | option value [option value ...]> */
void
admin_client_kill(struct cmd_call *call)
{
    struct client_query query = {.is_kill = true};
    uint64_t id;
    uint32_t at;

    if (call->arg_count == 3) {
        query.is_old_style = true;
        query.address = call->args[2];
        if (query.address.size == 0) {
            reply_error(call->reply, "ERR No such client");
            return;
        }
        ask_host(call, &query);
        return;
    }
    query.skip_me = true;
    for (at = 2; at < call->arg_count; at += 2) {
        if (at + 1 == call->arg_count) {
            admin_syntax_error(call);
            return;
        }
        if (!kill_option(call, at, &query, &id)) return;
    }
    ask_host(call, &query);
}

/* CLIENT PAUSE timeout [WRITE | ALL] */
void
admin_client_pause(struct cmd_call *call)
{
    struct cmd_shared *shared = call->env->shared;
    int64_t now_ms = call->env->now_ms, timeout_ms, until_ms, old_ms;
    bool only_writes = false;

    if (call->arg_count > 4) {
        admin_usage_error(call);
        return;
    }
    if (call->arg_count == 4) {
        only_writes = cmd_arg_is(call, 3, "write");
        if (!only_writes && !cmd_arg_is(call, 3, "all")) {
            reply_error(call->reply,
                        "ERR CLIENT PAUSE mode must be WRITE or ALL");
            return;
        }
    }
    if (!number_parse_int(call->args[2], &timeout_ms)) {
        reply_error(call->reply,
                    "ERR timeout is not an integer or out of range");
        return;
    }
    if (timeout_ms < 0) {
        reply_error(call->reply, "ERR timeout is negative");
        return;
    }
    if (__builtin_add_overflow(now_ms, timeout_ms, &until_ms)) {
        reply_error(call->reply, "ERR timeout is out of range");
        return;
    }
    /* a pause is never shortened or softened by a second one */
    old_ms =
        atomic_load_explicit(&shared->pause_until_ms, memory_order_relaxed);
    if (old_ms > now_ms) {
        if (old_ms > until_ms) until_ms = old_ms;
        if (!atomic_load_explicit(&shared->pause_only_writes,
                                  memory_order_relaxed)) {
            only_writes = false;
        }
    }
    shared->host->pause(call, until_ms, only_writes);
    reply_ok(call->reply);
}

/* CLIENT UNPAUSE */
void
admin_client_unpause(struct cmd_call *call)
{
    call->env->shared->host->pause(call, 0, false);
    reply_ok(call->reply);
}

/* CLIENT UNBLOCK client-id [TIMEOUT | ERROR]: no command blocks yet. */
void
admin_client_unblock(struct cmd_call *call)
{
    int64_t id;

    if (call->arg_count > 4) {
        admin_usage_error(call);
        return;
    }
    if (call->arg_count == 4 && !cmd_arg_is(call, 3, "timeout") &&
        !cmd_arg_is(call, 3, "error")) {
        reply_error(call->reply,
                    "ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR");
        return;
    }
    if (cmd_int_arg(call, 2, &id)) reply_int(call->reply, 0);
}

/* CLIENT TRACKING <ON | OFF> ...: it is always off. */
void
admin_client_tracking(struct cmd_call *call)
{
    bool on;

    if (!on_off(call, 2, &on)) return;
    if (on) {
        reply_error(call->reply, "ERR CLIENT TRACKING is not supported yet");
    } else if (call->arg_count > 3) {
        admin_syntax_error(call);
    } else {
        reply_ok(call->reply);
    }
}

/* CLIENT TRACKINGINFO */
void
admin_client_trackinginfo(struct cmd_call *call)
{
    reply_map(call->reply, 3);
    reply_bulk_str(call->reply, "flags");
    reply_set(call->reply, 1);
    reply_bulk_str(call->reply, "off");
    reply_bulk_str(call->reply, "redirect");
    reply_int(call->reply, -1);
    reply_bulk_str(call->reply, "prefixes");
    reply_array(call->reply, 0);
}

/* CLIENT GETREDIR */
void
admin_client_getredir(struct cmd_call *call)
{
    reply_int(call->reply, -1);
}

/* CLIENT CACHING <YES | NO> */
void
admin_client_caching(struct cmd_call *call)
{
    reply_error(call->reply,
                "ERR CLIENT CACHING can be called only when the client is in "
                "tracking mode with OPTIN or OPTOUT mode enabled");
}
