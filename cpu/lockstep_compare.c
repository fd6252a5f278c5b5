/* What lock step compares: the architectural state, field by field, from one table. */
#include "cpu/lockstep_compare.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cpu/block.h"
#include "cpu/dump_disassembler.h"
#include "cpu/exec/flags.h"

enum { DIFFERENCES_SHOWN = 12 };

/* A field of the state: n elements of size bytes, names of elements or NULL. */
struct field {
    const char *name;
    uint16_t at, size, n;
    const char *const *names;
};

static const char *const gpr_names[REG_COUNT] = { "rax", "rcx", "rdx", "rbx", "rsp", "rbp",
                                                  "rsi", "rdi", "r8",  "r9",  "r10", "r11",
                                                  "r12", "r13", "r14", "r15", "rip", "zero" };
static const char *const seg_names[SEG_COUNT] = { "es", "cs", "ss", "ds", "fs", "gs" };

#define AT(member)   ((uint16_t)offsetof(struct cpu_state, member))
#define SIZE(member) ((uint16_t)sizeof(((struct cpu_state *)0)->member))
#define ONE(member)                                                                                \
    {                                                                                              \
#member, AT(member), SIZE(member), 1, NULL                                                 \
    }
#define MANY(member, names)                                                                        \
    {                                                                                              \
#member, AT(member), SIZE(member[0]), (uint16_t)(SIZE(member) / SIZE(member[0])), names    \
    }
#define SEGMENT(member)                                                                            \
    ONE(member.base), ONE(member.limit), ONE(member.attributes), ONE(member.selector)

/* All of struct cpu_state but the flags in lazy form: RFLAGS is compared as a whole. */
static const struct field fields[] = {
    MANY(gpr, gpr_names),
    SEGMENT(seg[SEG_ES]),
    SEGMENT(seg[SEG_CS]),
    SEGMENT(seg[SEG_SS]),
    SEGMENT(seg[SEG_DS]),
    SEGMENT(seg[SEG_FS]),
    SEGMENT(seg[SEG_GS]),
    SEGMENT(ldtr),
    SEGMENT(tr),
    ONE(gdtr.base),
    ONE(gdtr.limit),
    ONE(idtr.base),
    ONE(idtr.limit),
    ONE(cr0),
    ONE(cr2),
    ONE(cr3),
    ONE(cr4),
    ONE(efer),
    ONE(xcr0),
    MANY(dr, NULL),
    ONE(dr6),
    ONE(dr7),
    ONE(star),
    ONE(lstar),
    ONE(cstar),
    ONE(fmask),
    ONE(kernel_gs_base),
    ONE(sysenter_cs),
    ONE(sysenter_esp),
    ONE(sysenter_eip),
    ONE(tsc_aux),
    ONE(pat),
    ONE(misc_enable),
    ONE(mtrr_def_type),
    MANY(mtrr_fixed, NULL),
    MANY(mtrr_base, NULL),
    MANY(mtrr_mask, NULL),
    ONE(tsc_offset),
    ONE(x87.reg[0].significand),
    ONE(x87.reg[1].significand),
    ONE(x87.reg[2].significand),
    ONE(x87.reg[3].significand),
    ONE(x87.reg[4].significand),
    ONE(x87.reg[5].significand),
    ONE(x87.reg[6].significand),
    ONE(x87.reg[7].significand),
    ONE(x87.reg[0].sign_exponent),
    ONE(x87.reg[1].sign_exponent),
    ONE(x87.reg[2].sign_exponent),
    ONE(x87.reg[3].sign_exponent),
    ONE(x87.reg[4].sign_exponent),
    ONE(x87.reg[5].sign_exponent),
    ONE(x87.reg[6].sign_exponent),
    ONE(x87.reg[7].sign_exponent),
    ONE(x87.control),
    ONE(x87.status),
    ONE(x87.valid),
    ONE(x87.opcode),
    ONE(x87.instruction),
    ONE(x87.data),
    ONE(x87.instruction_selector),
    ONE(x87.data_selector),
    MANY(xmm, NULL),
    MANY(ymm_high, NULL),
    ONE(mxcsr),
    ONE(shadow),
    ONE(nmi_blocked),
    ONE(activity),
};

void lockstep_end_fill(struct lockstep_end *end, const struct core *core, uint64_t rip)
{
    end->state = core->state;
    end->state.gpr[REG_RIP] = rip;
    end->rflags = core_rflags(core);
    end->run_mode = core->run_mode;
    end->debug_pending = core->debug_pending;
    memcpy(end->seg_base, core->seg_base, sizeof(end->seg_base));
}

/* Counts what differs; the first few are told. */
struct verdict {
    struct text *text;
    unsigned n;
};

static void differ(struct verdict *verdict, const char *name, uint64_t translated,
                   uint64_t interpreted)
{
    if (verdict->n++ < DIFFERENCES_SHOWN) {
        text_add(verdict->text, "  %s: translated %" PRIx64 ", interpreted %" PRIx64 "\n", name,
                 translated, interpreted);
    }
}

static void compare_number(struct verdict *verdict, const char *name, uint64_t translated,
                           uint64_t interpreted)
{
    if (translated != interpreted) {
        differ(verdict, name, translated, interpreted);
    }
}

/* One element of up to 16 bytes, eight at a time. */
static void compare_element(struct verdict *verdict, const struct field *field, unsigned i,
                            const uint8_t *a, const uint8_t *b)
{
    char name[64];

    for (unsigned at = 0; at < field->size; at += 8) {
        unsigned n = field->size - at < 8 ? field->size - at : 8;
        uint64_t values[2] = { 0, 0 };
        if (memcmp(a + at, b + at, n) == 0) {
            continue;
        }
        memcpy(&values[0], a + at, n); /* little-endian hosts only translate */
        memcpy(&values[1], b + at, n);
        if (field->names != NULL) {
            (void)snprintf(name, sizeof(name), "%s", field->names[i]);
        } else if (field->n > 1) {
            (void)snprintf(name, sizeof(name), "%s[%u]%s", field->name, i,
                           field->size <= 8 ? ""
                           : at == 0        ? " low"
                                            : " high");
        } else {
            (void)snprintf(name, sizeof(name), "%s", field->name);
        }
        differ(verdict, name, values[0], values[1]);
    }
}

static void compare_state(struct verdict *verdict, const struct cpu_state *translated,
                          const struct cpu_state *interpreted)
{
    const uint8_t *a = (const uint8_t *)translated, *b = (const uint8_t *)interpreted;

    for (unsigned k = 0; k < ARRAY_SIZE(fields); k++) {
        const struct field *field = &fields[k];
        for (unsigned i = 0; i < field->n; i++) {
            unsigned at = field->at + i * (unsigned)field->size;
            compare_element(verdict, field, i, a + at, b + at);
        }
    }
}

bool lockstep_same(const struct lockstep_end *translated, const struct lockstep_end *interpreted,
                   struct text *text)
{
    const struct lockstep_end *a = translated, *b = interpreted;
    struct verdict verdict = { text, 0 };

    compare_number(&verdict, "instructions", a->n, b->n);
    compare_number(&verdict, "faults", a->how == UNWIND_FAULT, b->how == UNWIND_FAULT);
    compare_number(&verdict, "fault's vector", a->fault.vector, b->fault.vector);
    compare_number(&verdict, "fault's error code", a->fault.error, b->fault.error);
    compare_number(&verdict, "fault's address", a->fault.address, b->fault.address);
    compare_number(&verdict, "rflags", a->rflags, b->rflags);
    compare_number(&verdict, "mode", a->run_mode, b->run_mode);
    compare_number(&verdict, "pending debug exception", a->debug_pending, b->debug_pending);
    for (unsigned i = 0; i < SEG_COUNT; i++) {
        char name[16];
        (void)snprintf(name, sizeof(name), "%s base", seg_names[i]);
        compare_number(&verdict, name, a->seg_base[i], b->seg_base[i]);
    }
    compare_state(&verdict, &a->state, &b->state);
    return verdict.n == 0;
}

void lockstep_print_block(struct text *text, const struct core *core, const struct block *block,
                          uint64_t rip)
{
    char ours[128], theirs[128];

    for (unsigned i = 0; i < block->n; i++) {
        const struct insn *insn = &block->insn[i];
        struct insn alone = *insn;
        uint64_t at = rip + insn->offset;
        theirs[0] = '\0';
        alone.disp -= insn->base == REG_RIP ? insn->offset : 0;
        insn_print(&alone, at, ours, sizeof(ours));
        if (block->spa != BLOCK_NO_SPA) {
            const uint8_t *bytes = ram_host(core->mmu.space->ram, block->spa + insn->offset);
            (void)dump_disassemble(bytes, insn->length, core->bits, at, theirs, sizeof(theirs));
        }
        text_add(text, "  %16" PRIx64 "  %s%s%s\n", at, ours, theirs[0] != '\0' ? "   ; " : "",
                 theirs);
    }
}
