#!/bin/sh
# VMBus with stock drivers: unbind and bind, a channel to another processor, a wrong clock put right, rescind and offer, reboots and a
# power-off asked by the host; channels and GPADLs are as many as before each time. Usage: check-vmbus.sh VERDITE CPIO [ROUNDS [REBOOTS]]
verdite=$1 cpio=$2 rounds=${3:-20} reboots=${4:-3}
passed=0 failed=0 skipped=0
mkdir -p build/boot
socket=build/boot/vmbus.$$
trap 'rm -f "$socket"' EXIT

image_of() # kernel's directory: an initramfs with its modules
{
    modules=build/boot/modules.$$
    mkdir -p "$modules"
    tests/boot/make-initramfs.sh "$cpio" >/dev/null || return 1
    busybox=build/cache/busybox/bin/busybox
    [ -x "$busybox" ] || busybox=$(command -v busybox)
    {
        for dir in /dev /proc /sys /tmp /bin /sbin /etc /modules; do echo "dir $dir 755"; done
        echo "char /dev/console 600 5 1"
        echo "char /dev/null 666 1 3"
        echo "file /bin/busybox 755 $busybox"
        echo "link /bin/sh busybox"
        echo "file /init 755 tests/boot/vmbus-init"
        for module in hv_vmbus hv_utils; do
            file=$(find "$1" -name "$module.ko*" | head -n 1)
            [ -n "$file" ] || continue
            case $file in *.xz) xz -dc "$file" ;; *) cat "$file" ;; esac >"$modules/$module.ko"
            echo "file /modules/$module.ko 644 $modules/$module.ko"
        done
    } | "$cpio" >"build/boot/vmbus.cpio"
    rm -r "$modules"
}
ctl()
{
    "$verdite" ctl "$socket" "$@" 2>&1
}
counts() # GPADLs and open channels, in one line
{
    ctl devices | sed -n 's/^ *\(gpadls\|open\|incomplete_gpadls\): /\1 /p' | tr '\n' ' '
}
wait_for() # how many lines of the console must read so, the line; false: the machine ended, or 120 s went by
{
    seconds=0
    while [ "$(grep -ac "^$2" "$console")" -lt "$1" ]; do
        kill -0 $running 2>/dev/null && [ $seconds -lt 120 ] || return 1
        sleep 1
        seconds=$((seconds + 1))
    done
}
settle() # wait until the counts are those of before
{
    seconds=0
    while [ "$(counts)" != "$1" ]; do
        kill -0 $running 2>/dev/null && [ $seconds -lt 30 ] || return 1
        sleep 0.2
        seconds=$((seconds + 1))
    done
}
try() # what goes wrong first
{
    wait_for 1 VMBUS-UP || { echo "never came up"; return; }
    before=$(counts)
    n=0
    while [ $n -lt "$rounds" ]; do
        n=$((n + 1))
        ctl rescind heartbeat >/dev/null || { echo "rescind $n"; return; }
        until ctl offer heartbeat >/dev/null; do
            kill -0 $running 2>/dev/null || { echo "ended in rescind $n"; return; }
            sleep 0.1
        done
        settle "$before" || { echo "after rescind $n: $(counts), not $before"; return; }
    done
    n=0
    while [ $n -lt "$reboots" ]; do
        n=$((n + 1))
        ctl timesync >/dev/null
        wait_for $n CLOCK-RIGHT || { echo "the clock stays wrong"; return; }
        sleep 1
        ctl shutdown reboot >/dev/null || { echo "reboot $n is refused"; return; }
        wait_for $((n + 1)) VMBUS-UP || { echo "did not come back from reboot $n"; return; }
        settle "$before" || { echo "after reboot $n: $(counts), not $before"; return; }
    done
    ctl timesync >/dev/null
    wait_for $((reboots + 1)) CLOCK-RIGHT || { echo "the clock stays wrong"; return; }
    sleep 5
    ctl status | grep -q '^heartbeat: ok' || { echo "no heartbeat"; return; }
    bad=$(ctl devices | sed -n 's/^ *messages_bad: //p')
    [ "$bad" = 0 ] || { echo "$bad bad messages"; return; }
    ctl shutdown >/dev/null || { echo "shutdown is refused"; return; }
}
for series in 6.1 6.12; do
    name=vmbus-$series
    kernel=$(tests/boot/fetch-kernel.sh cloud $series) && image_of "$(dirname "$kernel")" || {
        echo "skipped $name: no kernel"
        skipped=$((skipped + 1))
        continue
    }
    console=build/boot/$name.console
    : >"$console"
    $verdite run --kernel "$kernel" --initrd build/boot/vmbus.cpio --append "console=ttyS0 rounds=$rounds" --cpus 2 --net none $OPTIONS \
        --control "$socket" --timeout 900 </dev/null >"$console" 2>"$console.log" &
    running=$!
    why=$(try)
    [ -z "$why" ] || kill $running 2>/dev/null
    wait $running
    status=$?
    [ -n "$why" ] || [ $status = 0 ] || why="exit $status"
    [ -n "$why" ] || [ "$(grep -ac '^ORDERLY' "$console")" = $((reboots + 1)) ] || why="not every end was orderly"
    [ -n "$why" ] || why=$(grep -aE '^FAILED|(WARNING|BUG):|Call Trace' "$console" | head -n 1)
    if [ -z "$why" ]; then
        echo "passed $name: $(grep "^verdite: " "$console.log" | tail -n 1)"
        passed=$((passed + 1))
    else
        echo "FAILED $name: $why; see $console"
        failed=$((failed + 1))
    fi
done
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
