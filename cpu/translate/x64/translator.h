/* The x86-64 host's translator: its code cache and the routines that all codes share. */
#ifndef CPU_TRANSLATE_X64_TRANSLATOR_H
#define CPU_TRANSLATE_X64_TRANSLATOR_H

#include "base/host/code_memory.h"
#include "cpu/decode/op_info.h"
#include "cpu/translate/translate.h"
#include "cpu/translate/x64/emit.h"
#include "cpu/translate/x64/vex.h"

/* A place where translated code hands an instruction over. */
struct site {
    struct code *code;
    uint16_t index, access;
};

struct jump_entry {
    uint64_t rip;
    uint32_t salt; /* 0: nobody's */
    uint32_t
        entry; /* from the first byte of code memory; 0: unused. A pointer to the code stands in front of it */
};

enum { JUMP_TABLE_BITS = 14 };

struct translator {
    struct core *core;
    const struct translate_ops *ops;
    struct translate_config config;
    struct host_code_memory memory;
    uint8_t *code_first; /* behind the shared routines */
    uint8_t *code_at;    /* writing place */
    uint8_t *cold_at;    /* of what hardly ever runs, in the other half */
    uint8_t *data_at;    /* codes and edges, beside the code */
    struct site *sites;
    uint32_t n_sites;
    struct jump_entry *jumps;
    uint32_t salt;
    bool bmi2, avx, knows_lzcnt;
    bool knows[OP_FEATURE_COUNT]; /* the host, what guests may need */
    struct vex_forms vex;
    /* Shared routines, where they are written. */
    uint8_t *slow_entry, *miss_entry, *flags_entry, *exit_entry, *exit_edge_entry;
    uint8_t *vectors_entry, *vectors_load, *vectors_save, *ymm_entry;
    uint8_t *stack_entry, *tsc_entry, *rflags_entry, *holds_entry, *find_entry, *x87_entry;
    const void *run_entry;
    struct emitter emitter;
};

/* Emit the shared routines. */
void translator_emit_shared(struct translator *t);
/* Emit a block. */
void translator_emit(struct emitter *e);

/* What they call. 0: go on (with the check again), 1: leave, 2: go on with the next instruction; else where to go on. */
uint64_t translator_slow(struct translator *t, uint32_t site);
uint64_t translator_miss(struct translator *t, uint32_t site, gva_t gva);
void translator_flags(struct translator *t);
uint64_t translator_tsc(struct core *core);
uint64_t translator_rflags(struct core *core);
/* 0: no. */
unsigned translator_holds(struct translator *t, struct code_edge *edge);
unsigned translator_find(struct translator *t, uint64_t rip);
/* The stack of a block is not at hand: 0: try again; 1: leave; else where the block is that checks each access. */
uint64_t translator_stack(struct translator *t, uint32_t site, gva_t gva);

/* The guest's x87 state into the host's FPU, by translated.x87_image. 0: not while its exceptions may be raised. */
unsigned translator_x87_load(struct translator *t);
/* The other way: what FNSAVE left in translated.x87_image, if anything. */
void translator_x87_take(struct translator *t);

uint32_t translator_site(struct translator *t, struct code *code, unsigned index, unsigned access);

enum { JUMP_HASH = 0x61c88647, JUMP_HASH_SHIFT = 28 };

static inline unsigned jump_slot(uint64_t rip)
{
    return (unsigned)(rip * JUMP_HASH >> (JUMP_HASH_SHIFT + 4)) & ((1u << JUMP_TABLE_BITS) - 1);
}

#endif
