#!/bin/sh
# The Debian system of demo-debian with the virtual clock and 2 VPs, twice with one seed: no failed unit, one hash. Usage: check-virtual.sh VERDITE
# Environment: KERNEL, FLAVOUR, OPTIONS.
verdite=$1
out=build/demo
made=$(tests/boot/debian/make-disk.sh "$verdite" "${KERNEL:-6.1}" "${FLAVOUR:-cloud}") || exit
mkdir -p "$out"
first=''
for n in 1 2; do
    "$verdite" run --kernel "$made/vmlinuz" --initrd "$made/initrd.img" --append "root=/dev/sda1 ro console=ttyS0 verdite.off" --memory 768M \
        --cpus 2 --clock virtual --seed 1 --disk "$made/disk.vhdx,snapshot=on" --net none --timeout 1800 --no-reboot $OPTIONS \
        </dev/null >"$out/virtual-$n.console" 2>"$out/virtual-$n.log" || { echo "FAILED run $n: exit $?; see $out/virtual-$n.*"; exit 1; }
    grep -aq '^SYSTEM running' "$out/virtual-$n.console" || { echo "FAILED run $n: a unit failed; see $out/virtual-$n.console"; exit 1; }
    hash=$(sed -n 's/^trace hash: //p' "$out/virtual-$n.log")
    echo "run $n: $hash, $(grep '^verdite: ' "$out/virtual-$n.log" | tail -n 1)"
    [ -n "$first" ] || first=$hash
done
[ "$hash" = "$first" ] || { echo "FAILED: one seed, two hashes"; exit 1; }
echo "2 passed, 0 failed"
