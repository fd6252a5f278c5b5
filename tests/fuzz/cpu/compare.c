/* Host against verdite: every register, flag, byte and fault, less what the manual leaves open. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/compiler.h"
#include "base/text.h"
#include "cpu/decode/op_info.h"
#include "cpu/x86/exception.h"
#include "tests/fuzz/cpu/case.h"

static uint32_t le32(const uint8_t *from)
{
    return (uint32_t)from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 |
           (uint32_t)from[3] << 24;
}

/* ---- flags ---- */

/* Flags that a shift leaves undefined, by its count. [SDM 2 SAL, RCL, SHLD] */
static uint64_t shift_undefined(const struct fuzz_case *c, unsigned count_operand)
{
    const struct insn *insn = &c->insn;
    uint64_t count = insn->kind[count_operand] == OPERAND_GPR ? c->gpr[REG_RCX] : insn->imm;
    bool rotates =
        insn->op == OP_ROL || insn->op == OP_ROR || insn->op == OP_RCL || insn->op == OP_RCR;

    count &= insn->size[0] == 8 ? 63 : 31;
    if (count == 0) {
        return 0;
    }
    if (rotates) {
        return count == 1 ? 0 : FLAG_OF;
    }
    if (count > 8u * insn->size[0] && (insn->op == OP_SHLD || insn->op == OP_SHRD)) {
        return FLAGS_ARITH;
    }
    return FLAG_AF | (count == 1 ? 0 : FLAG_OF) |
           (count >= 8u * insn->size[0] && insn->op != OP_SAR ? FLAG_CF : 0);
}

static uint64_t flags_undefined(const struct fuzz_case *c)
{
    if (op_info[c->insn.op].family == FAMILY_SHIFT) {
        return shift_undefined(c, c->insn.op == OP_SHLD || c->insn.op == OP_SHRD ? 2 : 1);
    }
    return op_info[c->insn.op].flags_undefined;
}

/* ---- results that the manual leaves open ---- */

static bool register_undefined(const struct fuzz_case *c, unsigned reg)
{
    const struct insn *insn = &c->insn;

    if (insn->kind[0] != OPERAND_GPR || insn->n[0] != reg) {
        return false;
    }
    switch (insn->op) {
    case OP_SHLD:
    case OP_SHRD: {
        uint64_t count = insn->kind[2] == OPERAND_GPR ? c->gpr[REG_RCX] : insn->imm;
        return insn->size[0] == 2 && (count & 31) > 16;
    }
    case OP_BSWAP:
        return insn->opsize == 2;
    default:
        return false;
    }
}

/* Bytes of the memory operand that need not agree: x87 pointers and opcodes, which processors keep
 * differently. */
static bool memory_open(const struct fuzz_case *c, uint64_t linear)
{
    uint64_t at = linear - c->operand;

    switch (c->insn.op) {
    case OP_FNSTENV:
    case OP_FNSAVE:
        return c->insn.opsize == 2 ? at >= 6 && at < 14
                                   : (at >= 12 && at < 28) || (at < 12 && (at & 2) != 0);
    case OP_FXSAVE:
        return (at >= 6 && at < 24) || (at >= 28 && at < 32) || at == 5;
    case OP_PUSHSEG: /* Intel writes the selector alone, AMD zeroes the rest [SDM 2 PUSH] */
        at = c->gpr[REG_RSP] - c->insn.opsize;
        at &= c->seg[SEG_SS] == CASE_SEG_SMALL ? 0xffff : c->bits == 64 ? UINT64_MAX : UINT32_MAX;
        at = linear - (at + (c->bits == 64 ? 0 : case_segments[c->seg[SEG_SS]].base));
        return at >= 2 && at < c->insn.opsize;
    case OP_SHLD:
    case OP_SHRD: {
        uint64_t count = c->insn.kind[2] == OPERAND_GPR ? c->gpr[REG_RCX] : c->insn.imm;
        return c->insn.size[0] == 2 && (count & 31) > 16 && at < 2;
    }
    default:
        return false;
    }
}

/* ---- parts ---- */

static void compare_gprs(const struct fuzz_case *c, const struct fuzz_result *host,
                         const struct fuzz_result *ours, struct text *report)
{
    static const char *const names[16] = { "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                           "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15" };
    uint64_t mask = c->bits == 64 ? UINT64_MAX : UINT32_MAX;

    for (unsigned i = 0; i < (c->bits == 64 ? 16u : 8u); i++) {
        uint64_t care = i == REG_RSP && c->seg[SEG_SS] == CASE_SEG_SMALL ? 0xffff : mask;

        /* An interrupt from compatibility mode saves half of RSP. */
        care = i == REG_RSP && ours->selector[SEG_CS] != 0x33 ? care & UINT32_MAX : care;

        if (c->insn.op == OP_LAR && c->insn.n[0] == i) {
            care &= ~UINT64_C(0xf0000); /* undefined [SDM 2 LAR] */
        }
        if ((host->gpr[i] & care) != (ours->gpr[i] & care) &&
            !(host->completed && register_undefined(c, i))) {
            text_add(report, "%s host %" PRIx64 " ours %" PRIx64 "; ", names[i],
                     host->gpr[i] & care, ours->gpr[i] & care);
        }
    }
    if ((host->completed || c->steps != 0) && (host->rip & mask) != (ours->rip & mask)) {
        text_add(report, "rip host %" PRIx64 " ours %" PRIx64 "; ", host->rip, ours->rip);
    }
    uint64_t flags = FLAGS_ARITH | FLAG_DF | FLAG_AC | FLAG_NT | FLAG_ID;
    flags &= ~(c->steps == 0     ? flags_undefined(c)
               : host->completed ? c->undefined
                                 : c->undefined_ever);
    if ((host->rflags & flags) != (ours->rflags & flags)) {
        text_add(report, "flags host %" PRIx64 " ours %" PRIx64 " differ in %" PRIx64 "; ",
                 host->rflags, ours->rflags, (host->rflags ^ ours->rflags) & flags);
    }
}

static void report_bytes(struct text *report, const char *name, const uint8_t *host,
                         const uint8_t *ours, unsigned n)
{
    text_add(report, "%s host ", name);
    for (unsigned i = n; i-- > 0;) {
        text_add(report, "%02x", host[i]);
    }
    text_add(report, " ours ");
    for (unsigned i = n; i-- > 0;) {
        text_add(report, "%02x", ours[i]);
    }
    text_add(report, "; ");
}

/* Ri of an FXSAVE image, which holds ST(i). */
static const uint8_t *fx_physical(const uint8_t *fx, unsigned i)
{
    unsigned top = fx[FX_FSW + 1] >> 3 & 7;

    return fx + FX_ST + 16 * ((i - top) & 7);
}

/* skip: bit i leaves out Ri. */
static void compare_fx(const struct fuzz_case *c, const struct fuzz_result *host,
                       const struct fuzz_result *ours, struct text *report, unsigned skip)
{
    char name[16];

    if (memcmp(host->fx, ours->fx, 2) != 0) {
        report_bytes(report, "fcw", host->fx, ours->fx, 2);
    }
    uint16_t host_status, our_status;
    memcpy(&host_status, host->fx + FX_FSW, 2);
    memcpy(&our_status, ours->fx + FX_FSW, 2);
    if (host_status != our_status) {
        text_add(report, "fsw host %04x ours %04x; ", host_status, our_status);
    }
    if (host->fx[FX_FTW] != ours->fx[FX_FTW]) {
        text_add(report, "ftw host %02x ours %02x; ", host->fx[FX_FTW], ours->fx[FX_FTW]);
    }
    if (le32(host->fx + FX_MXCSR) != le32(ours->fx + FX_MXCSR)) {
        text_add(report, "mxcsr host %x ours %x; ", le32(host->fx + FX_MXCSR),
                 le32(ours->fx + FX_MXCSR));
    }
    for (unsigned i = 0; i < 8; i++) { /* physical registers: TOP has been compared */
        const uint8_t *theirs = fx_physical(host->fx, i), *mine = fx_physical(ours->fx, i);
        if (memcmp(theirs, mine, 10) != 0 && !(skip & 1u << i)) {
            snprintf(name, sizeof(name), "r%u", i);
            report_bytes(report, name, theirs, mine, 10);
        }
    }
    for (unsigned i = 0; i < (c->bits == 64 ? 16u : 8u); i++) {
        unsigned at = FX_XMM + 16 * i;
        if (memcmp(host->fx + at, ours->fx + at, 16) != 0) {
            snprintf(name, sizeof(name), "xmm%u", i);
            report_bytes(report, name, host->fx + at, ours->fx + at, 16);
        }
        if (memcmp(host->ymm + 16 * i, ours->ymm + 16 * i, 16) != 0) {
            snprintf(name, sizeof(name), "ymm%u.high", i);
            report_bytes(report, name, host->ymm + 16 * i, ours->ymm + 16 * i, 16);
        }
    }
}

static bool loads_segment(unsigned op)
{
    return op == OP_MOVSEG || op == OP_POPSEG || op == OP_LFS || op == OP_LGS;
}

static void compare_segments(const struct fuzz_case *c, const struct fuzz_result *host,
                             const struct fuzz_result *ours, struct text *report)
{
    static const char *const names[6] = { "es", "cs", "ss", "ds", "fs", "gs" };

    for (unsigned i = 0; i < 6; i++) {
        /* Returning from the kernel clears the RPL of null selectors. */
        bool both_null = host->selector[i] < 4 && ours->selector[i] < 4;
        if (host->selector[i] != ours->selector[i] && !both_null) {
            text_add(report, "%s host %x ours %x; ", names[i], host->selector[i],
                     ours->selector[i]);
        }
    }
    /* Whether a null selector clears the base differs between processors. */
    if (host->fs_base != ours->fs_base &&
        (host->selector[SEG_FS] > 3 || (c->bits == 64 && !loads_segment(c->insn.op)))) {
        text_add(report, "fs base host %" PRIx64 " ours %" PRIx64 "; ", host->fs_base,
                 ours->fs_base);
    }
    if (host->gs_base != ours->gs_base &&
        (host->selector[SEG_GS] > 3 || (c->bits == 64 && !loads_segment(c->insn.op)))) {
        text_add(report, "gs base host %" PRIx64 " ours %" PRIx64 "; ", host->gs_base,
                 ours->gs_base);
    }
}

static const uint8_t *result_page(const struct fuzz_result *result,
                                  const struct case_memory *memory, unsigned page)
{
    return (result->pages_changed >> page & 1 ? result->data : memory->data) +
           (size_t)page * CASE_PAGE;
}

/* A sequence runs from its own bytes and the host from `native`: an instruction that reads the code
 * (ENTER with RBP there) sees the bytes in which they differ. */
static bool code_read_as_data(const struct fuzz_case *c, uint8_t theirs, uint8_t mine)
{
    for (unsigned i = 0; c->steps != 0 && i < c->n; i++) {
        if (c->native[i] != c->bytes[i] && theirs == c->native[i] && mine == c->bytes[i]) {
            return true;
        }
    }
    return false;
}

static void compare_memory(const struct fuzz_case *c, const struct case_memory *memory,
                           const struct fuzz_result *host, const struct fuzz_result *ours,
                           struct text *report)
{
    unsigned shown = 0;

    for (unsigned page = 0; page < CASE_DATA_PAGES; page++) {
        const uint8_t *theirs = result_page(host, memory, page),
                      *mine = result_page(ours, memory, page);

        if (theirs == mine || memcmp(theirs, mine, CASE_PAGE) == 0) {
            continue;
        }
        for (unsigned i = 0; i < CASE_PAGE; i++) {
            uint64_t linear = CASE_DATA + page * (uint64_t)CASE_PAGE + i;
            if (theirs[i] != mine[i] && !memory_open(c, linear) &&
                !code_read_as_data(c, theirs[i], mine[i]) && shown++ < 16) {
                text_add(report, "[%" PRIx64 "] host %02x ours %02x; ", linear, theirs[i], mine[i]);
            }
        }
    }
}

static void compare_fault(const struct fuzz_case *c, const struct fuzz_result *host,
                          const struct fuzz_result *ours, struct text *report)
{
    uint32_t host_error = host->error, our_error = ours->error;

    if (host->vector == VECTOR_PF && ours->vector == VECTOR_PF &&
        host->address >= UINT64_C(0x7ffffffff000)) {
        host_error |= 1; /* the kernel hides which of its pages are present */
        our_error |= 1;
    }
    if (host->completed != ours->completed || (!host->completed && host->vector != ours->vector)) {
        text_add(report,
                 "host %s %u error %x cr2 %" PRIx64 ", ours %s %u error %x cr2 %" PRIx64 "; ",
                 host->completed ? "completed" : "fault", host->vector, host->error, host->address,
                 ours->completed ? "completed" : "fault", ours->vector, ours->error, ours->address);
    } else if (!host->completed) {
        bool with_error = x86_vector_has_error(host->vector);
        if (with_error && host_error != our_error) {
            text_add(report, "vector %u error host %x ours %x; ", host->vector, host->error,
                     ours->error);
        }
        if (host->vector == VECTOR_PF && host->address != ours->address) {
            text_add(report, "cr2 host %" PRIx64 " ours %" PRIx64 "; ", host->address,
                     ours->address);
        }
    }
    (void)c;
}

/* ---- differences that are right ---- */

static bool canonical(uint64_t address)
{
    return (uint64_t)((int64_t)(address << 16) >> 16) == address;
}

/* Vectors that one misplaced access may raise; which of two reasons wins is not architectural. [SDM
 * 3A table 6-2] */
static bool access_fault(const struct fuzz_result *result)
{
    return !result->completed && (result->vector == VECTOR_GP || result->vector == VECTOR_SS ||
                                  result->vector == VECTOR_PF || result->vector == VECTOR_AC);
}

static float float_of(uint32_t bits)
{
    float value;

    memcpy(&value, &bits, sizeof(value));
    return value;
}

/* RCPPS and its like: within 1.5 * 2^-12 of each other's truth, so 3 * 2^-12 of each other. */
static bool close_floats(const uint8_t *a, const uint8_t *b)
{
    for (unsigned i = 0; i < 16; i += 4) {
        uint32_t x = le32(a + i), y = le32(b + i);
        double near = (double)float_of(x), ours = (double)float_of(y);

        bool tiny =
            (x & 0x7fffffff) <= 0x00800000 && (y & 0x7fffffff) <= 0x00800000 && !((x ^ y) >> 31);

        if (x != y && !tiny &&
            !(near - ours <= 3.0 / 4096 * (near < 0 ? -near : near) &&
              ours - near <= 3.0 / 4096 * (near < 0 ? -near : near))) {
            return false;
        }
    }
    return true;
}

/* 80-bit values at most two units in the last place apart. */
static bool close_f80(const uint8_t *a, const uint8_t *b)
{
    uint64_t x, y;

    memcpy(&x, a, 8);
    memcpy(&y, b, 8);
    unsigned exponents = (unsigned)(a[8] | a[9] << 8) - (unsigned)(b[8] | b[9] << 8);
    return (exponents + 1 <= 2) && (uint64_t)exponents * (UINT64_C(1) << 63) + (x - y) + 2 <= 4;
}

/* Ri that are close enough, as bits. */
static unsigned close_registers(const struct fuzz_result *host, const struct fuzz_result *ours)
{
    unsigned close = 0;

    for (unsigned i = 0; i < 8; i++) {
        close |= close_f80(fx_physical(host->fx, i), fx_physical(ours->fx, i)) ? 1u << i : 0;
    }
    return close;
}

/* The results agree when n bytes of the FXSAVE image, these status bits and the Ri of skip are not
 * looked at; SKIP_FAULT: nor which fault it was. */
enum { SKIP_FAULT = 1u << 8 };

static bool agree_without(const struct fuzz_case *c, const struct case_memory *memory,
                          const struct fuzz_result *host, const struct fuzz_result *ours,
                          unsigned at, unsigned n, uint16_t status, unsigned skip)
{
    struct fuzz_result copy = *ours;
    char text[64];
    struct text report = text_in(text, sizeof(text));

    if (status & 0x3800) { /* the other TOP, the same Ri */
        for (unsigned i = 0; i < 8; i++) {
            memcpy(copy.fx + (fx_physical(host->fx, i) - host->fx), fx_physical(ours->fx, i), 16);
        }
    }
    if (skip & SKIP_FAULT) {
        copy.vector = host->vector;
        copy.error = host->error;
        copy.address = host->address;
    }
    memcpy(copy.fx + at, host->fx + at, n);
    if (at >= FX_XMM) {
        memcpy(copy.ymm + (at - FX_XMM), host->ymm + (at - FX_XMM), n);
    }
    copy.fx[FX_FSW] = (uint8_t)((copy.fx[FX_FSW] & ~status) | (host->fx[FX_FSW] & status));
    copy.fx[FX_FSW + 1] =
        (uint8_t)((copy.fx[FX_FSW + 1] & ~(status >> 8)) | (host->fx[FX_FSW + 1] & status >> 8));
    compare_fault(c, host, &copy, &report);
    compare_gprs(c, host, &copy, &report);
    compare_segments(c, host, &copy, &report);
    compare_fx(c, host, &copy, &report, skip);
    compare_memory(c, memory, host, &copy, &report);
    return report.n == 0;
}

/* ---- differences that are right: the table ---- */

struct judged {
    const struct fuzz_case *c;
    const struct case_memory *memory;
    const struct fuzz_result *host, *ours;
};

/* 0F 00, whatever stands before. */
static bool is_verify(const struct judged *j)
{
    for (unsigned i = 0; i + 1 < j->c->n; i++) {
        if (j->c->bytes[i] == 0x0f) {
            return j->c->bytes[i + 1] == 0x00;
        }
    }
    return false;
}

static bool rip_not_canonical(const struct judged *j)
{
    return j->c->bits == 64 && j->ours->vector == VECTOR_GP && !canonical(j->host->rip);
}

static bool is_register(const struct judged *j)
{
    return j->c->insn.kind[0] == OPERAND_GPR && j->host->vector == VECTOR_UD;
}

static bool from_memory(const struct judged *j)
{
    return j->c->insn.kind[1] == OPERAND_MEM;
}

static bool from_memory_pending(const struct judged *j)
{
    return from_memory(j) && j->ours->vector == VECTOR_MF;
}

static bool kernel_half(const struct judged *j)
{
    return j->c->bits == 64 && j->ours->vector == VECTOR_PF && j->ours->address >> 47 != 0;
}

static bool misaligned_mode(const struct judged *j)
{
    return (le32(j->host->fx + FX_MXCSR) & 0x20000) != 0;
}

static bool misaligned_beyond_limit(const struct judged *j)
{
    uint64_t low = j->c->insn.flags & INSN_VEX && j->c->insn.opsize == 32 ? 31 : 15;

    return j->host->vector + j->ours->vector == VECTOR_GP + VECTOR_SS && j->c->operand & low;
}

static bool wraps_at_4g(const struct judged *j)
{
    return j->c->bits != 64 && j->c->operand > UINT32_MAX - 15;
}

static bool opsize_16(const struct judged *j)
{
    return j->c->insn.opsize == 2;
}

static bool is_extended(const struct judged *j)
{
    return j->c->insn.size[0] == 10;
}

static bool repeats(const struct judged *j)
{
    return j->c->insn.flags & (INSN_REP | INSN_REPNE);
}

static bool to_64_bit_code(const struct judged *j)
{
    return j->c->bits != 64 &&
           (j->ours->selector[SEG_CS] == 0x33 || j->host->selector[SEG_CS] == 0x33);
}

static bool from_64_bit_code(const struct judged *j)
{
    return j->c->bits == 64 && j->c->gpr[REG_RSP] > UINT32_MAX;
}

static bool is_d9_d8(const struct judged *j)
{
    return j->c->insn.kind[0] == OPERAND_ST && j->c->bytes[j->c->n - 2] == 0xd9;
}

static bool target_not_canonical(const struct judged *j)
{
    return j->ours->vector == VECTOR_GP;
}

static bool misaligned_operand(const struct judged *j)
{
    return j->ours->vector == VECTOR_GP && j->c->insn.kind[1] == OPERAND_MEM && j->c->operand & 15;
}

static bool vex_w_outside_64(const struct judged *j)
{
    return j->c->bits != 64 && j->c->insn.flags & INSN_VEX && j->host->vector == VECTOR_UD;
}

static bool close_vectors(const struct judged *j)
{
    unsigned at = FX_XMM + 16u * j->c->insn.n[0], high = 16u * j->c->insn.n[0];

    return close_floats(j->host->fx + at, j->ours->fx + at) &&
           close_floats(j->host->ymm + high, j->ours->ymm + high);
}

/* How an execution ended. */
enum end { ANY, DONE, FAULT, ACCESS /* a fault of a memory access */ };

static bool ended(const struct fuzz_result *result, enum end end)
{
    return end == ANY || (end == DONE    ? result->completed
                          : end == FAULT ? !result->completed
                                         : access_fault(result));
}

/* What may differ. */
enum may {
    MAY_ALL,
    MAY_FAULT,     /* which fault it was */
    MAY_MMX_FAULT, /* that, and TOP and tags: the MMX state was entered or not */
    MAY_MMX,
    MAY_ULPS,   /* C1, and the last places of x87 registers */
    MAY_VECTOR, /* the destination vector register */
};

struct accepted_row {
    uint16_t op[10]; /* enum x86_op, ended by OP_COUNT; OP_COUNT first: any */
    enum end host, ours;
    bool (*when)(const struct judged *judged); /* or NULL */
    enum may may;
    const char *reason;
};

// clang-format off
#define X OP_COUNT
static const struct accepted_row accepted_rows[] = {
    { { OP_JMP, OP_CALL, OP_RET, X }, DONE, FAULT, rip_not_canonical, MAY_ALL,
      "AMD loads a non-canonical RIP and faults there, Intel at the branch" },
    { { OP_CALL, X }, ACCESS, ACCESS, target_not_canonical, MAY_FAULT,
      "AMD pushes before it finds the target non-canonical" },
    { { OP_NOP, X }, FAULT, DONE, is_register, MAY_ALL,
      "0F 0D with a register: NOP on Intel, #UD on AMD" },
    { { OP_MASKMOVQ, OP_MASKMOVDQU, X }, ACCESS, DONE, NULL, MAY_ALL,
      "a mask of zeros may fault or not [SDM 2 MASKMOVDQU]" },
    { { OP_MASKMOVQ, OP_MASKMOVDQU, X }, ACCESS, ACCESS, NULL, MAY_MMX_FAULT,
      "AMD checks the whole operand, whatever the mask, and has entered the MMX state" },
    { { OP_CMPS, X }, ACCESS, ACCESS, NULL, MAY_FAULT,
      "AMD looks at ES:DI first when both operands fault" },
    { { X }, ACCESS, ACCESS, kernel_half, MAY_FAULT,
      "the kernel's half of the address space: a hypervisor below may forbid it by #GP" },
    { { X }, ACCESS, ACCESS, misaligned_beyond_limit, MAY_FAULT,
      "a misaligned operand beyond the stack's limit: #GP or #SS" },
    { { X }, ANY, ANY, wraps_at_4g, MAY_ALL,
      "an access that wraps at 4G may fault or not [SDM 3A 5.3]" },
    { { OP_PUSHSEG, X }, ACCESS, ANY, NULL, MAY_ALL,
      "PUSH of a segment register writes 16 bits on Intel [SDM 2 PUSH], all on AMD" },
    { { OP_LDMXCSR, OP_FXRSTOR, X }, ANY, ACCESS, misaligned_mode, MAY_ALL,
      "MXCSR bit 17 is AMD's misaligned mode, reserved on Intel" },
    { { OP_BOUND, X }, ACCESS, ACCESS, NULL, MAY_FAULT,
      "AMD reads the two bounds one after the other" },
    { { OP_ARPL, X }, DONE, ACCESS, NULL, MAY_ALL,
      "ARPL that changes nothing: AMD does not check that it could write" },
    { { OP_POPA, X }, ACCESS, ACCESS, NULL, MAY_ALL,
      "AMD has written some registers when POPA faults" },
    { { OP_MOVSXD, X }, ACCESS, ANY, opsize_16, MAY_ALL,
      "MOVSXD r16 reads 16 bits [SDM 2], on AMD 32" },
    { { OP_CVTPI2PS, X }, ANY, FAULT, from_memory_pending, MAY_ALL,
      "CVTPI2PS from memory is an MMX instruction on Intel [SDM 2], not on AMD" },
    { { OP_CVTPI2PS, X }, ANY, ANY, from_memory, MAY_MMX,
      "CVTPI2PS from memory enters the MMX state on Intel [SDM 2], not on AMD" },
    { { OP_CALLF, X }, ACCESS, ACCESS, NULL, MAY_ALL,
      "AMD has pushed the return address when the target is found bad" },
    { { OP_RETF, OP_IRET, OP_JMPF, X }, ACCESS, ACCESS, NULL, MAY_FAULT,
      "AMD looks at the parts of a far return in another order" },
    { { OP_LDS, OP_LES, OP_LFS, OP_LGS, OP_LSS, OP_FBLD, OP_FBSTP, X }, ACCESS, ACCESS, NULL, MAY_FAULT,
      "AMD looks at the pieces of an operand in another order" },
    { { OP_FLD, OP_FSTP, X }, ACCESS, ACCESS, is_extended, MAY_FAULT,
      "AMD accesses an 80-bit operand in two pieces" },
    { { OP_FNSTENV, OP_FLDENV, OP_FNSAVE, OP_FRSTOR, OP_FXSAVE, OP_FXRSTOR, X }, ACCESS, ACCESS, NULL, MAY_FAULT,
      "AMD looks at the pieces of an image in another order" },
    { { OP_INS, OP_OUTS, X }, FAULT, DONE, repeats, MAY_ALL,
      "REP INS with a count of 0: AMD checks the permission" },
    { { OP_UD, X }, ACCESS, FAULT, NULL, MAY_ALL,
      "AMD reads some operands before it finds LOCK invalid" },
    { { OP_UD, X }, ANY, FAULT, is_verify, MAY_ALL,
      "LOCK VERR, VERW: AMD runs it" },
    { { OP_CALLF, X }, ANY, ANY, to_64_bit_code, MAY_ALL,
      "a far call from compatibility to 64-bit mode: which stack takes the return address" },
    { { OP_CALLF, X }, ANY, ANY, from_64_bit_code, MAY_ALL,
      "a far call to compatibility mode: AMD pushes with its 32-bit stack pointer" },
    { { OP_FSTP, X }, ANY, ANY, is_d9_d8, MAY_ALL,
      "D9 D8+i: AMD's FSTPNCE, without stack exceptions" },
    { { OP_F2XM1, OP_FYL2X, OP_FYL2XP1, OP_FPTAN, OP_FPATAN, OP_FSIN, OP_FCOS, OP_FSINCOS, X }, DONE, DONE, NULL, MAY_ULPS,
      "approximation: below 1 ulp each, C1 says which way it was rounded [SDM 1 8.3.10]" },
    { { OP_PINSRD, OP_PEXTRD, X }, FAULT, ANY, vex_w_outside_64, MAY_ALL,
      "VPINSRD and VPEXTRD outside of 64-bit mode ignore VEX.W [SDM 2 PINSRB], #UD on AMD" },
    { { OP_SHA1MSG1, OP_SHA1MSG2, OP_SHA1NEXTE, OP_SHA1RNDS4, OP_SHA256MSG1, OP_SHA256MSG2, OP_SHA256RNDS2, X }, ANY,
      ACCESS, misaligned_operand, MAY_ALL, "SHA's operands must be aligned on Intel [SDM 2 SHA1RNDS4], not on AMD" },
    { { OP_RCPPS, OP_RCPSS, OP_RSQRTPS, OP_RSQRTSS, X }, DONE, DONE, close_vectors, MAY_VECTOR,
      "approximation within its bound [SDM 2 RCPPS]" },
};
#undef X
// clang-format on

static bool row_names(const struct accepted_row *row, unsigned op)
{
    bool any = row->op[0] == OP_COUNT, named = false;

    for (unsigned i = 0; row->op[i] != OP_COUNT; i++) {
        named |= row->op[i] == op;
    }
    return any || named;
}

static bool agree_but(const struct judged *j, enum may may)
{
    const struct fuzz_result *host = j->host, *ours = j->ours;

    switch (may) {
    case MAY_FAULT:
        return agree_without(j->c, j->memory, host, ours, 0, 0, 0, SKIP_FAULT);
    case MAY_MMX_FAULT:
        return agree_without(j->c, j->memory, host, ours, FX_FTW, 1, 0x3800, SKIP_FAULT);
    case MAY_MMX:
        return agree_without(j->c, j->memory, host, ours, FX_FTW, 1, 0x3800, 0);
    case MAY_ULPS:
        return agree_without(j->c, j->memory, host, ours, 0, 0, 0x0200,
                             close_registers(host, ours));
    case MAY_VECTOR:
        return agree_without(j->c, j->memory, host, ours, FX_XMM + 16u * j->c->insn.n[0], 16, 0, 0);
    default:
        return true;
    }
}

/* Why the host and verdite may differ in one instruction, or NULL. */
static const char *accepted_insn(const struct fuzz_case *c, const struct case_memory *memory,
                                 const struct fuzz_result *host, const struct fuzz_result *ours)
{
    const struct judged judged = { c, memory, host, ours };

    for (size_t i = 0; i < ARRAY_SIZE(accepted_rows); i++) {
        const struct accepted_row *row = &accepted_rows[i];

        if (row_names(row, c->insn.op) && ended(host, row->host) && ended(ours, row->ours) &&
            (row->when == NULL || row->when(&judged)) && agree_but(&judged, row->may)) {
            return row->reason;
        }
    }
    return NULL;
}

static const char *accepted(const struct fuzz_case *c, const struct case_memory *memory,
                            const struct fuzz_result *host, const struct fuzz_result *ours)
{
    if (c->steps == 0) {
        return accepted_insn(c, memory, host, ours);
    }
    for (unsigned i = 0, at = 0; i < c->steps; at += c->step[i++].length) {
        struct fuzz_case one = *c;
        const char *reason;

        one.insn = c->step[i];
        one.n = (uint8_t)(at + one.insn.length);
        one.operand = case_operand(&one);
        reason = accepted_insn(&one, memory, host, ours);
        if (reason != NULL) {
            return reason;
        }
    }
    return NULL;
}

enum verdict case_compare(const struct fuzz_case *c, const struct case_memory *memory,
                          const struct fuzz_result *host, const struct fuzz_result *ours,
                          char *text, size_t size)
{
    struct text report = text_in(text, size);

    bool same_code = ours->selector[SEG_CS] == case_segments[c->seg[SEG_CS]].selector;
    if (host->looped || (ours->completed && same_code && ours->rip - case_rip(c) < c->n)) {
        snprintf(text, size, "it jumped into itself");
        return VERDICT_ACCEPTED;
    }
    compare_fault(c, host, ours, &report);
    compare_gprs(c, host, ours, &report);
    compare_segments(c, host, ours, &report);
    compare_fx(c, host, ours, &report, 0);
    compare_memory(c, memory, host, ours, &report);
    if (report.n == 0) {
        return VERDICT_EQUAL;
    }
    const char *reason = accepted(c, memory, host, ours);
    if (reason != NULL) {
        snprintf(text, size, "%s", reason);
        return VERDICT_ACCEPTED;
    }
    return VERDICT_DIFFERENT;
}
