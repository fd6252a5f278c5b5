/* Saving a machine that stands still, and making one from what was saved. [docs/saved-state.md] */
/*
 * Sections are named after what they hold: machine, hypervisor, partition.2, partition.2/vp.0/lapic, memory. The owner
 * of the machine writes a section of its own first, with what machine_init needs to know.
 */
#ifndef PARTITIONS_SAVED_STATE_H
#define PARTITIONS_SAVED_STATE_H

#include "base/compiler.h"
#include "base/error.h"
#include "base/state_file.h"

struct machine;

/* Between slices, on the machine's thread or by who holds it. Every VP forgets its translations and blocks, as it does
 * when it is restored: what follows is the same in both machines. */
void machine_save(struct machine *machine, struct state_writer *writer);

/* A machine as machine_init leaves it: makes the partitions and VPs that there were. The owner then makes boards, and calls */
WARN_UNUSED int machine_restore_objects(struct machine *machine, struct state_reader *reader,
                                        struct error *error);
/* for all the rest. After a failure of either, machine_restore_failed before anything is destroyed. */
WARN_UNUSED int machine_restore(struct machine *machine, struct state_reader *reader,
                                struct error *error);
void machine_restore_failed(struct machine *machine);

#endif
