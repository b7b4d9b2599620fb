#include "os/small_file.h"

#include "base/err.h"
#include "support/case.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

CASE(small_file, what_is_saved_is_loaded_and_a_later_save_replaces_it)
{
    char dir[] = "/tmp/kula-small-XXXXXX", why[SMALL_FILE_WHY];
    struct buf text = {0};
    struct stat status;
    int fd;

    cr_assert(mkdtemp(dir) != NULL);
    fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cr_assert(fd >= 0);
    cr_expect(small_file_load(fd, "one", 100, &text, why) == ERR_UNKNOWN);
    cr_expect(small_file_save(fd, "one", bytes_str("a longer text"), why) ==
              ERR_OK);
    cr_expect(small_file_save(fd, "one", bytes_str("text"), why) == ERR_OK);
    cr_expect(small_file_load(fd, "one", 4, &text, why) == ERR_OK);
    cr_expect(bytes_equal(buf_bytes(&text), bytes_str("text")));
    cr_expect(small_file_load(fd, "one", 3, &text, why) == ERR_LIMIT);
    cr_expect(fstatat(fd, "one", &status, 0) == 0);
    cr_expect(eq(u32, status.st_mode & 0777, 0600));
    cr_expect(faccessat(fd, "one.new", F_OK, 0) < 0);
    buf_deinit(&text);
    (void)unlinkat(fd, "one", 0);
    (void)close(fd);
    (void)rmdir(dir);
}

CASE(small_file, one_that_cannot_be_written_says_which_step_failed)
{
    char dir[] = "/tmp/kula-small-XXXXXX", why[SMALL_FILE_WHY] = "";
    int fd;

    cr_assert(mkdtemp(dir) != NULL);
    fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    cr_assert(fd >= 0);
    cr_assert(mkdirat(fd, "one", 0700) == 0); /* a file can't replace it */
    cr_expect(small_file_save(fd, "one", bytes_str("text"), why) == ERR_SYSTEM);
    cr_expect(eq(int, errno, EISDIR));
    cr_expect(strstr(why, "one: rename: ") != NULL, "%s", why);
    (void)unlinkat(fd, "one", AT_REMOVEDIR);
    (void)unlinkat(fd, "one.new", 0);
    (void)close(fd);
    (void)rmdir(dir);
}
