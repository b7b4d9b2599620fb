/*
 * buf.h - a growable run of bytes that owns its memory.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/bytes.h"

struct buf {
    char *data;  /* owned; NULL when room is 0 */
    size_t used; /* bytes written */
    size_t room; /* bytes allocated */
};

void buf_deinit(struct buf *buf);
/* Makes room for `more` bytes; ERR_MEMORY leaves the buffer as it was. */
WARN_UNUSED int buf_reserve(struct buf *buf, size_t more);
/* Makes room, or aborts: for small bounded state. */
void buf_must_reserve(struct buf *buf, size_t more);
void buf_must_printf(struct buf *buf, const char *format, ...)
    PRINTF_LIKE(2, 3);
WARN_UNUSED int buf_add(struct buf *buf, const void *data, size_t size);

/* As buf_add, but aborts without memory. */
static inline void
buf_must_add(struct buf *buf, const void *data, size_t size)
{
    if (UNLIKELY(buf->room - buf->used < size)) buf_must_reserve(buf, size);
    if (size > 0) memcpy(buf->data + buf->used, data, size);
    buf->used += size;
}

static inline struct bytes
buf_bytes(const struct buf *buf)
{
    return bytes_of(buf->data, buf->used);
}

#endif
