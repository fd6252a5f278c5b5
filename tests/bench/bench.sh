#!/bin/sh
# make bench, make bench-boot: find the emulators, make the guest, measure; the table stays in build/bench.
# Usage: bench.sh rows|boot VERDITE CPIO RUN CC     Environment: KERNEL=cloud|amd64|path ROWS RUNS EMULATORS CPUS
mode=$1 verdite=$2 cpio=$3 run=$4 cc=$5
cpus=${CPUS:-1}
case ${KERNEL:-cloud} in
cloud | amd64) kernel=$(tests/boot/fetch-kernel.sh "${KERNEL:-cloud}") || exit ;;
*) kernel=$KERNEL ;;
esac
initrd=$(tests/bench/guest.sh "$cpio" "$cc") || exit
emulators=$EMULATORS
if [ -z "$emulators" ]; then
    emulators=verdite
    [ "$mode" = boot ] || [ "$cpus" != 1 ] || emulators=native,$emulators
    if command -v qemu-system-x86_64 >/dev/null; then
        emulators=$emulators,qemu
    else
        echo "no qemu-system-x86_64 on this host: without it" >&2
    fi
    qemu10=$(tests/bench/qemu10.sh) && emulators=$emulators,qemu10
fi
rows=$ROWS
[ -n "$rows" ] || { rows=one; [ "$cpus" = 1 ] || rows=smp; }
out=build/bench/$mode-$cpus.md
{
    echo "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(nproc) processors; $(date +%F); $(basename "$(dirname "$kernel")")"
    echo
    "$run" "$mode" verdite="$verdite" kernel="$kernel" initrd="$initrd" root=build/bench/root qemu10="$qemu10" \
        emulators="$emulators" rows="$rows" runs="${RUNS:-5}" cpus="$cpus"
    echo $? >build/bench/status
} | tee "$out"
echo "(also in $out)" >&2
exit "$(cat build/bench/status)"
