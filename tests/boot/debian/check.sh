#!/bin/sh
# `make check-debian`: what demo.sh and check-virtual.sh try, for each kernel. Usage: check.sh VERDITE
# Environment: KERNEL: one or more of 6.1, 6.12 and 7 (all three); what those two know.
verdite=$1
passed=0 failed=0 skipped=0
for series in ${KERNEL:-6.1 6.12 7}; do
    for script in demo check-virtual; do
        echo "---- Linux $series: $script"
        KERNEL=$series "tests/boot/debian/$script.sh" "$verdite" </dev/null
        case $? in
        0) passed=$((passed + 1)) ;;
        77) skipped=$((skipped + 1)) ;;
        *) failed=$((failed + 1)); echo "FAILED $script with Linux $series" ;;
        esac
    done
done
echo "check-debian: $passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
