/*
 * seeds.h - the words of `ring-seeds` and `replicas`: text into numbers.
 */
#ifndef SERVER_SEEDS_H
#define SERVER_SEEDS_H

#include "member/member.h"

enum { SEEDS_DEFAULT_PORT = 16379 };

/* "host", "host:port", "[v6]:port", "[v6]", or a bare v6 address. ERR_SYNTAX:
 * no host, or no port. */
WARN_UNUSED int seeds_parse_one(const char *word,
                                char host[MEMBER_ADDRESS_MAX + 1],
                                uint16_t *port);
/* The words of a line, with spaces or commas between. ERR_SYNTAX, ERR_LIMIT
 * (above MEMBER_SEEDS_MAX): `why` says which. */
WARN_UNUSED int seeds_parse(struct bytes line, struct member_config *config,
                            char why[256]);
/* "3", or "dc1:3 dc2:2". ERR_SYNTAX. */
WARN_UNUSED int seeds_parse_replicas(struct bytes line,
                                     struct ring_replicas *replicas);

#endif
