/* What the trace hash takes of a machine's state beside its events. See docs/determinism.md. */
#ifndef PARTITIONS_STATE_HASH_H
#define PARTITIONS_STATE_HASH_H

#include <stdint.h>

struct machine;

/* Put the state of all VPs in. Between slices. */
void state_hash_vps(struct machine *machine);

/* The hash at the end: all VPs, RAM, and every event until now. Leaves the running hash alone. */
uint64_t state_hash_final(struct machine *machine);

#endif
