#!/bin/sh
# Fail where a room outside frontend/ prints: printf, puts, perror and the like. (snprintf makes text, it prints nothing.)
bad=$(grep -nE '(^|[^a-z_])(f?printf|v?dprintf|puts|putchar|perror)[[:space:]]*\(' -r base cpu mmu devices partitions --include='*.[ch]' |
    grep -vE ':[[:space:]]*(/?\*|//)')
[ -z "$bad" ] || { echo "$bad"; exit 1; }
