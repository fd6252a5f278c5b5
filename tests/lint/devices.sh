#!/bin/sh
# docs/devices.md holds the tables of messages and commands as the sources have them, without a gap in their numbers; what it says is not
# there is not in the sources: objects that no adapter has, classes that are not offered.
failed=0
docs/devices.sh | diff docs/devices.md - || {
    echo "docs/devices.md is not what its sources say: docs/devices.sh >new && mv new docs/devices.md"
    failed=1
}
grep -n MISSING docs/devices.md && failed=1
sources=$(find devices partitions -name '*.[ch]')
for oid in $(sed -n '/^Not supported:/,/^$/p' docs/devices.md | grep -oE '\b[0-9a-f]{8}\b'); do
    grep -n "0x$oid" devices/synthetic/rndis_oid.[ch] && { echo "docs/devices.md says that OID $oid is not supported"; failed=1; }
done
for class in $(sed -n '/^## Not offered/,$p' docs/devices.md | grep -oE '[0-9a-f]{8}-[0-9a-f-]{27}' | cut -d- -f1); do
    # shellcheck disable=SC2086 # words are meant
    grep -n "0x$class" $sources && { echo "docs/devices.md says that class $class is not offered"; failed=1; }
done
exit $failed
