/* The public face of the hypervisor for machine, VP glue and built-in parent. [TLFS] */
/*
 * Every function here takes the hypervisor's lock itself. A guest enters by
 * hv_hypercall_from_guest, hv_msr_*, hv_cpuid and the hv_intercept_* functions, all called on the
 * VP's own thread while an instruction is being executed; the built-in parent enters by hv_call
 * with the root's authority: there is no other way in.
 */
#ifndef PARTITIONS_HV_HV_H
#define PARTITIONS_HV_HV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cpu/cpu.h"
#include "partitions/hv/hypervisor.h"
#include "partitions/hv/privilege.h"
#include "partitions/hv/status.h"
#include "partitions/partition.h"
#include "partitions/vp.h"

/* ---- hypercalls ---- */

enum hv_era {
    HV_ERA_CURRENT
}; /* which TLFS the caller speaks; deprecated calls have their own codes */

/* On whose behalf a hypercall is made. */
struct hv_caller {
    struct partition *partition;
    struct vp *vp; /* NULL: C code of the built-in parent */
    unsigned vtl;
    enum hv_era era;
    bool guest; /* the parameters came from a guest's registers and memory */
};

/* The caller that is the built-in parent: the root partition's authority, no VP. */
struct hv_caller hv_caller_root(struct hypervisor *hv);

/* The one dispatcher: checks what the table's row says, then the handler. Used by guests'
 * hypercalls and by C alike. in, in_len: the input list: fixed header, variable header, then `reps`
 * elements. out, out_len: room for the output. reps: rep count of a rep call, else 0. *reps_done:
 * elements done, also on failure; may be NULL for a simple call. A C caller's variable header is
 * what in_len leaves between the fixed header and the elements. C callers are on no VP's thread, but
 * for calls without a target (messages, events): others may wait for VPs. */
hv_status_t hv_call(const struct hv_caller *caller, uint16_t code, const void *in, size_t in_len,
                    void *out, size_t out_len, unsigned reps, unsigned *reps_done);

/* VMCALL or VMMCALL on the VP's thread: registers by mode, slow, fast and XMM-fast forms.
 * CORE_OK: done, the result is in the registers, the instruction retires; CORE_UD; CORE_SUSPEND:
 * nothing retires: either a rep call used up its time and RCX (EDX:EAX) was advanced, the
 * instruction restarts; or an intercept message went to the parent and the VP is suspended. */
enum core_status hv_hypercall_from_guest(struct vp *vp);

/* ---- what instructions ask ---- */

/* Synthetic MSRs 0x40000000-0x4fffffff. CORE_GP for what does not exist or is not allowed (unless
 * the parent intercepts MSRs: CORE_SUSPEND). */
enum core_status hv_msr_read(struct vp *vp, uint32_t msr, uint64_t *value);
enum core_status hv_msr_write(struct vp *vp, uint32_t msr, uint64_t value);
static inline bool hv_msr_is_synthetic(uint32_t msr)
{
    return msr >> 28 == 4;
}

/* Fill EAX EBX ECX EDX of leaves 0x40000000-0x400000ff; set 1.ECX[31]; show 0x80000007.EDX[8] when
 * the guest turned TSC invariance on. CORE_SUSPEND: the parent intercepts the leaf. */
enum core_status hv_cpuid(struct vp *vp, uint32_t leaf, uint32_t subleaf, uint32_t regs[4]);

/* ---- intercepts: tell the parent and suspend the VP. True: a message was posted, unwind with
 * SUSPEND. ---- */
struct hv_instruction {
    uint8_t length; /* 0: not known */
    uint8_t n_bytes;
    uint8_t bytes[16];
};

/* A GPA access that hit no mapping or lacks a right. access: SPACE_READ, SPACE_WRITE or SPACE_EXEC.
 * False: the root. */
bool hv_intercept_gpa(struct vp *vp, gpa_t gpa, bool gva_valid, gva_t gva, unsigned access,
                      const struct hv_instruction *instruction);
/* False: the parent did not ask for it. Port access of `size` bytes; string, rep as the instruction
 * says. */
bool hv_intercept_io(struct vp *vp, uint16_t port, unsigned size, bool write, bool string, bool rep,
                     const struct hv_instruction *instruction);
bool hv_intercept_msr(struct vp *vp, uint32_t msr, bool write, uint64_t value,
                      const struct hv_instruction *instruction);
bool hv_intercept_cpuid(struct vp *vp, uint32_t leaf, uint32_t subleaf, const uint32_t defaults[4],
                        const struct hv_instruction *instruction);
bool hv_intercept_exception(struct vp *vp, const struct x86_fault *fault,
                            const struct hv_instruction *instruction);
bool hv_intercept_halt(struct vp *vp);
/* A triple fault. Always posted for a child; false for the root (the machine restarts). */
bool hv_intercept_unrecoverable(struct vp *vp);

/* ---- life of VPs ---- */

/* The VP starts or stops running guest code: for HV_X64_MSR_VP_RUNTIME. */
void hv_vp_run_begin(struct vp *vp);
void hv_vp_run_end(struct vp *vp);
/* The VP's APIC retired `vector`: look whether queued messages can go. */
void hv_eoi_notify(struct vp *vp, unsigned vector);
/* Registers and synthetic state back to power-on: MSRs, overlays (zeroed), SynICs, timers. Memory
 * is untouched; VPs' processors and APICs are the machine's to reset. */
void hv_partition_reset(struct partition *partition);

/* ---- time ---- */
uint64_t hv_tsc(const struct hypervisor *hv,
                uint64_t now_ns); /* TSC at an instant of the machine's clock */
uint64_t
hv_reference_time(struct partition *partition); /* 100 ns since the partition was created */

/* ---- the built-in parent's ears: messages and events for a VP that runs no guest ---- */
bool hv_sink_message_take(struct vp *vp, unsigned sint,
                          struct hv_message *message);                 /* false: none waits */
bool hv_sink_event_take(struct vp *vp, unsigned sint, unsigned *flag); /* false: no flag is set */

/* The trace events of this room: call once per trace. */
void hv_trace_register(struct trace *trace);

#endif
