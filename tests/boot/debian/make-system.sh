#!/bin/sh
# The part of make-disk.sh that must be root, or believe so: run by as-root.sh. WORK is a directory for the system's files.
# Usage: make-system.sh base WORK TAR MIRROR PACKAGES        a minimal Debian 12 and those packages as a tar file
#        make-system.sh disk WORK TAR KERNEL ARCHIVE NEW     a system for the kernel in KERNEL: NEW/part.ext4, initrd.img, vmlinuz, done
# Environment: PRETEND_LIBRARY, PRETEND: set where owners are faked. PROGRAM_LIBRARY: debootstrap's, when it is not installed.
set -e
what=$1 work=$2 tar=$3
shift 3
rm -rf "$work" 2>/dev/null || true
mkdir -p "$work"
# The system's /dev and /proc while its programs run. Our mount namespace takes them down.
devices()
{
    mkdir -p "$work/dev" "$work/proc"
    # Who could make devices needs nothing more where nothing may be mounted.
    mount -t tmpfs -o mode=755 none "$work/dev" || [ -z "$PRETEND" ]
    mkdir -p "$work/dev/pts" "$work/dev/shm"
    for node in null zero full random urandom tty; do
        if [ -n "$PRETEND" ]; then
            : >"$work/dev/$node"
            mount --bind "/dev/$node" "$work/dev/$node"
        fi
    done
    mount -t proc proc "$work/proc" || true
}
# What fakes owners must be found in there, too.
pretend()
{
    [ -z "$PRETEND" ] || { mkdir -p "$work$PRETEND" && cp "$PRETEND_LIBRARY" "$work$PRETEND/"; }
}
unpretend()
{
    [ -z "$PRETEND" ] || rm -rf "${work:?}$PRETEND"
}
if [ "$what" = base ]; then
    debootstrap --foreign --variant=minbase --include="$2" bookworm "$work" "$1"
    pretend
    devices
    # Without a network of its own nothing of the host's is touched.
    if [ -n "$PRETEND" ]; then namespace="unshare -n"; else namespace=; fi
    DEBIAN_FRONTEND=noninteractive env -u DEBOOTSTRAP_DIR $namespace chroot "$work" /debootstrap/debootstrap --second-stage || {
        cat "$work/debootstrap/debootstrap.log" >&2
        exit 1
    }
    unpretend
    rm -f "$work"/var/cache/apt/archives/*.deb
    umount -R "$work/proc" "$work/dev" 2>/dev/null || true
    tar -C "$work" --one-file-system -cf "$tar.new" .
    mv "$tar.new" "$tar"
    rm -rf "$work"
    exit 0
fi
kernel=$1 archive=$2 new=$3
modules=$(find "$kernel" -name modules.builtin | head -n 1)
modules=${modules%/*}
version=${modules##*/}
tar -C "$work" -xf "$tar"
mkdir -p "$work/srv/archive" "$work/usr/lib/modules"
cp "$archive/hello.deb" "$work/srv/archive/"
{
    dpkg-deb -f "$archive/hello.deb"
    printf 'Filename: ./hello.deb\nSize: %s\nSHA256: %s\n' "$(wc -c <"$archive/hello.deb")" "$(sha256sum "$archive/hello.deb" | cut -d' ' -f1)"
} >"$work/srv/archive/Packages"
rm -f "$work"/etc/apt/sources.list "$work"/etc/apt/sources.list.d/*
echo 'deb [trusted=yes] file:/srv/archive ./' >"$work/etc/apt/sources.list"
echo verdite >"$work/etc/hostname"
printf '127.0.0.1 localhost\n127.0.1.1 verdite\n' >"$work/etc/hosts"
echo '/dev/sda1 / ext4 errors=remount-ro 0 1' >"$work/etc/fstab"
printf '[Match]\nName=eth*\n[Network]\nDHCP=yes\n' >"$work/etc/systemd/network/eth.network"
cp tests/boot/debian/guest/demo "$work/usr/local/sbin/demo"
chmod 755 "$work/usr/local/sbin/demo"
cp tests/boot/debian/guest/demo.service "$work/etc/systemd/system/"
: >"$work/etc/machine-id" # made anew by the first boot
cp -a "$modules" "$work/usr/lib/modules/"
# From 7 on the configuration, which initramfs-tools asks for, may be in a package of its own.
config=$(find "$kernel" -type f \( -name 'config-*' -o -path '*/lib/modules/*/config' \) | head -n 1)
[ -z "$config" ] || cp "$config" "$work/boot/config-$version"
pretend
devices
chroot "$work" sh -ec "
    echo root:root | chpasswd
    systemctl -q enable systemd-networkd demo
    unset LD_PRELOAD
    depmod $version
    update-initramfs -c -k $version
"
unpretend
umount -R "$work/proc" "$work/dev" 2>/dev/null || true
[ -s "$work/boot/initrd.img-$version" ]
cp "$work/boot/initrd.img-$version" "$new/initrd.img"
cp "$kernel/vmlinuz" "$new/vmlinuz"
chmod a+r "$new"/*
truncate -s 2500M "$new/part.ext4"
mke2fs -q -t ext4 -L debian -d "$work" "$new/part.ext4"
echo "$version" >"$new/done"
rm -rf "$work"
