#!/bin/sh
# Run a script as root, in mount and process namespaces of its own. Without root: in a user namespace, as fakeroot's library tells who owns
# what. Usage: as-root.sh TOOLS SCRIPT [ARGUMENT]...   TOOLS: where a fakeroot is unpacked that is not installed. 3: impossible here, with a line why.
tools=$1
shift
if [ "$(id -u)" = 0 ]; then
    unshare -m -p -f true 2>/dev/null || exec "$@"
    exec unshare -m -p -f --kill-child "$@"
fi
unshare -r -m -p -f true 2>/dev/null || {
    echo "this host gives no user namespace to who is not root (sysctl kernel.unprivileged_userns_clone=1 allows it)"
    exit 3
}
for directory in /usr "$tools/usr"; do
    PRETEND_LIBRARY=$(find "$directory"/lib/*/libfakeroot "$directory/lib/libfakeroot" -name libfakeroot-sysv.so 2>/dev/null | head -n 1)
    [ -x "$directory/bin/faked-sysv" ] && [ -n "$PRETEND_LIBRARY" ] && break
done
[ -n "$PRETEND_LIBRARY" ] || { echo "no fakeroot"; exit 3; }
faked=$("$directory/bin/faked-sysv") || { echo "fakeroot's faked does not run"; exit 3; }
trap 'kill "${faked#*:}" 2>/dev/null' EXIT
trap 'exit 130' INT TERM HUP
PRETEND=/.pretend # in the system that is made
export PRETEND PRETEND_LIBRARY
unshare -r -m -p -f --kill-child env FAKEROOTDONTTRYCHOWN=1 FAKEROOTKEY="${faked%:*}" LD_LIBRARY_PATH="${PRETEND_LIBRARY%/*}:$PRETEND" LD_PRELOAD=libfakeroot-sysv.so "$@"
