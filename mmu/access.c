/* Guest virtual accesses: TLB fills and the slow paths behind the inlined hits. */
#include "mmu/access.h"

#include <string.h>

#include "mmu/journal.h"

#define CR4_SMAP_BIT 21
#define EFER_LMA     (UINT64_C(1) << 10)

/* Where an access inside one page ends up. */
struct target {
    gpa_t gpa;
    spa_t spa;
    bool ram; /* RAM with the right asked for; else bus or space_ops.missed by gpa */
    bool mmio;
};

static unsigned access_right(unsigned access)
{
    return (access & MMU_WRITE) != 0  ? SPACE_WRITE
           : (access & MMU_EXEC) != 0 ? SPACE_EXEC
                                      : SPACE_READ;
}

static enum tlb_set_index access_set(const struct mmu *mmu, unsigned access)
{
    if ((access & MMU_USER) != 0) {
        return TLB_USER;
    }
    bool smap = (mmu->paging.cr4 >> CR4_SMAP_BIT & 1) != 0;
    bool ac = smap && mmu->paging.ac && (access & (MMU_IMPLICIT | MMU_EXEC)) == 0;
    return ac ? TLB_SUPERVISOR_AC : TLB_SUPERVISOR;
}

static bool access_canonical(const struct mmu *mmu, gva_t gva)
{
    return (mmu->paging.efer & EFER_LMA) == 0 || (uint64_t)((int64_t)(gva << 16) >> 16) == gva;
}

/* Outside long mode linear addresses wrap at 4 GiB. */
static gva_t access_wrap(const struct mmu *mmu, gva_t gva)
{
    return (mmu->paging.efer & EFER_LMA) == 0 ? (uint32_t)gva : gva;
}

/* Enter the page of gva in the set: a tag for each kind of access that may go straight to host
 * memory. */
static void access_fill(struct mmu *mmu, enum tlb_set_index index, gva_t gva, unsigned access,
                        const struct walk_result *walk, const struct space_page *page)
{
    struct ram *ram = mmu->space->ram;
    unsigned flags = ram_page_flags(ram, page->spa);
    struct tlb_entry *entry = tlb_slot(&mmu->set[index], gva);
    unsigned slot = (unsigned)(gva >> PAGE_SHIFT) & (TLB_ENTRIES - 1);
    uint64_t bit = UINT64_C(1) << slot % 64;
    gva_t tag = gva & PAGE_MASK;
    /* In the plain supervisor set the AC flag counts as clear. */
    unsigned who = index == TLB_USER ? MMU_USER : index == TLB_SUPERVISOR ? MMU_IMPLICIT : 0;
    bool read =
        (page->rights & SPACE_READ) != 0 && walk_permits(&mmu->paging, walk, MMU_READ | who);
    bool write = read && (page->rights & SPACE_WRITE) != 0 && walk->dirty &&
                 walk_permits(&mmu->paging, walk, MMU_WRITE | who);
    bool exec =
        (page->rights & SPACE_EXEC) != 0 && walk_permits(&mmu->paging, walk, MMU_EXEC | who);
    bool watched = (flags & RAM_PAGE_WATCH) != 0;
    entry->read_tag = read && !watched ? tag : TLB_NO_TAG;
    entry->write_tag = !write || watched              ? TLB_NO_TAG
                       : (flags & RAM_PAGE_CODE) != 0 ? tag | TLB_CODE_TAG
                                                      : tag;
    if (UNLIKELY(mmu->journal != NULL) && entry->write_tag == tag &&
        !journal_tag(mmu->journal, index, slot, page->spa, (access & MMU_WRITE) != 0)) {
        entry->write_tag = TLB_NO_TAG;
    }
    entry->exec_tag = exec ? tag : TLB_NO_TAG;
    entry->addend = (uintptr_t)ram_host(ram, page->spa) - (uintptr_t)tag;
    if (entry->write_tag == tag) {
        unsigned group = index * TLB_WORDS + slot / 64;
        ram_page_set(ram, page->spa, RAM_PAGE_DIRTY);
        mmu_writers(mmu, page->spa)[group / 64] |= UINT64_C(1) << group % 64;
    }
    mmu->used[index][slot / 64 / 64] |= UINT64_C(1) << slot / 64 % 64;
    mmu->filled[index][slot / 64] |= bit;
    mmu->global[index][slot / 64] =
        (mmu->global[index][slot / 64] & ~bit) | (walk->global ? bit : 0);
    if (walk->page_shift > PAGE_SHIFT) {
        struct mmu_large *large = &mmu->large[gva >> 63];
        gva_t size = UINT64_C(1) << walk->page_shift, first = gva & ~(size - 1);
        large->first = first < large->first ? first : large->first;
        large->last = first + size - 1 > large->last ? first + size - 1 : large->last;
        large->shift = walk->page_shift > large->shift ? walk->page_shift : large->shift;
    }
}

static bool access_hit(struct mmu *mmu, gva_t gva, unsigned access, struct target *target)
{
    const struct tlb_entry *entry = tlb_slot(&mmu->set[access_set(mmu, access)], gva);
    uint64_t tag = (access & MMU_WRITE) != 0  ? entry->write_tag
                   : (access & MMU_EXEC) != 0 ? entry->exec_tag
                                              : entry->read_tag;
    bool code = (access & MMU_WRITE) != 0 && tag == ((gva & PAGE_MASK) | TLB_CODE_TAG);
    if (tag != (gva & PAGE_MASK) && !code) {
        return false;
    }
    uint8_t *host = (uint8_t *)((uintptr_t)gva + entry->addend);
    target->spa = (spa_t)(host - mmu->space->ram->host);
    target->ram = true;
    /* When the page holds no code any more the walk behind enters it as an ordinary one. */
    return !code || (ram_page_flags(mmu->space->ram, target->spa) & RAM_PAGE_CODE) != 0;
}

static enum mmu_status access_translate(struct mmu *mmu, gva_t gva, unsigned access,
                                        struct target *target)
{
    if (!access_canonical(mmu, gva)) {
        mmu->fault_gva = gva;
        return MMU_NONCANONICAL;
    }
    if (access_hit(mmu, gva, access, target)) {
        return MMU_OK;
    }
    struct walk_result walk;
    enum walk_status status = walk_page(mmu->space, mmu->vp, &mmu->paging, gva, access, &walk);
    if (status == WALK_FAULT) {
        mmu->fault_gva = gva;
        mmu->fault_error = walk.fault_error;
        return MMU_FAULT;
    }
    if (status == WALK_SUSPEND) {
        if (UNLIKELY(mmu->journal != NULL) && mmu->paging.no_marks) {
            journal_marks(mmu->journal);
        }
        return MMU_SUSPEND;
    }
    struct space_page page = space_lookup(mmu->space, walk.gpa);
    target->gpa = walk.gpa;
    target->spa = page.spa | (walk.gpa & ~PAGE_MASK);
    target->ram = page.kind == SPACE_RAM && (page.rights & access_right(access)) != 0;
    target->mmio = page.kind == SPACE_MMIO;
    if (target->ram && (access & MMU_PROBE) == 0) {
        access_fill(mmu, access_set(mmu, access), gva, access, &walk, &page);
    }
    return MMU_OK;
}

/* One register access of 1, 2, 4 or 8 bytes, or what the partition makes of its absence. */
static enum mmu_status access_register(struct mmu *mmu, const struct target *target,
                                       uint64_t offset, uint32_t size, uint64_t *value,
                                       unsigned right)
{
    struct space *space = mmu->space;
    bool found = false;
    enum io_status status = IO_OK;
    gpa_t gpa = target->gpa + offset;
    if (target->mmio && space->mmio != NULL) {
        status = right == SPACE_WRITE ? bus_write(space->mmio, gpa, size, *value, &found)
                                      : bus_read(space->mmio, gpa, size, value, &found);
    }
    if (!found) {
        status = IO_NO_REGISTER;
        if (space->ops != NULL) {
            status = space->ops->missed(space->ops_opaque, mmu->vp, gpa, right, size, value);
        }
        if (status != IO_OK && right != SPACE_WRITE) {
            *value = UINT64_MAX;
        }
    }
    return status == IO_SUSPEND ? MMU_SUSPEND : MMU_OK;
}

/* Size of the next register access when n bytes are left. */
static unsigned access_chunk(unsigned n)
{
    return n >= 8 ? 8 : n >= 4 ? 4 : n >= 2 ? 2 : 1;
}

static enum mmu_status access_read(struct mmu *mmu, const struct target *target, uint8_t *data,
                                   unsigned size, unsigned right)
{
    if (target->ram) {
        ram_read(mmu->space->ram, target->spa, data, size);
        return MMU_OK;
    }
    for (unsigned done = 0; done < size;) {
        unsigned n = access_chunk(size - done);
        uint64_t value = 0;
        enum mmu_status status = access_register(mmu, target, done, n, &value, right);
        if (status != MMU_OK) {
            return status;
        }
        for (unsigned i = 0; i < n; i++) {
            data[done + i] = (uint8_t)(value >> i * 8);
        }
        done += n;
    }
    return MMU_OK;
}

static enum mmu_status access_write(struct mmu *mmu, const struct target *target,
                                    const uint8_t *data, unsigned size)
{
    if (target->ram) {
        ram_write_by(mmu->space->ram, mmu->vp, target->spa, data, size);
        return MMU_OK;
    }
    for (unsigned done = 0; done < size;) {
        unsigned n = access_chunk(size - done);
        uint64_t value = 0;
        for (unsigned i = 0; i < n; i++) {
            value |= (uint64_t)data[done + i] << i * 8;
        }
        enum mmu_status status = access_register(mmu, target, done, n, &value, SPACE_WRITE);
        if (status != MMU_OK) {
            return status;
        }
        done += n;
    }
    return MMU_OK;
}

/* The one or two pages of an access, both translated before either is touched. */
struct span {
    struct target part[2];
    unsigned first; /* bytes in part[0] */
    bool crosses;
};

/* Whether the journal lets the access be made. */
static enum mmu_status access_journal(struct mmu *mmu, const struct span *span, unsigned access)
{
    for (unsigned i = 0; i < (span->crosses ? 2u : 1u); i++) {
        const struct target *part = &span->part[i];
        if (!journal_allows(mmu->journal, part->ram, part->spa, (access & MMU_WRITE) != 0)) {
            return MMU_SUSPEND;
        }
    }
    return MMU_OK;
}

static enum mmu_status access_span(struct mmu *mmu, gva_t gva, unsigned size, unsigned access,
                                   struct span *span)
{
    mmu_sync(mmu);
    gva = access_wrap(mmu, gva);
    unsigned room = (unsigned)(PAGE_SIZE - (gva & ~PAGE_MASK));
    span->crosses = size > room;
    span->first = span->crosses ? room : size;
    if (span->crosses && !access_canonical(mmu, access_wrap(mmu, gva + room))) {
        return MMU_NONCANONICAL; /* before paging looks at the first page */
    }
    enum mmu_status status = access_translate(mmu, gva, access, &span->part[0]);
    if (status == MMU_OK && span->crosses) {
        status = access_translate(mmu, access_wrap(mmu, gva + room), access, &span->part[1]);
    }
    if (UNLIKELY(mmu->journal != NULL) && status == MMU_OK) {
        status = access_journal(mmu, span, access);
    }
    return status;
}

enum mmu_status mmu_load(struct mmu *mmu, gva_t gva, void *data, unsigned size, unsigned access)
{
    struct span span;
    uint8_t bytes[64];
    enum mmu_status status = access_span(mmu, gva, size, access, &span);
    unsigned right = access_right(access);
    if (status == MMU_OK && !span.crosses) {
        return access_read(mmu, &span.part[0], data, size, right);
    }
    if (status == MMU_OK) {
        status = access_read(mmu, &span.part[0], bytes, span.first, right);
    }
    if (status == MMU_OK) {
        status = access_read(mmu, &span.part[1], bytes + span.first, size - span.first, right);
    }
    if (status == MMU_OK) {
        memcpy(data, bytes, size);
    }
    return status;
}

enum mmu_status mmu_store(struct mmu *mmu, gva_t gva, const void *data, unsigned size,
                          unsigned access)
{
    struct span span;
    const uint8_t *bytes = data;
    enum mmu_status status = access_span(mmu, gva, size, access, &span);
    if (status != MMU_OK) {
        return status;
    }
    /* What may suspend goes first, so that nothing has happened when it does. */
    bool swap = span.crosses && !span.part[1].ram;
    if (swap) {
        status = access_write(mmu, &span.part[1], bytes + span.first, size - span.first);
    }
    if (status == MMU_OK) {
        status = access_write(mmu, &span.part[0], bytes, span.first);
    }
    if (status == MMU_OK && span.crosses && !swap) {
        status = access_write(mmu, &span.part[1], bytes + span.first, size - span.first);
    }
    return status;
}

enum mmu_status mmu_probe(struct mmu *mmu, gva_t gva, unsigned size, unsigned access)
{
    struct span span;
    return access_span(mmu, gva, size, access, &span);
}

enum mmu_status mmu_rmw_host(struct mmu *mmu, gva_t gva, unsigned size, unsigned access,
                             uint8_t **host)
{
    struct span span;
    *host = NULL;
    enum mmu_status status =
        access_span(mmu, gva, size, (access & ~(unsigned)MMU_READ) | MMU_WRITE, &span);
    if (status != MMU_OK || span.crosses || !span.part[0].ram) {
        return status;
    }
    struct ram *ram = mmu->space->ram;
    spa_t spa = span.part[0].spa;
    if ((ram_page_flags(ram, spa) & RAM_PAGE_CODE) != 0 && ram->ops != NULL) {
        ram->ops->code_written(ram->ops_opaque, mmu->vp, spa, size, RAM_WRITE_HOST);
    }
    ram_page_set(ram, spa, RAM_PAGE_DIRTY);
    *host = ram_host(ram, spa);
    return MMU_OK;
}

bool mmu_probe_unmarked(struct mmu *mmu, gva_t gva, unsigned size, unsigned access)
{
    bool marks = mmu->paging.no_marks;
    struct span span;

    mmu->paging.no_marks = true;
    enum mmu_status status = access_span(mmu, gva, size, access, &span);
    mmu->paging.no_marks = marks;
    return status == MMU_OK;
}

/* A code translation is about to be kept by the caller. */
static void access_note_exec(struct mmu *mmu, gva_t gva, bool user)
{
    uint64_t number = gva >> PAGE_SHIFT;
    unsigned half = (unsigned)(gva >> 63), slot = (unsigned)number & (TLB_ENTRIES - 1);
    mmu->exec_pages[half][number / 64 % EXEC_FILTER_WORDS] |= UINT64_C(1) << number % 64;
    if (half == 1 &&
        (mmu->global[user ? TLB_USER : TLB_SUPERVISOR][slot / 64] >> slot % 64 & 1) == 0) {
        mmu->exec_not_global = true;
    }
}

enum mmu_status mmu_fetch(struct mmu *mmu, gva_t gva, bool user, spa_t *spa, bool *in_ram)
{
    struct span span;
    *in_ram = false;
    *spa = 0;
    enum mmu_status status = access_span(mmu, gva, 1, MMU_EXEC | (user ? MMU_USER : 0u), &span);
    if (status == MMU_OK) {
        *in_ram = span.part[0].ram;
        *spa = span.part[0].spa;
        access_note_exec(mmu, gva, user);
    }
    return status;
}

bool mmu_fetch_known(struct mmu *mmu, gva_t gva, bool user, spa_t *spa)
{
    struct target target;

    if (!access_canonical(mmu, gva) ||
        !access_hit(mmu, gva, MMU_EXEC | (user ? MMU_USER : 0u), &target)) {
        return false;
    }
    *spa = target.spa;
    access_note_exec(mmu, gva, user);
    return true;
}

bool mmu_peek(struct mmu *mmu, gva_t gva, gpa_t *gpa)
{
    struct paging paging = mmu->paging;
    paging.cr4 &= ~(UINT64_C(1) << CR4_SMAP_BIT);
    gva = access_wrap(mmu, gva);
    struct walk_result walk;
    if (!access_canonical(mmu, gva) ||
        walk_page(mmu->space, mmu->vp, &paging, gva, MMU_READ | MMU_PROBE, &walk) != WALK_OK) {
        return false;
    }
    *gpa = walk.gpa;
    return true;
}
