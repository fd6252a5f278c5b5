#!/bin/sh
# `make bench`: the kernels of tests/bench natively, under verdite and (where it is installed) under Bochs; prints a table of
# the emulators' CPU seconds. Usage: bench.sh VERDITE CPIO KERNELS     Environment: KERNEL, SCALE
verdite=$1 cpio=$2 kernels=$3 scale=${SCALE:-8}
kernel=$KERNEL
if [ -z "$kernel" ]; then
    kernel=$(tests/boot/fetch-kernel.sh cloud) || exit
fi
dir=$(mktemp -d) || exit
trap 'rm -rf "$dir"' EXIT
cr=$(printf '\r')
printf 'dir /dev 755\nchar /dev/console 600 5 1\nfile /init 755 %s\n' "$kernels" | "$cpio" > "$dir/initrd" || exit
mkfifo "$dir/console" || exit
words="console=ttyS0,115200 quiet panic=-1 BENCH_SCALE=$scale"

hundredths() # CPU time of a process
{
    awk '{ print $14 + $15 }' "/proc/$1/stat" 2>/dev/null || echo 0
}

watch() # name, process: a line "row name hundredths checksum" for each row of its console
{
    while read -r tag row sum; do
        case $tag in
        START) before=$(hundredths "$2") ;;
        BENCH) echo "${row} $1 $(($(hundredths "$2") - before)) ${sum%"$cr"}" >> "$dir/rows" ;;
        esac
    done < "$dir/console"
    wait "$2"
}

echo "native..." >&2
BENCH_SCALE=$scale "$kernels" > "$dir/console" &
watch native $!
echo "verdite..." >&2
"$verdite" run --kernel "$kernel" --initrd "$dir/initrd" --append "$words" --memory 512M --serial stdio --no-reboot \
    > "$dir/console" 2>/dev/null </dev/null &
watch verdite $!
if command -v bochs >/dev/null && command -v xorriso >/dev/null; then
    echo "bochs..." >&2
    tests/bench/bochs.sh "$dir/bochs" "$kernel" "$dir/initrd" "$dir/console" "$words" >/dev/null 2>&1 </dev/null &
    watch bochs $!
else
    echo "no Bochs (bochs, bochsbios, vgabios, isolinux, xorriso) on this host: without it" >&2
fi
awk '
!($1 in seen) { order[++n] = $1; seen[$1] = 1; sum[$1] = $4 }
sum[$1] != $4 { print "WRONG OUTPUT: " $1 " under " $2; wrong = 1 }
{ time[$1, $2] = $3 / 100; has[$2] = 1 }
END {
    printf "%-10s %9s %9s %9s %15s\n", "row", "native s", "verdite s", "bochs s", "bochs/verdite"
    for (i = 1; i <= n; i++) {
        r = order[i]
        v = time[r, "verdite"]
        b = time[r, "bochs"]
        printf "%-10s %9.2f %9.2f", r, time[r, "native"], v
        if (("bochs" in has) && v > 0) {
            printf " %9.2f %15.1f", b, b / v
            logs += log(b / v)
            rows++
        }
        printf "\n"
    }
    if (rows) printf "geometric mean of bochs/verdite: %.1f\n", exp(logs / rows)
    exit wrong || !("verdite" in has)
}' "$dir/rows"
