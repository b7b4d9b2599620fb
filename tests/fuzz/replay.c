/*
 * Runs one fuzz target over its corpus without a fuzzer, so that every build
 * with every compiler and sanitizer repeats what fuzzing has found.
 *
 * The program is called replay_<name>; the corpus is the folder
 * tests/fuzz/corpus/<name>, or the files and folders given as arguments. Each
 * file is fed as it is, then cut short and with bytes changed, the same way in
 * every run. A finding is a crash: the driver of the tests counts it.
 */
#include "base/rng.h"
#include "support/plain.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { INPUT_MAX = 1024 * 1024, VARIANTS = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct plain tally;

/* From the heap and exactly as long, so that a sanitizer sees each overrun. */
static void
feed(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size > 0 ? size : 1);

    if (copy == NULL) abort();
    if (size > 0) memcpy(copy, data, size);
    (void)LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static void
feed_variants(uint8_t *data, size_t size)
{
    struct rng rng = {.state = size};
    uint32_t i;

    feed(data, size);
    for (i = 0; i < VARIANTS && size > 0; i++) {
        size_t at = (size_t)rng_below(&rng, size);
        uint8_t before = data[at];

        feed(data, at);
        data[at] = (uint8_t)rng_next(&rng);
        feed(data, size);
        data[at] = before;
    }
}

static void
replay_file(const char *path)
{
    static uint8_t data[INPUT_MAX];
    FILE *file = fopen(path, "rb");
    size_t size;

    if (file == NULL) {
        PLAIN_CHECK(&tally, file != NULL, "cannot read %s", path);
        return;
    }
    size = fread(data, 1, sizeof(data), file);
    fclose(file);
    /* named first: after a crash the last line tells which file it was */
    printf("%s\n", path);
    fflush(stdout);
    feed_variants(data, size);
    tally.passed++; /* the file with all its variants */
}

static void
replay(const char *path)
{
    struct dirent **names = NULL;
    struct stat status;
    int count, i;

    if (stat(path, &status) != 0 || !S_ISDIR(status.st_mode)) {
        replay_file(path);
        return;
    }
    count = scandir(path, &names, NULL, alphasort);
    for (i = 0; i < count; i++) {
        char inner[4096];

        (void)snprintf(inner, sizeof(inner), "%s/%s", path, names[i]->d_name);
        if (names[i]->d_name[0] != '.') replay_file(inner);
        free(names[i]);
    }
    free(names);
}

int
main(int argc, char **argv)
{
    const char *name = strstr(argv[0], "replay_");
    const char *top = getenv("KULA_TOP_SRCDIR");
    char path[4096];
    int i;

    feed(NULL, 0);
    tally.passed++;
    for (i = 1; i < argc; i++)
        replay(argv[i]);
    if (argc == 1 && name != NULL) {
        (void)snprintf(path, sizeof(path), "%s/tests/fuzz/corpus/%s",
                       top != NULL ? top : ".", name + strlen("replay_"));
        replay(path);
    }
    return plain_end(&tally);
}
