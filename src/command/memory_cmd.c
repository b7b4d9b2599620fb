/*
 * MEMORY, and the figures of memory that INFO shows too.
 */
#include "command/admin.h"

#include "base/memory.h"
#include "command/info.h"

#include <stdio.h>

static uint64_t
live_bytes(const struct store_stats *stats)
{
    uint64_t live = mem_live_bytes();

    return live - min_u64(stats->spare_bytes, live);
}

uint64_t
info_used_bytes(const struct cmd_shared *shared)
{
    struct store_stats stats;

    store_stats(shared->store, &stats);
    return live_bytes(&stats);
}

void
info_memory(const struct cmd_shared *shared, struct info_memory *memory)
{
    struct store_stats stats;
    struct mem_facts facts;
    uint32_t i;

    store_stats(shared->store, &stats);
    mem_facts(&facts);
    *memory = (struct info_memory){
        .limited_bytes = stats.used_bytes,
        .used_bytes = live_bytes(&stats),
        .peak_bytes = atomic_load_explicit(&shared->rates.peak_bytes,
                                           memory_order_relaxed),
        .startup_bytes = atomic_load_explicit(&shared->rates.startup_bytes,
                                              memory_order_relaxed),
        .dataset_bytes = stats.object_bytes,
        .rss_bytes = atomic_load_explicit(&shared->facts.rss_bytes,
                                          memory_order_relaxed),
        .allocated_bytes = facts.allocated_bytes,
        .active_bytes = facts.active_bytes,
        .resident_bytes = facts.resident_bytes,
    };
    for (i = 0; i < shared->worker_count; i++) {
        memory->clients_bytes +=
            metric_get(&shared->envs[i].metrics.client_buffers_bytes);
    }
    for (i = 0; i < STORE_DBS; i++) {
        memory->keys += store_count(shared->store, i);
    }
    if (memory->peak_bytes < memory->used_bytes) {
        memory->peak_bytes = memory->used_bytes;
    }
    if (memory->dataset_bytes > memory->used_bytes) {
        memory->dataset_bytes = memory->used_bytes;
    }
    memory->overhead_bytes = memory->used_bytes - memory->dataset_bytes;
}

static double
ratio(uint64_t a, uint64_t b)
{
    return b > 0 ? (double)a / (double)b : 0;
}

static void
pair_double(struct reply *reply, const char *name, double value)
{
    reply_bulk_str(reply, name);
    reply_double(reply, value);
}

static void
allocator_stats(struct reply *reply, const struct info_memory *memory)
{
    admin_pair_int(reply, "allocator.allocated",
                   (int64_t)memory->allocated_bytes);
    admin_pair_int(reply, "allocator.active", (int64_t)memory->active_bytes);
    admin_pair_int(reply, "allocator.resident",
                   (int64_t)memory->resident_bytes);
    pair_double(reply, "allocator-fragmentation.ratio",
                ratio(memory->active_bytes, memory->allocated_bytes));
    admin_pair_int(reply, "allocator-fragmentation.bytes",
                   (int64_t)(memory->active_bytes - memory->allocated_bytes));
    pair_double(reply, "allocator-rss.ratio",
                ratio(memory->resident_bytes, memory->active_bytes));
    admin_pair_int(reply, "allocator-rss.bytes",
                   (int64_t)(memory->resident_bytes - memory->active_bytes));
    pair_double(reply, "rss-overhead.ratio",
                ratio(memory->rss_bytes, memory->resident_bytes));
    admin_pair_int(reply, "rss-overhead.bytes",
                   (int64_t)(memory->rss_bytes - memory->resident_bytes));
    pair_double(reply, "fragmentation",
                ratio(memory->rss_bytes, memory->used_bytes));
    admin_pair_int(reply, "fragmentation.bytes",
                   (int64_t)(memory->rss_bytes - memory->used_bytes));
}

/* A database's share of the tables is not known: one table holds all. */
static int64_t
database_stats(struct cmd_call *call)
{
    int64_t count = 0;
    uint32_t db;
    char name[16];

    for (db = 0; db < STORE_DBS; db++) {
        uint64_t keys = store_count(call->store, db);

        if (keys == 0) continue;
        (void)snprintf(name, sizeof(name), "db.%u", db);
        reply_bulk_str(call->reply, name);
        reply_map(call->reply, 3);
        admin_pair_int(call->reply, "overhead.hashtable.main",
                       (int64_t)(keys * 16));
        admin_pair_int(call->reply, "overhead.hashtable.expires", 0);
        admin_pair_int(call->reply, "overhead.hashtable.slot-to-keys", 0);
        count++;
    }
    return count;
}

/* MEMORY STATS */
void
admin_memory_stats(struct cmd_call *call)
{
    struct reply *reply = call->reply;
    struct info_memory memory;
    size_t place = reply_defer(reply);
    int64_t pairs = 27;
    uint64_t net;

    info_memory(call->env->shared, &memory);
    net = memory.used_bytes - min_u64(memory.startup_bytes, memory.used_bytes);
    admin_pair_int(reply, "peak.allocated", (int64_t)memory.peak_bytes);
    admin_pair_int(reply, "total.allocated", (int64_t)memory.used_bytes);
    admin_pair_int(reply, "startup.allocated", (int64_t)memory.startup_bytes);
    admin_pair_int(reply, "replication.backlog", 0);
    admin_pair_int(reply, "clients.slaves", 0);
    admin_pair_int(reply, "clients.normal", (int64_t)memory.clients_bytes);
    admin_pair_int(reply, "cluster.links", 0);
    admin_pair_int(reply, "aof.buffer", 0);
    admin_pair_int(reply, "lua.caches", 0);
    admin_pair_int(reply, "functions.caches", 0);
    pairs += database_stats(call);
    admin_pair_int(reply, "overhead.total", (int64_t)memory.overhead_bytes);
    admin_pair_int(reply, "keys.count", (int64_t)memory.keys);
    admin_pair_int(reply, "keys.bytes-per-key",
                   memory.keys > 0 ? (int64_t)(net / memory.keys) : 0);
    admin_pair_int(reply, "dataset.bytes", (int64_t)memory.dataset_bytes);
    pair_double(reply, "dataset.percentage",
                100 * ratio(memory.dataset_bytes, net));
    pair_double(reply, "peak.percentage",
                100 * ratio(memory.used_bytes, memory.peak_bytes));
    allocator_stats(reply, &memory);
    reply_set_map(reply, place, pairs);
}

/* MEMORY USAGE key [SAMPLES count] */
void
admin_memory_usage(struct cmd_call *call)
{
    const struct object *object;
    int64_t samples;
    uint32_t at;

    for (at = 3; at < call->arg_count; at += 2) {
        if (!cmd_arg_is(call, at, "samples") || at + 1 == call->arg_count) {
            admin_syntax_error(call);
            return;
        }
        if (!cmd_int_arg(call, at + 1, &samples)) return;
        if (samples < 0) {
            admin_syntax_error(call);
            return;
        }
    }
    object = store_get(call->store, &call->key, STORE_NO_TOUCH, call->wall_ms);
    if (object != NULL) {
        reply_int(call->reply, (int64_t)store_usage(call->store, object));
    } else {
        reply_null(call->reply);
    }
}

/* MEMORY PURGE */
void
admin_memory_purge(struct cmd_call *call)
{
    mem_purge();
    reply_ok(call->reply);
}

/* MEMORY MALLOC-STATS */
void
admin_memory_malloc_stats(struct cmd_call *call)
{
    struct buf *out = &call->env->scratch;
    struct mem_facts facts;

    mem_facts(&facts);
    out->used = 0;
    buf_must_printf(out,
                    "allocator: %s\nallocated: %llu\nactive: %llu\n"
                    "resident: %llu\nlive blocks: %llu\n",
                    mem_allocator_name(),
                    (unsigned long long)facts.allocated_bytes,
                    (unsigned long long)facts.active_bytes,
                    (unsigned long long)facts.resident_bytes,
                    (unsigned long long)mem_live_count());
    reply_verbatim(call->reply, "txt", buf_bytes(out));
}

/* MEMORY DOCTOR: what a person would look at first. */
void
admin_memory_doctor(struct cmd_call *call)
{
    const struct settings *settings = call->env->shared->settings;
    struct buf *out = &call->env->scratch;
    struct info_memory memory;
    uint64_t limit = (uint64_t)settings_int(settings, SETTING_MAXMEMORY);

    info_memory(call->env->shared, &memory);
    out->used = 0;
    if (memory.used_bytes < memory.startup_bytes + 5 * 1024 * 1024) {
        buf_must_printf(out, "Hardly any memory is used: there is nothing to "
                             "examine yet.\n");
        reply_verbatim(call->reply, "txt", buf_bytes(out));
        return;
    }
    if (limit > 0 && memory.limited_bytes > limit / 10 * 9) {
        buf_must_printf(out, " * Over 90 %% of maxmemory is used: keys are "
                             "evicted, or writes refused, as maxmemory-policy "
                             "says.\n");
    }
    if (memory.rss_bytes > memory.used_bytes / 2 * 3 &&
        memory.rss_bytes - memory.used_bytes > 10 * 1024 * 1024) {
        buf_must_printf(out, " * The process holds over 1.5 times the memory "
                             "in use. MEMORY PURGE gives unused pages back.\n");
    }
    if (memory.clients_bytes > memory.used_bytes / 4) {
        buf_must_printf(out, " * Over a quarter of the memory is in the "
                             "buffers of clients: CLIENT LIST shows whose.\n");
    }
    if (out->used == 0) buf_must_printf(out, "Nothing unusual was found.\n");
    reply_verbatim(call->reply, "txt", buf_bytes(out));
}
