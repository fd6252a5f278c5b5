#!/bin/sh
# Make the benchmark guest of Debian packages and tests/bench/guest: build/bench/root and its archive, whose path is printed.
# Usage: guest.sh CPIO CC
cpio=$1 cc=$2
cache=$(pwd)/build/cache
out=$(pwd)/build/bench
root=$out/root
image=$out/guest.cpio
source=tests/bench/guest
[ -z "$(find $source tests/bench/rows tests/bench/guest.sh -newer "$image" 2>/dev/null)" ] && [ -s "$image" ] && { echo "$image"; exit 0; }
packages="busybox-static gzip xz-utils openssl python3.11-minimal libpython3.11-minimal sqlite3 lua5.4 luajit
 libluajit-5.1-common bc perl-base 7zip libc6 libssl3 zlib1g liblzma5 libexpat1 libsqlite3-0 libreadline8 libtinfo6
 libcrypt1 libgcc-s1 libstdc++6 libluajit-5.1-2"
programs="bin/gzip usr/bin/xz usr/bin/openssl usr/bin/python3.11 usr/bin/sqlite3 usr/bin/lua5.4 usr/bin/luajit usr/bin/bc
 usr/bin/perl usr/bin/7zz"
libraries="libc.so.6 libm.so.6 libdl.so.2 libpthread.so.0 libssl.so.3 libcrypto.so.3 libz.so.1 liblzma.so.5 libexpat.so.1
 libsqlite3.so.0 libreadline.so.8 libtinfo.so.6 libcrypt.so.1 libgcc_s.so.1 libstdc++.so.6 libluajit-5.1.so.2"
modules="encodings codecs.py io.py abc.py os.py stat.py posixpath.py genericpath.py _collections_abc.py"

command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || {
    echo "This host has no apt to fetch Debian's programs with." >&2
    exit 77
}
. tests/boot/apt.sh
apt_update || { echo "The package lists cannot be fetched (no network?)." >&2; exit 77; }
unpacked=$cache/bench
for package in $packages; do
    [ -e "$unpacked/.$package" ] && continue
    echo "fetching $package" >&2
    apt_unpack "$package" "$unpacked" || exit 77
    : > "$unpacked/.$package"
done
rm -rf "$root"
mkdir -p "$root/bin" "$root/usr/bin" "$root/lib64" "$root/lib/x86_64-linux-gnu" "$root/usr/lib/ssl" "$root/tmp" "$root/dev" \
    "$root/proc" "$root/sys" "$root/usr/lib/python3.11/lib-dynload" "$root/usr/share"
cp "$unpacked/bin/busybox" "$root/bin/" || exit
for name in sh seq cat sed sort xargs find mkdir rm md5sum echo; do
    ln -s busybox "$root/bin/$name"
done
for program in $programs; do
    cp -L "$unpacked/$program" "$root/usr/bin/" || exit
done
cp -L "$(find "$unpacked" -name ld-linux-x86-64.so.2 | head -n 1)" "$root/lib64/" || exit
for library in $libraries; do
    cp -L "$(find "$unpacked" -name "$library" | head -n 1)" "$root/lib/x86_64-linux-gnu/" || exit
done
for module in $modules; do
    cp -r "$unpacked/usr/lib/python3.11/$module" "$root/usr/lib/python3.11/" || exit
done
find "$root" -name __pycache__ -exec rm -rf {} +
cp -r "$unpacked"/usr/share/luajit* "$root/usr/share/" 2>/dev/null
: > "$root/usr/lib/ssl/openssl.cnf"
"$cc" -std=gnu11 -O2 -static -o "$root/init" $source/init.c || exit
"$cc" -std=gnu11 -O2 -static -pthread -o "$root/bin/kernels" $source/main.c $source/integer.c $source/float.c $source/memory.c \
    $source/code.c $source/system.c $source/smp.c || exit
cp tests/bench/rows $source/program.* "$root/"
[ -s "$out/key.pem" ] || "$root/usr/bin/openssl" genrsa -out "$out/key.pem" 2048 2>/dev/null ||
    openssl genrsa -out "$out/key.pem" 2048 2>/dev/null || { echo "rsa: no openssl runs here" >&2; exit 77; }
cp "$out/key.pem" "$root/"
{
    (cd "$root" && find . -mindepth 1 -type d) | LC_ALL=C sort | sed 's|^\.\(.*\)|dir \1 755|'
    (cd "$root" && find . -type l -printf '%p %l\n') | LC_ALL=C sort | sed 's|^\.|link |'
    (cd "$root" && find . -type f) | LC_ALL=C sort | sed "s|^\.\(.*\)|file \1 755 $root\1|"
    echo "char /dev/console 600 5 1"
    echo "char /dev/null 666 1 3"
} | "$cpio" > "$image.new" && mv "$image.new" "$image" && echo "$image"
