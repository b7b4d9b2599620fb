#include "os/inbox.h"

#include "base/err.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

int
inbox_init(struct inbox *inbox)
{
    memset(inbox, 0, sizeof(*inbox));
    inbox->last = &inbox->first;
    inbox->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return inbox->event_fd < 0 ? ERR_SYSTEM : ERR_OK;
}

static void
write_event(struct inbox *inbox)
{
    uint64_t one = 1;

    /* EAGAIN: the counter is full, so the owner is awake anyway. */
    if (write(inbox->event_fd, &one, sizeof(one)) < 0) errno = 0;
}

/* Drops the lock; only the first of several visitors pays for the bell. */
static void
drop_and_ring(struct inbox *inbox)
{
    bool must_ring = !inbox->is_signalled;

    inbox->is_signalled = true;
    lock_drop(&inbox->lock);
    if (must_ring) write_event(inbox);
}

bool
inbox_put_message(struct inbox *inbox, struct message *message)
{
    lock_take(&inbox->lock);
    if (inbox->is_closed || inbox->message_count == INBOX_MESSAGES_MAX) {
        lock_drop(&inbox->lock);
        return false;
    }
    *message_link(message) = NULL;
    *inbox->last = message;
    inbox->last = message_link(message);
    inbox->message_count++;
    drop_and_ring(inbox);
    return true;
}

bool
inbox_put_arrival(struct inbox *inbox, const struct arrival *arrival)
{
    lock_take(&inbox->lock);
    if (inbox->is_closed || inbox->arrival_count == INBOX_ARRIVALS_MAX) {
        lock_drop(&inbox->lock);
        return false;
    }
    inbox->arrivals[inbox->arrival_count++] = *arrival;
    drop_and_ring(inbox);
    return true;
}

void
inbox_ring(struct inbox *inbox)
{
    lock_take(&inbox->lock);
    drop_and_ring(inbox);
}

void
inbox_take(struct inbox *inbox, struct inbox_load *load)
{
    uint64_t count;

    if (read(inbox->event_fd, &count, sizeof(count)) < 0) errno = 0;
    lock_take(&inbox->lock);
    inbox->is_signalled = false;
    load->first = inbox->first;
    inbox->first = NULL;
    inbox->last = &inbox->first;
    inbox->message_count = 0;
    load->arrival_count = inbox->arrival_count;
    memcpy(load->arrivals, inbox->arrivals,
           inbox->arrival_count * sizeof(inbox->arrivals[0]));
    inbox->arrival_count = 0;
    lock_drop(&inbox->lock);
}

void
inbox_close(struct inbox *inbox)
{
    struct message *message;
    uint32_t i;

    lock_take(&inbox->lock);
    inbox->is_closed = true;
    message = inbox->first;
    inbox->first = NULL;
    inbox->last = &inbox->first;
    for (i = 0; i < inbox->arrival_count; i++) {
        (void)close(inbox->arrivals[i].fd);
    }
    inbox->arrival_count = 0;
    lock_drop(&inbox->lock);
    while (message != NULL) {
        struct message *next = *message_link(message);

        message_free(message);
        message = next;
    }
}

void
inbox_deinit(struct inbox *inbox)
{
    if (inbox->event_fd >= 0) (void)close(inbox->event_fd);
    inbox->event_fd = -1;
}
