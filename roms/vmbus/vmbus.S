# vmbus: what does a child find on VMBus, in which versions, and what does the host make of a guest that breaks the rules?
# [TLFS inter-partition-communication; LINUX drivers/hv, include/linux/hyperv.h for messages and rings]

        .include "start.inc"
        .include "hypervisor.inc"

        .set SINT, 2
        .set VECTOR, 0x40
        .set RING_PAGES, 4              # each way

        .set REQUEST_OFFERS, 3
        .set OPEN_CHANNEL, 5
        .set GPADL_HEADER, 8
        .set INITIATE_CONTACT, 14
        .set UNLOAD, 16

        .section .rodata
        .balign 4
versions:                               # minor, major
        .word 13, 0,  1, 1,  4, 2,  0, 3,  0, 4,  1, 4,  0, 5,  1, 5,  2, 5,  3, 5,  0, 6
versions_end:

        .data
        .balign 256
post_message:                           # HvCallPostMessage: connection, 0, type 1, payload bytes, payload
connection: .long 4, 0
        .long 1
bytes:  .long 0
message: .fill 240, 1, 0
        .balign 8
signal_event: .long 0, 0                # HvCallSignalEvent: connection, flag
pages:  .long 0                         # of the GPADL that is made next
page:   .quad 0                         # its first page
gpadl:  .long 0                         # its id
relid:  .long 0                         # the heartbeat's

        .bss
        .balign 4096
hypercall_page: .skip 4096
message_page:   .skip 4096
event_page:     .skip 4096
rings:          .skip 2 * RING_PAGES * 4096
reply:          .skip 240

        .text
# Post `message`, ecx bytes of number eax; the rest is filled in.
post:
        mov     %eax, message(%rip)
        mov     %ecx, bytes(%rip)
        mov     $0x5c, %ecx
        lea     post_message(%rip), %rdx
        xor     %r8d, %r8d
        jmp     hypercall_page          # returns to the caller, status in ax

# Forget the last message.
clear:
        lea     message(%rip), %rdi
        mov     $240, %ecx
        xor     %eax, %eax
        rep stosb
        ret

# Wait for a message of the host and copy its payload to `reply`. eax: its number.
take:
        lea     message_page + SINT * 256(%rip), %rbx
1:      pause
        cmpl    $0, (%rbx)
        je      1b
        lea     16(%rbx), %rsi
        lea     reply(%rip), %rdi
        mov     $240, %ecx
        rep movsb
        free_slot
        mov     reply(%rip), %eax
        ret

# INITIATE_CONTACT of version edx. eax: the answer's "supported".
contact:
        call    clear
        mov     %edx, message + 8(%rip)
        movl    $SINT, message + 16(%rip)       # from 5.0 on: the SINT; before: an address that nobody reads
        movl    $1, connection(%rip)
        cmp     $0x50000, %edx
        jb      1f
        movl    $4, connection(%rip)
1:      mov     $INITIATE_CONTACT, %eax
        mov     $40, %ecx
        call    post
        call    take
        movzbl  reply + 8(%rip), %eax
        ret

# GPADL_HEADER of `pages` pages from `page` on, on relid; prints the status.
announce:
        call    clear
        mov     relid(%rip), %eax
        mov     %eax, message + 8(%rip)
        incl    gpadl(%rip)
        mov     gpadl(%rip), %eax
        mov     %eax, message + 12(%rip)
        mov     pages(%rip), %ecx
        lea     8(, %rcx, 8), %eax
        mov     %ax, message + 16(%rip)         # bytes of the range
        movw    $1, message + 18(%rip)          # one range
        mov     %ecx, %eax
        shl     $12, %eax
        mov     %eax, message + 20(%rip)        # its bytes of memory
        mov     page(%rip), %rax
        lea     message + 28(%rip), %rdi
1:      stosq
        inc     %rax
        dec     %ecx
        jnz     1b
        lea     message(%rip), %rcx
        sub     %rcx, %rdi
        mov     %edi, %ecx
        mov     $GPADL_HEADER, %eax
        call    post
        call    take
        mov     reply + 16(%rip), %eax
        print_hex %rax
        print   "\n"
        ret

# OPEN_CHANNEL of the heartbeat with GPADL 1, on VP edx; prints the status.
open:
        call    clear
        mov     relid(%rip), %eax
        mov     %eax, message + 8(%rip)
        mov     %eax, message + 12(%rip)        # open id
        movl    $1, message + 16(%rip)
        mov     %edx, message + 20(%rip)
        movl    $RING_PAGES, message + 24(%rip)
        mov     $OPEN_CHANNEL, %eax
        mov     $148, %ecx
        call    post
        call    take
        mov     reply + 16(%rip), %eax
        print_hex %rax
        print   "\n"
        ret

# Tell the host to look at the heartbeat's ring.
signal:
        mov     $0x5d, %ecx
        lea     signal_event(%rip), %rdx
        xor     %r8d, %r8d
        jmp     hypercall_page

# Wait until the host's ring was written up to index edx.
written:
        pause
        cmp     rings + RING_PAGES * 4096(%rip), %edx
        ja      written
        ret

main:
        enable_hypercalls hypercall_page
        enable_synic message_page SINT "VECTOR | SINT_POLLING" event_page

        # Every version that there ever was.
        lea     versions(%rip), %r12
1:      print   "version "
        movzwl  2(%r12), %eax
        print_hex %rax
        print   "."
        movzwl  (%r12), %eax
        print_hex %rax
        mov     (%r12), %edx
        call    contact
        test    %eax, %eax
        jz      2f
        print   ": supported\n"
        jmp     3f
2:      print   ": not supported\n"
3:      add     $4, %r12
        lea     versions_end(%rip), %rax
        cmp     %rax, %r12
        jb      1b

        # Offers, until all were delivered. Only the heartbeat is of interest.
        mov     $0x50003, %edx
        call    contact
        call    clear
        mov     $REQUEST_OFFERS, %eax
        mov     $8, %ecx
        call    post
4:      call    take
        cmp     $4, %eax
        je      5f
        cmpl    $0x57164f39, reply + 8(%rip)
        jne     4b
        mov     reply + 184(%rip), %eax
        mov     %eax, relid(%rip)
        mov     reply + 192(%rip), %eax
        mov     %eax, signal_event(%rip)
        print   "there is a heartbeat\n"
        jmp     4b

        # Its rings, the channel, and what it says.
5:      print   "GPADL of the rings: "
        lea     rings(%rip), %rax
        shr     $12, %rax
        mov     %rax, page(%rip)
        movl    $2 * RING_PAGES, pages(%rip)
        call    announce
        print   "open: "
        xor     %edx, %edx
        call    open
        mov     $80, %edx
        call    written
        lea     rings + (RING_PAGES + 1) * 4096(%rip), %r12
        print   "it lists "
        movzwl  16 + 28(%r12), %eax
        print_hex %rax
        print   " versions of the framework and "
        movzwl  16 + 28 + 2(%r12), %eax
        print_hex %rax
        print   " of its own\n"

        # The same packet goes back with one of each: 3.0 and 3.0, and "response" in its flags.
        mov     %r12, %rsi
        lea     rings + 4096(%rip), %rdi
        mov     $80, %ecx
        rep movsb
        lea     rings + 4096(%rip), %r13
        movl    $0x10001, 16 + 28(%r13)
        movl    $3, 16 + 28 + 8(%r13)
        movl    $3, 16 + 28 + 12(%r13)
        movb    $5, 16 + 8 + 17(%r13)
        mfence
        movl    $80, rings(%rip)
        call    signal
        mov     $176, %edx
        call    written
        print   "it beats: "
        mov     80 + 16 + 28(%r12), %rax
        print_hex %rax
        print   "\n"

        # Against the rules.
        print   "open twice: "
        xor     %edx, %edx
        call    open
        print   "GPADL of a page that is not there: "
        movq    $0xfffff, page(%rip)
        movl    $1, pages(%rip)
        call    announce
        print   "a write index behind the ring's end: "
        movl    $0xfffffff8, rings(%rip)
        call    signal
        movzwl  %ax, %eax
        print_hex %rax
        print   "\n"
        print   "open for a processor that is not there, after a new contact: "
        mov     $0x50003, %edx
        call    contact
        call    clear
        mov     $REQUEST_OFFERS, %eax
        mov     $8, %ecx
        call    post
6:      call    take
        cmp     $4, %eax
        je      7f
        cmpl    $0x57164f39, reply + 8(%rip)
        jne     6b
        mov     reply + 184(%rip), %eax
        mov     %eax, relid(%rip)
        jmp     6b
7:      mov     $77, %edx
        call    open

        print   "unload: "
        call    clear
        mov     $UNLOAD, %eax
        mov     $8, %ecx
        call    post
        call    take
        print_hex %rax
        print   "\n"
        ret
