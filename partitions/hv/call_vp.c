/* VPs and their memory as a parent sees them. [TLFS v2.0 10.4, 12.4, 13.5] */
#include <string.h>

#include "mmu/walk.h"
#include "partitions/hv/memory.h"
#include "partitions/hv/registers.h"
#include "partitions/hv/request.h"
#include "partitions/hv/trace.h"
#include "partitions/hv/vp_synthetic.h"

hv_status_t hv_call_create_vp(struct hv_request *request)
{
    enum { INDEX = 8, RESERVED = 12, PROXIMITY = 24, FLAGS = 32 };
    struct hypervisor *hv = request->hv;
    struct partition *target = request->target;
    uint32_t index = le32_load(request->in + INDEX);
    uint64_t proximity = le64_load(request->in + PROXIMITY);
    struct vp *vp;

    if (index >= hv->config.max_vps || target->vps[index] != NULL) {
        return HV_STATUS_INVALID_VP_INDEX;
    }
    /* A root says in `flags` which logical processor its VP is bound to [LINUX hv_proc.c]: here,
     * its own index. */
    if ((le32_load(request->in + RESERVED) & 0xffffff) != 0 || !hv_proximity_ok(proximity) ||
        (!partition_is_root(target) && le64_load(request->in + FLAGS) != 0)) {
        return HV_STATUS_INVALID_PARAMETER;
    }
    if (!partition_charge(target, HV_COST_VP)) {
        return HV_STATUS_INSUFFICIENT_MEMORY;
    }
    vp = hv->ops->vp_create(hv->config.ops_opaque, target, index);
    if (vp == NULL) {
        partition_uncharge(target, HV_COST_VP);
        return HV_STATUS_NO_RESOURCES;
    }
    vp->partition = target;
    vp->index = index;
    if (!hv_vp_init(vp)) {
        hv->ops->vp_destroy(hv->config.ops_opaque, vp);
        partition_uncharge(target, HV_COST_VP);
        return HV_STATUS_NO_RESOURCES;
    }
    __atomic_store_n(&target->vps[index], vp, __ATOMIC_RELEASE);
    __atomic_store_n(&target->n_vps, target->n_vps + 1, __ATOMIC_RELEASE);
    HV_TRACE(hv, VP_CREATED, target->id, index, target->id, index);
    return HV_STATUS_SUCCESS;
}

hv_status_t hv_call_delete_vp(struct hv_request *request)
{
    struct partition *target = request->target;
    struct vp *vp = request->vp;

    hv_vp_fini(vp);
    __atomic_store_n(&target->vps[vp->index], NULL, __ATOMIC_RELEASE);
    __atomic_store_n(&target->n_vps, target->n_vps - 1, __ATOMIC_RELEASE);
    partition_uncharge(target, HV_COST_VP);
    request->hv->ops->vp_destroy(request->hv->config.ops_opaque, vp);
    request->vp = NULL;
    return HV_STATUS_SUCCESS;
}

/* {partition, VP, VTL u8, 0 u8[3]} in both calls. */
static hv_status_t registers_check(const struct hv_request *request)
{
    enum { VTL = 12 };

    if (!hv_input_vtl_ok(request->in[VTL]) || (le32_load(request->in + VTL) >> 8) != 0) {
        return HV_STATUS_INVALID_PARAMETER;
    }
    return HV_STATUS_SUCCESS;
}

hv_status_t hv_call_get_vp_registers(struct hv_request *request)
{
    hv_status_t status = registers_check(request);

    return status != HV_STATUS_SUCCESS
               ? status
               : hv_register_get(request->vp, le32_load(hv_request_element(request)),
                                 hv_request_out_element(request));
}

hv_status_t hv_call_set_vp_registers(struct hv_request *request)
{
    enum { RESERVED = 4, VALUE = 16 };
    const uint8_t *element = hv_request_element(request);
    hv_status_t status = registers_check(request);

    if (status == HV_STATUS_SUCCESS &&
        (le32_load(element + RESERVED) | le64_load(element + RESERVED + 4)) != 0) {
        status = HV_STATUS_INVALID_PARAMETER;
    }
    return status != HV_STATUS_SUCCESS
               ? status
               : hv_register_set(request->vp, le32_load(element), element + VALUE,
                                 &request->registers_changed);
}

/* ---- memory ---- */

/* [TLFS hv_translate_gva_control_flags, hv_translate_gva_result] */
enum {
    TRANSLATE_READ = 1u << 0,
    TRANSLATE_WRITE = 1u << 1,
    TRANSLATE_EXECUTE = 1u << 2,
    TRANSLATE_PRIVILEGE_EXEMPT = 1u << 3,
    TRANSLATE_SET_BITS = 1u << 4,
    TRANSLATE_TLB_FLUSH_INHIBIT = 1u << 5,
    TRANSLATE_KNOWN = 0x3f,
};

enum { CACHE_WRITE_BACK = 6, RESULT_OVERLAY_BIT = 8 };

enum translate_code {
    TRANSLATED = 0,
    TRANSLATE_NOT_PRESENT = 1,
    TRANSLATE_PRIVILEGE = 2,
    TRANSLATE_BAD_FLAGS = 3,
    TRANSLATE_UNMAPPED = 4,
    TRANSLATE_NO_READ = 5,
    TRANSLATE_NO_WRITE = 6,
    TRANSLATE_ILLEGAL_OVERLAY = 7,
};

static enum translate_code translate_fault(uint32_t error)
{
    return error & PF_RSVD ? TRANSLATE_BAD_FLAGS
           : error & PF_P  ? TRANSLATE_PRIVILEGE
                           : TRANSLATE_NOT_PRESENT;
}

static enum translate_code gpa_access(const struct space_page *page, unsigned rights)
{
    if (page->kind != SPACE_RAM) {
        return TRANSLATE_UNMAPPED;
    }
    if ((rights & ~page->rights) == 0) {
        return TRANSLATED;
    }
    if (page->overlay) {
        return TRANSLATE_ILLEGAL_OVERLAY;
    }
    return rights & ~page->rights & SPACE_WRITE ? TRANSLATE_NO_WRITE : TRANSLATE_NO_READ;
}

hv_status_t hv_call_translate_virtual_address(struct hv_request *request)
{
    enum { FLAGS = 16, GVA_PAGE = 24, RESULT = 0, INFO = 4, GPA_PAGE = 8 };
    struct core *core = &request->vp->cpu.core;
    uint64_t flags = le64_load(request->in + FLAGS), gva_page = le64_load(request->in + GVA_PAGE);
    bool user = segment_dpl(&core->state.seg[SEG_SS]) == 3 && !(flags & TRANSLATE_PRIVILEGE_EXEMPT);
    unsigned access = (user ? MMU_USER : 0u) | (flags & TRANSLATE_SET_BITS ? 0u : MMU_PROBE);
    unsigned kinds[3], n_kinds = 0;
    struct walk_result walk = { .gpa = 0 };
    enum translate_code code = TRANSLATED;

    if (flags & TRANSLATE_READ) {
        kinds[n_kinds++] = MMU_READ;
    }
    if (flags & TRANSLATE_WRITE) {
        kinds[n_kinds++] = MMU_WRITE;
    }
    if (flags & TRANSLATE_EXECUTE) {
        kinds[n_kinds++] = MMU_EXEC;
    }
    if ((flags & ~(uint64_t)TRANSLATE_KNOWN) != 0 || n_kinds == 0 ||
        gva_page >> (64 - PAGE_SHIFT) != 0) {
        return HV_STATUS_INVALID_PARAMETER;
    }
    for (unsigned i = 0; i < n_kinds && code == TRANSLATED; i++) {
        enum walk_status status = walk_page(&request->target->space, request->vp, &core->mmu.paging,
                                            gva_page << PAGE_SHIFT, access | kinds[i], &walk);

        code = status == WALK_OK        ? TRANSLATED
               : status == WALK_SUSPEND ? TRANSLATE_UNMAPPED
                                        : translate_fault(walk.fault_error);
    }
    if (code == TRANSLATED) {
        struct space_page page = space_lookup(&request->target->space, walk.gpa);

        code = gpa_access(&page, (flags & TRANSLATE_READ ? SPACE_READ : 0u) |
                                     (flags & TRANSLATE_WRITE ? SPACE_WRITE : 0u) |
                                     (flags & TRANSLATE_EXECUTE ? SPACE_EXEC : 0u));
        le32_store(request->out + INFO,
                   CACHE_WRITE_BACK | (page.overlay ? 1u << RESULT_OVERLAY_BIT : 0u));
        le64_store(request->out + GPA_PAGE, walk.gpa >> PAGE_SHIFT);
        if (flags & TRANSLATE_TLB_FLUSH_INHIBIT) {
            request->vp->tlb_flush_inhibit = true;
        }
    }
    le32_store(request->out + RESULT, code);
    return HV_STATUS_SUCCESS;
}

enum { ACCESS_BYTES = 16, ACCESS_COUNT = 12, ACCESS_GPA = 16, ACCESS_FLAGS = 24, ACCESS_DATA = 32 };

static hv_status_t gpa_access_check(const struct hv_request *request, uint32_t *count, gpa_t *gpa)
{
    uint64_t flags = le64_load(request->in + ACCESS_FLAGS);

    *count = le32_load(request->in + ACCESS_COUNT);
    *gpa = le64_load(request->in + ACCESS_GPA);
    /* the cache type in bits 63:56 does not matter here */
    if (*count == 0 || *count > ACCESS_BYTES || *gpa % PAGE_SIZE + *count > PAGE_SIZE ||
        *gpa >> request->hv->config.address_bits != 0 ||
        (flags & UINT64_C(0x00ffffffffffffff)) != 0) {
        return HV_STATUS_INVALID_PARAMETER;
    }
    return HV_STATUS_SUCCESS;
}

/* [TLFS v2.0 HV_ACCESS_GPA_RESULT]: 0 success, 1 unmapped, 2 no read, 3 no write, 4 illegal overlay
 * access */
static uint32_t access_result(enum translate_code code)
{
    return code == TRANSLATED ? 0 : (uint32_t)code - (TRANSLATE_UNMAPPED - 1);
}

hv_status_t hv_call_read_gpa(struct hv_request *request)
{
    struct space_page page;
    uint32_t count;
    gpa_t gpa;
    hv_status_t status = gpa_access_check(request, &count, &gpa);
    enum translate_code code;

    if (status != HV_STATUS_SUCCESS) {
        return status;
    }
    page = space_lookup(&request->target->space, gpa);
    code = gpa_access(&page, SPACE_READ);
    le32_store(request->out, access_result(code));
    if (code == TRANSLATED) {
        ram_read(request->hv->ram, page.spa + gpa % PAGE_SIZE, request->out + 8, count);
    }
    return HV_STATUS_SUCCESS;
}

hv_status_t hv_call_write_gpa(struct hv_request *request)
{
    struct space_page page;
    uint32_t count;
    gpa_t gpa;
    hv_status_t status = gpa_access_check(request, &count, &gpa);
    enum translate_code code;

    if (status != HV_STATUS_SUCCESS) {
        return status;
    }
    page = space_lookup(&request->target->space, gpa);
    code = gpa_access(&page, SPACE_WRITE);
    le32_store(request->out, access_result(code));
    if (code == TRANSLATED) {
        ram_write(request->hv->ram, page.spa + gpa % PAGE_SIZE, request->in + ACCESS_DATA, count);
    }
    return HV_STATUS_SUCCESS;
}

/* ---- interrupts ---- */

static bool vector_ok(const struct hv_interrupt *interrupt, uint32_t vector)
{
    switch (interrupt->type) {
    case HV_INTERRUPT_FIXED:
    case HV_INTERRUPT_LOWEST_PRIORITY:
        return vector >= 16 && vector <= 255;
    case HV_INTERRUPT_SIPI:
    case HV_INTERRUPT_EXTINT:
        return vector <= 255;
    case HV_INTERRUPT_NMI:
    case HV_INTERRUPT_INIT:
        return vector == 0;
    default: /* SMI and remote read are not modelled */
        return false;
    }
}

hv_status_t hv_call_assert_virtual_interrupt(struct hv_request *request)
{
    enum { TYPE = 8, CONTROL = 12, DESTINATION = 16, VECTOR = 24, VTL = 28 };
    uint32_t control = le32_load(request->in + CONTROL), vector = le32_load(request->in + VECTOR);
    struct hv_interrupt interrupt = {
        .type = (enum hv_interrupt_type)le32_load(request->in + TYPE),
        .level = (control & 1) != 0,
        .logical = (control & 2) != 0,
        .destination = le64_load(request->in + DESTINATION),
        .vector = (uint8_t)vector,
    };

    if ((control & ~UINT32_C(3)) != 0 || !vector_ok(&interrupt, vector) ||
        le32_load(request->in + VTL) != 0 ||
        (interrupt.type == HV_INTERRUPT_EXTINT && interrupt.destination != 0)) {
        return HV_STATUS_INVALID_PARAMETER;
    }
    return request->hv->ops->assert_interrupt(request->target, &interrupt)
               ? HV_STATUS_SUCCESS
               : HV_STATUS_INVALID_VP_INDEX;
}

hv_status_t hv_call_clear_virtual_interrupt(struct hv_request *request)
{
    return request->hv->ops->clear_interrupt(request->target) == 0 ? HV_STATUS_SUCCESS
                                                                   : HV_STATUS_NOT_ACKNOWLEDGED;
}
