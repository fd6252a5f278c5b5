/* Files in memory under names, for images in tests. [POSIX fsync: what a crash may leave] */
#include "tests/support/image_store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct store_handle {
    struct image_file file;
    struct store_file *of;
};

uint64_t store_random(uint64_t *state)
{
    *state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = *state;
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

uint64_t store_below(uint64_t *state, uint64_t limit)
{
    return store_random(state) % limit;
}

static struct store_file *of(struct image_file *file)
{
    return CONTAINER_OF(file, struct store_handle, file)->of;
}

/* False: this operation fails. */
static bool store_goes_well(struct store_file *file)
{
    struct image_store *store = file->store;
    if (store->fail_after == 0) {
        return true;
    }
    return --store->fail_after != 0;
}

static void store_note(struct store_file *file, enum store_kind kind, uint64_t offset, uint64_t n,
                       const void *bytes)
{
    if (!file->recording) {
        return;
    }
    if (file->n_ops == file->room_ops) {
        file->room_ops = file->room_ops == 0 ? 256 : file->room_ops * 2;
        file->ops = realloc(file->ops, file->room_ops * sizeof(*file->ops));
        if (file->ops == NULL) {
            abort();
        }
    }
    struct store_op *op = &file->ops[file->n_ops++];
    *op = (struct store_op){ .kind = kind, .offset = offset, .n = n };
    if (bytes != NULL) {
        op->bytes = malloc((size_t)n);
        if (op->bytes == NULL) {
            abort();
        }
        memcpy(op->bytes, bytes, (size_t)n);
    }
}

static int store_read(struct image_file *file, uint64_t offset, void *bytes, size_t n)
{
    return image_file_read(of(file)->bytes, offset, bytes, n);
}

static int store_write(struct image_file *file, uint64_t offset, const void *bytes, size_t n)
{
    if (!store_goes_well(of(file))) {
        return -EIO;
    }
    store_note(of(file), STORE_WRITE, offset, n, bytes);
    return image_file_write(of(file)->bytes, offset, bytes, n);
}

static int store_flush(struct image_file *file)
{
    if (!store_goes_well(of(file))) {
        return -EIO;
    }
    store_note(of(file), STORE_FLUSH, 0, 0, NULL);
    return 0;
}

static int store_resize(struct image_file *file, uint64_t size_bytes)
{
    if (!store_goes_well(of(file))) {
        return -EIO;
    }
    store_note(of(file), STORE_RESIZE, 0, size_bytes, NULL);
    return image_file_resize(of(file)->bytes, size_bytes);
}

static int store_zero(struct image_file *file, uint64_t offset, uint64_t n)
{
    if (!store_goes_well(of(file))) {
        return -EIO;
    }
    store_note(of(file), STORE_ZERO, offset, n, NULL);
    return image_file_zero(of(file)->bytes, offset, n);
}

/* Writes in pieces are noted in pieces. */
static bool store_now(struct image_file *file, bool write, uint64_t offset,
                      const struct host_piece *pieces, unsigned n_pieces, size_t skip, size_t n)
{
    for (unsigned i = 0; n > 0 && i < n_pieces; i++) {
        size_t from = skip < pieces[i].n ? skip : pieces[i].n;
        size_t part = pieces[i].n - from < n ? pieces[i].n - from : n;
        uint8_t *at = (uint8_t *)pieces[i].at + from;
        if (part > 0 && (write ? store_write(file, offset, at, part)
                               : store_read(file, offset, at, part)) != 0) {
            return false;
        }
        skip -= from;
        offset += part;
        n -= part;
    }
    return n == 0;
}

static bool store_same(struct image_file *a, struct image_file *b)
{
    return of(a) == of(b);
}

static void store_close(struct image_file *file)
{
    of(file)->store->opened--;
    free(CONTAINER_OF(file, struct store_handle, file));
}

static const struct image_file_ops image_store_ops = {
    .read = store_read,
    .write = store_write,
    .flush = store_flush,
    .resize = store_resize,
    .zero = store_zero,
    .now = store_now,
    .same = store_same,
    .close = store_close,
};

struct store_file *image_store_find(struct image_store *store, const char *name)
{
    for (unsigned i = 0; i < STORE_FILES; i++) {
        if (store->files[i].bytes != NULL && strcmp(store->files[i].name, name) == 0) {
            return &store->files[i];
        }
    }
    return NULL;
}

static void store_file_clear(struct store_file *file)
{
    image_file_close(file->bytes);
    for (size_t i = 0; i < file->n_ops; i++) {
        free(file->ops[i].bytes);
    }
    free(file->ops);
    *file = (struct store_file){ .store = file->store };
}

struct store_file *image_store_make(struct image_store *store, const char *name)
{
    struct store_file *file = image_store_find(store, name);
    for (unsigned i = 0; file == NULL && i < STORE_FILES; i++) {
        file = store->files[i].bytes == NULL ? &store->files[i] : NULL;
    }
    if (file == NULL) {
        abort();
    }
    store_file_clear(file);
    (void)snprintf(file->name, sizeof(file->name), "%s", name);
    file->bytes = image_file_memory(name, UINT64_C(1) << 46);
    return file;
}

static int env_open(void *opaque, const char *name, unsigned flags, struct image_file **file,
                    struct error *error)
{
    struct image_store *store = opaque;
    struct store_file *found =
        image_store_find(store, flags & IMAGE_FILE_TEMPORARY ? "(temporary)" : name);
    *file = NULL;
    if (found != NULL && flags & IMAGE_FILE_CREATE) {
        return error_set(error, -EEXIST, "%s: it is there", name);
    }
    if (flags & (IMAGE_FILE_CREATE | IMAGE_FILE_TEMPORARY)) {
        found = image_store_make(store, flags & IMAGE_FILE_TEMPORARY ? "(temporary)" : name);
    }
    if (found == NULL) {
        return error_set(error, -ENOENT, "%s: not there", name);
    }
    struct store_handle *handle = calloc(1, sizeof(*handle));
    if (handle == NULL) {
        abort();
    }
    handle->of = found;
    handle->file = (struct image_file){ .ops = &image_store_ops,
                                        .size_bytes = found->bytes->size_bytes,
                                        .writable = flags != 0 };
    (void)snprintf(handle->file.name, sizeof(handle->file.name), "%s", found->name);
    store->opened++;
    *file = &handle->file;
    return 0;
}

static int env_absolute(void *opaque, const char *name, char *out, size_t size)
{
    return image_store_find(opaque, name) != NULL && snprintf(out, size, "%s", name) > 0 ? 0
                                                                                         : -ENOENT;
}

static int env_remove(void *opaque, const char *name)
{
    struct store_file *file = image_store_find(opaque, name);
    if (file != NULL) {
        store_file_clear(file);
    }
    return file != NULL ? 0 : -ENOENT;
}

static void env_random(void *opaque, void *bytes, size_t n)
{
    struct image_store *store = opaque;
    for (size_t i = 0; i < n; i++) {
        ((uint8_t *)bytes)[i] = (uint8_t)store_random(&store->random);
    }
}

static int64_t env_now(void *opaque)
{
    (void)opaque;
    return 1700000000;
}

void image_store_init(struct image_store *store, uint64_t seed)
{
    memset(store, 0, sizeof(*store));
    store->random = seed;
    for (unsigned i = 0; i < STORE_FILES; i++) {
        store->files[i].store = store;
    }
    store->env =
        (struct image_env){ env_open, env_absolute, env_remove, env_random, env_now, store };
}

void image_store_fini(struct image_store *store)
{
    for (unsigned i = 0; i < STORE_FILES; i++) {
        store_file_clear(&store->files[i]);
    }
}

void image_store_copy(struct image_store *store, const char *from, const char *to)
{
    enum { PIECE = 1 << 16 };
    struct image_file *source = image_store_find(store, from)->bytes;
    struct image_file *target = image_store_make(store, to)->bytes;
    uint8_t bytes[PIECE];
    static const uint8_t zeros[PIECE];
    int code = image_file_resize(target, source->size_bytes);
    for (uint64_t at = 0; code == 0 && at < source->size_bytes; at += PIECE) {
        size_t n = source->size_bytes - at < PIECE ? (size_t)(source->size_bytes - at) : PIECE;
        code = image_file_read(source, at, bytes, n);
        if (code == 0 && memcmp(bytes, zeros, n) != 0) {
            code = image_file_write(target, at, bytes, n);
        }
    }
    if (code != 0) {
        abort();
    }
}

void store_file_record(struct store_file *file)
{
    file->recording = true;
}

static void store_apply(struct image_file *file, const struct store_op *op)
{
    int code = 0;
    switch (op->kind) {
    case STORE_WRITE:
        code = image_file_write(file, op->offset, op->bytes, (size_t)op->n);
        break;
    case STORE_RESIZE:
        code = image_file_resize(file, op->n);
        break;
    case STORE_ZERO:
        if (op->offset < file->size_bytes) {
            uint64_t there = file->size_bytes - op->offset;
            code = image_file_zero(file, op->offset, op->n < there ? op->n : there);
        }
        break;
    case STORE_FLUSH:
        break;
    }
    if (code != 0) {
        abort();
    }
}

/* A write of which some sectors arrive, and of some of those only a first or last part: to four bytes. */
static void store_tear(struct image_file *file, const struct store_op *op, uint64_t *random)
{
    enum { SECTOR = 512 };
    for (uint64_t done = 0; done < op->n;) {
        uint64_t at = op->offset + done, left = SECTOR - at % SECTOR;
        uint64_t n = op->n - done < left ? op->n - done : left, from = 0, to = n;
        unsigned fate = (unsigned)store_below(random, 8);
        if (fate == 0) {
            to = store_below(random, n / 4 + 1) * 4;
        } else if (fate == 1) {
            from = store_below(random, n / 4 + 1) * 4;
        }
        if (fate < 5 && from < to) {
            struct store_op part = { .kind = STORE_WRITE,
                                     .offset = at + from,
                                     .n = to - from,
                                     .bytes = op->bytes + done + from };
            store_apply(file, &part);
        }
        done += n;
    }
}

void image_store_crash(struct image_store *store, const char *base,
                       const struct store_file *recorded, size_t n, const char *to,
                       uint64_t *random)
{
    size_t durable = 0;
    for (size_t i = 0; i < n; i++) {
        durable = recorded->ops[i].kind == STORE_FLUSH ? i + 1 : durable;
    }
    image_store_copy(store, base, to);
    struct image_file *file = image_store_find(store, to)->bytes;
    for (size_t i = 0; i < durable; i++) {
        store_apply(file, &recorded->ops[i]);
    }
    for (size_t i = durable; i < n; i++) {
        unsigned fate = (unsigned)store_below(random, 4);
        if (fate == 0 && recorded->ops[i].kind == STORE_WRITE) {
            store_tear(file, &recorded->ops[i], random);
        } else if (fate > 1) {
            store_apply(file, &recorded->ops[i]);
        }
    }
}
