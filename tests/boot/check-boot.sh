#!/bin/sh
# Boot the kernels of the manifest and judge what they say. Usage: check-boot.sh VERDITE CPIO [PART OF A NAME]
# Each must reach its prompt, pass its checks and power off, without a WARNING or BUG line. Consoles stay in build/boot.
verdite=$1 cpio=$2 part=$3
passed=0 failed=0 skipped=0
mkdir -p build/boot
judge() # exit status, console
{
    [ "$1" = 0 ] || { echo "exit $1"; return; }
    grep -q '^GUEST-UP' "$2" || { echo "never came up"; return; }
    grep -q '^CHECKS PASSED' "$2" || { grep '^check.*FAILED' "$2" || echo "no CHECKS PASSED"; return; }
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
    console=build/boot/$name.console
    $verdite run --kernel "$image" --initrd "$initrd" --append "console=ttyS0 verdite=check $(echo $words)" $options \
        --serial "file:$console" --timeout "$seconds" --no-reboot </dev/null 2>"$console.log"
    why=$(judge $? "$console" | tr '\r\n' '  ')
    if [ -z "$why" ]; then
        echo "passed $name: $(tail -n 1 "$console.log")"
        passed=$((passed + 1))
    else
        echo "FAILED $name: $why; $(tail -n 1 "$console.log"); see $console"
        failed=$((failed + 1))
    fi
done <tests/boot/manifest
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
