/*
 * INFO: sections and fields as Redis has them, in its order. Collectors read
 * them by name, some by place, so a field of something that is not here is
 * present with a neutral value.
 */
#include "command/info.h"

#include "base/memory.h"
#include "command/admin.h"
#include "command/info_stats.h"

#include <stdio.h>

void
info_sample(struct cmd_shared *shared, int64_t now_ms)
{
    uint64_t counters[RATE_COUNT] = {0};
    uint64_t used_bytes = info_used_bytes(shared);
    uint32_t i;

    for (i = 0; i < shared->worker_count; i++) {
        const struct metrics *metrics = &shared->envs[i].metrics;

        counters[RATE_COMMANDS] += metric_get(&metrics->commands_processed);
        counters[RATE_INPUT_BYTES] += metric_get(&metrics->net_input_bytes);
        counters[RATE_OUTPUT_BYTES] += metric_get(&metrics->net_output_bytes);
    }
    rates_sample(&shared->rates, counters, now_ms);
    if (atomic_load_explicit(&shared->rates.startup_bytes,
                             memory_order_relaxed) == 0) {
        atomic_store_explicit(&shared->rates.startup_bytes,
                              max_u64(used_bytes, 1), memory_order_relaxed);
    }
    if (used_bytes >
        atomic_load_explicit(&shared->rates.peak_bytes, memory_order_relaxed)) {
        atomic_store_explicit(&shared->rates.peak_bytes, used_bytes,
                              memory_order_relaxed);
    }
}

void
info_human(char out[24], uint64_t bytes)
{
    static const char units[] = "KMGTPE";
    double size = (double)bytes;
    int unit = -1;

    while (size >= 1024 && unit < 5) {
        size /= 1024;
        unit++;
    }
    if (unit < 0) {
        (void)snprintf(out, 24, "%lluB", (unsigned long long)bytes);
    } else {
        (void)snprintf(out, 24, "%.2f%c", size, units[unit]);
    }
}

static void
put_int(struct info *info, const char *name, int64_t value)
{
    buf_must_printf(info->out, "%s:%lld\r\n", name, (long long)value);
}

static void
put(struct info *info, const char *name, const char *value)
{
    buf_must_printf(info->out, "%s:%s\r\n", name, value);
}

static void
put_size(struct info *info, const char *name, uint64_t bytes)
{
    char human[24];

    info_human(human, bytes);
    buf_must_printf(info->out, "%s:%llu\r\n%s_human:%s\r\n", name,
                    (unsigned long long)bytes, name, human);
}

/* Fields that always say the same: text ready to be sent. */
static void
put_fixed(struct info *info, const char *text)
{
    buf_must_add(info->out, text, strlen(text));
}

#define SUM(info, name) sum((info), offsetof(struct metrics, name))

static uint64_t
sum(const struct info *info, size_t offset)
{
    uint64_t total = 0;
    uint32_t i;

    for (i = 0; i < info->shared->worker_count; i++) {
        const char *metrics = (const char *)&info->shared->envs[i].metrics;

        total += metric_get(
            (const _Atomic uint64_t *)(const void *)(metrics + offset));
    }
    return total;
}

#define MAX(info, name) largest((info), offsetof(struct metrics, name))

static uint64_t
largest(const struct info *info, size_t offset)
{
    uint64_t most = 0;
    uint32_t i;

    for (i = 0; i < info->shared->worker_count; i++) {
        const char *metrics = (const char *)&info->shared->envs[i].metrics;

        most = max_u64(
            most, metric_get((const _Atomic uint64_t *)(const void *)(metrics +
                                                                      offset)));
    }
    return most;
}

uint64_t
info_clients(const struct cmd_shared *shared)
{
    struct info info = {.shared = shared};

    return SUM(&info, clients_connected);
}

static void
info_server(struct info *info)
{
    const struct process_facts *facts = &info->shared->facts;
    const struct cmd_env *env = info->call->env;
    const struct settings *settings = info->shared->settings;
    int64_t hz = settings_int(settings, SETTING_HZ);
    int64_t up_s = (env->wall_ms - facts->start_wall_ms) / 1000;

    if (up_s < 0) up_s = 0;
    put(info, "redis_version", KULA_REDIS_VERSION);
    put_fixed(info, "redis_git_sha1:00000000\r\nredis_git_dirty:0\r\n"
                    "redis_build_id:0\r\nredis_mode:standalone\r\n");
    put(info, "os", facts->os);
    put_int(info, "arch_bits", (int64_t)sizeof(void *) * 8);
    put_fixed(info, "monotonic_clock:POSIX clock_gettime\r\n");
    put(info, "multiplexing_api", facts->multiplexing_api);
    put_fixed(info, "atomicvar_api:c11-builtin\r\n");
    buf_must_printf(info->out, "gcc_version:%d.%d.%d\r\n", __GNUC__,
                    __GNUC_MINOR__, __GNUC_PATCHLEVEL__);
    put_int(info, "process_id", facts->pid);
    put(info, "process_supervised",
        facts->supervised[0] != '\0' ? facts->supervised : "no");
    put(info, "run_id", facts->run_id);
    put_int(info, "tcp_port", settings_int(settings, SETTING_PORT));
    put_int(info, "server_time_usec", (int64_t)env->wall_us);
    put_int(info, "uptime_in_seconds", up_s);
    put_int(info, "uptime_in_days", up_s / (24 * 3600));
    put_int(info, "hz", hz);
    put_int(info, "configured_hz", hz);
    put_int(info, "lru_clock", (env->wall_ms / 1000) & 0xffffff);
    put(info, "executable", facts->executable);
    put(info, "config_file", facts->config_file);
    put_int(info, "io_threads_active", info->shared->worker_count > 1);
    put(info, "server_name", "kula");
    put(info, "kula_version", KULA_VERSION);
}

static void
info_clients_section(struct info *info)
{
    put_int(info, "connected_clients", (int64_t)info_clients(info->shared));
    put_int(info, "cluster_connections", 0);
    put_int(info, "maxclients",
            settings_int(info->shared->settings, SETTING_MAXCLIENTS));
    put_int(info, "client_recent_max_input_buffer",
            (int64_t)MAX(info, recent_input_bytes));
    put_int(info, "client_recent_max_output_buffer",
            (int64_t)MAX(info, recent_output_bytes));
    put_fixed(info, "blocked_clients:0\r\ntracking_clients:0\r\n"
                    "clients_in_timeout_table:0\r\n"
                    "total_blocking_keys:0\r\n"
                    "total_blocking_keys_on_nokey:0\r\n");
}

static double
ratio(uint64_t a, uint64_t b)
{
    return b > 0 ? (double)a / (double)b : 0;
}

static void
info_memory_used(struct info *info, const struct info_memory *memory)
{
    uint64_t net =
        memory->used_bytes - min_u64(memory->startup_bytes, memory->used_bytes);

    put_size(info, "used_memory", memory->used_bytes);
    put_size(info, "used_memory_rss", memory->rss_bytes);
    put_size(info, "used_memory_peak", memory->peak_bytes);
    buf_must_printf(info->out, "used_memory_peak_perc:%.2f%%\r\n",
                    100 * ratio(memory->used_bytes, memory->peak_bytes));
    put_int(info, "used_memory_overhead", (int64_t)memory->overhead_bytes);
    put_int(info, "used_memory_startup", (int64_t)memory->startup_bytes);
    put_int(info, "used_memory_dataset", (int64_t)memory->dataset_bytes);
    buf_must_printf(info->out, "used_memory_dataset_perc:%.2f%%\r\n",
                    100 * ratio(min_u64(memory->dataset_bytes, net), net));
    put_int(info, "allocator_allocated", (int64_t)memory->allocated_bytes);
    put_int(info, "allocator_active", (int64_t)memory->active_bytes);
    put_int(info, "allocator_resident", (int64_t)memory->resident_bytes);
    put_size(info, "total_system_memory",
             info->shared->facts.total_memory_bytes);
    put_fixed(info,
              "used_memory_lua:0\r\nused_memory_vm_eval:0\r\n"
              "used_memory_lua_human:0B\r\nused_memory_scripts_eval:0\r\n"
              "number_of_cached_scripts:0\r\nnumber_of_functions:0\r\n"
              "number_of_libraries:0\r\nused_memory_vm_functions:0\r\n"
              "used_memory_vm_total:0\r\nused_memory_vm_total_human:0B\r\n"
              "used_memory_functions:0\r\nused_memory_scripts:0\r\n"
              "used_memory_scripts_human:0B\r\n");
}

static void
put_policy(struct info *info)
{
    struct buf text = {0};

    settings_show(info->shared->settings, SETTING_MAXMEMORY_POLICY, &text);
    buf_must_printf(info->out, "maxmemory_policy:%.*s\r\n", (int)text.used,
                    text.data != NULL ? text.data : "");
    buf_deinit(&text);
}

static void
info_memory_section(struct info *info)
{
    struct info_memory memory;

    info_memory(info->shared, &memory);
    info_memory_used(info, &memory);
    put_size(info, "maxmemory",
             (uint64_t)settings_int(info->shared->settings, SETTING_MAXMEMORY));
    put_policy(info);
    buf_must_printf(
        info->out,
        "allocator_frag_ratio:%.2f\r\nallocator_frag_bytes:%lld\r\n"
        "allocator_rss_ratio:%.2f\r\nallocator_rss_bytes:%lld\r\n"
        "rss_overhead_ratio:%.2f\r\nrss_overhead_bytes:%lld\r\n"
        "mem_fragmentation_ratio:%.2f\r\nmem_fragmentation_bytes:%lld\r\n",
        ratio(memory.active_bytes, memory.allocated_bytes),
        (long long)(memory.active_bytes - memory.allocated_bytes),
        ratio(memory.resident_bytes, memory.active_bytes),
        (long long)(memory.resident_bytes - memory.active_bytes),
        ratio(memory.rss_bytes, memory.resident_bytes),
        (long long)(memory.rss_bytes - memory.resident_bytes),
        ratio(memory.rss_bytes, memory.used_bytes),
        (long long)(memory.rss_bytes - memory.used_bytes));
    put_fixed(info, "mem_not_counted_for_evict:0\r\n"
                    "mem_replication_backlog:0\r\n"
                    "mem_total_replication_buffers:0\r\n"
                    "mem_clients_slaves:0\r\n");
    put_int(info, "mem_clients_normal", (int64_t)memory.clients_bytes);
    put_fixed(info, "mem_cluster_links:0\r\nmem_aof_buffer:0\r\n");
    put(info, "mem_allocator", mem_allocator_name());
    put_fixed(info, "active_defrag_running:0\r\n"
                    "lazyfree_pending_objects:0\r\nlazyfreed_objects:0\r\n");
}

static void
info_persistence(struct info *info)
{
    put_fixed(info,
              "loading:0\r\nasync_loading:0\r\ncurrent_cow_peak:0\r\n"
              "current_cow_size:0\r\ncurrent_cow_size_age:0\r\n"
              "current_fork_perc:0.00\r\ncurrent_save_keys_processed:0\r\n"
              "current_save_keys_total:0\r\n"
              "rdb_changes_since_last_save:0\r\n"
              "rdb_bgsave_in_progress:0\r\n");
    put_int(
        info, "rdb_last_save_time",
        atomic_load_explicit(&info->shared->last_save_s, memory_order_relaxed));
    put_fixed(info,
              "rdb_last_bgsave_status:ok\r\nrdb_last_bgsave_time_sec:-1\r\n"
              "rdb_current_bgsave_time_sec:-1\r\nrdb_saves:0\r\n"
              "rdb_last_cow_size:0\r\nrdb_last_load_keys_expired:0\r\n"
              "rdb_last_load_keys_loaded:0\r\naof_enabled:0\r\n"
              "aof_rewrite_in_progress:0\r\naof_rewrite_scheduled:0\r\n"
              "aof_last_rewrite_time_sec:-1\r\n"
              "aof_current_rewrite_time_sec:-1\r\n"
              "aof_last_bgrewrite_status:ok\r\naof_rewrites:0\r\n"
              "aof_rewrites_consecutive_failures:0\r\n"
              "aof_last_write_status:ok\r\naof_last_cow_size:0\r\n"
              "module_fork_in_progress:0\r\nmodule_fork_last_cow_size:0\r\n");
}

static void
info_traffic(struct info *info)
{
    const struct rates *rates = &info->shared->rates;

    put_int(info, "total_connections_received",
            (int64_t)SUM(info, connections_received));
    put_int(info, "total_commands_processed",
            (int64_t)SUM(info, commands_processed));
    put_int(info, "instantaneous_ops_per_sec",
            (int64_t)rates_get(rates, RATE_COMMANDS));
    put_int(info, "total_net_input_bytes", (int64_t)SUM(info, net_input_bytes));
    put_int(info, "total_net_output_bytes",
            (int64_t)SUM(info, net_output_bytes));
    put_fixed(info, "total_net_repl_input_bytes:0\r\n"
                    "total_net_repl_output_bytes:0\r\n");
    buf_must_printf(info->out,
                    "instantaneous_input_kbps:%.2f\r\n"
                    "instantaneous_output_kbps:%.2f\r\n",
                    (double)rates_get(rates, RATE_INPUT_BYTES) / 1024,
                    (double)rates_get(rates, RATE_OUTPUT_BYTES) / 1024);
    put_fixed(info, "instantaneous_input_repl_kbps:0.00\r\n"
                    "instantaneous_output_repl_kbps:0.00\r\n");
    put_int(info, "rejected_connections",
            (int64_t)SUM(info, connections_rejected));
    put_fixed(info,
              "sync_full:0\r\nsync_partial_ok:0\r\nsync_partial_err:0\r\n");
}

static void
info_stats(struct info *info)
{
    struct store_stats stats;

    store_stats(info->shared->store, &stats);
    info_traffic(info);
    put_int(info, "expired_keys", (int64_t)stats.expired);
    put_fixed(info, "expired_stale_perc:0.00\r\n"
                    "expired_time_cap_reached_count:0\r\n"
                    "expire_cycle_cpu_milliseconds:0\r\n");
    put_int(info, "evicted_keys", (int64_t)stats.evicted);
    put_fixed(info, "evicted_clients:0\r\n"
                    "total_eviction_exceeded_time:0\r\n"
                    "current_eviction_exceeded_time:0\r\n");
    put_int(info, "keyspace_hits", (int64_t)SUM(info, keyspace_hits));
    put_int(info, "keyspace_misses", (int64_t)SUM(info, keyspace_misses));
    put_fixed(info,
              "pubsub_channels:0\r\npubsub_patterns:0\r\n"
              "pubsubshard_channels:0\r\nlatest_fork_usec:0\r\n"
              "total_forks:0\r\nmigrate_cached_sockets:0\r\n"
              "slave_expires_tracked_keys:0\r\nactive_defrag_hits:0\r\n"
              "active_defrag_misses:0\r\nactive_defrag_key_hits:0\r\n"
              "active_defrag_key_misses:0\r\ntotal_active_defrag_time:0\r\n"
              "current_active_defrag_time:0\r\ntracking_total_keys:0\r\n"
              "tracking_total_items:0\r\ntracking_total_prefixes:0\r\n"
              "unexpected_error_replies:0\r\n");
    put_int(info, "total_error_replies", (int64_t)SUM(info, error_replies));
    put_fixed(info, "dump_payload_sanitizations:0\r\n");
    put_int(info, "total_reads_processed", (int64_t)SUM(info, reads_processed));
    put_int(info, "total_writes_processed",
            (int64_t)SUM(info, writes_processed));
    put_fixed(info, "io_threaded_reads_processed:0\r\n"
                    "io_threaded_writes_processed:0\r\n"
                    "reply_buffer_shrinks:0\r\nreply_buffer_expands:0\r\n");
    put_int(info, "client_query_buffer_limit_disconnections",
            (int64_t)SUM(info, query_limit_disconnections));
    put_int(info, "client_output_buffer_limit_disconnections",
            (int64_t)SUM(info, output_limit_disconnections));
    put_int(info, "acl_access_denied_auth", (int64_t)SUM(info, auth_failures));
    put_fixed(info, "acl_access_denied_cmd:0\r\nacl_access_denied_key:0\r\n"
                    "acl_access_denied_channel:0\r\n");
    put_int(info, "eventloop_cycles", (int64_t)SUM(info, turns));
}

static void
info_replication(struct info *info)
{
    put_fixed(info, "role:master\r\nconnected_slaves:0\r\n"
                    "master_failover_state:no-failover\r\n");
    put(info, "master_replid", info->shared->facts.run_id);
    put_fixed(info, "master_replid2:"
                    "0000000000000000000000000000000000000000\r\n"
                    "master_repl_offset:0\r\nsecond_repl_offset:-1\r\n"
                    "repl_backlog_active:0\r\n");
    put_int(info, "repl_backlog_size",
            settings_int(info->shared->settings, SETTING_REPL_BACKLOG_SIZE));
    put_fixed(info, "repl_backlog_first_byte_offset:0\r\n"
                    "repl_backlog_histlen:0\r\n");
}

static void
info_cpu(struct info *info)
{
    const struct process_facts *facts = &info->shared->facts;
    double sys_s =
        (double)atomic_load_explicit(&facts->cpu_sys_us, memory_order_relaxed) /
        1e6;
    double user_s = (double)atomic_load_explicit(&facts->cpu_user_us,
                                                 memory_order_relaxed) /
                    1e6;

    buf_must_printf(info->out,
                    "used_cpu_sys:%.6f\r\nused_cpu_user:%.6f\r\n"
                    "used_cpu_sys_children:0.000000\r\n"
                    "used_cpu_user_children:0.000000\r\n"
                    "used_cpu_sys_main_thread:%.6f\r\n"
                    "used_cpu_user_main_thread:%.6f\r\n",
                    sys_s, user_s, sys_s, user_s);
}

static void
info_modules(struct info *info)
{
    (void)info;
}

static void
info_cluster(struct info *info)
{
    put_fixed(info, "cluster_enabled:0\r\n");
}

/* Lines that node/ has. */
static void
info_ring(struct info *info)
{
    const struct cmd_host *host = info->shared->host;

    if (host != NULL && host->ring != NULL)
        host->ring(info->call, CMD_RING_INFO);
}

static void
info_keyspace(struct info *info)
{
    uint32_t db;

    for (db = 0; db < STORE_DBS; db++) {
        uint64_t keys = store_count(info->shared->store, db);

        if (keys == 0) continue;
        buf_must_printf(
            info->out, "db%u:keys=%llu,expires=%llu,avg_ttl=0\r\n", db,
            (unsigned long long)keys,
            (unsigned long long)store_count_expires(info->shared->store, db));
    }
}

enum { SECTION_DEFAULT = 1, SECTION_ALL = 2, SECTION_EVERYTHING = 4 };

static const struct section {
    const char *name, *title;
    uint32_t groups;
    void (*write)(struct info *info);
} sections[] = {
    {"server", "Server", 7, info_server},
    {"clients", "Clients", 7, info_clients_section},
    {"memory", "Memory", 7, info_memory_section},
    {"persistence", "Persistence", 7, info_persistence},
    {"stats", "Stats", 7, info_stats},
    {"replication", "Replication", 7, info_replication},
    {"cpu", "CPU", 7, info_cpu},
    {"modules", "Modules", 7, info_modules},
    {"commandstats", "Commandstats", SECTION_ALL | SECTION_EVERYTHING,
     info_commandstats},
    {"errorstats", "Errorstats", 7, info_errorstats},
    {"latencystats", "Latencystats", SECTION_ALL | SECTION_EVERYTHING,
     info_latencystats},
    {"cluster", "Cluster", 7, info_cluster},
    {"keyspace", "Keyspace", 7, info_keyspace},
    {"ring", "Ring", SECTION_EVERYTHING, info_ring},
};

static uint32_t
wanted(const struct cmd_call *call)
{
    uint32_t set = 0, at, i;

    for (at = 1; at < call->arg_count || call->arg_count == 1; at++) {
        uint32_t groups = 0;

        if (call->arg_count == 1 || cmd_arg_is(call, at, "default")) {
            groups = SECTION_DEFAULT;
        } else if (cmd_arg_is(call, at, "all")) {
            groups = SECTION_ALL;
        } else if (cmd_arg_is(call, at, "everything")) {
            groups = SECTION_EVERYTHING;
        }
        for (i = 0; i < ARRAY_LEN(sections); i++) {
            if (sections[i].groups & groups ||
                (groups == 0 && cmd_arg_is(call, at, sections[i].name))) {
                set |= 1u << i;
            }
        }
        if (call->arg_count == 1) break;
    }
    return set;
}

/* INFO [section [section ...]] */
void
admin_info(struct cmd_call *call)
{
    struct info info = {
        .call = call, .shared = call->env->shared, .out = &call->env->scratch};
    uint32_t set = wanted(call), i;

    info.out->used = 0;
    for (i = 0; i < ARRAY_LEN(sections); i++) {
        if (!(set & 1u << i)) continue;
        if (info.out->used > 0) put_fixed(&info, "\r\n");
        buf_must_printf(info.out, "# %s\r\n", sections[i].title);
        sections[i].write(&info);
    }
    reply_verbatim(call->reply, "txt", buf_bytes(info.out));
}
