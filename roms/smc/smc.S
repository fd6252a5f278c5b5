# smc: does a processor run the bytes that are in memory, however they came there?
# [SDM 3A 11.6 self-modifying code, 4.10.4 invalidation of TLBs; 2A 2.1 instruction formats]
#
# Each test runs its code many times, so that whoever translates has translated it, and changes it every time.
# r12d: the round, from 1; rbp: the test's row; r15: wrong rounds. A test gives what it got in eax and what is right in edx.

        .include "start.inc"

        .set GIB, 1 << 30
        .set ALIAS, 4 * GIB             # the first GiB again
        .set WINDOW, 5 * GIB            # one page, mapped by the tests
        .set ROUNDS, 150
        .set CODE32, 0x18
        .set CODE16, 0x20

        .macro  row name code
        .pushsection .rodata.rows, "a"
        .quad   8f, \code
        .popsection
        .pushsection .rodata
8:      .asciz  "\name"
        .popsection
        .endm

        .section .rodata.rows, "a"
rows:
        .text
main:
        lea     page_pointers(%rip), %rdi
        lea     page_directories + 3(%rip), %rax
        mov     %rax, 32(%rdi)
        lea     window_directory + 3(%rip), %rax
        mov     %rax, 40(%rdi)
        lea     window_table + 3(%rip), %rax
        mov     %rax, window_directory(%rip)
        lea     own_gdt(%rip), %rdi
        mov     $code_16, %eax          # its base
        mov     %ax, CODE16 + 2(%rdi)
        shr     $16, %eax
        mov     %al, CODE16 + 4(%rdi)
        lgdt    own_gdt_pointer(%rip)
        mov     $rows, %ebp
1:      mov     $1, %r12d
        xor     %r15d, %r15d
2:      call    *8(%rbp)
        cmp     %edx, %eax
        setne   %al
        movzbl  %al, %eax
        add     %eax, %r15d
        inc     %r12d
        cmp     $ROUNDS, %r12d
        jbe     2b
        mov     (%rbp), %rsi
        call    put_text
        test    %r15d, %r15d
        jz      3f
        print   ": WRONG in rounds: "
        print_hex %r15
        jmp     4f
3:      print   ": right"
4:      print   "\r\n"
        add     $16, %rbp
        cmp     $rows_end, %rbp
        jb      1b
        ret

        # ---- one processor, one mapping ----

1:      mov     %r12d, 2f + 1(%rip)
2:      mov     $0, %eax
        mov     %r12d, %edx
        ret
        row     "the next instruction" 1b

1:      mov     %r12d, %edx
        mov     %r12d, 2f + 1(%rip)
        xor     %ecx, %ecx
        lea     1(%rcx, %rcx, 2), %ecx
        imul    %ecx, %edx
2:      mov     $0, %eax
        ret
        row     "later in the block" 1b

1:      mov     %r12d, %edx
        and     $1, %edx
        mov     $0xc0, %ecx             # inc %eax
        lea     (, %rdx, 8), %eax
        add     %eax, %ecx              # dec %eax
        mov     %cl, 2f + 1(%rip)
        mov     $7, %eax
2:      inc     %eax
        neg     %edx
        lea     8(, %rdx, 2), %edx
        ret
        row     "another operation" 1b

1:      xor     %ecx, %ecx
2:      mov     $0, %eax
        mov     %r12d, 2b + 1(%rip)
        inc     %ecx
        cmp     $2, %ecx
        jb      2b
        mov     %r12d, %edx
        ret
        row     "an instruction before" 1b

1:      mov     %r12d, 3f + 1(%rip)
        jmp     2f
        nop
2:      jmp     3f
        nop
3:      mov     $0, %eax
        mov     %r12d, %edx
        ret
        row     "another block" 1b

1:      test    $1, %r12b               # jump over the next or not
        setnz   %al
        add     %al, %al
        mov     %al, 2f + 1(%rip)
        mov     $5, %eax
2:      jmp     3f
3:      inc     %eax                    # 2 bytes
        mov     %r12d, %edx
        and     $1, %edx
        neg     %edx
        add     $6, %edx
        ret
        row     "where a jump leads" 1b

1:      mov     %r12d, %ecx             # one of four routines of 8 bytes
        and     $3, %ecx
        lea     10 + (5f - 3f)(, %rcx, 8), %eax
        sub     $10, %eax
        mov     %eax, 2f + 1(%rip)
2:      call    3f
3:      mov     %r12d, %edx
        and     $3, %edx
        ret
5:      .irp    n, 0, 1, 2, 3
        mov     $\n, %eax
        ret
        .balign 2
        nop
        nop
        .endr
        row     "where a call leads" 1b

1:      mov     %r12d, %eax             # the string instruction overwrites what is behind it
        mov     %eax, bytes_4(%rip)
        lea     bytes_4(%rip), %rsi
        lea     2f + 1(%rip), %rdi
        mov     $4, %ecx
        rep movsb
2:      mov     $0, %eax
        mov     %r12d, %edx
        ret
        row     "rep movsb over the next" 1b

1:      lea     2f + 1(%rip), %rdi
        mov     %r12d, %eax
        stosl
2:      mov     $0, %eax
        mov     %r12d, %edx
        ret
        row     "stos over the next" 1b

1:      mov     %rsp, %r8
        lea     2f + 10(%rip), %rsp
        push    %r12
        mov     %r8, %rsp
2:      movabs  $0x1122334455667788, %rax
        mov     %r12d, %edx
        ret
        row     "push into code" 1b

1:      movd    %r12d, %xmm0
        movups  2f(%rip), %xmm1
        pslldq  $1, %xmm0
        movdqa  %xmm1, %xmm2
        movd    2f + 1(%rip), %xmm3
        pslldq  $1, %xmm3
        pxor    %xmm3, %xmm1
        pxor    %xmm0, %xmm1
        movups  %xmm1, 2f(%rip)
2:      mov     $0, %eax
        mov     %r12d, %edx
        ret
        .skip   16, 0x90
        row     "a vector store" 1b

1:      mov     $1, %eax
        lock xadd %eax, 2f + 1(%rip)
2:      mov     $0, %eax
        mov     %r12d, %edx
        ret
        row     "lock xadd" 1b

1:      mov     2f + 1(%rip), %eax
        lock cmpxchg %r12d, 2f + 1(%rip)
2:      mov     $0, %eax
        mov     %r12d, %edx
        ret
        row     "lock cmpxchg" 1b

1:      incl    2f + 1(%rip)
2:      mov     $0, %eax
        mov     %r12d, %edx
        ret
        row     "read, modify, write" 1b

1:      fildl   operand_1(%rip)
        mov     %r12d, operand_1(%rip)
        fstp    %st(0)
        fildl   operand_1(%rip)
        fistpl  2f + 1(%rip)
2:      mov     $0, %eax
        mov     %r12d, %edx
        ret
        row     "an x87 store" 1b

        # ---- data beside code ----

        .balign 64
1:      incl    5f(%rip)
        mov     5f(%rip), %eax
        addl    $3, 6f(%rip)
        mov     6f(%rip), %edx
        sub     %r12d, %edx
        sub     %r12d, %edx
        jmp     7f
        .balign 4
5:      .long   0
6:      .long   0
7:      ret
        row     "data in the line of its code" 1b

        .balign 64
1:      mov     %r12d, %ecx             # 8 bytes: 4 of data, then the operation and 3 of its immediate
        mov     $0xb8, %eax             # mov $r12d << 8 | 0 ...
        shl     $32, %rax
        mov     %r12d, %ecx
        shl     $40, %rcx
        or      %rcx, %rax
        or      $0x77, %rax
        mov     %rax, 2f - 4(%rip)
        jmp     2f
        .long   0
2:      mov     $0, %eax
        mov     %r12d, %edx
        ret
        row     "a store from data into code" 1b

        # ---- pages ----

1:      mov     %r12d, %eax
        mov     %eax, cross_at + 1(%rip) # 1 byte in the first page, 3 in the second
        call    cross_at
        mov     %r12d, %edx
        ret
        row     "an instruction over the page's end" 1b

1:      mov     %r12b, cross_at + 2(%rip) # only in the second page
        movb    $0, cross_at + 1(%rip)
        movw    $0, cross_at + 3(%rip)
        call    cross_at
        movzbl  %r12b, %edx
        shl     $8, %edx
        ret
        row     "its bytes in the second page" 1b

1:      mov     %r12d, %eax             # crosses: the second page's code changes by a store that begins in the first
        shl     $24, %rax
        or      $0xb89090, %rax         # nop; nop; mov $r12d, %eax
        mov     $0xc3, %ecx
        shl     $56, %rcx
        or      %rcx, %rax
        mov     %rax, border - 2(%rip)
        mov     $border - 2, %eax
        call    *%rax
        mov     %r12d, %edx
        ret
        row     "a store over the page's end" 1b

1:      lea     alias_code(%rip), %rax
        mov     $ALIAS, %rcx
        mov     %r12d, 1(%rax, %rcx)
        call    alias_code
        mov     %r12d, %edx
        ret
        row     "written through another address" 1b

1:      lea     alias_code(%rip), %rax
        mov     $ALIAS, %rcx
        mov     %r12d, 1(%rax)
        add     %rcx, %rax
        call    *%rax
        mov     %r12d, %edx
        ret
        row     "run at another address" 1b

1:      lea     alias_code(%rip), %rax
        mov     $ALIAS, %rcx
        lea     (%rax, %rcx), %rbx
        mov     %r12d, 1(%rbx)
        call    alias_code
        mov     %eax, %esi
        incl    alias_code + 1(%rip)
        call    *%rbx
        lea     (%rax, %rsi), %eax
        lea     1(%r12, %r12), %edx
        ret
        row     "both by turns" 1b

        .macro  map_window page         # changes rax
        lea     \page + 3(%rip), %rax
        mov     %rax, window_table(%rip)
        .endm
1:      mov     $WINDOW, %rbx
        map_window page_one
        invlpg  (%rbx)
        call    *%rbx
        mov     %eax, %esi
        map_window page_two
        invlpg  (%rbx)
        call    *%rbx
        shl     $8, %esi
        or      %esi, %eax
        mov     $0x102, %edx
        ret
        row     "another page by INVLPG" 1b

1:      mov     $WINDOW, %rbx
        map_window page_one
        mov     %cr3, %rcx
        mov     %rcx, %cr3
        call    *%rbx
        mov     %eax, %esi
        map_window page_two
        mov     %cr3, %rcx
        mov     %rcx, %cr3
        call    *%rbx
        shl     $8, %esi
        or      %esi, %eax
        mov     $0x102, %edx
        ret
        row     "another page by CR3" 1b

1:      mov     $WINDOW, %rbx           # the page behind the window changes, too
        map_window page_three
        invlpg  (%rbx)
        mov     %r12d, page_three + 1(%rip)
        call    *%rbx
        mov     %r12d, %edx
        ret
        row     "mapped anew and changed" 1b

        # ---- modes: the same bytes mean other things ----

        .macro  far_call selector back  # of ecx; lret of 32 bits goes to back
        sub     $8, %rsp
        movl    $\back, (%rsp)
        movl    $0x08, 4(%rsp)
        pushq   $\selector
        push    %rcx
        lretq
        .endm
mode_code:                              # 64-bit: inc %rax; 32-bit: dec %eax, inc %eax
        .byte   0x48, 0xff, 0xc0, 0xcb
1:      mov     $5, %eax
        mov     $mode_code, %ecx
        far_call 0x08 2f
2:      mov     %eax, %esi
        mov     $5, %eax
        mov     $mode_code, %ecx
        far_call CODE32 3f
3:      shl     $8, %esi
        or      %esi, %eax
        mov     $0x605, %edx
        ret
        row     "the same bytes in 64 and 32 bits" 1b

        .code32
code_32:
        mov     %ebx, 4f + 1
4:      mov     $0, %eax
        lret
        .code64
1:      mov     $code_32, %ecx
        mov     %r12d, %ebx
        far_call CODE32 2f
2:      mov     %r12d, %edx
        ret
        row     "32-bit code changes itself" 1b

1:      mov     %r12w, %bx
        mov     $code_16_changed + 1, %edi
        sub     $8, %rsp
        movl    $2f, (%rsp)
        movl    $0x08, 4(%rsp)
        pushq   $CODE16
        pushq   $0
        lretq
2:      movzwl  %ax, %eax
        movzwl  %r12w, %edx
        ret
        row     "16-bit code changes itself" 1b

        .section .rodata.rows, "a"
rows_end:
        .section .data
        .balign 8
own_gdt:        .quad 0, 0x00af9b000000ffff, 0x00cf93000000ffff
                .quad 0x00cf9b000000ffff        # CODE32
                .quad 0x00009b000000ffff        # CODE16
own_gdt_pointer: .word . - own_gdt - 1
                .quad own_gdt
bytes_4:        .long 0
operand_1:      .long 0
        .balign 4096
        .skip   4096 - 2
cross_at:       mov     $0, %eax        # 2 bytes in one page, 3 in the next
        ret
        .balign 4096
page_one:       mov     $1, %eax
        ret
        .balign 4096
page_two:       mov     $2, %eax
        ret
        .balign 4096
page_three:     mov     $0, %eax
        ret
        .balign 4096
alias_code:     mov     $0, %eax
        ret
        .balign 4096
        .code16
code_16:        mov     %bx, (%edi)
code_16_changed: mov    $0, %ax
        lretl
        .code64
        .balign 4096
        .skip   4096
border:         .skip 64, 0x90
        .balign 4096
window_directory: .skip 4096
window_table:   .skip 4096
