/* Fuzz target: any bytes as a machine file: refused with a sentence, or understood; then what is printed of it gives the same. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "frontend/cli/machine_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The text of a machine file that was understood, or NULL. */
static char *understand(const char *text, size_t n, struct error *error)
{
    struct options *options = calloc(1, sizeof(*options));
    char *copy = malloc(n), *told = NULL;
    size_t length = 0;

    memcpy(copy, text, n);
    options->file = "m";
    options->hypervisor = -1;
    int status = machine_file_parse(options, copy, n, error);
    free(copy);
    if (status == 0) {
        status = options_settle(options, vmms_cpu_model_name, error);
    }
    if (status == 0) {
        FILE *out = open_memstream(&told, &length);
        status = machine_file_print(options, out, error);
        (void)fclose(out);
    }
    assert((status == 0) == (error->text[0] == '\0'));
    if (status != 0) {
        free(told);
        told = NULL;
    }
    options_fini(options);
    free(options);
    return told;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error error = { "" };
    char *first = understand((const char *)data, size, &error);

    if (first != NULL) {
        char *second = understand(first, strlen(first), &error);
        assert(second != NULL && strcmp(first, second) == 0);
        free(second);
        free(first);
    }
    return 0;
}
