#!/bin/sh
# An adapter and a disk that come and go: unbind and bind of each driver, rescind and offer, a disk that is added while its driver comes
# up, reboots and kexec, all with data under way. After each the guest has both again, and takes what it took at first: pages of the
# hypervisor, channels, GPADLs. At the end the process has allocated what it had after the first round.
# Usage: check-churn.sh VERDITE CPIO [ROUNDS]; SERIES="6.1 6.12 7", OPTIONS from the environment.
verdite=$1 cpio=$2 rounds=${3:-20}
passed=0 failed=0 skipped=0
out=build/churn
heap_slack=1024 # KiB by which what is allocated may differ: strings, caches of the C library
mkdir -p "$out"
. tests/boot/control.sh
. tests/boot/initramfs.sh
. tests/boot/net/host.sh
"$verdite" explain --kernel /dev/null --net user >/dev/null 2>&1 && serve_files "$out/files" 4 || {
    echo "check-churn: skipped: no user network or no server here; $why_not"
    exit 0
}
image_of() # kernel's image: initramfs with its modules and kexec, and a disk that has both
{
    "${CC:-cc}" -O2 -static -o "$out/kexec" tests/boot/kexec.c || return 1
    pack_initramfs "$out/initrd" tests/boot/churn-init "${1%/*}" hv_vmbus crc-t10dif crct10dif_common crct10dif_generic crc64 \
        crc64-rocksoft_generic crc64-rocksoft t10-pi scsi_common scsi_mod scsi_transport_fc hv_storvsc sd_mod failover hv_netvsc af_packet \
        hv_utils <<END || return 1
file /etc/udhcpc 755 tests/boot/net/udhcpc
file /usr/sbin/kexec 755 $out/kexec
END
    cp "$1" "$out/vmlinuz" && (cd "$out" && tar cf disk.raw vmlinuz initrd && truncate -s 64M disk.raw)
}
lines() { tr -d '\r' <"$console" | grep -ac "^$1"; }
said() { [ "$(lines "$1")" -ge "$2" ] || [ "$(lines FAILED)" != 0 ]; }
wait_for() # a line of the guest, how many of it there must be
{
    within 300 "line $2 of \"$1\" of the guest" said "$@" || return 1
    [ "$(lines FAILED)" = 0 ] && return 0
    tr -d '\r' <"$console" | grep -a '^FAILED' | head -n 1
    return 1
}
say() # a line for the guest, which says when it has done it
{
    done_before=$(lines "DONE ${1%% *}")
    echo "$1" >&3
    wait_for "DONE ${1%% *}" $((done_before + 1))
}
traffic() { say traffic && sleep 0.5; }
whole() { say calm && say whole && settle; }
must() { # a verb of the machine, which is not refused
    answer=$(ctl "$@") && return 0
    echo "$*: $answer"
    return 1
}
offer() { within 60 "$1 to be let go, so that it can be offered" ctl offer "$1"; }
rescind_disk() # the disk comes again while the driver comes up
{
    # Linux waits for ever for requests that are under way when their controller goes: the disk goes first.
    say calm && must disk remove 0 && say diskless && must rescind storvsp && offer storvsp && must disk add "$disk"
}
again() # what the guest is told to begin with: reboot, kexec
{
    ups=$((ups + 1))
    echo "$1" >&3
    wait_for CHURN-UP $ups && settle
}
round() # what goes wrong first
{
    for step in hv_netvsc hv_storvsc hv_utils; do
        traffic && say "rebind $step" && whole || { echo ", in unbind and bind of $step"; return 1; }
    done
    for step in netvsp heartbeat; do
        traffic && must rescind $step && offer $step && whole || { echo ", in rescind of $step"; return 1; }
    done
    rescind_disk && whole || { echo ", in rescind of storvsp"; return 1; }
    for step in reboot kexec; do
        traffic && again $step || { echo ", in $step"; return 1; }
    done
}
# Connections of a guest that began anew are still the host's, until what it sends to them is answered by a reset.
first_heap()
{
    [ "$rounds" = 1 ] || sleep 60
    heap_before=$(heap)
}
last_heap()
{
    within 300 "the heap to be no larger than $heap_before KiB, and $heap_slack" heap_is_within $((heap_before + heap_slack)) && return 0
    echo ": $(heap) KiB"
    return 1
}
try() # what goes wrong first
{
    ups=1
    wait_for CHURN-UP 1 || return
    before=$(taken)
    [ -n "$before" ] || { echo "the machine does not tell what it takes"; return; }
    number=0
    while [ $number -lt "$rounds" ]; do
        number=$((number + 1))
        round || { echo " of round $number"; return; }
        [ $number != 1 ] || first_heap
    done
    last_heap || return
    echo "$rounds rounds, $((ups - 1)) kernels; ${before}as before; heap $heap_before KiB after the first round, $(heap) KiB at last" >"$out/note"
    bad=$(ctl devices | sed -n 's/^ *messages_bad: //p')
    [ "$bad" = 0 ] || { echo "$bad bad messages"; return; }
    echo off >&3
    tenths=0
    while runs && [ $tenths -lt 600 ]; do
        sleep 0.1
        tenths=$((tenths + 1))
    done
    ! runs || echo "waited 60 s for the machine's end"
}
for series in ${SERIES:-6.1}; do
    name=churn-$series
    kernel=$(tests/boot/fetch-kernel.sh cloud $series) && image_of "$kernel" || {
        echo "skipped $name: no kernel, or no packages for its initramfs"
        skipped=$((skipped + 1))
        continue
    }
    console=$out/$name.console socket=$out/$$.socket
    disk_sum=$(head -c 1048576 "$out/disk.raw" | md5sum | cut -d' ' -f1)
    disk=$out/disk.raw,snapshot=on
    rm -f "$socket" "$out/note" "$out/in"
    mkfifo "$out/in"
    $verdite run --kernel "$kernel" --initrd "$out/initrd" --append "$patient net_port=$port disk_sum=$disk_sum" --cpus 2 --memory 256M \
        --net user --disk "$disk" $OPTIONS --control "$socket" --timeout $((900 + 300 * rounds)) <"$out/in" >"$console" 2>"$console.log" &
    running=$!
    exec 3>"$out/in"
    why=$(try | tr '\n' ' ')
    [ -z "$why" ] || { sleep 2; kill $running 2>/dev/null; }
    wait $running
    status=$?
    exec 3>&-
    [ -n "$why" ] || [ $status = 0 ] || why="exit $status"
    [ -n "$why" ] || why=$(grep -aE '(WARNING|BUG):|Call Trace' "$console" | head -n 1)
    if [ -z "$why" ]; then
        echo "passed $name: $(cat "$out/note"); $(grep "^verdite: " "$console.log" | tail -n 1)"
        passed=$((passed + 1))
    else
        echo "FAILED $name: $why; see $console"
        failed=$((failed + 1))
    fi
done
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
