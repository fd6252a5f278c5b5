#!/bin/sh
# An adapter and a disk that come and go: unbind and bind of each driver, rescind and offer, reboots and kexec, all with data under way.
# After each the guest has both again, and channels and GPADLs are as many as before; at the end the process's heap is not much larger.
# Usage: check-churn.sh VERDITE CPIO [ROUNDS]; SERIES="6.1 6.12 7", OPTIONS, SEED... from the environment.
verdite=$1 cpio=$2 rounds=${3:-20}
passed=0 failed=0 skipped=0
out=build/churn
mkdir -p "$out"
. tests/boot/net/host.sh
"$verdite" explain --kernel /dev/null --net user >/dev/null 2>&1 && serve_files "$out/files" 4 || {
    echo "check-churn: skipped: no user network or no server here; $why_not"
    exit 0
}
image_of() # kernel's image: initramfs with its modules and kexec, and a disk that has both
{
    cache=$(pwd)/build/cache
    tests/boot/net/make-initramfs.sh "$cpio" "${1%/*}" >/dev/null || return 1
    "${CC:-cc}" -O2 -static -o "$out/kexec" tests/boot/kexec.c || return 1
    box=$cache/busybox/bin/busybox
    [ -x "$box" ] || box=$cache/busybox/usr/bin/busybox
    [ -x "$box" ] || box=$busybox
    modules=$out/modules
    rm -rf "$modules"
    mkdir -p "$modules"
    number=10
    for module in hv_vmbus crc-t10dif crct10dif_common crct10dif_generic crc64 crc64-rocksoft_generic crc64-rocksoft t10-pi scsi_common scsi_mod \
        scsi_transport_fc hv_storvsc sd_mod failover hv_netvsc af_packet hv_utils; do
        number=$((number + 1))
        file=$(find "${1%/*}" -name "$module.ko*" | head -n 1)
        [ -n "$file" ] || continue
        case $file in *.xz) xz -dc "$file" ;; *) cat "$file" ;; esac >"$modules/$number-$module.ko"
    done
    {
        for dir in /dev /proc /sys /tmp /bin /sbin /usr /usr/sbin /etc /modules; do echo "dir $dir 755"; done
        echo "char /dev/console 600 5 1"
        echo "char /dev/null 666 1 3"
        echo "file /bin/busybox 755 $box"
        echo "link /bin/sh busybox"
        echo "file /init 755 tests/boot/churn-init"
        echo "file /etc/udhcpc 755 tests/boot/net/udhcpc"
        echo "file /usr/sbin/kexec 755 $out/kexec"
        for module in "$modules"/*.ko; do echo "file /modules/${module##*/} 644 $module"; done
    } | "$cpio" >"$out/initrd" || return 1
    cp "$1" "$out/vmlinuz" && (cd "$out" && tar cf disk.raw vmlinuz initrd && truncate -s 64M disk.raw)
}
ctl() { "$verdite" ctl "$socket" "$@" 2>&1; }
counts() # GPADLs and open channels, in one line
{
    ctl devices | sed -n 's/^ *\(gpadls\|open\|incomplete_gpadls\): /\1 /p' | tr '\n' ' '
}
heap() # KiB of the process's heap
{
    awk '/^[0-9a-f]+-[0-9a-f]+ / { heap = /\[heap\]/ } heap && $1 == "Rss:" { n += $2 } END { print n + 0 }' /proc/$running/smaps
}
lines() { tr -d '\r' <"$console" | grep -ac "^$1"; }
wait_for() # the line, how many of it there must be; false: the machine ended, or 300 s went by
{
    tenths=0
    while [ "$(lines "$1")" -lt "$2" ]; do
        kill -0 $running 2>/dev/null && [ $tenths -lt 3000 ] || return 1
        [ "$(lines FAILED)" = 0 ] || return 1
        sleep 0.1
        tenths=$((tenths + 1))
    done
}
say() # a line for the guest, and what it answers when it is done
{
    before_n=$(lines "DONE ${1%% *}")
    echo "$1" >&3
    wait_for "DONE ${1%% *}" $((before_n + 1))
}
settle() # the counts are those of the start
{
    tenths=0
    while [ "$(counts)" != "$start" ]; do
        kill -0 $running 2>/dev/null && [ $tenths -lt 600 ] || return 1
        sleep 0.1
        tenths=$((tenths + 1))
    done
}
whole() # after what
{
    say calm && say whole || { echo "$1: $(tr -d '\r' <"$console" | grep -a '^FAILED' | head -n 1) hangs or failed"; return 1; }
    settle || { echo "$1: $(counts), not $start"; return 1; }
}
rescind() # device
{
    ctl rescind "$1" >/dev/null || return 1
    [ "$1" != storvsp ] || ctl disk add "$disk" >/dev/null || return 1 # not while its driver comes up: it may panic then
    tenths=0
    until ctl offer "$1" >/dev/null; do
        kill -0 $running 2>/dev/null && [ $tenths -lt 600 ] || return 1
        sleep 0.1
        tenths=$((tenths + 1))
    done
}
try() # what goes wrong first
{
    ups=1
    wait_for CHURN-UP 1 || { echo "never came up: $(tr -d '\r' <"$console" | grep -a '^FAILED' | head -n 1)"; return; }
    start=$(counts)
    round=0
    while [ $round -lt "$rounds" ]; do
        round=$((round + 1))
        for what in hv_netvsc hv_storvsc hv_utils; do
            say traffic && sleep 0.5 && say "rebind $what" && whole "round $round, rebind $what" || { echo "round $round: rebind $what hangs"; return; }
        done
        for what in netvsp heartbeat; do
            say traffic && sleep 0.5 && rescind $what && whole "round $round, rescind $what" || { echo "round $round: rescind $what hangs"; return; }
        done
        # Linux waits for ever for requests that are under way when their controller goes: the disk goes first.
        say calm && ctl disk remove 0 >/dev/null && say diskless && rescind storvsp && whole "round $round, rescind storvsp" ||
            { echo "round $round: rescind storvsp hangs"; return; }
        for what in reboot kexec; do
            say traffic && sleep 0.5
            ups=$((ups + 1))
            echo "$what" >&3
            wait_for CHURN-UP $ups || { echo "round $round: no return from $what: $(tr -d '\r' <"$console" | grep -a '^FAILED' | head -n 1)"; return; }
            settle || { echo "round $round, $what: $(counts), not $start"; return; }
        done
        [ $round != 1 ] || first_heap=$(heap)
    done
    last_heap=$(heap)
    echo "$rounds rounds, heap from $first_heap to $last_heap KiB" >"$out/note"
    [ "$last_heap" -le $((first_heap + 16384)) ] || { echo "the heap grew from $first_heap to $last_heap KiB"; return; }
    bad=$(ctl devices | sed -n 's/^ *messages_bad: //p')
    [ "$bad" = 0 ] || { echo "$bad bad messages"; return; }
    echo off >&3
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
    $verdite run --kernel "$kernel" --initrd "$out/initrd" --append "console=ttyS0 net_port=$port disk_sum=$disk_sum" --cpus 2 --memory 256M \
        --net user --disk "$disk" $OPTIONS --control "$socket" --timeout $((600 + 300 * rounds)) <"$out/in" >"$console" 2>"$console.log" &
    running=$!
    exec 3>"$out/in"
    why=$(try)
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
