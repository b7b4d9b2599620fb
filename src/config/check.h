/*
 * check.h - what a word must look like to be a name, an address, a seed, a
 * number of copies; private to config/.
 *
 * Each returns ERR_OK, or ERR_SYNTAX or ERR_RANGE with a text in `why`.
 */
#ifndef CONFIG_CHECK_H
#define CONFIG_CHECK_H

#include "config/settings.h"

enum {
    CHECK_NAME_MAX = 64,
    CHECK_HOST_MAX = 255,
    CHECK_COPIES_MAX = 8, /* replicas, in all data centres together */
};

/* Letters, digits, "-", "_", ".": of a ring, a data centre, a rack. */
WARN_UNUSED int check_name(struct bytes word, char why[SETTING_WHY_BYTES]);
/* A host name or an IP address. */
WARN_UNUSED int check_host(struct bytes word, char why[SETTING_WHY_BYTES]);
/* host:port, or [address]:port where the address has colons. */
WARN_UNUSED int check_seed(struct bytes word, char why[SETTING_WHY_BYTES]);
/* "3", or "dc1:3" "dc2:2": as ring_replicas_parse reads it. */
WARN_UNUSED int check_replicas(const struct bytes *words, uint32_t count,
                               char why[SETTING_WHY_BYTES]);
/* A decimal: 0, or 0.01 to `most`. */
WARN_UNUSED int check_weight(struct bytes word, int64_t most,
                             char why[SETTING_WHY_BYTES]);

#endif
