/*
 * session.h - one client: bytes in, ordered replies out.
 *
 * Sans I/O. The loop reads into a buffer of its own and hands the bytes over;
 * what a session can't use yet it keeps. Replies gather in the worker's shared
 * reply buffer for the time of a turn; the loop sends from there, and what the
 * socket does not take is kept in the session.
 *
 *     OPEN --input--> parse a batch --> prefetch in waves --> run in order
 *       |                                                        |
 *       +-- WAITING (unfinished command, PAUSE): input is kept --+
 *       +-- BEHIND (a barrier, others are under way): likewise --+
 *       +-- CLOSING: no more input; flush, then close
 *
 * What bounds a client's memory: the query buffer by its limit; the unsent
 * replies by SESSION_OUT_PAUSE, at which its commands and its reading stop,
 * plus one turn's; a reply of many values, and what others push to it, by
 * client-output-buffer-limit, which kills (README).
 */
#ifndef SESSION_SESSION_H
#define SESSION_SESSION_H

#include "command/command.h"
#include "resp/parse.h"

enum {
    SESSION_BATCH_MAX = 64,          /* commands parsed ahead */
    SESSION_BATCH_ARGS_MAX = 1024,   /* arguments copied for a batch */
    SESSION_OUT_PAUSE = 1024 * 1024, /* unsent bytes that stop reading */
    SESSION_TURN_MAX = 1024 * 1024,  /* reply bytes before others' turn */
    SESSION_TURN_US = 2000,          /* time before others' turn */
    SESSION_QUERY_KEEP = 32 * 1024,  /* a larger empty query is freed */
    SESSION_ROOM_LEAST = 64 * 1024,  /* of a bulk: worth its own receive */
    SESSION_ROOM_MAX = 256 * 1024,   /* bytes of it in one receive */
    SESSION_TAKE_LEAST = 64 * 1024,  /* unsent: worth taking the buffer */
    SESSION_UNDER_WAY_MAX = 1024,    /* commands under way in the ring */
};

struct session {
    struct client client; /* what commands see */
    struct resp_parser parser;
    struct buf query;   /* bytes not yet executed, owned; empty when idle */
    size_t query_at;    /* bytes of query already executed */
    struct buf out;     /* replies that the socket did not take yet */
    size_t out_at;      /* bytes of out already sent */
    size_t out_largest; /* the largest reply since out was empty */
    int64_t out_soft_since_ms; /* over the soft limit since; 0: not */
    struct buf held;           /* what a WAITING command has already replied */
    int64_t sleep_until_ms;    /* monotonic, of a WAITING sleeper; 0: none */
    bool is_closing;           /* flush, then close */
    bool wants_more;    /* has whole commands left: give it another turn */
    bool is_stalled;    /* query may begin with a whole command */
    bool is_postponed;  /* CLIENT PAUSE holds its next command back */
    bool is_behind;     /* its next command waits for those under way */
    bool is_monitor;    /* counted as a monitor by its worker */
    bool is_in_backlog; /* in the worker's list of those that want more */
    void *loop_data;    /* the loop's own: descriptor, lists */
    struct session *next, *prev; /* the worker's list of sessions */
    struct session *backlog_next, *backlog_prev;
};

void session_init(struct session *session, struct cmd_env *env);
void session_deinit(struct session *session);

/*
 * Bytes have arrived (size may be 0: go on with what is kept). Runs whole
 * commands, appends replies to `reply` (the worker's, empty at the start of
 * the turn), keeps the rest of the bytes. May set is_closing, wants_more.
 */
void session_input(struct session *session, struct cmd_env *env,
                   struct reply *reply, const char *data, size_t size);

/*
 * Where the next bytes are best received when the session waits for the rest
 * of a large bulk: given to session_input they are not copied. NULL: anywhere.
 * At most four times of what has arrived is set aside.
 */
char *session_room(struct session *session, const struct cmd_env *env,
                   size_t *room);
/* False if it has something left to do without more input: it waits, or whole
 * commands do. Unsent output does not count. */
bool session_is_done(const struct session *session);

/* True if more input may be read: not waiting, not closing, not paused by
 * unsent output or by the query buffer's limit. */
bool session_may_read(const struct session *session);

/* After the loop sent `sent` bytes of out followed by `fresh` (NULL: nothing):
 * keeps the rest, by a copy or by taking the buffer out of `fresh`. Checks the
 * output limits: may set CLIENT_KILLED. */
void session_sent(struct session *session, struct cmd_env *env,
                  struct buf *fresh, size_t sent);

/* Commands under way in the ring have ended: takes their replies; what waited
 * behind them may go on. */
void session_resume(struct session *session, struct cmd_env *env);

/* Now and then: gives memory back that an idle client does not need. */
void session_rest(struct session *session, struct cmd_env *env);
/* Appends to what is to be sent, out of the client's own turn; checks the
 * output limits. */
void session_push(struct session *session, struct cmd_env *env,
                  struct bytes text);

/* An unfinished command (CLIENT_WAITING) is done: `text` is its reply. */
void session_finish(struct session *session, struct cmd_env *env,
                    struct bytes text);

#endif
