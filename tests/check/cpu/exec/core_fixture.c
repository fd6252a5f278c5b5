/* A core over 2 MiB of RAM for tests of cpu/exec. */
#include "tests/check/cpu/exec/core_fixture.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/exec/exec.h"
#include "cpu/exec/flags.h"
#include "cpu/exec/model.h"

enum { TABLE_PRESENT = 1, TABLE_WRITABLE = 2, TABLE_USER = 4, TABLE_ALL = 7 };

/* ---- the world around the core ---- */

static enum io_status device_read(void *device, uint64_t offset, uint32_t size, uint64_t *value)
{
    struct core_fixture *fixture = device;

    if (fixture->device_suspends) {
        return IO_SUSPEND;
    }
    *value = 0;
    memcpy(value, &fixture->device[offset], size);
    return IO_OK;
}

static enum io_status device_write(void *device, uint64_t offset, uint32_t size, uint64_t value)
{
    struct core_fixture *fixture = device;

    if (fixture->device_suspends) {
        return IO_SUSPEND;
    }
    memcpy(&fixture->device[offset], &value, size);
    return IO_OK;
}

static const struct io_region device_region = {
    "fixture", IO_MMIO, PAGE_SIZE, 1 | 2 | 4 | 8, device_read, device_write,
};

static enum io_status space_missed(void *opaque, void *vp, gpa_t gpa, unsigned right, uint32_t size,
                                   uint64_t *value)
{
    (void)opaque, (void)vp, (void)gpa, (void)right, (void)size, (void)value;
    return IO_NO_REGISTER;
}

static const struct space_ops space_ops = { .missed = space_missed };

static void code_written(void *opaque, void *vp, spa_t spa, size_t length_bytes,
                         enum ram_write_phase phase)
{
    (void)vp;
    (void)phase;
    (void)opaque, (void)spa, (void)length_bytes;
}

static const struct ram_ops ram_ops = { .code_written = code_written };

static enum core_status port_read(void *owner, uint16_t port, unsigned size, uint32_t *value)
{
    (void)owner, (void)size;
    *value = port;
    return CORE_OK;
}

static enum core_status port_write(void *owner, uint16_t port, unsigned size, uint32_t value)
{
    (void)owner, (void)port, (void)size, (void)value;
    return CORE_OK;
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

static uint64_t fixed_number(void *owner)
{
    (void)owner;
    return 0x123456789;
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

static const struct core_ops core_ops = {
    .port_read = port_read,
    .port_write = port_write,
    .msr_read = msr_read,
    .msr_write = msr_write,
    .cpuid = cpuid,
    .vmcall = vmcall,
    .tsc = fixed_number,
    .random = fixed_number,
    .cr8_read = cr8_read,
    .cr8_write = cr8_write,
    .fpu_error = fpu_error,
};

/* ---- modes ---- */

static void map_one_to_one(struct core_fixture *fixture)
{
    enum { PML4 = FIXTURE_TABLES, PDPT = PML4 + 0x1000, PD = PML4 + 0x2000, PT = PML4 + 0x3000 };

    core_fixture_write(fixture, PML4, 8, PDPT | TABLE_ALL);
    core_fixture_write(fixture, PDPT, 8, PD | TABLE_ALL);
    core_fixture_write(fixture, PD, 8, PT | TABLE_ALL);
    for (unsigned i = 0; i < 512; i++) {
        uint64_t page = i * PAGE_SIZE, entry = page | TABLE_ALL;

        if (page == FIXTURE_HOLE) {
            entry = 0;
        } else if (page == FIXTURE_READ_ONLY) {
            entry = page | TABLE_PRESENT | TABLE_USER;
        } else if (page == FIXTURE_DEVICE) {
            entry = FIXTURE_DEVICE_GPA | TABLE_ALL;
        }
        core_fixture_write(fixture, PT + i * 8, 8, entry);
    }
}

static void segments_set(struct cpu_state *state, uint32_t code, uint32_t data, uint32_t limit)
{
    for (unsigned i = 0; i < SEG_COUNT; i++) {
        state->seg[i] = (struct x86_segment){ .limit = limit,
                                              .attributes = i == SEG_CS ? code : data,
                                              .selector = i == SEG_CS ? 0x08 : 0x10 };
    }
}

static void mode_set(struct core_fixture *fixture, enum fixture_mode mode)
{
    struct cpu_state *state = &fixture->core.state;
    const uint32_t code = 0xb | SEG_S | SEG_P, data = 0x3 | SEG_S | SEG_P;

    state->cr0 = CR0_ET | CR0_NE | CR0_MP;
    state->cr4 = CR4_OSFXSR | CR4_OSXMMEXCPT;
    if (mode == FIXTURE_REAL) {
        segments_set(state, 0x3 | SEG_S | SEG_P, data, 0xffff);
        for (unsigned i = 0; i < SEG_COUNT; i++) {
            state->seg[i].selector = 0;
        }
    } else if (mode == FIXTURE_FLAT32) {
        state->cr0 |= CR0_PE;
        segments_set(state, code | SEG_DB | SEG_G, data | SEG_DB | SEG_G, UINT32_MAX);
    } else {
        state->cr0 |= CR0_PE | CR0_PG | CR0_WP;
        state->cr4 |= CR4_PAE;
        state->efer = EFER_LME | EFER_LMA | EFER_NXE | EFER_SCE;
        state->cr3 = FIXTURE_TABLES;
        segments_set(state, code | SEG_L | SEG_G, data | SEG_DB | SEG_G, UINT32_MAX);
        map_one_to_one(fixture);
    }
    mmu_paging_set(&fixture->core.mmu, state->cr0, state->cr3, state->cr4, state->efer);
    core_mode_update(&fixture->core);
    fixture->core.pending = 0;
}

struct core_fixture *core_fixture_create(enum fixture_mode mode)
{
    struct core_fixture *fixture = calloc(1, sizeof(*fixture));
    struct core *core = &fixture->core;

    if (ram_init(&fixture->ram, FIXTURE_RAM, NULL) != 0 ||
        space_init(&fixture->space, &fixture->ram, 40) != 0) {
        abort();
    }
    fixture->ram.ops = &ram_ops;
    host_mutex_init(&fixture->device_lock);
    bus_init(&fixture->mmio, IO_MMIO);
    if (bus_attach(&fixture->mmio, &device_region, FIXTURE_DEVICE_GPA, fixture,
                   &fixture->device_lock) != 0 ||
        space_map(&fixture->space, 0, 0, FIXTURE_RAM / PAGE_SIZE, SPACE_RWX) != 0) {
        abort();
    }
    fixture->space.mmio = &fixture->mmio;
    fixture->space.ops = &space_ops;
    mmu_init(&core->mmu, &fixture->space, fixture);
    core->ops = &core_ops;
    core->owner = fixture;
    core->model = &cpu_models[0];
    core_reset(core, false);
    memset(core->state.gpr, 0, sizeof(core->state.gpr));
    core->state.gpr[REG_RIP] = FIXTURE_CODE;
    core->state.gpr[REG_RSP] = FIXTURE_STACK;
    core_rflags_set(core, FLAG_ONE);
    core->state.x87.control = 0x37f;
    core->state.mxcsr = 0x1f80;
    mode_set(fixture, mode);
    return fixture;
}

void core_fixture_destroy(struct core_fixture *fixture)
{
    bus_detach(&fixture->mmio, &device_region, fixture);
    host_mutex_fini(&fixture->device_lock);
    space_fini(&fixture->space);
    ram_fini(&fixture->ram);
    free(fixture);
}

/* ---- running ---- */

/* What stands behind the one instruction, as the block builder does it. */
static void run_end(struct core *core, const struct insn *insn)
{
    core->state.gpr[REG_RIP] = insn_rip(core, insn) & core->ip_mask;
}

enum core_unwind core_fixture_run(struct core_fixture *fixture, const void *bytes, size_t n)
{
    struct core *core = &fixture->core;
    struct insn insn[2] = { 0 };
    uint8_t padded[INSN_MAX_LENGTH] = { 0 };
    jmp_buf unwind;

    memcpy(padded, bytes, n < sizeof(padded) ? n : sizeof(padded));
    memcpy(core_fixture_at(fixture, FIXTURE_CODE), padded, sizeof(padded));
    core->state.gpr[REG_RIP] = FIXTURE_CODE;
    if (decode_insn(padded, sizeof(padded), (struct decode_mode){ core->bits, core->flat },
                    &insn[0]) != DECODE_OK ||
        insn[0].length != n) {
        abort(); /* the test's bytes are not one instruction */
    }
    if (insn[0].base == REG_RIP) {
        insn[0].disp += insn[0].length;
    }
    insn[0].exec = exec_choose_for(core->model, &insn[0], core->bits);
    insn[1] = (struct insn){ .exec = run_end, .op = OP_NOP, .offset = insn[0].length };
    core->insn = insn;
    core->first = insn;
    core->unwind = &unwind;
    int how = setjmp(unwind);
    if (how == 0) {
        insn[0].exec(core, insn);
    }
    core->unwind = NULL;
    core->insn = NULL;
    return (enum core_unwind)how;
}

enum core_unwind core_fixture_run_hex(struct core_fixture *fixture, const char *hex)
{
    uint8_t bytes[INSN_MAX_LENGTH];
    size_t n = 0;

    while (*hex != '\0') {
        if (isspace((unsigned char)*hex)) {
            hex++;
            continue;
        }
        char digits[3] = { hex[0], hex[1], 0 };
        if (n == sizeof(bytes) || !isxdigit((unsigned char)hex[0]) ||
            !isxdigit((unsigned char)hex[1])) {
            abort();
        }
        bytes[n++] = (uint8_t)strtoul(digits, NULL, 16);
        hex += 2;
    }
    return core_fixture_run(fixture, bytes, n);
}

bool core_fixture_faults(struct core_fixture *fixture, const char *hex, unsigned vector)
{
    return core_fixture_run_hex(fixture, hex) == UNWIND_FAULT &&
           fixture->core.fault.vector == vector && fixture->core.state.gpr[REG_RIP] == FIXTURE_CODE;
}

uint64_t core_fixture_read(struct core_fixture *fixture, uint64_t address, unsigned size)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < size; i++) {
        value |= (uint64_t)*core_fixture_at(fixture, address + i) << (8 * i);
    }
    return value;
}

void core_fixture_write(struct core_fixture *fixture, uint64_t address, unsigned size,
                        uint64_t value)
{
    for (unsigned i = 0; i < size; i++) {
        *core_fixture_at(fixture, address + i) = (uint8_t)(value >> (8 * i));
    }
}
