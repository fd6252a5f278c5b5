/* One instruction of the environment (BITS=, BYTES=) through every decoder, and the text of large
 * programs.
 *
 * Programs: those below that exist. Data in the text segment is
 * still bytes that all decoders must read alike; a sweep goes on after each instruction.
 */
#include "tests/check/cpu/decode/compare.h"

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/check/check_main.h"

static void report(compare_fn *compare, const uint8_t *bytes, size_t available, unsigned bits)
{
    struct difference difference;
    char text[640];

    compare(bytes, available, bits, &difference);
    if (difference.text[0] != '\0') {
        difference_report(compare, bytes, available, bits, text, sizeof(text));
        ck_abort_msg("%s", text);
    }
}

START_TEST(bytes_of_the_environment_agree)
{
    const char *hex = getenv("BYTES");
    uint8_t bytes[15] = { 0x90 };
    size_t n = 0;
    unsigned bits = (unsigned)environment_number("BITS", 64);

    for (char *end; hex != NULL && n < sizeof(bytes); hex = end) {
        unsigned long value = strtoul(hex, &end, 16);
        if (end == hex) {
            break;
        }
        bytes[n++] = (uint8_t)value;
    }
    n = n != 0 ? n : 1;
    report(zydis_compare, bytes, n, bits);
    report(capstone_compare, bytes, n, bits);
}
END_TEST

static const char *const programs[] = { "/usr/bin/python3", "/bin/bash",
                                        "/usr/lib/x86_64-linux-gnu/libc.so.6",
                                        "/usr/lib/x86_64-linux-gnu/libcrypto.so.3" };

static uint8_t *file_read(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    long length;
    uint8_t *data = NULL;

    if (file == NULL) {
        return NULL;
    }
    if (fseek(file, 0, SEEK_END) == 0 && (length = ftell(file)) > 0 &&
        fseek(file, 0, SEEK_SET) == 0) {
        data = malloc((size_t)length);
        *size = data != NULL ? fread(data, 1, (size_t)length, file) : 0;
    }
    fclose(file);
    return data;
}

/* Offset and size of the executable segment; 0 when the file is no 64-bit x86 program. */
static size_t text_segment(const uint8_t *data, size_t size, size_t *offset)
{
    Elf64_Ehdr header;

    if (size < sizeof(header)) {
        return 0;
    }
    memcpy(&header, data, sizeof(header));
    if (memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_machine != EM_X86_64) {
        return 0;
    }
    for (unsigned i = 0; i < header.e_phnum; i++) {
        Elf64_Phdr segment;
        memcpy(&segment, data + header.e_phoff + i * sizeof(segment), sizeof(segment));
        if (segment.p_type == PT_LOAD && segment.p_flags & PF_X &&
            segment.p_offset + segment.p_filesz <= size) {
            *offset = segment.p_offset;
            return segment.p_filesz;
        }
    }
    return 0;
}

static void sweep(const uint8_t *text, size_t size)
{
    struct decode_mode mode = { 64, true };
    size_t limit = environment_number("N", 300000);

    for (size_t at = 0; at + 15 <= size && limit-- > 0;) {
        struct insn insn;

        report(zydis_compare, text + at, 15, 64);
        if (limit % 8 == 0) {
            report(capstone_compare, text + at, 15, 64);
        }
        decode_insn(text + at, 15, mode, &insn);
        at += insn.op == OP_UD ? 1 : insn.length;
    }
}

START_TEST(programs_decode_alike)
{
    const char *path = programs[_i];
    size_t size = 0, offset = 0;
    uint8_t *data = file_read(path, &size);

    if (data == NULL) {
        return; /* not on this host */
    }
    size_t length = text_segment(data, size, &offset);
    sweep(data + offset, length);
    free(data);
}
END_TEST

static Suite *suite_bytes(void)
{
    Suite *suite = suite_create("cpu/decode bytes");
    TCase *tcase = tcase_create("bytes");

    tcase_set_timeout(tcase, 3600);
    tcase_add_test(tcase, bytes_of_the_environment_agree);
    tcase_add_loop_test(tcase, programs_decode_alike, 0, sizeof(programs) / sizeof(programs[0]));
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(suite_bytes())
