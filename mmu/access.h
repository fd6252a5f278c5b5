/* Guest virtual memory for one VP: translation with a TLB, RAM and device accesses, faults as data. */
#ifndef MMU_ACCESS_H
#define MMU_ACCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "mmu/addr.h"
#include "mmu/space.h"
#include "mmu/tlb.h"
#include "mmu/walk.h"

enum mmu_status {
    MMU_OK,
    MMU_FAULT,        /* #PF: mmu.fault_gva and mmu.fault_error */
    MMU_NONCANONICAL, /* 64-bit mode: #GP(0), or #SS(0) for the stack */
    MMU_SUSPEND,      /* unwind the instruction, nothing happened */
};

enum {
    TLB_WORDS = TLB_ENTRIES / 64,
    TLB_GROUPS = TLB_SETS * TLB_WORDS, /* of 64 entries */
    TLB_WRITER_BITS = 10,
    EXEC_FILTER_WORDS = 64,
};

/* What large pages were filled for since the last full flush, in one half of the address space. */
struct mmu_large {
    gva_t first, last;
    unsigned shift; /* the largest page among them; 0: none */
};

/* Belongs to the thread that runs the VP. */
struct mmu {
    struct tlb_set set[TLB_SETS];
    uint64_t filled[TLB_SETS][TLB_WORDS]; /* bit n: entry n may hold a tag */
    uint64_t global[TLB_SETS][TLB_WORDS]; /* bit n: entry n is a global page's */
    uint64_t used[TLB_SETS][TLB_WORDS / 64]; /* bit n: word n of `filled` is not 0 */
    struct mmu_large large[2];
    /* By a hash of the RAM page: groups of entries where one may be that can be written. */
    uint64_t writers[1 << TLB_WRITER_BITS][TLB_GROUPS / 64];
    struct paging paging;
    struct space *space;         /* of the running VP's partition and VTL */
    void *vp;                    /* handed to space_ops.missed */
    uint64_t changes;            /* how often anything was taken back, in the TLB or no longer: whoever copied an entry looks again */
    uint64_t space_generation;   /* space.generation at the last flush */
    gva_t fault_gva;
    uint32_t fault_error;
    /* Code translations, by half of the address space (bit 63). A jump cache holds addresses that mmu_fetch resolved
     * and compares the half's generation, which is bumped when one of them may have changed. */
    uint64_t exec_generation[2];
    uint64_t exec_pages[2][EXEC_FILTER_WORDS]; /* filter of the pages fetched from since the last bump */
    struct mmu_journal *journal;               /* mmu/journal.h; NULL: none */
    bool exec_not_global;                      /* the upper half was fetched from through a page that is not global */
};

static inline uint64_t *mmu_writers(struct mmu *mmu, spa_t spa)
{
    uint64_t hash = (spa >> PAGE_SHIFT) * UINT64_C(0x9e3779b97f4a7c15);

    return mmu->writers[hash >> (64 - TLB_WRITER_BITS)];
}

/* The generation of the half that holds gva. */
static inline uint64_t mmu_exec_generation(const struct mmu *mmu, gva_t gva)
{
    return mmu->exec_generation[gva >> 63];
}

/* Paging is off, physical_bits is the space's; the core sets gb_pages and physical_bits from its model. */
void mmu_init(struct mmu *mmu, struct space *space, void *vp);

/* Flush if the GPA space changed. Slow paths do it themselves; a VP's loop calls it after whatever may have changed a
 * mapping (hypercall, MSR write, kick). */
void mmu_sync(struct mmu *mmu);

/* New values of CR0, CR3, CR4, EFER: flushes what the change requires. [SDM 3A 4.10.4] Call it for every MOV to CR3,
 * also of the same value: with all four unchanged it flushes as that does. Bit 63 of cr3 (PCID: keep) is honoured
 * when the rest of CR3 stays, and never stored. */
void mmu_paging_set(struct mmu *mmu, uint64_t cr0, uint64_t cr3, uint64_t cr4, uint64_t efer);
/* RFLAGS.AC changed. Cheap: only selects a set. */
static inline void mmu_ac_set(struct mmu *mmu, bool ac)
{
    mmu->paging.ac = ac;
}

void mmu_flush_all(struct mmu *mmu);        /* global pages too */
void mmu_flush_non_global(struct mmu *mmu);
void mmu_flush_page(struct mmu *mmu, gva_t gva); /* INVLPG: every translation of that address, large pages too */
/* Take back direct write access to a RAM page (it now holds code) from this TLB. */
void mmu_write_protect(struct mmu *mmu, spa_t spa);

/* The set for explicit data accesses of this kind. */
static inline struct tlb_set *mmu_set(struct mmu *mmu, bool user)
{
    return &mmu->set[user ? TLB_USER : mmu->paging.ac && (mmu->paging.cr4 >> 21 & 1) ? TLB_SUPERVISOR_AC
                                                                                      : TLB_SUPERVISOR];
}

/* Slow paths behind tlb_read and tlb_write: any size 1..64, page-crossing, MMIO, code pages, filling the TLB.
 * access: MMU_READ or MMU_WRITE with MMU_USER or MMU_IMPLICIT (load: or MMU_EXEC, to fetch from MMIO). A crossing write translates both pages before it
 * writes either. Data is little-endian bytes. */
enum mmu_status mmu_load(struct mmu *mmu, gva_t gva, void *data, unsigned size, unsigned access);
enum mmu_status mmu_store(struct mmu *mmu, gva_t gva, const void *data, unsigned size, unsigned access);

/* Check that size bytes could be accessed, and fault as the access would. Sets A/D bits as the access would. */
enum mmu_status mmu_probe(struct mmu *mmu, gva_t gva, unsigned size, unsigned access);

/* Could they be accessed, without any accessed or dirty bit to be set? */
bool mmu_probe_unmarked(struct mmu *mmu, gva_t gva, unsigned size, unsigned access);

/* Host pointer for a read-modify-write of size bytes inside one RAM page: MMU_OK with *host, or *host NULL when the
 * access must be done by mmu_load and mmu_store (MMIO, page-crossing). CODE pages: ram_ops is told first. */
enum mmu_status mmu_rmw_host(struct mmu *mmu, gva_t gva, unsigned size, unsigned access, uint8_t **host);

/* Translate for instruction fetch: the RAM page's spa of gva (with offset), or *in_ram false for MMIO. The caller may
 * keep the answer as long as mmu_exec_generation stays. */
enum mmu_status mmu_fetch(struct mmu *mmu, gva_t gva, bool user, spa_t *spa, bool *in_ram);

/* The same when the TLB has it: cheap, and without any effect on guests. */
bool mmu_fetch_known(struct mmu *mmu, gva_t gva, bool user, spa_t *spa);

/* For debuggers and hypercalls: translation without side effects. */
bool mmu_peek(struct mmu *mmu, gva_t gva, gpa_t *gpa);

#endif
