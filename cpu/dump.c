/* Text of code as it is first met, for --dump: one write for each block or instruction. */
/*
 *   block 0x100040 spa 0x100040 64-bit flat, 3 instructions, 9 bytes
 *     +0000 mov     ba f8 03 00 00                mov edx, 0x3f8        | mov edx, 0x3f8
 *   insn 0x100040 MOV length 5 opsize 4 adsize 8 flags - gpr2:4 imm0x3f8:4
 *
 * The second column is the family of cpu/exec that executes the instruction, with `+` where one
 * function does it and the next. Behind the bar: an outside disassembler.
 */
#include "cpu/dump.h"

#include <inttypes.h>
#include <string.h>

#include "base/compiler.h"
#include "base/text.h"
#include "cpu/block.h"
#include "cpu/decode/op_info.h"
#include "cpu/dump_disassembler.h"
#include "cpu/exec/core.h"
#include "cpu/exec/exec.h"
#include "cpu/translate/translate.h"

enum { LINE_BYTES = 320, CODE_BYTES = BLOCK_INSNS * INSN_MAX_LENGTH };

static void line_write(struct text *line, FILE *out)
{
    (void)fputs(line->bytes, out);
    (void)fputc('\n', out);
    line->n = 0;
}

static const char *family_name(unsigned family)
{
    static const char *const names[] = {
#define X(family, name) [FAMILY_##family] = #name,
        EXEC_FAMILIES(X)
#undef X
    };

    return names[family];
}

static void add_operand(struct text *line, const struct insn *insn, unsigned i)
{
    static const char *const names[] = {
        [OPERAND_GPR] = "gpr", [OPERAND_MEM] = "mem", [OPERAND_IMM] = "imm", [OPERAND_REL] = "rel",
        [OPERAND_FAR] = "far", [OPERAND_XMM] = "xmm", [OPERAND_MMX] = "mmx", [OPERAND_ST] = "st",
        [OPERAND_SEG] = "seg", [OPERAND_CR] = "cr",   [OPERAND_DR] = "dr",
    };

    text_add(line, " %s", names[insn->kind[i]]);
    switch (insn->kind[i]) {
    case OPERAND_MEM:
        text_add(line, "(segment %u base %u index %u scale %u disp 0x%" PRIx64 ")", insn->segment,
                 insn->base, insn->index, 1u << insn->scale_log2, (uint64_t)insn->disp);
        break;
    case OPERAND_IMM:
    case OPERAND_REL:
        text_add(line, " 0x%" PRIx64, insn->imm);
        break;
    case OPERAND_FAR:
        text_add(line, " 0x%x:0x%" PRIx64, insn->imm2, insn->imm);
        break;
    default:
        text_add(line, "%u", insn->n[i]);
        break;
    }
    text_add(line, ":%u", insn->size[i]);
}

static void dump_insn(const struct cpu_dump *dump, const struct insn *insn, uint64_t rip)
{
    static const char *const flags[] = { "lock",          "rep",   "repne",        "segmented",
                                         "stack-segment", "rex.w", "opsize-prefix" };
    char room[LINE_BYTES];
    struct text line = text_in(room, sizeof(room));

    text_add(&line, "insn 0x%" PRIx64 " %s length %u opsize %u adsize %u flags", rip,
             op_info[insn->op].name, insn->length, insn->opsize, insn->adsize);
    if (insn->flags == 0) {
        text_add(&line, " -");
    }
    for (unsigned i = 0; i < ARRAY_SIZE(flags); i++) {
        if (insn->flags >> i & 1) {
            text_add(&line, " %s", flags[i]);
        }
    }
    if (insn->imm2 != 0) {
        text_add(&line, " imm2 0x%x", insn->imm2);
    }
    for (unsigned i = 0; i < INSN_OPERANDS && insn->kind[i] != OPERAND_NONE; i++) {
        add_operand(&line, insn, i);
    }
    line_write(&line, dump->out);
}

/* As the decoder left it: the block builder made RIP-relative operands relative to the block. */
static struct insn insn_alone(const struct insn *placed)
{
    struct insn insn = *placed;

    if (insn.base == REG_RIP) {
        insn.disp -= insn.offset + insn.length;
    }
    return insn;
}

static void dump_row(const struct cpu_dump *dump, const struct insn *insn, unsigned bits,
                     uint64_t rip, const uint8_t *bytes)
{
    const struct insn alone = insn_alone(insn);
    char room[LINE_BYTES];
    struct text line = text_in(room, sizeof(room));
    char text[96];

    bool fused = insn->exec != exec_choose(insn) && insn->exec == exec_choose_fused(insn);
    const char *family = family_name(op_info[insn->op].family);
    text_add(&line, "  +%04x %s%-*s", insn->offset, family, 7 - (int)strlen(family),
             fused ? "+" : "");
    for (unsigned i = 0; i < insn->length; i++) {
        text_add(&line, " %02x", bytes[i]);
    }
    text_add(&line, "%*s", 3 * (10 - (insn->length < 10 ? insn->length : 10)) + 1, "");
    insn_print(&alone, rip, text, sizeof(text));
    text_add(&line, "%-36s", text);
    (void)dump_disassemble(bytes, insn->length, bits, rip, text, sizeof(text));
    if (text[0] != '\0') {
        text_add(&line, " | %s", text);
    }
    line_write(&line, dump->out);
}

void cpu_dump_block(const struct cpu_dump *dump, const struct core *core, const struct block *block,
                    uint64_t rip, const uint8_t *bytes)
{
    uint8_t code[CODE_BYTES] = { 0 };
    size_t n = block->bytes < sizeof(code) ? block->bytes : sizeof(code);
    char room[LINE_BYTES];
    struct text line = text_in(room, sizeof(room));

    if (dump->out == NULL) {
        return;
    }
    if (bytes != NULL) {
        memcpy(code, bytes, n < INSN_MAX_LENGTH ? n : INSN_MAX_LENGTH);
    } else {
        const struct ram *ram = core->mmu.space->ram;
        size_t first = PAGE_SIZE - (block->spa & ~PAGE_MASK);
        for (size_t i = 0; i < n; i++) {
            code[i] = block->second != BLOCK_NO_SPA && i >= first
                          ? ram_load8(ram_host(ram, block->second) + (i - first))
                          : ram_load8(ram_host(ram, block->spa) + i);
        }
    }
    if (dump->what & CPU_DUMP_BLOCK) {
        text_add(&line, "block 0x%" PRIx64, rip);
        if (bytes == NULL) {
            text_add(&line, " spa 0x%" PRIx64, block->spa);
        }
        text_add(&line, " %u-bit%s, %u instruction%s, %u bytes", core->bits,
                 core->flat ? " flat" : "", block->n, block->n == 1 ? "" : "s", block->bytes);
        line_write(&line, dump->out);
    }
    for (unsigned i = 0; i < block->n; i++) {
        const struct insn *insn = &block->insn[i];
        if (dump->what & CPU_DUMP_INSN) {
            const struct insn alone = insn_alone(insn);
            dump_insn(dump, &alone, (rip + insn->offset) & core->ip_mask);
        }
        if (dump->what & CPU_DUMP_BLOCK) {
            dump_row(dump, insn, core->bits, (rip + insn->offset) & core->ip_mask,
                     code + insn->offset);
        }
    }
}

void cpu_dump_code(const struct cpu_dump *dump, const struct code *code)
{
    char room[LINE_BYTES];
    struct text line = text_in(room, sizeof(room));
    char text[96];

    if (dump->out == NULL) {
        return;
    }
    text_add(&line, "code 0x%" PRIx64 ", %u instruction%s, %u bytes of host code at %p", code->rip,
             code->n, code->n == 1 ? "" : "s", code->host_bytes, (const void *)code->entry);
    line_write(&line, dump->out);
    for (size_t at = 0; at < code->host_bytes;) {
        size_t length = dump_disassemble(code->entry + at, code->host_bytes - at, 64,
                                         (uintptr_t)code->entry + at, text, sizeof(text));
        if (length == 0) {
            break;
        }
        text_add(&line, "  +%04zx  %s", at, text);
        line_write(&line, dump->out);
        at += length;
    }
}
