#include "os/signals.h"

#include "base/err.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

static const int caught[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1};

/* A handler can only reach what is global. */
static int pipe_write_end = -1;
static volatile sig_atomic_t stop_count;

static void
on_signal(int number)
{
    int kept = errno;
    unsigned char byte = (unsigned char)number;

    if (number == SIGTERM || number == SIGINT) {
        stop_count = stop_count + 1;
        if (stop_count > 1) _exit(1); /* somebody insists */
    }
    if (write(pipe_write_end, &byte, 1) < 0) errno = 0; /* full: enough said */
    errno = kept;
}

int
signals_open(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    int ends[2];
    size_t i;

    if (pipe2(ends, O_NONBLOCK | O_CLOEXEC) < 0) return ERR_SYSTEM;
    pipe_write_end = ends[1];
    (void)sigfillset(&action.sa_mask);
    for (i = 0; i < ARRAY_LEN(caught); i++) {
        (void)sigaction(caught[i], &action, NULL);
    }
    (void)sigaction(SIGPIPE, &ignore, NULL);
    return ends[0];
}

int
signals_next(int fd)
{
    unsigned char byte;

    return read(fd, &byte, 1) == 1 ? byte : 0;
}

void
signals_block(void)
{
    sigset_t set;
    size_t i;

    (void)sigemptyset(&set);
    for (i = 0; i < ARRAY_LEN(caught); i++)
        (void)sigaddset(&set, caught[i]);
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
}
