/* Compare and exchange of 16 bytes of RAM: atomic on x86-64 hosts (all that run Windows 8.1 have
 * CMPXCHG16B), in plain halves elsewhere. [SDM 2 CMPXCHG16B] */
#include "cpu/exec/arith.h"

#include "mmu/ram.h"

#if defined(__x86_64__)

__attribute__((target("cx16"))) bool ram_compare_exchange128(uint8_t *host, uint64_t expected[2],
                                                             const uint64_t value[2])
{
    unsigned __int128 old = (unsigned __int128)expected[1] << 64 | expected[0];
    unsigned __int128 new = (unsigned __int128)value[1] << 64 | value[0];
    void *at = host;
    unsigned __int128 seen = __sync_val_compare_and_swap((unsigned __int128 *)at, old, new);

    expected[0] = (uint64_t)seen;
    expected[1] = (uint64_t)(seen >> 64);
    return seen == old;
}

#else

bool ram_compare_exchange128(uint8_t *host, uint64_t expected[2], const uint64_t value[2])
{
    uint64_t low = ram_load64(host), high = ram_load64(host + 8);
    bool same = low == expected[0] && high == expected[1];

    if (same) {
        ram_store64(host, value[0]);
        ram_store64(host + 8, value[1]);
    }
    expected[0] = low;
    expected[1] = high;
    return same;
}

#endif
