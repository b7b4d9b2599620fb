#include "base/buf.h"

#include "base/err.h"
#include "base/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { ROOM_LEAST = 64 };

void
buf_deinit(struct buf *buf)
{
    mem_free(buf->data);
    *buf = (struct buf){0};
}

int
buf_reserve(struct buf *buf, size_t more)
{
    size_t want, room;
    char *data;

    if (buf->room - buf->used >= more) return ERR_OK;
    if (__builtin_add_overflow(buf->used, more, &want)) return ERR_MEMORY;
    room = buf->room + buf->room / 2;
    if (room < ROOM_LEAST) room = ROOM_LEAST;
    if (room < want) room = want;
    data = mem_try_resize(buf->data, room);
    if (data == NULL) return ERR_MEMORY;
    buf->data = data;
    buf->room = room;
    return ERR_OK;
}

int
buf_add(struct buf *buf, const void *data, size_t size)
{
    int err = buf_reserve(buf, size);

    if (err != ERR_OK) return err;
    if (size > 0) memcpy(buf->data + buf->used, data, size);
    buf->used += size;
    return ERR_OK;
}

void
buf_must_reserve(struct buf *buf, size_t more)
{
    if (buf_reserve(buf, more) != ERR_OK) abort();
}

void
buf_must_printf(struct buf *buf, const char *format, ...)
{
    va_list args, again;
    int size;

    va_start(args, format);
    va_copy(again, args);
    size = vsnprintf(NULL, 0, format, args);
    va_end(args);
    ASSERT(size >= 0);
    if (buf_reserve(buf, (size_t)size + 1) != ERR_OK) abort();
    (void)vsnprintf(buf->data + buf->used, (size_t)size + 1, format, again);
    va_end(again);
    buf->used += (size_t)size;
}
