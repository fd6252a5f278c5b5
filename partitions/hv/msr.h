/* The rows of the MSR table; private to partitions. [TLFS v2.0 app. H] */
#ifndef PARTITIONS_HV_MSR_H
#define PARTITIONS_HV_MSR_H

#include <stdbool.h>
#include <stdint.h>

#include "partitions/hv/hv.h"

enum { HV_MSR_READABLE = 1u << 0, HV_MSR_WRITABLE = 1u << 1, HV_MSR_BUILT = 1u << 2 };

struct hv_msr_row {
    uint32_t number;
    const char *name; /* without HV_X64_MSR_ */
    uint8_t access;
    uint8_t privilege; /* bit, or HV_PRIVILEGE_BIT_NONE */
    uint32_t feature;
    enum core_status (*read)(struct vp *vp, uint32_t msr, uint64_t *value);
    enum core_status (*write)(struct vp *vp, uint32_t msr, uint64_t value);
};

extern const struct hv_msr_row hv_msr_rows[];
extern const unsigned hv_n_msr_rows;
const struct hv_msr_row *hv_msr_row_find(uint32_t msr);

#define HV_CRASH_CTL_NOTIFY  (UINT64_C(1) << 63)
#define HV_CRASH_CTL_MESSAGE (UINT64_C(1) << 62)

#endif
