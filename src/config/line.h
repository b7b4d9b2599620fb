/*
 * line.h - splits and writes one line of kula.conf.
 *
 *   save 60 100              three words
 *   requirepass "a \"b\" \x00"   double quotes: \n \r \t \b \a \xHH \anything
 *   dir 'a b\'c'             single quotes: only \' is special
 *
 * A quote may begin inside a word; what follows its end must be a space.
 */
#ifndef CONFIG_LINE_H
#define CONFIG_LINE_H

#include "base/buf.h"
#include "base/bytes.h"

enum { LINE_WORDS_MAX = 128 };

enum line_problem {
    LINE_UNBALANCED = -1, /* a quote that does not end, or ends in a word */
    LINE_TOO_LONG = -2,   /* more words than there is room for */
};

/*
 * Writes the unquoted words to `out` (at least line.size bytes, borrowed by
 * `words`) and at most `words_max` slices. Returns their count or a
 * line_problem.
 */
int line_split(struct bytes line, char *out, struct bytes *words,
               uint32_t words_max);
/* Appends `word` so that line_split gives it back: bare if that does, else
 * in double quotes. */
void line_quote(struct buf *out, struct bytes word);
/* Without spaces, tabs, line ends at both sides. */
struct bytes line_trim(struct bytes line);

#endif
