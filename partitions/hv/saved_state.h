/* What is saved of the hypervisor: page owners, partitions, ports, synthetic VP state. */
/*
 * A machine is restored in this order: hypervisor_restore_partition and hypervisor_restore_vp make what there was, in
 * the order in which it was made; then the sections are read: partitions, VPs, and the hypervisor at last, which
 * derives who maps which page.
 */
#ifndef PARTITIONS_HV_SAVED_STATE_H
#define PARTITIONS_HV_SAVED_STATE_H

#include <stdint.h>

#include "base/error.h"
#include "base/state.h"

struct hypervisor;
struct partition;
struct vp;

extern const struct state_table hypervisor_saved_table; /* struct hypervisor */
extern const struct state_table partition_saved_table;  /* struct partition */
extern const struct state_table vp_synthetic_saved_table; /* struct vp: without its processor */

/* The root is there already. 0 or -errno. */
WARN_UNUSED int hypervisor_restore_partition(struct hypervisor *hv, uint64_t id, uint64_t parent,
                                             struct error *error);
WARN_UNUSED int hypervisor_restore_vp(struct hypervisor *hv, uint64_t partition, uint32_t index,
                                      struct error *error);

/* Before what was half restored is destroyed. */
void hypervisor_restore_failed(struct hypervisor *hv);

#endif
