/*
 * demo: a ring of throw-away nodes on this machine. Each is a kula-server with
 * a folder of its own under one temporary folder; all end, and the folder goes,
 * with this process: by Ctrl-C, by TERM, or when it dies (the kernel tells the
 * children).
 */
#include "ctl/gather.h"
#include "ctl/json.h"

#include "base/memory.h"
#include "base/number.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    NODES_USUAL = 3,
    NODES_MAX = 32,
    BUS_ABOVE = 10000, /* the bus's port lies so far above the clients' */
    PORT_FIRST = 7001, /* where the search for free ports begins */
    PORT_END = 65535 - BUS_ABOVE,
    READY_MS = 30 * 1000,
    STOP_MS = 10 * 1000,
    ARGS_MAX = 32 + NODES_MAX,
};

struct demo_node {
    pid_t pid; /* 0: does not run */
    uint16_t port;
};

struct demo {
    struct ctl *ctl;
    char server[1024], dir[256], name[32];
    struct demo_node nodes[NODES_MAX];
    uint32_t count;
};

static volatile sig_atomic_t stop_signal;

static void
on_signal(int number)
{
    stop_signal = number;
}

static void
pause_ms(long ms)
{
    const struct timespec pause = {.tv_sec = ms / 1000,
                                   .tv_nsec = ms % 1000 * 1000000L};

    (void)nanosleep(&pause, NULL);
}

/* ---- what is needed ---- */

/* The server that lies beside this program, else the one in PATH. */
static void
find_server(struct demo *demo)
{
    static const char name[] = "kula-server";
    ssize_t size = readlink("/proc/self/exe", demo->server,
                            sizeof(demo->server) - sizeof(name));
    char *slash;

    demo->server[size > 0 ? size : 0] = '\0';
    slash = strrchr(demo->server, '/');
    if (slash != NULL) {
        memcpy(slash + 1, name, sizeof(name));
        if (access(demo->server, X_OK) == 0) return;
    }
    memcpy(demo->server, name, sizeof(name));
}

static bool
is_free(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    bool is;

    if (fd < 0) return false;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    is = bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 &&
         listen(fd, 1) == 0;
    (void)close(fd);
    return is;
}

static bool
find_ports(struct demo *demo)
{
    uint32_t port =
        demo->ctl->base_port != 0 ? (uint32_t)demo->ctl->base_port : PORT_FIRST;
    uint32_t found = 0;

    for (; found < demo->count && port <= PORT_END; port++) {
        if (!is_free((uint16_t)port) || !is_free((uint16_t)(port + BUS_ABOVE)))
            continue;
        demo->nodes[found++].port = (uint16_t)port;
    }
    return found == demo->count;
}

static bool
make_dir(struct demo *demo)
{
    const char *where = getenv("TMPDIR");
    const char *dash;

    (void)snprintf(demo->dir, sizeof(demo->dir), "%s/kula-demo-XXXXXX",
                   where != NULL && where[0] == '/' ? where : "/tmp");
    if (mkdtemp(demo->dir) == NULL) {
        demo->dir[0] = '\0';
        return false;
    }
    dash = strrchr(demo->dir, '-');
    (void)snprintf(demo->name, sizeof(demo->name), "demo-%s", dash + 1);
    return true;
}

/* ---- nodes ---- */

/* Does not return. Between fork and exec. */
static void NORETURN
become_server(const struct demo *demo, uint32_t index, pid_t parent)
{
    char dir[300], log[310], port[8], rack[16], seeds[NODES_MAX][24];
    const char *args[ARGS_MAX];
    uint32_t count = 0, i;
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    (void)snprintf(dir, sizeof(dir), "%s/%u", demo->dir, index + 1);
    (void)snprintf(log, sizeof(log), "%s/log", dir);
    (void)snprintf(port, sizeof(port), "%u", demo->nodes[index].port);
    (void)snprintf(rack, sizeof(rack), "rack%u", index + 1);
    args[count++] = demo->server;
    args[count++] = "--port";
    args[count++] = port;
    args[count++] = "--bind";
    args[count++] = "127.0.0.1";
    args[count++] = "--bus-bind";
    args[count++] = "127.0.0.1";
    args[count++] = "--dir";
    args[count++] = dir;
    args[count++] = "--logfile";
    args[count++] = log;
    args[count++] = "--rack";
    args[count++] = rack;
    args[count++] = "--ring-name";
    args[count++] = demo->name;
    args[count++] = "--ring-seeds";
    for (i = 0; i < demo->count; i++) {
        (void)snprintf(seeds[i], sizeof(seeds[i]), "127.0.0.1:%u",
                       (unsigned)demo->nodes[i].port + BUS_ABOVE);
        args[count++] = seeds[i];
    }
    args[count] = NULL;
    (void)setpgid(0, 0); /* the terminal's Ctrl-C is for the parent */
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) _exit(1);
    (void)dup2(null, STDIN_FILENO);
    (void)dup2(null, STDOUT_FILENO);
    (void)execvp(args[0], (char *const *)(uintptr_t)args);
    _exit(127);
}

static bool
start(struct demo *demo, uint32_t index)
{
    pid_t parent = getpid(), pid;
    char dir[300];

    (void)snprintf(dir, sizeof(dir), "%s/%u", demo->dir, index + 1);
    if (mkdir(dir, 0700) != 0) return false;
    (void)fflush(stdout);
    pid = fork();
    if (pid < 0) return false;
    if (pid == 0) become_server(demo, index, parent);
    demo->nodes[index].pid = pid;
    return true;
}

/* A node that has ended: its index + 1; 0: none. */
static uint32_t
reap(struct demo *demo, int *status)
{
    uint32_t i;

    for (i = 0; i < demo->count; i++) {
        if (demo->nodes[i].pid == 0) continue;
        if (waitpid(demo->nodes[i].pid, status, WNOHANG) <= 0) continue;
        demo->nodes[i].pid = 0;
        return i + 1;
    }
    return 0;
}

static void
signal_all(struct demo *demo, int number)
{
    uint32_t i;

    for (i = 0; i < demo->count; i++) {
        if (demo->nodes[i].pid != 0) (void)kill(demo->nodes[i].pid, number);
    }
}

static bool
runs_any(const struct demo *demo)
{
    uint32_t i;

    for (i = 0; i < demo->count; i++) {
        if (demo->nodes[i].pid != 0) return true;
    }
    return false;
}

static int
remove_one(const char *path, const struct stat *status, int type,
           struct FTW *walk)
{
    (void)status;
    (void)type;
    (void)walk;
    return remove(path);
}

static void
stop(struct demo *demo)
{
    int status, left_ms;

    signal_all(demo, SIGTERM);
    for (left_ms = STOP_MS; runs_any(demo) && left_ms > 0; left_ms -= 20) {
        if (reap(demo, &status) == 0) pause_ms(20);
    }
    signal_all(demo, SIGKILL);
    while (runs_any(demo)) {
        if (reap(demo, &status) == 0) pause_ms(20);
    }
    if (demo->dir[0] != '\0')
        (void)nftw(demo->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* ---- until it is ready, and then ---- */

static bool
is_ready(const struct demo *demo)
{
    const char *words[] = {"KULA.STATUS"};
    struct ctl ctl = *demo->ctl;
    struct gather gather;
    uint32_t ready = 0, i;

    ctl.port = demo->nodes[0].port;
    ctl.socket_path = NULL;
    ctl.user = ctl.password = NULL;
    ctl.db = 0;
    (void)snprintf(ctl.host, sizeof(ctl.host), "127.0.0.1");
    if (gather_run(&gather, &ctl, 1, words)) {
        for (i = 0; i < gather.count; i++) {
            const redisReply *answer = gather.nodes[i].answer;

            if (answer != NULL && !value_bool(answer, "loading") &&
                value_int(answer, "unsettled") == 0 &&
                value_int(answer, "pending") == 0 &&
                value_int(answer, "members") == demo->count) {
                ready++;
            }
        }
    }
    gather_deinit(&gather);
    return ready == demo->count;
}

/* The last lines of a node's log, for whoever wonders why it ended. */
static void
show_log(const struct demo *demo, uint32_t number)
{
    char path[320], text[1024];
    ssize_t size;
    int fd;

    (void)snprintf(path, sizeof(path), "%s/%u/log", demo->dir, number);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return;
    if (lseek(fd, -(off_t)sizeof(text), SEEK_END) < 0)
        (void)lseek(fd, 0, SEEK_SET);
    size = read(fd, text, sizeof(text));
    (void)close(fd);
    if (size > 0) (void)fwrite(text, 1, (size_t)size, stderr);
}

static int
wait_until_ready(struct demo *demo)
{
    int left_ms, status;

    for (left_ms = READY_MS; left_ms > 0; left_ms -= 100) {
        uint32_t ended = reap(demo, &status);

        if (stop_signal != 0) return CTL_INTERRUPTED;
        if (ended != 0) {
            show_log(demo, ended);
            if (WIFEXITED(status) && WEXITSTATUS(status) == 127) {
                return ctl_fail(demo->ctl, CTL_NEGATIVE, "cannot run %s",
                                demo->server);
            }
            return ctl_fail(demo->ctl, CTL_NEGATIVE, "node %u ended at once",
                            ended);
        }
        if (is_ready(demo)) return CTL_OK;
        pause_ms(100);
    }
    return ctl_fail(demo->ctl, CTL_TIMED_OUT,
                    "the nodes have not found each other in %d s",
                    READY_MS / 1000);
}

static void
tell_json(const struct demo *demo)
{
    struct buf out = {0};
    struct json json;
    uint32_t i;

    json_begin(&json, &out, "demo");
    json_bool(&json, "ok", true);
    json_text(&json, "ring", demo->name);
    json_text(&json, "dir", demo->dir);
    json_open(&json, "nodes", '[');
    for (i = 0; i < demo->count; i++) {
        json_open(&json, NULL, '{');
        json_text(&json, "host", "127.0.0.1");
        json_int(&json, "port", demo->nodes[i].port);
        json_int(&json, "pid", demo->nodes[i].pid);
        json_close(&json, '}');
    }
    json_close(&json, ']');
    json_finish(&json);
    ctl_print(&out);
}

static void
tell(const struct demo *demo)
{
    unsigned first = demo->nodes[0].port;
    unsigned last = demo->nodes[demo->count - 1].port;
    uint32_t i;

    if (demo->ctl->is_json) {
        tell_json(demo);
        return;
    }
    printf("A ring of %u node%s (%s), in %s:\n\n", demo->count,
           demo->count == 1 ? "" : "s", demo->name, demo->dir);
    for (i = 0; i < demo->count; i++) {
        printf("  127.0.0.1:%u   pid %d\n", demo->nodes[i].port,
               (int)demo->nodes[i].pid);
    }
    printf("\nAny node answers for all keys:\n"
           "  redis-cli -p %u SET hello world\n"
           "  redis-cli -p %u GET hello\n"
           "  kula-ctl -p %u status\n"
           "Kill one and try again: kill -9 %d\n"
           "Ctrl-C ends them all and removes what they wrote.\n",
           first, last, first, (int)demo->nodes[demo->count - 1].pid);
    (void)fflush(stdout);
}

/* Nodes may be killed meanwhile: that is what a demo is for. */
static void
wait_for_the_end(struct demo *demo)
{
    while (stop_signal == 0 && runs_any(demo)) {
        int status;
        uint32_t ended = reap(demo, &status);

        if (ended == 0) {
            pause_ms(100);
        } else if (!demo->ctl->is_json) {
            printf("127.0.0.1:%u has ended\n", demo->nodes[ended - 1].port);
            (void)fflush(stdout);
        }
    }
}

static void
catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};

    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
    (void)sigaction(SIGHUP, &action, NULL);
}

static int
run(struct demo *demo)
{
    uint32_t i;
    int code;

    find_server(demo);
    if (!find_ports(demo)) {
        return ctl_fail(demo->ctl, CTL_NEGATIVE,
                        "there are no %u free ports up to %d", demo->count,
                        PORT_END);
    }
    if (!make_dir(demo)) {
        return ctl_fail(demo->ctl, CTL_NEGATIVE, "no temporary folder: %s",
                        strerror(errno));
    }
    for (i = 0; i < demo->count; i++) {
        if (!start(demo, i)) {
            return ctl_fail(demo->ctl, CTL_NEGATIVE, "cannot start a node: %s",
                            strerror(errno));
        }
    }
    code = wait_until_ready(demo);
    if (code != CTL_OK) return code;
    tell(demo);
    wait_for_the_end(demo);
    return stop_signal != 0 ? CTL_INTERRUPTED : CTL_NEGATIVE;
}

int
demo_run(struct ctl *ctl)
{
    struct demo *demo;
    int64_t count = NODES_USUAL;
    int code;

    if (ctl->word_count > 1 ||
        (ctl->word_count == 1 &&
         (!number_parse_int(bytes_str(ctl->words[0]), &count) || count < 1 ||
          count > NODES_MAX))) {
        return ctl_fail(ctl, CTL_USAGE, "demo of how many nodes? (1 to %d)",
                        NODES_MAX);
    }
    demo = mem_must_zero(sizeof(*demo));
    demo->ctl = ctl;
    demo->count = (uint32_t)count;
    catch_signals();
    code = run(demo);
    stop(demo);
    mem_free(demo);
    return code;
}
