#!/bin/sh
# Fetch a stock Debian kernel without root and print its path. Usage: fetch-kernel.sh cloud|amd64 [SERIES]
# The package and version of tests/boot/kernels; the mirror's newest of the series where that is gone, or has no row. It comes through
# apt, is verified by it, and is fetched once: build/cache keeps it.
# fetch-kernel.sh --newer cloud|amd64 [SERIES]: one line "newer: ..." when the mirror has a later one than the row's.
newer=
[ "$1" = --newer ] && { newer=1; shift; }
flavour=${1:-cloud}
series=${2:-6.1}
cache=$(pwd)/build/cache
kernel=$cache/kernel/$series-$flavour
case $flavour in
cloud) name=cloud-amd64 ;;
amd64) name=amd64 ;;
*) echo "fetch-kernel.sh: flavour cloud or amd64, not '$flavour'" >&2; exit 2 ;;
esac
pinned='' version='' suite=''
while IFS='|' read -r row_series row_flavour row_package row_version row_suite; do
    [ "$(echo $row_series $row_flavour)" = "$series $flavour" ] || continue
    pinned=$(echo $row_package) version=$(echo $row_version) suite=$(echo $row_suite)
done <tests/boot/kernels
wanted="$pinned $version"
# A newer series has its modules in a package of their own.
cached=$wanted
case $pinned in linux-binary-*) cached="$wanted with modules" ;; esac
# What is cached is used: it is the row's, or took its place when it was fetched.
if [ -z "$newer" ] && [ -s "$kernel/vmlinuz" ] && [ "$(sed -n 1p "$kernel/wanted" 2>/dev/null)" = "$cached" ]; then
    echo "$kernel/vmlinuz"
    exit 0
fi
give_up()
{
    [ -z "$newer" ] || exit 0
    if [ -s "$kernel/vmlinuz" ]; then
        echo "note: $1; using the $(cat "$kernel/package") of an earlier day" >&2
        echo "$kernel/vmlinuz"
        exit 0
    fi
    echo "No kernel: $1." >&2
    echo "With a kernel of your own:  make run KERNEL=/path/to/vmlinuz INITRD=/path/to/initrd" >&2
    echo "Without any kernel:         make run GUEST=tour-1" >&2
    exit 77
}
command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || give_up "this host has no apt to fetch Debian's with"
. tests/boot/apt.sh
kind=image
case $series in 7*) kind=binary ;; esac # its image package only depends on the one that holds the kernel
[ -z "$suite" ] || apt_use_suite "$suite" || give_up "the host's package sources name no mirror"
apt_update || give_up "the package lists cannot be fetched (no network?)"
newest=$(apt_newest "^linux-image-$series\.[0-9]+-[0-9]+-$name\$|^linux-$kind-$series\.[0-9.]+\+deb[0-9]+-$name\$")
[ -n "$newest" ] || give_up "the host's package sources have no Linux $series for $name"
newest_version=$(apt_version "$newest")
if [ -n "$newer" ]; then
    [ -z "$pinned" ] || [ "$newest $newest_version" = "$wanted" ] ||
        echo "newer: $newest $newest_version (tested: $wanted)"
    exit 0
fi
fetch() # package, version or nothing
{
    rm -rf "$kernel.new"
    echo "fetching $1 $2" >&2
    apt_unpack "$1" "$kernel.new" "$2" || return 1
    case $1 in linux-binary-*) apt_unpack "linux-modules-${1#linux-binary-}" "$kernel.new" "$2" || return 1 ;; esac
    echo "$1 $2" >"$kernel.new/package"
}
fetched=
[ -z "$pinned" ] || { fetch "$pinned" "$version" 2>/dev/null && fetched=1; }
if [ -z "$fetched" ]; then
    [ -z "$pinned" ] || echo "note: the mirror has no $wanted any more" >&2
    fetch "$newest" "$newest_version" || give_up "$newest cannot be fetched (no network?)"
fi
image=$(find "$kernel.new" -name 'vmlinuz*' -type f | head -n 1)
[ -s "$image" ] || give_up "$(cat "$kernel.new/package") holds no kernel"
mv "$image" "$kernel.new/vmlinuz"
echo "$cached" >"$kernel.new/wanted"
rm -rf "$kernel"
mv "$kernel.new" "$kernel"
echo "$kernel/vmlinuz"
