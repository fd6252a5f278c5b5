#!/bin/sh
# VMBus with stock drivers: unbind and bind, a channel to another processor, a wrong clock put right, rescind and offer, reboots and a
# power-off asked by the host; the guest takes what it took at first each time. Usage: check-vmbus.sh VERDITE CPIO
# [ROUNDS [REBOOTS]]; SERIES="6.1 6.12 7", OPTIONS from the environment.
verdite=$1 cpio=$2 rounds=${3:-20} reboots=${4:-3}
passed=0 failed=0 skipped=0
mkdir -p build/boot
socket=build/boot/vmbus.$$
trap 'rm -f "$socket"' EXIT

. tests/boot/initramfs.sh
. tests/boot/control.sh
initrd=build/boot/vmbus.cpio
said() { [ "$(grep -ac "^$1" "$console")" -ge "$2" ]; }
wait_for() { within 120 "line $1 of \"$2\" of the guest" said "$2" "$1"; } # how many, a line
offer() { within 60 "$1 to be let go, so that it can be offered" ctl offer "$1"; }
try() # what goes wrong first
{
    wait_for 1 VMBUS-UP || return
    before=$(taken)
    [ -n "$before" ] || { echo "the machine does not tell what it takes"; return; }
    n=0
    while [ $n -lt "$rounds" ]; do
        n=$((n + 1))
        ctl rescind heartbeat >/dev/null || { echo "rescind $n is refused"; return; }
        offer heartbeat && settle || { echo ", after rescind $n"; return; }
    done
    n=0
    while [ $n -lt "$reboots" ]; do
        n=$((n + 1))
        ctl timesync >/dev/null
        wait_for $n CLOCK-RIGHT || return
        sleep 1
        ctl shutdown reboot >/dev/null || { echo "reboot $n is refused"; return; }
        wait_for $((n + 1)) VMBUS-UP && settle || { echo ", after reboot $n"; return; }
    done
    ctl timesync >/dev/null
    wait_for $((reboots + 1)) CLOCK-RIGHT || return
    within 60 "a heartbeat" beats || return
    bad=$(ctl devices | sed -n 's/^ *messages_bad: //p')
    [ "$bad" = 0 ] || { echo "$bad bad messages"; return; }
    ctl shutdown >/dev/null || { echo "shutdown is refused"; return; }
}
beats() { ctl status | grep -q '^heartbeat: ok'; }
for series in ${SERIES:-6.1 6.12 7}; do
    name=vmbus-$series
    kernel=$(tests/boot/fetch-kernel.sh cloud $series) && pack_initramfs "$initrd" tests/boot/vmbus-init "${kernel%/*}" hv_vmbus hv_utils </dev/null || {
        echo "skipped $name: no kernel"
        skipped=$((skipped + 1))
        continue
    }
    console=build/boot/$name.console
    : >"$console"
    $verdite run --kernel "$kernel" --initrd "$initrd" --append "$patient rounds=$rounds" --cpus 2 --net none $OPTIONS \
        --control "$socket" --timeout 900 </dev/null >"$console" 2>"$console.log" &
    running=$!
    why=$(try | tr '\n' ' ')
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
