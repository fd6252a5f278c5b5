/* Sockets. [POSIX socket, poll; LINUX unix(7), eventfd(2)] */
#include "base/host/socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 128, WAITS = 192 };

int host_listen_loopback(uint16_t port, struct error *error)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd >= 0) {
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
        if (bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
            listen(fd, BACKLOG) == 0) {
            return fd;
        }
    }
    int code = -errno;
    host_socket_close(fd);
    return error_set(error, code, "port %u: %s", port, strerror(-code));
}

static int unix_address(struct sockaddr_un *address, const char *path, struct error *error)
{
    memset(address, 0, sizeof(*address));
    address->sun_family = AF_UNIX;
    if (path[0] == '\0' || strlen(path) >= sizeof(address->sun_path)) {
        return error_set(error, -EINVAL, "'%s': a socket's path has 1 to %zu characters", path,
                         sizeof(address->sun_path) - 1);
    }
    memcpy(address->sun_path, path, strlen(path));
    return 0;
}

/* A socket file whose server is gone. */
static void remove_stale(const struct sockaddr_un *address)
{
    struct stat status;

    if (lstat(address->sun_path, &status) != 0 || !S_ISSOCK(status.st_mode)) {
        return;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof(*address)) != 0 &&
        errno == ECONNREFUSED) {
        (void)unlink(address->sun_path);
    }
    host_socket_close(fd);
}

int host_listen_unix(const char *path, struct error *error)
{
    struct sockaddr_un address;
    int code = unix_address(&address, path, error);

    if (code != 0) {
        return code;
    }
    remove_stale(&address);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0) {
        /* bind makes the file with the descriptor's mode: never open to others, not for a moment. */
        (void)fchmod(fd, 0600);
        if (bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0) {
            if (chmod(path, 0600) == 0 && listen(fd, BACKLOG) == 0) {
                return fd;
            }
            code = -errno;
            (void)unlink(path);
            errno = -code;
        }
    }
    code = -errno;
    host_socket_close(fd);
    return error_set(error, code, "%s: %s", path, strerror(-code));
}

void host_listen_close(int fd, const char *path)
{
    if (fd >= 0 && path != NULL) {
        (void)unlink(path);
    }
    host_socket_close(fd);
}

int host_accept(int listener)
{
    int one = 1;
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd >= 0) {
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)); /* fails for Unix */
    }
    return fd >= 0 ? fd : -1;
}

int host_connect_unix(const char *path, struct error *error)
{
    struct sockaddr_un address;
    int code = unix_address(&address, path, error);

    if (code != 0) {
        return code;
    }
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0) {
        return fd;
    }
    code = -errno;
    host_socket_close(fd);
    return error_set(error, code, "%s: %s", path, strerror(-code));
}

void host_socket_close(int fd)
{
    if (fd >= 0) {
        (void)close(fd);
    }
}

static long result_of(ssize_t n)
{
    if (n > 0) {
        return n;
    }
    return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

long host_socket_read(int fd, void *bytes, size_t n)
{
    return result_of(recv(fd, bytes, n, 0));
}

long host_socket_write(int fd, const void *bytes, size_t n)
{
    return n == 0 ? 0 : result_of(send(fd, bytes, n, MSG_NOSIGNAL));
}

void host_wait_many(struct host_wait *waits, unsigned n, int timeout_ms)
{
    struct pollfd fds[WAITS];

    n = n < WAITS ? n : WAITS;
    for (unsigned i = 0; i < n; i++) {
        short events = waits[i].want_write ? POLLIN | POLLOUT : POLLIN;
        fds[i] = (struct pollfd){ .fd = waits[i].fd, .events = events };
    }
    bool ready = poll(fds, n, timeout_ms) > 0;
    for (unsigned i = 0; i < n; i++) {
        waits[i].readable = ready && (fds[i].revents & ~POLLOUT) != 0;
        waits[i].writable = ready && (fds[i].revents & POLLOUT) != 0;
    }
}

int host_wake_open(void)
{
    return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

void host_wake_post(int fd)
{
    uint64_t one = 1;
    (void)!write(fd, &one, sizeof(one));
}

void host_wake_clear(int fd)
{
    uint64_t count;
    (void)!read(fd, &count, sizeof(count));
}
