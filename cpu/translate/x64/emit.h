/* The emitter of one block: what the families of instructions write their host code with.
 *
 * Register plan: host_of tells where a guest register lives; RCX, RBP and R10 are free inside an instruction (RCX: index of
 * the TLB; RBP: address, after a check the host's; R10: the rest), R14 is the TLB set of data accesses, R15 points into
 * the core, R13 counts instructions down. An instruction checks what can fail before it changes anything: on failure the cold stub
 * fills the TLB and checks again, or has the interpreter execute the instruction.
 * Nothing is kept in RCX, RBP, R10 or host flags over a check.
 */
#ifndef CPU_TRANSLATE_X64_EMIT_H
#define CPU_TRANSLATE_X64_EMIT_H

#include "cpu/translate/flags.h"
#include "cpu/translate/flow.h"
#include "cpu/translate/translate.h"
#include "cpu/translate/x64/encoder.h"

enum {
    S_INDEX = HOST_RCX,
    S_ADDRESS = HOST_RBP,
    S_DATA = HOST_R10,
    R_SET = HOST_R14,
    R_FUEL = HOST_R13,
    R_CORE = HOST_R15
};

/* Where a guest register lives, or HOST_NONE: in core.state. */
extern const int8_t host_of[16];

/* R_CORE points among what is used most. */
#define CORE_BASE       (offsetof(struct core, state.gpr) + 8 * (size_t)REG_RSI)
#define CORE_OFFSET(at) HOST_MEM(R_CORE, (int32_t)((int64_t)(at) - (int64_t)CORE_BASE))
#define CORE_AT(field)  CORE_OFFSET(offsetof(struct core, field))
#define CORE_GPR(n)     CORE_OFFSET(offsetof(struct core, state.gpr) + 8 * (size_t)(n))

/* ---- flags ---- */

enum recipe_what { RECIPE_NOTHING, RECIPE_GPR, RECIPE_IMM, RECIPE_SLOT };

struct recipe_operand {
    uint8_t what, n;
    int32_t imm;
};

/* The operation that set the flags, and where its operands are: see cpu/translate/flags.h. */
struct recipe {
    uint8_t kind, size_log2, shift;
    struct recipe_operand a, b;
};

struct flags_track {
    uint32_t host; /* FLAG_*: right in the host's flags */
    bool stored;   /* core.translated.flags_* are right */
    bool known;    /* the recipe is right */
    bool lost;     /* only what the host's flags have is left */
    uint8_t step; /* stored, and last was an INC or DEC: enum flags_step and the size's log2 << 4 */
    struct recipe recipe;
};

/* ---- cold code ---- */

/* What of the guest's vector registers is in the host's: translated.vectors. */
enum vectors_there { VECTORS_HOME, VECTORS_XMM, VECTORS_YMM };

enum cold_kind { COLD_MISS, COLD_EDGE, COLD_LEAVE, COLD_VECTORS, COLD_STACK, COLD_X87 };

struct cold {
    enum cold_kind kind;
    uint8_t *jump[3]; /* displacements that lead here, or NULL */
    uint8_t *again;   /* COLD_MISS: the check */
    uint8_t *next;    /* COLD_MISS: the next instruction, NULL: leave */
    unsigned index, access;
    struct flags_track flags;
    struct code_edge *edge; /* COLD_EDGE: the way out */
    bool taken;             /* COLD_EDGE: with the whole edge: a JCC's */
    bool shadow;            /* COLD_EDGE: STI stands behind the edge */
    unsigned number;
    uint64_t rip;
};

enum { COLD_MOST = CORE_BLOCK_INSNS * 3 + 8 };

struct translator;

/* Accesses of the stack that one check at the entry covers. */
struct stack_group {
    int64_t low, high;               /* from RSP at the entry */
    unsigned n;                      /* accesses; 0: none */
    bool operand[CORE_BLOCK_INSNS];  /* the memory operand of the instruction */
    bool implicit[CORE_BLOCK_INSNS]; /* what it pushes or pops */
};

struct emitter {
    struct encoder e;
    struct translator *translator;
    struct code *code;
    const struct insn *insns;
    unsigned n, i;
    uint64_t
        rip; /* of the block; relative: less translated.distance, so that no constant may be made of it but by emit_rip */
    bool relative;
    struct flow flow;
    struct flags_track flags;
    struct cold cold[COLD_MOST];
    unsigned n_cold, cold_of_insn; /* the first of the running instruction */
    bool ended;                    /* the last instruction leaves by itself */
    bool counted, bmi2;
    struct stack_group stack;
    bool plain;                 /* check each access of the stack */
    bool keep_all;              /* flags that nobody may see are kept all the same */
    bool again;                 /* some of those were needed: once more, with keep_all */
    enum vectors_there vectors; /* what its instructions work on */
    bool x87;                   /* the guest's x87 state is in the host's FPU here */
    uint32_t x87_pending;       /* to be stored in translated.x87_site, or X87_NO_SITE */
};

/* Emit one instruction. False: it has no host code after all (nothing was emitted). */
typedef bool emit_fn(struct emitter *e, const struct insn *insn);

struct emit_row {
    emit_fn *emit;
    bool (*fits)(const struct insn *insn); /* NULL: every form */
};

/* By op; emit NULL: the interpreter's. */
extern const struct emit_row emit_rows[OP_COUNT];

/* ---- registers (registers.c) ---- */

/* The host register that holds a guest register: its own, or `scratch`, loaded. */
unsigned emit_gpr(struct emitter *e, unsigned n, unsigned scratch);
/* To write a guest register whole: its own, or `scratch`; then emit_gpr_done. */
unsigned emit_gpr_target(struct emitter *e, unsigned n, unsigned scratch);
void emit_gpr_done(struct emitter *e, unsigned n, unsigned host);
/* Low byte of the result is the byte register n (16 and up: AH to BH). */
unsigned emit_gpr8(struct emitter *e, unsigned n, unsigned scratch);
/* Write the low byte of host register `from` to byte register n. Keeps flags. */
void emit_gpr8_write(struct emitter *e, unsigned n, unsigned from);
/* A GPR operand of any size for reading. */
unsigned emit_operand(struct emitter *e, const struct insn *insn, unsigned k, unsigned scratch);

/* The guest's address `rip`, counted as e->rip is, into a host register. Keeps host flags unless emit_rip_flags. */
void emit_rip(struct emitter *e, unsigned host, uint64_t rip);
/* Whether emit_rip takes host flags. */
bool emit_rip_clobbers(const struct emitter *e, uint64_t rip);

/* ---- flags (x64/flags.c) ---- */

/* Whether the flags after the instruction are of use; and of use as a whole. */
static inline bool emit_flags_used(const struct emitter *e)
{
    return flow_flags_used(&e->flow, e->i);
}

/* Whether they must be kept outside of the host's flags. */
static inline bool emit_flags_kept(const struct emitter *e)
{
    return emit_flags_used(e) && (e->keep_all || e->flow.insn[e->i].seen);
}

/* Make core.translated.flags_* right, as far as the flags are of use. Uses S_DATA; keeps host flags. */
void emit_flags_store(struct emitter *e);
void emit_flags_store_of(struct emitter *e, struct flags_track *flags);
/* Make the host's flags right. Uses S_DATA and S_INDEX. */
void emit_flags_host(struct emitter *e, uint32_t mask);
/* The instruction just emitted set all flags so; host: those that the host's flags have right. */
void emit_flags_set(struct emitter *e, struct recipe recipe, uint32_t host);
/* The host's flags are right, all six, and nothing else: keep them if they are of use. Keeps them. Uses S_DATA. */
void emit_flags_image(struct emitter *e);
/* Before an instruction that changes some of the flags: the others must be found. Keeps host flags. */
void emit_flags_before(struct emitter *e);
/* The host's CF replaces what the flags that are stored have; `others` of the host's are right, too. */
void emit_flags_carry(struct emitter *e, uint32_t others);
/* A save of operands before they are overwritten: into flags_a or flags_b. Keeps host flags. */
struct recipe_operand emit_flags_save(struct emitter *e, bool b, unsigned host);
struct recipe_operand recipe_gpr(unsigned n);
struct recipe_operand recipe_imm(uint64_t value);

/* ---- memory (x64/memory.c) ---- */

/* The linear address of the memory operand, into S_ADDRESS. False: not this form (nothing emitted). */
bool emit_address_fits(const struct insn *insn);
void emit_address(struct emitter *e, const struct insn *insn);
/* Check an access to S_ADDRESS; where it is then. Uses S_INDEX and S_DATA and host flags. */
struct host_mem emit_check(struct emitter *e, unsigned size, bool write);
/* Both, for the memory operand. */
struct host_mem emit_load_check(struct emitter *e, const struct insn *insn, unsigned size);
struct host_mem emit_store_check(struct emitter *e, const struct insn *insn, unsigned size);
/* Of the stack at RSP + delta. */
struct host_mem emit_stack_check(struct emitter *e, int32_t delta, unsigned size, bool write);

/* ---- the stack (x64/stack.c) ---- */
void stack_analyse(struct emitter *e);
void emit_stack_entry(struct emitter *e);
/* Where RSP + disp is, for an access of the group. Uses S_ADDRESS. */
struct host_mem stack_member(struct emitter *e, int32_t disp);

/* ---- shifts (x64/shift.c) ---- */
/* Group 2 on a host register. */
void emit_shift_imm(struct emitter *e, unsigned op, unsigned size, unsigned host, unsigned count);
void emit_shift_cl(struct emitter *e, unsigned op, unsigned size, unsigned host);
/* The guest's CL into the host's; returns a jump for a count of 0. */
uint8_t *emit_shift_count(struct emitter *e, unsigned size);

/* ---- leaving (x64/branch.c) ---- */
void emit_edge(struct emitter *e, uint64_t target, unsigned number);
/* The same behind an STI that set IF: who leaves by it is in the shadow. */
void emit_edge_shadow(struct emitter *e, uint64_t target, unsigned number);
/* Call the interpreter for the running instruction. */
void emit_slow(struct emitter *e);
/* When the condition holds, the interpreter does the running instruction, of which nothing has been done. */
void emit_hand_over(struct emitter *e, unsigned condition);
/* The block's vector registers are where they belong from here on: XMM, or YMM. */
void emit_vectors(struct emitter *e, enum vectors_there there);
/* When the condition holds, likewise, and translated code is left. */
void emit_hand_over_leave(struct emitter *e, unsigned condition);
/* The guest's x87 state is in the host's FPU from here on; or the interpreter does the instruction. Keeps S_ADDRESS. */
void emit_x87_have(struct emitter *e);
/* Behind the block: where its conditional jumps go; and, elsewhere, what hardly ever runs. */
void emit_taken(struct emitter *e);
void emit_cold(struct emitter *e);

/* ---- x87 (x64/x87.c) ---- */
bool emit_x87_fits(const struct insn *insn);
/* Around an instruction, native or not: what the x87 pointers are, and whether the FPU is still the guest's. */
void emit_x87_before(struct emitter *e, bool native);
void emit_x87_after(struct emitter *e, bool native, unsigned first_cold);
void emit_x87_flush(struct emitter *e);

/* ---- families ---- */
emit_fn emit_alu, emit_unary, emit_shift, emit_rotate, emit_mov, emit_extend, emit_lea, emit_xchg,
    emit_cmov, emit_setcc, emit_cbw, emit_cwd, emit_bswap, emit_nop, emit_push, emit_pop,
    emit_leave, emit_jcc, emit_jmp, emit_call, emit_ret, emit_imul, emit_mul, emit_div, emit_bt,
    emit_scan, emit_popcnt, emit_bmi, emit_zeros, emit_cmpxchg, emit_xadd, emit_carry,
    emit_double_shift, emit_lahf, emit_sahf, emit_cli, emit_sti, emit_cld, emit_swapgs, emit_rdtsc,
    emit_fence, emit_string, emit_pushf, emit_ac, emit_x87,
    emit_cmpxchg_wide, emit_movseg, emit_movbe, emit_crc32;
bool emit_movseg_fits(const struct insn *insn);
bool emit_string_fits(const struct insn *insn);
bool emit_pushf_fits(const struct insn *insn);

#endif
