/*
 * A thread that ends between two readings takes its nanoseconds with it; the
 * ticks keep them. So the larger of both counts is the total.
 */
#include "usage.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATH_BYTES 64

/* Reads a small file whole; false if there is nothing. */
static bool
read_text(const char *path, char *text, size_t size)
{
    FILE *file = fopen(path, "re");
    size_t len;

    if (file == NULL) return false;
    len = fread(text, 1, size - 1, file);
    text[len] = '\0';
    fclose(file);
    return len > 0;
}

static bool
read_ticks(pid_t pid, struct usage *usage)
{
    char path[PATH_BYTES], text[1024];
    char *at;
    int field;

    snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
    if (!read_text(path, text, sizeof(text))) return false;
    at = strrchr(text, ')'); /* the name may hold blanks: field 2 */
    for (field = 2; field < 14 && at != NULL; field++) {
        at = strchr(at + 1, ' ');
    }
    if (at == NULL) return false;
    usage->user_ticks = strtoull(at, &at, 10);
    usage->system_ticks = strtoull(at, &at, 10);
    return true;
}

static uint64_t
thread_ns(pid_t pid, const char *thread)
{
    char path[PATH_BYTES], text[128];
    int len;

    len = snprintf(path, sizeof(path), "/proc/%ld/task/%.16s/schedstat",
                   (long)pid, thread);
    if (len < 0 || (size_t)len >= sizeof(path)) return 0;
    if (!read_text(path, text, sizeof(text))) return 0;
    return strtoull(text, NULL, 10);
}

bool
usage_read(pid_t pid, struct usage *usage)
{
    char path[PATH_BYTES];
    const struct dirent *entry;
    DIR *threads;

    memset(usage, 0, sizeof(*usage));
    if (!read_ticks(pid, usage)) return false;
    snprintf(path, sizeof(path), "/proc/%ld/task", (long)pid);
    threads = opendir(path);
    if (threads == NULL) return false;
    while ((entry = readdir(threads)) != NULL) {
        if (entry->d_name[0] == '.') continue;
        usage->total_ns += thread_ns(pid, entry->d_name);
    }
    closedir(threads);
    return true;
}

struct usage_split
usage_between(const struct usage *from, const struct usage *to)
{
    struct usage_split split = {0};
    double tick_ns = 1e9 / (double)sysconf(_SC_CLK_TCK);
    double user = (double)(to->user_ticks - from->user_ticks);
    double system = (double)(to->system_ticks - from->system_ticks);
    double ticks = user + system;

    if (to->total_ns > from->total_ns) {
        split.total_ns = (double)(to->total_ns - from->total_ns);
    }
    /* More than two ticks beyond is no rounding: a thread has ended. */
    if ((ticks - 2.0) * tick_ns > split.total_ns) {
        split.total_ns = ticks * tick_ns;
    }
    if (ticks > 0.0) {
        split.user_ns = split.total_ns * user / ticks;
        split.system_ns = split.total_ns * system / ticks;
    }
    return split;
}
