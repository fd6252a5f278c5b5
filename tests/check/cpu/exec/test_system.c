/* System instructions: modes, control and debug registers, MSRs, interrupt flag, checks of
 * privilege and feature. */
#include "cpu/exec/flags.h"
#include "cpu/exec/model.h"
#include "cpu/exec/segment.h"
#include "cpu/exec/system.h"
#include "tests/check/check_main.h"
#include "tests/check/cpu/exec/system_fixture.h"

enum { FINE = 0xff };

#define LONG_CR0 (CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_PG)

static bool runs(struct core_fixture *fixture, const char *insn)
{
    return core_fixture_run_hex(fixture, insn) == UNWIND_NONE;
}

/* ---- modes ---- */

START_TEST(real_to_protected_to_long_and_back)
{
    struct core_fixture *fixture = system_fixture_create(FIXTURE_REAL);
    struct core_fixture *tables = core_fixture_create(FIXTURE_LONG);
    struct core *core = &fixture->core;
    struct cpu_state *state = &core->state;

    for (uint64_t at = FIXTURE_TABLES; at < FIXTURE_TABLES + 0x4000; at += 8) {
        core_fixture_write(fixture, at, 8, core_fixture_read(tables, at, 8));
    }
    core_fixture_destroy(tables);
    state->gpr[REG_RAX] = CR0_PE;
    ck_assert(runs(fixture, "0f22c0"));
    ck_assert_uint_eq(core->bits, 16);
    ck_assert_uint_eq(core->cpl, 0);
    ck_assert(runs(fixture, "ea00880800")); /* jmp 8:8800h */
    ck_assert_uint_eq(core->bits, 32);
    ck_assert(runs(fixture, "b810000000") && runs(fixture, "8ed8") && runs(fixture, "8ec0") &&
              runs(fixture, "8ed0"));
    ck_assert(core->flat);
    ck_assert_uint_eq(core->stack_bits, 32);
    state->gpr[REG_RAX] = CR4_PAE;
    ck_assert(runs(fixture, "0f22e0"));
    state->gpr[REG_RAX] = FIXTURE_TABLES;
    ck_assert(runs(fixture, "0f22d8"));
    state->gpr[REG_RCX] = 0xc0000080;
    state->gpr[REG_RAX] = EFER_LME;
    state->gpr[REG_RDX] = 0;
    ck_assert(runs(fixture, "0f30"));
    ck_assert_uint_eq(state->efer, EFER_LME);
    state->gpr[REG_RAX] = CR0_PE | CR0_PG;
    ck_assert(runs(fixture, "0f22c0"));
    ck_assert_uint_eq(state->efer, EFER_LME | EFER_LMA);
    ck_assert_uint_eq(core->bits, 32);          /* compatibility mode */
    ck_assert(runs(fixture, "ea008800009000")); /* jmp CODE64:8800h */
    ck_assert_uint_eq(core->bits, 64);
    state->gpr[REG_RAX] = CR0_PE;
    ck_assert(core_fixture_faults(fixture, "0f22c0", VECTOR_GP)); /* not from 64-bit mode */
    core_fixture_write(fixture, FIXTURE_DATA, 8, UINT64_C(0x0008) << 32 | 0x8800);
    state->gpr[REG_RBX] = FIXTURE_DATA;
    ck_assert(runs(fixture, "ff2b")); /* jmp far [rbx], back to CODE0 */
    ck_assert_uint_eq(core->bits, 32);
    ck_assert(runs(fixture, "0f22c0"));
    ck_assert_uint_eq(state->efer, EFER_LME);
    core_fixture_destroy(fixture);
}
END_TEST

/* MOV to control registers in 64-bit mode (rax). [SDM 2B MOV "Moves to/from Control Registers"] */
static const struct control_case {
    const char *insn;
    uint64_t value;
    uint8_t vector;
} control_cases[] = {
    { "0f22c0", LONG_CR0, FINE },
    { "0f22c0", LONG_CR0 | CR0_CD | CR0_NW, FINE },
    { "0f22c0", LONG_CR0 | CR0_NW, VECTOR_GP },
    { "0f22c0", LONG_CR0 & ~CR0_PE, VECTOR_GP },
    { "0f22c0", LONG_CR0 | BIT64(32), VECTOR_GP },
    { "0f22c0", LONG_CR0 | BIT64(6), FINE }, /* ignored */
    { "0f22d0", UINT64_MAX, FINE },
    { "0f22d8", FIXTURE_TABLES | 0x18, FINE },
    { "0f22d8", FIXTURE_TABLES | BIT64(40), VECTOR_GP },
    { "0f22d8", FIXTURE_TABLES | BIT64(63), VECTOR_GP }, /* without PCIDE */
    { "0f22e0", CR4_PAE, FINE },
    { "0f22e0", CR4_PAE | CR4_PCIDE | CR4_SMEP | CR4_SMAP | CR4_UMIP | CR4_FSGSBASE, FINE },
    { "0f22e0", 0, VECTOR_GP }, /* PAE in IA-32e mode */
    { "0f22e0", CR4_PAE | CR4_LA57, VECTOR_GP },
    { "0f22e0", CR4_PAE | CR4_VMXE, VECTOR_GP },
    { "0f22e0", CR4_PAE | CR4_PKE, VECTOR_GP },
    { "0f22e0", CR4_PAE | BIT64(40), VECTOR_GP },
    { "440f22c0", 0xf, FINE },
    { "440f22c0", 0x10, VECTOR_GP },
    { "0f22c8", 0, VECTOR_UD }, /* CR1 */
    { "0f22e8", 0, VECTOR_UD }, /* CR5 */
    { "440f22c8", 0, VECTOR_UD },
    { "0f23f8", 0x400, FINE },
    { "0f23f8", BIT64(32), VECTOR_GP },
    { "0f23f0", BIT64(32), VECTOR_GP },
    { "0f23c0", UINT64_MAX, FINE },
};

START_TEST(control_registers_refuse_reserved_bits)
{
    const struct control_case *row = &control_cases[_i];
    struct core_fixture *fixture = system_fixture_create(FIXTURE_LONG);

    fixture->core.state.gpr[REG_RAX] = row->value;
    if (row->vector == FINE) {
        ck_assert(runs(fixture, row->insn));
    } else {
        ck_assert(core_fixture_faults(fixture, row->insn, row->vector));
    }
    if (row->vector != VECTOR_UD) {
        system_fixture_level(fixture, 3);
        ck_assert(core_fixture_faults(fixture, row->insn, VECTOR_GP));
    }
    core_fixture_destroy(fixture);
}
END_TEST

START_TEST(pcid_needs_a_clear_cr3_and_keeps_bit_63_out)
{
    struct core_fixture *fixture = system_fixture_create(FIXTURE_LONG);
    struct cpu_state *state = &fixture->core.state;

    state->gpr[REG_RAX] = FIXTURE_TABLES | 0x18;
    ck_assert(runs(fixture, "0f22d8"));
    state->gpr[REG_RAX] = CR4_PAE | CR4_PCIDE;
    ck_assert(core_fixture_faults(fixture, "0f22e0", VECTOR_GP));
    state->gpr[REG_RAX] = FIXTURE_TABLES;
    ck_assert(runs(fixture, "0f22d8"));
    state->gpr[REG_RAX] = CR4_PAE | CR4_PCIDE;
    ck_assert(runs(fixture, "0f22e0"));
    state->gpr[REG_RAX] = FIXTURE_TABLES | 5 | BIT64(63);
    ck_assert(runs(fixture, "0f22d8"));
    ck_assert_uint_eq(state->cr3, FIXTURE_TABLES | 5);
    ck_assert_uint_eq(fixture->core.mmu.paging.cr3, FIXTURE_TABLES | 5);
    core_fixture_destroy(fixture);
}
END_TEST

START_TEST(pae_paging_loads_and_checks_pdptes)
{
    struct core_fixture *fixture = system_fixture_create(FIXTURE_FLAT32);
    struct cpu_state *state = &fixture->core.state;

    core_fixture_write(fixture, 0x30000, 8, 0x31001);
    core_fixture_write(fixture, 0x31000, 8, 0x83); /* 2 MiB, one to one */
    state->gpr[REG_RAX] = CR4_PAE;
    ck_assert(runs(fixture, "0f22e0"));
    state->gpr[REG_RAX] = 0x30000;
    ck_assert(runs(fixture, "0f22d8"));
    state->gpr[REG_RAX] = state->cr0 | CR0_PG;
    ck_assert(runs(fixture, "0f22c0"));
    ck_assert_uint_eq(fixture->core.mmu.paging.pdpte[0], 0x31001);
    core_fixture_write(fixture, 0x30008, 8, 0x31003); /* bit 1 of a PDPTE is reserved */
    state->gpr[REG_RAX] = 0x30000;
    ck_assert(core_fixture_faults(fixture, "0f22d8", VECTOR_GP));
    core_fixture_destroy(fixture);
}
END_TEST

START_TEST(machine_status_word)
{
    struct core_fixture *fixture = system_fixture_create(FIXTURE_REAL);
    struct cpu_state *state = &fixture->core.state;

    state->gpr[REG_RAX] = 0xffff;
    ck_assert(runs(fixture, "0f01f0")); /* lmsw ax */
    ck_assert_uint_eq(state->cr0 & 0x1f, 0x1f);
    state->gpr[REG_RAX] = 0;
    ck_assert(runs(fixture, "0f01f0"));
    ck_assert_uint_eq(state->cr0 & 0xf, CR0_PE); /* cannot be cleared */
    ck_assert(runs(fixture, "0f01e0"));          /* smsw ax */
    ck_assert_uint_eq(state->gpr[REG_RAX], state->cr0 & 0xffff);
    state->cr0 |= CR0_TS;
    ck_assert(runs(fixture, "0f06"));
    ck_assert(!(state->cr0 & CR0_TS));
    core_fixture_destroy(fixture);
}
END_TEST

/* ---- debug ---- */

START_TEST(debug_registers_alias_and_are_guarded)
{
    struct core_fixture *fixture = system_fixture_create(FIXTURE_LONG);
    struct cpu_state *state = &fixture->core.state;

    state->gpr[REG_RAX] = UINT32_MAX;
    ck_assert(runs(fixture, "0f23e8")); /* DR5 is DR7 */
    ck_assert_uint_eq(state->dr7, 0xffff27ff);
    ck_assert(core_fixture_faults(fixture, "0f21c0", VECTOR_DB)); /* GD */
    ck_assert_uint_eq(fixture->core.fault.address, DR6_BD);
    state->dr7 = DR7_INIT;
    ck_assert(runs(fixture, "0f23f0"));
    ck_assert_uint_eq(state->dr6, 0xffffeeff | 0x100);
    state->cr4 |= CR4_DE;
    ck_assert(core_fixture_faults(fixture, "0f23e8", VECTOR_UD));
    core_fixture_destroy(fixture);
}
END_TEST

START_TEST(data_breakpoints_are_noted_by_the_slow_path)
{
    struct core_fixture *fixture = system_fixture_create(FIXTURE_LONG);
    struct core *core = &fixture->core;

    core->state.gpr[REG_RBX] = FIXTURE_DATA;
    ck_assert(runs(fixture, "8903")); /* the page is in the TLB */
    core->state.dr[1] = FIXTURE_DATA + 4;
    core->state.gpr[REG_RAX] = 0xd << 20 | 8; /* G1, write, 4 bytes */
    ck_assert(runs(fixture, "0f23f8"));
    ck_assert(core->pending & CORE_PENDING_DEBUG);
    ck_assert(runs(fixture, "8903"));
    ck_assert_uint_eq(core->debug_pending, 0);
    ck_assert(runs(fixture, "8b4304")); /* a read does not hit a write breakpoint */
    ck_assert_uint_eq(core->debug_pending, 0);
    ck_assert(runs(fixture, "894307")); /* mov [rbx+7], eax: one byte overlaps */
    ck_assert_uint_eq(core->debug_pending, 2);
    core->debug_pending = 0;
    ck_assert(runs(fixture, "f0ff4304")); /* lock inc [rbx+4] */
    ck_assert_uint_eq(core->debug_pending, 2);
    core_fixture_destroy(fixture);
}
END_TEST

START_TEST(code_breakpoints_respect_rf)
{
    struct core_fixture *fixture = system_fixture_create(FIXTURE_LONG);
    struct core *core = &fixture->core;
    jmp_buf unwind;

    core->state.gpr[REG_RIP] = FIXTURE_CODE;
    core->state.dr[3] = FIXTURE_CODE;
    core->state.dr7 |= 1 << 6;
    core->state.rflags_rest |= FLAG_RF;
    core_mode_update(core);
    core->unwind = &unwind;
    if (setjmp(unwind) != 0) {
        ck_abort_msg("RF must suppress it");
    }
    core_code_breakpoint(core);
    core->state.rflags_rest &= ~FLAG_RF;
    if (setjmp(unwind) == 0) {
        core_code_breakpoint(core);
        ck_abort_msg("must be raised");
    }
    ck_assert_uint_eq(core->fault.vector, VECTOR_DB);
    ck_assert_uint_eq(core->fault.address, 8);
    core_fixture_destroy(fixture);
}
END_TEST

START_TEST(alignment_is_checked_at_cpl3_with_am_and_ac)
{
    struct core_fixture *fixture = system_fixture_create(FIXTURE_LONG);
    struct core *core = &fixture->core;

    core->state.cr0 |= CR0_AM;
    core->state.rflags_rest |= FLAG_AC;
    system_fixture_level(fixture, 0);
    core->state.gpr[REG_RBX] = FIXTURE_DATA + 1;
    ck_assert(runs(fixture, "8b03"));
    system_fixture_level(fixture, 3);
    ck_assert(core_fixture_faults(fixture, "8b03", VECTOR_AC));
    ck_assert_uint_eq(core->fault.error, 0);
    ck_assert(runs(fixture, "8a03"));
    core->state.gpr[REG_RBX] = FIXTURE_DATA + 4;
    ck_assert(runs(fixture, "8b03"));
    ck_assert(core_fixture_faults(fixture, "488b03", VECTOR_AC));
    core_fixture_destroy(fixture);
}
END_TEST

/* ---- MSRs ---- */

/* WRMSR: the index, a value, whether it is taken. [SDM 4 2.1; 3A 11.11.2, 11.12.2] */
static const struct msr_case {
    uint32_t msr;
    uint64_t value;
    bool ok;
    bool reads_back;
} msr_cases[] = {
    { 0x10, 0x1234, true, true },
    { 0x17, 0, false, false },
    { 0x8b, 0, true, false },
    { 0xfe, 0, false, false },
    { 0x174, 0x10, true, true },
    { 0x175, UINT64_C(0xffff800000000000), true, true },
    { 0x175, UINT64_C(0x0000800000000000), false, false },
    { 0x176, UINT64_C(0x0000800000000000), false, false },
    { 0x179, 1, false, false },
    { 0x1a0, 0x1801, true, true },
    { 0x1a0, BIT64(34), false, false },
    { 0x1d9, 0, true, true },
    { 0x1d9, 2, false, false },
    { 0x200, UINT64_C(0xfffffff006), true, true },
    { 0x200, 0x02, false, false },
    { 0x200, 0x106, false, false },
    { 0x200, BIT64(40), false, false },
    { 0x20f, 0x800, true, true },
    { 0x201, 0x400, false, false },
    { 0x210, 0, false, false }, /* a ninth range */
    { 0x250, UINT64_C(0x0605040100010506), true, true },
    { 0x259, UINT64_C(0x0700000000000000), false, false },
    { 0x26f, UINT64_C(0x0606060606060606), true, true },
    { 0x277, UINT64_C(0x0007010600070106), true, true },
    { 0x277, 2, false, false },
    { 0x277, 8, false, false },
    { 0x2ff, 0xc06, true, true },
    { 0x2ff, 0x1000, false, false },
    { 0x2ff, 7, false, false },
    { 0xc0000080, EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE, true, true },
    { 0xc0000080, EFER_SCE | EFER_LMA, false, false }, /* LME while paging */
    { 0xc0000080, EFER_LME | BIT64(12), false, false },
    { 0xc0000081, UINT64_MAX, true, true },
    { 0xc0000082, UINT64_C(0xffffffff81000000), true, true },
    { 0xc0000082, BIT64(47), false, false },
    { 0xc0000084, BIT64(32), false, false },
    { 0xc0000084, 0x47700, true, true },
    { 0xc0000100, 0x7fff0000, true, true },
    { 0xc0000101, BIT64(47), false, false },
    { 0xc0000101, UINT64_C(0xffff888000000000), true, true },
    { 0xc0000102, BIT64(50), false, false },
    { 0xc0000103, UINT32_MAX, true, true },
    { 0xc0000103, BIT64(32), false, false },
    { 0x3b, 0x1234, true, true }, /* TSC_ADJUST */
    { 0x1b, 0, false, false },    /* goes up, and the fixture has no APIC */
    { 0x12345, 0, false, false },
};

START_TEST(msr_writes_follow_their_rules)
{
    const struct msr_case *row = &msr_cases[_i];
    struct core_fixture *fixture = system_fixture_create(FIXTURE_LONG);
    struct cpu_state *state = &fixture->core.state;

    state->gpr[REG_RCX] = row->msr | UINT64_C(0xdead00000000); /* the upper half is ignored */
    state->gpr[REG_RAX] = (uint32_t)row->value;
    state->gpr[REG_RDX] = row->value >> 32;
    if (!row->ok) {
        ck_assert(core_fixture_faults(fixture, "0f30", VECTOR_GP));
        core_fixture_destroy(fixture);
        return;
    }
    ck_assert(runs(fixture, "0f30"));
    ck_assert(runs(fixture, "0f32"));
    if (row->reads_back) {
        ck_assert_uint_eq(state->gpr[REG_RAX] | state->gpr[REG_RDX] << 32, row->value);
    }
    system_fixture_level(fixture, 3);
    ck_assert(core_fixture_faults(fixture, "0f30", VECTOR_GP));
    ck_assert(core_fixture_faults(fixture, "0f32", VECTOR_GP));
    core_fixture_destroy(fixture);
}
END_TEST

START_TEST(gs_bases_swap_and_are_used)
{
    struct core_fixture *fixture = system_fixture_create(FIXTURE_LONG);
    struct core *core = &fixture->core;

    core->state.kernel_gs_base = FIXTURE_DATA;
    core_fixture_write(fixture, FIXTURE_DATA + 0x10, 8, 0x1122334455667788);
    ck_assert(runs(fixture, "0f01f8"));
    ck_assert(runs(fixture, "65488b042510000000")); /* mov rax, gs:[10h] */
    ck_assert_uint_eq(core->state.gpr[REG_RAX], 0x1122334455667788);
    ck_assert_uint_eq(core->state.kernel_gs_base, 0);
    ck_assert(core_fixture_faults(fixture, "f3480faec0", VECTOR_UD)); /* rdfsbase without CR4 */
    core->state.cr4 |= CR4_FSGSBASE;
    core->state.gpr[REG_RAX] = BIT64(47);
    ck_assert(core_fixture_faults(fixture, "f3480faed8", VECTOR_GP)); /* wrgsbase rax */
    core->state.gpr[REG_RAX] = FIXTURE_DATA + 8;
    ck_assert(runs(fixture, "f3480faed8"));
    ck_assert_uint_eq(core->seg_base[SEG_GS], FIXTURE_DATA + 8);
    ck_assert(runs(fixture, "f3480faec9")); /* rdgsbase rcx */
    ck_assert_uint_eq(core->state.gpr[REG_RCX], FIXTURE_DATA + 8);
    system_fixture_level(fixture, 3);
    ck_assert(core_fixture_faults(fixture, "0f01f8", VECTOR_GP));
    core_fixture_destroy(fixture);
}
END_TEST

/* ---- what user mode may not do ---- */

static const struct user_case {
    const char *insn;
    uint8_t vector;       /* at CPL 3, CR4.UMIP set */
    uint8_t without_umip; /* CR4.UMIP clear */
} user_cases[] = {
    { "f4", VECTOR_GP, VECTOR_GP },
    { "fa", VECTOR_GP, VECTOR_GP },
    { "fb", VECTOR_GP, VECTOR_GP },
    { "0f0113", VECTOR_GP, VECTOR_GP }, /* lgdt */
    { "0f011b", VECTOR_GP, VECTOR_GP },
    { "0f0103", VECTOR_GP, FINE }, /* sgdt */
    { "0f010b", VECTOR_GP, FINE },
    { "0f00d0", VECTOR_GP, VECTOR_GP }, /* lldt */
    { "0f00d8", VECTOR_GP, VECTOR_GP },
    { "0f00c0", VECTOR_GP, FINE }, /* sldt */
    { "0f00c8", VECTOR_GP, FINE },
    { "0f01e0", VECTOR_GP, FINE }, /* str, smsw */
    { "0f01f0", VECTOR_GP, VECTOR_GP },
    { "0f06", VECTOR_GP, VECTOR_GP },
    { "0f013b", VECTOR_GP, VECTOR_GP },
    { "660f388203", VECTOR_GP, VECTOR_GP }, /* invlpg, invpcid */
    { "0f08", VECTOR_GP, VECTOR_GP },
    { "0f09", VECTOR_GP, VECTOR_GP },
    { "0f33", VECTOR_GP, VECTOR_GP },
    { "0f31", FINE, FINE }, /* rdpmc, rdtsc */
    { "0f01f9", FINE, FINE },
    { "0fa2", FINE, FINE }, /* rdtscp, cpuid */
    { "0faa", VECTOR_UD, VECTOR_UD },
    { "0f01c8", VECTOR_UD, VECTOR_UD }, /* rsm, monitor */
    { "0f01ca", VECTOR_UD, VECTOR_UD },
    { "0f01cb", VECTOR_UD, VECTOR_UD }, /* clac, stac */
    { "0f01c1", VECTOR_UD, VECTOR_UD },
    { "0f01d0", VECTOR_UD, VECTOR_UD }, /* vmcall, xgetbv: OSXSAVE */
    { "0f0b", VECTOR_UD, VECTOR_UD },
    { "0fae3b", FINE, FINE }, /* ud2, clflush */
    { "0fc7f0", FINE, FINE },
    { "0fc7f8", VECTOR_UD, VECTOR_UD }, /* rdrand, rdseed */
};

START_TEST(user_mode_is_kept_out)
{
    const struct user_case *row = &user_cases[_i];
    struct core_fixture *fixture = system_fixture_create(FIXTURE_LONG);

    for (unsigned umip = 0; umip < 2; umip++) {
        uint8_t vector = umip ? row->vector : row->without_umip;

        fixture->core.state.cr4 = (fixture->core.state.cr4 & ~CR4_UMIP) | (umip ? CR4_UMIP : 0);
        system_fixture_level(fixture, 3);
        fixture->core.state.gpr[REG_RBX] = FIXTURE_DATA;
        if (vector == FINE) {
            ck_assert(runs(fixture, row->insn));
        } else {
            ck_assert(core_fixture_faults(fixture, row->insn, vector));
        }
    }
    core_fixture_destroy(fixture);
}
END_TEST

START_TEST(rdtsc_obeys_tsd_and_the_offset)
{
    struct core_fixture *fixture = system_fixture_create(FIXTURE_LONG);
    struct cpu_state *state = &fixture->core.state;

    state->tsc_offset = 0x10;
    ck_assert(runs(fixture, "0f31"));
    ck_assert_uint_eq(state->gpr[REG_RAX] | state->gpr[REG_RDX] << 32, 0x123456799);
    state->cr4 |= CR4_TSD;
    ck_assert(runs(fixture, "0f31"));
    system_fixture_level(fixture, 3);
    ck_assert(core_fixture_faults(fixture, "0f31", VECTOR_GP));
    ck_assert(core_fixture_faults(fixture, "0f01f9", VECTOR_GP));
    core_fixture_destroy(fixture);
}
END_TEST

/* CLI and STI by privilege: which flag, or #GP. [SDM 2A CLI, 2B STI decision tables] */
static const struct flag_case {
    uint8_t cpl, iopl;
    bool v86, vme, pvi;
    uint64_t flag; /* 0: #GP */
} flag_cases[] = {
    { 0, 0, false, false, false, FLAG_IF }, { 3, 3, false, false, false, FLAG_IF },
    { 3, 2, false, false, false, 0 },       { 3, 0, false, false, true, FLAG_VIF },
    { 3, 0, true, false, false, 0 },        { 3, 0, true, true, false, FLAG_VIF },
    { 3, 3, true, false, false, FLAG_IF },  { 3, 3, true, true, false, FLAG_IF },
};

START_TEST(cli_and_sti_change_if_or_vif)
{
    const struct flag_case *row = &flag_cases[_i];
    struct core_fixture *fixture = system_fixture_create(FIXTURE_FLAT32);
    struct core *core = &fixture->core;

    core->state.cr4 |= (row->vme ? CR4_VME : 0) | (row->pvi ? CR4_PVI : 0);
    if (row->v86) {
        system_fixture_v86(fixture, row->iopl);
    } else {
        system_fixture_level(fixture, row->cpl);
        core->state.rflags_rest |= (uint64_t)row->iopl << 12;
    }
    core->state.rflags_rest &= ~(FLAG_IF | FLAG_VIF);
    if (row->flag == 0) {
        ck_assert(core_fixture_faults(fixture, "fb", VECTOR_GP));
        ck_assert(core_fixture_faults(fixture, "fa", VECTOR_GP));
    } else {
        ck_assert(runs(fixture, "fb"));
        ck_assert_uint_eq(core->state.rflags_rest & (FLAG_IF | FLAG_VIF), row->flag);
        ck_assert_uint_eq(core->state.shadow, row->flag == FLAG_IF ? SHADOW_STI : SHADOW_NONE);
        core->state.shadow = SHADOW_NONE;
        ck_assert(runs(fixture, "fb"));
        ck_assert_uint_eq(core->state.shadow, SHADOW_NONE); /* it was set already */
        ck_assert(runs(fixture, "fa"));
        ck_assert_uint_eq(core->state.rflags_rest & (FLAG_IF | FLAG_VIF), 0);
        core->state.rflags_rest |= FLAG_VIP;
        ck_assert_int_eq(core_fixture_faults(fixture, "fb", VECTOR_GP), row->flag == FLAG_VIF);
    }
    core_fixture_destroy(fixture);
}
END_TEST

START_TEST(halting_and_tables)
{
    struct core_fixture *fixture = system_fixture_create(FIXTURE_LONG);
    struct cpu_state *state = &fixture->core.state;

    ck_assert(runs(fixture, "f4"));
    ck_assert_uint_eq(state->activity, ACTIVITY_HALTED);
    ck_assert_uint_eq(state->gpr[REG_RIP], FIXTURE_CODE + 1);
    state->gpr[REG_RBX] = FIXTURE_DATA;
    core_fixture_write(fixture, FIXTURE_DATA, 2, 0x123);
    core_fixture_write(fixture, FIXTURE_DATA + 2, 8, UINT64_C(0xffff800000001000));
    ck_assert(runs(fixture, "0f011b"));
    ck_assert_uint_eq(state->idtr.limit, 0x123);
    ck_assert_uint_eq(state->idtr.base, UINT64_C(0xffff800000001000));
    core_fixture_write(fixture, FIXTURE_DATA + 2, 8, BIT64(47));
    ck_assert(core_fixture_faults(fixture, "0f011b", VECTOR_GP));
    ck_assert(runs(fixture, "0f0103"));
    ck_assert_uint_eq(core_fixture_read(fixture, FIXTURE_DATA, 2), GDT_BYTES - 1);
    ck_assert_uint_eq(core_fixture_read(fixture, FIXTURE_DATA + 2, 8), GDT);
    state->gpr[REG_RAX] = TSS_LONG_SELECTOR;
    ck_assert(runs(fixture, "0f00d8"));
    ck_assert_uint_eq(state->tr.base, TSS_LONG);
    ck_assert_uint_eq(core_fixture_read(fixture, GDT + TSS_LONG_SELECTOR + 5, 1), 0x8b);
    ck_assert(core_fixture_faults(fixture, "0f00d8", VECTOR_GP)); /* busy */
    ck_assert_uint_eq(fixture->core.fault.error, TSS_LONG_SELECTOR);
    core_fixture_destroy(fixture);
}
END_TEST

START_TEST(xcr0_and_ac)
{
    struct core_fixture *fixture = system_fixture_create(FIXTURE_LONG);
    struct core *core = &fixture->core;

    core->state.cr4 |= CR4_OSXSAVE | CR4_SMAP;
    core_mode_update(core);
    core->state.gpr[REG_RAX] = 3;
    core->state.gpr[REG_RDX] = 0;
    core->state.gpr[REG_RCX] = 0;
    ck_assert(runs(fixture, "0f01d1"));
    ck_assert_uint_eq(core->state.xcr0, 3);
    core->state.gpr[REG_RAX] = 7; /* no AVX */
    ck_assert(core_fixture_faults(fixture, "0f01d1", VECTOR_GP));
    core->state.gpr[REG_RAX] = 2;
    ck_assert(core_fixture_faults(fixture, "0f01d1", VECTOR_GP));
    ck_assert(runs(fixture, "0f01d0"));
    ck_assert_uint_eq(core->state.gpr[REG_RAX], 3);
    core->state.gpr[REG_RCX] = 1;
    ck_assert(core_fixture_faults(fixture, "0f01d0", VECTOR_GP));
    core->state.gpr[REG_RBX] = FIXTURE_DATA; /* a user page */
    ck_assert(core_fixture_faults(fixture, "8b03", VECTOR_PF));
    ck_assert(runs(fixture, "0f01cb")); /* stac */
    ck_assert(runs(fixture, "8b03"));
    ck_assert(runs(fixture, "0f01ca"));
    ck_assert(core_fixture_faults(fixture, "8b03", VECTOR_PF));
    core_fixture_destroy(fixture);
}
END_TEST

START_TEST(reset_is_the_manuals)
{
    struct core_fixture *fixture = system_fixture_create(FIXTURE_LONG);
    struct core *core = &fixture->core;

    core->state.cr0 |= CR0_CD;
    core->state.pat = 0;
    core_reset(core, true); /* INIT */
    ck_assert_uint_eq(core->state.pat, 0);
    ck_assert_uint_eq(core->state.cr0, CR0_ET | CR0_CD);
    core_reset(core, false);
    ck_assert_uint_eq(core->state.cr0, 0x60000010);
    ck_assert_uint_eq(core->state.gpr[REG_RIP] + core->seg_base[SEG_CS], 0xfffffff0);
    ck_assert_uint_eq(core->state.gpr[REG_RDX], 0x106ca);
    ck_assert_uint_eq(core_rflags(core), 2);
    ck_assert_uint_eq(core->state.pat, UINT64_C(0x0007040600070406));
    ck_assert_uint_eq(core->state.idtr.limit, 0xffff);
    ck_assert_uint_eq(core->bits, 16);
    core_fixture_destroy(fixture);
}
END_TEST

static Suite *suite_system(void)
{
    Suite *suite = suite_create("cpu/exec/system");
    TCase *modes = tcase_create("modes");
    TCase *debug = tcase_create("debug");
    TCase *msrs = tcase_create("msrs");
    TCase *instructions = tcase_create("instructions");

    tcase_add_test(modes, real_to_protected_to_long_and_back);
    tcase_add_loop_test(modes, control_registers_refuse_reserved_bits, 0,
                        ARRAY_SIZE(control_cases));
    tcase_add_test(modes, pcid_needs_a_clear_cr3_and_keeps_bit_63_out);
    tcase_add_test(modes, pae_paging_loads_and_checks_pdptes);
    tcase_add_test(modes, machine_status_word);
    tcase_add_test(modes, reset_is_the_manuals);
    tcase_add_test(debug, debug_registers_alias_and_are_guarded);
    tcase_add_test(debug, data_breakpoints_are_noted_by_the_slow_path);
    tcase_add_test(debug, code_breakpoints_respect_rf);
    tcase_add_test(debug, alignment_is_checked_at_cpl3_with_am_and_ac);
    tcase_add_loop_test(msrs, msr_writes_follow_their_rules, 0, ARRAY_SIZE(msr_cases));
    tcase_add_test(msrs, gs_bases_swap_and_are_used);
    tcase_add_loop_test(instructions, user_mode_is_kept_out, 0, ARRAY_SIZE(user_cases));
    tcase_add_test(instructions, rdtsc_obeys_tsd_and_the_offset);
    tcase_add_loop_test(instructions, cli_and_sti_change_if_or_vif, 0, ARRAY_SIZE(flag_cases));
    tcase_add_test(instructions, halting_and_tables);
    tcase_add_test(instructions, xcr0_and_ac);
    suite_add_tcase(suite, modes);
    suite_add_tcase(suite, debug);
    suite_add_tcase(suite, msrs);
    suite_add_tcase(suite, instructions);
    return suite;
}

CHECK_MAIN(suite_system())
