/* From posting an interrupt to its delivery: at most 10,000 guest instructions, whatever the guest does; none with the virtual clock.
 */
#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "partitions/machine.h"
#include "partitions/vmms/vmms.h"
#include "partitions/vp.h"
#include "tests/check/check_main.h"
#include "tests/support/guest_file.h"

/* LATENCY_LIMIT: what is promised. PROMPT: a post whose own call took no longer is judged from before it. */
enum { MIB = 1 << 20, LATENCY_LIMIT = 10000, PROMPT = 3000, SAMPLES = 16 };

/* A gate for vector 0x44, the 8259s at 0x40 with IRQ 4 alone, COM1's interrupt on; the handler echoes what came. Then a shape. */
/* clang-format off */
static const uint8_t serial_guest[] = {
    0xbc, 0x00, 0x00, 0x7f, 0x00, 0xbf, 0x00, 0x00, 0x08, 0x00, 0xe8, 0x00,
    0x00, 0x00, 0x00, 0x5e, 0x81, 0xc6, 0x65, 0x00, 0x00, 0x00, 0x66, 0x89,
    0xb7, 0x20, 0x02, 0x00, 0x00, 0x8c, 0x8f, 0x22, 0x02, 0x00, 0x00, 0x66,
    0xc7, 0x87, 0x24, 0x02, 0x00, 0x00, 0x00, 0x8e, 0xc1, 0xee, 0x10, 0x66,
    0x89, 0xb7, 0x26, 0x02, 0x00, 0x00, 0x57, 0x66, 0x68, 0xff, 0x07, 0x0f,
    0x01, 0x1c, 0x24, 0xb0, 0x11, 0xe6, 0x20, 0xe6, 0xa0, 0xb0, 0x40, 0xe6,
    0x21, 0xb0, 0x48, 0xe6, 0xa1, 0xb0, 0x04, 0xe6, 0x21, 0xb0, 0x02, 0xe6,
    0xa1, 0xb0, 0x01, 0xe6, 0x21, 0xe6, 0xa1, 0xb0, 0xef, 0xe6, 0x21, 0xb0,
    0xff, 0xe6, 0xa1, 0x66, 0xba, 0xfc, 0x03, 0xb0, 0x0b, 0xee, 0x66, 0xba,
    0xf9, 0x03, 0xb0, 0x01, 0xee, 0xfb, 0xeb, 0x0f, 0x50, 0x52, 0x66, 0xba,
    0xf8, 0x03, 0xec, 0xee, 0xb0, 0x20, 0xe6, 0x20, 0x5a, 0x58, 0xcf,
};

/* The gate, the 8259s masked, the local APIC's timer every N ticks of 5 ns; the handler prints the timer's count, 4 bytes. */
enum { TIMER_TICKS_AT = 110 };
static const uint8_t timer_guest[] = {
    0xbc, 0x00, 0x00, 0x7f, 0x00, 0xbf, 0x00, 0x00, 0x08, 0x00, 0xe8, 0x00,
    0x00, 0x00, 0x00, 0x5e, 0x81, 0xc6, 0x66, 0x00, 0x00, 0x00, 0x66, 0x89,
    0xb7, 0x20, 0x02, 0x00, 0x00, 0x8c, 0x8f, 0x22, 0x02, 0x00, 0x00, 0x66,
    0xc7, 0x87, 0x24, 0x02, 0x00, 0x00, 0x00, 0x8e, 0xc1, 0xee, 0x10, 0x66,
    0x89, 0xb7, 0x26, 0x02, 0x00, 0x00, 0x57, 0x66, 0x68, 0xff, 0x07, 0x0f,
    0x01, 0x1c, 0x24, 0xb0, 0xff, 0xe6, 0x21, 0xe6, 0xa1, 0xbd, 0x00, 0x00,
    0xe0, 0xfe, 0xc7, 0x85, 0xf0, 0x00, 0x00, 0x00, 0xff, 0x01, 0x00, 0x00,
    0xc7, 0x85, 0xe0, 0x03, 0x00, 0x00, 0x0b, 0x00, 0x00, 0x00, 0xc7, 0x85,
    0x20, 0x03, 0x00, 0x00, 0x44, 0x00, 0x02, 0x00, 0xc7, 0x85, 0x80, 0x03,
    0x00, 0x00, 0x78, 0x56, 0x34, 0x12, 0xfb, 0xeb, 0x30, 0x55, 0xbd, 0x00,
    0x00, 0xe0, 0xfe, 0x8b, 0xad, 0x90, 0x03, 0x00, 0x00, 0x50, 0x51, 0x52,
    0x89, 0xe8, 0x66, 0xba, 0xf8, 0x03, 0xb9, 0x04, 0x00, 0x00, 0x00, 0xee,
    0xc1, 0xe8, 0x08, 0xe2, 0xfa, 0xb8, 0xb0, 0x00, 0xe0, 0xfe, 0xc7, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x5a, 0x59, 0x58, 0x5d, 0xcf,
};

/* ---- shapes: what runs while the interrupt comes ---- */

/* 1: jmp 1b */
static const uint8_t to_itself[] = {
    0xeb, 0xfe,
};
/* recursion, 2000 deep */
static const uint8_t recursion[] = {
    0xb9, 0xd0, 0x07, 0x00, 0x00, 0xe8, 0x02, 0x00, 0x00, 0x00, 0xeb, 0xf4,
    0x49, 0x74, 0x05, 0xe8, 0xf8, 0xff, 0xff, 0xff, 0xc3,
};
/* a tree of calls, 12 levels */
static const uint8_t tree[] = {
    0xb9, 0x0c, 0x00, 0x00, 0x00, 0xe8, 0x02, 0x00, 0x00, 0x00, 0xeb, 0xf4,
    0x49, 0x74, 0x0e, 0x51, 0xe8, 0xf7, 0xff, 0xff, 0xff, 0x59, 0x51, 0xe8,
    0xf0, 0xff, 0xff, 0xff, 0x59, 0x41, 0xc3,
};
/* rep stosb of 3 MiB */
static const uint8_t stos[] = {
    0xbf, 0x00, 0x00, 0x40, 0x00, 0xb9, 0x00, 0x00, 0x30, 0x00, 0xf3, 0xaa,
    0xeb, 0xf2,
};
/* rep movsb of 1 MiB */
static const uint8_t movs[] = {
    0xbe, 0x00, 0x00, 0x40, 0x00, 0xbf, 0x00, 0x00, 0x50, 0x00, 0xb9, 0x00,
    0x00, 0x10, 0x00, 0xf3, 0xa4, 0xeb, 0xed,
};
/* repne scasb of 3 MiB without the byte */
static const uint8_t scas[] = {
    0xbf, 0x00, 0x00, 0x40, 0x00, 0xb9, 0x00, 0x00, 0x30, 0x00, 0xb0, 0x01,
    0xf2, 0xae, 0xeb, 0xf0,
};
/* rep lodsd of 3 MiB */
static const uint8_t lods[] = {
    0xbe, 0x00, 0x00, 0x40, 0x00, 0xb9, 0x00, 0x00, 0x0c, 0x00, 0xf3, 0xad,
    0xeb, 0xf2,
};
/* 1 MiB of NOP, then back */
static const uint8_t straight[] = {
    0xbf, 0x00, 0x00, 0x30, 0x00, 0xb9, 0x00, 0x00, 0x10, 0x00, 0xb0, 0x90,
    0xf3, 0xaa, 0xc7, 0x07, 0xe9, 0xfb, 0xff, 0xef, 0xc6, 0x47, 0x04, 0xff,
    0xb8, 0x00, 0x00, 0x30, 0x00, 0xff, 0xe0,
};
/* 256 pages, each an indirect jump to the next */
static const uint8_t chain[] = {
    0xbf, 0x00, 0x00, 0x30, 0x00, 0xb9, 0x00, 0x01, 0x00, 0x00, 0x8d, 0x87,
    0x00, 0x10, 0x00, 0x00, 0xc6, 0x07, 0xb8, 0x89, 0x47, 0x01, 0x66, 0xc7,
    0x47, 0x05, 0xff, 0xe0, 0x89, 0xc7, 0xe2, 0xea, 0xc6, 0x07, 0xb8, 0xc7,
    0x47, 0x01, 0x00, 0x00, 0x30, 0x00, 0x66, 0xc7, 0x47, 0x05, 0xff, 0xe0,
    0xb8, 0x00, 0x00, 0x30, 0x00, 0xff, 0xe0,
};
/* loop to itself */
static const uint8_t loop[] = {
    0xb9, 0xff, 0xff, 0xff, 0x7f, 0xe2, 0xfe, 0xeb, 0xf7,
};
/* clang-format on */

#define SHAPE(name, code)                                                                          \
    {                                                                                              \
        name, code, sizeof(code)                                                                   \
    }
static const struct shape {
    const char *name;
    const uint8_t *code;
    size_t n;
} shapes[] = {
    SHAPE("a jump to itself", to_itself),
    SHAPE("recursion", recursion),
    SHAPE("a tree of calls", tree),
    SHAPE("rep stosb", stos),
    SHAPE("rep movsb", movs),
    SHAPE("repne scasb", scas),
    SHAPE("rep lodsd", lods),
    SHAPE("straight-line pages", straight),
    SHAPE("a chain of pages", chain),
    SHAPE("loop", loop),
};

struct rig {
    struct guest_file file;
    struct vmms_config config;
    struct vmms *vmms;
    struct error error;
    uint64_t answered_at; /* instructions (atomic, as what follows) */
    unsigned n_answers;
    uint8_t bytes[4]; /* of the timer's count */
    unsigned n_bytes, n_counts;
    uint32_t initial, longest; /* ticks */
};

static const struct vp *rig_vp(const struct rig *rig)
{
    return vmms_machine(rig->vmms)->vps[0];
}

/* Each shape under each engine: the interpreter first. (A host without a translator interprets twice.) */
enum { ENGINES = 2 };

static void rig_init(struct rig *rig, const uint8_t *code, size_t n, unsigned row)
{
    const struct shape *shape = &shapes[row / ENGINES];
    uint8_t guest[512];

    memset(rig, 0, sizeof(*rig));
    ck_assert_uint_le(n + shape->n, sizeof(guest));
    memcpy(guest, code, n);
    memcpy(guest + n, shape->code, shape->n);
    guest_file_make(&rig->file, guest, n + shape->n);
    rig->config = (struct vmms_config){
        .child[0].kernel = rig->file.path,
        .child[0].memory_bytes = 8 * MIB,
        .role = VMMS_ROLE_PC,
        .translate = row % ENGINES == 1,
        .timeout_ns = UINT64_C(600000000000),
        .child[0].serial_opaque = rig,
    };
}

static void rig_create(struct rig *rig)
{
    bool usage;

    rig->vmms = vmms_create(&rig->config, &usage, &rig->error);
    ck_assert_msg(rig->vmms != NULL, "%s", rig->error.text);
}

static void rig_fini(struct rig *rig)
{
    vmms_destroy(rig->vmms);
    guest_file_remove(&rig->file);
}

/* ---- posted by another thread at random instants ---- */

static void answered(void *opaque, const uint8_t *bytes, size_t n)
{
    struct rig *rig = opaque;

    (void)bytes;
    (void)n;
    __atomic_store_n(&rig->answered_at, cpu_retired(&rig_vp(rig)->cpu), __ATOMIC_RELAXED);
    __atomic_fetch_add(&rig->n_answers, 1, __ATOMIC_RELEASE);
}

/* What the VP's thread has counted: it may lag behind by a block, never be ahead. */
__attribute__((no_sanitize("thread"))) static uint64_t counted(const struct rig *rig)
{
    return *(const volatile uint64_t *)&rig_vp(rig)->cpu.core.retired;
}

static void nap(unsigned us)
{
    const struct timespec time = { .tv_nsec = (long)us * 1000 };

    nanosleep(&time, NULL);
}

/* Post a byte, wait for its echo. Instructions before and after the post; false: no answer. */
static bool post(struct rig *rig, uint64_t *before, uint64_t *after)
{
    unsigned n = __atomic_load_n(&rig->n_answers, __ATOMIC_ACQUIRE);

    *before = counted(rig);
    while (vmms_serial_input(rig->vmms, (const uint8_t *)"x", 1) == 0) {
    }
    *after = counted(rig);
    for (unsigned i = 0; i < 20000; i++) {
        if (__atomic_load_n(&rig->n_answers, __ATOMIC_ACQUIRE) != n) {
            return true;
        }
        nap(500);
    }
    return false;
}

struct poster {
    struct rig *rig;
    unsigned seed;
    unsigned n_samples, n_prompt;
    uint64_t longest;
    bool lost;
};

static void *posting(void *opaque)
{
    struct poster *poster = opaque;
    uint64_t before, after;

    poster->lost = !post(poster->rig, &before, &after); /* the guest is ready */
    for (unsigned i = 0; i < poster->n_samples && !poster->lost; i++) {
        nap(100 + (unsigned)rand_r(&poster->seed) % 2000);
        if (!post(poster->rig, &before, &after)) {
            poster->lost = true;
            break;
        }
        bool prompt = after - before <= PROMPT;
        uint64_t from = prompt ? before : after;
        uint64_t at = __atomic_load_n(&poster->rig->answered_at, __ATOMIC_RELAXED);
        uint64_t latency = at > from ? at - from : 0;
        poster->n_prompt += prompt;
        poster->longest = latency > poster->longest ? latency : poster->longest;
    }
    vmms_stop(poster->rig->vmms);
    return NULL;
}

START_TEST(a_post_of_another_thread_is_delivered_soon)
{
    const struct shape *shape = &shapes[_i / ENGINES];
    const char *n = getenv("N");
    struct rig rig;
    pthread_t thread;

    rig_init(&rig, serial_guest, sizeof(serial_guest), (unsigned)_i);
    rig.config.child[0].serial_output = answered;
    rig_create(&rig);
    struct poster poster = { .rig = &rig,
                             .seed = (unsigned)_i + 1,
                             .n_samples = n != NULL ? (unsigned)atoi(n) : SAMPLES };
    ck_assert_int_eq(pthread_create(&thread, NULL, posting, &poster), 0);
    struct vmms_result result = vmms_run(rig.vmms, &rig.error);
    pthread_join(thread, NULL);
    ck_assert_msg(!poster.lost, "%s: an interrupt was never delivered", shape->name);
    ck_assert_int_eq(result.end, VMMS_END_STOPPED);
    ck_assert_msg(poster.longest <= LATENCY_LIMIT, "%s: %llu instructions to delivery", shape->name,
                  (unsigned long long)poster.longest);
    if (getenv("V") != NULL) {
        printf("%s, engine %d: longest %llu, %u of %u posts were prompt\n", shape->name,
               _i % ENGINES, (unsigned long long)poster.longest, poster.n_prompt, poster.n_samples);
    }
    rig_fini(&rig);
}
END_TEST

/* ---- a timer with the virtual clock ---- */

/* The count runs down from its initial value, at which the interrupt was due. [SDM 3A 10.5.4] */
static void told_count(void *opaque, const uint8_t *bytes, size_t n)
{
    struct rig *rig = opaque;

    for (size_t i = 0; i < n; i++) {
        rig->bytes[rig->n_bytes++] = bytes[i];
        if (rig->n_bytes == 4) {
            uint32_t late = rig->initial - le32_load(rig->bytes);
            rig->longest = late > rig->longest ? late : rig->longest;
            rig->n_bytes = 0;
            rig->n_counts++;
        }
    }
}

/* Two instructions of the handler before it reads the count, of a tick of 5 instructions each. */
START_TEST(a_timer_interrupts_at_once_with_the_virtual_clock)
{
    const struct shape *shape = &shapes[_i / ENGINES];
    static const uint32_t periods[] = { 2003, 4001, 9973 }; /* ticks */

    for (unsigned i = 0; i < ARRAY_SIZE(periods); i++) {
        uint8_t code[sizeof(timer_guest)];
        struct rig rig;
        memcpy(code, timer_guest, sizeof(code));
        le32_store(code + TIMER_TICKS_AT, periods[i]);
        rig_init(&rig, code, sizeof(code), (unsigned)_i);
        rig.initial = periods[i];
        rig.config.virtual_time = true;
        rig.config.max_instructions = 6000000;
        rig.config.child[0].serial_output = told_count;
        rig_create(&rig);
        struct vmms_result result = vmms_run(rig.vmms, &rig.error);
        ck_assert_int_eq(result.end, VMMS_END_INSTRUCTION_LIMIT);
        ck_assert_msg(rig.n_counts >= 100, "%s: %u interrupts", shape->name, rig.n_counts);
        ck_assert_msg(rig.longest <= 1, "%s: %u ticks late", shape->name, rig.longest);
        rig_fini(&rig);
    }
}
END_TEST

static Suite *suite_latency(void)
{
    Suite *suite = suite_create("partitions/latency");
    TCase *tcase = tcase_create("delivery");

    tcase_set_timeout(tcase, 900);
    tcase_add_loop_test(tcase, a_post_of_another_thread_is_delivered_soon, 0,
                        ENGINES * (int)ARRAY_SIZE(shapes));
    tcase_add_loop_test(tcase, a_timer_interrupts_at_once_with_the_virtual_clock, 0,
                        ENGINES * (int)ARRAY_SIZE(shapes));
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(suite_latency())
