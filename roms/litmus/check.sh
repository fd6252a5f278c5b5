#!/bin/sh
# check.sh VERDITE ROUNDS [PART OF A TEST'S NAME]: litmus with 2, 3 and 4 VPs, as child and on a plain PC, with both clocks; no forbidden outcome.
# CPUS, ROLES, CLOCKS (environment): fewer of them. OPTIONS: more of verdite run. Consoles stay in build/roms.
verdite=$1 rounds=$2 only=$3
passed=0 failed=0
for clock in ${CLOCKS:-realtime virtual}; do
    for role in ${ROLES:-child pc}; do
        for cpus in ${CPUS:-2 3 4}; do
            out=build/roms/litmus-$role-$cpus-$clock
            "$verdite" run --kernel build/roms/litmus.elf --memory 64M --net none --role "$role" --cpus "$cpus" --clock "$clock" --no-reboot \
                --append "rounds=$rounds verbose${only:+ only=$only}" --serial "file:$out" --timeout 7200 $OPTIONS </dev/null >/dev/null 2>"$out.log"
            status=$?
            if [ $status -eq 0 ] && ! grep '^FAIL' "$out" && tail -n 1 "$out" | grep -q '^[1-9][0-9]* passed, 0 failed'; then
                passed=$((passed + 1))
                echo "passed $role, $cpus VPs, $clock: $(tail -n 1 "$out"); $(grep '^verdite: ' "$out.log")"
            else
                failed=$((failed + 1))
                echo "FAILED $role, $cpus VPs, $clock: exit $status; $(grep '^verdite: ' "$out.log"); see $out"
            fi
        done
    done
done
echo "$passed passed, $failed failed"
[ $failed = 0 ]
