/* The autopsy of a VP that triple-faulted, as text. */
#ifndef PARTITIONS_VMMS_AUTOPSY_H
#define PARTITIONS_VMMS_AUTOPSY_H

#include <stddef.h>

struct vp;

/* Both faults, registers, the page walks of RIP and CR2, the last blocks. Truncated to size. */
void autopsy_print(struct vp *vp, char *text, size_t size);

#endif
