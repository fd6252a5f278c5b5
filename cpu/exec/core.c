/* struct core: raising, memory behind the fast path, debug registers, derived state, reset. [SDM 3A
 * 2, 9.1, 17] */
#include "cpu/exec/core.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "cpu/exec/cpu_trace.h"
#include "cpu/exec/flags.h"
#include "cpu/exec/model.h"

/* ---- raising ---- */

void core_raise_fault(struct core *core, struct x86_fault fault)
{
    core->fault = fault;
    core->debug_pending = 0; /* the access did not complete */
    longjmp(*core->unwind, UNWIND_FAULT);
}

void core_raise(struct core *core, unsigned vector)
{
    core_raise_fault(core, (struct x86_fault){ .vector = (uint8_t)vector });
}

void core_raise_error(struct core *core, unsigned vector, uint32_t error)
{
    core_raise_fault(
        core, (struct x86_fault){ .vector = (uint8_t)vector, .has_error = true, .error = error });
}

void core_suspend(struct core *core)
{
    core->debug_pending = 0;
    longjmp(*core->unwind, UNWIND_SUSPEND);
}

void core_wait_alone(struct core *core)
{
    core->ops->alone_wanted(core->owner);
    core_suspend(core);
}

void core_end_block(struct core *core)
{
    core->state.gpr[REG_RIP] = insn_next_rip(core, core->insn);
    longjmp(*core->unwind, UNWIND_NEXT);
}

void core_restart_insn(struct core *core)
{
    longjmp(*core->unwind, UNWIND_RESTART);
}

void core_check(struct core *core, enum core_status status)
{
    switch (status) {
    case CORE_OK:
        return;
    case CORE_GP:
        core_raise_error(core, VECTOR_GP, 0);
    case CORE_UD:
        core_raise(core, VECTOR_UD);
    case CORE_SUSPEND:
        core_suspend(core);
    }
}

void core_raise_mmu(struct core *core, enum mmu_status status, bool stack)
{
    switch (status) {
    case MMU_OK:
        break;
    case MMU_FAULT:
        core_raise_fault(core, (struct x86_fault){ .vector = VECTOR_PF,
                                                   .has_error = true,
                                                   .error = core->mmu.fault_error,
                                                   .address = core->mmu.fault_gva });
    case MMU_NONCANONICAL:
        core_raise_error(core, stack ? VECTOR_SS : VECTOR_GP, 0);
    case MMU_SUSPEND:
        core_suspend(core);
    }
    abort(); /* ours: a caller raised success */
}

/* ---- segmentation ---- */

static bool segment_type_allows(uint32_t attributes, unsigned access)
{
    if (attributes & SEG_UNUSABLE) {
        return false;
    }
    if (access & MMU_WRITE) {
        return (attributes & (SEG_CODE | SEG_WRITABLE)) == SEG_WRITABLE;
    }
    return !(attributes & SEG_CODE) || (attributes & SEG_READABLE);
}

gva_t core_segment_linear(struct core *core, unsigned segment, uint64_t offset, unsigned size,
                          unsigned access)
{
    const struct x86_segment *seg = &core->state.seg[segment];

    if (core->bits == 64) {
        return offset + core->seg_base[segment];
    }
    bool protected_mode = (core->state.cr0 & CR0_PE) && !(core->state.rflags_rest & FLAG_VM);
    uint64_t last = offset + (size ? size - 1 : 0);
    bool ok;

    if ((seg->attributes & (SEG_CODE | SEG_EXPAND_DOWN)) == SEG_EXPAND_DOWN && protected_mode) {
        ok = offset > seg->limit && last <= (seg->attributes & SEG_DB ? UINT32_MAX : 0xffff);
    } else {
        ok = last <= seg->limit;
    }
    if (UNLIKELY(!ok || (protected_mode && !segment_type_allows(seg->attributes, access)))) {
        core_raise_error(core, segment == SEG_SS ? VECTOR_SS : VECTOR_GP, 0);
    }
    return (uint32_t)(offset + seg->base);
}

/* ---- memory ---- */

/* Outside 64-bit mode linear addresses wrap at 4 GiB: the bytes before the wrap, or all of them. */
static unsigned size_before_wrap(const struct core *core, gva_t gva, unsigned size)
{
    if (core->bits == 64 || gva + size <= UINT64_C(1) << 32) {
        return size;
    }
    return gva > UINT32_MAX ? size : (unsigned)((UINT64_C(1) << 32) - gva);
}

static gva_t gva_in_mode(const struct core *core, gva_t gva)
{
    return core->bits == 64 ? gva : (uint32_t)gva;
}

/* Alignment by the size of the datum. [SDM 3A table 6-7] */
static unsigned alignment_of(unsigned size)
{
    switch (size) {
    case 2:
    case 14: /* x87 environment, and the beginning of its 16-bit state */
    case 62:
        return 2;
    case 4:
    case 6:
    case 28: /* likewise, 32-bit */
    case 64:
        return 4;
    case 8:
    case 10:
        return 8;
    case 16:
        return 16;
    default:
        return 1; /* other images check for themselves */
    }
}

/* VMASKMOV and gathers. [SDM 2 VMASKMOVPS, VPGATHERDD] */
static bool insn_ignores_alignment(const struct insn *insn)
{
    switch (insn->op) {
    case OP_MASKMOVPS:
    case OP_MASKMOVPD:
    case OP_PMASKMOVD:
    case OP_PMASKMOVQ:
        return true;
    default:
        return insn->op >= OP_GATHERDPS && insn->op <= OP_PGATHERQQ;
    }
}

/* What the always-missing TLB set is for: before the access. */
void core_data_check(struct core *core, gva_t gva, unsigned size)
{
    bool alignment =
        core->cpl == 3 && (core->state.cr0 & CR0_AM) && (core->state.rflags_rest & FLAG_AC);

    if (core->insn != NULL && insn_ignores_alignment(core->insn)) {
        return;
    }
    /* A non-canonical address is told of first. [tests/fuzz/cpu] */
    if (core->bits == 64 && (uint64_t)((int64_t)(gva << 16) >> 16) != gva) {
        return;
    }
    /* YMM operands need 16, as measured on AMD Zen; of x87 images 32 bytes are a piece. */
    bool ymm = size == 32 && core->insn != NULL && core->insn->flags & INSN_VEX;

    if (alignment && (gva & (alignment_of(ymm ? 16 : size) - 1))) {
        core_raise_error(core, VECTOR_AC, 0);
    }
}

void core_load_slow(struct core *core, gva_t gva, void *data, unsigned size, bool stack)
{
    if (UNLIKELY(core->data_checked)) {
        core_data_check(core, gva, size);
    }
    gva = gva_in_mode(core, gva);
    unsigned first = size_before_wrap(core, gva, size);
    enum mmu_status status = mmu_load(&core->mmu, gva, data, first, MMU_READ | core->data_access);

    if (status == MMU_OK && UNLIKELY(first < size)) {
        status = mmu_load(&core->mmu, 0, (uint8_t *)data + first, size - first,
                          MMU_READ | core->data_access);
    }
    if (UNLIKELY(status != MMU_OK)) {
        core_raise_mmu(core, status, stack);
    }
    if (UNLIKELY(core->data_checked)) {
        core_data_breakpoint(core, gva, size, false);
    }
}

void core_probe_write(struct core *core, gva_t gva, unsigned size, bool stack)
{
    if (tlb_write(core->data_set, gva, size) != NULL) {
        return;
    }
    if (UNLIKELY(core->data_checked)) {
        core_data_check(core, gva, size);
    }
    gva = gva_in_mode(core, gva);
    unsigned first = size_before_wrap(core, gva, size);
    enum mmu_status status = mmu_probe(&core->mmu, gva, first, MMU_WRITE | core->data_access);

    if (status == MMU_OK && UNLIKELY(first < size)) {
        status = mmu_probe(&core->mmu, 0, size - first, MMU_WRITE | core->data_access);
    }
    if (UNLIKELY(status != MMU_OK)) {
        core_raise_mmu(core, status, stack);
    }
}

void core_store_slow(struct core *core, gva_t gva, const void *data, unsigned size, bool stack)
{
    if (UNLIKELY(core->data_checked)) {
        core_data_check(core, gva, size);
    }
    gva = gva_in_mode(core, gva);
    unsigned first = size_before_wrap(core, gva, size);

    if (UNLIKELY(first < size)) {
        core_probe_write(core, gva, size, stack); /* both parts before either is written */
    }
    enum mmu_status status = mmu_store(&core->mmu, gva, data, first, MMU_WRITE | core->data_access);

    if (status == MMU_OK && UNLIKELY(first < size)) {
        status = mmu_store(&core->mmu, 0, (const uint8_t *)data + first, size - first,
                           MMU_WRITE | core->data_access);
    }
    if (UNLIKELY(status != MMU_OK)) {
        core_raise_mmu(core, status, stack);
    }
    if (UNLIKELY(core->data_checked)) {
        core_data_breakpoint(core, gva, size, true);
    }
}

uint8_t *core_rmw_slow(struct core *core, gva_t gva, unsigned size, bool stack)
{
    uint8_t *host = NULL;

    if (UNLIKELY(core->data_checked)) {
        core_data_check(core, gva, size);
    }
    gva = gva_in_mode(core, gva);
    if (UNLIKELY(size_before_wrap(core, gva, size) < size)) {
        core_probe_write(core, gva, size, stack);
        return NULL;
    }
    enum mmu_status status =
        mmu_rmw_host(&core->mmu, gva, size, MMU_WRITE | core->data_access, &host);

    if (UNLIKELY(status != MMU_OK)) {
        core_raise_mmu(core, status, stack);
    }
    if (UNLIKELY(core->data_checked)) {
        core_data_breakpoint(core, gva, size, true);
    }
    return host;
}

/* Copies between guest RAM and ours, in the largest pieces that fit. */
static void guest_copy_in(uint8_t *to, const uint8_t *host, unsigned size)
{
    for (; size >= 8; size -= 8, to += 8, host += 8) {
        le64_store(to, ram_load64(host));
    }
    if (size & 4) {
        le32_store(to, ram_load32(host));
        to += 4;
        host += 4;
    }
    if (size & 2) {
        le16_store(to, ram_load16(host));
        to += 2;
        host += 2;
    }
    if (size & 1) {
        *to = ram_load8(host);
    }
}

static void guest_copy_out(uint8_t *host, const uint8_t *from, unsigned size)
{
    for (; size >= 8; size -= 8, from += 8, host += 8) {
        ram_store64(host, le64_load(from));
    }
    if (size & 4) {
        ram_store32(host, le32_load(from));
        from += 4;
        host += 4;
    }
    if (size & 2) {
        ram_store16(host, le16_load(from));
        from += 2;
        host += 2;
    }
    if (size & 1) {
        ram_store8(host, *from);
    }
}

void core_load(struct core *core, gva_t gva, void *data, unsigned size, bool stack)
{
    const uint8_t *host = tlb_read(core->data_set, gva, size);

    if (LIKELY(host != NULL)) {
        guest_copy_in(data, host, size);
    } else {
        core_load_slow(core, gva, data, size, stack);
    }
}

void core_store(struct core *core, gva_t gva, const void *data, unsigned size, bool stack)
{
    uint8_t *host = tlb_write(core->data_set, gva, size);

    if (LIKELY(host != NULL)) {
        guest_copy_out(host, data, size);
    } else {
        core_store_slow(core, gva, data, size, stack);
    }
}

/* Outside IA-32e mode descriptor tables and task state segments wrap at 4 GiB, too. */
static gva_t gva_of_system(const struct core *core, gva_t gva)
{
    return core->state.efer & EFER_LMA ? gva : (uint32_t)gva;
}

void core_load_system(struct core *core, gva_t gva, void *data, unsigned size)
{
    gva = gva_of_system(core, gva);
    const uint8_t *host = tlb_read(&core->mmu.set[TLB_SUPERVISOR], gva, size);

    if (LIKELY(host != NULL)) {
        guest_copy_in(data, host, size);
        return;
    }
    enum mmu_status status = mmu_load(&core->mmu, gva, data, size, MMU_READ | MMU_IMPLICIT);

    if (UNLIKELY(status != MMU_OK)) {
        core_raise_mmu(core, status, false);
    }
}

void core_store_system(struct core *core, gva_t gva, const void *data, unsigned size)
{
    gva = gva_of_system(core, gva);
    uint8_t *host = tlb_write(&core->mmu.set[TLB_SUPERVISOR], gva, size);

    if (LIKELY(host != NULL)) {
        guest_copy_out(host, data, size);
        return;
    }
    enum mmu_status status = mmu_store(&core->mmu, gva, data, size, MMU_WRITE | MMU_IMPLICIT);

    if (UNLIKELY(status != MMU_OK)) {
        core_raise_mmu(core, status, false);
    }
}

/* ---- debug registers ---- */

enum { DR7_CODE = 0, DR7_WRITE = 1, DR7_IO = 2, DR7_DATA = 3 };

static bool breakpoint_enabled(uint64_t dr7, unsigned n)
{
    return dr7 >> 2 * n & 3;
}

static unsigned breakpoint_kind(uint64_t dr7, unsigned n)
{
    return dr7 >> (16 + 4 * n) & 3;
}

static unsigned breakpoint_length(uint64_t dr7, unsigned n)
{
    static const uint8_t length[4] = { 1, 2, 8, 4 };

    return length[dr7 >> (18 + 4 * n) & 3];
}

/* Does [address, address + size) touch breakpoint n's aligned range? */
static bool breakpoint_touched(const struct core *core, unsigned n, uint64_t address, unsigned size)
{
    uint64_t length = breakpoint_length(core->state.dr7, n);
    uint64_t start = core->state.dr[n] & ~(length - 1);

    return address < start + length && start < address + size;
}

void core_code_breakpoint(struct core *core)
{
    uint64_t dr7 = core->state.dr7;
    uint64_t hits = 0;
    uint64_t linear = core->state.gpr[REG_RIP] + core->seg_base[SEG_CS];

    if (!(dr7 & 0xff) || (core->state.rflags_rest & FLAG_RF) ||
        core->state.shadow == SHADOW_MOV_SS) {
        return;
    }
    if (core->bits != 64) {
        linear = (uint32_t)linear;
    }
    for (unsigned n = 0; n < 4; n++) {
        if (breakpoint_enabled(dr7, n) && breakpoint_kind(dr7, n) == DR7_CODE &&
            core->state.dr[n] == linear) {
            hits |= BIT64(n);
        }
    }
    if (hits) {
        core_raise_fault(core, (struct x86_fault){ .vector = VECTOR_DB, .address = hits });
    }
}

/* The debugger's watches: noted here, reported by the run loop after the instruction. */
static COLD void watches_touched(struct core *core, gva_t gva, unsigned size, bool write)
{
    unsigned kind = write ? CORE_WATCH_WRITE : CORE_WATCH_READ;

    for (unsigned i = 0; i < core->watches->n; i++) {
        const struct core_watch *watch = &core->watches->watch[i];

        if ((watch->kinds & kind) && gva <= watch->last && gva + size - 1 >= watch->first) {
            core->watch_hit |= kind;
            core->watch_gva = watch->first > gva ? watch->first : gva;
            core->attention = true;
        }
    }
}

void core_data_breakpoint(struct core *core, gva_t gva, unsigned size, bool write)
{
    uint64_t dr7 = core->state.dr7;

    if (core->watches != NULL) {
        watches_touched(core, gva, size, write);
    }
    for (unsigned n = 0; n < 4; n++) {
        unsigned kind = breakpoint_kind(dr7, n);

        if (breakpoint_enabled(dr7, n) && (kind == DR7_DATA || (write && kind == DR7_WRITE)) &&
            breakpoint_touched(core, n, gva, size)) {
            core->debug_pending |= BIT64(n);
            core->attention = true;
        }
    }
}

void core_io_breakpoint(struct core *core, uint16_t port, unsigned size)
{
    uint64_t dr7 = core->state.dr7;

    if (LIKELY(!(dr7 & 0xff)) || !(core->state.cr4 & CR4_DE)) {
        return;
    }
    for (unsigned n = 0; n < 4; n++) {
        if (breakpoint_enabled(dr7, n) && breakpoint_kind(dr7, n) == DR7_IO &&
            breakpoint_touched(core, n, port, size)) {
            core->debug_pending |= BIT64(n);
            core->attention = true;
        }
    }
}

/* Which kinds of breakpoint are enabled: bit k for kind k. */
static unsigned breakpoint_kinds(uint64_t dr7)
{
    unsigned kinds = 0;

    if (LIKELY(!(dr7 & 0xff))) {
        return 0;
    }
    for (unsigned n = 0; n < 4; n++) {
        if (breakpoint_enabled(dr7, n)) {
            kinds |= 1u << breakpoint_kind(dr7, n);
        }
    }
    return kinds;
}

/* ---- derived state ---- */

static void pending_set(struct core *core, uint32_t bit, bool on)
{
    uint32_t now = __atomic_load_n(&core->pending, __ATOMIC_RELAXED);

    if (on && !(now & bit)) {
        __atomic_fetch_or(&core->pending, bit, __ATOMIC_RELAXED);
    } else if (!on && (now & bit)) {
        __atomic_fetch_and(&core->pending, ~bit, __ATOMIC_RELAXED);
    }
}

void core_privilege_update(struct core *core)
{
    struct cpu_state *state = &core->state;
    uint64_t rflags = state->rflags_rest;
    unsigned kinds = breakpoint_kinds(state->dr7);

    /* Between setting PE and the first far transfer CS is still real mode's, of data type: CPL 0.
     */
    core->cpl = !(state->cr0 & CR0_PE) ? 0
                : rflags & FLAG_VM     ? 3
                : !(state->seg[SEG_CS].attributes & SEG_CODE)
                    ? 0
                    : (uint8_t)(state->seg[SEG_CS].selector & 3);
    bool user = core->cpl == 3;

    core->run_mode = core->bits | (core->flat ? 0x100u : 0) | (user ? 0x200u : 0);
    mmu_ac_set(&core->mmu, (rflags & FLAG_AC) != 0);
    core->data_access = user ? MMU_USER : 0;
    core->data_checked = core->watches != NULL ||
                         (kinds & (1u << DR7_WRITE | 1u << DR7_DATA)) != 0 ||
                         (user && (rflags & FLAG_AC) && (state->cr0 & CR0_AM));
    core->data_set = UNLIKELY(core->data_checked) ? &core->never_set : mmu_set(&core->mmu, user);
    if (!(kinds & 1u << DR7_CODE)) {
        /* RF only matters to code breakpoints, and faults push it set whatever it is: without
         * breakpoints it is dropped at once instead of after one more instruction. */
        state->rflags_rest &= ~FLAG_RF;
    }
    pending_set(core, CORE_PENDING_DEBUG, kinds != 0 || (rflags & FLAG_TF) || core->debug_pending);
}

/* DS ES SS CS cover the 4 GiB linear space from 0 and allow what code normally does with them. */
static bool segments_flat(const struct cpu_state *state)
{
    static const uint8_t data[] = { SEG_ES, SEG_SS, SEG_DS };
    const struct x86_segment *cs = &state->seg[SEG_CS];

    for (unsigned i = 0; i < ARRAY_SIZE(data); i++) {
        const struct x86_segment *seg = &state->seg[data[i]];
        uint32_t wanted = SEG_UNUSABLE | SEG_CODE | SEG_EXPAND_DOWN | SEG_WRITABLE;

        if (seg->base != 0 || seg->limit != UINT32_MAX ||
            (seg->attributes & wanted) != SEG_WRITABLE) {
            return false;
        }
    }
    return cs->base == 0 && cs->limit == UINT32_MAX &&
           (cs->attributes & (SEG_CODE | SEG_READABLE)) == (SEG_CODE | SEG_READABLE);
}

static void paging_update(struct core *core)
{
    const struct cpu_state *state = &core->state;
    const struct paging *paging = &core->mmu.paging;

    if (paging->cr0 != state->cr0 || paging->cr3 != state->cr3 || paging->cr4 != state->cr4 ||
        paging->efer != state->efer) {
        mmu_paging_set(&core->mmu, state->cr0, state->cr3, state->cr4, state->efer);
        if (core->ops != NULL && core->ops->flush_notify != NULL) {
            core->ops->flush_notify(core->owner);
        }
    }
}

void core_mode_update(struct core *core)
{
    struct cpu_state *state = &core->state;
    bool protected_mode = (state->cr0 & CR0_PE) && !(state->rflags_rest & FLAG_VM);
    uint32_t cs = state->seg[SEG_CS].attributes;
    uint8_t bits = 16;
    bool flat;

    state->gpr[REG_ZERO] = 0;
    if (protected_mode) {
        bits = (state->efer & EFER_LMA) && (cs & SEG_L) ? 64 : cs & SEG_DB ? 32 : 16;
    }
    flat = bits == 64 || (protected_mode && segments_flat(state));
    for (unsigned n = 0; n < SEG_COUNT; n++) {
        bool ignored = bits == 64 && n != SEG_FS && n != SEG_GS;

        core->seg_base[n] = ignored ? 0 : state->seg[n].base;
    }
    bool changed = core->bits != bits;
    core->bits = bits;
    core->flat = flat;
    core->stack_bits = bits == 64                                                   ? 64
                       : protected_mode && (state->seg[SEG_SS].attributes & SEG_DB) ? 32
                                                                                    : 16;
    core->ip_mask = bits == 64 ? UINT64_MAX : bits == 32 ? UINT32_MAX : 0xffff;
    core->mmx_blocked = (state->cr0 & (CR0_EM | CR0_TS)) != 0;
    core->sse_blocked = core->mmx_blocked || !(state->cr4 & CR4_OSFXSR);
    core->avx_blocked = !protected_mode || (state->cr0 & CR0_TS) || !(state->cr4 & CR4_OSXSAVE) ||
                        (state->xcr0 & (XCR0_SSE | XCR0_AVX)) != (XCR0_SSE | XCR0_AVX);
    paging_update(core);
    core_privilege_update(core);
    if (changed) {
        CPU_TRACE(core, MODE, bits, state->cr0, state->cr4, state->efer);
    }
}

/* ---- reset ---- */

static void segments_reset(struct cpu_state *state)
{
    for (unsigned n = 0; n < SEG_COUNT; n++) {
        state->seg[n] =
            (struct x86_segment){ .limit = 0xffff,
                                  .attributes = SEG_P | SEG_S | SEG_WRITABLE | SEG_ACCESSED };
    }
    state->seg[SEG_CS].selector = 0xf000;
    state->seg[SEG_CS].base = 0xffff0000;
    state->ldtr = (struct x86_segment){ .limit = 0xffff, .attributes = SEG_P | 2 };
    state->tr = (struct x86_segment){ .limit = 0xffff, .attributes = SEG_P | 11 };
    state->gdtr = (struct x86_table){ .limit = 0xffff };
    state->idtr = (struct x86_table){ .limit = 0xffff };
}

/* What survives INIT: caches' and memory types' control, x87, SSE, and machine check banks. */
static void power_up(struct core *core)
{
    struct cpu_state *state = &core->state;

    state->cr0 = CR0_CD | CR0_NW;
    memset(&state->x87, 0, sizeof(state->x87));
    state->x87.control = 0x40;
    state->x87.valid = 0xff; /* tag word 5555h: zeros, none empty */
    memset(state->xmm, 0, sizeof(state->xmm));
    memset(state->ymm_high, 0, sizeof(state->ymm_high));
    state->mxcsr = 0x1f80;
    state->xcr0 = XCR0_X87;
    state->star = state->lstar = state->cstar = state->fmask = state->kernel_gs_base = 0;
    state->sysenter_cs = state->sysenter_esp = state->sysenter_eip = 0;
    state->tsc_aux = 0;
    state->tsc_offset = 0;
    state->pat = UINT64_C(0x0007040600070406);
    state->misc_enable = 0x1801; /* fast strings; neither BTS nor PEBS */
    /* As firmware leaves them: all memory write-back, the VGA window uncached. */
    state->mtrr_def_type = 0xc06;
    for (unsigned n = 0; n < ARRAY_SIZE(state->mtrr_fixed); n++) {
        state->mtrr_fixed[n] = n == 2 ? 0 : UINT64_C(0x0606060606060606);
    }
    memset(state->mtrr_base, 0, sizeof(state->mtrr_base));
    memset(state->mtrr_mask, 0, sizeof(state->mtrr_mask));
    for (unsigned n = 0; n < TLB_ENTRIES; n++) {
        core->never_set.entry[n] = (struct tlb_entry){ .read_tag = TLB_NO_TAG,
                                                       .write_tag = TLB_NO_TAG,
                                                       .exec_tag = TLB_NO_TAG };
    }
}

void core_reset(struct core *core, bool init)
{
    struct cpu_state *state = &core->state;

    if (!init) {
        power_up(core);
    }
    memset(state->gpr, 0, sizeof(state->gpr));
    state->gpr[REG_RIP] = 0xfff0;
    state->gpr[REG_RDX] = cpu_model_signature(core->model);
    core_rflags_set(core, 0);
    segments_reset(state);
    state->cr0 = (state->cr0 & (CR0_CD | CR0_NW)) | CR0_ET;
    state->cr2 = state->cr3 = state->cr4 = state->efer = 0;
    memset(state->dr, 0, sizeof(state->dr));
    state->dr6 = DR6_INIT;
    state->dr7 = DR7_INIT;
    state->shadow = SHADOW_NONE;
    state->nmi_blocked = false;
    state->activity = ACTIVITY_RUNNING;
    core->debug_pending = 0;
    core->event_suspended.valid = false;
    core->mmu.paging.physical_bits = core->model->physical_bits;
    core->mmu.paging.gb_pages = cpu_model_has(core->model, FEATURE_GBPAGES);
    core_mode_update(core);
    mmu_flush_all(&core->mmu);
}
