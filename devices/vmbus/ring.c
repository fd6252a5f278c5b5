/* Rings in a child's memory: indices, copies around the end. [LINUX drivers/hv/ring_buffer.c for the other side] */
#include "devices/vmbus/ring.h"

#include <errno.h>
#include <stdlib.h>

#include "base/bytes.h"

/* Page `i` of the buffer, when it is a whole one. */
static bool whole_page(const struct vmbus_memory *memory, const struct vmbus_buffer *buffer,
                       uint32_t i, spa_t *spa)
{
    gpa_t first, last;
    uint64_t at = (uint64_t)i << PAGE_SHIFT;

    return at + PAGE_SIZE <= buffer->length && vmbus_buffer_gpa(buffer, (uint32_t)at, &first) &&
           vmbus_buffer_gpa(buffer, (uint32_t)(at + PAGE_SIZE - 1), &last) &&
           (first & ~PAGE_MASK) == 0 && last == first + PAGE_SIZE - 1 &&
           memory->page(memory->opaque, first >> PAGE_SHIFT, SPACE_READ | SPACE_WRITE, spa);
}

int vmbus_ring_open(struct vmbus_ring *ring, const struct vmbus_memory *memory,
                    const struct vmbus_buffer *buffer, uint32_t first, uint32_t n,
                    unsigned index_offset)
{
    *ring = (struct vmbus_ring){ .ram = memory->ram };
    if (n < VMBUS_RING_PAGES_MIN || n > VMBUS_RING_PAGES_MAX || first > VMBUS_BUFFER_PAGES_MAX) {
        return -EINVAL;
    }
    ring->page = malloc(n * sizeof(*ring->page));
    if (ring->page == NULL) {
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < n; i++) {
        if (!whole_page(memory, buffer, first + i, &ring->page[i])) {
            vmbus_ring_close(ring);
            return -EINVAL;
        }
    }
    ring->pages = n;
    ring->size = (n - 1) << PAGE_SHIFT;
    if (!vmbus_ring_guest_index(ring, index_offset, &ring->index)) {
        vmbus_ring_close(ring);
        return -EINVAL;
    }
    return 0;
}

void vmbus_ring_close(struct vmbus_ring *ring)
{
    free(ring->page);
    *ring = (struct vmbus_ring){ .ram = ring->ram };
}

uint32_t vmbus_ring_control(const struct vmbus_ring *ring, unsigned offset)
{
    uint32_t value = ram_load32(ram_host(ring->ram, ring->page[0] + offset));

    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    return value;
}

void vmbus_ring_control_set(struct vmbus_ring *ring, unsigned offset, uint32_t value)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    ram_write(ring->ram, ring->page[0] + offset, &value, sizeof(value));
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

bool vmbus_ring_guest_index(const struct vmbus_ring *ring, unsigned offset, uint32_t *index)
{
    *index = vmbus_ring_control(ring, offset);
    return *index < ring->size && *index % 8 == 0;
}

/* Where byte `index` of the data lies, and how many follow in its page. */
static spa_t data_at(const struct vmbus_ring *ring, uint32_t index, uint32_t *room)
{
    uint32_t in_page = index & (uint32_t)~PAGE_MASK;

    *room = (uint32_t)PAGE_SIZE - in_page;
    return ring->page[1 + (index >> PAGE_SHIFT)] + in_page;
}

void vmbus_ring_read(const struct vmbus_ring *ring, uint32_t index, void *to, uint32_t n)
{
    uint8_t *bytes = to;

    while (n > 0) {
        uint32_t room;
        spa_t spa = data_at(ring, index, &room);
        room = room < n ? room : n;
        ram_read(ring->ram, spa, bytes, room);
        bytes += room;
        n -= room;
        index = vmbus_ring_after(ring, index, room);
    }
}

void vmbus_ring_write(struct vmbus_ring *ring, uint32_t index, const void *from, uint32_t n)
{
    const uint8_t *bytes = from;

    while (n > 0) {
        uint32_t room;
        spa_t spa = data_at(ring, index, &room);
        room = room < n ? room : n;
        ram_write(ring->ram, spa, bytes, room);
        bytes += room;
        n -= room;
        index = vmbus_ring_after(ring, index, room);
    }
}
