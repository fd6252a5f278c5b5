#!/bin/sh
# check.sh VERDITE SEEDS ROUNDS: hostile with many seeds, one VP or two, both clocks in turn: after each round the heart beats, the machine powers off
# in order, and the host's memory stays within LIMIT MiB (environment; 384, and more with a sanitizer).
verdite=$1 seeds=$2 rounds=$3
passed=0 failed=0 first=${SEED:-1} seed=${SEED:-1}
limit=${LIMIT:-384}
case $verdite in *san/*) limit=${LIMIT:-2048} ;; esac
export ASAN_OPTIONS="${ASAN_OPTIONS:-quarantine_size_mb=64}"
while [ "$seed" -lt $((first + seeds)) ]; do
    clock=realtime
    [ $((seed % 2)) = 0 ] || clock=virtual
    out=build/roms/hostile-$seed
    "$verdite" run --kernel build/roms/hostile.elf --memory 64M --net none --cpus $((1 + seed % 3 / 2)) --clock $clock --append "seed=$seed rounds=$rounds" \
        --disk build/roms/hostile.img,snapshot=on --disk build/roms/hostile.iso --disk build/roms/hostile.img,readonly=on,bus=ide \
        --net switch=hostile --net switch=hostile,queues=4 --no-reboot --timeout 7200 --serial "file:$out.console" $OPTIONS </dev/null >/dev/null 2>"$out.log" &
    running=$!
    peak=0
    while kill -0 $running 2>/dev/null; do
        now=$(sed -n 's/^VmHWM:[[:space:]]*\([0-9]*\) kB/\1/p' /proc/$running/status 2>/dev/null)
        [ "${now:-0}" -le $peak ] || peak=$now
        sleep 0.5
    done
    wait $running
    status=$?
    if [ $status = 0 ] && [ $peak -le $((limit * 1024)) ] && grep -q " rounds of attacks; after each the heart beats" "$out.console"; then
        passed=$((passed + 1))
        rm "$out.console" "$out.log"
    else
        failed=$((failed + 1))
        echo "FAILED seed $seed, $clock: exit $status, $((peak / 1024)) MiB; $(tail -n 1 "$out.console"); see $out.log"
    fi
    seed=$((seed + 1))
done
echo "$passed passed, $failed failed; the last had $((peak / 1024)) MiB at most"
[ $failed = 0 ]
