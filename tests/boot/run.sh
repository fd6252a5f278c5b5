#!/bin/sh
# `make run`: boot a kernel in a child partition. Usage: run.sh VERDITE CPIO
# Environment: KERNEL, INITRD, APPEND, OPTIONS (more options of verdite run), GUEST (a rom instead of a kernel).
verdite=$1 cpio=$2
if [ -n "$GUEST" ]; then
    role=child
    [ -f "roms/$GUEST/role" ] && role=$(cat "roms/$GUEST/role")
    cpus=$(cat "roms/$GUEST/cpus" 2>/dev/null || echo 1)
    case "$OPTIONS" in *--cpus*) ;; *) OPTIONS="--cpus $cpus $OPTIONS" ;; esac
    exec "$verdite" run --kernel "build/roms/$GUEST.elf" --memory 64M --net none --role "$role" --append "$APPEND" --no-reboot $OPTIONS
fi
kernel=$KERNEL
if [ -z "$kernel" ]; then
    kernel=$(tests/boot/fetch-kernel.sh cloud) || exit
fi
initrd=$INITRD
if [ -z "$initrd" ]; then
    initrd=$(tests/boot/make-initramfs.sh "$cpio") || exit
fi
words="console=ttyS0 verdite_hypervisor=any"
if [ -t 0 ]; then
    echo "Booting $(basename "$(dirname "$kernel")")/$(basename "$kernel") in a child partition. Ctrl-A x ends it, Ctrl-A h helps." >&2
    exec "$verdite" run --kernel "$kernel" --initrd "$initrd" --append "$words verdite=shell $APPEND" $OPTIONS
fi
exec "$verdite" run --kernel "$kernel" --initrd "$initrd" --append "$words verdite=check $APPEND" \
    --fail-on '^CHECKS FAILED' --timeout 900 $OPTIONS
