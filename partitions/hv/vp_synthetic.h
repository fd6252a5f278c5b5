/* What is synthetic in a VP; private to partitions. [TLFS vp-properties] */
#ifndef PARTITIONS_HV_VP_SYNTHETIC_H
#define PARTITIONS_HV_VP_SYNTHETIC_H

#include "base/compiler.h"
#include "partitions/vp.h"

/* Fill what is synthetic in a VP that hypervisor_ops.vp_create made. False: no overlay page is
 * left. */
WARN_UNUSED bool hv_vp_init(struct vp *vp);
void hv_vp_fini(struct vp *vp);
void hv_vp_reset(struct vp *vp);

#endif
