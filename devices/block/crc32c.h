/* CRC-32C (Castagnoli), the checksum of VHDX structures. */
#ifndef DEVICES_BLOCK_CRC32C_H
#define DEVICES_BLOCK_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* The checksum of n bytes. */
uint32_t crc32c(const void *bytes, size_t n);
/* The same with bytes 4 to 7, where such a structure keeps it, taken as zeros. n is at least 8. */
uint32_t crc32c_of_structure(const void *bytes, size_t n);

#endif
