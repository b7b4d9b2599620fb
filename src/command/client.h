/*
 * client.h - what commands know and change of the client that sent them.
 * Embedded in struct session; only its own worker touches it.
 */
#ifndef COMMAND_CLIENT_H
#define COMMAND_CLIENT_H

#include "base/buf.h"
#include "command/quorum.h"

enum client_flag {
    CLIENT_MULTI = 1 << 0,      /* between MULTI and EXEC */
    CLIENT_DIRTY_EXEC = 1 << 1, /* a queued command was refused: EXECABORT */
    CLIENT_CLOSE = 1 << 2,      /* close after what is written is sent */
    CLIENT_MONITOR = 1 << 3,
    CLIENT_NO_EVICT = 1 << 4,
    CLIENT_NO_TOUCH = 1 << 5,
    CLIENT_REPLY_OFF = 1 << 6,
    CLIENT_REPLY_SKIP = 1 << 7,      /* this reply is not sent */
    CLIENT_REPLY_SKIP_NEXT = 1 << 8, /* becomes SKIP for the next command */
    CLIENT_UNIX = 1 << 9,            /* came over the unix socket */
    CLIENT_WAITING = 1 << 10,        /* a command is unfinished; input waits */
    CLIENT_AUTHENTICATED = 1 << 11,
    CLIENT_KILLED = 1 << 12, /* close now, unsent output is dropped */
};

struct watched {
    char *name; /* owned */
    size_t name_bytes;
    uint32_t db;
    uint64_t version; /* store_watch() */
};

/* What a connection has written in a ring, for WAIT; the router's. */
enum { CLIENT_WROTE_MAX = 8 };

struct client_wrote {
    int64_t wall_ms;                  /* the last time */
    uint64_t links[CLIENT_WROTE_MAX]; /* to who ran it: serials; 0: here */
    uint16_t slots[CLIENT_WROTE_MAX];
    uint8_t ran_by[CLIENT_WROTE_MAX]; /* of each slot: bits, links */
    uint8_t link_count, slot_count;
    bool is_more_slots, is_more_links; /* than these */
};

struct multi_state;
struct op;

struct client {
    uint64_t id;
    uint32_t flags; /* enum client_flag */
    uint32_t db;
    uint8_t proto;                         /* 2 or 3 */
    char *name;                            /* owned; NULL: none */
    char *lib_name, *lib_version;          /* owned; NULL: none */
    char address[112], local_address[112]; /* "ip:port", "[v6]:port", path:0 */
    int fd;                                /* for CLIENT LIST only */
    int64_t created_ms, last_ms;           /* monotonic */
    const struct cmd_spec *last_command;   /* for CLIENT LIST */
    struct multi_state *multi;             /* owned; NULL outside MULTI */
    const struct multi_state *running;     /* EXEC's, while it runs */
    struct watched *watched;               /* owned array */
    uint32_t watched_count;
    struct op *ops, *last_op; /* the router's: under way, oldest first */
    uint32_t op_count;
    struct client_wrote wrote;
    struct quorum quorum; /* KULA.QUORUM: what it says itself */
    bool is_due;          /* the router will say so at the end of the turn */
    /* kept up to date by the session, for CLIENT LIST and INFO */
    size_t query_used, query_room, out_used, out_room;
    uint64_t net_in, net_out, commands;
};

void client_init(struct client *client, uint64_t id, int64_t now_ms);
void client_deinit(struct client *client);

#endif
