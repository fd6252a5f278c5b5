/* partitions/vmms/vmms.c: privileges that the built-in parent needs, and the ends of small guests.
 */
#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/compiler.h"
#include "partitions/hv/privilege.h"
#include "partitions/vmms/vmms.h"
#include "tests/check/check_main.h"
#include "tests/support/guest_chaos.h"
#include "tests/support/guest_file.h"

enum { CONSOLE_BYTES = 4096, MIB = 1 << 20, MILLISECOND_NS = 1000000 };

/* A machine with a small guest, and what it printed. */
struct rig {
    struct guest_file file;
    struct vmms_config config;
    struct vmms *vmms;
    struct error error;
    char console[CONSOLE_BYTES];
    size_t n_console;
    size_t stop_after; /* console bytes; 0: never */
};

static void printed(void *opaque, const uint8_t *bytes, size_t n)
{
    struct rig *rig = opaque;

    for (size_t i = 0; i < n && rig->n_console < CONSOLE_BYTES - 1; i++) {
        rig->console[rig->n_console++] = (char)bytes[i];
    }
    if (rig->stop_after != 0 && rig->n_console >= rig->stop_after) {
        vmms_stop(rig->vmms);
    }
}

static void rig_init(struct rig *rig, enum vmms_role role, const uint8_t *code, size_t n)
{
    memset(rig, 0, sizeof(*rig));
    guest_file_make(&rig->file, code, n);
    rig->config = (struct vmms_config){
        .child[0].kernel = rig->file.path,
        .child[0].memory_bytes = 8 * MIB,
        .role = role,
        .max_instructions = 50000000,
        .timeout_ns = UINT64_C(600000) * MILLISECOND_NS,
        .child[0].serial_output = printed,
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

/* From creation to the end. */
static struct vmms_result rig_run(struct rig *rig)
{
    rig_create(rig);
    return vmms_run(rig->vmms, &rig->error);
}

#define CODE(...) ((const uint8_t[]){ __VA_ARGS__ }), sizeof((const uint8_t[]){ __VA_ARGS__ })

/* mov edx, 0x604; mov ax, S5; out dx, ax; hlt: the tables' PM1a control. [ACPI 4.8.3.2] */
#define POWER_OFF 0xba, 4, 6, 0, 0, 0x66, 0xb8, 0, 0x34, 0x66, 0xef, 0xf4
/* mov edx, 0xcf9; mov al, 6; out dx, al; hlt. [DS 82371SB 2.5.6] */
#define RESET 0xba, 0xf9, 0x0c, 0, 0, 0xb0, 6, 0xee, 0xf4
/* mov edx, 0x3f8; mov al, c; out dx, al */
#define PRINT(c) 0xba, 0xf8, 3, 0, 0, 0xb0, (c), 0xee
#define SPIN     0xeb, 0xfe

enum { ROLES = 3 };

/* ---- privileges ---- */

/* What withholding a privilege does in each role: the hypercall that fails, or NULL: nothing. */
static const struct {
    unsigned bit;
    const char *call[ROLES];
} needed[] = {
    { HV_PRIVILEGE_BIT_CREATE_PARTITIONS, { [VMMS_ROLE_CHILD] = "HvCallCreatePartition" } },
    { HV_PRIVILEGE_BIT_ACCESS_MEMORY_POOL, { [VMMS_ROLE_CHILD] = "HvCallDepositMemory" } },
    { HV_PRIVILEGE_BIT_CREATE_PORT, { [VMMS_ROLE_CHILD] = "HvCallCreatePort" } },
    { HV_PRIVILEGE_BIT_CONNECT_PORT, { [VMMS_ROLE_CHILD] = "HvCallConnectPort" } },
    /* Registers of its own VP, not of a child's. [TLFS HvCallSetVpRegisters] */
    { HV_PRIVILEGE_BIT_ACCESS_VP_REGISTERS,
      { [VMMS_ROLE_ROOT] = "HvCallSetVpRegisters", [VMMS_ROLE_PC] = "HvCallSetVpRegisters" } },
};

START_TEST(withheld_privilege_fails_the_call_that_needs_it)
{
    enum vmms_role role = (enum vmms_role)(_i / 64);
    unsigned bit = (unsigned)_i % 64;
    const char *call = NULL;
    struct rig rig;
    bool usage = true;

    if (hv_privilege_name(bit) == NULL) {
        return;
    }
    for (size_t i = 0; i < ARRAY_SIZE(needed); i++) {
        call = needed[i].bit == bit ? needed[i].call[role] : call;
    }
    rig_init(&rig, role, CODE(POWER_OFF));
    rig.config.withheld_privileges = UINT64_C(1) << bit;
    rig.vmms = vmms_create(&rig.config, &usage, &rig.error);
    ck_assert(!usage);
    if (call == NULL) {
        ck_assert_msg(rig.vmms != NULL, "without %s: %s", hv_privilege_name(bit), rig.error.text);
    } else {
        ck_assert_msg(rig.vmms == NULL, "without %s it starts", hv_privilege_name(bit));
        ck_assert_msg(strstr(rig.error.text, call) != NULL &&
                          strstr(rig.error.text, "HV_STATUS_ACCESS_DENIED") != NULL,
                      "without %s: %s", hv_privilege_name(bit), rig.error.text);
    }
    rig_fini(&rig);
}
END_TEST

/* ---- ends ---- */

/* A digit of AL on the console. */
#define PRINT_AL 0xba, 0xf8, 3, 0, 0, 0x04, '0', 0xee

/* The VPs of a partition are the cores of one package: bits of the APIC id and cores in leaf 0xb, ids in leaf 1, ids
 * less one in leaf 4. [SDM 2A CPUID] */
static const struct {
    unsigned cpus;
    const char *text;
} packages[] = { { 1, "0110" }, { 2, "1221" }, { 3, "2343" }, { 4, "2443" } };

START_TEST(vps_are_the_cores_of_one_package)
{
    enum vmms_role role = (enum vmms_role)((size_t)_i / ARRAY_SIZE(packages));
    size_t row = (size_t)_i % ARRAY_SIZE(packages);
    struct rig rig;

    rig_init(&rig, role,
             CODE(0xb8, 0xb, 0, 0, 0, 0xb9, 1, 0, 0, 0, 0x0f, 0xa2, /* leaf 0xb, 1 */
                  0x89, 0xde, PRINT_AL, 0x89, 0xf0, PRINT_AL,       /* EAX, EBX */
                  0xb8, 1, 0, 0, 0, 0x0f, 0xa2, 0x89, 0xd8, 0xc1, 0xe8, 16, PRINT_AL, /* leaf 1 */
                  0xb8, 4, 0, 0, 0, 0x31, 0xc9, 0x0f, 0xa2, 0xc1, 0xe8, 26, PRINT_AL, /* leaf 4 */
                  POWER_OFF));
    rig.config.child[0].cpus = packages[row].cpus;
    ck_assert_int_eq(rig_run(&rig).end, VMMS_END_POWER_OFF);
    ck_assert_str_eq(rig.console, packages[row].text);
    rig_fini(&rig);
}
END_TEST

START_TEST(guest_powers_off)
{
    struct rig rig;

    rig_init(&rig, (enum vmms_role)_i, CODE(PRINT('o'), PRINT('k'), POWER_OFF));
    struct vmms_result result = rig_run(&rig);
    ck_assert_int_eq(result.end, VMMS_END_POWER_OFF);
    ck_assert_str_eq(rig.console, "ok");
    ck_assert(!result.panicked);
    ck_assert_uint_ge(result.instructions, 9);
    ck_assert_uint_le(result.instructions, 10); /* the HLT behind OUT may be reached */
    rig_fini(&rig);
}
END_TEST

START_TEST(triple_fault_is_told_with_both_faults)
{
    struct rig rig;
    char text[8192], cut[40];

    /* ud2 without an IDT: #UD, and #GP while delivering it, and #GP for #DF. [SDM 3A 6.15] */
    rig_init(&rig, (enum vmms_role)_i, CODE(0xb8, 0x78, 0x56, 0x34, 0x12, 0x0f, 0x0b));
    struct vmms_result result = rig_run(&rig);
    ck_assert_int_eq(result.end, VMMS_END_TRIPLE_FAULT);
    ck_assert_uint_eq(result.instructions, 1);
    vmms_autopsy(rig.vmms, text, sizeof(text));
    static const char *const parts[] = { "triple fault: partition ",    "first fault: #",
                                         "while delivering it: #",      "rip 0000000000100005",
                                         "rax 0000000012345678",        "at rip: ud2",
                                         "rip 0x100005 -> gpa 0x100005" };
    for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
        ck_assert_msg(strstr(text, parts[i]) != NULL, "no \"%s\" in:\n%s", parts[i], text);
    }
    for (size_t size = 1; size < sizeof(cut); size++) {
        memset(cut, 'x', sizeof(cut));
        vmms_autopsy(rig.vmms, cut, size);
        ck_assert_uint_eq(strlen(cut), size - 1);
        ck_assert_int_eq(cut[size], 'x');
    }
    rig_fini(&rig);
}
END_TEST

START_TEST(halt_with_interrupts_off_is_told)
{
    struct rig rig;

    rig_init(&rig, (enum vmms_role)_i, CODE(0xfa, 0xf4)); /* cli; hlt */
    struct vmms_result result = rig_run(&rig);
    ck_assert_int_eq(result.end, VMMS_END_HALTED);
    ck_assert_uint_eq(result.instructions, 2);
    rig_fini(&rig);
}
END_TEST

START_TEST(instruction_limit_is_exact)
{
    static const uint64_t limits[] = { 1, 2, 63, 64, 65, 1000, 19999, 20000, 20001, 123457 };
    struct rig rig;

    /* inc eax; cmp eax, ebx; jz +0; jmp */
    rig_init(&rig, (enum vmms_role)(_i % ROLES), CODE(0x40, 0x39, 0xd8, 0x74, 0x00, 0xeb, 0xf9));
    rig.config.max_instructions = limits[_i / ROLES];
    struct vmms_result result = rig_run(&rig);
    ck_assert_int_eq(result.end, VMMS_END_INSTRUCTION_LIMIT);
    ck_assert_uint_eq(result.instructions, rig.config.max_instructions);
    rig_fini(&rig);
}
END_TEST

/* A repetition counts each iteration, wherever the limit cuts it and whatever stands around it. */
START_TEST(instruction_limit_is_exact_with_repetitions)
{
    struct rig rig;
    const uint64_t lap = 5 + 100 + 2, laps = 3;

    /* mov ecx, 100; mov edi, 0x200000; inc eax; inc ebx; cld; rep stosb; inc edx; jmp */
    rig_init(&rig, (enum vmms_role)(_i % ROLES),
             CODE(0xb9, 100, 0, 0, 0, 0xbf, 0, 0, 0x20, 0, 0x40, 0x43, 0xfc, 0xf3, 0xaa, 0x42, 0xeb,
                  0xee));
    /* Each limit is a machine of its own, which is slow under ThreadSanitizer. */
    const uint64_t step = THREAD_SANITIZER ? 23 : 1 + (uint64_t)_i % 2;
    for (uint64_t limit = 1; limit <= laps * lap; limit += step) {
        rig.config.max_instructions = limit;
        struct vmms_result result = rig_run(&rig);
        ck_assert_int_eq(result.end, VMMS_END_INSTRUCTION_LIMIT);
        ck_assert_uint_eq(result.instructions, limit);
        vmms_destroy(rig.vmms);
    }
    rig.vmms = NULL;
    rig_fini(&rig);
}
END_TEST

/* A loop that never ends, and one that waits for an interrupt that never comes. */
static const uint8_t endless[2][6] = { { SPIN }, { 0xfb, 0xf4, 0xeb, 0xfd } };

START_TEST(timeout_ends_the_run)
{
    struct rig rig;

    rig_init(&rig, (enum vmms_role)(_i % ROLES), endless[_i / ROLES], sizeof(endless[0]));
    rig.config.max_instructions = 0;
    rig.config.timeout_ns = 60 * MILLISECOND_NS;
    struct vmms_result result = rig_run(&rig);
    ck_assert_int_eq(result.end, VMMS_END_TIMEOUT);
    ck_assert_uint_ge(result.wall_ns, 60 * MILLISECOND_NS);
    ck_assert_uint_le(result.wall_ns, UINT64_C(10000) * MILLISECOND_NS);
    rig_fini(&rig);
}
END_TEST

static void pause_ns(long ns)
{
    const struct timespec time = { 0, ns };

    (void)nanosleep(&time, NULL);
}

static void *stop_soon(void *opaque)
{
    pause_ns(30 * MILLISECOND_NS);
    vmms_stop(opaque);
    return NULL;
}

START_TEST(another_thread_stops_the_run)
{
    struct rig rig;
    pthread_t thread;

    rig_init(&rig, (enum vmms_role)(_i % ROLES), endless[_i / ROLES], sizeof(endless[0]));
    rig.config.max_instructions = 0;
    rig_create(&rig);
    ck_assert_int_eq(pthread_create(&thread, NULL, stop_soon, rig.vmms), 0);
    struct vmms_result result = vmms_run(rig.vmms, &rig.error);
    ck_assert_int_eq(result.end, VMMS_END_STOPPED);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    rig_fini(&rig);
}
END_TEST

START_TEST(stop_before_the_run_runs_nothing)
{
    struct rig rig;

    rig_init(&rig, (enum vmms_role)_i, CODE(SPIN));
    rig_create(&rig);
    vmms_stop(rig.vmms);
    struct vmms_result result = vmms_run(rig.vmms, &rig.error);
    ck_assert_int_eq(result.end, VMMS_END_STOPPED);
    ck_assert_uint_eq(result.instructions, 0);
    rig_fini(&rig);
}
END_TEST

START_TEST(reset_ends_the_run_without_reboot)
{
    struct rig rig;

    rig_init(&rig, (enum vmms_role)_i, CODE(PRINT('r'), RESET));
    rig.config.no_reboot = true;
    struct vmms_result result = rig_run(&rig);
    ck_assert_int_eq(result.end, VMMS_END_RESET);
    ck_assert_str_eq(rig.console, "r");
    rig_fini(&rig);
}
END_TEST

START_TEST(reset_starts_the_guest_again)
{
    struct rig rig;

    /* Overwrites its first instruction: only a guest that was loaded again prints. */
    rig_init(&rig, (enum vmms_role)_i,
             CODE(PRINT('r'), 0x66, 0xc7, 0x05, 0, 0, 0x10, 0, SPIN, RESET));
    rig.stop_after = 4;
    struct vmms_result result = rig_run(&rig);
    ck_assert_int_eq(result.end, VMMS_END_STOPPED);
    ck_assert_str_eq(rig.console, "rrrr");
    ck_assert_uint_ge(result.instructions, 3 * 7); /* of all lives together */
    rig_fini(&rig);
}
END_TEST

/* mov ecx, CRASH_CTL; xor eax, eax; mov edx, 1 << 31; wrmsr. [TLFS HV_X64_MSR_CRASH_CTL] */
#define CRASH 0xb9, 5, 1, 0, 0x40, 0x31, 0xc0, 0xba, 0, 0, 0, 0x80, 0x0f, 0x30

START_TEST(crash_registers_are_a_panic)
{
    struct rig rig;

    rig_init(&rig, (enum vmms_role)_i, CODE(CRASH, POWER_OFF));
    struct vmms_result result = rig_run(&rig);
    if (_i == VMMS_ROLE_PC) { /* no hypervisor: #GP, and no IDT */
        ck_assert_int_eq(result.end, VMMS_END_TRIPLE_FAULT);
        ck_assert(!result.panicked);
    } else {
        ck_assert_int_eq(result.end, VMMS_END_PANIC);
        ck_assert(result.panicked);
    }
    rig_fini(&rig);
}
END_TEST

/* ---- the serial port ---- */

/* Ready to receive (MCR: RTS, DTR), then echo until 'q': poll the line status for data, read,
 * write. [DS PC16550D 8.6.3] */
// clang-format off
static const uint8_t echo[] = {
    0xba, 0xfc, 3, 0, 0, 0xb0, 3, 0xee,              /* mov edx, modem control; mov al, 3; out */
    0xba, 0xfd, 3, 0, 0, 0xec, 0xa8, 0x01, 0x74, 0xf6, /* mov edx, line status; in; test al, 1; jz -10 */
    0xba, 0xf8, 3, 0, 0, 0xec, 0xee,                 /* mov edx, data; in al, dx; out dx, al */
    0x3c, 'q', 0x75, 0xeb,                           /* cmp al, 'q'; jnz -21 */
    POWER_OFF,
};
// clang-format on

static void *type_slowly(void *opaque)
{
    static const char typed[] = "The quick brown fox";
    size_t done = 0;

    for (unsigned tries = 0; done < strlen(typed) && tries < 2000; tries++) {
        size_t taken =
            vmms_serial_input(opaque, (const uint8_t *)typed + done, strlen(typed) - done);
        done += taken;
        if (taken == 0) {
            pause_ns(MILLISECOND_NS);
        }
    }
    return NULL;
}

START_TEST(typed_bytes_come_back)
{
    struct rig rig;
    pthread_t thread;

    rig_init(&rig, (enum vmms_role)_i, echo, sizeof(echo));
    rig.config.max_instructions = 0;
    rig_create(&rig);
    ck_assert_int_eq(pthread_create(&thread, NULL, type_slowly, rig.vmms), 0);
    struct vmms_result result = vmms_run(rig.vmms, &rig.error);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    ck_assert_int_eq(result.end, VMMS_END_POWER_OFF);
    ck_assert_str_eq(rig.console, "The q"); /* up to the first q */
    rig_fini(&rig);
}
END_TEST

/* ---- two machines ---- */

enum { SUM_ROUNDS = 300000 };

/* A sum over a loop through memory; two letters of it are printed. */
// clang-format off
static const uint8_t sums[] = {
    0x31, 0xc0, 0xb9, 0xe0, 0x93, 0x04, 0x00,       /* xor eax, eax; mov ecx, SUM_ROUNDS */
    0x01, 0xc8, 0xc1, 0xc0, 0x03,                   /* add eax, ecx; rol eax, 3 */
    0xa3, 0x00, 0x00, 0x20, 0x00, 0x49, 0x75, 0xf3, /* mov [0x200000], eax; dec ecx; jnz -13 */
    0x89, 0xc3, 0x83, 0xe0, 0x0f, 0x04, 'a',        /* mov ebx, eax; and eax, 15; add al, 'a' */
    0xba, 0xf8, 3, 0, 0, 0xee,                      /* out 0x3f8, al */
    0xa1, 0x00, 0x00, 0x20, 0x00,                   /* mov eax, [0x200000] */
    0xc1, 0xe8, 0x1c, 0x04, 'a', 0xee,              /* shr eax, 28; add al, 'a'; out dx, al */
    POWER_OFF,
};
// clang-format on

static void sums_expected(char letters[3])
{
    uint32_t sum = 0;

    for (uint32_t i = SUM_ROUNDS; i > 0; i--) {
        sum += i;
        sum = sum << 3 | sum >> 29;
    }
    letters[0] = (char)('a' + (sum & 15));
    letters[1] = (char)('a' + (sum >> 28));
    letters[2] = '\0';
}

struct runner {
    struct rig rig;
    pthread_t thread;
    struct vmms_result result;
};

static void *run_one(void *opaque)
{
    struct runner *runner = opaque;

    runner->result = vmms_run(runner->rig.vmms, &runner->rig.error);
    return NULL;
}

/* Pairs: each role beside each, and beside a guest that does what it likes. */
START_TEST(two_machines_do_not_disturb_each_other)
{
    enum vmms_role first = (enum vmms_role)(_i % ROLES),
                   second = (enum vmms_role)(_i / ROLES % ROLES);
    bool chaos = _i >= ROLES * ROLES;
    struct runner *runners = calloc(2, sizeof(*runners));
    char expected[3];
    size_t n = sizeof(sums);
    uint8_t *code = chaos ? guest_chaos(CHAOS_RANDOM, 20000, (uint64_t)_i, &n) : NULL;

    sums_expected(expected);
    rig_init(&runners[0].rig, first, sums, sizeof(sums));
    rig_init(&runners[1].rig, second, chaos ? code : sums, n);
    runners[1].rig.config.no_reboot = true;
    runners[1].rig.config.max_instructions = 3000000;
    for (unsigned i = 0; i < 2; i++) {
        rig_create(&runners[i].rig);
        ck_assert_int_eq(pthread_create(&runners[i].thread, NULL, run_one, &runners[i]), 0);
    }
    for (unsigned i = 0; i < 2; i++) {
        ck_assert_int_eq(pthread_join(runners[i].thread, NULL), 0);
    }
    for (unsigned i = 0; i < (chaos ? 1 : 2); i++) {
        ck_assert_int_eq(runners[i].result.end, VMMS_END_POWER_OFF);
        ck_assert_str_eq(runners[i].rig.console, expected);
        /* The HLT behind the last OUT may be reached. */
        ck_assert_uint_ge(runners[i].result.instructions, 2 + 5 * SUM_ROUNDS + 12);
        ck_assert_uint_le(runners[i].result.instructions, 2 + 5 * SUM_ROUNDS + 13);
    }
    for (unsigned i = 0; i < 2; i++) {
        rig_fini(&runners[i].rig);
    }
    free(code);
    free(runners);
}
END_TEST

/* ---- chaos ---- */

static uint64_t env_number(const char *name, uint64_t fallback)
{
    const char *text = getenv(name);

    return text != NULL ? strtoull(text, NULL, 0) : fallback;
}

START_TEST(every_port_may_be_touched)
{
    struct rig rig;
    size_t n;
    uint8_t *code = guest_chaos(CHAOS_PORTS, 0, env_number("SEED", 1), &n);

    rig_init(&rig, (enum vmms_role)_i, code, n);
    struct vmms_result result = rig_run(&rig);
    ck_assert_msg(result.end == VMMS_END_POWER_OFF, "end %d", result.end);
    ck_assert_uint_ge(result.instructions, 65000 * 4);
    rig_fini(&rig);
    free(code);
}
END_TEST

START_TEST(every_msr_may_be_touched)
{
    struct rig rig;
    size_t n;
    uint8_t *code = guest_chaos(CHAOS_MSRS, 0, env_number("SEED", 1), &n);

    rig_init(&rig, (enum vmms_role)_i, code, n);
    struct vmms_result result = rig_run(&rig);
    ck_assert_msg(result.end == VMMS_END_POWER_OFF, "end %d", result.end);
    rig_fini(&rig);
    free(code);
}
END_TEST

/* N guests a role (default 10) from SEED on. Whatever they do, they end only themselves. */
START_TEST(random_writes_end_only_the_guest)
{
    uint64_t guests = env_number("N", 10), seed = env_number("SEED", 1);
    char text[8192];

    for (uint64_t i = 0; i < guests; i++) {
        struct rig rig;
        size_t n;
        uint8_t *code = guest_chaos(CHAOS_RANDOM, 4000, seed + i, &n);

        rig_init(&rig, (enum vmms_role)_i, code, n);
        rig.config.max_instructions = 200000;
        rig.config.timeout_ns = UINT64_C(2000) * MILLISECOND_NS;
        rig.config.no_reboot = i % 2 == 0;
        rig.config.child[0].cpus = 1 + (unsigned)(i % 3);
        struct vmms_result result = rig_run(&rig);
        ck_assert_msg(result.end != VMMS_END_HOST_FAILURE && result.end != VMMS_END_STOPPED,
                      "SEED=%llu: end %d %s", (unsigned long long)(seed + i), result.end,
                      rig.error.text);
        ck_assert_uint_le(result.instructions, rig.config.max_instructions);
        vmms_autopsy(rig.vmms, text, sizeof(text));
        rig_fini(&rig);
        free(code);
    }
}
END_TEST

static Suite *suite_vmms(void)
{
    Suite *suite = suite_create("partitions/vmms");
    TCase *privileges = tcase_create("privileges"), *ends = tcase_create("ends");
    TCase *serial = tcase_create("serial"), *two = tcase_create("two"),
          *chaos = tcase_create("chaos");

    tcase_add_loop_test(privileges, withheld_privilege_fails_the_call_that_needs_it, 0, 3 * 64);
    tcase_add_loop_test(ends, guest_powers_off, 0, ROLES);
    tcase_add_loop_test(ends, vps_are_the_cores_of_one_package, 0,
                        ROLES * (int)ARRAY_SIZE(packages));
    tcase_add_loop_test(ends, triple_fault_is_told_with_both_faults, 0, ROLES);
    tcase_add_loop_test(ends, halt_with_interrupts_off_is_told, 0, ROLES);
    tcase_add_loop_test(ends, instruction_limit_is_exact, 0, 10 * ROLES);
    tcase_add_loop_test(ends, instruction_limit_is_exact_with_repetitions, 0, ROLES);
    tcase_add_loop_test(ends, timeout_ends_the_run, 0, 2 * ROLES);
    tcase_add_loop_test(ends, another_thread_stops_the_run, 0, 2 * ROLES);
    tcase_add_loop_test(ends, stop_before_the_run_runs_nothing, 0, ROLES);
    tcase_add_loop_test(ends, reset_ends_the_run_without_reboot, 0, ROLES);
    tcase_add_loop_test(ends, reset_starts_the_guest_again, 0, ROLES);
    tcase_add_loop_test(ends, crash_registers_are_a_panic, 0, ROLES);
    tcase_add_loop_test(serial, typed_bytes_come_back, 0, ROLES);
    tcase_add_loop_test(two, two_machines_do_not_disturb_each_other, 0, 2 * ROLES * ROLES);
    tcase_add_loop_test(chaos, every_port_may_be_touched, 0, ROLES);
    tcase_add_loop_test(chaos, every_msr_may_be_touched, 0, ROLES);
    tcase_add_loop_test(chaos, random_writes_end_only_the_guest, 0, ROLES);
    suite_add_tcase(suite, privileges);
    suite_add_tcase(suite, ends);
    suite_add_tcase(suite, serial);
    suite_add_tcase(suite, two);
    suite_add_tcase(suite, chaos);
    return suite;
}

CHECK_MAIN(suite_vmms())
