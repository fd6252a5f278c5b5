/* A configuration, checked and with its defaults, and the machine that it asks for. */
#ifndef PARTITIONS_VMMS_SETTLE_H
#define PARTITIONS_VMMS_SETTLE_H

#include "base/compiler.h"
#include "cpu/exec/model.h"
#include "partitions/machine.h"
#include "partitions/vmms/vmms.h"

/* How many children there are, each with a name of its own: what must be known before files are read. 0, or -EINVAL: the user's mistake. */
WARN_UNUSED int settle_count(struct vmms_config *config, struct error *error);
/* The rest, and the processor's model. 0, or -EINVAL: the user's mistake. */
WARN_UNUSED int settle_config(struct vmms_config *config, struct cpu_model *model,
                              struct error *error);
/* Of a configuration that is settled. */
struct machine_config settle_machine(const struct vmms_config *config,
                                     const struct cpu_model *model);

#endif
