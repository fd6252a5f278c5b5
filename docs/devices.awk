# Prints one table of docs/devices.md from the table in the source that it stands for: awk -v table=NAME -f docs/devices.awk FILE.
# docs/devices.sh calls it for each.
function trim(s) { gsub(/^[ \t"]+|[ \t"]+$/, "", s); return s }
function split_row(line) { sub(/^[^(]*\(/, "", line); sub(/\)[^)]*$/, "", line); return split(line, f, ",") }
BEGIN {
    if (table == "vmbus") print "| number | message | from | bytes | state |\n|--|--|--|--|--|"
    if (table == "vstor") print "| number | operation | state |\n|--|--|--|"
    if (table == "scsi") print "| code | command | disks | DVD drives |\n|--|--|--|--|"
    if (table == "nvsp") print "| number | message | since NVSP | state |\n|--|--|--|--|"
    if (table == "rndis") print "| number | message | state |\n|--|--|--|"
    state["DONE"] = state["done"] = "done"; state["REFUSED"] = state["refused"] = "refused"
    state["NOT_BUILT"] = "not built"; state["ignored"] = "taken, without effect"
}
table == "oid" { # two lists: asked for, and set
    if (/^#define .*\(X\)/) {
        n_lists++
        if (n_lists <= 2) printf("%s", n_lists == 1 ? "Asked for: " : ".\nSet: ")
        n = 0
    }
    line = $0
    while (n_lists <= 2 && match(line, /X\(0x[0-9a-f]+, [A-Z0-9_]+\)/)) {
        split(substr(line, RSTART + 2, RLENGTH - 3), f, ",")
        printf "%s%s %s", n++ ? ", " : "", substr(trim(f[1]), 3), trim(f[2])
        line = substr(line, RSTART + RLENGTH)
    }
}
END { if (table == "oid") print "." }
table == "vmbus" && /^    X\([ 0-9]+,/ {
    split_row($0)
    printf "| %d | %s | %s | %s | %s |\n", trim(f[1]), trim(f[2]), trim(f[3]) == "HOST" ? "host" : "guest", trim(f[4]), state[trim(f[5])]
}
table == "vstor" && /^    X\([0-9]+,/ {
    split_row($0)
    allowed = trim(f[3])
    printf "| %d | %s | %s |\n", trim(f[1]), trim(f[2]), allowed != "0" ? "done" : trim(f[2]) == "FCHBA_DATA" ? "refused" : "done, by the host"
}
table == "scsi" && /^    \{ 0x[0-9a-f][0-9a-f], "/ {
    match($0, /"[^"]*"/); name = substr($0, RSTART + 1, RLENGTH - 2)
    code = substr($0, index($0, "0x"), 4)
    split(substr($0, RSTART + RLENGTH), f, ","); of = trim(f[2])
    printf "| %s | %s | %s | %s |\n", code, name, of == "BOTH" || of == "DISK" ? "done" : "refused", of == "BOTH" || of == "DVD" ? "done" : "refused"
}
table == "nvsp" && /^    X\([0-9]+, +[A-Z]/ {
    split_row($0)
    printf "| %d | %s | %s | %s |\n", trim(f[1]), trim(f[2]), trim(f[3]), state[trim(f[5])]
}
table == "rndis" && /^    X\([0-9]+, [A-Z]/ {
    split_row($0)
    printf "| %d | %s | %s |\n", trim(f[1]), trim(f[2]), trim(f[4]) == "silent" ? "done, without an answer" : "done"
}
