/* One x86 processor: runs guest code until something above must decide. Knows memory, no partition, no device. */
#ifndef CPU_CPU_H
#define CPU_CPU_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"
#include "cpu/exec/core.h"

enum cpu_exit {
    CPU_EXIT_BUDGET,       /* the instruction budget is used up */
    CPU_EXIT_POLL,         /* someone asked: cpu_kick, a pending interrupt, INIT */
    CPU_EXIT_HALT,         /* HLT retired; nothing to deliver */
    CPU_EXIT_SUSPEND,      /* an upward call answered SUSPEND: the instruction will restart */
    CPU_EXIT_DEBUG,        /* a breakpoint or watchpoint of the debugger: cpu_debug_take */
    CPU_EXIT_TRIPLE_FAULT, /* core.fault and first_fault tell; the processor is in shutdown */
    CPU_EXIT_DIFFERS,      /* cpu/lockstep.h */
};

struct block;
struct block_cache;
struct block_link;
struct cpu_debug;
struct cpu_dump;
struct jump_cache;
struct code_edge;
struct lockstep;
struct translator;

enum { CPU_RECENT = 16, CPU_SALTS = 8, CPU_NEAR = 8 };

/* Under which salt indirect jumps of a mode were noted. */
struct cpu_salt {
    uint32_t run_mode; /* 0: unused */
    bool both_halves;  /* supervisor code in the lower half was noted, too */
    uint32_t salt;
    uint64_t generation[2];
};

/* A page of the stack that translated code accesses directly. */
struct cpu_stack {
    uint64_t page, delta, other_page, other_delta, changes;
};

/* How far relative code was from its own addresses, and where. */
struct cpu_near {
    uint64_t rip, distance; /* rip 0: unused */
};

/* How guest code is translated. */
struct cpu_translation {
    bool counted;  /* instructions are counted exactly */
    bool tsc_free; /* core_ops.tsc does not ask how many have run */
    unsigned hide; /* CPU_HIDE_*: host features not to use */
    bool at_once;  /* before a block has run often */
};

enum {
    CPU_HIDE_BMI2 = 1,
    CPU_HIDE_AVX = 2,
    CPU_HIDE_EXEC = 4
}; /* EXEC: memory for code is refused */

/* What interrupts a core: asked between blocks when CORE_PENDING_POLL is set. owner: core.owner. */
struct cpu_interrupts {
    /* The vector to deliver now, or -1. Called only with IF = 1 and no shadow; acknowledges it. */
    int (*acknowledge)(void *owner);
    bool (*pending)(void *owner); /* is there one, whatever IF says */
    bool (*nmi)(void *owner);     /* take a pending NMI */
};

struct cpu {
    struct core core; /* first */
    struct block_cache *blocks;
    const struct cpu_interrupts *interrupts;
    struct x86_fault first_fault;  /* of a triple fault */
    uint64_t n_faults;             /* exceptions until now; they take of the budget, too */
    const struct cpu_dump *dump;   /* cpu/dump.h; NULL after cpu_init: nothing is printed */
    const struct cpu_debug *debug; /* cpu/debug.h; NULL: no debugger */
    struct lockstep *lockstep;     /* cpu/lockstep.h; NULL: one engine */
    bool hold_interrupts;          /* deliver none: a debugger steps */

    /* Private to run.c and debug.c. */
    bool debug_passes; /* the breakpoint at this place does not stop this time: */
    uint64_t debug_passed_rip, debug_passed_at; /* linear RIP, retired */
    struct jump_cache *jumps;      /* by virtual address, in front of the block cache */
    struct block *running;         /* NULL: no block (a fetch faulted) */
    struct block_link *previous;   /* of the last block, for the one that is looked for */
    struct block *cut_block;       /* cpu_cut: this block ends */
    const struct insn *cut_at;     /* after this instruction, and */
    exec_fn *cut_behind;           /* this stood behind; NULL: no cut */
    uint8_t entered_shadow;        /* the interrupt shadow and RFLAGS.TF with which a block was */
    bool entered_trap;             /* entered that may end by core_end_block */
    struct block *scratch;         /* a block of a limited number of instructions */
    struct translator *translator; /* NULL: everything is interpreted */
    struct block *single;          /* an instruction that translated code hands over */
    uint8_t *nobody;               /* memory behind translated.stack_page when there is none */
    uint64_t stack_changes; /* mmu.changes and core.data_set that translated.stack_page is of */
    const struct tlb_set *stack_set;
    struct cpu_stack stacks[TLB_SETS]; /* of the sets that are not in use */
    int64_t fuel_base; /* translated.fuel when core.budget and core.retired were right */
    struct cpu_salt salts[CPU_SALTS];
    unsigned next_salt;
    struct cpu_near near[CPU_NEAR];
    bool counted;
    uint16_t heat;               /* runs of a block before it is translated */
    struct code_edge *edge;      /* by which translated code was left, to be linked; or NULL */
    uint64_t recent[CPU_RECENT]; /* RIP of the last blocks, for the autopsy */
    unsigned n_recent;
};

/* ops, interrupts and owner as core.h says; model: cpu/exec/model.h. -ENOMEM or 0. The core is reset. */
WARN_UNUSED int cpu_init(struct cpu *cpu, const struct cpu_model *model, struct space *space,
                         const struct core_ops *ops, const struct cpu_interrupts *interrupts,
                         void *owner, struct trace *trace);
void cpu_fini(struct cpu *cpu);
void cpu_reset(struct cpu *cpu, bool init);

/* Translate what runs often. 0, or -errno with what the host refuses: the cpu interprets, as it does without. */
WARN_UNUSED int cpu_translate(struct cpu *cpu, struct cpu_translation how, struct error *error);

/* Run at most `instructions`. The caller's thread owns the cpu meanwhile. */
enum cpu_exit cpu_run(struct cpu *cpu, uint64_t instructions);

/* Make cpu_run leave its loop soon. Any thread. */
void cpu_kick(struct cpu *cpu);

/* Make cpu_run return (CPU_EXIT_POLL) at the end of the block, whatever waits to be delivered. Any thread. */
void cpu_request(struct cpu *cpu);

/* For calls upward, on the thread that runs the cpu: end the block after the instruction in execution, so that
 * what it caused is looked at next, wherever the block's end lies; and let at most this many instructions (1 or
 * more, that one included) be completed by the cpu_run under way. */
void cpu_cut(struct cpu *cpu);
void cpu_limit(struct cpu *cpu, uint64_t instructions);

/* Instructions and REP iterations completed until now, exact within a block too. The thread that runs the cpu. */
uint64_t cpu_retired(const struct cpu *cpu);

/* Drop every block. Between blocks. */
void cpu_code_forget(struct cpu *cpu);
/* Bytes of a code page are about to change: drop the blocks decoded from them. */
void cpu_code_written(struct cpu *cpu, spa_t spa, size_t length_bytes);

#endif
