/* Fuzz target: any bytes in any mode decode and print without harm; shorter views of them agree. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "cpu/decode/insn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* First byte: mode and flatness; the rest: code. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t bits[4] = { 16, 32, 64, 64 };
    struct insn whole, part;
    char text[128];

    if (size < 2) {
        return 0;
    }
    struct decode_mode mode = { bits[data[0] & 3], (data[0] & 4) != 0 };
    size_t available = size - 1 < INSN_MAX_LENGTH ? size - 1 : INSN_MAX_LENGTH;
    enum decode_status status = decode_insn(data + 1, available, mode, &whole);

    insn_print(&whole, 0x1000, text, sizeof(text));
    if (status == DECODE_OK) {
        assert(whole.length >= 1 && whole.length <= available && whole.op < OP_COUNT);
        assert(decode_insn(data + 1, whole.length, mode, &part) == DECODE_OK);
        assert(memcmp(&whole, &part, sizeof(whole)) == 0);
    } else {
        assert(status == DECODE_TOO_LONG || available < INSN_MAX_LENGTH);
    }
    return 0;
}
