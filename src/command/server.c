/*
 * Small commands about the server, and those that are refused: a plain error
 * that says why is better than an unknown command, for people and for clients
 * that probe.
 */
#include "command/admin.h"

#include <stdio.h>

void
admin_pair_int(struct reply *reply, const char *name, int64_t value)
{
    reply_bulk_str(reply, name);
    reply_int(reply, value);
}

/* A container without a subcommand that it knows. */
void
admin_container(struct cmd_call *call)
{
    struct admin_text name = admin_quote(bytes_str(call->spec->name));
    char *at;

    for (at = name.text; *at != '\0'; at++) {
        if (*at >= 'a' && *at <= 'z') *at = (char)(*at - 'a' + 'A');
    }
    reply_errorf(call->reply, "ERR unknown subcommand '%s'. Try %s HELP.",
                 admin_quote(call->args[1]).text, name.text);
}

/* The part of a subcommand's name after the bar, in capitals. */
static void
word_of(const struct cmd_spec *spec, char out[64])
{
    const char *from = strchr(spec->name, '|');
    size_t i = 0;

    from = from != NULL ? from + 1 : spec->name;
    for (; from[i] != '\0' && i < 63; i++) {
        char c = from[i];

        out[i] = c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
    }
    out[i] = '\0';
}

static void
help_line(struct reply *reply, const char *word, const char *syntax,
          const char *summary, int64_t *lines)
{
    char line[512];

    (void)snprintf(line, sizeof(line), "%s%s%s", word,
                   syntax[0] != '\0' ? " " : "", syntax);
    reply_status(reply, line);
    (void)snprintf(line, sizeof(line), "    %s", summary);
    reply_status(reply, line);
    *lines += 2;
}

/* <container> HELP, made from the rows of the table. */
void
admin_help(struct cmd_call *call)
{
    const struct cmd_spec *parent = call->spec->parent;
    size_t place = reply_defer(call->reply);
    int64_t lines = 1;
    char word[64], line[128];
    uint32_t i;

    word_of(parent != NULL ? parent : call->spec, word);
    (void)snprintf(line, sizeof(line),
                   "%s <subcommand> [<arg> [value] [opt] ...]. Subcommands "
                   "are:",
                   word);
    reply_status(call->reply, line);
    for (i = 0; i < cmd_count(); i++) {
        const struct cmd_spec *spec = cmd_at(i);

        if (spec->parent != parent || parent == NULL) continue;
        if (strstr(spec->name, "|help") != NULL) continue;
        word_of(spec, word);
        help_line(call->reply, word, spec->syntax != NULL ? spec->syntax : "",
                  spec->summary, &lines);
    }
    help_line(call->reply, "HELP", "", "Lists the subcommands.", &lines);
    reply_set_array(call->reply, place, lines);
}

/* TIME */
void
admin_time(struct cmd_call *call)
{
    uint64_t now_us = call->env->wall_us;

    reply_array(call->reply, 2);
    reply_bulk_int(call->reply, (int64_t)(now_us / 1000000));
    reply_bulk_int(call->reply, (int64_t)(now_us % 1000000));
}

/* LASTSAVE */
void
admin_lastsave(struct cmd_call *call)
{
    reply_int(call->reply, atomic_load_explicit(&call->env->shared->last_save_s,
                                                memory_order_relaxed));
}

/* ROLE: every node of a ring is a master to its clients. */
void
admin_role(struct cmd_call *call)
{
    reply_array(call->reply, 3);
    reply_bulk_str(call->reply, "master");
    reply_int(call->reply, 0);
    reply_array(call->reply, 0);
}

/* MONITOR */
void
admin_monitor(struct cmd_call *call)
{
    if (call->is_in_exec) {
        reply_error(call->reply,
                    "ERR MONITOR isn't allowed for DENY BLOCKING client");
        return;
    }
    reply_ok(call->reply);
    if (call->client->flags & CLIENT_MONITOR) return;
    call->env->shared->host->monitor(call);
}

/* SHUTDOWN [NOSAVE | SAVE] [NOW] [FORCE] [ABORT] */
void
admin_shutdown(struct cmd_call *call)
{
    bool abort = false, save = false, nosave = false, others = false;
    uint32_t at;

    for (at = 1; at < call->arg_count; at++) {
        if (cmd_arg_is(call, at, "nosave") && !save) {
            nosave = true;
        } else if (cmd_arg_is(call, at, "save") && !nosave) {
            save = true;
        } else if (cmd_arg_is(call, at, "now") ||
                   cmd_arg_is(call, at, "force")) {
            others = true;
        } else if (cmd_arg_is(call, at, "abort")) {
            abort = true;
        } else {
            admin_syntax_error(call);
            return;
        }
    }
    if (abort && (save || nosave || others)) {
        admin_syntax_error(call);
    } else if (abort) {
        reply_error(call->reply, "ERR No shutdown in progress.");
    } else if (save) {
        /* a promise that nobody could keep: nothing is written to disk yet */
        reply_error(call->reply, "ERR Errors trying to SHUTDOWN. Check logs.");
    } else {
        /* no reply: the end of the connection is the answer */
        call->client->flags |= CLIENT_CLOSE;
        call->env->shared->host->shutdown(call);
    }
}

/* ACL WHOAMI: there is one user. */
void
admin_acl_whoami(struct cmd_call *call)
{
    reply_bulk_str(call->reply, "default");
}

/* FUNCTION FLUSH [ASYNC | SYNC]: there are no functions to remove. */
void
admin_function_flush(struct cmd_call *call)
{
    if (call->arg_count > 3) {
        admin_usage_error(call);
    } else if (call->arg_count == 3 && !cmd_arg_is(call, 2, "async") &&
               !cmd_arg_is(call, 2, "sync")) {
        reply_error(call->reply,
                    "ERR FUNCTION FLUSH only supports SYNC|ASYNC option");
    } else {
        reply_ok(call->reply);
    }
}

/* SAVE, BGSAVE, BGREWRITEAOF */
void
admin_not_yet(struct cmd_call *call)
{
    reply_errorf(call->reply,
                 "ERR %s is not supported yet: data is kept in memory only",
                 call->spec->name);
}

/* SWAPDB, REPLCONF, PSYNC, SYNC */
void
admin_refused(struct cmd_call *call)
{
    reply_errorf(call->reply, "ERR %s is not supported by this server",
                 call->spec->name);
}

/* REPLICAOF <host port | NO ONE>: following nobody is how it always is. */
void
admin_replicaof(struct cmd_call *call)
{
    if (cmd_arg_is(call, 1, "no") && cmd_arg_is(call, 2, "one")) {
        reply_ok(call->reply);
    } else {
        admin_refused(call);
    }
}
