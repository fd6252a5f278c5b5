/* Files in memory under names, for images in tests: they outlive their handles, record what is written and flushed, and fail when
 * told to. */
#ifndef TESTS_SUPPORT_IMAGE_STORE_H
#define TESTS_SUPPORT_IMAGE_STORE_H

#include "devices/block/image.h"

enum { STORE_FILES = 16 };

enum store_kind { STORE_WRITE, STORE_RESIZE, STORE_ZERO, STORE_FLUSH };

struct store_op {
    enum store_kind kind;
    uint64_t offset, n; /* resize: n is the size */
    uint8_t *bytes;     /* of a write */
};

struct store_file {
    struct image_store *store;
    struct image_file *bytes; /* NULL: no file of that name */
    char name[64];
    bool recording;
    struct store_op *ops;
    size_t n_ops, room_ops;
};

struct image_store {
    struct store_file files[STORE_FILES];
    struct image_env env;
    uint64_t random;
    unsigned
        fail_after; /* operations that change or flush until one fails with -EIO; 0: none will */
    unsigned opened;
};

void image_store_init(struct image_store *store, uint64_t seed);
void image_store_fini(struct image_store *store);
/* The file of that name, or NULL. */
struct store_file *image_store_find(struct image_store *store, const char *name);
/* A new empty file, or the old one made empty. */
struct store_file *image_store_make(struct image_store *store, const char *name);
void image_store_copy(struct image_store *store, const char *from, const char *to);
/* Begin to record. */
void store_file_record(struct store_file *file);
/* Make `to` what a crash leaves of `from` (as it was when recording began, in `base`) after its first n operations: everything up
 * to the last flush among them, and of what follows it a random part, with torn sectors. */
void image_store_crash(struct image_store *store, const char *base,
                       const struct store_file *recorded, size_t n, const char *to,
                       uint64_t *random);

/* A next random number, and one below a limit. */
uint64_t store_random(uint64_t *state);
uint64_t store_below(uint64_t *state, uint64_t limit);

#endif
