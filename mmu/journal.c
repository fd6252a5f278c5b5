/* What a stretch of guest code writes: saved pages, undone and compared. [mmu/journal.h] */
#include "mmu/journal.h"

#include <stdlib.h>
#include <string.h>

#include "mmu/access.h"

struct mmu_journal *journal_create(struct mmu *mmu)
{
    struct mmu_journal *journal = calloc(1, sizeof(*journal));

    if (journal != NULL) {
        journal->mmu = mmu;
        mmu->journal = journal;
        mmu_flush_all(mmu); /* no entry lets writes pass */
    }
    return journal;
}

void journal_destroy(struct mmu_journal *journal)
{
    if (journal != NULL) {
        journal->mmu->journal = NULL;
        journal->mmu->paging.no_marks = false;
        free(journal);
    }
}

static void journal_mode_set(struct mmu_journal *journal, enum journal_mode mode)
{
    journal->mode = mode;
    journal->mmu->paging.no_marks = mode == JOURNAL_FIRST;
}

/* Writes are to be seen again. */
static void journal_tags_take(struct mmu_journal *journal)
{
    for (unsigned i = 0; i < journal->n_slots; i++) {
        struct tlb_entry *entry =
            &journal->mmu->set[journal->slot[i].set].entry[journal->slot[i].slot];
        if ((entry->write_tag & ~PAGE_MASK) == 0) {
            entry->write_tag = TLB_NO_TAG;
        }
    }
    journal->n_slots = 0;
    journal->mmu->changes++; /* whoever copied an entry looks again */
}

void journal_begin(struct mmu_journal *journal)
{
    journal_tags_take(journal);
    journal->n_pages = 0;
    journal->refusal = JOURNAL_NOTHING;
    journal_mode_set(journal, JOURNAL_FIRST);
}

void journal_end(struct mmu_journal *journal)
{
    journal_tags_take(journal);
    journal_mode_set(journal, JOURNAL_IDLE);
}

static uint8_t *journal_host(const struct mmu_journal *journal, const struct journal_page *page)
{
    return ram_host(journal->mmu->space->ram, page->spa);
}

/* Words that differ are written one by one: what blocks were decoded from them is told of it. */
static void journal_put(struct mmu_journal *journal, const struct journal_page *page)
{
    struct ram *ram = journal->mmu->space->ram;
    const uint8_t *host = journal_host(journal, page);
    bool code = (ram_page_flags(ram, page->spa) & RAM_PAGE_CODE) != 0;

    for (unsigned i = 0; i < PAGE_SIZE / 8; i++) {
        if (ram_load64(host + (size_t)8 * i) == page->before[i]) {
            continue;
        }
        if (code) {
            ram_write(ram, page->spa + (spa_t)8 * i, &page->before[i], 8);
        } else {
            ram_store64(ram_host(ram, page->spa + (spa_t)8 * i), page->before[i]);
        }
    }
}

void journal_undo(struct mmu_journal *journal)
{
    for (unsigned i = 0; i < journal->n_pages; i++) {
        struct journal_page *page = &journal->page[i];
        page->first = true;
        memcpy(page->after, journal_host(journal, page), PAGE_SIZE);
        journal_put(journal, page);
    }
    journal_mode_set(journal, JOURNAL_SECOND);
}

void journal_restore(struct mmu_journal *journal)
{
    for (unsigned i = 0; i < journal->n_pages; i++) {
        journal_put(journal, &journal->page[i]);
    }
}

bool journal_same(const struct mmu_journal *journal, struct journal_difference *difference)
{
    for (unsigned i = 0; i < journal->n_pages; i++) {
        const struct journal_page *page = &journal->page[i];
        const uint8_t *now = journal_host(journal, page);
        const uint8_t *first = (const uint8_t *)(page->first ? page->after : page->before);
        if (memcmp(now, first, PAGE_SIZE) == 0) {
            continue;
        }
        unsigned at = 0;
        while (now[at] == first[at]) {
            at++;
        }
        *difference = (struct journal_difference){ page->spa + at, first[at], now[at] };
        return false;
    }
    return true;
}

/* Have the page as it was. False: there is no room. */
static bool journal_save(struct mmu_journal *journal, spa_t spa)
{
    spa &= PAGE_MASK;
    for (unsigned i = journal->n_pages; i-- > 0;) {
        if (journal->page[i].spa == spa) {
            return true;
        }
    }
    if (journal->n_pages == JOURNAL_PAGES) {
        return false;
    }
    struct journal_page *page = &journal->page[journal->n_pages++];
    page->spa = spa;
    page->first = false;
    memcpy(page->before, journal_host(journal, page), PAGE_SIZE);
    return true;
}

static bool journal_refuses(struct mmu_journal *journal, enum journal_refusal why)
{
    if (journal->refusal == JOURNAL_NOTHING) {
        journal->refusal = why;
    }
    return false;
}

bool journal_allows(struct mmu_journal *journal, bool ram, spa_t spa, bool write)
{
    if (journal->mode == JOURNAL_IDLE) {
        return true;
    }
    if (!ram) {
        return journal_refuses(journal, JOURNAL_DEVICE);
    }
    if (!write) {
        return true;
    }
    if (journal->mode == JOURNAL_FIRST &&
        (ram_page_flags(journal->mmu->space->ram, spa) & RAM_PAGE_CODE) != 0) {
        return journal_refuses(journal, JOURNAL_CODE);
    }
    return journal_save(journal, spa) || journal_refuses(journal, JOURNAL_FULL);
}

void journal_marks(struct mmu_journal *journal)
{
    (void)journal_refuses(journal, JOURNAL_MARKS);
}

bool journal_tag(struct mmu_journal *journal, unsigned set, unsigned slot, spa_t spa, bool write)
{
    if (journal->mode == JOURNAL_IDLE || !write || journal->n_slots == JOURNAL_SLOTS ||
        !journal_save(journal, spa)) {
        return false;
    }
    journal->slot[journal->n_slots].set = (uint16_t)set;
    journal->slot[journal->n_slots++].slot = (uint16_t)slot;
    return true;
}
