#!/bin/sh
# The virtual clock with a network adapter. determinism: DHCP, IPv6, ping and more twice, one hash; what a transfer from the host was is recorded and
# fed back, one hash. state: saved in the middle of such a transfer and resumed, the hash of the undisturbed run; with live sockets of the
# host instead, connections are reset.
# Usage: check-net-virtual.sh VERDITE CPIO determinism|state. N: instants of saves. KERNEL: of tests/boot/kernels.
verdite=$1 cpio=$2 what=$3
out=build/net-virtual-$what
mkdir -p "$out"
passed=0 failed=0
verdict() # status, what
{
    if [ "$1" -eq 0 ]; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "FAILED $2"; fi
}
hash_of() # name of a run
{
    sed -n 's/^trace hash: //p' "$out/$1"
}
retired()
{
    sed -n 's/^verdite: .*; \([0-9]*\) instructions in .*/\1/p' "$out/$1" | tail -n 1
}
same() # what, two runs
{
    [ -n "$(hash_of "$2")" ] && [ "$(hash_of "$2")" = "$(hash_of "$3")" ]
    verdict $? "$1: $(hash_of "$2") and $(hash_of "$3") should be one hash ($out/$2, $out/$3)"
}
finish()
{
    echo "$passed passed, $failed failed"
    [ $failed = 0 ]
    exit
}
. tests/boot/net/host.sh
kernel=$(tests/boot/fetch-kernel.sh cloud "${KERNEL:-6.1}") && initrd=$(tests/boot/net/make-initramfs.sh "$cpio" "${kernel%/*}") &&
    "$verdite" explain --kernel /dev/null --net user >/dev/null 2>&1 && serve_files "$out/files" 8 || {
    echo "skipped the network: no kernel, no packages, no user network or no server here; $why_not"
    finish
}
net=user
boot() # name of the run, tests in the guest, processors, more options
{
    run=$1 tests=$2 cpus=$3
    shift 3
    "$verdite" run --kernel "$kernel" --initrd "$initrd" --cpus "$cpus" --memory 256M --no-reboot --timeout 1800 --clock virtual --net "$net" \
        --append "console=ttyS0 panic=-1 net_port=$port net_sum=$sum net_put=$put_sum net_queues=$cpus net_tests=$tests" \
        --serial "file:$out/$run.console" "$@" </dev/null >/dev/null 2>"$out/$run"
}
resume() # file, name of the run, more options
{
    state=$1 run=$2
    shift 2
    "$verdite" resume "$state" --no-reboot --timeout 1800 --serial "file:$out/$run.console" "$@" </dev/null >/dev/null 2>"$out/$run"
}
passes() # what, run
{
    grep -q '^CHECKS PASSED' "$out/$2.console"
    verdict $? "$1: its checks pass (see $out/$2.console)"
}
if [ "$what" = determinism ]; then
    quiet=dhcp,ipv6,ping,offloads,mtu,mac,ping net=user,ipv6=on
    boot alone-a $quiet 4 --engine interpreter &
    sleep 1.1 # another second of the host's clock
    boot alone-b $quiet 4 --trace-hash-every 10000019
    wait $!
    passes "without the host" alone-a
    same "without the host, with another engine and pauses" alone-a alone-b
    net=user
    boot live dhcp,get,put 2 --record "$out/record"
    boot replayed dhcp,get,put 2 --input "$out/record"
    passes "a transfer" live
    same "a transfer, recorded and fed back" live replayed
    finish
fi
instants() # how many, from, to: in equal steps
{
    awk -v n="$1" -v from="$2" -v to="$3" 'BEGIN { for (i = 1; i <= n; i++) { printf "%.0f\n", from + (to - from) * i / (n + 1) } }'
}
boot live dhcp,get,put 2 --record "$out/record"
passes "a transfer" live
to=$(retired live)
[ "${to:-0}" -gt 0 ] || { verdict 1 "the run ended ($out/live)"; finish; }
list=$(instants "${N:-3}" $((to / 4 * 3)) "$to") last=
boot saves dhcp,get,put 2 --input "$out/record" --save "$out/at" --save-at "$(echo $list | tr ' ' ,)"
for at in $list; do
    saved=$out/at.$at
    [ -f "$saved" ] || saved=$out/at # only one instant
    resume "$saved" "from-$at"
    same "fed back, saved at $at" live "from-$at"
    # And from what was restored: saved once more, a little later.
    resume "$saved" again --save "$out/again.state" --save-at $((at + 1000003)) && resume "$out/again.state" "from-again"
    same "fed back, saved at $at and once more" live from-again
    rm -f "$saved" "$out/again.state"
done
# The same with the host's sockets: the guest waits for an answer that is long in coming; saved, its connection is reset when it goes on.
socket=$out/$$.socket
rm -f "$out/sockets.console" "$socket"
boot sockets dhcp,hold,put 2 --control "$socket" &
running=$!
seconds=0
until grep -q '^held' "$out/sockets.console" 2>/dev/null; do
    kill -0 $running 2>/dev/null && [ $seconds -lt 600 ] || break
    sleep 0.2
    seconds=$((seconds + 1))
done
"$verdite" ctl "$socket" save "$out/held.state" >/dev/null
verdict $? "a save while the guest waits for the host (see $out/sockets.console)"
"$verdite" ctl "$socket" quit >/dev/null
wait $running
resume "$out/held.state" reset
passes "a connection with the host is reset, another one can be made" reset
rm -f "$out/held.state" "$socket"
finish
