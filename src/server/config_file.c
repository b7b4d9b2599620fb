/*
 * Rewriting: the new text goes to a file beside the old one, is forced to
 * disk, and takes the old one's name; then the directory is forced to disk,
 * since that is where the name is. A crash at any point leaves one of the two
 * texts, whole.
 */
#include "server/config_file.h"

#include "base/err.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READ_BYTES = 64 * 1024 };

static int
read_all(int fd, struct buf *text)
{
    for (;;) {
        ssize_t got;

        if (text->used > CONFIG_FILE_BYTES_MAX) {
            errno = EFBIG;
            return ERR_LIMIT;
        }
        if (buf_reserve(text, READ_BYTES) != ERR_OK) {
            errno = ENOMEM;
            return ERR_MEMORY;
        }
        got = read(fd, text->data + text->used, READ_BYTES);
        if (got == 0) return ERR_OK;
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return ERR_SYSTEM;
        text->used += (size_t)got;
    }
}

static int
read_file(const char *path, struct buf *text)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int err, saved_errno;

    if (fd < 0) return ERR_SYSTEM;
    err = read_all(fd, text);
    saved_errno = errno;
    (void)close(fd);
    errno = saved_errno;
    return err;
}

static settings_include include_files;

static uint32_t
load(struct settings *settings, const char *path, uint32_t depth,
     struct buf *problems)
{
    bool is_stdin = depth == 0 && strcmp(path, "-") == 0;
    const char *name = is_stdin ? "stdin" : path;
    struct buf text = {0};
    uint32_t count = 1;
    int err = is_stdin ? read_all(STDIN_FILENO, &text) : read_file(path, &text);

    if (err == ERR_OK) {
        count = settings_load(settings, name, buf_bytes(&text), depth,
                              include_files, NULL, problems);
    } else {
        buf_must_printf(problems, "%s: can't be read: %s\n", name,
                        strerror(errno));
    }
    buf_deinit(&text);
    return count;
}

/* A pattern may match nothing; a plain name must be there. */
static uint32_t
include_files(void *context, struct bytes pattern, struct settings *settings,
              struct buf *problems, uint32_t depth)
{
    char *path = mem_must_text(pattern.data, pattern.size);
    bool is_pattern = strpbrk(path, "*?[") != NULL;
    uint32_t count = 0;
    glob_t found;
    size_t i;

    (void)context;
    if (!is_pattern) {
        count = load(settings, path, depth, problems);
    } else if (glob(path, 0, NULL, &found) == 0) {
        for (i = 0; i < found.gl_pathc; i++) {
            count += load(settings, found.gl_pathv[i], depth, problems);
        }
        globfree(&found);
    }
    mem_free(path);
    return count;
}

uint32_t
config_file_load(struct settings *settings, const char *path,
                 struct buf *problems)
{
    return load(settings, path, 0, problems);
}

uint32_t
config_file_load_arguments(struct settings *settings, const char *const *args,
                           uint32_t count, struct buf *problems)
{
    struct buf lines = {0};
    uint32_t found = 1;

    if (settings_from_arguments(args, count, &lines) == ERR_OK) {
        found = settings_load(settings, "command line", buf_bytes(&lines), 0,
                              include_files, NULL, problems);
    } else {
        buf_must_printf(problems,
                        "command line: '%s': a directive begins with --\n",
                        args[0]);
    }
    buf_deinit(&lines);
    return found;
}

static const char *
error_text(int code)
{
    switch (code) {
    case EACCES: return "Rewriting config file: Permission denied";
    case EPERM: return "Rewriting config file: Operation not permitted";
    case EROFS: return "Rewriting config file: Read-only file system";
    case ENOSPC: return "Rewriting config file: No space left on device";
    case EDQUOT: return "Rewriting config file: Disk quota exceeded";
    case ENOENT: return "Rewriting config file: No such file or directory";
    case EFBIG: return "Rewriting config file: File too large";
    case ENOMEM: return "Rewriting config file: Cannot allocate memory";
    default: return "Rewriting config file: Input/output error";
    }
}

static int
write_all(int fd, struct bytes text)
{
    while (text.size > 0) {
        ssize_t put = write(fd, text.data, text.size);

        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return ERR_SYSTEM;
        text.data += put;
        text.size -= (size_t)put;
    }
    return ERR_OK;
}

/* Keeps the mode, and the owner where the system lets us. */
static int
write_new(int fd, const char *path, struct bytes text)
{
    struct stat old;
    mode_t mode = 0644;

    if (stat(path, &old) == 0) {
        mode = old.st_mode & 07777;
        if (fchown(fd, old.st_uid, old.st_gid) != 0) mode &= 0777;
    }
    if (fchmod(fd, mode) != 0) return ERR_SYSTEM;
    if (write_all(fd, text) != ERR_OK) return ERR_SYSTEM;
    return fsync(fd) == 0 ? ERR_OK : ERR_SYSTEM;
}

static int
sync_directory(const char *path)
{
    char *copy = mem_must_text(path, strlen(path));
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int err = ERR_SYSTEM;

    if (fd >= 0) {
        err = fsync(fd) == 0 ? ERR_OK : ERR_SYSTEM;
        (void)close(fd);
    }
    mem_free(copy);
    return err;
}

static int
replace(const char *path, struct bytes text)
{
    struct buf temp = {0};
    int fd, err, saved_errno;

    buf_must_printf(&temp, "%s.XXXXXX", path);
    buf_must_add(&temp, "", 1);
    fd = mkostemp(temp.data, O_CLOEXEC);
    if (fd < 0) {
        buf_deinit(&temp);
        return ERR_SYSTEM;
    }
    err = write_new(fd, path, text);
    saved_errno = errno;
    if (close(fd) != 0 && err == ERR_OK) {
        err = ERR_SYSTEM;
        saved_errno = errno;
    }
    if (err == ERR_OK && rename(temp.data, path) != 0) {
        err = ERR_SYSTEM;
        saved_errno = errno;
    }
    if (err != ERR_OK) (void)unlink(temp.data);
    buf_deinit(&temp);
    errno = saved_errno;
    return err == ERR_OK ? sync_directory(path) : err;
}

const char *
config_file_rewrite(const struct settings *settings, const char *path)
{
    struct buf old = {0}, text = {0};
    const char *failed = NULL;
    char *real;

    if (path == NULL || strcmp(path, "-") == 0) {
        return "The server is running without a config file";
    }
    /* One that was removed meanwhile is made anew. */
    real = realpath(path, NULL);
    if (real != NULL && read_file(real, &old) != ERR_OK) {
        failed = error_text(errno);
    } else {
        settings_rewrite(settings, buf_bytes(&old), &text);
        if (replace(real != NULL ? real : path, buf_bytes(&text)) != ERR_OK) {
            failed = error_text(errno);
        }
    }
    free(real);
    buf_deinit(&old);
    buf_deinit(&text);
    return failed;
}
