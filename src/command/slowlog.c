/*
 * A list, newest first. Copying the arguments happens outside the lock; what
 * falls off the end is freed by whoever adds.
 */
#include "command/slowlog.h"

#include "base/lock.h"
#include "base/memory.h"
#include "base/number.h"
#include "command/admin.h"

#include <stdio.h>

enum { ARGS_MAX = 32, ARG_BYTES_MAX = 128, ARG_NOTE_BYTES = 40 };

struct entry {
    struct entry *newer, *older;
    int64_t id, wall_s;
    uint64_t duration_us;
    char address[112];
    char *client_name; /* owned */
    uint32_t arg_count;
    struct {
        char *text; /* owned */
        size_t size;
    } args[ARGS_MAX];
};

struct slowlog {
    struct lock lock;
    struct entry *newest, *oldest;
    uint64_t count;
    int64_t next_id;
};

struct slowlog *
slowlog_new(void)
{
    return mem_must_zero(sizeof(struct slowlog));
}

static void
entry_free(struct entry *entry)
{
    uint32_t i;

    for (i = 0; i < entry->arg_count; i++)
        mem_free(entry->args[i].text);
    mem_free(entry->client_name);
    mem_free(entry);
}

static void
list_free(struct entry *entry)
{
    while (entry != NULL) {
        struct entry *older = entry->older;

        entry_free(entry);
        entry = older;
    }
}

void
slowlog_free(struct slowlog *slowlog)
{
    if (slowlog == NULL) return;
    list_free(slowlog->newest);
    mem_free(slowlog);
}

static void
keep_arg(struct entry *entry, struct bytes arg)
{
    size_t size = min_u64(arg.size, ARG_BYTES_MAX);
    char *text = mem_must(ARG_BYTES_MAX + ARG_NOTE_BYTES);

    if (size > 0) memcpy(text, arg.data, size);
    if (arg.size > size) {
        size += (size_t)snprintf(text + size, ARG_NOTE_BYTES,
                                 "... (%zu more bytes)", arg.size - size);
    }
    entry->args[entry->arg_count].text = text;
    entry->args[entry->arg_count++].size = size;
}

/* Secrets stay out of the log: passwords in AUTH, HELLO and CONFIG SET. */
static bool
is_secret(const struct cmd_call *call, uint32_t at)
{
    const char *name = call->spec->name;
    uint32_t i;

    if (!strcmp(name, "auth")) return at >= 1;
    if (!strcmp(name, "hello")) {
        for (i = at > 2 ? at - 2 : 1; i < at; i++) {
            if (i >= 2 && cmd_arg_is(call, i, "auth")) return true;
        }
        return false;
    }
    if (!strcmp(name, "config|set") && at >= 3 && at % 2 == 1) {
        return cmd_arg_is(call, at - 1, "requirepass") ||
               cmd_arg_is(call, at - 1, "ring-secret") ||
               cmd_arg_is(call, at - 1, "masterauth") ||
               cmd_arg_is(call, at - 1, "masteruser") ||
               cmd_arg_is(call, at - 1, "tls-key-file-pass") ||
               cmd_arg_is(call, at - 1, "tls-client-key-file-pass");
    }
    return false;
}

static struct entry *
entry_new(const struct cmd_call *call, uint64_t duration_us)
{
    struct entry *entry = mem_must_zero(sizeof(*entry));
    const struct client *client = call->client;
    uint32_t shown = call->arg_count, i;
    char note[ARG_NOTE_BYTES];

    entry->wall_s = call->wall_ms / 1000;
    entry->duration_us = duration_us;
    memcpy(entry->address, client->address, sizeof(entry->address));
    if (client->name != NULL) {
        entry->client_name = mem_must_text(client->name, strlen(client->name));
    }
    if (shown > ARGS_MAX) shown = ARGS_MAX - 1;
    for (i = 0; i < shown; i++) {
        keep_arg(entry,
                 is_secret(call, i) ? BYTES_LIT("(redacted)") : call->args[i]);
    }
    if (shown < call->arg_count) {
        (void)snprintf(note, sizeof(note), "... (%u more arguments)",
                       call->arg_count - shown);
        keep_arg(entry, bytes_str(note));
    }
    return entry;
}

static struct entry *
cut_to(struct slowlog *slowlog, uint64_t most)
{
    struct entry *dropped = NULL;

    while (slowlog->count > most) {
        struct entry *entry = slowlog->oldest;

        ASSERT(entry != NULL);
        slowlog->oldest = entry->newer;
        if (entry->newer != NULL) {
            entry->newer->older = NULL;
        } else {
            slowlog->newest = NULL;
        }
        entry->older = dropped;
        dropped = entry;
        slowlog->count--;
    }
    return dropped;
}

void
slowlog_note(struct cmd_call *call, uint64_t duration_us)
{
    const struct cmd_shared *shared = call->env->shared;
    struct slowlog *slowlog = shared->slowlog;
    int64_t least_us =
        settings_int(shared->settings, SETTING_SLOWLOG_LOG_SLOWER_THAN);
    int64_t most = settings_int(shared->settings, SETTING_SLOWLOG_MAX_LEN);
    struct entry *entry, *dropped;

    if (least_us < 0 || duration_us < (uint64_t)least_us) return;
    if (slowlog == NULL || call->spec == NULL ||
        call->spec->flags & CMD_SKIP_SLOWLOG) {
        return;
    }
    entry = entry_new(call, duration_us);
    lock_take(&slowlog->lock);
    entry->id = slowlog->next_id++;
    entry->older = slowlog->newest;
    if (slowlog->newest != NULL) {
        slowlog->newest->newer = entry;
    } else {
        slowlog->oldest = entry;
    }
    slowlog->newest = entry;
    slowlog->count++;
    dropped = cut_to(slowlog, most > 0 ? (uint64_t)most : 0);
    lock_drop(&slowlog->lock);
    list_free(dropped);
}

static void
reply_entry(struct reply *reply, const struct entry *entry)
{
    uint32_t i;

    reply_array(reply, 6);
    reply_int(reply, entry->id);
    reply_int(reply, entry->wall_s);
    reply_int(reply, (int64_t)entry->duration_us);
    reply_array(reply, entry->arg_count);
    for (i = 0; i < entry->arg_count; i++) {
        reply_bulk(reply, bytes_of(entry->args[i].text, entry->args[i].size));
    }
    reply_bulk_str(reply, entry->address);
    reply_bulk_str(reply, entry->client_name ? entry->client_name : "");
}

/* SLOWLOG GET [count] */
void
admin_slowlog_get(struct cmd_call *call)
{
    struct slowlog *slowlog = call->env->shared->slowlog;
    const struct entry *entry;
    int64_t count = 10, sent = 0;
    size_t place;

    if (call->arg_count > 3) {
        admin_usage_error(call);
        return;
    }
    if (call->arg_count == 3 &&
        (!number_parse_int(call->args[2], &count) || count < -1)) {
        reply_error(call->reply,
                    "ERR count should be greater than or equal to -1");
        return;
    }
    place = reply_defer(call->reply);
    lock_take(&slowlog->lock);
    for (entry = slowlog->newest; entry != NULL; entry = entry->older) {
        if (count != -1 && sent == count) break;
        reply_entry(call->reply, entry);
        sent++;
    }
    lock_drop(&slowlog->lock);
    reply_set_array(call->reply, place, sent);
}

/* SLOWLOG LEN */
void
admin_slowlog_len(struct cmd_call *call)
{
    struct slowlog *slowlog = call->env->shared->slowlog;
    uint64_t count;

    lock_take(&slowlog->lock);
    count = slowlog->count;
    lock_drop(&slowlog->lock);
    reply_int(call->reply, (int64_t)count);
}

/* SLOWLOG RESET */
void
admin_slowlog_reset(struct cmd_call *call)
{
    struct slowlog *slowlog = call->env->shared->slowlog;
    struct entry *dropped;

    lock_take(&slowlog->lock);
    dropped = cut_to(slowlog, 0);
    lock_drop(&slowlog->lock);
    list_free(dropped);
    reply_ok(call->reply);
}
