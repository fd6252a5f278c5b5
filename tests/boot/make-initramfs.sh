#!/bin/sh
# Make the guest's initramfs (busybox and tests/boot/init) and print its path. Usage: make-initramfs.sh CPIO_PROGRAM
cpio=$1
cache=$(pwd)/build/cache
image=$cache/initramfs.cpio
static() # is it there, and does it need no library?
{
    [ -x "$1" ] && ! ldd "$1" >/dev/null 2>&1
}
busybox=$cache/busybox/bin/busybox
if ! static "$busybox"; then
    busybox=$(command -v busybox)
fi
if ! static "$busybox"; then
    command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || {
        echo "No static busybox on this host: install one, or give INITRD=/path/to/initrd." >&2
        exit 77
    }
    . tests/boot/apt.sh
    { apt_update && echo "fetching busybox-static" >&2 && apt_unpack busybox-static "$cache/busybox"; } || {
        echo "busybox-static cannot be fetched (no network?). Give KERNEL=... INITRD=... instead." >&2
        exit 77
    }
    busybox=$cache/busybox/bin/busybox
    [ -x "$busybox" ] || busybox=$cache/busybox/usr/bin/busybox
fi
mkdir -p "$cache"
"$cpio" > "$image.new" <<EOF || exit 1
dir /dev 755
dir /proc 755
dir /sys 755
dir /tmp 1777
dir /bin 755
dir /sbin 755
dir /etc 755
char /dev/console 600 5 1
char /dev/null 666 1 3
char /dev/ttyS0 600 4 64
file /bin/busybox 755 $busybox
link /bin/sh busybox
file /init 755 tests/boot/init
EOF
mv "$image.new" "$image"
echo "$image"
