/* The three kinds of address. Only mmu/ turns one into another. */
#ifndef MMU_ADDR_H
#define MMU_ADDR_H

#include <stdint.h>

typedef uint64_t gva_t; /* guest virtual, after segmentation ("linear", SDM) */
typedef uint64_t gpa_t; /* guest physical: an address in a partition's GPA space */
typedef uint64_t spa_t; /* system physical: an offset into the machine's RAM */

#define PAGE_SHIFT 12
#define PAGE_SIZE  UINT64_C(0x1000)
#define PAGE_MASK  (~(PAGE_SIZE - 1))

#endif
