#include "os/process.h"

#include "base/err.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FILE_ROOM = 512 };

/* The beginning of a small file as text; false if there is none. */
static bool
read_small(const char *path, char out[FILE_ROOM])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size;

    if (fd < 0) return false;
    size = read(fd, out, FILE_ROOM - 1);
    (void)close(fd);
    if (size < 0) return false;
    out[size] = '\0';
    return true;
}

static int
write_small(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    bool is_ok;

    if (fd < 0) return ERR_SYSTEM;
    is_ok = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
    return close(fd) == 0 && is_ok ? ERR_OK : ERR_SYSTEM;
}

static uint64_t
time_us(struct timeval time)
{
    return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_usec;
}

void
process_use(struct process_use *use)
{
    struct rusage usage;
    char text[FILE_ROOM];
    unsigned long long total, resident;

    memset(use, 0, sizeof(*use));
    if (getrusage(RUSAGE_SELF, &usage) == 0) {
        use->user_us = time_us(usage.ru_utime);
        use->sys_us = time_us(usage.ru_stime);
    }
    if (read_small("/proc/self/statm", text) &&
        sscanf(text, "%llu %llu", &total, &resident) == 2) {
        use->rss_bytes = resident * (uint64_t)sysconf(_SC_PAGESIZE);
    }
}

uint64_t
process_memory_total(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);

    return pages > 0 && size > 0 ? (uint64_t)pages * (uint64_t)size : 0;
}

/* The limit in one control group file; "max" and nonsense are no limit. */
static uint64_t
group_limit(const char *path)
{
    char text[FILE_ROOM];
    unsigned long long limit;

    if (!read_small(path, text)) return UINT64_MAX;
    if (sscanf(text, "%llu", &limit) != 1 || limit == 0) return UINT64_MAX;
    return limit;
}

/* The least limit of the group `path` and of all above it. */
static uint64_t
group_tree_limit(const char *root, char *path, const char *file)
{
    uint64_t least = UINT64_MAX;
    char name[FILE_ROOM * 2];

    for (;;) {
        char *slash = strrchr(path, '/');

        (void)snprintf(name, sizeof(name), "%s%s/%s", root, path, file);
        least = min_u64(least, group_limit(name));
        if (slash == NULL) return least;
        *slash = '\0';
    }
}

uint64_t
process_memory_limit(void)
{
    uint64_t least = process_memory_total();
    char text[FILE_ROOM], *line, *rest = NULL;

    if (!read_small("/proc/self/cgroup", text)) return least;
    for (line = strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        char *path = strrchr(line, ':');

        if (path == NULL) continue;
        if (!strncmp(line, "0::", 3)) {
            least = min_u64(least, group_tree_limit("/sys/fs/cgroup", path + 1,
                                                    "memory.max"));
        } else if (strstr(line, ":memory:") != NULL) {
            least = min_u64(least,
                            group_tree_limit("/sys/fs/cgroup/memory", path + 1,
                                             "memory.limit_in_bytes"));
        }
    }
    return least;
}

uint32_t
process_core_count(void)
{
    cpu_set_t set;
    int count;

    if (sched_getaffinity(0, sizeof(set), &set) != 0) return 1;
    count = CPU_COUNT(&set);
    return count > 0 ? (uint32_t)count : 1;
}

void
process_os_name(char *out, size_t room)
{
    struct utsname name;

    if (uname(&name) != 0) {
        (void)snprintf(out, room, "unknown");
        return;
    }
    (void)snprintf(out, room, "%s %s %s", name.sysname, name.release,
                   name.machine);
}

void
process_random(void *out, size_t size)
{
    char *at = out;

    while (size > 0) {
        ssize_t got = getrandom(at, size, 0);

        if (got < 0 && errno == EINTR) continue;
        ASSERT(got > 0);
        at += got;
        size -= (size_t)got;
    }
}

uint64_t
process_raise_files(uint64_t want)
{
    struct rlimit limit;
    uint64_t step;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
    if (limit.rlim_cur >= want) return limit.rlim_cur;
    /* Root may raise the hard limit; others get as far as it goes. */
    for (step = want; step > limit.rlim_cur; step -= min_u64(step, 16)) {
        struct rlimit next = {step, max_u64(step, limit.rlim_max)};

        if (setrlimit(RLIMIT_NOFILE, &next) == 0) return step;
        if (limit.rlim_max < step) step = limit.rlim_max + 16;
    }
    return limit.rlim_cur;
}

int
process_oom_score(int64_t score, bool is_relative)
{
    char text[FILE_ROOM];
    long base = 0;

    if (is_relative && read_small("/proc/self/oom_score_adj", text)) {
        base = strtol(text, NULL, 10);
    }
    score += base;
    if (score > 1000) score = 1000;
    if (score < -1000) score = -1000;
    (void)snprintf(text, sizeof(text), "%lld", (long long)score);
    return write_small("/proc/self/oom_score_adj", text);
}

int
process_disable_thp(void)
{
    return prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) == 0 ? ERR_OK : ERR_SYSTEM;
}

/* The parent's part: waits for one byte, or for the child's end. */
static NORETURN void
await_child(int fd, pid_t child)
{
    unsigned char status;
    ssize_t got;
    int how = 0;

    do {
        got = read(fd, &status, 1);
    } while (got < 0 && errno == EINTR);
    if (got == 1) _exit(status);
    if (waitpid(child, &how, 0) == child && WIFEXITED(how)) {
        _exit(WEXITSTATUS(how));
    }
    _exit(1);
}

int
process_daemonize(void)
{
    int ends[2];
    pid_t child;

    if (pipe2(ends, O_CLOEXEC) < 0) return ERR_SYSTEM;
    child = fork();
    if (child < 0) {
        (void)close(ends[0]);
        (void)close(ends[1]);
        return ERR_SYSTEM;
    }
    if (child > 0) {
        (void)close(ends[1]);
        await_child(ends[0], child);
    }
    (void)close(ends[0]);
    (void)setsid();
    return ends[1];
}

void
process_leave_terminal(void)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    if (null < 0) return;
    (void)dup2(null, STDIN_FILENO);
    (void)dup2(null, STDOUT_FILENO);
    (void)dup2(null, STDERR_FILENO);
    if (null > STDERR_FILENO) (void)close(null);
}

void
process_daemon_ready(int report_fd)
{
    unsigned char status = 0;

    if (write(report_fd, &status, 1) < 0) errno = 0; /* the parent was killed */
    (void)close(report_fd);
}

int
process_write_pid_file(const char *path)
{
    char text[32];

    (void)snprintf(text, sizeof(text), "%d\n", (int)getpid());
    return write_small(path, text);
}

bool
process_is_supervised_by_systemd(void)
{
    return getenv("NOTIFY_SOCKET") != NULL;
}

void
process_notify(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t size;
    int fd;

    if (path == NULL || (path[0] != '/' && path[0] != '@')) return;
    size = strlen(path);
    if (size < 2 || size >= sizeof(address.sun_path)) return;
    memcpy(address.sun_path, path, size);
    if (path[0] == '@') address.sun_path[0] = '\0'; /* the abstract kind */
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return;
    (void)sendto(fd, state, strlen(state), MSG_NOSIGNAL,
                 (const struct sockaddr *)&address,
                 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size));
    (void)close(fd);
}

bool
process_is_supervised_by_upstart(void)
{
    return getenv("UPSTART_JOB") != NULL;
}

void
process_upstart_stop(void)
{
    (void)unsetenv("UPSTART_JOB");
    (void)raise(SIGSTOP);
}
