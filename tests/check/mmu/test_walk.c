/* Page walks against the SDM's tables: rights, reserved bits, error codes, A/D bits, large pages.
 * [SDM 3A 4] */
#include "mmu/walk.h"

#include "base/compiler.h"
#include "tests/check/check_main.h"
#include "tests/check/mmu/paging_fixture.h"

static struct paging_fixture *fixture_new(void)
{
    struct paging_fixture *f = calloc(1, sizeof(*f));
    ck_assert_ptr_nonnull(f);
    ck_assert_int_eq(fixture_init(f), 0);
    return f;
}

static void fixture_free(struct paging_fixture *f)
{
    fixture_fini(f);
    free(f);
}

enum mode { M32, MPAE, M64 };

enum { R = MMU_READ, WR = MMU_WRITE, X = MMU_EXEC, US = MMU_USER, IM = MMU_IMPLICIT, OK = -1 };

#define GVA64 UINT64_C(0x0000123456789abc)
#define GVA32 UINT64_C(0x56789abc)
#define NXE   X_EFER_NXE

/* Entries from the root down; 4-level uses four, PAE the last three (first: PDPTE), 2-level the
 * last two. Every row's entries get their table's or page's address added. expect: OK or the error
 * code. */
struct row {
    const char *name;
    enum mode mode;
    uint64_t cr0, cr4, efer;
    uint64_t e[4];
    unsigned access;
    int expect;
};

#define ALL (P | W | U)
/* clang-format off */
static const struct row rows[] = {
    /* not present at each level: P=0 in the code [SDM 3A 4.7] */
    { "64 user read", M64, X_CR0_WP, 0, NXE, { ALL, ALL, ALL, ALL }, R|US, OK },
    { "64 pml4e absent", M64, 0, 0, NXE, { 0, ALL, ALL, ALL }, R, 0 },
    { "64 pdpte absent", M64, 0, 0, NXE, { ALL, 0, ALL, ALL }, WR, PF_W },
    { "64 pde absent", M64, 0, 0, NXE, { ALL, ALL, 0, ALL }, R|US, PF_U },
    { "64 pte absent", M64, 0, 0, NXE, { ALL, ALL, ALL, W|U }, X|US, PF_U|PF_I },
    { "64 absent fetch without nx or smep has no I", M64, 0, 0, 0, { ALL, ALL, ALL, 0 }, X|US, PF_U },
    { "64 absent fetch with smep has I", M64, 0, X_CR4_SMEP, 0, { ALL, ALL, ALL, 0 }, X, PF_I },
    { "64 absent ignores reserved bits", M64, 0, 0, 0, { ALL, ALL, ALL, XD }, R, 0 },
    /* U/S of every level counts */
    { "64 pml4e supervisor", M64, 0, 0, NXE, { P|W, ALL, ALL, ALL }, R|US, PF_P|PF_U },
    { "64 pdpte supervisor", M64, 0, 0, NXE, { ALL, P|W, ALL, ALL }, R|US, PF_P|PF_U },
    { "64 pde supervisor", M64, 0, 0, NXE, { ALL, ALL, P|W, ALL }, WR|US, PF_P|PF_U|PF_W },
    { "64 pte supervisor", M64, 0, 0, NXE, { ALL, ALL, ALL, P|W }, X|US, PF_P|PF_U|PF_I },
    { "64 implicit reads a supervisor page", M64, 0, 0, NXE, { ALL, ALL, ALL, P|W }, R|IM, OK },
    /* R/W of every level counts; WP */
    { "64 pml4e read-only", M64, 0, 0, NXE, { P|U, ALL, ALL, ALL }, WR|US, PF_P|PF_U|PF_W },
    { "64 pte read-only user write", M64, 0, 0, NXE, { ALL, ALL, ALL, P|U }, WR|US, PF_P|PF_U|PF_W },
    { "64 pte read-only user read", M64, 0, 0, NXE, { ALL, ALL, ALL, P|U }, R|US, OK },
    { "64 read-only supervisor write, WP=0", M64, 0, 0, NXE, { ALL, ALL, P|U, ALL }, WR, OK },
    { "64 read-only supervisor write, WP=1", M64, X_CR0_WP, 0, NXE, { ALL, ALL, P|U, ALL }, WR, PF_P|PF_W },
    { "64 read-only supervisor page, WP=1", M64, X_CR0_WP, 0, NXE, { ALL, ALL, ALL, P }, WR, PF_P|PF_W },
    /* XD of every level counts, and is reserved without NXE */
    { "64 pml4e xd", M64, 0, 0, NXE, { ALL|XD, ALL, ALL, ALL }, X, PF_P|PF_I },
    { "64 pdpte xd", M64, 0, 0, NXE, { ALL, ALL|XD, ALL, ALL }, X|US, PF_P|PF_I|PF_U },
    { "64 pde xd", M64, 0, 0, NXE, { ALL, ALL, ALL|XD, ALL }, X, PF_P|PF_I },
    { "64 pte xd", M64, 0, 0, NXE, { ALL, ALL, ALL, ALL|XD }, X, PF_P|PF_I },
    { "64 xd does not hinder reads", M64, 0, 0, NXE, { ALL, ALL, ALL, ALL|XD }, R|US, OK },
    { "64 xd without nxe is reserved", M64, 0, 0, 0, { ALL, ALL, ALL, ALL|XD }, R, PF_P|PF_RSVD },
    { "64 pml4e xd without nxe is reserved", M64, 0, 0, 0, { ALL|XD, ALL, ALL, ALL }, R, PF_P|PF_RSVD },
    /* reserved bits: MAXPHYADDR is 40 here */
    { "64 pml4e bit 40", M64, 0, 0, NXE, { ALL|1ull<<40, ALL, ALL, ALL }, R, PF_P|PF_RSVD },
    { "64 pdpte bit 51", M64, 0, 0, NXE, { ALL, ALL|1ull<<51, ALL, ALL }, R, PF_P|PF_RSVD },
    { "64 pte bit 45 write", M64, 0, 0, NXE, { ALL, ALL, ALL, ALL|1ull<<45 }, WR|US, PF_P|PF_RSVD|PF_W|PF_U },
    { "64 bits 62:52 are ignored", M64, 0, 0, NXE, { ALL|1ull<<62, ALL|1ull<<52, ALL|1ull<<58, ALL|1ull<<59 }, R, OK },
    { "64 pml4e ps is reserved", M64, 0, 0, NXE, { ALL|PS, ALL, ALL, ALL }, R, PF_P|PF_RSVD },
    { "64 pdpte ps without 1G pages is reserved", M64, 0, 0, NXE, { ALL, ALL|PS, ALL, ALL }, R, PF_P|PF_RSVD },
    { "64 pte bit 7 is PAT", M64, 0, 0, NXE, { ALL, ALL, ALL, ALL|PS }, R, OK },
    { "64 reserved beats rights", M64, X_CR0_WP, 0, NXE, { P, ALL, ALL, ALL|1ull<<50 }, WR|US, PF_P|PF_RSVD|PF_W|PF_U },
    /* SMEP: supervisor fetch from a user page [4.6.1] */
    { "smep user page", M64, 0, X_CR4_SMEP, 0, { ALL, ALL, ALL, ALL }, X, PF_P|PF_I },
    { "smep user fetch", M64, 0, X_CR4_SMEP, 0, { ALL, ALL, ALL, ALL }, X|US, OK },
    { "smep supervisor page by one level", M64, 0, X_CR4_SMEP, 0, { ALL, ALL, P|W, ALL }, X, OK },
    { "no smep", M64, 0, 0, 0, { ALL, ALL, ALL, ALL }, X, OK },
    { "smap does not hinder fetches", M64, 0, X_CR4_SMAP, 0, { ALL, ALL, ALL, ALL }, X, OK },
    /* PAE */
    { "pae user write", MPAE, X_CR0_WP, 0, NXE, { 0, P, ALL, ALL }, WR|US, OK },
    { "pae pdpte absent", MPAE, 0, 0, NXE, { 0, 0, ALL, ALL }, R, 0 },
    { "pae pde absent", MPAE, 0, 0, 0, { 0, P, 0, ALL }, R|US, PF_U },
    { "pae pte absent", MPAE, 0, 0, 0, { 0, P, ALL, 0 }, WR, PF_W },
    { "pae pde supervisor", MPAE, 0, 0, 0, { 0, P, P|W, ALL }, R|US, PF_P|PF_U },
    { "pae pte read-only", MPAE, X_CR0_WP, 0, 0, { 0, P, ALL, P|U }, WR, PF_P|PF_W },
    { "pae pte xd", MPAE, 0, 0, NXE, { 0, P, ALL, ALL|XD }, X|US, PF_P|PF_I|PF_U },
    { "pae pte xd reserved", MPAE, 0, 0, 0, { 0, P, ALL, ALL|XD }, R, PF_P|PF_RSVD },
    { "pae pte bit 40 reserved", MPAE, 0, 0, NXE, { 0, P, ALL, ALL|1ull<<40 }, R, PF_P|PF_RSVD },
    { "pae pte bit 52 reserved", MPAE, 0, 0, NXE, { 0, P, ALL, ALL|1ull<<52 }, R, PF_P|PF_RSVD },
    { "pae pde bit 62 reserved", MPAE, 0, 0, NXE, { 0, P, ALL|1ull<<62, ALL }, R, PF_P|PF_RSVD },
    /* 2-level */
    { "32 user write", M32, X_CR0_WP, 0, 0, { 0, 0, ALL, ALL }, WR|US, OK },
    { "32 pde absent", M32, 0, 0, 0, { 0, 0, 0, ALL }, WR|US, PF_W|PF_U },
    { "32 pte absent", M32, 0, 0, 0, { 0, 0, ALL, 0 }, R, 0 },
    { "32 pde supervisor", M32, 0, 0, 0, { 0, 0, P|W, ALL }, R|US, PF_P|PF_U },
    { "32 pte read-only WP=0", M32, 0, 0, 0, { 0, 0, ALL, P|U }, WR, OK },
    { "32 pte read-only WP=1", M32, X_CR0_WP, 0, 0, { 0, 0, ALL, P|U }, WR, PF_P|PF_W },
    { "32 fetch fault without smep has no I, even with nxe", M32, 0, 0, NXE, { 0, 0, P|W, ALL }, X|US, PF_P|PF_U },
    { "32 smep", M32, 0, X_CR4_SMEP, 0, { 0, 0, ALL, ALL }, X, PF_P|PF_I },
    { "32 ps ignored without pse", M32, 0, 0, 0, { 0, 0, ALL|PS, ALL }, R, OK },
};
/* clang-format on */

static const gpa_t tables[5] = { TABLE_A, TABLE_B, TABLE_C, TABLE_D, PAGE_ONE };

static gpa_t entry_gpa(enum mode mode, unsigned i)
{
    static const unsigned shift64[4] = { 39, 30, 21, 12 };
    static const unsigned shift32[4] = { 0, 0, 22, 12 };
    if (mode == M32) {
        return tables[i] + (GVA32 >> shift32[i] & 0x3ff) * 4;
    }
    return tables[i] + ((mode == M64 ? GVA64 : GVA32) >> shift64[i] & 0x1ff) * 8;
}

static void set_mode(struct paging *paging, enum mode mode, uint64_t cr0, uint64_t cr4,
                     uint64_t efer)
{
    paging->cr0 = X_PAGED | cr0;
    paging->cr4 = cr4 | (mode != M32 ? X_CR4_PAE : 0);
    paging->efer = efer | (mode == M64 ? X_EFER_LMA : 0);
    paging->cr3 = mode == M64 ? TABLE_A : TABLE_C;
}

static void build(struct paging_fixture *f, const struct row *row)
{
    set_mode(&f->mmu.paging, row->mode, row->cr0, row->cr4, row->efer);
    for (unsigned i = 0; i < 4; i++) {
        uint64_t entry = row->e[i] | tables[i + 1];
        if (row->mode == M32) {
            if (i >= 2) {
                poke32(f, entry_gpa(M32, i), (uint32_t)entry);
            }
        } else if (row->mode == MPAE && i == 1) {
            f->mmu.paging.pdpte[GVA32 >> 30 & 3] = entry;
        } else if (row->mode == M64 || i > 1) {
            poke64(f, entry_gpa(row->mode, i), entry);
        }
    }
}

START_TEST(a_walk_gives_the_address_or_the_error_code_of_the_manual)
{
    const struct row *row = &rows[_i];
    struct paging_fixture *f = fixture_new();
    build(f, row);
    gva_t gva = row->mode == M64 ? GVA64 : GVA32;
    struct walk_result result;
    enum walk_status status = walk_page(&f->space, NULL, &f->mmu.paging, gva, row->access, &result);
    if (row->expect == OK) {
        ck_assert_msg(status == WALK_OK, "%s: fault %#x", row->name, result.fault_error);
        ck_assert_uint_eq(result.gpa, PAGE_ONE + 0xabc);
        ck_assert_uint_eq(result.page_shift, 12);
    } else {
        ck_assert_msg(status == WALK_FAULT, "%s: no fault", row->name);
        ck_assert_msg(result.fault_error == (uint32_t)row->expect, "%s: %#x, not %#x", row->name,
                      result.fault_error, (unsigned)row->expect);
    }
    fixture_free(f);
}
END_TEST

/* SMAP: supervisor data access to a user page. [SDM 3A 4.6.1] */
START_TEST(smap_stops_supervisor_data_accesses_unless_explicit_with_ac)
{
    struct paging_fixture *f = fixture_new();
    for (unsigned bits = 0; bits < 64; bits++) {
        bool smap = bits & 1, ac = bits & 2, implicit = bits & 4, write = bits & 8;
        bool user_page = bits & 16, user = (bits & 32) && !implicit;
        uint64_t leaf = P | W | (user_page ? U : 0);
        struct row row = { "", M64, X_CR0_WP, smap ? X_CR4_SMAP : 0, 0, { ALL, ALL, ALL, leaf },
                           0,  0 };
        build(f, &row);
        f->mmu.paging.ac = ac;
        unsigned access = (write ? MMU_WRITE : MMU_READ) | (user ? MMU_USER : 0u) |
                          (implicit ? MMU_IMPLICIT : 0u);
        bool allowed = user ? user_page : !user_page || !smap || (ac && !implicit);
        struct walk_result result;
        enum walk_status status =
            walk_page(&f->space, NULL, &f->mmu.paging, GVA64, access, &result);
        ck_assert_msg((status == WALK_OK) == allowed, "case %u", bits);
        if (!allowed) {
            ck_assert_uint_eq(result.fault_error, PF_P | (write ? PF_W : 0u) | (user ? PF_U : 0u));
        }
    }
    fixture_free(f);
}
END_TEST

static void check_bits(struct paging_fixture *f, enum mode mode, unsigned access, bool probe)
{
    struct row row = { "", mode, 0, 0, 0, { ALL, mode == MPAE ? P : ALL, ALL, ALL }, 0, 0 };
    build(f, &row);
    struct walk_result result;
    gva_t gva = mode == M64 ? GVA64 : GVA32;
    ck_assert_int_eq(
        walk_page(&f->space, NULL, &f->mmu.paging, gva, access | (probe ? MMU_PROBE : 0u), &result),
        WALK_OK);
    for (unsigned i = mode == M64 ? 0 : 2; i < 4; i++) {
        uint64_t entry =
            mode == M32 ? peek32(f, entry_gpa(mode, i)) : peek64(f, entry_gpa(mode, i));
        uint64_t want = probe ? 0 : i == 3 && access == WR ? A | D : A;
        ck_assert_uint_eq(entry & (A | D), want);
        ck_assert_uint_eq(entry & ~(A | D), ALL | tables[i + 1]);
    }
    ck_assert_int_eq(result.dirty, !probe && access == WR);
}

START_TEST(accessed_at_every_level_dirty_at_the_leaf_and_nothing_for_a_probe)
{
    struct paging_fixture *f = fixture_new();
    for (enum mode mode = M32; mode <= M64; mode++) {
        for (unsigned probe = 0; probe < 2; probe++) {
            check_bits(f, mode, R, probe != 0);
            check_bits(f, mode, X, probe != 0);
            check_bits(f, mode, WR, probe != 0);
        }
    }
    fixture_free(f);
}
END_TEST

START_TEST(a_faulting_write_sets_no_dirty_bit)
{
    struct paging_fixture *f = fixture_new();
    struct row row = { "", M64, X_CR0_WP, 0, 0, { ALL, ALL, ALL, P | U }, 0, 0 };
    build(f, &row);
    struct walk_result result;
    ck_assert_int_eq(walk_page(&f->space, NULL, &f->mmu.paging, GVA64, WR, &result), WALK_FAULT);
    ck_assert_uint_eq(peek64(f, entry_gpa(M64, 3)) & D, 0);
    fixture_free(f);
}
END_TEST

struct large_row {
    const char *name;
    enum mode mode;
    uint64_t cr4;
    bool gb;
    unsigned physical_bits, level; /* level: index of the leaf */
    uint64_t leaf;
    int expect;
    gpa_t gpa;
    unsigned shift;
};
/* clang-format off */
static const struct large_row large_rows[] = {
    { "2M", M64, 0, false, 40, 2, ALL|PS|0x12200000, OK, 0x12200000 + (GVA64 & 0x1fffff), 21 },
    { "2M PAT bit 12", M64, 0, false, 40, 2, ALL|PS|0x1000|0x12200000, OK, 0x12200000 + (GVA64 & 0x1fffff), 21 },
    { "2M bit 13 reserved", M64, 0, false, 40, 2, ALL|PS|0x2000, PF_P|PF_RSVD, 0, 0 },
    { "2M bit 20 reserved", M64, 0, false, 40, 2, ALL|PS|0x100000, PF_P|PF_RSVD, 0, 0 },
    { "1G", M64, 0, true, 40, 1, ALL|PS|0x80000000, OK, 0x80000000 + (GVA64 & 0x3fffffff), 30 },
    { "1G bit 29 reserved", M64, 0, true, 40, 1, ALL|PS|0x20000000, PF_P|PF_RSVD, 0, 0 },
    { "1G bit 13 reserved", M64, 0, true, 40, 1, ALL|PS|0x2000, PF_P|PF_RSVD, 0, 0 },
    { "PAE 2M", MPAE, 0, false, 40, 2, ALL|PS|0x12200000, OK, 0x12200000 + (GVA32 & 0x1fffff), 21 },
    { "PAE 2M bit 14 reserved", MPAE, 0, false, 40, 2, ALL|PS|0x4000, PF_P|PF_RSVD, 0, 0 },
    { "4M", M32, X_CR4_PSE, false, 40, 2, ALL|PS|0x12400000, OK, 0x12400000 + (GVA32 & 0x3fffff), 22 },
    { "PSE-36 bit 13", M32, X_CR4_PSE, false, 40, 2, ALL|PS|0x2000|0x12400000, OK, 0x112400000 + (GVA32 & 0x3fffff), 22 },
    { "PSE-36 bit 20", M32, X_CR4_PSE, false, 40, 2, ALL|PS|0x100000, OK, 0x8000000000 + (GVA32 & 0x3fffff), 22 },
    { "PSE-36 bit 20 above 36 bits", M32, X_CR4_PSE, false, 36, 2, ALL|PS|0x100000, PF_P|PF_RSVD, 0, 0 },
    { "PSE-36 bit 16 in 36 bits", M32, X_CR4_PSE, false, 36, 2, ALL|PS|0x10000, OK, 0x800000000 + (GVA32 & 0x3fffff), 22 },
    { "4M bit 21 reserved", M32, X_CR4_PSE, false, 40, 2, ALL|PS|0x200000, PF_P|PF_RSVD, 0, 0 },
};
/* clang-format on */

START_TEST(large_pages_take_their_address_and_reserved_bits_from_the_manual)
{
    const struct large_row *row = &large_rows[_i];
    struct paging_fixture *f = fixture_new();
    struct row path = { "",       row->mode, 0,
                        row->cr4, 0,         { ALL, row->mode == MPAE ? P : ALL, ALL, ALL },
                        0,        0 };
    build(f, &path);
    f->mmu.paging.gb_pages = row->gb;
    f->mmu.paging.physical_bits = row->physical_bits;
    if (row->mode == M32) {
        poke32(f, entry_gpa(M32, row->level), (uint32_t)row->leaf);
    } else {
        poke64(f, entry_gpa(row->mode, row->level), row->leaf);
    }
    struct walk_result result;
    gva_t gva = row->mode == M64 ? GVA64 : GVA32;
    enum walk_status status = walk_page(&f->space, NULL, &f->mmu.paging, gva, R, &result);
    ck_assert_msg((status == WALK_OK) == (row->expect == OK), "%s", row->name);
    if (row->expect == OK) {
        ck_assert_msg(result.gpa == row->gpa, "%s: %#llx", row->name,
                      (unsigned long long)result.gpa);
        ck_assert_uint_eq(result.page_shift, row->shift);
    } else {
        ck_assert_uint_eq(result.fault_error, (uint32_t)row->expect);
    }
    fixture_free(f);
}
END_TEST

START_TEST(global_counts_only_with_pge)
{
    struct paging_fixture *f = fixture_new();
    for (enum mode mode = M32; mode <= M64; mode++) {
        for (unsigned pge = 0; pge < 2; pge++) {
            struct row row = { "", mode,
                               0,  pge ? X_CR4_PGE : 0,
                               0,  { ALL, mode == MPAE ? P : ALL, ALL, ALL | G },
                               0,  0 };
            build(f, &row);
            struct walk_result result;
            ck_assert_int_eq(
                walk_page(&f->space, NULL, &f->mmu.paging, mode == M64 ? GVA64 : GVA32, R, &result),
                WALK_OK);
            ck_assert_int_eq(result.global, pge != 0);
        }
    }
    fixture_free(f);
}
END_TEST

START_TEST(paging_off_is_the_identity_in_32_bits)
{
    struct paging_fixture *f = fixture_new();
    struct walk_result result;
    ck_assert_int_eq(walk_page(&f->space, NULL, &f->mmu.paging, 0x100003456, WR | US, &result),
                     WALK_OK);
    ck_assert_uint_eq(result.gpa, 0x3456);
    ck_assert(result.dirty && result.writable && result.user && result.executable);
    fixture_free(f);
}
END_TEST

/* Present PDPTEs of PAE: bits 2:1, 8:5 and 63:MAXPHYADDR are reserved. [SDM 3A table 4-8] */
START_TEST(pdptes_with_reserved_bits_are_refused)
{
    struct paging_fixture *f = fixture_new();
    for (unsigned bit = 0; bit < 64; bit++) {
        for (unsigned present = 0; present < 2; present++) {
            for (unsigned i = 0; i < 4; i++) {
                poke64(f, TABLE_A + 0x20 + i * 8, 0);
            }
            poke64(f, TABLE_A + 0x20 + 2 * 8, (UINT64_C(1) << bit) | present);
            bool reserved =
                present && ((bit >= 1 && bit <= 2) || (bit >= 5 && bit <= 8) || bit >= 40);
            reserved = reserved && bit != 0;
            uint64_t pdpte[4] = { 9, 9, 9, 9 };
            bool ok = walk_pdptes_load(&f->space, &f->mmu.paging, TABLE_A + 0x20 + 0x1f, pdpte);
            ck_assert_msg(ok == !reserved, "bit %u present %u", bit, present);
            ck_assert_uint_eq(pdpte[2], ok ? (UINT64_C(1) << bit) | present : 9);
        }
    }
    fixture_free(f);
}
END_TEST

static enum io_status suspending(void *opaque, void *vp, gpa_t gpa, unsigned right, uint32_t size,
                                 uint64_t *value)
{
    (void)vp, (void)right, (void)size, (void)value;
    *(gpa_t *)opaque = gpa;
    return IO_SUSPEND;
}

START_TEST(tables_outside_ram_read_all_ones_or_suspend)
{
    struct paging_fixture *f = fixture_new();
    struct row row = { "", M64, 0, 0, NXE, { ALL, ALL, ALL, ALL }, 0, 0 };
    build(f, &row);
    f->mmu.paging.cr3 = UINT64_C(0x40000000);
    struct walk_result result;
    /* All ones is present with reserved bits set. */
    ck_assert_int_eq(walk_page(&f->space, NULL, &f->mmu.paging, GVA64, R, &result), WALK_FAULT);
    ck_assert_uint_eq(result.fault_error, PF_P | PF_RSVD);
    gpa_t seen = 0;
    const struct space_ops ops = { .missed = suspending };
    f->space.ops = &ops;
    f->space.ops_opaque = &seen;
    ck_assert_int_eq(walk_page(&f->space, NULL, &f->mmu.paging, GVA64, R, &result), WALK_SUSPEND);
    ck_assert_uint_eq(seen, 0x40000000 + (GVA64 >> 39 & 511) * 8);
    fixture_free(f);
}
END_TEST

static Suite *suite_walk(void)
{
    Suite *suite = suite_create("mmu/walk");
    TCase *tcase = tcase_create("walk");
    tcase_add_loop_test(tcase, a_walk_gives_the_address_or_the_error_code_of_the_manual, 0,
                        ARRAY_SIZE(rows));
    tcase_add_loop_test(tcase, large_pages_take_their_address_and_reserved_bits_from_the_manual, 0,
                        ARRAY_SIZE(large_rows));
    tcase_add_test(tcase, smap_stops_supervisor_data_accesses_unless_explicit_with_ac);
    tcase_add_test(tcase, accessed_at_every_level_dirty_at_the_leaf_and_nothing_for_a_probe);
    tcase_add_test(tcase, a_faulting_write_sets_no_dirty_bit);
    tcase_add_test(tcase, global_counts_only_with_pge);
    tcase_add_test(tcase, paging_off_is_the_identity_in_32_bits);
    tcase_add_test(tcase, pdptes_with_reserved_bits_are_refused);
    tcase_add_test(tcase, tables_outside_ram_read_all_ones_or_suspend);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(suite_walk())
