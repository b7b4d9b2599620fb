/*
 * All rows in one array, and an open-addressing index of their names.
 *
 * A name is looked up by its first and its last eight bytes with bit 5 set
 * (which lower-cases letters), its length, and for a subcommand the place of
 * its container: two loads, one multiplication, one probe as a rule.
 *
 *     "SeT" -> first "set", last "set", size 3 -> names[hash] -> rows[i]
 *
 * Bit 5 also maps some bytes that are no letters onto each other, and names
 * of more than 16 bytes have a middle: such rows are compared in full.
 *
 * The array is written once, before threads start, and constant from then on.
 */
#include "command/families.h"

enum { NAMES_BITS = 10, NAMES_SIZE = 1 << NAMES_BITS };

_Static_assert(CMD_SPECS_MAX * 2 <= NAMES_SIZE, "names stay sparse");

struct folded {
    uint64_t first, last;
    uint32_t size;
    uint32_t parent; /* index of the container + 1; 0: none */
};

struct name_entry {
    struct folded name;
    const struct cmd_spec *spec; /* NULL: free */
    bool is_plain;               /* letters only, at most 16 */
};

static const struct cmd_spec *const families[] = {
    cmd_string_table, cmd_bitmap_table,  cmd_keys_table,
    cmd_expire_table, cmd_multi_table,   cmd_connection_table,
    cmd_server_table, cmd_cluster_table, cmd_introspect_table,
    cmd_kula_table,
};

static struct {
    struct cmd_spec rows[CMD_SPECS_MAX];
    struct name_entry names[NAMES_SIZE];
    uint32_t count;
} table;

static inline uint64_t
load_8(const char *from)
{
    uint64_t value;

    memcpy(&value, from, 8);
    return value;
}

static inline uint64_t
load_4(const char *from)
{
    uint32_t value;

    memcpy(&value, from, 4);
    return value;
}

static inline struct folded
fold(struct bytes name, uint32_t parent)
{
    const uint64_t bit_5 = 0x2020202020202020u;
    const char *at = name.data;
    size_t size = name.size;
    struct folded folded = {0, 0, (uint32_t)size, parent};

    if (size >= 8) {
        folded.first = load_8(at) | bit_5;
        folded.last = load_8(at + size - 8) | bit_5;
    } else if (size >= 4) {
        folded.first = load_4(at) | bit_5;
        folded.last = load_4(at + size - 4) | bit_5;
    } else if (size > 0) {
        folded.first = ((uint64_t)(unsigned char)at[0] |
                        (uint64_t)(unsigned char)at[size / 2] << 8 |
                        (uint64_t)(unsigned char)at[size - 1] << 16) |
                       bit_5;
    }
    return folded;
}

static inline uint32_t
name_place(const struct folded *name)
{
    uint64_t mixed = name->first ^ (name->last << 17 | name->last >> 47) ^
                     ((uint64_t)name->parent << 40) ^ name->size;

    mixed ^= mixed >> 31;
    return (uint32_t)(mixed * 0x9e3779b97f4a7c15u >> (64 - NAMES_BITS));
}

/* The part of a row's name that clients send: "list" of "client|list". */
static const char *
last_word(const char *name)
{
    const char *bar = strchr(name, '|');

    return bar != NULL ? bar + 1 : name;
}

static inline const struct cmd_spec *
find_word(struct bytes word, uint32_t parent)
{
    struct folded name = fold(word, parent);
    uint32_t i = name_place(&name);

    for (;; i = (i + 1) % NAMES_SIZE) {
        const struct name_entry *entry = &table.names[i];

        if (entry->spec == NULL) return NULL;
        if (entry->name.first != name.first || entry->name.last != name.last ||
            entry->name.size != name.size ||
            entry->name.parent != name.parent) {
            continue;
        }
        if (LIKELY(entry->is_plain) ||
            bytes_is_nocase(word, last_word(entry->spec->name))) {
            return entry->spec;
        }
    }
}

static bool
is_plain(const char *word)
{
    size_t i;

    for (i = 0; word[i] != '\0'; i++) {
        if (word[i] < 'a' || word[i] > 'z') return false;
    }
    return i > 0 && i <= 16;
}

static void
add_name(struct cmd_spec *row)
{
    const char *word = last_word(row->name);
    struct folded name;
    uint32_t i;

    if (word != row->name) {
        row->parent =
            find_word(bytes_of(row->name, (size_t)(word - row->name) - 1), 0);
        ASSERT(row->parent != NULL); /* a container is a row of its own */
    }
    name = fold(bytes_str(word), row->parent ? row->parent->index + 1 : 0);
    i = name_place(&name);
    while (table.names[i].spec != NULL)
        i = (i + 1) % NAMES_SIZE;
    table.names[i] = (struct name_entry){name, row, is_plain(word)};
}

static enum cmd_key_shape
key_shape(const struct cmd_spec *row)
{
    if (row->flags & CMD_WHOLE) return CMD_KEYS_NONE; /* locks by itself */
    if (row->find_keys != NULL) return CMD_KEYS_MANY;
    if (row->key_first <= 0) return CMD_KEYS_NONE;
    return row->key_last == row->key_first ? CMD_KEYS_ONE : CMD_KEYS_MANY;
}

void
cmd_table_init(void)
{
    uint32_t family, i;

    memset(&table, 0, sizeof(table));
    for (family = 0; family < ARRAY_LEN(families); family++) {
        const struct cmd_spec *row;

        for (row = families[family]; row->name != NULL; row++) {
            struct cmd_spec *copy = &table.rows[table.count];

            ASSERT(table.count < CMD_SPECS_MAX);
            *copy = *row;
            copy->index = table.count++;
            copy->key_shape = key_shape(row);
            copy->parent = NULL;
        }
    }
    for (i = 0; i < table.count; i++) { /* containers first */
        if (strchr(table.rows[i].name, '|') == NULL) add_name(&table.rows[i]);
    }
    for (i = 0; i < table.count; i++) {
        if (strchr(table.rows[i].name, '|') != NULL) add_name(&table.rows[i]);
    }
}

uint32_t
cmd_count(void)
{
    return table.count;
}

const struct cmd_spec *
cmd_at(uint32_t index)
{
    ASSERT(index < table.count);
    return &table.rows[index];
}

const struct cmd_spec *
cmd_find(const struct bytes *args, uint32_t arg_count)
{
    const struct cmd_spec *spec = find_word(args[0], 0), *sub;

    if (LIKELY(spec == NULL || !(spec->flags & CMD_SUBCOMMANDS))) return spec;
    if (arg_count < 2) return spec;
    sub = find_word(args[1], spec->index + 1);
    return sub != NULL ? sub : spec;
}

const struct cmd_spec *
cmd_find_name(struct bytes name)
{
    const char *bar = name.size > 0 ? memchr(name.data, '|', name.size) : NULL;
    const struct cmd_spec *spec;
    size_t head;

    if (bar == NULL) return find_word(name, 0);
    head = (size_t)(bar - name.data);
    spec = find_word(bytes_of(name.data, head), 0);
    if (spec == NULL) return NULL;
    return find_word(bytes_of(bar + 1, name.size - head - 1), spec->index + 1);
}
