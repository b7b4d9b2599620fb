/*
 * config_file.h - kula.conf on disk: read, included, written anew.
 *
 * What the text means is config/'s matter. Relative names, of includes too,
 * start at the directory that the process was started in.
 */
#ifndef SERVER_CONFIG_FILE_H
#define SERVER_CONFIG_FILE_H

#include "config/settings.h"

enum { CONFIG_FILE_BYTES_MAX = 16 * 1024 * 1024 };

/*
 * Loads a file, or stdin for "-", with all it includes. Returns how many
 * problems there are; each is a line in `problems`.
 */
uint32_t config_file_load(struct settings *settings, const char *path,
                          struct buf *problems);
/* The command line's "--port 7000 ...", after the file. */
uint32_t config_file_load_arguments(struct settings *settings,
                                    const char *const *args, uint32_t count,
                                    struct buf *problems);
/*
 * CONFIG REWRITE: replaces the file as a whole, or leaves it as it is. The
 * file's mode stays; a symbolic link stays and its target is replaced.
 * Returns NULL, or Redis's text (static, without "ERR "). NULL or "-" for
 * `path`: there is no file.
 */
const char *config_file_rewrite(const struct settings *settings,
                                const char *path);

#endif
