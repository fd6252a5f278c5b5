#!/bin/sh
# Make the initramfs of check-net for a kernel that fetch-kernel.sh unpacked, and print its path.
# Usage: make-initramfs.sh CPIO_PROGRAM KERNEL_DIRECTORY
cpio=$1 kernel=$2
cache=$(pwd)/build/cache
image=$kernel/net.cpio
tests/boot/make-initramfs.sh "$cpio" >/dev/null || exit $? # brings busybox
busybox=$cache/busybox/bin/busybox
[ -x "$busybox" ] || busybox=$cache/busybox/usr/bin/busybox
[ -x "$busybox" ] || busybox=$(command -v busybox)
if [ ! -e "$cache/ethtool/done" ]; then
    . tests/boot/apt.sh
    apt_update || exit 77
    for package in ethtool libmnl0 libc6; do apt_unpack "$package" "$cache/ethtool/$package" || exit 77; done
    touch "$cache/ethtool/done"
fi
modules=$kernel/net-modules
rm -rf "$modules"
mkdir -p "$modules"
number=10
for name in hv_vmbus failover hv_netvsc af_packet llc stp garp mrp 8021q; do
    from=$(find "$kernel/lib" "$kernel/usr/lib" -name "$name.ko*" 2>/dev/null | head -n 1)
    number=$((number + 1))
    case $from in
    '') ;; # built in
    *.xz) xz -dc "$from" >"$modules/$number-$name.ko" ;;
    *) cp "$from" "$modules/$number-$name.ko" ;;
    esac
done
list() # the files of a list of programs and libraries, at their places in the guest
{
    tool=$(find "$cache/ethtool/ethtool" -path '*sbin/ethtool' -type f | head -n 1)
    mnl=$(find "$cache/ethtool/libmnl0" -name 'libmnl.so.0*' -type f | head -n 1)
    libc=$(find "$cache/ethtool/libc6" -name 'libc.so.6' | head -n 1)
    libm=$(find "$cache/ethtool/libc6" -name 'libm.so.6' | head -n 1)
    loader=$(find "$cache/ethtool/libc6" -name 'ld-linux-x86-64.so.2' -type f | head -n 1)
    cat <<END
file /usr/sbin/ethtool 755 $tool
file /lib/libmnl.so.0 755 $mnl
file /lib/libc.so.6 755 $libc
file /lib/libm.so.6 755 $libm
file /lib64/ld-linux-x86-64.so.2 755 $loader
END
    for module in "$modules"/*.ko; do
        [ -e "$module" ] && echo "file /modules/${module##*/} 644 $module"
    done
}
"$cpio" >"$image.new" <<END || exit 1
dir /dev 755
dir /proc 755
dir /sys 755
dir /tmp 1777
dir /bin 755
dir /sbin 755
dir /etc 755
dir /lib 755
dir /lib64 755
dir /usr 755
dir /usr/sbin 755
dir /modules 755
char /dev/console 600 5 1
char /dev/null 666 1 3
char /dev/ttyS0 600 4 64
file /bin/busybox 755 $busybox
link /bin/sh busybox
file /init 755 tests/boot/net/init
file /etc/udhcpc 755 tests/boot/net/udhcpc
$(list)
END
mv "$image.new" "$image"
echo "$image"
