#include "golden.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

enum { LINE_MAX_BYTES = 256 };

static int
digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return -1;
}

static void
add_line(struct buf *bytes, const char *line)
{
    for (; *line != '\0' && *line != '#'; line++) {
        uint8_t byte;

        if (isspace((unsigned char)*line)) continue;
        if (digit(line[0]) < 0 || digit(line[1]) < 0) abort();
        byte = (uint8_t)(digit(line[0]) * 16 + digit(line[1]));
        buf_must_add(bytes, &byte, 1);
        line++;
    }
}

struct buf
golden_read(const char *name)
{
    const char *top = getenv("KULA_TOP_SRCDIR");
    char path[4096], line[LINE_MAX_BYTES];
    struct buf bytes = {0};
    FILE *file;

    (void)snprintf(path, sizeof(path), "%s/tests/golden/%s",
                   top != NULL ? top : ".", name);
    file = fopen(path, "r");
    if (file == NULL) {
        printf("no golden file %s\n", path);
        return bytes;
    }
    while (fgets(line, sizeof(line), file) != NULL)
        add_line(&bytes, line);
    fclose(file);
    return bytes;
}

static void
print(const char *what, struct bytes bytes)
{
    size_t i;

    printf("%s:", what);
    for (i = 0; i < bytes.size; i++)
        printf("%s%02x", i % 16 == 0 ? "\n  " : " ", (uint8_t)bytes.data[i]);
    printf("\n");
}

bool
golden_is(const char *name, struct bytes bytes)
{
    struct buf wanted = golden_read(name);
    bool is_equal = bytes_equal(buf_bytes(&wanted), bytes);

    if (!is_equal) {
        print(name, buf_bytes(&wanted));
        print("found", bytes);
    }
    buf_deinit(&wanted);
    return is_equal;
}
