#include "os/socket.h"

#include "base/err.h"
#include "support/case.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static union socket_end
end_of(int family, const char *address, uint16_t port)
{
    union socket_end end;

    memset(&end, 0, sizeof(end));
    end.any.sa_family = (sa_family_t)family;
    if (family == AF_INET) {
        end.v4.sin_port = htons(port);
        cr_assert(inet_pton(family, address, &end.v4.sin_addr) == 1);
    } else {
        end.v6.sin6_port = htons(port);
        cr_assert(inet_pton(family, address, &end.v6.sin6_addr) == 1);
    }
    return end;
}

static void
expect_end(int family, const char *address, bool is_loopback, const char *name)
{
    union socket_end end = end_of(family, address, 6379);
    char out[SOCKET_NAME_ROOM];

    socket_name(&end, out);
    cr_expect(eq(str, out, (char *)name));
    cr_expect(eq(int, socket_is_loopback(&end), is_loopback), "%s", address);
}

CASE(socket, ends_have_names_and_loopback_is_known)
{
    expect_end(AF_INET, "127.0.0.1", true, "127.0.0.1:6379");
    expect_end(AF_INET, "127.255.0.9", true, "127.255.0.9:6379");
    expect_end(AF_INET, "128.0.0.1", false, "128.0.0.1:6379");
    expect_end(AF_INET, "10.127.0.1", false, "10.127.0.1:6379");
    expect_end(AF_INET6, "::1", true, "[::1]:6379");
    expect_end(AF_INET6, "::", false, "[::]:6379");
    expect_end(AF_INET6, "fe80::1", false, "[fe80::1]:6379");
    /* an IPv4 peer of an IPv6 socket */
    expect_end(AF_INET6, "::ffff:127.0.0.1", true, "[::ffff:127.0.0.1]:6379");
    expect_end(AF_INET6, "::ffff:192.0.2.1", false, "[::ffff:192.0.2.1]:6379");
}

CASE(socket, one_without_a_family_is_not_loopback)
{
    union socket_end end;

    memset(&end, 0, sizeof(end)); /* as accept leaves it for a unix socket */
    cr_expect(not(socket_is_loopback(&end)));
}

static void
expect_host(const char *host, const char *name, int family)
{
    struct socket_listener listener = {.fd = -1};
    union socket_end end;
    socklen_t size = sizeof(end);
    char why[256] = "";
    int err = socket_listen_tcp(&listener, host, 0, 16, why);

    if (family == AF_INET6 &&
        (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL) && err != ERR_OK) {
        return; /* a system without IPv6 */
    }
    cr_assert(err == ERR_OK, "%s: %s", host, why);
    cr_expect(eq(str, listener.name, (char *)name));
    cr_expect(not(listener.is_unix));
    cr_expect(getsockname(listener.fd, &end.any, &size) == 0);
    cr_expect(eq(int, end.any.sa_family, family), "%s", host);
    (void)close(listener.fd);
}

CASE(socket, hosts_of_bind_are_understood)
{
    expect_host("127.0.0.1", "127.0.0.1:0", AF_INET);
    expect_host("*", "*:0", AF_INET);
    expect_host("::1", "[::1]:0", AF_INET6);
    expect_host("::*", "::*:0", AF_INET6);
}

CASE(socket, a_bad_host_is_told)
{
    struct socket_listener listener = {.fd = -1};
    char why[256] = "";

    cr_expect(socket_listen_tcp(&listener, "1.2.3.4.5.6", 0, 16, why) ==
              ERR_SYSTEM);
    cr_expect(why[0] != '\0');
    errno = 0;
    cr_expect(socket_listen_tcp(&listener, "192.0.2.1", 0, 16, why) ==
              ERR_SYSTEM);
    cr_expect(eq(int, errno, EADDRNOTAVAIL));
}

CASE(socket, a_unix_socket_replaces_a_stale_one_but_no_file_and_no_server)
{
    struct socket_listener listener, second;
    char dir[] = "/tmp/kula-socket-XXXXXX", path[64], why[256], big[300];
    int fd;

    cr_assert(mkdtemp(dir) != NULL);
    (void)snprintf(path, sizeof(path), "%s/s", dir);
    cr_expect(socket_listen_unix(&listener, path, 0700, 16, why) == ERR_OK);
    cr_expect(socket_listen_unix(&second, path, 0, 16, why) == ERR_SYSTEM);
    cr_expect(eq(int, errno, EADDRINUSE));
    (void)close(listener.fd); /* a crash leaves the name */
    cr_expect(socket_listen_unix(&second, path, 0, 16, why) == ERR_OK);
    (void)close(second.fd);
    (void)unlink(path);

    fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    cr_assert(fd >= 0);
    (void)close(fd);
    cr_expect(socket_listen_unix(&second, path, 0, 16, why) == ERR_SYSTEM);
    cr_expect(eq(int, errno, EEXIST));
    cr_expect(access(path, F_OK) == 0);
    (void)unlink(path);
    (void)rmdir(dir);

    memset(big, 'x', sizeof(big) - 1);
    big[sizeof(big) - 1] = '\0';
    cr_expect(socket_listen_unix(&second, big, 0, 16, why) == ERR_SYSTEM);
    cr_expect(eq(int, errno, ENAMETOOLONG));
}
