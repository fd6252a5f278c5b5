/* Instructions that no block holds: fetched and decoded each time. [SDM 3A 11.6] */
#include "cpu/crossing.h"

#include <stdlib.h>
#include <string.h>

#include "cpu/dump.h"
#include "cpu/exec/cpu_trace.h"

static struct decode_mode decode_mode_of(const struct core *core)
{
    return (struct decode_mode){ .bits = core->bits, .flat = core->flat };
}

/* Bytes of one page into a buffer; what a fetch raises. */
static void fetch_bytes(struct cpu *cpu, uint64_t linear, uint8_t *bytes, size_t n)
{
    struct core *core = &cpu->core;
    spa_t spa;
    bool in_ram;
    enum mmu_status status = mmu_fetch(&core->mmu, linear, core->cpl == 3, &spa, &in_ram);

    if (status != MMU_OK) {
        core_raise_mmu(core, status, false);
    }
    if (!in_ram) {
        cpu_unimplemented(core, "code fetched from MMIO", linear);
    }
    for (size_t i = 0; i < n; i++) {
        bytes[i] = in_ram ? ram_load8(ram_host(core->mmu.space->ram, spa) + i) : 0xff;
    }
}

/* In 64-bit code. */
static struct block *build_crossing_flat(struct cpu *cpu, uint64_t linear)
{
    struct core *core = &cpu->core;
    uint8_t bytes[INSN_MAX_LENGTH] = { 0 };
    size_t room = PAGE_SIZE - (linear & ~PAGE_MASK);
    size_t n = room < sizeof(bytes) ? room : sizeof(bytes);
    struct insn probe = { 0 };

    fetch_bytes(cpu, linear, bytes, n);
    if (n < sizeof(bytes) &&
        decode_insn(bytes, n, decode_mode_of(core), &probe) == DECODE_TRUNCATED) {
        fetch_bytes(cpu, linear + n, bytes + n, sizeof(bytes) - n);
        n = sizeof(bytes);
    }
    block_build_single(cpu->blocks, cpu->scratch, bytes, n, decode_mode_of(core));
    if (UNLIKELY(cpu->dump != NULL)) {
        cpu_dump_block(cpu->dump, core, cpu->scratch, core->state.gpr[REG_RIP], bytes);
    }
    return cpu->scratch;
}

/* Fetch byte by byte for an instruction that leaves its page, MMIO, or a segment's end. Raises. */
struct block *build_crossing(struct cpu *cpu, uint64_t linear)
{
    struct core *core = &cpu->core;
    uint8_t bytes[INSN_MAX_LENGTH];
    size_t n = 0;

    if (core->bits == 64) {
        return build_crossing_flat(cpu, linear);
    }
    for (; n < sizeof(bytes); n++) {
        uint64_t offset = (core->state.gpr[REG_RIP] + n) & core->ip_mask;
        spa_t spa;
        bool in_ram;
        struct insn probe = { 0 };

        if (n > 0 && decode_insn(bytes, n, decode_mode_of(core), &probe) != DECODE_TRUNCATED) {
            break;
        }
        if (core->bits != 64 && offset > core->state.seg[SEG_CS].limit) {
            core_raise_error(core, VECTOR_GP, 0);
        }
        enum mmu_status status = mmu_fetch(&core->mmu, linear + n, core->cpl == 3, &spa, &in_ram);
        if (status != MMU_OK) {
            core_raise_mmu(core, status, false);
        }
        if (!in_ram) {
            cpu_unimplemented(core, "code fetched from MMIO", linear + n);
        }
        bytes[n] = in_ram ? ram_load8(ram_host(core->mmu.space->ram, spa)) : 0xff;
    }
    block_build_single(cpu->blocks, cpu->scratch, bytes, n, decode_mode_of(core));
    if (UNLIKELY(cpu->dump != NULL)) {
        cpu_dump_block(cpu->dump, core, cpu->scratch, core->state.gpr[REG_RIP], bytes);
    }
    return cpu->scratch;
}
