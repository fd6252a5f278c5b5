/* cpu/dump.c: what --dump prints of a block. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/block.h"
#include "cpu/dump.h"
#include "cpu/exec/core.h"
#include "cpu/exec/model.h"
#include "tests/check/check_main.h"

enum { RAM_BYTES = 1 << 16, CODE = 0x1000, RIP = 0x40001000 };

/* The text of the block that starts with `code` in 64-bit mode. Freed by the caller. */
static char *dump_of(unsigned what, const uint8_t *code, size_t n)
{
    struct core *core = calloc(1, sizeof(*core));
    struct space space = { 0 };
    struct ram ram;
    char *text = NULL;
    size_t size = 0;
    struct cpu_dump dump = { .what = what, .out = open_memstream(&text, &size) };

    ck_assert_int_eq(ram_init(&ram, RAM_BYTES, NULL), 0);
    space.ram = &ram;
    core->mmu.space = &space;
    core->bits = 64;
    core->flat = true;
    core->ip_mask = UINT64_MAX;
    ram_write(&ram, CODE, code, n);
    struct block_cache *cache = block_cache_create(&ram, cpu_model_find(NULL));
    struct decode_mode mode = { .bits = 64, .flat = true };
    (void)block_make_room(cache);
    (void)block_mark_page(cache, CODE);
    struct block *block = block_build(cache, CODE, mode);
    ck_assert_ptr_nonnull(block);
    cpu_dump_block(&dump, core, block, RIP, NULL);
    (void)fclose(dump.out);
    block_cache_destroy(cache);
    ram_fini(&ram);
    free(core);
    return text;
}

/* add rax, rcx; mov edx, [rip+0x10]; cmp eax, ecx; jne +2; ret */
static const uint8_t code[] = { 0x48, 0x01, 0xc8, 0x8b, 0x15, 0x10, 0x00,
                                0x00, 0x00, 0x39, 0xc8, 0x75, 0x02, 0xc3 };

START_TEST(block_shows_address_bytes_and_executors)
{
    static const char *const lines[] = {
        "block 0x40001000 spa 0x1000 64-bit flat, 5 instructions, 14 bytes\n",
        "  +0000 arith   48 01 c8 ",
        " add rax, rcx ",
        "  +0003 move    8b 15 10 00 00 00 ",
        " mov edx, dword [0x40001019] ", /* relative to its own end, not the block's */
        "  +0009 arith+  39 c8 ",        /* one function with the jump */
        "  +000b branch  75 02 ",
        " jnz 0x4000100f",
    };
    char *text = dump_of(CPU_DUMP_BLOCK, code, sizeof(code));
    const char *at = text;

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        at = strstr(at, lines[i]);
        ck_assert_msg(at != NULL, "no \"%s\" behind the others in:\n%s", lines[i], text);
    }
    ck_assert_ptr_null(strstr(text, "insn "));
    free(text);
}
END_TEST

START_TEST(insn_shows_every_field)
{
    char *text = dump_of(CPU_DUMP_INSN, code, sizeof(code));

    ck_assert_ptr_nonnull(strstr(text, "insn 0x40001000 ADD length 3 opsize 8 adsize 8 flags "
                                       "rex.w gpr0:8 gpr1:8\n"));
    ck_assert_ptr_nonnull(strstr(text, "insn 0x40001003 MOV length 6 opsize 4 adsize 8 flags - "
                                       "gpr2:4 mem("));
    ck_assert_ptr_nonnull(strstr(text, " disp 0x10):4\n"));
    ck_assert_ptr_null(strstr(text, "block "));
    free(text);
}
END_TEST

START_TEST(too_long_instruction_is_shown)
{
    uint8_t prefixes[16];

    memset(prefixes, 0x66, sizeof(prefixes));
    char *text = dump_of(CPU_DUMP_BLOCK | CPU_DUMP_INSN, prefixes, sizeof(prefixes));
    ck_assert_ptr_nonnull(strstr(text, ", 1 instruction, 15 bytes\n"));
    ck_assert_ptr_nonnull(strstr(text, "insn 0x40001000 UD length 15 "));
    free(text);
}
END_TEST

static Suite *suite_dump(void)
{
    Suite *suite = suite_create("cpu/dump");
    TCase *tcase = tcase_create("text");

    tcase_add_test(tcase, block_shows_address_bytes_and_executors);
    tcase_add_test(tcase, insn_shows_every_field);
    tcase_add_test(tcase, too_long_instruction_is_shown);
    suite_add_tcase(suite, tcase);
    return suite;
}

CHECK_MAIN(suite_dump())
