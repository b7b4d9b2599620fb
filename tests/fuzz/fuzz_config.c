/*
 * A file of directives with anything in it: it loads or tells its problems,
 * and what was loaded can be rewritten into a file that loads to the same.
 */
#include "config/line.h"
#include "config/settings.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static settings_include include_nothing;

static uint32_t
include_nothing(void *context, struct bytes pattern, struct settings *settings,
                struct buf *problems, uint32_t depth)
{
    static const char again[] = "timeout 1\ninclude x\n";

    (void)pattern;
    return settings_load(settings, "included", bytes_str(again), depth,
                         include_nothing, context, problems);
}

static void
check_equal(const struct settings *a, const struct settings *b)
{
    uint32_t i;

    for (i = 0; i < SETTING_COUNT; i++) {
        struct buf one = {0}, two = {0};

        settings_show(a, (enum setting)i, &one);
        settings_show(b, (enum setting)i, &two);
        if (!bytes_equal(buf_bytes(&one), buf_bytes(&two))) abort();
        buf_deinit(&one);
        buf_deinit(&two);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes text = bytes_of(data, size);
    struct settings *settings = settings_new(), *again = settings_new();
    struct buf problems = {0}, from_old = {0}, from_none = {0};

    (void)settings_load(settings, "fuzz", text, 0, include_nothing, NULL,
                        &problems);
    settings_rewrite(settings, text, &from_old);
    settings_rewrite(settings, bytes_of(NULL, 0), &from_none);
    if (settings_load(again, "new", buf_bytes(&from_none), 0, NULL, NULL,
                      &problems) > 0) {
        abort();
    }
    check_equal(settings, again);
    buf_deinit(&problems);
    buf_deinit(&from_old);
    buf_deinit(&from_none);
    settings_free(settings);
    settings_free(again);
    return 0;
}
