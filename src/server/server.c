/*
 * The start, in an order in which each step can still say what is wrong:
 *
 *   1. directory, log          problems go to standard error until here
 *   2. background, limits
 *   3. identity                kula.node
 *   4. loops, listeners, bus   a taken port ends it here
 *   5. node, pid file, "Ready", supervisor
 *   6. serve; then all of it backwards
 */
#include "server/server.h"

#include "base/err.h"
#include "base/lock.h"
#include "base/log_line.h"
#include "base/memory.h"
#include "config/choices.h"
#include "os/clock.h"
#include "os/crash.h"
#include "os/log_file.h"
#include "os/loop.h"
#include "os/process.h"
#include "os/signals.h"
#include "server/config_file.h"
#include "server/identity.h"
#include "server/prepare.h"
#include "server/ring_setup.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct server {
    struct settings *settings;
    struct loops *loops;
    struct node *node;
    struct identity identity;
    struct ring_setup ring;
    char config_file[PATH_MAX]; /* absolute; "": none that can be rewritten */
    char executable[PATH_MAX];
    struct lock rewrite_lock;
    uint32_t worker_count;
    int daemon_fd, signal_fd;
    bool has_pid_file;
};

/* ---- configuration ---- */

uint32_t
server_configure(struct settings *settings, const struct options *options,
                 struct buf *problems)
{
    uint32_t count = 0, i;

    for (i = 0; i < options->file_count; i++) {
        count += config_file_load(settings, options->files[i], problems);
    }
    if (options->directive_count > 0) {
        count += config_file_load_arguments(settings, options->directives,
                                            options->directive_count, problems);
    }
    return count;
}

/* Before the directory changes. */
static void
remember_paths(struct server *server, const struct options *options)
{
    const char *last =
        options->file_count > 0 ? options->files[options->file_count - 1] : "-";
    ssize_t size = readlink("/proc/self/exe", server->executable, PATH_MAX - 1);

    server->executable[size > 0 ? size : 0] = '\0';
    if (strcmp(last, "-") != 0 && realpath(last, server->config_file) == NULL) {
        server->config_file[0] = '\0';
    }
}

/* ---- effects: called by workers ---- */

static bool
on_post(void *self, uint32_t from, uint32_t to, struct message *message)
{
    struct server *server = self;

    (void)from;
    return loops_post(server->loops, to, message);
}

static void
on_wake(void *self, uint32_t worker, struct session *session)
{
    struct server *server = self;

    loops_wake(server->loops, worker, session);
}

static void
on_shutdown(void *self)
{
    struct server *server = self;

    log_line(LOG_LEVEL_WARNING, "a client asked for the stop");
    loops_stop(server->loops);
}

static const char *
on_config_rewrite(void *self)
{
    struct server *server = self;
    const char *error;

    if (server->config_file[0] == '\0') {
        return "The server is running without a config file";
    }
    lock_take(&server->rewrite_lock);
    error = config_file_rewrite(server->settings, server->config_file);
    lock_drop(&server->rewrite_lock);
    return error;
}

static void
apply_memory_limit(struct server *server)
{
    store_limit(node_shared(server->node)->store,
                (uint64_t)settings_int(server->settings, SETTING_MAXMEMORY),
                (enum store_policy)settings_int(server->settings,
                                                SETTING_MAXMEMORY_POLICY));
}

static void
on_config_changed(void *self, enum setting id)
{
    struct server *server = self;
    const struct settings *settings = server->settings;

    if (id == SETTING_LOGLEVEL) {
        log_set_level((enum log_level)settings_int(settings, id));
    } else if (id == SETTING_MAXMEMORY || id == SETTING_MAXMEMORY_POLICY) {
        apply_memory_limit(server);
    } else if (id == SETTING_MAXCLIENTS) {
        uint64_t wanted = (uint64_t)settings_int(settings, id);

        if (prepare_files(wanted) < wanted) {
            log_line(LOG_LEVEL_WARNING,
                     "maxclients %" PRIu64 ": there are not so many "
                     "descriptors; connections above the limit will fail",
                     wanted);
        }
    } else if (id == SETTING_TCP_KEEPALIVE) {
        loops_keepalive(server->loops, settings_int(settings, id));
    } else if (id == SETTING_OOM_SCORE_ADJ ||
               id == SETTING_OOM_SCORE_ADJ_VALUES) {
        prepare_oom_score(settings);
    } else if (id == SETTING_DIR) {
        if (prepare_directory(server->settings) != ERR_OK) {
            log_line(LOG_LEVEL_WARNING, "dir: %s", strerror(errno));
        }
    }
}

static void
on_bus_connect(void *self, uint32_t worker, struct link *link, const char *host,
               uint16_t port)
{
    struct server *server = self;

    loops_bus_connect(server->loops, worker, link, host, port);
}

static void
on_bus_wake(void *self, uint32_t worker, struct link *link)
{
    struct server *server = self;

    loops_bus_wake(server->loops, worker, link);
}

static void
on_save(void *self, enum node_file file, struct bytes bytes)
{
    struct server *server = self;

    ring_setup_save(&server->ring, file, bytes);
}

static void
on_random(void *self, void *out, size_t size)
{
    (void)self;
    process_random(out, size);
}

static void
on_log(void *self, const char *line)
{
    (void)self;
    log_line(LOG_LEVEL_NOTICE, "%s", line);
}

/* ---- hooks: called by worker 0's loop ---- */

static void
on_signal(void *self, int number)
{
    struct server *server = self;

    if (number == SIGTERM || number == SIGINT) {
        log_line(LOG_LEVEL_WARNING, "received %s: stopping",
                 number == SIGTERM ? "SIGTERM" : "SIGINT");
        process_notify("STOPPING=1\n");
        loops_stop(server->loops);
    } else if (number == SIGUSR1) {
        if (log_file_reopen() != ERR_OK) {
            log_line(LOG_LEVEL_WARNING, "cannot open the log file anew: %s",
                     strerror(errno));
        } else {
            log_line(LOG_LEVEL_NOTICE, "log file opened anew");
        }
    } else {
        log_line(LOG_LEVEL_NOTICE, "received SIGHUP: nothing to do yet");
    }
}

static uint64_t
on_tick(void *self)
{
    struct server *server = self;
    struct process_facts *facts = &node_shared(server->node)->facts;
    struct process_use use;

    process_use(&use);
    atomic_store_explicit(&facts->rss_bytes, use.rss_bytes,
                          memory_order_relaxed);
    if (use.rss_bytes > metric_get(&facts->rss_peak_bytes)) {
        atomic_store_explicit(&facts->rss_peak_bytes, use.rss_bytes,
                              memory_order_relaxed);
    }
    atomic_store_explicit(&facts->cpu_user_us, use.user_us,
                          memory_order_relaxed);
    atomic_store_explicit(&facts->cpu_sys_us, use.sys_us, memory_order_relaxed);
    return use.rss_bytes;
}

/* ---- start ---- */

static const char *
supervised_by(const struct settings *settings)
{
    int64_t mode = settings_int(settings, SETTING_SUPERVISED);

    if (mode != SUPERVISED_NO && mode != SUPERVISED_UPSTART &&
        process_is_supervised_by_systemd()) {
        return "systemd";
    }
    if (mode != SUPERVISED_NO && mode != SUPERVISED_SYSTEMD &&
        process_is_supervised_by_upstart()) {
        return "upstart";
    }
    return "no";
}

static void
fill_facts(struct server *server)
{
    struct process_facts *facts = &node_shared(server->node)->facts;
    uint8_t id[20];
    uint32_t i;

    facts->total_memory_bytes = process_memory_total();
    facts->pid = getpid();
    facts->start_wall_ms = (int64_t)(clock_wall_us() / 1000);
    (void)snprintf(facts->executable, sizeof(facts->executable), "%.1000s",
                   server->executable);
    (void)snprintf(facts->config_file, sizeof(facts->config_file), "%.1000s",
                   server->config_file);
    process_os_name(facts->os, sizeof(facts->os));
    (void)snprintf(facts->multiplexing_api, sizeof(facts->multiplexing_api),
                   "%s", loops_api(server->loops));
    process_random(id, sizeof(id));
    for (i = 0; i < sizeof(id); i++) {
        (void)snprintf(facts->run_id + 2 * i, 3, "%02x", id[i]);
    }
    (void)snprintf(facts->supervised, sizeof(facts->supervised), "%s",
                   supervised_by(server->settings));
    (void)on_tick(server);
}

static int
make_loops(struct server *server)
{
    const struct loop_hooks hooks = {on_signal, on_tick, server};
    int err = loops_new(&server->loops, server->worker_count, &hooks);

    if (err != ERR_OK) {
        log_line(LOG_LEVEL_WARNING, "cannot make the event loop: %s",
                 strerror(errno));
        return err;
    }
    err = prepare_listeners(server->settings, server->loops);
    if (err != ERR_OK) return err;
    err = ring_setup_init(&server->ring, server->settings, &server->identity,
                          server->loops);
    loops_keepalive(server->loops,
                    settings_int(server->settings, SETTING_TCP_KEEPALIVE));
    return err;
}

static void
make_node(struct server *server)
{
    struct node_config config = {
        .settings = server->settings,
        .worker_count = server->worker_count,
        .store = {.slot_count = 16384,
                  .node = server->identity.node_number,
                  .wall_ms = (int64_t)(clock_wall_us() / 1000),
                  .is_single = server->worker_count == 1},
        .ring = server->ring.has_bus ? &server->ring.ring : NULL,
        .effects = {.post = on_post,
                    .wake = on_wake,
                    .shutdown = on_shutdown,
                    .config_rewrite = on_config_rewrite,
                    .config_changed = on_config_changed,
                    .bus_connect = on_bus_connect,
                    .bus_wake = on_bus_wake,
                    .save = on_save,
                    .random = on_random,
                    .log = on_log,
                    .self = server},
    };

    memcpy(config.store.hash_seed, server->identity.hash_seed,
           sizeof(config.store.hash_seed));
    process_random(&config.store.rng_seed, sizeof(config.store.rng_seed));
    server->ring.ring.now_ms = clock_mono_ms();
    server->node = node_new(&config);
    apply_memory_limit(server);
    fill_facts(server);
}

static int
load_identity(struct server *server)
{
    char why[256];
    int err = identity_load(&server->identity, ".", why);

    if (err != ERR_OK) {
        log_line(LOG_LEVEL_WARNING, "cannot start: %s", why);
    } else if (!server->identity.is_kept) {
        log_line(LOG_LEVEL_NOTICE,
                 "the directory cannot be written: this node's identity "
                 "lasts for this run only");
    }
    return err;
}

static void
write_pid_file(struct server *server)
{
    char *path = settings_text(server->settings, SETTING_PIDFILE);
    bool is_daemon = server->daemon_fd >= 0;
    const char *name =
        path[0] == '\0' && is_daemon ? "/var/run/kula.pid" : path;

    if (name[0] != '\0') {
        if (process_write_pid_file(name) == ERR_OK) {
            server->has_pid_file = true;
        } else {
            log_line(LOG_LEVEL_WARNING, "cannot write the pid file '%s': %s",
                     name, strerror(errno));
        }
    }
    mem_free(path);
}

static void
remove_files(struct server *server)
{
    char *pid_file = settings_text(server->settings, SETTING_PIDFILE);
    char *socket_path = settings_text(server->settings, SETTING_UNIXSOCKET);

    if (server->has_pid_file) {
        (void)unlink(pid_file[0] != '\0' ? pid_file : "/var/run/kula.pid");
    }
    if (socket_path[0] != '\0') (void)unlink(socket_path);
    mem_free(pid_file);
    mem_free(socket_path);
}

static void
announce(struct server *server)
{
    uint32_t kept = settings_kept_count(server->settings);
    int64_t limit = settings_int(server->settings, SETTING_MAXMEMORY);

    if (kept > 0) {
        log_line(LOG_LEVEL_NOTICE,
                 "%" PRIu32 " directive%s of the configuration %s no effect "
                 "here; see kula.conf(5)",
                 kept, kept == 1 ? "" : "s", kept == 1 ? "has" : "have");
    }
    log_line(LOG_LEVEL_NOTICE,
             "%" PRIu32 " worker%s over %s, maxmemory %" PRId64
             " MiB, port %" PRId64,
             server->worker_count, server->worker_count == 1 ? "" : "s",
             loops_api(server->loops), limit >> 20,
             settings_int(server->settings, SETTING_PORT));
    log_line(LOG_LEVEL_NOTICE, "Ready to accept connections");
}

static int
serve(struct server *server)
{
    int err;

    settings_freeze(server->settings);
    write_pid_file(server);
    announce(server);
    if (server->daemon_fd >= 0) {
        process_leave_terminal();
        log_file_take_stderr();
        process_daemon_ready(server->daemon_fd);
    }
    if (!strcmp(supervised_by(server->settings), "systemd")) {
        process_notify("STATUS=Ready to accept connections\nREADY=1\n");
    }
    err = loops_run(server->loops, server->node, server->signal_fd);
    if (err != ERR_OK) {
        log_line(LOG_LEVEL_WARNING, "cannot start the workers: %s",
                 strerror(errno));
    }
    remove_files(server);
    return err;
}

/* Steps 2 to 6; the log is open. */
static int
start_and_serve(struct server *server)
{
    int err;

    log_line(LOG_LEVEL_NOTICE, "Kula %s starts, pid %d%s%s", KULA_VERSION,
             (int)getpid(), server->config_file[0] != '\0' ? ", " : "",
             server->config_file);
    if (settings_int(server->settings, SETTING_CRASH_LOG_ENABLED)) {
        crash_install(log_file_descriptor(), KULA_VERSION);
    }
    server->signal_fd = signals_open();
    if (server->signal_fd < 0) return ERR_SYSTEM;
    prepare_limits(server->settings);
    clock_calibrate_ticks();
    err = load_identity(server);
    if (err == ERR_OK) err = make_loops(server);
    if (err == ERR_OK) {
        make_node(server);
        err = serve(server);
    }
    log_line(LOG_LEVEL_WARNING,
             err == ERR_OK ? "Kula has stopped" : "Kula could not start");
    node_free(server->node);
    loops_free(server->loops);
    ring_setup_deinit(&server->ring);
    return err;
}

int
server_run(struct settings *settings, const struct options *options)
{
    struct server server = {.settings = settings,
                            .ring.dir_fd = -1,
                            .daemon_fd = -1,
                            .signal_fd = -1};
    int64_t supervised = settings_int(settings, SETTING_SUPERVISED);

    remember_paths(&server, options);
    prepare_defaults(settings);
    server.worker_count = (uint32_t)min_u64(
        (uint64_t)settings_int(settings, SETTING_IO_THREADS), LOOP_WORKERS_MAX);
    if (prepare_directory(settings) != ERR_OK) return SERVER_FAILED;
    if (prepare_log(settings) != ERR_OK) return SERVER_FAILED;
    if (settings_int(settings, SETTING_DAEMONIZE) &&
        supervised == SUPERVISED_NO) {
        server.daemon_fd = process_daemonize();
        if (server.daemon_fd < 0) return SERVER_FAILED;
    } else if (!strcmp(supervised_by(settings), "upstart")) {
        process_upstart_stop();
    }
    return start_and_serve(&server) == ERR_OK ? SERVER_OK : SERVER_FAILED;
}
