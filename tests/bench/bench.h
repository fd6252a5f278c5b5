/* The benchmark's runner: rows, emulators, and what one run of one emulator measured. */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BENCH_ROWS = 64, BENCH_EMULATORS = 8, BENCH_RUNS = 32, BENCH_NAME = 16 };

/* A row of tests/bench/rows. */
struct row {
    char name[BENCH_NAME], group[BENCH_NAME];
    double count; /* of one unit */
};

/* What an emulator was seen to need for a row. */
struct measured {
    unsigned times; /* units of a measured run: it takes a second at least */
    uint32_t hash;  /* of the output of one unit */
    bool failed;
    unsigned n;
    double seconds[BENCH_RUNS]; /* of CPU, for one unit */
};

struct emulator {
    char name[BENCH_NAME];
    char command[1024];
    struct measured row[BENCH_ROWS];
    unsigned n_whole;
    double whole[BENCH_RUNS]; /* CPU seconds of the process, start to end */
    bool failed;
};

struct bench {
    struct row row[BENCH_ROWS];
    unsigned n_rows;
    struct emulator emulator[BENCH_EMULATORS];
    unsigned n_emulators;
    const char *verdite, *kernel, *initrd, *cpus, *qemu10, *root;
    unsigned runs;
};

/* guest.c: start the emulator's guest with these kernel words and follow its console to the end. line is called for each
 * console line with the CPU seconds that the emulator's process has used by then. False: it could not be started, ended in
 * an error or took too long. *cpu: at its end. limit: seconds. */
typedef void line_fn(void *opaque, const char *line, double cpu);
bool guest_run(const struct bench *bench, const struct emulator *emulator, const char *words,
               double limit, line_fn *line, void *opaque, double *cpu);

/* report.c: markdown on standard output. False: some output was not the native one. */
bool report_rows(const struct bench *bench);
void report_whole(const struct bench *bench, const char *what);

#endif
