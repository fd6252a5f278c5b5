/* The monitor's thread: connections in and out. */
#include "frontend/monitor/monitor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/host/socket.h"
#include "base/host/thread.h"
#include "frontend/monitor/control.h"
#include "frontend/monitor/gdb.h"
#include "partitions/machine.h"
#include "partitions/vmms/vmms.h"

enum { CLIENTS = 120, READ_BYTES = 4096, PENDING_BYTES = 1 << 23, FAREWELL_MS = 200 };

/* One connection of the control socket. */
struct client {
    int fd; /* -1: free */
    struct control_reader reader;
    char *out; /* not yet written */
    size_t n_out;
    bool closing;
};

struct monitor {
    struct monitor_config config;
    struct machine *machine;
    struct host_thread thread;
    int wake, gdb_listener, control_listener, gdb_fd;
    bool stop; /* atomic */
    int exit_code;
    const char *gdb_path; /* of a Unix socket */
    struct gdb gdb;
    struct control control;
    struct client client[CLIENTS];
};

/* ---- control ---- */

static void client_close(struct client *client)
{
    host_socket_close(client->fd);
    free(client->out);
    memset(client, 0, sizeof(*client));
    client->fd = -1;
}

static void client_send(struct client *client, char *line)
{
    size_t n = line != NULL ? strlen(line) : 0;
    char *out = n != 0 && client->n_out + n <= PENDING_BYTES
                    ? realloc(client->out, client->n_out + n)
                    : NULL;

    if (out == NULL) {
        client->closing = true;
        client->n_out = 0;
    } else {
        memcpy(out + client->n_out, line, n);
        client->out = out;
        client->n_out += n;
    }
    free(line);
}

static void client_flush(struct client *client)
{
    long n = host_socket_write(client->fd, client->out, client->n_out);

    if (n < 0) {
        client_close(client);
        return;
    }
    client->n_out -= (size_t)n;
    memmove(client->out, client->out + n, client->n_out);
    if (client->closing && client->n_out == 0) {
        client_close(client);
    }
}

static void client_input(struct monitor *monitor, struct client *client)
{
    uint8_t bytes[READ_BYTES];
    long n = host_socket_read(client->fd, bytes, sizeof(bytes));

    if (n < 0) {
        client_close(client);
        return;
    }
    for (long i = 0; i < n && !client->closing; i++) {
        enum control_input input = control_reader_byte(&client->reader, bytes[i]);
        if (input == CONTROL_INPUT_LINE) {
            client_send(client, control_answer(&monitor->control, client->reader.bytes));
        } else if (input == CONTROL_INPUT_TOO_LONG) {
            client_send(client, control_refuse("the line is too long"));
        }
    }
    if (client->n_out > 0 || client->closing) {
        client_flush(client);
    }
}

static void client_accept(struct monitor *monitor)
{
    int fd = host_accept(monitor->control_listener);

    for (unsigned i = 0; fd >= 0 && i < CLIENTS; i++) {
        if (monitor->client[i].fd < 0) {
            monitor->client[i].fd = fd;
            return;
        }
    }
    host_socket_close(fd);
}

/* ---- gdb ---- */

static void gdb_close(struct monitor *monitor)
{
    gdb_disconnect(&monitor->gdb);
    host_socket_close(monitor->gdb_fd);
    monitor->gdb_fd = -1;
}

static void gdb_flush(struct monitor *monitor)
{
    struct gdb *gdb = &monitor->gdb;

    if (monitor->gdb_fd < 0) {
        return;
    }
    long n = host_socket_write(monitor->gdb_fd, gdb->out, gdb->n_out);
    if (n > 0) {
        gdb_written(gdb, (size_t)n);
    }
    if (n < 0 || (gdb->closing && gdb->n_out == 0)) {
        gdb_close(monitor);
    }
}

static void gdb_read(struct monitor *monitor)
{
    uint8_t bytes[READ_BYTES];
    long n = host_socket_read(monitor->gdb_fd, bytes, sizeof(bytes));

    if (n < 0) {
        gdb_close(monitor);
    } else {
        gdb_input(&monitor->gdb, bytes, (size_t)n);
    }
}

static void gdb_accept(struct monitor *monitor)
{
    int fd = host_accept(monitor->gdb_listener);

    if (fd >= 0 && monitor->gdb_fd >= 0) {
        host_socket_close(fd); /* one at a time */
    } else if (fd >= 0) {
        monitor->gdb_fd = fd;
        gdb_connect(&monitor->gdb);
    }
}

/* ---- the thread ---- */

enum { WAIT_WAKE, WAIT_GDB_LISTENER, WAIT_GDB, WAIT_CONTROL_LISTENER, WAIT_CLIENTS };

static void look(struct monitor *monitor)
{
    struct host_wait waits[WAIT_CLIENTS + CLIENTS] = {
        [WAIT_WAKE] = { .fd = monitor->wake },
        [WAIT_GDB_LISTENER] = { .fd = monitor->gdb_listener },
        [WAIT_GDB] = { .fd = monitor->gdb_fd, .want_write = monitor->gdb.n_out > 0 },
        [WAIT_CONTROL_LISTENER] = { .fd = monitor->control_listener },
    };

    for (unsigned i = 0; i < CLIENTS; i++) {
        waits[WAIT_CLIENTS + i] = (struct host_wait){ .fd = monitor->client[i].fd,
                                                      .want_write = monitor->client[i].n_out > 0 };
    }
    host_wait_many(waits, ARRAY_SIZE(waits), -1);
    if (waits[WAIT_WAKE].readable) {
        host_wake_clear(monitor->wake);
        gdb_poll(&monitor->gdb);
    }
    if (waits[WAIT_GDB].readable) {
        gdb_read(monitor);
    }
    gdb_flush(monitor);
    if (waits[WAIT_GDB_LISTENER].readable) {
        gdb_accept(monitor);
    }
    for (unsigned i = 0; i < CLIENTS; i++) {
        struct client *client = &monitor->client[i];
        if (waits[WAIT_CLIENTS + i].writable) {
            client_flush(client);
        }
        if (waits[WAIT_CLIENTS + i].readable && client->fd >= 0) {
            client_input(monitor, client);
        }
    }
    if (waits[WAIT_CONTROL_LISTENER].readable) {
        client_accept(monitor);
    }
}

static void serve(void *opaque)
{
    struct monitor *monitor = opaque;

    while (!__atomic_load_n(&monitor->stop, __ATOMIC_ACQUIRE)) {
        look(monitor);
    }
    gdb_poll(&monitor->gdb);
    gdb_ended(&monitor->gdb, monitor->exit_code);
    gdb_flush(monitor);
    if (monitor->gdb_fd >= 0) {
        struct host_wait wait = { .fd = monitor->gdb_fd, .want_write = true };
        host_wait_many(&wait, 1, FAREWELL_MS);
        gdb_flush(monitor);
    }
    if (monitor->gdb_fd >= 0) {
        gdb_close(monitor);
    }
    for (unsigned i = 0; i < CLIENTS; i++) {
        if (monitor->client[i].fd >= 0) {
            client_close(&monitor->client[i]);
        }
    }
}

static void machine_stopped(void *opaque)
{
    host_wake_post(((struct monitor *)opaque)->wake);
}

/* ---- life ---- */

static const char unix_prefix[] = "unix:";

/* The port, 0 for a Unix path, or -EINVAL. */
static int gdb_place(const char *text, const char **path, struct error *error)
{
    char *end;

    *path = NULL;
    if (strncmp(text, unix_prefix, strlen(unix_prefix)) == 0 && text[strlen(unix_prefix)] != '\0') {
        *path = text + strlen(unix_prefix);
        return 0;
    }
    long port = text[0] >= '0' && text[0] <= '9' ? strtol(text, &end, 10) : -1;
    if (port < 1 || port > UINT16_MAX || *end != '\0') {
        return error_set(error, -EINVAL, "--gdb %s: give a port from 1 to 65535, or unix:PATH",
                         text);
    }
    return (int)port;
}

int monitor_check_gdb(const char *text, struct error *error)
{
    const char *path;
    int place = gdb_place(text, &path, error);

    return place < 0 ? place : 0;
}

static int listen_all(struct monitor *monitor, struct error *error)
{
    const struct monitor_config *config = &monitor->config;

    if (config->gdb != NULL) {
        int port = gdb_place(config->gdb, &monitor->gdb_path, error);
        if (port < 0) {
            return port;
        }
        int fd = monitor->gdb_path != NULL ? host_listen_unix(monitor->gdb_path, error)
                                           : host_listen_loopback((uint16_t)port, error);
        if (fd < 0) {
            return fd;
        }
        monitor->gdb_listener = fd;
    }
    if (config->control != NULL) {
        if (!control_built()) {
            return error_set(error, -ENOTSUP, "--control: this verdite was built without Jansson");
        }
        monitor->control_listener = host_listen_unix(config->control, error);
        return monitor->control_listener < 0 ? monitor->control_listener : 0;
    }
    return 0;
}

static void monitor_free(struct monitor *monitor)
{
    if (monitor->machine->debug.notify_opaque == monitor) {
        monitor->machine->debug.notify = NULL;
    }
    host_listen_close(monitor->gdb_listener, monitor->gdb_path);
    host_listen_close(monitor->control_listener, monitor->config.control);
    host_socket_close(monitor->wake);
    free(monitor);
}

struct monitor *monitor_start(struct vmms *vmms, const struct monitor_config *config,
                              struct error *error)
{
    struct monitor *monitor = calloc(1, sizeof(*monitor));

    if (monitor == NULL) {
        (void)error_set(error, -ENOMEM, "no memory for the monitor");
        return NULL;
    }
    monitor->config = *config;
    monitor->machine = vmms_machine(vmms);
    monitor->gdb_listener = monitor->control_listener = monitor->gdb_fd = -1;
    for (unsigned i = 0; i < CLIENTS; i++) {
        monitor->client[i].fd = -1;
    }
    monitor->wake = host_wake_open();
    gdb_init(&monitor->gdb, monitor->machine, config->quit, config->opaque);
    monitor->control = (struct control){ .machine = monitor->machine,
                                         .vmms = vmms,
                                         .quit = config->quit,
                                         .quit_opaque = config->opaque,
                                         .debugger_holds = &monitor->gdb.holding };
    if (listen_all(monitor, error) != 0) {
        monitor_free(monitor);
        return NULL;
    }
    if (config->gdb != NULL) {
        monitor->machine->debug.notify_opaque = monitor;
        monitor->machine->debug.notify = machine_stopped;
    }
    if (config->wait) {
        debug_hold_from_start(monitor->machine);
        monitor->gdb.holding = true;
    }
    if (host_thread_start(&monitor->thread, serve, monitor, error) != 0) {
        monitor_free(monitor);
        return NULL;
    }
    return monitor;
}

void monitor_stop(struct monitor *monitor, int exit_code)
{
    if (monitor == NULL) {
        return;
    }
    debug_end(monitor->machine);
    monitor->exit_code = exit_code;
    __atomic_store_n(&monitor->stop, true, __ATOMIC_RELEASE);
    host_wake_post(monitor->wake);
    host_thread_join(&monitor->thread);
    monitor_free(monitor);
}
