#include "os/socket.h"

#include "base/err.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { SYSTEM_SOCKET = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC };

static int
fail(char why[256], const char *step, int fd)
{
    int kept = errno;

    (void)snprintf(why, 256, "%s: %s", step, strerror(kept));
    if (fd >= 0) (void)close(fd);
    errno = kept;
    return ERR_SYSTEM;
}

static void
set_flag(int fd, int level, int option, int value)
{
    (void)setsockopt(fd, level, option, &value, sizeof(value));
}

void
socket_keepalive(int fd, int64_t seconds)
{
    int idle = (int)min_u64((uint64_t)seconds, 32767);
    int interval = idle / 3 > 0 ? idle / 3 : 1;

    set_flag(fd, SOL_SOCKET, SO_KEEPALIVE, idle > 0);
    if (idle == 0) return;
    set_flag(fd, IPPROTO_TCP, TCP_KEEPIDLE, idle);
    set_flag(fd, IPPROTO_TCP, TCP_KEEPINTVL, interval);
    set_flag(fd, IPPROTO_TCP, TCP_KEEPCNT, 3);
}

/* The first address of a name; `*family` says of which kind. */
static int
resolve(const char *host, uint16_t port, union socket_end *end, char why[256])
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    bool is_v6 = strchr(host, ':') != NULL;
    bool is_any = !strcmp(host, "*") || !strcmp(host, "::*");
    char service[8];
    int code;

    hints.ai_family = is_v6 ? AF_INET6 : is_any ? AF_INET : AF_UNSPEC;
    (void)snprintf(service, sizeof(service), "%u", (unsigned)port);
    code = getaddrinfo(is_any ? NULL : host, service, &hints, &found);
    if (code != 0) {
        /* A system without IPv6 refuses its addresses here already. */
        errno = code == EAI_ADDRFAMILY || code == EAI_FAMILY ? EAFNOSUPPORT
                : code == EAI_SYSTEM                         ? errno
                                                             : EINVAL;
        (void)snprintf(why, 256, "%s", gai_strerror(code));
        return ERR_SYSTEM;
    }
    if (found->ai_addrlen > sizeof(*end)) found->ai_addrlen = sizeof(*end);
    memset(end, 0, sizeof(*end));
    memcpy(end, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    return ERR_OK;
}

int
socket_listen_tcp(struct socket_listener *listener, const char *host,
                  uint16_t port, int backlog, char why[256])
{
    union socket_end end;
    socklen_t size;
    int fd, err;

    (void)snprintf(listener->name, sizeof(listener->name),
                   strchr(host, ':') != NULL && strcmp(host, "::*") != 0
                       ? "[%s]:%u"
                       : "%s:%u",
                   host, (unsigned)port);
    listener->is_unix = false;
    listener->is_bus = false;
    err = resolve(host, port, &end, why);
    if (err != ERR_OK) return err;

    size = end.any.sa_family == AF_INET6 ? sizeof(end.v6) : sizeof(end.v4);
    fd = socket(end.any.sa_family, SYSTEM_SOCKET, 0);
    if (fd < 0) return fail(why, "socket", fd);
    set_flag(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    set_flag(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    if (end.any.sa_family == AF_INET6) {
        set_flag(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    }
    if (bind(fd, &end.any, size) < 0) return fail(why, "bind", fd);
    if (listen(fd, backlog) < 0) return fail(why, "listen", fd);
    listener->fd = fd;
    return ERR_OK;
}

/* True if somebody accepts connections at the path. */
static bool
is_answered(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SYSTEM_SOCKET, 0);
    bool is;

    if (fd < 0) return false;
    is = connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ||
         errno == EAGAIN;
    (void)close(fd);
    return is;
}

int
socket_listen_unix(struct socket_listener *listener, const char *path,
                   unsigned mode, int backlog, char why[256])
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct stat status;
    int fd;

    if (strlen(path) >= sizeof(address.sun_path)) {
        errno = ENAMETOOLONG;
        return fail(why, "socket path", -1);
    }
    (void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    (void)snprintf(listener->name, sizeof(listener->name), "%s", path);
    listener->is_unix = true;
    listener->is_bus = false;
    if (is_answered(&address)) {
        errno = EADDRINUSE;
        return fail(why, "bind", -1);
    }
    /* Anything but a socket is somebody's file. */
    if (lstat(path, &status) == 0 && !S_ISSOCK(status.st_mode)) {
        errno = EEXIST;
        return fail(why, "bind", -1);
    }
    fd = socket(AF_UNIX, SYSTEM_SOCKET, 0);
    if (fd < 0) return fail(why, "socket", fd);
    (void)unlink(path);
    if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
        return fail(why, "bind", fd);
    }
    if (mode != 0 && chmod(path, (mode_t)mode) < 0) {
        return fail(why, "chmod", fd);
    }
    if (listen(fd, backlog) < 0) return fail(why, "listen", fd);
    listener->fd = fd;
    return ERR_OK;
}

int
socket_accept(int fd, union socket_end *peer)
{
    socklen_t size = sizeof(*peer);

    memset(peer, 0, sizeof(*peer));
    return accept4(fd, &peer->any, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

static socklen_t
end_size(const union socket_end *end)
{
    return end->any.sa_family == AF_INET6 ? sizeof(end->v6) : sizeof(end->v4);
}

int
socket_connect(const union socket_end *peer, int64_t keepalive_s)
{
    int fd = socket(peer->any.sa_family, SYSTEM_SOCKET, 0);
    int kept;

    if (fd < 0) return -1;
    set_flag(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    socket_keepalive(fd, keepalive_s);
    if (connect(fd, &peer->any, end_size(peer)) == 0) return fd;
    if (errno == EINPROGRESS) return fd;
    kept = errno;
    (void)close(fd);
    errno = kept;
    return -1;
}

int
socket_connect_error(int fd)
{
    union socket_end own, peer;
    socklen_t own_size = sizeof(own), peer_size = sizeof(peer);
    socklen_t size = sizeof(int);
    int code = 0;

    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &size) < 0) return errno;
    if (code != 0) return code;
    memset(&own, 0, sizeof(own));
    memset(&peer, 0, sizeof(peer));
    if (getsockname(fd, &own.any, &own_size) < 0 ||
        getpeername(fd, &peer.any, &peer_size) < 0) {
        return errno;
    }
    /* Where nobody listens on a port that the kernel gives to callers, a
     * socket can be connected to itself. */
    if (own_size == peer_size && !memcmp(&own, &peer, own_size)) {
        return ECONNREFUSED;
    }
    return 0;
}

uint32_t
socket_resolve(const char *host, uint16_t port, bool only_numbers,
               union socket_end *ends, uint32_t room, char why[256])
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                             .ai_family = AF_UNSPEC};
    struct addrinfo *found = NULL, *at;
    uint32_t count = 0;
    char service[8];
    int code;

    hints.ai_flags = AI_NUMERICSERV | (only_numbers ? AI_NUMERICHOST : 0);
    (void)snprintf(service, sizeof(service), "%u", (unsigned)port);
    code = getaddrinfo(host, service, &hints, &found);
    if (code != 0) {
        (void)snprintf(why, 256, "%s", gai_strerror(code));
        return 0;
    }
    for (at = found; at != NULL && count < room; at = at->ai_next) {
        if (at->ai_addrlen > sizeof(*ends)) continue;
        memset(&ends[count], 0, sizeof(*ends));
        memcpy(&ends[count++], at->ai_addr, at->ai_addrlen);
    }
    freeaddrinfo(found);
    if (count == 0) (void)snprintf(why, 256, "no address");
    return count;
}

/* How good an interface's address is to be reached by others; 0: not. */
static int
reach(const struct ifaddrs *interface)
{
    const struct sockaddr *end = interface->ifa_addr;
    struct sockaddr_in6 v6;

    if (end == NULL || (interface->ifa_flags & IFF_LOOPBACK)) return 0;
    if (!(interface->ifa_flags & IFF_UP)) return 0;
    if (end->sa_family == AF_INET) return 2;
    if (end->sa_family != AF_INET6) return 0;
    memcpy(&v6, end, sizeof(v6));
    return IN6_IS_ADDR_LINKLOCAL(&v6.sin6_addr) ? 0 : 1;
}

void
socket_own_address(char out[SOCKET_NAME_ROOM])
{
    struct ifaddrs *all = NULL, *at;
    int best = 0;

    (void)snprintf(out, SOCKET_NAME_ROOM, "127.0.0.1");
    if (getifaddrs(&all) != 0) return;
    for (at = all; at != NULL; at = at->ifa_next) {
        bool is_v4;

        if (reach(at) <= best) continue;
        is_v4 = at->ifa_addr->sa_family == AF_INET;
        if (getnameinfo(at->ifa_addr,
                        is_v4 ? sizeof(struct sockaddr_in)
                              : sizeof(struct sockaddr_in6),
                        out, SOCKET_NAME_ROOM, NULL, 0, NI_NUMERICHOST) == 0) {
            best = reach(at);
        }
    }
    freeifaddrs(all);
}

bool
socket_listens_on_loopback(const struct socket_listener *listener)
{
    union socket_end end;
    socklen_t size = sizeof(end);

    if (listener->is_unix) return true;
    memset(&end, 0, sizeof(end));
    if (getsockname(listener->fd, &end.any, &size) < 0) return false;
    return socket_is_loopback(&end);
}

bool
socket_is_loopback(const union socket_end *end)
{
    uint32_t mapped;

    if (end->any.sa_family == AF_INET) {
        return ntohl(end->v4.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    }
    if (end->any.sa_family != AF_INET6) return false;
    if (IN6_IS_ADDR_LOOPBACK(&end->v6.sin6_addr)) return true;
    if (!IN6_IS_ADDR_V4MAPPED(&end->v6.sin6_addr)) return false;
    memcpy(&mapped, &end->v6.sin6_addr.s6_addr[12], sizeof(mapped));
    return ntohl(mapped) >> 24 == IN_LOOPBACKNET;
}

void
socket_name(const union socket_end *end, char out[SOCKET_NAME_ROOM])
{
    char text[INET6_ADDRSTRLEN] = "?";

    if (end->any.sa_family == AF_INET6) {
        (void)inet_ntop(AF_INET6, &end->v6.sin6_addr, text, sizeof(text));
        (void)snprintf(out, SOCKET_NAME_ROOM, "[%s]:%u", text,
                       (unsigned)ntohs(end->v6.sin6_port));
        return;
    }
    (void)inet_ntop(AF_INET, &end->v4.sin_addr, text, sizeof(text));
    (void)snprintf(out, SOCKET_NAME_ROOM, "%s:%u", text,
                   (unsigned)ntohs(end->v4.sin_port));
}

void
socket_local_name(int fd, char out[SOCKET_NAME_ROOM])
{
    union socket_end end;
    socklen_t size = sizeof(end);

    memset(&end, 0, sizeof(end));
    (void)getsockname(fd, &end.any, &size);
    socket_name(&end, out);
}
