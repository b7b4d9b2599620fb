#include "os/inbox.h"

#include "base/err.h"
#include "support/case.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

static const struct socket_listener nobody = {.fd = -1};

static bool
rings(const struct inbox *inbox)
{
    struct pollfd event = {.fd = inbox->event_fd, .events = POLLIN};

    return poll(&event, 1, 0) == 1;
}

static struct arrival
arrival_of(int fd)
{
    return (struct arrival){.fd = fd, .listener = &nobody};
}

CASE(inbox, what_is_put_in_is_taken_out_once_and_in_order)
{
    struct inbox inbox;
    struct inbox_load load;
    struct arrival one = arrival_of(11), two = arrival_of(22);

    cr_assert(inbox_init(&inbox) == ERR_OK);
    cr_expect(not(rings(&inbox)));
    cr_expect(inbox_put_arrival(&inbox, &one));
    cr_expect(inbox_put_arrival(&inbox, &two));
    cr_expect(rings(&inbox));
    inbox_take(&inbox, &load);
    cr_expect(not(rings(&inbox)));
    cr_expect(load.first == NULL);
    cr_assert(eq(u32, load.arrival_count, 2));
    cr_expect(eq(int, load.arrivals[0].fd, 11));
    cr_expect(eq(int, load.arrivals[1].fd, 22));
    inbox_take(&inbox, &load);
    cr_expect(eq(u32, load.arrival_count, 0));
    cr_expect(inbox_put_arrival(&inbox, &one));
    cr_expect(rings(&inbox)); /* the bell works again */
    inbox_take(&inbox, &load);
    inbox_deinit(&inbox);
}

CASE(inbox, a_full_one_says_so)
{
    struct inbox inbox;
    struct inbox_load load;
    struct arrival arrival = arrival_of(1);

    cr_assert(inbox_init(&inbox) == ERR_OK);
    for (int i = 0; i < INBOX_ARRIVALS_MAX; i++)
        cr_assert(inbox_put_arrival(&inbox, &arrival));
    cr_expect(not(inbox_put_arrival(&inbox, &arrival)));
    inbox_take(&inbox, &load);
    cr_expect(eq(u32, load.arrival_count, INBOX_ARRIVALS_MAX));
    cr_expect(inbox_put_arrival(&inbox, &arrival));
    inbox_take(&inbox, &load);
    inbox_deinit(&inbox);
}

CASE(inbox, closing_closes_what_lies_there_and_takes_nothing_more)
{
    struct inbox inbox;
    struct arrival arrival;
    int ends[2];

    cr_assert(pipe2(ends, O_CLOEXEC) == 0);
    arrival = arrival_of(ends[0]);
    cr_assert(inbox_init(&inbox) == ERR_OK);
    cr_expect(inbox_put_arrival(&inbox, &arrival));
    inbox_close(&inbox);
    cr_expect(fcntl(ends[0], F_GETFD) < 0);
    arrival.fd = ends[1];
    cr_expect(not(inbox_put_arrival(&inbox, &arrival)));
    cr_expect(fcntl(ends[1], F_GETFD) >= 0); /* still the caller's */
    (void)close(ends[1]);
    inbox_ring(&inbox);
    cr_expect(rings(&inbox));
    inbox_deinit(&inbox);
}
