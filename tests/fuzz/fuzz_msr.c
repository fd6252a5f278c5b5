/* Fuzz target: any bytes as a program of accesses to synthetic MSRs, time and EOIs; accounts and
 * queues stay whole. */
#include <stddef.h>
#include <stdint.h>

#include "tests/check/partitions/hv/hv_random.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    hv_random_msrs(data, size);
    return 0;
}
