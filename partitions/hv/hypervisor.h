/* struct hypervisor: a machine's partitions, who owns each RAM page, time. [TLFS v2.0 5, 7] */
/*
 * Embedded in the machine. Its lock guards everything in partitions/hv of that machine: partitions,
 * ports, queues, SynICs, timers, page owners. It is taken by the entry points of hv.h and by
 * timers, and never held when they return; hypervisor_ops are called with it held, so they only
 * post and never call back into hv.h (apic_read and apic_write are called without it: an EOI comes
 * back as hv_eoi_notify).
 */
#ifndef PARTITIONS_HV_HYPERVISOR_H
#define PARTITIONS_HV_HYPERVISOR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/host/mutex.h"
#include "base/trace.h"
#include "cpu/cpu.h"
#include "mmu/addr.h"
#include "mmu/ram.h"
#include "partitions/hv/message.h"

struct hypervisor;
struct partition;
struct vp;

enum hv_apic_register { HV_APIC_EOI, HV_APIC_ICR, HV_APIC_TPR };

/* HV_INTERRUPT_TYPE of AssertVirtualInterrupt. [TLFS hv_interrupt_type] */
enum hv_interrupt_type {
    HV_INTERRUPT_FIXED = 0,
    HV_INTERRUPT_LOWEST_PRIORITY = 1,
    HV_INTERRUPT_SMI = 2,
    HV_INTERRUPT_REMOTE_READ = 3,
    HV_INTERRUPT_NMI = 4,
    HV_INTERRUPT_INIT = 5,
    HV_INTERRUPT_SIPI = 6,
    HV_INTERRUPT_EXTINT = 7,
};

struct hv_interrupt {
    enum hv_interrupt_type type;
    bool level, logical;
    uint64_t destination; /* APIC id or logical destination */
    uint8_t vector;
};

/* Calls upward, set by the machine. All are required unless a comment says otherwise; none blocks.
 */
struct hypervisor_ops {
    /* Allocate a zeroed struct vp with its processor and local APIC, in reset state; hv fills the
     * rest. NULL: no host memory. */
    struct vp *(*vp_create)(void *opaque, struct partition *partition, uint32_t index);
    void (*vp_destroy)(void *opaque, struct vp *vp); /* frees */
    /* A partition was made (attach its buses, devices) or is about to go. May be NULL. 0 or -errno.
     */
    int (*partition_created)(void *opaque, struct partition *partition);
    void (*partition_destroyed)(void *opaque, struct partition *partition);

    /* Edge interrupt into the VP's local APIC, and a kick. auto_eoi: no in-service bit at delivery.
     */
    void (*interrupt)(struct vp *vp, unsigned vector, bool auto_eoi);
    bool (*apic_enabled)(struct vp *vp); /* software-enabled: else SynIC interrupts are lost */
    uint32_t (*apic_id)(struct vp *vp);
    enum core_status (*apic_read)(struct vp *vp, enum hv_apic_register reg, uint64_t *value);
    enum core_status (*apic_write)(struct vp *vp, enum hv_apic_register reg, uint64_t value);
    /* HvCallAssertVirtualInterrupt to a partition; false: no such destination or type. */
    bool (*assert_interrupt)(struct partition *partition, const struct hv_interrupt *interrupt);
    /* HvCallClearVirtualInterrupt: 0 cleared, 1 it was never acknowledged. */
    int (*clear_interrupt)(struct partition *partition);
    uint64_t (*apic_base_read)(struct vp *vp);
    bool (*apic_base_write)(struct vp *vp, uint64_t value); /* false: reserved bits */

    /* core.state was changed from outside: derive mode, paging and caches again. */
    void (*state_changed)(struct vp *vp);
    /* Drop translations: all, or those of n pages from gva. global: global pages too. */
    void (*tlb_flush)(struct vp *vp, bool all, gva_t gva, uint64_t n_pages);
    /* With VPs that run in parallel; all three may be NULL. `vp` is to stand still until release: true when it does;
     * else the request is taken up again after settle (no lock held; a VP's own thread does it between instructions).
     * by: the caller's VP or NULL. */
    bool (*hold)(void *opaque, struct vp *by, struct vp *vp);
    void (*release)(void *opaque, struct vp *by);
    void (*settle)(void *opaque);
    void (*kick)(struct vp *vp); /* leave cpu_run soon: suspended, resumed, something pending */
    void (*idle)(struct vp *vp); /* HV_X64_MSR_GUEST_IDLE was read: halt after the instruction, wake
                                    even with IF = 0 */
    void (*spin)(struct vp *vp); /* HvCallNotifyLongSpinWait. May be NULL */
    void (*reset)(
        struct partition *partition); /* HV_X64_MSR_RESET: post a reset of the partition */
    void (*crashed)(struct partition *partition,
                    uint64_t control); /* CRASH_CTL: partition.crash holds P0-P4 */
    /* The partition offers invariant TSC to its guest from now on (CPUID 0x80000007.EDX[8]). May be
     * NULL. */
    void (*tsc_invariant)(struct partition *partition);
    /* Messages or event flags wait for a VP without a guest (the built-in parent): take them by
     * hv_sink_*. */
    void (*sink)(struct vp *vp, unsigned sint);
};

/* Who may use a RAM page. */
enum hv_page_use {
    HV_PAGE_OWNED,      /* by `owner`, which may map it into children */
    HV_PAGE_DEPOSITED,  /* in owner's pool: nobody can reach it */
    HV_PAGE_HYPERVISOR, /* overlays */
};

/* One GPA page of a child that a RAM page is. */
struct hv_mapping {
    struct hv_mapping *next;
    struct partition *partition;
    uint64_t gpfn;
};

struct hv_page {
    struct hv_mapping *mappings; /* in children */
    uint64_t root_gpfn;          /* where the root sees it; UINT64_MAX: nowhere */
    uint32_t owner;              /* partition id: whose pool, when deposited */
    uint8_t use;                 /* enum hv_page_use */
    uint8_t allocated;           /* HV_PAGE_HYPERVISOR: an overlay lives there */
};

enum { HV_PARTITIONS = 256, HV_VPS = 256, HV_DEPTH = 8 };
#define HV_TSC_HZ_DEFAULT  UINT64_C(2000000000)
#define HV_APIC_HZ_DEFAULT UINT64_C(200000000)

struct hypervisor_config {
    struct ram *ram;
    struct clock *clock;
    struct trace *trace;
    const struct hypervisor_ops *ops;
    void *ops_opaque;
    uint64_t tsc_hz, apic_hz; /* 0: the default */
    unsigned address_bits;    /* of every GPA space; 0: 40 */
    /* RAM pages that the hypervisor keeps: overlays and the root's first pool. At least 16 a VP. */
    uint64_t reserved_spfn, reserved_pages;
    uint64_t reserved_gpfn;   /* where the root sees overlays whose place the hypervisor chooses:
                                 outside its RAM */
    uint64_t root_pool_pages; /* of the reserved ones, at the end: the root's own pool, for objects
                                 it creates */
    uint64_t withheld_privileges; /* bits the root does not get */
    bool root_is_guest; /* an operating system runs in the root; else the built-in parent acts for
                           it */
    uint32_t max_vps;   /* CPUID 0x40000005; 0: HV_VPS */
};

enum { HV_CALL_ROWS_MOST = 256 };

struct hypervisor {
    struct hypervisor_config config;
    struct ram *ram;
    struct clock *clock;
    struct trace *trace;
    const struct hypervisor_ops *ops;
    uint64_t tsc_hz, apic_hz;
    /* Writers change what others find: partitions, VPs, ports, maps, other VPs' registers. Readers do what VPs do to each
     * other all the time: flush, interrupt, post, signal, and their own SynIC and timers. */
    struct host_rwlock lock;
    struct host_mutex buffers_lock; /* readers': which buffers of a port are free */

    struct partition
        *partitions[HV_PARTITIONS]; /* in order of creation, NULL holes at the end only */
    unsigned n_partitions;
    uint64_t next_partition_id; /* never reused */
    struct partition *root;
    struct hv_page *pages; /* ram.n_pages */
    uint64_t hypercalls;   /* counted */
    uint64_t hypercalls_by_row[HV_CALL_ROWS_MOST]; /* of the hypercall table (atomic) */
};

/* How often the row's hypercall got as far as its handler. False: there is no such row. */
bool hv_call_count(const struct hypervisor *hv, unsigned row, uint16_t *code, const char **name,
                   uint64_t *count);

/* Makes the hypervisor and its root partition, active, without VPs and with an empty GPA space: the
 * machine gives it its RAM by hypervisor_root_map and makes its VPs by HvCallCreateVp. 0 or -errno.
 */
WARN_UNUSED int hypervisor_init(struct hypervisor *hv, const struct hypervisor_config *config,
                                struct error *error);
/* RAM pages appear in the root's GPA space, all rights. -EINVAL: reserved pages or outside the RAM.
 */
WARN_UNUSED int hypervisor_root_map(struct hypervisor *hv, uint64_t gpfn, uint64_t spfn,
                                    uint64_t n_pages);
void hypervisor_fini(struct hypervisor *hv); /* destroys all partitions and VPs */

/* NULL when there is none. Caller holds the lock, or no other thread runs. */
struct partition *hypervisor_partition(struct hypervisor *hv, uint64_t id);

/* An overlay page, zeroed. False: the pool is empty. */
WARN_UNUSED bool hypervisor_page_alloc(struct hypervisor *hv, spa_t *spa);
void hypervisor_page_free(struct hypervisor *hv, spa_t spa);

#endif
