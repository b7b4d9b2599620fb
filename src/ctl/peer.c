#include "ctl/peer.h"

#include <errno.h>
#include <stdio.h>

static bool
fails(struct peer *peer, int code, const char *where, const char *why)
{
    peer->code = code;
    (void)snprintf(peer->error, sizeof(peer->error), "%s%s%s", where,
                   where[0] != '\0' ? ": " : "", why);
    return false;
}

static struct timeval
interval(int64_t ms)
{
    return (struct timeval){.tv_sec = (time_t)(ms / 1000),
                            .tv_usec = (suseconds_t)(ms % 1000 * 1000)};
}

static bool
starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

/* What an error reply means for whoever reads exit codes. */
static int
code_of(const char *error)
{
    static const char *const refusals[] = {
        "NOAUTH", "WRONGPASS", "NOPERM",
        "DENIED", "ERR AUTH",  "ERR invalid password",
    };
    size_t i;

    for (i = 0; i < ARRAY_LEN(refusals); i++) {
        if (starts_with(error, refusals[i])) return CTL_NO_AUTH;
    }
    if (starts_with(error, "ERR unknown command")) return CTL_NO_CONNECTION;
    return CTL_NEGATIVE;
}

redisReply *
peer_call(struct peer *peer, int count, const char **words)
{
    redisContext *context = peer->context;
    redisReply *reply;

    if (context == NULL) return NULL;
    errno = 0;
    reply = redisCommandArgv(context, count, words, NULL);
    if (reply == NULL) {
        bool is_late = context->err == REDIS_ERR_IO &&
                       (errno == EAGAIN || errno == ETIMEDOUT);

        (void)fails(peer, is_late ? CTL_TIMED_OUT : CTL_NO_CONNECTION, words[0],
                    is_late ? "no answer in time" : context->errstr);
        redisFree(context);
        peer->context = NULL;
        return NULL;
    }
    if (reply->type != REDIS_REPLY_ERROR) return reply;
    if (starts_with(reply->str, "ERR unknown command")) {
        (void)fails(peer, CTL_NO_CONNECTION, "not a node of Kula", reply->str);
    } else {
        (void)fails(peer, code_of(reply->str), "", reply->str);
    }
    freeReplyObject(reply);
    return NULL;
}

static bool
says_yes(struct peer *peer, int count, const char **words)
{
    redisReply *reply = peer_call(peer, count, words);

    if (reply == NULL) {
        if (peer->code == CTL_NEGATIVE) peer->code = CTL_NO_AUTH;
        return false;
    }
    freeReplyObject(reply);
    return true;
}

static bool
greet(struct peer *peer, const struct ctl *ctl)
{
    char db[24];
    const char *words[3] = {"AUTH", ctl->user, ctl->password};
    int first = ctl->user != NULL ? 0 : 1;

    if (ctl->password != NULL) {
        words[first] = "AUTH";
        if (!says_yes(peer, 3 - first, words + first)) return false;
    }
    if (ctl->db == 0) return true;
    (void)snprintf(db, sizeof(db), "%lld", (long long)ctl->db);
    return says_yes(peer, 2, (const char *[]){"SELECT", db});
}

/* The context is there, or not; it may hold an error. */
static bool
take(struct peer *peer, const struct ctl *ctl, redisContext *context,
     const char *where)
{
    if (context == NULL)
        return fails(peer, CTL_NO_CONNECTION, where, "no memory");
    peer->context = context;
    if (context->err != 0) {
        (void)fails(peer, CTL_NO_CONNECTION, where, context->errstr);
        peer_close(peer);
        return false;
    }
    return greet(peer, ctl);
}

bool
peer_open(struct peer *peer, const struct ctl *ctl, const char *host,
          uint16_t port, int64_t timeout_ms)
{
    struct timeval timeout = interval(timeout_ms);
    redisContext *context = redisConnectWithTimeout(host, port, timeout);
    char where[CTL_HOST_MAX + 16];

    *peer = (struct peer){0};
    (void)snprintf(where, sizeof(where), "%s:%u", host, port);
    if (context != NULL && context->err == 0)
        (void)redisSetTimeout(context, timeout);
    return take(peer, ctl, context, where);
}

bool
peer_open_first(struct peer *peer, const struct ctl *ctl)
{
    struct timeval timeout = interval(ctl->timeout_ms);
    redisContext *context;

    if (ctl->socket_path == NULL)
        return peer_open(peer, ctl, ctl->host, ctl->port, ctl->timeout_ms);
    *peer = (struct peer){0};
    context = redisConnectUnixWithTimeout(ctl->socket_path, timeout);
    if (context != NULL && context->err == 0)
        (void)redisSetTimeout(context, timeout);
    return take(peer, ctl, context, ctl->socket_path);
}

void
peer_close(struct peer *peer)
{
    if (peer->context != NULL) redisFree(peer->context);
    peer->context = NULL;
}
