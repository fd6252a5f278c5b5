/* A processor's saved state: every register comes back, whatever form it is kept in, and what was being done goes on. */
#include <check.h>
#include <errno.h>
#include <string.h>

#include "cpu/exec/flags.h"
#include "cpu/saved_state.h"
#include "tests/check/check_main.h"
#include "tests/check/cpu/cpu_rig.h"

static struct rig *saver, *restored;

static void setup(void)
{
    static const uint8_t halt[] = { 0xf4 };

    saver = rig_create(halt, sizeof(halt));
    restored = rig_create(halt, sizeof(halt));
}

static void teardown(void)
{
    rig_destroy(saver);
    rig_destroy(restored);
}

static int copy(struct error *error)
{
    struct state_buffer buffer = { .n = 0 };
    struct state_timers timers = { .n = 0 };

    state_write(&buffer, &cpu_saved_table, &saver->cpu);
    int status =
        state_read(buffer.bytes, buffer.n, &cpu_saved_table, &restored->cpu, "cpu", &timers, error);
    state_timers_fini(&timers);
    state_buffer_fini(&buffer);
    return status;
}

/* All combinations of the six flags that are kept lazily, and RF, which a change of mode would drop. */
START_TEST(rflags_come_back)
{
    static const uint64_t bits[] = {
        1u << 0, 1u << 2, 1u << 4, 1u << 6, 1u << 7, 1u << 11, 1u << 16
    };
    struct error error = { "" };

    for (unsigned set = 0; set < 1u << 7; set++) {
        uint64_t rflags = 0x202;
        for (unsigned i = 0; i < 7; i++) {
            rflags |= set >> i & 1 ? bits[i] : 0;
        }
        core_rflags_set(&saver->cpu.core, rflags);
        ck_assert_msg(copy(&error) == 0, "%s", error.text);
        ck_assert_uint_eq(core_rflags(&restored->cpu.core), rflags);
    }
}
END_TEST

/* Every byte of the architectural state but the lazy flags, whose image is compared above. */
START_TEST(every_register_comes_back)
{
    struct cpu_state *state = &saver->cpu.core.state, before;
    struct error error = { "" };

    memset(&before, 0, sizeof(before));
    for (unsigned i = 0; i < REG_ZERO; i++) {
        state->gpr[i] = UINT64_C(0x0101010101010101) * (i + 1);
    }
    state->cr2 = 0x1234;
    state->star = 5;
    state->tsc_offset = UINT64_MAX - 3;
    state->mtrr_fixed[10] = 0x77;
    state->mtrr_mask[7] = 0x88;
    state->dr[3] = 0x99;
    state->x87.reg[7] = (struct x87_value){ UINT64_C(0x8000000000000001), 0xc001 };
    state->x87.opcode = 0x7ff;
    state->xmm[15].u64[1] = 0xabcdef;
    state->seg[SEG_GS].base = UINT64_C(0xffff800000000000);
    state->ldtr.selector = 0x28;
    state->idtr.limit = 0x7fe;
    state->nmi_blocked = true;
    state->shadow = SHADOW_STI;
    state->activity = ACTIVITY_HALTED;
    saver->cpu.core.mmu.paging.pdpte[2] = 0x5001;
    saver->cpu.core.retired = UINT64_C(1) << 40;
    saver->cpu.core.debug_pending = 0x4000;
    saver->cpu.core.event_suspended.valid = true;
    saver->cpu.core.event_suspended.source = 1;
    saver->cpu.core.event_suspended.fault = (struct x86_fault){ 14, true, 7, 0xdead000 };
    ck_assert_msg(copy(&error) == 0, "%s", error.text);
    struct cpu_state *after = &restored->cpu.core.state;
    before = *state;
    before.flags_result = after->flags_result;
    before.flags_carry = after->flags_carry;
    ck_assert_int_eq(memcmp(&before, after, sizeof(before)), 0);
    ck_assert_uint_eq(restored->cpu.core.mmu.paging.pdpte[2], 0x5001);
    ck_assert_uint_eq(restored->cpu.core.retired, UINT64_C(1) << 40);
    ck_assert_uint_eq(restored->cpu.core.debug_pending, 0x4000);
    ck_assert(restored->cpu.core.event_suspended.valid);
    ck_assert_uint_eq(restored->cpu.core.event_suspended.fault.address, 0xdead000);
    ck_assert(restored->cpu.core.pending & CORE_PENDING_DEBUG); /* derived */
}
END_TEST

START_TEST(states_that_cannot_be_are_refused)
{
    struct error error = { "" };

    saver->cpu.core.state.activity = ACTIVITY_SHUTDOWN + 1;
    ck_assert_int_eq(copy(&error), -EINVAL);
    ck_assert_str_eq(error.text, "cpu.core.state.activity: has a value that cannot be");
}
END_TEST

static Suite *suite_saved_state(void)
{
    Suite *suite = suite_create("cpu/saved_state");
    TCase *cases = tcase_create("saved_state");

    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_test(cases, rflags_come_back);
    tcase_add_test(cases, every_register_comes_back);
    tcase_add_test(cases, states_that_cannot_be_are_refused);
    suite_add_tcase(suite, cases);
    return suite;
}

CHECK_MAIN(suite_saved_state())
