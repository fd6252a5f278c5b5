#!/bin/sh
# Build without each library named, and see that a guest runs, to the same hash, and that nothing links the library.
# Usage: check-without.sh VERDITE LIBRARY...
verdite=$1
shift
passed=0 failed=0
hash_of() # verdite
{
    "$1" run --kernel build/roms/tour-1.elf --memory 64M --net none --clock virtual --no-reboot --serial none </dev/null 2>&1 | sed -n 's/^trace hash: //p'
}
wanted=$(hash_of "$verdite")
for WITHOUT in "$@"; do
    export WITHOUT
    out=build/without-$WITHOUT why=
    mkdir -p "$out"
    ${MAKE:-make} --no-print-directory OUT="$out" PKG_CONFIG=tests/portable/pkg-config-without.sh CFLAGS_release=-O0 \
        CFLAGS=-Werror "$out/verdite" >"$out/log" 2>&1 || why="does not build, see $out/log"
    [ -n "$why" ] || [ "$(hash_of "$out/verdite")" = "$wanted" ] || why="another hash"
    [ -n "$why" ] || ! ldd "$out/verdite" | grep -qi "lib$WITHOUT" || why="linked all the same"
    if [ -z "$why" ]; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "FAILED without $WITHOUT: $why"; fi
done
echo "$passed passed, $failed failed"
[ $failed = 0 ]
