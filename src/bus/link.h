/*
 * link.h - one connection of one worker to one peer: bytes in, frames out.
 *
 * Sans I/O. Whoever opened the connection is its caller, the other side the
 * answerer; frames go both ways. Nothing is acted on before both sides have
 * proved that they know the ring's secret:
 *
 *   caller                                   answerer
 *     HELLO {versions, ring name, my id, your id if known, nonce, life} -->
 *     <-- CHALLENGE {version, my id, nonce, life, proof over both nonces}
 *     PROOF {proof over both nonces, the other role} -->
 *     <-- WELCOME {}, or REFUSED {code, reason} from either at any step
 *
 * A proof is HMAC-SHA256 (RFC 2104) with the ring's secret over role, versions,
 * ring name, both ids, nonces and lives. Without a secret (loopback only) the
 * key is empty. src/bus/README has it to the byte.
 *
 * Copies and their acknowledgements: each direction numbers its COPY frames
 * from 1; the receiver answers with ACK {how many, counted from the start} once
 * per turn, and with NACK {number, why} for one that it did not take. What is
 * not acknowledged when the link breaks was perhaps stored.
 *
 *   NEW -> GREETING -> OPEN -> BROKEN
 */
#ifndef BUS_LINK_H
#define BUS_LINK_H

#include "base/node_id.h"
#include "bus/frame.h"

enum {
    LINK_NONCE_BYTES = 32,
    LINK_SECRET_MAX = 1024,
    LINK_RING_NAME_MAX = 64,
    LINK_REASON_MAX = 200,
    LINK_PING_MS = 200,       /* silence after which an open link pings, if
                               * something is awaited */
    LINK_IDLE_PING_MS = 1000, /* the same where nothing is awaited */
    LINK_CLOCK_MS = 500,      /* the same on one that is in use, for what the
                               * PONG says of the clocks */
    LINK_ASKED_MS = 5000,     /* how long after a question an answer may
                               * still be awaited, for all that a link knows */
    LINK_GREETING_MS = 3000,  /* the handshake takes no longer */
    LINK_OUT_SOFT = 4 << 20,  /* unsent bytes at which clients are held back */
    LINK_OUT_HARD = 64 << 20, /* (above one frame) at which the link breaks */
};

/* What both sides of a ring agree on. Borrowed, outlives the links. */
struct link_ring {
    char name[LINK_RING_NAME_MAX + 1];
    uint8_t secret[LINK_SECRET_MAX];
    uint32_t secret_bytes;
    struct node_id self;
    struct node_life life; /* of this process */
};

enum link_state { LINK_NEW, LINK_GREETING, LINK_OPEN, LINK_BROKEN };

enum link_refusal { /* in REFUSED; LINK_REASON_* texts are for the log */
                    LINK_REFUSED_NONE,
                    LINK_REFUSED_RING,    /* another ring's name */
                    LINK_REFUSED_SECRET,  /* a wrong proof */
                    LINK_REFUSED_VERSION, /* no version in common */
                    LINK_REFUSED_SELF,    /* the two ids are equal: a copied
                                           * data directory, or myself */
                    LINK_REFUSED_ID,      /* not the node that was meant */
                    LINK_REFUSED_FORMAT,  /* not a handshake of ours */
                    LINK_REFUSED_TIME,    /* greeting took too long */
                    LINK_REFUSED_TWIN,    /* another node has your id */
};

struct link {
    enum link_state state;
    bool is_caller;
    uint8_t version;           /* settled by the handshake */
    enum link_refusal refusal; /* why it is BROKEN, if refused */
    bool was_refused_by_peer;
    char reason[LINK_REASON_MAX + 1]; /* for the log; "" if none */
    const struct link_ring *ring;
    struct node_id peer; /* known once OPEN; the caller may expect one */
    bool expects_peer;
    struct node_life peer_life; /* known once OPEN */
    uint8_t own_nonce[LINK_NONCE_BYTES], peer_nonce[LINK_NONCE_BYTES];
    uint8_t versions[2]; /* lowest and highest that HELLO offered */
    bool is_challenged;  /* caller: PROOF is written */
    struct buf in;       /* the start of an unfinished frame */
    struct buf out;      /* to be sent */
    size_t out_at;
    size_t batch; /* where in `out` the batch begins that is not ended */
    uint32_t batch_parts;  /* in it; 0: there is none */
    int64_t batch_wall_ms; /* its wall time, and so its parts' */
    int64_t opened_ms;     /* monotonic: NEW or GREETING since */
    int64_t heard_ms;      /* monotonic: the last bytes came */
    int64_t asked_ms;      /* the oldest thing that wants a sign of life,
                            * 0: nothing is awaited */
    uint64_t signs;        /* of life, so far: frames but PINGs. Who only asks
                            * may not hear us */
    int64_t sent_ms;       /* the last frame was written */
    int64_t pinged_ms;     /* the last PING was */
    uint64_t ponged_id;    /* of the last PONG; for link_ping's caller */
    int64_t last_ask_ms;   /* the last link_end(is_asking); 0: none */
    uint64_t copies_sent, copies_acked; /* COPY frames; acked by ACK */
    uint64_t copies_taken, acks_sent;   /* COPY frames received; told */
    int64_t skew_ms; /* smallest (our wall - frame's wall) so far:
                      * clock difference plus best delay */
    bool has_skew;
    bool wants_clock;      /* something whose age counts came since the PING */
    int64_t skew_eased_ms; /* monotonic: skew_ms last rose by itself */
    int64_t peer_wall_ms;  /* wall time of the last frame heard */
    int64_t own_wall_ms;   /* our wall less our monotonic time then */
    void *owner;           /* node/bus.h: which peer this is */
    void *coord_data;      /* coord/coord.h: what is under way on it */
    void *loop_data;       /* the loop's own: descriptor, lists */
};

/* nonce: 32 random bytes from the caller. expected: NULL if any will do. */
void link_init(struct link *link, const struct link_ring *ring, bool is_caller,
               const struct node_id *expected,
               const uint8_t nonce[LINK_NONCE_BYTES], int64_t now_ms);
void link_deinit(struct link *link);
/* A caller's connection stands: sends HELLO. */
void link_start(struct link *link, int64_t now_ms, int64_t wall_ms);

/*
 * Feeds bytes; on_frame is called for each whole frame of an OPEN link that
 * the link does not deal with itself (handshake, PING, PONG and ACK are dealt
 * with; an ACK raises copies_acked, then on_ack is called). Frames of unknown
 * types are skipped. A frame's payload is borrowed until on_frame returns.
 * on_frame may write to the link, and may call link_break. After the handshake
 * on_open is called once. A bad frame breaks the link.
 */
struct link_events {
    void (*on_open)(void *self, struct link *link);
    void (*on_frame)(void *self, struct link *link, const struct frame *frame);
    /* the parts of this batch come next; NULL: they have come, its bytes are
     * not to be looked at any more */
    void (*on_batch)(void *self, struct link *link, const struct frame *batch);
    void (*on_ack)(void *self, struct link *link);
    void *self;
};
void link_input(struct link *link, const struct link_events *events,
                struct bytes bytes, int64_t now_ms, int64_t wall_ms);

/*
 * Writing frames to an OPEN link: the payload goes to link->out between begin
 * and end. link_begin fills in wall time; a COPY is counted by link_end. What
 * coord/ writes (frame_is_batched) is gathered in batches; the order stays.
 * is_asking: an answer is expected, so silence from now on means something.
 */
size_t link_begin(struct link *link, struct frame *frame, int64_t wall_ms);
void link_end(struct link *link, size_t place, bool is_asking, int64_t now_ms);
/* A PING beyond those that the link sends itself. id: has LINK_PING_OWN. */
#define LINK_PING_OWN (UINT64_C(1) << 63)
void link_ping(struct link *link, uint64_t id, int64_t now_ms, int64_t wall_ms);
/* Once per turn: an ACK if copies were taken since the last. */
void link_turn(struct link *link, int64_t now_ms, int64_t wall_ms);
/* Every 100 ms or so: PING after silence; the handshake's time-out. */
void link_tick(struct link *link, int64_t now_ms, int64_t wall_ms);
/* How long the peer has owed us a sign of life, ms; 0 if it owes none. */
int64_t link_silence_ms(const struct link *link, int64_t now_ms);
/* How late a frame is, ms: its age by wall clocks less the smallest ever seen
 * on this link. 0 or more. */
int64_t link_frame_age_ms(const struct link *link, const struct frame *frame,
                          int64_t wall_ms);

/* What is to be sent. link_sent follows before anything else is written. */
struct bytes link_output(struct link *link);
void link_sent(struct link *link, size_t bytes);
static inline size_t
link_unsent(const struct link *link)
{
    return link->out.used - link->out_at;
}
/* Ends it: state BROKEN; the loop closes the connection in this turn, after
 * sending what is there (REFUSED). reason: static, or NULL. */
void link_break(struct link *link, const char *reason);
/* The same of an OPEN link, and tells the peer. reason: copied. */
void link_refuse(struct link *link, enum link_refusal refusal,
                 const char *reason, int64_t wall_ms);
const char *link_refusal_text(enum link_refusal refusal);

#endif
