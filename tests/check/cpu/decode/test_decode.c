/* Instructions chosen for what is special about them; text as the printer has it. [SDM 2] */
#include "cpu/decode/insn.h"

#include <string.h>

#include "base/compiler.h"
#include "tests/check/check_main.h"

struct row {
    unsigned bits;
    const char *bytes;
    size_t n;
    const char *text;
};

#define B(bits, bytes, text)                                                                       \
    {                                                                                              \
        bits, bytes, sizeof(bytes) - 1, text                                                       \
    }

// clang-format off
static const struct row rows[] = {
    B(64, "\x90", "nop"),
    B(64, "\xf3\x90", "pause"),
    B(64, "\x41\x90", "xchg r8d, eax"),
    B(64, "\x48\x90", "nop"),
    B(64, "\xf0\x90", "(bad)"),                       /* LOCK without memory */
    B(64, "\xf0\x01\x08", "lock add dword [rax], ecx"),
    B(64, "\xf0\x01\xc8", "(bad)"),
    B(64, "\xf0\x03\x08", "(bad)"),                   /* destination is no memory */
    B(64, "\xf0\x0f\xa3\x08", "(bad)"),               /* BT writes nothing */
    B(64, "\xf0\x48\x0f\xc7\x08", "lock cmpxchg16b oword [rax]"),
    B(64, "\x48\x66\x01\xc8", "add ax, cx"),          /* a prefix after REX makes it void */
    B(64, "\x66\x48\x01\xc8", "add rax, rcx"),        /* REX.W beats 66 */
    B(64, "\x67\x8b\x05\x10\x00\x00\x00", "mov eax, dword [0x1017]"),
    B(64, "\x8b\x04\x25\x10\x00\x00\x00", "mov eax, dword [0x10]"),
    B(64, "\x42\x8b\x04\x20", "mov eax, dword [rax+r12]"),
    B(64, "\x41\x8b\x45\x00", "mov eax, dword [r13]"),
    B(64, "\x41\x8b\x04\x24", "mov eax, dword [r12]"),
    B(64, "\x2e\x8b\x00", "mov eax, dword [rax]"),    /* CS override is ignored */
    B(64, "\x65\x2e\x8b\x00", "mov eax, dword gs:[rax]"),
    B(64, "\x63\xc8", "movsxd ecx, eax"),
    B(32, "\x63\xc8", "arpl ax, cx"),
    B(64, "\xc4\xe2\x71\x00\xc2", "vpshufb xmm0, xmm1, xmm2"),
    B(32, "\xc5\xf0\x58\xc2", "vaddps xmm0, xmm1, xmm2"),
    B(64, "\x66\xc5\xf0\x58\xc2", "(bad)"), /* 66 before VEX */
    B(64, "\xf3\xc5\xf0\x58\xc2", "(bad)"),
    B(64, "\xf0\xc5\xf0\x58\xc2", "(bad)"),
    B(64, "\x48\xc5\xf0\x58\xc2", "(bad)"),
    B(64, "\xc5\x14\x58\x40\x10", "vaddps ymm8, ymm13, yword [rax+0x10]"),
    B(64, "\xc5\xf8\x77", "vzeroupper"),
    B(64, "\xc5\xfc\x77", "vzeroall"),
    B(64, "\xc5\xf0\x77", "(bad)"),          /* VEX.vvvv unused */
    B(64, "\xc5\xf8\x51\xc1", "vsqrtps xmm0, xmm1"),
    B(64, "\xc5\xf0\x51\xc1", "(bad)"),
    B(64, "\xc4\xe3\x75\x4a\xc2\x30", "vblendvps ymm0, ymm1, ymm2, ymm3"),
    B(64, "\xc4\xe3\xf5\x4a\xc2\x30", "(bad)"), /* VEX.W 1 */
    B(64, "\xc4\xe2\x69\x92\x04\x88", "vgatherdps xmm0, dword [rax+xmm1*4], xmm2"),
    B(64, "\xc4\xe2\xed\x92\x04\x88", "vgatherdpd ymm0, qword [rax+xmm1*4], ymm2"),
    B(64, "\xc4\xe2\x6d\x93\x04\x88", "vgatherqps xmm0, dword [rax+ymm1*4], xmm2"),
    B(64, "\xc4\xe2\x79\x92\x04\x88", "(bad)"), /* mask and destination are one */
    B(64, "\xc4\xe2\x69\x92\x00", "(bad)"),     /* no SIB */
    B(64, "\xc4\xe2\xf1\xb8\xc2", "vfmadd231pd xmm0, xmm1, xmm2"),
    B(32, "\xc4\xe2\xf1\xb8\xc2", "vfmadd231pd xmm0, xmm1, xmm2"),
    B(64, "\xc4\xe2\xf0\xf2\xc2", "andn rax, rcx, rdx"),
    B(32, "\xc4\xe2\xf0\xf2\xc2", "andn eax, ecx, edx"), /* VEX.W of general registers */
    B(64, "\xc4\xe1\xf9\x6e\xc0", "vmovq xmm0, rax"),
    B(32, "\xc4\xe1\xf9\x6e\xc0", "vmovd xmm0, eax"),
    B(64, "\xc5\xfd\x6e\xc0", "(bad)"), /* VEX.L 1 */
    B(64, "\xc5\xf2\xc2\xc2\x1f", "vcmpss xmm0, xmm1, xmm2, 0x1f"),
    B(64, "\xc4\xe4\x71\x00\xc2", "(bad)"), /* no such map */
    B(16, "\xc5\xf0\x58\xc2", "vaddps xmm0, xmm1, xmm2"),
    B(32, "\xc5\x30", "lds esi, fword [eax]"),
    B(32, "\x62\x00", "bound eax, qword [eax]"),
    B(64, "\x62\x00", "(bad)"),
    B(64, "\x82\xc0\x01", "(bad)"),
    B(32, "\x82\xc0\x01", "add al, 0x1"),
    B(64, "\x83\xc0\xff", "add eax, 0xffffffff"),
    B(64, "\x48\x05\xff\xff\xff\xff", "add rax, 0xffffffffffffffff"),
    B(64, "\x48\xb8\x88\x77\x66\x55\x44\x33\x22\x11", "mov rax, 0x1122334455667788"),
    B(64, "\xa1\x88\x77\x66\x55\x44\x33\x22\x11", "mov eax, dword [0x1122334455667788]"),
    B(64, "\x67\xa1\x88\x77\x66\x55", "mov eax, dword [0x55667788]"),
    B(64, "\x6a\xff", "push 0xffffffffffffffff"),
    B(64, "\x66\x6a\xff", "push 0xffff"),
    B(64, "\x50", "push rax"),
    B(64, "\x66\x50", "push ax"),
    B(64, "\x66\xe8\x00\x00\x00\x00", "call 0x1006"), /* 66 is ignored on near branches */
    B(32, "\x66\xe8\x00\x00", "call 0x1004"),
    B(64, "\x75\xfe", "jnz 0x1000"),
    B(64, "\xe3\x00", "jrcxz 0x1002"),
    B(64, "\x67\xe3\x00", "jecxz 0x1003"),
    B(64, "\xd1\xe0", "shl eax, 0x1"),
    B(64, "\xd3\xf0", "shl eax, cl"),                 /* /6 is SHL too */
    B(64, "\xc1\xe8\x1f", "shr eax, 0x1f"),
    B(64, "\x88\xe0", "mov al, ah"),
    B(64, "\x40\x88\xe0", "mov al, spl"),
    B(64, "\x0f\x20\xc0", "mov rax, cr0"),
    B(64, "\x0f\x20\x00", "mov rax, cr0"),            /* mod is ignored */
    B(64, "\x44\x0f\x20\xc0", "mov rax, cr8"),
    B(64, "\x0f\x20\xc8", "(bad)"),
    B(64, "\x44\x0f\x21\xc0", "(bad)"),
    B(64, "\x8e\xc8", "(bad)"),                       /* MOV CS */
    B(64, "\x8c\xc8", "mov eax, cs"),
    B(64, "\x8c\x08", "mov word [rax], cs"),
    B(64, "\xff\x28", "jmp far fword [rax]"),
    B(64, "\xff\xe8", "(bad)"),
    B(32, "\xea\x44\x33\x22\x11\x66\x55", "jmp far 0x5566:0x11223344"),
    B(64, "\xc8\x10\x00\x03", "enter 0x10, 0x3"),
    B(64, "\x8f\xc0", "pop rax"),
    B(64, "\x8f\xc8", "(bad)"),                       /* XOP */
    B(64, "\xf3\x48\xa5", "rep movsq"),
    B(64, "\xf2\xa6", "repne cmpsb"),
    B(64, "\xe5\x10", "in eax, 0x10"),
    B(64, "\x48\xef", "out dx, eax"),
    B(64, "\xf3\x0f\x1e\xfa", "endbr"),
    B(64, "\x0f\x1e\xfa", "nop edx"),
    B(64, "\x66\x0f\x1f\x44\x00\x00", "nop word [rax+rax]"),
    B(64, "\xf3\x0f\xb8\xc1", "popcnt eax, ecx"),
    B(64, "\x0f\xb8\xc1", "(bad)"),
    B(64, "\xf3\x0f\xbc\xc1", "tzcnt eax, ecx"),
    B(64, "\xf2\x0f\xbc\xc1", "bsf eax, ecx"),
    B(64, "\xf2\x0f\x38\xf1\xc1", "crc32 eax, ecx"),
    B(64, "\x66\xf2\x48\x0f\x38\xf0\xc1", "crc32 rax, cl"),
    B(64, "\x0f\x38\xf0\x00", "movbe eax, dword [rax]"),
    B(64, "\xd9\xc9", "fxch st1"),
    B(64, "\xdc\xe1", "fsubr st1, st0"),
    B(64, "\xd8\xe1", "fsub st0, st1"),
    B(64, "\xdf\xe0", "fnstsw ax"),
    B(64, "\xda\xc1", "fcmovb st0, st1"),
    B(64, "\xdb\xd9", "fcmovnu st0, st1"),
    B(64, "\xdb\x28", "fld tword [rax]"),
    B(64, "\x0f\x6e\xc8", "movd mm1, eax"),
    B(64, "\x66\x48\x0f\x6e\xc8", "movq xmm1, rax"),
    B(64, "\x0f\x12\xc8", "movhlps xmm1, xmm0"),
    B(64, "\x0f\x12\x08", "movlps xmm1, qword [rax]"),
    B(64, "\xf2\x0f\x58\x08", "addsd xmm1, qword [rax]"),
    B(64, "\x66\xf3\x0f\x58\x08", "addss xmm1, dword [rax]"),
    B(64, "\xf3\x66\x0f\x58\x08", "addss xmm1, dword [rax]"),
    B(64, "\x66\x48\x0f\x3a\x16\xc8\x02", "pextrq rax, xmm1, 0x2"),
    B(64, "\x66\x0f\x73\xd9\x04", "psrldq xmm1, 0x4"),
    B(64, "\x0f\x73\xd9\x04", "(bad)"),
    B(64, "\x66\x0f\x38\xdc\xc8", "aesenc xmm1, xmm0"),
    B(64, "\x0f\x01\xc1", "vmcall"),
    B(64, "\x0f\x01\xd9", "vmmcall"),
    B(64, "\x0f\x01\xf8", "swapgs"),
    B(32, "\x0f\x01\xf8", "(bad)"),
    B(64, "\x0f\x01\xca", "clac"),
    B(64, "\x66\x0f\x01\xca", "(bad)"),
    B(64, "\xf3\x0f\xae\xc0", "rdfsbase eax"),
    B(32, "\xf3\x0f\xae\xc0", "(bad)"),
    B(64, "\xf3\x0f\xc7\xf8", "rdpid rax"),
    B(64, "\x0f\xc7\xf0", "rdrand eax"),
    B(64, "\x0f\xff\xc0", "ud0 eax, eax"),
    B(16, "\x8b\x47\x10", "mov ax, word [bx+0x10]"),
    B(16, "\x8b\x06\x34\x12", "mov ax, word [0x1234]"),
    B(16, "\x8b\x46\xfe", "mov ax, word [bp-0x2]"),
    B(16, "\x66\x67\x8b\x04\x24", "mov eax, dword [esp]"),
    B(16, "\x26\x8b\x00", "mov ax, word es:[bx+si]"),
    B(16, "\x9a\x34\x12\x78\x56", "call far 0x5678:0x1234"),
    B(16, "\xd4\x0a", "aam 0xa"),
    B(16, "\xf1", "int1"),
    B(16, "\xd6", "salc"),
};
// clang-format on

START_TEST(row_has_its_text_and_length)
{
    const struct row *row = &rows[_i];
    struct decode_mode mode = { (uint8_t)row->bits, true };
    struct insn insn;
    char text[80];

    ck_assert_int_eq(decode_insn((const uint8_t *)row->bytes, row->n, mode, &insn), DECODE_OK);
    insn_print(&insn, 0x1000, text, sizeof(text));
    ck_assert_str_eq(text, row->text);
    if (insn.op != OP_UD) {
        ck_assert_uint_eq(insn.length, row->n);
    }
}
END_TEST

START_TEST(segment_checks_are_asked_for_only_where_needed)
{
    struct insn insn;
    static const uint8_t ds[] = { 0x8b, 0x00 }, fs[] = { 0x64, 0x8b, 0x00 },
                         bp[] = { 0x8b, 0x45, 0x00 };

    decode_insn(ds, sizeof(ds), (struct decode_mode){ 32, true }, &insn);
    ck_assert_uint_eq(insn.flags, 0);
    decode_insn(ds, sizeof(ds), (struct decode_mode){ 32, false }, &insn);
    ck_assert_uint_eq(insn.flags, INSN_SEGMENTED);
    decode_insn(fs, sizeof(fs), (struct decode_mode){ 32, true }, &insn);
    ck_assert_uint_eq(insn.flags, INSN_SEGMENTED);
    decode_insn(fs, sizeof(fs), (struct decode_mode){ 64, true }, &insn);
    ck_assert_uint_eq(insn.flags, 0);
    ck_assert_uint_eq(insn.segment, SEG_FS);
    decode_insn(bp, sizeof(bp), (struct decode_mode){ 64, true }, &insn);
    ck_assert_uint_eq(insn.flags, INSN_STACK_SEGMENT);
    ck_assert_uint_eq(insn.segment, SEG_SS);
}
END_TEST

START_TEST(sixteen_bytes_are_too_long)
{
    uint8_t bytes[15];
    struct insn insn;

    memset(bytes, 0x66, sizeof(bytes));
    ck_assert_int_eq(decode_insn(bytes, 15, (struct decode_mode){ 64, true }, &insn),
                     DECODE_TOO_LONG);
    bytes[14] = 0x90;
    ck_assert_int_eq(decode_insn(bytes, 15, (struct decode_mode){ 64, true }, &insn), DECODE_OK);
    ck_assert_uint_eq(insn.length, 15);
    bytes[14] = 0x05;
    ck_assert_int_eq(decode_insn(bytes, 15, (struct decode_mode){ 64, true }, &insn),
                     DECODE_TOO_LONG);
    ck_assert_int_eq(decode_insn(bytes, 14, (struct decode_mode){ 64, true }, &insn),
                     DECODE_TRUNCATED);
}
END_TEST

static Suite *suite_decode(void)
{
    Suite *suite = suite_create("cpu/decode");
    TCase *tcase = tcase_create("rows");

    tcase_add_loop_test(tcase, row_has_its_text_and_length, 0, ARRAY_SIZE(rows));
    tcase_add_test(tcase, segment_checks_are_asked_for_only_where_needed);
    tcase_add_test(tcase, sixteen_bytes_are_too_long);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(suite_decode())
