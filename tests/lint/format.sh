#!/bin/sh
# Fail where clang-format would change a source file.
command -v clang-format >/dev/null || { echo "no clang-format"; exit 77; }
bad=$(find base cpu mmu devices partitions frontend tests -name '*.c' | sort | xargs clang-format --dry-run 2>&1 |
    sed -n 's/^\([^:]*\):\([0-9]*\):.*Wclang-format-violations.*/\1: line \2/p' | sort -u -t: -k1,1)
[ -z "$bad" ] || { echo "$bad"; exit 1; }
