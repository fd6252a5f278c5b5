/* Every row of the hypercall table: a success, each error, and a count. [TLFS v2.0] */
#include <string.h>

#include "base/bytes.h"
#include "partitions/hv/memory.h"
#include "partitions/hv/request.h"
#include "partitions/hv/synic.h"
#include "tests/check/check_main.h"
#include "tests/check/partitions/hv/hv_fixture.h"

/* A call being made up. */
struct call {
    struct fixture_machine *m;
    struct hv_caller caller;
    uint8_t in[512], out[4096];
    size_t in_len, out_len;
    unsigned reps, done, given;
};

static struct fixture *f;

static void setup(void)
{
    f = fixture_create(false);
}

static void teardown(void)
{
    fixture_destroy(f);
}

static void w32(struct call *c, unsigned at, uint32_t v)
{
    le32_store(c->in + at, v);
}
static void w64(struct call *c, unsigned at, uint64_t v)
{
    le64_store(c->in + at, v);
}

static hv_status_t run(struct call *c, uint16_t code)
{
    return hv_call(&c->caller, code, c->in, c->in_len, c->out, c->out_len, c->reps, &c->done);
}

/* ---- a correct call of each row; the caller is the built-in parent unless the base says the child
 * ---- */

/* clang-format off */
static void as_child(struct call *c) { c->caller = fixture_caller(c->m->vp); }
static void id_only(struct call *c) { w64(c, 0, c->m->child->id); }
static void flush_space(struct call *c) { as_child(c); w64(c, 16, 1); }
static void flush_list(struct call *c) { flush_space(c); c->reps = 2; w64(c, 24, 0x5002); w64(c, 32, 0x8000); }
static void spin(struct call *c) { as_child(c); }
static void ipi(struct call *c) { as_child(c); w32(c, 0, 0x41); w64(c, 8, 2); }
/* {.. format, valid banks} with banks 0 and 2 */
static void flush_space_ex(struct call *c) { as_child(c); w64(c, 24, 5); w64(c, 32, 2); c->in_len = 48; }
static void flush_list_ex(struct call *c) { flush_space_ex(c); c->reps = 1; w64(c, 48, 0x7000); c->in_len = 56; }
static void ipi_ex(struct call *c) { as_child(c); w32(c, 0, 0x42); w64(c, 16, 1); w64(c, 24, 3); c->in_len = 32; }
static void create_partition(struct call *c) { (void)c; }
/* A second child, not yet initialized. */
static struct partition *new_child(struct call *c, unsigned pool)
{
    uint8_t in[56] = { 0 }, out[8];

    ck_assert_uint_eq(hv_call(&c->m->parent, 0x0040, in, 56, out, 8, 0, NULL), HV_STATUS_SUCCESS);
    struct partition *p = hypervisor_partition(&c->m->hv, le64_load(out));
    for (unsigned i = 0; i < pool; i++) {
        uint8_t give[16];
        le64_store(give, p->id);
        le64_store(give + 8, 640 + c->given++);
        ck_assert_uint_eq(hv_call(&c->m->parent, 0x0048, give, 16, NULL, 0, 1, NULL),
                          HV_STATUS_SUCCESS);
    }
    return p;
}

static void initialize(struct call *c) { w64(c, 0, new_child(c, HV_COST_INITIALIZE)->id); }
static void delete_partition(struct call *c) { w64(c, 0, new_child(c, 0)->id); }
static void get_property(struct call *c) { id_only(c); w32(c, 8, 0x00020003); }
static void set_property(struct call *c) { get_property(c); w64(c, 16, 77); }
static void get_id(struct call *c) { as_child(c); c->caller.partition->privileges |= HV_PRIVILEGE(ACCESS_PARTITION_ID); }
static void next_child(struct call *c) { w64(c, 0, HV_PARTITION_ID_SELF); }
static void deposit(struct call *c) { id_only(c); w64(c, 8, 650); w64(c, 16, 651); c->reps = 2; }
static void withdraw(struct call *c) { id_only(c); c->reps = 3; }
static void map(struct call *c) { id_only(c); w64(c, 8, 100); w64(c, 16, 0xf); w64(c, 24, 660); w64(c, 32, 662); c->reps = 2; }
static void unmap(struct call *c) { id_only(c); w64(c, 8, 5); c->reps = 2; }
static void map_sparse(struct call *c) { id_only(c); w64(c, 8, 1); w64(c, 16, 300); w64(c, 24, 660); c->reps = 1; }
static void intercept(struct call *c) { id_only(c); w32(c, 8, 3); w32(c, 12, 0); w64(c, 16, 0x3f8); }
static void create_vp(struct call *c) { id_only(c); w32(c, 8, 2); }
static void vp_call(struct call *c) { id_only(c); w32(c, 8, 0); }
static void get_registers(struct call *c) { vp_call(c); w32(c, 16, 0x00020000); w32(c, 20, 0x00090003); c->reps = 2; }
static void set_registers(struct call *c) { vp_call(c); w32(c, 16, 0x00020001); w64(c, 32, 0xabcd); c->reps = 1; }
static void translate(struct call *c) { vp_call(c); w64(c, 16, 1); w64(c, 24, 3); }
static void read_gpa(struct call *c) { vp_call(c); w32(c, 12, 8); w64(c, 16, 0x1ff8); }
static void write_gpa(struct call *c) { read_gpa(c); w64(c, 32, 0x0123456789abcdef); }
static void port(struct call *c) { id_only(c); w32(c, 8, 7); w64(c, 16, c->m->root->id); w32(c, 24, 2); w32(c, 32, 2); w32(c, 36, 1); w32(c, 40, 8u << 16); }
static void has_port(struct call *c) { id_only(c); fixture_connect(c->m, c->m->child, c->m->root, 7, HV_PORT_EVENT, 2, 0); w32(c, 8, 7); }
static void get_port_property(struct call *c) { has_port(c); }
static void set_port_property(struct call *c) { has_port(c); w32(c, 16, 1); w64(c, 24, 1); }
/* the child owns a message port; the root connects to it */
static void connect(struct call *c)
{
    port(c);
    ck_assert_uint_eq(hv_call(&c->m->parent, 0x0095, c->in, 56, NULL, 0, 0, NULL),
                      HV_STATUS_SUCCESS);
    memset(c->in, 0, sizeof(c->in));
    w64(c, 0, HV_PARTITION_ID_SELF);
    w32(c, 8, 9);
    w64(c, 16, c->m->child->id);
    w32(c, 24, 7);
    w32(c, 32, HV_PORT_EVENT);
}
static void disconnect(struct call *c) { has_port(c); w64(c, 0, c->m->root->id); }
/* the child sends to the root */
static void post(struct call *c) { fixture_connect(c->m, c->m->root, c->m->child, 4, HV_PORT_MESSAGE, 3, 0); as_child(c); w32(c, 0, 4); w32(c, 8, 1); w32(c, 12, 5); memcpy(c->in + 16, "hello", 5); }
static void signal_event(struct call *c) { fixture_connect(c->m, c->m->root, c->m->child, 4, HV_PORT_EVENT, 3, 0); as_child(c); w32(c, 0, 4); w32(c, 4, 7); }
static void assert_interrupt(struct call *c) { id_only(c); w64(c, 16, 2); w32(c, 24, 0x50); }
static void apic_ids(struct call *c) { as_child(c); w64(c, 0, HV_PARTITION_ID_SELF); w32(c, 16, 2); w32(c, 20, 0); c->reps = 2; }
static void ext_query(struct call *c) { as_child(c); c->caller.partition->privileges |= HV_PRIVILEGE(ENABLE_EXTENDED_HYPERCALLS); }
/* clang-format on */

static const struct {
    uint16_t code;
    void (*make)(struct call *c);
} bases[] = {
    { 0x0002, flush_space },
    { 0x0003, flush_list },
    { 0x0008, spin },
    { 0x000b, ipi },
    { 0x0013, flush_space_ex },
    { 0x0014, flush_list_ex },
    { 0x0015, ipi_ex },
    { 0x0040, create_partition },
    { 0x0041, initialize },
    { 0x0042, id_only },
    { 0x0043, delete_partition },
    { 0x0044, get_property },
    { 0x0045, set_property },
    { 0x0046, get_id },
    { 0x0047, next_child },
    { 0x0048, deposit },
    { 0x0049, withdraw },
    { 0x004a, id_only },
    { 0x004b, map },
    { 0x004c, unmap },
    { 0x004d, intercept },
    { 0x004e, create_vp },
    { 0x004f, vp_call },
    { 0x0050, get_registers },
    { 0x0051, set_registers },
    { 0x0052, translate },
    { 0x0053, read_gpa },
    { 0x0054, write_gpa },
    { 0x0056, id_only },
    { 0x0057, port },
    { 0x0058, has_port },
    { 0x0059, connect },
    { 0x005a, get_port_property },
    { 0x005b, disconnect },
    { 0x005c, post },
    { 0x005d, signal_event },
    { 0x006e, map_sparse },
    { 0x0070, set_port_property },
    { 0x0094, assert_interrupt },
    { 0x0095, port },
    { 0x0096, connect },
    { 0x009a, apic_ids },
    { 0x8001, ext_query },
};

static void base(struct call *c, uint16_t code)
{
    const struct hv_call_row *row = hv_call_row_find(code);

    memset(c, 0, sizeof(*c));
    c->m = &f->machine[0];
    c->caller = c->m->parent;
    for (unsigned i = 0; i < ARRAY_SIZE(bases); i++) {
        if (bases[i].code == code) {
            bases[i].make(c);
        }
    }
    if (c->in_len == 0) {
        c->in_len = row->in + c->reps * row->in_element;
    }
    c->out_len = row->out + c->reps * row->out_element;
}

/* ---- what goes wrong, and what success must have done ---- */

#define E(name) HV_STATUS_##name

/* clang-format off */
/* changes of the correct input */
static void flag3(struct call *c) { w64(c, 8, 8); }
static void no_vps(struct call *c) { w64(c, 16, 0); }
static void format2(struct call *c) { w64(c, 16, 2); }
static void bank_missing(struct call *c) { w64(c, 24, 7); }
static void ipi_format2(struct call *c) { w64(c, 8, 2); }
static void ipi_bank_missing(struct call *c) { w64(c, 16, 3); }
static void vector15(struct call *c) { w32(c, 0, 15); }
static void vector256(struct call *c) { w32(c, 0, 256); }
static void vtl1(struct call *c) { w32(c, 4, 0x11); }
static void create_flags(struct call *c) { w64(c, 0, 1u << 1); }
static void create_domain(struct call *c) { w64(c, 8, 3); }
static void create_padding(struct call *c) { w32(c, 20, 1); }
static void create_reserved(struct call *c) { w64(c, 48, 1); }
static void empty_root_pool(struct call *c) { c->m->root->pool_used = c->m->root->pool_total; }
static void too_deep(struct call *c)
{
    /* hang the child as deep as can be */
    struct partition *p = c->m->child;
    for (unsigned i = 0; i + 2 < HV_DEPTH; i++) {
        p->privileges |= HV_PRIVILEGE(CREATE_PARTITIONS);
        for (uint64_t n = 0; n < HV_COST_PARTITION; n++) {
            ck_assert(hv_pool_add(p, 640 + i * HV_COST_PARTITION + n, 0));
        }
        struct hv_caller caller = { .partition = p };
        uint8_t in[56] = { 0 }, out[8];
        ck_assert_uint_eq(hv_call(&caller, 0x0040, in, 56, out, 8, 0, NULL), HV_STATUS_SUCCESS);
        p = hypervisor_partition(&c->m->hv, le64_load(out));
    }
    p->privileges |= HV_PRIVILEGE(CREATE_PARTITIONS);
    c->caller.partition = p;
}
static void many_partitions(struct call *c)
{
    for (uint64_t i = 0; i < 512; i++) {
        ck_assert(hv_pool_add(c->m->root, i < 350 ? 200 + i % 300 : 200,
                              0)); /* more than a machine has: only counted */
    }
    uint8_t in[56] = { 0 }, out[8];
    while (c->m->hv.n_partitions < HV_PARTITIONS) {
        c->m->root->pool_used = 0;
        if (hv_call(&c->m->parent, 0x0040, in, 56, out, 8, 0, NULL) != HV_STATUS_SUCCESS) {
            break; /* the overlay pages are the first to run out */
        }
    }
    c->m->root->pool_used = 0;
}
static void small_pool(struct call *c) { w64(c, 0, new_child(c, HV_COST_INITIALIZE - 1)->id); }
static void with_grandchild(struct call *c)
{
    struct hv_caller caller = { .partition = c->m->child };
    uint8_t in[56] = { 0 }, out[8];
    c->m->child->privileges |= HV_PRIVILEGE(CREATE_PARTITIONS);
    ck_assert_uint_eq(hv_call(&caller, 0x0040, in, 56, out, 8, 0, NULL), HV_STATUS_SUCCESS);
}
static void pool_not_empty(struct call *c) { w64(c, 0, new_child(c, 1)->id); }
static void property_unknown(struct call *c) { w32(c, 8, 0x12345678); }
static void property_range(struct call *c) { w64(c, 16, 10001); }
static void property_read_only(struct call *c) { w32(c, 8, 0x00070000); }
static void property_privileges(struct call *c) { w32(c, 8, 0x00010000); w64(c, 16, UINT64_C(1) << 63); }
static void property_cpu_management(struct call *c) { w32(c, 8, 0x00010000); w64(c, 16, HV_PRIVILEGE(CPU_MANAGEMENT)); }
static void property_before_active(struct call *c) { w64(c, 0, new_child(c, 0)->id); }
static void previous_unknown(struct call *c) { w64(c, 8, 999); }
static void deposit_overlay(struct call *c)
{
    /* the child lends its own page, over which its SIMP lies */
    ck_assert_int_eq(hv_msr_write(c->m->vp, 0x40000083, 0x8001), CORE_OK);
    w64(c, 8, 8);
    c->m->child->privileges |= HV_PRIVILEGE(CREATE_PARTITIONS) | HV_PRIVILEGE(ACCESS_MEMORY_POOL);
    struct hv_caller caller = { .partition = c->m->child };
    uint8_t in[56] = { 0 }, out[8];
    ck_assert_uint_eq(hv_call(&caller, 0x0040, in, 56, out, 8, 0, NULL), HV_STATUS_SUCCESS);
    w64(c, 0, le64_load(out));
    c->caller = caller;
}
static void deposit_overlay_rwx(struct call *c)
{
    deposit_overlay(c);
    /* an overlay with all rights: only then is it not refused for lacking them */
    ck_assert_int_eq(
        space_overlay_map(&c->m->child->space, 8, c->m->vp->vtl[0].synic.simp.spa, SPACE_RWX), 0);
}
static void deposit_lent(struct call *c) { w64(c, 8, FIXTURE_CHILD_FROM); }
static void deposit_unmapped(struct call *c) { w64(c, 8, 0x12345); }
static void deposit_outside(struct call *c) { w64(c, 8, UINT64_C(1) << 40); }
static void domain3(struct call *c) { w64(c, 8, 3); }
static void none_left(struct call *c) { c->m->child->pool_used = c->m->child->pool_total; }
static void map_write_only(struct call *c) { w64(c, 16, 2); }
static void map_reserved_flag(struct call *c) { w64(c, 16, 0x100000001); }
static void map_target_outside(struct call *c) { w64(c, 8, UINT64_C(1) << 28); }
static void map_source_outside(struct call *c) { w64(c, 24, UINT64_C(1) << 28); }
static void map_source_unmapped(struct call *c) { w64(c, 24, 0x12345); }
static void map_source_deposited(struct call *c) { w64(c, 24, 512); }
static void sparse_flag(struct call *c) { w64(c, 8, 0x40); }
static void sparse_target_outside(struct call *c) { w64(c, 16, UINT64_C(1) << 28); }
static void pool_used_up(struct call *c) { c->m->child->pool_used = c->m->child->pool_total; }
static void map_many(struct call *c) { pool_used_up(c); c->m->child->mapped_pages = 512; }
static void unmap_flag(struct call *c) { w32(c, 16, 4); }
static void unmap_outside(struct call *c) { w64(c, 8, UINT64_C(1) << 28); }
static void intercept_type(struct call *c) { w32(c, 12, 99); }
static void intercept_read_only(struct call *c) { w32(c, 8, 1); }
static void intercept_port(struct call *c) { w64(c, 16, 0x10000); }
static void intercept_vector(struct call *c) { w32(c, 8, 4); w32(c, 12, 3); w64(c, 16, 32); }
static void intercept_cpuids(struct call *c) { w32(c, 8, 4); w32(c, 12, 2); c->m->child->intercepts.n_cpuid = PARTITION_CPUID_INTERCEPTS; }
static void vp_exists(struct call *c) { w32(c, 8, 0); }
static void vp_beyond(struct call *c) { w32(c, 8, 4); }
static void vp_flags(struct call *c) { w64(c, 32, 1); }
static void vp_reserved(struct call *c) { c->in[13] = 1; }
static void vp_domain(struct call *c) { w64(c, 24, 2); }
static void vp_refused(struct call *c) { c->m->calls.no_vp = true; }
static void register_unknown(struct call *c) { w32(c, 16, 0x0fffffff); }
static void register_read_only(struct call *c) { w32(c, 16, 0x00090003); }
static void register_reserved_bit(struct call *c) { w32(c, 16, 0x00040000); w64(c, 32, UINT64_C(1) << 40); }
static void register_padding(struct call *c) { w32(c, 20, 1); }
static void register_vtl1(struct call *c) { c->in[12] = 0x11; }
static void self_without_privilege(struct call *c) { as_child(c); w64(c, 0, HV_PARTITION_ID_SELF); }
static void translate_nothing(struct call *c) { w64(c, 16, 0); }
static void translate_reserved(struct call *c) { w64(c, 16, 0x1001); }
static void gpa_crosses(struct call *c) { w32(c, 12, 9); }
static void gpa_none(struct call *c) { w32(c, 12, 0); }
static void gpa_17(struct call *c) { w32(c, 12, 17); w64(c, 16, 0); }
static void gpa_outside(struct call *c) { w64(c, 16, UINT64_C(1) << 40); }
static void gpa_flag(struct call *c) { w64(c, 24, 1); }
static void not_acknowledged(struct call *c) { c->m->calls.not_acknowledged = true; }
static void port_peer_unknown(struct call *c) { w64(c, 16, 999); }
static void port_peer_inactive(struct call *c) { w64(c, 16, new_child(c, 0)->id); }
static void port_id_high(struct call *c) { w32(c, 8, 0x01000000); }
static void port_id_used(struct call *c) { fixture_connect(c->m, c->m->child, c->m->root, 7, HV_PORT_EVENT, 2, 0); }
static void port_vp(struct call *c) { w32(c, 36, 2); }
static void port_sint0(struct call *c) { w32(c, 32, 0); }
static void port_sint16(struct call *c) { w32(c, 32, 16); }
static void port_type(struct call *c) { w32(c, 24, 9); }
static void port_no_flags(struct call *c) { w32(c, 40, 0); }
static void port_flags_beyond(struct call *c) { w32(c, 40, 1 | 2048u << 16); }
static void port_info_reserved(struct call *c) { w32(c, 44, 1); }
static void port_unknown(struct call *c) { w32(c, 8, 8); }
static void port_property_unknown(struct call *c) { w32(c, 16, 5); }
static void port_property_count(struct call *c) { w32(c, 16, 0); }
static void port_property_vp(struct call *c) { w64(c, 24, 3); }
static void connection_used(struct call *c) { fixture_connect(c->m, c->m->child, c->m->root, 9, HV_PORT_EVENT, 2, 0); }
static void connection_high(struct call *c) { w32(c, 8, 0x01000000); }
static void connect_port_unknown(struct call *c) { w32(c, 24, 8); }
static void connect_twice(struct call *c) { ck_assert_uint_eq(run(c, c->in_len == 72 ? 0x0096 : 0x0059), 0); w32(c, 8, 10); }
static void connect_type(struct call *c) { w32(c, 32, HV_PORT_MESSAGE); }
static void connect_partition(struct call *c) { w64(c, 16, 999); }
static void connect_inactive(struct call *c) { w64(c, 16, new_child(c, 0)->id); }
static void connect_root_pool(struct call *c) { c->m->root->pool_used = c->m->root->pool_total; }
static void message_type0(struct call *c) { w32(c, 8, 0); }
static void message_type_high(struct call *c) { w32(c, 8, 0x80000001); }
static void message_long(struct call *c) { w32(c, 12, 241); }
static void connection_none(struct call *c) { w32(c, 0, 5); }
static void connection_deleted_port(struct call *c)
{
    uint8_t in[16] = { 0 };
    le64_store(in, c->m->root->id);
    le32_store(in + 8, 4);
    ck_assert_uint_eq(hv_call(&c->m->parent, 0x0058, in, 16, NULL, 0, 0, NULL), HV_STATUS_SUCCESS);
}
static void sixteen_waiting(struct call *c)
{
    for (unsigned i = 0; i < HV_PORT_BUFFERS; i++) {
        ck_assert_uint_eq(run(c, 0x005c), HV_STATUS_SUCCESS);
    }
}
/* the root's VP becomes a guest's: its SynIC is off */
static void synic_off(struct call *c) { c->m->root_vp->is_sink = false; }
static void sint_masked(struct call *c) { c->m->root_vp->is_sink = false; c->m->root_vp->vtl[0].synic.control = c->m->root_vp->vtl[0].synic.siefp_msr = SYNIC_ENABLE; }
static void target_vp_gone(struct call *c) { struct vp *vp = c->m->root->vps[0]; c->m->root->vps[0] = NULL; /* put back by target_vp_back */ c->m->root_vp = vp; }
static void target_vp_back(struct call *c) { c->m->root->vps[0] = c->m->root_vp; }
static void flag_beyond(struct call *c) { w32(c, 4, 8); }
static void interrupt_nobody(struct call *c) { c->m->calls.refuse_interrupt = true; }
static void interrupt_vector(struct call *c) { w32(c, 24, 15); }
static void interrupt_type(struct call *c) { w32(c, 8, 8); }
static void interrupt_control(struct call *c) { w32(c, 12, 4); }
static void interrupt_extint_destination(struct call *c) { w32(c, 8, HV_INTERRUPT_EXTINT); }
static void apic_unknown(struct call *c) { w32(c, 16, 99); }
static void apic_vtl1(struct call *c) { c->in[8] = 1; }
/* effects of success */
static void did_flush(struct call *c) { ck_assert_uint_eq(c->m->calls.flushes, 1); ck_assert_uint_eq(c->m->calls.flushed_all, 1); }
static void did_flush_list(struct call *c) { ck_assert_uint_eq(c->m->calls.flushes, 2); ck_assert_uint_eq(c->m->calls.flush_gva, 0x8000); }
static void did_flush_one(struct call *c) { ck_assert_uint_eq(c->m->calls.flushes, 1); ck_assert_uint_eq(c->m->calls.flush_gva, 0x7000); }
static void did_spin(struct call *c) { ck_assert_uint_eq(c->m->calls.spins, 1); }
static void did_ipi(struct call *c) { ck_assert_uint_eq(c->m->calls.interrupts, 1); ck_assert_uint_eq(c->m->calls.last_vector, 0x41); ck_assert_uint_eq(c->m->calls.interrupted_vp, 1); }
static void did_ipi_ex(struct call *c) { ck_assert_uint_eq(c->m->calls.interrupts, 2); ck_assert_uint_eq(c->m->calls.last_vector, 0x42); }
static void did_create(struct call *c) { ck_assert_uint_eq(le64_load(c->out), 3); ck_assert_uint_eq(c->m->hv.partitions[2]->state, PARTITION_UNINITIALIZED); }
static void did_initialize(struct call *c) { ck_assert_uint_eq(c->m->hv.partitions[2]->state, PARTITION_ACTIVE); }
static void did_finalize(struct call *c) { ck_assert_uint_eq(c->m->child->state, PARTITION_FINALIZED); ck_assert_uint_eq(c->m->child->n_vps, 0); }
static void did_delete(struct call *c) { ck_assert_uint_eq(c->m->hv.n_partitions, 2); }
static void did_get_property(struct call *c) { ck_assert_uint_eq(le64_load(c->out), 100); }
static void did_set_property(struct call *c) { get_property(c); c->in_len = 16; c->out_len = 8; ck_assert_uint_eq(run(c, 0x0044), 0); ck_assert_uint_eq(le64_load(c->out), 77); }
static void did_get_id(struct call *c) { ck_assert_uint_eq(le64_load(c->out), c->m->child->id); }
static void did_next_child(struct call *c) { ck_assert_uint_eq(le64_load(c->out), c->m->child->id); w64(c, 8, c->m->child->id); ck_assert_uint_eq(run(c, 0x0047), 0); ck_assert_uint_eq(le64_load(c->out), 0); }
static void did_deposit(struct call *c)
{
    ck_assert_uint_eq(c->done, 2);
    ck_assert_uint_eq(c->m->child->pool_total, FIXTURE_CHILD_POOL + 2);
    ck_assert_int_ne((int)space_lookup(&c->m->root->space, 650 * PAGE_SIZE).kind, SPACE_RAM);
}
static void did_withdraw(struct call *c) { ck_assert_uint_eq(c->done, 3); ck_assert_uint_eq(le64_load(c->out), 512 + FIXTURE_CHILD_POOL - 1); ck_assert_uint_eq(c->m->child->pool_total, FIXTURE_CHILD_POOL - 3); }
static void did_balance(struct call *c) { ck_assert_uint_eq(le64_load(c->out) + le64_load(c->out + 8), FIXTURE_CHILD_POOL); ck_assert_uint_eq(le64_load(c->out + 8), HV_COST_INITIALIZE + 2 * HV_COST_VP + 1); }
static void did_map(struct call *c) { ck_assert_uint_eq(c->done, 2); ck_assert_uint_eq(space_lookup(&c->m->child->space, 101 * PAGE_SIZE).spa, 662 * PAGE_SIZE); }
static void did_map_sparse(struct call *c) { struct space_page p = space_lookup(&c->m->child->space, 300 * PAGE_SIZE); ck_assert_uint_eq(p.spa, 660 * PAGE_SIZE); ck_assert_uint_eq(p.rights, SPACE_READ); }
static void did_unmap(struct call *c) { ck_assert_int_ne((int)space_lookup(&c->m->child->space, 6 * PAGE_SIZE).kind, SPACE_RAM); ck_assert_int_eq((int)space_lookup(&c->m->child->space, 7 * PAGE_SIZE).kind, SPACE_RAM); }
static void did_intercept(struct call *c) { ck_assert(hv_intercept_io(c->m->vp, 0x3f8, 1, true, false, false, NULL)); ck_assert(!hv_intercept_io(c->m->vp, 0x3f9, 1, true, false, false, NULL)); }
static void did_create_vp(struct call *c) { ck_assert_ptr_nonnull(c->m->child->vps[2]); ck_assert(c->m->child->vps[2]->explicit_suspend); }
static void did_delete_vp(struct call *c) { ck_assert_ptr_null(c->m->child->vps[0]); }
static void did_get_registers(struct call *c) { ck_assert_uint_eq(c->done, 2); ck_assert_uint_eq(le64_load(c->out + 16), 0); }
static void did_set_registers(struct call *c) { ck_assert_uint_eq(c->m->vp->cpu.core.state.gpr[REG_RCX], 0xabcd); ck_assert_uint_eq(c->m->calls.state_changes, 1); }
static void did_translate(struct call *c)
{
    ck_assert_uint_eq(le32_load(c->out), 0);
    ck_assert_uint_eq(le64_load(c->out + 8), 3);
} /* paging off: itself */
static void did_read(struct call *c)
{
    ck_assert_uint_eq(le32_load(c->out), 0);
    ck_assert_uint_eq(le64_load(c->out + 8), 0);
    w64(c, 16, 0x100000);
    ck_assert_uint_eq(run(c, 0x0053), 0);
    ck_assert_uint_eq(le32_load(c->out), 1);
}
static void did_write(struct call *c) { uint64_t v = 0; ck_assert(space_read(&c->m->child->space, 0x1ff8, &v, 8)); ck_assert_uint_eq(v, 0x0123456789abcdef); }
static void did_port(struct call *c) { ck_assert_ptr_nonnull(hv_port_find(c->m->child, 7)); }
static void did_delete_port(struct call *c) { ck_assert_ptr_null(hv_port_find(c->m->child, 7)); ck_assert_ptr_null(hv_connection_find(c->m->root, 7)->port); }
static void did_connect(struct call *c) { ck_assert_ptr_eq(hv_connection_find(c->m->root, 9)->port, hv_port_find(c->m->child, 7)); }
static void did_disconnect(struct call *c) { ck_assert_ptr_null(hv_connection_find(c->m->root, 7)); }
static void did_port_property(struct call *c) { ck_assert_uint_eq(le64_load(c->out), 0); }
static void did_set_port_property(struct call *c) { ck_assert_uint_eq(hv_port_find(c->m->child, 7)->preferred_vp, 1); }
static void did_post(struct call *c)
{
    struct hv_message message;
    ck_assert_uint_eq(c->m->calls.sinks, 1);
    ck_assert(hv_sink_message_take(c->m->root_vp, 3, &message));
    ck_assert_uint_eq(message.type, 1);
    ck_assert_uint_eq(message.payload_size, 5);
    ck_assert_mem_eq(message.payload, "hello", 5);
    ck_assert(!hv_sink_message_take(c->m->root_vp, 3, &message));
}
static void did_signal(struct call *c) { unsigned flag = 0; ck_assert(hv_sink_event_take(c->m->root_vp, 3, &flag)); ck_assert_uint_eq(flag, 7); ck_assert(!hv_sink_event_take(c->m->root_vp, 3, &flag)); }
static void did_assert(struct call *c) { ck_assert_uint_eq(c->m->calls.asserted.vector, 0x50); ck_assert_uint_eq(c->m->calls.asserted.destination, 2); }
static void did_apic_ids(struct call *c) { ck_assert_uint_eq(le32_load(c->out), 1); ck_assert_uint_eq(le32_load(c->out + 4), 0); }
static void did_nothing(struct call *c) { (void)c; }
static const struct {
    uint16_t code;
    hv_status_t status;
    void (*change)(struct call *c); /* errors: what is made wrong */
    void (*check)(struct call *c); /* success: what must have happened; errors: clean up, or NULL */
} cases[] = {
    { 0x0002, E(SUCCESS), NULL, did_flush },
    { 0x0002, E(INVALID_PARAMETER), flag3, NULL },
    { 0x0002, E(INVALID_PARAMETER), no_vps, NULL },
    { 0x0003, E(SUCCESS), NULL, did_flush_list },
    { 0x0003, E(INVALID_PARAMETER), flag3, NULL },
    { 0x0003, E(INVALID_PARAMETER), no_vps, NULL },
    { 0x0008, E(SUCCESS), NULL, did_spin },
    { 0x000b, E(SUCCESS), NULL, did_ipi },
    { 0x000b, E(INVALID_PARAMETER), vector15, NULL },
    { 0x000b, E(INVALID_PARAMETER), vector256, NULL },
    { 0x000b, E(INVALID_PARAMETER), vtl1, NULL },
    { 0x0013, E(SUCCESS), NULL, did_flush },
    { 0x0013, E(INVALID_PARAMETER), flag3, NULL },
    { 0x0013, E(INVALID_PARAMETER), format2, NULL },
    { 0x0013, E(INVALID_HYPERCALL_INPUT), bank_missing, NULL },
    { 0x0014, E(SUCCESS), NULL, did_flush_one },
    { 0x0014, E(INVALID_PARAMETER), flag3, NULL },
    { 0x0014, E(INVALID_PARAMETER), format2, NULL },
    { 0x0014, E(INVALID_HYPERCALL_INPUT), bank_missing, NULL },
    { 0x0015, E(SUCCESS), NULL, did_ipi_ex },
    { 0x0015, E(INVALID_PARAMETER), vector15, NULL },
    { 0x0015, E(INVALID_PARAMETER), ipi_format2, NULL },
    { 0x0015, E(INVALID_HYPERCALL_INPUT), ipi_bank_missing, NULL },
    { 0x0040, E(SUCCESS), NULL, did_create },
    { 0x0040, E(INVALID_PARAMETER), create_flags, NULL },
    { 0x0040, E(INVALID_PARAMETER), create_domain, NULL },
    { 0x0040, E(INVALID_PARAMETER), create_padding, NULL },
    { 0x0040, E(INVALID_PARAMETER), create_reserved, NULL },
    { 0x0040, E(PARTITION_TOO_DEEP), too_deep, NULL },
    { 0x0040, E(INSUFFICIENT_MEMORY), empty_root_pool, NULL },
    { 0x0041, E(SUCCESS), NULL, did_initialize },
    { 0x0041, E(INSUFFICIENT_MEMORY), small_pool, NULL },
    { 0x0042, E(SUCCESS), NULL, did_finalize },
    { 0x0042, E(OPERATION_DENIED), with_grandchild, NULL },
    { 0x0043, E(SUCCESS), NULL, did_delete },
    { 0x0043, E(OPERATION_DENIED), pool_not_empty, NULL },
    { 0x0044, E(SUCCESS), NULL, did_get_property },
    { 0x0044, E(UNKNOWN_PROPERTY), property_unknown, NULL },
    { 0x0044, E(INVALID_PARTITION_STATE), property_before_active, NULL },
    { 0x0045, E(SUCCESS), NULL, did_set_property },
    { 0x0045, E(UNKNOWN_PROPERTY), property_unknown, NULL },
    { 0x0045, E(PROPERTY_VALUE_OUT_OF_RANGE), property_range, NULL },
    { 0x0045, E(PROPERTY_VALUE_OUT_OF_RANGE), property_cpu_management, NULL },
    { 0x0045, E(INVALID_PARAMETER), property_privileges, NULL },
    { 0x0045, E(INVALID_PARAMETER), property_read_only, NULL },
    { 0x0045, E(INVALID_PARTITION_STATE), property_before_active, NULL },
    { 0x0046, E(SUCCESS), NULL, did_get_id },
    { 0x0047, E(SUCCESS), NULL, did_next_child },
    { 0x0047, E(INVALID_PARTITION_ID), previous_unknown, NULL },
    { 0x0048, E(SUCCESS), NULL, did_deposit },
    { 0x0048, E(OPERATION_DENIED), deposit_lent, NULL },
    { 0x0048, E(OPERATION_DENIED), deposit_unmapped, NULL },
    { 0x0048, E(OPERATION_DENIED), deposit_overlay, NULL },
    { 0x0048, E(OBJECT_IN_USE), deposit_overlay_rwx, NULL },
    { 0x0048, E(INVALID_PARAMETER), deposit_outside, NULL },
    { 0x0049, E(SUCCESS), NULL, did_withdraw },
    { 0x0049, E(NO_RESOURCES), none_left, NULL },
    { 0x0049, E(INVALID_PARAMETER), domain3, NULL },
    { 0x004a, E(SUCCESS), NULL, did_balance },
    { 0x004a, E(INVALID_PARAMETER), domain3, NULL },
    { 0x004b, E(SUCCESS), NULL, did_map },
    { 0x004b, E(INVALID_PARAMETER), map_write_only, NULL },
    { 0x004b, E(INVALID_PARAMETER), map_reserved_flag, NULL },
    { 0x004b, E(INVALID_PARAMETER), map_target_outside, NULL },
    { 0x004b, E(INVALID_PARAMETER), map_source_outside, NULL },
    { 0x004b, E(OPERATION_DENIED), map_source_unmapped, NULL },
    { 0x004b, E(OPERATION_DENIED), map_source_deposited, NULL },
    { 0x004b, E(INSUFFICIENT_MEMORY), map_many, NULL },
    { 0x004c, E(SUCCESS), NULL, did_unmap },
    { 0x004c, E(INVALID_PARAMETER), unmap_flag, NULL },
    { 0x004c, E(INVALID_PARAMETER), unmap_outside, NULL },
    { 0x004d, E(SUCCESS), NULL, did_intercept },
    { 0x004d, E(INVALID_PARAMETER), intercept_type, NULL },
    { 0x004d, E(INVALID_PARAMETER), intercept_read_only, NULL },
    { 0x004d, E(INVALID_PARAMETER), intercept_port, NULL },
    { 0x004d, E(INVALID_PARAMETER), intercept_vector, NULL },
    { 0x004d, E(INSUFFICIENT_MEMORY), intercept_cpuids, NULL },
    { 0x004e, E(SUCCESS), NULL, did_create_vp },
    { 0x004e, E(INVALID_VP_INDEX), vp_exists, NULL },
    { 0x004e, E(INVALID_VP_INDEX), vp_beyond, NULL },
    { 0x004e, E(INVALID_PARAMETER), vp_flags, NULL },
    { 0x004e, E(INVALID_PARAMETER), vp_reserved, NULL },
    { 0x004e, E(INVALID_PARAMETER), vp_domain, NULL },
    { 0x004e, E(INSUFFICIENT_MEMORY), pool_used_up, NULL },
    { 0x004e, E(NO_RESOURCES), vp_refused, NULL },
    { 0x004f, E(SUCCESS), NULL, did_delete_vp },
    { 0x0050, E(SUCCESS), NULL, did_get_registers },
    { 0x0050, E(INVALID_PARAMETER), register_unknown, NULL },
    { 0x0050, E(INVALID_PARAMETER), register_vtl1, NULL },
    { 0x0050, E(ACCESS_DENIED), self_without_privilege, NULL },
    { 0x0051, E(SUCCESS), NULL, did_set_registers },
    { 0x0051, E(INVALID_PARAMETER), register_unknown, NULL },
    { 0x0051, E(INVALID_PARAMETER), register_read_only, NULL },
    { 0x0051, E(INVALID_PARAMETER), register_reserved_bit, NULL },
    { 0x0051, E(INVALID_PARAMETER), register_padding, NULL },
    { 0x0051, E(INVALID_PARAMETER), register_vtl1, NULL },
    { 0x0051, E(ACCESS_DENIED), self_without_privilege, NULL },
    { 0x0052, E(SUCCESS), NULL, did_translate },
    { 0x0052, E(INVALID_PARAMETER), translate_nothing, NULL },
    { 0x0052, E(INVALID_PARAMETER), translate_reserved, NULL },
    { 0x0053, E(SUCCESS), NULL, did_read },
    { 0x0053, E(INVALID_PARAMETER), gpa_crosses, NULL },
    { 0x0053, E(INVALID_PARAMETER), gpa_none, NULL },
    { 0x0053, E(INVALID_PARAMETER), gpa_17, NULL },
    { 0x0053, E(INVALID_PARAMETER), gpa_outside, NULL },
    { 0x0053, E(INVALID_PARAMETER), gpa_flag, NULL },
    { 0x0054, E(SUCCESS), NULL, did_write },
    { 0x0054, E(INVALID_PARAMETER), gpa_crosses, NULL },
    { 0x0054, E(INVALID_PARAMETER), gpa_outside, NULL },
    { 0x0056, E(SUCCESS), NULL, did_nothing },
    { 0x0056, E(NOT_ACKNOWLEDGED), not_acknowledged, NULL },
    { 0x0057, E(SUCCESS), NULL, did_port },
    { 0x0057, E(INVALID_PARTITION_ID), port_peer_unknown, NULL },
    { 0x0057, E(INVALID_PARTITION_STATE), port_peer_inactive, NULL },
    { 0x0057, E(INVALID_PORT_ID), port_id_used, NULL },
    { 0x0057, E(INVALID_VP_INDEX), port_vp, NULL },
    { 0x0057, E(INVALID_PARAMETER), port_sint0, NULL },
    { 0x0057, E(INSUFFICIENT_MEMORY), pool_used_up, NULL },
    { 0x0058, E(SUCCESS), NULL, did_delete_port },
    { 0x0058, E(INVALID_PORT_ID), port_unknown, NULL },
    { 0x0059, E(SUCCESS), NULL, did_connect },
    { 0x0059, E(INVALID_PARTITION_ID), connect_partition, NULL },
    { 0x0059, E(INVALID_PARTITION_STATE), connect_inactive, NULL },
    { 0x0059, E(INVALID_CONNECTION_ID), connection_high, NULL },
    { 0x0059, E(INVALID_PORT_ID), connect_twice, NULL },
    { 0x0059, E(INVALID_PARAMETER), connect_type, NULL },
    { 0x0059, E(INSUFFICIENT_MEMORY), connect_root_pool, NULL },
    { 0x005a, E(SUCCESS), NULL, did_port_property },
    { 0x005a, E(INVALID_PORT_ID), port_unknown, NULL },
    { 0x005a, E(UNKNOWN_PROPERTY), port_property_unknown, NULL },
    { 0x005b, E(SUCCESS), NULL, did_disconnect },
    { 0x005b, E(INVALID_CONNECTION_ID), port_unknown, NULL },
    { 0x005c, E(SUCCESS), NULL, did_post },
    { 0x005c, E(INVALID_CONNECTION_ID), connection_none, NULL },
    { 0x005c, E(INVALID_PORT_ID), connection_deleted_port, NULL },
    { 0x005c, E(INVALID_PARAMETER), message_type0, NULL },
    { 0x005c, E(INVALID_PARAMETER), message_type_high, NULL },
    { 0x005c, E(INVALID_PARAMETER), message_long, NULL },
    { 0x005c, E(INSUFFICIENT_BUFFERS), sixteen_waiting, NULL },
    { 0x005c, E(INVALID_SYNIC_STATE), synic_off, NULL },
    { 0x005c, E(INVALID_VP_INDEX), target_vp_gone, target_vp_back },
    { 0x005d, E(SUCCESS), NULL, did_signal },
    { 0x005d, E(INVALID_CONNECTION_ID), connection_none, NULL },
    { 0x005d, E(INVALID_PORT_ID), connection_deleted_port, NULL },
    { 0x005d, E(INVALID_PARAMETER), flag_beyond, NULL },
    { 0x005d, E(INVALID_SYNIC_STATE), synic_off, NULL },
    { 0x005d, E(INVALID_SYNIC_STATE), sint_masked, NULL },
    { 0x005d, E(INVALID_VP_INDEX), target_vp_gone, target_vp_back },
    { 0x006e, E(SUCCESS), NULL, did_map_sparse },
    { 0x006e, E(INVALID_PARAMETER), sparse_flag, NULL },
    { 0x006e, E(INVALID_PARAMETER), sparse_target_outside, NULL },
    { 0x006e, E(OPERATION_DENIED), map_source_unmapped, NULL },
    { 0x006e, E(INSUFFICIENT_MEMORY), map_many, NULL },
    { 0x0070, E(SUCCESS), NULL, did_set_port_property },
    { 0x0070, E(INVALID_PORT_ID), port_unknown, NULL },
    { 0x0070, E(UNKNOWN_PROPERTY), port_property_unknown, NULL },
    { 0x0070, E(INVALID_PARAMETER), port_property_count, NULL },
    { 0x0070, E(INVALID_VP_INDEX), port_property_vp, NULL },
    { 0x0094, E(SUCCESS), NULL, did_assert },
    { 0x0094, E(INVALID_VP_INDEX), interrupt_nobody, NULL },
    { 0x0094, E(INVALID_PARAMETER), interrupt_vector, NULL },
    { 0x0094, E(INVALID_PARAMETER), interrupt_type, NULL },
    { 0x0094, E(INVALID_PARAMETER), interrupt_control, NULL },
    { 0x0094, E(INVALID_PARAMETER), interrupt_extint_destination, NULL },
    { 0x0095, E(SUCCESS), NULL, did_port },
    { 0x0095, E(INVALID_PARTITION_ID), port_peer_unknown, NULL },
    { 0x0095, E(INVALID_PARTITION_STATE), port_peer_inactive, NULL },
    { 0x0095, E(INVALID_PORT_ID), port_id_used, NULL },
    { 0x0095, E(INVALID_PORT_ID), port_id_high, NULL },
    { 0x0095, E(INVALID_VP_INDEX), port_vp, NULL },
    { 0x0095, E(INVALID_PARAMETER), port_sint0, NULL },
    { 0x0095, E(INVALID_PARAMETER), port_sint16, NULL },
    { 0x0095, E(INVALID_PARAMETER), port_type, NULL },
    { 0x0095, E(INVALID_PARAMETER), port_no_flags, NULL },
    { 0x0095, E(INVALID_PARAMETER), port_flags_beyond, NULL },
    { 0x0095, E(INVALID_PARAMETER), port_info_reserved, NULL },
    { 0x0095, E(INSUFFICIENT_MEMORY), pool_used_up, NULL },
    { 0x0096, E(SUCCESS), NULL, did_connect },
    { 0x0096, E(INVALID_PARTITION_ID), connect_partition, NULL },
    { 0x0096, E(INVALID_PARTITION_STATE), connect_inactive, NULL },
    { 0x0096, E(INVALID_CONNECTION_ID), connection_used, NULL },
    { 0x0096, E(INVALID_CONNECTION_ID), connection_high, NULL },
    { 0x0096, E(INVALID_PORT_ID), connect_port_unknown, NULL },
    { 0x0096, E(INVALID_PORT_ID), connect_twice, NULL },
    { 0x0096, E(INVALID_PARAMETER), connect_type, NULL },
    { 0x0096, E(INSUFFICIENT_MEMORY), connect_root_pool, NULL },
    { 0x009a, E(SUCCESS), NULL, did_apic_ids },
    { 0x009a, E(INVALID_PARAMETER), apic_unknown, NULL },
    { 0x009a, E(INVALID_VTL_STATE), apic_vtl1, NULL },
    { 0x8001, E(SUCCESS), NULL, did_nothing },
};

/* The errors of each call beside those that come from its row's columns (code, shape, privilege,
 * target). */
static const struct {
    uint16_t code;
    hv_status_t errors[8];
} errors[] = {
    { 0x0002, { E(INVALID_PARAMETER) } },
    { 0x0003, { E(INVALID_PARAMETER) } },
    { 0x0008, { 0 } },
    { 0x000b, { E(INVALID_PARAMETER) } },
    { 0x0013, { E(INVALID_PARAMETER), E(INVALID_HYPERCALL_INPUT) } },
    { 0x0014, { E(INVALID_PARAMETER), E(INVALID_HYPERCALL_INPUT) } },
    { 0x0015, { E(INVALID_PARAMETER), E(INVALID_HYPERCALL_INPUT) } },
    { 0x0040, { E(INVALID_PARAMETER), E(PARTITION_TOO_DEEP), E(INSUFFICIENT_MEMORY) } },
    { 0x0041, { E(INSUFFICIENT_MEMORY) } },
    { 0x0042, { E(OPERATION_DENIED) } },
    { 0x0043, { E(OPERATION_DENIED) } },
    { 0x0044, { E(UNKNOWN_PROPERTY), E(INVALID_PARTITION_STATE) } },
    { 0x0045, { E(UNKNOWN_PROPERTY), E(PROPERTY_VALUE_OUT_OF_RANGE), E(INVALID_PARAMETER), E(INVALID_PARTITION_STATE) } },
    { 0x0046, { 0 } },
    { 0x0047, { E(INVALID_PARTITION_ID) } },
    { 0x0048, { E(OPERATION_DENIED), E(OBJECT_IN_USE), E(INVALID_PARAMETER) } },
    { 0x0049, { E(NO_RESOURCES), E(INVALID_PARAMETER) } },
    { 0x004a, { E(INVALID_PARAMETER) } },
    { 0x004b, { E(INVALID_PARAMETER), E(OPERATION_DENIED), E(INSUFFICIENT_MEMORY) } },
    { 0x004c, { E(INVALID_PARAMETER) } },
    { 0x004d, { E(INVALID_PARAMETER), E(INSUFFICIENT_MEMORY) } },
    { 0x004e, { E(INVALID_VP_INDEX), E(INVALID_PARAMETER), E(INSUFFICIENT_MEMORY), E(NO_RESOURCES) } },
    { 0x004f, { 0 } },
    { 0x0050, { E(INVALID_PARAMETER), E(ACCESS_DENIED) } },
    { 0x0051, { E(INVALID_PARAMETER), E(ACCESS_DENIED) } },
    { 0x0052, { E(INVALID_PARAMETER) } },
    { 0x0053, { E(INVALID_PARAMETER) } },
    { 0x0054, { E(INVALID_PARAMETER) } },
    { 0x0056, { E(NOT_ACKNOWLEDGED) } },
    { 0x0057, { E(INVALID_PARTITION_ID), E(INVALID_PARTITION_STATE), E(INVALID_PORT_ID), E(INVALID_VP_INDEX), E(INVALID_PARAMETER), E(INSUFFICIENT_MEMORY) } },
    { 0x0058, { E(INVALID_PORT_ID) } },
    { 0x0059, { E(INVALID_PARTITION_ID), E(INVALID_PARTITION_STATE), E(INVALID_CONNECTION_ID), E(INVALID_PORT_ID), E(INVALID_PARAMETER), E(INSUFFICIENT_MEMORY) } },
    { 0x005a, { E(INVALID_PORT_ID), E(UNKNOWN_PROPERTY) } },
    { 0x005b, { E(INVALID_CONNECTION_ID) } },
    { 0x005c, { E(INVALID_CONNECTION_ID), E(INVALID_PORT_ID), E(INVALID_PARAMETER), E(INSUFFICIENT_BUFFERS), E(INVALID_VP_INDEX), E(INVALID_SYNIC_STATE) } },
    { 0x005d, { E(INVALID_CONNECTION_ID), E(INVALID_PORT_ID), E(INVALID_PARAMETER), E(INVALID_VP_INDEX), E(INVALID_SYNIC_STATE) } },
    { 0x006e, { E(INVALID_PARAMETER), E(OPERATION_DENIED), E(INSUFFICIENT_MEMORY) } },
    { 0x0070, { E(INVALID_PORT_ID), E(UNKNOWN_PROPERTY), E(INVALID_PARAMETER), E(INVALID_VP_INDEX) } },
    { 0x0094, { E(INVALID_VP_INDEX), E(INVALID_PARAMETER) } },
    { 0x0095, { E(INVALID_PARTITION_ID), E(INVALID_PARTITION_STATE), E(INVALID_PORT_ID), E(INVALID_VP_INDEX), E(INVALID_PARAMETER), E(INSUFFICIENT_MEMORY) } },
    { 0x0096, { E(INVALID_PARTITION_ID), E(INVALID_PARTITION_STATE), E(INVALID_CONNECTION_ID), E(INVALID_PORT_ID), E(INVALID_PARAMETER), E(INSUFFICIENT_MEMORY) } },
    { 0x009a, { E(INVALID_PARAMETER), E(INVALID_VTL_STATE) } },
    { 0x8001, { 0 } },
};
/* clang-format on */

START_TEST(call_answers_as_its_page_says)
{
    struct call c;

    base(&c, cases[_i].code);
    if (cases[_i].change != NULL) {
        cases[_i].change(&c);
    }
    hv_status_t status = run(&c, cases[_i].code);
    ck_assert_msg(status == cases[_i].status, "case %d, call %#x: %s, not %s", _i, cases[_i].code,
                  hv_status_name(status), hv_status_name(cases[_i].status));
    if (cases[_i].check != NULL) {
        cases[_i].check(&c);
    }
}
END_TEST

START_TEST(no_row_lacks_a_test)
{
    unsigned built = 0;

    for (unsigned r = 0; r < hv_n_call_rows; r++) {
        if (hv_call_rows[r].shape == HV_SHAPE_NOT_BUILT) {
            continue;
        }
        uint16_t code = hv_call_rows[r].code;
        unsigned e = 0, successes = 0;
        built++;
        while (e < ARRAY_SIZE(errors) && errors[e].code != code) {
            e++;
        }
        ck_assert_msg(e < ARRAY_SIZE(errors), "call %#x has no list of errors", code);
        for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
            successes += cases[i].code == code && cases[i].status == HV_STATUS_SUCCESS;
        }
        ck_assert_msg(successes > 0, "call %#x has no success test", code);
        for (unsigned k = 0; k < 8 && errors[e].errors[k] != 0; k++) {
            unsigned tests = 0;
            for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
                tests += cases[i].code == code && cases[i].status == errors[e].errors[k];
            }
            ck_assert_msg(tests > 0, "call %#x: %s has no test", code,
                          hv_status_name(errors[e].errors[k]));
        }
    }
    ck_assert_uint_eq(built, ARRAY_SIZE(errors));
    ck_assert_uint_eq(built, ARRAY_SIZE(bases));
}
END_TEST

START_TEST(codes_are_unique_and_layouts_fit_a_page)
{
    for (unsigned i = 0; i < hv_n_call_rows; i++) {
        for (unsigned k = 0; k < i; k++) {
            ck_assert_uint_ne(hv_call_rows[i].code, hv_call_rows[k].code);
        }
        ck_assert_uint_le(hv_call_rows[i].in + hv_call_rows[i].in_element, HV_PARAMETER_BYTES);
    }
    ck_assert_uint_gt(hv_n_call_rows, 230);
}
END_TEST

/* A code that the manual names is ours to build; any other is the guest's error. */
START_TEST(only_named_codes_are_unimplemented)
{
    struct fixture *fixture = fixture_create(false);
    struct fixture_machine *m = &fixture->machine[0];
    const uint64_t *count = m->trace.count;
    unsigned named = 0;

    while (hv_call_rows[named].shape != HV_SHAPE_NOT_BUILT) {
        named++;
    }
    ck_assert_int_eq(hv_call(&m->parent, 0x7fff, NULL, 0, NULL, 0, 0, NULL),
                     HV_STATUS_INVALID_HYPERCALL_CODE);
    ck_assert_uint_eq(count[TRACE_UNIMPLEMENTED], 0);
    ck_assert_int_eq(hv_call(&m->parent, hv_call_rows[named].code, NULL, 0, NULL, 0, 0, NULL),
                     HV_STATUS_INVALID_HYPERCALL_CODE);
    ck_assert_uint_eq(count[TRACE_UNIMPLEMENTED], 1);
    fixture_destroy(fixture);
}
END_TEST

/* What the row's columns promise, for every row. */

START_TEST(row_refuses_what_its_columns_say)
{
    const struct hv_call_row *row = &hv_call_rows[_i];
    struct call c;

    if (row->shape == HV_SHAPE_NOT_BUILT) {
        uint8_t in[8] = { 0 };
        ck_assert_uint_eq(hv_call(&f->machine[0].parent, row->code, in, 0, NULL, 0, 0, NULL),
                          HV_STATUS_INVALID_HYPERCALL_CODE);
        return;
    }
    if (row->privilege != HV_PRIVILEGE_BIT_NONE && !(row->flags & HV_CALL_IF_SELF)) {
        base(&c, row->code);
        c.caller.partition->privileges &= ~(UINT64_C(1) << row->privilege);
        ck_assert_uint_eq(run(&c, row->code), HV_STATUS_ACCESS_DENIED);
        c.caller.partition->privileges |= UINT64_C(1) << row->privilege;
    }
    teardown();
    setup();
    base(&c, row->code);
    c.in_len += 3;
    ck_assert_uint_eq(run(&c, row->code), HV_STATUS_INVALID_HYPERCALL_INPUT);
    c.in_len -= 3;
    if (c.out_len > 0) {
        c.out_len--;
        ck_assert_uint_eq(run(&c, row->code), HV_STATUS_INVALID_HYPERCALL_INPUT);
        c.out_len++;
    }
    c.reps = c.reps == 0; /* too many or none; the length then is wrong as well */
    ck_assert_uint_eq(run(&c, row->code), HV_STATUS_INVALID_HYPERCALL_INPUT);
}
END_TEST

START_TEST(target_is_found_allowed_and_in_the_right_state)
{
    const struct hv_call_row *row = &hv_call_rows[_i];
    struct call c;

    if (row->shape == HV_SHAPE_NOT_BUILT || row->target == HV_TARGET_NONE) {
        return;
    }
    base(&c, row->code);
    uint64_t id = le64_load(c.in);
    struct partition *target =
        id == HV_PARTITION_ID_SELF ? c.caller.partition : hypervisor_partition(&c.m->hv, id);
    w64(&c, 0, 999);
    ck_assert_uint_eq(run(&c, row->code), HV_STATUS_INVALID_PARTITION_ID);
    w64(&c, 0, target->id);
    if (target != c.m->root) {
        for (unsigned state = 0; state < 4; state++) {
            enum partition_state before = target->state;
            if (row->states >> state & 1) {
                continue;
            }
            target->state = (enum partition_state)state;
            ck_assert_uint_eq(run(&c, row->code), HV_STATUS_INVALID_PARTITION_STATE);
            target->state = before;
        }
    }
    if (row->flags & HV_CALL_VP) {
        w32(&c, 8, 3);
        ck_assert_uint_eq(run(&c, row->code), HV_STATUS_INVALID_VP_INDEX);
    }
    /* the child is nobody's parent */
    as_child(&c);
    c.caller.partition->privileges = UINT64_MAX;
    w64(&c, 0, c.m->root->id);
    ck_assert_uint_eq(run(&c, row->code), HV_STATUS_ACCESS_DENIED);
    w64(&c, 0, HV_PARTITION_ID_SELF);
    if (row->target == HV_TARGET_CHILD || row->target == HV_TARGET_CHILD_ROOT) {
        ck_assert_uint_eq(run(&c, row->code), HV_STATUS_ACCESS_DENIED);
    }
}
END_TEST

START_TEST(partitions_run_out_without_harm)
{
    struct call c;

    base(&c, 0x0040);
    many_partitions(&c);
    ck_assert_uint_eq(run(&c, 0x0040), HV_STATUS_INSUFFICIENT_MEMORY);
    c.m->root->pool_total = FIXTURE_ROOT_POOL; /* forget the pages that were only counted */
}
END_TEST

static Suite *suite_hypercalls(void)
{
    Suite *suite = suite_create("partitions/hv/hypercalls");
    TCase *tc = tcase_create("rows");

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_loop_test(tc, call_answers_as_its_page_says, 0, ARRAY_SIZE(cases));
    tcase_add_loop_test(tc, row_refuses_what_its_columns_say, 0, (int)hv_n_call_rows);
    tcase_add_loop_test(tc, target_is_found_allowed_and_in_the_right_state, 0, (int)hv_n_call_rows);
    tcase_add_test(tc, no_row_lacks_a_test);
    tcase_add_test(tc, codes_are_unique_and_layouts_fit_a_page);
    tcase_add_test(tc, only_named_codes_are_unimplemented);
    tcase_add_test(tc, partitions_run_out_without_harm);
    suite_add_tcase(suite, tc);
    return suite;
}

CHECK_MAIN(suite_hypercalls())
