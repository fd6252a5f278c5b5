# Sourced: what a check asks of a running machine. Needs $verdite, $socket (of --control) and $running (its process).
ctl() { "$verdite" ctl "$socket" "$@" 2>&1; }

# For the kernel's command line: that a loaded host lets a guest wait is no lock-up. Its own watchdogs still end what hangs.
patient="console=ttyS0 watchdog_thresh=60 rcupdate.rcu_cpu_stall_timeout=300"

# What the child takes, in one line: pages of the hypervisor, channels, GPADLs, what waits in them. Nothing: it does not answer.
taken() { ctl memory | sed -n '/^heap_bytes:/d; s/^\([a-z_]*\): \([0-9]*\)$/\1 \2/p' | tr '\n' ' '; }

# KiB that the process has allocated and not freed. It is 0 where the host does not tell.
heap() { echo $(($(ctl memory | sed -n 's/^heap_bytes: //p') / 1024)); }

# Not while it only waits to be waited for.
runs() { kill -0 $running 2>/dev/null && ! grep -qs '^[0-9]* (.*) Z' /proc/$running/stat; }

# Until a command is true. False, with what was waited for on stdout: the machine ended, or the time is over.
within() # seconds, what is waited for, command
{
    tenths=0 most=$(($1 * 10)) awaited=$2
    shift 2
    until "$@" >/dev/null; do
        runs || { echo "the machine ended while it was waited for $awaited"; return 1; }
        [ $tenths -lt $most ] || { echo "waited $((most / 10)) s for $awaited"; return 1; }
        sleep 0.1
        tenths=$((tenths + 1))
    done
}

takes_as_before() { [ "$(taken)" = "$before" ]; }

# Until the child takes what it took $before.
settle()
{
    within 60 "what the child took before" takes_as_before && return 0
    echo ": $(taken)instead of $before"
    return 1
}

heap_is_within() { [ "$(heap)" -le "$1" ]; }
