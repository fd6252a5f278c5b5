#!/bin/sh
# `make demo-debian`: a Debian 12 system on a dynamic VHDX in a child partition. Usage: demo.sh VERDITE
# Environment: KERNEL=6.1|6.12|7, FLAVOUR=cloud|amd64, OPTIONS, MIB (of fio's jobs). With a terminal it gives the login (root, root); without one
# it logs in itself and tries what README.md of this directory lists; then the image is checked. 0, 1; 77: skipped.
verdite=$1 series=${KERNEL:-6.1} flavour=${FLAVOUR:-cloud} mib=${MIB:-96}
out=build/demo
disk=$out/debian.vhdx second=$out/second.vhdx console=$out/console socket=$out/socket keys=$out/keys
PATH=$PATH:/usr/sbin:/sbin
made=$(tests/boot/debian/make-disk.sh "$verdite" "$series" "$flavour") || exit
mkdir -p "$out"
rm -f "$disk" "$second" "$console" "$socket" "$keys" "$out/log" "$out/check.log"
cp --sparse=always "$made/disk.vhdx" "$disk" || exit 1
# A port of the host's loopback that leads to the guest's sshd.
ssh_port=$((10000 + $$ % 10000))
while grep -qi ":$(printf %04X $ssh_port) " /proc/net/tcp; do ssh_port=$((ssh_port + 1)); done
net=user,hostfwd=tcp:127.0.0.1:$ssh_port-:22
"$verdite" explain --kernel /dev/null --net user >/dev/null 2>&1 || net=none
quiet=quiet # a terminal sees how far its boot is
machine()
{
    set -- run --kernel "$made/vmlinuz" --initrd "$made/initrd.img" --append "root=/dev/sda1 ro $quiet console=ttyS0" \
        --memory 768M --cpus 2 --net $net --control "$socket" "$@" $OPTIONS
    exec "$verdite" "$@"
}
ctl()
{
    "$verdite" ctl "$socket" "$@"
}
image_sound() # image
{
    "$verdite" image check "$1" >>"$out/check.log" 2>&1 || { echo "verdite image check ${1##*/}: FAILED"; return 1; }
    command -v qemu-img >/dev/null || return 0
    qemu-img check "$1" >>"$out/check.log" 2>&1 || { echo "qemu-img check ${1##*/}: FAILED"; return 1; }
    echo "qemu-img check ${1##*/}: clean"
}
# Damage in the image's own form, then in the file system: of the image's contents, raw.
check_image()
{
    image_sound "$disk" && "$verdite" image convert "$disk" "$out/debian.img" >>"$out/check.log" 2>&1 || return 1
    dd if="$out/debian.img" of="$out/part.ext4" bs=1M skip=1 conv=sparse status=none
    if e2fsck -fn "$out/part.ext4" >>"$out/check.log" 2>&1; then echo "fsck: clean"; status=0; else
        echo "fsck: FAILED"
        status=1
    fi
    rm -f "$out/debian.img" "$out/part.ext4"
    return $status
}
if [ -t 0 ] && [ -t 1 ]; then
    echo "Debian 12 with Linux $(cat "$made/done"): log in as root, password root. poweroff ends it, Ctrl-A x too; from another terminal:"
    echo "    $verdite ctl $socket shutdown"
    [ $net = none ] || echo "    ssh -p $ssh_port root@127.0.0.1     (with a key that is in the guest's /root/.ssh/authorized_keys)"
    quiet=
    (machine --disk "$disk")
    check_image
    exit
fi
# ---- without a terminal ----
. tests/boot/debian/console.sh
. tests/boot/net/host.sh
started=$(date +%s)
try_kvp()
{
    until_says 'Debian' 60 "KVP: the guest is $(ctl kvp get OSName 2>/dev/null) $(ctl kvp get OSVersion 2>/dev/null)" ctl kvp get OSName
    [ $net = none ] || until_says '10\.0\.2\.15' 60 "KVP: it has the address 10.0.2.15" ctl kvp get NetworkAddressIPv4
    ctl kvp set demo.key "told at $started" >/dev/null || fail "KVP: a key cannot be set"
    ask "n=0; until grep -aq 'told at $started' /var/lib/hyperv/.kvp_pool_0 || [ \$n -ge 60 ]; do sleep 1; n=\$((n + 1)); done; [ \$n -lt 60 ]" 120 \
        "KVP: a key that the host set is in the guest's pool"
}
try_clock()
{
    ask 'date -s "1 hour ago"' 60 "the guest's clock is set back by an hour"
    now=$(date +%s)
    ask "[ \$(date +%s) -lt $((now - 3000)) ]" 60 "so it stays by itself"
    ctl timesync >/dev/null || fail "the time component does not answer"
    ask "n=0; until [ \$(date +%s) -ge $now ] || [ \$n -ge 60 ]; do sleep 1; n=\$((n + 1)); done; echo CLOCK=\$(date +%s).; [ \$n -lt 60 ]" 120 \
        "the time component put it right"
    clock=$(tr -d '\r' <"$console" | sed -n 's/.*CLOCK=\([0-9]*\)\..*/\1/p' | tail -n 1)
    off=$((clock - $(date +%s)))
    [ $off -ge -20 ] && [ $off -le 2 ] || fail "the guest's clock is off by $off s"
}
# Verified load on the system's disk and on another that comes and goes, while the network is busy.
try_load()
{
    rm -f "$second"
    "$verdite" image create "$second" 512M --type dynamic >/dev/null && ctl disk add "$second,lun=3" >/dev/null || fail "no second disk"
    ask 'n=0; until [ -b /dev/sdb ] || [ $n -ge 60 ]; do sleep 1; n=$((n + 1)); done; lsblk -o NAME,SIZE,MOUNTPOINT' 120 "a second disk came"
    fetch='true'
    [ -z "$port" ] || fetch="demo fetch http://10.0.2.2:$port/data $sum"
    type_line "rm -f /run/fetch.stop; $fetch & fetching=\$!"
    ask "demo fio $mib /dev/sdb" 1200 "fio: 4 verified jobs, crc32c, direct, libaio and io_uring, on both disks while the network is busy"
    if [ -n "$port" ]; then
        ctl nic add switch=inside,name=extra >/dev/null || fail "no second adapter"
        ask 'n=0; until [ -e /sys/class/net/eth1 ] || [ $n -ge 60 ]; do sleep 1; n=$((n + 1)); done; [ $n -lt 60 ]' 120 ""
        ctl nic remove extra >/dev/null || fail "the second adapter cannot be taken away"
        ask 'n=0; while [ -e /sys/class/net/eth1 ] && [ $n -lt 60 ]; do sleep 1; n=$((n + 1)); done; [ $n -lt 60 ]' 120 \
            "a second adapter came and went while the first was busy"
    fi
    ask 'echo 1 >/sys/block/sdb/device/delete' 60 ""
    ctl disk remove 3 >/dev/null || fail "the second disk cannot be taken away"
    ask '[ ! -e /dev/sdb ]; touch /run/fetch.stop; wait $fetching' 300 "the second disk went; the network was busy all the time"
    image_sound "$second" || fail "the second disk's image"
}
# The adapter: features, 256 MiB, another MTU, its cable pulled.
try_net()
{
    ask 'ethtool -k eth0 | grep -E "^(rx-checksumming|tx-checksumming|tcp-segmentation-offload): on" | wc -l | grep -qx 3' 60 \
        "eth0: checksums and segmentation are offloaded"
    [ "$(stat -c %s "$out/files/big" 2>/dev/null)" = 268435456 ] || head -c 268435456 /dev/urandom >"$out/files/big"
    big=$(sha256sum <"$out/files/big" | cut -d' ' -f1)
    ask "busybox wget -q -O - http://10.0.2.2:$port/big | sha256sum | grep -q $big" 900 "256 MiB from the host's loopback, the sum is right"
    reached='n=0; until busybox ping -c 1 -w 2 10.0.2.2 >/dev/null || [ $n -ge 60 ]; do sleep 1; n=$((n + 1)); done; [ $n -lt 60 ]'
    ask "ip link set eth0 mtu 4000 && $reached && ip link show eth0 | grep -q 'mtu 4000' && ip link set eth0 mtu 1500 && $reached" 300 "MTU 4000, and 1500 again"
    ctl nic link nic0 down >/dev/null || fail "the link cannot be taken down"
    ask 'n=0; until [ "$(cat /sys/class/net/eth0/carrier)" = 0 ] || [ $n -ge 60 ]; do sleep 1; n=$((n + 1)); done; [ $n -lt 60 ]' 120 ""
    ctl nic link nic0 up >/dev/null || fail "the link cannot be taken up"
    ask "$reached" 300 "link down, and up"
}
try_ssh()
{
    command -v ssh >/dev/null && command -v ssh-keygen >/dev/null || { echo "skipped ssh: this host has no client"; return; }
    rm -f "$out/key" "$out/key.pub" "$out/sent" "$out/back"
    ssh-keygen -q -t ed25519 -N '' -C demo -f "$out/key" || fail "no key"
    ask "mkdir -p -m 700 /root/.ssh; echo '$(cat "$out/key.pub")' >/root/.ssh/authorized_keys" 60 ""
    set -- -i "$out/key" -o BatchMode=yes -o IdentitiesOnly=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -o ConnectTimeout=60
    [ "$(ssh "$@" -p $ssh_port root@127.0.0.1 uname -r)" = "$(cat "$made/done")" ] || fail "ssh: a command"
    told "ssh through a forwarded port: a command"
    head -c 16777216 /dev/urandom >"$out/sent"
    wanted=$(sha256sum <"$out/sent")
    there=$(ssh "$@" -p $ssh_port root@127.0.0.1 'cat >/var/tmp/sent; sha256sum </var/tmp/sent' <"$out/sent")
    [ "$there" = "$wanted" ] || fail "ssh: 16 MiB to the guest"
    scp -q "$@" -P $ssh_port root@127.0.0.1:/var/tmp/sent "$out/back" && [ "$(sha256sum <"$out/back")" = "$wanted" ] || fail "ssh: 16 MiB from the guest"
    told "ssh: 16 MiB there and back, the sum is right"
    rm -f "$out/sent" "$out/back" "$out/key" "$out/key.pub"
}
port=
[ $net = none ] || serve_files "$out/files" 16 || { port='' && echo "no load of the network: $why_not"; }
trap 'kill $running $httpd $httpd_six 2>/dev/null; rm -f "$keys"' EXIT
switch_on machine --disk "$disk" --timeout 3600 --fail-on '^Kernel panic|Oops:'
log_in "booted"
ask 'state=$(systemctl is-system-running --wait); echo $state; systemctl --failed --no-legend --no-pager; [ $state = running ]' 300 "systemd runs, no failed unit"
ask 'apt-get -q update && apt-get -qy install hello </dev/null && hello' 600 "a package from its archive is installed"
ask 'sync; lsblk -o NAME,SIZE,MOUNTPOINT; uname -r' 60 "its disk"
try_kvp
try_clock
try_load
[ -z "$port" ] || try_net
[ $net = none ] && echo "skipped ssh: verdite without libslirp" || try_ssh
type_line reboot
log_in "rebooted"
ask 'hello && [ $(systemctl is-system-running --wait) = running ]' 300 "what was installed is there, no failed unit"
ctl status | sed -n 's/^\(vmbus\|heartbeat\)/&/p'
ctl shutdown >/dev/null || fail "the shutdown component does not answer"
await 'reboot: Power down' 300 "shut down by the host"
told "shut down by the host"
wait $running
status=$?
running=
[ $status = 0 ] || fail "exit $status"
grep '^verdite: ' "$out/log" | tail -n 1
check_image || exit 1
# Once more, to be crashed: the beat of its heart stops.
console=$out/console.crash
switch_on machine --disk "$disk,snapshot=on" --timeout 1800 --panic continue
log_in "booted again"
until_says '^heartbeat: ok' 60 "heartbeat: ok" ctl status
type_line 'echo c >/proc/sysrq-trigger'
await 'Kernel panic' 60 "it panicked"
until_says '^heartbeat: lost' 60 "it panicked; heartbeat: lost" ctl status
ctl quit >/dev/null
wait $running
running=
echo "demo-debian: passed, Linux $(cat "$made/done"), $(($(date +%s) - started)) s"
