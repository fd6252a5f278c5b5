/* Sets of privileges: the root's, a new child's, a Linux child's. [TLFS v2.0 5.2.3] */
#include "partitions/hv/privilege.h"

#include <stddef.h>

uint64_t hv_privileges_root(void)
{
    uint64_t all = 0;

#define X(bit, name) all |= UINT64_C(1) << (bit);
    HV_PRIVILEGES(X)
#undef X
    /* What is not built is not offered, and a root is never offered invariant TSC [LINUX
     * mshyperv.c]. */
    return all & ~(HV_PRIVILEGE(ACCESS_TSC_INVARIANT_CONTROLS) | HV_PRIVILEGE(ACCESS_STATS_REG) |
                   HV_PRIVILEGE(ACCESS_DEBUG_REGS) | HV_PRIVILEGE(ACCESS_REENLIGHTENMENT_CONTROLS) |
                   HV_PRIVILEGE(ACCESS_STATS) | HV_PRIVILEGE(DEBUGGING) | HV_PRIVILEGE(ACCESS_VSM) |
                   HV_PRIVILEGE(START_VIRTUAL_PROCESSOR));
}

uint64_t hv_privileges_child_default(void)
{
    return HV_PRIVILEGE(ACCESS_VP_RUN_TIME_REG) | HV_PRIVILEGE(ACCESS_PARTITION_REFERENCE_COUNTER) |
           HV_PRIVILEGE(ACCESS_SYNIC_REGS) | HV_PRIVILEGE(ACCESS_SYNTHETIC_TIMER_REGS) |
           HV_PRIVILEGE(ACCESS_INTR_CTRL_REGS) | HV_PRIVILEGE(ACCESS_HYPERCALL_MSRS) |
           HV_PRIVILEGE(ACCESS_VP_INDEX) | HV_PRIVILEGE(ACCESS_RESET_REG);
}

uint64_t hv_privileges_child_linux(void)
{
    return hv_privileges_child_default() | HV_PRIVILEGE(ACCESS_PARTITION_REFERENCE_TSC) |
           HV_PRIVILEGE(ACCESS_GUEST_IDLE_REG) | HV_PRIVILEGE(ACCESS_FREQUENCY_REGS) |
           HV_PRIVILEGE(POST_MESSAGES) | HV_PRIVILEGE(SIGNAL_EVENTS);
}

const char *hv_privilege_name(unsigned bit)
{
    switch (bit) {
#define X(number, name)                                                                            \
    case number:                                                                                   \
        return #name;
        HV_PRIVILEGES(X)
#undef X
    default:
        return NULL;
    }
}
