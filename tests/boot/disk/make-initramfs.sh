#!/bin/sh
# Make the initramfs of check-disk for a kernel that fetch-kernel.sh unpacked, and print its path. Usage: make-initramfs.sh CPIO_PROGRAM KERNEL_DIRECTORY CC
cpio=$1 kernel=$2 cc=${3:-cc}
. tests/boot/initramfs.sh
mkdir -p build/disk
"$cc" -std=gnu11 -D_GNU_SOURCE -O2 -static -o build/disk/job tests/boot/disk/job.c || exit 77
pack_initramfs "$kernel/disk.cpio" tests/boot/disk/init "$kernel" hv_vmbus scsi_common scsi_mod scsi_transport_fc hv_storvsc cdrom crc64 \
    crc64-rocksoft crc64-rocksoft_generic crct10dif_common crct10dif_generic crc-t10dif t10-pi sd_mod sr_mod crc16 crc32c_generic libcrc32c \
    crc32 mbcache jbd2 ext4 virtio virtio_ring virtio_pci virtio_pci_legacy_dev virtio_pci_modern_dev virtio_blk \
    failover hv_netvsc <<END || exit
file /bin/job 755 build/disk/job
END
echo "$kernel/disk.cpio"
