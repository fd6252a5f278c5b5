/* A guest's work for a disk, past its page cache: blocks that are written, read back and compared; or a measured stream of requests. [POSIX;
 * open(2) O_DIRECT] */
/*
 *   job verify FILE MIB SEED OPERATIONS PROCESSES     each process has a part of the file; exit 2: not what was written, 3: an I/O error
 *   job read|write FILE MIB BLOCK REQUESTS PROCESSES seq|random      prints the guest's milliseconds
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { BLOCK = 4096, RUN = 32, WRONG = 2, BROKEN = 3 };

static uint64_t next(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static void fill(uint64_t *words, uint64_t block, uint64_t generation, uint64_t seed)
{
    uint64_t state = (block + 1) * UINT64_C(0x9e3779b97f4a7c15) ^ generation << 40 ^ seed;
    state = state != 0 ? state : 1;
    words[0] = block;
    words[1] = generation;
    for (unsigned i = 2; i < BLOCK / 8; i++) {
        words[i] = next(&state);
    }
}

static int broken(const char *what)
{
    printf("job: %s: %s\n", what, strerror(errno));
    return BROKEN;
}

/* A part of the file; a generation of 0: nothing was written there yet. */
struct part {
    int fd;
    uint64_t first, n, seed;
    uint32_t *generation;
    uint8_t *bytes, *good;
};

static int part_read(struct part *part, uint64_t at, uint64_t n)
{
    if (pread(part->fd, part->bytes, n * BLOCK, (off_t)((part->first + at) * BLOCK)) !=
        (ssize_t)(n * BLOCK)) {
        return broken("read");
    }
    for (uint64_t i = 0; i < n; i++) {
        uint64_t *words = (uint64_t *)(void *)part->good;
        if (part->generation[at + i] == 0) {
            continue;
        }
        fill(words, part->first + at + i, part->generation[at + i], part->seed);
        if (memcmp(part->bytes + i * BLOCK, part->good, BLOCK) != 0) {
            uint64_t *is = (uint64_t *)(void *)(part->bytes + i * BLOCK);
            printf("job: block %llu holds %llu of generation %llu, not of %u\n",
                   (unsigned long long)(part->first + at + i), (unsigned long long)is[0],
                   (unsigned long long)is[1], part->generation[at + i]);
            return WRONG;
        }
    }
    return 0;
}

static int part_write(struct part *part, uint64_t at, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        fill((uint64_t *)(void *)(part->bytes + i * BLOCK), part->first + at + i,
             ++part->generation[at + i], part->seed);
    }
    return pwrite(part->fd, part->bytes, n * BLOCK, (off_t)((part->first + at) * BLOCK)) ==
                   (ssize_t)(n * BLOCK)
               ? 0
               : broken("write");
}

static int verify(const char *file, uint64_t first, uint64_t n, uint64_t seed,
                  unsigned long operations)
{
    struct part part = {
        .fd = open(file, O_RDWR | O_DIRECT), .first = first, .n = n, .seed = seed
    };
    uint64_t state = seed + first * 7 + 1;
    if (part.fd < 0) {
        return broken("open");
    }
    part.generation = calloc(n, sizeof(*part.generation));
    part.bytes = aligned_alloc(BLOCK, RUN * BLOCK);
    part.good = aligned_alloc(BLOCK, BLOCK);
    int code =
        part.generation == NULL || part.bytes == NULL || part.good == NULL ? broken("memory") : 0;
    for (unsigned long i = 0; code == 0 && i < operations; i++) {
        uint64_t at = (next(&state) >> 8) % n, run = 1 + (next(&state) >> 8) % RUN;
        run = run < n - at ? run : n - at;
        switch ((next(&state) >> 8) % 16) {
        case 0:
            code = fdatasync(part.fd) == 0 ? 0 : broken("flush");
            break;
        case 1 ... 7:
            code = part_read(&part, at, run);
            break;
        default:
            code = part_write(&part, at, run);
        }
    }
    for (uint64_t at = 0; code == 0 && at < n; at += RUN) {
        code = part_read(&part, at, RUN < n - at ? RUN : n - at);
    }
    return code;
}

static int stream(const char *file, bool to, uint64_t first, uint64_t bytes, size_t block,
                  unsigned long requests, bool random)
{
    int fd = open(file, (to ? O_RDWR : O_RDONLY) | O_DIRECT);
    uint8_t *buffer = aligned_alloc(BLOCK, block);
    uint64_t state = first + 12345, n = bytes / block;
    if (fd < 0 || buffer == NULL || n == 0) {
        return broken("open");
    }
    memset(buffer, 0x5a, block);
    for (unsigned long i = 0; i < requests; i++) {
        uint64_t at = first + (random ? (next(&state) >> 8) % n : i % n) * block;
        ssize_t done =
            to ? pwrite(fd, buffer, block, (off_t)at) : pread(fd, buffer, block, (off_t)at);
        if (done != (ssize_t)block) {
            return broken(to ? "write" : "read");
        }
    }
    return 0;
}

static uint64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static unsigned long number(const char *text)
{
    return strtoul(text, NULL, 0);
}

int main(int argc, char **argv)
{
    bool verifies = argc == 7 && strcmp(argv[1], "verify") == 0;
    if (!verifies && argc != 8) {
        fputs("job verify FILE MIB SEED OPERATIONS PROCESSES | job read|write FILE MIB BLOCK "
              "REQUESTS PROCESSES seq|random\n",
              stderr);
        return 1;
    }
    unsigned long processes = number(argv[6]);
    uint64_t part = (uint64_t)number(argv[3]) * 1048576 / processes;
    uint64_t before = now_ms();
    int code = 0;
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (unsigned long i = 0; i < processes; i++) {
        pid_t child = fork();
        if (child == 0) {
            code = verifies ? verify(argv[2], i * part / BLOCK, part / BLOCK, number(argv[4]),
                                     number(argv[5]))
                            : stream(argv[2], argv[1][0] == 'w', i * part, part, number(argv[4]),
                                     number(argv[5]) / processes, argv[7][0] == 'r');
            fflush(stdout);
            _exit(code);
        }
        code = child < 0 ? broken("fork") : code;
    }
    int status;
    while (wait(&status) > 0) {
        code = code == 0 || code == BROKEN ? WEXITSTATUS(status) : code;
    }
    printf("job %s: %s in %llu ms\n", argv[1],
           code == 0       ? "ok"
           : code == WRONG ? "WRONG"
                           : "an error",
           (unsigned long long)(now_ms() - before));
    return code;
}
