/* Page walks: 2-level, PAE and 4-level paging. [SDM 3A 4] */
#ifndef MMU_WALK_H
#define MMU_WALK_H

#include <stdbool.h>
#include <stdint.h>

#include "mmu/addr.h"
#include "mmu/bus.h"

struct space;

/* Kind of an access. Exactly one of READ, WRITE, EXEC (a read-modify-write is WRITE). */
enum {
    MMU_READ = 1u << 0,
    MMU_WRITE = 1u << 1,
    MMU_EXEC = 1u << 2,
    MMU_USER = 1u << 3,     /* made at CPL 3 and not implicit */
    MMU_IMPLICIT = 1u << 4, /* implicit supervisor access (descriptor tables, TSS): AC does not lift SMAP */
    MMU_PROBE = 1u << 5,    /* look only: no accessed or dirty bit is written, nothing is cached */
};

/* Error code of #PF. [SDM 3A 4.7] */
enum { PF_P = 1u << 0, PF_W = 1u << 1, PF_U = 1u << 2, PF_RSVD = 1u << 3, PF_I = 1u << 4 };

/* The registers that govern paging. Owned by the core; changed only through mmu_paging_set. */
struct paging {
    uint64_t cr0, cr3, cr4, efer;
    bool ac;                /* RFLAGS.AC */
    bool gb_pages;          /* CPUID: 1 GiB pages */
    bool no_marks;          /* where A or D would have to be set: WALK_SUSPEND */
    unsigned physical_bits; /* MAXPHYADDR */
    uint64_t pdpte[4];      /* PAE: loaded by mmu_pdptes_load */
};

enum walk_status { WALK_OK, WALK_FAULT, WALK_SUSPEND };

struct walk_result {
    gpa_t gpa;            /* of the address asked for, not of the page */
    unsigned page_shift;  /* 12, 21, 22 or 30 */
    bool writable, user, executable, global, dirty; /* of all levels together; dirty: the leaf's D after the walk */
    uint32_t fault_error; /* WALK_FAULT: the #PF error code */
};

/* One walk of the tables in `space`. Sets accessed and (for WRITE) dirty bits by atomic update, unless PROBE.
 * An entry that lies outside RAM: reads as all ones from the bus, or WALK_SUSPEND from space_ops.missed.
 * Paging off: gpa = gva (truncated to 32 bits), everything allowed. Canonicality is the caller's check. */
enum walk_status walk_page(struct space *space, void *vp, const struct paging *paging, gva_t gva, unsigned access,
                           struct walk_result *result);

/* Whether a successful walk's page permits an access of this kind (READ, WRITE or EXEC with USER, IMPLICIT); the AC flag
 * is paging->ac. [SDM 3A 4.6] */
bool walk_permits(const struct paging *paging, const struct walk_result *result, unsigned access);

/* Load the four PDPTEs from CR3 (MOV to CR0/CR3/CR4 under PAE, task switch). False: a reserved bit is set (#GP). */
bool walk_pdptes_load(struct space *space, const struct paging *paging, uint64_t cr3, uint64_t pdpte[4]);

#endif
