/* The code cache: making, linking and dropping codes; the way in and out of them. */
#include "cpu/translate/x64/translator.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/exec/flags.h"

enum {
    CODE_BYTES = 48 << 20,
    HOT_BYTES = 24 << 20,
    DATA_BYTES = 64 << 20,
    SITES = 2 << 20,
    BLOCK_MOST = 64 << 10, /* host code of one block, at most */
};

#if defined(__x86_64__)

#include <cpuid.h>

/* What instructions need that run on the host as they are; without rows: every x86-64 host has it. */
static void host_features(struct translator *t)
{
    static const struct {
        uint8_t needs;
        bool avx;
        uint8_t leaf7, reg, bit; /* EBX is 1, ECX 2, EDX 3 */
    } rows[] = {
        { OP_NEEDS_SSE3, false, 0, 2, 0 },      { OP_NEEDS_SSSE3, false, 0, 2, 9 },
        { OP_NEEDS_SSE4_1, false, 0, 2, 19 },   { OP_NEEDS_SSE4_2, false, 0, 2, 20 },
        { OP_NEEDS_POPCNT, false, 0, 2, 23 },   { OP_NEEDS_MOVBE, false, 0, 2, 22 },
        { OP_NEEDS_CX16, false, 0, 2, 13 },     { OP_NEEDS_AES, false, 0, 2, 25 },
        { OP_NEEDS_PCLMULQDQ, false, 0, 2, 1 }, { OP_NEEDS_AVX, true, 0, 2, 28 },
        { OP_NEEDS_FMA, true, 0, 2, 12 },       { OP_NEEDS_F16C, true, 0, 2, 29 },
        { OP_NEEDS_AVX2, true, 1, 1, 5 },       { OP_NEEDS_BMI1, false, 1, 1, 3 },
        { OP_NEEDS_BMI2, false, 1, 1, 8 },      { OP_NEEDS_ADX, false, 1, 1, 19 },
        { OP_NEEDS_SHA, false, 1, 1, 29 },
    };
    uint32_t regs[2][4] = { { 0 } };

    for (unsigned i = 0; i < OP_FEATURE_COUNT; i++) {
        t->knows[i] = true;
    }
    (void)__get_cpuid(1, &regs[0][0], &regs[0][1], &regs[0][2], &regs[0][3]);
    (void)__get_cpuid_count(7, 0, &regs[1][0], &regs[1][1], &regs[1][2], &regs[1][3]);
    t->avx = __builtin_cpu_supports("avx2") && !(t->config.hide & TRANSLATE_AVX);
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        t->knows[rows[i].needs] =
            (regs[rows[i].leaf7][rows[i].reg] >> rows[i].bit & 1) && (!rows[i].avx || t->avx);
    }
    /* A guest's LZCNT and TZCNT are not the host's BSR and BSF: see is_native. */
    uint32_t extended[4] = { 0 };

    (void)__get_cpuid(0x80000001, &extended[0], &extended[1], &extended[2], &extended[3]);
    t->knows_lzcnt = (extended[2] >> 5 & 1) && t->knows[OP_NEEDS_BMI1];
}

static bool host_has_bmi2(void)
{
    return __builtin_cpu_supports("bmi2");
}

struct translator *translator_create(struct core *core, const struct translate_ops *ops,
                                     struct translate_config config, struct error *error)
{
    struct translator *t = calloc(1, sizeof(*t));

    if (t == NULL) {
        (void)error_set(error, -ENOMEM, "no memory for the translator");
        return NULL;
    }
    t->core = core;
    t->ops = ops;
    t->config = config;
    host_features(t);
    vex_forms_list(&t->vex);
    t->bmi2 = host_has_bmi2() && !(config.hide & TRANSLATE_BMI2);
    t->sites = calloc(SITES, sizeof(*t->sites));
    t->jumps = calloc(1u << JUMP_TABLE_BITS, sizeof(*t->jumps));
    if (t->sites == NULL || t->jumps == NULL) {
        (void)error_set(error, -ENOMEM, "no memory for the translator");
        translator_destroy(t);
        return NULL;
    }
    if (!t->bmi2) {
        (void)error_set(error, -ENOTSUP, "the host has no BMI2");
        translator_destroy(t);
        return NULL;
    }
    if (config.hide & TRANSLATE_EXEC) {
        (void)error_set(error, -EACCES, "the host refuses memory for code");
        translator_destroy(t);
        return NULL;
    }
    if (host_code_memory_create(&t->memory, CODE_BYTES, DATA_BYTES, error) != 0) {
        translator_destroy(t);
        return NULL;
    }
    t->code_at = t->memory.write;
    translator_emit_shared(t);
    t->code_first = t->code_at;
    t->cold_at = t->memory.write + HOT_BYTES;
    t->data_at = t->memory.data;
    core->translated.jump_table = t->jumps;
    core->translated.code_base = (uintptr_t)t->memory.run;
    core->translated.host_mxcsr = 0x1f80;
    core->translated.x87_site = core->translated.x87_data_site = X87_NO_SITE;
    return t;
}

#else

struct translator *translator_create(struct core *core, const struct translate_ops *ops,
                                     struct translate_config config, struct error *error)
{
    (void)core;
    (void)ops;
    (void)config;
    (void)error_set(error, -ENOTSUP, "there is a translator for x86-64 hosts only");
    return NULL;
}

#endif

void translator_destroy(struct translator *t)
{
    if (t != NULL) {
        host_code_memory_destroy(&t->memory);
        free(t->sites);
        free(t->jumps);
        free(t);
    }
}

void translator_clear(struct translator *t)
{
    t->code_at = t->code_first;
    t->cold_at = t->memory.write + HOT_BYTES;
    t->data_at = t->memory.data;
    t->n_sites = 0;
    memset(t->jumps, 0, sizeof(*t->jumps) << JUMP_TABLE_BITS);
}

uint32_t translator_site(struct translator *t, struct code *code, unsigned index, unsigned access)
{
    t->sites[t->n_sites] =
        (struct site){ .code = code, .index = (uint8_t)index, .access = (uint16_t)access };
    return t->n_sites++;
}

/* An indirect jump comes with its target in S_ADDRESS. */
static void emit_jump_entry(struct emitter *e)
{
    if (e->relative) {
        enc_lea(&e->e, 8, S_DATA, HOST_MEM(S_ADDRESS, -(int32_t)e->rip));
        enc_store(&e->e, 8, CORE_AT(translated.distance), S_DATA);
    }
}

static void emit_code(struct translator *t, struct code *code, bool keep_all)
{
    struct emitter *e = &t->emitter;
    const uint32_t sites = t->n_sites;

    e->keep_all = keep_all;
    e->again = false;
    e->e.at = t->code_at;
    code->n_edges = 0;
    memcpy(e->e.at, &code, sizeof(code));
    e->e.at += sizeof(code);
    code->jump_entry = e->e.at + e->e.to_run;
    emit_jump_entry(e);
    code->entry = e->e.at + e->e.to_run;
    translator_emit(e);
    assert(e->e.at <= t->code_at + BLOCK_MOST);
    code->host_bytes = (uint32_t)(e->e.at + e->e.to_run - code->entry);
    e->e.at = t->cold_at;
    emit_cold(e);
    assert(e->e.at <= t->cold_at + BLOCK_MOST);
    if (e->again) {
        t->n_sites = sites;
    }
}

static struct code *make(struct translator *t, const struct insn *insn, unsigned n, uint64_t rip,
                         bool relative, void *owner, bool plain)
{
    const size_t most_data = sizeof(struct code) + COLD_MOST * sizeof(struct code_edge);
    struct emitter *e = &t->emitter;

    if (t->code_at + BLOCK_MOST > t->memory.write + HOT_BYTES ||
        t->cold_at + BLOCK_MOST > t->memory.write + CODE_BYTES ||
        t->data_at + most_data > t->memory.data + DATA_BYTES ||
        t->n_sites + 2 * COLD_MOST > SITES) {
        return NULL;
    }
    struct code *code = (struct code *)(void *)t->data_at;
    *code = (struct code){ .rip = rip,
                           .relative = relative,
                           .owner = owner,
                           .insn = insn,
                           .n = (uint8_t)n,
                           .edges = (struct code_edge *)(void *)(code + 1) };
    e->e = (struct encoder){ .at = t->code_at, .to_run = t->memory.run - t->memory.write };
    e->translator = t;
    e->code = code;
    e->insns = insn;
    e->n = n;
    e->rip = rip;
    e->relative = relative;
    e->counted = t->config.counted;
    e->bmi2 = t->bmi2;
    e->plain = plain;
    emit_code(t, code, false);
    if (e->again) {
        emit_code(t, code, true);
    }
    t->code_at +=
        ((size_t)(code->entry + code->host_bytes - t->code_at - e->e.to_run) + 15) & ~(size_t)15;
    t->cold_at = e->e.at;
    t->data_at += sizeof(*code) + code->n_edges * sizeof(struct code_edge);
    return code;
}

struct code *translate(struct translator *t, const struct insn *insn, unsigned n, uint64_t rip,
                       bool relative, void *owner)
{
    return make(t, insn, n, rip, relative, owner, false);
}

void translator_link(struct translator *t, struct code_edge *edge, struct code *to,
                     uint64_t generation)
{
    assert(edge->rip == to->rip && edge->from->relative == to->relative);
    if (edge->crosses) {
        edge->generation = generation;
    }
    if (edge->to == to) {
        return;
    }
    if (edge->to != NULL) {
        struct code_edge **link = &edge->to->incoming;
        while (*link != edge) {
            link = &(*link)->next;
        }
        *link = edge->next;
    }
    edge->to = to;
    edge->next = to->incoming;
    to->incoming = edge;
    enc_patch32(edge->jump, to->entry - (t->memory.run - t->memory.write));
}

static struct jump_entry *jump_of(struct translator *t, uint64_t rip)
{
    return &t->jumps[jump_slot(rip)];
}

static void jump_forget(struct translator *t, const struct code *code)
{
    struct jump_entry *jump = jump_of(t, code->noted);

    if (jump->salt != 0 && jump->entry == (uint32_t)(code->jump_entry - t->memory.run)) {
        *jump = (struct jump_entry){ 0 };
    }
}

void translator_drop(struct translator *t, struct code *code)
{
    struct code_edge *next;

    for (struct code_edge *edge = code->incoming; edge != NULL; edge = next) {
        next = edge->next;
        edge->to = NULL;
        memcpy(edge->jump, &edge->out, sizeof(edge->out));
    }
    code->incoming = NULL;
    for (unsigned i = 0; i < code->n_edges; i++) {
        struct code_edge *edge = &code->edges[i];
        if (edge->to == NULL) {
            continue;
        }
        struct code_edge **link = &edge->to->incoming;
        while (*link != edge) {
            link = &(*link)->next;
        }
        *link = edge->next;
        edge->to = NULL;
        memcpy(edge->jump, &edge->out, sizeof(edge->out));
    }
    code->dropped = true;
    if (code->plain != NULL) {
        translator_drop(t, code->plain);
    }
    jump_forget(t, code);
}

void translator_jump_note(struct translator *t, struct code *code, uint64_t rip)
{
    if (code->noted != rip) { /* relative: found by one address at a time */
        jump_forget(t, code);
    }
    code->noted = rip;
    *jump_of(t, rip) = (struct jump_entry){ rip, t->core->translated.jump_salt,
                                            (uint32_t)(code->jump_entry - t->memory.run) };
}

uint32_t translator_salt_new(struct translator *t)
{
    if (++t->salt == 0) {
        t->salt = 1;
        memset(t->jumps, 0, sizeof(*t->jumps) << JUMP_TABLE_BITS);
        return 0; /* nobody's: all others are void */
    }
    return t->salt;
}

/* ---- the way in ---- */

struct code_edge *translator_run(struct translator *t, struct code *code, uint64_t rip)
{
    struct code_edge *(*run)(const void *entry);

    memcpy(&run, &t->run_entry, sizeof(run));
    t->core->translated.vectors = VECTORS_HOME;
    t->core->translated.interpret = false;
    if (code->relative) {
        t->core->translated.distance = rip - code->rip;
    }
    struct code_edge *edge = run(code->entry);
    translator_x87_take(t);
    flags_settle(t->core);
    return edge;
}

/* ---- what translated code calls ---- */

/* The code that indirect jumps to rip found last, if it is still there. */
static struct code *last_noted(struct translator *t, uint64_t rip)
{
    const struct jump_entry *jump = jump_of(t, rip);
    struct code *code;

    if (jump->rip != rip || jump->entry == 0) {
        return NULL;
    }
    memcpy(&code, t->memory.write + jump->entry - sizeof(code), sizeof(code));
    return code;
}

/* Behind an instruction that leaves its block: the code that stands there, if indirect jumps know it. Vector registers
 * are where C expects them. */
static uint64_t go_on(struct translator *t, enum translate_next next)
{
    struct core *core = t->core;

    if (next != TRANSLATE_LEAVE || !t->ops->goes_on(core)) {
        return next;
    }
    uint64_t rip = core->state.gpr[REG_RIP];
    const struct jump_entry *jump = jump_of(t, rip);

    if ((jump->rip != rip || jump->salt != core->translated.jump_salt) &&
        !t->ops->find_jump(core, rip, last_noted(t, rip))) {
        return next;
    }
    core->translated.vectors = VECTORS_HOME;
    return (uintptr_t)t->memory.run + jump->entry;
}

uint64_t translator_slow(struct translator *t, uint32_t number)
{
    const struct site *site = &t->sites[number];

    translator_x87_take(t);
    flags_settle(t->core);
    return go_on(
        t, t->ops->execute(t->core, site->code, site->index, 0,
                           site->access & (TRANSLATE_ACCESS_RESUME | TRANSLATE_ACCESS_LEAVE)));
}

uint64_t translator_miss(struct translator *t, uint32_t number, gva_t gva)
{
    const struct site *site = &t->sites[number];

    translator_x87_take(t);
    flags_settle(t->core);
    return go_on(t, t->ops->execute(t->core, site->code, site->index, gva, site->access));
}

/* As PUSHF pushes them. */
uint64_t translator_rflags(struct core *core)
{
    flags_settle(core);
    return core_rflags(core) & ~(FLAG_RF | FLAG_VM);
}

uint64_t translator_tsc(struct core *core)
{
    return core->ops->tsc(core->owner) + core->state.tsc_offset;
}

unsigned translator_holds(struct translator *t, struct code_edge *edge)
{
    return t->ops->edge_holds(t->core, edge);
}

unsigned translator_find(struct translator *t, uint64_t rip)
{
    return t->ops->find_jump(t->core, rip, last_noted(t, rip));
}

void translator_flags(struct translator *t)
{
    flags_image(t->core);
}

uint64_t translator_stack(struct translator *t, uint32_t number, gva_t gva)
{
    const struct site *site = &t->sites[number];
    struct code *code = site->code;

    translator_x87_take(t);
    if (t->ops->stack(t->core, gva, site->access)) {
        return 0;
    }
    if (code->plain == NULL) {
        code->plain = make(t, code->insn, code->n, code->rip, code->relative, code->owner, true);
    }
    if (code->plain == NULL) { /* no room: once more by the interpreter */
        t->core->state.gpr[REG_RIP] = code_rip(t->core, code);
        t->core->translated.interpret = true;
        return TRANSLATE_LEAVE;
    }
    return (uintptr_t)code->plain->entry;
}
