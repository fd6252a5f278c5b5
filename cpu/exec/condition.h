/* Conditions of JCC, SETCC and CMOVCC on the lazy flags. [SDM 1 B.1] */
#ifndef CPU_EXEC_CONDITION_H
#define CPU_EXEC_CONDITION_H

#include <stdbool.h>

#include "cpu/exec/flags.h"

/* X(name, code): the low four bits of the opcode. */
// clang-format off
#define CONDITIONS(X) \
    X(o, 0) X(no, 1) X(b, 2) X(ae, 3) X(e, 4) X(ne, 5) X(be, 6) X(a, 7) \
    X(s, 8) X(ns, 9) X(p, 10) X(np, 11) X(l, 12) X(ge, 13) X(le, 14) X(g, 15)
// clang-format on

static ALWAYS_INLINE bool condition_met(const struct core *core, unsigned code)
{
    bool met = false;

    switch (code >> 1 & 7) {
    case 0:
        met = flag_of(core);
        break;
    case 1:
        met = flag_cf(core);
        break;
    case 2:
        met = flag_zf(core);
        break;
    case 3:
        met = flag_cf(core) || flag_zf(core);
        break;
    case 4:
        met = flag_sf(core);
        break;
    case 5:
        met = flag_pf(core);
        break;
    case 6:
        met = flag_sf(core) != flag_of(core);
        break;
    case 7:
        met = flag_zf(core) || flag_sf(core) != flag_of(core);
        break;
    }
    return met != (bool)(code & 1);
}

#endif
