/* A core over 2 MiB of RAM for tests of cpu/exec: run single instructions from bytes, see what they
 * did. */
#ifndef TESTS_CHECK_CPU_EXEC_CORE_FIXTURE_H
#define TESTS_CHECK_CPU_EXEC_CORE_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/host/mutex.h"
#include "cpu/exec/core.h"
#include "mmu/bus.h"
#include "mmu/ram.h"
#include "mmu/space.h"

enum fixture_mode {
    FIXTURE_REAL,   /* 16-bit, segment bases 0, limits 64K, CPL 0 */
    FIXTURE_FLAT32, /* 32-bit protected mode, flat segments, no paging, CPL 0 */
    FIXTURE_LONG,   /* 64-bit mode, the RAM mapped one to one in 4K pages, CPL 0 */
};

enum {
    FIXTURE_RAM = 2 << 20,
    FIXTURE_CODE = 0x8000,       /* where instructions are put and RIP starts */
    FIXTURE_DATA = 0x9000,       /* free for data: up to FIXTURE_STACK */
    FIXTURE_STACK = 0xf000,      /* initial RSP */
    FIXTURE_HOLE = 0x20000,      /* FIXTURE_LONG: a page that is not present */
    FIXTURE_READ_ONLY = 0x22000, /* FIXTURE_LONG: a page that is not writable (CR0.WP is set) */
    FIXTURE_DEVICE =
        0x24000, /* FIXTURE_LONG: a page of device registers, see struct core_fixture */
    FIXTURE_TABLES = 0x1f0000, /* page tables */
    FIXTURE_DEVICE_GPA = 0x1000000,
};

struct core_fixture {
    struct ram ram;
    struct bus mmio;
    struct space space;
    struct host_mutex device_lock;
    uint8_t device[PAGE_SIZE]; /* register file behind FIXTURE_DEVICE */
    bool device_suspends;      /* the device answers SUSPEND */
    struct core core;
};

/* On the heap; the core's registers are zero but RIP, RSP, RFLAGS = 2, x87 and MXCSR as after
 * FNINIT. */
struct core_fixture *core_fixture_create(enum fixture_mode mode);
void core_fixture_destroy(struct core_fixture *fixture);

/* Put the bytes at FIXTURE_CODE, decode, choose and execute them as one instruction there.
 * UNWIND_NONE: it ended in line or set RIP itself; UNWIND_FAULT: core.fault tells, RIP is the
 * instruction's; otherwise what the instruction unwound with. RIP is architectural afterwards. */
enum core_unwind core_fixture_run(struct core_fixture *fixture, const void *bytes, size_t n);

/* As run, with the bytes in hex: "48 01 d8" (spaces are optional). */
enum core_unwind core_fixture_run_hex(struct core_fixture *fixture, const char *hex);

/* core_fixture_run_hex must end with this exception. */
bool core_fixture_faults(struct core_fixture *fixture, const char *hex, unsigned vector);

/* Guest memory as the host sees it. */
static inline uint8_t *core_fixture_at(struct core_fixture *fixture, uint64_t address)
{
    return ram_host(&fixture->ram, address);
}

uint64_t core_fixture_read(struct core_fixture *fixture, uint64_t address, unsigned size);
void core_fixture_write(struct core_fixture *fixture, uint64_t address, unsigned size,
                        uint64_t value);

#endif
