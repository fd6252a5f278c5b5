/* A hypercall being carried out; private to partitions/hv. [TLFS hypercall-interface] */
#ifndef PARTITIONS_HV_REQUEST_H
#define PARTITIONS_HV_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "partitions/hv/hv.h"
#include "partitions/hv/hypercall_table.h"

enum hv_shape { HV_SHAPE_SIMPLE, HV_SHAPE_REP, HV_SHAPE_NOT_BUILT };

enum {
    HV_CALL_FAST = 1u << 0,
    HV_CALL_VAR = 1u << 1,
    HV_CALL_IF_SELF = 1u << 2,
    HV_CALL_VP = 1u << 3,  /* names a VP, which stands still meanwhile */
    HV_CALL_VPS = 1u << 4, /* all VPs of the target do */
    HV_CALL_SHARED = 1u << 5, /* a reader of the hypervisor's lock */
};

enum hv_target { HV_TARGET_NONE, HV_TARGET_CHILD, HV_TARGET_CHILD_SELF, HV_TARGET_CHILD_ROOT };

enum { HV_PRIVILEGE_BIT_NONE = 255 };

struct hv_request;
typedef hv_status_t hv_handler(struct hv_request *request);

/* A row of the table. */
struct hv_call_row {
    uint16_t code;
    const char *name; /* without "HvCall" */
    enum hv_shape shape;
    uint16_t in, in_element, out, out_element;
    uint8_t flags;     /* HV_CALL_* */
    uint8_t privilege; /* bit, or HV_PRIVILEGE_BIT_NONE */
    enum hv_target target;
    uint8_t states; /* bit: enum partition_state */
    hv_handler *handler;
};

extern const struct hv_call_row hv_call_rows[];
extern const unsigned hv_n_call_rows; /* those not built included */
const struct hv_call_row *hv_call_row_find(uint16_t code);
/* The hypervisor's lock, as the call needs it. host_rwlock_unlock ends it. */
void hv_call_lock(struct hypervisor *hv, uint16_t code);

/* The input value of a hypercall. [TLFS hypercall-interface, hypercall input value] */
struct hv_control {
    uint16_t code;
    bool fast, nested;
    unsigned variable; /* qwords of variable header */
    unsigned reps, start;
    bool reserved; /* a reserved bit is set */
};
struct hv_control hv_control_decode(uint64_t value);

/* Steps before the parameters are looked at: code, reserved bits, shape, privilege. */
hv_status_t hv_request_check(const struct hv_caller *caller, const struct hv_control *control,
                             const struct hv_call_row **row);

enum { HV_PARAMETER_BYTES = 4096 };

/* Byte counts of the lists. */
size_t hv_request_in_bytes(const struct hv_call_row *row, const struct hv_control *control);
size_t hv_request_out_bytes(const struct hv_call_row *row, const struct hv_control *control);

struct hv_request {
    struct hypervisor *hv;
    const struct hv_caller *caller;
    const struct hv_call_row *row;
    struct hv_control control;
    const uint8_t *in;        /* the whole input list, copied from the guest */
    uint8_t *out;             /* the whole output list */
    struct partition *target; /* rows with a target */
    struct vp *vp;            /* rows with HV_CALL_VP */
    unsigned index;           /* rep calls: the element in hand */
    bool registers_changed;   /* tell the VP's core at the end */
    bool again;               /* nothing happened: a VP does not stand still yet */
};

/* Ids and state of the target, then the handler, for at most `budget` elements. *done: absolute.
 * Hypervisor locked. */
hv_status_t hv_request_run(struct hv_request *request, unsigned budget, unsigned *done);

static inline const uint8_t *hv_request_variable(const struct hv_request *request)
{
    return request->in + request->row->in;
}

static inline const uint8_t *hv_request_element(const struct hv_request *request)
{
    return request->in + request->row->in + request->control.variable * 8u +
           (size_t)request->index * request->row->in_element;
}

static inline uint8_t *hv_request_out_element(const struct hv_request *request)
{
    return request->out + request->row->out + (size_t)request->index * request->row->out_element;
}

/* A partition id as parameters name it: SELF is the caller. NULL: none. */
struct partition *hv_request_partition(const struct hv_request *request, uint64_t id);
/* HV_PROXIMITY_DOMAIN_INFO {id u32, flags u32}: there is one domain, 0. Flags: 0 preferred, 31 id
 * is meant. */
static inline bool hv_proximity_ok(uint64_t info)
{
    return (uint32_t)info == 0 && (info >> 32 & 0x7ffffffe) == 0;
}
/* [TLFS HV_INPUT_VTL] False: names a VTL that is not enabled. */
static inline bool hv_input_vtl_ok(uint8_t input)
{
    return (input & 0xef) == 0; /* VTL 0, asked for or by default */
}

/* clang-format off */
#define HV_CALL(code, name, shape, in, el, out, out_el, flags, privilege, target, states, handler) hv_handler handler;
HV_CALLS(HV_CALL)
#undef HV_CALL
/* clang-format on */

#endif
