#!/bin/sh
# Unpack the newer QEMU of Debian's backports beside the installed one and print its directory; "start" in it starts it.
dir=$(pwd)/build/cache/qemu10
[ -x "$dir/start" ] && { echo "$dir"; exit 0; }
cache=$(pwd)/build/cache
command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || exit 77
. tests/boot/apt.sh
unpack() # packages
{
    for package in "$@"; do
        echo "fetching $package" >&2
        apt_unpack "$package" "$dir" || exit 77
    done
}
# The libraries that the host lacks come from the suite itself.
apt_use_suite bookworm-backports && apt_update || exit 77
unpack qemu-system-x86 qemu-system-common qemu-system-data
apt_dir=$cache/apt
apt_prepare && apt_update || exit 77
unpack seabios
binary=$dir/usr/bin/qemu-system-x86_64
libraries=$dir/usr/lib/x86_64-linux-gnu
missing=$(LD_LIBRARY_PATH=$libraries ldd "$binary" | sed -n 's/^[ \t]*\([^ ]*\) => not found$/\1/p')
[ -z "$missing" ] || { echo "QEMU 10 lacks" $missing >&2; exit 77; }
cat >"$dir/start" <<EOF
#!/bin/sh
QEMU_MODULE_DIR=$libraries/qemu LD_LIBRARY_PATH=$libraries exec $binary -L $dir/usr/share/qemu -L $dir/usr/share/seabios "\$@"
EOF
chmod +x "$dir/start"
echo "$dir"
