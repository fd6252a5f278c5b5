#!/bin/sh
# Run the unit test programs given after the build folder; the last line counts passed and failed checks.
out=$1; shift
[ $# -gt 0 ] || { echo "no test of that name"; exit 1; }
passed=0 failed=0
for t in "$@"; do
    log=$t.log
    if CK_TAP_LOG_FILE_NAME=$t.tap CK_DEFAULT_TIMEOUT=${CK_DEFAULT_TIMEOUT:-60} "$t" >"$log" 2>&1; then status=0; else status=$?; fi
    ok=$(grep -c '^ok' "$t.tap" 2>/dev/null || :)
    bad=$(grep -c '^not ok' "$t.tap" 2>/dev/null || :)
    [ "$status" -ne 0 ] && [ "${bad:-0}" -eq 0 ] && bad=1
    if [ "$status" -eq 0 ] && [ "${ok:-0}" -eq 0 ]; then bad=1; echo "$t: ran no check"; fi
    passed=$((passed + ${ok:-0})) failed=$((failed + ${bad:-0}))
    [ "${bad:-0}" -eq 0 ] || { echo "FAILED ${t#"$out"/}"; cat "$log"; }
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
