/* Memory for code that is made while running: written at one address, run at another, never both at one. */
#ifndef BASE_HOST_CODE_MEMORY_H
#define BASE_HOST_CODE_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"

struct host_code_memory {
    uint8_t *write; /* the code, readable and writable */
    uint8_t *run;   /* the code, readable and executable; data_bytes of plain memory follow it */
    uint8_t *data;
    size_t code_bytes, data_bytes;
};

/* Multiples of the page; together less than 2 GiB. 0 or -errno; refused, too, when little would be left for others. */
WARN_UNUSED int host_code_memory_create(struct host_code_memory *memory, size_t code_bytes,
                                        size_t data_bytes, struct error *error);
void host_code_memory_destroy(struct host_code_memory *memory);

#endif
