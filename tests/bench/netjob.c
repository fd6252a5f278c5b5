/* One TCP job between a guest and this host. Server, on the host:  netjob serve PORT PIDFILE  writes a line per job: its name, its amount, the wall
 * seconds and the CPU seconds that the process of PIDFILE used meanwhile. Client, static, in the guest:  netjob ADDRESS PORT receive|send|turns N
 * (MiB; round trips of one byte). [POSIX sockets; LINUX proc(5)] */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CHUNK = 256 << 10, NAME = 16 };

/* What a client begins with: the same on both sides. */
struct request {
    char name[NAME];
    char amount[NAME];
};

static double wall(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* User and system time of the process and its threads. */
static double cpu(const char *pidfile)
{
    char path[64], line[1024];
    long pid = 0;
    unsigned long user = 0, system = 0;
    FILE *file = fopen(pidfile, "r");

    if (file == NULL || fscanf(file, "%ld", &pid) != 1) {
        return 0;
    }
    (void)fclose(file);
    (void)snprintf(path, sizeof(path), "/proc/%ld/stat", pid);
    file = fopen(path, "r");
    if (file == NULL || fgets(line, sizeof(line), file) == NULL) {
        return 0;
    }
    (void)fclose(file);
    const char *at = strrchr(line, ')');
    if (at == NULL || sscanf(at + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
                             &system) != 2) {
        return 0;
    }
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

static int all(int fd, char *bytes, size_t n, int out)
{
    for (size_t at = 0; at < n;) {
        ssize_t done = out ? write(fd, bytes + at, n - at) : read(fd, bytes + at, n - at);
        if (done <= 0) {
            return 0;
        }
        at += (size_t)done;
    }
    return 1;
}

/* One side of a job. */
static int work(int fd, const struct request *request, int server, char *chunk)
{
    long n = strtol(request->amount, NULL, 10);
    int good = 1;

    if (strcmp(request->name, "turns") == 0) {
        for (long i = 0; good && i < n; i++) {
            good = all(fd, chunk, 1, !server) && all(fd, chunk, 1, server);
        }
        return good;
    }
    int out = (strcmp(request->name, "receive") == 0) == (server != 0);
    for (long i = 0; good && i < n * ((1 << 20) / CHUNK); i++) {
        good = all(fd, chunk, CHUNK, out);
    }
    return good && all(fd, chunk, 1, !out); /* it has arrived */
}

static int serve(int port, const char *pidfile, char *chunk)
{
    struct sockaddr_in at = { .sin_family = AF_INET,
                              .sin_port = htons((unsigned short)port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int listener = socket(AF_INET, SOCK_STREAM, 0), one = 1;

    (void)setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(listener, (struct sockaddr *)&at, sizeof(at)) != 0 || listen(listener, 4) != 0) {
        perror("netjob serve");
        return 1;
    }
    for (;;) {
        struct request request = { 0 };
        int fd = accept(listener, NULL, NULL);
        if (fd < 0) {
            return 1;
        }
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        double started = wall(), used = cpu(pidfile);
        if (all(fd, (char *)&request, sizeof(request), 0)) {
            request.name[NAME - 1] = request.amount[NAME - 1] = '\0';
            int good = work(fd, &request, 1, chunk);
            (void)printf("%s %s %.2f %.2f%s\n", request.name, request.amount, wall() - started,
                         cpu(pidfile) - used, good ? "" : " broken");
            (void)fflush(stdout);
        }
        (void)close(fd);
    }
}

int main(int argc, char **argv)
{
    char *chunk = calloc(1, CHUNK);
    struct request request = { 0 };
    int one = 1;

    (void)signal(SIGPIPE, SIG_IGN);
    if (chunk == NULL || argc < 4) {
        return 2;
    }
    if (strcmp(argv[1], "serve") == 0) {
        return serve(atoi(argv[2]), argv[3], chunk);
    }
    if (argc != 5) {
        return 2;
    }
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons((unsigned short)atoi(argv[2])) };
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (inet_pton(AF_INET, argv[1], &to.sin_addr) != 1 ||
        connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0) {
        perror("netjob");
        return 1;
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    (void)strncpy(request.name, argv[3], NAME - 1);
    (void)strncpy(request.amount, argv[4], NAME - 1);
    return all(fd, (char *)&request, sizeof(request), 1) && work(fd, &request, 0, chunk) ? 0 : 1;
}
