#!/bin/sh
# make bench-profile: where the CPU time of each row goes, sampled by perf: translated code, the host's kernel, and the C functions that cost most.
# Usage: profile.sh VERDITE CPIO CC     Environment: ROWS=name,... (all), SECONDS_OF_ROW (4), TABLE (times of a unit: what make bench left)
verdite=$1 cpio=$2 cc=$3
table=${TABLE:-build/bench/rows-1.md} out=build/bench/profile.md
command -v perf >/dev/null || { echo "bench-profile needs perf (linux-perf)"; exit 77; }
[ -r "$table" ] || { echo "bench-profile reads a unit's time in $table: run make bench first"; exit 77; }
kernel=$(tests/boot/fetch-kernel.sh cloud) && initrd=$(tests/bench/guest.sh "$cpio" "$cc") || exit
profile_of() # row, count: its line of the table
{
    data=build/bench/$1.perf
    perf record -q -e cpu-clock -F 997 -D 2500 -o "$data" -- "$verdite" run --kernel "$kernel" --initrd "$initrd" --memory 512M --net none \
        --no-reboot --append "console=ttyS0,115200 quiet panic=-1 rows=$1:$2" </dev/null >build/bench/profile.console 2>&1 || return
    perf script -i "$data" -F ip,sym,dso 2>/dev/null | awk -v row="$1" '
        /^[ \t]*$/ { next }
        {
            n++
            where = $NF
            name = $2
            if (where ~ /kernel|\[vdso\]/) host++
            else if (where ~ /verdite\)$|\.so/) { c++; if (name == "[unknown]") name = where; count[name]++ }
            else code++
        }
        END {
            text = ""
            for (i = 0; i < 3; i++) {
                best = ""
                for (name in count) if (best == "" || count[name] > count[best]) best = name
                if (best == "" || count[best] < n / 100) break
                text = text (i ? ", " : "") best " " sprintf("%.0f", 100 * count[best] / n)
                delete count[best]
            }
            if (n) printf "| %s | %.0f | %.0f | %.0f | %s |\n", row, 100 * code / n, 100 * c / n, 100 * host / n, text
        }'
    rm -f "$data"
}
{
    echo "| row | translated code % | C % | host's kernel % | of C, in percent of all |"
    echo "|---|---|---|---|---|"
    grep -v '^#' tests/bench/rows | while read -r name group count command; do
        [ "$group" != smp ] || continue
        [ -z "$ROWS" ] || case ",$ROWS," in *",$name,"*) ;; *) continue ;; esac
        unit=$(awk -F'|' -v row="$name" '{ gsub(/ /, "", $2) } $2 == row { print $4 + 0 }' "$table")
        [ -n "$unit" ] || continue
        profile_of "$name" "$(awk -v n="$count" -v unit="$unit" -v s="${SECONDS_OF_ROW:-4}" 'BEGIN { printf "%d", n * (s / unit > 1 ? int(s / unit) : 1) }')"
    done
} | tee $out
echo "(also in $out)" >&2
