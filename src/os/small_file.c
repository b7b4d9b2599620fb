#include "os/small_file.h"

#include "base/err.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int
fail(char why[SMALL_FILE_WHY], const char *name, const char *step)
{
    int kept = errno;

    (void)snprintf(why, SMALL_FILE_WHY, "%s: %s: %s", name, step,
                   strerror(kept));
    errno = kept;
    return ERR_SYSTEM;
}

static int
write_all(int fd, struct bytes bytes)
{
    size_t at = 0;

    while (at < bytes.size) {
        ssize_t got = write(fd, bytes.data + at, bytes.size - at);

        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return ERR_SYSTEM;
        at += (size_t)got;
    }
    return ERR_OK;
}

/* Steps 1 and 2 of small_file_save. */
static int
write_new(int dir_fd, const char *temporary, const char *name,
          struct bytes bytes, char why[SMALL_FILE_WHY])
{
    int fd = openat(dir_fd, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
                    0600);
    int err = ERR_OK;

    if (fd < 0) return fail(why, name, "create");
    if (write_all(fd, bytes) != ERR_OK) {
        err = fail(why, name, "write");
    } else if (fsync(fd) < 0) {
        err = fail(why, name, "fsync");
    }
    (void)close(fd);
    return err;
}

/* 1. write, 2. fsync, 3. rename, 4. fsync the directory */
int
small_file_save(int dir_fd, const char *name, struct bytes bytes,
                char why[SMALL_FILE_WHY])
{
    char temporary[SMALL_FILE_NAME_MAX + 8];
    int err;

    ASSERT(strlen(name) <= SMALL_FILE_NAME_MAX);
    (void)snprintf(temporary, sizeof(temporary), "%s.new", name);
    err = write_new(dir_fd, temporary, name, bytes, why);
    if (err != ERR_OK) return err;
    if (renameat(dir_fd, temporary, dir_fd, name) < 0)
        return fail(why, name, "rename");
    if (fsync(dir_fd) < 0) return fail(why, name, "fsync of the directory");
    return ERR_OK;
}

int
small_file_load(int dir_fd, const char *name, size_t most, struct buf *out,
                char why[SMALL_FILE_WHY])
{
    int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
    size_t all = 0;
    char piece[4096];
    int err = ERR_OK;

    if (fd < 0 && errno == ENOENT) return ERR_UNKNOWN;
    if (fd < 0) return fail(why, name, "open");
    for (;;) {
        ssize_t got = read(fd, piece, sizeof(piece));

        if (got < 0 && errno == EINTR) continue;
        if (got < 0) err = fail(why, name, "read");
        if (got <= 0) break;
        all += (size_t)got;
        if (all > most) {
            (void)snprintf(why, SMALL_FILE_WHY, "%s is too long", name);
            err = ERR_LIMIT;
            break;
        }
        buf_must_add(out, piece, (size_t)got);
    }
    (void)close(fd);
    return err;
}
