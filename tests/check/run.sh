#!/bin/sh
# Run the unit test programs given after the build folder, as many at once as there are processors; the last line counts passed
# and failed checks, and programs that have nothing to check on this host (status 77). RUN (environment): what runs them, as qemu-aarch64-static.
out=$1; shift
[ $# -gt 0 ] || { echo "no test of that name"; exit 1; }
rm -f $(printf '%s.tap %s.status ' $(for t in "$@"; do echo "$t" "$t"; done))
export CK_DEFAULT_TIMEOUT="${CK_DEFAULT_TIMEOUT:-600}"
printf '%s\n' "$@" | xargs -P "$(nproc 2>/dev/null || echo 1)" -I{} \
    sh -c 'CK_TAP_LOG_FILE_NAME={}.tap $RUN {} >{}.log 2>&1; echo $? >{}.status'
passed=0 failed=0 skipped=0
for t in "$@"; do
    status=$(cat "$t.status" 2>/dev/null || echo 127)
    ok=$(grep -c '^ok' "$t.tap" 2>/dev/null || :)
    bad=$(grep -c '^not ok' "$t.tap" 2>/dev/null || :)
    if [ "$status" -eq 77 ]; then skipped=$((skipped + 1)); continue; fi
    [ "$status" -ne 0 ] && [ "${bad:-0}" -eq 0 ] && bad=1
    if [ "$status" -eq 0 ] && [ "${ok:-0}" -eq 0 ]; then bad=1; echo "$t: ran no check"; fi
    passed=$((passed + ${ok:-0})) failed=$((failed + ${bad:-0}))
    [ "${bad:-0}" -eq 0 ] || { echo "FAILED ${t#"$out"/}"; cat "$t.log"; }
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
