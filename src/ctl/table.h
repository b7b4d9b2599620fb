/*
 * table.h - a table of text: columns as wide as their widest cell; numbers to
 * the right. Two blanks apart, none at the end of a line.
 */
#ifndef CTL_TABLE_H
#define CTL_TABLE_H

#include "base/buf.h"

enum { TABLE_COLUMNS_MAX = 16 };

enum table_color { TABLE_PLAIN, TABLE_GOOD, TABLE_BAD, TABLE_DIM };

struct table {
    const char *heads[TABLE_COLUMNS_MAX]; /* '>' in front: to the right */
    uint32_t columns;
    bool has_color;
    struct table_cell *cells; /* owned; row by row */
    size_t count;
};

struct table_cell {
    char *text; /* owned */
    enum table_color color;
};

void table_init(struct table *table, const char *const *heads, uint32_t columns,
                bool has_color);
void table_deinit(struct table *table);
/* The next cell; after `columns` of them the next row begins. */
void table_put(struct table *table, enum table_color color, const char *format,
               ...) PRINTF_LIKE(3, 4);
void table_write(const struct table *table, struct buf *out);

/* "\033[32m" and the like; "" without color. */
const char *table_paint(enum table_color color, bool has_color);

/* For people: "12.3M"; "3d 4h". */
struct table_text {
    char text[24];
};
struct table_text table_size(int64_t bytes);
struct table_text table_age(int64_t seconds);
/* "33.3%"; "-" of nothing. */
struct table_text table_share(int64_t part, int64_t whole);

#endif
