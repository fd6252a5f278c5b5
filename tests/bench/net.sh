#!/bin/sh
# TCP through the user network: CPU seconds of verdite with its adapter on VMBus, and of QEMU's TCG with virtio-net; the same kernel, jobs and library
# of user networking. Usage: net.sh VERDITE CPIO CC; RUNS=3, JOBS="receive:256,send:256,turns:20000", EMULATORS="verdite qemu qemu10".
verdite=$1 cpio=$2 cc=$3
out=build/bench/net
jobs=${JOBS:-receive:256,send:256,turns:20000}
mkdir -p "$out"
kernel=$(tests/boot/fetch-kernel.sh cloud) || {
    echo "bench-net: skipped: no kernel, or no packages"
    exit 77
}
"$cc" -std=c11 -D_GNU_SOURCE -O2 -static -o "$out/netjob" tests/bench/netjob.c || exit 1
. tests/boot/initramfs.sh
pack_initramfs "$out/initrd" tests/bench/net-init "${kernel%/*}" hv_vmbus failover hv_netvsc virtio_ring virtio virtio_pci_legacy_dev \
    virtio_pci_modern_dev virtio_pci net_failover virtio_net af_packet <<END || exit
file /etc/udhcpc 755 tests/boot/net/udhcpc
file /usr/sbin/netjob 755 $out/netjob
END
port=$((20000 + $$ % 20000))
: >"$out/lines"
"$out/netjob" serve $port "$out/pid" >"$out/lines" &
server=$!
trap 'kill $server 2>/dev/null' EXIT
words="console=ttyS0 quiet net_port=$port jobs=$jobs"
run() # emulator: its lines, named
{
    echo 0 >"$out/pid"
    before=$(wc -l <"$out/lines")
    case $1 in
    verdite)
        "$verdite" run --kernel "$kernel" --initrd "$out/initrd" --append "$words" --memory 512M --net user --no-reboot --timeout 900 \
            </dev/null >"$out/$1.console" 2>&1 &
        ;;
    qemu*)
        program=qemu-system-x86_64
        [ "$1" = qemu ] || program=build/cache/qemu10/start
        "$program" -nodefaults -display none -accel tcg -cpu max -m 512 -kernel "$kernel" -initrd "$out/initrd" -append "$words" -serial stdio \
            -no-reboot -nic user,model=virtio-net-pci </dev/null >"$out/$1.console" 2>&1 &
        ;;
    esac
    echo $! >"$out/pid"
    wait $!
    tail -n +$((before + 1)) "$out/lines" | sed "s/^/$1 /"
}
emulators=
for emulator in ${EMULATORS:-verdite qemu qemu10}; do
    case $emulator in
    qemu) command -v qemu-system-x86_64 >/dev/null || continue ;;
    qemu10) [ -x build/cache/qemu10/start ] || continue ;;
    esac
    emulators="$emulators $emulator"
done
: >"$out/results"
n=0
while [ $n -lt "${RUNS:-3}" ]; do
    n=$((n + 1))
    for emulator in $emulators; do run $emulator >>"$out/results"; done
done
echo "| job | amount | emulator | CPU s, median of $n | wall s | QEMU / verdite |"
echo "|---|---|---|---|---|---|"
sort -k2,2 -k1,1 -k5,5n "$out/results" | awk -v last="$n" '
    $6 != "" { print "FAILED " $0 > "/dev/stderr"; bad = 1 }
    { key = $2 " " $1; amount[$2] = $3; cpu[key, ++count[key]] = $5; wall[key, count[key]] = $4 }
    END {
        for (key in count) {
            split(key, part, " ")
            middle[key] = cpu[key, int((count[key] + 1) / 2)]
            seconds[key] = wall[key, int((count[key] + 1) / 2)]
        }
        n_jobs = split("receive send turns", job, " ")
        n_emulators = split("verdite qemu qemu10", emulator, " ")
        for (i = 1; i <= n_jobs; i++) for (k = 1; k <= n_emulators; k++) {
            key = job[i] " " emulator[k]
            if (!(key in middle)) continue
            own = middle[job[i] " verdite"]
            unit = job[i] == "turns" ? "" : " MiB"
            printf "| %s | %s%s | %s | %.2f | %.2f | %s |\n", job[i], amount[job[i]], unit, emulator[k], middle[key], seconds[key],
                (emulator[k] == "verdite" ? "" : own > 0 ? sprintf("%.1f", middle[key] / own) : "?")
        }
        exit bad
    }'
