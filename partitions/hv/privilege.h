/* Privileges: EAX | EBX << 32 of CPUID 0x40000003. [TLFS HV_PARTITION_PRIVILEGE_MASK] */
#ifndef PARTITIONS_HV_PRIVILEGE_H
#define PARTITIONS_HV_PRIVILEGE_H

#include <stdint.h>

/* clang-format off */
#define HV_PRIVILEGES(X)                                      \
    X( 0, ACCESS_VP_RUN_TIME_REG)                             \
    X( 1, ACCESS_PARTITION_REFERENCE_COUNTER)                 \
    X( 2, ACCESS_SYNIC_REGS)                                  \
    X( 3, ACCESS_SYNTHETIC_TIMER_REGS)                        \
    X( 4, ACCESS_INTR_CTRL_REGS)                              \
    X( 5, ACCESS_HYPERCALL_MSRS)                              \
    X( 6, ACCESS_VP_INDEX)                                    \
    X( 7, ACCESS_RESET_REG)                                   \
    X( 8, ACCESS_STATS_REG)                                   \
    X( 9, ACCESS_PARTITION_REFERENCE_TSC)                     \
    X(10, ACCESS_GUEST_IDLE_REG)                              \
    X(11, ACCESS_FREQUENCY_REGS)                              \
    X(12, ACCESS_DEBUG_REGS)                                  \
    X(13, ACCESS_REENLIGHTENMENT_CONTROLS)                    \
    X(15, ACCESS_TSC_INVARIANT_CONTROLS)                      \
    X(32, CREATE_PARTITIONS)                                  \
    X(33, ACCESS_PARTITION_ID)                                \
    X(34, ACCESS_MEMORY_POOL)                                 \
    X(36, POST_MESSAGES)                                      \
    X(37, SIGNAL_EVENTS)                                      \
    X(38, CREATE_PORT)                                        \
    X(39, CONNECT_PORT)                                       \
    X(40, ACCESS_STATS)                                       \
    X(43, DEBUGGING)                                          \
    X(44, CPU_MANAGEMENT)                                     \
    X(48, ACCESS_VSM)                                         \
    X(49, ACCESS_VP_REGISTERS)                                \
    X(52, ENABLE_EXTENDED_HYPERCALLS)                         \
    X(53, START_VIRTUAL_PROCESSOR)
/* clang-format on */

enum {
#define X(bit, name) HV_PRIVILEGE_BIT_##name = bit,
    HV_PRIVILEGES(X)
#undef X
};
#define HV_PRIVILEGE(name)                                                                         \
    (UINT64_C(1) << HV_PRIVILEGE_BIT_##name) /* HV_PRIVILEGE(POST_MESSAGES) */

/* All the rows but TSC invariance, which a root is never offered: what the root is born with. */
uint64_t hv_privileges_root(void);
/* What CreatePartition gives, until the parent sets the property. [TLFS v2.0 5.2.3] */
uint64_t hv_privileges_child_default(void);
/* What a child needs to run an enlightened Linux: a suggestion for parents (without invariant TSC).
 */
uint64_t hv_privileges_child_linux(void);
/* "CREATE_PARTITIONS" of a bit number, or NULL. */
const char *hv_privilege_name(unsigned bit);

#endif
