/* The autopsy: what a person needs to see why a VP triple-faulted. */
#include "partitions/vmms/autopsy.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/compiler.h"
#include "base/text.h"
#include "cpu/decode/insn.h"
#include "cpu/exec/flags.h"
#include "partitions/partition.h"
#include "partitions/vp.h"

static const char *vector_name(unsigned vector)
{
    static const char *const names[] = {
        "#DE", "#DB", "NMI", "#BP", "#OF", "#BR", "#UD", "#NM", "#DF", "9",
        "#TS", "#NP", "#SS", "#GP", "#PF", "15",  "#MF", "#AC", "#MC", "#XM",
    };

    return vector < ARRAY_SIZE(names) ? names[vector] : "interrupt";
}

static void add_fault(struct text *page, const char *what, const struct x86_fault *fault)
{
    text_add(page, "  %s: %s", what, vector_name(fault->vector));
    if (fault->has_error) {
        text_add(page, " error 0x%" PRIx32, fault->error);
    }
    if (fault->vector == VECTOR_PF) {
        text_add(page, " address 0x%" PRIx64, fault->address);
    }
    text_add(page, "\n");
}

static void add_registers(struct text *page, const struct core *core)
{
    static const char *const names[] = { "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                         "r8 ", "r9 ", "r10", "r11", "r12", "r13", "r14", "r15" };
    static const char *const segments[] = { "es", "cs", "ss", "ds", "fs", "gs" };
    const struct cpu_state *s = &core->state;

    text_add(page, "  rip %016" PRIx64 " rflags %08" PRIx64 " cpl %u, %u-bit code\n",
             s->gpr[REG_RIP], core_rflags(core), core->cpl, core->bits);
    for (unsigned i = 0; i < 16; i++) {
        text_add(page, "  %s %016" PRIx64 "%s", names[i], s->gpr[i], i % 4 == 3 ? "\n" : "");
    }
    for (unsigned i = 0; i < SEG_COUNT; i++) {
        text_add(
            page, "  %s %04x base %016" PRIx64 " limit %08" PRIx32 " attributes %05" PRIx32 "\n",
            segments[i], s->seg[i].selector, s->seg[i].base, s->seg[i].limit, s->seg[i].attributes);
    }
    text_add(page,
             "  tr %04x base %016" PRIx64 "  gdt %016" PRIx64 "/%04x  idt %016" PRIx64 "/%04x\n",
             s->tr.selector, s->tr.base, s->gdtr.base, s->gdtr.limit, s->idtr.base, s->idtr.limit);
    text_add(page,
             "  cr0 %08" PRIx64 " cr2 %016" PRIx64 " cr3 %016" PRIx64 " cr4 %08" PRIx64
             " efer %04" PRIx64 "\n",
             s->cr0, s->cr2, s->cr3, s->cr4, s->efer);
}

static void add_walk(struct text *page, struct core *core, const char *what, gva_t gva)
{
    struct walk_result result = { 0 };
    enum walk_status status =
        walk_page(core->mmu.space, NULL, &core->mmu.paging, gva, MMU_READ | MMU_PROBE, &result);

    if (status == WALK_OK) {
        text_add(page, "  %s 0x%" PRIx64 " -> gpa 0x%" PRIx64 " (%s page%s%s%s)\n", what, gva,
                 result.gpa,
                 result.page_shift == 12   ? "4K"
                 : result.page_shift == 30 ? "1G"
                 : result.page_shift == 22 ? "4M"
                                           : "2M",
                 result.writable ? ", writable" : "", result.user ? ", user" : "",
                 result.executable ? "" : ", no-execute");
    } else {
        text_add(page, "  %s 0x%" PRIx64 " -> not mapped (#PF error 0x%" PRIx32 ")\n", what, gva,
                 result.fault_error);
    }
}

static void add_code(struct text *page, struct core *core)
{
    uint64_t rip = core->state.gpr[REG_RIP];
    uint8_t bytes[INSN_MAX_LENGTH];
    struct insn insn = { 0 };
    char text[96];
    gpa_t gpa;
    size_t n = 0;

    while (n < sizeof(bytes) && mmu_peek(&core->mmu, rip + core->seg_base[SEG_CS] + n, &gpa) &&
           space_read(core->mmu.space, gpa, &bytes[n], 1)) {
        n++;
    }
    struct decode_mode mode = { .bits = core->bits, .flat = core->flat };
    if (n > 0 && decode_insn(bytes, n, mode, &insn) == DECODE_OK) {
        insn_print(&insn, rip, text, sizeof(text));
        text_add(page, "  at rip: %s\n", text);
    }
}

void autopsy_print(struct vp *vp, char *text, size_t size)
{
    struct core *core = &vp->cpu.core;
    struct text page = text_in(text, size);

    const char *name = vp->partition->name;

    text_add(&page,
             "triple fault: partition %" PRIu64 "%s%s%s, VP %" PRIu32 ", after %" PRIu64
             " instructions\n",
             vp->partition->id, name != NULL ? " (" : "", name != NULL ? name : "",
             name != NULL ? ")" : "", vp->index, core->retired);
    add_fault(&page, "first fault", &vp->cpu.first_fault);
    add_fault(&page, "while delivering it", &core->fault);
    add_registers(&page, core);
    add_code(&page, core);
    add_walk(&page, core, "rip", core->state.gpr[REG_RIP] + core->seg_base[SEG_CS]);
    add_walk(&page, core, "cr2", core->state.cr2);
    text_add(&page, "  last blocks, newest first:");
    for (unsigned i = 0; i < CPU_RECENT && i < vp->cpu.n_recent; i++) {
        text_add(&page, "%s 0x%" PRIx64, i % 4 == 0 ? "\n   " : "",
                 vp->cpu.recent[(vp->cpu.n_recent - 1 - i) % CPU_RECENT]);
    }
    text_add(&page, "\n");
}
