#!/bin/sh
# Stock Debian kernels and disks: SCSI, IDE and DVD, blocks verified under load, hot plug, bind and rescind with requests under way, disks that
# come and go while the driver comes up, saved in the middle, also of network traffic. At the end a guest takes what it took at first, and so does
# the process.
# Usage: check-disk.sh VERDITE CPIO [PART OF A NAME]; OPTIONS from the environment. A row: name, kernel, options, tests in the guest, seconds.
verdite=$1 cpio=$2 part=$3
passed=0 failed=0 skipped=0
out=build/disk
heap_slack=1024 # KiB by which what the process has allocated may differ
mkdir -p "$out"
. tests/boot/control.sh
[ -s "$out/dvd.iso" ] || { # 16 sectors, the mark of a DVD, and noise
    { head -c 32768 /dev/zero; printf '\001CD001\001'; head -c 999993 /dev/zero | openssl enc -aes-128-ctr -K 0 -iv 0 2>/dev/null ||
        head -c 999993 /dev/urandom; } | head -c 1032192 >"$out/dvd.iso"
}
dvd=$(sha256sum <"$out/dvd.iso" | cut -d' ' -f1)
fresh() # the disks of a run, empty; always the same, as a VHDX has an identity of its own that the guest reads
{
    if [ ! -s "$out/new/d.vhdx" ]; then
        mkdir -p "$out/new"
        "$verdite" image create "$out/new/a.vhdx" 64M >/dev/null && "$verdite" image create "$out/new/b.vhd" 64M >/dev/null &&
            "$verdite" image create "$out/new/c.img" 32M >/dev/null && "$verdite" image create "$out/new/d.vhdx" 16M --type fixed >/dev/null || return 1
    fi
    cp --sparse=always "$out/new"/* "$out/"
}
sound() # what is wrong with the disks after a run
{
    for file in a.vhdx b.vhd c.img d.vhdx; do "$verdite" image check "$out/$file" >/dev/null 2>&1 || echo " $file is damaged"; done
}
# A disk that comes and goes as fast as it can, until nothing is in $plugging.
plug() # LUN
{
    while [ -e "$plugging" ] && runs; do
        ctl disk add "$out/d.vhdx,lun=$1" >/dev/null
        ctl disk remove "$1" >/dev/null
    done
}
# The guest takes what it took when its disks were up, or a sentence.
compare()
{
    settle && within 60 "the heap to be no larger than $heap_before KiB, and $heap_slack" heap_is_within $((heap_before + heap_slack)) || {
        echo ": $(heap) KiB"
        return
    }
    echo "as before: $before; heap $heap_before KiB, then $(heap) KiB" >"$out/note"
}
# What the guest's lines ask the host to do.
serve() # console
{
    seen=0 plugging=$out/$$.plugging
    while runs; do
        lines=$(sed -n 's/^\(HOT-ADD\|HOT-REMOVE\|RESCIND\|OFFER\|PLUG\|PLUG-END\|PLUG-OVER\|DISKS-UP\|DISKS-DONE\)\( .*\)*\r$/\1/p' "$1" | tail -n +$((seen + 1)))
        for line in $lines; do
            seen=$((seen + 1))
            case $line in
            HOT-ADD) ctl disk add "$out/d.vhdx,lun=5" ;;
            HOT-REMOVE) ctl disk remove 5 ;;
            RESCIND) ctl rescind storvsp ;;
            OFFER) within 60 "the controller to be let go" ctl offer storvsp ;;
            PLUG)
                : >"$plugging"
                plug 5 &
                plugger=$!
                ;;
            PLUG-END)
                rm -f "$plugging"
                wait $plugger
                ctl disk add "$out/d.vhdx,lun=6"
                ;;
            PLUG-OVER) ctl disk remove 6 ;;
            DISKS-UP) before=$(taken) heap_before=$(heap) ;;
            DISKS-DONE)
                [ -z "$compared" ] || compare | tr '\n' ' ' | sed 's/^/COUNTS: /'
                ctl disk add "$out/d.vhdx,lun=7"
                ;;
            esac
        done
        sleep 0.1
    done >>"$1.ctl" 2>&1
    rm -f "$plugging"
}
row() # name, series, flavour, options, tests, seconds
{
    name=$1 tests=$5
    image=$(tests/boot/fetch-kernel.sh "$3" "$2") && initrd=$(tests/boot/disk/make-initramfs.sh "$cpio" "${image%/*}" "$CC") && fresh || {
        echo "skipped $name: no kernel, or nothing for its initramfs"
        skipped=$((skipped + 1))
        return
    }
    console=$out/$name.console socket=$out/$$.socket
    rm -f "$console" "$console.ctl" "$socket" "$out/note"
    # With the virtual clock what the host asks comes at no instant of the guest's.
    compared=1
    case $4 in *virtual*) compared= ;; esac
    $verdite run --kernel "$image" --initrd "$initrd" $4 $OPTIONS --control "$socket" --no-reboot --timeout "$6" \
        --disk "$out/a.vhdx" --disk "$out/b.vhd" --disk "$out/dvd.iso" --disk "$out/c.img,bus=ide" \
        --append "$patient disk_seed=1 disk_dvd=$dvd disk_tests=$tests disk_compared=$compared" </dev/null >"$console" 2>"$console.log" &
    running=$!
    serve "$console"
    wait $running
    status=$?
    why=$(sound)
    [ $status = 0 ] || why="$why exit $status"
    grep -q '^CHECKS PASSED' "$console" || why="$why $(grep -a '^check.*FAILED' "$console" | tr '\r\n' '  ')"
    why="$why$(grep -a '^COUNTS' "$console.ctl")"
    [ -n "$why" ] || [ -z "$compared" ] || [ -s "$out/note" ] || why="what it takes was not compared"
    if [ -z "$why" ]; then
        echo "passed $name: $(cat "$out/note" 2>/dev/null); $(grep "^verdite: " "$console.log" | tail -n 1)"
        passed=$((passed + 1))
    else
        echo "FAILED $name: $why; $(grep "^verdite: " "$console.log" | tail -n 1); see $console"
        failed=$((failed + 1))
    fi
}
# With the virtual clock a machine that is saved while it works for its disks, or for disks and network, runs on to the same hash, and the disks
# hold the same. One engine saves, the other runs on.
load() # kind, more options
{
    kind=$1
    shift
    fresh
    case $kind in
    both) set -- --disk "$out/b.vhd" --net switch=s --net switch=s "$@" ;;
    *) set -- --disk "$out/c.img,bus=ide" "$@" ;;
    esac
    $verdite run --kernel "$image" --initrd "$initrd" --clock virtual --cpus "$cpus" $OPTIONS --no-reboot --timeout 1800 --disk "$out/a.vhdx" "$@" \
        --append "$patient disk_seed=1 disk_tests=$kind" --serial "file:$log.console" </dev/null >/dev/null 2>"$log.log"
}
hash_of() { sed -n 's/^trace hash: //p' "$1"; }
saved() # name, series, flavour, processors, kind, instants
{
    name=$1 cpus=$4 kind=$5 instants=$6
    image=$(tests/boot/fetch-kernel.sh "$3" "$2") && initrd=$(tests/boot/disk/make-initramfs.sh "$cpio" "${image%/*}" "$CC") || {
        echo "skipped $name: no kernel, or nothing for its initramfs"
        skipped=$((skipped + 1))
        return
    }
    log=$out/$name
    why=
    load "$kind" && grep -q '^CHECKS PASSED' "$log.console" || why=" it failed"
    hash=$(hash_of "$log.log")
    total=$(sed -n 's/^verdite: .*; \([0-9]*\) instructions in .*/\1/p' "$log.log" | tail -n 1)
    for disk in a.vhdx b.vhd; do mv "$out/$disk" "$out/undisturbed.$disk"; done
    n=0
    while [ -z "$why" ] && [ $n -lt "$instants" ]; do
        n=$((n + 1))
        at=$(awk -v total="$total" -v n="$n" -v all="$instants" 'BEGIN { printf "%.0f", total * (0.75 + 0.22 * n / all) + n * 1237 }')
        case $n in 1) saves=interpreter resumes=translator ;; *) saves=translator resumes=interpreter ;; esac
        load "$kind" --save "$log.state" --save-at "$at" --engine $saves
        "$verdite" resume "$log.state" --no-reboot --timeout 1800 --engine $resumes --serial none </dev/null >/dev/null 2>"$log.rest"
        [ "$(hash_of "$log.rest")" = "$hash" ] || why="$why saved at $at by the $saves: another hash ($(tail -n 1 "$log.rest"))"
        for disk in a.vhdx b.vhd; do
            "$verdite" image compare "$out/$disk" "$out/undisturbed.$disk" >/dev/null 2>&1 || why="$why saved at $at: $disk holds something else"
        done
    done
    rm -f "$log.state"
    if [ -z "$why" ]; then
        echo "passed $name: $n times saved within the last quarter of $total instructions; $hash"
        passed=$((passed + 1))
    else
        echo "FAILED $name:$why; see $log.*"
        failed=$((failed + 1))
    fi
}
while IFS='|' read -r name kernel options tests seconds; do
    name=$(echo $name) options=$(echo $options) tests=$(echo $tests) seconds=$(echo $seconds)
    case $name in '' | '#'*) continue ;; *"$part"*) ;; *) continue ;; esac
    set -- $kernel
    case $tests in
    saved*) saved "$name" "$1" "$2" "${options##*--cpus }" ${tests#saved } ;;
    *) row "$name" "$1" "$2" "$options" "$tests" "$seconds" ;;
    esac
done <<ROWS
6.1-cloud         | 6.1 cloud  | --cpus 2               | verify,ide,dvd,files,hot | 600
6.12-cloud        | 6.12 cloud | --cpus 2               | verify,ide,dvd,files,hot | 600
7-cloud           | 7 cloud    | --cpus 2               | verify,ide,dvd,files,hot | 600
6.1-cloud-virtual | 6.1 cloud  | --cpus 2 --clock virtual | verify,ide,dvd,files   | 600
6.1-cloud-bind    | 6.1 cloud  | --cpus 4               | bind,rescind,plug        | 1200
6.12-cloud-bind   | 6.12 cloud | --cpus 2               | bind,rescind,plug        | 1200
7-cloud-bind      | 7 cloud    | --cpus 2               | bind,rescind,plug        | 1200
6.1-cloud-saved   | 6.1 cloud  | --cpus 2               | saved load 5             | 900
6.1-cloud-both    | 6.1 cloud  | --cpus 2               | saved both 4             | 900
ROWS
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
