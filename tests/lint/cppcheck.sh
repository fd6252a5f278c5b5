#!/bin/sh
# Fail on what cppcheck calls an error, a warning or a portability problem. cppcheck.txt holds what is not one:
# tables of function pointers that it takes for integers, C11 compilers' arithmetic shifts, the frame that unwinding needs.
command -v cppcheck >/dev/null || { echo "no cppcheck"; exit 77; }
mkdir -p build/cppcheck
cppcheck -q -j 2 --cppcheck-build-dir=build/cppcheck --std=c11 --enable=warning,portability --inline-suppr -I. -D_GNU_SOURCE \
    --suppress=missingIncludeSystem --suppress=normalCheckLevelMaxBranches --suppress=toomanyconfigs --suppressions-list=tests/lint/cppcheck.txt --error-exitcode=1 \
    base cpu mmu devices partitions frontend
