/*
 * value.h - from words to a directive's value and back; private to config/.
 */
#ifndef CONFIG_VALUE_H
#define CONFIG_VALUE_H

#include "config/table.h"

struct value {
    int64_t number; /* kinds that are numbers */
    char *text;     /* owned; kinds that are texts */
    struct output_limit limits[OUTPUT_CLASSES]; /* KIND_OUTPUT_LIMITS */
    bool has_limit[OUTPUT_CLASSES];             /* which of these were given */
};

/*
 * Reads the words of a directive. ERR_SYNTAX or ERR_RANGE and `why` for what
 * Redis refuses; `value` owns nothing then.
 */
WARN_UNUSED int value_parse(enum setting id, const struct bytes *args,
                            uint32_t arg_count, struct value *value,
                            char why[SETTING_WHY_BYTES]);
void value_deinit(struct value *value);
/* As CONFIG GET shows it. */
void value_show(enum setting id, const struct value *value, struct buf *out);
/* The default. */
void value_fallback(enum setting id, struct value *value);
bool value_equal(enum setting id, const struct value *a, const struct value *b);

#endif
