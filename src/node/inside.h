/*
 * inside.h - what the files of node/ share.
 *
 * Of a ring: `struct ring` is what the workers of one node have in common
 * (ring.c, settle.c, upkeep.c), `struct bus` one worker's share: peers
 * (peers.c) and links (bus.c). Both are NULL in a node without a ring.
 */
#ifndef NODE_INSIDE_H
#define NODE_INSIDE_H

#include "base/lock.h"
#include "node/node.h"
#include "replica/keeper.h"

enum message_kind {
    MESSAGE_CLIENTS, /* a CLIENT LIST or KILL on its way round the workers */
    MESSAGE_MONITOR, /* a line for the monitors of one worker */
    MESSAGE_RESUME,  /* CLIENT PAUSE is over or softer */
    MESSAGE_ROUSE,   /* take a turn: something of the ring has changed */
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

struct bus;
struct coord;
struct keeper;
struct ring;

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
    _Atomic uint64_t turns;         /* begun; read by worker 0 */
    _Atomic bool is_roused;         /* a MESSAGE_ROUSE is on its way */
    struct bus *bus;                /* NULL: no ring */
    struct coord *coord;            /* likewise */
};

struct node {
    struct cmd_shared shared;
    struct node_effects effects;
    struct worker *workers;
    uint32_t worker_count;
    struct ring *ring; /* NULL: alone for ever */
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

/* ---- one of a ring: peers.c, bus.c, ring.c ---- */

enum {
    BUS_CHECK_MS = 20,   /* between two looks at the links' silence */
    BUS_SILENT_MS = 400, /* owed a sign of life so long: go round it */
    BUS_DEAD_MS = 2000,  /* so long: dial anew */
    BUS_DIAL_MS = 1000,  /* a connection takes no longer */
    BUS_BACKOFF_MS = 50, /* before the second dial; doubles up to */
    BUS_BACKOFF_MAX_MS = 1000,
    BUS_STALL_MS = 200,     /* this worker itself stood still: no verdicts */
    BUS_ALL_PEERS = 32,     /* in larger rings links are dialled on demand */
    BUS_KEPT_MAX = 1 << 20, /* bytes of a message that waits for its link */
    BUS_ADDRESS_MAX = MEMBER_ADDRESS_MAX + 8,
    RING_LETTERS_MAX = 256, /* messages that wait for worker 0 */
    AGREED_COUNT = 6,       /* settings of the whole ring */
    RING_LOGGED_MAX = 64,   /* refusals that are remembered as logged */
};

/* A message of members that waits for its link: the newest alone. */
struct bus_kept {
    uint8_t type; /* 0: none */
    uint64_t request_id;
    struct buf payload;
};

/* How somebody is dialled: a member, or a seed. */
struct bus_dial {
    struct bus_link *link; /* caller's, in any state but BROKEN; or NULL */
    int64_t next_ms;       /* monotonic; not earlier */
    int64_t backoff_ms;    /* before the dial after that */
    struct bus_kept kept;  /* worker 0 */
};

/* A member as one worker sees it. */
struct bus_peer {
    struct node_id id;
    uint32_t number; /* 0: none yet */
    bool is_gone;    /* REMOVED */
    bool is_wanted;  /* somebody asked for a link, in a large ring */
    struct bus_dial dial;
    struct bus_link *answered; /* newest OPEN one that it dialled, or NULL */
    /* worker 0 */
    bool is_up;           /* PEER_REACHABLE was set and not yet missed */
    bool is_doubted;      /* another link broke: nothing was heard since */
    int64_t gossip_ms;    /* it said last what it thinks of this node; 0 */
    uint32_t seen_health; /* what the keeper was told of */
};

struct bus_seed {
    struct bus_dial dial;
    bool is_self, is_known; /* it is this node; `id` is its */
    struct node_id id;
};

struct bus_link {
    struct link link; /* the first member: what the loop holds */
    struct bus_link *prev, *next;
    struct bus_peer *peer; /* NULL: not known (yet) */
    struct bus_seed *seed; /* NULL: not dialled as a seed */
    uint32_t number;       /* under which coord/ knows it; 0: it does not */
    bool is_lost;          /* BROKEN, and everybody was told */
    bool is_surplus;       /* broken by this side: says nothing of the peer */
    bool is_silent;
    bool is_counted; /* members know that it is open: members_meet */
    int64_t made_ms; /* its nonce is as old */
    int64_t open_ms;
    char address[BUS_ADDRESS_MAX];
};

/* One worker's share. */
struct bus {
    struct bus_peer **peers; /* owned array, ascending by id */
    uint32_t peer_count, peer_room;
    struct bus_peer *by_number[RING_NUMBERS];
    struct bus_seed *seeds; /* worker 0; owned array */
    uint32_t seed_count;
    struct bus_link *links;
    struct buf scratch;
    int64_t checked_ms, wake_ms;
    uint32_t roster, epoch; /* of the ring, as last seen */
    uint32_t wanted;        /* replica->wanted likewise */
    bool is_active;         /* coord_set_active was called */
    struct session **due;   /* owned array: session_resume is due */
    uint32_t due_count, due_room;
};

/* A message of members on its way to worker 0's links. */
struct ring_letter {
    struct ring_letter *next;
    struct node_id to;
    struct bus_kept kept;
};

/* Owned; one of the two is NULL. */
struct ring_retired {
    struct ring_retired *next;
    struct ring_map *map;
    struct prefixes *prefixes;
    uint64_t turns[64]; /* of each worker, when it was retired */
};

/* What the workers share. */
struct ring {
    struct node *node;
    struct replica *replica;
    struct link_ring link;
    struct ring_replicas replicas;
    uint8_t hash_seed[32]; /* the store's */
    struct lock lock;      /* of what follows */
    struct members *members;
    struct worker *running;     /* whose step this is */
    struct bus_link *answering; /* where its frame came in; NULL: tick */
    struct ring_letter *letters, *last_letter;
    uint32_t letter_count;
    bool has_wrote;         /* members were told */
    struct buf agreed_text; /* as published, or to be: agreed.c */
    struct ring_retired *old_prefixes;
    struct keeper_status keeper_seen; /* as of its last step: report.c */
    uint64_t logged[RING_LOGGED_MAX];
    uint32_t logged_at;
    /* atomics */
    _Atomic bool is_changed; /* members have: make a new map */
    _Atomic bool is_active;  /* workers coordinate; stays */
    _Atomic bool has_old_prefixes;
    _Atomic bool is_twin;    /* another process has this id; stays */
    _Atomic uint32_t epoch;  /* rises with the map and with anybody's health */
    _Atomic uint32_t roster; /* rises with the members */
    _Atomic uint32_t accepted_count;
    _Atomic bool is_deaf[RING_NUMBERS]; /* owes signs of life */
    _Atomic uint32_t active_count;      /* workers whose coord/ is active */
    _Atomic uint64_t ceiling;           /* as saved */
    _Atomic uint64_t ceiling_mark;      /* above this it is to be saved anew */
    struct lock ceiling_lock;           /* while it is */
    /* worker 0 */
    struct evictions *evictions;
    struct keeper *keeper;
    bool keeper_is_due, is_stale, is_joined;
    bool is_quieting;         /* LOADING, but a command may still be running: */
    uint64_t quiet_turns[64]; /* of each worker, when that began */
    struct ring_retired *retired;
    uint32_t keeper_epoch;
    struct stamp past;            /* the ceiling of the last life */
    int64_t agreed[AGREED_COUNT]; /* settings of the whole ring, as agreed */
    int64_t node_timeout_ms;      /* as members have it */
    uint64_t stray_map;  /* hash of the map whose slots are walked over */
    uint32_t stray_slot; /* where the walk is */
    bool is_stray_seen;  /* in this walk; see look_for_strays */
    bool has_strays;
    uint64_t load_commands;
    int64_t load_ms;
    struct {
        char host[MEMBER_ADDRESS_MAX + 1];
        uint16_t port;
    } seeds[MEMBER_SEEDS_MAX];
    uint32_t seed_count;
};

static inline bool
bus_is_open(const struct bus_link *link)
{
    return link != NULL && link->link.state == LINK_OPEN;
}

/* peers.c: who is to be dialled, and is. */
struct bus *bus_new(const struct worker *worker);
void bus_free(struct worker *worker); /* all links with it */
struct bus_peer *bus_find(const struct bus *bus, const struct node_id *id);
/* Tells coord/ of all links that it does not know, and may. */
void bus_announce_all(struct worker *worker);
/* Takes over members, numbers, removals. */
void bus_refresh(struct worker *worker);
void bus_dial_due(struct worker *worker);
/* Its link is gone: when to dial again. */
void bus_dial_later(struct worker *worker, struct bus_dial *dial,
                    bool was_good);
/* A member's frame: over a link that is there; worker 0 keeps it for the one
 * that it will have; false: nothing of that. */
bool bus_send(struct worker *worker, const struct node_id *to, uint32_t seed,
              const struct frame *frame);
void bus_keep(struct bus_kept *kept, const struct frame *frame);
void bus_send_kept(struct worker *worker, struct bus_link *link,
                   struct bus_kept *kept);

/* bus.c: the links of one worker. */
struct bus_link *bus_link_new(struct worker *worker, bool is_caller,
                              const struct node_id *expected,
                              const char *address);
void bus_link_free(struct worker *worker, struct bus_link *link);
/* The peer of an OPEN link is who has its id, as far as is known; otherwise the
 * link breaks: false. */
bool bus_meet(struct worker *worker, struct bus_link *link);
/* Tells coord/ of an OPEN link whose number has become known or changed. */
void bus_announce(struct worker *worker, struct bus_link *link);
void bus_break(struct worker *worker, struct bus_link *link,
               const char *reason);
void bus_write(struct worker *worker, struct bus_link *link,
               const struct frame *frame, bool is_asking);
struct link *bus_link_to(struct worker *worker, uint32_t number);
void bus_wake(struct worker *worker, struct link *link);
void bus_check(struct worker *worker); /* silence, dials; every 20 ms */
void bus_tick(struct worker *worker);
void bus_turn_end(struct worker *worker);

/* ring.c */
struct ring *ring_new(struct node *node, const struct node_config *config);
void ring_begin(struct node *node); /* all workers are there */
void ring_free(struct ring *ring);  /* after the workers' buses */
/* Around a step of members. */
void ring_enter(struct worker *worker, struct bus_link *answering);
void ring_leave(struct worker *worker);
void ring_member_frame(struct worker *worker, struct bus_link *link,
                       const struct frame *frame);
/* Facts are exchanged with this peer; over `link` if it is not NULL. */
void ring_exchange(struct worker *worker, struct bus_link *link,
                   const struct node_id *with);
void ring_tick(struct worker *worker);
void ring_turn_end(struct worker *worker);
int64_t ring_deadline_ms(const struct worker *worker);
/* A link says so: go round this peer at once; or no more. */
void ring_unreachable(struct worker *worker, struct bus_peer *peer);
void ring_reachable(struct worker *worker, struct bus_peer *peer);
void ring_log(struct ring *ring, const char *line);
/* One refusal, once for each address and reason. */
void ring_log_refusal(struct ring *ring, const struct bus_link *link);
/* Everybody is to look again; all workers take a turn soon. */
void ring_raise(struct worker *worker);
void ring_rouse_all(struct worker *worker);
/* The session is freed. */
void ring_session_closed(struct worker *worker, const struct session *session);

/* settle.c: what follows when the members have changed; worker 0. */
void ring_settle(struct worker *worker);
void ring_free_retired(struct ring *ring);
/* A table that others may still be reading; ring->lock is held. */
void ring_retire_prefixes(struct ring *ring, struct prefixes *prefixes);
/* The keeper hears whose health is another than it was. */
void ring_tell_keeper(struct worker *worker);
void ring_set_loading(struct ring *ring, bool is_loading);

/* agreed.c: settings of the whole ring; worker 0. */
void agreed_start(struct ring *ring);
void agreed_tick(struct worker *worker);
/* Another ring has other ones. */
void agreed_forget(struct ring *ring);
/* KULA.PREFIX SET, DEL: any worker. */
const char *agreed_prefix(struct cmd_call *call,
                          const struct prefix_rule *rule);

/* evict.c: keys that were evicted, told to their other owners. */
struct evictions *evict_new(void);
void evict_free(struct evictions *evictions);
void evict_join(struct ring *ring); /* the store is in a ring now */
bool evict_is_waiting(const struct ring *ring);
/* Worker 0: at the end of its turns, every second, in each tick. */
void evict_ship(struct worker *worker);
void evict_second(struct worker *worker);
void evict_tick(struct worker *worker);

/* upkeep.c: keeper, ceiling, load; worker 0. */
void upkeep_start(struct ring *ring, const struct node_config *config);
/* The value of a directive, by its name; `value` if there is no such. */
int64_t upkeep_setting(const struct ring *ring, const char *name,
                       int64_t value);
uint64_t upkeep_key_count(const struct ring *ring);
void upkeep_tick(struct worker *worker);
/* At the end of each turn, before output is sent. */
void upkeep_ceiling(struct worker *worker);
/* The wall time, or one above all stamps of the last life. */
int64_t upkeep_life_ms(const struct ring *ring, int64_t wall_ms);
void upkeep_keeper(struct worker *worker); /* if it has something to do */

#endif
