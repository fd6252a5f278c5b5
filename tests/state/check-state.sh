#!/bin/sh
# Saved state: save at random instants, restore in a new process, run on: the hash of the undisturbed run. One engine saves, the other
# runs on.
# Usage: check-state.sh VERDITE CPIO ROM... N: instants of a boot with 4 VPs. SEED: of the instants. AT: these instants instead.
# KERNEL and INITRD: of the boot, else Debian's cloud kernel; NO_KERNEL=1: only the roms. EVERY: how far most go on. ROLE: of the boot.
verdite=$1 cpio=$2
shift 2
out=build/state${NO_KERNEL:+-roms}
every=${EVERY:-20000003}
rm -rf "$out"
mkdir -p "$out"
passed=0 failed=0
verdict() # status, what
{
    if [ "$1" -eq 0 ]; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "FAILED $2"; fi
}
final() # file of standard error
{
    sed -n 's/^trace hash: //p' "$1"
}
retired() # likewise: instructions of the run
{
    sed -n 's/^verdite: .*; \([0-9]*\) instructions in .*/\1/p' "$1" | tail -n 1
}
# Engines of the next save and what follows: the other way round every time.
turn() # sets saves, resumes
{
    if [ "${saves:-translator}" = translator ]; then saves=interpreter resumes=translator; else saves=translator resumes=interpreter; fi
}
# Numbers from 1 to the limit, ascending, the first ones small: seed, how many, limit
instants()
{
    awk -v seed="$1" -v n="$2" -v limit="$3" 'BEGIN {
        srand(seed); at[1] = 1
        for (i = 1; i <= n; i++) { at[i] = 1 + int(rand() * (limit - 1)) }
        if (n > 2) { at[1] = 1 + int(rand() * 2000); at[2] = limit - int(rand() * 2000) - 1 }
        for (i = 1; i <= n; i++) { printf "%.0f\n", at[i] }
    }' | sort -n | uniq
}

rom() # name of the run, rom, processors, more options
{
    run=$1 name=$2 cpus=$3
    shift 3
    role=child append=
    [ -f "roms/$name/role" ] && role=$(cat "roms/$name/role")
    [ -f "roms/$name/append" ] && append=$(cat "roms/$name/append")
    "$verdite" run --kernel "build/roms/$name.elf" --memory 64M --net none --role "$role" --append "$append" --cpus "$cpus" --no-reboot --timeout 120 \
        --serial "file:$out/$run.console" "$@" </dev/null >/dev/null 2>"$out/$run"
}
for name in "$@"; do
    for cpus in 1 4; do
        rom "$name-$cpus" "$name" $cpus --clock virtual
        code=$?
        total=$(retired "$out/$name-$cpus")
        [ "${total:-0}" -gt 2 ] || { verdict 1 "$name: it ran"; continue; }
        for at in $(instants "${SEED:-1}" 3 "$total"); do
            run=$name-$cpus-$at
            turn
            rom "$run" "$name" $cpus --clock virtual --save "$out/$run.state" --save-at "$at" --engine $saves &&
                "$verdite" resume "$out/$run.state" --engine $resumes --no-reboot --timeout 120 --serial "file:$out/$run.rest" </dev/null >/dev/null 2>"$out/$run.resumed"
            [ $? = $code ] && [ "$(final "$out/$name-$cpus")" = "$(final "$out/$run.resumed")" ]
            verdict $? "$name with $cpus VPs, saved at $at: $(final "$out/$name-$cpus") and $(final "$out/$run.resumed") should be one hash ($saves, then $resumes)"
            cat "$out/$run.console" "$out/$run.rest" | cmp -s - "$out/$name-$cpus.console"
            verdict $? "$name with $cpus VPs, saved at $at: what it prints before and after is what it prints"
            rm -f "$out/$run.state"
        done
    done
    # With the host's clock only what the guest prints can be compared.
    rom "$name-realtime" "$name" 1 --save "$out/realtime.state" --save-at 1000
    "$verdite" resume "$out/realtime.state" --no-reboot --timeout 120 --serial "file:$out/$name-realtime.rest" </dev/null >/dev/null 2>"$out/realtime"
    cat "$out/$name-realtime.console" "$out/$name-realtime.rest" | cmp -s - "$out/$name-1.console"
    verdict $? "$name with the host's clock: what it prints before and after is what it prints"
done
[ -z "$NO_KERNEL" ] && kernel=${KERNEL:-$(tests/boot/fetch-kernel.sh cloud)} && initrd=${INITRD:-$(tests/boot/make-initramfs.sh "$cpio")} || {
    [ -n "$NO_KERNEL" ] || echo "skipped the boot: no kernel"
    echo "$passed passed, $failed failed"
    [ $failed = 0 ]
    exit
}

boot() # name of the run, more options
{
    run=$1
    shift
    "$verdite" run --kernel "$kernel" --initrd "$initrd" --append "console=ttyS0 panic=-1 verdite=check verdite_hypervisor=any" --cpus 4 \
        --role "${ROLE:-child}" --memory 256M --no-reboot --timeout 3000 --clock virtual --seed "${SEED:-1}" \
        --serial "file:$out/$run.console" "$@" </dev/null >/dev/null 2>"$out/$run"
}
resume() # file, name of the run, more options
{
    state=$1 run=$2
    shift 2
    "$verdite" resume "$state" --no-reboot --timeout 3000 --serial none "$@" </dev/null >/dev/null 2>"$out/$run"
}
prefixes() # file of standard error
{
    sed -n 's/^trace hash at \([0-9]*\): /\1 /p' "$1"
}
boot undisturbed --trace-hash-every "$every"
code=$?
total=$(retired "$out/undisturbed")
prefixes "$out/undisturbed" >"$out/undisturbed.prefixes"
[ "$code" = 0 ] && grep -q "CHECKS PASSED" "$out/undisturbed.console"
verdict $? "the undisturbed boot (see $out/undisturbed*)"
[ "${total:-0}" -gt 2 ] || { echo "$passed passed, $failed failed"; exit 1; }
list=${AT:-$(instants "${SEED:-1}" "${N:-3}" "$total")}
number=0 count=$(echo "$list" | wc -w) before=
for at in $list; do
    number=$((number + 1))
    turn
    # Each instant is saved by the machine that was restored from the one before.
    if [ -z "$before" ]; then
        boot leg --save "$out/new.state" --save-at "$at" --engine $saves
    else
        resume "$before" leg --save "$out/new.state" --save-at "$at" --engine $saves
    fi
    if ! [ -f "$out/new.state" ]; then
        verdict 1 "no save at $at: $(tail -n 1 "$out/leg")"
        continue
    fi
    mv "$out/new.state" "$out/at.state"
    before=$out/at.state
    # Every tenth runs to its end, the others to the next prefix but one.
    if [ "$count" -le 3 ] || [ $((number % (count / 10 + 1))) = 0 ] || [ $((at + 2 * every)) -gt "$total" ]; then
        resume "$before" resumed --engine $resumes --trace-hash-every "$every"
        [ "$(final "$out/resumed")" = "$(final "$out/undisturbed")" ]
    else
        resume "$before" resumed --engine $resumes --trace-hash-every "$every" --max-instructions $(((at / every + 2) * every + 1))
        prefixes "$out/resumed" >"$out/resumed.prefixes"
        [ "$(wc -l <"$out/resumed.prefixes")" -ge 1 ] && ! grep -qvxFf "$out/undisturbed.prefixes" "$out/resumed.prefixes"
    fi
    if [ $? = 0 ]; then
        verdict 0
    else
        prefixes "$out/resumed" >"$out/resumed.prefixes"
        first=$(grep -vxFf "$out/undisturbed.prefixes" "$out/resumed.prefixes" | head -n 1 | cut -d' ' -f1)
        cp "$before" "$out/failed-$at.state"
        verdict 1 "saved at $at ($saves, then $resumes): another hash, first seen at ${first:-the end}; again: make check-state AT=$at SEED=${SEED:-1} (state: $out/failed-$at.state)"
    fi
done
rm -f "$out/at.state"
echo "$passed passed, $failed failed"
[ $failed = 0 ]
