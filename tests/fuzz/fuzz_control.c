/* Fuzz target: any bytes on a control connection: lines, and what they ask. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "frontend/monitor/control.h"
#include "frontend/monitor/control_verbs.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct control_reader reader;
    struct control_request request;
    char error[256];
    bool ok;

    memset(&reader, 0, sizeof(reader));
    for (size_t i = 0; i < size; i++) {
        if (control_reader_byte(&reader, data[i]) != CONTROL_INPUT_LINE) {
            continue;
        }
        if (control_parse(&request, reader.bytes, error, sizeof(error)) &&
            (control_verb(request.verb) == NULL || request.n > CONTROL_ARGUMENTS)) {
            abort();
        }
        free(control_text(reader.bytes, false, &ok)); /* the client's side meets answers as bad */
    }
    return 0;
}
