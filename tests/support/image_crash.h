/* Crash consistency of disk images: random work on an image, crash images of every moment of it, each judged. */
#ifndef TESTS_SUPPORT_IMAGE_CRASH_H
#define TESTS_SUPPORT_IMAGE_CRASH_H

#include <stdint.h>

struct crash_kind {
    const char *name; /* "vhdx dynamic" */
    const char *format;
    int type;             /* enum image_type */
    uint32_t block_bytes; /* 0: the usual */
    uint64_t disk_bytes;
};

extern const struct crash_kind crash_kinds[];
extern const unsigned crash_kind_n;

/* Judge n crash images of a kind. 0, or 1 with the first failure in text. */
int crash_run(const struct crash_kind *kind, unsigned n, uint64_t seed, char *text,
              unsigned long size);

#endif
