#!/bin/sh
# Boot the kernels of the manifest and judge what they say. Usage: check-boot.sh VERDITE CPIO [PART OF A NAME]
# Each must come up, pass its checks, reach a prompt and power off when that is typed, without a WARNING or BUG line. Consoles stay in
# build/boot. OPTIONS: more options of verdite run. SLOWER: times the seconds that a row gives. What the mirror has beyond the tested kernels is told at the end and judged nowhere.
verdite=$1 cpio=$2 part=$3
passed=0 failed=0 skipped=0 kernels=
mkdir -p build/boot
keys=build/boot/keys.$$
trap 'rm -f "$keys"' EXIT
trap '' PIPE
judge() # exit status, console
{
    [ "$1" = 0 ] || { echo "exit $1"; return; }
    grep -q '^GUEST-UP' "$2" || { echo "never came up"; return; }
    grep -q '^CHECKS PASSED' "$2" || { grep '^check.*FAILED' "$2" || echo "no CHECKS PASSED"; return; }
    grep -aqE '^/ #' "$2" || { echo "no prompt"; return; }
    grep -E '(WARNING|BUG):' "$2" | head -n 1
}
while IFS='|' read -r name kernel options words seconds; do
    name=$(echo $name) seconds=$(echo $seconds)
    case $name in '' | '#'*) continue ;; *"$part"*) ;; *) continue ;; esac
    set -- $kernel
    image=$(tests/boot/fetch-kernel.sh "$2" "$1") && initrd=$(tests/boot/make-initramfs.sh "$cpio") || {
        echo "skipped $name: no kernel"
        skipped=$((skipped + 1))
        continue
    }
    case "$kernels" in *" $2 $1 "*) ;; *) kernels="$kernels $2 $1 " ;; esac
    console=build/boot/$name.console
    rm -f "$keys" "$console"
    mkfifo "$keys"
    $verdite run --kernel "$image" --initrd "$initrd" --append "console=ttyS0 verdite=prompt $(echo $words)" $options $OPTIONS \
        --timeout $((seconds * ${SLOWER:-1})) --no-reboot <"$keys" >"$console" 2>"$console.log" &
    running=$!
    exec 7>"$keys"
    while kill -0 $running 2>/dev/null; do
        if grep -aqE '^/ #' "$console" 2>/dev/null; then
            echo poweroff >&7
            break
        fi
        sleep 0.5
    done
    wait $running
    status=$?
    exec 7>&-
    why=$(judge $status "$console" | tr '\r\n' '  ')
    if [ -z "$why" ]; then
        echo "passed $name: $(grep "^verdite: " "$console.log" | tail -n 1)"
        passed=$((passed + 1))
    else
        echo "FAILED $name: $why; $(grep "^verdite: " "$console.log" | tail -n 1); see $console"
        failed=$((failed + 1))
    fi
done <tests/boot/manifest
set -- $kernels
while [ $# -ge 2 ]; do
    tests/boot/fetch-kernel.sh --newer "$1" "$2"
    shift 2
done
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
