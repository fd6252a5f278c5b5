/* Breakpoints and watchpoints of a debugger, as the run loop asks for them. */
#include "cpu/debug.h"

#include "cpu/block.h"
#include "cpu/cpu.h"

static uint64_t linear_rip(const struct core *core)
{
    uint64_t linear = core->state.gpr[REG_RIP] + core->seg_base[SEG_CS];

    return core->bits == 64 ? linear : (uint32_t)linear;
}

void cpu_debug_set(struct cpu *cpu, const struct cpu_debug *debug)
{
    bool any = debug != NULL && (debug->n_code != 0 || debug->watches.n != 0);

    cpu->debug = any ? debug : NULL;
    cpu->core.watches = any && debug->watches.n != 0 ? &debug->watches : NULL;
    cpu->core.watch_hit = 0;
    core_mode_update(&cpu->core);
}

void cpu_debug_pass(struct cpu *cpu)
{
    cpu->debug_passes = true;
    cpu->debug_passed_rip = linear_rip(&cpu->core);
    cpu->debug_passed_at = cpu->core.retired;
}

enum cpu_debug_hit cpu_debug_take(struct cpu *cpu, uint64_t *address)
{
    unsigned kinds = cpu->core.watch_hit;

    cpu->core.watch_hit = 0;
    *address = cpu->core.watch_gva;
    return kinds & CORE_WATCH_WRITE  ? CPU_DEBUG_HIT_WRITE
           : kinds & CORE_WATCH_READ ? CPU_DEBUG_HIT_READ
                                     : CPU_DEBUG_HIT_CODE;
}

bool cpu_debug_stops(struct cpu *cpu)
{
    const struct core *core = &cpu->core;
    uint64_t linear = linear_rip(core);

    if (cpu->debug_passes && cpu->debug_passed_at == core->retired &&
        cpu->debug_passed_rip == linear) {
        return false;
    }
    cpu->debug_passes = false;
    for (unsigned i = 0; i < cpu->debug->n_code; i++) {
        if (cpu->debug->code[i] == linear) {
            return true;
        }
    }
    return false;
}

unsigned cpu_debug_limit(const struct cpu *cpu, const struct block *block, unsigned limit)
{
    const struct cpu_debug *debug = cpu->debug;
    uint64_t linear = linear_rip(&cpu->core);

    if (debug->watches.n != 0) {
        return 1; /* so that it stops after the instruction that touched */
    }
    for (unsigned i = 0; i < debug->n_code; i++) {
        uint64_t distance = debug->code[i] - linear;
        if (distance == 0 || distance >= block->bytes) {
            continue;
        }
        for (unsigned n = 1; n < block->n && n < limit; n++) {
            if (block->insn[n].offset == distance) {
                limit = n;
            }
        }
    }
    return limit;
}
