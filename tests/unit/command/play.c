#include "play.h"

#include "base/memory.h"
#include "command/latency.h"
#include "command/slowlog.h"
#include "resp/parse.h"

#include <stdio.h>

enum { ARGS_MAX = 64 };

static struct {
    struct cmd_shared shared;
    struct cmd_env env;
    struct client client;
    struct reply reply;
} stage;

static void
set_clock(int64_t wall_ms)
{
    stage.env.wall_ms = wall_ms;
    stage.env.wall_us = (uint64_t)wall_ms * 1000;
    stage.env.now_ms = wall_ms - PLAY_START_MS + 1;
}

void
play_begin(void)
{
    struct store_config config = {
        .slot_count = 64,
        .node = 1,
        .rng_seed = 1,
        .wall_ms = PLAY_START_MS,
    };

    cmd_table_init();
    memset(&stage, 0, sizeof(stage));
    stage.shared.store = store_new(&config);
    stage.shared.settings = settings_new();
    stage.shared.slowlog = slowlog_new();
    stage.shared.latency = latency_new();
    stage.shared.envs = &stage.env;
    stage.shared.worker_count = 1;
    cmd_env_init(&stage.env, &stage.shared, 0);
    set_clock(PLAY_START_MS);
    client_init(&stage.client, 1, 0);
    stage.client.flags |= CLIENT_AUTHENTICATED;
    stage.client.proto = 2;
    reply_init(&stage.reply);
    stage.reply.proto = 2;
}

void
play_end(void)
{
    uint32_t slot;

    for (slot = 0; slot < store_slot_count(stage.shared.store); slot++) {
        store_lock(stage.shared.store, slot);
        cr_expect(store_slot_ok(stage.shared.store, slot));
        store_unlock(stage.shared.store, slot);
    }
    reply_deinit(&stage.reply);
    client_deinit(&stage.client);
    cmd_env_deinit(&stage.env);
    slowlog_free(stage.shared.slowlog);
    latency_free(stage.shared.latency);
    settings_free(stage.shared.settings);
    store_free(stage.shared.store);
}

void
play_wait_ms(int64_t ms)
{
    set_clock(stage.env.wall_ms + ms);
}

struct cmd_env *
play_env(void)
{
    return &stage.env;
}

const char *
play_run(const char *line, size_t *size)
{
    char text[1024];
    struct bytes args[ARGS_MAX];
    struct cmd_call call = {
        .env = &stage.env,
        .client = &stage.client,
        .args = args,
        .reply = &stage.reply,
        .store = stage.shared.store,
        .wall_ms = stage.env.wall_ms,
    };
    int count;

    cr_assert(lt(sz, strlen(line), sizeof(text)));
    count = resp_split_line(bytes_str(line), text, args, ARGS_MAX);
    cr_assert(gt(int, count, 0), "%s", line);
    call.arg_count = (uint32_t)count;
    call.spec = cmd_find(args, call.arg_count);
    stage.reply.out.used = 0;
    cmd_run(&call, false);
    cr_assert(reply_room(&stage.reply, 1));
    stage.reply.out.data[stage.reply.out.used] = '\0';
    if (size != NULL) *size = stage.reply.out.used;
    return stage.reply.out.data;
}

void
play_check(const char *file, int at, const char *line, const char *expected)
{
    size_t size, used = 0, i;
    const char *reply = play_run(line, &size);
    char *shown = mem_must(size + 1);

    for (i = 0; i < size; i++) {
        if (reply[i] == '\r' && reply[i + 1] == '\n') continue;
        shown[used++] = reply[i] == '\n' ? ' ' : reply[i];
    }
    if (used > 0 && shown[used - 1] == ' ') used--;
    shown[used] = '\0';
    cr_expect(strcmp(shown, expected) == 0,
              "%s:%d: %s\n  answered %s\n  not %s", file, at, line, shown,
              expected);
    mem_free(shown);
}
