/* The three-byte opcode map 0F 3A, a plane per mandatory prefix. [SDM 2D A.3 table A-5] */
#include "cpu/decode/opcode_map.h"

// clang-format off
const struct opcode_row opcode_map_0f3a[OPCODE_PLANES][256] = {
    [P66][0x08] = ROW(ROUNDPS, Vdq, Wdq, Ib, 0),
    [P66][0x09] = ROW(ROUNDPD, Vdq, Wdq, Ib, 0),
    [P66][0x0a] = ROW(ROUNDSS, Vd, Wd, Ib, 0),
    [P66][0x0b] = ROW(ROUNDSD, Vq, Wq, Ib, 0),
    [P66][0x0c] = ROW(BLENDPS, Vdq, Wdq, Ib, 0),
    [P66][0x0d] = ROW(BLENDPD, Vdq, Wdq, Ib, 0),
    [P66][0x0e] = ROW(PBLENDW, Vdq, Wdq, Ib, 0),
    [NP][0x0f] = ROW(PALIGNR, Pq, Qq, Ib, 0),
    [P66][0x0f] = ROW(PALIGNR, Vdq, Wdq, Ib, 0),
    [P66][0x14] = ROW(PEXTRB, Edb, Vdq, Ib, 0),
    [P66][0x15] = ROW(PEXTRW2, Edw, Vdq, Ib, 0),
    [P66][0x16] = ROW(PEXTRD, Ey, Vdq, Ib, F_W_NEXT),
    [P66][0x17] = ROW(EXTRACTPS, Ed, Vdq, Ib, 0),
    [P66][0x20] = ROW(PINSRB, Vdq, Edb, Ib, 0),
    [P66][0x21] = ROW(INSERTPS, Vdq, Wd, Ib, 0),
    [P66][0x22] = ROW(PINSRD, Vdq, Ey, Ib, F_W_NEXT),
    [P66][0x40] = ROW(DPPS, Vdq, Wdq, Ib, 0),
    [P66][0x41] = ROW(DPPD, Vdq, Wdq, Ib, 0),
    [P66][0x42] = ROW(MPSADBW, Vdq, Wdq, Ib, 0),
    [P66][0x44] = ROW(PCLMULQDQ, Vdq, Wdq, Ib, 0),
    [P66][0x60] = ROW(PCMPESTRM, Vdq, Wdq, Ib, 0),
    [P66][0x61] = ROW(PCMPESTRI, Vdq, Wdq, Ib, 0),
    [P66][0x62] = ROW(PCMPISTRM, Vdq, Wdq, Ib, 0),
    [P66][0x63] = ROW(PCMPISTRI, Vdq, Wdq, Ib, 0),
    [NP][0xcc] = ROW(SHA1RNDS4, Vdq, Wdq, Ib, 0),
    [P66][0xdf] = ROW(AESKEYGENASSIST, Vdq, Wdq, Ib, 0),
};
// clang-format on
