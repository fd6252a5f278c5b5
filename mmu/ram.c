/* The machine's RAM: pages, their flags, and copies that honour them. */
#include "mmu/ram.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "base/host/memory.h"

int ram_init(struct ram *ram, uint64_t size_bytes, struct error *error)
{
    *ram = (struct ram){ .n_pages = size_bytes >> PAGE_SHIFT };
    if (size_bytes == 0 || (size_bytes & ~PAGE_MASK) != 0) {
        return error_set(error, -EINVAL, "RAM must be a whole number of pages");
    }
    ram->host = host_memory_reserve(size_bytes, "verdite-ram", error);
    if (ram->host == NULL) {
        return -ENOMEM;
    }
    ram->page_flags = calloc(ram->n_pages, sizeof(ram->page_flags[0]));
    if (ram->page_flags == NULL) {
        host_memory_release(ram->host, size_bytes);
        ram->host = NULL;
        return error_set(error, -ENOMEM, "no memory for the flags of %llu pages",
                         (unsigned long long)ram->n_pages);
    }
    return 0;
}

void ram_fini(struct ram *ram)
{
    if (ram->host != NULL) {
        host_memory_release(ram->host, ram->n_pages << PAGE_SHIFT);
    }
    free(ram->page_flags);
    *ram = (struct ram){ .host = NULL };
}

void ram_page_set(struct ram *ram, spa_t spa, unsigned flags)
{
    if ((ram_page_flags(ram, spa) & flags) != flags) {
        __atomic_fetch_or(&ram->page_flags[spa >> PAGE_SHIFT], (uint16_t)flags, __ATOMIC_ACQ_REL);
    }
}

void ram_page_clear(struct ram *ram, spa_t spa, unsigned flags)
{
    if ((ram_page_flags(ram, spa) & flags) != 0) {
        __atomic_fetch_and(&ram->page_flags[spa >> PAGE_SHIFT], (uint16_t)~flags, __ATOMIC_ACQ_REL);
    }
}

void ram_code_get(struct ram *ram, spa_t spa)
{
    /* Whoever writes looks at the count after the bytes; the caller reads the bytes after this. */
    uint16_t old =
        __atomic_fetch_add(&ram->page_flags[spa >> PAGE_SHIFT], RAM_PAGE_HOLDER, __ATOMIC_SEQ_CST);
    assert(old < 255 * RAM_PAGE_HOLDER);
    (void)old;
}

void ram_code_put(struct ram *ram, spa_t spa)
{
    uint16_t *word = &ram->page_flags[spa >> PAGE_SHIFT];
    uint16_t old = __atomic_load_n(word, __ATOMIC_RELAXED), new;
    do {
        new = (uint16_t)(old - RAM_PAGE_HOLDER);
        if (new < RAM_PAGE_HOLDER) {
            new &= (uint16_t)~RAM_PAGE_SETTLED;
        }
    } while (
        !__atomic_compare_exchange_n(word, &old, new, true, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED));
}

void ram_code_settle(struct ram *ram, spa_t spa)
{
    __atomic_fetch_or(&ram->page_flags[spa >> PAGE_SHIFT], RAM_PAGE_SETTLED, __ATOMIC_ACQ_REL);
}

/* Guest bytes -> ours. One access when the size is a scalar's, else 8 aligned bytes at a time. */
static void ram_copy_from(const uint8_t *host, uint8_t *to, size_t n)
{
    ram_u16 *to16 = (ram_u16 *)(void *)to;
    ram_u32 *to32 = (ram_u32 *)(void *)to;
    switch (n) {
    case 2:
        *to16 = ram_load16(host);
        return;
    case 4:
        *to32 = ram_load32(host);
        return;
    default:
        break;
    }
    size_t i = 0;
    for (; n != 8 && i < n && ((uintptr_t)(host + i) & 7) != 0; i++) {
        to[i] = ram_load8(host + i);
    }
    for (; i + 8 <= n; i += 8) {
        *(ram_u64 *)(void *)(to + i) = ram_load64(host + i);
    }
    for (; i < n; i++) {
        to[i] = ram_load8(host + i);
    }
}

static void ram_copy_to(uint8_t *host, const uint8_t *from, size_t n)
{
    const ram_u16 *from16 = (const ram_u16 *)(const void *)from;
    const ram_u32 *from32 = (const ram_u32 *)(const void *)from;
    switch (n) {
    case 2:
        ram_store16(host, *from16);
        return;
    case 4:
        ram_store32(host, *from32);
        return;
    default:
        break;
    }
    size_t i = 0;
    for (; n != 8 && i < n && ((uintptr_t)(host + i) & 7) != 0; i++) {
        ram_store8(host + i, from[i]);
    }
    for (; i + 8 <= n; i += 8) {
        ram_store64(host + i, *(const ram_u64 *)(const void *)(from + i));
    }
    for (; i < n; i++) {
        ram_store8(host + i, from[i]);
    }
}

static bool ram_contains(const struct ram *ram, spa_t spa, size_t length)
{
    uint64_t size = ram->n_pages << PAGE_SHIFT;
    return spa <= size && length <= size - spa;
}

void ram_read(const struct ram *ram, spa_t spa, void *to, size_t length_bytes)
{
    assert(ram_contains(ram, spa, length_bytes));
    ram_copy_from(ram_host(ram, spa), to, length_bytes);
}

static void ram_page_tell(struct ram *ram, void *vp, spa_t spa, size_t length,
                          enum ram_write_phase phase)
{
    if ((ram_page_flags(ram, spa) & RAM_PAGE_CODE) != 0 && ram->ops != NULL) {
        ram->ops->code_written(ram->ops_opaque, vp, spa, length, phase);
    }
}

static size_t ram_piece(spa_t spa, size_t length)
{
    size_t room = PAGE_SIZE - (spa & ~PAGE_MASK);
    return length < room ? length : room;
}

void ram_write(struct ram *ram, spa_t spa, const void *from, size_t length_bytes)
{
    ram_write_by(ram, NULL, spa, from, length_bytes);
}

void ram_write_by(struct ram *ram, void *vp, spa_t spa, const void *from, size_t length_bytes)
{
    assert(ram_contains(ram, spa, length_bytes));
    const uint8_t *bytes = from;
    while (length_bytes > 0) {
        size_t n = ram_piece(spa, length_bytes);
        ram_page_tell(ram, vp, spa, n, RAM_WRITE_COMES);
        ram_page_set(ram, spa, RAM_PAGE_DIRTY);
        ram_copy_to(ram_host(ram, spa), bytes, n);
        __atomic_thread_fence(__ATOMIC_SEQ_CST); /* the bytes, then who holds code: ram_code_get */
        ram_page_tell(ram, vp, spa, n, RAM_WRITE_DONE);
        bytes += n;
        spa += n;
        length_bytes -= n;
    }
}

uint8_t *ram_lend(struct ram *ram, spa_t spa, size_t length_bytes, bool to_write)
{
    assert(ram_contains(ram, spa, length_bytes));
    uint8_t *host = ram_host(ram, spa);
    while (to_write && length_bytes > 0) {
        size_t n = ram_piece(spa, length_bytes);
        ram_page_tell(ram, NULL, spa, n, RAM_WRITE_COMES);
        ram_page_set(ram, spa, RAM_PAGE_DIRTY);
        spa += n;
        length_bytes -= n;
    }
    return host;
}

void ram_lent_written(struct ram *ram, const uint8_t *lent, size_t length_bytes)
{
    spa_t spa = (spa_t)(lent - ram->host);
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* as in ram_write_by */
    while (length_bytes > 0) {
        size_t n = ram_piece(spa, length_bytes);
        ram_page_tell(ram, NULL, spa, n, RAM_WRITE_DONE);
        spa += n;
        length_bytes -= n;
    }
}

void ram_zero(struct ram *ram, spa_t spa, size_t length_bytes)
{
    static const uint8_t zeros[256] = { 0 };
    while (length_bytes > 0) {
        size_t n = length_bytes < sizeof(zeros) ? length_bytes : sizeof(zeros);
        ram_write(ram, spa, zeros, n);
        spa += n;
        length_bytes -= n;
    }
}
