/* x87 state, exceptions and control instructions: FNINIT .. FRSTOR, FWAIT. [SDM
 * 1 8.1, 8.3.11, 8.6, 8.7]
 *
 * With CR0.NE = 0 a pending exception asks for the external interrupt (FERR#) and the instruction
 * goes on, as if IGNNE# were asserted. FOP is written by instructions with an unmasked exception
 * only, as processors with fopcode compatibility off do. FIP and FDP are offsets, of the last
 * non-control instruction.
 */
#include <string.h>

#include "base/bytes.h"
#include "cpu/exec/x87_op.h"

/* What FCW keeps; bit 6 reads as 1. */
#define FCW_KEPT 0x1f3fu
#define FCW_ONE  0x40u
#define FCW_INIT 0x37fu

/* ---- state ---- */

void x87_init(struct x87_state *x87)
{
    x87->control = FCW_INIT;
    x87->status = 0;
    x87->valid = 0;
    x87->opcode = 0;
    x87->instruction = x87->data = 0;
    x87->instruction_selector = x87->data_selector = 0;
}

void x87_reset(struct x87_state *x87)
{
    memset(x87, 0, sizeof(*x87));
    x87_init(x87);
}

uint16_t x87_tag_word(const struct x87_state *x87)
{
    unsigned word = 0;

    for (unsigned i = 0; i < 8; i++) {
        unsigned exp = x87->reg[i].sign_exponent & 0x7fff, tag;
        uint64_t sig = x87->reg[i].significand;

        if (!(x87->valid >> i & 1)) {
            tag = 3;
        } else if (exp == 0 && sig == 0) {
            tag = 1;
        } else {
            tag = exp == 0 || exp == 0x7fff || sig >> 63 == 0 ? 2 : 0;
        }
        word |= tag << (2 * i);
    }
    return (uint16_t)word;
}

uint8_t x87_tag_abridge(uint16_t tag_word)
{
    unsigned valid = 0;

    for (unsigned i = 0; i < 8; i++) {
        valid |= (unsigned)((tag_word >> (2 * i) & 3) != 3) << i;
    }
    return (uint8_t)valid;
}

void x87_status_normalize(struct x87_state *x87)
{
    x87->control = (uint16_t)((x87->control & FCW_KEPT) | FCW_ONE);
    x87->status = (uint16_t)(x87->status & ~(FSW_ES | FSW_B));
    if (x87->status & ~x87->control & FP_FLAGS) {
        x87->status |= FSW_ES | FSW_B;
    }
}

/* ---- exceptions ---- */

void x87_check_pending(struct core *core)
{
    if (LIKELY(!(core->state.x87.status & FSW_ES))) {
        return;
    }
    if (core->state.cr0 & CR0_NE) {
        core_raise(core, VECTOR_MF);
    }
    if (core->ops->fpu_error != NULL) {
        core->ops->fpu_error(core->owner);
    }
}

void x87_blocked(struct core *core)
{
    if (core->state.cr0 & (CR0_EM | CR0_TS)) {
        core_raise(core, VECTOR_NM);
    }
    x87_check_pending(core);
}

void x87_mmx_check(struct core *core)
{
    if (core->state.cr0 & CR0_EM) {
        core_raise(core, VECTOR_UD);
    }
    if (core->state.cr0 & CR0_TS) {
        core_raise(core, VECTOR_NM);
    }
    x87_check_pending(core);
}

void x87_mmx_enter(struct core *core)
{
    x87_mmx_check(core);
    x87_top_set(&core->state.x87, 0);
    core->state.x87.valid = 0xff;
}

/* The byte of the running instruction, or -1 where code can no longer be read. */
static int code_byte(struct core *core, uint64_t rip)
{
    gva_t linear = core->seg_base[SEG_CS] + rip;
    bool in_ram = false;
    spa_t spa;

    if (core->bits != 64) {
        linear &= UINT32_MAX;
    }
    if (mmu_fetch(&core->mmu, linear, core->cpl == 3, &spa, &in_ram) != MMU_OK || !in_ram) {
        return -1;
    }
    return ram_load8(ram_host(core->mmu.space->ram, spa));
}

void x87_unmasked(struct core *core, const struct insn *insn)
{
    struct x87_state *x87 = &core->state.x87;

    x87->status |= FSW_ES | FSW_B;
    for (unsigned i = 0; i + 1 < insn->length; i++) {
        uint64_t rip = insn_rip(core, insn) + i;
        int byte = code_byte(core, rip & core->ip_mask);

        if (byte >= 0xd8 && byte <= 0xdf) {
            int modrm = code_byte(core, (rip + 1) & core->ip_mask);

            if (modrm >= 0) {
                x87->opcode = (uint16_t)((byte & 7) << 8 | modrm);
            }
            return;
        }
    }
}

/* ---- control ---- */

/* Of instructions that do not wait for pending exceptions. */
static ALWAYS_INLINE void check_available(struct core *core)
{
    if (UNLIKELY(core->state.cr0 & (CR0_EM | CR0_TS))) {
        core_raise(core, VECTOR_NM);
    }
}

EXEC_OP(fwait)
{
    (void)insn;
    if ((core->state.cr0 & (CR0_MP | CR0_TS)) == (CR0_MP | CR0_TS)) {
        core_raise(core, VECTOR_NM);
    }
    x87_check_pending(core);
}

EXEC_OP(fnclex)
{
    (void)insn;
    check_available(core);
    core->state.x87.status &= 0x7f00;
}

EXEC_OP(fninit)
{
    (void)insn;
    check_available(core);
    x87_init(&core->state.x87);
}

/* FNENI, FNDISI, FNSETPM: of older coprocessors, nothing now. */
EXEC_OP(ignored)
{
    (void)insn;
    check_available(core);
}

EXEC_OP(fldcw)
{
    uint16_t control;

    (void)x87_begin(core);
    control = core_load16(core, insn_linear(core, insn, 2, MMU_READ), insn_is_stack(insn));
    core->state.x87.control = control;
    x87_status_normalize(&core->state.x87);
}

EXEC_OP(fnstcw)
{
    check_available(core);
    core_store16(core, insn_linear(core, insn, 2, MMU_WRITE), core->state.x87.control,
                 insn_is_stack(insn));
}

EXEC_OP(fnstsw)
{
    check_available(core);
    if (insn->kind[0] == OPERAND_MEM) {
        core_store16(core, insn_linear(core, insn, 2, MMU_WRITE), core->state.x87.status,
                     insn_is_stack(insn));
    } else {
        gpr16_write(core, REG_RAX, core->state.x87.status);
    }
}

/* ---- environment images ---- */

enum { ENV_WORDS = 7, IMAGE_MAX = 108 };

/* The seven fields, without what the mode mixes into them. */
static bool mode_is_real(const struct core *core)
{
    return !(core->state.cr0 & CR0_PE) || (core->state.rflags_rest & FLAG_VM);
}

/* FIP and FDP as real mode keeps them: linear. */
static uint32_t real_address(uint16_t selector, uint64_t offset)
{
    return ((uint32_t)selector << 4) + (uint32_t)offset;
}

static unsigned env_size(const struct insn *insn)
{
    return insn->opsize == 2 ? 14 : 28;
}

static void env_store(const struct core *core, unsigned size, uint8_t *image)
{
    const struct x87_state *x87 = &core->state.x87;
    uint32_t field[ENV_WORDS] = { x87->control, x87->status, x87_tag_word(x87) };

    if (mode_is_real(core)) {
        uint32_t fip = real_address(x87->instruction_selector, x87->instruction);
        uint32_t fdp = real_address(x87->data_selector, x87->data);

        field[3] = fip & 0xffff;
        field[4] = x87->opcode | fip >> 16 << 12;
        field[5] = fdp & 0xffff;
        field[6] = fdp >> 16 << 12;
    } else {
        field[3] = (uint32_t)x87->instruction;
        field[4] = x87->instruction_selector | (size == 28 ? (uint32_t)x87->opcode << 16 : 0);
        field[5] = (uint32_t)x87->data;
        field[6] = x87->data_selector;
    }
    for (unsigned i = 0; i < ENV_WORDS; i++) {
        if (size == 14) {
            le16_store(image + 2 * i, (uint16_t)field[i]);
        } else {
            /* Reserved halves are ones, but FCS:FOP and the whole pointers of protected mode. */
            bool whole = i == 4 || (!mode_is_real(core) && (i == 3 || i == 5));
            bool middle = mode_is_real(core) && i == 6;

            le32_store(image + 4 * i, field[i] | (whole || middle ? 0 : 0xffff0000u));
        }
    }
}

static void env_load(struct core *core, unsigned size, const uint8_t *image)
{
    struct x87_state *x87 = &core->state.x87;
    uint32_t field[ENV_WORDS];

    for (unsigned i = 0; i < ENV_WORDS; i++) {
        field[i] = size == 14 ? le16_load(image + 2 * i) : le32_load(image + 4 * i);
    }
    x87->control = (uint16_t)field[0];
    x87->status = (uint16_t)field[1];
    x87->valid = x87_tag_abridge((uint16_t)field[2]);
    if (mode_is_real(core)) {
        x87->instruction = (field[3] & 0xffff) | (field[4] >> 12 & 0xffff) << 16;
        x87->data = (field[5] & 0xffff) | (field[6] >> 12 & 0xffff) << 16;
        x87->instruction_selector = x87->data_selector = 0;
        x87->opcode = field[4] & 0x7ff;
    } else {
        x87->instruction = field[3];
        x87->data = field[5];
        x87->instruction_selector = (uint16_t)field[4];
        x87->data_selector = (uint16_t)field[6];
        if (size == 28) {
            x87->opcode = field[4] >> 16 & 0x7ff;
        }
    }
    x87_status_normalize(x87);
}

/* Bytes of an image's first access: its size tells the alignment check which image it is. */
static unsigned image_first(unsigned size)
{
    return size == 94 ? 62 : size > 64 ? 64 : size;
}

static gva_t image_store(struct core *core, const struct insn *insn, const uint8_t *image,
                         unsigned size)
{
    gva_t gva = insn_linear(core, insn, size, MMU_WRITE);
    bool stack = insn_is_stack(insn);

    unsigned first = image_first(size);

    if (first < size) {
        core_probe_write(core, gva, first, stack);
        core_probe_write(core, gva + first, size - first, stack);
        core_store(core, gva + first, image + first, size - first, stack);
    }
    core_store(core, gva, image, first, stack);
    return gva;
}

static void image_load(struct core *core, const struct insn *insn, uint8_t *image, unsigned size)
{
    gva_t gva = insn_linear(core, insn, size, MMU_READ);
    bool stack = insn_is_stack(insn);

    unsigned first = image_first(size);

    core_load(core, gva, image, first, stack);
    if (first < size) {
        core_load(core, gva + first, image + first, size - first, stack);
    }
}

EXEC_OP(fnstenv)
{
    uint8_t image[IMAGE_MAX];
    unsigned size = env_size(insn);

    check_available(core);
    env_store(core, size, image);
    (void)image_store(core, insn, image, size);
    core->state.x87.control |= FP_FLAGS;
    x87_status_normalize(&core->state.x87);
}

EXEC_OP(fldenv)
{
    uint8_t image[IMAGE_MAX];
    unsigned size = env_size(insn);

    (void)x87_begin(core);
    image_load(core, insn, image, size);
    env_load(core, size, image);
}

EXEC_OP(fnsave)
{
    uint8_t image[IMAGE_MAX];
    unsigned size = env_size(insn);

    check_available(core);
    env_store(core, size, image);
    for (unsigned i = 0; i < 8; i++) {
        const struct x87_value *value = x87_st(&core->state.x87, i);

        le64_store(image + size + 10 * i, value->significand);
        le16_store(image + size + 10 * i + 8, value->sign_exponent);
    }
    (void)image_store(core, insn, image, size + 80);
    x87_init(&core->state.x87);
}

EXEC_OP(frstor)
{
    uint8_t image[IMAGE_MAX];
    unsigned size = env_size(insn);

    (void)x87_begin(core);
    image_load(core, insn, image, size + 80);
    env_load(core, size, image);
    for (unsigned i = 0; i < 8; i++) {
        struct x87_value *value = x87_st(&core->state.x87, i);

        value->significand = le64_load(image + size + 10 * i);
        value->sign_exponent = le16_load(image + size + 10 * i + 8);
    }
}

// clang-format off
#define CHOICES(X) \
    X(FWAIT, fwait) X(FNCLEX, fnclex) X(FNINIT, fninit) X(FLDCW, fldcw) X(FNSTCW, fnstcw) X(FNSTSW, fnstsw) \
    X(FLDENV, fldenv) X(FNSTENV, fnstenv) X(FRSTOR, frstor) X(FNSAVE, fnsave) X(FNENI, ignored) \
    X(FNDISI, ignored) X(FNSETPM, ignored)
// clang-format on

static exec_fn *choose_control(const struct insn *insn)
{
    switch (insn->op) {
#define X(op, name)                                                                                \
    case OP_##op:                                                                                  \
        return exec_##name;
        CHOICES(X)
#undef X
    default:
        return exec_undefined;
    }
}

exec_fn *exec_choose_x87(const struct insn *insn)
{
    exec_fn *fn = x87_choose_arith(insn);

    if (fn == NULL) {
        fn = x87_choose_move(insn);
    }
    if (fn == NULL) {
        fn = x87_choose_function(insn);
    }
    return fn != NULL ? fn : choose_control(insn);
}
