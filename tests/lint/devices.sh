#!/bin/sh
# docs/devices.md holds the tables of messages and commands as the sources have them.
docs/devices.sh | diff docs/devices.md - || {
    echo "docs/devices.md is not what its sources say: docs/devices.sh >new && mv new docs/devices.md"
    exit 1
}
