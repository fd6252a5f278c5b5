/* bench: CPU seconds of emulators for the rows of a guest, side by side; prints tables in markdown. */
/*
 * usage: bench MODE NAME=VALUE...     MODE: rows | boot
 *   verdite= kernel= initrd= root= qemu10=    paths
 *   emulators=a,b   of tests/bench/emulators, and native     rows=a,b|all|one  (one: without group smp; smp: only that)
 *   runs=5 cpus=1
 * A first run of every emulator does one unit of each row; its outputs are compared, and its times say how many units a
 * measured run does, so that each row takes a second at least. Then measured runs of the emulators alternate.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

static const char *value_of(int argc, char **argv, const char *name, const char *otherwise)
{
    size_t length = strlen(name);

    for (int i = 2; i < argc; i++) {
        if (strncmp(argv[i], name, length) == 0 && argv[i][length] == '=' &&
            argv[i][length + 1] != '\0') {
            return argv[i] + length + 1;
        }
    }
    return otherwise;
}

static bool listed(const char *list, const char *name)
{
    size_t length = strlen(name);

    for (const char *at = list; *at != '\0';) {
        size_t here = strcspn(at, ", ");
        if (here == length && strncmp(at, name, length) == 0) {
            return true;
        }
        at += here + (at[here] != '\0');
    }
    return false;
}

static bool row_wanted(const struct row *row, const char *wanted)
{
    bool smp = strcmp(row->group, "smp") == 0;

    if (strcmp(wanted, "all") == 0) {
        return true;
    }
    if (strcmp(wanted, "one") == 0 || strcmp(wanted, "smp") == 0) {
        return smp == (wanted[0] == 's');
    }
    return listed(wanted, row->name) || listed(wanted, row->group);
}

static bool read_rows(struct bench *bench, const char *wanted)
{
    char line[2048];
    FILE *file = fopen("tests/bench/rows", "r");

    if (file == NULL) {
        perror("tests/bench/rows");
        return false;
    }
    while (fgets(line, sizeof(line), file) != NULL) {
        struct row row;
        if (line[0] != '#' && bench->n_rows < BENCH_ROWS &&
            sscanf(line, "%15s %15s %lf", row.name, row.group, &row.count) == 3 &&
            row_wanted(&row, wanted)) {
            bench->row[bench->n_rows++] = row;
        }
    }
    fclose(file);
    if (bench->n_rows == 0) {
        fprintf(stderr, "bench: no row is named '%s'\n", wanted);
    }
    return bench->n_rows > 0;
}

static void add_emulator(struct bench *bench, const char *name, const char *command)
{
    if (bench->n_emulators < BENCH_EMULATORS) {
        struct emulator *emulator = &bench->emulator[bench->n_emulators++];
        snprintf(emulator->name, sizeof(emulator->name), "%s", name);
        snprintf(emulator->command, sizeof(emulator->command), "%s", command);
    }
}

static bool read_emulators(struct bench *bench, const char *wanted)
{
    char line[2048], name[BENCH_NAME];
    FILE *file = fopen("tests/bench/emulators", "r");
    int at;

    if (file == NULL) {
        perror("tests/bench/emulators");
        return false;
    }
    while (fgets(line, sizeof(line), file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] != '#' && sscanf(line, "%15s %n", name, &at) == 1 && listed(wanted, name)) {
            add_emulator(bench, name, line + at);
        }
    }
    fclose(file);
    return bench->n_emulators > 0;
}

/* One run of one emulator, as its console is read. */
struct run {
    const struct bench *bench;
    struct emulator *emulator;
    bool first; /* one unit each */
    double started;
    unsigned done;
};

static int find_row(const struct bench *bench, const char *name)
{
    for (unsigned i = 0; i < bench->n_rows; i++) {
        if (strcmp(bench->row[i].name, name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

static void take_line(void *opaque, const char *line, double cpu)
{
    struct run *run = opaque;
    char name[BENCH_NAME];
    unsigned hash;
    int status;

    if (strncmp(line, "START ", 6) == 0) {
        run->started = cpu;
        return;
    }
    if (sscanf(line, "BENCH %15s %d %x", name, &status, &hash) != 3) {
        return;
    }
    int row = find_row(run->bench, name);
    if (row < 0) {
        return;
    }
    struct measured *measured = &run->emulator->row[row];
    double used = cpu - run->started;
    run->done++;
    measured->failed |= status != 0;
    if (run->first) {
        measured->hash = hash;
        measured->times = used >= 1.1 ? 1 : (unsigned)ceil(1.2 / (used > 1e-4 ? used : 1e-4));
    } else if (measured->n < BENCH_RUNS) {
        measured->seconds[measured->n++] = used / measured->times;
    }
}

static bool run_rows(struct bench *bench, struct emulator *emulator, bool first)
{
    char words[4096];
    struct run run = { .bench = bench, .emulator = emulator, .first = first };
    double cpu;
    int at = snprintf(words, sizeof(words), "console=ttyS0,115200 quiet panic=-1 rows=");

    for (unsigned i = 0; i < bench->n_rows; i++) {
        double count = bench->row[i].count * (first ? 1 : emulator->row[i].times);
        at += snprintf(words + at, sizeof(words) - (size_t)at, "%s%s:%.0f", i == 0 ? "" : ",",
                       bench->row[i].name, count);
    }
    bool ok = guest_run(bench, emulator, words, 3600, take_line, &run, &cpu);
    fprintf(stderr, "%s %s: %u of %u rows%s\n", emulator->name, first ? "first" : "measured",
            run.done, bench->n_rows, ok ? "" : ", did not end");
    if (run.done != bench->n_rows) {
        emulator->failed = true;
    }
    return ok && run.done == bench->n_rows;
}

static void drop_line(void *opaque, const char *line, double cpu)
{
    bool *up = opaque;

    (void)cpu;
    *up |= strcmp(line, "DONE") == 0;
}

static bool mode_rows(struct bench *bench)
{
    bool ok = true;

    for (unsigned run = 0; run <= bench->runs; run++) {
        for (unsigned i = 0; i < bench->n_emulators; i++) {
            if (!bench->emulator[i].failed) {
                ok &= run_rows(bench, &bench->emulator[i], run == 0);
            }
        }
    }
    return report_rows(bench) && ok;
}

static bool mode_boot(struct bench *bench)
{
    bool ok = true;

    for (unsigned run = 0; run < bench->runs; run++) {
        for (unsigned i = 0; i < bench->n_emulators; i++) {
            struct emulator *emulator = &bench->emulator[i];
            bool up = false;
            double cpu;
            bool ended = guest_run(bench, emulator, "console=ttyS0,115200 quiet panic=-1 mode=boot",
                                   600, drop_line, &up, &cpu);
            emulator->failed |= !ended || !up;
            ok &= ended && up;
            emulator->whole[emulator->n_whole++] = cpu;
        }
    }
    report_whole(bench, "boot to the first program, and off");
    return ok;
}

int main(int argc, char **argv)
{
    static struct bench bench;
    const char *runs = value_of(argc, argv, "runs", "5");

    if (argc < 2 || (strcmp(argv[1], "rows") != 0 && strcmp(argv[1], "boot") != 0)) {
        fprintf(stderr, "usage: bench rows|boot NAME=VALUE...\n");
        return 2;
    }
    bench.verdite = value_of(argc, argv, "verdite", "build/release/verdite");
    bench.kernel = value_of(argc, argv, "kernel", "");
    bench.initrd = value_of(argc, argv, "initrd", "");
    bench.cpus = value_of(argc, argv, "cpus", "1");
    bench.qemu10 = value_of(argc, argv, "qemu10", "build/cache/qemu10");
    bench.root = value_of(argc, argv, "root", "build/bench/root");
    bench.runs = (unsigned)atoi(runs);
    if (bench.runs == 0 || bench.runs > BENCH_RUNS) {
        fprintf(stderr, "bench: runs: 1 to %d\n", BENCH_RUNS);
        return 2;
    }
    if (!read_rows(&bench, value_of(argc, argv, "rows", "one")) ||
        !read_emulators(&bench, value_of(argc, argv, "emulators", "native,qemu,verdite"))) {
        return 2;
    }
    return (strcmp(argv[1], "rows") == 0 ? mode_rows(&bench) : mode_boot(&bench)) ? 0 : 1;
}
