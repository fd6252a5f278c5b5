/* Memory from the host: guest RAM and other big page-aligned blocks. */
#ifndef BASE_HOST_MEMORY_H
#define BASE_HOST_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"

/* Zeroed, page-aligned, backed by a memfd where the host has one (else anonymous), populated on first touch.
 * Returns NULL and fills error when the host refuses. */
WARN_UNUSED uint8_t *host_memory_reserve(size_t length_bytes, const char *name, struct error *error);
void host_memory_release(uint8_t *memory, size_t length_bytes);

/* Bytes that the process has from malloc and has not freed; 0 where the C library does not tell. */
uint64_t host_heap_bytes(void);

#endif
