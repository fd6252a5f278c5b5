/* One ring of a channel: a control page and data pages in the child's memory, one writer, one reader. [LINUX
 * include/linux/hyperv.h struct hv_ring_buffer]
 *
 *   offset   0  write index    4  read index    8  interrupt mask    12  pending send size    64  feature bits
 *
 * The host's own index of a ring is kept here and only published; the guest's is read once, checked, then used. A ring that is
 * completely filled would look empty, so one more byte than what is written must be free.
 */
#ifndef DEVICES_VMBUS_RING_H
#define DEVICES_VMBUS_RING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "devices/vmbus/memory.h"

enum {
    VMBUS_RING_WRITE_INDEX = 0,
    VMBUS_RING_READ_INDEX = 4,
    VMBUS_RING_INTERRUPT_MASK = 8,
    VMBUS_RING_PENDING_SEND = 12,
    VMBUS_RING_FEATURES = 64,
    VMBUS_RING_FEATURE_PENDING_SEND = 1u
                                      << 0, /* who reads this ring looks at the pending send size */

    VMBUS_RING_PAGES_MIN = 2,
    VMBUS_RING_PAGES_MAX = 4096,
};

struct vmbus_ring {
    struct ram *ram;
    spa_t *page;    /* owned: control page, then data */
    uint32_t pages; /* 0: closed */
    uint32_t size;  /* bytes of data */
    uint32_t index; /* the host's: read index of an incoming ring, write index of an outgoing one */
};

/* Take pages [first, first + n) of a buffer, which must be whole pages, readable and writable. The host's index starts at what
 * the control page says at index_offset. -EINVAL: not such pages, or indices that are none. */
WARN_UNUSED int vmbus_ring_open(struct vmbus_ring *ring, const struct vmbus_memory *memory,
                                const struct vmbus_buffer *buffer, uint32_t first, uint32_t n,
                                unsigned index_offset);
void vmbus_ring_close(struct vmbus_ring *ring);

uint32_t vmbus_ring_control(const struct vmbus_ring *ring, unsigned offset);
void vmbus_ring_control_set(struct vmbus_ring *ring, unsigned offset, uint32_t value);

/* The guest's index of the ring; false: it lies outside, or is not a multiple of 8. */
WARN_UNUSED bool vmbus_ring_guest_index(const struct vmbus_ring *ring, unsigned offset,
                                        uint32_t *index);

/* Copy from and to data at `index`, around the end. n at most size. */
void vmbus_ring_read(const struct vmbus_ring *ring, uint32_t index, void *to, uint32_t n);
void vmbus_ring_write(struct vmbus_ring *ring, uint32_t index, const void *from, uint32_t n);

static inline uint32_t vmbus_ring_after(const struct vmbus_ring *ring, uint32_t index, uint32_t n)
{
    uint32_t sum = index + n; /* both are at most size, which is below 2^25 */

    return sum >= ring->size ? sum - ring->size : sum;
}

/* Bytes to read between the two indices. */
static inline uint32_t vmbus_ring_used(const struct vmbus_ring *ring, uint32_t write, uint32_t read)
{
    return write >= read ? write - read : ring->size - (read - write);
}

#endif
