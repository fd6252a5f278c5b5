/* Segment loads, limits and selector checks against the manual's tables. */
#include "cpu/exec/flags.h"
#include "cpu/exec/segment.h"
#include "tests/check/check_main.h"
#include "tests/check/cpu/exec/system_fixture.h"

enum { FINE = 0xff };

/* MOV to a segment register. [SDM 2B MOV "Protected Mode Exceptions"] */
static const struct load_case {
    const char *insn;
    uint16_t selector;
    uint8_t cpl, vector;
    uint16_t error;
} load_cases[] = {
    { "8ed8", DATA0, 0, FINE, 0 },
    { "8ed8", 0, 0, FINE, 0 }, /* null in DS is fine until it is used */
    { "8ed8", 3, 3, FINE, 0 },
    { "8ed8", DATA3 | 3, 3, FINE, 0 },
    { "8ed8", DATA3 | 3, 0, FINE, 0 },
    { "8ed8", DATA0, 3, VECTOR_GP, DATA0 },     /* CPL > DPL */
    { "8ed8", DATA0 | 3, 0, VECTOR_GP, DATA0 }, /* RPL > DPL */
    { "8ed8", CODE0, 0, FINE, 0 },              /* readable code */
    { "8ed8", EXECUTE_ONLY, 0, VECTOR_GP, EXECUTE_ONLY },
    { "8ed8", CONFORMING | 3, 3, FINE, 0 }, /* conforming: no privilege check */
    { "8ed8", ABSENT, 0, VECTOR_NP, ABSENT },
    { "8ed8", TSS_B_SELECTOR, 0, VECTOR_GP, TSS_B_SELECTOR },
    { "8ed8", GDT_BYTES, 0, VECTOR_GP, GDT_BYTES },
    { "8ed8", 0x04 | 3, 3, FINE, 0 }, /* the LDT's first entry is not null */
    { "8ed8", 0x104, 0, VECTOR_GP, 0x104 },
    { "8ed0", DATA0, 0, FINE, 0 },
    { "8ed0", 0, 0, VECTOR_GP, 0 },
    { "8ed0", DATA3, 0, VECTOR_GP, DATA3 },     /* DPL != CPL */
    { "8ed0", DATA0 | 3, 0, VECTOR_GP, DATA0 }, /* RPL != CPL */
    { "8ed0", DATA3 | 3, 3, FINE, 0 },
    { "8ed0", READ_ONLY, 0, VECTOR_GP, READ_ONLY },
    { "8ed0", CODE0, 0, VECTOR_GP, CODE0 },
    { "8ed0", ABSENT, 0, VECTOR_SS, ABSENT },
};

START_TEST(move_to_a_segment_register_makes_every_check)
{
    const struct load_case *row = &load_cases[_i];
    struct core_fixture *fixture = system_fixture_create(FIXTURE_FLAT32);
    struct core *core = &fixture->core;
    unsigned segment = row->insn[3] == '0' ? SEG_SS : SEG_DS;

    system_fixture_level(fixture, row->cpl);
    core->state.gpr[REG_RAX] = row->selector;
    uint16_t before = core->state.seg[segment].selector;
    enum core_unwind unwind = core_fixture_run_hex(fixture, row->insn);
    if (row->vector == FINE) {
        ck_assert_int_eq(unwind, UNWIND_NONE);
        ck_assert_uint_eq(core->state.seg[segment].selector, row->selector);
        if (!SELECTOR_NULL(row->selector)) {
            ck_assert_uint_eq(core->state.seg[segment].attributes & SEG_ACCESSED, SEG_ACCESSED);
            uint64_t table = row->selector & SELECTOR_TI ? LDT : GDT;
            ck_assert_uint_eq(core_fixture_read(fixture, table + (row->selector & ~7u) + 5, 1) & 1,
                              1);
        }
        ck_assert_uint_eq(core->state.shadow, segment == SEG_SS ? SHADOW_MOV_SS : SHADOW_NONE);
    } else {
        ck_assert_int_eq(unwind, UNWIND_FAULT);
        ck_assert_uint_eq(core->fault.vector, row->vector);
        ck_assert_uint_eq(core->fault.error, row->error);
        ck_assert_uint_eq(core->state.seg[segment].selector, before);
    }
    core_fixture_destroy(fixture);
}
END_TEST

START_TEST(ldt_descriptor_gives_base_and_limit)
{
    struct core_fixture *fixture = system_fixture_create(FIXTURE_FLAT32);
    struct core *core = &fixture->core;

    core->state.gpr[REG_RAX] = 4 | 3;
    ck_assert_int_eq(core_fixture_run_hex(fixture, "8ee0"), UNWIND_NONE); /* mov fs, ax */
    ck_assert_uint_eq(core->seg_base[SEG_FS], 0x1000);
    ck_assert_uint_eq(core->state.seg[SEG_FS].limit, 0xfff);
    core_fixture_write(fixture, 0x1ffc, 4, 0x11223344);
    core->state.gpr[REG_RBX] = 0xffc;
    ck_assert_int_eq(core_fixture_run_hex(fixture, "648b03"), UNWIND_NONE); /* mov eax, fs:[ebx] */
    ck_assert_uint_eq(core->state.gpr[REG_RAX], 0x11223344);
    core->state.gpr[REG_RBX] = 0xffd;
    ck_assert(core_fixture_faults(fixture, "648b03", VECTOR_GP));
    core_fixture_destroy(fixture);
}
END_TEST

START_TEST(null_segment_faults_when_used)
{
    struct core_fixture *fixture = system_fixture_create(FIXTURE_FLAT32);
    struct core *core = &fixture->core;

    core->state.gpr[REG_RAX] = 0;
    ck_assert_int_eq(core_fixture_run_hex(fixture, "8ec0"), UNWIND_NONE); /* mov es, ax */
    ck_assert(!core->flat);
    core->state.gpr[REG_RDI] = FIXTURE_DATA;
    ck_assert(core_fixture_faults(fixture, "aa", VECTOR_GP)); /* stosb */
    core_fixture_destroy(fixture);
}
END_TEST

START_TEST(stack_may_be_null_in_64_bit_mode_below_cpl3)
{
    struct core_fixture *fixture = system_fixture_create(FIXTURE_LONG);

    fixture->core.state.gpr[REG_RAX] = 0;
    ck_assert_int_eq(core_fixture_run_hex(fixture, "8ed0"), UNWIND_NONE);
    system_fixture_level(fixture, 3);
    fixture->core.state.gpr[REG_RAX] = 3;
    ck_assert(core_fixture_faults(fixture, "8ed0", VECTOR_GP));
    core_fixture_destroy(fixture);
}
END_TEST

START_TEST(real_mode_loads_set_base_only)
{
    struct core_fixture *fixture = system_fixture_create(FIXTURE_REAL);
    struct core *core = &fixture->core;

    core->state.seg[SEG_DS].limit = UINT32_MAX; /* "unreal" */
    core->state.gpr[REG_RAX] = 0x1234;
    ck_assert_int_eq(core_fixture_run_hex(fixture, "8ed8"), UNWIND_NONE);
    ck_assert_uint_eq(core->seg_base[SEG_DS], 0x12340);
    ck_assert_uint_eq(core->state.seg[SEG_DS].limit, UINT32_MAX);
    core->state.seg[SEG_DS].limit = 0xffff;
    core->state.gpr[REG_RBX] = 0xffff;
    ck_assert(core_fixture_faults(fixture, "8b07", VECTOR_GP)); /* mov ax, [bx] wraps */
    core->state.seg[SEG_SS].limit = 0xffff;
    core->state.gpr[REG_RBP] = 0xffff;
    ck_assert(core_fixture_faults(fixture, "8b4600", VECTOR_SS));
    core_fixture_destroy(fixture);
}
END_TEST

/* LAR, LSL, VERR, VERW: whether ZF is set, and what LAR and LSL load. [SDM 2A LAR tables] */
static const struct look_case {
    uint16_t selector;
    uint8_t cpl;
    bool lar, lsl, verr, verw;
    uint32_t rights, limit;
} look_cases[] = {
    { CODE0, 0, true, true, true, false, 0xc09a00, 0xffffffff },
    { DATA0, 0, true, true, true, true, 0xc09200, 0xffffffff },
    { DATA0, 3, false, false, false, false, 0, 0 },
    { DATA0 | 3, 0, false, false, false, false, 0, 0 },
    { DATA3 | 3, 3, true, true, true, true, 0xc0f200, 0xffffffff },
    { CONFORMING | 3, 3, true, true, true, false, 0xc09e00, 0xffffffff },
    { EXECUTE_ONLY, 0, true, true, false, false, 0xc09800, 0xffffffff },
    { READ_ONLY, 0, true, true, true, false, 0xc09000, 0xffffffff },
    { ABSENT, 0, true, true, true, true, 0xc01200, 0xffffffff },
    { LDT_A, 0, true, true, false, false, 0x8200, 0xff },
    { TSS_B_SELECTOR, 0, true, true, false, false, 0x8900, 0x67 },
    { CALL_GATE, 0, true, false, false, false, 0xec00, 0 },
    { TASK_GATE, 0, true, false, false, false, 0xe500, 0 },
    { GDT_BYTES, 0, false, false, false, false, 0, 0 },
    { 0, 0, false, false, false, false, 0, 0 },
};

START_TEST(selectors_are_looked_at_without_faults)
{
    const struct look_case *row = &look_cases[_i];
    static const char *const insns[] = { "0f02c8", "0f03c8", "0f00e0", "0f00e8" };
    const bool expected[] = { row->lar, row->lsl, row->verr, row->verw };
    struct core_fixture *fixture = system_fixture_create(FIXTURE_FLAT32);
    struct core *core = &fixture->core;

    system_fixture_level(fixture, row->cpl);
    for (unsigned n = 0; n < 4; n++) {
        core->state.gpr[REG_RAX] = row->selector;
        core->state.gpr[REG_RCX] = 0x5a5a5a5a;
        flags_set(core, expected[n] ? 0 : FLAG_ZF);
        ck_assert_int_eq(core_fixture_run_hex(fixture, insns[n]), UNWIND_NONE);
        ck_assert_msg(flag_zf(core) == expected[n], "%s of %x", insns[n], row->selector);
        if (n < 2) {
            ck_assert_uint_eq(core->state.gpr[REG_RCX], !expected[n] ? 0x5a5a5a5a
                                                        : n == 0     ? row->rights
                                                                     : row->limit);
        }
    }
    core_fixture_destroy(fixture);
}
END_TEST

START_TEST(arpl_raises_rpl)
{
    struct core_fixture *fixture = system_fixture_create(FIXTURE_FLAT32);
    struct core *core = &fixture->core;

    core->state.gpr[REG_RAX] = 0x10;
    core->state.gpr[REG_RBX] = 0x23;
    ck_assert_int_eq(core_fixture_run_hex(fixture, "63d8"), UNWIND_NONE); /* arpl ax, bx */
    ck_assert_uint_eq(core->state.gpr[REG_RAX], 0x13);
    ck_assert(flag_zf(core));
    core->state.gpr[REG_RBX] = 0;
    ck_assert_int_eq(core_fixture_run_hex(fixture, "63d8"), UNWIND_NONE);
    ck_assert_uint_eq(core->state.gpr[REG_RAX], 0x13);
    ck_assert(!flag_zf(core));
    core_fixture_destroy(fixture);
}
END_TEST

START_TEST(push_pop_and_far_pointers_move_segments)
{
    struct core_fixture *fixture = system_fixture_create(FIXTURE_FLAT32);
    struct core *core = &fixture->core;
    uint64_t sp = core->state.gpr[REG_RSP];

    core_fixture_write(fixture, sp - 4, 4, 0xaaaaaaaa);
    ck_assert_int_eq(core_fixture_run_hex(fixture, "1e"), UNWIND_NONE); /* push ds */
    ck_assert_uint_eq(core->state.gpr[REG_RSP], sp - 4);
    ck_assert_uint_eq(core_fixture_read(fixture, sp - 4, 4), 0xaaaa0000 | DATA0);
    core_fixture_write(fixture, sp - 4, 4, DATA3);
    ck_assert_int_eq(core_fixture_run_hex(fixture, "07"), UNWIND_NONE); /* pop es */
    ck_assert_uint_eq(core->state.seg[SEG_ES].selector, DATA3);
    ck_assert_uint_eq(core->state.gpr[REG_RSP], sp);
    core_fixture_write(fixture, FIXTURE_DATA, 4, 0x12345678);
    core_fixture_write(fixture, FIXTURE_DATA + 4, 2, DATA16);
    core->state.gpr[REG_RBX] = FIXTURE_DATA;
    ck_assert_int_eq(core_fixture_run_hex(fixture, "0fb513"), UNWIND_NONE); /* lgs edx, [ebx] */
    ck_assert_uint_eq(core->state.gpr[REG_RDX], 0x12345678);
    ck_assert_uint_eq(core->state.seg[SEG_GS].selector, DATA16);
    core_fixture_write(fixture, FIXTURE_DATA + 4, 2, ABSENT);
    core->state.gpr[REG_RDX] = 7;
    ck_assert(core_fixture_faults(fixture, "0fb513", VECTOR_NP));
    ck_assert_uint_eq(core->state.gpr[REG_RDX], 7);
    core_fixture_destroy(fixture);
}
END_TEST

START_TEST(push_in_64_bit_mode_is_zero_extended)
{
    struct core_fixture *fixture = system_fixture_create(FIXTURE_LONG);
    uint64_t sp = fixture->core.state.gpr[REG_RSP];

    core_fixture_write(fixture, sp - 8, 8, UINT64_MAX);
    ck_assert_int_eq(core_fixture_run_hex(fixture, "0fa0"), UNWIND_NONE); /* push fs */
    ck_assert_uint_eq(core_fixture_read(fixture, sp - 8, 8), DATA0);
    core_fixture_destroy(fixture);
}
END_TEST

START_TEST(expand_down_segments_allow_what_lies_above_the_limit)
{
    struct x86_segment segment = { .limit = 0xfff,
                                   .attributes = SEG_P | SEG_S | SEG_WRITABLE | SEG_EXPAND_DOWN };

    ck_assert(!segment_limit_allows(&segment, 0xfff, 1));
    ck_assert(segment_limit_allows(&segment, 0x1000, 4));
    ck_assert(segment_limit_allows(&segment, 0xfffc, 4));
    ck_assert(!segment_limit_allows(&segment, 0xfffd, 4));
    segment.attributes |= SEG_DB;
    ck_assert(segment_limit_allows(&segment, 0xfffd, 4));
    ck_assert(!segment_limit_allows(&segment, 0xfffffffd, 4));
}
END_TEST

static Suite *suite_segment(void)
{
    Suite *suite = suite_create("cpu/exec/segment");
    TCase *loads = tcase_create("loads");
    TCase *looks = tcase_create("looks");

    tcase_add_loop_test(loads, move_to_a_segment_register_makes_every_check, 0,
                        ARRAY_SIZE(load_cases));
    tcase_add_test(loads, ldt_descriptor_gives_base_and_limit);
    tcase_add_test(loads, null_segment_faults_when_used);
    tcase_add_test(loads, stack_may_be_null_in_64_bit_mode_below_cpl3);
    tcase_add_test(loads, real_mode_loads_set_base_only);
    tcase_add_test(loads, push_pop_and_far_pointers_move_segments);
    tcase_add_test(loads, push_in_64_bit_mode_is_zero_extended);
    tcase_add_test(loads, expand_down_segments_allow_what_lies_above_the_limit);
    tcase_add_loop_test(looks, selectors_are_looked_at_without_faults, 0, ARRAY_SIZE(look_cases));
    tcase_add_test(looks, arpl_raises_rpl);
    suite_add_tcase(suite, loads);
    suite_add_tcase(suite, looks);
    return suite;
}

CHECK_MAIN(suite_segment())
