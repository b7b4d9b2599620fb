/*
 * socket.h - listening sockets, accepted ones, and how their ends are called.
 *
 * What every connection shares (no Nagle delay, keep-alive) is set on the
 * listening socket: Linux copies it to accepted ones, so accepting costs one
 * system call. Listeners never use SO_REUSEPORT: a second server on a port
 * must fail.
 */
#ifndef OS_SOCKET_H
#define OS_SOCKET_H

#include "base/base.h"

#include <netinet/in.h>

enum { SOCKET_NAME_ROOM = 112, SOCKET_LISTENERS_MAX = 64 };

/* One end of a connection as the kernel names it. */
union socket_end {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

struct socket_listener {
    int fd;
    bool is_unix;
    bool is_bus;                 /* of other nodes, not of clients */
    char name[SOCKET_NAME_ROOM]; /* "127.0.0.1:6379", or the path */
};

/*
 * Listens on `host`: an address or a host name, "*" (all of IPv4), "::*" (all
 * of IPv6). ERR_SYSTEM: `why` says which step failed and how, errno is kept
 * (EAFNOSUPPORT where the system lacks the protocol).
 */
WARN_UNUSED int socket_listen_tcp(struct socket_listener *listener,
                                  const char *host, uint16_t port, int backlog,
                                  char why[256]);
/* A stale socket file is replaced, one that a server still answers on is not.
 * `mode` 0: as the umask has it. */
WARN_UNUSED int socket_listen_unix(struct socket_listener *listener,
                                   const char *path, unsigned mode, int backlog,
                                   char why[256]);
/* True if a listener can be reached from this machine alone. */
bool socket_listens_on_loopback(const struct socket_listener *listener);
/* Of a listener: what its connections will have. 0: off. */
void socket_keepalive(int fd, int64_t seconds);
/* A new connection, non-blocking; -1 and errno. */
int socket_accept(int fd, union socket_end *peer);
/* A connection under way, non-blocking: writable when it stands or has failed,
 * which socket_connect_error tells. -1 and errno. */
int socket_connect(const union socket_end *peer, int64_t keepalive_s);
/* 0: it stands; else an errno. */
int socket_connect_error(int fd);
/* The addresses of a host, at most `room`; returns how many. An address is
 * never looked up; a name may take seconds, unless only_numbers: then it has
 * none. 0: `why` says why. */
uint32_t socket_resolve(const char *host, uint16_t port, bool only_numbers,
                        union socket_end *ends, uint32_t room, char why[256]);
/* An address of this machine that others may reach, or "127.0.0.1". */
void socket_own_address(char out[SOCKET_NAME_ROOM]);
bool socket_is_loopback(const union socket_end *end);
/* "ip:port" or "[v6]:port". */
void socket_name(const union socket_end *end, char out[SOCKET_NAME_ROOM]);
/* The same for this side of the connection `fd`. */
void socket_local_name(int fd, char out[SOCKET_NAME_ROOM]);

#endif
