/*
 * The connection itself: greetings, passwords, databases, its end.
 *
 * There is one user, "default", whose password is requirepass. Which commands
 * work before AUTH is decided by cmd_run, from CMD_NO_AUTH.
 */
#include "command/admin.h"

#include "base/number.h"
#include "command/info.h"
#include "command/multi.h"

#include <limits.h>

static const char WRONGPASS[] =
    "WRONGPASS invalid username-password pair or user is disabled.";

void
admin_syntax_error(struct cmd_call *call)
{
    reply_error(call->reply, "ERR syntax error");
}

struct admin_text
admin_quote(struct bytes data)
{
    struct admin_text quoted;
    size_t size = min_u64(data.size, sizeof(quoted.text) - 1);

    if (size > 0) memcpy(quoted.text, data.data, size);
    quoted.text[size] = '\0';
    return quoted;
}

static void
upper_case(char *text)
{
    for (; *text != '\0'; text++) {
        if (*text >= 'a' && *text <= 'z') *text = (char)(*text - 'a' + 'A');
    }
}

void
admin_usage_error(struct cmd_call *call)
{
    struct admin_text container = admin_quote(call->args[0]);

    upper_case(container.text);
    reply_errorf(call->reply,
                 "ERR unknown subcommand or wrong number of arguments for "
                 "'%s'. Try %s HELP.",
                 admin_quote(call->args[1]).text, container.text);
}

static bool
has_password(const struct cmd_shared *shared)
{
    return !settings_text_is(shared->settings, SETTING_REQUIREPASS,
                             bytes_of(NULL, 0));
}

bool
admin_password_ok(const struct cmd_shared *shared, struct bytes user,
                  struct bytes password)
{
    return bytes_equal(user, BYTES_LIT("default")) &&
           (!has_password(shared) ||
            settings_text_is(shared->settings, SETTING_REQUIREPASS, password));
}

static bool
log_in(struct cmd_call *call, struct bytes user, struct bytes password)
{
    if (admin_password_ok(call->env->shared, user, password)) {
        call->client->flags |= CLIENT_AUTHENTICATED;
        return true;
    }
    metric_add(&call->env->metrics.auth_failures, 1);
    reply_error(call->reply, WRONGPASS);
    return false;
}

/* AUTH [username] password */
void
admin_auth(struct cmd_call *call)
{
    bool has_user = call->arg_count == 3;
    struct bytes user = has_user ? call->args[1] : BYTES_LIT("default");

    if (call->arg_count > 3) {
        admin_syntax_error(call);
        return;
    }
    if (!has_user && !has_password(call->env->shared)) {
        reply_error(call->reply,
                    "ERR AUTH <password> called without any password "
                    "configured for the default user. Are you sure your "
                    "configuration is correct?");
        return;
    }
    if (log_in(call, user, call->args[has_user ? 2 : 1])) {
        reply_ok(call->reply);
    }
}

static void
hello_facts(struct cmd_call *call)
{
    struct reply *reply = call->reply;

    reply_map(reply, 7);
    reply_bulk_str(reply, "server");
    reply_bulk_str(reply, "redis");
    reply_bulk_str(reply, "version");
    reply_bulk_str(reply, KULA_REDIS_VERSION);
    reply_bulk_str(reply, "proto");
    reply_int(reply, call->client->proto);
    reply_bulk_str(reply, "id");
    reply_int(reply, (int64_t)call->client->id);
    reply_bulk_str(reply, "mode");
    reply_bulk_str(reply, "standalone");
    reply_bulk_str(reply, "role");
    reply_bulk_str(reply, "master");
    reply_bulk_str(reply, "modules");
    reply_array(reply, 0);
}

/* 2 or 3, or 0: as it is; else an error and false. */
static bool
hello_proto(struct cmd_call *call, int64_t *proto)
{
    *proto = 0;
    if (call->arg_count == 1) return true;
    if (!number_parse_int(call->args[1], proto)) {
        reply_error(call->reply,
                    "ERR Protocol version is not an integer or out of range");
        return false;
    }
    if (*proto == 2 || *proto == 3) return true;
    reply_error(call->reply, "NOPROTO unsupported protocol version");
    return false;
}

/* Each option takes effect as it is read: one that is wrong does not undo
 * those before it. */
static bool
hello_options(struct cmd_call *call)
{
    uint32_t at = 2;

    while (at < call->arg_count) {
        uint32_t left = call->arg_count - 1 - at;

        if (cmd_arg_is(call, at, "auth") && left >= 2) {
            if (!log_in(call, call->args[at + 1], call->args[at + 2]))
                return false;
            at += 3;
        } else if (cmd_arg_is(call, at, "setname") && left >= 1) {
            if (!admin_name_ok(call->args[at + 1])) {
                reply_error(call->reply, ADMIN_BAD_NAME);
                return false;
            }
            admin_set_text(&call->client->name, call->args[at + 1]);
            at += 2;
        } else {
            reply_errorf(call->reply, "ERR Syntax error in HELLO option '%s'",
                         admin_quote(call->args[at]).text);
            return false;
        }
    }
    return true;
}

/* HELLO [protover [AUTH username password] [SETNAME clientname]] */
void
admin_hello(struct cmd_call *call)
{
    int64_t proto;

    if (!hello_proto(call, &proto) || !hello_options(call)) return;
    if (cmd_needs_auth(call)) {
        reply_error(call->reply,
                    "NOAUTH HELLO must be called with the client already "
                    "authenticated, otherwise the HELLO AUTH <user> <pass> "
                    "option can be used to authenticate the client and select "
                    "the RESP protocol version at the same time");
        return;
    }
    if (proto != 0) {
        call->client->proto = (uint8_t)proto;
        call->reply->proto = (uint8_t)proto;
    }
    hello_facts(call);
}

/* PING [message] */
void
admin_ping(struct cmd_call *call)
{
    if (call->arg_count > 2) {
        reply_error(call->reply,
                    "ERR wrong number of arguments for 'ping' command");
    } else if (call->arg_count == 2) {
        reply_bulk(call->reply, call->args[1]);
    } else {
        reply_status(call->reply, "PONG");
    }
}

/* ECHO message */
void
admin_echo(struct cmd_call *call)
{
    reply_bulk(call->reply, call->args[1]);
}

/* SELECT index */
void
admin_select(struct cmd_call *call)
{
    int64_t db;

    if (!cmd_int_arg(call, 1, &db)) return;
    if (db < INT_MIN || db > INT_MAX) {
        reply_errorf(call->reply,
                     "ERR value is out of range, value must between %d and %d",
                     INT_MIN, INT_MAX);
        return;
    }
    if (db < 0 || db >= STORE_DBS ||
        db >= settings_int(call->env->shared->settings, SETTING_DATABASES)) {
        reply_error(call->reply, "ERR DB index is out of range");
        return;
    }
    call->client->db = (uint32_t)db;
    reply_ok(call->reply);
}

/* QUIT */
void
admin_quit(struct cmd_call *call)
{
    call->client->flags |= CLIENT_CLOSE;
    reply_ok(call->reply);
}

/* RESET: only the library's name and the numbers of the connection stay. */
void
admin_reset(struct cmd_call *call)
{
    struct client *client = call->client;

    if (client->flags & CLIENT_MONITOR) {
        atomic_fetch_sub_explicit(&call->env->shared->monitor_count, 1,
                                  memory_order_relaxed);
    }
    multi_discard(client);
    client->flags &=
        ~(uint32_t)(CLIENT_MONITOR | CLIENT_NO_EVICT | CLIENT_NO_TOUCH |
                    CLIENT_REPLY_OFF | CLIENT_REPLY_SKIP |
                    CLIENT_REPLY_SKIP_NEXT | CLIENT_AUTHENTICATED);
    if (!has_password(call->env->shared)) {
        client->flags |= CLIENT_AUTHENTICATED;
    }
    client->db = 0;
    client->proto = 2;
    client->quorum = (struct quorum){0};
    call->reply->proto = 2;
    admin_set_text(&client->name, bytes_of(NULL, 0));
    reply_status(call->reply, "RESET");
}

/* READONLY, READWRITE, ASKING */
void
admin_cluster_off(struct cmd_call *call)
{
    reply_error(call->reply, "ERR This instance has cluster support disabled");
}

/* WAIT numreplicas timeout: of a node by itself; a ring's is coord/'s. */
void
admin_wait(struct cmd_call *call)
{
    int64_t replicas, timeout_ms;

    if (!cmd_int_arg(call, 1, &replicas)) return;
    if (!number_parse_int(call->args[2], &timeout_ms)) {
        reply_error(call->reply,
                    "ERR timeout is not an integer or out of range");
    } else if (timeout_ms < 0) {
        reply_error(call->reply, "ERR timeout is negative");
    } else {
        reply_int(call->reply, 0);
    }
}
