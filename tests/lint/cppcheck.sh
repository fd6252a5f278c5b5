#!/bin/sh
# Fail on what cppcheck calls an error, a warning or a portability problem.
command -v cppcheck >/dev/null || { echo "no cppcheck"; exit 77; }
mkdir -p build/cppcheck
cppcheck -q -j 2 --cppcheck-build-dir=build/cppcheck --std=c11 --enable=warning,portability --inline-suppr -I. -D_GNU_SOURCE \
    --suppress=missingIncludeSystem --suppress=normalCheckLevelMaxBranches --suppress=toomanyconfigs --error-exitcode=1 \
    base cpu mmu devices partitions frontend
