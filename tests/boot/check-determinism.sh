#!/bin/sh
# The virtual clock: same seed, same hash; another seed, another hash and the same results; pauses and the other engine change nothing.
# Usage: check-determinism.sh VERDITE CPIO NAME... (of roms). KERNEL and INITRD: of the boot, else Debian's cloud kernel;
# APPEND: more words, for an INITRD of one's own; DONE: a line that its console must have. ENGINE: which of them does most.
verdite=$1 cpio=$2
shift 2
out=build/determinism
engine=${ENGINE:-interpreter} other_engine=translator
[ "$engine" != translator ] || other_engine=interpreter
mkdir -p "$out"
passed=0 failed=0
verdict() # status, what
{
    if [ "$1" -eq 0 ]; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "FAILED $2"; fi
}
hash_of() # file of standard error
{
    sed -n 's/^trace hash: //p' "$1"
}
same() # what, two files of standard error
{
    [ -n "$(hash_of "$2")" ] && [ "$(hash_of "$2")" = "$(hash_of "$3")" ]
    verdict $? "$1: $(hash_of "$2") and $(hash_of "$3") should be one hash ($2, $3)"
}
other() # likewise
{
    [ -n "$(hash_of "$2")" ] && [ "$(hash_of "$2")" != "$(hash_of "$3")" ]
    verdict $? "$1: $(hash_of "$2") should be another hash ($2, $3)"
}

rom() # name of the run, rom, processors, more options
{
    run=$1 name=$2 cpus=$3
    shift 3
    role=child append=
    [ -f "roms/$name/role" ] && role=$(cat "roms/$name/role")
    [ -f "roms/$name/append" ] && append=$(cat "roms/$name/append")
    "$verdite" run --kernel "build/roms/$name.elf" --memory 64M --net none --role "$role" --append "$append" --cpus "$cpus" --no-reboot --timeout 120 \
        --clock virtual --serial "file:$out/$run.console" --engine $engine "$@" </dev/null >/dev/null 2>"$out/$run"
}
for name in "$@"; do
    every=3 # the long ones are torn less often
    [ ! -f "roms/$name/append" ] || every=997
    for cpus in 1 4; do
        at=$name-$cpus
        rom "$at-a" "$name" $cpus
        rom "$at-b" "$name" $cpus
        rom "$at-seed" "$name" $cpus --seed 7
        rom "$at-pauses" "$name" $cpus --trace-hash-every $every
        rom "$at-engine" "$name" $cpus --engine $other_engine
        rom "$at-eager" "$name" $cpus --engine translator,eager
        same "$at twice" "$out/$at-a" "$out/$at-b"
        same "$at with pauses" "$out/$at-a" "$out/$at-pauses"
        same "$at with the $other_engine" "$out/$at-a" "$out/$at-engine"
        same "$at with everything translated" "$out/$at-a" "$out/$at-eager"
        other "$at with another seed" "$out/$at-a" "$out/$at-seed"
        cmp -s "$out/$at-a.console" "$out/$at-seed.console" &&
            { { [ -f "roms/$name/cpus" ] && [ "$cpus" != "$(cat "roms/$name/cpus")" ]; } ||
                cmp -s "$out/$at-a.console" "roms/$name/expected.txt"; }
        verdict $? "$at: the console does not depend on the seed"
    done
done

kernel=${KERNEL:-$(tests/boot/fetch-kernel.sh cloud)} && initrd=${INITRD:-$(tests/boot/make-initramfs.sh "$cpio")} || {
    echo "skipped the boots: no kernel"
    echo "$passed passed, $failed failed"
    [ $failed = 0 ]
    exit
}
words="console=ttyS0 panic=-1 ${APPEND:-verdite=check verdite_hypervisor=on}" done_line=${DONE:-CHECKS PASSED}
boot() # name of the run, processors, more options
{
    run=$1 cpus=$2
    shift 2
    "$verdite" run --kernel "$kernel" --initrd "$initrd" --append "$words" --cpus "$cpus" --no-reboot --timeout 1800 \
        --clock virtual --serial "file:$out/$run.console" --engine $engine "$@" </dev/null >/dev/null 2>"$out/$run"
}
# What the guest says of its checks: all that has no time in it.
results()
{
    tr -d '\r' <"$1" | grep -E "^check |^CHECKS|^$done_line"
}
for cpus in 1 4; do
    boot "boot-$cpus-a" $cpus &
    boot "boot-$cpus-b" $cpus --trace-hash-every 10000019
    wait
    boot "boot-$cpus-seed" $cpus --seed 7 &
    boot "boot-$cpus-engine" $cpus --engine $other_engine
    wait
    same "boot with $cpus VPs twice" "$out/boot-$cpus-a" "$out/boot-$cpus-b"
    same "boot with $cpus VPs and the $other_engine" "$out/boot-$cpus-a" "$out/boot-$cpus-engine"
    other "boot with $cpus VPs and another seed" "$out/boot-$cpus-a" "$out/boot-$cpus-seed"
    results "$out/boot-$cpus-a.console" >"$out/boot-$cpus-a.results"
    results "$out/boot-$cpus-seed.console" >"$out/boot-$cpus-seed.results"
    grep -q "^$done_line" "$out/boot-$cpus-a.results" && cmp -s "$out/boot-$cpus-a.results" "$out/boot-$cpus-seed.results"
    verdict $? "boot with $cpus VPs: its checks pass with either seed (see $out/boot-$cpus-*.console)"
done
echo "$passed passed, $failed failed"
[ $failed = 0 ]
