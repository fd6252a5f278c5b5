/* What a debugger sees of a VP: memory, MSRs, the page walk. [SDM 3A 4] */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/text.h"
#include "cpu/exec/system.h"
#include "partitions/debug.h"
#include "partitions/partition.h"
#include "partitions/vp.h"

/* ---- memory ---- */

static size_t piece_of(uint64_t address, size_t n)
{
    size_t here = PAGE_SIZE - (size_t)(address & ~PAGE_MASK);

    return here < n ? here : n;
}

size_t debug_memory_read(struct vp *vp, gva_t gva, void *to, size_t n)
{
    uint8_t *bytes = to;
    size_t done = 0;

    while (done < n) {
        size_t piece = piece_of(gva + done, n - done);
        gpa_t gpa;
        if (!mmu_peek(&vp->cpu.core.mmu, gva + done, &gpa) ||
            debug_physical_read(vp, gpa, bytes + done, piece) < piece) {
            break;
        }
        done += piece;
    }
    return done;
}

size_t debug_memory_write(struct vp *vp, gva_t gva, const void *from, size_t n)
{
    const uint8_t *bytes = from;
    size_t done = 0;

    while (done < n) {
        size_t piece = piece_of(gva + done, n - done);
        gpa_t gpa;
        if (!mmu_peek(&vp->cpu.core.mmu, gva + done, &gpa) ||
            debug_physical_write(vp, gpa, bytes + done, piece) < piece) {
            break;
        }
        done += piece;
    }
    return done;
}

size_t debug_physical_read(struct vp *vp, gpa_t gpa, void *to, size_t n)
{
    uint8_t *bytes = to;
    size_t done = 0;

    while (done < n) {
        size_t piece = piece_of(gpa + done, n - done);
        if (!space_read(vp->cpu.core.mmu.space, gpa + done, bytes + done, piece)) {
            break;
        }
        done += piece;
    }
    return done;
}

size_t debug_physical_write(struct vp *vp, gpa_t gpa, const void *from, size_t n)
{
    const uint8_t *bytes = from;
    size_t done = 0;

    while (done < n) {
        size_t piece = piece_of(gpa + done, n - done);
        if (!space_write(vp->cpu.core.mmu.space, gpa + done, bytes + done, piece)) {
            break;
        }
        done += piece;
    }
    return done;
}

/* ---- MSRs ---- */

enum { MSR_GUEST_IDLE = 0x400000f0 }; /* reading it is a halt */

/* What runs an MSR access as the guest's own does, but no parent is told of it. */
struct quiet {
    const struct insn *insn;
    bool intercepted;
};

static struct quiet quiet_begin(struct vp *vp)
{
    static const struct insn none = { .length = 0 };
    struct quiet before = { vp->cpu.core.insn, vp->partition->intercepts.msr };

    vp->cpu.core.insn = &none;
    vp->partition->intercepts.msr = false;
    return before;
}

static void quiet_end(struct vp *vp, struct quiet before)
{
    vp->cpu.core.insn = before.insn;
    vp->partition->intercepts.msr = before.intercepted;
}

bool debug_msr_read(struct vp *vp, uint32_t msr, uint64_t *value)
{
    if (msr == MSR_GUEST_IDLE) {
        return false;
    }
    struct quiet before = quiet_begin(vp);
    enum core_status status = core_msr_read(&vp->cpu.core, msr, value);
    quiet_end(vp, before);
    return status == CORE_OK;
}

bool debug_msr_write(struct vp *vp, uint32_t msr, uint64_t value)
{
    struct quiet before = quiet_begin(vp);
    enum core_status status = core_msr_write(&vp->cpu.core, msr, value);
    quiet_end(vp, before);
    core_mode_update(&vp->cpu.core);
    return status == CORE_OK;
}

/* ---- the walk ---- */

enum { ENTRY_P = 1u << 0, ENTRY_PS = 1u << 7 };

/* Print one entry. False: the walk ends here. */
static bool walk_entry(struct text *page, struct vp *vp, const char *name, gpa_t at, unsigned bytes,
                       uint64_t *entry)
{
    uint8_t raw[8] = { 0 };

    if (debug_physical_read(vp, at, raw, bytes) < bytes) {
        text_add(page, "%-5s at gpa 0x%" PRIx64 ": no RAM\n", name, at);
        return false;
    }
    uint64_t value = le64_load(raw);
    *entry = value;
    text_add(page, "%-5s at gpa 0x%" PRIx64 ": 0x%0*" PRIx64 "%s%s%s%s%s%s%s\n", name, at,
             (int)bytes * 2, value, value & ENTRY_P ? " P" : " not present", value & 2 ? " W" : "",
             value & 4 ? " U" : "", value & 0x20 ? " A" : "", value & 0x40 ? " D" : "",
             value & ENTRY_PS ? " PS" : "", bytes == 8 && value >> 63 ? " NX" : "");
    return value & ENTRY_P;
}

/* Every level's entry: [SDM 3A 4.3-4.5]. */
static void walk_levels(struct text *page, struct vp *vp, gva_t gva)
{
    static const char *const names[] = { "PTE", "PDE", "PDPTE", "PML4E", "PML5E" };
    const struct cpu_state *state = &vp->cpu.core.state;
    bool wide = (state->cr4 & CR4_PAE) != 0, pae = wide && !(state->efer & EFER_LMA);
    unsigned entry_bytes = wide ? 8 : 4, index_bits = wide ? 9 : 10;
    int level = !wide ? 1 : pae ? 2 : state->cr4 & CR4_LA57 ? 4 : 3;
    gpa_t table = pae ? state->cr3 & UINT64_C(0xffffffe0) : state->cr3 & UINT64_C(0xffffffffff000);
    uint64_t entry;

    for (; level >= 0; level--) {
        unsigned shift = PAGE_SHIFT + (unsigned)level * index_bits;
        uint64_t index = gva >> shift & ((1u << (pae && level == 2 ? 2 : index_bits)) - 1);
        if (!walk_entry(page, vp, names[level], table + index * entry_bytes, entry_bytes, &entry) ||
            (level > 0 && level < 3 && (entry & ENTRY_PS) && !(pae && level == 2) &&
             (wide || (state->cr4 & CR4_PSE)))) {
            return;
        }
        table = entry & (wide ? UINT64_C(0xffffffffff000) : UINT64_C(0xfffff000));
    }
}

void debug_walk(struct vp *vp, gva_t gva, char *text, size_t size)
{
    struct core *core = &vp->cpu.core;
    struct text page = text_in(text, size);
    struct walk_result result = { 0 };

    if (core->state.cr0 & CR0_PG) {
        walk_levels(&page, vp, gva);
    } else {
        text_add(&page, "paging is off\n");
    }
    enum walk_status status =
        walk_page(core->mmu.space, NULL, &core->mmu.paging, gva, MMU_READ | MMU_PROBE, &result);
    if (status != WALK_OK) {
        text_add(&page, "0x%" PRIx64 ": not mapped, #PF error 0x%" PRIx32 "\n", gva,
                 result.fault_error);
        return;
    }
    text_add(&page, "0x%" PRIx64 " -> gpa 0x%" PRIx64 ", page of %" PRIu64 " KiB%s%s%s%s\n", gva,
             result.gpa, (UINT64_C(1) << (result.page_shift < 12 ? 12 : result.page_shift)) >> 10,
             result.writable ? ", writable" : "", result.user ? ", user" : "",
             result.executable ? "" : ", no-execute", result.global ? ", global" : "");
    struct space_page where = space_lookup(core->mmu.space, result.gpa);
    text_add(&page, "gpa 0x%" PRIx64 " is %s%s\n", result.gpa,
             where.kind == SPACE_RAM    ? "RAM"
             : where.kind == SPACE_MMIO ? "a device or nothing"
                                        : "beyond the address width",
             where.overlay ? ", an overlay page" : "");
}
