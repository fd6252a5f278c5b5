/* Registers as a debugger knows them. [GDB doc: i386 features; SDM 1 8.1, 10.2; 3A 2.5] */
#include "partitions/debug_registers.h"

#include <stddef.h>
#include <string.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "cpu/exec/flags.h"
#include "mmu/access.h"
#include "partitions/debug.h"
#include "partitions/vp.h"

enum {
    KIND_GPR,
    KIND_RIP,
    KIND_FLAGS,
    KIND_SELECTOR,
    KIND_ST,
    KIND_X87,
    KIND_XMM,
    KIND_YMM_HIGH,
    KIND_MXCSR,
    KIND_BASE,
    KIND_LIMIT,
    KIND_ATTRIBUTES,
    KIND_TABLE,
    KIND_PLACE, /* a 64-bit word of struct cpu_state: n is its row in `places` */
    KIND_CR8,
    KIND_IP,
};

enum { X87_CONTROL, X87_STATUS, X87_TAG, X87_FISEG, X87_FIOFF, X87_FOSEG, X87_FOOFF, X87_FOP };
enum { SEGMENT_LDTR = SEG_COUNT, SEGMENT_TR };
enum { TABLE_GDT_BASE, TABLE_GDT_LIMIT, TABLE_IDT_BASE, TABLE_IDT_LIMIT };

enum {
    PLACE_CR0,
    PLACE_CR2,
    PLACE_CR3,
    PLACE_CR4,
    PLACE_EFER,
    PLACE_DR0,
    PLACE_DR1,
    PLACE_DR2,
    PLACE_DR3,
    PLACE_DR6,
    PLACE_DR7,
    PLACE_KERNEL_GS,
    PLACE_XCR0
};
static const size_t places[] = {
    [PLACE_CR0] = offsetof(struct cpu_state, cr0),
    [PLACE_CR2] = offsetof(struct cpu_state, cr2),
    [PLACE_CR3] = offsetof(struct cpu_state, cr3),
    [PLACE_CR4] = offsetof(struct cpu_state, cr4),
    [PLACE_EFER] = offsetof(struct cpu_state, efer),
    [PLACE_DR0] = offsetof(struct cpu_state, dr[0]),
    [PLACE_DR1] = offsetof(struct cpu_state, dr[1]),
    [PLACE_DR2] = offsetof(struct cpu_state, dr[2]),
    [PLACE_DR3] = offsetof(struct cpu_state, dr[3]),
    [PLACE_DR6] = offsetof(struct cpu_state, dr6),
    [PLACE_DR7] = offsetof(struct cpu_state, dr7),
    [PLACE_XCR0] = offsetof(struct cpu_state, xcr0),
    [PLACE_KERNEL_GS] = offsetof(struct cpu_state, kernel_gs_base),
};

#define L32  DEBUG_LAYOUT_32
#define L64  DEBUG_LAYOUT_64
#define BOTH (DEBUG_LAYOUT_32 | DEBUG_LAYOUT_64)
#define G    DEBUG_GROUP_GENERAL
#define SEG  DEBUG_GROUP_SEGMENT
#define FP   DEBUG_GROUP_X87
#define SSE  DEBUG_GROUP_SSE
#define BASE DEBUG_GROUP_BASE
#define AVX  DEBUG_GROUP_AVX
#define SYS  DEBUG_GROUP_SYSTEM

/* clang-format off */
const struct debug_register debug_registers[] = {
    { "rax", NULL, 64, G, L64, KIND_GPR, REG_RAX },
    { "rbx", NULL, 64, G, L64, KIND_GPR, REG_RBX },
    { "rcx", NULL, 64, G, L64, KIND_GPR, REG_RCX },
    { "rdx", NULL, 64, G, L64, KIND_GPR, REG_RDX },
    { "rsi", NULL, 64, G, L64, KIND_GPR, REG_RSI },
    { "rdi", NULL, 64, G, L64, KIND_GPR, REG_RDI },
    { "rbp", "data_ptr", 64, G, L64, KIND_GPR, REG_RBP },
    { "rsp", "data_ptr", 64, G, L64, KIND_GPR, REG_RSP },
    { "r8", NULL, 64, G, L64, KIND_GPR, REG_R8 },
    { "r9", NULL, 64, G, L64, KIND_GPR, REG_R9 },
    { "r10", NULL, 64, G, L64, KIND_GPR, REG_R10 },
    { "r11", NULL, 64, G, L64, KIND_GPR, REG_R11 },
    { "r12", NULL, 64, G, L64, KIND_GPR, REG_R12 },
    { "r13", NULL, 64, G, L64, KIND_GPR, REG_R13 },
    { "r14", NULL, 64, G, L64, KIND_GPR, REG_R14 },
    { "r15", NULL, 64, G, L64, KIND_GPR, REG_R15 },
    { "rip", "code_ptr", 64, G, L64, KIND_RIP, 0 },
    { "eax", NULL, 32, G, L32, KIND_GPR, REG_RAX },
    { "ecx", NULL, 32, G, L32, KIND_GPR, REG_RCX },
    { "edx", NULL, 32, G, L32, KIND_GPR, REG_RDX },
    { "ebx", NULL, 32, G, L32, KIND_GPR, REG_RBX },
    { "esp", "data_ptr", 32, G, L32, KIND_GPR, REG_RSP },
    { "ebp", "data_ptr", 32, G, L32, KIND_GPR, REG_RBP },
    { "esi", NULL, 32, G, L32, KIND_GPR, REG_RSI },
    { "edi", NULL, 32, G, L32, KIND_GPR, REG_RDI },
    { "eip", "code_ptr", 32, G, L32, KIND_RIP, 0 },
    { "eflags", "i386_eflags", 32, G, BOTH, KIND_FLAGS, 0 },
    { "cs", NULL, 32, SEG, BOTH, KIND_SELECTOR, SEG_CS },
    { "ss", NULL, 32, SEG, BOTH, KIND_SELECTOR, SEG_SS },
    { "ds", NULL, 32, SEG, BOTH, KIND_SELECTOR, SEG_DS },
    { "es", NULL, 32, SEG, BOTH, KIND_SELECTOR, SEG_ES },
    { "fs", NULL, 32, SEG, BOTH, KIND_SELECTOR, SEG_FS },
    { "gs", NULL, 32, SEG, BOTH, KIND_SELECTOR, SEG_GS },
    { "st0", "i387_ext", 80, FP, BOTH, KIND_ST, 0 },
    { "st1", "i387_ext", 80, FP, BOTH, KIND_ST, 1 },
    { "st2", "i387_ext", 80, FP, BOTH, KIND_ST, 2 },
    { "st3", "i387_ext", 80, FP, BOTH, KIND_ST, 3 },
    { "st4", "i387_ext", 80, FP, BOTH, KIND_ST, 4 },
    { "st5", "i387_ext", 80, FP, BOTH, KIND_ST, 5 },
    { "st6", "i387_ext", 80, FP, BOTH, KIND_ST, 6 },
    { "st7", "i387_ext", 80, FP, BOTH, KIND_ST, 7 },
    { "fctrl", NULL, 32, FP, BOTH, KIND_X87, X87_CONTROL },
    { "fstat", NULL, 32, FP, BOTH, KIND_X87, X87_STATUS },
    { "ftag", NULL, 32, FP, BOTH, KIND_X87, X87_TAG },
    { "fiseg", NULL, 32, FP, BOTH, KIND_X87, X87_FISEG },
    { "fioff", NULL, 32, FP, BOTH, KIND_X87, X87_FIOFF },
    { "foseg", NULL, 32, FP, BOTH, KIND_X87, X87_FOSEG },
    { "fooff", NULL, 32, FP, BOTH, KIND_X87, X87_FOOFF },
    { "fop", NULL, 32, FP, BOTH, KIND_X87, X87_FOP },
    { "xmm0", "vec128", 128, SSE, BOTH, KIND_XMM, 0 },
    { "xmm1", "vec128", 128, SSE, BOTH, KIND_XMM, 1 },
    { "xmm2", "vec128", 128, SSE, BOTH, KIND_XMM, 2 },
    { "xmm3", "vec128", 128, SSE, BOTH, KIND_XMM, 3 },
    { "xmm4", "vec128", 128, SSE, BOTH, KIND_XMM, 4 },
    { "xmm5", "vec128", 128, SSE, BOTH, KIND_XMM, 5 },
    { "xmm6", "vec128", 128, SSE, BOTH, KIND_XMM, 6 },
    { "xmm7", "vec128", 128, SSE, BOTH, KIND_XMM, 7 },
    { "xmm8", "vec128", 128, SSE, L64, KIND_XMM, 8 },
    { "xmm9", "vec128", 128, SSE, L64, KIND_XMM, 9 },
    { "xmm10", "vec128", 128, SSE, L64, KIND_XMM, 10 },
    { "xmm11", "vec128", 128, SSE, L64, KIND_XMM, 11 },
    { "xmm12", "vec128", 128, SSE, L64, KIND_XMM, 12 },
    { "xmm13", "vec128", 128, SSE, L64, KIND_XMM, 13 },
    { "xmm14", "vec128", 128, SSE, L64, KIND_XMM, 14 },
    { "xmm15", "vec128", 128, SSE, L64, KIND_XMM, 15 },
    { "mxcsr", "i386_mxcsr", 32, SSE, BOTH, KIND_MXCSR, 0 },
    { "fs_base", NULL, 64, BASE, L64, KIND_BASE, SEG_FS },
    { "gs_base", NULL, 64, BASE, L64, KIND_BASE, SEG_GS },
    { "ymm0h", "uint128", 128, AVX, BOTH, KIND_YMM_HIGH, 0 },
    { "ymm1h", "uint128", 128, AVX, BOTH, KIND_YMM_HIGH, 1 },
    { "ymm2h", "uint128", 128, AVX, BOTH, KIND_YMM_HIGH, 2 },
    { "ymm3h", "uint128", 128, AVX, BOTH, KIND_YMM_HIGH, 3 },
    { "ymm4h", "uint128", 128, AVX, BOTH, KIND_YMM_HIGH, 4 },
    { "ymm5h", "uint128", 128, AVX, BOTH, KIND_YMM_HIGH, 5 },
    { "ymm6h", "uint128", 128, AVX, BOTH, KIND_YMM_HIGH, 6 },
    { "ymm7h", "uint128", 128, AVX, BOTH, KIND_YMM_HIGH, 7 },
    { "ymm8h", "uint128", 128, AVX, L64, KIND_YMM_HIGH, 8 },
    { "ymm9h", "uint128", 128, AVX, L64, KIND_YMM_HIGH, 9 },
    { "ymm10h", "uint128", 128, AVX, L64, KIND_YMM_HIGH, 10 },
    { "ymm11h", "uint128", 128, AVX, L64, KIND_YMM_HIGH, 11 },
    { "ymm12h", "uint128", 128, AVX, L64, KIND_YMM_HIGH, 12 },
    { "ymm13h", "uint128", 128, AVX, L64, KIND_YMM_HIGH, 13 },
    { "ymm14h", "uint128", 128, AVX, L64, KIND_YMM_HIGH, 14 },
    { "ymm15h", "uint128", 128, AVX, L64, KIND_YMM_HIGH, 15 },
    { "k_gs_base", NULL, 64, SYS, BOTH, KIND_PLACE, PLACE_KERNEL_GS },
    { "cr0", NULL, 64, SYS, BOTH, KIND_PLACE, PLACE_CR0 },
    { "cr2", NULL, 64, SYS, BOTH, KIND_PLACE, PLACE_CR2 },
    { "cr3", NULL, 64, SYS, BOTH, KIND_PLACE, PLACE_CR3 },
    { "cr4", NULL, 64, SYS, BOTH, KIND_PLACE, PLACE_CR4 },
    { "cr8", NULL, 64, SYS, BOTH, KIND_CR8, 0 },
    { "efer", NULL, 64, SYS, BOTH, KIND_PLACE, PLACE_EFER },
    { "xcr0", NULL, 64, SYS, BOTH, KIND_PLACE, PLACE_XCR0 },
    { "dr0", NULL, 64, SYS, BOTH, KIND_PLACE, PLACE_DR0 },
    { "dr1", NULL, 64, SYS, BOTH, KIND_PLACE, PLACE_DR1 },
    { "dr2", NULL, 64, SYS, BOTH, KIND_PLACE, PLACE_DR2 },
    { "dr3", NULL, 64, SYS, BOTH, KIND_PLACE, PLACE_DR3 },
    { "dr6", NULL, 64, SYS, BOTH, KIND_PLACE, PLACE_DR6 },
    { "dr7", NULL, 64, SYS, BOTH, KIND_PLACE, PLACE_DR7 },
    { "ip", NULL, 64, SYS, BOTH, KIND_IP, 0 },
    { "es_base", NULL, 64, SYS, BOTH, KIND_BASE, SEG_ES },
    { "cs_base", NULL, 64, SYS, BOTH, KIND_BASE, SEG_CS },
    { "ss_base", NULL, 64, SYS, BOTH, KIND_BASE, SEG_SS },
    { "ds_base", NULL, 64, SYS, BOTH, KIND_BASE, SEG_DS },
    { "fs_base", NULL, 64, SYS, L32, KIND_BASE, SEG_FS },
    { "gs_base", NULL, 64, SYS, L32, KIND_BASE, SEG_GS },
    { "ldtr_base", NULL, 64, SYS, BOTH, KIND_BASE, SEGMENT_LDTR },
    { "tr_base", NULL, 64, SYS, BOTH, KIND_BASE, SEGMENT_TR },
    { "es_limit", NULL, 32, SYS, BOTH, KIND_LIMIT, SEG_ES },
    { "cs_limit", NULL, 32, SYS, BOTH, KIND_LIMIT, SEG_CS },
    { "ss_limit", NULL, 32, SYS, BOTH, KIND_LIMIT, SEG_SS },
    { "ds_limit", NULL, 32, SYS, BOTH, KIND_LIMIT, SEG_DS },
    { "fs_limit", NULL, 32, SYS, BOTH, KIND_LIMIT, SEG_FS },
    { "gs_limit", NULL, 32, SYS, BOTH, KIND_LIMIT, SEG_GS },
    { "ldtr_limit", NULL, 32, SYS, BOTH, KIND_LIMIT, SEGMENT_LDTR },
    { "tr_limit", NULL, 32, SYS, BOTH, KIND_LIMIT, SEGMENT_TR },
    { "es_attributes", NULL, 32, SYS, BOTH, KIND_ATTRIBUTES, SEG_ES },
    { "cs_attributes", NULL, 32, SYS, BOTH, KIND_ATTRIBUTES, SEG_CS },
    { "ss_attributes", NULL, 32, SYS, BOTH, KIND_ATTRIBUTES, SEG_SS },
    { "ds_attributes", NULL, 32, SYS, BOTH, KIND_ATTRIBUTES, SEG_DS },
    { "fs_attributes", NULL, 32, SYS, BOTH, KIND_ATTRIBUTES, SEG_FS },
    { "gs_attributes", NULL, 32, SYS, BOTH, KIND_ATTRIBUTES, SEG_GS },
    { "ldtr_attributes", NULL, 32, SYS, BOTH, KIND_ATTRIBUTES, SEGMENT_LDTR },
    { "tr_attributes", NULL, 32, SYS, BOTH, KIND_ATTRIBUTES, SEGMENT_TR },
    { "ldtr", NULL, 32, SYS, BOTH, KIND_SELECTOR, SEGMENT_LDTR },
    { "tr", NULL, 32, SYS, BOTH, KIND_SELECTOR, SEGMENT_TR },
    { "gdtr_base", NULL, 64, SYS, BOTH, KIND_TABLE, TABLE_GDT_BASE },
    { "gdtr_limit", NULL, 32, SYS, BOTH, KIND_TABLE, TABLE_GDT_LIMIT },
    { "idtr_base", NULL, 64, SYS, BOTH, KIND_TABLE, TABLE_IDT_BASE },
    { "idtr_limit", NULL, 32, SYS, BOTH, KIND_TABLE, TABLE_IDT_LIMIT },
};
/* clang-format on */
const unsigned debug_register_n = ARRAY_SIZE(debug_registers);

unsigned debug_bits(const struct vp *vp)
{
    return vp->cpu.core.bits;
}

const struct debug_register *debug_register_of(enum debug_layout layout, unsigned number)
{
    for (unsigned i = 0; i < ARRAY_SIZE(debug_registers); i++) {
        if ((debug_registers[i].layouts & layout) && number-- == 0) {
            return &debug_registers[i];
        }
    }
    return NULL;
}

const struct debug_register *debug_register_named(enum debug_layout layout, const char *name)
{
    for (unsigned i = 0; i < ARRAY_SIZE(debug_registers); i++) {
        if ((debug_registers[i].layouts & layout) && strcmp(debug_registers[i].name, name) == 0) {
            return &debug_registers[i];
        }
    }
    return NULL;
}

static struct x86_segment *segment_of(struct cpu_state *state, unsigned n)
{
    return n == SEGMENT_LDTR ? &state->ldtr : n == SEGMENT_TR ? &state->tr : &state->seg[n];
}

static unsigned st_index(const struct x87_state *x87, unsigned n)
{
    return ((x87->status >> 11 & 7) + n) & 7;
}

/* The full tag word: 0 valid, 1 zero, 2 special, 3 empty. [SDM 1 8.1.7] */
static uint16_t tag_word(const struct x87_state *x87)
{
    unsigned word = 0;

    for (unsigned i = 0; i < 8; i++) {
        const struct x87_value *v = &x87->reg[i];
        unsigned exponent = v->sign_exponent & 0x7fff;
        unsigned tag = !(x87->valid >> i & 1)                                           ? 3
                       : exponent == 0 && v->significand == 0                           ? 1
                       : exponent == 0 || exponent == 0x7fff || !(v->significand >> 63) ? 2
                                                                                        : 0;
        word |= tag << 2 * i;
    }
    return (uint16_t)word;
}

static uint64_t x87_read(const struct x87_state *x87, unsigned n)
{
    switch (n) {
    case X87_CONTROL:
        return x87->control;
    case X87_STATUS:
        return x87->status;
    case X87_TAG:
        return tag_word(x87);
    case X87_FISEG:
        return x87->instruction_selector;
    case X87_FIOFF:
        return (uint32_t)x87->instruction;
    case X87_FOSEG:
        return x87->data_selector;
    case X87_FOOFF:
        return (uint32_t)x87->data;
    default:
        return x87->opcode;
    }
}

static void x87_write(struct x87_state *x87, unsigned n, uint32_t value)
{
    switch (n) {
    case X87_CONTROL:
        x87->control = (uint16_t)((value & 0x1f3f) | 0x40);
        break;
    case X87_STATUS:
        x87->status = (uint16_t)value;
        break;
    case X87_TAG:
        x87->valid = 0;
        for (unsigned i = 0; i < 8; i++) {
            x87->valid |= (uint8_t)(((value >> 2 * i & 3) != 3) << i);
        }
        break;
    case X87_FISEG:
        x87->instruction_selector = (uint16_t)value;
        break;
    case X87_FIOFF:
        x87->instruction = value;
        break;
    case X87_FOSEG:
        x87->data_selector = (uint16_t)value;
        break;
    case X87_FOOFF:
        x87->data = value;
        break;
    default:
        x87->opcode = value & 0x7ff;
        break;
    }
}

static uint64_t *place_of(struct cpu_state *state, unsigned n)
{
    return (uint64_t *)(void *)((char *)state + places[n]);
}

static uint64_t table_read(const struct cpu_state *state, unsigned n)
{
    return n == TABLE_GDT_BASE    ? state->gdtr.base
           : n == TABLE_GDT_LIMIT ? state->gdtr.limit
           : n == TABLE_IDT_BASE  ? state->idtr.base
                                  : state->idtr.limit;
}

static uint64_t word_read(struct vp *vp, const struct debug_register *reg)
{
    struct core *core = &vp->cpu.core;
    struct cpu_state *state = &core->state;

    switch (reg->kind) {
    case KIND_GPR:
        return state->gpr[reg->n];
    case KIND_RIP:
        return core->bits == 64 ? state->gpr[REG_RIP]
                                : (uint32_t)(state->gpr[REG_RIP] + core->seg_base[SEG_CS]);
    case KIND_IP:
        return state->gpr[REG_RIP];
    case KIND_FLAGS:
        return core_rflags(core);
    case KIND_SELECTOR:
        return segment_of(state, reg->n)->selector;
    case KIND_X87:
        return x87_read(&state->x87, reg->n);
    case KIND_MXCSR:
        return state->mxcsr;
    case KIND_BASE:
        return segment_of(state, reg->n)->base;
    case KIND_LIMIT:
        return segment_of(state, reg->n)->limit;
    case KIND_ATTRIBUTES:
        return segment_of(state, reg->n)->attributes;
    case KIND_TABLE:
        return table_read(state, reg->n);
    case KIND_CR8:
        return core->ops->cr8_read(core->owner);
    default:
        return *place_of(state, reg->n);
    }
}

void debug_register_read(struct vp *vp, const struct debug_register *reg,
                         uint8_t value[DEBUG_REGISTER_BYTES])
{
    const struct cpu_state *state = &vp->cpu.core.state;

    memset(value, 0, DEBUG_REGISTER_BYTES);
    if (reg->kind == KIND_ST) {
        const struct x87_value *st = &state->x87.reg[st_index(&state->x87, reg->n)];
        le64_store(value, st->significand);
        le16_store(value + 8, st->sign_exponent);
    } else if (reg->kind == KIND_XMM) {
        le64_store(value, state->xmm[reg->n].u64[0]);
        le64_store(value + 8, state->xmm[reg->n].u64[1]);
    } else if (reg->kind == KIND_YMM_HIGH) {
        le64_store(value, state->ymm_high[reg->n].u64[0]);
        le64_store(value + 8, state->ymm_high[reg->n].u64[1]);
    } else {
        uint64_t word = word_read(vp, reg);
        le64_store(value, reg->bits < 64 ? (uint32_t)word : word);
    }
}

static void selector_write(struct cpu_state *state, unsigned n, uint16_t selector)
{
    struct x86_segment *segment = segment_of(state, n);

    segment->selector = selector;
    if (!(state->cr0 & CR0_PE) || (state->rflags_rest & FLAG_VM)) {
        segment->base = n < SEG_COUNT ? (uint64_t)selector << 4 : segment->base;
    }
}

static void table_write(struct cpu_state *state, unsigned n, uint64_t word)
{
    struct x86_table *table = n <= TABLE_GDT_LIMIT ? &state->gdtr : &state->idtr;

    if (n == TABLE_GDT_BASE || n == TABLE_IDT_BASE) {
        table->base = word;
    } else {
        table->limit = (uint16_t)word;
    }
}

#define CR0_BITS                                                                                   \
    (CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_NW | CR0_CD |     \
     CR0_PG)
#define CR4_BITS                                                                                   \
    (CR4_VME | CR4_PVI | CR4_TSD | CR4_DE | CR4_PSE | CR4_PAE | CR4_MCE | CR4_PGE | CR4_PCE |      \
     CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_UMIP | CR4_FSGSBASE | CR4_OSXSAVE | CR4_SMEP | CR4_SMAP)
#define CR3_BITS UINT64_C(0xfffffffffffff)

/* Control registers: only what a processor could hold; the mode itself (PE, PG, PAE in long mode) is
 * the guest's to change. */
static void place_write(struct cpu_state *state, unsigned n, uint64_t word)
{
    const uint64_t mode = CR0_PE | CR0_PG | CR0_ET;

    switch (n) {
    case PLACE_CR0:
        state->cr0 = (word & CR0_BITS & ~mode) | (state->cr0 & mode);
        break;
    case PLACE_CR3:
        state->cr3 = word & CR3_BITS;
        break;
    case PLACE_CR4:
        state->cr4 = (word & CR4_BITS & ~CR4_PAE) | (state->cr4 & CR4_PAE);
        break;
    case PLACE_EFER:
        state->efer = (word & (EFER_SCE | EFER_NXE)) | (state->efer & (EFER_LME | EFER_LMA));
        break;
    case PLACE_XCR0:
        break; /* has to match what is in use: XSETBV's alone */
    case PLACE_DR6:
        state->dr6 = (word & (DR6_BD | DR6_BS | DR6_BT | 0xf)) | DR6_INIT;
        break;
    case PLACE_DR7:
        state->dr7 = (word & 0xffff2bff) | DR7_INIT;
        break;
    default:
        *place_of(state, n) = word;
        break;
    }
}

static void word_write(struct vp *vp, const struct debug_register *reg, uint64_t word)
{
    struct core *core = &vp->cpu.core;
    struct cpu_state *state = &core->state;

    switch (reg->kind) {
    case KIND_GPR:
        state->gpr[reg->n] = word;
        break;
    case KIND_RIP:
        state->gpr[REG_RIP] =
            core->bits == 64 ? word : (word - core->seg_base[SEG_CS]) & core->ip_mask;
        break;
    case KIND_IP:
        state->gpr[REG_RIP] = word & core->ip_mask;
        break;
    case KIND_FLAGS:
        core_rflags_set(core, state->efer & EFER_LMA ? word & ~FLAG_VM : word);
        break;
    case KIND_SELECTOR:
        selector_write(state, reg->n, (uint16_t)word);
        break;
    case KIND_X87:
        x87_write(&state->x87, reg->n, (uint32_t)word);
        break;
    case KIND_MXCSR:
        state->mxcsr = word & 0xffff;
        break;
    case KIND_BASE:
        segment_of(state, reg->n)->base = word;
        break;
    case KIND_LIMIT:
        segment_of(state, reg->n)->limit = (uint32_t)word;
        break;
    case KIND_ATTRIBUTES:
        segment_of(state, reg->n)->attributes = (uint32_t)word & (0xf0ff | SEG_UNUSABLE);
        break;
    case KIND_TABLE:
        table_write(state, reg->n, word);
        break;
    case KIND_CR8:
        core->ops->cr8_write(core->owner, word & 15);
        break;
    default:
        place_write(state, reg->n, word);
        break;
    }
}

void debug_register_write(struct vp *vp, const struct debug_register *reg,
                          const uint8_t value[DEBUG_REGISTER_BYTES])
{
    struct core *core = &vp->cpu.core;
    struct cpu_state *state = &core->state;

    if (reg->kind == KIND_ST) {
        struct x87_value *st = &state->x87.reg[st_index(&state->x87, reg->n)];
        st->significand = le64_load(value);
        st->sign_exponent = le16_load(value + 8);
    } else if (reg->kind == KIND_XMM) {
        state->xmm[reg->n].u64[0] = le64_load(value);
        state->xmm[reg->n].u64[1] = le64_load(value + 8);
    } else if (reg->kind == KIND_YMM_HIGH) {
        state->ymm_high[reg->n].u64[0] = le64_load(value);
        state->ymm_high[reg->n].u64[1] = le64_load(value + 8);
    } else {
        word_write(vp, reg, reg->bits < 64 ? le32_load(value) : le64_load(value));
    }
    core_mode_update(core);
    if (reg->kind == KIND_PLACE) {
        mmu_flush_all(&core->mmu);
    }
    core->attention = true;
}
