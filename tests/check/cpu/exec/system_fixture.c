/* A core fixture with descriptor tables, task state segments and stacks of two privilege levels. */
#include "tests/check/cpu/exec/system_fixture.h"

#include "cpu/exec/flags.h"
#include "cpu/exec/segment.h"

enum { DPL3 = 3 << SEG_DPL_SHIFT };
enum {
    CODE_RX = SEG_P | SEG_S | SEG_CODE | SEG_READABLE,
    DATA_RW = SEG_P | SEG_S | SEG_WRITABLE,
    FLAT = SEG_DB | SEG_G,
};

uint64_t descriptor_make(uint32_t base, uint32_t limit, uint32_t attributes)
{
    return (limit & 0xffff) | (uint64_t)(base & 0xffffff) << 16 | (uint64_t)attributes << 40 |
           (uint64_t)(limit & 0xf0000) << 32 | (uint64_t)(base >> 24) << 56;
}

uint64_t gate_make(uint16_t selector, uint32_t offset, unsigned type, unsigned dpl, unsigned low)
{
    return (offset & 0xffff) | (uint64_t)selector << 16 | (uint64_t)low << 32 |
           (uint64_t)(type | dpl << SEG_DPL_SHIFT | SEG_P) << 40 |
           (uint64_t)(offset & 0xffff0000) << 32;
}

static void gdt_fill(struct core_fixture *fixture)
{
    const struct {
        uint16_t selector;
        uint64_t raw;
    } rows[] = {
        { CODE0, descriptor_make(0, 0xfffff, CODE_RX | FLAT) },
        { DATA0, descriptor_make(0, 0xfffff, DATA_RW | FLAT) },
        { CODE3, descriptor_make(0, 0xfffff, CODE_RX | FLAT | DPL3) },
        { DATA3, descriptor_make(0, 0xfffff, DATA_RW | FLAT | DPL3) },
        { CODE16, descriptor_make(0, 0xffff, CODE_RX) },
        { DATA16, descriptor_make(0, 0xffff, DATA_RW) },
        { CONFORMING, descriptor_make(0, 0xfffff, CODE_RX | SEG_CONFORMING | FLAT) },
        { ABSENT, descriptor_make(0, 0xfffff, (DATA_RW | FLAT) & ~SEG_P) },
        { READ_ONLY, descriptor_make(0, 0xfffff, SEG_P | SEG_S | FLAT) },
        { EXECUTE_ONLY, descriptor_make(0, 0xfffff, SEG_P | SEG_S | SEG_CODE | FLAT) },
        { SMALL_CODE, descriptor_make(0, 0xfff, CODE_RX | SEG_DB) },
        { LDT_A, descriptor_make(LDT, 0xff, SEG_P | SYSTEM_LDT) },
        { TSS_A_SELECTOR, descriptor_make(TSS_A, 0x67, SEG_P | SYSTEM_TSS_BUSY) },
        { TSS_B_SELECTOR, descriptor_make(TSS_B, 0x67, SEG_P | SYSTEM_TSS_AVAILABLE) },
        { CALL_GATE, gate_make(CODE0, HANDLER, SYSTEM_CALL_GATE, 3, 2) },
        { TASK_GATE, gate_make(TSS_B_SELECTOR, 0, SYSTEM_TASK_GATE, 3, 0) },
        { ABSENT_CODE, descriptor_make(0, 0xfffff, (CODE_RX | FLAT) & ~SEG_P) },
        { CODE64, descriptor_make(0, 0xfffff, CODE_RX | SEG_L | SEG_G) },
        { CODE64_3, descriptor_make(0, 0xfffff, CODE_RX | SEG_L | SEG_G | DPL3) },
        { TSS_LONG_SELECTOR, descriptor_make(TSS_LONG, 0x67, SEG_P | SYSTEM_TSS_AVAILABLE) },
        { CALL_GATE_LONG, gate_make(CODE64, HANDLER, SYSTEM_CALL_GATE, 3, 0) },
    };

    for (unsigned n = 0; n < ARRAY_SIZE(rows); n++) {
        core_fixture_write(fixture, GDT + rows[n].selector, 8, rows[n].raw);
    }
    core_fixture_write(fixture, LDT, 8, descriptor_make(0x1000, 0xfff, DATA_RW | DPL3));
}

struct core_fixture *system_fixture_create(enum fixture_mode mode)
{
    struct core_fixture *fixture = core_fixture_create(mode);
    struct cpu_state *state = &fixture->core.state;

    gdt_fill(fixture);
    state->gdtr = (struct x86_table){ .base = GDT, .limit = GDT_BYTES - 1 };
    state->idtr = (struct x86_table){ .base = IDT, .limit = 0xfff };
    state->ldtr = (struct x86_segment){
        .base = LDT, .limit = 0xff, .attributes = SEG_P | SYSTEM_LDT, .selector = LDT_A
    };
    if (mode == FIXTURE_LONG) {
        state->tr = (struct x86_segment){ .base = TSS_LONG,
                                          .limit = 0x67,
                                          .attributes = SEG_P | SYSTEM_TSS_BUSY,
                                          .selector = TSS_LONG_SELECTOR };
        core_fixture_write(fixture, TSS_LONG + 4, 8, STACK0);
        core_fixture_write(fixture, TSS_LONG + 0x24, 8, STACK0 - 0x800); /* IST1 */
    } else {
        state->tr = (struct x86_segment){ .base = TSS_A,
                                          .limit = 0x67,
                                          .attributes = SEG_P | SYSTEM_TSS_BUSY,
                                          .selector = TSS_A_SELECTOR };
        core_fixture_write(fixture, TSS_A + 4, 4, STACK0);
        core_fixture_write(fixture, TSS_A + 8, 2, DATA0);
    }
    if (mode != FIXTURE_REAL) {
        system_fixture_level(fixture, 0);
    }
    return fixture;
}

void system_fixture_level(struct core_fixture *fixture, unsigned cpl)
{
    struct cpu_state *state = &fixture->core.state;
    bool wide = fixture->core.state.efer & EFER_LMA;
    uint16_t code = wide ? (cpl ? CODE64_3 : CODE64) : (cpl ? CODE3 : CODE0);
    uint16_t data = cpl ? DATA3 : DATA0;

    for (unsigned n = 0; n < SEG_COUNT; n++) {
        uint16_t selector = n == SEG_CS ? code : data;
        uint64_t raw = core_fixture_read(fixture, GDT + selector, 8);

        state->seg[n] = segment_of_descriptor((uint16_t)(selector | cpl), raw);
    }
    state->gpr[REG_RSP] = cpl ? STACK3 : STACK0 - 0x400;
    core_mode_update(&fixture->core);
    fixture->core.pending = 0;
}

void system_fixture_gate(struct core_fixture *fixture, unsigned vector, uint16_t selector,
                         unsigned type, unsigned dpl, unsigned ist)
{
    bool wide = fixture->core.state.efer & EFER_LMA;
    uint64_t raw = gate_make(selector, HANDLER, type, dpl, ist);

    core_fixture_write(fixture, IDT + vector * (wide ? 16u : 8u), 8, raw);
    if (wide) {
        core_fixture_write(fixture, IDT + vector * 16u + 8, 8, 0);
    }
}

void system_fixture_v86(struct core_fixture *fixture, unsigned iopl)
{
    struct core *core = &fixture->core;

    core->state.rflags_rest |= FLAG_VM | (uint64_t)iopl << 12 | FLAG_IF;
    for (unsigned n = 0; n < SEG_COUNT; n++) {
        segment_load_real(core, n, n == SEG_SS ? 0x1900 : n == SEG_CS ? 0 : 0x900);
    }
    core->state.gpr[REG_RSP] = 0x0ff0;
    core_mode_update(core);
    core->pending = 0;
}

bool system_fixture_deliver(struct core_fixture *fixture, enum interrupt_source source,
                            unsigned vector, bool has_error, uint32_t error,
                            struct x86_fault *first)
{
    struct delivery delivery = {
        .source = source,
        .fault = { .vector = (uint8_t)vector, .has_error = has_error, .error = error }
    };

    return core_deliver(&fixture->core, delivery, first);
}
