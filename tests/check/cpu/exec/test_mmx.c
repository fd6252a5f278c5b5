/* cpu/exec: MMX and integer SSE instructions against the host CPU. */
#include <check.h>

#include "tests/check/check_main.h"
#include "tests/check/cpu/exec/native.h"
#include "tests/check/cpu/exec/vector_compare.h"

// clang-format off
/* Operations with an MMX form (no prefix) and an XMM form (66) of the same opcode. */
#define BOTH(name, map, opcode) \
    { name " mmx", 0,    map, opcode, -1, VR_ANY }, \
    { name " xmm", 0x66, map, opcode, -1, VR_ANY }
#define XMM(name, map, opcode) { name, 0x66, map, opcode, -1, VR_ANY }
#define SHIFT(name, opcode, group) \
    { name " mmx", 0,    0x0f, opcode, group, VR_REG | VR_IMM }, \
    { name " xmm", 0x66, 0x0f, opcode, group, VR_REG | VR_IMM }

static const struct vector_test_row rows[] = { /* [SDM 2] */
    BOTH("punpcklbw", 0x0f, 0x60), BOTH("punpcklwd", 0x0f, 0x61), BOTH("punpckldq", 0x0f, 0x62),
    BOTH("packsswb", 0x0f, 0x63), BOTH("pcmpgtb", 0x0f, 0x64), BOTH("pcmpgtw", 0x0f, 0x65),
    BOTH("pcmpgtd", 0x0f, 0x66), BOTH("packuswb", 0x0f, 0x67), BOTH("punpckhbw", 0x0f, 0x68),
    BOTH("punpckhwd", 0x0f, 0x69), BOTH("punpckhdq", 0x0f, 0x6a), BOTH("packssdw", 0x0f, 0x6b),
    XMM("punpcklqdq", 0x0f, 0x6c), XMM("punpckhqdq", 0x0f, 0x6d),
    { "movd to mmx", 0, 0x0f, 0x6e, -1, VR_ANY | VR_GPR | VR_W },
    { "movd to xmm", 0x66, 0x0f, 0x6e, -1, VR_ANY | VR_GPR | VR_W },
    { "movd from mmx", 0, 0x0f, 0x7e, -1, VR_ANY | VR_GPR | VR_W },
    { "movd from xmm", 0x66, 0x0f, 0x7e, -1, VR_ANY | VR_GPR | VR_W },
    { "movq load mmx", 0, 0x0f, 0x6f, -1, VR_ANY },
    { "movq store mmx", 0, 0x0f, 0x7f, -1, VR_ANY },
    { "movq load xmm", 0xf3, 0x0f, 0x7e, -1, VR_ANY },
    { "movq store xmm", 0x66, 0x0f, 0xd6, -1, VR_ANY },
    { "movdqa load", 0x66, 0x0f, 0x6f, -1, VR_ANY },
    { "movdqa store", 0x66, 0x0f, 0x7f, -1, VR_ANY },
    { "movdqu load", 0xf3, 0x0f, 0x6f, -1, VR_ANY },
    { "movdqu store", 0xf3, 0x0f, 0x7f, -1, VR_ANY },
    { "lddqu", 0xf2, 0x0f, 0xf0, -1, VR_MEM },
    { "movntq", 0, 0x0f, 0xe7, -1, VR_MEM },
    { "movntdq", 0x66, 0x0f, 0xe7, -1, VR_MEM },
    { "movntdqa", 0x66, 0x38, 0x2a, -1, VR_MEM },
    { "movq2dq", 0xf3, 0x0f, 0xd6, -1, VR_REG },
    { "movdq2q", 0xf2, 0x0f, 0xd6, -1, VR_REG },
    { "emms", 0, 0x0f, 0x77, 0, 0 },
    { "pshufw", 0, 0x0f, 0x70, -1, VR_ANY | VR_IMM },
    { "pshufd", 0x66, 0x0f, 0x70, -1, VR_ANY | VR_IMM },
    { "pshufhw", 0xf3, 0x0f, 0x70, -1, VR_ANY | VR_IMM },
    { "pshuflw", 0xf2, 0x0f, 0x70, -1, VR_ANY | VR_IMM },
    SHIFT("psrlw i", 0x71, 2), SHIFT("psraw i", 0x71, 4), SHIFT("psllw i", 0x71, 6),
    SHIFT("psrld i", 0x72, 2), SHIFT("psrad i", 0x72, 4), SHIFT("pslld i", 0x72, 6),
    SHIFT("psrlq i", 0x73, 2), SHIFT("psllq i", 0x73, 6),
    { "psrldq", 0x66, 0x0f, 0x73, 3, VR_REG | VR_IMM },
    { "pslldq", 0x66, 0x0f, 0x73, 7, VR_REG | VR_IMM },
    BOTH("pcmpeqb", 0x0f, 0x74), BOTH("pcmpeqw", 0x0f, 0x75), BOTH("pcmpeqd", 0x0f, 0x76),
    { "pinsrw mmx", 0, 0x0f, 0xc4, -1, VR_ANY | VR_IMM | VR_GPR },
    { "pinsrw xmm", 0x66, 0x0f, 0xc4, -1, VR_ANY | VR_IMM | VR_GPR },
    { "pextrw mmx", 0, 0x0f, 0xc5, -1, VR_REG | VR_IMM | VR_GPR },
    { "pextrw xmm", 0x66, 0x0f, 0xc5, -1, VR_REG | VR_IMM | VR_GPR },
    BOTH("psrlw", 0x0f, 0xd1), BOTH("psrld", 0x0f, 0xd2), BOTH("psrlq", 0x0f, 0xd3), BOTH("paddq", 0x0f, 0xd4),
    BOTH("pmullw", 0x0f, 0xd5), BOTH("psubusb", 0x0f, 0xd8), BOTH("psubusw", 0x0f, 0xd9),
    { "pmovmskb mmx", 0, 0x0f, 0xd7, -1, VR_REG | VR_GPR },
    { "pmovmskb xmm", 0x66, 0x0f, 0xd7, -1, VR_REG | VR_GPR },
    BOTH("pminub", 0x0f, 0xda), BOTH("pand", 0x0f, 0xdb), BOTH("paddusb", 0x0f, 0xdc), BOTH("paddusw", 0x0f, 0xdd),
    BOTH("pmaxub", 0x0f, 0xde), BOTH("pandn", 0x0f, 0xdf), BOTH("pavgb", 0x0f, 0xe0), BOTH("psraw", 0x0f, 0xe1),
    BOTH("psrad", 0x0f, 0xe2), BOTH("pavgw", 0x0f, 0xe3), BOTH("pmulhuw", 0x0f, 0xe4), BOTH("pmulhw", 0x0f, 0xe5),
    BOTH("psubsb", 0x0f, 0xe8), BOTH("psubsw", 0x0f, 0xe9), BOTH("pminsw", 0x0f, 0xea), BOTH("por", 0x0f, 0xeb),
    BOTH("paddsb", 0x0f, 0xec), BOTH("paddsw", 0x0f, 0xed), BOTH("pmaxsw", 0x0f, 0xee), BOTH("pxor", 0x0f, 0xef),
    BOTH("psllw", 0x0f, 0xf1), BOTH("pslld", 0x0f, 0xf2), BOTH("psllq", 0x0f, 0xf3), BOTH("pmuludq", 0x0f, 0xf4),
    BOTH("pmaddwd", 0x0f, 0xf5), BOTH("psadbw", 0x0f, 0xf6),
    { "maskmovq", 0, 0x0f, 0xf7, -1, VR_REG | VR_RDI },
    { "maskmovdqu", 0x66, 0x0f, 0xf7, -1, VR_REG | VR_RDI },
    BOTH("psubb", 0x0f, 0xf8), BOTH("psubw", 0x0f, 0xf9), BOTH("psubd", 0x0f, 0xfa), BOTH("psubq", 0x0f, 0xfb),
    BOTH("paddb", 0x0f, 0xfc), BOTH("paddw", 0x0f, 0xfd), BOTH("paddd", 0x0f, 0xfe),
    /* SSSE3 */
    BOTH("pshufb", 0x38, 0x00), BOTH("phaddw", 0x38, 0x01), BOTH("phaddd", 0x38, 0x02), BOTH("phaddsw", 0x38, 0x03),
    BOTH("pmaddubsw", 0x38, 0x04), BOTH("phsubw", 0x38, 0x05), BOTH("phsubd", 0x38, 0x06),
    BOTH("phsubsw", 0x38, 0x07), BOTH("psignb", 0x38, 0x08), BOTH("psignw", 0x38, 0x09), BOTH("psignd", 0x38, 0x0a),
    BOTH("pmulhrsw", 0x38, 0x0b), BOTH("pabsb", 0x38, 0x1c), BOTH("pabsw", 0x38, 0x1d), BOTH("pabsd", 0x38, 0x1e),
    { "palignr mmx", 0, 0x3a, 0x0f, -1, VR_ANY | VR_IMM },
    { "palignr xmm", 0x66, 0x3a, 0x0f, -1, VR_ANY | VR_IMM },
    /* SSE4.1 */
    XMM("pblendvb", 0x38, 0x10), XMM("ptest", 0x38, 0x17),
    XMM("pmovsxbw", 0x38, 0x20), XMM("pmovsxbd", 0x38, 0x21), XMM("pmovsxbq", 0x38, 0x22),
    XMM("pmovsxwd", 0x38, 0x23), XMM("pmovsxwq", 0x38, 0x24), XMM("pmovsxdq", 0x38, 0x25),
    XMM("pmuldq", 0x38, 0x28), XMM("pcmpeqq", 0x38, 0x29), XMM("packusdw", 0x38, 0x2b),
    XMM("pmovzxbw", 0x38, 0x30), XMM("pmovzxbd", 0x38, 0x31), XMM("pmovzxbq", 0x38, 0x32),
    XMM("pmovzxwd", 0x38, 0x33), XMM("pmovzxwq", 0x38, 0x34), XMM("pmovzxdq", 0x38, 0x35),
    XMM("pcmpgtq", 0x38, 0x37), XMM("pminsb", 0x38, 0x38), XMM("pminsd", 0x38, 0x39), XMM("pminuw", 0x38, 0x3a),
    XMM("pminud", 0x38, 0x3b), XMM("pmaxsb", 0x38, 0x3c), XMM("pmaxsd", 0x38, 0x3d), XMM("pmaxuw", 0x38, 0x3e),
    XMM("pmaxud", 0x38, 0x3f), XMM("pmulld", 0x38, 0x40), XMM("phminposuw", 0x38, 0x41),
    { "pblendw", 0x66, 0x3a, 0x0e, -1, VR_ANY | VR_IMM },
    { "pextrb", 0x66, 0x3a, 0x14, -1, VR_ANY | VR_IMM | VR_GPR },
    { "pextrw store", 0x66, 0x3a, 0x15, -1, VR_ANY | VR_IMM | VR_GPR },
    { "pextrd, pextrq", 0x66, 0x3a, 0x16, -1, VR_ANY | VR_IMM | VR_GPR | VR_W },
    { "pinsrb", 0x66, 0x3a, 0x20, -1, VR_ANY | VR_IMM | VR_GPR },
    { "pinsrd, pinsrq", 0x66, 0x3a, 0x22, -1, VR_ANY | VR_IMM | VR_GPR | VR_W },
    { "mpsadbw", 0x66, 0x3a, 0x42, -1, VR_ANY | VR_IMM },
    /* SSE4.2 */
    { "pcmpestrm", 0x66, 0x3a, 0x60, -1, VR_ANY | VR_IMM | VR_W },
    { "pcmpestri", 0x66, 0x3a, 0x61, -1, VR_ANY | VR_IMM | VR_W },
    { "pcmpistrm", 0x66, 0x3a, 0x62, -1, VR_ANY | VR_IMM },
    { "pcmpistri", 0x66, 0x3a, 0x63, -1, VR_ANY | VR_IMM },
};
// clang-format on

enum { N_ROWS = sizeof(rows) / sizeof(rows[0]) };

START_TEST(does_what_the_host_does)
{
    vector_compare_row(&rows[_i], native_cases(1500));
}
END_TEST

static Suite *suite_mmx(void)
{
    Suite *suite = suite_create("cpu/exec/mmx");
    TCase *host = tcase_create("host");

    tcase_add_loop_test(host, does_what_the_host_does, 0, N_ROWS);
    suite_add_tcase(suite, host);
    return suite;
}

CHECK_MAIN(suite_mmx())
