#!/bin/sh
# See that what a task needs is installed; install it when it is not. Usage: deps.sh [build] [check] [lint] [demo] [debian]
# Root uses apt-get, others sudo; without either one line is printed to copy, and the exit code is 2. Where nothing is missing, neither is called.
# group, how to find it (cmd: a program, pc: a pkg-config module, lib: a library that links), Debian's package; "?" it can be done without
needs='
build cmd:cc          gcc
build cmd:as          binutils
build pc:             pkg-config
build lib:c           libc6-dev
build lib:z           zlib1g-dev
build pc:capstone     libcapstone-dev ?
build pc:jansson      libjansson-dev ?
build pc:slirp        libslirp-dev ?
build pc:inih         libinih-dev ?
check pc:check        check
check lib:subunit     libsubunit-dev
check lib:Zydis       libzydis-dev ?
lint  cmd:clang       clang
lint  cmd:clang-format clang-format
lint  cmd:cppcheck    cppcheck
lint  cmd:codespell   codespell
demo  cmd:mke2fs      e2fsprogs
debian cmd:ssh        openssh-client ?
debian cmd:busybox    busybox ?
debian cmd:qemu-img   qemu-utils ?
'
PATH=$PATH:/usr/sbin:/sbin
pkg_config=${PKG_CONFIG:-pkg-config}
present()
{
    case $1 in
    cmd:*) command -v "${1#cmd:}" >/dev/null 2>&1 ;;
    pc:) command -v "$pkg_config" >/dev/null 2>&1 ;;
    pc:*) "$pkg_config" --exists "${1#pc:}" 2>/dev/null ;;
    lib:*) echo 'int main(void) { return 0; }' | ${CC:-cc} -x c - "-l${1#lib:}" -o /dev/null 2>/dev/null ;;
    esac
}
missing='' required=''
while read -r group how package optional; do
    case " $* " in
    *" $group "*)
        if ! present "$how"; then
            missing="$missing $package"
            [ -n "$optional" ] || required="$required $package"
        fi
        ;;
    esac
done <<EOF
$needs
EOF
[ -n "$missing" ] || exit 0
install="apt-get install -y --no-install-recommends$missing"
if ! command -v apt-get >/dev/null; then
    echo "Needed, by Debian's names:$missing" >&2
    [ -z "$required" ] && exit 0
    exit 2
fi
if [ "$(id -u)" = 0 ]; then
    sudo=
elif command -v sudo >/dev/null && { [ -t 0 ] || sudo -n true 2>/dev/null; }; then
    sudo=sudo
else
    echo "Missing packages. As root:  $install" >&2
    [ -z "$required" ] && exit 0
    exit 2
fi
echo "installing:$missing" >&2
export DEBIAN_FRONTEND=noninteractive
# The lists may be old or absent.
$sudo $install >/dev/null 2>&1 || { $sudo apt-get -qq update >&2; $sudo $install >&2; } || {
    [ -z "$required" ] && exit 0
    echo "Could not install. As root:  $install" >&2
    exit 2
}
