/* GPA spaces: a radix tree of one word per page, changed under a lock and read without one. */
/*
 * The page number has 40 bits: four levels of 1024. A leaf holds two words for a page: `base`, what
 * was mapped, and `now`, what a look-up answers (the newest overlay, or base). Nodes are published
 * with release stores and live until the space ends, so a reader meets either the old or the new
 * word, never a torn one.
 *
 *   63           12 11    5   4    3 2 1   0
 *   [ spa page    ] [ 0 ] [ov] [X W R] [RAM]
 */
#include "mmu/space.h"

#include <errno.h>
#include <stdlib.h>

enum { NODE_BITS = 10, NODE_SLOTS = 1 << NODE_BITS, TREE_LEVELS = 4 };

enum { WORD_RAM = 1u << 0, WORD_RIGHTS_SHIFT = 1, WORD_OVERLAY = 1u << 4 };

struct space_node {
    void *slot[NODE_SLOTS]; /* struct space_node, or struct space_leaf at the last level (atomic) */
};

struct space_leaf {
    uint64_t now[NODE_SLOTS]; /* atomic */
    uint64_t base[NODE_SLOTS];
};

struct space_overlay {
    struct space_overlay *next;
    uint64_t gpfn;
    uint64_t word;
};

static uint64_t word_make(spa_t spa, unsigned rights, unsigned flags)
{
    return (spa & PAGE_MASK) | (uint64_t)(rights & SPACE_RWX) << WORD_RIGHTS_SHIFT | flags;
}

static unsigned word_rights(uint64_t word)
{
    return (unsigned)(word >> WORD_RIGHTS_SHIFT) & SPACE_RWX;
}

static unsigned tree_slot(uint64_t gpfn, unsigned level)
{
    return (unsigned)(gpfn >> (TREE_LEVELS - 1 - level) * NODE_BITS) & (NODE_SLOTS - 1);
}

int space_init(struct space *space, struct ram *ram, unsigned address_bits)
{
    *space = (struct space){ .ram = ram, .address_bits = address_bits, .generation = 1 };
    if (address_bits < PAGE_SHIFT + 1 || address_bits > PAGE_SHIFT + TREE_LEVELS * NODE_BITS) {
        return -EINVAL;
    }
    space->root = calloc(1, sizeof(*space->root));
    if (space->root == NULL) {
        return -ENOMEM;
    }
    host_mutex_init(&space->lock);
    return 0;
}

void space_fini(struct space *space)
{
    if (space->root == NULL) {
        return;
    }
    for (unsigned a = 0; a < NODE_SLOTS; a++) {
        struct space_node *second = space->root->slot[a];
        for (unsigned b = 0; second != NULL && b < NODE_SLOTS; b++) {
            struct space_node *third = second->slot[b];
            for (unsigned c = 0; third != NULL && c < NODE_SLOTS; c++) {
                free(third->slot[c]);
            }
            free(third);
        }
        free(second);
    }
    free(space->root);
    while (space->overlays != NULL) {
        struct space_overlay *next = space->overlays->next;
        free(space->overlays);
        space->overlays = next;
    }
    host_mutex_fini(&space->lock);
    *space = (struct space){ .root = NULL };
}

static struct space_leaf *space_leaf(const struct space *space, uint64_t gpfn)
{
    void *node = space->root;
    unsigned first = 0;
    if (LIKELY(gpfn >> 2 * NODE_BITS == 0)) {
        node = __atomic_load_n(&space->low, __ATOMIC_ACQUIRE);
        first = TREE_LEVELS - 2;
    }
    for (unsigned level = first; level < TREE_LEVELS - 1 && node != NULL; level++) {
        struct space_node *inner = node;
        node = __atomic_load_n(&inner->slot[tree_slot(gpfn, level)], __ATOMIC_ACQUIRE);
    }
    return node;
}

static struct space_leaf *space_leaf_make_locked(struct space *space, uint64_t gpfn)
{
    void *node = space->root;
    for (unsigned level = 0; level < TREE_LEVELS - 1; level++) {
        void **slot = &((struct space_node *)node)->slot[tree_slot(gpfn, level)];
        if (*slot == NULL) {
            bool leaf = level == TREE_LEVELS - 2;
            void *made = calloc(1, leaf ? sizeof(struct space_leaf) : sizeof(struct space_node));
            if (made == NULL) {
                return NULL;
            }
            __atomic_store_n(slot, made, __ATOMIC_RELEASE);
        }
        node = *slot;
        if (level == TREE_LEVELS - 3 && gpfn >> 2 * NODE_BITS == 0) {
            __atomic_store_n(&space->low, node, __ATOMIC_RELEASE);
        }
    }
    return node;
}

static bool space_holds(const struct space *space, uint64_t gpfn, uint64_t n_pages)
{
    uint64_t limit = UINT64_C(1) << (space->address_bits - PAGE_SHIFT);
    return gpfn <= limit && n_pages <= limit - gpfn;
}

/* Look at the generation before and after a change. */
static uint64_t space_generation(const struct space *space)
{
    return __atomic_load_n(&space->generation, __ATOMIC_ACQUIRE);
}

static void space_tell(const struct space *space, uint64_t before)
{
    if (space_generation(space) != before && space->ops != NULL && space->ops->narrowed != NULL) {
        space->ops->narrowed(space->ops_opaque);
    }
}

/* Publish the word a look-up answers: the newest overlay, or what is mapped. Narrowing makes TLBs
 * flush. */
static void space_publish_locked(struct space *space, struct space_leaf *leaf, uint64_t gpfn)
{
    uint64_t *now = &leaf->now[tree_slot(gpfn, TREE_LEVELS - 1)];
    uint64_t old = *now, new = leaf->base[tree_slot(gpfn, TREE_LEVELS - 1)];
    for (const struct space_overlay *o = space->overlays; o != NULL; o = o->next) {
        if (o->gpfn == gpfn) {
            new = o->word;
            break;
        }
    }
    __atomic_store_n(now, new, __ATOMIC_RELEASE);
    bool kept = (new &WORD_RAM) != 0 && (old & PAGE_MASK) == (new &PAGE_MASK) &&
                (word_rights(old) & ~word_rights(new)) == 0;
    if ((old & WORD_RAM) != 0 && !kept) {
        __atomic_add_fetch(&space->generation, 1, __ATOMIC_ACQ_REL);
    }
}

int space_map(struct space *space, uint64_t gpfn, spa_t spa, uint64_t n_pages, unsigned rights)
{
    uint64_t ram_pages = space->ram->n_pages;
    if (!space_holds(space, gpfn, n_pages) || (spa & ~PAGE_MASK) != 0 ||
        (spa >> PAGE_SHIFT) > ram_pages || n_pages > ram_pages - (spa >> PAGE_SHIFT)) {
        return -EINVAL;
    }
    int code = 0;
    uint64_t before = space_generation(space);
    host_mutex_lock(&space->lock);
    for (uint64_t i = 0; i < n_pages; i++) {
        struct space_leaf *leaf = space_leaf_make_locked(space, gpfn + i);
        if (leaf == NULL) {
            code = -ENOMEM;
            break;
        }
        leaf->base[tree_slot(gpfn + i, TREE_LEVELS - 1)] =
            word_make(spa + (i << PAGE_SHIFT), rights, WORD_RAM);
        space_publish_locked(space, leaf, gpfn + i);
    }
    host_mutex_unlock(&space->lock);
    space_tell(space, before);
    return code;
}

void space_unmap(struct space *space, uint64_t gpfn, uint64_t n_pages)
{
    if (!space_holds(space, gpfn, n_pages)) {
        return;
    }
    uint64_t end = gpfn + n_pages, before = space_generation(space);
    host_mutex_lock(&space->lock);
    while (gpfn < end) {
        struct space_leaf *leaf = space_leaf(space, gpfn);
        if (leaf == NULL) {
            gpfn = (gpfn | (NODE_SLOTS - 1)) + 1;
            continue;
        }
        leaf->base[tree_slot(gpfn, TREE_LEVELS - 1)] = 0;
        space_publish_locked(space, leaf, gpfn);
        gpfn++;
    }
    host_mutex_unlock(&space->lock);
    space_tell(space, before);
}

/* Take the overlay out of the list. NULL when there is none. */
static struct space_overlay *space_overlay_take_locked(struct space *space, uint64_t gpfn,
                                                       spa_t spa)
{
    for (struct space_overlay **link = &space->overlays; *link != NULL; link = &(*link)->next) {
        struct space_overlay *overlay = *link;
        if (overlay->gpfn == gpfn && (overlay->word & PAGE_MASK) == (spa & PAGE_MASK)) {
            *link = overlay->next;
            return overlay;
        }
    }
    return NULL;
}

int space_overlay_map(struct space *space, uint64_t gpfn, spa_t spa, unsigned rights)
{
    if (!space_holds(space, gpfn, 1) || spa >> PAGE_SHIFT >= space->ram->n_pages) {
        return -EINVAL;
    }
    uint64_t before = space_generation(space);
    host_mutex_lock(&space->lock);
    struct space_leaf *leaf = space_leaf_make_locked(space, gpfn);
    struct space_overlay *overlay = space_overlay_take_locked(space, gpfn, spa);
    if (overlay == NULL) {
        overlay = calloc(1, sizeof(*overlay));
    }
    if (leaf == NULL || overlay == NULL) {
        free(overlay);
        host_mutex_unlock(&space->lock);
        return -ENOMEM;
    }
    overlay->gpfn = gpfn;
    overlay->word = word_make(spa, rights, WORD_RAM | WORD_OVERLAY);
    overlay->next = space->overlays;
    space->overlays = overlay;
    space_publish_locked(space, leaf, gpfn);
    host_mutex_unlock(&space->lock);
    space_tell(space, before);
    return 0;
}

void space_overlay_unmap(struct space *space, uint64_t gpfn, spa_t spa)
{
    uint64_t before = space_generation(space);
    host_mutex_lock(&space->lock);
    struct space_overlay *overlay = space_overlay_take_locked(space, gpfn, spa);
    struct space_leaf *leaf = overlay != NULL ? space_leaf(space, gpfn) : NULL;
    if (leaf != NULL) {
        space_publish_locked(space, leaf, gpfn);
    }
    host_mutex_unlock(&space->lock);
    space_tell(space, before);
    free(overlay);
}

static struct space_page space_page_of_word(uint64_t word)
{
    if ((word & WORD_RAM) == 0) {
        return (struct space_page){ .kind = SPACE_MMIO };
    }
    return (struct space_page){
        .kind = SPACE_RAM,
        .rights = word_rights(word),
        .spa = word & PAGE_MASK,
        .overlay = (word & WORD_OVERLAY) != 0,
    };
}

struct space_page space_lookup(const struct space *space, gpa_t gpa)
{
    if (gpa >> space->address_bits != 0) {
        return (struct space_page){ .kind = SPACE_UNMAPPED };
    }
    const struct space_leaf *leaf = space_leaf(space, gpa >> PAGE_SHIFT);
    unsigned slot = tree_slot(gpa >> PAGE_SHIFT, TREE_LEVELS - 1);
    return space_page_of_word(leaf != NULL ? __atomic_load_n(&leaf->now[slot], __ATOMIC_ACQUIRE)
                                           : 0);
}

struct space_page space_lookup_mapping(const struct space *space, gpa_t gpa)
{
    if (gpa >> space->address_bits != 0) {
        return (struct space_page){ .kind = SPACE_UNMAPPED };
    }
    const struct space_leaf *leaf = space_leaf(space, gpa >> PAGE_SHIFT);
    unsigned slot = tree_slot(gpa >> PAGE_SHIFT, TREE_LEVELS - 1);
    return space_page_of_word(leaf != NULL ? __atomic_load_n(&leaf->base[slot], __ATOMIC_ACQUIRE)
                                           : 0);
}

uint8_t *space_host(const struct space *space, gpa_t gpa, uint64_t length_bytes, unsigned rights)
{
    struct space_page page = space_lookup(space, gpa);
    uint64_t offset = gpa & ~PAGE_MASK;
    if (page.kind != SPACE_RAM || (page.rights & rights) != rights ||
        length_bytes > PAGE_SIZE - offset) {
        return NULL;
    }
    return ram_host(space->ram, page.spa + offset);
}

/* The RAM behind the first bytes of a range, with how many lie in that page. */
static bool space_piece(const struct space *space, gpa_t gpa, uint64_t length, unsigned right,
                        spa_t *spa, size_t *n)
{
    struct space_page page = space_lookup(space, gpa);
    uint64_t offset = gpa & ~PAGE_MASK;
    *spa = page.spa + offset;
    *n = (size_t)(length < PAGE_SIZE - offset ? length : PAGE_SIZE - offset);
    return page.kind == SPACE_RAM && (page.rights & right) != 0;
}

bool space_read(const struct space *space, gpa_t gpa, void *to, uint64_t length_bytes)
{
    uint8_t *bytes = to;
    while (length_bytes > 0) {
        spa_t spa;
        size_t n;
        if (!space_piece(space, gpa, length_bytes, SPACE_READ, &spa, &n)) {
            return false;
        }
        ram_read(space->ram, spa, bytes, n);
        bytes += n;
        gpa += n;
        length_bytes -= n;
    }
    return true;
}

bool space_write(struct space *space, gpa_t gpa, const void *from, uint64_t length_bytes)
{
    const uint8_t *bytes = from;
    while (length_bytes > 0) {
        spa_t spa;
        size_t n;
        if (!space_piece(space, gpa, length_bytes, SPACE_WRITE, &spa, &n)) {
            return false;
        }
        ram_write(space->ram, spa, bytes, n);
        bytes += n;
        gpa += n;
        length_bytes -= n;
    }
    return true;
}

/* ---- what saved state asks ---- */

static uint64_t base_word(const struct space *space, uint64_t gpfn)
{
    const struct space_leaf *leaf = space_leaf(space, gpfn);

    return leaf != NULL ? leaf->base[tree_slot(gpfn, TREE_LEVELS - 1)] : 0;
}

/* The first page that may be mapped at or above gpfn: steps over what the tree does not have. */
static uint64_t skip_empty(const struct space *space, uint64_t gpfn)
{
    const void *node = space->root;

    for (unsigned level = 0; level < TREE_LEVELS - 1; level++) {
        const struct space_node *inner = node;
        unsigned shift = (TREE_LEVELS - 1 - level) * NODE_BITS;
        node = inner->slot[tree_slot(gpfn, level)];
        if (node == NULL) {
            return ((gpfn >> shift) + 1) << shift;
        }
    }
    return gpfn;
}

bool space_run_next(const struct space *space, struct space_run *run)
{
    uint64_t limit = UINT64_C(1) << (space->address_bits - PAGE_SHIFT), gpfn = run->gpfn, word = 0;

    while (gpfn < limit) {
        uint64_t next = skip_empty(space, gpfn);
        word = next == gpfn ? base_word(space, gpfn) : 0;
        if ((word & WORD_RAM) != 0) {
            break;
        }
        gpfn = next == gpfn ? gpfn + 1 : next;
    }
    if (gpfn >= limit) {
        return false;
    }
    *run = (struct space_run){ gpfn, 1, word & PAGE_MASK, word_rights(word) };
    while (gpfn + run->n_pages < limit &&
           base_word(space, gpfn + run->n_pages) == word + (run->n_pages << PAGE_SHIFT)) {
        run->n_pages++;
    }
    return true;
}

bool space_overlay_at(const struct space *space, uint64_t number, struct space_run *run)
{
    uint64_t n = 0;

    for (const struct space_overlay *o = space->overlays; o != NULL; o = o->next) {
        n++;
    }
    if (number >= n) {
        return false;
    }
    const struct space_overlay *overlay = space->overlays;
    for (uint64_t i = n - 1; i > number; i--) {
        overlay = overlay->next;
    }
    *run = (struct space_run){ overlay->gpfn, 1, overlay->word & PAGE_MASK,
                               word_rights(overlay->word) };
    return true;
}
