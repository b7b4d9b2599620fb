/*
 * talk.h - a node of one worker and a client that talks to it: requests as
 * inline commands, answers as raw bytes. Time stands still unless it is moved.
 */
#ifndef UNIT_COMMAND_TALK_H
#define UNIT_COMMAND_TALK_H

#include "node/node.h"
#include "support/case.h"

#include <stdio.h>
#include <string.h>

enum { TALK_ANSWER_MAX = 256 * 1024 };

struct talk {
    struct settings *settings;
    struct node *node;
    struct worker *worker;
    struct session *session;
    int64_t now_ms, wall_ms;
    uint32_t shutdowns, changes;
    const char *rewrite_error;
    char answer[TALK_ANSWER_MAX];
};

static inline bool
talk_post(void *self, uint32_t from, uint32_t to, struct message *message)
{
    struct talk *talk = self;

    (void)from;
    worker_deliver(node_worker(talk->node, to), message);
    return true;
}

static inline void
talk_wake(void *self, uint32_t worker, struct session *session)
{
    (void)self;
    (void)worker;
    (void)session;
}

static inline void
talk_shutdown(void *self)
{
    ((struct talk *)self)->shutdowns++;
}

static inline const char *
talk_rewrite(void *self)
{
    return ((struct talk *)self)->rewrite_error;
}

static inline void
talk_changed(void *self, enum setting id)
{
    (void)id;
    ((struct talk *)self)->changes++;
}

static inline struct session *
talk_open(struct talk *talk, const char *address)
{
    struct open_info info = {.fd = 7,
                             .is_loopback = true,
                             .address = address,
                             .local_address = "127.0.0.1:6379"};
    const char *refusal = NULL;
    struct session *session = worker_open(talk->worker, &info, &refusal);

    cr_assert(session != NULL);
    return session;
}

/* Sets a directive as a configuration file would. */
static inline void
talk_set(struct talk *talk, const char *name, const char *value)
{
    struct bytes text = bytes_str(value);
    char why[SETTING_WHY_BYTES];
    int id = settings_find(bytes_str(name));

    cr_assert(id >= 0);
    cr_assert(settings_set(talk->settings, (enum setting)id, &text, 1, why) ==
              0);
}

static inline struct talk *
talk_new(void (*prepare)(struct talk *talk))
{
    struct talk *talk = mem_must_zero(sizeof(*talk));
    struct node_config config = {.worker_count = 1};

    talk->settings = settings_new();
    if (prepare != NULL) prepare(talk);
    settings_freeze(talk->settings);
    talk->now_ms = 1000000;
    talk->wall_ms = INT64_C(1795269600000);
    config.settings = talk->settings;
    config.store = (struct store_config){
        .slot_count = SLOT_COUNT, .node = 1, .wall_ms = talk->wall_ms};
    config.effects = (struct node_effects){.post = talk_post,
                                           .wake = talk_wake,
                                           .shutdown = talk_shutdown,
                                           .config_rewrite = talk_rewrite,
                                           .config_changed = talk_changed,
                                           .self = talk};
    talk->node = node_new(&config);
    talk->worker = node_worker(talk->node, 0);
    worker_turn(talk->worker, talk->now_ms, (uint64_t)talk->wall_ms * 1000);
    talk->session = talk_open(talk, "127.0.0.1:50000");
    return talk;
}

static inline void
talk_free(struct talk *talk)
{
    node_free(talk->node);
    settings_free(talk->settings);
    mem_free(talk);
}

static inline void
talk_later(struct talk *talk, int64_t ms)
{
    talk->now_ms += ms;
    talk->wall_ms += ms;
    worker_turn(talk->worker, talk->now_ms, (uint64_t)talk->wall_ms * 1000);
    worker_tick(talk->worker, 0);
}

static inline const char *
talk_collect(struct talk *talk, struct session *session)
{
    struct bytes pieces[2];
    uint32_t count = worker_output(talk->worker, session, pieces), i;
    size_t used = 0;

    for (i = 0; i < count; i++) {
        cr_assert(used + pieces[i].size < sizeof(talk->answer));
        memcpy(talk->answer + used, pieces[i].data, pieces[i].size);
        used += pieces[i].size;
    }
    talk->answer[used] = '\0';
    worker_sent(talk->worker, session, used);
    return talk->answer;
}

/* Sends an inline command as another client; its answer, until the next. */
static inline const char *
talk_as(struct talk *talk, struct session *session, const char *line)
{
    char text[4096];
    int size = snprintf(text, sizeof(text), "%s\r\n", line);

    worker_input(talk->worker, session, text, (size_t)size);
    return talk_collect(talk, session);
}

static inline const char *
talk_ask(struct talk *talk, const char *line)
{
    return talk_as(talk, talk->session, line);
}

#define ANSWERS(talk, line, wanted)                                            \
    cr_expect(eq(str, (char *)talk_ask((talk), (line)), (char *)(wanted)))
#define ANSWER_HAS(talk, line, part)                                           \
    cr_expect(strstr(talk_ask((talk), (line)), (part)) != NULL, "%s: no %s",   \
              (line), (part))

#endif
