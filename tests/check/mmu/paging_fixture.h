/* A RAM, an identity-mapped space and page tables that the rows of the mmu tests describe. */
#ifndef TESTS_CHECK_MMU_PAGING_FIXTURE_H
#define TESTS_CHECK_MMU_PAGING_FIXTURE_H

#include <string.h>

#include "mmu/access.h"

/* Page tables of one path: CR3 -> TABLE_A -> B -> C -> D -> the page. */
enum {
    TABLE_A = 0x10000,
    TABLE_B = 0x11000,
    TABLE_C = 0x12000,
    TABLE_D = 0x13000,
    PAGE_ONE = 0x20000,
    PAGE_TWO = 0x21000,
    FIXTURE_BYTES = 16 << 20,
};

#define P          UINT64_C(0x1)
#define W          UINT64_C(0x2)
#define U          UINT64_C(0x4)
#define A          UINT64_C(0x20)
#define D          UINT64_C(0x40)
#define PS         UINT64_C(0x80)
#define G          UINT64_C(0x100)
#define XD         (UINT64_C(1) << 63)

#define X_CR0_PE   UINT64_C(1)
#define X_CR0_WP   (UINT64_C(1) << 16)
#define X_CR0_PG   (UINT64_C(1) << 31)
#define X_CR4_PSE  (UINT64_C(1) << 4)
#define X_CR4_PAE  (UINT64_C(1) << 5)
#define X_CR4_PGE  (UINT64_C(1) << 7)
#define X_CR4_SMEP (UINT64_C(1) << 20)
#define X_CR4_SMAP (UINT64_C(1) << 21)
#define X_EFER_LMA (UINT64_C(1) << 10)
#define X_EFER_NXE (UINT64_C(1) << 11)
#define X_PAGED    (X_CR0_PE | X_CR0_PG)

struct paging_fixture {
    struct ram ram;
    struct space space;
    struct bus bus;
    struct mmu mmu;
};

static inline int fixture_init(struct paging_fixture *f)
{
    memset(f, 0, sizeof(*f));
    int code = ram_init(&f->ram, FIXTURE_BYTES, NULL);
    code = code != 0 ? code : space_init(&f->space, &f->ram, 40);
    code = code != 0 ? code : space_map(&f->space, 0, 0, FIXTURE_BYTES >> PAGE_SHIFT, SPACE_RWX);
    bus_init(&f->bus, IO_MMIO);
    f->space.mmio = &f->bus;
    mmu_init(&f->mmu, &f->space, NULL);
    return code;
}

static inline void fixture_fini(struct paging_fixture *f)
{
    space_fini(&f->space);
    ram_fini(&f->ram);
}

static inline void poke64(struct paging_fixture *f, gpa_t gpa, uint64_t value)
{
    ram_store64(ram_host(&f->ram, gpa), value);
}

static inline uint64_t peek64(struct paging_fixture *f, gpa_t gpa)
{
    return ram_load64(ram_host(&f->ram, gpa));
}

static inline void poke32(struct paging_fixture *f, gpa_t gpa, uint32_t value)
{
    ram_store32(ram_host(&f->ram, gpa), value);
}

static inline uint32_t peek32(struct paging_fixture *f, gpa_t gpa)
{
    return ram_load32(ram_host(&f->ram, gpa));
}

#endif
