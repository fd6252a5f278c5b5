# Prints one table of docs/devices.md from the table in the sources that it stands for: awk -v table=NAME -f docs/devices.awk FILE...
# docs/devices.sh calls it for each. A number that a numbered table skips becomes a row that says so.
function trim(s) { gsub(/^[ \t"]+|[ \t"\\]+$/, "", s); return s }
function split_row(line) { sub(/^[^(]*\(/, "", line); sub(/\)[^)]*$/, "", line); return split(line, f, ",") }
function follows(n) { # numbers without a gap, from the first one on
    if (seen[table] && n != last + 1) printf "| %d | MISSING |\n", last + 1
    seen[table] = 1; last = n
}
function guid(line,    i, n, p) {
    sub(/.*VMBUS_GUID\(/, "", line); sub(/\).*/, "", line); n = split(line, p, ",")
    for (i = 1; i <= n; i++) { p[i] = trim(p[i]); sub(/^0x/, "", p[i]) }
    return p[1] "-" p[2] "-" p[3] "-" p[4] "-" p[5]
}
function yes(x, a, b) { return x ~ /true|done|offered|given|every/ && x !~ /not_/ ? a : b }
BEGIN {
    head["vmbus"] = "number|message|from|since|bytes|state"
    head["packets"] = "type|packet|of a guest|of the host"
    head["vstor"] = "number|operation|state"
    head["srb"] = "status|name|given"
    head["scsi"] = "code|command|disks|DVD drives"
    head["vpd"] = "page|contents|disks|DVD drives"
    head["mode"] = "page|contents|disks|DVD drives"
    head["nvsp"] = "number|message|from|since NVSP|state"
    head["rndis"] = "number|message|state"
    head["ppi"] = "type|information|of a guest|of the host"
    head["ic"] = "type|messages of|state"
    head["versions"] = "component|message versions, newest first"
    head["kvp"] = "number|operation|state"
    head["classes"] = "class|device"
    if (table in head) {
        n = split(head[table], f, "|"); line = "|"; rule = "|"
        for (i = 1; i <= n; i++) { line = line " " f[i] " |"; rule = rule "--|" }
        print line "\n" rule
    }
    state["DONE"] = state["done"] = "done"; state["REFUSED"] = state["refused"] = "refused"
    state["NOT_BUILT"] = state["not_built"] = "not built"; state["ignored"] = "taken, without effect"
    state["host"] = "done"; state["never"] = "never sent"; state["dead"] = "not built: deprecated"
}
{ row = $0; while (row ~ /^    X\([^)]*$/ && (getline more) > 0) row = row " " trim(more) }
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
table == "vmbus" && /^    X\([ 0-9]+,/ {
    split_row(row); since = trim(f[4]); sub(/VMBUS_VERSION_/, "", since); sub(/_/, ".", since)
    follows(trim(f[1]) + 0)
    printf "| %d | %s | %s | %s | %s | %s |\n", trim(f[1]), trim(f[2]), trim(f[3]) == "HOST" ? "host" : "guest", since == "0" ? "" : since, trim(f[5]), state[trim(f[6])]
}
table == "packets" && /^    X\(0x[0-9a-f]+,/ {
    split_row(row)
    follows(index("123456789abcdef", substr(trim(f[1]), 3)))
    printf "| %s | %s | %s | %s |\n", trim(f[1]), trim(f[2]), yes(trim(f[3]), "read", "stops the channel"), yes(trim(f[4]), "sent", "never")
}
table == "vstor" && /^    X\([0-9]+,/ {
    split_row(row)
    allowed = trim(f[3]); follows(trim(f[1]) + 0)
    printf "| %d | %s | %s |\n", trim(f[1]), trim(f[2]), allowed != "0" ? "done" : trim(f[2]) == "FCHBA_DATA" ? "refused" : "done, by the host; of a guest refused"
}
table == "srb" && /^    X\(0x[0-9a-f]+,/ { split_row(row); printf "| %s | %s | %s |\n", trim(f[1]), trim(f[2]), yes(trim(f[3]), "yes", "never") }
table == "scsi" && /^    \{ 0x[0-9a-f][0-9a-f], "/ {
    match($0, /"[^"]*"/); name = substr($0, RSTART + 1, RLENGTH - 2)
    code = substr($0, index($0, "0x"), 4)
    split(substr($0, RSTART + RLENGTH), f, ","); of = trim(f[2])
    printf "| %s | %s | %s | %s |\n", code, name, of == "BOTH" || of == "DISK" ? "done" : "refused", of == "BOTH" || of == "DVD" ? "done" : "refused"
}
table == "vpd" && /^    \{ 0x[0-9a-f][0-9a-f], SCSI_/ {
    name = $0; sub(/.*page_/, "", name); sub(/ *\}.*/, "", name); gsub(/_/, " ", name)
    printf "| %s | %s | %s | %s |\n", substr($0, index($0, "0x"), 4), name, /SCSI_DISK/ ? "done" : "refused", /SCSI_DVD/ ? "done" : "refused"
}
table == "mode" && /^static const uint8_t page_/ { name = $4; sub(/\[\]/, "", name); wants = name }
table == "mode" && wants != "" && match($0, /0x[0-9a-f][0-9a-f]/) { page_code[wants] = substr($0, RSTART, RLENGTH); wants = "" }
table == "mode" && /^    \{ page_/ {
    name = $2; sub(/,/, "", name); words = name; sub(/page_/, "", words); gsub(/_/, " ", words)
    printf "| %s | %s | %s | %s |\n", page_code[name], words, /SCSI_DISK/ ? "done" : "refused", /SCSI_DVD/ ? "done" : "refused"
}
table == "nvsp" && /^    X\([0-9]+, +[A-Z]/ { # two lists, told in the order of the numbers
    n = split_row(row); how = trim(f[n]); number = trim(f[1]) + 0
    from = how == "host" || how == "never" ? "host" : "guest"
    text[number] = sprintf("| %d | %s | %s | %s | %s |", number, trim(f[2]), from, trim(f[3]) == "61" ? "6.1" : trim(f[3]), state[how])
    most = number > most ? number : most
}
table == "rndis" && /^    X\([0-9]+, [A-Z]/ && $0 !~ /skipped/ { # two lists, told in the order of the numbers
    n = split_row(row); how = trim(f[n]); number = trim(f[1]) + 0
    most = number > most ? number : most
    text[number] = sprintf("| %d | %s | %s |", number, trim(f[2]), how == "host" ? "done, by the host" : how == "not_built" ? "not built" : how == "silent" ? "done, without an answer" : "done")
}
table == "ppi" && /^    X\([0-9]+, +[A-Z].*(skipped|done), +(never|done)\)/ {
    split_row(row); printf "| %d | %s | %s | %s |\n", trim(f[1]), trim(f[2]), trim(f[3]), trim(f[4]) == "never" ? "never" : "as the guest turned it on"
}
table == "ic" && /^    X\([0-9]+,/ {
    split_row(row); follows(trim(f[1]) + 0)
    printf "| %d | %s | %s |\n", trim(f[1]), trim(f[2]), trim(f[3]) == "every" ? "done, by every component" : yes(trim(f[3]), "done", "not offered")
}
table == "versions" && /^static const struct ic_version versions\[\]/ {
    line = $0; sub(/^[^{]*\{/, "", line); sub(/\};.*/, "", line); gsub(/[{} ]/, "", line)
    n = split(line, f, ","); list = ""
    for (i = 1; i < n; i += 2) list = list (list != "" ? ", " : "") f[i] "." f[i + 1]
    name = FILENAME; sub(/.*\//, "", name); sub(/\.c/, "", name)
    printf "| %s | %s |\n", name, list
}
table == "kvp" && /^    X\([0-9]+,/ { split_row(row); follows(trim(f[1]) + 0); printf "| %d | %s | %s |\n", trim(f[1]), trim(f[2]), yes(trim(f[3]), "done", "never asked") }
table == "classes" {
    if (/VMBUS_GUID\(/ && (before || /(class|\.type) *=/)) {
        name = FILENAME; sub(/.*\//, "", name); sub(/\.c/, "", name)
        printf "| %s | %s |\n", guid($0), name
    }
    before = /(class|\.type) *=$/
}
END {
    if (table == "oid") print "."
    for (i = 1; i <= most; i++)
        if (i in text) print text[i]; else if (i >= 100 || most < 100) printf "| %d | MISSING |\n", i
}
