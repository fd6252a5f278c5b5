/* The translator: from decoded instructions to host code, and running it. What runs, and when, is decided
 * by cpu/run.c.
 *
 * A code belongs to the instructions of one block at one RIP, in 64-bit code. It changes guest state exactly as
 * executing its instructions one after the other would. What has no emitter, or does not find its page, is handed to
 * translate_ops.execute, one instruction at a time. Owned by one thread.
 */
#ifndef CPU_TRANSLATE_TRANSLATE_H
#define CPU_TRANSLATE_TRANSLATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/error.h"
#include "cpu/decode/insn.h"
#include "cpu/exec/core.h"

struct translator;

/* A jump from one code to an address that is known when it is translated. */
struct code_edge {
    uint64_t rip;           /* where it goes: of a relative code, less the distance */
    struct code *from;      /* NULL: unused */
    struct code *to;        /* where the host's jump leads now; NULL: out */
    struct code_edge *next; /* of the edges that lead to the same code */
    uint8_t *jump;          /* its displacement, where it is written */
    int32_t out;            /* the displacement that leads out */
    bool crosses;           /* into another page */
    bool flags_dead;     /* only to code that overwrites the flags before it can be interrupted */
    uint64_t generation; /* crosses: of code translations, when it may be taken */
};

struct code {
    struct code *next; /* of the same block: other addresses */
    uint64_t rip;      /* relative: less the distance */
    bool
        relative; /* runs wherever translated.distance says, in user code high up in the lower half */
    uint64_t noted;       /* the address by which indirect jumps find it; 0: none */
    const uint8_t *entry; /* where it runs */
    const uint8_t
        *jump_entry; /* relative: the same, with the distance set from the address in a register */
    uint32_t host_bytes;
    void *owner;    /* the block */
    uint64_t place; /* what the caller knows it by */
    const struct insn *insn;
    struct code *plain; /* the variant without a group of stack accesses; NULL: none */
    struct code_edge *incoming;
    struct code_edge *edges;
    uint16_t n_edges;
    uint8_t n; /* instructions */
    bool dropped;
    bool kills_flags; /* before anything can see them */
};

/* Where a code is. */
static inline uint64_t code_rip(const struct core *core, const struct code *code)
{
    return code->rip + (code->relative ? core->translated.distance : 0);
}

/* Where an edge leads: call it before the distance changes. */
static inline uint64_t code_edge_rip(const struct core *core, const struct code_edge *edge)
{
    return edge->rip + (edge->from->relative ? core->translated.distance : 0);
}

/* Code that may be relative: no address within 4 GiB is in the other half of the address space. */
static inline bool code_may_move(uint64_t rip)
{
    return rip >= UINT64_C(1) << 32 && rip < (UINT64_C(1) << 47) - (UINT64_C(1) << 33);
}

enum translate_next { TRANSLATE_AGAIN, TRANSLATE_LEAVE, TRANSLATE_NEXT };

struct translate_ops {
    /* Execute instruction `index` of the code with everything in core.state. gva: of a memory access that was not in
     * the TLB, when `access` is not 0. Raises. LEAVE: RIP is set, look at everything; NEXT: go on behind it; AGAIN: only
     * the TLB was filled, check again. core.translated.fuel is the whole block's. */
    enum translate_next (*execute)(struct core *core, struct code *code, unsigned index, gva_t gva,
                                   unsigned access);
    /* Make `span` bytes of the stack at gva directly accessible: translated.stack_page and stack_delta. False: they are
     * not. Never raises. */
    bool (*stack)(struct core *core, gva_t gva, unsigned span);
    /* After LEAVE: nothing is to be looked at, and the code at RIP may run at once if indirect jumps know it. */
    bool (*goes_on)(struct core *core);
    /* Code translations changed since the edge was linked: whether it leads to the same code still. It is as if linked now. */
    bool (*edge_holds)(struct core *core, struct code_edge *edge);
    /* Note the code at rip for indirect jumps. False: it is not at hand. last: the code noted for rip under another salt, or
     * NULL. */
    bool (*find_jump)(struct core *core, uint64_t rip, struct code *last);
};

/* What an access that misses wants; in translate_ops.execute. RESUME: the next instruction may follow it;
 * LEAVE: it may not. */
enum {
    TRANSLATE_ACCESS_SIZE = 0x7f,
    TRANSLATE_ACCESS_WRITE = 0x80,
    TRANSLATE_ACCESS_RESUME = 0x100,
    TRANSLATE_ACCESS_LEAVE = 0x200
};

struct translate_config {
    bool counted;  /* instructions are counted exactly: the virtual clock, --max-instructions */
    bool tsc_free; /* core_ops.tsc does not ask how many have run */
    uint32_t hide; /* TRANSLATE_* features not to use */
};

enum { TRANSLATE_BMI2 = 1, TRANSLATE_AVX = 2, TRANSLATE_EXEC = 4 };

/* NULL with an error: this host cannot. */
WARN_UNUSED struct translator *translator_create(struct core *core, const struct translate_ops *ops,
                                                 struct translate_config config,
                                                 struct error *error);
void translator_destroy(struct translator *translator);

/* Translate n instructions at rip; relative: at rip + distance, wherever that is. NULL: no room; translator_clear and
 * try again. */
struct code *translate(struct translator *translator, const struct insn *insn, unsigned n,
                       uint64_t rip, bool relative, void *owner);

/* Run until something must be looked at. RIP is set. Returns the edge by which translated code was left, or NULL. */
struct code_edge *translator_run(struct translator *translator, struct code *code, uint64_t rip);

/* Make an edge lead to a code, which must be as far from its addresses. generation: see code_edge. */
void translator_link(struct translator *translator, struct code_edge *edge, struct code *to,
                     uint64_t generation);

/* Make indirect jumps to rip find it, as long as the salt is the same. */
void translator_jump_note(struct translator *translator, struct code *code, uint64_t rip);
/* Another salt: no jump noted under another is found. */
uint32_t translator_salt_new(struct translator *translator);

/* The code must not be entered any more. */
void translator_drop(struct translator *translator, struct code *code);

/* Forget all codes. None may be running. */
void translator_clear(struct translator *translator);

#endif
