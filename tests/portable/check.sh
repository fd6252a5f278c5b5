#!/bin/sh
# check.sh NATIVE FOREIGN ROM...: run teaching guests with the build for another architecture under qemu-user; console and
# trace hash must equal the native build's. KERNEL, INITRD, INSTRUCTIONS (environment): a kernel's first instructions too.
native=$1 emulator=$2 foreign=$3
shift 3
passed=0 failed=0
hash_of() # program..., options...: its trace hash under the virtual clock
{
    "$@" --clock virtual --seed 1 --no-reboot --serial none </dev/null 2>&1 | sed -n 's/^trace hash: //p'
}
compare() # name, options of run...
{
    name=$1
    shift
    here=$(hash_of "$native" run "$@")
    there=$(hash_of "$emulator" "$foreign" run "$@")
    if [ -n "$here" ] && [ "$here" = "$there" ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED $name: trace hash $here here, $there there"
    fi
}
for rom in "$@"; do
    role=child cpus=1 append=
    for word in role cpus append; do
        [ ! -f "roms/$rom/$word" ] || eval "$word=\$(cat roms/$rom/$word)"
    done
    compare "$rom" --kernel "build/roms/$rom.elf" --memory 64M --role "$role" --cpus "$cpus" --append "$append"
done
if [ -n "$KERNEL" ]; then
    compare "$(basename "$KERNEL")" --kernel "$KERNEL" ${INITRD:+--initrd "$INITRD"} --append "console=ttyS0" \
        --max-instructions "${INSTRUCTIONS:-200000000}"
fi
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
