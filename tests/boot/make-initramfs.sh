#!/bin/sh
# Make the guest's initramfs (busybox and tests/boot/init) and print its path. Usage: make-initramfs.sh CPIO_PROGRAM
cpio=$1
. tests/boot/initramfs.sh
pack_initramfs "$cache/initramfs.cpio" tests/boot/init '' </dev/null || exit
echo "$cache/initramfs.cpio"
