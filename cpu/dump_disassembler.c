/* The disassembler's column of a dump, by Capstone where the build has it. [CAPSTONE capstone.h] */
#include "cpu/dump_disassembler.h"

#ifdef HAVE_CAPSTONE

#include <capstone.h>
#include <stdio.h>

void dump_disassemble(const uint8_t *bytes, size_t n, unsigned bits, uint64_t rip, char *text,
                      size_t size)
{
    cs_mode mode = bits == 64 ? CS_MODE_64 : bits == 32 ? CS_MODE_32 : CS_MODE_16;
    cs_insn *insn = NULL;
    csh handle;

    text[0] = '\0';
    if (cs_open(CS_ARCH_X86, mode, &handle) != CS_ERR_OK) {
        return;
    }
    size_t count = cs_disasm(handle, bytes, n, rip, 1, &insn);
    if (count > 0) {
        (void)snprintf(text, size, "%s %s", insn[0].mnemonic, insn[0].op_str);
        cs_free(insn, count);
    }
    (void)cs_close(&handle);
}

#else

void dump_disassemble(const uint8_t *bytes, size_t n, unsigned bits, uint64_t rip, char *text,
                      size_t size)
{
    (void)bytes;
    (void)n;
    (void)bits;
    (void)rip;
    (void)size;
    text[0] = '\0';
}

#endif
