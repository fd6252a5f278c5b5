#!/bin/sh
# Print docs/devices.md with its tables as the sources have them now: behind each `<!-- table NAME FILE... -->` up to the next blank line.
# `docs/devices.sh >new && mv new docs/devices.md` brings it up to date; tests/lint/devices.sh compares.
skip=
while IFS= read -r line; do
    case $line in
    '<!-- table '*)
        echo "$line"
        line=${line#'<!-- table '}
        # shellcheck disable=SC2086 # words are meant
        set -- ${line%' -->'}
        name=$1
        shift
        awk -v table="$name" -f docs/devices.awk "$@"
        skip=1
        ;;
    '')
        skip=
        echo
        ;;
    *) [ -n "$skip" ] || printf '%s\n' "$line" ;;
    esac
done <docs/devices.md
