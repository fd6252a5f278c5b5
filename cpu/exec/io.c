/* IN, OUT, INS, OUTS: I/O privilege, the TSS's permission bitmap, REP. [SDM 1 19.5; 2 IN, INS,
 * OUTS] */
#include "base/bytes.h"
#include "cpu/exec/exec.h"
#include "cpu/exec/operand.h"
#include "cpu/exec/segment.h"

enum { TSS_IO_MAP_BASE = 0x66 };

/* #GP(0) unless IOPL or the bitmap allows the ports. */
static void check_ports(struct core *core, uint16_t port, unsigned size)
{
    const struct x86_segment *tr = &core->state.tr;
    uint8_t bytes[2];

    if (!(core->state.cr0 & CR0_PE) || (!core_in_v86(core) && core->cpl <= core_iopl(core))) {
        return;
    }
    if ((tr->attributes & SEG_TYPE) < SYSTEM_TSS_AVAILABLE || tr->limit < TSS_IO_MAP_BASE + 1) {
        core_raise_error(core, VECTOR_GP, 0);
    }
    core_load_system(core, tr->base + TSS_IO_MAP_BASE, bytes, 2);
    uint32_t offset = le16_load(bytes) + port / 8u;
    if (offset + 1 > tr->limit) {
        core_raise_error(core, VECTOR_GP, 0);
    }
    core_load_system(core, tr->base + offset, bytes, 2);
    if ((uint32_t)le16_load(bytes) >> (port % 8) & ((1u << size) - 1)) {
        core_raise_error(core, VECTOR_GP, 0);
    }
}

static uint32_t port_in(struct core *core, uint16_t port, unsigned size)
{
    uint32_t value = 0;

    core_check(core, core->ops->port_read(core->owner, port, size, &value));
    core_io_breakpoint(core, port, size);
    return value;
}

static void port_out(struct core *core, uint16_t port, unsigned size, uint32_t value)
{
    core_check(core, core->ops->port_write(core->owner, port, size, value));
    core_io_breakpoint(core, port, size);
}

static unsigned io_size(const struct insn *insn)
{
    return insn->opsize > 4 ? 4 : insn->opsize;
}

static uint16_t io_port(const struct core *core, const struct insn *insn, unsigned operand)
{
    return (uint16_t)(insn->kind[operand] == OPERAND_IMM ? insn->imm & 0xff
                                                         : core->state.gpr[REG_RDX]);
}

EXEC_OP(in)
{
    uint16_t port = io_port(core, insn, 1);
    unsigned size = io_size(insn);

    check_ports(core, port, size);
    gpr_write(core, REG_RAX, size, port_in(core, port, size));
}

EXEC_OP(out)
{
    uint16_t port = io_port(core, insn, 0);
    unsigned size = io_size(insn);

    check_ports(core, port, size);
    port_out(core, port, size, (uint32_t)gpr_read(core, REG_RAX, size));
}

/* ---- strings ---- */

static void move_index(struct core *core, unsigned reg, unsigned adsize, unsigned size)
{
    uint64_t step = core->state.rflags_rest & FLAG_DF ? 0 - (uint64_t)size : size;

    gpr_write(core, reg, adsize, gpr_read(core, reg, adsize) + step);
}

/* One iteration. The memory is probed before the device is read: a fault must not lose what the
 * device gave. */
static void ins_once(struct core *core, const struct insn *insn, uint16_t port, unsigned size)
{
    uint64_t offset = gpr_read(core, REG_RDI, insn->adsize);
    gva_t gva = segment_linear(core, SEG_ES, offset, size, MMU_WRITE);

    core_probe_write(core, gva, size, false);
    core_store_size(core, gva, size, port_in(core, port, size), false);
    move_index(core, REG_RDI, insn->adsize, size);
}

static void outs_once(struct core *core, const struct insn *insn, uint16_t port, unsigned size)
{
    uint64_t offset = gpr_read(core, REG_RSI, insn->adsize);
    gva_t gva = segment_linear(core, insn->segment, offset, size, MMU_READ);

    port_out(core, port, size, (uint32_t)core_load_size(core, gva, size, insn_is_stack(insn)));
    move_index(core, REG_RSI, insn->adsize, size);
}

typedef void io_once(struct core *core, const struct insn *insn, uint16_t port, unsigned size);

/* With REP: registers are committed after each iteration, so that a fault, a suspension or an
 * interrupt leaves off between two. */
static ALWAYS_INLINE void io_string(struct core *core, const struct insn *insn, io_once *once)
{
    uint16_t port = (uint16_t)core->state.gpr[REG_RDX];
    unsigned size = io_size(insn);
    uint64_t left;

    if (!(insn->flags & (INSN_REP | INSN_REPNE))) {
        check_ports(core, port, size);
        once(core, insn, port, size);
        return;
    }
    left = gpr_read(core, REG_RCX, insn->adsize);
    if (left == 0) {
        return;
    }
    check_ports(core, port, size);
    for (;;) {
        once(core, insn, port, size);
        gpr_write(core, REG_RCX, insn->adsize, --left);
        if (left == 0) {
            core_end_short_block(core, insn);
            return; /* the last iteration is counted as the instruction */
        }
        core->retired += 1;
        core->budget -= 1;
        if (core->state.rflags_rest & FLAG_TF) {
            core->debug_pending |= DR6_BS;
            core->attention = true;
        }
        if (UNLIKELY(core_budget_left(core, insn) <= 0 || core->debug_pending != 0 ||
                     __atomic_load_n(&core->pending, __ATOMIC_RELAXED) != 0)) {
            core_restart_insn(core);
        }
    }
}

EXEC_OP(ins)
{
    io_string(core, insn, ins_once);
}

EXEC_OP(outs)
{
    io_string(core, insn, outs_once);
}

exec_fn *exec_choose_io(const struct insn *insn)
{
    switch (insn->op) {
    case OP_IN:
        return exec_in;
    case OP_OUT:
        return exec_out;
    case OP_INS:
        return exec_ins;
    case OP_OUTS:
        return exec_outs;
    default:
        return exec_undefined;
    }
}
