/*
 * One queue of questions, one list of answers per worker, one mutex. A look-up
 * can hang longer than a stop may take: then the thread is left to itself, and
 * frees what it shares with the workers when it comes back.
 */
#include "os/resolver.h"

#include "base/memory.h"
#include "os/clock.h"
#include "os/signals.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

struct question {
    char host[RESOLVER_HOST_ROOM];
    uint16_t port;
    uint32_t worker;
    uint64_t ticket;
    struct question *next;
};

struct recent {
    char host[RESOLVER_HOST_ROOM]; /* "": none */
    uint16_t port;
    int64_t found_ms;
    struct resolver_answer answer;
};

struct resolver {
    pthread_mutex_t mutex;
    pthread_cond_t asked;
    pthread_t thread;
    bool has_thread, is_closed;
    bool is_looking; /* the thread is outside the mutex */
    bool is_left;    /* the thread frees it all */
    uint32_t question_count;
    struct question *first, **last;
    struct recent recent[RESOLVER_RECENT];
    uint32_t recent_at;
    void (*ring)(void *self, uint32_t worker);
    void *self;
    uint32_t worker_count;
    struct {
        _Atomic bool is_there; /* a look without the mutex */
        struct resolver_answer *first;
    } answers[];
};

struct resolver *
resolver_new(uint32_t worker_count, void (*ring)(void *self, uint32_t worker),
             void *self)
{
    struct resolver *resolver = mem_must_zero(
        sizeof(*resolver) + worker_count * sizeof(resolver->answers[0]));

    (void)pthread_mutex_init(&resolver->mutex, NULL);
    (void)pthread_cond_init(&resolver->asked, NULL);
    resolver->last = &resolver->first;
    resolver->ring = ring;
    resolver->self = self;
    resolver->worker_count = worker_count;
    return resolver;
}

static void
destroy(struct resolver *resolver)
{
    uint32_t i;

    while (resolver->first != NULL) {
        struct question *next = resolver->first->next;

        mem_free(resolver->first);
        resolver->first = next;
    }
    for (i = 0; i < resolver->worker_count; i++) {
        while (resolver->answers[i].first != NULL) {
            struct resolver_answer *next = resolver->answers[i].first->next;

            mem_free(resolver->answers[i].first);
            resolver->answers[i].first = next;
        }
    }
    (void)pthread_cond_destroy(&resolver->asked);
    (void)pthread_mutex_destroy(&resolver->mutex);
    mem_free(resolver);
}

void
resolver_free(struct resolver *resolver)
{
    bool is_started, is_left;

    if (resolver == NULL) return;
    (void)pthread_mutex_lock(&resolver->mutex);
    is_started = resolver->has_thread;
    is_left = resolver->is_left = resolver->is_looking;
    resolver->is_closed = true;
    if (is_left) (void)pthread_detach(resolver->thread);
    (void)pthread_cond_signal(&resolver->asked);
    (void)pthread_mutex_unlock(&resolver->mutex);
    if (is_left) return;
    if (is_started) (void)pthread_join(resolver->thread, NULL);
    destroy(resolver);
}

static struct question *
pop(struct resolver *resolver)
{
    struct question *question = resolver->first;

    resolver->first = question->next;
    if (resolver->first == NULL) resolver->last = &resolver->first;
    resolver->question_count--;
    return question;
}

static void
give(struct resolver *resolver, const struct question *question,
     const struct resolver_answer *found)
{
    struct resolver_answer *answer = mem_must(sizeof(*answer));

    *answer = *found;
    answer->ticket = question->ticket;
    answer->next = resolver->answers[question->worker].first;
    resolver->answers[question->worker].first = answer;
    atomic_store(&resolver->answers[question->worker].is_there, true);
    resolver->ring(resolver->self, question->worker);
}

/* Everybody in the queue who wants to know the same. */
static void
give_all(struct resolver *resolver, const struct question *asked,
         const struct resolver_answer *found)
{
    struct question **at = &resolver->first;

    while (*at != NULL) {
        struct question *question = *at;

        if (question->port != asked->port ||
            strcmp(question->host, asked->host) != 0) {
            at = &question->next;
            continue;
        }
        *at = question->next;
        resolver->question_count--;
        give(resolver, question, found);
        mem_free(question);
    }
    resolver->last = at;
}

static void
remember(struct resolver *resolver, const struct question *question,
         const struct resolver_answer *found)
{
    struct recent *recent = &resolver->recent[resolver->recent_at];

    if (found->count == 0) return;
    resolver->recent_at = (resolver->recent_at + 1) % RESOLVER_RECENT;
    memcpy(recent->host, question->host, sizeof(recent->host));
    recent->port = question->port;
    recent->found_ms = clock_mono_ms();
    recent->answer = *found;
}

static const struct resolver_answer *
find_recent(const struct resolver *resolver, const struct question *question)
{
    int64_t now_ms = clock_mono_ms();
    uint32_t i;

    for (i = 0; i < RESOLVER_RECENT; i++) {
        const struct recent *recent = &resolver->recent[i];

        if (recent->host[0] != '\0' && recent->port == question->port &&
            now_ms - recent->found_ms < RESOLVER_FRESH_MS &&
            !strcmp(recent->host, question->host)) {
            return &recent->answer;
        }
    }
    return NULL;
}

static void *
thread_main(void *argument)
{
    struct resolver *resolver = argument;
    bool is_left;

    signals_block();
    (void)pthread_mutex_lock(&resolver->mutex);
    while (!resolver->is_closed) {
        struct resolver_answer found = {0};
        struct question *question;

        if (resolver->first == NULL) {
            (void)pthread_cond_wait(&resolver->asked, &resolver->mutex);
            continue;
        }
        question = pop(resolver);
        resolver->is_looking = true;
        (void)pthread_mutex_unlock(&resolver->mutex);
        found.count = socket_resolve(question->host, question->port, false,
                                     found.ends, RESOLVER_ENDS_MAX, found.why);
        (void)pthread_mutex_lock(&resolver->mutex);
        resolver->is_looking = false;
        if (!resolver->is_closed) {
            give(resolver, question, &found);
            give_all(resolver, question, &found);
            remember(resolver, question, &found);
        }
        mem_free(question);
    }
    is_left = resolver->is_left;
    (void)pthread_mutex_unlock(&resolver->mutex);
    if (is_left) destroy(resolver);
    return NULL;
}

static bool
has_thread(struct resolver *resolver)
{
    if (!resolver->has_thread) {
        resolver->has_thread =
            pthread_create(&resolver->thread, NULL, thread_main, resolver) == 0;
    }
    return resolver->has_thread;
}

bool
resolver_ask(struct resolver *resolver, uint32_t worker, uint64_t ticket,
             const char *host, uint16_t port)
{
    const struct resolver_answer *found;
    struct question *question;
    bool is_taken = false;

    ASSERT(worker < resolver->worker_count);
    if (strlen(host) >= RESOLVER_HOST_ROOM) return false;
    question = mem_must_zero(sizeof(*question));
    memcpy(question->host, host, strlen(host) + 1);
    question->port = port;
    question->worker = worker;
    question->ticket = ticket;
    (void)pthread_mutex_lock(&resolver->mutex);
    found = find_recent(resolver, question);
    if (found != NULL) {
        give(resolver, question, found);
        (void)pthread_mutex_unlock(&resolver->mutex);
        mem_free(question);
        return true;
    }
    if (resolver->question_count < RESOLVER_QUEUE_MAX && has_thread(resolver)) {
        *resolver->last = question;
        resolver->last = &question->next;
        resolver->question_count++;
        (void)pthread_cond_signal(&resolver->asked);
        is_taken = true;
    }
    (void)pthread_mutex_unlock(&resolver->mutex);
    if (!is_taken) mem_free(question);
    return is_taken;
}

struct resolver_answer *
resolver_take(struct resolver *resolver, uint32_t worker)
{
    struct resolver_answer *first;

    if (!atomic_load(&resolver->answers[worker].is_there)) return NULL;
    (void)pthread_mutex_lock(&resolver->mutex);
    first = resolver->answers[worker].first;
    resolver->answers[worker].first = NULL;
    atomic_store(&resolver->answers[worker].is_there, false);
    (void)pthread_mutex_unlock(&resolver->mutex);
    return first;
}
