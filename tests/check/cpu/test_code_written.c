/* Code that others write (devices, hypercalls, through aliases), in the middle of a block and elsewhere: both engines. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/lockstep.h"
#include "tests/check/check_main.h"
#include "tests/check/cpu/cpu_rig.h"

enum { ALIAS = 0x200000, NEAR = RIG_CODE + 8 };

/* Where the function stands: in a page of its own, or with its first instruction in two. */
static const gpa_t functions[] = { 0x2000, 0x2fff };

/* A loop: an OUT, an immediate behind it in the same block, and one in a function in another page. */
static const uint8_t code[] = {
    0xeb, 0x00,                   /*  0: jmp 2: the first block of cpu_run is interpreted */
    0x48, 0xff, 0xc6,             /*  2: inc rsi */
    0xe6, 0x10,                   /*  5: out 0x10, al */
    0xbb, 0x00, 0x00, 0x00, 0x00, /*  7: mov ebx, NEAR */
    0x48, 0x01, 0xda,             /* 12: add rdx, rbx */
    0xe8, 0x00, 0x00, 0x00, 0x00, /* 15: call the function */
    0xeb, 0xec,                   /* 20: jmp 2 */
};
static const uint8_t function[] = {
    0xb9, 0x00, 0x00, 0x00, 0x00, /* mov ecx, far */
    0x48, 0x01, 0xca,             /* add rdx, rcx */
    0xc3,
};
enum { INSTRUCTIONS = 9, ROUNDS = 1000 }; /* of a round */

struct writer_rig {
    struct rig *rig;
    void (*write)(struct rig *rig, gpa_t gpa, uint32_t value);
    gpa_t function;
    unsigned rounds;
    uint64_t sum; /* what RDX must be */
    uint32_t near, far;
};

static void write_as_device(struct rig *rig, gpa_t gpa, uint32_t value)
{
    ram_write(&rig->ram, gpa, &value, sizeof(value));
}

static void write_as_hypercall(struct rig *rig, gpa_t gpa, uint32_t value)
{
    ck_assert(space_write(&rig->space, gpa, &value, sizeof(value)));
}

static void write_through_alias(struct rig *rig, gpa_t gpa, uint32_t value)
{
    ck_assert(space_write(&rig->space, ALIAS + gpa, &value, sizeof(value)));
}

/* All of it, so that other blocks of the page go, too. */
static void write_whole_page(struct rig *rig, gpa_t gpa, uint32_t value)
{
    uint8_t page[PAGE_SIZE];

    ram_read(&rig->ram, gpa & PAGE_MASK, page, sizeof(page));
    memcpy(page + (gpa & ~PAGE_MASK), &value, sizeof(value));
    ram_write(&rig->ram, gpa & PAGE_MASK, page, sizeof(page));
}

static void (*const writers[])(struct rig *, gpa_t,
                               uint32_t) = { write_as_device, write_as_hypercall,
                                             write_through_alias, write_whole_page };

/* What OUT does: often nothing, so that what is there runs on as it was made. */
static enum core_status out(void *owner, uint16_t port, unsigned size, uint32_t value)
{
    struct writer_rig *w = owner;
    unsigned round = ++w->rounds;

    (void)port, (void)size, (void)value;
    if (round % 41 == 0) {
        w->write(w->rig, NEAR, w->near = round);
    }
    if (round % 67 == 0) {
        w->write(w->rig, w->function + 1, w->far = round << 8);
    }
    w->sum += w->near + w->far;
    return CORE_OK;
}

static const struct core_ops ops = { .port_write = out };

enum { INTERPRETED, TRANSLATED, BOTH, ENGINES };

START_TEST(what_others_write_runs_next)
{
    const struct cpu_translation how = { .counted = true, .at_once = (_i & 1) != 0 };
    const unsigned engine = (unsigned)_i / 2 % ENGINES, way = (unsigned)_i / 2 / ENGINES;
    struct writer_rig w = { .rig = rig_create(code, sizeof(code)),
                            .write = writers[way % ARRAY_SIZE(writers)],
                            .function = functions[way / ARRAY_SIZE(writers)] };
    const uint32_t distance = (uint32_t)(w.function - (RIG_CODE + 20));
    struct core *core = &w.rig->cpu.core;

    rig_long_mode(w.rig);
    ck_assert_int_eq(
        space_map(&w.rig->space, ALIAS >> PAGE_SHIFT, 0, RIG_RAM_BYTES >> PAGE_SHIFT, SPACE_RWX),
        0);
    ram_write(&w.rig->ram, RIG_CODE + 16, &distance, sizeof(distance));
    ram_write(&w.rig->ram, w.function, function, sizeof(function));
    core->ops = &ops;
    core->owner = &w;
    if (engine != INTERPRETED && cpu_translate(&w.rig->cpu, how, NULL) != 0) {
        rig_destroy(w.rig);
        return; /* this host has no translator */
    }
    if (engine == BOTH) {
        ck_assert_int_eq(cpu_lockstep(&w.rig->cpu), 0);
    }
    uint64_t left = 1 + INSTRUCTIONS * ROUNDS;
    while (left != 0) {
        uint64_t n = left < 700 ? left : 700;
        ck_assert_int_eq(cpu_run(&w.rig->cpu, n), CPU_EXIT_BUDGET);
        left -= n;
    }
    ck_assert_uint_eq(w.rounds, ROUNDS);
    ck_assert_uint_eq(core->state.gpr[REG_RDX], w.sum);
    rig_destroy(w.rig);
}
END_TEST

static Suite *suite_code_written(void)
{
    Suite *suite = suite_create("code that others write");
    TCase *tc = tcase_create("written");

    tcase_set_timeout(tc, 300);
    tcase_add_loop_test(tc, what_others_write_runs_next, 0,
                        2 * ENGINES * (int)ARRAY_SIZE(writers) * (int)ARRAY_SIZE(functions));
    suite_add_tcase(suite, tc);
    return suite;
}

CHECK_MAIN(suite_code_written())
