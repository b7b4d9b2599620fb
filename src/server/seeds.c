#include "server/seeds.h"

#include "base/err.h"
#include "base/hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool
parse_number(const char *text, unsigned long most, unsigned long *out)
{
    char *end;

    if (*text < '0' || *text > '9') return false;
    *out = strtoul(text, &end, 10);
    return *end == '\0' && *out >= 1 && *out <= most;
}

int
seeds_parse_one(const char *word, char host[MEMBER_ADDRESS_MAX + 1],
                uint16_t *port)
{
    const char *start = word, *colon = strrchr(word, ':');
    const char *end = word + strlen(word);
    unsigned long number = SEEDS_DEFAULT_PORT;

    if (word[0] == '[') {
        start = word + 1;
        end = strchr(word, ']');
        if (end == NULL) return ERR_SYNTAX;
        if (end[1] != '\0' && end[1] != ':') return ERR_SYNTAX;
        colon = end[1] == ':' ? end + 1 : NULL;
    } else if (colon != NULL && strchr(word, ':') != colon) {
        colon = NULL; /* a v6 address without brackets has no port */
    } else if (colon != NULL) {
        end = colon;
    }
    if (colon != NULL && !parse_number(colon + 1, 65535, &number))
        return ERR_SYNTAX;
    if (end == start || end - start > MEMBER_ADDRESS_MAX) return ERR_SYNTAX;
    memcpy(host, start, (size_t)(end - start));
    host[end - start] = '\0';
    *port = (uint16_t)number;
    return ERR_OK;
}

/* A copy of the next word, "" behind the last; false: too long. */
static bool
next_word(struct bytes *line, char *out, size_t room)
{
    size_t size = 0;

    while (line->size > 0 && strchr(" ,\t", line->data[0]) != NULL) {
        line->data++;
        line->size--;
    }
    while (size < line->size && strchr(" ,\t", line->data[size]) == NULL)
        size++;
    if (size >= room) return false;
    if (size > 0) memcpy(out, line->data, size);
    out[size] = '\0';
    line->data += size;
    line->size -= size;
    return true;
}

int
seeds_parse(struct bytes line, struct member_config *config, char why[256])
{
    char word[MEMBER_ADDRESS_MAX + 16];

    config->seed_count = 0;
    for (;;) {
        uint32_t at = config->seed_count;

        if (!next_word(&line, word, sizeof(word))) {
            (void)snprintf(why, 256, "ring-seeds: a word is too long");
            return ERR_SYNTAX;
        }
        if (word[0] == '\0') return ERR_OK;
        if (at == MEMBER_SEEDS_MAX) {
            (void)snprintf(why, 256, "ring-seeds: more than %d",
                           (int)MEMBER_SEEDS_MAX);
            return ERR_LIMIT;
        }
        if (seeds_parse_one(word, config->seeds[at].host,
                            &config->seeds[at].port) != ERR_OK) {
            (void)snprintf(why, 256,
                           "ring-seeds: '%.100s' is not host:port or "
                           "[address]:port",
                           word);
            return ERR_SYNTAX;
        }
        config->seed_count++;
    }
}

int
seeds_parse_replicas(struct bytes line, struct ring_replicas *replicas)
{
    char word[MEMBER_NAME_MAX + 16];
    unsigned long count;

    memset(replicas, 0, sizeof(*replicas));
    for (;;) {
        char *colon;

        if (!next_word(&line, word, sizeof(word))) return ERR_SYNTAX;
        if (word[0] == '\0') break;
        colon = strrchr(word, ':');
        if (!parse_number(colon != NULL ? colon + 1 : word, RING_OWNERS_MAX,
                          &count)) {
            return ERR_SYNTAX;
        }
        if (replicas->count + count > RING_OWNERS_MAX) return ERR_SYNTAX;
        if (colon == NULL && replicas->count > 0) return ERR_SYNTAX;
        replicas->count += (uint32_t)count;
        if (colon == NULL) continue;
        if (replicas->dc_count == RING_DCS_MAX || colon == word)
            return ERR_SYNTAX;
        if (replicas->dc_count == 0 && replicas->count != count)
            return ERR_SYNTAX;
        *colon = '\0';
        replicas->dcs[replicas->dc_count].dc = hash_plain(bytes_str(word));
        replicas->dcs[replicas->dc_count++].count = (uint32_t)count;
    }
    return replicas->count > 0 ? ERR_OK : ERR_SYNTAX;
}
