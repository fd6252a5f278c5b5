# Prints the table of VMBus messages from partitions/vmbus/messages.h, as docs/devices.md holds it: tests/lint/devices.sh compares.
function trim(s) { gsub(/^[ \t]+|[ \t]+$/, "", s); return s }
BEGIN { print "| number | message | from | bytes | state |\n|--|--|--|--|--|" }
/^    X\([ 0-9]+,/ {
    line = $0
    sub(/^    X\(/, "", line); sub(/\)[ \t]*\\?[ \t]*$/, "", line)
    n = split(line, f, ",")
    state = trim(f[5])
    printf "| %d | %s | %s | %s | %s |\n", trim(f[1]), trim(f[2]), trim(f[3]) == "HOST" ? "host" : "guest", trim(f[4]),
        state == "DONE" ? "done" : state == "REFUSED" ? "refused" : "not built"
}
