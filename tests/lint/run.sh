#!/bin/sh
# Run every lint; the last line counts them. A lint whose tool is missing (exit 77) is skipped. Usage: run.sh OBJ...
passed=0 failed=0 skipped=0
lint() # name, command...
{
    name=$1
    shift
    said=$("$@" 2>&1)
    case $? in
    0) passed=$((passed + 1)) ;;
    77) skipped=$((skipped + 1)); echo "skipped $name: $said" ;;
    *) failed=$((failed + 1)); echo "FAILED $name"; echo "$said" ;;
    esac
}
lint layers tests/lint/layers.sh
lint no_globals tests/lint/no_globals.sh "$@"
lint headers tests/lint/headers.sh
lint outline tests/lint/outline.sh
lint sizes tests/lint/sizes.sh
lint host_calls tests/lint/host_calls.sh
lint printf tests/lint/printf.sh
lint format tests/lint/format.sh
lint cppcheck tests/lint/cppcheck.sh
lint devices tests/lint/devices.sh
lint spelling tests/lint/spelling.sh
tests/lint/sizes.sh functions
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
