/* struct core: everything the meaning of an instruction can touch: state, memory, and calls upward.
 */
#ifndef CPU_EXEC_CORE_H
#define CPU_EXEC_CORE_H

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/trace.h"
#include "cpu/decode/insn.h"
#include "cpu/exec/watch.h"
#include "cpu/x86/exception.h"
#include "cpu/x86/state.h"
#include "mmu/access.h"

struct core;
struct cpu_model;

#define X87_NO_SITE UINT32_MAX

/* What translated code and its helpers share, in front of the general registers so that one short displacement reaches
 * all. Unused by the interpreter. */
struct core_translated {
    uint8_t x87_image[108]; /* FNSAVE's, on its way to and from the host's FPU */
    uint32_t x87_data_site; /* the last x87 instruction with a memory operand: a site, or X87_NO_SITE */
    uint64_t x87_data;      /* its address */
    uint64_t x87_distance;  /* translated.distance at x87_site, if its code is relative */
    uint64_t stack_other_page, stack_other_delta; /* the window before stack_page and stack_delta */
    uint64_t flags_rotated; /* see flags_kind */
    int64_t fuel; /* core.budget less a block's instructions, while translated code runs */
    uint64_t scratch, value; /* inside an instruction */
    void *jump_table;
    uint64_t code_base;   /* what the jump table's entries count from */
    uint32_t jump_salt;   /* of the jump table's entries now */
    uint64_t distance;    /* of a relative code that runs: from its own addresses to those where it runs */
    uint64_t stack_page;  /* page of the stack that may be accessed directly, or no page */
    uint64_t stack_delta; /* host address less guest address there */
    uint16_t flags_image; /* AH as LAHF gives it, AL: OF */
    uint8_t vectors;      /* what of the guest's vector registers is in the host's, MXCSR too */
    bool interpret; /* translated code was left because the block at RIP is to be interpreted */
    uint32_t host_mxcsr; /* what C runs with */
    uint8_t flags_cf;    /* CF by itself */
    uint8_t flags_of;    /* OF by itself, or what it is made of */
    uint8_t condition;   /* a condition kept over a memory check */
    bool x87_loaded;     /* the guest's x87 state is in the host's FPU */
    uint32_t x87_site;   /* the last x87 instruction done there: a site, or X87_NO_SITE */
    /* The last operation on the flags, when it is not yet in state.flags_*: see
     * cpu/translate/flags.h. */
    uint64_t flags_kind; /* 0: state.flags_* hold */
    uint64_t flags_a, flags_b, flags_step;
};

/* How an upward call ended. SUSPEND unwinds the instruction before any architectural effect. */
enum core_status { CORE_OK, CORE_GP, CORE_UD, CORE_SUSPEND };

/* Calls upward, set by whoever owns the core (partitions/vp.c; tests hand in their own). owner:
 * core.owner. */
struct core_ops {
    enum core_status (*port_read)(void *owner, uint16_t port, unsigned size, uint32_t *value);
    enum core_status (*port_write)(void *owner, uint16_t port, unsigned size, uint32_t value);
    /* MSRs that the core does not keep itself (APIC, synthetic, unknown). */
    enum core_status (*msr_read)(void *owner, uint32_t msr, uint64_t *value);
    enum core_status (*msr_write)(void *owner, uint32_t msr, uint64_t value);
    /* Last word on CPUID: regs hold the model's answer (EAX EBX ECX EDX). */
    enum core_status (*cpuid)(void *owner, uint32_t leaf, uint32_t subleaf, uint32_t regs[4]);
    /* VMCALL (and VMMCALL). The instruction has not retired; CORE_OK retires it. */
    enum core_status (*vmcall)(void *owner, bool amd_form);
    uint64_t (*tsc)(void *owner);    /* before tsc_offset */
    uint64_t (*random)(void *owner); /* RDRAND, RDSEED: the machine's seed */
    /* CR8 is the local APIC's task priority. */
    uint8_t (*cr8_read)(void *owner);
    void (*cr8_write)(void *owner, uint8_t value);
    /* FERR# to the PIC when CR0.NE = 0. */
    void (*fpu_error)(void *owner);
    void (*flush_notify)(void *owner); /* may be NULL: paging changed */
    /* May be NULL. A page gets its first block: other processors must not write to it unseen. True: they are asked,
     * leave cpu_run (SUSPEND) and run on when they have answered. */
    bool (*code_marked)(void *owner, spa_t spa);
    /* May be NULL. A LOCK that the host's atomics cannot give, with core.others_run. Leaves cpu_run (SUSPEND); the
     * instruction comes again with others_run clear. */
    void (*alone_wanted)(void *owner);
    void (*pause)(void *owner); /* may be NULL: many PAUSEs in a row */
};

/* Why an instruction did not simply end; values handed to longjmp. */
enum core_unwind {
    UNWIND_NONE,
    UNWIND_FAULT,   /* core.fault is to be delivered; RIP = the instruction */
    UNWIND_SUSPEND, /* leave cpu_run with CPU_EXIT_SUSPEND; RIP = the instruction */
    UNWIND_NEXT,    /* the instruction is complete and RIP is set: look for the next block */
    UNWIND_RESTART, /* the instruction made progress (REP) and runs again: RIP = the instruction */
};

struct core {
    struct core_translated translated;
    uint32_t pending; /* (atomic) CORE_PENDING_*: makes cpu_run leave the fast loop */
    bool attention;   /* shadow, activity or debug_pending may be set: cpu_run looks before the next
                         block */
    struct cpu_state state;

    /* Derived from state by core_mode_update: never saved. */
    uint8_t bits;       /* 16, 32, 64: default operand and address size of code */
    uint8_t stack_bits; /* 16, 32, 64: width of the stack pointer */
    uint8_t cpl;
    bool flat; /* see decode_mode.flat */
    uint32_t
        run_mode; /* bits, flat and user in one word: what besides the address selects a block */
    uint64_t ip_mask;             /* 0xffff, 0xffffffff or all ones: RIP after near branches */
    uint64_t seg_base[SEG_COUNT]; /* effective: 0 for ES CS SS DS in 64-bit mode */
    struct tlb_set *data_set;     /* TLB set of explicit data accesses at this CPL and AC */
    unsigned data_access;         /* MMU_USER at CPL 3, else 0 */
    bool mmx_blocked;             /* CR0.EM or CR0.TS set: MMX instructions raise #UD or #NM */
    bool sse_blocked; /* CR0.EM or CR0.TS set, or CR4.OSFXSR clear: SSE instructions raise #UD or
                         #NM */

    bool avx_blocked; /* VEX-encoded vector instructions raise #UD or #NM */

    const struct insn *insn; /* the one being executed */
    const struct insn *first; /* of the block that it stands in */
    jmp_buf *unwind;          /* where core_raise and friends go */
    struct x86_fault fault;
    uint64_t retired; /* instructions and REP iterations; exact between blocks and at faults */
    int64_t budget;   /* instructions that may still run before cpu_run looks up; counted, as
                         `retired`, at the start of the block and after REP iterations */
    uint64_t debug_pending; /* DR6 bits of a data or I/O breakpoint that #DB reports after the
                               instruction */
    bool others_run; /* other processors run guest code meanwhile: a split LOCK asks to be alone */
    uint8_t pauses;  /* PAUSE instructions until core_ops.pause is called */
    bool data_checked; /* derived: alignment checks, data breakpoints or watches: data_set is
                          never_set */
    const struct core_watches *watches; /* a debugger's; NULL: none */
    unsigned watch_hit;                 /* CORE_WATCH_* that were touched */
    gva_t watch_gva;                    /* the last that was */

    /* An event whose delivery was suspended (a page of its path is being provided): architectural,
     * and the run loop hands it to core_deliver again before anything else. Like VMX's
     * IDT-vectoring information. */
    struct {
        bool valid;
        uint8_t source; /* enum interrupt_source */
        struct x86_fault fault;
    } event_suspended;

    struct mmu mmu;
    const struct core_ops *ops;
    void *owner;
    const struct cpu_model *model;
    struct trace *trace;
    uint32_t partition; /* for trace */
    int vp;

    struct tlb_set never_set; /* holds nothing: sends every explicit access down the slow path,
                                 which checks it */
};

enum {
    CORE_PENDING_POLL =
        1u << 0, /* leave the fast loop and look at everything (also set by other threads) */
    CORE_PENDING_REQUEST = 1u << 1, /* cpu_request */
    CORE_PENDING_DEBUG =
        1u << 2, /* TF, a pending #DB, or enabled breakpoints: one instruction at a time */
};

/* ---- raising: none of these returns. The instruction must not have changed anything before. ----
 */
NORETURN void core_raise(struct core *core, unsigned vector);
NORETURN void core_raise_error(struct core *core, unsigned vector, uint32_t error);
NORETURN void core_raise_fault(struct core *core, struct x86_fault fault);
NORETURN void core_suspend(struct core *core);
/* End the block after this instruction: sets RIP to the next instruction. For what may change code
 * or mode in ways the block cannot know (SMC in the running block, MOV CR, WRMSR). */
NORETURN void core_end_block(struct core *core);
/* Leave the block with RIP at this instruction, which is to run again (an interrupted REP):
 * UNWIND_RESTART. */
NORETURN void core_restart_insn(struct core *core);
/* Before a locked access of size bytes: when the host cannot do it atomically, leave the instruction and come again
 * while no other processor runs. */
NORETURN COLD void core_wait_alone(struct core *core);
static ALWAYS_INLINE void core_lock(struct core *core, gva_t gva, unsigned size)
{
    if (UNLIKELY((gva & (size - 1)) != 0) && core->others_run) {
        core_wait_alone(core);
    }
}
/* Raise what a core_status asks for (CORE_OK returns). */
void core_check(struct core *core, enum core_status status);
/* Raise what an mmu_status asks for. stack: #SS for non-canonical. */
NORETURN COLD void core_raise_mmu(struct core *core, enum mmu_status status, bool stack);

/* Raise #DB when an enabled code breakpoint lies at RIP and RF is clear. Called between blocks. */
void core_code_breakpoint(struct core *core);

/* Recompute everything derived: after any change of CS, SS, CR0, CR4, EFER, RFLAGS.VM/AC, CPL. */
void core_mode_update(struct core *core);
/* The quick form for transfers inside 64-bit mode: only CPL and RFLAGS.AC/TF may have changed. */
void core_privilege_update(struct core *core);

/* ---- debug registers [SDM 3A 17.2] ---- */
/* Note the data (write: R/W bits 01 or 11; read: 11) or I/O breakpoints that an access touches, in
 * debug_pending. */
void core_data_breakpoint(struct core *core, gva_t gva, unsigned size, bool write);
void core_io_breakpoint(struct core *core, uint16_t port, unsigned size);

/* Reset (INIT keeps x87, SSE, MTRRs and CR0.CD/NW). [SDM 3A 9.1.1] */
void core_reset(struct core *core, bool init);

/* ---- the budget ---- */

enum { CORE_BLOCK_INSNS = 64 }; /* the most that a block has */

/* Instructions and iterations that may still be completed, this one included. Inside a block. */
static ALWAYS_INLINE int64_t core_budget_left(const struct core *core, const struct insn *insn)
{
    return core->budget - (insn - core->first);
}

/* After a REP: what it took of the budget may not leave enough for the rest of the block. Then the
 * block ends here. (A block of one instruction, which single-steps, has no rest.) */
static ALWAYS_INLINE void core_end_short_block(struct core *core, const struct insn *insn)
{
    if (UNLIKELY(core_budget_left(core, insn) <= CORE_BLOCK_INSNS)) {
        core_end_block(core);
    }
}

/* ---- RIP ---- */
static ALWAYS_INLINE uint64_t insn_rip(const struct core *core, const struct insn *insn)
{
    return core->state.gpr[REG_RIP] + insn->offset;
}

static ALWAYS_INLINE uint64_t insn_next_rip(const struct core *core, const struct insn *insn)
{
    return (core->state.gpr[REG_RIP] + insn->offset + insn->length) & core->ip_mask;
}

/* ---- general registers ---- */
static ALWAYS_INLINE uint8_t gpr8_read(const struct core *core, unsigned n)
{
    return (uint8_t)(core->state.gpr[n & 15] >> (n >> 1 & 8));
}

static ALWAYS_INLINE void gpr8_write(struct core *core, unsigned n, uint8_t value)
{
    unsigned shift = n >> 1 & 8;
    uint64_t *reg = &core->state.gpr[n & 15];

    *reg = (*reg & ~(UINT64_C(0xff) << shift)) | (uint64_t)value << shift;
}

static ALWAYS_INLINE void gpr16_write(struct core *core, unsigned n, uint16_t value)
{
    core->state.gpr[n] = (core->state.gpr[n] & ~UINT64_C(0xffff)) | value;
}

static ALWAYS_INLINE void gpr32_write(struct core *core, unsigned n, uint32_t value)
{
    core->state.gpr[n] = value; /* the upper half is zeroed */
}

static ALWAYS_INLINE void gpr64_write(struct core *core, unsigned n, uint64_t value)
{
    core->state.gpr[n] = value;
}

/* By size in bytes; for what is not hot. */
static inline uint64_t gpr_read(const struct core *core, unsigned n, unsigned size)
{
    return size == 1   ? gpr8_read(core, n)
           : size == 2 ? (uint16_t)core->state.gpr[n]
           : size == 4 ? (uint32_t)core->state.gpr[n]
                       : core->state.gpr[n];
}

static inline void gpr_write(struct core *core, unsigned n, unsigned size, uint64_t value)
{
    if (size == 1) {
        gpr8_write(core, n, (uint8_t)value);
    } else if (size == 2) {
        gpr16_write(core, n, (uint16_t)value);
    } else {
        core->state.gpr[n] = size == 4 ? (uint32_t)value : value;
    }
}

/* ---- addresses ---- */

/* Offset within the segment of the memory operand, truncated to the address size. */
static ALWAYS_INLINE uint64_t insn_offset(const struct core *core, const struct insn *insn)
{
    uint64_t ea = core->state.gpr[insn->base] + (core->state.gpr[insn->index] << insn->scale_log2) +
                  (uint64_t)insn->disp;

    if (LIKELY(insn->adsize == 8)) {
        return ea;
    }
    return insn->adsize == 4 ? (uint32_t)ea : (uint16_t)ea;
}

/* Linear address of offset in a segment with the checks of protected, real and v86 mode. Raises #GP
 * or #SS. */
gva_t core_segment_linear(struct core *core, unsigned segment, uint64_t offset, unsigned size,
                          unsigned access);

/* Linear address of the memory operand, for `size` bytes. access: MMU_READ or MMU_WRITE. Raises #GP
 * or #SS. */
static ALWAYS_INLINE gva_t insn_linear(struct core *core, const struct insn *insn, unsigned size,
                                       unsigned access)
{
    uint64_t offset = insn_offset(core, insn);

    if (UNLIKELY(insn->flags & INSN_SEGMENTED)) {
        return core_segment_linear(core, insn->segment, offset, size, access);
    }
    return offset + core->seg_base[insn->segment];
}

/* ---- memory: raise on fault; stack: the #SS flavour for non-canonical addresses ---- */
/* When core.data_checked: raise #AC for a misaligned access. */
void core_data_check(struct core *core, gva_t gva, unsigned size);
void core_load_slow(struct core *core, gva_t gva, void *data, unsigned size, bool stack);
void core_store_slow(struct core *core, gva_t gva, const void *data, unsigned size, bool stack);

#define CORE_MEMORY(bits)                                                                          \
    static ALWAYS_INLINE uint##bits##_t core_load##bits(struct core *core, gva_t gva, bool stack)  \
    {                                                                                              \
        uint8_t *host = tlb_read(core->data_set, gva, bits / 8);                                   \
        uint##bits##_t value;                                                                      \
                                                                                                   \
        if (LIKELY(host != NULL)) {                                                                \
            return ram_load##bits(host);                                                           \
        }                                                                                          \
        core_load_slow(core, gva, &value, bits / 8, stack);                                        \
        return value;                                                                              \
    }                                                                                              \
    static ALWAYS_INLINE void core_store##bits(struct core *core, gva_t gva, uint##bits##_t value, \
                                               bool stack)                                         \
    {                                                                                              \
        uint8_t *host = tlb_write(core->data_set, gva, bits / 8);                                  \
                                                                                                   \
        if (LIKELY(host != NULL)) {                                                                \
            ram_store##bits(host, value);                                                          \
            return;                                                                                \
        }                                                                                          \
        core_store_slow(core, gva, &value, bits / 8, stack);                                       \
    }
CORE_MEMORY(8)
CORE_MEMORY(16)
CORE_MEMORY(32)
CORE_MEMORY(64)
#undef CORE_MEMORY

/* Any size: 1..64 bytes. */
void core_load(struct core *core, gva_t gva, void *data, unsigned size, bool stack);
void core_store(struct core *core, gva_t gva, const void *data, unsigned size, bool stack);
/* An offset of opsize bytes and a selector; aligned to 2 (16:16), 4 or 8. [SDM 3A table 6-7] */
static inline void core_load_far_pointer(struct core *core, gva_t gva, uint8_t *bytes,
                                         unsigned opsize, bool stack)
{
    core_load(core, gva, bytes, opsize, stack);
    core_load(core, gva + opsize, bytes + opsize, 2, stack);
}
/* Fault now exactly as a write of size bytes would. */
void core_probe_write(struct core *core, gva_t gva, unsigned size, bool stack);
/* Host pointer for a read-modify-write inside one RAM page, or NULL: then use load, compute, store
 * (the caller has been promised that the store will not fault). Raises what the write would raise.
 */
static ALWAYS_INLINE uint8_t *core_rmw(struct core *core, gva_t gva, unsigned size, bool stack);
uint8_t *core_rmw_slow(struct core *core, gva_t gva, unsigned size, bool stack);

static ALWAYS_INLINE uint8_t *core_rmw(struct core *core, gva_t gva, unsigned size, bool stack)
{
    uint8_t *host = tlb_write(core->data_set, gva, size);

    return LIKELY(host != NULL) ? host : core_rmw_slow(core, gva, size, stack);
}

/* Implicit supervisor accesses: descriptor tables, TSS, IDT. */
void core_load_system(struct core *core, gva_t gva, void *data, unsigned size);
void core_store_system(struct core *core, gva_t gva, const void *data, unsigned size);

static inline bool insn_is_stack(const struct insn *insn)
{
    return (insn->flags & INSN_STACK_SEGMENT) != 0;
}

#endif
