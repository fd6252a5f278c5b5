#!/bin/sh
# check.sh NATIVE FOREIGN-RUNNER FOREIGN ROM...: run teaching guests with the build for another architecture under qemu-user; console
# and trace hash must equal the native build's, also with larger host pages. KERNEL, INITRD, INSTRUCTIONS (environment): a kernel's first
# instructions too.
native=$1 emulator=$2 foreign=$3
shift 3
passed=0 failed=0
hash_of() # program..., options...: its trace hash under the virtual clock
{
    "$@" --net none --clock virtual --seed 1 --no-reboot --serial none </dev/null 2>&1 | sed -n 's/^trace hash: //p'
}
verdict() # name, two hashes
{
    if [ -n "$2" ] && [ "$2" = "$3" ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED $1: trace hash $2 here, $3 there"
    fi
}
compare() # name, options of run...
{
    name=$1
    shift
    verdict "$name" "$(hash_of "$native" run "$@")" "$(hash_of "$emulator" "$foreign" run "$@")"
}
for rom in "$@"; do
    role=child cpus=1 append=
    for word in role cpus append; do
        [ ! -f "roms/$rom/$word" ] || eval "$word=\$(cat roms/$rom/$word)"
    done
    compare "$rom" --kernel "build/roms/$rom.elf" --memory 64M --role "$role" --cpus "$cpus" --append "$append"
done
# A machine that one saved goes on in the other.
save() # saver...
{
    state=build/portable.state
    rm -f $state
    "$@" run --kernel build/roms/tour-1.elf --memory 64M --cpus 4 --net none --clock virtual --seed 1 --no-reboot --serial none \
        --save $state --save-at 10001 </dev/null >/dev/null 2>&1
}
resumed() # resumer...
{
    "$@" resume build/portable.state --no-reboot --serial none </dev/null 2>&1 | sed -n 's/^trace hash: //p'
}
whole=$(hash_of "$native" run --kernel build/roms/tour-1.elf --memory 64M --cpus 4)
save "$native"
verdict "saved here, resumed there" "$whole" "$(resumed "$emulator" "$foreign")"
save "$emulator" "$foreign"
verdict "saved there, resumed here" "$whole" "$(resumed "$native")"
rm -f build/portable.state
# qemu-user's -p: mappings and AT_PAGESZ as on a host with such pages.
for bytes in 16384 65536; do
    if "$emulator" -p $bytes "$foreign" --version >/dev/null 2>&1; then
        set -- --kernel build/roms/tour-1.elf --memory 64M
        verdict "host pages of $bytes" "$(hash_of "$native" run "$@")" "$(hash_of "$emulator" -p $bytes "$foreign" run "$@")"
    else
        echo "skipped: $emulator has no pages of $bytes"
    fi
done
if [ -n "$KERNEL" ]; then
    n=${INSTRUCTIONS:-200000000}
    for cpus in 1 4; do
        compare "$(basename "$KERNEL"), $cpus VPs, $n instructions" --kernel "$KERNEL" ${INITRD:+--initrd "$INITRD"} \
            --append "console=ttyS0" --cpus $cpus --max-instructions "$n"
    done
fi
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
