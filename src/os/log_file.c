/*
 * The sink is process-wide by nature: its state below is written before
 * threads start, but for what `fd` means, which a reopen replaces with dup3 in
 * place.
 */
#include "os/log_file.h"

#include "base/err.h"
#include "os/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

enum { LINE_ROOM = 2048 };

static struct {
    int fd;
    char path[1024]; /* "": standard output */
    char ident[64];
    bool to_syslog, has_stderr;
} sink = {.fd = STDOUT_FILENO};

static size_t
prefix(char out[128], enum log_level level)
{
    static const char marks[] = ".-*##";
    uint64_t now_us = clock_wall_us();
    time_t now_s = (time_t)(now_us / 1000000);
    struct tm civil;
    char stamp[64];
    int size;

    (void)localtime_r(&now_s, &civil);
    (void)strftime(stamp, sizeof(stamp), "%d %b %Y %H:%M:%S", &civil);
    size = snprintf(out, 128, "%d:M %s.%03u %c ", (int)getpid(), stamp,
                    (unsigned)(now_us / 1000 % 1000), marks[level]);
    return size > 0 ? (size_t)size : 0;
}

static void
write_line(enum log_level level, const char *text)
{
    static const int priority[] = {LOG_DEBUG, LOG_INFO, LOG_NOTICE, LOG_WARNING,
                                   LOG_WARNING};
    char line[LINE_ROOM];
    size_t at = prefix(line, level), size = strlen(text);

    if (size > LINE_ROOM - at - 1) size = LINE_ROOM - at - 1;
    memcpy(line + at, text, size);
    line[at + size] = '\n';
    /* A full disk must not stop the server; there is nobody to tell. */
    if (write(sink.fd, line, at + size + 1) < 0) errno = 0;
    if (sink.to_syslog) syslog(priority[level], "%s", text);
}

static int
facility(const char *name)
{
    if (!strncmp(name, "local", 5) && name[5] >= '0' && name[5] <= '7') {
        return LOG_LOCAL0 + (name[5] - '0') * (LOG_LOCAL1 - LOG_LOCAL0);
    }
    return LOG_USER;
}

static int
open_path(const char *path)
{
    return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
}

int
log_file_open(const struct log_file_config *config)
{
    if (strlen(config->path) >= sizeof(sink.path)) {
        errno = ENAMETOOLONG;
        return ERR_SYSTEM;
    }
    if (config->path[0] != '\0') {
        int fd = open_path(config->path);

        if (fd < 0) return ERR_SYSTEM;
        sink.fd = fd;
        (void)snprintf(sink.path, sizeof(sink.path), "%s", config->path);
    }
    if (config->syslog_ident != NULL) {
        (void)snprintf(sink.ident, sizeof(sink.ident), "%s",
                       config->syslog_ident);
        openlog(sink.ident, LOG_PID | LOG_NDELAY | LOG_NOWAIT,
                facility(config->syslog_facility));
        sink.to_syslog = true;
    }
    log_set_sink(write_line);
    return ERR_OK;
}

int
log_file_reopen(void)
{
    int fd;

    if (sink.path[0] == '\0') return ERR_OK;
    fd = open_path(sink.path);
    if (fd < 0) return ERR_SYSTEM;
    if (dup3(fd, sink.fd, O_CLOEXEC) < 0) {
        (void)close(fd);
        return ERR_SYSTEM;
    }
    (void)close(fd);
    if (sink.has_stderr) (void)dup2(sink.fd, STDERR_FILENO);
    return ERR_OK;
}

void
log_file_take_stderr(void)
{
    if (sink.path[0] == '\0') return;
    sink.has_stderr = dup2(sink.fd, STDERR_FILENO) >= 0;
}

int
log_file_descriptor(void)
{
    return sink.fd;
}
