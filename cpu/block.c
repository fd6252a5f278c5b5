/* Decoded blocks: the arena, the hash by physical address, and what a write to code drops. */
#include "cpu/block.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/decode/op_info.h"
#include "cpu/exec/core.h"
#include "cpu/exec/exec.h"

enum { BUCKET_BITS = 15, ARENA_BYTES = 48 << 20, PAGE_BITS = 12 };

/* What is known of a RAM page that holds code. */
struct code_page {
    struct code_page *next;
    uint64_t page;
    uint64_t lines; /* bit n: some block covers bytes of the n-th 64-byte line */
    bool held;      /* by ram_code_get */
    uint64_t base;  /* block_page_base */
    struct block *blocks;
    struct block *crossing; /* that end in it and begin in another; dropped ones, too */
};

struct block_cache {
    struct ram *ram;
    const struct cpu_model *model;
    uint8_t *arena;
    size_t used;
    void (*drop)(void *opaque, struct block *block);
    void *drop_opaque;
    struct block *bucket[1 << BUCKET_BITS];
    struct code_page *page[1 << PAGE_BITS];
};

struct block_cache *block_cache_create(struct ram *ram, const struct cpu_model *model)
{
    struct block_cache *cache = calloc(1, sizeof(*cache));

    if (cache == NULL) {
        return NULL;
    }
    cache->ram = ram;
    cache->model = model;
    cache->arena = malloc(ARENA_BYTES);
    if (cache->arena == NULL) {
        free(cache);
        return NULL;
    }
    return cache;
}

void block_cache_destroy(struct block_cache *cache)
{
    if (cache != NULL) {
        block_cache_clear(cache);
        free(cache->arena);
        free(cache);
    }
}

void block_cache_clear(struct block_cache *cache)
{
    for (size_t i = 0; i < ARRAY_SIZE(cache->page); i++) {
        for (const struct code_page *page = cache->page[i]; page != NULL; page = page->next) {
            if (page->held) {
                ram_code_put(cache->ram, page->page << PAGE_SHIFT);
            }
        }
    }
    memset(cache->bucket, 0, sizeof(cache->bucket));
    memset(cache->page, 0, sizeof(cache->page));
    cache->used = 0;
}

static size_t bucket_of(spa_t spa, uint16_t mode)
{
    uint64_t hash = (spa ^ (uint64_t)mode << 40) * UINT64_C(0x9e3779b97f4a7c15);

    return hash >> (64 - BUCKET_BITS);
}

struct block *block_find(const struct block_cache *cache, spa_t spa, struct decode_mode mode)
{
    uint16_t key = block_mode_key(mode);
    struct block *block = cache->bucket[bucket_of(spa, key)];

    while (block != NULL &&
           (block->spa != spa || block->mode != key || block->second != BLOCK_NO_SPA)) {
        block = block->next_in_bucket;
    }
    return block;
}

struct block *block_find_crossing(const struct block_cache *cache, spa_t spa, spa_t second,
                                  struct decode_mode mode)
{
    uint16_t key = block_mode_key(mode);
    struct block *block = cache->bucket[bucket_of(spa, key)];

    for (; block != NULL; block = block->next_in_bucket) {
        if (block->spa == spa && block->mode == key && block->second != BLOCK_NO_SPA &&
            (second == BLOCK_NO_SPA || block->second == second)) {
            return block;
        }
    }
    return NULL;
}

static struct code_page *page_find(const struct block_cache *cache, uint64_t number)
{
    struct code_page *page = cache->page[number & ((1 << PAGE_BITS) - 1)];

    while (page != NULL && page->page != number) {
        page = page->next;
    }
    return page;
}

static void *arena_take(struct block_cache *cache, size_t bytes)
{
    bytes = (bytes + 15) & ~(size_t)15;
    if (cache->used + bytes > ARENA_BYTES) {
        return NULL;
    }
    cache->used += bytes;
    return cache->arena + cache->used - bytes;
}

/* Leaves the block with RIP at the address where it stands. */
static void exec_block_end(struct core *core, const struct insn *insn)
{
    core->state.gpr[REG_RIP] = (core->state.gpr[REG_RIP] + insn->offset) & core->ip_mask;
}

/* The end behind n instructions. */
static void set_block_end(struct block *block, unsigned n, uint16_t offset)
{
    block->insn[n] = (struct insn){
        .exec = exec_block_end, .op = OP_NOP, .number = (uint8_t)n, .offset = offset
    };
}

/* Place a decoded instruction at an offset: its executor, and RIP-relative operands relative to the
 * block's start. */
static void insn_place(const struct block_cache *cache, struct insn *insn, uint16_t offset,
                       unsigned bits)
{
    insn->offset = offset;
    if (insn->base == REG_RIP) {
        insn->disp += offset + insn->length;
    }
    insn->exec = exec_choose_for(cache->model, insn, bits);
}

static void exec_too_long(struct core *core, const struct insn *insn)
{
    (void)insn;
    core_raise_error(core, VECTOR_GP, 0);
}

void block_build_single(const struct block_cache *cache, struct block *block, const uint8_t *bytes,
                        size_t available, struct decode_mode mode)
{
    struct insn *insn = &block->insn[0];

    *block = (struct block){
        .spa = BLOCK_NO_SPA, .second = BLOCK_NO_SPA, .mode = block_mode_key(mode), .n = 1
    };
    *insn = (struct insn){ 0 };
    if (decode_insn(bytes, available, mode, insn) != DECODE_OK) {
        *insn = (struct insn){ .op = OP_UD, .length = INSN_MAX_LENGTH };
        insn_place(cache, insn, 0, mode.bits);
        insn->exec = exec_too_long;
    } else {
        insn_place(cache, insn, 0, mode.bits);
    }
    block->bytes = insn->length;
    insn->number = 1;
    set_block_end(block, 1, insn->length);
}

void block_single_init(struct block *block)
{
    *block = (struct block){ .second = BLOCK_NO_SPA, .n = 1 };
    set_block_end(block, 1, 0);
}

void block_prefix(const struct block_cache *cache, struct block *to, const struct block *from,
                  unsigned n)
{
    assert(n >= 1 && n <= from->n);
    *to = (struct block){
        .spa = from->spa, .second = from->second, .mode = from->mode, .n = (uint8_t)n
    };
    memcpy(to->insn, from->insn, n * sizeof(struct insn));
    if (n < from->n) {
        struct insn *last = &to->insn[n - 1]; /* it may be fused with the next */
        last->exec = exec_choose_for(cache->model, last, from->mode & 0xff);
    }
    to->bytes = (uint16_t)(to->insn[n - 1].offset + to->insn[n - 1].length);
    set_block_end(to, n, to->bytes);
}

/* Decode from one page until a block ends. Returns how many instructions were filled. */
static unsigned decode_run(const struct block_cache *cache, spa_t spa, struct decode_mode mode,
                           struct insn *insn)
{
    const uint8_t *host = ram_host(cache->ram, spa);
    size_t available = PAGE_SIZE - (spa & ~PAGE_MASK), offset = 0;
    unsigned n = 0, jumps = 0;

    while (n < BLOCK_INSNS && offset < available) {
        uint8_t bytes[INSN_MAX_LENGTH];
        size_t left = available - offset < sizeof(bytes) ? available - offset : sizeof(bytes);

        for (size_t i = 0; i < left; i++) {
            bytes[i] = ram_load8(host + offset + i);
        }
        insn[n] = (struct insn){ 0 };
        enum decode_status status = decode_insn(bytes, left, mode, &insn[n]);
        if (status == DECODE_TRUNCATED) {
            break;
        }
        if (status == DECODE_TOO_LONG) {
            insn[n] = (struct insn){ .op = OP_UD, .length = INSN_MAX_LENGTH };
        }
        insn_place(cache, &insn[n], (uint16_t)offset, mode.bits);
        if (status == DECODE_TOO_LONG) {
            insn[n].exec = exec_too_long;
        }
        offset += insn[n].length;
        insn[n].number = (uint8_t)(n + 1);
        bool passes = insn[n].op == OP_JCC && ++jumps < BLOCK_JUMPS;
        if (insn_ends_block(&insn[n++], mode.bits) && !passes) {
            break;
        }
    }
    return n;
}

enum { BLOCK_BYTES_MOST = sizeof(struct block) + (BLOCK_INSNS + 1) * sizeof(struct insn) };

bool block_make_room(struct block_cache *cache)
{
    if (cache->used + BLOCK_BYTES_MOST + 2 * sizeof(struct code_page) + 64 <= ARENA_BYTES) {
        return false;
    }
    block_cache_clear(cache);
    return true;
}

bool block_mark_page(struct block_cache *cache, spa_t spa)
{
    uint64_t number = spa >> PAGE_SHIFT;
    struct code_page *page = page_find(cache, number);

    if (page == NULL) {
        page = arena_take(cache, sizeof(*page));
        *page = (struct code_page){ .page = number,
                                    .next = cache->page[number & ((1 << PAGE_BITS) - 1)] };
        cache->page[number & ((1 << PAGE_BITS) - 1)] = page;
    }
    if (!page->held) {
        page->held = true;
        ram_code_get(cache->ram, spa);
    }
    return (ram_page_flags(cache->ram, spa) & RAM_PAGE_SETTLED) == 0;
}

uint64_t *block_page_base(struct block_cache *cache, spa_t spa)
{
    return &page_find(cache, spa >> PAGE_SHIFT)->base;
}

/* Let it be found, and dropped when one of the `length` bytes in its page changes. */
static void publish(struct block_cache *cache, struct code_page *page, struct block *block,
                    size_t length)
{
    size_t bucket = bucket_of(block->spa, block->mode);
    size_t at = block->spa & ~PAGE_MASK;

    block->next_in_bucket = cache->bucket[bucket];
    cache->bucket[bucket] = block;
    block->next_in_page = page->blocks;
    page->blocks = block;
    for (size_t line = at >> 6; line <= (at + length - 1) >> 6; line++) {
        page->lines |= UINT64_C(1) << line;
    }
}

struct block *block_build(struct block_cache *cache, spa_t spa, struct decode_mode mode)
{
    const size_t most = BLOCK_BYTES_MOST;
    struct code_page *page = page_find(cache, spa >> PAGE_SHIFT);
    struct block *block = arena_take(cache, most);

    assert(page != NULL && page->held && block != NULL);
    unsigned n = decode_run(cache, spa, mode, block->insn);
    if (n == 0) {
        cache->used -= (most + 15) & ~(size_t)15;
        return NULL;
    }
    for (unsigned i = 1; i < n; i++) {
        exec_fn *fused = exec_choose_fused(&block->insn[i - 1]);
        if (fused != NULL) {
            block->insn[i - 1].exec = fused;
        }
    }
    const struct insn *last = &block->insn[n - 1];
    unsigned length = (unsigned)last->offset + last->length;
    set_block_end(block, n, (uint16_t)length);
    size_t kept = sizeof(struct block) + (n + 1) * sizeof(struct insn);
    cache->used -= ((most + 15) & ~(size_t)15) - ((kept + 15) & ~(size_t)15);

    *block = (struct block){ .spa = spa,
                             .second = BLOCK_NO_SPA,
                             .mode = block_mode_key(mode),
                             .bytes = (uint16_t)length,
                             .n = (uint8_t)n };
    publish(cache, page, block, length);
    return block;
}

struct block *block_build_crossing(struct block_cache *cache, spa_t spa, spa_t second,
                                   const uint8_t bytes[INSN_MAX_LENGTH], struct decode_mode mode)
{
    const size_t size = sizeof(struct block) + 2 * sizeof(struct insn);
    size_t first = PAGE_SIZE - (spa & ~PAGE_MASK);
    struct block *block = arena_take(cache, size);
    struct code_page *page = page_find(cache, spa >> PAGE_SHIFT),
                     *end = page_find(cache, second >> PAGE_SHIFT);

    assert(block != NULL && page != NULL && page->held && end != NULL && end->held);
    block_build_single(cache, block, bytes, INSN_MAX_LENGTH, mode);
    if (block->bytes <= first || block->insn[0].exec == exec_too_long) {
        cache->used -= (size + 15) & ~(size_t)15;
        return NULL;
    }
    block->spa = spa;
    block->second = second & PAGE_MASK;
    publish(cache, page, block, first);
    block->next_in_second = end->crossing;
    end->crossing = block;
    end->lines |= 1;
    return block;
}

static void block_drop(struct block_cache *cache, struct block *block)
{
    struct block **link = &cache->bucket[bucket_of(block->spa, block->mode)];

    while (*link != block) {
        link = &(*link)->next_in_bucket;
    }
    *link = block->next_in_bucket;
    block->dropped = true;
    if (block->code != NULL) {
        cache->drop(cache->drop_opaque, block);
    }
}

void block_cache_on_drop(struct block_cache *cache, void (*drop)(void *opaque, struct block *block),
                         void *opaque)
{
    cache->drop = drop;
    cache->drop_opaque = opaque;
}

void block_cache_forget_codes(struct block_cache *cache)
{
    for (size_t i = 0; i < ARRAY_SIZE(cache->bucket); i++) {
        for (struct block *block = cache->bucket[i]; block != NULL; block = block->next_in_bucket) {
            block->code = NULL;
        }
    }
}

static void end_after(struct block *block, const struct insn *insn)
{
    for (size_t i = (size_t)(insn - block->insn) + 1; i < block->n; i++) {
        block->insn[i].exec = exec_block_end;
        block->insn[i].number = (uint8_t)i;
    }
}

exec_fn *block_cut(struct block *block, const struct insn *insn)
{
    size_t next = (size_t)(insn - block->insn) + 1;

    if (next >= block->n || block->insn[next].exec == exec_block_end) {
        return NULL;
    }
    exec_fn *behind = block->insn[next].exec;
    block->insn[next].exec = exec_block_end;
    block->insn[next].number = (uint8_t)next;
    return behind;
}

void block_uncut(struct block *block, const struct insn *insn, exec_fn *behind)
{
    size_t next = (size_t)(insn - block->insn) + 1;

    block->insn[next].exec = behind;
    block->insn[next].number = (uint8_t)(next + 1);
}

/* Whether some of these bytes, in one page, are the block's. */
static bool overlaps(const struct block *block, spa_t spa, size_t length)
{
    size_t first = PAGE_SIZE - (block->spa & ~PAGE_MASK);
    size_t bytes = block->second != BLOCK_NO_SPA ? first : block->bytes;

    return (block->spa < spa + length && spa < block->spa + bytes) ||
           (block->second != BLOCK_NO_SPA && block->second < spa + length &&
            spa < block->second + (block->bytes - first));
}

/* Drop what overlaps in one page, out of a list of it. */
static bool drop_written(struct block_cache *cache, struct block **link, bool second, spa_t spa,
                         size_t length)
{
    bool any = false;

    while (*link != NULL) {
        struct block *block = *link;
        struct block **next = second ? &block->next_in_second : &block->next_in_page;
        bool hit = !block->dropped && overlaps(block, spa, length);
        if (hit) {
            block_drop(cache, block);
            any = true;
        }
        if (block->dropped) { /* by the other page of an instruction, perhaps */
            *link = *next;
        } else {
            link = next;
        }
    }
    return any;
}

/* Drop what overlaps in one page. */
static bool page_written(struct block_cache *cache, spa_t spa, size_t length)
{
    struct code_page *page = page_find(cache, spa >> PAGE_SHIFT);
    uint64_t touched = 0;
    bool any = false;

    if (page == NULL) {
        return false;
    }
    for (spa_t line = (spa & ~PAGE_MASK) >> 6; line <= ((spa & ~PAGE_MASK) + length - 1) >> 6;
         line++) {
        touched |= UINT64_C(1) << line;
    }
    if (!(page->lines & touched) && page->lines != 0) {
        return false;
    }
    any = drop_written(cache, &page->blocks, false, spa, length);
    any |= drop_written(cache, &page->crossing, true, spa, length);
    if (page->blocks == NULL && page->crossing == NULL && page->held) {
        page->lines = 0;
        page->held = false;
        ram_code_put(cache->ram, spa);
    }
    return any;
}

bool block_cache_written(struct block_cache *cache, spa_t spa, size_t length, struct block *running,
                         const struct insn *insn)
{
    bool any = false;

    if (running != NULL && overlaps(running, spa, length)) {
        end_after(running, insn);
    }

    while (length > 0) {
        size_t here = PAGE_SIZE - (spa & ~PAGE_MASK) < length
                          ? (size_t)(PAGE_SIZE - (spa & ~PAGE_MASK))
                          : length;
        any |= page_written(cache, spa, here);
        spa += here;
        length -= here;
    }
    return any;
}
