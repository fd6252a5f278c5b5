#!/bin/sh
# Debug guests with the host's gdb in batch mode, and ask a machine over its control socket.
# Usage: check-gdb.sh VERDITE ROMS CPIO. 77 when there is no gdb.
# The kernel's part needs a kernel of tests/boot/fetch-kernel.sh, lz4 and objcopy; without them it says that it is skipped.
verdite=$1 roms=$2 cpio=$3
command -v gdb >/dev/null || { echo "check-gdb: skipped, there is no gdb"; exit 77; }
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
passed=0 failed=0

# expect NAME FILE PATTERN...: every extended regular expression matches a line of the file, in this order.
expect()
{
    name=$1 file=$2 from=1
    shift 2
    for pattern in "$@"; do
        line=$(tail -n "+$from" "$file" | grep -nEm1 -e "$pattern" | cut -d: -f1)
        if [ -z "$line" ]; then
            echo "FAILED $name: nothing like '$pattern' in:"
            sed 's/^/    /' "$file" | tail -n 40
            failed=$((failed + 1))
            return 1
        fi
        from=$((from + line))
    done
    passed=$((passed + 1))
}

# session NAME FILE-WITH-SYMBOLS OPTIONS...: run a guest with --wait; gdb's commands on standard input; the outcome in
# $work/NAME.gdb, .console and .log (with the exit code as its last line).
session()
{
    name=$1 symbols=$2
    shift 2
    { echo 'set pagination off'; echo 'set confirm off'; echo 'set remotetimeout 60'; echo "target remote $work/$name.socket"; cat; } \
        >"$work/$name.commands"
    { timeout 240 "$verdite" run "$@" --serial "file:$work/$name.console" --gdb "unix:$work/$name.socket" --wait \
        --control "$work/$name.control" --no-reboot --timeout 200 </dev/null 2>"$work/$name.log"
      echo "exit $?" >>"$work/$name.log"; } &
    running=$!
    n=0
    while [ ! -S "$work/$name.control" ] && [ $n -lt 100 ]; do sleep 0.1; n=$((n + 1)); done
    timeout 220 gdb -nx -batch -x "$work/$name.commands" $symbols >"$work/$name.gdb" 2>&1
    wait $running
}

# From 32-bit code without paging into 64-bit code; symbols, steps, a watchpoint, registers, memory, MSRs, power-off.
session tour "$roms/tour-1.elf" --kernel "$roms/tour-1.elf" --memory 64M <<'END'
print/x $rip
print/x $cr0
stepi
print/x $rip
break start64
continue
print/x $cr0 & 0x80000001
print/x $efer
print/x $cr3
monitor msr 0xc0000080
monitor walk 0x100000
break put_hex
continue
print/x $rax
backtrace 2
set var $rax = 0xabcd
delete
watch *(char *)&vendor
continue
delete
break put_yes_no
continue
set var $eflags = $eflags | 1
delete
monitor regs
monitor synic
monitor help
info registers xmm0 st0 mxcsr
continue
END
expect tour-1 "$work/tour.gdb" 'start32' '= 0x100014' '= 0x11' '= 0x100019' 'Breakpoint 1, 0x.* in start64' '= 0x80000001' \
    '= 0x500' '= 0x101000' 'msr 0xc0000080 = 0x0*500' 'PML4E at gpa 0x101000' '-> gpa 0x100000' 'in put_hex' '= 0x40000006' '#1 .* in present' \
    'Old value = 77' 'New value = 72' 'in put_yes_no' 'rip ' 'sint15' 'hypercalls' 'xmm0 .*uint128 = 0' 'mxcsr .*0x1f80' \
    'exited normally'
expect tour-1-guest "$work/tour.console" 'leaves to 0xabcd' 'may post messages: yes' 'HV_STATUS_INVALID_HYPERCALL_CODE'
expect tour-1-end "$work/tour.log" 'the guest powered off' 'exit 0'
if grep -iE '^(warning|error)|error:|: error in|cannot|invalid' "$work/tour.gdb"; then
    echo "FAILED tour-1: gdb complains" && failed=$((failed + 1))
fi

# The description follows the mode when gdb is told so.
session arch "" --kernel "$roms/tour-1.elf" --memory 64M <<'END'
monitor arch auto
unset tdesc filename
flushregs
print $eip
x/2i $pc
break *0x10007d
continue
unset tdesc filename
flushregs
print $rip
x/1i $pc
delete
continue
END
expect arch "$work/arch.gdb" '0x100014' 'mov +\$0x10d000,%esp' 'Breakpoint 1' '0x10007d' 'mov +\$0x10,%eax' 'exited normally'

# A processor from its first 16-bit instruction into 64-bit code, while the boot VP waits; with one description all the way.
session start "$roms/litmus.elf" --kernel "$roms/litmus.elf" --memory 64M --cpus 4 --append "rounds=20 only=mp" <<'END'
break *0x8000
continue
print/x $cs
print/x $cr0 & 1
monitor code
stepi
stepi
stepi
print/x $pc
delete
break ap_start32
continue
print/x $cr0 & 1
monitor code 0x100000 1
monitor code
stepi 4
delete
break ap_start64
continue
print/x $efer
print/x $cr4 & 0x20
info registers cs ss
stepi
info threads
delete
break run_tests
continue
backtrace 1
monitor hypercalls
delete
continue
END
expect start "$work/start.gdb" 'hit Breakpoint 1, 0x0*8000' '= 0x800' '= 0x0' '16-bit code' '0x8000: cli' '0x8001: xor ax, ax' \
    'Breakpoint 2, .*ap_start32' '= 0x1' '32-bit code' 'mov eax, 0x10' 'Breakpoint 3, .*ap_start64' '= 0x500' '= 0x20' 'cs .*0x8 ' \
    'VP 3' 'run_tests' 'hypercalls' '0x0041 HvCallInitializePartition +1' 'exited normally'
expect start-guest "$work/start.console" '4 VPs' 'PASS mp:' '0 failed'
expect start-end "$work/start.log" 'the guest powered off' 'exit 0'
if grep -iE '^(warning|error)|error:|: error in|cannot|invalid' "$work/start.gdb"; then
    echo "FAILED start: gdb complains" && failed=$((failed + 1))
fi

# The same followed by the description, without a symbol file: after each stop gdb reads it again.
session follow "" --kernel "$roms/tour-1.elf" --memory 64M <<'END'
define hook-stop
unset tdesc filename
maintenance flush register-cache
end
monitor arch auto
unset tdesc filename
maintenance flush register-cache
show architecture
break *0x100076
continue
x/i $pc
delete
stepi
show architecture
x/i $pc
print/x $rip
continue
END
expect follow "$work/follow.gdb" 'currently "i386"' 'ljmp +\$0x8,\$0x10007d' 'currently "i386:x86-64"' '0x10007d:' '= 0x10007d' 'exited normally'

# Four VPs are four threads.
session threads "$roms/tour-1.elf" --kernel "$roms/tour-1.elf" --memory 64M --cpus 4 <<'END'
info threads
thread 3
print/x $cs
thread 1
break main
continue
thread apply all print $cs
delete
monitor memory physical
x/2xb 0x100014
monitor memory virtual
detach
END
expect threads "$work/threads.gdb" '\* 1 .*VP 0 \[running\]' ' 4 .*VP 3 \[waits for SIPI\]' 'Switching to thread 3' '= 0xf000' \
    'in main' 'Thread 4' 'Thread 1' '0xbc' 'detached'
expect threads-end "$work/threads.log" 'the guest powered off' 'exit 0'

# Control.
"$verdite" run --kernel "$roms/tour-1.elf" --memory 64M --serial none --gdb "unix:$work/held" --wait --control "$work/control" \
    </dev/null 2>"$work/control.log" &
running=$!
n=0
while [ ! -S "$work/control" ] && [ $n -lt 100 ]; do sleep 0.1; n=$((n + 1)); done
ctl() { "$verdite" ctl "$@" 2>&1; echo "exit $?"; }
if ctl "$work/control" status >"$work/ctl" && grep -q 'without Jansson' "$work/control.log"; then
    echo "check-gdb: control skipped, built without Jansson"
else
    { ctl "$work/control" pause; ctl "$work/control" inspect partitions/2/vps/0/registers/rip; ctl "$work/control" no; \
      ctl --json "$work/control" inspect partitions/2/gpa_map; ctl "$work/control" quit; } >>"$work/ctl"
    expect control "$work/ctl" 'state: stopped by the debugger' 'exit 0' 'done' '0x0*100014' 'unknown verb' 'exit 1' '"rights": "rwx"' 'done'
fi
wait $running

# A real kernel, by its own symbol and address. Its addresses come from the guest itself, booted once.
kernel_part()
{
    for tool in lz4 objcopy; do
        command -v $tool >/dev/null || { echo "check-gdb: kernel skipped, there is no $tool"; return; }
    done
    image=$(tests/boot/fetch-kernel.sh cloud) && initrd=$(tests/boot/make-initramfs.sh "$cpio") || {
        echo "check-gdb: kernel skipped, there is none"
        return
    }
    # The payload: [LINUX boot.rst setup_sects, payload_offset]
    byte() { od -An -tu"$2" -j "$1" -N "$2" "$image" | tr -d ' '; }
    start=$((($(byte 497 1) + 1) * 512 + $(byte 584 4)))
    tail -c +$((start + 1)) "$image" | lz4 -dc >"$work/vmlinux" 2>/dev/null
    mkfifo "$work/keys"
    "$verdite" run --kernel "$image" --initrd "$initrd" --append "console=ttyS0 nokaslr verdite=shell" --no-reboot --timeout 200 \
        <"$work/keys" >"$work/boot" 2>/dev/null &
    booted=$!
    exec 7>"$work/keys"
    n=0
    until grep -q '^/ #' "$work/boot" || [ $n -gt 300 ]; do sleep 0.3; n=$((n + 1)); done
    for word in start_kernel jiffies_64 machine_power_off linux_banner; do
        echo "grep -w $word /proc/kallsyms" >&7
        n=0
        until grep -aqE "^f[0-9a-f]+ . $word" "$work/boot" || [ $n -gt 60 ]; do sleep 0.2; n=$((n + 1)); done
    done
    echo "poweroff" >&7
    exec 7>&-
    wait $booted
    address() { tr -d '\r' <"$work/boot" | sed -nE "s/^([0-9a-f]{16}) . $1\$/\\1/p" | head -n 1; }
    [ -n "$(address start_kernel)" ] && [ -n "$(address jiffies_64)" ] || {
        echo "FAILED kernel: no symbols"; tail -n 5 "$work/boot"; failed=$((failed + 1)); return
    }
    set --
    for word in start_kernel machine_power_off; do
        # gdb looks for a name in the section that holds the address. All addresses start with ffffffff, which the
        # shell's numbers have no room for.
        section=.text
        [ $word != start_kernel ] || section=.init.text
        base=$(readelf -SW "$work/vmlinux" | sed -nE "s/.* \\$section +PROGBITS +f{8}([0-9a-f]{8}) .*/\1/p")
        low=$(address $word | cut -c9-)
        set -- "$@" --add-symbol "$word=$section:$((0x$low - 0x$base)),global,function"
    done
    objcopy "$@" "$work/vmlinux" "$work/symbols" 2>"$work/objcopy.log" || cat "$work/objcopy.log"
    session kernel "$work/symbols" --kernel "$image" --initrd "$initrd" --cpus 4 \
        --append "console=ttyS0 nokaslr verdite=check" <<END
break start_kernel
continue
print/x \$rip
print/x \$cr3 & 0xfff0000000000000
x/s 0x$(address linux_banner)
set var *(char *)0x$(address linux_banner) = 'V'
stepi
stepi
delete
watch *(unsigned long *)0x$(address jiffies_64)
continue
delete
info threads
thread 2
print \$cs
thread 1
monitor msr 0x40000000
break *&machine_power_off
continue
info threads
monitor msr 0x40000000
monitor hypercalls
delete
continue
END
    expect kernel "$work/kernel.gdb" 'Breakpoint 1, .*start_kernel' "= 0x$(address start_kernel)" '"Linux version' 'Hardware watchpoint' \
        'Old value' 'New value' 'VP 3' 'Switching to thread 2' 'msr 0x40000000 = ' 'Breakpoint 3, .*machine_power_off' 'VP 3' \
        'msr 0x40000000 = 0x81' 'hypercalls' 'HvCall(FlushVirtualAddress|SendSyntheticClusterIpi)' 'exited normally'
    expect kernel-guest "$work/kernel.console" 'Vinux version' 'CHECKS PASSED'
    expect kernel-end "$work/kernel.log" 'the guest powered off' 'exit 0'
}
[ -n "$NO_KERNEL" ] || kernel_part

echo "$passed passed, $failed failed"
[ $failed = 0 ]
