/* Two machines of two partitions each, without processors. */
#include "tests/check/partitions/hv/hv_fixture.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "cpu/exec/core.h"
#include "partitions/hv/stimer.h"
#include "partitions/hv/synic.h"

static struct fixture_calls *calls_of(const struct vp *vp)
{
    return &((struct fixture_machine *)vp->partition->hv->config.ops_opaque)->calls;
}

static struct fixture_calls *calls_of_partition(const struct partition *partition)
{
    return &((struct fixture_machine *)partition->hv->config.ops_opaque)->calls;
}

static struct vp *op_vp_create(void *opaque, struct partition *partition, uint32_t index)
{
    struct vp *vp = ((struct fixture_machine *)opaque)->calls.no_vp ? NULL : calloc(1, sizeof(*vp));

    if (vp != NULL) {
        vp->partition = partition;
        vp->index = index;
        vp->cpu.core.state.rflags_rest = FLAG_ONE;
    }
    return vp;
}

static void op_vp_destroy(void *opaque, struct vp *vp)
{
    (void)opaque;
    free(vp);
}

static void op_interrupt(struct vp *vp, unsigned vector, bool auto_eoi)
{
    struct fixture_calls *calls = calls_of(vp);

    calls->interrupts++;
    calls->last_vector = vector;
    calls->last_auto_eoi = auto_eoi;
    calls->interrupted_vp = vp->index;
}

static bool op_apic_enabled(struct vp *vp)
{
    return !calls_of(vp)->apic_disabled;
}

static uint32_t op_apic_id(struct vp *vp)
{
    return vp->index * 2; /* not the index: they must not be mixed up */
}

static enum core_status op_apic_read(struct vp *vp, enum hv_apic_register reg, uint64_t *value)
{
    *value = reg == HV_APIC_TPR ? calls_of(vp)->tpr : calls_of(vp)->icr;
    return CORE_OK;
}

static enum core_status op_apic_write(struct vp *vp, enum hv_apic_register reg, uint64_t value)
{
    *(reg == HV_APIC_TPR   ? &calls_of(vp)->tpr
      : reg == HV_APIC_ICR ? &calls_of(vp)->icr
                           : &calls_of(vp)->eoi) = value;
    return CORE_OK;
}

static bool op_assert_interrupt(struct partition *partition, const struct hv_interrupt *interrupt)
{
    calls_of_partition(partition)->asserted = *interrupt;
    return !calls_of_partition(partition)->refuse_interrupt;
}

static int op_clear_interrupt(struct partition *partition)
{
    return calls_of_partition(partition)->not_acknowledged;
}

static uint64_t op_apic_base_read(struct vp *vp)
{
    return calls_of(vp)->apic_base;
}

static bool op_apic_base_write(struct vp *vp, uint64_t value)
{
    calls_of(vp)->apic_base = value;
    return value % PAGE_SIZE % 0x100 == 0;
}

static void op_state_changed(struct vp *vp)
{
    calls_of(vp)->state_changes++;
}

static void op_tlb_flush(struct vp *vp, bool all, gva_t gva, uint64_t n_pages)
{
    calls_of(vp)->flushes++;
    calls_of(vp)->flushed_all += all;
    calls_of(vp)->flush_gva = gva;
    calls_of(vp)->flush_pages = n_pages;
}

static void op_kick(struct vp *vp)
{
    calls_of(vp)->kicks++;
}

static void op_idle(struct vp *vp)
{
    calls_of(vp)->idles++;
}

static void op_spin(struct vp *vp)
{
    calls_of(vp)->spins++;
}

static void op_reset(struct partition *partition)
{
    calls_of_partition(partition)->resets++;
}

static void op_crashed(struct partition *partition, uint64_t control)
{
    (void)control;
    calls_of_partition(partition)->crashes++;
}

static void op_tsc_invariant(struct partition *partition)
{
    calls_of_partition(partition)->invariant++;
}

static void op_sink(struct vp *vp, unsigned sint)
{
    (void)sint;
    calls_of(vp)->sinks++;
}

static const struct hypervisor_ops fixture_ops = {
    .vp_create = op_vp_create,
    .vp_destroy = op_vp_destroy,
    .interrupt = op_interrupt,
    .apic_enabled = op_apic_enabled,
    .apic_id = op_apic_id,
    .apic_read = op_apic_read,
    .apic_write = op_apic_write,
    .assert_interrupt = op_assert_interrupt,
    .clear_interrupt = op_clear_interrupt,
    .apic_base_read = op_apic_base_read,
    .apic_base_write = op_apic_base_write,
    .state_changed = op_state_changed,
    .tlb_flush = op_tlb_flush,
    .kick = op_kick,
    .idle = op_idle,
    .spin = op_spin,
    .reset = op_reset,
    .crashed = op_crashed,
    .tsc_invariant = op_tsc_invariant,
    .sink = op_sink,
};

static void must(hv_status_t status)
{
    if (status != HV_STATUS_SUCCESS) {
        abort(); /* the fixture itself is wrong */
    }
}

static uint64_t call_for_id(const struct hv_caller *caller)
{
    uint8_t in[56] = { 0 }, out[8];

    must(hv_call(caller, 0x0040, in, sizeof(in), out, sizeof(out), 0, NULL));
    return le64_load(out);
}

static void call_with_id(const struct hv_caller *caller, uint16_t code, uint64_t id)
{
    uint8_t in[8];

    le64_store(in, id);
    must(hv_call(caller, code, in, sizeof(in), NULL, 0, 0, NULL));
}

static void deposit(const struct hv_caller *caller, uint64_t id, uint64_t from, unsigned n)
{
    uint8_t in[8 + 8 * FIXTURE_CHILD_POOL];

    le64_store(in, id);
    for (unsigned i = 0; i < n; i++) {
        le64_store(in + 8 + 8 * i, from + i);
    }
    must(hv_call(caller, 0x0048, in, 8 + 8 * n, NULL, 0, n, NULL));
}

struct partition *fixture_partition(struct fixture_machine *m, const struct hv_caller *parent,
                                    uint64_t pool_from)
{
    uint64_t id = call_for_id(parent);

    deposit(parent, id, pool_from, FIXTURE_CHILD_POOL);
    call_with_id(parent, 0x0041, id);
    return hypervisor_partition(&m->hv, id);
}

static void map_child(struct fixture_machine *m)
{
    uint8_t in[24 + 8 * FIXTURE_CHILD_PAGES];

    le64_store(in, m->child->id);
    le64_store(in + 8, 0);
    le64_store(in + 16, 0xf);
    for (unsigned i = 0; i < FIXTURE_CHILD_PAGES; i++) {
        le64_store(in + 24 + 8 * i, FIXTURE_CHILD_FROM + i);
    }
    must(hv_call(&m->parent, 0x004b, in, sizeof(in), NULL, 0, FIXTURE_CHILD_PAGES, NULL));
}

static struct vp *make_vp(struct fixture_machine *m, struct partition *partition, uint32_t index)
{
    uint8_t in[40] = { 0 };

    le64_store(in, partition->id);
    le32_store(in + 8, index);
    must(hv_call(&m->parent, 0x004e, in, sizeof(in), NULL, 0, 0, NULL));
    return partition->vps[index];
}

static void give_privileges(struct fixture_machine *m, struct partition *partition,
                            uint64_t privileges)
{
    uint8_t in[24] = { 0 };

    le64_store(in, partition->id);
    le32_store(in + 8, 0x00010000);
    le64_store(in + 16, privileges);
    must(hv_call(&m->parent, 0x0045, in, sizeof(in), NULL, 0, 0, NULL));
}

void fixture_machine_init(struct fixture_machine *m, bool root_is_guest)
{
    struct error error;

    memset(m, 0, sizeof(*m));
    clock_init(&m->clock, CLOCK_MODE_VIRTUAL);
    trace_init(&m->trace, &m->clock, NULL);
    hv_trace_register(&m->trace);
    if (ram_init(&m->ram, FIXTURE_PAGES * PAGE_SIZE, &error) != 0) {
        abort();
    }
    struct hypervisor_config config = {
        .ram = &m->ram,
        .clock = &m->clock,
        .trace = &m->trace,
        .ops = &fixture_ops,
        .ops_opaque = m,
        .reserved_spfn = FIXTURE_PAGES - FIXTURE_RESERVED,
        .reserved_pages = FIXTURE_RESERVED,
        .reserved_gpfn = FIXTURE_RESERVED_GPFN,
        .root_pool_pages = FIXTURE_ROOT_POOL,
        .root_is_guest = root_is_guest,
        .max_vps = 4,
    };
    if (hypervisor_init(&m->hv, &config, &error) != 0 ||
        hypervisor_root_map(&m->hv, 0, 0, FIXTURE_PAGES - FIXTURE_RESERVED) != 0) {
        abort();
    }
    m->root = m->hv.root;
    m->parent = hv_caller_root(&m->hv);
    m->root_vp = make_vp(m, m->root, 0);
    m->child = fixture_partition(m, &m->parent, 512);
    map_child(m);
    m->vp = make_vp(m, m->child, 0);
    m->vp1 = make_vp(m, m->child, 1);
    give_privileges(m, m->child, hv_privileges_child_linux());
}

void fixture_machine_fini(struct fixture_machine *m)
{
    hypervisor_fini(&m->hv);
    ram_fini(&m->ram);
    clock_fini(&m->clock);
}

struct fixture *fixture_create(bool root_is_guest)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    if (fixture == NULL) {
        abort();
    }
    fixture_machine_init(&fixture->machine[0], root_is_guest);
    fixture_machine_init(&fixture->machine[1], root_is_guest);
    return fixture;
}

void fixture_destroy(struct fixture *fixture)
{
    fixture_machine_fini(&fixture->machine[0]);
    fixture_machine_fini(&fixture->machine[1]);
    free(fixture);
}

void fixture_enter_long_mode(struct vp *vp)
{
    struct cpu_state *state = &vp->cpu.core.state;

    state->cr0 = CR0_PE | CR0_PG;
    state->efer = EFER_LME | EFER_LMA;
    state->seg[SEG_CS].attributes = SEG_CODE | SEG_S | SEG_P | SEG_L;
    state->seg[SEG_SS].attributes = SEG_WRITABLE | SEG_S | SEG_P;
    if (vp->partition->guest_os_id == 0 &&
        hv_msr_write(vp, 0x40000000, UINT64_C(0x8100) << 48) != CORE_OK) {
        abort();
    }
}

enum core_status fixture_vmcall(struct vp *vp, uint64_t control, const void *in, size_t in_len)
{
    struct cpu_state *state = &vp->cpu.core.state;

    fixture_enter_long_mode(vp);
    if (in_len > 0 && !space_write(&vp->partition->space, FIXTURE_IN_GPA, in, in_len)) {
        abort();
    }
    state->gpr[REG_RCX] = control;
    state->gpr[REG_RDX] = FIXTURE_IN_GPA;
    state->gpr[REG_R8] = FIXTURE_OUT_GPA;
    return hv_hypercall_from_guest(vp);
}

struct hv_caller fixture_caller(struct vp *vp)
{
    return (struct hv_caller){ .partition = vp->partition, .vp = vp, .guest = true };
}

uint64_t fixture_msr(struct vp *vp, uint32_t msr)
{
    uint64_t value = 0;

    if (hv_msr_read(vp, msr, &value) != CORE_OK) {
        abort();
    }
    return value;
}

void fixture_advance(struct fixture_machine *m, uint64_t ns)
{
    clock_advance(&m->clock, ns);
    clock_run(&m->clock);
}

void fixture_connect(struct fixture_machine *m, struct partition *owner, struct partition *from,
                     uint32_t id, unsigned type, unsigned sint, uint32_t vp)
{
    uint8_t port[56] = { 0 }, connection[72] = { 0 };

    le64_store(port, owner->id);
    le32_store(port + 8, id);
    le64_store(port + 16, from->id);
    le32_store(port + 24, type);
    le32_store(port + 32, sint);
    le32_store(port + 36, vp);
    if (type == HV_PORT_EVENT) {
        le16_store(port + 42, 8);
    }
    must(hv_call(&m->parent, 0x0095, port, sizeof(port), NULL, 0, 0, NULL));
    le64_store(connection, from->id);
    le32_store(connection + 8, id);
    le64_store(connection + 16, owner->id);
    le32_store(connection + 24, id);
    le32_store(connection + 32, type);
    must(hv_call(&m->parent, 0x0096, connection, sizeof(connection), NULL, 0, 0, NULL));
}

void fixture_synic_on(struct vp *vp, unsigned sint, unsigned vector)
{
    if (hv_msr_write(vp, 0x40000083, FIXTURE_SIMP_GPA | 1) != CORE_OK ||
        hv_msr_write(vp, 0x40000082, FIXTURE_SIEFP_GPA | 1) != CORE_OK ||
        hv_msr_write(vp, 0x40000090 + sint, vector) != CORE_OK ||
        hv_msr_write(vp, 0x40000080, 1) != CORE_OK) {
        abort();
    }
}
