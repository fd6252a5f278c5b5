/* A cpu in flat 32-bit protected mode over 1 MiB of RAM, for tests of running code. */
#include "tests/check/cpu/cpu_rig.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/exec/model.h"

static int acknowledge(void *owner)
{
    struct rig *rig = owner;
    int vector = rig->vector;

    rig->vector = -1;
    return vector;
}

static bool pending(void *owner)
{
    return ((struct rig *)owner)->vector >= 0;
}

static bool no_nmi(void *owner)
{
    (void)owner;
    return false;
}

static const struct cpu_interrupts interrupts = { acknowledge, pending, no_nmi };

static enum core_status port_read(void *owner, uint16_t port, unsigned size, uint32_t *value)
{
    (void)owner, (void)port, (void)size;
    *value = 0;
    return CORE_OK;
}

static enum core_status port_write(void *owner, uint16_t port, unsigned size, uint32_t value)
{
    (void)owner, (void)port, (void)size, (void)value;
    return CORE_OK;
}

static const struct core_ops core_ops = { .port_read = port_read, .port_write = port_write };

static void code_written(void *opaque, void *vp, spa_t spa, size_t length,
                         enum ram_write_phase phase)
{
    (void)vp;
    if (phase == RAM_WRITE_DONE) {
        return;
    }
    cpu_code_written(&((struct rig *)opaque)->cpu, spa, length);
}

static const struct ram_ops ram_ops = { .code_written = code_written };

static void flat(struct x86_segment *segment, uint16_t selector, uint32_t attributes)
{
    *segment =
        (struct x86_segment){ .limit = UINT32_MAX, .selector = selector, .attributes = attributes };
}

struct rig *rig_create(const void *code, size_t n)
{
    static const uint8_t gdt[24] = { [8] = 0xff, 0xff, 0, 0, 0, 0x9b, 0xcf, 0,
                                     0xff,       0xff, 0, 0, 0, 0x93, 0xcf, 0 };
    struct rig *rig = calloc(1, sizeof(*rig));
    struct core *core = &rig->cpu.core;

    ck_assert_int_eq(ram_init(&rig->ram, RIG_RAM_BYTES, NULL), 0);
    rig->ram.ops = &ram_ops;
    rig->ram.ops_opaque = rig;
    ck_assert_int_eq(space_init(&rig->space, &rig->ram, 36), 0);
    ck_assert_int_eq(space_map(&rig->space, 0, 0, RIG_RAM_BYTES >> PAGE_SHIFT, SPACE_RWX), 0);
    rig->vector = -1;
    ram_write(&rig->ram, RIG_GDT, gdt, sizeof(gdt));
    for (unsigned i = 0; i < 64; i++) {
        /* Handler i: mov dl, i; hlt */
        const uint8_t handler[4] = { 0xb2, (uint8_t)i, 0xf4, 0x90 };
        uint32_t at = RIG_HANDLERS + 4 * i;
        const uint8_t gate[8] = { (uint8_t)at, (uint8_t)(at >> 8), 8, 0, 0, 0x8e, 0, 0 };
        ram_write(&rig->ram, at, handler, sizeof(handler));
        ram_write(&rig->ram, RIG_IDT + 8 * i, gate, sizeof(gate));
    }
    ram_write(&rig->ram, RIG_CODE, code, n);
    ck_assert_int_eq(
        cpu_init(&rig->cpu, cpu_model_find(NULL), &rig->space, &core_ops, &interrupts, rig, NULL),
        0);
    core->state.cr0 |= CR0_PE;
    core->state.gdtr = (struct x86_table){ RIG_GDT, 23 };
    core->state.idtr = (struct x86_table){ RIG_IDT, 64 * 8 - 1 };
    for (unsigned i = 0; i < SEG_COUNT; i++) {
        flat(&core->state.seg[i], 0x10, 0xc093);
    }
    flat(&core->state.seg[SEG_CS], 8, 0xc09b);
    core->state.gpr[REG_RIP] = RIG_CODE;
    core->state.gpr[REG_RSP] = RIG_STACK;
    core->state.gpr[REG_RAX] = core->state.gpr[REG_RDX] = core->state.gpr[REG_RCX] = 0;
    core_mode_update(core);
    return rig;
}

void rig_long_mode(struct rig *rig)
{
    const uint64_t tables[] = { RIG_TABLES + 0x1000 + 0x23, RIG_TABLES + 0x2000 + 0x23, 0xe3 };
    struct core *core = &rig->cpu.core;

    for (unsigned i = 0; i < 3; i++) {
        ram_write(&rig->ram, RIG_TABLES + i * 0x1000, &tables[i], sizeof(tables[i]));
    }
    core->state.cr0 |= CR0_PE | CR0_PG;
    core->state.cr4 |= CR4_PAE | CR4_OSFXSR;
    core->state.efer = EFER_LME | EFER_LMA;
    core->state.cr3 = RIG_TABLES;
    core->state.seg[SEG_CS].attributes = 0xa09b;
    core->state.idtr.limit = 0;
    core_mode_update(core);
    mmu_paging_set(&core->mmu, core->state.cr0, core->state.cr3, core->state.cr4, core->state.efer);
}

void rig_destroy(struct rig *rig)
{
    cpu_fini(&rig->cpu);
    space_fini(&rig->space);
    ram_fini(&rig->ram);
    free(rig);
}
