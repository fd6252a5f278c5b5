/* TSC, reference time and its page, from the machine's clock. [TLFS timers] */
#include "partitions/hv/time.h"

#include "partitions/hv/hv.h"

enum {
    NS_PER_REF = 100,
    TSC_PAGE_SEQUENCE = 0,
    TSC_PAGE_SCALE = 8,
    TSC_PAGE_OFFSET = 16,
    TSC_PAGE_BYTES = 24
};
#define NS_PER_SECOND  UINT64_C(1000000000)
#define REF_PER_SECOND UINT64_C(10000000)

/* a * b / c without overflow of the product; the quotient must fit. */
static uint64_t multiply_divide(uint64_t a, uint64_t b, uint64_t c)
{
    return (uint64_t)((unsigned __int128)a * b / c);
}

uint64_t hv_tsc(const struct hypervisor *hv, uint64_t now_ns)
{
    if (hv->tsc_hz == HV_TSC_HZ_DEFAULT) {
        return now_ns * (HV_TSC_HZ_DEFAULT / NS_PER_SECOND);
    }
    return multiply_divide(now_ns, hv->tsc_hz, NS_PER_SECOND);
}

static uint64_t scaled(const struct partition *partition, uint64_t tsc)
{
    return (uint64_t)((unsigned __int128)tsc * partition->tsc_scale >> 64);
}

uint64_t hv_reference_time_at(const struct partition *partition, uint64_t now_ns)
{
    /* The very sum that a guest does with the page: both always agree. */
    return scaled(partition, hv_tsc(partition->hv, now_ns)) + (uint64_t)partition->tsc_offset;
}

uint64_t hv_reference_time(struct partition *partition)
{
    return hv_reference_time_at(partition, clock_now_ns(partition->hv->clock));
}

uint64_t hv_reference_deadline_ns(const struct partition *partition, uint64_t ref)
{
    uint64_t scaled_ref = ref - (uint64_t)partition->tsc_offset;
    uint64_t ns;

    if (scaled_ref >= UINT64_MAX / NS_PER_REF - 1) {
        return UINT64_MAX;
    }
    /* The truncated scale makes the sum late by less than one unit: step to the instant that shows
     * `ref`. */
    for (ns = scaled_ref * NS_PER_REF; hv_reference_time_at(partition, ns) < ref; ns++) {
    }
    return ns;
}

void hv_time_init(struct partition *partition)
{
    uint8_t page[TSC_PAGE_BYTES] = { 0 };
    /* 2^64 * 10 MHz / tsc_hz, which is below 2^64 for any TSC faster than 10 MHz */
    partition->tsc_scale =
        (uint64_t)((((unsigned __int128)REF_PER_SECOND) << 64) / partition->hv->tsc_hz);

    uint64_t now_tsc = hv_tsc(partition->hv, clock_now_ns(partition->hv->clock));

    partition->tsc_offset = -(int64_t)scaled(partition, now_tsc);
    page[TSC_PAGE_SEQUENCE] = 1; /* 0 and 2^32 - 1 mean "use the MSR" */
    for (unsigned i = 0; i < 8; i++) {
        page[TSC_PAGE_SCALE + i] = (uint8_t)(partition->tsc_scale >> 8 * i);
        page[TSC_PAGE_OFFSET + i] = (uint8_t)((uint64_t)partition->tsc_offset >> 8 * i);
    }
    ram_write(partition->hv->ram, partition->reference_tsc_page.spa, page, sizeof(page));
}
