/* The disassembler's column of a dump, by Capstone where the build has it. [CAPSTONE capstone.h] */
#include "cpu/dump_disassembler.h"

#ifdef HAVE_CAPSTONE

#include <capstone.h>
#include <stdio.h>

size_t dump_disassemble(const uint8_t *bytes, size_t n, unsigned bits, uint64_t rip, char *text,
                        size_t size)
{
    cs_mode mode = bits == 64 ? CS_MODE_64 : bits == 32 ? CS_MODE_32 : CS_MODE_16;
    cs_insn *insn = NULL;
    csh handle;

    text[0] = '\0';
    if (cs_open(CS_ARCH_X86, mode, &handle) != CS_ERR_OK) {
        return 0;
    }
    size_t length = 0, count = cs_disasm(handle, bytes, n, rip, 1, &insn);
    if (count > 0) {
        (void)snprintf(text, size, "%s %s", insn[0].mnemonic, insn[0].op_str);
        length = insn[0].size;
        cs_free(insn, count);
    }
    (void)cs_close(&handle);
    return length;
}

#else

size_t dump_disassemble(const uint8_t *bytes, size_t n, unsigned bits, uint64_t rip, char *text,
                        size_t size)
{
    (void)bytes;
    (void)n;
    (void)bits;
    (void)rip;
    (void)size;
    text[0] = '\0';
    return 0;
}

#endif
