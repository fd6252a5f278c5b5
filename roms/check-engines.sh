#!/bin/sh
# check-engines.sh VERDITE NAME...: teaching guests on hosts that lack something: one line says what, and the console is as ever.
verdite=$1; shift
passed=0 failed=0
case $(uname -m) in x86_64) ;; *) echo "skipped: the translator is for x86-64 hosts"; echo "0 passed, 0 failed, 1 skipped"; exit 0 ;; esac
mkdir -p build/roms
# one row: name | KiB of address space | options | what standard error says once, or - when it says nothing of it
rows='
all of the host|unlimited|--engine translator|-
every block|unlimited|--engine translator,eager|-
both engines in lock step|unlimited|--clock virtual --check lockstep|-
no AVX|unlimited|--engine translator,eager --host-features -avx|-
no BMI2|unlimited|--engine translator --host-features -bmi2,-avx|the host has no BMI2
no memory for code|unlimited|--engine translator --host-features -exec|the host refuses memory for code
little address space|500000|--engine translator|the host refuses memory for code
hardly any|300000|--engine translator|the host refuses memory for code'
for rom in "$@"; do
    role=child cpus=1 append=
    for word in role cpus append; do
        [ ! -f "roms/$rom/$word" ] || eval "$word=\$(cat roms/$rom/$word)"
    done
    while IFS='|' read -r name kibibytes options says; do
        [ -n "$name" ] || continue
        out=build/roms/$rom-engines.console
        (
            ulimit -v "$kibibytes"
            "$verdite" run --kernel "build/roms/$rom.elf" --memory 64M --net none --role "$role" --cpus "$cpus" ${append:+--append "$append"} \
                --serial "file:$out" $options --timeout 600 --no-reboot </dev/null >/dev/null 2>"$out.log"
        )
        status=$? lines=$(grep -c 'everything is interpreted' "$out.log")
        if [ "$says" = - ]; then want=0; else want=1; fi
        if [ $status = 0 ] && cmp -s "roms/$rom/expected.txt" "$out" && [ "$lines" = $want ] &&
            { [ $want = 0 ] || grep -q "^verdite: $says.*: everything is interpreted$" "$out.log"; }; then
            passed=$((passed + 1))
        else
            failed=$((failed + 1)); echo "FAILED $rom, $name: exit $status, $lines lines"; tail -5 "$out.log"
        fi
    done <<EOF
$rows
EOF
done
echo "$passed passed, $failed failed"
[ $failed = 0 ]
