#!/bin/sh
# The Debian system of demo-debian with the virtual clock and 2 VPs. Twice with one seed: no failed unit, one hash. Then with load on its disk
# and its network at once: what the host sent is recorded and fed back, one hash; and saved in the middle of it and resumed in a new process, the
# same hash and the same contents of the disk. Usage: check-virtual.sh VERDITE
# Environment: KERNEL, FLAVOUR, OPTIONS; N: how many saves; MIB of each of fio's jobs.
verdite=$1 saves=${N:-2} mib=${MIB:-32}
out=build/demo
disk=$out/virtual.vhdx
made=$(tests/boot/debian/make-disk.sh "$verdite" "${KERNEL:-6.1}" "${FLAVOUR:-cloud}") || exit
mkdir -p "$out"
rm -f "$out"/virtual-*
. tests/boot/net/host.sh
started=$(date +%s) passed=0
fail()
{
    echo "FAILED: $1"
    exit 1
}
passes() # what
{
    passed=$((passed + 1))
    echo "$1 ($(($(date +%s) - started)) s)"
}
# Words of the kernel's command line, a disk, more options. Standard error goes to virtual-NAME.log, the console to virtual-NAME.console.
boot() # name of the run, words, --disk's argument, more options
{
    name=$1 words=$2 with=$3
    shift 3
    "$verdite" run --kernel "$made/vmlinuz" --initrd "$made/initrd.img" --append "root=/dev/sda1 ro console=ttyS0 $words" --memory 768M \
        --cpus 2 --clock virtual --seed 1 --disk "$with" --timeout 3600 --no-reboot --serial "file:$out/virtual-$name.console" "$@" $OPTIONS \
        </dev/null >/dev/null 2>"$out/virtual-$name.log" || fail "$name: exit $?; see $out/virtual-$name.*"
}
resume() # file, name of the run
{
    "$verdite" resume "$1" --timeout 3600 --no-reboot --serial "file:$out/virtual-$2.console" \
        </dev/null >/dev/null 2>"$out/virtual-$2.log" || fail "$2: exit $?; see $out/virtual-$2.*"
}
says() # name of the run, regular expression
{
    tr -d '\r' <"$out/virtual-$1.console" | grep -aq "$2"
}
hash_of()
{
    sed -n 's/^trace hash: //p' "$out/virtual-$1.log"
}
retired()
{
    sed -n 's/^verdite: .*; \([0-9]*\) instructions in .*/\1/p' "$out/virtual-$1.log" | tail -n 1
}
same() # two runs
{
    [ -n "$(hash_of "$1")" ] && [ "$(hash_of "$1")" = "$(hash_of "$2")" ] || fail "$1 has the hash $(hash_of "$1"), $2 $(hash_of "$2")"
}
for run in first second; do
    boot $run verdite.off "$made/disk.vhdx,snapshot=on" --net none
    says $run '^SYSTEM running' || fail "$run: a unit failed; see $out/virtual-$run.console"
    passes "$run run: $(hash_of $run), $(retired $run) instructions"
done
same first second
finish()
{
    rm -f "$disk" "$out/virtual-undisturbed.vhdx" "$out/virtual-state" "$out/virtual-record"
    echo "check-virtual: $passed passed, 0 failed, Linux $(cat "$made/done")"
    exit 0
}
"$verdite" explain --kernel /dev/null --net user >/dev/null 2>&1 && serve_files "$out/files" 16 || {
    echo "skipped the load: no user network or no server here; $why_not"
    finish
}
work="verdite.work=$mib,http://10.0.2.2:$port/data,$sum"
fresh()
{
    cp --sparse=always "$made/disk.vhdx" "$disk" || fail "no copy of the disk"
}
fresh
boot recorded "$work" "$disk" --net user --record "$out/virtual-record"
says recorded '^LOAD passed' || fail "its work; see $out/virtual-recorded.console"
passes "verified load on disk and network, recorded: $(hash_of recorded), $(retired recorded) instructions"
mv "$disk" "$out/virtual-undisturbed.vhdx"
fresh
boot replayed "$work" "$disk" --net user --input "$out/virtual-record"
same recorded replayed
"$verdite" image compare "$disk" "$out/virtual-undisturbed.vhdx" >/dev/null 2>&1 || fail "fed back, the disk holds something else"
passes "fed back: the same hash, the same disk"
# The work is what this run has more than one without; its last part is the fetch that fio left behind.
from=$(retired second) to=$(retired recorded)
n=0
while [ $n -lt "$saves" ]; do
    n=$((n + 1))
    at=$(awk -v from="$from" -v to="$to" -v n=$n -v all="$saves" 'BEGIN { printf "%.0f", from + (to - from) * (0.1 + 0.5 * (n - 1) / all) }')
    fresh
    boot "saved-$n" "$work" "$disk" --net user --input "$out/virtual-record" --save "$out/virtual-state" --save-at "$at"
    says "saved-$n" '^SYSTEM running' || fail "it was saved before its work began"
    says "saved-$n" '^fio: exit' && fail "it was saved when its work was done"
    resume "$out/virtual-state" "resumed-$n"
    same recorded "resumed-$n"
    "$verdite" image compare "$disk" "$out/virtual-undisturbed.vhdx" >/dev/null 2>&1 || fail "saved at $at, the disk holds something else"
    passes "saved in the middle of it, after $at instructions, and resumed: the same hash, the same disk"
done
finish
