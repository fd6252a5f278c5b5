/* The TLB's upkeep: flushes as the SDM asks of them, and what changes of control registers cost.
 * [SDM 3A 4.10.4] */
#include <string.h>

#include "mmu/access.h"

#define CR0_FLUSHES (UINT64_C(1) << 31 | UINT64_C(1) << 16 | 1) /* PG, WP, PE */
#define CR4_FLUSHES                                                                                \
    (UINT64_C(1) << 4 | UINT64_C(1) << 5 | UINT64_C(1) << 7 | UINT64_C(1) << 17 |                  \
     UINT64_C(1) << 20 | UINT64_C(1) << 21)                  /* PSE PAE PGE PCIDE SMEP SMAP */
#define EFER_FLUSHES (UINT64_C(1) << 11 | UINT64_C(1) << 10) /* NXE, LMA */
#define CR3_KEEP     (UINT64_C(1) << 63)

static void tlb_entry_clear(struct tlb_entry *entry)
{
    entry->read_tag = TLB_NO_TAG;
    entry->write_tag = TLB_NO_TAG;
    entry->exec_tag = TLB_NO_TAG;
}

void mmu_init(struct mmu *mmu, struct space *space, void *vp)
{
    memset(mmu, 0, sizeof(*mmu));
    for (unsigned set = 0; set < TLB_SETS; set++) {
        for (unsigned i = 0; i < TLB_ENTRIES; i++) {
            tlb_entry_clear(&mmu->set[set].entry[i]);
        }
    }
    mmu->space = space;
    mmu->vp = vp;
    mmu->paging.physical_bits = space->address_bits;
    mmu->space_generation = __atomic_load_n(&space->generation, __ATOMIC_ACQUIRE);
    mmu->large[0].first = mmu->large[1].first = UINT64_MAX;
    mmu->exec_generation[0] = mmu->exec_generation[1] = 1; /* 0: never */
}

/* Clear the entries of one word of a set's bitmap. */
static void tlb_word_clear(struct mmu *mmu, unsigned set, unsigned word, uint64_t bits)
{
    mmu->filled[set][word] &= ~bits;
    mmu->global[set][word] &= ~bits;
    if (mmu->filled[set][word] == 0) {
        mmu->used[set][word / 64] &= ~(UINT64_C(1) << word % 64);
    }
    for (; bits != 0; bits &= bits - 1) {
        tlb_entry_clear(&mmu->set[set].entry[word * 64 + (unsigned)__builtin_ctzll(bits)]);
    }
}

/* Clear all entries; or, where `global`, leave those of global pages. */
static void tlb_clear(struct mmu *mmu, bool global)
{
    for (unsigned set = 0; set < TLB_SETS; set++) {
        for (unsigned i = 0; i < TLB_WORDS / 64; i++) {
            for (uint64_t used = mmu->used[set][i]; used != 0; used &= used - 1) {
                unsigned word = i * 64 + (unsigned)__builtin_ctzll(used);
                uint64_t stays = global ? mmu->global[set][word] : 0;
                tlb_word_clear(mmu, set, word, mmu->filled[set][word] & ~stays);
            }
        }
    }
}

/* Code translations of one half are void. */
static void exec_flush(struct mmu *mmu, unsigned half)
{
    mmu->exec_generation[half]++;
    memset(mmu->exec_pages[half], 0, sizeof(mmu->exec_pages[half]));
    if (half == 1) {
        mmu->exec_not_global = false;
    }
}

void mmu_flush_all(struct mmu *mmu)
{
    mmu->changes++;
    tlb_clear(mmu, false);
    for (unsigned half = 0; half < 2; half++) {
        mmu->large[half] = (struct mmu_large){ .first = UINT64_MAX };
        exec_flush(mmu, half);
    }
}

void mmu_flush_non_global(struct mmu *mmu)
{
    mmu->changes++;
    tlb_clear(mmu, true);
    exec_flush(mmu, 0);
    if (mmu->exec_not_global) {
        exec_flush(mmu, 1);
    }
}

/* The page whose fragment an entry is, whichever of its tags is set. */
static gva_t tlb_entry_page(const struct tlb_entry *entry)
{
    if (entry->read_tag != TLB_NO_TAG) {
        return entry->read_tag;
    }
    return entry->write_tag != TLB_NO_TAG ? entry->write_tag & PAGE_MASK : entry->exec_tag;
}

/* Drop what a set holds of the 2^shift bytes around gva. */
static void tlb_set_flush_range(struct mmu *mmu, unsigned set, gva_t gva, unsigned shift)
{
    uint64_t range = gva >> shift;
    unsigned n = shift - PAGE_SHIFT < TLB_BITS ? 1u << (shift - PAGE_SHIFT) : TLB_ENTRIES;
    unsigned first = (unsigned)(range << (shift - PAGE_SHIFT)) & (TLB_ENTRIES - 1) & ~(n - 1);

    for (unsigned word = first / 64; word < (first + n) / 64; word++) {
        uint64_t drop = 0;
        for (uint64_t bits = mmu->filled[set][word]; bits != 0; bits &= bits - 1) {
            unsigned bit = (unsigned)__builtin_ctzll(bits);
            gva_t page = tlb_entry_page(&mmu->set[set].entry[word * 64 + bit]);
            drop |= page >> shift == range ? UINT64_C(1) << bit : 0;
        }
        tlb_word_clear(mmu, set, word, drop);
    }
}

/* Whether code may have been fetched from the 2^shift bytes around gva since the last flush. */
static bool exec_fetched(const struct mmu *mmu, gva_t gva, unsigned shift)
{
    const uint64_t *filter = mmu->exec_pages[gva >> 63];
    uint64_t number = gva >> shift << (shift - PAGE_SHIFT);

    if (shift == PAGE_SHIFT) {
        return filter[number / 64 % EXEC_FILTER_WORDS] >> number % 64 & 1;
    }
    uint64_t words = (UINT64_C(1) << (shift - PAGE_SHIFT)) / 64;
    bool any = false;
    for (uint64_t i = 0; i < words && i < EXEC_FILTER_WORDS; i++) {
        any = any || filter[(number / 64 + i) % EXEC_FILTER_WORDS] != 0;
    }
    return any;
}

void mmu_flush_page(struct mmu *mmu, gva_t gva)
{
    mmu->changes++;
    gva_t page = gva & PAGE_MASK;
    unsigned half = (unsigned)(page >> 63);
    const struct mmu_large *range = &mmu->large[half];
    /* Entries are 4 KiB fragments: where large pages were filled, all fragments of the largest size
     * go. */
    bool large = range->shift != 0 && page >= range->first && page <= range->last;
    for (unsigned set = 0; set < TLB_SETS; set++) {
        if (large) {
            tlb_set_flush_range(mmu, set, page, range->shift);
            continue;
        }
        unsigned i = (unsigned)(page >> PAGE_SHIFT) & (TLB_ENTRIES - 1);
        if (tlb_entry_page(&mmu->set[set].entry[i]) == page) {
            tlb_word_clear(mmu, set, i / 64, UINT64_C(1) << i % 64);
        }
    }
    if (exec_fetched(mmu, page, large ? range->shift : PAGE_SHIFT)) {
        exec_flush(mmu, half);
    }
}

/* Take write access to the host's page from the entries of one group. False: no other entry of this
 * row of `writers` is left there. */
static bool tlb_group_protect(struct mmu *mmu, unsigned group, uintptr_t host, const uint64_t *row)
{
    unsigned set = group / TLB_WORDS, word = group % TLB_WORDS;
    bool others = false;

    for (uint64_t bits = mmu->filled[set][word]; bits != 0; bits &= bits - 1) {
        struct tlb_entry *entry = &mmu->set[set].entry[word * 64 + (unsigned)__builtin_ctzll(bits)];
        uintptr_t at = (uintptr_t)entry->write_tag + entry->addend;
        if (((unsigned)entry->write_tag & (TLB_NO_TAG | TLB_CODE_TAG)) != 0) {
            continue;
        }
        if (at == host) {
            entry->write_tag |= TLB_CODE_TAG;
        } else {
            others = others || mmu_writers(mmu, at - (uintptr_t)mmu->space->ram->host) == row;
        }
    }
    return others;
}

void mmu_write_protect(struct mmu *mmu, spa_t spa)
{
    mmu->changes++;
    uintptr_t host = (uintptr_t)ram_host(mmu->space->ram, spa & PAGE_MASK);
    uint64_t *row = mmu_writers(mmu, spa);
    for (unsigned i = 0; i < TLB_GROUPS / 64; i++) {
        for (uint64_t bits = row[i]; bits != 0; bits &= bits - 1) {
            unsigned group = i * 64 + (unsigned)__builtin_ctzll(bits);
            if (!tlb_group_protect(mmu, group, host, row)) {
                row[i] &= ~(UINT64_C(1) << group % 64);
            }
        }
    }
}

void mmu_sync(struct mmu *mmu)
{
    uint64_t generation = __atomic_load_n(&mmu->space->generation, __ATOMIC_ACQUIRE);
    if (UNLIKELY(generation != mmu->space_generation)) {
        mmu->space_generation = generation;
        mmu_flush_all(mmu);
    }
}

void mmu_paging_set(struct mmu *mmu, uint64_t cr0, uint64_t cr3, uint64_t cr4, uint64_t efer)
{
    struct paging old = mmu->paging;
    bool keep = (cr3 & CR3_KEEP) != 0;
    cr3 &= ~CR3_KEEP;
    mmu->paging.cr0 = cr0;
    mmu->paging.cr3 = cr3;
    mmu->paging.cr4 = cr4;
    mmu->paging.efer = efer;
    bool others_same = old.cr0 == cr0 && old.cr4 == cr4 && old.efer == efer;
    if (((old.cr0 ^ cr0) & CR0_FLUSHES) != 0 || ((old.cr4 ^ cr4) & CR4_FLUSHES) != 0 ||
        ((old.efer ^ efer) & EFER_FLUSHES) != 0) {
        mmu_flush_all(mmu);
    } else if (old.cr3 != cr3 || (others_same && !keep)) {
        mmu_flush_non_global(mmu);
    }
}
