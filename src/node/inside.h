/*
 * inside.h - what the files of node/ share.
 */
#ifndef NODE_INSIDE_H
#define NODE_INSIDE_H

#include "node/node.h"

enum message_kind {
    MESSAGE_CLIENTS, /* a CLIENT LIST or KILL on its way round the workers */
    MESSAGE_MONITOR, /* a line for the monitors of one worker */
    MESSAGE_RESUME,  /* CLIENT PAUSE is over or softer */
};

/* CLIENT LIST or KILL, with copies of all that the query borrows. */
struct clients_job {
    struct client_query query;
    uint64_t *ids;      /* owned */
    char *texts;        /* owned: address, local address, user */
    uint64_t client_id; /* who asked */
    uint64_t killed;
    bool kills_asker; /* who is closed once the answer is there */
    bool is_too_much; /* the list passes the output limit; its asker, too */
    struct buf lines;
};

struct message {
    struct message *next; /* the inbox's, or the outbox's */
    enum message_kind kind;
    uint32_t origin; /* worker that made it */
    uint32_t to;
    struct clients_job clients; /* MESSAGE_CLIENTS */
    struct buf line;            /* MESSAGE_MONITOR */
};

struct worker {
    struct node *node;
    struct cmd_env *env;
    uint32_t index;
    struct reply reply;      /* of the session whose turn it is */
    struct session *current; /* whose replies are in there; NULL: nobody's */
    struct session *first, *last;          /* in the order of their opening */
    struct session *backlog, *backlog_end; /* those that want more */
    struct session *cursor; /* where the housekeeping goes on; NULL: first */
    struct message *outbox; /* did not fit into an inbox; oldest first */
    uint32_t session_count;
    uint32_t sleeper_count;         /* sessions with sleep_until_ms */
    int64_t wake_ms;                /* no sleeper wakes earlier */
    uint32_t postponed_count;       /* sessions that CLIENT PAUSE holds back */
    struct session **monitors;      /* owned array of monitor_count */
    _Atomic uint32_t monitor_count; /* read by other workers */
};

struct node {
    struct cmd_shared shared;
    struct node_effects effects;
    struct worker *workers;
    uint32_t worker_count;
};

struct worker *inside_worker(const struct cmd_call *call);
/* Tells the loop to look at a session again in this turn. */
void inside_wake(struct worker *worker, struct session *session);
/* Takes the message; one that fits into no inbox now is tried again later. */
void inside_post(struct worker *worker, uint32_t to, struct message *message);

/* clients.c */
void clients_ask(struct cmd_call *call, const struct client_query *query);
void clients_deliver(struct worker *worker, struct message *message);
void clients_job_deinit(struct clients_job *job);

/* monitor.c */
void monitor_feed(struct cmd_call *call);
void monitor_push(struct worker *worker, struct bytes line);

#endif
