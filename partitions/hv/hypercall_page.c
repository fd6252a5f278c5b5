/* The hypercall page's code; partition-wide registers' first values. [TLFS hypercall-interface] */
#include "partitions/hv/hypercall_page.h"

#include <string.h>

#include "partitions/hv/hv.h"

enum { INT3 = 0xcc };

void hypercall_page_fill(struct partition *partition)
{
    /* Position-independent, the same in 32-bit and 64-bit code; ENDBR64 is a NOP to processors
     * without CET, and where it is missing Linux turns indirect branch tracking off. */
    static const uint8_t code[] = {
        0xf3, 0x0f, 0x1e, 0xfa, /* endbr64 */
        0x0f, 0x01, 0xc1,       /* vmcall */
        0xc3,                   /* ret */
    };
    uint8_t page[PAGE_SIZE];

    memset(page, INT3, sizeof(page));
    memcpy(page, code, sizeof(code));
    ram_write(partition->hv->ram, partition->hypercall_page.spa, page, sizeof(page));
}

/* A root reads where the hypervisor has put a page; a child chooses, and finds 0. [LINUX hv_init.c]
 */
static uint64_t first_place(const struct partition *partition, const struct overlay *overlay)
{
    return partition_is_root(partition) ? overlay_root_gpfn(overlay, partition->hv) << PAGE_SHIFT
                                        : 0;
}

void hv_partition_registers_reset(struct partition *partition)
{
    overlay_unmap(&partition->hypercall_page, &partition->space);
    overlay_unmap(&partition->reference_tsc_page, &partition->space);
    partition->guest_os_id = 0;
    partition->hypercall_msr = first_place(partition, &partition->hypercall_page);
    partition->reference_tsc_msr = first_place(partition, &partition->reference_tsc_page);
    partition->tsc_invariant_control = 0;
    memset(partition->crash, 0, sizeof(partition->crash));
    partition->crash_control = 0;
}
