/* VHDX: the log. Changes of metadata are written there, made durable, and only then written to their places; after a crash they
 * are written again. One entry is active at a time: before the next one is written, its changes are durable. [MS-VHDX 2.3] */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "devices/block/crc32c.h"
#include "devices/block/vhdx.h"

#define VHDX_LAST_LIMIT (UINT64_C(1) << 47) /* no file that a log could describe is larger */

/* The log in memory, twice in a row, so that an entry that wraps lies in one piece. */
struct vhdx_log {
    const struct vhdx *vhdx;
    uint8_t *bytes;
    uint32_t length;
    uint64_t
        work_left; /* bytes that may still be summed: overlapping entries must not cost the square of the log */
};

static size_t vhdx_descriptor_area(uint64_t count)
{
    uint64_t bytes = VHDX_LOG_HEADER_BYTES + count * VHDX_DESCRIPTOR_BYTES;
    return (size_t)((bytes + VHDX_LOG_SECTOR - 1) / VHDX_LOG_SECTOR * VHDX_LOG_SECTOR);
}

/* Descriptors and data sectors of an entry agree with its header. */
static bool vhdx_entry_descriptors_good(const uint8_t *entry, uint32_t length, uint32_t count)
{
    uint64_t sequence = le64_load(entry + VHDX_LOG_SEQUENCE);
    size_t data = vhdx_descriptor_area(count);
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *descriptor =
            entry + VHDX_LOG_HEADER_BYTES + (size_t)i * VHDX_DESCRIPTOR_BYTES;
        uint64_t offset = le64_load(descriptor + 16);
        if (le64_load(descriptor + 24) != sequence || offset % VHDX_LOG_SECTOR != 0 ||
            offset > VHDX_LAST_LIMIT) {
            return false;
        }
        if (memcmp(descriptor, "zero", 4) == 0) {
            uint64_t n = le64_load(descriptor + 8);
            if (n % VHDX_LOG_SECTOR != 0 || n > VHDX_LAST_LIMIT) {
                return false;
            }
            continue;
        }
        if (memcmp(descriptor, "desc", 4) != 0 || data + VHDX_LOG_SECTOR > length ||
            memcmp(entry + data, "data", 4) != 0 || le32_load(entry + data + 4) != sequence >> 32 ||
            le32_load(entry + data + VHDX_LOG_SECTOR - 4) != (uint32_t)sequence) {
            return false;
        }
        data += VHDX_LOG_SECTOR;
    }
    return true;
}

/* The valid entry at a place, or NULL. */
static const uint8_t *vhdx_entry(struct vhdx_log *log, uint32_t at)
{
    const uint8_t *entry = log->bytes + at;
    uint32_t length = le32_load(entry + VHDX_LOG_LENGTH), tail = le32_load(entry + VHDX_LOG_TAIL);
    uint32_t count = le32_load(entry + VHDX_LOG_DESCRIPTORS);
    if (memcmp(entry, "loge", 4) != 0 || length == 0 || length % VHDX_LOG_SECTOR != 0 ||
        length > log->length || tail % VHDX_LOG_SECTOR != 0 || tail >= log->length ||
        le64_load(entry + VHDX_LOG_SEQUENCE) == 0 ||
        memcmp(entry + VHDX_LOG_GUID, log->vhdx->log_guid.bytes, 16) != 0 ||
        vhdx_descriptor_area(count) > length ||
        le64_load(entry + VHDX_LOG_FLUSHED) > VHDX_LAST_LIMIT ||
        le64_load(entry + VHDX_LOG_LAST) > VHDX_LAST_LIMIT) {
        return NULL;
    }
    if (length > log->work_left) {
        return NULL;
    }
    log->work_left -= length;
    return le32_load(entry + VHDX_LOG_CHECKSUM) == crc32c_of_structure(entry, length) &&
                   vhdx_entry_descriptors_good(entry, length, count)
               ? entry
               : NULL;
}

/* Entries that follow each other in place and number. */
struct vhdx_sequence {
    uint32_t first, last; /* places */
    uint32_t end;         /* behind the last */
    uint64_t number;      /* of the last; 0: none */
};

/* The longest sequence from a place on. */
static struct vhdx_sequence vhdx_sequence_at(struct vhdx_log *log, uint32_t at)
{
    struct vhdx_sequence sequence = { .first = at, .end = at };
    uint64_t total = 0;
    for (;;) {
        const uint8_t *entry = vhdx_entry(log, sequence.end);
        if (entry == NULL ||
            (sequence.number != 0 && le64_load(entry + VHDX_LOG_SEQUENCE) != sequence.number + 1)) {
            return sequence;
        }
        uint32_t length = le32_load(entry + VHDX_LOG_LENGTH);
        total += length;
        if (total > log->length) {
            return sequence;
        }
        sequence.number = le64_load(entry + VHDX_LOG_SEQUENCE);
        sequence.last = sequence.end;
        sequence.end = (uint32_t)(((uint64_t)sequence.end + length) % log->length);
    }
}

/* Whether the last entry's tail is an entry of the sequence: only then the log still holds all that must be replayed. */
static bool vhdx_sequence_complete(const struct vhdx_log *log, const struct vhdx_sequence *sequence)
{
    uint32_t tail = le32_load(log->bytes + sequence->last + VHDX_LOG_TAIL), at = sequence->first;
    while (at != tail && at != sequence->last) {
        at =
            (uint32_t)(((uint64_t)at + le32_load(log->bytes + at + VHDX_LOG_LENGTH)) % log->length);
    }
    return at == tail;
}

/* [2.3.2]: the active sequence is the complete one with the highest number. */
static struct vhdx_sequence vhdx_active_sequence(struct vhdx_log *log)
{
    struct vhdx_sequence active = { .number = 0 };
    for (uint32_t tail = 0;;) {
        struct vhdx_sequence sequence = vhdx_sequence_at(log, tail);
        if (sequence.number > active.number && vhdx_sequence_complete(log, &sequence)) {
            active = sequence;
        }
        uint32_t next = sequence.number != 0 ? sequence.end : tail + VHDX_LOG_SECTOR;
        if (next <= tail || next >= log->length) {
            return active;
        }
        tail = next;
    }
}

static int vhdx_replay_put(struct vhdx *vhdx, uint64_t offset, const uint8_t *bytes, uint64_t n)
{
    struct image_file *file = vhdx->image.file;
    if (!vhdx->image.writable) {
        return image_file_patch(file, offset, bytes, n);
    }
    if (bytes != NULL) {
        return image_file_write(file, offset, bytes, (size_t)n);
    }
    if (offset >= file->size_bytes) {
        return 0;
    }
    uint64_t there = file->size_bytes - offset;
    return image_file_zero(file, offset, n < there ? n : there);
}

static int vhdx_replay_entry(struct vhdx *vhdx, const uint8_t *entry, struct error *error)
{
    struct image_file *file = vhdx->image.file;
    uint32_t count = le32_load(entry + VHDX_LOG_DESCRIPTORS);
    uint64_t last = le64_load(entry + VHDX_LOG_LAST);
    const uint8_t *data = entry + vhdx_descriptor_area(count);
    if (file->size_bytes < le64_load(entry + VHDX_LOG_FLUSHED)) {
        return error_set(error, -EINVAL, "%s: the file was cut: its log knows it longer",
                         file->name);
    }
    last = last > file->size_bytes ? last : file->size_bytes;
    int code = last == file->size_bytes ? 0
               : vhdx->image.writable
                   ? image_file_resize(file, last)
                   : image_file_patch(file, file->size_bytes, NULL, last - file->size_bytes);
    for (uint32_t i = 0; code == 0 && i < count; i++) {
        const uint8_t *descriptor =
            entry + VHDX_LOG_HEADER_BYTES + (size_t)i * VHDX_DESCRIPTOR_BYTES;
        uint64_t offset = le64_load(descriptor + 16);
        uint64_t n =
            memcmp(descriptor, "zero", 4) == 0 ? le64_load(descriptor + 8) : VHDX_LOG_SECTOR;
        if (offset < VHDX_MIB || offset > last || n > last - offset) {
            return error_set(error, -EINVAL, "%s: its log writes outside the file", file->name);
        }
        if (memcmp(descriptor, "zero", 4) == 0) {
            code = vhdx_replay_put(vhdx, offset, NULL, n);
            continue;
        }
        uint8_t sector[VHDX_LOG_SECTOR];
        memcpy(sector, descriptor + 8, VHDX_DATA_HEAD);
        memcpy(sector + VHDX_DATA_HEAD, data + 8,
               VHDX_LOG_SECTOR - VHDX_DATA_HEAD - VHDX_DATA_TAIL);
        memcpy(sector + VHDX_LOG_SECTOR - VHDX_DATA_TAIL, descriptor + 4, VHDX_DATA_TAIL);
        code = vhdx_replay_put(vhdx, offset, sector, VHDX_LOG_SECTOR);
        data += VHDX_LOG_SECTOR;
    }
    return code == 0 ? 0 : error_set(error, code, "%.400s: %s", file->name, strerror(-code));
}

static int vhdx_replay_sequence(struct vhdx *vhdx, const struct vhdx_log *log,
                                const struct vhdx_sequence *sequence, struct error *error)
{
    if (!vhdx->image.writable) {
        struct image_file *view = image_file_patched(vhdx->image.file);
        if (view == NULL) {
            return error_set(error, -ENOMEM, "%s: no memory for its log", vhdx->image.file->name);
        }
        vhdx->image.file = view;
    }
    uint32_t at = le32_load(log->bytes + sequence->last + VHDX_LOG_TAIL);
    for (;;) {
        const uint8_t *entry = log->bytes + at;
        int code = vhdx_replay_entry(vhdx, entry, error);
        if (code != 0 || at == sequence->last) {
            return code;
        }
        at = (uint32_t)(((uint64_t)at + le32_load(entry + VHDX_LOG_LENGTH)) % log->length);
    }
}

int vhdx_replay(struct vhdx *vhdx, struct error *error)
{
    if (guid_is_zero(&vhdx->log_guid)) {
        return 0;
    }
    const char *name = vhdx->image.file->name;
    struct vhdx_log log = { .vhdx = vhdx,
                            .length = vhdx->log_length,
                            .work_left = (uint64_t)vhdx->log_length * 4 };
    log.bytes = malloc((size_t)log.length * 2);
    if (log.bytes == NULL) {
        return error_set(error, -ENOMEM, "%s: no memory for its log", name);
    }
    int code = image_file_read(vhdx->image.file, vhdx->log_offset, log.bytes, log.length);
    if (code != 0) {
        code = error_set(error, code, "%.400s: %s", name, strerror(-code));
    } else {
        memcpy(log.bytes + log.length, log.bytes, log.length);
        struct vhdx_sequence active = vhdx_active_sequence(&log);
        code = active.number == 0 ? 0 : vhdx_replay_sequence(vhdx, &log, &active, error);
    }
    free(log.bytes);
    if (code == 0) {
        vhdx->replayed = true;
    }
    if (code == 0 && vhdx->image.writable) {
        memset(&vhdx->log_guid, 0, sizeof(vhdx->log_guid));
        code = image_file_flush(vhdx->image.file);
        code = code == 0 ? vhdx_write_header(vhdx) : code;
        code = code == 0 ? 0 : error_set(error, code, "%.400s: %s", name, strerror(-code));
    }
    return code;
}

size_t vhdx_log_room(const struct vhdx *vhdx)
{
    /* Three entries fit, so that the one before is never touched while the next is written. */
    size_t room = vhdx->log_length / VHDX_LOG_SECTOR / 3 - 1;
    return room < VHDX_LOG_MOST_SECTORS ? room : VHDX_LOG_MOST_SECTORS;
}

/* Write an entry of n changes, and make it durable. */
static int vhdx_append(struct vhdx *vhdx, const struct vhdx_change *changes, size_t n)
{
    size_t length = (n + 1) * VHDX_LOG_SECTOR;
    uint8_t *entry = calloc(1, length);
    if (entry == NULL) {
        return -ENOMEM;
    }
    if (vhdx->log_head + length > vhdx->log_length) {
        vhdx->log_head = 0;
    }
    uint64_t sequence = ++vhdx->log_sequence, size = vhdx->image.file->size_bytes;
    memcpy(entry, "loge", 4);
    le32_store(entry + VHDX_LOG_LENGTH, (uint32_t)length);
    le32_store(entry + VHDX_LOG_TAIL, vhdx->log_head);
    le64_store(entry + VHDX_LOG_SEQUENCE, sequence);
    le32_store(entry + VHDX_LOG_DESCRIPTORS, (uint32_t)n);
    memcpy(entry + VHDX_LOG_GUID, vhdx->log_guid.bytes, 16);
    le64_store(entry + VHDX_LOG_FLUSHED, size);
    le64_store(entry + VHDX_LOG_LAST, size);
    for (size_t i = 0; i < n; i++) {
        uint8_t *descriptor = entry + VHDX_LOG_HEADER_BYTES + i * VHDX_DESCRIPTOR_BYTES;
        uint8_t *data = entry + (i + 1) * VHDX_LOG_SECTOR;
        const uint8_t *bytes = changes[i].bytes;
        memcpy(descriptor, "desc", 4);
        memcpy(descriptor + 4, bytes + VHDX_LOG_SECTOR - VHDX_DATA_TAIL, VHDX_DATA_TAIL);
        memcpy(descriptor + 8, bytes, VHDX_DATA_HEAD);
        le64_store(descriptor + 16, changes[i].offset);
        le64_store(descriptor + 24, sequence);
        memcpy(data, "data", 4);
        le32_store(data + 4, (uint32_t)(sequence >> 32));
        memcpy(data + 8, bytes + VHDX_DATA_HEAD, VHDX_LOG_SECTOR - VHDX_DATA_HEAD - VHDX_DATA_TAIL);
        le32_store(data + VHDX_LOG_SECTOR - 4, (uint32_t)sequence);
    }
    le32_store(entry + VHDX_LOG_CHECKSUM, crc32c_of_structure(entry, length));
    int code = image_file_write(vhdx->image.file, vhdx->log_offset + vhdx->log_head, entry, length);
    code = code == 0 ? image_file_flush(vhdx->image.file) : code;
    vhdx->log_head += (uint32_t)length;
    free(entry);
    return code;
}

/* The log gets an empty entry before the header names it: a log that is named is never without a valid entry. */
int vhdx_start_session(struct vhdx *vhdx)
{
    const struct image_env *env = vhdx->image.env;
    struct guid old = vhdx->data_write;
    env->random(env->opaque, vhdx->file_write.bytes, 16);
    env->random(env->opaque, vhdx->data_write.bytes, 16);
    env->random(env->opaque, vhdx->log_guid.bytes, 16);
    vhdx->log_head = 0;
    vhdx->log_sequence = vhdx->header_sequence;
    int code = vhdx_append(vhdx, NULL, 0);
    code = code == 0 ? vhdx_write_header(vhdx) : code;
    vhdx->session = code == 0;
    if (code != 0) {
        vhdx->data_write = old;
        memset(&vhdx->log_guid, 0, sizeof(vhdx->log_guid));
    }
    return code;
}

int vhdx_commit(struct vhdx *vhdx, const struct vhdx_change *changes, size_t n)
{
    int code = vhdx_append(vhdx, changes, n);
    for (size_t i = 0; code == 0 && i < n; i++) {
        code = image_file_write(vhdx->image.file, changes[i].offset, changes[i].bytes,
                                VHDX_LOG_SECTOR);
    }
    return code;
}
