#!/bin/sh
# docs/devices.md holds the VMBus messages as their table says.
table=$(awk -f docs/devices.awk partitions/vmbus/messages.h)
shown=$(sed -n '/^| number | message /,/^$/p' docs/devices.md | sed '/^$/d')
[ "$table" = "$shown" ] && [ -n "$table" ] || {
    echo "docs/devices.md: its table of VMBus messages is not what awk -f docs/devices.awk partitions/vmbus/messages.h prints"
    exit 1
}
