#!/bin/sh
# `make demo-debian`: a Debian 12 system on a dynamic VHDX in a child partition. Usage: demo.sh VERDITE
# Environment: KERNEL=6.1|6.12|7, FLAVOUR=cloud|amd64, OPTIONS. With a terminal it gives the login (root, root); without one it logs in
# itself: systemd's state, a package from a local archive, a reboot inside, a shutdown asked from the host; then the image is checked. 0, 1; 77: skipped.
verdite=$1 series=${KERNEL:-6.1} flavour=${FLAVOUR:-cloud}
out=build/demo
disk=$out/debian.vhdx console=$out/console socket=$out/socket
PATH=$PATH:/usr/sbin:/sbin
made=$(tests/boot/debian/make-disk.sh "$verdite" "$series" "$flavour") || exit
mkdir -p "$out"
rm -f "$disk" "$console" "$socket" "$out/keys" "$out/log"
cp --sparse=always "$made/disk.vhdx" "$disk" || exit 1
machine()
{
    set -- run --kernel "$made/vmlinuz" --initrd "$made/initrd.img" --append "root=/dev/sda1 ro quiet console=ttyS0" \
        --memory 768M --cpus 2 --disk "$disk" --control "$socket" "$@" $OPTIONS
    exec "$verdite" "$@"
}
# Damage in the image's own form, then in the file system: of the image's contents, raw.
check_image()
{
    status=0
    "$verdite" image check "$disk" >"$out/check.log" 2>&1 || { echo "verdite image check: FAILED"; status=1; }
    if command -v qemu-img >/dev/null; then
        if qemu-img check "$disk" >>"$out/check.log" 2>&1; then echo "qemu-img check: clean"; else
            echo "qemu-img check: FAILED"
            status=1
        fi
    fi
    "$verdite" image convert "$disk" "$out/debian.img" >>"$out/check.log" 2>&1 || return 1
    start=$(sfdisk -d "$out/debian.img" 2>/dev/null | sed -n 's/.*start= *\([0-9]*\),.*/\1/p' | head -n 1)
    dd if="$out/debian.img" of="$out/part.ext4" bs=1M skip=$((${start:-2048} / 2048)) conv=sparse status=none
    if e2fsck -fn "$out/part.ext4" >>"$out/check.log" 2>&1; then echo "fsck: clean"; else
        echo "fsck: FAILED"
        status=1
    fi
    rm -f "$out/debian.img" "$out/part.ext4"
    return $status
}
if [ -t 0 ] && [ -t 1 ]; then
    echo "Debian 12 with Linux $(cat "$made/done"): log in as root, password root. poweroff ends it, Ctrl-A x too; from another terminal:"
    echo "    verdite ctl $socket shutdown"
    (machine)
    check_image
    exit
fi
# ---- without a terminal ----
since=0 # bytes of the console that were looked at
fail()
{
    echo "FAILED: $1; see $console" >&2
    tail -n 5 "$console" | tr -d '\r' >&2
    [ -z "$running" ] || kill $running 2>/dev/null
    exit 1
}
# Until the console has a line like that after what was looked at.
await() # regular expression, seconds, what it is
{
    waited=0
    until tail -c +$((since + 1)) "$console" 2>/dev/null | tr -d '\r' | grep -qaE "$1"; do
        kill -0 $running 2>/dev/null || fail "$3: the machine ended"
        [ $waited -lt $(($2 * 2)) ] || fail "$3: not within $2 s"
        sleep 0.5
        waited=$((waited + 1))
    done
    since=$(wc -c <"$console")
    echo "$3 ($(($(date +%s) - started)) s)"
}
type_line()
{
    printf '%s\r' "$1" >&3
}
log_in()
{
    await 'verdite login:' 600 "$1"
    type_line root
    await 'Password:' 60 "asked for the password"
    type_line root
    await 'root@verdite:.*# ' 120 "logged in"
}
# A command whose output ends in a word of ours with its status; the typed line does not hold the word.
ask() # command, seconds, what it is
{
    type_line "$1; echo STATUS=\$?."
    await 'STATUS=[0-9]+\.' "$2" "$3"
    tr -d '\r' <"$console" | grep -aoE 'STATUS=[0-9]+\.' | tail -n 1 | grep -q '^STATUS=0\.' || fail "$3"
}
mkfifo "$out/keys"
started=$(date +%s)
(machine --timeout 1800 --fail-on '^Kernel panic|Oops:' <"$out/keys" >"$console" 2>"$out/log") &
running=$!
exec 3>"$out/keys"
trap 'kill $running 2>/dev/null; rm -f "$out/keys"' EXIT
log_in "booted to its login"
ask 'state=$(systemctl is-system-running --wait); echo $state; systemctl --failed --no-legend --no-pager; [ $state = running ]' 300 "systemd runs, no failed unit"
ask 'apt-get -q update && apt-get -qy install hello </dev/null && hello' 600 "a package from its archive is installed"
ask 'sync; lsblk -o NAME,SIZE,MOUNTPOINT; uname -r' 60 "its disk"
type_line reboot
log_in "rebooted"
ask 'hello && [ $(systemctl is-system-running --wait) = running ]' 300 "what was installed is there, no failed unit"
"$verdite" ctl "$socket" status | sed -n 's/^\(vmbus\|heartbeat\)/&/p'
"$verdite" ctl "$socket" shutdown >/dev/null || fail "the shutdown component does not answer"
await 'reboot: Power down' 300 "shut down by the host"
wait $running
status=$?
running=
[ $status = 0 ] || fail "exit $status"
grep '^verdite: ' "$out/log" | tail -n 1
check_image || exit 1
echo "demo-debian: passed, Linux $(cat "$made/done"), $(($(date +%s) - started)) s"
