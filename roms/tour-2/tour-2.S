# tour-2: how does a message travel through the SynIC? The root partition posts one to itself.
# [TLFS inter-partition-communication, HvCallCreatePort, HvCallConnectPort, HvCallPostMessage]

        .include "start.inc"
        .include "hypervisor.inc"

        .set HV_PARTITION_ID_SELF, -1
        .set VECTOR, 0x40
        .set SINT, 2
        .set APIC_SPURIOUS, 0xfee000f0

        .data
        .balign 8
create_port:                            # HvCallCreatePort
        .quad HV_PARTITION_ID_SELF      # who owns it
        .long 7                         # port id
        .byte 0, 0, 0, 0                # VTLs
        .quad HV_PARTITION_ID_SELF      # who may connect to it
        .long 1, 0                      # a message port
        .long SINT, 0                   # where messages arrive: SINT 2 of VP 0
        .quad 0
        .quad 0                         # proximity
connect_port:                           # HvCallConnectPort
        .quad HV_PARTITION_ID_SELF      # who gets the connection
        .long 9, 0                      # connection id
        .quad HV_PARTITION_ID_SELF      # whose port
        .long 7, 0                      # port id
        .long 1, 0                      # a message connection
        .quad 0, 0, 0
        .quad 0                         # proximity
        .balign 256
post_message:                           # HvCallPostMessage
        .long 9, 0                      # connection id
        .long 1                         # message type
        .long message_end - message     # payload bytes
message: .asciz "hello, myself"
message_end:
        .fill 256 - (. - post_message), 1, 0

        .bss
        .balign 4096
hypercall_page: .skip 4096
message_page:   .skip 4096
arrived:        .skip 8

        .text
# rcx: call code; rdx: input. Prints "NAME: status".
        .macro  hypercall code input name
        mov     $\code, %ecx
        lea     \input(%rip), %rdx
        xor     %r8d, %r8d
        call    hypercall_page
        movzwl  %ax, %ebp
        print   "\name: status "
        print_hex %rbp
        print   "\n"
        .endm

main:
        enable_hypercalls hypercall_page

        # The message page, SINT 2 on a vector, the SynIC and the local APIC on.
        enable_synic message_page SINT VECTOR
        set_gate VECTOR, message_interrupt
        mov     $APIC_SPURIOUS, %eax
        movl    $0x1ff, (%rax)
        mov     $0xff, %al              # the 8259s are masked: nothing else may interrupt
        out     %al, $0x21
        out     %al, $0xa1

        hypercall 0x95, create_port, HvCallCreatePort
        hypercall 0x96, connect_port, HvCallConnectPort
        hypercall 0x5c, post_message, HvCallPostMessage
1:      sti
        hlt
        cli
        cmpq    $0, arrived(%rip)
        je      1b
        ret

# The slot of SINT 2: type at 0, size at 4, flags at 5, payload at 16.
message_interrupt:
        push    %rax
        push    %rcx
        push    %rdx
        push    %rsi
        push    %rbx
        lea     message_page + SINT * 256(%rip), %rbx
        mov     (%rbx), %eax
        print   "a message of type "
        print_hex %rax
        print   ": "
        lea     16(%rbx), %rsi
        call    put_text
        print   "\n"
        free_slot
        xor     %eax, %eax
        write_msr HV_X64_MSR_EOI
        incq    arrived(%rip)
        pop     %rbx
        pop     %rsi
        pop     %rdx
        pop     %rcx
        pop     %rax
        iretq
