#include "ctl/table.h"

#include "base/memory.h"

#include <stdarg.h>
#include <stdio.h>

void
table_init(struct table *table, const char *const *heads, uint32_t columns,
           bool has_color)
{
    ASSERT(columns <= TABLE_COLUMNS_MAX);
    *table = (struct table){.columns = columns, .has_color = has_color};
    memcpy(table->heads, heads, columns * sizeof(heads[0]));
}

void
table_deinit(struct table *table)
{
    size_t i;

    for (i = 0; i < table->count; i++)
        mem_free(table->cells[i].text);
    mem_free(table->cells);
}

void
table_put(struct table *table, enum table_color color, const char *format, ...)
{
    char text[512];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    table->cells =
        mem_must_array(table->cells, table->count + 1, sizeof(*table->cells));
    table->cells[table->count++] =
        (struct table_cell){mem_must_text(text, strlen(text)), color};
}

/* Characters, as far as a terminal counts them: bytes that begin one. */
static uint32_t
width_of(const char *text)
{
    uint32_t width = 0;

    for (; *text != '\0'; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

const char *
table_paint(enum table_color color, bool has_color)
{
    static const char *const codes[] = {"\033[0m", "\033[32m", "\033[31m",
                                        "\033[2m"};

    return has_color ? codes[color] : "";
}

static void
put_blanks(struct buf *out, uint32_t count)
{
    for (; count > 0; count--)
        buf_must_add(out, " ", 1);
}

static void
write_row(const struct table *table, const struct table_cell *row,
          const uint32_t *widths, struct buf *out)
{
    uint32_t i, last = table->columns - 1;

    for (i = 0; i <= last; i++) {
        uint32_t blanks = widths[i] - width_of(row[i].text);
        bool is_right = table->heads[i][0] == '>';

        if (is_right) put_blanks(out, blanks);
        if (row[i].color == TABLE_PLAIN || !table->has_color) {
            buf_must_printf(out, "%s", row[i].text);
        } else {
            buf_must_printf(out, "%s%s%s", table_paint(row[i].color, true),
                            row[i].text, table_paint(TABLE_PLAIN, true));
        }
        if (!is_right && i < last) put_blanks(out, blanks);
        if (i < last) put_blanks(out, 2);
    }
    buf_must_add(out, "\n", 1);
}

void
table_write(const struct table *table, struct buf *out)
{
    struct table_cell heads[TABLE_COLUMNS_MAX];
    char names[TABLE_COLUMNS_MAX][32];
    uint32_t widths[TABLE_COLUMNS_MAX], i;
    size_t at;

    ASSERT(table->count % table->columns == 0);
    for (i = 0; i < table->columns; i++) {
        const char *name = table->heads[i];

        (void)snprintf(names[i], sizeof(names[i]), "%s",
                       name[0] == '>' ? name + 1 : name);
        heads[i] = (struct table_cell){names[i], TABLE_DIM};
        widths[i] = width_of(names[i]);
    }
    for (at = 0; at < table->count; at++) {
        uint32_t width = width_of(table->cells[at].text);

        if (width > widths[at % table->columns])
            widths[at % table->columns] = width;
    }
    write_row(table, heads, widths, out);
    for (at = 0; at < table->count; at += table->columns)
        write_row(table, &table->cells[at], widths, out);
}

struct table_text
table_size(int64_t bytes)
{
    static const char units[] = "BKMGTPE";
    struct table_text out;
    double size = (double)bytes;
    uint32_t unit = 0;

    while (size >= 1000 && unit < 6) {
        size /= 1024;
        unit++;
    }
    (void)snprintf(out.text, sizeof(out.text), unit == 0 ? "%.0f%c" : "%.1f%c",
                   size, units[unit]);
    return out;
}

struct table_text
table_age(int64_t seconds)
{
    long long s = seconds;
    struct table_text out;

    if (s < 60) {
        (void)snprintf(out.text, sizeof(out.text), "%llds", s);
    } else if (s < 3600) {
        (void)snprintf(out.text, sizeof(out.text), "%lldm%llds", s / 60,
                       s % 60);
    } else if (s < 86400) {
        (void)snprintf(out.text, sizeof(out.text), "%lldh%lldm", s / 3600,
                       s / 60 % 60);
    } else {
        (void)snprintf(out.text, sizeof(out.text), "%lldd%lldh", s / 86400,
                       s / 3600 % 24);
    }
    return out;
}

struct table_text
table_share(int64_t part, int64_t whole)
{
    struct table_text out = {"-"};
    long long tenths;

    if (whole <= 0) return out;
    if (part < 0) part = 0;
    tenths = part * 1000 / whole; /* 100% is only said of all of it */
    (void)snprintf(out.text, sizeof(out.text), "%lld.%lld%%", tenths / 10,
                   tenths % 10);
    return out;
}
