/* Saving a machine that stands still, and making one from what was saved. [docs/saved-state.md] */
/*
 * One walk for both ways, by the machine's owner: a section of its own, with what machine_init needs to know; the objects;
 * boards and whatever else it makes of them; the parts; its own parts; the last. Sections are named after what they hold:
 * machine, hypervisor, partition.2, partition.2/vp.0/lapic, memory.
 */
#ifndef PARTITIONS_SAVED_STATE_H
#define PARTITIONS_SAVED_STATE_H

#include "base/state_file.h"

struct machine;

/* Before a save, between slices, by who owns the machine then. Every VP forgets its translations and blocks, as it does when it is
 * restored: what follows is the same in both machines. */
void machine_forget(struct machine *machine);

/* Which partitions and VPs there are. Reading: makes them, in a machine as machine_init leaves it. */
void machine_visit_objects(struct machine *machine, struct state_walk *walk);
/* All that is in them, and the hypervisor. */
void machine_visit_parts(struct machine *machine, struct state_walk *walk);
/* The machine, its hash, its memory. Reading: then the timers are armed. */
void machine_visit_last(struct machine *machine, struct state_walk *walk);

/* After a failure, before anything is destroyed. */
void machine_restore_failed(struct machine *machine);

#endif
