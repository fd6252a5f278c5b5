#!/bin/sh
# Make the initramfs of check-net for a kernel that fetch-kernel.sh unpacked, and print its path.
# Usage: make-initramfs.sh CPIO_PROGRAM KERNEL_DIRECTORY
cpio=$1 kernel=$2
. tests/boot/initramfs.sh
tools=$cache/ethtool
if [ ! -e "$tools/done" ]; then
    . tests/boot/apt.sh
    apt_update || exit 77
    for package in ethtool libmnl0 libc6; do apt_unpack "$package" "$tools/$package" || exit 77; done
    touch "$tools/done"
fi
tool() { find "$tools" "$@" -type f | head -n 1; }
pack_initramfs "$kernel/net.cpio" tests/boot/net/init "$kernel" hv_vmbus failover hv_netvsc af_packet llc stp garp mrp 8021q <<END || exit
file /etc/udhcpc 755 tests/boot/net/udhcpc
file /usr/sbin/ethtool 755 $(tool -path '*sbin/ethtool')
file /lib/libmnl.so.0 755 $(tool -name 'libmnl.so.0*')
file /lib/libc.so.6 755 $(tool -name libc.so.6)
file /lib/libm.so.6 755 $(tool -name libm.so.6)
file /lib64/ld-linux-x86-64.so.2 755 $(tool -name ld-linux-x86-64.so.2)
END
echo "$kernel/net.cpio"
