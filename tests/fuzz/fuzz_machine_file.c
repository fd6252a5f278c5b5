/* Fuzz target: any bytes as a machine file: refused with a sentence, or understood; then what is printed of it gives the same. Bytes from 128 on
 * stand for words: each key of the table, sections, and what values are made of. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "frontend/cli/machine_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The text of a machine file that was understood, or NULL. */
static char *understand(const char *text, size_t n, struct error *error)
{
    struct options *options = calloc(1, sizeof(*options));
    char *copy = malloc(n + 1), *told = NULL;
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

/* What sections and values are made of. */
static const char *const words[] = {
    "\n[machine]\n",
    "\n[guest]\n",
    "\n[child a]\n",
    "\n[child b]\n",
    "\nkernel = k\n",
    "on",
    "off",
    "virtual",
    "realtime",
    "child",
    "root",
    "pc",
    "user",
    "none",
    "switch=s",
    ",name=n",
    ",mac=02:00:00:00:00:01",
    ",vlan=access 5",
    ",vlan=trunk 5-6,9 native 1",
    ",queues=2",
    ",hostfwd=tcp::2222-:22",
    ",restrict=on",
    ",ipv6=on",
    ",slot=3",
    ",spoof=off",
    "disk.vhdx",
    "disc.iso",
    ",overlay=o",
    ",snapshot=on",
    ",readonly=on",
    ",bus=ide",
    ",lun=1",
    "stdio",
    "file:f",
    "1G",
    "4",
    "7,9",
    "verdite64",
    ",+avx",
    ",-smep",
    "translator",
    "interpreter",
    ",eager",
    "lockstep",
    "unix:p",
    "nic0=f",
    "uplink=f",
    "continue",
    "insn,block",
    "-bmi2,-avx",
    "a.*b",
    " ; said",
    "\\;",
    "\n  more",
    "# no\n",
};

/* The text that the input stands for. */
static char *expand(const uint8_t *data, size_t size, size_t *n)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, n);

    for (size_t i = 0; i < size; i++) {
        unsigned word = data[i] < 128 ? 0 : data[i] - 128U;
        if (data[i] < 128) {
            (void)fputc(data[i], out);
        } else if (word < option_key_n) {
            (void)fprintf(out, "\n%s = ", option_keys[word].name);
        } else {
            (void)fputs(words[(word - option_key_n) % ARRAY_SIZE(words)], out);
        }
    }
    (void)fclose(out);
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error error = { "" };
    size_t n;
    char *text = expand(data, size, &n);
    char *first = understand(text, n, &error);

    if (first != NULL) {
        char *second = understand(first, strlen(first), &error);
        assert(second != NULL && strcmp(first, second) == 0);
        free(second);
        free(first);
    }
    free(text);
    return 0;
}
