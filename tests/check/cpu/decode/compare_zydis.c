/* The decoder against Zydis: validity, length, mnemonic, every operand. */
#include "tests/check/cpu/decode/compare.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/compiler.h"
#include "cpu/decode/op_info.h"

#ifdef HAVE_ZYDIS
#include <Zydis/Zydis.h>

bool zydis_built_in(void)
{
    return true;
}

static void PRINTF(2, 3) differ(struct difference *difference, const char *format, ...)
{
    va_list arguments;
    size_t used = strlen(difference->text);

    va_start(arguments, format);
    vsnprintf(difference->text + used, sizeof(difference->text) - used, format, arguments);
    va_end(arguments);
}

/* Extensions that no CPU model of ours has: their encodings are #UD. */
static bool extension_absent(ZydisISAExt extension)
{
    switch (extension) {
    case ZYDIS_ISA_EXT_AMD3DNOW:
    case ZYDIS_ISA_EXT_AMD_INVLPGB:
    case ZYDIS_ISA_EXT_CET:
    case ZYDIS_ISA_EXT_CLWB:
    case ZYDIS_ISA_EXT_CLZERO:
    case ZYDIS_ISA_EXT_ENQCMD:
    case ZYDIS_ISA_EXT_GFNI:
    case ZYDIS_ISA_EXT_HRESET:
    case ZYDIS_ISA_EXT_KEYLOCKER:
    case ZYDIS_ISA_EXT_KEYLOCKER_WIDE:
    case ZYDIS_ISA_EXT_MCOMMIT:
    case ZYDIS_ISA_EXT_MONITORX:
    case ZYDIS_ISA_EXT_MOVDIR:
    case ZYDIS_ISA_EXT_PADLOCK:
    case ZYDIS_ISA_EXT_PCONFIG:
    case ZYDIS_ISA_EXT_PKU:
    case ZYDIS_ISA_EXT_PT:
    case ZYDIS_ISA_EXT_RDPRU:
    case ZYDIS_ISA_EXT_RTM:
    case ZYDIS_ISA_EXT_SERIALIZE:
    case ZYDIS_ISA_EXT_SGX:
    case ZYDIS_ISA_EXT_SGX_ENCLV:
    case ZYDIS_ISA_EXT_SMX:
    case ZYDIS_ISA_EXT_SNP:
    case ZYDIS_ISA_EXT_SSE4A:
    case ZYDIS_ISA_EXT_TDX:
    case ZYDIS_ISA_EXT_TSX_LDTRK:
    case ZYDIS_ISA_EXT_UINTR:
    case ZYDIS_ISA_EXT_VMFUNC:
    case ZYDIS_ISA_EXT_WAITPKG:
        return true;
    default:
        return false;
    }
}

/* VEX encodings of what no model has: mask registers, VNNI, GFNI, AES of 256 bits .. */
static bool vex_absent(const ZydisDecodedInstruction *z)
{
    switch (z->meta.isa_ext) {
    case ZYDIS_ISA_EXT_AVX:
    case ZYDIS_ISA_EXT_AVX2:
    case ZYDIS_ISA_EXT_AVX2GATHER:
    case ZYDIS_ISA_EXT_AVXAES:
    case ZYDIS_ISA_EXT_BMI1:
    case ZYDIS_ISA_EXT_BMI2:
    case ZYDIS_ISA_EXT_F16C:
    case ZYDIS_ISA_EXT_FMA:
        return false;
    default:
        return true;
    }
}

static bool instruction_absent(const ZydisDecodedInstruction *z)
{
    if (z->encoding == ZYDIS_INSTRUCTION_ENCODING_VEX) {
        return vex_absent(z);
    }
    if (z->encoding != ZYDIS_INSTRUCTION_ENCODING_LEGACY) {
        return true; /* EVEX, MVEX, XOP, 3DNow! */
    }
    switch (z->mnemonic) {
    case ZYDIS_MNEMONIC_VMCALL:
    case ZYDIS_MNEMONIC_VMMCALL:
        return false;
    case ZYDIS_MNEMONIC_MOV: /* to or from test registers of the 80486 */
    default:
        return extension_absent(z->meta.isa_ext) || z->meta.isa_ext == ZYDIS_ISA_EXT_VTX ||
               z->meta.isa_ext == ZYDIS_ISA_EXT_SVM;
    }
}

/* Why a difference is right as it is, or NULL. */
static const char *accepted(const struct insn *insn, bool ours, const ZydisDecodedInstruction *z,
                            bool theirs)
{
    if (!theirs) {
        return NULL;
    }
    if (!ours) {
        return instruction_absent(z) ? "extension that no model has" : NULL;
    }
    if (insn->op == OP_XCHG && z->mnemonic == ZYDIS_MNEMONIC_PAUSE) {
        return "F3 90 with REX.B is XCHG on processors, Zydis says PAUSE";
    }
    if (insn->op == OP_MOVSXD && insn->opsize == 2) {
        return "MOVSXD r16 reads r/m16 [SDM 2], Zydis says r/m32";
    }
    if (insn->adsize == 4 && insn->base == REG_ZERO && z->raw.modrm.mod == 0 &&
        z->raw.modrm.rm == 4 && z->raw.sib.base == 5 && z->raw.rex.B != 0) {
        return "SIB base 5 with mod 0 is no base with REX.B too [SDM 2A 2.2.1.2], Zydis says R13D";
    }
    if (z->attributes & ZYDIS_ATTRIB_HAS_NOTRACK) {
        return "3E is a segment override as long as there is no CET, Zydis says NOTRACK";
    }
    return NULL;
}

static void compare_register(const struct insn *insn, unsigned i, ZydisRegister reg,
                             struct difference *difference)
{
    ZydisRegisterClass class = ZydisRegisterGetClass(reg);
    unsigned id = (unsigned)ZydisRegisterGetId(reg), n = insn->n[i];
    enum operand_kind kind = OPERAND_NONE;

    switch (class) {
    case ZYDIS_REGCLASS_GPR8:
        kind = OPERAND_GPR;
        /* Zydis numbers AL CL DL BL AH CH DH BH SPL BPL SIL DIL R8B.. */
        id = id >= 4 && id < 8 ? 16 | (id - 4) : id >= 8 ? id - 4 : id;
        break;
    case ZYDIS_REGCLASS_GPR16:
    case ZYDIS_REGCLASS_GPR32:
    case ZYDIS_REGCLASS_GPR64:
        kind = OPERAND_GPR;
        break;
    case ZYDIS_REGCLASS_XMM:
    case ZYDIS_REGCLASS_YMM:
        kind = OPERAND_XMM;
        break;
    case ZYDIS_REGCLASS_MMX:
        kind = OPERAND_MMX;
        break;
    case ZYDIS_REGCLASS_X87:
        kind = OPERAND_ST;
        break;
    case ZYDIS_REGCLASS_SEGMENT:
        kind = OPERAND_SEG;
        break;
    case ZYDIS_REGCLASS_CONTROL:
        kind = OPERAND_CR;
        break;
    case ZYDIS_REGCLASS_DEBUG:
        kind = OPERAND_DR;
        break;
    default:
        break;
    }
    if (insn->kind[i] != kind || n != id) {
        differ(difference, "operand %u: kind %u n %u, Zydis %s; ", i, insn->kind[i], n,
               ZydisRegisterGetString(reg));
    } else if (kind == OPERAND_XMM && (insn->size[i] == 32) != (class == ZYDIS_REGCLASS_YMM)) {
        differ(difference, "operand %u: register size %u, Zydis %s; ", i, insn->size[i],
               ZydisRegisterGetString(reg));
    } else if (kind == OPERAND_GPR && insn->op != OP_LAR && insn->op != OP_LSL &&
               insn->size[i] != ZydisRegisterGetWidth(ZYDIS_MACHINE_MODE_LONG_64, reg) / 8) {
        differ(difference, "operand %u: register size %u, Zydis %s; ", i, insn->size[i],
               ZydisRegisterGetString(reg));
    }
}

static unsigned address_register(ZydisRegister reg)
{
    return reg == ZYDIS_REGISTER_NONE ? REG_ZERO
           : reg == ZYDIS_REGISTER_RIP || reg == ZYDIS_REGISTER_EIP
               ? REG_RIP
               : (unsigned)ZydisRegisterGetId(reg);
}

static bool size_is_ours_to_choose(unsigned op)
{
    /* Areas and hints: Zydis gives them sizes, executors do not need one. */
    switch (op) {
    case OP_NOP:
    case OP_PREFETCH:
    case OP_LEA:
    case OP_INVLPG:
    case OP_FXSAVE:
    case OP_FXRSTOR:
    case OP_XSAVE:
    case OP_XSAVEOPT:
    case OP_XSAVEC:
    case OP_XSAVES:
    case OP_XRSTOR:
    case OP_XRSTORS:
    case OP_CLFLUSH:
    case OP_CLFLUSHOPT:
        return true;
    default:
        return false;
    }
}

static void compare_memory(const struct insn *insn, unsigned i, const ZydisDecodedOperand *o,
                           unsigned bits, struct difference *difference)
{
    uint64_t mask = insn->adsize == 8 ? UINT64_MAX : insn->adsize == 4 ? UINT32_MAX : UINT16_MAX;
    unsigned segment = o->mem.segment == ZYDIS_REGISTER_NONE
                           ? SEG_DS
                           : (unsigned)ZydisRegisterGetId(o->mem.segment);
    unsigned scale = o->mem.index == ZYDIS_REGISTER_NONE ? 1 : o->mem.scale;

    if (insn->kind[i] != OPERAND_MEM) {
        differ(difference, "operand %u: kind %u, Zydis memory; ", i, insn->kind[i]);
        return;
    }
    if (insn->base != address_register(o->mem.base) ||
        insn->index != address_register(o->mem.index) || 1u << insn->scale_log2 != scale) {
        differ(difference, "address %u+%u*%u, Zydis %u+%u*%u; ", insn->base, insn->index,
               1u << insn->scale_log2, address_register(o->mem.base),
               address_register(o->mem.index), scale);
    }
    if (((uint64_t)insn->disp & mask) != ((uint64_t)o->mem.disp.value & mask)) {
        differ(difference, "disp 0x%" PRIx64 ", Zydis 0x%" PRIx64 "; ", (uint64_t)insn->disp,
               (uint64_t)o->mem.disp.value);
    }
    if (insn->segment != segment && o->mem.type == ZYDIS_MEMOP_TYPE_MEM) {
        differ(difference, "segment %u, Zydis %u; ", insn->segment, segment);
    }
    if (insn->size[i] != o->size / 8 && !size_is_ours_to_choose(insn->op)) {
        differ(difference, "memory size %u, Zydis %u; ", insn->size[i], o->size / 8u);
    }
    (void)bits;
}

static void compare_immediate(const struct insn *insn, unsigned i, const ZydisDecodedOperand *o,
                              struct difference *difference)
{
    unsigned size = insn->size[i] != 0 ? insn->size[i] : 8;
    uint64_t mask = size >= 8 ? UINT64_MAX : (UINT64_C(1) << 8 * size) - 1;
    uint64_t theirs = o->imm.value.u;

    if (insn->op == OP_ENTER && i == 1) {
        if (insn->imm2 != theirs) {
            differ(difference, "level %u, Zydis %u; ", insn->imm2, (unsigned)theirs);
        }
        return;
    }
    if (insn->kind[i] != (o->imm.is_relative ? OPERAND_REL : OPERAND_IMM) ||
        (insn->imm & mask) != (theirs & mask)) {
        differ(difference, "operand %u: kind %u 0x%" PRIx64 ", Zydis immediate 0x%" PRIx64 "; ", i,
               insn->kind[i], insn->imm, theirs);
    }
}

/* Operations whose operands Zydis lists by another habit: strings' memory, NOP's second register,
 * MOVMSK's REX.W. */
static bool operands_differ_by_habit(const struct insn *insn)
{
    return op_info[insn->op].family == FAMILY_STRING || insn->op == OP_INS || insn->op == OP_OUTS ||
           insn->op == OP_XLAT || insn->op == OP_MASKMOVQ || insn->op == OP_MASKMOVDQU ||
           insn->op == OP_MONITOR || insn->op == OP_MWAIT || insn->op == OP_SWAPGS ||
           insn->op == OP_NOP || insn->op == OP_FUCOMP || insn->op == OP_MOVMSKPS ||
           insn->op == OP_MOVMSKPD;
}

static void compare_operands(const struct insn *insn, const ZydisDecodedInstruction *z,
                             const ZydisDecodedOperand *o, unsigned bits,
                             struct difference *difference)
{
    unsigned ours = 0;

    for (unsigned i = 0; i < z->operand_count_visible && i < INSN_OPERANDS; i++) {
        switch (o[i].type) {
        case ZYDIS_OPERAND_TYPE_REGISTER:
            compare_register(insn, i, o[i].reg.value, difference);
            break;
        case ZYDIS_OPERAND_TYPE_MEMORY:
            compare_memory(insn, i, &o[i], bits, difference);
            break;
        case ZYDIS_OPERAND_TYPE_POINTER:
            if (insn->kind[i] != OPERAND_FAR || insn->imm != o[i].ptr.offset ||
                insn->imm2 != o[i].ptr.segment) {
                differ(difference, "far pointer differs; ");
            }
            break;
        default:
            compare_immediate(insn, i, &o[i], difference);
            break;
        }
    }
    for (unsigned i = 0; i < INSN_OPERANDS; i++) {
        ours += insn->kind[i] != OPERAND_NONE;
    }
    ours += insn->op == OP_ENTER;
    if (ours != z->operand_count_visible) {
        differ(difference, "%u operands, Zydis %u; ", ours, z->operand_count_visible);
    }
}

static void zydis_decoder(ZydisDecoder *decoder, unsigned bits)
{
    ZydisMachineMode mode = bits == 64   ? ZYDIS_MACHINE_MODE_LONG_64
                            : bits == 32 ? ZYDIS_MACHINE_MODE_LEGACY_32
                                         : ZYDIS_MACHINE_MODE_LEGACY_16;
    ZydisStackWidth stack = bits == 64   ? ZYDIS_STACK_WIDTH_64
                            : bits == 32 ? ZYDIS_STACK_WIDTH_32
                                         : ZYDIS_STACK_WIDTH_16;

    ZydisDecoderInit(decoder, mode, stack);
    ZydisDecoderEnableMode(decoder, ZYDIS_DECODER_MODE_MPX, ZYAN_FALSE);
    ZydisDecoderEnableMode(decoder, ZYDIS_DECODER_MODE_CLDEMOTE, ZYAN_FALSE);
}

void zydis_compare(const uint8_t *bytes, size_t available, unsigned bits,
                   struct difference *difference)
{
    struct decode_mode mode = { (uint8_t)bits, true };
    struct insn insn;
    enum decode_status status = decode_insn(bytes, available, mode, &insn);
    ZydisDecoder decoder;
    ZydisDecodedInstruction z;
    ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
    char name[64];

    zydis_decoder(&decoder, bits);
    ZyanStatus answer = ZydisDecoderDecodeFull(&decoder, bytes, available, &z, operands);
    bool ours = status == DECODE_OK && insn.op != OP_UD, theirs = ZYAN_SUCCESS(answer) != 0;

    difference->text[0] = '\0';
    difference->accepted = accepted(&insn, ours, &z, theirs);
    if (difference->accepted != NULL || (!ours && !theirs)) {
        return;
    }
    if (ours != theirs) {
        if (ours) {
            insn_mnemonic(&insn, name, sizeof(name));
            differ(difference, "we: %s, Zydis: invalid (%u)", name,
                   (unsigned)ZYAN_STATUS_CODE(answer));
        } else {
            differ(difference, "we: invalid (%d), Zydis: %s", (int)status,
                   ZydisMnemonicGetString(z.mnemonic));
        }
        return;
    }
    insn_mnemonic(&insn, name, sizeof(name));
    const char *their_name = mnemonic_alias(ZydisMnemonicGetString(z.mnemonic));
    if (insn.length != z.length) {
        differ(difference, "length %u, Zydis %u; ", insn.length, z.length);
    }
    if (z.meta.branch_type == ZYDIS_BRANCH_TYPE_FAR) {
        their_name = insn.op == OP_JMPF    ? "jmp far"
                     : insn.op == OP_CALLF ? "call far"
                     : insn.op == OP_RETF  ? "retf"
                                           : their_name;
    }
    if (strcmp(name, their_name) != 0) {
        differ(difference, "%s, Zydis %s; ", name, their_name);
    }
    if (!operands_differ_by_habit(&insn)) {
        compare_operands(&insn, &z, operands, bits, difference);
    }
    if (difference->text[0] != '\0') {
        differ(difference, "(%s)", name);
    }
}

bool zydis_flags(const uint8_t *bytes, unsigned bits, uint64_t *reads, uint64_t *writes,
                 uint64_t *undefined)
{
    ZydisDecoder decoder;
    ZydisDecodedInstruction z;
    ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];

    zydis_decoder(&decoder, bits);
    if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(&decoder, bytes, 15, &z, operands)) ||
        z.cpu_flags == NULL) {
        return false;
    }
    *reads = z.cpu_flags->tested;
    *writes =
        z.cpu_flags->modified | z.cpu_flags->set_0 | z.cpu_flags->set_1 | z.cpu_flags->undefined;
    *undefined = z.cpu_flags->undefined;
    return true;
}

#else

bool zydis_flags(const uint8_t *bytes, unsigned bits, uint64_t *reads, uint64_t *writes,
                 uint64_t *undefined)
{
    (void)bytes, (void)bits, (void)reads, (void)writes, (void)undefined;
    return false;
}

bool zydis_built_in(void)
{
    return false;
}

void zydis_compare(const uint8_t *bytes, size_t available, unsigned bits,
                   struct difference *difference)
{
    (void)bytes, (void)available, (void)bits;
    difference->text[0] = '\0';
    difference->accepted = NULL;
}

#endif
