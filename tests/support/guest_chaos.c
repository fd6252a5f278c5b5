/* The chaos guest's code: an IDT whose every gate leads on to the next operation. [SDM 2; SDM
 * 3A 6.11] */
#include "tests/support/guest_chaos.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "tests/support/guest_file.h"

enum {
    CHAOS_BYTES = 4 << 20,
    CHAOS_IDT = 0x500000, /* beyond the code */
    CHAOS_STACK = 0x510000,
    CHAOS_DATA = 0x520000,
    PM1A_CONTROL = 0x604,
    GATES = 256,
};

struct chaos {
    uint8_t *bytes;
    size_t at;
    uint64_t random;
};

static uint32_t chaos_random(struct chaos *chaos)
{
    chaos->random ^= chaos->random << 13;
    chaos->random ^= chaos->random >> 7;
    chaos->random ^= chaos->random << 17;
    return (uint32_t)(chaos->random >> 16);
}

/* Small numbers, single bits and all ones as often as noise. */
static uint32_t chaos_value(struct chaos *chaos)
{
    switch (chaos_random(chaos) % 4) {
    case 0:
        return chaos_random(chaos) % 16;
    case 1:
        return 1u << chaos_random(chaos) % 32;
    case 2:
        return chaos_random(chaos) % 2 ? UINT32_MAX : 0;
    default:
        return chaos_random(chaos);
    }
}

static void emit(struct chaos *chaos, unsigned n, const uint8_t *bytes)
{
    for (unsigned i = 0; i < n; i++) {
        chaos->bytes[chaos->at++] = bytes[i];
    }
}

#define EMIT(chaos, ...)                                                                           \
    emit(chaos, sizeof((const uint8_t[]){ __VA_ARGS__ }), (const uint8_t[]){ __VA_ARGS__ })

enum { EAX, ECX, EDX, EBX, ESP, EBP, ESI, EDI };

static void emit_mov(struct chaos *chaos, unsigned reg, uint32_t value)
{
    EMIT(chaos, (uint8_t)(0xb8 + reg));
    le32_store(chaos->bytes + chaos->at, value);
    chaos->at += 4;
}

/* lidt to an IDT that the guest itself fills: every gate leads to `mov esp, STACK; sti; jmp ebp`.
 */
static void emit_start(struct chaos *chaos)
{
    enum { HANDLER = 0x10 };

    EMIT(chaos, 0xeb, 0x2e); /* jmp over the handler and the table's pointer */
    chaos->at = HANDLER;
    emit_mov(chaos, ESP, CHAOS_STACK);
    EMIT(chaos, 0xfb, 0xff, 0xe5); /* sti; jmp ebp */
    chaos->at = 0x20;
    EMIT(chaos, (GATES * 8 - 1) & 0xff, (GATES * 8 - 1) >> 8);
    le32_store(chaos->bytes + chaos->at, CHAOS_IDT);
    chaos->at = 0x30;
    emit_mov(chaos, ESP, CHAOS_STACK);
    emit_mov(chaos, EDI, CHAOS_IDT);
    emit_mov(chaos, ECX, GATES);
    EMIT(chaos, 0x66, 0x8c, 0xcb); /* mov bx, cs */
    EMIT(chaos, 0xc1, 0xe3, 16);   /* shl ebx, 16 */
    emit_mov(chaos, EAX, (GUEST_CODE + HANDLER) & 0xffff);
    EMIT(chaos, 0x09, 0xd8); /* or eax, ebx */
    emit_mov(chaos, EDX, ((GUEST_CODE + HANDLER) & 0xffff0000) | 0x8e00);
    EMIT(chaos, 0x89, 0x07);       /* mov [edi], eax */
    EMIT(chaos, 0x89, 0x57, 0x04); /* mov [edi+4], edx */
    EMIT(chaos, 0x83, 0xc7, 0x08); /* add edi, 8 */
    EMIT(chaos, 0xe2, 0xf6);       /* loop */
    EMIT(chaos, 0x0f, 0x01, 0x1d); /* lidt [pointer] */
    le32_store(chaos->bytes + chaos->at, GUEST_CODE + 0x20);
    chaos->at += 4;
    /* A guest OS id, so that hypercalls are looked at. #GP where there is none: on to the next. */
    emit_mov(chaos, EBP, (uint32_t)(GUEST_CODE + chaos->at + 22));
    emit_mov(chaos, ECX, 0x40000000);
    emit_mov(chaos, EAX, 1);
    emit_mov(chaos, EDX, 1);
    EMIT(chaos, 0x0f, 0x30);
}

/* ebp := the operation behind this one, whose length is n. */
static void emit_resume(struct chaos *chaos, unsigned n)
{
    emit_mov(chaos, EBP, (uint32_t)(GUEST_CODE + chaos->at + 5 + n));
}

static void emit_msr(struct chaos *chaos, uint32_t msr, bool write)
{
    emit_resume(chaos, 17);
    emit_mov(chaos, ECX, msr);
    emit_mov(chaos, EAX, chaos_value(chaos));
    emit_mov(chaos, EDX, chaos_value(chaos));
    EMIT(chaos, 0x0f, write ? 0x30 : 0x32);
}

static void emit_port(struct chaos *chaos, uint16_t port)
{
    static const uint8_t forms[6][2] = { { 0xee, 0x90 }, { 0xef, 0x90 }, { 0x66, 0xef },
                                         { 0xec, 0x90 }, { 0xed, 0x90 }, { 0x66, 0xed } };

    emit_resume(chaos, 12);
    emit_mov(chaos, EDX, port);
    emit_mov(chaos, EAX, chaos_value(chaos));
    emit(chaos, 2, forms[chaos_random(chaos) % 6]);
}

static void emit_memory(struct chaos *chaos)
{
    /* The I/O APIC, the local APIC, and what nothing answers. */
    static const uint32_t bases[] = { 0xfec00000, 0xfee00000, 0xfed00000, 0xd0000000 };
    static const uint8_t forms[4][2] = {
        { 0x89, 0x03 }, { 0x8b, 0x03 }, { 0x88, 0x03 }, { 0x87, 0x03 }
    };
    uint32_t offset = chaos_random(chaos);
    offset &= chaos_random(chaos) % 2 ? 0xff0 : 0xfff;

    emit_resume(chaos, 12);
    emit_mov(chaos, EBX, bases[chaos_random(chaos) % 4] + offset);
    emit_mov(chaos, EAX, chaos_value(chaos));
    emit(chaos, 2, forms[chaos_random(chaos) % 4]);
}

/* [TLFS hypercall-interface] 32-bit: control EDX:EAX, input EBX:ECX, output EDI:ESI. */
static void emit_hypercall(struct chaos *chaos)
{
    uint32_t code = chaos_random(chaos) % 0x110;
    uint32_t fast = (chaos_random(chaos) % 2) << 16;
    uint32_t reps = chaos_random(chaos) % 4 == 0 ? chaos_random(chaos) & 0xfff0fff : 0;

    emit_resume(chaos, 33);
    emit_mov(chaos, EAX, code | fast);
    emit_mov(chaos, EDX, reps);
    emit_mov(chaos, EBX, chaos_random(chaos) % 4 == 0 ? chaos_value(chaos) : 0);
    emit_mov(chaos, ECX, fast != 0 ? chaos_value(chaos) : CHAOS_DATA + (chaos_value(chaos) & ~7u));
    emit_mov(chaos, EDI, 0);
    emit_mov(chaos, ESI, CHAOS_DATA + (chaos_value(chaos) & 0xff8));
    EMIT(chaos, 0x0f, 0x01, (uint8_t)(chaos_random(chaos) % 8 ? 0xc1 : 0xd9));
}

/* Where MSRs are: architectural, MTRRs, VMX, x2APIC, synthetic, AMD's, and anything. */
static const struct {
    uint32_t first, n;
} ranges[] = {
    { 0x0, 0x500 },       { 0x600, 0x100 },      { 0x800, 0x100 },
    { 0xc00, 0x100 },     { 0x40000000, 0x120 }, { 0x4ffffff0, 0x10 },
    { 0xc0000080, 0x90 }, { 0xc0010000, 0x120 }, { 0xfffffff0, 0x10 },
};
enum { RANGES = sizeof(ranges) / sizeof(ranges[0]) };

static uint32_t chaos_msr(struct chaos *chaos)
{
    unsigned i = chaos_random(chaos) % (RANGES + 1);

    return i == RANGES ? chaos_random(chaos) : ranges[i].first + chaos_random(chaos) % ranges[i].n;
}

static void emit_sweep_msrs(struct chaos *chaos)
{
    enum { MSR_RESET = 0x40000003, MSR_GUEST_IDLE = 0x400000f0 };

    for (unsigned i = 0; i < RANGES; i++) {
        for (uint32_t n = 0; n < ranges[i].n; n++) {
            uint32_t msr = ranges[i].first + n;
            if (msr != MSR_GUEST_IDLE) {
                emit_msr(chaos, msr, false);
            }
            /* A local APIC that gets INIT from itself waits for ever. */
            if (msr != MSR_RESET && (msr & ~0xffu) != 0x800 && msr != 0x40000071 &&
                msr != 0x40000105) {
                emit_msr(chaos, msr, true);
            }
        }
    }
}

static bool port_ends_the_run(unsigned port)
{
    /* With the access before them that is wider: reset, PM1a control, port A, keyboard controller.
     */
    return (port >= 0xcf9 - 3 && port <= 0xcf9) || (port >= PM1A_CONTROL - 3 && port <= 0x605) ||
           (port >= 0x92 - 3 && port <= 0x92) || (port >= 0x60 - 3 && port <= 0x64);
}

/* Each draw is a statement of its own: the same guest from every compiler. */
static void emit_random(struct chaos *chaos)
{
    uint32_t first, second;

    switch (chaos_random(chaos) % 8) {
    case 0:
    case 1:
        first = chaos_random(chaos);
        second = chaos_random(chaos);
        emit_port(chaos, (uint16_t)(first >> (second % 2 ? 16 : 21)));
        break;
    case 2:
        emit_memory(chaos);
        break;
    case 3:
    case 4:
        emit_hypercall(chaos);
        break;
    default:
        first = chaos_random(chaos);
        second = chaos_msr(chaos);
        emit_msr(chaos, second, first % 4 != 0);
        break;
    }
}

uint8_t *guest_chaos(enum chaos_kind kind, unsigned n, uint64_t seed, size_t *size)
{
    struct chaos chaos = { calloc(1, CHAOS_BYTES), 0,
                           (seed + 1) * UINT64_C(0x9e3779b97f4a7c15) | 1 };

    if (chaos.bytes == NULL) {
        abort();
    }
    emit_start(&chaos);
    if (kind == CHAOS_PORTS) {
        for (unsigned port = 0; port < 0x10000; port++) {
            if (!port_ends_the_run(port)) {
                emit_port(&chaos, (uint16_t)port);
            }
        }
    } else if (kind == CHAOS_MSRS) {
        emit_sweep_msrs(&chaos);
    }
    for (unsigned i = 0; kind == CHAOS_RANDOM && i < n && chaos.at < CHAOS_BYTES - 128; i++) {
        emit_random(&chaos);
    }
    emit_mov(&chaos, EDX, PM1A_CONTROL);
    emit_mov(&chaos, EAX, 5 << 10 | 1 << 13);
    EMIT(&chaos, 0x66, 0xef, 0xfa, 0xf4, 0xeb, 0xfd); /* out dx, ax; cli; hlt; jmp */
    *size = chaos.at;
    return chaos.bytes;
}
