/* Any bytes as hypercalls and MSR accesses, and what must hold after them. */
#include "tests/check/partitions/hv/hv_random.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "partitions/hv/msr.h"
#include "partitions/hv/request.h"
#include "tests/check/partitions/hv/hv_fixture.h"

struct program {
    const uint8_t *data;
    size_t size;
};

static uint64_t take(struct program *p, unsigned bytes)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < bytes && p->size > 0; i++, p->data++, p->size--) {
        value |= (uint64_t)*p->data << 8 * i;
    }
    return value;
}

/* Numbers that mean something more often than random ones do. */
static uint64_t number(struct program *p)
{
    uint64_t kind = take(p, 1);

    switch (kind % 8) {
    case 0:
        return take(p, 8);
    case 1:
        return HV_PARTITION_ID_SELF;
    case 2:
        return UINT64_C(1) << (take(p, 1) & 63);
    case 3:
        return take(p, 2); /* a GPFN of the root */
    default:
        return kind / 8; /* ids, indices, SINTs, flags */
    }
}

static void check(int holds)
{
    if (!holds) {
        abort();
    }
}

/* Accounts agree; nobody reaches a deposited page; queues and buffers are whole. */
static void invariants(struct fixture_machine *m)
{
    uint64_t mapped[HV_PARTITIONS] = { 0 };

    for (uint64_t spfn = 0; spfn < m->ram.n_pages; spfn++) {
        const struct hv_page *page = &m->hv.pages[spfn];

        for (const struct hv_mapping *map = page->mappings; map != NULL; map = map->next) {
            unsigned i = 0;

            while (m->hv.partitions[i] != map->partition) {
                check(++i < m->hv.n_partitions);
            }
            mapped[i]++;
            check(page->use == HV_PAGE_OWNED);
            check(space_lookup_mapping(&map->partition->space, map->gpfn << PAGE_SHIFT).spa ==
                  spfn << PAGE_SHIFT);
        }
        if (page->root_gpfn != UINT64_MAX) {
            check((space_lookup_mapping(&m->root->space, page->root_gpfn << PAGE_SHIFT).kind ==
                   SPACE_RAM) == (page->use == HV_PAGE_OWNED));
        }
    }
    for (unsigned i = 0; i < m->hv.n_partitions; i++) {
        const struct partition *partition = m->hv.partitions[i];
        unsigned vps = 0;

        check(partition->mapped_pages == mapped[i]);
        check(partition->pool_used <= partition->pool_total);
        for (unsigned v = 0; v < HV_VPS; v++) {
            vps += partition->vps[v] != NULL;
        }
        check(partition->n_vps == vps);
        for (uint64_t k = 0; k < partition->pool_total; k++) {
            check(m->hv.pages[partition->pool[k].spa >> PAGE_SHIFT].use == HV_PAGE_DEPOSITED);
        }
        for (const struct port *port = partition->port_list; port != NULL; port = port->next) {
            unsigned at_home = 0, queued = 0;

            for (const struct hv_message_buffer *b = port->free; b != NULL; b = b->next) {
                at_home++;
            }
            for (unsigned b = 0; b < HV_PORT_BUFFERS; b++) {
                queued += port->buffers[b].queued_vp != NULL;
            }
            check(at_home + queued == HV_PORT_BUFFERS);
        }
    }
}

static struct vp *some_vp(struct fixture_machine *m, struct program *p)
{
    for (unsigned tries = 0; tries < 4; tries++) {
        struct partition *partition = m->hv.partitions[take(p, 1) % m->hv.n_partitions];
        struct vp *vp = partition_vp(partition, (uint32_t)take(p, 1) & 3);

        if (vp != NULL) {
            return vp;
        }
    }
    return NULL;
}

static unsigned fill_input(struct program *p, const struct hv_call_row *row, unsigned reps,
                           uint8_t *in, size_t room)
{
    size_t length = row->in + (size_t)reps * row->in_element;

    length = length < room ? length : room;
    memset(in, 0, room);
    for (size_t at = 0; at + 8 <= length; at += take(p, 1) & 1 ? 4 : 8) {
        le64_store(in + at, number(p));
    }
    return (unsigned)length;
}

static void by_parent(struct fixture_machine *m, struct program *p)
{
    struct hv_caller caller = { .partition = m->hv.partitions[take(p, 1) % m->hv.n_partitions] };
    const struct hv_call_row *row = &hv_call_rows[take(p, 1) % hv_n_call_rows];
    unsigned reps = row->shape == HV_SHAPE_REP ? 1 + (unsigned)take(p, 1) % 20 : 0;
    uint8_t in[1024], out[1024];
    unsigned length = fill_input(p, row, reps, in, sizeof(in)), done = 0;
    hv_status_t status;

    caller.vp = partition_vp(caller.partition, 0);
    status = hv_call(&caller, row->code, in, length + ((take(p, 1) & 7) == 7 ? 8 : 0), out,
                     sizeof(out), reps, &done);
    check(done <= reps);
    check(status != HV_STATUS_SUCCESS || done == reps);
}

static void by_guest(struct fixture_machine *m, struct program *p)
{
    struct vp *vp = some_vp(m, p);
    const struct hv_call_row *row = &hv_call_rows[take(p, 1) % hv_n_call_rows];
    uint64_t flags = take(p, 1), control;
    uint8_t in[1024];
    struct cpu_state *state;
    unsigned reps = row->shape == HV_SHAPE_REP ? 1 + (unsigned)take(p, 1) % 20 : 0, length;

    if (vp == NULL || vp->is_sink) {
        return;
    }
    length = fill_input(p, row, reps, in, sizeof(in));
    state = &vp->cpu.core.state;
    fixture_enter_long_mode(vp);
    (void)!space_write(&vp->partition->space, FIXTURE_IN_GPA, in, length);
    control = row->code | (flags & 1) << 16 | (uint64_t)reps << 32;
    state->gpr[REG_RDX] = flags & 1 ? le64_load(in) : FIXTURE_IN_GPA;
    state->gpr[REG_R8] = flags & 1 ? le64_load(in + 8) : FIXTURE_OUT_GPA;
    memcpy(state->xmm, in + 16, 96);
    if (flags & 2) {
        control ^= number(p);
    }
    if (flags & 4) {
        state->gpr[REG_RDX] = number(p);
        state->gpr[REG_R8] = number(p);
    }
    if ((flags & 0x18) == 0x18) {
        state->seg[SEG_CS].attributes &= ~(uint32_t)SEG_L;
        state->gpr[REG_RAX] = (uint32_t)control;
        state->gpr[REG_RDX] = control >> 32;
    }
    state->gpr[REG_RCX] = control;
    for (unsigned i = 0;
         i < 100 && hv_hypercall_from_guest(vp) == CORE_SUSPEND && !vp->intercept_suspend; i++) {
    }
}

static void by_msr(struct fixture_machine *m, struct program *p)
{
    struct vp *vp = some_vp(m, p);
    uint64_t which = take(p, 1), value = number(p);
    uint32_t msr = which < hv_n_msr_rows ? hv_msr_rows[which].number
                                         : UINT32_C(0x40000000) + (uint32_t)take(p, 2);

    if (vp == NULL) {
        return;
    }
    switch (take(p, 1) % 8) {
    case 0:
        (void)hv_msr_read(vp, msr, &value);
        break;
    case 1:
        fixture_advance(m, value & 0xffffffffff);
        break;
    case 2:
        hv_eoi_notify(vp, (unsigned)value & 0xff);
        break;
    case 3: {
        uint32_t regs[4] = { 0 };
        (void)hv_cpuid(vp, (uint32_t)value, 0, regs);
        break;
    }
    case 4: /* a guest frees its slots */
        if (vp->vtl[0].synic.simp.owned) {
            ram_zero(&m->ram, vp->vtl[0].synic.simp.spa, PAGE_SIZE);
        }
        break;
    default:
        (void)hv_msr_write(vp, msr, value);
        break;
    }
}

void hv_random_calls(const uint8_t *data, size_t size)
{
    struct fixture_machine *m = malloc(sizeof(*m));
    struct program p = { data, size };

    check(m != NULL);
    fixture_machine_init(m, (take(&p, 1) & 1) != 0);
    m->child->privileges = hv_privileges_root() & ~HV_PRIVILEGE(CPU_MANAGEMENT);
    while (p.size > 0) {
        switch (take(&p, 1) % 4) {
        case 0:
            by_msr(m, &p);
            break;
        case 1:
            by_guest(m, &p);
            break;
        default:
            by_parent(m, &p);
            break;
        }
    }
    invariants(m);
    fixture_machine_fini(m);
    free(m);
}

void hv_random_msrs(const uint8_t *data, size_t size)
{
    struct fixture_machine *m = malloc(sizeof(*m));
    struct program p = { data, size };

    check(m != NULL);
    fixture_machine_init(m, (take(&p, 1) & 1) != 0);
    m->child->privileges |= HV_PRIVILEGE(ACCESS_TSC_INVARIANT_CONTROLS);
    fixture_connect(m, m->child, m->root, 5, HV_PORT_MESSAGE, 2, 0);
    while (p.size > 0) {
        uint8_t post[256] = { 5, 0, 0, 0, 0, 0, 0, 0, 1 };

        by_msr(m, &p);
        if (take(&p, 1) % 4 == 0) {
            (void)hv_call(&m->parent, 0x005c, post, sizeof(post), NULL, 0, 0, NULL);
        }
    }
    invariants(m);
    fixture_machine_fini(m);
    free(m);
}
