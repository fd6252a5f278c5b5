/* One instruction with everything it can see, and what became of it: the same for the host CPU and
 * for verdite. */
#ifndef TESTS_FUZZ_CPU_CASE_H
#define TESTS_FUZZ_CPU_CASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cpu/decode/insn.h"
#include "cpu/x86/segment.h"

/* What lies where, for both. Everything else is not mapped. */
enum {
    CASE_DATA = 0x10000000, /* four writable pages; nothing before and behind them */
    CASE_DATA_SIZE = 0x4000,
    CASE_DATA_PAGES = 4,
    CASE_READ_ONLY = 0x10005000, /* one page */
    CASE_CODE = 0x20000000,      /* one page, not writable, full of INT3 */
    CASE_PAGE = 0x1000,
    CASE_BYTES = 240,
    CASE_STEPS = 40,
    CASE_SELECTORS =
        0x1c00, /* in the data: 16-bit words that are selectors, to CASE_SELECTORS_END */
    CASE_SELECTORS_END = 0x2000,
    CASE_FRAMES =
        0x0000, /* in the data: offset, selector, flags, stack pointer, stack selector; 64 bytes each */
    CASE_FRAME_COUNT = 24, /* of sizes 2, 4, 8, 2, 4, 8 .. */
    CASE_FX = 512,
    CASE_YMM = 256,
    CASE_FX_USED = 416, /* of an FXSAVE image */
};

/* Offsets in an FXSAVE image of 64-bit mode. [SDM 1 table 10-2] */
enum { FX_FCW = 0, FX_FSW = 2, FX_FTW = 4, FX_MXCSR = 24, FX_ST = 32, FX_XMM = 160 };

/* Segments a case may load; struct case_segment has what they are. */
enum case_segment_index {
    CASE_SEG_NULL,
    CASE_SEG_FLAT,        /* the system's flat data segment */
    CASE_SEG_DATA,        /* exactly the four data pages */
    CASE_SEG_READ_ONLY,   /* not writable, odd limit, from the second data page */
    CASE_SEG_EXPAND_DOWN, /* offsets from 0x1000 up */
    CASE_SEG_SMALL,       /* 64K, 16-bit stack */
    CASE_SEG_CODE_64,
    CASE_SEG_CODE_32,
    CASE_SEG_CODE_16,   /* at CASE_CODE */
    CASE_SEG_CODE_LDT,  /* 32-bit, one page at CASE_CODE */
    CASE_SEG_EXEC_ONLY, /* flat, cannot be read */
    CASE_SEG_ABSENT,    /* not present */
    CASE_SEGS,
};

struct case_segment {
    uint16_t selector;
    uint32_t base, limit;
    uint32_t attributes; /* SEG_* */
};

extern const struct case_segment case_segments[CASE_SEGS];

/* Contents of memory before every case of a batch. */
struct case_memory {
    uint8_t data[CASE_DATA_SIZE];
    uint8_t read_only[CASE_PAGE];
};

struct fuzz_case {
    uint64_t index;
    struct insn insn; /* as decoded, RIP-relative displacements made absolute to the case's start */
    uint8_t bits;
    uint8_t n; /* bytes */
    uint8_t bytes[CASE_BYTES];
    uint8_t native[CASE_BYTES]; /* what the host gets: differs where vendors do */
    uint16_t code_offset;       /* in the code page */
    uint8_t steps;              /* of a sequence, else 0: one instruction, insn */
    uint8_t count;              /* instructions of a sequence: steps, and NOPs put in for others */
    struct insn step[CASE_STEPS];
    uint64_t undefined, undefined_ever; /* flags, after a sequence and anywhere in it */
    uint8_t seg[6];                     /* enum case_segment_index by SEG_* */
    uint64_t gpr[16];
    uint64_t rflags;
    uint64_t fs_base, gs_base; /* 64-bit mode */
    uint64_t operand;          /* linear address of the memory operand */
    _Alignas(16) uint8_t fx[CASE_FX];
    uint8_t ymm[CASE_YMM]; /* upper halves */
};

struct fuzz_result {
    bool looped;    /* it jumped into its own bytes and never came back: no verdict */
    bool completed; /* else vector, error, address tell of the fault */
    uint8_t vector;
    uint32_t error;
    uint64_t address; /* CR2 of #PF */
    uint64_t rip;     /* offset in CS */
    uint64_t gpr[16];
    uint64_t rflags;
    uint16_t selector[6];
    uint64_t fs_base, gs_base;
    _Alignas(16) uint8_t fx[CASE_FX];
    uint8_t ymm[CASE_YMM];
    uint32_t pages_changed; /* bit i: data page i is not as before; only those are in data */
    uint8_t data[CASE_DATA_SIZE];
};

/* Every fourth chunk of 64 cases is of sequences. */
static inline bool case_is_sequence(uint64_t index)
{
    return (index >> 6 & 3) == 3;
}

/* RIP of the instruction: an offset in CS. */
static inline uint64_t case_rip(const struct fuzz_case *c)
{
    return (c->bits == 16 ? 0u : (uint64_t)CASE_CODE) + c->code_offset;
}

/* Copy the changed data pages to the result and put back what was there. */
static inline void result_memory(struct fuzz_result *result, uint8_t *live,
                                 const struct case_memory *before)
{
    result->pages_changed = 0;
    for (unsigned page = 0; page < CASE_DATA_PAGES; page++) {
        size_t at = (size_t)page * CASE_PAGE;

        if (__builtin_memcmp(live + at, before->data + at, CASE_PAGE) != 0) {
            result->pages_changed |= 1u << page;
            __builtin_memcpy(result->data + at, live + at, CASE_PAGE);
            __builtin_memcpy(live + at, before->data + at, CASE_PAGE);
        }
    }
}

/* ---- the host CPU: native.c ---- */
struct native;

/* Attributes (as LAR gives them, shifted down) and limit of a descriptor that programs may see; false: they may not. */
bool native_descriptor(uint16_t selector, uint32_t *attributes, uint32_t *limit);

/* NULL when the host forbids it; *why says what. can_16, can_32: code of that width can run. */
/* Does the host, with its kernel, run what needs this feature (enum op_feature)? */
bool native_knows(unsigned needs);

struct native *native_create(const char **why);
bool native_can(const struct native *native, unsigned bits);
void native_memory(struct native *native, const struct case_memory *memory);
/* Does the process itself have something mapped near this address? There a fault of the case would be none on the host. */
bool native_owns(const struct native *native, uint64_t address);
void native_run(struct native *native, const struct fuzz_case *cases, struct fuzz_result *results,
                size_t n);

/* ---- verdite: emulated.c ---- */
struct emulated;
struct emulated *emulated_create(void);
void emulated_memory(struct emulated *emulated, const struct case_memory *memory);
/* A sequence runs through cpu_run: fetch, blocks and all. */
void emulated_run(struct emulated *emulated, const struct fuzz_case *c, struct fuzz_result *result);

/* ---- cases: generate.c, from rows: templates.c ---- */
struct opcode_template {
    uint16_t op;
    uint8_t map; /* 0 one byte, 1 0F, 2 0F38, 3 0F3A */
    uint8_t plane, opcode;
    int8_t reg, rm; /* of ModRM, or -1: any */
    int8_t memory;  /* 1 memory only, 0 register only, -1 any */
    bool modrm, rex_w, x87;
    bool vex, vvvv; /* VEX-encoded; it names an operand in VEX.vvvv */
    uint32_t flags; /* the row's */
};

struct template_list {
    struct opcode_template *row;
    size_t n;
    size_t first[OP_COUNT + 1]; /* rows of an op: first[op] .. first[op + 1] */
    uint16_t ops[OP_COUNT];     /* ops the host may judge */
    size_t n_ops;
};

void templates_list(struct template_list *list);

struct generator {
    const struct template_list *templates;
    const struct case_memory *memory;
    uint64_t seed;
    unsigned bits; /* 0: any */
    int op;        /* -1: any */
    bool blocks;   /* nothing but sequences, of 5 to CASE_STEPS instructions */
    bool can_16, can_32;
};

/* Flags that a sequence leaves undefined, by its bytes. */
void sequence_undefined(struct fuzz_case *c);

void memory_generate(struct case_memory *memory, uint64_t seed, uint64_t batch);
void case_generate(const struct generator *generator, uint64_t index, struct fuzz_case *c);

uint64_t fuzz_random(uint64_t *state);

/* Linear address of the memory operand by the case's registers. */
uint64_t case_operand(const struct fuzz_case *c);

/* ---- verdicts: compare.c ---- */

enum verdict { VERDICT_EQUAL, VERDICT_ACCEPTED, VERDICT_DIFFERENT };

/* What differs, in words, when VERDICT_DIFFERENT; the reason, when accepted. */
enum verdict case_compare(const struct fuzz_case *c, const struct case_memory *memory,
                          const struct fuzz_result *host, const struct fuzz_result *ours,
                          char *text, size_t size);

#endif
