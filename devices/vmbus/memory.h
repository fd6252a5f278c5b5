/* A child's memory as the parent's devices reach it: by GPA, page by page, only while it is mapped. [docs/architecture.md, VMBus]
 *
 * Nothing here can fail the host: a page that is not there, or lacks the right, makes the call answer false.
 */
#ifndef DEVICES_VMBUS_MEMORY_H
#define DEVICES_VMBUS_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/host/block_file.h"
#include "mmu/addr.h"
#include "mmu/ram.h"
#include "mmu/space.h"

/* gpa_map_child of one partition, handed over by the parent's stack. Any thread. */
struct vmbus_memory {
    struct ram *ram;
    /* The RAM page that the parent mapped there with all of `rights` (SPACE_READ, SPACE_WRITE). False: none. */
    bool (*page)(void *opaque, uint64_t gpfn, unsigned rights, spa_t *spa);
    void *opaque;
};

WARN_UNUSED bool vmbus_memory_read(const struct vmbus_memory *memory, gpa_t gpa, void *to,
                                   size_t n);
WARN_UNUSED bool vmbus_memory_write(const struct vmbus_memory *memory, gpa_t gpa, const void *from,
                                    size_t n);

/* ---- buffers: a guest's list of pieces of memory, copied out of its message once ---- */

enum {
    VMBUS_BUFFER_PAGES_MAX = 8192,  /* of one buffer: what a GPADL's 16-bit length can hold */
    VMBUS_BUFFER_RANGES_MAX = 1024, /* of one packet */
};

struct vmbus_segment {
    gpa_t gpa;
    uint32_t at, length; /* bytes [at, at + length) of the buffer */
};

/* Pieces in order, neighbours joined. Owned; vmbus_buffer_fini. A zeroed one is empty. */
struct vmbus_buffer {
    struct vmbus_segment *segment;
    uint32_t n_segments;
    uint32_t length; /* bytes in all */
};

/* Parse GPA ranges: {byte count u32, byte offset u32, page numbers u64[]} times n_ranges, in `bytes` of the host. -EINVAL: a
 * range is empty, its offset is not inside a page, its pages are not all there, or there is too much of it; -ENOMEM. *used: the
 * bytes that the ranges took. */
WARN_UNUSED int vmbus_buffer_parse(struct vmbus_buffer *buffer, const uint8_t *bytes, size_t n,
                                   uint32_t n_ranges, size_t *used);
void vmbus_buffer_fini(struct vmbus_buffer *buffer);

/* Copy; false when [at, at + n) is not all inside the buffer or a page refuses (then part may have been copied). */
WARN_UNUSED bool vmbus_buffer_read(const struct vmbus_memory *memory,
                                   const struct vmbus_buffer *buffer, uint32_t at, void *to,
                                   size_t n);
WARN_UNUSED bool vmbus_buffer_write(const struct vmbus_memory *memory,
                                    const struct vmbus_buffer *buffer, uint32_t at,
                                    const void *from, size_t n);

/* The first n bytes as memory for a call of the host, which must end before anything else happens to the guest; then vmbus_buffer_returned
 * with the same. 0: a page refuses, or there are more than n_most pieces. */
WARN_UNUSED unsigned vmbus_buffer_lend(const struct vmbus_memory *memory,
                                       const struct vmbus_buffer *buffer, size_t n, bool to_write,
                                       struct host_piece *pieces, unsigned n_most);
void vmbus_buffer_returned(const struct vmbus_memory *memory, bool to_write,
                           const struct host_piece *pieces, unsigned n_pieces);

/* The GPA of a byte of the buffer; false: beyond its end. */
bool vmbus_buffer_gpa(const struct vmbus_buffer *buffer, uint32_t at, gpa_t *gpa);

#endif
