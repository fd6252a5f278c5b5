#!/bin/sh
# Make a Debian 12 system on a dynamic VHDX, once, and print its directory: disk.vhdx, vmlinuz, initrd.img. Usage: make-disk.sh VERDITE 6.1|6.12|7 [cloud|amd64]
# No root is needed where user namespaces are given to everybody, as in Debian 12: see as-root.sh.
verdite=$1 series=${2:-6.1} flavour=${3:-cloud}
cache=$(pwd)/build/cache
made=$cache/debian/$series-$flavour
packages=systemd-sysv,udev,dbus,libpam-systemd,initramfs-tools,zstd,kmod,iproute2,hyperv-daemons,openssh-server,busybox,fio,ethtool
PATH=$PATH:/usr/sbin:/sbin
export PATH
# A system of another recipe is made anew.
recipe=$(cat tests/boot/debian/make-*.sh tests/boot/debian/guest/* | cksum)
[ "$(cat "$made/recipe" 2>/dev/null)" = "$recipe" ] && { echo "$made"; exit 0; }
skip()
{
    echo "No Debian disk: $1." >&2
    exit 77
}
step()
{
    echo "debian: $*" >&2
}
for program in mke2fs dpkg-deb apt-get unshare; do
    command -v $program >/dev/null || missing="$missing $program"
done
[ -z "$missing" ] || skip "this host lacks$missing (Debian: e2fsprogs dpkg apt util-linux)"
. tests/boot/apt.sh
step "kernel $series for $flavour"
image=$(tests/boot/fetch-kernel.sh "$flavour" "$series") || exit
kernel=${image%/*}
# From 7 on the configuration, which initramfs-tools asks for, may be in a package of its own, of the kernel's version.
config=$(find "$kernel" -type f \( -name 'config-*' -o -path '*/lib/modules/*/config' \) | head -n 1)
read -r package package_version <"$kernel/package"
if [ -z "$config" ] && [ "${package#linux-binary-}" != "$package" ]; then
    suite=$(sed -n "s/^$series *| *$flavour *|[^|]*|[^|]*| *\([^ ]*\) *\$/\1/p" tests/boot/kernels)
    [ -z "$suite" ] || apt_use_suite "$suite" || skip "the host's package sources name no mirror"
    apt_update || skip "the package lists cannot be fetched"
    apt_unpack "linux-base-${package#linux-binary-}" "$kernel" "$package_version" || skip "its linux-base cannot be fetched"
    apt_dir=$cache/apt
fi
[ -n "$(find "$kernel" -name modules.builtin | head -n 1)" ] || skip "$kernel has no modules"
work=$cache/debian/work
tools=$cache/debian/tools
log=$cache/debian/log
base=$cache/debian/base-$(echo $packages | cksum | cut -d' ' -f1).tar
mkdir -p "$cache/debian" "$tools/bin"
# A program of a package, unpacked here where the host has it not.
tool() # program, packages
{
    ! command -v "$1" >/dev/null || return 0
    program=$1
    shift
    apt_update || skip "the package lists cannot be fetched"
    for name; do
        [ -d "$tools/unpacked/$name" ] || apt_unpack "$name" "$tools" || skip "this host has no $program, and the package $name cannot be fetched"
        mkdir -p "$tools/unpacked/$name"
    done
}
# Run make-system.sh, and show how far it is: its last line on one line of a terminal; elsewhere a line when there is a new one, each 10 s.
make_system()
{
    [ "$(id -u)" = 0 ] || tool faked-sysv fakeroot libfakeroot
    tests/boot/debian/as-root.sh "$tools" sh tests/boot/debian/make-system.sh "$@" >"$log" 2>&1 </dev/null &
    running=$! seconds=0 shown=
    trap 'kill $running 2>/dev/null' EXIT
    trap 'exit 130' INT TERM
    while kill -0 $running 2>/dev/null; do
        sleep 1
        seconds=$((seconds + 1))
        line=$(tail -n 1 "$log" | cut -c 1-70)
        if [ -t 2 ]; then printf '\r\033[Kdebian: %s' "$line" >&2; elif [ $((seconds % 10)) = 0 ] && [ "$line" != "$shown" ]; then
            echo "debian: $line" >&2
            shown=$line
        fi
    done
    [ -t 2 ] && printf '\r\033[K' >&2
    trap - EXIT INT TERM
    wait $running && return 0
    [ $? != 3 ] || skip "$(tail -n 1 "$log"); as root it works: sudo make demo-debian"
    tail -n 5 "$log" >&2
    cp "$log" "$log.failed"
    return 1
}
if [ ! -s "$base" ]; then
    apt_prepare
    mirror=$(apt_mirror) || skip "the host's package sources name no mirror"
    tool debootstrap debootstrap
    if [ -x "$tools/usr/sbin/debootstrap" ] && ! command -v debootstrap >/dev/null; then
        PATH=$tools/usr/sbin:$PATH DEBOOTSTRAP_DIR=$tools/usr/share/debootstrap
        export DEBOOTSTRAP_DIR
    fi
    if ! command -v wget >/dev/null; then # debootstrap fetches with it
        printf '#!/bin/sh\nwhile [ "$1" != -O ]; do shift; done\nexec /usr/lib/apt/apt-helper download-file "$3" "$2"\n' >"$tools/bin/wget"
        chmod +x "$tools/bin/wget"
        PATH=$tools/bin:$PATH
    fi
    step "debootstrap: some 250 packages, once"
    make_system base "$work" "$base" "$mirror" $packages || skip "debootstrap failed; see $log.failed"
fi
if [ ! -s "$cache/debian/archive/hello.deb" ]; then
    step "a package for its local archive"
    rm -rf "$cache/debian/archive"
    mkdir -p "$cache/debian/archive" "$apt_dir/download"
    apt_update || skip "the package lists cannot be fetched"
    ( cd "$cache/debian/archive" && private_apt apt-get -qq download hello ) >&2 || skip "the package hello cannot be fetched"
    mv "$cache/debian/archive"/hello_*.deb "$cache/debian/archive/hello.deb"
fi
step "the system for ${package#linux-image-}"
rm -rf "$made.new"
mkdir -p "$made.new"
make_system disk "$work" "$base" "$kernel" "$cache/debian/archive" "$made.new" || skip "the system could not be made; see $log.failed"
step "a partition table, a dynamic VHDX"
# One partition of type 83 at sector 2048, bootable: the last 66 bytes of the first sector.
partition()
{
    printf '\200\040\041\000\203\376\377\377\000\010\000\000'
    printf "$(printf '\\%03o\\%03o\\%03o\\%03o' $(($1 & 255)) $(($1 >> 8 & 255)) $(($1 >> 16 & 255)) $(($1 >> 24 & 255)))"
    head -c 48 /dev/zero
    printf '\125\252'
}
truncate -s 2502M "$made.new/disk.img" &&
    partition $((2500 * 2048)) | dd of="$made.new/disk.img" bs=1 seek=446 conv=notrunc status=none &&
    dd if="$made.new/part.ext4" of="$made.new/disk.img" bs=1M seek=1 conv=notrunc,sparse status=none &&
    "$verdite" image convert "$made.new/disk.img" "$made.new/disk.vhdx" --type dynamic >&2 || skip "the disk could not be made"
rm -f "$made.new/part.ext4" "$made.new/disk.img"
echo "$recipe" >"$made.new/recipe"
rm -rf "$made"
mv "$made.new" "$made"
echo "$made"
