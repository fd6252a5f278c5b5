/* The guests of a machine: children of the built-in parent, or the one that boots in the root or on a PC. */
#ifndef PARTITIONS_VMMS_CHILDREN_H
#define PARTITIONS_VMMS_CHILDREN_H

#include <stdbool.h>

#include "base/compiler.h"
#include "base/error.h"
#include "partitions/vmms/boot.h"
#include "partitions/vmms/vmms.h"
#include "partitions/vmms/worker.h"

struct board;
struct machine;
struct partition;

struct child {
    const struct vmms_child *config; /* borrowed */
    unsigned number;
    uint64_t first_page; /* of the parent's pages that become its memory and its pool */
    struct machine *machine;
    struct partition *partition; /* NULL: not made yet */
    struct board *board;
    struct worker worker; /* of a child of the built-in parent */
    struct boot_image image;
    bool over; /* its guest ended */
    enum vmms_end end;
};

/* Checks one and fills defaults. -EINVAL: the user's mistake. */
WARN_UNUSED int child_settle(struct vmms_child *child, enum vmms_role role, struct error *error);

/* The parent's pages that it takes: memory and pool. */
uint64_t child_pages(const struct vmms_child *config);

/* Make a child partition by the parent's hypercalls, or take the root's; then its board and VPs. */
WARN_UNUSED int child_make(struct child *child, struct machine *machine, bool is_child,
                           struct error *error);
/* Board and callbacks of a partition that is there. */
WARN_UNUSED int child_make_board(struct child *child, struct machine *machine,
                                 struct partition *partition, struct error *error);
/* Its disks and adapters. first: of the machine, which has the switches. restoring: what is outside waits for network_resume. */
WARN_UNUSED int child_make_devices(struct child *child, struct child *first, uint64_t seed,
                                   bool restoring, struct error *error);
/* The kernel into memory, the VPs set going. */
WARN_UNUSED int child_start(struct child *child, struct error *error);
/* The guest asked for a reset: everything to power-on, the kernel loaded again. */
WARN_UNUSED int child_restart(struct child *child, struct error *error);
/* The guest ended while others run on: its VPs stand still, its devices are reset. */
void child_end(struct child *child, enum vmms_end end);
void child_fini(struct child *child);

#endif
