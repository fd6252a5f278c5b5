/* Port I/O: permission, sizes, string forms, suspension. */
#include <string.h>

#include "cpu/exec/flags.h"
#include "cpu/exec/segment.h"
#include "tests/check/check_main.h"
#include "tests/check/cpu/exec/system_fixture.h"

/* A device that remembers and can suspend. */
struct ports {
    struct core_ops ops;
    uint16_t port[16];
    uint32_t value[16];
    unsigned size[16], n, suspend_at;
};

static enum core_status ports_note(struct ports *ports, uint16_t port, unsigned size,
                                   uint32_t value)
{
    if (ports->suspend_at != 0 && ports->n + 1 == ports->suspend_at) {
        return CORE_SUSPEND;
    }
    ports->port[ports->n] = port;
    ports->size[ports->n] = size;
    ports->value[ports->n++] = value;
    return CORE_OK;
}

static enum core_status ports_read(void *owner, uint16_t port, unsigned size, uint32_t *value)
{
    struct ports *ports = owner;

    *value = 0xa1b2c3d0 + ports->n;
    return ports_note(ports, port, size, 0);
}

static enum core_status ports_write(void *owner, uint16_t port, unsigned size, uint32_t value)
{
    return ports_note(owner, port, size, value);
}

static struct core_fixture *start(enum fixture_mode mode, struct ports *ports)
{
    struct core_fixture *fixture = system_fixture_create(mode);

    *ports = (struct ports){ .ops = *fixture->core.ops };
    ports->ops.port_read = ports_read;
    ports->ops.port_write = ports_write;
    fixture->core.ops = &ports->ops;
    fixture->core.owner = ports;
    fixture->core.budget = 1000;
    return fixture;
}

/* Instruction, port, size, RAX after (from ~0) for IN. */
static const struct io_case {
    const char *insn;
    uint16_t port;
    uint8_t size;
    bool in;
    uint64_t rax;
} io_cases[] = {
    { "e460", 0x60, 1, true, UINT64_C(0xffffffffffffffd0) },
    { "66e560", 0x60, 2, true, UINT64_C(0xffffffffffffc3d0) },
    { "e560", 0x60, 4, true, 0xa1b2c3d0 },
    { "48ed", 0x1234, 4, true, 0xa1b2c3d0 },
    { "ec", 0x1234, 1, true, UINT64_C(0xffffffffffffffd0) },
    { "e6ff", 0xff, 1, false, 0xff },
    { "66ef", 0x1234, 2, false, 0xffff },
    { "ef", 0x1234, 4, false, 0xffffffff },
};

START_TEST(in_and_out_reach_the_port)
{
    const struct io_case *row = &io_cases[_i];
    struct ports ports;
    struct core_fixture *fixture = start(FIXTURE_LONG, &ports);
    struct cpu_state *state = &fixture->core.state;

    state->gpr[REG_RAX] = UINT64_MAX;
    state->gpr[REG_RDX] = 0x51234;
    ck_assert_int_eq(core_fixture_run_hex(fixture, row->insn), UNWIND_NONE);
    ck_assert_uint_eq(ports.port[0], row->port);
    ck_assert_uint_eq(ports.size[0], row->size);
    ck_assert_uint_eq(row->in ? state->gpr[REG_RAX] : ports.value[0], row->rax);
    ports.suspend_at = 2;
    state->gpr[REG_RAX] = 7;
    ck_assert_int_eq(core_fixture_run_hex(fixture, row->insn), UNWIND_SUSPEND);
    ck_assert_uint_eq(state->gpr[REG_RAX], 7);
    core_fixture_destroy(fixture);
}
END_TEST

/* Permission at CPL 3 with IOPL 0: the bitmap at TSS + 68h has only port 0x62 and 0x63 clear. [SDM
 * 1 19.5.2] */
static const struct permission_case {
    const char *insn;
    uint8_t iopl;
    bool ok;
} permission_cases[] = {
    { "e462", 0, true },   { "e463", 0, true },    { "e461", 0, false },
    { "66e562", 0, true }, { "66e563", 0, false }, { "e562", 0, false },
    { "e461", 3, true },   { "e461", 2, false },   { "e4f8", 0, false }, /* beyond the limit */
};

START_TEST(permission_comes_from_iopl_or_the_bitmap)
{
    const struct permission_case *row = &permission_cases[_i];

    for (unsigned v86 = 0; v86 < 2; v86++) {
        struct ports ports;
        struct core_fixture *fixture = start(FIXTURE_FLAT32, &ports);
        struct core *core = &fixture->core;
        bool opsize_differs =
            row->insn[1] != '4'; /* 66h and default sizes mean other sizes there */

        if (v86 && (opsize_differs || row->iopl == 3)) {
            core_fixture_destroy(fixture);
            continue;
        }
        memset(core_fixture_at(fixture, TSS_A + 0x68), 0xff, 0x40);
        core_fixture_write(fixture, TSS_A + 0x66, 2, 0x68);
        core_fixture_write(fixture, TSS_A + 0x68 + 0x60 / 8, 1, 0xf3);
        core->state.tr.limit = 0x68 + 0xf8 / 8;
        system_fixture_level(fixture, 3);
        core->state.rflags_rest |= (uint64_t)row->iopl << 12;
        if (v86) {
            system_fixture_v86(fixture, row->iopl);
        }
        if (row->ok) {
            ck_assert_int_eq(core_fixture_run_hex(fixture, row->insn), UNWIND_NONE);
        } else {
            ck_assert(core_fixture_faults(fixture, row->insn, VECTOR_GP));
            ck_assert_uint_eq(core->fault.error, 0);
            ck_assert_uint_eq(ports.n, 0);
        }
        core_fixture_destroy(fixture);
    }
}
END_TEST

START_TEST(virtual_8086_mode_asks_the_bitmap_whatever_iopl)
{
    struct ports ports;
    struct core_fixture *fixture = start(FIXTURE_FLAT32, &ports);

    core_fixture_write(fixture, TSS_A + 0x66, 2, 0xffff);
    system_fixture_v86(fixture, 3);
    ck_assert(core_fixture_faults(fixture, "e461", VECTOR_GP));
    core_fixture_destroy(fixture);
}
END_TEST

START_TEST(rep_ins_and_outs_move_strings)
{
    struct ports ports;
    struct core_fixture *fixture = start(FIXTURE_LONG, &ports);
    struct cpu_state *state = &fixture->core.state;

    state->gpr[REG_RDX] = 0x1f0;
    state->gpr[REG_RCX] = 3;
    state->gpr[REG_RDI] = FIXTURE_DATA;
    ck_assert_int_eq(core_fixture_run_hex(fixture, "f3666d"), UNWIND_NONE); /* rep insw */
    ck_assert_uint_eq(state->gpr[REG_RCX], 0);
    ck_assert_uint_eq(state->gpr[REG_RDI], FIXTURE_DATA + 6);
    ck_assert_uint_eq(core_fixture_read(fixture, FIXTURE_DATA, 8), UINT64_C(0xc3d2c3d1c3d0));
    ck_assert_uint_eq(fixture->core.retired, 2); /* and the instruction itself */
    state->gpr[REG_RSI] = FIXTURE_DATA + 4;
    state->gpr[REG_RCX] = 2;
    core_rflags_set(&fixture->core, FLAG_DF);
    ck_assert_int_eq(core_fixture_run_hex(fixture, "f36e"), UNWIND_NONE); /* rep outsb, downward */
    ck_assert_uint_eq(state->gpr[REG_RSI], FIXTURE_DATA + 2);
    ck_assert_uint_eq(ports.value[3], 0xd2);
    ck_assert_uint_eq(ports.value[4], 0xc3);
    core_fixture_destroy(fixture);
}
END_TEST

START_TEST(rep_ins_leaves_off_between_iterations)
{
    struct ports ports;
    struct core_fixture *fixture = start(FIXTURE_LONG, &ports);
    struct core *core = &fixture->core;
    struct cpu_state *state = &core->state;

    ports.suspend_at = 3;
    state->gpr[REG_RCX] = 5;
    state->gpr[REG_RDI] = FIXTURE_DATA;
    ck_assert_int_eq(core_fixture_run_hex(fixture, "f36c"), UNWIND_SUSPEND);
    ck_assert_uint_eq(state->gpr[REG_RCX], 3);
    ck_assert_uint_eq(state->gpr[REG_RDI], FIXTURE_DATA + 2);
    ports.suspend_at = 0;
    state->gpr[REG_RCX] = 4;
    state->gpr[REG_RDI] = FIXTURE_HOLE - 2;
    ports.n = 0;
    ck_assert(core_fixture_faults(fixture, "f36c", VECTOR_PF));
    ck_assert_uint_eq(state->gpr[REG_RCX], 2);
    ck_assert_uint_eq(ports.n, 2); /* nothing was read for the page that is not there */
    state->gpr[REG_RCX] = 4;
    state->gpr[REG_RDI] = FIXTURE_DATA;
    core->pending = CORE_PENDING_POLL;
    ck_assert_int_eq(core_fixture_run_hex(fixture, "f36c"), UNWIND_RESTART);
    ck_assert_uint_eq(state->gpr[REG_RCX], 3);
    core_fixture_destroy(fixture);
}
END_TEST

START_TEST(io_breakpoints_need_de)
{
    struct ports ports;
    struct core_fixture *fixture = start(FIXTURE_LONG, &ports);
    struct core *core = &fixture->core;

    core->state.dr[0] = 0x60;
    core->state.dr7 = DR7_INIT | 1 | 2u << 16;
    core_mode_update(core);
    ck_assert_int_eq(core_fixture_run_hex(fixture, "e460"), UNWIND_NONE);
    ck_assert_uint_eq(core->debug_pending, 0);
    core->state.cr4 |= CR4_DE;
    ck_assert_int_eq(core_fixture_run_hex(fixture, "e461"), UNWIND_NONE);
    ck_assert_uint_eq(core->debug_pending, 0);
    ck_assert_int_eq(core_fixture_run_hex(fixture, "e460"), UNWIND_NONE);
    ck_assert_uint_eq(core->debug_pending, 1);
    core_fixture_destroy(fixture);
}
END_TEST

static Suite *suite_io(void)
{
    Suite *suite = suite_create("cpu/exec/io");
    TCase *tcase = tcase_create("io");

    tcase_add_loop_test(tcase, in_and_out_reach_the_port, 0, ARRAY_SIZE(io_cases));
    tcase_add_loop_test(tcase, permission_comes_from_iopl_or_the_bitmap, 0,
                        ARRAY_SIZE(permission_cases));
    tcase_add_test(tcase, virtual_8086_mode_asks_the_bitmap_whatever_iopl);
    tcase_add_test(tcase, rep_ins_and_outs_move_strings);
    tcase_add_test(tcase, rep_ins_leaves_off_between_iterations);
    tcase_add_test(tcase, io_breakpoints_need_de);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(suite_io())
