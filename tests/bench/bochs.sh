#!/bin/sh
# Run a kernel under Bochs, headless, its first serial port going to a file. Bochs loads no kernel itself: a boot CD does.
# Usage: bochs.sh DIRECTORY KERNEL INITRD SERIAL WORDS...    (needs bochs, bochsbios, vgabios, isolinux, xorriso)
dir=$1 kernel=$2 initrd=$3 serial=$4
shift 4
mkdir -p "$dir/cd" || exit
cp "$kernel" "$dir/cd/kernel" && cp "$initrd" "$dir/cd/initrd" || exit
cp /usr/lib/ISOLINUX/isolinux.bin /usr/lib/syslinux/modules/bios/ldlinux.c32 "$dir/cd" || exit
cat > "$dir/cd/isolinux.cfg" <<EOF
default bench
label bench
kernel /kernel
append initrd=/initrd $*
EOF
xorriso -as mkisofs -quiet -o "$dir/cd.iso" -b isolinux.bin -c boot.cat -no-emul-boot -boot-load-size 4 -boot-info-table \
    "$dir/cd" >/dev/null 2>&1 || exit
cat > "$dir/bochsrc" <<EOF
megs: 512
cpu: model=corei7_sandy_bridge_2600k, count=1, ips=100000000
romimage: file=/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=/usr/share/vgabios/vgabios.stdvga.bin
display_library: rfb, options="timeout=0"
ata0-master: type=cdrom, path=$dir/cd.iso, status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev=$serial
clock: sync=none
log: $dir/log
panic: action=fatal
EOF
echo c > "$dir/commands" # a Bochs with its debugger waits for this
exec bochs -q -f "$dir/bochsrc" -rc "$dir/commands"
