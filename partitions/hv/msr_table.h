/* The table of synthetic MSRs. [TLFS v2.0 app. H; TLFS v6.0b app. C; TLFS markdown] */
/*
 * HV_MSR(number, NAME, access, privilege, feature, read, write)
 *   access       R, W or RW; the other direction is #GP
 *   privilege    bit of the privilege mask, or NONE
 *   feature      bit of CPUID 0x40000003.EDX that must be on, or 0
 *   read, write  what it does; NULL where the access lacks it
 * HV_MSR_NOT_BUILT(number, NAME): named, #GP, traced as unimplemented.
 */
#ifndef PARTITIONS_HV_MSR_TABLE_H
#define PARTITIONS_HV_MSR_TABLE_H

/* clang-format off */
#define HV_MSRS(HV_MSR) \
HV_MSR(0x40000000, GUEST_OS_ID,           RW, ACCESS_HYPERCALL_MSRS,              0, guest_os_id_read, guest_os_id_write) \
HV_MSR(0x40000001, HYPERCALL,             RW, ACCESS_HYPERCALL_MSRS,              0, hypercall_read, hypercall_write) \
HV_MSR(0x40000002, VP_INDEX,              R,  ACCESS_VP_INDEX,                    0, vp_index_read, NULL) \
HV_MSR(0x40000003, RESET,                 RW, ACCESS_RESET_REG,                   0, zero_read, reset_write) \
HV_MSR(0x40000010, VP_RUNTIME,            R,  ACCESS_VP_RUN_TIME_REG,             0, vp_runtime_read, NULL) \
HV_MSR(0x40000020, TIME_REF_COUNT,        R,  ACCESS_PARTITION_REFERENCE_COUNTER, 0, time_ref_count_read, NULL) \
HV_MSR(0x40000021, REFERENCE_TSC,         RW, ACCESS_PARTITION_REFERENCE_TSC,     0, reference_tsc_read, reference_tsc_write) \
HV_MSR(0x40000022, TSC_FREQUENCY,         R,  ACCESS_FREQUENCY_REGS,              HV_FEATURE_FREQUENCIES, tsc_frequency_read, NULL) \
HV_MSR(0x40000023, APIC_FREQUENCY,        R,  ACCESS_FREQUENCY_REGS,              HV_FEATURE_FREQUENCIES, apic_frequency_read, NULL) \
HV_MSR(0x40000070, EOI,                   W,  ACCESS_INTR_CTRL_REGS,              0, NULL, eoi_write) \
HV_MSR(0x40000071, ICR,                   RW, ACCESS_INTR_CTRL_REGS,              0, icr_read, icr_write) \
HV_MSR(0x40000072, TPR,                   RW, ACCESS_INTR_CTRL_REGS,              0, tpr_read, tpr_write) \
HV_MSR(0x40000073, VP_ASSIST_PAGE,        RW, ACCESS_INTR_CTRL_REGS,              0, vp_assist_read, vp_assist_write) \
HV_MSR(0x40000080, SCONTROL,              RW, ACCESS_SYNIC_REGS,                  0, scontrol_read, scontrol_write) \
HV_MSR(0x40000081, SVERSION,              R,  ACCESS_SYNIC_REGS,                  0, sversion_read, NULL) \
HV_MSR(0x40000082, SIEFP,                 RW, ACCESS_SYNIC_REGS,                  0, siefp_read, siefp_write) \
HV_MSR(0x40000083, SIMP,                  RW, ACCESS_SYNIC_REGS,                  0, simp_read, simp_write) \
HV_MSR(0x40000084, EOM,                   RW, ACCESS_SYNIC_REGS,                  0, zero_read, eom_write) \
HV_MSR(0x40000090, SINT0,                 RW, ACCESS_SYNIC_REGS,                  0, sint_read, sint_write) \
HV_MSR(0x40000091, SINT1,                 RW, ACCESS_SYNIC_REGS,                  0, sint_read, sint_write) \
HV_MSR(0x40000092, SINT2,                 RW, ACCESS_SYNIC_REGS,                  0, sint_read, sint_write) \
HV_MSR(0x40000093, SINT3,                 RW, ACCESS_SYNIC_REGS,                  0, sint_read, sint_write) \
HV_MSR(0x40000094, SINT4,                 RW, ACCESS_SYNIC_REGS,                  0, sint_read, sint_write) \
HV_MSR(0x40000095, SINT5,                 RW, ACCESS_SYNIC_REGS,                  0, sint_read, sint_write) \
HV_MSR(0x40000096, SINT6,                 RW, ACCESS_SYNIC_REGS,                  0, sint_read, sint_write) \
HV_MSR(0x40000097, SINT7,                 RW, ACCESS_SYNIC_REGS,                  0, sint_read, sint_write) \
HV_MSR(0x40000098, SINT8,                 RW, ACCESS_SYNIC_REGS,                  0, sint_read, sint_write) \
HV_MSR(0x40000099, SINT9,                 RW, ACCESS_SYNIC_REGS,                  0, sint_read, sint_write) \
HV_MSR(0x4000009a, SINT10,                RW, ACCESS_SYNIC_REGS,                  0, sint_read, sint_write) \
HV_MSR(0x4000009b, SINT11,                RW, ACCESS_SYNIC_REGS,                  0, sint_read, sint_write) \
HV_MSR(0x4000009c, SINT12,                RW, ACCESS_SYNIC_REGS,                  0, sint_read, sint_write) \
HV_MSR(0x4000009d, SINT13,                RW, ACCESS_SYNIC_REGS,                  0, sint_read, sint_write) \
HV_MSR(0x4000009e, SINT14,                RW, ACCESS_SYNIC_REGS,                  0, sint_read, sint_write) \
HV_MSR(0x4000009f, SINT15,                RW, ACCESS_SYNIC_REGS,                  0, sint_read, sint_write) \
HV_MSR(0x400000b0, STIMER0_CONFIG,        RW, ACCESS_SYNTHETIC_TIMER_REGS,        0, stimer_config_read, stimer_config_set) \
HV_MSR(0x400000b1, STIMER0_COUNT,         RW, ACCESS_SYNTHETIC_TIMER_REGS,        0, stimer_count_read, stimer_count_set) \
HV_MSR(0x400000b2, STIMER1_CONFIG,        RW, ACCESS_SYNTHETIC_TIMER_REGS,        0, stimer_config_read, stimer_config_set) \
HV_MSR(0x400000b3, STIMER1_COUNT,         RW, ACCESS_SYNTHETIC_TIMER_REGS,        0, stimer_count_read, stimer_count_set) \
HV_MSR(0x400000b4, STIMER2_CONFIG,        RW, ACCESS_SYNTHETIC_TIMER_REGS,        0, stimer_config_read, stimer_config_set) \
HV_MSR(0x400000b5, STIMER2_COUNT,         RW, ACCESS_SYNTHETIC_TIMER_REGS,        0, stimer_count_read, stimer_count_set) \
HV_MSR(0x400000b6, STIMER3_CONFIG,        RW, ACCESS_SYNTHETIC_TIMER_REGS,        0, stimer_config_read, stimer_config_set) \
HV_MSR(0x400000b7, STIMER3_COUNT,         RW, ACCESS_SYNTHETIC_TIMER_REGS,        0, stimer_count_read, stimer_count_set) \
HV_MSR(0x400000f0, GUEST_IDLE,            R,  ACCESS_GUEST_IDLE_REG,              0, guest_idle_read, NULL) \
HV_MSR(0x40000100, CRASH_P0,              RW, NONE,                               HV_FEATURE_CRASH_MSRS, crash_read, crash_write) \
HV_MSR(0x40000101, CRASH_P1,              RW, NONE,                               HV_FEATURE_CRASH_MSRS, crash_read, crash_write) \
HV_MSR(0x40000102, CRASH_P2,              RW, NONE,                               HV_FEATURE_CRASH_MSRS, crash_read, crash_write) \
HV_MSR(0x40000103, CRASH_P3,              RW, NONE,                               HV_FEATURE_CRASH_MSRS, crash_read, crash_write) \
HV_MSR(0x40000104, CRASH_P4,              RW, NONE,                               HV_FEATURE_CRASH_MSRS, crash_read, crash_write) \
HV_MSR(0x40000105, CRASH_CTL,             RW, NONE,                               HV_FEATURE_CRASH_MSRS, crash_ctl_read, crash_ctl_write) \
HV_MSR(0x40000118, TSC_INVARIANT_CONTROL, RW, ACCESS_TSC_INVARIANT_CONTROLS,      0, tsc_invariant_read, tsc_invariant_write)

#define HV_MSRS_NOT_BUILT(HV_MSR_NOT_BUILT) \
HV_MSR_NOT_BUILT(0x40000040, NPIEP_CONFIG) \
HV_MSR_NOT_BUILT(0x40000085, SIRBP) \
HV_MSR_NOT_BUILT(0x400000c1, POWER_STATE_TRIGGER_C1) \
HV_MSR_NOT_BUILT(0x400000c2, POWER_STATE_TRIGGER_C2) \
HV_MSR_NOT_BUILT(0x400000c3, POWER_STATE_TRIGGER_C3) \
HV_MSR_NOT_BUILT(0x400000d1, POWER_STATE_CONFIG_C1) \
HV_MSR_NOT_BUILT(0x400000d2, POWER_STATE_CONFIG_C2) \
HV_MSR_NOT_BUILT(0x400000d3, POWER_STATE_CONFIG_C3) \
HV_MSR_NOT_BUILT(0x400000e0, STATS_PARTITION_RETAIL_PAGE) \
HV_MSR_NOT_BUILT(0x400000e1, STATS_PARTITION_INTERNAL_PAGE) \
HV_MSR_NOT_BUILT(0x400000e2, STATS_VP_RETAIL_PAGE) \
HV_MSR_NOT_BUILT(0x400000e3, STATS_VP_INTERNAL_PAGE) \
HV_MSR_NOT_BUILT(0x400000f1, SYNDBG_CONTROL) \
HV_MSR_NOT_BUILT(0x400000f2, SYNDBG_STATUS) \
HV_MSR_NOT_BUILT(0x400000f3, SYNDBG_SEND_BUFFER) \
HV_MSR_NOT_BUILT(0x400000f4, SYNDBG_RECV_BUFFER) \
HV_MSR_NOT_BUILT(0x400000f5, SYNDBG_PENDING_BUFFER) \
HV_MSR_NOT_BUILT(0x400000ff, SYNDBG_OPTIONS) \
HV_MSR_NOT_BUILT(0x40000106, REENLIGHTENMENT_CONTROL) \
HV_MSR_NOT_BUILT(0x40000107, TSC_EMULATION_CONTROL) \
HV_MSR_NOT_BUILT(0x40000108, TSC_EMULATION_STATUS) \
HV_MSR_NOT_BUILT(0x40000114, STIME_UNHALTED_TIMER_CONFIG) \
HV_MSR_NOT_BUILT(0x40000115, STIME_UNHALTED_TIMER_COUNT)
/* clang-format on */

#endif
