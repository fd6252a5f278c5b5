/* What the decoder comparisons share: names, random bytes, shrinking, reports. */
#include "tests/check/cpu/decode/compare.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"

uint64_t random_next(uint64_t *state)
{
    uint64_t x = *state != 0 ? *state : 0x9e3779b97f4a7c15;

    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *state = x;
    return x * 0x2545f4914f6cdd1d;
}

void random_bytes(uint64_t *state, uint8_t bytes[15])
{
    static const uint8_t prefixes[] = { 0x66, 0x66, 0x67, 0xf2, 0xf3, 0xf0, 0x2e, 0x36,
                                        0x26, 0x3e, 0x64, 0x65, 0x48, 0x41, 0x44, 0x4f };
    size_t at = 0;

    for (size_t i = 0; i < 15; i++) {
        bytes[i] = (uint8_t)(random_next(state) >> 32);
    }
    while (at < 4 && random_next(state) % 3 == 0) {
        bytes[at++] = prefixes[random_next(state) % ARRAY_SIZE(prefixes)];
    }
    if (random_next(state) % 4 == 0) { /* VEX, mostly with a map that there is */
        bytes[at] = 0xc4 | (bytes[at] & 1);
        if (bytes[at] == 0xc4) {
            bytes[at + 1] = (uint8_t)((bytes[at + 1] & 0xe0) | (1 + random_next(state) % 3));
        }
        bytes[at + 1] |= random_next(state) % 8 != 0 ? 0xc0 : 0;
        return;
    }
    if (random_next(state) % 2 == 0) {
        bytes[at++] = 0x0f;
        if (random_next(state) % 4 == 0) {
            bytes[at++] = random_next(state) % 2 == 0 ? 0x38 : 0x3a;
        }
    }
}

uint64_t environment_number(const char *name, uint64_t otherwise)
{
    const char *value = getenv(name);

    return value != NULL ? strtoull(value, NULL, 0) : otherwise;
}

void insn_mnemonic(const struct insn *insn, char *text, size_t size)
{
    static const char *const skip[] = { "lock ", "rep ", "repe ", "repne " };
    char line[128];
    char *at = line;

    insn_print(insn, 0, line, sizeof(line));
    for (size_t i = 0; i < ARRAY_SIZE(skip); i++) {
        if (strncmp(at, skip[i], strlen(skip[i])) == 0) {
            at += strlen(skip[i]);
        }
    }
    size_t n = strcspn(at, " ");
    if (strncmp(at, "jmp far", 7) == 0 || strncmp(at, "call far", 8) == 0) {
        n += 4;
    }
    snprintf(text, size, "%.*s", (int)n, at);
}

/* Same instruction, other name: { theirs, ours }. */
static const char *const aliases[][2] = {
    { "jnbe", "jnbe" },
    { "ja", "jnbe" },
    { "jae", "jnb" },
    { "je", "jz" },
    { "jne", "jnz" },
    { "jg", "jnle" },
    { "jge", "jnl" },
    { "cmova", "cmovnbe" },
    { "cmovae", "cmovnb" },
    { "cmove", "cmovz" },
    { "cmovne", "cmovnz" },
    { "cmovg", "cmovnle" },
    { "cmovge", "cmovnl" },
    { "seta", "setnbe" },
    { "setae", "setnb" },
    { "sete", "setz" },
    { "setne", "setnz" },
    { "setg", "setnle" },
    { "setge", "setnl" },
    { "sal", "shl" },
    { "xlat", "xlatb" },
    { "fmul", "fmul" },
    { "fcmovnbe", "fcmovnbe" },
    { "ret far", "retf" },
    { "prefetchnta", "prefetch" },
    { "prefetcht0", "prefetch" },
    { "prefetcht1", "prefetch" },
    { "prefetcht2", "prefetch" },
    { "prefetchw", "prefetch" },
    { "prefetchwt1", "prefetch" },
    { "cldemote", "nop" },
    { "rdsspd", "nop" },
    { "rdsspq", "nop" },
    { "endbr32", "endbr" },
    { "endbr64", "endbr" },
    { "fsetpm287_nop", "fnsetpm" },
    { "feni8087_nop", "fneni" },
    { "fdisi8087_nop", "fndisi" },
    { "fsetpm", "fnsetpm" },
    { "wbnoinvd", "wbinvd" },
    { "wait", "fwait" },
    { "ljmp", "jmp far" },
    { "lcall", "call far" },
    { "loopz", "loope" },
    { "loopnz", "loopne" },
    { "movabs", "mov" },
    { "pushal", "pushad" },
    { "pushaw", "pusha" },
    { "popal", "popad" },
    { "popaw", "popa" },
    { "iretw", "iret" },
    { "retfq", "retf" },
    { "retw", "ret" },
    { "sysretq", "sysret" },
    { "sysexitq", "sysexit" },
    { "fxsave64", "fxsave" },
    { "fxrstor64", "fxrstor" },
    { "xsave64", "xsave" },
    { "xrstor64", "xrstor" },
    { "xsaveopt64", "xsaveopt" },
    { "xsavec64", "xsavec" },
    { "xsaves64", "xsaves" },
    { "xrstors64", "xrstors" },
    { "fcompi", "fcomip" },
    { "fucompi", "fucomip" },
    { "fisttp", "fisttp" },
    { "ud2b", "ud1" },
    { "salc", "salc" },
    { "int1", "int1" },
    { "icebp", "int1" },
    { "lodsq", "lodsq" },
    { "fldenv", "fldenv" },
    { "fdisi8087", "fndisi" },
    { "feni8087", "fneni" },
    { "pushfw", "pushf" },
    { "fstenv", "fnstenv" },
    { "fsave", "fnsave" },
    { "fstpnce", "fstp" },
    { "vcvttpd2dqx", "vcvttpd2dq" },
    { "vcvttpd2dqy", "vcvttpd2dq" },
    { "vcvtpd2dqx", "vcvtpd2dq" },
    { "vcvtpd2dqy", "vcvtpd2dq" },
    { "vcvtpd2psx", "vcvtpd2ps" },
    { "vcvtpd2psy", "vcvtpd2ps" },
};

const char *mnemonic_alias(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(aliases); i++) {
        if (strcmp(name, aliases[i][0]) == 0) {
            return aliases[i][1];
        }
    }
    return name;
}

/* Try to make a failing input simpler: drop leading bytes, then zero what need not be there. */
static size_t bytes_shrink(compare_fn *compare, uint8_t bytes[15], size_t available, unsigned bits)
{
    struct difference difference;
    uint8_t tried[15];

    for (size_t i = 0; i < available;) {
        memcpy(tried, bytes, available);
        memmove(tried + i, tried + i + 1, available - i - 1);
        tried[available - 1] = 0;
        compare(tried, available, bits, &difference);
        if (difference.text[0] != '\0' && memcmp(tried, bytes, available) != 0 && i < 5) {
            memcpy(bytes, tried, available);
        } else {
            i++;
        }
    }
    for (size_t i = 0; i < available; i++) {
        uint8_t kept = bytes[i];
        bytes[i] = 0;
        compare(bytes, available, bits, &difference);
        bytes[i] = difference.text[0] != '\0' ? 0 : kept;
    }
    return available;
}

void difference_report(compare_fn *compare, const uint8_t *bytes, size_t available, unsigned bits,
                       char *text, size_t size)
{
    struct difference difference;
    uint8_t small[15] = { 0 };
    char hex[15 * 3 + 1] = "";

    memcpy(small, bytes, available);
    available = bytes_shrink(compare, small, available, bits);
    compare(small, available, bits, &difference);
    for (size_t i = 0; i < available; i++) {
        snprintf(hex + 3 * i, 4, "%02x ", small[i]);
    }
    snprintf(text, size,
             "%u-bit %s: %s\n  repeat: BITS=%u BYTES='%s' make check-unit T=test_decode_bytes",
             bits, hex, difference.text, bits, hex);
}
