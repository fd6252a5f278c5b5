/* The TLB of a logical processor: direct-mapped sets of virtual page -> host pointer, made to be inlined. */
#ifndef MMU_TLB_H
#define MMU_TLB_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "mmu/addr.h"

enum { TLB_BITS = 14, TLB_ENTRIES = 1 << TLB_BITS };

/* Which set an access uses. Supervisor accesses to user pages depend on AC under SMAP, hence two. */
enum tlb_set_index { TLB_SUPERVISOR, TLB_USER, TLB_SUPERVISOR_AC, TLB_SETS };

#define TLB_NO_TAG UINT64_C(1) /* never equals a page address */
/* In a write_tag: the page may be written, but holds code, so that each write must be told. Never equals one either. */
#define TLB_CODE_TAG UINT64_C(2)

/* A tag is the page's virtual address when accesses of its kind may go straight to host memory, else TLB_NO_TAG.
 * Pages that are MMIO, watched, or (for writes) hold code or are clean never get the tag. */
struct tlb_entry {
    uint64_t read_tag, write_tag, exec_tag;
    uintptr_t addend; /* host address = virtual address + addend */
};

struct tlb_set {
    struct tlb_entry entry[TLB_ENTRIES];
};

static ALWAYS_INLINE struct tlb_entry *tlb_slot(struct tlb_set *set, gva_t gva)
{
    return &set->entry[(gva >> PAGE_SHIFT) & (TLB_ENTRIES - 1)];
}

/* Host pointer for an access of `size` bytes that lies in one page and hits, else NULL. */
static ALWAYS_INLINE uint8_t *tlb_read(struct tlb_set *set, gva_t gva, unsigned size)
{
    const struct tlb_entry *entry = tlb_slot(set, gva);
    return LIKELY(entry->read_tag == ((gva + size - 1) & PAGE_MASK)) ? (uint8_t *)((uintptr_t)gva + entry->addend)
                                                                     : NULL;
}

static ALWAYS_INLINE uint8_t *tlb_write(struct tlb_set *set, gva_t gva, unsigned size)
{
    const struct tlb_entry *entry = tlb_slot(set, gva);
    return LIKELY(entry->write_tag == ((gva + size - 1) & PAGE_MASK)) ? (uint8_t *)((uintptr_t)gva + entry->addend)
                                                                      : NULL;
}

#endif
