/* Images, raw and ISO: a hostile file is refused or used, never more. [MS-VHDX, VHD 1.0, ECMA-119] */
#include <stddef.h>
#include <stdint.h>

#include "tests/support/image_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    image_fuzz_bytes(data, n);
    return 0;
}
