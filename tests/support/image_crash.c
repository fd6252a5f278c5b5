/* Crash consistency of disk images. After a crash each word of the disk holds what the last flush made durable, or what a later
 * write put there; the image opens, is without errors, and goes on working. [SCSI SBC SYNCHRONIZE CACHE] */
#include "tests/support/image_crash.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/image_store.h"

enum { ROUND_STEPS = 60, ROUND_CRASHES = 40, LONGEST = 256 << 10, PATTERN_WORDS = 4 };

/* clang-format off */
const struct crash_kind crash_kinds[] = {
    { "raw",               "raw",  IMAGE_FIXED,        0,       1 << 20 },
    { "vhd fixed",         "vhd",  IMAGE_FIXED,        0,       1 << 20 },
    { "vhd dynamic",       "vhd",  IMAGE_DYNAMIC,      16 << 10, 3 << 20 },
    { "vhd differencing",  "vhd",  IMAGE_DIFFERENCING, 16 << 10, 3 << 20 },
    { "vhdx fixed",        "vhdx", IMAGE_FIXED,        1 << 20, 4 << 20 },
    { "vhdx dynamic",      "vhdx", IMAGE_DYNAMIC,      1 << 20, 9 << 20 },
    { "vhdx differencing", "vhdx", IMAGE_DIFFERENCING, 1 << 20, 9 << 20 },
};
/* clang-format on */
const unsigned crash_kind_n = ARRAY_SIZE(crash_kinds);

/* What the guest did, beside how many operations of the file there were before and after. */
struct crash_step {
    enum { CRASH_WRITE, CRASH_DISCARD, CRASH_FLUSH } kind;
    uint64_t offset, n;
    uint8_t *bytes; /* zeros of a discard too */
    size_t ops_before, ops_after;
};

struct crash_round {
    const struct crash_kind *kind;
    struct image_store store;
    uint64_t random;
    struct crash_step steps[ROUND_STEPS];
    unsigned n_steps;
    uint8_t *start;   /* the disk before the first step */
    uint8_t *durable; /* at the crash */
    uint8_t *found;
    char *text;
    unsigned long size;
};

static int crash_failed(struct crash_round *round, const char *format, ...) PRINTF(2, 3);
static int crash_failed(struct crash_round *round, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(round->text, round->size, format, args);
    va_end(args);
    return 1;
}

static void crash_fill(struct crash_round *round, uint8_t *bytes, uint64_t n)
{
    uint64_t words[PATTERN_WORDS];
    for (unsigned i = 0; i < PATTERN_WORDS; i++) {
        words[i] = store_random(&round->random);
    }
    for (uint64_t i = 0; i + 8 <= n; i += 8) {
        uint64_t word = words[i / 8 % PATTERN_WORDS] + i;
        memcpy(bytes + i, &word, 8);
    }
}

/* The image "disk" and its parent; some of it is written. */
static int crash_make(struct crash_round *round)
{
    const struct crash_kind *kind = round->kind;
    const struct image_format *format = image_format_named(kind->format);
    struct error error = { "" };
    struct image_new facts = { .env = &round->store.env,
                               .size_bytes = kind->disk_bytes,
                               .type = (enum image_type)kind->type,
                               .block_bytes = kind->block_bytes };
    struct image *parent = NULL, *image = NULL;
    int code = 0;
    if (kind->type == IMAGE_DIFFERENCING) {
        struct image_new of_parent = facts;
        of_parent.type = IMAGE_DYNAMIC;
        code = image_create("parent", format, &of_parent, &error);
        code = code == 0 ? image_open(&round->store.env, "parent", true, &image, &error) : code;
        crash_fill(round, round->start, kind->disk_bytes / 2);
        code = code == 0 ? image_write(image, 0, round->start, (size_t)kind->disk_bytes / 2) : code;
        code = code == 0 ? image_close(image) : code;
        code = code == 0 ? image_open(&round->store.env, "parent", false, &parent, &error) : code;
        facts.parent = parent;
    }
    code = code == 0 ? image_create("disk", format, &facts, &error) : code;
    (void)image_close(parent);
    return code == 0 ? 0 : crash_failed(round, "making: %s", error.text);
}

static int crash_step(struct crash_round *round, struct image *image, struct store_file *file)
{
    struct crash_step *step = &round->steps[round->n_steps++];
    uint64_t sector = image->logical_sector, all = round->kind->disk_bytes / sector;
    uint64_t choice = store_below(&round->random, 10);
    uint64_t most = store_below(&round->random, 4) == 0 ? LONGEST / sector : 16;
    uint64_t first =
        store_below(&round->random, store_below(&round->random, 2) == 0 ? all : all / 8);
    uint64_t n = 1 + store_below(&round->random, most);
    *step = (struct crash_step){ .kind = choice < 7   ? CRASH_WRITE
                                         : choice < 8 ? CRASH_DISCARD
                                                      : CRASH_FLUSH };
    step->ops_before = file->n_ops;
    if (step->kind == CRASH_DISCARD && store_below(&round->random, 2) == 0 &&
        round->kind->block_bytes != 0) {
        n = round->kind->block_bytes / sector;
        first = first / n * n;
    }
    step->offset = first * sector;
    step->n = (n < all - first ? n : all - first) * sector;
    int code = 0;
    if (step->kind == CRASH_FLUSH) {
        code = image_flush(image);
    } else {
        step->bytes = calloc(1, (size_t)step->n);
        if (step->bytes == NULL) {
            abort();
        }
        if (step->kind == CRASH_WRITE) {
            crash_fill(round, step->bytes, step->n);
            code = image_write(image, step->offset, step->bytes, (size_t)step->n);
        } else {
            code = image_discard(image, step->offset, step->n);
        }
    }
    step->ops_after = file->n_ops;
    return code == 0 ? 0 : crash_failed(round, "step %u: error %d", round->n_steps, code);
}

/* Whether four bytes of the disk are what some step put there. */
static bool crash_word_known(const struct crash_round *round, size_t ops, unsigned from,
                             uint64_t at)
{
    for (unsigned i = from; i < round->n_steps && round->steps[i].ops_before < ops; i++) {
        const struct crash_step *step = &round->steps[i];
        if (step->kind != CRASH_FLUSH && at >= step->offset && at + 4 <= step->offset + step->n &&
            memcmp(round->found + at, step->bytes + (at - step->offset), 4) == 0) {
            return true;
        }
    }
    return false;
}

static int crash_compare(struct crash_round *round, size_t ops, unsigned from)
{
    enum { PIECE = 4096 };
    for (uint64_t at = 0; at < round->kind->disk_bytes; at += PIECE) {
        if (memcmp(round->found + at, round->durable + at, PIECE) == 0) {
            continue;
        }
        for (uint64_t word = at; word < at + PIECE; word += 4) {
            if (memcmp(round->found + word, round->durable + word, 4) != 0 &&
                !crash_word_known(round, ops, from, word)) {
                return crash_failed(round, "after %zu operations: the disk is wrong at 0x%llx", ops,
                                    (unsigned long long)word);
            }
        }
    }
    return 0;
}

/* Open what the crash left, read it, look at it, write to it, and see that an orderly close keeps that. */
static int crash_judge(struct crash_round *round, size_t ops)
{
    struct error error = { "" };
    struct image *image;
    struct image_report report = { .line = NULL };
    unsigned from = 0;
    size_t bytes = (size_t)round->kind->disk_bytes;
    memcpy(round->durable, round->start, bytes);
    for (unsigned i = 0; i < round->n_steps && round->steps[i].ops_after <= ops; i++) {
        from = round->steps[i].kind == CRASH_FLUSH ? i + 1 : from;
    }
    for (unsigned i = 0; i < from; i++) {
        const struct crash_step *step = &round->steps[i];
        if (step->kind != CRASH_FLUSH) {
            memcpy(round->durable + step->offset, step->bytes, (size_t)step->n);
        }
    }
    bool write = store_below(&round->random, 2) == 0;
    if (image_open(&round->store.env, "crashed", write, &image, &error) != 0) {
        return crash_failed(round, "after %zu operations: %s", ops, error.text);
    }
    image_check(image, &report);
    int code = image_read(image, 0, round->found, bytes);
    int status =
        code != 0 ? crash_failed(round, "after %zu operations: reading: error %d", ops, code)
        : report.errors != 0 ? crash_failed(round, "after %zu operations: check: errors", ops)
                             : crash_compare(round, ops, from);
    uint8_t sector[4096];
    crash_fill(round, sector, sizeof(sector));
    uint64_t at = store_below(&round->random, bytes / sizeof(sector)) * sizeof(sector);
    if (status == 0 && write) {
        code = image_write(image, at, sector, sizeof(sector));
        memcpy(round->found + at, sector, sizeof(sector));
    }
    int closed = image_close(image);
    if (status != 0 || !write || code != 0 || closed != 0) {
        return status != 0 || (code == 0 && closed == 0)
                   ? status
                   : crash_failed(round, "cannot go on: %d %d", code, closed);
    }
    if (image_open(&round->store.env, "crashed", false, &image, &error) != 0) {
        return crash_failed(round, "after %zu operations and a close: %s", ops, error.text);
    }
    code = image_read(image, 0, round->durable, bytes);
    (void)image_close(image);
    return code == 0 && memcmp(round->found, round->durable, bytes) == 0
               ? 0
               : crash_failed(round, "after %zu operations: an orderly close lost data", ops);
}

/* One image's life and up to n crashes of it. */
static int crash_round_run(struct crash_round *round, unsigned n)
{
    struct error error = { "" };
    struct image *image;
    if (crash_make(round) != 0) {
        return 1;
    }
    image_store_copy(&round->store, "disk", "base");
    struct store_file *file = image_store_find(&round->store, "disk");
    if (image_open(&round->store.env, "disk", true, &image, &error) != 0) {
        return crash_failed(round, "opening: %s", error.text);
    }
    store_file_record(file);
    int status = 0;
    for (unsigned i = 0; status == 0 && i < ROUND_STEPS; i++) {
        status = crash_step(round, image, file);
    }
    if (image_close(image) != 0 && status == 0) {
        status = crash_failed(round, "closing failed");
    }
    for (unsigned i = 0; status == 0 && i < n; i++) {
        size_t ops = (size_t)store_below(&round->random, file->n_ops + 1);
        image_store_crash(&round->store, "base", file, ops, "crashed", &round->random);
        status = crash_judge(round, ops);
    }
    return status;
}

int crash_run(const struct crash_kind *kind, unsigned n, uint64_t seed, char *text,
              unsigned long size)
{
    int status = 0;
    size_t bytes = (size_t)kind->disk_bytes;
    for (unsigned done = 0; status == 0 && done < n; done += ROUND_CRASHES, seed++) {
        struct crash_round *round = calloc(1, sizeof(*round));
        if (round == NULL) {
            abort();
        }
        char why[512] = "";
        *round =
            (struct crash_round){ .kind = kind, .random = seed, .text = why, .size = sizeof(why) };
        round->start = calloc(1, bytes);
        round->durable = malloc(bytes);
        round->found = malloc(bytes);
        image_store_init(&round->store, seed);
        status = crash_round_run(round, n - done < ROUND_CRASHES ? n - done : ROUND_CRASHES);
        if (status != 0) {
            (void)snprintf(text, size, "%s, SEED=%llu: %s", kind->name, (unsigned long long)seed,
                           why);
        }
        image_store_fini(&round->store);
        for (unsigned i = 0; i < round->n_steps; i++) {
            free(round->steps[i].bytes);
        }
        free(round->start);
        free(round->durable);
        free(round->found);
        free(round);
    }
    return status;
}
