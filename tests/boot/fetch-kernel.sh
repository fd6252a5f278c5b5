#!/bin/sh
# Fetch a stock Debian kernel without root and print its path. Usage: fetch-kernel.sh cloud|amd64 [SERIES]
# The package comes through apt, is verified by it, and is fetched once: build/cache keeps it.
flavour=${1:-cloud}
series=${2:-6.1}
cache=$(pwd)/build/cache
kernel=$cache/kernel/$series-$flavour
case $flavour in
cloud) name=cloud-amd64 ;;
amd64) name=amd64 ;;
*) echo "fetch-kernel.sh: flavour cloud or amd64, not '$flavour'" >&2; exit 2 ;;
esac
if [ -s "$kernel/vmlinuz" ]; then
    echo "$kernel/vmlinuz"
    exit 0
fi
give_up()
{
    echo "No kernel: $1." >&2
    echo "With a kernel of your own:  make run KERNEL=/path/to/vmlinuz INITRD=/path/to/initrd" >&2
    echo "Without any kernel:         make run GUEST=tour-1" >&2
    exit 77
}
command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || give_up "this host has no apt to fetch Debian's with"
. tests/boot/apt.sh
kind=image
case $series in
6.12) suite=bookworm-backports ;;
7*) suite=trixie-backports kind=binary ;; # its image package only depends on the one that holds the kernel
*) suite= ;;
esac
[ -z "$suite" ] || apt_use_suite "$suite" || give_up "the host's package sources name no mirror"
apt_update || give_up "the package lists cannot be fetched (no network?)"
package=$(apt_newest "^linux-image-$series\.[0-9]+-[0-9]+-$name\$|^linux-$kind-$series\.[0-9.]+\+deb[0-9]+-$name\$")
[ -n "$package" ] || give_up "the host's package sources have no Linux $series for $name"
echo "fetching $package" >&2
rm -rf "$kernel.new"
apt_unpack "$package" "$kernel.new" || give_up "$package cannot be fetched (no network?)"
image=$(find "$kernel.new" -name 'vmlinuz*' -type f | head -n 1)
[ -s "$image" ] || give_up "$package holds no kernel"
mv "$image" "$kernel.new/vmlinuz"
echo "$package" > "$kernel.new/package"
rm -rf "$kernel"
mv "$kernel.new" "$kernel"
echo "$kernel/vmlinuz"
