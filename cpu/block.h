/* Decoded blocks: built from a RAM page, found by address and mode, dropped when their bytes
 * change.
 *
 * A block is a run of instructions inside one RAM page, ended by an instruction that may change RIP
 * or mode; conditional jumps leave it when they are taken. Its key is the system physical address of its first byte and the decode mode, so that
 * aliases and address spaces share it; the virtual address comes from REG_RIP when it runs. Blocks
 * live in an arena that is emptied as a whole; a dropped block stays readable until then, so that a
 * store may drop the block it stands in. Owned by the thread that runs the VP.
 */
#ifndef CPU_BLOCK_H
#define CPU_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "cpu/decode/insn.h"
#include "cpu/exec/core.h"
#include "mmu/ram.h"

enum { BLOCK_INSNS = CORE_BLOCK_INSNS, BLOCK_JUMPS = 4, BLOCK_LINKS = 4 };

/* Which block stands at an address: true as long as the generation of code translations is the
 * same. */
struct block_link {
    uint64_t linear;
    uint64_t key; /* mmu_exec_generation and core.run_mode; 0: empty */
    struct block *block;
};

/* Of a block from bytes that need not be in one page. */
#define BLOCK_NO_SPA UINT64_MAX

struct block {
    struct block *next_in_bucket, *next_in_page;
    struct block_link link[BLOCK_LINKS]; /* successors, by the number of the last instruction */
    spa_t spa;
    spa_t second;                 /* of the page where its one instruction ends, or BLOCK_NO_SPA */
    struct block *next_in_second; /* page */
    uint16_t mode;                /* block_mode_key */
    uint16_t bytes;               /* of guest code */
    uint8_t n;                    /* guest instructions: at most so many run */
    bool dropped;
    uint16_t heat;      /* how often it was interpreted where it may be translated */
    struct code *code;  /* its translations, by RIP */
    struct insn insn[]; /* n of them and, where the last one does not end a block, one block end */
};

struct block_cache;
struct code;
struct cpu_model;

/* model: what it does not know raises #UD. */
struct block_cache *block_cache_create(struct ram *ram, const struct cpu_model *model);
void block_cache_destroy(struct block_cache *cache);

static inline uint16_t block_mode_key(struct decode_mode mode)
{
    return (uint16_t)(mode.bits | (mode.flat ? 0x100 : 0));
}

/* The live block, or NULL. */
struct block *block_find(const struct block_cache *cache, spa_t spa, struct decode_mode mode);

/* A block is built in three steps. Room for it: true when the arena was full, and every block known
 * before is gone. */
bool block_make_room(struct block_cache *cache);
/* Its page is one of code. True: TLBs may still hold write access to it; once every processor's has
 * been taken out (mmu_write_protect), ram_code_settle says so. */
bool block_mark_page(struct block_cache *cache, spa_t spa);
/* What a marked page's translations count its addresses from; 0: not chosen. Forgotten with the blocks. */
uint64_t *block_page_base(struct block_cache *cache, spa_t spa);
/* Build, publish and return the block at spa. At least one instruction. NULL when the first
 * instruction does not end inside the page. */
struct block *block_build(struct block_cache *cache, spa_t spa, struct decode_mode mode);

/* The live block of one instruction that begins at spa and ends in the page `second`; second BLOCK_NO_SPA: in any.
 * Or NULL. */
struct block *block_find_crossing(const struct block_cache *cache, spa_t spa, spa_t second,
                                  struct decode_mode mode);
/* Build it of these bytes, of which `first` stand in the first page. Room is made, both pages are marked. NULL: that is no
 * instruction. */
struct block *block_build_crossing(struct block_cache *cache, spa_t spa, spa_t second,
                                   const uint8_t bytes[INSN_MAX_LENGTH], struct decode_mode mode);

/* Fill a caller's block of room for one instruction from bytes that need not be in one page. */
void block_build_single(const struct block_cache *cache, struct block *block, const uint8_t *bytes,
                        size_t available, struct decode_mode mode);

/* Prepare a caller's block for one instruction of 64-bit code, ended behind it. */
void block_single_init(struct block *block);

/* Copy the first n instructions of a block, ended after them, into a caller's block with room for
 * them. */
void block_prefix(const struct block_cache *cache, struct block *to, const struct block *from,
                  unsigned n);

/* Make the block end after this instruction of it. Returns what stood behind, for block_uncut; NULL
 * when it ends there anyway. */
exec_fn *block_cut(struct block *block, const struct insn *insn);
void block_uncut(struct block *block, const struct insn *insn, exec_fn *behind);

/* Drop the blocks that hold one of these bytes. When `running` (or NULL) holds one, its
 * instructions after `insn` are turned into block ends, so that it is left as soon as insn is
 * complete. True when any block was dropped. */
bool block_cache_written(struct block_cache *cache, spa_t spa, size_t length, struct block *running,
                         const struct insn *insn);

/* Forget everything. No block may be running. */
void block_cache_clear(struct block_cache *cache);

/* Called for a block with translations when it is dropped (not when all are). */
void block_cache_on_drop(struct block_cache *cache, void (*drop)(void *opaque, struct block *block),
                         void *opaque);
/* No block has translations any more. */
void block_cache_forget_codes(struct block_cache *cache);

#endif
