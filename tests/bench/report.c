/* Tables of what was measured: medians, ratios, geometric means. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* 0 without any. */
static double median(const double *value, unsigned n)
{
    double sorted[BENCH_RUNS];

    if (n == 0) {
        return 0;
    }
    memcpy(sorted, value, n * sizeof(*value));
    qsort(sorted, n, sizeof(*sorted), ascending);
    return n % 2 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

static double row_median(const struct emulator *emulator, unsigned row)
{
    return median(emulator->row[row].seconds, emulator->row[row].n);
}

static const struct emulator *find(const struct bench *bench, const char *name)
{
    for (unsigned i = 0; i < bench->n_emulators; i++) {
        if (strcmp(bench->emulator[i].name, name) == 0) {
            return &bench->emulator[i];
        }
    }
    return NULL;
}

/* The faster of the QEMUs that were measured; 0 without. */
static double best_qemu(const struct bench *bench, unsigned row)
{
    double best = 0;

    for (unsigned i = 0; i < bench->n_emulators; i++) {
        double here = row_median(&bench->emulator[i], row);
        if (strncmp(bench->emulator[i].name, "qemu", 4) == 0 && here > 0 &&
            (best == 0 || here < best)) {
            best = here;
        }
    }
    return best;
}

struct mean {
    double logarithms;
    unsigned n;
};

static void mean_add(struct mean *mean, double ratio)
{
    if (ratio > 0) {
        mean->logarithms += log(ratio);
        mean->n++;
    }
}

static double mean_of(const struct mean *mean)
{
    return mean->n == 0 ? 0 : exp(mean->logarithms / mean->n);
}

static void print_number(double value, int digits)
{
    if (value > 0) {
        printf(" %.*f |", digits, value);
    } else {
        printf(" |");
    }
}

static void print_means(const struct bench *bench, const char *group)
{
    const struct emulator *native = find(bench, "native"), *verdite = find(bench, "verdite");
    struct mean to_native = { 0 }, to_qemu = { 0 };

    if (verdite == NULL) {
        return;
    }
    for (unsigned row = 0; row < bench->n_rows; row++) {
        double here = row_median(verdite, row), qemu = best_qemu(bench, row);
        if ((group != NULL && strcmp(group, bench->row[row].group) != 0) || here <= 0) {
            continue;
        }
        if (native != NULL && row_median(native, row) > 0) {
            mean_add(&to_native, here / row_median(native, row));
        }
        mean_add(&to_qemu, qemu / here);
    }
    printf("| %s | %u |", group != NULL ? group : "all",
           to_qemu.n > to_native.n ? to_qemu.n : to_native.n);
    print_number(mean_of(&to_native), 2);
    print_number(mean_of(&to_qemu), 2);
    printf("\n");
}

static bool report_wrong(const struct bench *bench)
{
    bool right = true;

    for (unsigned row = 0; row < bench->n_rows; row++) {
        const struct measured *first = &bench->emulator[0].row[row];
        for (unsigned i = 0; i < bench->n_emulators; i++) {
            const struct measured *here = &bench->emulator[i].row[row];
            if (here->failed) {
                printf("FAILED: %s under %s\n", bench->row[row].name, bench->emulator[i].name);
                right = false;
            } else if (here->hash != first->hash) {
                printf("WRONG OUTPUT: %s under %s: %08x, under %s: %08x\n", bench->row[row].name,
                       bench->emulator[i].name, here->hash, bench->emulator[0].name, first->hash);
                right = false;
            }
        }
    }
    return right;
}

bool report_rows(const struct bench *bench)
{
    const struct emulator *native = find(bench, "native"), *verdite = find(bench, "verdite");

    printf("| row |");
    for (unsigned i = 0; i < bench->n_emulators; i++) {
        printf(" %s s |", bench->emulator[i].name);
    }
    printf(" verdite / native | QEMU / verdite |\n|---|");
    for (unsigned i = 0; i < bench->n_emulators + 2; i++) {
        printf("---|");
    }
    printf("\n");
    for (unsigned row = 0; row < bench->n_rows; row++) {
        double here = verdite != NULL ? row_median(verdite, row) : 0;
        double base = native != NULL ? row_median(native, row) : 0;
        printf("| %s |", bench->row[row].name);
        for (unsigned i = 0; i < bench->n_emulators; i++) {
            print_number(row_median(&bench->emulator[i], row), 4);
        }
        print_number(base > 0 ? here / base : 0, 2);
        print_number(here > 0 ? best_qemu(bench, row) / here : 0, 2);
        printf("\n");
    }
    printf("\n| group | rows | verdite / native | QEMU / verdite |\n|---|---|---|---|\n");
    for (unsigned row = 0; row < bench->n_rows; row++) {
        unsigned before = 0;
        while (strcmp(bench->row[before].group, bench->row[row].group) != 0) {
            before++;
        }
        if (before == row) {
            print_means(bench, bench->row[row].group);
        }
    }
    print_means(bench, NULL);
    return report_wrong(bench);
}

void report_whole(const struct bench *bench, const char *what)
{
    printf("| %s | runs | CPU s (median) |\n|---|---|---|\n", what);
    for (unsigned i = 0; i < bench->n_emulators; i++) {
        const struct emulator *emulator = &bench->emulator[i];
        printf("| %s | %u |", emulator->name, emulator->n_whole);
        print_number(median(emulator->whole, emulator->n_whole), 2);
        printf("%s\n", emulator->failed ? " FAILED" : "");
    }
}
