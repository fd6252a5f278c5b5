#!/bin/sh
# Run each libFuzzer program given for SECONDS_EACH (default 5) seconds on an empty corpus; exit 1 if one finds a crash.
# Usage: smoke.sh OPTIONS PROGRAM...
options=$1
shift
found=build/fuzz/found
mkdir -p $found
failed=0
for program in "$@"; do
    name=${program##*/}
    # shellcheck disable=SC2086 # options are words
    if "$program" $options -max_total_time="${SECONDS_EACH:-5}" -seed="${SEED:-1}" \
        -artifact_prefix="$found/$name-" >"$program.log" 2>&1; then
        echo "$name: $(sed -n 's/^Done \([0-9]* runs\).*/\1/p' "$program.log")"
    else
        failed=1
        grep -a -v ' not_built \| unimplemented ' "$program.log" | tail -60
        echo "$name: FAILED"
    fi
done
exit $failed
