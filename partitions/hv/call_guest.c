/* What a child asks for itself: TLB flushes, IPIs, hints. [TLFS virtual-mmu, virtual-interrupts] */
#include "partitions/hv/request.h"
#include "partitions/hv/trace.h"

/* ---- sets of VPs ---- */

enum { VP_BANKS = HV_VPS / 64 };

struct vp_set {
    bool all;
    uint64_t bank[VP_BANKS];
};

static bool set_has(const struct vp_set *set, uint32_t index)
{
    return set->all || (set->bank[index / 64] >> index % 64 & 1) != 0;
}

/* HV_VP_SET: {format u64, valid banks u64} then a mask for each valid bank, in the variable header.
 * [TLFS hv_vp_set] */
static hv_status_t set_read(const struct hv_request *request, const uint8_t *at, struct vp_set *set)
{
    enum { FORMAT_SPARSE = 0, FORMAT_ALL = 1 };
    uint64_t format = le64_load(at), valid = le64_load(at + 8);
    const uint8_t *mask = hv_request_variable(request);

    set->all = format == FORMAT_ALL;
    if (format == FORMAT_ALL) {
        return HV_STATUS_SUCCESS;
    }
    if (format != FORMAT_SPARSE) {
        return HV_STATUS_INVALID_PARAMETER;
    }
    if ((unsigned)__builtin_popcountll(valid) != request->control.variable) {
        return HV_STATUS_INVALID_HYPERCALL_INPUT;
    }
    for (unsigned bank = 0; bank < 64; bank++) {
        if (valid >> bank & 1) {
            if (bank < VP_BANKS) {
                set->bank[bank] = le64_load(mask);
            }
            mask += 8; /* banks of VPs that cannot exist name nobody */
        }
    }
    return HV_STATUS_SUCCESS;
}

/* ---- TLB flushes: {address space u64, flags u64, VPs} ---- */

enum {
    FLUSH_ALL_PROCESSORS = 1u << 0,
    FLUSH_ALL_SPACES = 1u << 1,
    FLUSH_NON_GLOBAL_ONLY = 1u << 2,
    FLUSH_EXTENDED_RANGES = 1u << 3,
    FLUSH_KNOWN = FLUSH_ALL_PROCESSORS | FLUSH_ALL_SPACES | FLUSH_NON_GLOBAL_ONLY,
};

enum { FLUSH_FLAGS = 8, FLUSH_VPS = 16 };

static void flush(struct hv_request *request, const struct vp_set *set, bool all, gva_t gva,
                  uint64_t n_pages)
{
    struct partition *partition = request->caller->partition;

    for (uint32_t i = 0; i < HV_VPS; i++) {
        if (partition->vps[i] != NULL && set_has(set, i)) {
            request->hv->ops->tlb_flush(partition->vps[i], all, gva, n_pages);
        }
    }
}

/* The whole space, or the range of the element in hand: page number, and how many pages follow in
 * bits 11:0. */
static hv_status_t flush_set(struct hv_request *request, const struct vp_set *set, bool list)
{
    uint64_t flags = le64_load(request->in + FLUSH_FLAGS);

    if ((flags & ~(uint64_t)FLUSH_KNOWN) != 0) {
        return HV_STATUS_INVALID_PARAMETER; /* extended ranges are not offered */
    }
    if (list) {
        uint64_t range = le64_load(hv_request_element(request));

        flush(request, set, false, range & PAGE_MASK, (range & ~PAGE_MASK) + 1);
    } else {
        flush(request, set, true, 0, 0);
    }
    return HV_STATUS_SUCCESS;
}

static hv_status_t flush_mask(struct hv_request *request, bool list)
{
    struct vp_set set = { .all = (le64_load(request->in + FLUSH_FLAGS) & FLUSH_ALL_PROCESSORS) != 0,
                          .bank = { le64_load(request->in + FLUSH_VPS) } };

    if (!set.all && set.bank[0] == 0) {
        return HV_STATUS_INVALID_PARAMETER;
    }
    return flush_set(request, &set, list);
}

static hv_status_t flush_sparse(struct hv_request *request, bool list)
{
    struct vp_set set = { .all = false };
    hv_status_t status = set_read(request, request->in + FLUSH_VPS, &set);

    if (status != HV_STATUS_SUCCESS) {
        return status;
    }
    set.all = set.all || (le64_load(request->in + FLUSH_FLAGS) & FLUSH_ALL_PROCESSORS) != 0;
    return flush_set(request, &set, list);
}

hv_status_t hv_call_flush_space(struct hv_request *request)
{
    return flush_mask(request, false);
}

hv_status_t hv_call_flush_list(struct hv_request *request)
{
    return flush_mask(request, true);
}

hv_status_t hv_call_flush_space_ex(struct hv_request *request)
{
    return flush_sparse(request, false);
}

hv_status_t hv_call_flush_list_ex(struct hv_request *request)
{
    return flush_sparse(request, true);
}

/* ---- IPIs: {vector u32, VTL u8, 0 u8[3], VPs} ---- */

static hv_status_t send_ipi(struct hv_request *request, const struct vp_set *set)
{
    enum { VTL = 4, LOWEST_VECTOR = 16, HIGHEST_VECTOR = 255 };
    struct partition *partition = request->caller->partition;
    uint32_t vector = le32_load(request->in), vtl = le32_load(request->in + VTL);

    if (vector < LOWEST_VECTOR || vector > HIGHEST_VECTOR || vtl >> 8 != 0 ||
        !hv_input_vtl_ok((uint8_t)vtl)) {
        return HV_STATUS_INVALID_PARAMETER;
    }
    for (uint32_t i = 0; i < HV_VPS; i++) {
        if (partition->vps[i] != NULL && set_has(set, i)) {
            request->hv->ops->interrupt(partition->vps[i], vector, false);
        }
    }
    return HV_STATUS_SUCCESS;
}

hv_status_t hv_call_send_cluster_ipi(struct hv_request *request)
{
    struct vp_set set = { .bank = { le64_load(request->in + 8) } };

    return send_ipi(request, &set);
}

hv_status_t hv_call_send_cluster_ipi_ex(struct hv_request *request)
{
    struct vp_set set = { .all = false };
    hv_status_t status = set_read(request, request->in + 8, &set);

    return status == HV_STATUS_SUCCESS ? send_ipi(request, &set) : status;
}

/* ---- the rest ---- */

hv_status_t hv_call_notify_long_spin_wait(struct hv_request *request)
{
    if (request->hv->ops->spin != NULL && request->caller->vp != NULL) {
        request->hv->ops->spin(request->caller->vp);
    }
    return HV_STATUS_SUCCESS; /* advisory: never fails */
}

hv_status_t hv_call_get_vp_index_from_apic_id(struct hv_request *request)
{
    enum { VTL = 8 };
    uint32_t id = le32_load(hv_request_element(request));

    if ((le64_load(request->in + VTL) >> 8) != 0) {
        return HV_STATUS_INVALID_PARAMETER;
    }
    if (!hv_input_vtl_ok(request->in[VTL])) {
        return HV_STATUS_INVALID_VTL_STATE;
    }
    for (uint32_t i = 0; i < HV_VPS; i++) {
        struct vp *vp = request->target->vps[i];

        if (vp != NULL && request->hv->ops->apic_id(vp) == id) {
            le32_store(hv_request_out_element(request), i);
            return HV_STATUS_SUCCESS;
        }
    }
    return HV_STATUS_INVALID_PARAMETER;
}

/* No extended call is offered yet. */
hv_status_t hv_call_ext_query_capabilities(struct hv_request *request)
{
    le64_store(request->out, 0);
    return HV_STATUS_SUCCESS;
}
