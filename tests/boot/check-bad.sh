#!/bin/sh
# Bad input ends in a message or in the guest's own fault, never in a crash of verdite. Usage: check-bad.sh VERDITE
# Each case allows some exit codes; 99 (our own bug) and those of signals are never among them.
verdite=$1
dir=build/bad
rom=build/roms/tour-1.elf
passed=0 failed=0
rm -rf $dir
mkdir -p $dir
: >$dir/empty
head -c 100 $rom >$dir/short.elf
head -c $(($(wc -c <$rom) / 2)) $rom >$dir/half.elf
# The same pseudorandom bytes everywhere.
awk 'BEGIN { x = 1; for (i = 0; i < 65536; i++) { x = (x * 16807) % 2147483647; printf "%c", 1 + x % 127 } }' >$dir/random
{ head -c 64 $rom; cat $dir/random; } >$dir/mangled.elf
{ head -c 514 $dir/random; printf 'HdrS'; cat $dir/random; } >$dir/random.bzimage
{ head -c 510 $dir/random; printf '\125\252\220\220HdrS\017\002'; cat $dir/random; } >$dir/signed.bzimage
kernel=$(ls build/cache/kernel/*/vmlinuz 2>/dev/null | head -n 1)
try() # exit codes allowed, message expected (a regular expression), arguments
{
    codes=$1 message=$2
    shift 2
    "$verdite" run "$@" --timeout 10 --max-instructions 20000000 --no-reboot </dev/null >$dir/out 2>$dir/err
    code=$?
    case " $codes " in
    *" $code "*) [ -s $dir/err ] && grep -qE "$message" $dir/err && { passed=$((passed + 1)); return; } ;;
    esac
    failed=$((failed + 1))
    echo "FAILED exit $code, not $codes: verdite run $*"
    tail -n 3 $dir/err
}
guest='0 1 120 121 122 124' # whatever a guest may do to itself
try 2 'kernel' --initrd $dir/empty
for command in '--kernle' '--memory' '--memory none' '--cpus 0' '--frobnicate 1' '--cpu pentium33' '--cpu ,+x' '--cpu x86-64-v1,+nosuch'; do
    try 2 . --kernel $rom $command
done
try 2 'did you mean' --kernel $rom --cpu x86-64-v9
try 2 'did you mean' --kernel $rom --cpu verdite46
# Machine files.
bad_file() # message expected, text
{
    printf "$2" >$dir/machine.ini
    try 2 "$1" $dir/machine.ini
}
if "$verdite" run /dev/null 2>&1 | grep -q libinih; then
    echo "machine files: skipped, no libinih"
else
    bad_file 'machine.ini:2: unknown key .kernle.; did you mean kernel' '[guest]\nkernle = k\n'
    bad_file 'machine.ini:1: unknown section .chld a.; did you mean .child NAME' '[chld a]\n'
    bad_file 'machine.ini:3: memory = lots: give a size' '[guest]\nkernel = k\nmemory = lots\n'
    bad_file 'machine.ini:1: .child guest. has no kernel' '[guest]\n'
    bad_file 'machine.ini:2: neither' '[guest]\nkernel\n'
    bad_file 'machine.ini:1: a control character' '\1\n'
    for file in $dir/random $rom /etc /nonexistent/m.ini $dir/empty; do
        try '1 2' 'verdite: .+' $file
    done
fi
for file in /nonexistent/kernel /etc $dir/empty $dir/random $dir/short.elf $dir/random.bzimage /dev/null; do
    try '1 2' 'verdite: .+' --kernel $file
done
for file in $dir/half.elf $dir/mangled.elf $dir/signed.bzimage; do
    try "2 $guest" 'verdite: .+' --kernel $file
done
for file in /nonexistent/initrd /etc; do
    try '1 2' 'verdite: .+' --kernel $rom --initrd $file
done
for file in $dir/empty $dir/random; do
    try "2 $guest" 'verdite: .+' --kernel $rom --initrd $file
done
for memory in 1K 64K 1M 2M 17M 4K; do
    try "2 $guest" 'verdite: .+' --kernel $rom --memory $memory
done
try '1 2' 'verdite: .+' --kernel $rom --memory 40000G
if [ -n "$kernel" ]; then
    for bytes in 600 5000 40000 1000000; do
        head -c $bytes "$kernel" >$dir/cut
        try "2 $guest" 'verdite: .+' --kernel $dir/cut
    done
    for memory in 1M 4M 16M 32M; do
        try "2 $guest" 'verdite: .+' --kernel "$kernel" --memory $memory
    done
    try "2 $guest" 'verdite: .+' --kernel "$kernel" --initrd $dir/random --append console=ttyS0
fi
# Saved states: cut, flipped, foreign.
saved() # exit codes allowed, message expected, file, more
{
    codes=$1 message=$2
    shift 2
    "$verdite" resume "$@" --timeout 10 --serial none </dev/null >$dir/out 2>$dir/err
    code=$?
    case " $codes " in
    *" $code "*) grep -qE "$message" $dir/err && { passed=$((passed + 1)); return; } ;;
    esac
    failed=$((failed + 1))
    echo "FAILED exit $code, not $codes: verdite resume $*"
    tail -n 3 $dir/err
}
"$verdite" run --kernel $rom --clock virtual --save $dir/state --save-at 1000 --serial none </dev/null >/dev/null 2>$dir/err
bytes=$(wc -c <$dir/state)
saved 0 'powered off' $dir/state
saved 2 'give the file' --timeout 5
saved 2 'is what the saved machine says' $dir/state --cpus 2
saved 2 'No such file' /nonexistent/state
for file in $rom $dir/random $dir/empty; do
    saved 2 'is no saved state of verdite' $file
done
saved 2 'directory' /etc
for n in 10 39 40 41 1000 $((bytes / 2)) $((bytes - 1)); do
    head -c "$n" $dir/state >$dir/cut
    saved 2 'is cut short' $dir/cut
done
for n in 17 30 33 50 300 $((bytes / 2)) $((bytes - 3)); do
    { head -c "$n" $dir/state; printf '\377\000\252'; tail -c +$((n + 4)) $dir/state; } >$dir/flipped
    saved 2 'is damaged|is cut short|is of format' $dir/flipped
done
{ cat $dir/state; echo; } >$dir/longer
saved 2 'goes on behind its end' $dir/longer
try 1 'is no regular file' --kernel $rom --save /dev/null --save-at 10
try 1 'No such file' --kernel $rom --save /nonexistent/state --save-at 10
try 2 'go together' --kernel $rom --save $dir/new
try 2 'ascending' --kernel $rom --save $dir/new --save-at 20,10
echo "$passed passed, $failed failed"
[ $failed = 0 ]
