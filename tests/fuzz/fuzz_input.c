/* Fuzz target: any bytes as a record of outside input are refused with a sentence or read into ordered entries. */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "partitions/machine_input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct machine_input input;
    struct error error = { "" };
    uint64_t last_ns = 0;

    machine_input_init(&input);
    input.port_name[0] = "a";
    input.port_name[1] = "ab";
    if (machine_input_parse(&input, (const char *)data, size, &error) != 0) {
        assert(strlen(error.text) > 0 && !input.replay);
    } else {
        assert(input.replay);
        for (size_t i = 0; i < input.n_entries; i++) {
            const struct input_frame *frame = input.entry[i].frame;
            assert(input.entry[i].ns >= last_ns);
            assert(frame != NULL
                       ? frame->n >= 1 && frame->n <= MACHINE_INPUT_FRAME
                       : input.entry[i].n >= 1 && input.entry[i].n <= MACHINE_INPUT_ENTRY);
            last_ns = input.entry[i].ns;
        }
    }
    machine_input_fini(&input);
    return 0;
}
