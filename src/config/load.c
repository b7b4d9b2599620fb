/*
 * From the text of a file to settings. Every line is looked at, so that one
 * start names all the mistakes of a file, not the first alone.
 *
 * A few directives are no settings: CONFIG knows nothing of them. They are
 * told apart here.
 */
#include "config/settings.h"

#include "base/err.h"
#include "base/log_line.h"
#include "base/memory.h"
#include "config/line.h"
#include "config/table.h"

enum { SHOWN_BYTES_MAX = 120 }; /* of a bad line in a message */

static const struct {
    const char *name, *why;
} refused[] = {
    {"user", "not supported yet: requirepass sets the one password"},
    {"rename-command", "not supported yet"},
    {"loadmodule", "modules are not supported: remove the line"},
    {"loadmodule-ex", "modules are not supported: remove the line"},
    {"sentinel", "this is not a sentinel: remove the line"},
};

struct loading {
    struct settings *settings;
    const char *file_name;
    uint32_t line_number; /* from 1 */
    uint32_t depth;
    settings_include *include;
    void *context;
    struct buf *problems;
    char *unquoted; /* room for the longest line's words */
};

static uint32_t
problem(struct loading *load, struct bytes line, const char *why,
        const char *meant)
{
    bool is_cut = line.size > SHOWN_BYTES_MAX;
    size_t size = is_cut ? SHOWN_BYTES_MAX : line.size;
    size_t i;

    buf_must_printf(load->problems, "%s:%u: '", load->file_name,
                    load->line_number);
    for (i = 0; i < size; i++) {
        unsigned char c = (unsigned char)line.data[i];

        buf_must_printf(load->problems, "%c", c < ' ' || c == 0x7f ? '?' : c);
    }
    buf_must_printf(load->problems, "%s': %s", is_cut ? "..." : "", why);
    if (meant != NULL) {
        buf_must_printf(load->problems, " (did you mean '%s'?)", meant);
    }
    buf_must_add(load->problems, "\n", 1);
    return 1;
}

static uint32_t
load_include(struct loading *load, struct bytes line, const struct bytes *args,
             uint32_t count)
{
    if (count != 1)
        return problem(load, line, "wrong number of arguments", NULL);
    if (load->include == NULL) {
        return problem(load, line, "include is not possible here", NULL);
    }
    if (load->depth + 1 >= SETTINGS_DEPTH_MAX) {
        return problem(load, line, "files include each other too deeply", NULL);
    }
    return load->include(load->context, args[0], load->settings, load->problems,
                         load->depth + 1);
}

static uint32_t
load_unknown(struct loading *load, struct bytes line, struct bytes name)
{
    size_t i;

    for (i = 0; i < ARRAY_LEN(refused); i++) {
        if (bytes_is_nocase(name, refused[i].name)) {
            return problem(load, line, refused[i].why, NULL);
        }
    }
    if (settings_int(load->settings, SETTING_UNKNOWN_DIRECTIVE) ==
        UNKNOWN_STOP) {
        return problem(load, line, "unknown directive", settings_suggest(name));
    }
    log_line(LOG_LEVEL_WARNING, "%s:%u: unknown directive, ignored",
             load->file_name, load->line_number);
    return 0;
}

static uint32_t
load_line(struct loading *load, struct bytes line)
{
    struct bytes words[LINE_WORDS_MAX];
    char why[SETTING_WHY_BYTES];
    int count, id;

    line = line_trim(line);
    if (line.size == 0 || line.data[0] == '#') return 0;
    count = line_split(line, load->unquoted, words, LINE_WORDS_MAX);
    if (count == LINE_UNBALANCED) {
        return problem(load, line, "Unbalanced quotes in configuration line",
                       NULL);
    }
    if (count == LINE_TOO_LONG) {
        return problem(load, line, "too many words", NULL);
    }
    ASSERT(count > 0);
    if (bytes_is_nocase(words[0], "include")) {
        return load_include(load, line, words + 1, (uint32_t)count - 1);
    }
    id = settings_find(words[0]);
    if (id < 0) return load_unknown(load, line, words[0]);
    if (settings_set(load->settings, (enum setting)id, words + 1,
                     (uint32_t)count - 1, why) != ERR_OK) {
        return problem(load, line, why, NULL);
    }
    return 0;
}

uint32_t
settings_load(struct settings *settings, const char *file_name,
              struct bytes text, uint32_t depth, settings_include *include,
              void *context, struct buf *problems)
{
    struct loading load = {
        .settings = settings,
        .file_name = file_name,
        .depth = depth,
        .include = include,
        .context = context,
        .problems = problems,
        .unquoted = mem_must(text.size + 1),
    };
    uint32_t count = 0;
    size_t at = 0;

    ASSERT(depth < SETTINGS_DEPTH_MAX);
    while (at < text.size) {
        const char *start = text.data + at;
        const char *end = memchr(start, '\n', text.size - at);
        size_t size = end != NULL ? (size_t)(end - start) : text.size - at;

        load.line_number++;
        count += load_line(&load, bytes_of(start, size));
        at += size + 1;
    }
    mem_free(load.unquoted);
    return count;
}

int
settings_from_arguments(const char *const *args, uint32_t count,
                        struct buf *lines)
{
    uint32_t values = 0, i;

    for (i = 0; i < count; i++) {
        bool is_name = strncmp(args[i], "--", 2) == 0 && args[i][2] != '\0';

        if (i == 0 && !is_name) return ERR_SYNTAX;
        if (is_name) {
            /* "--save" alone means: none. */
            if (i > 0 && values == 0) buf_must_printf(lines, " \"\"");
            if (i > 0) buf_must_printf(lines, "\n");
            line_quote(lines, bytes_str(args[i] + 2));
            values = 0;
        } else {
            buf_must_printf(lines, " ");
            line_quote(lines, bytes_str(args[i]));
            values++;
        }
    }
    if (count > 0 && values == 0) buf_must_printf(lines, " \"\"");
    if (count > 0) buf_must_printf(lines, "\n");
    return ERR_OK;
}
