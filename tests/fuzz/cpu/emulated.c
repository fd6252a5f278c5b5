/* verdite runs the cases: a core at CPL 3 with paging on, and the memory that the host has at the
 * same addresses. */
#include "tests/fuzz/cpu/case.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "base/host/mutex.h"
#include "cpu/cpu.h"
#include "cpu/exec/exec.h"
#include "cpu/exec/flags.h"
#include "cpu/exec/model.h"
#include "mmu/ram.h"
#include "mmu/space.h"

const struct case_segment case_segments[CASE_SEGS] = {
    [CASE_SEG_NULL] = { 0, 0, 0, SEG_UNUSABLE },
    [CASE_SEG_FLAT] = { 0x2b, 0, 0xffffffff,
                        3 | SEG_S | 3 << SEG_DPL_SHIFT | SEG_P | SEG_DB | SEG_G },
    [CASE_SEG_DATA] = { 0x07, CASE_DATA, 0x3fff, 3 | SEG_S | 3 << SEG_DPL_SHIFT | SEG_P | SEG_DB },
    [CASE_SEG_READ_ONLY] = { 0x0f, CASE_DATA + 0x1000, 0xffe,
                             1 | SEG_S | 3 << SEG_DPL_SHIFT | SEG_P | SEG_DB },
    [CASE_SEG_EXPAND_DOWN] = { 0x17, CASE_DATA, 0xfff,
                               7 | SEG_S | 3 << SEG_DPL_SHIFT | SEG_P | SEG_DB },
    [CASE_SEG_SMALL] = { 0x1f, CASE_DATA, 0xffff, 3 | SEG_S | 3 << SEG_DPL_SHIFT | SEG_P },
    [CASE_SEG_CODE_64] = { 0x33, 0, 0xffffffff,
                           0xb | SEG_S | 3 << SEG_DPL_SHIFT | SEG_P | SEG_L | SEG_G },
    [CASE_SEG_CODE_32] = { 0x23, 0, 0xffffffff,
                           0xb | SEG_S | 3 << SEG_DPL_SHIFT | SEG_P | SEG_DB | SEG_G },
    [CASE_SEG_CODE_LDT] = { 0x2f, CASE_CODE, 0xfff,
                            0xb | SEG_S | 3 << SEG_DPL_SHIFT | SEG_P | SEG_DB },
    [CASE_SEG_EXEC_ONLY] = { 0x3f, 0, 0xffffffff,
                             0x9 | SEG_S | 3 << SEG_DPL_SHIFT | SEG_P | SEG_DB | SEG_G },
    [CASE_SEG_ABSENT] = { 0x47, CASE_DATA, 0x3fff, 3 | SEG_S | 3 << SEG_DPL_SHIFT | SEG_DB },
    [CASE_SEG_CODE_16] = { 0x27, CASE_CODE, 0xffff, 0xb | SEG_S | 3 << SEG_DPL_SHIFT | SEG_P },
};

/* System physical addresses. */
enum {
    SPA_DATA = 0x10000,
    SPA_READ_ONLY = 0x20000,
    SPA_CODE = 0x21000,
    SPA_SYSTEM = 0x22000,
    SPA_JUMP = 0x23000,
    SPA_TABLES = 0x30000,
    RAM_BYTES = 0x40000,
};

/* Linear addresses of the descriptor tables: one page, the system's. */
#define SYSTEM_PAGE UINT64_C(0xffffc00000000000) /* the kernel's half, as on the host */
#define SYSTEM_GDT  SYSTEM_PAGE
#define SYSTEM_LDT  (SYSTEM_PAGE + 0x800)
#define SYSTEM_TSS  (SYSTEM_PAGE + 0xc00) /* without I/O permissions */

/* Page behind CASE_CODE for jump_before: far from what cases touch. */
enum { LDT_ENTRIES = 9, JUMP_PAGE = 0x1a7 };

enum { ENTRY_P = 1, ENTRY_W = 2, ENTRY_U = 4, ENTRY_A = 32, ENTRY_D = 64, REP_LIMIT = 1 << 20 };

struct emulated {
    struct ram ram;
    struct space space;
    struct cpu_model model;
    const struct case_memory *memory;
    bool jumps;            /* see jump_before */
    struct emulated *twin; /* interprets what this one translates; NULL: nothing is translated */
    struct cpu cpu;
};

/* ---- the world around the core: nothing ---- */

static enum io_status missed(void *opaque, void *vp, gpa_t gpa, unsigned right, uint32_t size,
                             uint64_t *value)
{
    (void)opaque, (void)vp, (void)gpa, (void)right, (void)size, (void)value;
    return IO_NO_REGISTER;
}

static void code_written(void *opaque, void *vp, spa_t spa, size_t length_bytes,
                         enum ram_write_phase phase)
{
    (void)vp;
    if (phase == RAM_WRITE_DONE) {
        return;
    }
    cpu_code_written(&((struct emulated *)opaque)->cpu, spa, length_bytes);
}

static int acknowledge(void *owner)
{
    (void)owner;
    return -1;
}

static bool none(void *owner)
{
    (void)owner;
    return false;
}

static enum core_status port_read(void *owner, uint16_t port, unsigned size, uint32_t *value)
{
    (void)owner, (void)port, (void)size, (void)value;
    return CORE_GP;
}

static enum core_status port_write(void *owner, uint16_t port, unsigned size, uint32_t value)
{
    (void)owner, (void)port, (void)size, (void)value;
    return CORE_GP;
}

static enum core_status msr_read(void *owner, uint32_t msr, uint64_t *value)
{
    (void)owner, (void)msr, (void)value;
    return CORE_GP;
}

static enum core_status msr_write(void *owner, uint32_t msr, uint64_t value)
{
    (void)owner, (void)msr, (void)value;
    return CORE_GP;
}

static enum core_status cpuid(void *owner, uint32_t leaf, uint32_t subleaf, uint32_t regs[4])
{
    (void)owner, (void)leaf, (void)subleaf, (void)regs;
    return CORE_OK;
}

static enum core_status vmcall(void *owner, bool amd_form)
{
    (void)owner, (void)amd_form;
    return CORE_UD;
}

static uint64_t zero(void *owner)
{
    (void)owner;
    return 0;
}

static uint8_t cr8_read(void *owner)
{
    (void)owner;
    return 0;
}

static void cr8_write(void *owner, uint8_t value)
{
    (void)owner, (void)value;
}

static void fpu_error(void *owner)
{
    (void)owner;
}

static const struct ram_ops ram_ops = { .code_written = code_written };
static const struct space_ops space_ops = { .missed = missed };
static const struct core_ops core_ops = {
    .port_read = port_read,
    .port_write = port_write,
    .msr_read = msr_read,
    .msr_write = msr_write,
    .cpuid = cpuid,
    .vmcall = vmcall,
    .tsc = zero,
    .random = zero,
    .cr8_read = cr8_read,
    .cr8_write = cr8_write,
    .fpu_error = fpu_error,
};

static const struct cpu_interrupts interrupts = { acknowledge, none, none };

/* ---- setting up ---- */

static void entry_set(struct emulated *emulated, unsigned table, uint64_t index, uint64_t entry)
{
    memcpy(ram_host(&emulated->ram, SPA_TABLES + table * PAGE_SIZE + index * 8), &entry,
           sizeof(entry));
}

static uint64_t table_entry(unsigned table)
{
    return (SPA_TABLES + table * PAGE_SIZE) | ENTRY_P | ENTRY_W | ENTRY_U;
}

/* Tables: 0 PML4, 1 PDPT, 2 PD, 3 PT of the data, 4 PT of the code, 5 to 7 those of the descriptor tables. */
static void pages_map(struct emulated *emulated)
{
    entry_set(emulated, 0, 0, table_entry(1));
    entry_set(emulated, 1, 0, table_entry(2));
    entry_set(emulated, 2, CASE_DATA >> 21, table_entry(3));
    entry_set(emulated, 2, CASE_CODE >> 21, table_entry(4));
    for (uint64_t i = 0; i < CASE_DATA_PAGES; i++) {
        entry_set(emulated, 3, i,
                  (SPA_DATA + i * PAGE_SIZE) | ENTRY_P | ENTRY_W | ENTRY_U | BIT64(63));
    }
    entry_set(emulated, 3, (CASE_READ_ONLY - CASE_DATA) / PAGE_SIZE,
              SPA_READ_ONLY | ENTRY_P | ENTRY_U | BIT64(63));
    entry_set(emulated, 4, 0, SPA_CODE | ENTRY_P | ENTRY_U);
    entry_set(emulated, 4, JUMP_PAGE, SPA_JUMP | ENTRY_P | ENTRY_U);
    for (unsigned level = 0; level < 3; level++) { /* indices 384, 0, 0, 0 */
        entry_set(emulated, level == 0 ? 0 : 4 + level, level == 0 ? 384 : 0,
                  table_entry(5 + level));
    }
    entry_set(emulated, 7, 0, SPA_SYSTEM | ENTRY_P | ENTRY_W | BIT64(63));
}

static void descriptor_set(struct emulated *emulated, uint16_t selector, uint32_t base,
                           uint32_t limit, uint32_t attributes)
{
    uint64_t at = (selector & 4 ? SYSTEM_LDT - SYSTEM_PAGE : 0) + ((uint32_t)selector & 0xfff8);
    uint32_t field = attributes & SEG_G ? limit >> 12 : limit;
    uint64_t descriptor = (field & 0xffff) | (uint64_t)(base & 0xffffff) << 16 |
                          (uint64_t)(attributes & 0xf0ff) << 40 |
                          (uint64_t)(field >> 16 & 0xf) << 48 | (uint64_t)(base >> 24) << 56;

    memcpy(ram_host(&emulated->ram, SPA_SYSTEM + at), &descriptor, sizeof(descriptor));
}

/* The host kernel's GDT as far as cases name it, and the LDT that native.c sets. */
static void descriptors_set(struct emulated *emulated)
{
    struct cpu_state *state = &emulated->cpu.core.state;

    for (unsigned i = CASE_SEG_FLAT; i < CASE_SEGS; i++) {
        const struct case_segment *s = &case_segments[i];
        descriptor_set(emulated, s->selector, s->base, s->limit, s->attributes);
    }
    for (unsigned selector = 3; selector < 0x80; selector += 8) {
        uint32_t attributes, limit;
        if (native_descriptor((uint16_t)selector, &attributes, &limit)) {
            descriptor_set(emulated, (uint16_t)selector, 0, limit, attributes);
        }
    }
    descriptor_set(emulated, 0x08, 0, UINT32_MAX, 0xc09b);
    descriptor_set(emulated, 0x10, 0, UINT32_MAX, 0xa09b);
    descriptor_set(emulated, 0x18, 0, UINT32_MAX, 0xc093);
    state->gdtr = (struct x86_table){ SYSTEM_GDT, 0x7f };
    ram_host(&emulated->ram, SPA_SYSTEM + (SYSTEM_TSS - SYSTEM_PAGE))[0x66] =
        0x68; /* I/O map base: its end */
    state->tr = (struct x86_segment){ SYSTEM_TSS, 0x67, SEG_P | 11, 0x40 };
    state->ldtr = (struct x86_segment){ SYSTEM_LDT, LDT_ENTRIES * 8 - 1, SEG_P | 2, 0x50 };
}

static struct emulated *create(bool translate)
{
    struct emulated *emulated = calloc(1, sizeof(*emulated));

    if (emulated == NULL || ram_init(&emulated->ram, RAM_BYTES, NULL) != 0 ||
        space_init(&emulated->space, &emulated->ram, 40) != 0 ||
        space_map(&emulated->space, 0, 0, RAM_BYTES / PAGE_SIZE, SPACE_RWX) != 0) {
        abort();
    }
    struct core *core = &emulated->cpu.core;
    emulated->ram.ops = &ram_ops;
    emulated->ram.ops_opaque = emulated;
    emulated->space.ops = &space_ops;
    emulated->model = cpu_models[0];
    emulated->model.features = (FEATURE_COUNT == 64 ? 0 : BIT64(FEATURE_COUNT % 64)) - 1;
    pages_map(emulated);
    if (cpu_init(&emulated->cpu, &emulated->model, &emulated->space, &core_ops, &interrupts,
                 emulated, NULL) != 0) {
        abort();
    }
    core->state.idtr.limit = 0; /* a fault cannot be delivered: it ends cpu_run */
    core->state.cr0 = CR0_PE | CR0_PG | CR0_WP | CR0_NE | CR0_MP | CR0_AM | CR0_ET;
    core->state.cr4 = CR4_PAE | CR4_PSE | CR4_DE | CR4_PGE | CR4_OSFXSR | CR4_OSXMMEXCPT |
                      CR4_OSXSAVE | CR4_FSGSBASE;
    core->state.efer = EFER_LME | EFER_LMA | EFER_NXE | EFER_SCE;
    core->state.cr3 = SPA_TABLES;
    core->state.xcr0 = 7;
    mmu_paging_set(&core->mmu, core->state.cr0, core->state.cr3, core->state.cr4, core->state.efer);
    memset(ram_host(&emulated->ram, SPA_CODE), 0xcc, PAGE_SIZE);
    descriptors_set(emulated);
    struct cpu_translation how = { .counted = true, .tsc_free = true, .at_once = true };
    if (translate && cpu_translate(&emulated->cpu, how, NULL) != 0) {
        abort();
    }
    return emulated;
}

/* ENGINE=translator: 64-bit cases are translated, and must end as their interpretation does. */
struct emulated *emulated_create(void)
{
    const char *engine = getenv("ENGINE");
    bool translate = engine != NULL && strcmp(engine, "translator") == 0;
    struct emulated *emulated = create(translate);

    if (translate) {
        emulated->twin = create(false);
        emulated->jumps = emulated->twin->jumps = true;
    }
    return emulated;
}

void emulated_memory(struct emulated *emulated, const struct case_memory *memory)
{
    if (emulated->twin != NULL) {
        emulated_memory(emulated->twin, memory);
    }
    emulated->memory = memory;
    memcpy(ram_host(&emulated->ram, SPA_DATA), memory->data, CASE_DATA_SIZE);
    memcpy(ram_host(&emulated->ram, SPA_READ_ONLY), memory->read_only, CASE_PAGE);
}

/* ---- state in and out ---- */

static uint16_t fx16(const uint8_t *fx, unsigned at)
{
    return (uint16_t)(fx[at] | fx[at + 1] << 8);
}

static void fx_load(struct cpu_state *state, const uint8_t *fx)
{
    unsigned top = fx16(fx, FX_FSW) >> 11 & 7;

    state->x87.control = fx16(fx, FX_FCW);
    state->x87.status = fx16(fx, FX_FSW);
    state->x87.valid = fx[FX_FTW];
    for (unsigned i = 0; i < 8; i++) {
        struct x87_value *value = &state->x87.reg[(top + i) & 7];
        memcpy(&value->significand, fx + FX_ST + 16 * i, 8);
        memcpy(&value->sign_exponent, fx + FX_ST + 16 * i + 8, 2);
    }
    memcpy(&state->mxcsr, fx + FX_MXCSR, 4);
    memcpy(state->xmm, fx + FX_XMM, sizeof(state->xmm));
}

static void fx_store(const struct cpu_state *state, uint8_t *fx)
{
    unsigned top = state->x87.status >> 11 & 7;

    memset(fx, 0, CASE_FX);
    memcpy(fx + FX_FCW, &state->x87.control, 2);
    memcpy(fx + FX_FSW, &state->x87.status, 2);
    fx[FX_FTW] = state->x87.valid;
    for (unsigned i = 0; i < 8; i++) {
        const struct x87_value *value = &state->x87.reg[(top + i) & 7];
        memcpy(fx + FX_ST + 16 * i, &value->significand, 8);
        memcpy(fx + FX_ST + 16 * i + 8, &value->sign_exponent, 2);
    }
    memcpy(fx + FX_MXCSR, &state->mxcsr, 4);
    memcpy(fx + FX_XMM, state->xmm, sizeof(state->xmm));
}

static void case_load(struct core *core, const struct fuzz_case *c)
{
    struct cpu_state *state = &core->state;

    memcpy(state->gpr, c->gpr, sizeof(c->gpr));
    state->gpr[REG_RIP] = case_rip(c);
    for (unsigned i = 0; i < SEG_COUNT; i++) {
        const struct case_segment *segment = &case_segments[c->seg[i]];
        state->seg[i] = (struct x86_segment){ segment->base, segment->limit, segment->attributes,
                                              segment->selector };
    }
    if (c->bits == 64) {
        state->seg[SEG_FS].base = c->fs_base;
        state->seg[SEG_GS].base = c->gs_base;
    }
    fx_load(state, c->fx);
    memcpy(state->ymm_high, c->ymm, CASE_YMM);
    core_rflags_set(core, c->rflags);
    core_mode_update(core);
    core->pending = 0;
    core->debug_pending = 0;
    core->budget = INT64_MAX / 2;
}

static void case_store(const struct core *core, struct fuzz_result *result)
{
    result->rip = core->state.gpr[REG_RIP];
    memcpy(result->gpr, core->state.gpr, sizeof(result->gpr));
    result->rflags = core_rflags(core);
    for (unsigned i = 0; i < SEG_COUNT; i++) {
        result->selector[i] = core->state.seg[i].selector;
    }
    result->fs_base = core->state.seg[SEG_FS].base;
    result->gs_base = core->state.seg[SEG_GS].base;
    fx_store(&core->state, result->fx);
    memcpy(result->ymm, core->state.ymm_high, CASE_YMM);
}

/* ---- running ---- */

/* What stands behind the one instruction, as the block builder has it. */
static void run_end(struct core *core, const struct insn *insn)
{
    core->state.gpr[REG_RIP] = insn_rip(core, insn) & core->ip_mask;
}

/* One pass through the instruction; a repeated one may need more. */
static enum core_unwind run_once(struct core *core, const struct insn *insn)
{
    jmp_buf unwind;

    core->insn = insn;
    core->unwind = &unwind;
    int how = setjmp(unwind);
    if (how == 0) {
        insn[0].exec(core, insn);
    }
    core->unwind = NULL;
    core->insn = NULL;
    return (enum core_unwind)how;
}

static void fault_store(const struct x86_fault *fault, struct fuzz_result *result)
{
    result->vector = fault->vector;
    result->error = fault->has_error ? fault->error : 0;
    result->address = fault->address;
    if (fault->vector == VECTOR_PF &&
        fault->address - CASE_CODE - JUMP_PAGE * PAGE_SIZE < PAGE_SIZE) {
        result->error &= ~1u; /* the host has nothing there */
    }
}

static void single_run(struct emulated *emulated, const struct fuzz_case *c,
                       struct fuzz_result *result)
{
    struct core *core = &emulated->cpu.core;
    struct insn insn[2] = { 0 };
    enum core_unwind how = UNWIND_NONE;
    unsigned passes = 0;

    uint8_t *code = ram_host(&emulated->ram, SPA_CODE + c->code_offset);
    memcpy(code, c->native, c->n); /* it may be read as data */
    case_load(core, c);
    decode_insn(c->bytes, c->n, (struct decode_mode){ core->bits, core->flat }, &insn[0]);
    if (insn[0].base == REG_RIP) {
        insn[0].disp += insn[0].length;
    }
    insn[0].exec = exec_choose(&insn[0]);
    insn[1] = (struct insn){ .exec = run_end, .op = OP_NOP, .offset = insn[0].length };
    do {
        how = run_once(core, insn);
    } while (how != UNWIND_FAULT && insn[0].flags & (INSN_REP | INSN_REPNE) &&
             core->state.gpr[REG_RIP] == case_rip(c) && passes++ < REP_LIMIT);
    case_store(core, result);
    result->completed = how != UNWIND_FAULT && how != UNWIND_SUSPEND;
    if (!result->completed) {
        fault_store(&core->fault, result);
    }
    memset(code, 0xcc, c->n);
}

enum { JUMP_BYTES = 5 };

/* The first block of cpu_run is interpreted: let it be a jump to the case, in a page of its own. */
static void jump_before(struct emulated *emulated, const struct fuzz_case *c)
{
    uint32_t distance = c->code_offset - (uint32_t)(JUMP_PAGE * PAGE_SIZE + JUMP_BYTES);
    uint8_t jump[JUMP_BYTES] = { 0xe9 };

    memcpy(jump + 1, &distance, sizeof(distance));
    ram_write(&emulated->ram, SPA_JUMP, jump, sizeof(jump));
    emulated->cpu.core.state.gpr[REG_RIP] = case_rip(c) - c->code_offset + JUMP_PAGE * PAGE_SIZE;
}

static void sequence_run(struct emulated *emulated, const struct fuzz_case *c,
                         struct fuzz_result *result)
{
    struct cpu *cpu = &emulated->cpu;
    uint8_t fill[CASE_BYTES];

    ram_write(&emulated->ram, SPA_CODE + c->code_offset, c->bytes, c->n);
    cpu->core.state.activity = ACTIVITY_RUNNING;
    cpu->core.state.shadow = SHADOW_NONE;
    case_load(&cpu->core, c);
    cpu->core.pending = 0;
    if (c->bits == 64 && emulated->jumps) {
        jump_before(emulated, c);
    }
    /* Half of them stop by count, in a block cut short, unless it is to be translated; the others run on into the INT3
     * behind, as whole blocks. */
    bool cut = (c->index & 1) && c->steps != 0 && !(c->bits == 64 && emulated->jumps);
    enum cpu_exit exit = cpu_run(cpu, cut ? c->count : 1000);
    case_store(&cpu->core, result);
    result->completed = exit != CPU_EXIT_TRIPLE_FAULT || result->rip - case_rip(c) >= c->n;
    if (!result->completed) {
        fault_store(&cpu->first_fault, result);
    }
    memset(fill, 0xcc, sizeof(fill));
    ram_write(&emulated->ram, SPA_CODE + c->code_offset, fill, c->n);
}

/* What no result holds: the last x87 instruction. */
static bool same_pointers(const struct cpu_state *a, const struct cpu_state *b)
{
    return a->x87.opcode == b->x87.opcode && a->x87.instruction == b->x87.instruction &&
           a->x87.data == b->x87.data &&
           a->x87.instruction_selector == b->x87.instruction_selector &&
           a->x87.data_selector == b->x87.data_selector;
}

/* Both engines, from the same state. False: they end differently. */
static bool engines_agree(struct emulated *emulated, const struct fuzz_case *c,
                          struct fuzz_result *result)
{
    struct fuzz_result *other = calloc(1, sizeof(*other));
    struct core *core = &emulated->cpu.core, *twin = &emulated->twin->cpu.core;

    if (other == NULL) {
        abort();
    }
    core->retired = twin->retired = 0;
    twin->state.x87 =
        core->state.x87; /* the pointers, which no case sets, of cases that were not for both */
    sequence_run(emulated, c, result);
    sequence_run(emulated->twin, c, other);
    result_memory(result, ram_host(&emulated->ram, SPA_DATA), emulated->memory);
    result_memory(other, ram_host(&emulated->twin->ram, SPA_DATA), emulated->memory);
    bool same = core->retired == twin->retired && same_pointers(&core->state, &twin->state) &&
                memcmp(result, other, offsetof(struct fuzz_result, data)) == 0;
    for (unsigned page = 0; same && page < CASE_DATA_PAGES; page++) {
        size_t at = (size_t)page * CASE_PAGE;
        same = !(result->pages_changed >> page & 1) ||
               memcmp(result->data + at, other->data + at, CASE_PAGE) == 0;
    }
    free(other);
    return same;
}

/* ---- pages that fault ---- */

enum { DATA_ENTRIES = (CASE_READ_ONLY - CASE_DATA) / CASE_PAGE + 1 };

/* Bits taken from a page's entry, by a random number. */
static const uint64_t trouble[8] = {
    0, 0, ENTRY_P, ENTRY_W, ENTRY_U, ENTRY_A | ENTRY_D, ENTRY_D, ENTRY_W | ENTRY_D
};

/* Enter the data pages, with bits taken from them. random 0: nothing is. */
static void data_map(struct emulated *emulated, uint64_t random)
{
    struct mmu *mmu = &emulated->cpu.core.mmu;

    for (uint64_t i = 0; i < DATA_ENTRIES; i++) {
        uint64_t entry = BIT64(63) | ENTRY_P | ENTRY_U | ENTRY_A | ENTRY_D;
        if (i == DATA_ENTRIES - 1) {
            entry |= SPA_READ_ONLY;
        } else if (i < CASE_DATA_PAGES) {
            entry |= (SPA_DATA + i * PAGE_SIZE) | ENTRY_W;
        } else {
            continue; /* nothing is there */
        }
        entry_set(emulated, 3, i, entry & ~trouble[random >> 3 * i & 7]);
        mmu_flush_page(mmu, CASE_DATA + i * PAGE_SIZE);
    }
}

/* Once more with random rights: whatever faults, where and in which of the engines, the state is the same, and
 * where nothing does the accessed and dirty bits, too. */
static bool engines_agree_in_trouble(struct emulated *emulated, const struct fuzz_case *c)
{
    struct emulated *twin = emulated->twin;
    uint64_t random = c->index * UINT64_C(0x9e3779b97f4a7c15) >> 32;
    struct fuzz_result *result = calloc(1, sizeof(*result));

    if (result == NULL) {
        abort();
    }
    data_map(emulated, random);
    data_map(twin, random);
    /* A CALL to where none may go has its stack checked by one engine before it faults. */
    bool same = engines_agree(emulated, c, result);
    same = same && (!result->completed ||
                    memcmp(ram_host(&emulated->ram, SPA_TABLES + 3 * PAGE_SIZE),
                           ram_host(&twin->ram, SPA_TABLES + 3 * PAGE_SIZE), PAGE_SIZE) == 0);
    data_map(emulated, 0);
    data_map(twin, 0);
    free(result);
    return same;
}

/* A difference becomes a vector that no processor has. */
static void both_run(struct emulated *emulated, const struct fuzz_case *c,
                     struct fuzz_result *result)
{
    enum { DIFFER = 0xee, DIFFER_IN_TROUBLE = 0xef };

    if (!engines_agree(emulated, c, result)) {
        result->completed = false;
        result->vector = DIFFER;
    } else if ((c->index & 3) == 0 && !engines_agree_in_trouble(emulated, c)) {
        result->completed = false;
        result->vector = DIFFER_IN_TROUBLE;
    }
}

void emulated_run(struct emulated *emulated, const struct fuzz_case *c, struct fuzz_result *result)
{
    memset(result, 0, offsetof(struct fuzz_result, data));
    if (emulated->twin != NULL && c->bits == 64) {
        both_run(emulated, c, result);
        return;
    }
    if (c->steps == 0) {
        single_run(emulated, c, result);
    } else {
        sequence_run(emulated, c, result);
    }
    result_memory(result, ram_host(&emulated->ram, SPA_DATA), emulated->memory);
}
