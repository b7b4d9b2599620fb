#include "server/identity.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/hash.h"
#include "os/process.h"
#include "os/small_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define FILE_NAME "kula.node"

enum { FILE_ROOM = 1024 };

static int
fail(char why[256], const char *step, int code)
{
    (void)snprintf(why, 256, FILE_NAME ": %s: %s", step, strerror(errno));
    return code;
}

static void
add_hex(struct buf *out, const char *name, const uint8_t *data, size_t size)
{
    size_t i;

    buf_must_printf(out, "%s ", name);
    for (i = 0; i < size; i++)
        buf_must_printf(out, "%02x", data[i]);
    buf_must_printf(out, "\n");
}

static void
encode(const struct identity *identity, struct buf *out)
{
    buf_must_printf(out, "# made by Kula at the first start here; "
                         "do not edit or copy\nversion 1\n");
    add_hex(out, "node-id", identity->node_id, IDENTITY_ID_BYTES);
    add_hex(out, "hash-seed", identity->hash_seed, IDENTITY_SEED_BYTES);
    buf_must_printf(out, "node-number %" PRIu32 "\n", identity->node_number);
    buf_must_printf(out, "check %016" PRIx64 "\n", hash_plain(buf_bytes(out)));
}

static int
hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return -1;
}

static bool
parse_hex(const char *text, uint8_t *out, size_t size)
{
    size_t i;

    for (i = 0; i < size; i++) {
        int high = hex_digit(text[2 * i]);
        int low = high < 0 ? -1 : hex_digit(text[2 * i + 1]);

        if (low < 0) return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

/* The text after "\nname ", or NULL. */
static const char *
field(const char *text, const char *name)
{
    const char *at = strstr(text, name);

    return at != NULL ? at + strlen(name) : NULL;
}

static bool
decode(struct identity *identity, const char *text)
{
    const char *version = field(text, "\nversion ");
    const char *id = field(text, "\nnode-id ");
    const char *seed = field(text, "\nhash-seed ");
    const char *number = field(text, "\nnode-number ");
    const char *check = field(text, "\ncheck ");
    uint64_t sum;

    if (version == NULL || id == NULL || seed == NULL || number == NULL ||
        check == NULL) {
        return false;
    }
    if (sscanf(check, "%16" SCNx64, &sum) != 1) return false;
    /* The sum covers all up to its own line. */
    if (sum !=
        hash_plain(bytes_of(text, (size_t)(check - text) - strlen("check ")))) {
        return false;
    }
    if (strncmp(version, "1\n", 2) != 0) return false;
    if (sscanf(number, "%" SCNu32, &identity->node_number) != 1) return false;
    return identity->node_number < 4096 &&
           parse_hex(id, identity->node_id, IDENTITY_ID_BYTES) &&
           parse_hex(seed, identity->hash_seed, IDENTITY_SEED_BYTES);
}

static int
save(const struct identity *identity, int dir_fd, char why[256])
{
    struct buf text = {0};
    int err;

    encode(identity, &text);
    err = small_file_save(dir_fd, FILE_NAME, buf_bytes(&text), why);
    buf_deinit(&text);
    return err;
}

static int
read_file(struct identity *identity, int fd, char why[256])
{
    char text[FILE_ROOM];
    ssize_t size = read(fd, text, sizeof(text) - 1);

    if (size < 0) return fail(why, "read", ERR_SYSTEM);
    text[size] = '\0';
    if (!decode(identity, text)) {
        (void)snprintf(why, 256,
                       FILE_NAME " is damaged; restore it, or remove it to "
                                 "start as a new node");
        return ERR_SYNTAX;
    }
    identity->is_kept = true;
    return ERR_OK;
}

static int
make(struct identity *identity, int dir_fd, const char *dir, char why[256])
{
    int err;

    process_random(identity->node_id, IDENTITY_ID_BYTES);
    process_random(identity->hash_seed, IDENTITY_SEED_BYTES);
    identity->node_number = 1;
    if (access(dir, W_OK) != 0) return ERR_OK;
    err = save(identity, dir_fd, why);
    identity->is_kept = err == ERR_OK;
    return err;
}

int
identity_load(struct identity *identity, const char *dir, char why[256])
{
    int dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int fd, err;

    memset(identity, 0, sizeof(*identity));
    if (dir_fd < 0) return fail(why, "open the directory", ERR_SYSTEM);
    identity->dir_fd = dir_fd;
    if (flock(dir_fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK) {
        (void)snprintf(why, 256, "another kula-server runs in this directory");
        return ERR_SYSTEM;
    }
    fd = openat(dir_fd, FILE_NAME, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        err = read_file(identity, fd, why);
        (void)close(fd);
    } else if (errno == ENOENT) {
        err = make(identity, dir_fd, dir, why);
    } else {
        err = fail(why, "open", ERR_SYSTEM);
    }
    return err;
}
