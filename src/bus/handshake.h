/*
 * handshake.h - the frames that lead a link from NEW to OPEN, or to REFUSED.
 * For link.c alone.
 */
#ifndef BUS_HANDSHAKE_H
#define BUS_HANDSHAKE_H

#include "bus/link.h"

/* A caller writes HELLO: GREETING. */
void handshake_start(struct link *link, int64_t now_ms, int64_t wall_ms);
/* A frame of a NEW or GREETING link that is not REFUSED; afterwards it is
 * GREETING, OPEN or BROKEN. */
void handshake_frame(struct link *link, const struct frame *frame,
                     int64_t now_ms, int64_t wall_ms);
/* Writes REFUSED and breaks the link; in every state but BROKEN. reason: NULL
 * for link_refusal_text(). */
void handshake_refuse(struct link *link, enum link_refusal refusal,
                      const char *reason, int64_t wall_ms);
/* REFUSED came: breaks the link; the reason is the peer's. */
void handshake_refused(struct link *link, struct bytes payload);

#endif
