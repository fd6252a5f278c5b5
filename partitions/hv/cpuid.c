/* The hypervisor's CPUID leaves, from the privilege mask. [TLFS feature-discovery] */
#include "partitions/hv/cpuid.h"

#include <string.h>

#include "partitions/hv/features.h"
#include "partitions/hv/hv.h"

enum { EAX, EBX, ECX, EDX };

enum {
    LEAF_VENDOR = 0x40000000,
    LEAF_INTERFACE = 0x40000001,
    LEAF_VERSION = 0x40000002,
    LEAF_FEATURES = 0x40000003,
    LEAF_HINTS = 0x40000004,
    LEAF_LIMITS = 0x40000005,
    LEAF_HARDWARE = 0x40000006,
    LEAF_MAX = LEAF_HARDWARE,
    LEAF_RANGE = 0x400000ff, /* guests look at some leaves beyond the maximum: zeros */
};

enum {
    HINT_REMOTE_TLB_FLUSH = 1u << 2,
    HINT_APIC_MSRS = 1u << 3,
    HINT_RELAXED_TIMING = 1u << 5,
    HINT_DEPRECATE_AUTO_EOI = 1u << 9,
    HINT_CLUSTER_IPI = 1u << 10,
    HINT_EX_PROCESSOR_MASKS = 1u << 11,
};

/* Reported as the hypervisor of Windows Server 2025 numbers itself: mshv drivers warn outside
 * 27744-27751. */
enum { VERSION_BUILD = 27748, VERSION_MAJOR = 10, VERSION_MINOR = 0 };

enum { SPIN_RETRIES = 0x1000, HARDWARE_SLAT = 1u << 3 };

static uint32_t hints(const struct partition *partition)
{
    uint32_t value = HINT_RELAXED_TIMING | HINT_DEPRECATE_AUTO_EOI;

    if (partition->privileges & HV_PRIVILEGE(ACCESS_HYPERCALL_MSRS)) {
        value |= HINT_REMOTE_TLB_FLUSH | HINT_CLUSTER_IPI | HINT_EX_PROCESSOR_MASKS;
    }
    if (partition->privileges & HV_PRIVILEGE(ACCESS_INTR_CTRL_REGS)) {
        value |= HINT_APIC_MSRS;
    }
    return value;
}

static void vendor(uint32_t regs[4])
{
    static const char name[12] = "Microsoft Hv";

    regs[EAX] = LEAF_MAX;
    memcpy(&regs[EBX], name, 4);
    memcpy(&regs[ECX], name + 4, 4);
    memcpy(&regs[EDX], name + 8, 4);
}

void hv_cpuid_leaf(const struct partition *partition, uint32_t leaf, uint32_t regs[4])
{
    const struct hypervisor *hv = partition->hv;

    memset(regs, 0, 4 * sizeof(regs[0]));
    switch (leaf) {
    case LEAF_VENDOR:
        vendor(regs);
        break;
    case LEAF_INTERFACE:
        regs[EAX] = 0x31237648; /* "Hv#1" */
        break;
    case LEAF_VERSION:
        regs[EAX] = VERSION_BUILD;
        regs[EBX] = (uint32_t)VERSION_MAJOR << 16 | VERSION_MINOR;
        break;
    case LEAF_FEATURES:
        regs[EAX] = (uint32_t)partition->privileges;
        regs[EBX] = (uint32_t)(partition->privileges >> 32);
        regs[EDX] = partition->features;
        break;
    case LEAF_HINTS:
        regs[EAX] = hints(partition);
        regs[EBX] = SPIN_RETRIES;
        regs[ECX] = hv->config.address_bits;
        break;
    case LEAF_LIMITS:
        regs[EAX] = hv->config.max_vps;
        regs[EBX] = hv->config.max_vps;
        break;
    case LEAF_HARDWARE:
        regs[EAX] = HARDWARE_SLAT;
        break;
    default: /* the range's other leaves hold zeros */
        break;
    }
}

enum core_status hv_cpuid(struct vp *vp, uint32_t leaf, uint32_t subleaf, uint32_t regs[4])
{
    const struct partition *partition = vp->partition;
    const uint32_t hypervisor_present = UINT32_C(1) << 31, invariant_tsc = UINT32_C(1) << 8;

    if (leaf >= LEAF_VENDOR && leaf <= LEAF_RANGE) {
        hv_cpuid_leaf(partition, leaf, regs);
    } else if (leaf == 1) {
        regs[ECX] |= hypervisor_present;
    } else if (leaf == 0x80000007) {
        regs[EDX] = (regs[EDX] & ~invariant_tsc) |
                    (partition->tsc_invariant_control & 1 ? invariant_tsc : 0);
    }
    return hv_intercept_cpuid(vp, leaf, subleaf, regs, NULL) ? CORE_SUSPEND : CORE_OK;
}
