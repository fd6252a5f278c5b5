#!/bin/bash
# Images against other programs: what we make they read, what they make we read. qemu-img for raw, VHD and VHDX; libvhdi, which knows
# differencing images, where Python has it. Usage: interoperate.sh VERDITE
verdite=$1
command -v qemu-img >/dev/null || { echo "check-images: skipped, there is no qemu-img"; exit 77; }
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
failed=0 passed=0
try() { # NAME COMMAND...
    local name=$1
    shift
    if "$@" >"$dir/out" 2>&1; then passed=$((passed + 1)); else echo "FAILED $name: $*"; cat "$dir/out"; failed=$((failed + 1)); fi
}
python= # the first that has libvhdi: one of a version manager may stand before the system's
for each in python3 /usr/bin/python3; do
    [ -z "$python" ] && "$each" -c 'import pyvhdi' 2>/dev/null && python=$each
done
# A disk of 40 MiB and a bit: data, holes, and data at the very end.
head -c 3145728 /dev/urandom >"$dir/disk.img"
truncate -s 41944064 "$dir/disk.img"
head -c 70000 /dev/urandom | dd of="$dir/disk.img" bs=512 seek=40000 conv=notrunc status=none
head -c 512 /dev/urandom | dd of="$dir/disk.img" bs=512 seek=81921 conv=notrunc status=none
qemu_of() { case $1 in vhd) echo vpc ;; *) echo "$1" ;; esac }
for format in vhd vhdx; do
    for type in fixed dynamic; do
        ours=$dir/ours-$type.$format theirs=$dir/theirs-$type.$format options=subformat=$type
        try "convert $format $type" "$verdite" image convert "$dir/disk.img" "$ours" --type $type
        [ $format = vhdx ] && try "qemu-img check $format $type" qemu-img check -f vhdx "$ours"
        try "qemu-img info $format $type" qemu-img info -f "$(qemu_of $format)" "$ours"
        try "qemu-img compare $format $type" qemu-img compare -f raw -F "$(qemu_of $format)" "$dir/disk.img" "$ours"
        [ $format = vhd ] && options=$options,force_size=on
        try "qemu-img convert $format $type" qemu-img convert -f raw -O "$(qemu_of $format)" -o "$options" "$dir/disk.img" "$theirs"
        try "check theirs $format $type" "$verdite" image check "$theirs"
        try "compare theirs $format $type" "$verdite" image compare "$dir/disk.img" "$theirs"
        try "back to raw $format $type" "$verdite" image convert "$theirs" "$dir/back.img"
        try "raw is raw $format $type" cmp "$dir/disk.img" "$dir/back.img"
        rm -f "$dir/back.img"
        # Theirs, written to by us, and the other way round.
        try "we write into $format $type" "$verdite" image check --repair "$theirs"
        try "qemu-io writes into $format $type" qemu-io -f "$(qemu_of $format)" -c "write -P 0x5a 20M 3M" -c flush "$ours"
        try "check after qemu-io $format $type" "$verdite" image check "$ours"
        try "compare after qemu-io $format $type" qemu-img compare -f "$(qemu_of $format)" -F "$(qemu_of $format)" "$ours" "$ours"
    done
    # Differencing: the child holds the disk with changes.
    base=$dir/ours-dynamic.$format child=$dir/child.$format
    cp "$dir/disk.img" "$dir/changed.img"
    head -c 300000 /dev/urandom | dd of="$dir/changed.img" bs=512 seek=2000 conv=notrunc status=none
    head -c 5000 /dev/zero | dd of="$dir/changed.img" bs=512 seek=10 conv=notrunc status=none
    try "differencing $format" "$verdite" image convert "$dir/changed.img" "$child" --parent "$base"
    try "compare differencing $format" "$verdite" image compare "$dir/changed.img" "$child"
    try "check differencing $format" "$verdite" image check "$child"
    if [ -n "$python" ]; then
        cat >"$dir/read.py" <<'EOF'
import pyvhdi, sys
parent, child, raw = pyvhdi.file(), pyvhdi.file(), open(sys.argv[3], 'rb')
parent.open(sys.argv[1]); child.open(sys.argv[2]); child.set_parent(parent)
size = child.get_media_size()
while True:
    piece = raw.read(1 << 20)
    if not piece: break
    other = child.read_buffer(len(piece))
    if piece != other: sys.exit('differs in the piece before %d' % raw.tell())
sys.exit(0 if raw.tell() == size else 'size %d' % size)
EOF
        try "libvhdi reads differencing $format" "$python" "$dir/read.py" "$base" "$child" "$dir/changed.img"
    fi
    rm -f "$child"
done
# A larger one, made empty, by both.
try "create 3T" "$verdite" image create "$dir/large.vhdx" 3T
try "qemu-img check 3T" qemu-img check -f vhdx "$dir/large.vhdx"
try "qemu-img create 3T" qemu-img create -f vhdx "$dir/theirs.vhdx" 3T
try "check theirs 3T" "$verdite" image check "$dir/theirs.vhdx"
echo "images: $passed passed, $failed failed${python:+, libvhdi too}"
[ $failed -eq 0 ]
