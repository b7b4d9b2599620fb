/*
 * client_line.h - one client as CLIENT LIST and CLIENT INFO show it.
 */
#ifndef COMMAND_CLIENT_LINE_H
#define COMMAND_CLIENT_LINE_H

#include "command/client.h"

/* Appends "id=... addr=... ... lib-ver=" with no line feed. */
void client_line(const struct client *client, int64_t now_ms, struct buf *out);
/* "normal": the class that CLIENT LIST TYPE and KILL TYPE speak of. */
const char *client_line_type(const struct client *client);

#endif
