# Start of the code that fuzz_guest runs at 0x100000: enters 0x104000 in the mode that the word at 0x10b008
# tells (0: 32-bit, 1: 64-bit, 2: 16-bit protected). Every exception goes on in the next 16-byte slot, by the
# counter at 0x10b000; past the number at 0x10b004 the machine is powered off. [SDM 3A 3.5, 6.11, 7.2, 9.8.5]
        .code32
        .org 0
start:  jmp     1f
        .org 0x10
handler:
        mov     $0x110000, %esp
        incl    0x10b000
        mov     0x10b000, %eax
        cmp     0x10b004, %eax
        jae     off
        shl     $4, %eax
        add     $0x104000, %eax
        sti
        jmp     *%eax
        .org 0x40
off:    mov     $0x604, %edx
        mov     $0x3400, %eax
        out     %ax, %dx
2:      cli
        hlt
        jmp     2b
        .org 0x60
handler64:
        .code64
        mov     $0x110000, %esp
        incl    0x10b000
        mov     0x10b000, %eax
        cmp     0x10b004, %eax
        jae     off
        shl     $4, %eax
        add     $0x104000, %eax
        sti
        jmp     *%rax
        .code32
        .org 0x90
1:      mov     $0x110000, %esp
        movl    $0x110000, 0x108004
        movl    $0x10, 0x108008
        mov     $0x109000, %edi
        mov     $32, %ecx
3:      movl    $0x00080010, (%edi)
        movl    $0x00108e00, 4(%edi)
        add     $8, %edi
        loop    3b
        lgdt    gdt_pointer - start + 0x100000
        lidt    idt_pointer - start + 0x100000
        ljmp    $8, $(4f - start + 0x100000)
4:      mov     $0x10, %eax
        mov     %eax, %ds
        mov     %eax, %es
        mov     %eax, %fs
        mov     %eax, %gs
        mov     %eax, %ss
        mov     $0x30, %eax
        ltr     %ax
        mov     %cr4, %eax
        or      $0x40600, %eax          # OSFXSR, OSXMMEXCPT, OSXSAVE
        mov     %eax, %cr4
        mov     0x10b008, %eax
        cmp     $1, %eax
        je      long
        cmp     $2, %eax
        je      short
        mov     $0x104000, %eax
        jmp     *%eax
short:  ljmp    $0x28, $0x4000
long:   movl    $0x10d003, 0x10c000     # page tables: 1 GiB pages
        movl    $0x00000087, 0x10d000
        movl    $0x40000087, 0x10d008
        movl    $0x80000087, 0x10d010
        movl    $0xc0000087, 0x10d018
        mov     $0x10c000, %eax
        mov     %eax, %cr3
        mov     $0x10a000, %edi
        mov     $32, %ecx
5:      movl    $0x00580060, (%edi)
        movl    $0x00108e00, 4(%edi)
        add     $16, %edi
        loop    5b
        lidt    idt_pointer64 - start + 0x100000
        mov     %cr4, %eax
        or      $0x20, %eax
        mov     %eax, %cr4
        mov     $0xc0000080, %ecx
        rdmsr
        or      $0x901, %eax            # SCE, LME, NXE
        wrmsr
        mov     %cr0, %eax
        or      $0x80000000, %eax
        mov     %eax, %cr0
        ljmp    $0x58, $0x104000
        .balign 16
gdt:    .quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff     # 08 code, 10 data
        .quad 0x00cffb000000ffff, 0x00cff3000000ffff        # 18 user code, 20 user data
        .quad 0x00009b100000ffff                            # 28 16-bit code at 0x100000
        .quad 0x0000891080000067                            # 30 TSS at 0x108000
        .quad 0x00108c0000084000                            # 38 call gate to 08:0x104000
        .quad 0x0000891081000067                            # 40 another TSS at 0x108100
        .quad 0x000082108200ffff                            # 48 LDT
        .quad 0x0000850000400000                            # 50 task gate to 40
        .quad 0x00af9b000000ffff, 0x00affb000000ffff        # 58 64-bit code, 60 of users
gdt_pointer: .word . - gdt - 1
        .long gdt - start + 0x100000
idt_pointer: .word 32 * 8 - 1
        .long 0x109000
idt_pointer64: .word 32 * 16 - 1
        .long 0x10a000
