#!/bin/sh
# Make a Debian 12 system on a dynamic VHDX, once, and print its directory: disk.vhdx, vmlinuz, initrd.img. Usage: make-disk.sh VERDITE 6.1|6.12|7 [cloud|amd64]
# debootstrap needs root; without it sudo is asked for what it may do without a password.
verdite=$1 series=${2:-6.1} flavour=${3:-cloud}
cache=$(pwd)/build/cache
made=$cache/debian/$series-$flavour
packages=systemd-sysv,udev,dbus,libpam-systemd,initramfs-tools,zstd,kmod,iproute2,hyperv-daemons
[ -s "$made/done" ] && { echo "$made"; exit 0; }
skip()
{
    echo "No Debian disk: $1." >&2
    exit 77
}
step()
{
    echo "debian: $*" >&2
}
for program in debootstrap mke2fs sfdisk cpio; do
    PATH=$PATH:/usr/sbin:/sbin command -v $program >/dev/null || missing="$missing $program"
done
PATH=$PATH:/usr/sbin:/sbin
export PATH
[ -z "$missing" ] || skip "this host lacks$missing (Debian: debootstrap e2fsprogs fdisk cpio)"
if [ "$(id -u)" != 0 ]; then
    sudo -n true 2>/dev/null || skip "debootstrap needs root: sudo make demo-debian"
    sudo -n env "CC=$CC" "$0" "$@"
    exit
fi
. tests/boot/apt.sh
step "kernel $series for $flavour"
image=$(tests/boot/fetch-kernel.sh "$flavour" "$series") || exit
kernel=${image%/*}
# From 7 on the configuration, which initramfs-tools asks for, may be in a package of its own, of the kernel's version.
config_of_kernel()
{
    find "$kernel" -type f \( -name 'config-*' -o -path '*/lib/modules/*/config' \) | head -n 1
}
read -r package package_version <"$kernel/package"
if [ -z "$(config_of_kernel)" ] && [ "${package#linux-binary-}" != "$package" ]; then
    suite=$(sed -n "s/^$series *| *$flavour *|[^|]*|[^|]*| *\([^ ]*\) *\$/\1/p" tests/boot/kernels)
    [ -z "$suite" ] || apt_use_suite "$suite" || skip "the host's package sources name no mirror"
    apt_update || skip "the package lists cannot be fetched"
    apt_unpack "linux-base-${package#linux-binary-}" "$kernel" "$package_version" || skip "its linux-base cannot be fetched"
    apt_dir=$cache/apt
fi
modules=$(find "$kernel" -name modules.builtin | head -n 1)
modules=${modules%/*}
version=${modules##*/}
[ -n "$version" ] || skip "$kernel has no modules"
work=$cache/debian/work
base=$cache/debian/base.tar
mkdir -p "$cache/debian"
if [ ! -s "$base" ]; then
    apt_prepare
    mirror=$(apt_mirror) || skip "the host's package sources name no mirror"
    step "debootstrap: some 130 packages"
    rm -rf "$work"
    debootstrap --variant=minbase --include=$packages bookworm "$work" "$mirror" >"$cache/debian/debootstrap.log" 2>&1 &
    running=$!
    while kill -0 $running 2>/dev/null; do
        sleep 5
        # Its last line, on one line of the terminal.
        [ -t 2 ] && printf '\r\033[Kdebian: %.70s' "$(tail -n 1 "$cache/debian/debootstrap.log")" >&2
    done
    [ -t 2 ] && echo >&2
    wait $running || { tail -n 5 "$cache/debian/debootstrap.log" >&2; skip "debootstrap failed; see $cache/debian/debootstrap.log"; }
    rm -f "$work"/var/cache/apt/archives/*.deb
    tar -C "$work" -cf "$base.new" . && mv "$base.new" "$base"
    rm -rf "$work"
fi
if [ ! -s "$cache/debian/archive/hello.deb" ]; then
    step "a package for its local archive"
    rm -rf "$cache/debian/archive"
    mkdir -p "$cache/debian/archive" "$apt_dir/download"
    apt_update || skip "the package lists cannot be fetched"
    ( cd "$cache/debian/archive" && private_apt apt-get -qq download hello ) >&2 || skip "the package hello cannot be fetched"
    mv "$cache/debian/archive"/hello_*.deb "$cache/debian/archive/hello.deb"
fi
step "the system for Linux $version"
rm -rf "$work"
mkdir -p "$work"
trap 'rm -rf "$work"; rm -f "$made.new"/part.ext4 "$made.new"/disk.img' EXIT
tar -C "$work" -xf "$base"
mkdir -p "$work/srv/archive" "$work/usr/lib/modules"
cp "$cache/debian/archive/hello.deb" "$work/srv/archive/"
{
    dpkg-deb -f "$cache/debian/archive/hello.deb"
    printf 'Filename: ./hello.deb\nSize: %s\nSHA256: %s\n' "$(wc -c <"$cache/debian/archive/hello.deb")" \
        "$(sha256sum "$cache/debian/archive/hello.deb" | cut -d' ' -f1)"
} >"$work/srv/archive/Packages"
rm -f "$work"/etc/apt/sources.list "$work"/etc/apt/sources.list.d/*
echo 'deb [trusted=yes] file:/srv/archive ./' >"$work/etc/apt/sources.list"
echo verdite >"$work/etc/hostname"
printf '127.0.0.1 localhost\n127.0.1.1 verdite\n' >"$work/etc/hosts"
echo '/dev/sda1 / ext4 errors=remount-ro 0 1' >"$work/etc/fstab"
printf '[Match]\nName=eth*\n[Network]\nDHCP=yes\n' >"$work/etc/systemd/network/eth.network"
# With verdite.off on the kernel's command line it says how it is and powers off by itself.
cat >"$work/etc/systemd/system/verdite-off.service" <<END
[Unit]
Description=Tell the state of the system and power off
ConditionKernelCommandLine=verdite.off
[Service]
ExecStart=/bin/sh -c 'echo "SYSTEM \$\$(systemctl is-system-running --wait)" >/dev/console; systemctl poweroff'
[Install]
WantedBy=multi-user.target
END
rm -f "$work/etc/machine-id" # made anew by the first boot
: >"$work/etc/machine-id"
cp -a "$modules" "$work/usr/lib/modules/"
config=$(config_of_kernel)
[ -n "$config" ] && cp "$config" "$work/boot/config-$version"
mount -t proc proc "$work/proc" 2>/dev/null
chroot "$work" sh -ec "
    echo root:root | chpasswd
    systemctl -q enable systemd-networkd verdite-off
    depmod $version
    update-initramfs -c -k $version
" >"$cache/debian/chroot.log" 2>&1
status=$?
umount "$work/proc" 2>/dev/null
[ $status = 0 ] && [ -s "$work/boot/initrd.img-$version" ] || { tail -n 5 "$cache/debian/chroot.log" >&2; skip "update-initramfs failed"; }
rm -rf "$made" "$made.new"
mkdir -p "$made.new"
cp "$work/boot/initrd.img-$version" "$made.new/initrd.img"
cp "$image" "$made.new/vmlinuz"
chmod a+r "$made.new"/*
step "ext4, a partition table, a dynamic VHDX"
truncate -s 1500M "$made.new/part.ext4" && mke2fs -q -t ext4 -L debian -d "$work" "$made.new/part.ext4" &&
    truncate -s 2G "$made.new/disk.img" &&
    echo 'start=2048, size=3072000, type=83, bootable' | sfdisk -q "$made.new/disk.img" >&2 &&
    dd if="$made.new/part.ext4" of="$made.new/disk.img" bs=1M seek=1 conv=notrunc,sparse status=none &&
    "$verdite" image convert "$made.new/disk.img" "$made.new/disk.vhdx" --type dynamic >&2 || skip "the disk could not be made"
rm -f "$made.new/part.ext4" "$made.new/disk.img"
echo "$version" >"$made.new/done"
mv "$made.new" "$made"
echo "$made"
