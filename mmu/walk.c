/* Page walks: 2-level, PAE and 4-level paging, with permissions, accessed and dirty bits. [SDM
 * 3A 4.3 to 4.8] */
/*
 * One loop walks all modes; a table says what differs. Permissions of all levels are gathered,
 * checked at the leaf, and only then are the accessed and dirty bits written, each by
 * compare-exchange with the entry that was read: when another processor changed it meanwhile the
 * walk starts again, as it must have been made after that change. [SDM 3A 4.8]
 */
#include "mmu/walk.h"

#include "mmu/space.h"

#define CR0_WP   (UINT64_C(1) << 16)
#define CR0_PG   (UINT64_C(1) << 31)
#define CR4_PSE  (UINT64_C(1) << 4)
#define CR4_PAE  (UINT64_C(1) << 5)
#define CR4_PGE  (UINT64_C(1) << 7)
#define CR4_SMEP (UINT64_C(1) << 20)
#define CR4_SMAP (UINT64_C(1) << 21)
#define EFER_LMA (UINT64_C(1) << 10)
#define EFER_NXE (UINT64_C(1) << 11)

enum {
    PTE_P = 1u << 0,
    PTE_W = 1u << 1,
    PTE_U = 1u << 2,
    PTE_A = 1u << 5,
    PTE_D = 1u << 6,
    PTE_PS = 1u << 7,
    PTE_G = 1u << 8,
};
#define PTE_XD      (UINT64_C(1) << 63)
#define PTE_ADDRESS UINT64_C(0x000ffffffffff000)

enum walk_mode { WALK_32, WALK_PAE, WALK_64 };

/* What PS means at a level. */
enum walk_ps { PS_NONE, PS_RESERVED, PS_LARGE, PS_LARGE_IF_PSE, PS_LARGE_IF_1G };

struct walk_level {
    unsigned shift, index_bits;
    enum walk_ps ps;
};

struct walk_form {
    unsigned levels, entry_bytes;
    struct walk_level level[4];
};

/* clang-format off */
static const struct walk_form walk_forms[] = {
    /* The PDPTEs of PAE are registers, so that its walk begins at the directory. */
    [WALK_32]  = { 2, 4, { { 22, 10, PS_LARGE_IF_PSE }, { 12, 10, PS_NONE } } },
    [WALK_PAE] = { 2, 8, { { 21, 9, PS_LARGE }, { 12, 9, PS_NONE } } },
    [WALK_64]  = { 4, 8, { { 39, 9, PS_RESERVED }, { 30, 9, PS_LARGE_IF_1G }, { 21, 9, PS_LARGE }, { 12, 9, PS_NONE } } },
};
/* clang-format on */

struct walk {
    struct space *space;
    void *vp;
    const struct paging *paging;
    const struct walk_form *form;
    enum walk_mode mode;
    unsigned access;
    struct {
        gpa_t gpa;
        uint64_t entry;
    } step[4]; /* entries read, from the root down */
    unsigned steps;
};

static enum walk_mode walk_mode_of(const struct paging *paging)
{
    if ((paging->efer & EFER_LMA) != 0) {
        return WALK_64;
    }
    return (paging->cr4 & CR4_PAE) != 0 ? WALK_PAE : WALK_32;
}

/* Address bits at or above MAXPHYADDR, up to bit 51. */
static uint64_t walk_beyond(const struct paging *paging)
{
    return PTE_ADDRESS & ~((UINT64_C(1) << paging->physical_bits) - 1);
}

static uint32_t walk_error(const struct paging *paging, unsigned access, uint32_t flags)
{
    bool nx = (paging->cr4 & CR4_PAE) != 0 && (paging->efer & EFER_NXE) != 0;
    bool tells_fetch = nx || (paging->cr4 & CR4_SMEP) != 0;
    return flags | ((access & MMU_WRITE) != 0 ? PF_W : 0) | ((access & MMU_USER) != 0 ? PF_U : 0) |
           ((access & MMU_EXEC) != 0 && tells_fetch ? PF_I : 0);
}

/* Ask the partition about an entry that is not in readable RAM. False: unwind. */
static bool walk_missed(struct walk *walk, gpa_t gpa, unsigned right, uint64_t *value)
{
    const struct space *space = walk->space;
    enum io_status status = IO_NO_REGISTER;
    if (space->ops != NULL) {
        status = space->ops->missed(space->ops_opaque, walk->vp, gpa, right,
                                    walk->form->entry_bytes, value);
    }
    if (status != IO_OK) {
        *value = UINT64_MAX;
    }
    return status != IO_SUSPEND;
}

static bool walk_entry_outside(struct walk *walk, gpa_t gpa, uint64_t *entry)
{
    struct space *space = walk->space;
    if ((walk->access & MMU_PROBE) != 0) {
        *entry = UINT64_MAX;
        return true;
    }
    bool found = false;
    if (space->mmio != NULL && space_lookup(space, gpa).kind == SPACE_MMIO) {
        if (bus_read(space->mmio, gpa, walk->form->entry_bytes, entry, &found) == IO_SUSPEND) {
            return false;
        }
    }
    return found || walk_missed(walk, gpa, SPACE_READ, entry);
}

/* Read one entry. False: unwind. */
static bool walk_entry_read(struct walk *walk, gpa_t gpa, uint64_t *entry)
{
    unsigned size = walk->form->entry_bytes;
    const uint8_t *host = space_host(walk->space, gpa, size, SPACE_READ);
    bool done = true;
    if (host != NULL) {
        *entry = size == 4 ? ram_load32(host) : ram_load64(host);
    } else {
        done = walk_entry_outside(walk, gpa, entry);
    }
    if (size == 4) {
        *entry &= UINT32_MAX;
    }
    return done;
}

enum walk_update { UPDATE_DONE, UPDATE_AGAIN, UPDATE_SUSPEND };

/* Set bits in an entry if it still is what was read. */
static enum walk_update walk_entry_update(struct walk *walk, unsigned step, uint64_t bits)
{
    gpa_t gpa = walk->step[step].gpa;
    uint64_t old = walk->step[step].entry;
    struct space_page page = space_lookup(walk->space, gpa);
    if (page.kind != SPACE_RAM) {
        return UPDATE_DONE; /* a device's register: the write is dropped */
    }
    if ((page.rights & SPACE_WRITE) == 0) {
        uint64_t value = old | bits;
        return walk_missed(walk, gpa, SPACE_WRITE, &value) ? UPDATE_DONE : UPDATE_SUSPEND;
    }
    struct ram *ram = walk->space->ram;
    spa_t spa = page.spa + (gpa & ~PAGE_MASK);
    unsigned size = walk->form->entry_bytes;
    if ((ram_page_flags(ram, spa) & RAM_PAGE_CODE) != 0 && ram->ops != NULL) {
        ram->ops->code_written(ram->ops_opaque, walk->vp, spa, size, RAM_WRITE_COMES);
    }
    ram_page_set(ram, spa, RAM_PAGE_DIRTY);
    bool same;
    if (size == 4) {
        uint32_t expected = (uint32_t)old;
        same = __atomic_compare_exchange_n((uint32_t *)(void *)ram_host(ram, spa), &expected,
                                           (uint32_t)(old | bits), false, __ATOMIC_SEQ_CST,
                                           __ATOMIC_RELAXED);
    } else {
        same = __atomic_compare_exchange_n((uint64_t *)(void *)ram_host(ram, spa), &old, old | bits,
                                           false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
    }
    if ((ram_page_flags(ram, spa) & RAM_PAGE_CODE) != 0 && ram->ops != NULL) {
        ram->ops->code_written(ram->ops_opaque, walk->vp, spa, size, RAM_WRITE_DONE);
    }
    return same ? UPDATE_DONE : UPDATE_AGAIN;
}

static enum walk_update walk_mark(struct walk *walk)
{
    for (unsigned i = 0; i < walk->steps; i++) {
        uint64_t want = PTE_A;
        if (i == walk->steps - 1 && (walk->access & MMU_WRITE) != 0) {
            want |= PTE_D;
        }
        if ((walk->step[i].entry & want) != want) {
            if (UNLIKELY(walk->paging->no_marks)) {
                return UPDATE_SUSPEND;
            }
            enum walk_update update = walk_entry_update(walk, i, want);
            if (update != UPDATE_DONE) {
                return update;
            }
        }
    }
    return UPDATE_DONE;
}

static bool walk_is_large(const struct walk *walk, const struct walk_level *level, uint64_t entry)
{
    bool allowed = level->ps == PS_LARGE ||
                   (level->ps == PS_LARGE_IF_PSE && (walk->paging->cr4 & CR4_PSE) != 0) ||
                   (level->ps == PS_LARGE_IF_1G && walk->paging->gb_pages);
    return allowed && (entry & PTE_PS) != 0;
}

/* Bits that must be zero in a present entry. [SDM 3A 4.5.5 and tables 4-4 to 4-19] */
static uint64_t walk_reserved(const struct walk *walk, const struct walk_level *level, bool large)
{
    const struct paging *paging = walk->paging;
    if (walk->mode == WALK_32) {
        if (!large) {
            return 0;
        }
        /* PSE-36: bits 20:13 are address bits 39:32, bit 21 is reserved. */
        unsigned bits = paging->physical_bits < 40 ? paging->physical_bits : 40;
        uint64_t high = bits > 32 ? (UINT64_C(1) << (bits - 32)) - 1 : 0;
        return (UINT64_C(1) << 21) | ((UINT64_C(0xff) & ~high) << 13);
    }
    uint64_t reserved = walk_beyond(paging);
    if ((paging->efer & EFER_NXE) == 0) {
        reserved |= PTE_XD;
    }
    if (walk->mode == WALK_PAE) {
        reserved |= UINT64_C(0x7ff) << 52;
    }
    if (large) {
        reserved |= ((UINT64_C(1) << level->shift) - 1) & ~UINT64_C(0x1fff);
    } else if (level->ps == PS_RESERVED || level->ps == PS_LARGE_IF_1G) {
        reserved |= PTE_PS;
    }
    return reserved;
}

static gpa_t walk_large_base(const struct walk *walk, const struct walk_level *level,
                             uint64_t entry)
{
    if (walk->mode == WALK_32) {
        return (entry & 0xffc00000) | (entry >> 13 & 0xff) << 32;
    }
    return entry & PTE_ADDRESS & ~((UINT64_C(1) << level->shift) - 1);
}

/* Table of the first level. False: the PDPTE is not present. */
static bool walk_root(const struct walk *walk, gva_t gva, gpa_t *table)
{
    const struct paging *paging = walk->paging;
    if (walk->mode == WALK_PAE) {
        uint64_t pdpte = paging->pdpte[gva >> 30 & 3];
        *table = pdpte & PTE_ADDRESS;
        return (pdpte & PTE_P) != 0;
    }
    *table = walk->mode == WALK_64 ? paging->cr3 & PTE_ADDRESS & ~walk_beyond(paging)
                                   : paging->cr3 & 0xfffff000;
    return true;
}

bool walk_permits(const struct paging *paging, const struct walk_result *result, unsigned access)
{
    if ((access & MMU_USER) != 0) {
        return result->user && ((access & MMU_WRITE) == 0 || result->writable) &&
               ((access & MMU_EXEC) == 0 || result->executable);
    }
    if ((access & MMU_EXEC) != 0) {
        return result->executable && !(result->user && (paging->cr4 & CR4_SMEP) != 0);
    }
    bool ac = paging->ac && (access & MMU_IMPLICIT) == 0;
    if (result->user && (paging->cr4 & CR4_SMAP) != 0 && !ac) {
        return false;
    }
    return (access & MMU_WRITE) == 0 || result->writable || (paging->cr0 & CR0_WP) == 0;
}

static enum walk_status walk_fault(const struct walk *walk, struct walk_result *result,
                                   uint32_t flags)
{
    result->fault_error = walk_error(walk->paging, walk->access, flags);
    return WALK_FAULT;
}

/* From the root to the leaf: gathers rights and the entries met, writes nothing to the guest. */
static enum walk_status walk_descend(struct walk *walk, gva_t gva, struct walk_result *result)
{
    gpa_t table;
    *result = (struct walk_result){ .writable = true, .user = true, .executable = true };
    walk->steps = 0;
    if (!walk_root(walk, gva, &table)) {
        return walk_fault(walk, result, 0);
    }
    for (unsigned i = 0; i < walk->form->levels; i++) {
        const struct walk_level *level = &walk->form->level[i];
        uint64_t index = gva >> level->shift & ((1u << level->index_bits) - 1);
        gpa_t gpa = table + index * walk->form->entry_bytes;
        uint64_t entry = 0;
        if (!walk_entry_read(walk, gpa, &entry)) {
            return WALK_SUSPEND;
        }
        walk->step[walk->steps].gpa = gpa;
        walk->step[walk->steps++].entry = entry;
        if ((entry & PTE_P) == 0) {
            return walk_fault(walk, result, 0);
        }
        bool large = walk_is_large(walk, level, entry);
        if ((entry & walk_reserved(walk, level, large)) != 0) {
            return walk_fault(walk, result, PF_P | PF_RSVD);
        }
        result->writable = result->writable && (entry & PTE_W) != 0;
        result->user = result->user && (entry & PTE_U) != 0;
        result->executable = result->executable && (entry & PTE_XD) == 0;
        if (large || i == walk->form->levels - 1) {
            uint64_t offset = gva & ((UINT64_C(1) << level->shift) - 1);
            result->page_shift = level->shift;
            result->gpa =
                (large ? walk_large_base(walk, level, entry) : entry & PTE_ADDRESS) | offset;
            result->global = (entry & PTE_G) != 0 && (walk->paging->cr4 & CR4_PGE) != 0;
            result->dirty = (entry & PTE_D) != 0;
            break;
        }
        table = entry & PTE_ADDRESS;
    }
    return walk_permits(walk->paging, result, walk->access) ? WALK_OK
                                                            : walk_fault(walk, result, PF_P);
}

/* Four levels, all tables in RAM, nothing to be written and no fault. False: it may be otherwise. */
static bool walk_quick(const struct space *space, const struct paging *paging, gva_t gva,
                       unsigned access, struct walk_result *result)
{
    const uint64_t there = PTE_P | PTE_A, low_bits = (UINT64_C(1) << 21) - 1;
    uint64_t reserved = walk_beyond(paging) | ((paging->efer & EFER_NXE) == 0 ? PTE_XD : 0);
    uint64_t all = UINT64_MAX, any = 0, entry = paging->cr3 & ~walk_beyond(paging);
    unsigned shift = 39;

    for (;; shift -= 9) {
        gpa_t gpa = (entry & PTE_ADDRESS) + (gva >> shift & 511) * 8;
        const uint8_t *host = space_host(space, gpa, 8, SPACE_READ);
        if (host == NULL) {
            return false;
        }
        entry = ram_load64(host);
        if ((entry & there) != there || (entry & reserved) != 0) {
            return false;
        }
        all &= entry;
        any |= entry;
        if (shift == 12) {
            break;
        }
        if ((entry & PTE_PS) != 0) {
            if (shift != 21 || (entry & low_bits & ~UINT64_C(0x1fff)) != 0) {
                return false;
            }
            break;
        }
    }
    uint64_t offset = (UINT64_C(1) << shift) - 1;
    *result = (struct walk_result){
        .gpa = (entry & PTE_ADDRESS & ~offset) | (gva & offset),
        .page_shift = shift,
        .writable = (all & PTE_W) != 0,
        .user = (all & PTE_U) != 0,
        .executable = (any & PTE_XD) == 0,
        .global = (entry & PTE_G) != 0 && (paging->cr4 & CR4_PGE) != 0,
        .dirty = (entry & PTE_D) != 0,
    };
    return ((access & MMU_WRITE) == 0 || result->dirty) && walk_permits(paging, result, access);
}

enum walk_status walk_page(struct space *space, void *vp, const struct paging *paging, gva_t gva,
                           unsigned access, struct walk_result *result)
{
    if ((paging->cr0 & CR0_PG) == 0) {
        *result = (struct walk_result){
            .gpa = (uint32_t)gva,
            .page_shift = PAGE_SHIFT,
            .writable = true,
            .user = true,
            .executable = true,
            .dirty = true,
        };
        return WALK_OK;
    }
    enum walk_mode mode = walk_mode_of(paging);
    if (mode == WALK_64 && walk_quick(space, paging, gva, access, result)) {
        return WALK_OK;
    }
    struct walk walk = {
        .space = space,
        .vp = vp,
        .paging = paging,
        .form = &walk_forms[mode],
        .mode = mode,
        .access = access,
    };
    if (mode != WALK_64) {
        gva = (uint32_t)gva;
    }
    for (;;) {
        enum walk_status status = walk_descend(&walk, gva, result);
        if (status != WALK_OK || (access & MMU_PROBE) != 0) {
            return status;
        }
        enum walk_update update = walk_mark(&walk);
        if (update == UPDATE_SUSPEND) {
            return WALK_SUSPEND;
        }
        if (update == UPDATE_DONE) {
            result->dirty = result->dirty || (access & MMU_WRITE) != 0;
            return WALK_OK;
        }
    }
}

bool walk_pdptes_load(struct space *space, const struct paging *paging, uint64_t cr3,
                      uint64_t pdpte[4])
{
    /* Reserved in a present PDPTE of PAE: 2:1, 8:5 and all above MAXPHYADDR. [SDM 3A table 4-8] */
    uint64_t reserved = 0x1e6 | walk_beyond(paging) | UINT64_C(0xfff) << 52;
    struct walk walk = {
        .space = space,
        .paging = paging,
        .form = &walk_forms[WALK_PAE],
        .mode = WALK_PAE,
        .access = MMU_READ,
    };
    uint64_t loaded[4];
    for (unsigned i = 0; i < 4; i++) {
        if (!walk_entry_read(&walk, (cr3 & 0xffffffe0) + i * 8, &loaded[i])) {
            return false;
        }
        if ((loaded[i] & PTE_P) != 0 && (loaded[i] & reserved) != 0) {
            return false;
        }
    }
    for (unsigned i = 0; i < 4; i++) {
        pdpte[i] = loaded[i];
    }
    return true;
}
