/* What a stretch of guest code writes, page by page: so that it can be undone, done again and compared.
 *
 * While a journal is set in an MMU no TLB entry lets writes pass unseen, but to pages that were saved since the stretch began. In
 * a stretch every access outside RAM, and in its first run every write to code and every accessed or dirty bit that is not
 * set yet, ends as MMU_SUSPEND before anything has happened: it is not part of the stretch.
 */
#ifndef MMU_JOURNAL_H
#define MMU_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "mmu/addr.h"

struct mmu;

enum { JOURNAL_PAGES = 48, JOURNAL_SLOTS = 256 };

enum journal_mode {
    JOURNAL_IDLE,  /* no stretch: everything happens for good */
    JOURNAL_FIRST, /* will be undone */
    JOURNAL_SECOND,
};

/* Why an access ended the stretch. */
enum journal_refusal {
    JOURNAL_NOTHING,
    JOURNAL_DEVICE, /* no RAM */
    JOURNAL_CODE,   /* writes to a page of code */
    JOURNAL_MARKS,  /* sets accessed or dirty bits */
    JOURNAL_FULL,   /* writes to too many pages */
};

struct journal_page {
    spa_t spa;
    bool first; /* written by the first run, which left `after` */
    uint64_t before[PAGE_SIZE / 8], after[PAGE_SIZE / 8];
};

struct mmu_journal {
    struct mmu *mmu;
    enum journal_mode mode;
    enum journal_refusal refusal; /* the first of the stretch */
    unsigned n_pages, n_slots;
    struct {
        uint16_t set, slot;
    } slot[JOURNAL_SLOTS]; /* with a write tag */
    struct journal_page page[JOURNAL_PAGES];
};

/* A byte that the two runs left differently. */
struct journal_difference {
    spa_t spa;
    uint8_t first, second;
};

/* NULL: no memory. It is set into the MMU. */
struct mmu_journal *journal_create(struct mmu *mmu);
void journal_destroy(struct mmu_journal *journal);

/* A stretch: begin, the first run, undo, the second run, compare, end. Or begin, the first run, undo, end. */
void journal_begin(struct mmu_journal *journal);
void journal_undo(struct mmu_journal *journal);
WARN_UNUSED bool journal_same(const struct mmu_journal *journal,
                              struct journal_difference *difference);
/* Put back what was there before the stretch, a second time. */
void journal_restore(struct mmu_journal *journal);
void journal_end(struct mmu_journal *journal);

/* ---- for access.c ---- */

/* May this access be made now? False: MMU_SUSPEND. spa: when it is RAM. */
bool journal_allows(struct mmu_journal *journal, bool ram, spa_t spa, bool write);
/* The access would set accessed or dirty bits. */
void journal_marks(struct mmu_journal *journal);
/* May this entry have its write tag? */
bool journal_tag(struct mmu_journal *journal, unsigned set, unsigned slot, spa_t spa, bool write);

#endif
