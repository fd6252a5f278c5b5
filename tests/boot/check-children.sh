#!/bin/sh
# Several children under stock Debian kernels: boots, determinism, a switch between them, one that dies, verbs for one of them; saved in the
# middle of what they send one another, resumed in a new process, with the virtual clock to the hash of the undisturbed run (N instants); beside
# one that attacks its host (SEED, ROUNDS).
# Usage: check-children.sh VERDITE CPIO [PART OF A NAME]; OPTIONS and BYTES (over the switch; 1 GiB of the server's memory holds them) from
# the environment.
verdite=$1 cpio=$2 part=$3
passed=0 failed=0
out=build/children
mkdir -p "$out"
image=$(tests/boot/fetch-kernel.sh cloud 6.1) && initrd=$(tests/boot/make-initramfs.sh "$cpio") &&
    net=$(tests/boot/net/make-initramfs.sh "$cpio" "${image%/*}") || { echo "check-children: skipped: no kernel, or no packages for its initramfs"; exit 0; }
words="console=ttyS0 verdite_hypervisor=any verdite=check"
judge() # name, why it failed or nothing
{
    if [ -z "$2" ]; then
        passed=$((passed + 1))
        echo "passed $1: $(grep '^verdite: .*MIPS' "$out/$1.log" | tail -n 1)"
    else
        failed=$((failed + 1))
        echo "FAILED $1: $2; see $out/$1*"
    fi
}
asked() { case $1 in *"$part"*) return 0 ;; *) return 1 ;; esac; }
run() # name, options: consoles a and b in files, the rest in .log
{
    name=$1
    shift
    rm -f "$out/$name".*
    $verdite run --timeout 300 --no-reboot $OPTIONS "$@" </dev/null >"$out/$name.log" 2>&1
    status=$?
}
two() # name, options of the machine
{
    name=$1
    shift
    run "$name" "$@" --child a --kernel "$image" --initrd "$initrd" --append "$words" --memory 256M --serial "file:$out/$name.a" \
        --child b --kernel "$image" --initrd "$initrd" --append "$words" --memory 192M --cpus 2 --serial "file:$out/$name.b"
    why=
    [ $status = 0 ] || why="exit $status"
    for child in a b; do grep -q '^CHECKS PASSED' "$out/$name.$child" || why="$why; child $child failed"; done
}
switched() # name, options of the machine
{
    name=$1 bytes=${BYTES:-268435456} mtu=1500
    case $name in *virtual*) bytes=${BYTES:-67108864} ;; *jumbo*) mtu=9000 ;; esac
    shift
    run "$name" "$@" \
        --child server --kernel "$image" --initrd "$net" --memory 1G --net switch=between --serial "file:$out/$name.a" \
        --append "console=ttyS0 net_tests=serve net_bytes=$bytes net_mtu=$mtu" \
        --child client --kernel "$image" --initrd "$net" --memory 256M --net switch=between --serial "file:$out/$name.b" \
        --append "console=ttyS0 net_tests=fetch net_mtu=$mtu"
    why=
    [ $status = 0 ] || why="exit $status"
    for child in a b; do grep -q '^CHECKS PASSED' "$out/$name.$child" || why="$why; child $child failed"; done
    [ -n "$why" ] || grep -ah '^received' "$out/$name.b" | sed "s/^/$name: $bytes bytes /"
}
hash_of() { sed -n 's/^trace hash: //p' "$out/$1.log"; }
same() # kind, a function that runs two children: twice with one seed
{
    "$2" "$1-virtual-1" --clock virtual --seed 1
    judge "$1-virtual-1" "$why"
    "$2" "$1-virtual-2" --clock virtual --seed 1
    [ "$(hash_of "$1-virtual-1")" = "$(hash_of "$1-virtual-2")" ] || why="$why; the same seed gave $(hash_of "$1-virtual-1"), then $(hash_of "$1-virtual-2")"
    judge "$1-virtual-2" "$why"
}
if asked boot-realtime; then
    two boot-realtime
    judge boot-realtime "$why"
fi
if asked boot-virtual; then same boot two; fi
if asked switch-realtime; then
    switched switch-realtime
    judge switch-realtime "$why"
fi
if asked switch-jumbo; then
    switched switch-jumbo
    judge switch-jumbo "$why"
fi
if asked switch-virtual; then same switch switched; fi
if asked user && "$verdite" explain --kernel /dev/null --net user >/dev/null 2>&1; then # both behind one NAT, addresses in the children's order
    run user --child a --kernel "$image" --initrd "$net" --memory 192M --net user --serial "file:$out/user.a" \
        --append "console=ttyS0 net_tests=ping,dhcp,ping net_ip=10.0.2.15" \
        --child b --kernel "$image" --initrd "$net" --memory 192M --net user --serial "file:$out/user.b" \
        --append "console=ttyS0 net_tests=dhcp,ping net_ip=10.0.2.16"
    why=
    [ $status = 0 ] || why="exit $status"
    for child in a b; do grep -q '^check dhcp: ok' "$out/user.$child" || why="$why; child $child has another address"; done
    judge user "$why"
fi
if asked crash; then # a has no init and panics; b does not care
    run crash --child a --kernel "$image" --append "console=ttyS0 panic=0" --memory 192M --serial "file:$out/crash.a" \
        --child b --kernel "$image" --initrd "$initrd" --append "$words" --memory 256M --serial "file:$out/crash.b"
    why=
    [ $status = 120 ] || why="exit $status, not 120"
    grep -q 'Kernel panic' "$out/crash.a" || why="$why; a did not panic"
    grep -q '^CHECKS PASSED' "$out/crash.b" || why="$why; b failed"
    grep -q '^verdite: child a: the guest panicked' "$out/crash.log" && grep -q '^verdite: child b: the guest powered off' "$out/crash.log" ||
        why="$why; not told"
    judge crash "$why"
fi
resume() # file, name: consoles go on in name.a, name.b
{
    "$verdite" resume "$1" --timeout 300 --no-reboot $OPTIONS $engine --child server --serial "file:$out/$2.a" \
        --child client --serial "file:$out/$2.b" </dev/null >"$out/$2.log" 2>&1
    status=$?
    why=
    [ $status = 0 ] || why="exit $status"
    for child in a b; do grep -q '^CHECKS PASSED' "$out/$2.$child" || why="$why; child $child failed"; done
}
retired() { sed -n 's/^verdite: .*; \([0-9]*\) instructions in .*/\1/p' "$out/$1.log" | tail -n 1; }
for clock in virtual realtime; do
    asked state-$clock || continue
    BYTES=16777216 SERVER_MEMORY=256M count=${N:-3} clocked="--clock $clock --seed 1" all=state-$clock
    [ $clock = virtual ] || count=1
    switched $all-whole $clocked
    judge $all-whole "$why"
    # The transfer lies between two lines of the client.
    switched $all-from $clocked --child server --child client --expect '1 packets transmitted'
    switched $all-to $clocked --child server --child client --expect '^received in'
    from=$(retired $all-from) to=$(retired $all-to)
    [ "${to:-0}" -gt "${from:-0}" ] || { judge $all "no transfer was seen"; continue; }
    list=$(awk -v n="$count" -v from="$from" -v to="$to" 'BEGIN { for (i = 1; i <= n; i++) { printf "%.0f ", from + (to - from) * i / (n + 1) } }')
    switched $all-saves $clocked --save "$out/state" --save-at "$(echo $list | tr ' ' ,)"
    engine=
    for at in $list; do
        saved=$out/state.$at leg=$all-$at
        [ -f "$saved" ] || saved=$out/state # only one instant
        resume "$saved" $leg
        if [ $clock = virtual ]; then
            grep -q '^received in' "$out/$leg.b" || why="$why; not saved in the middle of the transfer"
            [ "$(hash_of $leg)" = "$(hash_of $all-whole)" ] || why="$why; $(hash_of $leg) and $(hash_of $all-whole) should be one hash"
        fi
        judge $leg "$why"
        rm -f "$saved"
        [ -n "$engine" ] && engine= || engine="--engine interpreter"
    done
done
# A child that attacks its host (roms/hostile), with an adapter also on the switch of two that do their work: it hurts only itself.
hostile_first() # name, options of the machine
{
    name=$1
    shift
    switched "$name" "$@" --child hostile --kernel build/roms/hostile.elf --append "seed=${SEED:-1} rounds=${ROUNDS:-40}" --memory 64M \
        --disk build/roms/hostile.img,snapshot=on --disk build/roms/hostile.iso --net switch=between --net switch=hostile,queues=4 \
        --serial "file:$out/$name.hostile"
    grep -q ' rounds of attacks; after each the heart beats' "$out/$name.hostile" || why="$why; hostile: $(tail -n 1 "$out/$name.hostile")"
}
for clock in realtime virtual; do
    asked hostile-$clock || continue
    BYTES=16777216 SERVER_MEMORY=256M
    hostile_first hostile-$clock --clock $clock --seed "${SEED:-1}"
    judge hostile-$clock "$why"
done
ctl() { "$verdite" ctl "$@" >>"$out/verbs.ctl" 2>&1; }
if asked verbs && "$verdite" ctl 2>&1 | grep -q usage; then
    socket=$out/verbs.socket
    rm -f "$out/verbs".*
    $verdite run --timeout 300 --control "$socket" $OPTIONS \
        --child a --kernel "$image" --initrd "$net" --append "console=ttyS0 net_tests=serve" --memory 192M --net switch=s --serial "file:$out/verbs.a" \
        --child b --kernel "$image" --initrd "$net" --append "console=ttyS0 net_tests=serve" --memory 192M --net switch=s --serial "file:$out/verbs.b" \
        </dev/null >"$out/verbs.log" 2>&1 &
    running=$!
    n=0
    until "$verdite" ctl "$socket" status 2>/dev/null | grep -c 'vmbus: [1-9]' | grep -q 2; do
        n=$((n + 1))
        [ $n -lt 120 ] || break
        sleep 1
    done
    why=
    ctl "$socket" devices && why="a verb without a child was taken"
    grep -q 'which child? There are a, b' "$out/verbs.ctl" || why="$why; it was not told which children there are"
    ctl --child c "$socket" devices && why="$why; a child that is none was taken"
    ctl --child b "$socket" devices || why="$why; no devices of b"
    "$verdite" ctl "$socket" inspect partitions 2>/dev/null | grep -c '^  name: [ab]' | grep -q 2 || why="$why; inspect does not name both"
    ctl --child b "$socket" nic link nic0 down || why="$why; the link of b was not taken"
    ctl "$socket" save "$out/verbs.state" || why="$why; not saved"
    "$verdite" resume "$out/verbs.state" --child c >>"$out/verbs.ctl" 2>&1 && why="$why; a child that is none was resumed"
    grep -q 'the saved machine has a and others' "$out/verbs.ctl" || why="$why; it was not told which children a saved machine has"
    rm -f "$out/verbs.state"
    ctl --child a "$socket" power_off || why="$why; a was not ended"
    sleep 1
    ctl "$socket" status
    tail -n 20 "$out/verbs.ctl" | grep -q 'state: ended' || why="$why; a is not told as ended"
    ctl --child b "$socket" power_off || why="$why; b was not ended"
    wait $running
    status=$?
    [ $status = 0 ] || why="$why; exit $status"
    judge verbs "$why"
fi
echo "$passed passed, $failed failed"
[ $failed = 0 ]
