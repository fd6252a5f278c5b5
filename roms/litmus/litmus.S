# litmus: what may one processor see of another's stores, locks, code and page tables? Many rounds of tests with known forbidden outcomes.
# [SDM 3A 8.1 locked operations, 8.1.3 cross-modifying code, 8.2 memory ordering, 8.4 MP start, 4.10.5 TLB shoot-down; TLFS HvCallFlushVirtual*]
#
# Command line: rounds=N (1000), only=PREFIX (all tests), verbose (how often an allowed weak outcome was seen).
# r15: this VP's index from 0, in every routine and handler. r14: its random numbers. rbp: the test's row. Routines may change the others.

        .include "start.inc"
        .include "hypervisor.inc"

        .set APIC, 0xfee00000
        .set APIC_ID, APIC + 0x20
        .set APIC_EOI, APIC + 0xb0
        .set APIC_SPURIOUS, APIC + 0xf0
        .set APIC_ICR, APIC + 0x300
        .set ICR_INIT, 0xc4500          # all but the sender, assert
        .set ICR_SIPI, 0xc4600
        .set ICR_OTHERS, 0xc4000
        .set TRAMPOLINE, 0x8000
        .set VPS, 4
        .set BATCH, 1024                # rounds between two meetings of all VPs
        .set SLOT, 256                  # bytes of a round's variables: x at 0, y at 64, z at 128, what was read at 192
        .set SPINS, 48                  # how long a VP waits for the others before a round
        .set GIB, 1 << 30
        .set KICK, 0x40                 # vectors
        .set SHOOT, 0x41

        # A test's row.
        .set ROW_NAME, 0
        .set ROW_DRIVER, 8
        .set ROW_LEAST, 16              # VPs
        .set ROW_FLAGS, 20
        .set ROW_CODE, 24               # a routine for each VP
        .set ROW_CHECK, 56              # rax: forbidden outcomes; or 0
        .set ROW_MASK, 64               # which bits of what was read, and their forbidden values
        .set ROW_VALUE, 68
        .set ROW_BYTES, 72

        .set ALLOWED, 1                 # the outcome is allowed: only counted
        .set UNPACED, 2                 # no waiting for others before a round
        .set HYPERVISOR, 4              # needs one

        .macro  row name driver least flags c0 c1 c2 c3 check=0 mask=0 value=1
        .pushsection .rodata.rows, "a"
        .quad   8f, \driver
        .long   \least, \flags
        .quad   \c0, \c1, \c2, \c3, \check
        .long   \mask, \value
        .popsection
        .pushsection .rodata
8:      .asciz  "\name"
        .popsection
        .endm

        .macro  send command            # an IPI; changes eax, ecx
        mov     $APIC_ICR, %ecx
        movl    $\command, (%rcx)
        .endm

        .macro  random                  # eax: 31 random bits
        imul    $1103515245, %r14d, %r14d
        add     $12345, %r14d
        mov     %r14d, %eax
        shr     $1, %eax
        .endm

        # ---- start ----

main:
        mov     %ebx, %ebx
        call    read_command_line
        call    count_processors
        lea     page_pointers(%rip), %rdi
        lea     page_directories + 3(%rip), %rax
        mov     %rax, 32(%rdi)          # 4 GiB: the first GiB again
        lea     test_directory + 3(%rip), %rax
        mov     %rax, 40(%rdi)          # 5 GiB: the test page
        lea     test_table + 3(%rip), %rax
        mov     %rax, test_directory(%rip)
        set_gate 3, breakpoint
        set_gate 6, unexpected
        set_gate 8, unexpected
        set_gate 13, unexpected
        set_gate 14, page_fault
        set_gate KICK, kick
        set_gate SHOOT, shoot
        set_gate 0xff, spurious
        xor     %r15d, %r15d
        call    start_hypervisor
        call    start_processors
        mov     n_vps(%rip), %eax
        call    put_decimal
        print   " VPs\n"
        jmp     run_tests

# rbx: hvm_start_info. Command line at 24. [XEN docs/misc/pvh.pandoc]
read_command_line:
        mov     24(%rbx), %rsi
        test    %rsi, %rsi
        jz      9f
1:      mov     (%rsi), %al
        test    %al, %al
        jz      9f
        number_option "rounds=" rounds 2f
        jmp     1b
2:      cmpl    $0x796c6e6f, (%rsi)     # "only"
        jne     5f
        cmpb    $'=', 4(%rsi)
        jne     5f
        add     $5, %rsi
        mov     %rsi, only(%rip)
        jmp     1b
5:      cmpl    $0x62726576, (%rsi)     # "verb"
        jne     6f
        movb    $1, verbose(%rip)
6:      inc     %rsi
        jmp     1b
9:      ret

# Local APICs of the MADT. rbx: hvm_start_info, RSDP at 32. [ACPI 5.2.5, 5.2.8, 5.2.12]
count_processors:
        mov     32(%rbx), %rsi
        mov     24(%rsi), %rsi          # XSDT
        mov     4(%rsi), %ecx
        lea     (%rsi, %rcx), %rdx
        add     $36, %rsi
1:      cmp     %rdx, %rsi
        jae     4f
        mov     (%rsi), %rdi
        add     $8, %rsi
        cmpl    $0x43495041, (%rdi)     # "APIC"
        jne     1b
        mov     4(%rdi), %ecx
        lea     (%rdi, %rcx), %rdx
        add     $44, %rdi
        xor     %eax, %eax
2:      cmp     %rdx, %rdi
        jae     4f
        cmpb    $0, (%rdi)              # local APIC, enabled
        jne     3f
        testb   $1, 4(%rdi)
        jz      3f
        inc     %eax
        cmp     $VPS, %eax
        ja      3f
        mov     %eax, n_vps(%rip)
3:      movzbl  1(%rdi), %ecx
        add     %rcx, %rdi
        jmp     2b
4:      ret

# [SDM 3A 8.4.4.1]
start_processors:
        call    enable_apic
        cmpl    $1, n_vps(%rip)
        je      3f
        lea     trampoline(%rip), %rsi
        mov     $TRAMPOLINE, %edi
        mov     $.Ltrampoline_end - trampoline, %ecx
        rep movsb
        send    ICR_INIT
        mov     $20000, %eax
1:      pause
        dec     %eax
        jnz     1b
        send    ICR_SIPI + (TRAMPOLINE >> 12)
2:      pause
        mov     arrived(%rip), %eax
        cmp     n_vps(%rip), %eax
        jb      2b
3:      ret

enable_apic:
        mov     %cr4, %rax
        or      $0x80, %eax             # PGE
        mov     %rax, %cr4
        mov     %cr0, %rax
        or      $0x10000, %eax          # WP: read-only pages are that for us too
        mov     %rax, %cr0
        mov     $APIC_SPURIOUS, %ecx
        movl    $0x1ff, (%rcx)
        mov     $APIC_ID, %ecx
        mov     (%rcx), %eax
        and     $0xff000000, %eax
        lea     apic_ids(%rip), %rcx
        mov     %eax, (%rcx, %r15, 4)
        lea     1(%r15), %r14d
        imul    $0x9e3779b1, %r14d, %r14d
        ret

# Where INIT and SIPI bring a processor: real mode at TRAMPOLINE.
        .code16
trampoline:
        cli
        xor     %ax, %ax
        mov     %ax, %ds
        lgdtl   TRAMPOLINE + ap_gdt_pointer - trampoline
        mov     %cr0, %eax
        or      $1, %al
        mov     %eax, %cr0
        ljmpl   $0x18, $ap_start32
        .balign 4
ap_gdt_pointer: .word 31
                .long ap_gdt
.Ltrampoline_end:
        .code32
ap_start32:
        mov     $0x10, %eax
        mov     %eax, %ds
        mov     %eax, %es
        mov     %eax, %ss
        mov     $page_tables, %eax
        mov     %eax, %cr3
        mov     %cr4, %eax
        or      $0x620, %eax            # PAE, OSFXSR, OSXMMEXCPT
        mov     %eax, %cr4
        mov     $0xc0000080, %ecx       # EFER
        rdmsr
        or      $0x100, %eax            # LME
        wrmsr
        mov     %cr0, %eax
        and     $0x9fffffff, %eax       # caches on, no FPU emulation
        and     $~4, %eax
        or      $0x80000003, %eax       # PG, MP, PE
        mov     %eax, %cr0
        ljmp    $0x08, $ap_start64
        .code64
ap_start64:
        mov     $1, %eax
        lock xadd %eax, tickets(%rip)
        cmp     n_vps(%rip), %eax
        jae     1f
        mov     %eax, %r15d
        shl     $13, %eax
        lea     ap_stacks(%rip), %rsp
        add     %rax, %rsp
        lidt    idt_pointer(%rip)
        call    enable_apic
        lock incl arrived(%rip)
        jmp     run_tests
1:      cli
        hlt
        jmp     1b

        # ---- the tests, one after the other: every VP is here ----

run_tests:
        lea     rows(%rip), %rbp
1:      test    %r15d, %r15d
        jnz     2f
        call    prepare
2:      call    barrier
        cmpb    $0, chosen(%rip)
        je      3f
        call    *ROW_DRIVER(%rbp)
        cli
        call    barrier
        test    %r15d, %r15d
        jnz     3f
        call    judge
3:      call    barrier
        add     $ROW_BYTES, %rbp
        lea     rows_end(%rip), %rax
        cmp     %rax, %rbp
        jb      1b
        test    %r15d, %r15d
        jnz     4f
        mov     passed(%rip), %eax
        call    put_decimal
        print   " passed, "
        mov     failed(%rip), %eax
        call    put_decimal
        print   " failed\n"
        jmp     power_off
4:      cli
        hlt
        jmp     4b

# Is the row to be run? Then nothing has happened yet.
prepare:
        movb    $0, chosen(%rip)
        mov     n_vps(%rip), %eax
        cmp     ROW_LEAST(%rbp), %eax
        jb      9f
        testl   $HYPERVISOR, ROW_FLAGS(%rbp)
        jz      1f
        cmpb    $0, hypervisor(%rip)
        je      9f
1:      mov     only(%rip), %rsi
        test    %rsi, %rsi
        jz      4f
        mov     ROW_NAME(%rbp), %rdi
2:      mov     (%rsi), %al
        cmp     $' ', %al
        jbe     4f
        cmp     (%rdi), %al
        jne     9f
        inc     %rsi
        inc     %rdi
        jmp     2b
4:      lea     counters(%rip), %rdi
        mov     $counters_end - counters, %ecx
        xor     %eax, %eax
        rep stosb
        lea     lock_area(%rip), %rdi
        mov     $2 * 4096, %ecx
        rep stosb
        mov     $code_flags, %edi       # the last test's would look like this one's
        mov     $BATCH * 4, %ecx
        rep stosb
        movb    $1, chosen(%rip)
9:      ret

judge:
        mov     ROW_CHECK(%rbp), %rax
        test    %rax, %rax
        jz      1f
        call    *%rax
        add     %eax, forbidden(%rip)
1:      lea     errors(%rip), %rdi
        mov     $VPS, %ecx
        xor     %eax, %eax
2:      add     (%rdi), %eax
        add     $64, %rdi
        dec     %ecx
        jnz     2b
        add     %eax, forbidden(%rip)
        jnz     3f
        incl    passed(%rip)
        print   "PASS "
        jmp     4f
3:      incl    failed(%rip)
        print   "FAIL "
4:      mov     ROW_NAME(%rbp), %rsi
        call    put_text
        print   ": "
        mov     rounds(%rip), %eax
        call    put_decimal
        print   " rounds"
        cmpl    $0, forbidden(%rip)
        je      5f
        print   ", "
        mov     forbidden(%rip), %eax
        call    put_decimal
        print   " forbidden"
5:      testb   $1, verbose(%rip)
        jz      6f
        testl   $ALLOWED, ROW_FLAGS(%rbp)
        jz      6f
        print   ", weak but allowed: "
        mov     weak(%rip), %eax
        call    put_decimal
6:      print   "\n"
        ret

# All VPs meet. Changes eax, ecx.
barrier:
        mov     barrier_generation(%rip), %eax
        mov     $1, %ecx
        lock xadd %ecx, barrier_arrived(%rip)
        inc     %ecx
        cmp     n_vps(%rip), %ecx
        jne     1f
        movl    $0, barrier_arrived(%rip)
        lock incl barrier_generation(%rip)
        ret
1:      pause
        cmp     %eax, barrier_generation(%rip)
        je      1b
        ret

# Up to 255 pauses.
delay:
        random
        and     $255, %eax
        jz      2f
1:      pause
        dec     %eax
        jnz     1b
2:      ret

# eax in decimal.
put_decimal:
        lea     decimal_end(%rip), %rsi
        mov     $10, %ecx
1:      xor     %edx, %edx
        div     %ecx
        add     $'0', %dl
        dec     %rsi
        mov     %dl, (%rsi)
        test    %eax, %eax
        jnz     1b
        jmp     put_text

unexpected:
        print   "FAIL unexpected exception at "
        mov     (%rsp), %rbx
        print_hex %rbx
        mov     8(%rsp), %rbx
        print   " "
        print_hex %rbx
        print   "\n"
        jmp     power_off

spurious:
        iretq

        # ---- drivers ----

# Batches: each VP does its part of rounds i to i + BATCH - 1 in order, at its own pace; then VP 0 looks at what was read.
# A part: rdi: the round's variables; esi: its place in the batch; edx: its number. May change anything but r12-r15, rbp, rsp.
batches:
        xor     %r12d, %r12d            # number of the batch's first round
1:      test    %r15d, %r15d
        jnz     2f
        lea     slots(%rip), %rdi
        mov     $BATCH * SLOT / 8, %ecx
        xor     %eax, %eax
        rep stosq
2:      call    barrier
        xor     %r13d, %r13d
3:      lea     (%r12, %r13), %edx
        cmp     rounds(%rip), %edx
        jae     5f
        testl   $UNPACED, ROW_FLAGS(%rbp)
        jnz     4f
        call    pace
4:      mov     ROW_CODE(%rbp, %r15, 8), %rax
        test    %rax, %rax
        jz      5f
        mov     %r13d, %esi
        mov     %r13d, %edi
        shl     $8, %edi
        add     $slots, %rdi
        lea     (%r12, %r13), %edx
        call    *%rax
        inc     %r13d
        cmp     $BATCH, %r13d
        jb      3b
5:      movl    $0x7fffffff, %eax       # nobody waits for one that is done
        call    tell_progress
        call    barrier
        xor     %eax, %eax
        call    tell_progress
        test    %r15d, %r15d
        jnz     6f
        call    count_outcomes
6:      add     $BATCH, %r12d
        cmp     rounds(%rip), %r12d
        jb      1b
        ret

# eax: how far this VP is.
tell_progress:
        lea     progress(%rip), %rcx
        mov     %r15d, %edx
        shl     $6, %edx
        mov     %eax, (%rcx, %rdx)
        ret

# Wait a little until all are at this round.
pace:
        mov     %r13d, %eax
        call    tell_progress
        mov     $SPINS, %edx
1:      lea     progress(%rip), %rsi
        mov     n_vps(%rip), %ecx
2:      cmp     %r13d, (%rsi)
        jl      3f
        add     $64, %rsi
        dec     %ecx
        jnz     2b
        ret
3:      dec     %edx
        jnz     1b
        ret

# Of each round: bit i is what was read into place i; bits 8 and 9 are the last x and y.
count_outcomes:
        lea     slots(%rip), %rdi
        xor     %esi, %esi
1:      lea     (%r12, %rsi), %eax
        cmp     rounds(%rip), %eax
        jae     9f
        mov     64(%rdi), %edx
        and     $1, %edx
        add     %edx, %edx
        mov     (%rdi), %eax
        and     $1, %eax
        or      %eax, %edx
        mov     $7, %ecx
2:      movzbl  192(%rdi, %rcx), %eax
        and     $1, %eax
        add     %edx, %edx
        or      %eax, %edx
        dec     %ecx
        jns     2b
        and     ROW_MASK(%rbp), %edx
        cmp     ROW_VALUE(%rbp), %edx
        jne     3f
        testl   $ALLOWED, ROW_FLAGS(%rbp)
        jnz     4f
        incl    forbidden(%rip)
        jmp     3f
4:      incl    weak(%rip)
3:      add     $SLOT, %rdi
        inc     %esi
        cmp     $BATCH, %esi
        jb      1b
9:      ret

# Every VP does its part as often as there are rounds. edx: the round's number.
free_running:
        xor     %r12d, %r12d
1:      mov     ROW_CODE(%rbp, %r15, 8), %rax
        test    %rax, %rax
        jz      2f
        mov     %r12d, %edx
        call    *%rax
        inc     %r12d
        cmp     rounds(%rip), %r12d
        jb      1b
2:      ret

# Every VP's part counts its rounds itself.
own:
        mov     ROW_CODE(%rbp, %r15, 8), %rax
        test    %rax, %rax
        jz      1f
        jmp     *%rax
1:      ret

# One more forbidden outcome, seen by this VP. Changes rcx, r11.
error:
        lea     errors(%rip), %rcx
        mov     %r15d, %r11d
        shl     $6, %r11d
        incl    (%rcx, %r11)
        ret

        .section .rodata.rows, "a"
rows:                                   # of the parts, in their order
        .text
        .include "order.inc"
        .include "lock.inc"
        .include "interrupt.inc"
        .include "code.inc"
        .include "tlb.inc"

        .section .rodata.rows
rows_end:

        .section .rodata
        .balign 8
ap_gdt: .quad 0, 0x00af9b000000ffff, 0x00cf93000000ffff, 0x00cf9b000000ffff

        .data
        .balign 64
n_vps:  .long 1
rounds: .long 1000
only:   .quad 0
tickets: .long 1
arrived: .long 1
passed: .long 0
failed: .long 0
verbose: .byte 0
chosen: .byte 0
hypervisor: .byte 0
decimal: .fill 12, 1, 0
decimal_end: .byte 0
        .balign 64
barrier_arrived: .long 0
        .balign 64
barrier_generation: .long 0

        .bss
        .balign 64
counters:
forbidden: .skip 4
weak:   .skip 60
errors: .skip VPS * 64
sums:   .skip VPS * 64
kicks:  .skip VPS * 64                  # KICKs and SHOOTs that a VP has taken
faults: .skip VPS * 64
acks:   .skip 64
exited: .skip 64
stop:   .skip 64                        # the others may leave their loop
request: .skip 64
released: .skip 64
counters_end:
progress: .skip VPS * 64
apic_ids: .skip VPS * 4
        .balign 4096
lock_area: .skip 2 * 4096
slots:  .skip BATCH * SLOT
test_directory: .skip 4096
test_table: .skip 4096
        .skip 4096
ap_stacks: .skip VPS * 8192
