/* A child's memory by GPA and by lists of ranges. [docs/architecture.md, VMBus; LINUX include/linux/hyperv.h struct gpa_range] */
#include "devices/vmbus/memory.h"

#include <errno.h>
#include <stdlib.h>

#include "base/bytes.h"

enum { RANGE_HEADER = 8, GPFN_BITS = 40 };

static size_t piece_of(gpa_t gpa, size_t n)
{
    size_t room = PAGE_SIZE - (gpa & ~PAGE_MASK);

    return n < room ? n : room;
}

bool vmbus_memory_read(const struct vmbus_memory *memory, gpa_t gpa, void *to, size_t n)
{
    uint8_t *bytes = to;
    spa_t spa;

    while (n > 0) {
        size_t piece = piece_of(gpa, n);
        if (!memory->page(memory->opaque, gpa >> PAGE_SHIFT, SPACE_READ, &spa)) {
            return false;
        }
        ram_read(memory->ram, spa + (gpa & ~PAGE_MASK), bytes, piece);
        bytes += piece;
        gpa += piece;
        n -= piece;
    }
    return true;
}

bool vmbus_memory_write(const struct vmbus_memory *memory, gpa_t gpa, const void *from, size_t n)
{
    const uint8_t *bytes = from;
    spa_t spa;

    while (n > 0) {
        size_t piece = piece_of(gpa, n);
        if (!memory->page(memory->opaque, gpa >> PAGE_SHIFT, SPACE_WRITE, &spa)) {
            return false;
        }
        ram_write(memory->ram, spa + (gpa & ~PAGE_MASK), bytes, piece);
        bytes += piece;
        gpa += piece;
        n -= piece;
    }
    return true;
}

/* ---- buffers ---- */

struct range_reader {
    const uint8_t *at;
    size_t left;
    uint64_t pages; /* so far */
};

/* The next range's header; its page numbers follow at `at`. */
static bool range_next(struct range_reader *reader, uint32_t *count, uint32_t *offset,
                       uint32_t *pages)
{
    if (reader->left < RANGE_HEADER) {
        return false;
    }
    *count = le32_load(reader->at);
    *offset = le32_load(reader->at + 4);
    if (*count == 0 || *offset >= PAGE_SIZE) {
        return false;
    }
    uint64_t n = ((uint64_t)*offset + *count + PAGE_SIZE - 1) >> PAGE_SHIFT;
    reader->at += RANGE_HEADER;
    reader->left -= RANGE_HEADER;
    reader->pages += n;
    if (reader->pages > VMBUS_BUFFER_PAGES_MAX || n > reader->left / 8) {
        return false;
    }
    *pages = (uint32_t)n;
    return true;
}

static void segment_add(struct vmbus_buffer *buffer, gpa_t gpa, uint32_t length)
{
    struct vmbus_segment *last =
        buffer->n_segments > 0 ? &buffer->segment[buffer->n_segments - 1] : NULL;

    if (last != NULL && last->gpa + last->length == gpa) {
        last->length += length;
    } else {
        buffer->segment[buffer->n_segments++] =
            (struct vmbus_segment){ .gpa = gpa, .at = buffer->length, .length = length };
    }
    buffer->length += length;
}

/* The pages of one range into segments. False: a page number that no guest can have. */
static bool range_add(struct vmbus_buffer *buffer, struct range_reader *reader, uint32_t count,
                      uint32_t offset, uint32_t pages)
{
    for (uint32_t i = 0; i < pages; i++) {
        uint64_t gpfn = le64_load(reader->at);
        uint32_t length = (uint32_t)PAGE_SIZE - offset;

        if (gpfn >> GPFN_BITS != 0) {
            return false;
        }
        length = length < count ? length : count;
        segment_add(buffer, (gpfn << PAGE_SHIFT) + offset, length);
        count -= length;
        offset = 0;
        reader->at += 8;
        reader->left -= 8;
    }
    return true;
}

int vmbus_buffer_parse(struct vmbus_buffer *buffer, const uint8_t *bytes, size_t n,
                       uint32_t n_ranges, size_t *used)
{
    struct range_reader reader = { .at = bytes, .left = n };
    size_t most = n / 8 < VMBUS_BUFFER_PAGES_MAX ? n / 8 : VMBUS_BUFFER_PAGES_MAX;
    uint32_t count, offset, pages;

    *buffer = (struct vmbus_buffer){ .segment = NULL };
    if (n_ranges == 0 || n_ranges > VMBUS_BUFFER_RANGES_MAX || n < RANGE_HEADER) {
        return -EINVAL;
    }
    buffer->segment = malloc(most * sizeof(*buffer->segment));
    if (buffer->segment == NULL) {
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < n_ranges; i++) {
        if (!range_next(&reader, &count, &offset, &pages) ||
            !range_add(buffer, &reader, count, offset, pages)) {
            vmbus_buffer_fini(buffer);
            return -EINVAL;
        }
    }
    struct vmbus_segment *fit =
        realloc(buffer->segment, buffer->n_segments * sizeof(*buffer->segment));
    buffer->segment = fit != NULL ? fit : buffer->segment;
    *used = n - reader.left;
    return 0;
}

void vmbus_buffer_fini(struct vmbus_buffer *buffer)
{
    free(buffer->segment);
    *buffer = (struct vmbus_buffer){ .segment = NULL };
}

/* The segment that byte `at` lies in; at < length. */
static uint32_t segment_find(const struct vmbus_buffer *buffer, uint32_t at)
{
    uint32_t low = 0, high = buffer->n_segments - 1;

    while (low < high) {
        uint32_t middle = low + (high - low + 1) / 2;
        if (buffer->segment[middle].at <= at) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    return low;
}

bool vmbus_buffer_gpa(const struct vmbus_buffer *buffer, uint32_t at, gpa_t *gpa)
{
    if (at >= buffer->length) {
        return false;
    }
    const struct vmbus_segment *segment = &buffer->segment[segment_find(buffer, at)];
    *gpa = segment->gpa + (at - segment->at);
    return true;
}

static bool buffer_copy(const struct vmbus_memory *memory, const struct vmbus_buffer *buffer,
                        uint32_t at, void *to, const void *from, size_t n)
{
    size_t done = 0;

    if (at > buffer->length || n > buffer->length - at) {
        return false;
    }
    for (uint32_t i = n > 0 ? segment_find(buffer, at) : 0; done < n; i++) {
        const struct vmbus_segment *segment = &buffer->segment[i];
        uint32_t skip = at + (uint32_t)done - segment->at;
        size_t piece = segment->length - skip < n - done ? segment->length - skip : n - done;
        bool ok = to != NULL
                      ? vmbus_memory_read(memory, segment->gpa + skip, (uint8_t *)to + done, piece)
                      : vmbus_memory_write(memory, segment->gpa + skip,
                                           (const uint8_t *)from + done, piece);
        if (!ok) {
            return false;
        }
        done += piece;
    }
    return true;
}

bool vmbus_buffer_read(const struct vmbus_memory *memory, const struct vmbus_buffer *buffer,
                       uint32_t at, void *to, size_t n)
{
    return buffer_copy(memory, buffer, at, to, NULL, n);
}

bool vmbus_buffer_write(const struct vmbus_memory *memory, const struct vmbus_buffer *buffer,
                        uint32_t at, const void *from, size_t n)
{
    return buffer_copy(memory, buffer, at, NULL, from, n);
}

/* ---- lent to the host ---- */

static unsigned piece_add(struct host_piece *pieces, unsigned n_pieces, unsigned n_most,
                          uint8_t *host, size_t n)
{
    struct host_piece *last = n_pieces > 0 ? &pieces[n_pieces - 1] : NULL;

    if (last != NULL && (uint8_t *)last->at + last->n == host) {
        last->n += n;
        return n_pieces;
    }
    if (n_pieces < n_most) {
        pieces[n_pieces] = (struct host_piece){ host, n };
    }
    return n_pieces + 1;
}

unsigned vmbus_buffer_lend(const struct vmbus_memory *memory, const struct vmbus_buffer *buffer,
                           size_t n, bool to_write, struct host_piece *pieces, unsigned n_most)
{
    unsigned n_pieces = 0, rights = to_write ? SPACE_WRITE : SPACE_READ;
    spa_t spa;

    for (uint32_t i = 0; n > 0 && i < buffer->n_segments; i++) {
        gpa_t gpa = buffer->segment[i].gpa;
        size_t left = buffer->segment[i].length < n ? buffer->segment[i].length : n;
        n -= left;
        while (left > 0) {
            size_t piece = piece_of(gpa, left);
            unsigned before = n_pieces;
            if (!memory->page(memory->opaque, gpa >> PAGE_SHIFT, rights, &spa)) {
                vmbus_buffer_returned(memory, to_write, pieces, n_pieces);
                return 0;
            }
            n_pieces =
                piece_add(pieces, n_pieces, n_most,
                          ram_lend(memory->ram, spa + (gpa & ~PAGE_MASK), piece, to_write), piece);
            if (n_pieces > n_most) {
                vmbus_buffer_returned(memory, to_write, pieces, before);
                return 0;
            }
            gpa += piece;
            left -= piece;
        }
    }
    return n == 0 ? n_pieces : 0;
}

void vmbus_buffer_returned(const struct vmbus_memory *memory, bool to_write,
                           const struct host_piece *pieces, unsigned n_pieces)
{
    for (unsigned i = 0; to_write && i < n_pieces; i++) {
        ram_lent_written(memory->ram, pieces[i].at, pieces[i].n);
    }
}
