/* Stream sockets on this host (Unix, loopback TCP), and waiting for many of them. None blocks, except connections that we make. */
#ifndef BASE_HOST_SOCKET_H
#define BASE_HOST_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"

/* A listening socket, or -errno with the sentence. Unix: mode 0600; a socket that nobody serves any more is replaced,
 * anything else in its place is an error. */
WARN_UNUSED int host_listen_loopback(uint16_t port, struct error *error);
WARN_UNUSED int host_listen_unix(const char *path, struct error *error);
/* Close, and remove the path (may be NULL). */
void host_listen_close(int fd, const char *path);

/* A connection, or -1 when none waits. */
int host_accept(int listener);
/* Blocking. -errno with the sentence. */
WARN_UNUSED int host_connect_unix(const char *path, struct error *error);
void host_socket_close(int fd);

/* Bytes done; 0: not now; -1: the connection is over. */
long host_socket_read(int fd, void *bytes, size_t n);
long host_socket_write(int fd, const void *bytes, size_t n);

struct host_wait {
    int fd; /* negative: skipped */
    bool want_write;
    bool readable, writable; /* filled in; readable: or ended */
};
/* Until one is ready or the time is over; reading is always wanted. */
void host_wait_many(struct host_wait *waits, unsigned n, int timeout_ms);

/* Something to wait for that other threads of ours can post to. -1: none left. */
int host_wake_open(void);
void host_wake_post(int fd);
void host_wake_clear(int fd);

#endif
