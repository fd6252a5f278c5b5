/* hv.h's intercepts for who holds the lock; private to partitions. [TLFS v2.0 9, 16] */
#ifndef PARTITIONS_HV_INTERCEPT_H
#define PARTITIONS_HV_INTERCEPT_H

#include "partitions/hv/hv.h"

bool hv_intercept_gpa_locked(struct vp *vp, gpa_t gpa, bool gva_valid, gva_t gva, unsigned access,
                             const struct hv_instruction *instruction);
bool hv_intercept_msr_locked(struct vp *vp, uint32_t msr, bool write, uint64_t value,
                             const struct hv_instruction *instruction);

#endif
