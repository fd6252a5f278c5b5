#!/bin/sh
# Fail on files above 1000 lines (tables.txt names the exceptions). With "functions": list those above 60 lines, without failing.
sources()
{
    find base cpu mmu devices partitions frontend tests -name '*.[ch]' | sort
}
if [ "$1" = functions ]; then
    sources | xargs awk '
        FNR == 1 { start = 0; name = "" }
        /^[a-z].*[(]/ && !/;$/ { name = $0; sub(/[(].*/, "", name); sub(/.*[ *]/, "", name) }
        /^{/ { start = FNR }
        /^}/ && start { if (FNR - start > 61 && name != "") { print "long: " FILENAME ": " name ": " FNR - start - 1 " lines" } start = 0 }'
    exit 0
fi
bad=$(sources | xargs awk -v allowed=tests/lint/tables.txt '
    BEGIN { while ((getline line < allowed) > 0) { sub(/[ \t].*/, "", line); ok[line] = 1 } }
    FNR == 1001 && !(FILENAME in ok) { print FILENAME ": more than 1000 lines" }')
[ -z "$bad" ] || { echo "$bad"; exit 1; }
