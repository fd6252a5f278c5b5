/* Two machines of two partitions each, without processors. */
#ifndef TESTS_CHECK_PARTITIONS_HV_HV_FIXTURE_H
#define TESTS_CHECK_PARTITIONS_HV_HV_FIXTURE_H

#include "partitions/hv/hv.h"
#include "partitions/hv/port.h"
#include "partitions/hv/registers.h"

enum {
    FIXTURE_PAGES = 1024,
    FIXTURE_RESERVED = 256,   /* of them the hypervisor's */
    FIXTURE_ROOT_POOL = 128,  /* of those the root's first pool */
    FIXTURE_CHILD_PAGES = 64, /* mapped at GPA 0 of the child, from the root's page 128 on */
    FIXTURE_CHILD_FROM = 128,
    FIXTURE_CHILD_POOL = 64,
};
#define FIXTURE_RESERVED_GPFN UINT64_C(0x80000)

/* What the hypervisor asked of the machine. */
struct fixture_calls {
    unsigned interrupts, last_vector, kicks, flushes, flushed_all, idles, resets, crashes, sinks,
        state_changes, spins, invariant;
    bool last_auto_eoi, apic_disabled, refuse_interrupt, not_acknowledged, no_vp;
    uint64_t flush_gva, flush_pages, eoi, icr, tpr, apic_base;
    uint32_t interrupted_vp;
    struct hv_interrupt asserted;
};

struct fixture_machine {
    struct ram ram;
    struct clock clock;
    struct trace trace;
    struct hypervisor hv;
    struct partition *root, *child;
    struct vp *root_vp, *vp, *vp1;
    struct hv_caller parent; /* the root's authority, in C */
    struct fixture_calls calls;
};

struct fixture {
    struct fixture_machine machine[2];
};

/* root_is_guest: the root's VP has pages instead of the sink. */
void fixture_machine_init(struct fixture_machine *m, bool root_is_guest);
void fixture_machine_fini(struct fixture_machine *m);
/* A partition under `parent`, active, with a pool; no VP and no memory. */
struct partition *fixture_partition(struct fixture_machine *m, const struct hv_caller *parent,
                                    uint64_t pool_from);

struct fixture *fixture_create(bool root_is_guest);
void fixture_destroy(struct fixture *fixture);

/* Put the VP into 64-bit kernel mode with an OS id, so that it may call. */
void fixture_enter_long_mode(struct vp *vp);
/* Input at GPA 0x2000, output at 0x3000, VMCALL. */
enum core_status fixture_vmcall(struct vp *vp, uint64_t control, const void *in, size_t in_len);
enum { FIXTURE_IN_GPA = 0x2000, FIXTURE_OUT_GPA = 0x3000 };

struct hv_caller fixture_caller(struct vp *vp);
uint64_t fixture_msr(struct vp *vp, uint32_t msr);
/* Let the machine's time pass and run its timers. */
void fixture_advance(struct fixture_machine *m, uint64_t ns);

/* Port `id` of `owner` at SINT, and a connection of the same id in `from`. */
void fixture_connect(struct fixture_machine *m, struct partition *owner, struct partition *from,
                     uint32_t id, unsigned type, unsigned sint, uint32_t vp);
/* Turn a VP's SynIC on: SIMP at GPA 0x8000, SIEFP at 0x9000, SINT n unmasked with `vector`. */
void fixture_synic_on(struct vp *vp, unsigned sint, unsigned vector);
enum { FIXTURE_SIMP_GPA = 0x8000, FIXTURE_SIEFP_GPA = 0x9000 };

#endif
