#!/bin/sh
# CPU time of an emulator's process for a guest's disk requests, past its page cache: verdite's storvsc beside virtio-blk under QEMU's TCG; the same
# kernel, job and raw image. Usage: disk.sh VERDITE CPIO CC. ROWS: parts of names; RUNS: the best of so many (3); EMULATORS: which;
# OPTIONS: more of verdite run.
verdite=$1 cpio=$2 cc=$3 runs=${RUNS:-3}
kernel=$(tests/boot/fetch-kernel.sh cloud) && initrd=$(tests/boot/disk/make-initramfs.sh "$cpio" "${kernel%/*}" "$cc") || exit 77
out=build/bench
mkdir -p "$out"
disk=$out/disk.img
# In MiBs: the host's cache then holds it in large pieces, as what it has read ahead, and its own share of the work, the same for all, is smaller.
[ -s "$disk" ] || dd if=/dev/urandom of="$disk" bs=1048576 count=256 iflag=fullblock 2>/dev/null
emulators=verdite
qemu=$(command -v qemu-system-x86_64) && emulators="$emulators qemu"
qemu10=$(tests/bench/qemu10.sh) && emulators="$emulators qemu10"
emulators=${EMULATORS:-$emulators}
run_qemu() # append, program
{
    append=$1
    shift
    "$@" -nodefaults -display none -serial stdio -accel tcg -cpu max -m 512 -smp 1 -no-reboot -kernel "$kernel" -initrd "$initrd" -append "$append" \
        -drive file="$disk",format=raw,if=none,id=d -device virtio-blk-pci,drive=d
}
run() # emulator, append
{
    case $1 in
    verdite) "$verdite" run --kernel "$kernel" --initrd "$initrd" --append "$2" --disk "$disk" --no-reboot --timeout 900 $OPTIONS ;;
    qemu) run_qemu "$2" "$qemu" ;;
    qemu10) run_qemu "$2" "$qemu10/start" ;;
    esac
}
once() # emulator, job: seconds of CPU time; the guest's line goes to a file
{
    { run "$1" "console=ttyS0 quiet disk_bench=$2" </dev/null >"$out/disk.console" 2>"$out/disk.log"; times; } >"$out/disk.times"
    grep -aq '^job .*: ok' "$out/disk.console" || { echo "$1 failed at $2; see $out/disk.console" >&2; return 1; }
    sed -n '2s/^\([0-9]*\)m\([0-9.]*\)s \([0-9]*\)m\([0-9.]*\)s.*/\1 \2 \3 \4/p' "$out/disk.times" | awk '{ print $1 * 60 + $2 + $3 * 60 + $4 }'
}
best() # emulator, job
{
    least=
    n=0
    while [ $n -lt "$runs" ]; do
        n=$((n + 1))
        took=$(once "$1" "$2") || return 1
        least=$(echo "$took ${least:-$took}" | awk '{ print $1 < $2 ? $1 : $2 }')
    done
    echo "$least"
}
{
    echo "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(nproc) processors; $(date +%F); $(basename "$(dirname "$kernel")")"
    echo
    printf '| job |'; for emulator in $emulators; do printf ' %s |' "$emulator"; done; echo " times as fast |"
    printf '|--|'; for emulator in $emulators; do printf -- '--|'; done; echo "--|"
    for emulator in $emulators; do
        eval "base_$emulator=\$(best $emulator read:4096:0:1:seq)" || exit 1
        eval "[ -n \"\$base_$emulator\" ]" || exit 1
    done
    while IFS='|' read -r name job; do
        name=$(echo $name) job=$(echo $job)
        for part in ${ROWS:-""}; do case $name in *$part*) part=; break ;; esac; done
        [ -z "$ROWS" ] || [ -z "$part" ] || continue
        printf '| %s |' "$name"
        ours= theirs=
        for emulator in $emulators; do
            took=$(best $emulator "$job") || exit 1
            eval "base=\$base_$emulator"
            spent=$(echo "$took $base" | awk '{ printf "%.2f", $1 - $2 }')
            printf ' %s s |' "$spent"
            [ $emulator = verdite ] && ours=$spent || theirs=$(echo "$spent ${theirs:-$spent}" | awk '{ print $1 < $2 ? $1 : $2 }')
        done
        echo "${theirs:-0} $ours" | awk '{ printf " %.1f |\n", $1 / ($2 > 0 ? $2 : 0.01) }'
    done <<ROWS
read, 1 MiB, in order   | read:1048576:16384:1:seq
write, 1 MiB, in order  | write:1048576:16384:1:seq
read, 4 KiB, random     | read:4096:60000:1:random
write, 4 KiB, random    | write:4096:60000:1:random
read, 4 KiB, random, 8 at a time  | read:4096:60000:8:random
write, 4 KiB, random, 8 at a time | write:4096:60000:8:random
ROWS
    echo
    printf 'Boot and power-off, taken off from all:'
    for emulator in $emulators; do eval "echo \" $emulator \$base_$emulator s\"" | tr '\n' ' '; done
    echo
} | tee "$out/disk.md"
