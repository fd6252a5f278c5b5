/* Accesses through the TLB: hits, fills, flushes, crossing, code pages, devices, overlays. */
#include "mmu/access.h"

#include "base/compiler.h"
#include "tests/check/check_main.h"
#include "tests/check/mmu/paging_fixture.h"

struct written {
    spa_t spa;
    size_t length;
    unsigned times;
    uint8_t before; /* first byte at the time of the call */
    struct ram *ram;
};

static void code_written(void *opaque, void *vp, spa_t spa, size_t length_bytes,
                         enum ram_write_phase phase)
{
    (void)vp;
    if (phase == RAM_WRITE_DONE) {
        return;
    }
    struct written *w = opaque;
    w->spa = spa;
    w->length = length_bytes;
    w->times++;
    w->before = *ram_host(w->ram, spa);
}

static const struct ram_ops ram_ops = { .code_written = code_written };

/* 4-level paging: gva 0x400000 + n * 4096 -> PAGE_ONE + n * 4096 for 16 pages, all rights; cr0.WP.
 */
#define BASE UINT64_C(0x400000)

static struct paging_fixture *fixture_new(uint64_t leaf, uint64_t cr4)
{
    struct paging_fixture *f = calloc(1, sizeof(*f));
    ck_assert_ptr_nonnull(f);
    ck_assert_int_eq(fixture_init(f), 0);
    poke64(f, TABLE_A, TABLE_B | P | W | U);
    poke64(f, TABLE_B, TABLE_C | P | W | U);
    poke64(f, TABLE_C + 2 * 8, TABLE_D | P | W | U);
    for (unsigned i = 0; i < 16; i++) {
        poke64(f, TABLE_D + i * 8, (PAGE_ONE + i * PAGE_SIZE) | leaf);
    }
    mmu_paging_set(&f->mmu, X_PAGED | X_CR0_WP, TABLE_A, X_CR4_PAE | cr4, X_EFER_LMA | X_EFER_NXE);
    return f;
}

static void fixture_free(struct paging_fixture *f)
{
    fixture_fini(f);
    free(f);
}

static uint64_t load64(struct paging_fixture *f, gva_t gva)
{
    uint64_t value = 0;
    ck_assert_int_eq(mmu_load(&f->mmu, gva, &value, 8, MMU_READ), MMU_OK);
    return value;
}

START_TEST(a_read_fills_a_read_tag_and_no_write_tag_while_clean)
{
    struct paging_fixture *f = fixture_new(P | W | U, 0);
    struct tlb_set *set = mmu_set(&f->mmu, false);
    poke64(f, PAGE_ONE + 8, 0x1122334455667788);
    ck_assert_ptr_null(tlb_read(set, BASE + 8, 8));
    ck_assert_uint_eq(load64(f, BASE + 8), 0x1122334455667788);
    ck_assert_ptr_eq(tlb_read(set, BASE + 8, 8), ram_host(&f->ram, PAGE_ONE + 8));
    ck_assert_ptr_null(tlb_read(set, BASE + 0xffc, 8));
    ck_assert_ptr_null(tlb_write(set, BASE + 8, 8));
    ck_assert_uint_eq(ram_page_flags(&f->ram, PAGE_ONE) & RAM_PAGE_DIRTY, 0);
    uint64_t value = 5;
    ck_assert_int_eq(mmu_store(&f->mmu, BASE + 8, &value, 8, MMU_WRITE), MMU_OK);
    ck_assert_ptr_eq(tlb_write(set, BASE + 8, 8), ram_host(&f->ram, PAGE_ONE + 8));
    ck_assert_uint_ne(ram_page_flags(&f->ram, PAGE_ONE) & RAM_PAGE_DIRTY, 0);
    ck_assert_uint_eq(peek64(f, TABLE_D) & (A | D), A | D);
    fixture_free(f);
}
END_TEST

START_TEST(a_dirty_page_is_writable_at_once_and_a_read_only_one_never)
{
    struct paging_fixture *f = fixture_new(P | U | D, 0);
    load64(f, BASE);
    ck_assert_ptr_null(tlb_write(mmu_set(&f->mmu, false), BASE, 1));
    uint8_t byte = 1;
    ck_assert_int_eq(mmu_store(&f->mmu, BASE, &byte, 1, MMU_WRITE), MMU_FAULT);
    ck_assert_uint_eq(f->mmu.fault_gva, BASE);
    ck_assert_uint_eq(f->mmu.fault_error, PF_P | PF_W);
    fixture_free(f);
    f = fixture_new(P | W | U | D, 0);
    load64(f, BASE);
    ck_assert_ptr_nonnull(tlb_write(mmu_set(&f->mmu, false), BASE, 1));
    fixture_free(f);
}
END_TEST

START_TEST(smap_keeps_user_pages_out_of_the_plain_supervisor_set)
{
    struct paging_fixture *f = fixture_new(P | W | U, X_CR4_SMAP);
    uint64_t value;
    ck_assert_int_eq(mmu_load(&f->mmu, BASE, &value, 8, MMU_READ), MMU_FAULT);
    ck_assert_uint_eq(f->mmu.fault_error, PF_P);
    mmu_ac_set(&f->mmu, true);
    ck_assert_int_eq(mmu_load(&f->mmu, BASE, &value, 8, MMU_READ), MMU_OK);
    ck_assert_ptr_nonnull(tlb_read(&f->mmu.set[TLB_SUPERVISOR_AC], BASE, 8));
    ck_assert_ptr_null(tlb_read(&f->mmu.set[TLB_SUPERVISOR], BASE, 8));
    ck_assert_int_eq(mmu_load(&f->mmu, BASE, &value, 8, MMU_READ | MMU_IMPLICIT), MMU_FAULT);
    spa_t spa;
    bool in_ram;
    ck_assert_int_eq(mmu_fetch(&f->mmu, BASE + 3, false, &spa, &in_ram), MMU_OK);
    ck_assert(in_ram);
    ck_assert_uint_eq(spa, PAGE_ONE + 3);
    ck_assert_ptr_null(tlb_read(&f->mmu.set[TLB_SUPERVISOR], BASE, 8));
    mmu_ac_set(&f->mmu, false);
    ck_assert_int_eq(mmu_load(&f->mmu, BASE, &value, 8, MMU_READ), MMU_FAULT);
    fixture_free(f);
}
END_TEST

START_TEST(supervisor_pages_are_not_in_the_user_set)
{
    struct paging_fixture *f = fixture_new(P | W, 0);
    load64(f, BASE);
    ck_assert_ptr_null(tlb_read(mmu_set(&f->mmu, true), BASE, 8));
    uint64_t value;
    ck_assert_int_eq(mmu_load(&f->mmu, BASE, &value, 8, MMU_READ | MMU_USER), MMU_FAULT);
    ck_assert_uint_eq(f->mmu.fault_error, PF_P | PF_U);
    fixture_free(f);
}
END_TEST

START_TEST(a_crossing_access_joins_two_pages)
{
    struct paging_fixture *f = fixture_new(P | W | U, 0);
    poke64(f, TABLE_D + 8, (PAGE_ONE + 7 * PAGE_SIZE) | P | W | U); /* not neighbours in RAM */
    uint8_t data[64], back[64];
    for (unsigned size = 2; size <= 64; size++) {
        for (unsigned before = 1; before < size; before++) {
            for (unsigned i = 0; i < size; i++) {
                data[i] = (uint8_t)(i * 7 + size + before);
            }
            gva_t gva = BASE + PAGE_SIZE - before;
            ck_assert_int_eq(mmu_store(&f->mmu, gva, data, size, MMU_WRITE), MMU_OK);
            ck_assert_int_eq(mmu_load(&f->mmu, gva, back, size, MMU_READ), MMU_OK);
            ck_assert_mem_eq(back, data, size);
            ck_assert_mem_eq(ram_host(&f->ram, PAGE_ONE + PAGE_SIZE - before), data, before);
            ck_assert_mem_eq(ram_host(&f->ram, PAGE_ONE + 7 * PAGE_SIZE), data + before,
                             size - before);
        }
    }
    fixture_free(f);
}
END_TEST

START_TEST(a_crossing_write_that_faults_on_the_second_page_writes_nothing)
{
    struct paging_fixture *f = fixture_new(P | W | U, 0);
    poke64(f, TABLE_D + 8, PAGE_TWO | P | U);
    uint64_t value = UINT64_MAX;
    ck_assert_int_eq(mmu_store(&f->mmu, BASE + 0xffc, &value, 8, MMU_WRITE), MMU_FAULT);
    ck_assert_uint_eq(f->mmu.fault_gva, BASE + 0x1000);
    ck_assert_uint_eq(f->mmu.fault_error, PF_P | PF_W);
    ck_assert_uint_eq(peek64(f, PAGE_ONE + 0xff8), 0);
    uint8_t *host;
    ck_assert_int_eq(mmu_rmw_host(&f->mmu, BASE + 0xffc, 8, MMU_WRITE, &host), MMU_FAULT);
    ck_assert_int_eq(mmu_probe(&f->mmu, BASE + 0xffc, 8, MMU_WRITE), MMU_FAULT);
    ck_assert_int_eq(mmu_probe(&f->mmu, BASE + 0xffc, 8, MMU_READ), MMU_OK);
    fixture_free(f);
}
END_TEST

START_TEST(code_pages_are_told_before_they_change)
{
    struct paging_fixture *f = fixture_new(P | W | U | D, 0);
    struct written w = { .ram = &f->ram };
    f->ram.ops = &ram_ops;
    f->ram.ops_opaque = &w;
    load64(f, BASE);
    ck_assert_ptr_nonnull(tlb_write(mmu_set(&f->mmu, false), BASE, 1));
    ram_code_get(&f->ram, PAGE_ONE);
    mmu_write_protect(&f->mmu, PAGE_ONE + 0x123);
    ck_assert_ptr_null(tlb_write(mmu_set(&f->mmu, false), BASE, 1));
    ck_assert_ptr_nonnull(tlb_read(mmu_set(&f->mmu, false), BASE, 1));
    uint32_t value = 0x11;
    ck_assert_int_eq(mmu_store(&f->mmu, BASE + 0x40, &value, 4, MMU_WRITE), MMU_OK);
    ck_assert_uint_eq(w.times, 1);
    ck_assert_uint_eq(w.spa, PAGE_ONE + 0x40);
    ck_assert_uint_eq(w.length, 4);
    ck_assert_uint_eq(w.before, 0);
    ck_assert_ptr_null(tlb_write(mmu_set(&f->mmu, false), BASE, 1));
    uint8_t *host;
    ck_assert_int_eq(mmu_rmw_host(&f->mmu, BASE + 0x80, 4, MMU_WRITE, &host), MMU_OK);
    ck_assert_ptr_eq(host, ram_host(&f->ram, PAGE_ONE + 0x80));
    ck_assert_uint_eq(w.times, 2);
    /* Neither of them walked: the TLB knows that the page may be written. */
    poke64(f, TABLE_D, 0);
    ck_assert_int_eq(mmu_store(&f->mmu, BASE + 0x40, &value, 4, MMU_WRITE), MMU_OK);
    ck_assert_uint_eq(w.times, 3);
    w.times = 2;
    poke64(f, TABLE_D, PAGE_ONE | P | W | U | D);
    /* A crossing write into a code page counts too, and so does a copy by a device. */
    ck_assert_int_eq(mmu_store(&f->mmu, BASE + 0xffe, &value, 4, MMU_WRITE), MMU_OK);
    ck_assert_uint_eq(w.times, 3);
    ck_assert_uint_eq(w.length, 2);
    ck_assert(space_write(&f->space, PAGE_ONE - 8, "0123456789abcdef", 16));
    ck_assert_uint_eq(w.times, 4);
    ck_assert_uint_eq(w.length, 8);
    /* Without code it is an ordinary page again after the next write. */
    ram_code_put(&f->ram, PAGE_ONE);
    ck_assert_int_eq(mmu_store(&f->mmu, BASE, &value, 4, MMU_WRITE), MMU_OK);
    ck_assert_ptr_nonnull(tlb_write(mmu_set(&f->mmu, false), BASE, 1));
    fixture_free(f);
}
END_TEST

START_TEST(watched_pages_get_no_tags)
{
    struct paging_fixture *f = fixture_new(P | W | U | D, 0);
    ram_page_set(&f->ram, PAGE_ONE, RAM_PAGE_WATCH);
    load64(f, BASE);
    ck_assert_ptr_null(tlb_read(mmu_set(&f->mmu, false), BASE, 1));
    ck_assert_ptr_null(tlb_write(mmu_set(&f->mmu, false), BASE, 1));
    fixture_free(f);
}
END_TEST

START_TEST(flushes_drop_what_they_must_and_keep_global_pages)
{
    struct paging_fixture *f = fixture_new(P | W | U, X_CR4_PGE);
    struct mmu *mmu = &f->mmu;
    poke64(f, TABLE_D + 8, peek64(f, TABLE_D + 8) | G);
    load64(f, BASE);
    load64(f, BASE + 0x1000);
    uint64_t generation = mmu_exec_generation(mmu, BASE);
    mmu_paging_set(mmu, mmu->paging.cr0 | 8, TABLE_A, mmu->paging.cr4, mmu->paging.efer); /* TS */
    ck_assert_ptr_nonnull(tlb_read(mmu_set(mmu, false), BASE, 8));
    ck_assert_uint_eq(mmu_exec_generation(mmu, BASE), generation);
    mmu_paging_set(mmu, mmu->paging.cr0, TABLE_A, mmu->paging.cr4, mmu->paging.efer);
    ck_assert_uint_gt(mmu_exec_generation(mmu, BASE), generation);
    ck_assert_ptr_null(tlb_read(mmu_set(mmu, false), BASE, 8));
    ck_assert_ptr_nonnull(tlb_read(mmu_set(mmu, false), BASE + 0x1000, 8));
    load64(f, BASE);
    mmu_flush_page(mmu, BASE + 0x1008);
    ck_assert_ptr_null(tlb_read(mmu_set(mmu, false), BASE + 0x1000, 8));
    ck_assert_ptr_nonnull(tlb_read(mmu_set(mmu, false), BASE, 8));
    load64(f, BASE + 0x1000);
    mmu_paging_set(mmu, mmu->paging.cr0, TABLE_A, mmu->paging.cr4 & ~X_CR4_PGE, mmu->paging.efer);
    ck_assert_ptr_null(tlb_read(mmu_set(mmu, false), BASE + 0x1000, 8));
    fixture_free(f);
}
END_TEST

START_TEST(invlpg_drops_every_fragment_of_a_large_page)
{
    struct paging_fixture *f = fixture_new(P | W | U, 0);
    poke64(f, TABLE_C + 3 * 8, 0x200000 | P | W | U | PS); /* gva 6M..8M */
    for (unsigned i = 0; i < 512; i++) {
        load64(f, 0x600000 + i * PAGE_SIZE);
    }
    load64(f, BASE);
    mmu_flush_page(&f->mmu, 0x700000);
    for (unsigned i = 0; i < 512; i++) {
        ck_assert_ptr_null(tlb_read(mmu_set(&f->mmu, false), 0x600000 + i * PAGE_SIZE, 8));
    }
    load64(f, BASE);
    mmu_flush_page(&f->mmu, 0x700000);
    ck_assert_ptr_nonnull(tlb_read(mmu_set(&f->mmu, false), BASE, 8));
    fixture_free(f);
}
END_TEST

START_TEST(a_changed_space_reaches_the_next_slow_path)
{
    struct paging_fixture *f = fixture_new(P | W | U, 0);
    poke64(f, PAGE_ONE, 1);
    poke64(f, 0x800000, 2);
    ck_assert_uint_eq(load64(f, BASE), 1);
    ck_assert_int_eq(space_overlay_map(&f->space, PAGE_ONE >> 12, 0x800000, SPACE_READ), 0);
    mmu_sync(&f->mmu);
    ck_assert_ptr_null(tlb_read(mmu_set(&f->mmu, false), BASE, 8));
    ck_assert_uint_eq(load64(f, BASE), 2);
    uint64_t value = 3; /* no write right, nobody answers: dropped */
    ck_assert_int_eq(mmu_store(&f->mmu, BASE, &value, 8, MMU_WRITE), MMU_OK);
    ck_assert_uint_eq(load64(f, BASE), 2);
    ck_assert_ptr_null(tlb_write(mmu_set(&f->mmu, false), BASE, 8));
    space_overlay_unmap(&f->space, PAGE_ONE >> 12, 0x800000);
    ck_assert_uint_eq(load64(f, BASE), 1);
    fixture_free(f);
}
END_TEST

START_TEST(addresses_outside_the_48_bits_are_not_canonical_in_long_mode_only)
{
    static const struct {
        gva_t gva;
        bool canonical;
    } cases[] = {
        { 0x00007fffffffffff, true }, { 0x0000800000000000, false }, { 0xffff7fffffffffff, false },
        { 0xffff800000000000, true }, { 0x1000000000000000, false },
    };
    struct paging_fixture *f = fixture_new(P | W | U, 0);
    uint8_t data[8];
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        enum mmu_status status = mmu_load(&f->mmu, cases[i].gva, data, 1, MMU_READ);
        ck_assert_int_eq(status, cases[i].canonical ? MMU_FAULT : MMU_NONCANONICAL);
    }
    /* Both ends are looked at before paging is. */
    ck_assert_int_eq(mmu_load(&f->mmu, 0x00007ffffffffffc, data, 8, MMU_READ), MMU_NONCANONICAL);
    mmu_paging_set(&f->mmu, 0, 0, 0, 0);
    poke32(f, PAGE_ONE, 77);
    ck_assert_int_eq(mmu_load(&f->mmu, 0x100000000 + PAGE_ONE, data, 1, MMU_READ), MMU_OK);
    ck_assert_uint_eq(data[0], 77);
    fixture_free(f);
}
END_TEST

static enum io_status device_read(void *device, uint64_t offset, uint32_t size, uint64_t *value)
{
    *value = *(uint64_t *)device + offset + (uint64_t)size * 0x100;
    return IO_OK;
}

static enum io_status device_write(void *device, uint64_t offset, uint32_t size, uint64_t value)
{
    *(uint64_t *)device = value + offset + (uint64_t)size * 0x100;
    return size == 1 ? IO_SUSPEND : IO_OK;
}

START_TEST(devices_are_reached_through_the_page_tables_and_never_tagged)
{
    static const struct io_region region = { "dev",         IO_MMIO,     0x1000,
                                             1 | 2 | 4 | 8, device_read, device_write };
    struct paging_fixture *f = fixture_new(P | W | U, 0);
    uint64_t device = 0;
    ck_assert_int_eq(bus_attach(&f->bus, &region, 0xfee00000, &device, NULL), 0);
    poke64(f, TABLE_D, 0xfee00000 | P | W | U);
    uint32_t value = 0;
    ck_assert_int_eq(mmu_load(&f->mmu, BASE + 0x20, &value, 4, MMU_READ), MMU_OK);
    ck_assert_uint_eq(value, 0x420);
    value = 5;
    ck_assert_int_eq(mmu_store(&f->mmu, BASE + 0x30, &value, 4, MMU_WRITE), MMU_OK);
    ck_assert_uint_eq(device, 0x435);
    ck_assert_int_eq(mmu_store(&f->mmu, BASE + 0x30, &value, 1, MMU_WRITE), MMU_SUSPEND);
    ck_assert_ptr_null(tlb_read(mmu_set(&f->mmu, false), BASE, 1));
    uint8_t *host;
    ck_assert_int_eq(mmu_rmw_host(&f->mmu, BASE, 4, MMU_WRITE, &host), MMU_OK);
    ck_assert_ptr_null(host);
    spa_t spa;
    bool in_ram = true;
    ck_assert_int_eq(mmu_fetch(&f->mmu, BASE, false, &spa, &in_ram), MMU_OK);
    ck_assert(!in_ram);
    /* No device, nobody to ask: all ones. */
    poke64(f, TABLE_D + 8, 0x50000000 | P | W | U);
    mmu_flush_all(&f->mmu);
    ck_assert_uint_eq(load64(f, BASE + 0x1000), UINT64_MAX);
    fixture_free(f);
}
END_TEST

START_TEST(code_translations_are_void_only_when_theirs_may_have_changed)
{
    struct paging_fixture *f = fixture_new(P | W | U, X_CR4_PGE);
    struct mmu *mmu = &f->mmu;
    spa_t spa;
    bool in_ram;
    load64(f, BASE + 0x1000);
    ck_assert_int_eq(mmu_fetch(mmu, BASE, true, &spa, &in_ram), MMU_OK);
    uint64_t low = mmu_exec_generation(mmu, BASE), high = mmu_exec_generation(mmu, UINT64_MAX);
    mmu_flush_page(mmu, BASE + 0x1000); /* data */
    ck_assert_uint_eq(mmu_exec_generation(mmu, BASE), low);
    mmu_flush_page(mmu, BASE); /* code */
    ck_assert_uint_gt(mmu_exec_generation(mmu, BASE), low);
    ck_assert_uint_eq(mmu_exec_generation(mmu, UINT64_MAX), high);
    mmu_flush_non_global(mmu); /* nothing was fetched from the upper half */
    ck_assert_uint_eq(mmu_exec_generation(mmu, UINT64_MAX), high);
    /* The upper half through a page that is not global, then through one that is. */
    poke64(f, TABLE_A + 511 * 8, TABLE_B | P | W | U);
    gva_t upper = UINT64_C(0xffffff8000000000) + BASE;
    for (unsigned global = 0; global < 2; global++) {
        poke64(f, TABLE_D, PAGE_ONE | P | W | U | (global ? G : 0));
        mmu_flush_all(mmu);
        ck_assert_int_eq(mmu_fetch(mmu, upper, true, &spa, &in_ram), MMU_OK);
        high = mmu_exec_generation(mmu, upper);
        mmu_flush_non_global(mmu);
        ck_assert_int_eq(mmu_exec_generation(mmu, upper) == high, global != 0);
        mmu_flush_all(mmu);
        ck_assert_uint_gt(mmu_exec_generation(mmu, upper), high);
    }
    fixture_free(f);
}
END_TEST

START_TEST(peek_changes_nothing)
{
    struct paging_fixture *f = fixture_new(P | W | U, X_CR4_SMAP);
    gpa_t gpa = 0;
    ck_assert(mmu_peek(&f->mmu, BASE + 0x123, &gpa));
    ck_assert_uint_eq(gpa, PAGE_ONE + 0x123);
    ck_assert_uint_eq(peek64(f, TABLE_D) & (A | D), 0);
    ck_assert_ptr_null(tlb_read(&f->mmu.set[TLB_SUPERVISOR], BASE, 1));
    ck_assert(!mmu_peek(&f->mmu, UINT64_C(1) << 47, &gpa));
    fixture_free(f);
}
END_TEST

static Suite *suite_access(void)
{
    Suite *suite = suite_create("mmu/access");
    TCase *tcase = tcase_create("access");
    tcase_add_test(tcase, a_read_fills_a_read_tag_and_no_write_tag_while_clean);
    tcase_add_test(tcase, a_dirty_page_is_writable_at_once_and_a_read_only_one_never);
    tcase_add_test(tcase, smap_keeps_user_pages_out_of_the_plain_supervisor_set);
    tcase_add_test(tcase, supervisor_pages_are_not_in_the_user_set);
    tcase_add_test(tcase, a_crossing_access_joins_two_pages);
    tcase_add_test(tcase, a_crossing_write_that_faults_on_the_second_page_writes_nothing);
    tcase_add_test(tcase, code_pages_are_told_before_they_change);
    tcase_add_test(tcase, watched_pages_get_no_tags);
    tcase_add_test(tcase, flushes_drop_what_they_must_and_keep_global_pages);
    tcase_add_test(tcase, invlpg_drops_every_fragment_of_a_large_page);
    tcase_add_test(tcase, a_changed_space_reaches_the_next_slow_path);
    tcase_add_test(tcase, addresses_outside_the_48_bits_are_not_canonical_in_long_mode_only);
    tcase_add_test(tcase, devices_are_reached_through_the_page_tables_and_never_tagged);
    tcase_add_test(tcase, code_translations_are_void_only_when_theirs_may_have_changed);
    tcase_add_test(tcase, peek_changes_nothing);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(suite_access())
