/* The machine's RAM: system physical pages, what is known of each page, and the only accessors of guest memory. */
#ifndef MMU_RAM_H
#define MMU_RAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"
#include "mmu/addr.h"

/* Per page, machine-wide, whichever partition or alias is used (atomic). */
enum {
    RAM_PAGE_CODE = 1u << 0,  /* blocks were decoded from it: a write must reach ram_ops.code_written */
    RAM_PAGE_DIRTY = 1u << 1, /* written since the bit was last cleared */
    RAM_PAGE_WATCH = 1u << 2, /* a watchpoint lies on it: every access takes the slow path */
    RAM_PAGE_SETTLED = 1u << 3, /* CODE, and no processor's TLB lets writes pass by any more */
    RAM_PAGE_HOLDER = 1u << 8,  /* unit of the count of block caches that hold code of it: not 0 is CODE */
};

enum ram_write_phase {
    RAM_WRITE_COMES, /* the bytes are about to change */
    RAM_WRITE_DONE,  /* they have changed */
    RAM_WRITE_HOST,  /* the instruction under way changes them by a host pointer; nothing more is told */
};

/* Calls upward, set by the machine. */
struct ram_ops {
    /* Bytes of a CODE page change: called before and after the write; may drop blocks. vp: of mmu.vp when an instruction
     * of that VP writes, else NULL. Any thread. */
    void (*code_written)(void *opaque, void *vp, spa_t spa, size_t length_bytes, enum ram_write_phase phase);
};

struct ram {
    uint8_t *host;       /* page 0 */
    uint64_t n_pages;
    uint16_t *page_flags; /* n_pages of RAM_PAGE_* (atomic) */
    const struct ram_ops *ops;
    void *ops_opaque;
};

/* 0 or -errno. size_bytes: a multiple of the page. */
WARN_UNUSED int ram_init(struct ram *ram, uint64_t size_bytes, struct error *error);
void ram_fini(struct ram *ram);

static inline uint8_t *ram_host(const struct ram *ram, spa_t spa)
{
    return ram->host + spa;
}

static inline unsigned ram_page_flags(const struct ram *ram, spa_t spa)
{
    unsigned word = __atomic_load_n(&ram->page_flags[spa >> PAGE_SHIFT], __ATOMIC_RELAXED);
    return (word & (RAM_PAGE_HOLDER - 1)) | (word >= RAM_PAGE_HOLDER ? RAM_PAGE_CODE : 0u);
}

/* Not CODE and SETTLED: those follow from the three below. */
void ram_page_set(struct ram *ram, spa_t spa, unsigned flags);
void ram_page_clear(struct ram *ram, spa_t spa, unsigned flags);

/* A block cache is about to hold code of the page, or holds none any more. At most 255 caches. */
void ram_code_get(struct ram *ram, spa_t spa);
void ram_code_put(struct ram *ram, spa_t spa);
/* A holder: every TLB has lost direct write access to the page. */
void ram_code_settle(struct ram *ram, spa_t spa);

/* Copies between RAM and host memory by devices, hypercalls and loaders: relaxed atomics, page flags honoured
 * (CODE pages call code_written, DIRTY is set). The range must lie inside the RAM. */
void ram_read(const struct ram *ram, spa_t spa, void *to, size_t length_bytes);
void ram_write(struct ram *ram, spa_t spa, const void *from, size_t length_bytes);
/* The same, by an instruction of the VP that mmu.vp names. */
void ram_write_by(struct ram *ram, void *vp, spa_t spa, const void *from, size_t length_bytes);
void ram_zero(struct ram *ram, spa_t spa, size_t length_bytes);
/* Lend a range to a call of the host, which alone touches what the pointer leads to; when it has come back, ram_lent_written if it may have
 * been written. As with a device that does DMA, guests that look meanwhile see bytes in any order. */
uint8_t *ram_lend(struct ram *ram, spa_t spa, size_t length_bytes, bool to_write);
void ram_lent_written(struct ram *ram, const uint8_t *lent, size_t length_bytes);

/* Guests expect the order of x86's memory: a host that has it needs nothing, others acquire and release. */
#if defined(__x86_64__) || defined(__i386__)
enum { RAM_TSO = 1 };
#else
enum { RAM_TSO = 0 };
#endif
enum { RAM_ATOMICS = THREAD_SANITIZER || !RAM_TSO };

/* For ThreadSanitizer, which knows no misaligned atomics. */
static inline uint64_t ram_load_pieces(const uint8_t *host, unsigned bytes)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes; i++) {
        value |= (uint64_t)__atomic_load_n(&host[i], __ATOMIC_ACQUIRE) << 8 * i;
    }
    return value;
}

static inline void ram_store_pieces(uint8_t *host, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++) {
        __atomic_store_n(&host[i], (uint8_t)(value >> 8 * i), __ATOMIC_RELEASE);
    }
}

/* Scalar accessors on a host pointer into RAM. Guests race legitimately: one access of the natural size where the host can
 * do a misaligned one, else in pieces. ThreadSanitizer is told by an atomic, which needs alignment. */
#define RAM_ACCESSORS(bits)                                                                   \
    static ALWAYS_INLINE uint##bits##_t ram_load##bits(const uint8_t *host)                   \
    {                                                                                         \
        if (RAM_ATOMICS && (uintptr_t)host % (bits / 8) == 0) {                               \
            return __atomic_load_n((const uint##bits##_t *)(const void *)host, __ATOMIC_ACQUIRE); \
        }                                                                                     \
        if (THREAD_SANITIZER) {                                                               \
            return (uint##bits##_t)ram_load_pieces(host, bits / 8);                           \
        }                                                                                     \
        uint##bits##_t value = *(const volatile ram_u##bits *)(const volatile void *)host;    \
        if (!RAM_TSO) {                                                                       \
            __atomic_thread_fence(__ATOMIC_ACQUIRE);                                          \
        }                                                                                     \
        return value;                                                                         \
    }                                                                                         \
    static ALWAYS_INLINE void ram_store##bits(uint8_t *host, uint##bits##_t value)            \
    {                                                                                         \
        if (RAM_ATOMICS && (uintptr_t)host % (bits / 8) == 0) {                               \
            __atomic_store_n((uint##bits##_t *)(void *)host, value, __ATOMIC_RELEASE);        \
            return;                                                                           \
        }                                                                                     \
        if (THREAD_SANITIZER) {                                                               \
            ram_store_pieces(host, value, bits / 8);                                          \
            return;                                                                           \
        }                                                                                     \
        if (!RAM_TSO) {                                                                       \
            __atomic_thread_fence(__ATOMIC_RELEASE);                                          \
        }                                                                                     \
        *(volatile ram_u##bits *)(volatile void *)host = value;                               \
    }
typedef uint8_t ram_u8;
typedef uint16_t ram_u16 __attribute__((aligned(1), may_alias));
typedef uint32_t ram_u32 __attribute__((aligned(1), may_alias));
typedef uint64_t ram_u64 __attribute__((aligned(1), may_alias));
RAM_ACCESSORS(8)
RAM_ACCESSORS(16)
RAM_ACCESSORS(32)
RAM_ACCESSORS(64)
#undef RAM_ACCESSORS

#endif
