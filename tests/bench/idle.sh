#!/bin/sh
# What an idle guest with four VPs costs the host: CPU time of verdite's process over SECONDS (60) at the kernel's prompt.
# Usage: idle.sh VERDITE CPIO. CPUS: VPs; LIMIT: fail above so many percent of a core (0.3; none: only print).
verdite=$1 cpio=$2 seconds=${SECONDS_IDLE:-60} cpus=${CPUS:-4} limit=${LIMIT-0.3}
kernel=${KERNEL:-$(tests/boot/fetch-kernel.sh cloud)} && initrd=${INITRD:-$(tests/boot/make-initramfs.sh "$cpio")} || exit 77
mkdir -p build/bench
keys=build/bench/idle.keys
rm -f $keys
mkfifo $keys
"$verdite" run --kernel "$kernel" --initrd "$initrd" --append "console=ttyS0 verdite=shell" --cpus "$cpus" --no-reboot $OPTIONS \
    <$keys >build/bench/idle.console 2>build/bench/idle.log &
running=$!
exec 7>$keys
n=0
until grep -aq '^/ #' build/bench/idle.console || [ $n -gt 1200 ]; do sleep 0.5; n=$((n + 1)); done
ticks() # of all its threads, user and system [LINUX proc_pid_stat(5)]
{
    sed 's/.*) //' /proc/$running/stat | cut -d' ' -f12,13 | tr ' ' '+' | sed 's/.*/$((&))/' | { read -r sum; eval "echo $sum"; }
}
sleep 20 # what the kernel still does after boot
before=$(ticks)
sleep "$seconds"
after=$(ticks)
echo poweroff >&7
exec 7>&-
wait $running
status=$?
awk -v used=$((after - before)) -v hz="$(getconf CLK_TCK)" -v s="$seconds" -v cpus="$cpus" -v limit="$limit" -v status=$status 'BEGIN {
    percent = 100 * used / hz / s
    printf "an idle guest with %d VPs: %.2f s of CPU time in %d s, %.2f %% of a core\n", cpus, used / hz, s, percent
    exit status != 0 || (limit != "" && percent > limit)
}'
