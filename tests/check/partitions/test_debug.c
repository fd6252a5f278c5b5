/* partitions/debug: register numbers and encodings as gdb's manual has them, memory, breakpoints, steps, watchpoints. */
#include <check.h>
#include <pthread.h>
#include <string.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "partitions/debug_registers.h"
#include "partitions/machine.h"
#include "partitions/vmms/vmms.h"
#include "partitions/vp.h"
#include "tests/check/check_main.h"
#include "tests/support/guest_file.h"

/* 0: inc eax; 1: mov [0x200000], eax; 6: jmp 0 */
static const uint8_t code[] = { 0x40, 0xa3, 0x00, 0x00, 0x20, 0x00, 0xeb, 0xf8 };
enum { INC = GUEST_CODE, STORE = GUEST_CODE + 1, JUMP = GUEST_CODE + 6, DATUM = 0x200000 };

struct rig {
    struct guest_file file;
    struct vmms *vmms;
    struct machine *machine;
    struct vp *vp;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool told;
};

static void told(void *opaque)
{
    struct rig *rig = opaque;

    pthread_mutex_lock(&rig->lock);
    rig->told = true;
    pthread_cond_signal(&rig->cond);
    pthread_mutex_unlock(&rig->lock);
}

static void *run(void *opaque)
{
    struct rig *rig = opaque;
    struct error error;

    (void)vmms_run(rig->vmms, &error);
    return NULL;
}

static void rig_start(struct rig *rig, unsigned cpus, bool virtual_time)
{
    struct error error = { "" };
    bool usage;

    memset(rig, 0, sizeof(*rig));
    guest_file_make(&rig->file, code, sizeof(code));
    struct vmms_config config = { .child[0].kernel = rig->file.path,
                                  .child[0].memory_bytes = 8 << 20,
                                  .child[0].cpus = cpus,
                                  .virtual_time = virtual_time,
                                  .timeout_ns = UINT64_C(600000000000) };
    rig->vmms = vmms_create(&config, &usage, &error);
    ck_assert_msg(rig->vmms != NULL, "%s", error.text);
    rig->machine = vmms_machine(rig->vmms);
    pthread_mutex_init(&rig->lock, NULL);
    pthread_cond_init(&rig->cond, NULL);
    rig->machine->debug.notify = told;
    rig->machine->debug.notify_opaque = rig;
    debug_hold_from_start(rig->machine);
    ck_assert_int_eq(pthread_create(&rig->thread, NULL, run, rig), 0);
    debug_hold(rig->machine);
    debug_release(rig->machine);
    rig->vp = debug_vp_at(rig->machine, 0);
}

static void rig_end(struct rig *rig)
{
    vmms_stop(rig->vmms);
    pthread_join(rig->thread, NULL);
    vmms_destroy(rig->vmms);
    guest_file_remove(&rig->file);
}

/* Go on until the machine holds itself. */
static struct debug_event go(struct rig *rig)
{
    struct debug_event event = { .reason = DEBUG_NONE };

    rig->told = false;
    debug_release(rig->machine);
    pthread_mutex_lock(&rig->lock);
    while (!rig->told) {
        pthread_cond_wait(&rig->cond, &rig->lock);
    }
    pthread_mutex_unlock(&rig->lock);
    ck_assert(debug_take_event(rig->machine, &event));
    return event;
}

static uint64_t get(struct rig *rig, const char *name)
{
    uint8_t value[DEBUG_REGISTER_BYTES];

    debug_register_read(rig->vp, debug_register_named(DEBUG_LAYOUT_64, name), value);
    return le64_load(value);
}

static void set(struct rig *rig, const char *name, uint64_t word)
{
    uint8_t value[DEBUG_REGISTER_BYTES] = { 0 };

    le64_store(value, word);
    debug_register_write(rig->vp, debug_register_named(DEBUG_LAYOUT_64, name), value);
}

/* [GDB gdb/features/i386/64bit-core.xml, 32bit-core.xml and *-sse.xml, by their regnums] */
static const struct {
    enum debug_layout layout;
    unsigned number, bits;
    const char *name;
} numbers[] = {
    { DEBUG_LAYOUT_64, 0, 64, "rax" },     { DEBUG_LAYOUT_64, 1, 64, "rbx" },
    { DEBUG_LAYOUT_64, 7, 64, "rsp" },     { DEBUG_LAYOUT_64, 16, 64, "rip" },
    { DEBUG_LAYOUT_64, 17, 32, "eflags" }, { DEBUG_LAYOUT_64, 18, 32, "cs" },
    { DEBUG_LAYOUT_64, 23, 32, "gs" },     { DEBUG_LAYOUT_64, 24, 80, "st0" },
    { DEBUG_LAYOUT_64, 32, 32, "fctrl" },  { DEBUG_LAYOUT_64, 39, 32, "fop" },
    { DEBUG_LAYOUT_64, 40, 128, "xmm0" },  { DEBUG_LAYOUT_64, 56, 32, "mxcsr" },
    { DEBUG_LAYOUT_64, 59, 128, "ymm0h" }, { DEBUG_LAYOUT_64, 74, 128, "ymm15h" },
    { DEBUG_LAYOUT_32, 0, 32, "eax" },     { DEBUG_LAYOUT_32, 1, 32, "ecx" },
    { DEBUG_LAYOUT_32, 8, 32, "eip" },     { DEBUG_LAYOUT_32, 9, 32, "eflags" },
    { DEBUG_LAYOUT_32, 10, 32, "cs" },     { DEBUG_LAYOUT_32, 16, 80, "st0" },
    { DEBUG_LAYOUT_32, 32, 128, "xmm0" },  { DEBUG_LAYOUT_32, 40, 32, "mxcsr" },
    { DEBUG_LAYOUT_32, 41, 128, "ymm0h" },
};

START_TEST(registers_have_gdbs_numbers)
{
    for (unsigned i = 0; i < ARRAY_SIZE(numbers); i++) {
        const struct debug_register *reg = debug_register_of(numbers[i].layout, numbers[i].number);
        ck_assert_str_eq(reg->name, numbers[i].name);
        ck_assert_uint_eq(reg->bits, numbers[i].bits);
    }
    ck_assert(debug_register_of(DEBUG_LAYOUT_64, 1000) == NULL);
}
END_TEST

START_TEST(every_register_is_written_and_read)
{
    struct rig rig;

    rig_start(&rig, 1, false);
    for (unsigned i = 0; i < debug_register_n; i++) {
        const struct debug_register *reg = &debug_registers[i];
        uint8_t before[DEBUG_REGISTER_BYTES], after[DEBUG_REGISTER_BYTES];
        debug_register_read(rig.vp, reg, before);
        debug_register_write(rig.vp, reg, before);
        debug_register_read(rig.vp, reg, after);
        ck_assert_msg(memcmp(before, after, sizeof(before)) == 0, "%s", reg->name);
    }
    set(&rig, "r15", UINT64_C(0x1122334455667788));
    ck_assert_uint_eq(rig.vp->cpu.core.state.gpr[REG_R15], UINT64_C(0x1122334455667788));
    set(&rig, "eflags", 0xad7);
    ck_assert_uint_eq(get(&rig, "eflags"), 0xad7 & ~0x20u);
    set(&rig, "cr3", 0x5000);
    ck_assert_uint_eq(rig.vp->cpu.core.mmu.paging.cr3, 0x5000);
    set(&rig, "cr0", 0); /* the mode stays */
    ck_assert_uint_eq(get(&rig, "cr0") & 1, 1);
    set(&rig, "ftag", 0xfffc); /* R0 alone is in use: zero */
    rig.vp->cpu.core.state.x87.reg[0] = (struct x87_value){ 0, 0 };
    ck_assert_uint_eq(get(&rig, "ftag"), 0xfffd);
    rig_end(&rig);
}
END_TEST

START_TEST(real_mode_counts_the_segment_in)
{
    struct rig rig;

    rig_start(&rig, 1, false);
    struct core *core = &rig.vp->cpu.core;
    core->state.cr0 &= ~CR0_PE;
    core->state.seg[SEG_CS] = (struct x86_segment){
        .base = 0xf0000, .limit = 0xffff, .selector = 0xf000, .attributes = 0x9b
    };
    core_mode_update(core);
    ck_assert_uint_eq(debug_bits(rig.vp), 16);
    set(&rig, "ip", 0xfff0);
    ck_assert_uint_eq(get(&rig, "rip"), 0xffff0);
    set(&rig, "rip", 0xf1234);
    ck_assert_uint_eq(core->state.gpr[REG_RIP], 0x1234);
    set(&rig, "cs", 0x1000);
    ck_assert_uint_eq(get(&rig, "cs_base"), 0x10000);
    rig_end(&rig);
}
END_TEST

START_TEST(breakpoints_steps_and_watches)
{
    struct rig rig;
    uint8_t bytes[8];

    rig_start(&rig, 1, _i);
    ck_assert_uint_eq(get(&rig, "rip"), INC);
    set(&rig, "rax", 7);
    ck_assert(debug_point_set(rig.machine, DEBUG_POINT_SOFTWARE, JUMP, 1));
    struct debug_event event = go(&rig);
    ck_assert_int_eq(event.reason, DEBUG_BREAKPOINT);
    ck_assert_uint_eq(get(&rig, "rip"), JUMP);
    ck_assert_uint_eq(get(&rig, "rax"), 8);
    ck_assert_uint_eq(debug_memory_read(rig.vp, GUEST_CODE, bytes, 8), 8);
    ck_assert_mem_eq(bytes, code, 8); /* the guest cannot see it */
    event = go(&rig);                 /* once around */
    ck_assert_uint_eq(get(&rig, "rip"), JUMP);
    ck_assert_uint_eq(get(&rig, "rax"), 9);

    debug_action_set(rig.vp, DEBUG_ACTION_STEP); /* from the breakpoint */
    event = go(&rig);
    ck_assert_int_eq(event.reason, DEBUG_STEP);
    ck_assert_uint_eq(get(&rig, "rip"), INC);
    debug_action_set(rig.vp, DEBUG_ACTION_STEP);
    (void)go(&rig);
    ck_assert_uint_eq(get(&rig, "rip"), STORE);
    ck_assert_uint_eq(get(&rig, "rax"), 10);

    debug_points_clear(rig.machine);
    debug_action_set(rig.vp, DEBUG_ACTION_RUN);
    ck_assert(debug_point_set(rig.machine, DEBUG_POINT_WRITE, DATUM + 2, 1));
    event = go(&rig);
    ck_assert_int_eq(event.reason, DEBUG_WATCH_WRITE);
    ck_assert_uint_eq(event.address, DATUM + 2);
    ck_assert_uint_eq(get(&rig, "rip"), JUMP); /* after the instruction */
    debug_points_clear(rig.machine);
    ck_assert(debug_point_set(rig.machine, DEBUG_POINT_READ, DATUM, 4));
    ck_assert(debug_point_set(rig.machine, DEBUG_POINT_HARDWARE, INC, 1));
    event = go(&rig); /* the store is no read */
    ck_assert_int_eq(event.reason, DEBUG_HARDWARE_BREAKPOINT);
    ck_assert_uint_eq(debug_memory_read(rig.vp, DATUM, bytes, 4), 4);
    ck_assert_uint_eq(le32_load(bytes), get(&rig, "rax"));

    debug_points_clear(rig.machine); /* code that changes: inc becomes dec */
    ck_assert_uint_eq(debug_memory_write(rig.vp, GUEST_CODE, "\x48", 1), 1);
    uint64_t rax = get(&rig, "rax");
    ck_assert(debug_point_set(rig.machine, DEBUG_POINT_SOFTWARE, STORE, 1));
    (void)go(&rig);
    ck_assert_uint_eq(get(&rig, "rax"), rax - 1);
    rig_end(&rig);
}
END_TEST

START_TEST(bounds_are_kept)
{
    struct rig rig;
    uint8_t byte;
    uint64_t value;

    rig_start(&rig, 1, false);
    for (unsigned i = 0; i < CPU_DEBUG_CODE; i++) {
        ck_assert(debug_point_set(rig.machine, DEBUG_POINT_SOFTWARE, i, 1));
    }
    ck_assert(!debug_point_set(rig.machine, DEBUG_POINT_HARDWARE, 5000, 1));
    ck_assert(debug_point_set(rig.machine, DEBUG_POINT_SOFTWARE, 5, 1)); /* it is there */
    ck_assert(!debug_point_set(rig.machine, DEBUG_POINT_WRITE, 0, 0));
    ck_assert(!debug_point_set(rig.machine, DEBUG_POINT_WRITE, UINT64_MAX, 2));
    debug_point_clear(rig.machine, DEBUG_POINT_SOFTWARE, 5, 1);
    ck_assert(debug_point_set(rig.machine, DEBUG_POINT_HARDWARE, 5000, 1));
    ck_assert_uint_eq(debug_physical_read(rig.vp, UINT64_C(0xfee00000), &byte, 1), 0); /* no RAM */
    ck_assert_uint_eq(debug_physical_read(rig.vp, UINT64_MAX, &byte, 1), 0);
    ck_assert(!debug_msr_read(rig.vp, 0x400000f0, &value)); /* reading it would halt */
    ck_assert(!debug_msr_read(rig.vp, 0xdead, &value));
    ck_assert(debug_msr_write(rig.vp, 0xc0000081, 0x1234));
    ck_assert(debug_msr_read(rig.vp, 0xc0000081, &value) && value == 0x1234);
    rig_end(&rig);
}
END_TEST

START_TEST(vps_have_numbers_and_wait_alone)
{
    struct rig rig;

    rig_start(&rig, 4, false);
    for (unsigned i = 0; i < 4; i++) {
        ck_assert_uint_eq(debug_thread(rig.machine, debug_vp_at(rig.machine, i)), i + 1);
        ck_assert(debug_vp(rig.machine, i + 1) == debug_vp_at(rig.machine, i));
    }
    ck_assert(debug_vp_at(rig.machine, 4) == NULL && debug_vp(rig.machine, 5) == NULL);
    /* One that waits for SIPI never steps: it is told at once. */
    struct vp *waiting = debug_vp(rig.machine, 3);
    debug_action_set_all(rig.machine, DEBUG_ACTION_STAY);
    debug_action_set(waiting, DEBUG_ACTION_STEP);
    struct debug_event event = go(&rig);
    ck_assert_int_eq(event.reason, DEBUG_STEP);
    ck_assert(event.vp == waiting);
    ck_assert_uint_eq(rig.vp->cpu.core.retired, 0);
    rig_end(&rig);
}
END_TEST

static Suite *suite_debug(void)
{
    Suite *suite = suite_create("partitions/debug");
    TCase *tc = tcase_create("debug");

    tcase_set_timeout(tc, 900);
    tcase_add_test(tc, registers_have_gdbs_numbers);
    tcase_add_test(tc, every_register_is_written_and_read);
    tcase_add_test(tc, real_mode_counts_the_segment_in);
    tcase_add_loop_test(tc, breakpoints_steps_and_watches, 0, 2);
    tcase_add_test(tc, bounds_are_kept);
    tcase_add_test(tc, vps_have_numbers_and_wait_alone);
    suite_add_tcase(suite, tc);
    return suite;
}

CHECK_MAIN(suite_debug())
