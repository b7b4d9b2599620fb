#include "command/key_specs.h"

static const struct {
    const char *name;
    int32_t first_last; /* last of the first specification */
    struct key_spec second;
} pairs[] = {
    {"bitop", 0, {3, -1, 1, "RO access", NULL}},
    {"copy", 0, {2, 0, 1, "OW update", NULL}},
    {"rename", 0, {2, 0, 1, "OW update", NULL}},
    {"renamenx", 0, {2, 0, 1, "OW insert", NULL}},
};

static const struct {
    const char *name, *flags, *notes;
} variable[] = {
    {"bitfield", "RW access update variable_flags",
     "Reads, writes, or both, as its operations say"},
    {"getex", NULL, "A write, since the expiry may change"},
    {"set", "RW access update variable_flags", "Reads too when GET is given"},
};

uint32_t
key_specs(const struct cmd_spec *spec, struct key_spec out[KEY_SPECS_MAX])
{
    size_t i;

    if (spec->key_first <= 0) return 0;
    out[0] = (struct key_spec){
        .first = spec->key_first,
        .last = spec->key_last < 0 ? spec->key_last
                                   : spec->key_last - spec->key_first,
        .step = spec->key_step,
        .flags = spec->key_spec != NULL ? spec->key_spec : "",
    };
    for (i = 0; i < ARRAY_LEN(variable); i++) {
        if (strcmp(spec->name, variable[i].name) != 0) continue;
        if (variable[i].flags != NULL) out[0].flags = variable[i].flags;
        out[0].notes = variable[i].notes;
    }
    for (i = 0; i < ARRAY_LEN(pairs); i++) {
        if (strcmp(spec->name, pairs[i].name) != 0) continue;
        out[0].last = pairs[i].first_last;
        out[1] = pairs[i].second;
        return 2;
    }
    return 1;
}

/* True if one of the arguments from `from` on is this word. */
static bool
has_word(const struct bytes *args, uint32_t arg_count, uint32_t from,
         const char *word)
{
    for (; from < arg_count; from++) {
        if (bytes_is_nocase(args[from], word)) return true;
    }
    return false;
}

const char *
key_spec_flags(const struct cmd_spec *spec, const struct bytes *args,
               uint32_t arg_count, uint32_t at)
{
    struct key_spec specs[KEY_SPECS_MAX];
    uint32_t count = key_specs(spec, specs);

    if (!strcmp(spec->name, "set")) {
        return has_word(args, arg_count, 3, "get") ? "RW access update"
                                                   : "OW update";
    }
    if (!strcmp(spec->name, "bitfield")) {
        return has_word(args, arg_count, 2, "set") ||
                       has_word(args, arg_count, 2, "incrby")
                   ? "RW access update"
                   : "RO access";
    }
    if (count == 0) return "";
    if (count == 2 && (int64_t)at >= specs[1].first) return specs[1].flags;
    return specs[0].flags;
}
