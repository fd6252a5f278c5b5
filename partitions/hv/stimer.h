/* Synthetic timers. Private to partitions; callers hold the lock. [TLFS timers] */
#ifndef PARTITIONS_HV_STIMER_H
#define PARTITIONS_HV_STIMER_H

#include <stdbool.h>
#include <stdint.h>

#include "partitions/vp.h"

/* HV_X64_MSR_STIMERx_CONFIG. */
#define STIMER_ENABLE         (UINT64_C(1) << 0)
#define STIMER_PERIODIC       (UINT64_C(1) << 1)
#define STIMER_LAZY           (UINT64_C(1) << 2)
#define STIMER_AUTO_ENABLE    (UINT64_C(1) << 3)
#define STIMER_VECTOR(config) ((unsigned)((config) >> 4 & 0xff))
#define STIMER_DIRECT         (UINT64_C(1) << 12)
#define STIMER_SINT(config)   ((unsigned)((config) >> 16 & 0xf))
#define STIMER_CONFIG_BITS    UINT64_C(0xf1fff)

void stimer_init(struct hv_timer *timer, struct vp *vp, unsigned vtl, unsigned index);
void stimer_reset(struct hv_timer *timer);
bool stimer_config_write(struct hv_timer *timer, uint64_t config); /* false: #GP */
void stimer_count_write(struct hv_timer *timer, uint64_t count);

#endif
