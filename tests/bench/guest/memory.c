/* Memory, the TLB, page faults, atomics. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "kernels.h"

enum { PAGE = 4096 };

static uint8_t *map(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED) {
        exit(1);
    }
    return memory;
}

/* A mebibyte by memcpy, every other time misaligned. */
static uint64_t copy(uint64_t count)
{
    enum { BYTES = 1 << 20 };
    static uint8_t from[BYTES], to[BYTES + 1];

    for (uint64_t i = 0; i < count; i++) {
        from[i % BYTES] += 3;
        memcpy(to + (i & 1), from, BYTES);
    }
    return to[count % BYTES];
}

/* REP MOVSB and REP STOSQ, a page each. */
static uint64_t repmov(uint64_t count)
{
    static uint8_t from[PAGE], to[PAGE];

    while (count-- > 0) {
        void *destination = to, *source = from;
        uint64_t length = PAGE;
        __asm__ volatile("rep movsb" : "+D"(destination), "+S"(source), "+c"(length) : : "memory");
        destination = from;
        length = PAGE / 8;
        __asm__ volatile("rep stosq" : "+D"(destination), "+c"(length) : "a"(count) : "memory");
    }
    return to[PAGE / 2];
}

/* One cycle through all words, in random order (Sattolo). */
static uint64_t chase(uint64_t count, uint32_t words)
{
    uint32_t *next = malloc(words * sizeof(*next)), at = 0;
    uint64_t state = 1;

    if (next == NULL) {
        exit(1);
    }
    for (uint32_t i = 0; i < words; i++) {
        next[i] = i;
    }
    for (uint32_t i = words - 1; i > 0; i--) {
        uint32_t other = next_random(&state) % i, kept = next[i];
        next[i] = next[other];
        next[other] = kept;
    }
    while (count-- > 0) {
        at = next[at];
    }
    free(next);
    return at;
}

static uint64_t chase_l2(uint64_t count)
{
    return chase(count, 1 << 16);
}

static uint64_t chase_big(uint64_t count)
{
    return chase(count, 1 << 23);
}

/* A word of each of many pages. */
static uint64_t tlb(uint64_t count)
{
    enum { PAGES = 8192 };
    volatile uint8_t *memory = map((size_t)PAGES * PAGE);
    uint64_t sum = 0;

    madvise((void *)(uintptr_t)memory, (size_t)PAGES * PAGE, MADV_NOHUGEPAGE);
    while (count-- > 0) {
        for (size_t i = 0; i < PAGES; i++) {
            sum += memory[i * PAGE + i % 64 * 64] += 1;
        }
    }
    munmap((void *)(uintptr_t)memory, (size_t)PAGES * PAGE);
    return sum;
}

static uint64_t atomic(uint64_t count)
{
    static uint64_t word;

    word = 0;
    while (count-- > 0) {
        uint64_t expected = __atomic_add_fetch(&word, 7, __ATOMIC_SEQ_CST);
        __atomic_compare_exchange_n(&word, &expected, expected ^ 9, 0, __ATOMIC_SEQ_CST,
                                    __ATOMIC_SEQ_CST);
    }
    return word;
}

/* Map, touch, unmap. */
static uint64_t fault(uint64_t count)
{
    enum { PAGES = 256 };
    uint64_t touched = 0;

    while (count-- > 0) {
        volatile uint8_t *memory = map((size_t)PAGES * PAGE);
        for (size_t i = 0; i < PAGES; i++) {
            memory[i * PAGE] = 1;
            touched += memory[i * PAGE];
        }
        munmap((void *)(uintptr_t)memory, (size_t)PAGES * PAGE);
    }
    return touched;
}

static uint64_t protect(uint64_t count)
{
    uint8_t *memory = map(16 * (size_t)PAGE);
    uint64_t done = 0;

    while (count-- > 0) {
        *(volatile uint8_t *)memory = 1;
        done += mprotect(memory, PAGE, PROT_READ) == 0;
        done += mprotect(memory, PAGE, PROT_READ | PROT_WRITE) == 0;
    }
    munmap(memory, 16 * (size_t)PAGE);
    return done;
}

const struct kernel memory_kernels[] = {
    { "copy", copy },           { "repmov", repmov },    { "chase_l2", chase_l2 },
    { "chase_big", chase_big }, { "tlb", tlb },          { "atomic", atomic },
    { "fault", fault },         { "mprotect", protect }, { NULL, NULL },
};
