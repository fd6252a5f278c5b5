/* From the last operation's operands to the lazy flags, with the interpreter's own functions. */
#include "cpu/translate/flags.h"

#include "cpu/exec/flags.h"
#include "cpu/exec/operand.h"

/* As the interpreter's shifts leave them; the count is below the operand's width or its mask. [cpu/exec/shift.c] */
static void settle_shift(struct core *core, enum flags_shift shift, unsigned size, uint64_t a,
                         unsigned count)
{
    const unsigned bits = size * 8;
    bool cf, of;
    uint64_t r;

    count &= size == 8 ? 63 : 31;
    a &= size_mask(size);
    if (shift == FLAGS_SHL) {
        r = a << count & size_mask(size);
        cf = size == 8 ? a >> (64 - count) & 1 : (a << count) >> bits & 1;
        of = cf != (r >> (bits - 1) & 1);
    } else if (shift == FLAGS_SHR) {
        r = a >> count;
        cf = a >> (count - 1) & 1;
        of = r >> (bits - 2) & 1;
    } else {
        int64_t wide = (int64_t)size_sign_extend(a, size);
        r = (uint64_t)(wide >> count) & size_mask(size);
        cf = wide >> (count - 1) & 1;
        of = false;
    }
    core->state.flags_result = size_sign_extend(r, size);
    core->state.flags_carry = (uint64_t)cf << 63 | (uint64_t)(cf != of) << 62;
}

static void settle_image(struct core *core, uint64_t image)
{
    const uint64_t low = FLAG_SF | FLAG_ZF | FLAG_AF | FLAG_PF | FLAG_CF;

    flags_set(core, (image >> 8 & low) | (image & 1 ? FLAG_OF : 0));
}

static void settle_base(struct core *core, uint64_t kind, uint64_t a, uint64_t b)
{
    unsigned size = 1u << (kind >> 4 & 3);

    switch ((enum flags_kind)(kind & 15)) {
    case FLAGS_STATE:
        break;
    case FLAGS_TEST:
        a &= b;
        /* fall through */
    case FLAGS_LOGIC:
        core->state.flags_result = size_sign_extend(a, size);
        core->state.flags_carry = 0;
        break;
    case FLAGS_CMP:
        flags_sub_size(core, size, a, b, a - b);
        break;
    case FLAGS_SUB:
        flags_sub_size(core, size, a + b, b, a);
        break;
    case FLAGS_ADD:
        flags_add_size(core, size, a - b, b, a);
        break;
    case FLAGS_SUM:
        flags_add_size(core, size, a, b, a + b);
        break;
    case FLAGS_NEG:
        flags_sub_size(core, size, 0, 0 - a, a);
        break;
    case FLAGS_SHIFTED:
        settle_shift(core, (enum flags_shift)(kind >> 8 & 15), size, a, (unsigned)b);
        break;
    case FLAGS_MULTIPLY:
        core->state.flags_result = size_sign_extend(a, size);
        core->state.flags_carry = b & 1 ? FC_CF : 0;
        break;
    case FLAGS_POPCNT:
        flags_set(core, (a & size_mask(size)) == 0 ? FLAG_ZF : 0);
        break;
    case FLAGS_IMAGE:
        settle_image(core, a);
        break;
    }
}

/* INC and DEC keep CF. */
static void settle_step(struct core *core, uint64_t kind, uint64_t r)
{
    unsigned size = 1u << (kind >> (FLAGS_KIND_STEP + 4) & 3);
    bool inc = (kind >> FLAGS_KIND_STEP & 15) == FLAGS_INC;
    uint64_t a = inc ? r - 1 : r + 1, cf = core->state.flags_carry & FC_CF;
    uint64_t overflow = inc ? (size_mask(size) >> 1) + 1 : size_mask(size) >> 1;
    uint64_t of = (r & size_mask(size)) == overflow ? FC_CF_XOR_OF : 0;

    core->state.flags_result = size_sign_extend(r, size);
    core->state.flags_carry = cf | ((cf >> 1) ^ of) | ((a ^ r ^ 1) >> 1 & FC_AF);
}

/* OF after a rotation. [cpu/exec/shift.c] */
static bool rotated_of(const struct core_translated *t)
{
    unsigned sign = (8u << (t->flags_kind >> (FLAGS_KIND_ROTATE + 4) & 3)) - 1;
    uint64_t r = t->flags_rotated;

    switch ((enum flags_rotate)(t->flags_kind >> FLAGS_KIND_ROTATE & 15)) {
    case FLAGS_LEFT:
        return (r >> sign ^ t->flags_of) & 1;
    case FLAGS_RIGHT:
        return (r >> sign ^ r >> (sign - 1)) & 1;
    default:
        return t->flags_of & 1;
    }
}

void flags_settle(struct core *core)
{
    struct core_translated *t = &core->translated;
    uint64_t kind = t->flags_kind;

    if (kind == 0) {
        return;
    }
    settle_base(core, kind, t->flags_a, t->flags_b);
    if ((kind >> FLAGS_KIND_STEP & 15) != FLAGS_NO_STEP) {
        settle_step(core, kind, t->flags_step);
    }
    if ((kind & FLAGS_KIND_CF) && flag_cf(core) != (t->flags_cf & 1)) {
        core->state.flags_carry ^= FC_CF | FC_CF_XOR_OF;
    }
    if ((kind >> FLAGS_KIND_ROTATE & 15) != FLAGS_NO_ROTATION && flag_of(core) != rotated_of(t)) {
        core->state.flags_carry ^= FC_CF_XOR_OF;
    }
    if (kind >> (FLAGS_KIND_ZF + 8) != 0) {
        flags_set(core, (flags_get(core) & ~(uint64_t)FLAG_ZF) |
                            (kind >> FLAGS_KIND_ZF & 1 ? FLAG_ZF : 0));
    }
    t->flags_kind = 0;
}

void flags_image(struct core *core)
{
    flags_settle(core);
    uint64_t flags = flags_get(core);

    core->translated.flags_image =
        (uint16_t)((flags & 0xd5) << 8 | (flags & FLAG_OF ? 1 : 0) | FLAG_ONE << 8);
}
