/* Fuzz target: any text as CPU model, trace globs and dump list: refused with a sentence or
 * understood. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "partitions/vmms/vmms.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vmms_config config = { .child[0].kernel = "k", .child[0].memory_bytes = 16 << 20 };
    struct error error = { "" };
    char out[2048];

    if (size == 0) {
        return 0;
    }
    char *text = malloc(size);
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    if (data[0] & 1) {
        config.cpu = text;
    } else {
        config.dump = text;
    }
    int status = vmms_explain(&config, out, sizeof(out), &error);
    assert((status == 0) == (error.text[0] == '\0'));
    assert(strlen(status == 0 ? out : error.text) > 0);
    free(text);
    return 0;
}
