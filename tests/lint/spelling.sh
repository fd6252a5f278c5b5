#!/bin/sh
# Fail on misspelt words. Words that are right here stand in words.txt.
command -v codespell >/dev/null || { echo "no codespell"; exit 77; }
codespell -q 3 -I tests/lint/words.txt base cpu mmu devices partitions frontend tests roms docs .ci ./*.md Makefile
