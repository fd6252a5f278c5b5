# hostile: what can a child do to its host by VMBus? It breaks every rule, again and again, then asks for its heartbeat as a good guest does.
# seed=N rounds=N attacks=N on the command line. [TLFS inter-partition-communication; LINUX drivers/hv, include/linux/hyperv.h]

        .include "start.inc"
        .include "hypervisor.inc"

        .set POST_MESSAGE, 0x5c
        .set SIGNAL_EVENT, 0x5d
        .set INSUFFICIENT_BUFFERS, 0x13
        .set SINT, 2
        .set VECTOR, 0x40
        .set RING_PAGES, 4              # each way
        .set RING_BYTES, (RING_PAGES - 1) * 4096
        .set SLOTS, 32                  # offers that are remembered, and pairs of rings to attack with
        .set ARENA_PAGES, 256           # memory that the host may be made to write
        .set PATIENCE, 1200000000       # of what must come: 120 s, in 100 ns
        .set GPADLS, 0x4100             # ids of those that attacks make
        .set MOMENT, 5000              # of what may come

        .set OFFER_CHANNEL, 1
        .set REQUEST_OFFERS, 3
        .set ALL_OFFERS_DELIVERED, 4
        .set OPEN_CHANNEL, 5
        .set OPEN_CHANNEL_RESULT, 6
        .set CLOSE_CHANNEL, 7
        .set GPADL_HEADER, 8
        .set GPADL_BODY, 9
        .set GPADL_CREATED, 10
        .set GPADL_TEARDOWN, 11
        .set RELID_RELEASED, 13
        .set INITIATE_CONTACT, 14
        .set VERSION_RESPONSE, 15
        .set UNLOAD, 16
        .set TL_CONNECT, 21             # always refused, with its endpoint in the answer: when it comes, all before it was answered
        .set TL_CONNECT_RESULT, 23
        .set MODIFY_CHANNEL, 22

        .set CLASS_HEARTBEAT, 0x57164f39

        .data
        .balign 256
post_message:                           # connection, 0, type 1, payload bytes, payload
connection: .long 4, 0
type:   .long 1
bytes:  .long 0
message: .fill 240, 1, 0
        .balign 8
signal_event: .long 0, 0                # connection, flag
seed:   .quad 1
rounds: .long 8
attacks: .long 24                       # in a round
n_offers: .long 0
        .balign 4
awaited: .long 0                        # number of the message that is waited for
came:   .long 0                         # it was seen
marker: .long 0                         # of the last TL_CONNECT
marked: .long 0                         # of the last answer
deadline: .quad 0

        .bss
        .balign 4096
hypercall_page: .skip 4096
message_page:   .skip 4096
event_page:     .skip 4096
rings:          .skip 2 * RING_PAGES * 4096             # of the good guest
attack_rings:   .skip SLOTS * 2 * RING_PAGES * 4096
arena:          .skip ARENA_PAGES * 4096
scratch:        .skip 8192                              # a packet before it goes into a ring
reply:          .skip 240
offers:         .skip SLOTS * 16                        # relid, connection, class, 0

        .text
# rax: the next random number; only rax changes. [Marsaglia, Xorshift RNGs]
random:
        push    %rcx
        mov     seed(%rip), %rax
        mov     %rax, %rcx
        shl     $13, %rcx
        xor     %rcx, %rax
        mov     %rax, %rcx
        shr     $7, %rcx
        xor     %rcx, %rax
        mov     %rax, %rcx
        shl     $17, %rcx
        xor     %rcx, %rax
        mov     %rax, seed(%rip)
        mov     $0x2545f4914f6cdd1d, %rcx
        imul    %rcx, %rax
        shr     $16, %rax
        pop     %rcx
        ret

# ecx: its remainder by ecx in eax.
below:
        push    %rdx
        call    random
        mov     %eax, %eax
        xor     %edx, %edx
        div     %ecx
        mov     %edx, %eax
        pop     %rdx
        ret

# Once in mask + 1 times the code behind it runs; else on to label. Changes eax.
        .macro  unless_rare mask label
        call    random
        test    $\mask, %eax
        jnz     \label
        .endm

# Post `message`, ecx bytes of number eax; while the host has no room, take what it says. eax: status.
post:
        mov     %eax, message(%rip)
post_as_is:
        mov     %ecx, bytes(%rip)
        push    %r12
        mov     $20000, %r12d
1:      mov     $POST_MESSAGE, %ecx
        lea     post_message(%rip), %rdx
        xor     %r8d, %r8d
        call    hypercall_page
        movzwl  %ax, %eax
        cmp     $INSUFFICIENT_BUFFERS, %eax
        jne     2f
        call    drain
        pause
        dec     %r12d
        jnz     1b
        mov     $INSUFFICIENT_BUFFERS, %eax
2:      pop     %r12
        ret

# Forget the last message; the next goes to the right connection.
clear:
        lea     message(%rip), %rdi
        mov     $240, %ecx
        xor     %eax, %eax
        rep stosb
        movl    $4, connection(%rip)
        movl    $1, type(%rip)
        ret

# Take every message that is there.
drain:
        push    %rbx
        lea     message_page + SINT * 256(%rip), %rbx
1:      cmpl    $0, (%rbx)
        je      9f
        lea     16(%rbx), %rsi
        lea     reply(%rip), %rdi
        mov     $240, %ecx
        rep movsb
        free_slot
        mov     reply(%rip), %eax
        cmp     awaited(%rip), %eax
        jne     3f
        movl    $1, came(%rip)
3:      cmp     $TL_CONNECT_RESULT, %eax
        jne     4f
        mov     reply + 8(%rip), %ecx
        mov     %ecx, marked(%rip)
4:      cmp     $OFFER_CHANNEL, %eax
        jne     1b
        mov     n_offers(%rip), %ecx
        cmp     $SLOTS, %ecx
        jae     1b
        incl    n_offers(%rip)
        shl     $4, %ecx
        lea     offers(%rip), %rdi
        add     %rcx, %rdi
        mov     reply + 184(%rip), %eax
        mov     %eax, (%rdi)
        mov     reply + 192(%rip), %eax
        mov     %eax, 4(%rdi)
        mov     reply + 8(%rip), %eax
        mov     %eax, 8(%rdi)
        jmp     1b
9:      pop     %rbx
        ret

# Set the deadline eax from now.
within:
        push    %rdx
        push    %rcx
        mov     %eax, %eax
        mov     %rax, deadline(%rip)
        read_msr HV_X64_MSR_TIME_REF_COUNT
        add     %rax, deadline(%rip)
        pop     %rcx
        pop     %rdx
        ret

# CF: the deadline has not passed.
in_time:
        push    %rdx
        push    %rcx
        read_msr HV_X64_MSR_TIME_REF_COUNT
        pop     %rcx
        pop     %rdx
        cmp     deadline(%rip), %rax
        ret

# Ask for a marker and wait until it is there, for eax at most. CF: it came.
mark:
        call    within
        call    clear
        call    random
        or      $1, %eax
        mov     %eax, marker(%rip)
        mov     %eax, message + 8(%rip)
        mov     $TL_CONNECT, %eax
        mov     $40, %ecx
        call    post
1:      call    drain
        mov     marker(%rip), %eax
        cmp     marked(%rip), %eax
        je      2f
        pause
        call    in_time
        jb      1b
        clc
        ret
2:      stc
        ret

# Wait for message eax. CF: it came.
await:
        mov     %eax, awaited(%rip)
        movl    $0, came(%rip)
        mov     $PATIENCE, %eax
        call    within
1:      call    drain
        cmpl    $0, came(%rip)
        jne     2f
        pause
        call    in_time
        jb      1b
        clc
        ret
2:      stc
        ret

# Contact as a good guest, and take the offers. CF: all came.
connect:
        call    clear
        movl    $0x50003, message + 8(%rip)
        movl    $SINT, message + 16(%rip)
        mov     $INITIATE_CONTACT, %eax
        mov     $40, %ecx
        call    post
        mov     $PATIENCE, %eax
        call    mark
        jnc     1f
        movl    $0, n_offers(%rip)
        call    clear
        mov     $REQUEST_OFFERS, %eax
        mov     $8, %ecx
        call    post
        mov     $ALL_OFFERS_DELIVERED, %eax
        call    await
1:      ret

# GPADL_HEADER: relid edi, id esi, ecx pages (at most 26) from page number rax on.
announce:
        push    %rbx
        push    %r12
        push    %r13
        mov     %rax, %rbx
        mov     %edi, %r12d
        mov     %ecx, %r13d
        call    clear
        mov     %r12d, message + 8(%rip)
        mov     %esi, message + 12(%rip)
        lea     8(, %r13, 8), %eax
        mov     %ax, message + 16(%rip)         # bytes of the range
        movw    $1, message + 18(%rip)          # one range
        mov     %r13d, %eax
        shl     $12, %eax
        mov     %eax, message + 20(%rip)        # its bytes of memory
        lea     message + 28(%rip), %rdi
        mov     %r13d, %ecx
1:      mov     %rbx, (%rdi)
        add     $8, %rdi
        inc     %rbx
        loop    1b
        lea     28(, %r13, 8), %ecx
        mov     $GPADL_HEADER, %eax
        call    post
        pop     %r13
        pop     %r12
        pop     %rbx
        ret

# OPEN_CHANNEL: relid edi, GPADL esi, on VP 0.
open:
        push    %rdi
        call    clear
        pop     %rdi
        mov     %edi, message + 8(%rip)
        mov     %edi, message + 12(%rip)
        mov     %esi, message + 16(%rip)
        movl    $RING_PAGES, message + 24(%rip)
        mov     $OPEN_CHANNEL, %eax
        mov     $148, %ecx
        jmp     post

# Tell the host to look: connection eax.
signal:
        mov     %eax, signal_event(%rip)
        mov     $SIGNAL_EVENT, %ecx
        lea     signal_event(%rip), %rdx
        xor     %r8d, %r8d
        jmp     hypercall_page

# Wait until the host's ring was written up to index r14d. CF: it was.
written:
        mov     $PATIENCE, %eax
        call    within
1:      cmp     %r14d, rings + RING_PAGES * 4096(%rip)
        jae     2f
        pause
        call    in_time
        jb      1b
        clc
        ret
2:      stc
        ret

# As a good guest: contact, offers, the heartbeat's first beat. CF: all is well.
sane:
        call    connect
        jnc     8f
        lea     offers(%rip), %r12
        mov     n_offers(%rip), %ecx
1:      cmpl    $CLASS_HEARTBEAT, 8(%r12)
        je      2f
        add     $16, %r12
        loop    1b
        print   "no heartbeat is offered\n"
        clc
        ret
2:      lea     rings(%rip), %rdi
        mov     $2 * RING_PAGES * 4096, %ecx
        xor     %eax, %eax
        rep stosb
        lea     rings(%rip), %rax
        shr     $12, %rax
        mov     (%r12), %edi
        mov     $0xe1e10, %esi
        mov     $2 * RING_PAGES, %ecx
        call    announce
        mov     $GPADL_CREATED, %eax
        call    await
        jnc     8f
        cmpl    $0, reply + 16(%rip)
        jne     7f
        mov     (%r12), %edi
        mov     $0xe1e10, %esi
        call    open
        mov     $OPEN_CHANNEL_RESULT, %eax
        call    await
        jnc     8f
        cmpl    $0, reply + 16(%rip)
        jne     7f
        mov     $80, %r14d
        call    written
        jnc     8f
        lea     rings + (RING_PAGES + 1) * 4096(%rip), %rsi
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
        mov     4(%r12), %eax
        call    signal
        mov     $176, %r14d
        call    written
        jnc     8f
        stc
        ret
7:      print   "a good request is refused\n"
        clc
        ret
8:      print   "the host does not answer\n"
        clc
        ret

        .include "attack.inc"
        .include "drive.inc"

# rbx: hvm_start_info. Command line at 24. [XEN docs/misc/pvh.pandoc]
read_command_line:
        mov     24(%rbx), %rsi
        test    %rsi, %rsi
        jz      9f
1:      cmpb    $0, (%rsi)
        je      9f
        number_option "seed=" seed 2f
        orl     $1, seed(%rip)          # 0 would stay 0
        jmp     1b
2:      number_option "rounds=" rounds 3f
        jmp     1b
3:      number_option "attacks=" attacks 4f
        jmp     1b
4:      inc     %rsi
        jmp     1b
9:      ret

main:
        mov     %ebx, %ebx
        call    read_command_line
        enable_hypercalls hypercall_page
        enable_synic message_page SINT "VECTOR | SINT_POLLING" event_page

        xor     %r15d, %r15d            # rounds done
1:      cmp     rounds(%rip), %r15d
        jae     4f
        call    connect
        jnc     3f
        xor     %ebx, %ebx
2:      cmp     attacks(%rip), %ebx
        jae     5f
        call    attack
        inc     %ebx
        jmp     2b
5:      call    sane
        jnc     3f
        inc     %r15d
        jmp     1b
3:      print   "that was round "
        print_hex %r15
        print   ", random number "
        mov     seed(%rip), %rax
        print_hex %rax
        print   "\n"
        ret
4:      print_hex %r15
        print   " rounds of attacks; after each the heart beats\n"
        call    clear
        mov     $UNLOAD, %eax
        mov     $8, %ecx
        call    post
        mov     $17, %eax
        call    await
        jnc     3b
        ret
