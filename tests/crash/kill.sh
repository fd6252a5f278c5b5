#!/bin/bash
# Kill a program that writes to an image, at a random moment, and look at what it left. Usage: kill.sh CHECK_CRASH VERDITE KILLS [SEED]
program=$1 verdite=$2 kills=$3
RANDOM=${4:-1}
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
kinds=("disk.img" "fixed.vhd --type fixed" "dynamic.vhd" "child.vhd --parent $dir/base.vhd" "fixed.vhdx --type fixed" "dynamic.vhdx"
    "child.vhdx --parent $dir/base.vhdx")
for format in vhd vhdx; do "$verdite" image create "$dir/base.$format" 16M || exit 1; done
failed=0
for ((i = 0; i < kills; i++)); do
    # shellcheck disable=SC2206 # words are meant
    kind=(${kinds[$((i % ${#kinds[@]}))]})
    file=$dir/${kind[0]}
    rm -f "$file"
    "$verdite" image create "$file" 16M "${kind[@]:1}" || exit 1
    "$program" write "$file" "$i" >"$dir/flushed" &
    writer=$!
    sleep "0.$(printf '%03d' $((RANDOM % 300 + 20)))"
    kill -9 "$writer"
    wait "$writer" 2>/dev/null
    flushed=$(tail -n 1 "$dir/flushed")
    "$program" verify "$file" "$i" "${flushed:-0}" || { echo "kill $i, ${kind[*]}: damaged"; failed=1; }
done
[ $failed -eq 0 ] && echo "$kills writers killed: every image holds what was flushed"
exit $failed
