#!/bin/sh
# Make the initramfs of check-disk for a kernel that fetch-kernel.sh unpacked, and print its path. Usage: make-initramfs.sh CPIO_PROGRAM KERNEL_DIRECTORY CC
cpio=$1 kernel=$2 cc=${3:-cc}
cache=$(pwd)/build/cache
image=$kernel/disk.cpio
tests/boot/make-initramfs.sh "$cpio" >/dev/null || exit $? # brings busybox
busybox=$cache/busybox/bin/busybox
[ -x "$busybox" ] || busybox=$cache/busybox/usr/bin/busybox
[ -x "$busybox" ] || busybox=$(command -v busybox)
mkdir -p build/disk
"$cc" -std=gnu11 -D_GNU_SOURCE -O2 -static -o build/disk/job tests/boot/disk/job.c || exit 77
modules=$kernel/disk-modules
rm -rf "$modules"
mkdir -p "$modules"
for name in hv_vmbus scsi_common scsi_mod scsi_transport_fc hv_storvsc cdrom crc64 crc64-rocksoft crc64-rocksoft_generic crct10dif_common \
    crct10dif_generic crc-t10dif t10-pi sd_mod sr_mod crc16 crc32c_generic libcrc32c crc32 mbcache jbd2 ext4 virtio virtio_ring virtio_pci \
    virtio_pci_legacy_dev virtio_pci_modern_dev virtio_blk; do
    from=$(find "$kernel/lib" "$kernel/usr/lib" -name "$name.ko*" 2>/dev/null | head -n 1)
    case $from in
    '') ;; # built in
    *.xz) xz -dc "$from" >"$modules/$name.ko" ;;
    *) cp "$from" "$modules/$name.ko" ;;
    esac
done
"$cpio" >"$image.new" <<END || exit 1
dir /dev 755
dir /proc 755
dir /sys 755
dir /tmp 1777
dir /bin 755
dir /sbin 755
dir /etc 755
dir /modules 755
char /dev/console 600 5 1
char /dev/null 666 1 3
char /dev/ttyS0 600 4 64
file /bin/busybox 755 $busybox
link /bin/sh busybox
file /bin/job 755 build/disk/job
file /init 755 tests/boot/disk/init
$(for module in "$modules"/*.ko; do [ -e "$module" ] && echo "file /modules/${module##*/} 644 $module"; done)
END
mv "$image.new" "$image"
echo "$image"
