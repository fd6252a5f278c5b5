/* Other decoders' opinion of the same bytes: Zydis and Capstone. */
#ifndef TESTS_CHECK_CPU_DECODE_COMPARE_H
#define TESTS_CHECK_CPU_DECODE_COMPARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cpu/decode/insn.h"

enum { DIFFERENCE_TEXT = 256 };

/* What one decoder says against ours; text is empty when they agree or the difference is an
 * accepted one. */
struct difference {
    char text[DIFFERENCE_TEXT];
    const char *accepted; /* the class of an accepted difference, or NULL */
};

/* Compare the instruction at bytes. `available`: 1..15. A decoder that is not built in always
 * agrees. */
void zydis_compare(const uint8_t *bytes, size_t available, unsigned bits,
                   struct difference *difference);
void capstone_compare(const uint8_t *bytes, size_t available, unsigned bits,
                      struct difference *difference);
bool zydis_built_in(void);
bool capstone_built_in(void);

/* The mnemonic alone of our text: "lock add dword ..." -> "add", "jmp far ..." -> "jmp far". */
void insn_mnemonic(const struct insn *insn, char *text, size_t size);

/* A name of another decoder in our spelling. */
const char *mnemonic_alias(const char *name);

/* Arithmetic flags and DF that Zydis says the instruction reads, writes (undefined ones too), leaves undefined.
 * False when Zydis does not know it or is not built in. */
bool zydis_flags(const uint8_t *bytes, unsigned bits, uint64_t *reads, uint64_t *writes,
                 uint64_t *undefined);

typedef void compare_fn(const uint8_t *bytes, size_t available, unsigned bits,
                        struct difference *difference);

/* A failure for people: bytes cut down while the comparison still fails, both opinions, the command
 * that repeats it. */
void difference_report(compare_fn *compare, const uint8_t *bytes, size_t available, unsigned bits,
                       char *text, size_t size);

/* xorshift64* with a seed; never zero. */
uint64_t random_next(uint64_t *state);
/* 15 bytes: prefixes and escapes likelier than chance has them. */
void random_bytes(uint64_t *state, uint8_t bytes[15]);
/* N= and SEED= of the environment. */
uint64_t environment_number(const char *name, uint64_t otherwise);

#endif
