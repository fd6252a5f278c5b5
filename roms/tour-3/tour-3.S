# tour-3: how does a parent make a child, and how does the child's output reach it?
# The guest is the root partition. It creates a child with one page of memory and one VP in real mode; each OUT of the
# child becomes an intercept message to the root, which prints the character and lets the child go on.
# [TLFS partition-manager, virtual-processors, HvCallInstallIntercept; LINUX hvhdk.h for layouts]

        .include "start.inc"
        .include "hypervisor.inc"

        .set VECTOR, 0x40
        .set APIC_SPURIOUS, 0xfee000f0
        .set HVMSG_X64_IO_PORT_INTERCEPT, 0x80010000
        .set CHILD_PORT, 0x10           # where the child prints
        .set CHILD_END, 0x11            # writing here is its last act
        .set REPS, 1 << 32              # rep count 1 in the hypercall input word
        .set DEPOSIT, 256               # pages

        .data
        .balign 64
create_partition:                       # HvCallCreatePartition
        .fill 56, 1, 0
        .balign 16
child_id: .quad 0                       # its output
        .balign 64
by_id:  .quad 0                         # HvCallInitialize/Finalize/DeletePartition
        .balign 8192
deposit:                                # HvCallDepositMemory: the child, then page numbers of ours
        .quad 0
        .fill DEPOSIT, 8, 0
        .balign 64
map:    .quad 0                         # HvCallMapGpaPages: the child, its page 0, rights, our page
        .quad 0
        .long 0xf, 0
        .quad 0
        .balign 64
create_vp:                              # HvCallCreateVp
        .quad 0
        .long 0                         # VP 0
        .fill 28, 1, 0
        .balign 64
intercept:                              # HvCallInstallIntercept: read and write, I/O port, which
        .quad 0
        .long 3, 0
        .quad CHILD_PORT
        .balign 64
registers:                              # HvCallSetVpRegisters: two of them
        .quad 0
        .long 0, 0
        .long 0x00060001, 0             # CS: base 0, so that RIP is a GPA
        .quad 0
cs_value: .quad 0
        .long 0xffff
        .word 0, 0x9b
        .long 0x00020010, 0             # RIP
        .quad 0
rip_value: .quad 0, 0
        .balign 64
resume:                                 # HvCallSetVpRegisters: RIP and a suspend register
        .quad 0
        .long 0, 0
        .long 0x00020010, 0
        .quad 0
resume_rip: .quad 0, 0
        .long 0x00000001, 0             # InterceptSuspend: clear
        .quad 0, 0, 0
        .balign 64
start:                                  # HvCallSetVpRegisters
        .quad 0
        .long 0, 0
        .long 0, 0                      # ExplicitSuspend: clear
        .quad 0, 0, 0

        .balign 4096
child_page:                             # what the child runs, at its GPA 0
        .code16
        mov     $(child_text - child_page), %si
1:      mov     %cs:(%si), %al
        inc     %si
        test    %al, %al
        jz      2f
        out     %al, $CHILD_PORT
        jmp     1b
2:      out     %al, $CHILD_END
        hlt
child_text: .asciz "hello from the child\n"
        .code64
        .balign 4096

        .bss
        .balign 4096
hypercall_page: .skip 4096
message_page:   .skip 4096
pool:           .skip DEPOSIT * 4096
character:      .skip 8
finished:       .skip 8

        .text
# One hypercall. An answer other than success is printed and ends the tour.
        .macro  hypercall code input output reps name
        mov     $\code + (\reps) * REPS, %rcx
        lea     \input(%rip), %rdx
        lea     \output(%rip), %r8
        call    hypercall_page
        movzwl  %ax, %ebp
        test    %ebp, %ebp
        jz      .Ldone\@
        print   "\name: status "
        print_hex %rbp
        print   "\n"
        jmp     power_off
.Ldone\@:
        .endm

main:
        enable_hypercalls hypercall_page

        # Intercept messages arrive at SINT 0.
        enable_synic message_page 0 VECTOR
        set_gate VECTOR, message_interrupt
        mov     $APIC_SPURIOUS, %eax
        movl    $0x1ff, (%rax)
        mov     $0xff, %al
        out     %al, $0x21
        out     %al, $0xa1

        hypercall 0x40, create_partition, child_id, 0, HvCallCreatePartition
        mov     child_id(%rip), %rax
        mov     %rax, by_id(%rip)
        mov     %rax, deposit(%rip)
        mov     %rax, map(%rip)
        mov     %rax, create_vp(%rip)
        mov     %rax, intercept(%rip)
        mov     %rax, registers(%rip)
        mov     %rax, resume(%rip)
        mov     %rax, start(%rip)
        print   "the child is partition "
        print_hex child_id(%rip)
        print   "\n"

        lea     pool(%rip), %rax        # pages of ours that the hypervisor keeps its tables of the child in
        shr     $12, %rax
        xor     %ecx, %ecx
        lea     deposit + 8(%rip), %rdi
1:      mov     %rax, (%rdi, %rcx, 8)
        inc     %rax
        inc     %ecx
        cmp     $DEPOSIT, %ecx
        jb      1b
        hypercall 0x48, deposit, deposit, DEPOSIT, HvCallDepositMemory
        hypercall 0x41, by_id, by_id, 0, HvCallInitializePartition
        lea     child_page(%rip), %rax
        shr     $12, %rax
        mov     %rax, map + 24(%rip)
        hypercall 0x4b, map, map, 1, HvCallMapGpaPages
        hypercall 0x4e, create_vp, create_vp, 0, HvCallCreateVp
        hypercall 0x4d, intercept, intercept, 0, HvCallInstallIntercept
        movq    $CHILD_END, intercept + 16(%rip)
        hypercall 0x4d, intercept, intercept, 0, HvCallInstallIntercept
        hypercall 0x51, registers, registers, 2, HvCallSetVpRegisters
        print   "it has a page, a VP and two intercepted ports; let it run:\n"
        hypercall 0x51, start, start, 1, HvCallSetVpRegisters

1:      sti
        hlt
        cli
        cmpq    $0, finished(%rip)
        je      1b

        hypercall 0x42, by_id, by_id, 0, HvCallFinalizePartition
        print   "finalized\n"
        ret

# An intercept message: at 16 the header (VP, instruction length in the low nibble of byte 4, RIP at 24), at 56 the
# port, at 64 RAX.
message_interrupt:
        push    %rax
        push    %rcx
        push    %rdx
        push    %rsi
        push    %rdi
        push    %r8
        push    %rbx
        push    %rbp
        lea     message_page(%rip), %rbx
        mov     (%rbx), %eax
        mov     $HVMSG_X64_IO_PORT_INTERCEPT, %ecx
        cmp     %ecx, %eax
        je      1f
        print   "an unexpected message: "
        mov     (%rbx), %eax
        print_hex %rax
        print   "\n"
        jmp     power_off
1:      cmpw    $CHILD_END, 56(%rbx)
        je      2f
        mov     64(%rbx), %al           # what it wrote
        mov     %al, character(%rip)
        lea     character(%rip), %rsi
        call    put_text
        movzbl  20(%rbx), %eax          # go on after the instruction
        and     $15, %eax
        add     40(%rbx), %rax
        mov     %rax, resume_rip(%rip)
        free_slot
        hypercall 0x51, resume, resume, 2, HvCallSetVpRegisters
        jmp     3f
2:      free_slot
        incq    finished(%rip)
3:      xor     %eax, %eax
        write_msr HV_X64_MSR_EOI
        pop     %rbp
        pop     %rbx
        pop     %r8
        pop     %rdi
        pop     %rsi
        pop     %rdx
        pop     %rcx
        pop     %rax
        iretq
