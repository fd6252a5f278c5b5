#!/bin/sh
# check.sh VERDITE NAME...: run teaching guests with both engines and compare their consoles; the last line counts them.
# A guest's role stands in roms/NAME/role (child when there is none), processors in cpus (1), its command line in append, more options in
# options.
verdite=$1; shift
passed=0 failed=0
for rom in "$@"; do
    role=child cpus=1 append= options=
    for word in role cpus append options; do
        [ ! -f "roms/$rom/$word" ] || eval "$word=\$(cat roms/$rom/$word)"
    done
    for engine in interpreter translator; do
        out=build/roms/$rom-$engine.console
        "$verdite" run --kernel "build/roms/$rom.elf" --memory 64M --net none --role "$role" --cpus "$cpus" --append "$append" $options \
            --serial "file:$out" --engine $engine --timeout 600 --no-reboot </dev/null >/dev/null 2>"$out.log"
        status=$?
        if [ $status -eq 0 ] && diff -u "roms/$rom/expected.txt" "$out"; then
            passed=$((passed + 1))
        else
            failed=$((failed + 1)); echo "FAILED roms/$rom with the $engine: exit $status"; tail -5 "$out.log"
        fi
    done
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
