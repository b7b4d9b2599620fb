/*
 * words.h - the terminals of the grammar: <key>, <value>, <ttl>, ...
 */
#ifndef REDIS_COMPAT_WORDS_H
#define REDIS_COMPAT_WORDS_H

#include "arena.h"

/* An argument. Some differ per server and are filled in when they are sent. */
enum word_kind {
    WORD_PLAIN,
    WORD_MY_ID,      /* CLIENT ID of the connection that sends it */
    WORD_MY_ADDRESS, /* its address as the server sees it */
    WORD_SERVER_ADDRESS,
};

struct word {
    enum word_kind kind;
    bool is_keyword; /* written in the grammar: its case may be changed */
    struct piece text;
};

/* False: no terminal of that name. */
bool words_find(struct piece name, uint32_t *index);
/* Draws a terminal's value; <keys> and <all-keys> give several: returns how
 * many of `out` (room for WORDS_MAX) were filled. */
enum { WORDS_MAX = 64 };
uint32_t words_draw(uint32_t index, struct arena *arena, struct chance *chance,
                    struct word out[WORDS_MAX]);
/* Something that does not belong: for mutations. */
struct piece words_junk(struct arena *arena, struct chance *chance);

#endif
