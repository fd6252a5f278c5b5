/* Running guest code: find a block, run it, and between blocks deliver what is due. [SDM
 * 3A 6.9, 17.3]
 *
 * The fast loop takes blocks from a cache by virtual address as long as nothing is pending.
 * Everything else (interrupts, shadows, single-stepping, breakpoints, the last instructions of a
 * budget) goes through run_slowly, which limits how many instructions the next block may run.
 * Exceptions unwind to cpu_run by longjmp; what had retired by then is told by core.insn, the
 * instruction that was being executed.
 */
#include <assert.h>
#include <errno.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/block.h"
#include "cpu/cpu.h"
#include "cpu/crossing.h"
#include "cpu/debug.h"
#include "cpu/decode/op_info.h"
#include "cpu/dump.h"
#include "cpu/exec/cpu_trace.h"
#include "cpu/exec/exec.h"
#include "cpu/exec/flags.h"
#include "cpu/lockstep.h"
#include "cpu/run.h"
#include "cpu/translate/translate.h"

enum { JUMP_BITS = 13, RUN_MODE_BITS = 10 };

/* Links are facts, whoever they were noted for. */
struct jump_cache {
    struct block_link unknown; /* cpu.previous when there is none */
    struct block_link entry[1 << JUMP_BITS];
};

int cpu_init(struct cpu *cpu, const struct cpu_model *model, struct space *space,
             const struct core_ops *ops, const struct cpu_interrupts *interrupts, void *owner,
             struct trace *trace)
{
    memset(cpu, 0, sizeof(*cpu));
    mmu_init(&cpu->core.mmu, space, owner);
    cpu->core.ops = ops;
    cpu->core.owner = owner;
    cpu->core.model = model;
    cpu->core.trace = trace;
    cpu->interrupts = interrupts;
    cpu->blocks = block_cache_create(space->ram, model);
    cpu->jumps = calloc(1, sizeof(*cpu->jumps));
    cpu->scratch = calloc(1, sizeof(struct block) + (BLOCK_INSNS + 1) * sizeof(struct insn));
    if (cpu->blocks == NULL || cpu->jumps == NULL || cpu->scratch == NULL) {
        cpu_fini(cpu);
        return -ENOMEM;
    }
    cpu_reset(cpu, false);
    return 0;
}

void cpu_fini(struct cpu *cpu)
{
    block_cache_destroy(cpu->blocks);
    translator_destroy(cpu->translator);
    lockstep_destroy(cpu->lockstep);
    cpu->lockstep = NULL;
    free(cpu->jumps);
    free(cpu->scratch);
    free(cpu->single);
    free(cpu->nobody);
    cpu->nobody = NULL;
    cpu->translator = NULL;
    cpu->single = NULL;
    cpu->blocks = NULL;
    cpu->jumps = NULL;
    cpu->scratch = NULL;
}

void cpu_reset(struct cpu *cpu, bool init)
{
    CPU_TRACE(&cpu->core, RESET, init);
    core_reset(&cpu->core, init);
    core_mode_update(&cpu->core);
    mmu_flush_all(&cpu->core.mmu);
    cpu->running = NULL;
}

void cpu_kick(struct cpu *cpu)
{
    __atomic_fetch_or(&cpu->core.pending, CORE_PENDING_POLL, __ATOMIC_RELEASE);
}

void cpu_request(struct cpu *cpu)
{
    __atomic_fetch_or(&cpu->core.pending, CORE_PENDING_REQUEST, __ATOMIC_SEQ_CST);
}

void cpu_cut(struct cpu *cpu)
{
    if (cpu->running == NULL) {
        return;
    }
    if (cpu->cut_behind == NULL) {
        cpu->cut_block = cpu->running;
        cpu->cut_at = cpu->core.insn;
        cpu->cut_behind = block_cut(cpu->running, cpu->cut_at);
    }
}

void cpu_limit(struct cpu *cpu, uint64_t instructions)
{
    int64_t index = cpu->running != NULL ? cpu->core.insn - cpu->running->insn : 0;

    if (cpu->core.budget - index > 0 && (uint64_t)(cpu->core.budget - index) > instructions) {
        cpu->core.budget = index + (int64_t)instructions;
        cpu_cut(cpu);
    }
}

uint64_t cpu_retired(const struct cpu *cpu)
{
    return cpu->core.retired +
           (cpu->running != NULL ? (uint64_t)(cpu->core.insn - cpu->core.first) : 0);
}

void cpu_code_written(struct cpu *cpu, spa_t spa, size_t length_bytes)
{
    if (block_cache_written(cpu->blocks, spa, length_bytes, cpu->running, cpu->core.insn)) {
        CPU_TRACE(&cpu->core, CODE_WRITTEN, spa, length_bytes);
    }
}

/* The blocks that translations belong to are gone, or the translations are to go. */
static void forget_codes(struct cpu *cpu)
{
    translator_clear(cpu->translator);
    cpu->edge = NULL;
}

void run_links_forget(struct cpu *cpu)
{
    CPU_TRACE(&cpu->core, BLOCKS_EMPTIED, 0);
    cpu->previous = &cpu->jumps->unknown;
    cpu->core.mmu.exec_generation[0]++;
    cpu->core.mmu.exec_generation[1]++;
    if (cpu->translator != NULL) {
        forget_codes(cpu);
    }
}

void cpu_code_forget(struct cpu *cpu)
{
    block_cache_clear(cpu->blocks);
    run_links_forget(cpu);
}

static ALWAYS_INLINE bool link_leads(const struct block_link *link, uint64_t linear, uint64_t key)
{
    return link->linear == linear && link->key == key && !link->block->dropped;
}

/* What besides the address selects a block, until code translations change. */
static ALWAYS_INLINE uint64_t link_key(const struct core *core, uint64_t linear)
{
    return mmu_exec_generation(&core->mmu, linear) << RUN_MODE_BITS | core->run_mode;
}

/* Not the last block's successor: the jump cache, or the MMU. */
static NOINLINE struct block *find_jump(struct cpu *cpu, uint64_t linear, uint64_t key)
{
    struct block_link *jump =
        &cpu->jumps->entry[linear * UINT64_C(0x9e3779b97f4a7c15) >> (64 - JUMP_BITS)];

    if (!link_leads(jump, linear, key)) {
        bool cacheable;
        cpu->running = NULL;
        struct block *block = run_find(cpu, linear, &cacheable);
        if (!cacheable) {
            return block;
        }
        *jump = (struct block_link){ linear, link_key(&cpu->core, linear), block };
    }
    *cpu->previous = *jump;
    return jump->block;
}

static ALWAYS_INLINE struct block *find_block(struct cpu *cpu)
{
    struct core *core = &cpu->core;
    uint64_t linear = core->state.gpr[REG_RIP] + core->seg_base[SEG_CS];

    if (core->bits != 64) {
        linear = (uint32_t)linear;
    }
    uint64_t key = link_key(core, linear);
    const struct block_link *link = cpu->previous;
    if (LIKELY(link_leads(link, linear, key))) {
        return link->block;
    }
    return find_jump(cpu, linear, key);
}

/* The block was left: undo what cpu_cut did to it. */
static NOINLINE void uncut(struct cpu *cpu)
{
    block_uncut(cpu->cut_block, cpu->cut_at, cpu->cut_behind);
    cpu->cut_behind = NULL;
}

static ALWAYS_INLINE void run_block(struct cpu *cpu, struct block *block)
{
    struct core *core = &cpu->core;

    cpu->recent[cpu->n_recent++ % CPU_RECENT] = core->state.gpr[REG_RIP];
    cpu->running = block;
    core->insn = block->insn;
    core->first = block->insn;
    block->insn[0].exec(core, block->insn);
    unsigned n = core->insn->number;
    cpu->previous = &block->link[n % BLOCK_LINKS];
    if (UNLIKELY(cpu->cut_behind != NULL)) {
        uncut(cpu);
    }
    core->retired += n;
    core->budget -= n;
}

/* Account for a block that was left by longjmp. */
static void account_unwound(struct cpu *cpu, bool completed)
{
    unsigned n = completed ? 1 : 0;

    if (cpu->running == NULL) {
        return;
    }
    n += (unsigned)(cpu->core.insn - cpu->running->insn);
    cpu->core.retired += n;
    cpu->core.budget -= n;
    if (cpu->cut_behind != NULL) {
        uncut(cpu);
    }
}

/* Where the instruction that was left stands; REG_RIP is its block's start. */
static void rewind_to_insn(struct cpu *cpu)
{
    struct core *core = &cpu->core;

    if (cpu->running != NULL) {
        core->state.gpr[REG_RIP] = insn_rip(core, core->insn) & core->ip_mask;
        cpu->running = NULL;
    }
}

/* INT n, INT3, INTO and INT1 drop the single-step trap together with TF: when they went to a handler.
 * [SDM 3A 17.3.1.4] */
static bool entered_handler(const struct insn *insn)
{
    return insn->op == OP_INT || insn->op == OP_INT3 || insn->op == OP_INTO || insn->op == OP_INT1;
}

/* Run a block of at most `limit` instructions with shadows, breakpoints and single-step. */
static void run_slowly(struct cpu *cpu, unsigned limit)
{
    struct core *core = &cpu->core;
    bool debug = __atomic_load_n(&core->pending, __ATOMIC_RELAXED) & CORE_PENDING_DEBUG;
    bool trap = core->state.rflags_rest & FLAG_TF;
    uint8_t shadow = core->state.shadow;

    if (debug) {
        cpu->running = NULL;
        core_code_breakpoint(core);
    }
    struct block *block = find_block(cpu);
    if (UNLIKELY(cpu->debug != NULL)) {
        limit = cpu_debug_limit(cpu, block, limit);
    }
    if (limit < block->n) {
        block_prefix(cpu->blocks, cpu->scratch, block, limit);
        block = cpu->scratch;
    }
    core->state.rflags_rest &= ~FLAG_RF;
    cpu->entered_shadow = shadow;
    cpu->entered_trap = trap;
    run_block(cpu, block);
    cpu->entered_shadow = SHADOW_NONE;
    cpu->entered_trap = false;
    cpu->previous = &cpu->jumps->unknown; /* it may have been the scratch block */
    if (core->state.shadow == shadow) {
        core->state.shadow = SHADOW_NONE;
    }
    if (trap && !(entered_handler(&block->insn[0]) && !(core->state.rflags_rest & FLAG_TF))) {
        core->debug_pending |= DR6_BS;
        core->attention = true;
    }
}

static ALWAYS_INLINE bool must_look(const struct core *core)
{
    return __atomic_load_n(&core->pending, __ATOMIC_RELAXED) != 0 || core->attention;
}

/* The fast loop: blocks, one after the other, while nothing else is due. */
static NOINLINE void run_fast(struct cpu *cpu)
{
    struct core *core = &cpu->core;

    while (LIKELY(!must_look(core) && core->budget > BLOCK_INSNS)) {
        run_block(cpu, find_block(cpu));
    }
}

/* ---- translated code ---- */

enum { HEAT = 16 }; /* a block is interpreted so often before it is translated */

/* Bring retired and budget up to date when `done` instructions of the translated block have run. */
static void fuel_settle(struct cpu *cpu, unsigned done)
{
    struct core *core = &cpu->core;
    int64_t spent = cpu->fuel_base - core->translated.fuel + done;

    if (cpu->counted) {
        core->retired += (uint64_t)spent;
        core->budget -= spent;
    }
}

/* The other way round. */
static void fuel_fill(struct cpu *cpu, unsigned done)
{
    cpu->fuel_base = cpu->core.budget - BLOCK_INSNS;
    cpu->core.translated.fuel = cpu->fuel_base + done;
}

/* Make the instruction a block of its own. */
static struct block *single_out(struct cpu *cpu, const struct block *block, const struct insn *insn)
{
    struct block *one = cpu->single;

    one->spa = block->spa + insn->offset;
    one->second = block->second;
    one->bytes = insn->length;
    one->insn[0] = *insn;
    one->insn[0].offset = 0;
    one->insn[0].number = 1;
    if (insn->base == REG_RIP) {
        one->insn[0].disp -= insn->offset;
    }
    if (insn->op == OP_CMP || insn->op == OP_TEST) { /* it may be fused */
        one->insn[0].exec = exec_choose_for(cpu->core.model, insn, 64);
    }
    one->insn[1].offset = insn->length;
    return one;
}

static bool in_tlb(struct core *core, gva_t gva, unsigned access)
{
    unsigned size = access & TRANSLATE_ACCESS_SIZE;

    return (access & TRANSLATE_ACCESS_WRITE ? tlb_write(core->data_set, gva, size)
                                            : tlb_read(core->data_set, gva, size)) != NULL;
}

/* ---- the page of the stack that translated code accesses without a look into the TLB ---- */

/* Not canonical, so no stack, and no number that a guest comes by; should one use it all the same, it finds memory that is
 * nobody's where it should fault. */
#define NO_STACK_PAGE UINT64_C(0x6b5ec3a9d2714000)

static void stack_forget(struct cpu *cpu)
{
    struct core_translated *t = &cpu->core.translated;

    t->stack_page = NO_STACK_PAGE;
    t->stack_delta = (uintptr_t)cpu->nobody - NO_STACK_PAGE;
    t->stack_other_page = t->stack_page;
    t->stack_other_delta = t->stack_delta;
}

/* The stack's window is of pages that are accessible whatever AC says: STAC and CLAC do not change it. */
static ALWAYS_INLINE struct tlb_set *stack_set_now(struct core *core)
{
    struct tlb_set *set = core->mmu.set;

    return core->data_set == &set[TLB_SUPERVISOR_AC] ? &set[TLB_SUPERVISOR] : core->data_set;
}

static bool stack_holds(struct cpu *cpu)
{
    return cpu->stack_changes == cpu->core.mmu.changes &&
           cpu->stack_set == stack_set_now(&cpu->core);
}

static struct cpu_stack *stack_kept(struct cpu *cpu, const struct tlb_set *set)
{
    const struct tlb_set *first = cpu->core.mmu.set;

    return set >= first && set < first + TLB_SETS ? &cpu->stacks[set - first] : NULL;
}

/* Translated code is about to run: the window is of now. */
static ALWAYS_INLINE void stack_ready(struct cpu *cpu)
{
    struct core_translated *t = &cpu->core.translated;

    if (LIKELY(stack_holds(cpu))) {
        return;
    }
    struct cpu_stack *kept = stack_kept(cpu, cpu->stack_set);
    if (kept != NULL) {
        *kept = (struct cpu_stack){ t->stack_page, t->stack_delta, t->stack_other_page,
                                    t->stack_other_delta, cpu->stack_changes };
    }
    cpu->stack_changes = cpu->core.mmu.changes;
    cpu->stack_set = stack_set_now(&cpu->core);
    kept = stack_kept(cpu, cpu->stack_set);
    stack_forget(cpu);
    if (kept != NULL && kept->changes == cpu->stack_changes && kept->delta != 0) {
        t->stack_page = kept->page;
        t->stack_delta = kept->delta;
        t->stack_other_page = kept->other_page;
        t->stack_other_delta = kept->other_delta;
    }
}

static bool stack_find(struct core *core, gva_t gva, unsigned span)
{
    struct cpu *cpu = CONTAINER_OF(core, struct cpu, core);
    gva_t page = gva & PAGE_MASK;
    struct tlb_set *set = stack_set_now(core);
    unsigned access = MMU_WRITE | (core->cpl == 3 ? MMU_USER : MMU_IMPLICIT);

    if ((gva & ~PAGE_MASK) + span > PAGE_SIZE || core->data_checked) {
        return false;
    }
    uint8_t *host = tlb_write(set, page, 1);
    if (host == NULL) {
        const uint64_t *now = core->mmu.exec_generation, before[2] = { now[0], now[1] };
        if (!mmu_probe_unmarked(&core->mmu, gva, 1, access) || now[0] != before[0] ||
            now[1] != before[1]) {
            return false;
        }
        host = tlb_write(set, page, 1);
    }
    if (host == NULL || tlb_read(set, page, 1) == NULL) {
        return false;
    }
    struct core_translated *t = &core->translated;
    if (!stack_holds(cpu)) {
        stack_forget(cpu);
    }
    t->stack_other_page = t->stack_page;
    t->stack_other_delta = t->stack_delta;
    t->stack_page = page;
    t->stack_delta = (uintptr_t)host - page;
    cpu->stack_changes = core->mmu.changes;
    cpu->stack_set = set;
    return true;
}

/* An instruction of translated code that it cannot do itself. */
static enum translate_next execute_one(struct core *core, struct code *code, unsigned index,
                                       gva_t gva, unsigned access)
{
    struct cpu *cpu = CONTAINER_OF(core, struct cpu, core);
    const struct block *block = code->owner;
    const struct insn *insn = &block->insn[index];
    struct block *one = single_out(cpu, block, insn);
    const uint64_t *generation = core->mmu.exec_generation,
                   before[2] = { generation[0], generation[1] };
    unsigned size = access & TRANSLATE_ACCESS_SIZE;

    core->state.gpr[REG_RIP] = code_rip(core, code) + insn->offset;
    fuel_settle(cpu, index);
    cpu->running = one;
    core->insn = core->first = one->insn;
    if (size != 0 && !core->data_checked) {
        unsigned kind = access & TRANSLATE_ACCESS_WRITE ? MMU_WRITE : MMU_READ;
        if (mmu_probe(&core->mmu, gva, size, kind | core->data_access) == MMU_OK &&
            in_tlb(core, gva, access)) {
            bool same =
                generation[0] == before[0] && generation[1] == before[1] && stack_holds(cpu);
            cpu->running = NULL;
            fuel_fill(cpu, same ? index : 0);
            return same ? TRANSLATE_AGAIN : TRANSLATE_LEAVE;
        }
    }
    one->insn[0].exec(core, one->insn);
    cpu->running = NULL;
    core->retired += 1;
    core->budget -= 1;
    bool leave = must_look(core) || core->budget <= BLOCK_INSNS || code->dropped ||
                 generation[0] != before[0] || generation[1] != before[1] ||
                 (size != 0 && !(access & TRANSLATE_ACCESS_RESUME)) ||
                 (access & TRANSLATE_ACCESS_LEAVE) || index + 1 == block->n || !stack_holds(cpu) ||
                 insn->op == OP_LDMXCSR || op_info[insn->op].family == FAMILY_XSAVE;
    fuel_fill(cpu, leave ? 0 : index + 1);
    return leave ? TRANSLATE_LEAVE : TRANSLATE_NEXT;
}

static void drop_codes(void *opaque, struct block *block)
{
    struct cpu *cpu = opaque;

    for (struct code *code = block->code; code != NULL; code = code->next) {
        if (cpu->edge != NULL && cpu->edge->from == code) {
            cpu->edge = NULL;
        }
        translator_drop(cpu->translator, code);
    }
}

/* ---- relative code: where a process has it, address space randomisation decides ---- */

enum { CODE_VARIANTS = 4, OWN_FIRST = 1 << 28, OWN_SPAN = 1 << 30, NEAR_MOST = 1 << 29 };

/* An address that a relative code may count its own from. */
static bool may_own(uint64_t rip)
{
    return rip >= 1 << 16 && rip < (UINT64_C(1) << 31) - (1 << 16);
}

/* That of the code nearby, so that edges can lead from one to the other. */
static uint64_t distance_near(const struct cpu *cpu, uint64_t rip)
{
    uint64_t distance = (rip & ~(uint64_t)(OWN_SPAN - 1)) - OWN_FIRST, least = NEAR_MOST;

    for (unsigned i = 0; i < CPU_NEAR; i++) {
        const struct cpu_near *near = &cpu->near[i];
        uint64_t away = near->rip < rip ? rip - near->rip : near->rip - rip;
        if (near->rip != 0 && away < least && may_own(rip - near->distance)) {
            least = away;
            distance = near->distance;
        }
    }
    return distance;
}

static void near_note(struct cpu *cpu, const struct code *code, uint64_t rip)
{
    if (code->relative) {
        cpu->near[rip >> 22 & (CPU_NEAR - 1)] = (struct cpu_near){ rip, rip - code->rip };
    }
}

/* The address that a new translation of the block has for itself. own: what the edge that leads there expects, or 0. */
static uint64_t own_address(struct cpu *cpu, const struct block *block, uint64_t rip, uint64_t own)
{
    uint64_t *base = block_page_base(cpu->blocks, block->spa);

    if (!code_may_move(rip)) {
        return rip;
    }
    if (*base == 0) {
        *base = (own != 0 ? own : rip - distance_near(cpu, rip)) & PAGE_MASK;
    }
    return own != 0 ? own : *base + (rip & ~PAGE_MASK);
}

/* own: as above. A code that an edge cannot lead to only when there are many. */
static struct code *code_known(const struct block *block, uint64_t rip, uint64_t own)
{
    bool moves = code_may_move(rip);
    struct code *any = NULL;
    unsigned variants = 0;

    for (struct code *code = block->code; code != NULL; code = code->next) {
        if (code->relative == moves) {
            if (code->rip == (moves ? own : rip)) {
                return code;
            }
            any = code;
            variants++;
        }
    }
    return moves && (own == 0 || variants >= CODE_VARIANTS) ? any : NULL;
}

/* The block's translation at RIP, or NULL: it is to be interpreted. */
static struct code *code_at_rip(struct cpu *cpu, struct block *block)
{
    uint64_t rip = cpu->core.state.gpr[REG_RIP], own = 0;

    if (cpu->edge != NULL && cpu->edge->from->relative && may_own(cpu->edge->rip)) {
        own = cpu->edge->rip;
    }
    struct code *code = code_known(block, rip, own);
    if (LIKELY(code != NULL)) {
        return code;
    }
    if (cpu->core.bits != 64 || block->spa == BLOCK_NO_SPA || block->heat < cpu->heat) {
        block->heat++;
        return NULL;
    }
    own = own_address(cpu, block, rip, own);
    bool relative = code_may_move(rip);
    code = translate(cpu->translator, block->insn, block->n, own, relative, block);
    if (code == NULL) {
        forget_codes(cpu);
        block_cache_forget_codes(cpu->blocks);
        code = translate(cpu->translator, block->insn, block->n, own, relative, block);
    }
    if (code != NULL) {
        code->place = block->second == BLOCK_NO_SPA ? block->spa : BLOCK_NO_SPA;
        code->next = block->code;
        block->code = code;
        if (UNLIKELY(cpu->dump != NULL && (cpu->dump->what & CPU_DUMP_HOST))) {
            cpu_dump_block(cpu->dump, &cpu->core, block, rip, NULL);
            cpu_dump_code(cpu->dump, code);
        }
    }
    return code;
}

/* Whether a salt's jumps are still those of now. */
static bool salt_holds(const struct core *core, const struct cpu_salt *salt)
{
    const uint64_t *now = core->mmu.exec_generation;
    bool user = core->cpl == 3;

    return (salt->generation[0] == now[0] || (!user && !salt->both_halves)) &&
           (salt->generation[1] == now[1] || user);
}

static struct cpu_salt *salt_of_mode(struct cpu *cpu)
{
    struct core *core = &cpu->core;
    struct cpu_salt *salt = NULL;

    for (unsigned i = 0; i < CPU_SALTS && salt == NULL; i++) {
        salt = cpu->salts[i].run_mode == core->run_mode ? &cpu->salts[i] : NULL;
    }
    if (salt == NULL || !salt_holds(core, salt)) {
        salt = salt != NULL ? salt : &cpu->salts[cpu->next_salt++ % CPU_SALTS];
        uint32_t number = translator_salt_new(cpu->translator);
        if (number == 0) { /* all were used up */
            memset(cpu->salts, 0, sizeof(cpu->salts));
            number = translator_salt_new(cpu->translator);
        }
        *salt = (struct cpu_salt){ .run_mode = core->run_mode, .salt = number };
        memcpy(salt->generation, core->mmu.exec_generation, sizeof(salt->generation));
    }
    core->translated.jump_salt = salt->salt;
    return salt;
}

/* Let indirect jumps to rip find this code. False: they may not. */
static bool note_jump(struct cpu *cpu, struct cpu_salt *salt, struct code *code, uint64_t rip)
{
    bool user = cpu->core.cpl == 3, upper = rip >> 63;

    if (user && upper) {
        return false;
    }
    if (!user && !upper && !salt->both_halves) {
        salt->both_halves = true;
        if (!salt_holds(&cpu->core, salt)) {
            return false;
        }
    }
    translator_jump_note(cpu->translator, code, rip);
    return true;
}

/* Whether the code is what stands at rip now; only as far as the TLB knows, and within a page. */
static bool code_stands(struct core *core, const struct code *code, uint64_t rip)
{
    spa_t spa;

    return !code->dropped && mmu_fetch_known(&core->mmu, rip, core->cpl == 3, &spa) &&
           code->place == spa;
}

static bool edge_holds(struct core *core, struct code_edge *edge)
{
    uint64_t rip = code_edge_rip(core, edge);

    if (edge->to == NULL || !code_stands(core, edge->to, rip)) {
        return false;
    }
    edge->generation = mmu_exec_generation(&core->mmu, rip);
    return true;
}

static bool find_jump_code(struct core *core, uint64_t rip, struct code *last)
{
    struct cpu *cpu = CONTAINER_OF(core, struct cpu, core);
    spa_t spa;

    if (core->bits != 64) {
        return false;
    }
    if (last == NULL || !code_stands(core, last, rip)) {
        if (!mmu_fetch_known(&core->mmu, rip, core->cpl == 3, &spa)) {
            return false;
        }
        const struct block *block = block_find(cpu->blocks, spa, run_decode_mode(core));
        last = block != NULL ? code_known(block, rip, 0) : NULL;
    }
    if (last == NULL) {
        return false;
    }
    near_note(cpu, last, rip);
    return note_jump(cpu, salt_of_mode(cpu), last, rip);
}

/* What an instruction left its block for needs no look: translated code may go on at RIP. */
static bool goes_on(struct core *core)
{
    struct cpu *cpu = CONTAINER_OF(core, struct cpu, core);

    if (must_look(core) || core->budget <= BLOCK_INSNS) {
        return false;
    }
    (void)salt_of_mode(cpu);
    stack_ready(cpu);
    cpu->recent[cpu->n_recent++ % CPU_RECENT] = core->state.gpr[REG_RIP];
    return true;
}

static const struct translate_ops cpu_translate_ops = { .execute = execute_one,
                                                        .stack = stack_find,
                                                        .goes_on = goes_on,
                                                        .edge_holds = edge_holds,
                                                        .find_jump = find_jump_code };

int cpu_translate(struct cpu *cpu, struct cpu_translation how, struct error *error)
{
    struct translate_config config = { how.counted, how.tsc_free, how.hide };

    cpu->single = calloc(1, sizeof(struct block) + 2 * sizeof(struct insn));
    cpu->nobody = calloc(3, PAGE_SIZE);
    if (cpu->single == NULL || cpu->nobody == NULL) {
        return error_set(error, -ENOMEM, "no memory for the translator");
    }
    block_single_init(cpu->single);
    cpu->translator = translator_create(&cpu->core, &cpu_translate_ops, config, error);
    if (cpu->translator == NULL) {
        return -ENOTSUP;
    }
    stack_forget(cpu);
    cpu->counted = how.counted;
    cpu->heat = how.at_once ? 0 : HEAT;
    block_cache_on_drop(cpu->blocks, drop_codes, cpu);
    return 0;
}

/* The fast loop with translated code. */
NOINLINE void run_translated(struct cpu *cpu)
{
    struct core *core = &cpu->core;
    bool jumped = false;

    cpu->edge = NULL;
    while (LIKELY(!must_look(core) && core->budget > BLOCK_INSNS)) {
        struct block *block = find_block(cpu);
        struct code *code = code_at_rip(cpu, block);
        core->state.shadow = SHADOW_NONE; /* of an STI by whose edge translated code was left */
        if (code == NULL) {
            run_block(cpu, block);
            cpu->edge = NULL;
            jumped = false;
            continue;
        }
        uint64_t rip = core->state.gpr[REG_RIP];
        struct cpu_salt *salt = salt_of_mode(cpu);
        if (cpu->edge != NULL && !cpu->edge->from->dropped && cpu->edge->rip == code->rip &&
            cpu->edge->from->relative == code->relative) {
            translator_link(cpu->translator, cpu->edge, code, mmu_exec_generation(&core->mmu, rip));
        } else if (jumped) {
            (void)note_jump(cpu, salt, code, rip);
        }
        near_note(cpu, code, rip);
        cpu->recent[cpu->n_recent++ % CPU_RECENT] = rip;
        fuel_fill(cpu, 0);
        stack_ready(cpu);
        cpu->edge = translator_run(cpu->translator, code, rip);
        fuel_settle(cpu, 0);
        jumped = cpu->edge == NULL;
        if (cpu->edge != NULL) {
            core->state.gpr[REG_RIP] = code_edge_rip(core, cpu->edge);
        }
        cpu->running = NULL;
        cpu->previous = &cpu->jumps->unknown;
        if (UNLIKELY(core->translated.interpret) && !must_look(core)) {
            run_block(cpu, find_block(cpu));
            jumped = false;
        }
    }
    cpu->edge = NULL;
}

/* A shadow that was there before the instruction is over with it. */
static void leave_shadow(struct cpu *cpu)
{
    if (cpu->core.state.shadow == cpu->entered_shadow) {
        cpu->core.state.shadow = SHADOW_NONE;
    }
}

/* An instruction left its block by longjmp: account for it and set RIP. True: so ends the run. */
static bool unwound(struct cpu *cpu, enum core_unwind how, enum cpu_exit *exit)
{
    struct core *core = &cpu->core;

    account_unwound(cpu, how == UNWIND_NEXT);
    if (how == UNWIND_NEXT) {
        cpu->running = NULL;
        leave_shadow(cpu);
        if (cpu->entered_trap) {
            core->debug_pending |= DR6_BS;
        }
        core->attention = true;
        return false;
    }
    rewind_to_insn(cpu);
    if (how == UNWIND_SUSPEND) {
        *exit = CPU_EXIT_SUSPEND;
        return true;
    }
    if (how == UNWIND_RESTART) {
        leave_shadow(cpu);
        /* What interrupts a repetition pushes RF set, and its code breakpoint does not hit again
         * when it goes on. [SDM 3A 17.3.1.1] */
        core->state.rflags_rest |= FLAG_RF;
        core->attention = true;
        return false;
    }
    if (core->state.rflags_rest & FLAG_TF) {
        core->debug_pending &= ~DR6_BS;
    }
    core->state.shadow = SHADOW_NONE;
    cpu->n_faults++;
    core->budget -= 1; /* a handler that faults at once must not run for ever */
    return run_deliver_ends(cpu, INTERRUPT_EXCEPTION, core->fault, exit);
}

/* ---- for cpu/lockstep.c ---- */

bool run_must_look(const struct core *core)
{
    return must_look(core);
}

void run_interpreted(struct cpu *cpu, uint64_t retired)
{
    struct core *core = &cpu->core;

    for (bool first = true; core->retired < retired; first = false) {
        if (!first) {
            core->state.shadow = SHADOW_NONE; /* over with the instruction behind an STI */
        }
        uint64_t left = retired - core->retired;
        struct block *block = find_block(cpu);
        if (left < block->n) {
            block_prefix(cpu->blocks, cpu->scratch, block, (unsigned)left);
            block = cpu->scratch;
        }
        run_block(cpu, block);
        cpu->running = NULL;
        cpu->previous = &cpu->jumps->unknown;
    }
}

void run_left(struct cpu *cpu)
{
    enum cpu_exit none;

    (void)unwound(cpu, UNWIND_NEXT, &none);
}

enum cpu_exit cpu_run(struct cpu *cpu, uint64_t instructions)
{
    struct core *core = &cpu->core;
    jmp_buf frame;
    enum cpu_exit exit;
    unsigned limit;
    bool ended;

    cpu->previous = &cpu->jumps->unknown;
    core->attention = true;
    core->budget = instructions > INT64_MAX ? INT64_MAX : (int64_t)instructions;
    cpu->running = NULL;
    switch (setjmp(frame)) {
    case UNWIND_FAULT:
        ended = unwound(cpu, UNWIND_FAULT, &exit);
        break;
    case UNWIND_SUSPEND:
        ended = unwound(cpu, UNWIND_SUSPEND, &exit);
        break;
    case UNWIND_RESTART:
        ended = unwound(cpu, UNWIND_RESTART, &exit);
        break;
    case UNWIND_NEXT:
        ended = unwound(cpu, UNWIND_NEXT, &exit);
        break;
    default:
        ended = false;
        break;
    }
    if (ended) {
        return exit;
    }
    core->unwind = &frame;
    cpu->entered_shadow = SHADOW_NONE;
    cpu->entered_trap = false;
    for (;;) {
        if (LIKELY(cpu->debug == NULL)) {
            if (UNLIKELY(cpu->lockstep != NULL)) {
                if (!lockstep_run(cpu)) {
                    core->unwind = NULL;
                    return CPU_EXIT_DIFFERS;
                }
            } else if (cpu->translator != NULL) {
                run_translated(cpu);
            } else {
                run_fast(cpu);
            }
        }
        switch (run_between(cpu, &limit, &exit)) {
        case RUN_SLOW_EXIT:
            cpu->running = NULL;
            core->unwind = NULL;
            return exit;
        case RUN_SLOW_AGAIN:
            core->unwind = &frame;
            break;
        case RUN_SLOW_RUN:
            core->unwind = &frame;
            run_slowly(cpu, limit);
            break;
        }
    }
}
