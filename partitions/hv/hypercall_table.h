/* The hypercall table: all that the dispatcher checks. [TLFS hypercalls; TLFS v6.0b app. A] */
/*
 * HV_CALL(code, Name, shape, in, element, out, element, flags, privilege, target, states, handler)
 *   shape      SIMPLE or REP
 *   in, out    bytes of the fixed header and output, and of each element of a rep call
 *   flags      FAST: may come in registers. VAR: takes a variable header. IF_SELF: the privilege is
 *              asked only of a caller that names itself. VP: a VP index follows the partition id
 *   privilege  bit of the privilege mask, or NONE
 *   target     who may be named by the id at offset 0. NONE: no id there; CHILD: a child of the
 *              caller; CHILD_SELF: or the caller; CHILD_ROOT: or the root by itself
 *   states     of the target: U(ninitialized) A(ctive) G (finalizing) F(inalized)
 * HV_CALL_NOT_BUILT(code, Name): answered INVALID_HYPERCALL_CODE, traced as unimplemented.
 * Layouts: LINUX hvgdk_mini.h, hvhdk.h.
 */
#ifndef PARTITIONS_HV_HYPERCALL_TABLE_H
#define PARTITIONS_HV_HYPERCALL_TABLE_H

/* clang-format off */
#define HV_CALLS(HV_CALL) \
/*      code    name                          shape   in  el  out el  flags          privilege                   target      states   handler */ \
HV_CALL(0x0002, FlushVirtualAddressSpace,     SIMPLE, 24,  0,  0,  0, FAST|SHARED,   NONE,                       NONE,       ALL,     hv_call_flush_space) \
HV_CALL(0x0003, FlushVirtualAddressList,      REP,    24,  8,  0,  0, FAST|SHARED,   NONE,                       NONE,       ALL,     hv_call_flush_list) \
HV_CALL(0x0008, NotifyLongSpinWait,           SIMPLE,  8,  0,  0,  0, FAST|SHARED,   NONE,                       NONE,       ALL,     hv_call_notify_long_spin_wait) \
HV_CALL(0x000b, SendSyntheticClusterIpi,      SIMPLE, 16,  0,  0,  0, FAST|SHARED,   NONE,                       NONE,       ALL,     hv_call_send_cluster_ipi) \
HV_CALL(0x0013, FlushVirtualAddressSpaceEx,   SIMPLE, 32,  0,  0,  0, FAST|VAR|SHARED, NONE,                       NONE,       ALL,     hv_call_flush_space_ex) \
HV_CALL(0x0014, FlushVirtualAddressListEx,    REP,    32,  8,  0,  0, FAST|VAR|SHARED, NONE,                       NONE,       ALL,     hv_call_flush_list_ex) \
HV_CALL(0x0015, SendSyntheticClusterIpiEx,    SIMPLE, 24,  0,  0,  0, FAST|VAR|SHARED, NONE,                       NONE,       ALL,     hv_call_send_cluster_ipi_ex) \
HV_CALL(0x0040, CreatePartition,              SIMPLE, 56,  0,  8,  0, FAST,          CREATE_PARTITIONS,          NONE,       ALL,     hv_call_create_partition) \
HV_CALL(0x0041, InitializePartition,          SIMPLE,  8,  0,  0,  0, FAST,          NONE,                       CHILD,      U,       hv_call_initialize_partition) \
HV_CALL(0x0042, FinalizePartition,            SIMPLE,  8,  0,  0,  0, FAST|VPS,      NONE,                       CHILD,      A|G,     hv_call_finalize_partition) \
HV_CALL(0x0043, DeletePartition,              SIMPLE,  8,  0,  0,  0, FAST,          NONE,                       CHILD,      U|F,     hv_call_delete_partition) \
HV_CALL(0x0044, GetPartitionProperty,         SIMPLE, 16,  0,  8,  0, FAST,          NONE,                       CHILD_SELF, U|A,     hv_call_get_partition_property) \
HV_CALL(0x0045, SetPartitionProperty,         SIMPLE, 24,  0,  0,  0, FAST,          NONE,                       CHILD,      U|A,     hv_call_set_partition_property) \
HV_CALL(0x0046, GetPartitionId,               SIMPLE,  0,  0,  8,  0, FAST,          ACCESS_PARTITION_ID,        NONE,       ALL,     hv_call_get_partition_id) \
HV_CALL(0x0047, GetNextChildPartition,        SIMPLE, 16,  0,  8,  0, FAST,          NONE,                       CHILD_SELF, ALL,     hv_call_get_next_child_partition) \
HV_CALL(0x0048, DepositMemory,                REP,     8,  8,  0,  0, FAST,          ACCESS_MEMORY_POOL,         CHILD_ROOT, U|A,     hv_call_deposit_memory) \
HV_CALL(0x0049, WithdrawMemory,               REP,    16,  0,  0,  8, 0,             ACCESS_MEMORY_POOL,         CHILD_ROOT, ALL,     hv_call_withdraw_memory) \
HV_CALL(0x004a, GetMemoryBalance,             SIMPLE, 16,  0, 16,  0, FAST,          ACCESS_MEMORY_POOL,         CHILD_ROOT, ALL,     hv_call_get_memory_balance) \
HV_CALL(0x004b, MapGpaPages,                  REP,    24,  8,  0,  0, 0,             NONE,                       CHILD,      A,       hv_call_map_gpa_pages) \
HV_CALL(0x004c, UnmapGpaPages,                REP,    24,  0,  0,  0, 0,             NONE,                       CHILD,      A,       hv_call_unmap_gpa_pages) \
HV_CALL(0x004d, InstallIntercept,             SIMPLE, 24,  0,  0,  0, FAST,          NONE,                       CHILD,      A,       hv_call_install_intercept) \
HV_CALL(0x004e, CreateVp,                     SIMPLE, 40,  0,  0,  0, FAST,          NONE,                       CHILD_ROOT, A,       hv_call_create_vp) \
HV_CALL(0x004f, DeleteVp,                     SIMPLE, 16,  0,  0,  0, FAST|VP,       NONE,                       CHILD,      A,       hv_call_delete_vp) \
HV_CALL(0x0050, GetVpRegisters,               REP,    16,  4,  0, 16, FAST|VP|IF_SELF, ACCESS_VP_REGISTERS,      CHILD_SELF, A,       hv_call_get_vp_registers) \
HV_CALL(0x0051, SetVpRegisters,               REP,    16, 32,  0,  0, FAST|VP|IF_SELF, ACCESS_VP_REGISTERS,      CHILD_SELF, A,       hv_call_set_vp_registers) \
HV_CALL(0x0052, TranslateVirtualAddress,      SIMPLE, 32,  0, 16,  0, FAST|VP,       NONE,                       CHILD,      A,       hv_call_translate_virtual_address) \
HV_CALL(0x0053, ReadGpa,                      SIMPLE, 32,  0, 24,  0, FAST|VP,       NONE,                       CHILD,      A,       hv_call_read_gpa) \
HV_CALL(0x0054, WriteGpa,                     SIMPLE, 48,  0,  8,  0, FAST|VP,       NONE,                       CHILD,      A,       hv_call_write_gpa) \
HV_CALL(0x0056, ClearVirtualInterrupt,        SIMPLE,  8,  0,  0,  0, FAST,          NONE,                       CHILD,      A,       hv_call_clear_virtual_interrupt) \
HV_CALL(0x0057, CreatePortDeprecated,         SIMPLE, 56,  0,  0,  0, FAST,          CREATE_PORT,                CHILD_SELF, A,       hv_call_create_port) \
HV_CALL(0x0058, DeletePort,                   SIMPLE, 16,  0,  0,  0, FAST,          CREATE_PORT,                CHILD_SELF, A,       hv_call_delete_port) \
HV_CALL(0x0059, ConnectPortDeprecated,        SIMPLE, 56,  0,  0,  0, FAST,          CONNECT_PORT,               CHILD_SELF, A,       hv_call_connect_port) \
HV_CALL(0x005a, GetPortProperty,              SIMPLE, 24,  0,  8,  0, FAST,          CREATE_PORT,                CHILD_SELF, A,       hv_call_get_port_property) \
HV_CALL(0x005b, DisconnectPort,               SIMPLE, 16,  0,  0,  0, FAST,          CONNECT_PORT,               CHILD_SELF, A,       hv_call_disconnect_port) \
HV_CALL(0x005c, PostMessage,                  SIMPLE, 256, 0,  0,  0, SHARED,        POST_MESSAGES,              NONE,       ALL,     hv_call_post_message) \
HV_CALL(0x005d, SignalEvent,                  SIMPLE,  8,  0,  0,  0, FAST|SHARED,   SIGNAL_EVENTS,              NONE,       ALL,     hv_call_signal_event) \
HV_CALL(0x006e, MapSparseGpaPages,            REP,    16, 16,  0,  0, 0,             NONE,                       CHILD,      A,       hv_call_map_sparse_gpa_pages) \
HV_CALL(0x0070, SetPortProperty,              SIMPLE, 32,  0,  8,  0, FAST,          CREATE_PORT,                CHILD_SELF, A,       hv_call_set_port_property) \
HV_CALL(0x0094, AssertVirtualInterrupt,       SIMPLE, 32,  0,  0,  0, FAST,          NONE,                       CHILD,      A,       hv_call_assert_virtual_interrupt) \
HV_CALL(0x0095, CreatePort,                   SIMPLE, 56,  0,  0,  0, FAST,          CREATE_PORT,                CHILD_SELF, A,       hv_call_create_port) \
HV_CALL(0x0096, ConnectPort,                  SIMPLE, 72,  0,  0,  0, FAST,          CONNECT_PORT,               CHILD_SELF, A,       hv_call_connect_port) \
HV_CALL(0x009a, GetVpIndexFromApicId,         REP,    16,  4,  0,  4, FAST,          NONE,                       CHILD_SELF, A,       hv_call_get_vp_index_from_apic_id) \
HV_CALL(0x8001, ExtCallQueryCapabilities,     SIMPLE,  0,  0,  8,  0, FAST,          ENABLE_EXTENDED_HYPERCALLS, NONE,       ALL,     hv_call_ext_query_capabilities)

#define HV_CALLS_NOT_BUILT(HV_CALL_NOT_BUILT) \
HV_CALL_NOT_BUILT(0x0001, SwitchVirtualAddressSpace) \
HV_CALL_NOT_BUILT(0x0004, GetLogicalProcessorRunTime) \
HV_CALL_NOT_BUILT(0x0005, UpdateHvProcessorFeatures) \
HV_CALL_NOT_BUILT(0x0006, SwitchAliasMap) \
HV_CALL_NOT_BUILT(0x0007, UpdateMicrocode) \
HV_CALL_NOT_BUILT(0x0009, ParkedVirtualProcessors) \
HV_CALL_NOT_BUILT(0x000a, InvokeHypervisorDebugger) \
HV_CALL_NOT_BUILT(0x000c, ModifyVtlProtectionMask) \
HV_CALL_NOT_BUILT(0x000d, EnablePartitionVtl) \
HV_CALL_NOT_BUILT(0x000e, DisablePartitionVtl) \
HV_CALL_NOT_BUILT(0x000f, EnableVpVtl) \
HV_CALL_NOT_BUILT(0x0010, DisableVpVtl) \
HV_CALL_NOT_BUILT(0x0011, VtlCall) \
HV_CALL_NOT_BUILT(0x0012, VtlReturn) \
HV_CALL_NOT_BUILT(0x0016, QueryImageInfo) \
HV_CALL_NOT_BUILT(0x0017, MapImagePages) \
HV_CALL_NOT_BUILT(0x0018, CommitPatch) \
HV_CALL_NOT_BUILT(0x0019, SyncContext) \
HV_CALL_NOT_BUILT(0x001a, SyncContextEx) \
HV_CALL_NOT_BUILT(0x001b, SetPerfRegister) \
HV_CALL_NOT_BUILT(0x001c, GetPerfRegister) \
HV_CALL_NOT_BUILT(0x0055, AssertVirtualInterruptDeprecated) \
HV_CALL_NOT_BUILT(0x005e, SavePartitionState) \
HV_CALL_NOT_BUILT(0x005f, RestorePartitionState) \
HV_CALL_NOT_BUILT(0x0060, InitializeEventLogBufferGroup) \
HV_CALL_NOT_BUILT(0x0061, FinalizeEventLogBufferGroup) \
HV_CALL_NOT_BUILT(0x0062, CreateEventLogBuffer) \
HV_CALL_NOT_BUILT(0x0063, DeleteEventLogBuffer) \
HV_CALL_NOT_BUILT(0x0064, MapEventLogBuffer) \
HV_CALL_NOT_BUILT(0x0065, UnmapEventLogBuffer) \
HV_CALL_NOT_BUILT(0x0066, SetEventLogGroupSources) \
HV_CALL_NOT_BUILT(0x0067, ReleaseEventLogBuffer) \
HV_CALL_NOT_BUILT(0x0068, FlushEventLogBuffer) \
HV_CALL_NOT_BUILT(0x0069, PostDebugData) \
HV_CALL_NOT_BUILT(0x006a, RetrieveDebugData) \
HV_CALL_NOT_BUILT(0x006b, ResetDebugSession) \
HV_CALL_NOT_BUILT(0x006c, MapStatsPage) \
HV_CALL_NOT_BUILT(0x006d, UnmapStatsPage) \
HV_CALL_NOT_BUILT(0x006f, SetSystemProperty) \
HV_CALL_NOT_BUILT(0x0071, OutputDebugCharacter) \
HV_CALL_NOT_BUILT(0x0072, EchoIncrement) \
HV_CALL_NOT_BUILT(0x0073, PerfNop) \
HV_CALL_NOT_BUILT(0x0074, PerfNopInput) \
HV_CALL_NOT_BUILT(0x0075, PerfNopOutput) \
HV_CALL_NOT_BUILT(0x0076, AddLogicalProcessor) \
HV_CALL_NOT_BUILT(0x0077, RemoveLogicalProcessor) \
HV_CALL_NOT_BUILT(0x0078, QueryNumaDistance) \
HV_CALL_NOT_BUILT(0x0079, SetLogicalProcessorProperty) \
HV_CALL_NOT_BUILT(0x007a, GetLogicalProcessorProperty) \
HV_CALL_NOT_BUILT(0x007b, GetSystemProperty) \
HV_CALL_NOT_BUILT(0x007c, MapDeviceInterrupt) \
HV_CALL_NOT_BUILT(0x007d, UnmapDeviceInterrupt) \
HV_CALL_NOT_BUILT(0x007e, RetargetDeviceInterrupt) \
HV_CALL_NOT_BUILT(0x007f, RetargetRootDeviceInterrupt) \
HV_CALL_NOT_BUILT(0x0080, AssertDeviceInterrupt) \
HV_CALL_NOT_BUILT(0x0081, UnmapDevicePages) \
HV_CALL_NOT_BUILT(0x0082, AttachDevice) \
HV_CALL_NOT_BUILT(0x0083, DetachDevice) \
HV_CALL_NOT_BUILT(0x0084, EnterSleepState) \
HV_CALL_NOT_BUILT(0x0085, NotifyStandbyTransition) \
HV_CALL_NOT_BUILT(0x0086, PrepareForHibernate) \
HV_CALL_NOT_BUILT(0x0087, NotifyPartitionEvent) \
HV_CALL_NOT_BUILT(0x0088, GetLogicalProcessorRegisters) \
HV_CALL_NOT_BUILT(0x0089, SetLogicalProcessorRegisters) \
HV_CALL_NOT_BUILT(0x008a, QueryAssociatedLpsForMca) \
HV_CALL_NOT_BUILT(0x008b, NotifyPortRingEmpty) \
HV_CALL_NOT_BUILT(0x008c, InjectSyntheticMachineCheck) \
HV_CALL_NOT_BUILT(0x008d, ScrubPartition) \
HV_CALL_NOT_BUILT(0x008e, CollectLivedump) \
HV_CALL_NOT_BUILT(0x008f, DisableHypervisor) \
HV_CALL_NOT_BUILT(0x0090, ModifySparseGpaPages) \
HV_CALL_NOT_BUILT(0x0091, RegisterInterceptResult) \
HV_CALL_NOT_BUILT(0x0092, UnregisterInterceptResult) \
HV_CALL_NOT_BUILT(0x0093, GetCoverageData) \
HV_CALL_NOT_BUILT(0x0097, GetSpaPageList) \
HV_CALL_NOT_BUILT(0x0099, StartVirtualProcessor) \
HV_CALL_NOT_BUILT(0x009b, GetPowerProperty) \
HV_CALL_NOT_BUILT(0x009c, SetPowerProperty) \
HV_CALL_NOT_BUILT(0x009d, CreatePasidSpace) \
HV_CALL_NOT_BUILT(0x009e, DeletePasidSpace) \
HV_CALL_NOT_BUILT(0x009f, SetPasidAddressSpace) \
HV_CALL_NOT_BUILT(0x00a0, FlushPasidAddressSpace) \
HV_CALL_NOT_BUILT(0x00a1, FlushPasidAddressList) \
HV_CALL_NOT_BUILT(0x00a2, AttachPasidSpace) \
HV_CALL_NOT_BUILT(0x00a3, DetachPasidSpace) \
HV_CALL_NOT_BUILT(0x00a4, EnablePasid) \
HV_CALL_NOT_BUILT(0x00a5, DisablePasid) \
HV_CALL_NOT_BUILT(0x00a6, AcknowledgeDevicePageRequest) \
HV_CALL_NOT_BUILT(0x00a7, CreateDevicePrQueue) \
HV_CALL_NOT_BUILT(0x00a8, DeleteDevicePrQueue) \
HV_CALL_NOT_BUILT(0x00a9, SetDevicePrqProperty) \
HV_CALL_NOT_BUILT(0x00aa, GetPhysicalDeviceProperty) \
HV_CALL_NOT_BUILT(0x00ab, SetPhysicalDeviceProperty) \
HV_CALL_NOT_BUILT(0x00ac, TranslateVirtualAddressEx) \
HV_CALL_NOT_BUILT(0x00ad, CheckForIoIntercept) \
HV_CALL_NOT_BUILT(0x00ae, SetGpaPageAttributes) \
HV_CALL_NOT_BUILT(0x00af, FlushGuestPhysicalAddressSpace) \
HV_CALL_NOT_BUILT(0x00b0, FlushGuestPhysicalAddressList) \
HV_CALL_NOT_BUILT(0x00b1, CreateDeviceDomain) \
HV_CALL_NOT_BUILT(0x00b2, AttachDeviceDomain) \
HV_CALL_NOT_BUILT(0x00b3, MapDeviceGpaPages) \
HV_CALL_NOT_BUILT(0x00b4, UnmapDeviceGpaPages) \
HV_CALL_NOT_BUILT(0x00b5, CreateCpuGroup) \
HV_CALL_NOT_BUILT(0x00b6, DeleteCpuGroup) \
HV_CALL_NOT_BUILT(0x00b7, GetCpuGroupProperty) \
HV_CALL_NOT_BUILT(0x00b8, SetCpuGroupProperty) \
HV_CALL_NOT_BUILT(0x00b9, GetCpuGroupAffinity) \
HV_CALL_NOT_BUILT(0x00ba, GetNextCpuGroup) \
HV_CALL_NOT_BUILT(0x00bb, GetNextCpuGroupPartition) \
HV_CALL_NOT_BUILT(0x00bc, AddPhysicalMemory) \
HV_CALL_NOT_BUILT(0x00bd, CompleteIntercept) \
HV_CALL_NOT_BUILT(0x00be, PrecommitGpaPages) \
HV_CALL_NOT_BUILT(0x00bf, UncommitGpaPages) \
HV_CALL_NOT_BUILT(0x00c0, SignalEventDirect) \
HV_CALL_NOT_BUILT(0x00c1, PostMessageDirect) \
HV_CALL_NOT_BUILT(0x00c2, DispatchVp) \
HV_CALL_NOT_BUILT(0x00c3, ProcessIommuPrq) \
HV_CALL_NOT_BUILT(0x00c4, DetachDeviceDomain) \
HV_CALL_NOT_BUILT(0x00c5, DeleteDeviceDomain) \
HV_CALL_NOT_BUILT(0x00c6, QueryDeviceDomain) \
HV_CALL_NOT_BUILT(0x00c7, MapSparseDeviceGpaPages) \
HV_CALL_NOT_BUILT(0x00c8, UnmapSparseDeviceGpaPages) \
HV_CALL_NOT_BUILT(0x00c9, GetGpaPagesAccessState) \
HV_CALL_NOT_BUILT(0x00ca, GetSparseGpaPagesAccessState) \
HV_CALL_NOT_BUILT(0x00cb, InvokeTestFramework) \
HV_CALL_NOT_BUILT(0x00cc, QueryVtlProtectionMaskRange) \
HV_CALL_NOT_BUILT(0x00cd, ModifyVtlProtectionMaskRange) \
HV_CALL_NOT_BUILT(0x00ce, ConfigureDeviceDomain) \
HV_CALL_NOT_BUILT(0x00cf, QueryDeviceDomainProperties) \
HV_CALL_NOT_BUILT(0x00d0, FlushDeviceDomain) \
HV_CALL_NOT_BUILT(0x00d1, FlushDeviceDomainList) \
HV_CALL_NOT_BUILT(0x00d2, AcquireSparseGpaPageHostAccess) \
HV_CALL_NOT_BUILT(0x00d3, ReleaseSparseGpaPageHostAccess) \
HV_CALL_NOT_BUILT(0x00d4, CheckSparseGpaPageVtlAccess) \
HV_CALL_NOT_BUILT(0x00d5, EnableDeviceInterrupt) \
HV_CALL_NOT_BUILT(0x00d6, FlushTlb) \
HV_CALL_NOT_BUILT(0x00d7, AcquireSparseSpaPageHostAccess) \
HV_CALL_NOT_BUILT(0x00d8, ReleaseSparseSpaPageHostAccess) \
HV_CALL_NOT_BUILT(0x00d9, AcceptGpaPages) \
HV_CALL_NOT_BUILT(0x00da, UnacceptGpaPages) \
HV_CALL_NOT_BUILT(0x00db, ModifySparseGpaPageHostVisibility) \
HV_CALL_NOT_BUILT(0x00dc, LockSparseGpaPageMapping) \
HV_CALL_NOT_BUILT(0x00dd, UnlockSparseGpaPageMapping) \
HV_CALL_NOT_BUILT(0x00de, RequestProcessorHalt) \
HV_CALL_NOT_BUILT(0x00df, GetInterceptData) \
HV_CALL_NOT_BUILT(0x00e0, QueryDeviceInterruptTarget) \
HV_CALL_NOT_BUILT(0x00e1, MapVpStatePage) \
HV_CALL_NOT_BUILT(0x00e2, UnmapVpStatePage) \
HV_CALL_NOT_BUILT(0x00e3, GetVpState) \
HV_CALL_NOT_BUILT(0x00e4, SetVpState) \
HV_CALL_NOT_BUILT(0x00e5, GetVpSetFromMda) \
HV_CALL_NOT_BUILT(0x00e7, CreateIptBuffers) \
HV_CALL_NOT_BUILT(0x00e8, DeleteIptBuffers) \
HV_CALL_NOT_BUILT(0x00e9, ControlHypervisorIptTrace) \
HV_CALL_NOT_BUILT(0x00ea, ReserveDeviceInterrupt) \
HV_CALL_NOT_BUILT(0x00eb, PersistDevice) \
HV_CALL_NOT_BUILT(0x00ec, UnpersistDevice) \
HV_CALL_NOT_BUILT(0x00ed, PersistDeviceInterrupt) \
HV_CALL_NOT_BUILT(0x00ee, RefreshPerformanceCounters) \
HV_CALL_NOT_BUILT(0x00ef, ImportIsolatedPages) \
HV_CALL_NOT_BUILT(0x00f0, CompletePendingIsolatedPagesImport) \
HV_CALL_NOT_BUILT(0x00f1, CompleteIsolatedImport) \
HV_CALL_NOT_BUILT(0x00f2, IssueSnpPspGuestRequest) \
HV_CALL_NOT_BUILT(0x00f3, RootSignalEvent) \
HV_CALL_NOT_BUILT(0x00f4, GetVpCpuidValues) \
HV_CALL_NOT_BUILT(0x00f5, ReadSystemMemory) \
HV_CALL_NOT_BUILT(0x00f6, SetHwWatchdogConfig) \
HV_CALL_NOT_BUILT(0x00f7, RemovePhysicalMemory) \
HV_CALL_NOT_BUILT(0x00f8, LogHypervisorSystemConfig) \
HV_CALL_NOT_BUILT(0x00f9, IssueNestedSnpPspRequests) \
HV_CALL_NOT_BUILT(0x00fa, CompleteSnpPspRequests) \
HV_CALL_NOT_BUILT(0x00fb, SubsumeInitializedMemory) \
HV_CALL_NOT_BUILT(0x00fc, SubsumeVp) \
HV_CALL_NOT_BUILT(0x00fd, DestroySubsumedContext) \
HV_CALL_NOT_BUILT(0x0101, GetPartitionPropertyEx) \
HV_CALL_NOT_BUILT(0x0103, RestorePartitionTime) \
HV_CALL_NOT_BUILT(0x0106, MemoryMappedIoRead) \
HV_CALL_NOT_BUILT(0x0107, MemoryMappedIoWrite) \
HV_CALL_NOT_BUILT(0x010a, SetPartitionPropertyEx) \
HV_CALL_NOT_BUILT(0x010f, DisableHypervisorEx) \
HV_CALL_NOT_BUILT(0x0110, InstallInterceptEx) \
HV_CALL_NOT_BUILT(0x0112, PinGpaPageRanges) \
HV_CALL_NOT_BUILT(0x0113, UnpinGpaPageRanges) \
HV_CALL_NOT_BUILT(0x011c, QuerySparseGpaPageHostVisibility) \
HV_CALL_NOT_BUILT(0x011f, SetVirtualInterruptTarget) \
HV_CALL_NOT_BUILT(0x0131, MapStatsPage2) \
HV_CALL_NOT_BUILT(0x8002, ExtCallGetBootZeroedMemory) \
HV_CALL_NOT_BUILT(0x8003, ExtCallMemoryHeatHint) \
HV_CALL_NOT_BUILT(0x8004, ExtCallEpfSetup) \
HV_CALL_NOT_BUILT(0x8006, ExtCallMemoryHeatHintAsync) \
HV_CALL_NOT_BUILT(0xc001, VbsVmCallReport)
/* clang-format on */

#endif
