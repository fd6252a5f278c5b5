/* Integer arithmetic that the host comparison cannot reach: #DE, 32-bit-only instructions, faults,
 * device registers. */
#include <check.h>

#include "cpu/exec/flags.h"
#include "tests/check/check_main.h"
#include "tests/check/cpu/exec/core_fixture.h"

/* ---- division: SDM 2 DIV, IDIV ---- */

static const struct division {
    const char *hex;
    uint64_t rax, rdx, divisor;
    bool error;
    uint64_t quotient, remainder; /* RAX and RDX afterwards */
} divisions[] = {
    { "f6 f3", 0x1234, 0x55, 0x13, false, 0x05f5, 0x55 }, /* 0x1234 = 0x13 * 0xf5 + 5 */
    { "f6 f3", 0x1300, 0, 0x13, true, 0, 0 },             /* quotient 0x100 */
    { "f6 f3", 0x12ff, 0, 0x13, false, 0x12ff, 0 },       /* 0x13 * 0xff + 0x12 */
    { "f6 f3", 1, 0, 0, true, 0, 0 },
    { "66 f7 f3", 0x0000, 0x1, 0x2, false, 0x8000, 0 },
    { "66 f7 f3", 0x0000, 0x2, 0x2, true, 0, 0 },
    { "f7 f3", 7, 0, 2, false, 3, 1 },
    { "f7 f3", 0, 1, 1, true, 0, 0 },
    { "f7 f3", 0xffffffff, 0xfffffffe, 0xffffffff, false, 0xffffffff, 0xfffffffe },
    { "48 f7 f3", 100, 0, 7, false, 14, 2 },
    { "48 f7 f3", 0, 1, 2, false, UINT64_C(1) << 63, 0 },
    { "48 f7 f3", 5, 3, 3, true, 0, 0 },
    { "48 f7 f3", 1, 0, 0, true, 0, 0 },
    { "f6 fb", 0xfff9, 0, 2, false, 0xfffd, 0 },    /* -7 / 2 = -3 rest -1 */
    { "f6 fb", 0xff80, 0, 0xff, true, 0, 0 },       /* -128 / -1 */
    { "f6 fb", 0xff81, 0, 0xff, false, 0x007f, 0 }, /* -127 / -1 */
    { "66 f7 fb", 0x8000, 0xffff, 0xffff, true, 0, 0 },
    { "f7 fb", 0x80000000, 0xffffffff, 0xffffffff, true, 0, 0 },
    { "f7 fb", 0xfffffff9, 0xffffffff, 2, false, 0xfffffffd, 0xffffffff },
    { "f7 fb", 0, 0x80000000, 0xffffffff, true, 0, 0 }, /* INT64_MIN / -1 */
    { "48 f7 fb", (uint64_t)-7, UINT64_MAX, 2, false, (uint64_t)-3, UINT64_MAX },
    { "48 f7 fb", UINT64_C(1) << 63, UINT64_MAX, UINT64_MAX, true, 0, 0 },
    { "48 f7 fb", 0, UINT64_C(1) << 63, UINT64_MAX, true, 0, 0 }, /* INT128_MIN / -1 */
    { "48 f7 fb", 0, 1, 4, false, UINT64_C(1) << 62, 0 },
    { "48 f7 fb", 0, 1, 2, true, 0, 0 }, /* 2^63 does not fit */
    { "48 f7 fb", 0, UINT64_MAX, 2, false, UINT64_C(1) << 63, 0 },
    { "48 f7 fb", 5, 0, 0, true, 0, 0 },
};

START_TEST(division_overflow_is_de_and_changes_nothing)
{
    const struct division *d = &divisions[_i];
    struct core_fixture *f = core_fixture_create(FIXTURE_LONG);
    uint64_t *gpr = f->core.state.gpr;

    gpr[REG_RAX] = d->rax;
    gpr[REG_RDX] = d->rdx;
    gpr[REG_RBX] = d->divisor;
    if (d->error) {
        ck_assert(core_fixture_faults(f, d->hex, VECTOR_DE));
        ck_assert_uint_eq(gpr[REG_RAX], d->rax);
        ck_assert_uint_eq(gpr[REG_RDX], d->rdx);
    } else {
        ck_assert_int_eq(core_fixture_run_hex(f, d->hex), UNWIND_NONE);
        ck_assert_uint_eq(gpr[REG_RAX], d->quotient);
        ck_assert_uint_eq(gpr[REG_RDX],
                          d->hex[0] == 'f' && d->hex[1] == '6' ? d->rdx : d->remainder);
    }
    core_fixture_destroy(f);
}
END_TEST

/* ---- decimal adjustments: SDM 2, worked by hand from the operation sections ---- */

static const struct decimal {
    const char *hex;
    uint16_t ax;
    uint64_t flags; /* before */
    uint16_t result;
    uint64_t set, clear; /* flags afterwards */
} decimals[] = {
    { "27", 0x00ae, 0, 0x0014, FLAG_CF | FLAG_AF | FLAG_PF,
      FLAG_ZF }, /* daa: SDM's example, 79h + 35h */
    { "27", 0x0042, 0, 0x0042, FLAG_PF, FLAG_CF | FLAG_AF },
    { "27", 0x009a, 0, 0x0000, FLAG_CF | FLAG_AF | FLAG_ZF, FLAG_SF },
    { "27", 0x0002, FLAG_CF | FLAG_AF, 0x0068, FLAG_CF | FLAG_AF, FLAG_ZF },
    { "2f", 0x00ee, FLAG_CF | FLAG_AF, 0x0088, FLAG_CF | FLAG_AF | FLAG_SF,
      FLAG_ZF }, /* das: SDM, 35h - 47h */
    { "2f", 0x0003, FLAG_AF, 0x00fd, FLAG_CF | FLAG_AF | FLAG_SF,
      FLAG_ZF }, /* the borrow of 3 - 6 */
    { "2f", 0x0042, 0, 0x0042, 0, FLAG_CF | FLAG_AF },
    { "37", 0x000a, 0, 0x0100, FLAG_CF | FLAG_AF, 0 }, /* aaa */
    { "37", 0x00fb, 0, 0x0201, FLAG_CF | FLAG_AF, 0 }, /* carries into AH twice: AX + 106h */
    { "37", 0x0035, 0, 0x0005, 0, FLAG_CF | FLAG_AF },
    { "3f", 0x020b, 0, 0x0105, FLAG_CF | FLAG_AF, 0 }, /* aas: AX - 106h, low nibble */
    { "3f", 0x0204, FLAG_AF, 0x000e, FLAG_CF | FLAG_AF, 0 },
    { "d4 0a", 0x00ff, 0, 0x1905, FLAG_PF, FLAG_ZF | FLAG_CF }, /* aam: 255 = 25 * 10 + 5 */
    { "d4 10", 0x0040, 0, 0x0400, FLAG_ZF | FLAG_PF, FLAG_SF },
    { "d5 0a", 0x0905, 0, 0x005f, FLAG_PF, FLAG_ZF }, /* aad: 95 */
    { "d5 10", 0x0ff0, 0, 0x00e0, FLAG_SF, FLAG_ZF },
    { "d6", 0x1234, FLAG_CF, 0x12ff, FLAG_CF, 0 }, /* salc */
    { "d6", 0x1234, 0, 0x1200, 0, FLAG_CF },
};

START_TEST(decimal_adjustments_follow_the_manual)
{
    const struct decimal *d = &decimals[_i];
    struct core_fixture *f = core_fixture_create(FIXTURE_FLAT32);

    f->core.state.gpr[REG_RAX] = d->ax;
    core_rflags_set(&f->core, d->flags);
    ck_assert_int_eq(core_fixture_run_hex(f, d->hex), UNWIND_NONE);
    ck_assert_uint_eq(f->core.state.gpr[REG_RAX], d->result);
    ck_assert_uint_eq(core_rflags(&f->core) & (d->set | d->clear), d->set);
    core_fixture_destroy(f);
}
END_TEST

START_TEST(aam_by_zero_is_de)
{
    struct core_fixture *f = core_fixture_create(FIXTURE_FLAT32);

    ck_assert(core_fixture_faults(f, "d4 00", VECTOR_DE));
    core_fixture_destroy(f);
}
END_TEST

/* ---- faults come before any change ---- */

/* Read-modify-writes, all with RSI at memory. */
static const char *const writers[] = {
    "48 01 06",       "48 83 06 01",    "f0 48 01 06",          "48 ff 06",    "48 f7 1e",
    "48 d1 06",       "48 d3 06",       "48 0f a4 1e 05",       "48 0f ab 1e", "f0 48 0f ba 2e 01",
    "48 0f b1 1e",    "f0 48 0f b1 1e", "48 0f c1 1e",          "0f c7 0e",    "48 0f c7 0e",
    "48 87 1e",       "48 89 1e",       "48 c7 06 01 00 00 00", "0f 94 06",    "8f 06",
    "48 0f 38 f1 1e",
};

static void set_known_state(struct core_fixture *f, uint64_t rsi)
{
    for (unsigned i = 0; i < 8; i++) {
        f->core.state.gpr[i] = 0x1111111111111111u * (i + 1);
    }
    f->core.state.gpr[REG_RSP] = FIXTURE_STACK;
    f->core.state.gpr[REG_RSI] = rsi;
    f->core.state.gpr[REG_RBX] = 3;
    core_rflags_set(&f->core, FLAG_CF | FLAG_AF | FLAG_SF);
}

START_TEST(a_write_to_a_read_only_page_faults_before_any_change)
{
    struct core_fixture *f = core_fixture_create(FIXTURE_LONG);
    struct cpu_state before;

    set_known_state(f, FIXTURE_READ_ONLY);
    f->core.state.gpr[REG_RIP] = FIXTURE_CODE;
    before = f->core.state;
    ck_assert_msg(core_fixture_faults(f, writers[_i], VECTOR_PF), "%s", writers[_i]);
    ck_assert_uint_eq(f->core.fault.address, FIXTURE_READ_ONLY);
    ck_assert_uint_eq(f->core.fault.error & 3, 3); /* present, write */
    for (unsigned i = 0; i < REG_COUNT; i++) {
        ck_assert_uint_eq(f->core.state.gpr[i], before.gpr[i]);
    }
    ck_assert_uint_eq(core_rflags(&f->core), FLAG_CF | FLAG_AF | FLAG_SF | FLAG_ONE);
    core_fixture_destroy(f);
}
END_TEST

START_TEST(a_suspended_device_access_changes_nothing)
{
    struct core_fixture *f = core_fixture_create(FIXTURE_LONG);
    struct cpu_state before;

    set_known_state(f, FIXTURE_DEVICE);
    f->device_suspends = true;
    f->core.state.gpr[REG_RIP] = FIXTURE_CODE;
    before = f->core.state;
    ck_assert_msg(core_fixture_run_hex(f, writers[_i]) == UNWIND_SUSPEND, "%s", writers[_i]);
    for (unsigned i = 0; i < REG_COUNT; i++) {
        ck_assert_uint_eq(f->core.state.gpr[i], before.gpr[i]);
    }
    ck_assert_uint_eq(core_rflags(&f->core), FLAG_CF | FLAG_AF | FLAG_SF | FLAG_ONE);
    core_fixture_destroy(f);
}
END_TEST

START_TEST(device_registers_and_ram_are_modified_alike)
{
    struct core_fixture *ram = core_fixture_create(FIXTURE_LONG),
                        *device = core_fixture_create(FIXTURE_LONG);

    set_known_state(ram, FIXTURE_DATA);
    set_known_state(device, FIXTURE_DEVICE);
    for (unsigned i = 0; i < 16; i++) {
        ram->ram.host[FIXTURE_DATA + i] = device->device[i] = (uint8_t)(0x9f - 7 * i);
    }
    core_fixture_write(ram, FIXTURE_STACK, 8, 0x77);
    core_fixture_write(device, FIXTURE_STACK, 8, 0x77);
    ck_assert_int_eq(core_fixture_run_hex(ram, writers[_i]), UNWIND_NONE);
    ck_assert_int_eq(core_fixture_run_hex(device, writers[_i]), UNWIND_NONE);
    ck_assert_mem_eq(core_fixture_at(ram, FIXTURE_DATA), device->device, 16);
    for (unsigned i = 0; i < REG_COUNT; i++) {
        if (i != REG_RSI) {
            ck_assert_uint_eq(ram->core.state.gpr[i], device->core.state.gpr[i]);
        }
    }
    ck_assert_uint_eq(core_rflags(&ram->core), core_rflags(&device->core));
    core_fixture_destroy(ram);
    core_fixture_destroy(device);
}
END_TEST

START_TEST(cmpxchg16b_compares_sixteen_aligned_bytes)
{
    struct core_fixture *f = core_fixture_create(FIXTURE_LONG);
    uint64_t *gpr = f->core.state.gpr;

    gpr[REG_RSI] = FIXTURE_DATA + 8;
    ck_assert(core_fixture_faults(f, "48 0f c7 0e", VECTOR_GP));
    gpr[REG_RSI] = FIXTURE_DATA;
    core_fixture_write(f, FIXTURE_DATA, 8, 5);
    core_fixture_write(f, FIXTURE_DATA + 8, 8, 6);
    gpr[REG_RBX] = 7;
    gpr[REG_RCX] = 8;
    ck_assert_int_eq(core_fixture_run_hex(f, "f0 48 0f c7 0e"), UNWIND_NONE);
    ck_assert(!flag_zf(&f->core));
    ck_assert_uint_eq(gpr[REG_RAX], 5);
    ck_assert_uint_eq(gpr[REG_RDX], 6);
    ck_assert_int_eq(core_fixture_run_hex(f, "f0 48 0f c7 0e"), UNWIND_NONE);
    ck_assert(flag_zf(&f->core));
    ck_assert_uint_eq(core_fixture_read(f, FIXTURE_DATA, 8), 7);
    ck_assert_uint_eq(core_fixture_read(f, FIXTURE_DATA + 8, 8), 8);
    core_fixture_destroy(f);
}
END_TEST

/* BT with a register reaches signed beyond the operand. [SDM 2 BT] */
START_TEST(a_bit_number_in_a_register_addresses_memory_signed)
{
    struct core_fixture *f = core_fixture_create(FIXTURE_LONG);
    uint64_t *gpr = f->core.state.gpr;

    gpr[REG_RSI] = FIXTURE_DATA + 64;
    gpr[REG_RBX] = (uint32_t)-65; /* byte -9, bit 7: dword -3, bit 31 */
    ck_assert_int_eq(core_fixture_run_hex(f, "0f ab 1e"), UNWIND_NONE);
    ck_assert_uint_eq(core_fixture_read(f, FIXTURE_DATA + 64 - 12, 4), 0x80000000);
    gpr[REG_RBX] = 200;
    ck_assert_int_eq(core_fixture_run_hex(f, "48 0f bb 1e"), UNWIND_NONE);
    ck_assert_uint_eq(core_fixture_read(f, FIXTURE_DATA + 64 + 24, 8), 1 << 8);
    ck_assert_int_eq(core_fixture_run_hex(f, "66 0f a3 1e"), UNWIND_NONE);
    ck_assert(flag_cf(&f->core));
    core_fixture_destroy(f);
}
END_TEST

/* GS: has its base in 64-bit mode; a 32-bit address is cut before the base is added. */
START_TEST(segment_bases_and_address_sizes_form_addresses)
{
    struct core_fixture *f = core_fixture_create(FIXTURE_LONG);
    uint64_t *gpr = f->core.state.gpr;

    f->core.state.seg[SEG_GS].base = FIXTURE_DATA;
    core_mode_update(&f->core);
    core_fixture_write(f, FIXTURE_DATA + 0x10, 8, 0x1122334455667788);
    gpr[REG_RSI] = 8;
    ck_assert_int_eq(core_fixture_run_hex(f, "65 48 8b 46 08"), UNWIND_NONE);
    ck_assert_uint_eq(gpr[REG_RAX], 0x1122334455667788);
    gpr[REG_RSI] = UINT64_C(0xabcdef0000000008);
    ck_assert_int_eq(core_fixture_run_hex(f, "65 67 03 46 08"), UNWIND_NONE);
    ck_assert_uint_eq(gpr[REG_RAX], 0xaaccef10); /* 55667788 + 55667788 */
    core_fixture_write(f, FIXTURE_CODE + 0x100, 4, 0xcafe);
    ck_assert_int_eq(core_fixture_run_hex(f, "8b 05 fa 00 00 00"),
                     UNWIND_NONE); /* mov eax, [rip+0xfa] */
    ck_assert_uint_eq(gpr[REG_RAX], 0xcafe);
    gpr[REG_RSI] = UINT64_C(1) << 47;
    ck_assert(core_fixture_faults(f, "8b 06", VECTOR_GP));
    gpr[REG_RBP] = UINT64_C(1) << 47;
    ck_assert(core_fixture_faults(f, "8b 45 00", VECTOR_SS));
    core_fixture_destroy(f);
}
END_TEST

START_TEST(segment_limits_hold_outside_64_bit_mode)
{
    struct core_fixture *f = core_fixture_create(FIXTURE_REAL);
    uint64_t *gpr = f->core.state.gpr;

    gpr[REG_RSI] = 0xffff;
    ck_assert(core_fixture_faults(f, "8b 04", VECTOR_GP)); /* mov ax, [si]: two bytes at ffff */
    ck_assert_int_eq(core_fixture_run_hex(f, "8a 04"), UNWIND_NONE);
    gpr[REG_RBP] = 0xfffe;
    ck_assert(core_fixture_faults(f, "66 01 46 00", VECTOR_SS)); /* add [bp], eax */
    core_fixture_destroy(f);
}
END_TEST

static Suite *suite_arith(void)
{
    Suite *suite = suite_create("cpu/exec/arith.c");
    TCase *tcase = tcase_create("division");

    tcase_add_loop_test(tcase, division_overflow_is_de_and_changes_nothing, 0,
                        (int)ARRAY_SIZE(divisions));
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("decimal");
    tcase_add_loop_test(tcase, decimal_adjustments_follow_the_manual, 0, (int)ARRAY_SIZE(decimals));
    tcase_add_test(tcase, aam_by_zero_is_de);
    suite_add_tcase(suite, tcase);
    tcase = tcase_create("memory");
    tcase_add_loop_test(tcase, a_write_to_a_read_only_page_faults_before_any_change, 0,
                        (int)ARRAY_SIZE(writers));
    tcase_add_loop_test(tcase, a_suspended_device_access_changes_nothing, 0,
                        (int)ARRAY_SIZE(writers));
    tcase_add_loop_test(tcase, device_registers_and_ram_are_modified_alike, 0,
                        (int)ARRAY_SIZE(writers));
    tcase_add_test(tcase, cmpxchg16b_compares_sixteen_aligned_bytes);
    tcase_add_test(tcase, a_bit_number_in_a_register_addresses_memory_signed);
    tcase_add_test(tcase, segment_bases_and_address_sizes_form_addresses);
    tcase_add_test(tcase, segment_limits_hold_outside_64_bit_mode);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(suite_arith())
