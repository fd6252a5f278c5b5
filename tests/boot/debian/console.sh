# Sourced: talk to a guest's console, as somebody at a terminal would. Needs console (a file), keys (a fifo), running (the machine's process), started.
since=0 # bytes of the console that were looked at
fail()
{
    echo "FAILED: $1; see $console" >&2
    tail -n 5 "$console" | tr -d '\r' >&2
    [ -z "$running" ] || kill $running 2>/dev/null
    exit 1
}
# Until the console has a line like that after what was looked at.
await() # regular expression, seconds, what it is
{
    waited=0
    until tail -c +$((since + 1)) "$console" 2>/dev/null | tr -d '\r' | grep -qaE "$1"; do
        kill -0 $running 2>/dev/null || fail "$3: the machine ended"
        [ $waited -lt $(($2 * 2)) ] || fail "$3: not within $2 s"
        sleep 0.5
        waited=$((waited + 1))
    done
    since=$(wc -c <"$console")
}
told() # what is done
{
    echo "$1 ($(($(date +%s) - started)) s)"
}
type_line()
{
    printf '%s\r' "$1" >&3
}
log_in() # what that shows
{
    await 'verdite login:' 900 "$1"
    type_line root
    await 'Password:' 60 "asked for the password"
    type_line root
    await 'root@verdite:.*# ' 180 "logged in"
    told "$1, logged in"
}
# A command whose output ends in a word of ours with its status; the typed line does not hold the word.
ask() # command, seconds, what it is
{
    type_line "$1; echo STATUS=\$?."
    await 'STATUS=[0-9]+\.' "$2" "$3"
    tr -d '\r' <"$console" | grep -aoE 'STATUS=[0-9]+\.' | tail -n 1 | grep -q '^STATUS=0\.' || fail "$3"
    [ -z "$3" ] || told "$3"
}
# What a command of the host says, until it says that.
until_says() # regular expression, seconds, what it is, command...
{
    waited=0 pattern=$1 most=$2 what=$3
    shift 3
    until "$@" 2>&1 | grep -qE "$pattern"; do
        kill -0 $running 2>/dev/null || fail "$what: the machine ended"
        [ $waited -lt "$most" ] || fail "$what: not within $most s"
        sleep 1
        waited=$((waited + 1))
    done
    told "$what"
}
# A machine whose console is this file, and whose keyboard is descriptor 3.
switch_on() # function that becomes the machine, arguments
{
    rm -f "$keys" "$console" "$socket"
    : >"$console"
    mkfifo "$keys"
    since=0
    ("$@" <"$keys" >"$console" 2>"$out/log") &
    running=$!
    exec 3>"$keys"
}
