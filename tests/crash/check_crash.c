/* make check-crash: crash images by the thousand, and a writer that can be killed. Usage: check_crash images N SEED [KIND],
 * check_crash write FILE SEED, check_crash verify FILE SEED FLUSHED. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "devices/block/image.h"
#include "tests/support/image_crash.h"
#include "tests/support/image_store.h"

enum { WRITE_MOST = 64 << 10, FLUSH_EVERY = 8 };

static int crash_images(unsigned n, uint64_t seed, const char *only)
{
    int failed = 0;
    for (unsigned i = 0; i < crash_kind_n; i++) {
        char text[600] = "";
        if (only != NULL && strcmp(only, crash_kinds[i].name) != 0) {
            continue;
        }
        int status = crash_run(&crash_kinds[i], n, seed, text, sizeof(text));
        failed |= status;
        (void)printf("%-18s %u crash images: %s\n", crash_kinds[i].name, n,
                     status == 0 ? "ok" : text);
        (void)fflush(stdout);
    }
    return failed;
}

/* The writer's i-th write: the same for who verifies. */
static size_t crash_write_of(uint64_t seed, uint64_t i, uint64_t disk_bytes, uint64_t *offset,
                             uint8_t *bytes)
{
    uint64_t random = seed * 1000003 + i;
    uint64_t n = (1 + store_below(&random, WRITE_MOST / 512)) * 512;
    *offset = store_below(&random, (disk_bytes - n) / 512) * 512;
    for (uint64_t at = 0; at < n; at += 8) {
        uint64_t word = store_random(&random);
        memcpy(bytes + at, &word, 8);
    }
    return (size_t)n;
}

/* Write for ever; after each flush say how many writes are durable. */
static int crash_write(const char *name, uint64_t seed)
{
    struct error error = { "" };
    struct image *image;
    uint8_t *bytes = malloc(WRITE_MOST);
    if (bytes == NULL || image_open(&image_env_host, name, true, &image, &error) != 0) {
        (void)fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    for (uint64_t i = 0;; i++) {
        uint64_t offset;
        size_t n = crash_write_of(seed, i, image->size_bytes, &offset, bytes);
        int code = image_write(image, offset, bytes, n);
        if (code == 0 && i % FLUSH_EVERY == FLUSH_EVERY - 1) {
            code = image_flush(image);
            (void)printf("%llu\n", (unsigned long long)i + 1);
            (void)fflush(stdout);
        }
        if (code != 0) {
            (void)fprintf(stderr, "write %llu: error %d\n", (unsigned long long)i, code);
            return 1;
        }
    }
}

/* Every sector holds its last durable write, or a later one. */
static int crash_verify(const char *name, uint64_t seed, uint64_t flushed)
{
    enum { LATER = 4096 };
    struct error error = { "" };
    struct image *image;
    struct image_report report = { .line = NULL };
    if (image_open(&image_env_host, name, true, &image, &error) != 0) {
        (void)fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    size_t size = (size_t)image->size_bytes;
    uint8_t *durable = calloc(1, size), *found = malloc(size), *bytes = malloc(WRITE_MOST);
    if (durable == NULL || found == NULL || bytes == NULL) {
        return 1;
    }
    uint64_t offset;
    image_check(image, &report);
    for (uint64_t i = 0; i < flushed; i++) {
        size_t n = crash_write_of(seed, i, size, &offset, bytes);
        memcpy(durable + offset, bytes, n);
    }
    int code = image_read(image, 0, found, size);
    /* A sector that is not the durable one is forgiven when a later write has it so. */
    for (uint64_t i = flushed;
         code == 0 && i < flushed + LATER && memcmp(found, durable, size) != 0; i++) {
        size_t n = crash_write_of(seed, i, size, &offset, bytes);
        for (size_t at = 0; at < n; at += 512) {
            if (memcmp(found + offset + at, bytes + at, 512) == 0) {
                memcpy(durable + offset + at, bytes + at, 512);
            }
        }
    }
    bool same = code == 0 && memcmp(found, durable, size) == 0;
    int closed = image_close(image);
    if (!same || report.errors != 0 || closed != 0) {
        (void)fprintf(stderr, "%s: read %d, same %d, errors %u, close %d\n", name, code, same,
                      report.errors, closed);
    }
    free(durable);
    free(found);
    free(bytes);
    return same && report.errors == 0 && closed == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc >= 4 && strcmp(argv[1], "images") == 0) {
        return crash_images((unsigned)strtoul(argv[2], NULL, 0), strtoull(argv[3], NULL, 0),
                            argc > 4 ? argv[4] : NULL);
    }
    if (argc == 4 && strcmp(argv[1], "write") == 0) {
        return crash_write(argv[2], strtoull(argv[3], NULL, 0));
    }
    if (argc == 5 && strcmp(argv[1], "verify") == 0) {
        return crash_verify(argv[2], strtoull(argv[3], NULL, 0), strtoull(argv[4], NULL, 0));
    }
    (void)fprintf(
        stderr,
        "usage: check_crash images N SEED [KIND] | write FILE SEED | verify FILE SEED FLUSHED\n");
    return 2;
}
