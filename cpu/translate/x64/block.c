/* One block: which instructions have host code, and emitting them one after the other. */
#include <string.h>

#include "cpu/decode/op_info.h"
#include "cpu/exec/model.h"
#include "cpu/translate/x64/simd.h"
#include "cpu/translate/x64/translator.h"

/* X(operation, emitter, form that fits) */
// clang-format off
#define X87_ROWS(X) \
    X(FADD, emit_x87, emit_x87_fits) X(FADDP, emit_x87, emit_x87_fits) X(FIADD, emit_x87, emit_x87_fits) \
    X(FMUL, emit_x87, emit_x87_fits) X(FMULP, emit_x87, emit_x87_fits) X(FIMUL, emit_x87, emit_x87_fits) \
    X(FSUB, emit_x87, emit_x87_fits) X(FSUBP, emit_x87, emit_x87_fits) X(FISUB, emit_x87, emit_x87_fits) \
    X(FSUBR, emit_x87, emit_x87_fits) X(FSUBRP, emit_x87, emit_x87_fits) X(FISUBR, emit_x87, emit_x87_fits) \
    X(FDIV, emit_x87, emit_x87_fits) X(FDIVP, emit_x87, emit_x87_fits) X(FIDIV, emit_x87, emit_x87_fits) \
    X(FDIVR, emit_x87, emit_x87_fits) X(FDIVRP, emit_x87, emit_x87_fits) X(FIDIVR, emit_x87, emit_x87_fits) \
    X(FCOM, emit_x87, emit_x87_fits) X(FCOMP, emit_x87, emit_x87_fits) X(FCOMPP, emit_x87, emit_x87_fits) \
    X(FICOM, emit_x87, emit_x87_fits) X(FICOMP, emit_x87, emit_x87_fits) X(FUCOM, emit_x87, emit_x87_fits) \
    X(FUCOMP, emit_x87, emit_x87_fits) X(FUCOMPP, emit_x87, emit_x87_fits) X(FCOMI, emit_x87, emit_x87_fits) \
    X(FCOMIP, emit_x87, emit_x87_fits) X(FUCOMI, emit_x87, emit_x87_fits) X(FUCOMIP, emit_x87, emit_x87_fits) \
    X(FLD, emit_x87, emit_x87_fits) X(FST, emit_x87, emit_x87_fits) X(FSTP, emit_x87, emit_x87_fits) \
    X(FILD, emit_x87, emit_x87_fits) X(FIST, emit_x87, emit_x87_fits) X(FISTP, emit_x87, emit_x87_fits) \
    X(FISTTP, emit_x87, emit_x87_fits) X(FXCH, emit_x87, emit_x87_fits) X(FCMOVCC, emit_x87, emit_x87_fits) \
    X(FCHS, emit_x87, emit_x87_fits) X(FABS, emit_x87, emit_x87_fits) X(FTST, emit_x87, emit_x87_fits) \
    X(FXAM, emit_x87, emit_x87_fits) X(FLD1, emit_x87, emit_x87_fits) X(FLDL2T, emit_x87, emit_x87_fits) \
    X(FLDL2E, emit_x87, emit_x87_fits) X(FLDPI, emit_x87, emit_x87_fits) X(FLDLG2, emit_x87, emit_x87_fits) \
    X(FLDLN2, emit_x87, emit_x87_fits) X(FLDZ, emit_x87, emit_x87_fits) X(FXTRACT, emit_x87, emit_x87_fits) \
    X(FPREM, emit_x87, emit_x87_fits) X(FPREM1, emit_x87, emit_x87_fits) X(FDECSTP, emit_x87, emit_x87_fits) \
    X(FINCSTP, emit_x87, emit_x87_fits) X(FSQRT, emit_x87, emit_x87_fits) X(FRNDINT, emit_x87, emit_x87_fits) \
    X(FSCALE, emit_x87, emit_x87_fits) X(FNOP, emit_x87, emit_x87_fits) X(FFREE, emit_x87, emit_x87_fits) \
    X(FFREEP, emit_x87, emit_x87_fits) X(FWAIT, emit_x87, emit_x87_fits) X(FLDCW, emit_x87, emit_x87_fits) \
    X(FNSTCW, emit_x87, emit_x87_fits) X(FNSTSW, emit_x87, emit_x87_fits)
#define EMIT_ROWS(X) \
    X(ADD, emit_alu, fits_integer) X(OR, emit_alu, fits_integer) X(ADC, emit_alu, fits_integer) X(SBB, emit_alu, fits_integer) \
    X(AND, emit_alu, fits_integer) X(SUB, emit_alu, fits_integer) X(XOR, emit_alu, fits_integer) X(CMP, emit_alu, fits_integer) \
    X(TEST, emit_alu, fits_integer) X(INC, emit_unary, fits_integer) X(DEC, emit_unary, fits_integer) \
    X(NEG, emit_unary, fits_integer) X(NOT, emit_unary, fits_integer) \
    X(SHL, emit_shift, fits_integer) X(SHR, emit_shift, fits_integer) X(SAR, emit_shift, fits_integer) \
    X(ROL, emit_rotate, fits_integer) X(ROR, emit_rotate, fits_integer) X(RCL, emit_rotate, fits_integer) X(RCR, emit_rotate, fits_integer) \
    X(SHLD, emit_double_shift, fits_integer) X(SHRD, emit_double_shift, fits_integer) X(LAHF, emit_lahf, NULL) X(SAHF, emit_sahf, NULL) \
    X(MOV, emit_mov, fits_integer) X(MOVNTI, emit_mov, fits_integer) \
    X(MOVZX, emit_extend, fits_integer) X(MOVSX, emit_extend, fits_integer) X(MOVSXD, emit_extend, fits_integer) \
    X(LEA, emit_lea, fits_integer) X(XCHG, emit_xchg, fits_integer) \
    X(CMOVCC, emit_cmov, fits_integer) X(SETCC, emit_setcc, fits_integer) \
    X(CBW, emit_cbw, NULL) X(CWD, emit_cwd, NULL) X(BSWAP, emit_bswap, NULL) \
    X(NOP, emit_nop, NULL) X(ENDBR, emit_nop, NULL) X(PREFETCH, emit_nop, NULL) \
    X(PUSH, emit_push, fits_integer) X(POP, emit_pop, fits_integer) X(LEAVE, emit_leave, NULL) \
    X(JCC, emit_jcc, NULL) X(JMP, emit_jmp, fits_integer) X(CALL, emit_call, fits_integer) X(RET, emit_ret, NULL) \
    X(IMUL2, emit_imul, fits_integer) X(IMUL3, emit_imul, fits_integer) \
    X(MUL, emit_mul, fits_integer) X(IMUL, emit_mul, fits_integer) \
    X(DIV, emit_div, fits_integer) X(IDIV, emit_div, fits_integer) \
    X(BT, emit_bt, fits_integer) X(BTS, emit_bt, fits_integer) X(BTR, emit_bt, fits_integer) X(BTC, emit_bt, fits_integer) \
    X(ANDN, emit_bmi, fits_integer) X(BEXTR, emit_bmi, fits_integer) X(BLSI, emit_bmi, fits_integer) \
    X(BLSMSK, emit_bmi, fits_integer) X(BLSR, emit_bmi, fits_integer) X(BZHI, emit_bmi, fits_integer) \
    X(MULX, emit_bmi, fits_integer) X(PDEP, emit_bmi, fits_integer) X(PEXT, emit_bmi, fits_integer) \
    X(RORX, emit_bmi, fits_integer) X(SARX, emit_bmi, fits_integer) X(SHLX, emit_bmi, fits_integer) \
    X(SHRX, emit_bmi, fits_integer) X(LZCNT, emit_zeros, fits_integer) X(TZCNT, emit_zeros, fits_integer) \
    X(BSF, emit_scan, fits_integer) X(BSR, emit_scan, fits_integer) X(POPCNT, emit_popcnt, fits_integer) \
    X(CMPXCHG, emit_cmpxchg, fits_integer) X(XADD, emit_xadd, fits_integer) \
    X(MOVS, emit_string, emit_string_fits) X(STOS, emit_string, emit_string_fits) X(LODS, emit_string, emit_string_fits) \
    X(PUSHF, emit_pushf, emit_pushf_fits) X(CLAC, emit_ac, NULL) X(STAC, emit_ac, NULL) \
    X(CLI, emit_cli, NULL) X(STI, emit_sti, NULL) X(CLD, emit_cld, NULL) X(SWAPGS, emit_swapgs, NULL) \
    X(RDTSC, emit_rdtsc, NULL) X(RDTSCP, emit_rdtsc, NULL) \
    X(LFENCE, emit_fence, NULL) X(MFENCE, emit_fence, NULL) X(SFENCE, emit_fence, NULL) \
    X87_ROWS(X) \
    X(CMPXCHG8B, emit_cmpxchg_wide, fits_integer) X(CMPXCHG16B, emit_cmpxchg_wide, fits_integer) \
    X(MOVSEG, emit_movseg, emit_movseg_fits) X(MOVBE, emit_movbe, fits_integer) X(CRC32, emit_crc32, fits_integer) \
    X(CLC, emit_carry, NULL) X(STC, emit_carry, NULL) X(CMC, emit_carry, NULL)
// clang-format on

/* General registers, immediates, and memory without segments. */
static bool fits_integer(const struct insn *insn)
{
    for (unsigned i = 0; i < INSN_OPERANDS; i++) {
        switch (insn->kind[i]) {
        case OPERAND_MEM:
            if (!emit_address_fits(insn)) {
                return false;
            }
            break;
        case OPERAND_NONE:
        case OPERAND_GPR:
        case OPERAND_IMM:
        case OPERAND_REL:
            break;
        default:
            return false;
        }
    }
    return true;
}

const struct emit_row emit_rows[OP_COUNT] = {
#define X(op, emitter, form) [OP_##op] = { emitter, form },
    EMIT_ROWS(X)
#undef X
};

/* LZCNT and TZCNT are BSR and BSF on models without them. */
static bool counts_zeros(const struct emitter *e, const struct insn *insn)
{
    const struct cpu_model *model = e->translator->core->model;

    return e->translator->knows_lzcnt &&
           cpu_model_has(model, insn->op == OP_LZCNT ? FEATURE_LZCNT : FEATURE_BMI1);
}

static bool is_native(const struct emitter *e, const struct insn *insn)
{
    const struct emit_row *row = &emit_rows[insn->op];

    if (!e->translator->knows[insn_needs(insn, 64)] ||
        !cpu_model_knows(e->translator->core->model, insn, 64)) {
        return false;
    }
    if (insn->op == OP_LZCNT || insn->op == OP_TZCNT) {
        return counts_zeros(e, insn) && row->fits(insn);
    }
    return (row->emit != NULL && (row->fits == NULL || row->fits(insn))) ||
           emit_vector_fits(insn) || emit_vex_fits(&e->translator->vex, insn);
}

static emit_fn *emitter_of(const struct insn *insn)
{
    return emit_rows[insn->op].emit != NULL ? emit_rows[insn->op].emit
           : insn->flags & INSN_VEX         ? emit_vex
                                            : emit_vector;
}

static enum vectors_there vectors_of(const struct insn *insn)
{
    return emit_rows[insn->op].emit != NULL ? VECTORS_HOME
           : insn->flags & INSN_VEX         ? VECTORS_YMM
                                            : VECTORS_XMM;
}

/* Registers that it writes and the pending flags are made of. */
static void keep_flags(struct emitter *e)
{
    const struct flow_insn *f = &e->flow.insn[e->i];
    const struct recipe *r = &e->flags.recipe;
    unsigned named = 0;

    if (!e->flags.known || f->kills || !emit_flags_used(e)) {
        return;
    }
    named |= r->a.what == RECIPE_GPR ? 1u << r->a.n : 0;
    named |= r->b.what == RECIPE_GPR ? 1u << r->b.n : 0;
    if ((named & f->writes) == 0) {
        return;
    }
    emit_flags_store(e);
    for (unsigned k = 0; k < 2; k++) { /* the slots hold them */
        struct recipe_operand *operand = k == 0 ? &e->flags.recipe.a : &e->flags.recipe.b;
        if (operand->what == RECIPE_GPR) {
            operand->what = RECIPE_SLOT;
        }
    }
}

/* Where an instruction that the interpreter did goes on. */
static void resume(struct emitter *e, const struct insn *insn, unsigned first)
{
    if (op_info[insn->op].family ==
        FAMILY_X87) { /* what follows takes it that the FPU is the guest's */
        return;
    }
    if (e->ended || (op_info[insn->op].flags_written & (uint32_t)FLAGS_ARITH) != 0) {
        bool divides = insn->op == OP_DIV || insn->op == OP_IDIV;
        if (!divides) {
            return;
        }
    }
    for (unsigned i = first; i < e->n_cold; i++) {
        if (e->cold[i].kind == COLD_MISS) {
            e->cold[i].next = e->e.at;
        }
    }
}

static void emit_insn(struct emitter *e)
{
    const struct insn *insn = &e->insns[e->i];
    unsigned first = e->n_cold;

    emit_x87_before(e, e->flow.insn[e->i].native);
    if (e->flow.insn[e->i].native) {
        keep_flags(e);
        if (emitter_of(insn)(e, insn)) {
            resume(e, insn, first);
            emit_x87_after(e, true, first);
            return;
        }
    }
    emit_slow(e);
    emit_x87_after(e, false, first);
    e->ended = e->ended || insn_ends_block(insn, 64);
}

void translator_emit(struct emitter *e)
{
    e->vectors = VECTORS_HOME;
    for (unsigned i = 0; i < e->n; i++) {
        e->flow.insn[i].native = is_native(e, &e->insns[i]);
        if (e->flow.insn[i].native && vectors_of(&e->insns[i]) > e->vectors) {
            e->vectors = vectors_of(&e->insns[i]);
        }
    }
    flow_analyse(&e->flow, e->insns, e->n, true);
    e->flags = (struct flags_track){ .stored = true };
    e->n_cold = 0;
    e->ended = false;
    e->i = 0;
    e->x87 = false;
    e->x87_pending = X87_NO_SITE;
    if (e->plain) {
        e->stack = (struct stack_group){ 0 };
    } else {
        stack_analyse(e);
    }
    if (e->stack.n != 0) {
        emit_stack_entry(e);
    }
    if (e->vectors != VECTORS_HOME) {
        emit_vectors(e, e->vectors);
    }
    for (; e->i < e->n; e->i++) {
        e->ended = false;
        emit_insn(e);
    }
    if (!e->ended) {
        const struct insn *last = &e->insns[e->n - 1];
        e->i = e->n - 1;
        emit_x87_flush(e);
        emit_edge(e, e->rip + last->offset + last->length, e->n);
    }
    emit_taken(e);
}
