# Sourced: what every initramfs of the tests has. Needs $cpio, the program that packs. Sets cache, defines the functions below.
cache=$(pwd)/build/cache

static() # is it there, and does it need no library?
{
    [ -x "$1" ] && ! ldd "$1" >/dev/null 2>&1
}

# Sets guest_busybox: the host's where it is static, or one that is fetched once. False, with a sentence: there is none.
find_busybox()
{
    for guest_busybox in "$(command -v busybox)" "$cache/busybox/bin/busybox" "$cache/busybox/usr/bin/busybox"; do
        static "$guest_busybox" && return 0
    done
    command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || {
        echo "No static busybox on this host: install one, or give INITRD=/path/to/initrd." >&2
        return 1
    }
    . tests/boot/apt.sh
    apt_update && echo "fetching busybox-static" >&2 && apt_unpack busybox-static "$cache/busybox" || {
        echo "busybox-static cannot be fetched (no network?). Give KERNEL=... INITRD=... instead." >&2
        return 1
    }
    for guest_busybox in "$cache/busybox/bin/busybox" "$cache/busybox/usr/bin/busybox"; do
        static "$guest_busybox" && return 0
    done
    echo "busybox-static holds no static busybox" >&2
    return 1
}

# The modules of a kernel that are not built in, unpacked, and their rows: /modules/NUMBER-NAME.ko, in the order of their names here.
unpack_modules() # directory of the kernel, where to, names
{
    from=$1 to=$2 number=100
    rm -rf "$to"
    mkdir -p "$to" || return 1
    shift 2
    for name; do
        number=$((number + 1))
        file=$(find "$from/lib" "$from/usr/lib" -name "$name.ko*" 2>/dev/null | head -n 1)
        case $file in
        '') continue ;;
        *.xz) xz -dc "$file" >"$to/$number-$name.ko" || return 1 ;;
        *) cp "$file" "$to/$number-$name.ko" || return 1 ;;
        esac
        echo "file /modules/$number-$name.ko 644 $to/$number-$name.ko"
    done
}

# Pack IMAGE: busybox, INIT as its first program, the modules of the kernel that was unpacked into DIRECTORY, and what the rows that
# come in on stdin say. Without modules DIRECTORY may be empty. Status 77: this host has no busybox for it.
pack_initramfs() # image, init, directory, modules
{
    image=$1 init=$2 kernel_directory=$3
    shift 3
    find_busybox || return 77
    mkdir -p "${image%/*}" || return 1
    {
        for directory in /dev /proc /sys /tmp /bin /sbin /lib /lib64 /usr /usr/sbin /etc /modules; do echo "dir $directory 755"; done
        echo "char /dev/console 600 5 1"
        echo "char /dev/null 666 1 3"
        echo "char /dev/ttyS0 600 4 64"
        echo "file /bin/busybox 755 $guest_busybox"
        echo "link /bin/sh busybox"
        echo "file /init 755 $init"
        unpack_modules "$kernel_directory" "$image.$$.modules" "$@" || echo "a module that cannot be unpacked" # which no row is
        cat
    } | "$cpio" >"$image.$$"
    packed=$?
    rm -rf "$image.$$.modules"
    [ $packed = 0 ] && mv "$image.$$" "$image" || { rm -f "$image.$$"; return 1; }
}
