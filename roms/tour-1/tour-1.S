# tour-1: is there a hypervisor, what does it offer, and how is it called? [TLFS feature-discovery, hypercall-interface]

        .include "start.inc"

        .set HV_X64_MSR_GUEST_OS_ID, 0x40000000
        .set HV_X64_MSR_HYPERCALL, 0x40000001
        .set HV_X64_MSR_VP_INDEX, 0x40000002

        .data
vendor: .fill 13, 1, 0

        .bss
        .balign 4096
hypercall_page: .skip 4096

        .text
main:
        mov     $1, %eax                # leaf 1, ECX bit 31: a hypervisor is present
        cpuid
        bt      $31, %ecx
        jc      present
        print   "no hypervisor\n"
        ret
present:
        mov     $0x40000000, %eax       # who it is, and its last leaf
        cpuid
        mov     %ebx, vendor(%rip)
        mov     %ecx, vendor + 4(%rip)
        mov     %edx, vendor + 8(%rip)
        mov     %rax, %rbp
        print   "hypervisor: "
        lea     vendor(%rip), %rsi
        call    put_text
        print   ", leaves to "
        print_hex %rbp
        mov     $0x40000001, %eax       # which interface it speaks: "Hv#1"
        cpuid
        mov     %eax, vendor(%rip)
        movb    $0, vendor + 4(%rip)
        print   "\ninterface: "
        lea     vendor(%rip), %rsi
        call    put_text

        mov     $0x40000003, %eax       # what this partition may do
        cpuid
        mov     %ebx, %ebp
        bt      $5, %eax                # AccessHypercallMsrs
        jc      1f
        print   "\nthe hypercall MSRs are not ours\n"
        ret
1:      print   "\nmay post messages: "
        bt      $4, %ebp
        call    put_yes_no
        print   "\nmay create partitions: "
        bt      $0, %ebp
        call    put_yes_no

        read_msr HV_X64_MSR_VP_INDEX
        mov     %rax, %rbp
        print   "\nthis is VP "
        print_hex %rbp

        # The page cannot be enabled before the guest has said who it is.
        lea     hypercall_page(%rip), %rax
        or      $1, %rax
        write_msr HV_X64_MSR_HYPERCALL
        read_msr HV_X64_MSR_HYPERCALL
        and     $1, %eax
        mov     %rax, %rbp
        print   "\nhypercall page enabled without an OS id: "
        print_hex %rbp
        mov     $0x8100000000000001, %rax # open source, version 1
        write_msr HV_X64_MSR_GUEST_OS_ID
        lea     hypercall_page(%rip), %rax
        or      $1, %rax
        write_msr HV_X64_MSR_HYPERCALL
        read_msr HV_X64_MSR_HYPERCALL
        and     $1, %eax
        mov     %rax, %rbp
        print   ", with one: "
        print_hex %rbp

        # RCX: the call code (and the fast bit, 16); RDX and R8: the parameters themselves.
        mov     $0x10008, %rcx          # HvCallNotifyLongSpinWait, fast: 8 bytes of input
        xor     %edx, %edx
        xor     %r8d, %r8d
        call    hypercall_page
        movzwl  %ax, %ebp
        print   "\nHvCallNotifyLongSpinWait: status "
        print_hex %rbp
        mov     $0x10fff, %rcx          # no such call
        call    hypercall_page
        movzwl  %ax, %ebp
        print   "\ncall code 0xfff: status "
        print_hex %rbp
        print   " (HV_STATUS_INVALID_HYPERCALL_CODE)\n"
        ret

# CF: what to say.
put_yes_no:
        jc      1f
        print   "no"
        ret
1:      print   "yes"
        ret
