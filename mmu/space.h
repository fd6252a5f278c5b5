/* A GPA space: for one partition, what each guest physical page is. */
#ifndef MMU_SPACE_H
#define MMU_SPACE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "mmu/addr.h"
#include "mmu/bus.h"
#include "mmu/ram.h"

enum {
    SPACE_READ = 1u << 0,
    SPACE_WRITE = 1u << 1,
    SPACE_EXEC = 1u << 2,
    SPACE_RWX = 7,
};

/* UNMAPPED: the GPA does not exist (2^address_bits or above). */
enum space_kind { SPACE_UNMAPPED, SPACE_RAM, SPACE_MMIO };

/* What a look-up answers. MMIO: no RAM is mapped there; the bus answers. */
struct space_page {
    enum space_kind kind;
    unsigned rights; /* SPACE_* */
    spa_t spa;       /* RAM only: the page */
    bool overlay;
};

/* How accesses to pages without RAM end. Set by the partition. */
struct space_ops {
    /* A GPA access by the running VP hit no RAM, no device, or lacks a right. Return IO_OK with *value (reads)
     * to complete it, IO_NO_REGISTER for all ones / dropped, IO_SUSPEND to unwind (an intercept was posted). */
    enum io_status (*missed)(void *opaque, void *vp, gpa_t gpa, unsigned right, uint32_t size, uint64_t *value);
    /* May be NULL. A mapping narrowed or changed: TLBs are to be told (mmu_sync). On the thread that changed it. */
    void (*narrowed)(void *opaque);
};

struct space {
    struct ram *ram;
    struct bus *mmio;          /* borrowed; may be NULL */
    const struct space_ops *ops;
    void *ops_opaque;
    unsigned address_bits;     /* GPAs at or above 2^bits do not exist */
    uint64_t generation;       /* bumped when a mapping narrows or changes; TLBs compare (atomic) */
    struct space_node *root;         /* radix tree of pages; private to space.c */
    struct space_node *low;          /* its node for the lowest 4 GiB (atomic); private to space.c */
    struct space_overlay *overlays;  /* newest first; private to space.c */
    struct host_mutex lock;          /* taken by whoever changes; look-ups take none */
};

WARN_UNUSED int space_init(struct space *space, struct ram *ram, unsigned address_bits);
void space_fini(struct space *space);

/* Map, remap or (rights 0) deny n pages. -ENOMEM leaves nothing changed for the page that failed; *done counts. */
WARN_UNUSED int space_map(struct space *space, uint64_t gpfn, spa_t spa, uint64_t n_pages, unsigned rights);
void space_unmap(struct space *space, uint64_t gpfn, uint64_t n_pages);

/* Cover a GPA page with a RAM page that the hypervisor owns, or (again) uncover it. The covered mapping reappears
 * unchanged. One overlay per (gpfn, spa); the newest lies on top. */
WARN_UNUSED int space_overlay_map(struct space *space, uint64_t gpfn, spa_t spa, unsigned rights);
void space_overlay_unmap(struct space *space, uint64_t gpfn, spa_t spa);

/* What the page holds now, overlays included. Any thread. */
struct space_page space_lookup(const struct space *space, gpa_t gpa);
/* What was mapped there, as if no overlay covered it. */
struct space_page space_lookup_mapping(const struct space *space, gpa_t gpa);

/* Host pointer to length_bytes inside one page with the rights asked for, or NULL. */
uint8_t *space_host(const struct space *space, gpa_t gpa, uint64_t length_bytes, unsigned rights);

/* Copy across pages. False (nothing promised of the rest) when a page is not RAM or lacks the right. */
WARN_UNUSED bool space_read(const struct space *space, gpa_t gpa, void *to, uint64_t length_bytes);
WARN_UNUSED bool space_write(struct space *space, gpa_t gpa, const void *from, uint64_t length_bytes);

/* A run of pages that were mapped one behind the other with the same rights. */
struct space_run {
    uint64_t gpfn, n_pages;
    spa_t spa;
    uint32_t rights;
};
/* The first run at or above run->gpfn, overlays left out of account. False: none. Nothing may change meanwhile. */
bool space_run_next(const struct space *space, struct space_run *run);
/* The overlay of this number, the oldest first; n_pages is 1. False: there are not so many. */
bool space_overlay_at(const struct space *space, uint64_t number, struct space_run *run);

#endif
