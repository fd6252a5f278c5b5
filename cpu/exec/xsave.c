/* FXSAVE, FXRSTOR and the XSAVE family: x87, SSE and AVX state in memory images. [SDM 1 10.5, 13]
 *
 * The image:  0 FCW FSW FTW FOP   8 FIP (FCS)   16 FDP (FDS)   24 MXCSR MXCSR_MASK   32 ST0..ST7,
 * 16 bytes each 160 XMM0..XMM15   416 unused   512 XSTATE_BV XCOMP_BV and reserved (XSAVE header)
 * 576 upper halves of YMM0..YMM15   832 end. Only one component lies behind the header, so the
 * standard and the compacted format have one layout. */
#include <string.h>

#include "base/bytes.h"
#include "cpu/exec/exec.h"
#include "cpu/exec/fp_ops.h"
#include "cpu/exec/model.h"
#include "cpu/exec/vector.h"
#include "cpu/exec/x87.h"

enum {
    IMAGE_MXCSR = 24,
    IMAGE_ST = 32,
    IMAGE_XMM = 160,
    IMAGE_FXSAVE_SIZE = 512,
    IMAGE_XSTATE_BV = 512,
    IMAGE_XCOMP_BV = 520,
    IMAGE_HEADER_REST = 528,
    IMAGE_XSAVE_SIZE = 576, /* without AVX */
    IMAGE_YMM = XSAVE_AVX_AT,
    IMAGE_SIZE = XSAVE_AVX_AT + XSAVE_AVX_BYTES,
};

#define COMPONENTS   (XCR0_X87 | XCR0_SSE | XCR0_AVX)
#define XCOMP_FORMAT BIT64(63)

/* ---- memory ---- */
static void image_probe_write(struct core *core, gva_t gva, unsigned size, bool stack)
{
    unsigned first = (unsigned)(PAGE_SIZE - (gva & (PAGE_SIZE - 1)));

    core_probe_write(core, gva, first < size ? first : size, stack);
    if (first < size) {
        core_probe_write(core, gva + first, size - first, stack);
    }
}

static void image_store(struct core *core, gva_t gva, const uint8_t *image, unsigned from,
                        unsigned to, bool stack)
{
    for (unsigned at = from; at < to; at += 8) {
        core_store64(core, gva + at, le64_load(image + at), stack);
    }
}

static void image_load(struct core *core, gva_t gva, uint8_t *image, unsigned from, unsigned to,
                       bool stack)
{
    for (unsigned at = from; at < to; at += 8) {
        le64_store(image + at, core_load64(core, gva + at, stack));
    }
}

static gva_t image_linear(struct core *core, const struct insn *insn, unsigned size,
                          unsigned access, unsigned alignment)
{
    gva_t gva = insn_linear(core, insn, size, access);

    if (gva & (alignment - 1)) {
        core_raise_error(core, VECTOR_GP, 0);
    }
    return gva;
}

/* ---- components ---- */
static void x87_to_image(const struct x87_state *x87, uint8_t *image, bool rex_w)
{
    memset(image, 0, IMAGE_MXCSR);
    le16_store(image, x87->control);
    le16_store(image + 2, x87->status);
    image[4] = x87->valid;
    le16_store(image + 6, x87->opcode);
    le64_store(image + 8, x87->instruction);
    le64_store(image + 16, x87->data);
    if (!rex_w) {
        le32_store(image + 12, x87->instruction_selector);
        le32_store(image + 20, x87->data_selector);
    }
    for (unsigned i = 0; i < 8; i++) {
        const struct x87_value *value = &x87->reg[(x87_top(x87) + i) & 7];
        uint8_t *slot = image + IMAGE_ST + 16 * i;

        le64_store(slot, value->significand);
        le64_store(slot + 8, value->sign_exponent);
    }
}

static void x87_from_image(struct x87_state *x87, const uint8_t *image, bool rex_w)
{
    x87->control = le16_load(image);
    x87->status = le16_load(image + 2);
    x87->valid = image[4];
    x87->opcode = le16_load(image + 6) & 0x7ff;
    x87->instruction = rex_w ? le64_load(image + 8) : le32_load(image + 8);
    x87->data = rex_w ? le64_load(image + 16) : le32_load(image + 16);
    x87->instruction_selector = rex_w ? 0 : le16_load(image + 12);
    x87->data_selector = rex_w ? 0 : le16_load(image + 20);
    for (unsigned i = 0; i < 8; i++) {
        struct x87_value *value = &x87->reg[(x87_top(x87) + i) & 7];
        const uint8_t *slot = image + IMAGE_ST + 16 * i;

        value->significand = le64_load(slot);
        value->sign_exponent = le16_load(slot + 8);
    }
    x87_status_normalize(x87);
}

/* XMM8 to XMM15 exist only in 64-bit mode; elsewhere neither they nor their place in the image are
 * touched. */
static unsigned xmm_count(const struct core *core)
{
    return core->bits == 64 ? 16 : 8;
}

static void xmm_to_image(const struct core *core, uint8_t *image)
{
    for (unsigned i = 0; i < xmm_count(core); i++) {
        le64_store(image + IMAGE_XMM + 16 * i, core->state.xmm[i].u64[0]);
        le64_store(image + IMAGE_XMM + 16 * i + 8, core->state.xmm[i].u64[1]);
    }
}

static void xmm_from_image(struct core *core, const uint8_t *image)
{
    for (unsigned i = 0; i < xmm_count(core); i++) {
        core->state.xmm[i].u64[0] = le64_load(image + IMAGE_XMM + 16 * i);
        core->state.xmm[i].u64[1] = le64_load(image + IMAGE_XMM + 16 * i + 8);
    }
}

static void ymm_to_image(const struct core *core, uint8_t *image)
{
    for (unsigned i = 0; i < xmm_count(core); i++) {
        le64_store(image + IMAGE_YMM + 16 * i, core->state.ymm_high[i].u64[0]);
        le64_store(image + IMAGE_YMM + 16 * i + 8, core->state.ymm_high[i].u64[1]);
    }
}

static void ymm_from_image(struct core *core, const uint8_t *image)
{
    for (unsigned i = 0; i < xmm_count(core); i++) {
        core->state.ymm_high[i].u64[0] = le64_load(image + IMAGE_YMM + 16 * i);
        core->state.ymm_high[i].u64[1] = le64_load(image + IMAGE_YMM + 16 * i + 8);
    }
}

static void mxcsr_to_image(const struct core *core, uint8_t *image)
{
    le32_store(image + IMAGE_MXCSR, core->state.mxcsr);
    le32_store(image + IMAGE_MXCSR + 4, MXCSR_MASK);
}

static bool mxcsr_is_legal(const uint8_t *image)
{
    return (le32_load(image + IMAGE_MXCSR) & ~MXCSR_MASK) == 0;
}

/* ---- FXSAVE, FXRSTOR ---- */
static void fxsave_check(struct core *core)
{
    if (UNLIKELY(core->mmx_blocked)) {
        core_raise(core, core->state.cr0 & CR0_EM ? VECTOR_UD : VECTOR_NM);
    }
}

EXEC_OP(fxsave)
{
    uint8_t image[IMAGE_FXSAVE_SIZE];
    bool stack = insn_is_stack(insn);

    fxsave_check(core);
    gva_t gva = image_linear(core, insn, IMAGE_FXSAVE_SIZE, MMU_WRITE, 16);

    image_probe_write(core, gva, IMAGE_FXSAVE_SIZE, stack);
    x87_to_image(&core->state.x87, image, insn->flags & INSN_REX_W);
    mxcsr_to_image(core, image);
    xmm_to_image(core, image);
    image_store(core, gva, image, 0, IMAGE_XMM + 16 * xmm_count(core), stack);
}

EXEC_OP(fxrstor)
{
    uint8_t image[IMAGE_FXSAVE_SIZE];

    fxsave_check(core);
    gva_t gva = image_linear(core, insn, IMAGE_FXSAVE_SIZE, MMU_READ, 16);

    image_load(core, gva, image, 0, IMAGE_FXSAVE_SIZE, insn_is_stack(insn));
    if (!mxcsr_is_legal(image)) {
        core_raise_error(core, VECTOR_GP, 0);
    }
    x87_from_image(&core->state.x87, image, insn->flags & INSN_REX_W);
    core->state.mxcsr = le32_load(image + IMAGE_MXCSR);
    xmm_from_image(core, image);
}

/* ---- XSAVE: what is asked for and what is in use ---- */
static void xsave_check(struct core *core)
{
    if (!(core->state.cr4 & CR4_OSXSAVE)) {
        core_raise(core, VECTOR_UD);
    }
    if (core->state.cr0 & CR0_TS) {
        core_raise(core, VECTOR_NM);
    }
}

static uint64_t requested_components(const struct core *core)
{
    uint64_t mask = core->state.gpr[REG_RDX] << 32 | (uint32_t)core->state.gpr[REG_RAX];

    return mask & core->state.xcr0 & COMPONENTS;
}

static bool x87_in_use(const struct x87_state *x87)
{
    struct x87_state initial = *x87;

    x87_reset(&initial);
    if (x87->control != initial.control || x87->status != initial.status ||
        x87->valid != initial.valid || x87->opcode != initial.opcode ||
        x87->instruction != initial.instruction || x87->data != initial.data ||
        x87->instruction_selector != initial.instruction_selector ||
        x87->data_selector != initial.data_selector) {
        return true;
    }
    for (unsigned i = 0; i < 8; i++) {
        if (x87->reg[i].significand != 0 || x87->reg[i].sign_exponent != 0) {
            return true;
        }
    }
    return false;
}

static bool sse_in_use(const struct core *core)
{
    uint64_t bits = core->state.mxcsr ^ MXCSR_INIT;

    for (unsigned i = 0; i < xmm_count(core); i++) {
        bits |= core->state.xmm[i].u64[0] | core->state.xmm[i].u64[1];
    }
    return bits != 0;
}

static bool avx_in_use(const struct core *core)
{
    uint64_t bits = 0;

    for (unsigned i = 0; i < xmm_count(core); i++) {
        bits |= core->state.ymm_high[i].u64[0] | core->state.ymm_high[i].u64[1];
    }
    return bits != 0;
}

static uint64_t components_in_use(const struct core *core)
{
    return (x87_in_use(&core->state.x87) ? XCR0_X87 : 0) | (sse_in_use(core) ? XCR0_SSE : 0) |
           (avx_in_use(core) ? XCR0_AVX : 0);
}

/* Writes components of the image. */
static void components_store(struct core *core, const struct insn *insn, gva_t gva,
                             uint64_t components, bool mxcsr)
{
    uint8_t image[IMAGE_SIZE];
    bool stack = insn_is_stack(insn);

    if (components & XCR0_X87) {
        x87_to_image(&core->state.x87, image, insn->flags & INSN_REX_W);
        image_store(core, gva, image, 0, IMAGE_MXCSR, stack);
        image_store(core, gva, image, IMAGE_ST, IMAGE_XMM, stack);
    }
    if (components & XCR0_SSE) {
        xmm_to_image(core, image);
        image_store(core, gva, image, IMAGE_XMM, IMAGE_XMM + 16 * xmm_count(core), stack);
    }
    if (components & XCR0_AVX) {
        ymm_to_image(core, image);
        image_store(core, gva, image, IMAGE_YMM, IMAGE_YMM + 16 * xmm_count(core), stack);
    }
    if (mxcsr) {
        mxcsr_to_image(core, image);
        image_store(core, gva, image, IMAGE_MXCSR, IMAGE_ST, stack);
    }
}

/* Bytes that an image with these components may take. */
static unsigned image_size(uint64_t components)
{
    return components & XCR0_AVX ? IMAGE_SIZE : IMAGE_XSAVE_SIZE;
}

/* XSAVE writes what is asked for; XSAVEOPT of that only what is in use, but MXCSR always, with AVX
 * too. [SDM 1 13.7, 13.9] */
static ALWAYS_INLINE void xsave_standard(struct core *core, const struct insn *insn, bool optimised)
{
    bool stack = insn_is_stack(insn);

    xsave_check(core);
    uint64_t requested = requested_components(core), in_use = components_in_use(core);
    unsigned size = image_size(requested);
    gva_t gva = image_linear(core, insn, size, MMU_WRITE, 64);

    image_probe_write(core, gva, size, stack);
    uint64_t xstate_bv = core_load64(core, gva + IMAGE_XSTATE_BV, stack);

    components_store(core, insn, gva, optimised ? requested & in_use : requested,
                     requested & (XCR0_SSE | XCR0_AVX));
    core_store64(core, gva + IMAGE_XSTATE_BV, (xstate_bv & ~requested) | (requested & in_use),
                 stack);
}

EXEC_OP(xsave)
{
    xsave_standard(core, insn, false);
}

EXEC_OP(xsaveopt)
{
    xsave_standard(core, insn, true);
}

/* The compacted format, only what is in use. [SDM 1 13.10] */
EXEC_OP(xsavec)
{
    bool stack = insn_is_stack(insn);

    xsave_check(core);
    uint64_t requested = requested_components(core), saved = requested & components_in_use(core);
    unsigned size = image_size(requested);
    gva_t gva = image_linear(core, insn, size, MMU_WRITE, 64);

    image_probe_write(core, gva, size, stack);

    components_store(core, insn, gva, saved, saved & XCR0_SSE);
    core_store64(core, gva + IMAGE_XSTATE_BV, saved, stack);
    core_store64(core, gva + IMAGE_XCOMP_BV, requested | XCOMP_FORMAT, stack);
}

/* ---- XRSTOR ---- */
static bool bytes_are_zero(const uint8_t *bytes, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        if (bytes[i] != 0) {
            return false;
        }
    }
    return true;
}

/* [SDM 1 13.8] */
static bool header_is_legal(const struct core *core, const uint8_t *image)
{
    uint64_t xstate_bv = le64_load(image + IMAGE_XSTATE_BV);
    uint64_t xcomp_bv = le64_load(image + IMAGE_XCOMP_BV);

    if (!(xcomp_bv & XCOMP_FORMAT)) {
        return xcomp_bv == 0 && (xstate_bv & ~core->state.xcr0) == 0 &&
               bytes_are_zero(image + IMAGE_HEADER_REST, 8);
    }
    uint64_t present = xcomp_bv & ~XCOMP_FORMAT;

    return core_has_feature(core, FEATURE_XSAVEC) && (present & ~core->state.xcr0) == 0 &&
           (xstate_bv & ~present) == 0 &&
           bytes_are_zero(image + IMAGE_HEADER_REST, IMAGE_XSAVE_SIZE - IMAGE_HEADER_REST);
}

/* Each component asked for comes from the image, or gets its initial configuration. */
static void components_load(struct core *core, const uint8_t *image, bool rex_w)
{
    uint64_t requested = requested_components(core);
    uint64_t xstate_bv = le64_load(image + IMAGE_XSTATE_BV);
    bool compacted = le64_load(image + IMAGE_XCOMP_BV) & XCOMP_FORMAT;
    bool sse_present = xstate_bv & XCR0_SSE;
    bool mxcsr_loaded = compacted ? (requested & XCR0_SSE) && sse_present
                                  : (requested & (XCR0_SSE | XCR0_AVX)) != 0;

    if (mxcsr_loaded && !mxcsr_is_legal(image)) {
        core_raise_error(core, VECTOR_GP, 0);
    }
    if (requested & XCR0_X87) {
        if (xstate_bv & XCR0_X87) {
            x87_from_image(&core->state.x87, image, rex_w);
        } else {
            x87_reset(&core->state.x87);
        }
    }
    if (requested & XCR0_SSE) {
        if (sse_present) {
            xmm_from_image(core, image);
        } else {
            memset(core->state.xmm, 0, sizeof(core->state.xmm[0]) * xmm_count(core));
        }
    }
    if (requested & XCR0_AVX) {
        if (xstate_bv & XCR0_AVX) {
            ymm_from_image(core, image);
        } else {
            memset(core->state.ymm_high, 0, sizeof(core->state.ymm_high[0]) * xmm_count(core));
        }
    }
    if (mxcsr_loaded) {
        core->state.mxcsr = le32_load(image + IMAGE_MXCSR);
    } else if (requested & XCR0_SSE) {
        core->state.mxcsr = MXCSR_INIT;
    }
}

EXEC_OP(xrstor)
{
    uint8_t image[IMAGE_SIZE];

    xsave_check(core);
    uint64_t requested = requested_components(core);
    gva_t gva = image_linear(core, insn, image_size(requested), MMU_READ, 64);

    image_load(core, gva, image, 0, IMAGE_XSAVE_SIZE, insn_is_stack(insn));
    if (requested & le64_load(image + IMAGE_XSTATE_BV) & XCR0_AVX) {
        image_load(core, gva, image, IMAGE_YMM, IMAGE_SIZE, insn_is_stack(insn));
    }
    if (!header_is_legal(core, image)) {
        core_raise_error(core, VECTOR_GP, 0);
    }
    components_load(core, image, insn->flags & INSN_REX_W);
}

exec_fn *exec_choose_xsave(const struct insn *insn)
{
    switch (insn->op) {
    case OP_FXSAVE:
        return exec_fxsave;
    case OP_FXRSTOR:
        return exec_fxrstor;
    case OP_XSAVE:
        return exec_xsave;
    case OP_XSAVEOPT:
        return exec_xsaveopt;
    case OP_XSAVEC:
        return exec_xsavec;
    case OP_XRSTOR:
        return exec_xrstor;
    default: /* XSAVES, XRSTORS: no model has supervisor components */
        return exec_undefined;
    }
}
