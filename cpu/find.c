/* The block at an address that no link and no jump cache knows: by way of the MMU, from the block cache, or built. [SDM 3A
 * 11.6] */
#include "cpu/block.h"
#include "cpu/crossing.h"
#include "cpu/dump.h"
#include "cpu/exec/exec.h"
#include "cpu/run.h"

/* A page gets a block: nobody writes to it unseen from now on. May suspend. */
static void mark_page(struct cpu *cpu, spa_t spa)
{
    struct core *core = &cpu->core;

    if (block_mark_page(cpu->blocks, spa)) {
        mmu_write_protect(&core->mmu, spa);
        if (core->ops->code_marked != NULL && core->ops->code_marked(core->owner, spa)) {
            core_suspend(core); /* others are told; then it is fetched anew */
        }
        ram_code_settle(core->mmu.space->ram, spa);
    }
}

/* In 64-bit code: the instruction at `linear` and spa, of which no more than its page's bytes are known to be too few. NULL: it
 * does not stand in two pages of RAM in the same half of the address space. Raises. */
static struct block *find_crossing(struct cpu *cpu, uint64_t linear, spa_t spa)
{
    struct core *core = &cpu->core;
    struct decode_mode mode = run_decode_mode(core);
    uint64_t next = (linear | ~PAGE_MASK) + 1;
    uint8_t bytes[INSN_MAX_LENGTH];
    size_t first = PAGE_SIZE - (linear & ~PAGE_MASK);
    bool in_ram;
    spa_t second;

    if (((linear ^ next) >> 63) != 0) {
        return NULL;
    }
    enum mmu_status status = mmu_fetch(&core->mmu, next, core->cpl == 3, &second, &in_ram);
    if (status != MMU_OK) {
        core_raise_mmu(core, status, false);
    }
    if (!in_ram) {
        return NULL;
    }
    struct block *block = block_find_crossing(cpu->blocks, spa, second, mode);
    if (block != NULL) {
        return block;
    }
    mark_page(cpu, spa);
    mark_page(cpu, second);
    for (size_t i = 0; i < sizeof(bytes); i++) {
        const uint8_t *host = ram_host(core->mmu.space->ram, i < first ? spa : second);
        bytes[i] = ram_load8(host + (i < first ? i : i - first));
    }
    block = block_build_crossing(cpu->blocks, spa, second, bytes, mode);
    if (block != NULL && UNLIKELY(cpu->dump != NULL)) {
        cpu_dump_block(cpu->dump, core, block, core->state.gpr[REG_RIP], bytes);
    }
    return block;
}

struct block *run_find(struct cpu *cpu, uint64_t linear, bool *cacheable)
{
    struct core *core = &cpu->core;
    struct decode_mode mode = run_decode_mode(core);
    spa_t spa;
    bool in_ram;

    *cacheable = false;
    if (core->bits != 64 && core->state.gpr[REG_RIP] > core->state.seg[SEG_CS].limit) {
        core_raise_error(core, VECTOR_GP, 0);
    }
    enum mmu_status status = mmu_fetch(&core->mmu, linear, core->cpl == 3, &spa, &in_ram);
    if (status != MMU_OK) {
        core_raise_mmu(core, status, false);
    }
    if (!in_ram) {
        return build_crossing(cpu, linear);
    }
    struct block *block = block_find(cpu->blocks, spa, mode);
    bool crosses = block == NULL && core->bits == 64 &&
                   block_find_crossing(cpu->blocks, spa, BLOCK_NO_SPA, mode) != NULL;
    if (block == NULL) {
        if (block_make_room(cpu->blocks)) {
            run_links_forget(cpu);
        }
        if (!crosses) {
            mark_page(cpu, spa);
            block = block_build(cpu->blocks, spa, mode);
            crosses = block == NULL && core->bits == 64;
            if (block != NULL && UNLIKELY(cpu->dump != NULL)) {
                cpu_dump_block(cpu->dump, core, block, core->state.gpr[REG_RIP], NULL);
            }
        }
        if (crosses) {
            block = find_crossing(cpu, linear, spa);
        }
        if (block == NULL) {
            return build_crossing(cpu, linear);
        }
    }
    if (core->bits != 64) {
        uint64_t last = core->state.gpr[REG_RIP] + block->bytes - 1;
        if (last > core->state.seg[SEG_CS].limit || last > core->ip_mask) {
            return build_crossing(cpu, linear);
        }
    }
    *cacheable = core->flat;
    return block;
}
